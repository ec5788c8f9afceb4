/* Floor 1. Blocking around the matrix kernels, and the linear ops.
 *
 * A task is a strip of columns times a block of rows. For each block of K its thread dequantises
 * the strip's weights into a panel that stays in its L2 cache, then streams the rows through: a
 * tile of rows is converted once and meets every part of the panel. Sums wait in the scratch until
 * K is done. Order of summation: K blocks in order, in each the terms in the kernel's order;
 * neither depends on strips, blocks or threads. */
#include "backend/cpu/gemm.h"

#include <string.h>

enum {
    PANEL_COLS = 192, /* both weights together */
    SUMS = 96 << 10,  /* floats of a task */
    AHEAD = 8,        /* rows asked for before they are expanded */
    COLS_MAX = 32,    /* of any kernel */
    ROWS_MAX = 32,
    TASKS_PER_THREAD = 4
};

/* Parts of a thread's scratch. */
typedef struct work {
    uint8_t *panel;
    float *sums;
    uint8_t *tile;
    float *expanded;
} work;

enum {
    PANEL_BYTES = PANEL_COLS * I4_GEMM_K * 4,
    SUMS_BYTES = SUMS * 4,
    TILE_BYTES = ROWS_MAX * I4_GEMM_STRIDE * 4,
    EXPANDED_BYTES = COLS_MAX * I4_GEMM_STRIDE * 4,
    WORK_BYTES = PANEL_BYTES + SUMS_BYTES + TILE_BYTES + EXPANDED_BYTES
};
_Static_assert((int)WORK_BYTES <= (int)I4_CPU_SCRATCH_BYTES, "a task must fit the scratch");

static work work_of(i4_cpu *cpu, int thread) {
    uint8_t *base = i4_cpu_scratch(cpu, thread, WORK_BYTES);
    work w = {.panel = base};
    w.sums = (float *)(void *)(base + PANEL_BYTES);
    w.tile = base + PANEL_BYTES + SUMS_BYTES;
    w.expanded = (float *)(void *)(base + PANEL_BYTES + SUMS_BYTES + TILE_BYTES);
    return w;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t round_up(int64_t a, int64_t step) {
    return ceil_div(a, step) * step;
}

static int64_t min_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* `parts` nearly equal pieces of `whole`, each a multiple of step. */
static int64_t piece(int64_t whole, int64_t largest, int64_t step) {
    int64_t parts = ceil_div(whole, largest);
    return round_up(ceil_div(whole, parts), step);
}

/* Wide strips convert A less often, high blocks dequantise W less often; both are made smaller
 * only as far as every thread needs some tasks. */
static void plan(i4_gemm *g) {
    int64_t cols = g->isa->cols, rows = g->isa->rows, n = g->weight[0]->rows;
    int weights = g->weight[1] ? 2 : 1;
    int64_t wanted = g->cpu->threads > 1 ? (int64_t)g->cpu->threads * TASKS_PER_THREAD : 1;
    int64_t widest = PANEL_COLS / weights / cols * cols;
    for (;; widest = round_up(widest / 2, cols)) {
        g->strip = piece(n, widest, cols);
        g->strips = ceil_div(n, g->strip);
        int64_t highest = SUMS / (g->strip * weights) / rows * rows;
        g->block = piece(g->rows, highest, rows);
        g->blocks = ceil_div(g->rows, g->block);
        if (g->strips * g->blocks >= wanted || widest == cols) {
            break;
        }
    }
    while (g->strips * g->blocks < wanted && g->block > 4 * rows) {
        g->block = round_up(g->block / 2, rows);
        g->blocks = ceil_div(g->rows, g->block);
    }
}

/* Asks for a weight's terms [k0, k0 + k) of `row`. Rows lie in different pages, where no processor
 * looks ahead by itself. */
static void prefetch(const i4_weight *w, size_t row_bytes, int64_t row, int64_t k0, int k) {
    size_t cols = (size_t)w->cols;
    const uint8_t *p = w->data + row_bytes * (size_t)row + row_bytes * (size_t)k0 / cols;
    for (size_t i = 0; i < row_bytes * (size_t)k / cols; i += 64) {
        __builtin_prefetch(p + i);
    }
}

/* Columns [first, first + count) of one weight, terms [k0, k0 + k), as panels of isa->cols. */
static void fill_panel(const i4_gemm_isa *isa, const i4_weight *w, int64_t first, int64_t count,
                       int64_t k0, int k, float *expanded, uint8_t *panel) {
    size_t row_bytes = i4_weight_row_bytes(w);
    for (int64_t j = 0; j < count; j += isa->cols) {
        int used = (int)min_of(isa->cols, count - j);
        for (int c = 0; c < used; c++) {
            if (j + c + AHEAD < count) {
                prefetch(w, row_bytes, first + j + c + AHEAD, k0, k);
            }
            isa->expand(w, first + j + c, k0, k, expanded + c * I4_GEMM_STRIDE);
        }
        isa->pack_panel(expanded, I4_GEMM_STRIDE, used, k, panel);
        panel += (size_t)round_up(k, isa->k_step) * (size_t)isa->cols * isa->item_bytes;
    }
}

static void fetch_tile(const i4_gemm *g, int64_t row, int used, int64_t k0, int k, uint8_t *tile) {
    size_t item = g->isa->item_bytes;
    size_t padding = (size_t)(round_up(k, g->isa->k_step) - k) * item;
    for (int r = 0; r < used; r++, tile += I4_GEMM_STRIDE * item) {
        g->fetch(g, row + r, k0, k, tile);
        if (padding > 0) {
            memset(tile + (size_t)k * item, 0, padding);
        }
    }
}

typedef struct span {
    int64_t row, rows;    /* of this task */
    int64_t column, cols; /* of each weight */
    int64_t width;        /* cols rounded up to whole kernels */
    int64_t stride;       /* of the sums: width for each weight */
} span;

static void multiply_block(const i4_gemm *g, const span *s, const work *w, int64_t k0, int k) {
    const i4_gemm_isa *isa = g->isa;
    size_t column_bytes = (size_t)round_up(k, isa->k_step) * isa->item_bytes;
    for (int i = 0; i < 2 && g->weight[i]; i++) {
        fill_panel(isa, g->weight[i], s->column, s->cols, k0, k, w->expanded,
                   w->panel + (size_t)(i * s->width) * column_bytes);
    }
    for (int64_t r = 0; r < s->rows; r += isa->rows) {
        int used = (int)min_of(isa->rows, s->rows - r);
        fetch_tile(g, s->row + r, used, k0, k, w->tile);
        for (int64_t j = 0; j < s->stride; j += isa->cols) {
            isa->tile(used, k, w->tile, w->panel + (size_t)j * column_bytes,
                      w->sums + r * s->stride + j, s->stride);
        }
    }
}

static void run_task(void *task, int index, int thread) {
    const i4_gemm *g = task;
    work w = work_of(g->cpu, thread);
    span s = {.row = index / g->strips * g->block, .column = index % g->strips * g->strip};
    s.rows = min_of(g->block, g->rows - s.row);
    s.cols = min_of(g->strip, g->weight[0]->rows - s.column);
    s.width = round_up(s.cols, g->isa->cols);
    s.stride = s.width * (g->weight[1] ? 2 : 1);
    if (g->isa->begin) {
        g->isa->begin();
    }
    memset(w.sums, 0, (size_t)(s.rows * s.stride) * sizeof(float));
    int64_t terms = g->weight[0]->cols;
    for (int64_t k0 = 0; k0 < terms; k0 += I4_GEMM_K) {
        multiply_block(g, &s, &w, k0, (int)min_of(I4_GEMM_K, terms - k0));
    }
    if (g->isa->end) {
        g->isa->end();
    }
    for (int64_t r = 0; r < s.rows; r++) {
        const float *sums = w.sums + r * s.stride;
        g->finish(g, s.row + r, s.column, s.cols, sums, sums + s.width);
    }
}

void i4_gemm_run(i4_cpu *cpu, i4_gemm *g) {
    if (g->rows <= 0 || g->weight[0]->rows <= 0) {
        return;
    }
    g->cpu = cpu;
    g->isa = cpu->gemm;
    plan(g);
    i4_pool_run(cpu->pool, run_task, g, (int)(g->strips * g->blocks));
}

/* --- linear ops --------------------------------------------------------------------------- */

static void fetch_row(const i4_gemm *g, int64_t row, int64_t first, int count, void *dst) {
    const i4_tensor *x = &g->op->in[0];
    g->isa->items(x->dtype, i4_row_at(x, row, first), count, dst);
}

void i4_gemm_store(const i4_gemm *g, int64_t row, int64_t first, int64_t count, const float *sums,
                   const float *second) {
    (void)second;
    const i4_tensor *out = &g->op->out;
    const float *bias = g->weight[0]->bias;
    g->isa->store(out->dtype, sums, bias ? bias + first : NULL, count, i4_row_at(out, row, first));
}

static void finish_add(const i4_gemm *g, int64_t row, int64_t first, int64_t count,
                       const float *sums, const float *second) {
    (void)second;
    const i4_tensor *out = &g->op->out;
    g->isa->store_add(out->dtype, sums, g->op->scale, count, i4_row_at(out, row, first));
}

static void finish_swiglu(const i4_gemm *g, int64_t row, int64_t first, int64_t count,
                          const float *sums, const float *second) {
    const i4_tensor *out = &g->op->out;
    g->isa->store_swiglu(out->dtype, sums, second, count, i4_row_at(out, row, first));
}

static void run_linear(i4_cpu *cpu, const i4_op *op, const i4_weight *second,
                       i4_gemm_finish finish) {
    i4_gemm g = {
        .op = op,
        .rows = i4_rows_of(op->in[0]),
        .weight = {op->weight[0], second},
        .fetch = fetch_row,
        .finish = finish,
    };
    i4_gemm_run(cpu, &g);
}

void i4_cpu_linear(i4_cpu *cpu, const i4_op *op) {
    run_linear(cpu, op, NULL, i4_gemm_store);
}

void i4_cpu_linear_add(i4_cpu *cpu, const i4_op *op) {
    run_linear(cpu, op, NULL, finish_add);
}

void i4_cpu_linear_swiglu(i4_cpu *cpu, const i4_op *op) {
    run_linear(cpu, op, op->weight[1], finish_swiglu);
}

/* --- embedding ---------------------------------------------------------------------------- */

typedef struct embed {
    i4_cpu *cpu;
    const i4_op *op;
} embed;

static void embed_row(void *task, int index, int thread) {
    enum { PART = 8192 };
    const embed *e = task;
    const i4_op *op = e->op;
    int32_t id = ((const int32_t *)op->in[0].data)[index];
    float *values = i4_cpu_scratch(e->cpu, thread, PART * sizeof(float));
    for (int64_t first = 0; first < op->weight[0]->cols; first += PART) {
        int64_t count = min_of(PART, op->weight[0]->cols - first);
        e->cpu->gemm->expand(op->weight[0], id, first, count, values);
        e->cpu->gemm->store(op->out.dtype, values, NULL, count, i4_row_at(&op->out, index, first));
    }
}

void i4_cpu_embed(i4_cpu *cpu, const i4_op *op) {
    embed e = {cpu, op};
    i4_pool_run(cpu->pool, embed_row, &e, (int)i4_rows_of(op->out));
}
