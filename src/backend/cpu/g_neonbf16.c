/* Floor 1. Matrix kernels for 64-bit ARM with bf16: BFMMLA multiplies two rows by two columns over
 * four terms, so a tile of 6 rows by 16 columns is 24 of the 32 registers. Rows are read where they
 * lie and paired in registers, once for all 16 columns. Activations and weights are rounded to
 * bf16. Proved under emulation; the shape is chosen by counting instructions, not by measuring. */
#if defined(__aarch64__)

#include "backend/cpu/attention_quads.h"

enum { ROWS = 6, COLS = QUAD_COLS, K_BLOCK = 1024, STRIDE = K_BLOCK + 64, PANEL_COLS = 192 };
_Static_assert(I4_GEMM_WORK(ROWS, STRIDE, PANEL_COLS, K_BLOCK, 2) <= (size_t)I4_CPU_SCRATCH_BYTES,
               "a task must fit the scratch");

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_bf16(dtype, src, count, dst);
}

/* Sums live in registers only where the compiler unrolls early; each has its own word for it. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* Two columns of two rows, row by row, as BFMMLA keeps them; c1 is c0 where there is one row. */
static inline float32x4_t sums_at(const float *c0, const float *c1) {
    return vcombine_f32(vld1_f32(c0), vld1_f32(c1));
}

/* `rows` is a constant in every call, so that the sums live in registers. An odd last row is
 * multiplied twice and stored once. */
static inline __attribute__((always_inline)) void tile_rows(int rows, const i4_gemm_tile *tile) {
    const int pairs = (rows + 1) / 2;
    const uint16_t *a[ROWS];
    float *c[ROWS];
    UNROLL
    for (int r = 0; r < 2 * pairs; r++) {
        const int at = r < rows ? r : rows - 1;
        a[r] = (const uint16_t *)tile->a + at * tile->a_stride;
        c[r] = tile->c + at * tile->c_stride;
    }
    float32x4_t sum[ROWS / 2][COLS / 2];
    UNROLL
    for (int p = 0; p < pairs; p++) {
        UNROLL
        for (int j = 0; j < COLS / 2; j++) {
            sum[p][j] =
                tile->fresh ? vdupq_n_f32(0.0f) : sums_at(c[2 * p] + 2 * j, c[2 * p + 1] + 2 * j);
        }
    }
    const uint16_t *b = tile->panel;
    for (int t = 0; t < tile->k; t += QUAD_STEP, b += 2 * QUAD_ITEMS) {
        quad_pair x[ROWS / 2];
        UNROLL
        for (int p = 0; p < pairs; p++) {
            x[p] = quads_of(vld1q_u16(a[2 * p] + t), vld1q_u16(a[2 * p + 1] + t));
        }
        UNROLL
        for (int j = 0; j < COLS / 2; j++) {
            const bfloat16x8_t y = vreinterpretq_bf16_u16(vld1q_u16(b + 8 * j));
            UNROLL
            for (int p = 0; p < pairs; p++) {
                sum[p][j] = vbfmmlaq_f32(sum[p][j], x[p].low, y);
            }
        }
        UNROLL
        for (int j = 0; j < COLS / 2; j++) {
            const bfloat16x8_t y = vreinterpretq_bf16_u16(vld1q_u16(b + QUAD_ITEMS + 8 * j));
            UNROLL
            for (int p = 0; p < pairs; p++) {
                sum[p][j] = vbfmmlaq_f32(sum[p][j], x[p].high, y);
            }
        }
    }
    UNROLL
    for (int p = 0; p < pairs; p++) {
        UNROLL
        for (int j = 0; j < COLS / 2; j++) {
            vst1_f32(c[2 * p] + 2 * j, vget_low_f32(sum[p][j]));
            if (2 * p + 1 < rows) {
                vst1_f32(c[2 * p + 1] + 2 * j, vget_high_f32(sum[p][j]));
            }
        }
    }
}

I4_GEMM_TILE(6)

const i4_gemm_isa i4_gemm_neonbf16 = {
    .rows = ROWS,
    .cols = COLS,
    .k_step = QUAD_STEP,
    .k_block = K_BLOCK,
    .stride = STRIDE,
    .panel_cols = PANEL_COLS,
    .item_bytes = sizeof(uint16_t),
    .reads_rows = true,
    I4_GEMM_ROWS,
    .items = items,
    .pack = pack_quads,
    .tile = tile,
    .attention = &attention_of_quads,
};

#else
typedef int nothing_here; /* an empty file is no C */
#endif
