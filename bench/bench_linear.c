/* Speed of the cpu backend's linear layers at the shapes of the Ideogram 4 transformer, and of
 * convolutions like those of the decoder (out, in: kernel² · channels, rows: pixels).
 *
 *     bench_linear [isa [threads [rows]]] [--peer]    isa "auto", threads 0 (all), rows 0 (a
 * choice)
 *
 * Prints CSV: op, out, in, rows, weight format, instruction set, threads, seconds, GFLOP/s, share
 * of the ceiling (ceilings.h) on all threads in the same run. Runs alternate with that loop;
 * figures are medians. With --peer, oneDNN and OpenBLAS do the 8-bit layers' products beside ours
 * where the build found them; the last column of their rows is how many times as fast ours is. */
#include "backend/cpu/cpu.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "ceilings.h"
#include "peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 5 };

/* --- weights and operands ------------------------------------------------------------------- */

static void *filled(size_t size) {
    uint8_t *p = i4_malloc(size);
    if (!p) {
        fprintf(stderr, "bench_linear: not enough memory\n");
        exit(1);
    }
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        p[i] = (uint8_t)(state >> 24);
    }
    return p;
}

/* bf16 numbers near ±1, so that nothing overflows. */
static void *filled_bf16(size_t count) {
    uint8_t *p = filled(2 * count);
    for (size_t i = 0; i < count; i++) {
        p[2 * i + 1] = (uint8_t)((p[2 * i + 1] & 0x80) | 0x3f);
    }
    return p;
}

static i4_weight weight_of(i4_format format, int64_t rows, int64_t cols) {
    i4_weight w = {.name = "bench", .format = format, .rows = rows, .cols = cols, .slot = -1};
    size_t count = (size_t)(rows * cols);
    if (format == I4_W_BF16) {
        w.data = filled_bf16(count);
        return w;
    }
    w.data = filled(format == I4_W_AFFINE4 ? count / 2 : count);
    if (format == I4_W_FP8) {
        float *scale = filled((size_t)rows * sizeof(float));
        for (int64_t r = 0; r < rows; r++) {
            scale[r] = 1e-3f;
        }
        w.row_scale = scale;
        return w;
    }
    w.group = 64;
    w.scale_dtype = I4_BF16;
    w.scales = filled_bf16(count / 64);
    w.zeros = filled_bf16(count / 64);
    return w;
}

static void weight_drop(i4_weight *w) {
    i4_free((void *)(uintptr_t)w->data);
    i4_free((void *)(uintptr_t)w->scales);
    i4_free((void *)(uintptr_t)w->zeros);
    i4_free((void *)(uintptr_t)w->row_scale);
}

static i4_tensor matrix(int64_t rows, int64_t cols) {
    return (i4_tensor){.dtype = I4_BF16,
                       .rank = 2,
                       .dim = {rows, cols, 1},
                       .row_stride = cols,
                       .data = filled_bf16((size_t)(rows * cols)),
                       .place = -1};
}

/* --- measuring ------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    return values[count / 2];
}

static void measure(i4_cpu *cpu, const i4_op *op) {
    const i4_weight *w = op->weight[0];
    int64_t rows = i4_rows_of(op->out);
    double flops = 2.0 * (double)rows * (double)w->rows * (double)w->cols;
    flops *= op->kind == I4_OP_LINEAR_SWIGLU ? 2 : 1;
    double seconds[SAMPLES], peaks[SAMPLES];
    i4_backend_cpu.run(cpu, op, NULL);
    for (int i = 0; i < SAMPLES; i++) {
        peaks[i] = ceiling_gflops(cpu);
        double start = i4_seconds();
        i4_backend_cpu.run(cpu, op, NULL);
        seconds[i] = i4_seconds() - start;
    }
    double time = median(seconds, SAMPLES), peak = median(peaks, SAMPLES);
    double rate = flops / time * 1e-9;
    printf("%s,%lld,%lld,%lld,%s,%s,%d,%.6f,%.1f,%.3f\n", i4_op_name(op->kind), (long long)w->rows,
           (long long)w->cols, (long long)rows, i4_format_name(w->format), i4_isa_name(cpu->isa),
           cpu->threads, time, rate, peak > 0 ? rate / peak : 0);
    fflush(stdout);
}

/* The same shape by other libraries; the last column is our speed over theirs, medians of samples
 * that alternate. */
static void compare(i4_cpu *cpu, const i4_op *op) {
    const i4_weight *w = op->weight[0];
    const int64_t rows = i4_rows_of(op->out);
    const double flops = 2.0 * (double)rows * (double)w->rows * (double)w->cols;
    for (int number = 0;; number++) {
        peer *p = peer_new(number, cpu->threads, rows, w->rows, w->cols);
        if (!p) {
            return;
        }
        double theirs[SAMPLES], ours[SAMPLES];
        peer_run(p);
        for (int i = 0; i < SAMPLES; i++) {
            double start = i4_seconds();
            peer_run(p);
            theirs[i] = i4_seconds() - start;
            start = i4_seconds();
            i4_backend_cpu.run(cpu, op, NULL);
            ours[i] = i4_seconds() - start;
        }
        const double time = median(theirs, SAMPLES);
        printf("peer,%lld,%lld,%lld,%s,,%d,%.6f,%.1f,%.2f\n", (long long)w->rows,
               (long long)w->cols, (long long)rows, peer_name(p), cpu->threads, time,
               flops / time * 1e-9, time / median(ours, SAMPLES));
        fflush(stdout);
        peer_free(p);
    }
}

static bool with_peers;

static void linear(i4_cpu *cpu, i4_op_kind kind, i4_format format, int64_t out, int64_t in,
                   int64_t rows) {
    i4_weight w = weight_of(format, out, in), second = weight_of(format, out, in);
    i4_op op = {.kind = kind, .in = {matrix(rows, in)}, .out = matrix(rows, out)};
    op.weight[0] = &w;
    op.weight[1] = &second;
    measure(cpu, &op);
    if (with_peers && kind == I4_OP_LINEAR && format == I4_W_AFFINE8) {
        compare(cpu, &op);
    }
    i4_free(op.in[0].data);
    i4_free(op.out.data);
    weight_drop(&w);
    weight_drop(&second);
}

static void conv(i4_cpu *cpu, int64_t side, int64_t in, int64_t out, bool up2) {
    int64_t out_side = up2 ? 2 * side : side;
    i4_weight w = weight_of(I4_W_BF16, out, 9 * in);
    w.kernel = 3;
    i4_op op = {.kind = I4_OP_CONV2D, .in = {matrix(side * side, in)}, .origin = -1, .up2 = up2};
    op.out = matrix(out_side * out_side, out);
    op.weight[0] = &w;
    op.in[0].rank = op.out.rank = 3;
    op.in[0].dim[0] = op.in[0].dim[1] = side;
    op.in[0].dim[2] = in;
    op.out.dim[0] = op.out.dim[1] = out_side;
    op.out.dim[2] = out;
    measure(cpu, &op);
    i4_free(op.in[0].data);
    i4_free(op.out.data);
    weight_drop(&w);
}

int main(int argc, char **argv) {
    with_peers = argc > 1 && strcmp(argv[argc - 1], "--peer") == 0;
    argc -= with_peers;
    static const int64_t heights[] = {1, 8, 64, 320, 600};
    i4_backend_options options = {.isa = argc > 1 ? argv[1] : "auto"};
    options.threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    int64_t only = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    void *state = NULL;
    i4_err err = {0};
    if (!i4_backend_cpu.open(&options, &state, &err)) {
        fprintf(stderr, "bench_linear: %s\n", err.text);
        return 1;
    }
    i4_cpu *cpu = state;
    printf("op,out,in,rows,format,isa,threads,seconds,gflops,share_of_peak\n");
    for (int i = 0; i < 5; i++) {
        int64_t rows = only > 0 ? only : heights[i];
        linear(cpu, I4_OP_LINEAR, I4_W_AFFINE8, 13824, 4608, rows);
        linear(cpu, I4_OP_LINEAR, I4_W_AFFINE4, 13824, 4608, rows);
        linear(cpu, I4_OP_LINEAR, I4_W_FP8, 13824, 4608, rows);
        linear(cpu, I4_OP_LINEAR, I4_W_BF16, 13824, 4608, rows);
        linear(cpu, I4_OP_LINEAR, I4_W_AFFINE8, 4608, 4608, rows);
        linear(cpu, I4_OP_LINEAR, I4_W_AFFINE8, 4608, 12288, rows);
        linear(cpu, I4_OP_LINEAR_SWIGLU, I4_W_AFFINE8, 12288, 4608, rows);
        if (only > 0) {
            break;
        }
    }
    conv(cpu, 64, 32, 512, false);
    conv(cpu, 64, 512, 512, false);
    conv(cpu, 64, 512, 512, true);
    conv(cpu, 256, 128, 128, false);
    conv(cpu, 256, 128, 3, false);
    i4_backend_cpu.close(state);
    return 0;
}
