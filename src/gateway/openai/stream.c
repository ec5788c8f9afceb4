/* Answers that are streams of events: previews while a picture is drawn, then the picture. Several
 * pictures come one after the other. The stream is woken by the log of events, looks at its job and
 * says what is new; a client that goes away stops nothing. */
#include "base/memory.h"
#include "base/os.h"
#include "gateway/events/events.h"
#include "gateway/openai/openai.h"
#include "gateway/queue/queue.h"

#include <inttypes.h>

typedef struct drawing {
    i4_gateway *gateway;
    i4_listener *listener; /* only so that the stream is woken */
    i4_openai_order order;
    int64_t ids[I4_OPENAI_PICTURES];
    int at;             /* index of the picture that is due */
    int partials, step; /* previews of it that were sent, step of the last one that was asked for */
} drawing;

static int64_t number_of(const json_t *job, const char *key) {
    const json_t *value = json_object_get(job, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void begin_event(const char *name, i4_buf *out) {
    i4_buf_addf(out, "event: %s\ndata: {\"type\":\"%s\",\"b64_json\":\"", name, name);
}

static void end_event(i4_buf *out) {
    i4_buf_adds(out, "}\n\n");
}

static void add_time(i4_buf *out) {
    i4_buf_addf(out, "\",\"created_at\":%" PRId64, i4_unix_seconds());
}

/* Previews are spread evenly over the steps; the picture itself is none of them. */
static void add_partial(drawing *d, const json_t *job, i4_buf *out) {
    const int64_t step = number_of(job, "preview_step"), steps = number_of(job, "steps");
    i4_answer preview = {0};
    if (d->partials >= d->order.partials || step <= d->step || steps <= 0 ||
        step * (d->order.partials + 1) < steps * (d->partials + 1)) {
        return;
    }
    d->step = (int)step; /* asked for once: a daemon that hangs must not hold up the streams */
    if (i4_queue_preview(d->gateway->queue, d->ids[d->at], -1, &preview)) {
        begin_event("image_generation.partial_image", out);
        i4_openai_add_base64(out, preview.body, preview.size);
        add_time(out);
        i4_openai_add_facts(out, &d->order, "jpeg");
        i4_buf_addf(out, ",\"partial_image_index\":%d", d->partials);
        end_event(out);
        d->partials++;
    }
    i4_answer_free(&preview);
}

static bool add_picture(drawing *d, int64_t image_id, i4_buf *out, i4_openai_fault *fault) {
    char *bytes;
    size_t size;
    if (!i4_openai_bytes(d->gateway, image_id, &bytes, &size, fault)) {
        return false;
    }
    begin_event("image_generation.completed", out);
    i4_openai_add_base64(out, bytes, size);
    add_time(out);
    i4_openai_add_facts(out, &d->order, d->order.format);
    i4_openai_add_usage(out);
    end_event(out);
    i4_free(bytes);
    d->at++;
    d->partials = 0;
    d->step = -1;
    return true;
}

static bool next(void *user, i4_buf *out) {
    drawing *d = user;
    while (d->at < d->order.count && out->len < I4_STREAM_BYTES) {
        i4_openai_fault fault;
        int64_t image_id = -1;
        json_t *job = i4_queue_job(d->gateway->queue, d->ids[d->at]);
        const i4_openai_state state = i4_openai_look(job, &image_id, &fault);
        if (state == I4_OPENAI_OPEN) {
            add_partial(d, job, out);
            json_decref(job);
            return true;
        }
        json_decref(job);
        if (state == I4_OPENAI_LOST || !add_picture(d, image_id, out, &fault)) {
            i4_openai_add_fault(out, &fault);
            return false;
        }
    }
    return d->at < d->order.count;
}

static void end(void *user) {
    drawing *d = user;
    i4_listener_end(d->listener);
    i4_openai_order_free(&d->order);
    i4_free(d);
}

bool i4_openai_stream(i4_gateway *gateway, i4_http_request *request, i4_http_reply *reply,
                      i4_openai_order *order, i4_openai_fault *fault) {
    i4_err err = {0};
    drawing *d = i4_calloc(1, sizeof *d);
    if (!d) {
        return i4_openai_fail(fault, I4_OPENAI_NO_MEMORY, NULL, "not enough memory; try again");
    }
    d->listener = i4_listener_new(gateway->events, i4_req_server(request), NULL, &err);
    if (!d->listener) {
        i4_free(d);
        return i4_openai_fail(fault, I4_OPENAI_MANY_WAIT, NULL, "%s", err.text);
    }
    d->gateway = gateway;
    d->order = *order;
    d->step = -1;
    *order = (i4_openai_order){0};
    if (!i4_openai_add(gateway, &d->order, d->ids, fault)) {
        end(d);
        return false;
    }
    i4_reply_stream(reply, "text/event-stream", next, end, d);
    return true;
}
