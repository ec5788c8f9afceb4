/* Text tower, sampler and their shared preparations, over one context. */
#include "pipeline/passes.h"

bool i4_pass_encode(i4_ctx *ctx, const i4_model *model, const int32_t *ids, int n,
                    const float *rope, void *features) {
    i4_tensor f = i4_text_features(ctx, &model->text, ids, n, rope);
    if (features != NULL) {
        i4_download(ctx, f, features);
    }
    return i4_ctx_ok(ctx);
}

/* What both transformers share, and what each has computed before the first step. */
typedef struct prepared {
    i4_tensor rope, text, gains_cond, gains_free;
} prepared;

static bool skips_free(const i4_schedule *s, int step) {
    return s->guidance[step] >= 1.0f && s->guidance[step] <= 1.0f;
}

static prepared prepare(i4_ctx *ctx, const i4_model *m, const i4_denoise *d) {
    prepared p = {i4_none, i4_none, i4_none, i4_none};
    const i4_dit_config *c = &m->config.cond;
    const int steps = d->schedule->steps;
    p.rope = i4_upload(ctx, I4_F32, 2, d->tokens + (int64_t)d->gh * d->gw, c->head_dim, 1, d->rope);
    if (d->tokens > 0) {
        i4_tensor rows = i4_new(ctx, I4_F32, 2, d->tokens, c->width, 1);
        i4_scope_begin(ctx);
        i4_tensor f = i4_upload(ctx, ctx->caps.act, 2, d->tokens, c->features, 1, d->features);
        i4_copy(ctx, rows, i4_dit_text_rows(ctx, &m->cond, f));
        i4_scope_end(ctx);
        p.text = rows;
        p.gains_cond = i4_dit_gains(ctx, &m->cond, d->schedule->t, steps);
    }
    bool free_used = d->tokens == 0;
    for (int i = 0; i < steps; i++) {
        free_used = free_used || !skips_free(d->schedule, i);
    }
    if (free_used) {
        p.gains_free = i4_dit_gains(ctx, &m->free, d->schedule->t, steps);
    }
    return p;
}

static i4_tensor velocity(i4_ctx *ctx, const i4_model *m, const i4_denoise *d, const prepared *p,
                          bool with_text, int step, i4_tensor z, int base, int count) {
    const int64_t image = (int64_t)d->gh * d->gw;
    return with_text ? i4_dit_velocity(ctx, &m->cond, p->gains_cond, step, d->schedule->steps, z,
                                       p->text, p->rope, base, count)
                     : i4_dit_velocity(ctx, &m->free, p->gains_free, step, d->schedule->steps, z,
                                       i4_none, i4_rows(p->rope, d->tokens, image), base, count);
}

bool i4_pass_velocity(i4_ctx *ctx, const i4_model *m, const i4_denoise *d, float *out) {
    const prepared p = prepare(ctx, m, d);
    i4_tensor z =
        i4_upload(ctx, I4_F32, 2, (int64_t)d->gh * d->gw, m->config.cond.channels, 1, d->noise);
    const bool with_text = d->tokens > 0;
    const int layers = with_text ? m->config.cond.layers : m->config.free.layers;
    i4_download(ctx, velocity(ctx, m, d, &p, with_text, 0, z, 0, layers), out);
    return i4_ctx_ok(ctx);
}

/* Shows the state after `done` steps to the watch, if it wants to see it. */
static void look(i4_ctx *ctx, const i4_denoise *d, int done, i4_tensor z) {
    const i4_latent_watch *w = d->watch;
    if (w == NULL || !i4_ctx_ok(ctx) || !w->wants(done, w->user)) {
        return;
    }
    if (done > 0) {
        i4_download(ctx, z, d->latents);
    }
    if (i4_ctx_ok(ctx)) {
        w->see(done, done > 0 ? d->latents : d->noise, w->user);
    }
}

bool i4_pass_denoise(i4_ctx *ctx, const i4_model *m, const i4_denoise *d) {
    const prepared p = prepare(ctx, m, d);
    const i4_schedule *s = d->schedule;
    const int cond = m->config.cond.layers;
    i4_tensor z =
        i4_upload(ctx, I4_F32, 2, (int64_t)d->gh * d->gw, m->config.cond.channels, 1, d->noise);
    look(ctx, d, 0, z);
    for (int i = 0; i < d->run_steps && i4_ctx_ok(ctx); i++) {
        const int count = skips_free(s, i) ? cond : cond + m->config.free.layers;
        if (d->on_step != NULL) {
            d->on_step(i, s->steps, d->user);
        }
        i4_scope_begin(ctx);
        i4_tensor v_text = velocity(ctx, m, d, &p, true, i, z, 0, count);
        i4_tensor v_free = i4_none;
        if (!skips_free(s, i)) {
            v_free = velocity(ctx, m, d, &p, false, i, z, cond, count);
        }
        i4_cfg_euler(ctx, z, v_text, v_free, s->guidance[i],
                     (float)((double)s->s[i] - (double)s->t[i]));
        i4_scope_end(ctx);
        if (i == 0 && d->z1 != NULL) {
            i4_download(ctx, z, d->z1);
        }
        look(ctx, d, i + 1, z);
    }
    if (d->latents != NULL) {
        i4_download(ctx, z, d->latents);
    }
    return i4_ctx_ok(ctx);
}
