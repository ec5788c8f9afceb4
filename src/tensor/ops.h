/* Floor 1. The front: what model code calls. Checks dtypes and shapes, infers the result, finds
 * its place, runs the backend, remembers the first error.
 *
 * After an error every call does nothing and returns a tensor of rank 0, so model code needs no
 * `if`; look once per layer (i4_layer returns false). Every op returns a new tensor of the current
 * scope except those named in backend.h with ~, which update their first operand. No writing
 * through views except where said.
 *
 * Memory: places come from a first-fit plan over one slab of the backend, so addresses repeat from
 * layer to layer, and the same calls on the measure backend give the exact peak beforehand.
 * i4_scope_begin/end bracket a region whose tensors die together; i4_drop ends one earlier;
 * i4_keep moves one to the enclosing scope. */
#ifndef I4_TENSOR_OPS_H
#define I4_TENSOR_OPS_H

#include "tensor/backend.h"

enum { I4_CTX_PLACES = 512, I4_CTX_SCOPES = 32 };

/* Called at each block boundary: stage name, index of the block just begun, count of blocks.
 * False cancels. */
typedef bool (*i4_layer_fn)(const char *stage, int index, int count, void *user);

/* One low-rank addition to one slot: out columns [first, first + up.rows) += scale·(x·downᵀ)·upᵀ */
typedef struct i4_lowrank {
    const i4_weight *down; /* [rank, in] */
    const i4_weight *up;   /* [out part, rank] */
    int64_t first;         /* first output column; split q, k, v use one part each */
    float scale;           /* strength · alpha / rank */
    struct i4_lowrank *next;
} i4_lowrank;

typedef struct i4_place {
    size_t offset, size;
    int scope; /* -1: free slot of the table */
} i4_place;

typedef struct i4_ctx {
    const i4_backend *backend;
    void *state;
    i4_caps caps;
    i4_err err; /* sticky; status OK while fine */
    i4_place place[I4_CTX_PLACES];
    int place_count;             /* used part of the table */
    int scope;                   /* depth, 0 = outermost */
    size_t capacity, used, peak; /* bytes of the slab, now, so far */
    i4_lowrank **adapters;       /* by slot, or NULL; borrowed from the engine */
    int adapter_slots;
    i4_layer_fn layer_fn;
    void *layer_user;
    const char *stage;
    int layer;
} i4_ctx;

/* capacity: bytes of the slab, reserved from the backend here (SIZE_MAX for measure). */
bool i4_ctx_open(i4_ctx *ctx, const i4_backend *backend, void *state, size_t capacity, i4_err *err);
/* Drops everything and clears the error; the slab stays. */
void i4_ctx_reset(i4_ctx *ctx);
void i4_ctx_close(i4_ctx *ctx);
bool i4_ctx_ok(const i4_ctx *ctx);

/* Hook, flush, error check. False once anything failed or was cancelled (status CANCELLED). */
bool i4_layer(i4_ctx *ctx, const char *stage, int index, int count);

void i4_scope_begin(i4_ctx *ctx);
void i4_scope_end(i4_ctx *ctx);
void i4_drop(i4_ctx *ctx, i4_tensor t);
void i4_keep(i4_ctx *ctx, i4_tensor t);

i4_tensor i4_new(i4_ctx *ctx, i4_dtype dtype, int rank, int64_t d0, int64_t d1, int64_t d2);
i4_tensor i4_upload(i4_ctx *ctx, i4_dtype dtype, int rank, int64_t d0, int64_t d1, int64_t d2,
                    const void *src);
void i4_download(i4_ctx *ctx, i4_tensor t, void *dst);
/* A tensor over constant memory of the backend (norm gains and the like). */
i4_tensor i4_const(const float *data, int64_t count);
extern const i4_tensor i4_none; /* rank 0, data NULL: an absent optional operand */

/* Views, no work. */
i4_tensor i4_rows(i4_tensor t, int64_t first, int64_t count); /* along dim 0 */
i4_tensor i4_cols(i4_tensor t, int64_t first, int64_t count); /* along the last dim, rank 2 */
i4_tensor i4_reshape(i4_tensor t, int rank, int64_t d0, int64_t d1, int64_t d2); /* no gaps */

i4_tensor i4_embed(i4_ctx *ctx, i4_tensor ids, const i4_weight *table, i4_dtype dtype);
/* with the engine's adapters for w's slot; result in act dtype (linear_as: in dtype) */
i4_tensor i4_linear(i4_ctx *ctx, i4_tensor x, const i4_weight *w);
i4_tensor i4_linear_as(i4_ctx *ctx, i4_tensor x, const i4_weight *w, i4_dtype dtype);
/* writes x·Wᵀ + bias through `out`, a column view of a tensor made by i4_new */
void i4_linear_into(i4_ctx *ctx, i4_tensor out, i4_tensor x, const i4_weight *w);
i4_tensor i4_linear_swiglu(i4_ctx *ctx, i4_tensor x, const i4_weight *gate, const i4_weight *up);
i4_tensor i4_rmsnorm(i4_ctx *ctx, i4_tensor x, i4_tensor gain, float eps);
i4_tensor i4_layernorm(i4_ctx *ctx, i4_tensor x, i4_tensor gain, float eps);
void i4_residual(i4_ctx *ctx, i4_tensor h, i4_tensor y);
void i4_residual_rmsnorm(i4_ctx *ctx, i4_tensor h, i4_tensor y, i4_tensor gain, float eps);
typedef enum i4_fold { I4_FOLD_SCALE, I4_FOLD_GATE } i4_fold;
/* writes through `out`, rows of a tensor made by i4_new; w may be i4_none (1) */
void i4_fold_gain_into(i4_ctx *ctx, i4_tensor out, i4_tensor w, i4_tensor m, i4_fold kind);
void i4_qk_norm_rope(i4_ctx *ctx, i4_tensor qkv, i4_tensor gq, i4_tensor gk, i4_tensor table,
                     int heads, int kv_heads, int head_dim, float eps);
i4_tensor i4_attention(i4_ctx *ctx, i4_tensor q, i4_tensor k, i4_tensor v, int heads, int kv_heads,
                       float scale, bool causal);
typedef enum i4_activation { I4_SILU, I4_TANH } i4_activation;
i4_tensor i4_activate(i4_ctx *ctx, i4_tensor x, i4_activation kind);
void i4_interleave(i4_ctx *ctx, i4_tensor out, i4_tensor x, int index, int count);
void i4_copy(i4_ctx *ctx, i4_tensor out, i4_tensor x);
i4_tensor i4_cast(i4_ctx *ctx, i4_tensor x, i4_dtype dtype);
i4_tensor i4_conv2d(i4_ctx *ctx, i4_tensor x, const i4_weight *w, bool up2); /* full image */
/* a band: out_rows rows, see CONV2D in backend.h */
i4_tensor i4_conv2d_band(i4_ctx *ctx, i4_tensor x, const i4_weight *w, bool up2, int origin,
                         int64_t out_rows);
i4_tensor i4_groupnorm_stats_new(i4_ctx *ctx, int groups);
void i4_groupnorm_stats(i4_ctx *ctx, i4_tensor stats, i4_tensor x);
void i4_groupnorm_into(i4_ctx *ctx, i4_tensor out, i4_tensor x, i4_tensor stats, i4_tensor gain,
                       i4_tensor bias, float eps, bool silu);
i4_tensor i4_unpatchify(i4_ctx *ctx, i4_tensor z, i4_tensor scale, i4_tensor shift, int64_t gh,
                        int64_t gw);
i4_tensor i4_to_rgb8(i4_ctx *ctx, i4_tensor x);
void i4_cfg_euler(i4_ctx *ctx, i4_tensor z, i4_tensor v_text, i4_tensor v_free, float guidance,
                  float dt);

#endif
