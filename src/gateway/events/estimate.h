/* Floor 6, private to the gateway. How long pictures take on this machine: learned from finished
 * jobs, kept in the database (docs/api.md 1.1 `eta`, 1.2 `/api/estimate`). */
#ifndef I4_GATEWAY_ESTIMATE_H
#define I4_GATEWAY_ESTIMATE_H

#include "gateway/gateway.h"

typedef struct i4_size_preset {
    const char *preset;
    int64_t width, height;
} i4_size_preset;

/* The presets of the model, quickest first. */
enum { I4_PRESETS = 3 };
typedef struct i4_preset_facts {
    const char *name, *label;
    int steps;
} i4_preset_facts;
extern const i4_preset_facts i4_presets[I4_PRESETS];

/* What the daemon said about a job in `detail` (docs/api.md 7). Any thread. */
typedef struct i4_detail {
    const char *phase;             /* borrowed; "" unknown */
    int step, steps, preview_step; /* preview_step -1: none */
    double fraction, seconds, step_seconds;
} i4_detail;

/* Reads the member `detail` of a status; false if there is none (an older daemon). */
bool i4_status_detail(const json_t *status, i4_detail *detail);

/* A finished drawing: phase_seconds as in `detail`. Best effort. */
void i4_estimate_learn(i4_gateway *gateway, const i4_size_preset *picture,
                       const json_t *phase_seconds, int steps);
/* Expected seconds of a whole picture; *basis "history", "scaled" or "none" (then false). */
bool i4_estimate_whole(i4_gateway *gateway, const i4_size_preset *picture, double *seconds,
                       const char **basis);
/* Seconds left of a running one, false while that cannot be said honestly: fewer than two finished
 * steps. `before` is the last answer for this job and when it was given (monotonic; has_before):
 * the estimate never grows within a step and never by more than a fifth at once. */
typedef struct i4_eta {
    bool has_before;
    double seconds, at;
    int step;
} i4_eta;
bool i4_estimate_rest(i4_gateway *gateway, const i4_size_preset *picture, const i4_detail *detail,
                      i4_eta *before, double *seconds);

#endif
