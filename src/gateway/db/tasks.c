/* Tasks whose pictures are not stored yet: what a restarted gateway must ask the daemon for. */
#include "gateway/db/private.h"

static i4_db_result run_task(i4_db *db, i4_sql which, const char *task_id, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_query q = i4_query_of(db, which);
    i4_query_text(&q, 1, task_id);
    const bool good = i4_query_run(&q, err);
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
}

i4_db_result i4_db_add_task(i4_db *db, const char *task_id, i4_err *err) {
    return run_task(db, I4_SQL_TASK_ADD, task_id, err);
}

i4_db_result i4_db_end_task(i4_db *db, const char *task_id, i4_err *err) {
    return run_task(db, I4_SQL_TASK_END, task_id, err);
}

i4_db_result i4_db_tasks(i4_db *db, json_t **ids, i4_err *err) {
    i4_db_lock(db);
    i4_query q = i4_query_of(db, I4_SQL_TASKS);
    const bool good = i4_query_texts(&q, ids, err);
    i4_db_unlock(db);
    return good ? I4_DB_OK : I4_DB_FAILED;
}
