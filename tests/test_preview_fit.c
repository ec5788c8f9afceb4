/* The parts of previews alone: the fit finds a map that is known, a state leads where its velocity
 * points, the demo model's file, and what learning and showing take beside the plan: nothing. */
#include "folder.h"
#include "io/safetensors.h"
#include "pipeline/engine.h"
#include "pipeline/preview.h"

#include <math.h>

#define DEMO ID4_SOURCE_DIR "/models/demo"

/* --- memory --------------------------------------------------------------------------------- */

/* What learning needs of the slab is what any picture has, and on the host it is less than what the
 * sampler takes after it. */
static void preview_learning_fits_into_the_plan_of_any_picture(void **state) {
    (void)state;
    static i4_schedule schedule;
    i4_err err = {0};
    const i4_model_options options = {.threads = 1};
    i4_model *model = i4_model_open(DEMO, &options, NULL, NULL, &err);
    assert_non_null(model);
    i4_plan smallest, plan;
    i4_schedule_make(i4_preset_find("V4_TURBO_12"), 1, -1.0, 256, 256, &schedule);
    assert_true(i4_plan_make(model, NULL, 10, 256, 256, &schedule, &smallest, &err));
    for (int width = 256; width <= 2048; width += 128) {
        for (int height = 256; height <= 2048; height += 256) {
            assert_true(i4_plan_make(model, NULL, 10, width, height, &schedule, &plan, &err));
            assert_true(plan.slab_bytes >= smallest.decode_bytes);
        }
    }
    i4_model_close(model);
    for (int latent = 1; latent <= I4_LATENT_MAX / 4; latent++) {
        const i4_config c = {.cond.channels = 4 * latent, .vae.latent = latent};
        const size_t latents = (size_t)256 * 4 * (size_t)latent * sizeof(float);
        const size_t normals = (size_t)64 * (size_t)latent * sizeof(float);
        assert_true(i4_fit_bytes(&c, I4_FIT_CELL) + i4_projection_bytes(4 * latent) + normals <=
                    latents);
    }
}

/* The plan counts the picture, which comes when the previews are gone. */
static void preview_memory_is_less_than_the_picture(void **state) {
    (void)state;
    for (int gh = 16; gh <= 128; gh++) {
        for (int gw = 16; gw <= 128; gw++) {
            assert_true(i4_previewer_bytes(I4_LATENT_MAX, gh, gw) <= (size_t)gh * gw * 16 * 16 * 3);
        }
    }
}

/* --- arithmetic ----------------------------------------------------------------------------- */

static i4_config *config_of(int latent) {
    static i4_config c;
    c = (i4_config){.cond.channels = 4 * latent, .vae.latent = latent};
    for (int i = 0; i < c.cond.channels; i++) {
        c.latent_scale[i] = 1.0f + 0.01f * (float)i;
        c.latent_shift[i] = 0.02f * (float)i;
    }
    return &c;
}

static float noise_at(size_t i) {
    return (float)((i * 2654435761u >> 7) % 2001) / 1000.0f - 1.0f;
}

enum { LATENT = 3, GH = 16, GW = 18, TOKENS = GH * GW };

/* A picture whose every 4×4 box is a known affine function of its cell and, times spill, of the
 * next cell of the token; the same for all cells. */
static void make_world(const i4_config *c, float spill, float *z, uint8_t *rgb) {
    for (int i = 0; i < TOKENS * 4 * LATENT; i++) {
        z[i] = noise_at((size_t)i);
    }
    for (int i = 0; i < 16 * GH * 16 * GW * 3; i++) {
        const int x = i / 3 % (16 * GW), y = i / 3 / (16 * GW), colour = i % 3;
        const int token = y / 16 * GW + x / 16, cell = y % 16 / 8 * 2 + x % 16 / 8;
        const int corner = y % 8 / 4 * 2 + x % 8 / 4;
        float v = 120.0f + (float)(5 * corner);
        for (int k = 0; k < LATENT; k++) {
            const int channel = cell * LATENT + k;
            const int next = (channel + LATENT) % (4 * LATENT);
            v += (float)(6 + 3 * k + colour + corner) *
                 (z[token * 4 * LATENT + channel] * c->latent_scale[channel] +
                  c->latent_shift[channel]);
            v += spill *
                 (z[token * 4 * LATENT + next] * c->latent_scale[next] + c->latent_shift[next]);
        }
        rgb[i] = (uint8_t)(v + 0.5f);
    }
}

/* Largest difference of a projection's values from the picture. */
static double worst_of(const float *p, const float *z, const uint8_t *rgb) {
    double worst = 0;
    for (int t = 0; t < TOKENS; t++) {
        for (int out = 0; out < I4_PREVIEW_VALUES; out++) {
            float v = p[4 * LATENT * I4_PREVIEW_VALUES + out];
            for (int k = 0; k < 4 * LATENT; k++) {
                v += z[t * 4 * LATENT + k] * p[k * I4_PREVIEW_VALUES + out];
            }
            const int x = t % GW * 16 + out / 3 % 4 * 4, y = t / GW * 16 + out / 12 * 4;
            worst = fmax(worst, fabs((double)v - rgb[(y * 16 * GW + x) * 3 + out % 3]));
        }
    }
    return worst;
}

/* By cells what a cell decides, by tokens also what its neighbours do to it. */
static void preview_fit_finds_the_map_that_made_the_picture(void **state) {
    (void)state;
    static float z[TOKENS * 4 * LATENT], p[(4 * LATENT + 1) * I4_PREVIEW_VALUES];
    static uint8_t rgb[16 * GH * 16 * GW * 3];
    const i4_config *c = config_of(LATENT);
    const struct {
        int side, inputs;
        float spill;
        bool is_found;
    } cases[] = {{I4_FIT_CELL, LATENT + 1, 0, true},
                 {I4_FIT_TOKEN, 4 * LATENT + 1, 0, true},
                 {I4_FIT_CELL, LATENT + 1, 10, false},
                 {I4_FIT_TOKEN, 4 * LATENT + 1, 10, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double r = 0;
        i4_err err = {0};
        make_world(c, cases[i].spill, z, rgb);
        i4_fit *fit = i4_fit_new(c, cases[i].side, &err);
        assert_non_null(fit);
        assert_true(i4_fit_bytes(c, cases[i].side) >
                    sizeof(double) * cases[i].inputs * cases[i].inputs);
        assert_false(i4_fit_solve(fit, p, &r, &err)); /* no samples determine nothing */
        assert_int_equal(err.status, I4_E_FORMAT);
        i4_fit_add(fit, z, GH, GW, rgb);
        assert_true(i4_fit_solve(fit, p, &r, &err));
        assert_true(r <= 1.0 + 1e-9 && (r > 0.999) == cases[i].is_found);
        assert_true((worst_of(p, z, rgb) < 1.0) == cases[i].is_found);
        i4_fit_free(fit);
    }
    i4_fit_free(NULL);
}

typedef struct seen {
    int count, width, height;
    uint8_t rgb[256 * 256 * 3];
} seen;

static void keep_seen(const i4_preview *p, void *user) {
    seen *s = user;
    s->count++;
    s->width = p->width;
    s->height = p->height;
    memcpy(s->rgb, p->rgb, (size_t)p->width * (size_t)p->height * 3);
}

/* Two states of a sampler, 2048 pixels wide: the clean picture predicted from them, with 2×2 pixels
 * for a token, each the mean of four values. */
static void preview_predicts_where_the_velocity_leads(void **state) {
    (void)state;
    enum { WIDE = 128, HIGH = 17, CHANNELS = 4, COUNT = WIDE * HIGH * CHANNELS };
    static float z[2][COUNT];
    static seen s;
    static const i4_schedule schedule = {
        .steps = 2, .t = {0.1f, 0.25f}, .s = {0.25f, 0.7f}, .guidance = {7, 7}};
    const double factor = (0.7 - 0.25) / (0.25 - 0.1);
    i4_projection *p = i4_malloc(i4_projection_bytes(CHANNELS));
    assert_non_null(p);
    p->channels = CHANNELS;
    for (size_t i = 0; i < (CHANNELS + 1) * I4_PREVIEW_VALUES; i++) {
        p->value[i] = i < CHANNELS * I4_PREVIEW_VALUES ? 12.0f * noise_at(i) : 100.0f;
    }
    for (int i = 0; i < COUNT; i++) {
        z[0][i] = noise_at((size_t)i);
        z[1][i] = noise_at((size_t)i + 12345) * 0.5f + z[0][i];
    }
    i4_previewer previewer;
    i4_previewer_begin(&previewer, p, &schedule, HIGH, WIDE, (i4_preview_wish){keep_seen, &s, 0.0});
    const i4_latent_watch w = i4_previewer_watch(&previewer);
    assert_true(w.wants(0, w.user));
    w.see(0, z[0], w.user);
    assert_int_equal(s.count, 0);
    assert_true(w.wants(1, w.user));
    w.see(1, z[1], w.user);
    i4_previewer_end(&previewer);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.width, 256);
    assert_int_equal(s.height, 2 * HIGH);
    for (int i = 0; i < s.width * s.height * 3; i++) {
        const int x = i / 3 % s.width, y = i / 3 / s.width, t = y / 2 * WIDE + x / 2;
        double v = 0;
        for (int corner = 0; corner < 4; corner++) {
            const int row = y % 2 * 2 + corner / 2, column = x % 2 * 2 + corner % 2;
            const int out = (row * 4 + column) * 3 + i % 3;
            v += 100.0 / 4;
            for (int k = 0; k < CHANNELS; k++) {
                const double a = (double)z[0][t * CHANNELS + k], b = (double)z[1][t * CHANNELS + k];
                v += (b + factor * (b - a)) * (double)p->value[k * I4_PREVIEW_VALUES + out] / 4;
            }
        }
        assert_true(fabs(v - s.rgb[i]) < 0.51);
    }
    i4_projection_free(p);
}

static void preview_file_reads_back_with_its_notes(void **state) {
    (void)state;
    i4_err err = {0};
    i4_projection *p = i4_projection_read(DEMO "/preview.safetensors", 128, &err);
    i4_st_file *file = i4_st_open(DEMO "/preview.safetensors", &err);
    assert_true(p != NULL && file != NULL);
    assert_memory_equal(p->value, i4_st_find(file, "projection")->data,
                        129 * I4_PREVIEW_VALUES * sizeof(float));
    assert_non_null(strstr(i4_st_metadata(file, "fitted"), "pictures of demo"));
    assert_true(strtod(i4_st_metadata(file, "correlation"), NULL) >= 0.9);
    i4_st_close(file);
    i4_projection_free(p);
    assert_null(i4_projection_read(DEMO "/preview.safetensors", 64, &err));
    assert_int_equal(err.status, I4_E_FORMAT);
    assert_null(i4_projection_read("absent.safetensors", 128, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
}

/* Of two threads that learn at once the first one's stays. */
static void preview_projection_of_a_model_stays_what_it_first_was(void **state) {
    (void)state;
    i4_err err = {0};
    const i4_model_options options = {.threads = 1};
    i4_model *model = i4_model_open(DEMO, &options, NULL, NULL, &err);
    assert_non_null(model);
    const i4_projection *first = i4_model_projection(model);
    assert_non_null(first);
    i4_model_take_projection(model, i4_projection_read(DEMO "/preview.safetensors", 128, &err));
    assert_ptr_equal(i4_model_projection(model), first);
    i4_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preview_learning_fits_into_the_plan_of_any_picture),
        cmocka_unit_test(preview_memory_is_less_than_the_picture),
        cmocka_unit_test(preview_fit_finds_the_map_that_made_the_picture),
        cmocka_unit_test(preview_predicts_where_the_velocity_leads),
        cmocka_unit_test(preview_file_reads_back_with_its_notes),
        cmocka_unit_test(preview_projection_of_a_model_stays_what_it_first_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
