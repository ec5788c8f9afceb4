/* Sampler presets and time values (docs/model.md 9). */
#include "model/host.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

static const i4_preset presets[] = {
    {"V4_QUALITY_48", 48, 0.0, 1.5, 3},
    {"V4_DEFAULT_20", 20, 0.0, 1.75, 2},
    {"V4_TURBO_12", 12, 0.5, 1.75, 1},
};

const i4_preset *i4_preset_at(int index) {
    return index >= 0 && index < (int)(sizeof presets / sizeof presets[0]) ? &presets[index] : NULL;
}

static bool name_matches(const char *text, const char *name) {
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    if (len != strlen(name)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (toupper((unsigned char)text[i]) != name[i]) {
            return false;
        }
    }
    return true;
}

const i4_preset *i4_preset_find(const char *name) {
    for (int i = 0; name != NULL && i4_preset_at(i) != NULL; i++) {
        if (name_matches(name, presets[i].name)) {
            return &presets[i];
        }
    }
    return NULL;
}

static double horner(const double c[8], double x) {
    double sum = c[0];
    for (int i = 1; i < 8; i++) {
        sum = sum * x + c[i];
    }
    return sum;
}

/* Inverse of the normal distribution function, 0 < u < 1.
 * Source: algorithm AS 241, routine PPND16 (Wichura 1988). */
static double normal_quantile(double u) {
    static const double a[8] = {2509.0809287301226727, 33430.575583588128105, 67265.770927008700853,
                                45921.953931549871457, 13731.693765509461125, 1971.5909503065514427,
                                133.14166789178437745, 3.3871328727963666080};
    static const double b[8] = {
        5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
        5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0};
    static const double c[8] = {7.74545014278341407640e-4, 2.27238449892691845833e-2,
                                0.241780725177450611770,   1.27045825245236838258,
                                3.64784832476320460504,    5.76949722146069140550,
                                4.63033784615654529590,    1.42343711074968357734};
    static const double d[8] = {1.05075007164441684324e-9, 5.47593808499534494600e-4,
                                1.51986665636164571966e-2, 0.148103976427480074590,
                                0.689767334985100004550,   1.67638483018380384940,
                                2.05319162663775882187,    1.0};
    static const double e[8] = {2.01033439929228813265e-7, 2.71155556874348757815e-5,
                                1.24266094738807843860e-3, 2.65321895265761230930e-2,
                                0.296560571828504891230,   1.78482653991729133580,
                                5.46378491116411436990,    6.65790464350110377720};
    static const double f[8] = {2.04426310338993978564e-15, 1.42151175831644588870e-7,
                                1.84631831751005468180e-5,  7.86869131145613259100e-4,
                                1.48753612908506148525e-2,  0.136929880922735805310,
                                0.599832206555887937690,    1.0};
    const double q = u - 0.5;
    if (fabs(q) <= 0.425) {
        const double r = 0.180625 - q * q;
        return q * horner(a, r) / horner(b, r);
    }
    double r = sqrt(-log(q <= 0.0 ? u : 1.0 - u));
    const double x = r <= 5.0 ? horner(c, r - 1.6) / horner(d, r - 1.6)
                              : horner(e, r - 5.0) / horner(f, r - 5.0);
    return q < 0.0 ? -x : x;
}

/* Model time at grid point i of `steps`; large i is noise. */
static float time_at(int i, int steps, double mean, double std) {
    const double t_min = 1.0 / (1.0 + exp(9.0)), t_max = 1.0 / (1.0 + exp(-7.5));
    if (i == 0) {
        return (float)t_max;
    }
    if (i == steps) {
        return (float)t_min;
    }
    const double u = (double)(float)((double)i / (double)steps);
    const double y = mean + std * normal_quantile(u);
    return (float)fmin(fmax(1.0 - 1.0 / (1.0 + exp(-y)), t_min), t_max);
}

void i4_schedule_make(const i4_preset *preset, int steps, double guidance, int width, int height,
                      i4_schedule *out) {
    const bool own_steps = steps > 0 && steps <= I4_LIMIT_STEPS;
    const double mean = preset->mu + 0.5 * log((double)height * (double)width / (512.0 * 512.0));
    out->steps = own_steps ? steps : preset->steps;
    for (int k = 0; k < out->steps; k++) {
        const int index = out->steps - 1 - k; /* executed in reverse index order */
        out->t[k] = time_at(index + 1, out->steps, mean, preset->std);
        out->s[k] = time_at(index, out->steps, mean, preset->std);
        out->guidance[k] = guidance >= 0.0                           ? (float)guidance
                           : !own_steps && index < preset->low_steps ? 3.0f
                                                                     : 7.0f;
    }
}
