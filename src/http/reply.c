/* Answers: bodies of every kind, and the headers that all of them have. */
#include "base/memory.h"
#include "http/loop.h"
#include "http/wire.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const size_t largest_answer = (size_t)1 << 30;

void i4_reply_drop(i4_http_reply *reply) {
    if (reply->response) {
        MHD_destroy_response(reply->response);
        reply->response = NULL;
    }
}

void i4_reply_set(i4_http_reply *reply, int status, const char *type,
                  struct MHD_Response *response) {
    if (!response) {
        reply->out_of_memory = true;
        return;
    }
    if (reply->response) { /* a handler answers once: the first answer stands */
        MHD_destroy_response(response);
        return;
    }
    reply->response = response;
    reply->status = status;
    i4_reply_header(reply, "Content-Type", type);
}

void i4_reply_header(i4_http_reply *reply, const char *name, const char *value) {
    i4_http_request *r = reply->request;
    i4_reply_line *line = i4_req_alloc(r, sizeof *line);
    if (!line) {
        reply->out_of_memory = true;
        return;
    }
    *line = (i4_reply_line){.next = reply->lines,
                            .name = i4_request_copy(r, name, strlen(name)),
                            .value = i4_request_copy(r, value, strlen(value))};
    if (!line->name || !line->value) {
        reply->out_of_memory = true;
        return;
    }
    reply->lines = line;
}

/* --- bodies -------------------------------------------------------------------------------- */

void i4_reply_bytes(i4_http_reply *reply, int status, const char *type, void *bytes, size_t size) {
    struct MHD_Response *response =
        bytes ? MHD_create_response_from_buffer_with_free_callback(size, bytes, i4_free) : NULL;
    if (!response) {
        i4_free(bytes);
    }
    i4_reply_set(reply, status, type, response);
}

/* Takes the builder's bytes. */
static void reply_built(i4_http_reply *reply, int status, const char *type, i4_buf *out) {
    size_t size = 0;
    char *text = i4_buf_take(out, &size);
    i4_reply_bytes(reply, status, type, text, size);
}

/* Takes the value. */
static void reply_styled(i4_http_reply *reply, int status, json_t *value,
                         const i4_wire_style *style) {
    i4_buf out;
    i4_buf_init(&out, largest_answer);
    if (value) {
        i4_wire_write(value, style, &out);
    } else {
        out.failed = true;
    }
    json_decref(value);
    reply_built(reply, status, "application/json", &out);
}

void i4_reply_json(i4_http_reply *reply, int status, json_t *value) {
    reply_styled(reply, status, value, NULL);
}

void i4_reply_detail(i4_http_reply *reply, json_t *detail) {
    static const i4_wire_style style = {
        .comma = ",", .colon = ":", .string_limit = I4_HTTP_ECHO_BYTES};
    json_t *body = detail ? json_pack("{s:o}", "detail", detail) : NULL;
    reply_styled(reply, 422, body, &style);
}

void i4_reply_framework(i4_http_reply *reply, int status, const char *text) {
    i4_reply_json(reply, status, json_pack("{s:s}", "detail", text));
}

void i4_reply_error(i4_http_reply *reply, int status, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = strlen(text);
    while (size > 0 && !i4_utf8_valid(i4_str_of(text, size))) {
        size--; /* cut inside a character, or not text at all */
    }
    text[size] = '\0';
    i4_reply_json(reply, status, json_pack("{s:s}", "error", text));
}

void i4_reply_text(i4_http_reply *reply, int status, const char *type, const char *text) {
    i4_buf out;
    i4_buf_init(&out, largest_answer);
    i4_buf_adds(&out, text);
    reply_built(reply, status, type, &out);
}

/* --- headers of every answer --------------------------------------------------------------- */

static void add(struct MHD_Response *response, const char *name, const char *value) {
    /* Refused is only what is no header line; without memory the answer lacks a line. */
    (void)MHD_add_response_header(response, name, value);
}

static void add_cors(struct MHD_Response *response, const i4_http_request *r) {
    if (!r->allow_origin) {
        return;
    }
    add(response, "Access-Control-Allow-Origin", r->allow_origin);
    if (r->server->guard.credentials) {
        add(response, "Access-Control-Allow-Credentials", "true");
    }
    if (r->vary_origin) {
        add(response, "Vary", "Origin");
    }
}

static bool has_line(const i4_http_reply *reply, const char *name) {
    for (const i4_reply_line *line = reply->lines; line; line = line->next) {
        if (strcmp(line->name, name) == 0) {
            return true;
        }
    }
    return false;
}

void i4_reply_finish(i4_http_request *r) {
    struct MHD_Response *response = r->reply.response;
    for (const i4_reply_line *line = r->reply.lines; line; line = line->next) {
        add(response, line->name, line->value);
    }
    add(response, "X-Content-Type-Options", "nosniff");
    add(response, "X-Frame-Options", "DENY");
    add(response, "Cross-Origin-Resource-Policy",
        r->is_cross_origin ? "cross-origin" : "same-origin");
    add(response, "Referrer-Policy", "no-referrer");
    if (!has_line(&r->reply, "Content-Security-Policy")) { /* the page has its own */
        add(response, "Content-Security-Policy", "default-src 'self'");
    }
    add_cors(response, r);
    if (r->sets_cookie) {
        char cookie[640];
        snprintf(cookie, sizeof cookie, "id4_token=%s; Path=/; HttpOnly; SameSite=Strict",
                 r->server->token);
        add(response, "Set-Cookie", cookie);
    }
}
