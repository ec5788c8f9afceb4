/* What ops cost, and the backend that only counts it.
 *
 * FLOPs: products of matrices count exactly 2 for each multiply-add; ops that go over elements
 * count a fixed small number for each, good enough to see that they do not matter. Bytes: every
 * operand once, so a lower bound of the traffic. */
#include "tensor/wrap.h"

#include <string.h>

/* --- cost ---------------------------------------------------------------------------------- */

static bool is_present(i4_tensor t) {
    return t.rank > 0 && t.data != NULL;
}

static double elements(i4_tensor t) {
    return is_present(t) ? (double)i4_rows_of(t) * (double)i4_cols_of(t) : 0;
}

static double tensor_bytes(i4_tensor t) {
    return elements(t) * (double)i4_dtype_size(t.dtype);
}

/* Of one row with what is needed to decode it. */
static double weight_row_bytes(const i4_weight *w) {
    double bytes = (double)i4_weight_row_bytes(w);
    if (w->format == I4_W_AFFINE8 || w->format == I4_W_AFFINE4) {
        bytes += 2.0 * (double)(w->cols / w->group) * (double)i4_dtype_size(w->scale_dtype);
    } else if (w->format == I4_W_FP8) {
        bytes += sizeof(float);
    }
    return bytes + (w->bias ? sizeof(float) : 0);
}

static double matmul_flops(double rows, const i4_weight *w) {
    return w ? 2 * rows * (double)w->rows * (double)w->cols : 0;
}

static double attention_flops(const i4_op *op) {
    const double queries = (double)i4_rows_of(op->in[0]), keys = (double)i4_rows_of(op->in[1]);
    return 4 * queries * keys * op->heads * op->head_dim * (op->causal ? 0.5 : 1);
}

/* Only the columns of q and k are touched; v stays. */
static double qk_elements(const i4_op *op) {
    return (double)i4_rows_of(op->out) * (op->heads + op->kv_heads) * op->head_dim;
}

static double flops_of(const i4_op *op) {
    const double out = elements(op->out), in = elements(op->in[0]);
    switch (op->kind) {
    case I4_OP_LINEAR:
    case I4_OP_LINEAR_ADD:
    case I4_OP_LINEAR_SWIGLU:
    case I4_OP_CONV2D: /* one row for each place of the picture */
        return matmul_flops((double)i4_rows_of(op->out), op->weight[0]) +
               matmul_flops((double)i4_rows_of(op->out), op->weight[1]);
    case I4_OP_ATTENTION:
        return attention_flops(op);
    case I4_OP_QK_NORM_ROPE:
        return 7 * qk_elements(op);
    case I4_OP_SWIGLU:
        return 5 * out;
    case I4_OP_RMSNORM:
        return 4 * out;
    case I4_OP_LAYERNORM:
        return 7 * out;
    case I4_OP_RESIDUAL:
        return out;
    case I4_OP_RESIDUAL_RMSNORM:
        return 5 * out;
    case I4_OP_FOLD_GAIN:
        return 2 * out;
    case I4_OP_ACTIVATE:
        return 4 * out;
    case I4_OP_GROUPNORM_STATS:
        return 4 * in;
    case I4_OP_GROUPNORM:
        return (op->mode == 1 ? 8 : 4) * out;
    case I4_OP_UNPATCHIFY:
        return 2 * out;
    case I4_OP_TO_RGB8:
        return 4 * out;
    case I4_OP_CFG_EULER:
        return (is_present(op->in[1]) ? 5 : 2) * out;
    case I4_OP_EMBED:
    case I4_OP_INTERLEAVE:
    case I4_OP_COPY:
    case I4_OP_COUNT:
        break;
    }
    return 0;
}

/* Written, and for updates read before. */
static double out_bytes(const i4_op *op) {
    switch (op->kind) {
    case I4_OP_LINEAR_ADD:
    case I4_OP_RESIDUAL:
    case I4_OP_RESIDUAL_RMSNORM:
    case I4_OP_GROUPNORM_STATS:
    case I4_OP_CFG_EULER:
        return 2 * tensor_bytes(op->out);
    case I4_OP_QK_NORM_ROPE:
        return 2 * qk_elements(op) * (double)i4_dtype_size(op->out.dtype);
    case I4_OP_INTERLEAVE: /* every count-th column */
        return elements(op->in[0]) * (double)i4_dtype_size(op->out.dtype);
    default:
        return tensor_bytes(op->out);
    }
}

static double bytes_of(const i4_op *op) {
    double bytes = out_bytes(op);
    for (int i = 0; i < 4; i++) {
        bytes += tensor_bytes(op->in[i]);
    }
    for (int i = 0; i < 2; i++) {
        const i4_weight *w = op->weight[i];
        if (w) {
            const int64_t rows = op->kind == I4_OP_EMBED ? i4_rows_of(op->out) : w->rows;
            bytes += (double)rows * weight_row_bytes(w);
        }
    }
    return bytes;
}

i4_op_cost i4_op_cost_of(const i4_op *op) {
    return (i4_op_cost){.calls = 1, .flops = flops_of(op), .bytes = bytes_of(op)};
}

/* --- backend ------------------------------------------------------------------------------- */

static void measure_caps(void *state, i4_caps *caps) {
    *caps = ((const i4_measure *)state)->caps;
}

static bool measure_reserve(void *state, size_t bytes, i4_err *err) {
    (void)state, (void)bytes, (void)err;
    return true;
}

/* Never read. Not NULL at offset 0, for NULL means absent. */
static void *measure_address(void *state, size_t offset) {
    (void)state;
    return (void *)((uintptr_t)4096 + (uintptr_t)offset);
}

static void measure_upload(void *state, i4_tensor dst, const void *src) {
    (void)state, (void)dst, (void)src;
}

/* Zeros, so that code which looks at results finds something defined. */
static void measure_download(void *state, i4_tensor src, void *dst) {
    (void)state;
    memset(dst, 0, (size_t)i4_rows_of(src) * (size_t)i4_cols_of(src) * i4_dtype_size(src.dtype));
}

static bool measure_run(void *state, const i4_op *op, i4_err *err) {
    (void)err;
    i4_op_cost *sum = &((i4_measure *)state)->cost[op->kind];
    const i4_op_cost cost = i4_op_cost_of(op);
    sum->calls += cost.calls;
    sum->flops += cost.flops;
    sum->bytes += cost.bytes;
    return true;
}

static bool measure_flush(void *state, i4_err *err) {
    (void)state, (void)err;
    return true;
}

const i4_backend i4_backend_measure = {
    .abi = I4_BACKEND_ABI,
    .name = "measure",
    .caps = measure_caps,
    .reserve = measure_reserve,
    .address = measure_address,
    .upload = measure_upload,
    .download = measure_download,
    .run = measure_run,
    .flush = measure_flush,
};
