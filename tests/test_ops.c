/* One table of op cases, run through the front on every backend of this build and every
 * instruction set of this machine. The scalar backend judges the others; the scalar backend itself
 * is judged by plain sums in double, by numbers worked out by hand, and by MLX. Then the front:
 * what it refuses, and how it lays out memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/cpu/cpu.h"
#include "ops_rig.h"
#include "plain_backend.h"
#include "tensor/ops.h"
#include "tensor/wrap.h"

/* --- cases: products ---------------------------------------------------------------------- */

typedef struct op_case op_case;
struct op_case {
    const char *name;
    void (*run)(bench *b, const op_case *c);
    int n[4];
    bool loose; /* several roundings lie between operands and result */
};

static i4_dtype act_of(const bench *b) {
    return b->ctx->caps.act;
}

static void embed_case(bench *b, const op_case *c) {
    static const int32_t ids[] = {0, 12, 5, 5, 7, 12, 1};
    i4_weight *table = bench_weight(b, c->n[0], 13, 128, false);
    i4_tensor all = i4_upload(b->ctx, I4_I32, 1, 7, 1, 1, ids);
    bench_give(b, "f32", i4_embed(b->ctx, all, table, I4_F32));
    bench_give(b, "act", i4_embed(b->ctx, all, table, act_of(b)));
    bench_give(b, "one", i4_embed(b->ctx, i4_rows(all, 1, 1), table, I4_F32));
}

typedef struct matrix_shape {
    int tokens, out, in; /* in is rounded up to whole groups */
} matrix_shape;

static int whole_groups(int kind, int in) {
    const int group = weight_kinds[kind].group ? weight_kinds[kind].group : 1;
    return (in + group - 1) / group * group;
}

/* Four ways each: dtypes, bias, and gaps on both sides of the rows of x and of the result. */
static void linear_ways(bench *b, int kind, matrix_shape s) {
    for (int way = 0; way < 4; way++) {
        char label[48];
        const i4_dtype in = way & 1 ? I4_F32 : act_of(b), out = way & 2 ? I4_F32 : act_of(b);
        i4_weight *w = bench_weight(b, kind, s.out, whole_groups(kind, s.in), way != 0);
        i4_scope_begin(b->ctx);
        i4_tensor x = bench_matrix(b, in, s.tokens, w->cols + 7);
        i4_tensor frame = bench_matrix(b, out, s.tokens, s.out + 5);
        i4_linear_into(b->ctx, i4_cols(frame, 3, s.out), i4_cols(x, 2, w->cols), w);
        snprintf(label, sizeof label, "%d to %d of %d, way %d", s.in, s.out, s.tokens, way);
        bench_give(b, label, frame);
        i4_scope_end(b->ctx);
    }
}

static void linear_case(bench *b, const op_case *c) {
    static const matrix_shape shapes[] = {{1, 3, 1},     {1, 17, 64},  {2, 130, 96},
                                          {33, 33, 127}, {7, 40, 640}, {70, 9, 33}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        linear_ways(b, c->n[0], shapes[i]);
    }
}

static void linear_plain_case(bench *b, const op_case *c) {
    i4_tensor x = bench_matrix(b, act_of(b), 5, 96);
    i4_weight *w = bench_weight(b, c->n[0], 70, 96, true);
    bench_give(b, "linear", i4_linear(b->ctx, x, w));
    bench_give(b, "linear as f32", i4_linear_as(b->ctx, x, w, I4_F32));
}

/* Values near the ends of float32 and one row of NaN, which must stay in its row. */
static void linear_extreme_case(bench *b, const op_case *c) {
    enum { TOKENS = 5, IN = 40 };
    (void)c;
    float x[TOKENS * IN];
    static const double scale[TOKENS] = {1e30, 1e-30, 0.0, (double)NAN, 1.0};
    for (int i = 0; i < TOKENS * IN; i++) {
        x[i] = ops_rounded(scale[i / IN] * (1.0 + 0.5 * ops_number()));
    }
    i4_weight *w = bench_weight(b, KIND_BF16, 19, IN, false);
    i4_tensor t = bench_upload(b, act_of(b), 2, TOKENS, IN, 1, x);
    for (int row = 0; row < TOKENS; row++) {
        bench_give(b, "row", i4_rows(i4_linear_as(b->ctx, t, w, I4_F32), row, 1));
    }
}

static void swiglu_case(bench *b, const op_case *c) {
    static const matrix_shape shapes[] = {{1, 5, 8}, {3, 45, 64}, {37, 131, 128}, {9, 33, 576}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const matrix_shape *s = &shapes[i];
        i4_weight *gate = bench_weight(b, c->n[0], s->out, whole_groups(c->n[0], s->in), false);
        i4_weight *up = bench_weight(b, c->n[1], s->out, gate->cols, false);
        char label[48];
        i4_tensor x =
            bench_numbers(b, i % 2 ? I4_F32 : act_of(b), 2, s->tokens, gate->cols + 3, 1, 0.0, 0.3);
        snprintf(label, sizeof label, "%d to %d of %d", s->in, s->out, s->tokens);
        bench_give(b, label, i4_linear_swiglu(b->ctx, i4_cols(x, 1, gate->cols), gate, up));
    }
}

/* Gates from -1e4 to 1e4: silu is zero or the identity there, never NaN. */
static void swiglu_extreme_case(bench *b, const op_case *c) {
    (void)c;
    i4_weight *gate = bench_weight(b, KIND_F32, 21, 1, false);
    i4_weight *up = bench_weight(b, KIND_BF16, 21, 1, false);
    static const float x[] = {9984.0f, -9984.0f, 128.0f, -128.0f, 0.0f, 1.0f};
    i4_tensor t = bench_upload(b, act_of(b), 2, 6, 1, 1, x);
    i4_tensor y = i4_linear_swiglu(b->ctx, t, gate, up);
    for (int row = 0; row < 6; row++) {
        bench_give(b, "row", i4_rows(y, row, 1));
    }
}

/* --- cases: adapters ---------------------------------------------------------------------- */

enum { SLOTS = 3 };

typedef struct adapters {
    i4_lowrank node[8], *slot[SLOTS];
    int count;
} adapters;

static void adapt(bench *b, adapters *a, int slot, int64_t in, int64_t first, int64_t part,
                  int rank, float scale) {
    i4_lowrank *node = &a->node[a->count++];
    *node = (i4_lowrank){.down = bench_weight(b, KIND_F32, rank, in, false),
                         .up = bench_weight(b, KIND_BF16, part, rank, false),
                         .first = first,
                         .scale = scale,
                         .next = a->slot[slot]};
    a->slot[slot] = node;
}

static void use_adapters(bench *b, adapters *a) {
    b->ctx->adapters = a->slot;
    b->ctx->adapter_slots = SLOTS;
}

static void adapters_linear_case(bench *b, const op_case *c) {
    adapters a = {.count = 0};
    i4_weight *w = bench_weight(b, c->n[0], 50, 128, true);
    i4_weight *other = bench_weight(b, c->n[0], 50, 128, false);
    w->slot = 1;
    i4_tensor x = bench_matrix(b, act_of(b), c->n[1], 128);
    adapt(b, &a, 1, 128, 0, 50, 16, 0.5f);
    adapt(b, &a, 1, 128, 20, 17, 1, -1.5f); /* some columns only, as for v of q, k, v */
    use_adapters(b, &a);
    bench_give(b, "act", i4_linear(b->ctx, x, w));
    bench_give(b, "f32", i4_linear_as(b->ctx, x, w, I4_F32));
    i4_tensor frame = bench_matrix(b, act_of(b), c->n[1], 60);
    i4_linear_into(b->ctx, i4_cols(frame, 4, 50), x, w);
    bench_give(b, "into a view", frame);
    bench_give(b, "no target", i4_linear(b->ctx, x, other));
    b->ctx->adapter_slots = 1; /* slot 1 lies beyond */
    bench_give(b, "beyond", i4_linear(b->ctx, x, w));
}

/* More rows than one chunk; adapters on gate and up, on one, and on none. */
static void adapters_swiglu_case(bench *b, const op_case *c) {
    for (int which = 0; which < 4; which++) {
        adapters a = {.count = 0};
        i4_scope_begin(b->ctx);
        i4_weight *gate = bench_weight(b, KIND_Q8, 34, 32, false);
        i4_weight *up = bench_weight(b, KIND_BF16, 34, 32, false);
        gate->slot = 0;
        up->slot = 2;
        if (which & 1) {
            adapt(b, &a, 0, 32, 0, 34, 4, 0.25f);
        }
        if (which & 2) {
            adapt(b, &a, 2, 32, 10, 24, 9, -0.25f);
        }
        use_adapters(b, &a);
        i4_tensor x = bench_numbers(b, act_of(b), 2, c->n[0], 32, 1, 0.0, 0.5);
        bench_give(b, "swiglu", i4_linear_swiglu(b->ctx, x, gate, up));
        i4_scope_end(b->ctx);
    }
}

/* --- cases: norms and elements ------------------------------------------------------------ */

static void norm_case(bench *b, const op_case *c) {
    const i4_dtype in = c->n[0] ? I4_F32 : act_of(b);
    static const int widths[] = {1, 7, 64, 129, 1152};
    static const struct {
        double mean, deviation;
    } rows[] = {{0.0, 1.0}, {1000.0, 40.0}, {0.0, 1e15}, {0.0, 1e-15}, {0.0, 0.0}};
    for (int i = 0; i < 5; i++) {
        i4_tensor x = bench_numbers(b, in, 2, 5, widths[i] + 3, 1, rows[i].mean, rows[i].deviation);
        i4_tensor gain = bench_vector(b, widths[i]);
        i4_tensor view = i4_cols(x, 1, widths[i]);
        if (i > 0) { /* of one element with itself taken away nothing but rounding is left */
            bench_give(b, "layernorm", i4_layernorm(b->ctx, view, gain, 1e-6f));
        }
        bench_give(b, "rmsnorm", i4_rmsnorm(b->ctx, view, gain, 1e-5f));
        bench_give(b, "one row", i4_rmsnorm(b->ctx, i4_rows(view, 2, 1), gain, 1e-6f));
    }
    i4_tensor map = bench_numbers(b, in, 3, 3, 5, 24, 0.5, 1.0);
    bench_give(b, "map", i4_rmsnorm(b->ctx, map, bench_vector(b, 24), 1e-6f));
}

static void residual_case(bench *b, const op_case *c) {
    const i4_dtype sum = c->n[0] & 1 ? I4_F32 : act_of(b), in = c->n[0] & 2 ? I4_F32 : act_of(b);
    for (int width = 1; width <= 150; width += 37) {
        i4_tensor h = bench_matrix(b, sum, 6, width + 8), y = bench_matrix(b, in, 6, width + 5);
        i4_tensor gain = bench_vector(b, width);
        i4_residual(b->ctx, i4_cols(h, 3, width), i4_cols(y, 2, width));
        bench_give(b, "residual", h);
        i4_residual_rmsnorm(b->ctx, i4_cols(h, 3, width), i4_cols(y, 2, width), gain, 1e-5f);
        bench_give(b, "residual_rmsnorm", h);
        i4_residual(b->ctx, i4_rows(i4_cols(h, 3, width), 5, 1),
                    i4_rows(i4_cols(y, 2, width), 0, 1));
        bench_give(b, "one row", h);
    }
    i4_tensor map = bench_numbers(b, sum, 3, 3, 5, 11, 0.0, 1.0);
    i4_residual(b->ctx, map, bench_numbers(b, in, 3, 3, 5, 11, 0.0, 1.0));
    bench_give(b, "map", map);
}

static void fold_case(bench *b, const op_case *c) {
    const i4_fold kind = c->n[0] ? I4_FOLD_GATE : I4_FOLD_SCALE;
    for (int width = 3; width < 100; width += 31) {
        i4_tensor frame = bench_matrix(b, I4_F32, 9, width);
        i4_tensor m = bench_numbers(b, I4_F32, 2, 4, 4 * width, 1, 0.0, 3.0);
        i4_fold_gain_into(b->ctx, i4_rows(frame, 2, 4), bench_vector(b, width),
                          i4_cols(m, 2 * width, width), kind);
        bench_give(b, "gain", frame);
        i4_fold_gain_into(b->ctx, i4_rows(frame, 8, 1), i4_none,
                          i4_cols(i4_rows(m, 3, 1), 0, width), kind);
        bench_give(b, "no gain", frame);
    }
    static const float ends[] = {-100.0f, -20.0f, -1e-8f, 0.0f, 1e-8f, 20.0f, 1e4f};
    i4_tensor m = bench_upload(b, I4_F32, 2, 1, 7, 1, ends),
              out = i4_new(b->ctx, I4_F32, 2, 1, 7, 1);
    i4_fold_gain_into(b->ctx, out, i4_none, m, kind);
    bench_give(b, "ends", i4_cols(out, 0, 6));
}

static void activate_case(bench *b, const op_case *c) {
    const i4_activation kind = c->n[0] ? I4_TANH : I4_SILU;
    static const float ends[] = {-1e4f, -88.0f, -20.0f, -1.0f, -1e-6f, 0.0f,
                                 1e-6f, 1.0f,   20.0f,  88.0f, 1e4f,   NAN};
    bench_give(b, "act", i4_activate(b->ctx, bench_matrix(b, act_of(b), 3, 77), kind));
    bench_give(b, "f32", i4_activate(b->ctx, bench_matrix(b, I4_F32, 1, 5), kind));
    i4_tensor wide = bench_matrix(b, I4_F32, 4, 50);
    bench_give(b, "view", i4_activate(b->ctx, i4_cols(wide, 3, 41), kind));
    i4_tensor y = i4_activate(b->ctx, bench_upload(b, I4_F32, 2, 12, 1, 1, ends), kind);
    for (int row = 0; row < 12; row++) {
        bench_give(b, "end", i4_rows(y, row, 1));
    }
}

static void move_case(bench *b, const op_case *c) {
    const i4_dtype from = c->n[0] & 1 ? I4_F32 : act_of(b), to = c->n[0] & 2 ? I4_F32 : act_of(b);
    i4_tensor x = bench_matrix(b, from, 5, 21), frame = bench_matrix(b, to, 8, 30);
    bench_give(b, "cast", i4_cast(b->ctx, x, to));
    bench_give(b, "cast map", i4_cast(b->ctx, bench_numbers(b, from, 3, 2, 3, 5, 0.0, 1.0), to));
    i4_copy(b->ctx, i4_rows(i4_cols(frame, 4, 13), 2, 5), i4_cols(x, 7, 13));
    bench_give(b, "copy", frame);
    i4_tensor mixed = bench_matrix(b, to, 5, 21 * 5);
    for (int j = 0; j < 5; j += 2) {
        i4_interleave(b->ctx, mixed, x, j, 5);
    }
    bench_give(b, "interleave", mixed);
    i4_tensor wide = bench_matrix(b, to, 3, 50);
    i4_interleave(b->ctx, i4_cols(wide, 5, 40), i4_cols(i4_rows(x, 1, 3), 1, 20), 1, 2);
    bench_give(b, "interleave view", wide);
}

static void cfg_case(bench *b, const op_case *c) {
    (void)c;
    i4_tensor z = bench_matrix(b, I4_F32, 7, 129);
    i4_tensor text = bench_matrix(b, I4_F32, 7, 129), none = bench_matrix(b, I4_F32, 7, 140);
    i4_cfg_euler(b->ctx, z, text, i4_cols(none, 5, 129), 7.0f, 0.0973f);
    bench_give(b, "guided", z);
    i4_cfg_euler(b->ctx, z, text, i4_none, 1.0f, 0.05f);
    bench_give(b, "one pass", z);
    i4_cfg_euler(b->ctx, i4_rows(z, 3, 1), i4_rows(text, 0, 1),
                 i4_rows(i4_cols(none, 0, 129), 6, 1), 0.0f, 2.0f);
    bench_give(b, "one row", z);
}

static void elementwise_swiglu(bench *b, const op_case *c) {
    /* reached through the front only with adapters; here as a record, with views */
    (void)c;
    i4_tensor g = bench_numbers(b, act_of(b), 2, 5, 60, 1, 0.0, 4.0);
    i4_tensor u = bench_matrix(b, act_of(b), 5, 51);
    i4_op op = {.kind = I4_OP_SWIGLU, .stage = ""};
    op.out = i4_new(b->ctx, act_of(b), 2, 5, 49, 1);
    op.in[0] = i4_cols(g, 3, 49);
    op.in[1] = i4_cols(u, 1, 49);
    assert_true(b->ctx->backend->run(b->ctx->state, &op, &b->ctx->err));
    bench_give(b, "swiglu", op.out);
}

/* --- cases: attention --------------------------------------------------------------------- */

static void rope_table(float *table, int tokens, int d) {
    for (int t = 0; t < tokens; t++) {
        for (int i = 0; i < d / 2; i++) {
            const double angle = t * pow(10.0, -4.0 * i / d) + 65536.0;
            table[t * d + i] = (float)cos(angle);
            table[t * d + d / 2 + i] = (float)sin(angle);
        }
    }
}

static void qk_case(bench *b, const op_case *c) {
    const int tokens = c->n[0], heads = c->n[1], kv = c->n[2], d = c->n[3];
    for (int way = 0; way < 2; way++) {
        float *angles = ops_block((size_t)(tokens * d) * sizeof(float));
        rope_table(angles, tokens, d);
        i4_tensor table = i4_upload(b->ctx, I4_F32, 2, tokens, d, 1, angles);
        free(angles);
        const int64_t cols = (int64_t)(heads + 2 * kv) * d;
        i4_tensor frame = bench_matrix(b, way ? I4_F32 : act_of(b), tokens, cols + 6);
        i4_tensor gq = bench_vector(b, d), gk = bench_vector(b, d);
        i4_qk_norm_rope(b->ctx, i4_cols(frame, 2, cols), gq, gk, table, heads, kv, d, 1e-5f);
        bench_give(b, way ? "f32" : "act", frame);
    }
}

static void qk_zero_case(bench *b, const op_case *c) {
    (void)c;
    i4_tensor qkv = bench_numbers(b, act_of(b), 2, 2, 3 * 32, 1, 0.0, 0.0);
    i4_tensor gain = bench_vector(b, 32), table = bench_matrix(b, I4_F32, 2, 32);
    i4_qk_norm_rope(b->ctx, qkv, gain, gain, table, 1, 1, 32, 1e-6f);
    bench_give(b, "zeros", qkv);
}

/* n: queries, keys, heads and key heads as 10·heads + kv, head size; q, k, v are views of one
 * tensor if their numbers are equal. */
static void attention_case(bench *b, const op_case *c) {
    const int t = c->n[0], u = c->n[1], heads = c->n[2] / 10, kv = c->n[2] % 10, d = c->n[3];
    const int64_t q_cols = (int64_t)heads * d, kv_cols = (int64_t)kv * d;
    const float scale = 1.0f / sqrtf((float)d);
    i4_tensor q, k, v;
    if (t == u) {
        i4_tensor qkv = bench_matrix(b, act_of(b), t, q_cols + 2 * kv_cols);
        q = i4_cols(qkv, 0, q_cols);
        k = i4_cols(qkv, q_cols, kv_cols);
        v = i4_cols(qkv, q_cols + kv_cols, kv_cols);
        bench_give(b, "causal", i4_attention(b->ctx, q, k, v, heads, kv, scale, true));
    } else {
        q = bench_matrix(b, act_of(b), t, q_cols);
        k = bench_matrix(b, act_of(b), u, kv_cols);
        v = bench_matrix(b, act_of(b), u, kv_cols);
    }
    bench_give(b, "all", i4_attention(b->ctx, q, k, v, heads, kv, scale, false));
    bench_give(b, "equal", i4_attention(b->ctx, q, k, v, heads, kv, 0.0f, false));
}

/* Scores of hundreds: one key takes all, and the exponentials of none overflow. */
static void attention_sharp_case(bench *b, const op_case *c) {
    const int t = c->n[0], d = c->n[1];
    i4_tensor q = bench_numbers(b, act_of(b), 2, t, d, 1, 0.0, 30.0);
    i4_tensor k = bench_numbers(b, act_of(b), 2, t, d, 1, 0.0, 30.0);
    i4_tensor v = bench_matrix(b, act_of(b), t, d);
    bench_give(b, "sharp", i4_attention(b->ctx, q, k, v, 1, 1, 1.0f, false));
    bench_give(b, "sharp and causal", i4_attention(b->ctx, q, k, v, 1, 1, 1.0f, true));
}

/* --- cases: the decoder's ----------------------------------------------------------------- */

typedef struct map_shape {
    int h, w, in, out;
} map_shape;

static void conv_case(bench *b, const op_case *c) {
    static const map_shape shapes[] = {{1, 1, 3, 5},  {1, 7, 8, 3},   {6, 1, 5, 9},
                                       {9, 11, 3, 4}, {5, 4, 32, 48}, {3, 2, 70, 17}};
    const int kernel = c->n[1];
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        const map_shape *s = &shapes[i];
        char label[48];
        i4_weight *w = bench_conv(b, c->n[0], s->out, s->in, kernel, i != 1);
        i4_tensor x = bench_numbers(b, i % 2 ? I4_F32 : act_of(b), 3, s->h, s->w, s->in, 0.2, 1.0);
        snprintf(label, sizeof label, "%dx%d, %d to %d", s->h, s->w, s->in, s->out);
        bench_give(b, label, i4_conv2d(b->ctx, x, w, false));
        bench_give(b, label, i4_conv2d(b->ctx, x, w, true));
    }
}

static int clamp(int v, int low, int high) {
    return v < low ? low : v > high ? high : v;
}

/* Output rows [a, b) from only those input rows that they see, as the decoder's stripes do. */
static void give_band(bench *b, i4_tensor x, const i4_weight *w, bool up2, int a, int e) {
    const int grow = up2 ? 2 : 1, half = (w->kernel - 1) / 2, height = (int)x.dim[0];
    const int first = clamp(a - half, 0, height * grow - 1) / grow;
    const int last = clamp(e - 1 + half, 0, height * grow - 1) / grow;
    char label[32];
    snprintf(label, sizeof label, "rows %d to %d", a, e);
    i4_tensor seen = i4_rows(x, first, last - first + 1);
    bench_give(b, label, i4_conv2d_band(b->ctx, seen, w, up2, a - half - first * grow, e - a));
}

static void conv_bands_case(bench *b, const op_case *c) {
    enum { HEIGHT = 7, WIDTH = 5, IN = 6, OUT = 10 };
    const bool up2 = c->n[1] != 0;
    const int rows = up2 ? 2 * HEIGHT : HEIGHT;
    i4_weight *w = bench_conv(b, KIND_BF16, OUT, IN, c->n[0], true);
    i4_tensor x = bench_numbers(b, act_of(b), 3, HEIGHT, WIDTH, IN, 0.0, 1.0);
    for (int height = 1; height <= 4; height++) {
        for (int a = 0; a < rows; a += height) {
            give_band(b, x, w, up2, a, a + height < rows ? a + height : rows);
        }
    }
}

static void groupnorm_case(bench *b, const op_case *c) {
    const int groups = c->n[0], channels = c->n[1];
    const double mean = c->n[2], deviation = c->n[3];
    for (int way = 0; way < 2; way++) {
        const i4_dtype dtype = way ? I4_F32 : act_of(b);
        i4_tensor x = bench_numbers(b, dtype, 3, 7, 6, channels, mean, deviation);
        i4_tensor gain = bench_vector(b, channels), bias = bench_vector(b, channels);
        i4_tensor whole = i4_groupnorm_stats_new(b->ctx, groups);
        i4_groupnorm_stats(b->ctx, whole, x);
        bench_give(b, "count and mean", i4_cols(whole, 0, 2));
        i4_tensor merged = i4_groupnorm_stats_new(b->ctx, groups);
        i4_groupnorm_stats(b->ctx, merged, i4_rows(x, 0, 1));
        i4_groupnorm_stats(b->ctx, merged, i4_rows(x, 1, 4));
        i4_groupnorm_stats(b->ctx, merged, i4_rows(x, 5, 2));
        bench_give(b, "merged count and mean", i4_cols(merged, 0, 2));
        bench_give(b, "merged squares", i4_cols(merged, 2, 1));
        i4_tensor out = i4_new(b->ctx, act_of(b), 3, 7, 6, channels);
        i4_groupnorm_into(b->ctx, out, x, whole, gain, bias, 1e-6f, true);
        bench_give(b, "silu", out);
        i4_groupnorm_into(b->ctx, i4_rows(out, 2, 3), i4_rows(x, 1, 3), merged, gain, bias, 1e-6f,
                          false);
        bench_give(b, "rows", out);
        i4_groupnorm_into(b->ctx, x, x, whole, gain, bias, 1e-6f, way != 0);
        bench_give(b, "in place", x);
    }
}

static void unpatchify_case(bench *b, const op_case *c) {
    const int gh = c->n[0], gw = c->n[1], channels = c->n[2];
    i4_tensor z = bench_matrix(b, I4_F32, (int64_t)gh * gw, channels + 3);
    bench_give(b, "map",
               i4_unpatchify(b->ctx, i4_cols(z, 2, channels), bench_vector(b, channels),
                             bench_vector(b, channels), gh, gw));
}

static void rgb_case(bench *b, const op_case *c) {
    (void)c;
    static const float ends[] = {-1.0f,     -1.5f, 1.0f,   3e30f,    NAN,      INFINITY,
                                 -INFINITY, 0.0f,  0.125f, -0.9922f, 0.99219f, 1e-9f};
    bench_give(b, "act", i4_to_rgb8(b->ctx, bench_numbers(b, act_of(b), 3, 9, 5, 3, 0.0, 1.0)));
    bench_give(b, "f32", i4_to_rgb8(b->ctx, bench_numbers(b, I4_F32, 3, 1, 33, 3, 0.0, 1.0)));
    bench_give(b, "ends", i4_to_rgb8(b->ctx, bench_upload(b, I4_F32, 3, 2, 2, 3, ends)));
}

/* --- the table ---------------------------------------------------------------------------- */

#define EVERY_FORMAT(name, fn)                                                               \
    {name " f32", fn, {KIND_F32}, 0}, {name " f16", fn, {KIND_F16}, 0},                      \
        {name " bf16", fn, {KIND_BF16}, 0}, {name " fp8", fn, {KIND_FP8}, 0},                \
        {name " affine8 32", fn, {KIND_Q8}, 0}, {name " affine8 64", fn, {KIND_Q8 + 1}, 0},  \
        {name " affine8 128", fn, {KIND_Q8 + 2}, 0}, {name " affine4 32", fn, {KIND_Q4}, 0}, \
        {name " affine4 64", fn, {KIND_Q4 + 1}, 0}, {                                        \
        name " affine4 128", fn, {KIND_Q4 + 2}, 0                                            \
    }

static const op_case cases[] = {
    EVERY_FORMAT("embed", embed_case),
    EVERY_FORMAT("linear", linear_case),
    {"linear plain", linear_plain_case, {KIND_Q8}, 0},
    {"linear extremes", linear_extreme_case, {0}, 0},
    {"swiglu bf16", swiglu_case, {KIND_BF16, KIND_BF16}, 0},
    {"swiglu affine8", swiglu_case, {KIND_Q8 + 1, KIND_Q8 + 1}, 0},
    {"swiglu affine4 and f32", swiglu_case, {KIND_Q4, KIND_F32}, 0},
    {"swiglu fp8 and f16", swiglu_case, {KIND_FP8, KIND_F16}, 0},
    {"swiglu extremes", swiglu_extreme_case, {0}, 0},
    {"adapters on linear bf16", adapters_linear_case, {KIND_BF16, 37}, 1},
    {"adapters on linear affine8", adapters_linear_case, {KIND_Q8 + 1, 1}, 1},
    {"adapters on linear fp8", adapters_linear_case, {KIND_FP8, 5}, 1},
    {"adapters on swiglu, one token", adapters_swiglu_case, {1}, 1},
    {"adapters on swiglu, one chunk", adapters_swiglu_case, {512}, 1},
    {"adapters on swiglu, three chunks", adapters_swiglu_case, {1030}, 1},
    {"norms of act", norm_case, {0}, 0},
    {"norms of f32", norm_case, {1}, 0},
    {"residual act += act", residual_case, {0}, 1},
    {"residual f32 += act", residual_case, {1}, 0},
    {"residual act += f32", residual_case, {2}, 1},
    {"residual f32 += f32", residual_case, {3}, 0},
    {"fold scale", fold_case, {0}, 0},
    {"fold gate", fold_case, {1}, 0},
    {"silu", activate_case, {0}, 0},
    {"tanh", activate_case, {1}, 0},
    {"move act to act", move_case, {0}, 0},
    {"move f32 to act", move_case, {1}, 0},
    {"move act to f32", move_case, {2}, 0},
    {"move f32 to f32", move_case, {3}, 0},
    {"cfg_euler", cfg_case, {0}, 0},
    {"swiglu of elements", elementwise_swiglu, {0}, 0},
    {"qk_norm_rope, one token", qk_case, {1, 1, 1, 64}, 0},
    {"qk_norm_rope, shared keys", qk_case, {9, 4, 2, 32}, 0},
    {"qk_norm_rope, 18 heads", qk_case, {5, 18, 18, 64}, 0},
    {"qk_norm_rope, wide heads", qk_case, {3, 2, 1, 256}, 0},
    {"qk_norm_rope, odd heads", qk_case, {4, 3, 3, 6}, 0},
    {"qk_norm_rope of zeros", qk_zero_case, {0}, 0},
    {"attention, one token", attention_case, {1, 1, 11, 64}, 0},
    {"attention, one query", attention_case, {1, 67, 42, 32}, 0},
    {"attention, one key", attention_case, {35, 1, 22, 32}, 0},
    {"attention, shared keys", attention_case, {33, 33, 42, 32}, 0},
    {"attention, 7 heads", attention_case, {19, 19, 77, 16}, 0},
    {"attention, heads of 64", attention_case, {130, 130, 44, 64}, 0},
    {"attention, heads of 80", attention_case, {21, 40, 22, 80}, 0},
    {"attention, heads of 128", attention_case, {67, 67, 41, 128}, 0},
    {"attention, heads of 256", attention_case, {70, 150, 11, 256}, 0},
    {"attention, heads of 512", attention_case, {17, 65, 11, 512}, 0},
    {"attention, many keys", attention_case, {3, 1100, 11, 32}, 0},
    {"attention, sharp", attention_sharp_case, {45, 64}, 0},
    {"conv 3x3 f32", conv_case, {KIND_F32, 3}, 0},
    {"conv 3x3 f16", conv_case, {KIND_F16, 3}, 0},
    {"conv 3x3 bf16", conv_case, {KIND_BF16, 3}, 0},
    {"conv 1x1 bf16", conv_case, {KIND_BF16, 1}, 0},
    {"conv 3x3 bands", conv_bands_case, {3, 0}, 0},
    {"conv 1x1 bands", conv_bands_case, {1, 0}, 0},
    {"conv 3x3 bands upsampled", conv_bands_case, {3, 1}, 0},
    {"groupnorm, one group", groupnorm_case, {1, 5, 0, 1}, 0},
    {"groupnorm, groups of one", groupnorm_case, {7, 7, 0, 1}, 0},
    {"groupnorm, 32 groups", groupnorm_case, {32, 96, 0, 2}, 0},
    {"groupnorm, far from zero", groupnorm_case, {4, 48, 300, 20}, 0},
    {"groupnorm, constant", groupnorm_case, {2, 6, 0, 0}, 0},
    {"unpatchify", unpatchify_case, {3, 5, 128}, 0},
    {"unpatchify, one token", unpatchify_case, {1, 1, 4}, 0},
    {"unpatchify, three channels", unpatchify_case, {4, 3, 12}, 0},
    {"to_rgb8", rgb_case, {0}, 0},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* --- running the table -------------------------------------------------------------------- */

typedef struct rig {
    const i4_backend *backend;
    void *state;
    i4_ctx ctx;
    char name[32];
    bool rounds_products; /* operands of products are rounded to bf16 */
} rig;

static bool rig_open(rig *r, const i4_backend *backend, const char *isa, int threads) {
    const i4_backend_options options = {.threads = threads, .isa = isa};
    i4_err err = {0};
    memset(r, 0, sizeof *r);
    r->backend = backend;
    snprintf(r->name, sizeof r->name, "%s%s%s", backend->name, isa != NULL ? " " : "",
             isa != NULL ? isa : "");
    if (!backend->open(&options, &r->state, &err)) {
        printf("skipped: %s (%s)\n", r->name, err.text);
        return false;
    }
    r->rounds_products =
        isa != NULL && ((const i4_cpu *)r->state)->gemm->item_bytes == sizeof(uint16_t);
    assert_true(i4_ctx_open(&r->ctx, backend, r->state, BENCH_SLAB, &err));
    return true;
}

static void rig_close(rig *r) {
    i4_ctx_close(&r->ctx);
    r->backend->close(r->state);
}

static void run_case(bench *b, rig *r, const op_case *c) {
    b->ctx = &r->ctx;
    b->weights = b->parts = 0;
    i4_ctx_reset(&r->ctx);
    memset(r->backend->address(r->state, 0), 0xff, BENCH_SLAB); /* NaN wherever nobody wrote */
    ops_seed = (uint64_t)(c - cases) + 1;
    c->run(b, c);
}

static double tolerance(const rig *r, const op_case *c, i4_dtype dtype) {
    const bool has_bf16 = r->ctx.caps.act == I4_BF16;
    return dtype == I4_U8 || dtype == I4_I32              ? 0.0
           : r->rounds_products || (has_bf16 && c->loose) ? 1e-2
           : dtype == I4_BF16                             ? 4e-3 /* half a unit is 2^-8 */
                                                          : 2e-5;
}

static void check_against(rig *judge, rig *judged) {
    static bench want, got;
    double worst = 0.0;
    const char *worst_name = "";
    for (int i = 0; i < CASES; i++) {
        char where[96];
        run_case(&want, judge, &cases[i]);
        run_case(&got, judged, &cases[i]);
        assert_int_equal(got.parts, want.parts);
        snprintf(where, sizeof where, "%s on %s", cases[i].name, judged->name);
        for (int p = 0; p < got.parts; p++) {
            const double t = tolerance(judged, &cases[i], got.part[p].dtype);
            const double error = compare_part(&got.part[p], &want.part[p], t, where);
            if (t > 0.0 && error / t > worst) {
                worst = error / t;
                worst_name = cases[i].name;
            }
        }
        bench_clear(&want);
        bench_clear(&got);
    }
    printf("%s: %d cases; nearest to its bound: %s, %.0f %% of it\n", judged->name, CASES,
           worst_name, 100.0 * worst);
}

static void ops_on_scalar_equal_plain_sums(void **state) {
    (void)state;
    rig judge, judged;
    assert_true(rig_open(&judge, &plain_backend, NULL, 0));
    assert_true(rig_open(&judged, &i4_backend_scalar, NULL, 0));
    check_against(&judge, &judged);
    rig_close(&judge);
    rig_close(&judged);
}

static void ops_on_every_backend_equal_scalar(void **state) {
    (void)state;
    rig judge, judged;
    int run = 0;
    assert_true(rig_open(&judge, &i4_backend_scalar, NULL, 0));
    for (int i = 0; i4_backend_at(i) != NULL; i++) {
        const i4_backend *backend = i4_backend_at(i);
        const bool has_isas = strcmp(backend->name, "cpu") == 0;
        for (int k = 0; k < (has_isas ? (int)I4_ISA_COUNT : 1); k++) {
            if (backend != &i4_backend_scalar &&
                rig_open(&judged, backend, has_isas ? i4_isa_name((i4_isa)k) : NULL, 3)) {
                check_against(&judge, &judged);
                rig_close(&judged);
                run++;
            }
        }
    }
    assert_true(run > 0);
    rig_close(&judge);
}

/* Every kind of op is in the table: a new one without a case fails here. */
typedef struct counting {
    bool seen[I4_OP_COUNT];
} counting;

static void count_op(const i4_op *op, double seconds, void *user) {
    (void)seconds;
    ((counting *)user)->seen[op->kind] = true;
}

static void ops_table_has_every_kind(void **state) {
    (void)state;
    static bench b;
    counting c = {{false}};
    rig inner, outer;
    assert_true(rig_open(&inner, &plain_backend, NULL, 0));
    i4_trace trace = {&plain_backend, inner.state, count_op, &c};
    i4_err err = {0};
    outer = (rig){.backend = &i4_backend_trace, .state = &trace, .name = "trace"};
    assert_true(i4_ctx_open(&outer.ctx, &i4_backend_trace, &trace, BENCH_SLAB, &err));
    for (int i = 0; i < CASES; i++) {
        run_case(&b, &outer, &cases[i]);
        bench_clear(&b);
    }
    for (int k = 0; k < I4_OP_COUNT; k++) {
        if (!c.seen[k]) {
            fail_msg("no case runs %s", i4_op_name((i4_op_kind)k));
        }
    }
    rig_close(&inner);
}

/* --- numbers worked out by hand ----------------------------------------------------------- */

static rig hand;

static int hand_open(void **state) {
    (void)state;
    return rig_open(&hand, &i4_backend_scalar, NULL, 0) ? 0 : -1;
}

static int hand_close(void **state) {
    (void)state;
    rig_close(&hand);
    return 0;
}

static i4_ctx *fresh(void) {
    i4_ctx_reset(&hand.ctx);
    return &hand.ctx;
}

static i4_tensor given(int rank, int64_t d0, int64_t d1, int64_t d2, const float *numbers) {
    return i4_upload(&hand.ctx, I4_F32, rank, d0, d1, d2, numbers);
}

static void check_numbers(i4_tensor t, const double *want, int count) {
    float got[64];
    assert_true(i4_ctx_ok(&hand.ctx));
    assert_int_equal(i4_rows_of(t) * i4_cols_of(t), count);
    i4_download(&hand.ctx, t, got);
    for (int i = 0; i < count; i++) {
        if (!(fabs((double)got[i] - want[i]) <= 1e-6 * fmax(1.0, fabs(want[i])))) {
            fail_msg("element %d is %.9g instead of %.9g", i, (double)got[i], want[i]);
        }
    }
}

static i4_weight floats_weight(const float *data, int64_t rows, int64_t cols, const float *bias) {
    return (i4_weight){.name = "hand",
                       .format = I4_W_F32,
                       .rows = rows,
                       .cols = cols,
                       .data = (const uint8_t *)data,
                       .bias = bias,
                       .slot = -1};
}

static void scalar_linear_of_small_numbers_is_right(void **state) {
    (void)state;
    static const float x[] = {1, 2, 3, -1, 0, 2}, w[] = {1, 0, -1, 2, 1, 0.5f}, bias[] = {10, 20};
    i4_ctx *ctx = fresh();
    const i4_weight weight = floats_weight(w, 2, 3, bias);
    check_numbers(i4_linear(ctx, given(2, 2, 3, 1, x), &weight), (double[]){8, 25.5, 7, 19}, 4);
    /* silu(1) = 1/(1 + 1/e), silu(2) = 2/(1 + e^-2) */
    static const float one[] = {1, 2};
    const i4_weight unit = floats_weight((const float[]){1}, 1, 1, NULL);
    const i4_weight three = floats_weight((const float[]){3}, 1, 1, NULL);
    check_numbers(i4_linear_swiglu(ctx, given(2, 2, 1, 1, one), &unit, &three),
                  (double[]){2.1931757358900148, 10.569564934786852}, 2);
}

static void scalar_norms_of_small_numbers_are_right(void **state) {
    (void)state;
    static const float x[] = {3, 4, 0, 0}, y[] = {1, 2, 3, 6}, gain[] = {1, 2, 1, 1};
    i4_ctx *ctx = fresh();
    i4_tensor g = given(1, 4, 1, 1, gain);
    check_numbers(i4_rmsnorm(ctx, given(2, 1, 4, 1, x), g, 0.0f), (double[]){1.2, 3.2, 0, 0}, 4);
    /* mean 3, variance 3.5 */
    const double s = sqrt(3.5);
    check_numbers(i4_layernorm(ctx, given(2, 1, 4, 1, y), g, 0.0f),
                  (double[]){-2 / s, -2 / s, 0, 3 / s}, 4);
    i4_tensor h = given(2, 1, 4, 1, y);
    i4_residual_rmsnorm(ctx, h, given(2, 1, 4, 1, x), g, 0.0f);
    check_numbers(h, (double[]){2.2, 5.2, 3, 6}, 4);
    i4_residual(ctx, h, given(2, 1, 4, 1, x));
    check_numbers(h, (double[]){5.2, 9.2, 3, 6}, 4);
}

static void scalar_attention_of_small_numbers_is_right(void **state) {
    (void)state;
    /* scores 0 and ln 3: weights 1/4 and 3/4 */
    static const float q[] = {1, 0}, k[] = {0, 5, 1.0986123f, 0}, v[] = {4, 0, 8, -4};
    i4_ctx *ctx = fresh();
    check_numbers(i4_attention(ctx, given(2, 1, 2, 1, q), given(2, 2, 2, 1, k),
                               given(2, 2, 2, 1, v), 1, 1, 1.0f, false),
                  (double[]){7, -3}, 2);
    /* causal: the first query sees the first key only */
    check_numbers(i4_rows(i4_attention(ctx, given(2, 2, 2, 1, k), given(2, 2, 2, 1, k),
                                       given(2, 2, 2, 1, v), 1, 1, 1.0f, true),
                          0, 1),
                  (double[]){4, 0}, 2);
}

static void scalar_rotation_of_small_numbers_is_right(void **state) {
    (void)state;
    /* two heads and one key head of size 2: rms of (3, 4) is 5/sqrt 2; a quarter turn */
    static const float qkv[] = {3, 4, 1, 1, 4, 3, 9, 9}, gq[] = {1, 1}, gk[] = {2, 1};
    static const float table[] = {0, 1};
    const double n = sqrt(2.0) / 5.0;
    i4_ctx *ctx = fresh();
    i4_tensor t = given(2, 1, 8, 1, qkv);
    i4_qk_norm_rope(ctx, t, given(1, 2, 1, 1, gq), given(1, 2, 1, 1, gk), given(2, 1, 2, 1, table),
                    2, 1, 2, 0.0f);
    check_numbers(t, (double[]){-4 * n, 3 * n, -1, 1, -3 * n, 8 * n, 9, 9}, 8);
}

static void scalar_convolution_of_small_numbers_is_right(void **state) {
    (void)state;
    static const float x[] = {1, 2, 3, 4}, bias[] = {100};
    float w[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    i4_ctx *ctx = fresh();
    i4_weight weight = floats_weight(w, 1, 9, bias);
    weight.kernel = 3;
    i4_tensor map = given(3, 2, 2, 1, x);
    check_numbers(i4_conv2d(ctx, map, &weight, false), (double[]){177, 167, 147, 137}, 4);
    /* a kernel that looks one to the right and down only, on the upsampled map */
    float shift[] = {0, 0, 0, 0, 0, 0, 0, 0, 1};
    weight = floats_weight(shift, 1, 9, NULL);
    weight.kernel = 3;
    check_numbers(i4_conv2d(ctx, map, &weight, true),
                  (double[]){1, 2, 2, 0, 3, 4, 4, 0, 3, 4, 4, 0, 0, 0, 0, 0}, 16);
    check_numbers(i4_conv2d_band(ctx, map, &weight, true, 1, 2), (double[]){3, 4, 4, 0, 0, 0, 0, 0},
                  8);
}

static void scalar_groupnorm_of_small_numbers_is_right(void **state) {
    (void)state;
    static const float x[] = {1, 10, 3, 10, 5, 10, 7, 10}, gain[] = {1, 2}, bias[] = {0, 1};
    i4_ctx *ctx = fresh();
    i4_tensor map = given(3, 2, 2, 2, x), stats = i4_groupnorm_stats_new(ctx, 2);
    i4_groupnorm_stats(ctx, stats, i4_rows(map, 0, 1));
    i4_groupnorm_stats(ctx, stats, i4_rows(map, 1, 1));
    check_numbers(stats, (double[]){4, 4, 20, 4, 10, 0}, 6);
    const double s = sqrt(5.0);
    i4_groupnorm_into(ctx, map, map, stats, given(1, 2, 1, 1, gain), given(1, 2, 1, 1, bias),
                      1e-12f, false);
    check_numbers(map, (double[]){-3 / s, 1, -1 / s, 1, 1 / s, 1, 3 / s, 1}, 8);
}

static void scalar_unpatchify_is_that_of_the_specification(void **state) {
    (void)state;
    enum { GH = 2, GW = 2, C = 128 };
    static float z[GH * GW * C], ones[C], zeros[C], out[GH * 2 * GW * 2 * C / 4];
    z[3 * C + 70] = 1.0f;
    for (int i = 0; i < C; i++) {
        ones[i] = 2.0f;
        zeros[i] = i == 70 ? 0.5f : 0.0f;
    }
    i4_ctx *ctx = fresh();
    i4_tensor t = i4_unpatchify(ctx, given(2, GH * GW, C, 1, z), given(1, C, 1, 1, ones),
                                given(1, C, 1, 1, zeros), GH, GW);
    i4_download(ctx, t, out);
    for (int i = 0; i < GH * 2 * GW * 2 * 32; i++) {
        const int y = i / 32 / 4, x = i / 32 % 4, c = i % 32;
        const bool is_there = c == 6 && y % 2 == 1 && x % 2 == 0; /* py 1, px 0 of every token */
        const float want = !is_there ? 0.0f : y == 3 && x == 2 ? 2.5f : 0.5f;
        assert_true(out[i] >= want && out[i] <= want);
    }
}

static void scalar_pixels_are_clamped_and_rounded_to_even(void **state) {
    (void)state;
    /* 127.5·(x + 1): 0 gives 127.5, so 128; 1/255 below gives 126.5 + …; the ends; NaN is black */
    static const float x[] = {0.0f, -1.0f, 1.0f, 9.0f, -9.0f, NAN};
    static const uint8_t want[] = {128, 0, 255, 255, 0, 0};
    uint8_t got[6];
    i4_ctx *ctx = fresh();
    i4_download(ctx, i4_to_rgb8(ctx, given(3, 1, 2, 3, x)), got);
    assert_memory_equal(got, want, 6);
}

static void scalar_elements_of_small_numbers_are_right(void **state) {
    (void)state;
    static const float x[] = {0, 1, -1, 2}, m[] = {0.5f, -1, 0, 1}, gain[] = {2, 3, 4, 5};
    i4_ctx *ctx = fresh();
    i4_tensor t = given(2, 1, 4, 1, x);
    check_numbers(i4_activate(ctx, t, I4_SILU),
                  (double[]){0, 0.7310585786300049, -0.2689414213699951, 1.7615941559557649}, 4);
    check_numbers(i4_activate(ctx, t, I4_TANH),
                  (double[]){0, 0.7615941559557649, -0.7615941559557649, 0.9640275800758169}, 4);
    i4_tensor out = i4_new(ctx, I4_F32, 2, 1, 4, 1);
    i4_fold_gain_into(ctx, out, given(1, 4, 1, 1, gain), given(2, 1, 4, 1, m), I4_FOLD_SCALE);
    check_numbers(out, (double[]){3, 0, 4, 10}, 4);
    i4_fold_gain_into(ctx, out, i4_none, t, I4_FOLD_GATE);
    check_numbers(out, (double[]){0, 0.7615941559557649, -0.7615941559557649, 0.9640275800758169},
                  4);
    i4_tensor z = given(2, 1, 4, 1, m); /* g 7: 7·x − 6·gain, dt 0.5 */
    i4_cfg_euler(ctx, z, t, given(2, 1, 4, 1, gain), 7.0f, 0.5f);
    check_numbers(z, (double[]){-5.5, -6.5, -15.5, -7}, 4);
    i4_tensor mixed = given(2, 1, 4, 1, x);
    i4_interleave(ctx, mixed, i4_cols(given(2, 1, 4, 1, gain), 1, 2), 1, 2);
    check_numbers(mixed, (double[]){0, 3, -1, 4}, 4);
}

/* --- adapters: the same as weights with the products added in ------------------------------ */

enum { MERGE_IN = 6, MERGE_OUT = 5, MERGE_ROWS = 1100 /* more than two chunks */ };

typedef struct merged {
    float plain[MERGE_OUT * MERGE_IN], whole[MERGE_OUT * MERGE_IN]; /* without and with adapters */
    float down[2][2 * MERGE_IN], up[2][MERGE_OUT * 2];
    i4_weight down_weight[2], up_weight[2], weight, whole_weight;
    i4_lowrank node[2];
} merged;

/* Two additions: rank 2 to all columns, rank 1 to columns 1 to 3. */
static void merged_make(merged *m, int slot) {
    static const struct {
        int rank, first, part;
        float scale;
    } additions[2] = {{2, 0, MERGE_OUT, 0.5f}, {1, 1, 3, -1.5f}};
    for (int i = 0; i < MERGE_OUT * MERGE_IN; i++) {
        m->plain[i] = m->whole[i] = (float)(0.5 * ops_number());
    }
    for (int a = 0; a < 2; a++) {
        const int rank = additions[a].rank, part = additions[a].part;
        for (int i = 0; i < rank * MERGE_IN; i++) {
            m->down[a][i] = (float)ops_number();
        }
        for (int i = 0; i < part * rank; i++) {
            m->up[a][i] = (float)ops_number();
        }
        for (int i = 0; i < part * MERGE_IN * rank; i++) {
            const int out = i / rank / MERGE_IN, in = i / rank % MERGE_IN, r = i % rank;
            m->whole[(additions[a].first + out) * MERGE_IN + in] +=
                additions[a].scale * m->up[a][out * rank + r] * m->down[a][r * MERGE_IN + in];
        }
        m->down_weight[a] = floats_weight(m->down[a], rank, MERGE_IN, NULL);
        m->up_weight[a] = floats_weight(m->up[a], part, rank, NULL);
        m->node[a] = (i4_lowrank){.down = &m->down_weight[a],
                                  .up = &m->up_weight[a],
                                  .first = additions[a].first,
                                  .scale = additions[a].scale,
                                  .next = a == 0 ? &m->node[1] : NULL};
    }
    m->weight = floats_weight(m->plain, MERGE_OUT, MERGE_IN, NULL);
    m->whole_weight = floats_weight(m->whole, MERGE_OUT, MERGE_IN, NULL);
    m->weight.slot = slot;
}

static void check_same(i4_tensor got, i4_tensor want, const char *what) {
    static float a[MERGE_ROWS * MERGE_OUT], b[MERGE_ROWS * MERGE_OUT];
    assert_true(i4_ctx_ok(&hand.ctx));
    i4_download(&hand.ctx, got, a);
    i4_download(&hand.ctx, want, b);
    for (int i = 0; i < MERGE_ROWS * MERGE_OUT; i++) {
        if (!(fabs((double)a[i] - (double)b[i]) <= 1e-5 * fmax(1.0, fabs((double)b[i])))) {
            fail_msg("%s: element %d is %.9g instead of %.9g", what, i, (double)a[i], (double)b[i]);
        }
    }
}

static void front_adapters_are_the_same_as_merged_weights(void **state) {
    (void)state;
    static float x[MERGE_ROWS * MERGE_IN];
    merged gate, up;
    ops_seed = 99;
    for (int i = 0; i < MERGE_ROWS * MERGE_IN; i++) {
        x[i] = (float)ops_number();
    }
    merged_make(&gate, 0);
    merged_make(&up, 1);
    i4_ctx *ctx = fresh();
    i4_tensor t = given(2, MERGE_ROWS, MERGE_IN, 1, x);
    for (int which = 0; which < 4; which++) {
        i4_lowrank *slots[2] = {which & 1 ? gate.node : NULL, which & 2 ? up.node : NULL};
        const i4_weight *whole_gate = which & 1 ? &gate.whole_weight : &gate.weight;
        const i4_weight *whole_up = which & 2 ? &up.whole_weight : &up.weight;
        i4_scope_begin(ctx);
        i4_tensor want = i4_linear(ctx, t, whole_gate);
        i4_tensor want_swiglu = i4_linear_swiglu(ctx, t, whole_gate, whole_up);
        ctx->adapters = slots;
        ctx->adapter_slots = 2;
        i4_tensor got = i4_linear(ctx, t, &gate.weight);
        i4_tensor got_swiglu = i4_linear_swiglu(ctx, t, &gate.weight, &up.weight);
        ctx->adapters = NULL;
        check_same(got, want, "linear");
        check_same(got_swiglu, want_swiglu, "swiglu");
        i4_scope_end(ctx);
    }
}

/* --- products of MLX ---------------------------------------------------------------------- */

/* Quantised products as MLX computes them from the same packed numbers. */
static void *mlx_array(const char *name, size_t size) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/mlx/%s", ID4_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s is missing", path);
    }
    void *data = ops_block(size);
    assert_int_equal(fread(data, 1, size + 1, file), size);
    fclose(file);
    return data;
}

static void check_mlx_product(int bits) {
    enum { TOKENS = 37, IN = 512, OUT = 192 };
    char name[64];
    void *array[5];
    snprintf(name, sizeof name, "w_q%d_packed.u32", bits);
    array[0] = mlx_array(name, (size_t)(OUT * IN * bits / 8));
    snprintf(name, sizeof name, "w_q%d_scales.bf16", bits);
    array[1] = mlx_array(name, OUT * IN / 64 * 2);
    snprintf(name, sizeof name, "w_q%d_biases.bf16", bits);
    array[2] = mlx_array(name, OUT * IN / 64 * 2);
    array[3] = mlx_array("x_37x512.f32", TOKENS * IN * 4);
    snprintf(name, sizeof name, "qmm_q%d_f32_37x192.f32", bits);
    array[4] = mlx_array(name, TOKENS * OUT * 4);
    const i4_weight w = {.name = "mlx",
                         .format = bits == 8 ? I4_W_AFFINE8 : I4_W_AFFINE4,
                         .rows = OUT,
                         .cols = IN,
                         .group = 64,
                         .scale_dtype = I4_BF16,
                         .data = array[0],
                         .scales = array[1],
                         .zeros = array[2],
                         .slot = -1};
    static float got[TOKENS * OUT];
    i4_ctx *ctx = fresh();
    i4_download(ctx, i4_linear(ctx, given(2, TOKENS, IN, 1, array[3]), &w), got);
    double error = 0.0, power = 0.0;
    for (int i = 0; i < TOKENS * OUT; i++) {
        const double want = (double)((const float *)array[4])[i], d = (double)got[i] - want;
        error += d * d;
        power += want * want;
    }
    if (!(sqrt(error / power) <= 1e-5)) {
        fail_msg("%d bits: relative error %g", bits, sqrt(error / power));
    }
    for (int i = 0; i < 5; i++) {
        free(array[i]);
    }
}

static void scalar_quantised_products_are_those_of_mlx(void **state) {
    (void)state;
    check_mlx_product(8);
    check_mlx_product(4);
}

/* --- the front: what it refuses ----------------------------------------------------------- */

/* Operands that fit together, so that a mistake is the only one. */
typedef struct operands {
    i4_tensor x, y, map, vec8, vec9, i32, stats;
    i4_weight w, narrow, conv;
} operands;

typedef struct mistake {
    const char *name;
    void (*make)(i4_ctx *ctx, const operands *o);
} mistake;

#define MISTAKE(name, call)                            \
    static void name(i4_ctx *ctx, const operands *o) { \
        (void)o;                                       \
        call;                                          \
    }

MISTAKE(embed_of_floats, i4_embed(ctx, o->x, &o->w, I4_F32))
MISTAKE(linear_of_wrong_width, i4_linear(ctx, i4_cols(o->x, 0, 7), &o->w))
MISTAKE(linear_of_ids, i4_linear(ctx, i4_reshape(o->i32, 2, 1, 8, 1), &o->w))
MISTAKE(linear_of_a_map, i4_linear(ctx, o->map, &o->w))
MISTAKE(linear_into_wrong_width, i4_linear_into(ctx, i4_cols(o->x, 0, 5), o->x, &o->w))
MISTAKE(linear_into_wrong_rows,
        i4_linear_into(ctx, i4_cols(i4_rows(o->x, 0, 2), 0, 6), o->x, &o->w))
MISTAKE(linear_of_a_bad_view, i4_linear(ctx, i4_cols(o->x, 1, 8), &o->w))
MISTAKE(swiglu_of_unequal_weights, i4_linear_swiglu(ctx, o->x, &o->w, &o->narrow))
MISTAKE(swiglu_of_wrong_width, i4_linear_swiglu(ctx, i4_cols(o->x, 0, 7), &o->w, &o->w))
MISTAKE(rmsnorm_of_wrong_gain, i4_rmsnorm(ctx, o->x, o->vec9, 1e-6f))
MISTAKE(layernorm_of_a_missing_gain, i4_layernorm(ctx, o->x, i4_none, 1e-6f))
MISTAKE(residual_of_other_shape, i4_residual(ctx, o->x, i4_rows(o->y, 0, 2)))
MISTAKE(residual_rmsnorm_of_wrong_gain, i4_residual_rmsnorm(ctx, o->x, o->y, o->vec9, 1e-6f))
MISTAKE(fold_of_wrong_gain, i4_fold_gain_into(ctx, o->x, o->vec9, o->y, I4_FOLD_SCALE))
MISTAKE(fold_of_other_shape,
        i4_fold_gain_into(ctx, i4_rows(o->x, 0, 2), o->vec8, o->y, I4_FOLD_SCALE))
MISTAKE(rope_of_wrong_heads,
        i4_qk_norm_rope(ctx, o->x, i4_rows(o->vec8, 0, 4), i4_rows(o->vec8, 0, 4),
                        i4_cols(o->y, 0, 4), 1, 1, 4, 1e-6f))
MISTAKE(rope_of_wrong_table,
        i4_qk_norm_rope(ctx, i4_cols(o->x, 0, 6), i4_rows(o->vec8, 0, 2), i4_rows(o->vec8, 0, 2),
                        i4_cols(o->y, 0, 4), 1, 1, 2, 1e-6f))
MISTAKE(rope_of_odd_heads,
        i4_qk_norm_rope(ctx, i4_cols(o->x, 0, 3), i4_rows(o->vec8, 0, 1), i4_rows(o->vec8, 0, 1),
                        i4_cols(o->y, 0, 1), 1, 1, 1, 1e-6f))
MISTAKE(attention_of_ids,
        i4_attention(ctx, i4_reshape(o->i32, 2, 2, 4, 1), i4_reshape(o->i32, 2, 2, 4, 1),
                     i4_reshape(o->i32, 2, 2, 4, 1), 2, 2, 1.0f, false))
MISTAKE(attention_of_odd_heads, i4_attention(ctx, o->x, o->y, o->y, 3, 3, 1.0f, false))
MISTAKE(attention_of_no_heads, i4_attention(ctx, o->x, o->y, o->y, 0, 0, 1.0f, false))
MISTAKE(attention_of_unshared_heads, i4_attention(ctx, o->x, o->y, o->y, 4, 3, 1.0f, false))
MISTAKE(attention_of_other_values,
        i4_attention(ctx, o->x, o->y, i4_rows(o->y, 0, 2), 2, 2, 1.0f, false))
MISTAKE(attention_causal_of_other_length,
        i4_attention(ctx, i4_rows(o->x, 0, 2), o->y, o->y, 2, 2, 1.0f, true))
MISTAKE(activate_of_nothing, i4_activate(ctx, i4_none, I4_SILU))
MISTAKE(interleave_beyond_the_count, i4_interleave(ctx, o->x, i4_cols(o->y, 0, 4), 2, 2))
MISTAKE(interleave_of_wrong_width, i4_interleave(ctx, o->x, i4_cols(o->y, 0, 3), 0, 2))
MISTAKE(copy_of_other_shape, i4_copy(ctx, o->x, i4_cols(o->y, 0, 7)))
MISTAKE(cast_of_nothing, i4_cast(ctx, i4_none, I4_F32))
MISTAKE(conv_of_a_matrix, i4_conv2d(ctx, o->x, &o->conv, false))
MISTAKE(conv_of_wrong_channels, i4_conv2d(ctx, i4_reshape(o->map, 3, 2, 8, 2), &o->conv, false))
MISTAKE(conv_of_no_rows, i4_conv2d_band(ctx, o->map, &o->conv, false, 0, 0))
MISTAKE(stats_of_no_groups, i4_groupnorm_stats_new(ctx, 0))
MISTAKE(stats_of_too_many_groups, i4_groupnorm_stats_new(ctx, 257))
MISTAKE(stats_of_uneven_groups, i4_groupnorm_stats(ctx, i4_rows(o->stats, 0, 3), o->map))
MISTAKE(stats_of_ids, i4_groupnorm_stats(ctx, o->stats, i4_reshape(o->i32, 3, 1, 2, 4)))
MISTAKE(groupnorm_of_wrong_gain,
        i4_groupnorm_into(ctx, o->map, o->map, o->stats, o->vec8, o->vec8, 1e-6f, false))
MISTAKE(unpatchify_of_wrong_grid, i4_unpatchify(ctx, o->x, o->vec8, o->vec8, 2, 2))
MISTAKE(unpatchify_of_wrong_scale, i4_unpatchify(ctx, o->x, o->vec9, o->vec8, 1, 3))
MISTAKE(pixels_of_four_channels, i4_to_rgb8(ctx, o->map))
MISTAKE(pixels_of_ids, i4_to_rgb8(ctx, i4_reshape(i4_rows(o->i32, 0, 6), 3, 1, 2, 3)))
MISTAKE(cfg_of_other_shape, i4_cfg_euler(ctx, o->x, i4_rows(o->y, 0, 1), i4_none, 1.0f, 0.1f))
MISTAKE(tensor_of_nothing, i4_new(ctx, I4_F32, 2, 0, 4, 1))
MISTAKE(tensor_of_less_than_nothing, i4_new(ctx, I4_F32, 3, 2, -1, 4))
MISTAKE(tensor_of_too_much, i4_new(ctx, I4_F32, 3, INT64_MAX / 2, 4, 4))

#define ROW(name) \
    { #name, name }
static const mistake mistakes[] = {
    ROW(embed_of_floats),
    ROW(linear_of_wrong_width),
    ROW(linear_of_ids),
    ROW(linear_of_a_map),
    ROW(linear_into_wrong_width),
    ROW(linear_into_wrong_rows),
    ROW(linear_of_a_bad_view),
    ROW(swiglu_of_unequal_weights),
    ROW(swiglu_of_wrong_width),
    ROW(rmsnorm_of_wrong_gain),
    ROW(layernorm_of_a_missing_gain),
    ROW(residual_of_other_shape),
    ROW(residual_rmsnorm_of_wrong_gain),
    ROW(fold_of_wrong_gain),
    ROW(fold_of_other_shape),
    ROW(rope_of_wrong_heads),
    ROW(rope_of_wrong_table),
    ROW(rope_of_odd_heads),
    ROW(attention_of_ids),
    ROW(attention_of_odd_heads),
    ROW(attention_of_no_heads),
    ROW(attention_of_unshared_heads),
    ROW(attention_of_other_values),
    ROW(attention_causal_of_other_length),
    ROW(activate_of_nothing),
    ROW(interleave_beyond_the_count),
    ROW(interleave_of_wrong_width),
    ROW(copy_of_other_shape),
    ROW(cast_of_nothing),
    ROW(conv_of_a_matrix),
    ROW(conv_of_wrong_channels),
    ROW(conv_of_no_rows),
    ROW(stats_of_no_groups),
    ROW(stats_of_too_many_groups),
    ROW(stats_of_uneven_groups),
    ROW(stats_of_ids),
    ROW(groupnorm_of_wrong_gain),
    ROW(unpatchify_of_wrong_grid),
    ROW(unpatchify_of_wrong_scale),
    ROW(pixels_of_four_channels),
    ROW(pixels_of_ids),
    ROW(cfg_of_other_shape),
    ROW(tensor_of_nothing),
    ROW(tensor_of_less_than_nothing),
    ROW(tensor_of_too_much),
};

static operands operands_make(void) {
    static const float numbers[8 * 9] = {1.0f};
    static const int32_t ids[8] = {0};
    i4_ctx *ctx = fresh();
    operands o = {.x = given(2, 3, 8, 1, numbers),
                  .y = given(2, 3, 8, 1, numbers),
                  .map = given(3, 2, 4, 4, numbers),
                  .vec8 = given(1, 8, 1, 1, numbers),
                  .vec9 = given(1, 9, 1, 1, numbers),
                  .i32 = i4_upload(ctx, I4_I32, 1, 8, 1, 1, ids),
                  .stats = i4_groupnorm_stats_new(ctx, 4),
                  .w = floats_weight(numbers, 6, 8, NULL),
                  .narrow = floats_weight(numbers, 5, 8, NULL),
                  .conv = floats_weight(numbers, 2, 4, NULL)};
    o.conv.kernel = 1;
    assert_true(i4_ctx_ok(ctx));
    return o;
}

/* After an error nothing is computed, nothing is written, no memory is taken. */
static void check_everything_is_a_no_op(i4_ctx *ctx, const operands *o) {
    const i4_err first = ctx->err;
    const size_t used = ctx->used;
    float before[24], after[24];
    memcpy(before, o->x.data, sizeof before);
    assert_int_equal(i4_new(ctx, I4_F32, 1, 1, 1, 1).rank, 0);
    assert_int_equal(i4_upload(ctx, I4_F32, 2, 3, 8, 1, before).rank, 0);
    assert_int_equal(i4_linear(ctx, o->x, &o->w).rank, 0);
    assert_int_equal(i4_rmsnorm(ctx, o->x, o->vec8, 1e-6f).rank, 0);
    assert_int_equal(i4_attention(ctx, o->x, o->y, o->y, 2, 2, 1.0f, false).rank, 0);
    assert_int_equal(i4_conv2d(ctx, o->map, &o->conv, false).rank, 0);
    assert_int_equal(i4_linear_swiglu(ctx, i4_none, &o->w, &o->w).rank, 0);
    assert_int_equal(i4_cast(ctx, i4_none, I4_F32).rank, 0);
    i4_residual(ctx, o->x, o->y);
    i4_residual(ctx, i4_none, o->y);
    i4_copy(ctx, o->x, o->y);
    i4_cfg_euler(ctx, o->x, o->y, i4_none, 1.0f, 1.0f);
    i4_groupnorm_stats(ctx, o->stats, o->map);
    i4_drop(ctx, i4_none);
    i4_keep(ctx, i4_none);
    memset(after, 7, sizeof after);
    i4_download(ctx, o->x, after);
    for (size_t i = 0; i < sizeof after; i++) {
        assert_int_equal(((const unsigned char *)after)[i], 7);
    }
    memcpy(after, o->x.data, sizeof after);
    assert_memory_equal(after, before, sizeof before);
    assert_false(i4_layer(ctx, "later", 1, 2));
    assert_int_equal(ctx->err.status, first.status);
    assert_string_equal(ctx->err.text, first.text);
    assert_int_equal(ctx->used, used);
}

static void front_mistakes_are_refused_and_end_everything(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        const operands o = operands_make();
        i4_ctx *ctx = &hand.ctx;
        assert_true(i4_layer(ctx, "stage", 5, 9));
        mistakes[i].make(ctx, &o);
        if (ctx->err.status != I4_E_INTERNAL) {
            fail_msg("%s: status %d (%s)", mistakes[i].name, (int)ctx->err.status, ctx->err.text);
        }
        assert_non_null(strstr(ctx->err.text, "stage 5"));
        check_everything_is_a_no_op(ctx, &o);
    }
}

static void front_first_error_stays_until_reset(void **state) {
    (void)state;
    const operands o = operands_make();
    i4_ctx *ctx = &hand.ctx;
    i4_rmsnorm(ctx, o.x, o.vec9, 1e-6f);
    char text[sizeof ctx->err.text];
    memcpy(text, ctx->err.text, sizeof text);
    i4_attention(ctx, o.x, o.y, o.y, 3, 3, 1.0f, false);
    i4_to_rgb8(ctx, o.map);
    assert_string_equal(ctx->err.text, text);
    i4_ctx_reset(ctx);
    assert_true(i4_ctx_ok(ctx));
    assert_int_equal(ctx->used, 0);
    assert_int_not_equal(i4_new(ctx, I4_F32, 1, 4, 1, 1).rank, 0);
    assert_true(i4_layer(ctx, "again", 0, 1));
}

static void front_views_outside_are_none(void **state) {
    (void)state;
    const operands o = operands_make();
    assert_int_equal(i4_rows(o.x, 0, 4).rank, 0);
    assert_int_equal(i4_rows(o.x, -1, 2).rank, 0);
    assert_int_equal(i4_rows(o.x, 1, 0).rank, 0);
    assert_int_equal(i4_rows(i4_none, 0, 1).rank, 0);
    assert_int_equal(i4_cols(o.x, 5, 4).rank, 0);
    assert_int_equal(i4_cols(o.x, -1, 4).rank, 0);
    assert_int_equal(i4_cols(o.map, 0, 1).rank, 0);
    assert_int_equal(i4_reshape(o.x, 2, 5, 5, 1).rank, 0);
    assert_int_equal(i4_reshape(i4_cols(o.x, 0, 4), 1, 12, 1, 1).rank, 0); /* gaps */
    assert_int_equal(i4_reshape(i4_none, 1, 1, 1, 1).rank, 0);
    i4_tensor map = i4_reshape(o.x, 3, 2, 3, 4);
    assert_int_equal(map.rank, 3);
    assert_ptr_equal(i4_rows(map, 1, 1).data, (float *)o.x.data + 12);
    assert_ptr_equal(i4_cols(i4_rows(o.x, 2, 1), 3, 2).data, (float *)o.x.data + 19);
    assert_int_equal(i4_cols(o.x, 3, 2).row_stride, 8);
}

static bool stop_at_three(const char *stage, int index, int count, void *user) {
    (void)stage;
    (void)count;
    (*(int *)user)++;
    return index != 3;
}

static void front_layer_hook_cancels(void **state) {
    (void)state;
    int calls = 0, index = 0;
    i4_ctx *ctx = fresh();
    ctx->layer_fn = stop_at_three;
    ctx->layer_user = &calls;
    while (index < 8 && i4_layer(ctx, "stage", index, 8)) {
        index++;
    }
    ctx->layer_fn = NULL;
    assert_int_equal(index, 3);
    assert_int_equal(calls, 4);
    assert_int_equal(ctx->err.status, I4_E_CANCELLED);
    assert_int_equal(i4_new(ctx, I4_F32, 1, 4, 1, 1).rank, 0);
}

/* --- the front: memory -------------------------------------------------------------------- */

enum { PAGE = 1024 }; /* bytes of a tensor of 256 floats; a multiple of every alignment */

static i4_tensor page(i4_ctx *ctx) {
    return i4_new(ctx, I4_F32, 1, PAGE / 4, 1, 1);
}

static i4_ctx small;

static i4_ctx *small_open(size_t pages) {
    i4_err err = {0};
    assert_true(i4_ctx_open(&small, &i4_backend_scalar, hand.state, pages * PAGE, &err));
    return &small;
}

static void small_close(void) {
    i4_err err = {0};
    i4_ctx_close(&small);
    i4_ctx_close(&hand.ctx); /* they shared one state: its slab must be made anew */
    assert_true(i4_ctx_open(&hand.ctx, &i4_backend_scalar, hand.state, BENCH_SLAB, &err));
}

static void front_too_small_a_capacity_is_out_of_memory(void **state) {
    (void)state;
    i4_ctx *ctx = small_open(2);
    assert_int_not_equal(page(ctx).rank, 0);
    assert_int_not_equal(page(ctx).rank, 0);
    assert_int_equal(page(ctx).rank, 0);
    assert_int_equal(ctx->err.status, I4_E_OUT_OF_MEMORY);
    assert_false(i4_layer(ctx, "stage", 0, 1));
    i4_ctx_reset(ctx);
    assert_int_not_equal(i4_new(ctx, I4_F32, 1, 2 * PAGE / 4, 1, 1).rank, 0);
    i4_ctx_reset(ctx);
    assert_int_equal(i4_new(ctx, I4_F32, 1, 2 * PAGE / 4 + 1, 1, 1).rank, 0);
    assert_int_equal(ctx->err.status, I4_E_OUT_OF_MEMORY);
    small_close();
}

static void front_scopes_give_memory_back(void **state) {
    (void)state;
    i4_ctx *ctx = small_open(3);
    i4_tensor outer = page(ctx);
    void *first = NULL;
    for (int i = 0; i < 100; i++) {
        i4_scope_begin(ctx);
        i4_tensor a = page(ctx);
        i4_scope_begin(ctx);
        i4_tensor b = page(ctx);
        assert_true(a.data != outer.data && b.data != a.data && b.data != outer.data);
        i4_scope_end(ctx);
        i4_tensor c = page(ctx);
        assert_ptr_equal(c.data, b.data);
        i4_scope_end(ctx);
        assert_true(first == NULL || first == a.data);
        first = a.data;
        assert_int_equal(ctx->used, PAGE);
    }
    assert_int_equal(ctx->peak, 3 * PAGE);
    assert_true(i4_ctx_ok(ctx));
    small_close();
}

static void front_dropped_memory_is_used_again(void **state) {
    (void)state;
    i4_ctx *ctx = small_open(3);
    i4_tensor a = page(ctx), b = page(ctx), c = page(ctx);
    i4_drop(ctx, b);
    assert_int_equal(ctx->used, 2 * PAGE);
    i4_drop(ctx, i4_rows(a, 0, 1)); /* a view owns nothing */
    assert_int_equal(ctx->used, 2 * PAGE);
    i4_tensor d = page(ctx); /* the hole is filled first */
    assert_ptr_equal(d.data, b.data);
    i4_drop(ctx, c);
    i4_drop(ctx, d);
    i4_tensor e = i4_new(ctx, I4_F32, 1, 2 * PAGE / 4, 1, 1); /* holes side by side are one */
    assert_ptr_equal(e.data, b.data);
    assert_true(i4_ctx_ok(ctx));
    small_close();
}

static void front_kept_tensors_outlive_their_scope(void **state) {
    (void)state;
    i4_ctx *ctx = small_open(3);
    i4_scope_begin(ctx);
    i4_scope_begin(ctx);
    i4_tensor a = page(ctx), b = page(ctx);
    i4_keep(ctx, b);
    i4_scope_end(ctx);
    assert_int_equal(ctx->used, PAGE);
    i4_tensor c = page(ctx), d = page(ctx);
    assert_ptr_equal(c.data, a.data);
    assert_true(d.data != b.data && d.data != c.data);
    i4_keep(ctx, b);
    i4_scope_end(ctx);
    assert_int_equal(ctx->used, PAGE);
    i4_drop(ctx, b);
    assert_int_equal(ctx->used, 0);
    small_close();
}

static void front_tables_that_are_full_are_errors(void **state) {
    (void)state;
    i4_ctx *ctx = fresh();
    for (int i = 0; i < I4_CTX_PLACES; i++) {
        assert_int_not_equal(i4_new(ctx, I4_U8, 1, 1, 1, 1).rank, 0);
    }
    assert_int_equal(i4_new(ctx, I4_U8, 1, 1, 1, 1).rank, 0);
    assert_int_equal(ctx->err.status, I4_E_OUT_OF_MEMORY);
    i4_ctx_reset(ctx);
    for (int i = 0; i < I4_CTX_SCOPES + 1; i++) {
        i4_scope_begin(ctx);
    }
    assert_int_equal(ctx->err.status, I4_E_INTERNAL);
    for (int i = 0; i < 2 * I4_CTX_SCOPES; i++) {
        i4_scope_end(ctx); /* more ends than begins do no harm */
    }
    i4_ctx_reset(ctx);
    assert_int_not_equal(page(ctx).rank, 0);
}

/* A small network, the same calls for measuring and for computing. */
static void small_network(i4_ctx *ctx, const i4_weight *w, const float *numbers) {
    i4_tensor h = i4_upload(ctx, I4_F32, 2, 40, 64, 1, numbers);
    i4_tensor gain = i4_upload(ctx, I4_F32, 1, 64, 1, 1, numbers);
    for (int i = 0; i < 3 && i4_layer(ctx, "stage", i, 3); i++) {
        i4_scope_begin(ctx);
        i4_tensor x = i4_rmsnorm(ctx, h, gain, 1e-6f);
        i4_tensor y = i4_linear_swiglu(ctx, x, w, w);
        i4_drop(ctx, x);
        i4_residual(ctx, h, i4_linear(ctx, y, w));
        i4_scope_end(ctx);
    }
}

static void front_measured_peak_is_exactly_enough(void **state) {
    (void)state;
    static float numbers[64 * 64] = {1.0f};
    const i4_weight w = floats_weight(numbers, 64, 64, NULL);
    i4_measure measure = {0};
    i4_err err = {0};
    i4_ctx ctx;
    i4_backend_scalar.caps(hand.state, &measure.caps);
    assert_true(i4_ctx_open(&ctx, &i4_backend_measure, &measure, SIZE_MAX, &err));
    small_network(&ctx, &w, NULL);
    assert_true(i4_ctx_ok(&ctx));
    const size_t peak = ctx.peak;
    i4_ctx_close(&ctx);
    assert_int_equal(measure.cost[I4_OP_LINEAR].calls, 3);
    for (size_t less = 0; less < 2; less++) {
        assert_true(i4_ctx_open(&small, &i4_backend_scalar, hand.state, peak - less, &err));
        small_network(&small, &w, numbers);
        assert_int_equal(small.err.status, less == 0 ? I4_E_OK : I4_E_OUT_OF_MEMORY);
        assert_true(small.peak <= peak);
        small_close();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ops_on_scalar_equal_plain_sums),
        cmocka_unit_test(ops_on_every_backend_equal_scalar),
        cmocka_unit_test(ops_table_has_every_kind),
        cmocka_unit_test(scalar_linear_of_small_numbers_is_right),
        cmocka_unit_test(scalar_norms_of_small_numbers_are_right),
        cmocka_unit_test(scalar_attention_of_small_numbers_is_right),
        cmocka_unit_test(scalar_rotation_of_small_numbers_is_right),
        cmocka_unit_test(scalar_convolution_of_small_numbers_is_right),
        cmocka_unit_test(scalar_groupnorm_of_small_numbers_is_right),
        cmocka_unit_test(scalar_unpatchify_is_that_of_the_specification),
        cmocka_unit_test(scalar_pixels_are_clamped_and_rounded_to_even),
        cmocka_unit_test(scalar_elements_of_small_numbers_are_right),
        cmocka_unit_test(front_adapters_are_the_same_as_merged_weights),
        cmocka_unit_test(scalar_quantised_products_are_those_of_mlx),
        cmocka_unit_test(front_mistakes_are_refused_and_end_everything),
        cmocka_unit_test(front_first_error_stays_until_reset),
        cmocka_unit_test(front_views_outside_are_none),
        cmocka_unit_test(front_layer_hook_cancels),
        cmocka_unit_test(front_too_small_a_capacity_is_out_of_memory),
        cmocka_unit_test(front_scopes_give_memory_back),
        cmocka_unit_test(front_dropped_memory_is_used_again),
        cmocka_unit_test(front_kept_tensors_outlive_their_scope),
        cmocka_unit_test(front_tables_that_are_full_are_errors),
        cmocka_unit_test(front_measured_peak_is_exactly_enough),
    };
    return cmocka_run_group_tests(tests, hand_open, hand_close);
}
