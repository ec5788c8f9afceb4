/* POST /api/generate, GET /api/status/{task_id}, POST /api/cancel/{task_id} (docs/http-api.md 3.5
 * to 3.7). */
#include "gateway/checks.h"
#include "gateway/outside.h"
#include "gateway/queue/queue.h"
#include "gateway/tasks/tasks.h"

#include <stdio.h>
#include <string.h>

static const double quick_seconds = 5;

/* --- generate ------------------------------------------------------------------------------ */

/* The seven fields for the daemon; NULL when the reply has been given. */
static json_t *checked_order(i4_http_request *request, i4_http_reply *reply, const i4_settings *s) {
    i4_check c;
    int64_t prompt_id = -1;
    i4_check_begin(&c, request);
    json_t *caption = i4_check_object_required(&c, "caption");
    i4_check_caption(&c, caption, s->max_caption_bytes);
    const int64_t width = i4_check_side(&c, s, "width");
    const int64_t height = i4_check_side(&c, s, "height");
    const char *preset = i4_check_preset(&c, s);
    const int64_t seed = i4_check_int(&c, "seed", s->default_seed);
    const char *format = i4_check_format(&c, s);
    const bool has_prompt = i4_check_id_or_null(&c, "prompt_id", &prompt_id);
    if (i4_check_failed(&c, reply)) {
        return NULL;
    }
    json_t *order = json_pack(
        "{s:O, s:I, s:I, s:s, s:I, s:s, s:o}", "caption", caption, "width", (json_int_t)width,
        "height", (json_int_t)height, "preset", preset, "seed", (json_int_t)seed, "format", format,
        "prompt_id", has_prompt && prompt_id != -1 ? json_integer(prompt_id) : json_null());
    if (!order) {
        i4_reply_error(reply, 503, "not enough memory for the task; try again");
    }
    return order;
}

static void answer_accepted(i4_gateway *gateway, i4_http_reply *reply, const i4_answer *answer,
                            const json_t *order) {
    json_t *body = i4_answer_json(answer);
    const char *id = json_string_value(json_object_get(body, "task_id"));
    if (!id || !i4_task_id_is_good(id)) {
        json_decref(body);
        i4_reply_error(reply, 502, "the model daemon accepted the task without giving its id");
        return;
    }
    i4_tasks_add(gateway->tasks, id);
    i4_queue_direct(gateway->queue, id, order);
    i4_reply_json(reply, 200, body);
}

static void generate(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    json_t *order = checked_order(request, reply, gateway->settings);
    if (!order) {
        return;
    }
    i4_answer answer;
    i4_err err = {0};
    if (!i4_daemon_call(gateway, "POST", "/generate", order, quick_seconds, &answer, &err)) {
        i4_tasks_look_soon(gateway->tasks); /* it may have been accepted all the same */
        i4_relay_unreachable(reply, &err);
    } else if (answer.status >= 400) {
        i4_relay_answer(reply, &answer);
    } else {
        answer_accepted(gateway, reply, &answer, order);
    }
    i4_answer_free(&answer);
    json_decref(order);
}

/* --- status -------------------------------------------------------------------------------- */

static json_t *int_or_0(const json_t *status, const char *key) {
    const json_t *value = json_object_get(status, key);
    return json_integer(json_is_integer(value) ? json_integer_value(value) : 0);
}

static json_t *text_or(const json_t *status, const char *key, const char *fallback) {
    const char *value = json_string_value(json_object_get(status, key));
    return json_string(value ? value : fallback);
}

static void reply_not_stored(i4_http_reply *reply, const json_t *status, const i4_err *err) {
    json_t *msg = json_sprintf("Error: %s", err->text);
    i4_reply_json(reply, 200,
                  json_pack("{s:s, s:o, s:n, s:o, s:o}", "state", "done", "msg", msg, "image",
                            "progress", int_or_0(status, "progress"), "total_steps",
                            int_or_0(status, "total_steps")));
}

static bool is_done(const json_t *status) {
    const char *state = json_string_value(json_object_get(status, "state"));
    return !state || strcmp(state, "done") == 0;
}

static void reply_status(i4_http_reply *reply, const json_t *status, json_t *row) {
    const char *hld =
        json_string_value(json_object_get(json_object_get(status, "image_meta"), "hld"));
    const bool is_cancelled = json_is_true(json_object_get(status, "cancelled"));
    /* A cancelled task ends without its picture and with the words that clients compare (I4). */
    const bool is_dropped = is_cancelled && is_done(status);
    json_t *image = row ? i4_image_ref(row, hld ? hld : "") : json_null();
    json_t *msg = is_dropped ? json_string("Cancelled.") : text_or(status, "msg", "");
    const char *error =
        is_dropped ? "Cancelled" : json_string_value(json_object_get(status, "error"));
    i4_reply_json(reply, 200,
                  json_pack("{s:o, s:o, s:o, s:o, s:o, s:s?, s:b}", "state",
                            text_or(status, "state", "done"), "msg", msg, "image", image,
                            "progress", int_or_0(status, "progress"), "total_steps",
                            int_or_0(status, "total_steps"), "error", error, "cancelled",
                            is_cancelled));
}

static void settle_and_reply(i4_gateway *gateway, i4_http_reply *reply, const char *id,
                             const json_t *status) {
    json_t *row = NULL;
    i4_err err = {0};
    if (i4_tasks_settle(gateway->tasks, id, status, &row, &err) == I4_SETTLED_FAILED) {
        reply_not_stored(reply, status, &err);
    } else {
        reply_status(reply, status, row);
    }
    json_decref(row);
}

static bool task_path(i4_buf *path, const char *folder, i4_http_request *request,
                      i4_http_reply *reply) {
    i4_buf_init(path, 8 << 10);
    i4_buf_adds(path, folder);
    i4_outside_segment(path, i4_req_param(request, "task_id"));
    if (path->failed) {
        i4_buf_free(path);
        i4_reply_error(reply, 404, "there is no such task");
        return false;
    }
    return true;
}

static void status(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    i4_buf path;
    if (!task_path(&path, "/status/", request, reply)) {
        return;
    }
    i4_answer answer;
    i4_err err = {0};
    if (!i4_daemon_call(gateway, "GET", path.ptr, NULL, quick_seconds, &answer, &err)) {
        i4_relay_unreachable(reply, &err);
    } else {
        json_t *said = answer.status < 400 ? i4_answer_json(&answer) : NULL;
        if (json_is_object(said)) {
            settle_and_reply(gateway, reply, i4_req_param(request, "task_id"), said);
        } else {
            i4_relay_answer(reply, &answer);
        }
        json_decref(said);
    }
    i4_answer_free(&answer);
    i4_buf_free(&path);
}

/* --- cancel -------------------------------------------------------------------------------- */

static void cancel(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_buf path;
    if (!task_path(&path, "/cancel/", request, reply)) {
        return;
    }
    i4_relay(user, reply, "POST", path.ptr, NULL, quick_seconds);
    i4_buf_free(&path);
}

const i4_route i4_task_routes[] = {
    {.method = "POST",
     .pattern = "/api/generate",
     .body = I4_BODY_JSON,
     .body_limit = 4 << 20,
     .handler = generate},
    {.method = "GET", .pattern = "/api/status/{task_id}", .handler = status},
    {.method = "POST", .pattern = "/api/cancel/{task_id}", .handler = cancel},
    {0}};
