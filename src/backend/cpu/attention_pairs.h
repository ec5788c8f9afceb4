/* Floor 1. Attention's own kernels for machines that multiply pairs of bf16: panels of keys and of
 * values in the layout of gemm_pairs.h, and the softmax between the two products. */
#ifndef I4_BACKEND_CPU_ATTENTION_PAIRS_H
#define I4_BACKEND_CPU_ATTENTION_PAIRS_H

#include "backend/cpu/gemm_pairs.h"

#include <math.h>

/* A key is a column, its elements are the terms: like a weight's row. */
static void pack_keys(const uint16_t *keys, int64_t stride, int count, int size, void *panel) {
    for (int half = 0; half < PAIR_COLS && half < count; half += 16) {
        const uint8_t *row[16];
        for (int c = 0; c < 16; c++) {
            const int at = half + c < count ? half + c : count - 1;
            row[c] = (const uint8_t *)(keys + at * stride);
        }
        pack_bf16(row, size, (uint8_t *)panel + half / 16 * PAIR_TILE);
    }
}

/* Elements [d, d + 16) of two values, the terms, as pairs. */
static inline __m512i pairs_of_values(const uint16_t *even, const uint16_t *odd, int d) {
    __m512i low = _mm512_setzero_si512(), high = low;
    if (even) {
        low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(even + d)));
    }
    if (odd) {
        high = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)(odd + d)));
    }
    return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

static void pack_values(const uint16_t *values, int64_t stride, int count, int size, void *panels) {
    const int terms = (count + PAIR_STEP - 1) / PAIR_STEP * PAIR_STEP;
    uint8_t *out = panels;
    for (int d = 0; d < size; d += PAIR_COLS, out += (size_t)terms * PAIR_COLS * 2) {
        for (int t = 0; t < terms; t += 2) {
            const uint16_t *even = t < count ? values + t * stride : NULL;
            const uint16_t *odd = t + 1 < count ? values + (t + 1) * stride : NULL;
            _mm512_store_si512(pair_row(out, t), pairs_of_values(even, odd, d));
            _mm512_store_si512(pair_row(out + PAIR_TILE, t), pairs_of_values(even, odd, d + 16));
        }
    }
}

/* 2^x for x <= 0: whole part into the exponent, the rest by a polynomial whose error is a fraction
 * of a bf16 unit (Taylor series of 2^f, |f| <= 1/2). */
static inline __m512 exp2_of(__m512 x) {
    x = _mm512_max_ps(x, _mm512_set1_ps(-126.0f));
    const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const __m512 f = _mm512_sub_ps(x, whole);
    __m512 p = _mm512_set1_ps(0x1.3b2ab6p-7f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.c6b08ep-5f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.ebfbep-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0x1.62e43p-1f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, whole);
}

static inline __mmask16 first_lanes(int count) {
    return (__mmask16)(count >= 16 ? 0xffffu : count <= 0 ? 0u : (1u << count) - 1u);
}

static float soften(const float *scores, int valid, int n, float factor, float *maximum, float *sum,
                    uint16_t *out) {
    __m512 top = _mm512_set1_ps(-INFINITY);
    for (int i = 0; i < valid; i += 16) {
        top = _mm512_mask_max_ps(top, first_lanes(valid - i), top, _mm512_loadu_ps(scores + i));
    }
    const float before = *maximum, highest = _mm512_reduce_max_ps(top) * factor;
    const float now = highest > before ? highest : before;
    if (!(now > -INFINITY)) { /* nothing to be seen yet */
        memset(out, 0, (size_t)n * sizeof *out);
        return 1.0f;
    }
    const __m512 scale = _mm512_set1_ps(factor), shift = _mm512_set1_ps(now);
    __m512 total = _mm512_setzero_ps();
    for (int i = 0; i < n; i += 32) {
        __m512 x[2];
        for (int h = 0; h < 2; h++) {
            const __m512 s = _mm512_loadu_ps(scores + i + 16 * h);
            x[h] = _mm512_maskz_mov_ps(first_lanes(valid - i - 16 * h),
                                       exp2_of(_mm512_fmsub_ps(s, scale, shift)));
            total = _mm512_add_ps(total, x[h]);
        }
        const __m512bh pairs = _mm512_cvtne2ps_pbh(x[1], x[0]);
        memcpy(out + i, &pairs, sizeof pairs);
    }
    *maximum = now;
    const float shrink = before > -INFINITY ? exp2f(before - now) : 0.0f;
    *sum = *sum * shrink + _mm512_reduce_add_ps(total);
    return shrink;
}

static const i4_attention_isa attention_of_pairs = {
    .pack_keys = pack_keys,
    .pack_values = pack_values,
    .soften = soften,
};

#endif
