/* Floor 1. Matrix kernels for AVX2 with FMA: a tile of 6 rows by 16 columns in 12 of the 16
 * registers. */
#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

/* 8 numbers from the low bytes of q. */
static inline void expand8(__m128i q, __m256 scale, __m256 zero, float *out) {
    __m256 numbers = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(q));
    _mm256_storeu_ps(out, _mm256_fmadd_ps(numbers, scale, zero));
}

static inline void expand_group8(const uint8_t *p, int64_t count, float scale, float zero,
                                 float *out) {
    __m256 s = _mm256_set1_ps(scale), z = _mm256_set1_ps(zero);
    for (; count >= 8; count -= 8, p += 8, out += 8) {
        expand8(_mm_loadl_epi64((const __m128i *)(const void *)p), s, z, out);
    }
    for (int64_t i = 0; i < count; i++) {
        out[i] = (float)p[i] * scale + zero;
    }
}

/* Low and high halves of 8 bytes, put side by side: 16 numbers in order. */
static inline void expand_group4(const uint8_t *p, int64_t count, float scale, float zero,
                                 float *out) {
    __m256 s = _mm256_set1_ps(scale), z = _mm256_set1_ps(zero);
    __m128i four_bits = _mm_set1_epi8(15);
    for (; count >= 16; count -= 16, p += 8, out += 16) {
        __m128i both = _mm_loadl_epi64((const __m128i *)(const void *)p);
        __m128i low = _mm_and_si128(both, four_bits);
        __m128i high = _mm_and_si128(_mm_srli_epi16(both, 4), four_bits);
        __m128i numbers = _mm_unpacklo_epi8(low, high);
        expand8(numbers, s, z, out);
        expand8(_mm_srli_si128(numbers, 8), s, z, out + 8);
    }
    for (int64_t i = 0; i < count; i++) {
        out[i] = (float)(p[i / 2] >> 4 * (i & 1) & 15) * scale + zero;
    }
}

#define I4_OWN_EXPAND_GROUP
#include "backend/cpu/gemm_rows.h"

enum { ROWS = 6, COLS = 16, K_BLOCK = 512, STRIDE = K_BLOCK + 32, PANEL_COLS = 192 };
_Static_assert(I4_GEMM_WORK(ROWS, STRIDE, PANEL_COLS, K_BLOCK, 4) <= (size_t)I4_CPU_SCRATCH_BYTES,
               "a task must fit the scratch");

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_f32(dtype, src, count, dst);
}

/* 8 rows of 8 floats: pairs, pairs of pairs, then the two halves of the registers. */
static inline __attribute__((always_inline)) void transpose8(__m256 v[8]) {
    __m256 t[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        v[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        v[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        v[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        v[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    for (int j = 0; j < 4; j++) {
        t[j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x20);
        t[4 + j] = _mm256_permute2f128_ps(v[j], v[4 + j], 0x31);
    }
    for (int j = 0; j < 8; j++) {
        v[j] = t[j];
    }
}

static void pack_panel(const float *src, int64_t stride, int used, int k, void *panel) {
    float *out = panel;
    int whole = k & ~7;
    for (int half = 0; half < COLS; half += 8) {
        int rows = used - half < 0 ? 0 : used - half > 8 ? 8 : used - half;
        const float *from = src + half * stride;
        for (int t = 0; t < whole; t += 8) {
            __m256 v[8];
            for (int r = 0; r < 8; r++) {
                v[r] = r < rows ? _mm256_loadu_ps(from + r * stride + t) : _mm256_setzero_ps();
            }
            transpose8(v);
            for (int r = 0; r < 8; r++) {
                _mm256_store_ps(out + (t + r) * COLS + half, v[r]);
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
    __m256 sum[ROWS][2];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) {
        const float *from = c + r * tile->c_stride;
        sum[r][0] = tile->fresh ? _mm256_setzero_ps() : _mm256_loadu_ps(from);
        sum[r][1] = tile->fresh ? _mm256_setzero_ps() : _mm256_loadu_ps(from + 8);
    }
    for (int t = 0; t < k; t++, b += COLS) {
        __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            __m256 x = _mm256_broadcast_ss(a + r * STRIDE + t);
            sum[r][0] = _mm256_fmadd_ps(x, b0, sum[r][0]);
            sum[r][1] = _mm256_fmadd_ps(x, b1, sum[r][1]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++, c += tile->c_stride) {
        _mm256_storeu_ps(c, sum[r][0]);
        _mm256_storeu_ps(c + 8, sum[r][1]);
    }
}

I4_GEMM_TILE(6)

const i4_gemm_isa i4_gemm_avx2 = {
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
