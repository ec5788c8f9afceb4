/* Floor 1. Panels of bf16 quads, for the product of two rows by two columns over four terms that
 * 64-bit ARM with bf16 has (BFMMLA).
 *
 * Panel: for each 4 terms 8 vectors of 16 bytes, vector p holding the terms of column 2p and then
 * those of column 2p+1. Every format is widened eight terms of a column at a time, rounded to
 * nearest even, and lands in the panel without passing through memory as float. */
#ifndef I4_BACKEND_CPU_GEMM_QUADS_H
#define I4_BACKEND_CPU_GEMM_QUADS_H

#include "backend/cpu/gemm_rows.h"

#if defined(__aarch64__)

#include <arm_neon.h>

enum {
    QUAD_COLS = 16,             /* of a panel */
    QUAD_STEP = 8,              /* terms that are packed and multiplied together */
    QUAD_ITEMS = 4 * QUAD_COLS, /* of four terms */
    QUAD_TERM_BYTES = 2 * QUAD_COLS
};

/* Eight terms of two columns or rows, as two quads of both. */
typedef struct quad_pair {
    bfloat16x8_t low, high;
} quad_pair;

static inline quad_pair quads_of(uint16x8_t first, uint16x8_t second) {
    const uint64x2_t x = vreinterpretq_u64_u16(first), y = vreinterpretq_u64_u16(second);
    return (quad_pair){vreinterpretq_bf16_u64(vtrn1q_u64(x, y)),
                       vreinterpretq_bf16_u64(vtrn2q_u64(x, y))};
}

/* `out`: vector p of the four terms where the eight begin. */
static inline void store_quads(uint16x8_t first, uint16x8_t second, uint16_t *out) {
    const quad_pair q = quads_of(first, second);
    vst1q_u16(out, vreinterpretq_u16_bf16(q.low));
    vst1q_u16(out + QUAD_ITEMS, vreinterpretq_u16_bf16(q.high));
}

static inline uint16x8_t rounded(float32x4_t low, float32x4_t high) {
    return vreinterpretq_u16_bf16(vcvtq_high_bf16_f32(vcvtq_low_bf16_f32(low), high));
}

/* i4_gemm_isa.pack's last step for floats: columns from `used` on, and terms beyond k, are zero. */
static void pack_quad_rows(const float *src, int64_t stride, int used, int k, void *panel) {
    uint16_t *out = panel;
    for (int t = 0; t < k; t += QUAD_STEP, out += 2 * QUAD_ITEMS) {
        const int terms = k - t < QUAD_STEP ? k - t : QUAD_STEP;
        for (int c = 0; c < QUAD_COLS; c += 2) {
            float x[2][QUAD_STEP] = {{0}};
            for (int i = 0; i < 2 && c + i < used; i++) {
                memcpy(x[i], src + (c + i) * stride + t, (size_t)terms * sizeof(float));
            }
            store_quads(rounded(vld1q_f32(x[0]), vld1q_f32(x[0] + 4)),
                        rounded(vld1q_f32(x[1]), vld1q_f32(x[1] + 4)), out + 4 * c);
        }
    }
}

static inline void pack_bf16(const uint8_t *const row[2], int k, uint16_t *out) {
    for (int t = 0; t < k; t += QUAD_STEP, out += 2 * QUAD_ITEMS) {
        const size_t at = 2 * (size_t)t;
        store_quads(vreinterpretq_u16_u8(vld1q_u8(row[0] + at)),
                    vreinterpretq_u16_u8(vld1q_u8(row[1] + at)), out);
    }
}

/* --- affine ------------------------------------------------------------------------------- */

/* Eight numbers of 4 or 8 bits, in order. */
static inline uint8x8_t numbers_at(const uint8_t *p, int bits) {
    if (bits == 8) {
        return vld1_u8(p);
    }
    uint32_t word;
    memcpy(&word, p, sizeof word);
    const uint8x8_t both = vreinterpret_u8_u32(vdup_n_u32(word));
    return vzip1_u8(vand_u8(both, vdup_n_u8(15)), vshr_n_u8(both, 4));
}

static inline uint16x8_t dequantised(uint8x8_t numbers, float32x4_t scale, float32x4_t zero) {
    const uint16x8_t wide = vmovl_u8(numbers);
    const float32x4_t low = vcvtq_f32_u32(vmovl_u16(vget_low_u16(wide)));
    const float32x4_t high = vcvtq_f32_u32(vmovl_high_u16(wide));
    return rounded(vfmaq_f32(zero, low, scale), vfmaq_f32(zero, high, scale));
}

/* Two columns. `index`: of the first term's group in scales and zeros. */
static inline __attribute__((always_inline)) void pack_affine(const i4_weight *w, int bits,
                                                              const int64_t index[2],
                                                              const uint8_t *const row[2], int k,
                                                              uint16_t *out) {
    for (int t = 0, g = 0; t < k; g++) {
        float32x4_t scale[2], zero[2];
        for (int c = 0; c < 2; c++) {
            scale[c] = vdupq_n_f32(scale_value(w->scale_dtype, w->scales, index[c] + g));
            zero[c] = vdupq_n_f32(scale_value(w->scale_dtype, w->zeros, index[c] + g));
        }
        for (const int end = t + (int)w->group; t < end; t += QUAD_STEP, out += 2 * QUAD_ITEMS) {
            const int at = t * bits / 8;
            store_quads(dequantised(numbers_at(row[0] + at, bits), scale[0], zero[0]),
                        dequantised(numbers_at(row[1] + at, bits), scale[1], zero[1]), out);
        }
    }
}

/* --- fp8 ---------------------------------------------------------------------------------- */

/* e4m3_value() of gemm_rows.h for vectors. Under a fixed exponent the mantissa of a subnormal
 * counts its units, and the exponent's own value is taken back. */
static inline float32x4_t e4m3_of(uint32x4_t code, float32x4_t scale) {
    const uint32x4_t magnitude = vandq_u32(code, vdupq_n_u32(0x7f));
    const uint32x4_t sign = vshlq_n_u32(vandq_u32(code, vdupq_n_u32(0x80)), 24);
    const uint32x4_t moved = vshlq_n_u32(magnitude, 20);
    const float32x4_t above = vreinterpretq_f32_u32(vaddq_u32(moved, vdupq_n_u32(121u << 23)));
    const uint32x4_t subnormal = vreinterpretq_u32_f32(vsubq_f32(above, vdupq_n_f32(0x1p-6f)));
    uint32x4_t value = vaddq_u32(moved, vdupq_n_u32(120u << 23));
    value = vbslq_u32(vcltq_u32(magnitude, vdupq_n_u32(8)), subnormal, value);
    value = vbslq_u32(vceqq_u32(magnitude, vdupq_n_u32(0x7f)), vdupq_n_u32(0x7fc00000u), value);
    return vmulq_f32(vreinterpretq_f32_u32(vorrq_u32(value, sign)), scale);
}

static inline uint16x8_t e4m3_at(const uint8_t *p, float32x4_t scale) {
    const uint16x8_t wide = vmovl_u8(vld1_u8(p));
    return rounded(e4m3_of(vmovl_u16(vget_low_u16(wide)), scale),
                   e4m3_of(vmovl_high_u16(wide), scale));
}

static inline void pack_fp8(const float scale[2], const uint8_t *const row[2], int k,
                            uint16_t *out) {
    const float32x4_t first = vdupq_n_f32(scale[0]), second = vdupq_n_f32(scale[1]);
    for (int t = 0; t < k; t += QUAD_STEP, out += 2 * QUAD_ITEMS) {
        store_quads(e4m3_at(row[0] + t, first), e4m3_at(row[1] + t, second), out);
    }
}

/* --- all ---------------------------------------------------------------------------------- */

/* The fast ways exist for whole steps and whole groups; all else goes through floats. */
static inline bool packs_directly(const i4_weight *w, int64_t first, int k) {
    if (k % QUAD_STEP != 0) {
        return false;
    }
    switch (w->format) {
    case I4_W_BF16:
    case I4_W_FP8:
        return true;
    case I4_W_AFFINE8:
    case I4_W_AFFINE4:
        return w->group % QUAD_STEP == 0 && first % w->group == 0 && k % w->group == 0;
    default:
        return false;
    }
}

/* i4_gemm_isa.pack */
static void pack_quads(const i4_weight *w, int64_t row, int used, int64_t first, int k,
                       float *expanded, void *panel) {
    enum { AHEAD = 4 }; /* rows asked for before they are packed */
    if (!packs_directly(w, first, k)) {
        pack_rows(w, row, used, first, k, expanded, panel, QUAD_TERM_BYTES, pack_quad_rows);
        return;
    }
    const size_t row_bytes = i4_weight_row_bytes(w);
    const size_t first_byte = row_bytes * (size_t)first / (size_t)w->cols;
    for (int c = 0; c < used; c += 2) {
        const uint8_t *from[2];
        int64_t index[2];
        float scale[2];
        for (int i = 0; i < 2; i++) {
            const int64_t at = row + (c + i < used ? c + i : c);
            from[i] = w->data + row_bytes * (size_t)at + first_byte;
            scale[i] = w->row_scale ? w->row_scale[at] : 1.0f;
            index[i] = w->group > 0 ? at * (w->cols / w->group) + first / w->group : 0;
            if (at + AHEAD < w->rows) {
                prefetch_row(w, at + AHEAD, first, k);
            }
        }
        uint16_t *out = (uint16_t *)panel + 4 * c;
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
#endif
