/* The queue's table: what becomes of a running job, and the end with a picture, which is one
 * transaction with the picture's row and its history entry (docs/api.md 1.3). */
#include "gateway/db/private.h"
#include "gateway/db/queue.h"

/* --- running ------------------------------------------------------------------------------- */

i4_db_result i4_db_work(i4_db *db, bool only_running, json_t **row, i4_err *err) {
    i4_db_lock(db);
    i4_query running = i4_query_of(db, I4_SQL_WORK_RUNNING);
    bool good = i4_query_row(&running, row, err);
    if (good && !*row && !only_running) {
        i4_query pending = i4_query_of(db, I4_SQL_WORK_PENDING);
        good = i4_query_row(&pending, row, err);
    }
    i4_db_unlock(db);
    return i4_db_found(good, *row);
}

i4_db_result i4_db_direct_work(i4_db *db, json_t **rows, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_WORK_DIRECT);
    const bool good = i4_query_rows(&q, rows, err);
    i4_db_unlock(db);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

/* One statement about one job; NONE when it changed nothing. */
static i4_db_result run_one(i4_db *db, i4_query *q, i4_err *err) {
    const bool good = i4_query_run(q, err);
    const bool changed = good && i4_db_changed(db) > 0;
    return i4_db_end(db, changed ? I4_DB_OK : good ? I4_DB_NONE : I4_DB_FAILED, err);
}

i4_db_result i4_db_begin_job(i4_db *db, int64_t id, const char *task_id, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_BEGIN);
    i4_query_int(&q, 1, id);
    i4_query_text(&q, 2, task_id);
    return run_one(db, &q, err);
}

i4_db_result i4_db_put_job_back(i4_db *db, int64_t id, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_BACK);
    i4_query_int(&q, 1, id);
    return run_one(db, &q, err);
}

i4_db_result i4_db_reach_job(i4_db *db, int64_t id, i4_job_reach reach, const char *task_id,
                             i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_ACCEPT);
    i4_query_int(&q, 1, id);
    i4_query_int(&q, 2, reach);
    i4_query_text(&q, 3, task_id);
    return run_one(db, &q, err);
}

i4_db_result i4_db_send_job_again(i4_db *db, int64_t id, bool counts, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_AGAIN);
    i4_query_int(&q, 1, id);
    i4_query_int(&q, 2, counts);
    return run_one(db, &q, err);
}

i4_db_result i4_db_end_job(i4_db *db, int64_t id, const char *error, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_FAIL);
    i4_query_int(&q, 1, id);
    i4_query_text(&q, 2, error ? "failed" : "cancelled");
    i4_query_text(&q, 3, error);
    return run_one(db, &q, err);
}

/* --- the end with a picture ---------------------------------------------------------------- */

static int64_t int_at(const json_t *row, const char *key) {
    const json_t *value = json_object_get(row, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static const char *text_at(const json_t *row, const char *key) {
    return json_string_value(json_object_get(row, key));
}

static bool run_pair(i4_db *db, i4_sql which, int64_t first, int64_t second, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, first);
    i4_query_int(&q, 2, second);
    return i4_query_run(&q, err);
}

/* The first picture of a batch makes or rewrites the entry, the others join it. An entry that is
 * gone is made again. */
static bool give_entry(i4_db *db, const json_t *job, int64_t image_id, i4_err *err) {
    int64_t prompt_id = int_at(job, "prompt_id");
    bool is_there = false, missing;
    if (prompt_id != -1 && !i4_db_has(db, I4_SQL_PROMPT_EXISTS, prompt_id, &is_there, err)) {
        return false;
    }
    const bool has_form =
        is_there && (int_at(job, "is_joined") == 1 || int_at(job, "form_made") == 1);
    if (has_form) {
        if (!run_pair(db, I4_SQL_IMAGE_LINK, image_id, prompt_id, err)) {
            return false;
        }
    } else {
        prompt_id = is_there ? prompt_id : -1;
        const i4_db_result result =
            i4_db_attach_inside(db, image_id, text_at(job, "hld"), text_at(job, "form_json"),
                                &prompt_id, &missing, err);
        if (result != I4_DB_OK) { /* NONE: the picture is in the trash by now */
            return result == I4_DB_NONE;
        }
    }
    i4_query q = i4_query_of(db, I4_SQL_JOBS_JOIN);
    i4_query_text(&q, 1, text_at(job, "batch"));
    i4_query_int(&q, 2, prompt_id);
    return i4_query_run(&q, err);
}

/* The daemon has no description of a plain prompt's picture. */
static bool name_image(i4_db *db, const json_t *job, int64_t image_id, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_IMAGE_NAME);
    i4_query_int(&q, 1, image_id);
    i4_query_text(&q, 2, text_at(job, "hld"));
    return i4_query_run(&q, err);
}

static bool end_done(i4_db *db, const i4_new_image *image, const json_t *job, int64_t image_id,
                     i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_JOB_DONE);
    i4_query_int(&q, 1, int_at(job, "id"));
    i4_query_int(&q, 2, image_id);
    if (image->seconds > 0) {
        i4_query_real(&q, 3, image->seconds);
    }
    if (!i4_query_run(&q, err)) {
        return false;
    }
    if (int_at(job, "until_picture") != 1) {
        return true;
    }
    i4_query rest = i4_query_of(db, I4_SQL_JOBS_DROP_REST);
    i4_query_text(&rest, 1, text_at(job, "batch"));
    i4_query_int(&rest, 2, image_id);
    return i4_query_run(&rest, err);
}

bool i4_db_finish_job(i4_db *db, const i4_new_image *image, int64_t image_id, i4_err *err) {
    json_t *job = NULL;
    if (!image->task_id) {
        return true;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_OF_TASK);
    i4_query_text(&q, 1, image->task_id);
    bool good = i4_query_row(&q, &job, err);
    if (job) {
        const char *origin = text_at(job, "origin");
        const bool is_direct = origin && origin[0] == 'd';
        good = name_image(db, job, image_id, err) &&
               (is_direct || give_entry(db, job, image_id, err)) &&
               end_done(db, image, job, image_id, err);
    }
    json_decref(job);
    return good;
}

i4_db_result i4_db_end_job_with(i4_db *db, const i4_new_image *image, int64_t image_id,
                                i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good = i4_db_finish_job(db, image, image_id, err);
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}
