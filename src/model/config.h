/* Floor 3. Sizes of the three networks, read from the configuration files of a model folder;
 * absent files or keys mean the full-size model (docs/model.md 0). Everything is bounded before
 * it is used. Two extensions of the format: `tap_layers` in the text encoder's file, and
 * latent_norm.json in the model's root. */
#ifndef I4_MODEL_CONFIG_H
#define I4_MODEL_CONFIG_H

#include "base/limits.h"
#include "io/manifest.h"

enum { I4_VAE_LEVELS = 4, I4_PATCH = 2, I4_LATENT_MAX = 512 };

typedef struct i4_text_config {
    int vocabulary, width, layers, heads, kv_heads, head_dim, ff;
    float eps;
    double rope_theta;
    int tap[I4_LIMIT_TAPS]; /* ascending layer indices whose outputs are the features */
    int tap_count;
} i4_text_config;

typedef struct i4_dit_config {
    int layers, heads, head_dim, width, ff, adaln, channels, features;
    float eps;
    double rope_theta;
    int mrope[3]; /* sections T, H, W */
} i4_dit_config;

typedef struct i4_vae_config {
    int channels[I4_VAE_LEVELS]; /* from full resolution to the lowest */
    int resnets;                 /* per up block: layers_per_block + 1 */
    int latent, groups;
    bool mid_attention, post_quant_conv;
} i4_vae_config;

typedef struct i4_config {
    i4_text_config text;
    i4_dit_config cond, free;
    i4_vae_config vae;
    float latent_scale[I4_LATENT_MAX], latent_shift[I4_LATENT_MAX]; /* [cond.channels] */
} i4_config;

bool i4_config_read(const i4_manifest *manifest, i4_config *config, i4_err *err);

/* The constants of the full-size model, 128 each. Source: latent_norm.json of the specification
 * (identical in four public implementations). */
extern const float i4_default_latent_shift[128], i4_default_latent_scale[128];

#endif
