/* Attention in float32 with online softmax, for any head size up to I4_LIMIT_HEAD_DIM, grouped or
 * causal. attention_bf16.c is faster where it fits.
 *
 * A task is a block of query rows of one head. It walks over tiles of keys and values: widens the
 * tile into panels of its scratch, multiplies, updates maximum and sum of each row, accumulates.
 * Scores exist for one tile only. What happens to a row depends on nothing but the row and the
 * fixed tile size, so the size of the blocks may follow the number of threads. */
#include "backend/cpu/attention.h"
#include "backend/cpu/point.h"

#include <math.h>
#include <string.h>

_Static_assert((int)I4_CPU_POINT_SCRATCH <= (int)I4_CPU_SCRATCH_BYTES, "attention's scratch");

typedef struct attention {
    i4_cpu *cpu;
    const i4_op *op;
    int64_t block_rows, blocks; /* of queries, per head */
    int64_t tile_keys;
} attention;

/* The work space of a task. Rows of queries and of scores are padded, see I4_ATTENTION_PAD. */
typedef struct work {
    int64_t size, padded_size; /* of a head, and rounded up to panels */
    int64_t wide, narrow;      /* floats from row to row: queries and results, scores */
    float *queries, *results;  /* [rows, wide] */
    float *keys, *values;      /* panels of a tile */
    float *scores;             /* [rows, narrow] */
    float *maximum, *sum;      /* [rows] */
} work;

static const void *item(const i4_tensor *t, int64_t row, int64_t col) {
    return (const char *)t->data + (row * t->row_stride + col) * (int64_t)i4_dtype_size(t->dtype);
}

static work carve(const attention *job, float *scratch) {
    work w;
    w.size = job->op->head_dim;
    w.padded_size = i4_round_up(w.size, job->cpu->point->panel_cols);
    w.wide = w.padded_size + I4_ATTENTION_PAD;
    w.narrow = job->tile_keys + I4_ATTENTION_PAD;
    w.queries = scratch;
    w.results = w.queries + job->block_rows * w.wide;
    w.keys = w.results + job->block_rows * w.wide;
    w.values = w.keys + job->tile_keys * w.padded_size;
    w.scores = w.values + job->tile_keys * w.padded_size;
    w.maximum = w.scores + job->block_rows * w.narrow;
    w.sum = w.maximum + job->block_rows;
    return w;
}

/* Queries in float32 with the scale and log2 e (softmax works in base 2) multiplied in. */
static void load_queries(const attention *job, const work *w, int head, int64_t first, int64_t used,
                         int64_t rows) {
    const i4_point_isa *isa = job->cpu->point;
    const i4_tensor *q = &job->op->in[0];
    const float factor = (float)((double)job->op->scale * 1.4426950408889634);
    memset(w->queries, 0, (size_t)(rows * w->wide) * sizeof(float));
    memset(w->results, 0, (size_t)(rows * w->wide) * sizeof(float));
    for (int64_t r = 0; r < used; r++) {
        float *to = w->queries + r * w->wide;
        isa->widen(to, item(q, first + r, head * w->size), q->dtype, w->size);
        isa->scale(to, to, factor, i4_round_up(w->size, I4_POINT_LANES));
        w->maximum[r] = -INFINITY;
        w->sum[r] = 0.0F;
    }
}

/* One tile: keys and values [first_key, first_key + count) of the head's group. */
static void add_tile(const attention *job, const work *w, int64_t head_col, int64_t first_key,
                     int64_t count, int64_t first_row, int64_t used, int64_t rows) {
    const i4_point_isa *isa = job->cpu->point;
    const i4_tensor *k = &job->op->in[1], *v = &job->op->in[2];
    const int64_t cols = isa->panel_cols, width = i4_round_up(count, cols);
    isa->pack_keys(w->keys, item(k, first_key, head_col), k->dtype, k->row_stride, count, w->size);
    for (int64_t j = 0; j < width; j += cols) {
        isa->product(w->scores + j, w->narrow, w->queries, w->wide, w->keys + j * w->size, w->size,
                     rows, false);
    }
    for (int64_t r = 0; r < used; r++) {
        const int64_t seen = first_row + r + 1 - first_key; /* by a causal row */
        const int64_t valid = job->op->causal ? i4_at_most(seen, count) : count;
        const float shrink =
            isa->soften(w->scores + r * w->narrow, valid, width, w->maximum + r, w->sum + r);
        if (shrink != 1.0F) {
            float *result = w->results + r * w->wide;
            isa->scale(result, result, shrink, i4_round_up(w->size, I4_POINT_LANES));
        }
    }
    isa->pack_values(w->values, item(v, first_key, head_col), v->dtype, v->row_stride, count,
                     w->size);
    for (int64_t j = 0; j < w->padded_size; j += cols) {
        isa->product(w->results + j, w->wide, w->scores, w->narrow, w->values + j * count, count,
                     rows, true);
    }
}

static void store_results(const attention *job, const work *w, int head, int64_t first,
                          int64_t used) {
    const i4_point_isa *isa = job->cpu->point;
    const i4_tensor *out = &job->op->out;
    for (int64_t r = 0; r < used; r++) {
        float *result = w->results + r * w->wide;
        isa->scale(result, result, 1.0F / w->sum[r], i4_round_up(w->size, I4_POINT_LANES));
        isa->narrow((void *)item(out, first + r, head * w->size), out->dtype, result, w->size);
    }
}

static void attend(void *task, int index, int thread) {
    const attention *job = task;
    const i4_op *op = job->op;
    const work w = carve(job, i4_cpu_scratch(job->cpu, thread, I4_CPU_POINT_SCRATCH));
    const int head = (int)(index / job->blocks);
    /* from the last block on: when causal it is the longest */
    const int64_t block = job->blocks - 1 - index % job->blocks;
    const int64_t first = block * job->block_rows;
    const int64_t used = i4_at_most(i4_rows_of(op->in[0]) - first, job->block_rows);
    const int64_t rows = i4_round_up(used, job->cpu->point->tile_rows);
    const int64_t head_col = (int64_t)head * op->kv_heads / op->heads * op->head_dim;
    const int64_t all_keys = i4_rows_of(op->in[1]);
    const int64_t keys = op->causal ? i4_at_most(first + used, all_keys) : all_keys;
    load_queries(job, &w, head, first, used, rows);
    for (int64_t key = 0; key < keys; key += job->tile_keys) {
        add_tile(job, &w, head_col, key, i4_at_most(keys - key, job->tile_keys), first, used, rows);
    }
    store_results(job, &w, head, first, used);
}

void i4_cpu_attention(i4_cpu *cpu, const i4_op *op) {
    if (i4_attention_fits_bf16(cpu, op)) {
        i4_attention_bf16(cpu, op);
        return;
    }
    const int64_t rows = i4_rows_of(op->in[0]);
    attention job = {.cpu = cpu, .op = op, .block_rows = I4_ATTENTION_ROWS};
    /* large blocks use a packed tile more often, small ones keep all threads busy to the end */
    while (job.block_rows > I4_ATTENTION_ROWS / 4 &&
           op->heads * (rows / job.block_rows) < 4 * cpu->threads) {
        job.block_rows /= 2;
    }
    job.blocks = (rows + job.block_rows - 1) / job.block_rows;
    job.tile_keys =
        op->head_dim <= I4_LIMIT_HEAD_DIM / 2 ? I4_ATTENTION_KEYS : I4_ATTENTION_KEYS_WIDE;
    i4_pool_run(cpu->pool, attend, &job, (int)(op->heads * job.blocks));
}
