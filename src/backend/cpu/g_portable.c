/* Floor 1. Matrix kernels in plain C, for machines without kernels of their own. */
#include "backend/cpu/gemm_rows.h"

enum { ROWS = 4, COLS = 8 };

static void items(i4_dtype dtype, const void *src, int64_t count, void *dst) {
    items_f32(dtype, src, count, dst);
}

static void pack_panel(const float *src, int64_t stride, int used, int k, void *panel) {
    pack_panel_f32(src, stride, used, k, COLS, panel);
}

static void tile(int used, int k, const void *a, const void *panel, float *c, int64_t c_stride) {
    const float *b = panel;
    for (int r = 0; r < used; r++) {
        const float *row = (const float *)a + (ptrdiff_t)r * I4_GEMM_STRIDE;
        float sum[COLS] = {0};
        for (int t = 0; t < k; t++) {
            for (int j = 0; j < COLS; j++) {
                sum[j] += row[t] * b[t * COLS + j];
            }
        }
        for (int j = 0; j < COLS; j++) {
            c[r * c_stride + j] += sum[j];
        }
    }
}

const i4_gemm_isa i4_gemm_portable = {
    .rows = ROWS,
    .cols = COLS,
    .k_step = 1,
    .item_bytes = sizeof(float),
    I4_GEMM_ROWS,
    .items = items,
    .pack_panel = pack_panel,
    .tile = tile,
};
