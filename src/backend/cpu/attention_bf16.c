/* Attention through the matrix kernels of bf16 pairs, for heads that are whole panels.
 *
 * A task is a block of queries of one head. It walks over tiles of keys: packs keys and values into
 * panels, which stay in its L2 cache, and for each tile of queries (read where they lie)
 * multiplies, softens, multiplies again. The scale is part of the softmax. Sums and softmax in
 * float32, weights of the values rounded to bf16. What happens to a row depends on nothing but the
 * row and the fixed tile of keys, so the size of blocks may follow the number of threads. */
#include "backend/cpu/attention.h"
#include "backend/cpu/point.h"

#include <math.h>
#include <string.h>

enum {
    KEYS = 256, /* of a tile, for heads up to 256; half of it beyond */
    PAD = 32,   /* items between rows of weights, so that they do not share cache sets */
    ROWS_MAX = 32,
    SIZE_MIN = 16, /* of a head: one of the narrowest panels */
    TASKS_PER_THREAD = 4,
    RESULTS = I4_GEMM_SUMS, /* floats of a block */
    PANEL_ITEMS = KEYS * 256,
    WORK_BYTES = (2 * PANEL_ITEMS + ROWS_MAX * (KEYS + PAD) + ROWS_MAX * I4_LIMIT_HEAD_DIM) * 2 +
                 (RESULTS + ROWS_MAX * KEYS + 2 * RESULTS / SIZE_MIN) * 4
};
_Static_assert((int)WORK_BYTES <= (int)I4_CPU_SCRATCH_BYTES, "a task must fit the scratch");

typedef struct attention {
    i4_cpu *cpu;
    const i4_op *op;
    int size;                   /* of a head */
    int64_t block_rows, blocks; /* of queries, per head */
    int64_t tile_keys;
} attention;

typedef struct work {
    uint16_t *keys, *values; /* panels of a tile */
    uint16_t *weights;       /* [ROWS_MAX, KEYS + PAD] */
    uint16_t *queries;       /* [ROWS_MAX, size]: the last tile, where it is not whole */
    float *scores;           /* [ROWS_MAX, tile_keys] */
    float *results;          /* [block_rows, size] */
    float *maximum, *sum;    /* [block_rows] */
} work;

static const uint16_t *item(const i4_tensor *t, int64_t row, int64_t column) {
    return (const uint16_t *)t->data + row * t->row_stride + column;
}

static work carve(const attention *job, int thread) {
    work w = {.keys = i4_cpu_scratch(job->cpu, thread, WORK_BYTES)};
    w.values = w.keys + PANEL_ITEMS;
    w.weights = w.values + PANEL_ITEMS;
    w.queries = w.weights + ROWS_MAX * (KEYS + PAD);
    w.scores = (float *)(void *)(w.queries + ROWS_MAX * I4_LIMIT_HEAD_DIM);
    w.results = w.scores + ROWS_MAX * KEYS;
    w.maximum = w.results + RESULTS;
    w.sum = w.maximum + job->block_rows;
    return w;
}

/* Keys [first, first + count) of a head whose columns begin at `column`. */
static void pack_tile(const attention *job, const work *w, int64_t column, int64_t first,
                      int count) {
    const i4_attention_isa *isa = job->cpu->gemm->attention;
    const i4_tensor *k = &job->op->in[1], *v = &job->op->in[2];
    const int cols = job->cpu->gemm->cols;
    for (int j = 0; j < count; j += cols) {
        isa->pack_keys(item(k, first + j, column), k->row_stride, (int)i4_at_most(cols, count - j),
                       job->size, w->keys + (size_t)j * (size_t)job->size);
    }
    isa->pack_values(item(v, first, column), v->row_stride, count, job->size, w->values);
}

/* A tile of queries as the kernel reads it: in place if it is whole. */
static void set_queries(const attention *job, const work *w, int head, int64_t row,
                        i4_gemm_tile *t) {
    const i4_tensor *q = &job->op->in[0];
    t->a = item(q, row, (int64_t)head * job->size);
    t->a_stride = q->row_stride;
    if (t->used < job->cpu->gemm->rows) {
        for (int r = 0; r < t->used; r++) {
            memcpy(w->queries + r * job->size, (const uint16_t *)t->a + r * t->a_stride,
                   (size_t)job->size * sizeof(uint16_t));
        }
        t->a = w->queries;
        t->a_stride = job->size;
    }
}

typedef struct keys {
    int64_t first;
    int count, terms; /* terms: rounded up to whole steps */
} keys;

/* Weights of the values for queries [row, row + used), results [r, r + used) shrunk accordingly. */
static void soften_rows(const attention *job, const work *w, const keys *k, int64_t row, int64_t r,
                        int used) {
    const i4_op *op = job->op;
    const i4_attention_isa *isa = job->cpu->gemm->attention;
    const float factor = (float)((double)op->scale * 1.4426950408889634); /* softmax in base 2 */
    for (int i = 0; i < used; i++) {
        int64_t valid = k->count;
        if (op->causal) {
            valid = i4_at_most(row + i + 1 - k->first, valid);
        }
        const float shrink =
            isa->soften(w->scores + i * job->tile_keys, valid > 0 ? (int)valid : 0, k->terms,
                        factor, w->maximum + r + i, w->sum + r + i, w->weights + i * (KEYS + PAD));
        if (shrink != 1.0F && k->first > 0) {
            float *result = w->results + (r + i) * job->size;
            job->cpu->point->scale(result, result, shrink, job->size);
        }
    }
}

static void add_rows(const attention *job, const work *w, const keys *k, int head, int64_t row,
                     int64_t r, int used) {
    const i4_gemm_isa *gemm = job->cpu->gemm;
    i4_gemm_tile t = {.used = used, .k = job->size, .c_stride = job->tile_keys, .fresh = true};
    set_queries(job, w, head, row, &t);
    for (int j = 0; j < k->count; j += gemm->cols) {
        t.panel = w->keys + (size_t)j * (size_t)job->size;
        t.c = w->scores + j;
        gemm->tile(&t);
    }
    soften_rows(job, w, k, row, r, used);
    t = (i4_gemm_tile){.used = used, .k = k->terms, .a = w->weights, .a_stride = KEYS + PAD};
    t.c_stride = job->size;
    t.fresh = k->first == 0;
    for (int d = 0; d < job->size; d += gemm->cols) {
        t.panel = w->values + (size_t)d * (size_t)k->terms;
        t.c = w->results + r * job->size + d;
        gemm->tile(&t);
    }
}

static void store_results(const attention *job, const work *w, int head, int64_t first,
                          int64_t used) {
    const i4_point_isa *point = job->cpu->point;
    const i4_tensor *out = &job->op->out;
    for (int64_t r = 0; r < used; r++) {
        float *result = w->results + r * job->size;
        point->scale(result, result, 1.0F / w->sum[r], job->size);
        point->narrow(i4_row_at(out, first + r, (int64_t)head * job->size), out->dtype, result,
                      job->size);
    }
}

static void attend(void *task, int index, int thread) {
    const attention *job = task;
    const i4_op *op = job->op;
    const i4_gemm_isa *gemm = job->cpu->gemm;
    const work w = carve(job, thread);
    const int head = (int)(index / job->blocks);
    /* from the last block on: when causal it is the longest */
    const int64_t first = (job->blocks - 1 - index % job->blocks) * job->block_rows;
    const int64_t used = i4_at_most(i4_rows_of(op->in[0]) - first, job->block_rows);
    const int64_t column = (int64_t)head * op->kv_heads / op->heads * job->size;
    const int64_t all = i4_rows_of(op->in[1]);
    const int64_t end = op->causal ? i4_at_most(first + used, all) : all;
    for (int64_t r = 0; r < used; r++) {
        w.maximum[r] = -INFINITY;
        w.sum[r] = 0.0F;
    }
    if (gemm->begin) {
        gemm->begin();
    }
    for (keys k = {0}; k.first < end; k.first += job->tile_keys) {
        k.count = (int)i4_at_most(end - k.first, job->tile_keys);
        k.terms = (int)i4_round_up(k.count, gemm->k_step);
        pack_tile(job, &w, column, k.first, k.count);
        for (int64_t r = 0; r < used; r += gemm->rows) {
            add_rows(job, &w, &k, head, first + r, r, (int)i4_at_most(used - r, gemm->rows));
        }
    }
    if (gemm->end) {
        gemm->end();
    }
    store_results(job, &w, head, first, used);
}

bool i4_attention_fits_bf16(const i4_cpu *cpu, const i4_op *op) {
    return cpu->gemm->attention && op->head_dim % cpu->gemm->cols == 0 && op->scale > 0.0F &&
           op->in[0].dtype == I4_BF16 && op->in[1].dtype == I4_BF16 && op->in[2].dtype == I4_BF16;
}

void i4_attention_bf16(i4_cpu *cpu, const i4_op *op) {
    const int64_t rows = i4_rows_of(op->in[0]), unit = cpu->gemm->rows;
    attention job = {.cpu = cpu, .op = op, .size = (int)op->head_dim};
    job.tile_keys = job.size <= 256 ? KEYS : KEYS / 2;
    job.block_rows = RESULTS / job.size / unit * unit;
    /* large blocks use a packed tile more often, small ones keep all threads busy to the end */
    const int64_t wanted = cpu->threads > 1 ? (int64_t)cpu->threads * TASKS_PER_THREAD : 1;
    while (job.block_rows > 2 * unit && op->heads * (rows / job.block_rows) < wanted) {
        job.block_rows = i4_round_up(job.block_rows / 2, unit);
    }
    job.blocks = (rows + job.block_rows - 1) / job.block_rows;
    i4_pool_run(cpu->pool, attend, &job, (int)(op->heads * job.blocks));
}
