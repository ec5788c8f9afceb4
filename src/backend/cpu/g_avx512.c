/* Floor 1. Matrix kernels for AVX-512: a tile of 12 rows by 32 columns in 24 of the 32 registers;
 * each term costs two panel loads and twelve broadcasts for 24 fused multiply-adds. */
#if defined(__x86_64__)

#include "backend/cpu/gemm_avx512.h"

enum { ROWS = 12, COLS = 32, K_BLOCK = 512, STRIDE = K_BLOCK + 32, PANEL_COLS = 192 };
_Static_assert(I4_GEMM_WORK(ROWS, STRIDE, PANEL_COLS, K_BLOCK, 4) <= (size_t)I4_CPU_SCRATCH_BYTES,
               "a task must fit the scratch");

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_f32(dtype, src, count, dst);
}

/* 16 columns, 16 terms at a time: rows of the source become columns of the panel. */
static void pack_panel(const float *src, int64_t stride, int used, int k, void *panel) {
    float *out = panel;
    int whole = k & ~15;
    for (int half = 0; half < COLS; half += 16) {
        int rows = used - half < 0 ? 0 : used - half > 16 ? 16 : used - half;
        const float *from = src + half * stride;
        for (int t = 0; t < whole; t += 16) {
            __m512i v[16];
            for (int r = 0; r < 16; r++) {
                v[r] =
                    r < rows ? _mm512_loadu_si512(from + r * stride + t) : _mm512_setzero_si512();
            }
            transpose16(v);
            for (int r = 0; r < 16; r++) {
                _mm512_store_si512(out + (t + r) * COLS + half, v[r]);
            }
        }
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
    __m512 sum[ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
        const float *from = c + r * tile->c_stride;
        sum[r][0] = tile->fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(from);
        sum[r][1] = tile->fresh ? _mm512_setzero_ps() : _mm512_loadu_ps(from + 16);
    }
    for (int t = 0; t < k; t++, b += COLS) {
        __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + 16);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            __m512 x = _mm512_set1_ps(a[r * STRIDE + t]);
            sum[r][0] = _mm512_fmadd_ps(x, b0, sum[r][0]);
            sum[r][1] = _mm512_fmadd_ps(x, b1, sum[r][1]);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++, c += tile->c_stride) {
        _mm512_storeu_ps(c, sum[r][0]);
        _mm512_storeu_ps(c + 16, sum[r][1]);
    }
}

I4_GEMM_TILE(12)

const i4_gemm_isa i4_gemm_avx512 = {
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
