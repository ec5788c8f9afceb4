/* Routes in the form of OpenAI's image API (docs/api.md 6): models, and pictures in one answer. */
#include "gateway/openai/openai.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/queue/queue.h"
#include "gateway/tasks/tasks.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { WAITING_MOST = 4, BODY_LIMIT = 16 << 20, ANSWER_BYTES = 1 << 30 };
static const double look_seconds = 1;
static const double stalled_seconds = 600; /* without anything happening, while ours is pending */
static const json_int_t models_created = 1780876800; /* 2026-06-08 */

/* Requests that wait for their pictures: each of them holds a worker. */
static atomic_int waiting;

/* --- waiting ------------------------------------------------------------------------------- */

typedef struct outcome {
    i4_openai_state state;
    int64_t image_id;
    i4_openai_fault fault; /* LOST */
    bool is_running;
} outcome;

/* False while one of them is to come. */
static bool look_at_all(i4_gateway *gateway, const int64_t *ids, int count, outcome *outcomes) {
    bool are_over = true;
    for (int i = 0; i < count; i++) {
        outcome *o = &outcomes[i];
        if (o->state != I4_OPENAI_OPEN) {
            continue;
        }
        json_t *job = i4_queue_job(gateway->queue, ids[i]);
        const char *state = json_string_value(json_object_get(job, "state"));
        o->state = i4_openai_look(job, &o->image_id, &o->fault);
        o->is_running = state && strcmp(state, "running") == 0;
        are_over = are_over && o->state != I4_OPENAI_OPEN;
        json_decref(job);
    }
    return are_over;
}

static bool is_any_running(const outcome *outcomes, int count) {
    for (int i = 0; i < count; i++) {
        if (outcomes[i].state == I4_OPENAI_OPEN && outcomes[i].is_running) {
            return true;
        }
    }
    return false;
}

/* Until all are over. It is looked at each second too, whoever may forget to tell. A queue that is
 * paused, or cannot go on, may stand for days: then the client is told so, and the pictures are
 * drawn all the same. */
static bool wait_for_all(i4_gateway *gateway, const int64_t *ids, int count, outcome *outcomes,
                         i4_openai_fault *fault) {
    uint64_t seen = 0;
    double news = i4_seconds();
    while (!look_at_all(gateway, ids, count, outcomes)) {
        const bool is_new = i4_queue_wait(gateway->queue, &seen, look_seconds);
        const double now = i4_seconds();
        if (!i4_tasks_running(gateway->tasks)) {
            return i4_openai_fail(fault, I4_OPENAI_STOPPING, NULL,
                                  "the service is stopping; what was ordered stays in the queue");
        }
        news = is_new || is_any_running(outcomes, count) ? now : news;
        if (now - news > stalled_seconds) {
            return i4_openai_fail(fault, I4_OPENAI_STALLED, NULL,
                                  "the queue stands still; what was ordered stays in it");
        }
    }
    return true;
}

/* --- the answer ---------------------------------------------------------------------------- */

static bool add_bytes(i4_gateway *gateway, int64_t image_id, i4_buf *out, i4_openai_fault *fault) {
    char *bytes;
    size_t size;
    if (!i4_openai_bytes(gateway, image_id, &bytes, &size, fault)) {
        return false;
    }
    i4_buf_adds(out, "{\"b64_json\":\"");
    i4_openai_add_base64(out, bytes, size);
    i4_buf_adds(out, "\"}");
    i4_free(bytes);
    return true;
}

/* Those that were drawn. When there is none, the fault is the first one's. */
static bool add_all(i4_gateway *gateway, const char *host, const i4_openai_order *order,
                    const outcome *outcomes, i4_buf *out, i4_openai_fault *fault) {
    int added = 0;
    bool has_fault = false;
    for (int i = 0; i < order->count; i++) {
        i4_openai_fault one = outcomes[i].fault;
        const size_t length = out->len;
        i4_buf_adds(out, added > 0 ? "," : "");
        bool is_added = outcomes[i].state == I4_OPENAI_DONE;
        if (is_added && order->wants_url) {
            i4_buf_addf(out, "{\"url\":\"http://%s/api/images/%" PRId64 "/file\"}", host,
                        outcomes[i].image_id);
        } else if (is_added) {
            is_added = add_bytes(gateway, outcomes[i].image_id, out, &one);
        }
        if (is_added) {
            added++;
            continue;
        }
        out->len = out->failed ? out->len : length;
        *fault = has_fault ? *fault : one;
        has_fault = true;
    }
    return added > 0;
}

static void answer(i4_gateway *gateway, i4_http_request *request, i4_http_reply *reply,
                   const i4_openai_order *order, const outcome *outcomes) {
    i4_openai_fault fault;
    i4_buf out;
    i4_buf_init(&out, ANSWER_BYTES);
    i4_buf_addf(&out, "{\"created\":%" PRId64 ",\"data\":[", i4_unix_seconds());
    if (!add_all(gateway, i4_req_header(request, "Host"), order, outcomes, &out, &fault)) {
        i4_openai_refuse(reply, &fault);
        i4_buf_free(&out);
        return;
    }
    i4_buf_adds(&out, "]");
    i4_openai_add_facts(&out, order, order->format);
    i4_openai_add_usage(&out);
    i4_buf_adds(&out, "}");
    size_t size;
    char *text = i4_buf_take(&out, &size);
    if (text) {
        i4_reply_bytes(reply, 200, "application/json", text, size);
    } else {
        i4_openai_fail(&fault, I4_OPENAI_FAILED, NULL,
                       "the pictures are too large for one answer: ask for their url");
        i4_openai_refuse(reply, &fault);
    }
}

/* --- POST /v1/images/generations ----------------------------------------------------------- */

static void draw_all(i4_gateway *gateway, i4_http_request *request, i4_http_reply *reply,
                     const i4_openai_order *order) {
    int64_t ids[I4_OPENAI_PICTURES];
    outcome outcomes[I4_OPENAI_PICTURES] = {0};
    i4_openai_fault fault;
    if (i4_openai_add(gateway, order, ids, &fault) &&
        wait_for_all(gateway, ids, order->count, outcomes, &fault)) {
        answer(gateway, request, reply, order, outcomes);
    } else {
        i4_openai_refuse(reply, &fault);
    }
}

static void draw_waiting(i4_gateway *gateway, i4_http_request *request, i4_http_reply *reply,
                         const i4_openai_order *order) {
    if (atomic_fetch_add(&waiting, 1) < WAITING_MOST) {
        draw_all(gateway, request, reply, order);
    } else {
        i4_openai_fault fault;
        i4_openai_fail(&fault, I4_OPENAI_MANY_WAIT, NULL,
                       "%d requests wait for their pictures already: try again when one of them "
                       "is answered, or ask for a stream",
                       WAITING_MOST);
        i4_openai_refuse(reply, &fault);
    }
    atomic_fetch_sub(&waiting, 1);
}

static void generate(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    i4_openai_order order;
    i4_openai_fault fault;
    const i4_str body = i4_req_bytes(request);
    if (!i4_openai_read(gateway, body.ptr, body.len, &order, &fault)) {
        i4_openai_refuse(reply, &fault);
    } else if (!order.is_stream) {
        draw_waiting(gateway, request, reply, &order);
    } else if (!i4_openai_stream(gateway, request, reply, &order, &fault)) {
        i4_openai_refuse(reply, &fault);
    }
    i4_openai_order_free(&order);
}

/* --- models -------------------------------------------------------------------------------- */

static json_t *model_of(const char *id) {
    return json_pack("{s:s, s:s, s:I, s:s}", "id", id, "object", "model", "created", models_created,
                     "owned_by", "ideogram");
}

static void list_models(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    (void)user;
    json_t *data = json_array();
    for (size_t i = 0; i4_openai_model(i); i++) {
        json_array_append_new(data, model_of(i4_openai_model(i)));
    }
    i4_reply_json(reply, 200, json_pack("{s:s, s:o}", "object", "list", "data", data));
}

static void one_model(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)user;
    const char *id = i4_req_param(request, "id");
    for (size_t i = 0; i4_openai_model(i); i++) {
        if (strcmp(i4_openai_model(i), id) == 0) {
            i4_reply_json(reply, 200, model_of(id));
            return;
        }
    }
    i4_openai_fault fault;
    i4_openai_no_model(&fault, id);
    i4_openai_refuse(reply, &fault);
}

const i4_route i4_openai_routes[] = {
    {.method = "POST",
     .pattern = "/v1/images/generations",
     .body = I4_BODY_BYTES,
     .body_limit = BODY_LIMIT,
     .slow = true,
     .handler = generate},
    {.method = "GET", .pattern = "/v1/models", .handler = list_models},
    {.method = "GET", .pattern = "/v1/models/{id}", .handler = one_model},
    {0}};
