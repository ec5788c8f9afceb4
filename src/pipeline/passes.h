/* Floor 4. The three passes over one context: each from host arrays to host arrays. The same
 * functions run on a real backend and on the measuring one (then host pointers may be NULL). */
#ifndef I4_PIPELINE_PASSES_H
#define I4_PIPELINE_PASSES_H

#include "model/host.h"
#include "pipeline/model.h"

/* ids [n] → features [n, features] in act dtype. */
bool i4_pass_encode(i4_ctx *ctx, const i4_model *model, const int32_t *ids, int n,
                    const float *rope, void *features);

/* Somebody who looks at the latents between steps: asked once at each state, from 0 finished steps
 * (the noise) to all of them, and shown those that are wanted. */
typedef struct i4_latent_watch {
    bool (*wants)(int done, void *user);
    void (*see)(int done, const float *z, void *user); /* z: borrowed during the call */
    void *user;
} i4_latent_watch;

typedef struct i4_denoise {
    const void *features; /* [tokens, features] in act dtype; tokens 0: text-free only */
    int tokens, gh, gw;
    const i4_schedule *schedule;
    int run_steps;       /* how many of them are run: all, but one when measuring */
    const float *rope;   /* [tokens + gh·gw, head_dim] */
    const float *noise;  /* [gh·gw, channels] */
    float *z1, *latents; /* results; z1 may be NULL */
    void (*on_step)(int step, int count, void *user);
    void *user;
    const i4_latent_watch *watch; /* NULL: none; with one, latents is needed */
} i4_denoise;
bool i4_pass_denoise(i4_ctx *ctx, const i4_model *model, const i4_denoise *d);

/* One velocity; tokens 0 uses the text-free transformer. */
bool i4_pass_velocity(i4_ctx *ctx, const i4_model *model, const i4_denoise *d, float *out);

#endif
