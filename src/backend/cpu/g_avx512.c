/* Floor 1. Matrix kernels for AVX-512: a tile of 12 rows by 32 columns in 24 of the 32 registers;
 * each term costs two panel loads and twelve broadcasts for 24 fused multiply-adds. */
#if defined(__x86_64__)

#include "backend/cpu/gemm_avx512.h"

enum { ROWS = 12, COLS = 32 };

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

/* `rows` is a constant in every call, so that the sums live in registers. */
static inline __attribute__((always_inline)) void
tile_rows(int rows, int k, const float *a, const float *b, float *c, int64_t c_stride) {
    __m512 sum[ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) {
        sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    }
    for (int t = 0; t < k; t++, b += COLS) {
        __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + 16);
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            __m512 x = _mm512_set1_ps(a[r * I4_GEMM_STRIDE + t]);
            sum[r][0] = _mm512_fmadd_ps(x, b0, sum[r][0]);
            sum[r][1] = _mm512_fmadd_ps(x, b1, sum[r][1]);
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++, c += c_stride) {
        _mm512_storeu_ps(c, _mm512_add_ps(_mm512_loadu_ps(c), sum[r][0]));
        _mm512_storeu_ps(c + 16, _mm512_add_ps(_mm512_loadu_ps(c + 16), sum[r][1]));
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
        CASE(9)
        CASE(10)
        CASE(11)
        CASE(12)
#undef CASE
    default:
        break;
    }
}

const i4_gemm_isa i4_gemm_avx512 = {
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
