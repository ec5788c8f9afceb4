/* When and how the states of one picture become pixels of previews. */
#include "pipeline/preview.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

#include <math.h>
#include <string.h>

enum {
    TOKENS_FINE = 64, /* a side of more tokens gets 2×2 pixels for each: 256 pixels at most */
    SIDE_COARSE = 2,
    TOKENS = 4,  /* projected together, so that a row of the table is read once for them */
    COLUMNS = 12 /* with TOKENS of them as many sums as registers hold */
};

/* --- arithmetic -------------------------------------------------------------------------- */

/* sums [TOKENS, COLUMNS] of the tokens at z and the columns at table. */
static void project_block(const float *restrict z, int channels, const float *restrict table,
                          int values, float *restrict out) {
    float sum[TOKENS][COLUMNS];
    const float *constant = table + (size_t)channels * (size_t)values;
    for (int t = 0; t < TOKENS; t++) {
        memcpy(sum[t], constant, sizeof sum[t]);
    }
    for (int c = 0; c < channels; c++) {
        const float *row = table + (size_t)c * (size_t)values;
        for (int t = 0; t < TOKENS; t++) {
            const float x = z[(size_t)t * (size_t)channels + (size_t)c];
            for (int j = 0; j < COLUMNS; j++) {
                sum[t][j] += x * row[j];
            }
        }
    }
    for (int t = 0; t < TOKENS; t++) {
        memcpy(out + (size_t)t * (size_t)values, sum[t], sizeof sum[t]);
    }
}

/* z [tokens, channels] → out [tokens, values]. The last block overlaps the one before it. */
static void project(const float *z, size_t tokens, int channels, const float *table, int values,
                    float *out) {
    for (size_t at = 0; at < tokens; at += TOKENS) {
        const size_t first = at + TOKENS <= tokens ? at : tokens - TOKENS;
        for (int j = 0; j < values; j += COLUMNS) {
            project_block(z + first * (size_t)channels, channels, table + j, values,
                          out + first * (size_t)values + (size_t)j);
        }
    }
}

/* The means of 2×2 neighbours in place of 4×4 values. */
static void make_coarse(const i4_projection *p, float *table) {
    enum { PART = I4_PREVIEW_SIDE / SIDE_COARSE, COARSE = SIDE_COARSE * SIDE_COARSE * 3 };
    for (int c = 0; c <= p->channels; c++) {
        const float *from = p->value + (size_t)c * I4_PREVIEW_VALUES;
        float *to = table + (size_t)c * COARSE;
        memset(to, 0, COARSE * sizeof *to);
        for (int i = 0; i < I4_PREVIEW_VALUES; i++) {
            const int row = i / 3 / I4_PREVIEW_SIDE / PART, column = i / 3 % I4_PREVIEW_SIDE / PART;
            to[(row * SIDE_COARSE + column) * 3 + i % 3] += from[i] / (PART * PART);
        }
    }
}

static uint8_t to_byte(float v) {
    return v > 0.0f ? (uint8_t)(v < 255.0f ? v + 0.5f : 255.0f) : 0; /* NaN: 0 */
}

/* Pixels of after + factor·(after − before); before is not read when factor is 0. */
static void paint(const i4_previewer *p, float factor) {
    const int side = p->side, line = side * 3, values = side * line;
    const size_t stride = (size_t)p->gw * (size_t)line;
    const bool ahead = factor > 0.0f;
    for (int i = 0; i < p->gh * p->gw; i++) {
        const float *now = p->after + (size_t)i * (size_t)values;
        const float *then = ahead ? p->before + (size_t)i * (size_t)values : now;
        uint8_t *rgb =
            p->rgb + (size_t)(i / p->gw * side) * stride + (size_t)(i % p->gw) * (size_t)line;
        for (int row = 0; row < side; row++) {
            for (int j = 0; j < line; j++) {
                const int k = row * line + j;
                rgb[(size_t)row * stride + (size_t)j] =
                    to_byte(now[k] + factor * (now[k] - then[k]));
            }
        }
    }
}

/* --- one picture ------------------------------------------------------------------------- */

static int side_of(int gh, int gw) {
    return gh > TOKENS_FINE || gw > TOKENS_FINE ? SIDE_COARSE : I4_PREVIEW_SIDE;
}

static size_t table_bytes(int channels, int side) {
    return side == I4_PREVIEW_SIDE ? 0 : (size_t)(channels + 1) * side * side * 3 * sizeof(float);
}

size_t i4_previewer_bytes(int channels, int gh, int gw) {
    const int side = side_of(gh, gw);
    const size_t values = (size_t)gh * (size_t)gw * (size_t)(side * side * 3);
    return table_bytes(channels, side) + values * (2 * sizeof(float) + 1);
}

void i4_previewer_begin(i4_previewer *p, const i4_projection *projection,
                        const i4_schedule *schedule, int gh, int gw, i4_preview_wish wish) {
    *p = (i4_previewer){.projection = wish.fn != NULL ? projection : NULL,
                        .schedule = schedule,
                        .wish = wish,
                        .gh = gh,
                        .gw = gw,
                        .side = side_of(gh, gw),
                        .shown_at = -HUGE_VAL,
                        .looked_at = -HUGE_VAL};
}

void i4_previewer_end(i4_previewer *p) {
    i4_free(p->block);
    p->block = NULL;
    p->projection = NULL;
}

/* Not before the first look: until then the sampler's own preparations need memory. */
static bool take_memory(i4_previewer *p) {
    const int channels = p->projection->channels;
    const size_t bytes = i4_previewer_bytes(channels, p->gh, p->gw);
    const size_t values = (size_t)p->gh * (size_t)p->gw * (size_t)(p->side * p->side * 3);
    p->block = i4_malloc(bytes);
    if (p->block == NULL) {
        i4_log(I4_LOG_WARN, "preview", "no memory for previews of this picture bytes=%zu", bytes);
        p->projection = NULL;
        return false;
    }
    p->before = p->block;
    p->after = p->before + values;
    p->table = p->after + values;
    p->rgb = (uint8_t *)p->table + table_bytes(channels, p->side);
    if (p->side == SIDE_COARSE) {
        make_coarse(p->projection, p->table);
    }
    return true;
}

/* A state is wanted to be shown, or because the next one may be shown: the step in between is
 * taken to last as long as the step before it. */
static bool wants(int done, void *user) {
    i4_previewer *p = user;
    const int steps = p->schedule->steps;
    if (p->projection == NULL || (p->block == NULL && !take_memory(p))) {
        return false;
    }
    const double now = i4_seconds(), last_step = now - p->looked_at; /* of the noise: endless */
    p->looked_at = now;
    p->shows = done == steps || (p->has_before && now - p->shown_at >= p->wish.pause);
    const double since = p->shows ? 0.0 : now - p->shown_at;
    p->keeps = done < steps && since + last_step >= p->wish.pause;
    p->has_before = false;
    return p->shows || p->keeps;
}

/* z + (1 − s)·v with v of the step from t to s; 1 is where the schedule ends, so that the last
 * state predicts itself. The projection is affine and the weights add up to 1, so it may come
 * first. */
static void show(i4_previewer *p, int done) {
    const i4_schedule *s = p->schedule;
    const double end = (double)s->s[s->steps - 1], at = (double)s->s[done - 1];
    const double step = at - (double)s->t[done - 1];
    paint(p, step > 0.0 ? (float)((end - at) / step) : 0.0f);
    const i4_preview preview = {done, s->steps, p->gw * p->side, p->gh * p->side, p->rgb};
    p->wish.fn(&preview, p->wish.user);
    p->shown_at = i4_seconds();
}

static void see(int done, const float *z, void *user) {
    i4_previewer *p = user;
    const float *table = p->side == SIDE_COARSE ? p->table : p->projection->value;
    project(z, (size_t)p->gh * (size_t)p->gw, p->projection->channels, table, p->side * p->side * 3,
            p->after);
    if (p->shows) {
        show(p, done);
    }
    if (p->keeps) {
        float *was = p->before;
        p->before = p->after;
        p->after = was;
        p->has_before = true;
    }
}

i4_latent_watch i4_previewer_watch(i4_previewer *p) {
    return (i4_latent_watch){wants, see, p};
}
