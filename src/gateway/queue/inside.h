/* Floor 6, private to this folder. What the parts of the queue share.
 *
 * The database holds every job; memory only what changes by the second (i4_live) and why nothing
 * runs. Whoever changes jobs says so (i4_say_jobs) and wakes the dispatcher. */
#ifndef I4_GATEWAY_QUEUE_INSIDE_H
#define I4_GATEWAY_QUEUE_INSIDE_H

#include "gateway/db/queue.h"
#include "gateway/events/estimate.h"
#include "gateway/queue/queue.h"
#include "gateway/tasks/tasks.h"

#include <pthread.h>
#include <stdatomic.h>

enum { I4_LIVE_MAX = 8, I4_PHASE_BYTES = 16, I4_CODE_BYTES = 24 };

/* Progress of a running job. */
typedef struct i4_live {
    int64_t id;
    char phase[I4_PHASE_BYTES];
    int step, steps, preview_step;
    double fraction, began; /* monotonic */
    bool has_eta;
    double eta;
    i4_eta before;              /* these three are the dispatcher's alone */
    double said_at, cancel_due; /* monotonic */
    double said_fraction;
} i4_live;

struct i4_queue {
    i4_gateway *gateway; /* borrowed */
    int wake[2];         /* pipe: read by the dispatcher */
    pthread_t thread;
    bool has_thread;
    atomic_bool stopping, hurry; /* relaxed; hurry: look again at once at what blocks */

    pthread_mutex_t
        say; /* held while a state is read and said, so that the last said is the last */
    pthread_mutex_t mutex;  /* guards the fields below */
    pthread_cond_t changed; /* changes grew, or stopping */
    uint64_t changes;
    int64_t revision;
    i4_live live[I4_LIVE_MAX];
    size_t live_count;
    char code[I4_CODE_BYTES]; /* why nothing runs, "" nothing */
    char reason[sizeof((i4_err){0}).text];

    /* of the dispatcher alone */
    double retry_at;   /* monotonic: the first pending is not looked at before */
    double busy_since; /* monotonic; 0: the daemon is not busy */
    bool asked_to_load;
};

/* --- queue.c ------------------------------------------------------------------------------- */

void i4_queue_wake(i4_queue *queue);
/* After changes of these jobs (list of ids, or one) or of the order: the revision grows, listeners
 * hear of it. */
void i4_say_jobs(i4_queue *queue, const json_t *ids);
void i4_say_job(i4_queue *queue, int64_t id);
/* Only progress: no new revision. */
void i4_say_progress(i4_queue *queue, int64_t id);
/* null, or {"code", "error"}; null too when nothing waits. */
json_t *i4_queue_blocked(i4_queue *queue, bool has_work);
/* Adds and says so. */
i4_queue_result i4_queue_insert(i4_queue *queue, const i4_db_job *jobs, size_t count, bool next,
                                json_t **rows, int64_t *pending, i4_err *err);

/* --- job.c --------------------------------------------------------------------------------- */

/* A row of the database as clients see it; takes and gives the reference. */
json_t *i4_job_json(i4_queue *queue, json_t *row);
/* The caption as it was sent. */
json_t *i4_job_caption(const json_t *content);
/* Seconds until all of them are done, or null. */
json_t *i4_jobs_eta(i4_queue *queue, const json_t *running, const json_t *pending);
/* Jobs for the database out of new ones, with what they own. */
typedef struct i4_made_job {
    char batch[I4_TASK_ID_BYTES];
    char *hld, *form_json; /* owned */
} i4_made_job;
typedef struct i4_job_list {
    i4_db_job *job; /* owned */
    i4_made_job *made;
    size_t count;
} i4_job_list;
bool i4_job_list_make(i4_job_list *list, const i4_new_job *jobs, size_t count, i4_err *err);
void i4_job_list_free(i4_job_list *list);
int64_t i4_random_seed(void);

/* --- form.c -------------------------------------------------------------------------------- */

/* The editor's form of a job, as history entries have it, and its description: what the job says,
 * or what the caption does. Owned texts; false: no memory. */
bool i4_form_make(const i4_new_job *job, int64_t seed, char **form_json, char **hld);

/* --- items.c ------------------------------------------------------------------------------- */

/* Checks an item (body of c) and fills *out with borrowed texts; owned: what they borrow from, to
 * be freed with json_decref. */
bool i4_item_read(i4_check *c, const i4_settings *settings, i4_new_job *out, json_t **owned);

/* --- routes.c, change.c -------------------------------------------------------------------- */

void i4_queue_reply_failed(i4_http_reply *reply, const i4_err *err);
void i4_queue_reply_unknown(i4_http_reply *reply);
/* What i4_queue_add and i4_queue_insert said. */
void i4_queue_reply_added(i4_queue *queue, i4_http_reply *reply, i4_queue_result result,
                          json_t *rows, int64_t pending, const i4_err *err);
void i4_queue_change(i4_http_request *request, i4_http_reply *reply, void *user);
void i4_queue_retry(i4_http_request *request, i4_http_reply *reply, void *user);

/* --- dispatch.c ---------------------------------------------------------------------------- */

void *i4_queue_dispatch(void *queue);

/* --- live.c -------------------------------------------------------------------------------- */

/* phase NULL: as it is, "waiting" at first. age: seconds since it began, when it is not known yet.
 */
void i4_live_begin(i4_queue *queue, int64_t id, double age, const char *phase);
void i4_live_end(i4_queue *queue, int64_t id);
bool i4_live_get(i4_queue *queue, int64_t id, i4_live *out);
/* Takes what the daemon says about a running job and says what is news. */
void i4_live_note(i4_queue *queue, const json_t *work, const json_t *status);

#endif
