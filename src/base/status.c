/* Statuses, error sentences, and the cleaning of text that comes from outside. */
#include "base/status.h"
#include "base/clean.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_control(uint32_t code_point) {
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
}

/* True when the rest of s from pos is the beginning of a longer, so far correct-looking sequence:
 * a lead byte and too few continuation bytes. */
static bool is_broken_off(i4_str s, size_t pos) {
    const unsigned char lead = (unsigned char)s.ptr[pos];
    const size_t need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    if (s.len - pos >= need) {
        return false;
    }
    for (size_t i = pos + 1; i < s.len; i++) {
        if (((unsigned char)s.ptr[i] & 0xc0) != 0x80) {
            return false;
        }
    }
    return true;
}

void i4_text_clean(char *text, bool was_cut) {
    const i4_str s = i4_str_c(text);
    size_t read = 0, write = 0;
    while (read < s.len) {
        const size_t start = read;
        uint32_t code_point;
        if (i4_utf8_next(s, &read, &code_point)) {
            if (is_control(code_point)) {
                text[write++] = '?';
            } else {
                memmove(text + write, text + start, read - start);
                write += read - start;
            }
        } else if (was_cut && is_broken_off(s, start)) {
            break;
        } else {
            text[write++] = '?';
            read++;
        }
    }
    text[write] = '\0';
}

bool i4_fail(i4_err *err, i4_status status, const char *format, ...) {
    if (!err) {
        return false;
    }
    /* Formatted aside: an argument may point into err->text. */
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0) {
        snprintf(text, sizeof text, "%s", i4_status_name(status));
    }
    i4_text_clean(text, length >= (int)sizeof text);
    err->status = status;
    memcpy(err->text, text, strlen(text) + 1);
    return false;
}

bool i4_fail_memory(i4_err *err, const char *what, size_t bytes) {
    return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for %s (%zu bytes)", what, bytes);
}

const char *i4_status_name(i4_status status) {
    switch (status) {
#define X(name, value, text) \
    case I4_E_##name:        \
        return text;
        I4_STATUS_LIST(X)
#undef X
    }
    return "unknown status";
}
