/* Floor 4. The projection of previews: from the latents of one token to 4×4 pixels. It comes with a
 * model or is learnt from its decoder. docs/model.md 16. */
#ifndef I4_PIPELINE_PROJECTION_H
#define I4_PIPELINE_PROJECTION_H

#include "model/vae.h"
#include "pipeline/fit.h"

/* Of one model: immutable once made. */
typedef struct i4_projection {
    int channels;
    float value[]; /* [channels + 1, I4_PREVIEW_VALUES] */
} i4_projection;

/* From a model's preview.safetensors: proved to fit the model and to hold numbers only. */
i4_projection *i4_projection_read(const char *path, int channels, i4_err *err);
/* Fitted to what the decoder makes of latents that it is given here: patches of random colours,
 * 256×256 pixels, in the slab of any picture. NULL: see err; CANCELLED when the
 * context's layer hook stopped it. The context needs a reset then. */
i4_projection *i4_projection_learn(i4_ctx *ctx, const i4_vae *vae, i4_err *err);
void i4_projection_free(i4_projection *projection);
size_t i4_projection_bytes(int channels);

#endif
