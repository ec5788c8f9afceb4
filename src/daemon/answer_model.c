/* Routes of health and of the model: docs/http-api.md 4.1 and 4.2, docs/api.md 5. */
#include "base/os.h"
#include "daemon/inside.h"
#include "http/validate.h"

#include <math.h>
#include <stdio.h>

/* --- health -------------------------------------------------------------------------------- */

void i4_answer_health(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    char backend[32];
    i4_err err = {0};
    (void)request;
    const bool ok = i4_worker_usable(&d->settings, backend, sizeof backend, &err);
    i4_reply_json(reply, 200,
                  json_pack("{s:b, s:s, s:s, s:o}", "ok", ok, "role", "model-daemon", "backend",
                            backend, "error", ok ? json_null() : i4_json_text(err.text)));
}

/* --- status -------------------------------------------------------------------------------- */

static json_t *gigabytes(double bytes) {
    return json_real(round(bytes / 1e6) / 1e3);
}

/* The original's keys with the figures of this process: what is resident now (mapped weights
 * included) and was at most; nothing is cached beside that. */
static json_t *memory_json(const i4_settings *s) {
    return json_pack("{s:o, s:o, s:f, s:o}", "active_gb", gigabytes((double)i4_memory_resident()),
                     "peak_gb", gigabytes((double)i4_memory_peak()), "cache_gb", 0.0,
                     "cache_limit_gb",
                     s->cache_limit_gb >= 0.0 ? json_real(s->cache_limit_gb) : json_null());
}

static json_t *bytes_or_null(uint64_t bytes) {
    return bytes > 0 ? json_integer((json_int_t)bytes) : json_null();
}

/* Ours; `needed` is for a picture of the model's own size. */
static json_t *bytes_json(uint64_t needed) {
    return json_pack("{s:o, s:o, s:o, s:o}", "active", bytes_or_null(i4_memory_resident()), "peak",
                     bytes_or_null(i4_memory_peak()), "available",
                     bytes_or_null(i4_memory_available()), "needed", bytes_or_null(needed));
}

/* The mutex is held. */
static json_t *idle_json(const i4_table *t) {
    const bool is_busy = t->is_working || t->queue_count > 0;
    return i4_idle_json(&t->idle, t->model_state == I4_MODEL_LOADED, is_busy, i4_seconds());
}

/* "<label> (<seconds>s)" or null; the mutex is held. */
static json_t *operation_json(const i4_table *t) {
    const i4_item *holder = i4_pipeline_holder(t);
    return holder == NULL ? json_null()
                          : json_sprintf("%s (%.0fs)", i4_work_label(holder->work),
                                         floor(i4_seconds() - holder->since));
}

static json_t *text_or_null(const char *text) {
    return text[0] != '\0' ? i4_json_text(text) : json_null();
}

void i4_answer_model_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    static const char *const names[] = {"idle", "loading", "loaded"};
    i4_daemon *d = user;
    i4_table *t = &d->table;
    (void)request;
    i4_table_lock(t);
    const uint64_t needed = t->model_bytes;
    i4_table_unlock(t);
    /* these read files: not under the mutex */
    json_t *memory = memory_json(&d->settings), *bytes = bytes_json(needed);
    i4_table_lock(t);
    json_t *status = json_pack(
        "{s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "state",
        names[t->model_state], "msg", i4_json_text(t->model_msg), "backend", t->backend,
        "model_repo", i4_json_text(d->settings.model_repo), "model_path",
        i4_json_text(t->model_path), "model_revision", text_or_null(d->settings.model_revision),
        "quantization_bits",
        t->quantization_bits > 0 ? json_integer(t->quantization_bits) : json_null(), "mlx_memory",
        memory, "applied_loras", i4_stack_list(&t->stack), "operation", operation_json(t), "memory",
        bytes, "last_error", text_or_null(t->load_error), "idle_unload", idle_json(t));
    i4_table_unlock(t);
    i4_reply_json(reply, 200, status);
}

/* --- load and unload ----------------------------------------------------------------------- */

bool i4_start_load(i4_table *t) {
    if (i4_turn_add(t, I4_WORK_LOAD, NULL, i4_seconds()) == 0) {
        return false;
    }
    t->idle.is_asleep = false;
    if (t->model_state != I4_MODEL_LOADED) {
        /* before the answer, so that nobody reads the text of an older failure as the new one's */
        t->model_state = I4_MODEL_LOADING;
        snprintf(t->model_msg, sizeof t->model_msg, "about to load the model");
    }
    return true;
}

/* 409 when something holds the pipeline; the mutex is held. */
static bool refuse_busy(const i4_table *t, i4_http_reply *reply) {
    const i4_item *holder = i4_pipeline_holder(t);
    if (holder != NULL) {
        i4_reply_error(reply, 409, "the model is busy: %s", i4_work_label(holder->work));
    }
    return holder != NULL;
}

static void reply_ok(i4_http_reply *reply, const char *msg) {
    i4_reply_json(reply, 200, json_pack("{s:b, s:s}", "ok", 1, "msg", msg));
}

void i4_answer_model_load(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    char backend[32];
    i4_err err = {0};
    (void)request;
    if (!i4_worker_usable(&d->settings, backend, sizeof backend, &err)) {
        i4_reply_json(reply, 200, json_pack("{s:b, s:s}", "ok", 0, "msg", err.text));
        return;
    }
    i4_table_lock(t);
    if (refuse_busy(t, reply)) {
        /* answered */
    } else if (t->model_state == I4_MODEL_LOADED && !t->is_stopping) {
        reply_ok(reply, "the model is loaded already");
    } else if (!i4_start_load(t)) {
        i4_reply_error(reply, 503, "the model daemon is stopping");
    } else {
        reply_ok(reply, "loading the model");
    }
    i4_table_unlock(t);
}

/* Waits until the worker has done this turn; false when the daemon stops. The mutex is held. */
static bool await_turn(i4_table *t, uint64_t turn) {
    while (t->turn_done < turn && !t->is_stopping) {
        pthread_cond_wait(&t->settled, &t->mutex);
    }
    return t->turn_done >= turn;
}

void i4_answer_model_unload(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    (void)request;
    i4_table_lock(t);
    if (!refuse_busy(t, reply)) {
        const uint64_t turn = i4_turn_add(t, I4_WORK_UNLOAD, NULL, i4_seconds());
        t->idle.is_asleep = false; /* this is meant */
        if (turn != 0 && await_turn(t, turn)) {
            reply_ok(reply, "the model is unloaded");
        } else {
            i4_reply_error(reply, 503, "the model daemon is stopping");
        }
    }
    i4_table_unlock(t);
}

/* --- unloading without work ----------------------------------------------------------------- */

void i4_answer_model_idle(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    i4_check c;
    i4_check_begin(&c, request);
    const int64_t minutes = i4_check_int_required(&c, "minutes");
    if (minutes < 0 || minutes > I4_IDLE_MINUTES_MAX) {
        i4_check_rule(&c, "minutes", "must be 0 (the model stays loaded) to 1440");
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    i4_table_lock(t);
    i4_table_idle(t, (int)minutes, i4_seconds());
    i4_reply_json(reply, 200, json_pack("{s:b, s:o}", "ok", 1, "idle_unload", idle_json(t)));
    i4_table_unlock(t);
}
