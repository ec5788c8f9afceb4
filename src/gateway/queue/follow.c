/* The dispatcher: a job that the daemon has, until its picture is stored or there will be none. */
#include "gateway/queue/dispatch.h"

#include "base/log.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>

static const double cancel_seconds = 1; /* between two attempts to cancel a task */

static void ask_to_cancel(i4_queue *queue, const json_t *work) {
    const double now = i4_seconds();
    char path[64];
    int status;
    i4_err err = {0};
    bool is_due = false;
    pthread_mutex_lock(&queue->mutex);
    for (size_t i = 0; i < queue->live_count; i++) {
        i4_live *live = &queue->live[i];
        if (live->id == i4_work_int(work, "id") && live->cancel_due <= now) {
            is_due = true;
            live->cancel_due = now + cancel_seconds;
        }
    }
    pthread_mutex_unlock(&queue->mutex);
    if (is_due) {
        snprintf(path, sizeof path, "/cancel/%.32s", i4_work_text(work, "task_id"));
        json_decref(i4_dispatch_call(queue, "POST", path, NULL, &status, &err));
    }
}

/* The daemon does not know the task, and there is no picture of it. */
static int run_again(i4_queue *queue, const json_t *work) {
    i4_err err = {0};
    const int64_t id = i4_work_int(work, "id");
    const bool was_accepted = i4_work_int(work, "accepted") == I4_JOB_ACCEPTED;
    if (i4_work_int(work, "cancel") != 0) {
        return i4_dispatch_end(queue, work, NULL) ? 0 : I4_AGAIN_MS;
    }
    if (strcmp(i4_work_text(work, "origin"), "direct") == 0) {
        return i4_dispatch_end(queue, work,
                               "the model daemon was started again and has lost this job; start it "
                               "again")
                   ? 0
                   : I4_AGAIN_MS;
    }
    if (i4_db_send_job_again(queue->gateway->db, id, was_accepted, &err) == I4_DB_FAILED) {
        i4_dispatch_log("cannot write down a job", id, &err);
        return I4_AGAIN_MS;
    }
    if (was_accepted) {
        i4_log(I4_LOG_INFO, "queue", "runs again after an interruption job=%lld", (long long)id);
        i4_live_end(queue, id); /* it begins from nothing */
        i4_live_begin(queue, id, 0, "waiting");
    }
    i4_say_job(queue, id);
    return 0;
}

static int end_known(i4_queue *queue, const json_t *work, const json_t *status) {
    i4_err error = {0};
    if (json_is_true(json_object_get(status, "cancelled"))) {
        return i4_dispatch_end(queue, work, NULL) ? 0 : I4_AGAIN_MS;
    }
    const char *said = i4_work_text(status, "error");
    i4_fail(&error, I4_E_IO, "%s",
            said[0] ? said : "the model daemon ended the job without a picture");
    return i4_dispatch_end(queue, work, error.text) ? 0 : I4_AGAIN_MS;
}

/* What the daemon said about the task: progress, or an end. */
static int take_status(i4_queue *queue, const json_t *work, const json_t *status) {
    const bool is_known = json_object_get(status, "has_artifact") != NULL;
    const char *task = i4_work_text(work, "task_id");
    json_t *image = NULL;
    i4_err err = {0};
    int pause = I4_POLL_MS;
    if (is_known && i4_work_int(work, "accepted") != I4_JOB_ACCEPTED) {
        json_t *answer = json_pack("{s:s}", "task_id", task);
        i4_dispatch_accepted(queue, work, answer);
        json_decref(answer);
    }
    switch (i4_tasks_settle(queue->gateway->tasks, task, status, &image, &err)) {
    case I4_SETTLED_OPEN:
        i4_dispatch_unblock(queue);
        i4_live_note(queue, work, status);
        break;
    case I4_SETTLED_STORED:
        i4_dispatch_unblock(queue);
        pause = i4_dispatch_end_with(queue, work, status, image) ? 0 : I4_STORE_MS;
        break;
    case I4_SETTLED_FAILED:
        i4_dispatch_block(queue, "disk_full", err.text);
        pause = I4_STORE_MS;
        break;
    case I4_SETTLED_EMPTY:
        pause = is_known ? end_known(queue, work, status) : run_again(queue, work);
        break;
    }
    json_decref(image);
    return pause;
}

int i4_dispatch_follow(i4_queue *queue, const json_t *work) {
    char path[64];
    int status, pause = I4_AGAIN_MS;
    i4_err err = {0};
    i4_live_begin(queue, i4_work_int(work, "id"), (double)i4_work_int(work, "age"), NULL);
    if (i4_work_int(work, "cancel") != 0) {
        ask_to_cancel(queue, work);
    }
    snprintf(path, sizeof path, "/status/%.32s", i4_work_text(work, "task_id"));
    json_t *said = i4_dispatch_call(queue, "GET", path, NULL, &status, &err);
    if (said && status < 400) {
        pause = take_status(queue, work, said);
    } else {
        if (status != 0) {
            i4_dispatch_sentence(said, status, &err);
        }
        i4_dispatch_block(queue, "daemon_unreachable", err.text);
    }
    json_decref(said);
    return pause;
}

/* --- ends that others made ----------------------------------------------------------------- */

static void learn_of(i4_queue *queue, const json_t *content) {
    char path[64];
    int status;
    i4_err err = {0};
    snprintf(path, sizeof path, "/status/%.32s", i4_work_text(content, "task_id"));
    json_t *said = i4_dispatch_call(queue, "GET", path, NULL, &status, &err);
    i4_dispatch_learn(queue, content, said);
    json_decref(said);
}

static void notice_end(i4_queue *queue, int64_t id) {
    json_t *content = NULL;
    const i4_db_result result = i4_db_job_content(queue->gateway->db, id, &content, NULL);
    const char *state = i4_work_text(content, "state");
    if (result == I4_DB_NONE) {
        i4_live_end(queue, id);
    } else if (result == I4_DB_OK && strcmp(state, "running") != 0 &&
               strcmp(state, "pending") != 0) {
        i4_dispatch_say_ended(queue, content);
        if (strcmp(state, "done") == 0) {
            learn_of(queue, content);
        }
    }
    json_decref(content);
}

void i4_dispatch_notice_ends(i4_queue *queue) {
    int64_t ids[I4_LIVE_MAX];
    pthread_mutex_lock(&queue->mutex);
    const size_t count = queue->live_count;
    for (size_t i = 0; i < count; i++) {
        ids[i] = queue->live[i].id;
    }
    pthread_mutex_unlock(&queue->mutex);
    for (size_t i = 0; i < count; i++) {
        notice_end(queue, ids[i]);
    }
}
