/* Floor 1. The one blocked product behind linear layers and convolutions; private to cpu/.
 *
 * out[rows, N] = A[rows, K] · W[N, K]ᵀ where a row of A comes from a function, so that nothing but
 * a tile of A exists in the kernels' form, and W is dequantised panel by panel. */
#ifndef I4_BACKEND_CPU_GEMM_H
#define I4_BACKEND_CPU_GEMM_H

#include "backend/cpu/cpu.h"

typedef struct i4_gemm i4_gemm;

/* Puts terms [first, first + count) of A's row into dst, as items of the instruction set. */
typedef void (*i4_gemm_fetch)(const i4_gemm *g, int64_t row, int64_t first, int count, void *dst);
/* Turns a finished row of sums, columns [first, first + count), into the result. For two weights
 * `second` are the sums with the other one. */
typedef void (*i4_gemm_finish)(const i4_gemm *g, int64_t row, int64_t first, int64_t count,
                               const float *sums, const float *second);

struct i4_gemm {
    const i4_op *op;
    int64_t rows;
    const i4_weight *weight[2]; /* same shape; [1] NULL if there is one */
    i4_gemm_fetch fetch;
    i4_gemm_finish finish;
    const i4_tensor *in_place; /* the rows as they lie in memory, or NULL */
    /* set by i4_gemm_run */
    i4_cpu *cpu;
    const i4_gemm_isa *isa;
    int64_t strip, strips; /* columns of a task, and how many there are */
    int64_t block, blocks; /* rows of a task, and how many there are */
    int64_t terms;         /* of a block of K */
    int parts;             /* blocks of K */
};

void i4_gemm_run(i4_cpu *cpu, i4_gemm *g);

/* finish: plain store with the weight's bias */
void i4_gemm_store(const i4_gemm *g, int64_t row, int64_t first, int64_t count, const float *sums,
                   const float *second);

static inline uint8_t *i4_row_at(const i4_tensor *t, int64_t row, int64_t column) {
    return (uint8_t *)t->data + (size_t)(row * t->row_stride + column) * i4_dtype_size(t->dtype);
}

#endif
