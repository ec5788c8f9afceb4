/* Floor 0. One event, one line: "area: sentence key=value". Process-wide sink, none at first
 * (the library never prints). Never captions at info; never secrets. Any thread. */
#ifndef I4_BASE_LOG_H
#define I4_BASE_LOG_H

#include "base/status.h"

typedef enum i4_log_level {
    I4_LOG_ERROR,
    I4_LOG_WARN,
    I4_LOG_INFO,
    I4_LOG_DEBUG,
    I4_LOG_TRACE
} i4_log_level;

typedef void (*i4_log_fn)(i4_log_level level, const char *line, void *user);

void i4_log_set(i4_log_level lowest, i4_log_fn fn, void *user);
bool i4_log_on(i4_log_level level);
void i4_log(i4_log_level level, const char *area, const char *format, ...) I4_PRINTF(3, 4);

#endif
