/* Floor 3. The diffusion transformer, conditional and text-free: one description for both.
 * Source: docs/model.md 5 to 8.
 *
 * What does not change from step to step is computed before the first: text rows, rotation table,
 * time path and all modulations of all steps, folded into the norms' gains. */
#ifndef I4_MODEL_DIT_H
#define I4_MODEL_DIT_H

#include "model/config.h"
#include "tensor/ops.h"
#include "weights/lora.h"
#include "weights/store.h"

typedef struct i4_dit_layer {
    i4_weight *modulation; /* [4·width, adaln] with bias: scale, gate, scale, gate */
    i4_weight *qkv;        /* [3·width, width] */
    i4_weight *o;          /* [width, width] */
    i4_weight *w1, *w3;    /* [ff, width]: gate, up */
    i4_weight *w2;         /* [width, ff] */
    i4_tensor norm_in_attention, norm_out_attention, norm_in_ffn, norm_out_ffn; /* [width] */
    i4_tensor norm_q, norm_k;                                                   /* [head_dim] */
} i4_dit_layer;

typedef struct i4_dit {
    const i4_dit_config *config;   /* borrowed */
    bool has_text;                 /* conditional: llm_cond_* loaded */
    i4_weight *input;              /* [width, channels] + bias (+ image indicator) */
    i4_tensor text_norm;           /* [features] */
    i4_weight *text;               /* [width, features] + bias (+ text indicator) */
    i4_weight *time_in, *time_out; /* [width, width] + bias */
    i4_weight *adaln;              /* [adaln, width] + bias */
    i4_weight *final_modulation;   /* [width, adaln] + bias */
    i4_weight *final;              /* [channels, width] + bias */
    i4_dit_layer *layer;           /* owned, [config->layers] */
} i4_dit;

bool i4_dit_load(i4_dit *dit, const i4_dit_config *config, i4_store *store, bool has_text,
                 i4_err *err);
void i4_dit_unload(i4_dit *dit);

/* Adapter slots are numbered the same way in both transformers. targets: i4_dit_slot_count entries,
 * owned by the caller (names too): free with i4_dit_targets_free. */
int i4_dit_slot_count(const i4_dit_config *config);
bool i4_dit_targets(const i4_dit_config *config, i4_lora_target **targets, i4_err *err);
void i4_dit_targets_free(i4_lora_target *targets, int count);

/* Gains of all steps: one tensor [(layers·4 + 1)·steps, width] f32, see gain_row in dit.c. */
i4_tensor i4_dit_gains(i4_ctx *ctx, const i4_dit *dit, const float *t, int steps);
/* features [n, features] → text rows [n, width] f32, indicator added. */
i4_tensor i4_dit_text_rows(i4_ctx *ctx, const i4_dit *dit, i4_tensor features);
/* Velocity [N, channels] f32 of z [N, channels] f32 at a step. text: [n, width] or i4_none.
 * rope: [n + N, head_dim]. Hook stage "denoise", one call a layer from index `base` of `count`. */
i4_tensor i4_dit_velocity(i4_ctx *ctx, const i4_dit *dit, i4_tensor gains, int step, int steps,
                          i4_tensor z, i4_tensor text, i4_tensor rope, int base, int count);

#endif
