/* Floor 1. Matrix kernels for AMX: 32 rows by 32 columns of sums in four tile registers, bf16
 * products, float32 sums. Activations and weights are rounded to bf16.
 *
 * Panel: for each 32 terms two tiles (columns 0..15, 16..31) of 16 rows of 64 bytes, row p holding
 * terms 2p and 2p+1 of each of the 16 columns. */
#if defined(__x86_64__)

#include "backend/cpu/gemm_avx512.h"

enum {
    ROWS = 32,
    COLS = 32,
    STEP = 32, /* terms in one tile product */
    TILE_ROWS = 16,
    TILE_BYTES = 1024,
    ROW_BYTES = I4_GEMM_STRIDE * 2
};

/* Tile registers: macros, because compilers want the digit itself. */
#define C00 0
#define C01 1
#define C10 2
#define C11 3
#define A0 4
#define A1 5
#define B0 6
#define B1 7
enum { TILES = 8 };

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;

/* The barriers: some compilers describe the tile loads to themselves without all the memory that
 * is read, and drop or move the stores that fill it. */
static inline __attribute__((always_inline)) void memory_is_read(const void *p) {
    __asm__ volatile("" ::"r"(p) : "memory");
}

static void begin(void) {
    tile_config config __attribute__((aligned(64))) = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = TILE_ROWS;
    }
    memory_is_read(&config);
    _tile_loadconfig(&config);
}

static void end(void) {
    _tile_release();
}

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_bf16(dtype, src, count, dst);
}

/* 16 columns × 32 terms: each row of 16 pairs is converted, then pairs are transposed. */
static void pack_tile(const float *src, int64_t stride, int rows, int terms, uint8_t *out) {
    __mmask16 low = (__mmask16)(terms >= 16 ? 0xffffu : (1u << terms) - 1u);
    __mmask16 high = (__mmask16)(terms <= 16 ? 0u : (uint32_t)((1ull << (terms - 16)) - 1u));
    __m512i v[16];
    for (int r = 0; r < 16; r++) {
        if (r < rows) {
            const float *p = src + r * stride;
            __m512 first = _mm512_maskz_loadu_ps(low, p);
            __m512 second = _mm512_maskz_loadu_ps(high, p + 16);
            __m512bh pairs = _mm512_cvtne2ps_pbh(second, first);
            memcpy(&v[r], &pairs, sizeof pairs);
        } else {
            v[r] = _mm512_setzero_si512();
        }
    }
    transpose16(v);
    for (int r = 0; r < 16; r++) {
        _mm512_store_si512(out + 64 * r, v[r]);
    }
}

static void pack_panel(const float *src, int64_t stride, int used, int k, void *panel) {
    uint8_t *out = panel;
    for (int t = 0; t < k; t += STEP) {
        int terms = k - t < STEP ? k - t : STEP;
        for (int half = 0; half < COLS; half += 16, out += TILE_BYTES) {
            pack_tile(src + half * stride + t, stride, used - half, terms, out);
        }
    }
}

static void multiply(int steps, const uint8_t *a, const uint8_t *b, bool second_half) {
    memory_is_read(a);
    for (int s = 0; s < steps; s++, a += STEP * 2, b += 2 * TILE_BYTES) {
        _tile_loadd(A0, a, ROW_BYTES);
        _tile_loadd(B0, b, 64);
        _tile_loadd(B1, b + TILE_BYTES, 64);
        _tile_dpbf16ps(C00, A0, B0);
        _tile_dpbf16ps(C01, A0, B1);
        if (second_half) {
            _tile_loadd(A1, a + TILE_ROWS * ROW_BYTES, ROW_BYTES);
            _tile_dpbf16ps(C10, A1, B0);
            _tile_dpbf16ps(C11, A1, B1);
        }
    }
}

static void add_rows(const float *sums, int rows, float *c, int64_t c_stride) {
    for (int r = 0; r < rows; r++, c += c_stride, sums += COLS) {
        _mm512_storeu_ps(c, _mm512_add_ps(_mm512_loadu_ps(c), _mm512_load_ps(sums)));
        _mm512_storeu_ps(c + 16, _mm512_add_ps(_mm512_loadu_ps(c + 16), _mm512_load_ps(sums + 16)));
    }
}

static void tile(int used, int k, const void *a, const void *panel, float *c, int64_t c_stride) {
    float sums[ROWS * COLS] __attribute__((aligned(64)));
    bool second_half = used > TILE_ROWS;
    int steps = (k + STEP - 1) / STEP;
    _tile_zero(C00);
    _tile_zero(C01);
    _tile_zero(C10);
    _tile_zero(C11);
    multiply(steps, a, panel, second_half);
    _tile_stored(C00, sums, COLS * 4);
    _tile_stored(C01, sums + 16, COLS * 4);
    if (second_half) {
        _tile_stored(C10, sums + TILE_ROWS * COLS, COLS * 4);
        _tile_stored(C11, sums + TILE_ROWS * COLS + 16, COLS * 4);
    }
    memory_is_read(sums);
    add_rows(sums, used, c, c_stride);
}

const i4_gemm_isa i4_gemm_amx = {
    .rows = ROWS,
    .cols = COLS,
    .k_step = STEP,
    .item_bytes = sizeof(uint16_t),
    I4_GEMM_ROWS,
    .items = items,
    .pack_panel = pack_panel,
    .tile = tile,
    .begin = begin,
    .end = end,
};

#else
typedef int nothing_here; /* an empty file is no C */
#endif
