/* cli_daemon.h: talking to the model daemon. Everything that takes time there is waited for here,
 * with its progress shown. Functions that return int give an exit code, after saying why if it is
 * not CLI_OK. */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include "cli_args.h"

#include "http/client.h"

#include <jansson.h>

typedef struct daemon_talk {
    char *url;            /* owned; no slash at the end */
    char *token;          /* owned; NULL: none is needed */
    double patience;      /* seconds for work that the daemon does before it answers */
    i4_http_client *http; /* owned */
} daemon_talk;

/* The address of this command line and environment. */
int daemon_open(daemon_talk *talk, const cli_args *args);
void daemon_close(daemon_talk *talk); /* fine with {0} */

/* Whether somebody answers /health; if not, why. */
bool daemon_is_there(daemon_talk *talk, i4_err *err);

/* One call; body (taken) may be NULL. The answer's object, or NULL after saying why. */
json_t *daemon_get(daemon_talk *talk, const char *path);
json_t *daemon_post(daemon_talk *talk, const char *path, json_t *body);
/* Any call without a body, bytes back; free the answer always. 0 after saying why. */
int daemon_bytes(daemon_talk *talk, const char *method, const char *path, double seconds,
                 i4_answer *answer);
/* A call whose outcome does not matter. */
void daemon_tell(daemon_talk *talk, const char *method, const char *path);

/* Makes sure that the model is loaded. *status: of the loaded model, owned. */
int daemon_load(daemon_talk *talk, json_t **status);
/* A LoRA operation, begun by a POST of body (taken; may be NULL) to path, until it is done.
 * *result, if wanted: owned. */
int daemon_lora(daemon_talk *talk, const char *path, json_t *body, json_t **result);

/* How long to wait between two looks: short at first, a second in the end. */
typedef struct daemon_pace {
    double seconds;
} daemon_pace;
/* Waits. 0 when the program was asked to stop. */
int daemon_wait(daemon_pace *pace);

/* How far a task is, 0 to 1. */
double daemon_fraction(const json_t *task);

/* A text of an object; "" if there is none. Borrowed. */
const char *json_text(const json_t *object, const char *key);

#endif
