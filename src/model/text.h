/* Floor 3. The text tower: the language half of Qwen3-VL, of which only the residual stream after
 * certain layers (taps) is used. Source: docs/model.md 4. */
#ifndef I4_MODEL_TEXT_H
#define I4_MODEL_TEXT_H

#include "model/config.h"
#include "tensor/ops.h"
#include "weights/store.h"

typedef struct i4_text_layer {
    i4_tensor input_norm, post_norm; /* [width] */
    i4_tensor q_norm, k_norm;        /* [head_dim] */
    i4_weight *q, *k, *v;            /* [heads·head_dim | kv_heads·head_dim, width] */
    i4_weight *o;                    /* [width, heads·head_dim] */
    i4_weight *gate, *up, *down;     /* [ff, width], [ff, width], [width, ff] */
} i4_text_layer;

typedef struct i4_text {
    const i4_text_config *config; /* borrowed */
    i4_weight *embed;             /* [vocabulary, width] */
    int layer_count;              /* up to the last tap */
    i4_text_layer *layer;         /* owned */
} i4_text;

/* Weights are borrowed from the store. */
bool i4_text_load(i4_text *text, const i4_text_config *config, i4_store *store, i4_err *err);
void i4_text_unload(i4_text *text);

/* ids [n] on the host, each below vocabulary → features [n, width·taps], tap index fastest, in act
 * dtype. Hook stage "encode". */
i4_tensor i4_text_features(i4_ctx *ctx, const i4_text *text, const int32_t *ids, int n,
                           const float *rope_table);

#endif
