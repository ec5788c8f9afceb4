/* Thumbnails: right size and content from every format, one making for many askers, a bounded
 * cache, and files that cannot be read. */
#include "gateway_rig.h"

#include "gateway/library/thumbs.h"
#include "image/image.h"

#include <pthread.h>

static int set_up(void **state) {
    static rig r;
    rig_settings(&r, "thumbs");
    rig_start(&r);
    *state = &r;
    return 0;
}

static int tear_down(void **state) {
    rig_end(*state);
    return 0;
}

static void put(const rig *r, const char *name, const void *bytes, size_t size) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", r->settings.output_dir, name);
    assert_true(i4_file_write(path, bytes, size, NULL));
}

/* Left half dark red, right half light green. */
static void put_picture(const rig *r, const char *name, i4_image_format format, int width,
                        int height) {
    i4_image image;
    uint8_t *bytes;
    size_t size;
    assert_true(i4_image_new(&image, width, height, NULL));
    for (int i = 0; i < width * height; i++) {
        const bool is_left = i % width < width / 2;
        image.rgb[3 * i] = is_left ? 120 : 180;
        image.rgb[3 * i + 1] = is_left ? 20 : 230;
        image.rgb[3 * i + 2] = is_left ? 20 : 180;
    }
    assert_true(i4_image_encode(&image, format, 90, NULL, 0, &bytes, &size, NULL));
    put(r, name, bytes, size);
    i4_free(bytes);
    i4_image_free(&image);
}

static i4_image read_picture(const char *path) {
    i4_image image;
    char *bytes;
    size_t size;
    assert_true(i4_file_read(path, 1 << 24, &bytes, &size, NULL));
    assert_memory_equal(bytes, "RIFF", 4);
    assert_true(i4_image_decode((const uint8_t *)bytes, size, &image, NULL));
    i4_free(bytes);
    return image;
}

static void assert_near(const i4_image *image, int x, int y, int red, int green) {
    const uint8_t *pixel = image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3;
    assert_in_range(pixel[0], red - 12, red + 12);
    assert_in_range(pixel[1], green - 12, green + 12);
}

static void assert_thumb(rig *r, const char *name, int side, int width, int height) {
    char path[1200];
    i4_err err = {0};
    if (!i4_thumb(r->gateway.thumbs, name, side, path, sizeof path, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    i4_image image = read_picture(path);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_near(&image, width / 4, height / 2, 120, 20);
    assert_near(&image, width * 3 / 4, height / 2, 180, 230);
    i4_image_free(&image);
}

static void thumbs_have_the_side_asked_for(void **state) {
    rig *r = *state;
    static const struct {
        const char *name;
        i4_image_format format;
    } kinds[] = {{"a.png", I4_PNG}, {"b.webp", I4_WEBP}, {"c.jpeg", I4_JPEG}};
    for (size_t i = 0; i < 3; i++) {
        put_picture(r, kinds[i].name, kinds[i].format, 1024, 768);
        assert_thumb(r, kinds[i].name, 160, 160, 120);
        assert_thumb(r, kinds[i].name, 320, 320, 240);
        assert_thumb(r, kinds[i].name, 640, 640, 480);
    }
    put_picture(r, "tall.png", I4_PNG, 300, 901);
    assert_thumb(r, "tall.png", 320, 107, 320);
    put_picture(r, "thin.png", I4_PNG, 1000, 1);
    char path[1200];
    assert_true(i4_thumb(r->gateway.thumbs, "thin.png", 160, path, sizeof path, NULL));
}

static void thumbs_never_grow_a_picture(void **state) {
    rig *r = *state;
    put_picture(r, "small.png", I4_PNG, 200, 100);
    put_picture(r, "small.jpeg", I4_JPEG, 200, 100);
    assert_thumb(r, "small.png", 640, 200, 100);
    assert_thumb(r, "small.jpeg", 320, 200, 100);
}

/* --- the cache ------------------------------------------------------------------------------- */

static void thumbs_are_made_once(void **state) {
    rig *r = *state;
    char first[1200], again[1200];
    put_picture(r, "a.png", I4_PNG, 512, 512);
    assert_true(i4_thumb(r->gateway.thumbs, "a.png", 320, first, sizeof first, NULL));
    const int64_t bytes = i4_thumbs_bytes(r->gateway.thumbs);
    assert_true(bytes > 0);
    char *content, *content_again;
    size_t size, size_again;
    assert_true(i4_file_read(first, 1 << 20, &content, &size, NULL));
    assert_int_equal(size, bytes);
    rig_stop(r);
    rig_start(r);
    assert_int_equal(i4_thumbs_bytes(r->gateway.thumbs), bytes); /* found at the start */
    assert_true(i4_thumb(r->gateway.thumbs, "a.png", 320, again, sizeof again, NULL));
    assert_string_equal(first, again);
    assert_true(i4_file_read(again, 1 << 20, &content_again, &size_again, NULL));
    assert_int_equal(size, size_again);
    assert_memory_equal(content, content_again, size);
    i4_free(content);
    i4_free(content_again);
    i4_thumb_forget(r->gateway.thumbs, "a.png");
    assert_int_equal(i4_thumbs_bytes(r->gateway.thumbs), 0);
    assert_int_equal(i4_path_look(first), I4_PATH_NONE);
}

static void thumbs_that_lost_their_content_are_made_again(void **state) {
    rig *r = *state;
    char path[1200];
    put_picture(r, "a.png", I4_PNG, 512, 512);
    assert_true(i4_thumb(r->gateway.thumbs, "a.png", 320, path, sizeof path, NULL));
    rig_stop(r);
    char zeros[500] = {0};
    assert_true(i4_file_write(path, zeros, sizeof zeros, NULL));
    rig_start(r);
    assert_thumb(r, "a.png", 320, 320, 320);
    assert_int_equal(unlink(path), 0); /* somebody cleared the folder */
    assert_thumb(r, "a.png", 320, 320, 320);
}

static void thumbs_go_oldest_first(void **state) {
    rig *r = *state;
    char name[16], path[1200], noisy[1200];
    rig_stop(r);
    r->settings.thumbs_mib = 1;
    rig_start(r);
    i4_image image;
    uint8_t *bytes;
    size_t size;
    assert_true(i4_image_new(&image, 640, 640, NULL));
    for (int i = 0; i < 640 * 640 * 3; i++) { /* noise, so that files are large */
        image.rgb[i] = (uint8_t)((unsigned)i * 2654435761u >> 24);
    }
    assert_true(i4_image_encode(&image, I4_JPEG, 90, NULL, 0, &bytes, &size, NULL));
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "n%02d.jpeg", i);
        put(r, name, bytes, size);
        assert_true(i4_thumb(r->gateway.thumbs, name, 640, path, sizeof path, NULL));
        assert_true(i4_thumb(r->gateway.thumbs, "n00.jpeg", 640, noisy, sizeof noisy, NULL));
        assert_true(i4_thumbs_bytes(r->gateway.thumbs) <= 1 << 20);
        assert_int_equal(i4_path_look(path), I4_PATH_FILE);
    }
    assert_int_equal(i4_path_look(noisy), I4_PATH_FILE); /* used all the time */
    snprintf(path, sizeof path, "%.*s/n01.jpeg.webp", (int)(strrchr(noisy, '/') - noisy), noisy);
    assert_int_equal(i4_path_look(path), I4_PATH_NONE);
    i4_free(bytes);
    i4_image_free(&image);
}

/* --- many at once ---------------------------------------------------------------------------- */

typedef struct asker {
    rig *r;
    int number, failures;
} asker;

static void *ask_for_many(void *user) {
    asker *a = user;
    char name[16], path[1200];
    for (int i = 0; i < 24; i++) {
        snprintf(name, sizeof name, "m%d.png", (i + a->number) % 6);
        a->failures +=
            !i4_thumb(a->r->gateway.thumbs, name, i % 2 ? 160 : 320, path, sizeof path, NULL);
        a->failures += i4_path_look(path) != I4_PATH_FILE;
        if (i % 7 == 6) {
            i4_thumb_forget(a->r->gateway.thumbs, "m7.png");
        }
    }
    return NULL;
}

static void thumbs_serve_many_at_once(void **state) {
    rig *r = *state;
    pthread_t threads[8];
    asker askers[8];
    char name[16];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "m%d.png", i);
        put_picture(r, name, I4_PNG, 400, 400);
    }
    for (int i = 0; i < 8; i++) {
        askers[i] = (asker){.r = r, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_for_many, &askers[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].failures, 0);
    }
}

/* --- files that cannot be read ---------------------------------------------------------------- */

static i4_status refusal_of(rig *r, const char *name) {
    char path[1200];
    i4_err err = {0};
    assert_false(i4_thumb(r->gateway.thumbs, name, 320, path, sizeof path, &err));
    assert_true(err.text[0]);
    return err.status;
}

static void thumbs_of_bad_files_are_refused(void **state) {
    rig *r = *state;
    assert_int_equal(refusal_of(r, "none.png"), I4_E_NOT_FOUND);
    assert_int_equal(refusal_of(r, "../test.db"), I4_E_NOT_FOUND);
    put(r, "text.png", "no picture", 10);
    assert_int_equal(refusal_of(r, "text.png"), I4_E_FORMAT);
    assert_int_equal(refusal_of(r, "text.png"), I4_E_FORMAT);
    put_picture(r, "whole.png", I4_PNG, 600, 600);
    char path[1200], *bytes;
    size_t size;
    snprintf(path, sizeof path, "%s/whole.png", r->settings.output_dir);
    assert_true(i4_file_read(path, 1 << 24, &bytes, &size, NULL));
    put(r, "cut.png", bytes, size / 2);
    i4_free(bytes);
    assert_int_equal(refusal_of(r, "cut.png"), I4_E_FORMAT);
    /* not tried again, even if it were fine now */
    put_picture(r, "cut.png", I4_PNG, 600, 600);
    assert_int_equal(refusal_of(r, "cut.png"), I4_E_FORMAT);
    assert_int_equal(i4_thumbs_bytes(r->gateway.thumbs), 0);
}

static void thumbs_of_long_names_have_short_ones(void **state) {
    rig *r = *state;
    char name[256];
    memset(name, 'a', sizeof name);
    memcpy(name + 251, ".png", 5);
    put_picture(r, name, I4_PNG, 400, 200);
    assert_thumb(r, name, 160, 160, 80);
    i4_thumbs_stop(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(thumbs_have_the_side_asked_for),
        TEST(thumbs_never_grow_a_picture),
        TEST(thumbs_are_made_once),
        TEST(thumbs_that_lost_their_content_are_made_again),
        TEST(thumbs_go_oldest_first),
        TEST(thumbs_serve_many_at_once),
        TEST(thumbs_of_bad_files_are_refused),
        TEST(thumbs_of_long_names_have_short_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
