/* Floor 6, private to this folder. What the parts of the dispatcher share; all of it runs on its
 * thread. `work` is a row of i4_db_work. What returns int says how many milliseconds to sleep. */
#ifndef I4_GATEWAY_QUEUE_DISPATCH_H
#define I4_GATEWAY_QUEUE_DISPATCH_H

#include "gateway/queue/inside.h"

enum {
    I4_POLL_MS = 100,   /* while a job is drawn */
    I4_LOAD_MS = 250,   /* while the model is loaded */
    I4_AGAIN_MS = 1000, /* while the daemon is away or busy */
    I4_STORE_MS = 2000, /* while a picture cannot be stored */
    I4_DIRECT_MS = 200, /* while an old client's task is drawn */
    I4_IDLE_MS = 60000  /* nothing to do: a byte in the pipe wakes */
};

/* --- ends.c -------------------------------------------------------------------------------- */

int64_t i4_work_int(const json_t *work, const char *key);
const char *i4_work_text(const json_t *work, const char *key); /* "" if there is none */
bool i4_work_pending(const json_t *work);
bool i4_dispatch_running(i4_queue *queue);
/* Says why nothing runs, when that is news. */
void i4_dispatch_block(i4_queue *queue, const char *code, const char *reason);
void i4_dispatch_unblock(i4_queue *queue);
/* The object that the daemon answered, NULL if it gave none; *status 0: it cannot be reached. */
json_t *i4_dispatch_call(i4_queue *queue, const char *method, const char *path, json_t *body,
                         int *status, i4_err *err);
/* The sentence of a refusal. */
void i4_dispatch_sentence(const json_t *answer, int status, i4_err *out);
void i4_dispatch_log(const char *what, int64_t id, const i4_err *err);
/* Ends a running job; error NULL: cancelled. False when the database refuses: try again. */
bool i4_dispatch_end(i4_queue *queue, const json_t *work, const char *error);
/* The picture has its row (NULL: it was deleted). */
bool i4_dispatch_end_with(i4_queue *queue, const json_t *work, const json_t *status,
                          const json_t *image);

/* Tells of a job that ended (a row of i4_db_work or of i4_db_job_content), and of those that its
 * picture made needless. */
void i4_dispatch_say_ended(i4_queue *queue, const json_t *work);
/* What a finished drawing says about the speed of this machine. */
void i4_dispatch_learn(i4_queue *queue, const json_t *work, const json_t *status);

/* --- send.c -------------------------------------------------------------------------------- */

/* The first job is not at the daemon: it is sent as soon as the daemon can draw it. */
int i4_dispatch_prepare(i4_queue *queue, const json_t *work);
/* The daemon has it: answer has the task_id. */
int i4_dispatch_accepted(i4_queue *queue, const json_t *work, const json_t *answer);

/* --- follow.c ------------------------------------------------------------------------------ */

/* A job that the daemon has, or may have. */
int i4_dispatch_follow(i4_queue *queue, const json_t *work);
/* Jobs that ended without this thread: whoever asks for a picture's status may store it first. */
void i4_dispatch_notice_ends(i4_queue *queue);

#endif
