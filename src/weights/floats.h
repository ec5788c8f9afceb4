/* Floor 2. Floating tensors of a safetensors file as numbers of this machine. */
#ifndef I4_WEIGHTS_FLOATS_H
#define I4_WEIGHTS_FLOATS_H

#include "io/safetensors.h"
#include "tensor/tensor.h"

/* F32, F16 or BF16? Then its weight format and its dtype (both may be NULL). */
bool i4_float_kind(i4_st_dtype stored, i4_format *format, i4_dtype *dtype);
/* count numbers from `data` (any alignment) in float32. */
void i4_floats_read(i4_dtype dtype, const uint8_t *data, size_t count, float *out);
bool i4_floats_finite(i4_dtype dtype, const uint8_t *data, size_t count);

#endif
