/* What the table of op cases needs: numbers and weights that are the same on every backend, a bench
 * on which one case runs, and the comparison of two runs. Include after cmocka.h.
 *
 * All numbers are representable in bf16, so backends with either kind of activations start from
 * the same operands and differ by their arithmetic and their rounding of results only. */
#ifndef ID4_TESTS_OPS_RIG_H
#define ID4_TESTS_OPS_RIG_H

#include "tensor/ops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_WEIGHTS = 64, BENCH_PARTS = 128, BENCH_SLAB = 24 << 20 };

/* --- numbers ------------------------------------------------------------------------------ */

static uint64_t ops_seed = 1;

static inline uint64_t ops_bits(void) {
    uint64_t z = (ops_seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* Near normal, in [-3, 3). */
static inline double ops_number(void) {
    double sum = 0.0;
    for (int i = 0; i < 3; i++) {
        sum += (double)(int64_t)ops_bits() * 0x1p-63;
    }
    return sum;
}

static inline float ops_rounded(double value) {
    return i4_from_bf16(i4_to_bf16((float)value));
}

static inline void *ops_block(size_t size) {
    void *p = calloc(size + 1, 1);
    assert_non_null(p);
    return p;
}

static inline void ops_put(void *array, i4_dtype dtype, int64_t index, float value) {
    if (dtype == I4_F32) {
        memcpy((char *)array + 4 * index, &value, 4);
    } else {
        const uint16_t h = dtype == I4_F16 ? i4_to_f16(value) : i4_to_bf16(value);
        memcpy((char *)array + 2 * index, &h, 2);
    }
}

/* --- weights ------------------------------------------------------------------------------ */

typedef struct weight_kind {
    i4_format format;
    int group;
    i4_dtype scale_dtype;
} weight_kind;

static const weight_kind weight_kinds[] = {
    {I4_W_F32, 0, I4_F32},        {I4_W_F16, 0, I4_F32},       {I4_W_BF16, 0, I4_F32},
    {I4_W_FP8, 0, I4_F32},        {I4_W_AFFINE8, 32, I4_BF16}, {I4_W_AFFINE8, 64, I4_F16},
    {I4_W_AFFINE8, 128, I4_BF16}, {I4_W_AFFINE4, 32, I4_F32},  {I4_W_AFFINE4, 64, I4_BF16},
    {I4_W_AFFINE4, 128, I4_F16},
};
enum { KIND_F32, KIND_F16, KIND_BF16, KIND_FP8, KIND_Q8 = 4, KIND_Q4 = 7, WEIGHT_KINDS = 10 };

typedef struct ops_weight {
    i4_weight w;
    void *memory[3], *row_scale, *bias;
} ops_weight;

static inline const uint8_t *odd_address(void *memory) {
    return (const uint8_t *)memory + 1;
}

static inline void ops_affine(ops_weight *m, const weight_kind *kind) {
    const int64_t groups = m->w.rows * (m->w.cols / kind->group);
    m->memory[1] = ops_block((size_t)groups * 4);
    m->memory[2] = ops_block((size_t)groups * 4);
    const double step = kind->format == I4_W_AFFINE8 ? 1.0 / 128.0 : 1.0 / 8.0;
    for (int64_t i = 0; i < groups; i++) {
        const double scale = step * (0.7 + 0.1 * ops_number());
        ops_put((uint8_t *)m->memory[1] + 1, kind->scale_dtype, i, (float)(i % 3 ? scale : -scale));
        ops_put((uint8_t *)m->memory[2] + 1, kind->scale_dtype, i, (float)ops_number());
    }
    m->w.group = kind->group;
    m->w.scale_dtype = kind->scale_dtype;
    m->w.scales = odd_address(m->memory[1]);
    m->w.zeros = odd_address(m->memory[2]);
}

/* Numbers at odd addresses: the file promises no alignment. */
static inline void ops_weight_make(ops_weight *m, int kind, int64_t rows, int64_t cols, bool bias) {
    const weight_kind *k = &weight_kinds[kind];
    memset(m, 0, sizeof *m);
    m->w = (i4_weight){.name = "w", .format = k->format, .rows = rows, .cols = cols, .slot = -1};
    const bool is_float = kind <= KIND_BF16;
    const i4_dtype dtype = kind == KIND_F32 ? I4_F32 : kind == KIND_F16 ? I4_F16 : I4_BF16;
    m->memory[0] = ops_block((size_t)(rows * cols) * 4);
    uint8_t *data = (uint8_t *)m->memory[0] + 1;
    for (int64_t i = 0; i < rows * cols; i++) {
        const uint8_t code = (uint8_t)ops_bits();
        if (is_float) {
            ops_put(data, dtype, i, (float)ops_number());
        } else { /* 4 bit: the upper half stays unused; fp8: no NaN here, nor very large ones */
            data[i] = k->format == I4_W_FP8 ? code & 0xbfu : code;
        }
    }
    m->w.data = data;
    if (k->group) {
        ops_affine(m, k);
    }
    float *scale = m->row_scale = ops_block((size_t)rows * sizeof(float));
    float *b = m->bias = ops_block((size_t)rows * sizeof(float));
    for (int64_t r = 0; r < rows; r++) {
        scale[r] = 1.0f + 0.3f * (float)ops_number();
        b[r] = (float)ops_number();
    }
    m->w.row_scale = k->format == I4_W_FP8 ? scale : NULL;
    m->w.bias = bias ? b : NULL;
}

static inline void ops_weight_free(ops_weight *m) {
    for (int i = 0; i < 3; i++) {
        free(m->memory[i]);
    }
    free(m->row_scale);
    free(m->bias);
}

/* --- the bench ---------------------------------------------------------------------------- */

typedef struct outcome {
    char label[64];
    i4_dtype dtype;
    int64_t count;
    double *value;
} outcome;

typedef struct bench {
    i4_ctx *ctx;
    ops_weight weight[BENCH_WEIGHTS];
    int weights;
    outcome part[BENCH_PARTS];
    int parts;
} bench;

/* A weight that the bench's backend has prepared; it lives until the case ends. */
static inline i4_weight *bench_weight(bench *b, int kind, int64_t rows, int64_t cols, bool bias) {
    assert_true(b->weights < BENCH_WEIGHTS);
    ops_weight *m = &b->weight[b->weights++];
    ops_weight_make(m, kind, rows, cols, bias);
    i4_err err = {0};
    const i4_backend *backend = b->ctx->backend;
    assert_true(backend->weight_load == NULL || backend->weight_load(b->ctx->state, &m->w, &err));
    return &m->w;
}

static inline i4_weight *bench_conv(bench *b, int kind, int64_t out, int64_t in, int kernel,
                                    bool bias) {
    i4_weight *w = bench_weight(b, kind, out, in * kernel * kernel, bias);
    w->kernel = kernel;
    return w;
}

static inline i4_tensor bench_upload(bench *b, i4_dtype dtype, int rank, int64_t d0, int64_t d1,
                                     int64_t d2, const float *numbers) {
    const int64_t count = d0 * d1 * d2;
    void *packed = ops_block((size_t)count * i4_dtype_size(dtype));
    for (int64_t i = 0; i < count; i++) {
        ops_put(packed, dtype, i, numbers[i]);
    }
    i4_tensor t = i4_upload(b->ctx, dtype, rank, d0, d1, d2, packed);
    free(packed);
    return t;
}

static inline i4_tensor bench_numbers(bench *b, i4_dtype dtype, int rank, int64_t d0, int64_t d1,
                                      int64_t d2, double mean, double deviation) {
    float *numbers = ops_block((size_t)(d0 * d1 * d2) * sizeof(float));
    for (int64_t i = 0; i < d0 * d1 * d2; i++) {
        numbers[i] = ops_rounded(mean + deviation * ops_number());
    }
    i4_tensor t = bench_upload(b, dtype, rank, d0, d1, d2, numbers);
    free(numbers);
    return t;
}

static inline i4_tensor bench_matrix(bench *b, i4_dtype dtype, int64_t rows, int64_t cols) {
    return bench_numbers(b, dtype, 2, rows, cols, 1, 0.0, 1.0);
}

static inline i4_tensor bench_vector(bench *b, int64_t count) {
    return bench_numbers(b, I4_F32, 1, count, 1, 1, 1.0, 0.3);
}

/* Keeps the numbers of a result for the comparison. */
static inline void bench_give(bench *b, const char *label, i4_tensor t) {
    assert_true(b->parts < BENCH_PARTS);
    if (!i4_ctx_ok(b->ctx)) {
        fail_msg("%s: %s", label, b->ctx->err.text);
    }
    assert_int_not_equal(t.rank, 0);
    outcome *p = &b->part[b->parts++];
    p->dtype = t.dtype;
    p->count = i4_rows_of(t) * i4_cols_of(t);
    snprintf(p->label, sizeof p->label, "%s", label);
    void *raw = ops_block((size_t)p->count * i4_dtype_size(t.dtype));
    p->value = ops_block((size_t)p->count * sizeof(double));
    i4_download(b->ctx, t, raw);
    for (int64_t i = 0; i < p->count; i++) {
        p->value[i] = t.dtype == I4_F32    ? (double)((const float *)raw)[i]
                      : t.dtype == I4_BF16 ? (double)i4_from_bf16(((const uint16_t *)raw)[i])
                      : t.dtype == I4_I32  ? (double)((const int32_t *)raw)[i]
                                           : (double)((const uint8_t *)raw)[i];
    }
    free(raw);
}

static inline void bench_clear(bench *b) {
    for (int i = 0; i < b->weights; i++) {
        if (b->ctx->backend->weight_free != NULL) {
            b->ctx->backend->weight_free(b->ctx->state, &b->weight[i].w);
        }
        ops_weight_free(&b->weight[i]);
    }
    for (int i = 0; i < b->parts; i++) {
        free(b->part[i].value);
    }
    b->weights = b->parts = 0;
    b->ctx->adapters = NULL;
    b->ctx->adapter_slots = 0;
}

/* --- comparison --------------------------------------------------------------------------- */

static inline bool same_kind(double a, double b) {
    return (isnan(a) && isnan(b)) || (isinf(a) && isinf(b) && (a > 0.0) == (b > 0.0)) ||
           (isfinite(a) && isfinite(b));
}

/* Relative L2 error within tolerance, and no single element far off. Returns the error. */
static inline double compare_part(const outcome *got, const outcome *want, double tolerance,
                                  const char *where) {
    double power = 0.0, error = 0.0;
    assert_int_equal(got->count, want->count);
    for (int64_t i = 0; i < want->count; i++) {
        if (!same_kind(got->value[i], want->value[i])) {
            fail_msg("%s, %s: element %lld is %g instead of %g", where, got->label, (long long)i,
                     got->value[i], want->value[i]);
        }
        if (isfinite(want->value[i])) {
            const double d = got->value[i] - want->value[i];
            power += want->value[i] * want->value[i];
            error += d * d;
        }
    }
    const double floor = 1e-30; /* below, bf16 has few bits left */
    const double relative = power > 0.0 ? sqrt(error) / (sqrt(power) + floor) : sqrt(error);
    const double scale = sqrt(power / (double)want->count) + floor;
    for (int64_t i = 0; i < want->count; i++) {
        const double d = fabs(got->value[i] - want->value[i]);
        if (isfinite(d) && d > 4.0 * tolerance * fabs(want->value[i]) + 8.0 * tolerance * scale) {
            fail_msg("%s, %s: element %lld is %.9g instead of %.9g", where, got->label,
                     (long long)i, got->value[i], want->value[i]);
        }
    }
    if (!(relative <= tolerance)) {
        fail_msg("%s, %s: relative error %g, allowed %g", where, got->label, relative, tolerance);
    }
    return relative;
}

#endif
