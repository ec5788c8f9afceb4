/* Model folders that are not what they should be. Each is refused with the right status and one
 * sentence that names the file, the key or the tensor; nothing stays open. */
#include "golden_folder.h"
#include "made_file.h"

#include "ideogram4.h"

static folder temp;
static char root[600]; /* of the model under test, inside temp */

#define GOLDEN ID4_SOURCE_DIR "/tests/golden/tiny-a"

/* --- a model to spoil ----------------------------------------------------------------------- */

static const char *at(const char *name) {
    static char text[4][1024];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof text[turn], "%s/%s", root, name);
    return text[turn];
}

/* The tiny model, file by file as links; its tokenizer too. */
static void make_good(void) {
    static const char *const tokenizer[] = {"tokenizer.json", "tokenizer_config.json"};
    char **names = NULL, target[1200];
    size_t count = 0;
    path_remove(root);
    assert_true(i4_dir_make(at("tokenizer"), NULL));
    assert_true(i4_dir_list(GOLDEN "/mlx-q8", 100, &names, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        snprintf(target, sizeof target, "%s/mlx-q8/%s", GOLDEN, names[i]);
        assert_int_equal(symlink(target, at(names[i])), 0);
    }
    i4_dir_list_free(names, count);
    for (int i = 0; i < 2; i++) {
        char link[64];
        snprintf(link, sizeof link, "tokenizer/%s", tokenizer[i]);
        snprintf(target, sizeof target, "%s/%s", GOLDEN, link);
        assert_int_equal(symlink(target, at(link)), 0);
    }
}

static void write_bytes(const char *name, const void *data, size_t size) {
    remove(at(name));
    FILE *f = fopen(at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void write_words(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

/* Sets parent.key (parent NULL: the root's) of a JSON file to the value written in `literal`. */
static void set_key(const char *name, const char *parent, const char *key, const char *literal) {
    json_t *file = json_load_file(at(name), 0, NULL);
    json_t *value = json_loads(literal, JSON_DECODE_ANY, NULL);
    json_t *object = parent != NULL ? json_object_get(file, parent) : file;
    assert_non_null(object);
    assert_non_null(value);
    assert_int_equal(json_object_set_new(object, key, value), 0);
    char *text = json_dumps(file, 0);
    write_words(name, text);
    free(text);
    json_decref(file);
}

/* --- verdicts ------------------------------------------------------------------------------- */

/* Descriptors and mappings of this process, where the system lists them. */
static size_t open_things(void) {
    char **names = NULL, line[1024];
    size_t count = 0, maps = 0;
    if (i4_dir_list("/proc/self/fd", 10000, &names, &count, NULL)) {
        i4_dir_list_free(names, count);
    }
    FILE *f = fopen("/proc/self/maps", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        maps += strstr(line, ".safetensors") != NULL || strstr(line, "tokenizer") != NULL;
    }
    if (f != NULL) {
        fclose(f);
    }
    return count + maps;
}

static void refused(const char *folder_path, id4_status status, const char *words) {
    id4_model *model = NULL;
    id4_error err = {0};
    const size_t before = open_things();
    const id4_status got = id4_model_open(folder_path, NULL, NULL, &model, &err);
    if (got == ID4_OK) {
        id4_model_close(model);
        fail_msg("opened, but should say '%s'", words);
    }
    if (got != status || err.status != status || strstr(err.text, words) == NULL ||
        strchr(err.text, '\n') != NULL) {
        fail_msg("%s '%s', expected %s '…%s…'", id4_status_name(got), err.text,
                 id4_status_name(status), words);
    }
    assert_null(model);
    assert_int_equal(open_things(), before);
}

static void bad_model_control_group_opens(void **state) {
    (void)state;
    id4_model *model = NULL;
    id4_error err = {0};
    make_good();
    const size_t before = open_things();
    if (id4_model_open(root, NULL, NULL, &model, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(id4_model_close(model), ID4_OK);
    assert_int_equal(open_things(), before);
}

/* --- folders -------------------------------------------------------------------------------- */

static void bad_model_folder_is_refused(void **state) {
    (void)state;
    char longer[5000];
    make_good();
    refused(at("nowhere"), ID4_NOT_FOUND, "nowhere");
    refused(at("vae.safetensors"), ID4_FORMAT, "not a folder");
    refused(at("tokenizer"), ID4_FORMAT, "split_model.json");
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    refused(longer, ID4_INVALID_ARGUMENT, "too long");
}

static void bad_model_missing_files_are_named(void **state) {
    static const char *const needed[] = {
        "split_model.json",
        "text_encoder.safetensors",
        "conditional_transformer.safetensors",
        "unconditional_transformer.safetensors",
        "vae.safetensors",
        "tokenizer/tokenizer.json",
    };
    (void)state;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        make_good();
        remove(at(needed[i]));
        refused(root, ID4_FORMAT, needed[i]);
        /* a folder of that name is not the file */
        assert_true(i4_dir_make(at(needed[i]), NULL));
        refused(root, ID4_FORMAT, needed[i]);
    }
}

static void bad_model_json_is_refused(void **state) {
    static const char *const names[] = {
        "split_model.json",
        "text_encoder_config.json",
        "conditional_transformer_config.json",
        "unconditional_transformer_config.json",
        "vae_config.json",
        "tokenizer/tokenizer.json",
    };
    static const char *const texts[] = {"",    "{", "[1]", "{\"a\": 1, \"a\": 2}", "{\"a\": \xff}",
                                        "null"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++) {
            make_good();
            write_words(names[i], texts[j]);
            refused(root, ID4_FORMAT, names[i]);
        }
    }
    make_good();
    write_words("latent_norm.json", "{");
    refused(root, ID4_FORMAT, "latent_norm.json");
    make_good();
    set_key("split_model.json", NULL, "format", "\"joined\"");
    refused(root, ID4_UNSUPPORTED, "joined");
}

/* --- configurations ------------------------------------------------------------------------- */

static const char cond[] = "conditional_transformer_config.json";
static const char plain[] = "unconditional_transformer_config.json";
static const char text[] = "text_encoder_config.json";
static const char vae[] = "vae_config.json";

static const struct {
    const char *file, *parent, *key, *literal, *words;
} contradictions[] = {
    /* between the parts */
    {cond, NULL, "llm_features_dim", "840", "llm_features_dim"},
    {cond, NULL, "llm_features_dim", "null", "llm_features_dim"},
    {text, "text_config", "hidden_size", "72", "llm_features_dim"},
    {text, NULL, "tap_layers", "[0, 1]", "llm_features_dim"},
    {cond, NULL, "in_channels", "64", "transformers' configurations differ"},
    {vae, NULL, "latent_channels", "64", "in_channels"},
    {plain, NULL, "attention_head_dim", "32", "transformers' configurations differ"},
    {plain, NULL, "num_layers", "3", "transformers' configurations differ"},
    {plain, NULL, "rope_theta", "10000", "transformers' configurations differ"},
    /* taps */
    {text, NULL, "tap_layers", "[0, 36]", "tap_layers"},
    {text, NULL, "tap_layers", "[3, 3]", "tap_layers"},
    {text, NULL, "tap_layers", "[5, 3]", "tap_layers"},
    {text, NULL, "tap_layers", "[-1]", "tap_layers"},
    {text, NULL, "tap_layers", "\"0\"", "tap_layers"},
    {text, "text_config", "num_hidden_layers", "20", "tap_layers"},
    /* heads */
    {text, "text_config", "head_dim", "31", "head_dim"},
    {text, "text_config", "num_key_value_heads", "3", "num_key_value_heads"},
    {cond, NULL, "attention_head_dim", "63", "attention_head_dim"},
    {cond, NULL, "attention_head_dim", "1024", "attention_head_dim"},
    {cond, NULL, "num_attention_heads", "1025", "num_attention_heads"},
    {cond, NULL, "mrope_section", "[6, 5]", "mrope_section"},
    {cond, NULL, "mrope_section", "[6, 60, 5]", "mrope_section"},
    {cond, NULL, "mrope_section", "[6, 5, -5]", "mrope_section"},
    /* the decoder */
    {vae, NULL, "norm_num_groups", "5", "norm_num_groups"},
    {vae, NULL, "norm_num_groups", "0", "norm_num_groups"},
    {vae, NULL, "block_out_channels", "[32, 32, 32]", "block_out_channels"},
    {vae, NULL, "block_out_channels", "[32, 32, 32, 1024]", "512"},
    {vae, NULL, "block_out_channels", "[32, 32, 48, 32]", "norm_num_groups"},
    {vae, NULL, "layers_per_block", "9", "layers_per_block"},
    {vae, NULL, "use_post_quant_conv", "1", "use_post_quant_conv"},
    /* numbers that are none, or far too large */
    {cond, NULL, "num_layers", "0", "num_layers"},
    {cond, NULL, "num_layers", "-2", "num_layers"},
    {cond, NULL, "num_layers", "2.5", "num_layers"},
    {cond, NULL, "num_layers", "\"2\"", "num_layers"},
    {cond, NULL, "num_layers", "9223372036854775807", "num_layers"},
    {cond, NULL, "intermediate_size", "-9223372036854775808", "intermediate_size"},
    {cond, NULL, "intermediate_size", "2147483648", "intermediate_size"},
    {cond, NULL, "adaln_dim", "1000000000", "adaln_dim"},
    {cond, NULL, "norm_eps", "0", "norm_eps"},
    {cond, NULL, "norm_eps", "-1e-5", "norm_eps"},
    {cond, NULL, "rope_theta", "1e300", "rope_theta"},
    {text, "text_config", "vocab_size", "4294967296", "vocab_size"},
    {text, "text_config", "rms_norm_eps", "\"small\"", "rms_norm_eps"},
    {text, NULL, "text_config", "[]", "text_config"},
    /* possible, but not what the files hold */
    {cond, NULL, "adaln_dim", "32", "transformers' configurations differ"},
    {text, "text_config", "vocab_size", "511", "table has 511 rows"},
    {text, "text_config", "intermediate_size", "128", "mlp"},
    {vae, NULL, "layers_per_block", "3", "resnets.3"},
    {vae, NULL, "block_out_channels", "[64, 32, 32, 32]", "vae"},
};

static void bad_model_contradictions_are_named(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof contradictions / sizeof contradictions[0]; i++) {
        make_good();
        set_key(contradictions[i].file, contradictions[i].parent, contradictions[i].key,
                contradictions[i].literal);
        refused(root, ID4_FORMAT, contradictions[i].words);
    }
}

static void bad_model_more_layers_than_the_file_are_refused(void **state) {
    (void)state;
    make_good();
    set_key(cond, NULL, "num_layers", "3");
    refused(root, ID4_FORMAT, "layers.2");
}

static void write_latents(const char *scale, const char *shift, int count) {
    static char words[8192];
    size_t len = 0;
    const char *const part[2] = {scale, shift}, *const key[2] = {"scale", "shift"};
    len += (size_t)snprintf(words + len, sizeof words - len, "{");
    for (int p = 0; p < 2; p++) {
        len +=
            (size_t)snprintf(words + len, sizeof words - len, "%s\"%s\": [", p ? ", " : "", key[p]);
        for (int i = 0; i < count; i++) {
            len +=
                (size_t)snprintf(words + len, sizeof words - len, "%s%s", i ? ", " : "", part[p]);
        }
        len += (size_t)snprintf(words + len, sizeof words - len, "]");
    }
    snprintf(words + len, sizeof words - len, "}");
    write_words("latent_norm.json", words);
}

static void bad_model_latent_norm_is_refused(void **state) {
    (void)state;
    make_good();
    write_latents("1.5", "0.0", 127);
    refused(root, ID4_FORMAT, "latent_norm.json");
    write_latents("1e39", "0.0", 128);
    refused(root, ID4_FORMAT, "latent_norm.json");
    write_latents("1.0", "true", 128);
    refused(root, ID4_FORMAT, "latent_norm.json");
    write_words("latent_norm.json", "{\"scale\": []}");
    refused(root, ID4_FORMAT, "latent_norm.json");
    write_words("latent_norm.json", "{}");
    refused(root, ID4_FORMAT, "latent_norm.json");
}

/* --- tokenizer ------------------------------------------------------------------------------ */

static void bad_model_tokenizer_beyond_the_table_is_refused(void **state) {
    (void)state;
    make_good();
    json_t *file = json_load_file(at("tokenizer/tokenizer.json"), 0, NULL);
    json_t *vocabulary = json_object_get(json_object_get(file, "model"), "vocab");
    assert_int_equal(json_object_set_new(vocabulary, "zebra", json_integer(512)), 0);
    char *words = json_dumps(file, 0);
    write_words("tokenizer/tokenizer.json", words);
    refused(root, ID4_FORMAT, "table has 512 rows");
    free(words);
    json_decref(file);
}

/* --- tensor files --------------------------------------------------------------------------- */

static void bad_model_truncated_tensors_are_refused(void **state) {
    static const char *const names[] = {"text_encoder.safetensors",
                                        "conditional_transformer.safetensors",
                                        "unconditional_transformer.safetensors", "vae.safetensors"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        char *data = NULL;
        size_t size = 0;
        make_good();
        assert_true(i4_file_read(at(names[i]), 1 << 28, &data, &size, NULL));
        const size_t kept[] = {0, 7, 8, 100, size / 2, size - 1};
        for (size_t j = 0; j < sizeof kept / sizeof kept[0]; j++) {
            write_bytes(names[i], data, kept[j]);
            refused(root, ID4_FORMAT, names[i]);
        }
        i4_free(data);
    }
}

typedef enum harm { LOSE, RETYPE, RESHAPE } harm;

/* The file with one tensor harmed. */
static void spoil(const char *file_name, const char *tensor, harm how) {
    static made_file made;
    i4_err err = {0};
    i4_st_file *file = i4_st_open(at(file_name), &err);
    assert_non_null(file);
    assert_non_null(i4_st_find(file, tensor));
    for (size_t i = 0; i < i4_st_count(file); i++) {
        const i4_st_tensor *t = i4_st_at(file, i);
        const bool chosen = strcmp(t->name, tensor) == 0;
        int64_t dim[8];
        memcpy(dim, t->dim, sizeof dim);
        i4_st_dtype dtype = t->dtype;
        if (chosen && how == LOSE) {
            continue;
        }
        if (chosen && how == RETYPE) {
            dtype = I4_ST_I32;
        }
        if (chosen && how == RESHAPE) {
            assert_true(dim[0] % 2 == 0);
            dim[0] /= 2;
            dim[t->rank - 1] *= 2;
            dim[0] += t->rank == 1; /* a vector: one more than it should have */
        }
        void *bytes = made_add(&made, t->name, dtype, t->rank, dim, NULL);
        const size_t room = made.size[made.count - 1];
        memcpy(bytes, t->data, t->size < room ? t->size : room);
    }
    i4_st_close(file);
    remove(at(file_name));
    made_write(&made, at(file_name));
}

static void bad_model_harmed_tensors_are_named(void **state) {
    static const struct {
        const char *file, *tensor;
    } chosen[] = {
        {"text_encoder.safetensors", "text_encoder.embed_tokens.weight"},
        {"text_encoder.safetensors", "text_encoder.layers.7.input_layernorm.weight"},
        {"conditional_transformer.safetensors",
         "conditional_transformer.layers.1.attention.qkv.weight"},
        {"conditional_transformer.safetensors",
         "conditional_transformer.layers.0.feed_forward.w2.scales"},
        {"conditional_transformer.safetensors", "conditional_transformer.llm_cond_proj.bias"},
        {"unconditional_transformer.safetensors",
         "unconditional_transformer.embed_image_indicator.weight"},
        {"unconditional_transformer.safetensors",
         "unconditional_transformer.layers.1.attention.norm_q.weight"},
        {"vae.safetensors", "vae.decoder.conv_in.weight"},
        {"vae.safetensors", "vae.decoder.conv_norm_out.bias"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        for (harm how = LOSE; how <= RESHAPE; how++) {
            /* a module's name is enough where one of its tensors tells how the rest is stored */
            char module[128];
            snprintf(module, sizeof module, "%s", strchr(chosen[i].tensor, '.') + 1);
            *strrchr(module, '.') = '\0';
            make_good();
            spoil(chosen[i].file, chosen[i].tensor, how);
            refused(root, ID4_FORMAT, module);
        }
    }
}

static int set_up(void **state) {
    (void)state;
    folder_make(&temp, "bad_models");
    snprintf(root, sizeof root, "%s", folder_at(&temp, "model"));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    folder_remove(&temp);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_model_control_group_opens),
        cmocka_unit_test(bad_model_folder_is_refused),
        cmocka_unit_test(bad_model_missing_files_are_named),
        cmocka_unit_test(bad_model_json_is_refused),
        cmocka_unit_test(bad_model_contradictions_are_named),
        cmocka_unit_test(bad_model_more_layers_than_the_file_are_refused),
        cmocka_unit_test(bad_model_latent_norm_is_refused),
        cmocka_unit_test(bad_model_tokenizer_beyond_the_table_is_refused),
        cmocka_unit_test(bad_model_truncated_tensors_are_refused),
        cmocka_unit_test(bad_model_harmed_tensors_are_named),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
