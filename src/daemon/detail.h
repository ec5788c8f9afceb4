/* Floor 6, private to the daemon. How far a drawing is, as docs/api.md 7 tells it: part of its job,
 * guarded by the table's mutex. All zero: not begun. */
#ifndef I4_DAEMON_DETAIL_H
#define I4_DAEMON_DETAIL_H

#include <ideogram4.h>
#include <jansson.h>
#include <stdbool.h>

/* What is timed, in this order. */
typedef enum i4_part {
    I4_PART_ENCODE,
    I4_PART_DENOISE,
    I4_PART_DECODE,
    I4_PART_SAVE,
    I4_PART_COUNT
} i4_part;

typedef struct i4_detail {
    int step, steps; /* finished, of all */
    double fraction; /* 0..1, never falls */
    double begun;    /* monotonic; 0: not yet */
    double seconds;  /* it took, once it is over */
    bool is_over;
    double step_seconds; /* mean of the finished steps */
    double part_seconds[I4_PART_COUNT];
    int parts;         /* finished ones */
    double save_begun; /* monotonic */
} i4_detail;

void i4_detail_begin(i4_detail *d, int steps, double now);
void i4_detail_compute(i4_detail *d, const id4_progress *p);
void i4_detail_computed(i4_detail *d, const id4_stats *stats, double now);
/* The picture is made; what is left is to write it, which is not timed: its times go along. */
void i4_detail_saved(i4_detail *d, double now);
/* Over, whichever way. */
void i4_detail_end(i4_detail *d, double now);

/* `detail` of docs/api.md 7, times to a tenth of a millisecond; preview_step < 0: null. */
json_t *i4_detail_json(const i4_detail *d, const char *phase, int preview_step, double now);
/* Out of such JSON, of a finished drawing; what is no time is none. */
void i4_detail_read(i4_detail *d, const json_t *json, int steps);

#endif
