/* Floor 0. Slices and the one growing string builder, capped at creation.
 *
 * A builder's failure is sticky: append freely, look once at the end. */
#ifndef I4_BASE_STR_H
#define I4_BASE_STR_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct i4_str {
    const char *ptr; /* borrowed, not NUL-terminated, may hold NUL bytes */
    size_t len;
} i4_str;

static inline i4_str i4_str_of(const char *ptr, size_t len) {
    i4_str s = {ptr, len};
    return s;
}
i4_str i4_str_c(const char *text); /* strlen(text) bytes; NULL gives an empty slice */
bool i4_str_eq(i4_str a, i4_str b);
bool i4_str_is(i4_str a, const char *text);
bool i4_str_starts(i4_str a, const char *prefix);
bool i4_str_ends(i4_str a, const char *suffix);

typedef struct i4_buf {
    char *ptr; /* owned; NUL-terminated after every append, the NUL not counted */
    size_t len, capacity, limit;
    bool failed; /* out of memory, or past the limit */
    bool over_limit;
} i4_buf;

void i4_buf_init(i4_buf *b, size_t limit_bytes);
void i4_buf_free(i4_buf *b);
void i4_buf_add(i4_buf *b, const void *bytes, size_t len);
void i4_buf_adds(i4_buf *b, const char *text);
void i4_buf_addc(i4_buf *b, char c);
void i4_buf_addf(i4_buf *b, const char *format, ...) I4_PRINTF(2, 3);
/* Appends the UTF-8 form of a code point (surrogates and > U+10FFFF become U+FFFD). */
void i4_buf_add_utf8(i4_buf *b, uint32_t code_point);
/* Gives the bytes to the caller (i4_free) and empties the builder; NULL if it failed. */
char *i4_buf_take(i4_buf *b, size_t *len);

/* Decodes one code point of s at *pos and moves *pos past it; false on invalid UTF-8 (overlong,
 * surrogate, truncated), leaving *pos. */
bool i4_utf8_next(i4_str s, size_t *pos, uint32_t *code_point);
bool i4_utf8_valid(i4_str s);

#endif
