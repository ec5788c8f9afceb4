/* How far a drawing is: see detail.h. */
#include "daemon/detail.h"

#include <math.h>

/* Of the whole that the engine's part counts for; the rest is encoding and writing the file. */
static const double engine_share = 0.98;

void i4_detail_begin(i4_detail *d, int steps, double now) {
    *d = (i4_detail){.steps = steps, .begun = now};
}

static void finish_part(i4_detail *d, i4_part part, double seconds) {
    d->part_seconds[part] = seconds > 0.0 ? seconds : 0.0;
    d->parts = (int)part + 1;
}

void i4_detail_compute(i4_detail *d, const id4_progress *p) {
    const double fraction = engine_share * p->fraction;
    d->fraction = fraction > d->fraction ? fraction : d->fraction;
    if (p->phase == ID4_PHASE_DENOISE) {
        if (d->parts == I4_PART_ENCODE) {
            finish_part(d, I4_PART_ENCODE, p->seconds);
        }
        d->step = p->step_index;
        d->steps = p->step_count > 0 ? p->step_count : d->steps; /* 0 before the first step */
        d->step_seconds = p->step_seconds;
    } else if (p->phase == ID4_PHASE_DECODE && d->parts == I4_PART_DENOISE) {
        finish_part(d, I4_PART_DENOISE, p->seconds - d->part_seconds[I4_PART_ENCODE]);
        d->step = d->steps;
        d->step_seconds = p->step_seconds;
    }
}

void i4_detail_computed(i4_detail *d, const id4_stats *stats, double now) {
    finish_part(d, I4_PART_ENCODE, stats->encode_seconds);
    finish_part(d, I4_PART_DENOISE, stats->denoise_seconds);
    finish_part(d, I4_PART_DECODE, stats->decode_seconds);
    d->step = d->steps = stats->steps;
    d->fraction = engine_share;
    d->save_begun = now;
}

void i4_detail_saved(i4_detail *d, double now) {
    finish_part(d, I4_PART_SAVE, now - d->save_begun);
    d->fraction = 1.0;
    i4_detail_end(d, now);
}

void i4_detail_end(i4_detail *d, double now) {
    if (!d->is_over) {
        d->is_over = true;
        d->seconds = d->begun > 0.0 ? now - d->begun : 0.0;
    }
}

/* --- as JSON -------------------------------------------------------------------------------- */

static const char *const part_names[] = {"encode", "denoise", "decode", "save"};

static json_t *rounded(double value) {
    return json_real(round(value * 1e4) / 1e4);
}

json_t *i4_detail_json(const i4_detail *d, const char *phase, int preview_step, double now) {
    const double since = d->begun > 0.0 ? now - d->begun : 0.0;
    json_t *parts = json_object();
    for (int i = 0; i < I4_PART_COUNT; i++) {
        json_object_set_new(parts, part_names[i],
                            i < d->parts ? rounded(d->part_seconds[i]) : json_null());
    }
    return json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "phase", phase, "step", d->step,
                     "steps", d->steps, "fraction", rounded(d->fraction), "seconds",
                     rounded(d->is_over ? d->seconds : since), "step_seconds",
                     rounded(d->step_seconds), "preview_step",
                     preview_step >= 0 ? json_integer(preview_step) : json_null(), "phase_seconds",
                     parts);
}

/* False: no number of seconds. */
static bool read_seconds(const json_t *object, const char *key, double *out) {
    const json_t *value = json_object_get(object, key);
    const double seconds = json_number_value(value);
    const bool is_fine = json_is_number(value) && seconds >= 0.0 && seconds < 1e9;
    *out = is_fine ? seconds : 0.0;
    return is_fine;
}

void i4_detail_read(i4_detail *d, const json_t *json, int steps) {
    const json_t *parts = json_object_get(json, "phase_seconds");
    *d = (i4_detail){.step = steps, .steps = steps, .fraction = 1.0, .is_over = true};
    (void)read_seconds(json, "seconds", &d->seconds);
    (void)read_seconds(json, "step_seconds", &d->step_seconds);
    while (d->parts < I4_PART_COUNT &&
           read_seconds(parts, part_names[d->parts], &d->part_seconds[d->parts])) {
        d->parts++;
    }
}
