/* Routes of events and estimates; that of capabilities is in a file of its own. */
#include "gateway/events/estimate.h"
#include "gateway/events/inside.h"

#include <stdio.h>
#include <string.h>

enum { FALLBACK_SIDE = 1024 };

/* --- events -------------------------------------------------------------------------------- */

static void listen_to(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    i4_err err = {0};
    const char *last_id = i4_req_header(request, "Last-Event-ID");
    if (!last_id) {
        last_id = i4_req_query(request, "last_event_id");
    }
    i4_listener *listener = i4_listener_new(gateway->events, i4_req_server(request), last_id, &err);
    if (!listener) {
        i4_reply_error(reply, 503, "%s", err.text);
        return;
    }
    i4_reply_stream(reply, "text/event-stream", i4_listener_next, i4_listener_end, listener);
}

/* --- estimates ----------------------------------------------------------------------------- */

/* As the rows of docs/http-api.md 2.4, for a parameter of the query. */
static void refuse(i4_http_request *request, i4_http_reply *reply, const char *name,
                   const char *reason) {
    json_t *row = json_pack("{s:s, s:[s,s], s:o, s:s, s:{s:{}}}", "type", "value_error", "loc",
                            "query", name, "msg", json_sprintf("Value error, %s", reason), "input",
                            i4_req_query(request, name), "ctx", "error");
    i4_reply_json(reply, 422, row ? json_pack("{s:[o]}", "detail", row) : NULL);
}

/* False when the refusal has been given. */
static bool read_side(i4_http_request *request, i4_http_reply *reply, const i4_settings *s,
                      const char *name, int64_t *side) {
    char reason[128];
    i4_check c;
    *side = FALLBACK_SIDE;
    i4_check_begin(&c, request);
    const bool is_given = i4_check_query_int(&c, name, false, side);
    if (i4_check_failed(&c, reply)) {
        return false;
    }
    if (is_given && (*side < s->min_size || *side > s->max_size || *side % s->size_multiple)) {
        snprintf(reason, sizeof reason, "not a multiple of %d between %d and %d", s->size_multiple,
                 s->min_size, s->max_size);
        refuse(request, reply, name, reason);
        return false;
    }
    return true;
}

static bool read_preset(i4_http_request *request, i4_http_reply *reply, const i4_settings *s,
                        const char **preset) {
    *preset = i4_req_query(request, "preset");
    if (!*preset) {
        *preset = s->default_preset;
        return true;
    }
    for (int i = 0; i < I4_PRESETS; i++) {
        if (strcmp(*preset, i4_presets[i].name) == 0) {
            return true;
        }
    }
    refuse(request, reply, "preset", "not one of V4_TURBO_12, V4_DEFAULT_20, V4_QUALITY_48");
    return false;
}

static void estimate(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    i4_size_preset picture;
    if (!read_side(request, reply, gateway->settings, "width", &picture.width) ||
        !read_side(request, reply, gateway->settings, "height", &picture.height) ||
        !read_preset(request, reply, gateway->settings, &picture.preset)) {
        return;
    }
    double seconds;
    const char *basis;
    const bool is_known = i4_estimate_whole(gateway, &picture, &seconds, &basis);
    i4_reply_json(reply, 200,
                  json_pack("{s:o, s:s}", "seconds", is_known ? json_real(seconds) : json_null(),
                            "basis", basis));
}

/* The daemon is asked for capabilities, and may hang: that is no quick route. */
const i4_route i4_event_routes[] = {
    {.method = "GET", .pattern = "/api/events", .handler = listen_to},
    {.method = "GET", .pattern = "/api/estimate", .handler = estimate},
    {.method = "GET",
     .pattern = "/api/capabilities",
     .slow = true,
     .handler = i4_answer_capabilities},
    {0}};
