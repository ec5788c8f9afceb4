/* Floor 1. Matrix kernels for 64-bit ARM: a tile of 8 rows by 8 columns in 16 of the 32
 * registers; four terms of a row are loaded at once and used lane by lane. */
#if defined(__aarch64__)

#include <arm_neon.h>

#include "backend/cpu/gemm_rows.h"

enum { ROWS = 8, COLS = 8 };

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_f32(dtype, src, count, dst);
}

/* Four rows of four floats become panel rows. */
static inline void transpose4(const float *src, int64_t stride, float *out) {
    float32x4_t r0 = vld1q_f32(src), r1 = vld1q_f32(src + stride);
    float32x4_t r2 = vld1q_f32(src + 2 * stride), r3 = vld1q_f32(src + 3 * stride);
    float32x4_t even01 = vtrn1q_f32(r0, r1), odd01 = vtrn2q_f32(r0, r1);
    float32x4_t even23 = vtrn1q_f32(r2, r3), odd23 = vtrn2q_f32(r2, r3);
    vst1q_f32(out, vcombine_f32(vget_low_f32(even01), vget_low_f32(even23)));
    vst1q_f32(out + COLS, vcombine_f32(vget_low_f32(odd01), vget_low_f32(odd23)));
    vst1q_f32(out + 2 * COLS, vcombine_f32(vget_high_f32(even01), vget_high_f32(even23)));
    vst1q_f32(out + 3 * COLS, vcombine_f32(vget_high_f32(odd01), vget_high_f32(odd23)));
}

static void pack_panel(const float *src, int64_t stride, int used, int k, void *panel) {
    float *out = panel;
    int whole = used == COLS ? k & ~3 : 0;
    for (int t = 0; t < whole; t += 4) {
        transpose4(src + t, stride, out + t * COLS);
        transpose4(src + 4 * stride + t, stride, out + t * COLS + 4);
    }
    pack_panel_f32(src + whole, stride, used, k - whole, COLS, out + whole * COLS);
}

/* `rows` is a constant in every call, so that the sums live in registers. */
static inline __attribute__((always_inline)) void
tile_rows(int rows, int k, const float *a, const float *b, float *c, int64_t c_stride) {
    float32x4_t sum[ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        sum[r][0] = sum[r][1] = vdupq_n_f32(0.0f);
    }
    int t = 0;
    for (; t + 4 <= k; t += 4, b += 4 * COLS) {
        float32x4_t x[ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            x[r] = vld1q_f32(a + r * I4_GEMM_STRIDE + t);
        }
#define TERM(lane)                                                                        \
    do {                                                                                  \
        float32x4_t b0 = vld1q_f32(b + (lane)*COLS), b1 = vld1q_f32(b + (lane)*COLS + 4); \
        for (int r = 0; r < rows; r++) {                                                  \
            sum[r][0] = vfmaq_laneq_f32(sum[r][0], b0, x[r], lane);                       \
            sum[r][1] = vfmaq_laneq_f32(sum[r][1], b1, x[r], lane);                       \
        }                                                                                 \
    } while (0)
        TERM(0);
        TERM(1);
        TERM(2);
        TERM(3);
#undef TERM
    }
    for (; t < k; t++, b += COLS) {
        float32x4_t b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            sum[r][0] = vfmaq_n_f32(sum[r][0], b0, a[r * I4_GEMM_STRIDE + t]);
            sum[r][1] = vfmaq_n_f32(sum[r][1], b1, a[r * I4_GEMM_STRIDE + t]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++, c += c_stride) {
        vst1q_f32(c, vaddq_f32(vld1q_f32(c), sum[r][0]));
        vst1q_f32(c + 4, vaddq_f32(vld1q_f32(c + 4), sum[r][1]));
    }
}

static void tile(int used, int k, const void *a, const void *panel, float *c, int64_t c_stride) {
    switch (used) {
#define CASE(n)                                 \
    case n:                                     \
        tile_rows(n, k, a, panel, c, c_stride); \
        break;
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
        CASE(7)
        CASE(8)
#undef CASE
    default:
        break;
    }
}

const i4_gemm_isa i4_gemm_neon = {
    .rows = ROWS,
    .cols = COLS,
    .k_step = 1,
    .item_bytes = sizeof(float),
    I4_GEMM_ROWS,
    .items = items,
    .pack_panel = pack_panel,
    .tile = tile,
};

#else
typedef int nothing_here; /* an empty file is no C */
#endif
