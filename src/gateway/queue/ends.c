/* The dispatcher: the way to the daemon, why nothing runs, and the ends of jobs. */
#include "gateway/queue/dispatch.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

static const double quick_seconds = 5;

/* --- small things -------------------------------------------------------------------------- */

int64_t i4_work_int(const json_t *work, const char *key) {
    return json_integer_value(json_object_get(work, key));
}

const char *i4_work_text(const json_t *work, const char *key) {
    const char *text = json_string_value(json_object_get(work, key));
    return text ? text : "";
}

bool i4_work_pending(const json_t *work) {
    return strcmp(i4_work_text(work, "state"), "pending") == 0;
}

bool i4_dispatch_running(i4_queue *queue) {
    return !atomic_load_explicit(&queue->stopping, memory_order_relaxed);
}

/* Says why nothing runs, when that is news. */
void i4_dispatch_block(i4_queue *queue, const char *code, const char *reason) {
    pthread_mutex_lock(&queue->mutex);
    const bool is_news = strcmp(queue->code, code) != 0 || strcmp(queue->reason, reason) != 0;
    snprintf(queue->code, sizeof queue->code, "%s", code);
    snprintf(queue->reason, sizeof queue->reason, "%s", reason);
    pthread_mutex_unlock(&queue->mutex);
    if (is_news) {
        if (code[0]) {
            i4_log(I4_LOG_WARN, "queue", "waiting (%s): %s", code, reason);
        }
        i4_say_jobs(queue, NULL);
    }
}

void i4_dispatch_unblock(i4_queue *queue) {
    i4_dispatch_block(queue, "", "");
}

/* The object that the daemon answered, NULL if it gave none; *status 0: it cannot be reached. */
json_t *i4_dispatch_call(i4_queue *queue, const char *method, const char *path, json_t *body,
                         int *status, i4_err *err) {
    i4_answer answer;
    *status = 0;
    if (!i4_daemon_call(queue->gateway, method, path, body, quick_seconds, &answer, err)) {
        return NULL;
    }
    *status = answer.status;
    json_t *value = i4_answer_json(&answer);
    i4_answer_free(&answer);
    if (!json_is_object(value)) {
        json_decref(value);
        value = NULL;
    }
    return value;
}

/* The sentence of a refusal. */
void i4_dispatch_sentence(const json_t *answer, int status, i4_err *out) {
    const json_t *detail = json_object_get(answer, "detail");
    const json_t *first = json_array_get(detail, 0);
    const char *texts[] = {i4_work_text(answer, "error"), i4_work_text(answer, "detail"),
                           i4_work_text(first, "msg"), i4_work_text(answer, "msg")};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i][0]) {
            i4_fail(out, I4_E_IO, "%s", texts[i]); /* cleans and bounds it */
            return;
        }
    }
    i4_fail(out, I4_E_IO, "the model daemon refused the job (HTTP %d)", status);
}

void i4_dispatch_log(const char *what, int64_t id, const i4_err *err) {
    i4_log(I4_LOG_WARN, "queue", "%s: %s job=%lld", what, err->text, (long long)id);
}

/* --- ends ---------------------------------------------------------------------------------- */

/* A job ended; those that its picture made needless too. */
void i4_dispatch_say_ended(i4_queue *queue, const json_t *work) {
    json_t *ids = NULL;
    const int64_t id = i4_work_int(work, "id");
    i4_live_end(queue, id);
    if (i4_work_int(work, "until_picture") == 1 &&
        i4_db_batch_ids(queue->gateway->db, i4_work_text(work, "batch"), &ids, NULL) == I4_DB_OK) {
        i4_say_jobs(queue, ids);
    } else {
        i4_say_job(queue, id);
    }
    json_decref(ids);
}

/* error NULL: cancelled. False when the database refuses: it is tried again. */
bool i4_dispatch_end(i4_queue *queue, const json_t *work, const char *error) {
    i4_err err = {0};
    const int64_t id = i4_work_int(work, "id");
    if (i4_db_end_job(queue->gateway->db, id, error, &err) == I4_DB_FAILED) {
        i4_dispatch_log("cannot end a job", id, &err);
        return false;
    }
    i4_log(I4_LOG_INFO, "queue", "%s a job job=%lld", error ? "failed" : "cancelled",
           (long long)id);
    i4_dispatch_say_ended(queue, work);
    return true;
}

void i4_dispatch_learn(i4_queue *queue, const json_t *work, const json_t *status) {
    const json_t *detail = json_object_get(status, "detail");
    const json_t *phases = json_object_get(detail, "phase_seconds");
    const i4_size_preset picture = {.preset = i4_work_text(work, "preset"),
                                    .width = i4_work_int(work, "width"),
                                    .height = i4_work_int(work, "height")};
    if (json_is_object(phases)) {
        i4_estimate_learn(queue->gateway, &picture, phases, (int)i4_work_int(detail, "steps"));
    }
}

/* The picture has its row; the job ended with it, unless the row was there before. */
bool i4_dispatch_end_with(i4_queue *queue, const json_t *work, const json_t *status,
                          const json_t *image) {
    i4_err err = {0};
    const json_t *seconds =
        json_object_get(json_object_get(status, "image_meta"), "generation_seconds");
    const i4_new_image stored = {.task_id = i4_work_text(work, "task_id"),
                                 .seconds =
                                     json_is_number(seconds) ? json_number_value(seconds) : -1};
    if (!image) {
        return i4_dispatch_end(queue, work, "the picture was deleted before the job had ended");
    }
    if (i4_db_end_job_with(queue->gateway->db, &stored, i4_work_int(image, "id"), &err) ==
        I4_DB_FAILED) {
        i4_dispatch_log("cannot end a job", i4_work_int(work, "id"), &err);
        return false;
    }
    i4_log(I4_LOG_INFO, "queue", "done job=%lld image=%lld", (long long)i4_work_int(work, "id"),
           (long long)i4_work_int(image, "id"));
    i4_dispatch_learn(queue, work, status);
    i4_dispatch_say_ended(queue, work);
    return true;
}
