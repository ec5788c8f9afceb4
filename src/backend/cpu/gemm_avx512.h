/* Floor 1. What the AVX-512 and AMX kernels share. */
#ifndef I4_BACKEND_CPU_GEMM_AVX512_H
#define I4_BACKEND_CPU_GEMM_AVX512_H

#include <immintrin.h>
#include <stdint.h>

static inline void expand16(__m128i q, __m512 scale, __m512 zero, float *out) {
    __m512 numbers = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(q));
    _mm512_storeu_ps(out, _mm512_fmadd_ps(numbers, scale, zero));
}

static inline void expand_group8(const uint8_t *p, int64_t count, float scale, float zero,
                                 float *out) {
    __m512 s = _mm512_set1_ps(scale), z = _mm512_set1_ps(zero);
    for (; count >= 16; count -= 16, p += 16, out += 16) {
        expand16(_mm_loadu_si128((const __m128i *)(const void *)p), s, z, out);
    }
    for (int64_t i = 0; i < count; i++) {
        out[i] = (float)p[i] * scale + zero;
    }
}

/* Low and high halves of 8 bytes, put side by side: 16 numbers in order. */
static inline void expand_group4(const uint8_t *p, int64_t count, float scale, float zero,
                                 float *out) {
    __m512 s = _mm512_set1_ps(scale), z = _mm512_set1_ps(zero);
    __m128i four_bits = _mm_set1_epi8(15);
    for (; count >= 16; count -= 16, p += 8, out += 16) {
        __m128i both = _mm_loadl_epi64((const __m128i *)(const void *)p);
        __m128i low = _mm_and_si128(both, four_bits);
        __m128i high = _mm_and_si128(_mm_srli_epi16(both, 4), four_bits);
        expand16(_mm_unpacklo_epi8(low, high), s, z, out);
    }
    for (int64_t i = 0; i < count; i++) {
        out[i] = (float)(p[i / 2] >> 4 * (i & 1) & 15) * scale + zero;
    }
}

#define I4_OWN_EXPAND_GROUP
#include "backend/cpu/gemm_rows.h"

/* Transposes 16 rows of 16 32-bit words in place: pairs of words, pairs of pairs, then the two
 * steps over 128-bit lanes. */
static inline __attribute__((always_inline)) void transpose16(__m512i v[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        v[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        v[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        v[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        v[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* v[4g + j], lane l: rows 4g..4g+3 of column 4l + j */
    for (int j = 0; j < 4; j++) {
        t[j] = _mm512_shuffle_i32x4(v[j], v[4 + j], 0x88);
        t[4 + j] = _mm512_shuffle_i32x4(v[j], v[4 + j], 0xdd);
        t[8 + j] = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0x88);
        t[12 + j] = _mm512_shuffle_i32x4(v[8 + j], v[12 + j], 0xdd);
    }
    for (int j = 0; j < 4; j++) {
        v[j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0x88);
        v[8 + j] = _mm512_shuffle_i32x4(t[j], t[8 + j], 0xdd);
        v[4 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0x88);
        v[12 + j] = _mm512_shuffle_i32x4(t[4 + j], t[12 + j], 0xdd);
    }
}

#endif
