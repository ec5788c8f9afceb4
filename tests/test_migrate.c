/* A database of the original with thousands of rows: the real gateway upgrades it in place and its
 * old routes answer what the rows say, as the original did; its rows can still be written by the
 * original afterwards (docs/http-api.md 7). */
#include "library_rows.h"
#include "stack.h"

enum { IMAGES = 5000, PROMPTS = 1000, FORM_BYTES = 3000 };

static stack it;

static int begin(void **state) {
    sqlite3 *handle;
    (void)state;
    stack_begin(&it, "migrate");
    stack_use_database(&it, "later");
    assert_int_equal(sqlite3_open(folder_at(&it.folder, "library.db"), &handle), SQLITE_OK);
    assert_int_equal(rows_fill(handle, IMAGES, PROMPTS, FORM_BYTES), 0);
    sqlite3_close(handle);
    stack_sql(&it, "INSERT INTO favorites(id,created_at,image_id)"
                   "SELECT id/100,created_at,id FROM images WHERE id%100=0;"
                   "INSERT INTO last_form(id,form_json)VALUES(1,'{\"w\":64}')");
    return 0;
}

static int end(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

/* What the original answered, asked of the rows before the upgrade: each column by its name. */
static json_t *rows_of(const char *query) {
    sqlite3 *handle;
    sqlite3_stmt *stmt;
    json_t *rows = json_array();
    assert_int_equal(sqlite3_open(folder_at(&it.folder, "library.db"), &handle), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, query, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        json_t *row = json_object();
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const int type = sqlite3_column_type(stmt, i);
            json_object_set_new(
                row, sqlite3_column_name(stmt, i),
                type == SQLITE_NULL      ? json_null()
                : type == SQLITE_INTEGER ? json_integer(sqlite3_column_int64(stmt, i))
                : type == SQLITE_FLOAT   ? json_real(sqlite3_column_double(stmt, i))
                                         : json_string((const char *)sqlite3_column_text(stmt, i)));
        }
        json_array_append_new(rows, row);
    }
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return rows;
}

static void expect(const char *path, json_t *rows) {
    i4_answer answer = fetch(&it, GATEWAY, path); /* larger than what `say` reads */
    assert_int_equal(answer.status, 200);
    json_t *got = json_loadb(answer.body, answer.size, 0, NULL);
    i4_answer_free(&answer);
    assert_int_equal(json_array_size(got), json_array_size(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!json_equal(json_array_get(got, i), json_array_get(rows, i))) {
            fail_msg("%s: row %zu differs", path, i);
        }
    }
    json_decref(got);
    json_decref(rows);
}

#define IMAGE                                                                          \
    "SELECT id,created_at,hld,width,height,preset,seed,file_path,prompt_id,lora_name," \
    "lora_strength,lora_stack_json,parent_image_id FROM images "
#define NEWEST "ORDER BY created_at DESC,id DESC "

static void migrate_old_routes_answer_as_before(void **state) {
    (void)state;
    json_t *images = rows_of(IMAGE NEWEST), *linked = rows_of(IMAGE "WHERE prompt_id>0 " NEWEST);
    json_t *orphans = rows_of(IMAGE "WHERE prompt_id IS NULL " NEWEST);
    json_t *versions = rows_of(IMAGE "WHERE prompt_id=17 " NEWEST);
    json_t *prompts = rows_of("SELECT id,saved_at,hld,form_json FROM prompts "
                              "ORDER BY saved_at DESC,id DESC");
    stack_start_gateway(&it);
    expect("/api/images?limit=0", images);
    expect("/api/images?limit=0&linked_only=true", linked);
    expect("/api/images?limit=0&orphans_only=true", orphans);
    expect("/api/images?prompt_id=17", versions);
    expect("/api/prompts", prompts);
    say(&it, GATEWAY, "GET", "/api/images/stats", NULL, 200,
        "{'total':5000,'linked':4500,'orphans':500,'null_prompt_id':500,'dangling':0}");
    const json_t *favorites = say(&it, GATEWAY, "GET", "/api/favorites", NULL, 200, NULL);
    assert_int_equal(json_array_size(favorites), 50);
    char why[300];
    assert_true(answer_fits(json_array_get(favorites, 0),
                            "{'id':50,'created_at':'<when>','image_id':5000,'hld':'<text>',"
                            "'preset':'V4_TURBO_12','w':1024,'h':1024,'prompt_id':null,"
                            "'history_linked':false}",
                            why, sizeof why));
    say(&it, GATEWAY, "GET", "/api/form", NULL, 200, "{'form_json':'{\\'w\\':64}'}");
    assert_true(stack_has_file(&it, "library.db.before-3"));
}

static void migrate_rows_are_found_in_the_library(void **state) {
    (void)state;
    say(&it, GATEWAY, "GET", "/api/library?limit=1", NULL, 200,
        "{'items':'<list>','next':'<text>','total':5000}");
    say(&it, GATEWAY, "GET", "/api/library?q=picture4321", NULL, 200,
        "{'items':'<list>','next':null,'total':1}");
    say(&it, GATEWAY, "GET", "/api/library?q=scene17&prompt_id=17", NULL, 200,
        "{'items':'<list>','next':null,'total':5}");
    say(&it, GATEWAY, "GET", "/api/library?fav=1", NULL, 200,
        "{'items':'<list>','next':null,'total':50}");
}

/* The original may run on it again, and then we: its statements know nothing of our columns. */
static void migrate_the_original_can_write_it_afterwards(void **state) {
    (void)state;
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_sql(&it, "INSERT INTO prompts(id,hld,form_json)VALUES(2000,'h','{\"hld\":\"obelisk\"}');"
                   "INSERT INTO images(id,hld,width,height,preset,seed,file_path,prompt_id)"
                   "VALUES(9000,'from elsewhere',64,64,'V4_TURBO_12',1,'e.png',2000);"
                   "UPDATE prompts SET form_json='{\"hld\":\"menhir\"}'WHERE id=17;"
                   "DELETE FROM favorites WHERE image_id=100;"
                   "DELETE FROM images WHERE id=1");
    stack_start_gateway(&it);
    say(&it, GATEWAY, "GET", "/api/library?q=obelisk%20elsewhere", NULL, 200,
        "{'items':'<list>','next':null,'total':1}");
    say(&it, GATEWAY, "GET", "/api/library?q=menhir", NULL, 200,
        "{'items':'<list>','next':null,'total':5}");
    say(&it, GATEWAY, "GET", "/api/library?limit=1", NULL, 200,
        "{'items':'<list>','next':'<text>','total':5000}");
    say(&it, GATEWAY, "GET", "/api/library?fav=1", NULL, 200,
        "{'items':'<list>','next':null,'total':49}");
    say(&it, GATEWAY, "GET", "/api/library/1", NULL, 404, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrate_old_routes_answer_as_before),
        cmocka_unit_test(migrate_rows_are_found_in_the_library),
        cmocka_unit_test(migrate_the_original_can_write_it_afterwards),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
