/* Floor 6, private to the gateway. Statements of the durable queue (docs/api.md 1): table `jobs`,
 * and `queue` with the one row that says whether it is paused.
 *
 * Every function is one transaction and may be called from any thread. Of a job's states only
 * `pending` and `running` lead anywhere; no function leads out of the others but
 * i4_db_restore_jobs, so a job ends once whoever ends it. */
#ifndef I4_GATEWAY_DB_QUEUE_H
#define I4_GATEWAY_DB_QUEUE_H

#include "gateway/db/db.h"

/* How far the daemon is known to have a job's task. */
typedef enum i4_job_reach {
    I4_JOB_NOT_SENT, /* the daemon does not have it */
    I4_JOB_SENT,     /* it may have it */
    I4_JOB_ACCEPTED  /* it said so */
} i4_job_reach;

/* Texts borrowed; NULL and -1 are null. */
typedef struct i4_db_job {
    const char *client_id, *batch, *origin;
    const char *caption, *hld, *form_json, *loras_json, *preset, *format;
    const char *task_id; /* not NULL: the daemon has it, it is running */
    bool is_text;        /* the caption was sent as a text */
    bool is_form_made;   /* form_json was made here, from the caption */
    bool is_joined;      /* prompt_id has its form already: pictures are only linked */
    bool until_picture;  /* the rest of the batch goes once one has a picture */
    bool begins_item;    /* the first of an item: a known client_id skips up to the next */
    int64_t width, height, seed, prompt_id, retry_of;
} i4_db_job;

typedef enum i4_db_place {
    I4_PLACE_KEEP,
    I4_PLACE_NEXT,
    I4_PLACE_END,
    I4_PLACE_BEFORE,
    I4_PLACE_AFTER
} i4_db_place;

/* All or none. *ids: of the jobs, those that were there already included. NONE: more than `limit`
 * would be pending; *pending are. */
i4_db_result i4_db_add_jobs(i4_db *db, const i4_db_job *jobs, size_t count, bool next,
                            int64_t limit, json_t **ids, int64_t *pending, i4_err *err);
/* Changes a pending job (job NULL: its content stays) and its place (anchor: for BEFORE and AFTER).
 * NONE: it, or the anchor (*is_anchor), is not pending. */
i4_db_result i4_db_change_job(i4_db *db, int64_t id, const i4_db_job *job, i4_db_place place,
                              int64_t anchor, bool *is_anchor, i4_err *err);

/* --- reading ------------------------------------------------------------------------------- */

/* docs/api.md 1.1 up to `seconds`; cancelling a number, loras a text. */
i4_db_result i4_db_job_row(i4_db *db, int64_t id, json_t **row, i4_err *err);
/* What it is made of. */
i4_db_result i4_db_job_content(i4_db *db, int64_t id, json_t **row, i4_err *err);
/* All three at one moment. */
i4_db_result i4_db_job_lists(i4_db *db, json_t **running, json_t **pending, json_t **finished,
                             i4_err *err);
/* Ids of running and of pending ones, in order. */
i4_db_result i4_db_job_ids(i4_db *db, json_t **running, json_t **pending, i4_err *err);
i4_db_result i4_db_batch_ids(i4_db *db, const char *batch, json_t **ids, i4_err *err);
i4_db_result i4_db_paused(i4_db *db, bool *paused, i4_err *err);
i4_db_result i4_db_pause(i4_db *db, bool paused, i4_err *err);

/* --- by hand ------------------------------------------------------------------------------- */

/* Pending: cancelled; running: to be cancelled; else no longer listed. *row: id and state now. */
i4_db_result i4_db_drop_job(i4_db *db, int64_t id, json_t **row, i4_err *err);
/* The same for all running, all pending, or both. *ids: those. */
i4_db_result i4_db_drop_jobs(i4_db *db, bool running, bool pending, json_t **ids, i4_err *err);
/* Cancelled ones that never ran are pending again. *restored: ids. NONE: beyond the limit. */
i4_db_result i4_db_restore_jobs(i4_db *db, const json_t *ids, int64_t limit, json_t **restored,
                                int64_t *pending, i4_err *err);
/* Ended jobs are no longer listed. */
i4_db_result i4_db_hide_jobs(i4_db *db, int64_t *removed, i4_err *err);
/* Forgets what ended long ago. */
i4_db_result i4_db_prune_jobs(i4_db *db, i4_err *err);

/* --- running (finish.c) -------------------------------------------------------------------- */

/* What is to be worked on now: a running job of the queue, else (unless only_running) the first
 * pending. NONE: nothing. */
i4_db_result i4_db_work(i4_db *db, bool only_running, json_t **row, i4_err *err);
/* Running jobs of old clients. */
i4_db_result i4_db_direct_work(i4_db *db, json_t **rows, i4_err *err);
/* Pending becomes running; it gets this task id unless it has one. NONE: it is not pending. */
i4_db_result i4_db_begin_job(i4_db *db, int64_t id, const char *task_id, i4_err *err);
/* Running becomes pending: something passing keeps it from running. */
i4_db_result i4_db_put_job_back(i4_db *db, int64_t id, i4_err *err);
i4_db_result i4_db_reach_job(i4_db *db, int64_t id, i4_job_reach reach, const char *task_id,
                             i4_err *err);
/* The daemon lost it: it is to be sent again. */
i4_db_result i4_db_send_job_again(i4_db *db, int64_t id, bool counts, i4_err *err);
/* Ends a running job without a picture; error NULL: cancelled. NONE: it ended already. */
i4_db_result i4_db_end_job(i4_db *db, int64_t id, const char *error, i4_err *err);
/* Ends the job of this task with a picture that has its row already, as i4_db_add_image does. */
i4_db_result i4_db_end_job_with(i4_db *db, const i4_new_image *image, int64_t image_id,
                                i4_err *err);

#endif
