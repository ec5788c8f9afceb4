/* Life of an engine, its adapters, and the single stages. */
#include "pipeline/engine.h"

#include "base/memory.h"
#include "pipeline/passes.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* --- life -------------------------------------------------------------------------------- */

i4_engine *i4_engine_new(i4_model *model, i4_trace_fn profile, void *profile_user, i4_err *err) {
    i4_engine *e = i4_calloc(1, sizeof *e);
    if (e == NULL) {
        i4_fail_memory(err, "an engine", sizeof *e);
        return NULL;
    }
    e->model = model;
    atomic_fetch_add_explicit(&model->users, 1, memory_order_relaxed);
    atomic_init(&e->cancel, false);
    const i4_backend *backend = model->backend;
    bool ok = backend->open(&model->backend_options, &e->state, err);
    void *state = e->state;
    if (ok && profile != NULL) {
        e->trace = (i4_trace){backend, e->state, profile, profile_user};
        backend = &i4_backend_trace;
        state = &e->trace;
    }
    if (!ok || !i4_ctx_open(&e->ctx, backend, state, 0, err)) {
        i4_engine_free(e);
        return NULL;
    }
    return e;
}

static void drop_adapters(i4_engine *e) {
    i4_free(e->adapters);
    i4_free(e->adapter_nodes);
    e->adapters = NULL;
    e->adapter_nodes = NULL;
    e->ctx.adapters = NULL;
    e->ctx.adapter_slots = 0;
}

void i4_prompt_drop(i4_cached_prompt *c) {
    i4_free(c->ids);
    i4_free(c->features);
    *c = (i4_cached_prompt){0};
}

void i4_engine_free(i4_engine *e) {
    if (e == NULL) {
        return;
    }
    drop_adapters(e);
    for (int i = 0; i < I4_PROMPT_CACHE; i++) {
        i4_prompt_drop(&e->cache[i]);
    }
    i4_ctx_close(&e->ctx);
    if (e->state != NULL) {
        e->model->backend->close(e->state);
    }
    /* last: from here on another thread may close the model */
    atomic_fetch_sub_explicit(&e->model->users, 1, memory_order_release);
    i4_free(e);
}

/* --- adapters ---------------------------------------------------------------------------- */

bool i4_engine_adapters(i4_engine *e, const i4_adapter_use *uses, size_t count, i4_err *err) {
    const int slots = i4_dit_slot_count(&e->model->config.cond);
    size_t nodes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(uses[i].strength)) {
            return i4_fail(err, I4_E_INVALID_ARGUMENT, "an adapter's strength must be a number");
        }
        nodes += uses[i].lora->part_count;
        for (size_t j = 0; j < uses[i].lora->part_count; j++) {
            const double scale = uses[i].strength * (double)uses[i].lora->part[j].factor;
            if (fabs(scale) > (double)FLT_MAX) {
                return i4_fail(err, I4_E_INVALID_ARGUMENT, "an adapter's strength is too large");
            }
        }
    }
    i4_lowrank **table = i4_calloc((size_t)slots, sizeof(i4_lowrank *));
    i4_lowrank *list = i4_calloc(nodes + 1, sizeof *list);
    if (table == NULL || list == NULL) {
        i4_free(table);
        i4_free(list);
        return i4_fail_memory(err, "the set of adapters", nodes * sizeof *list);
    }
    i4_lowrank *next = list;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < uses[i].lora->part_count; j++) {
            const i4_lora_part *p = &uses[i].lora->part[j];
            const float scale = (float)(uses[i].strength * (double)p->factor);
            if (fabsf(scale) > 0.0f && p->slot >= 0 && p->slot < slots) {
                *next = (i4_lowrank){&p->down, &p->up, p->first, scale, table[p->slot]};
                table[p->slot] = next++;
            }
        }
    }
    drop_adapters(e);
    e->adapters = table;
    e->adapter_nodes = list;
    e->ctx.adapters = table;
    e->ctx.adapter_slots = slots;
    return true;
}

/* --- single stages ----------------------------------------------------------------------- */

/* Host arrays in the backend's activation dtype. */
static void *to_act(const i4_engine *e, const float *in, size_t count, i4_err *err) {
    const size_t size = i4_dtype_size(e->ctx.caps.act);
    void *out = i4_malloc(count * size);
    if (out == NULL) {
        i4_fail_memory(err, "text features", count * size);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (size == 4) {
            ((float *)out)[i] = in[i];
        } else {
            ((uint16_t *)out)[i] = i4_to_bf16(in[i]);
        }
    }
    return out;
}

static bool begin_stage(i4_engine *e, int tokens, int gh, int gw, const i4_schedule *schedule,
                        i4_err *err) {
    i4_plan plan;
    if (!i4_plan_make(e->model, e->adapters, tokens > 0 ? tokens : 1, gw * 16, gh * 16, schedule,
                      &plan, err)) {
        return false;
    }
    i4_ctx_reset(&e->ctx);
    e->ctx.layer_fn = NULL;
    /* the stages alone may need a little more: a float picture */
    e->ctx.capacity = plan.slab_bytes + (size_t)gh * gw * 256 * 3 * sizeof(float) + (1 << 20);
    return e->ctx.backend->reserve(e->ctx.state, e->ctx.capacity, err);
}

static bool end_stage(i4_engine *e, bool ok, i4_err *err) {
    if (!ok && err != NULL && e->ctx.err.status != I4_E_OK) {
        *err = e->ctx.err;
    }
    i4_ctx_reset(&e->ctx);
    return ok;
}

static const i4_schedule *one_step(i4_schedule *s, float t) {
    s->steps = 1;
    s->t[0] = t;
    s->s[0] = 1.0f;
    s->guidance[0] = 7.0f;
    return s;
}

bool i4_stage_encode(i4_engine *e, const int32_t *ids, int count, float *features, i4_err *err) {
    const i4_text_config *c = &e->model->config.text;
    const size_t width = (size_t)c->width * (size_t)c->tap_count;
    const size_t total = (size_t)count * width;
    i4_schedule *s = i4_malloc(sizeof *s);
    float *rope = i4_malloc((size_t)count * (size_t)c->head_dim * sizeof *rope);
    void *act = i4_malloc(total * sizeof(float));
    bool ok = s != NULL && rope != NULL && act != NULL;
    if (!ok) {
        i4_fail_memory(err, "text features", total * sizeof(float));
    }
    ok = ok && begin_stage(e, count, 16, 16, one_step(s, 0.5f), err);
    if (ok) {
        i4_rope_text(count, c->head_dim, c->rope_theta, rope);
        ok = end_stage(e, i4_pass_encode(&e->ctx, e->model, ids, count, rope, act), err);
    }
    for (size_t i = 0; ok && i < total; i++) {
        features[i] =
            e->ctx.caps.act == I4_F32 ? ((float *)act)[i] : i4_from_bf16(((uint16_t *)act)[i]);
    }
    i4_free(act);
    i4_free(rope);
    i4_free(s);
    return ok;
}

/* Runs velocity (out != NULL) or the whole sampler over features in float32. */
static bool denoise_stage(i4_engine *e, const float *features, i4_denoise *d, float *out,
                          i4_err *err) {
    const i4_dit_config *c = &e->model->config.cond;
    const size_t rows = (size_t)d->tokens + (size_t)d->gh * (size_t)d->gw;
    float *rope = i4_malloc(rows * (size_t)c->head_dim * sizeof *rope);
    void *act = to_act(e, features, (size_t)d->tokens * (size_t)c->features, err);
    bool ok = rope != NULL && act != NULL;
    if (rope == NULL) {
        i4_fail_memory(err, "the rotation table", rows * (size_t)c->head_dim * sizeof *rope);
    }
    ok = ok && begin_stage(e, d->tokens, d->gh, d->gw, d->schedule, err);
    if (ok) {
        i4_rope_dit(c, d->tokens, d->gh, d->gw, rope);
        d->features = act;
        d->rope = rope;
        ok = end_stage(e,
                       out != NULL ? i4_pass_velocity(&e->ctx, e->model, d, out)
                                   : i4_pass_denoise(&e->ctx, e->model, d),
                       err);
    }
    i4_free(act);
    i4_free(rope);
    return ok;
}

bool i4_stage_velocity(i4_engine *e, const float *features, int tokens, int gh, int gw,
                       const float *z, float t, float *out, i4_err *err) {
    i4_schedule *s = i4_malloc(sizeof *s);
    if (s == NULL) {
        return i4_fail_memory(err, "a schedule", sizeof *s);
    }
    i4_denoise d = {.tokens = tokens, .gh = gh, .gw = gw, .schedule = one_step(s, t), .noise = z};
    const bool ok = denoise_stage(e, features, &d, out, err);
    i4_free(s);
    return ok;
}

bool i4_stage_sample(i4_engine *e, const float *features, int tokens, int gh, int gw,
                     const i4_schedule *schedule, const float *noise, float *z1, float *latents,
                     i4_err *err) {
    i4_denoise d = {.tokens = tokens,
                    .gh = gh,
                    .gw = gw,
                    .schedule = schedule,
                    .run_steps = schedule->steps,
                    .noise = noise,
                    .z1 = z1,
                    .latents = latents};
    return denoise_stage(e, features, &d, NULL, err);
}

bool i4_stage_decode(i4_engine *e, const float *latents, int gh, int gw, float *rgb,
                     i4_image *image, i4_err *err) {
    i4_schedule *s = i4_malloc(sizeof *s);
    bool ok = s != NULL || i4_fail_memory(err, "a schedule", sizeof *s);
    ok = ok && begin_stage(e, 1, gh, gw, one_step(s, 0.5f), err) &&
         (image == NULL || i4_image_new(image, gw * 16, gh * 16, err));
    if (ok) {
        uint8_t *out = image != NULL ? image->rgb : NULL;
        ok = end_stage(e, i4_vae_decode(&e->ctx, &e->model->vae, latents, gh, gw, out, rgb), err);
    }
    i4_free(s);
    return ok;
}
