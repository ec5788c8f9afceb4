/* Norms, activations, rotations, copies: every op without weights in its product but attention.
 *
 * Each is one pass: a chunk of rows is a task of the pool, a row is worked on in blocks that stay
 * in the first cache. Blocks enter the kernels as float32: f32 tensors directly, others (and
 * ragged ends) through buffers on the stack, converted in and rounded once on the way out. */
#include "backend/cpu/point.h"
#include "backend/cpu/cpu.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK = 1024,             /* floats of a buffer; a multiple of I4_POINT_LANES */
    CHUNK_ELEMENTS = 1 << 15, /* of a task: some microseconds, far above the cost of a hand-out */
    FLAT_COLS = 4096,         /* width of the rows that gapless tensors are cut into */
    STATS_CHUNKS = 64,        /* tasks of GROUPNORM_STATS at most */
    STATS_ROWS = 64           /* rows added in float32 before they go on in double */
};

const i4_point_isa *i4_point_for(i4_isa isa) {
    switch (isa) {
#if defined(__x86_64__)
    case I4_ISA_AVX2:
        return &i4_point_avx2;
    case I4_ISA_AVX512:
    case I4_ISA_AVX512BF16:
    case I4_ISA_AMX:
        return &i4_point_avx512;
#elif defined(__aarch64__)
    case I4_ISA_NEON:
    case I4_ISA_NEONBF16:
        return &i4_point_neon;
#endif
    default:
        return &i4_point_portable;
    }
}

/* ---- blocks of tensors ---- */

static int64_t in_lanes(int64_t n) {
    return (n + I4_POINT_LANES - 1) / I4_POINT_LANES * I4_POINT_LANES;
}

static void *item(const i4_tensor *t, int64_t row, int64_t col) {
    return (char *)t->data + (row * t->row_stride + col) * (int64_t)i4_dtype_size(t->dtype);
}

static bool is_direct(const i4_tensor *t, int64_t n) {
    return t->dtype == I4_F32 && n % I4_POINT_LANES == 0;
}

/* n <= BLOCK elements as f32, readable up to in_lanes(n), with zeros there. */
static const float *take(const i4_point_isa *isa, const i4_tensor *t, int64_t row, int64_t col,
                         int64_t n, float *buffer) {
    if (is_direct(t, n)) {
        return item(t, row, col);
    }
    isa->widen(buffer, item(t, row, col), t->dtype, n);
    memset(buffer + n, 0, (size_t)(in_lanes(n) - n) * sizeof *buffer);
    return buffer;
}

/* Where to write n elements that put() will store. */
static float *place(const i4_tensor *t, int64_t row, int64_t col, int64_t n, float *buffer) {
    return is_direct(t, n) ? item(t, row, col) : buffer;
}

static void put(const i4_point_isa *isa, const i4_tensor *t, int64_t row, int64_t col, int64_t n,
                const float *from) {
    if (!is_direct(t, n)) {
        isa->narrow(item(t, row, col), t->dtype, from, n);
    }
}

/* ---- tasks ---- */

typedef struct job job;
typedef void (*row_fn)(const job *j, int64_t row, int64_t cols);

struct job {
    const i4_point_isa *isa;
    const i4_op *op;
    row_fn work;
    int64_t rows, cols, total; /* the last row may be shorter when the tensors were flattened */
    int64_t chunk;             /* rows of a task */
    /* elementwise ops: */
    i4_tensor out, a, b;
    void (*one)(float *out, const float *a, int64_t n);
    void (*two)(float *out, const float *a, const float *b, int64_t n);
};

static void run_chunk(void *task, int index, int thread) {
    (void)thread;
    const job *j = task;
    const int64_t first = index * j->chunk, last = i4_at_most(first + j->chunk, j->rows);
    for (int64_t row = first; row < last; row++) {
        j->work(j, row, i4_at_most(j->cols, j->total - row * j->cols));
    }
}

static void run_rows(i4_cpu *cpu, job *j) {
    j->isa = cpu->point;
    j->chunk = j->cols >= CHUNK_ELEMENTS ? 1 : CHUNK_ELEMENTS / j->cols;
    i4_pool_run(cpu->pool, run_chunk, j, (int)((j->rows + j->chunk - 1) / j->chunk));
}

/* One call of `work` per row of shape. */
static void run_by_row(i4_cpu *cpu, const i4_op *op, const i4_tensor *shape, row_fn work) {
    job j = {.op = op, .work = work, .rows = i4_rows_of(*shape), .cols = i4_cols_of(*shape)};
    j.total = j.rows * j.cols;
    if (j.total > 0) {
        run_rows(cpu, &j);
    }
}

static bool is_gapless(const i4_tensor *t) {
    return t->data == NULL || t->row_stride == i4_cols_of(*t) || i4_rows_of(*t) <= 1;
}

/* Elementwise ops on j->out, a, b of one shape: rows of an image may be 3 elements long, so where
 * nothing has gaps the rows are cut anew. */
static void run_elementwise(i4_cpu *cpu, job *j) {
    j->rows = i4_rows_of(j->out);
    j->cols = i4_cols_of(j->out);
    j->total = j->rows * j->cols;
    if (j->total <= 0) {
        return;
    }
    if (is_gapless(&j->out) && is_gapless(&j->a) && is_gapless(&j->b)) {
        j->cols = FLAT_COLS;
        j->rows = (j->total + FLAT_COLS - 1) / FLAT_COLS;
        j->out.row_stride = j->a.row_stride = j->b.row_stride = FLAT_COLS;
    }
    run_rows(cpu, j);
}

/* ---- elementwise ---- */

static void one_row(const job *j, int64_t row, int64_t cols) {
    float a[BLOCK], y[BLOCK];
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        float *out = place(&j->out, row, col, n, y);
        j->one(out, take(j->isa, &j->a, row, col, n, a), in_lanes(n));
        put(j->isa, &j->out, row, col, n, out);
    }
}

static void two_row(const job *j, int64_t row, int64_t cols) {
    float a[BLOCK], b[BLOCK], y[BLOCK];
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        float *out = place(&j->out, row, col, n, y);
        j->two(out, take(j->isa, &j->a, row, col, n, a), take(j->isa, &j->b, row, col, n, b),
               in_lanes(n));
        put(j->isa, &j->out, row, col, n, out);
    }
}

void i4_cpu_swiglu(i4_cpu *cpu, const i4_op *op) {
    job j = {.op = op, .work = two_row, .two = cpu->point->silu_mul};
    j.out = op->out;
    j.a = op->in[0];
    j.b = op->in[1];
    run_elementwise(cpu, &j);
}

void i4_cpu_residual(i4_cpu *cpu, const i4_op *op) {
    job j = {.op = op, .work = two_row, .two = cpu->point->add};
    j.out = j.a = op->out;
    j.b = op->in[0];
    run_elementwise(cpu, &j);
}

void i4_cpu_activate(i4_cpu *cpu, const i4_op *op) {
    job j = {.op = op, .work = one_row, .one = op->mode ? cpu->point->tanh : cpu->point->silu};
    j.out = op->out;
    j.a = op->in[0];
    run_elementwise(cpu, &j);
}

static void copy_row(const job *j, int64_t row, int64_t cols) {
    if (j->out.dtype == j->a.dtype) {
        memcpy(item(&j->out, row, 0), item(&j->a, row, 0),
               (size_t)cols * i4_dtype_size(j->out.dtype));
        return;
    }
    float x[BLOCK];
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        j->isa->widen(x, item(&j->a, row, col), j->a.dtype, n);
        j->isa->narrow(item(&j->out, row, col), j->out.dtype, x, n);
    }
}

void i4_cpu_copy(i4_cpu *cpu, const i4_op *op) {
    job j = {.op = op, .work = copy_row};
    j.out = op->out;
    j.a = op->in[0];
    run_elementwise(cpu, &j);
}

static void rgb8_row(const job *j, int64_t row, int64_t cols) {
    float x[BLOCK], y[BLOCK];
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        j->isa->to_byte(y, take(j->isa, &j->a, row, col, n, x), in_lanes(n));
        uint8_t *out = item(&j->out, row, col);
        for (int64_t i = 0; i < n; i++) {
            out[i] = (uint8_t)(int)y[i];
        }
    }
}

void i4_cpu_to_rgb8(i4_cpu *cpu, const i4_op *op) {
    job j = {.op = op, .work = rgb8_row};
    j.out = op->out;
    j.a = op->in[0];
    run_elementwise(cpu, &j);
}

static void euler_row(const job *j, int64_t row, int64_t cols) {
    float a[BLOCK], b[BLOCK], z[BLOCK];
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        const float *text = take(j->isa, &j->a, row, col, n, a);
        const float *free_of_text = j->b.data ? take(j->isa, &j->b, row, col, n, b) : text;
        float *out = place(&j->out, row, col, n, z);
        if (out == z) {
            take(j->isa, &j->out, row, col, n, z);
        }
        j->isa->euler(out, text, free_of_text, j->op->eps, j->op->scale, in_lanes(n));
        put(j->isa, &j->out, row, col, n, out);
    }
}

void i4_cpu_cfg_euler(i4_cpu *cpu, const i4_op *op) {
    job j = {.op = op, .work = euler_row};
    j.out = op->out;
    j.a = op->in[0];
    j.b = op->in[1];
    run_elementwise(cpu, &j);
}

static void fold_row(const job *j, int64_t row, int64_t cols) {
    float w[BLOCK], m[BLOCK], y[BLOCK];
    const i4_op *op = j->op;
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        const float *gain = w;
        if (op->in[1].data) {
            gain = take(j->isa, &op->in[1], 0, col, n, w);
        } else {
            for (int64_t i = 0; i < in_lanes(n); i++) {
                w[i] = 1.0F;
            }
        }
        float *out = place(&op->out, row, col, n, y);
        (op->mode ? j->isa->fold_gate : j->isa->fold_scale)(
            out, gain, take(j->isa, &op->in[0], row, col, n, m), in_lanes(n));
        put(j->isa, &op->out, row, col, n, out);
    }
}

void i4_cpu_fold_gain(i4_cpu *cpu, const i4_op *op) {
    run_by_row(cpu, op, &op->out, fold_row);
}

static void interleave_row(const job *j, int64_t row, int64_t cols) {
    const i4_op *op = j->op;
    const int64_t step = op->count;
    float x[BLOCK];
    uint16_t h[BLOCK];
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        j->isa->widen(x, item(&op->in[0], row, col), op->in[0].dtype, n);
        void *to = item(&op->out, row, col * step + op->index);
        if (op->out.dtype == I4_F32) {
            for (int64_t i = 0; i < n; i++) {
                ((float *)to)[i * step] = x[i];
            }
        } else {
            j->isa->narrow(h, op->out.dtype, x, n);
            for (int64_t i = 0; i < n; i++) {
                ((uint16_t *)to)[i * step] = h[i];
            }
        }
    }
}

void i4_cpu_interleave(i4_cpu *cpu, const i4_op *op) {
    run_by_row(cpu, op, &op->in[0], interleave_row);
}

/* ---- norms of rows ---- */

/* As the kernels do it, but in double: for rows whose squares leave float32's range. */
static double wide_sum_squares(const i4_point_isa *isa, const i4_tensor *t, int64_t row,
                               int64_t first, int64_t cols, double shift) {
    float buffer[BLOCK];
    double total = 0.0;
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        const float *x = take(isa, t, row, first + col, n, buffer);
        for (int64_t i = 0; i < n; i++) {
            total += ((double)x[i] - shift) * ((double)x[i] - shift);
        }
    }
    return total;
}

/* Sum of (x − shift)² over columns [first, first + cols) of a row. */
static double sum_squares(const i4_point_isa *isa, const i4_tensor *t, int64_t row, int64_t first,
                          int64_t cols, float shift) {
    float buffer[BLOCK];
    double total = 0.0;
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK), whole = n - n % I4_POINT_LANES;
        const float *x = take(isa, t, row, first + col, n, buffer);
        total += (double)isa->sum_squares(x, shift, whole);
        for (int64_t i = whole; i < n; i++) {
            total += ((double)x[i] - (double)shift) * ((double)x[i] - (double)shift);
        }
    }
    if (isinf(total) || total < 1e-30) {
        return wide_sum_squares(isa, t, row, first, cols, (double)shift);
    }
    return total;
}

/* In short blocks: where the mean is many deviations, each rounding of a sum shows. */
static float mean_of(const i4_point_isa *isa, const i4_tensor *t, int64_t row, int64_t cols) {
    enum { SHORT_BLOCK = 256 };
    float buffer[SHORT_BLOCK];
    double total = 0.0;
    for (int64_t col = 0; col < cols; col += SHORT_BLOCK) {
        const int64_t n = i4_at_most(cols - col, SHORT_BLOCK);
        total += (double)isa->sum(take(isa, t, row, col, n, buffer), in_lanes(n));
    }
    return (float)(total / (double)cols);
}

static float inverse_root(double squares, int64_t count, float eps) {
    return (float)(1.0 / sqrt(squares / (double)count + (double)eps));
}

static void norm_row(const job *j, int64_t row, int64_t cols) {
    float x[BLOCK], gain[BLOCK], y[BLOCK];
    const i4_op *op = j->op;
    const float shift = op->kind == I4_OP_LAYERNORM ? mean_of(j->isa, &op->in[0], row, cols) : 0.0F;
    const float factor =
        inverse_root(sum_squares(j->isa, &op->in[0], row, 0, cols, shift), cols, op->eps);
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        float *out = place(&op->out, row, col, n, y);
        j->isa->norm(out, take(j->isa, &op->in[0], row, col, n, x),
                     take(j->isa, &op->in[1], 0, col, n, gain), shift, factor, in_lanes(n));
        put(j->isa, &op->out, row, col, n, out);
    }
}

void i4_cpu_rmsnorm(i4_cpu *cpu, const i4_op *op) {
    run_by_row(cpu, op, &op->out, norm_row);
}

void i4_cpu_layernorm(i4_cpu *cpu, const i4_op *op) {
    run_by_row(cpu, op, &op->out, norm_row);
}

static void residual_rmsnorm_row(const job *j, int64_t row, int64_t cols) {
    float x[BLOCK], gain[BLOCK], y[BLOCK];
    const i4_op *op = j->op;
    const float factor =
        inverse_root(sum_squares(j->isa, &op->in[0], row, 0, cols, 0.0F), cols, op->eps);
    for (int64_t col = 0; col < cols; col += BLOCK) {
        const int64_t n = i4_at_most(cols - col, BLOCK);
        float *out = place(&op->out, row, col, n, y);
        if (out == y) {
            take(j->isa, &op->out, row, col, n, y);
        }
        j->isa->add_norm(out, take(j->isa, &op->in[0], row, col, n, x),
                         take(j->isa, &op->in[1], 0, col, n, gain), factor, in_lanes(n));
        put(j->isa, &op->out, row, col, n, out);
    }
}

void i4_cpu_residual_rmsnorm(i4_cpu *cpu, const i4_op *op) {
    run_by_row(cpu, op, &op->out, residual_rmsnorm_row);
}

/* ---- queries and keys ---- */

/* What all heads of a token share: gains and the token's row of the table, by halves. */
typedef struct rotation {
    const float *gain[2][2]; /* of queries, of keys; low and high half */
    const float *cosines, *sines;
    float buffer[6][I4_LIMIT_HEAD_DIM / 2];
} rotation;

static void rotate_head(const job *j, const rotation *r, int64_t row, int head, int of_keys) {
    const i4_op *op = j->op;
    const int64_t half = op->head_dim / 2, col = (int64_t)head * op->head_dim;
    float lo[I4_LIMIT_HEAD_DIM / 2], hi[I4_LIMIT_HEAD_DIM / 2];
    const float factor = inverse_root(sum_squares(j->isa, &op->out, row, col, op->head_dim, 0.0F),
                                      op->head_dim, op->eps);
    float *low = place(&op->out, row, col, half, lo);
    float *high = place(&op->out, row, col + half, half, hi);
    take(j->isa, &op->out, row, col, half, lo);
    take(j->isa, &op->out, row, col + half, half, hi);
    j->isa->rotate(low, high, r->gain[of_keys][0], r->gain[of_keys][1], r->cosines, r->sines,
                   factor, in_lanes(half));
    put(j->isa, &op->out, row, col, half, low);
    put(j->isa, &op->out, row, col + half, half, high);
}

static void rotate_row(const job *j, int64_t row, int64_t cols) {
    (void)cols;
    const i4_op *op = j->op;
    const int64_t half = op->head_dim / 2;
    rotation r;
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < 2; k++) {
            r.gain[i][k] = take(j->isa, &op->in[i], 0, k * half, half, r.buffer[2 * i + k]);
        }
    }
    r.cosines = take(j->isa, &op->in[2], row, 0, half, r.buffer[4]);
    r.sines = take(j->isa, &op->in[2], row, half, half, r.buffer[5]);
    for (int head = 0; head < op->heads + op->kv_heads; head++) {
        rotate_head(j, &r, row, head, head >= op->heads);
    }
}

void i4_cpu_qk_norm_rope(i4_cpu *cpu, const i4_op *op) {
    run_by_row(cpu, op, &op->out, rotate_row);
}

/* ---- images ---- */

/* Pixels side by side fill a block when a map has few channels: `channels` from `first` on, of
 * `pixels` pixels at a time. */
typedef struct strip {
    int64_t first, channels, pixels;
} strip;

static strip strip_at(const i4_tensor *x, const i4_tensor *out, int64_t first) {
    const int64_t all = i4_cols_of(*x);
    strip s = {.first = first, .channels = i4_at_most(all - first, BLOCK), .pixels = 1};
    if (all <= BLOCK && x->row_stride == all && out->row_stride == all) {
        s.pixels = BLOCK / all;
    }
    return s;
}

typedef struct moments {
    double count, mean, squares; /* squares: sum of (x − mean)² */
} moments;

static void merge(moments *a, moments b) {
    const double count = a->count + b.count;
    if (b.count > 0.0) {
        const double delta = b.mean - a->mean;
        a->squares += b.squares + delta * delta * (a->count * (b.count / count));
        a->mean += delta * (b.count / count);
        a->count = count;
    }
}

typedef struct stats_job {
    const i4_point_isa *isa;
    const i4_tensor *x;
    int64_t groups, group_channels;
    int64_t pixels, chunk; /* of the map, of a task */
    moments *partial;      /* [tasks, groups] */
} stats_job;

/* The part of a group that lies in a strip: channels [low, high) of each pixel. */
typedef struct part {
    int64_t low, high;
    double count; /* elements, all pixels together */
} part;

static part part_of(const stats_job *j, const strip *s, int64_t group, int64_t pixels) {
    const int64_t low = group * j->group_channels, high = low + j->group_channels;
    part q = {.low = low > s->first ? low : s->first,
              .high = i4_at_most(high, s->first + s->channels)};
    q.count = (double)((q.high - q.low) * pixels);
    return q;
}

static double sum_lanes(const float *lanes, const strip *s, const part *q) {
    double total = 0.0;
    for (int64_t p = 0; p < s->pixels; p++) {
        for (int64_t c = q->low; c < q->high; c++) {
            total += (double)lanes[p * s->channels + c - s->first];
        }
    }
    return total;
}

static void set_lanes(float *lanes, const strip *s, const part *q, float value) {
    for (int64_t p = 0; p < s->pixels; p++) {
        for (int64_t c = q->low; c < q->high; c++) {
            lanes[p * s->channels + c - s->first] = value;
        }
    }
}

/* Each lane's sum over pixels [first, last), as float32. */
static void add_lanes(const stats_job *j, const strip *s, int64_t first, int64_t last,
                      float *sums) {
    float buffer[BLOCK];
    for (int64_t p = first; p < last; p += s->pixels) {
        const int64_t n = s->channels * i4_at_most(s->pixels, last - p);
        j->isa->add(sums, sums, take(j->isa, j->x, p, s->first, n, buffer), in_lanes(n));
    }
}

/* And of its squared distances from the mean; a ragged end must not count the padding. */
static void add_lane_squares(const stats_job *j, const strip *s, int64_t first, int64_t last,
                             const float *means, float *squares) {
    float buffer[BLOCK];
    for (int64_t p = first; p < last; p += s->pixels) {
        const int64_t n = s->channels * i4_at_most(s->pixels, last - p);
        const int64_t whole = n - n % I4_POINT_LANES;
        const float *x = take(j->isa, j->x, p, s->first, n, buffer);
        j->isa->add_squares(squares, x, means, whole);
        for (int64_t i = whole; i < n; i++) {
            squares[i] += (x[i] - means[i]) * (x[i] - means[i]);
        }
    }
}

/* Means first, then squares around them (from the caches): nothing cancels, whatever the mean. */
static void add_pixels(const stats_job *j, const strip *s, int64_t first, int64_t last,
                       moments *result) {
    float sums[BLOCK] = {0}, means[BLOCK] = {0}, squares[BLOCK] = {0};
    const int64_t first_group = s->first / j->group_channels;
    const int64_t last_group = (s->first + s->channels - 1) / j->group_channels;
    add_lanes(j, s, first, last, sums);
    for (int64_t g = first_group; g <= last_group; g++) {
        const part q = part_of(j, s, g, last - first);
        set_lanes(means, s, &q, (float)(sum_lanes(sums, s, &q) / q.count));
    }
    add_lane_squares(j, s, first, last, means, squares);
    for (int64_t g = first_group; g <= last_group; g++) {
        const part q = part_of(j, s, g, last - first);
        const double mean = sum_lanes(sums, s, &q) / q.count;
        const double off = mean - (double)(float)mean; /* the squares are around the rounded one */
        const double around = sum_lanes(squares, s, &q) - q.count * off * off;
        merge(&result[g], (moments){q.count, mean, around > 0.0 ? around : 0.0});
    }
}

static void stats_chunk(void *task, int index, int thread) {
    (void)thread;
    const stats_job *j = task;
    moments *result = j->partial + index * j->groups;
    memset(result, 0, (size_t)j->groups * sizeof *result);
    const int64_t begin = index * j->chunk, end = i4_at_most(begin + j->chunk, j->pixels);
    for (int64_t channel = 0; channel < i4_cols_of(*j->x); channel += BLOCK) {
        const strip s = strip_at(j->x, j->x, channel);
        const int64_t step = s.pixels * STATS_ROWS;
        for (int64_t p = begin; p < end; p += step) {
            add_pixels(j, &s, p, i4_at_most(p + step, end), result);
        }
    }
}

/* The chunks follow from the map's size alone, and are merged in order. */
void i4_cpu_groupnorm_stats(i4_cpu *cpu, const i4_op *op) {
    const i4_tensor *x = &op->in[0];
    stats_job j = {.isa = cpu->point, .x = x, .groups = op->out.dim[0], .pixels = i4_rows_of(*x)};
    j.group_channels = i4_cols_of(*x) / j.groups;
    int64_t chunks = i4_at_most(j.pixels * i4_cols_of(*x) / CHUNK_ELEMENTS + 1, STATS_CHUNKS);
    chunks = i4_at_most(chunks, I4_CPU_SHARED_BYTES / (int64_t)sizeof(moments) / j.groups);
    if (j.pixels <= 0 || chunks <= 0) {
        return;
    }
    j.chunk = (j.pixels + chunks - 1) / chunks;
    chunks = (j.pixels + j.chunk - 1) / j.chunk;
    j.partial = i4_cpu_shared(cpu, (size_t)(chunks * j.groups) * sizeof(moments));
    i4_pool_run(cpu->pool, stats_chunk, &j, (int)chunks);
    for (int64_t g = 0; g < j.groups; g++) {
        float *stats = item(&op->out, g, 0);
        moments all = {
            .count = (double)stats[0], .mean = (double)stats[1], .squares = (double)stats[2]};
        for (int64_t c = 0; c < chunks; c++) {
            merge(&all, j.partial[c * j.groups + g]);
        }
        stats[0] = (float)all.count;
        stats[1] = (float)all.mean;
        stats[2] = (float)all.squares;
    }
}

/* Per lane of a strip: mean, gain over deviation, bias. */
typedef struct lanes {
    float mean[BLOCK], gain[BLOCK], bias[BLOCK];
} lanes;

static void fill_lanes(const i4_op *op, const strip *s, lanes *l) {
    const int64_t group_channels = i4_cols_of(op->in[0]) / op->in[1].dim[0];
    memset(l, 0, sizeof *l);
    for (int64_t c = 0; c < s->channels; c++) {
        const int64_t channel = s->first + c;
        const float *stats = item(&op->in[1], channel / group_channels, 0);
        const double count = stats[0] > 0.0F ? (double)stats[0] : 1.0;
        const double factor = 1.0 / sqrt((double)stats[2] / count + (double)op->eps);
        const float gain = (float)(factor * (double)((const float *)op->in[2].data)[channel]);
        for (int64_t p = 0; p < s->pixels; p++) {
            l->mean[p * s->channels + c] = stats[1];
            l->gain[p * s->channels + c] = gain;
            l->bias[p * s->channels + c] = ((const float *)op->in[3].data)[channel];
        }
    }
}

static void groupnorm_chunk(void *task, int index, int thread) {
    (void)thread;
    const job *j = task;
    const i4_op *op = j->op;
    const int64_t begin = index * j->chunk, end = i4_at_most(begin + j->chunk, j->rows);
    float x[BLOCK], y[BLOCK];
    lanes l;
    for (int64_t channel = 0; channel < j->cols; channel += BLOCK) {
        const strip s = strip_at(&op->in[0], &op->out, channel);
        fill_lanes(op, &s, &l);
        for (int64_t p = begin; p < end; p += s.pixels) {
            const int64_t n = s.channels * i4_at_most(s.pixels, end - p);
            float *out = place(&op->out, p, s.first, n, y);
            (op->mode ? j->isa->affine_silu
                      : j->isa->affine)(out, take(j->isa, &op->in[0], p, s.first, n, x), l.mean,
                                        l.gain, l.bias, in_lanes(n));
            put(j->isa, &op->out, p, s.first, n, out);
        }
    }
}

void i4_cpu_groupnorm(i4_cpu *cpu, const i4_op *op) {
    job j = {
        .isa = cpu->point, .op = op, .rows = i4_rows_of(op->in[0]), .cols = i4_cols_of(op->in[0])};
    if (j.rows <= 0 || j.cols <= 0) {
        return;
    }
    /* a few blocks at least, or filling the lanes would cost more than using them */
    j.chunk = 4 * CHUNK_ELEMENTS / j.cols + 1;
    i4_pool_run(cpu->pool, groupnorm_chunk, &j, (int)((j.rows + j.chunk - 1) / j.chunk));
}

static void unpatchify_row(const job *j, int64_t row, int64_t cols) {
    static const float zeros[BLOCK];
    float z[BLOCK], factor[BLOCK], shift[BLOCK], y[BLOCK];
    const i4_op *op = j->op;
    const int64_t quarter = cols / 4, out_width = op->out.dim[1];
    const int64_t up = row / (out_width / 2) * 2, left = row % (out_width / 2) * 2;
    for (int64_t corner = 0; corner < 4; corner++) {
        const int64_t pixel = (up + corner / 2) * out_width + left + corner % 2;
        for (int64_t c = 0; c < quarter; c += BLOCK) {
            const int64_t n = i4_at_most(quarter - c, BLOCK), col = corner * quarter + c;
            float *out = place(&op->out, pixel, c, n, y);
            j->isa->affine(out, take(j->isa, &op->in[0], row, col, n, z), zeros,
                           take(j->isa, &op->in[1], 0, col, n, factor),
                           take(j->isa, &op->in[2], 0, col, n, shift), in_lanes(n));
            put(j->isa, &op->out, pixel, c, n, out);
        }
    }
}

void i4_cpu_unpatchify(i4_cpu *cpu, const i4_op *op) {
    run_by_row(cpu, op, &op->in[0], unpatchify_row);
}
