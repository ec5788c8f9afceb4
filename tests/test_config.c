/* Which sizes of a network are taken: configuration files of a model whose numbers are far from
 * the real one's. What contradicts itself is in test_bad_models.c. */
#include "folder.h"

#include "model/config.h"

#include <stdbool.h>

static const char text_json[] =
    "{\"tap_layers\": [0, 2], \"text_config\": {\"vocab_size\": 300, \"hidden_size\": 21, "
    "\"num_hidden_layers\": 3, \"num_attention_heads\": 3, \"num_key_value_heads\": 1, "
    "\"head_dim\": 14, \"intermediate_size\": 19, \"rope_theta\": 5e6, "
    "\"rope_parameters\": {\"rope_theta\": 1e6}}}";
static const char vae_json[] = "{\"block_out_channels\": [6, 9, 12, 33], \"norm_num_groups\": 3, "
                               "\"layers_per_block\": 1, \"latent_channels\": 32}";

/* Reads a model of two transformers of these heads; *c as far as it came. */
static bool read_heads(int heads, int head_dim, i4_config *c, i4_err *err) {
    folder f;
    char dit_json[400];
    i4_manifest m = {.layout = I4_LAYOUT_SPLIT};
    static char path[I4_PART_COUNT][1024];
    const char *const json[I4_PART_COUNT] = {text_json, dit_json, dit_json, vae_json};
    snprintf(dit_json, sizeof dit_json,
             "{\"num_layers\": 2, \"num_attention_heads\": %d, \"attention_head_dim\": %d, "
             "\"intermediate_size\": 33, \"adaln_dim\": 7, \"llm_features_dim\": 42, "
             "\"mrope_section\": [1, 0, 0]}",
             heads, head_dim);
    folder_make(&f, "config");
    for (int i = 0; i < I4_PART_COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.json", i);
        folder_write(&f, name, json[i]);
        snprintf(path[i], sizeof path[i], "%s", folder_at(&f, name));
        m.part[i].config_path = path[i];
    }
    const bool ok = i4_config_read(&m, c, err);
    folder_remove(&f);
    return ok;
}

static void config_any_even_head_is_taken(void **state) {
    static const int heads[][2] = {{2, 20}, {3, 36}, {7, 6}, {2, 2}, {1, 4}, {18, 256}, {1, 512}};
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        static i4_config c;
        i4_err err = {0};
        if (!read_heads(heads[i][0], heads[i][1], &c, &err)) {
            fail_msg("%d heads of %d: %s", heads[i][0], heads[i][1], err.text);
        }
        assert_int_equal(c.cond.width, heads[i][0] * heads[i][1]);
        assert_int_equal(c.cond.adaln, 7);
        assert_int_equal(c.text.width, 21);
        assert_int_equal(c.text.head_dim, 14);
        assert_int_equal(c.text.tap_count, 2);
        assert_int_equal(c.vae.channels[3], 33);
        assert_true(c.text.rope_theta > 0.99e6 && c.text.rope_theta < 1.01e6);
    }
}

static void config_heads_without_halves_are_refused(void **state) {
    static const int heads[][2] = {{4, 5}, {1, 2}, {1, 514}, {512, 512}};
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        static i4_config c;
        i4_err err = {0};
        assert_false(read_heads(heads[i][0], heads[i][1], &c, &err));
        assert_int_equal(err.status, I4_E_FORMAT);
        assert_non_null(strstr(err.text, "attention_head_dim"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_any_even_head_is_taken),
        cmocka_unit_test(config_heads_without_halves_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
