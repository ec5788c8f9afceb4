/* POST /api/verify and the verifier's messages (docs/http-api.md 3.3, 9). The rules are those of
 * src/caption; here a caption is a value, so that checks of its spelling do not apply. */
#include "gateway/magic/magic.h"

#include "caption/caption.h"
#include "http/wire.h"

#include <string.h>

static bool add_message(json_t *messages, const i4_finding *finding) {
    /* Escapes in a text that we wrote ourselves are nobody's mistake. */
    return strcmp(finding->code, "T1") == 0 ||
           json_array_append_new(messages, json_sprintf("%s: %s", finding->path, finding->text)) ==
               0;
}

static bool add_messages(json_t *messages, i4_str text) {
    i4_findings findings = {0};
    i4_err err = {0};
    bool is_done = true;
    if (i4_caption_verify(text, &findings, &err)) {
        for (size_t i = 0; i < findings.count && is_done; i++) {
            is_done = add_message(messages, &findings.item[i]);
        }
    } else if (err.status == I4_E_INVALID_ARGUMENT) { /* too large */
        is_done = json_array_append_new(messages, json_sprintf("root: %s", err.text)) == 0;
    } else {
        is_done = false;
    }
    i4_findings_free(&findings);
    return is_done;
}

json_t *i4_verify(const json_t *caption) {
    i4_buf text;
    json_t *messages = json_array();
    i4_buf_init(&text, SIZE_MAX / 2);
    i4_wire_write(caption, NULL, &text);
    if (text.failed || !messages || !add_messages(messages, i4_str_of(text.ptr, text.len))) {
        json_decref(messages);
        messages = NULL;
    }
    i4_buf_free(&text);
    return messages;
}

void i4_verify_route(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)user;
    i4_check c;
    i4_check_begin(&c, request);
    const json_t *caption = i4_check_object_required(&c, "caption");
    if (i4_check_failed(&c, reply)) {
        return;
    }
    /* A verifier that cannot do its work must not stand in the way of drawing. */
    json_t *messages = i4_verify(caption);
    const bool is_valid = json_array_size(messages) == 0;
    i4_reply_json(
        reply, 200,
        json_pack("{s:b, s:o}", "valid", is_valid, "warnings", messages ? messages : json_array()));
}
