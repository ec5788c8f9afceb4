/* The gateway's database without HTTP: opening and upgrading databases of every age, and the rules
 * of pictures, prompts and favourites (docs/http-api.md 7). Times and odd rows are set through a
 * second connection. */
#include "folder.h"

#include "gateway/db/db.h"
#include "gateway/library/maintenance.h"

#include <pthread.h>
#include <sqlite3.h>

typedef struct world {
    folder root;
    char path[1024], out[1024];
    i4_db *db;
} world;

/* --- through the back door ------------------------------------------------------------------ */

static void sql_on(const char *path, const char *text) {
    sqlite3 *handle;
    char *problem = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, text, NULL, NULL, &problem) != SQLITE_OK) {
        fail_msg("%s: %s", text, problem);
    }
    sqlite3_close(handle);
}

static void sql(const world *w, const char *text) {
    sql_on(w->path, text);
}

static int sql_code(const world *w, const char *text) {
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(w->path, &handle), SQLITE_OK);
    const int code = sqlite3_exec(handle, text, NULL, NULL, NULL);
    sqlite3_close(handle);
    return code;
}

/* All rows as text: columns joined by '|', rows by ';', null as '-'. */
static const char *ask_at(const char *path, const char *text) {
    static char turns[4][4096];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    sqlite3 *handle;
    sqlite3_stmt *stmt;
    size_t used = 0;
    out[0] = '\0';
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(handle, text, -1, &stmt, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", text, sqlite3_errmsg(handle));
    }
    for (int row = 0; sqlite3_step(stmt) == SQLITE_ROW; row++) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *value = (const char *)sqlite3_column_text(stmt, i);
            used += (size_t)snprintf(out + used, 4096 - used, "%s%s",
                                     i > 0     ? "|"
                                     : row > 0 ? ";"
                                               : "",
                                     value ? value : "-");
            assert_true(used < 4096);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return out;
}

static const char *ask(const world *w, const char *text) {
    return ask_at(w->path, text);
}

/* --- the world ------------------------------------------------------------------------------ */

static world *begin_world(void) {
    static world w;
    memset(&w, 0, sizeof w);
    folder_make(&w.root, "gateway_db");
    folder_sub(&w.root, "out");
    snprintf(w.path, sizeof w.path, "%s", folder_at(&w.root, "library.db"));
    snprintf(w.out, sizeof w.out, "%s", folder_at(&w.root, "out"));
    return &w;
}

static void open_db(world *w) {
    i4_err err = {0};
    w->db = i4_db_open(w->path, w->out, &err);
    if (!w->db) {
        fail_msg("%s", err.text);
    }
}

static void close_db(world *w) {
    i4_db_close(w->db);
    w->db = NULL;
}

static void reopen(world *w) {
    close_db(w);
    open_db(w);
}

static int set_up_bare(void **state) {
    *state = begin_world();
    return 0;
}

static int set_up(void **state) {
    world *w = begin_world();
    open_db(w);
    *state = w;
    return 0;
}

static int tear_down(void **state) {
    world *w = *state;
    close_db(w);
    folder_remove(&w->root);
    return 0;
}

/* The part of the original's schema with that name becomes the database. */
static void make_original(const world *w, const char *part) {
    char *text, mark[64];
    size_t size;
    i4_err err = {0};
    if (!i4_file_read(ID4_SOURCE_DIR "/tests/data/original_schema.sql", 1 << 20, &text, &size,
                      &err)) {
        fail_msg("%s", err.text);
    }
    snprintf(mark, sizeof mark, "-- part: %s\n", part);
    char *start = strstr(text, mark);
    assert_non_null(start);
    char *end = strstr(start + strlen(mark), "-- part:");
    if (end) {
        *end = '\0';
    }
    sql(w, start);
    i4_free(text);
}

/* --- short forms ---------------------------------------------------------------------------- */

static i4_new_image image_of(const char *file) {
    return (i4_new_image){.hld = "a mug",
                          .width = 1024,
                          .height = 768,
                          .seed = 7,
                          .preset = "V4_QUALITY_48",
                          .file_path = file,
                          .prompt_id = -1,
                          .parent_image_id = -1};
}

static int64_t id_of(const json_t *row) {
    return json_integer_value(json_object_get(row, "id"));
}

static int64_t add(const world *w, const char *file) {
    const i4_new_image image = image_of(file);
    json_t *row;
    i4_err err = {0};
    if (i4_db_add_image(w->db, &image, &row, &err) != I4_DB_OK) {
        fail_msg("%s", err.text);
    }
    const int64_t id = id_of(row);
    json_decref(row);
    return id;
}

static int64_t add_prompt(const world *w, const char *hld) {
    int64_t id;
    assert_int_equal(i4_db_add_prompt(w->db, hld, "{}", &id, NULL), I4_DB_OK);
    return id;
}

/* A picture of a prompt (-1: none), made at that time. */
static int64_t add_at(const world *w, const char *file, int64_t prompt, const char *time) {
    char text[256];
    const int64_t id = add(w, file);
    snprintf(text, sizeof text,
             "UPDATE images SET created_at='%s',prompt_id=nullif(%lld,-1) WHERE id=%lld", time,
             (long long)prompt, (long long)id);
    sql(w, text);
    return id;
}

static int64_t add_prompt_at(const world *w, const char *time) {
    char text[256];
    const int64_t id = add_prompt(w, "p");
    snprintf(text, sizeof text, "UPDATE prompts SET saved_at='%s' WHERE id=%lld", time,
             (long long)id);
    sql(w, text);
    return id;
}

static json_t *favorites(const world *w) {
    json_t *rows;
    assert_int_equal(i4_db_favorites(w->db, &rows, NULL), I4_DB_OK);
    return rows;
}

/* "1,2,3" of a list of rows; takes it. */
static const char *ids(json_t *rows) {
    static char out[1024];
    size_t used = 0;
    out[0] = '\0';
    assert_true(json_is_array(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%lld", i ? "," : "",
                                 (long long)id_of(json_array_get(rows, i)));
        assert_true(used < sizeof out);
    }
    json_decref(rows);
    return out;
}

static const char *list_ids(const world *w, int64_t prompt, bool linked, bool orphans,
                            int64_t limit) {
    json_t *rows;
    assert_int_equal(i4_db_images(w->db, prompt, linked, orphans, limit, &rows, NULL), I4_DB_OK);
    return ids(rows);
}

/* Takes the value. */
static void expect_json(json_t *value, const char *expected) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
    assert_non_null(text);
    if (strcmp(text, expected) != 0) {
        fail_msg("got %s, not %s", text, expected);
    }
    free(text);
    json_decref(value);
}

/* --- opening -------------------------------------------------------------------------------- */

static void gateway_db_new_path_gets_folders_and_layout(void **state) {
    world *w = *state;
    snprintf(w->path, sizeof w->path, "%s", folder_at(&w->root, "a/b/library.db"));
    snprintf(w->out, sizeof w->out, "%s", folder_at(&w->root, "c/d"));
    open_db(w);
    assert_int_equal(i4_path_look(w->out), I4_PATH_DIR);
    assert_string_equal(ask(w, "PRAGMA user_version"), "3");
    assert_string_equal(ask(w, "PRAGMA journal_mode"), "wal");
    assert_string_equal(ask(w, "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name "
                               "IN('favorites','images','last_form','prompts','removals','tasks')"),
                        "6");
    assert_string_equal(
        ask(w, "SELECT group_concat(name) FROM pragma_table_info('images')"),
        "id,created_at,hld,width,height,preset,seed,file_path,prompt_id,lora_name,lora_strength,"
        "lora_stack_json,parent_image_id,title,rating,flag");
    /* nothing to keep a copy of */
    assert_int_equal(i4_path_look(folder_at(&w->root, "a/b/library.db.before-3")), I4_PATH_NONE);
}

static void gateway_db_reopening_keeps_everything(void **state) {
    world *w = *state;
    add(w, "a.png");
    const int64_t prompt = add_prompt(w, "mug");
    assert_int_equal(i4_db_set_form(w->db, "[1]", NULL), I4_DB_OK);
    reopen(w);
    assert_string_equal(list_ids(w, -1, false, false, -1), "1");
    json_t *row;
    assert_int_equal(i4_db_prompt(w->db, prompt, &row, NULL), I4_DB_OK);
    json_decref(row);
    assert_int_equal(i4_path_look(folder_at(&w->root, "library.db.before-3")), I4_PATH_NONE);
}

static const char known_rows[] =
    "INSERT INTO prompts(id,saved_at,hld,form_json)VALUES(3,'2026-06-20 "
    "10:00:00','mug','{\"w\":1}');"
    "INSERT INTO images(id,created_at,hld,width,height,preset,seed,file_path,prompt_id,lora_name,"
    "lora_strength,lora_stack_json)VALUES(5,'2026-06-20 10:00:01','mug',1024,768,'V4_QUALITY_48',"
    "20260608,'t1.png',3,'x.safetensors',0.5,'[{\"name\":\"x\"}]'),"
    "(9,'2026-06-21 10:00:01','',512,512,'V4_TURBO_12',0,'t2.webp',NULL,NULL,NULL,NULL);"
    "INSERT INTO favorites(id,created_at,image_id)VALUES(2,'2026-06-22 00:00:00',5);"
    "INSERT INTO last_form VALUES(1,'{\"a\":1}')";

static void check_known_rows(const world *w) {
    json_t *value;
    assert_int_equal(i4_db_image(w->db, 5, &value, NULL), I4_DB_OK);
    expect_json(value, "{\"id\":5,\"created_at\":\"2026-06-20 10:00:01\",\"hld\":\"mug\","
                       "\"width\":1024,\"height\":768,\"preset\":\"V4_QUALITY_48\","
                       "\"seed\":20260608,\"file_path\":\"t1.png\",\"prompt_id\":3,"
                       "\"lora_name\":\"x.safetensors\",\"lora_strength\":0.5,"
                       "\"lora_stack_json\":\"[{\\\"name\\\":\\\"x\\\"}]\","
                       "\"parent_image_id\":null}");
    assert_int_equal(i4_db_prompt(w->db, 3, &value, NULL), I4_DB_OK);
    expect_json(value, "{\"id\":3,\"saved_at\":\"2026-06-20 10:00:00\",\"hld\":\"mug\","
                       "\"form_json\":\"{\\\"w\\\":1}\"}");
    expect_json(favorites(w), "[{\"id\":2,\"created_at\":\"2026-06-22 00:00:00\",\"image_id\":5,"
                              "\"hld\":\"mug\",\"preset\":\"V4_QUALITY_48\",\"w\":1024,"
                              "\"h\":768,\"prompt_id\":3,\"history_linked\":true}]");
    assert_int_equal(i4_db_form(w->db, &value, NULL), I4_DB_OK);
    expect_json(value, "\"{\\\"a\\\":1}\"");
    assert_string_equal(list_ids(w, -1, false, false, -1), "9,5");
}

static void upgrade_known(world *w, const char *part) {
    make_original(w, part);
    sql(w, known_rows);
    open_db(w);
    check_known_rows(w);
    assert_string_equal(ask(w, "PRAGMA user_version"), "3");
    assert_int_equal(add(w, "new.png"), 10); /* numbering goes on */
    /* the copy is the database as it was */
    const char *copy = folder_at(&w->root, "library.db.before-3");
    assert_string_equal(ask_at(copy, "PRAGMA user_version"), "0");
    assert_string_equal(ask_at(copy, "PRAGMA integrity_check"), "ok");
    assert_string_equal(ask_at(copy, "SELECT id,file_path FROM images ORDER BY id"),
                        "5|t1.png;9|t2.webp");
    assert_string_equal(ask_at(copy, "SELECT count(*) FROM sqlite_schema WHERE name IN"
                                     "('tasks','removals','images_file')"),
                        "0");
}

static void gateway_db_readme_database_is_upgraded(void **state) {
    upgrade_known(*state, "readme");
}

static void gateway_db_later_database_is_upgraded(void **state) {
    world *w = *state;
    upgrade_known(w, "later");
    sql(w, "UPDATE images SET parent_image_id=5 WHERE id=9");
    json_t *row;
    assert_int_equal(i4_db_image(w->db, 9, &row, NULL), I4_DB_OK);
    assert_int_equal(json_integer_value(json_object_get(row, "parent_image_id")), 5);
    json_decref(row);
}

static void gateway_db_database_in_wal_mode_is_upgraded(void **state) {
    world *w = *state;
    make_original(w, "readme");
    sql(w, "PRAGMA journal_mode=WAL");
    sql(w, known_rows);
    open_db(w);
    check_known_rows(w);
}

static void gateway_db_oldest_database_gets_columns_tables_and_names(void **state) {
    world *w = *state;
    char text[4096];
    char *real = realpath(w->out, NULL);
    assert_non_null(real);
    folder_write(&w->root, "out/here.png", "x");
    folder_sub(&w->root, "out/sub");
    folder_write(&w->root, "out/sub/nested.png", "x");
    make_original(w, "oldest");
    snprintf(text, sizeof text,
             "INSERT INTO images(id,file_path)VALUES(1,'plain.png'),(2,'outputs/here.png'),"
             "(3,'%s/gone.png'),(4,'sub/nested.png'),(5,'outputs/missing.png'),"
             "(6,'/etc/elsewhere.png'),(7,'outputs/here.txt')",
             real);
    free(real);
    sql(w, text);
    open_db(w);
    assert_string_equal(ask(w, "SELECT id,file_path FROM images ORDER BY id"),
                        "1|plain.png;2|here.png;3|gone.png;4|nested.png;5|outputs/missing.png;"
                        "6|/etc/elsewhere.png;7|outputs/here.txt");
    /* what is no acceptable name is not shown */
    json_t *rows;
    assert_int_equal(i4_db_images(w->db, -1, false, false, -1, &rows, NULL), I4_DB_OK);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        const char *name = json_string_value(json_object_get(row, "file_path"));
        assert_int_equal(name[0] == '\0', id_of(row) >= 5);
        assert_true(json_is_null(json_object_get(row, "prompt_id")));
        assert_true(json_is_null(json_object_get(row, "parent_image_id")));
    }
    json_decref(rows);
    add(w, "b.png");
    assert_int_equal(i4_db_set_form(w->db, "{}", NULL), I4_DB_OK);
}

static void gateway_db_old_favorites_become_pictures(void **state) {
    world *w = *state;
    make_original(w, "oldest");
    make_original(w, "old favorites");
    sql(w, "ALTER TABLE images ADD COLUMN prompt_id INTEGER;"
           "INSERT INTO prompts(id,form_json)VALUES(1,'{}'),(2,'{}'),(3,'{}'),(4,'{}');"
           "INSERT INTO images(id,created_at,file_path,prompt_id)VALUES"
           "(1,'2026-01-01 00:00:00','a.png',1),(2,'2026-01-03 00:00:00','b.png',1),"
           "(3,'2026-01-02 00:00:00','c.png',1),(4,'2026-01-01 00:00:00','d.png',2),"
           "(5,'2026-01-01 00:00:00','e.png',NULL),(6,'2026-01-01 00:00:00','f.png',4),"
           "(7,'2026-01-01 00:00:00','g.png',4);"
           "INSERT INTO favorites(id,created_at,kind,target_id)VALUES"
           "(1,'2026-02-01 00:00:00','prompt',1)," /* its newest: 2 */
           "(2,'2026-02-02 00:00:00','image',5),"  /* stays */
           "(3,'2026-02-03 00:00:00','image',99)," /* no such picture */
           "(4,'2026-02-04 00:00:00','prompt',3)," /* has no picture */
           "(5,'2026-02-05 00:00:00','image',2),"  /* the picture of 1: images go first */
           "(6,'2026-02-06 00:00:00','prompt',2)," /* 4 */
           "(7,'2026-02-07 00:00:00','prompt',4)" /* equal times: 7 */);
    open_db(w);
    assert_string_equal(ask(w, "SELECT id,created_at,image_id FROM favorites ORDER BY id"),
                        "2|2026-02-02 00:00:00|5;5|2026-02-05 00:00:00|2;"
                        "6|2026-02-06 00:00:00|4;7|2026-02-07 00:00:00|7");
    json_t *row;
    assert_int_equal(i4_db_add_favorite(w->db, 1, -1, &row, NULL), I4_DB_OK);
    assert_int_equal(id_of(row), 8); /* ids are not used twice */
    json_decref(row);
}

static void gateway_db_double_files_of_old_data_stay(void **state) {
    world *w = *state;
    make_original(w, "later");
    sql(w, "INSERT INTO images(id,file_path)VALUES(3,'a.png'),(4,'a.png'),(5,'b.png')");
    open_db(w);
    assert_string_equal(list_ids(w, -1, false, false, -1), "5,4,3");
    assert_int_equal(add(w, "a.png"), 3); /* found, the first of them */
    assert_int_equal(add(w, "c.png"), 6);
    /* new doubles are impossible even for a program that does not look */
    assert_int_equal(sql_code(w, "INSERT INTO images(file_path)VALUES('c.png')"),
                     SQLITE_CONSTRAINT);
}

static void gateway_db_files_are_unique(void **state) {
    world *w = *state;
    add(w, "a.png");
    assert_int_equal(sql_code(w, "INSERT INTO images(file_path)VALUES('a.png')"),
                     SQLITE_CONSTRAINT);
}

static void gateway_db_second_copy_does_not_replace_the_first(void **state) {
    world *w = *state;
    folder_write(&w->root, "library.db.before-3", "precious");
    folder_write(&w->root, "library.db.before-3.1.part", "of a process that died");
    make_original(w, "readme");
    sql(w, known_rows);
    open_db(w);
    char *text;
    size_t size;
    assert_true(i4_file_read(folder_at(&w->root, "library.db.before-3"), 100, &text, &size, NULL));
    assert_string_equal(text, "precious");
    i4_free(text);
    assert_string_equal(
        ask_at(folder_at(&w->root, "library.db.before-3.1"), "SELECT count(*) FROM images"), "2");
    assert_int_equal(i4_path_look(folder_at(&w->root, "library.db.before-3.1.part")), I4_PATH_NONE);
}

/* An upgrade that cannot be done, each time it is tried, must not fill the disk with copies. */
static void gateway_db_upgrade_that_fails_leaves_no_copy(void **state) {
    world *w = *state;
    make_original(w, "readme");
    sql(w, known_rows);
    sql(w, "CREATE TABLE trash_chosen(id)"); /* somebody's own: step 3 stumbles over it */
    for (int i = 0; i < 3; i++) {
        i4_err err = {0};
        assert_null(i4_db_open(w->path, w->out, &err));
        assert_true(err.status != I4_E_OK);
    }
    /* one of the original, kept when the first steps were done */
    assert_string_equal(ask_at(folder_at(&w->root, "library.db.before-3"), "PRAGMA user_version"),
                        "0");
    assert_int_equal(i4_path_look(folder_at(&w->root, "library.db.before-3.1")), I4_PATH_NONE);
    sql(w, "DROP TABLE trash_chosen");
    open_db(w);
    check_known_rows(w);
}

/* --- refusals ------------------------------------------------------------------------------- */

/* Opening fails with a sentence that names the file; the file stays as it is, byte for byte, and
 * nothing else is written. */
static void expect_refusal(world *w, i4_status status, const char *word) {
    char *before, *after;
    size_t size_before, size_after;
    i4_err err = {0};
    assert_true(i4_file_read(w->path, 1 << 24, &before, &size_before, NULL));
    assert_null(i4_db_open(w->path, w->out, &err));
    assert_true(i4_file_read(w->path, 1 << 24, &after, &size_after, NULL));
    assert_int_equal(err.status, status);
    assert_non_null(strstr(err.text, w->path));
    if (!strstr(err.text, word)) {
        fail_msg("'%s' does not say '%s'", err.text, word);
    }
    assert_int_equal(size_after, size_before);
    assert_memory_equal(after, before, size_before);
    assert_int_equal(i4_path_look(folder_at(&w->root, "library.db.before-3")), I4_PATH_NONE);
    i4_free(before);
    i4_free(after);
}

static void gateway_db_file_of_another_kind_is_refused(void **state) {
    world *w = *state;
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    folder_write(&w->root, "library.db", text);
    expect_refusal(w, I4_E_FORMAT, "damaged");
    folder_write(&w->root, "library.db", "short");
    expect_refusal(w, I4_E_FORMAT, "damaged");
}

/* A database of a few hundred rows, closed. */
static void fill(world *w) {
    make_original(w, "later");
    sql(w, "WITH RECURSIVE n(i)AS(VALUES(1)UNION ALL SELECT i+1 FROM n WHERE i<500)"
           "INSERT INTO images(hld,file_path)SELECT printf('%.200c','x'),i||'.png' FROM n");
}

static void gateway_db_damaged_page_is_refused(void **state) {
    world *w = *state;
    fill(w);
    FILE *file = fopen(w->path, "r+b");
    assert_non_null(file);
    for (long page = 4; page < 20; page++) {
        assert_int_equal(fseek(file, page * 4096, SEEK_SET), 0);
        for (int i = 0; i < 64; i++) {
            fputc(0xa5, file);
        }
    }
    assert_int_equal(fclose(file), 0);
    expect_refusal(w, I4_E_FORMAT, "damaged");
}

static void gateway_db_truncated_file_is_refused(void **state) {
    world *w = *state;
    fill(w);
    assert_int_equal(truncate(w->path, 3 * 4096 + 100), 0);
    expect_refusal(w, I4_E_FORMAT, "damaged");
}

static void gateway_db_newer_version_is_refused(void **state) {
    world *w = *state;
    make_original(w, "later");
    sql(w, "PRAGMA user_version=4");
    expect_refusal(w, I4_E_FORMAT, "newer");
}

static void gateway_db_database_of_another_program_is_refused(void **state) {
    world *w = *state;
    sql(w, "CREATE TABLE bookmarks(id INTEGER)");
    expect_refusal(w, I4_E_FORMAT, "another program");
}

static void gateway_db_strange_columns_are_refused(void **state) {
    world *w = *state;
    i4_err err = {0};
    sql(w, "CREATE TABLE images(id INTEGER PRIMARY KEY,file_path TEXT,prompt_id INTEGER)");
    assert_null(i4_db_open(w->path, w->out, &err));
    assert_int_equal(err.status, I4_E_FORMAT);
    assert_non_null(strstr(err.text, w->path));
    assert_string_equal(ask(w, "SELECT group_concat(name)FROM pragma_table_info('images')"),
                        "id,file_path,prompt_id");
    assert_string_equal(ask(w, "SELECT count(*)FROM sqlite_schema"), "1");
    assert_string_equal(ask(w, "PRAGMA user_version"), "0");
}

static void gateway_db_folder_instead_of_a_file_is_refused(void **state) {
    world *w = *state;
    i4_err err = {0};
    folder_sub(&w->root, "library.db");
    assert_null(i4_db_open(w->path, w->out, &err));
    assert_int_equal(err.status, I4_E_IO);
    assert_non_null(strstr(err.text, w->path));
}

/* --- pictures ------------------------------------------------------------------------------- */

static void gateway_db_picture_comes_back_as_it_was_stored(void **state) {
    world *w = *state;
    i4_new_image image = image_of("a.png");
    image.hld = "Tasse \xc3\xa4 '; DROP TABLE images; --";
    image.seed = INT64_MAX;
    image.prompt_id = 77; /* may dangle */
    image.parent_image_id = 5;
    image.lora_name = "a + b";
    image.has_lora_strength = true;
    image.lora_strength = 0.0;
    image.lora_stack_json = "[]";
    json_t *row, *again;
    assert_int_equal(i4_db_add_image(w->db, &image, &row, NULL), I4_DB_OK);
    assert_int_equal(i4_db_image(w->db, id_of(row), &again, NULL), I4_DB_OK);
    assert_true(json_equal(row, again));
    json_object_del(again, "created_at");
    expect_json(again, "{\"id\":1,\"hld\":\"Tasse \xc3\xa4 '; DROP TABLE images; --\","
                       "\"width\":1024,\"height\":768,\"preset\":\"V4_QUALITY_48\","
                       "\"seed\":9223372036854775807,\"file_path\":\"a.png\",\"prompt_id\":77,"
                       "\"lora_name\":\"a + b\",\"lora_strength\":0.0,\"lora_stack_json\":\"[]\","
                       "\"parent_image_id\":5}");
    const char *time = json_string_value(json_object_get(row, "created_at"));
    int year, month, day, hour, minute, second, used = 0; /* KEEP K17 */
    assert_int_equal(sscanf(time, "%4d-%2d-%2d %2d:%2d:%2d%n", &year, &month, &day, &hour, &minute,
                            &second, &used),
                     6);
    assert_int_equal(used, 19);
    assert_int_equal(strlen(time), 19);
    json_decref(row);
    assert_string_equal(ask(w, "SELECT abs(strftime('%s','now')-strftime('%s',created_at))<600 "
                               "FROM images"),
                        "1");
}

static void gateway_db_same_file_is_the_same_row(void **state) {
    world *w = *state;
    const int64_t id = add(w, "a.png");
    assert_int_equal(add(w, "a.png"), id);
    assert_int_equal(add(w, "b.png"), id + 1);
    json_t *row;
    assert_int_equal(i4_db_image_by_file(w->db, "a.png", &row, NULL), I4_DB_OK);
    assert_int_equal(id_of(row), id);
    json_decref(row);
    assert_int_equal(i4_db_image_by_file(w->db, "c.png", &row, NULL), I4_DB_NONE);
    assert_null(row);
}

static void gateway_db_lists_are_newest_first_and_filtered(void **state) {
    world *w = *state;
    const int64_t p = add_prompt(w, "p");
    add_at(w, "1.png", -1, "2026-01-02 00:00:00");
    add_at(w, "2.png", p, "2026-01-01 00:00:00");
    add_at(w, "3.png", p, "2026-01-03 00:00:00");
    add_at(w, "4.png", 99, "2026-01-02 00:00:00");
    add_at(w, "5.png", p, "2026-01-02 00:00:00");
    /* equal times: the higher id first (I8) */
    assert_string_equal(list_ids(w, -1, false, false, -1), "3,5,4,1,2");
    assert_string_equal(list_ids(w, -1, false, false, 2), "3,5");
    assert_string_equal(list_ids(w, -1, false, false, 0), "");
    assert_string_equal(list_ids(w, -1, true, false, -1), "3,5,2");
    assert_string_equal(list_ids(w, -1, false, true, -1), "4,1");
    assert_string_equal(list_ids(w, p, false, false, -1), "3,5,2");
    assert_string_equal(list_ids(w, p, false, true, 1), "3"); /* the prompt wins */
    assert_string_equal(list_ids(w, 99, false, false, -1), "4");
    assert_string_equal(list_ids(w, 12345, false, false, -1), "");
    assert_string_equal(list_ids(w, INT64_MIN, false, false, -1), "");
    json_t *stats;
    assert_int_equal(i4_db_stats(w->db, &stats, NULL), I4_DB_OK);
    expect_json(stats, "{\"total\":5,\"linked\":3,\"orphans\":2,\"null_prompt_id\":1,"
                       "\"dangling\":1}");
}

static void gateway_db_bytes_that_are_no_text_do_not_stop_a_list(void **state) {
    world *w = *state;
    add(w, "a.png");
    sql(w, "UPDATE images SET hld=CAST(x'61ff62' AS TEXT),lora_strength=9e999");
    json_t *row;
    assert_int_equal(i4_db_image(w->db, 1, &row, NULL), I4_DB_OK);
    assert_string_equal(json_string_value(json_object_get(row, "hld")), "a\xef\xbf\xbd"
                                                                        "b");
    assert_true(json_is_null(json_object_get(row, "lora_strength")));
    json_decref(row);
}

static void gateway_db_names_outside_the_folder_are_not_shown(void **state) {
    world *w = *state;
    add(w, "a.png");
    sql(w, "UPDATE images SET file_path='../library.db.png'");
    json_t *row;
    assert_int_equal(i4_db_image(w->db, 1, &row, NULL), I4_DB_OK);
    assert_string_equal(json_string_value(json_object_get(row, "file_path")), "");
    json_decref(row);
}

/* --- links (7.3) ---------------------------------------------------------------------------- */

static void gateway_db_link_pushes_out_what_is_older_than_the_prompt(void **state) {
    world *w = *state;
    const int64_t p = add_prompt_at(w, "2026-01-01 12:00:00");
    const int64_t other = add_prompt_at(w, "2026-01-01 12:00:00");
    add_at(w, "1.png", p, "2026-01-01 11:57:59");     /* 121 s older: out */
    add_at(w, "2.png", p, "2026-01-01 11:58:00");     /* 120 s older: stays (I5) */
    add_at(w, "3.png", p, "2026-01-01 11:59:59");     /* the row was stored a second later */
    add_at(w, "4.png", p, "2026-01-02 00:00:00");     /* a version */
    add_at(w, "5.png", other, "2020-01-01 00:00:00"); /* not of this prompt */
    add_at(w, "6.png", -1, "2020-01-01 00:00:00");    /* the one to link, as old as it is */
    bool missing;
    assert_int_equal(i4_db_link(w->db, 6, p, &missing, NULL), I4_DB_OK);
    assert_string_equal(ask(w, "SELECT id,prompt_id FROM images ORDER BY id"),
                        "1|-;2|1;3|1;4|1;5|2;6|1");
    /* the next link finds that old one and pushes it out in turn */
    assert_int_equal(i4_db_link(w->db, 5, p, &missing, NULL), I4_DB_OK);
    assert_string_equal(ask(w, "SELECT id,prompt_id FROM images ORDER BY id"),
                        "1|-;2|1;3|1;4|1;5|1;6|-");
}

static void gateway_db_link_needs_both(void **state) {
    world *w = *state;
    bool missing;
    const int64_t image = add(w, "a.png"), p = add_prompt(w, "p");
    assert_int_equal(i4_db_link(w->db, image, 99, &missing, NULL), I4_DB_NONE);
    assert_true(missing);
    assert_int_equal(i4_db_link(w->db, 99, p, &missing, NULL), I4_DB_NONE);
    assert_false(missing);
    assert_int_equal(i4_db_link(w->db, 99, 99, &missing, NULL), I4_DB_NONE);
    assert_true(missing); /* the prompt is looked at first */
    assert_int_equal(i4_db_link(w->db, INT64_MIN, INT64_MAX, &missing, NULL), I4_DB_NONE);
    assert_string_equal(ask(w, "SELECT prompt_id FROM images"), "-");
}

static void gateway_db_attach_makes_a_prompt_each_time(void **state) {
    world *w = *state;
    int64_t p;
    bool missing;
    add(w, "a.png");
    assert_int_equal(i4_db_attach(w->db, 1, "mug", "{\"n\":1}", -1, &p, &missing, NULL), I4_DB_OK);
    assert_int_equal(p, 1);
    assert_int_equal(i4_db_attach(w->db, 1, "mug", "{\"n\":1}", -1, &p, &missing, NULL), I4_DB_OK);
    assert_int_equal(p, 2);
    assert_string_equal(ask(w, "SELECT prompt_id FROM images"), "2");
    assert_string_equal(ask(w, "SELECT id,hld,form_json FROM prompts"),
                        "1|mug|{\"n\":1};2|mug|{\"n\":1}");
}

static void gateway_db_attach_rewrites_a_prompt_but_not_its_time(void **state) {
    world *w = *state;
    int64_t id;
    bool missing;
    const int64_t p = add_prompt_at(w, "2026-01-01 12:00:00");
    add_at(w, "old.png", p, "2026-01-01 11:00:00");
    add(w, "new.png");
    assert_int_equal(i4_db_attach(w->db, 2, "cup", "[2]", p, &id, &missing, NULL), I4_DB_OK);
    assert_int_equal(id, p);
    assert_string_equal(ask(w, "SELECT saved_at,hld,form_json FROM prompts"),
                        "2026-01-01 12:00:00|cup|[2]");
    assert_string_equal(ask(w, "SELECT id,prompt_id FROM images ORDER BY id"), "1|-;2|1");
}

static void gateway_db_attach_without_its_rows_changes_nothing(void **state) {
    world *w = *state;
    int64_t id;
    bool missing;
    assert_int_equal(i4_db_attach(w->db, 9, "x", "{}", -1, &id, &missing, NULL), I4_DB_NONE);
    assert_false(missing);
    assert_int_equal(i4_db_attach(w->db, 9, "x", "{}", 9, &id, &missing, NULL), I4_DB_NONE);
    assert_false(missing); /* the image is looked at first */
    add(w, "a.png");
    assert_int_equal(i4_db_attach(w->db, 1, "x", "{}", 9, &id, &missing, NULL), I4_DB_NONE);
    assert_true(missing);
    assert_string_equal(ask(w, "SELECT count(*) FROM prompts"), "0");
    assert_string_equal(ask(w, "SELECT prompt_id FROM images"), "-");
}

/* --- deletions (7.4) ------------------------------------------------------------------------ */

static void mark(const world *w, int64_t image) {
    json_t *row;
    assert_int_equal(i4_db_add_favorite(w->db, image, -1, &row, NULL), I4_DB_OK);
    json_decref(row);
}

static void gateway_db_deleted_picture_takes_its_mark_and_names_its_file(void **state) {
    world *w = *state;
    json_t *files;
    add(w, "a.png");
    add(w, "b.png");
    mark(w, 1);
    mark(w, 2);
    sql(w, "UPDATE images SET parent_image_id=1 WHERE id=2");
    assert_int_equal(i4_db_delete_image(w->db, 1, &files, NULL), I4_DB_OK);
    expect_json(json_incref(files), "[\"a.png\"]");
    assert_int_equal(i4_db_removed(w->db, files, NULL), I4_DB_OK);
    json_decref(files);
    assert_string_equal(ask(w, "SELECT id,parent_image_id FROM images"), "2|1");
    assert_string_equal(ask(w, "SELECT image_id FROM favorites"), "2");
    assert_int_equal(i4_db_delete_image(w->db, 1, &files, NULL), I4_DB_NONE);
    expect_json(files, "[]");
}

static void gateway_db_deleted_prompt_takes_its_pictures(void **state) {
    world *w = *state; /* KEEP K12 */
    json_t *files;
    const int64_t p = add_prompt(w, "p"), other = add_prompt(w, "q");
    add_at(w, "a.png", p, "2026-01-01 00:00:00");
    add_at(w, "b.png", p, "2020-01-01 00:00:00");
    add_at(w, "c.png", other, "2026-01-01 00:00:00");
    add_at(w, "d.png", -1, "2026-01-01 00:00:00");
    mark(w, 1);
    mark(w, 3);
    assert_int_equal(i4_db_delete_prompt(w->db, p, &files, NULL), I4_DB_OK);
    expect_json(files, "[\"a.png\",\"b.png\"]");
    assert_string_equal(ask(w, "SELECT id FROM images ORDER BY id"), "3;4");
    assert_string_equal(ask(w, "SELECT id FROM prompts"), "2");
    assert_string_equal(ask(w, "SELECT image_id FROM favorites"), "3");
}

static void gateway_db_deleting_a_missing_prompt_takes_dangling_pictures(void **state) {
    world *w = *state;
    json_t *files;
    add_at(w, "a.png", 42, "2026-01-01 00:00:00");
    assert_int_equal(i4_db_delete_prompt(w->db, 42, &files, NULL), I4_DB_OK);
    expect_json(files, "[\"a.png\"]");
    assert_int_equal(i4_db_delete_prompt(w->db, 42, &files, NULL), I4_DB_NONE); /* KEEP K6 */
    json_decref(files);
}

static void gateway_db_orphans_are_counted_without_their_marks(void **state) {
    world *w = *state; /* IMPROVE I6 */
    json_t *files;
    int64_t deleted;
    const int64_t p = add_prompt(w, "p");
    add_at(w, "a.png", p, "2026-01-01 00:00:00");
    add_at(w, "b.png", -1, "2026-01-01 00:00:00");
    add_at(w, "c.png", 99, "2026-01-01 00:00:00");
    mark(w, 1);
    mark(w, 2);
    mark(w, 3);
    assert_int_equal(i4_db_delete_orphans(w->db, &deleted, &files, NULL), I4_DB_OK);
    assert_int_equal(deleted, 2);
    expect_json(files, "[\"b.png\",\"c.png\"]");
    assert_string_equal(ask(w, "SELECT id FROM images"), "1");
    assert_string_equal(ask(w, "SELECT image_id FROM favorites"), "1");
    assert_int_equal(i4_db_removed(w->db, NULL, NULL), I4_DB_OK);
    sql(w, "DELETE FROM removals");
    assert_int_equal(i4_db_delete_orphans(w->db, &deleted, &files, NULL), I4_DB_OK);
    assert_int_equal(deleted, 0);
    expect_json(files, "[]");
}

static void gateway_db_file_of_two_rows_goes_with_the_last(void **state) {
    world *w = *state;
    json_t *files;
    make_original(w, "later");
    sql(w, "INSERT INTO images(id,file_path)VALUES(1,'a.png'),(2,'a.png')");
    open_db(w);
    assert_int_equal(i4_db_delete_image(w->db, 1, &files, NULL), I4_DB_OK);
    expect_json(files, "[]");
    assert_int_equal(i4_db_delete_image(w->db, 2, &files, NULL), I4_DB_OK);
    expect_json(files, "[\"a.png\"]");
}

static void gateway_db_files_not_yet_removed_are_remembered(void **state) {
    world *w = *state;
    json_t *files;
    add(w, "a.png");
    add(w, "b.png");
    assert_int_equal(i4_db_delete_image(w->db, 1, &files, NULL), I4_DB_OK);
    json_decref(files); /* the process ends before it removed the file */
    reopen(w);
    assert_int_equal(i4_db_removals(w->db, &files, NULL), I4_DB_OK);
    expect_json(json_incref(files), "[\"a.png\"]");
    assert_int_equal(i4_db_removed(w->db, files, NULL), I4_DB_OK);
    json_decref(files);
    assert_int_equal(i4_db_removals(w->db, &files, NULL), I4_DB_OK);
    expect_json(files, "[]");
    /* a name that is used again is not removed */
    assert_int_equal(i4_db_delete_image(w->db, 2, &files, NULL), I4_DB_OK);
    json_decref(files);
    add(w, "b.png");
    assert_int_equal(i4_db_removals(w->db, &files, NULL), I4_DB_OK);
    expect_json(files, "[]");
}

/* --- favourites and the preview (7.6, 7.7) -------------------------------------------------- */

/* The picture a prompt is marked through, 0 for none; the mark is taken back. */
static int64_t preview(const world *w, int64_t prompt) {
    json_t *row;
    const i4_db_result result = i4_db_add_favorite(w->db, -1, prompt, &row, NULL);
    if (result == I4_DB_NONE) {
        return 0;
    }
    assert_int_equal(result, I4_DB_OK);
    const int64_t id = json_integer_value(json_object_get(row, "image_id"));
    assert_int_equal(json_integer_value(json_object_get(row, "prompt_id")), prompt);
    assert_true(json_is_true(json_object_get(row, "history_linked")));
    json_decref(row);
    sql(w, "DELETE FROM favorites");
    return id;
}

static void gateway_db_preview_is_the_newest_version(void **state) {
    world *w = *state;
    const int64_t p = add_prompt_at(w, "2026-01-01 12:00:00");
    assert_int_equal(preview(w, p), 0);
    assert_int_equal(preview(w, 99), 0);
    const int64_t old = add_at(w, "1.png", p, "2026-01-01 11:57:59");
    assert_int_equal(preview(w, p), 0); /* 121 s older than the prompt */
    sql(w, "UPDATE images SET created_at='2026-01-01 11:58:00'");
    assert_int_equal(preview(w, p), old); /* 120 s */
    const int64_t newest = add_at(w, "2.png", p, "2026-01-03 00:00:00");
    add_at(w, "3.png", p, "2026-01-02 00:00:00");
    assert_int_equal(preview(w, p), newest);
    const int64_t equal = add_at(w, "4.png", p, "2026-01-03 00:00:00");
    assert_int_equal(preview(w, p), equal); /* IMPROVE I8 */
}

static void gateway_db_preview_understands_time_zones(void **state) {
    world *w = *state;
    const int64_t p = add_prompt_at(w, "2026-01-01T12:00:00Z");
    const int64_t one = add_at(w, "1.png", p, "2026-01-01 12:00:00");
    add_at(w, "2.png", p, "2026-01-01 13:30:00+02:00"); /* 11:30 in UTC: too old */
    assert_int_equal(preview(w, p), one);
    const int64_t three = add_at(w, "3.png", p, "2026-01-01 07:00:01-05:00");
    assert_int_equal(preview(w, p), three);
}

static void gateway_db_preview_of_a_prompt_without_time_is_its_first(void **state) {
    world *w = *state;
    const int64_t p = add_prompt_at(w, "");
    const int64_t one = add_at(w, "1.png", p, "2026-01-01 12:00:00");
    add_at(w, "2.png", p, "2026-01-02 12:00:00");
    assert_int_equal(preview(w, p), one);
}

static void gateway_db_favorite_names_its_prompt_only_as_preview(void **state) {
    world *w = *state; /* KEEP K11 */
    const int64_t p = add_prompt_at(w, "2026-01-01 12:00:00");
    add_at(w, "1.png", p, "2026-01-01 12:00:00");
    mark(w, 1);
    json_t *row;
    assert_int_equal(i4_db_favorite(w->db, 1, &row, NULL), I4_DB_OK);
    assert_int_equal(json_integer_value(json_object_get(row, "prompt_id")), p);
    assert_true(json_is_true(json_object_get(row, "history_linked")));
    json_decref(row);
    add_at(w, "2.png", p, "2026-01-02 12:00:00");
    assert_int_equal(i4_db_favorite(w->db, 1, &row, NULL), I4_DB_OK);
    assert_true(json_is_null(json_object_get(row, "prompt_id")));
    assert_true(json_is_false(json_object_get(row, "history_linked")));
    json_decref(row);
}

static void gateway_db_favorites_are_newest_first_and_have_pictures(void **state) {
    world *w = *state;
    for (int i = 1; i <= 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d.png", i);
        add(w, name);
        mark(w, i);
    }
    sql(w, "UPDATE favorites SET created_at='2026-01-01 00:00:00';"
           "UPDATE favorites SET created_at='2026-01-02 00:00:00' WHERE id=2;"
           "DELETE FROM images WHERE id=3");
    assert_string_equal(ids(favorites(w)), "2,4,1");
    json_t *row;
    assert_int_equal(i4_db_favorite(w->db, 3, &row, NULL), I4_DB_NONE);
    assert_null(row);
}

static void gateway_db_marking_again_answers_the_same_row(void **state) {
    world *w = *state;
    json_t *row;
    const int64_t p = add_prompt_at(w, "2026-01-01 12:00:00");
    add_at(w, "1.png", p, "2026-01-01 12:00:00");
    mark(w, 1);
    assert_int_equal(i4_db_add_favorite(w->db, 1, -1, &row, NULL), I4_DB_OK);
    assert_int_equal(id_of(row), 1);
    json_decref(row);
    assert_int_equal(i4_db_add_favorite(w->db, -1, p, &row, NULL), I4_DB_OK);
    assert_int_equal(id_of(row), 1);
    json_decref(row);
    assert_int_equal(i4_db_add_favorite(w->db, 99, p, &row, NULL), I4_DB_NONE); /* image wins */
    assert_null(row);
}

static void gateway_db_unmarking_says_whether_there_was_a_mark(void **state) {
    world *w = *state; /* KEEP K6 */
    const int64_t p = add_prompt_at(w, "2026-01-01 12:00:00");
    add_at(w, "1.png", p, "2026-01-01 12:00:00");
    assert_int_equal(i4_db_delete_favorite(w->db, 1, -1, NULL), I4_DB_NONE);
    assert_int_equal(i4_db_delete_favorite(w->db, 99, -1, NULL), I4_DB_NONE);
    assert_int_equal(i4_db_delete_favorite(w->db, -1, p, NULL), I4_DB_NONE);
    assert_int_equal(i4_db_delete_favorite(w->db, -1, 99, NULL), I4_DB_NONE);
    mark(w, 1);
    assert_int_equal(i4_db_delete_favorite(w->db, -1, p, NULL), I4_DB_OK);
    mark(w, 1);
    assert_int_equal(i4_db_delete_favorite(w->db, 1, -1, NULL), I4_DB_OK);
    assert_string_equal(ask(w, "SELECT count(*) FROM favorites"), "0");
}

static void gateway_db_unmarking_a_prompt_finds_older_versions(void **state) {
    world *w = *state; /* IMPROVE I26 */
    const int64_t p = add_prompt_at(w, "2026-01-01 12:00:00");
    add_at(w, "1.png", p, "2026-01-01 12:00:00");
    mark(w, 1);
    add_at(w, "2.png", p, "2026-01-02 12:00:00");
    add_at(w, "3.png", -1, "2026-01-02 12:00:00");
    mark(w, 3);
    assert_int_equal(i4_db_delete_favorite(w->db, -1, p, NULL), I4_DB_OK);
    assert_string_equal(ask(w, "SELECT image_id FROM favorites"), "3");
    /* the preview's own mark goes alone */
    mark(w, 1);
    mark(w, 2);
    assert_int_equal(i4_db_delete_favorite(w->db, -1, p, NULL), I4_DB_OK);
    assert_string_equal(ask(w, "SELECT image_id FROM favorites ORDER BY 1"), "1;3");
}

/* --- prompts, form, tasks ------------------------------------------------------------------- */

static void gateway_db_prompts_are_newest_first_without_a_cap(void **state) {
    world *w = *state;
    for (int i = 0; i < 60; i++) {
        add_prompt(w, "p");
    }
    sql(w, "UPDATE prompts SET saved_at='2026-01-01 00:00:00';"
           "UPDATE prompts SET saved_at='2026-01-02 00:00:00' WHERE id=7");
    json_t *rows;
    assert_int_equal(i4_db_prompts(w->db, -1, &rows, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(rows), 60); /* IMPROVE I7 */
    assert_int_equal(id_of(json_array_get(rows, 0)), 7);
    assert_int_equal(id_of(json_array_get(rows, 1)), 60);
    assert_int_equal(id_of(json_array_get(rows, 59)), 1);
    json_decref(rows);
    assert_int_equal(i4_db_prompts(w->db, 3, &rows, NULL), I4_DB_OK);
    assert_string_equal(ids(rows), "7,60,59");
}

static void gateway_db_large_texts_come_back_whole(void **state) {
    world *w = *state;
    const size_t size = 1 << 20;
    char *text = malloc(size + 1);
    int64_t id;
    json_t *row;
    assert_non_null(text);
    memset(text, '\'', size);
    text[size] = '\0';
    assert_int_equal(i4_db_add_prompt(w->db, "%s\"';--", text, &id, NULL), I4_DB_OK);
    assert_int_equal(i4_db_prompt(w->db, id, &row, NULL), I4_DB_OK);
    assert_string_equal(json_string_value(json_object_get(row, "hld")), "%s\"';--");
    assert_string_equal(json_string_value(json_object_get(row, "form_json")), text);
    json_decref(row);
    free(text);
}

static void gateway_db_form_is_one_row(void **state) {
    world *w = *state;
    json_t *text;
    assert_int_equal(i4_db_form(w->db, &text, NULL), I4_DB_OK);
    assert_true(json_is_null(text));
    assert_int_equal(i4_db_set_form(w->db, "{\"a\":1}", NULL), I4_DB_OK);
    assert_int_equal(i4_db_set_form(w->db, "null", NULL), I4_DB_OK);
    assert_int_equal(i4_db_form(w->db, &text, NULL), I4_DB_OK);
    expect_json(text, "\"null\"");
    assert_string_equal(ask(w, "SELECT count(*) FROM last_form"), "1");
}

static void gateway_db_tasks_survive_until_they_end(void **state) {
    world *w = *state;
    json_t *list;
    assert_int_equal(i4_db_add_task(w->db, "b", NULL), I4_DB_OK);
    assert_int_equal(i4_db_add_task(w->db, "a", NULL), I4_DB_OK);
    assert_int_equal(i4_db_add_task(w->db, "b", NULL), I4_DB_OK);
    reopen(w);
    assert_int_equal(i4_db_tasks(w->db, &list, NULL), I4_DB_OK);
    expect_json(list, "[\"b\",\"a\"]");
    assert_int_equal(i4_db_end_task(w->db, "b", NULL), I4_DB_OK);
    assert_int_equal(i4_db_end_task(w->db, "unknown", NULL), I4_DB_OK);
    assert_int_equal(i4_db_tasks(w->db, &list, NULL), I4_DB_OK);
    expect_json(list, "[\"a\"]");
}

static void gateway_db_works_on_after_a_refused_statement(void **state) {
    world *w = *state;
    i4_err err = {0};
    sql(w, "CREATE TRIGGER no BEFORE INSERT ON prompts BEGIN SELECT RAISE(ABORT,'no');END");
    int64_t id;
    assert_int_equal(i4_db_add_prompt(w->db, "x", "{}", &id, &err), I4_DB_FAILED);
    assert_non_null(strstr(err.text, w->path));
    sql(w, "DROP TRIGGER no");
    assert_int_equal(i4_db_add_prompt(w->db, "x", "{}", &id, &err), I4_DB_OK);
    add(w, "a.png");
}

/* --- maintenance ---------------------------------------------------------------------------- */

static void gateway_db_maintenance_reports_and_deletes(void **state) {
    world *w = *state;
    static i4_settings settings;
    i4_err err = {0};
    snprintf(settings.db_path, sizeof settings.db_path, "%s", w->path);
    snprintf(settings.output_dir, sizeof settings.output_dir, "%s", w->out);
    assert_null(i4_gateway_maintenance(&settings, false, false, &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
    assert_int_equal(i4_path_look(w->path), I4_PATH_NONE); /* a report makes no database */
    open_db(w);
    const int64_t p = add_prompt(w, "p");
    add_at(w, "a.png", p, "2026-01-01 00:00:00");
    add_at(w, "b.png", -1, "2026-01-01 00:00:00");
    add_at(w, "c.png", 99, "2026-01-01 00:00:00");
    folder_write(&w->root, "out/a.png", "x");
    folder_write(&w->root, "out/b.png", "x");
    folder_write(&w->root, "out/unknown.png", "x");
    folder_write(&w->root, "out/notes.txt", "x");
#define REPORT                                                                     \
    "{\"total\":3,\"linked\":1,\"orphans\":2,\"null_prompt_id\":1,\"dangling\":1," \
    "\"missing_files\":1,\"unknown_files\":1"
    expect_json(i4_gateway_maintenance(&settings, false, false, &err), REPORT "}");
    expect_json(i4_gateway_maintenance(&settings, true, true, &err), REPORT ",\"would_delete\":2}");
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/b.png")), I4_PATH_FILE);
    expect_json(i4_gateway_maintenance(&settings, true, false, &err), REPORT ",\"deleted\":2}");
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/a.png")), I4_PATH_FILE);
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/b.png")), I4_PATH_NONE);
    assert_int_equal(i4_path_look(folder_at(&w->root, "out/unknown.png")), I4_PATH_FILE);
    assert_string_equal(list_ids(w, -1, false, false, -1), "1");
    assert_string_equal(ask(w, "SELECT count(*) FROM removals"), "0");
}

/* --- threads -------------------------------------------------------------------------------- */

enum { THREADS = 8, PER_THREAD = 100 };

typedef struct job {
    pthread_t thread;
    const world *w;
    int number, failures;
    int64_t shared_id;
} job;

static void *insert_many(void *user) {
    job *j = user;
    for (int i = 0; i < PER_THREAD; i++) {
        char name[64];
        json_t *row = NULL;
        snprintf(name, sizeof name, "%d-%d.png", j->number, i);
        i4_new_image image = image_of(name);
        j->failures += i4_db_add_image(j->w->db, &image, &row, NULL) != I4_DB_OK;
        json_decref(row);
        image.file_path = "shared.png"; /* everybody's (I3) */
        j->failures += i4_db_add_image(j->w->db, &image, &row, NULL) != I4_DB_OK;
        j->shared_id = id_of(row);
        json_decref(row);
        j->failures += i4_db_images(j->w->db, -1, false, false, 3, &row, NULL) != I4_DB_OK;
        json_decref(row);
    }
    return NULL;
}

static void gateway_db_threads_lose_nothing(void **state) {
    world *w = *state;
    job jobs[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        jobs[i].w = w;
        jobs[i].number = i;
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, insert_many, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_int_equal(jobs[i].failures, 0);
        assert_int_equal(jobs[i].shared_id, jobs[0].shared_id);
    }
    assert_string_equal(ask(w, "SELECT count(*),count(DISTINCT file_path)FROM images"), "801|801");
    assert_string_equal(ask(w, "PRAGMA integrity_check"), "ok");
}

static void gateway_db_two_connections_share_a_file(void **state) {
    world *w = *state;
    i4_err err = {0};
    i4_db *second = i4_db_open(w->path, w->out, &err);
    assert_non_null(second);
    const i4_new_image image = image_of("b.png");
    json_t *row;
    add(w, "a.png");
    assert_int_equal(i4_db_add_image(second, &image, &row, &err), I4_DB_OK);
    assert_int_equal(id_of(row), 2);
    json_decref(row);
    assert_string_equal(list_ids(w, -1, false, false, -1), "2,1");
    i4_db_close(second);
}

/* --- out of memory -------------------------------------------------------------------------- */

/* SQLite's and jansson's memory goes through the library's hook in this program. */
static sqlite3_mem_methods system_memory;

static void *faulty_malloc(int size) {
    return i4_fault_hit(I4_FAULT_ALLOC, (size_t)size) ? NULL : system_memory.xMalloc(size);
}

static void *faulty_realloc(void *block, int size) {
    return i4_fault_hit(I4_FAULT_ALLOC, (size_t)size) ? NULL : system_memory.xRealloc(block, size);
}

static void hook_memory(void) {
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &system_memory), SQLITE_OK);
    sqlite3_mem_methods hooked = system_memory;
    hooked.xMalloc = faulty_malloc;
    hooked.xRealloc = faulty_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &hooked), SQLITE_OK);
    json_set_alloc_funcs(i4_malloc, i4_free);
}

typedef bool (*work_fn)(world *w, i4_err *err);
typedef void (*after_fn)(const world *w);

/* Runs `work` with each n-th call failing (of the later ones only every stride-th), until none is
 * left: a failure has its sentence; SQLite may do without some of its memory. */
static void fail_each(world *w, work_fn work, after_fn after, int first_steps, int stride) {
    for (int n = 0;; n += n < first_steps ? 1 : stride) {
        fault f = {n, false};
        i4_err err = {0};
        i4_fault_set(fault_nth, &f);
        const bool good = work(w, &err);
        i4_fault_set(NULL, NULL);
        if (!f.hit) {
            assert_true(good);
            assert_true(n > 100);
            return;
        }
        if (!good &&
            (err.text[0] == '\0' || (err.status != I4_E_OUT_OF_MEMORY && err.status != I4_E_IO))) {
            fail_msg("call %d: %d '%s'", n, err.status, err.text);
        }
        if (after) {
            after(w);
        }
    }
}

static bool open_and_close(world *w, i4_err *err) {
    i4_db *db = i4_db_open(w->path, w->out, err);
    i4_db_close(db);
    return db != NULL;
}

static void gateway_db_open_without_memory_fails_cleanly(void **state) {
    fail_each(*state, open_and_close, NULL, 300, 11);
}

static bool upgrade(world *w, i4_err *err) {
    remove(w->path);
    remove(folder_at(&w->root, "library.db-wal"));
    remove(folder_at(&w->root, "library.db-shm"));
    remove(folder_at(&w->root, "library.db.before-3"));
    char *bytes = NULL;
    size_t size;
    if (!i4_file_read(folder_at(&w->root, "old.db"), 1 << 24, &bytes, &size, err)) {
        return false;
    }
    const bool written = i4_file_write(w->path, bytes, size, err);
    i4_free(bytes);
    return written && open_and_close(w, err);
}

/* Never something between: rows are all there, and a copy that has its name is whole. */
static void is_old_or_new(const world *w) {
    if (i4_path_look(w->path) == I4_PATH_FILE) {
        const char *version = ask(w, "PRAGMA user_version");
        const bool is_old = strcmp(version, "0") == 0;
        assert_string_equal(ask(w, "SELECT id,file_path FROM images ORDER BY id"),
                            "1|x/a.png;2|b.png");
        assert_string_equal(ask(w, "SELECT count(*) FROM favorites"), "1");
        assert_string_equal(
            ask(w, "SELECT count(*)FROM pragma_table_info('favorites')WHERE name='kind'"),
            is_old ? "1" : "0");
    }
    const char *copy = folder_at(&w->root, "library.db.before-3");
    if (i4_path_look(copy) == I4_PATH_FILE) {
        assert_string_equal(ask_at(copy, "SELECT id,file_path FROM images ORDER BY id"),
                            "1|x/a.png;2|b.png");
        assert_string_equal(ask_at(copy, "SELECT kind FROM favorites"), "image");
    }
}

static void gateway_db_upgrade_without_memory_keeps_the_old_database(void **state) {
    world *w = *state;
    make_original(w, "oldest");
    make_original(w, "old favorites");
    sql(w, "INSERT INTO images(file_path)VALUES('x/a.png'),('b.png');"
           "INSERT INTO favorites(kind,target_id)VALUES('image',1)");
    assert_int_equal(rename(w->path, folder_at(&w->root, "old.db")), 0);
    fail_each(w, upgrade, is_old_or_new, 30, 149);
    assert_string_equal(ask(w, "SELECT count(*) FROM favorites"), "1");
}

/* A bit of everything; what a failure left half done is none of its business. */
static bool use(world *w, i4_err *err) {
    json_t *row = NULL, *rows = NULL, *list = NULL, *files = NULL, *text = NULL, *mark_row = NULL;
    int64_t p = -1, deleted;
    bool missing;
    const i4_new_image image = image_of("m.png");
    i4_db *db = w->db;
    const bool good =
        i4_db_add_image(db, &image, &row, err) == I4_DB_OK &&
        i4_db_attach(db, id_of(row), "h", "{}", -1, &p, &missing, err) == I4_DB_OK &&
        i4_db_add_favorite(db, -1, p, &mark_row, err) == I4_DB_OK &&
        i4_db_favorites(db, &rows, err) == I4_DB_OK &&
        i4_db_images(db, p, false, false, -1, &list, err) == I4_DB_OK &&
        i4_db_set_form(db, "{}", err) == I4_DB_OK && i4_db_form(db, &text, err) == I4_DB_OK &&
        i4_db_delete_orphans(db, &deleted, &files, err) == I4_DB_OK &&
        i4_db_removed(db, files, err) == I4_DB_OK && i4_db_add_task(db, "t", err) == I4_DB_OK;
    json_decref(row);
    json_decref(rows);
    json_decref(list);
    json_decref(files);
    json_decref(text);
    json_decref(mark_row);
    return good;
}

static void gateway_db_use_without_memory_fails_cleanly(void **state) {
    world *w = *state;
    fail_each(w, use, NULL, 2000, 3);
    assert_string_equal(ask(w, "PRAGMA integrity_check"), "ok");
    assert_true(use(w, NULL)); /* no lock, no open transaction is left */
}

int main(void) {
    hook_memory();
#define fresh(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
#define bare(test) cmocka_unit_test_setup_teardown(test, set_up_bare, tear_down)
    const struct CMUnitTest tests[] = {
        bare(gateway_db_new_path_gets_folders_and_layout),
        fresh(gateway_db_reopening_keeps_everything),
        bare(gateway_db_readme_database_is_upgraded),
        bare(gateway_db_later_database_is_upgraded),
        bare(gateway_db_database_in_wal_mode_is_upgraded),
        bare(gateway_db_oldest_database_gets_columns_tables_and_names),
        bare(gateway_db_old_favorites_become_pictures),
        bare(gateway_db_double_files_of_old_data_stay),
        fresh(gateway_db_files_are_unique),
        bare(gateway_db_second_copy_does_not_replace_the_first),
        bare(gateway_db_upgrade_that_fails_leaves_no_copy),
        bare(gateway_db_file_of_another_kind_is_refused),
        bare(gateway_db_damaged_page_is_refused),
        bare(gateway_db_truncated_file_is_refused),
        bare(gateway_db_newer_version_is_refused),
        bare(gateway_db_database_of_another_program_is_refused),
        bare(gateway_db_strange_columns_are_refused),
        bare(gateway_db_folder_instead_of_a_file_is_refused),
        fresh(gateway_db_picture_comes_back_as_it_was_stored),
        fresh(gateway_db_same_file_is_the_same_row),
        fresh(gateway_db_lists_are_newest_first_and_filtered),
        fresh(gateway_db_bytes_that_are_no_text_do_not_stop_a_list),
        fresh(gateway_db_names_outside_the_folder_are_not_shown),
        fresh(gateway_db_link_pushes_out_what_is_older_than_the_prompt),
        fresh(gateway_db_link_needs_both),
        fresh(gateway_db_attach_makes_a_prompt_each_time),
        fresh(gateway_db_attach_rewrites_a_prompt_but_not_its_time),
        fresh(gateway_db_attach_without_its_rows_changes_nothing),
        fresh(gateway_db_deleted_picture_takes_its_mark_and_names_its_file),
        fresh(gateway_db_deleted_prompt_takes_its_pictures),
        fresh(gateway_db_deleting_a_missing_prompt_takes_dangling_pictures),
        fresh(gateway_db_orphans_are_counted_without_their_marks),
        bare(gateway_db_file_of_two_rows_goes_with_the_last),
        fresh(gateway_db_files_not_yet_removed_are_remembered),
        fresh(gateway_db_preview_is_the_newest_version),
        fresh(gateway_db_preview_understands_time_zones),
        fresh(gateway_db_preview_of_a_prompt_without_time_is_its_first),
        fresh(gateway_db_favorite_names_its_prompt_only_as_preview),
        fresh(gateway_db_favorites_are_newest_first_and_have_pictures),
        fresh(gateway_db_marking_again_answers_the_same_row),
        fresh(gateway_db_unmarking_says_whether_there_was_a_mark),
        fresh(gateway_db_unmarking_a_prompt_finds_older_versions),
        fresh(gateway_db_prompts_are_newest_first_without_a_cap),
        fresh(gateway_db_large_texts_come_back_whole),
        fresh(gateway_db_form_is_one_row),
        fresh(gateway_db_tasks_survive_until_they_end),
        fresh(gateway_db_works_on_after_a_refused_statement),
        bare(gateway_db_maintenance_reports_and_deletes),
        fresh(gateway_db_threads_lose_nothing),
        fresh(gateway_db_two_connections_share_a_file),
        bare(gateway_db_open_without_memory_fails_cleanly),
        bare(gateway_db_upgrade_without_memory_keeps_the_old_database),
        fresh(gateway_db_use_without_memory_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
