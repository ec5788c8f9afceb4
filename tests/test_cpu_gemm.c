/* The cpu backend's products (linear, linear_add, linear_swiglu, conv2d, embed) on every
 * instruction set this machine has, against plain loops in double over i4_weight_row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/cpu/cpu.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- random data -------------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t next_bits(void) {
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static float next_float(void) { /* uniform in [-1, 1) */
    return (float)((double)(int64_t)next_bits() * 0x1p-63);
}

static void *block(size_t size) {
    void *p = malloc(size ? size : 1);
    assert_non_null(p);
    return p;
}

static void put_number(uint8_t *p, i4_dtype dtype, int64_t index, float value) {
    if (dtype == I4_F32) {
        memcpy(p + 4 * index, &value, 4);
        return;
    }
    uint16_t h = dtype == I4_BF16 ? i4_to_bf16(value) : i4_to_f16(value);
    memcpy(p + 2 * index, &h, 2);
}

/* --- weights ------------------------------------------------------------------------------ */

typedef struct kind {
    i4_format format;
    int group;
    i4_dtype scale_dtype;
} kind;

static const kind kinds[] = {
    {I4_W_AFFINE8, 32, I4_BF16}, {I4_W_AFFINE8, 64, I4_BF16}, {I4_W_AFFINE8, 128, I4_F16},
    {I4_W_AFFINE4, 32, I4_F32},  {I4_W_AFFINE4, 64, I4_BF16}, {I4_W_AFFINE4, 128, I4_BF16},
    {I4_W_BF16, 0, I4_F32},      {I4_W_F16, 0, I4_F32},       {I4_W_F32, 0, I4_F32},
    {I4_W_FP8, 0, I4_F32},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

typedef struct weight {
    i4_weight w;
    uint8_t *memory[3];
    float *row_scale, *bias;
} weight;

/* At an odd address: the file promises no alignment. */
static uint8_t *odd_block(size_t size, uint8_t **memory) {
    *memory = block(size + 1);
    return *memory + 1;
}

static void fill_data(const kind *k, uint8_t *data, int64_t count) {
    bool is_float = k->format == I4_W_F32 || k->format == I4_W_F16 || k->format == I4_W_BF16;
    i4_dtype dtype = k->format == I4_W_F32 ? I4_F32 : k->format == I4_W_F16 ? I4_F16 : I4_BF16;
    int64_t bytes = k->format == I4_W_AFFINE4 ? count / 2 : count;
    for (int64_t i = 0; i < (is_float ? count : bytes); i++) {
        if (is_float) {
            put_number(data, dtype, i, next_float());
        } else {
            data[i] = (uint8_t)next_bits();
            if (k->format == I4_W_FP8 && (data[i] & 0x7f) == 0x7f) {
                data[i] = 0; /* no NaN here */
            }
        }
    }
}

static void weight_make(weight *out, const kind *k, int64_t rows, int64_t cols, bool bias) {
    memset(out, 0, sizeof *out);
    i4_weight *w = &out->w;
    *w = (i4_weight){.name = "w", .format = k->format, .rows = rows, .cols = cols, .slot = -1};
    w->group = k->group;
    w->scale_dtype = k->scale_dtype;
    uint8_t *data = odd_block((size_t)(rows * cols) * 4, &out->memory[0]);
    fill_data(k, data, rows * cols);
    w->data = data;
    if (k->group) {
        int64_t groups = rows * (cols / k->group);
        uint8_t *scales = odd_block((size_t)groups * 4, &out->memory[1]);
        uint8_t *zeros = odd_block((size_t)groups * 4, &out->memory[2]);
        for (int64_t i = 0; i < groups; i++) {
            put_number(scales, k->scale_dtype, i, next_float() * 0.01f);
            put_number(zeros, k->scale_dtype, i, next_float());
        }
        w->scales = scales;
        w->zeros = zeros;
    }
    out->row_scale = block((size_t)rows * sizeof(float));
    out->bias = block((size_t)rows * sizeof(float));
    for (int64_t r = 0; r < rows; r++) {
        out->row_scale[r] = next_float() * 0.1f;
        out->bias[r] = next_float();
    }
    w->row_scale = k->format == I4_W_FP8 ? out->row_scale : NULL;
    w->bias = bias ? out->bias : NULL;
}

static void weight_drop(weight *w) {
    for (int i = 0; i < 3; i++) {
        free(w->memory[i]);
    }
    free(w->row_scale);
    free(w->bias);
}

static double *weight_values(const weight *w) {
    double *values = block((size_t)(w->w.rows * w->w.cols) * sizeof *values);
    float *row = block((size_t)w->w.cols * sizeof *row);
    for (int64_t r = 0; r < w->w.rows; r++) {
        i4_weight_row(&w->w, r, 0, w->w.cols, row);
        for (int64_t c = 0; c < w->w.cols; c++) {
            values[r * w->w.cols + c] = (double)row[c];
        }
    }
    free(row);
    return values;
}

/* --- tensors ------------------------------------------------------------------------------ */

/* A view of `cols` columns in the middle of a wider tensor if gap > 0. */
typedef struct array {
    i4_tensor t;
    uint8_t *memory;
    size_t size;
} array;

static array array_make(i4_dtype dtype, int64_t rows, int64_t cols, int64_t gap) {
    array a = {.t = {.dtype = dtype, .rank = 2, .dim = {rows, cols, 1}, .place = -1}};
    a.t.row_stride = cols + 2 * gap;
    a.size = (size_t)(rows * a.t.row_stride) * i4_dtype_size(dtype);
    a.memory = block(a.size);
    for (int64_t i = 0; i < rows * a.t.row_stride; i++) {
        put_number(a.memory, dtype, i, next_float());
    }
    a.t.data = a.memory + (size_t)gap * i4_dtype_size(dtype);
    return a;
}

static double array_get(const array *a, int64_t row, int64_t col) {
    const uint8_t *p = a->t.data;
    int64_t i = row * a->t.row_stride + col;
    if (a->t.dtype == I4_F32) {
        return (double)((const float *)(const void *)p)[i];
    }
    return (double)i4_from_bf16(((const uint16_t *)(const void *)p)[i]);
}

/* Relative L2 error of a against expected [rows, cols]. squares: the least to take for the squared
 * norm, for results so few that they may all be small by cancellation. */
static double error_of(const array *a, const double *expected, double squares) {
    double difference = 0, norm = 0;
    int64_t rows = i4_rows_of(a->t), cols = i4_cols_of(a->t);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < cols; c++) {
            double e = expected[r * cols + c], d = array_get(a, r, c) - e;
            difference += d * d;
            norm += e * e;
        }
    }
    double error = sqrt(difference / fmax(norm, squares));
    return isnan(error) ? HUGE_VAL : error;
}

/* Everything outside the view is as it was. */
static void assert_gaps_untouched(const array *a, const uint8_t *before) {
    size_t item = i4_dtype_size(a->t.dtype);
    size_t row = (size_t)a->t.row_stride * item;
    size_t gap = (size_t)((uint8_t *)a->t.data - a->memory);
    size_t view = (size_t)i4_cols_of(a->t) * item;
    for (size_t r = 0; r < a->size; r += row) {
        assert_memory_equal(a->memory + r, before + r, gap);
        assert_memory_equal(a->memory + r + gap + view, before + r + gap + view, row - gap - view);
    }
}

/* --- running ------------------------------------------------------------------------------ */

static i4_cpu *open_with(const char *isa, int threads) {
    i4_backend_options options = {.threads = threads, .isa = isa};
    void *state = NULL;
    i4_err err = {0};
    assert_true(i4_backend_cpu.open(&options, &state, &err));
    return state;
}

static void run(i4_cpu *cpu, const i4_op *op) {
    i4_err err = {0};
    assert_true(i4_backend_cpu.run(cpu, op, &err));
}

/* What rounding allows: of the sums, of bf16 products where the set has them, of the result. */
static double tolerance(const i4_cpu *cpu, i4_dtype out) {
    double sums = cpu->gemm->item_bytes == sizeof(uint16_t) ? 4e-3 : 2e-6;
    return sums + (out == I4_BF16 ? 2.5e-3 : 0);
}

typedef void (*each_fn)(i4_cpu *cpu);

static void for_each_isa(each_fn fn) {
    for (int i = 0; i < I4_ISA_COUNT; i++) {
        if (i4_isa_usable((i4_isa)i)) {
            i4_cpu *cpu = open_with(i4_isa_name((i4_isa)i), 2);
            seed = 1;
            fn(cpu);
            i4_backend_cpu.close(cpu);
        }
    }
}

static double silu(double x) {
    return x / (1 + exp(-x));
}

/* Returns the sum of the squares of all terms. */
static double product(double *out, const array *x, const double *w, int64_t n) {
    int64_t m = i4_rows_of(x->t), k = i4_cols_of(x->t);
    double squares = 0;
    for (int64_t r = 0; r < m; r++) {
        for (int64_t c = 0; c < n; c++) {
            double sum = 0;
            for (int64_t t = 0; t < k; t++) {
                double term = array_get(x, r, t) * w[c * k + t];
                sum += term;
                squares += term * term;
            }
            out[r * n + c] = sum;
        }
    }
    return squares;
}

typedef struct shape {
    int64_t m, n, k;
} shape;

/* Half of the cases have strided operands; dtypes and bias vary with the number. */
static void check_linear(i4_cpu *cpu, const kind *k, shape s, int variant) {
    i4_dtype in = variant & 1 ? I4_BF16 : I4_F32, out = variant & 2 ? I4_BF16 : I4_F32;
    int64_t gap = variant & 4 ? 3 : 0;
    weight w;
    weight_make(&w, k, s.n, s.k, (variant & 8) != 0);
    array x = array_make(in, s.m, s.k, gap), y = array_make(out, s.m, s.n, gap);
    uint8_t *before = block(y.size);
    memcpy(before, y.memory, y.size);
    i4_op op = {.kind = I4_OP_LINEAR, .out = y.t, .in = {x.t}, .weight = {&w.w}};
    run(cpu, &op);

    double *values = weight_values(&w), *expected = block((size_t)(s.m * s.n) * sizeof(double));
    double squares = product(expected, &x, values, s.n);
    for (int64_t i = 0; w.w.bias && i < s.m * s.n; i++) {
        expected[i] += (double)w.bias[i % s.n];
    }
    double error = error_of(&y, expected, squares);
    if (!(error <= tolerance(cpu, out))) {
        print_error("%s %s group %d m %d n %d k %d variant %d: error %g\n", i4_isa_name(cpu->isa),
                    i4_format_name(k->format), k->group, (int)s.m, (int)s.n, (int)s.k, variant,
                    error);
    }
    assert_true(error <= tolerance(cpu, out));
    assert_gaps_untouched(&y, before);
    free(before);
    free(values);
    free(expected);
    free(x.memory);
    free(y.memory);
    weight_drop(&w);
}

static void linear_on(i4_cpu *cpu) {
    static const shape shapes[] = {{1, 1, 8},     {1, 130, 320}, {2, 3, 64},
                                   {7, 17, 96},   {33, 40, 128}, {300, 17, 320},
                                   {13, 130, 96}, {5, 33, 640},  {33, 17, 1152}};
    int variant = 0;
    for (int k = 0; k < KINDS; k++) {
        for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
            shape size = shapes[s];
            if (kinds[k].group) {
                size.k = (size.k + kinds[k].group - 1) / kinds[k].group * kinds[k].group;
            }
            check_linear(cpu, &kinds[k], size, variant);
            variant = (variant + 5) % 16;
        }
    }
}

static void cpu_gemm_linear_of_any_format_and_shape_equals_plain_sums(void **state) {
    (void)state;
    for_each_isa(linear_on);
}

/* More than one strip and one block of rows, and every dtype at one shape. */
static void linear_large_on(i4_cpu *cpu) {
    for (int variant = 0; variant < 16; variant++) {
        check_linear(cpu, &kinds[variant % KINDS], (shape){40, 50, 128}, variant);
    }
    check_linear(cpu, &kinds[1], (shape){300, 530, 64}, 8);
}

static void cpu_gemm_linear_of_many_tasks_equals_plain_sums(void **state) {
    (void)state;
    for_each_isa(linear_large_on);
}

/* Number of terms not a multiple of anything: convolutions with three channels have such. */
static void linear_odd_on(i4_cpu *cpu) {
    for (int64_t k = 1; k < 50; k += 3) {
        check_linear(cpu, &kinds[8], (shape){5, 19, k}, (int)k % 16);
        check_linear(cpu, &kinds[6], (shape){3, 35, 500 + k}, (int)k % 16);
    }
}

static void cpu_gemm_linear_of_odd_depth_equals_plain_sums(void **state) {
    (void)state;
    for_each_isa(linear_odd_on);
}

static void check_linear_add(i4_cpu *cpu, i4_dtype out) {
    weight w;
    weight_make(&w, &kinds[6], 70, 16, false);
    array x = array_make(I4_BF16, 37, 16, 0), y = array_make(out, 37, 70, 5);
    double *values = weight_values(&w), *expected = block(37 * 70 * sizeof(double));
    product(expected, &x, values, 70);
    for (int i = 0; i < 37 * 70; i++) {
        expected[i] = array_get(&y, i / 70, i % 70) + 0.75 * expected[i];
    }
    i4_op op = {.kind = I4_OP_LINEAR_ADD, .out = y.t, .in = {x.t}, .weight = {&w.w}};
    op.scale = 0.75f;
    run(cpu, &op);
    assert_true(error_of(&y, expected, 0) <= tolerance(cpu, out));
    free(values);
    free(expected);
    free(x.memory);
    free(y.memory);
    weight_drop(&w);
}

static void linear_add_on(i4_cpu *cpu) {
    check_linear_add(cpu, I4_F32);
    check_linear_add(cpu, I4_BF16);
}

static void cpu_gemm_linear_add_adds_the_scaled_product(void **state) {
    (void)state;
    for_each_isa(linear_add_on);
}

/* x is scaled so that silu is used over its whole range, extremes included. */
static void check_swiglu(i4_cpu *cpu, shape s, i4_dtype in, i4_dtype out) {
    weight gate, up;
    weight_make(&gate, &kinds[6], s.n, s.k, false);
    weight_make(&up, &kinds[1], s.n, s.k, false);
    array x = array_make(in, s.m, s.k, 0), y = array_make(out, s.m, s.n, 2);
    i4_op op = {.kind = I4_OP_LINEAR_SWIGLU, .out = y.t, .in = {x.t}};
    op.weight[0] = &gate.w;
    op.weight[1] = &up.w;
    run(cpu, &op);
    size_t bytes = (size_t)(s.m * s.n) * sizeof(double);
    double *g = block(bytes), *u = block(bytes);
    double *gate_values = weight_values(&gate), *up_values = weight_values(&up);
    product(g, &x, gate_values, s.n);
    product(u, &x, up_values, s.n);
    for (int64_t i = 0; i < s.m * s.n; i++) {
        g[i] = silu(g[i]) * u[i];
    }
    assert_true(error_of(&y, g, 0) <= 3 * tolerance(cpu, out));
    free(g);
    free(u);
    free(gate_values);
    free(up_values);
    free(x.memory);
    free(y.memory);
    weight_drop(&gate);
    weight_drop(&up);
}

static void swiglu_on(i4_cpu *cpu) {
    check_swiglu(cpu, (shape){3, 45, 64}, I4_F32, I4_F32);
    check_swiglu(cpu, (shape){37, 130, 128}, I4_BF16, I4_BF16);
    check_swiglu(cpu, (shape){30, 300, 576}, I4_BF16, I4_F32);
}

static void cpu_gemm_linear_swiglu_equals_the_formula(void **state) {
    (void)state;
    for_each_isa(swiglu_on);
}

/* A gate of ±1e4: silu is 0 or the identity, never NaN. */
static void swiglu_extremes_on(i4_cpu *cpu) {
    static const float gate_data[] = {1e4f, -1e4f, 50.0f, -50.0f, 0.0f};
    static const float up_data[] = {2.0f, 2.0f, 2.0f, 2.0f, 2.0f};
    static const double expected[] = {2e4, 0, 100, -100 * 1.9287498e-22, 0};
    i4_weight gate = {.name = "g", .format = I4_W_F32, .rows = 5, .cols = 1, .slot = -1};
    i4_weight up = gate;
    gate.data = (const uint8_t *)gate_data;
    up.data = (const uint8_t *)up_data;
    array x = array_make(I4_F32, 1, 1, 0), y = array_make(I4_F32, 1, 5, 0);
    *(float *)x.t.data = 1.0f;
    i4_op op = {.kind = I4_OP_LINEAR_SWIGLU, .out = y.t, .in = {x.t}, .weight = {&gate, &up}};
    run(cpu, &op);
    for (int i = 0; i < 5; i++) {
        double error = fabs(array_get(&y, 0, i) - expected[i]);
        assert_true(error <= 1e-30 + 4e-3 * fabs(expected[i]));
    }
    free(x.memory);
    free(y.memory);
}

static void cpu_gemm_linear_swiglu_of_huge_gates_is_finite(void **state) {
    (void)state;
    for_each_isa(swiglu_extremes_on);
}

/* --- convolution -------------------------------------------------------------------------- */

typedef struct picture {
    int64_t height, width, in, out;
    int kernel;
    bool up2;
    int origin;
    int64_t rows; /* of the result */
} picture;

static double naive_pixel(const array *x, const double *w, const picture *p, int64_t row,
                          int64_t col, int64_t o) {
    int64_t height = p->up2 ? 2 * p->height : p->height, width = p->up2 ? 2 * p->width : p->width;
    double sum = 0;
    for (int64_t i = 0; i < p->kernel; i++) {
        for (int64_t j = 0; j < p->kernel; j++) {
            int64_t y = p->origin + row + i, c = col + j - (p->kernel - 1) / 2;
            if (y < 0 || y >= height || c < 0 || c >= width) {
                continue;
            }
            int64_t pixel = p->up2 ? y / 2 * p->width + c / 2 : y * p->width + c;
            for (int64_t t = 0; t < p->in; t++) {
                int64_t term = (i * p->kernel + j) * p->in + t;
                sum += array_get(x, pixel, t) * w[o * p->kernel * p->kernel * p->in + term];
            }
        }
    }
    return sum;
}

static void check_conv(i4_cpu *cpu, const picture *p, const kind *k, i4_dtype in, i4_dtype out) {
    int64_t width = p->up2 ? 2 * p->width : p->width;
    weight w;
    weight_make(&w, k, p->out, p->kernel * p->kernel * p->in, true);
    w.w.kernel = p->kernel;
    array x = array_make(in, p->height * p->width, p->in, 0);
    array y = array_make(out, p->rows * width, p->out, 0);
    i4_op op = {.kind = I4_OP_CONV2D, .out = y.t, .in = {x.t}, .weight = {&w.w}};
    op.in[0].rank = op.out.rank = 3;
    op.in[0].dim[0] = p->height;
    op.in[0].dim[1] = p->width;
    op.in[0].dim[2] = p->in;
    op.out.dim[0] = p->rows;
    op.out.dim[1] = width;
    op.out.dim[2] = p->out;
    op.up2 = p->up2;
    op.origin = p->origin;
    run(cpu, &op);
    double *values = weight_values(&w);
    double *expected = block((size_t)(p->rows * width * p->out) * sizeof(double));
    for (int64_t i = 0; i < p->rows * width * p->out; i++) {
        int64_t pixel = i / p->out, o = i % p->out;
        expected[i] =
            naive_pixel(&x, values, p, pixel / width, pixel % width, o) + (double)w.bias[o];
    }
    double error = error_of(&y, expected, 0);
    if (!(error <= tolerance(cpu, out))) {
        print_error("%s conv %dx%d %d->%d k%d up %d origin %d: error %g\n", i4_isa_name(cpu->isa),
                    (int)p->height, (int)p->width, (int)p->in, (int)p->out, p->kernel, p->up2,
                    p->origin, error);
    }
    assert_true(error <= tolerance(cpu, out));
    free(values);
    free(expected);
    free(x.memory);
    free(y.memory);
    weight_drop(&w);
}

static void conv_on(i4_cpu *cpu) {
    static const picture pictures[] = {
        {5, 7, 3, 5, 3, false, -1, 5},     /* whole, three channels */
        {4, 6, 32, 3, 3, false, -1, 4},    /* to three channels */
        {1, 1, 8, 9, 3, false, -1, 1},     /* all border */
        {2, 1, 5, 2, 3, false, -1, 2},     /* one column */
        {3, 5, 48, 40, 1, false, 0, 3},    /* 1x1 */
        {3, 4, 16, 17, 3, true, -1, 6},    /* upsampled */
        {3, 5, 6, 7, 1, true, 0, 6},       /* 1x1 upsampled */
        {9, 11, 8, 33, 3, false, 2, 4},    /* a band inside */
        {9, 11, 8, 33, 3, false, 6, 2},    /* a band that ends at the last row */
        {6, 5, 8, 12, 3, false, 4, 3},     /* a band over the lower border */
        {6, 5, 8, 12, 3, true, 3, 5},      /* an upsampled band from an odd row */
        {4, 20, 128, 20, 3, false, -1, 4}, /* several blocks of terms */
    };
    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++) {
        i4_dtype in = i & 1 ? I4_BF16 : I4_F32, out = i & 2 ? I4_BF16 : I4_F32;
        check_conv(cpu, &pictures[i], &kinds[i % 3 == 0 ? 8 : 6], in, out);
        check_conv(cpu, &pictures[i], &kinds[7], out, in);
    }
}

static void cpu_gemm_conv2d_of_any_kind_equals_plain_sums(void **state) {
    (void)state;
    for_each_isa(conv_on);
}

/* --- embedding: also the exact meaning of every code --------------------------------------- */

static void assert_same_float(float a, float b) {
    if (isnan(a) || isnan(b)) {
        assert_true(isnan(a) && isnan(b));
        return;
    }
    assert_memory_equal(&a, &b, sizeof a);
}

static void embed_on(i4_cpu *cpu) {
    int32_t ids[] = {3, 0, 12, 3};
    for (int k = 0; k < KINDS; k++) {
        weight w;
        weight_make(&w, &kinds[k], 13, 256, false);
        array y = array_make(I4_F32, 4, 256, 1);
        i4_op op = {.kind = I4_OP_EMBED, .out = y.t, .weight = {&w.w}};
        op.in[0] = (i4_tensor){.dtype = I4_I32, .rank = 1, .dim = {4, 1, 1}, .row_stride = 4};
        op.in[0].data = ids;
        run(cpu, &op);
        double *values = weight_values(&w), *expected = block(4 * 256 * sizeof(double));
        for (int i = 0; i < 4 * 256; i++) {
            expected[i] = values[ids[i / 256] * 256 + i % 256];
        }
        assert_true(error_of(&y, expected, 0) <= 1e-7);
        free(values);
        free(expected);
        free(y.memory);
        weight_drop(&w);
    }
}

static void cpu_gemm_embed_of_any_format_gives_the_rows(void **state) {
    (void)state;
    for_each_isa(embed_on);
}

static void check_codes(i4_cpu *cpu, i4_format format, int64_t cols, const uint8_t *data) {
    const float one = 1.0f;
    i4_weight w = {.name = "w", .format = format, .rows = 1, .cols = cols, .slot = -1};
    w.data = data;
    w.row_scale = &one;
    array y = array_make(I4_F32, 1, cols, 0), z = array_make(I4_BF16, 1, cols, 0);
    int32_t id = 0;
    i4_op op = {.kind = I4_OP_EMBED, .out = y.t, .weight = {&w}};
    op.in[0] = (i4_tensor){.dtype = I4_I32, .rank = 1, .dim = {1, 1, 1}, .row_stride = 1};
    op.in[0].data = &id;
    run(cpu, &op);
    op.out = z.t;
    run(cpu, &op);
    float *expected = block((size_t)cols * sizeof(float));
    i4_weight_row(&w, 0, 0, cols, expected);
    for (int64_t i = 0; i < cols; i++) {
        assert_same_float(((const float *)y.t.data)[i], expected[i]);
        uint16_t rounded = ((const uint16_t *)z.t.data)[i];
        assert_same_float(i4_from_bf16(rounded), i4_from_bf16(i4_to_bf16(expected[i])));
    }
    free(expected);
    free(y.memory);
    free(z.memory);
}

static void codes_on(i4_cpu *cpu) {
    enum { COUNT = 1 << 16 };
    uint16_t *halves = block(COUNT * sizeof *halves);
    uint32_t *floats = block(COUNT * sizeof *floats);
    uint8_t codes[256];
    for (int i = 0; i < COUNT; i++) {
        halves[i] = (uint16_t)i;
        floats[i] = (uint32_t)next_bits();
        codes[i % 256] = (uint8_t)i;
    }
    check_codes(cpu, I4_W_F16, COUNT, (const uint8_t *)halves);
    check_codes(cpu, I4_W_BF16, COUNT, (const uint8_t *)halves);
    check_codes(cpu, I4_W_F32, COUNT, (const uint8_t *)floats);
    check_codes(cpu, I4_W_FP8, 256, codes);
    free(halves);
    free(floats);
}

static void cpu_gemm_every_code_of_small_formats_has_its_exact_value(void **state) {
    (void)state;
    for_each_isa(codes_on);
}

/* --- threads ------------------------------------------------------------------------------ */

typedef struct job {
    weight a, b;
    array x, y;
    i4_op op;
} job;

static void job_make(job *j, i4_op_kind kind_of_op) {
    seed = 7;
    int64_t m = 300, n = 200, k = kind_of_op == I4_OP_CONV2D ? 9 * 64 : 640;
    weight_make(&j->a, &kinds[1], n, k, kind_of_op != I4_OP_LINEAR_SWIGLU);
    weight_make(&j->b, &kinds[4], n, k, false);
    j->x = array_make(I4_BF16, m, kind_of_op == I4_OP_CONV2D ? 64 : k, 0);
    j->y = array_make(I4_F32, m, n, 0);
    j->op = (i4_op){.kind = kind_of_op, .out = j->y.t, .in = {j->x.t}};
    j->op.weight[0] = &j->a.w;
    j->op.weight[1] = &j->b.w;
    j->op.scale = 0.5f;
    if (kind_of_op == I4_OP_CONV2D) {
        j->a.w.kernel = 3;
        j->op.origin = -1;
        j->op.in[0].rank = j->op.out.rank = 3;
        j->op.in[0].dim[0] = j->op.out.dim[0] = 20;
        j->op.in[0].dim[1] = j->op.out.dim[1] = 15;
        j->op.in[0].dim[2] = 64;
        j->op.out.dim[2] = n;
    }
}

static void job_drop(job *j) {
    weight_drop(&j->a);
    weight_drop(&j->b);
    free(j->x.memory);
    free(j->y.memory);
}

static void check_threads(i4_isa isa, i4_op_kind kind_of_op) {
    static const int threads[] = {1, 2, 3, 7};
    job first = {0};
    for (int i = 0; i < 4; i++) {
        job j;
        job_make(&j, kind_of_op);
        i4_cpu *cpu = open_with(i4_isa_name(isa), threads[i]);
        run(cpu, &j.op);
        i4_backend_cpu.close(cpu);
        if (i == 0) {
            first = j;
            continue;
        }
        assert_memory_equal(first.y.memory, j.y.memory, j.y.size);
        job_drop(&j);
    }
    job_drop(&first);
}

static void cpu_gemm_any_number_of_threads_gives_the_same_bytes(void **state) {
    (void)state;
    for (int i = 0; i < I4_ISA_COUNT; i++) {
        if (i4_isa_usable((i4_isa)i)) {
            check_threads((i4_isa)i, I4_OP_LINEAR);
            check_threads((i4_isa)i, I4_OP_LINEAR_ADD);
            check_threads((i4_isa)i, I4_OP_LINEAR_SWIGLU);
            check_threads((i4_isa)i, I4_OP_CONV2D);
        }
    }
}

/* --- the backend itself -------------------------------------------------------------------- */

static void cpu_gemm_open_without_an_instruction_set_fails_with_a_sentence(void **state) {
    (void)state;
    int missing = 0;
    for (int i = 0; i < I4_ISA_COUNT; i++) {
        if (i4_isa_usable((i4_isa)i)) {
            continue;
        }
        missing++;
        i4_backend_options options = {.threads = 1, .isa = i4_isa_name((i4_isa)i)};
        void *opened = NULL;
        i4_err err = {0};
        assert_false(i4_backend_cpu.open(&options, &opened, &err));
        assert_null(opened);
        assert_int_equal(err.status, I4_E_UNSUPPORTED);
        assert_non_null(strstr(err.text, options.isa));
    }
    assert_true(missing > 0); /* no machine has both avx2 and neon */
    i4_backend_options options = {.threads = 1, .isa = "sse9"};
    void *opened = NULL;
    i4_err err = {0};
    assert_false(i4_backend_cpu.open(&options, &opened, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
}

static void cpu_gemm_caps_tell_threads_and_scratch(void **state) {
    (void)state;
    i4_cpu *cpu = open_with("auto", 3);
    i4_caps caps;
    i4_backend_cpu.caps(cpu, &caps);
    assert_string_equal(caps.name, "cpu");
    assert_int_equal(caps.act, I4_BF16);
    assert_int_equal(caps.threads, 3);
    assert_true(caps.scratch_bytes >= 3 * (size_t)I4_CPU_SCRATCH_BYTES);
    assert_non_null(strstr(caps.detail, i4_isa_name(cpu->isa)));
    i4_backend_cpu.close(cpu);
}

static long calls_until_fault;

static bool fault(i4_fault_kind what, size_t bytes, void *user) {
    (void)what;
    (void)bytes;
    (void)user;
    return calls_until_fault-- == 0;
}

static void cpu_gemm_open_without_memory_fails_or_works_with_less(void **state) {
    (void)state;
    bool whole = false;
    for (long i = 0; !whole && i < 100; i++) {
        i4_backend_options options = {.threads = 3};
        void *opened = NULL;
        i4_err err = {0};
        calls_until_fault = i;
        i4_fault_set(fault, NULL);
        bool ok = i4_backend_cpu.open(&options, &opened, &err) &&
                  i4_backend_cpu.reserve(opened, 1000, &err);
        whole = calls_until_fault >= 0;
        i4_fault_set(NULL, NULL);
        assert_int_equal(ok, err.status == I4_E_OK);
        assert_int_equal(err.text[0] == '\0', ok);
        i4_backend_cpu.close(opened);
    }
    assert_true(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_gemm_linear_of_any_format_and_shape_equals_plain_sums),
        cmocka_unit_test(cpu_gemm_linear_of_many_tasks_equals_plain_sums),
        cmocka_unit_test(cpu_gemm_linear_of_odd_depth_equals_plain_sums),
        cmocka_unit_test(cpu_gemm_linear_add_adds_the_scaled_product),
        cmocka_unit_test(cpu_gemm_linear_swiglu_equals_the_formula),
        cmocka_unit_test(cpu_gemm_linear_swiglu_of_huge_gates_is_finite),
        cmocka_unit_test(cpu_gemm_conv2d_of_any_kind_equals_plain_sums),
        cmocka_unit_test(cpu_gemm_embed_of_any_format_gives_the_rows),
        cmocka_unit_test(cpu_gemm_every_code_of_small_formats_has_its_exact_value),
        cmocka_unit_test(cpu_gemm_any_number_of_threads_gives_the_same_bytes),
        cmocka_unit_test(cpu_gemm_open_without_an_instruction_set_fails_with_a_sentence),
        cmocka_unit_test(cpu_gemm_caps_tell_threads_and_scratch),
        cmocka_unit_test(cpu_gemm_open_without_memory_fails_or_works_with_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
