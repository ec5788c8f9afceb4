/* The demo model against the pictures that a float32 implementation in PyTorch drew from the same
 * noise (models/demo/expected), stage by stage and whole; and each op of a short run judged alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden_folder.h"
#include "ideogram4.h"
#include "pipeline/passes.h"
#include "tensor/wrap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEMO ID4_SOURCE_DIR "/models/demo"

/* --- what is expected --------------------------------------------------------------------- */

typedef struct expectation {
    char name[64], preset[32], *prompt; /* prompt owned */
    int width, height, tokens;
    i4_st_file *file;
} expectation;

enum { CASES_MAX = 16 };
static expectation expected[CASES_MAX];
static int expected_count;

/* Captions are objects or plain text; as JSON text in the first case. */
static char *caption_text(const json_t *caption) {
    return json_is_string(caption) ? strdup(json_string_value(caption))
                                   : json_dumps(caption, JSON_COMPACT | JSON_ENSURE_ASCII);
}

static void expect(const json_t *from) {
    char path[GOLDEN_PATH];
    i4_err err = {0};
    assert_true(expected_count < CASES_MAX);
    expectation *e = &expected[expected_count++];
    snprintf(e->name, sizeof e->name, "%s", json_string_value(json_object_get(from, "name")));
    snprintf(e->preset, sizeof e->preset, "%s", json_string_value(json_object_get(from, "preset")));
    e->prompt = caption_text(json_object_get(from, "caption"));
    e->width = (int)json_integer_value(json_object_get(from, "width"));
    e->height = (int)json_integer_value(json_object_get(from, "height"));
    e->tokens = (int)json_integer_value(json_object_get(from, "tokens"));
    snprintf(path, sizeof path, DEMO "/expected/%s.safetensors", e->name);
    e->file = i4_st_open(path, &err);
    if (e->file == NULL) {
        fail_msg("%s", err.text);
    }
}

static int open_expected(void **state) {
    (void)state;
    json_t *manifest = json_load_file(DEMO "/expected/manifest.json", 0, NULL);
    const json_t *cases = json_object_get(manifest, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        expect(json_array_get(cases, i));
    }
    json_decref(manifest);
    return expected_count == 6 ? 0 : -1;
}

static int close_expected(void **state) {
    (void)state;
    for (int i = 0; i < expected_count; i++) {
        free(expected[i].prompt);
        i4_st_close(expected[i].file);
    }
    return 0;
}

/* Owned by the caller. */
static float *numbers_of(const expectation *e, const char *name, size_t *count) {
    const float *numbers = golden_floats(e->file, name, count);
    if (numbers == NULL) {
        fail_msg("%s has no %s", e->name, name);
    }
    return (float *)(uintptr_t)numbers;
}

/* --- an engine ---------------------------------------------------------------------------- */

typedef struct drawer {
    const char *name;
    id4_model *model;
    id4_engine *engine;
} drawer;

static drawer drawer_open(const char *backend) {
    drawer d = {.name = backend};
    id4_error err = {0};
    id4_model_options options;
    id4_model_options_init(&options);
    options.backend = backend;
    if (id4_model_open(DEMO, &options, NULL, &d.model, &err) != ID4_OK ||
        id4_engine_new(d.model, NULL, &d.engine, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    return d;
}

static void drawer_close(drawer *d) {
    id4_engine_free(d->engine);
    assert_int_equal(id4_model_close(d->model), ID4_OK);
}

static id4_request request_of(const expectation *e, const float *noise) {
    id4_request r;
    id4_request_init(&r);
    r.caption = e->prompt;
    r.width = e->width;
    r.height = e->height;
    r.preset = e->preset;
    r.noise = noise;
    return r;
}

/* --- tokens ------------------------------------------------------------------------------- */

static void check_tokens(const drawer *d, const expectation *e) {
    id4_error err = {0};
    id4_bytes prompt = {0}, ids = {0};
    size_t count = 0, want_count = 0;
    int32_t *want = (int32_t *)(void *)numbers_of(e, "token_ids", &want_count);
    assert_int_equal(id4_caption_prompt(e->prompt, strlen(e->prompt), &prompt, &err), ID4_OK);
    assert_int_equal(id4_tokenize(d->model, (const char *)prompt.data, strlen((char *)prompt.data),
                                  1, &ids, &count, &err),
                     ID4_OK);
    assert_int_equal(count, e->tokens);
    assert_int_equal(count, want_count);
    assert_memory_equal(ids.data, want, count * sizeof *want);
    id4_bytes_free(&prompt);
    id4_bytes_free(&ids);
    free(want);
}

static void demo_token_ids_are_those_expected(void **state) {
    (void)state;
    drawer d = drawer_open("auto");
    for (int i = 0; i < expected_count; i++) {
        check_tokens(&d, &expected[i]);
    }
    drawer_close(&d);
}

/* --- stages ------------------------------------------------------------------------------- */

typedef struct bounds {
    double features, velocity, latents, psnr; /* relative L2, the picture in dB */
} bounds;

static void check_close(const drawer *d, const expectation *e, const char *what, const float *got,
                        double bound) {
    size_t count = 0;
    float *want = numbers_of(e, what, &count);
    const double error = relative_l2(got, want, count);
    printf("%-6s %-14s %-10s %.3g (bound %.3g)\n", d->name, e->name, what, error, bound);
    free(want);
    if (!(error <= bound)) {
        fail_msg("%s of %s on %s: relative error %g, allowed %g", what, e->name, d->name, error,
                 bound);
    }
}

static void check_features(const drawer *d, const expectation *e, const bounds *b) {
    id4_error err = {0};
    size_t count = 0, width = 0;
    int32_t *ids = (int32_t *)(void *)numbers_of(e, "token_ids", &count);
    assert_int_equal(id4_unstable_encode(d->engine, ids, count, NULL, &width, &err), ID4_OK);
    float *got = malloc(count * width * sizeof *got);
    assert_non_null(got);
    assert_int_equal(id4_unstable_encode(d->engine, ids, count, got, NULL, &err), ID4_OK);
    check_close(d, e, "features", got, b->features);
    free(got);
    free(ids);
}

static void check_velocities(const drawer *d, const expectation *e, const bounds *b) {
    id4_error err = {0};
    size_t count = 0;
    float *features = numbers_of(e, "features", NULL), *noise = numbers_of(e, "noise", &count);
    float *schedule = numbers_of(e, "schedule", NULL), *v = malloc(count * sizeof *v);
    assert_non_null(v);
    for (int with_text = 1; with_text >= 0; with_text--) {
        assert_int_equal(id4_unstable_velocity(d->engine, with_text ? features : NULL,
                                               (size_t)e->tokens, e->height / 16, e->width / 16,
                                               noise, schedule[0], v, &err),
                         ID4_OK);
        check_close(d, e, with_text ? "cond_v0" : "uncond_v0", v, b->velocity);
    }
    free(features);
    free(noise);
    free(schedule);
    free(v);
}

static void check_sampler(const drawer *d, const expectation *e, const bounds *b) {
    id4_error err = {0};
    size_t count = 0, numbers = 0;
    float *features = numbers_of(e, "features", NULL), *noise = numbers_of(e, "noise", &count);
    float *want = numbers_of(e, "schedule", &numbers), *latents = malloc(count * sizeof *latents);
    float *schedule = malloc(3 * ID4_STEPS_MAX * sizeof *schedule);
    assert_true(latents != NULL && schedule != NULL);
    const id4_request r = request_of(e, NULL);
    assert_int_equal(id4_unstable_sample(d->engine, features, (size_t)e->tokens, &r, noise,
                                         schedule, NULL, latents, &err),
                     ID4_OK);
    assert_int_equal(numbers, 3 * id4_preset_find(e->preset)->steps);
    for (size_t i = 0; i < numbers; i++) {
        assert_true(fabs((double)schedule[i] - (double)want[i]) <= 1e-6);
    }
    check_close(d, e, "latents", latents, b->latents);
    free(features);
    free(noise);
    free(want);
    free(latents);
    free(schedule);
}

static void check_picture(const drawer *d, const expectation *e, const bounds *b) {
    id4_error err = {0};
    id4_image *image = NULL;
    float *noise = numbers_of(e, "noise", NULL);
    const id4_request r = request_of(e, noise);
    if (id4_generate(d->engine, &r, NULL, &image, NULL, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    const i4_st_tensor *want = i4_st_find(e->file, "rgb_u8");
    assert_non_null(want);
    assert_int_equal(id4_image_width(image), e->width);
    assert_int_equal(id4_image_height(image), e->height);
    assert_int_equal(want->size, e->width * e->height * 3);
    const double psnr = psnr_u8(id4_image_pixels(image), want->data, want->size);
    printf("%-6s %-14s picture    %.1f dB (bound %.0f)\n", d->name, e->name, psnr, b->psnr);
    id4_image_free(image);
    free(noise);
    if (!(psnr >= b->psnr)) {
        fail_msg("%s on %s: %g dB", e->name, d->name, psnr);
    }
}

static void demo_pictures_on_the_default_backend_are_those_expected(void **state) {
    (void)state;
    const bounds b = {.features = 2e-2, .velocity = 2e-2, .latents = 1e-1, .psnr = 35.0};
    drawer d = drawer_open("auto");
    for (int i = 0; i < expected_count; i++) {
        check_features(&d, &expected[i], &b);
        check_velocities(&d, &expected[i], &b);
        check_sampler(&d, &expected[i], &b);
        check_picture(&d, &expected[i], &b);
    }
    drawer_close(&d);
}

/* One whole picture only: plain loops take their time. */
static void demo_picture_on_scalar_is_that_expected(void **state) {
    (void)state;
    const bounds b = {.features = 1e-4, .velocity = 1e-4, .latents = 1e-3, .psnr = 60.0};
    drawer d = drawer_open("scalar");
    for (int i = 0; i < expected_count; i++) {
        check_features(&d, &expected[i], &b);
    }
    check_velocities(&d, &expected[0], &b);
    check_picture(&d, &expected[0], &b);
    drawer_close(&d);
}

/* --- each op alone ------------------------------------------------------------------------ */

enum { GH = 5, GW = 3, JUDGED_SLAB = 64 << 20 }; /* a small picture, so that judging is quick */

typedef struct judged {
    i4_tee tee;
    i4_trace trace;
    i4_ctx ctx;
    uint64_t runs[I4_OP_COUNT];
} judged;

static void count_run(const i4_op *op, double seconds, void *user) {
    (void)seconds;
    ((judged *)user)->runs[op->kind]++;
}

static void judged_open(judged *j, const i4_model *model) {
    i4_err err = {0};
    memset(j, 0, sizeof *j);
    j->tee.inner = model->backend;
    j->tee.judge = &i4_backend_scalar;
    j->tee.tolerance = 1e-2;
    assert_true(model->backend->open(&model->backend_options, &j->tee.inner_state, &err));
    assert_true(i4_backend_scalar.open(NULL, &j->tee.judge_state, &err));
    j->trace = (i4_trace){&i4_backend_tee, &j->tee, count_run, j};
    assert_true(i4_ctx_open(&j->ctx, &i4_backend_trace, &j->trace, JUDGED_SLAB, &err));
}

static void judged_close(judged *j) {
    i4_ctx_close(&j->ctx);
    j->tee.inner->close(j->tee.inner_state);
    j->tee.judge->close(j->tee.judge_state);
}

static void check_pass(const judged *j, bool is_done) {
    if (!is_done) {
        fail_msg("%s", j->ctx.err.text);
    }
}

/* Text tower, one step of the sampler, decoder. */
static void judged_run(judged *j, const i4_model *m, const expectation *e) {
    static i4_schedule schedule;
    const size_t n = (size_t)e->tokens, image = GH * GW, channels = (size_t)m->config.cond.channels;
    int32_t *ids = (int32_t *)(void *)numbers_of(e, "token_ids", NULL);
    float *rope = malloc((n + image) * (size_t)m->config.cond.head_dim * sizeof *rope);
    float *text_rope = malloc(n * (size_t)m->config.text.head_dim * sizeof *rope);
    void *features = malloc(n * (size_t)m->config.cond.features * sizeof(float));
    float *noise = malloc(image * channels * sizeof *noise);
    float *latents = malloc(image * channels * sizeof *latents);
    uint8_t *rgb = malloc(image * 256 * 3);
    assert_true(rope && text_rope && features && noise && latents && rgb);
    i4_rope_text(e->tokens, m->config.text.head_dim, m->config.text.rope_theta, text_rope);
    check_pass(j, i4_pass_encode(&j->ctx, m, ids, e->tokens, text_rope, features));

    i4_ctx_reset(&j->ctx);
    i4_rope_dit(&m->config.cond, e->tokens, GH, GW, rope);
    i4_noise(7, noise, image * channels);
    i4_schedule_make(i4_preset_find("V4_TURBO_12"), 0, -1.0, 256, 256, &schedule);
    const i4_denoise d = {.features = features,
                          .tokens = e->tokens,
                          .gh = GH,
                          .gw = GW,
                          .schedule = &schedule,
                          .run_steps = 1,
                          .rope = rope,
                          .noise = noise,
                          .latents = latents};
    check_pass(j, i4_pass_denoise(&j->ctx, m, &d));

    i4_ctx_reset(&j->ctx);
    check_pass(j, i4_vae_decode(&j->ctx, &m->vae, latents, GH, GW, rgb, NULL));
    free(ids);
    free(rope);
    free(text_rope);
    free(features);
    free(noise);
    free(latents);
    free(rgb);
}

static void check_findings(const judged *j) {
    for (int k = 0; k < I4_OP_COUNT; k++) {
        printf("%-16s %5llu runs, worst relative error %.2g\n", i4_op_name((i4_op_kind)k),
               (unsigned long long)j->runs[k], j->tee.found.worst[k]);
    }
    if (j->tee.found.drifted) {
        fail_msg("%s: relative error %g", j->tee.found.first_where, j->tee.found.first_error);
    }
    for (int k = 0; k < I4_OP_COUNT; k++) {
        /* these two come with adapters only */
        const bool is_expected = k != I4_OP_LINEAR_ADD && k != I4_OP_SWIGLU;
        if ((j->runs[k] > 0) != is_expected) {
            fail_msg("%s ran %llu times", i4_op_name((i4_op_kind)k),
                     (unsigned long long)j->runs[k]);
        }
    }
}

static void demo_no_op_drifts_from_scalar(void **state) {
    (void)state;
    static judged j;
    i4_err err = {0};
    const i4_model_options options = {.backend = "cpu"};
    i4_model *model = i4_model_open(DEMO, &options, NULL, NULL, &err);
    if (model == NULL) {
        fail_msg("%s", err.text);
    }
    judged_open(&j, model);
    judged_run(&j, model, &expected[1]);
    check_findings(&j);
    judged_close(&j);
    i4_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demo_token_ids_are_those_expected),
        cmocka_unit_test(demo_pictures_on_the_default_backend_are_those_expected),
        cmocka_unit_test(demo_picture_on_scalar_is_that_expected),
        cmocka_unit_test(demo_no_op_drifts_from_scalar),
    };
    return cmocka_run_group_tests(tests, open_expected, close_expected);
}
