/* What the tests of the cpu backend's ops share: operands with gaps between their rows and guards
 * around them, a run on every instruction set and thread count, and the comparison. Include after
 * cmocka.h. */
#ifndef ID4_TESTS_CPU_RIG_H
#define ID4_TESTS_CPU_RIG_H

#include "backend/cpu/cpu.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers ---- */

static uint64_t rig_seed = 1;

static inline double rig_uniform(void) { /* in (0, 1) */
    uint64_t z = (rig_seed += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) * 0x1p-53;
}

static inline double rig_normal(void) {
    return sqrt(-2.0 * log(rig_uniform())) * cos(6.283185307179586 * rig_uniform());
}

/* ---- operands ---- */

enum { RIG_GUARD = 62 }; /* bytes before and after; not a multiple of 4 for 16-bit items */

typedef struct operand {
    i4_tensor t;
    uint8_t *block, *saved;
    size_t size;
} operand;

static inline int64_t rig_rows(const operand *m) {
    return i4_rows_of(m->t);
}

static inline int64_t rig_cols(const operand *m) {
    return i4_cols_of(m->t);
}

static inline void *rig_at(const operand *m, int64_t row, int64_t col) {
    return (char *)m->t.data + (row * m->t.row_stride + col) * (int64_t)i4_dtype_size(m->t.dtype);
}

static inline double rig_get(const operand *m, int64_t row, int64_t col) {
    const void *p = rig_at(m, row, col);
    float x = 0.0F;
    uint16_t h = 0;
    int32_t i = 0;
    switch (m->t.dtype) {
    case I4_F32:
        memcpy(&x, p, 4);
        return (double)x;
    case I4_I32:
        memcpy(&i, p, 4);
        return (double)i;
    case I4_U8:
        return (double)*(const uint8_t *)p;
    default:
        memcpy(&h, p, 2);
        return (double)(m->t.dtype == I4_BF16 ? i4_from_bf16(h) : i4_from_f16(h));
    }
}

static inline void rig_set(const operand *m, int64_t row, int64_t col, double value) {
    void *p = rig_at(m, row, col);
    const float x = (float)value;
    if (m->t.dtype == I4_F32) {
        memcpy(p, &x, 4);
    } else if (m->t.dtype == I4_I32) {
        const int32_t i = (int32_t)value;
        memcpy(p, &i, 4);
    } else if (m->t.dtype == I4_U8) {
        *(uint8_t *)p = (uint8_t)value;
    } else {
        const uint16_t h = m->t.dtype == I4_BF16 ? i4_to_bf16(x) : i4_to_f16(x);
        memcpy(p, &h, 2);
    }
}

/* A matrix of normal numbers (mean, deviation); rows are `gap` elements apart. */
static inline operand rig_new(i4_dtype dtype, int64_t rows, int64_t cols, int64_t gap, double mean,
                              double deviation) {
    const size_t item = i4_dtype_size(dtype);
    const size_t guard = RIG_GUARD - RIG_GUARD % item;
    operand m = {.t = {.dtype = dtype, .rank = 2, .dim = {rows, cols, 1}, .place = -1}};
    m.t.row_stride = cols + gap;
    m.size = 2 * guard + (size_t)(rows * m.t.row_stride) * item;
    m.block = malloc(m.size);
    m.saved = malloc(m.size);
    assert_true(m.block && m.saved);
    memset(m.block, 0x5a, m.size);
    m.t.data = m.block + guard;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < cols; c++) {
            rig_set(&m, r, c, mean + deviation * rig_normal());
        }
    }
    memcpy(m.saved, m.block, m.size);
    return m;
}

/* After the test has written its own numbers into it. */
static inline void rig_save(operand *m) {
    memcpy(m->saved, m->block, m->size);
}

static inline void rig_restore(operand *m) {
    memcpy(m->block, m->saved, m->size);
}

static inline void rig_free(operand *m) {
    free(m->block);
    free(m->saved);
}

static inline operand rig_vector(int64_t count, double mean, double deviation) {
    operand m = rig_new(I4_F32, 1, count, 0, mean, deviation);
    m.t.rank = 1;
    m.t.dim[0] = count;
    m.t.dim[1] = 1;
    return m;
}

/* Reads the same memory as an image [height, width, cols]. */
static inline void rig_as_image(operand *m, int64_t height, int64_t width) {
    const int64_t cols = m->t.dim[1];
    m->t.rank = 3;
    m->t.dim[0] = height;
    m->t.dim[1] = width;
    m->t.dim[2] = cols;
}

/* ---- running ---- */

enum { RIG_ISAS = I4_ISA_COUNT, RIG_POOLS = 4 };
static const int rig_threads[RIG_POOLS] = {1, 2, 3, 7};
static void *rig_states[RIG_ISAS][RIG_POOLS]; /* NULL where the machine has no such set */

static inline int rig_open(void **unused) {
    (void)unused;
    for (int i = 0; i < RIG_ISAS; i++) {
        for (int p = 0; p < RIG_POOLS; p++) {
            const i4_backend_options options = {.threads = rig_threads[p],
                                                .isa = i4_isa_name((i4_isa)i)};
            i4_err err = {0};
            if (!i4_backend_cpu.open(&options, &rig_states[i][p], &err)) {
                rig_states[i][p] = NULL;
                printf("skipped: %s (%s)\n", i4_isa_name((i4_isa)i), err.text);
                break;
            }
        }
    }
    return rig_states[0][0] ? 0 : -1;
}

static inline int rig_close(void **unused) {
    (void)unused;
    for (int i = 0; i < RIG_ISAS; i++) {
        for (int p = 0; p < RIG_POOLS; p++) {
            i4_backend_cpu.close(rig_states[i][p]);
        }
    }
    return 0;
}

static inline void rig_run(void *state, i4_op *op, operand *out) {
    i4_err err = {0};
    rig_restore(out);
    op->out = out->t;
    assert_true(i4_backend_cpu.run(state, op, &err));
}

/* Everything outside the elements is as it was. */
static inline void rig_check_gaps(const operand *m) {
    const size_t item = i4_dtype_size(m->t.dtype);
    const uint8_t *at = m->block, *was = m->saved;
    for (int64_t r = 0; r < rig_rows(m); r++) {
        const size_t skip = (size_t)((const uint8_t *)rig_at(m, r, 0) - at);
        assert_memory_equal(at, was, skip);
        at += skip + (size_t)rig_cols(m) * item;
        was += skip + (size_t)rig_cols(m) * item;
    }
    assert_memory_equal(at, was, (size_t)(m->block + m->size - at));
}

/* f32: relative L2 error of the whole; 16-bit: also each element within rounding. */
static inline void rig_compare(const operand *out, const double *want, double tolerance,
                               const char *what) {
    const double grain = out->t.dtype == I4_F32 ? 0.0 : out->t.dtype == I4_BF16 ? 0x1p-8 : 0x1p-11;
    const int64_t cols = rig_cols(out), count = rig_rows(out) * cols;
    double power = 0.0, error = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double d = rig_get(out, i / cols, i % cols) - want[i];
        power += want[i] * want[i];
        error += d * d;
    }
    const double scale = sqrt(power / (double)count), relative = sqrt(error / (power + 1e-300));
    if (!(relative <= tolerance + grain)) {
        fail_msg("%s: relative error %g, allowed %g", what, relative, tolerance + grain);
    }
    for (int64_t i = 0; i < count && grain > 0.0; i++) {
        const double d = fabs(rig_get(out, i / cols, i % cols) - want[i]);
        if (!(d <= grain * fabs(want[i]) * 1.001 + 20.0 * tolerance * scale)) {
            fail_msg("%s: element %lld is off by %g (wanted %g)", what, (long long)i, d, want[i]);
        }
    }
}

/* Where bf16 is multiplied, attention rounds the weights of the values to bf16. */
static inline double rig_tolerance(const i4_op *op, int isa, double tolerance) {
    const i4_cpu *cpu = rig_states[isa][0];
    const bool is_rounded =
        op->kind == I4_OP_ATTENTION && op->in[0].dtype == I4_BF16 && cpu->gemm->attention;
    return is_rounded && tolerance < 0x1p-9 ? 0x1p-9 : tolerance;
}

/* Runs op into out on every instruction set: right with the first pool, the same bytes with all. */
static inline void rig_check(i4_op *op, operand *out, const double *want, double tolerance) {
    uint8_t *first = malloc(out->size);
    assert_non_null(first);
    for (int i = 0; i < RIG_ISAS; i++) {
        if (!rig_states[i][0]) {
            continue;
        }
        char what[96];
        snprintf(what, sizeof what, "%s on %s, [%lld, %lld]", i4_op_name(op->kind),
                 i4_isa_name((i4_isa)i), (long long)rig_rows(out), (long long)rig_cols(out));
        rig_run(rig_states[i][0], op, out);
        rig_compare(out, want, rig_tolerance(op, i, tolerance), what);
        rig_check_gaps(out);
        memcpy(first, out->block, out->size);
        for (int p = 1; p < RIG_POOLS; p++) {
            rig_run(rig_states[i][p], op, out);
            if (memcmp(first, out->block, out->size) != 0) {
                fail_msg("%s: %d threads give other bytes than 1", what, rig_threads[p]);
            }
        }
    }
    free(first);
}

static inline double *rig_numbers(int64_t count) {
    double *p = calloc((size_t)count, sizeof *p);
    assert_non_null(p);
    return p;
}

#endif
