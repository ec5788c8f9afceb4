/* Floor 2. All tensors of one component, whichever layout they lie in: names resolved, exact
 * dtypes and shapes proved, storage decided per tensor. Names asked for are those of
 * docs/formats.md section 10 without prefix, VAE attention as `to_out`.
 *
 * Everything returned is owned by the store and lives until i4_store_close; weights point into the
 * mapped files, except what had to be converted (row scales, biases, O,I,H,W convolutions). */
#ifndef I4_WEIGHTS_STORE_H
#define I4_WEIGHTS_STORE_H

#include "io/manifest.h"
#include "tensor/tensor.h"

typedef struct i4_store i4_store;

i4_store *i4_store_open(const i4_manifest *manifest, i4_part part, i4_err *err);
void i4_store_close(i4_store *store);

/* A linear [out, in]; with_bias: a tensor NAME.bias [out] must exist. `name` without ".weight".
 * The returned weight has slot -1 and may be modified (bias, slot) before it is used. */
i4_weight *i4_store_linear(i4_store *store, const char *name, int64_t out, int64_t in,
                           bool with_bias, i4_err *err);
/* An embedding table [rows, cols] (plain or affine). */
i4_weight *i4_store_table(i4_store *store, const char *name, int64_t rows, int64_t cols,
                          i4_err *err);
/* A convolution with bias; logical shape O,I,kernel,kernel. */
i4_weight *i4_store_conv(i4_store *store, const char *name, int64_t out, int64_t in, int kernel,
                         i4_err *err);
/* A float vector (full tensor name) as aligned f32[count]. */
float *i4_store_floats(i4_store *store, const char *name, int64_t count, i4_err *err);
bool i4_store_has(const i4_store *store, const char *name);
/* What most linears are stored as, for reports: "q8", "q4", "bf16", "fp8", … and bytes mapped. */
i4_format i4_store_format(const i4_store *store);
uint64_t i4_store_bytes(const i4_store *store);
/* Page hints: about to be read from start to end / done with for now. */
void i4_store_need(const i4_store *store);
void i4_store_done(const i4_store *store);

#endif
