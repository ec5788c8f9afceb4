/* Floor 1. A strict cursor over JSON text that allocates nothing.
 *
 * The safetensors header may be 100 MB of hostile text; a tree of it would cost many times that.
 * The cursor reads what is expected in order and skips the rest, checking the whole grammar of
 * RFC 8259. Text must already be valid UTF-8. The first problem sticks: read on freely within an
 * object, look once. */
#ifndef I4_IO_SCAN_H
#define I4_IO_SCAN_H

#include "base/str.h"

typedef struct i4_scan {
    const char *start, *at, *end;
    const char *problem; /* constant text; NULL while all is well */
} i4_scan;

static inline i4_scan i4_scan_of(const char *text, size_t size) {
    i4_scan s = {text, text, text + size, NULL};
    return s;
}
/* Notes the first problem; returns false. */
bool i4_scan_fail(i4_scan *s, const char *problem);

/* The next character that is not white space, not consumed; NUL at the end or after a problem. */
char i4_scan_peek(i4_scan *s);
/* Consumes that character if it is c. */
bool i4_scan_take(i4_scan *s, char c);
/* The same, but anything else is a problem. */
bool i4_scan_need(i4_scan *s, char c, const char *problem);
/* Only white space is left. */
bool i4_scan_done(i4_scan *s);

/* A string, decoded into out (NULL: only checked), which must hold as many bytes as the quoted
 * form; the result is NUL-terminated and *len its length (len may be NULL). */
bool i4_scan_string(i4_scan *s, char *out, size_t *len);
/* A whole number from 0 to INT64_MAX written without sign, fraction or exponent. */
bool i4_scan_whole(i4_scan *s, int64_t *out);
/* Any value, nested at most I4_LIMIT_JSON_DEPTH deep. */
bool i4_scan_skip(i4_scan *s);

/* Moves from one member or element to the next: true before each of them, false at the closing
 * character or a problem. Start with first = true after the opening character is consumed. */
bool i4_scan_next(i4_scan *s, char close, bool *first);

#endif
