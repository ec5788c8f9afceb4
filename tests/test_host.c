/* Host arithmetic: noise against arrays made with MLX, sampler times, rotation tables and the time
 * sinusoid against the vectors of the specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/host.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_near(double got, double want, double tolerance, const char *what, int index) {
    if (!(fabs(got - want) <= tolerance)) {
        fail_msg("%s, %d: %.9g instead of %.9g", what, index, got, want);
    }
}

/* --- noise -------------------------------------------------------------------------------- */

static const uint64_t seeds[] = {0, 1, 42, 20260608};
enum { SEEDS = sizeof seeds / sizeof seeds[0] };

/* Whole file of 4-byte numbers, little-endian as this machine; owned by the caller. */
static void *mlx_array(const char *name, size_t count) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/mlx/%s", ID4_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s is missing", path);
    }
    void *data = malloc(count * 4 + 4);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, count * 4 + 4, file), count * 4);
    fclose(file);
    return data;
}

/* Only logf may differ from MLX's: at most one value in a thousand by an ulp or a few. */
static void check_normals(const float *got, const char *name, size_t count) {
    float *want = mlx_array(name, count);
    size_t other = 0;
    for (size_t i = 0; i < count; i++) {
        check_near((double)got[i], (double)want[i], 1e-6, name, (int)i);
        other += memcmp(&got[i], &want[i], sizeof *want) != 0;
    }
    if (other > 1 + count / 1000) {
        fail_msg("%s: %zu of %zu values are not the same bits", name, other, count);
    }
    free(want);
}

static void noise_seeded_is_that_of_mlx(void **state) {
    (void)state;
    static const struct {
        const char *shape;
        size_t count;
    } draws[] = {{"1x256x128", 32768}, {"1x15x129", 1935}};
    for (int s = 0; s < SEEDS; s++) {
        for (int d = 0; d < 2; d++) {
            char name[64];
            float *got = malloc(draws[d].count * sizeof *got);
            assert_non_null(got);
            i4_noise(seeds[s], got, draws[d].count);
            snprintf(name, sizeof name, "noise_seed%llu_%s.f32", (unsigned long long)seeds[s],
                     draws[d].shape);
            check_normals(got, name, draws[d].count);
            free(got);
        }
    }
}

static void noise_second_draw_is_that_of_mlx(void **state) {
    (void)state;
    for (int s = 0; s < SEEDS; s++) {
        i4_key next, draw;
        float got[105];
        char name[64];
        i4_key_split(i4_key_of(seeds[s]), &next, &draw);
        i4_key_split(next, &next, &draw);
        i4_key_normal(draw, got, 105);
        snprintf(name, sizeof name, "noise_seed%llu_second_3x5x7.f32",
                 (unsigned long long)seeds[s]);
        check_normals(got, name, 105);
    }
}

static void noise_of_a_key_is_that_of_mlx(void **state) {
    (void)state;
    for (int s = 2; s < SEEDS; s++) {
        char name[64];
        float *got = malloc(32768 * sizeof *got);
        assert_non_null(got);
        i4_key_normal(i4_key_of(seeds[s]), got, 32768);
        snprintf(name, sizeof name, "noise_key%llu_1x256x128.f32", (unsigned long long)seeds[s]);
        check_normals(got, name, 32768);
        free(got);
    }
}

static void noise_bits_and_split_are_those_of_mlx(void **state) {
    (void)state;
    for (int s = 0; s < SEEDS; s++) {
        const i4_key key = i4_key_of(seeds[s]);
        uint32_t got[33];
        i4_key part[2];
        char name[64];
        i4_key_bits(key, got, 33);
        snprintf(name, sizeof name, "bits_key%llu_33.u32", (unsigned long long)seeds[s]);
        uint32_t *want = mlx_array(name, 33);
        assert_memory_equal(got, want, sizeof got);
        free(want);
        i4_key_split(key, &part[0], &part[1]);
        for (int i = 0; i < 2; i++) {
            snprintf(name, sizeof name, "split_key%llu_%d.u32", (unsigned long long)seeds[s], i);
            want = mlx_array(name, 2);
            assert_int_equal(part[i].a, want[0]);
            assert_int_equal(part[i].b, want[1]);
            free(want);
        }
    }
}

/* The uniform step has no function of its own: the normals must follow from MLX's uniforms. */
static void noise_follows_from_uniforms_of_mlx(void **state) {
    (void)state;
    const float low = -0x1.fffffep-1f;
    for (int s = 0; s < SEEDS; s++) {
        char name[64];
        float got[31];
        i4_key_normal(i4_key_of(seeds[s]), got, 31);
        snprintf(name, sizeof name, "uniform_key%llu_1x31.f32", (unsigned long long)seeds[s]);
        float *uniform = mlx_array(name, 31);
        for (int i = 0; i < 31; i++) {
            const float twice = 2.0f * uniform[i];
            const float want = 1.41421354f * i4_erfinv(twice + low);
            check_near((double)got[i], (double)want, 0.0, name, i);
        }
        free(uniform);
    }
}

static void noise_erfinv_is_that_of_mlx(void **state) {
    (void)state;
    enum { COUNT = 4097 };
    float *x = mlx_array("erfinv_x.f32", COUNT), *want = mlx_array("erfinv_y.f32", COUNT);
    int other = 0;
    for (int i = 0; i < COUNT; i++) {
        const float got = i4_erfinv(x[i]);
        const bool is_same = memcmp(&got, &want[i], sizeof got) == 0;
        other += !is_same;
        if (!is_same) {
            check_near((double)got, (double)want[i], 1e-6, "erfinv", i);
        }
    }
    assert_in_range(other, 0, COUNT / 1000);
    free(x);
    free(want);
}

static void noise_words_are_those_of_the_specification(void **state) {
    (void)state;
    static const uint32_t six[] = {2467461003u, 428148500u,  3186719485u,
                                   3840466878u, 2562233961u, 1946702221u};
    uint32_t got[6];
    i4_key next, draw;
    i4_key_split(i4_key_of(0), &next, &draw);
    assert_int_equal(next.a, 4146024105u);
    assert_int_equal(next.b, 967050713u);
    assert_int_equal(draw.a, 2718843009u);
    assert_int_equal(draw.b, 1272950319u);
    i4_key_bits(i4_key_of(0), got, 6);
    assert_memory_equal(got, six, sizeof six);
    i4_key_bits(i4_key_of(0), got, 1);
    assert_int_equal(got[0], 1797259609u);
    i4_key_bits(i4_key_of(1), got, 1);
    assert_int_equal(got[0], 507451445u);
}

static void noise_key_takes_both_halves_of_the_seed(void **state) {
    (void)state;
    const i4_key key = i4_key_of(0x0123456789abcdefu);
    assert_int_equal(key.a, 0x01234567u);
    assert_int_equal(key.b, 0x89abcdefu);
}

typedef struct drawn {
    size_t count;
    uint64_t seed;
    size_t index;
    uint32_t word;
    double value;
} drawn;

static const drawn drawn_vectors[] = {
    {32768, 0, 0, 2895021182u, 0.451123297},        {32768, 0, 1, 1324860190u, -0.500197351},
    {32768, 0, 2, 4232676246u, 2.1833992},          {32768, 0, 16384, 3006012008u, 0.524089158},
    {32768, 0, 32767, 1617660560u, -0.314314812},   {32768, 1, 0, 4066016413u, 1.61360335},
    {32768, 1, 1, 665523383u, -1.01541388},         {32768, 42, 0, 2020580152u, -0.0741311982},
    {32768, 42, 1, 3040115357u, 0.547062397},       {32768, 42, 2, 1294514319u, -0.520370722},
    {32768, 42, 16383, 3791388476u, 1.18885398},    {32768, 42, 16384, 728638679u, -0.955551386},
    {32768, 42, 32767, 3396048050u, 0.80886668},    {32768, 202, 0, 2166286200u, 0.0109737664},
    {32768, 202, 32767, 1563106261u, -0.347949445}, {524288, 42, 0, 3016328938u, 0.531009376},
    {524288, 42, 1, 4208447246u, 2.05077362},       {524288, 42, 262144, 2276658926u, 0.0754608959},
    {524288, 42, 524287, 3228904271u, 0.680126727}, {221184, 202, 0, 3451340853u, 0.854470849},
    {221184, 202, 1, 607971767u, -1.0733614},       {221184, 202, 110592, 2987632823u, 0.511822939},
    {221184, 202, 221183, 1864508498u, -0.1659078},
};

static void noise_of_picture_sizes_is_that_of_the_specification(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof drawn_vectors / sizeof drawn_vectors[0]; i++) {
        const drawn *v = &drawn_vectors[i];
        float *normal = malloc(v->count * sizeof *normal);
        uint32_t *word = malloc(v->count * sizeof *word);
        assert_true(normal != NULL && word != NULL);
        i4_key next, draw;
        i4_key_split(i4_key_of(v->seed), &next, &draw);
        i4_key_bits(draw, word, v->count);
        i4_noise(v->seed, normal, v->count);
        assert_int_equal(word[v->index], v->word);
        check_near((double)normal[v->index], v->value, 1e-6, "normal", (int)i);
        free(normal);
        free(word);
    }
}

static void noise_extremes_are_finite(void **state) {
    (void)state;
    const double end = 1.41421354 * (double)i4_erfinv(-0x1.fffffep-1f);
    check_near(end, -5.41998291, 1e-6, "extreme", 0);
    check_near(1.41421354 * (double)i4_erfinv(0x1.fffffep-1f), -end, 0.0, "extreme", 1);
    check_near((double)i4_erfinv(0.0f), 0.0, 0.0, "extreme", 2);
}

/* --- presets and times -------------------------------------------------------------------- */

typedef struct timed {
    const char *preset;
    int width, height, steps;
    double state[49]; /* t of the first step, then the s of every step */
} timed;

static const timed timed_vectors[] = {
    {"V4_TURBO_12",
     256,
     256,
     12,
     {0.00012339458, 0.097343795, 0.182449326, 0.271463543, 0.363402694, 0.456335902, 0.548137248,
      0.636775672, 0.720495343, 0.797945738, 0.868314207, 0.931718171, 0.999447227}},
    {"V4_TURBO_12",
     1024,
     1024,
     12,
     {0.00012339458, 0.0262525938, 0.0528432429, 0.085215576, 0.124889582, 0.173446313, 0.232696533,
      0.304725051, 0.391890049, 0.496802509, 0.622421861, 0.77330929, 0.999447227}},
    {"V4_TURBO_12",
     768,
     576,
     12,
     {0.00012339458, 0.0398539454, 0.0791019574, 0.125430375, 0.180140346, 0.24418442, 0.31829378,
      0.402905256, 0.498037159, 0.603180051, 0.717351854, 0.840052068, 0.999447227}},
    {"V4_DEFAULT_20", 1024, 1024, 20, {0.00012339458, 0.0273411423, 0.0504089743, 0.075375475,
                                       0.102846958,   0.133136779,  0.166470915,  0.203030869,
                                       0.242962673,   0.286375195,  0.333333343,  0.38384971,
                                       0.437875241,   0.495291054,  0.555903673,  0.61944896,
                                       0.685613275,   0.754102051,  0.824851334,  0.8989259,
                                       0.999447227}},
    {"V4_DEFAULT_20", 2048, 2048, 20, {0.00012339458, 0.0138600459, 0.0258561783, 0.039163731,
                                       0.0542112067,  0.0713157579, 0.0907926187, 0.112985179,
                                       0.138279751,   0.167116612,  0.200000003,  0.237508684,
                                       0.280307472,   0.32916069,   0.384949178,  0.448696852,
                                       0.521622181,   0.605267942,  0.701912344,  0.816408157,
                                       0.999447227}},
    {"V4_QUALITY_48",
     1024,
     1024,
     48,
     {0.00012339458, 0.0230133403, 0.0358935744, 0.0476827733, 0.0590981841, 0.0704112425,
      0.0817599595,  0.0932268947, 0.104867004,  0.116719723,  0.128815353,  0.14117825,
      0.153828755,   0.166784585,  0.180061549,  0.193673998,  0.207635358,  0.221958369,
      0.236655086,   0.251737356,  0.267216772,  0.283104658,  0.299412429,  0.3161515,
      0.333333343,   0.350969732,  0.369072706,  0.387654752,  0.406728923,  0.42630893,
      0.446409613,   0.467046827,  0.488238096,  0.51000303,   0.532363772,  0.555345953,
      0.578979969,   0.6033023,    0.628358126,  0.654204547,  0.680916131,  0.708593249,
      0.737376451,   0.767472684,  0.799206793,  0.833138227,  0.870383024,  0.913891494,
      0.999447227}},
};

/* Within 1e-6, and all but a few the same float32: the grid's rounding to float32 moves more. */
static void schedule_times_are_those_of_the_specification(void **state) {
    (void)state;
    int count = 0, other = 0;
    for (size_t i = 0; i < sizeof timed_vectors / sizeof timed_vectors[0]; i++) {
        const timed *v = &timed_vectors[i];
        i4_schedule s;
        i4_schedule_make(i4_preset_find(v->preset), 0, -1.0, v->width, v->height, &s);
        assert_int_equal(s.steps, v->steps);
        for (int k = 0; k < s.steps; k++) {
            const float want = (float)v->state[k + 1];
            check_near((double)s.t[k], v->state[k], 1e-6, v->preset, k);
            check_near((double)s.s[k], v->state[k + 1], 1e-6, v->preset, k);
            other += memcmp(&s.s[k], &want, sizeof want) != 0;
            count++;
        }
    }
    if (other > count / 50) {
        fail_msg("%d of %d times are other float32 numbers", other, count);
    }
}

static void schedule_times_rounded_for_the_transformer_are_exact(void **state) {
    (void)state;
    static const double want[12] = {0.000123023987, 0.0971679688, 0.182617188, 0.271484375,
                                    0.36328125,     0.45703125,   0.546875,    0.63671875,
                                    0.71875,        0.796875,     0.8671875,   0.93359375};
    i4_schedule s;
    i4_schedule_make(i4_preset_find("V4_TURBO_12"), 0, -1.0, 256, 256, &s);
    for (int k = 0; k < 12; k++) {
        const float rounded = i4_from_bf16(i4_to_bf16(s.t[k]));
        check_near((double)rounded, want[k], 1e-9, "bf16 time", k);
    }
}

static void schedule_depends_on_the_area_only(void **state) {
    (void)state;
    i4_schedule a, b;
    i4_schedule_make(i4_preset_find("V4_TURBO_12"), 0, -1.0, 1024, 256, &a);
    i4_schedule_make(i4_preset_find("V4_TURBO_12"), 0, -1.0, 256, 1024, &b);
    assert_memory_equal(a.t, b.t, 12 * sizeof(float));
    assert_memory_equal(a.s, b.s, 12 * sizeof(float));
}

static void schedule_guidance_is_low_in_the_last_steps(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int steps, low;
    } lists[] = {{"V4_QUALITY_48", 48, 3}, {"V4_DEFAULT_20", 20, 2}, {"V4_TURBO_12", 12, 1}};
    for (int i = 0; i < 3; i++) {
        i4_schedule s;
        i4_schedule_make(i4_preset_find(lists[i].name), 0, -1.0, 512, 512, &s);
        assert_int_equal(s.steps, lists[i].steps);
        for (int k = 0; k < s.steps; k++) {
            check_near((double)s.guidance[k], k < s.steps - lists[i].low ? 7.0 : 3.0, 0.0,
                       lists[i].name, k);
        }
    }
}

static void check_free(int steps, double guidance, int want_steps, double want_guidance) {
    i4_schedule s;
    i4_schedule_make(i4_preset_find("V4_TURBO_12"), steps, guidance, 512, 512, &s);
    assert_int_equal(s.steps, want_steps);
    for (int k = 0; k < s.steps; k++) {
        check_near((double)s.guidance[k], want_guidance, 0.0, "guidance", k);
        assert_true(k == 0 || memcmp(&s.t[k], &s.s[k - 1], sizeof s.t[k]) == 0);
        assert_true(s.t[k] < s.s[k]);
    }
    check_near((double)s.t[0], 0.00012339458, 1e-9, "first time", steps);
    check_near((double)s.s[s.steps - 1], 0.999447227, 1e-7, "last time", steps);
}

static void schedule_given_steps_have_constant_guidance(void **state) {
    (void)state;
    check_free(5, -1.0, 5, 7.0);
    check_free(12, -1.0, 12, 7.0); /* the preset's own number, but given: no list */
    check_free(1, -1.0, 1, 7.0);
    check_free(30, 2.5, 30, 2.5);
    check_free(0, 4.0, 12, 4.0);
    check_free(0, 1.0, 12, 1.0);
    check_free(3, 0.0, 3, 0.0);
}

static void schedule_of_a_thousand_steps_is_monotonic(void **state) {
    (void)state;
    for (int p = 0; i4_preset_at(p) != NULL; p++) {
        static i4_schedule s;
        i4_schedule_make(i4_preset_at(p), I4_LIMIT_STEPS, -1.0, 2048, 256, &s);
        assert_int_equal(s.steps, I4_LIMIT_STEPS);
        for (int k = 0; k < s.steps; k++) {
            assert_true(s.t[k] <= s.s[k]); /* the ends are clipped, so steps there may be empty */
            assert_true(s.t[k] >= 0.000123394f && s.s[k] <= 0.99944723f);
        }
    }
}

/* With mean 0 and deviation 1 the time at u is 1/(1 + exp(q)), q the normal quantile of u. */
static void check_quantile(int index, int steps, double want) {
    const i4_preset plain = {"PLAIN", steps, 0.0, 1.0, 0};
    static i4_schedule s;
    i4_schedule_make(&plain, 0, -1.0, 512, 512, &s);
    const double t = (double)s.s[steps - 1 - index];
    check_near(log((1.0 - t) / t), want, 1e-5, "quantile", index);
    const double mirrored = (double)s.s[index - 1];
    check_near(log((1.0 - mirrored) / mirrored), -want, 1e-5, "mirrored quantile", index);
}

static void schedule_quantile_is_that_of_the_specification(void **state) {
    (void)state;
    check_quantile(1, 1000, -3.090232306167813);
    check_quantile(1, 12, -1.3829941271006387);
    check_quantile(1, 20, -1.6448536269514726);
    check_quantile(1, 4, -0.6744897501960817);
    check_quantile(250, 1000, -0.6744897501960817);
    check_quantile(1, 2, 0.0);
}

static void preset_names_are_trimmed_and_of_any_case(void **state) {
    (void)state;
    assert_string_equal(i4_preset_find(" v4_turbo_12\t\n")->name, "V4_TURBO_12");
    assert_string_equal(i4_preset_find("V4_Default_20")->name, "V4_DEFAULT_20");
    assert_ptr_equal(i4_preset_find("v4_quality_48"), i4_preset_at(0));
    assert_null(i4_preset_find("V4_TURBO"));
    assert_null(i4_preset_find("V4_TURBO_12x"));
    assert_null(i4_preset_find("V4 TURBO 12"));
    assert_null(i4_preset_find(""));
    assert_null(i4_preset_find(NULL));
    assert_null(i4_preset_at(-1));
    assert_null(i4_preset_at(3));
}

static void preset_numbers_are_those_of_the_specification(void **state) {
    (void)state;
    static const i4_preset want[] = {{"V4_QUALITY_48", 48, 0.0, 1.5, 3},
                                     {"V4_DEFAULT_20", 20, 0.0, 1.75, 2},
                                     {"V4_TURBO_12", 12, 0.5, 1.75, 1}};
    for (int i = 0; i < 3; i++) {
        const i4_preset *p = i4_preset_at(i);
        assert_string_equal(p->name, want[i].name);
        assert_int_equal(p->steps, want[i].steps);
        assert_int_equal(p->low_steps, want[i].low_steps);
        check_near(p->mu, want[i].mu, 0.0, "mu", i);
        check_near(p->std, want[i].std, 0.0, "std", i);
    }
}

/* --- rotation tables ---------------------------------------------------------------------- */

static const i4_dit_config full = {
    .heads = 18, .head_dim = 256, .width = 4608, .rope_theta = 5e6, .mrope = {24, 20, 20}};

typedef struct turned {
    int index;
    double cosine, sine;
} turned;

/* Image token y = 3, x = 5 behind 7 text tokens in a grid of 4 by 6. */
static void rope_image_token_is_that_of_the_specification(void **state) {
    (void)state;
    static const turned want[] = {
        {0, -0.721834779, 0.692065477},   {1, -0.604555666, -0.79656291},
        {2, 0.685158849, 0.728393674},    {3, 0.967092156, -0.25442633},
        {58, -0.759246051, -0.650803685}, {59, -0.990711808, -0.135978431},
        {60, -0.943683386, -0.330849946}, {127, 0.999890685, 0.0147852898},
    };
    enum { TEXT = 7, GH = 4, GW = 6 };
    static float table[(TEXT + GH * GW) * 256];
    i4_rope_dit(&full, TEXT, GH, GW, table);
    const float *row = table + (TEXT + 3 * GW + 5) * 256;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        check_near((double)row[want[i].index], want[i].cosine, 1e-6, "cosine", want[i].index);
        check_near((double)row[128 + want[i].index], want[i].sine, 1e-6, "sine", want[i].index);
    }
}

/* A frequency turns with H exactly where rows differ along y, and so on: "THW" 20 times, then T. */
static void rope_axes_are_interleaved_then_time(void **state) {
    (void)state;
    static float table[4 * 256]; /* no text, 2 by 2 */
    i4_rope_dit(&full, 0, 2, 2, table);
    const float *origin = table, *right = table + 256, *below = table + 512;
    for (int i = 0; i < 128; i++) {
        const bool is_w = memcmp(&origin[i], &right[i], sizeof(float)) != 0 ||
                          memcmp(&origin[128 + i], &right[128 + i], sizeof(float)) != 0;
        const bool is_h = memcmp(&origin[i], &below[i], sizeof(float)) != 0 ||
                          memcmp(&origin[128 + i], &below[128 + i], sizeof(float)) != 0;
        assert_int_equal(is_h, i < 60 && i % 3 == 1);
        assert_int_equal(is_w, i < 60 && i % 3 == 2);
    }
}

static void rope_text_rows_turn_with_their_index(void **state) {
    (void)state;
    static const struct {
        int index;
        double frequency;
    } want[] = {{0, 1.0},
                {1, 0.886470556},
                {63, 0.000504487834},
                {64, 0.000447213621},
                {127, 2.25613832e-07}};
    static float table[(3 + 1) * 256];
    i4_rope_dit(&full, 3, 1, 1, table);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        for (int t = 0; t < 3; t++) {
            const double angle = t * want[i].frequency;
            const float *row = table + t * 256;
            check_near((double)row[want[i].index], cos(angle), 2e-7, "cosine", want[i].index);
            check_near((double)row[128 + want[i].index], sin(angle), 2e-7 * angle, "sine",
                       want[i].index);
        }
    }
}

static void rope_text_tower_is_that_of_the_specification(void **state) {
    (void)state;
    static const struct {
        int index;
        double frequency;
    } want[] = {
        {0, 1.0}, {1, 0.785830021}, {2, 0.617528737}, {31, 0.000569097116}, {63, 2.54507967e-07}};
    enum { TOKENS = 40 };
    static float table[TOKENS * 128];
    i4_rope_text(TOKENS, 128, 5e6, table);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        for (int t = 0; t < TOKENS; t++) {
            /* the product is rounded to float32 before its cosine is taken */
            const double angle = (double)((float)t * (float)want[i].frequency);
            const float *row = table + t * 128;
            check_near((double)row[want[i].index], cos(angle), 1e-7, "cosine", want[i].index);
            check_near((double)row[64 + want[i].index], sin(angle), 1e-7, "sine", want[i].index);
        }
    }
}

/* --- time embedding ----------------------------------------------------------------------- */

typedef struct wave {
    int row, index;
    double sine, cosine;
} wave;

static void time_embedding_is_that_of_the_specification(void **state) {
    (void)state;
    static const float t[3] = {0.00012339458f, 0.5f, 0.77330929f};
    static const wave want[] = {
        {0, 0, 0.942568958, 0.334011644},      {0, 1, 0.940917492, 0.338635832},
        {0, 1000, 0.0225469638, 0.999745786},  {1, 0, -0.987966418, 0.154668406},
        {1, 1, -0.580303311, -0.814400434},    {1, 1000, -0.512446582, -0.85871911},
        {2, 0, -0.224191308, 0.974545181},     {2, 1, 0.314278185, 0.949330926},
        {2, 1000, -0.380629182, -0.924727738},
    };
    enum { WIDTH = 4608, HALF = WIDTH / 2 };
    float *table = malloc(sizeof(float) * WIDTH * 3);
    assert_non_null(table);
    i4_time_embedding(t, 3, WIDTH, table);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const float *row = table + want[i].row * WIDTH;
        check_near((double)row[want[i].index], want[i].sine, 1e-6, "sine", (int)i);
        check_near((double)row[HALF + want[i].index], want[i].cosine, 1e-6, "cosine", (int)i);
    }
    /* the divisor is HALF - 1: the last frequency is 1e-4, the last angle t itself */
    check_near((double)table[WIDTH + HALF - 1], sin(0.5), 1e-6, "last sine", 0);
    free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_seeded_is_that_of_mlx),
        cmocka_unit_test(noise_second_draw_is_that_of_mlx),
        cmocka_unit_test(noise_of_a_key_is_that_of_mlx),
        cmocka_unit_test(noise_bits_and_split_are_those_of_mlx),
        cmocka_unit_test(noise_follows_from_uniforms_of_mlx),
        cmocka_unit_test(noise_erfinv_is_that_of_mlx),
        cmocka_unit_test(noise_words_are_those_of_the_specification),
        cmocka_unit_test(noise_key_takes_both_halves_of_the_seed),
        cmocka_unit_test(noise_of_picture_sizes_is_that_of_the_specification),
        cmocka_unit_test(noise_extremes_are_finite),
        cmocka_unit_test(schedule_times_are_those_of_the_specification),
        cmocka_unit_test(schedule_times_rounded_for_the_transformer_are_exact),
        cmocka_unit_test(schedule_depends_on_the_area_only),
        cmocka_unit_test(schedule_guidance_is_low_in_the_last_steps),
        cmocka_unit_test(schedule_given_steps_have_constant_guidance),
        cmocka_unit_test(schedule_of_a_thousand_steps_is_monotonic),
        cmocka_unit_test(schedule_quantile_is_that_of_the_specification),
        cmocka_unit_test(preset_names_are_trimmed_and_of_any_case),
        cmocka_unit_test(preset_numbers_are_those_of_the_specification),
        cmocka_unit_test(rope_image_token_is_that_of_the_specification),
        cmocka_unit_test(rope_axes_are_interleaved_then_time),
        cmocka_unit_test(rope_text_rows_turn_with_their_index),
        cmocka_unit_test(rope_text_tower_is_that_of_the_specification),
        cmocka_unit_test(time_embedding_is_that_of_the_specification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
