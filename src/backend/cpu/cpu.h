/* Floor 1. Inside of the cpu backend: its state, its scratch memory, its instruction sets, and
 * one function per op. Private to this folder.
 *
 * Rules for every op here:
 *   - No allocation. Work space is what i4_cpu_scratch and i4_cpu_shared give, fixed at open.
 *   - Each output element is computed by one thread with an order of summation that depends on
 *     shapes and instruction set only, so results are bit-equal for any number of threads.
 *   - Arithmetic in float32; operands may be f32 or bf16 and views. */
#ifndef I4_BACKEND_CPU_CPU_H
#define I4_BACKEND_CPU_CPU_H

#include "base/pool.h"
#include "tensor/backend.h"

typedef enum i4_isa {
    I4_ISA_PORTABLE, /* C only, everywhere; option name "scalar" */
    I4_ISA_AVX2,     /* with FMA and F16C */
    I4_ISA_AVX512,   /* F, BW, VL, DQ */
    I4_ISA_AMX,      /* AVX512 and bf16 tiles */
    I4_ISA_NEON,
    I4_ISA_COUNT
} i4_isa;

/* "scalar", "avx2", "avx512", "amx", "neon" */
const char *i4_isa_name(i4_isa isa);
/* This build holds its kernels and this machine can run them. */
bool i4_isa_usable(i4_isa isa);
/* By option name; NULL and "auto" pick the best usable one. UNSUPPORTED, or INVALID_ARGUMENT. */
bool i4_isa_pick(const char *name, i4_isa *isa, i4_err *err);

enum {
    I4_CPU_SCRATCH_BYTES = 1 << 20, /* per thread: fits the L2 of server cores */
    I4_CPU_SHARED_BYTES = 1 << 20   /* one for all threads, e.g. for partial sums */
};

struct i4_gemm_isa;  /* below */
struct i4_point_isa; /* point.c's own table of row kernels */

typedef struct i4_cpu {
    i4_pool *pool;
    int threads; /* of the pool, the caller included */
    i4_isa isa;
    const struct i4_gemm_isa *gemm;
    const struct i4_point_isa *point;
    uint8_t *scratch; /* threads × I4_CPU_SCRATCH_BYTES, then I4_CPU_SHARED_BYTES */
    size_t scratch_size;
    i4_slab slab;
} i4_cpu;

/* Thread's own work space, 64-byte aligned, contents undefined and not kept from op to op.
 * bytes <= I4_CPU_SCRATCH_BYTES is the caller's duty; it is here to be checked in debug builds. */
void *i4_cpu_scratch(i4_cpu *cpu, int thread, size_t bytes);
void *i4_cpu_shared(i4_cpu *cpu, size_t bytes);

/* --- matrix kernels of one instruction set (g_<isa>.c) ----------------------------------------
 *
 * A tile is the product of up to `rows` rows of activations with a panel of `cols` columns over at
 * most I4_GEMM_K terms. Items are float, or uint16_t bf16 where item_bytes is 2 (AMX).
 *   a      row after row, I4_GEMM_STRIDE items apart, 64-byte aligned; terms beyond k up to the
 *          next multiple of k_step are zero; for AMX all `rows` rows must be readable
 *   panel  cols × round_up(k, k_step) items in the kernel's own order, made by pack_panel */
enum { I4_GEMM_K = 512, I4_GEMM_STRIDE = 544 };

typedef struct i4_gemm_isa {
    int rows, cols, k_step;
    size_t item_bytes;
    /* Dequantises columns [first, first + count) of a weight's row (i4_weight_row's meaning). */
    void (*expand)(const i4_weight *w, int64_t row, int64_t first, int64_t count, float *out);
    /* Row of activations to items: f32 or bf16 source, any alignment of 2 or 4 bytes. */
    void (*items)(i4_dtype dtype, const void *src, int64_t count, void *dst);
    /* Panel from `cols` rows of f32, src[c·stride + t] for t < k; rows from `used` on are zero. */
    void (*pack_panel)(const float *src, int64_t stride, int used, int k, void *panel);
    /* c[r·c_stride + j] += sum over t < k of a[r][t]·panel[t][j], for r < used, j < cols: every
     * sum starts from zero and is added once. */
    void (*tile)(int used, int k, const void *a, const void *panel, float *c, int64_t c_stride);
    /* What becomes of `count` sums in a row of the result (f32 or bf16):
     * out = sums + bias (may be NULL); out += scale · sums; out = silu(gate) · up. */
    void (*store)(i4_dtype dtype, const float *sums, const float *bias, int64_t count, void *out);
    void (*store_add)(i4_dtype dtype, const float *sums, float scale, int64_t count, void *out);
    void (*store_swiglu)(i4_dtype dtype, const float *gate, const float *up, int64_t count,
                         void *out);
    /* What a thread must do before and after its first and last tile of an op; may be NULL. */
    void (*begin)(void);
    void (*end)(void);
} i4_gemm_isa;

extern const i4_gemm_isa i4_gemm_portable, i4_gemm_avx2, i4_gemm_avx512, i4_gemm_amx, i4_gemm_neon;

/* point.c: the table for an instruction set (a neighbour's where there is no own one). */
const struct i4_point_isa *i4_point_for(i4_isa isa);

/* --- the ops ------------------------------------------------------------------------------ */

/* gemm.c, conv.c */
void i4_cpu_embed(i4_cpu *cpu, const i4_op *op);
void i4_cpu_linear(i4_cpu *cpu, const i4_op *op);
void i4_cpu_linear_add(i4_cpu *cpu, const i4_op *op);
void i4_cpu_linear_swiglu(i4_cpu *cpu, const i4_op *op);
void i4_cpu_conv2d(i4_cpu *cpu, const i4_op *op);
/* attention.c, point.c */
void i4_cpu_swiglu(i4_cpu *cpu, const i4_op *op);
void i4_cpu_rmsnorm(i4_cpu *cpu, const i4_op *op);
void i4_cpu_layernorm(i4_cpu *cpu, const i4_op *op);
void i4_cpu_residual(i4_cpu *cpu, const i4_op *op);
void i4_cpu_residual_rmsnorm(i4_cpu *cpu, const i4_op *op);
void i4_cpu_fold_gain(i4_cpu *cpu, const i4_op *op);
void i4_cpu_qk_norm_rope(i4_cpu *cpu, const i4_op *op);
void i4_cpu_attention(i4_cpu *cpu, const i4_op *op);
void i4_cpu_activate(i4_cpu *cpu, const i4_op *op);
void i4_cpu_interleave(i4_cpu *cpu, const i4_op *op);
void i4_cpu_copy(i4_cpu *cpu, const i4_op *op);
void i4_cpu_groupnorm_stats(i4_cpu *cpu, const i4_op *op);
void i4_cpu_groupnorm(i4_cpu *cpu, const i4_op *op);
void i4_cpu_unpatchify(i4_cpu *cpu, const i4_op *op);
void i4_cpu_to_rgb8(i4_cpu *cpu, const i4_op *op);
void i4_cpu_cfg_euler(i4_cpu *cpu, const i4_op *op);

#endif
