/* Floor 3. The decoder of the FLUX.2 autoencoder: latents to pixels. Source: docs/model.md 11 to
 * 13.
 *
 * Large maps never exist twice, the largest not at all: see the top of vae.c. */
#ifndef I4_MODEL_VAE_H
#define I4_MODEL_VAE_H

#include "model/config.h"
#include "tensor/ops.h"
#include "weights/store.h"

typedef struct i4_vae_norm {
    i4_tensor gain, bias; /* [channels] */
} i4_vae_norm;

typedef struct i4_vae_resnet {
    i4_vae_norm norm1, norm2;
    i4_weight *conv1, *conv2; /* 3×3 */
    i4_weight *shortcut;      /* 1×1, NULL when the channels do not change */
} i4_vae_resnet;

enum { I4_VAE_RESNETS_MAX = 16 };

typedef struct i4_vae {
    const i4_config *config; /* borrowed */
    i4_weight *post_quant, *conv_in;
    i4_vae_resnet mid[2];
    i4_vae_norm attention_norm;
    i4_weight *to_q, *to_k, *to_v, *to_out;
    i4_vae_resnet up[I4_VAE_LEVELS][I4_VAE_RESNETS_MAX];
    i4_weight *upsample[I4_VAE_LEVELS]; /* none after the last level */
    i4_vae_norm norm_out;
    i4_weight *conv_out;
} i4_vae;

bool i4_vae_load(i4_vae *vae, const i4_config *config, i4_store *store, i4_err *err);

/* z [gh·gw, channels] f32 on the host → rgb [16·gh, 16·gw, 3] u8 and, if not NULL, float_rgb of the
 * same shape before clamping. NULL outputs (measuring) are not written. False: see ctx->err.
 * Hook stage "decode". */
bool i4_vae_decode(i4_ctx *ctx, const i4_vae *vae, const float *z, int gh, int gw, uint8_t *rgb,
                   float *float_rgb);

#endif
