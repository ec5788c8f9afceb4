/* The trash: rows as JSON with whatever columns their tables have, and back. */
#include "gateway/db/trash.h"

#include "base/memory.h"
#include "base/str.h"
#include "gateway/db/private.h"

#include <stdlib.h>
#include <string.h>

enum { STATEMENT_BYTES = 64 << 10 };

bool i4_db_make_trash(i4_db *db, i4_err *err) {
    return i4_db_run_text(db,
                          "CREATE TABLE trash_actions("
                          "id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          "trashed_at TEXT NOT NULL);"
                          "CREATE INDEX trash_actions_by_time ON trash_actions(trashed_at);"
                          "CREATE TABLE trash("
                          "id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          "trash_id INTEGER NOT NULL,"
                          "kind TEXT NOT NULL CHECK(kind IN('image','prompt')),"
                          "row_id INTEGER NOT NULL,"
                          "prompt_id INTEGER,"
                          "file_path TEXT,"
                          "content TEXT NOT NULL);"
                          "CREATE UNIQUE INDEX trash_by_row ON trash(kind,row_id);"
                          "CREATE INDEX trash_by_action ON trash(trash_id,prompt_id);"
                          "CREATE INDEX trash_by_file ON trash(file_path);"
                          /* ids of one restoration or emptying; empty outside of it */
                          "CREATE TABLE trash_chosen(id INTEGER PRIMARY KEY)",
                          err);
}

static bool fail_rows(i4_err *err) {
    return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for rows of the trash");
}

static int64_t int_at(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

/* --- into the trash ------------------------------------------------------------------------ */

static bool row_of(i4_db *db, i4_sql which, int64_t id, json_t **row, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    return i4_query_row(&q, row, err);
}

static bool rows_of(i4_db *db, i4_sql which, int64_t id, json_t **rows, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    return i4_query_rows(&q, rows, err);
}

/* The path as it is stored takes the place of the bare name. */
static bool set_stored_path(json_t *row) {
    json_t *stored = json_incref(json_object_get(row, "stored_path"));
    const bool good = json_object_set_new(row, "file_path", stored) == 0;
    return json_object_del(row, "stored_path") == 0 && good;
}

/* {"row", "favorite", "tags"} of a picture; *content NULL when there is no such picture. */
static bool gather_image(i4_db *db, int64_t id, json_t **content, i4_err *err) {
    json_t *row, *favorite = NULL, *tags = NULL;
    *content = NULL;
    if (!row_of(db, I4_SQL_TRASH_IMAGE_ROW, id, &row, err)) {
        return false;
    }
    if (!row) {
        return true;
    }
    bool good = row_of(db, I4_SQL_TRASH_FAVORITE_ROW, id, &favorite, err) &&
                rows_of(db, I4_SQL_TRASH_TAGS, id, &tags, err);
    if (good) {
        good = set_stored_path(row);
        *content = good
                       ? json_pack("{s:O,s:O*,s:O}", "row", row, "favorite", favorite, "tags", tags)
                       : NULL;
        good = *content || fail_rows(err);
    }
    json_decref(tags);
    json_decref(favorite);
    json_decref(row);
    return good;
}

typedef struct action {
    i4_db *db;
    int64_t trash_id; /* -1 before the first entry */
    int64_t images, prompts;
} action;

static bool begin_action(action *a, i4_err *err) {
    if (a->trash_id >= 0) {
        return true;
    }
    i4_query q = i4_query_of(a->db, I4_SQL_TRASH_ACTION);
    if (!i4_query_run(&q, err)) {
        return false;
    }
    a->trash_id = sqlite3_last_insert_rowid(a->db->handle);
    return true;
}

/* The entry of one row; its content is {"row": …} and what belongs to it. */
static bool add_entry(action *a, const char *kind, int64_t id, const json_t *content, i4_err *err) {
    const json_t *row = json_object_get(content, "row");
    const json_t *prompt = json_object_get(row, "prompt_id");
    char *text = json_dumps(content, JSON_COMPACT);
    if (!text) {
        return fail_rows(err);
    }
    bool good = begin_action(a, err);
    if (good) {
        i4_query q = i4_query_of(a->db, I4_SQL_TRASH_ADD);
        i4_query_int(&q, 1, a->trash_id);
        i4_query_text(&q, 2, kind);
        i4_query_int(&q, 3, id);
        if (json_is_integer(prompt)) {
            i4_query_int(&q, 4, json_integer_value(prompt));
        }
        i4_query_text(&q, 5, json_string_value(json_object_get(row, "file_path")));
        i4_query_text(&q, 6, text);
        good = i4_query_run(&q, err);
    }
    free(text);
    return good;
}

static bool trash_image(action *a, int64_t id, i4_err *err) {
    json_t *content;
    if (!gather_image(a->db, id, &content, err)) {
        return false;
    }
    if (!content) {
        return true;
    }
    const bool good = add_entry(a, "image", id, content, err) &&
                      i4_db_run_id(a->db, I4_SQL_ONE_FAVORITES, id, err) &&
                      i4_db_run_id(a->db, I4_SQL_TAGS_TAKE, id, err) &&
                      i4_db_run_id(a->db, I4_SQL_ONE_ROWS, id, err);
    a->images += good;
    json_decref(content);
    return good;
}

/* Its pictures first: in a list that begins with the newest they then follow it. */
static bool trash_prompt(action *a, int64_t id, i4_err *err) {
    json_t *row, *images = NULL;
    if (!row_of(a->db, I4_SQL_TRASH_PROMPT_ROW, id, &row, err)) {
        return false;
    }
    if (!row) {
        return true;
    }
    bool good = rows_of(a->db, I4_SQL_TRASH_PROMPT_IMAGES, id, &images, err);
    for (size_t i = 0; good && i < json_array_size(images); i++) {
        good = trash_image(a, int_at(json_array_get(images, i), "id"), err);
    }
    json_t *content = json_pack("{s:O}", "row", row);
    good = good && (content || fail_rows(err)) && add_entry(a, "prompt", id, content, err) &&
           i4_db_run_id(a->db, I4_SQL_PROMPT_DELETE, id, err);
    a->prompts += good;
    json_decref(content);
    json_decref(images);
    json_decref(row);
    return good;
}

i4_db_result i4_db_trash_inside(i4_db *db, const json_t *images, const json_t *prompts,
                                int64_t *trash_id, int64_t *image_count, int64_t *prompt_count,
                                i4_err *err) {
    action a = {.db = db, .trash_id = -1};
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(prompts); i++) {
        good = trash_prompt(&a, json_integer_value(json_array_get(prompts, i)), err);
    }
    for (size_t i = 0; good && i < json_array_size(images); i++) {
        good = trash_image(&a, json_integer_value(json_array_get(images, i)), err);
    }
    *trash_id = good ? a.trash_id : -1;
    *image_count = good ? a.images : 0;
    *prompt_count = good ? a.prompts : 0;
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_trash(i4_db *db, const json_t *images, const json_t *prompts, int64_t *trash_id,
                         int64_t *image_count, int64_t *prompt_count, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const i4_db_result result =
        i4_db_trash_inside(db, images, prompts, trash_id, image_count, prompt_count, err);
    return i4_db_end(db, result, err);
}

/* --- looking ------------------------------------------------------------------------------- */

/* A list of objects with one number each as a list of numbers. */
static json_t *numbers_of(const json_t *rows, const char *key) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < json_array_size(rows); i++) {
        if (json_array_append(list, json_object_get(json_array_get(rows, i), key)) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static bool take_numbers(i4_query *q, json_t **list, i4_err *err) {
    json_t *rows;
    *list = NULL;
    if (!i4_query_rows(q, &rows, err)) {
        return false;
    }
    *list = numbers_of(rows, "row_id");
    json_decref(rows);
    return *list || fail_rows(err);
}

i4_db_result i4_db_trash_images(i4_db *db, int64_t trash_id, json_t **ids, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_TRASH_IMAGES_OF);
    i4_query_int(&q, 1, trash_id);
    const bool good = take_numbers(&q, ids, err);
    i4_db_unlock(db);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

static bool split_page(const json_t *rows, i4_trash_page *page) {
    page->images = json_array();
    page->prompts = json_array();
    bool good = page->images && page->prompts;
    for (size_t i = 0; good && i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        const char *kind = json_string_value(json_object_get(row, "kind"));
        const bool is_image = kind && strcmp(kind, "image") == 0;
        good = json_array_append(is_image ? page->images : page->prompts, row) == 0;
    }
    return good;
}

static bool read_page(i4_db *db, int64_t before, int64_t limit, i4_trash_page *page, i4_err *err) {
    bool found;
    json_t *rows;
    i4_query total = i4_query_of(db, I4_SQL_TRASH_TOTAL);
    i4_query q = i4_query_of(db, I4_SQL_TRASH_PAGE);
    i4_query_int(&q, 1, before < 0 ? INT64_MAX : before);
    i4_query_int(&q, 2, limit + 1); /* one more tells whether there is a next page */
    if (!i4_query_number(&total, &page->total, &found, err) || !i4_query_rows(&q, &rows, err)) {
        return false;
    }
    if ((int64_t)json_array_size(rows) > limit) {
        json_array_remove(rows, (size_t)limit);
        page->next = int_at(json_array_get(rows, (size_t)limit - 1), "place");
    }
    const bool good = split_page(rows, page) || fail_rows(err);
    json_decref(rows);
    return good;
}

i4_db_result i4_db_trash_list(i4_db *db, int64_t before, int64_t limit, i4_trash_page *page,
                              i4_err *err) {
    *page = (i4_trash_page){.next = -1};
    i4_db_lock(db);
    const bool good = read_page(db, before, limit, page, err);
    i4_db_unlock(db);
    if (!good) {
        json_decref(page->images);
        json_decref(page->prompts);
        page->images = page->prompts = NULL;
    }
    return good ? I4_DB_OK : I4_DB_FAILED;
}

static json_t *content_of(const char *text) {
    return json_loads(text, JSON_ALLOW_NUL, NULL);
}

static json_t *tag_names(const json_t *content) {
    const json_t *tags = json_object_get(content, "tags");
    json_t *names = json_array();
    for (size_t i = 0; names && i < json_array_size(tags); i++) {
        json_array_append(names, json_object_get(json_array_get(tags, i), "name"));
    }
    return names;
}

json_t *i4_trash_row(const char *text) {
    json_t *content = content_of(text);
    json_t *row = json_incref(json_object_get(content, "row"));
    if (json_is_object(row) && json_object_get(row, "file_path")) {
        const bool fav = json_object_get(content, "favorite") != NULL;
        json_object_set_new(row, "fav", json_boolean(fav));
        json_object_set_new(row, "tags", tag_names(content));
    }
    json_decref(content);
    return row;
}

/* Ends a query for the content of one entry. */
static i4_db_result one_row(i4_query *q, json_t **row, i4_err *err) {
    json_t *found;
    *row = NULL;
    if (!i4_query_row(q, &found, err)) {
        return I4_DB_FAILED;
    }
    if (!found) {
        return I4_DB_NONE;
    }
    *row = i4_trash_row(json_string_value(json_object_get(found, "content")));
    json_decref(found);
    if (!*row) {
        fail_rows(err);
        return I4_DB_FAILED;
    }
    return I4_DB_OK;
}

i4_db_result i4_db_trashed_file(i4_db *db, const char *file, json_t **row, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_TRASHED_FILE);
    i4_query_text(&q, 1, file);
    const i4_db_result result = one_row(&q, row, err);
    i4_db_unlock(db);
    return result;
}

i4_db_result i4_db_trashed_image(i4_db *db, int64_t image_id, json_t **row, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_TRASHED_IMAGE);
    i4_query_int(&q, 1, image_id);
    const i4_db_result result = one_row(&q, row, err);
    i4_db_unlock(db);
    return result;
}

/* --- choosing ------------------------------------------------------------------------------ */

static bool choose_each(i4_db *db, i4_sql which, const json_t *ids, i4_err *err) {
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(ids); i++) {
        good = i4_db_run_id(db, which, json_integer_value(json_array_get(ids, i)), err);
    }
    return good;
}

static bool choose(i4_db *db, const i4_trash_choice *c, i4_err *err) {
    i4_query clear = i4_query_of(db, I4_SQL_TRASH_CHOSEN_CLEAR);
    if (!i4_query_run(&clear, err)) {
        return false;
    }
    if (c->days >= 0) {
        return i4_db_run_id(db, I4_SQL_TRASH_CHOOSE_OLD, c->days, err);
    }
    if (c->trash_id >= 0) {
        return i4_db_run_id(db, I4_SQL_TRASH_CHOOSE_ACTION, c->trash_id, err);
    }
    if (!c->images && !c->prompts) {
        i4_query all = i4_query_of(db, I4_SQL_TRASH_CHOOSE_ALL);
        return i4_query_run(&all, err);
    }
    return choose_each(db, I4_SQL_TRASH_CHOOSE_IMAGE, c->images, err) &&
           choose_each(db, I4_SQL_TRASH_CHOOSE_PROMPT, c->prompts, err);
}

/* The chosen entries leave the trash, and actions that have none left end. */
static bool end_chosen(i4_db *db, i4_err *err) {
    static const i4_sql ends[] = {I4_SQL_TRASH_CHOSEN_END, I4_SQL_TRASH_CHOSEN_CLEAR,
                                  I4_SQL_TRASH_ACTIONS_END};
    bool good = true;
    for (size_t i = 0; good && i < sizeof ends / sizeof *ends; i++) {
        i4_query q = i4_query_of(db, ends[i]);
        good = i4_query_run(&q, err);
    }
    return good;
}

void i4_trash_done_free(i4_trash_done *done) {
    json_decref(done->images);
    json_decref(done->files);
    *done = (i4_trash_done){0};
}

/* --- out of the trash ---------------------------------------------------------------------- */

/* The value of a column; what JSON cannot be a column of becomes null. */
static int bind_json(sqlite3_stmt *stmt, int place, const json_t *value) {
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        return sqlite3_bind_int64(stmt, place, json_integer_value(value));
    case JSON_REAL:
        return sqlite3_bind_double(stmt, place, json_real_value(value));
    case JSON_STRING:
        return sqlite3_bind_text(stmt, place, json_string_value(value),
                                 (int)json_string_length(value), SQLITE_STATIC);
    default:
        return sqlite3_bind_null(stmt, place);
    }
}

/* Columns that the table has and the row too, in the row's order; as text of an INSERT. Names come
 * from the schema, so that nothing of a row becomes part of a statement. */
static bool insert_text(i4_db *db, const char *table, json_t *row, json_t **columns, i4_buf *text,
                        i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_TRASH_COLUMNS);
    i4_query_text(&q, 1, table);
    if (!i4_query_texts(&q, columns, err)) {
        return false;
    }
    i4_buf_addf(text, "INSERT OR IGNORE INTO \"%s\"(", table);
    for (size_t i = json_array_size(*columns); i-- > 0;) {
        if (!json_object_get(row, json_string_value(json_array_get(*columns, i)))) {
            json_array_remove(*columns, i);
        }
    }
    const size_t count = json_array_size(*columns);
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(*columns, i));
        i4_buf_adds(text, i > 0 ? ",\"" : "\"");
        for (const char *c = name; *c; c++) {
            i4_buf_adds(text, *c == '"' ? "\"\"" : (const char[]){*c, '\0'});
        }
        i4_buf_addc(text, '"');
    }
    i4_buf_adds(text, ")VALUES(");
    for (size_t i = 0; i < count; i++) {
        i4_buf_adds(text, i > 0 ? ",?" : "?");
    }
    i4_buf_addc(text, ')');
    return !text->failed || i4_fail_memory(err, "a row of the trash", text->limit);
}

/* Inserts a row; *is_new false when its id or another unique value is taken. */
static bool insert_row(i4_db *db, const char *table, json_t *row, bool *is_new, i4_err *err) {
    json_t *columns = NULL;
    sqlite3_stmt *stmt = NULL;
    i4_buf text;
    i4_buf_init(&text, STATEMENT_BYTES);
    bool good = insert_text(db, table, row, &columns, &text, err);
    if (good) {
        int code = sqlite3_prepare_v2(db->handle, text.ptr, -1, &stmt, NULL);
        for (size_t i = 0; code == SQLITE_OK && i < json_array_size(columns); i++) {
            const char *name = json_string_value(json_array_get(columns, i));
            code = bind_json(stmt, (int)i + 1, json_object_get(row, name));
        }
        code = code == SQLITE_OK ? sqlite3_step(stmt) : code;
        good = code == SQLITE_DONE || i4_db_fail(db, code, err);
        *is_new = good && i4_db_changed(db) > 0;
    }
    sqlite3_finalize(stmt);
    i4_buf_free(&text);
    json_decref(columns);
    return good;
}

/* An entry that is in the trash itself may come back too, and has its picture again then. */
static bool unlink_missing(i4_db *db, json_t *row, i4_err *err) {
    const json_t *prompt = json_object_get(row, "prompt_id");
    bool found;
    if (!json_is_integer(prompt)) {
        return true;
    }
    if (!i4_db_has(db, I4_SQL_TRASH_PROMPT_KNOWN, json_integer_value(prompt), &found, err)) {
        return false;
    }
    return found || json_object_set_new(row, "prompt_id", json_null()) == 0 || fail_rows(err);
}

/* The mark keeps its id and date; where that id is taken a new one is made. */
static bool restore_favorite(i4_db *db, json_t *favorite, int64_t image_id, i4_err *err) {
    bool is_new = false;
    if (!favorite) {
        return true;
    }
    return insert_row(db, "favorites", favorite, &is_new, err) &&
           (is_new || i4_db_run_id(db, I4_SQL_FAVORITE_ADD, image_id, err));
}

static bool restore_tags(i4_db *db, const json_t *tags, int64_t image_id, i4_err *err) {
    bool good = true, is_new;
    for (size_t i = 0; good && i < json_array_size(tags); i++) {
        json_t *tag = json_array_get(tags, i);
        good = insert_row(db, "tags", tag, &is_new, err);
        if (good) {
            i4_query q = i4_query_of(db, I4_SQL_TRASH_TAG_ADD);
            i4_query_int(&q, 1, image_id);
            i4_query_text(&q, 2, json_string_value(json_object_get(tag, "key")));
            good = i4_query_run(&q, err);
        }
    }
    return good;
}

static bool restore_image(i4_db *db, json_t *content, int64_t id, i4_err *err) {
    json_t *row = json_object_get(content, "row");
    bool is_new;
    if (!unlink_missing(db, row, err) || !insert_row(db, "images", row, &is_new, err)) {
        return false;
    }
    return !is_new || (restore_favorite(db, json_object_get(content, "favorite"), id, err) &&
                       restore_tags(db, json_object_get(content, "tags"), id, err) &&
                       i4_db_index_image(db, id, err));
}

static bool restore_entry(i4_db *db, const json_t *entry, i4_err *err) {
    const char *kind = json_string_value(json_object_get(entry, "kind"));
    json_t *content = content_of(json_string_value(json_object_get(entry, "content")));
    if (!content) {
        return fail_rows(err);
    }
    bool unused;
    const bool good =
        strcmp(kind, "image") == 0
            ? restore_image(db, content, int_at(entry, "row_id"), err)
            : insert_row(db, "prompts", json_object_get(content, "row"), &unused, err);
    json_decref(content);
    return good;
}

/* Prompts come first, so that links find them. */
static bool restore_rows(i4_db *db, const json_t *entries, i4_err *err) {
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(entries); i++) {
        good = restore_entry(db, json_array_get(entries, i), err);
    }
    return good;
}

static bool note_chosen(i4_db *db, i4_trash_done *done, i4_err *err) {
    bool found;
    i4_query images = i4_query_of(db, I4_SQL_TRASH_CHOSEN_IMAGES);
    i4_query prompts = i4_query_of(db, I4_SQL_TRASH_CHOSEN_PROMPTS);
    return take_numbers(&images, &done->images, err) &&
           i4_query_number(&prompts, &done->prompts, &found, err);
}

static bool restore(i4_db *db, const i4_trash_choice *choice, i4_trash_done *done, i4_err *err) {
    json_t *entries;
    i4_query q = i4_query_of(db, I4_SQL_TRASH_CHOSEN_ROWS);
    if (!choose(db, choice, err) || !note_chosen(db, done, err) ||
        !i4_query_rows(&q, &entries, err)) {
        return false;
    }
    const bool good = restore_rows(db, entries, err) && end_chosen(db, err);
    json_decref(entries);
    return good;
}

static bool empty(i4_db *db, const i4_trash_choice *choice, i4_trash_done *done, i4_err *err) {
    i4_query unlink = i4_query_of(db, I4_SQL_TRASH_CHOSEN_UNLINK);
    i4_query files = i4_query_of(db, I4_SQL_TRASH_CHOSEN_FILES);
    i4_query keep = i4_query_of(db, I4_SQL_REMOVALS_KEEP_USED);
    i4_query list = i4_query_of(db, I4_SQL_REMOVALS);
    return choose(db, choice, err) && note_chosen(db, done, err) && i4_query_run(&unlink, err) &&
           i4_query_run(&files, err) && end_chosen(db, err) && i4_query_run(&keep, err) &&
           i4_query_texts(&list, &done->files, err);
}

typedef bool (*change)(i4_db *db, const i4_trash_choice *choice, i4_trash_done *done, i4_err *err);

static i4_db_result run_change(i4_db *db, change run, const i4_trash_choice *choice,
                               i4_trash_done *done, i4_err *err) {
    *done = (i4_trash_done){0};
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good = run(db, choice, done, err);
    const i4_db_result result = i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
    if (result != I4_DB_OK) {
        i4_trash_done_free(done);
    }
    return result;
}

i4_db_result i4_db_restore(i4_db *db, const i4_trash_choice *choice, i4_trash_done *done,
                           i4_err *err) {
    return run_change(db, restore, choice, done, err);
}

i4_db_result i4_db_empty(i4_db *db, const i4_trash_choice *choice, i4_trash_done *done,
                         i4_err *err) {
    return run_change(db, empty, choice, done, err);
}
