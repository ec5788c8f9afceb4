/* Floor 1. The two ways of attention; private to cpu/. */
#ifndef I4_BACKEND_CPU_ATTENTION_H
#define I4_BACKEND_CPU_ATTENTION_H

#include "backend/cpu/gemm.h"

/* attention_bf16.c: the matrix kernels can do it (their machine multiplies pairs of bf16, the head
 * is a multiple of 32, operands are bf16). */
bool i4_attention_fits_bf16(const i4_cpu *cpu, const i4_op *op);
void i4_attention_bf16(i4_cpu *cpu, const i4_op *op);

#endif
