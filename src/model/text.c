/* The text tower, forward only, all tokens at once. Reads like docs/model.md 4. */
#include "model/text.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>

/* Collects the weights of one layer; after a failure everything is a no-op. */
typedef struct loader {
    i4_store *store;
    const char *prefix;
    i4_err *err;
    bool ok;
} loader;

static i4_weight *linear(loader *l, const char *name, int64_t out, int64_t in) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", l->prefix, name);
    i4_weight *w = l->ok ? i4_store_linear(l->store, full, out, in, false, l->err) : NULL;
    l->ok = w != NULL;
    return w;
}

static i4_tensor vector(loader *l, const char *name, int64_t count) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", l->prefix, name);
    const float *v = l->ok ? i4_store_floats(l->store, full, count, l->err) : NULL;
    l->ok = v != NULL;
    return l->ok ? i4_const(v, count) : i4_none;
}

static bool load_layer(i4_text_layer *t, const i4_text_config *c, loader *l) {
    const int64_t width = c->width, q = (int64_t)c->heads * c->head_dim,
                  kv = (int64_t)c->kv_heads * c->head_dim;
    t->input_norm = vector(l, "input_layernorm.weight", width);
    t->q = linear(l, "self_attn.q_proj", q, width);
    t->k = linear(l, "self_attn.k_proj", kv, width);
    t->v = linear(l, "self_attn.v_proj", kv, width);
    t->o = linear(l, "self_attn.o_proj", width, q);
    t->q_norm = vector(l, "self_attn.q_norm.weight", c->head_dim);
    t->k_norm = vector(l, "self_attn.k_norm.weight", c->head_dim);
    t->post_norm = vector(l, "post_attention_layernorm.weight", width);
    t->gate = linear(l, "mlp.gate_proj", c->ff, width);
    t->up = linear(l, "mlp.up_proj", c->ff, width);
    t->down = linear(l, "mlp.down_proj", width, c->ff);
    return l->ok;
}

bool i4_text_load(i4_text *text, const i4_text_config *config, i4_store *store, i4_err *err) {
    *text = (i4_text){.config = config, .layer_count = config->tap[config->tap_count - 1] + 1};
    text->layer = i4_calloc((size_t)text->layer_count, sizeof *text->layer);
    if (text->layer == NULL) {
        return i4_fail_memory(err, "the text tower", (size_t)text->layer_count);
    }
    text->embed = i4_store_table(store, "embed_tokens", config->vocabulary, config->width, err);
    bool ok = text->embed != NULL;
    for (int i = 0; ok && i < text->layer_count; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "layers.%d.", i);
        loader l = {store, prefix, err, true};
        ok = load_layer(&text->layer[i], config, &l);
    }
    if (!ok) {
        i4_text_unload(text);
    }
    return ok;
}

void i4_text_unload(i4_text *text) {
    i4_free(text->layer);
    *text = (i4_text){0};
}

/* --- forward ----------------------------------------------------------------------------- */

static void attention_half(i4_ctx *ctx, const i4_text_config *c, const i4_text_layer *t,
                           i4_tensor h, i4_tensor rope) {
    const int64_t q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    i4_scope_begin(ctx);
    i4_tensor x = i4_rmsnorm(ctx, h, t->input_norm, c->eps); /* [n, width] */
    i4_tensor qkv = i4_new(ctx, ctx->caps.act, 2, h.dim[0], q + 2 * kv, 1);
    i4_linear_into(ctx, i4_cols(qkv, 0, q), x, t->q);
    i4_linear_into(ctx, i4_cols(qkv, q, kv), x, t->k);
    i4_linear_into(ctx, i4_cols(qkv, q + kv, kv), x, t->v);
    i4_qk_norm_rope(ctx, qkv, t->q_norm, t->k_norm, rope, c->heads, c->kv_heads, c->head_dim,
                    c->eps);
    i4_tensor o =
        i4_attention(ctx, i4_cols(qkv, 0, q), i4_cols(qkv, q, kv), i4_cols(qkv, q + kv, kv),
                     c->heads, c->kv_heads, 1.0f / sqrtf((float)c->head_dim), true); /* [n, q] */
    i4_residual(ctx, h, i4_linear(ctx, o, t->o));
    i4_scope_end(ctx);
}

static void mlp_half(i4_ctx *ctx, const i4_text_config *c, const i4_text_layer *t, i4_tensor h) {
    i4_scope_begin(ctx);
    i4_tensor x = i4_rmsnorm(ctx, h, t->post_norm, c->eps);
    i4_tensor u = i4_linear_swiglu(ctx, x, t->gate, t->up); /* [n, ff] */
    i4_residual(ctx, h, i4_linear(ctx, u, t->down));
    i4_scope_end(ctx);
}

i4_tensor i4_text_features(i4_ctx *ctx, const i4_text *text, const int32_t *ids, int n,
                           const float *rope_table) {
    const i4_text_config *c = text->config;
    i4_tensor features = i4_new(ctx, ctx->caps.act, 2, n, (int64_t)c->width * c->tap_count, 1);
    i4_scope_begin(ctx);
    i4_tensor rope = i4_upload(ctx, I4_F32, 2, n, c->head_dim, 1, rope_table);
    i4_tensor h = i4_embed(ctx, i4_upload(ctx, I4_I32, 1, n, 1, 1, ids), text->embed, I4_F32);
    for (int i = 0, tap = 0; i < text->layer_count; i++) {
        if (!i4_layer(ctx, "encode", i, text->layer_count)) {
            return i4_none;
        }
        attention_half(ctx, c, &text->layer[i], h, rope);
        mlp_half(ctx, c, &text->layer[i], h);
        if (tap < c->tap_count && c->tap[tap] == i) {
            i4_interleave(ctx, features, h, tap++, c->tap_count);
        }
    }
    i4_scope_end(ctx);
    return features;
}
