/* The time without work: see idle.h. */
#include "daemon/idle.h"

#include <math.h>

static double whole(const i4_idle *idle) {
    return (double)idle->minutes * idle->minute_seconds;
}

double i4_idle_left(const i4_idle *idle, double now) {
    const double left = idle->since + whole(idle) - now;
    return left > 0.0 ? left : 0.0;
}

json_t *i4_idle_json(const i4_idle *idle, bool is_loaded, bool is_busy, double now) {
    if (idle->minutes == 0) {
        return json_null();
    }
    const double left = is_busy ? whole(idle) : i4_idle_left(idle, now);
    return json_pack("{s:i, s:o}", "minutes", idle->minutes, "seconds_left",
                     is_loaded ? json_integer((json_int_t)ceil(left)) : json_null());
}
