/* For tests: the real programs, model daemon and gateway, in a throw-away project root on free
 * ports, and requests to them. One stack at a time; one thread.
 *
 * Bodies and expected answers are written with ' for ". An expected answer is JSON in which these
 * texts stand for any value of a kind:
 *
 *     <any>  <str>  <int>  <num>  <bool>  <list>  <obj>     with ? at the end (<str?>): or null
 *     <text>  a text that is not empty      <task>  32 lower-case hex digits
 *     <when>  2026-06-30 14:03:22           <clock> 14:03:22
 *     <has:x> a text that contains x, in any case
 *
 * Keys must come in the order shown and no others may be there; a member "...":0 at the end of an
 * object allows for more keys, in any order. Whole numbers and fractions differ: 1 is not 1.0. */
#ifndef ID4_TESTS_STACK_H
#define ID4_TESTS_STACK_H

#include "eventually.h"
#include "folder.h"
#include "http_raw.h"

#include "http/client.h"

#include <sys/types.h>

typedef enum who { GATEWAY, DAEMON, PAGE } who;

typedef struct stack_program {
    pid_t pid; /* 0: not running */
    int port;  /* of its first start; later starts use it again */
} stack_program;

typedef struct stack {
    folder folder; /* absolute path: root of the project; output, spool, loras inside */
    char *set[64]; /* owned "NAME=value", for programs started from now on */
    int page_port; /* 0: none */
    int guard;     /* pipe to the process that outlives us to end what we started */
    pid_t guard_pid;
    char model[1024]; /* temporary folder of the golden model, or "" */
    stack_program daemon, gateway;
    i4_http_client *client;
    json_t *answers; /* all of them, kept until the end */
} stack;

/* Makes the root; nothing runs yet. The model is the demo model. */
void stack_begin(stack *s, const char *test);
/* Stops what runs, which must end with 0, and removes the root. */
void stack_end(stack *s);

/* The variable IDEOGRAM4_<name> of programs started later; NULL: unset. */
void stack_set(stack *s, const char *name, const char *value);
void stack_use_page(stack *s);
/* The tiny golden model instead, and its LoRA as good.safetensors and other.safetensors beside
 * bad.safetensors. Its pictures show nothing, but it knows LoRA. */
void stack_use_lora_model(stack *s);
/* Tables of the original, a part of data/original_schema.sql, as the database. */
void stack_use_database(stack *s, const char *part);

/* Start and wait until the port answers. */
void stack_start(stack *s); /* both */
void stack_start_daemon(stack *s);
void stack_start_gateway(stack *s); /* its daemon need not run */
/* SIGTERM; the exit code. */
int stack_stop_daemon(stack *s);
int stack_stop_gateway(stack *s);
/* SIGKILL */
void stack_kill_daemon(stack *s);
void stack_kill_gateway(stack *s);
/* Runs a program (a variable: "IDEOGRAM4D") with these arguments to its end; what it said on both
 * streams (owned, free) and its exit code. arguments: NULL-terminated, or NULL. */
int stack_run(stack *s, const char *variable, const char *const *arguments, char **said);
/* The same without waiting. */
pid_t stack_spawn(stack *s, const char *variable, const char *const *arguments, const char *log);
int stack_wait(stack *s, pid_t pid);

int stack_port(const stack *s, who where);

/* One exchange; the answer as JSON (borrowed until the end; NULL: none). body NULL: none. */
json_t *ask(stack *s, who where, const char *method, const char *path, const char *body,
            int *status);
/* The same with this status and answer; fails the test otherwise. answer NULL: not looked at. */
json_t *say(stack *s, who where, const char *method, const char *path, const char *body, int status,
            const char *answer);
json_t *sayf(stack *s, who where, const char *method, int status, const char *answer,
             const char *path, ...) I4_PRINTF(6, 7);
/* Without interpretation; free with i4_answer_free. */
i4_answer fetch(stack *s, who where, const char *path);
bool answer_fits(const json_t *got, const char *expected, char *why, size_t size);
/* Looks until the answer to GET path fits, for a minute at most; that answer. */
json_t *await(stack *s, who where, const char *path, const char *expected);

/* text of a member, "" if it is none; number, INT64_MIN if it is none */
const char *text_at(const json_t *object, const char *key);
int64_t number_at(const json_t *object, const char *key);

/* The database, through a connection of our own. */
void stack_sql(stack *s, const char *text);
/* Columns joined by '|', rows by ';', null as '-'; valid until the fourth call after. */
const char *stack_rows(stack *s, const char *text);
void stack_file(stack *s, const char *name, const char *text); /* "output/a.png" */
bool stack_has_file(stack *s, const char *name);
int stack_file_count(stack *s, const char *name, const char *suffix);

/* Loads the model and waits for it. */
void stack_load(stack *s);
/* A small drawing over the gateway; its id, valid until the fourth call after. */
const char *stack_draw(stack *s, const char *hld);
/* A drawing that goes on for long, over the daemon: to be cancelled. */
const char *stack_draw_long(stack *s);
void stack_cancel(stack *s, const char *task);
void stack_pause(int milliseconds);

/* Looks up to a minute for a condition to come true, be it for a moment only. */
#define EVENTUALLY(condition) EVENTUALLY_IN(12000, 5, condition)

#endif
