/* The VAE decoder. Reads like docs/model.md 12, over maps that are cut into stripes of rows.
 *
 * A map is a list of stripes; a small one is a single stripe. Group norm needs the statistics of a
 * whole map before any of its rows can be used, so a residual block is two passes over stripes:
 *
 *   A  conv1 of each stripe, for the statistics of norm2 (kept if small, else thrown away);
 *   B  conv1 again where it was thrown away, norm2, conv2, plus the input: the new stripe.
 *
 * New stripes take the place of old ones as the pass goes down the picture, so a large map exists
 * once plus a few stripes. The input of a block may be virtual: a stored map seen through its
 * upsampling convolution, so that the largest map (256 channels at full size) never exists. The
 * recomputation costs a quarter of the decoder at most, well under one percent of a picture. */
#include "model/vae.h"

#include <math.h>
#include <stdio.h>

enum {
    STRIPES = 128,
    STRIPE_BYTES = 24 << 20, /* of a cut map */
    WHOLE_BYTES = 72 << 20   /* up to this size a map is one stripe and intermediates are kept */
};

/* --- loading ----------------------------------------------------------------------------- */

typedef struct loader {
    i4_store *store;
    i4_err *err;
    bool ok;
} loader;

static i4_vae_norm norm(loader *l, const char *name, int channels) {
    i4_vae_norm n = {i4_none, i4_none};
    char full[128];
    snprintf(full, sizeof full, "%s.weight", name);
    const float *gain = l->ok ? i4_store_floats(l->store, full, channels, l->err) : NULL;
    snprintf(full, sizeof full, "%s.bias", name);
    const float *bias = gain != NULL ? i4_store_floats(l->store, full, channels, l->err) : NULL;
    l->ok = bias != NULL;
    if (l->ok) {
        n.gain = i4_const(gain, channels);
        n.bias = i4_const(bias, channels);
    }
    return n;
}

static i4_weight *conv(loader *l, const char *name, int out, int in, int kernel) {
    i4_weight *w = l->ok ? i4_store_conv(l->store, name, out, in, kernel, l->err) : NULL;
    l->ok = w != NULL;
    return w;
}

static i4_weight *linear(loader *l, const char *name, int channels) {
    i4_weight *w = l->ok ? i4_store_linear(l->store, name, channels, channels, true, l->err) : NULL;
    l->ok = w != NULL;
    return w;
}

static void load_resnet(loader *l, i4_vae_resnet *r, const char *name, int in, int out) {
    char full[96];
    snprintf(full, sizeof full, "%s.norm1", name);
    r->norm1 = norm(l, full, in);
    snprintf(full, sizeof full, "%s.conv1", name);
    r->conv1 = conv(l, full, out, in, 3);
    snprintf(full, sizeof full, "%s.norm2", name);
    r->norm2 = norm(l, full, out);
    snprintf(full, sizeof full, "%s.conv2", name);
    r->conv2 = conv(l, full, out, out, 3);
    snprintf(full, sizeof full, "%s.conv_shortcut", name);
    r->shortcut = in != out ? conv(l, full, out, in, 1) : NULL;
}

static void load_mid(loader *l, i4_vae *vae, int channels) {
    load_resnet(l, &vae->mid[0], "decoder.mid_block.resnets.0", channels, channels);
    load_resnet(l, &vae->mid[1], "decoder.mid_block.resnets.1", channels, channels);
    if (vae->config->vae.mid_attention) {
        vae->attention_norm = norm(l, "decoder.mid_block.attentions.0.group_norm", channels);
        vae->to_q = linear(l, "decoder.mid_block.attentions.0.to_q", channels);
        vae->to_k = linear(l, "decoder.mid_block.attentions.0.to_k", channels);
        vae->to_v = linear(l, "decoder.mid_block.attentions.0.to_v", channels);
        vae->to_out = linear(l, "decoder.mid_block.attentions.0.to_out", channels);
    }
}

/* Levels in decoding order: 0 is the lowest resolution, with the last entry of channels. */
static int level_channels(const i4_vae_config *c, int level) {
    return c->channels[I4_VAE_LEVELS - 1 - level];
}

static void load_level(loader *l, i4_vae *vae, int level) {
    const i4_vae_config *c = &vae->config->vae;
    const int out = level_channels(c, level);
    int in = level_channels(c, level > 0 ? level - 1 : 0);
    char name[96];
    for (int i = 0; i < c->resnets; i++, in = out) {
        snprintf(name, sizeof name, "decoder.up_blocks.%d.resnets.%d", level, i);
        load_resnet(l, &vae->up[level][i], name, in, out);
    }
    if (level < I4_VAE_LEVELS - 1) {
        snprintf(name, sizeof name, "decoder.up_blocks.%d.upsamplers.0.conv", level);
        vae->upsample[level] = conv(l, name, out, out, 3);
    }
}

bool i4_vae_load(i4_vae *vae, const i4_config *config, i4_store *store, i4_err *err) {
    const i4_vae_config *c = &config->vae;
    loader l = {store, err, true};
    *vae = (i4_vae){.config = config};
    if (c->post_quant_conv) {
        vae->post_quant = conv(&l, "post_quant_conv", c->latent, c->latent, 1);
    }
    vae->conv_in = conv(&l, "decoder.conv_in", level_channels(c, 0), c->latent, 3);
    load_mid(&l, vae, level_channels(c, 0));
    for (int level = 0; level < I4_VAE_LEVELS; level++) {
        load_level(&l, vae, level);
    }
    vae->norm_out = norm(&l, "decoder.conv_norm_out", c->channels[0]);
    vae->conv_out = conv(&l, "decoder.conv_out", 3, c->channels[0], 3);
    return l.ok;
}

/* --- maps and sources -------------------------------------------------------------------- */

typedef struct map {
    int64_t h, w, c;
    int64_t rows; /* of a stripe; the last may have fewer */
    int count;
    i4_tensor stripe[STRIPES]; /* rank 0 before it is made and after it is dropped */
} map;

static bool is_small(const i4_ctx *ctx, int64_t h, int64_t w, int64_t c) {
    return h * w * c * (int64_t)i4_dtype_size(ctx->caps.act) <= WHOLE_BYTES;
}

static void map_plan(const i4_ctx *ctx, map *m, int64_t h, int64_t w, int64_t c, bool whole) {
    const int64_t row_bytes = w * c * (int64_t)i4_dtype_size(ctx->caps.act);
    *m = (map){.h = h, .w = w, .c = c, .rows = h};
    if (!whole) {
        const int64_t fewest = (h + STRIPES - 1) / STRIPES;
        m->rows = STRIPE_BYTES / row_bytes > fewest ? STRIPE_BYTES / row_bytes : fewest;
    }
    m->count = (int)((h + m->rows - 1) / m->rows);
    for (int i = 0; i < STRIPES; i++) {
        m->stripe[i] = i4_none;
    }
}

static int64_t stripe_end(const map *m, int i) {
    const int64_t end = (i + 1) * m->rows;
    return end < m->h ? end : m->h;
}

/* Drops the stripes that end at or above `row`. */
static void map_drop_above(i4_ctx *ctx, map *m, int64_t row) {
    for (int i = 0; i < m->count && stripe_end(m, i) <= row; i++) {
        if (m->stripe[i].rank != 0) {
            i4_drop(ctx, m->stripe[i]);
            m->stripe[i] = i4_none;
        }
    }
}

/* A map, or a map seen through a 2× upsampling convolution. */
typedef struct source {
    map *m;
    const i4_weight *upsample; /* NULL: the map itself */
    int64_t h, w, c;
} source;

static source source_of(map *m, const i4_weight *upsample) {
    const int64_t grow = upsample != NULL ? 2 : 1;
    return (source){m, upsample, m->h * grow, m->w * grow,
                    upsample != NULL ? upsample->rows : m->c};
}

static int64_t clip(int64_t row, int64_t h) {
    return row < 0 ? 0 : row > h ? h : row;
}

/* norm: {statistics, gain, bias}; applied with silu while copying when stats.rank != 0. */
typedef struct normal {
    i4_tensor stats;
    const i4_vae_norm *norm;
} normal;
static const normal no_norm = {.stats = {.rank = 0}, .norm = NULL};

/* Rows [a, b) of a stored map as one tensor: a view if they lie in one stripe and nothing is to be
 * applied, else a copy. */
static i4_tensor map_rows(i4_ctx *ctx, const map *m, int64_t a, int64_t b, normal n) {
    const int first = (int)(a / m->rows), last = (int)((b - 1) / m->rows);
    if (n.norm == NULL && first == last) {
        return i4_rows(m->stripe[first], a - first * m->rows, b - a);
    }
    i4_tensor out = i4_new(ctx, ctx->caps.act, 3, b - a, m->w, m->c);
    for (int i = first; i <= last; i++) {
        const int64_t top = i * m->rows, from = a > top ? a : top;
        const int64_t to = b < stripe_end(m, i) ? b : stripe_end(m, i);
        const i4_tensor dst = i4_rows(out, from - a, to - from);
        const i4_tensor src = i4_rows(m->stripe[i], from - top, to - from);
        if (n.norm != NULL) {
            i4_groupnorm_into(ctx, dst, src, n.stats, n.norm->gain, n.norm->bias, 1e-6f, true);
        } else {
            i4_copy(ctx, dst, src);
        }
    }
    return out;
}

static i4_tensor source_rows(i4_ctx *ctx, const source *s, int64_t a, int64_t b, normal n) {
    if (s->upsample == NULL) {
        return map_rows(ctx, s->m, a, b, n);
    }
    /* output row r reads upsampled rows r−1 .. r+1, stored rows (r−1)/2 .. (r+1)/2 */
    const int64_t low = clip((a - 1) / 2, s->m->h), high = clip((b + 2) / 2, s->m->h);
    i4_tensor band = map_rows(ctx, s->m, low, high, no_norm);
    i4_tensor x = i4_conv2d_band(ctx, band, s->upsample, true, (int)(a - 1 - 2 * low), b - a);
    if (n.norm != NULL) {
        /* in place: each output element depends on its own input element only */
        i4_groupnorm_into(ctx, x, x, n.stats, n.norm->gain, n.norm->bias, 1e-6f, true);
    }
    return x;
}

/* conv(silu(norm(source))) for output rows [a, b). */
static i4_tensor norm_conv_rows(i4_ctx *ctx, const source *s, normal n, const i4_weight *w,
                                int64_t a, int64_t b) {
    const int64_t from = clip(a - 1, s->h), to = clip(b + 1, s->h);
    i4_tensor x = source_rows(ctx, s, from, to, n);
    return i4_conv2d_band(ctx, x, w, false, (int)(a - 1 - from), b - a);
}

static i4_tensor stats_of(i4_ctx *ctx, const i4_vae *vae, const source *s, int64_t rows) {
    i4_tensor stats = i4_groupnorm_stats_new(ctx, vae->config->vae.groups);
    for (int64_t a = 0; a < s->h && i4_ctx_ok(ctx); a += rows) {
        i4_scope_begin(ctx);
        i4_groupnorm_stats(ctx, stats, source_rows(ctx, s, a, clip(a + rows, s->h), no_norm));
        i4_scope_end(ctx);
    }
    return stats;
}

/* --- residual block ---------------------------------------------------------------------- */

typedef struct hook {
    int index, count;
} hook;

static bool step(i4_ctx *ctx, hook at) {
    return i4_layer(ctx, "decode", at.index, at.count);
}

static i4_tensor keep(i4_ctx *ctx, i4_tensor t) {
    i4_keep(ctx, t);
    return t;
}

/* Pass A: statistics of conv1's result; the result itself goes to mid if that is small. */
static bool pass_a(i4_ctx *ctx, const i4_vae_resnet *r, const source *in, normal n1, map *mid,
                   bool keep_mid, i4_tensor stats2, hook at) {
    for (int i = 0; i < mid->count; i++) {
        if (!step(ctx, at)) {
            return false;
        }
        i4_scope_begin(ctx);
        i4_tensor m = norm_conv_rows(ctx, in, n1, r->conv1, i * mid->rows, stripe_end(mid, i));
        i4_groupnorm_stats(ctx, stats2, m);
        if (keep_mid) {
            mid->stripe[i] = keep(ctx, m);
        }
        i4_scope_end(ctx);
    }
    return true;
}

static i4_tensor second_half(i4_ctx *ctx, const i4_vae_resnet *r, const source *in, normal n1,
                             normal n2, map *mid, bool keep_mid, int64_t a, int64_t b) {
    const source kept = source_of(mid, NULL);
    if (keep_mid) {
        return norm_conv_rows(ctx, &kept, n2, r->conv2, a, b);
    }
    const int64_t from = clip(a - 1, in->h), to = clip(b + 1, in->h);
    i4_tensor m = norm_conv_rows(ctx, in, n1, r->conv1, from, to);
    i4_groupnorm_into(ctx, m, m, n2.stats, n2.norm->gain, n2.norm->bias, 1e-6f, true);
    return i4_conv2d_band(ctx, m, r->conv2, false, (int)(a - 1 - from), b - a);
}

/* Replaces *m (seen through upsample, if not NULL) by the block's result. */
static bool resnet(i4_ctx *ctx, const i4_vae *vae, const i4_vae_resnet *r, map *m,
                   const i4_weight *upsample, bool whole, hook at) {
    const source in = source_of(m, upsample);
    map mid, out;
    /* a whole map means whole intermediates, and those of the input may be the wider ones */
    const int64_t widest = in.c > r->conv1->rows ? in.c : r->conv1->rows;
    map_plan(ctx, &out, in.h, in.w, r->conv1->rows, whole || is_small(ctx, in.h, in.w, widest));
    mid = out;
    const bool keep_mid = out.count == 1;
    if (!step(ctx, at)) {
        return false;
    }
    const normal n1 = {stats_of(ctx, vae, &in, out.rows), &r->norm1};
    const normal n2 = {i4_groupnorm_stats_new(ctx, vae->config->vae.groups), &r->norm2};
    if (!pass_a(ctx, r, &in, n1, &mid, keep_mid, n2.stats, at)) {
        return false;
    }
    for (int i = 0; i < out.count; i++) {
        if (!step(ctx, at)) {
            return false;
        }
        const int64_t a = i * out.rows, b = stripe_end(&out, i);
        i4_scope_begin(ctx);
        i4_tensor y = second_half(ctx, r, &in, n1, n2, &mid, keep_mid, a, b);
        i4_tensor x = source_rows(ctx, &in, a, b, no_norm);
        if (r->shortcut != NULL) {
            x = i4_conv2d(ctx, x, r->shortcut, false);
        }
        i4_residual(ctx, y, x);
        out.stripe[i] = keep(ctx, y);
        i4_scope_end(ctx);
        /* the next stripe reads input rows from b − 2 on (one row more through an upsampling) */
        map_drop_above(ctx, m, upsample != NULL ? (b - 3) / 2 : b - 2);
    }
    map_drop_above(ctx, m, m->h);
    map_drop_above(ctx, &mid, keep_mid ? mid.h : 0);
    i4_drop(ctx, n1.stats);
    i4_drop(ctx, n2.stats);
    *m = out;
    return i4_ctx_ok(ctx);
}

/* Stores the upsampled map of a level: what later blocks would otherwise compute again and again.
 */
static bool upsample_map(i4_ctx *ctx, map *m, const i4_weight *w, hook at) {
    const source in = source_of(m, w);
    map out;
    map_plan(ctx, &out, in.h, in.w, in.c, is_small(ctx, in.h, in.w, in.c));
    for (int i = 0; i < out.count; i++) {
        if (!step(ctx, at)) {
            return false;
        }
        const int64_t b = stripe_end(&out, i);
        i4_scope_begin(ctx);
        out.stripe[i] = keep(ctx, source_rows(ctx, &in, i * out.rows, b, no_norm));
        i4_scope_end(ctx);
        map_drop_above(ctx, m, (b - 1) / 2);
    }
    map_drop_above(ctx, m, m->h);
    *m = out;
    return i4_ctx_ok(ctx);
}

/* --- the decoder ------------------------------------------------------------------------- */

static bool attention(i4_ctx *ctx, const i4_vae *vae, map *m, hook at) {
    if (!step(ctx, at)) {
        return false;
    }
    const int64_t pixels = m->h * m->w;
    const float scale = 1.0f / sqrtf((float)m->c);
    const source in = source_of(m, NULL);
    i4_scope_begin(ctx);
    i4_tensor stats = stats_of(ctx, vae, &in, m->h);
    i4_tensor a = i4_new(ctx, ctx->caps.act, 3, m->h, m->w, m->c);
    i4_groupnorm_into(ctx, a, m->stripe[0], stats, vae->attention_norm.gain,
                      vae->attention_norm.bias, 1e-6f, false);
    i4_tensor rows = i4_reshape(a, 2, pixels, m->c, 1);
    i4_tensor q = i4_linear(ctx, rows, vae->to_q), k = i4_linear(ctx, rows, vae->to_k),
              v = i4_linear(ctx, rows, vae->to_v);
    i4_tensor o = i4_attention(ctx, q, k, v, 1, 1, scale, false);
    i4_residual(ctx, i4_reshape(m->stripe[0], 2, pixels, m->c, 1), i4_linear(ctx, o, vae->to_out));
    i4_scope_end(ctx);
    return i4_ctx_ok(ctx);
}

static void enter(i4_ctx *ctx, const i4_vae *vae, const float *z, int gh, int gw, map *m) {
    const i4_config *c = vae->config;
    const int64_t channels = c->cond.channels;
    map_plan(ctx, m, 2 * gh, 2 * gw, vae->conv_in->rows, true);
    i4_scope_begin(ctx);
    i4_tensor x = i4_upload(ctx, I4_F32, 2, (int64_t)gh * gw, channels, 1, z);
    i4_tensor scale = i4_upload(ctx, I4_F32, 1, channels, 1, 1, c->latent_scale);
    i4_tensor shift = i4_upload(ctx, I4_F32, 1, channels, 1, 1, c->latent_shift);
    x = i4_unpatchify(ctx, x, scale, shift, gh, gw);
    if (vae->post_quant != NULL) {
        x = i4_conv2d(ctx, x, vae->post_quant, false);
    }
    m->stripe[0] = keep(ctx, i4_conv2d(ctx, x, vae->conv_in, false));
    i4_scope_end(ctx);
}

static bool leave(i4_ctx *ctx, const i4_vae *vae, map *m, uint8_t *rgb, float *float_rgb, hook at) {
    const source in = source_of(m, NULL);
    const normal n = {stats_of(ctx, vae, &in, m->rows), &vae->norm_out};
    for (int i = 0; i < m->count; i++) {
        if (!step(ctx, at)) {
            return false;
        }
        const int64_t a = i * m->rows, b = stripe_end(m, i);
        const size_t at_pixel = (size_t)(a * m->w * 3);
        i4_scope_begin(ctx);
        i4_tensor x = norm_conv_rows(ctx, &in, n, vae->conv_out, a, b);
        i4_tensor u8 = i4_to_rgb8(ctx, x);
        if (rgb != NULL) {
            i4_download(ctx, u8, rgb + at_pixel);
        }
        if (float_rgb != NULL) {
            i4_download(ctx, i4_cast(ctx, x, I4_F32), float_rgb + at_pixel);
        }
        i4_scope_end(ctx);
        map_drop_above(ctx, m, b - 1);
    }
    return i4_ctx_ok(ctx);
}

bool i4_vae_decode(i4_ctx *ctx, const i4_vae *vae, const float *z, int gh, int gw, uint8_t *rgb,
                   float *float_rgb) {
    const i4_vae_config *c = &vae->config->vae;
    hook at = {0, 2 + 1 + I4_VAE_LEVELS * (c->resnets + 1) + 1};
    map m;
    enter(ctx, vae, z, gh, gw, &m);
    bool ok = resnet(ctx, vae, &vae->mid[0], &m, NULL, true, at);
    at.index++;
    if (ok && c->mid_attention) {
        ok = attention(ctx, vae, &m, at);
    }
    at.index++;
    ok = ok && resnet(ctx, vae, &vae->mid[1], &m, NULL, true, at);
    for (int level = 0; level < I4_VAE_LEVELS; level++) {
        const i4_weight *virtual = NULL;
        at.index++;
        if (ok && level > 0) {
            const i4_weight *w = vae->upsample[level - 1];
            /* the full-size map of the wider level stays virtual unless it is small */
            if (level == I4_VAE_LEVELS - 1 && !is_small(ctx, 2 * m.h, 2 * m.w, w->rows)) {
                virtual = w;
            } else {
                ok = upsample_map(ctx, &m, w, at);
            }
        }
        for (int i = 0; ok && i < c->resnets; i++, virtual = NULL) {
            at.index++;
            ok = resnet(ctx, vae, &vae->up[level][i], &m, virtual, level == 0, at);
        }
    }
    at.index = at.count - 1;
    return ok && leave(ctx, vae, &m, rgb, float_rgb, at);
}
