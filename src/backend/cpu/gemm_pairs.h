/* Floor 1. Panels of bf16 pairs, for kernels that multiply two terms at once (AMX tiles and the
 * AVX-512 dot product).
 *
 * Panel: for each 32 terms two tiles (columns 0..15, 16..31) of 16 rows of 64 bytes, row p holding
 * terms 2p and 2p+1 of each of the 16 columns. A tile is the transpose, in 32-bit words, of 16
 * columns' bf16 numbers. Quantised weights are transposed while they are still bytes: a word then
 * holds 4 (or 8) terms of one column, scales and zeros are vectors over the columns, and no float
 * is ever stored. */
#ifndef I4_BACKEND_CPU_GEMM_PAIRS_H
#define I4_BACKEND_CPU_GEMM_PAIRS_H

#include "backend/cpu/gemm_avx512.h"

enum {
    PAIR_COLS = 32, /* of a panel */
    PAIR_STEP = 32, /* terms of a tile */
    PAIR_TILE = 1024,
    PAIR_STEP_BYTES = 2 * PAIR_TILE,
    PAIR_GROUPS = 72 /* of 64 terms: the longest panel */
};

/* 16 columns × 32 terms of floats: each row of 16 pairs is converted, then pairs are transposed. */
static inline void pack_pair_tile(const float *src, int64_t stride, int rows, int terms,
                                  uint8_t *out) {
    __mmask16 low = (__mmask16)(terms >= 16 ? 0xffffu : (1u << terms) - 1u);
    __mmask16 high = (__mmask16)(terms <= 16 ? 0u : (uint32_t)((1ull << (terms - 16)) - 1u));
    __m512i v[16];
    for (int r = 0; r < 16; r++) {
        if (r < rows) {
            const float *p = src + r * stride;
            __m512 first = _mm512_maskz_loadu_ps(low, p);
            __m512 second = _mm512_maskz_loadu_ps(high, p + 16);
            __m512bh pairs = _mm512_cvtne2ps_pbh(second, first);
            memcpy(&v[r], &pairs, sizeof pairs);
        } else {
            v[r] = _mm512_setzero_si512();
        }
    }
    transpose16(v);
    for (int r = 0; r < 16; r++) {
        _mm512_store_si512(out + 64 * r, v[r]);
    }
}

static void pack_pair_rows(const float *src, int64_t stride, int used, int k, void *panel) {
    uint8_t *out = panel;
    for (int t = 0; t < k; t += PAIR_STEP) {
        int terms = k - t < PAIR_STEP ? k - t : PAIR_STEP;
        for (int half = 0; half < PAIR_COLS; half += 16, out += PAIR_TILE) {
            pack_pair_tile(src + half * stride + t, stride, used - half, terms, out);
        }
    }
}

/* 64 bytes at `offset` of 16 rows. */
static inline __attribute__((always_inline)) void load_rows(const uint8_t *const row[16],
                                                            size_t offset, __m512i v[16]) {
    for (int c = 0; c < 16; c++) {
        v[c] = _mm512_loadu_si512(row[c] + offset);
    }
}

/* Where terms [t, t + 2) of a half panel lie. */
static inline uint8_t *pair_row(uint8_t *half, int t) {
    return half + t / PAIR_STEP * PAIR_STEP_BYTES + t % PAIR_STEP * 32;
}

static inline void pack_bf16(const uint8_t *const row[16], int k, uint8_t *half) {
    for (int t = 0; t < k; t += PAIR_STEP) {
        __m512i v[16];
        load_rows(row, 2 * (size_t)t, v);
        transpose16(v);
        for (int p = 0; p < 16; p++) {
            _mm512_store_si512(pair_row(half, t + 2 * p), v[p]);
        }
    }
}

/* Two vectors of floats, rounded to bf16, as pairs. Halves of an interval are rounded up. */
static inline __m512i pair_of(__m512 even, __m512 odd) {
    const __m512i half = _mm512_set1_epi32(0x8000);
    __m512i low = _mm512_add_epi32(_mm512_castps_si512(even), half);
    __m512i high = _mm512_add_epi32(_mm512_castps_si512(odd), half);
    return _mm512_mask_mov_epi16(_mm512_srli_epi32(low, 16), 0xaaaaaaaau, high);
}

/* A number of `bits` bits that has been shifted to the top of the mantissa, under the exponent of
 * 2^bits, is the float 2^bits + number: no conversion, and the zero point takes 2^bits back. */
static inline __m512 dequantised(__m512i shifted, int bits, __m512 scale, __m512 zero) {
    const __m512i mask = _mm512_set1_epi32(((1 << bits) - 1) << (23 - bits));
    const __m512i exponent = _mm512_set1_epi32((127 + bits) << 23);
    __m512i number = _mm512_ternarylogic_epi32(shifted, mask, exponent, 0xea); /* a & b | c */
    return _mm512_fmadd_ps(_mm512_castsi512_ps(number), scale, zero);
}

/* Number `i` of each word, moved to the top of the mantissa. */
static inline __m512i shifted_to(__m512i words, int bits, int i) {
    const int left = 23 - bits - bits * i;
    return left >= 0 ? _mm512_slli_epi32(words, (unsigned)left)
                     : _mm512_srli_epi32(words, (unsigned)-left);
}

/* The terms in a vector of words, two at a time. */
static inline __attribute__((always_inline)) void store_words(__m512i words, int bits, __m512 scale,
                                                              __m512 zero, uint8_t *half, int t) {
    for (int i = 0; i < 32 / bits; i += 2) {
        __m512 even = dequantised(shifted_to(words, bits, i), bits, scale, zero);
        __m512 odd = dequantised(shifted_to(words, bits, i + 1), bits, scale, zero);
        _mm512_store_si512(pair_row(half, t + i), pair_of(even, odd));
    }
}

/* Scales or zeros of 16 columns and `count` groups, as [group][16] floats. */
static inline void load_groups(i4_dtype dtype, const uint8_t *base, const int64_t index[16],
                               int count, float *out) {
    for (int g = 0; g < count; g += 16) {
        const int left = count - g < 16 ? count - g : 16;
        const __mmask16 mask = (__mmask16)((1u << left) - 1u);
        __m512i v[16];
        for (int c = 0; c < 16; c++) {
            const uint8_t *p = base + (index[c] + g) * (int64_t)i4_dtype_size(dtype);
            if (dtype == I4_F32) {
                v[c] = _mm512_maskz_loadu_epi32(mask, p);
                continue;
            }
            const __m256i narrow = _mm256_maskz_loadu_epi16(mask, p);
            v[c] = dtype == I4_BF16 ? _mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16)
                                    : _mm512_castps_si512(_mm512_cvtph_ps(narrow));
        }
        transpose16(v);
        for (int i = 0; i < left; i++) {
            _mm512_storeu_si512(out + (g + i) * 16, v[i]);
        }
    }
}

/* 16 columns of an affine weight. 64 bytes of a row are transposed at a time: one or two groups. */
static inline __attribute__((always_inline)) void pack_affine(const i4_weight *w, int bits,
                                                              const int64_t index[16],
                                                              const uint8_t *const row[16], int k,
                                                              uint8_t *half) {
    const int groups = k / (int)w->group, terms = 512 / bits, in_word = 32 / bits;
    float scale[PAIR_GROUPS * 16], zero[PAIR_GROUPS * 16];
    load_groups(w->scale_dtype, w->scales, index, groups, scale);
    load_groups(w->scale_dtype, w->zeros, index, groups, zero);
    const __m512 offset = _mm512_set1_ps((float)(1 << bits));
    for (int t = 0; t < k; t += terms) {
        __m512i v[16];
        load_rows(row, (size_t)(t * bits / 8), v);
        transpose16(v);
        for (int i = 0; i < 16; i++) {
            const int group = (t + i * in_word) / (int)w->group;
            const __m512 s = _mm512_loadu_ps(scale + group * 16);
            const __m512 z = _mm512_fnmadd_ps(offset, s, _mm512_loadu_ps(zero + group * 16));
            store_words(v[i], bits, s, z, half, t + i * in_word);
        }
    }
}

/* Number `i` of each word, e4m3 (e4m3_value() of gemm_rows.h, for vectors). */
static inline __m512 e4m3_of(__m512i words, int i, __m512 scale) {
    const __m512i code = _mm512_srli_epi32(words, (unsigned)(8 * i));
    const __m512i magnitude = _mm512_and_si512(code, _mm512_set1_epi32(0x7f));
    const __m512i sign = _mm512_slli_epi32(_mm512_and_si512(code, _mm512_set1_epi32(0x80)), 24);
    const __m512i exponent = _mm512_set1_epi32(120 << 23);
    __m512i bits = _mm512_add_epi32(_mm512_slli_epi32(magnitude, 20), exponent);
    const __mmask16 small = _mm512_cmplt_epi32_mask(magnitude, _mm512_set1_epi32(8));
    const __mmask16 nan = _mm512_cmpeq_epi32_mask(magnitude, _mm512_set1_epi32(0x7f));
    const __m512 subnormal = _mm512_mul_ps(_mm512_cvtepi32_ps(magnitude), _mm512_set1_ps(0x1p-9f));
    bits = _mm512_mask_mov_epi32(bits, small, _mm512_castps_si512(subnormal));
    bits = _mm512_mask_mov_epi32(bits, nan, _mm512_set1_epi32(0x7fc00000));
    return _mm512_mul_ps(_mm512_castsi512_ps(_mm512_or_si512(bits, sign)), scale);
}

static inline void pack_fp8(const float scale[16], const uint8_t *const row[16], int k,
                            uint8_t *half) {
    const __m512 s = _mm512_loadu_ps(scale);
    for (int t = 0; t < k; t += 64) {
        __m512i v[16];
        load_rows(row, (size_t)t, v);
        transpose16(v);
        for (int i = 0; i < 16; i++) {
            uint8_t *low = pair_row(half, t + 4 * i), *high = pair_row(half, t + 4 * i + 2);
            _mm512_store_si512(low, pair_of(e4m3_of(v[i], 0, s), e4m3_of(v[i], 1, s)));
            _mm512_store_si512(high, pair_of(e4m3_of(v[i], 2, s), e4m3_of(v[i], 3, s)));
        }
    }
}

/* The fast ways exist for whole vectors and whole groups; all else goes through floats. */
static inline bool packs_directly(const i4_weight *w, int64_t first, int k) {
    switch (w->format) {
    case I4_W_BF16:
        return k % PAIR_STEP == 0;
    case I4_W_FP8:
        return k % 64 == 0;
    case I4_W_AFFINE8:
    case I4_W_AFFINE4:
        return w->group % 64 == 0 && first % w->group == 0 && k % w->group == 0 &&
               k % (w->format == I4_W_AFFINE8 ? 64 : 128) == 0 && k / w->group <= PAIR_GROUPS;
    default:
        return false;
    }
}

/* i4_gemm_isa.pack */
static void pack_pairs(const i4_weight *w, int64_t row, int used, int64_t first, int k,
                       float *expanded, void *panel) {
    if (!packs_directly(w, first, k)) {
        pack_rows(w, row, used, first, k, expanded, panel, PAIR_COLS * 2, pack_pair_rows);
        return;
    }
    const size_t row_bytes = i4_weight_row_bytes(w);
    const size_t first_byte = row_bytes * (size_t)first / (size_t)w->cols;
    for (int half = 0; half < PAIR_COLS && half < used; half += 16) {
        const uint8_t *from[16];
        int64_t index[16];
        float scale[16];
        for (int c = 0; c < 16; c++) {
            const int64_t at = row + (half + c < used ? half + c : used - 1);
            from[c] = w->data + row_bytes * (size_t)at + first_byte;
            scale[c] = w->row_scale ? w->row_scale[at] : 1.0f;
            index[c] = w->group > 0 ? at * (w->cols / w->group) + first / w->group : 0;
        }
        uint8_t *out = (uint8_t *)panel + half / 16 * PAIR_TILE;
        if (w->format == I4_W_BF16) {
            pack_bf16(from, k, out);
        } else if (w->format == I4_W_FP8) {
            pack_fp8(scale, from, k, out);
        } else if (w->format == I4_W_AFFINE8) {
            pack_affine(w, 8, index, from, k, out);
        } else {
            pack_affine(w, 4, index, from, k, out);
        }
    }
}

#endif
