/* The process-wide log sink. */
#include "base/log.h"
#include "base/clean.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

enum { LINE_BYTES = 1024 };

/* The lowest level that is heard, -1 for none; alone, so that a silent log costs one load. */
static atomic_int threshold = -1;

static pthread_mutex_t sink_mutex = PTHREAD_MUTEX_INITIALIZER;
static i4_log_fn sink_fn; /* sink_mutex */
static void *sink_user;   /* sink_mutex */

void i4_log_set(i4_log_level lowest, i4_log_fn fn, void *user) {
    pthread_mutex_lock(&sink_mutex);
    sink_fn = fn;
    sink_user = user;
    atomic_store_explicit(&threshold, fn ? (int)lowest : -1, memory_order_relaxed);
    pthread_mutex_unlock(&sink_mutex);
}

bool i4_log_on(i4_log_level level) {
    return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

/* Called without the mutex, so that a sink may itself log or change the sink. */
static void send(i4_log_level level, const char *line) {
    pthread_mutex_lock(&sink_mutex);
    const i4_log_fn fn = sink_fn;
    void *user = sink_user;
    pthread_mutex_unlock(&sink_mutex);
    if (fn) {
        fn(level, line, user);
    }
}

void i4_log(i4_log_level level, const char *area, const char *format, ...) {
    if (!i4_log_on(level)) {
        return;
    }
    char line[LINE_BYTES];
    int used = snprintf(line, sizeof line, "%s: ", area);
    if (used < 0 || used >= LINE_BYTES) {
        return;
    }
    va_list args;
    va_start(args, format);
    const int more = vsnprintf(line + used, sizeof line - (size_t)used, format, args);
    va_end(args);
    if (more < 0) {
        return;
    }
    i4_text_clean(line, more >= LINE_BYTES - used);
    send(level, line);
}
