/* Floor 3. Host arithmetic without tensors: positions, times, noise. Pure functions. */
#ifndef I4_MODEL_HOST_H
#define I4_MODEL_HOST_H

#include "model/config.h"

#include <stdint.h>

enum { I4_IMAGE_POSITION = 65536 };

/* Rotation tables, rows of [D] f32: D/2 cosines, then D/2 sines. Angles are the float32 product of
 * position and inverse frequency; cosine and sine of that value are taken accurately.
 * Sources: docs/model.md 4 and 6. */
void i4_rope_text(int tokens, int head_dim, double theta, float *table);
/* text_tokens rows at (i, i, i), then gh·gw rows at (65536, 65536 + y, 65536 + x). */
void i4_rope_dit(const i4_dit_config *config, int text_tokens, int gh, int gw, float *table);

/* Sinusoid of each t (rounded to bf16 first): out [count, width], sines then cosines; divisor
 * width/2 − 1. Source: docs/model.md 7.1. */
void i4_time_embedding(const float *t, int count, int width, float *out);

typedef struct i4_preset {
    const char *name;
    int steps;
    double mu, std;
    int low_steps; /* how many of the last executed steps use guidance 3 instead of 7 */
} i4_preset;
const i4_preset *i4_preset_at(int index);
const i4_preset *i4_preset_find(const char *name); /* trimmed, any case */

typedef struct i4_schedule {
    int steps;
    float t[I4_LIMIT_STEPS], s[I4_LIMIT_STEPS]; /* in execution order: from t to s */
    float guidance[I4_LIMIT_STEPS];
} i4_schedule;
/* steps 0: the preset's own; guidance < 0: the preset's list, or 7 when steps is given.
 * Source: docs/model.md 9. */
void i4_schedule_make(const i4_preset *preset, int steps, double guidance, int width, int height,
                      i4_schedule *out);

/* Standard normals as mx.random.seed(seed); mx.random.normal draws them: flat index order.
 * Source: docs/model.md 10. */
void i4_noise(uint64_t seed, float *out, size_t count);

/* Parts of the generator, for tests against MLX arrays. */
typedef struct i4_key {
    uint32_t a, b;
} i4_key;
i4_key i4_key_of(uint64_t seed);
void i4_key_bits(i4_key key, uint32_t *out, size_t count);
void i4_key_split(i4_key key, i4_key *next, i4_key *draw);
float i4_erfinv(float x);
void i4_key_normal(i4_key key, float *out, size_t count);

#endif
