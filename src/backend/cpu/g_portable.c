/* Floor 1. Matrix kernels in plain C, for machines without kernels of their own. */
#include "backend/cpu/gemm_rows.h"

enum { ROWS = 4, COLS = 8, K_BLOCK = 512, STRIDE = K_BLOCK + 32, PANEL_COLS = 192 };
_Static_assert(I4_GEMM_WORK(ROWS, STRIDE, PANEL_COLS, K_BLOCK, 4) <= (size_t)I4_CPU_SCRATCH_BYTES,
               "a task must fit the scratch");

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_f32(dtype, src, count, dst);
}

static void pack_panel(const float *src, int64_t stride, int used, int k, void *panel) {
    pack_panel_f32(src, stride, used, k, COLS, panel);
}

static void pack(const i4_weight *w, int64_t row, int used, int64_t first, int k, float *expanded,
                 void *panel) {
    pack_rows(w, row, used, first, k, expanded, panel, COLS * sizeof(float), pack_panel);
}

static void tile(const i4_gemm_tile *t) {
    const float *b = t->panel;
    for (int r = 0; r < t->used; r++) {
        const float *row = (const float *)t->a + (ptrdiff_t)r * STRIDE;
        float *c = t->c + r * t->c_stride;
        float sum[COLS] = {0};
        for (int j = 0; j < COLS && !t->fresh; j++) {
            sum[j] = c[j];
        }
        for (int i = 0; i < t->k; i++) {
            for (int j = 0; j < COLS; j++) {
                sum[j] += row[i] * b[i * COLS + j];
            }
        }
        memcpy(c, sum, sizeof sum);
    }
}

const i4_gemm_isa i4_gemm_portable = {
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
