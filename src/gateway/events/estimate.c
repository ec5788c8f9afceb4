/* Estimates: from what is known of the same size and preset, else scaled from the nearest size. */
#include "gateway/events/estimate.h"

#include "base/os.h"
#include "gateway/db/timings.h"

#include <math.h>
#include <string.h>

enum { STEPS_MOST = 100000, SURE_STEPS = 2, HISTORY_STEPS = 4 };
static const double growth = 1.2; /* an estimate grows by a fifth at once at most */
static const double seconds_most = 30 * 24 * 3600.0; /* of one phase: what is more is a mistake */

const i4_preset_facts i4_presets[I4_PRESETS] = {{"V4_TURBO_12", "Turbo", 12},
                                                {"V4_DEFAULT_20", "Default", 20},
                                                {"V4_QUALITY_48", "Quality", 48}};

static int steps_of(const char *preset) {
    for (int i = 0; preset && i < I4_PRESETS; i++) {
        if (strcmp(preset, i4_presets[i].name) == 0) {
            return i4_presets[i].steps;
        }
    }
    return 0;
}

/* --- what the daemon says ------------------------------------------------------------------ */

static double number_of(const json_t *object, const char *key) {
    const double value = json_number_value(json_object_get(object, key));
    return value > 0 ? value : 0;
}

static int count_of(const json_t *object, const char *key) {
    const double value = number_of(object, key);
    return value < STEPS_MOST ? (int)value : STEPS_MOST;
}

bool i4_status_detail(const json_t *status, i4_detail *detail) {
    const json_t *from = json_object_get(status, "detail");
    const char *phase = json_string_value(json_object_get(from, "phase"));
    const bool has_preview = json_is_integer(json_object_get(from, "preview_step"));
    const double fraction = number_of(from, "fraction");
    *detail = (i4_detail){.phase = phase ? phase : "",
                          .step = count_of(from, "step"),
                          .steps = count_of(from, "steps"),
                          .preview_step = has_preview ? count_of(from, "preview_step") : -1,
                          .fraction = fraction < 1 ? fraction : 1,
                          .seconds = number_of(from, "seconds"),
                          .step_seconds = number_of(from, "step_seconds")};
    return json_is_object(from);
}

void i4_estimate_learn(i4_gateway *gateway, const i4_size_preset *picture,
                       const json_t *phase_seconds, int steps) {
    static const char *const phases[] = {"encode", "denoise", "decode", "save", "load"};
    i4_timing timings[sizeof phases / sizeof *phases];
    size_t count = 0;
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        const json_t *given = json_object_get(phase_seconds, phases[i]);
        const bool is_steps = strcmp(phases[i], "denoise") == 0;
        const double seconds = json_number_value(given);
        if (json_is_number(given) && seconds >= 0 && seconds < seconds_most &&
            (!is_steps || steps > 0)) {
            timings[count++] = (i4_timing){.phase = is_steps ? "step" : phases[i],
                                           .seconds = is_steps ? seconds / steps : seconds};
        }
    }
    if (count > 0) {
        i4_db_add_timings(gateway->db, picture->preset, picture->width * picture->height, timings,
                          count, NULL);
    }
}

/* --- a whole picture ----------------------------------------------------------------------- */

/* How the time of a step grows: attention, with the square of the tokens, is a sixth of the rest at
 * 1024 x 1024 and grows from there. */
static double step_weight(double pixels) {
    const double tokens = pixels / 256 + 300;
    return tokens * (1 + tokens / 27000);
}

/* What is known best about a size: of this preset if it was drawn, else what is nearest. */
typedef struct source {
    const char *preset;
    int64_t pixels;
    double distance;
} source;

static void consider(source *best, const char *preset, int64_t pixels, int64_t wanted) {
    const double distance = fabs(log((double)pixels / (double)wanted));
    if (pixels > 0 && (!best->preset || distance < best->distance)) {
        *best = (source){preset, pixels, distance};
    }
}

static source find_source(i4_gateway *gateway, const i4_size_preset *picture) {
    const char *preset = picture->preset;
    const int64_t pixels = picture->width * picture->height;
    source best = {0};
    double seconds;
    int64_t below, above;
    if (!preset || pixels <= 0) {
        return best;
    }
    if (i4_db_timing(gateway->db, "step", preset, pixels, &seconds, NULL) == I4_DB_OK) {
        return (source){.preset = preset, .pixels = pixels};
    }
    for (int i = -1; i < I4_PRESETS; i++) { /* the wanted one first: it wins a tie */
        const char *candidate = i < 0 ? preset : i4_presets[i].name;
        if (i4_db_timing_near(gateway->db, "step", candidate, pixels, &below, &above, NULL) ==
            I4_DB_OK) {
            consider(&best, candidate, below, pixels);
            consider(&best, candidate, above, pixels);
        }
    }
    return best;
}

/* Seconds of a phase there, 0 if it was never measured. */
static double phase_of(i4_gateway *gateway, const char *phase, const source *from) {
    double seconds;
    i4_db_timing(gateway->db, phase, from->preset, from->pixels, &seconds, NULL);
    return seconds;
}

/* The same of so many pixels, for a phase that takes its time for each of them. */
static double pixels_of(i4_gateway *gateway, const char *phase, const source *from,
                        int64_t pixels) {
    return from->preset ? phase_of(gateway, phase, from) * (double)pixels / (double)from->pixels
                        : 0;
}

bool i4_estimate_whole(i4_gateway *gateway, const i4_size_preset *picture, double *seconds,
                       const char **basis) {
    const int64_t pixels = picture->width * picture->height;
    const source from = find_source(gateway, picture);
    const int steps = steps_of(picture->preset);
    *seconds = 0;
    *basis = "none";
    if (!from.preset || steps == 0) {
        return false;
    }
    const double step = phase_of(gateway, "step", &from) * step_weight((double)pixels) /
                        step_weight((double)from.pixels);
    *seconds = phase_of(gateway, "encode", &from) + step * steps +
               pixels_of(gateway, "decode", &from, pixels) +
               pixels_of(gateway, "save", &from, pixels);
    const bool is_same = from.pixels == pixels && strcmp(from.preset, picture->preset) == 0;
    *basis = is_same ? "history" : "scaled";
    return true;
}

/* --- the rest of one ----------------------------------------------------------------------- */

/* Before any picture was finished here: what the daemon's arithmetic of the whole leaves beside the
 * steps. */
static double decode_guess(const i4_detail *detail) {
    const double done = detail->steps > 0 ? (double)detail->step / detail->steps : 0;
    const double share = done > 0 ? fmin(1, detail->fraction / done) : 1;
    return share > 0 ? detail->step_seconds * detail->steps * (1 - share) / share : 0;
}

/* Seconds of a step: those of this picture so far and, while they are few, what pictures of the
 * same size and preset took: they count as HISTORY_STEPS steps. */
static double step_of(i4_gateway *gateway, const i4_size_preset *picture, const source *from,
                      const i4_detail *detail) {
    const bool is_same = from->preset && strcmp(from->preset, picture->preset) == 0 &&
                         from->pixels == picture->width * picture->height;
    const double known = is_same ? phase_of(gateway, "step", from) : 0;
    if (known <= 0) {
        return detail->step_seconds;
    }
    return (known * HISTORY_STEPS + detail->step_seconds * detail->step) /
           (HISTORY_STEPS + detail->step);
}

bool i4_estimate_rest(i4_gateway *gateway, const i4_size_preset *picture, const i4_detail *detail,
                      i4_eta *before, double *seconds) {
    const int left = detail->steps - detail->step;
    if (detail->step < SURE_STEPS || left < 0 || (left > 0 && detail->step_seconds <= 0)) {
        *before = (i4_eta){0};
        *seconds = 0;
        return false;
    }
    const int64_t pixels = picture->width * picture->height;
    const source from = find_source(gateway, picture);
    const bool is_saving = strcmp(detail->phase, "save") == 0;
    const double decode = is_saving     ? 0
                          : from.preset ? pixels_of(gateway, "decode", &from, pixels)
                                        : decode_guess(detail);
    const double save = pixels_of(gateway, "save", &from, pixels);
    const double step = step_of(gateway, picture, &from, detail);
    const double now = i4_seconds();
    double rest = step * left + decode + save;
    if (before->has_before && before->step == detail->step) {
        /* the clock runs, but the step that is under way is not counted as done */
        const double least = left > 0 ? step * (left - 1) + decode + save : (is_saving ? 0 : save);
        rest = fmin(before->seconds, fmax(before->seconds - (now - before->at), least));
    } else if (before->has_before && before->step < detail->step) {
        rest = fmin(rest, before->seconds * growth);
    }
    *before = (i4_eta){.has_before = true, .seconds = rest, .at = now, .step = detail->step};
    *seconds = rest;
    return true;
}
