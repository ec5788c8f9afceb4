/* Floor 1. Rows in and out of the matrix kernels: dequantising weights and converting
 * activations. Included by each g_<isa>.c, so that one plain text is compiled, and vectorised, for
 * every instruction set; choices are written as selects, not branches, for that reason. */
#ifndef I4_BACKEND_CPU_GEMM_ROWS_H
#define I4_BACKEND_CPU_GEMM_ROWS_H

#include "backend/cpu/cpu.h"

#include <string.h>

static inline uint16_t load_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Infinity and NaN keep their meaning; subnormals become ordinary numbers. No subnormal float
 * takes part, because those are slow on some processors. */
static inline float half_value(uint32_t h) {
    uint32_t magnitude = h & 0x7fffu;
    float normal = float_of((magnitude << 13) + (112u << 23));
    float special = float_of((magnitude << 13) + (224u << 23));
    float subnormal = (float)(int32_t)magnitude * 0x1p-24f;
    float value = magnitude < 0x400u ? subnormal : magnitude < 0x7c00u ? normal : special;
    return float_of(bits_of(value) | (h & 0x8000u) << 16);
}

static inline float e4m3_value(uint32_t code) {
    uint32_t magnitude = code & 0x7fu;
    float normal = float_of((magnitude << 20) + (120u << 23));
    float subnormal = (float)(int32_t)magnitude * 0x1p-9f;
    float value = magnitude < 8u ? subnormal : magnitude == 0x7fu ? float_of(0x7fc00000u) : normal;
    return float_of(bits_of(value) | (code & 0x80u) << 24);
}

/* Round to nearest even, NaN kept quiet: i4_to_bf16 as a select. */
static inline uint16_t bf16_of(float f) {
    uint32_t u = bits_of(f);
    uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    uint32_t nan = (u >> 16) | 0x40u;
    return (uint16_t)((u & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

static inline float scale_value(i4_dtype dtype, const uint8_t *p, int64_t index) {
    if (dtype == I4_F32) {
        float f;
        memcpy(&f, p + 4 * index, sizeof f);
        return f;
    }
    uint16_t h = load_u16(p + 2 * index);
    return dtype == I4_BF16 ? i4_from_bf16(h) : half_value(h);
}

static void expand_f16(const uint8_t *p, int64_t count, float *restrict out) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = half_value(load_u16(p + 2 * i));
    }
}

static void expand_bf16(const uint8_t *p, int64_t count, float *restrict out) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = float_of((uint32_t)load_u16(p + 2 * i) << 16);
    }
}

static void expand_fp8(const uint8_t *p, int64_t count, float scale, float *restrict out) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = e4m3_value(p[i]) * scale;
    }
}

/* Part of one group of an affine row. Kernels with vectors of their own for it define the macro. */
#ifndef I4_OWN_EXPAND_GROUP
static inline void expand_group8(const uint8_t *p, int64_t count, float scale, float zero,
                                 float *restrict out) {
    for (int64_t i = 0; i < count; i++) {
        out[i] = (float)p[i] * scale + zero;
    }
}

static inline void expand_group4(const uint8_t *p, int64_t count, float scale, float zero,
                                 float *restrict out) {
    for (int64_t i = 0; i < count / 2; i++) {
        out[2 * i] = (float)(p[i] & 15) * scale + zero;
        out[2 * i + 1] = (float)(p[i] >> 4) * scale + zero;
    }
}
#endif

/* The range may begin and end inside a group. */
static void expand_affine(const i4_weight *w, int64_t row, int64_t first, int64_t count,
                          float *out) {
    int64_t size = w->group, group = first / size, index = row * (w->cols / size) + group;
    const uint8_t *data = w->data + (size_t)row * i4_weight_row_bytes(w);
    const uint8_t *p = data + (w->format == I4_W_AFFINE8 ? first : first / 2);
    int64_t part = (group + 1) * size - first; /* left of this group */
    for (; count > 0; index++, part = size) {
        part = part < count ? part : count;
        float scale = scale_value(w->scale_dtype, w->scales, index);
        float zero = scale_value(w->scale_dtype, w->zeros, index);
        if (w->format == I4_W_AFFINE8) {
            expand_group8(p, part, scale, zero, out);
            p += part;
        } else {
            expand_group4(p, part, scale, zero, out);
            p += part / 2;
        }
        out += part;
        count -= part;
    }
}

static void expand_row(const i4_weight *w, int64_t row, int64_t first, int64_t count, float *out) {
    const uint8_t *data = w->data + (size_t)row * i4_weight_row_bytes(w);
    switch (w->format) {
    case I4_W_F32:
        memcpy(out, data + 4 * first, 4 * (size_t)count);
        break;
    case I4_W_F16:
        expand_f16(data + 2 * first, count, out);
        break;
    case I4_W_BF16:
        expand_bf16(data + 2 * first, count, out);
        break;
    case I4_W_AFFINE8:
    case I4_W_AFFINE4:
        expand_affine(w, row, first, count, out);
        break;
    case I4_W_FP8:
        expand_fp8(data + first, count, w->row_scale[row], out);
        break;
    }
}

static inline void items_f32(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    float *out = dst;
    if (dtype == I4_F32) {
        memcpy(out, src, 4 * (size_t)count);
        return;
    }
    const uint16_t *in = src;
    for (int64_t i = 0; i < count; i++) {
        out[i] = float_of((uint32_t)in[i] << 16);
    }
}

static inline void items_bf16(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    uint16_t *out = dst;
    if (dtype == I4_BF16) {
        memcpy(out, src, 2 * (size_t)count);
        return;
    }
    const float *in = src;
    for (int64_t i = 0; i < count; i++) {
        out[i] = bf16_of(in[i]);
    }
}

static void store_row(i4_dtype dtype, const float *restrict sums, const float *restrict bias,
                      int64_t count, void *restrict out) {
    if (dtype == I4_F32) {
        float *to = out;
        for (int64_t i = 0; i < count; i++) {
            to[i] = bias ? sums[i] + bias[i] : sums[i];
        }
    } else {
        uint16_t *to = out;
        for (int64_t i = 0; i < count; i++) {
            to[i] = bf16_of(bias ? sums[i] + bias[i] : sums[i]);
        }
    }
}

static void store_add_row(i4_dtype dtype, const float *restrict sums, float scale, int64_t count,
                          void *restrict out) {
    if (dtype == I4_F32) {
        float *to = out;
        for (int64_t i = 0; i < count; i++) {
            to[i] += scale * sums[i];
        }
    } else {
        uint16_t *to = out;
        for (int64_t i = 0; i < count; i++) {
            to[i] = bf16_of(float_of((uint32_t)to[i] << 16) + scale * sums[i]);
        }
    }
}

/* e^x for |x| <= 87, about one unit in the last place. Adding `magic` rounds x/ln 2 to a whole
 * number and leaves it in the low bits of the sum, so no conversion that NaN could spoil. */
static inline float exp_of(float x) {
    const float magic = 0x1.8p23f;
    float sum = x * 0x1.715476p0f + magic;
    float n = sum - magic;
    float r = x - n * 0x1.62e4p-1f; /* ln 2 in two parts; the first times n is exact */
    r = r - n * 0x1.7f7d1cp-20f;
    float p = 0x1.6c16c2p-10f; /* Taylor to the sixth power: |r| <= ln 2 / 2 */
    p = p * r + 0x1.111112p-7f;
    p = p * r + 0x1.555556p-5f;
    p = p * r + 0x1.555556p-3f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    return p * float_of((bits_of(sum) + 127u) << 23);
}

static inline float silu_of(float x) {
    float minus = -x;
    minus = minus > 87.0f ? 87.0f : minus < -87.0f ? -87.0f : minus;
    return x / (1.0f + exp_of(minus));
}

static void store_swiglu_row(i4_dtype dtype, const float *restrict gate, const float *restrict up,
                             int64_t count, void *restrict out) {
    if (dtype == I4_F32) {
        float *to = out;
        for (int64_t i = 0; i < count; i++) {
            to[i] = silu_of(gate[i]) * up[i];
        }
    } else {
        uint16_t *to = out;
        for (int64_t i = 0; i < count; i++) {
            to[i] = bf16_of(silu_of(gate[i]) * up[i]);
        }
    }
}

/* The members of the table that are the same text everywhere. */
#define I4_GEMM_ROWS                                                      \
    .expand = expand_row, .store = store_row, .store_add = store_add_row, \
    .store_swiglu = store_swiglu_row

/* --- panels ------------------------------------------------------------------------------- */

/* Asks for a weight's terms [first, first + k) of `row`. Rows lie in different pages, where no
 * processor looks ahead by itself. */
static inline void prefetch_row(const i4_weight *w, int64_t row, int64_t first, int k) {
    const size_t row_bytes = i4_weight_row_bytes(w), cols = (size_t)w->cols;
    const uint8_t *p = w->data + row_bytes * (size_t)row + row_bytes * (size_t)first / cols;
    for (size_t i = 0; i < row_bytes * (size_t)k / cols; i += 64) {
        __builtin_prefetch(p + i);
    }
}

/* Puts `k` terms of `used` rows of floats, src[c·stride + t], behind each other in a panel. */
typedef void (*pack_fn)(const float *src, int64_t stride, int used, int k, void *panel);

/* i4_gemm_isa.pack for any weight: rows become floats, floats become a panel. */
static inline void pack_rows(const i4_weight *w, int64_t row, int used, int64_t first, int k,
                             float *expanded, uint8_t *panel, size_t term_bytes, pack_fn pack) {
    enum { AHEAD = 8 }; /* rows asked for before they are expanded */
    for (int t = 0; t < k; t += I4_GEMM_EXPAND_TERMS) {
        const int count = k - t < I4_GEMM_EXPAND_TERMS ? k - t : I4_GEMM_EXPAND_TERMS;
        for (int c = 0; c < used; c++) {
            if (row + c + AHEAD < w->rows) {
                prefetch_row(w, row + c + AHEAD, first + t, count);
            }
            expand_row(w, row + c, first + t, count, expanded + c * I4_GEMM_EXPAND_STRIDE);
        }
        pack(expanded, I4_GEMM_EXPAND_STRIDE, used, count, panel + (size_t)t * term_bytes);
    }
}

/* i4_gemm_isa.tile: a tile_rows(n, t) for each number of rows up to MOST, which is 6, 8 or 12. The
 * number is a constant in each, so that the sums live in registers. */
#define I4_TILE_ROWS_6(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define I4_TILE_ROWS_8(X) I4_TILE_ROWS_6(X) X(7) X(8)
#define I4_TILE_ROWS_12(X) I4_TILE_ROWS_8(X) X(9) X(10) X(11) X(12)
#define I4_GEMM_TILE_CASE(n) \
    case n:                  \
        tile_rows(n, t);     \
        break;
#define I4_GEMM_TILE(MOST)                                                           \
    _Static_assert((MOST) == ROWS, "a case for each number of rows");                \
    static void tile(const i4_gemm_tile *t) {                                        \
        switch (t->used) { I4_TILE_ROWS_##MOST(I4_GEMM_TILE_CASE) default : break; } \
    }

/* Panel of floats, [k][cols]. */
static inline void pack_panel_f32(const float *src, int64_t stride, int used, int k, int cols,
                                  float *restrict panel) {
    for (int t = 0; t < k; t++) {
        for (int c = 0; c < used; c++) {
            panel[t * cols + c] = src[c * stride + t];
        }
        for (int c = used; c < cols; c++) {
            panel[t * cols + c] = 0.0f;
        }
    }
}

#endif
