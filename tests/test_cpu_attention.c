/* Attention of the cpu backend on every instruction set, against plain loops in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cpu_rig.h"

typedef struct shape {
    int64_t queries, keys;
    int heads, kv_heads, size;
    bool causal, gap;
} shape;

/* Row of query `row` of one head; scores and result in double. */
static void attend_row(const i4_op *op, const operand in[3], const shape *s, int64_t row, int head,
                       double *scores, double *result) {
    const int64_t q_col = (int64_t)head * s->size;
    const int64_t kv_col = (int64_t)(head * s->kv_heads / s->heads) * s->size;
    const int64_t keys = s->causal ? row + 1 : s->keys;
    double top = -(double)INFINITY, sum = 0.0;
    for (int64_t u = 0; u < keys; u++) {
        scores[u] = 0.0;
        for (int64_t d = 0; d < s->size; d++) {
            scores[u] += rig_get(&in[0], row, q_col + d) * rig_get(&in[1], u, kv_col + d);
        }
        scores[u] *= (double)op->scale;
        top = fmax(top, scores[u]);
    }
    for (int64_t u = 0; u < keys; u++) {
        const double p = exp(scores[u] - top);
        sum += p;
        for (int64_t d = 0; d < s->size; d++) {
            result[q_col + d] += p * rig_get(&in[2], u, kv_col + d);
        }
    }
    for (int64_t d = 0; d < s->size; d++) {
        result[q_col + d] /= sum;
    }
}

static void check(const shape *s, i4_dtype in_dtype, i4_dtype out_dtype, double query_deviation,
                  double tolerance) {
    const int64_t width = (int64_t)s->heads * s->size, kv_width = (int64_t)s->kv_heads * s->size;
    const int64_t gap = s->gap ? 13 : 0;
    operand in[3] = {rig_new(in_dtype, s->queries, width, gap, 0.0, query_deviation),
                     rig_new(in_dtype, s->keys, kv_width, gap, 0.0, 1.0),
                     rig_new(in_dtype, s->keys, kv_width, 2 * gap, 0.2, 1.0)};
    operand out = rig_new(out_dtype, s->queries, width, gap, 0.0, 1.0);
    i4_op op = {.kind = I4_OP_ATTENTION,
                .heads = s->heads,
                .kv_heads = s->kv_heads,
                .head_dim = s->size,
                .causal = s->causal,
                .scale = (float)(1.0 / sqrt((double)s->size))};
    for (int i = 0; i < 3; i++) {
        op.in[i] = in[i].t;
    }
    double *want = rig_numbers(s->queries * width), *scores = rig_numbers(s->keys);
    for (int64_t row = 0; row < s->queries; row++) {
        for (int head = 0; head < s->heads; head++) {
            attend_row(&op, in, s, row, head, scores, want + row * width);
        }
    }
    rig_check(&op, &out, want, tolerance);
    free(want);
    free(scores);
    rig_free(&out);
    for (int i = 0; i < 3; i++) {
        rig_free(&in[i]);
    }
}

static void check_all(const shape *shapes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        check(&shapes[i], I4_F32, I4_F32, 1.0, 3e-6);
        check(&shapes[i], I4_BF16, I4_BF16, 1.0, 3e-6);
        check(&shapes[i], I4_BF16, I4_F32, 1.0, 3e-6);
    }
}

static void cpu_attention_every_head_size_matches_definition(void **state) {
    (void)state;
    static const shape shapes[] = {
        {64, 64, 1, 1, 8, false, false},   {257, 257, 2, 2, 32, false, true},
        {64, 64, 3, 3, 40, false, true},   {257, 257, 1, 1, 64, false, false},
        {64, 64, 2, 2, 72, false, true},   {64, 64, 1, 1, 128, false, false},
        {64, 64, 1, 1, 200, false, false}, {257, 257, 1, 1, 256, false, true},
        {64, 64, 1, 1, 264, false, true},  {200, 130, 1, 1, 512, false, false},
    };
    check_all(shapes, sizeof shapes / sizeof shapes[0]);
}

static void cpu_attention_few_tokens_match_definition(void **state) {
    (void)state;
    static const shape shapes[] = {
        {1, 1, 1, 1, 64, false, false},  {1, 1, 2, 2, 8, true, true},
        {5, 5, 2, 2, 40, false, true},   {5, 5, 2, 1, 128, true, false},
        {1, 257, 1, 1, 32, false, true}, {257, 1, 1, 1, 32, false, true},
        {5, 64, 1, 1, 16, false, false},
    };
    check_all(shapes, sizeof shapes / sizeof shapes[0]);
}

static void cpu_attention_causal_rows_see_no_later_key(void **state) {
    (void)state;
    static const shape shapes[] = {
        {64, 64, 2, 2, 64, true, false},
        {257, 257, 1, 1, 128, true, true},
        {130, 130, 1, 1, 512, true, false},
    };
    check_all(shapes, sizeof shapes / sizeof shapes[0]);
}

static void cpu_attention_grouped_heads_share_keys(void **state) {
    (void)state;
    static const shape shapes[] = {
        {64, 64, 8, 2, 32, true, true},
        {65, 65, 6, 3, 24, false, true},
        {33, 40, 4, 1, 64, false, false},
    };
    check_all(shapes, sizeof shapes / sizeof shapes[0]);
}

/* Scores of several hundred: the maximum moves often and most weights vanish. */
static void cpu_attention_large_scores_stay_finite(void **state) {
    (void)state;
    static const shape wide = {257, 257, 1, 1, 64, false, false};
    static const shape causal = {257, 257, 1, 1, 64, true, false};
    check(&wide, I4_F32, I4_F32, 100.0, 1e-4);
    check(&causal, I4_F32, I4_F32, 100.0, 1e-4);
    check(&causal, I4_F32, I4_F32, 1e-20, 3e-6);
}

static void cpu_attention_nan_stays_in_its_row(void **state) {
    (void)state;
    operand q = rig_new(I4_F32, 20, 32, 0, 0.0, 1.0), k = rig_new(I4_F32, 20, 32, 0, 0.0, 1.0);
    operand v = rig_new(I4_F32, 20, 32, 0, 0.0, 1.0), out = rig_new(I4_F32, 20, 32, 0, 0.0, 1.0);
    rig_set(&q, 7, 3, (double)NAN);
    i4_op op = {.kind = I4_OP_ATTENTION, .heads = 1, .kv_heads = 1, .head_dim = 32, .scale = 0.2F};
    op.in[0] = q.t;
    op.in[1] = k.t;
    op.in[2] = v.t;
    for (int i = 0; i < RIG_ISAS; i++) {
        if (!rig_states[i][1]) {
            continue;
        }
        rig_run(rig_states[i][1], &op, &out);
        for (int64_t r = 0; r < 20; r++) {
            for (int64_t c = 0; c < 32; c++) {
                assert_int_equal(isnan(rig_get(&out, r, c)) != 0, r == 7);
            }
        }
    }
    rig_free(&q);
    rig_free(&k);
    rig_free(&v);
    rig_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_attention_every_head_size_matches_definition),
        cmocka_unit_test(cpu_attention_few_tokens_match_definition),
        cmocka_unit_test(cpu_attention_causal_rows_see_no_later_key),
        cmocka_unit_test(cpu_attention_grouped_heads_share_keys),
        cmocka_unit_test(cpu_attention_large_scores_stay_finite),
        cmocka_unit_test(cpu_attention_nan_stays_in_its_row),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
