/* Field rules that several routes share. */
#include "gateway/checks.h"

#include "http/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int64_t i4_check_side(i4_check *c, const i4_settings *s, const char *field) {
    char reason[96];
    const int64_t side = i4_check_int(c, field, 1024);
    if (!i4_check_fine(c, field)) {
        return side;
    }
    if (side < s->min_size || side > s->max_size) {
        snprintf(reason, sizeof reason, "not between %d and %d", s->min_size, s->max_size);
        i4_check_rule(c, field, reason);
    } else if (side % s->size_multiple != 0) {
        snprintf(reason, sizeof reason, "not a multiple of %d", s->size_multiple);
        i4_check_rule(c, field, reason);
    }
    return side;
}

void i4_check_caption(i4_check *c, const json_t *caption, int64_t bytes_max) {
    if (!i4_check_fine(c, "caption")) {
        return;
    }
    static const i4_wire_style spaced = {.comma = ", ", .colon = ": "};
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX / 2);
    if (!json_is_string(caption)) {
        i4_wire_write(caption, &spaced, &text);
    }
    const size_t bytes = json_is_string(caption) ? json_string_length(caption) : text.len;
    c->out_of_memory = c->out_of_memory || text.failed;
    i4_buf_free(&text);
    if ((int64_t)bytes > bytes_max) {
        char reason[96];
        snprintf(reason, sizeof reason,
                 "the caption has %zu bytes; at most %" PRId64 " are allowed", bytes, bytes_max);
        i4_check_rule(c, "caption", reason);
    }
}

static bool is_sent(const i4_check *c, const char *field) {
    return json_object_get(c->body, field) != NULL;
}

static bool is_preset(const char *text) {
    return strcmp(text, "V4_TURBO_12") == 0 || strcmp(text, "V4_DEFAULT_20") == 0 ||
           strcmp(text, "V4_QUALITY_48") == 0;
}

const char *i4_check_preset(i4_check *c, const i4_settings *s) {
    const char *preset = i4_check_string(c, "preset", s->default_preset, 0, 0);
    if (is_sent(c, "preset") && i4_check_fine(c, "preset") && !is_preset(preset)) {
        i4_check_rule(c, "preset", "not one of V4_TURBO_12, V4_DEFAULT_20, V4_QUALITY_48");
    }
    return preset;
}

static const char *known_format(const char *text) {
    static const char *const formats[] = {"png", "webp", "jpeg"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const char *f = formats[i];
        size_t k = 0;
        while (f[k] && (text[k] == f[k] || text[k] == f[k] - 'a' + 'A')) {
            k++;
        }
        if (f[k] == '\0' && text[k] == '\0') {
            return f;
        }
    }
    return NULL;
}

const char *i4_check_format(i4_check *c, const i4_settings *s) {
    const char *said = i4_check_string(c, "format", s->default_format, 0, 0);
    if (!is_sent(c, "format") || !i4_check_fine(c, "format")) {
        return said;
    }
    const char *format = known_format(said);
    if (!format) {
        i4_check_rule(c, "format", "not one of png, webp, jpeg");
    }
    return format;
}
