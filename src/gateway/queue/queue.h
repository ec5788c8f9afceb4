/* Floor 6, private to the gateway. The durable queue (docs/api.md 1): jobs in the database, and one
 * thread that gives them to the daemon one after the other, follows them, and ends each once. */
#ifndef I4_GATEWAY_QUEUE_H
#define I4_GATEWAY_QUEUE_H

#include "gateway/gateway.h"

i4_queue *i4_queue_start(i4_gateway *gateway, i4_err *err);
/* From here on nothing waits: i4_queue_wait returns at once. */
void i4_queue_begin_stop(i4_queue *queue);
void i4_queue_stop(i4_queue *queue);
/* Grows with every change of the queue, over restarts too. */
int64_t i4_queue_revision(i4_queue *queue);

/* What is to be drawn, checked already. Texts borrowed. */
typedef struct i4_new_job {
    const char *client_id, *origin;                /* client_id NULL: none */
    const char *caption;                           /* JSON text of an object, or a plain prompt */
    const char *hld, *preset, *format, *form_json; /* form_json NULL: made from the caption */
    const char *loras_json;                        /* NULL: null */
    int64_t width, height, seed, prompt_id;        /* prompt_id -1: none */
    int repeat;   /* below 1: 1. The first gets the seed, others random ones; seed -1: random */
    bool is_text; /* the caption is a text even if it is that of an object */
} i4_new_job;

typedef enum i4_queue_result {
    I4_QUEUE_OK,
    I4_QUEUE_FULL,  /* nothing was added; *pending says how many wait */
    I4_QUEUE_FAILED /* err */
} i4_queue_result;

/* All or none. *rows: the jobs (docs/api.md 1.1), those that were there already included. */
i4_queue_result i4_queue_add(i4_queue *queue, const i4_new_job *jobs, size_t count, bool next,
                             json_t **rows, int64_t *pending, i4_err *err);
/* The job as it is now (new reference), NULL if there is none. */
json_t *i4_queue_job(i4_queue *queue, int64_t id);
/* Cancels or removes from the list: DELETE /api/queue/{id}. */
bool i4_queue_cancel(i4_queue *queue, int64_t id);
/* Waits until anything about any job changed since *seen (begin with 0), at most `seconds`; false
 * when the time is over or the gateway is stopping. */
bool i4_queue_wait(i4_queue *queue, uint64_t *seen, double seconds);
/* Relays the preview of a job from the daemon: false when there is none. step -1: the newest. */
bool i4_queue_preview(i4_queue *queue, int64_t id, int step, i4_answer *answer);

/* A task of an old client that the daemon accepted: one more job, followed like the others.
 * order: the body that was sent. */
void i4_queue_direct(i4_queue *queue, const char *task_id, const json_t *order);

#endif
