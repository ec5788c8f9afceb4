/* A backend for tests only: every op of backend.h straight from its sentence there, as plain loops
 * in double over a copy of the result, stored at the end. Slow, without regard to memory; it is
 * what the scalar backend is judged by. Include after cmocka.h. */
#ifndef ID4_TESTS_PLAIN_BACKEND_H
#define ID4_TESTS_PLAIN_BACKEND_H

#include "tensor/backend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline double plain_get(i4_tensor t, int64_t row, int64_t col) {
    const int64_t i = row * t.row_stride + col;
    switch (t.dtype) {
    case I4_F32:
        return (double)((const float *)t.data)[i];
    case I4_BF16:
        return (double)i4_from_bf16(((const uint16_t *)t.data)[i]);
    case I4_F16:
        return (double)i4_from_f16(((const uint16_t *)t.data)[i]);
    case I4_I32:
        return (double)((const int32_t *)t.data)[i];
    default:
        return (double)((const uint8_t *)t.data)[i];
    }
}

static inline void plain_set(i4_tensor t, int64_t row, int64_t col, double value) {
    const int64_t i = row * t.row_stride + col;
    switch (t.dtype) {
    case I4_F32:
        ((float *)t.data)[i] = (float)value;
        break;
    case I4_BF16:
        ((uint16_t *)t.data)[i] = i4_to_bf16((float)value);
        break;
    case I4_F16:
        ((uint16_t *)t.data)[i] = i4_to_f16((float)value);
        break;
    case I4_I32:
        ((int32_t *)t.data)[i] = (int32_t)value;
        break;
    default:
        ((uint8_t *)t.data)[i] = (uint8_t)value;
    }
}

static inline double *plain_numbers(int64_t count) {
    double *p = calloc((size_t)count + 1, sizeof *p);
    assert_non_null(p);
    return p;
}

/* Rows and columns of a tensor as doubles; owned. */
static inline double *plain_matrix(i4_tensor t) {
    const int64_t rows = i4_rows_of(t), cols = i4_cols_of(t);
    double *m = plain_numbers(rows * cols);
    for (int64_t i = 0; i < rows * cols; i++) {
        m[i] = plain_get(t, i / cols, i % cols);
    }
    return m;
}

static inline double *plain_weight(const i4_weight *w) {
    double *m = plain_numbers(w->rows * w->cols);
    float *row = calloc((size_t)w->cols, sizeof *row);
    assert_non_null(row);
    for (int64_t r = 0; r < w->rows; r++) {
        i4_weight_row(w, r, 0, w->cols, row);
        for (int64_t c = 0; c < w->cols; c++) {
            m[r * w->cols + c] = (double)row[c];
        }
    }
    free(row);
    return m;
}

static inline double plain_silu(double x) {
    return x / (1.0 + exp(-x));
}

/* --- products ----------------------------------------------------------------------------- */

/* [T, O] of x [T, I] and w [O, I]; owned */
static inline double *plain_product(const double *x, int64_t tokens, const i4_weight *weight) {
    double *w = plain_weight(weight), *y = plain_numbers(tokens * weight->rows);
    for (int64_t t = 0; t < tokens; t++) {
        for (int64_t o = 0; o < weight->rows; o++) {
            for (int64_t i = 0; i < weight->cols; i++) {
                y[t * weight->rows + o] += x[t * weight->cols + i] * w[o * weight->cols + i];
            }
        }
    }
    free(w);
    return y;
}

static inline void plain_linear(const i4_op *op, double *out) {
    const i4_weight *w = op->weight[0];
    const int64_t tokens = i4_rows_of(op->in[0]), count = tokens * w->rows;
    double *x = plain_matrix(op->in[0]), *y = plain_product(x, tokens, w);
    double *u = op->kind == I4_OP_LINEAR_SWIGLU ? plain_product(x, tokens, op->weight[1]) : NULL;
    for (int64_t i = 0; i < count; i++) {
        if (op->kind == I4_OP_LINEAR_ADD) {
            out[i] += (double)op->scale * y[i];
        } else if (op->kind == I4_OP_LINEAR_SWIGLU) {
            out[i] = plain_silu(y[i]) * u[i];
        } else {
            out[i] = y[i] + (w->bias != NULL ? (double)w->bias[i % w->rows] : 0.0);
        }
    }
    free(x);
    free(y);
    free(u);
}

static inline void plain_embed(const i4_op *op, double *out) {
    const int64_t width = op->weight[0]->cols;
    double *table = plain_weight(op->weight[0]);
    for (int64_t t = 0; t < op->in[0].dim[0]; t++) {
        const int64_t id = ((const int32_t *)op->in[0].data)[t];
        memcpy(out + t * width, table + id * width, (size_t)width * sizeof *out);
    }
    free(table);
}

static inline void plain_conv(const i4_op *op, double *out) {
    const i4_tensor in = op->in[0];
    const int k = op->weight[0]->kernel, grow = op->up2 ? 2 : 1;
    const int64_t inputs = in.dim[2], outputs = op->out.dim[2], wide = op->out.dim[1];
    double *x = plain_matrix(in), *w = plain_weight(op->weight[0]);
    for (int64_t p = 0; p < op->out.dim[0] * wide; p++) {
        for (int64_t o = 0; o < outputs; o++) {
            const float *bias = op->weight[0]->bias;
            double sum = bias != NULL ? (double)bias[o] : 0.0;
            for (int tap = 0; tap < k * k; tap++) {
                const int64_t y = op->origin + p / wide + tap / k;
                const int64_t c = p % wide + tap % k - (k - 1) / 2;
                if (y < 0 || c < 0 || y >= in.dim[0] * grow || c >= in.dim[1] * grow) {
                    continue;
                }
                const double *from = x + (y / grow * in.dim[1] + c / grow) * inputs;
                for (int64_t i = 0; i < inputs; i++) {
                    sum += from[i] * w[(o * k * k + tap) * inputs + i];
                }
            }
            out[p * outputs + o] = sum;
        }
    }
    free(x);
    free(w);
}

/* --- attention ---------------------------------------------------------------------------- */

static inline void plain_attention(const i4_op *op, double *out) {
    const int64_t d = op->head_dim, tokens = i4_rows_of(op->in[0]), keys = i4_rows_of(op->in[1]);
    double *q = plain_matrix(op->in[0]), *k = plain_matrix(op->in[1]);
    double *v = plain_matrix(op->in[2]), *p = plain_numbers(keys);
    for (int64_t t = 0; t < tokens; t++) {
        for (int64_t h = 0; h < op->heads; h++) {
            const double *qh = q + (t * op->heads + h) * d;
            const int64_t shared = h / (op->heads / op->kv_heads);
            const int64_t seen = op->causal ? t + 1 : keys;
            double top = -HUGE_VAL, sum = 0.0;
            for (int64_t u = 0; u < seen; u++) {
                p[u] = 0.0;
                for (int64_t i = 0; i < d; i++) {
                    p[u] += qh[i] * k[(u * op->kv_heads + shared) * d + i];
                }
                p[u] *= (double)op->scale;
                top = fmax(top, p[u]);
            }
            for (int64_t u = 0; u < seen; u++) {
                p[u] = exp(p[u] - top);
                sum += p[u];
            }
            for (int64_t i = 0; i < d; i++) {
                double o = 0.0;
                for (int64_t u = 0; u < seen; u++) {
                    o += p[u] / sum * v[(u * op->kv_heads + shared) * d + i];
                }
                out[(t * op->heads + h) * d + i] = o;
            }
        }
    }
    free(q);
    free(k);
    free(v);
    free(p);
}

static inline void plain_qk(const i4_op *op, double *out) {
    const int64_t d = op->head_dim, half = d / 2, cols = i4_cols_of(op->out);
    for (int64_t t = 0; t < i4_rows_of(op->out); t++) {
        for (int64_t h = 0; h < op->heads + op->kv_heads; h++) {
            double *x = out + t * cols + h * d, squares = 0.0;
            const i4_tensor gain = op->in[h < op->heads ? 0 : 1];
            for (int64_t i = 0; i < d; i++) {
                squares += x[i] * x[i];
            }
            const double root = sqrt(squares / (double)d + (double)op->eps);
            for (int64_t i = 0; i < half; i++) {
                const double a = x[i] / root * plain_get(gain, 0, i);
                const double b = x[i + half] / root * plain_get(gain, 0, i + half);
                const double c = plain_get(op->in[2], t, i), s = plain_get(op->in[2], t, i + half);
                x[i] = a * c - b * s;
                x[i + half] = b * c + a * s;
            }
        }
    }
}

/* --- norms -------------------------------------------------------------------------------- */

static inline void plain_norm(const i4_op *op, double *out) {
    const int64_t cols = i4_cols_of(op->in[0]);
    double *x = plain_matrix(op->in[0]);
    for (int64_t r = 0; r < i4_rows_of(op->in[0]); r++) {
        const double *row = x + r * cols;
        double mean = 0.0, variance = 0.0;
        for (int64_t c = 0; op->kind == I4_OP_LAYERNORM && c < cols; c++) {
            mean += row[c] / (double)cols;
        }
        for (int64_t c = 0; c < cols; c++) {
            variance += (row[c] - mean) * (row[c] - mean) / (double)cols;
        }
        for (int64_t c = 0; c < cols; c++) {
            const double y = (row[c] - mean) / sqrt(variance + (double)op->eps);
            const double before = op->kind == I4_OP_RESIDUAL_RMSNORM ? out[r * cols + c] : 0.0;
            out[r * cols + c] = before + y * plain_get(op->in[1], 0, c);
        }
    }
    free(x);
}

/* {count, mean, M2} of the old numbers and the new ones together, out of sums. */
static inline void plain_stats(const i4_op *op, double *out) {
    const i4_tensor x = op->in[0];
    const int64_t size = x.dim[2] / op->out.dim[0], pixels = x.dim[0] * x.dim[1];
    for (int64_t g = 0; g < op->out.dim[0]; g++) {
        double *s = out + g * 3, count = s[0], sum = s[0] * s[1];
        double squares = s[2] + s[0] * s[1] * s[1];
        for (int64_t i = 0; i < pixels * size; i++) {
            const double v = plain_get(x, i / size, g * size + i % size);
            count += 1.0;
            sum += v;
            squares += v * v;
        }
        s[0] = count;
        s[1] = sum / count;
        s[2] = squares - sum * sum / count;
    }
}

static inline void plain_groupnorm(const i4_op *op, double *out) {
    const i4_tensor x = op->in[0];
    const int64_t channels = x.dim[2], size = channels / op->in[1].dim[0];
    for (int64_t i = 0; i < x.dim[0] * x.dim[1] * channels; i++) {
        const int64_t c = i % channels, g = c / size;
        const double variance = plain_get(op->in[1], g, 2) / plain_get(op->in[1], g, 0);
        double y = plain_get(x, i / channels, c) - plain_get(op->in[1], g, 1);
        y /= sqrt(variance + (double)op->eps);
        y = y * plain_get(op->in[2], 0, c) + plain_get(op->in[3], 0, c);
        out[i] = op->mode == 1 ? plain_silu(y) : y;
    }
}

/* --- elements ----------------------------------------------------------------------------- */

static inline double plain_u8(double x) {
    return isnan(x) ? 0.0 : rint((fmin(fmax(x, -1.0), 1.0) + 1.0) * 127.5);
}

static inline double plain_element(const i4_op *op, int64_t r, int64_t c, double before) {
    const double x = plain_get(op->in[0], r, c);
    const bool has_second = op->in[1].data != NULL;
    const double g = (double)op->eps;
    switch (op->kind) {
    case I4_OP_SWIGLU:
        return plain_silu(x) * plain_get(op->in[1], r, c);
    case I4_OP_RESIDUAL:
        return before + x;
    case I4_OP_FOLD_GAIN:
        return (has_second ? plain_get(op->in[1], 0, c) : 1.0) *
               (op->mode == 0 ? 1.0 + x : tanh(x));
    case I4_OP_ACTIVATE:
        return op->mode == 0 ? plain_silu(x) : tanh(x);
    case I4_OP_TO_RGB8:
        return plain_u8(x);
    case I4_OP_CFG_EULER:
        return before + (double)op->scale *
                            (has_second ? g * x + (1.0 - g) * plain_get(op->in[1], r, c) : x);
    default:
        return x; /* COPY */
    }
}

static inline void plain_elements(const i4_op *op, double *out) {
    const int64_t cols = i4_cols_of(op->out);
    for (int64_t i = 0; i < i4_rows_of(op->out) * cols; i++) {
        out[i] = plain_element(op, i / cols, i % cols, out[i]);
    }
}

static inline void plain_interleave(const i4_op *op, double *out) {
    const int64_t cols = i4_cols_of(op->in[0]);
    for (int64_t i = 0; i < i4_rows_of(op->in[0]) * cols; i++) {
        out[i * op->count + op->index] = plain_get(op->in[0], i / cols, i % cols);
    }
}

static inline void plain_unpatchify(const i4_op *op, double *out) {
    const int64_t cols = i4_cols_of(op->in[0]), channels = cols / 4, gw = op->out.dim[1] / 2;
    for (int64_t i = 0; i < i4_rows_of(op->in[0]) * cols; i++) {
        const int64_t token = i / cols, j = i % cols;
        const int64_t y = token / gw * 2 + j / channels / 2, x = token % gw * 2 + j / channels % 2;
        out[(y * 2 * gw + x) * channels + j % channels] =
            plain_get(op->in[0], token, j) * plain_get(op->in[1], 0, j) +
            plain_get(op->in[2], 0, j);
    }
}

/* --- the backend -------------------------------------------------------------------------- */

static inline bool plain_run(void *state, const i4_op *op, i4_err *err) {
    (void)state, (void)err;
    typedef void (*plain_fn)(const i4_op *op, double *out);
    static const plain_fn table[I4_OP_COUNT] = {
        [I4_OP_EMBED] = plain_embed,           [I4_OP_LINEAR] = plain_linear,
        [I4_OP_LINEAR_ADD] = plain_linear,     [I4_OP_LINEAR_SWIGLU] = plain_linear,
        [I4_OP_RMSNORM] = plain_norm,          [I4_OP_LAYERNORM] = plain_norm,
        [I4_OP_RESIDUAL_RMSNORM] = plain_norm, [I4_OP_QK_NORM_ROPE] = plain_qk,
        [I4_OP_ATTENTION] = plain_attention,   [I4_OP_INTERLEAVE] = plain_interleave,
        [I4_OP_CONV2D] = plain_conv,           [I4_OP_GROUPNORM_STATS] = plain_stats,
        [I4_OP_GROUPNORM] = plain_groupnorm,   [I4_OP_UNPATCHIFY] = plain_unpatchify,
    };
    const int64_t cols = i4_cols_of(op->out);
    double *out = plain_matrix(op->out);
    (table[op->kind] != NULL ? table[op->kind] : plain_elements)(op, out);
    for (int64_t i = 0; i < i4_rows_of(op->out) * cols; i++) {
        plain_set(op->out, i / cols, i % cols, out[i]);
    }
    free(out);
    return true;
}

static inline bool plain_open(const i4_backend_options *options, void **state, i4_err *err) {
    (void)options, (void)err;
    *state = calloc(1, sizeof(i4_slab));
    return *state != NULL;
}

static inline bool plain_reserve(void *state, size_t bytes, i4_err *err) {
    return i4_slab_reserve(state, bytes, err);
}

static inline void plain_close(void *state) {
    plain_reserve(state, 0, NULL);
    free(state);
}

static inline void plain_caps(void *state, i4_caps *caps) {
    (void)state;
    *caps = (i4_caps){.name = "plain", .act = I4_F32, .threads = 1};
}

static inline void *plain_address(void *state, size_t offset) {
    return (char *)((i4_slab *)state)->block + offset;
}

static inline bool plain_flush(void *state, i4_err *err) {
    (void)state, (void)err;
    return true;
}

static const i4_backend plain_backend = {
    .abi = I4_BACKEND_ABI,
    .name = "plain",
    .open = plain_open,
    .close = plain_close,
    .caps = plain_caps,
    .reserve = plain_reserve,
    .address = plain_address,
    .upload = i4_host_upload,
    .download = i4_host_download,
    .run = plain_run,
    .flush = plain_flush,
};

#endif
