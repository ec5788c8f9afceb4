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
    I4_ISA_PORTABLE,   /* C only, everywhere; option name "scalar" */
    I4_ISA_AVX2,       /* with FMA and F16C */
    I4_ISA_AVX512,     /* F, BW, VL, DQ */
    I4_ISA_AVX512BF16, /* and products of pairs of bf16 */
    I4_ISA_AMX,        /* and bf16 tiles */
    I4_ISA_NEON,
    I4_ISA_NEONBF16, /* and products of bf16 matrices */
    I4_ISA_COUNT
} i4_isa;

/* "scalar", "avx2", "avx512", "avx512bf16", "amx", "neon", "neonbf16" */
const char *i4_isa_name(i4_isa isa);
/* This build holds its kernels and this machine can run them. */
bool i4_isa_usable(i4_isa isa);
/* By option name; NULL and "auto" pick the best usable one. UNSUPPORTED, or INVALID_ARGUMENT. */
bool i4_isa_pick(const char *name, i4_isa *isa, i4_err *err);

enum {
    I4_CPU_SCRATCH_BYTES = 2 << 20, /* per thread; what is in use at a time fits its L2 */
    I4_CPU_SHARED_BYTES = 1 << 20   /* one for all threads, e.g. for partial sums */
};

static inline int64_t i4_at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* To the next multiple of `unit`. */
static inline int64_t i4_round_up(int64_t n, int64_t unit) {
    return (n + unit - 1) / unit * unit;
}

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
 * A panel is `cols` columns of W over at most k_block terms, in the kernel's own order; a tile is
 * its product with up to `rows` rows of activations. Items are float, or uint16_t bf16 where
 * item_bytes is 2. Terms beyond k up to the next multiple of k_step are zero on both sides. */
typedef struct i4_gemm_tile {
    int used, k; /* rows and terms */
    const void *a;
    int64_t a_stride; /* items from row to row: the table's `stride`, or any if reads_rows */
    const void *panel;
    float *c; /* c[r·c_stride + j] (+)= Σ_t a[r][t]·panel[t][j]; room for all rows and columns */
    int64_t c_stride;
    bool fresh;           /* c holds nothing yet; else the sums go on where they were */
    const uint8_t *ahead; /* rows that will be read next, to be asked for; NULL: none */
    int ahead_rows;       /* a_stride apart */
} i4_gemm_tile;

/* What attention needs beside the matrix kernels, where items are bf16 pairs (attention_pairs.h).
 */
typedef struct i4_attention_isa {
    /* A panel of up to `cols` keys, `stride` items apart; columns from count on hold anything. */
    void (*pack_keys)(const uint16_t *keys, int64_t stride, int count, int size, void *panel);
    /* size / cols panels of `count` terms, rounded up to k_step with zeros. */
    void (*pack_values)(const uint16_t *values, int64_t stride, int count, int size, void *panels);
    /* Online softmax, base 2, of one row of scores times factor: those at and beyond `valid` give
     * 0, the others 2^(s·factor − maximum), as n items. Updates maximum and sum; returns the factor
     * by which what was accumulated before must shrink. */
    float (*soften)(const float *scores, int valid, int n, float factor, float *maximum, float *sum,
                    uint16_t *out);
} i4_attention_isa;

typedef struct i4_gemm_isa {
    int rows, cols, k_step;
    int k_block;    /* a multiple of k_step and 64 */
    int stride;     /* items from row to row of a tile that items() filled */
    int panel_cols; /* columns whose panels stay in the L2 cache together, a multiple of cols */
    size_t item_bytes;
    bool reads_rows; /* a whole tile may lie in the activations themselves: any a_stride */
    /* Dequantises columns [first, first + count) of a weight's row (i4_weight_row's meaning). */
    void (*expand)(const i4_weight *w, int64_t row, int64_t first, int64_t count, float *out);
    /* Row of activations to items: f32 or bf16 source, any alignment of 2 or 4 bytes. */
    void (*items)(i4_dtype dtype, const void *src, int64_t count, void *dst);
    /* Panel of the weight's rows [row, row + used), terms [first, first + k); columns from `used`
     * on hold anything. `expanded`: room for I4_GEMM_EXPANDED floats. */
    void (*pack)(const i4_weight *w, int64_t row, int used, int64_t first, int k, float *expanded,
                 void *panel);
    void (*tile)(const i4_gemm_tile *t);
    /* What becomes of `count` sums in a row of the result (f32 or bf16):
     * out = sums + bias (may be NULL); out += scale · sums; out = silu(gate) · up. */
    void (*store)(i4_dtype dtype, const float *sums, const float *bias, int64_t count, void *out);
    void (*store_add)(i4_dtype dtype, const float *sums, float scale, int64_t count, void *out);
    void (*store_swiglu)(i4_dtype dtype, const float *gate, const float *up, int64_t count,
                         void *out);
    /* What a thread must do before and after its first and last tile of an op; may be NULL. */
    void (*begin)(void);
    void (*end)(void);
    const i4_attention_isa *attention; /* NULL: attention.c works in float32 */
} i4_gemm_isa;

enum {
    I4_GEMM_SUMS = 96 << 10, /* floats of a task */
    I4_GEMM_EXPAND_TERMS = 512,
    I4_GEMM_EXPAND_STRIDE = I4_GEMM_EXPAND_TERMS + 32,
    I4_GEMM_EXPANDED = 32 * I4_GEMM_EXPAND_STRIDE
};

/* Bytes of a task's work space; every table's must fit I4_CPU_SCRATCH_BYTES. */
#define I4_GEMM_WORK(isa_rows, isa_stride, isa_panel_cols, isa_k_block, isa_item_bytes) \
    ((size_t)(isa_panel_cols) * (isa_k_block) * (isa_item_bytes) +                      \
     (size_t)(isa_rows) * (isa_stride) * (isa_item_bytes) +                             \
     sizeof(float) * (I4_GEMM_SUMS + I4_GEMM_EXPANDED))

extern const i4_gemm_isa i4_gemm_portable, i4_gemm_avx2, i4_gemm_avx512, i4_gemm_avx512bf16,
    i4_gemm_amx, i4_gemm_neon, i4_gemm_neonbf16;

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
