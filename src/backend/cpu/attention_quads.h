/* Floor 1. Attention's own kernels for 64-bit ARM with bf16: panels of keys and of values in the
 * layout of gemm_quads.h, and the softmax between the two products. */
#ifndef I4_BACKEND_CPU_ATTENTION_QUADS_H
#define I4_BACKEND_CPU_ATTENTION_QUADS_H

#include "backend/cpu/gemm_quads.h"

#if defined(__aarch64__)

#include <math.h>

/* A key is a column, its elements are the terms: like a weight's row. */
static void pack_keys(const uint16_t *keys, int64_t stride, int count, int size, void *panel) {
    for (int c = 0; c < QUAD_COLS && c < count; c += 2) {
        const uint16_t *first = keys + c * stride;
        const uint16_t *second = c + 1 < count ? first + stride : first;
        const uint8_t *const row[2] = {(const uint8_t *)first, (const uint8_t *)second};
        pack_bf16(row, size, (uint16_t *)panel + 4 * c);
    }
}

/* Eight elements of four values, the terms: four vectors of the panel. */
static inline void transpose_values(const uint16x8_t v[4], uint16_t *out) {
    const uint32x4_t low01 = vreinterpretq_u32_u16(vzip1q_u16(v[0], v[1]));
    const uint32x4_t high01 = vreinterpretq_u32_u16(vzip2q_u16(v[0], v[1]));
    const uint32x4_t low23 = vreinterpretq_u32_u16(vzip1q_u16(v[2], v[3]));
    const uint32x4_t high23 = vreinterpretq_u32_u16(vzip2q_u16(v[2], v[3]));
    vst1q_u16(out, vreinterpretq_u16_u32(vzip1q_u32(low01, low23)));
    vst1q_u16(out + 8, vreinterpretq_u16_u32(vzip2q_u32(low01, low23)));
    vst1q_u16(out + 16, vreinterpretq_u16_u32(vzip1q_u32(high01, high23)));
    vst1q_u16(out + 24, vreinterpretq_u16_u32(vzip2q_u32(high01, high23)));
}

static void pack_values(const uint16_t *values, int64_t stride, int count, int size, void *panels) {
    const int terms = (count + QUAD_STEP - 1) / QUAD_STEP * QUAD_STEP;
    uint16_t *out = panels;
    for (int d = 0; d < size; d += QUAD_COLS) {
        for (int t = 0; t < terms; t += 4, out += QUAD_ITEMS) {
            for (int half = 0; half < QUAD_COLS; half += 8) {
                uint16x8_t v[4];
                for (int i = 0; i < 4; i++) {
                    v[i] = t + i < count ? vld1q_u16(values + (t + i) * stride + d + half)
                                         : vdupq_n_u16(0);
                }
                transpose_values(v, out + 4 * half);
            }
        }
    }
}

/* 2^x for x <= 0: whole part into the exponent, the rest by a polynomial whose error is a fraction
 * of a bf16 unit (Taylor series of 2^f, |f| <= 1/2). */
static inline float32x4_t exp2_of(float32x4_t x) {
    x = vmaxq_f32(x, vdupq_n_f32(-125.0f));
    const float32x4_t whole = vrndnq_f32(x), f = vsubq_f32(x, whole);
    float32x4_t p = vdupq_n_f32(0x1.3b2ab6p-7f);
    p = vfmaq_f32(vdupq_n_f32(0x1.c6b08ep-5f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0x1.ebfbep-3f), p, f);
    p = vfmaq_f32(vdupq_n_f32(0x1.62e43p-1f), p, f);
    p = vfmaq_f32(vdupq_n_f32(1.0f), p, f);
    const int32x4_t exponent = vshlq_n_s32(vcvtq_s32_f32(whole), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), exponent));
}

static inline uint32x4_t first_lanes(int count) {
    static const int32_t lanes[4] = {0, 1, 2, 3};
    return vcltq_s32(vld1q_s32(lanes), vdupq_n_s32(count));
}

static float soften(const float *scores, int valid, int n, float factor, float *maximum, float *sum,
                    uint16_t *out) {
    const float32x4_t lowest = vdupq_n_f32(-INFINITY);
    float32x4_t top = lowest;
    for (int i = 0; i < valid; i += 4) {
        top = vmaxq_f32(top, vbslq_f32(first_lanes(valid - i), vld1q_f32(scores + i), lowest));
    }
    const float before = *maximum, highest = vmaxvq_f32(top) * factor;
    const float now = highest > before ? highest : before;
    if (!(now > -INFINITY)) { /* nothing to be seen yet */
        memset(out, 0, (size_t)n * sizeof *out);
        return 1.0f;
    }
    const float32x4_t scale = vdupq_n_f32(factor), shift = vdupq_n_f32(-now);
    float32x4_t total = vdupq_n_f32(0.0f);
    for (int i = 0; i < n; i += QUAD_STEP) {
        float32x4_t x[2];
        for (int h = 0; h < 2; h++) {
            const float32x4_t power = vfmaq_f32(shift, vld1q_f32(scores + i + 4 * h), scale);
            x[h] = vbslq_f32(first_lanes(valid - i - 4 * h), exp2_of(power), vdupq_n_f32(0.0f));
            total = vaddq_f32(total, x[h]);
        }
        vst1q_u16(out + i, rounded(x[0], x[1]));
    }
    *maximum = now;
    const float shrink = before > -INFINITY ? exp2f(before - now) : 0.0f;
    *sum = *sum * shrink + vaddvq_f32(total);
    return shrink;
}

static const i4_attention_isa attention_of_quads = {
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .soften = soften,
};

#endif
#endif
