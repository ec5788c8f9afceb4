/* The trash: rows go out of every list and come back as they were, whatever columns they have;
 * names stay taken; files go after the commit and only then. */
#include "gateway_rig.h"

#include "gateway/db/library.h"
#include "gateway/db/trash.h"
#include "gateway/library/thumbs.h"
#include "gateway/library/trash.h"
#include "image/image.h"

#include <sqlite3.h>

/* --- through the back door ------------------------------------------------------------------- */

static void sql(const rig *r, const char *text) {
    sqlite3 *handle;
    char *problem = NULL;
    assert_int_equal(sqlite3_open(r->settings.db_path, &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    if (sqlite3_exec(handle, text, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", text, problem);
    }
    sqlite3_close(handle);
}

/* All rows as text: columns joined by '|', rows by ';', null as '-'. */
static const char *ask(const rig *r, const char *text) {
    static char turns[4][8192];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    size_t used = 0;
    sqlite3 *handle;
    sqlite3_stmt *stmt;
    out[0] = '\0';
    assert_int_equal(sqlite3_open(r->settings.db_path, &handle), SQLITE_OK);
    sqlite3_busy_timeout(handle, 5000);
    assert_int_equal(sqlite3_prepare_v2(handle, text, -1, &stmt, NULL), SQLITE_OK);
    for (int row = 0; sqlite3_step(stmt) == SQLITE_ROW; row++) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *value = (const char *)sqlite3_column_text(stmt, i);
            used += (size_t)snprintf(out + used, 8192 - used, "%s%s",
                                     i > 0     ? "|"
                                     : row > 0 ? ";"
                                               : "",
                                     value ? value : "-");
            assert_true(used < 8192);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return out;
}

/* Everything that a picture is, before and after. */
static const char all_images[] = "SELECT * FROM images ORDER BY id";
static const char all_links[] = "SELECT f.id,f.created_at,f.image_id,0 FROM favorites f UNION ALL "
                                "SELECT it.image_id,t.name,t.key,1 FROM image_tags it JOIN tags t "
                                "ON t.id=it.tag_id ORDER BY 4,1,2";
static const char all_prompts[] = "SELECT * FROM prompts ORDER BY id";

/* --- the world ------------------------------------------------------------------------------- */

static void make_file(const rig *r, const char *name) {
    i4_image image;
    uint8_t *bytes;
    size_t size;
    char path[1200];
    assert_true(i4_image_new(&image, 40, 30, NULL));
    assert_true(i4_image_encode(&image, I4_PNG, 0, NULL, 0, &bytes, &size, NULL));
    snprintf(path, sizeof path, "%s/%s", r->settings.output_dir, name);
    assert_true(i4_file_write(path, bytes, size, NULL));
    i4_free(bytes);
    i4_image_free(&image);
}

static bool has_file(const rig *r, const char *name) {
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", r->settings.output_dir, name);
    return i4_path_look(path) == I4_PATH_FILE;
}

static int64_t add_image(rig *r, const char *name, int64_t prompt_id) {
    const i4_new_image image = {.hld = "a mug",
                                .width = 40,
                                .height = 30,
                                .seed = 7,
                                .preset = "V4_QUALITY_48",
                                .file_path = name,
                                .prompt_id = prompt_id,
                                .parent_image_id = -1,
                                .lora_name = "night",
                                .has_lora_strength = true,
                                .lora_strength = 0.1 + 0.2,
                                .seconds = -1};
    json_t *row;
    i4_err err = {0};
    make_file(r, name);
    if (i4_db_add_image(r->gateway.db, &image, &row, &err) != I4_DB_OK) {
        fail_msg("%s", err.text);
    }
    const int64_t id = json_integer_value(json_object_get(row, "id"));
    json_decref(row);
    return id;
}

static int set_up(void **state) {
    static rig r;
    rig_settings(&r, "trash");
    rig_start(&r);
    *state = &r;
    return 0;
}

static int tear_down(void **state) {
    rig_end(*state);
    return 0;
}

/* Two entries of two pictures and one of none: ids 1 to 5 and prompts 1 and 2. */
static void fill(rig *r) {
    int64_t prompt[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            i4_db_add_prompt(r->gateway.db, "a mug", "{\"hld\":\"a mug\"}", &prompt[i], NULL),
            I4_DB_OK);
    }
    assert_int_equal(add_image(r, "a.png", prompt[0]), 1);
    add_image(r, "b.png", prompt[0]);
    add_image(r, "c.png", prompt[1]);
    add_image(r, "d.png", prompt[1]);
    add_image(r, "e.png", -1);
    json_t *row;
    assert_int_equal(i4_db_add_favorite(r->gateway.db, 2, -1, &row, NULL), I4_DB_OK);
    json_decref(row);
    sql(r, "UPDATE images SET title='Zwölf \"m\"',rating=4,flag='real' WHERE id=2;"
           "INSERT INTO tags(name,key)VALUES('Night','night'),('mug','mug');"
           "INSERT INTO image_tags(image_id,tag_id)VALUES(2,1),(2,2),(3,2)");
}

static json_t *post(rig *r, const char *path, const char *body, int status) {
    json_t *answer;
    const int got = rig_ask(r, "POST", path, body, &answer);
    if (got != status) {
        fail_msg("%s %s: %d %s", path, body, got, text_at(answer, "error"));
    }
    return answer;
}

static int64_t number_at(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static int64_t trash(rig *r, const char *body, int64_t images, int64_t prompts) {
    json_t *answer = post(r, "/api/trash", body, 200);
    assert_int_equal(number_at(answer, "images"), images);
    assert_int_equal(number_at(answer, "prompts"), prompts);
    const int64_t id = number_at(answer, "trash_id");
    json_decref(answer);
    return id;
}

static void restore(rig *r, int64_t trash_id, int64_t images, int64_t prompts) {
    char body[64];
    snprintf(body, sizeof body, "{\"trash_id\":%lld}", (long long)trash_id);
    json_t *answer = post(r, "/api/trash/restore", body, 200);
    assert_int_equal(number_at(answer, "images"), images);
    assert_int_equal(number_at(answer, "prompts"), prompts);
    json_decref(answer);
}

static json_t *get(rig *r, const char *path) {
    json_t *answer;
    assert_int_equal(rig_ask(r, "GET", path, NULL, &answer), 200);
    return answer;
}

/* --- there and back -------------------------------------------------------------------------- */

static void trash_and_restore_change_nothing(void **state) {
    rig *r = *state;
    fill(r);
    sql(r, "ALTER TABLE images ADD COLUMN later TEXT;"
           "UPDATE images SET later='kept'||id,seed=9007199254740993 WHERE id=2");
    char images[8192], links[8192], prompts[8192];
    snprintf(images, sizeof images, "%s", ask(r, all_images));
    snprintf(links, sizeof links, "%s", ask(r, all_links));
    snprintf(prompts, sizeof prompts, "%s", ask(r, all_prompts));
    const int64_t first = trash(r, "{\"images\":[2,5,99]}", 2, 0);
    assert_string_equal(ask(r, "SELECT id FROM images ORDER BY id"), "1;3;4");
    assert_string_equal(ask(r, "SELECT count(*) FROM favorites"), "0");
    assert_string_equal(ask(r, "SELECT image_id FROM image_tags"), "3");
    const int64_t second = trash(r, "{\"prompts\":[2]}", 2, 1);
    assert_true(second > first);
    assert_string_equal(ask(r, "SELECT id FROM images ORDER BY id"), "1");
    assert_string_equal(ask(r, "SELECT id FROM prompts"), "1");
    assert_true(has_file(r, "b.png") && has_file(r, "d.png"));
    restore(r, second, 2, 1);
    restore(r, first, 2, 0);
    restore(r, first, 0, 0);
    assert_string_equal(ask(r, all_images), images);
    assert_string_equal(ask(r, all_links), links);
    assert_string_equal(ask(r, all_prompts), prompts);
    assert_string_equal(ask(r, "SELECT count(*) FROM trash_actions"), "0");
}

static void trash_takes_out_of_every_list(void **state) {
    rig *r = *state;
    fill(r);
    json_decref(post(r, "/api/trash", "{\"images\":[2]}", 200));
    json_t *list = get(r, "/api/images");
    assert_int_equal(json_array_size(list), 4);
    json_decref(list);
    list = get(r, "/api/favorites");
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    list = get(r, "/api/library");
    assert_int_equal(number_at(list, "total"), 4);
    json_decref(list);
    assert_int_equal(rig_ask(r, "PATCH", "/api/images/2", "{\"prompt_id\":1}", NULL), 404);
    /* still to be looked at in the trash */
    assert_int_equal(rig_ask(r, "GET", "/api/images/2/thumb", NULL, NULL), 200);
    assert_int_equal(rig_ask(r, "GET", "/api/images/2/recipe", NULL, NULL), 200);
}

static void trash_single_pictures_come_back_by_id(void **state) {
    rig *r = *state;
    fill(r);
    trash(r, "{\"images\":[1,2],\"prompts\":[2]}", 4, 1);
    json_t *answer = post(r, "/api/trash/restore", "{\"images\":[2,3]}", 200);
    assert_int_equal(number_at(answer, "images"), 2);
    json_decref(answer);
    /* 3 has no entry to be seen while that is still in the trash */
    assert_string_equal(ask(r, "SELECT id,prompt_id FROM images ORDER BY id"), "2|1;3|2;5|-");
    answer = get(r, "/api/library?prompt_id=2");
    assert_int_equal(number_at(answer, "total"), 0);
    json_decref(answer);
    answer = get(r, "/api/library/3");
    assert_true(json_is_null(json_object_get(answer, "prompt_id")));
    json_decref(answer);
    assert_string_equal(ask(r, "SELECT image_id FROM favorites"), "2");
    answer = post(r, "/api/trash/restore", "{\"prompts\":[2]}", 200);
    assert_int_equal(number_at(answer, "images"), 1);
    assert_int_equal(number_at(answer, "prompts"), 1);
    json_decref(answer);
    answer = get(r, "/api/library?prompt_id=2");
    assert_int_equal(number_at(answer, "total"), 2);
    json_decref(answer);
}

static void trash_entry_that_goes_for_good_is_no_link(void **state) {
    rig *r = *state;
    fill(r);
    trash(r, "{\"images\":[],\"prompts\":[2]}", 2, 1);
    json_decref(post(r, "/api/trash/restore", "{\"images\":[3]}", 200));
    json_t *answer;
    assert_int_equal(rig_ask(r, "DELETE", "/api/trash", NULL, &answer), 200);
    json_decref(answer);
    assert_string_equal(ask(r, "SELECT id,prompt_id FROM images ORDER BY id"), "1|1;2|1;3|-;5|-");
}

static void trash_restores_tags_that_are_gone_meanwhile(void **state) {
    rig *r = *state;
    fill(r);
    const int64_t id = trash(r, "{\"images\":[2]}", 1, 0);
    sql(r, "DELETE FROM tags WHERE id=1");
    sql(r, "INSERT INTO favorites(id,created_at,image_id)VALUES(1,'2026-01-01',3)");
    restore(r, id, 1, 0);
    assert_string_equal(ask(r, "SELECT t.name FROM image_tags i JOIN tags t ON t.id=i.tag_id "
                               "WHERE i.image_id=2 ORDER BY t.name"),
                        "Night;mug");
    assert_string_equal(ask(r, "SELECT image_id FROM favorites ORDER BY image_id"), "2;3");
}

static void trash_keeps_names_and_files(void **state) {
    rig *r = *state;
    fill(r);
    const int64_t id = trash(r, "{\"images\":[1]}", 1, 0);
    /* an older program noted the file for removal, or a deletion was cut short */
    sql(r, "INSERT INTO removals VALUES('a.png')");
    rig_stop(r);
    rig_start(r);
    assert_true(has_file(r, "a.png"));
    json_t *row = NULL;
    assert_int_equal(i4_db_trashed_file(r->gateway.db, "a.png", &row, NULL), I4_DB_OK);
    assert_int_equal(number_at(row, "id"), 1);
    json_decref(row);
    assert_int_equal(i4_db_trashed_file(r->gateway.db, "c.png", &row, NULL), I4_DB_NONE);
    assert_int_equal(i4_db_trashed_image(r->gateway.db, 1, &row, NULL), I4_DB_OK);
    assert_string_equal(text_at(row, "file_path"), "a.png");
    json_decref(row);
    assert_int_equal(i4_db_trashed_image(r->gateway.db, 2, &row, NULL), I4_DB_NONE);
    restore(r, id, 1, 0);
}

/* --- the list -------------------------------------------------------------------------------- */

static void trash_list_has_items_and_entries(void **state) {
    rig *r = *state;
    fill(r);
    const int64_t first = trash(r, "{\"images\":[2]}", 1, 0);
    const int64_t second = trash(r, "{\"prompts\":[2]}", 2, 1);
    sql(r, "UPDATE trash_actions SET trashed_at=datetime('now','-3 days') WHERE id=1");
    json_t *answer = get(r, "/api/trash");
    const json_t *items = json_object_get(answer, "items");
    assert_int_equal(json_array_size(items), 3);
    assert_int_equal(number_at(answer, "total"), 3);
    assert_true(json_is_null(json_object_get(answer, "next")));
    const json_t *last = json_array_get(items, 2);
    assert_int_equal(number_at(last, "id"), 2);
    assert_int_equal(number_at(last, "w"), 40);
    assert_int_equal(number_at(last, "rating"), 4);
    assert_int_equal(number_at(last, "days_left"), 27);
    assert_int_equal(number_at(last, "trash_id"), first);
    assert_string_equal(text_at(last, "title"), "Zwölf \"m\"");
    assert_string_equal(text_at(last, "format"), "png");
    assert_string_equal(text_at(last, "file"), "b.png");
    assert_true(json_is_true(json_object_get(last, "fav")));
    assert_int_equal(json_array_size(json_object_get(last, "tags")), 2);
    assert_string_equal(text_at(json_array_get(json_object_get(last, "loras"), 0), "name"),
                        "night");
    const json_t *prompt = json_array_get(json_object_get(answer, "prompts"), 0);
    assert_int_equal(number_at(prompt, "id"), 2);
    assert_int_equal(number_at(prompt, "images"), 2);
    assert_int_equal(number_at(prompt, "trash_id"), second);
    assert_string_equal(text_at(prompt, "hld"), "a mug");
    json_decref(answer);
}

static void trash_list_has_pages(void **state) {
    rig *r = *state;
    fill(r);
    trash(r, "{\"images\":[1,2,3,4,5],\"prompts\":[]}", 5, 0);
    char path[128] = "/api/trash?limit=2";
    int64_t seen[8];
    size_t count = 0;
    for (int page = 0; page < 5 && path[0]; page++) {
        json_t *answer = get(r, path);
        const json_t *items = json_object_get(answer, "items");
        for (size_t i = 0; i < json_array_size(items) && count < 8; i++) {
            seen[count++] = number_at(json_array_get(items, i), "id");
        }
        const char *next = json_string_value(json_object_get(answer, "next"));
        if (next) {
            snprintf(path, sizeof path, "/api/trash?limit=2&cursor=%s", next);
        } else {
            path[0] = 0;
        }
        json_decref(answer);
    }
    assert_int_equal(count, 5);
    json_t *whole = get(r, "/api/trash?limit=5");
    assert_true(json_is_null(json_object_get(whole, "next")));
    json_decref(whole);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(seen[i], 5 - i);
    }
    assert_int_equal(rig_ask(r, "GET", "/api/trash?cursor=x", NULL, NULL), 422);
    assert_int_equal(rig_ask(r, "GET", "/api/trash?limit=0", NULL, NULL), 422);
    assert_int_equal(rig_ask(r, "GET", "/api/trash?limit=501", NULL, NULL), 422);
}

/* --- for good -------------------------------------------------------------------------------- */

static int64_t delete_for_good(rig *r, const char *body) {
    json_t *answer;
    assert_int_equal(rig_ask(r, "DELETE", "/api/trash", body, &answer), 200);
    const int64_t deleted = number_at(answer, "deleted");
    json_decref(answer);
    return deleted;
}

static void trash_deletes_for_good_what_is_named(void **state) {
    rig *r = *state;
    char thumb[1200];
    fill(r);
    assert_true(i4_thumb(r->gateway.thumbs, "a.png", 160, thumb, sizeof thumb, NULL));
    trash(r, "{\"images\":[1,2],\"prompts\":[2]}", 4, 1);
    assert_int_equal(delete_for_good(r, "{\"images\":[1,5]}"), 1);
    assert_false(has_file(r, "a.png"));
    assert_int_equal(i4_path_look(thumb), I4_PATH_NONE);
    assert_true(has_file(r, "b.png") && has_file(r, "e.png"));
    assert_int_equal(delete_for_good(r, "{\"images\":[]}"), 0);
    assert_int_equal(delete_for_good(r, "{\"prompts\":[2]}"), 3);
    assert_false(has_file(r, "c.png") || has_file(r, "d.png"));
    assert_int_equal(delete_for_good(r, NULL), 1);
    assert_false(has_file(r, "b.png"));
    assert_true(has_file(r, "e.png"));
    assert_string_equal(ask(r, "SELECT id FROM images"), "5");
    assert_int_equal(rig_ask(r, "DELETE", "/api/trash", "{}", NULL), 422);
    assert_int_equal(rig_ask(r, "DELETE", "/api/trash", "[1]", NULL), 422);
}

static void trash_is_emptied_of_what_is_old(void **state) {
    rig *r = *state;
    fill(r);
    trash(r, "{\"images\":[1]}", 1, 0);
    trash(r, "{\"images\":[2]}", 1, 0);
    sql(r, "UPDATE trash_actions SET trashed_at=datetime('now','-31 days') WHERE id=1");
    i4_trash_empty_old(&r->gateway);
    assert_false(has_file(r, "a.png"));
    assert_true(has_file(r, "b.png"));
    sql(r, "UPDATE trash_actions SET trashed_at=datetime('now','-31 days')");
    rig_stop(r);
    rig_start(r); /* at the start too */
    EVENTUALLY(!has_file(r, "b.png"));
    assert_string_equal(ask(r, "SELECT count(*) FROM trash"), "0");
    i4_trash_stop(NULL);
}

/* --- refusals -------------------------------------------------------------------------------- */

static void trash_refuses_bad_requests(void **state) {
    rig *r = *state;
    fill(r);
    static const char *const bodies[] = {"{}",
                                         "{\"images\":1}",
                                         "{\"images\":[\"1\"]}",
                                         "{\"images\":[1.5]}",
                                         "{\"prompts\":{}}",
                                         "[]",
                                         ""};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        json_decref(post(r, "/api/trash", bodies[i], 422));
        json_decref(post(r, "/api/trash/restore", bodies[i], 422));
    }
    i4_buf many;
    i4_buf_init(&many, 1 << 20);
    i4_buf_adds(&many, "{\"images\":[1");
    for (int i = 0; i < I4_TRASH_IDS; i++) {
        i4_buf_adds(&many, ",1");
    }
    i4_buf_adds(&many, "]}");
    json_decref(post(r, "/api/trash", many.ptr, 422));
    i4_buf_free(&many);
    json_t *answer = post(r, "/api/trash", "{\"images\":[-1,77,9223372036854775807]}", 200);
    assert_true(json_is_null(json_object_get(answer, "trash_id")));
    json_decref(answer);
    assert_string_equal(ask(r, "SELECT count(*) FROM images"), "5");
    assert_string_equal(ask(r, "SELECT count(*) FROM trash_actions"), "0");
}

/* --- without HTTP ---------------------------------------------------------------------------- */

static void trash_functions_say_what_they_did(void **state) {
    rig *r = *state;
    fill(r);
    i4_db *db = r->gateway.db;
    json_t *images = json_pack("[i,i]", 1, 2), *ids;
    int64_t trash_id, image_count, prompt_count;
    assert_int_equal(i4_db_trash(db, images, NULL, &trash_id, &image_count, &prompt_count, NULL),
                     I4_DB_OK);
    assert_int_equal(image_count, 2);
    assert_int_equal(i4_db_trash_images(db, trash_id, &ids, NULL), I4_DB_OK);
    assert_true(json_equal(ids, images));
    json_decref(ids);
    i4_trash_page page;
    assert_int_equal(i4_db_trash_list(db, -1, 10, &page, NULL), I4_DB_OK);
    assert_int_equal(page.total, 2);
    json_t *row = i4_trash_row(text_at(json_array_get(page.images, 0), "content"));
    assert_int_equal(number_at(row, "id"), 2);
    assert_true(json_is_true(json_object_get(row, "fav")));
    json_decref(row);
    json_decref(page.images);
    json_decref(page.prompts);
    assert_null(i4_trash_row("no JSON"));
    i4_trash_done done;
    const i4_trash_choice choice = {.trash_id = trash_id, .days = -1};
    assert_int_equal(i4_db_restore(db, &choice, &done, NULL), I4_DB_OK);
    assert_true(json_equal(done.images, images));
    i4_trash_done_free(&done);
    assert_int_equal(i4_db_empty(db, &choice, &done, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(done.images), 0);
    assert_int_equal(json_array_size(done.files), 0);
    i4_trash_done_free(&done);
    json_decref(images);
    make_file(r, "left.png");
    i4_library_remove_files(&r->gateway, json_pack("[s]", "left.png"));
    assert_false(has_file(r, "left.png"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(trash_and_restore_change_nothing),
        TEST(trash_takes_out_of_every_list),
        TEST(trash_single_pictures_come_back_by_id),
        TEST(trash_restores_tags_that_are_gone_meanwhile),
        TEST(trash_keeps_names_and_files),
        TEST(trash_list_has_items_and_entries),
        TEST(trash_list_has_pages),
        TEST(trash_deletes_for_good_what_is_named),
        TEST(trash_is_emptied_of_what_is_old),
        TEST(trash_refuses_bad_requests),
        TEST(trash_entry_that_goes_for_good_is_no_link),
        TEST(trash_functions_say_what_they_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
