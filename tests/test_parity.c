/* Parity with the PyTorch reference, stage by stage and end to end, for every layout of a golden
 * folder, on the scalar backend and on each instruction set of the cpu backend.
 *
 *     test_parity [scalar|ISA…]         default: all that this machine has
 *     IDEOGRAM4_GOLDEN=DIR              another golden folder, or a folder of them
 *
 * Bounds: scalar 1e-4 relative L2 everywhere; bf16 paths 1.25 times what the reference in bf16 is
 * from itself in float32, the picture at most 1 dB below (manifest.json). */
#include "golden_folder.h"

#include "backend/cpu/cpu.h"
#include "base/memory.h"
#include "ideogram4.h"
#include "model/tokenizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

static void report(const char *layout, const char *what, double got, double bound, bool ok) {
    printf("%s %-9s %-42s %.3g (bound %.3g)\n", ok ? "ok  " : "FAIL", layout, what, got, bound);
    passed += ok;
    failed += !ok;
}

typedef struct run {
    const char *layout, *isa; /* isa NULL: scalar */
    const json_t *manifest, *cases;
    const i4_st_file *expected;
    id4_model *model;
    id4_engine *engine;
    float *features; /* of the structured prompt */
    size_t tokens;
} run;

static void within(const run *r, const char *what, const float *got, const char *key, double bf16) {
    size_t count = 0;
    const float *want = golden_floats(r->expected, key, &count);
    if (want == NULL) {
        report(r->layout, key, (double)NAN, 0.0, false);
        return;
    }
    const double bound = r->isa == NULL ? 1e-4 : 1.25 * bf16;
    const double e = relative_l2(got, want, count);
    report(r->layout, what, e, bound, e <= bound);
    free((void *)(uintptr_t)want);
}

static void fail_call(const run *r, const char *what, const id4_error *err) {
    fprintf(stderr, "%s: %s: %s\n", r->layout, what, err->text);
    report(r->layout, what, (double)NAN, 0.0, false);
}

/* --- features ---------------------------------------------------------------------------- */

static int32_t *prompt_ids(const run *r, const char *name, size_t *count) {
    const json_t *ids =
        json_object_get(json_object_get(json_object_get(r->cases, "prompts"), name), "ids");
    if (!json_is_array(ids)) {
        ids = json_object_get(json_object_get(r->cases, "prompts"), name);
    }
    *count = json_array_size(ids);
    int32_t *out = malloc((*count + 1) * sizeof *out);
    for (size_t i = 0; i < *count; i++) {
        out[i] = (int32_t)json_integer_value(json_array_get(ids, i));
    }
    return out;
}

static float *check_features(run *r, const char *name, size_t *tokens) {
    id4_error err = {0};
    char key[64], figure[64];
    size_t width = 0;
    int32_t *ids = prompt_ids(r, name, tokens);
    id4_unstable_encode(r->engine, ids, *tokens, NULL, &width, &err);
    float *out = malloc(*tokens * width * sizeof *out + 4);
    snprintf(key, sizeof key, "features_%s", name);
    snprintf(figure, sizeof figure, "features_%s_bf16_rel_l2", name);
    if (id4_unstable_encode(r->engine, ids, *tokens, out, NULL, &err) != ID4_OK) {
        fail_call(r, key, &err);
    } else {
        within(r, key, out, key, golden_number(r->manifest, r->layout, figure, NULL, 0.0));
    }
    free(ids);
    return out;
}

/* --- one size and preset ----------------------------------------------------------------- */

typedef struct shot {
    char name[128]; /* WxH_PRESET */
    int width, height;
    char preset[64];
    id4_request request;
    float *noise;
    size_t count; /* of latents */
} shot;

static void check_velocity(const run *r, const shot *s, const char *prefix, bool with_text, float t,
                           double bf16) {
    id4_error err = {0};
    char key[192];
    float *v = malloc(s->count * sizeof *v);
    snprintf(key, sizeof key, "%s%s_v0_%s", prefix, with_text ? "cond" : "uncond", s->name);
    if (id4_unstable_velocity(r->engine, with_text ? r->features : NULL, r->tokens, s->height / 16,
                              s->width / 16, s->noise, t, v, &err) != ID4_OK) {
        fail_call(r, key, &err);
    } else {
        within(r, key, v, key, bf16);
    }
    free(v);
}

static void check_schedule(const run *r, const shot *s, const float *got, int steps) {
    char key[192];
    size_t count = 0;
    snprintf(key, sizeof key, "schedule_%s", s->name);
    const float *want = golden_floats(r->expected, key, &count);
    double worst = want == NULL || count != (size_t)steps * 3 ? HUGE_VAL : 0.0;
    for (size_t i = 0; want != NULL && i < count && i < (size_t)steps * 3; i++) {
        worst = fmax(worst, fabs((double)got[i] - (double)want[i]));
    }
    report(r->layout, key, worst, 1e-6, worst <= 1e-6);
    free((void *)(uintptr_t)want);
}

static void check_picture(const run *r, const shot *s, const char *what, const float *latents,
                          double bf16_psnr) {
    id4_error err = {0};
    id4_image *image = NULL;
    char key[192];
    snprintf(key, sizeof key, "rgb_u8_%s", s->name);
    const i4_st_tensor *want = i4_st_find(r->expected, key);
    if (want == NULL || id4_unstable_decode(r->engine, latents, s->height / 16, s->width / 16, NULL,
                                            &image, &err) != ID4_OK) {
        fail_call(r, what, &err);
        return;
    }
    /* scalar: beyond rounding of single values the pictures are the same */
    const double bound = r->isa == NULL ? 60.0 : bf16_psnr - 1.0;
    const double psnr = psnr_u8(id4_image_pixels(image), want->data, want->size);
    report(r->layout, what, psnr, bound, psnr >= bound);
    id4_image_free(image);
}

/* The decoder alone in float, on the reference's latents: upper left quarter, [3, H/2, W/2]. */
static void check_decoder(const run *r, const shot *s, const float *latents) {
    id4_error err = {0};
    char key[192];
    size_t count = 0;
    snprintf(key, sizeof key, "vae_f32_%s", s->name);
    const float *want = golden_floats(r->expected, key, &count);
    if (want == NULL) {
        return;
    }
    const int w = s->width, h = s->height;
    float *rgb = malloc((size_t)w * (size_t)h * 3 * sizeof *rgb),
          *got = malloc(count * sizeof *got);
    if (id4_unstable_decode(r->engine, latents, h / 16, w / 16, rgb, NULL, &err) != ID4_OK) {
        fail_call(r, key, &err);
    } else {
        size_t n = 0;
        for (int c = 0; c < 3; c++) {
            for (int y = 0; y < h / 2; y++) {
                for (int x = 0; x < w / 2; x++) {
                    got[n++] = rgb[((size_t)y * (size_t)w + (size_t)x) * 3 + (size_t)c];
                }
            }
        }
        /* the manifest gives the bf16 decoder's PSNR of a picture in [-1, 1]: peak 2 */
        const double psnr =
            golden_number(r->manifest, r->layout, s->name, "vae_only_bf16_psnr_db", 40.0);
        double power = 0.0;
        for (size_t i = 0; i < count; i++) {
            power += (double)want[i] * (double)want[i] / (double)count;
        }
        const double bf16 = pow(10.0, -(psnr - 1.0) / 20.0) * 2.0 / sqrt(power) / 1.25;
        within(r, key, got, key, bf16);
    }
    free(rgb);
    free(got);
    free((void *)(uintptr_t)want);
}

static void check_sampler(const run *r, const shot *s) {
    id4_error err = {0};
    char key[192];
    float *schedule = malloc(3 * ID4_STEPS_MAX * sizeof *schedule);
    float *z1 = malloc(s->count * sizeof *z1), *latents = malloc(s->count * sizeof *latents);
    const id4_preset *preset = id4_preset_find(s->preset);
    const double bf16 = golden_number(r->manifest, r->layout, s->name, "latents_bf16_rel_l2", 0.0);
    if (preset == NULL || id4_unstable_sample(r->engine, r->features, r->tokens, &s->request,
                                              s->noise, schedule, z1, latents, &err) != ID4_OK) {
        fail_call(r, s->name, &err);
    } else {
        check_schedule(r, s, schedule, preset->steps);
        snprintf(key, sizeof key, "z1_%s", s->name);
        within(r, key, z1, key, bf16);
        snprintf(key, sizeof key, "latents_%s", s->name);
        within(r, key, latents, key, bf16);
        check_picture(r, s, "picture end to end (dB)", latents,
                      golden_number(r->manifest, r->layout, s->name, "image_bf16_psnr_db", 99.0));
    }
    size_t count = 0;
    snprintf(key, sizeof key, "latents_%s", s->name);
    const float *want = golden_floats(r->expected, key, &count);
    if (want != NULL) {
        check_picture(
            r, s, "picture of the reference's latents (dB)", want,
            golden_number(r->manifest, r->layout, s->name, "vae_only_bf16_psnr_db", 99.0));
        check_decoder(r, s, want);
    }
    free((void *)(uintptr_t)want);
    free(schedule);
    free(z1);
    free(latents);
}

static void check_lora(const run *r, const shot *s, const char *path, float t, double bf16) {
    id4_error err = {0};
    id4_adapter *adapter = NULL;
    char key[192];
    const json_t *lora = json_object_get(r->manifest, "lora");
    const double strength = json_number_value(json_object_get(lora, "strength"));
    snprintf(key, sizeof key, "lora_cond_v0_%s", s->name);
    if (i4_st_find(r->expected, key) == NULL) {
        return;
    }
    if (id4_adapter_open(r->model, path, &adapter, &err) != ID4_OK) {
        fail_call(r, "lora.safetensors", &err);
        return;
    }
    const id4_adapter_use use = {adapter, strength};
    id4_engine_set_adapters(r->engine, &use, 1, NULL);
    check_velocity(r, s, "lora_", true, t, bf16);
    check_velocity(r, s, "lora_", false, t, bf16);
    id4_engine_set_adapters(r->engine, NULL, 0, NULL);
    check_velocity(r, s, "", true, t, bf16); /* off again without reloading */
    id4_adapter_close(adapter);
}

static void check_shot(const run *r, const char *name, const char *lora_path) {
    shot s = {0};
    char key[192], figure[192];
    size_t count = 0;
    snprintf(s.name, sizeof s.name, "%s", name);
    if (sscanf(name, "%dx%d_%63s", &s.width, &s.height, s.preset) != 3) {
        report(r->layout, name, (double)NAN, 0.0, false);
        return;
    }
    id4_request_init(&s.request);
    s.request.width = s.width;
    s.request.height = s.height;
    s.request.preset = s.preset;
    snprintf(key, sizeof key, "noise_%dx%d", s.width, s.height);
    s.noise = (float *)(uintptr_t)golden_floats(r->expected, key, &s.count);
    snprintf(key, sizeof key, "schedule_%s", name);
    const float *schedule = golden_floats(r->expected, key, &count);
    if (s.noise == NULL || schedule == NULL) {
        report(r->layout, key, (double)NAN, 0.0, false);
        return;
    }
    const float t = schedule[0];
    snprintf(figure, sizeof figure, "cond_v0_%s_bf16_rel_l2", name);
    const double bf16 = golden_number(r->manifest, r->layout, figure, NULL, 0.0);
    check_velocity(r, &s, "", true, t, bf16);
    check_velocity(r, &s, "", false, t, bf16);
    check_lora(r, &s, lora_path, t, bf16);
    check_sampler(r, &s);
    free(s.noise);
    free((void *)(uintptr_t)schedule);
}

/* --- tokenizer --------------------------------------------------------------------------- */

static bool ids_equal(const int32_t *ids, size_t count, const json_t *want) {
    bool same = count == json_array_size(want);
    for (size_t i = 0; same && i < count; i++) {
        same = ids[i] == (int32_t)json_integer_value(json_array_get(want, i));
    }
    return same;
}

/* One text as it stands, or one prompt with the template around it. */
static bool tokens_equal(const i4_tokenizer *t, const json_t *text, const json_t *want,
                         bool with_template) {
    int32_t *ids = NULL;
    size_t count = 0;
    i4_err err = {0};
    const i4_str s = i4_str_of(json_string_value(text), json_string_length(text));
    const bool ok = with_template ? i4_tokenizer_encode_prompt(t, s, &ids, &count, &err)
                                  : i4_tokenizer_encode(t, s, &ids, &count, &err);
    const bool same = ok && ids_equal(ids, count, want);
    i4_free(ids);
    return same;
}

static void check_tokenizer(const char *folder, const json_t *cases) {
    char path[GOLDEN_PATH];
    i4_err err = {0};
    size_t total = 0, equal = 0, index = 0;
    const char *name = NULL;
    json_t *item = NULL;
    snprintf(path, sizeof path, "%s/tokenizer/tokenizer.json", folder);
    i4_tokenizer *t = i4_tokenizer_open(path, &err);
    json_array_foreach(json_object_get(cases, "cases"), index, item) {
        total++;
        equal += t != NULL && tokens_equal(t, json_object_get(item, "text"),
                                           json_object_get(item, "ids"), false);
    }
    json_object_foreach(json_object_get(cases, "prompts"), name, item) {
        total++;
        equal += t != NULL && tokens_equal(t, json_object_get(item, "prompt"),
                                           json_object_get(item, "ids"), true);
    }
    report("tokenizer", "texts with equal ids", (double)equal, (double)total,
           total > 0 && equal == total);
    i4_tokenizer_close(t);
}

/* --- one layout on one backend ----------------------------------------------------------- */

static void check_layout(run *r, const char *root, const char *folder) {
    id4_error err = {0};
    id4_model_options o;
    char path[2 * GOLDEN_PATH];
    size_t plain_tokens = 0;
    id4_model_options_init(&o);
    o.backend = r->isa == NULL ? "scalar" : "cpu";
    o.isa = r->isa;
    if (id4_model_open(root, &o, NULL, &r->model, &err) != ID4_OK ||
        id4_engine_new(r->model, NULL, &r->engine, &err) != ID4_OK) {
        fail_call(r, "open", &err);
        id4_model_close(r->model);
        return;
    }
    free(check_features(r, "plain", &plain_tokens));
    r->features = check_features(r, "structured", &r->tokens);
    snprintf(path, sizeof path, "%s/lora.safetensors", folder);
    for (size_t i = 0; i < i4_st_count(r->expected); i++) {
        const char *name = i4_st_at(r->expected, i)->name;
        if (strncmp(name, "latents_", 8) == 0) {
            check_shot(r, name + 8, path);
        }
    }
    free(r->features);
    id4_engine_free(r->engine);
    id4_model_close(r->model);
}

static int check_folder(const char *folder, void *user) {
    const char *const *isas = user;
    char path[GOLDEN_PATH], root[GOLDEN_PATH];
    const int before = failed;
    snprintf(path, sizeof path, "%s/manifest.json", folder);
    json_t *manifest = json_load_file(path, 0, NULL);
    snprintf(path, sizeof path, "%s/tokenizer_cases.json", folder);
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, NULL);
    check_tokenizer(folder, cases);
    const char *layout = NULL;
    json_t *value = NULL;
    json_object_foreach(json_object_get(manifest, "layouts"), layout, value) {
        i4_err err = {0};
        snprintf(path, sizeof path, "%s/expected-%s.safetensors", folder, layout);
        i4_st_file *expected = i4_st_open(path, &err);
        if (expected == NULL || !golden_root(folder, layout, root)) {
            fprintf(stderr, "%s: %s\n", path, err.text);
            failed++;
            continue;
        }
        for (const char *const *isa = isas; *isa != NULL; isa++) {
            const bool scalar = strcmp(*isa, "scalar-backend") == 0;
            printf("%s %s on %s\n", folder, layout, *isa);
            run r = {.layout = layout,
                     .isa = scalar ? NULL : *isa,
                     .manifest = manifest,
                     .cases = cases,
                     .expected = expected};
            check_layout(&r, root, folder);
        }
        golden_root_remove(root);
        i4_st_close(expected);
    }
    json_decref(manifest);
    json_decref(cases);
    return failed - before;
}

int main(int argc, char **argv) {
    const char *isas[16] = {"scalar-backend"};
    size_t count = 1;
    const char *golden = getenv("IDEOGRAM4_GOLDEN");
    char usual[GOLDEN_PATH];
    snprintf(usual, sizeof usual, "%s/tests/golden", ID4_SOURCE_DIR);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    const bool is_quick = true; /* there this is about the code, not about the numbers */
#else
    const bool is_quick = false;
#endif
    if (argc < 2 && is_quick) {
        isas[0] = "auto";
    }
    for (size_t i = 0; argc < 2 && !is_quick && i < I4_ISA_COUNT; i++) {
        id4_model_options o;
        id4_model *model = NULL;
        char demo[GOLDEN_PATH];
        id4_model_options_init(&o);
        o.backend = "cpu";
        o.isa = i4_isa_name((i4_isa)i);
        snprintf(demo, sizeof demo, "%s/models/demo", ID4_SOURCE_DIR);
        if (id4_model_open(demo, &o, NULL, &model, NULL) == ID4_OK) {
            isas[count++] = o.isa;
        }
        id4_model_close(model);
    }
    if (argc >= 2) {
        count = 0;
        for (int i = 1; i < argc && count < 15; i++) {
            isas[count++] = argv[i];
        }
    }
    isas[count] = NULL;
    golden_each(golden != NULL ? golden : usual, check_folder, isas);
    printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
