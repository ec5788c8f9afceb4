/* Floor 6, private to the daemon. What handler threads and the worker share: tasks, the worker's
 * queue, the generation and the LoRA slot, the model as it is reported, the LoRA stack. All of it
 * is guarded by one mutex; functions here expect it to be held unless they say otherwise.
 * Contract: docs/http-api.md 5. */
#ifndef I4_DAEMON_JOBS_H
#define I4_DAEMON_JOBS_H

#include "base/status.h"
#include "daemon/detail.h"
#include "daemon/idle.h"
#include "daemon/preview.h"
#include "daemon/spool.h"
#include "daemon/stack.h"

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>

typedef enum i4_job_kind { I4_JOB_DRAW, I4_JOB_LORA, I4_JOB_DOWNLOAD } i4_job_kind;

/* What a job is to do. Owned by the job until it is done; read by the worker without the mutex,
 * because nothing changes it. */
typedef struct i4_order {
    /* drawing */
    char task_id[I4_TASK_ID_BYTES]; /* asked for; "": any */
    char *caption;                  /* JSON text or plain prompt */
    char *hld;                      /* high_level_description, "" if there is none */
    char *preset;                   /* as it was sent */
    int width, height;
    int64_t seed, prompt_id;
    bool has_prompt;
    i4_picture_format format;
    int quality; /* 0: the default of the format */
    /* drawing with a stack of its own, and LoRA operations; NULL: none, or remove */
    json_t *loras;
} i4_order;

void i4_order_free(i4_order *order);

typedef enum i4_step {
    I4_STEP_QUEUED,  /* accepted; the worker has not begun it */
    I4_STEP_WORKING, /* on the worker */
    I4_STEP_DONE
} i4_step;

typedef struct i4_job {
    struct i4_job *next_in_bucket, *older, *newer;
    char id[I4_TASK_ID_BYTES];
    i4_job_kind kind;
    i4_step step;
    bool is_held;      /* the worker still has a pointer to it */
    bool is_cancelled; /* cancellation was requested */
    int progress, total_steps;
    const char *phase; /* constant text */
    i4_detail detail;  /* drawings */
    char msg[200];
    char *error;                  /* owned; NULL: none */
    json_t *result;               /* owned; LoRA operations; NULL: none */
    i4_order *order;              /* owned; NULL once done */
    double queued_at, kept_since; /* monotonic; retention counts from the latter */
    /* the finished picture in the spool */
    bool has_picture;
    bool is_taken;   /* stored elsewhere, and its taker said so */
    bool is_fetched; /* somebody was given it: nobody else needs to ask for it */
    i4_picture_format format;
    uint64_t picture_bytes;
} i4_job;

/* What the worker does; its names are those of docs/http-api.md 5.1. */
typedef enum i4_work {
    I4_WORK_LOAD,
    I4_WORK_UNLOAD,
    I4_WORK_DRAW,
    I4_WORK_LORA,
    I4_WORK_UNLORA
} i4_work;

typedef struct i4_item {
    i4_work work;
    i4_job *job;   /* borrowed; NULL for load and unload */
    double since;  /* monotonic: queued, then begun */
    uint64_t turn; /* running number of the queue */
} i4_item;

enum {
    I4_QUEUE_ITEMS = 8, /* one drawing, one LoRA operation, one load, one unload, and spare */
    I4_JOB_BUCKETS = 1024
};

typedef enum i4_model_state { I4_MODEL_IDLE, I4_MODEL_LOADING, I4_MODEL_LOADED } i4_model_state;

typedef struct i4_table {
    pthread_mutex_t mutex;
    pthread_cond_t work;    /* the queue got an item, or is_stopping; the worker waits */
    pthread_cond_t settled; /* turn_done grew, or is_stopping; callers of unload wait */

    /* everything below: mutex */
    bool is_stopping;
    i4_job *bucket[I4_JOB_BUCKETS];
    i4_job *oldest, *newest;
    size_t job_count;
    uint64_t picture_bytes; /* of all finished pictures */
    double purge_at;        /* not before */

    i4_item queue[I4_QUEUE_ITEMS];
    size_t queue_first, queue_count;
    uint64_t turn, turn_done;
    bool is_working; /* `current` is with the worker … */
    bool is_storing; /* … which only encodes a picture or tidies up: the pipeline counts as free */
    i4_item current;
    i4_job *draw_slot, *lora_slot; /* NULL: free */

    i4_model_state model_state;
    char model_msg[512];
    char load_error[512]; /* why the last load failed, "" after a success */
    uint64_t model_bytes; /* that a picture of the default size needs, 0: unknown */
    i4_idle idle;
    i4_previews previews;
    char model_path[4096]; /* resolved root, else what is configured, else "" */
    char backend[32];
    int quantization_bits; /* 0: unknown, or none */
    i4_stack stack;        /* what is applied, or will be at the next load */

    i4_spool *spool; /* borrowed */
    /* retention; set once before threads exist */
    double keep_seconds, picture_seconds;
    uint64_t picture_limit; /* bytes */
    size_t job_limit;
    double preview_seconds; /* pause between two previews; set before a model is loaded */
} i4_table;

bool i4_table_init(i4_table *t, i4_spool *spool, i4_err *err);
void i4_table_free(i4_table *t); /* not held; no other thread left */
void i4_table_lock(i4_table *t);
void i4_table_unlock(i4_table *t);

/* --- jobs ---------------------------------------------------------------------------------- */

/* A new job, queued, under the id that its order asks for (which no job has) or a random one; takes
 * the order. NULL when there is no memory (the order is freed then too). */
i4_job *i4_job_new(i4_table *t, i4_job_kind kind, i4_order *order, double now);
/* The finished picture of an earlier run, `age` seconds old. */
bool i4_job_restore(i4_table *t, const i4_spooled *picture, double age, double now);
i4_job *i4_job_find(i4_table *t, i4_job_kind kind, const char *id);
i4_job *i4_job_named(i4_table *t, const char *id); /* of any kind */

void i4_job_say(i4_job *job, const char *format, ...) I4_PRINTF(2, 3);
/* The ways to end; the order is given back, the slots freed. */
void i4_job_succeed(i4_table *t, i4_job *job, double now);
void i4_job_fail(i4_table *t, i4_job *job, const char *reason, double now);
void i4_job_end_cancelled(i4_table *t, i4_job *job, double now);
/* Marks a drawing as cancelled. What waits, or only waits to be stored, ends at once; what is
 * being computed ends when the worker sees the mark. */
void i4_job_cancel(i4_table *t, i4_job *job, double now);

/* Drops what has been kept long enough, at most once a second unless `at_once`. */
void i4_table_purge(i4_table *t, double now, bool at_once);

/* --- queue --------------------------------------------------------------------------------- */

/* The turn of the new item; 0 if the queue is full. */
uint64_t i4_turn_add(i4_table *t, i4_work work, i4_job *job, double now);
/* Takes the next item, waiting for one; false when the table is stopping. A loaded model that has
 * had no work for long enough is an item too. */
bool i4_turn_take(i4_table *t, i4_item *item);
void i4_turn_done(i4_table *t);

/* Another time without work before the model is unloaded, counted from now. */
void i4_table_idle(i4_table *t, int minutes, double now);

const char *i4_work_label(i4_work work);
/* What holds the pipeline, as the original's lock: NULL when it is free. */
const i4_item *i4_pipeline_holder(const i4_table *t);
/* What the worker still does with `current` needs the pipeline no more. */
void i4_pipeline_leave(i4_table *t);
/* It needs it again; not held. */
void i4_pipeline_take(i4_table *t);
/* What a queued job waits for: NULL when it is next. */
const i4_item *i4_pipeline_ahead(const i4_table *t, const i4_job *job);

#endif
