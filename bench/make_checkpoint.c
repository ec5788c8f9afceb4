/* make_checkpoint: writes a random-weight model of any size in the mlx-forge split layout, so that
 * speed and memory can be measured without the real weights.
 *
 * Read from the bottom: main parses a shape, each write_<component> plans a list of tensors (name,
 * type, dimensions, what fills it), and write_file streams that list into one safetensors file.
 * Every weight has variance 1/inputs, so activations stay of order one and no kernel meets numbers
 * it would not meet in earnest. With --hollow the files have the right size and headers but hold
 * only holes: enough to open a full-size model and ask for its estimate, in a few milliseconds. */
#include "base/memory.h"
#include "base/os.h"
#include "base/str.h"
#include "tensor/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    GROUP = 64,      /* columns that share a scale */
    LATENT = 128,    /* channels of a token: 32 · 2 · 2, fixed by the architecture */
    VAE_LATENT = 32, /* channels the decoder takes in */
    TAPS_DEFAULT = 13,
    TAPS_MAX = 64,
    VOCAB_MIN = 259, /* 256 bytes and three special tokens */
    CHUNK_BYTES = 4 << 20
};

/* Every number that defines a model. */
typedef struct shape {
    int bits; /* 4, 8, or 16 for bf16 */
    int layers, free_layers, heads, head_dim, ff, adaln;
    int text_layers, text_hidden, text_heads, text_kv_heads, text_head_dim, text_ff, vocab;
    int vae[4]; /* channels, full resolution first */
    int vae_groups;
    int taps[TAPS_MAX], tap_count; /* count 0: chosen from text_layers */
    int seed;
} shape;

static const shape FULL = {.bits = 8,
                           .layers = 34,
                           .free_layers = 34,
                           .heads = 18,
                           .head_dim = 256,
                           .ff = 12288,
                           .adaln = 512,
                           .text_layers = 36,
                           .text_hidden = 4096,
                           .text_heads = 32,
                           .text_kv_heads = 8,
                           .text_head_dim = 128,
                           .text_ff = 12288,
                           .vocab = 151936,
                           .vae = {128, 256, 512, 512},
                           .vae_groups = 32};

static const shape TINY = {.bits = 8,
                           .layers = 2,
                           .free_layers = 2,
                           .heads = 2,
                           .head_dim = 64,
                           .ff = 320,
                           .adaln = 64,
                           .text_layers = 4,
                           .text_hidden = 64,
                           .text_heads = 2,
                           .text_kv_heads = 1,
                           .text_head_dim = 32,
                           .text_ff = 128,
                           .vocab = 512,
                           .vae = {32, 32, 32, 32},
                           .vae_groups = 32};

static int width_of(const shape *s) {
    return s->heads * s->head_dim;
}

/* --- the plan of one file ------------------------------------------------------------------ */

typedef enum fill {
    FILL_CODES,   /* random bytes: quantised numbers */
    FILL_SCALES,  /* bf16: ± about `amplitude` */
    FILL_OFFSETS, /* bf16: −`middle` · the scale of the same group */
    FILL_UNIFORM, /* bf16: −amplitude … amplitude */
    FILL_ONES,    /* bf16 */
    FILL_ZEROS    /* f32 */
} fill;

typedef struct tensor {
    char name[112];
    const char *dtype;
    int rank, element_bytes;
    int64_t dim[4];
    fill fill;
    float amplitude, middle;
    uint64_t seed; /* scales and offsets of one linear share it */
} tensor;

typedef struct plan {
    tensor *item; /* owned */
    size_t count, capacity;
    const char *component; /* prefix of every name */
    int bits;
    uint64_t seed; /* of the next tensor */
    bool failed;
} plan;

static tensor *plan_add(plan *p, const char *dtype, fill how, int rank, const int64_t *dim,
                        const char *name) {
    static tensor nowhere;
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 256;
        tensor *item = i4_realloc(p->item, capacity * sizeof *item);
        if (!item) {
            p->failed = true;
            return &nowhere;
        }
        p->item = item;
        p->capacity = capacity;
    }
    tensor *t = &p->item[p->count++];
    memset(t, 0, sizeof *t);
    snprintf(t->name, sizeof t->name, "%s.%s", p->component, name);
    t->dtype = dtype;
    t->element_bytes = strcmp(dtype, "BF16") == 0 ? 2 : 4;
    t->rank = rank;
    memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
    t->fill = how;
    t->seed = p->seed += 0x9e3779b97f4a7c15u;
    return t;
}

static void plan_vector(plan *p, fill how, float amplitude, int64_t count, const char *name) {
    plan_add(p, "BF16", how, 1, &count, name)->amplitude = amplitude;
}

/* A tensor name under a module: "layers.3.attention.o" and "weight". */
static const char *under(const char *module, const char *leaf) {
    static char name[2][96];
    static int turn;
    char *out = name[turn ^= 1];
    snprintf(out, sizeof name[0], "%s.%s", module, leaf);
    return out;
}

/* uniform numbers of variance 1/inputs */
static float spread(int64_t inputs) {
    return sqrtf(3.0f / (float)inputs);
}

static void plan_dense(plan *p, int64_t out, int64_t in, float amplitude, const char *module) {
    const int64_t dim[] = {out, in};
    plan_add(p, "BF16", FILL_UNIFORM, 2, dim, under(module, "weight"))->amplitude = amplitude;
}

/* [out, in], quantised like the converter does it: when the columns divide into groups */
static void plan_linear(plan *p, int64_t out, int64_t in, bool with_bias, const char *module) {
    if (p->bits == 16 || in % GROUP != 0) {
        plan_dense(p, out, in, spread(in), module);
    } else {
        const int64_t words[] = {out, in * p->bits / 32}, groups[] = {out, in / GROUP};
        const float top = (float)((1 << p->bits) - 1);
        plan_add(p, "U32", FILL_CODES, 2, words, under(module, "weight"));
        tensor *scales = plan_add(p, "BF16", FILL_SCALES, 2, groups, under(module, "scales"));
        const uint64_t seed = scales->seed;
        scales->amplitude = 2.0f * spread(in) / top;
        tensor *offsets = plan_add(p, "BF16", FILL_OFFSETS, 2, groups, under(module, "biases"));
        offsets->amplitude = 2.0f * spread(in) / top;
        offsets->middle = top / 2.0f;
        offsets->seed = seed;
    }
    if (with_bias) {
        plan_vector(p, FILL_UNIFORM, 0.05f, out, under(module, "bias"));
    }
}

static void plan_norm(plan *p, int64_t count, const char *name) {
    plan_vector(p, FILL_ONES, 0, count, name);
}

/* A formatted name, good for the next three calls. */
static const char *I4_PRINTF(1, 2) text(const char *format, ...) {
    static char out[4][80];
    static int turn;
    turn = (turn + 1) % 4;
    va_list args;
    va_start(args, format);
    vsnprintf(out[turn], sizeof out[0], format, args);
    va_end(args);
    return out[turn];
}

/* --- random bytes -------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state) { /* xorshift64* */
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

static void fill_codes(uint64_t *state, uint8_t *out, size_t size) {
    for (size_t i = 0; i < size; i += 8) { /* the chunk has room for a last partial word */
        const uint64_t r = next_random(state);
        memcpy(out + i, &r, 8);
    }
}

static void fill_uniform(uint64_t *state, float amplitude, uint16_t *out, size_t count) {
    const float unit = amplitude / 32768.0f;
    for (size_t i = 0; i < count; i += 4) {
        const uint64_t r = next_random(state);
        for (size_t k = 0; k < 4; k++) {
            out[i + k] = i4_to_bf16(unit * (float)((int)(r >> (16 * k) & 0xffff) - 32768));
        }
    }
}

/* Scales of both signs, as converted files have them, within a quarter of `amplitude`. */
static void fill_groups(uint64_t *state, const tensor *t, uint16_t *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const uint64_t r = next_random(state);
        const float size = t->amplitude * (0.75f + 0.5f * (float)(r >> 40) / 16777216.0f);
        const uint16_t scale = i4_to_bf16(r & 1 ? size : -size);
        out[i] = t->fill == FILL_SCALES ? scale : i4_to_bf16(-t->middle * i4_from_bf16(scale));
    }
}

static void fill_chunk(const tensor *t, uint64_t *state, uint8_t *out, size_t size) {
    switch (t->fill) {
    case FILL_CODES:
        fill_codes(state, out, size);
        break;
    case FILL_SCALES:
    case FILL_OFFSETS:
        fill_groups(state, t, (uint16_t *)(void *)out, size / 2);
        break;
    case FILL_UNIFORM:
        fill_uniform(state, t->amplitude, (uint16_t *)(void *)out, size / 2);
        break;
    case FILL_ONES:
        for (size_t i = 0; i < size; i += 2) {
            const uint16_t one = 0x3f80;
            memcpy(out + i, &one, 2);
        }
        break;
    case FILL_ZEROS:
        memset(out, 0, size);
        break;
    }
}

/* --- files --------------------------------------------------------------------------------- */

static uint64_t tensor_bytes(const tensor *t) {
    uint64_t bytes = (uint64_t)t->element_bytes;
    for (int i = 0; i < t->rank; i++) {
        bytes *= (uint64_t)t->dim[i];
    }
    return bytes;
}

/* The container's header is written here and not by the library, so that a checkpoint is also an
 * independent test of its reader. Returns the bytes of tensor data. */
static uint64_t make_header(const plan *p, i4_buf *json) {
    uint64_t end = 0;
    i4_buf_adds(json, "{\"__metadata__\":{\"format\":\"mlx\"}");
    for (size_t i = 0; i < p->count; i++) {
        const tensor *t = &p->item[i];
        i4_buf_addf(json, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[", t->name, t->dtype);
        for (int k = 0; k < t->rank; k++) {
            i4_buf_addf(json, "%s%" PRId64, k ? "," : "", t->dim[k]);
        }
        const uint64_t begin = end;
        end += tensor_bytes(t);
        i4_buf_addf(json, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin, end);
    }
    i4_buf_addc(json, '}');
    while (json->len % 8 != 0 && !json->failed) {
        i4_buf_addc(json, ' ');
    }
    return end;
}

static bool write_data(const plan *p, FILE *file) {
    uint8_t *chunk = i4_malloc(CHUNK_BYTES + 8);
    bool ok = chunk != NULL;
    for (size_t i = 0; ok && i < p->count; i++) {
        uint64_t state = p->item[i].seed | 1;
        for (uint64_t left = tensor_bytes(&p->item[i]); ok && left > 0;) {
            const size_t size = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
            fill_chunk(&p->item[i], &state, chunk, size);
            ok = fwrite(chunk, 1, size, file) == size;
            left -= size;
        }
    }
    i4_free(chunk);
    return ok;
}

static bool write_tensors(const plan *p, const char *path, bool hollow, uint64_t *bytes) {
    i4_buf header;
    i4_buf_init(&header, 64 << 20);
    const uint64_t data = make_header(p, &header);
    FILE *file = p->failed || header.failed ? NULL : fopen(path, "wb");
    bool ok = file != NULL;
    if (ok) {
        uint8_t length[8];
        for (int i = 0; i < 8; i++) {
            length[i] = (uint8_t)((uint64_t)header.len >> (8 * i));
        }
        ok = fwrite(length, 1, 8, file) == 8 &&
             fwrite(header.ptr, 1, header.len, file) == header.len;
        if (ok && hollow) {
            ok = fflush(file) == 0 && ftruncate(fileno(file), (off_t)(8 + header.len + data)) == 0;
        } else if (ok) {
            ok = write_data(p, file);
        }
        ok = fclose(file) == 0 && ok;
    }
    *bytes += 8 + header.len + data;
    i4_buf_free(&header);
    return ok;
}

/* Writes the plan as DIR/<component>.safetensors and empties it. */
static bool write_file(plan *p, const char *dir, bool hollow, uint64_t *bytes) {
    char path[4200];
    snprintf(path, sizeof path, "%s/%s.safetensors", dir, p->component);
    const bool ok = write_tensors(p, path, hollow, bytes);
    if (!ok) {
        fprintf(stderr, "make_checkpoint: cannot write %s; is the disk full?\n", path);
    }
    i4_free(p->item);
    p->item = NULL;
    p->count = p->capacity = 0;
    return ok;
}

static bool write_text(const char *dir, const char *name, i4_buf *content) {
    char path[4200];
    i4_err err = {0};
    snprintf(path, sizeof path, "%s/%s", dir, name);
    const bool ok = !content->failed && i4_file_write(path, content->ptr, content->len, &err);
    if (!ok) {
        fprintf(stderr, "make_checkpoint: %s\n", err.text[0] ? err.text : "out of memory");
    }
    i4_buf_free(content);
    return ok;
}

/* --- the three networks -------------------------------------------------------------------- */

static void plan_block(plan *p, const shape *s, int index) {
    const int64_t width = width_of(s);
    plan_linear(p, 4 * width, s->adaln, true, text("layers.%d.adaln_modulation", index));
    plan_norm(p, width, text("layers.%d.attention_norm1.weight", index));
    plan_norm(p, width, text("layers.%d.attention_norm2.weight", index));
    plan_norm(p, width, text("layers.%d.ffn_norm1.weight", index));
    plan_norm(p, width, text("layers.%d.ffn_norm2.weight", index));
    plan_linear(p, 3 * width, width, false, text("layers.%d.attention.qkv", index));
    plan_norm(p, s->head_dim, text("layers.%d.attention.norm_q.weight", index));
    plan_norm(p, s->head_dim, text("layers.%d.attention.norm_k.weight", index));
    plan_linear(p, width, width, false, text("layers.%d.attention.o", index));
    plan_linear(p, s->ff, width, false, text("layers.%d.feed_forward.w1", index));
    plan_linear(p, s->ff, width, false, text("layers.%d.feed_forward.w3", index));
    plan_linear(p, width, s->ff, false, text("layers.%d.feed_forward.w2", index));
}

static void plan_transformer(plan *p, const shape *s, int layers) {
    const int64_t width = width_of(s), features = (int64_t)s->tap_count * s->text_hidden;
    plan_linear(p, width, LATENT, true, "input_proj");
    plan_norm(p, features, "llm_cond_norm.weight");
    plan_linear(p, width, features, true, "llm_cond_proj");
    plan_linear(p, width, width, true, "t_embedding.mlp_in");
    plan_linear(p, width, width, true, "t_embedding.mlp_out");
    plan_linear(p, s->adaln, width, true, "adaln_proj");
    plan_dense(p, 2, width, 0.05f, "embed_image_indicator");
    plan_linear(p, LATENT, width, true, "final_layer.linear");
    plan_linear(p, width, s->adaln, true, "final_layer.adaln_modulation");
    for (int i = 0; i < layers; i++) {
        plan_block(p, s, i);
    }
}

static void plan_text(plan *p, const shape *s) {
    const int64_t hidden = s->text_hidden, q = (int64_t)s->text_heads * s->text_head_dim;
    const int64_t kv = (int64_t)s->text_kv_heads * s->text_head_dim;
    plan_dense(p, s->vocab, hidden, 1.0f, "embed_tokens");
    for (int i = 0; i < s->text_layers; i++) {
        plan_norm(p, hidden, text("layers.%d.input_layernorm.weight", i));
        plan_linear(p, q, hidden, false, text("layers.%d.self_attn.q_proj", i));
        plan_linear(p, kv, hidden, false, text("layers.%d.self_attn.k_proj", i));
        plan_linear(p, kv, hidden, false, text("layers.%d.self_attn.v_proj", i));
        plan_linear(p, hidden, q, false, text("layers.%d.self_attn.o_proj", i));
        plan_norm(p, s->text_head_dim, text("layers.%d.self_attn.q_norm.weight", i));
        plan_norm(p, s->text_head_dim, text("layers.%d.self_attn.k_norm.weight", i));
        plan_norm(p, hidden, text("layers.%d.post_attention_layernorm.weight", i));
        plan_linear(p, s->text_ff, hidden, false, text("layers.%d.mlp.gate_proj", i));
        plan_linear(p, s->text_ff, hidden, false, text("layers.%d.mlp.up_proj", i));
        plan_linear(p, hidden, s->text_ff, false, text("layers.%d.mlp.down_proj", i));
    }
    plan_norm(p, hidden, "norm.weight");
}

static void plan_conv(plan *p, int64_t out, int64_t in, int64_t kernel, const char *module) {
    const int64_t dim[] = {out, kernel, kernel, in}; /* O,H,W,I */
    plan_add(p, "BF16", FILL_UNIFORM, 4, dim, under(module, "weight"))->amplitude =
        spread(kernel * kernel * in);
    plan_vector(p, FILL_UNIFORM, 0.05f, out, under(module, "bias"));
}

static void plan_groupnorm(plan *p, int64_t channels, const char *module) {
    plan_norm(p, channels, under(module, "weight"));
    plan_vector(p, FILL_UNIFORM, 0.05f, channels, under(module, "bias"));
}

static void plan_resnet(plan *p, int64_t in, int64_t out, const char *at) {
    plan_groupnorm(p, in, text("%s.norm1", at));
    plan_conv(p, out, in, 3, text("%s.conv1", at));
    plan_groupnorm(p, out, text("%s.norm2", at));
    plan_conv(p, out, out, 3, text("%s.conv2", at));
    if (in != out) {
        plan_conv(p, out, in, 1, text("%s.conv_shortcut", at));
    }
}

/* The decoder and what it shares; the encoder half is not needed to draw. */
static void plan_vae(plan *p, const shape *s) {
    static const char *const projection[] = {"to_q", "to_k", "to_v", "to_out"};
    const int64_t top = s->vae[3], statistics = LATENT;
    plan_conv(p, VAE_LATENT, VAE_LATENT, 1, "post_quant_conv");
    plan_conv(p, top, VAE_LATENT, 3, "decoder.conv_in");
    plan_resnet(p, top, top, "decoder.mid_block.resnets.0");
    plan_groupnorm(p, top, "decoder.mid_block.attentions.0.group_norm");
    for (int i = 0; i < 4; i++) {
        const char *module = text("decoder.mid_block.attentions.0.%s", projection[i]);
        plan_dense(p, top, top, spread(top), module);
        plan_vector(p, FILL_UNIFORM, 0.05f, top, under(module, "bias"));
    }
    plan_resnet(p, top, top, "decoder.mid_block.resnets.1");
    int64_t in = top;
    for (int block = 0; block < 4; block++) { /* low resolution first */
        const int64_t out = s->vae[3 - block];
        for (int i = 0; i < 3; i++, in = out) {
            char at[64];
            snprintf(at, sizeof at, "decoder.up_blocks.%d.resnets.%d", block, i);
            plan_resnet(p, in, out, at);
        }
        if (block < 3) {
            plan_conv(p, out, out, 3, text("decoder.up_blocks.%d.upsamplers.0.conv", block));
        }
    }
    plan_groupnorm(p, in, "decoder.conv_norm_out");
    plan_conv(p, 3, in, 3, "decoder.conv_out");
    plan_add(p, "F32", FILL_ZEROS, 1, &statistics, "bn.running_mean");
    plan_add(p, "F32", FILL_ZEROS, 1, &statistics, "bn.running_var");
}

static bool write_weights(const shape *s, const char *dir, bool hollow, uint64_t *bytes) {
    plan p = {.bits = s->bits, .seed = (uint64_t)s->seed};
    p.component = "text_encoder";
    plan_text(&p, s);
    bool ok = write_file(&p, dir, hollow, bytes);
    if (ok) {
        p.component = "conditional_transformer";
        plan_transformer(&p, s, s->layers);
        ok = write_file(&p, dir, hollow, bytes);
    }
    if (ok) {
        p.component = "unconditional_transformer";
        plan_transformer(&p, s, s->free_layers);
        ok = write_file(&p, dir, hollow, bytes);
    }
    if (ok) {
        p.component = "vae";
        plan_vae(&p, s);
        ok = write_file(&p, dir, hollow, bytes);
    }
    return ok;
}

/* --- the small files ----------------------------------------------------------------------- */

static i4_buf new_text(void) {
    i4_buf b;
    i4_buf_init(&b, 1 << 20);
    return b;
}

static bool write_transformer_config(const shape *s, const char *dir, const char *name,
                                     int layers) {
    i4_buf b = new_text();
    /* the sections keep the real model's proportions, 24 : 20 : 20 of 128 */
    const int t = s->head_dim * 6 / 64, hw = s->head_dim * 5 / 64;
    i4_buf_addf(&b,
                "{\"_class_name\": \"Ideogram4Transformer2DModel\", \"in_channels\": %d, "
                "\"num_layers\": %d, \"num_attention_heads\": %d, \"attention_head_dim\": %d, "
                "\"intermediate_size\": %d, \"adaln_dim\": %d, \"llm_features_dim\": %d, "
                "\"rope_theta\": 5000000, \"mrope_section\": [%d, %d, %d], \"norm_eps\": 1e-05}\n",
                LATENT, layers, s->heads, s->head_dim, s->ff, s->adaln,
                s->tap_count * s->text_hidden, t, hw, hw);
    return write_text(dir, name, &b);
}

static bool write_text_config(const shape *s, const char *dir) {
    i4_buf b = new_text();
    i4_buf_addf(&b,
                "{\"model_type\": \"qwen3_vl\", \"text_config\": {\"vocab_size\": %d, "
                "\"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d, "
                "\"num_attention_heads\": %d, \"num_key_value_heads\": %d, \"head_dim\": %d, "
                "\"max_position_embeddings\": 262144, \"rms_norm_eps\": 1e-06, "
                "\"rope_theta\": 5000000.0}, \"tap_layers\": [",
                s->vocab, s->text_hidden, s->text_ff, s->text_layers, s->text_heads,
                s->text_kv_heads, s->text_head_dim);
    for (int i = 0; i < s->tap_count; i++) {
        i4_buf_addf(&b, "%s%d", i ? ", " : "", s->taps[i]);
    }
    i4_buf_adds(&b, "]}\n");
    return write_text(dir, "text_encoder_config.json", &b);
}

static bool write_vae_config(const shape *s, const char *dir) {
    i4_buf b = new_text();
    i4_buf_addf(&b,
                "{\"in_channels\": 3, \"out_channels\": 3, "
                "\"block_out_channels\": [%d, %d, %d, %d], \"layers_per_block\": 2, "
                "\"latent_channels\": %d, \"norm_num_groups\": %d, \"batch_norm_eps\": 0.0001, "
                "\"patch_size\": [2, 2], \"use_quant_conv\": true, "
                "\"use_post_quant_conv\": true, \"mid_block_add_attention\": true}\n",
                s->vae[0], s->vae[1], s->vae[2], s->vae[3], VAE_LATENT, s->vae_groups);
    return write_text(dir, "vae_config.json", &b);
}

static bool write_model_files(const shape *s, const char *dir) {
    static const char components[] = "\"components\": [\"conditional_transformer\", "
                                     "\"unconditional_transformer\", \"text_encoder\", \"vae\"], "
                                     "\"source\": \"random\"";
    i4_buf b = new_text();
    i4_buf_addf(&b, "{\"model_type\": \"ideogram4\", %s}\n", components);
    bool ok = write_text(dir, "config.json", &b);
    b = new_text();
    i4_buf_addf(
        &b, "{\"format\": \"split\", %s, \"recipe\": \"ideogram-4\", \"quantized\": ", components);
    if (s->bits == 16) {
        i4_buf_adds(&b, "false}\n");
    } else {
        i4_buf_addf(&b, "true, \"quantization_bits\": %d}\n", s->bits);
    }
    ok = write_text(dir, "split_model.json", &b) && ok;
    b = new_text();
    i4_buf_adds(&b, "{\"_class_name\": \"Ideogram4Pipeline\"}\n");
    ok = write_text(dir, "model_index.json", &b) && ok;
    if (s->bits != 16) {
        b = new_text();
        i4_buf_addf(&b,
                    "{\"quantization\": {\"bits\": %d, \"group_size\": %d, "
                    "\"skip_components\": [\"vae\"]}}\n",
                    s->bits, GROUP);
        ok = write_text(dir, "quantize_config.json", &b) && ok;
    }
    return ok;
}

/* The printable code point of a byte in byte-level BPE. */
static uint32_t byte_symbol(int byte) {
    uint32_t next = 256;
    for (int i = 0; i < 256; i++) {
        const bool itself = (i >= 33 && i <= 126) || (i >= 161 && i <= 172) || i >= 174;
        if (i == byte) {
            return itself ? (uint32_t)i : next;
        }
        next += !itself;
    }
    return 0;
}

/* The smallest tokenizer of the right kind: a token per byte, no merges, three special tokens. */
static bool write_tokenizer(const char *dir) {
    static const char *const special[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
    i4_buf b = new_text();
    i4_buf_adds(&b, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n"
                    "\"added_tokens\": [");
    for (int i = 0; i < 3; i++) {
        i4_buf_addf(&b,
                    "%s{\"id\": %d, \"content\": \"%s\", \"single_word\": false, "
                    "\"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                    "\"special\": true}",
                    i ? ",\n" : "", 256 + i, special[i]);
    }
    i4_buf_adds(&b, "],\n\"normalizer\": {\"type\": \"NFC\"},\n"
                    "\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [\n"
                    "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"");
    i4_buf_adds(&b, "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|"
                    "\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|"
                    "\\\\s+(?!\\\\S)|\\\\s+");
    i4_buf_adds(&b, "\"}, \"behavior\": \"Isolated\", \"invert\": false},\n"
                    "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                    "\"trim_offsets\": true, \"use_regex\": false}]},\n"
                    "\"post_processor\": null,\n\"decoder\": {\"type\": \"ByteLevel\", "
                    "\"add_prefix_space\": true, \"trim_offsets\": true, \"use_regex\": true},\n"
                    "\"model\": {\"type\": \"BPE\", \"dropout\": null, \"unk_token\": null, "
                    "\"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, "
                    "\"fuse_unk\": false, \"byte_fallback\": false, \"ignore_merges\": false,\n"
                    "\"vocab\": {");
    for (int byte = 0; byte < 256; byte++) {
        i4_buf_adds(&b, byte ? ", \"" : "\"");
        if (byte == '"' || byte == '\\') {
            i4_buf_addc(&b, '\\');
        }
        i4_buf_add_utf8(&b, byte_symbol(byte));
        i4_buf_addf(&b, "\": %d", byte);
    }
    i4_buf_adds(&b, "}, \"merges\": []}}\n");
    return write_text(dir, "tokenizer/tokenizer.json", &b);
}

static bool write_small_files(const shape *s, const char *dir) {
    i4_buf b = new_text();
    i4_buf_adds(&b, "{\"tokenizer_class\": \"Qwen2Tokenizer\"}\n");
    return write_text(dir, "tokenizer/tokenizer_config.json", &b) && write_tokenizer(dir) &&
           write_model_files(s, dir) && write_text_config(s, dir) && write_vae_config(s, dir) &&
           write_transformer_config(s, dir, "conditional_transformer_config.json", s->layers) &&
           write_transformer_config(s, dir, "unconditional_transformer_config.json",
                                    s->free_layers);
}

/* --- options ------------------------------------------------------------------------------- */

typedef struct option {
    const char *name;
    int *value;
    int min, max;
    const char *help;
} option;

enum { OPTION_COUNT = 17 };

static void option_table(shape *s, option table[OPTION_COUNT]) {
    const option rows[OPTION_COUNT] = {
        {"--bits", &s->bits, 4, 16, "4, 8, or 16 for bf16"},
        {"--layers", &s->layers, 1, 256, "blocks of the conditional transformer"},
        {"--free-layers", &s->free_layers, 1, 256, "blocks of the text-free transformer"},
        {"--heads", &s->heads, 1, 512, "attention heads of a transformer"},
        {"--head-dim", &s->head_dim, 64, 512, "their size, a multiple of 64"},
        {"--ff", &s->ff, 32, 131072, "feed-forward width"},
        {"--adaln", &s->adaln, 32, 131072, "modulation bottleneck"},
        {"--text-layers", &s->text_layers, 1, 256, "layers of the text tower"},
        {"--text-hidden", &s->text_hidden, 32, 131072, "its width"},
        {"--text-heads", &s->text_heads, 1, 512, "its query heads"},
        {"--text-kv-heads", &s->text_kv_heads, 1, 512, "its key/value heads"},
        {"--text-head-dim", &s->text_head_dim, 32, 512, "their size"},
        {"--text-ff", &s->text_ff, 32, 131072, "its feed-forward width"},
        {"--vocab", &s->vocab, VOCAB_MIN, 1 << 20, "rows of the embedding table"},
        {"--vae-groups", &s->vae_groups, 1, 512, "normalisation groups of the decoder"},
        {"--seed", &s->seed, 0, 1 << 30, "of the random numbers"},
        {NULL, NULL, 0, 0, NULL},
    };
    memcpy(table, rows, sizeof rows);
}

static int usage(FILE *to) {
    shape s = FULL;
    option table[OPTION_COUNT];
    option_table(&s, table);
    fputs("usage: make_checkpoint --out DIR [--full | --full-width | --tiny] [options]\n\n"
          "Writes a random-weight model in the mlx-forge split layout.\n\n"
          "  --full          every size of the real model (8 bit: 28 GB)\n"
          "  --full-width    its widths, 2 blocks, 2 text layers, vocabulary 512 (the default)\n"
          "  --tiny          a toy for tests\n"
          "  --width N       width of a transformer, in place of --heads (N / head size)\n"
          "  --taps A,B,…    text layers that are tapped; default: the real thirteen, or as many\n"
          "                  as there are layers\n"
          "  --vae-channels A,B,C,D  of the decoder, full resolution first\n"
          "  --hollow        right sizes, no contents: for inspect and estimates\n",
          to);
    for (const option *o = table; o->name; o++) {
        fprintf(to, "  %-15s %s\n", o->name, o->help);
    }
    return to == stdout ? 0 : 2;
}

static int bad(const char *name, const char *wish) {
    fprintf(stderr, "make_checkpoint: %s %s; see --help\n", name, wish);
    return 2;
}

/* A whole number in [min, max], up to `stop`; moves *at past it. */
static bool read_int(const char **at, char stop, int min, int max, int *out) {
    char *end;
    const long value = strtol(*at, &end, 10);
    if (end == *at || *end != stop || value < min || value > max) {
        return false;
    }
    *at = end + (stop != '\0');
    *out = (int)value;
    return true;
}

/* "a,b,c": the number of values, 0 if it cannot be */
static int read_list(const char *value, int min, int max, int *out, int capacity) {
    int count = 0;
    while (count < capacity) {
        if (read_int(&value, ',', min, max, &out[count])) {
            count++;
        } else {
            return read_int(&value, '\0', min, max, &out[count]) ? count + 1 : 0;
        }
    }
    return 0;
}

static shape full_width(void) {
    shape s = FULL;
    s.layers = s.free_layers = s.text_layers = 2;
    s.vocab = 512;
    return s;
}

/* The thirteen layers of the real tower, or all (spread evenly, the last one among them). */
static void choose_taps(shape *s) {
    static const int real[TAPS_DEFAULT] = {0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 35};
    if (s->text_layers == 36) {
        s->tap_count = TAPS_DEFAULT;
        memcpy(s->taps, real, sizeof real);
        return;
    }
    s->tap_count = s->text_layers < TAPS_DEFAULT ? s->text_layers : TAPS_DEFAULT;
    for (int i = 0; i < s->tap_count; i++) {
        s->taps[i] = (i + 1) * s->text_layers / s->tap_count - 1;
    }
}

/* NULL, or what is wrong */
static const char *check_shape(const shape *s) {
    if (s->bits != 4 && s->bits != 8 && s->bits != 16) {
        return "--bits must be 4, 8 or 16";
    }
    if (s->head_dim % 64 != 0) {
        return "--head-dim must be a multiple of 64, so that the rotary sections come out whole";
    }
    if (s->text_head_dim % 2 != 0 || s->text_heads % s->text_kv_heads != 0) {
        return "--text-head-dim must be even and --text-heads a multiple of --text-kv-heads";
    }
    if ((int64_t)s->heads * s->head_dim > 131072 ||
        (int64_t)s->tap_count * s->text_hidden > 131072) {
        return "the width of a transformer or of the text features is beyond 131072";
    }
    for (int i = 0; i < 4; i++) {
        if (s->vae[i] % s->vae_groups != 0) {
            return "--vae-channels must be multiples of --vae-groups";
        }
    }
    for (int i = 0; i < s->tap_count; i++) {
        if (s->taps[i] >= s->text_layers || (i > 0 && s->taps[i] <= s->taps[i - 1])) {
            return "--taps must rise and lie below --text-layers";
        }
    }
    return NULL;
}

typedef struct arguments {
    shape shape;
    const char *out;
    int width; /* 0: by --heads */
    bool hollow;
} arguments;

/* Options with a value. 0, or the exit code. */
static int parse_value(arguments *a, const char *name, const char *value) {
    option table[OPTION_COUNT];
    option_table(&a->shape, table);
    if (!strcmp(name, "--out")) {
        a->out = value;
        return 0;
    }
    if (!strcmp(name, "--width")) {
        return read_int(&value, '\0', 64, 131072, &a->width) ? 0 : bad(name, "is out of range");
    }
    if (!strcmp(name, "--taps")) {
        a->shape.tap_count = read_list(value, 0, 255, a->shape.taps, TAPS_MAX);
        return a->shape.tap_count ? 0 : bad(name, "wants whole numbers, e.g. 0,3,5");
    }
    if (!strcmp(name, "--vae-channels")) {
        return read_list(value, 1, 4096, a->shape.vae, 4) == 4 ? 0
                                                               : bad(name, "wants four numbers");
    }
    for (const option *o = table; o->name; o++) {
        if (!strcmp(name, o->name)) {
            return read_int(&value, '\0', o->min, o->max, o->value) ? 0
                                                                    : bad(name, "is out of range");
        }
    }
    return bad(name, "is not an option");
}

/* 0, or the exit code + 1 (so that --help can end with 0) */
static int parse(int argc, char **argv, arguments *a) {
    a->shape = full_width();
    for (int i = 1; i < argc; i++) { /* presets first, wherever they stand */
        if (!strcmp(argv[i], "--full")) {
            a->shape = FULL;
        } else if (!strcmp(argv[i], "--tiny")) {
            a->shape = TINY;
        } else if (!strcmp(argv[i], "--help")) {
            return 1 + usage(stdout);
        }
    }
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--hollow")) {
            a->hollow = true;
        } else if (strcmp(argv[i], "--full") != 0 && strcmp(argv[i], "--full-width") != 0 &&
                   strcmp(argv[i], "--tiny") != 0) {
            if (i + 1 == argc) {
                return 1 + bad(argv[i], "is not an option, or lacks its value");
            }
            const int code = parse_value(a, argv[i], argv[i + 1]);
            if (code != 0) {
                return 1 + code;
            }
            i++;
        }
    }
    if (!a->out) {
        return 1 + bad("--out", "is needed");
    }
    if (a->width % a->shape.head_dim != 0) {
        return 1 + bad("--width", "must be a multiple of --head-dim");
    }
    if (a->width > 0) {
        a->shape.heads = a->width / a->shape.head_dim;
    }
    if (a->shape.tap_count == 0) {
        choose_taps(&a->shape);
    }
    const char *wrong = check_shape(&a->shape);
    if (wrong) {
        fprintf(stderr, "make_checkpoint: %s\n", wrong);
        return 1 + 2;
    }
    return 0;
}

int main(int argc, char **argv) {
    arguments a = {0};
    const int code = parse(argc, argv, &a);
    if (code != 0) {
        return code - 1;
    }
    char folder[4200];
    i4_err err = {0};
    snprintf(folder, sizeof folder, "%s/tokenizer", a.out);
    if (!i4_dir_make(folder, &err)) {
        fprintf(stderr, "make_checkpoint: %s\n", err.text);
        return 1;
    }
    uint64_t bytes = 0;
    const double start = i4_seconds();
    if (!write_small_files(&a.shape, a.out) || !write_weights(&a.shape, a.out, a.hollow, &bytes)) {
        return 1;
    }
    printf("%s: %.3f GB of %s in %.1f s\n", a.out, (double)bytes / 1e9,
           a.hollow ? "holes" : "random weights", i4_seconds() - start);
    return 0;
}
