/* Prompts (rows of the history) and the last form of the editor. */
#include "gateway/db/private.h"

i4_db_result i4_db_prompts(i4_db *db, int64_t limit, json_t **rows, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_PROMPTS);
    i4_query_int(&q, 1, limit);
    const bool good = i4_query_rows(&q, rows, err);
    i4_db_unlock(db);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_prompt(i4_db *db, int64_t id, json_t **row, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_PROMPT);
    i4_query_int(&q, 1, id);
    const bool good = i4_query_row(&q, row, err);
    i4_db_unlock(db);
    return i4_db_found(good, *row);
}

bool i4_db_insert_prompt(i4_db *db, const char *hld, const char *form_json, int64_t *id,
                         i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_PROMPT_ADD);
    i4_query_text(&q, 1, hld);
    i4_query_text(&q, 2, form_json);
    if (!i4_query_run(&q, err)) {
        return false;
    }
    *id = sqlite3_last_insert_rowid(db->handle);
    return true;
}

i4_db_result i4_db_add_prompt(i4_db *db, const char *hld, const char *form_json, int64_t *id,
                              i4_err *err) {
    *id = -1;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good = i4_db_insert_prompt(db, hld, form_json, id, err);
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}

i4_db_result i4_db_form(i4_db *db, json_t **text_or_null, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_FORM);
    json_t *row;
    const bool good = i4_query_row(&q, &row, err);
    i4_db_unlock(db);
    *text_or_null = NULL;
    if (good) {
        *text_or_null = row ? json_incref(json_object_get(row, "form_json")) : json_null();
    }
    json_decref(row);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_set_form(i4_db *db, const char *form_json, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_FORM_SET);
    i4_query_text(&q, 1, form_json);
    const bool good = i4_query_run(&q, err);
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}
