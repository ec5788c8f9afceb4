/* The diffusion transformer. Reads like docs/model.md 7. */
#include "model/dit.h"

#include "base/memory.h"
#include "model/host.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- loading ----------------------------------------------------------------------------- */

/* Adapter slots: seven layers outside the blocks, then six a block. */
enum {
    SLOT_INPUT,
    SLOT_ADALN,
    SLOT_FINAL,
    SLOT_TEXT,
    SLOT_TIME_IN,
    SLOT_TIME_OUT,
    SLOT_FINAL_MODULATION,
    SLOT_BLOCKS
};
enum { SLOT_MODULATION, SLOT_QKV, SLOT_O, SLOT_W1, SLOT_W2, SLOT_W3, SLOTS_PER_BLOCK };

static const char *const outer_modules[SLOT_BLOCKS] = {
    "input_proj",         "adaln_proj",          "final_layer.linear",          "llm_cond_proj",
    "t_embedding.mlp_in", "t_embedding.mlp_out", "final_layer.adaln_modulation"};
static const char *const block_modules[SLOTS_PER_BLOCK] = {"adaln_modulation", "attention.qkv",
                                                           "attention.o",      "feed_forward.w1",
                                                           "feed_forward.w2",  "feed_forward.w3"};

static void slot_shape(const i4_dit_config *c, int slot, int64_t *out, int64_t *in) {
    const int64_t w = c->width, f = c->ff, a = c->adaln, ch = c->channels;
    const int64_t outer[SLOT_BLOCKS][2] = {{w, ch}, {a, w}, {ch, w}, {w, c->features},
                                           {w, w},  {w, w}, {w, a}};
    const int64_t block[SLOTS_PER_BLOCK][2] = {{4 * w, a}, {3 * w, w}, {w, w},
                                               {f, w},     {w, f},     {f, w}};
    const int64_t *shape =
        slot < SLOT_BLOCKS ? outer[slot] : block[(slot - SLOT_BLOCKS) % SLOTS_PER_BLOCK];
    *out = shape[0];
    *in = shape[1];
}

static void slot_name(int slot, char *name, size_t size) {
    if (slot < SLOT_BLOCKS) {
        snprintf(name, size, "%s", outer_modules[slot]);
    } else {
        snprintf(name, size, "layers.%d.%s", (slot - SLOT_BLOCKS) / SLOTS_PER_BLOCK,
                 block_modules[(slot - SLOT_BLOCKS) % SLOTS_PER_BLOCK]);
    }
}

int i4_dit_slot_count(const i4_dit_config *config) {
    return SLOT_BLOCKS + SLOTS_PER_BLOCK * config->layers;
}

void i4_dit_targets_free(i4_lora_target *targets, int count) {
    for (int i = 0; targets != NULL && i < count; i++) {
        union {
            const char *in;
            void *out;
        } name = {targets[i].module};
        i4_free(name.out);
    }
    i4_free(targets);
}

bool i4_dit_targets(const i4_dit_config *config, i4_lora_target **targets, i4_err *err) {
    const int count = i4_dit_slot_count(config);
    i4_lora_target *list = i4_calloc((size_t)count, sizeof *list);
    for (int i = 0; list != NULL && i < count; i++) {
        char name[64];
        slot_name(i, name, sizeof name);
        list[i].module = i4_strdup(name);
        list[i].slot = i;
        slot_shape(config, i, &list[i].out, &list[i].in);
        if (list[i].module == NULL) {
            i4_dit_targets_free(list, count);
            list = NULL;
        }
    }
    *targets = list;
    return list != NULL || i4_fail_memory(err, "the list of adapter targets", (size_t)count);
}

/* After a failure everything is a no-op. */
typedef struct loader {
    const i4_dit_config *config;
    i4_store *store;
    i4_err *err;
    bool ok;
} loader;

static i4_weight *linear(loader *l, int slot, bool with_bias) {
    char name[64];
    int64_t out = 0, in = 0;
    slot_name(slot, name, sizeof name);
    slot_shape(l->config, slot, &out, &in);
    i4_weight *w = l->ok ? i4_store_linear(l->store, name, out, in, with_bias, l->err) : NULL;
    l->ok = w != NULL;
    if (l->ok) {
        w->slot = slot;
    }
    return w;
}

static float *floats(loader *l, const char *name, int64_t count) {
    float *v = l->ok ? i4_store_floats(l->store, name, count, l->err) : NULL;
    l->ok = v != NULL;
    return v;
}

static i4_tensor vector(loader *l, int layer, const char *name, int64_t count) {
    char full[96];
    if (layer >= 0) {
        snprintf(full, sizeof full, "layers.%d.%s.weight", layer, name);
    } else {
        snprintf(full, sizeof full, "%s.weight", name);
    }
    const float *v = floats(l, full, count);
    return l->ok ? i4_const(v, count) : i4_none;
}

/* The indicator embedding is the same for every row of its kind: part of the bias. */
static void fold_indicator(loader *l, i4_weight *w, const char *bias_name, int kind) {
    const int64_t width = l->config->width;
    const i4_weight *table =
        l->ok ? i4_store_table(l->store, "embed_image_indicator", 2, width, l->err) : NULL;
    l->ok = table != NULL;
    /* both blocks are ours, made by the store, so that they live and die with the weight */
    float *bias = floats(l, bias_name, width);
    float *indicator = floats(l, bias_name, width);
    if (l->ok) {
        i4_weight_row(table, kind, 0, width, indicator);
        for (int64_t i = 0; i < width; i++) {
            bias[i] += indicator[i];
        }
        w->bias = bias;
    }
}

static void load_layer(loader *l, int i, i4_dit_layer *t) {
    const int base = SLOT_BLOCKS + SLOTS_PER_BLOCK * i;
    t->modulation = linear(l, base + SLOT_MODULATION, true);
    t->qkv = linear(l, base + SLOT_QKV, false);
    t->o = linear(l, base + SLOT_O, false);
    t->w1 = linear(l, base + SLOT_W1, false);
    t->w2 = linear(l, base + SLOT_W2, false);
    t->w3 = linear(l, base + SLOT_W3, false);
    t->norm_in_attention = vector(l, i, "attention_norm1", l->config->width);
    t->norm_out_attention = vector(l, i, "attention_norm2", l->config->width);
    t->norm_in_ffn = vector(l, i, "ffn_norm1", l->config->width);
    t->norm_out_ffn = vector(l, i, "ffn_norm2", l->config->width);
    t->norm_q = vector(l, i, "attention.norm_q", l->config->head_dim);
    t->norm_k = vector(l, i, "attention.norm_k", l->config->head_dim);
}

bool i4_dit_load(i4_dit *dit, const i4_dit_config *config, i4_store *store, bool has_text,
                 i4_err *err) {
    *dit = (i4_dit){.config = config, .has_text = has_text};
    dit->layer = i4_calloc((size_t)config->layers, sizeof *dit->layer);
    if (dit->layer == NULL) {
        return i4_fail_memory(err, "a transformer", (size_t)config->layers * sizeof *dit->layer);
    }
    loader l = {config, store, err, true};
    dit->input = linear(&l, SLOT_INPUT, true);
    dit->time_in = linear(&l, SLOT_TIME_IN, true);
    dit->time_out = linear(&l, SLOT_TIME_OUT, true);
    dit->adaln = linear(&l, SLOT_ADALN, true);
    dit->final_modulation = linear(&l, SLOT_FINAL_MODULATION, true);
    dit->final = linear(&l, SLOT_FINAL, true);
    if (has_text) {
        dit->text = linear(&l, SLOT_TEXT, true);
        dit->text_norm = vector(&l, -1, "llm_cond_norm", config->features);
    }
    fold_indicator(&l, dit->input, "input_proj.bias", 1);
    if (has_text) {
        fold_indicator(&l, dit->text, "llm_cond_proj.bias", 0);
    }
    for (int i = 0; l.ok && i < config->layers; i++) {
        load_layer(&l, i, &dit->layer[i]);
    }
    if (!l.ok) {
        i4_dit_unload(dit);
    }
    return l.ok;
}

void i4_dit_unload(i4_dit *dit) {
    i4_free(dit->layer);
    *dit = (i4_dit){0};
}

/* --- before the first step --------------------------------------------------------------- */

enum { GAIN_IN_ATTENTION, GAIN_OUT_ATTENTION, GAIN_IN_FFN, GAIN_OUT_FFN, GAINS_PER_LAYER };

static int64_t gain_row(int layer, int which, int steps) {
    return ((int64_t)layer * GAINS_PER_LAYER + which) * steps;
}

static i4_tensor gain(i4_tensor gains, int layer, int which, int step, int steps) {
    i4_tensor row = i4_rows(gains, gain_row(layer, which, steps) + step, 1);
    return i4_reshape(row, 1, gains.dim[1], 1, 1);
}

static void fold_layer(i4_ctx *ctx, const i4_dit_layer *t, int layer, i4_tensor c, int64_t width,
                       int steps, i4_tensor gains) {
    const i4_tensor norm[GAINS_PER_LAYER] = {t->norm_in_attention, t->norm_out_attention,
                                             t->norm_in_ffn, t->norm_out_ffn};
    i4_scope_begin(ctx);
    i4_tensor m = i4_linear_as(ctx, c, t->modulation, I4_F32); /* [steps, 4·width] */
    for (int which = 0; which < GAINS_PER_LAYER; which++) {
        i4_fold_gain_into(ctx, i4_rows(gains, gain_row(layer, which, steps), steps), norm[which],
                          i4_cols(m, which * width, width),
                          which % 2 == 0 ? I4_FOLD_SCALE : I4_FOLD_GATE);
    }
    i4_scope_end(ctx);
}

i4_tensor i4_dit_gains(i4_ctx *ctx, const i4_dit *dit, const float *t, int steps) {
    const i4_dit_config *cfg = dit->config;
    const size_t bytes = (size_t)steps * (size_t)cfg->width * sizeof(float);
    float *sinusoid = i4_malloc(bytes);
    if (sinusoid == NULL) {
        i4_fail_memory(&ctx->err, "the time embedding", bytes);
        return i4_none;
    }
    i4_time_embedding(t, steps, cfg->width, sinusoid);
    i4_tensor gains =
        i4_new(ctx, I4_F32, 2, ((int64_t)cfg->layers * GAINS_PER_LAYER + 1) * steps, cfg->width, 1);
    i4_scope_begin(ctx);
    i4_tensor e = i4_upload(ctx, I4_F32, 2, steps, cfg->width, 1, sinusoid);
    i4_free(sinusoid);
    i4_tensor u = i4_activate(ctx, i4_linear_as(ctx, e, dit->time_in, I4_F32), I4_SILU);
    u = i4_linear_as(ctx, u, dit->time_out, I4_F32);
    i4_tensor c = i4_activate(ctx, i4_linear_as(ctx, u, dit->adaln, I4_F32), I4_SILU);
    for (int i = 0; i < cfg->layers && i4_layer(ctx, "modulation", i, cfg->layers); i++) {
        fold_layer(ctx, &dit->layer[i], i, c, cfg->width, steps, gains);
    }
    /* silu a second time before the final modulation */
    i4_tensor m = i4_linear_as(ctx, i4_activate(ctx, c, I4_SILU), dit->final_modulation, I4_F32);
    i4_fold_gain_into(ctx, i4_rows(gains, gain_row(cfg->layers, 0, steps), steps), i4_none, m,
                      I4_FOLD_SCALE);
    i4_scope_end(ctx);
    return gains;
}

i4_tensor i4_dit_text_rows(i4_ctx *ctx, const i4_dit *dit, i4_tensor features) {
    i4_tensor rows = i4_new(ctx, I4_F32, 2, features.dim[0], dit->config->width, 1);
    i4_scope_begin(ctx);
    i4_tensor x = i4_rmsnorm(ctx, features, dit->text_norm, 1e-6f);
    i4_linear_into(ctx, rows, x, dit->text);
    i4_scope_end(ctx);
    return rows;
}

/* --- one evaluation ---------------------------------------------------------------------- */

static void attention_half(i4_ctx *ctx, const i4_dit_config *c, const i4_dit_layer *t, i4_tensor h,
                           i4_tensor gain_in, i4_tensor gain_out, i4_tensor rope) {
    const int64_t w = c->width;
    i4_scope_begin(ctx);
    i4_tensor x = i4_rmsnorm(ctx, h, gain_in, c->eps); /* [L, width] */
    i4_tensor qkv = i4_linear(ctx, x, t->qkv);         /* [L, 3·width] */
    i4_drop(ctx, x);
    i4_qk_norm_rope(ctx, qkv, t->norm_q, t->norm_k, rope, c->heads, c->heads, c->head_dim, c->eps);
    i4_tensor o = i4_attention(ctx, i4_cols(qkv, 0, w), i4_cols(qkv, w, w), i4_cols(qkv, 2 * w, w),
                               c->heads, c->heads, 1.0f / sqrtf((float)c->head_dim), false);
    i4_drop(ctx, qkv);
    i4_residual_rmsnorm(ctx, h, i4_linear(ctx, o, t->o), gain_out, c->eps);
    i4_scope_end(ctx);
}

static void ffn_half(i4_ctx *ctx, const i4_dit_config *c, const i4_dit_layer *t, i4_tensor h,
                     i4_tensor gain_in, i4_tensor gain_out) {
    i4_scope_begin(ctx);
    i4_tensor x = i4_rmsnorm(ctx, h, gain_in, c->eps);
    i4_tensor u = i4_linear_swiglu(ctx, x, t->w1, t->w3); /* [L, ff] */
    i4_drop(ctx, x);
    i4_residual_rmsnorm(ctx, h, i4_linear(ctx, u, t->w2), gain_out, c->eps);
    i4_scope_end(ctx);
}

i4_tensor i4_dit_velocity(i4_ctx *ctx, const i4_dit *dit, i4_tensor gains, int step, int steps,
                          i4_tensor z, i4_tensor text, i4_tensor rope, int base, int count) {
    const i4_dit_config *c = dit->config;
    const int64_t n = text.rank != 0 ? text.dim[0] : 0, image = z.dim[0];
    i4_tensor v = i4_new(ctx, I4_F32, 2, image, c->channels, 1);
    i4_scope_begin(ctx);
    i4_tensor h = i4_new(ctx, I4_F32, 2, n + image, c->width, 1);
    if (n > 0) {
        i4_copy(ctx, i4_rows(h, 0, n), text);
    }
    i4_linear_into(ctx, i4_rows(h, n, image), z, dit->input);
    for (int i = 0; i < c->layers; i++) {
        if (!i4_layer(ctx, "denoise", base + i, count)) {
            return i4_none;
        }
        attention_half(ctx, c, &dit->layer[i], h, gain(gains, i, GAIN_IN_ATTENTION, step, steps),
                       gain(gains, i, GAIN_OUT_ATTENTION, step, steps), rope);
        ffn_half(ctx, c, &dit->layer[i], h, gain(gains, i, GAIN_IN_FFN, step, steps),
                 gain(gains, i, GAIN_OUT_FFN, step, steps));
    }
    i4_tensor x =
        i4_layernorm(ctx, i4_rows(h, n, image), gain(gains, c->layers, 0, step, steps), 1e-6f);
    i4_linear_into(ctx, v, x, dit->final);
    i4_scope_end(ctx);
    return v;
}
