/* One picture: caption, text tower, sampler, decoder; progress and cancel at every layer. */
#include "pipeline/engine.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "caption/caption.h"
#include "pipeline/passes.h"

#include <stdio.h>
#include <string.h>

/* Everything a picture needs on the host, freed together. */
typedef struct job {
    const i4_request *request;
    int gh, gw;
    char *prompt;
    int32_t *ids;
    size_t id_count;
    float *rope_text, *rope, *noise, *latents;
    const i4_cached_prompt *features;
    i4_plan plan;
} job;

static void job_free(job *j) {
    i4_free(j->prompt);
    i4_free(j->ids);
    i4_free(j->rope_text);
    i4_free(j->rope);
    i4_free(j->noise);
    i4_free(j->latents);
}

/* --- progress ---------------------------------------------------------------------------- */

static bool on_layer(const char *stage, int index, int count, void *user) {
    (void)stage;
    i4_engine *e = user;
    i4_progress *p = &e->progress;
    if (atomic_load_explicit(&e->cancel, memory_order_relaxed)) {
        return false;
    }
    p->layer_index = index;
    p->layer_count = count;
    p->seconds = i4_seconds() - e->started;
    const bool steps = p->phase == I4_PHASE_DENOISE;
    const double step = (double)p->step_index + (double)index / (double)count;
    /* before the first step (modulations of all steps) nothing counts as done */
    const double done = !steps ? step : p->step_count > 0 ? step / (double)p->step_count : 0.0;
    const double fraction = e->phase_base + e->phase_share * done;
    p->fraction = fraction > p->fraction ? fraction : p->fraction;
    return e->progress_fn == NULL || e->progress_fn(p, e->progress_user);
}

static void on_step(int step, int count, void *user) {
    i4_engine *e = user;
    e->progress.step_index = step;
    e->progress.step_count = count;
    if (step == 0) {
        e->denoise_started = i4_seconds();
    } else {
        e->progress.step_seconds = (i4_seconds() - e->denoise_started) / (double)step;
    }
}

/* A phase begins: its share of the whole by arithmetic, its weights wanted. */
static void enter_phase(i4_engine *e, const i4_plan *plan, i4_phase phase) {
    const double flops[] = {0.0, plan->encode_flops, plan->denoise_flops, plan->decode_flops};
    const double total = flops[1] + flops[2] + flops[3];
    e->phase_base = 0.0;
    for (int i = 0; i < (int)phase; i++) {
        e->phase_base += flops[i] / total;
    }
    e->phase_share = flops[phase] / total;
    e->progress.phase = phase;
    e->progress.step_index = 0;
    e->progress.step_count = 0;
    i4_ctx_reset(&e->ctx);
}

static bool leave_phase(i4_engine *e, bool ok, i4_err *err) {
    if (!ok && err != NULL && e->ctx.err.status != I4_E_OK) {
        *err = e->ctx.err;
    }
    return ok;
}

static void give_back(const i4_engine *e, i4_part part) {
    if (e->staged) {
        i4_store_done(e->model->store[part]);
    }
}

/* --- prompt ------------------------------------------------------------------------------ */

static bool check_tokens(const job *j, i4_err *err) {
    return j->id_count <= I4_LIMIT_PROMPT_TOKENS ||
           i4_fail(err, I4_E_INVALID_ARGUMENT,
                   "the caption takes %zu tokens; the model's limit is %d: shorten it", j->id_count,
                   I4_LIMIT_PROMPT_TOKENS);
}

static bool read_prompt(i4_engine *e, job *j, i4_stats *stats, i4_err *err) {
    i4_findings findings = {0};
    size_t len = 0;
    if (!i4_caption_prepare(j->request->caption, j->request->strict, &j->prompt, &len, &findings,
                            err)) {
        i4_findings_free(&findings);
        return false;
    }
    for (size_t i = 0; i < findings.count; i++) {
        i4_log(I4_LOG_WARN, "caption", "%s: %s", findings.item[i].path, findings.item[i].text);
    }
    stats->warnings = (int)findings.count;
    i4_findings_free(&findings);
    return i4_tokenizer_encode_prompt(e->model->tokenizer, i4_str_of(j->prompt, len), &j->ids,
                                      &j->id_count, err) &&
           check_tokens(j, err);
}

static i4_cached_prompt *cache_find(i4_engine *e, const job *j) {
    for (int i = 0; i < I4_PROMPT_CACHE; i++) {
        i4_cached_prompt *c = &e->cache[i];
        if (c->features != NULL && (size_t)c->count == j->id_count &&
            memcmp(c->ids, j->ids, j->id_count * sizeof *j->ids) == 0) {
            c->used_at = ++e->clock;
            return c;
        }
    }
    return NULL;
}

/* Empties the least recently used entries until `bytes` more fit and one entry is free. */
static i4_cached_prompt *cache_make_room(i4_engine *e, size_t bytes) {
    /* under a budget only what the plan counts is kept: the prompt in use */
    const size_t most = e->model->memory_budget != 0 ? bytes : I4_PROMPT_CACHE_BYTES;
    for (;;) {
        i4_cached_prompt *empty = NULL, *oldest = NULL;
        size_t sum = bytes;
        for (int i = 0; i < I4_PROMPT_CACHE; i++) {
            i4_cached_prompt *c = &e->cache[i];
            sum += c->bytes;
            if (c->features == NULL) {
                empty = c;
            } else if (oldest == NULL || c->used_at < oldest->used_at) {
                oldest = c;
            }
        }
        if (empty != NULL && (oldest == NULL || sum <= most)) {
            return empty;
        }
        i4_prompt_drop(oldest);
    }
}

static bool encode(i4_engine *e, job *j, i4_stats *stats, i4_err *err) {
    const i4_text_config *c = &e->model->config.text;
    const int n = (int)j->id_count;
    stats->prompt_tokens = n;
    j->features = cache_find(e, j);
    stats->prompt_cached = j->features != NULL;
    if (stats->prompt_cached) {
        return true;
    }
    const size_t bytes =
        (size_t)n * (size_t)c->width * (size_t)c->tap_count * i4_dtype_size(e->ctx.caps.act);
    i4_cached_prompt *entry = cache_make_room(e, bytes);
    void *features = i4_malloc(bytes);
    int32_t *ids = i4_malloc(j->id_count * sizeof *ids);
    j->rope_text = i4_malloc((size_t)n * (size_t)c->head_dim * sizeof(float));
    bool ok = features != NULL && ids != NULL && j->rope_text != NULL;
    if (!ok) {
        i4_fail_memory(err, "text features", bytes);
    } else {
        memcpy(ids, j->ids, j->id_count * sizeof *ids);
        i4_rope_text(n, c->head_dim, c->rope_theta, j->rope_text);
        enter_phase(e, &j->plan, I4_PHASE_ENCODE);
        i4_store_need(e->model->store[I4_PART_TEXT]);
        ok = leave_phase(e, i4_pass_encode(&e->ctx, e->model, ids, n, j->rope_text, features), err);
        give_back(e, I4_PART_TEXT);
    }
    if (!ok) {
        i4_free(features);
        i4_free(ids);
        return false;
    }
    *entry = (i4_cached_prompt){ids, n, features, bytes, ++e->clock};
    j->features = entry;
    return true;
}

/* --- sampler and decoder ----------------------------------------------------------------- */

static bool denoise(i4_engine *e, job *j, i4_err *err) {
    const i4_dit_config *c = &e->model->config.cond;
    const size_t image = (size_t)j->gh * (size_t)j->gw, count = image * (size_t)c->channels;
    const int n = (int)j->id_count;
    j->rope = i4_malloc(((size_t)n + image) * (size_t)c->head_dim * sizeof(float));
    j->latents = i4_malloc(count * sizeof(float));
    if (j->request->noise == NULL) {
        j->noise = i4_malloc(count * sizeof(float));
    }
    if (j->rope == NULL || j->latents == NULL || (j->request->noise == NULL && j->noise == NULL)) {
        return i4_fail_memory(err, "the latents", count * sizeof(float));
    }
    if (j->noise != NULL) {
        i4_noise(j->request->seed, j->noise, count);
    }
    i4_rope_dit(c, n, j->gh, j->gw, j->rope);
    i4_previewer previewer;
    i4_previewer_begin(&previewer, i4_model_projection(e->model), j->request->schedule, j->gh,
                       j->gw, e->preview);
    const i4_latent_watch watch = i4_previewer_watch(&previewer);
    const i4_denoise d = {.features = j->features->features,
                          .tokens = n,
                          .gh = j->gh,
                          .gw = j->gw,
                          .schedule = j->request->schedule,
                          .run_steps = j->request->schedule->steps,
                          .rope = j->rope,
                          .noise = j->noise != NULL ? j->noise : j->request->noise,
                          .latents = j->latents,
                          .on_step = on_step,
                          .user = e,
                          .watch = e->preview.fn != NULL ? &watch : NULL};
    enter_phase(e, &j->plan, I4_PHASE_DENOISE);
    i4_store_need(e->model->store[I4_PART_COND]);
    i4_store_need(e->model->store[I4_PART_FREE]);
    const bool ok = leave_phase(e, i4_pass_denoise(&e->ctx, e->model, &d), err);
    i4_previewer_end(&previewer);
    give_back(e, I4_PART_COND);
    give_back(e, I4_PART_FREE);
    return ok;
}

/* A model without a projection gets one before the first picture that wants previews. False only
 * when that was cancelled: no other failure of previews is one of the picture. */
static bool learn_projection(i4_engine *e, const job *j, i4_err *err) {
    if (e->preview.fn == NULL || i4_model_projection(e->model) != NULL) {
        return true;
    }
    i4_err why = {0};
    const size_t peak = e->ctx.peak;
    enter_phase(e, &j->plan, I4_PHASE_ENCODE);
    i4_store_need(e->model->store[I4_PART_VAE]);
    i4_projection *p = i4_projection_learn(&e->ctx, &e->model->vae, &why);
    give_back(e, I4_PART_VAE);
    e->ctx.peak = peak; /* of the picture itself */
    if (p != NULL) {
        i4_model_take_projection(e->model, p);
    } else if (why.status == I4_E_CANCELLED) {
        return i4_fail(err, I4_E_CANCELLED, "%s", why.text);
    } else {
        i4_log(I4_LOG_WARN, "preview", "no projection for previews: %s", why.text);
    }
    return true;
}

static bool decode(i4_engine *e, job *j, i4_image *image, i4_err *err) {
    enter_phase(e, &j->plan, I4_PHASE_DECODE);
    i4_store_need(e->model->store[I4_PART_VAE]);
    const bool ok =
        i4_image_new(image, j->gw * 16, j->gh * 16, err) &&
        leave_phase(
            e, i4_vae_decode(&e->ctx, &e->model->vae, j->latents, j->gh, j->gw, image->rgb, NULL),
            err);
    give_back(e, I4_PART_VAE);
    return ok;
}

/* --- the whole --------------------------------------------------------------------------- */

static const char *say_bytes(uint64_t bytes, char out[32]) {
    const bool small = bytes < UINT64_C(1000000000);
    snprintf(out, 32, "%.1f %s", (double)bytes / (small ? 1e6 : 1e9), small ? "MB" : "GB");
    return out;
}

static bool check_budget(const i4_engine *e, const i4_plan *plan, const i4_request *r,
                         i4_err *err) {
    const uint64_t budget = e->model->memory_budget;
    const uint64_t work = plan->slab_bytes + plan->host_bytes;
    const uint64_t room = i4_memory_available();
    char need[32], have[32];
    if (budget != 0 && plan->resident_bytes > budget) {
        return i4_fail(err, I4_E_OUT_OF_MEMORY,
                       "a %d×%d picture takes %s with this model, over the budget of %s: choose a "
                       "smaller picture or a larger budget",
                       r->width, r->height, say_bytes(plan->resident_bytes, need),
                       say_bytes(budget, have));
    }
    if (room != 0 && work > room) {
        return i4_fail(err, I4_E_OUT_OF_MEMORY,
                       "a %d×%d picture takes %s beside the weights and only %s are free: choose "
                       "a smaller picture",
                       r->width, r->height, say_bytes(work, need), say_bytes(room, have));
    }
    return true;
}

static bool prepare(i4_engine *e, job *j, i4_stats *stats, i4_err *err) {
    const i4_request *r = j->request;
    if (!read_prompt(e, j, stats, err) ||
        !i4_plan_make(e->model, e->adapters, (int)j->id_count, r->width, r->height, r->schedule,
                      &j->plan, err) ||
        !check_budget(e, &j->plan, r, err)) {
        return false;
    }
    e->staged = j->plan.staged;
    i4_ctx_reset(&e->ctx);
    e->ctx.peak = 0;
    e->ctx.layer_fn = on_layer;
    e->ctx.layer_user = e;
    e->ctx.capacity = j->plan.slab_bytes;
    return e->ctx.backend->reserve(e->ctx.state, j->plan.slab_bytes, err);
}

bool i4_generate(i4_engine *e, const i4_request *request, i4_progress_fn progress, void *user,
                 i4_image *image, i4_stats *stats, i4_err *err) {
    job j = {.request = request, .gh = request->height / 16, .gw = request->width / 16};
    double at[4] = {i4_seconds(), 0.0, 0.0, 0.0};
    memset(stats, 0, sizeof *stats);
    memset(image, 0, sizeof *image);
    atomic_store_explicit(&e->cancel, false, memory_order_relaxed);
    e->progress = (i4_progress){0};
    e->progress_fn = progress;
    e->progress_user = user;
    e->started = at[0];
    bool ok =
        prepare(e, &j, stats, err) && encode(e, &j, stats, err) && learn_projection(e, &j, err);
    at[1] = i4_seconds();
    ok = ok && denoise(e, &j, err);
    at[2] = i4_seconds();
    ok = ok && decode(e, &j, image, err);
    at[3] = i4_seconds();
    stats->encode_seconds = at[1] - at[0];
    stats->denoise_seconds = at[2] - at[1];
    stats->decode_seconds = at[3] - at[2];
    stats->total_seconds = at[3] - at[0];
    stats->activation_peak = e->ctx.peak;
    i4_ctx_reset(&e->ctx);
    e->ctx.backend->reserve(e->ctx.state, 0, NULL);
    e->ctx.layer_fn = NULL;
    job_free(&j);
    if (!ok) {
        i4_image_free(image);
    }
    return ok;
}
