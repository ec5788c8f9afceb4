/* Pictures: rows, counts, links to prompts, deletions (docs/http-api.md 7.3, 7.4, 7.6). */
#include "gateway/db/private.h"

#include <string.h>

/* --- reading ------------------------------------------------------------------------------- */

i4_db_result i4_db_image(i4_db *db, int64_t id, json_t **row, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_IMAGE);
    i4_query_int(&q, 1, id);
    const bool good = i4_query_row(&q, row, err);
    i4_db_unlock(db);
    return i4_db_found(good, *row);
}

static bool row_by_file(i4_db *db, const char *file, json_t **row, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_IMAGE_BY_FILE);
    i4_query_text(&q, 1, file);
    return i4_query_row(&q, row, err);
}

i4_db_result i4_db_image_by_file(i4_db *db, const char *file, json_t **row, i4_err *err) {
    i4_db_lock(db);
    const bool good = row_by_file(db, file, row, err);
    i4_db_unlock(db);
    return i4_db_found(good, *row);
}

/* The prompt wins over orphans, orphans over linked. */
static i4_sql listing(int64_t prompt_id, bool linked_only, bool orphans_only) {
    if (prompt_id != -1) {
        return I4_SQL_IMAGES_OF_PROMPT;
    }
    if (orphans_only) {
        return I4_SQL_IMAGES_ORPHANS;
    }
    return linked_only ? I4_SQL_IMAGES_LINKED : I4_SQL_IMAGES;
}

i4_db_result i4_db_images(i4_db *db, int64_t prompt_id, bool linked_only, bool orphans_only,
                          int64_t limit, json_t **rows, i4_err *err) {
    const i4_sql which = listing(prompt_id, linked_only, orphans_only);
    i4_db_lock(db);
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, limit); /* SQLite: below 0 is without limit */
    if (which == I4_SQL_IMAGES_OF_PROMPT) {
        i4_query_int(&q, 2, prompt_id);
    }
    const bool good = i4_query_rows(&q, rows, err);
    i4_db_unlock(db);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_stats(i4_db *db, json_t **stats, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_IMAGE_STATS);
    const bool good = i4_query_row(&q, stats, err);
    i4_db_unlock(db);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

/* --- adding -------------------------------------------------------------------------------- */

static void bind_id(i4_query *q, int place, int64_t id) {
    if (id != -1) { /* unbound is null */
        i4_query_int(q, place, id);
    }
}

static bool insert_image(i4_db *db, const i4_new_image *image, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_IMAGE_ADD);
    i4_query_text(&q, 1, image->hld ? image->hld : "");
    i4_query_int(&q, 2, image->width);
    i4_query_int(&q, 3, image->height);
    i4_query_text(&q, 4, image->preset ? image->preset : "");
    i4_query_int(&q, 5, image->seed);
    i4_query_text(&q, 6, image->file_path);
    bind_id(&q, 7, image->prompt_id);
    i4_query_text(&q, 8, image->lora_name);
    if (image->has_lora_strength) {
        i4_query_real(&q, 9, image->lora_strength);
    }
    i4_query_text(&q, 10, image->lora_stack_json);
    bind_id(&q, 11, image->parent_image_id);
    i4_query_text(&q, 12, image->flag);
    return i4_query_run(&q, err);
}

/* A name that waits for removal is in use again. */
static bool keep_file(i4_db *db, const char *file, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_REMOVAL_END);
    i4_query_text(&q, 1, file);
    return i4_query_run(&q, err);
}

/* What a new picture ends and where it can be found from now on; *row as it is afterwards. */
static bool settle_image(i4_db *db, const i4_new_image *image, json_t **row, i4_err *err) {
    const int64_t id = json_integer_value(json_object_get(*row, "id"));
    json_decref(*row);
    *row = NULL;
    return i4_db_finish_job(db, image, id, err) && i4_db_index_image(db, id, err) &&
           row_by_file(db, image->file_path, row, err);
}

static bool add_image(i4_db *db, const i4_new_image *image, json_t **row, i4_err *err) {
    if (!row_by_file(db, image->file_path, row, err)) {
        return false;
    }
    const bool is_there =
        *row || (insert_image(db, image, err) && keep_file(db, image->file_path, err) &&
                 row_by_file(db, image->file_path, row, err));
    return is_there && *row && settle_image(db, image, row, err);
}

i4_db_result i4_db_add_image(i4_db *db, const i4_new_image *image, json_t **row, i4_err *err) {
    *row = NULL;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good = add_image(db, image, row, err);
    const i4_db_result result = i4_db_end(db, i4_db_found(good, *row), err);
    if (result != I4_DB_OK) {
        json_decref(*row);
        *row = NULL;
    }
    return result;
}

/* --- deleting ------------------------------------------------------------------------------ */

/* The statements of one kind of deletion. Their files are written down in the same transaction,
 * so that a process that dies before it has removed them finds them at its next start. */
typedef struct deletion {
    i4_sql files, favorites, rows;
    bool by_id;
} deletion;

static const deletion of_one = {I4_SQL_ONE_FILES, I4_SQL_ONE_FAVORITES, I4_SQL_ONE_ROWS, true};
static const deletion of_prompt = {I4_SQL_PROMPT_FILES, I4_SQL_PROMPT_FAVORITES, I4_SQL_PROMPT_ROWS,
                                   true};
static const deletion of_orphans = {I4_SQL_ORPHAN_FILES, I4_SQL_ORPHAN_FAVORITES,
                                    I4_SQL_ORPHAN_ROWS, false};

static bool run_part(i4_db *db, const deletion *d, i4_sql which, int64_t id, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    if (d->by_id) {
        i4_query_int(&q, 1, id);
    }
    return i4_query_run(&q, err);
}

static bool delete_rows(i4_db *db, const deletion *d, int64_t id, int64_t *deleted, i4_err *err) {
    if (!run_part(db, d, d->files, id, err) || !run_part(db, d, d->favorites, id, err) ||
        !run_part(db, d, d->rows, id, err)) {
        return false;
    }
    *deleted = i4_db_changed(db);
    return true;
}

/* Old data may name one file in several rows: it goes with the last of them. */
static bool files_to_remove(i4_db *db, json_t **files, i4_err *err) {
    i4_query keep = i4_query_of(db, I4_SQL_REMOVALS_KEEP_USED);
    i4_query list = i4_query_of(db, I4_SQL_REMOVALS);
    return i4_query_run(&keep, err) && i4_query_texts(&list, files, err);
}

/* Deletes pictures and, for a prompt, its row. */
static bool delete_all(i4_db *db, const deletion *d, int64_t id, int64_t *deleted, int64_t *changed,
                       json_t **files, i4_err *err) {
    if (!delete_rows(db, d, id, deleted, err)) {
        return false;
    }
    *changed = *deleted;
    if (d == &of_prompt) {
        if (!i4_db_run_id(db, I4_SQL_PROMPT_DELETE, id, err)) {
            return false;
        }
        *changed += i4_db_changed(db);
    }
    return files_to_remove(db, files, err);
}

/* NONE when no row was there; then too the favourites and removals that were found are settled. */
static i4_db_result delete_kind(i4_db *db, const deletion *d, int64_t id, int64_t *deleted,
                                json_t **files, i4_err *err) {
    *files = NULL;
    *deleted = 0;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    int64_t changed = 0;
    const bool good = delete_all(db, d, id, deleted, &changed, files, err);
    const i4_db_result result = i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
    if (result == I4_DB_FAILED) {
        json_decref(*files);
        *files = NULL;
        *deleted = 0;
        return result;
    }
    return changed > 0 ? I4_DB_OK : I4_DB_NONE;
}

i4_db_result i4_db_delete_image(i4_db *db, int64_t id, json_t **files, i4_err *err) {
    int64_t deleted;
    return delete_kind(db, &of_one, id, &deleted, files, err);
}

i4_db_result i4_db_delete_prompt(i4_db *db, int64_t id, json_t **files, i4_err *err) {
    int64_t deleted;
    return delete_kind(db, &of_prompt, id, &deleted, files, err);
}

i4_db_result i4_db_delete_orphans(i4_db *db, int64_t *deleted, json_t **files, i4_err *err) {
    const i4_db_result result = delete_kind(db, &of_orphans, 0, deleted, files, err);
    return result == I4_DB_NONE ? I4_DB_OK : result;
}

i4_db_result i4_db_removals(i4_db *db, json_t **files, i4_err *err) {
    *files = NULL;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good = files_to_remove(db, files, err);
    const i4_db_result result = i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
    if (result != I4_DB_OK) {
        json_decref(*files);
        *files = NULL;
    }
    return result;
}

i4_db_result i4_db_removed(i4_db *db, const json_t *files, i4_err *err) {
    if (json_array_size(files) == 0) {
        return I4_DB_OK;
    }
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(files); i++) {
        good = keep_file(db, json_string_value(json_array_get(files, i)), err);
    }
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}

/* --- links --------------------------------------------------------------------------------- */

/* Both exist: NONE with *missing_prompt telling which does not. */
static i4_db_result both_exist(i4_db *db, int64_t image_id, int64_t prompt_id, bool *missing_prompt,
                               i4_err *err) {
    bool image, prompt;
    if (!i4_db_has(db, I4_SQL_PROMPT_EXISTS, prompt_id, &prompt, err) ||
        !i4_db_has(db, I4_SQL_IMAGE_EXISTS, image_id, &image, err)) {
        return I4_DB_FAILED;
    }
    *missing_prompt = !prompt;
    return image && prompt ? I4_DB_OK : I4_DB_NONE;
}

static i4_db_result link_rows(i4_db *db, int64_t image_id, int64_t prompt_id, i4_err *err) {
    const i4_sql both[] = {I4_SQL_IMAGE_UNLINK_OLDER, I4_SQL_IMAGE_LINK};
    for (int i = 0; i < 2; i++) {
        i4_query q = i4_query_of(db, both[i]);
        i4_query_int(&q, 1, image_id);
        i4_query_int(&q, 2, prompt_id);
        if (!i4_query_run(&q, err)) {
            return I4_DB_FAILED;
        }
    }
    return I4_DB_OK;
}

i4_db_result i4_db_link(i4_db *db, int64_t image_id, int64_t prompt_id, bool *missing_prompt,
                        i4_err *err) {
    *missing_prompt = false;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_db_result result = both_exist(db, image_id, prompt_id, missing_prompt, err);
    if (result == I4_DB_OK) {
        result = link_rows(db, image_id, prompt_id, err);
    }
    return i4_db_end(db, result, err);
}

/* Overwrites the prompt; its time stays, for the rule of versions counts from it. */
static i4_db_result rewrite_prompt(i4_db *db, const char *hld, const char *form_json,
                                   int64_t prompt_id, bool *missing_prompt, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_PROMPT_REWRITE);
    i4_query_text(&q, 1, hld);
    i4_query_text(&q, 2, form_json);
    i4_query_int(&q, 3, prompt_id);
    if (!i4_query_run(&q, err)) {
        return I4_DB_FAILED;
    }
    *missing_prompt = i4_db_changed(db) == 0;
    return *missing_prompt ? I4_DB_NONE : I4_DB_OK;
}

i4_db_result i4_db_attach_inside(i4_db *db, int64_t image_id, const char *hld,
                                 const char *form_json, int64_t *prompt_id, bool *missing_prompt,
                                 i4_err *err) {
    bool image;
    if (!i4_db_has(db, I4_SQL_IMAGE_EXISTS, image_id, &image, err)) {
        return I4_DB_FAILED;
    }
    if (!image) {
        return I4_DB_NONE;
    }
    i4_db_result result = I4_DB_OK;
    if (*prompt_id != -1) {
        result = rewrite_prompt(db, hld, form_json, *prompt_id, missing_prompt, err);
    } else if (!i4_db_insert_prompt(db, hld, form_json, prompt_id, err)) {
        result = I4_DB_FAILED;
    }
    return result == I4_DB_OK ? link_rows(db, image_id, *prompt_id, err) : result;
}

i4_db_result i4_db_attach(i4_db *db, int64_t image_id, const char *hld, const char *form_json,
                          int64_t prompt_id_or_minus_1, int64_t *prompt_id, bool *missing_prompt,
                          i4_err *err) {
    *prompt_id = prompt_id_or_minus_1;
    *missing_prompt = false;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const i4_db_result result =
        i4_db_attach_inside(db, image_id, hld, form_json, prompt_id, missing_prompt, err);
    return i4_db_end(db, result, err);
}
