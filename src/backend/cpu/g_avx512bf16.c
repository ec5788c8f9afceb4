/* Floor 1. Matrix kernels for AVX-512 with the bf16 dot product, which multiplies twice as many
 * terms per instruction: a tile of 12 rows by 32 columns in 24 of the 32 registers. Activations and
 * weights are rounded to bf16. */
#if defined(__x86_64__)

#include "backend/cpu/attention_pairs.h"

enum { ROWS = 12, COLS = PAIR_COLS, K_BLOCK = 1024, STRIDE = K_BLOCK + 64, PANEL_COLS = 192 };
_Static_assert(I4_GEMM_WORK(ROWS, STRIDE, PANEL_COLS, K_BLOCK, 2) <= (size_t)I4_CPU_SCRATCH_BYTES,
               "a task must fit the scratch");

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_bf16(dtype, src, count, dst);
}

static inline __m512bh pairs_at(const void *p) {
    __m512bh pairs;
    memcpy(&pairs, p, sizeof pairs);
    return pairs;
}

/* Two terms of a row, for all columns. */
static inline __m512bh pair_for_all(const uint16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    __m512i all = _mm512_set1_epi32(pair);
    return pairs_at(&all);
}

/* `rows` is a constant in every call, so that the sums live in registers. */
static inline __attribute__((always_inline)) void tile_rows(int rows, const i4_gemm_tile *tile) {
    /* three rows by one base, so that addresses need few registers */
    const int64_t stride = tile->a_stride;
    const uint16_t *a[ROWS / 3];
    for (int i = 0; i < ROWS / 3; i++) {
        a[i] = (const uint16_t *)tile->a + 3 * i * stride;
    }
    const uint8_t *b = tile->panel;
    float *c = tile->c;
    __m512 sum[ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
        const float *from = c + r * tile->c_stride;
        sum[r][0] = tile->fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(from);
        sum[r][1] = tile->fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(from + 16);
    }
    for (int t = 0; t < tile->k; t += PAIR_STEP, b += PAIR_STEP_BYTES) {
        for (int p = 0; p < PAIR_STEP / 2; p++) {
            __m512bh b0 = pairs_at(b + p * 64), b1 = pairs_at(b + PAIR_TILE + p * 64);
#pragma GCC unroll 12
            for (int r = 0; r < rows; r++) {
                __m512bh x = pair_for_all(a[r / 3] + r % 3 * stride + t + 2 * p);
                sum[r][0] = _mm512_dpbf16_ps(sum[r][0], x, b0);
                sum[r][1] = _mm512_dpbf16_ps(sum[r][1], x, b1);
            }
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++, c += tile->c_stride) {
        _mm512_storeu_ps(c, sum[r][0]);
        _mm512_storeu_ps(c + 16, sum[r][1]);
    }
}

I4_GEMM_TILE(12)

const i4_gemm_isa i4_gemm_avx512bf16 = {
    .rows = ROWS,
    .cols = COLS,
    .k_step = PAIR_STEP,
    .k_block = K_BLOCK,
    .stride = STRIDE,
    .panel_cols = PANEL_COLS,
    .item_bytes = sizeof(uint16_t),
    .reads_rows = true,
    I4_GEMM_ROWS,
    .items = items,
    .pack = pack_pairs,
    .tile = tile,
    .attention = &attention_of_pairs,
};

#else
typedef int nothing_here; /* an empty file is no C */
#endif
