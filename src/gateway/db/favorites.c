/* Favourites (docs/http-api.md 7.7): pictures people marked. A prompt counts as marked through its
 * preview image only, so a row names its prompt only if it is that image. */
#include "gateway/db/private.h"

static bool set_history(json_t *row) {
    const bool linked = !json_is_null(json_object_get(row, "prompt_id"));
    return json_object_set_new(row, "history_linked", json_boolean(linked)) == 0;
}

static bool fail_row(i4_err *err) {
    return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for rows of the database");
}

/* Runs a query of favourite rows with one number; *row NULL if there is none. */
static bool favorite_row(i4_db *db, i4_sql which, int64_t id, json_t **row, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    if (!i4_query_row(&q, row, err)) {
        return false;
    }
    if (*row && !set_history(*row)) {
        json_decref(*row);
        *row = NULL;
        return fail_row(err);
    }
    return true;
}

i4_db_result i4_db_favorites(i4_db *db, json_t **rows, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_FAVORITES);
    bool good = i4_query_rows(&q, rows, err);
    i4_db_unlock(db);
    for (size_t i = 0; good && i < json_array_size(*rows); i++) {
        good = set_history(json_array_get(*rows, i)) || fail_row(err);
    }
    if (!good) {
        json_decref(*rows);
        *rows = NULL;
    }
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_favorite(i4_db *db, int64_t id, json_t **row, i4_err *err) {
    i4_db_lock(db);
    const bool good = favorite_row(db, I4_SQL_FAVORITE, id, row, err);
    i4_db_unlock(db);
    return i4_db_found(good, *row);
}

/* The picture meant by an image's or a prompt's id. */
static bool find_target(i4_db *db, int64_t image_id, int64_t prompt_id, int64_t *target,
                        bool *found, i4_err *err) {
    if (image_id >= 0) {
        *target = image_id;
        return i4_db_has(db, I4_SQL_IMAGE_EXISTS, image_id, found, err);
    }
    i4_query q = i4_query_of(db, I4_SQL_PREVIEW);
    i4_query_int(&q, 1, prompt_id);
    return i4_query_number(&q, target, found, err);
}

static bool add_favorite(i4_db *db, int64_t image_id, int64_t prompt_id, json_t **row,
                         i4_err *err) {
    int64_t target;
    bool found;
    if (!find_target(db, image_id, prompt_id, &target, &found, err)) {
        return false;
    }
    return !found || (i4_db_run_id(db, I4_SQL_FAVORITE_ADD, target, err) &&
                      favorite_row(db, I4_SQL_FAVORITE_OF_IMAGE, target, row, err));
}

i4_db_result i4_db_add_favorite(i4_db *db, int64_t image_id, int64_t prompt_id, json_t **row,
                                i4_err *err) {
    *row = NULL;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good = add_favorite(db, image_id, prompt_id, row, err);
    const i4_db_result result = i4_db_end(db, i4_db_found(good, *row), err);
    if (result != I4_DB_OK) {
        json_decref(*row);
        *row = NULL;
    }
    return result;
}

/* Of a prompt: the mark of its preview; if that has none, those of its other versions, which
 * were set when they were the preview. */
static bool delete_favorites(i4_db *db, int64_t image_id, int64_t prompt_id, int64_t *deleted,
                             i4_err *err) {
    int64_t target;
    bool found;
    *deleted = 0;
    if (!find_target(db, image_id, prompt_id, &target, &found, err)) {
        return false;
    }
    if (found) {
        if (!i4_db_run_id(db, I4_SQL_ONE_FAVORITES, target, err)) {
            return false;
        }
        *deleted = i4_db_changed(db);
    }
    if (*deleted == 0 && image_id < 0) {
        if (!i4_db_run_id(db, I4_SQL_FAVORITES_OF_PROMPT_END, prompt_id, err)) {
            return false;
        }
        *deleted = i4_db_changed(db);
    }
    return true;
}

i4_db_result i4_db_delete_favorite(i4_db *db, int64_t image_id, int64_t prompt_id, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    int64_t deleted;
    i4_db_result result = I4_DB_FAILED;
    if (delete_favorites(db, image_id, prompt_id, &deleted, err)) {
        result = deleted > 0 ? I4_DB_OK : I4_DB_NONE;
    }
    return i4_db_end(db, result, err);
}
