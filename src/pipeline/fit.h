/* Floor 4. The projection of previews by least squares, from latents and the pictures that the
 * decoder made of them. A sample is a whole token, which gives 4×4 pixels of a preview, or one of
 * its four cells, each of which gives 2×2: these share one fit, for which few samples are enough.
 * docs/model.md 16. */
#ifndef I4_PIPELINE_FIT_H
#define I4_PIPELINE_FIT_H

#include "base/status.h"
#include "model/config.h"

#include <stdint.h>

/* Pixels of a preview that one token gives in each direction, and its values: 3 for each. */
enum { I4_PREVIEW_SIDE = 4, I4_PREVIEW_VALUES = I4_PREVIEW_SIDE * I4_PREVIEW_SIDE * 3 };

/* Sums over all samples: the normal equations. */
typedef struct i4_fit i4_fit;

/* What a sample is, by the pixels that it gives in each direction. */
enum { I4_FIT_CELL = I4_PREVIEW_SIDE / I4_PATCH, I4_FIT_TOKEN = I4_PREVIEW_SIDE };

/* config: borrowed until i4_fit_free. side: I4_FIT_CELL or I4_FIT_TOKEN. */
i4_fit *i4_fit_new(const i4_config *config, int side, i4_err *err);
void i4_fit_free(i4_fit *fit);
size_t i4_fit_bytes(const i4_config *config, int side); /* what new and solve take at most */

/* Latents z [gh·gw, channels] as the last step left them, and their picture [16·gh, 16·gw, 3]. */
void i4_fit_add(i4_fit *fit, const float *z, int gh, int gw, const uint8_t *rgb);

/* projection [channels + 1, I4_PREVIEW_VALUES]: values 0…255 from a token and a constant 1.
 * correlation (may be NULL): of the fitted with the given values, over all samples. False without
 * memory, and when the samples determine nothing. */
bool i4_fit_solve(const i4_fit *fit, float *projection, double *correlation, i4_err *err);

#endif
