/* Floor 1. What a tensor of given dtype and shape takes in a safetensors file. */
#ifndef I4_IO_ST_SIZE_H
#define I4_IO_ST_SIZE_H

#include "io/safetensors.h"

/* False when it does not fit 63 bits or is not a whole number of bytes. */
bool i4_st_decl_bytes(i4_st_dtype dtype, int rank, const int64_t *dim, uint64_t *bytes);

#endif
