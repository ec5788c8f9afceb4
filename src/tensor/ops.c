/* The front of the tensor floor: shapes, places, errors, adapters. No arithmetic. */
#include "tensor/ops.h"

#include "base/checked.h"
#include "base/limits.h"

#include <stdint.h>
#include <string.h>

enum { PLACE_ALIGN = 256, SWIGLU_ADAPTER_ROWS = 512 };

const i4_tensor i4_none = {.rank = 0, .dim = {0, 0, 0}, .data = NULL, .place = -1};

const char *i4_op_name(i4_op_kind kind) {
    static const char *const names[I4_OP_COUNT] = {
#define X(name, text) text,
        I4_OP_LIST(X)
#undef X
    };
    return (unsigned)kind < I4_OP_COUNT ? names[kind] : "?";
}

static bool usable(i4_ctx *ctx, i4_op_kind kind, const i4_tensor *t, int count);

/* --- context, scopes, places ------------------------------------------------------------- */

bool i4_ctx_open(i4_ctx *ctx, const i4_backend *backend, void *state, size_t capacity,
                 i4_err *err) {
    memset(ctx, 0, sizeof *ctx);
    ctx->backend = backend;
    ctx->state = state;
    ctx->capacity = capacity;
    ctx->stage = "";
    backend->caps(state, &ctx->caps);
    return capacity == SIZE_MAX || backend->reserve(state, capacity, err);
}

void i4_ctx_reset(i4_ctx *ctx) {
    ctx->place_count = 0;
    ctx->scope = 0;
    ctx->used = 0;
    ctx->err.status = I4_E_OK;
    ctx->stage = "";
    ctx->layer = 0;
}

void i4_ctx_close(i4_ctx *ctx) {
    if (ctx->backend != NULL) {
        ctx->backend->reserve(ctx->state, 0, NULL);
    }
    memset(ctx, 0, sizeof *ctx);
}

bool i4_ctx_ok(const i4_ctx *ctx) {
    return ctx->err.status == I4_E_OK;
}

static i4_tensor fail(i4_ctx *ctx, i4_op_kind kind, const char *what) {
    if (i4_ctx_ok(ctx)) {
        i4_fail(&ctx->err, I4_E_INTERNAL, "%s in %s %d: %s; please report this defect",
                i4_op_name(kind), ctx->stage, ctx->layer, what);
    }
    return i4_none;
}

bool i4_layer(i4_ctx *ctx, const char *stage, int index, int count) {
    if (!i4_ctx_ok(ctx)) {
        return false;
    }
    ctx->stage = stage;
    ctx->layer = index;
    if (!ctx->backend->flush(ctx->state, &ctx->err)) {
        return false;
    }
    if (ctx->layer_fn != NULL && !ctx->layer_fn(stage, index, count, ctx->layer_user)) {
        return i4_fail(&ctx->err, I4_E_CANCELLED, "cancelled");
    }
    return true;
}

void i4_scope_begin(i4_ctx *ctx) {
    if (ctx->scope + 1 >= I4_CTX_SCOPES) {
        fail(ctx, I4_OP_COPY, "scopes nest too deep");
        return;
    }
    ctx->scope++;
}

static void place_free(i4_ctx *ctx, i4_place *p) {
    ctx->used -= p->size;
    p->scope = -1;
}

void i4_scope_end(i4_ctx *ctx) {
    for (int i = 0; i < ctx->place_count; i++) {
        if (ctx->place[i].scope == ctx->scope) {
            place_free(ctx, &ctx->place[i]);
        }
    }
    while (ctx->place_count > 0 && ctx->place[ctx->place_count - 1].scope < 0) {
        ctx->place_count--;
    }
    if (ctx->scope > 0) {
        ctx->scope--;
    }
}

void i4_drop(i4_ctx *ctx, i4_tensor t) {
    if (t.place >= 0 && t.place < ctx->place_count && ctx->place[t.place].scope >= 0) {
        place_free(ctx, &ctx->place[t.place]);
    }
}

void i4_keep(i4_ctx *ctx, i4_tensor t) {
    if (t.place >= 0 && t.place < ctx->place_count && ctx->place[t.place].scope > 0) {
        ctx->place[t.place].scope--;
    }
}

/* Lowest offset where `size` bytes touch no live place. The table is small (a few dozen), so the
 * plain search costs less than keeping it sorted. */
static bool place_find(const i4_ctx *ctx, size_t size, size_t *offset) {
    size_t at = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < ctx->place_count; i++) {
            const i4_place *p = &ctx->place[i];
            if (p->scope >= 0 && at < p->offset + p->size && p->offset < at + size) {
                at = p->offset + p->size;
                moved = true;
            }
        }
    }
    *offset = at;
    return size <= ctx->capacity && at <= ctx->capacity - size;
}

/* A free entry of the table, marked free: place_find must not see what it held before. */
static int place_slot(i4_ctx *ctx) {
    for (int i = 0; i < ctx->place_count; i++) {
        if (ctx->place[i].scope < 0) {
            return i;
        }
    }
    if (ctx->place_count == I4_CTX_PLACES) {
        return -1;
    }
    ctx->place[ctx->place_count].scope = -1;
    return ctx->place_count++;
}

i4_tensor i4_new(i4_ctx *ctx, i4_dtype dtype, int rank, int64_t d0, int64_t d1, int64_t d2) {
    if (!i4_ctx_ok(ctx)) {
        return i4_none;
    }
    i4_tensor t = {.dtype = dtype, .rank = rank, .dim = {d0, rank > 1 ? d1 : 1, rank > 2 ? d2 : 1}};
    t.row_stride = i4_cols_of(t);
    int64_t count = 0;
    size_t bytes = 0;
    if (d0 <= 0 || t.dim[1] <= 0 || t.dim[2] <= 0 || !i4_mul_i64(d0, t.dim[1], &count) ||
        !i4_mul_i64(count, t.dim[2], &count) || count > (int64_t)(SIZE_MAX / 16)) {
        return fail(ctx, I4_OP_COPY, "a tensor of an impossible size was asked for");
    }
    bytes = (size_t)count * i4_dtype_size(dtype);
    bytes = (bytes + PLACE_ALIGN - 1) / PLACE_ALIGN * PLACE_ALIGN;
    size_t offset = 0;
    const int slot = place_slot(ctx);
    if (slot < 0 || !place_find(ctx, bytes, &offset)) {
        i4_fail(&ctx->err, I4_E_OUT_OF_MEMORY,
                "the working memory of %zu bytes is too small for %s %d", ctx->capacity, ctx->stage,
                ctx->layer);
        return i4_none;
    }
    ctx->place[slot] = (i4_place){offset, bytes, ctx->scope};
    ctx->used += bytes;
    ctx->peak = offset + bytes > ctx->peak ? offset + bytes : ctx->peak;
    t.place = slot;
    t.data = ctx->backend->address(ctx->state, offset);
    return t;
}

static i4_tensor new_like(i4_ctx *ctx, i4_tensor t, i4_dtype dtype, int64_t cols) {
    return t.rank == 1   ? i4_new(ctx, dtype, 1, cols, 1, 1)
           : t.rank == 2 ? i4_new(ctx, dtype, 2, t.dim[0], cols, 1)
                         : i4_new(ctx, dtype, 3, t.dim[0], t.dim[1], cols);
}

i4_tensor i4_upload(i4_ctx *ctx, i4_dtype dtype, int rank, int64_t d0, int64_t d1, int64_t d2,
                    const void *src) {
    i4_tensor t = i4_new(ctx, dtype, rank, d0, d1, d2);
    if (t.rank != 0) {
        ctx->backend->upload(ctx->state, t, src);
    }
    return t;
}

void i4_download(i4_ctx *ctx, i4_tensor t, void *dst) {
    if (usable(ctx, I4_OP_COPY, &t, 1) && ctx->backend->flush(ctx->state, &ctx->err)) {
        ctx->backend->download(ctx->state, t, dst);
    }
}

i4_tensor i4_const(const float *data, int64_t count) {
    /* Ops only read constants; the tensor type has no const twin. */
    union {
        const float *in;
        void *out;
    } cast = {data};
    i4_tensor t = {.dtype = I4_F32,
                   .rank = 1,
                   .dim = {count, 1, 1},
                   .row_stride = count,
                   .data = cast.out,
                   .place = -1};
    return t;
}

/* --- views ------------------------------------------------------------------------------- */

static void *advance(i4_tensor t, int64_t elements) {
    return (void *)((uintptr_t)t.data + (uintptr_t)((size_t)elements * i4_dtype_size(t.dtype)));
}

i4_tensor i4_rows(i4_tensor t, int64_t first, int64_t count) {
    if (t.rank == 0 || first < 0 || count <= 0 || first + count > t.dim[0]) {
        return i4_none;
    }
    const int64_t step = t.rank == 1 ? 1 : t.rank == 2 ? t.row_stride : t.dim[1] * t.row_stride;
    t.data = advance(t, first * step);
    t.dim[0] = count;
    t.place = -1;
    return t;
}

i4_tensor i4_cols(i4_tensor t, int64_t first, int64_t count) {
    if (t.rank != 2 || first < 0 || count <= 0 || first + count > t.dim[1]) {
        return i4_none;
    }
    t.data = advance(t, first);
    t.dim[1] = count;
    t.place = -1;
    return t;
}

i4_tensor i4_reshape(i4_tensor t, int rank, int64_t d0, int64_t d1, int64_t d2) {
    if (t.rank == 0) {
        return i4_none;
    }
    const int64_t count = i4_rows_of(t) * i4_cols_of(t);
    i4_tensor r = t;
    r.rank = rank;
    r.dim[0] = d0;
    r.dim[1] = rank > 1 ? d1 : 1;
    r.dim[2] = rank > 2 ? d2 : 1;
    r.row_stride = i4_cols_of(r);
    const bool packed = t.row_stride == i4_cols_of(t);
    return packed && r.dim[0] * r.dim[1] * r.dim[2] == count ? r : i4_none;
}

/* --- running ----------------------------------------------------------------------------- */

static void run(i4_ctx *ctx, i4_op *op) {
    if (!i4_ctx_ok(ctx)) {
        return;
    }
    op->stage = ctx->stage;
    op->layer = ctx->layer;
    ctx->backend->run(ctx->state, op, &ctx->err);
}

static bool usable(i4_ctx *ctx, i4_op_kind kind, const i4_tensor *t, int count) {
    if (!i4_ctx_ok(ctx)) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (t[i].rank == 0 || t[i].data == NULL) {
            fail(ctx, kind, "an operand is missing or a view lies outside its tensor");
            return false;
        }
    }
    return true;
}

static bool is_float(i4_tensor t) {
    return t.dtype == I4_F32 || t.dtype == I4_BF16;
}

static bool is_vector(i4_tensor t, int64_t count) {
    return t.dtype == I4_F32 && t.rank == 1 && t.dim[0] == count;
}

static bool same_shape(i4_tensor a, i4_tensor b) {
    return i4_rows_of(a) == i4_rows_of(b) && i4_cols_of(a) == i4_cols_of(b);
}

i4_tensor i4_embed(i4_ctx *ctx, i4_tensor ids, const i4_weight *table, i4_dtype dtype) {
    if (!usable(ctx, I4_OP_EMBED, &ids, 1)) {
        return i4_none;
    }
    if (ids.dtype != I4_I32 || ids.rank != 1) {
        return fail(ctx, I4_OP_EMBED, "ids must be a vector of int32");
    }
    i4_op op = {.kind = I4_OP_EMBED, .weight = {table}};
    op.in[0] = ids;
    op.out = i4_new(ctx, dtype, 2, ids.dim[0], table->cols, 1);
    run(ctx, &op);
    return op.out;
}

static const i4_lowrank *adapters_of(const i4_ctx *ctx, const i4_weight *w) {
    return ctx->adapters != NULL && w->slot >= 0 && w->slot < ctx->adapter_slots
               ? ctx->adapters[w->slot]
               : NULL;
}

static void add_lowrank(i4_ctx *ctx, i4_tensor out, i4_tensor x, const i4_lowrank *a) {
    for (; a != NULL && i4_ctx_ok(ctx); a = a->next) {
        i4_scope_begin(ctx);
        i4_op thin = {.kind = I4_OP_LINEAR, .weight = {a->down}};
        thin.in[0] = x;
        thin.out = i4_new(ctx, I4_F32, 2, i4_rows_of(x), a->down->rows, 1);
        run(ctx, &thin);
        i4_op add = {.kind = I4_OP_LINEAR_ADD, .weight = {a->up}, .scale = a->scale};
        add.in[0] = thin.out;
        add.out = i4_cols(out, a->first, a->up->rows);
        if (usable(ctx, I4_OP_LINEAR_ADD, &add.out, 1)) {
            run(ctx, &add);
        }
        i4_scope_end(ctx);
    }
}

void i4_linear_into(i4_ctx *ctx, i4_tensor out, i4_tensor x, const i4_weight *w) {
    i4_op op = {.kind = I4_OP_LINEAR, .weight = {w}};
    op.in[0] = x;
    op.out = out;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 1)) {
        return;
    }
    if (i4_cols_of(x) != w->cols || i4_cols_of(out) != w->rows ||
        i4_rows_of(x) != i4_rows_of(out) || !is_float(x) || !is_float(out) || x.rank != 2) {
        fail(ctx, op.kind, w->name);
        return;
    }
    run(ctx, &op);
    add_lowrank(ctx, out, x, adapters_of(ctx, w));
}

i4_tensor i4_linear_as(i4_ctx *ctx, i4_tensor x, const i4_weight *w, i4_dtype dtype) {
    i4_tensor out = i4_new(ctx, dtype, 2, i4_rows_of(x), w->rows, 1);
    i4_linear_into(ctx, out, x, w);
    return out;
}

i4_tensor i4_linear(i4_ctx *ctx, i4_tensor x, const i4_weight *w) {
    return i4_linear_as(ctx, x, w, ctx->caps.act);
}

static void swiglu(i4_ctx *ctx, i4_tensor out, i4_tensor g, i4_tensor u) {
    i4_op op = {.kind = I4_OP_SWIGLU};
    op.out = out;
    op.in[0] = g;
    op.in[1] = u;
    if (usable(ctx, op.kind, op.in, 2)) {
        run(ctx, &op);
    }
}

i4_tensor i4_linear_swiglu(i4_ctx *ctx, i4_tensor x, const i4_weight *gate, const i4_weight *up) {
    i4_op op = {.kind = I4_OP_LINEAR_SWIGLU, .weight = {gate, up}};
    op.in[0] = x;
    if (!usable(ctx, op.kind, op.in, 1)) {
        return i4_none;
    }
    if (x.rank != 2 || i4_cols_of(x) != gate->cols || up->cols != gate->cols ||
        up->rows != gate->rows || !is_float(x)) {
        return fail(ctx, op.kind, gate->name);
    }
    op.out = i4_new(ctx, ctx->caps.act, 2, x.dim[0], gate->rows, 1);
    if (adapters_of(ctx, gate) == NULL && adapters_of(ctx, up) == NULL) {
        run(ctx, &op);
        return op.out;
    }
    /* With adapters both products are needed apart; in row chunks, so that the working memory
     * stays what it is without them. */
    for (int64_t r = 0; r < x.dim[0] && i4_ctx_ok(ctx); r += SWIGLU_ADAPTER_ROWS) {
        const int64_t n = x.dim[0] - r < SWIGLU_ADAPTER_ROWS ? x.dim[0] - r : SWIGLU_ADAPTER_ROWS;
        i4_scope_begin(ctx);
        i4_tensor g = i4_linear(ctx, i4_rows(x, r, n), gate);
        i4_tensor u = i4_linear(ctx, i4_rows(x, r, n), up);
        swiglu(ctx, i4_rows(op.out, r, n), g, u);
        i4_scope_end(ctx);
    }
    return op.out;
}

static i4_tensor norm(i4_ctx *ctx, i4_op_kind kind, i4_tensor x, i4_tensor gain, float eps) {
    i4_op op = {.kind = kind, .eps = eps};
    op.in[0] = x;
    op.in[1] = gain;
    if (!usable(ctx, kind, op.in, 2)) {
        return i4_none;
    }
    if (!is_vector(gain, i4_cols_of(x)) || !is_float(x)) {
        return fail(ctx, kind, "the gain does not fit the rows");
    }
    op.out = new_like(ctx, x, ctx->caps.act, i4_cols_of(x));
    run(ctx, &op);
    return op.out;
}

i4_tensor i4_rmsnorm(i4_ctx *ctx, i4_tensor x, i4_tensor gain, float eps) {
    return norm(ctx, I4_OP_RMSNORM, x, gain, eps);
}

i4_tensor i4_layernorm(i4_ctx *ctx, i4_tensor x, i4_tensor gain, float eps) {
    return norm(ctx, I4_OP_LAYERNORM, x, gain, eps);
}

void i4_residual(i4_ctx *ctx, i4_tensor h, i4_tensor y) {
    i4_op op = {.kind = I4_OP_RESIDUAL};
    op.out = h;
    op.in[0] = y;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 1)) {
        return;
    }
    if (!same_shape(h, y) || !is_float(h) || !is_float(y)) {
        fail(ctx, op.kind, "shapes differ, or these are whole numbers");
        return;
    }
    run(ctx, &op);
}

void i4_residual_rmsnorm(i4_ctx *ctx, i4_tensor h, i4_tensor y, i4_tensor gain, float eps) {
    i4_op op = {.kind = I4_OP_RESIDUAL_RMSNORM, .eps = eps};
    op.out = h;
    op.in[0] = y;
    op.in[1] = gain;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 2)) {
        return;
    }
    if (!same_shape(h, y) || !is_vector(gain, i4_cols_of(y)) || !is_float(h) || !is_float(y)) {
        fail(ctx, op.kind, "shapes differ");
        return;
    }
    run(ctx, &op);
}

void i4_fold_gain_into(i4_ctx *ctx, i4_tensor out, i4_tensor w, i4_tensor m, i4_fold kind) {
    i4_op op = {.kind = I4_OP_FOLD_GAIN, .mode = (int)kind};
    op.out = out;
    op.in[0] = m;
    op.in[1] = w;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 1)) {
        return;
    }
    if (m.dtype != I4_F32 || out.dtype != I4_F32 || !same_shape(out, m) ||
        (w.data != NULL && !is_vector(w, i4_cols_of(m)))) {
        fail(ctx, op.kind, "the gain does not fit the modulation");
        return;
    }
    run(ctx, &op);
}

void i4_qk_norm_rope(i4_ctx *ctx, i4_tensor qkv, i4_tensor gq, i4_tensor gk, i4_tensor table,
                     int heads, int kv_heads, int head_dim, float eps) {
    i4_op op = {.kind = I4_OP_QK_NORM_ROPE,
                .eps = eps,
                .heads = heads,
                .kv_heads = kv_heads,
                .head_dim = head_dim};
    op.out = qkv;
    op.in[0] = gq;
    op.in[1] = gk;
    op.in[2] = table;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 3)) {
        return;
    }
    if (head_dim > I4_LIMIT_HEAD_DIM || head_dim % 2 != 0 || !is_float(qkv) ||
        !is_vector(gq, head_dim) || !is_vector(gk, head_dim) || table.dtype != I4_F32 ||
        i4_rows_of(table) != i4_rows_of(qkv) || i4_cols_of(table) != head_dim ||
        i4_cols_of(qkv) != (int64_t)(heads + 2 * kv_heads) * head_dim) {
        fail(ctx, op.kind, "shapes do not fit the heads");
        return;
    }
    run(ctx, &op);
}

i4_tensor i4_attention(i4_ctx *ctx, i4_tensor q, i4_tensor k, i4_tensor v, int heads, int kv_heads,
                       float scale, bool causal) {
    i4_op op = {.kind = I4_OP_ATTENTION,
                .heads = heads,
                .kv_heads = kv_heads,
                .scale = scale,
                .causal = causal};
    op.in[0] = q;
    op.in[1] = k;
    op.in[2] = v;
    if (!usable(ctx, op.kind, op.in, 3)) {
        return i4_none;
    }
    const int64_t width = i4_cols_of(q);
    if (heads <= 0 || kv_heads <= 0 || heads % kv_heads != 0 || width % heads != 0 ||
        width / heads > I4_LIMIT_HEAD_DIM || i4_cols_of(k) != width / heads * kv_heads ||
        !same_shape(k, v) || (causal && q.dim[0] != k.dim[0]) || q.dtype != k.dtype ||
        k.dtype != v.dtype || !is_float(q)) {
        return fail(ctx, op.kind, "shapes do not fit the heads");
    }
    op.head_dim = (int)(width / heads);
    op.out = i4_new(ctx, ctx->caps.act, 2, q.dim[0], width, 1);
    run(ctx, &op);
    return op.out;
}

i4_tensor i4_activate(i4_ctx *ctx, i4_tensor x, i4_activation kind) {
    i4_op op = {.kind = I4_OP_ACTIVATE, .mode = (int)kind};
    op.in[0] = x;
    if (!usable(ctx, op.kind, op.in, 1)) {
        return i4_none;
    }
    if (!is_float(x)) {
        return fail(ctx, op.kind, "whole numbers have no activation");
    }
    op.out = new_like(ctx, x, x.dtype, i4_cols_of(x));
    run(ctx, &op);
    return op.out;
}

void i4_interleave(i4_ctx *ctx, i4_tensor out, i4_tensor x, int index, int count) {
    i4_op op = {.kind = I4_OP_INTERLEAVE, .index = index, .count = count};
    op.out = out;
    op.in[0] = x;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 1)) {
        return;
    }
    if (index < 0 || index >= count || i4_cols_of(out) != i4_cols_of(x) * count ||
        i4_rows_of(out) != i4_rows_of(x) || !is_float(out) || !is_float(x)) {
        fail(ctx, op.kind, "shapes do not fit");
        return;
    }
    run(ctx, &op);
}

void i4_copy(i4_ctx *ctx, i4_tensor out, i4_tensor x) {
    i4_op op = {.kind = I4_OP_COPY};
    op.out = out;
    op.in[0] = x;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 1)) {
        return;
    }
    if (!same_shape(out, x) || (out.dtype != x.dtype && (!is_float(out) || !is_float(x)))) {
        fail(ctx, op.kind, "shapes differ, or whole numbers meet fractions");
        return;
    }
    run(ctx, &op);
}

i4_tensor i4_cast(i4_ctx *ctx, i4_tensor x, i4_dtype dtype) {
    if (!usable(ctx, I4_OP_COPY, &x, 1)) {
        return i4_none;
    }
    i4_tensor out = new_like(ctx, x, dtype, i4_cols_of(x));
    i4_copy(ctx, out, x);
    return out;
}

i4_tensor i4_conv2d_band(i4_ctx *ctx, i4_tensor x, const i4_weight *w, bool up2, int origin,
                         int64_t out_rows) {
    i4_op op = {.kind = I4_OP_CONV2D, .weight = {w}, .up2 = up2, .origin = origin};
    op.in[0] = x;
    if (!usable(ctx, op.kind, op.in, 1)) {
        return i4_none;
    }
    if (x.rank != 3 || x.row_stride != x.dim[2] || !is_float(x) ||
        w->cols != x.dim[2] * (int64_t)w->kernel * w->kernel) {
        return fail(ctx, op.kind, w->name);
    }
    op.out = i4_new(ctx, ctx->caps.act, 3, out_rows, up2 ? 2 * x.dim[1] : x.dim[1], w->rows);
    run(ctx, &op);
    return op.out;
}

i4_tensor i4_conv2d(i4_ctx *ctx, i4_tensor x, const i4_weight *w, bool up2) {
    return i4_conv2d_band(ctx, x, w, up2, -(w->kernel - 1) / 2, up2 ? 2 * x.dim[0] : x.dim[0]);
}

i4_tensor i4_groupnorm_stats_new(i4_ctx *ctx, int groups) {
    static const float zeros[3 * 256];
    if (groups <= 0 || groups > 256) {
        return fail(ctx, I4_OP_GROUPNORM_STATS, "1 to 256 groups are supported");
    }
    return i4_upload(ctx, I4_F32, 2, groups, 3, 1, zeros);
}

void i4_groupnorm_stats(i4_ctx *ctx, i4_tensor stats, i4_tensor x) {
    i4_op op = {.kind = I4_OP_GROUPNORM_STATS};
    op.out = stats;
    op.in[0] = x;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 1)) {
        return;
    }
    if (x.rank != 3 || !is_float(x) || i4_cols_of(x) % stats.dim[0] != 0 || stats.dim[1] != 3 ||
        stats.dtype != I4_F32) {
        fail(ctx, op.kind, "channels do not fit the groups");
        return;
    }
    run(ctx, &op);
}

void i4_groupnorm_into(i4_ctx *ctx, i4_tensor out, i4_tensor x, i4_tensor stats, i4_tensor gain,
                       i4_tensor bias, float eps, bool silu) {
    i4_op op = {.kind = I4_OP_GROUPNORM, .eps = eps, .mode = silu};
    op.out = out;
    op.in[0] = x;
    op.in[1] = stats;
    op.in[2] = gain;
    op.in[3] = bias;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 4)) {
        return;
    }
    const int64_t c = i4_cols_of(x);
    if (x.rank != 3 || !is_float(x) || !is_float(out) || !same_shape(out, x) ||
        !is_vector(gain, c) || !is_vector(bias, c) || c % stats.dim[0] != 0 ||
        stats.dtype != I4_F32) {
        fail(ctx, op.kind, "channels do not fit");
        return;
    }
    run(ctx, &op);
}

i4_tensor i4_unpatchify(i4_ctx *ctx, i4_tensor z, i4_tensor scale, i4_tensor shift, int64_t gh,
                        int64_t gw) {
    i4_op op = {.kind = I4_OP_UNPATCHIFY};
    op.in[0] = z;
    op.in[1] = scale;
    op.in[2] = shift;
    if (!usable(ctx, op.kind, op.in, 3)) {
        return i4_none;
    }
    const int64_t c = i4_cols_of(z);
    if (z.dtype != I4_F32 || i4_rows_of(z) != gh * gw || c % 4 != 0 || !is_vector(scale, c) ||
        !is_vector(shift, c)) {
        return fail(ctx, op.kind, "shapes do not fit");
    }
    op.out = i4_new(ctx, ctx->caps.act, 3, 2 * gh, 2 * gw, c / 4);
    run(ctx, &op);
    return op.out;
}

i4_tensor i4_to_rgb8(i4_ctx *ctx, i4_tensor x) {
    i4_op op = {.kind = I4_OP_TO_RGB8};
    op.in[0] = x;
    if (!usable(ctx, op.kind, op.in, 1)) {
        return i4_none;
    }
    if (x.rank != 3 || x.dim[2] != 3 || !is_float(x)) {
        return fail(ctx, op.kind, "three channels of fractions are needed");
    }
    op.out = new_like(ctx, x, I4_U8, 3);
    run(ctx, &op);
    return op.out;
}

void i4_cfg_euler(i4_ctx *ctx, i4_tensor z, i4_tensor v_text, i4_tensor v_free, float guidance,
                  float dt) {
    i4_op op = {.kind = I4_OP_CFG_EULER, .eps = guidance, .scale = dt};
    op.out = z;
    op.in[0] = v_text;
    op.in[1] = v_free;
    if (!usable(ctx, op.kind, &op.out, 1) || !usable(ctx, op.kind, op.in, 1)) {
        return;
    }
    if (z.dtype != I4_F32 || !same_shape(z, v_text) || v_text.dtype != I4_F32 ||
        (v_free.data != NULL && (!same_shape(z, v_free) || v_free.dtype != I4_F32))) {
        fail(ctx, op.kind, "shapes differ");
        return;
    }
    run(ctx, &op);
}
