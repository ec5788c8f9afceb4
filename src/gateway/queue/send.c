/* The dispatcher: a job until the daemon has it. What passes (no daemon, no model, a taken slot)
 * makes it wait and never fail. */
#include "gateway/queue/dispatch.h"

#include "base/os.h"
#include "http/wire.h"

#include <stdio.h>
#include <string.h>

static const double load_again_seconds = 30; /* after the model could not be loaded */
static const double busy_seconds = 1;        /* before it is said that another program draws */

/* Something passing keeps the first job from running: it waits where it is. */
static int hold(i4_queue *queue, const json_t *work, const char *code, const char *reason,
                double seconds) {
    i4_err err = {0};
    const int64_t id = i4_work_int(work, "id");
    queue->retry_at = i4_seconds() + seconds;
    queue->asked_to_load = false;
    if (!i4_work_pending(work)) {
        if (i4_db_put_job_back(queue->gateway->db, id, &err) == I4_DB_FAILED) {
            i4_dispatch_log("cannot put a job back", id, &err);
        }
        i4_live_end(queue, id);
        i4_say_job(queue, id); /* pending, or cancelled if that was asked meanwhile */
    }
    i4_dispatch_block(queue, code, reason);
    return (int)(seconds * 1000);
}

/* Pending becomes running. False: it is not pending any more. */
static bool begin(i4_queue *queue, const json_t *work, const char *phase) {
    const int64_t id = i4_work_int(work, "id");
    char task[I4_TASK_ID_BYTES];
    i4_err err = {0};
    i4_live_begin(queue, id, i4_work_pending(work) ? 0 : (double)i4_work_int(work, "age"), phase);
    if (!i4_work_pending(work)) {
        return true;
    }
    i4_task_id_new(task);
    const i4_db_result result = i4_db_begin_job(queue->gateway->db, id, task, &err);
    if (result == I4_DB_FAILED) {
        i4_dispatch_log("cannot begin a job", id, &err);
    }
    if (result != I4_DB_OK) {
        i4_live_end(queue, id);
    }
    return result == I4_DB_OK;
}

static json_t *order_of(const json_t *work) {
    json_t *loras = NULL;
    json_t *order = json_pack(
        "{s:o, s:O, s:O, s:O, s:O, s:O, s:n, s:O}", "caption", i4_job_caption(work), "width",
        json_object_get(work, "width"), "height", json_object_get(work, "height"), "preset",
        json_object_get(work, "preset"), "seed", json_object_get(work, "seed"), "format",
        json_object_get(work, "format"), "prompt_id", "task_id", json_object_get(work, "task_id"));
    const char *text = i4_work_text(work, "loras");
    if (order && i4_wire_read(text, strlen(text), &loras, NULL) == I4_WIRE_OK) {
        json_object_set(order, "loras", loras);
    }
    json_decref(loras);
    return order;
}

/* Answers that say something about the job; the others about the way to the daemon. */
static bool is_about_job(int status) {
    return status >= 400 && status < 500 && status != 401 && status != 403 && status != 408 &&
           status != 421 && status != 429;
}

int i4_dispatch_accepted(i4_queue *queue, const json_t *work, const json_t *answer) {
    const char *said = i4_work_text(answer, "task_id");
    i4_err err = {0};
    if (!i4_task_id_is_good(said)) {
        return i4_dispatch_end(queue, work,
                               "the model daemon accepted the job without giving its id")
                   ? 0
                   : I4_AGAIN_MS;
    }
    /* An older daemon gives its own id. */
    if (i4_db_reach_job(queue->gateway->db, i4_work_int(work, "id"), I4_JOB_ACCEPTED, said, &err) ==
        I4_DB_FAILED) {
        i4_dispatch_log("cannot write down a job", i4_work_int(work, "id"), &err);
    }
    i4_tasks_add(queue->gateway->tasks, said);
    i4_dispatch_unblock(queue);
    i4_say_job(queue, i4_work_int(work, "id"));
    return 0;
}

/* The job is running in the database and not at the daemon. */
static int submit(i4_queue *queue, const json_t *work) {
    i4_err err = {0};
    int status, pause = I4_AGAIN_MS;
    if (i4_db_reach_job(queue->gateway->db, i4_work_int(work, "id"), I4_JOB_SENT,
                        i4_work_text(work, "task_id"), &err) != I4_DB_OK) {
        return I4_AGAIN_MS;
    }
    json_t *order = order_of(work);
    json_t *answer =
        order ? i4_dispatch_call(queue, "POST", "/generate", order, &status, &err) : NULL;
    json_decref(order);
    if (!order || status == 0) {
        i4_dispatch_block(queue, "daemon_unreachable",
                          order ? err.text : "there is not enough memory");
    } else if (status < 400) {
        pause = i4_dispatch_accepted(queue, work, answer);
    } else {
        i4_dispatch_sentence(answer, status, &err);
        if (status == 409) {
            pause = hold(queue, work, "slot_busy", err.text, 1);
        } else if (!is_about_job(status)) {
            pause = hold(queue, work, "daemon_unreachable", err.text, 1);
        } else {
            pause = i4_dispatch_end(queue, work, err.text) ? 0 : I4_AGAIN_MS;
        }
    }
    json_decref(answer);
    return pause;
}

/* Begins the job and sends it as it is then: it may have been edited until that moment. */
static int begin_and_submit(i4_queue *queue, const json_t *work) {
    json_t *now = NULL;
    int pause = I4_POLL_MS;
    queue->asked_to_load = false;
    queue->busy_since = 0;
    if (begin(queue, work, "waiting") &&
        i4_db_work(queue->gateway->db, true, &now, NULL) == I4_DB_OK) {
        pause = i4_work_int(now, "cancel") == 0 ? submit(queue, now) : 0;
    }
    json_decref(now);
    return pause;
}

static int wait_for_load(i4_queue *queue, const json_t *work) {
    const int64_t id = i4_work_int(work, "id");
    i4_live before = {.phase = ""};
    (void)i4_live_get(queue, id, &before);
    if (begin(queue, work, "load")) {
        if (strcmp(before.phase, "load") != 0) {
            i4_say_job(queue, id);
        }
        i4_dispatch_block(queue, "model_loading", "the model is being loaded");
    }
    return I4_LOAD_MS;
}

/* The model is not loaded and nobody loads it. */
static int load(i4_queue *queue, const json_t *work, const json_t *model) {
    i4_err err = {0};
    int status, pause;
    const char *msg = i4_work_text(model, "msg");
    if (queue->asked_to_load && msg[0]) {
        return hold(queue, work, "model_failed", msg, load_again_seconds);
    }
    json_t *answer = i4_dispatch_call(queue, "POST", "/model/load", NULL, &status, &err);
    if (status == 0) {
        pause = hold(queue, work, "daemon_unreachable", err.text, 1);
    } else if (status < 400 && !json_is_false(json_object_get(answer, "ok"))) {
        queue->asked_to_load = true;
        pause = wait_for_load(queue, work);
    } else {
        i4_dispatch_sentence(answer, status, &err);
        pause = status == 409 ? hold(queue, work, "slot_busy", err.text, 1)
                              : hold(queue, work, "model_failed", err.text, load_again_seconds);
    }
    json_decref(answer);
    return pause;
}

/* The daemon is busy for a moment after each job too, which is nothing to speak of. Of "drawing
 * (12s)" the seconds are left out: they would be news each second. */
static int wait_for_slot(i4_queue *queue, const json_t *work, const char *operation) {
    char reason[160];
    const double now = i4_seconds();
    if (queue->busy_since <= 0) {
        queue->busy_since = now;
    }
    if (now - queue->busy_since < busy_seconds) {
        return I4_POLL_MS;
    }
    int length = (int)strcspn(operation, "(");
    while (length > 0 && operation[length - 1] == ' ') {
        length--;
    }
    snprintf(reason, sizeof reason, "the model daemon is busy: %.*s", length < 100 ? length : 100,
             operation);
    return hold(queue, work, "slot_busy", reason, 1);
}

/* The first job is not at the daemon: it is sent as soon as the daemon can draw it. */
int i4_dispatch_prepare(i4_queue *queue, const json_t *work) {
    i4_err err = {0};
    int status, pause;
    if (!i4_work_pending(work) && i4_work_int(work, "cancel") != 0) {
        return i4_dispatch_end(queue, work, NULL) ? 0 : I4_AGAIN_MS;
    }
    json_t *model = i4_dispatch_call(queue, "GET", "/model/status", NULL, &status, &err);
    const char *state = i4_work_text(model, "state"), *operation = i4_work_text(model, "operation");
    if (status == 0) {
        pause = hold(queue, work, "daemon_unreachable", err.text, 1);
    } else if (status >= 400) {
        i4_dispatch_sentence(model, status, &err);
        pause = hold(queue, work, "daemon_unreachable", err.text, 1);
    } else if (strcmp(state, "loading") == 0) {
        pause = wait_for_load(queue, work);
    } else if (operation[0]) {
        pause = wait_for_slot(queue, work, operation);
    } else if (strcmp(state, "idle") == 0) {
        pause = load(queue, work, model);
    } else {
        pause = begin_and_submit(queue, work);
    }
    json_decref(model);
    return pause;
}
