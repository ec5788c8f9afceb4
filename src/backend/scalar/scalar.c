/* The scalar backend: the meaning of every op, in plain float32 loops.
 *
 * One thread, no vector code, no blocking beyond what keeps the work space small. Rows are read
 * into float32, computed in a fixed order, rounded once when stored. Every other backend is judged
 * by this one, and this one by vectors of the reference implementations. */
#include "tensor/backend.h"

#include "base/memory.h"

#include <math.h>
#include <string.h>

enum { OUT_BLOCK = 64 };

typedef struct scalar {
    i4_slab slab;
} scalar;

static bool scalar_open(const i4_backend_options *options, void **state, i4_err *err) {
    (void)options;
    *state = i4_calloc(1, sizeof(scalar));
    return *state != NULL || i4_fail_memory(err, "the scalar backend", sizeof(scalar));
}

static bool scalar_reserve(void *state, size_t bytes, i4_err *err) {
    return i4_slab_reserve(&((scalar *)state)->slab, bytes, err);
}

static void scalar_close(void *state) {
    if (state != NULL) {
        scalar_reserve(state, 0, NULL);
        i4_free(state);
    }
}

static void scalar_caps(void *state, i4_caps *caps) {
    (void)state;
    *caps = (i4_caps){
        .name = "scalar", .detail = "scalar float32, 1 thread", .act = I4_F32, .threads = 1};
}

static void *scalar_address(void *state, size_t offset) {
    return (char *)((scalar *)state)->slab.block + offset;
}

static bool scalar_weight_load(void *state, i4_weight *w, i4_err *err) {
    (void)state, (void)w, (void)err;
    return true;
}

static void scalar_weight_free(void *state, i4_weight *w) {
    (void)state, (void)w;
}

static bool scalar_flush(void *state, i4_err *err) {
    (void)state, (void)err;
    return true;
}

/* --- access ------------------------------------------------------------------------------ */

static float get(i4_tensor t, int64_t row, int64_t col) {
    const int64_t at = row * t.row_stride + col;
    return t.dtype == I4_F32   ? ((const float *)t.data)[at]
           : t.dtype == I4_I32 ? (float)((const int32_t *)t.data)[at]
           : t.dtype == I4_U8  ? (float)((const uint8_t *)t.data)[at]
           : t.dtype == I4_F16 ? i4_from_f16(((const uint16_t *)t.data)[at])
                               : i4_from_bf16(((const uint16_t *)t.data)[at]);
}

static void put(i4_tensor t, int64_t row, int64_t col, float v) {
    const int64_t at = row * t.row_stride + col;
    if (t.dtype == I4_F32) {
        ((float *)t.data)[at] = v;
    } else if (t.dtype == I4_F16) {
        ((uint16_t *)t.data)[at] = i4_to_f16(v);
    } else {
        ((uint16_t *)t.data)[at] = i4_to_bf16(v);
    }
}

static float silu(float x) {
    return x / (1.0f + expf(-x));
}

/* --- products ---------------------------------------------------------------------------- */

/* Where the K inputs of output pixel or row r come from. */
typedef void (*gather_fn)(const i4_op *op, int64_t r, float *x);

static void gather_row(const i4_op *op, int64_t r, float *x) {
    for (int64_t i = 0; i < i4_cols_of(op->in[0]); i++) {
        x[i] = get(op->in[0], r, i);
    }
}

static void gather_patch(const i4_op *op, int64_t r, float *x) {
    const i4_tensor in = op->in[0];
    const int64_t width = op->out.dim[1], channels = in.dim[2];
    const int k = op->weight[0]->kernel, grow = op->up2 ? 2 : 1;
    for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
            const int64_t y = op->origin + r / width + i, c = r % width + j - (k - 1) / 2;
            const bool inside = y >= 0 && y < in.dim[0] * grow && c >= 0 && c < in.dim[1] * grow;
            for (int64_t n = 0; n < channels; n++) {
                *x++ = inside ? get(in, (y / grow) * in.dim[1] + c / grow, n) : 0.0f;
            }
        }
    }
}

/* acc[o] = sum over i, in order, of x[i]·w[first + o][i]; wt is the block transposed, [I, n]. */
static void product_row(const float *x, const float *wt, int64_t cols, int64_t n, float *acc) {
    memset(acc, 0, (size_t)n * sizeof *acc);
    for (int64_t i = 0; i < cols; i++) {
        const float xi = x[i], *w = wt + i * n;
        for (int64_t o = 0; o < n; o++) {
            acc[o] += xi * w[o];
        }
    }
}

static void transpose_block(const i4_weight *w, int64_t first, int64_t n, float *row, float *wt) {
    for (int64_t o = 0; o < n; o++) {
        i4_weight_row(w, first + o, 0, w->cols, row);
        for (int64_t i = 0; i < w->cols; i++) {
            wt[i * n + o] = row[i];
        }
    }
}

/* What is done with a block of finished sums of row r, columns [first, first + n). */
static void store_sums(const i4_op *op, int64_t r, int64_t first, int64_t n, const float *a,
                       const float *b) {
    const float *bias = op->weight[0]->bias;
    for (int64_t o = 0; o < n; o++) {
        const float v = op->kind == I4_OP_LINEAR_SWIGLU ? silu(a[o]) * b[o]
                        : op->kind == I4_OP_LINEAR_ADD
                            ? get(op->out, r, first + o) + op->scale * a[o]
                            : a[o] + (bias != NULL ? bias[first + o] : 0.0f);
        put(op->out, r, first + o, v);
    }
}

static bool products(const i4_op *op, gather_fn gather, i4_err *err) {
    const i4_weight *w = op->weight[0], *w2 = op->weight[1];
    const size_t cols = (size_t)w->cols;
    const size_t floats = cols * (2 + 2 * OUT_BLOCK) + 2 * OUT_BLOCK;
    float *x = i4_malloc(floats * sizeof(float));
    if (x == NULL) {
        return i4_fail_memory(err, "a matrix product", floats * sizeof(float));
    }
    float *row = x + cols, *wt = row + cols, *wt2 = wt + cols * OUT_BLOCK;
    float *a = wt2 + cols * OUT_BLOCK, *b = a + OUT_BLOCK;
    for (int64_t first = 0; first < w->rows; first += OUT_BLOCK) {
        const int64_t n = w->rows - first < OUT_BLOCK ? w->rows - first : OUT_BLOCK;
        transpose_block(w, first, n, row, wt);
        if (w2 != NULL) {
            transpose_block(w2, first, n, row, wt2);
        }
        for (int64_t r = 0; r < i4_rows_of(op->out); r++) {
            gather(op, r, x);
            product_row(x, wt, w->cols, n, a);
            if (w2 != NULL) {
                product_row(x, wt2, w->cols, n, b);
            }
            store_sums(op, r, first, n, a, b);
        }
    }
    i4_free(x);
    return true;
}

static bool op_linear(const i4_op *op, i4_err *err) {
    return products(op, gather_row, err);
}

static bool op_conv2d(const i4_op *op, i4_err *err) {
    return products(op, gather_patch, err);
}

static bool op_embed(const i4_op *op, i4_err *err) {
    const i4_weight *table = op->weight[0];
    float *row = i4_malloc((size_t)table->cols * sizeof(float));
    if (row == NULL) {
        return i4_fail_memory(err, "an embedding row", (size_t)table->cols * sizeof(float));
    }
    for (int64_t t = 0; t < op->in[0].dim[0]; t++) {
        i4_weight_row(table, ((const int32_t *)op->in[0].data)[t], 0, table->cols, row);
        for (int64_t c = 0; c < table->cols; c++) {
            put(op->out, t, c, row[c]);
        }
    }
    i4_free(row);
    return true;
}

/* --- attention --------------------------------------------------------------------------- */

static void attend(const i4_op *op, int64_t t, int head, float *score) {
    const i4_tensor q = op->in[0], k = op->in[1], v = op->in[2];
    const int d = op->head_dim, qc = head * d, kc = head * op->kv_heads / op->heads * d;
    const int64_t count = op->causal ? t + 1 : i4_rows_of(k);
    float top = -INFINITY, sum = 0.0f;
    for (int64_t u = 0; u < count; u++) {
        float s = 0.0f;
        for (int i = 0; i < d; i++) {
            s += get(q, t, qc + i) * get(k, u, kc + i);
        }
        score[u] = s * op->scale;
        top = fmaxf(top, score[u]);
    }
    for (int64_t u = 0; u < count; u++) {
        score[u] = expf(score[u] - top);
        sum += score[u];
    }
    for (int i = 0; i < d; i++) {
        float o = 0.0f;
        for (int64_t u = 0; u < count; u++) {
            o += score[u] * get(v, u, kc + i);
        }
        put(op->out, t, qc + i, o / sum);
    }
}

static bool op_attention(const i4_op *op, i4_err *err) {
    const size_t bytes = (size_t)i4_rows_of(op->in[1]) * sizeof(float);
    float *score = i4_malloc(bytes);
    if (score == NULL) {
        return i4_fail_memory(err, "attention scores", bytes);
    }
    for (int head = 0; head < op->heads; head++) {
        for (int64_t t = 0; t < i4_rows_of(op->in[0]); t++) {
            attend(op, t, head, score);
        }
    }
    i4_free(score);
    return true;
}

static void rotate_head(i4_tensor x, int64_t t, int64_t first, int d, i4_tensor gain,
                        i4_tensor table, float eps) {
    float mean = 0.0f;
    for (int i = 0; i < d; i++) {
        mean += get(x, t, first + i) * get(x, t, first + i);
    }
    const float inv = 1.0f / sqrtf(mean / (float)d + eps);
    for (int i = 0; i < d / 2; i++) {
        const float a = get(x, t, first + i) * inv * get(gain, 0, i);
        const float b = get(x, t, first + i + d / 2) * inv * get(gain, 0, i + d / 2);
        const float c = get(table, t, i), s = get(table, t, i + d / 2);
        put(x, t, first + i, a * c - b * s);
        put(x, t, first + i + d / 2, b * c + a * s);
    }
}

static bool op_qk_norm_rope(const i4_op *op, i4_err *err) {
    (void)err;
    const int d = op->head_dim;
    for (int64_t t = 0; t < i4_rows_of(op->out); t++) {
        for (int h = 0; h < op->heads + op->kv_heads; h++) {
            rotate_head(op->out, t, (int64_t)h * d, d, h < op->heads ? op->in[0] : op->in[1],
                        op->in[2], op->eps);
        }
    }
    return true;
}

/* --- norms and pointwise ----------------------------------------------------------------- */

/* Mean and 1/sqrt(mean of (x - mean)² + eps) of a row; mean 0 for RMS. */
static float row_scale(i4_tensor x, int64_t r, float eps, bool centred, float *mean) {
    const int64_t n = i4_cols_of(x);
    float m = 0.0f, s = 0.0f;
    for (int64_t c = 0; centred && c < n; c++) {
        m += get(x, r, c);
    }
    m /= (float)n;
    for (int64_t c = 0; c < n; c++) {
        const float d = get(x, r, c) - m;
        s += d * d;
    }
    *mean = m;
    return 1.0f / sqrtf(s / (float)n + eps);
}

static bool op_norm(const i4_op *op, i4_err *err) {
    (void)err;
    const bool adds = op->kind == I4_OP_RESIDUAL_RMSNORM;
    for (int64_t r = 0; r < i4_rows_of(op->in[0]); r++) {
        float mean = 0.0f;
        const float inv = row_scale(op->in[0], r, op->eps, op->kind == I4_OP_LAYERNORM, &mean);
        for (int64_t c = 0; c < i4_cols_of(op->in[0]); c++) {
            const float v = (get(op->in[0], r, c) - mean) * inv * get(op->in[1], 0, c);
            put(op->out, r, c, adds ? get(op->out, r, c) + v : v);
        }
    }
    return true;
}

static float pointwise(const i4_op *op, int64_t r, int64_t c) {
    const float x = get(op->in[0], r, c);
    switch (op->kind) {
    case I4_OP_SWIGLU:
        return silu(x) * get(op->in[1], r, c);
    case I4_OP_RESIDUAL:
        return get(op->out, r, c) + x;
    case I4_OP_FOLD_GAIN: {
        const float w = op->in[1].data != NULL ? get(op->in[1], 0, c) : 1.0f;
        return op->mode == 0 ? w * (1.0f + x) : w * tanhf(x);
    }
    case I4_OP_ACTIVATE:
        return op->mode == 0 ? silu(x) : tanhf(x);
    case I4_OP_CFG_EULER: {
        const float g = op->eps;
        const float v = op->in[1].data != NULL ? g * x + (1.0f - g) * get(op->in[1], r, c) : x;
        return get(op->out, r, c) + v * op->scale;
    }
    default:
        return x;
    }
}

static bool op_pointwise(const i4_op *op, i4_err *err) {
    (void)err;
    for (int64_t r = 0; r < i4_rows_of(op->out); r++) {
        for (int64_t c = 0; c < i4_cols_of(op->out); c++) {
            put(op->out, r, c, pointwise(op, r, c));
        }
    }
    return true;
}

static bool op_copy(const i4_op *op, i4_err *err) {
    if (op->in[0].dtype != op->out.dtype) {
        return op_pointwise(op, err);
    }
    const size_t size = i4_dtype_size(op->out.dtype);
    for (int64_t r = 0; r < i4_rows_of(op->out); r++) {
        memmove((char *)op->out.data + (size_t)(r * op->out.row_stride) * size,
                (const char *)op->in[0].data + (size_t)(r * op->in[0].row_stride) * size,
                (size_t)i4_cols_of(op->out) * size);
    }
    return true;
}

static bool op_interleave(const i4_op *op, i4_err *err) {
    (void)err;
    for (int64_t r = 0; r < i4_rows_of(op->in[0]); r++) {
        for (int64_t c = 0; c < i4_cols_of(op->in[0]); c++) {
            put(op->out, r, c * op->count + op->index, get(op->in[0], r, c));
        }
    }
    return true;
}

/* Mean and M2 of one group in this map, in double, merged with what is there (Chan et al. 1979). */
static bool op_groupnorm_stats(const i4_op *op, i4_err *err) {
    (void)err;
    const i4_tensor x = op->in[0], stats = op->out;
    const int64_t rows = i4_rows_of(x), size = i4_cols_of(x) / stats.dim[0];
    for (int64_t g = 0; g < stats.dim[0]; g++) {
        const double n = (double)(rows * size), n0 = (double)get(stats, g, 0);
        double mean = 0.0, m2 = 0.0;
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t c = 0; c < size; c++) {
                mean += (double)get(x, r, g * size + c);
            }
        }
        mean /= n;
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t c = 0; c < size; c++) {
                const double d = (double)get(x, r, g * size + c) - mean;
                m2 += d * d;
            }
        }
        const double mean0 = (double)get(stats, g, 1), delta = mean - mean0;
        put(stats, g, 0, (float)(n0 + n));
        put(stats, g, 1, (float)(mean0 + delta * n / (n0 + n)));
        put(stats, g, 2,
            (float)((double)get(stats, g, 2) + m2 + delta * delta * n0 * n / (n0 + n)));
    }
    return true;
}

static bool op_groupnorm(const i4_op *op, i4_err *err) {
    (void)err;
    const i4_tensor x = op->in[0], stats = op->in[1];
    const int64_t size = i4_cols_of(x) / stats.dim[0];
    for (int64_t r = 0; r < i4_rows_of(x); r++) {
        for (int64_t c = 0; c < i4_cols_of(x); c++) {
            const int64_t g = c / size;
            const float inv = 1.0f / sqrtf(get(stats, g, 2) / get(stats, g, 0) + op->eps);
            const float v = (get(x, r, c) - get(stats, g, 1)) * inv * get(op->in[2], 0, c) +
                            get(op->in[3], 0, c);
            put(op->out, r, c, op->mode == 1 ? silu(v) : v);
        }
    }
    return true;
}

static bool op_unpatchify(const i4_op *op, i4_err *err) {
    (void)err;
    const int64_t gw = op->out.dim[1] / 2, channels = op->out.dim[2];
    for (int64_t y = 0; y < op->out.dim[0]; y++) {
        for (int64_t x = 0; x < op->out.dim[1]; x++) {
            for (int64_t c = 0; c < channels; c++) {
                const int64_t j = ((y % 2) * 2 + x % 2) * channels + c;
                const float z = get(op->in[0], (y / 2) * gw + x / 2, j);
                put(op->out, y * op->out.dim[1] + x, c,
                    z * get(op->in[1], 0, j) + get(op->in[2], 0, j));
            }
        }
    }
    return true;
}

static bool op_to_rgb8(const i4_op *op, i4_err *err) {
    (void)err;
    uint8_t *out = op->out.data;
    for (int64_t r = 0; r < i4_rows_of(op->in[0]); r++) {
        for (int64_t c = 0; c < 3; c++) {
            const float x = get(op->in[0], r, c);
            const float v = isnan(x) ? -1.0f : fminf(fmaxf(x, -1.0f), 1.0f);
            out[r * 3 + c] = (uint8_t)rintf((v + 1.0f) * 127.5f);
        }
    }
    return true;
}

typedef bool (*op_fn)(const i4_op *op, i4_err *err);

static bool scalar_run(void *state, const i4_op *op, i4_err *err) {
    static const op_fn table[I4_OP_COUNT] = {
        [I4_OP_EMBED] = op_embed,
        [I4_OP_LINEAR] = op_linear,
        [I4_OP_LINEAR_ADD] = op_linear,
        [I4_OP_LINEAR_SWIGLU] = op_linear,
        [I4_OP_SWIGLU] = op_pointwise,
        [I4_OP_RMSNORM] = op_norm,
        [I4_OP_LAYERNORM] = op_norm,
        [I4_OP_RESIDUAL] = op_pointwise,
        [I4_OP_RESIDUAL_RMSNORM] = op_norm,
        [I4_OP_FOLD_GAIN] = op_pointwise,
        [I4_OP_QK_NORM_ROPE] = op_qk_norm_rope,
        [I4_OP_ATTENTION] = op_attention,
        [I4_OP_ACTIVATE] = op_pointwise,
        [I4_OP_INTERLEAVE] = op_interleave,
        [I4_OP_COPY] = op_copy,
        [I4_OP_CONV2D] = op_conv2d,
        [I4_OP_GROUPNORM_STATS] = op_groupnorm_stats,
        [I4_OP_GROUPNORM] = op_groupnorm,
        [I4_OP_UNPATCHIFY] = op_unpatchify,
        [I4_OP_TO_RGB8] = op_to_rgb8,
        [I4_OP_CFG_EULER] = op_pointwise,
    };
    (void)state;
    return table[op->kind](op, err);
}

const i4_backend i4_backend_scalar = {
    .abi = I4_BACKEND_ABI,
    .name = "scalar",
    .open = scalar_open,
    .close = scalar_close,
    .caps = scalar_caps,
    .reserve = scalar_reserve,
    .address = scalar_address,
    .weight_load = scalar_weight_load,
    .weight_free = scalar_weight_free,
    .upload = i4_host_upload,
    .download = i4_host_download,
    .run = scalar_run,
    .flush = scalar_flush,
};
