/* Floor 1. Blocking around the matrix kernels, and the linear ops.
 *
 * A task is a strip of columns times a block of rows. For each block of K its thread dequantises
 * the strip's weights into panels that stay in its L2 cache, then streams the rows through: a
 * tile of rows meets every panel. Where one block holds all of K, a tile's rows are finished while
 * they are in the L1 cache; else sums wait in the scratch. Each sum runs over the terms in the
 * kernel's order, whatever the blocks, strips and threads. */
#include "backend/cpu/gemm.h"

#include <string.h>

enum {
    ROWS_MAX = 1024, /* of a task: activations that stay in the L3 cache while strips pass */
    TASKS_PER_THREAD = 4
};

/* Parts of a thread's scratch. */
typedef struct work {
    uint8_t *panel;
    uint8_t *tile;
    float *sums;
    float *expanded;
} work;

static work work_of(i4_cpu *cpu, int thread) {
    const i4_gemm_isa *isa = cpu->gemm;
    work w = {.panel = i4_cpu_scratch(cpu, thread, I4_CPU_SCRATCH_BYTES)};
    w.tile = w.panel + (size_t)isa->panel_cols * (size_t)isa->k_block * isa->item_bytes;
    w.sums = (float *)(void *)(w.tile + (size_t)isa->rows * (size_t)isa->stride * isa->item_bytes);
    w.expanded = w.sums + I4_GEMM_SUMS;
    return w;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* `parts` nearly equal pieces of `whole`, each a multiple of step. */
static int64_t piece(int64_t whole, int64_t largest, int64_t step) {
    int64_t parts = ceil_div(whole, largest);
    return i4_round_up(ceil_div(whole, parts), step);
}

/* Wide strips read A less often, high blocks dequantise W less often; both are made smaller only as
 * far as every thread needs some tasks. */
static void plan(i4_gemm *g) {
    const i4_gemm_isa *isa = g->isa;
    int64_t cols = isa->cols, rows = isa->rows, n = g->weight[0]->rows, k = g->weight[0]->cols;
    int weights = g->weight[1] ? 2 : 1;
    int64_t wanted = g->cpu->threads > 1 ? (int64_t)g->cpu->threads * TASKS_PER_THREAD : 1;
    g->terms = piece(k, isa->k_block, 64);
    g->parts = (int)ceil_div(k, g->terms);
    int64_t widest = isa->panel_cols / weights / cols * cols;
    for (;; widest = i4_round_up(widest / 2, cols)) {
        g->strip = piece(n, widest, cols);
        g->strips = ceil_div(n, g->strip);
        int64_t highest = g->parts > 1 ? I4_GEMM_SUMS / (g->strip * weights) : ROWS_MAX;
        g->block = piece(g->rows, highest / rows * rows, rows);
        g->blocks = ceil_div(g->rows, g->block);
        if (g->strips * g->blocks >= wanted || widest == cols) {
            break;
        }
    }
    while (g->strips * g->blocks < wanted && g->block > 4 * rows) {
        g->block = i4_round_up(g->block / 2, rows);
        g->blocks = ceil_div(g->rows, g->block);
    }
}

typedef struct span {
    int64_t row, rows;    /* of this task */
    int64_t column, cols; /* of each weight */
    int64_t width;        /* cols rounded up to whole kernels */
    int64_t stride;       /* of the sums: width for each weight */
} span;

/* A block of K. */
typedef struct part {
    int64_t first;
    int k;
    size_t column_bytes; /* of a panel's column */
    bool is_first, is_last;
    bool in_place; /* tiles of rows need not be copied */
} part;

static void fill_panels(const i4_gemm *g, const span *s, const part *p, const work *w) {
    const i4_gemm_isa *isa = g->isa;
    uint8_t *panel = w->panel;
    for (int i = 0; i < 2 && g->weight[i]; i++) {
        for (int64_t j = 0; j < s->width; j += isa->cols) {
            int used = (int)i4_at_most(isa->cols, s->cols - j);
            isa->pack(g->weight[i], s->column + j, used, p->first, p->k, w->expanded, panel);
            panel += p->column_bytes * (size_t)isa->cols;
        }
    }
}

static void fetch_tile(const i4_gemm *g, int64_t row, int used, const part *p, uint8_t *tile) {
    size_t item = g->isa->item_bytes;
    size_t padding = p->column_bytes - (size_t)p->k * item;
    for (int r = 0; r < used; r++, tile += (size_t)g->isa->stride * item) {
        g->fetch(g, row + r, p->first, p->k, tile);
        memset(tile + (size_t)p->k * item, 0, padding);
    }
}

/* Rows [r, r + used) of the task with all its panels. */
static void multiply_rows(const i4_gemm *g, const span *s, const part *p, const work *w, int64_t r,
                          float *sums) {
    const i4_gemm_isa *isa = g->isa;
    i4_gemm_tile t = {.k = p->k, .c_stride = s->stride, .fresh = p->is_first};
    t.used = (int)i4_at_most(isa->rows, s->rows - r);
    const int panels = (int)(s->stride / isa->cols);
    const uint8_t *ahead = NULL;
    if (p->in_place && t.used == isa->rows) {
        t.a = i4_row_at(g->in_place, s->row + r, p->first);
        t.a_stride = g->in_place->row_stride;
        if (s->rows - r >= 2 * isa->rows) {
            ahead = i4_row_at(g->in_place, s->row + r + isa->rows, p->first);
            t.ahead_rows = isa->rows / panels;
        }
    } else {
        fetch_tile(g, s->row + r, t.used, p, w->tile);
        t.a = w->tile;
        t.a_stride = isa->stride;
    }
    const size_t ahead_bytes =
        (size_t)t.ahead_rows * (size_t)t.a_stride * isa->item_bytes; /* for each panel */
    for (int j = 0; j < panels; j++) {
        t.panel = w->panel + (size_t)(j * isa->cols) * p->column_bytes;
        t.c = sums + j * isa->cols;
        t.ahead = ahead ? ahead + (size_t)j * ahead_bytes : NULL;
        isa->tile(&t);
    }
}

static void run_part(const i4_gemm *g, const span *s, const part *p, const work *w) {
    fill_panels(g, s, p, w);
    for (int64_t r = 0; r < s->rows; r += g->isa->rows) {
        float *sums = w->sums + (g->parts > 1 ? r * s->stride : 0);
        multiply_rows(g, s, p, w, r, sums);
        const int64_t end = p->is_last ? i4_at_most(r + g->isa->rows, s->rows) : r;
        for (int64_t done = r; done < end; done++, sums += s->stride) {
            g->finish(g, s->row + done, s->column, s->cols, sums, sums + s->width);
        }
    }
}

static void run_task(void *task, int index, int thread) {
    const i4_gemm *g = task;
    const i4_gemm_isa *isa = g->isa;
    work w = work_of(g->cpu, thread);
    span s = {.row = index / g->strips * g->block, .column = index % g->strips * g->strip};
    s.rows = i4_at_most(g->block, g->rows - s.row);
    s.cols = i4_at_most(g->strip, g->weight[0]->rows - s.column);
    s.width = i4_round_up(s.cols, isa->cols);
    s.stride = s.width * (g->weight[1] ? 2 : 1);
    if (isa->begin) {
        isa->begin();
    }
    const bool in_place = isa->reads_rows && g->in_place && g->in_place->dtype == I4_BF16;
    for (int i = 0; i < g->parts; i++) {
        part p = {.first = i * g->terms, .is_first = i == 0, .is_last = i == g->parts - 1};
        p.k = (int)i4_at_most(g->terms, g->weight[0]->cols - p.first);
        p.column_bytes = (size_t)i4_round_up(p.k, isa->k_step) * isa->item_bytes;
        p.in_place = in_place && p.k % isa->k_step == 0;
        run_part(g, &s, &p, &w);
    }
    if (isa->end) {
        isa->end();
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
        .in_place = &op->in[0],
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
        int64_t count = i4_at_most(PART, op->weight[0]->cols - first);
        e->cpu->gemm->expand(op->weight[0], id, first, count, values);
        e->cpu->gemm->store(op->out.dtype, values, NULL, count, i4_row_at(&op->out, index, first));
    }
}

void i4_cpu_embed(i4_cpu *cpu, const i4_op *op) {
    embed e = {cpu, op};
    i4_pool_run(cpu->pool, embed_row, &e, (int)i4_rows_of(op->out));
}
