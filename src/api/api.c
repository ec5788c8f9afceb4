/* The door: version, errors, log, and how structs cross it. */
#include "api/handles.h"

#include "base/log.h"
#include "base/memory.h"

#include <string.h>

#define X(name, value, text) _Static_assert((int)ID4_##name == (int)I4_E_##name, "status " text);
I4_STATUS_LIST(X)
#undef X
_Static_assert(sizeof(id4_error) == sizeof(i4_err), "the public error is the internal one");
_Static_assert((int)ID4_PNG == (int)I4_PNG && (int)ID4_WEBP == (int)I4_WEBP &&
                   (int)ID4_JPEG == (int)I4_JPEG,
               "image formats");
_Static_assert((int)ID4_PHASE_DECODE == (int)I4_PHASE_DECODE, "phases");
_Static_assert((int)ID4_LOG_TRACE == (int)I4_LOG_TRACE, "log levels");
_Static_assert((int)ID4_STEPS_MAX == (int)I4_LIMIT_STEPS, "steps");

/* Runs with an internal error and gives its status; err may be NULL. */
id4_status i4_leave(bool ok, const i4_err *inner, id4_error *err) {
    if (ok) {
        return ID4_OK;
    }
    if (err != NULL) {
        memcpy(err, inner, sizeof *err);
    }
    return (id4_status)inner->status;
}

id4_status i4_refuse(id4_error *err, const char *text) {
    i4_err inner;
    i4_fail(&inner, I4_E_INVALID_ARGUMENT, "%s", text);
    return i4_leave(false, &inner, err);
}

id4_status i4_no_memory(id4_error *err, const char *what, size_t bytes) {
    i4_err inner;
    i4_fail_memory(&inner, what, bytes);
    return i4_leave(false, &inner, err);
}

/* Copies what both sides know of a growing struct; the rest keeps its default. */
void i4_take(void *ours, size_t our_size, const void *theirs, size_t their_size) {
    const size_t size = their_size < our_size ? their_size : our_size;
    if (theirs != NULL) {
        memcpy(ours, theirs, size);
    }
}

void i4_give(void *theirs, size_t their_size, void *ours, size_t our_size) {
    const size_t size = their_size < our_size ? their_size : our_size;
    memcpy(ours, &their_size, sizeof their_size);
    memcpy(theirs, ours, size);
}

/* --- version, errors, log ---------------------------------------------------------------- */

const char *id4_version_string(void) {
    return ID4_VERSION_STRING;
}

int id4_abi(void) {
    return ID4_ABI;
}

const char *id4_status_name(id4_status status) {
    return i4_status_name((i4_status)status);
}

typedef struct log_sink {
    id4_log_fn fn;
    void *user;
} log_sink;

static void forward_log(i4_log_level level, const char *line, void *user) {
    const log_sink *sink = user;
    sink->fn((id4_log_level)level, line, sink->user);
}

void id4_set_log(id4_log_level lowest, id4_log_fn fn, void *user) {
    static log_sink sink; /* process-wide by contract, set before the first handle */
    sink = (log_sink){fn, user};
    i4_log_set((i4_log_level)lowest, fn != NULL ? forward_log : NULL, &sink);
}
