/* The backend that lets a second one, the judge, compute every op too, and compares.
 *
 * The judge works on packed copies of the operands in the same dtypes, taken before the first
 * backend runs: that one may write over its inputs, and updates need the result as it was. So an
 * error never adds to the next one; each op is judged alone. */
#include "base/checked.h"
#include "base/memory.h"
#include "tensor/wrap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- the judge's copy of an op ------------------------------------------------------------- */

typedef struct copies {
    i4_op op;
    void *block[5]; /* out, in0..in3 */
    size_t size[5];
    i4_weight weight[2];
    int loaded; /* weights to give back to the judge */
} copies;

static bool copy_tensor(copies *c, int index, i4_tensor from, i4_tensor *to, i4_err *err) {
    if (from.rank == 0 || from.data == NULL) {
        return true;
    }
    size_t size;
    if (!i4_mul_size((size_t)i4_rows_of(from), (size_t)i4_cols_of(from), &size) ||
        !i4_mul_size(size, i4_dtype_size(from.dtype), &size)) {
        return i4_fail_memory(err, "a copy of an operand", SIZE_MAX);
    }
    void *block = i4_block_new(size);
    if (!block) {
        return i4_fail_memory(err, "a copy of an operand", size);
    }
    c->block[index] = block;
    c->size[index] = size;
    i4_host_download(NULL, from, block);
    to->data = block;
    to->row_stride = i4_cols_of(from);
    to->place = -1;
    return true;
}

/* The first backend may have put its own form of a weight into it; the judge makes its own. */
static bool copy_weight(copies *c, int index, const i4_tee *tee, i4_err *err) {
    const i4_weight *from = c->op.weight[index];
    if (!from) {
        return true;
    }
    c->weight[index] = *from;
    c->weight[index].payload = NULL;
    c->op.weight[index] = &c->weight[index];
    if (tee->judge->weight_load &&
        !tee->judge->weight_load(tee->judge_state, &c->weight[index], err)) {
        return false;
    }
    c->loaded = index + 1;
    return true;
}

static bool copies_make(copies *c, const i4_tee *tee, const i4_op *op, i4_err *err) {
    *c = (copies){.op = *op};
    bool is_made = copy_tensor(c, 0, op->out, &c->op.out, err);
    for (int i = 0; is_made && i < 4; i++) {
        is_made = copy_tensor(c, i + 1, op->in[i], &c->op.in[i], err);
    }
    for (int i = 0; is_made && i < 2; i++) {
        is_made = copy_weight(c, i, tee, err);
    }
    return is_made;
}

static void copies_free(copies *c, const i4_tee *tee) {
    for (int i = 0; i < c->loaded; i++) {
        if (c->op.weight[i] && tee->judge->weight_free) {
            tee->judge->weight_free(tee->judge_state, &c->weight[i]);
        }
    }
    for (int i = 0; i < 5; i++) {
        i4_block_free(c->block[i], c->size[i]);
    }
}

/* --- comparison ---------------------------------------------------------------------------- */

static double element(i4_tensor t, int64_t row, int64_t column) {
    const char *base = t.data;
    const int64_t index = row * t.row_stride + column;
    union {
        float f32;
        uint16_t u16;
        int32_t i32;
        uint8_t u8;
    } v;
    memcpy(&v, base + (size_t)index * i4_dtype_size(t.dtype), i4_dtype_size(t.dtype));
    switch (t.dtype) {
    case I4_F32:
        return (double)v.f32;
    case I4_BF16:
        return (double)i4_from_bf16(v.u16);
    case I4_F16:
        return (double)i4_from_f16(v.u16);
    case I4_I32:
        return (double)v.i32;
    case I4_U8:
        break;
    }
    return (double)v.u8;
}

/* Relative L2 distance over columns first, first + step, …; absolute where the judge has only
 * zeros. Values that are not finite must be the same on both sides and are otherwise left out. */
static double distance(i4_tensor got, i4_tensor want, int64_t first, int64_t step) {
    double error = 0, norm = 0;
    for (int64_t r = 0; r < i4_rows_of(want); r++) {
        for (int64_t c = first; c < i4_cols_of(want); c += step) {
            const double a = element(got, r, c), b = element(want, r, c);
            if (isfinite(a) && isfinite(b)) {
                error += (a - b) * (a - b);
                norm += b * b;
            } else if (!(isnan(a) && isnan(b)) && !(isinf(a) && a == b)) {
                return (double)INFINITY;
            }
        }
    }
    return norm > 0 ? sqrt(error / norm) : sqrt(error);
}

static void add_shape(char *text, size_t size, const char *before, i4_tensor t) {
    const size_t used = strlen(text);
    if (t.rank == 1) {
        snprintf(text + used, size - used, "%s%lld", before, (long long)t.dim[0]);
    } else if (t.rank == 2) {
        snprintf(text + used, size - used, "%s%lldx%lld", before, (long long)t.dim[0],
                 (long long)t.dim[1]);
    } else if (t.rank == 3) {
        snprintf(text + used, size - used, "%s%lldx%lldx%lld", before, (long long)t.dim[0],
                 (long long)t.dim[1], (long long)t.dim[2]);
    }
}

static void describe(const i4_op *op, char *text, size_t size) {
    snprintf(text, size, "%s %d %s [", op->stage ? op->stage : "", op->layer, i4_op_name(op->kind));
    add_shape(text, size, "", op->out);
    for (int i = 0; i < 4; i++) {
        add_shape(text, size, i == 0 ? " from " : ", ", op->in[i]);
    }
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "]");
}

static void judge_result(i4_tee *tee, const i4_op *op, const i4_op *judged) {
    /* interleave leaves the other columns alone, which may never have been written */
    const bool is_sparse = op->kind == I4_OP_INTERLEAVE && op->count > 0;
    const double error =
        distance(op->out, judged->out, is_sparse ? op->index : 0, is_sparse ? op->count : 1);
    i4_tee_finding *found = &tee->found;
    if (error > found->worst[op->kind]) {
        found->worst[op->kind] = error;
    }
    if (error > tee->tolerance && !found->drifted) {
        found->drifted = true;
        found->first_kind = op->kind;
        found->first_error = error;
        describe(op, found->first_where, sizeof found->first_where);
    }
}

/* --- backend ------------------------------------------------------------------------------- */

static bool tee_run(void *state, const i4_op *op, i4_err *err) {
    i4_tee *tee = state;
    copies c = {0};
    const bool is_run =
        tee->inner->flush(tee->inner_state, err) && copies_make(&c, tee, op, err) &&
        tee->inner->run(tee->inner_state, op, err) && tee->inner->flush(tee->inner_state, err) &&
        tee->judge->run(tee->judge_state, &c.op, err) && tee->judge->flush(tee->judge_state, err);
    if (is_run) {
        judge_result(tee, op, &c.op);
    }
    copies_free(&c, tee);
    return is_run;
}

static void tee_caps(void *state, i4_caps *caps) {
    const i4_tee *tee = state;
    tee->inner->caps(tee->inner_state, caps);
}

static bool tee_reserve(void *state, size_t bytes, i4_err *err) {
    const i4_tee *tee = state;
    return tee->inner->reserve(tee->inner_state, bytes, err);
}

static void *tee_address(void *state, size_t offset) {
    const i4_tee *tee = state;
    return tee->inner->address(tee->inner_state, offset);
}

static bool tee_weight_load(void *state, i4_weight *w, i4_err *err) {
    const i4_tee *tee = state;
    return !tee->inner->weight_load || tee->inner->weight_load(tee->inner_state, w, err);
}

static void tee_weight_free(void *state, i4_weight *w) {
    const i4_tee *tee = state;
    if (tee->inner->weight_free) {
        tee->inner->weight_free(tee->inner_state, w);
    }
}

static void tee_upload(void *state, i4_tensor dst, const void *src) {
    const i4_tee *tee = state;
    tee->inner->upload(tee->inner_state, dst, src);
}

static void tee_download(void *state, i4_tensor src, void *dst) {
    const i4_tee *tee = state;
    tee->inner->download(tee->inner_state, src, dst);
}

static bool tee_flush(void *state, i4_err *err) {
    const i4_tee *tee = state;
    return tee->inner->flush(tee->inner_state, err);
}

const i4_backend i4_backend_tee = {
    .abi = I4_BACKEND_ABI,
    .name = "tee",
    .caps = tee_caps,
    .reserve = tee_reserve,
    .address = tee_address,
    .weight_load = tee_weight_load,
    .weight_free = tee_weight_free,
    .upload = tee_upload,
    .download = tee_download,
    .run = tee_run,
    .flush = tee_flush,
};
