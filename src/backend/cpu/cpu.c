/* Floor 1. The cpu backend: its table of functions, its life cycle and memory. Weights are read
 * where they lie in the mapped file; the kernels dequantise them in cache. */
#include "backend/cpu/cpu.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const i4_gemm_isa *gemm_for(i4_isa isa) {
    switch (isa) {
#if defined(__x86_64__)
    case I4_ISA_AVX2:
        return &i4_gemm_avx2;
    case I4_ISA_AVX512:
        return &i4_gemm_avx512;
    case I4_ISA_AVX512BF16:
        return &i4_gemm_avx512bf16;
    case I4_ISA_AMX:
        return &i4_gemm_amx;
#elif defined(__aarch64__)
    case I4_ISA_NEON:
        return &i4_gemm_neon;
    case I4_ISA_NEONBF16:
        return &i4_gemm_neonbf16;
#endif
    default:
        return &i4_gemm_portable;
    }
}

static void close_cpu(void *state) {
    i4_cpu *cpu = state;
    if (!cpu) {
        return;
    }
    i4_slab_reserve(&cpu->slab, 0, NULL);
    if (cpu->scratch) {
        i4_block_free(cpu->scratch, cpu->scratch_size);
    }
    i4_pool_free(cpu->pool);
    i4_free(cpu);
}

static bool make_scratch(i4_cpu *cpu, i4_err *err) {
    cpu->scratch_size = (size_t)cpu->threads * I4_CPU_SCRATCH_BYTES + I4_CPU_SHARED_BYTES;
    cpu->scratch = i4_block_new(cpu->scratch_size);
    if (!cpu->scratch) {
        return i4_fail_memory(err, "the work space of the processor backend", cpu->scratch_size);
    }
    return true;
}

static bool open_cpu(const i4_backend_options *options, void **state, i4_err *err) {
    i4_isa isa = I4_ISA_PORTABLE;
    if (!i4_isa_pick(options ? options->isa : NULL, &isa, err)) {
        return false;
    }
    i4_cpu *cpu = i4_calloc(1, sizeof *cpu);
    if (!cpu) {
        return i4_fail_memory(err, "the processor backend", sizeof *cpu);
    }
    cpu->isa = isa;
    cpu->gemm = gemm_for(isa);
    cpu->point = i4_point_for(isa);
    cpu->pool = i4_pool_new(options ? options->threads : 0, err);
    if (!cpu->pool) {
        close_cpu(cpu);
        return false;
    }
    cpu->threads = i4_pool_threads(cpu->pool);
    if (!make_scratch(cpu, err)) {
        close_cpu(cpu);
        return false;
    }
    *state = cpu;
    return true;
}

void *i4_cpu_scratch(i4_cpu *cpu, int thread, size_t bytes) {
    (void)bytes;
    return cpu->scratch + (size_t)thread * I4_CPU_SCRATCH_BYTES;
}

void *i4_cpu_shared(i4_cpu *cpu, size_t bytes) {
    (void)bytes;
    return cpu->scratch + (size_t)cpu->threads * I4_CPU_SCRATCH_BYTES;
}

static void caps_of(void *state, i4_caps *caps) {
    const i4_cpu *cpu = state;
    memset(caps, 0, sizeof *caps);
    snprintf(caps->name, sizeof caps->name, "cpu");
    snprintf(caps->detail, sizeof caps->detail, "%s, %d thread%s", i4_isa_name(cpu->isa),
             cpu->threads, cpu->threads == 1 ? "" : "s");
    caps->act = I4_BF16;
    caps->threads = cpu->threads;
    caps->scratch_bytes = cpu->scratch_size;
}

static bool reserve(void *state, size_t bytes, i4_err *err) {
    i4_cpu *cpu = state;
    return i4_slab_reserve(&cpu->slab, bytes, err);
}

static void *address(void *state, size_t offset) {
    i4_cpu *cpu = state;
    return (uint8_t *)cpu->slab.block + offset;
}

static bool flush(void *state, i4_err *err) {
    (void)state;
    (void)err;
    return true;
}

typedef void (*op_fn)(i4_cpu *cpu, const i4_op *op);

static const op_fn ops[I4_OP_COUNT] = {
    [I4_OP_EMBED] = i4_cpu_embed,
    [I4_OP_LINEAR] = i4_cpu_linear,
    [I4_OP_LINEAR_ADD] = i4_cpu_linear_add,
    [I4_OP_LINEAR_SWIGLU] = i4_cpu_linear_swiglu,
    [I4_OP_SWIGLU] = i4_cpu_swiglu,
    [I4_OP_RMSNORM] = i4_cpu_rmsnorm,
    [I4_OP_LAYERNORM] = i4_cpu_layernorm,
    [I4_OP_RESIDUAL] = i4_cpu_residual,
    [I4_OP_RESIDUAL_RMSNORM] = i4_cpu_residual_rmsnorm,
    [I4_OP_FOLD_GAIN] = i4_cpu_fold_gain,
    [I4_OP_QK_NORM_ROPE] = i4_cpu_qk_norm_rope,
    [I4_OP_ATTENTION] = i4_cpu_attention,
    [I4_OP_ACTIVATE] = i4_cpu_activate,
    [I4_OP_INTERLEAVE] = i4_cpu_interleave,
    [I4_OP_COPY] = i4_cpu_copy,
    [I4_OP_CONV2D] = i4_cpu_conv2d,
    [I4_OP_GROUPNORM_STATS] = i4_cpu_groupnorm_stats,
    [I4_OP_GROUPNORM] = i4_cpu_groupnorm,
    [I4_OP_UNPATCHIFY] = i4_cpu_unpatchify,
    [I4_OP_TO_RGB8] = i4_cpu_to_rgb8,
    [I4_OP_CFG_EULER] = i4_cpu_cfg_euler,
};

static bool run(void *state, const i4_op *op, i4_err *err) {
    if ((unsigned)op->kind >= I4_OP_COUNT || !ops[op->kind]) {
        return i4_fail(err, I4_E_INTERNAL,
                       "the processor backend has no op %d: report this as a bug", (int)op->kind);
    }
    ops[op->kind](state, op);
    return true;
}

const i4_backend i4_backend_cpu = {
    .abi = I4_BACKEND_ABI,
    .name = "cpu",
    .open = open_cpu,
    .close = close_cpu,
    .caps = caps_of,
    .reserve = reserve,
    .address = address,
    .upload = i4_host_upload,
    .download = i4_host_download,
    .run = run,
    .flush = flush,
};
