/* Seeded standard normals, bit for bit those of MLX (docs/model.md 10).
 * Sources: Threefry-2x32-20 (Salmon et al. 2011); erfinv polynomial of MLX's erf.h. */
#include "model/host.h"

#include <math.h>

static uint32_t rotate_left(uint32_t v, int bits) {
    return (v << bits) | (v >> (32 - bits));
}

static void threefry(i4_key key, uint32_t x, uint32_t y, uint32_t *out_x, uint32_t *out_y) {
    static const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    const uint32_t ks[3] = {key.a, key.b, key.a ^ key.b ^ 0x1BD11BDAu};
    x += ks[0];
    y += ks[1];
    for (uint32_t i = 0; i < 5; i++) {
        for (int j = 0; j < 4; j++) {
            x += y;
            y = rotate_left(y, rotations[i % 2][j]) ^ x;
        }
        x += ks[(i + 1) % 3];
        y += ks[(i + 2) % 3] + i + 1;
    }
    *out_x = x;
    *out_y = y;
}

i4_key i4_key_of(uint64_t seed) {
    return (i4_key){(uint32_t)(seed >> 32), (uint32_t)seed};
}

void i4_key_bits(i4_key key, uint32_t *out, size_t count) {
    const size_t half = count / 2, odd = count % 2;
    for (size_t i = 0; i < half; i++) {
        threefry(key, (uint32_t)i, (uint32_t)(i + half + odd), &out[i], &out[i + half + odd]);
    }
    if (odd) {
        uint32_t unused = 0;
        threefry(key, (uint32_t)half, 0, &out[half], &unused);
    }
}

void i4_key_split(i4_key key, i4_key *next, i4_key *draw) {
    uint32_t w[4];
    i4_key_bits(key, w, 4);
    *next = (i4_key){w[0], w[1]};
    *draw = (i4_key){w[2], w[3]};
}

float i4_erfinv(float a) {
    static const float far[9] = {3.03697567e-10f, 2.93243101e-8f,  1.22150334e-6f,
                                 2.84108955e-5f,  3.93552968e-4f,  3.02698812e-3f,
                                 4.83185798e-3f,  -2.64646143e-1f, 8.40016484e-1f};
    static const float near[10] = {5.43877832e-9f,  1.43285448e-7f,  1.22774793e-6f, 1.12963626e-7f,
                                   -5.61530760e-5f, -1.47697632e-4f, 2.31468678e-3f, 1.15392581e-2f,
                                   -2.32015476e-1f, 8.86226892e-1f};
    const float w = logf(fmaf(a, -a, 1.0f));
    const bool tail = fabsf(w) > 6.125f;
    const float *c = tail ? far : near;
    float p = c[0];
    for (int i = 1; i < (tail ? 9 : 10); i++) {
        p = fmaf(p, w, c[i]);
    }
    return a * p;
}

/* One word: uniform in (-1, 1), then the normal quantile. */
static float normal_of(uint32_t word) {
    const float below_one = 0x1.fffffep-1f;
    const float u = fminf((float)word / 4294967296.0f, below_one);
    const float twice = 2.0f * u;
    return 1.41421354f * i4_erfinv(twice - below_one);
}

void i4_key_normal(i4_key key, float *out, size_t count) {
    const size_t half = count / 2, odd = count % 2;
    uint32_t x = 0, y = 0;
    for (size_t i = 0; i < half; i++) {
        threefry(key, (uint32_t)i, (uint32_t)(i + half + odd), &x, &y);
        out[i] = normal_of(x);
        out[i + half + odd] = normal_of(y);
    }
    if (odd) {
        threefry(key, (uint32_t)half, 0, &x, &y);
        out[half] = normal_of(x);
    }
}

void i4_noise(uint64_t seed, float *out, size_t count) {
    i4_key next, draw;
    i4_key_split(i4_key_of(seed), &next, &draw);
    i4_key_normal(draw, out, count);
}
