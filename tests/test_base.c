/* The base floor: text, sizes, files under faults, the pool, the log, error sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checked.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/pool.h"
#include "base/status.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- helpers ------------------------------------------------------------------------------- */

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "test_base_XXXXXX"); /* in the working folder */
    return mkdtemp(folder) ? 0 : -1;
}

static void remove_all(const char *path) {
    char **names;
    size_t count;
    if (i4_path_look(path) == I4_PATH_DIR && i4_dir_list(path, 1000, &names, &count, NULL)) {
        for (size_t i = 0; i < count; i++) {
            char inner[512];
            snprintf(inner, sizeof inner, "%s/%s", path, names[i]);
            remove_all(inner);
        }
        i4_dir_list_free(names, count);
    }
    remove(path);
}

static int remove_folder(void **state) {
    (void)state;
    i4_fault_set(NULL, NULL);
    remove_all(folder);
    return 0;
}

static const char *in_folder(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void assert_content(const char *path, const char *expected) {
    char *data;
    size_t size;
    i4_err err = {0};
    assert_true(i4_file_read(path, 1 << 20, &data, &size, &err));
    assert_int_equal(size, strlen(expected));
    assert_string_equal(data, expected);
    i4_free(data);
}

static size_t files_in_folder(void) {
    char **names;
    size_t count;
    assert_true(i4_dir_list(folder, 100, &names, &count, NULL));
    i4_dir_list_free(names, count);
    return count;
}

/* Lets `left` calls pass and makes the next one fail. */
typedef struct fault_plan {
    int left;
    bool was_hit;
    i4_fault_kind hit_kind;
} fault_plan;

static bool fail_nth(i4_fault_kind kind, size_t bytes, void *user) {
    (void)bytes;
    fault_plan *plan = user;
    if (plan->left-- == 0) {
        plan->was_hit = true;
        plan->hit_kind = kind;
        return true;
    }
    return false;
}

static bool fail_threads(i4_fault_kind kind, size_t bytes, void *user) {
    (void)bytes;
    int *left = user;
    return kind == I4_FAULT_THREAD && (*left)-- <= 0;
}

/* --- status -------------------------------------------------------------------------------- */

static void status_names_match_list(void **state) {
    (void)state;
    assert_string_equal(i4_status_name(I4_E_OK), "ok");
    assert_string_equal(i4_status_name(I4_E_INTERNAL), "internal error");
    assert_non_null(i4_status_name((i4_status)-99));
}

static void fail_fills_sentence_and_returns_false(void **state) {
    (void)state;
    i4_err err = {0};
    assert_false(i4_fail(&err, I4_E_FORMAT, "bad %s at %d", "header", 7));
    assert_int_equal(err.status, I4_E_FORMAT);
    assert_string_equal(err.text, "bad header at 7");
    assert_false(i4_fail(NULL, I4_E_FORMAT, "nobody listens"));
    assert_false(i4_fail_memory(&err, "the table", 12));
    assert_int_equal(err.status, I4_E_OUT_OF_MEMORY);
    assert_string_equal(err.text, "not enough memory for the table (12 bytes)");
}

static void fail_with_own_text_as_argument_keeps_it(void **state) {
    (void)state;
    i4_err err = {0};
    i4_fail(&err, I4_E_IO, "inner");
    i4_fail(&err, I4_E_IO, "outer: %s", err.text);
    assert_string_equal(err.text, "outer: inner");
}

static void fail_with_hostile_name_replaces_controls(void **state) {
    (void)state;
    i4_err err = {0};
    /* C0, DEL, C1 (U+009B), a lone continuation byte; the umlaut stays */
    i4_fail(&err, I4_E_FORMAT, "'%s'", "a\n\x1b[31m\x7f\xc2\x9b\x80\xc3\xa4");
    assert_string_equal(err.text, "'a??[31m???\xc3\xa4'");
}

static void fail_with_long_text_cuts_between_characters(void **state) {
    (void)state;
    for (size_t before = 490; before < 510; before++) {
        char text[700];
        memset(text, 'x', before);
        text[before] = '\0';
        for (size_t i = 0, at = before; i < 40; i++, at += 3) {
            memcpy(text + at, "\xe2\x82\xac", 4); /* the euro sign, 3 bytes, and the end */
        }
        i4_err err;
        i4_fail(&err, I4_E_FORMAT, "%s", text);
        const size_t length = strlen(err.text);
        assert_true(length < sizeof err.text && length > sizeof err.text - 4);
        assert_true(i4_utf8_valid(i4_str_c(err.text)));
        assert_memory_equal(err.text, text, length);
    }
}

/* --- sizes --------------------------------------------------------------------------------- */

static void checked_sizes_refuse_overflow_and_keep_out(void **state) {
    (void)state;
    size_t out = 5;
    assert_true(i4_add_size(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
    assert_false(i4_add_size(SIZE_MAX, 1, &out));
    assert_true(i4_mul_size(SIZE_MAX / 2, 2, &out));
    assert_true(out == SIZE_MAX - 1);
    assert_false(i4_mul_size(SIZE_MAX / 2 + 1, 2, &out));
    assert_true(out == SIZE_MAX - 1);
    assert_true(i4_mul_size(SIZE_MAX, 0, &out) && out == 0);
    int64_t product = 3;
    assert_true(i4_mul_i64(INT64_MAX, 1, &product) && product == INT64_MAX);
    assert_false(i4_mul_i64(INT64_MAX / 2 + 1, 2, &product));
    assert_false(i4_mul_i64(-1, 2, &product));
    assert_true(product == INT64_MAX);
}

/* --- memory -------------------------------------------------------------------------------- */

static void memory_of_size_zero_is_a_pointer(void **state) {
    (void)state;
    void *a = i4_malloc(0), *b = i4_calloc(0, 8), *c = i4_realloc(NULL, 0);
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_ptr_not_equal(a, b);
    i4_free(a);
    i4_free(b);
    i4_free(c);
    assert_null(i4_calloc(SIZE_MAX / 2, 3));
}

static void memory_with_fault_returns_null(void **state) {
    (void)state;
    char *kept = i4_strdup("kept");
    assert_non_null(kept);
    for (int call = 0; call < 5; call++) {
        fault_plan plan = {0};
        i4_fault_set(fail_nth, &plan);
        void *got = call == 0   ? i4_malloc(10)
                    : call == 1 ? i4_calloc(1, 10)
                    : call == 2 ? i4_realloc(kept, 10)
                    : call == 3 ? i4_block_new(10)
                                : (void *)i4_strdup("x");
        i4_fault_set(NULL, NULL);
        assert_null(got);
        assert_true(plan.was_hit);
        assert_int_equal(plan.hit_kind, I4_FAULT_ALLOC);
    }
    assert_string_equal(kept, "kept");
    i4_free(kept);
}

static void block_is_aligned_and_writable(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 100000, (4 << 20) - 1, 4 << 20, (5 << 20) + 7};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *block = i4_block_new(sizes[i]);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        memset(block, 0xa5, sizes[i]);
        i4_block_free(block, sizes[i]);
    }
}

/* --- strings ------------------------------------------------------------------------------- */

static void str_comparisons_hold_at_the_edges(void **state) {
    (void)state;
    const i4_str empty = i4_str_c(NULL), abc = i4_str_c("abc");
    assert_int_equal(empty.len, 0);
    assert_true(i4_str_eq(empty, i4_str_c("")));
    assert_true(i4_str_is(abc, "abc"));
    assert_false(i4_str_is(abc, "abcd"));
    assert_false(i4_str_eq(i4_str_of("a\0b", 3), i4_str_of("a\0c", 3)));
    assert_true(i4_str_starts(abc, "") && i4_str_starts(abc, "ab") && i4_str_starts(abc, "abc"));
    assert_false(i4_str_starts(abc, "abcd"));
    assert_true(i4_str_ends(abc, "") && i4_str_ends(abc, "bc") && i4_str_ends(abc, "abc"));
    assert_false(i4_str_ends(abc, "xabc"));
    assert_true(i4_str_ends(empty, ""));
}

static void buf_appends_everything_in_order(void **state) {
    (void)state;
    i4_buf b;
    i4_buf_init(&b, 1000);
    i4_buf_adds(&b, "a");
    i4_buf_addc(&b, 'b');
    i4_buf_add(&b, "c\0d", 3);
    i4_buf_addf(&b, "%03d-%s", 7, "e");
    assert_false(b.failed);
    assert_int_equal(b.len, 10);
    assert_memory_equal(b.ptr, "abc\0d007-e", 11);
    size_t len;
    char *text = i4_buf_take(&b, &len);
    assert_int_equal(len, 10);
    assert_null(b.ptr);
    i4_free(text);
    text = i4_buf_take(&b, &len);
    assert_string_equal(text, "");
    i4_free(text);
    i4_buf_free(&b);
}

static void buf_takes_exactly_its_limit(void **state) {
    (void)state;
    i4_buf b;
    i4_buf_init(&b, 300);
    for (int i = 0; i < 300; i++) {
        i4_buf_addc(&b, (char)('a' + i % 26));
    }
    assert_false(b.failed);
    i4_buf_addc(&b, '!');
    assert_true(b.failed && b.over_limit);
    assert_int_equal(b.len, 300);
    i4_buf_add(&b, NULL, 0); /* fits, but failure stays */
    assert_true(b.failed);
    assert_null(i4_buf_take(&b, NULL));
    i4_buf_init(&b, 5);
    i4_buf_addf(&b, "%s", "123456");
    assert_true(b.over_limit);
    i4_buf_free(&b);
}

static void buf_out_of_memory_is_sticky_not_over_limit(void **state) {
    (void)state;
    i4_buf b;
    i4_buf_init(&b, 1000);
    i4_buf_adds(&b, "kept");
    fault_plan plan = {0};
    i4_fault_set(fail_nth, &plan);
    for (int i = 0; i < 200; i++) {
        i4_buf_addc(&b, 'x');
    }
    i4_fault_set(NULL, NULL);
    assert_true(plan.was_hit && b.failed);
    assert_false(b.over_limit);
    assert_null(i4_buf_take(&b, NULL));
    i4_buf_free(&b);
}

static void utf8_every_code_point_round_trips(void **state) {
    (void)state;
    i4_buf b;
    i4_buf_init(&b, 16);
    for (uint32_t c = 0; c < 0x110800; c++) {
        b.len = 0;
        i4_buf_add_utf8(&b, c);
        const bool is_scalar = c <= 0x10ffff && (c < 0xd800 || c >= 0xe000);
        const uint32_t expected = is_scalar ? c : 0xfffd;
        size_t pos = 0;
        uint32_t got = 0;
        if (!i4_utf8_next(i4_str_of(b.ptr, b.len), &pos, &got) || got != expected || pos != b.len) {
            fail_msg("U+%04X came back as U+%04X", c, got);
        }
    }
    i4_buf_free(&b);
}

static void utf8_malformed_sequences_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* continuation alone */
        "\xc0\x80",         /* overlong NUL */
        "\xc1\xbf",         /* overlong */
        "\xe0\x9f\xbf",     /* overlong */
        "\xf0\x8f\xbf\xbf", /* overlong */
        "\xed\xa0\x80",     /* surrogate */
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf5\x80\x80\x80",
        "\xff",
        "\xc3", /* truncated */
        "\xe2\x82",
        "\xf0\x9f\x98",
        "\xe2\x28\xa1", /* lead without continuation */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t pos = 0;
        uint32_t c;
        assert_false(i4_utf8_next(i4_str_c(bad[i]), &pos, &c));
        assert_int_equal(pos, 0);
        assert_false(i4_utf8_valid(i4_str_c(bad[i])));
    }
    assert_true(i4_utf8_valid(i4_str_c("")));
    assert_true(i4_utf8_valid(i4_str_of("a\0\xf0\x9f\x98\x80", 6)));
}

/* --- files --------------------------------------------------------------------------------- */

static void file_written_reads_back(void **state) {
    (void)state;
    i4_err err = {0};
    assert_true(i4_file_write(in_folder("a"), "first", 5, &err));
    assert_content(in_folder("a"), "first");
    assert_true(i4_file_write(in_folder("a"), "", 0, &err));
    assert_content(in_folder("a"), "");
    assert_int_equal(files_in_folder(), 1);
}

static void file_with_longest_name_is_written(void **state) {
    (void)state;
    char name[256];
    memset(name, 'n', 255);
    name[255] = '\0';
    i4_err err = {0};
    assert_true(i4_file_write(in_folder(name), "x", 1, &err));
    assert_content(in_folder(name), "x");
}

static void file_write_is_private_to_umask(void **state) {
    (void)state;
    const mode_t before = umask(027);
    assert_true(i4_file_write(in_folder("a"), "x", 1, NULL));
    umask(before);
    struct stat info;
    assert_int_equal(stat(in_folder("a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void file_write_with_any_fault_keeps_old_file(void **state) {
    (void)state;
    assert_true(i4_file_write(in_folder("a"), "old", 3, NULL));
    bool stopped[I4_FAULT_THREAD + 1] = {false};
    bool was_hit = true;
    for (int n = 0; was_hit; n++) {
        assert_true(n < 100);
        fault_plan plan = {.left = n};
        i4_err err = {0};
        i4_fault_set(fail_nth, &plan);
        const bool is_written = i4_file_write(in_folder("a"), "new", 3, &err);
        i4_fault_set(NULL, NULL);
        was_hit = plan.was_hit;
        if (is_written) { /* no fault, or one in the final best effort */
            assert_content(in_folder("a"), "new");
            assert_true(i4_file_write(in_folder("a"), "old", 3, NULL));
        } else {
            assert_true(was_hit);
            stopped[plan.hit_kind] = true;
            assert_true(err.status == I4_E_IO || err.status == I4_E_OUT_OF_MEMORY);
            assert_true(strlen(err.text) > 0);
            assert_content(in_folder("a"), "old");
        }
        assert_int_equal(files_in_folder(), 1);
    }
    assert_true(stopped[I4_FAULT_ALLOC] && stopped[I4_FAULT_OPEN] && stopped[I4_FAULT_WRITE] &&
                stopped[I4_FAULT_SYNC] && stopped[I4_FAULT_RENAME]);
}

static void file_write_over_folder_or_into_nothing_fails(void **state) {
    (void)state;
    i4_err err = {0};
    assert_true(i4_dir_make(in_folder("d"), &err));
    assert_false(i4_file_write(in_folder("d"), "x", 1, &err));
    assert_int_equal(err.status, I4_E_IO);
    assert_int_equal(files_in_folder(), 1);
    assert_false(i4_file_write(in_folder("none/x"), "x", 1, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
}

static void file_read_respects_limit_and_faults(void **state) {
    (void)state;
    char *data;
    size_t size;
    i4_err err = {0};
    assert_true(i4_file_write(in_folder("a"), "12345", 5, NULL));
    assert_true(i4_file_read(in_folder("a"), 5, &data, &size, &err));
    i4_free(data);
    assert_false(i4_file_read(in_folder("a"), 4, &data, &size, &err));
    assert_int_equal(err.status, I4_E_FORMAT);
    assert_null(data);
    assert_false(i4_file_read(in_folder("b"), 4, &data, &size, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    assert_false(i4_file_read(folder, 1000, &data, &size, &err));
    assert_int_equal(err.status, I4_E_IO);
    for (int n = 0; n < 3; n++) { /* open, allocation, read */
        fault_plan plan = {.left = n};
        i4_fault_set(fail_nth, &plan);
        const bool is_read = i4_file_read(in_folder("a"), 5, &data, &size, &err);
        i4_fault_set(NULL, NULL);
        assert_true(plan.was_hit);
        assert_false(is_read);
        assert_null(data);
    }
}

static void map_gives_the_file(void **state) {
    (void)state;
    static char content[70000];
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = (char)(i * 7);
    }
    i4_err err = {0};
    assert_true(i4_file_write(in_folder("a"), content, sizeof content, &err));
    i4_map map;
    assert_true(i4_map_open(in_folder("a"), &map, &err));
    assert_int_equal(map.size, sizeof content);
    assert_memory_equal(map.data, content, sizeof content);
    i4_map_need(&map, 5, 10);
    i4_map_need(&map, 100, SIZE_MAX);
    i4_map_done(&map, 0, map.size);
    i4_map_done(&map, 4097, 8000);
    i4_map_done(&map, SIZE_MAX, 1);
    assert_memory_equal(map.data, content, sizeof content); /* pages given back come again */
    i4_map_close(&map);
    assert_null(map.data);
    i4_map_close(&map);
}

static void map_refuses_what_is_no_file(void **state) {
    (void)state;
    i4_map map;
    i4_err err = {0};
    assert_false(i4_map_open(in_folder("none"), &map, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    assert_false(i4_map_open(folder, &map, &err));
    assert_int_equal(err.status, I4_E_IO);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_false(i4_map_open(in_folder("fifo"), &map, &err)); /* and does not wait for a writer */
    assert_int_equal(err.status, I4_E_IO);
    assert_false(i4_map_open("/dev/zero", &map, &err));
    assert_int_equal(err.status, I4_E_IO);
    assert_null(map.data);
}

static void map_of_empty_file_is_empty(void **state) {
    (void)state;
    i4_map map;
    assert_true(i4_file_write(in_folder("a"), "", 0, NULL));
    assert_true(i4_map_open(in_folder("a"), &map, NULL));
    assert_null(map.data);
    assert_int_equal(map.size, 0);
    i4_map_need(&map, 0, 10);
    i4_map_done(&map, 0, 10);
    i4_map_close(&map);
}

static void map_with_fault_fails(void **state) {
    (void)state;
    assert_true(i4_file_write(in_folder("a"), "x", 1, NULL));
    for (int n = 0; n < 2; n++) { /* open, map */
        fault_plan plan = {.left = n};
        i4_map map;
        i4_err err = {0};
        i4_fault_set(fail_nth, &plan);
        const bool is_open = i4_map_open(in_folder("a"), &map, &err);
        i4_fault_set(NULL, NULL);
        assert_true(plan.was_hit);
        assert_false(is_open);
        assert_int_equal(err.status, I4_E_IO);
        assert_null(map.data);
    }
}

static void path_look_tells_kinds_apart(void **state) {
    (void)state;
    assert_true(i4_file_write(in_folder("a"), "x", 1, NULL));
    assert_int_equal(i4_path_look(in_folder("a")), I4_PATH_FILE);
    assert_int_equal(i4_path_look(folder), I4_PATH_DIR);
    assert_int_equal(i4_path_look(in_folder("none")), I4_PATH_NONE);
    assert_int_equal(i4_path_look("/dev/null"), I4_PATH_OTHER);
}

static void dir_make_makes_parents_and_refuses_files(void **state) {
    (void)state;
    i4_err err = {0};
    assert_true(i4_dir_make(in_folder("x/y//z/"), &err));
    assert_int_equal(i4_path_look(in_folder("x/y/z")), I4_PATH_DIR);
    assert_true(i4_dir_make(in_folder("x/y/z"), &err));
    assert_true(i4_dir_make("/", &err));
    assert_true(i4_file_write(in_folder("f"), "x", 1, NULL));
    assert_false(i4_dir_make(in_folder("f"), &err));
    assert_false(i4_dir_make(in_folder("f/g"), &err));
    assert_false(i4_dir_make("", &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
}

static void dir_list_is_sorted_bytewise(void **state) {
    (void)state;
    static const char *const made[] = {"b", "a", "Z", "\xc3\xa4", ".hidden", "a-00010", "a-00002"};
    static const char *const sorted[] = {".hidden", "Z", "a",       "a-00002",
                                         "a-00010", "b", "\xc3\xa4"};
    const size_t total = sizeof made / sizeof *made;
    for (size_t i = 0; i < total; i++) {
        assert_true(i4_file_write(in_folder(made[i]), "", 0, NULL));
    }
    char **names;
    size_t count;
    i4_err err = {0};
    assert_true(i4_dir_list(folder, total, &names, &count, &err));
    assert_int_equal(count, total);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(names[i], sorted[i]);
    }
    i4_dir_list_free(names, count);
    assert_false(i4_dir_list(folder, total - 1, &names, &count, &err));
    assert_int_equal(err.status, I4_E_UNSUPPORTED);
    assert_false(i4_dir_list(in_folder("none"), 10, &names, &count, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    assert_false(i4_dir_list(in_folder("a"), 10, &names, &count, &err));
}

static void dir_list_with_any_fault_is_clean(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        assert_true(i4_file_write(in_folder(name), "", 0, NULL));
    }
    bool was_hit = true;
    for (int n = 0; was_hit; n++) {
        fault_plan plan = {.left = n};
        char **names;
        size_t count;
        i4_err err = {0};
        i4_fault_set(fail_nth, &plan);
        const bool is_listed = i4_dir_list(folder, 100, &names, &count, &err);
        i4_fault_set(NULL, NULL);
        was_hit = plan.was_hit;
        assert_true(is_listed == !was_hit);
        assert_int_equal(count, is_listed ? 20 : 0);
        i4_dir_list_free(names, count);
    }
}

/* --- the machine --------------------------------------------------------------------------- */

static void machine_answers_are_plausible(void **state) {
    (void)state;
    assert_true(i4_cpu_count() >= 1);
    assert_true(i4_memory_available() <= i4_memory_total());
    assert_true(i4_memory_resident() > 100000);
    assert_true(i4_memory_peak() > 100000);
    const double before = i4_seconds();
    assert_true(i4_seconds() >= before);
    assert_true(i4_unix_seconds() > 1700000000);
    char dir[4096];
    assert_true(i4_program_dir(dir, sizeof dir));
    assert_int_equal(i4_path_look(dir), I4_PATH_DIR);
    assert_false(i4_program_dir(dir, 2));
    assert_string_equal(dir, "");
    (void)i4_os_amx_permit(); /* either answer is right somewhere */
    (void)i4_os_has_arm_bf16();
}

static void random_bytes_differ(void **state) {
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_true(i4_random_bytes(a, sizeof a));
    assert_true(i4_random_bytes(b, sizeof b));
    assert_memory_not_equal(a, b, sizeof a);
}

/* --- pool ---------------------------------------------------------------------------------- */

enum { MOST_INDICES = 3000 };

typedef struct count_task {
    atomic_int runs[MOST_INDICES];
    atomic_int bad_thread;
    int threads;
    long plain[I4_LIMIT_THREADS]; /* one writer each: a race here is found by TSan */
} count_task;

static void count_index(void *task, int index, int thread) {
    count_task *t = task;
    atomic_fetch_add(&t->runs[index], 1);
    if (thread < 0 || thread >= t->threads) {
        atomic_fetch_add(&t->bad_thread, 1);
    } else {
        t->plain[thread]++;
    }
}

static void check_run(i4_pool *pool, int count) {
    static count_task task;
    memset(&task, 0, sizeof task);
    task.threads = i4_pool_threads(pool);
    i4_pool_run(pool, count_index, &task, count);
    long total = 0;
    for (int i = 0; i < task.threads; i++) {
        total += task.plain[i];
    }
    assert_int_equal(total, count);
    assert_int_equal(atomic_load(&task.bad_thread), 0);
    for (int i = 0; i < MOST_INDICES; i++) {
        assert_int_equal(atomic_load(&task.runs[i]), i < count ? 1 : 0);
    }
}

static void pool_runs_every_index_once(void **state) {
    (void)state;
    static const int sizes[] = {1, 2, 3, 8, 40};
    static const int counts[] = {0, 1, 2, 3, 7, 100, MOST_INDICES};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        i4_pool *pool = i4_pool_new(sizes[s], NULL);
        assert_non_null(pool);
        assert_int_equal(i4_pool_threads(pool), sizes[s]);
        for (int round = 0; round < 5; round++) {
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                check_run(pool, counts[c]);
            }
        }
        i4_pool_free(pool);
    }
}

static void add_one(void *task, int index, int thread) {
    (void)index;
    (void)thread;
    atomic_fetch_add((atomic_int *)task, 1);
}

static void pool_survives_many_short_runs(void **state) {
    (void)state;
    i4_pool *pool = i4_pool_new(0, NULL);
    assert_non_null(pool);
    assert_int_equal(i4_pool_threads(pool),
                     i4_cpu_count() < I4_LIMIT_THREADS ? i4_cpu_count() : I4_LIMIT_THREADS);
    atomic_int sum = 0;
    for (int i = 0; i < 5000; i++) {
        i4_pool_run(pool, add_one, &sum, 1 + i % 4);
        if (i % 1000 == 0) {
            struct timespec nap = {0, 3000000}; /* long enough for the workers to sleep */
            nanosleep(&nap, NULL);
        }
    }
    assert_int_equal(atomic_load(&sum), 5000 / 4 * (1 + 2 + 3 + 4));
    i4_pool_free(pool);
}

static void remember_thread(void *task, int index, int thread) {
    int *order = task;
    order[index] = thread == 0 ? index : -1;
}

static void pool_of_one_runs_inline_in_order(void **state) {
    (void)state;
    i4_pool *pool = i4_pool_new(1, NULL);
    int order[10];
    i4_pool_run(pool, remember_thread, order, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(order[i], i);
    }
    i4_pool_free(pool);
}

static void pool_without_all_threads_works_with_fewer(void **state) {
    (void)state;
    for (int granted = 0; granted < 4; granted++) {
        int left = granted;
        i4_fault_set(fail_threads, &left);
        i4_pool *pool = i4_pool_new(6, NULL);
        i4_fault_set(NULL, NULL);
        assert_non_null(pool);
        assert_int_equal(i4_pool_threads(pool), granted + 1);
        check_run(pool, 500);
        i4_pool_free(pool);
    }
}

static void pool_without_memory_fails(void **state) {
    (void)state;
    for (int n = 0; n < 2; n++) {
        fault_plan plan = {.left = n};
        i4_err err = {0};
        i4_fault_set(fail_nth, &plan);
        i4_pool *pool = i4_pool_new(3, &err);
        i4_fault_set(NULL, NULL);
        assert_true(plan.was_hit);
        assert_null(pool);
        assert_int_equal(err.status, I4_E_OUT_OF_MEMORY);
    }
}

static void pool_threads_are_limited(void **state) {
    (void)state;
    int left = 0; /* none is really started */
    i4_fault_set(fail_threads, &left);
    i4_pool *pool = i4_pool_new(1000000000, NULL);
    i4_fault_set(NULL, NULL);
    assert_non_null(pool);
    i4_pool_free(pool);
    i4_pool_free(NULL);
}

/* --- log ----------------------------------------------------------------------------------- */

typedef struct log_seen {
    int count;
    i4_log_level level;
    char line[2048];
} log_seen;

static void remember_line(i4_log_level level, const char *line, void *user) {
    log_seen *seen = user;
    seen->count++;
    seen->level = level;
    snprintf(seen->line, sizeof seen->line, "%s", line);
}

static void log_lets_through_its_level_and_above(void **state) {
    (void)state;
    log_seen seen = {0};
    i4_log(I4_LOG_ERROR, "test", "nobody listens");
    assert_false(i4_log_on(I4_LOG_ERROR));
    i4_log_set(I4_LOG_INFO, remember_line, &seen);
    assert_true(i4_log_on(I4_LOG_ERROR) && i4_log_on(I4_LOG_INFO));
    assert_false(i4_log_on(I4_LOG_DEBUG));
    i4_log(I4_LOG_DEBUG, "test", "not heard");
    assert_int_equal(seen.count, 0);
    i4_log(I4_LOG_WARN, "test", "heard count=%d", 3);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.level, I4_LOG_WARN);
    assert_string_equal(seen.line, "test: heard count=3");
    i4_log_set(I4_LOG_TRACE, NULL, NULL);
    i4_log(I4_LOG_ERROR, "test", "not heard");
    assert_int_equal(seen.count, 1);
}

static void log_line_stays_one_line(void **state) {
    (void)state;
    log_seen seen = {0};
    i4_log_set(I4_LOG_TRACE, remember_line, &seen);
    i4_log(I4_LOG_INFO, "test", "name=%s", "a\nerror: forged\r\x1b[2J");
    assert_string_equal(seen.line, "test: name=a?error: forged??[2J");
    char longer[5000];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    i4_log(I4_LOG_INFO, "test", "%s", longer);
    assert_int_equal(seen.count, 2);
    assert_true(strlen(seen.line) > 500 && strlen(seen.line) < sizeof longer);
    i4_log_set(I4_LOG_ERROR, NULL, NULL);
}

int main(void) {
#define CASE(name) cmocka_unit_test(name)
#define FILE_CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        CASE(status_names_match_list),
        CASE(fail_fills_sentence_and_returns_false),
        CASE(fail_with_own_text_as_argument_keeps_it),
        CASE(fail_with_hostile_name_replaces_controls),
        CASE(fail_with_long_text_cuts_between_characters),
        CASE(checked_sizes_refuse_overflow_and_keep_out),
        CASE(memory_of_size_zero_is_a_pointer),
        CASE(memory_with_fault_returns_null),
        CASE(block_is_aligned_and_writable),
        CASE(str_comparisons_hold_at_the_edges),
        CASE(buf_appends_everything_in_order),
        CASE(buf_takes_exactly_its_limit),
        CASE(buf_out_of_memory_is_sticky_not_over_limit),
        CASE(utf8_every_code_point_round_trips),
        CASE(utf8_malformed_sequences_are_refused),
        FILE_CASE(file_written_reads_back),
        FILE_CASE(file_with_longest_name_is_written),
        FILE_CASE(file_write_is_private_to_umask),
        FILE_CASE(file_write_with_any_fault_keeps_old_file),
        FILE_CASE(file_write_over_folder_or_into_nothing_fails),
        FILE_CASE(file_read_respects_limit_and_faults),
        FILE_CASE(map_gives_the_file),
        FILE_CASE(map_refuses_what_is_no_file),
        FILE_CASE(map_of_empty_file_is_empty),
        FILE_CASE(map_with_fault_fails),
        FILE_CASE(path_look_tells_kinds_apart),
        FILE_CASE(dir_make_makes_parents_and_refuses_files),
        FILE_CASE(dir_list_is_sorted_bytewise),
        FILE_CASE(dir_list_with_any_fault_is_clean),
        CASE(machine_answers_are_plausible),
        CASE(random_bytes_differ),
        CASE(pool_runs_every_index_once),
        CASE(pool_survives_many_short_runs),
        CASE(pool_of_one_runs_inline_in_order),
        CASE(pool_without_all_threads_works_with_fewer),
        CASE(pool_without_memory_fails),
        CASE(pool_threads_are_limited),
        CASE(log_lets_through_its_level_and_above),
        CASE(log_line_stays_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
