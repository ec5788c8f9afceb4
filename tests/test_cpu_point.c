/* The cpu backend's ops without weights, except attention, on every instruction set, against plain
 * loops in double written from their definitions in tensor/backend.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu_rig.h"

#include <float.h>

typedef struct extent {
    int64_t rows, cols, gap;
} extent;

static const extent sizes[] = {{1, 1, 0},    {1, 8, 0},     {5, 100, 7},   {3, 1024, 0},
                               {2, 4608, 3}, {257, 512, 0}, {65, 2049, 1}, {40000, 3, 0}};
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static const i4_dtype floats[] = {I4_F32, I4_BF16};

static double silu(double x) {
    return x / (1.0 + exp(-x));
}

/* ---- elementwise ---- */

/* out = f(a, b) for every size and mix of dtypes; in place when op updates its output. */
typedef double (*element_fn)(double a, double b);

static void check_elements(i4_op op, bool updates, element_fn f, double tolerance) {
    for (int i = 0; i < SIZES * 8; i++) {
        const extent s = sizes[i / 8];
        operand a = rig_new(floats[i & 1], s.rows, s.cols, s.gap, 0.0, 3.0);
        operand b = rig_new(floats[i >> 1 & 1], s.rows, s.cols, 2 * s.gap, 0.5, 1.0);
        operand out = rig_new(floats[i >> 2 & 1], s.rows, s.cols, s.gap, 0.0, 1.0);
        double *want = rig_numbers(s.rows * s.cols);
        for (int64_t k = 0; k < s.rows * s.cols; k++) {
            const int64_t r = k / s.cols, c = k % s.cols;
            want[k] = f(updates ? rig_get(&out, r, c) : rig_get(&a, r, c),
                        updates ? rig_get(&a, r, c) : rig_get(&b, r, c));
        }
        op.in[0] = a.t;
        if (!updates) {
            op.in[1] = b.t;
        }
        rig_check(&op, &out, want, tolerance);
        free(want);
        rig_free(&a);
        rig_free(&b);
        rig_free(&out);
    }
}

static double swiglu_of(double a, double b) {
    return silu(a) * b;
}

static double sum_of(double a, double b) {
    return a + b;
}

static double silu_of(double a, double b) {
    (void)b;
    return silu(a);
}

static double tanh_of(double a, double b) {
    (void)b;
    return tanh(a);
}

static void cpu_point_swiglu_matches_definition(void **state) {
    (void)state;
    check_elements((i4_op){.kind = I4_OP_SWIGLU}, false, swiglu_of, 1e-6);
}

static void cpu_point_residual_matches_definition(void **state) {
    (void)state;
    check_elements((i4_op){.kind = I4_OP_RESIDUAL}, true, sum_of, 1e-6);
}

static void cpu_point_activate_matches_definition(void **state) {
    (void)state;
    check_elements((i4_op){.kind = I4_OP_ACTIVATE, .mode = 0}, false, silu_of, 1e-6);
    check_elements((i4_op){.kind = I4_OP_ACTIVATE, .mode = 1}, false, tanh_of, 1e-6);
}

/* Relative error of each element, from 1e-30 to beyond where e^x overflows. */
static void cpu_point_activate_is_accurate_at_every_magnitude(void **state) {
    (void)state;
    enum { COUNT = 4001 };
    operand x = rig_new(I4_F32, 1, COUNT, 0, 0.0, 1.0), out = rig_new(I4_F32, 1, COUNT, 0, 0, 1);
    for (int i = 0; i < COUNT; i++) {
        const double size = pow(10.0, -30.0 + 32.5 * (i / 2) / (COUNT / 2));
        rig_set(&x, 0, i, i % 2 ? -size : size);
    }
    rig_save(&x);
    i4_op op = {.kind = I4_OP_ACTIVATE};
    op.in[0] = x.t;
    for (int isa = 0; isa < RIG_ISAS; isa++) {
        for (op.mode = 0; rig_states[isa][0] && op.mode < 2; op.mode++) {
            rig_run(rig_states[isa][0], &op, &out);
            for (int i = 0; i < COUNT; i++) {
                const double v = rig_get(&x, 0, i), want = op.mode ? tanh(v) : silu(v);
                const double error = fabs(rig_get(&out, 0, i) - want);
                if (!(error <= 1e-6 * fabs(want) + 1e-34)) {
                    fail_msg("mode %d of %g on %s: off by %g", op.mode, v, i4_isa_name((i4_isa)isa),
                             error);
                }
            }
        }
    }
    rig_free(&x);
    rig_free(&out);
}

static void cpu_point_activate_limits_are_exact(void **state) {
    (void)state;
    static const float inputs[] = {0.0F, 1000.0F, -1000.0F, 1e30F, -1e30F, INFINITY, NAN};
    static const float silus[] = {0.0F, 1000.0F, 0.0F, 1e30F, 0.0F, INFINITY, NAN};
    static const float tanhs[] = {0.0F, 1.0F, -1.0F, 1.0F, -1.0F, 1.0F, NAN};
    operand x = rig_new(I4_F32, 1, 7, 0, 0.0, 1.0), out = rig_new(I4_F32, 1, 7, 0, 0.0, 1.0);
    memcpy(x.t.data, inputs, sizeof inputs);
    i4_op op = {.kind = I4_OP_ACTIVATE};
    op.in[0] = x.t;
    for (int isa = 0; isa < RIG_ISAS; isa++) {
        for (op.mode = 0; rig_states[isa][0] && op.mode < 2; op.mode++) {
            rig_run(rig_states[isa][0], &op, &out);
            for (int i = 0; i < 7; i++) {
                const double got = rig_get(&out, 0, i);
                const double want = (double)(op.mode ? tanhs : silus)[i];
                assert_true(isnan(want) ? isnan(got) : got == want || fabs(got - want) < 1e-7);
            }
        }
    }
    rig_free(&x);
    rig_free(&out);
}

static void cpu_point_fold_gain_matches_definition(void **state) {
    (void)state;
    for (int i = 0; i < SIZES * 4; i++) {
        const extent s = sizes[i / 4];
        operand m = rig_new(I4_F32, s.rows, s.cols, s.gap, 0.0, 2.0);
        operand w = rig_vector(s.cols, 1.0, 0.3), out = rig_new(I4_F32, s.rows, s.cols, 0, 0, 1);
        double *want = rig_numbers(s.rows * s.cols);
        i4_op op = {.kind = I4_OP_FOLD_GAIN, .mode = i & 1};
        op.in[0] = m.t;
        if (i & 2) {
            op.in[1] = w.t;
        }
        for (int64_t k = 0; k < s.rows * s.cols; k++) {
            const double x = rig_get(&m, k / s.cols, k % s.cols);
            want[k] = (i & 2 ? rig_get(&w, 0, k % s.cols) : 1.0) * (i & 1 ? tanh(x) : 1.0 + x);
        }
        rig_check(&op, &out, want, 1e-6);
        free(want);
        rig_free(&m);
        rig_free(&w);
        rig_free(&out);
    }
}

static void cpu_point_cfg_euler_matches_definition(void **state) {
    (void)state;
    for (int i = 0; i < SIZES * 4; i++) {
        const extent s = sizes[i / 4];
        const double g = i & 1 ? 4.5 : 1.0;
        operand a = rig_new(floats[i >> 1 & 1], s.rows, s.cols, s.gap, 0.0, 1.0);
        operand b = rig_new(floats[i >> 1 & 1], s.rows, s.cols, 0, 0.0, 1.0);
        operand z = rig_new(I4_F32, s.rows, s.cols, s.gap, 0.0, 1.0);
        double *want = rig_numbers(s.rows * s.cols);
        i4_op op = {.kind = I4_OP_CFG_EULER, .eps = (float)g, .scale = -0.0625F};
        op.in[0] = a.t;
        if (i & 1) {
            op.in[1] = b.t;
        }
        for (int64_t k = 0; k < s.rows * s.cols; k++) {
            const int64_t r = k / s.cols, c = k % s.cols;
            const double v = g * rig_get(&a, r, c) + (1.0 - g) * rig_get(&b, r, c);
            want[k] = rig_get(&z, r, c) - 0.0625 * v;
        }
        rig_check(&op, &z, want, 1e-6);
        free(want);
        rig_free(&a);
        rig_free(&b);
        rig_free(&z);
    }
}

/* ---- copies ---- */

static void cpu_point_copy_converts_once(void **state) {
    (void)state;
    static const i4_dtype all[] = {I4_F32, I4_BF16, I4_F16, I4_I32, I4_U8};
    for (int i = 0; i < SIZES * 25; i++) {
        const extent s = sizes[i / 25];
        const i4_dtype from = all[i % 25 / 5], to = all[i % 5];
        if (from != to && (from > I4_F16 || to > I4_F16)) {
            continue;
        }
        operand x = rig_new(from, s.rows, s.cols, s.gap, from > I4_F16 ? 100.0 : 0.0, 10.0);
        operand out = rig_new(to, s.rows, s.cols, 2 * s.gap, 50.0, 3.0);
        operand want = rig_new(to, s.rows, s.cols, 2 * s.gap, 0.0, 1.0);
        if (from <= I4_F16 && s.cols > 16) {
            rig_set(&x, 0, 0, -(double)INFINITY);
            rig_set(&x, 0, 1, 1e30);
            rig_set(&x, 0, 2, 6e-8);
            rig_set(&x, 0, 3, 65519.0);
            rig_set(&x, 0, 4, -0.0);
        }
        for (int64_t k = 0; k < s.rows * s.cols; k++) {
            rig_set(&want, k / s.cols, k % s.cols, rig_get(&x, k / s.cols, k % s.cols));
        }
        i4_op op = {.kind = I4_OP_COPY};
        op.in[0] = x.t;
        for (int isa = 0; isa < RIG_ISAS; isa++) {
            for (int p = 0; p < RIG_POOLS && rig_states[isa][p]; p++) {
                rig_run(rig_states[isa][p], &op, &out);
                rig_check_gaps(&out);
                assert_memory_equal(out.block, want.block, out.size);
            }
        }
        rig_free(&x);
        rig_free(&out);
        rig_free(&want);
    }
}

static void cpu_point_copy_keeps_nan(void **state) {
    (void)state;
    for (int i = 0; i < 9; i++) {
        static const i4_dtype kinds[] = {I4_F32, I4_BF16, I4_F16};
        operand x = rig_new(kinds[i / 3], 1, 37, 0, 0, 1),
                out = rig_new(kinds[i % 3], 1, 37, 0, 0, 1);
        /* the smallest NaN, whose payload rounding would lose */
        const uint32_t single = 0x7f800001;
        const uint16_t half = kinds[i / 3] == I4_BF16 ? 0x7f81 : 0x7c01;
        for (int64_t c = 0; c < 37; c++) {
            memcpy(rig_at(&x, 0, c), kinds[i / 3] == I4_F32 ? (const void *)&single : &half,
                   i4_dtype_size(kinds[i / 3]));
        }
        i4_op op = {.kind = I4_OP_COPY};
        op.in[0] = x.t;
        for (int isa = 0; isa < RIG_ISAS; isa++) {
            if (rig_states[isa][0]) {
                rig_run(rig_states[isa][0], &op, &out);
                for (int64_t c = 0; c < 37; c++) {
                    assert_true(isnan(rig_get(&out, 0, c)));
                }
            }
        }
        rig_free(&x);
        rig_free(&out);
    }
}

static void cpu_point_interleave_writes_only_its_index(void **state) {
    (void)state;
    enum { COUNT = 3 };
    for (int i = 0; i < SIZES * 4; i++) {
        const extent s = sizes[i / 4];
        operand x = rig_new(floats[i & 1], s.rows, s.cols, s.gap, 0.0, 1.0);
        operand out = rig_new(floats[i >> 1 & 1], s.rows, s.cols * COUNT, s.gap, 0.0, 1.0);
        double *want = rig_numbers(s.rows * s.cols * COUNT);
        const int index = i % COUNT;
        for (int64_t k = 0; k < s.rows * s.cols * COUNT; k++) {
            const int64_t r = k / (s.cols * COUNT), c = k % (s.cols * COUNT);
            want[k] = c % COUNT == index ? rig_get(&x, r, c / COUNT) : rig_get(&out, r, c);
        }
        i4_op op = {.kind = I4_OP_INTERLEAVE, .index = index, .count = COUNT};
        op.in[0] = x.t;
        rig_check(&op, &out, want, 1e-9);
        free(want);
        rig_free(&x);
        rig_free(&out);
    }
}

/* ---- norms ---- */

static double row_mean(const operand *x, int64_t row) {
    double sum = 0.0;
    for (int64_t c = 0; c < rig_cols(x); c++) {
        sum += rig_get(x, row, c);
    }
    return sum / (double)rig_cols(x);
}

static double row_factor(const operand *x, int64_t row, double shift, double eps) {
    double sum = 0.0;
    for (int64_t c = 0; c < rig_cols(x); c++) {
        sum += pow(rig_get(x, row, c) - shift, 2.0);
    }
    return 1.0 / sqrt(sum / (double)rig_cols(x) + eps);
}

static void want_norm(const i4_op *op, const operand *x, const operand *gain, const operand *out,
                      double *want) {
    const int64_t cols = rig_cols(x);
    for (int64_t r = 0; r < rig_rows(x); r++) {
        const double shift = op->kind == I4_OP_LAYERNORM ? row_mean(x, r) : 0.0;
        const double factor = row_factor(x, r, shift, (double)op->eps);
        for (int64_t c = 0; c < cols; c++) {
            const double y = (rig_get(x, r, c) - shift) * factor * rig_get(gain, 0, c);
            want[r * cols + c] = op->kind == I4_OP_RESIDUAL_RMSNORM ? rig_get(out, r, c) + y : y;
        }
    }
}

static void check_norm(i4_op_kind kind, double mean, double deviation, double tolerance) {
    for (int i = 0; i < (SIZES - 1) * 4; i++) {
        const extent s = sizes[i / 4];
        operand x = rig_new(floats[i & 1], s.rows, s.cols, s.gap, mean, deviation);
        operand gain = rig_vector(s.cols, 1.0, 0.5);
        operand out = rig_new(floats[i >> 1 & 1], s.rows, s.cols, 2 * s.gap, 0.0, 1.0);
        double *want = rig_numbers(s.rows * s.cols);
        i4_op op = {.kind = kind, .eps = 1e-6F};
        op.in[0] = x.t;
        op.in[1] = gain.t;
        want_norm(&op, &x, &gain, &out, want);
        rig_check(&op, &out, want, tolerance);
        free(want);
        rig_free(&x);
        rig_free(&gain);
        rig_free(&out);
    }
}

static void cpu_point_rmsnorm_matches_definition(void **state) {
    (void)state;
    check_norm(I4_OP_RMSNORM, 0.3, 2.0, 1e-6);
}

static void cpu_point_layernorm_matches_definition(void **state) {
    (void)state;
    check_norm(I4_OP_LAYERNORM, 0.3, 2.0, 1e-6);
    check_norm(I4_OP_LAYERNORM, 20.0, 1.0, 3e-6);
}

static void cpu_point_residual_rmsnorm_matches_definition(void **state) {
    (void)state;
    check_norm(I4_OP_RESIDUAL_RMSNORM, 0.0, 2.0, 1e-6);
}

/* Squares beyond float's range above and below must not become infinite or vanish. */
static void cpu_point_rmsnorm_extreme_values_keep_their_direction(void **state) {
    (void)state;
    check_norm(I4_OP_RMSNORM, 0.0, 1e30, 1e-6);
    check_norm(I4_OP_RMSNORM, 0.0, 1e-20, 1e-6);
    check_norm(I4_OP_RESIDUAL_RMSNORM, 0.0, 1e25, 1e-6);
}

static void cpu_point_norms_keep_nan_in_its_row(void **state) {
    (void)state;
    static const i4_op_kind kinds[] = {I4_OP_RMSNORM, I4_OP_LAYERNORM, I4_OP_RESIDUAL_RMSNORM};
    for (int i = 0; i < 3; i++) {
        operand x = rig_new(I4_BF16, 3, 70, 1, 0, 1), out = rig_new(I4_BF16, 3, 70, 0, 0, 1);
        operand gain = rig_vector(70, 1.0, 0.1);
        rig_set(&x, 1, 69, (double)NAN);
        i4_op op = {.kind = kinds[i], .eps = 1e-6F};
        op.in[0] = x.t;
        op.in[1] = gain.t;
        for (int isa = 0; isa < RIG_ISAS; isa++) {
            if (rig_states[isa][1]) {
                rig_run(rig_states[isa][1], &op, &out);
                for (int64_t k = 0; k < 3 * 70; k++) {
                    assert_int_equal(isnan(rig_get(&out, k / 70, k % 70)) != 0, k / 70 == 1);
                }
            }
        }
        rig_free(&x);
        rig_free(&out);
        rig_free(&gain);
    }
}

/* ---- queries and keys ---- */

typedef struct heads {
    int64_t tokens;
    int heads, kv_heads, size;
    int64_t gap;
} heads;

static void want_rotated(const i4_op *op, const heads *h, const operand *qkv, const operand gain[2],
                         const operand *table, double *want) {
    const int64_t cols = rig_cols(qkv), half = h->size / 2;
    for (int64_t k = 0; k < rig_rows(qkv) * cols; k++) {
        want[k] = rig_get(qkv, k / cols, k % cols);
    }
    for (int64_t i = 0; i < h->tokens * (h->heads + h->kv_heads); i++) {
        const int64_t t = i / (h->heads + h->kv_heads), head = i % (h->heads + h->kv_heads);
        double *x = want + t * cols + head * h->size, sum = 0.0;
        for (int64_t d = 0; d < h->size; d++) {
            sum += x[d] * x[d];
        }
        for (int64_t d = 0; d < h->size; d++) {
            x[d] *= rig_get(&gain[head >= h->heads], 0, d) / sqrt(sum / h->size + (double)op->eps);
        }
        for (int64_t d = 0; d < half; d++) {
            const double a = x[d], b = x[d + half];
            const double c = rig_get(table, t, d), s = rig_get(table, t, d + half);
            x[d] = a * c - b * s;
            x[d + half] = b * c + a * s;
        }
    }
}

static void cpu_point_qk_norm_rope_matches_definition(void **state) {
    (void)state;
    static const heads shapes[] = {{1, 1, 1, 8, 0},     {5, 3, 1, 40, 3},  {64, 4, 2, 64, 0},
                                   {257, 2, 2, 256, 0}, {7, 2, 1, 512, 1}, {33, 2, 2, 72, 5}};
    for (int i = 0; i < 12; i++) {
        const heads h = shapes[i / 2];
        const int64_t cols = (int64_t)(h.heads + 2 * h.kv_heads) * h.size;
        operand qkv = rig_new(floats[i & 1], h.tokens, cols, h.gap, 0.0, 2.0);
        operand table = rig_new(I4_F32, h.tokens, h.size, h.gap, 0.0, 1.0);
        operand gain[2] = {rig_vector(h.size, 1.0, 0.3), rig_vector(h.size, 1.0, 0.3)};
        for (int64_t k = 0; k < h.tokens * h.size / 2; k++) {
            const int64_t t = k / (h.size / 2), d = k % (h.size / 2);
            const double angle = 100.0 * rig_uniform();
            rig_set(&table, t, d, cos(angle));
            rig_set(&table, t, d + h.size / 2, sin(angle));
        }
        i4_op op = {.kind = I4_OP_QK_NORM_ROPE,
                    .eps = 1e-6F,
                    .heads = h.heads,
                    .kv_heads = h.kv_heads,
                    .head_dim = h.size};
        op.in[0] = gain[0].t;
        op.in[1] = gain[1].t;
        op.in[2] = table.t;
        double *want = rig_numbers(h.tokens * cols);
        want_rotated(&op, &h, &qkv, gain, &table, want);
        rig_check(&op, &qkv, want, 1e-6);
        free(want);
        rig_free(&qkv);
        rig_free(&table);
        rig_free(&gain[0]);
        rig_free(&gain[1]);
    }
}

/* ---- images ---- */

typedef struct map {
    int64_t height, width, channels, groups;
} map;

static const map maps[] = {{1, 1, 8, 4},      {3, 5, 32, 32},  {7, 9, 12, 4},    {64, 61, 128, 32},
                           {40, 33, 512, 32}, {5, 3, 1040, 2}, {3, 2, 3000, 10}, {130, 99, 4, 1}};
enum { MAPS = sizeof maps / sizeof maps[0] };

/* {count, mean, M2} of a group in rows [first, last) of the image */
static void want_stats(const operand *x, const map *m, int64_t group, int64_t first, int64_t last,
                       double out[3]) {
    const int64_t size = m->channels / m->groups;
    double sum = 0.0, squares = 0.0;
    for (int64_t p = first * m->width; p < last * m->width; p++) {
        for (int64_t c = group * size; c < (group + 1) * size; c++) {
            sum += rig_get(x, p, c);
        }
    }
    out[0] = (double)((last - first) * m->width * size);
    out[1] = sum / out[0];
    for (int64_t p = first * m->width; p < last * m->width; p++) {
        for (int64_t c = group * size; c < (group + 1) * size; c++) {
            squares += pow(rig_get(x, p, c) - out[1], 2.0);
        }
    }
    out[2] = squares;
}

static void check_stats(const operand *x, const map *m, const operand *stats) {
    for (int64_t g = 0; g < m->groups; g++) {
        double want[3];
        want_stats(x, m, g, 0, m->height, want);
        const double deviation = sqrt(want[2] / want[0]);
        assert_true(rig_get(stats, g, 0) == want[0]);
        assert_true(fabs(rig_get(stats, g, 1) - want[1]) <= 1e-6 * (fabs(want[1]) + deviation));
        assert_true(fabs(rig_get(stats, g, 2) - want[2]) <= 1e-5 * want[2]);
    }
}

/* Per channel another mean, so that a mix-up of channels shows. */
static operand new_map(i4_dtype dtype, const map *m, double mean) {
    operand x = rig_new(dtype, m->height * m->width, m->channels, 0, mean, 1.0);
    for (int64_t k = 0; k < rig_rows(&x) * m->channels; k++) {
        const int64_t c = k % m->channels;
        rig_set(&x, k / m->channels, c, rig_get(&x, k / m->channels, c) + 0.01 * (double)c);
    }
    rig_save(&x);
    rig_as_image(&x, m->height, m->width);
    return x;
}

static void cpu_point_groupnorm_stats_match_definition(void **state) {
    (void)state;
    for (int i = 0; i < MAPS * 4; i++) {
        const map m = maps[i / 4];
        operand x = new_map(floats[i & 1], &m, i & 2 ? 30.0 : 0.0);
        operand stats = rig_new(I4_F32, m.groups, 3, 0, 0.0, 0.0);
        i4_op op = {.kind = I4_OP_GROUPNORM_STATS};
        op.in[0] = x.t;
        for (int isa = 0; isa < RIG_ISAS; isa++) {
            uint8_t first[3 * 4 * 64 + 2 * RIG_GUARD];
            for (int p = 0; p < RIG_POOLS && rig_states[isa][p]; p++) {
                rig_run(rig_states[isa][p], &op, &stats);
                if (p == 0) {
                    check_stats(&x, &m, &stats);
                    memcpy(first, stats.block, stats.size);
                }
                assert_memory_equal(first, stats.block, stats.size);
            }
        }
        rig_free(&x);
        rig_free(&stats);
    }
}

static void cpu_point_groupnorm_stats_bands_equal_the_whole(void **state) {
    (void)state;
    for (int i = 0; i < MAPS * 2; i++) {
        const map m = maps[i / 2];
        operand x = new_map(floats[i & 1], &m, 1.0);
        operand stats = rig_new(I4_F32, m.groups, 3, 0, 0.0, 0.0);
        for (int isa = 0; isa < RIG_ISAS; isa++) {
            if (!rig_states[isa][1]) {
                continue;
            }
            rig_restore(&stats);
            for (int64_t row = 0; row < m.height; row += 1 + m.height / 3) {
                const int64_t left = m.height - row, most = 1 + m.height / 3;
                i4_op op = {.kind = I4_OP_GROUPNORM_STATS};
                i4_err err = {0};
                op.out = stats.t;
                op.in[0] = x.t;
                op.in[0].dim[0] = left < most ? left : most;
                op.in[0].data = rig_at(&x, row * m.width, 0);
                assert_true(i4_backend_cpu.run(rig_states[isa][1], &op, &err));
            }
            check_stats(&x, &m, &stats);
        }
        rig_free(&x);
        rig_free(&stats);
    }
}

static void cpu_point_groupnorm_matches_definition(void **state) {
    (void)state;
    for (int i = 0; i < MAPS * 8; i++) {
        const map m = maps[i / 8];
        operand x = new_map(floats[i & 1], &m, 0.5), out = new_map(floats[i >> 1 & 1], &m, 0.0);
        operand stats = rig_new(I4_F32, m.groups, 3, 0, 0.0, 0.0);
        operand gain = rig_vector(m.channels, 1.0, 0.3), bias = rig_vector(m.channels, 0.0, 0.3);
        for (int64_t g = 0; g < m.groups; g++) {
            rig_set(&stats, g, 0, 100.0);
            rig_set(&stats, g, 1, 0.1 * (double)g);
            rig_set(&stats, g, 2, 100.0 + (double)(g % 7));
        }
        rig_save(&stats);
        i4_op op = {.kind = I4_OP_GROUPNORM, .eps = 1e-6F, .mode = i >> 2 & 1};
        op.in[0] = x.t;
        op.in[1] = stats.t;
        op.in[2] = gain.t;
        op.in[3] = bias.t;
        double *want = rig_numbers(rig_rows(&x) * m.channels);
        for (int64_t k = 0; k < rig_rows(&x) * m.channels; k++) {
            const int64_t c = k % m.channels, g = c / (m.channels / m.groups);
            const double deviation =
                sqrt(rig_get(&stats, g, 2) / rig_get(&stats, g, 0) + (double)op.eps);
            const double y = (rig_get(&x, k / m.channels, c) - rig_get(&stats, g, 1)) / deviation *
                                 rig_get(&gain, 0, c) +
                             rig_get(&bias, 0, c);
            want[k] = op.mode ? silu(y) : y;
        }
        rig_check(&op, &out, want, 1e-6);
        free(want);
        rig_free(&x);
        rig_free(&out);
        rig_free(&stats);
        rig_free(&gain);
        rig_free(&bias);
    }
}

static void cpu_point_unpatchify_matches_definition(void **state) {
    (void)state;
    static const map grids[] = {{1, 1, 4, 0}, {3, 5, 32, 0}, {16, 9, 128, 0}, {17, 16, 500, 0}};
    for (int i = 0; i < 8; i++) {
        const map m = grids[i / 2];
        const int64_t quarter = m.channels / 4, gap = i & 1 ? 3 : 0;
        operand z = rig_new(I4_F32, m.height * m.width, m.channels, gap, 0.0, 1.0);
        operand factor = rig_vector(m.channels, 1.0, 0.3), shift = rig_vector(m.channels, 0, 1);
        operand out = rig_new(floats[i & 1], 4 * m.height * m.width, quarter, 0, 0.0, 1.0);
        rig_as_image(&out, 2 * m.height, 2 * m.width);
        double *want = rig_numbers(rig_rows(&out) * quarter);
        for (int64_t k = 0; k < rig_rows(&z) * m.channels; k++) {
            const int64_t t = k / m.channels, c = k % m.channels, corner = c / quarter;
            const int64_t y = t / m.width * 2 + corner / 2, x = t % m.width * 2 + corner % 2;
            want[(y * 2 * m.width + x) * quarter + c % quarter] =
                rig_get(&z, t, c) * rig_get(&factor, 0, c) + rig_get(&shift, 0, c);
        }
        i4_op op = {.kind = I4_OP_UNPATCHIFY};
        op.in[0] = z.t;
        op.in[1] = factor.t;
        op.in[2] = shift.t;
        rig_check(&op, &out, want, 1e-6);
        free(want);
        rig_free(&z);
        rig_free(&factor);
        rig_free(&shift);
        rig_free(&out);
    }
}

static void cpu_point_to_rgb8_rounds_to_even_and_clamps(void **state) {
    (void)state;
    enum { HEIGHT = 60, WIDTH = 71 };
    for (int i = 0; i < 2; i++) {
        operand x = rig_new(floats[i], HEIGHT * WIDTH, 3, 0, 0.0, 0.7);
        operand out = rig_new(I4_U8, HEIGHT * WIDTH, 3, 0, 0.0, 1.0);
        static const float special[] = {NAN,   INFINITY, -INFINITY, 1.0F, -1.0F,
                                        1e30F, -1e30F,   0.0F,      1e-9F};
        for (int k = 0; k < 9; k++) {
            rig_set(&x, k / 3, k % 3, (double)special[k]);
        }
        for (int k = 0; k < 510; k++) { /* as near to the middle of two bytes as f32 comes */
            rig_set(&x, 10 + k / 3, k % 3, (double)k / 255.0 - 1.0);
        }
        rig_save(&x);
        rig_as_image(&x, HEIGHT, WIDTH);
        rig_as_image(&out, HEIGHT, WIDTH);
        double *want = rig_numbers(HEIGHT * WIDTH * 3);
        for (int64_t k = 0; k < HEIGHT * WIDTH * 3; k++) {
            const float v = (float)rig_get(&x, k / 3, k % 3);
            const float held = isnan(v) || v < -1.0F ? -1.0F : v > 1.0F ? 1.0F : v;
            want[k] = (double)rintf((held + 1.0F) * 127.5F);
        }
        i4_op op = {.kind = I4_OP_TO_RGB8};
        op.in[0] = x.t;
        for (int isa = 0; isa < RIG_ISAS; isa++) {
            for (int p = 0; p < RIG_POOLS && rig_states[isa][p]; p++) {
                rig_run(rig_states[isa][p], &op, &out);
                for (int64_t k = 0; k < HEIGHT * WIDTH * 3; k++) {
                    assert_true(rig_get(&out, k / 3, k % 3) == want[k]);
                }
            }
        }
        free(want);
        rig_free(&x);
        rig_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_point_swiglu_matches_definition),
        cmocka_unit_test(cpu_point_residual_matches_definition),
        cmocka_unit_test(cpu_point_activate_matches_definition),
        cmocka_unit_test(cpu_point_activate_is_accurate_at_every_magnitude),
        cmocka_unit_test(cpu_point_activate_limits_are_exact),
        cmocka_unit_test(cpu_point_fold_gain_matches_definition),
        cmocka_unit_test(cpu_point_cfg_euler_matches_definition),
        cmocka_unit_test(cpu_point_copy_converts_once),
        cmocka_unit_test(cpu_point_copy_keeps_nan),
        cmocka_unit_test(cpu_point_interleave_writes_only_its_index),
        cmocka_unit_test(cpu_point_rmsnorm_matches_definition),
        cmocka_unit_test(cpu_point_layernorm_matches_definition),
        cmocka_unit_test(cpu_point_residual_rmsnorm_matches_definition),
        cmocka_unit_test(cpu_point_rmsnorm_extreme_values_keep_their_direction),
        cmocka_unit_test(cpu_point_norms_keep_nan_in_its_row),
        cmocka_unit_test(cpu_point_qk_norm_rope_matches_definition),
        cmocka_unit_test(cpu_point_groupnorm_stats_match_definition),
        cmocka_unit_test(cpu_point_groupnorm_stats_bands_equal_the_whole),
        cmocka_unit_test(cpu_point_groupnorm_matches_definition),
        cmocka_unit_test(cpu_point_unpatchify_matches_definition),
        cmocka_unit_test(cpu_point_to_rgb8_rounds_to_even_and_clamps),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
