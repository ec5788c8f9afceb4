/* Errors in OpenAI's shape. */
#include "gateway/openai/openai.h"
#include "http/wire.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct shape {
    int status;
    const char *type, *code; /* code NULL: null */
    bool is_final;           /* trying again would draw again */
} shape;

static const shape shapes[] = {
    [I4_OPENAI_NO_JSON] = {400, "invalid_request_error", NULL, true},
    [I4_OPENAI_TOO_LARGE] = {413, "invalid_request_error", "request_too_large", true},
    [I4_OPENAI_MISSING] = {400, "invalid_request_error", "missing_required_parameter", true},
    [I4_OPENAI_WRONG_TYPE] = {400, "invalid_request_error", "invalid_type", true},
    [I4_OPENAI_WRONG_VALUE] = {400, "invalid_request_error", "invalid_value", true},
    [I4_OPENAI_NO_MODEL] = {404, "invalid_request_error", "model_not_found", true},
    [I4_OPENAI_MANY_WAIT] = {429, "rate_limit_error", "rate_limit_exceeded", false},
    [I4_OPENAI_QUEUE_FULL] = {429, "rate_limit_error", "queue_full", false},
    [I4_OPENAI_BLOCKED] = {400, "image_generation_user_error", "moderation_blocked", true},
    [I4_OPENAI_FAILED] = {500, "server_error", "generation_failed", true},
    [I4_OPENAI_CANCELLED] = {500, "server_error", "generation_cancelled", true},
    [I4_OPENAI_STALLED] = {503, "server_error", "queue_stalled", true},
    [I4_OPENAI_STOPPING] = {503, "server_error", "service_stopping", true},
    [I4_OPENAI_NO_MEMORY] = {503, "server_error", "out_of_memory", false},
};

/* What a client sent may have been cut within a character. */
static void mend(char *text) {
    const i4_str all = i4_str_c(text);
    size_t pos = 0;
    uint32_t code_point;
    while (pos < all.len) {
        if (!i4_utf8_next(all, &pos, &code_point)) {
            text[pos++] = '?';
        }
    }
}

bool i4_openai_fail(i4_openai_fault *fault, i4_openai_kind kind, const char *param,
                    const char *format, ...) {
    char text[sizeof fault->err.text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mend(text);
    fault->kind = kind;
    fault->param = param;
    return i4_fail(&fault->err, I4_E_INVALID_ARGUMENT, "%s", text); /* cleans it */
}

static json_t *error_of(const i4_openai_fault *fault) {
    const shape *form = &shapes[fault->kind];
    return json_pack("{s:s, s:s, s:s?, s:s?}", "message", fault->err.text, "type", form->type,
                     "param", fault->param, "code", form->code);
}

void i4_openai_refuse(i4_http_reply *reply, const i4_openai_fault *fault) {
    if (shapes[fault->kind].is_final) {
        i4_reply_header(reply, "x-should-retry", "false");
    }
    i4_reply_json(reply, shapes[fault->kind].status, json_pack("{s:o}", "error", error_of(fault)));
}

void i4_openai_add_fault(i4_buf *out, const i4_openai_fault *fault) {
    json_t *event = json_pack("{s:s, s:o}", "type", "error", "error", error_of(fault));
    i4_buf_adds(out, "event: error\ndata: ");
    i4_wire_write(event, NULL, out);
    i4_buf_adds(out, "\n\n");
    out->failed = out->failed || !event;
    json_decref(event);
}
