/* Previews: like the picture at the last step, at rising steps, of the right size, without a trace
 * in the picture; with the model's own projection, one learnt from its decoder, or a damaged file;
 * stopped, paused, and without memory.
 *
 * The fit of models/demo/preview.safetensors used seeds from 1000 on, captions of examples/ and
 * made-up scenes with colours as #RRGGBB. Here the seeds are below 100, and the captions are plain
 * prompts and scenes that name their colours. */
#include "folder.h"
#include "golden_folder.h"
#include "made_file.h"

#include "ideogram4.h"
#include "pipeline/preview.h"

#include <math.h>

#define DEMO ID4_SOURCE_DIR "/models/demo"

enum { STRIDE = 17 }; /* calls of an observer, between those that stop */
enum { RECORDED_MAX = 64, SIDE_MAX = 256, TURBO_STEPS = 12, BOX = 4 };
/* Correlation with the picture: of the demo model's own projection, and of one that is learnt from
 * patches, which does less well with thin letters on white. */
static const double least = 0.9, least_learnt = 0.8;

/* What a callback was given, and what it shall do. */
typedef struct record {
    int count;
    int step[RECORDED_MAX], width[RECORDED_MAX], height[RECORDED_MAX], step_count;
    double at[RECORDED_MAX];
    uint8_t last[SIDE_MAX * SIDE_MAX * 3];
    id4_engine *engine;
    int cancel_at; /* step, 0: none */
} record;

static folder temp;
static int warnings;

static void count_warning(id4_log_level level, const char *line, void *user) {
    (void)user;
    warnings += level == ID4_LOG_WARN && strstr(line, "projection") != NULL;
}

static void on_preview(const id4_preview *p, void *user) {
    record *r = user;
    assert_true(r->count < RECORDED_MAX);
    assert_true(p->width <= SIDE_MAX && p->height <= SIDE_MAX);
    r->step[r->count] = p->step;
    r->width[r->count] = p->width;
    r->height[r->count] = p->height;
    r->at[r->count++] = i4_seconds();
    r->step_count = p->step_count;
    memcpy(r->last, p->rgb, (size_t)p->width * (size_t)p->height * 3);
    if (p->step == r->cancel_at) {
        id4_engine_cancel(r->engine);
    }
}

/* --- drawing -------------------------------------------------------------------------------- */

static id4_model *open_model(const char *path) {
    id4_model_options options;
    id4_model *model = NULL;
    id4_error err = {0};
    id4_model_options_init(&options);
    options.threads = 2;
    if (id4_model_open(path, &options, NULL, &model, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    return model;
}

static id4_engine *new_engine(id4_model *model, record *r, double pause) {
    id4_engine_options options;
    id4_engine *engine = NULL;
    id4_engine_options_init(&options);
    options.preview = r != NULL ? on_preview : NULL;
    options.preview_user = r;
    options.preview_seconds = pause;
    assert_int_equal(id4_engine_new(model, &options, &engine, NULL), ID4_OK);
    if (r != NULL) {
        r->engine = engine;
    }
    return engine;
}

typedef struct job {
    const char *caption;
    int width, height, steps; /* steps 0: the preset's */
    uint64_t seed;
} job;

static id4_status draw(id4_engine *engine, const job *j, id4_image **image, id4_error *err) {
    id4_request request;
    id4_request_init(&request);
    request.caption = j->caption;
    request.width = j->width;
    request.height = j->height;
    request.seed = j->seed;
    request.preset = "V4_TURBO_12";
    request.steps = j->steps;
    return id4_generate(engine, &request, NULL, image, NULL, err);
}

static id4_image *drawn(id4_engine *engine, const job *j) {
    id4_image *image = NULL;
    id4_error err = {0};
    if (draw(engine, j, &image, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    return image;
}

static void check_same(const id4_image *a, const id4_image *b) {
    assert_int_equal(id4_image_width(a), id4_image_width(b));
    assert_int_equal(id4_image_height(a), id4_image_height(b));
    assert_memory_equal(id4_image_pixels(a), id4_image_pixels(b),
                        (size_t)id4_image_width(a) * (size_t)id4_image_height(a) * 3);
}

/* --- likeness ------------------------------------------------------------------------------- */

static double box_mean(const uint8_t *rgb, int width, int x, int y, int box, int c) {
    double sum = 0;
    for (int i = 0; i < box * box; i++) {
        sum += rgb[((y * box + i / box) * width + x * box + i % box) * 3 + c];
    }
    return sum / (box * box);
}

/* contrast: standard deviation of the picture's values. */
typedef struct likeness {
    double correlation, difference, contrast;
} likeness;

/* Of a preview with the picture brought down to its size. */
static likeness likeness_of(const uint8_t *preview, int width, int height, const id4_image *image) {
    const int box = id4_image_width(image) / width;
    double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < width * height * 3; i++) {
        const double a = preview[i], b = box_mean(id4_image_pixels(image), id4_image_width(image),
                                                  i / 3 % width, i / 3 / width, box, i % 3);
        n += 1, x += a, y += b, xx += a * a, yy += b * b, xy += a * b;
    }
    return (likeness){(xy - x * y / n) / sqrt((xx - x * x / n) * (yy - y * y / n)),
                      sqrt((xx - 2 * xy + yy) / n), sqrt((yy - y * y / n) / n)};
}

static double check_likeness(const record *r, const id4_image *image, const char *what,
                             double bound) {
    const int last = r->count - 1;
    assert_true(last >= 0);
    assert_int_equal(r->step[last], r->step_count);
    const double c = likeness_of(r->last, r->width[last], r->height[last], image).correlation;
    printf("%.4f %s\n", c, what);
    if (!(c >= bound)) {
        fail_msg("%s: correlation %g", what, c);
    }
    return c;
}

#define SCENE(ground, box, shape)                                                              \
    "{\"high_level_description\":\"" shape " on " ground                                       \
    "\",\"style_description\":{\"medium\":\"graphic_design\"},"                                \
    "\"compositional_deconstruction\":{\"background\":\"" ground "\",\"elements\":[{\"type\":" \
    "\"obj\",\"bbox\":" box ",\"desc\":\"" shape "\"}]}}"

static const job unseen[] = {
    {"a red circle on a white background", 256, 256, 0, 1},
    {"a yellow triangle on a black background", 256, 256, 0, 2},
    {"a purple heart on a light gray background", 256, 256, 0, 3},
    {"three green squares on an orange background", 256, 256, 0, 4},
    {"the word HELLO in blue letters on white", 256, 256, 0, 5},
    {SCENE("plain navy", "[200,300,800,900]", "a white star"), 256, 256, 0, 6},
    {SCENE("plain pink", "[100,100,500,500]", "a brown hexagon"), 256, 256, 0, 7},
    {SCENE("blue and white stripes", "[250,250,750,750]", "a red diamond"), 256, 256, 0, 8},
    {SCENE("a radial gradient from yellow to red", "[300,100,900,600]", "a black ring"), 256, 256,
     0, 9},
    {SCENE("plain teal", "[150,300,850,700]", "an orange arrow"), 256, 256, 0, 10},
    {SCENE("plain cream", "[200,100,800,500]", "a green cross"), 384, 256, 0, 11},
    {"a blue crescent on a yellow background", 256, 384, 0, 12},
    {SCENE("plain black", "[250,250,750,750]", "a yellow pentagon"), 512, 512, 0, 13},
    {"the word OPEN in white letters on black", 256, 256, 0, 14},
    {"a green arrow and a pink heart on a white background", 256, 256, 0, 15},
    {"a white hexagon on a brown background", 256, 256, 0, 16},
    {"four red circles on a teal background", 256, 256, 0, 17},
    {SCENE("green polka dots on white", "[300,300,700,700]", "a navy heart"), 256, 256, 0, 18},
    {SCENE("plain red", "[350,350,650,650]", "a small white star"), 256, 256, 0, 19},
    {SCENE("a black and white checkered pattern", "[200,200,800,800]", "a pink circle"), 256, 256,
     0, 20},
    {"an orange triangle and a green ring on a purple background", 384, 384, 0, 21},
    {SCENE("plain beige", "[100,100,900,900]", "a maroon octagon"), 384, 384, 0, 22},
    {"the word SALE in red letters on yellow", 384, 384, 0, 23},
    {SCENE("a gradient from blue to white", "[400,200,900,800]", "a gold star"), 512, 512, 0, 24},
    {"two black squares on a cyan background", 512, 512, 0, 25},
    {"the word LIVE in green letters on white", 256, 512, 0, 26},
    {"a plain blue background", 512, 512, 0, 32},
    {SCENE("plain red", "[350,350,650,650]", "a small red star"), 256, 256, 0, 33},
};

/* Pictures of hardly more than one colour: what little changes in them is the decoder's grain. */
static const job flat[] = {
    {"a gray circle on a gray background", 256, 256, 0, 30},
    {"a white square on a white background", 384, 384, 0, 31},
};

/* Every step has one, each has the right size, the last one is like the picture. */
static void preview_of_the_last_step_is_like_the_picture(void **state) {
    (void)state;
    id4_model *model = open_model(DEMO);
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        const job *j = &unseen[i];
        static record r;
        r = (record){0};
        id4_engine *engine = new_engine(model, &r, 0);
        id4_image *image = drawn(engine, j);
        assert_int_equal(r.count, TURBO_STEPS);
        assert_int_equal(r.step_count, TURBO_STEPS);
        for (int k = 0; k < r.count; k++) {
            assert_int_equal(r.step[k], k + 1);
            assert_int_equal(r.width[k], j->width / BOX);
            assert_int_equal(r.height[k], j->height / BOX);
        }
        check_likeness(&r, image, j->caption, least);
        id4_image_free(image);
        id4_engine_free(engine);
    }
    id4_model_close(model);
}

/* Correlation with next to nothing says nothing: the values themselves are near, within a sixteenth
 * of their range. */
static void preview_of_a_flat_picture_has_its_colour(void **state) {
    (void)state;
    id4_model *model = open_model(DEMO);
    for (size_t i = 0; i < sizeof flat / sizeof *flat; i++) {
        static record r;
        r = (record){0};
        id4_engine *engine = new_engine(model, &r, 3600);
        id4_image *image = drawn(engine, &flat[i]);
        const int last = r.count - 1;
        const likeness is = likeness_of(r.last, r.width[last], r.height[last], image);
        printf("difference %.2f, contrast %.2f, correlation %.4f %s\n", is.difference, is.contrast,
               is.correlation, flat[i].caption);
        assert_true(is.difference < 16);
        id4_image_free(image);
        id4_engine_free(engine);
    }
    id4_model_close(model);
}

static void preview_leaves_no_trace_in_the_picture(void **state) {
    (void)state;
    id4_model *model = open_model(DEMO);
    for (int i = 0; i < 2; i++) {
        const job j = {unseen[i].caption, i == 0 ? 256 : 384, 256, 3 + i, 21};
        static record r;
        r = (record){0};
        id4_engine *with = new_engine(model, &r, 0), *without = new_engine(model, NULL, 0);
        id4_image *a = drawn(with, &j), *b = drawn(without, &j);
        assert_int_equal(r.count, j.steps);
        check_same(a, b);
        id4_image_free(a);
        id4_image_free(b);
        id4_engine_free(with);
        id4_engine_free(without);
    }
    id4_model_close(model);
}

/* An engine whose options end before previews has none. */
static void preview_is_unknown_to_an_older_caller(void **state) {
    (void)state;
    static record r;
    r = (record){0};
    id4_model *model = open_model(DEMO);
    id4_engine_options options;
    id4_engine_options_init(&options);
    options.struct_size = offsetof(id4_engine_options, preview);
    options.preview = on_preview;
    options.preview_user = &r;
    options.preview_seconds = -1;
    id4_engine *engine = NULL;
    assert_int_equal(id4_engine_new(model, &options, &engine, NULL), ID4_OK);
    id4_image_free(drawn(engine, &(job){unseen[0].caption, 256, 256, 1, 1}));
    assert_int_equal(r.count, 0);
    id4_engine_free(engine);
    id4_model_close(model);
}

/* --- stopping and pausing ------------------------------------------------------------------- */

static void preview_may_cancel_its_picture(void **state) {
    (void)state;
    static record r;
    const job j = {unseen[0].caption, 256, 256, 4, 5};
    id4_model *model = open_model(DEMO);
    r = (record){0};
    id4_engine *engine = new_engine(model, &r, 0);
    id4_image *expected = drawn(engine, &j);
    for (int at = 1; at <= j.steps; at++) {
        id4_image *image = NULL;
        id4_error err = {0};
        r.count = 0;
        r.cancel_at = at;
        assert_int_equal(draw(engine, &j, &image, &err), ID4_CANCELLED);
        assert_null(image);
        assert_int_equal(r.count, at);
        r.count = r.cancel_at = 0;
        image = drawn(engine, &j);
        assert_int_equal(r.count, j.steps);
        check_same(image, expected);
        id4_image_free(image);
    }
    id4_image_free(expected);
    id4_engine_free(engine);
    id4_model_close(model);
}

/* With an endless pause there are the first and the last; with a short one never two closer than
 * that, but for the last. */
static void preview_waits_for_its_pause(void **state) {
    (void)state;
    static record r;
    const double pauses[] = {3600, (double)INFINITY, 0.05};
    id4_model *model = open_model(DEMO);
    for (int i = 0; i < 3; i++) {
        const job j = {unseen[1].caption, 256, 256, 6, 5};
        r = (record){0};
        id4_engine *engine = new_engine(model, &r, pauses[i]);
        id4_image_free(drawn(engine, &j));
        assert_true(r.count >= 2);
        assert_int_equal(r.step[0], 1);
        assert_int_equal(r.step[r.count - 1], j.steps);
        for (int k = 1; k < r.count; k++) {
            assert_true(r.step[k] > r.step[k - 1]);
            assert_true(k == r.count - 1 || r.at[k] - r.at[k - 1] >= pauses[i]);
        }
        id4_engine_free(engine);
    }
    id4_model_close(model);
}

static void preview_with_an_impossible_pause_is_refused(void **state) {
    (void)state;
    const double pauses[] = {-1, (double)NAN};
    id4_model *model = open_model(DEMO);
    for (int i = 0; i < 2; i++) {
        id4_engine_options options;
        id4_engine *engine = NULL;
        id4_error err = {0};
        id4_engine_options_init(&options);
        options.preview = on_preview;
        options.preview_seconds = pauses[i];
        assert_int_equal(id4_engine_new(model, &options, &engine, &err), ID4_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, "preview_seconds"));
        assert_null(engine);
    }
    id4_model_close(model);
}

/* --- models without a projection, or with a bad one ----------------------------------------- */

/* The demo model by links, without its projection. */
static const char *copy_demo(const char *name) {
    static char path[1024];
    char **names = NULL, from[1024], to[1024];
    size_t count = 0;
    folder_sub(&temp, name);
    snprintf(path, sizeof path, "%s", folder_at(&temp, name));
    assert_true(i4_dir_list(DEMO, 100, &names, &count, NULL));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], "preview.safetensors") != 0) {
            snprintf(from, sizeof from, "%s/%s", DEMO, names[i]);
            snprintf(to, sizeof to, "%s/%s", name, names[i]);
            folder_link(&temp, to, from);
        }
    }
    i4_dir_list_free(names, count);
    return path;
}

/* From the first picture on, and then the model has it. */
static void preview_is_learnt_from_the_decoder(void **state) {
    (void)state;
    static record r;
    double sum = 0;
    id4_model *model = open_model(copy_demo("bare"));
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        r = (record){0};
        id4_engine *engine = new_engine(model, &r, i == 0 ? 0 : 3600);
        id4_image *image = drawn(engine, &unseen[i]);
        assert_int_equal(r.count, i == 0 ? TURBO_STEPS : 2);
        sum += check_likeness(&r, image, "learnt", least_learnt);
        id4_image_free(image);
        id4_engine_free(engine);
    }
    assert_true(sum / (sizeof unseen / sizeof *unseen) >= least);
    id4_model_close(model);
}

typedef enum damage { NO_TENSOR, OTHER_SHAPE, OTHER_TYPE, NOT_A_NUMBER, ENDLESS, DAMAGES } damage;

static void write_damaged(const char *path, damage kind) {
    static made_file m;
    static float value[129 * I4_PREVIEW_VALUES];
    memset(value, 0, sizeof value);
    value[77] = kind == NOT_A_NUMBER ? NAN : kind == ENDLESS ? INFINITY : 1.0f;
    m.count = 0;
    made_matrix(&m, kind == NO_TENSOR ? "other" : "projection",
                kind == OTHER_TYPE ? I4_ST_BF16 : I4_ST_F32, kind == OTHER_SHAPE ? 128 : 129,
                I4_PREVIEW_VALUES, value);
    made_write(&m, path);
}

/* A warning, the picture as ever, and what a model without a file has. */
static void check_damaged(const char *root, const id4_image *expected) {
    static record r;
    r = (record){0};
    warnings = 0;
    id4_model *model = open_model(root);
    assert_int_equal(warnings, 1);
    id4_engine *engine = new_engine(model, &r, 0);
    id4_image *image = drawn(engine, &(job){unseen[0].caption, 256, 256, 2, 3});
    assert_int_equal(r.count, 2);
    check_same(image, expected);
    id4_image_free(image);
    id4_engine_free(engine);
    id4_model_close(model);
}

static void preview_file_that_is_damaged_is_not_used(void **state) {
    (void)state;
    char root[1024], path[1100];
    snprintf(root, sizeof root, "%s", copy_demo("damaged"));
    snprintf(path, sizeof path, "%s/preview.safetensors", root);
    id4_model *model = open_model(DEMO);
    id4_engine *engine = new_engine(model, NULL, 0);
    id4_image *expected = drawn(engine, &(job){unseen[0].caption, 256, 256, 2, 3});
    id4_engine_free(engine);
    id4_model_close(model);
    for (int kind = 0; kind < DAMAGES; kind++) {
        write_damaged(path, (damage)kind);
        check_damaged(root, expected);
    }
    folder_write(&temp, "damaged/preview.safetensors", "");
    check_damaged(root, expected);
    folder_write(&temp, "damaged/preview.safetensors", "\x08\0\0\0\0\0\0\0{\"proje");
    check_damaged(root, expected);
    assert_int_equal(remove(path), 0);
    folder_sub(&temp, "damaged/preview.safetensors");
    check_damaged(root, expected);
    id4_image_free(expected);
}

/* --- memory --------------------------------------------------------------------------------- */

typedef struct trap {
    long countdown;
    bool hit;
} trap;

static bool trap_fn(i4_fault_kind kind, size_t bytes, void *user) {
    trap *t = user;
    (void)kind;
    (void)bytes;
    const bool now = t->countdown-- == 0;
    t->hit = t->hit || now;
    return now;
}

/* A small model with random weights, with a projection of zeros or without. */
static void make_tiny(char root[GOLDEN_PATH], bool with) {
    static made_file m;
    char path[GOLDEN_PATH + 32];
    assert_true(golden_root(ID4_SOURCE_DIR "/tests/golden/tiny-a", "mlx-q8", root));
    if (with) {
        m.count = 0;
        made_matrix(&m, "projection", I4_ST_F32, 129, I4_PREVIEW_VALUES, NULL);
        snprintf(path, sizeof path, "%s/preview.safetensors", root);
        made_write(&m, path);
    }
}

/* Each call in turn fails: the picture is there, with all previews or none of them, or there is an
 * error that has nothing to do with previews. Returns how often only the previews were missing. */
static int count_spared(bool with) {
    static record r;
    static const job j = {"a red circle", 256, 256, 2, 42};
    char root[GOLDEN_PATH];
    int spared = 0;
    make_tiny(root, with);
    id4_model *model = open_model(root);
    id4_engine *engine = new_engine(model, NULL, 0);
    id4_image *expected = drawn(engine, &j);
    id4_engine_free(engine);
    long n = 0;
    for (trap t = {.hit = true}; t.hit; n++) {
        id4_image *image = NULL;
        id4_error err = {0};
        r = (record){0};
        if (!with) { /* anew: it would keep what it has learnt */
            id4_model_close(model);
            model = open_model(root);
        }
        engine = new_engine(model, &r, 0);
        t = (trap){.countdown = n};
        i4_fault_set(trap_fn, &t);
        const id4_status status = draw(engine, &j, &image, &err);
        i4_fault_set(NULL, NULL);
        if (status == ID4_OK) {
            check_same(image, expected);
            assert_true(r.count == j.steps || r.count == 0);
            spared += r.count == 0;
        } else if (status != ID4_OUT_OF_MEMORY || strstr(err.text, "preview") != NULL) {
            fail_msg("call %ld: %s", n, err.text);
        }
        id4_image_free(image);
        id4_engine_free(engine);
    }
    id4_image_free(expected);
    id4_model_close(model);
    golden_root_remove(root);
    return spared;
}

static void preview_without_memory_does_not_fail_the_picture(void **state) {
    (void)state;
    assert_int_equal(count_spared(true), 1);   /* the memory of one picture's previews */
    assert_true(count_spared(false) >= 1 + 6); /* and what learning takes */
}

typedef struct stop {
    int calls, at;
} stop;

static int stop_at(const id4_progress *p, void *user) {
    stop *s = user;
    (void)p;
    return s->calls++ == s->at;
}

/* The observer stops it once, wherever that is: while the projection is learnt as well. */
static void preview_learning_may_be_cancelled(void **state) {
    (void)state;
    static record r;
    char root[GOLDEN_PATH];
    bool was_stopped = true;
    make_tiny(root, false);
    for (int at = 0; was_stopped; at += STRIDE) {
        stop s = {0, at};
        const id4_observer observer = {stop_at, &s};
        id4_request request;
        id4_image *image = NULL;
        id4_error err = {0};
        r = (record){0};
        id4_model *model = open_model(root);
        id4_engine *engine = new_engine(model, &r, 0);
        id4_request_init(&request);
        request.caption = "a red circle";
        request.width = request.height = 256;
        request.steps = 1;
        const id4_status status = id4_generate(engine, &request, &observer, &image, NULL, &err);
        was_stopped = s.calls > at;
        assert_int_equal(status, was_stopped ? ID4_CANCELLED : ID4_OK);
        assert_true((image == NULL) == was_stopped);
        id4_image_free(image);
        id4_engine_free(engine);
        id4_model_close(model);
    }
    golden_root_remove(root);
}

static int set_up(void **state) {
    (void)state;
    id4_set_log(ID4_LOG_WARN, count_warning, NULL);
    folder_make(&temp, "preview");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    folder_remove(&temp);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preview_of_the_last_step_is_like_the_picture),
        cmocka_unit_test(preview_of_a_flat_picture_has_its_colour),
        cmocka_unit_test(preview_leaves_no_trace_in_the_picture),
        cmocka_unit_test(preview_is_unknown_to_an_older_caller),
        cmocka_unit_test(preview_may_cancel_its_picture),
        cmocka_unit_test(preview_waits_for_its_pause),
        cmocka_unit_test(preview_with_an_impossible_pause_is_refused),
        cmocka_unit_test(preview_is_learnt_from_the_decoder),
        cmocka_unit_test(preview_file_that_is_damaged_is_not_used),
        cmocka_unit_test(preview_without_memory_does_not_fail_the_picture),
        cmocka_unit_test(preview_learning_may_be_cancelled),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
