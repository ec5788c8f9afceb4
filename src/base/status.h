/* Floor 0. The list of statuses and the one way to fail.
 *
 * Every fallible internal function returns bool (or a pointer) and fills an i4_err with one
 * sentence that says what is wrong and what to do. The sentence is written once, where it is
 * known; callers only pass it on. Threads: an i4_err belongs to its caller. */
#ifndef I4_BASE_STATUS_H
#define I4_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* name, value (fixed for ever: the public header repeats it), text */
#define I4_STATUS_LIST(X)                       \
    X(OK, 0, "ok")                              \
    X(CANCELLED, -1, "cancelled")               \
    X(INVALID_ARGUMENT, -2, "invalid argument") \
    X(NOT_FOUND, -3, "not found")               \
    X(IO, -4, "input/output error")             \
    X(FORMAT, -5, "malformed data")             \
    X(UNSUPPORTED, -6, "not supported")         \
    X(OUT_OF_MEMORY, -7, "out of memory")       \
    X(DEVICE, -8, "device error")               \
    X(BUSY, -9, "busy")                         \
    X(INTERNAL, -10, "internal error")

typedef enum i4_status {
#define X(name, value, text) I4_E_##name = (value),
    I4_STATUS_LIST(X)
#undef X
} i4_status;

typedef struct i4_err {
    i4_status status;
    char text[504]; /* UTF-8, NUL-terminated, one sentence without a final newline */
} i4_err;

#if defined(__GNUC__)
#define I4_PRINTF(format_index, first_argument) \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define I4_PRINTF(format_index, first_argument)
#endif

/* Fills *err (which may be NULL) and returns false, so that `return i4_fail(...)` is one line.
 * Control characters in the result are replaced by '?' (names come from hostile files); a
 * sentence that is too long is cut at a UTF-8 boundary. */
bool i4_fail(i4_err *err, i4_status status, const char *format, ...) I4_PRINTF(3, 4);

/* "not enough memory for WHAT (N bytes)" with status OUT_OF_MEMORY; returns false. */
bool i4_fail_memory(i4_err *err, const char *what, size_t bytes);

/* The constant text of a status; never NULL. */
const char *i4_status_name(i4_status status);

#endif
