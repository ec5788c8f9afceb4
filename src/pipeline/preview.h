/* Floor 4. Pictures before the picture: the predicted clean latents after a step, through a fixed
 * linear projection of each token to 4×4 pixels (2×2 when a side has more than 64 tokens).
 * docs/model.md 16.
 *
 * Nothing here fails a picture: without memory there is no preview. */
#ifndef I4_PIPELINE_PREVIEW_H
#define I4_PIPELINE_PREVIEW_H

#include "model/host.h"
#include "pipeline/passes.h"
#include "pipeline/projection.h"

typedef struct i4_preview {
    int step, step_count; /* finished steps, from 1 */
    int width, height;
    const uint8_t *rgb; /* borrowed during the call */
} i4_preview;
typedef void (*i4_preview_fn)(const i4_preview *preview, void *user);

typedef struct i4_preview_wish {
    i4_preview_fn fn; /* NULL: none are wanted */
    void *user;
    double pause; /* least seconds between two; the last step always has one */
} i4_preview_wish;

/* Watches one picture being drawn. */
typedef struct i4_previewer {
    const i4_projection *projection; /* borrowed */
    const i4_schedule *schedule;     /* borrowed */
    i4_preview_wish wish;
    int gh, gw, side;      /* side: pixels of a token */
    void *block;           /* owns what follows; taken at the first look, given back at the end */
    float *table;          /* [channels + 1, side·side·3] */
    float *before, *after; /* projected states [gh·gw, side·side·3] */
    uint8_t *rgb;
    bool has_before; /* the state one step ago is in `before` */
    bool shows, keeps;
    double shown_at, looked_at;
} i4_previewer;

/* projection may be NULL: then nothing is ever wanted. Ends with i4_previewer_end, which gives the
 * memory back. */
void i4_previewer_begin(i4_previewer *p, const i4_projection *projection,
                        const i4_schedule *schedule, int gh, int gw, i4_preview_wish wish);
i4_latent_watch i4_previewer_watch(i4_previewer *p);
void i4_previewer_end(i4_previewer *p);

/* What they take at most while they watch. */
size_t i4_previewer_bytes(int channels, int gh, int gw);

#endif
