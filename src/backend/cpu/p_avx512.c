/* The row kernels for AVX-512 (F, BW, VL, DQ). */
#include "backend/cpu/point.h"

#if defined(__x86_64__)

#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

/* 24 sums, 2 vectors of the panel and one of the other factor fill 27 of 32 registers. */
enum { LANES = 16, TILE_ROWS = 12, TILE_VECTORS = 2 };

typedef __m512 vf;

static inline vf v_set(float x) {
    return _mm512_set1_ps(x);
}
static inline vf v_load(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline void v_store(float *p, vf a) {
    _mm512_storeu_ps(p, a);
}
static inline vf v_add(vf a, vf b) {
    return _mm512_add_ps(a, b);
}
static inline vf v_sub(vf a, vf b) {
    return _mm512_sub_ps(a, b);
}
static inline vf v_mul(vf a, vf b) {
    return _mm512_mul_ps(a, b);
}
static inline vf v_div(vf a, vf b) {
    return _mm512_div_ps(a, b);
}
static inline vf v_fma(vf a, vf b, vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
static inline vf v_fnma(vf a, vf b, vf c) {
    return _mm512_fnmadd_ps(a, b, c);
}
static inline vf v_max(vf a, vf b) {
    return _mm512_max_ps(a, b);
}
static inline vf v_min(vf a, vf b) {
    return _mm512_min_ps(a, b);
}
static inline vf v_less(vf a, vf b, vf x, vf y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
static inline vf v_round(vf a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vf v_ldexp(vf a, vf n) {
    const __m512i e = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
    return _mm512_mul_ps(a, _mm512_castsi512_ps(_mm512_slli_epi32(e, 23)));
}
static inline float v_total(vf a) {
    return _mm512_reduce_add_ps(a);
}
static inline float v_largest(vf a) {
    return _mm512_reduce_max_ps(a);
}
static inline float v_first(vf a) {
    return _mm512_cvtss_f32(a);
}

static inline vf v_load_bf16(const uint16_t *p) {
    const __m512i u = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(u, 16));
}
static inline void v_store_bf16(uint16_t *p, vf a) {
    const __m512i u = _mm512_castps_si512(a);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    /* NaN would round to infinity or wrap: keep it, made quiet */
    const __mmask16 nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    const __m512i kept = _mm512_mask_or_epi32(up, nan, u, _mm512_set1_epi32(0x400000));
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16)));
}
static inline vf v_load_f16(const uint16_t *p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline void v_store_f16(uint16_t *p, vf a) {
    _mm256_storeu_si256((__m256i *)(void *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}

static inline vf v_load_any(const void *p) {
    return _mm512_loadu_ps(p);
}
static inline vf v_low_bf16(vf a) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a), 16));
}
static inline vf v_high_bf16(vf a) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32((int)0xffff0000U)));
}

/* Pairs of rows, pairs of pairs, then 128-bit quarters twice. */
static inline void v_transpose(vf *rows) {
    vf t[LANES];
    for (int i = 0; i < LANES; i += 4) { /* t[i+k]: column k of each quarter, of rows i..i+3 */
        const vf a = _mm512_unpacklo_ps(rows[i], rows[i + 1]);
        const vf b = _mm512_unpackhi_ps(rows[i], rows[i + 1]);
        const vf c = _mm512_unpacklo_ps(rows[i + 2], rows[i + 3]);
        const vf d = _mm512_unpackhi_ps(rows[i + 2], rows[i + 3]);
        t[i] = _mm512_shuffle_ps(a, c, 0x44);
        t[i + 1] = _mm512_shuffle_ps(a, c, 0xee);
        t[i + 2] = _mm512_shuffle_ps(b, d, 0x44);
        t[i + 3] = _mm512_shuffle_ps(b, d, 0xee);
    }
    for (int k = 0; k < 4; k++) {
        const vf a = _mm512_shuffle_f32x4(t[k], t[k + 4], 0x88); /* quarters 0, 2 */
        const vf b = _mm512_shuffle_f32x4(t[k], t[k + 4], 0xdd); /* quarters 1, 3 */
        const vf c = _mm512_shuffle_f32x4(t[k + 8], t[k + 12], 0x88);
        const vf d = _mm512_shuffle_f32x4(t[k + 8], t[k + 12], 0xdd);
        rows[k] = _mm512_shuffle_f32x4(a, c, 0x88);
        rows[k + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        rows[k + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        rows[k + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

#define POINT_TABLE i4_point_avx512
#define POINT_NAME "avx512"
#include "backend/cpu/point_body.h"

#endif
