/* Slices, the string builder, UTF-8. */
#include "base/str.h"
#include "base/checked.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

i4_str i4_str_c(const char *text) {
    return i4_str_of(text, text ? strlen(text) : 0);
}

bool i4_str_eq(i4_str a, i4_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool i4_str_is(i4_str a, const char *text) {
    return i4_str_eq(a, i4_str_c(text));
}

bool i4_str_starts(i4_str a, const char *prefix) {
    const i4_str p = i4_str_c(prefix);
    return p.len <= a.len && i4_str_eq(i4_str_of(a.ptr, p.len), p);
}

bool i4_str_ends(i4_str a, const char *suffix) {
    const i4_str s = i4_str_c(suffix);
    return s.len == 0 || (s.len <= a.len && i4_str_eq(i4_str_of(a.ptr + a.len - s.len, s.len), s));
}

void i4_buf_init(i4_buf *b, size_t limit_bytes) {
    *b = (i4_buf){.limit = limit_bytes};
}

void i4_buf_free(i4_buf *b) {
    i4_free(b->ptr);
    i4_buf_init(b, b->limit);
}

/* Makes room for `more` bytes and the NUL; false, and failed for good, when that cannot be. */
static bool make_room(i4_buf *b, size_t more) {
    if (b->failed) {
        return false;
    }
    size_t need;
    if (!i4_add_size(b->len, more, &need) || need > b->limit || need == SIZE_MAX) {
        b->failed = b->over_limit = true;
        return false;
    }
    if (need < b->capacity) {
        return true;
    }
    size_t capacity = b->capacity <= SIZE_MAX / 2 ? b->capacity * 2 : SIZE_MAX;
    if (capacity <= need) {
        capacity = need + 1;
    }
    if (capacity < 64) {
        capacity = 64;
    }
    char *ptr = i4_realloc(b->ptr, capacity);
    if (!ptr) {
        b->failed = true;
        return false;
    }
    b->ptr = ptr;
    b->capacity = capacity;
    return true;
}

void i4_buf_add(i4_buf *b, const void *bytes, size_t len) {
    if (!make_room(b, len)) {
        return;
    }
    if (len > 0) {
        memcpy(b->ptr + b->len, bytes, len);
    }
    b->len += len;
    b->ptr[b->len] = '\0';
}

void i4_buf_adds(i4_buf *b, const char *text) {
    const i4_str s = i4_str_c(text);
    i4_buf_add(b, s.ptr, s.len);
}

void i4_buf_addc(i4_buf *b, char c) {
    i4_buf_add(b, &c, 1);
}

void i4_buf_addf(i4_buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) {
        b->failed = true;
    } else if (make_room(b, (size_t)length)) {
        vsnprintf(b->ptr + b->len, (size_t)length + 1, format, again);
        b->len += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void i4_buf_add_utf8(i4_buf *b, uint32_t code_point) {
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point < 0xe000)) {
        code_point = 0xfffd;
    }
    const uint32_t c = code_point;
    char bytes[4];
    size_t len = 0;
    if (c < 0x80) {
        bytes[len++] = (char)c;
    } else if (c < 0x800) {
        bytes[len++] = (char)(0xc0 | c >> 6);
        bytes[len++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[len++] = (char)(0xe0 | c >> 12);
        bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (char)(0x80 | (c & 0x3f));
    } else {
        bytes[len++] = (char)(0xf0 | c >> 18);
        bytes[len++] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[len++] = (char)(0x80 | (c & 0x3f));
    }
    i4_buf_add(b, bytes, len);
}

char *i4_buf_take(i4_buf *b, size_t *len) {
    i4_buf_add(b, NULL, 0); /* a builder never appended to still gives a string */
    if (b->failed) {
        i4_buf_free(b);
        return NULL;
    }
    char *ptr = b->ptr;
    if (len) {
        *len = b->len;
    }
    i4_buf_init(b, b->limit);
    return ptr;
}

bool i4_utf8_next(i4_str s, size_t *pos, uint32_t *code_point) {
    if (*pos >= s.len) {
        return false;
    }
    const unsigned char *p = (const unsigned char *)s.ptr + *pos;
    const size_t left = s.len - *pos;
    if (p[0] < 0x80) {
        *code_point = p[0];
        *pos += 1;
        return true;
    }
    const size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < size) {
        return false;
    }
    uint32_t c = p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return false;
        }
        c = c << 6 | (p[i] & 0x3fu);
    }
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < smallest[size] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return false;
    }
    *code_point = c;
    *pos += size;
    return true;
}

bool i4_utf8_valid(i4_str s) {
    size_t pos = 0;
    uint32_t code_point;
    while (pos < s.len) {
        if (!i4_utf8_next(s, &pos, &code_point)) {
            return false;
        }
    }
    return true;
}
