/* The upscaler's routes with a pretended program, running programs, and halving pictures. */
#include "gateway_rig.h"

#include "gateway/spawn.h"
#include "gateway/upscale/lanczos.h"
#include "image/image.h"

#include <math.h>
#include <sys/stat.h>

typedef struct stage {
    rig rig;
    int64_t image_id;
    char root[1024]; /* absolute path of the folder */
} stage;

static void write_program(stage *s, const char *script) {
    folder_write(&s->rig.folder, "bin/realesrgan-ncnn-vulkan", script);
    assert_int_equal(chmod(folder_at(&s->rig.folder, "bin/realesrgan-ncnn-vulkan"), 0755), 0);
}

static void write_picture(stage *s, const char *name, int width, int height) {
    i4_image image;
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_true(i4_image_new(&image, width, height, NULL));
    memset(image.rgb, 90, 3 * (size_t)width * (size_t)height);
    assert_true(i4_image_encode(&image, I4_PNG, 0, NULL, 0, &bytes, &size, NULL));
    assert_true(i4_file_write(folder_at(&s->rig.folder, name), bytes, size, NULL));
    i4_free(bytes);
    i4_image_free(&image);
}

static const char copying[] = "#!/bin/sh\n"
                              "{ pwd; echo \"$@\"; } >args.txt\n"
                              "cp large.png \"$4\"\n";

/* A picture of 8 x 4, and a program that makes 32 x 16 of it. */
static void stage_open(stage *s, const char *test, const char *script) {
    i4_settings *set = &s->rig.settings;
    char here[512];
    rig_settings(&s->rig, test);
    assert_non_null(getcwd(here, sizeof here));
    snprintf(s->root, sizeof s->root, "%s/%s", here, s->rig.folder.path);
    folder_sub(&s->rig.folder, "bin/models");
    folder_write(&s->rig.folder, "bin/models/realesrgan-x4plus.bin", "x");
    folder_write(&s->rig.folder, "bin/models/realesrgan-x4plus.param", "x");
    write_picture(s, "bin/large.png", 32, 16);
    write_picture(s, "output/source.png", 8, 4);
    snprintf(set->output_dir, sizeof set->output_dir, "%s/output", s->root);
    snprintf(set->upscale.backend, sizeof set->upscale.backend, "realesrgan_ncnn");
    snprintf(set->upscale.bin, sizeof set->upscale.bin, "%s/bin/realesrgan-ncnn-vulkan", s->root);
    set->upscale.timeout = 30;
    set->upscale.max_output_pixels = 67108864;
    if (script) {
        write_program(s, script);
    }
    rig_start(&s->rig);
    const i4_new_image image = {.hld = "A mug",
                                .width = 8,
                                .height = 4,
                                .seed = 7,
                                .preset = "V4_TURBO_12",
                                .file_path = "source.png",
                                .prompt_id = 3,
                                .parent_image_id = -1,
                                .lora_name = "a",
                                .has_lora_strength = true,
                                .lora_strength = 0.5,
                                .lora_stack_json = "[]"};
    json_t *row = NULL;
    assert_int_equal(i4_db_add_image(s->rig.gateway.db, &image, &row, NULL), I4_DB_OK);
    s->image_id = json_integer_value(json_object_get(row, "id"));
    json_decref(row);
}

static int start(stage *s, const char *more, json_t **answer) {
    char body[256];
    snprintf(body, sizeof body, "{\"image_id\":%d%s}", (int)s->image_id, more);
    return rig_ask(&s->rig, "POST", "/api/upscale", body, answer);
}

static json_t *task(stage *s, const char *id) {
    char path[128];
    json_t *answer;
    snprintf(path, sizeof path, "/api/upscale/%s", id);
    assert_int_equal(rig_ask(&s->rig, "GET", path, NULL, &answer), 200);
    return answer;
}

static bool is_done(stage *s, const char *id) {
    json_t *answer = task(s, id);
    const bool done = strcmp(text_at(answer, "state"), "done") == 0;
    json_decref(answer);
    return done;
}

/* Starts and awaits; the finished task. */
static json_t *finished(stage *s, const char *more) {
    json_t *answer;
    char id[64];
    assert_int_equal(start(s, more, &answer), 200);
    snprintf(id, sizeof id, "%s", text_at(answer, "task_id"));
    json_decref(answer);
    EVENTUALLY(is_done(s, id));
    return task(s, id);
}

static json_t *upscale_state(stage *s) {
    json_t *answer;
    assert_int_equal(rig_ask(&s->rig, "GET", "/api/upscale/status", NULL, &answer), 200);
    assert_int_equal(json_object_size(answer), 7);
    return answer;
}

/* --- status ----------------------------------------------------------------------------------- */

static void upscale_status_tells_what_is_missing(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "missing", NULL);
    json_t *answer = upscale_state(&s);
    assert_true(json_is_false(json_object_get(answer, "configured")));
    assert_true(json_is_null(json_object_get(answer, "bin_path")));
    assert_int_equal(json_array_size(json_object_get(answer, "available_presets")), 0);
    assert_true(json_is_false(json_object_get(answer, "busy")));
    assert_true(text_at(answer, "error")[0] != '\0');
    json_decref(answer);
    assert_int_equal(start(&s, "", NULL), 503);

    write_program(&s, copying);
    answer = upscale_state(&s);
    assert_true(json_is_true(json_object_get(answer, "configured")));
    assert_true(json_is_null(json_object_get(answer, "error")));
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(answer, "available_presets"), 0)),
        "standard");
    assert_int_equal(json_array_size(json_object_get(answer, "available_presets")), 1);
    json_decref(answer);
    assert_int_equal(start(&s, ",\"preset\":\"sharp\"", NULL), 503);
    folder_write(&s.rig.folder, "bin/models/ultrasharp-4x.bin", "x");
    folder_write(&s.rig.folder, "bin/models/ultrasharp-4x.param", "x");
    answer = upscale_state(&s);
    assert_int_equal(json_array_size(json_object_get(answer, "available_presets")), 2);
    json_decref(answer);

    snprintf(s.rig.settings.upscale.backend, 64, "magic");
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/upscale/status", NULL, NULL), 500);
    assert_int_equal(start(&s, "", NULL), 503);
    rig_end(&s.rig);
}

static void upscale_program_is_found_in_the_search_path(void **state) {
    (void)state;
    stage s;
    char path[2048];
    const char *before = getenv("PATH");
    stage_open(&s, "path", copying);
    s.rig.settings.upscale.bin[0] = '\0';
    json_t *answer = upscale_state(&s);
    assert_true(json_is_false(json_object_get(answer, "configured")));
    json_decref(answer);
    snprintf(path, sizeof path, "/dev/null::%s/bin:%s", s.root, before);
    rig_stop(&s.rig);
    char *kept = strdup(before);
    assert_int_equal(setenv("PATH", path, 1), 0);
    rig_start(&s.rig);
    answer = upscale_state(&s);
    assert_true(json_is_true(json_object_get(answer, "configured")));
    json_decref(answer);
    rig_end(&s.rig);
    setenv("PATH", kept, 1);
    free(kept);
}

/* --- running ---------------------------------------------------------------------------------- */

static void upscale_result_is_a_new_picture_of_the_source(void **state) {
    (void)state;
    static const struct {
        const char *more, *preset;
        int scale, width, height;
    } rows[] = {{"", "upscale:standard:4x", 4, 32, 16},
                {",\"scale\":2", "upscale:standard:2x", 2, 16, 8}};
    stage s;
    stage_open(&s, "result", copying);
    for (size_t i = 0; i < 2; i++) {
        json_t *answer = finished(&s, rows[i].more);
        const json_t *image = json_object_get(answer, "image");
        assert_int_equal(json_object_size(answer), 8);
        assert_true(json_is_null(json_object_get(answer, "error")));
        assert_int_equal(json_integer_value(json_object_get(answer, "progress")), 100);
        assert_int_equal(json_integer_value(json_object_get(answer, "source_image_id")),
                         s.image_id);
        assert_int_equal(json_integer_value(json_object_get(answer, "scale")), rows[i].scale);
        assert_string_equal(text_at(image, "preset"), rows[i].preset);
        assert_int_equal(json_integer_value(json_object_get(image, "width")), rows[i].width);
        assert_int_equal(json_integer_value(json_object_get(image, "height")), rows[i].height);
        assert_int_equal(json_integer_value(json_object_get(image, "seed")), 7);
        assert_int_equal(json_integer_value(json_object_get(image, "prompt_id")), 3);
        assert_int_equal(json_integer_value(json_object_get(image, "parent_image_id")), s.image_id);
        assert_string_equal(text_at(image, "lora_name"), "a");
        assert_int_equal(strncmp(text_at(image, "hld"), "A mug (", 7), 0);
        /* the file is there, with the size that the row tells */
        char *bytes = NULL, path[128];
        size_t size = 0;
        i4_image picture;
        json_t *row = NULL;
        assert_int_equal(i4_db_image(s.rig.gateway.db,
                                     json_integer_value(json_object_get(image, "id")), &row, NULL),
                         I4_DB_OK);
        char prefix[64];
        snprintf(prefix, sizeof prefix, "upscale-%d-%dx-standard-", (int)s.image_id, rows[i].scale);
        assert_int_equal(strncmp(text_at(row, "file_path"), prefix, strlen(prefix)), 0);
        snprintf(path, sizeof path, "output/%s", text_at(row, "file_path"));
        assert_true(i4_file_read(folder_at(&s.rig.folder, path), 1 << 20, &bytes, &size, NULL));
        assert_true(i4_image_decode((uint8_t *)bytes, size, &picture, NULL));
        assert_int_equal(picture.width, rows[i].width);
        assert_int_equal(picture.rgb[0], 90);
        i4_image_free(&picture);
        i4_free(bytes);
        json_decref(row);
        json_decref(answer);
    }
    /* source, two results, nothing half-done */
    char **names = NULL;
    size_t count = 0;
    assert_true(i4_dir_list(folder_at(&s.rig.folder, "output"), 100, &names, &count, NULL));
    assert_int_equal(count, 3);
    i4_dir_list_free(names, count);
    rig_end(&s.rig);
}

static void upscale_program_is_called_as_the_contract_says(void **state) {
    (void)state;
    stage s;
    char *text = NULL, expected[8192], *output;
    size_t size;
    stage_open(&s, "called", copying);
    json_decref(finished(&s, ""));
    assert_true(i4_file_read(folder_at(&s.rig.folder, "bin/args.txt"), 8192, &text, &size, NULL));
    output = strstr(text, " -o ");
    assert_non_null(output);
    *output = '\0';
    snprintf(expected, sizeof expected, "%s/bin\n-i %s/output/source.png", s.root, s.root);
    assert_string_equal(text, expected);
    output = strstr(output + 1, " -m ");
    assert_non_null(output);
    snprintf(expected, sizeof expected, " -m %s/bin/models -n realesrgan-x4plus -s 4 -f png\n",
             s.root);
    assert_string_equal(output, expected);
    i4_free(text);
    rig_end(&s.rig);
}

static void upscale_failures_end_the_task_and_free_the_slot(void **state) {
    (void)state;
    static const char *const scripts[] = {"#!/bin/sh\necho 'no vulkan device' >&2\nexit 3\n",
                                          "#!/bin/sh\nexit 0\n", "#!/bin/sh\necho torn >\"$4\"\n",
                                          "#!/dev/null/sh\n", "#!/bin/sh\nkill -9 $$\n"};
    stage s;
    stage_open(&s, "fails", NULL);
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        write_program(&s, scripts[i]);
        json_t *answer = finished(&s, "");
        assert_true(text_at(answer, "error")[0] != '\0');
        assert_true(json_is_null(json_object_get(answer, "image")));
        assert_int_equal(json_integer_value(json_object_get(answer, "progress")), 0);
        if (i == 0) {
            assert_non_null(strstr(text_at(answer, "error"), "no vulkan device"));
        }
        json_decref(answer);
    }
    json_t *answer = upscale_state(&s);
    assert_true(json_is_false(json_object_get(answer, "busy")));
    json_decref(answer);
    rig_end(&s.rig);
}

static void upscale_runs_one_at_a_time_and_no_longer_than_allowed(void **state) {
    (void)state;
    stage s;
    json_t *answer;
    char id[64];
    stage_open(&s, "busy", "#!/bin/sh\nsleep 600\n");
    s.rig.settings.upscale.timeout = 1.5;
    assert_int_equal(start(&s, "", &answer), 200);
    snprintf(id, sizeof id, "%s", text_at(answer, "task_id"));
    json_decref(answer);
    assert_int_equal(start(&s, "", NULL), 409);
    answer = upscale_state(&s);
    assert_true(json_is_true(json_object_get(answer, "busy")));
    json_decref(answer);
    EVENTUALLY(is_done(&s, id));
    answer = task(&s, id);
    assert_true(text_at(answer, "error")[0] != '\0');
    json_decref(answer);
    s.rig.settings.upscale.timeout = 600;
    assert_int_equal(start(&s, "", NULL), 200);
    rig_end(&s.rig); /* ends the program */
}

static void upscale_refuses_in_the_order_of_the_contract(void **state) {
    (void)state;
    static const struct {
        const char *body, *type;
    } rows[] = {{"{}", "missing"},
                {"{\"image_id\":\"x\"}", "int_parsing"},
                {"{\"image_id\":null}", "int_type"},
                {"{\"image_id\":1,\"scale\":3}", "literal_error"},
                {"{\"image_id\":1,\"scale\":\"4\"}", "literal_error"},
                {"{\"image_id\":1,\"preset\":\"soft\"}", "literal_error"},
                {"{\"image_id\":1,\"preset\":null}", "literal_error"}};
    stage s;
    stage_open(&s, "order", copying);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *answer;
        assert_int_equal(rig_ask(&s.rig, "POST", "/api/upscale", rows[i].body, &answer), 422);
        assert_string_equal(text_at(json_array_get(json_object_get(answer, "detail"), 0), "type"),
                            rows[i].type);
        json_decref(answer);
    }
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/upscale", "{\"image_id\":999}", NULL), 404);
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/upscale/none", NULL, NULL), 404);
    s.rig.settings.upscale.max_output_pixels = 32 * 16 - 1;
    assert_int_equal(start(&s, "", NULL), 400);
    assert_int_equal(start(&s, ",\"scale\":2", NULL), 200);
    EVENTUALLY(start(&s, "", NULL) == 400); /* and no longer 409 */
    unlink(folder_at(&s.rig.folder, "output/source.png"));
    assert_int_equal(start(&s, "", NULL), 404);
    rig_end(&s.rig);
}

static void improve_i18_unreadable_source_is_400_and_frees_the_slot(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "unreadable", copying);
    folder_write(&s.rig.folder, "output/source.png", "no picture");
    assert_int_equal(start(&s, "", NULL), 400);
    assert_int_equal(start(&s, "", NULL), 400);
    write_picture(&s, "output/source.png", 8, 4);
    assert_int_equal(start(&s, "", NULL), 200);
    rig_end(&s.rig);
}

/* --- programs --------------------------------------------------------------------------------- */

static bool always(void *user) {
    (void)user;
    return true;
}

static bool run(const char *script, i4_err *err) {
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const i4_spawn spawn = {.argv = argv, .folder = "/", .seconds = 20, .go_on = always};
    return i4_spawn_run(&spawn, err);
}

static void upscale_spawned_program_inherits_nothing(void **state) {
    (void)state;
    i4_err err = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0); /* without close-on-exec */
    char script[128];
    snprintf(script, sizeof script, "test ! -e /dev/fd/%d && test ! -e /dev/fd/%d", ends[0],
             ends[1]);
    assert_true(run(script, &err));
    assert_true(run("test \"$(pwd)\" = /", &err));
    assert_true(run("! read line", &err)); /* nothing on standard input */
    close(ends[0]);
    close(ends[1]);
}

static void upscale_spawned_program_may_write_much(void **state) {
    (void)state;
    i4_err err = {0};
    assert_true(
        run("i=0; while [ $i -lt 20000 ]; do echo 0123456789abcdef; i=$((i+1)); done", &err));
    assert_false(run("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; "
                     "echo the end; exit 1",
                     &err));
    assert_non_null(strstr(err.text, "the end"));
}

static void upscale_spawned_program_that_is_missing_is_told(void **state) {
    (void)state;
    i4_err err = {0};
    const char *const argv[] = {"/dev/null/program", NULL};
    i4_spawn spawn = {.argv = argv, .folder = "/", .seconds = 20, .go_on = always};
    assert_false(i4_spawn_run(&spawn, &err));
    assert_non_null(strstr(err.text, "cannot start"));
    const char *const shell[] = {"/bin/sh", "-c", "exit 0", NULL};
    spawn.argv = shell;
    spawn.folder = "/dev/null/nowhere";
    assert_false(i4_spawn_run(&spawn, &err));
}

/* --- halving ---------------------------------------------------------------------------------- */

static void upscale_halving_keeps_flat_pictures_and_their_sides(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {2, 2}, {3, 5}, {16, 1}, {33, 20}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        i4_image from, to;
        assert_true(i4_image_new(&from, sizes[i][0], sizes[i][1], NULL));
        for (size_t k = 0; k < 3 * (size_t)from.width * (size_t)from.height; k++) {
            from.rgb[k] = (uint8_t)(k % 3 == 0 ? 255 : k % 3 == 1 ? 0 : 77);
        }
        assert_true(i4_lanczos_half(&from, &to, NULL));
        assert_int_equal(to.width, (from.width + 1) / 2);
        assert_int_equal(to.height, (from.height + 1) / 2);
        for (size_t k = 0; k < 3 * (size_t)to.width * (size_t)to.height; k++) {
            assert_int_equal(to.rgb[k], k % 3 == 0 ? 255 : k % 3 == 1 ? 0 : 77);
        }
        i4_image_free(&to);
        i4_image_free(&from);
    }
}

/* A slow wave comes through, the fastest vanishes: what a good filter does. */
static void upscale_halving_passes_low_and_stops_high_frequencies(void **state) {
    (void)state;
    enum { SIDE = 64 };
    i4_image from, to;
    assert_true(i4_image_new(&from, SIDE, SIDE, NULL));
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            uint8_t *p = from.rgb + 3 * (y * SIDE + x);
            p[0] = (uint8_t)lround(128 + 100 * sin((x + 0.5) * 0.2));
            p[1] = (uint8_t)lround(128 + 100 * sin((y + 0.5) * 0.2));
            p[2] = x % 2 ? 255 : 0;
        }
    }
    assert_true(i4_lanczos_half(&from, &to, NULL));
    for (int y = 4; y < SIDE / 2 - 4; y++) {
        for (int x = 4; x < SIDE / 2 - 4; x++) {
            const uint8_t *p = to.rgb + 3 * (y * SIDE / 2 + x);
            assert_true(fabs(p[0] - (128 + 100 * sin((2 * x + 1) * 0.2))) < 3);
            assert_true(fabs(p[1] - (128 + 100 * sin((2 * y + 1) * 0.2))) < 3);
            assert_true(abs(p[2] - 128) < 3);
        }
    }
    i4_image_free(&to);
    i4_image_free(&from);
}

static i4_image wide;

static bool halve_wide(i4_err *err) {
    i4_image half;
    const bool good = i4_lanczos_half(&wide, &half, err);
    if (good) {
        i4_image_free(&half);
    }
    return good;
}

static void upscale_halving_reports_failing_memory(void **state) {
    (void)state;
    assert_true(i4_image_new(&wide, 40, 3, NULL));
    faults_are_reported(halve_wide, 2);
    i4_image_free(&wide);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upscale_status_tells_what_is_missing),
        cmocka_unit_test(upscale_program_is_found_in_the_search_path),
        cmocka_unit_test(upscale_result_is_a_new_picture_of_the_source),
        cmocka_unit_test(upscale_program_is_called_as_the_contract_says),
        cmocka_unit_test(upscale_failures_end_the_task_and_free_the_slot),
        cmocka_unit_test(upscale_runs_one_at_a_time_and_no_longer_than_allowed),
        cmocka_unit_test(upscale_refuses_in_the_order_of_the_contract),
        cmocka_unit_test(improve_i18_unreadable_source_is_400_and_frees_the_slot),
        cmocka_unit_test(upscale_spawned_program_inherits_nothing),
        cmocka_unit_test(upscale_spawned_program_may_write_much),
        cmocka_unit_test(upscale_spawned_program_that_is_missing_is_told),
        cmocka_unit_test(upscale_halving_keeps_flat_pictures_and_their_sides),
        cmocka_unit_test(upscale_halving_passes_low_and_stops_high_frequencies),
        cmocka_unit_test(upscale_halving_reports_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
