/* The table of generation tasks and the thread that stores their pictures as soon as they are
 * done, whether anybody asks or not (I2).
 *
 * The thread sleeps in poll() on a pipe: its pace follows the monotonic clock and a byte wakes it.
 */
#include "gateway/tasks/tasks.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    POLL_MS = 150,          /* while a task is open */
    RETRY_MS = 1000,        /* while the daemon cannot be reached */
    STRANGER_MS = 5000,     /* between two looks at a stranger: see look_at_spooled */
    SPOOL_MS = 30000,       /* between looks for strangers: one may have been drawn meanwhile */
    ROUND_MAX = 64,         /* tasks looked at in one round */
    STRANGERS_MAX = 1024,   /* remembered between two looks */
    SETTLED_MAX = 4096,     /* settled tasks remembered */
    SETTLED_SECONDS = 3600, /* and for how long (docs/http-api.md 5.5) */
};
static const double quick_seconds = 5;
static const double retry_seconds_max = 30; /* between attempts to store one picture */

typedef enum task_state { TASK_OPEN, TASK_STORING, TASK_STORED } task_state;

typedef struct task {
    char id[I4_TASK_ID_BYTES];
    task_state state;
    int64_t image_id;    /* once stored */
    int failures;        /* attempts to store the picture */
    double due, done_at; /* monotonic seconds: next attempt; when it was stored */
} task;

struct i4_tasks {
    i4_gateway *gateway; /* borrowed */
    int lock_fd;         /* the instance lock */
    int wake[2];         /* pipe: read by the thread */
    pthread_t thread;
    bool has_thread;
    atomic_bool stopping, look; /* relaxed: flags only; look: ask the daemon for its spool */

    pthread_mutex_t mutex;  /* guards the fields below */
    pthread_cond_t settled; /* a task left TASK_STORING */
    task *task;             /* owned */
    size_t count, capacity;

    json_t *strangers; /* of the storing thread alone: ids in the spool that nobody here knows */
};

/* --- ids ----------------------------------------------------------------------------------- */

bool i4_task_id_is_good(const char *text) {
    return strspn(text, "0123456789abcdef") == 32 && text[32] == '\0';
}

void i4_task_id_new(char id[I4_TASK_ID_BYTES]) {
    static atomic_uint counter; /* should the system have no random bytes: unique in this process */
    uint8_t bytes[16] = {0};
    if (!i4_random_bytes(bytes, sizeof bytes)) {
        const uint64_t parts[2] = {(uint64_t)i4_unix_seconds(), atomic_fetch_add(&counter, 1)};
        memcpy(bytes, parts, sizeof bytes);
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* --- the table; callers hold the mutex ------------------------------------------------------ */

static task *find(i4_tasks *tasks, const char *id) {
    for (size_t i = tasks->count; i-- > 0;) {
        if (strcmp(tasks->task[i].id, id) == 0) {
            return &tasks->task[i];
        }
    }
    return NULL;
}

/* Forgets settled tasks that are old, and the oldest if there are too many. */
static void purge(i4_tasks *tasks) {
    const double old = i4_seconds() - SETTLED_SECONDS;
    size_t settled = 0, kept = 0;
    for (size_t i = 0; i < tasks->count; i++) {
        settled += tasks->task[i].state == TASK_STORED;
    }
    for (size_t i = 0; i < tasks->count; i++) {
        const task *t = &tasks->task[i];
        if (t->state == TASK_STORED && (t->done_at < old || settled > SETTLED_MAX)) {
            settled--;
        } else {
            tasks->task[kept++] = *t;
        }
    }
    tasks->count = kept;
}

static task *add(i4_tasks *tasks, const char *id) {
    purge(tasks);
    if (tasks->count == tasks->capacity) {
        const size_t capacity = tasks->capacity ? 2 * tasks->capacity : 16;
        task *grown = i4_realloc(tasks->task, capacity * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        tasks->task = grown;
        tasks->capacity = capacity;
    }
    task *t = &tasks->task[tasks->count++];
    *t = (task){.state = TASK_OPEN};
    memcpy(t->id, id, I4_TASK_ID_BYTES);
    return t;
}

static void forget(i4_tasks *tasks, const char *id) {
    task *t = find(tasks, id);
    if (t) {
        memmove(t, t + 1, (size_t)(tasks->task + tasks->count - (t + 1)) * sizeof *t);
        tasks->count--;
    }
}

/* --- waking -------------------------------------------------------------------------------- */

bool i4_tasks_running(void *user) {
    i4_tasks *tasks = user;
    return !atomic_load_explicit(&tasks->stopping, memory_order_relaxed);
}

static void wake(i4_tasks *tasks) {
    const char byte = 0;
    /* A full pipe has woken it already. */
    if (write(tasks->wake[1], &byte, 1) < 0 && errno != EAGAIN && errno != EINTR) {
        i4_log(I4_LOG_WARN, "tasks", "cannot wake the storing thread: error %d", errno);
    }
}

void i4_tasks_begin_stop(i4_tasks *tasks) {
    if (!tasks) {
        return;
    }
    atomic_store_explicit(&tasks->stopping, true, memory_order_relaxed);
    wake(tasks);
    if (tasks->has_thread) { /* it uses other modules, which may stop from here on */
        pthread_join(tasks->thread, NULL);
        tasks->has_thread = false;
    }
}

void i4_tasks_look_soon(i4_tasks *tasks) {
    atomic_store_explicit(&tasks->look, true, memory_order_relaxed);
    wake(tasks);
}

static void sleep_until_woken(i4_tasks *tasks, int timeout_ms) {
    struct pollfd pipe_end = {.fd = tasks->wake[0], .events = POLLIN};
    char bytes[64];
    if (poll(&pipe_end, 1, timeout_ms) > 0) {
        while (read(tasks->wake[0], bytes, sizeof bytes) == (ssize_t)sizeof bytes) {
        }
    }
}

/* --- beginning and ending of a task --------------------------------------------------------- */

static void open_task(i4_tasks *tasks, const char *id) {
    pthread_mutex_lock(&tasks->mutex);
    const bool is_known = find(tasks, id) || add(tasks, id);
    pthread_mutex_unlock(&tasks->mutex);
    if (!is_known) {
        i4_log(I4_LOG_WARN, "tasks", "no memory to follow a task; it is at the next start id=%s",
               id);
    }
}

void i4_tasks_add(i4_tasks *tasks, const char *id) {
    i4_err err = {0};
    if (i4_db_add_task(tasks->gateway->db, id, &err) == I4_DB_FAILED) {
        /* Not lost: its picture waits in the daemon's spool if this process dies. */
        i4_log(I4_LOG_WARN, "tasks", "cannot record a task: %s id=%s", err.text, id);
    }
    open_task(tasks, id);
    wake(tasks);
}

static void end_in_database(i4_tasks *tasks, const char *id) {
    i4_err err = {0};
    if (i4_db_end_task(tasks->gateway->db, id, &err) == I4_DB_FAILED) {
        i4_log(I4_LOG_WARN, "tasks", "cannot end a task: %s id=%s", err.text, id);
    }
}

/* Nothing to store. Unless another thread is storing: then it knew better, before the daemon
 * forgot. */
static void close_task(i4_tasks *tasks, const char *id) {
    pthread_mutex_lock(&tasks->mutex);
    const task *t = find(tasks, id);
    const bool is_open = t && t->state == TASK_OPEN;
    if (is_open) {
        forget(tasks, id);
    }
    pthread_mutex_unlock(&tasks->mutex);
    if (is_open) {
        end_in_database(tasks, id);
    }
}

/* --- storing ------------------------------------------------------------------------------- */

typedef enum claim { CLAIMED, ALREADY_STORED, NO_MEMORY } claim;

/* Waits while another thread stores this picture, then says whose turn it is. */
static claim claim_task(i4_tasks *tasks, const char *id, int64_t *image_id) {
    pthread_mutex_lock(&tasks->mutex);
    task *t;
    while ((t = find(tasks, id)) != NULL && t->state == TASK_STORING) {
        pthread_cond_wait(&tasks->settled, &tasks->mutex);
    }
    if (!t) {
        t = add(tasks, id);
    }
    claim result = NO_MEMORY;
    if (t && t->state == TASK_STORED) {
        result = ALREADY_STORED;
        *image_id = t->image_id;
    } else if (t) {
        result = CLAIMED;
        t->state = TASK_STORING;
    }
    pthread_mutex_unlock(&tasks->mutex);
    return result;
}

static double pause_after(int failures) {
    double seconds = 0.25;
    for (int i = 1; i < failures && seconds < retry_seconds_max; i++) {
        seconds *= 2;
    }
    return seconds < retry_seconds_max ? seconds : retry_seconds_max;
}

static void release_task(i4_tasks *tasks, const char *id, const json_t *row) {
    const double now = i4_seconds();
    pthread_mutex_lock(&tasks->mutex);
    task *t = find(tasks, id); /* there: a task that is being stored is never forgotten */
    if (t && row) {
        t->state = TASK_STORED;
        t->image_id = json_integer_value(json_object_get(row, "id"));
        t->done_at = now;
    } else if (t) {
        t->state = TASK_OPEN;
        t->failures++;
        t->due = now + pause_after(t->failures);
    }
    pthread_cond_broadcast(&tasks->settled);
    pthread_mutex_unlock(&tasks->mutex);
}

static i4_settled find_again(i4_tasks *tasks, int64_t image_id, json_t **row, i4_err *err) {
    const i4_db_result result = i4_db_image(tasks->gateway->db, image_id, row, err);
    if (result != I4_DB_OK) {
        *row = NULL;
    }
    return result == I4_DB_FAILED ? I4_SETTLED_FAILED : I4_SETTLED_STORED;
}

static i4_settled store(i4_tasks *tasks, const char *id, const json_t *meta, json_t **row,
                        i4_err *err) {
    int64_t image_id = -1;
    switch (claim_task(tasks, id, &image_id)) {
    case ALREADY_STORED:
        return find_again(tasks, image_id, row, err);
    case NO_MEMORY:
        i4_fail_memory(err, "a task", sizeof(task));
        return I4_SETTLED_FAILED;
    case CLAIMED:
        break;
    }
    const bool is_stored = i4_store_artifact(tasks->gateway, id, meta, row, err);
    release_task(tasks, id, is_stored ? *row : NULL);
    if (!is_stored) {
        *row = NULL;
        i4_log(I4_LOG_WARN, "tasks", "cannot store a picture: %s id=%s", err->text, id);
        return I4_SETTLED_FAILED;
    }
    i4_store_taken(tasks->gateway, id);
    end_in_database(tasks, id);
    i4_log(I4_LOG_INFO, "tasks", "stored a picture id=%s image=%lld", id,
           (long long)json_integer_value(json_object_get(*row, "id")));
    return I4_SETTLED_STORED;
}

/* Done without a picture to fetch. Its row may be there all the same: stored earlier and forgotten
 * by the daemon, or by a gateway that was killed between file and row. */
static i4_settled settle_empty(i4_tasks *tasks, const char *id, bool is_forgotten, json_t **row,
                               i4_err *err) {
    i4_db_result result = i4_store_find(tasks->gateway, id, row, err);
    if (result == I4_DB_NONE && is_forgotten && i4_store_found_file(tasks->gateway, id)) {
        result = i4_store_find(tasks->gateway, id, row, err);
    }
    if (result == I4_DB_FAILED) {
        *row = NULL;
        return I4_SETTLED_FAILED; /* the task stays open */
    }
    close_task(tasks, id);
    return result == I4_DB_OK ? I4_SETTLED_STORED : I4_SETTLED_EMPTY;
}

static bool is_open(i4_tasks *tasks, const char *id) {
    pthread_mutex_lock(&tasks->mutex);
    const task *t = find(tasks, id);
    const bool open = t && t->state != TASK_STORED;
    pthread_mutex_unlock(&tasks->mutex);
    return open;
}

i4_settled i4_tasks_settle(i4_tasks *tasks, const char *id, const json_t *status, json_t **row,
                           i4_err *err) {
    *row = NULL;
    const char *state = json_string_value(json_object_get(status, "state"));
    if (!i4_task_id_is_good(id)) {
        return I4_SETTLED_EMPTY;
    }
    if (state && strcmp(state, "done") != 0) {
        return I4_SETTLED_OPEN;
    }
    const bool has_artifact = json_is_true(json_object_get(status, "has_artifact"));
    if (json_is_true(json_object_get(status, "cancelled"))) {
        if (has_artifact) {
            i4_store_taken(tasks->gateway, id);
        }
        close_task(tasks, id);
        return I4_SETTLED_EMPTY;
    }
    if (has_artifact) {
        return store(tasks, id, json_object_get(status, "image_meta"), row, err);
    }
    /* The answer about an unknown task has no such key (docs/http-api.md 4.5). */
    const bool is_forgotten = !json_object_get(status, "has_artifact") && is_open(tasks, id);
    return settle_empty(tasks, id, is_forgotten, row, err);
}

/* --- the storing thread -------------------------------------------------------------------- */

/* A JSON object from the daemon; NULL when it has none for us. *reached: it answered. */
static json_t *ask(i4_tasks *tasks, const char *path, bool *reached) {
    i4_answer answer;
    i4_err err = {0};
    *reached = i4_daemon_call(tasks->gateway, "GET", path, NULL, quick_seconds, &answer, &err);
    if (!*reached) {
        return NULL;
    }
    json_t *value = answer.status < 400 ? i4_answer_json(&answer) : NULL;
    i4_answer_free(&answer);
    if (!json_is_object(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* Ids of open tasks that are due, at most ROUND_MAX; *open counts all open ones. */
static size_t due_tasks(i4_tasks *tasks, char ids[][I4_TASK_ID_BYTES], size_t *open) {
    const double now = i4_seconds();
    size_t count = 0;
    *open = 0;
    pthread_mutex_lock(&tasks->mutex);
    for (size_t i = 0; i < tasks->count; i++) {
        const task *t = &tasks->task[i];
        *open += t->state != TASK_STORED;
        if (t->state == TASK_OPEN && t->due <= now && count < ROUND_MAX) {
            memcpy(ids[count++], t->id, I4_TASK_ID_BYTES);
        }
    }
    pthread_mutex_unlock(&tasks->mutex);
    return count;
}

/* One look at every open task; false when the daemon cannot be reached. */
static bool look_at_tasks(i4_tasks *tasks, size_t *open) {
    char ids[ROUND_MAX][I4_TASK_ID_BYTES];
    const size_t count = due_tasks(tasks, ids, open);
    bool reached = true;
    for (size_t i = 0; i < count && reached && i4_tasks_running(tasks); i++) {
        char path[64];
        i4_err err = {0};
        json_t *row = NULL;
        snprintf(path, sizeof path, "/status/%.32s", ids[i]);
        json_t *status = ask(tasks, path, &reached);
        if (status) {
            i4_tasks_settle(tasks, ids[i], status, &row, &err);
        }
        json_decref(row);
        json_decref(status);
    }
    return reached;
}

static bool is_known(i4_tasks *tasks, const char *id, bool *is_stored) {
    pthread_mutex_lock(&tasks->mutex);
    const task *t = find(tasks, id);
    *is_stored = t && t->state == TASK_STORED;
    pthread_mutex_unlock(&tasks->mutex);
    return t != NULL;
}

/* One entry of the daemon's spool. A picture of a task that we never heard of may be one whose
 * submission was cut off, or one of the command line, which has fetched it or is about to; so it is
 * taken only if nobody has it and it is still there at the next look. */
static void look_at_spooled(i4_tasks *tasks, const char *id, bool is_fetched, json_t *strangers) {
    bool is_stored = false;
    json_t *row = NULL;
    i4_err err = {0};
    if (is_known(tasks, id, &is_stored)) {
        if (is_stored) { /* the daemon was not told, or did not hear it */
            i4_store_taken(tasks->gateway, id);
        }
    } else if (i4_store_find(tasks->gateway, id, &row, &err) == I4_DB_OK) {
        i4_store_taken(tasks->gateway, id);
    } else if (is_fetched) {
        /* another's */
    } else if (json_object_get(tasks->strangers, id)) {
        i4_log(I4_LOG_INFO, "tasks", "taking a picture that nobody fetched id=%s", id);
        i4_tasks_add(tasks, id);
    } else if (json_object_size(strangers) < STRANGERS_MAX) {
        json_object_set_new(strangers, id, json_true());
    }
    json_decref(row);
}

/* False when the daemon cannot be reached. One that answers but has no spool is fine. */
static bool look_at_spool(i4_tasks *tasks) {
    bool reached;
    json_t *answer = ask(tasks, "/spool", &reached);
    if (!reached) {
        return false;
    }
    json_t *strangers = json_object();
    const json_t *list = json_object_get(answer, "tasks");
    for (size_t i = 0; i < json_array_size(list) && i4_tasks_running(tasks); i++) {
        const json_t *entry = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(entry, "task_id"));
        if (id && i4_task_id_is_good(id)) {
            look_at_spooled(tasks, id, json_is_true(json_object_get(entry, "fetched")), strangers);
        }
    }
    json_decref(answer);
    json_decref(tasks->strangers);
    tasks->strangers = strangers;
    return true;
}

static int spool_pause_ms(const i4_tasks *tasks) {
    return json_object_size(tasks->strangers) > 0 ? STRANGER_MS : SPOOL_MS;
}

static void *store_pictures(void *user) {
    i4_tasks *tasks = user;
    bool is_spool_known = false;
    double look_again = 0; /* monotonic; when the spool is looked at again */
    while (i4_tasks_running(tasks)) {
        if (atomic_exchange_explicit(&tasks->look, false, memory_order_relaxed) ||
            i4_seconds() >= look_again) {
            is_spool_known = false;
        }
        bool reached = true;
        if (!is_spool_known) {
            reached = is_spool_known = look_at_spool(tasks);
            look_again = i4_seconds() + spool_pause_ms(tasks) / 1000.0;
        }
        size_t open = 0;
        reached = reached && look_at_tasks(tasks, &open);
        is_spool_known = is_spool_known && reached;
        sleep_until_woken(tasks, !reached ? RETRY_MS : open > 0 ? POLL_MS : spool_pause_ms(tasks));
    }
    return NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

static bool open_pipe(i4_tasks *tasks, i4_err *err) {
    if (pipe(tasks->wake) != 0) {
        tasks->wake[0] = tasks->wake[1] = -1;
        return i4_fail(err, I4_E_IO, "the system gives no more pipes: error %d", errno);
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(tasks->wake[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(tasks->wake[i], F_SETFL, O_NONBLOCK);
    }
    return true;
}

/* Tasks that the last process left open. */
static bool load_tasks(i4_tasks *tasks, i4_err *err) {
    json_t *ids = NULL;
    if (i4_db_tasks(tasks->gateway->db, &ids, err) == I4_DB_FAILED) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        if (id && i4_task_id_is_good(id)) {
            open_task(tasks, id);
        }
    }
    json_decref(ids);
    return true;
}

static bool start(i4_tasks *tasks, i4_err *err) {
    const i4_settings *settings = tasks->gateway->settings;
    if (!i4_dir_make(settings->output_dir, err) ||
        !i4_instance_lock(settings->db_path, &tasks->lock_fd, err) || !open_pipe(tasks, err)) {
        return false;
    }
    i4_sweep_output(settings->output_dir);
    if (!load_tasks(tasks, err)) {
        return false;
    }
    tasks->has_thread = pthread_create(&tasks->thread, NULL, store_pictures, tasks) == 0;
    return tasks->has_thread ||
           i4_fail(err, I4_E_OUT_OF_MEMORY, "the system gives no more threads");
}

i4_tasks *i4_tasks_start(i4_gateway *gateway, i4_err *err) {
    i4_tasks *tasks = i4_calloc(1, sizeof *tasks);
    json_t *strangers = json_object();
    if (!tasks || !strangers) {
        json_decref(strangers);
        i4_free(tasks);
        i4_fail_memory(err, "the table of tasks", sizeof *tasks);
        return NULL;
    }
    tasks->gateway = gateway;
    tasks->strangers = strangers;
    tasks->lock_fd = tasks->wake[0] = tasks->wake[1] = -1;
    pthread_mutex_init(&tasks->mutex, NULL);
    pthread_cond_init(&tasks->settled, NULL);
    gateway->tasks = tasks; /* the thread's calls to the daemon look there */
    if (!start(tasks, err)) {
        i4_tasks_stop(tasks);
        gateway->tasks = NULL;
        return NULL;
    }
    return tasks;
}

static void close_fd(int fd) {
    if (fd >= 0) {
        close(fd);
    }
}

void i4_tasks_stop(i4_tasks *tasks) {
    if (!tasks) {
        return;
    }
    if (tasks->has_thread) {
        i4_tasks_begin_stop(tasks);
    }
    close_fd(tasks->wake[0]);
    close_fd(tasks->wake[1]);
    close_fd(tasks->lock_fd);
    pthread_cond_destroy(&tasks->settled);
    pthread_mutex_destroy(&tasks->mutex);
    json_decref(tasks->strangers);
    i4_free(tasks->task);
    i4_free(tasks);
}
