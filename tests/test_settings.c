/* The environment: every variable of docs/http-api.md 11, its default, its path rules, its
 * refusals. */
#include "base/memory.h"
#include "folder.h"
#include "settings/settings.h"

extern char **environ;

static i4_settings s; /* 90 kB */

static void clear_all(void) {
    for (char **entry = environ; *entry;) {
        char name[128];
        const size_t size = strcspn(*entry, "=");
        if (strncmp(*entry, "IDEOGRAM4_", 10) == 0 && size < sizeof name) {
            memcpy(name, *entry, size);
            name[size] = '\0';
            unsetenv(name);
            entry = environ;
        } else {
            entry++;
        }
    }
}

static int begin(void **state) {
    (void)state;
    clear_all();
    setenv("IDEOGRAM4_ROOT", ID4_SOURCE_DIR, 1);
    return 0;
}

static int end(void **state) {
    (void)state;
    i4_settings_free(&s);
    clear_all();
    return 0;
}

static void set(const char *name, const char *value) {
    char full[96];
    snprintf(full, sizeof full, "IDEOGRAM4_%s", name);
    setenv(full, value, 1);
}

static void read_all(void) {
    i4_err err = {0};
    i4_settings_free(&s);
    if (!i4_settings_read(&s, &err)) {
        fail_msg("%s", err.text);
    }
}

static void check_defaults(void) {
    char path[4200];
    assert_string_equal(s.server_host, "127.0.0.1");
    assert_int_equal(s.server_port, 8000);
    assert_string_equal(s.server_log_level, "info");
    assert_string_equal(s.cors_origins[0], "http://127.0.0.1:5173");
    assert_string_equal(s.cors_origins[1], "http://localhost:5173");
    assert_null(s.cors_origins[2]);
    assert_false(s.cors_credentials);
    assert_string_equal(s.webui_host, "127.0.0.1");
    assert_int_equal(s.webui_port, 5173);
    assert_string_equal(s.daemon_host, "127.0.0.1");
    assert_int_equal(s.daemon_port, 8001);
    assert_string_equal(s.daemon_url, "http://127.0.0.1:8001");
    assert_true(s.daemon_timeout == 30.0);
    assert_string_equal(s.daemon_log_level, "info");
    assert_false(s.autoload);
    assert_string_equal(s.cli_daemon_mode, "auto");
    assert_string_equal(s.model_repo, "MLXBits/ideogram-4-mlx-q8");
    assert_string_equal(s.model_revision, "");
    assert_string_equal(s.model_path, "");
    assert_false(s.has_model);
    assert_true(s.cache_limit_gb < 0);
    assert_string_equal(s.default_preset, "V4_QUALITY_48");
    assert_string_equal(s.default_format, "webp");
    assert_int_equal(s.default_seed, 20260608);
    assert_int_equal(s.quality_webp, 90);
    assert_int_equal(s.quality_jpeg, 95);
    assert_int_equal(s.min_size, 256);
    assert_int_equal(s.max_size, 2048);
    assert_int_equal(s.size_multiple, 16);
    assert_int_equal(s.max_caption_bytes, 262144);
    assert_int_equal(s.max_form_bytes, 1048576);
    assert_int_equal(s.db_query_limit, 50);
    snprintf(path, sizeof path, "%s/server/data/ideogram4.db", s.root);
    assert_string_equal(s.db_path, path);
    snprintf(path, sizeof path, "%s/server/output", s.root);
    assert_string_equal(s.output_dir, path);
    snprintf(path, sizeof path, "%s/logs", s.root);
    assert_string_equal(s.log_dir, path);
    snprintf(path, sizeof path, "%s/models/loras", s.root);
    assert_string_equal(s.lora_dir, path);
    snprintf(path, sizeof path, "%s/models/demo", s.root);
    assert_string_equal(s.demo_model, path);
    assert_true(s.lora_strength == 0.6);
    assert_false(s.magic.enabled);
    assert_string_equal(s.magic.api_key, "");
    assert_string_equal(s.magic.provider, "");
    assert_string_equal(s.magic.model, "local-model");
    assert_string_equal(s.magic.base_url, "http://127.0.0.1:18082/v1");
    assert_string_equal(s.magic.profile, "");
    assert_string_equal(s.magic.response_format, "off");
    assert_string_equal(s.magic.token_param, "max_tokens");
    assert_true(s.magic.timeout == 120 && s.magic.temperature == 1.0);
    assert_int_equal(s.magic.max_tokens, 16384);
    assert_int_equal(s.magic.max_chars, 12000);
    assert_int_equal(s.magic.max_images, 4);
    assert_int_equal(s.magic.max_image_bytes, 6291456);
    assert_false(s.magic.local_llama || s.magic.managed_llama);
    assert_string_equal(s.magic.llama_model, "");
    assert_string_equal(s.magic.llama_mmproj, "");
    assert_int_equal(s.magic.llama_port, 18082);
    assert_int_equal(s.magic.llama_ctx, 8192);
    assert_string_equal(s.upscale.backend, "realesrgan_ncnn");
    assert_string_equal(s.upscale.bin, "");
    assert_string_equal(s.upscale.model_dir, "");
    assert_true(s.upscale.timeout == 600);
    assert_int_equal(s.upscale.max_output_pixels, 67108864);
    assert_string_equal(s.access_token, "");
    assert_null(s.allowed_hosts[0]);
}

static void settings_nothing_set_gives_the_defaults(void **state) {
    (void)state;
    read_all();
    check_defaults();
}

static void settings_empty_variable_is_its_default(void **state) {
    static const char *const names[] = {
        "SERVER_HOST",
        "SERVER_PORT",
        "SERVER_LOG_LEVEL",
        "CORS_ORIGINS",
        "WEBUI_PORT",
        "MODEL_DAEMON_PORT",
        "MODEL_DAEMON_URL",
        "MODEL_DAEMON_TIMEOUT",
        "MODEL_DAEMON_AUTOLOAD",
        "MODEL_REPO",
        "MODEL_PATH",
        "MLX_CACHE_LIMIT_GB",
        "DEFAULT_PRESET",
        "DEFAULT_FORMAT",
        "DEFAULT_SEED",
        "IMAGE_QUALITY_WEBP",
        "MIN_IMAGE_SIZE",
        "DB_PATH",
        "DB_QUERY_LIMIT",
        "LORA_STRENGTH",
        "MAGIC_PROMPT_API_KEY",
        "MAGIC_PROMPT_MODEL",
        "MAGIC_PROMPT_TIMEOUT",
        "MAGIC_PROMPT_MAX_TOKENS",
        "MAGIC_PROMPT_TOKEN_PARAM",
        "UPSCALER_BIN",
        "UPSCALER_TIMEOUT_SECONDS",
        "CLI_DAEMON_MODE",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        set(names[i], "");
    }
    read_all();
    check_defaults();
}

static void settings_values_are_taken(void **state) {
    (void)state;
    set("SERVER_HOST", "0.0.0.0");
    set("SERVER_PORT", " 9000 ");
    set("WEBUI_PORT", "6000");
    set("MODEL_DAEMON_HOST", "::");
    set("MODEL_DAEMON_PORT", "9001");
    set("MODEL_DAEMON_TIMEOUT", "2.5");
    set("MODEL_DAEMON_AUTOLOAD", " Yes ");
    set("SERVER_LOG_LEVEL", "DEBUG");
    set("CORS_ALLOW_CREDENTIALS", "on");
    set("MLX_CACHE_LIMIT_GB", "0");
    set("DEFAULT_PRESET", "V4_TURBO_12");
    set("DEFAULT_FORMAT", "JPEG");
    set("DEFAULT_SEED", "-9223372036854775808");
    set("DB_QUERY_LIMIT", "-1");
    set("MODEL_REPO", "a/b");
    set("MAGIC_PROMPT_TEMPERATURE", "0");
    set("CLI_DAEMON_MODE", "Require");
    set("ALLOWED_HOSTS", "studio.lan, other:80");
    read_all();
    assert_string_equal(s.server_host, "0.0.0.0");
    assert_int_equal(s.server_port, 9000);
    assert_string_equal(s.cors_origins[1], "http://localhost:6000");
    assert_string_equal(s.daemon_url, "http://[::1]:9001");
    assert_true(s.daemon_timeout == 2.5);
    assert_true(s.autoload && s.cors_credentials);
    assert_string_equal(s.server_log_level, "debug");
    assert_string_equal(s.daemon_log_level, "debug");
    assert_true(s.cache_limit_gb == 0);
    assert_string_equal(s.default_preset, "V4_TURBO_12");
    assert_string_equal(s.default_format, "jpeg");
    assert_true(s.default_seed == INT64_MIN);
    assert_int_equal(s.db_query_limit, -1);
    assert_true(s.has_model);
    assert_true(s.magic.temperature == 0);
    assert_string_equal(s.cli_daemon_mode, "require");
    assert_string_equal(s.allowed_hosts[0], "studio.lan");
    assert_string_equal(s.allowed_hosts[1], "other:80");
    assert_null(s.allowed_hosts[2]);
}

static void settings_lists_are_trimmed(void **state) {
    (void)state;
    set("CORS_ORIGINS", " http://a:1 ,, *, ");
    read_all();
    assert_string_equal(s.cors_origins[0], "http://a:1");
    assert_string_equal(s.cors_origins[1], "*");
    assert_null(s.cors_origins[2]);
}

static void settings_daemon_url_loses_its_slash(void **state) {
    (void)state;
    set("MODEL_DAEMON_URL", "http://localhost:77//");
    read_all();
    assert_string_equal(s.daemon_url, "http://localhost:77");
}

static void settings_paths_are_relative_to_the_root_and_know_home(void **state) {
    char path[4200];
    (void)state;
    setenv("HOME", "/home/someone", 1);
    set("DB_PATH", "a/b.db");
    set("OUTPUT_DIR", "/abs");
    set("LOG_DIR", "~/logs");
    set("LORA_DIR", "~");
    set("MODEL_PATH", "~other/x");
    read_all();
    snprintf(path, sizeof path, "%s/a/b.db", s.root);
    assert_string_equal(s.db_path, path);
    assert_string_equal(s.output_dir, "/abs");
    assert_string_equal(s.log_dir, "/home/someone/logs");
    assert_string_equal(s.lora_dir, "/home/someone");
    snprintf(path, sizeof path, "%s/~other/x", s.root);
    assert_string_equal(s.model_path, path);
    char small[8];
    assert_false(i4_settings_path(&s, "longer than that", small, sizeof small));
}

static void settings_magic_is_enabled_by_any_of_its_variables(void **state) {
    static const char *const names[] = {"API_KEY",          "PROVIDER",    "MODEL",
                                        "BASE_URL",         "LOCAL_LLAMA", "MANAGED_LLAMA",
                                        "LOCAL_LLAMA_MODEL"};
    char name[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(name, sizeof name, "MAGIC_PROMPT_%s", names[i]);
        set(name, "0");
        read_all();
        assert_true(s.magic.enabled);
        assert_false(s.magic.local_llama);
        set(name, "  ");
        read_all();
        assert_false(s.magic.enabled);
        set(name, "");
    }
}

static void settings_bad_value_is_one_sentence(void **state) {
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"SERVER_PORT", "x"},
        {"SERVER_PORT", "65536"},
        {"SERVER_PORT", "-1"},
        {"SERVER_PORT", "80.5"},
        {"SERVER_PORT", "99999999999999999999"},
        {"SERVER_PORT", " "},
        {"MODEL_DAEMON_TIMEOUT", "soon"},
        {"MODEL_DAEMON_TIMEOUT", "0"},
        {"MODEL_DAEMON_TIMEOUT", "nan"},
        {"MODEL_DAEMON_TIMEOUT", "inf"},
        {"MODEL_DAEMON_TIMEOUT", "0x10"},
        {"MODEL_DAEMON_URL", "ftp://a"},
        {"MLX_CACHE_LIMIT_GB", "-1"},
        {"DEFAULT_PRESET", "v4_turbo_12"},
        {"DEFAULT_FORMAT", "gif"},
        {"DEFAULT_SEED", "1e3"},
        {"SERVER_LOG_LEVEL", "loud"},
        {"CLI_DAEMON_MODE", "maybe"},
        {"IMAGE_QUALITY_WEBP", "101"},
        {"IMAGE_SIZE_MULTIPLE", "0"},
        {"MIN_IMAGE_SIZE", "4096"}, /* above the maximum */
        {"UPSCALER_MAX_OUTPUT_PIXELS", "0"},
        {"ROOT", "/no/such/folder"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        i4_err err = {0};
        char name[64], old[512];
        snprintf(name, sizeof name, "IDEOGRAM4_%s", rows[i].name);
        snprintf(old, sizeof old, "%s", getenv(name) ? getenv(name) : "");
        set(rows[i].name, rows[i].value);
        if (i4_settings_read(&s, &err)) {
            fail_msg("%s = '%s' was taken", rows[i].name, rows[i].value);
        }
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, name));
        assert_null(strchr(err.text, '\n'));
        assert_null(s.cors_origins[0]);
        set(rows[i].name, old);
    }
}

static void settings_too_long_a_value_is_refused(void **state) {
    char text[6000];
    i4_err err = {0};
    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    set("DB_PATH", text);
    assert_false(i4_settings_read(&s, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    set("DB_PATH", "");
    set("MODEL_REPO", text);
    assert_false(i4_settings_read(&s, &err));
    set("MODEL_REPO", "");
    memset(text, ',', 200);
    for (int i = 0; i < 100; i++) {
        text[2 * i] = 'a';
    }
    text[200] = '\0';
    set("CORS_ORIGINS", text);
    assert_false(i4_settings_read(&s, &err));
    assert_non_null(strstr(err.text, "CORS_ORIGINS"));
}

static bool read_and_free(i4_err *err) {
    const bool good = i4_settings_read(&s, err);
    i4_settings_free(&s);
    return good;
}

static void settings_each_fault_is_reported(void **state) {
    (void)state;
    set("ALLOWED_HOSTS", "a,b");
    faults_are_reported(read_and_free, 4);
}

static void settings_root_is_found_without_a_variable(void **state) {
    (void)state;
    unsetenv("IDEOGRAM4_ROOT");
    read_all();
    assert_int_equal(s.root[0], '/');
    assert_int_equal(i4_path_look(s.root), I4_PATH_DIR);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(settings_nothing_set_gives_the_defaults),
        CASE(settings_empty_variable_is_its_default),
        CASE(settings_values_are_taken),
        CASE(settings_lists_are_trimmed),
        CASE(settings_daemon_url_loses_its_slash),
        CASE(settings_paths_are_relative_to_the_root_and_know_home),
        CASE(settings_magic_is_enabled_by_any_of_its_variables),
        CASE(settings_bad_value_is_one_sentence),
        CASE(settings_too_long_a_value_is_refused),
        CASE(settings_each_fault_is_reported),
        CASE(settings_root_is_found_without_a_variable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
