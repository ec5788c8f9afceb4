/* The wrappers around backends, with a small backend of the test's own inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "tensor/ops.h"
#include "tensor/wrap.h"

#include <math.h>
#include <string.h>

/* --- a backend with three ops and an adjustable defect -------------------------------------- */

typedef struct toy {
    float defect;      /* added to the first element of every result */
    i4_op_kind faulty; /* only here */
    bool fails;
    int runs, loads;
    void *seen_payload; /* of weight 0 of the last op */
} toy;

static float *at(i4_tensor t, int64_t row, int64_t col) {
    return (float *)t.data + row * t.row_stride + col;
}

static bool toy_run(void *state, const i4_op *op, i4_err *err) {
    toy *self = state;
    self->runs++;
    self->seen_payload = op->weight[0] ? op->weight[0]->payload : NULL;
    if (self->fails) {
        return i4_fail(err, I4_E_DEVICE, "the toy is broken");
    }
    for (int64_t r = 0; r < i4_rows_of(op->in[0]); r++) {
        for (int64_t c = 0; c < i4_cols_of(op->in[0]); c++) {
            const float x = *at(op->in[0], r, c);
            if (op->kind == I4_OP_RESIDUAL) {
                *at(op->out, r, c) += x;
            } else if (op->kind == I4_OP_INTERLEAVE) {
                *at(op->out, r, c * op->count + op->index) = x;
            } else {
                *at(op->out, r, c) = x;
            }
        }
    }
    if (op->kind == self->faulty) {
        *at(op->out, 0, 0) += self->defect;
    }
    return true;
}

static bool toy_weight_load(void *state, i4_weight *w, i4_err *err) {
    (void)err;
    toy *self = state;
    self->loads++;
    w->payload = self;
    return true;
}

static void toy_weight_free(void *state, i4_weight *w) {
    toy *self = state;
    self->loads--;
    w->payload = NULL;
}

static void toy_caps(void *state, i4_caps *caps) {
    (void)state;
    *caps = (i4_caps){.name = "toy", .act = I4_F32, .threads = 1};
}

static bool toy_flush(void *state, i4_err *err) {
    (void)state;
    (void)err;
    return true;
}

static const i4_backend toy_backend = {
    .abi = I4_BACKEND_ABI,
    .name = "toy",
    .caps = toy_caps,
    .weight_load = toy_weight_load,
    .weight_free = toy_weight_free,
    .upload = i4_host_upload,
    .download = i4_host_download,
    .run = toy_run,
    .flush = toy_flush,
};

static i4_tensor matrix(float *data, int64_t rows, int64_t cols, int64_t stride) {
    return (i4_tensor){.dtype = I4_F32,
                       .rank = 2,
                       .dim = {rows, cols, 1},
                       .row_stride = stride,
                       .data = data,
                       .place = -1};
}

static i4_op op_of(i4_op_kind kind, i4_tensor out, i4_tensor in) {
    i4_op op = {.kind = kind, .out = out, .stage = "dit", .layer = 3};
    op.in[0] = in;
    return op;
}

/* --- cost ---------------------------------------------------------------------------------- */

static void cost_of_linear_counts_products_and_weight(void **state) {
    (void)state;
    float x[5 * 64], y[5 * 96];
    const float bias[96] = {0};
    i4_weight w = {.format = I4_W_AFFINE8,
                   .rows = 96,
                   .cols = 64,
                   .group = 32,
                   .scale_dtype = I4_BF16,
                   .bias = bias};
    i4_op op = op_of(I4_OP_LINEAR, matrix(y, 5, 96, 96), matrix(x, 5, 64, 64));
    op.weight[0] = &w;
    i4_op_cost cost = i4_op_cost_of(&op);
    assert_int_equal(cost.calls, 1);
    assert_true(cost.flops == 2.0 * 5 * 96 * 64);
    /* x and y in f32; a byte a number; two bf16 a group; the bias */
    assert_true(cost.bytes == 5 * 64 * 4 + 5 * 96 * 4 + 96 * 64 + 96 * 2 * 2 * 2 + 96 * 4);
    w.bias = NULL;
    w.format = I4_W_AFFINE4;
    cost = i4_op_cost_of(&op);
    assert_true(cost.bytes == 5 * 64 * 4 + 5 * 96 * 4 + 96 * 32 + 96 * 2 * 2 * 2);
    op.kind = I4_OP_LINEAR_SWIGLU;
    op.weight[1] = &w;
    assert_true(i4_op_cost_of(&op).flops == 4.0 * 5 * 96 * 64);
}

static void cost_of_embed_reads_only_its_rows(void **state) {
    (void)state;
    int32_t ids[3] = {0};
    float y[3 * 8];
    const i4_weight table = {.format = I4_W_BF16, .rows = 1000, .cols = 8};
    i4_tensor in = {.dtype = I4_I32, .rank = 1, .dim = {3, 1, 1}, .row_stride = 3, .data = ids};
    i4_op op = op_of(I4_OP_EMBED, matrix(y, 3, 8, 8), in);
    op.weight[0] = &table;
    assert_true(i4_op_cost_of(&op).flops == 0);
    assert_true(i4_op_cost_of(&op).bytes == 3 * 4 + 3 * 8 * 4 + 3 * 8 * 2);
}

static void cost_of_causal_attention_is_half(void **state) {
    (void)state;
    float q[6 * 32], k[6 * 16], v[6 * 16], y[6 * 32];
    i4_op op = op_of(I4_OP_ATTENTION, matrix(y, 6, 32, 32), matrix(q, 6, 32, 32));
    op.in[1] = matrix(k, 6, 16, 16);
    op.in[2] = matrix(v, 6, 16, 16);
    op.heads = 4;
    op.kv_heads = 2;
    op.head_dim = 8;
    assert_true(i4_op_cost_of(&op).flops == 4.0 * 6 * 6 * 4 * 8);
    op.causal = true;
    assert_true(i4_op_cost_of(&op).flops == 2.0 * 6 * 6 * 4 * 8);
    assert_true(i4_op_cost_of(&op).bytes == 6 * (32 + 16 + 16 + 32) * 4);
}

static void cost_of_convolution_counts_output_places(void **state) {
    (void)state;
    float x[4 * 5 * 3], y[8 * 10 * 7];
    const i4_weight w = {.format = I4_W_F32, .rows = 7, .cols = 27, .kernel = 3};
    i4_tensor in = {.dtype = I4_F32, .rank = 3, .dim = {4, 5, 3}, .row_stride = 3, .data = x};
    i4_tensor out = {.dtype = I4_F32, .rank = 3, .dim = {8, 10, 7}, .row_stride = 7, .data = y};
    i4_op op = op_of(I4_OP_CONV2D, out, in);
    op.weight[0] = &w;
    op.up2 = true;
    assert_true(i4_op_cost_of(&op).flops == 2.0 * 8 * 10 * 7 * 27);
}

static void cost_with_absent_operands_is_finite(void **state) {
    (void)state;
    float x[4], y[4];
    for (int kind = 0; kind < I4_OP_COUNT; kind++) {
        const i4_op op = op_of((i4_op_kind)kind, matrix(y, 2, 2, 2), matrix(x, 2, 2, 2));
        i4_op safe = op;
        safe.in[1] = matrix(x, 2, 2, 2);
        safe.in[1].data = NULL; /* absent, as FOLD_GAIN and CFG_EULER allow */
        const i4_op_cost cost = i4_op_cost_of(&safe);
        assert_true(isfinite(cost.flops) && cost.flops >= 0);
        assert_true(isfinite(cost.bytes) && cost.bytes > 0);
    }
}

/* --- measure ------------------------------------------------------------------------------- */

static void measure_runs_model_code_without_memory(void **state) {
    (void)state;
    i4_measure measure = {.caps = {.name = "cpu", .act = I4_BF16}};
    i4_ctx ctx;
    i4_err err = {0};
    assert_true(i4_ctx_open(&ctx, &i4_backend_measure, &measure, SIZE_MAX, &err));
    assert_int_equal(ctx.caps.act, I4_BF16);
    const int64_t huge = (int64_t)1 << 20; /* 2^40 elements: far more than there is */
    const i4_tensor a = i4_new(&ctx, I4_BF16, 2, huge, huge, 1);
    const i4_tensor b = i4_new(&ctx, I4_BF16, 2, huge, huge, 1);
    i4_residual(&ctx, a, b);
    i4_residual(&ctx, a, b);
    assert_true(i4_ctx_ok(&ctx));
    assert_true(ctx.peak == (size_t)4 << 40);
    assert_int_equal(measure.cost[I4_OP_RESIDUAL].calls, 2);
    assert_true(measure.cost[I4_OP_RESIDUAL].flops == 2 * 0x1p40);
    assert_true(measure.cost[I4_OP_RESIDUAL].bytes == 2 * 3 * 2 * 0x1p40);
    float out[6];
    memset(out, 1, sizeof out);
    i4_download(&ctx, i4_new(&ctx, I4_F32, 2, 1, 5, 1), out);
    for (int i = 0; i < 5; i++) {
        assert_true(out[i] == 0);
    }
    assert_true(out[5] != 0);
    i4_ctx_close(&ctx);
}

/* --- trace --------------------------------------------------------------------------------- */

typedef struct trace_seen {
    int count;
    i4_op_kind kind;
    double seconds;
} trace_seen;

static void remember_op(const i4_op *op, double seconds, void *user) {
    trace_seen *seen = user;
    seen->count++;
    seen->kind = op->kind;
    seen->seconds = seconds;
}

static void trace_passes_on_and_reports(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COUNT};
    trace_seen seen = {0};
    i4_trace trace = {&toy_backend, &inner, remember_op, &seen};
    float x[2] = {1, 2}, y[2] = {10, 20};
    i4_op op = op_of(I4_OP_RESIDUAL, matrix(y, 1, 2, 2), matrix(x, 1, 2, 2));
    i4_err err = {0};
    assert_true(i4_backend_trace.run(&trace, &op, &err));
    assert_true(y[0] == 11 && y[1] == 22);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.kind, I4_OP_RESIDUAL);
    assert_true(seen.seconds >= 0);
    inner.fails = true;
    assert_false(i4_backend_trace.run(&trace, &op, &err));
    assert_int_equal(err.status, I4_E_DEVICE);
    assert_int_equal(seen.count, 1);
    i4_weight w = {0};
    assert_true(i4_backend_trace.weight_load(&trace, &w, &err));
    assert_ptr_equal(w.payload, &inner);
    i4_backend_trace.weight_free(&trace, &w);
    assert_int_equal(inner.loads, 0);
}

/* --- tee ----------------------------------------------------------------------------------- */

static i4_tee tee_of(toy *inner, toy *judge) {
    return (i4_tee){.inner = &toy_backend,
                    .inner_state = inner,
                    .judge = &toy_backend,
                    .judge_state = judge,
                    .tolerance = 1e-3};
}

static void tee_of_equal_backends_finds_nothing(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COUNT}, judge = {.faulty = I4_OP_COUNT};
    i4_tee tee = tee_of(&inner, &judge);
    /* views of the middle columns; what lies around is not finite and must not be looked at */
    float x[12], y[12];
    for (int i = 0; i < 12; i++) {
        x[i] = i % 4 == 1 || i % 4 == 2 ? (float)i : NAN;
        y[i] = i % 4 == 1 || i % 4 == 2 ? 100.0f : -INFINITY;
    }
    const i4_op op = op_of(I4_OP_RESIDUAL, matrix(y + 1, 3, 2, 4), matrix(x + 1, 3, 2, 4));
    i4_err err = {0};
    assert_true(i4_backend_tee.run(&tee, &op, &err));
    assert_true(y[1] == 101 && y[2] == 102 && y[9] == 109 && y[10] == 110);
    assert_true(y[0] == -INFINITY && isnan(x[3]));
    assert_int_equal(judge.runs, 1);
    assert_false(tee.found.drifted);
    assert_true(tee.found.worst[I4_OP_RESIDUAL] == 0);
}

static void tee_in_place_op_is_judged_on_old_input(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COUNT}, judge = {.faulty = I4_OP_COUNT};
    i4_tee tee = tee_of(&inner, &judge);
    float x[4] = {1, 2, 3, 4};
    const i4_op op = op_of(I4_OP_RESIDUAL, matrix(x, 2, 2, 2), matrix(x, 2, 2, 2));
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_true(x[0] == 2 && x[3] == 8);
    assert_false(tee.found.drifted);
}

static void tee_names_first_op_that_drifts(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COPY, .defect = 0.5f}, judge = {.faulty = I4_OP_COUNT};
    i4_tee tee = tee_of(&inner, &judge);
    float x[4] = {3, 4, 0, 0}, y[4] = {0, 0, 0, 0};
    i4_op op = op_of(I4_OP_RESIDUAL, matrix(y, 2, 2, 2), matrix(x, 2, 2, 2));
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_false(tee.found.drifted);
    op.kind = I4_OP_COPY;
    op.layer = 7;
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_true(tee.found.drifted);
    assert_int_equal(tee.found.first_kind, I4_OP_COPY);
    assert_true(fabs(tee.found.first_error - 0.5 / 5) < 1e-12);
    assert_true(tee.found.worst[I4_OP_COPY] == tee.found.first_error);
    assert_string_equal(tee.found.first_where, "dit 7 copy [2x2 from 2x2]");
    inner.defect = 5; /* a worse one later does not become the first */
    op.layer = 8;
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_non_null(strstr(tee.found.first_where, "dit 7"));
    assert_true(fabs(tee.found.worst[I4_OP_COPY] - 1) < 1e-12);
}

static void tee_with_nan_on_one_side_drifts(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COPY, .defect = NAN}, judge = {.faulty = I4_OP_COUNT};
    i4_tee tee = tee_of(&inner, &judge);
    float x[2] = {1, 2}, y[2];
    const i4_op op = op_of(I4_OP_COPY, matrix(y, 1, 2, 2), matrix(x, 1, 2, 2));
    memset(y, 0, sizeof y);
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_true(tee.found.drifted);
    assert_true(isinf(tee.found.first_error));
}

static void tee_of_interleave_looks_at_its_columns_only(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COUNT}, judge = {.faulty = I4_OP_INTERLEAVE, .defect = 9};
    i4_tee tee = tee_of(&inner, &judge);
    float x[2] = {1, 2}, y[4] = {0};
    i4_op op = op_of(I4_OP_INTERLEAVE, matrix(y, 1, 4, 4), matrix(x, 1, 2, 2));
    op.count = 2;
    op.index = 1; /* the judge's defect lies in column 0, which is not this op's */
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_true(y[1] == 1 && y[3] == 2);
    assert_false(tee.found.drifted);
    op.index = 0;
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_true(tee.found.drifted);
}

static void tee_judge_gets_its_own_form_of_weights(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COUNT}, judge = {.faulty = I4_OP_COUNT};
    i4_tee tee = tee_of(&inner, &judge);
    i4_weight w = {.name = "w", .format = I4_W_F32, .rows = 1, .cols = 1};
    assert_true(i4_backend_tee.weight_load(&tee, &w, NULL));
    float x[1] = {1}, y[1] = {0};
    i4_op op = op_of(I4_OP_LINEAR, matrix(y, 1, 1, 1), matrix(x, 1, 1, 1));
    op.weight[0] = &w;
    assert_true(i4_backend_tee.run(&tee, &op, NULL));
    assert_ptr_equal(inner.seen_payload, &inner);
    assert_ptr_equal(judge.seen_payload, &judge);
    assert_int_equal(judge.loads, 0);
    i4_backend_tee.weight_free(&tee, &w);
    assert_int_equal(inner.loads, 0);
}

static bool fail_nth(i4_fault_kind kind, size_t bytes, void *user) {
    (void)kind;
    (void)bytes;
    int *left = user;
    return (*left)-- == 0;
}

static void tee_without_memory_fails_cleanly(void **state) {
    (void)state;
    toy inner = {.faulty = I4_OP_COUNT}, judge = {.faulty = I4_OP_COUNT};
    i4_tee tee = tee_of(&inner, &judge);
    float x[2] = {1, 2}, y[2] = {0};
    const i4_op op = op_of(I4_OP_COPY, matrix(y, 1, 2, 2), matrix(x, 1, 2, 2));
    for (int n = 0; n < 2; n++) { /* a copy of out, one of in0 */
        int left = n;
        i4_err err = {0};
        i4_fault_set(fail_nth, &left);
        const bool is_run = i4_backend_tee.run(&tee, &op, &err);
        i4_fault_set(NULL, NULL);
        assert_false(is_run);
        assert_int_equal(err.status, I4_E_OUT_OF_MEMORY);
    }
    judge.fails = true;
    assert_false(i4_backend_tee.run(&tee, &op, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_of_linear_counts_products_and_weight),
        cmocka_unit_test(cost_of_embed_reads_only_its_rows),
        cmocka_unit_test(cost_of_causal_attention_is_half),
        cmocka_unit_test(cost_of_convolution_counts_output_places),
        cmocka_unit_test(cost_with_absent_operands_is_finite),
        cmocka_unit_test(measure_runs_model_code_without_memory),
        cmocka_unit_test(trace_passes_on_and_reports),
        cmocka_unit_test(tee_of_equal_backends_finds_nothing),
        cmocka_unit_test(tee_in_place_op_is_judged_on_old_input),
        cmocka_unit_test(tee_names_first_op_that_drifts),
        cmocka_unit_test(tee_with_nan_on_one_side_drifts),
        cmocka_unit_test(tee_of_interleave_looks_at_its_columns_only),
        cmocka_unit_test(tee_judge_gets_its_own_form_of_weights),
        cmocka_unit_test(tee_without_memory_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
