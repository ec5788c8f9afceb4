/* The estimate against what happens: the slab exactly, the process as the system counts it; the
 * full-size model within its bounds; the memory budget.
 *
 * Models come from make_checkpoint, whose path is in ID4_MAKE_CHECKPOINT. They are hollow: right
 * sizes, zeros for weights, no space on disk. */
#include "folder.h"
#include "golden_folder.h"
#include "made_file.h"

#include "ideogram4.h"

#include <inttypes.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* the process then holds far more than the library asked for */
#else
#define SANITIZED 0
#endif

static folder temp;

/* --- tools ---------------------------------------------------------------------------------- */

static const char *make_model(const char *name, const char *options) {
    static char path[1024];
    char command[4096];
    const char *program = getenv("ID4_MAKE_CHECKPOINT");
    if (program == NULL) {
        print_message("ID4_MAKE_CHECKPOINT is not set: skipped\n");
        skip();
    }
    snprintf(path, sizeof path, "%s", folder_at(&temp, name));
    snprintf(command, sizeof command, "'%s' %s --hollow --out '%s' >'%s'", program, options, path,
             folder_at(&temp, "log"));
    assert_int_equal(system(command), 0);
    return path;
}

static id4_model *open_model(const char *path, uint64_t budget) {
    id4_model_options options;
    id4_model *model = NULL;
    id4_error err = {0};
    id4_model_options_init(&options);
    options.backend = "cpu";
    options.threads = 2;
    options.memory_budget = budget;
    if (id4_model_open(path, &options, NULL, &model, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    return model;
}

static id4_engine *new_engine(id4_model *model) {
    id4_engine *engine = NULL;
    assert_int_equal(id4_engine_new(model, NULL, &engine, NULL), ID4_OK);
    return engine;
}

static id4_request request_of(int side, int steps) {
    id4_request request;
    id4_request_init(&request);
    request.caption = "a red circle on a white background";
    request.width = request.height = side;
    request.steps = steps;
    request.seed = 7;
    return request;
}

static id4_estimate estimate_of(const id4_model *model, const id4_request *request, int tokens) {
    id4_estimate estimate;
    id4_error err = {0};
    id4_estimate_init(&estimate);
    if (id4_model_estimate(model, request, tokens, &estimate, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    return estimate;
}

static uint64_t largest_phase(const id4_estimate *e) {
    uint64_t most = e->encode_bytes > e->denoise_bytes ? e->encode_bytes : e->denoise_bytes;
    return most > e->decode_bytes ? most : e->decode_bytes;
}

static void print_estimate(const char *what, const id4_estimate *e) {
    print_message("%s: encode %.1f, denoise %.1f, decode %.1f, in all %.1f MB, %.1f TFLOP\n", what,
                  (double)e->encode_bytes / 1e6, (double)e->denoise_bytes / 1e6,
                  (double)e->decode_bytes / 1e6, (double)e->activation_bytes / 1e6,
                  e->flops / 1e12);
}

/* Anonymous memory of the process: all but mapped files; 0 where the system does not tell. */
static uint64_t anonymous_bytes(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    uint64_t kib = 0;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "RssAnon: %" SCNu64, &kib) == 1) {
            break;
        }
    }
    if (f != NULL) {
        fclose(f);
    }
    return kib * 1024;
}

static int watch_memory(const id4_progress *progress, void *user) {
    uint64_t *peak = user;
    const uint64_t now = anonymous_bytes();
    (void)progress;
    *peak = now > *peak ? now : *peak;
    return 0;
}

/* --- estimate and reality ------------------------------------------------------------------- */

/* A page table's and the heap's grain, and one huge page at the end of the slab. */
enum { GRAIN = 3 << 20 };

static void check_size(const char *path, int side) {
    char what[64];
    uint64_t peak = 0;
    id4_stats stats;
    id4_image *image = NULL;
    id4_error err = {0};
    id4_stats_init(&stats);
    id4_model *model = open_model(path, 0);
    const id4_request request = request_of(side, 1);
    const id4_estimate e = estimate_of(model, &request, 0);
    const uint64_t before = anonymous_bytes();
    id4_engine *engine = new_engine(model);
    const id4_observer observer = {watch_memory, &peak};
    if (id4_generate(engine, &request, &observer, &image, &stats, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    snprintf(what, sizeof what, "%d x %d", side, side);
    print_estimate(what, &e);
    assert_int_equal(stats.activation_peak_bytes, largest_phase(&e));
    if (before == 0 || SANITIZED) {
        print_message("the process was not measured\n");
    } else {
        const double real = (double)(peak - before), want = (double)e.activation_bytes;
        print_message("the process took %.1f MB more, %+.2f %%\n", real / 1e6,
                      100.0 * (real - want) / want);
        assert_true(real <= want * 1.02 + GRAIN);
        assert_true(real >= want * 0.98 - GRAIN);
    }
    id4_image_free(image);
    id4_engine_free(engine);
    assert_int_equal(id4_model_close(model), ID4_OK);
}

static void memory_of_a_picture_is_as_estimated(void **state) {
    (void)state;
    const char *path =
        make_model("middle", "--tiny --width 1024 --ff 4096 --text-hidden 512 --text-ff 1024 "
                             "--vae-channels 64,128,256,256");
    check_size(path, 256);
    if (!SANITIZED) { /* stripes begin at the last, and the sanitizers are slow */
        check_size(path, 512);
        check_size(path, 768);
    }
}

static void memory_of_the_full_size_is_bounded(void **state) {
    (void)state;
    id4_model *model = open_model(make_model("full", "--full"), 0);
    const id4_request small = request_of(1024, 0), large = request_of(2048, 0);
    const id4_estimate e1 = estimate_of(model, &small, 300);
    const id4_estimate e2 = estimate_of(model, &large, 300);
    print_estimate("full size, 1024 x 1024", &e1);
    print_estimate("full size, 2048 x 2048", &e2);
    assert_true(e1.activation_bytes <= 600000000);
    assert_true(e2.activation_bytes <= 1600000000);
    assert_true(e1.resident_bytes > e1.activation_bytes);
    assert_int_equal(id4_model_close(model), ID4_OK);
}

/* --- adapters ------------------------------------------------------------------------------- */

enum { RANK = 128, WIDTH = 512, FF = 32768 };

static void add_pair(made_file *made, const char *module, int64_t out, int64_t in) {
    char name[96];
    snprintf(name, sizeof name, "%s.lora_A.weight", module);
    made_matrix(made, name, I4_ST_F32, RANK, in, NULL);
    snprintf(name, sizeof name, "%s.lora_B.weight", module);
    made_matrix(made, name, I4_ST_F32, out, RANK, NULL);
}

static int stop_after_first_step(const id4_progress *progress, void *user) {
    (void)user;
    return progress->phase == ID4_PHASE_DENOISE && progress->step_index > 0;
}

/* The feed-forward layer is so wide that it takes more than anything else: then every byte that the
 * plan forgot is missed. */
static void memory_of_adapters_is_planned(void **state) {
    (void)state;
    static made_file made;
    id4_adapter *adapter = NULL;
    id4_image *image = NULL;
    id4_error err = {0};
    for (int layer = 0; layer < 2; layer++) {
        char module[64];
        snprintf(module, sizeof module, "layers.%d.attention.qkv", layer);
        add_pair(&made, module, 3 * WIDTH, WIDTH);
        snprintf(module, sizeof module, "layers.%d.feed_forward.w1", layer);
        add_pair(&made, module, FF, WIDTH);
        snprintf(module, sizeof module, "layers.%d.feed_forward.w2", layer);
        add_pair(&made, module, WIDTH, FF);
    }
    made_write(&made, folder_at(&temp, "lora.safetensors"));
    id4_model *model = open_model(make_model("wide", "--tiny --width 512 --ff 32768"), 0);
    id4_engine *engine = new_engine(model);
    const id4_request request = request_of(256, 2);
    const id4_estimate e = estimate_of(model, &request, 0);
    assert_true(e.denoise_bytes > e.decode_bytes);
    if (id4_adapter_open(model, folder_at(&temp, "lora.safetensors"), &adapter, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    const id4_adapter_use use = {adapter, 1.0};
    assert_int_equal(id4_engine_set_adapters(engine, &use, 1, NULL), ID4_OK);
    const id4_observer observer = {stop_after_first_step, NULL};
    const id4_status status = id4_generate(engine, &request, &observer, &image, NULL, &err);
    if (status != ID4_CANCELLED) {
        fail_msg("%s: %s", id4_status_name(status), err.text);
    }
    id4_engine_free(engine);
    assert_int_equal(id4_adapter_close(adapter), ID4_OK);
    assert_int_equal(id4_model_close(model), ID4_OK);
}

/* --- budget --------------------------------------------------------------------------------- */

static id4_status draw(id4_model *model, id4_image **image, id4_error *err) {
    id4_engine *engine = new_engine(model);
    const id4_request request = request_of(256, 1);
    const id4_status status = id4_generate(engine, &request, NULL, image, NULL, err);
    id4_engine_free(engine);
    return status;
}

static id4_estimate estimate_with_budget(const char *root, uint64_t budget) {
    id4_model *model = open_model(root, budget);
    const id4_request request = request_of(256, 1);
    const id4_estimate e = estimate_of(model, &request, 0);
    assert_int_equal(id4_model_close(model), ID4_OK);
    return e;
}

static void says(const char *text, uint64_t bytes) {
    char figure[32];
    snprintf(figure, sizeof figure, "%.1f MB", (double)bytes / 1e6);
    if (strstr(text, figure) == NULL) {
        fail_msg("'%s' does not say %s", text, figure);
    }
}

static void memory_budget_below_one_stage_is_refused(void **state) {
    const char *root = *state;
    id4_image *image = NULL;
    id4_error err = {0};
    const id4_estimate staged = estimate_with_budget(root, 1);
    const uint64_t budget = staged.resident_bytes - 1000000;
    assert_true(staged.staged);
    id4_model *model = open_model(root, budget);
    assert_int_equal(draw(model, &image, &err), ID4_OUT_OF_MEMORY);
    assert_null(image);
    says(err.text, staged.resident_bytes);
    says(err.text, budget);
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(id4_model_close(model), ID4_OK);
}

static void memory_budget_of_one_stage_gives_the_same_picture(void **state) {
    const char *root = *state;
    id4_image *whole = NULL, *staged = NULL;
    const id4_estimate all = estimate_with_budget(root, UINT64_C(1) << 40);
    const id4_estimate least = estimate_with_budget(root, 1);
    assert_false(all.staged);
    assert_true(least.resident_bytes < all.resident_bytes);
    id4_model *model = open_model(root, UINT64_C(1) << 40);
    assert_int_equal(draw(model, &whole, NULL), ID4_OK);
    assert_int_equal(id4_model_close(model), ID4_OK);

    model = open_model(root, least.resident_bytes);
    const id4_request request = request_of(256, 1);
    assert_true(estimate_of(model, &request, 0).staged);
    for (int i = 0; i < 2; i++) { /* the second one needs what was given back */
        assert_int_equal(draw(model, &staged, NULL), ID4_OK);
        assert_memory_equal(id4_image_pixels(staged), id4_image_pixels(whole), 256 * 256 * 3);
        id4_image_free(staged);
        staged = NULL;
    }
    assert_int_equal(id4_model_close(model), ID4_OK);
    id4_image_free(whole);
}

/* Without a budget three prompts in turn stay known; under one, only the last. */
static void memory_budget_keeps_one_prompt(void **state) {
    static const char *const captions[] = {"a red circle", "a blue square", "a red circle"};
    const char *root = *state;
    for (int limited = 0; limited < 2; limited++) {
        id4_model *model = open_model(root, limited ? UINT64_C(1) << 40 : 0);
        id4_engine *engine = new_engine(model);
        for (int i = 0; i < 3; i++) {
            id4_image *image = NULL;
            id4_stats stats;
            id4_request request = request_of(256, 1);
            request.caption = captions[i];
            id4_stats_init(&stats);
            assert_int_equal(id4_generate(engine, &request, NULL, &image, &stats, NULL), ID4_OK);
            assert_int_equal(stats.prompt_cached != 0, i == 2 && !limited);
            id4_image_free(image);
        }
        id4_engine_free(engine);
        assert_int_equal(id4_model_close(model), ID4_OK);
    }
}

static int set_up(void **state) {
    static char root[GOLDEN_PATH];
    folder_make(&temp, "memory");
    *state = root;
    return golden_root(ID4_SOURCE_DIR "/tests/golden/tiny-a", "mlx-q8", root) ? 0 : -1;
}

static int tear_down(void **state) {
    golden_root_remove(*state);
    folder_remove(&temp);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_of_a_picture_is_as_estimated),
        cmocka_unit_test(memory_of_the_full_size_is_bounded),
        cmocka_unit_test(memory_of_adapters_is_planned),
        cmocka_unit_test(memory_budget_below_one_stage_is_refused),
        cmocka_unit_test(memory_budget_of_one_stage_gives_the_same_picture),
        cmocka_unit_test(memory_budget_keeps_one_prompt),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
