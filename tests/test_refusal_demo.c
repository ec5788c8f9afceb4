/* No picture that the demo model draws of the examples is taken for a refusal card. */
#include "folder.h"

#include "base/str.h"
#include "ideogram4.h"
#include "image/image.h"

static void assert_drawn_is_no_card(id4_engine *engine, const char *name) {
    char path[1024], *text;
    size_t size;
    id4_error err = {0};
    id4_request request;
    id4_image *drawn = NULL;
    snprintf(path, sizeof path, ID4_SOURCE_DIR "/examples/%s", name);
    assert_true(i4_file_read(path, 1 << 20, &text, &size, NULL));
    id4_request_init(&request);
    request.caption = text;
    request.width = request.height = 256;
    request.preset = "V4_TURBO_12";
    request.seed = 7;
    if (id4_generate(engine, &request, NULL, &drawn, NULL, &err) != ID4_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    const i4_image image = {.width = id4_image_width(drawn),
                            .height = id4_image_height(drawn),
                            .rgb = (uint8_t *)id4_image_pixels(drawn)};
    if (i4_image_is_refusal(&image)) {
        fail_msg("%s is taken for a card", name);
    }
    id4_image_free(drawn);
    i4_free(text);
}

static void refusal_no_example_is_a_card(void **state) {
    (void)state;
    char **names;
    size_t count;
    id4_error err = {0};
    id4_model *model = NULL;
    id4_engine *engine = NULL;
    if (id4_model_open(ID4_SOURCE_DIR "/models/demo", NULL, NULL, &model, &err) != ID4_OK ||
        id4_engine_new(model, NULL, &engine, &err) != ID4_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(i4_dir_list(ID4_SOURCE_DIR "/examples", 1000, &names, &count, NULL));
    size_t drawn = 0;
    for (size_t i = 0; i < count; i++) {
        if (i4_str_ends(i4_str_c(names[i]), ".json")) {
            assert_drawn_is_no_card(engine, names[i]);
            drawn++;
        }
    }
    assert_true(drawn >= 10);
    i4_dir_list_free(names, count);
    id4_engine_free(engine);
    id4_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusal_no_example_is_a_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
