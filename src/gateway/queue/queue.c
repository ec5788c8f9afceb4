/* The queue's life, what is said about its jobs, and what other modules ask of it. */
#include "gateway/queue/inside.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/events/events.h"
#include "http/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const double quick_seconds = 5;

/* --- saying -------------------------------------------------------------------------------- */

void i4_queue_wake(i4_queue *queue) {
    (void)!write(queue->wake[1], "", 1); /* a full pipe wakes too */
}

int64_t i4_queue_revision(i4_queue *queue) {
    pthread_mutex_lock(&queue->mutex);
    const int64_t revision = queue->revision;
    pthread_mutex_unlock(&queue->mutex);
    return revision;
}

json_t *i4_queue_blocked(i4_queue *queue, bool has_work) {
    pthread_mutex_lock(&queue->mutex);
    json_t *blocked = has_work && queue->code[0]
                          ? json_pack("{s:s, s:s}", "code", queue->code, "error", queue->reason)
                          : json_null();
    pthread_mutex_unlock(&queue->mutex);
    return blocked;
}

static void note_change(i4_queue *queue, bool is_revision) {
    pthread_mutex_lock(&queue->mutex);
    queue->changes++;
    queue->revision += is_revision;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

/* `say` is held. */
static void say_one(i4_queue *queue, int64_t id) {
    char key[32];
    json_t *row = NULL;
    snprintf(key, sizeof key, "%lld", (long long)id);
    if (i4_db_job_row(queue->gateway->db, id, &row, NULL) != I4_DB_NONE) {
        i4_events_say(queue->gateway->events, "job", key, row ? i4_job_json(queue, row) : NULL);
    }
}

/* `say` is held. */
static void say_order(i4_queue *queue) {
    json_t *running = NULL, *pending = NULL, *data = NULL;
    bool paused;
    if (i4_db_job_ids(queue->gateway->db, &running, &pending, NULL) == I4_DB_OK &&
        i4_db_paused(queue->gateway->db, &paused, NULL) == I4_DB_OK) {
        const bool has_work = json_array_size(running) + json_array_size(pending) > 0;
        data = json_pack("{s:I, s:b, s:o, s:O, s:O}", "revision",
                         (json_int_t)i4_queue_revision(queue), "paused", paused, "blocked",
                         i4_queue_blocked(queue, has_work), "running", running, "pending", pending);
    }
    json_decref(running);
    json_decref(pending);
    i4_events_say(queue->gateway->events, "queue", "queue", data);
}

void i4_say_jobs(i4_queue *queue, const json_t *ids) {
    pthread_mutex_lock(&queue->say);
    note_change(queue, true);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        say_one(queue, json_integer_value(json_array_get(ids, i)));
    }
    say_order(queue);
    pthread_mutex_unlock(&queue->say);
}

void i4_say_job(i4_queue *queue, int64_t id) {
    pthread_mutex_lock(&queue->say);
    note_change(queue, true);
    say_one(queue, id);
    say_order(queue);
    pthread_mutex_unlock(&queue->say);
}

void i4_say_progress(i4_queue *queue, int64_t id) {
    pthread_mutex_lock(&queue->say);
    note_change(queue, false);
    say_one(queue, id);
    pthread_mutex_unlock(&queue->say);
}

/* --- adding -------------------------------------------------------------------------------- */

static bool rows_of(i4_queue *queue, const json_t *ids, json_t **rows, i4_err *err) {
    *rows = json_array();
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_t *row = NULL;
        const int64_t id = json_integer_value(json_array_get(ids, i));
        if (i4_db_job_row(queue->gateway->db, id, &row, err) == I4_DB_FAILED) {
            json_decref(*rows);
            *rows = NULL;
            return false;
        }
        if (row) {
            json_array_append_new(*rows, i4_job_json(queue, row));
        }
    }
    return *rows || i4_fail_memory(err, "jobs", 0);
}

i4_queue_result i4_queue_insert(i4_queue *queue, const i4_db_job *jobs, size_t count, bool next,
                                json_t **rows, int64_t *pending, i4_err *err) {
    json_t *ids = NULL;
    *rows = NULL;
    const i4_db_result result =
        i4_db_add_jobs(queue->gateway->db, jobs, count, next, queue->gateway->settings->queue_limit,
                       &ids, pending, err);
    if (result != I4_DB_OK) {
        return result == I4_DB_NONE ? I4_QUEUE_FULL : I4_QUEUE_FAILED;
    }
    i4_say_jobs(queue, ids);
    const bool good = rows_of(queue, ids, rows, err);
    atomic_store_explicit(&queue->hurry, true, memory_order_relaxed);
    i4_queue_wake(queue);
    json_decref(ids);
    return good ? I4_QUEUE_OK : I4_QUEUE_FAILED;
}

static size_t count_of(const i4_new_job *jobs, size_t count) {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += jobs[i].repeat < 1 ? 1 : (size_t)jobs[i].repeat;
    }
    return total;
}

static bool count_pending(i4_queue *queue, int64_t *pending, i4_err *err) {
    json_t *running = NULL, *waiting = NULL;
    const bool good = i4_db_job_ids(queue->gateway->db, &running, &waiting, err) == I4_DB_OK;
    *pending = (int64_t)json_array_size(waiting);
    json_decref(running);
    json_decref(waiting);
    return good;
}

/* More than could ever wait is refused before it is made: each may have its own large text. */
i4_queue_result i4_queue_add(i4_queue *queue, const i4_new_job *jobs, size_t count, bool next,
                             json_t **rows, int64_t *pending, i4_err *err) {
    i4_job_list list;
    i4_queue_result result = I4_QUEUE_FAILED;
    *rows = NULL;
    *pending = 0;
    if (count_of(jobs, count) > (size_t)queue->gateway->settings->queue_limit) {
        return count_pending(queue, pending, err) ? I4_QUEUE_FULL : I4_QUEUE_FAILED;
    }
    if (i4_job_list_make(&list, jobs, count, err)) {
        result = i4_queue_insert(queue, list.job, list.count, next, rows, pending, err);
    }
    i4_job_list_free(&list);
    return result;
}

/* --- one job ------------------------------------------------------------------------------- */

json_t *i4_queue_job(i4_queue *queue, int64_t id) {
    json_t *row = NULL;
    if (i4_db_job_row(queue->gateway->db, id, &row, NULL) != I4_DB_OK) {
        return NULL;
    }
    return i4_job_json(queue, row);
}

bool i4_queue_cancel(i4_queue *queue, int64_t id) {
    json_t *row = NULL;
    const bool good = i4_db_drop_job(queue->gateway->db, id, &row, NULL) == I4_DB_OK;
    json_decref(row);
    if (good) {
        i4_say_job(queue, id);
        i4_queue_wake(queue);
    }
    return good;
}

bool i4_queue_preview(i4_queue *queue, int64_t id, int step, i4_answer *answer) {
    json_t *row = NULL;
    char path[96];
    i4_err err = {0};
    *answer = (i4_answer){0};
    if (i4_db_job_row(queue->gateway->db, id, &row, NULL) != I4_DB_OK) {
        return false;
    }
    const char *state = json_string_value(json_object_get(row, "state"));
    const char *task = json_string_value(json_object_get(row, "task_id"));
    const bool is_running = state && strcmp(state, "running") == 0 && task;
    snprintf(path, sizeof path, step < 0 ? "/preview/%.32s" : "/preview/%.32s?step=%d",
             task ? task : "", step);
    json_decref(row);
    if (!is_running ||
        !i4_daemon_call(queue->gateway, "GET", path, NULL, quick_seconds, answer, &err)) {
        return false;
    }
    if (answer->status != 200 || answer->size == 0) {
        i4_answer_free(answer);
        *answer = (i4_answer){0};
        return false;
    }
    return true;
}

/* --- waiting ------------------------------------------------------------------------------- */

static struct timespec time_after(double seconds) {
    struct timespec until;
    const double bounded = seconds > 3600 ? 3600 : seconds < 0 ? 0 : seconds;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)bounded;
    until.tv_nsec += (long)((bounded - (double)(time_t)bounded) * 1e9);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

bool i4_queue_wait(i4_queue *queue, uint64_t *seen, double seconds) {
    const struct timespec until = time_after(seconds);
    int code = 0;
    pthread_mutex_lock(&queue->mutex);
    while (queue->changes == *seen && code == 0 &&
           !atomic_load_explicit(&queue->stopping, memory_order_relaxed)) {
        code = pthread_cond_timedwait(&queue->changed, &queue->mutex, &until);
    }
    const bool is_new =
        queue->changes != *seen && !atomic_load_explicit(&queue->stopping, memory_order_relaxed);
    *seen = queue->changes;
    pthread_mutex_unlock(&queue->mutex);
    return is_new;
}

/* --- tasks of old clients ------------------------------------------------------------------ */

static int64_t int_at(const json_t *order, const char *key, int64_t fallback) {
    const json_t *value = json_object_get(order, key);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

void i4_queue_direct(i4_queue *queue, const char *task_id, const json_t *order) {
    i4_job_list list = {0};
    i4_err err = {0};
    json_t *ids = NULL;
    int64_t pending;
    char *caption = i4_wire_text(json_object_get(order, "caption"));
    const i4_new_job job = {
        .origin = "direct",
        .caption = caption ? caption : "",
        .preset = json_string_value(json_object_get(order, "preset")),
        .format = json_string_value(json_object_get(order, "format")),
        .width = int_at(order, "width", 1024),
        .height = int_at(order, "height", 1024),
        .seed = int_at(order, "seed", 0),
        .prompt_id = int_at(order, "prompt_id", -1),
    };
    if (caption && i4_job_list_make(&list, &job, 1, &err)) {
        list.job[0].task_id = task_id;
        list.job[0].seed = job.seed; /* as it is drawn, whatever it is */
        if (i4_db_add_jobs(queue->gateway->db, list.job, 1, false, INT64_MAX, &ids, &pending,
                           &err) == I4_DB_OK) {
            const int64_t id = json_integer_value(json_array_get(ids, 0));
            i4_live_begin(queue, id, 0, "waiting");
            i4_say_job(queue, id);
            i4_queue_wake(queue);
        }
    }
    if (!ids) { /* the task itself goes on */
        i4_log(I4_LOG_WARN, "queue", "cannot show a task as a job: %s id=%s", err.text, task_id);
    }
    json_decref(ids);
    i4_job_list_free(&list);
    i4_free(caption);
}

/* --- life ---------------------------------------------------------------------------------- */

static bool open_pipe(i4_queue *queue, i4_err *err) {
    if (pipe(queue->wake) != 0) {
        queue->wake[0] = queue->wake[1] = -1;
        return i4_fail(err, I4_E_IO, "the system gives no more pipes: error %d", errno);
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(queue->wake[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(queue->wake[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

static bool start(i4_queue *queue, i4_err *err) {
    if (!open_pipe(queue, err) || i4_db_prune_jobs(queue->gateway->db, err) == I4_DB_FAILED) {
        return false;
    }
    queue->has_thread = pthread_create(&queue->thread, NULL, i4_queue_dispatch, queue) == 0;
    return queue->has_thread ||
           i4_fail(err, I4_E_OUT_OF_MEMORY, "the system gives no more threads");
}

i4_queue *i4_queue_start(i4_gateway *gateway, i4_err *err) {
    i4_queue *queue = i4_calloc(1, sizeof *queue);
    if (!queue) {
        i4_fail_memory(err, "the queue", sizeof *queue);
        return NULL;
    }
    queue->gateway = gateway;
    queue->wake[0] = queue->wake[1] = -1;
    queue->changes = 1;
    queue->revision = i4_unix_seconds() * 1000; /* beyond what an earlier process came to */
    pthread_mutex_init(&queue->say, NULL);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
    if (!start(queue, err)) {
        i4_queue_stop(queue);
        return NULL;
    }
    return queue;
}

void i4_queue_begin_stop(i4_queue *queue) {
    if (!queue) {
        return;
    }
    pthread_mutex_lock(&queue->mutex);
    atomic_store_explicit(&queue->stopping, true, memory_order_relaxed);
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    i4_queue_wake(queue);
}

static void close_fd(int fd) {
    if (fd >= 0) {
        close(fd);
    }
}

void i4_queue_stop(i4_queue *queue) {
    if (!queue) {
        return;
    }
    if (queue->has_thread) {
        i4_queue_begin_stop(queue);
        pthread_join(queue->thread, NULL);
    }
    close_fd(queue->wake[0]);
    close_fd(queue->wake[1]);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    pthread_mutex_destroy(&queue->say);
    i4_free(queue);
}
