/* Model folders: the four golden ones, folders put together here with one thing wrong, and the JSON
 * getters beneath. */
#include "io/json.h"
#include "io/manifest.h"
#include "io/safetensors.h"

#include "folder.h"

#define GOLDEN ID4_SOURCE_DIR "/tests/golden/tiny-a/"

static folder temp;

static int setup(void **state) {
    (void)state;
    folder_make(&temp, "test_manifest");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    folder_remove(&temp);
    return 0;
}

static void expect_failure(const char *path, i4_status status, const char *words) {
    i4_manifest m;
    i4_err err = {0};
    if (i4_manifest_read(path, &m, &err)) {
        fail_msg("%s was taken for %s", path, i4_layout_name(m.layout));
    }
    assert_int_equal(err.status, status);
    if (!strstr(err.text, words)) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
    i4_manifest_free(&m); /* harmless */
}

static void expect_layout(const char *path, i4_layout layout, i4_manifest *m) {
    i4_err err = {0};
    if (!i4_manifest_read(path, m, &err)) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(m->layout, layout);
}

static bool ends(const char *text, const char *suffix) {
    return text && i4_str_ends(i4_str_c(text), suffix);
}

/* A file of one tensor. metadata: JSON of __metadata__, or NULL. */
static void write_shard(const char *name, const char *tensor, const char *metadata) {
    char header[512];
    FILE *stream = fopen(folder_at(&temp, name), "wb");
    assert_non_null(stream);
    int n = snprintf(header, sizeof header,
                     "{%s%s%s\"%s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                     metadata ? "\"__metadata__\":" : "", metadata ? metadata : "",
                     metadata ? "," : "", tensor);
    const unsigned char length[8] = {(unsigned char)(n & 255), (unsigned char)(n >> 8)};
    fwrite(length, 1, 8, stream);
    fwrite(header, 1, (size_t)n, stream);
    fputc(0, stream);
    assert_int_equal(fclose(stream), 0);
}

/* --- golden folders ------------------------------------------------------------------------ */

static void manifest_split_folders_are_recognised(void **state) {
    (void)state;
    const char *const names[] = {GOLDEN "mlx-q8", GOLDEN "mlx-q4/", GOLDEN "mlx-bf16//"};
    for (int i = 0; i < 3; i++) {
        i4_manifest m;
        expect_layout(names[i], I4_LAYOUT_SPLIT, &m);
        assert_string_equal(m.source, "synthetic");
        assert_int_equal(m.part[I4_PART_COND].file_count, 1);
        assert_true(ends(m.part[I4_PART_COND].files[0], "/conditional_transformer.safetensors"));
        assert_true(ends(m.part[I4_PART_FREE].files[0], "/unconditional_transformer.safetensors"));
        assert_true(ends(m.part[I4_PART_TEXT].config_path, "/text_encoder_config.json"));
        assert_false(m.part[I4_PART_VAE].indexed);
        assert_null(m.tokenizer_path);
        assert_null(m.latent_norm_path);
        assert_false(ends(m.root, "/"));
        i4_manifest_free(&m);
    }
}

static void manifest_official_folder_is_recognised(void **state) {
    (void)state;
    i4_manifest m;
    expect_layout(GOLDEN "fp8", I4_LAYOUT_FP8, &m);
    assert_true(ends(m.part[I4_PART_TEXT].files[0], "/text_encoder/model.safetensors"));
    assert_true(ends(m.part[I4_PART_COND].files[0],
                     "/fp8/transformer/diffusion_pytorch_model.safetensors"));
    assert_true(ends(m.part[I4_PART_VAE].config_path, "/vae/config.json"));
    assert_string_equal(m.source, "");
    i4_manifest_free(&m);
}

/* --- split --------------------------------------------------------------------------------- */

static void link_split(void) {
    static const char *const parts[] = {"conditional_transformer", "unconditional_transformer",
                                        "text_encoder", "vae"};
    for (int i = 0; i < 4; i++) {
        char name[64], to[1024];
        snprintf(name, sizeof name, "%s.safetensors", parts[i]);
        snprintf(to, sizeof to, GOLDEN "mlx-q8/%s", name);
        folder_link(&temp, name, to);
    }
}

static void manifest_split_without_configs_is_complete(void **state) {
    (void)state;
    i4_manifest m;
    link_split();
    folder_write(&temp, "split_model.json", "{\"format\":\"split\",\"extra\":[1]}");
    folder_write(&temp, "latent_norm.json", "{}");
    folder_sub(&temp, "tokenizer");
    folder_write(&temp, "tokenizer/tokenizer.json", "{}");
    expect_layout(temp.path, I4_LAYOUT_SPLIT, &m);
    assert_null(m.part[I4_PART_TEXT].config_path);
    assert_true(ends(m.tokenizer_path, "/tokenizer/tokenizer.json"));
    assert_true(ends(m.latent_norm_path, "/latent_norm.json"));
    assert_string_equal(m.source, "");
    i4_manifest_free(&m);
}

static void manifest_split_without_its_json_names_it(void **state) {
    (void)state;
    link_split();
    expect_failure(temp.path, I4_E_FORMAT, "split_model.json is missing in ");
    expect_failure(temp.path, I4_E_FORMAT, "supported layouts are");
}

static void manifest_split_without_a_component_names_it(void **state) {
    (void)state;
    link_split();
    folder_write(&temp, "split_model.json", "{}");
    remove(folder_at(&temp, "vae.safetensors"));
    expect_failure(temp.path, I4_E_FORMAT, "vae.safetensors is missing in ");
}

static void manifest_split_of_another_format_is_unsupported(void **state) {
    (void)state;
    link_split();
    folder_write(&temp, "split_model.json", "{\"format\":\"merged\"}");
    expect_failure(temp.path, I4_E_UNSUPPORTED, "'merged'");
    folder_write(&temp, "split_model.json", "{\"format\":");
    expect_failure(temp.path, I4_E_FORMAT, "not valid JSON");
    folder_write(&temp, "split_model.json", "{\"format\":3}");
    expect_failure(temp.path, I4_E_FORMAT, "format in ");
    folder_write(&temp, "split_model.json", "{\"format\":\"split\",\"format\":\"split\"}");
    expect_failure(temp.path, I4_E_FORMAT, "duplicate");
}

/* --- mflux --------------------------------------------------------------------------------- */

static const char *const folders[] = {"vae", "transformer", "unconditional_transformer",
                                      "text_encoder"};

/* Two shards per folder, "10" after "1" though before "2". */
static void make_mflux(const char *metadata) {
    for (int i = 0; i < 4; i++) {
        char name[128];
        folder_sub(&temp, folders[i]);
        snprintf(name, sizeof name, "%s/2.safetensors", folders[i]);
        write_shard(name, "b", metadata);
        snprintf(name, sizeof name, "%s/10.safetensors", folders[i]);
        write_shard(name, "a", metadata);
        snprintf(name, sizeof name, "%s/._2.safetensors", folders[i]);
        folder_write(&temp, name, "not a tensor file");
    }
}

static void manifest_mflux_shards_are_taken_in_bytewise_order(void **state) {
    (void)state;
    i4_manifest m;
    make_mflux("{\"quantization_level\":\"8\"}");
    expect_layout(temp.path, I4_LAYOUT_MFLUX, &m);
    for (int part = 0; part < I4_PART_COUNT; part++) {
        assert_int_equal(m.part[part].file_count, 2);
        assert_true(ends(m.part[part].files[0], "/10.safetensors"));
        assert_true(ends(m.part[part].files[1], "/2.safetensors"));
        assert_false(m.part[part].indexed);
        assert_null(m.part[part].config_path);
    }
    i4_manifest_free(&m);
}

#define INDEX "vae/model.safetensors.index.json"
#define MARK "\"metadata\":{\"mflux_version\":\"0.9\"}"

static void manifest_mflux_index_is_followed(void **state) {
    (void)state;
    i4_manifest m;
    make_mflux(NULL);
    folder_write(&temp, INDEX, "{" MARK ",\"weight_map\":{\"b\":\"2.safetensors\"}}");
    expect_layout(temp.path, I4_LAYOUT_MFLUX, &m);
    assert_int_equal(m.part[I4_PART_VAE].file_count, 1);
    assert_true(m.part[I4_PART_VAE].indexed);
    assert_false(m.part[I4_PART_TEXT].indexed);
    i4_manifest_free(&m);
}

static void manifest_broken_index_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *map, *words;
    } cases[] = {
        {"{\"b\":\"3.safetensors\"}", "missing, though the index names it"},
        {"{\"c\":\"2.safetensors\"}", "lacks a tensor"},
        {"{\"b\":\"../vae/2.safetensors\"}", "plain name"},
        {"{\"b\":\"..\"}", "plain name"},
        {"{\"b\":\"\"}", "plain name"},
        {"{\"b\":\"/etc/passwd\"}", "plain name"},
        {"{\"b\":\"a\\\\b\"}", "plain name"},
        {"{\"b\":1}", "plain name"},
        {"{}", "weight_map"},
        {"[]", "weight_map"},
        {"{\"b\":\"2.safetensors\",\"b\":\"10.safetensors\"}", "duplicate"},
        {"{\"b\":\"._2.safetensors\"}", "header length"},
    };
    make_mflux(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "{" MARK ",\"weight_map\":%s}", cases[i].map);
        folder_write(&temp, INDEX, text);
        expect_failure(temp.path, I4_E_FORMAT, cases[i].words);
    }
}

static void manifest_mflux_without_a_folder_names_it(void **state) {
    (void)state;
    make_mflux("{\"mflux_version\":\"0.9\"}");
    path_remove(folder_at(&temp, "text_encoder"));
    expect_failure(temp.path, I4_E_FORMAT, "text_encoder is missing in ");
    folder_sub(&temp, "text_encoder");
    expect_failure(temp.path, I4_E_FORMAT, "*.safetensors");
}

/* --- official ------------------------------------------------------------------------------ */

static void make_official(void) {
    for (int i = 0; i < 4; i++) {
        char name[128];
        folder_sub(&temp, folders[i]);
        snprintf(name, sizeof name, "%s/%s.safetensors", folders[i],
                 i == 3 ? "model" : "diffusion_pytorch_model");
        write_shard(name, "a", "{\"format\":\"pt\"}");
    }
    folder_write(&temp, "text_encoder/config.json", "{\"ideogram_fp8_weight_only\":true}");
}

static void manifest_official_shards_are_followed(void **state) {
    (void)state;
    i4_manifest m;
    make_official();
    remove(folder_at(&temp, "text_encoder/model.safetensors"));
    write_shard("text_encoder/model-00001-of-00002.safetensors", "a", NULL);
    write_shard("text_encoder/model-00002-of-00002.safetensors", "b", NULL);
    folder_write(&temp, "text_encoder/model.safetensors.index.json",
                 "{\"metadata\":{\"total_size\":2},\"weight_map\":{"
                 "\"b\":\"model-00002-of-00002.safetensors\","
                 "\"a\":\"model-00001-of-00002.safetensors\"}}");
    expect_layout(temp.path, I4_LAYOUT_FP8, &m);
    assert_int_equal(m.part[I4_PART_TEXT].file_count, 2);
    assert_true(ends(m.part[I4_PART_TEXT].files[1], "/model-00002-of-00002.safetensors"));
    i4_manifest_free(&m);
}

static void manifest_official_without_a_file_names_it(void **state) {
    (void)state;
    make_official();
    remove(folder_at(&temp, "transformer/diffusion_pytorch_model.safetensors"));
    expect_failure(temp.path, I4_E_FORMAT,
                   "transformer/diffusion_pytorch_model.safetensors is missing in ");
}

static void manifest_official_without_the_flag_is_unknown(void **state) {
    (void)state;
    make_official();
    folder_write(&temp, "text_encoder/config.json", "{\"ideogram_fp8_weight_only\":false}");
    expect_failure(temp.path, I4_E_FORMAT, "ideogram_fp8_weight_only");
    folder_write(&temp, "text_encoder/config.json", "{\"ideogram_fp8_weight_only\":1}");
    expect_failure(temp.path, I4_E_FORMAT, "expected true or false, got 1");
}

/* --- neither ------------------------------------------------------------------------------- */

static void manifest_nf4_is_unsupported(void **state) {
    (void)state;
    folder_sub(&temp, "transformer");
    write_shard("transformer/diffusion_pytorch_model.safetensors",
                "x.weight.quant_state.bitsandbytes__nf4", NULL);
    expect_failure(temp.path, I4_E_UNSUPPORTED, "NF4");
}

static void manifest_other_folders_are_unknown(void **state) {
    (void)state;
    expect_failure(temp.path, I4_E_FORMAT, "supported layouts are");
    folder_write(&temp, "file", "");
    expect_failure(folder_at(&temp, "file"), I4_E_FORMAT, "not a folder");
    expect_failure(folder_at(&temp, "nothing"), I4_E_NOT_FOUND, "no model folder");
    expect_failure("", I4_E_INVALID_ARGUMENT, "empty");
}

static bool read_mflux_folder(i4_err *err) {
    i4_manifest m;
    bool good = i4_manifest_read(temp.path, &m, err);
    i4_manifest_free(&m);
    return good;
}

static void manifest_every_fault_is_reported(void **state) {
    (void)state;
    make_mflux("{\"mflux_version\":\"0.9\"}");
    folder_write(&temp, INDEX, "{\"weight_map\":{\"b\":\"2.safetensors\"}}");
    faults_are_reported(read_mflux_folder, 20);
}

/* --- JSON getters -------------------------------------------------------------------------- */

static json_t *parsed(const char *text) {
    i4_err err = {0};
    json_t *value = i4_json_parse(text, strlen(text), "f.json", &err);
    if (!value) {
        fail_msg("%s", err.text);
    }
    return value;
}

static void json_values_and_defaults_are_read(void **state) {
    (void)state;
    json_t *root = parsed("{\"i\":-3,\"r\":2,\"b\":true,\"s\":\"x\",\"n\":null,\"l\":[1,2],"
                          "\"f\":[0.5,1]}");
    const i4_json o = {root, "f.json", ""}, absent = {NULL, "f.json", "x"};
    int64_t i, list[2];
    double r;
    bool b;
    const char *s;
    float f[2];
    size_t count;
    assert_true(i4_json_int(o, "i", -3, 5, 0, &i, NULL) && i == -3);
    assert_true(i4_json_int(o, "n", 1, 5, 4, &i, NULL) && i == 4);
    assert_true(i4_json_int(absent, "i", 1, 5, 4, &i, NULL) && i == 4);
    assert_true(i4_json_real(o, "r", 0, 5, 0, &r, NULL) && r > 1.9 && r < 2.1);
    assert_true(i4_json_bool(o, "b", false, &b, NULL) && b);
    assert_true(i4_json_bool(o, "x", true, &b, NULL) && b);
    assert_true(i4_json_string(o, "s", &s, NULL));
    assert_string_equal(s, "x");
    assert_true(i4_json_string(o, "n", &s, NULL));
    assert_null(s);
    assert_true(i4_json_ints(o, "l", 0, 9, list, 2, &count, NULL));
    assert_true(count == 2 && list[1] == 2);
    assert_true(i4_json_ints(o, "none", 0, 9, list, 2, &count, NULL) && count == 0);
    assert_true(i4_json_floats(o, "f", f, 2, &b, NULL) && b);
    assert_true(f[0] > 0.4f && f[0] < 0.6f);
    assert_true(i4_json_floats(o, "none", f, 2, &b, NULL) && !b);
    json_decref(root);
}

static void json_wrong_values_are_named(void **state) {
    (void)state;
    json_t *root = parsed("{\"t\":{\"i\":\"3\",\"big\":9,\"real\":1.5,\"l\":[1,\"2\"],"
                          "\"f\":[1,1e300]}}");
    const i4_json t = {json_object_get(root, "t"), "f.json", "t"}, o = {root, "f.json", ""};
    const i4_json text = {json_object_get(t.value, "i"), "f.json", "t.i"};
    int64_t i, list[2];
    double r;
    bool b;
    const char *s;
    float f[2];
    size_t count;
    i4_err e = {0};
    assert_false(i4_json_int(t, "i", 1, 8, 0, &i, &e));
    assert_string_equal(e.text, "t.i in f.json: expected a whole number from 1 to 8, got a string");
    assert_false(i4_json_int(t, "big", 1, 8, 0, &i, &e));
    assert_string_equal(e.text, "t.big in f.json: expected a whole number from 1 to 8, got 9");
    assert_false(i4_json_int(t, "real", 1, 8, 0, &i, &e));
    assert_false(i4_json_real(t, "big", 0, 1, 0, &r, &e));
    assert_false(i4_json_bool(t, "big", 0, &b, &e));
    assert_false(i4_json_string(o, "t", &s, &e));
    assert_string_equal(e.text, "t in f.json: expected a string, got an object");
    assert_false(i4_json_ints(t, "l", 0, 9, list, 2, &count, &e));
    assert_false(i4_json_ints(t, "l", 0, 9, list, 1, &count, &e));
    assert_false(i4_json_floats(t, "f", f, 2, &b, &e));
    assert_false(i4_json_floats(t, "f", f, 3, &b, &e));
    assert_false(i4_json_int(text, "x", 0, 1, 0, &i, &e));
    assert_string_equal(e.text, "t.i in f.json: expected an object, got a string");
    json_decref(root);
}

static void json_depth_and_syntax_are_bounded(void **state) {
    (void)state;
    char deep[200];
    i4_err err = {0};
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    assert_null(i4_json_parse(deep, 200, "f.json", &err));
    assert_non_null(strstr(err.text, "nested"));
    json_decref(i4_json_parse(deep + 40, 120, "f.json", &err));
    assert_null(i4_json_parse("[1,]", 4, "f.json", &err));
    assert_non_null(strstr(err.text, "line 1"));
    assert_null(i4_json_parse("", 0, "f.json", &err));
    json_decref(parsed("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                       "\\\"[[[\"]"));
    assert_null(i4_json_load(temp.path, 100, &err));
    folder_write(&temp, "long.json", "[\"0123456789\"]");
    assert_null(i4_json_load(folder_at(&temp, "long.json"), 10, &err));
    json_t *root = i4_json_load(folder_at(&temp, "long.json"), 14, &err);
    assert_non_null(root);
    json_decref(root);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(manifest_split_folders_are_recognised),
        CASE(manifest_official_folder_is_recognised),
        CASE(manifest_split_without_configs_is_complete),
        CASE(manifest_split_without_its_json_names_it),
        CASE(manifest_split_without_a_component_names_it),
        CASE(manifest_split_of_another_format_is_unsupported),
        CASE(manifest_mflux_shards_are_taken_in_bytewise_order),
        CASE(manifest_mflux_index_is_followed),
        CASE(manifest_broken_index_is_refused),
        CASE(manifest_mflux_without_a_folder_names_it),
        CASE(manifest_official_shards_are_followed),
        CASE(manifest_official_without_a_file_names_it),
        CASE(manifest_official_without_the_flag_is_unknown),
        CASE(manifest_nf4_is_unsupported),
        CASE(manifest_other_folders_are_unknown),
        CASE(manifest_every_fault_is_reported),
        CASE(json_values_and_defaults_are_read),
        CASE(json_wrong_values_are_named),
        CASE(json_depth_and_syntax_are_bounded),
    };
    return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
