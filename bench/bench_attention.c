/* Speed of the cpu backend's attention at the shapes of Ideogram 4's networks.
 *
 *     bench_attention [isa [threads [tokens]]]      isa "auto", threads 0 (all), tokens 0 (a
 * choice)
 *
 * Prints CSV: heads, key heads, head size, causal, tokens, instruction set, threads, seconds,
 * spread (half of slowest minus fastest over median), GFLOP/s, share of the rate of a linear layer
 * (4608 to 4608, 8 bit, as many rows) that is measured before each sample. FLOPs are
 * 4·tokens²·heads·size, half of it when causal. */
#include "backend/cpu/cpu.h"
#include "base/memory.h"
#include "base/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 5 };

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

/* The rate of the linear layer that comes before, with 8-bit weights. */
static double linear_gflops(i4_cpu *cpu, int64_t rows) {
    enum { WIDTH = 4608, GROUPS = WIDTH / 64 };
    const size_t count = (size_t)WIDTH * WIDTH;
    uint8_t *numbers = block(count);
    uint16_t *scales = block(2 * count / 64);
    for (size_t i = 0; i < count / 64; i++) {
        scales[i] = 0x3c00; /* 1/128 */
    }
    i4_weight w = {.name = "bench", .format = I4_W_AFFINE8, .rows = WIDTH, .cols = WIDTH};
    w.data = numbers;
    w.group = 64;
    w.scale_dtype = I4_BF16;
    w.scales = w.zeros = (const uint8_t *)scales;
    i4_op op = {.kind = I4_OP_LINEAR, .in = {matrix(rows, WIDTH)}, .out = matrix(rows, WIDTH)};
    op.weight[0] = &w;
    const double start = i4_seconds();
    i4_cpu_linear(cpu, &op);
    const double seconds = i4_seconds() - start;
    drop(&op.in[0]);
    drop(&op.out);
    i4_block_free(numbers, count);
    i4_block_free(scales, 2 * count / 64);
    return 2.0 * (double)rows * (double)count / seconds * 1e-9;
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
        limits[i] = linear_gflops(cpu, s->tokens);
        const double start = i4_seconds();
        i4_cpu_attention(cpu, &op);
        seconds[i] = i4_seconds() - start;
    }
    qsort(seconds, SAMPLES, sizeof *seconds, ascending);
    qsort(limits, SAMPLES, sizeof *limits, ascending);
    const double middle = seconds[SAMPLES / 2], rate = flops / middle * 1e-9;
    printf("%d,%d,%d,%d,%lld,%s,%d,%.6f,%.2f,%.1f,%.2f\n", s->heads, s->kv_heads, s->size,
           s->causal, (long long)s->tokens, i4_isa_name(cpu->isa), cpu->threads, middle,
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
    printf("heads,kv_heads,size,causal,tokens,isa,threads,seconds,spread,gflops,of_linear\n");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        shape s = shapes[i];
        s.tokens = tokens > 0 ? tokens : s.tokens;
        measure(state, &s);
    }
    i4_backend_cpu.close(state);
    return 0;
}
