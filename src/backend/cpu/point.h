/* Floor 1. Kernels on rows of float32 for all ops that are not matrix products with weights, one
 * table per instruction set. Private to this folder: p_<isa>.c fill a table by compiling
 * point_body.h with their vectors, point.c and attention.c call through it.
 *
 * Lengths n are multiples of I4_POINT_LANES unless said otherwise, so that no kernel has a tail:
 * the callers copy ragged ends into padded buffers. Pointers need the alignment of their element
 * only. An output may be the same as an input. */
#ifndef I4_BACKEND_CPU_POINT_H
#define I4_BACKEND_CPU_POINT_H

#include "base/limits.h"
#include "tensor/tensor.h"

enum {
    I4_POINT_LANES = 16,

    /* Attention: query rows of a task at most (a multiple of every table's tile_rows), and keys of
     * a tile for heads up to 256 and beyond. */
    I4_ATTENTION_ROWS = 96,
    I4_ATTENTION_KEYS = 128,
    I4_ATTENTION_KEYS_WIDE = 64,
    I4_ATTENTION_PAD = 16, /* floats between rows, so that they do not share cache sets */

    /* Work space of a thread for the ops of point.c and attention.c: the widest head's queries and
     * results, a tile of keys and one of values, its scores, maximum and sum of each row. */
    I4_CPU_POINT_SCRATCH =
        4 * (2 * I4_ATTENTION_ROWS * (I4_LIMIT_HEAD_DIM + I4_ATTENTION_PAD) +
             2 * I4_ATTENTION_KEYS_WIDE * I4_LIMIT_HEAD_DIM +
             I4_ATTENTION_ROWS * (I4_ATTENTION_KEYS + I4_ATTENTION_PAD) + 2 * I4_ATTENTION_ROWS)
};

typedef struct i4_point_isa {
    const char *name;

    /* Between F32, BF16 or F16 and f32; any n. */
    void (*widen)(float *out, const void *x, i4_dtype dtype, int64_t n);
    void (*narrow)(void *out, i4_dtype dtype, const float *x, int64_t n);

    float (*sum)(const float *x, int64_t n);
    float (*sum_squares)(const float *x, float shift, int64_t n); /* of x − shift */
    void (*add)(float *out, const float *a, const float *b, int64_t n);
    void (*scale)(float *out, const float *x, float factor, int64_t n);
    /* (x − shift)·factor·gain */
    void (*norm)(float *out, const float *x, const float *gain, float shift, float factor,
                 int64_t n);
    /* out += x·factor·gain */
    void (*add_norm)(float *out, const float *x, const float *gain, float factor, int64_t n);
    void (*silu)(float *out, const float *x, int64_t n);
    void (*tanh)(float *out, const float *x, int64_t n);
    void (*silu_mul)(float *out, const float *a, const float *b, int64_t n);   /* silu(a)·b */
    void (*fold_scale)(float *out, const float *w, const float *m, int64_t n); /* w·(1 + m) */
    void (*fold_gate)(float *out, const float *w, const float *m, int64_t n);  /* w·tanh(m) */
    /* The halves of a head, in place: a = lo·factor·gain_lo, b likewise, then
     * lo = a·cos − b·sin, hi = b·cos + a·sin. */
    void (*rotate)(float *lo, float *hi, const float *gain_lo, const float *gain_hi,
                   const float *cosines, const float *sines, float factor, int64_t n);
    /* (x − mean)·gain + bias, all per element; and silu of it */
    void (*affine)(float *out, const float *x, const float *mean, const float *gain,
                   const float *bias, int64_t n);
    void (*affine_silu)(float *out, const float *x, const float *mean, const float *gain,
                        const float *bias, int64_t n);
    void (*add_squares)(float *sums, const float *x, const float *mean, int64_t n);
    /* round_even((clamp(x, −1, 1) + 1)·127.5), still as f32; NaN gives 0 */
    void (*to_byte)(float *out, const float *x, int64_t n);
    /* z += dt·(g·a + (1 − g)·b) */
    void (*euler)(float *z, const float *a, const float *b, float g, float dt, int64_t n);

    /* --- attention ---
     * A panel is `terms` rows of panel_cols floats. product: c[r][j] (+)= Σ_t a[r][t]·panel[t][j]
     * for `rows` rows, a multiple of tile_rows; each sum runs over t in order and is added once. */
    int tile_rows, panel_cols;
    void (*product)(float *c, int64_t c_stride, const float *a, int64_t a_stride,
                    const float *panel, int64_t terms, int64_t rows, bool accumulate);
    /* `count` rows of `size` elements (F32 or BF16), `stride` apart, to panels with one column per
     * row (the last panel's unused columns hold anything), or with one row per row (columns beyond
     * size are zero). */
    void (*pack_keys)(float *panels, const void *rows, i4_dtype dtype, int64_t stride,
                      int64_t count, int64_t size);
    void (*pack_values)(float *panels, const void *rows, i4_dtype dtype, int64_t stride,
                        int64_t count, int64_t size);
    /* Online softmax, base 2, of one row of scores: those at and beyond `valid` become 0, the
     * others 2^(s − maximum); n is a multiple of panel_cols. Updates maximum and sum; returns the
     * factor by which what was accumulated before must shrink. */
    float (*soften)(float *scores, int64_t valid, int64_t n, float *maximum, float *sum);
} i4_point_isa;

extern const i4_point_isa i4_point_portable;
#if defined(__x86_64__)
extern const i4_point_isa i4_point_avx2, i4_point_avx512;
#endif
#if defined(__aarch64__)
extern const i4_point_isa i4_point_neon;
#endif

#endif
