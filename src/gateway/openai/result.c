/* What became of a job, in the words of an answer. */
#include "base/memory.h"
#include "base/os.h"
#include "gateway/openai/openai.h"

#include <inttypes.h>
#include <string.h>

enum { PICTURE_BYTES = 256 << 20 };

/* --- state --------------------------------------------------------------------------------- */

static bool has_state(const json_t *job, const char *state) {
    const char *text = json_string_value(json_object_get(job, "state"));
    return text && strcmp(text, state) == 0;
}

static void say_why(const json_t *job, i4_openai_fault *fault) {
    const char *error = json_string_value(json_object_get(job, "error"));
    i4_openai_fail(fault, I4_OPENAI_FAILED, NULL, "%s", error ? error : "the drawing failed");
}

i4_openai_state i4_openai_look(const json_t *job, int64_t *image_id, i4_openai_fault *fault) {
    const char *flag = json_string_value(json_object_get(job, "flag"));
    const json_t *image = json_object_get(job, "image_id");
    if (!job) {
        i4_openai_fail(fault, I4_OPENAI_CANCELLED, NULL, "the job was taken from the queue");
    } else if (has_state(job, "cancelled")) {
        i4_openai_fail(fault, I4_OPENAI_CANCELLED, NULL, "the job was cancelled");
    } else if (has_state(job, "failed")) {
        say_why(job, fault);
    } else if (!has_state(job, "done")) {
        return I4_OPENAI_OPEN;
    } else if (flag && strcmp(flag, "blocked") == 0) {
        i4_openai_fail(fault, I4_OPENAI_BLOCKED, "prompt",
                       "the model answered this prompt with its refusal card: say it in other "
                       "words, or try another seed");
    } else if (!json_is_integer(image)) {
        i4_openai_fail(fault, I4_OPENAI_FAILED, NULL, "the picture was removed");
    } else {
        *image_id = json_integer_value(image);
        return I4_OPENAI_DONE;
    }
    return I4_OPENAI_LOST;
}

/* --- picture ------------------------------------------------------------------------------- */

bool i4_openai_bytes(i4_gateway *gateway, int64_t image_id, char **bytes, size_t *size,
                     i4_openai_fault *fault) {
    char path[4096];
    json_t *row = NULL;
    i4_err err = {0};
    const i4_db_result result = i4_db_image(gateway->db, image_id, &row, &err);
    const char *name = json_string_value(json_object_get(row, "file_path"));
    const bool is_there = name && i4_output_path(gateway, name, path, sizeof path);
    json_decref(row);
    if (result == I4_DB_FAILED) {
        return i4_openai_fail(fault, I4_OPENAI_FAILED, NULL, "%s", err.text);
    }
    if (!is_there) {
        return i4_openai_fail(fault, I4_OPENAI_FAILED, NULL, "the picture was removed");
    }
    return i4_file_read(path, PICTURE_BYTES, bytes, size, &err) ||
           i4_openai_fail(fault, I4_OPENAI_FAILED, NULL, "%s", err.text);
}

/* --- text ---------------------------------------------------------------------------------- */

void i4_openai_add_base64(i4_buf *out, const void *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = bytes;
    char text[4096];
    size_t used = 0;
    for (size_t i = 0; i < size; i += 3) {
        const size_t count = size - i < 3 ? size - i : 3;
        const uint32_t three = (uint32_t)in[i] << 16 | (count > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                               (count > 2 ? in[i + 2] : 0);
        text[used++] = digits[three >> 18];
        text[used++] = digits[three >> 12 & 63];
        text[used++] = count > 1 ? digits[three >> 6 & 63] : '=';
        text[used++] = count > 2 ? digits[three & 63] : '=';
        if (used == sizeof text) {
            i4_buf_add(out, text, used);
            used = 0;
        }
    }
    i4_buf_add(out, text, used);
}

void i4_openai_add_facts(i4_buf *out, const i4_openai_order *order, const char *format) {
    i4_buf_addf(out,
                ",\"size\":\"%" PRId64 "x%" PRId64 "\",\"quality\":\"%s\","
                "\"background\":\"opaque\",\"output_format\":\"%s\"",
                order->width, order->height, order->quality, format);
}

void i4_openai_add_usage(i4_buf *out) {
    i4_buf_adds(out, ",\"usage\":{\"total_tokens\":0,\"input_tokens\":0,\"output_tokens\":0,"
                     "\"input_tokens_details\":{\"text_tokens\":0,\"image_tokens\":0}}");
}
