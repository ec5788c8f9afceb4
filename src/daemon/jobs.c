/* The table that handler threads and the worker share: jobs by id and by age, the queue, the
 * slots, and how long things are kept. See jobs.h. */
#include "daemon/jobs.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    KEEP_SECONDS = 3600,             /* done tasks, from the contract */
    PICTURE_SECONDS = 7 * 24 * 3600, /* pictures that nobody has stored */
    JOB_LIMIT = 20000                /* jobs in memory; about 0.5 KB each */
};
static const uint64_t picture_limit_bytes = 2ull << 30;
static const double preview_seconds = 0.5;

/* --- life ---------------------------------------------------------------------------------- */

bool i4_table_init(i4_table *t, i4_spool *spool, i4_err *err) {
    memset(t, 0, sizeof *t);
    t->spool = spool;
    t->keep_seconds = KEEP_SECONDS;
    t->picture_seconds = PICTURE_SECONDS;
    t->picture_limit = picture_limit_bytes;
    t->job_limit = JOB_LIMIT;
    t->preview_seconds = preview_seconds;
    t->idle.minute_seconds = 60.0;
    if (pthread_mutex_init(&t->mutex, NULL) != 0) {
        return i4_fail_memory(err, "a mutex", sizeof t->mutex);
    }
    if (pthread_cond_init(&t->work, NULL) != 0) {
        pthread_mutex_destroy(&t->mutex);
        return i4_fail_memory(err, "a condition", sizeof t->work);
    }
    if (pthread_cond_init(&t->settled, NULL) != 0) {
        pthread_cond_destroy(&t->work);
        pthread_mutex_destroy(&t->mutex);
        return i4_fail_memory(err, "a condition", sizeof t->settled);
    }
    return true;
}

void i4_order_free(i4_order *order) {
    if (order != NULL) {
        i4_free(order->caption);
        i4_free(order->hld);
        i4_free(order->preset);
        json_decref(order->loras);
        i4_free(order);
    }
}

static void free_job(i4_job *job) {
    i4_order_free(job->order);
    json_decref(job->result);
    i4_free(job->error);
    i4_free(job);
}

void i4_table_free(i4_table *t) {
    while (t->oldest != NULL) {
        i4_job *job = t->oldest;
        t->oldest = job->newer;
        free_job(job);
    }
    i4_previews_begin(&t->previews, "");
    i4_stack_free(&t->stack);
    pthread_cond_destroy(&t->settled);
    pthread_cond_destroy(&t->work);
    pthread_mutex_destroy(&t->mutex);
}

void i4_table_lock(i4_table *t) {
    pthread_mutex_lock(&t->mutex);
}

void i4_table_unlock(i4_table *t) {
    pthread_mutex_unlock(&t->mutex);
}

/* --- jobs by id and by age ------------------------------------------------------------------ */

/* Ids are random hexadecimal digits: the first three of them are as good as a hash. Those that a
 * client chose may be anything, which makes its own requests slow, no more. */
static size_t bucket_of(const char *id) {
    size_t hash = 0;
    for (int i = 0; i < 3 && id[i] != '\0'; i++) {
        const size_t digit = id[i] <= '9' ? (size_t)(id[i] - '0') : (size_t)(id[i] - 'a' + 10);
        hash = hash * 16 + (digit & 15);
    }
    return hash % I4_JOB_BUCKETS;
}

static void link_job(i4_table *t, i4_job *job) {
    i4_job **bucket = &t->bucket[bucket_of(job->id)];
    job->next_in_bucket = *bucket;
    *bucket = job;
    job->older = t->newest;
    if (t->newest != NULL) {
        t->newest->newer = job;
    } else {
        t->oldest = job;
    }
    t->newest = job;
    t->job_count++;
}

static void unlink_job(i4_table *t, i4_job *job) {
    i4_job **place = &t->bucket[bucket_of(job->id)];
    while (*place != job) {
        place = &(*place)->next_in_bucket;
    }
    *place = job->next_in_bucket;
    *(job->older != NULL ? &job->older->newer : &t->oldest) = job->newer;
    *(job->newer != NULL ? &job->newer->older : &t->newest) = job->older;
    t->job_count--;
}

static bool random_id(char id[I4_TASK_ID_BYTES]) {
    uint8_t bytes[16];
    if (!i4_random_bytes(bytes, sizeof bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    return true;
}

i4_job *i4_job_new(i4_table *t, i4_job_kind kind, i4_order *order, double now) {
    const bool is_named = order != NULL && order->task_id[0] != '\0';
    i4_job *job = i4_calloc(1, sizeof *job);
    if (job == NULL || (!is_named && !random_id(job->id))) {
        i4_free(job);
        i4_order_free(order);
        return NULL;
    }
    if (is_named) {
        memcpy(job->id, order->task_id, sizeof job->id);
    }
    job->kind = kind;
    job->order = order;
    job->phase = "queued";
    job->queued_at = now;
    link_job(t, job);
    return job;
}

bool i4_job_restore(i4_table *t, const i4_spooled *picture, double age, double now) {
    i4_job *job = i4_calloc(1, sizeof *job);
    if (job == NULL) {
        return false;
    }
    memcpy(job->id, picture->id, sizeof job->id);
    job->kind = I4_JOB_DRAW;
    job->step = I4_STEP_DONE;
    job->progress = 100;
    job->total_steps = picture->total_steps;
    job->phase = "done";
    job->detail = picture->detail;
    i4_job_say(job, "%s", picture->msg);
    job->kept_since = now - age;
    job->has_picture = true;
    job->is_fetched = picture->is_fetched;
    job->format = picture->format;
    job->picture_bytes = picture->bytes;
    t->picture_bytes += picture->bytes;
    link_job(t, job);
    return true;
}

i4_job *i4_job_named(i4_table *t, const char *id) {
    i4_job *job = t->bucket[bucket_of(id)];
    while (job != NULL && strcmp(job->id, id) != 0) {
        job = job->next_in_bucket;
    }
    return job;
}

i4_job *i4_job_find(i4_table *t, i4_job_kind kind, const char *id) {
    i4_job *job = i4_job_named(t, id);
    return job != NULL && job->kind == kind ? job : NULL;
}

/* --- how jobs end --------------------------------------------------------------------------- */

void i4_job_say(i4_job *job, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(job->msg, sizeof job->msg, format, args);
    va_end(args);
}

static void settle(i4_table *t, i4_job *job, double now) {
    job->step = I4_STEP_DONE;
    job->kept_since = now;
    i4_detail_end(&job->detail, now);
    if (!job->is_held) { /* the worker reads the order without the mutex */
        i4_order_free(job->order);
        job->order = NULL;
    }
    if (t->is_working && t->current.job == job) {
        i4_pipeline_leave(t); /* who sees the end may load or unload at once */
    }
    if (t->draw_slot == job) {
        t->draw_slot = NULL;
    }
    if (t->lora_slot == job) {
        t->lora_slot = NULL;
    }
}

void i4_job_succeed(i4_table *t, i4_job *job, double now) {
    job->progress = 100;
    job->phase = "done";
    settle(t, job, now);
}

void i4_job_fail(i4_table *t, i4_job *job, const char *reason, double now) {
    job->error = i4_strdup(reason);
    if (job->kind == I4_JOB_LORA) {
        job->progress = 0;
    }
    job->phase = "error";
    i4_job_say(job, "Error: %s", reason);
    settle(t, job, now);
}

void i4_job_end_cancelled(i4_table *t, i4_job *job, double now) {
    job->is_cancelled = true;
    job->error = i4_strdup("Cancelled"); /* both texts are compared by clients */
    i4_job_say(job, "Cancelled.");
    settle(t, job, now);
}

static void leave_queue(i4_table *t, const i4_job *job) {
    size_t kept = 0;
    for (size_t i = 0; i < t->queue_count; i++) {
        const i4_item item = t->queue[(t->queue_first + i) % I4_QUEUE_ITEMS];
        if (item.job != job) {
            t->queue[(t->queue_first + kept++) % I4_QUEUE_ITEMS] = item;
        }
    }
    t->queue_count = kept;
}

void i4_job_cancel(i4_table *t, i4_job *job, double now) {
    const bool is_stored = t->is_working && t->is_storing && t->current.job == job;
    job->is_cancelled = true;
    if (job->step == I4_STEP_QUEUED) {
        leave_queue(t, job);
    }
    if (job->step == I4_STEP_QUEUED || is_stored) {
        i4_job_end_cancelled(t, job, now);
    } else {
        i4_job_say(job, "cancelling");
    }
}

/* --- retention ------------------------------------------------------------------------------ */

static void drop_job(i4_table *t, i4_job *job) {
    if (job->has_picture) {
        t->picture_bytes -= job->picture_bytes;
        i4_spool_drop(t->spool, job->id, job->format);
    }
    unlink_job(t, job);
    free_job(job);
}

static bool may_drop(const i4_job *job) {
    return job->step == I4_STEP_DONE && !job->is_held;
}

static bool is_expired(const i4_table *t, const i4_job *job, double now) {
    const bool waits = job->has_picture && !job->is_taken; /* for someone to store it */
    return may_drop(job) && now - job->kept_since > (waits ? t->picture_seconds : t->keep_seconds);
}

static bool has_room(const i4_table *t) {
    return t->picture_bytes <= t->picture_limit && t->job_count <= t->job_limit;
}

/* Oldest first: with `stored`, only what somebody else has or has no picture (I30). */
static void make_room(i4_table *t, bool stored) {
    for (i4_job *job = t->oldest, *next; job != NULL && !has_room(t); job = next) {
        next = job->newer;
        const bool waits = job->has_picture && !job->is_taken && !job->is_fetched;
        /* dropping a job without a picture helps only against too many jobs */
        const bool helps = job->has_picture || t->job_count > t->job_limit;
        if (may_drop(job) && helps && waits == !stored) {
            if (waits) {
                i4_log(I4_LOG_WARN, "spool", "no room: dropped picture %s, which nobody stored",
                       job->id);
            }
            drop_job(t, job);
        }
    }
}

void i4_table_purge(i4_table *t, double now, bool at_once) {
    if (now < t->purge_at && !at_once) {
        return;
    }
    t->purge_at = now + 1.0;
    for (i4_job *job = t->oldest, *next; job != NULL; job = next) {
        next = job->newer;
        if (is_expired(t, job, now)) {
            drop_job(t, job);
        }
    }
    make_room(t, true);
    make_room(t, false);
}

/* --- queue ---------------------------------------------------------------------------------- */

uint64_t i4_turn_add(i4_table *t, i4_work work, i4_job *job, double now) {
    if (t->queue_count == I4_QUEUE_ITEMS || t->is_stopping) {
        return 0;
    }
    t->queue[(t->queue_first + t->queue_count++) % I4_QUEUE_ITEMS] =
        (i4_item){work, job, now, ++t->turn};
    pthread_cond_signal(&t->work);
    return t->turn;
}

/* The end of a time without work is an unloading like another, but one that the next drawing ends.
 */
static void fall_asleep(i4_table *t, double now) {
    t->idle.is_asleep = i4_turn_add(t, I4_WORK_UNLOAD, NULL, now) != 0;
}

/* A condition cannot wait on the monotonic clock everywhere: should the clock of the day jump, the
 * caller is woken early, and looks again, or late. */
static void wait_for(i4_table *t, double seconds) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)((seconds - floor(seconds)) * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&t->work, &t->mutex, &until);
}

static void await_work(i4_table *t) {
    const double now = i4_seconds(), left = i4_idle_left(&t->idle, now);
    if (t->idle.minutes == 0 || t->model_state != I4_MODEL_LOADED) {
        pthread_cond_wait(&t->work, &t->mutex);
    } else if (left > 0.0) {
        wait_for(t, left);
    } else {
        fall_asleep(t, now);
    }
}

void i4_table_idle(i4_table *t, int minutes, double now) {
    t->idle.minutes = minutes;
    t->idle.since = now;
    pthread_cond_signal(&t->work);
}

bool i4_turn_take(i4_table *t, i4_item *item) {
    while (t->queue_count == 0 && !t->is_stopping) {
        await_work(t);
    }
    if (t->is_stopping) {
        return false;
    }
    t->current = t->queue[t->queue_first];
    t->queue_first = (t->queue_first + 1) % I4_QUEUE_ITEMS;
    t->queue_count--;
    t->current.since = i4_seconds();
    t->is_working = true;
    t->is_storing = false;
    if (t->current.job != NULL) {
        t->current.job->step = I4_STEP_WORKING;
        t->current.job->is_held = true;
    }
    *item = t->current;
    return true;
}

void i4_turn_done(i4_table *t) {
    i4_job *job = t->current.job;
    if (job != NULL) {
        job->is_held = false;
        i4_order_free(job->order);
        job->order = NULL;
    }
    t->is_working = false;
    t->is_storing = false;
    t->turn_done = t->current.turn;
    t->idle.since = i4_seconds();
    pthread_cond_broadcast(&t->settled);
}

const char *i4_work_label(i4_work work) {
    static const char *const labels[] = {"loading the model", "unloading the model",
                                         "generating an image", "reloading with LoRA",
                                         "reloading without LoRA"};
    return labels[work];
}

const i4_item *i4_pipeline_holder(const i4_table *t) {
    if (t->is_working && !t->is_storing) {
        return &t->current;
    }
    /* what is next takes the pipeline as soon as the worker looks up */
    return t->queue_count > 0 ? &t->queue[t->queue_first] : NULL;
}

void i4_pipeline_leave(i4_table *t) {
    t->is_storing = t->is_working;
}

void i4_pipeline_take(i4_table *t) {
    i4_table_lock(t);
    t->is_storing = false;
    i4_table_unlock(t);
}

const i4_item *i4_pipeline_ahead(const i4_table *t, const i4_job *job) {
    const i4_item *holder = i4_pipeline_holder(t);
    return holder != NULL && holder->job != job ? holder : NULL;
}
