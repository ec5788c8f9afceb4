/* Every allocation and every call of the operating system fails once, from the opening of a model
 * to the file of a picture. Each failure is an ordinary error with a sentence, or it makes no
 * difference (a worker thread less, a folder that cannot be synced); nothing leaks (the sanitizers
 * watch) and the next picture is the same as ever. */
#include "folder.h"
#include "golden_folder.h"

#include "base/limits.h"
#include "ideogram4.h"

#include <stdlib.h>

enum { SIDE = 256, PIXEL_BYTES = SIDE * SIDE * 3, ANSWER_BYTES = 16384 };

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
    char answer[ANSWER_BYTES], expected_answer[ANSWER_BYTES];
} world;

/* --- one call in a row of calls fails ------------------------------------------------------- */

typedef struct trap {
    long countdown;
    bool hit, in_json;
} trap;

static bool in_json; /* jansson is allocating */

static bool trap_fn(i4_fault_kind kind, size_t bytes, void *user) {
    trap *t = user;
    (void)kind;
    (void)bytes;
    if (t->countdown-- != 0) {
        return false;
    }
    t->hit = true;
    t->in_json = in_json;
    return true;
}

/* jansson's memory comes from where the library's does, so that it fails as well. */
static void *json_alloc(size_t size) {
    in_json = true;
    void *block = i4_malloc(size);
    in_json = false;
    return block;
}

typedef id4_status (*work_fn)(world *w, id4_error *err);
/* Proves the results if all seems well, else that there are none; gives everything back. */
typedef void (*after_fn)(world *w, bool good, bool hit);

static void check_error(const trap *t, long index, id4_status status, const id4_error *err) {
    /* jansson calls a text malformed when it has no memory to read it, or even loses a byte of a
     * long string and goes on: then the text is not what it should be */
    const bool excused = t->in_json && (status == ID4_FORMAT || status == ID4_UNSUPPORTED);
    if (status != ID4_OUT_OF_MEMORY && status != ID4_IO && !excused) {
        fail_msg("call %ld: %s, '%s'", index, id4_status_name(status), err->text);
    }
    if (err->status != status || err->text[0] == '\0' || strchr(err->text, '\n') != NULL) {
        fail_msg("call %ld: status %d, error %d '%s'", index, status, err->status, err->text);
    }
}

/* Runs work with call number 0, 1, 2, … failing, until a run has no call left to fail. */
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
        if (status != ID4_OK) {
            check_error(&t, n, status, &err);
        }
        after(w, status == ID4_OK, t.hit);
        if (!t.hit) {
            assert_int_equal(status, ID4_OK);
            print_message("%s: %ld calls failed in turn\n", name, n);
            assert_true(n > 0);
            return;
        }
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

static void close_all(world *w) {
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

static void drop_engine(world *w) {
    id4_engine_free(w->engine);
    w->engine = NULL;
}

static void check_picture(const world *w) {
    assert_non_null(w->image);
    assert_int_equal(id4_image_width(w->image), SIDE);
    assert_int_equal(id4_image_height(w->image), SIDE);
    assert_memory_equal(id4_image_pixels(w->image), w->expected, PIXEL_BYTES);
}

static void draws_as_ever(world *w) {
    id4_error err = {0};
    if (draw(w, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    check_picture(w);
    drop_image(w);
}

/* --- cases ---------------------------------------------------------------------------------- */

static int set_up(void **state) {
    static world w;
    id4_error err = {0};
    json_set_alloc_funcs(json_alloc, i4_free);
    if (!golden_root(ID4_SOURCE_DIR "/tests/golden/tiny-a", "mlx-q8", w.root)) {
        return -1;
    }
    folder_make(&w.out, "faults");
    *state = &w;
    w.expected = malloc(PIXEL_BYTES);
    if (w.expected == NULL || open_all(&w, &err) != ID4_OK || draw(&w, &err) != ID4_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    memcpy(w.expected, id4_image_pixels(w.image), PIXEL_BYTES);
    drop_image(&w);
    close_all(&w);
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    free(w->expected);
    folder_remove(&w->out);
    golden_root_remove(w->root);
    return 0;
}

static void after_opening(world *w, bool good, bool hit) {
    if (good && hit) {
        draws_as_ever(w);
    }
    close_all(w);
}

static void faults_while_opening_are_reported(void **state) {
    each_call_fails("model, engine, adapter", *state, NULL, open_all, after_opening);
}

/* The engine that failed draws the picture that it always drew. */
static void after_drawing(world *w, bool good, bool hit) {
    (void)hit;
    if (good) {
        check_picture(w);
    } else {
        assert_null(w->image);
    }
    drop_image(w);
    draws_as_ever(w);
    drop_engine(w);
}

static void faults_while_drawing_are_reported(void **state) {
    world *w = *state;
    assert_int_equal(open_model(w, NULL), ID4_OK);
    assert_int_equal(open_adapter(w, NULL), ID4_OK);
    each_call_fails("picture", w, make_engine, draw, after_drawing);
    close_all(w);
}

/* --- files ---------------------------------------------------------------------------------- */

/* A picture as a file of each format, with its recipe, and both back again. */
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
        if (status == ID4_OK) {
            assert_string_equal((const char *)recipe.data, pairs[0].value);
            assert_int_equal(id4_image_width(back), SIDE);
        }
        id4_image_free(back);
        id4_bytes_free(&recipe);
        id4_bytes_free(&bytes);
    }
    return status != ID4_OK ? status
                            : id4_image_save(w->image, folder_at(&w->out, "picture.png"), ID4_PNG,
                                             0, pairs, 2, err);
}

/* A whole picture, or nothing: no half file, none under another name. */
static void after_saving(world *w, bool good, bool hit) {
    char **names = NULL;
    size_t count = 0;
    (void)hit;
    assert_true(i4_dir_list(w->out.path, 10, &names, &count, NULL));
    assert_int_equal(count, good ? 1 : 0);
    i4_dir_list_free(names, count);
    if (good) {
        char *data = NULL;
        size_t size = 0;
        id4_image *back = NULL;
        const char *path = folder_at(&w->out, "picture.png");
        assert_true(i4_file_read(path, I4_LIMIT_IMAGE_FILE_BYTES, &data, &size, NULL));
        assert_int_equal(id4_image_decode((uint8_t *)data, size, &back, NULL), ID4_OK);
        assert_memory_equal(id4_image_pixels(back), w->expected, PIXEL_BYTES);
        id4_image_free(back);
        i4_free(data);
        remove(path);
    }
}

static void faults_while_writing_pictures_are_reported(void **state) {
    world *w = *state;
    assert_int_equal(id4_image_new(SIDE, SIDE, w->expected, &w->image, NULL), ID4_OK);
    each_call_fails("three files of a picture", w, NULL, save_and_read, after_saving);
    drop_image(w);
}

/* --- questions ------------------------------------------------------------------------------ */

static void note(world *w, const char *text) {
    const size_t len = strlen(w->answer);
    snprintf(w->answer + len, sizeof w->answer - len, "%s\n", text);
}

static void note_bytes(world *w, id4_bytes *bytes) {
    for (size_t i = 0; i < bytes->size; i++) {
        char text[8];
        snprintf(text, sizeof text, "%02x", bytes->data[i]);
        note(w, text);
    }
    id4_bytes_free(bytes);
}

static id4_status ask_findings(world *w, const char *text, int whole_file, id4_error *err) {
    id4_findings *findings = NULL;
    const id4_status status = id4_caption_check(text, strlen(text), whole_file, &findings, err);
    for (size_t i = 0; i < id4_findings_count(findings); i++) {
        note(w, id4_findings_at(findings, i)->text);
    }
    id4_findings_free(findings);
    return status;
}

static id4_status ask_about_caption(world *w, id4_error *err) {
    id4_bytes bytes = {NULL, 0};
    size_t count = 0;
    id4_status status = ask_findings(w, "[1, 2", 0, err);
    status = status != ID4_OK ? status : ask_findings(w, "[1, 2", 1, err);
    status = status != ID4_OK ? status : ask_findings(w, caption, 1, err);
    status = status != ID4_OK ? status : id4_caption_prompt(caption, strlen(caption), &bytes, err);
    note_bytes(w, &bytes);
    status = status != ID4_OK ? status
                              : id4_tokenize(w->model, "a red circle", 12, 1, &bytes, &count, err);
    note_bytes(w, &bytes);
    status = status != ID4_OK ? status : id4_token_text(w->model, 65, &bytes, err);
    note_bytes(w, &bytes);
    return status;
}

/* What a service wants to know beside the picture. */
static id4_status ask(world *w, id4_error *err) {
    static const id4_recipe_lora lora = {"style.safetensors", 0.5};
    id4_request request;
    id4_estimate estimate;
    id4_bytes bytes = {NULL, 0};
    char text[64];
    id4_request_init(&request);
    id4_estimate_init(&estimate);
    request.caption = caption;
    request.width = request.height = SIDE;
    w->answer[0] = '\0';
    id4_status status = id4_recipe_make(w->model, &request, &lora, 1, &bytes, err);
    note_bytes(w, &bytes);
    status = status != ID4_OK ? status : ask_about_caption(w, err);
    status = status != ID4_OK ? status : id4_model_estimate(w->model, &request, 0, &estimate, err);
    snprintf(text, sizeof text, "%llu", (unsigned long long)estimate.activation_bytes);
    note(w, text);
    return status;
}

static void after_asking(world *w, bool good, bool hit) {
    (void)hit;
    if (good) {
        assert_string_equal(w->answer, w->expected_answer);
    }
}

static void faults_while_asking_are_reported(void **state) {
    world *w = *state;
    assert_int_equal(open_model(w, NULL), ID4_OK);
    assert_int_equal(ask(w, NULL), ID4_OK);
    memcpy(w->expected_answer, w->answer, sizeof w->answer);
    each_call_fails("recipe, caption, tokens, estimate", w, NULL, ask, after_asking);
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
