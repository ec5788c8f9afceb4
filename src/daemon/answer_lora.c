/* Routes of LoRA: docs/http-api.md 4.3 and the operation task of 5.3. */
#include "base/memory.h"
#include "base/os.h"
#include "daemon/inside.h"
#include "http/validate.h"

#include <math.h>

/* --- looking ------------------------------------------------------------------------------- */

void i4_answer_lora_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    (void)request;
    json_t *files = i4_lora_files(d->settings.lora_dir);
    json_t *zero = json_real(0.0);
    i4_table_lock(t);
    json_t *status = json_pack("{s:o, s:o, s:o, s:o}", "applied", i4_stack_names(&t->stack),
                               "strength", i4_stack_strength(&t->stack, zero), "applied_loras",
                               i4_stack_list(&t->stack), "available", files);
    i4_table_unlock(t);
    json_decref(zero);
    i4_reply_json(reply, 200, status);
}

void i4_answer_lora_presets(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    (void)request;
    i4_reply_json(reply, 200,
                  json_pack("{s:o}", "presets",
                            i4_lora_presets(d->settings.lora_dir, d->settings.lora_strength)));
}

/* --- applying and removing ----------------------------------------------------------------- */

static void reply_task(i4_http_reply *reply, const i4_job *job, const char *msg) {
    i4_reply_json(reply, 200,
                  json_pack("{s:b, s:s, s:s}", "ok", 1, "task_id", job->id, "msg", msg));
}

/* Queues an operation with these LoRAs (taken; NULL: remove) and answers. */
static void start_operation(i4_daemon *d, json_t *loras, i4_http_reply *reply) {
    i4_table *t = &d->table;
    const i4_work work = loras != NULL ? I4_WORK_LORA : I4_WORK_UNLORA;
    const double now = i4_seconds();
    i4_order *order = i4_calloc(1, sizeof *order);
    if (order == NULL) {
        json_decref(loras);
        i4_reply_error(reply, 503, "not enough memory for a LoRA operation");
        return;
    }
    order->loras = loras;
    i4_table_lock(t);
    i4_table_purge(t, now, false);
    if (t->lora_slot != NULL) {
        i4_order_free(order);
        i4_reply_error(reply, 409, "another LoRA operation is running: wait for it");
    } else if (t->is_stopping) {
        i4_order_free(order);
        i4_reply_error(reply, 503, "the model daemon is stopping");
    } else {
        i4_job *job = i4_job_new(t, I4_JOB_LORA, order, now);
        if (job == NULL) {
            i4_reply_error(reply, 503, "not enough memory for a LoRA operation");
        } else {
            i4_job_say(job, "queued");
            t->lora_slot = job;
            (void)i4_turn_add(t, work, job, now);
            reply_task(reply, job, "the LoRA operation is queued");
        }
    }
    i4_table_unlock(t);
}

void i4_answer_lora_apply(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_check c;
    i4_check_begin(&c, request);
    const char *name = i4_check_string(&c, "name", "", 0, 0);
    const double strength = i4_check_float(&c, "strength", d->settings.lora_strength);
    const json_t *loras = i4_check_objects_or_null(&c, "loras");
    if (i4_check_failed(&c, reply)) {
        return;
    }
    const bool is_list = json_array_size(loras) > 0;
    if (!is_list && name[0] == '\0') {
        i4_reply_json(reply, 200, json_pack("{s:b, s:s}", "ok", 0, "msg", "name a LoRA to apply"));
        return;
    }
    /* a copy: the request ends before the operation begins */
    json_t *list = is_list ? json_deep_copy(loras)
                           : json_pack("[{s:s, s:f}]", "name", name, "strength", strength);
    if (list == NULL) {
        i4_reply_error(reply, 503, "not enough memory for a LoRA operation");
        return;
    }
    start_operation(d, list, reply);
}

void i4_answer_lora_remove(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    start_operation(user, NULL, reply);
}

/* --- the task ------------------------------------------------------------------------------ */

static const char *state_name(const i4_job *job) {
    return job->step == I4_STEP_DONE ? "done" : "running";
}

static json_t *error_json(const i4_job *job) {
    return job->error != NULL ? i4_json_text(job->error) : json_null();
}

/* While it waits for the pipeline the text tells what for. */
static json_t *operation_json(const i4_table *t, const i4_job *job) {
    const double now = i4_seconds();
    const i4_item *ahead = job->step == I4_STEP_QUEUED ? i4_pipeline_ahead(t, job) : NULL;
    json_t *msg =
        ahead == NULL
            ? i4_json_text(job->msg)
            : json_sprintf("waiting for %s (%.0fs), %.0fs so far", i4_work_label(ahead->work),
                           floor(now - ahead->since), floor(now - job->queued_at));
    return json_pack("{s:s, s:o, s:s, s:i, s:o, s:o}", "state", state_name(job), "msg", msg,
                     "phase", ahead != NULL ? "waiting" : job->phase, "progress", job->progress,
                     "error", error_json(job), "result",
                     job->result != NULL ? json_deep_copy(job->result) : json_null());
}

void i4_answer_lora_operation(i4_http_request *request, i4_http_reply *reply, void *user) {
    static const char unknown[] = "this LoRA operation is not known";
    i4_daemon *d = user;
    i4_table *t = &d->table;
    i4_table_lock(t);
    i4_table_purge(t, i4_seconds(), false);
    const i4_job *job = i4_job_find(t, I4_JOB_LORA, i4_req_param(request, "id"));
    json_t *answer = job != NULL
                         ? operation_json(t, job)
                         : json_pack("{s:s, s:s, s:s, s:i, s:s}", "state", "done", "msg", unknown,
                                     "phase", "done", "progress", 0, "error", unknown);
    i4_table_unlock(t);
    i4_reply_json(reply, 200, answer);
}

/* --- downloads: the protocol is kept, nothing is there to download -------------------------- */

void i4_answer_lora_download(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    i4_check c;
    i4_check_begin(&c, request);
    (void)i4_check_string(&c, "preset_id", "", 1, 0);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    i4_table_lock(t);
    i4_table_purge(t, i4_seconds(), false);
    i4_job *job = i4_job_new(t, I4_JOB_DOWNLOAD, NULL, i4_seconds());
    if (job == NULL) {
        i4_reply_error(reply, 503, "not enough memory for a task");
    } else {
        i4_job_fail(t, job,
                    "LoRA files cannot be downloaded here: put .safetensors files into the LoRA "
                    "folder",
                    i4_seconds());
        i4_reply_json(reply, 200, json_pack("{s:b, s:s}", "ok", 1, "task_id", job->id));
    }
    i4_table_unlock(t);
}

void i4_answer_lora_download_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    static const char unknown[] = "this download is not known";
    i4_daemon *d = user;
    i4_table *t = &d->table;
    i4_table_lock(t);
    const i4_job *job = i4_job_find(t, I4_JOB_DOWNLOAD, i4_req_param(request, "id"));
    /* unknown ones say so in `error` too: without it the client shows a success */
    json_t *answer =
        json_pack("{s:s, s:o, s:[], s:o}", "state", job != NULL ? state_name(job) : "done", "msg",
                  i4_json_text(job != NULL ? job->msg : unknown), "files", "error",
                  job != NULL ? error_json(job) : json_string(unknown));
    i4_table_unlock(t);
    i4_reply_json(reply, 200, answer);
}
