/* Speed of the cpu backend's attention at the shapes of Ideogram 4's networks.
 *
 *     bench_attention [isa [threads [tokens]]]      isa "auto", threads 0 (all), tokens 0 (a
 * choice)
 *
 * Prints CSV: heads, key heads, head size, causal, tokens, instruction set, threads, seconds,
 * spread (half of slowest minus fastest over median), GFLOP/s, share of the kernel's own ceiling.
 * The ceiling is the register-blocked product alone, on operands that stay in the first cache, on
 * all threads at once; it is measured before each shape. FLOPs are 4·tokens²·heads·size, half of it
 * when causal. */
#include "backend/cpu/cpu.h"
#include "backend/cpu/point.h"
#include "base/memory.h"
#include "base/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 5, CEILING_ROWS = 24, CEILING_TERMS = 64, CEILING_TIMES = 20000 };

typedef struct shape {
    int heads, kv_heads, size;
    bool causal;
    int64_t tokens;
} shape;

static const shape shapes[] = {
    {18, 18, 256, false, 320},  /* transformer, 256² */
    {18, 18, 256, false, 1324}, /* 512² */
    {18, 18, 256, false, 4396}, /* 1024² */
    {32, 8, 128, true, 1024},   /* text tower */
    {1, 1, 512, false, 4096},   /* decoder's middle, 512² */
};

static void *block(size_t size) {
    void *p = i4_block_new(size);
    if (!p) {
        fprintf(stderr, "bench_attention: not enough memory\n");
        exit(1);
    }
    return p;
}

/* bf16 numbers of size 1/4 to 1, both signs. */
static i4_tensor matrix(int64_t rows, int64_t cols) {
    i4_tensor t = {.dtype = I4_BF16, .rank = 2, .dim = {rows, cols, 1}, .row_stride = cols};
    uint16_t *p = t.data = block(2 * (size_t)(rows * cols));
    uint32_t state = 1;
    for (int64_t i = 0; i < rows * cols; i++) {
        state = state * 1664525U + 1013904223U;
        p[i] = (uint16_t)((state >> 16 & 0x80ffU) | 0x3e80U);
    }
    return t;
}

static void drop(i4_tensor *t) {
    i4_block_free(t->data, 2 * (size_t)(t->dim[0] * t->dim[1]));
}

static void ceiling_task(void *task, int index, int thread) {
    (void)index;
    i4_cpu *cpu = task;
    const i4_point_isa *isa = cpu->point;
    float *panel = i4_cpu_scratch(cpu, thread, I4_CPU_POINT_SCRATCH);
    float *a = panel + CEILING_TERMS * isa->panel_cols, *c = a + CEILING_ROWS * CEILING_TERMS;
    memset(panel, 0, (size_t)(c - panel) * sizeof *panel);
    for (int i = 0; i < CEILING_TIMES; i++) {
        isa->product(c, isa->panel_cols, a, CEILING_TERMS, panel, CEILING_TERMS, CEILING_ROWS,
                     false);
    }
}

static double ceiling_gflops(i4_cpu *cpu) {
    const double start = i4_seconds();
    i4_pool_run(cpu->pool, ceiling_task, cpu, cpu->threads);
    const double flops =
        2.0 * CEILING_ROWS * CEILING_TERMS * cpu->point->panel_cols * CEILING_TIMES * cpu->threads;
    return flops / (i4_seconds() - start) * 1e-9;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(i4_cpu *cpu, const shape *s) {
    const int64_t width = (int64_t)s->heads * s->size, kv_width = (int64_t)s->kv_heads * s->size;
    i4_op op = {.kind = I4_OP_ATTENTION,
                .heads = s->heads,
                .kv_heads = s->kv_heads,
                .head_dim = s->size,
                .causal = s->causal,
                .scale = 1.0F / 16.0F};
    op.out = matrix(s->tokens, width);
    op.in[0] = matrix(s->tokens, width);
    op.in[1] = matrix(s->tokens, kv_width);
    op.in[2] = matrix(s->tokens, kv_width);
    const double flops =
        (s->causal ? 2.0 : 4.0) * (double)s->tokens * (double)s->tokens * (double)width;
    double seconds[SAMPLES], limits[SAMPLES];
    i4_cpu_attention(cpu, &op);
    for (int i = 0; i < SAMPLES; i++) {
        limits[i] = ceiling_gflops(cpu);
        const double start = i4_seconds();
        i4_cpu_attention(cpu, &op);
        seconds[i] = i4_seconds() - start;
    }
    qsort(seconds, SAMPLES, sizeof *seconds, ascending);
    qsort(limits, SAMPLES, sizeof *limits, ascending);
    const double middle = seconds[SAMPLES / 2], rate = flops / middle * 1e-9;
    printf("%d,%d,%d,%d,%lld,%s,%d,%.6f,%.2f,%.1f,%.2f\n", s->heads, s->kv_heads, s->size,
           s->causal, (long long)s->tokens, cpu->point->name, cpu->threads, middle,
           0.5 * (seconds[SAMPLES - 1] - seconds[0]) / middle, rate, rate / limits[SAMPLES / 2]);
    fflush(stdout);
    drop(&op.out);
    for (int i = 0; i < 3; i++) {
        drop(&op.in[i]);
    }
}

int main(int argc, char **argv) {
    const i4_backend_options options = {.isa = argc > 1 ? argv[1] : "auto",
                                        .threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0};
    const int64_t tokens = argc > 3 ? strtoll(argv[3], NULL, 10) : 0;
    void *state = NULL;
    i4_err err = {0};
    if (!i4_backend_cpu.open(&options, &state, &err)) {
        fprintf(stderr, "bench_attention: %s\n", err.text);
        return 1;
    }
    printf("heads,kv_heads,size,causal,tokens,isa,threads,seconds,spread,gflops,ceiling_share\n");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        shape s = shapes[i];
        s.tokens = tokens > 0 ? tokens : s.tokens;
        measure(state, &s);
    }
    i4_backend_cpu.close(state);
    return 0;
}
