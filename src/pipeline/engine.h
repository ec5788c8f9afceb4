/* Floor 4. The working half: one engine draws one picture at a time, on one thread. Owns the
 * backend's state, the slab of activations, the set of adapters, the prompt cache and the cancel
 * flag. */
#ifndef I4_PIPELINE_ENGINE_H
#define I4_PIPELINE_ENGINE_H

#include "image/image.h"
#include "model/host.h"
#include "pipeline/model.h"
#include "pipeline/preview.h"
#include "tensor/wrap.h"

typedef enum i4_phase {
    I4_PHASE_LOAD,
    I4_PHASE_ENCODE,
    I4_PHASE_DENOISE,
    I4_PHASE_DECODE
} i4_phase;

typedef struct i4_progress {
    i4_phase phase;
    int step_index, step_count, layer_index, layer_count;
    double fraction, seconds, step_seconds;
} i4_progress;
typedef bool (*i4_progress_fn)(const i4_progress *progress, void *user); /* false cancels */

/* What a picture will take, from the measuring backend, with these adapters (an engine's, by slot;
 * NULL: none). */
typedef struct i4_plan {
    size_t encode_bytes, denoise_bytes, decode_bytes; /* slab */
    size_t slab_bytes;                                /* the largest of them */
    size_t host_bytes; /* features, tables, latents, picture, scratch: beside the slab */
    double encode_flops, denoise_flops, decode_flops; /* denoise: all steps */
    uint64_t resident_bytes;
    bool staged;
} i4_plan;
bool i4_plan_make(const i4_model *model, i4_lowrank **adapters, int tokens, int width, int height,
                  const i4_schedule *schedule, i4_plan *plan, i4_err *err);

/* Text features of one prompt, kept for the next picture with the same words. */
typedef struct i4_cached_prompt {
    int32_t *ids;
    int count;
    void *features; /* [count, features] in act dtype */
    size_t bytes;
    uint64_t used_at;
} i4_cached_prompt;
void i4_prompt_drop(i4_cached_prompt *prompt);
enum { I4_PROMPT_CACHE = 4, I4_PROMPT_CACHE_BYTES = 256 << 20 };

typedef struct i4_engine {
    i4_model *model;
    void *state;
    i4_ctx ctx;
    i4_preview_wish preview; /* set before the first picture */
    i4_trace trace;          /* when profiling: ctx runs on the trace wrapper over `state` */
    i4_lowrank **adapters;   /* owned, by slot */
    i4_lowrank *adapter_nodes;
    i4_cached_prompt cache[I4_PROMPT_CACHE];
    uint64_t clock;
    atomic_bool cancel; /* set by any thread, cleared when a picture begins */
    /* of the running call */
    i4_progress_fn progress_fn;
    void *progress_user;
    i4_progress progress;
    double started, phase_base, phase_share, denoise_started;
    bool staged;
} i4_engine;

i4_engine *i4_engine_new(i4_model *model, i4_trace_fn profile, void *profile_user, i4_err *err);
void i4_engine_free(i4_engine *engine);

typedef struct i4_adapter_use {
    const i4_lora *lora;
    double strength;
} i4_adapter_use;
bool i4_engine_adapters(i4_engine *engine, const i4_adapter_use *uses, size_t count, i4_err *err);

typedef struct i4_request {
    i4_str caption;
    bool strict;
    int width, height;
    i4_schedule *schedule; /* borrowed */
    uint64_t seed;
    const float *noise; /* NULL: seeded */
} i4_request;

typedef struct i4_stats {
    int prompt_tokens, warnings;
    bool prompt_cached;
    double encode_seconds, denoise_seconds, decode_seconds, total_seconds;
    size_t activation_peak;
} i4_stats;

bool i4_generate(i4_engine *engine, const i4_request *request, i4_progress_fn progress, void *user,
                 i4_image *image, i4_stats *stats, i4_err *err);

/* The stages alone, for parity tests and research. Host arrays; features in float32. */
bool i4_stage_encode(i4_engine *engine, const int32_t *ids, int count, float *features,
                     i4_err *err);
bool i4_stage_velocity(i4_engine *engine, const float *features, int tokens, int gh, int gw,
                       const float *z, float t, float *out, i4_err *err);
bool i4_stage_sample(i4_engine *engine, const float *features, int tokens, int gh, int gw,
                     const i4_schedule *schedule, const float *noise, float *z1, float *latents,
                     i4_err *err);
bool i4_stage_decode(i4_engine *engine, const float *latents, int gh, int gw, float *rgb,
                     i4_image *image, i4_err *err);

#endif
