/* What the machine can do at best, measured beside what the kernels do: a loop of nothing but the
 * instruction that multiplies. Float32 multiply-adds and bf16 dot products from registers; tile
 * products of 2 x 2 tiles whose operands come from the L2 cache, as no larger product can have them
 * elsewhere. */
#ifndef BENCH_CEILINGS_H
#define BENCH_CEILINGS_H

#include "backend/cpu/cpu.h"
#include "base/limits.h"
#include "base/os.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

enum { PEAK_TERMS = 2000000, PEAK_L2_BYTES = 1 << 20, PEAK_L2_TIMES = 200 };

static _Atomic float sink;

/* Makes the sums needed. */
static void consume(const void *sums, size_t size) {
    float total = 0, value;
    for (size_t i = 0; i < size; i += sizeof value) {
        memcpy(&value, (const char *)sums + i, sizeof value);
        total += value;
    }
    sink = total;
}

/* Many independent sums hide the latency; each loop returns the FLOPs it did. */
#if defined(__x86_64__)
__attribute__((target("avx512f"))) static double peak_avx512(void) {
    __m512 sum[16], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
    for (int i = 0; i < 16; i++) {
        sum[i] = _mm512_set1_ps((float)i);
    }
    for (int t = 0; t < PEAK_TERMS; t++) {
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            sum[i] = _mm512_fmadd_ps(sum[i], x, y);
        }
    }
    consume(sum, sizeof sum);
    return 2.0 * 16 * 16 * PEAK_TERMS;
}

__attribute__((target("avx2,fma"))) static double peak_avx2(void) {
    __m256 sum[12], x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-3f);
    for (int i = 0; i < 12; i++) {
        sum[i] = _mm256_set1_ps((float)i);
    }
    for (int t = 0; t < PEAK_TERMS; t++) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++) {
            sum[i] = _mm256_fmadd_ps(sum[i], x, y);
        }
    }
    consume(sum, sizeof sum);
    return 2.0 * 8 * 12 * PEAK_TERMS;
}
__attribute__((target("avx512f,avx512bf16"))) static double peak_avx512bf16(void) {
    __m512 sum[16];
    const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
    __m512bh a, b;
    memcpy(&a, &x, sizeof a);
    memcpy(&b, &y, sizeof b);
    for (int i = 0; i < 16; i++) {
        sum[i] = _mm512_set1_ps((float)i);
    }
    for (int t = 0; t < PEAK_TERMS; t++) {
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            sum[i] = _mm512_dpbf16_ps(sum[i], a, b);
        }
    }
    consume(sum, sizeof sum);
    return 4.0 * 16 * 16 * PEAK_TERMS;
}

/* `memory`: PEAK_L2_BYTES. The kernels' own begin() and end() set up the tiles. */
__attribute__((target("amx-tile,amx-bf16"))) static double peak_amx(const uint8_t *memory) {
    i4_gemm_amx.begin();
    for (int i = 0; i < PEAK_L2_TIMES; i++) {
        for (const uint8_t *p = memory; p < memory + PEAK_L2_BYTES; p += 4096) {
            _tile_loadd(4, p, 64);
            _tile_loadd(6, p + 1024, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(7, p + 2048, 64);
            _tile_dpbf16ps(1, 4, 7);
            _tile_loadd(5, p + 3072, 64);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    i4_gemm_amx.end();
    return 4.0 * 2 * 16 * 16 * 32 * PEAK_L2_TIMES * (PEAK_L2_BYTES / 4096);
}
#elif defined(__aarch64__)
static double peak_neon(void) {
    float32x4_t sum[16], x = vdupq_n_f32(0.999f), y = vdupq_n_f32(1e-3f);
    for (int i = 0; i < 16; i++) {
        sum[i] = vdupq_n_f32((float)i);
    }
    for (int t = 0; t < PEAK_TERMS; t++) {
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            sum[i] = vfmaq_f32(y, sum[i], x);
        }
    }
    consume(sum, sizeof sum);
    return 2.0 * 4 * 16 * PEAK_TERMS;
}
#endif

static double peak_loop(i4_cpu *cpu, int thread) {
    (void)thread;
    switch (cpu->isa) {
#if defined(__x86_64__)
    case I4_ISA_AVX512:
        return peak_avx512();
    case I4_ISA_AVX512BF16:
        return peak_avx512bf16();
    case I4_ISA_AMX:
        return peak_amx(i4_cpu_scratch(cpu, thread, PEAK_L2_BYTES));
    case I4_ISA_AVX2:
        return peak_avx2();
#elif defined(__aarch64__)
    case I4_ISA_NEON:
        return peak_neon();
#endif
    default:
        return 0;
    }
}

typedef struct peak_task {
    i4_cpu *cpu;
    double flops[I4_LIMIT_THREADS];
} peak_task;

static void peak_one(void *task, int index, int thread) {
    peak_task *p = task;
    p->flops[index] = peak_loop(p->cpu, thread);
}

static double ceiling_gflops(i4_cpu *cpu) {
    peak_task p = {.cpu = cpu};
    double start = i4_seconds(), flops = 0;
    i4_pool_run(cpu->pool, peak_one, &p, cpu->threads);
    double seconds = i4_seconds() - start;
    for (int i = 0; i < cpu->threads; i++) {
        flops += p.flops[i];
    }
    return flops / seconds * 1e-9;
}

#endif
