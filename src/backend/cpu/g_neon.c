/* Floor 1. Matrix kernels for 64-bit ARM: a tile of 8 rows by 8 columns in 16 of the 32
 * registers; four terms of a row are loaded at once and used lane by lane. */
#if defined(__aarch64__)

#include <arm_neon.h>

#include "backend/cpu/gemm_rows.h"

enum { ROWS = 8, COLS = 8, K_BLOCK = 512, STRIDE = K_BLOCK + 32, PANEL_COLS = 192 };
_Static_assert(I4_GEMM_WORK(ROWS, STRIDE, PANEL_COLS, K_BLOCK, 4) <= (size_t)I4_CPU_SCRATCH_BYTES,
               "a task must fit the scratch");

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

static void pack(const i4_weight *w, int64_t row, int used, int64_t first, int k, float *expanded,
                 void *panel) {
    pack_rows(w, row, used, first, k, expanded, panel, COLS * sizeof(float), pack_panel);
}

/* `rows` is a constant in every call, so that the sums live in registers. */
static inline __attribute__((always_inline)) void tile_rows(int rows, const i4_gemm_tile *tile) {
    const float *a = tile->a, *b = tile->panel;
    float *c = tile->c;
    const int k = tile->k;
    float32x4_t sum[ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
        const float *from = c + r * tile->c_stride;
        sum[r][0] = tile->fresh ? vdupq_n_f32(0.0f) : vld1q_f32(from);
        sum[r][1] = tile->fresh ? vdupq_n_f32(0.0f) : vld1q_f32(from + 4);
    }
    int t = 0;
    for (; t + 4 <= k; t += 4, b += 4 * COLS) {
        float32x4_t x[ROWS];
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            x[r] = vld1q_f32(a + r * STRIDE + t);
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
            sum[r][0] = vfmaq_n_f32(sum[r][0], b0, a[r * STRIDE + t]);
            sum[r][1] = vfmaq_n_f32(sum[r][1], b1, a[r * STRIDE + t]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++, c += tile->c_stride) {
        vst1q_f32(c, sum[r][0]);
        vst1q_f32(c + 4, sum[r][1]);
    }
}

I4_GEMM_TILE(8)

const i4_gemm_isa i4_gemm_neon = {
    .rows = ROWS,
    .cols = COLS,
    .k_step = 1,
    .k_block = K_BLOCK,
    .stride = STRIDE,
    .panel_cols = PANEL_COLS,
    .item_bytes = sizeof(float),
    I4_GEMM_ROWS,
    .items = items,
    .pack = pack,
    .tile = tile,
};

#else
typedef int nothing_here; /* an empty file is no C */
#endif
