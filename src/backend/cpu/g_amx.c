/* Floor 1. Matrix kernels for AMX: 32 rows by 32 columns of sums in four tile registers, bf16
 * products, float32 sums. Activations and weights are rounded to bf16. Tiles of rows are read where
 * the activations lie: a tile row is a cache line there as well. */
#if defined(__x86_64__)

#include "backend/cpu/attention_pairs.h"

enum {
    ROWS = 32,
    COLS = PAIR_COLS,
    TILE_ROWS = 16,
    K_BLOCK = 4608,
    STRIDE = K_BLOCK + 32,
    PANEL_COLS = 128
};
_Static_assert(I4_GEMM_WORK(ROWS, STRIDE, PANEL_COLS, K_BLOCK, 2) <= (size_t)I4_CPU_SCRATCH_BYTES,
               "a task must fit the scratch");

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

/* Sums of the second half only where there are rows for it. The next rows are asked for on the way,
 * a line of each in every step, so that they come at the pace at which they are needed. */
static inline __attribute__((always_inline)) void multiply(const i4_gemm_tile *t, bool halves) {
    const uint8_t *a = t->a, *b = t->panel, *ahead = t->ahead;
    const int64_t a_bytes = t->a_stride * 2;
    const int asked = ahead ? t->ahead_rows : 0;
    memory_is_read(a);
    memory_is_read(b);
    for (int s = 0; s < t->k; s += PAIR_STEP, a += PAIR_STEP * 2, b += PAIR_STEP_BYTES) {
        _tile_loadd(A0, a, a_bytes);
        _tile_loadd(B0, b, 64);
        _tile_dpbf16ps(C00, A0, B0);
        _tile_loadd(B1, b + PAIR_TILE, 64);
        _tile_dpbf16ps(C01, A0, B1);
        if (halves) {
            _tile_loadd(A1, a + TILE_ROWS * a_bytes, a_bytes);
            _tile_dpbf16ps(C10, A1, B0);
            _tile_dpbf16ps(C11, A1, B1);
        }
        for (int r = 0; r < asked; r++) {
            _mm_prefetch((const char *)ahead + r * a_bytes + s * 2, _MM_HINT_T1);
        }
    }
}

static void tile(const i4_gemm_tile *t) {
    const bool halves = t->used > TILE_ROWS;
    const int64_t c_bytes = t->c_stride * (int64_t)sizeof(float);
    float *c = t->c, *lower = c + TILE_ROWS * t->c_stride;
    if (t->fresh) {
        _tile_zero(C00);
        _tile_zero(C01);
        _tile_zero(C10);
        _tile_zero(C11);
    } else {
        memory_is_read(c);
        _tile_loadd(C00, c, c_bytes);
        _tile_loadd(C01, c + 16, c_bytes);
        if (halves) {
            _tile_loadd(C10, lower, c_bytes);
            _tile_loadd(C11, lower + 16, c_bytes);
        }
    }
    if (halves) {
        multiply(t, true);
    } else {
        multiply(t, false);
    }
    _tile_stored(C00, c, c_bytes);
    _tile_stored(C01, c + 16, c_bytes);
    if (halves) {
        _tile_stored(C10, lower, c_bytes);
        _tile_stored(C11, lower + 16, c_bytes);
    }
    memory_is_read(c);
}

const i4_gemm_isa i4_gemm_amx = {
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
    .begin = begin,
    .end = end,
    .attention = &attention_of_pairs,
};

#else
typedef int nothing_here; /* an empty file is no C */
#endif
