/* Floor 6, private to the daemon. When a model that nobody uses is unloaded. A model that was
 * unloaded so is asleep: the next drawing loads it again, because whoever asked for it may have
 * seen it loaded. Guarded by the table's mutex. */
#ifndef I4_DAEMON_IDLE_H
#define I4_DAEMON_IDLE_H

#include <jansson.h>
#include <stdbool.h>

enum { I4_IDLE_MINUTES_MAX = 24 * 60 };

typedef struct i4_idle {
    int minutes;           /* 0: the model stays */
    double minute_seconds; /* 60; set once before threads exist */
    double since;          /* monotonic: the last work ended, or minutes were set */
    bool is_asleep;
} i4_idle;

/* Until the model may go; not below 0. */
double i4_idle_left(const i4_idle *idle, double now);
/* {"minutes", "seconds_left"}, null if it is off; seconds_left is null without a model. */
json_t *i4_idle_json(const i4_idle *idle, bool is_loaded, bool is_busy, double now);

#endif
