/* Floor 1. What a backend is: one function that computes one op record into a place that is
 * already valid, and a few about memory.
 *
 * Deviation from the first proposal of a function pointer for each op: an op is a value
 * (i4_op), so wrappers (measure, trace, tee, fault) are one function each and can never miss an
 * op. Inside a backend a table indexed by kind leads to the kernels.
 *
 * Rules: no shape logic (the front has checked everything), no allocation policy, float32
 * accumulation everywhere, rounding to a tensor's dtype only when it is stored. Inputs may be
 * views (row_stride > columns). A record's pointers are valid during run() only. One thread at a
 * time per state. */
#ifndef I4_TENSOR_BACKEND_H
#define I4_TENSOR_BACKEND_H

#include "base/status.h"
#include "tensor/tensor.h"

/* kind, name. In order: what `out` is ([..] new unless marked ~, an update of the first operand);
 * inputs; weights; parameters. T tokens, C width, O out, I in, F feed-forward, H heads,
 * K key/value heads, D head size, S steps, G groups. x, out: act dtype or f32 unless said. */
#define I4_OP_LIST(X)                                                                                  \
    /* [T,C]; in0 ids[T] i32 (below V: the caller's duty); weight0 table[V,C] */                       \
    X(EMBED, "embed")                                                                                  \
    /* [T,O]; in0 x[T,I]; weight0 [O,I]: x·Wᵀ + bias */                                             \
    X(LINEAR, "linear")                                                                                \
    /* ~[T,O] += scale · x·Wᵀ; in0 x[T,I]; weight0 [O,I] (no bias): adapters */                    \
    X(LINEAR_ADD, "linear_add")                                                                        \
    /* [T,F] = silu(x·Wgᵀ)·(x·Wuᵀ); in0 x; weight0 gate, weight1 up (no biases) */              \
    X(LINEAR_SWIGLU, "linear_swiglu")                                                                  \
    /* [T,F] = silu(in0)·in1 */                                                                       \
    X(SWIGLU, "swiglu")                                                                                \
    /* [T,C] = x/sqrt(mean x² + eps) · gain; in0 x; in1 gain[C] f32 */                               \
    X(RMSNORM, "rmsnorm")                                                                              \
    /* [T,C] = (x−mean)/sqrt(var + eps) · gain; in0 x; in1 gain[C] f32 */                           \
    X(LAYERNORM, "layernorm")                                                                          \
    /* ~out += in0 (same shape; dtypes may differ) */                                                  \
    X(RESIDUAL, "residual")                                                                            \
    /* ~out[T,C] += rmsnorm(in0; eps) · gain; in1 gain[C] f32 */                                      \
    X(RESIDUAL_RMSNORM, "residual_rmsnorm")                                                            \
    /* [S,C] f32 = mode 0 w·(1+m), mode 1 w·tanh(m); in0 m[S,C] (view); in1 w[C] f32, or data NULL   \
     * for w = 1 */                                                                                    \
    X(FOLD_GAIN, "fold_gain")                                                                          \
    /* ~out[T,(H+2K)·D]: per-head rmsnorm of q and k with gains, then half-split rotation; v          \
     * stays. in0 gq[D] f32; in1 gk[D] f32; in2 table[T,D] f32: D/2 cosines then D/2 sines */          \
    X(QK_NORM_ROPE, "qk_norm_rope")                                                                    \
    /* [T,H·D] = softmax(scale·q·kᵀ [+ causal])·v per head; in0 q[T,H·D], in1 k[U,K·D],        \
     * in2 v[U,K·D] (views); query head j uses key head j·K/H; causal needs T = U */                 \
    X(ATTENTION, "attention")                                                                          \
    /* like in0: mode 0 silu, mode 1 tanh */                                                           \
    X(ACTIVATE, "activate")                                                                            \
    /* out[T,C·n] (view or whole): out[t, c·n + j] = in0[t, c]; index j, count n */                  \
    X(INTERLEAVE, "interleave")                                                                        \
    /* out (any view) = in0, converted to out's dtype; same rows and columns */                        \
    X(COPY, "copy")                                                                                    \
    /* [Ho,Wo,O]: stride 1, kernel k = 1 or 3; in0 x[H,W,I]; weight0; reads x as nearest-upsampled     \
     * 2x when up2. Output row r, column c sums kernel row i, column j over virtual input              \
     * (origin + r + i, c + j − (k−1)/2), zero outside. Full image: origin = −(k−1)/2 */       \
    X(CONV2D, "conv2d")                                                                                \
    /* ~out[G,3] f32: {count, mean, M2} of each group of channels, merged with what is there           \
     * (count 0: empty); in0 x[H,W,C] */                                                               \
    X(GROUPNORM_STATS, "groupnorm_stats")                                                              \
    /* [H,W,C] = (x−mean_g)/sqrt(M2_g/count_g + eps)·gain + bias, then silu if mode 1;              \
     * in0 x; in1 stats[G,3]; in2 gain[C] f32; in3 bias[C] f32 */                                      \
    X(GROUPNORM, "groupnorm")                                                                          \
    /* [2·gh,2·gw,C/4] from in0 z[gh·gw,C] f32: z·in1[C] scale + in2[C] shift, then                \
     * out[2y+py, 2x+px, c] = z'[y·gw+x, (2·py+px)·(C/4) + c] */                                    \
    X(UNPATCHIFY, "unpatchify")                                                                        \
    /* [H,W,3] u8: round_even((clamp(x,−1,1)+1)·127.5), NaN gives 0 */                              \
    X(TO_RGB8, "to_rgb8")                                                                              \
    /* ~out z[N,C] f32 += scale(dt)·(g·in0 + (1−g)·in1); eps holds g; in1 data NULL when g = 1 */ \
    X(CFG_EULER, "cfg_euler")

typedef enum i4_op_kind {
#define X(name, text) I4_OP_##name,
    I4_OP_LIST(X)
#undef X
        I4_OP_COUNT
} i4_op_kind;

const char *i4_op_name(i4_op_kind kind);

typedef struct i4_op {
    i4_op_kind kind;
    i4_tensor out;
    i4_tensor in[4];
    const i4_weight *weight[2];
    float eps;                     /* norms; CFG_EULER: guidance g */
    float scale;                   /* ATTENTION, LINEAR_ADD; CFG_EULER: dt */
    int mode;                      /* FOLD_GAIN, ACTIVATE, GROUPNORM: see above */
    int heads, kv_heads, head_dim; /* QK_NORM_ROPE, ATTENTION */
    bool causal;                   /* ATTENTION */
    bool up2;                      /* CONV2D */
    int origin;                    /* CONV2D */
    int index, count;              /* INTERLEAVE */
    /* where in the model, for traces: borrowed */
    const char *stage;
    int layer;
} i4_op;

typedef struct i4_caps {
    char name[16];   /* "scalar", "cpu", … */
    char detail[96]; /* human: instruction set, threads, device */
    i4_dtype act;    /* dtype of activations this backend wants: F32 or BF16 */
    int threads;
    size_t scratch_bytes; /* work space beside the activations, fixed at open */
} i4_caps;

typedef struct i4_backend_options {
    int threads;     /* <= 0: all cores */
    const char *isa; /* cpu: "auto" or NULL, "scalar", "avx2", "avx512", "avx512bf16", "amx",
                        "neon", "neonbf16" */
} i4_backend_options;

enum { I4_BACKEND_ABI = 1 };

typedef struct i4_backend {
    int abi;
    const char *name;
    bool (*open)(const i4_backend_options *options, void **state, i4_err *err);
    void (*close)(void *state);
    void (*caps)(void *state, i4_caps *caps);
    /* One slab for activations, replacing the former; bytes 0 gives it back. Contents undefined.
     * address(offset) is valid until the next reserve. */
    bool (*reserve)(void *state, size_t bytes, i4_err *err);
    void *(*address)(void *state, size_t offset);
    /* Prepares a weight (may set payload) or a constant f32 vector; freed by the backend's close
     * or the matching free. NULL pointers mean: nothing to do, host memory is read directly. */
    bool (*weight_load)(void *state, i4_weight *w, i4_err *err);
    void (*weight_free)(void *state, i4_weight *w);
    void (*upload)(void *state, i4_tensor dst, const void *src); /* src: packed rows */
    void (*download)(void *state, i4_tensor src, void *dst);     /* dst: packed rows */
    bool (*run)(void *state, const i4_op *op, i4_err *err);
    bool (*flush)(void *state, i4_err *err); /* waits for everything asked so far */
} i4_backend;

extern const i4_backend i4_backend_scalar;
extern const i4_backend i4_backend_cpu;

/* By name ("scalar", "cpu"; "auto" picks the best one here), or NULL. */
const i4_backend *i4_backend_find(const char *name);
/* index 0.. until NULL */
const i4_backend *i4_backend_at(int index);

/* The parts every host backend shares: a slab, and copying rows. */
typedef struct i4_slab {
    void *block;
    size_t size;
} i4_slab;
bool i4_slab_reserve(i4_slab *slab, size_t bytes, i4_err *err);
void i4_host_upload(void *state, i4_tensor dst, const void *src);
void i4_host_download(void *state, i4_tensor src, void *dst);

#endif
