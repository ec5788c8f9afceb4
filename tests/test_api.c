/* The public header, function by function: what it promises, and what it refuses. */
#include "folder.h"
#include "golden_folder.h"

#include "ideogram4.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { SIDE = 256, PIXEL_BYTES = SIDE * SIDE * 3 };

#define LORA ID4_SOURCE_DIR "/tests/golden/tiny-a/lora.safetensors"

static const char prompt[] = "a red circle on a white background";
static const char structured[] =
    "{\"high_level_description\":\"a red circle\",\"style_description\":{\"aesthetics\":\"plain\","
    "\"lighting\":\"flat\",\"medium\":\"graphic\",\"art_style\":\"flat\"},"
    "\"compositional_deconstruction\":{\"background\":\"white\",\"elements\":[]}}";

typedef struct world {
    char root[GOLDEN_PATH];
    folder out;
    id4_model *model;
    id4_engine *engine;
    uint8_t *plain; /* pixels of the request below without adapters */
} world;

/* --- tools ---------------------------------------------------------------------------------- */

static id4_model *open_model(const char *root, const char *backend, int threads) {
    id4_model_options options;
    id4_model *model = NULL;
    id4_error err = {0};
    id4_model_options_init(&options);
    assert_int_equal(options.struct_size, sizeof options);
    options.backend = backend;
    options.threads = threads;
    if (id4_model_open(root, &options, NULL, &model, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    return model;
}

static id4_request usual_request(void) {
    id4_request request;
    id4_request_init(&request);
    request.caption = prompt;
    request.width = request.height = SIDE;
    request.seed = 42;
    request.steps = 1;
    return request;
}

static id4_image *drawn(id4_engine *engine, const id4_request *request, id4_stats *stats) {
    id4_image *image = NULL;
    id4_error err = {0};
    if (id4_generate(engine, request, NULL, &image, stats, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    return image;
}

static bool draws(id4_engine *engine, const id4_request *request, const uint8_t *pixels) {
    id4_image *image = drawn(engine, request, NULL);
    const bool same = memcmp(id4_image_pixels(image), pixels, PIXEL_BYTES) == 0;
    id4_image_free(image);
    return same;
}

/* A status and one sentence. */
static void is(id4_status got, id4_status want, const id4_error *err) {
    if (got != want) {
        fail_msg("%s '%s' instead of %s", id4_status_name(got), err->text, id4_status_name(want));
    }
    if (want != ID4_OK &&
        (err->status != want || err->text[0] == '\0' || strchr(err->text, '\n') != NULL)) {
        fail_msg("error %d '%s'", err->status, err->text);
    }
}

/* --- version, errors, log ------------------------------------------------------------------- */

static void api_version_is_that_of_the_header(void **state) {
    (void)state;
    assert_string_equal(id4_version_string(), ID4_VERSION_STRING);
    assert_int_equal(id4_abi(), ID4_ABI);
}

static void api_status_names_are_never_null(void **state) {
    (void)state;
    for (int s = -20; s < 5; s++) {
        const char *name = id4_status_name((id4_status)s);
        assert_non_null(name);
        assert_true(name[0] != '\0');
    }
    assert_string_equal(id4_status_name(ID4_OUT_OF_MEMORY), "out of memory");
}

typedef struct log_lines {
    int count;
    id4_log_level gravest, lightest;
} log_lines;

static void take_line(id4_log_level level, const char *line, void *user) {
    log_lines *lines = user;
    assert_true(line[0] != '\0');
    assert_null(strchr(line, '\n'));
    assert_null(strstr(line, prompt)); /* never captions */
    lines->lightest = lines->count == 0 || level > lines->lightest ? level : lines->lightest;
    lines->count++;
}

static void api_log_reaches_the_sink_and_no_other(void **state) {
    const world *w = *state;
    log_lines lines = {0}, none = {0};
    id4_set_log(ID4_LOG_INFO, take_line, &lines);
    id4_model_close(open_model(w->root, NULL, 1));
    assert_true(lines.count > 0);
    assert_true(lines.lightest <= ID4_LOG_INFO);
    const int before = lines.count;
    id4_set_log(ID4_LOG_ERROR, take_line, &none);
    id4_model_close(open_model(w->root, NULL, 1));
    id4_set_log(ID4_LOG_TRACE, NULL, &none);
    id4_model_close(open_model(w->root, NULL, 1));
    assert_int_equal(lines.count, before);
    assert_int_equal(none.count, 0);
}

/* --- models --------------------------------------------------------------------------------- */

static void api_model_open_refuses_misuse(void **state) {
    const world *w = *state;
    id4_model *model = NULL;
    id4_error err = {0};
    id4_model_options o;
    id4_model_options_init(&o);
    is(id4_model_open(NULL, NULL, NULL, &model, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_model_open("", NULL, NULL, &model, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_model_open(w->root, NULL, NULL, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    o.threads = -1;
    is(id4_model_open(w->root, &o, NULL, &model, &err), ID4_INVALID_ARGUMENT, &err);
    o.threads = 257;
    is(id4_model_open(w->root, &o, NULL, &model, &err), ID4_INVALID_ARGUMENT, &err);
    o.threads = 1;
    o.backend = "abacus";
    is(id4_model_open(w->root, &o, NULL, &model, &err), ID4_INVALID_ARGUMENT, &err);
    assert_non_null(strstr(err.text, "abacus"));
    o.backend = "cpu";
    o.isa = "mmx";
    is(id4_model_open(w->root, &o, NULL, &model, &err), ID4_INVALID_ARGUMENT, &err);
    assert_null(model);
    assert_int_equal(id4_model_open(w->root, &o, NULL, &model, NULL), ID4_INVALID_ARGUMENT);
    assert_int_equal(id4_model_close(NULL), ID4_OK);
}

static void api_model_close_is_busy_while_used(void **state) {
    const world *w = *state;
    id4_model *model = open_model(w->root, NULL, 1);
    id4_engine *engine = NULL;
    id4_adapter *adapter = NULL;
    assert_int_equal(id4_engine_new(model, NULL, &engine, NULL), ID4_OK);
    assert_int_equal(id4_model_close(model), ID4_BUSY);
    assert_int_equal(id4_adapter_open(model, LORA, &adapter, NULL), ID4_OK);
    id4_engine_free(engine);
    assert_int_equal(id4_model_close(model), ID4_BUSY);
    assert_int_equal(id4_adapter_close(adapter), ID4_OK);
    assert_int_equal(id4_model_close(model), ID4_OK);
}

static void api_model_info_tells_what_was_opened(void **state) {
    const world *w = *state;
    id4_model_info info;
    id4_model_info_init(&info);
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(id4_model_get_info(w->model, &info), ID4_OK);
    assert_int_equal(info.struct_size, sizeof info);
    assert_string_equal(info.folder, w->root);
    assert_string_equal(info.name, strrchr(w->root, '/') + 1);
    assert_string_equal(info.layout, "mlx-forge split");
    assert_int_equal(info.quantization_bits, 8);
    assert_true(info.format[0] != '\0' && info.backend[0] != '\0');
    assert_int_equal(info.text_layers, 36);
    assert_int_equal(info.text_width, 64);
    assert_int_equal(info.layers, 2);
    assert_int_equal(info.width, 128);
    assert_int_equal(info.heads, 2);
    assert_int_equal(info.head_dim, 64);
    assert_int_equal(info.vocabulary, 512);
    assert_int_equal(info.default_side, 256);
    assert_true(info.text_bytes > 0 && info.cond_bytes > 0 && info.free_bytes > 0);
    assert_int_equal(info.weight_bytes,
                     info.text_bytes + info.cond_bytes + info.free_bytes + info.vae_bytes);
    assert_int_equal(id4_model_get_info(NULL, &info), ID4_INVALID_ARGUMENT);
    assert_int_equal(id4_model_get_info(w->model, NULL), ID4_INVALID_ARGUMENT);
}

static void api_backends_are_listed_to_the_end(void **state) {
    (void)state;
    id4_backend_info info;
    bool scalar = false, cpu = false;
    int count = 0;
    for (; id4_backend_at(count, &info); count++) {
        assert_true(info.detail[0] != '\0');
        scalar = scalar || strcmp(info.name, "scalar") == 0;
        cpu = cpu || strcmp(info.name, "cpu") == 0;
    }
    assert_true(scalar && cpu);
    assert_int_equal(id4_backend_at(count + 1, &info), 0);
    assert_int_equal(id4_backend_at(-1, &info), 0);
    assert_int_equal(id4_backend_at(0, NULL), 0);
}

/* --- callers of an older version ------------------------------------------------------------ */

/* What lies beyond an older struct is not ours: neither read nor written. */
static void api_older_options_are_honoured(void **state) {
    const world *w = *state;
    id4_model_options o;
    id4_engine_options e;
    id4_model *model = NULL;
    id4_engine *engine = NULL;
    memset(&o, 0x5a, sizeof o);
    o.struct_size = offsetof(id4_model_options, isa);
    o.backend = "cpu";
    assert_int_equal(id4_model_open(w->root, &o, NULL, &model, NULL), ID4_OK);
    memset(&e, 0x5a, sizeof e);
    e.struct_size = sizeof e.struct_size;
    assert_int_equal(id4_engine_new(model, &e, &engine, NULL), ID4_OK);
    const id4_request request = usual_request();
    assert_true(draws(engine, &request, w->plain));
    id4_engine_free(engine);
    assert_int_equal(id4_model_close(model), ID4_OK);
}

static void api_older_requests_are_honoured(void **state) {
    const world *w = *state;
    id4_request r;
    const id4_request full = usual_request();
    memset(&r, 0x5a, sizeof r);
    r = full;
    memset((char *)&r + offsetof(id4_request, strict), 0x5a,
           sizeof r - offsetof(id4_request, strict));
    r.struct_size = offsetof(id4_request, strict);
    assert_true(draws(w->engine, &r, w->plain));
}

/* True if all bytes of a struct from its own size on are still 0x5a. */
static bool untouched(const void *object, size_t own, size_t all) {
    const unsigned char *byte = object;
    for (size_t i = own; i < all; i++) {
        if (byte[i] != 0x5a) {
            return false;
        }
    }
    return true;
}

static void api_older_results_are_not_overrun(void **state) {
    const world *w = *state;
    id4_model_info info;
    id4_estimate estimate;
    id4_stats stats;
    const id4_request request = usual_request();
    memset(&info, 0x5a, sizeof info);
    info.struct_size = offsetof(id4_model_info, layout);
    assert_int_equal(id4_model_get_info(w->model, &info), ID4_OK);
    assert_string_equal(info.folder, w->root);
    assert_int_equal(info.struct_size, offsetof(id4_model_info, layout));
    assert_true(untouched(&info, info.struct_size, sizeof info));

    memset(&estimate, 0x5a, sizeof estimate);
    estimate.struct_size = offsetof(id4_estimate, encode_bytes);
    assert_int_equal(id4_model_estimate(w->model, &request, 0, &estimate, NULL), ID4_OK);
    assert_true(estimate.activation_bytes > 0 && estimate.activation_bytes < 1u << 30);
    assert_true(untouched(&estimate, estimate.struct_size, sizeof estimate));

    memset(&stats, 0x5a, sizeof stats);
    stats.struct_size = offsetof(id4_stats, prompt_cached);
    id4_image_free(drawn(w->engine, &request, &stats));
    assert_int_equal(stats.steps, 1);
    assert_true(untouched(&stats, stats.struct_size, sizeof stats));
}

/* Without a size every field would be passed over in silence. */
static void api_structs_without_size_are_refused(void **state) {
    const world *w = *state;
    const id4_model_options options = {.backend = "cpu"};
    const id4_engine_options engine_options = {0};
    const id4_request unmade = {.caption = "a dog", .width = 256, .height = 256};
    const id4_request request = usual_request();
    id4_model_info info = {0};
    id4_estimate estimate = {0};
    id4_stats stats = {0};
    id4_model *model = NULL;
    id4_engine *engine = NULL;
    id4_image *image = NULL;
    id4_error err = {0};
    is(id4_model_open(w->root, &options, NULL, &model, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_engine_new(w->model, &engine_options, &engine, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_generate(w->engine, &unmade, NULL, &image, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    assert_non_null(strstr(err.text, "id4_request_init"));
    is(id4_generate(w->engine, &request, NULL, &image, &stats, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_model_estimate(w->model, &request, 0, &estimate, &err), ID4_INVALID_ARGUMENT, &err);
    assert_int_equal(id4_model_get_info(w->model, &info), ID4_INVALID_ARGUMENT);
    assert_null(model);
    assert_null(engine);
    assert_null(image);
}

static void api_older_adapter_info_is_not_overrun(void **state) {
    const world *w = *state;
    id4_adapter *adapter = NULL;
    id4_adapter_info info;
    assert_int_equal(id4_adapter_open(w->model, LORA, &adapter, NULL), ID4_OK);
    memset(&info, 0x5a, sizeof info);
    info.struct_size = offsetof(id4_adapter_info, layers);
    assert_int_equal(id4_adapter_get_info(adapter, &info), ID4_OK);
    assert_string_equal(info.path, LORA);
    assert_true(untouched(&info, info.struct_size, sizeof info));
    assert_int_equal(id4_adapter_close(adapter), ID4_OK);
}

/* --- requests ------------------------------------------------------------------------------- */

static void api_presets_are_found_by_number_and_name(void **state) {
    static const char *const names[] = {"V4_QUALITY_48", "V4_DEFAULT_20", "V4_TURBO_12"};
    static const int steps[] = {48, 20, 12};
    (void)state;
    for (int i = 0; i < 3; i++) {
        const id4_preset *p = id4_preset_at(i);
        assert_non_null(p);
        assert_string_equal(p->name, names[i]);
        assert_int_equal(p->steps, steps[i]);
        assert_ptr_equal(id4_preset_find(names[i]), p);
    }
    assert_ptr_equal(id4_preset_find(" \tv4_turbo_12\n"), id4_preset_at(2));
    assert_null(id4_preset_at(-1));
    assert_null(id4_preset_at(3));
    assert_null(id4_preset_find("V4_TURBO"));
    assert_null(id4_preset_find(""));
    assert_null(id4_preset_find(NULL));
}

static void refused_request(const world *w, const id4_request *r, const char *words) {
    id4_image *image = NULL;
    id4_error err = {0};
    is(id4_generate(w->engine, r, NULL, &image, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    if (strstr(err.text, words) == NULL) {
        fail_msg("'%s' does not say '%s'", err.text, words);
    }
    assert_null(image);
}

static void api_impossible_sizes_are_refused(void **state) {
    const world *w = *state;
    static const int sides[] = {0, -16, -256, 240, 255, 264, 2047, 2064, 1 << 30};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        id4_request r = usual_request();
        r.width = sides[i];
        refused_request(w, &r, "width");
        r = usual_request();
        r.height = sides[i];
        refused_request(w, &r, "height");
    }
}

static void api_impossible_requests_are_refused(void **state) {
    const world *w = *state;
    static char endless[20000];
    id4_request r = usual_request();
    r.caption = NULL;
    refused_request(w, &r, "caption");
    r.caption = "";
    refused_request(w, &r, "caption");
    r.caption = "\xff\xfe";
    refused_request(w, &r, "UTF-8");
    for (size_t i = 0; i + 2 < sizeof endless; i += 2) {
        memcpy(endless + i, "q ", 2);
    }
    r.caption = endless;
    refused_request(w, &r, "2048");
    r = usual_request();
    r.preset = "V5_SLOW_9000";
    refused_request(w, &r, "V5_SLOW_9000");
    r = usual_request();
    r.steps = -1;
    refused_request(w, &r, "steps");
    r.steps = ID4_STEPS_MAX + 1;
    refused_request(w, &r, "steps");
    const double guidance[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 1e300};
    for (int i = 0; i < 4; i++) {
        r = usual_request();
        r.guidance = guidance[i];
        refused_request(w, &r, "guidance");
    }
}

static void api_strict_requests_take_no_warnings(void **state) {
    const world *w = *state;
    id4_image *image = NULL;
    id4_error err = {0};
    id4_request r = usual_request();
    r.strict = 1;
    assert_int_equal(id4_generate(w->engine, &r, NULL, &image, NULL, &err), ID4_INVALID_ARGUMENT);
    assert_non_null(strstr(err.text, "plain prompt")); /* the warning, on a line of its own */
    assert_null(image);
    r.caption = structured;
    id4_image_free(drawn(w->engine, &r, NULL));
}

static void api_generate_refuses_null(void **state) {
    const world *w = *state;
    id4_image *image = NULL;
    id4_error err = {0};
    const id4_request r = usual_request();
    is(id4_generate(NULL, &r, NULL, &image, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_generate(w->engine, NULL, NULL, &image, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_generate(w->engine, &r, NULL, NULL, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    assert_null(image);
    const id4_observer silent = {NULL, NULL};
    assert_int_equal(id4_generate(w->engine, &r, &silent, &image, NULL, NULL), ID4_OK);
    assert_memory_equal(id4_image_pixels(image), w->plain, PIXEL_BYTES);
    id4_image_free(image);
}

static void api_estimate_refuses_misuse(void **state) {
    const world *w = *state;
    id4_estimate e;
    id4_error err = {0};
    id4_request r = usual_request();
    id4_estimate_init(&e);
    assert_int_equal(e.struct_size, sizeof e);
    is(id4_model_estimate(NULL, &r, 0, &e, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_model_estimate(w->model, NULL, 0, &e, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_model_estimate(w->model, &r, 0, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_model_estimate(w->model, &r, -1, &e, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_model_estimate(w->model, &r, 2049, &e, &err), ID4_INVALID_ARGUMENT, &err);
    r.width = 17;
    is(id4_model_estimate(w->model, &r, 0, &e, &err), ID4_INVALID_ARGUMENT, &err);
}

static void api_estimate_grows_with_tokens_size_and_steps(void **state) {
    const world *w = *state;
    id4_estimate a, b;
    id4_request r = usual_request();
    id4_estimate_init(&a);
    id4_estimate_init(&b);
    r.caption = NULL; /* 300 tokens */
    assert_int_equal(id4_model_estimate(w->model, &r, 0, &a, NULL), ID4_OK);
    assert_int_equal(id4_model_estimate(w->model, &r, 300, &b, NULL), ID4_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(id4_model_estimate(w->model, &r, 600, &b, NULL), ID4_OK);
    assert_true(b.encode_bytes > a.encode_bytes && b.flops > a.flops);
    r.height = 512;
    assert_int_equal(id4_model_estimate(w->model, &r, 300, &b, NULL), ID4_OK);
    assert_true(b.denoise_bytes > a.denoise_bytes && b.decode_bytes > a.decode_bytes);
    assert_true(b.activation_bytes > a.activation_bytes && b.resident_bytes > a.resident_bytes);
    r.height = SIDE;
    r.steps = 2;
    assert_int_equal(id4_model_estimate(w->model, &r, 300, &b, NULL), ID4_OK);
    assert_true(b.flops > a.flops);
}

/* --- pictures ------------------------------------------------------------------------------- */

static void api_stats_tell_about_the_picture(void **state) {
    const world *w = *state;
    id4_stats s;
    id4_engine *engine = NULL;
    id4_findings *findings = NULL;
    id4_bytes ids = {NULL, 0}, text = {NULL, 0};
    size_t count = 0;
    id4_stats_init(&s);
    assert_int_equal(s.struct_size, sizeof s);
    assert_int_equal(id4_engine_new(w->model, NULL, &engine, NULL), ID4_OK);
    id4_request r = usual_request();
    r.steps = 0;
    r.preset = "V4_TURBO_12";
    id4_image_free(drawn(engine, &r, &s));
    assert_int_equal(s.steps, 12);
    assert_false(s.prompt_cached);
    assert_int_equal(id4_caption_prompt(prompt, strlen(prompt), &text, NULL), ID4_OK);
    assert_int_equal(
        id4_tokenize(w->model, (const char *)text.data, text.size, 1, &ids, &count, NULL), ID4_OK);
    assert_int_equal(s.prompt_tokens, count);
    assert_int_equal(id4_caption_check(prompt, strlen(prompt), 0, &findings, NULL), ID4_OK);
    assert_int_equal(s.warning_count, id4_findings_count(findings));
    assert_true(s.encode_seconds >= 0.0 && s.denoise_seconds > 0.0 && s.decode_seconds > 0.0);
    assert_true(s.total_seconds >= s.denoise_seconds + s.decode_seconds);
    assert_true(s.activation_peak_bytes > 0);
    r = usual_request();
    id4_image_free(drawn(engine, &r, &s));
    assert_int_equal(s.steps, 1);
    assert_true(s.prompt_cached);
    id4_findings_free(findings);
    id4_bytes_free(&ids);
    id4_bytes_free(&text);
    id4_engine_free(engine);
}

static void api_pictures_are_the_same_for_any_number_of_threads(void **state) {
    const world *w = *state;
    const id4_request request = usual_request();
    for (int threads = 1; threads <= 3; threads++) {
        id4_model *model = open_model(w->root, "cpu", threads);
        id4_engine *engine = NULL;
        assert_int_equal(id4_engine_new(model, NULL, &engine, NULL), ID4_OK);
        assert_true(draws(engine, &request, w->plain));
        id4_engine_free(engine);
        assert_int_equal(id4_model_close(model), ID4_OK);
    }
}

static void api_given_noise_replaces_the_seed(void **state) {
    const world *w = *state;
    const size_t count = (size_t)SIDE / 16 * SIDE / 16 * 128;
    float *noise = malloc(count * sizeof *noise);
    assert_non_null(noise);
    id4_unstable_noise(42, noise, count);
    id4_request r = usual_request();
    r.seed = 7;
    assert_false(draws(w->engine, &r, w->plain));
    r.noise = noise;
    assert_true(draws(w->engine, &r, w->plain));
    free(noise);
}

typedef struct profile {
    int ops, stages;
    char last[32];
    double flops;
} profile;

static void take_op(const char *stage, int layer, const char *op, double seconds, double flops,
                    void *user) {
    profile *p = user;
    assert_true(layer >= 0 && op[0] != '\0' && seconds >= 0.0 && flops >= 0.0);
    p->stages += strcmp(p->last, stage) != 0;
    snprintf(p->last, sizeof p->last, "%s", stage);
    p->ops++;
    p->flops += flops;
}

static void api_profile_sees_every_op(void **state) {
    const world *w = *state;
    profile p = {0};
    id4_engine_options o;
    id4_engine *engine = NULL;
    id4_estimate e;
    id4_engine_options_init(&o);
    assert_int_equal(o.struct_size, sizeof o);
    o.profile = take_op;
    o.profile_user = &p;
    assert_int_equal(id4_engine_new(w->model, &o, &engine, NULL), ID4_OK);
    const id4_request request = usual_request();
    assert_true(draws(engine, &request, w->plain));
    assert_true(p.ops > 100 && p.stages >= 3);
    id4_estimate_init(&e);
    assert_int_equal(id4_model_estimate(w->model, &request, 0, &e, NULL), ID4_OK);
    assert_true(fabs(p.flops - e.flops) < 1e-6 * e.flops);
    id4_engine_free(engine);
}

static void api_engine_refuses_null(void **state) {
    const world *w = *state;
    id4_engine *engine = NULL;
    id4_error err = {0};
    is(id4_engine_new(NULL, NULL, &engine, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_engine_new(w->model, NULL, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    assert_null(engine);
    id4_engine_free(NULL);
    id4_engine_cancel(NULL);
}

/* --- adapters ------------------------------------------------------------------------------- */

static void api_adapter_changes_the_picture_and_off_is_off(void **state) {
    const world *w = *state;
    id4_adapter *adapter = NULL;
    id4_adapter_info info;
    const id4_request request = usual_request();
    assert_int_equal(id4_adapter_open(w->model, LORA, &adapter, NULL), ID4_OK);
    id4_adapter_info_init(&info);
    assert_int_equal(info.struct_size, sizeof info);
    assert_int_equal(id4_adapter_get_info(adapter, &info), ID4_OK);
    assert_true(info.layers > 0);
    assert_int_equal(info.unmatched_keys, 0);
    assert_string_equal(info.unmatched, "");
    assert_int_equal(id4_adapter_get_info(NULL, &info), ID4_INVALID_ARGUMENT);
    assert_int_equal(id4_adapter_get_info(adapter, NULL), ID4_INVALID_ARGUMENT);

    id4_adapter_use uses[2] = {{adapter, 1.5}, {adapter, 0.0}};
    assert_int_equal(id4_engine_set_adapters(w->engine, uses, 2, NULL), ID4_OK);
    assert_false(draws(w->engine, &request, w->plain));
    assert_int_equal(id4_adapter_close(adapter), ID4_BUSY);
    uses[0].strength = 0.0;
    assert_int_equal(id4_engine_set_adapters(w->engine, uses, 1, NULL), ID4_OK);
    assert_true(draws(w->engine, &request, w->plain));
    assert_int_equal(id4_adapter_close(adapter), ID4_BUSY);
    assert_int_equal(id4_engine_set_adapters(w->engine, NULL, 0, NULL), ID4_OK);
    assert_true(draws(w->engine, &request, w->plain));
    assert_int_equal(id4_adapter_close(adapter), ID4_OK);
    assert_int_equal(id4_adapter_close(NULL), ID4_OK);
}

/* What is refused leaves the former set as it was. */
static void api_bad_adapter_sets_are_refused(void **state) {
    const world *w = *state;
    static const double strengths[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, DBL_MAX};
    id4_adapter *adapter = NULL, *foreign = NULL;
    id4_error err = {0};
    id4_model *other = open_model(w->root, NULL, 1);
    assert_int_equal(id4_adapter_open(w->model, LORA, &adapter, NULL), ID4_OK);
    assert_int_equal(id4_adapter_open(other, LORA, &foreign, NULL), ID4_OK);
    id4_adapter_use uses[17];
    for (int i = 0; i < 17; i++) {
        uses[i] = (id4_adapter_use){adapter, 1.0};
    }
    id4_engine *e = w->engine;
    assert_int_equal(id4_engine_set_adapters(e, uses, 1, NULL), ID4_OK);
    const id4_request request = usual_request();
    id4_image *before = drawn(e, &request, NULL);

    is(id4_engine_set_adapters(NULL, uses, 1, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_engine_set_adapters(e, NULL, 1, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_engine_set_adapters(e, uses, 17, &err), ID4_INVALID_ARGUMENT, &err);
    for (int i = 0; i < 4; i++) {
        uses[1].strength = strengths[i];
        is(id4_engine_set_adapters(e, uses, 2, &err), ID4_INVALID_ARGUMENT, &err);
    }
    uses[1] = (id4_adapter_use){NULL, 1.0};
    is(id4_engine_set_adapters(e, uses, 2, &err), ID4_INVALID_ARGUMENT, &err);
    uses[1] = (id4_adapter_use){foreign, 1.0};
    is(id4_engine_set_adapters(e, uses, 2, &err), ID4_INVALID_ARGUMENT, &err);
    assert_true(draws(e, &request, id4_image_pixels(before)));

    id4_image_free(before);
    assert_int_equal(id4_engine_set_adapters(e, NULL, 0, NULL), ID4_OK);
    assert_int_equal(id4_adapter_close(adapter), ID4_OK);
    assert_int_equal(id4_adapter_close(foreign), ID4_OK);
    assert_int_equal(id4_model_close(other), ID4_OK);
}

static void api_adapter_open_refuses_misuse(void **state) {
    const world *w = *state;
    id4_adapter *adapter = NULL;
    id4_error err = {0};
    is(id4_adapter_open(NULL, LORA, &adapter, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_adapter_open(w->model, NULL, &adapter, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_adapter_open(w->model, "", &adapter, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_adapter_open(w->model, LORA, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_adapter_open(w->model, "no/such.safetensors", &adapter, &err), ID4_NOT_FOUND, &err);
    /* a file of tensors, but none that adapts */
    is(id4_adapter_open(w->model, ID4_SOURCE_DIR "/tests/golden/tiny-a/mlx-q8/vae.safetensors",
                        &adapter, &err),
       ID4_FORMAT, &err);
    is(id4_adapter_open(w->model, ID4_SOURCE_DIR "/README.md", &adapter, &err), ID4_FORMAT, &err);
    assert_null(adapter);
}

/* --- images --------------------------------------------------------------------------------- */

static id4_image *small_image(void) {
    static uint8_t pixels[5 * 3 * 3];
    id4_image *image = NULL;
    for (size_t i = 0; i < sizeof pixels; i++) {
        pixels[i] = (uint8_t)(i * 5);
    }
    assert_int_equal(id4_image_new(5, 3, pixels, &image, NULL), ID4_OK);
    assert_int_equal(id4_image_width(image), 5);
    assert_int_equal(id4_image_height(image), 3);
    assert_memory_equal(id4_image_pixels(image), pixels, sizeof pixels);
    pixels[0] = 255; /* a copy was made */
    assert_int_equal(id4_image_pixels(image)[0], 0);
    return image;
}

static void api_image_refuses_misuse(void **state) {
    (void)state;
    static const uint8_t pixel[3] = {0};
    static const uint8_t garbage[] = "neither picture nor text";
    id4_image *image = NULL;
    id4_error err = {0};
    is(id4_image_new(0, 1, pixel, &image, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_new(1, -1, pixel, &image, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_new(1 << 30, 1 << 30, pixel, &image, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_new(1, 1, NULL, &image, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_new(1, 1, pixel, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_decode(NULL, 4, &image, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_decode(garbage, sizeof garbage, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_decode(garbage, sizeof garbage, &image, &err), ID4_FORMAT, &err);
    is(id4_image_decode(garbage, 0, &image, &err), ID4_FORMAT, &err);
    assert_null(image);
    assert_int_equal(id4_image_width(NULL), 0);
    assert_int_equal(id4_image_height(NULL), 0);
    assert_null(id4_image_pixels(NULL));
    id4_image_free(NULL);
    id4_bytes_free(NULL);
}

static void api_image_encode_refuses_misuse(void **state) {
    (void)state;
    static const id4_pair bad[] = {{"", "x"},   {"two words", "x"}, {"k\xc3\xa4se", "x"},
                                   {NULL, "x"}, {"key", NULL},      {"key", "\xff"}};
    id4_image *image = small_image();
    id4_bytes bytes = {NULL, 0};
    id4_error err = {0};
    is(id4_image_encode(NULL, ID4_PNG, 0, NULL, 0, &bytes, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_encode(image, ID4_PNG, 0, NULL, 0, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_encode(image, ID4_PNG, 0, NULL, 1, &bytes, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_encode(image, (id4_image_format)0, 0, NULL, 0, &bytes, &err), ID4_INVALID_ARGUMENT,
       &err);
    is(id4_image_encode(image, (id4_image_format)4, 0, NULL, 0, &bytes, &err), ID4_INVALID_ARGUMENT,
       &err);
    for (id4_image_format f = ID4_WEBP; f <= ID4_JPEG; f++) {
        is(id4_image_encode(image, f, -1, NULL, 0, &bytes, &err), ID4_INVALID_ARGUMENT, &err);
        is(id4_image_encode(image, f, 101, NULL, 0, &bytes, &err), ID4_INVALID_ARGUMENT, &err);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (id4_image_format f = ID4_PNG; f <= ID4_JPEG; f++) {
            is(id4_image_encode(image, f, 0, &bad[i], 1, &bytes, &err), ID4_INVALID_ARGUMENT, &err);
        }
    }
    assert_null(bytes.data);
    is(id4_image_encode(image, ID4_PNG, 1000, NULL, 0, &bytes, &err), ID4_OK, &err); /* ignored */
    id4_bytes_free(&bytes);
    id4_bytes_free(&bytes); /* again is fine */
    id4_image_free(image);
}

static size_t count_files(const folder *f) {
    char **names = NULL;
    size_t count = 0;
    assert_true(i4_dir_list(f->path, 100, &names, &count, NULL));
    i4_dir_list_free(names, count);
    return count;
}

static void api_image_save_leaves_nothing_behind(void **state) {
    const world *w = *state;
    id4_image *image = small_image();
    id4_error err = {0};
    folder_write(&w->out, "file", "in the way");
    folder_sub(&w->out, "folder.png");
    is(id4_image_save(image, NULL, ID4_PNG, 0, NULL, 0, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_save(image, "", ID4_PNG, 0, NULL, 0, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_image_save(NULL, folder_at(&w->out, "a.png"), ID4_PNG, 0, NULL, 0, &err),
       ID4_INVALID_ARGUMENT, &err);
    is(id4_image_save(image, folder_at(&w->out, "none/a.png"), ID4_PNG, 0, NULL, 0, &err),
       ID4_NOT_FOUND, &err);
    is(id4_image_save(image, folder_at(&w->out, "file/a.png"), ID4_PNG, 0, NULL, 0, &err),
       ID4_NOT_FOUND, &err);
    is(id4_image_save(image, folder_at(&w->out, "folder.png"), ID4_PNG, 0, NULL, 0, &err), ID4_IO,
       &err);
    assert_int_equal(count_files(&w->out), 2);
    is(id4_image_save(image, folder_at(&w->out, "file"), ID4_PNG, 0, NULL, 0, &err), ID4_OK, &err);
    assert_int_equal(count_files(&w->out), 2);
    remove(folder_at(&w->out, "file"));
    remove(folder_at(&w->out, "folder.png"));
    id4_image_free(image);
}

/* --- recipes -------------------------------------------------------------------------------- */

static json_t *parsed(const id4_bytes *json) {
    json_t *root = json_loadb((const char *)json->data, json->size, 0, NULL);
    assert_true(json_is_object(root));
    return root;
}

static const char *string_in(const json_t *root, const char *key) {
    const char *text = json_string_value(json_object_get(root, key));
    assert_non_null(text);
    return text;
}

static int number_in(const json_t *root, const char *key) {
    assert_true(json_is_integer(json_object_get(root, key)));
    return (int)json_integer_value(json_object_get(root, key));
}

static void api_recipe_holds_what_was_asked(void **state) {
    const world *w = *state;
    static const id4_recipe_lora loras[] = {{"a.safetensors", 0.5}, {"b.safetensors", -1.25}};
    id4_bytes json = {NULL, 0};
    id4_request r = usual_request();
    r.caption = structured;
    r.seed = UINT64_MAX; /* beyond what JSON numbers hold */
    r.guidance = 3.5;
    r.preset = " v4_turbo_12 ";
    assert_int_equal(id4_recipe_make(w->model, &r, loras, 2, &json, NULL), ID4_OK);
    json_t *root = parsed(&json);
    assert_int_equal(number_in(root, "version"), 1);
    assert_true(string_in(root, "program")[0] != '\0');
    assert_string_equal(string_in(root, "model"), strrchr(w->root, '/') + 1);
    assert_true(string_in(root, "format")[0] != '\0');
    assert_string_equal(string_in(root, "caption"), structured);
    assert_int_equal(number_in(root, "width"), SIDE);
    assert_int_equal(number_in(root, "height"), SIDE);
    assert_string_equal(string_in(root, "preset"), "V4_TURBO_12");
    assert_int_equal(number_in(root, "steps"), 1);
    assert_true(fabs(json_number_value(json_object_get(root, "guidance")) - 3.5) < 1e-12);
    assert_string_equal(string_in(root, "seed"), "18446744073709551615");
    const json_t *list = json_object_get(root, "loras");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(string_in(json_array_get(list, 1), "name"), "b.safetensors");
    assert_true(fabs(json_number_value(json_object_get(json_array_get(list, 1), "strength")) +
                     1.25) < 1e-12);
    json_decref(root);
    id4_bytes_free(&json);
}

static void api_recipe_survives_every_format(void **state) {
    const world *w = *state;
    static const char *const names[] = {"a.png", "a.webp", "a.jpg"};
    id4_bytes json = {NULL, 0}, back = {NULL, 0};
    id4_image *image = small_image();
    id4_request r = usual_request();
    r.caption = "K\xc3\xa4se & <brot> \"\xf0\x9f\x8d\x9e\"\n]]>";
    assert_int_equal(id4_recipe_make(w->model, &r, NULL, 0, &json, NULL), ID4_OK);
    const id4_pair pair = {"ideogram4", (const char *)json.data};
    for (int i = 0; i < 3; i++) {
        char *data = NULL;
        size_t size = 0;
        id4_error err = {0};
        const char *path = folder_at(&w->out, names[i]);
        is(id4_image_save(image, path, (id4_image_format)(ID4_PNG + i), 0, &pair, 1, &err), ID4_OK,
           &err);
        assert_true(i4_file_read(path, 1 << 20, &data, &size, NULL));
        is(id4_recipe_read((uint8_t *)data, size, &back, &err), ID4_OK, &err);
        assert_int_equal(back.size, json.size);
        assert_memory_equal(back.data, json.data, json.size);
        id4_bytes_free(&back);
        i4_free(data);
        remove(path);
    }
    id4_bytes_free(&json);
    id4_image_free(image);
}

/* The request that a recipe means, on another engine: the same bytes. */
static void api_recipe_draws_the_same_again(void **state) {
    const world *w = *state;
    id4_bytes json = {NULL, 0};
    id4_engine *other = NULL;
    id4_request r = usual_request(), again;
    assert_int_equal(id4_recipe_make(w->model, &r, NULL, 0, &json, NULL), ID4_OK);
    json_t *root = parsed(&json);
    id4_request_init(&again);
    again.caption = string_in(root, "caption");
    again.preset = string_in(root, "preset");
    again.width = number_in(root, "width");
    again.height = number_in(root, "height");
    again.steps = number_in(root, "steps");
    again.seed = (uint64_t)number_in(root, "seed");
    again.guidance = json_number_value(json_object_get(root, "guidance"));
    assert_int_equal(id4_engine_new(w->model, NULL, &other, NULL), ID4_OK);
    assert_true(draws(other, &again, w->plain));
    id4_engine_free(other);
    json_decref(root);
    id4_bytes_free(&json);
}

static void api_recipe_refuses_misuse(void **state) {
    const world *w = *state;
    static const id4_recipe_lora nameless = {NULL, 1.0}, odd = {"a", (double)NAN},
                                 latin = {"\xe4", 1.0};
    id4_bytes json = {NULL, 0};
    id4_error err = {0};
    id4_request r = usual_request();
    is(id4_recipe_make(NULL, &r, NULL, 0, &json, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_make(w->model, NULL, NULL, 0, &json, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_make(w->model, &r, NULL, 0, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_make(w->model, &r, NULL, 1, &json, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_make(w->model, &r, &odd, 17, &json, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_make(w->model, &r, &nameless, 1, &json, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_make(w->model, &r, &odd, 1, &json, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_make(w->model, &r, &latin, 1, &json, &err), ID4_INVALID_ARGUMENT, &err);
    r.caption = NULL;
    is(id4_recipe_make(w->model, &r, NULL, 0, &json, &err), ID4_INVALID_ARGUMENT, &err);
    r.caption = "\xff";
    is(id4_recipe_make(w->model, &r, NULL, 0, &json, &err), ID4_INVALID_ARGUMENT, &err);
    r = usual_request();
    r.guidance = (double)NAN;
    is(id4_recipe_make(w->model, &r, NULL, 0, &json, &err), ID4_INVALID_ARGUMENT, &err);
    r = usual_request();
    r.struct_size = sizeof r.struct_size; /* so old that it knows no caption */
    is(id4_recipe_make(w->model, &r, NULL, 0, &json, &err), ID4_INVALID_ARGUMENT, &err);
    assert_null(json.data);
}

static void api_recipe_read_tells_what_is_wrong(void **state) {
    (void)state;
    static const char *const bad[] = {"[]", "{", "\"text\"", ""};
    id4_image *image = small_image();
    id4_bytes file = {NULL, 0}, json = {NULL, 0};
    id4_error err = {0};
    is(id4_recipe_read(NULL, 1, &json, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_read((const uint8_t *)"x", 1, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_recipe_read((const uint8_t *)"x", 1, &json, &err), ID4_FORMAT, &err);
    assert_int_equal(id4_image_encode(image, ID4_PNG, 0, NULL, 0, &file, NULL), ID4_OK);
    is(id4_recipe_read(file.data, file.size, &json, &err), ID4_NOT_FOUND, &err);
    id4_bytes_free(&file);
    for (int i = 0; i < 4; i++) {
        const id4_pair pair = {"ideogram4", bad[i]};
        assert_int_equal(id4_image_encode(image, ID4_PNG, 0, &pair, 1, &file, NULL), ID4_OK);
        is(id4_recipe_read(file.data, file.size, &json, &err), ID4_FORMAT, &err);
        id4_bytes_free(&file);
    }
    assert_null(json.data);
    id4_image_free(image);
}

/* --- captions and tokens -------------------------------------------------------------------- */

static size_t finding_count(const char *text, size_t size, int whole_file) {
    id4_findings *findings = NULL;
    assert_int_equal(id4_caption_check(text, size, whole_file, &findings, NULL), ID4_OK);
    const size_t count = id4_findings_count(findings);
    for (size_t i = 0; i < count; i++) {
        const id4_finding *f = id4_findings_at(findings, i);
        assert_true(f->path[0] != '\0' && f->code[0] != '\0' && f->text[0] != '\0');
    }
    assert_null(id4_findings_at(findings, count));
    id4_findings_free(findings);
    return count;
}

static void api_caption_check_reports_in_both_modes(void **state) {
    (void)state;
    id4_findings *findings = NULL;
    id4_error err = {0};
    assert_int_equal(finding_count(structured, strlen(structured), 0), 0);
    assert_int_equal(finding_count(structured, strlen(structured), 1), 0);
    assert_true(finding_count(prompt, strlen(prompt), 0) > 0);
    assert_true(finding_count(prompt, strlen(prompt), 1) > 0);
    for (int whole = 0; whole < 2; whole++) {
        is(id4_caption_check(NULL, 1, whole, &findings, &err), ID4_INVALID_ARGUMENT, &err);
        is(id4_caption_check("x", 1, whole, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    }
    /* a file that is no caption is a finding, not a failure */
    assert_true(finding_count(NULL, 0, 1) > 0);
    assert_true(finding_count("\xff\x00{", 3, 1) > 0);
    assert_true(finding_count("[[[[", 4, 1) > 0);
    assert_null(findings);
    assert_int_equal(id4_findings_count(NULL), 0);
    assert_null(id4_findings_at(NULL, 0));
    id4_findings_free(NULL);
}

static void api_caption_prompt_is_what_the_model_reads(void **state) {
    (void)state;
    id4_bytes text = {NULL, 0};
    id4_error err = {0};
    assert_int_equal(id4_caption_prompt(structured, strlen(structured), &text, NULL), ID4_OK);
    assert_int_equal(text.size, strlen((const char *)text.data)); /* NUL-terminated */
    assert_non_null(strstr((const char *)text.data, "a red circle"));
    id4_bytes_free(&text);
    is(id4_caption_prompt(NULL, 0, &text, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_caption_prompt("x", 1, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_caption_prompt("\xff", 1, &text, &err), ID4_INVALID_ARGUMENT, &err);
    assert_null(text.data);
}

static void api_tokens_spell_the_text(void **state) {
    const world *w = *state;
    static const char text[] = "Two k\xc3\xa4se, 3 circles.";
    char spelled[256] = "";
    id4_bytes ids = {NULL, 0}, longer = {NULL, 0}, token = {NULL, 0};
    size_t count = 0, template_count = 0;
    assert_int_equal(id4_tokenize(w->model, text, strlen(text), 0, &ids, &count, NULL), ID4_OK);
    assert_int_equal(ids.size, count * sizeof(int32_t));
    for (size_t i = 0; i < count; i++) {
        int32_t id;
        memcpy(&id, ids.data + i * sizeof id, sizeof id);
        assert_int_equal(id4_token_text(w->model, id, &token, NULL), ID4_OK);
        const size_t at = strlen(spelled);
        assert_true(at + token.size < sizeof spelled);
        memcpy(spelled + at, token.data, token.size + 1);
        id4_bytes_free(&token);
    }
    assert_string_equal(spelled, text);
    assert_int_equal(id4_tokenize(w->model, text, strlen(text), 1, &longer, &template_count, NULL),
                     ID4_OK);
    assert_true(template_count > count);
    id4_bytes_free(&ids);
    id4_bytes_free(&longer);
}

static void api_tokens_refuse_misuse(void **state) {
    const world *w = *state;
    id4_bytes ids = {NULL, 0}, token = {NULL, 0};
    size_t count = 77;
    id4_error err = {0};
    is(id4_tokenize(NULL, "x", 1, 0, &ids, &count, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_tokenize(w->model, NULL, 1, 0, &ids, &count, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_tokenize(w->model, "x", 1, 0, NULL, &count, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_tokenize(w->model, "x", 1, 0, &ids, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_tokenize(w->model, "\xff", 1, 0, &ids, &count, &err), ID4_INVALID_ARGUMENT, &err);
    assert_int_equal(count, 77);
    is(id4_token_text(NULL, 1, &token, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_token_text(w->model, 1, NULL, &err), ID4_INVALID_ARGUMENT, &err);
    assert_null(ids.data);
    assert_null(token.data);
    assert_int_equal(id4_tokenize(w->model, NULL, 0, 0, &ids, &count, NULL), ID4_OK);
    assert_int_equal(count, 0);
    id4_bytes_free(&ids);
    static const int32_t strange[] = {-1, 511, 512, INT32_MAX, INT32_MIN};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(id4_token_text(w->model, strange[i], &token, NULL), ID4_OK);
        assert_non_null(token.data);
        id4_bytes_free(&token);
    }
}

/* --- the unstable half ---------------------------------------------------------------------- */

static void api_single_stages_refuse_misuse(void **state) {
    const world *w = *state;
    static float latents[256 * 128], out[256 * 128];
    static const int32_t good[] = {1, 2}, low[] = {-1}, high[] = {512};
    size_t width = 0;
    id4_image *image = NULL;
    id4_error err = {0};
    id4_engine *e = w->engine;
    id4_request r = usual_request();
    is(id4_unstable_encode(NULL, good, 2, NULL, &width, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_unstable_encode(e, NULL, 2, NULL, &width, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_unstable_encode(e, good, 0, NULL, &width, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_unstable_encode(e, good, 2049, NULL, &width, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_unstable_encode(e, low, 1, NULL, &width, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_unstable_encode(e, high, 1, NULL, &width, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_unstable_encode(e, good, 2, NULL, &width, &err), ID4_OK, &err);
    assert_int_equal(width, 832);
    is(id4_unstable_velocity(NULL, NULL, 0, 16, 16, latents, 0.5f, out, &err), ID4_INVALID_ARGUMENT,
       &err);
    is(id4_unstable_velocity(e, NULL, 0, 16, 16, NULL, 0.5f, out, &err), ID4_INVALID_ARGUMENT,
       &err);
    is(id4_unstable_velocity(e, NULL, 0, 15, 16, latents, 0.5f, out, &err), ID4_INVALID_ARGUMENT,
       &err);
    is(id4_unstable_velocity(e, latents, 0, 16, 16, latents, 0.5f, out, &err), ID4_INVALID_ARGUMENT,
       &err);
    is(id4_unstable_sample(e, NULL, 1, &r, latents, NULL, NULL, out, &err), ID4_INVALID_ARGUMENT,
       &err);
    r.steps = 1001;
    is(id4_unstable_sample(e, latents, 1, &r, latents, NULL, NULL, out, &err), ID4_INVALID_ARGUMENT,
       &err);
    is(id4_unstable_decode(e, NULL, 16, 16, NULL, &image, &err), ID4_INVALID_ARGUMENT, &err);
    is(id4_unstable_decode(e, latents, 16, 129, NULL, &image, &err), ID4_INVALID_ARGUMENT, &err);
    assert_null(image);
}

/* --- all ------------------------------------------------------------------------------------ */

static int set_up(void **state) {
    static world w;
    const id4_request request = usual_request();
    if (!golden_root(ID4_SOURCE_DIR "/tests/golden/tiny-a", "mlx-q8", w.root)) {
        return -1;
    }
    folder_make(&w.out, "api");
    w.model = open_model(w.root, "cpu", 2);
    w.plain = malloc(PIXEL_BYTES);
    if (w.plain == NULL || id4_engine_new(w.model, NULL, &w.engine, NULL) != ID4_OK) {
        return -1;
    }
    id4_image *image = drawn(w.engine, &request, NULL);
    memcpy(w.plain, id4_image_pixels(image), PIXEL_BYTES);
    id4_image_free(image);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    id4_engine_free(w->engine);
    const id4_status status = id4_model_close(w->model);
    free(w->plain);
    folder_remove(&w->out);
    golden_root_remove(w->root);
    return status == ID4_OK ? 0 : -1; /* whatever a case opened it has closed */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(api_version_is_that_of_the_header),
        cmocka_unit_test(api_status_names_are_never_null),
        cmocka_unit_test(api_log_reaches_the_sink_and_no_other),
        cmocka_unit_test(api_model_open_refuses_misuse),
        cmocka_unit_test(api_model_close_is_busy_while_used),
        cmocka_unit_test(api_model_info_tells_what_was_opened),
        cmocka_unit_test(api_backends_are_listed_to_the_end),
        cmocka_unit_test(api_older_options_are_honoured),
        cmocka_unit_test(api_older_requests_are_honoured),
        cmocka_unit_test(api_older_results_are_not_overrun),
        cmocka_unit_test(api_structs_without_size_are_refused),
        cmocka_unit_test(api_older_adapter_info_is_not_overrun),
        cmocka_unit_test(api_presets_are_found_by_number_and_name),
        cmocka_unit_test(api_impossible_sizes_are_refused),
        cmocka_unit_test(api_impossible_requests_are_refused),
        cmocka_unit_test(api_strict_requests_take_no_warnings),
        cmocka_unit_test(api_generate_refuses_null),
        cmocka_unit_test(api_estimate_refuses_misuse),
        cmocka_unit_test(api_estimate_grows_with_tokens_size_and_steps),
        cmocka_unit_test(api_stats_tell_about_the_picture),
        cmocka_unit_test(api_pictures_are_the_same_for_any_number_of_threads),
        cmocka_unit_test(api_given_noise_replaces_the_seed),
        cmocka_unit_test(api_profile_sees_every_op),
        cmocka_unit_test(api_engine_refuses_null),
        cmocka_unit_test(api_adapter_changes_the_picture_and_off_is_off),
        cmocka_unit_test(api_bad_adapter_sets_are_refused),
        cmocka_unit_test(api_adapter_open_refuses_misuse),
        cmocka_unit_test(api_image_refuses_misuse),
        cmocka_unit_test(api_image_encode_refuses_misuse),
        cmocka_unit_test(api_image_save_leaves_nothing_behind),
        cmocka_unit_test(api_recipe_holds_what_was_asked),
        cmocka_unit_test(api_recipe_survives_every_format),
        cmocka_unit_test(api_recipe_draws_the_same_again),
        cmocka_unit_test(api_recipe_refuses_misuse),
        cmocka_unit_test(api_recipe_read_tells_what_is_wrong),
        cmocka_unit_test(api_caption_check_reports_in_both_modes),
        cmocka_unit_test(api_caption_prompt_is_what_the_model_reads),
        cmocka_unit_test(api_tokens_spell_the_text),
        cmocka_unit_test(api_tokens_refuse_misuse),
        cmocka_unit_test(api_single_stages_refuse_misuse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
