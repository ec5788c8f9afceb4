/* Names of picture files: what is a name, which file it means, what is removed. */
#include "folder.h"

#include "gateway/names.h"

#include <sys/stat.h>

static void gateway_names_bare_pictures_are_good(void **state) {
    static const char *const good[] = {
        "a.png",   "a.webp",  "a.jpeg",       "a.jpg",   "A.PNG",  "a.JpEg",
        "x y.png", "..a.png", "\xc3\xa4.png", "a.b.png", "-a.png", "a\xf0\x9f\x98\x80.webp",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!i4_name_is_good(good[i])) {
            fail_msg("'%s' is refused", good[i]);
        }
    }
}

static void gateway_names_everything_else_is_bad(void **state) {
    static const char *const bad[] = {
        "",         ".",         "..",       ".png",         "a",        "a.gif",     "a.png.txt",
        "/a.png",   "b/a.png",   "../a.png", "a.png/",       "a\\b.png", "a\n.png",   "a\x7f.png",
        "\x01.png", "a\xff.png", "png",      "a.png ",       "a.pn",     "..\\a.png", "./a.png",
        "a.svg",    "a.png%00",  "%2e%2e/a", "\xc0\xaf.png",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (i4_name_is_good(bad[i])) {
            fail_msg("'%s' is accepted", bad[i]);
        }
    }
    assert_false(i4_name_is_good(NULL));
}

static void gateway_names_length_of_a_file_name_is_the_limit(void **state) {
    char name[300];
    (void)state;
    for (size_t length = 250; length < 260; length++) {
        memset(name, 'a', length);
        memcpy(name + length - 4, ".png", 5);
        assert_int_equal(i4_name_is_good(name), length <= 255);
    }
}

static void gateway_names_types_follow_the_suffix(void **state) {
    (void)state;
    assert_string_equal(i4_name_type("a.png"), "image/png");
    assert_string_equal(i4_name_type("a.WEBP"), "image/webp");
    assert_string_equal(i4_name_type("a.jpg"), "image/jpeg");
    assert_string_equal(i4_name_type("a.Jpeg"), "image/jpeg");
    assert_string_equal(i4_name_type("a.txt"), "application/octet-stream");
}

/* --- an output folder ---------------------------------------------------------------------- */

typedef struct world {
    folder root;
    char out[1024], absolute[4096];
} world;

static int set_up(void **state) {
    static world w;
    folder_make(&w.root, "gateway_names");
    folder_sub(&w.root, "out");
    folder_sub(&w.root, "out/sub");
    folder_sub(&w.root, "out/folder.png");
    folder_sub(&w.root, "outside");
    folder_write(&w.root, "out/a.png", "picture");
    folder_write(&w.root, "out/note.txt", "note");
    folder_write(&w.root, "out/sub/nested.png", "picture");
    folder_write(&w.root, "outside/secret.png", "secret");
    snprintf(w.out, sizeof w.out, "%s", folder_at(&w.root, "out"));
    char *real = realpath(w.root.path, NULL);
    assert_non_null(real);
    snprintf(w.absolute, sizeof w.absolute, "%s", real);
    free(real);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    folder_remove(&w->root);
    return 0;
}

static void link_to(const world *w, const char *name, const char *target) {
    char to[8192];
    snprintf(to, sizeof to, "%s/%s", w->absolute, target);
    folder_link(&w->root, name, to);
}

static void gateway_names_pictures_in_the_folder_are_found(void **state) {
    const world *w = *state;
    char path[4096], expected[8192];
    assert_true(i4_name_find(w->out, "a.png", path, sizeof path));
    snprintf(expected, sizeof expected, "%s/out/a.png", w->absolute);
    assert_string_equal(path, expected);
}

static void gateway_names_links_within_the_folder_are_followed(void **state) {
    const world *w = *state;
    char path[4096];
    link_to(w, "out/link.png", "out/a.png");
    assert_true(i4_name_find(w->out, "link.png", path, sizeof path));
}

static void gateway_names_nothing_outside_is_found(void **state) {
    const world *w = *state;
    char path[4096];
    link_to(w, "out/leak.png", "outside/secret.png");
    link_to(w, "out/door", "outside");
    link_to(w, "out/gone.png", "outside/missing.png");
    assert_int_equal(mkfifo(folder_at(&w->root, "out/pipe.png"), 0600), 0);
    static const char *const none[] = {
        "leak.png",
        "gone.png",
        "pipe.png",
        "folder.png",
        "missing.png",
        "note.txt",
        "sub/nested.png",
        "door/secret.png",
        "../outside/secret.png",
        "sub/../a.png",
        "",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (i4_name_find(w->out, none[i], path, sizeof path)) {
            fail_msg("'%s' is found", none[i]);
        }
    }
}

static void gateway_names_a_folder_of_a_similar_name_is_outside(void **state) {
    const world *w = *state;
    char path[4096];
    folder_sub(&w->root, "out2");
    folder_write(&w->root, "out2/b.png", "picture");
    link_to(w, "out/b.png", "out2/b.png");
    assert_false(i4_name_find(w->out, "b.png", path, sizeof path));
}

static void gateway_names_an_output_folder_behind_a_link_works(void **state) {
    const world *w = *state;
    char path[4096];
    link_to(w, "alias", "out");
    assert_true(i4_name_find(folder_at(&w->root, "alias"), "a.png", path, sizeof path));
}

static void expect_name(const world *w, const char *path, const char *expected) {
    char name[I4_NAME_BYTES] = "unset";
    const bool good = i4_name_from_path(w->out, path, name, sizeof name);
    if (good != (expected[0] != '\0') || strcmp(name, expected) != 0) {
        fail_msg("'%s' became '%s', not '%s'", path, name, expected);
    }
}

static void gateway_names_stored_paths_become_bare_names(void **state) {
    const world *w = *state;
    char path[8192];
    expect_name(w, "any.png", "any.png"); /* bare: need not exist */
    expect_name(w, "old/outputs/a.png", "a.png");
    expect_name(w, "sub/../a.png", "a.png");
    expect_name(w, "sub/nested.png", "nested.png");
    expect_name(w, "elsewhere/missing.png", "");
    expect_name(w, "sub/note.txt", "");
    expect_name(w, "sub/", "");
    expect_name(w, "../outside/secret.png", "");
    expect_name(w, "", "");
    snprintf(path, sizeof path, "%s/out/a.png", w->absolute);
    expect_name(w, path, "a.png");
    snprintf(path, sizeof path, "%s/out/deleted.png", w->absolute);
    expect_name(w, path, "deleted.png");
    snprintf(path, sizeof path, "%s/out/sub/nested.png", w->absolute);
    expect_name(w, path, "nested.png");
    snprintf(path, sizeof path, "%s/outside/secret.png", w->absolute);
    expect_name(w, path, "");
    snprintf(path, sizeof path, "%s/out/../outside/secret.png", w->absolute);
    expect_name(w, path, "");
    expect_name(w, "/etc/passwd", "");
    expect_name(w, "/missing/folder/a.png", "");
}

static void gateway_names_removal_takes_the_link_not_its_target(void **state) {
    const world *w = *state;
    link_to(w, "out/link.png", "outside/secret.png");
    assert_true(i4_name_remove(w->out, "link.png"));
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/link.png")), I4_PATH_NONE);
    assert_int_equal(i4_path_look(folder_at(&w->root, "outside/secret.png")), I4_PATH_FILE);
}

static void gateway_names_removal_stays_in_the_folder(void **state) {
    const world *w = *state;
    assert_true(i4_name_remove(w->out, "../outside/secret.png"));
    assert_true(i4_name_remove(w->out, "sub/nested.png"));
    assert_true(i4_name_remove(w->out, "note.txt"));
    assert_int_equal(i4_path_look(folder_at(&w->root, "outside/secret.png")), I4_PATH_FILE);
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/sub/nested.png")), I4_PATH_FILE);
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/note.txt")), I4_PATH_FILE);
}

static void gateway_names_removal_says_whether_one_is_left(void **state) {
    const world *w = *state;
    assert_true(i4_name_remove(w->out, "a.png"));
    assert_true(i4_name_remove(w->out, "a.png")); /* there is none */
    assert_false(i4_name_remove(w->out, "folder.png"));
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/folder.png")), I4_PATH_DIR);
}

int main(void) {
#define in_world(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateway_names_bare_pictures_are_good),
        cmocka_unit_test(gateway_names_everything_else_is_bad),
        cmocka_unit_test(gateway_names_length_of_a_file_name_is_the_limit),
        cmocka_unit_test(gateway_names_types_follow_the_suffix),
        in_world(gateway_names_pictures_in_the_folder_are_found),
        in_world(gateway_names_links_within_the_folder_are_followed),
        in_world(gateway_names_nothing_outside_is_found),
        in_world(gateway_names_a_folder_of_a_similar_name_is_outside),
        in_world(gateway_names_an_output_folder_behind_a_link_works),
        in_world(gateway_names_stored_paths_become_bare_names),
        in_world(gateway_names_removal_takes_the_link_not_its_target),
        in_world(gateway_names_removal_stays_in_the_folder),
        in_world(gateway_names_removal_says_whether_one_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
