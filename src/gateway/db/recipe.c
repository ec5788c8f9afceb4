/* What made a picture: its row, its history entry, its job. */
#include "gateway/db/recipe.h"
#include "gateway/db/private.h"
#include "gateway/db/trash.h"

#include <string.h>

/* A file is named by its task, and so is the job. */
static bool add_job(i4_db *db, json_t *row, i4_err *err) {
    char task[64] = "";
    json_t *job;
    const char *file = json_string_value(json_object_get(row, "file_path"));
    const size_t length = file ? strcspn(file, ".") : 0;
    if (length == 0 || length >= sizeof task) {
        return true;
    }
    memcpy(task, file, length);
    i4_query q = i4_query_of(db, I4_SQL_RECIPE_JOB);
    i4_query_text(&q, 1, task);
    if (!i4_query_row(&q, &job, err)) {
        return false;
    }
    json_object_update(row, job);
    json_decref(job);
    return true;
}

static bool add_form(i4_db *db, json_t *row, i4_err *err) {
    const json_t *prompt = json_object_get(row, "prompt_id");
    json_t *form;
    if (!json_is_integer(prompt)) {
        return true;
    }
    i4_query q = i4_query_of(db, I4_SQL_RECIPE_FORM);
    i4_query_int(&q, 1, json_integer_value(prompt));
    if (!i4_query_row(&q, &form, err)) {
        return false;
    }
    json_object_update(row, form);
    json_decref(form);
    return true;
}

i4_db_result i4_db_recipe(i4_db *db, int64_t image_id, json_t **row, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_RECIPE_IMAGE);
    i4_query_int(&q, 1, image_id);
    bool good = i4_query_row(&q, row, err);
    i4_db_unlock(db);
    if (good && !*row && i4_db_trashed_image(db, image_id, row, err) == I4_DB_FAILED) {
        return I4_DB_FAILED;
    }
    if (good && *row) {
        i4_db_lock(db);
        good = add_form(db, *row, err) && add_job(db, *row, err);
        i4_db_unlock(db);
    }
    if (!good) {
        json_decref(*row);
        *row = NULL;
    }
    return i4_db_found(good, *row);
}
