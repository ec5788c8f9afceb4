/* Reads and bounds the configuration files of a model folder. */
#include "model/config.h"

#include "io/json.h"

#include <string.h>

/* One key of a table: where its whole number goes and what it may be. */
typedef struct field {
    const char *key;
    int *out;
    int64_t min, max, fallback;
} field;

static bool read_fields(i4_json object, const field *fields, size_t count, i4_err *err) {
    for (size_t i = 0; i < count; i++) {
        int64_t v = 0;
        if (!i4_json_int(object, fields[i].key, fields[i].min, fields[i].max, fields[i].fallback,
                         &v, err)) {
            return false;
        }
        *fields[i].out = (int)v;
    }
    return true;
}

static bool refuse(i4_json file, const char *why, i4_err *err) {
    return i4_fail(err, I4_E_FORMAT, "%s: %s", file.label, why);
}

static bool read_real(i4_json object, const char *key, double fallback, double max, double *out,
                      i4_err *err) {
    return i4_json_real(object, key, 1e-12, max, fallback, out, err);
}

/* --- transformers ------------------------------------------------------------------------ */

static bool read_sections(i4_json file, i4_dit_config *c, i4_err *err) {
    int64_t section[3] = {24, 20, 20};
    size_t count = 0;
    if (!i4_json_ints(file, "mrope_section", 0, I4_LIMIT_HEAD_DIM, section, 3, &count, err)) {
        return false;
    }
    if (count != 0 && count != 3) {
        return refuse(file, "mrope_section must list three numbers", err);
    }
    for (int i = 0; i < 3; i++) {
        c->mrope[i] = (int)section[i];
        if (i > 0 && 3 * c->mrope[i] - 3 + i >= c->head_dim / 2 && c->mrope[i] > 0) {
            return refuse(file, "mrope_section reaches beyond half of attention_head_dim", err);
        }
    }
    return true;
}

static bool read_dit(i4_json file, i4_dit_config *c, i4_err *err) {
    const field fields[] = {
        {"num_layers", &c->layers, 1, I4_LIMIT_LAYERS, 34},
        {"num_attention_heads", &c->heads, 1, 1024, 18},
        {"attention_head_dim", &c->head_dim, 2, I4_LIMIT_HEAD_DIM, 256},
        {"intermediate_size", &c->ff, 1, I4_LIMIT_WIDTH, 12288},
        {"adaln_dim", &c->adaln, 1, I4_LIMIT_WIDTH, 512},
        {"in_channels", &c->channels, 4, I4_LATENT_MAX, 128},
        {"llm_features_dim", &c->features, 1, 1 << 20, 53248},
    };
    double eps = 0.0;
    if (!read_fields(file, fields, sizeof fields / sizeof fields[0], err) ||
        !read_real(file, "rope_theta", 5e6, 1e12, &c->rope_theta, err) ||
        !read_real(file, "norm_eps", 1e-5, 1.0, &eps, err)) {
        return false;
    }
    c->eps = (float)eps;
    c->width = c->heads * c->head_dim;
    /* the time embedding divides by width/2 − 1 */
    if (c->width < 4 || c->width > I4_LIMIT_WIDTH || c->head_dim % 2 != 0) {
        return refuse(file,
                      "num_attention_heads times attention_head_dim must be 4 to 131072, and "
                      "attention_head_dim even",
                      err);
    }
    return read_sections(file, c, err);
}

/* --- text tower -------------------------------------------------------------------------- */

static bool read_taps(i4_json file, i4_text_config *c, i4_err *err) {
    static const int64_t full[] = {0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33, 35};
    int64_t tap[I4_LIMIT_TAPS];
    size_t count = 0;
    if (!i4_json_ints(file, "tap_layers", 0, I4_LIMIT_LAYERS - 1, tap, I4_LIMIT_TAPS, &count,
                      err)) {
        return false;
    }
    if (count == 0) {
        count = sizeof full / sizeof full[0];
        memcpy(tap, full, sizeof full);
    }
    c->tap_count = (int)count;
    for (size_t i = 0; i < count; i++) {
        if (tap[i] >= c->layers || (i > 0 && tap[i] <= tap[i - 1])) {
            return refuse(file,
                          "tap_layers must ascend and stay below num_hidden_layers (the "
                          "default is the thirteen taps of the 36-layer model)",
                          err);
        }
        c->tap[i] = (int)tap[i];
    }
    return true;
}

static bool read_text(i4_json file, i4_text_config *c, i4_err *err) {
    const i4_json text = {json_object_get(file.value, "text_config"), file.label, "text_config"};
    if (text.value != NULL && !json_is_object(text.value)) {
        return refuse(file, "text_config must be an object", err);
    }
    const field fields[] = {
        {"vocab_size", &c->vocabulary, 1, I4_LIMIT_VOCABULARY, 151936},
        {"hidden_size", &c->width, 1, I4_LIMIT_WIDTH, 4096},
        {"num_hidden_layers", &c->layers, 1, I4_LIMIT_LAYERS, 36},
        {"num_attention_heads", &c->heads, 1, 1024, 32},
        {"num_key_value_heads", &c->kv_heads, 1, 1024, 8},
        {"intermediate_size", &c->ff, 1, I4_LIMIT_WIDTH, 12288},
        {"head_dim", &c->head_dim, 2, I4_LIMIT_HEAD_DIM, 128},
    };
    const i4_json rope = {json_object_get(text.value, "rope_parameters"), file.label,
                          "text_config.rope_parameters"};
    double eps = 0.0, theta = 0.0;
    if (!read_fields(text, fields, sizeof fields / sizeof fields[0], err) ||
        !read_real(text, "rms_norm_eps", 1e-6, 1.0, &eps, err) ||
        !read_real(text, "rope_theta", 5e6, 1e12, &theta, err) ||
        (json_is_object(rope.value) && !read_real(rope, "rope_theta", theta, 1e12, &theta, err))) {
        return false;
    }
    c->eps = (float)eps;
    c->rope_theta = theta;
    if (c->heads % c->kv_heads != 0 || c->head_dim % 2 != 0 ||
        c->heads * c->head_dim > I4_LIMIT_WIDTH) {
        return refuse(file,
                      "num_attention_heads must be a multiple of num_key_value_heads, head_dim "
                      "even, and their product at most 131072",
                      err);
    }
    return read_taps(file, c, err);
}

/* --- VAE --------------------------------------------------------------------------------- */

static bool read_vae(i4_json file, i4_vae_config *c, i4_err *err) {
    int64_t channels[I4_VAE_LEVELS] = {128, 256, 512, 512};
    size_t count = 0;
    int layers = 0;
    const field fields[] = {
        {"layers_per_block", &layers, 1, 8, 2},
        {"latent_channels", &c->latent, 1, I4_LATENT_MAX / 4, 32},
        {"norm_num_groups", &c->groups, 1, 256, 32},
    };
    if (!read_fields(file, fields, sizeof fields / sizeof fields[0], err) ||
        !i4_json_bool(file, "mid_block_add_attention", true, &c->mid_attention, err) ||
        !i4_json_bool(file, "use_post_quant_conv", true, &c->post_quant_conv, err) ||
        !i4_json_ints(file, "block_out_channels", 1, 4096, channels, I4_VAE_LEVELS, &count, err)) {
        return false;
    }
    if (count != 0 && count != I4_VAE_LEVELS) {
        return refuse(file, "block_out_channels must list four numbers", err);
    }
    c->resnets = layers + 1;
    for (int i = 0; i < I4_VAE_LEVELS; i++) {
        c->channels[i] = (int)channels[i];
        if (c->channels[i] % c->groups != 0) {
            return refuse(file,
                          "every entry of block_out_channels must be a multiple of "
                          "norm_num_groups",
                          err);
        }
    }
    if (c->mid_attention && c->channels[3] > I4_LIMIT_HEAD_DIM) {
        return refuse(file, "the attention of the middle block takes up to 512 channels", err);
    }
    return true;
}

/* --- all --------------------------------------------------------------------------------- */

typedef bool (*read_fn)(i4_json file, void *out, i4_err *err);

static bool read_dit_any(i4_json file, void *out, i4_err *err) {
    return read_dit(file, out, err);
}
static bool read_text_any(i4_json file, void *out, i4_err *err) {
    return read_text(file, out, err);
}
static bool read_vae_any(i4_json file, void *out, i4_err *err) {
    return read_vae(file, out, err);
}

static bool read_file(const char *path, const char *fallback_label, read_fn read, void *out,
                      i4_err *err) {
    i4_json file = {NULL, path != NULL ? path : fallback_label, ""};
    if (path != NULL) {
        file.value = i4_json_load(path, I4_LIMIT_CONFIG_BYTES, err);
        if (file.value == NULL) {
            return false;
        }
        if (!json_is_object(file.value)) {
            json_decref(file.value);
            return refuse(file, "expected a JSON object", err);
        }
    }
    const bool ok = read(file, out, err);
    json_decref(file.value);
    return ok;
}

static bool read_latent_norm(i4_json file, void *out, i4_err *err) {
    i4_config *c = out;
    const size_t count = (size_t)c->cond.channels;
    bool has_scale = false, has_shift = false;
    if (file.value == NULL) {
        if (count != 128) {
            return i4_fail(err, I4_E_FORMAT,
                           "latent_norm.json is missing: a model with %zu latent "
                           "channels needs its own",
                           count);
        }
        memcpy(c->latent_scale, i4_default_latent_scale, sizeof i4_default_latent_scale);
        memcpy(c->latent_shift, i4_default_latent_shift, sizeof i4_default_latent_shift);
        return true;
    }
    if (!i4_json_floats(file, "scale", c->latent_scale, count, &has_scale, err) ||
        !i4_json_floats(file, "shift", c->latent_shift, count, &has_shift, err)) {
        return false;
    }
    return (has_scale && has_shift) || refuse(file, "scale and shift are both needed", err);
}

/* What must agree between the parts. */
static bool check_together(const i4_config *c, i4_err *err) {
    const i4_dit_config *a = &c->cond, *b = &c->free;
    if (a->width != b->width || a->heads != b->heads || a->ff != b->ff || a->adaln != b->adaln ||
        a->channels != b->channels || b->layers > a->layers ||
        memcmp(a->mrope, b->mrope, sizeof a->mrope) != 0 || a->rope_theta > b->rope_theta ||
        a->rope_theta < b->rope_theta) {
        return i4_fail(err, I4_E_FORMAT,
                       "the two transformers' configurations differ in more than "
                       "num_layers (the text-free one may have fewer)");
    }
    if (a->features != c->text.tap_count * c->text.width) {
        return i4_fail(err, I4_E_FORMAT,
                       "llm_features_dim is %d, but the text encoder gives %d taps of %d = %d",
                       a->features, c->text.tap_count, c->text.width,
                       c->text.tap_count * c->text.width);
    }
    if (a->channels != c->vae.latent * I4_PATCH * I4_PATCH) {
        return i4_fail(err, I4_E_FORMAT, "in_channels is %d, but the VAE's latents have %d",
                       a->channels, c->vae.latent * I4_PATCH * I4_PATCH);
    }
    return true;
}

bool i4_config_read(const i4_manifest *m, i4_config *c, i4_err *err) {
    memset(c, 0, sizeof *c);
    return read_file(m->part[I4_PART_TEXT].config_path, "text encoder", read_text_any, &c->text,
                     err) &&
           read_file(m->part[I4_PART_COND].config_path, "transformer", read_dit_any, &c->cond,
                     err) &&
           read_file(m->part[I4_PART_FREE].config_path, "transformer", read_dit_any, &c->free,
                     err) &&
           read_file(m->part[I4_PART_VAE].config_path, "vae", read_vae_any, &c->vae, err) &&
           check_together(c, err) &&
           read_file(m->latent_norm_path, "latent_norm.json", read_latent_norm, c, err);
}
