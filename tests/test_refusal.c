/* The refusal card: recognised after every codec, and nothing else is; and what the gateway does
 * with one that the daemon drew. */
#include "fake_daemon.h"
#include "gateway_rig.h"

#include "image/image.h"

enum { SIDE = 512 };

static i4_image plain(int r, int g, int b) {
    i4_image image;
    assert_true(i4_image_new(&image, SIDE, SIDE, NULL));
    for (int i = 0; i < SIDE * SIDE; i++) {
        image.rgb[3 * i] = (uint8_t)r;
        image.rgb[3 * i + 1] = (uint8_t)g;
        image.rgb[3 * i + 2] = (uint8_t)b;
    }
    return image;
}

static void fill(i4_image *image, int x0, int y0, int x1, int y1, int grey) {
    for (int y = y0; y < y1; y++) {
        for (int x = x0; x < x1; x++) {
            memset(image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3, grey, 3);
        }
    }
}

static void assert_verdict(i4_image *image, bool is_card, const char *what) {
    if (i4_image_is_refusal(image) != is_card) {
        fail_msg("%s %s a card", what, is_card ? "is no longer" : "is taken for");
    }
    i4_image_free(image);
}

/* Noise that is the same everywhere. */
static int noise(int i, int span) {
    uint32_t h = (uint32_t)i * 2654435761u;
    h ^= h >> 15;
    h *= 2246822519u;
    return (int)(h >> 16) % (2 * span + 1) - span;
}

static void refusal_flat_greys_are_cards(void **state) {
    (void)state;
    static const int greys[][3] = {{128, 128, 128}, {100, 102, 101}, {178, 176, 180}, {80, 80, 80}};
    for (size_t i = 0; i < sizeof greys / sizeof *greys; i++) {
        i4_image image = plain(greys[i][0], greys[i][1], greys[i][2]);
        assert_verdict(&image, true, "a flat grey");
    }
}

static void refusal_survives_codecs_and_a_faint_texture(void **state) {
    (void)state;
    static const i4_image_format formats[] = {I4_PNG, I4_WEBP, I4_JPEG};
    static const int qualities[] = {100, 90, 60, 30};
    for (size_t f = 0; f < 3; f++) {
        for (size_t k = 0; k < 4; k++) {
            i4_image image = plain(127, 128, 129), back;
            for (int i = 0; i < SIDE * SIDE * 3; i++) {
                image.rgb[i] = (uint8_t)(image.rgb[i] + noise(i, 4));
            }
            uint8_t *bytes;
            size_t size;
            assert_true(
                i4_image_encode(&image, formats[f], qualities[k], NULL, 0, &bytes, &size, NULL));
            assert_true(i4_image_decode(bytes, size, &back, NULL));
            assert_verdict(&back, true, "a card after a codec");
            i4_image_free(&image);
            i4_free(bytes);
        }
    }
}

static void refusal_plain_posters_are_none(void **state) {
    (void)state;
    static const int colours[][3] = {{255, 255, 255}, {0, 0, 0},       {245, 245, 245},
                                     {20, 20, 20},    {128, 128, 160}, {140, 120, 120},
                                     {128, 140, 128}};
    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        i4_image image = plain(colours[i][0], colours[i][1], colours[i][2]);
        assert_verdict(&image, false, "a poster of one colour");
    }
}

static void refusal_anything_drawn_on_grey_is_none(void **state) {
    (void)state;
    i4_image image = plain(128, 128, 128);
    fill(&image, 200, 200, 300, 230, 255);
    assert_verdict(&image, false, "a white bar on grey");
    image = plain(128, 128, 128);
    fill(&image, 500, 500, 503, 503, 30);
    assert_verdict(&image, false, "a dot in the corner");
    image = plain(128, 128, 128);
    fill(&image, 100, 100, 400, 400, 138);
    assert_verdict(&image, false, "a faint square");
    image = plain(128, 128, 128);
    fill(&image, 0, 250, SIDE, 251, 150);
    assert_verdict(&image, false, "a thin line");
    image = plain(128, 128, 128);
    image.rgb[3 * 1000] = 255;
    assert_verdict(&image, false, "one red pixel");
}

static void refusal_gradients_are_none(void **state) {
    (void)state;
    i4_image image = plain(128, 128, 128);
    for (int y = 0; y < SIDE; y++) {
        fill(&image, 0, y, SIDE, y + 1, 110 + y * 30 / SIDE);
    }
    assert_verdict(&image, false, "a gradient");
    i4_image none = {0};
    assert_false(i4_image_is_refusal(&none));
}

/* --- stored by the gateway -------------------------------------------------------------------- */

typedef struct stage {
    rig rig;
    fake_daemon daemon;
    uint8_t *given[4]; /* what the daemon gave: its threads may read it until it is closed */
    size_t given_count;
} stage;

static void stage_start(stage *s) {
    s->given_count = 0;
    fake_daemon_open(&s->daemon);
    rig_settings(&s->rig, "refusal");
    snprintf(s->rig.settings.daemon_url, sizeof s->rig.settings.daemon_url, "http://127.0.0.1:%d",
             s->daemon.port);
    rig_start(&s->rig);
}

static void stage_end(stage *s) {
    rig_end(&s->rig);
    fake_daemon_close(&s->daemon);
    for (size_t i = 0; i < s->given_count; i++) {
        i4_free(s->given[i]);
    }
}

/* Id of the picture that a task ended with. */
static int64_t draw(stage *s, i4_image *image) {
    static const char meta[] = "{\"hld\":\"A mug\",\"width\":512,\"height\":512,\"preset\":"
                               "\"V4_TURBO_12\",\"seed\":7,\"format\":\"png\","
                               "\"generation_seconds\":0.1}";
    uint8_t *bytes;
    size_t size;
    char path[128];
    json_t *answer;
    assert_true(i4_image_encode(image, I4_PNG, 0, NULL, 0, &bytes, &size, NULL));
    assert_int_equal(rig_ask(&s->rig, "POST", "/api/generate", "{\"caption\":{}}", &answer), 200);
    char id[33];
    snprintf(id, sizeof id, "%s", text_at(answer, "task_id"));
    json_decref(answer);
    fake_daemon_finish(&s->daemon, id, meta, bytes, size);
    snprintf(path, sizeof path, "/api/status/%s", id);
    assert_int_equal(rig_ask(&s->rig, "GET", path, NULL, &answer), 200);
    const int64_t image_id =
        json_integer_value(json_object_get(json_object_get(answer, "image"), "id"));
    json_decref(answer);
    i4_image_free(image);
    s->given[s->given_count++] = bytes;
    return image_id;
}

static void assert_flag(stage *s, int64_t id, const char *flag) {
    char path[64];
    json_t *item;
    snprintf(path, sizeof path, "/api/library/%d", (int)id);
    assert_int_equal(rig_ask(&s->rig, "GET", path, NULL, &item), 200);
    assert_string_equal(text_at(item, "flag"), flag);
    json_decref(item);
}

static void refusal_is_flagged_when_it_is_stored(void **state) {
    (void)state;
    stage s;
    json_t *page;
    stage_start(&s);
    i4_image image = plain(128, 128, 128);
    assert_flag(&s, draw(&s, &image), "blocked");
    image = plain(128, 128, 128);
    fill(&image, 100, 100, 300, 300, 250);
    assert_flag(&s, draw(&s, &image), "");
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/library", NULL, &page), 200);
    assert_int_equal(json_array_size(json_object_get(page, "items")), 1);
    json_decref(page);
    stage_end(&s);
}

static void refusal_in_the_trash_is_not_stored_again(void **state) {
    (void)state;
    stage s;
    char path[64];
    json_t *list;
    stage_start(&s);
    i4_image image = plain(128, 128, 128);
    const int64_t id = draw(&s, &image);
    snprintf(path, sizeof path, "{\"images\":[%d]}", (int)id);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/trash", path, NULL), 200);
    rig_stop(&s.rig); /* a gateway that knows nothing of the task any more */
    rig_start(&s.rig);
    char task[33];
    fake_daemon_last_id(&s.daemon, task);
    snprintf(path, sizeof path, "/api/status/%s", task);
    assert_int_equal(rig_ask(&s.rig, "GET", path, NULL, NULL), 200);
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/images", NULL, &list), 200);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    stage_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusal_flat_greys_are_cards),
        cmocka_unit_test(refusal_survives_codecs_and_a_faint_texture),
        cmocka_unit_test(refusal_plain_posters_are_none),
        cmocka_unit_test(refusal_anything_drawn_on_grey_is_none),
        cmocka_unit_test(refusal_gradients_are_none),
        cmocka_unit_test(refusal_is_flagged_when_it_is_stored),
        cmocka_unit_test(refusal_in_the_trash_is_not_stored_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
