/* Floor 2. LoKr: a Kronecker product written as a low-rank pair, exactly. */
#ifndef I4_WEIGHTS_LOKR_H
#define I4_WEIGHTS_LOKR_H

#include "io/safetensors.h"
#include "weights/lora.h"
#include "weights/lora_names.h"

typedef struct i4_lokr {
    int64_t rank;
    float *down, *up; /* owned (i4_free): [rank, in], [out, rank] */
    int64_t dim;      /* inner size that alpha is divided by; 0: no factor is decomposed */
} i4_lokr;

/* by_role[role]: that tensor of the layer, NULL if absent; checked to be floating and finite. */
bool i4_lokr_make(const i4_st_tensor *const by_role[I4_LORA_ROLES], int64_t out, int64_t in,
                  const char *path, i4_lokr *lokr, i4_err *err);

#endif
