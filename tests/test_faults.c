/* Every allocation and every call of the operating system fails once, from the opening of a model
 * to the file of a picture: each failure is an ordinary error with a sentence, nothing leaks (the
 * sanitizers watch) and the next picture is the same as ever. */
#include "folder.h"
#include "golden_folder.h"

#include "ideogram4.h"

#include <stdlib.h>

enum { SIDE = 256, PIXEL_BYTES = SIDE * SIDE * 3 };

static const char caption[] =
    "{\"high_level_description\":\"a red circle\",\"style_description\":{\"medium\":\"graphic\"},"
    "\"compositional_deconstruction\":{\"background\":\"white\",\"elements\":[]}}";

typedef struct world {
    char root[GOLDEN_PATH];
    folder out;
    id4_model *model;
    id4_engine *engine;
    id4_adapter *adapter;
    id4_image *image;
    uint8_t *expected; /* pixels of the undisturbed picture */
} world;

/* --- one call in a row of calls fails ------------------------------------------------------- */

typedef struct trap {
    long countdown;
    bool hit, optional; /* optional: the library may go on without what failed */
} trap;

static bool trap_fn(i4_fault_kind kind, size_t bytes, void *user) {
    trap *t = user;
    (void)bytes;
    if (t->countdown-- != 0) {
        return false;
    }
    t->hit = true;
    t->optional = kind == I4_FAULT_THREAD;
    return true;
}

typedef id4_status (*work_fn)(world *w, id4_error *err);
typedef void (*after_fn)(world *w, bool good);

static void check_one(const trap *t, long index, id4_status status, const id4_error *err) {
    if (status == ID4_OK) {
        if (!t->optional) {
            fail_msg("call %ld failed and nobody noticed", index);
        }
        return;
    }
    if (status != ID4_OUT_OF_MEMORY && status != ID4_IO) {
        fail_msg("call %ld: %s, '%s'", index, id4_status_name(status), err->text);
    }
    if (err->status != status || err->text[0] == '\0' || strchr(err->text, '\n') != NULL) {
        fail_msg("call %ld: status %d, error %d '%s'", index, status, err->status, err->text);
    }
}

/* Runs work with call number 0, 1, 2, … failing, until all calls of a run went well. */
static void each_call_fails(const char *name, world *w, work_fn before, work_fn work,
                            after_fn after) {
    for (long n = 0;; n++) {
        trap t = {.countdown = n};
        id4_error err = {0};
        if (before != NULL) {
            assert_int_equal(before(w, &err), ID4_OK);
        }
        i4_fault_set(trap_fn, &t);
        const id4_status status = work(w, &err);
        i4_fault_set(NULL, NULL);
        after(w, status == ID4_OK);
        if (!t.hit) {
            assert_int_equal(status, ID4_OK);
            print_message("%s: %ld calls failed in turn\n", name, n);
            assert_true(n > 0);
            return;
        }
        check_one(&t, n, status, &err);
    }
}

/* --- what is done --------------------------------------------------------------------------- */

static id4_status open_model(world *w, id4_error *err) {
    id4_model_options options;
    id4_model_options_init(&options);
    options.backend = "cpu";
    options.isa = "auto";
    options.threads = 2;
    return id4_model_open(w->root, &options, NULL, &w->model, err);
}

static id4_status new_engine(world *w, id4_error *err) {
    return id4_engine_new(w->model, NULL, &w->engine, err);
}

static id4_status open_adapter(world *w, id4_error *err) {
    return id4_adapter_open(w->model, ID4_SOURCE_DIR "/tests/golden/tiny-a/lora.safetensors",
                            &w->adapter, err);
}

static id4_status set_adapter(world *w, id4_error *err) {
    const id4_adapter_use use = {w->adapter, 0.75};
    return id4_engine_set_adapters(w->engine, &use, 1, err);
}

static id4_status draw(world *w, id4_error *err) {
    id4_request request;
    id4_request_init(&request);
    request.caption = caption;
    request.width = request.height = SIDE;
    request.seed = 42;
    request.steps = 1;
    return id4_generate(w->engine, &request, NULL, &w->image, NULL, err);
}

static id4_status make_engine(world *w, id4_error *err) {
    id4_status status = new_engine(w, err);
    return status != ID4_OK ? status : set_adapter(w, err);
}

static id4_status open_all(world *w, id4_error *err) {
    id4_status status = open_model(w, err);
    status = status != ID4_OK ? status : new_engine(w, err);
    status = status != ID4_OK ? status : open_adapter(w, err);
    return status != ID4_OK ? status : set_adapter(w, err);
}

static void close_all(world *w, bool good) {
    /* what failed left its handle alone */
    assert_true(!good || (w->engine != NULL && w->adapter != NULL));
    id4_engine_free(w->engine);
    assert_int_equal(id4_adapter_close(w->adapter), ID4_OK);
    assert_int_equal(id4_model_close(w->model), ID4_OK);
    w->engine = NULL;
    w->adapter = NULL;
    w->model = NULL;
}

static void drop_image(world *w) {
    id4_image_free(w->image);
    w->image = NULL;
}

static void check_picture(const world *w) {
    assert_non_null(w->image);
    assert_int_equal(id4_image_width(w->image), SIDE);
    assert_int_equal(id4_image_height(w->image), SIDE);
    assert_memory_equal(id4_image_pixels(w->image), w->expected, PIXEL_BYTES);
}

/* The engine that failed draws the picture that it always drew. */
static void draw_again(world *w, bool good) {
    if (good) {
        check_picture(w);
    } else {
        assert_null(w->image);
    }
    drop_image(w);
    assert_int_equal(draw(w, NULL), ID4_OK);
    check_picture(w);
    drop_image(w);
    id4_engine_free(w->engine);
    w->engine = NULL;
}

/* --- cases ---------------------------------------------------------------------------------- */

static int set_up(void **state) {
    static world w;
    memset(&w, 0, sizeof w);
    json_set_alloc_funcs(i4_malloc, i4_free);
    assert_true(golden_root(ID4_SOURCE_DIR "/tests/golden/tiny-a", "mlx-q8", w.root));
    folder_make(&w.out, "faults");
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    free(w->expected);
    folder_remove(&w->out);
    golden_root_remove(w->root);
    return 0;
}

static void faults_while_opening_are_reported(void **state) {
    each_call_fails("model, engine, adapter", *state, NULL, open_all, close_all);
}

static void faults_while_drawing_are_reported(void **state) {
    world *w = *state;
    assert_int_equal(open_model(w, NULL), ID4_OK);
    assert_int_equal(open_adapter(w, NULL), ID4_OK);
    assert_int_equal(make_engine(w, NULL), ID4_OK);
    assert_int_equal(draw(w, NULL), ID4_OK);
    w->expected = malloc(PIXEL_BYTES);
    assert_non_null(w->expected);
    memcpy(w->expected, id4_image_pixels(w->image), PIXEL_BYTES);
    drop_image(w);
    id4_engine_free(w->engine);
    w->engine = NULL;
    each_call_fails("picture", w, make_engine, draw, draw_again);
    assert_int_equal(make_engine(w, NULL), ID4_OK);
    close_all(w, true);
}

/* A picture as a file, with its recipe, and both back again. */
static id4_status save_and_read(world *w, id4_error *err) {
    static const id4_pair pairs[] = {{"ideogram4", "{\"version\":1,\"caption\":\"k\xc3\xa4se\"}"},
                                     {"Title", "a red circle"}};
    static const id4_image_format formats[] = {ID4_PNG, ID4_WEBP, ID4_JPEG};
    id4_status status = ID4_OK;
    for (int i = 0; i < 3 && status == ID4_OK; i++) {
        id4_bytes bytes = {NULL, 0}, recipe = {NULL, 0};
        id4_image *back = NULL;
        status = id4_image_encode(w->image, formats[i], 90, pairs, 2, &bytes, err);
        status = status != ID4_OK ? status : id4_recipe_read(bytes.data, bytes.size, &recipe, err);
        status = status != ID4_OK ? status : id4_image_decode(bytes.data, bytes.size, &back, err);
        id4_image_free(back);
        id4_bytes_free(&recipe);
        id4_bytes_free(&bytes);
    }
    return status != ID4_OK ? status
                            : id4_image_save(w->image, folder_at(&w->out, "picture.png"), ID4_PNG,
                                             0, pairs, 2, err);
}

static void only_whole_pictures_are_left(world *w, bool good) {
    char **names = NULL;
    size_t count = 0;
    assert_true(i4_dir_list(w->out.path, 10, &names, &count, NULL));
    assert_int_equal(count, good ? 1 : 0);
    i4_dir_list_free(names, count);
    remove(folder_at(&w->out, "picture.png"));
}

static void faults_while_writing_pictures_are_reported(void **state) {
    world *w = *state;
    assert_non_null(w->expected);
    assert_int_equal(id4_image_new(SIDE, SIDE, w->expected, &w->image, NULL), ID4_OK);
    each_call_fails("three files of a picture", w, NULL, save_and_read,
                    only_whole_pictures_are_left);
    drop_image(w);
}

/* Recipe, findings, prompt, tokens, estimate: what a service asks beside the picture. */
static id4_status ask(world *w, id4_error *err) {
    static const id4_recipe_lora lora = {"style.safetensors", 0.5};
    id4_request request;
    id4_estimate estimate;
    id4_findings *findings = NULL;
    id4_bytes json = {NULL, 0}, prompt = {NULL, 0}, ids = {NULL, 0}, token = {NULL, 0};
    size_t count = 0;
    id4_request_init(&request);
    id4_estimate_init(&estimate);
    request.caption = caption;
    request.width = request.height = SIDE;
    const size_t size = strlen(caption);
    id4_status status = id4_recipe_make(w->model, &request, &lora, 1, &json, err);
    for (int whole = 0; whole < 2 && status == ID4_OK; whole++) {
        status = id4_caption_check("[1, 2", 5, whole, &findings, err);
        id4_findings_free(findings);
        findings = NULL;
        status = status != ID4_OK ? status : id4_caption_check(caption, size, whole, &findings, err);
        id4_findings_free(findings);
        findings = NULL;
    }
    status = status != ID4_OK ? status : id4_caption_prompt(caption, size, &prompt, err);
    status = status != ID4_OK ? status
                              : id4_tokenize(w->model, caption, size, 1, &ids, &count, err);
    status = status != ID4_OK ? status : id4_token_text(w->model, 65, &token, err);
    status = status != ID4_OK ? status : id4_model_estimate(w->model, &request, 0, &estimate, err);
    id4_bytes_free(&json);
    id4_bytes_free(&prompt);
    id4_bytes_free(&ids);
    id4_bytes_free(&token);
    return status;
}

static void nothing_more(world *w, bool good) {
    (void)w;
    (void)good;
}

static void faults_while_asking_are_reported(void **state) {
    world *w = *state;
    assert_int_equal(open_model(w, NULL), ID4_OK);
    each_call_fails("recipe, caption, tokens, estimate", w, NULL, ask, nothing_more);
    assert_int_equal(id4_model_close(w->model), ID4_OK);
    w->model = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_while_opening_are_reported),
        cmocka_unit_test(faults_while_drawing_are_reported),
        cmocka_unit_test(faults_while_writing_pictures_are_reported),
        cmocka_unit_test(faults_while_asking_are_reported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
