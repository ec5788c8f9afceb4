/* The queue's table: its making, lists, and what people do by hand (docs/api.md 1). */
#include "gateway/db/jobs.h"

#include <string.h>

bool i4_db_make_queue(i4_db *db, i4_err *err) {
    return i4_db_run_text(db,
                          "CREATE TABLE jobs("
                          "id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          "client_id TEXT,"
                          "batch TEXT NOT NULL,"
                          "origin TEXT NOT NULL,"
                          "state TEXT NOT NULL,"
                          "place INTEGER NOT NULL,"
                          "created_at TEXT NOT NULL,"
                          "started_at TEXT,"
                          "finished_at TEXT,"
                          "caption TEXT NOT NULL,"
                          "is_text INTEGER NOT NULL DEFAULT 0,"
                          "hld TEXT NOT NULL DEFAULT '',"
                          "form_json TEXT NOT NULL,"
                          "form_made INTEGER NOT NULL DEFAULT 0,"
                          "prompt_id INTEGER,"
                          "is_joined INTEGER NOT NULL DEFAULT 0,"
                          "width INTEGER NOT NULL,"
                          "height INTEGER NOT NULL,"
                          "preset TEXT NOT NULL,"
                          "seed INTEGER NOT NULL,"
                          "format TEXT NOT NULL,"
                          "loras TEXT,"
                          "task_id TEXT UNIQUE,"
                          "accepted INTEGER NOT NULL DEFAULT 0,"
                          "cancel INTEGER NOT NULL DEFAULT 0,"
                          "restarts INTEGER NOT NULL DEFAULT 0,"
                          "retry_of INTEGER,"
                          "until_picture INTEGER NOT NULL DEFAULT 0,"
                          "image_id INTEGER,"
                          "flag TEXT,"
                          "error TEXT,"
                          "seconds REAL,"
                          "hidden INTEGER NOT NULL DEFAULT 0);"
                          "CREATE INDEX jobs_state ON jobs(state,place,id);"
                          "CREATE INDEX jobs_place ON jobs(place);"
                          "CREATE INDEX jobs_batch ON jobs(batch);"
                          "CREATE INDEX jobs_client ON jobs(client_id)WHERE client_id IS NOT NULL;"
                          "CREATE INDEX jobs_ended ON jobs(finished_at);"
                          "CREATE INDEX jobs_finished ON jobs(finished_at,id)"
                          "WHERE finished_at IS NOT NULL AND hidden=0;"
                          "CREATE TABLE queue("
                          "id INTEGER PRIMARY KEY CHECK(id=1),"
                          "paused INTEGER NOT NULL DEFAULT 0);"
                          "INSERT INTO queue(id)VALUES(1)",
                          err);
}

bool i4_jobs_ids(i4_db *db, i4_sql which, const char *text, json_t **ids, i4_err *err) {
    json_t *rows = NULL;
    i4_query q = i4_query_of(db, which);
    i4_query_text(&q, 1, text);
    const bool good = i4_query_rows(&q, &rows, err);
    *ids = good ? json_array() : NULL;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_array_append(*ids, json_object_get(json_array_get(rows, i), "id"));
    }
    json_decref(rows);
    return *ids || (good && i4_fail_memory(err, "jobs", 0));
}

bool i4_jobs_count_pending(i4_db *db, int64_t *pending, i4_err *err) {
    bool found;
    i4_query q = i4_query_of(db, I4_SQL_JOB_PENDING_COUNT);
    return i4_query_number(&q, pending, &found, err);
}

i4_db_result i4_jobs_end(i4_db *db, i4_db_result result, json_t **ids, i4_err *err) {
    result = i4_db_end(db, result, err);
    if (result != I4_DB_OK) {
        json_decref(*ids);
        *ids = NULL;
    }
    return result;
}

/* --- reading ------------------------------------------------------------------------------- */

static i4_db_result row_of(i4_db *db, i4_sql which, int64_t id, json_t **row, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    const bool good = i4_query_row(&q, row, err);
    i4_db_unlock(db);
    return i4_db_found(good, *row);
}

i4_db_result i4_db_job_row(i4_db *db, int64_t id, json_t **row, i4_err *err) {
    return row_of(db, I4_SQL_JOB, id, row, err);
}

i4_db_result i4_db_job_content(i4_db *db, int64_t id, json_t **row, i4_err *err) {
    return row_of(db, I4_SQL_JOB_CONTENT, id, row, err);
}

static bool rows_of(i4_db *db, i4_sql which, json_t **rows, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    return i4_query_rows(&q, rows, err);
}

i4_db_result i4_db_job_lists(i4_db *db, json_t **running, json_t **pending, json_t **finished,
                             i4_err *err) {
    *running = *pending = *finished = NULL;
    i4_db_lock(db);
    const bool good = rows_of(db, I4_SQL_JOBS_RUNNING, running, err) &&
                      rows_of(db, I4_SQL_JOBS_PENDING, pending, err) &&
                      rows_of(db, I4_SQL_JOBS_FINISHED, finished, err);
    i4_db_unlock(db);
    if (!good) {
        json_decref(*running);
        json_decref(*pending);
        *running = *pending = *finished = NULL;
    }
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_job_ids(i4_db *db, json_t **running, json_t **pending, i4_err *err) {
    *running = *pending = NULL;
    i4_db_lock(db);
    const bool good = i4_jobs_ids(db, I4_SQL_JOB_IDS, "running", running, err) &&
                      i4_jobs_ids(db, I4_SQL_JOB_IDS, "pending", pending, err);
    i4_db_unlock(db);
    if (!good) {
        json_decref(*running);
        *running = *pending = NULL;
    }
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_batch_ids(i4_db *db, const char *batch, json_t **ids, i4_err *err) {
    i4_db_lock(db);
    const bool good = i4_jobs_ids(db, I4_SQL_JOB_IDS_OF_BATCH, batch, ids, err);
    i4_db_unlock(db);
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_paused(i4_db *db, bool *paused, i4_err *err) {
    int64_t value;
    bool found;
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_PAUSED);
    const bool good = i4_query_number(&q, &value, &found, err);
    i4_db_unlock(db);
    *paused = good && value != 0;
    return good ? I4_DB_OK : I4_DB_FAILED;
}

i4_db_result i4_db_pause(i4_db *db, bool paused, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good = i4_db_run_id(db, I4_SQL_PAUSE, paused, err);
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}

/* --- by hand ------------------------------------------------------------------------------- */

/* The one of the three that fits does something. */
static bool drop(i4_db *db, int64_t id, i4_err *err) {
    return i4_db_run_id(db, I4_SQL_JOB_HIDE, id, err) &&
           i4_db_run_id(db, I4_SQL_JOB_DROP, id, err) &&
           i4_db_run_id(db, I4_SQL_JOB_ASK_CANCEL, id, err);
}

i4_db_result i4_db_drop_job(i4_db *db, int64_t id, json_t **row, i4_err *err) {
    *row = NULL;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, I4_SQL_JOB_STATE);
    i4_query_int(&q, 1, id);
    const bool good = drop(db, id, err) && i4_query_row(&q, row, err);
    return i4_jobs_end(db, i4_db_found(good, *row), row, err);
}

static bool drop_all(i4_db *db, bool running, bool pending, json_t *ids, i4_err *err) {
    const char *const states[] = {running ? "running" : NULL, pending ? "pending" : NULL};
    const i4_sql how[] = {I4_SQL_JOB_ASK_CANCEL, I4_SQL_JOB_DROP};
    for (int k = 0; k < 2; k++) {
        json_t *some = NULL;
        bool good = !states[k] || i4_jobs_ids(db, I4_SQL_JOB_IDS, states[k], &some, err);
        for (size_t i = 0; good && i < json_array_size(some); i++) {
            good = i4_db_run_id(db, how[k], json_integer_value(json_array_get(some, i)), err);
        }
        good = good && (!some || json_array_extend(ids, some) == 0);
        json_decref(some);
        if (!good) {
            return false;
        }
    }
    return true;
}

i4_db_result i4_db_drop_jobs(i4_db *db, bool running, bool pending, json_t **ids, i4_err *err) {
    *ids = NULL;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    *ids = json_array();
    const bool good = *ids && drop_all(db, running, pending, *ids, err);
    return i4_jobs_end(db, good ? I4_DB_OK : I4_DB_FAILED, ids, err);
}

static bool restore(i4_db *db, const json_t *ids, json_t *restored, i4_err *err) {
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const int64_t id = json_integer_value(json_array_get(ids, i));
        if (!i4_db_run_id(db, I4_SQL_JOB_RESTORE, id, err)) {
            return false;
        }
        if (i4_db_changed(db) > 0 && json_array_append_new(restored, json_integer(id)) != 0) {
            return i4_fail_memory(err, "jobs", 0);
        }
    }
    return true;
}

i4_db_result i4_db_restore_jobs(i4_db *db, const json_t *ids, int64_t limit, json_t **restored,
                                int64_t *pending, i4_err *err) {
    int64_t after = 0;
    *restored = NULL;
    *pending = 0;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    *restored = json_array();
    const bool good = *restored && i4_jobs_count_pending(db, pending, err) &&
                      restore(db, ids, *restored, err) && i4_jobs_count_pending(db, &after, err);
    const bool is_full = after > *pending && after > limit;
    return i4_jobs_end(db, !good ? I4_DB_FAILED : is_full ? I4_DB_NONE : I4_DB_OK, restored, err);
}

static i4_db_result run_plain(i4_db *db, i4_sql which, int64_t *changed, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, which);
    const bool good = i4_query_run(&q, err);
    *changed = i4_db_changed(db);
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}

i4_db_result i4_db_hide_jobs(i4_db *db, int64_t *removed, i4_err *err) {
    *removed = 0;
    return run_plain(db, I4_SQL_JOBS_HIDE, removed, err);
}

i4_db_result i4_db_prune_jobs(i4_db *db, i4_err *err) {
    int64_t unused;
    return run_plain(db, I4_SQL_JOBS_PRUNE, &unused, err);
}
