/* The connection: opening and closing, running one query, transactions, rows as JSON. */
#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/str.h"
#include "gateway/db/private.h"
#include "gateway/db/view.h"
#include "gateway/db/words.h"
#include "gateway/names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUSY_MILLISECONDS = 5000,    /* how long another program's lock is waited for */
    CHECK_LIMIT_BYTES = 64 << 20 /* a larger database is not read whole at every start */
};

static const char *const sql[I4_SQL_COUNT] = {
#define X(name, text) [I4_SQL_##name] = (text),
    I4_SQL_LIST(X)
#undef X
};

/* --- failures ------------------------------------------------------------------------------ */

bool i4_db_fail(const i4_db *db, int code, i4_err *err) {
    const char *reason = sqlite3_errstr(code);
    if (db->handle && (sqlite3_errcode(db->handle) & 0xff) == (code & 0xff)) {
        reason = sqlite3_errmsg(db->handle);
    }
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for the database '%s'",
                       db->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return i4_fail(err, I4_E_BUSY,
                       "the database '%s' is held by another program; stop it or try again",
                       db->path);
    case SQLITE_FULL:
        return i4_fail(err, I4_E_IO,
                       "the disk of the database '%s' is full; make room and try again", db->path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return i4_fail(err, I4_E_FORMAT,
                       "the database '%s' is damaged (%s); restore a copy of it, or move it away "
                       "to begin with an empty one",
                       db->path, reason);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_IOERR:
        return i4_fail(err, I4_E_IO,
                       "cannot read or write the database '%s' (%s); look at the rights of the "
                       "file and of its folder",
                       db->path, reason);
    default:
        return i4_fail(err, I4_E_INTERNAL, "the database '%s' refused a request (%s)", db->path,
                       reason);
    }
}

/* --- one query ----------------------------------------------------------------------------- */

i4_query i4_query_of(i4_db *db, i4_sql which) {
    return (i4_query){.db = db, .stmt = db->statements[which], .code = SQLITE_OK};
}

static void note(i4_query *q, int code) {
    if (q->code == SQLITE_OK) {
        q->code = code;
    }
}

void i4_query_int(i4_query *q, int place, int64_t value) {
    note(q, sqlite3_bind_int64(q->stmt, place, value));
}

void i4_query_real(i4_query *q, int place, double value) {
    note(q, sqlite3_bind_double(q->stmt, place, value));
}

void i4_query_text(i4_query *q, int place, const char *text) {
    note(q, sqlite3_bind_text(q->stmt, place, text, -1, SQLITE_STATIC));
}

/* SQLITE_ROW, SQLITE_DONE or a failure. */
static int step(i4_query *q) {
    if (q->code == SQLITE_OK || q->code == SQLITE_ROW) {
        q->code = sqlite3_step(q->stmt);
    }
    return q->code;
}

/* Ends a query: true if it ran well and `good` says that its rows were taken well. */
static bool end(i4_query *q, bool good, i4_err *err) {
    const bool ran = q->code == SQLITE_DONE || q->code == SQLITE_ROW;
    if (!ran) {
        i4_db_fail(q->db, q->code, err); /* before the reset replaces the message */
    }
    sqlite3_reset(q->stmt);
    sqlite3_clear_bindings(q->stmt);
    return ran && good;
}

bool i4_query_run(i4_query *q, i4_err *err) {
    while (step(q) == SQLITE_ROW) {
    }
    return end(q, true, err);
}

bool i4_query_next(i4_query *q) {
    return step(q) == SQLITE_ROW;
}

/* A walk that stopped before the last row is fine too, or before the first. */
bool i4_query_end(i4_query *q, i4_err *err) {
    q->code = q->code == SQLITE_OK ? SQLITE_DONE : q->code;
    return end(q, true, err);
}

bool i4_query_number(i4_query *q, int64_t *value, bool *found, i4_err *err) {
    *found = step(q) == SQLITE_ROW;
    *value = *found ? sqlite3_column_int64(q->stmt, 0) : 0;
    return end(q, true, err);
}

bool i4_db_run_id(i4_db *db, i4_sql which, int64_t id, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    return i4_query_run(&q, err);
}

bool i4_db_has(i4_db *db, i4_sql which, int64_t id, bool *found, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    int64_t unused;
    return i4_query_number(&q, &unused, found, err);
}

int64_t i4_db_changed(const i4_db *db) {
    return sqlite3_changes(db->handle);
}

/* --- rows as JSON -------------------------------------------------------------------------- */

/* Text as JSON; old data may hold bytes that are not UTF-8, which become U+FFFD. */
static json_t *text_json(const char *text, size_t size) {
    const i4_str all = i4_str_of(text, size);
    if (i4_utf8_valid(all)) {
        return json_stringn(text, size);
    }
    i4_buf b;
    i4_buf_init(&b, 3 * size + 1);
    for (size_t at = 0; at < size;) {
        const size_t before = at;
        uint32_t code_point;
        if (i4_utf8_next(all, &at, &code_point)) {
            i4_buf_add(&b, text + before, at - before);
        } else {
            i4_buf_add_utf8(&b, 0xFFFD);
            at = before + 1;
        }
    }
    json_t *value = b.failed ? NULL : json_stringn(b.ptr, b.len);
    i4_buf_free(&b);
    return value;
}

/* A stored path as clients may see it: the bare name, or "". */
static json_t *path_json(const i4_db *db, const char *path) {
    char name[I4_NAME_BYTES];
    i4_name_from_path(db->output_dir, path, name, sizeof name);
    return json_string(name);
}

static json_t *column_json(const i4_query *q, int column) {
    const char *name = sqlite3_column_name(q->stmt, column);
    switch (sqlite3_column_type(q->stmt, column)) {
    case SQLITE_NULL:
        return json_null();
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(q->stmt, column));
    case SQLITE_FLOAT: {
        const double value = sqlite3_column_double(q->stmt, column);
        return isfinite(value) ? json_real(value) : json_null();
    }
    default: {
        const char *text = (const char *)sqlite3_column_text(q->stmt, column);
        if (!text || !name) {
            return NULL; /* out of memory */
        }
        if (strcmp(name, "file_path") == 0) {
            return path_json(q->db, text);
        }
        return text_json(text, (size_t)sqlite3_column_bytes(q->stmt, column));
    }
    }
}

/* The row the query stands on; NULL when out of memory. */
static json_t *row_json(const i4_query *q) {
    json_t *row = json_object();
    const int count = sqlite3_column_count(q->stmt);
    for (int i = 0; row && i < count; i++) {
        const char *name = sqlite3_column_name(q->stmt, i);
        if (!name || json_object_set_new(row, name, column_json(q, i)) != 0) {
            json_decref(row);
            row = NULL;
        }
    }
    return row;
}

static bool fail_rows(i4_err *err) {
    return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for rows of the database");
}

bool i4_query_row(i4_query *q, json_t **row, i4_err *err) {
    *row = NULL;
    bool good = true;
    if (step(q) == SQLITE_ROW) {
        *row = row_json(q);
        good = *row || fail_rows(err);
    }
    return end(q, good, err);
}

/* All rows, each made by `make`. */
static bool collect(i4_query *q, json_t *(*make)(const i4_query *), json_t **list, i4_err *err) {
    *list = json_array();
    bool good = *list != NULL;
    while (step(q) == SQLITE_ROW && good) {
        good = json_array_append_new(*list, make(q)) == 0;
    }
    if (!end(q, good || fail_rows(err), err)) {
        json_decref(*list);
        *list = NULL;
        return false;
    }
    return true;
}

bool i4_query_rows(i4_query *q, json_t **rows, i4_err *err) {
    return collect(q, row_json, rows, err);
}

static json_t *first_text(const i4_query *q) {
    const char *text = (const char *)sqlite3_column_text(q->stmt, 0);
    return text ? text_json(text, (size_t)sqlite3_column_bytes(q->stmt, 0)) : NULL;
}

bool i4_query_texts(i4_query *q, json_t **texts, i4_err *err) {
    return collect(q, first_text, texts, err);
}

/* --- transactions -------------------------------------------------------------------------- */

void i4_db_lock(i4_db *db) {
    pthread_mutex_lock(&db->mutex);
}

void i4_db_unlock(i4_db *db) {
    pthread_mutex_unlock(&db->mutex);
}

/* Some failures end a transaction by themselves. */
static void roll_back(i4_db *db) {
    if (!sqlite3_get_autocommit(db->handle)) {
        i4_query q = i4_query_of(db, I4_SQL_ROLLBACK);
        i4_query_run(&q, NULL);
    }
}

bool i4_db_begin(i4_db *db, i4_err *err) {
    i4_db_lock(db);
    roll_back(db); /* what an earlier failure may have left open */
    i4_query q = i4_query_of(db, I4_SQL_BEGIN);
    if (!i4_query_run(&q, err)) {
        i4_db_unlock(db);
        return false;
    }
    return true;
}

i4_db_result i4_db_end(i4_db *db, i4_db_result result, i4_err *err) {
    if (result == I4_DB_OK) {
        i4_query q = i4_query_of(db, I4_SQL_COMMIT);
        if (!i4_words_settle(db, err) || !i4_query_run(&q, err)) {
            result = I4_DB_FAILED;
        }
    }
    if (result != I4_DB_OK) {
        roll_back(db);
        i4_view_forget_words(db->view);
    } else if (db->view->images.count > I4_VIEW_MANY) {
        i4_view_refresh(db, NULL); /* what fails here is tried again by the next reader */
    }
    i4_db_unlock(db);
    return result;
}

i4_db_result i4_db_found(bool good, const json_t *row) {
    if (!good) {
        return I4_DB_FAILED;
    }
    return row ? I4_DB_OK : I4_DB_NONE;
}

/* --- opening ------------------------------------------------------------------------------- */

bool i4_db_run_text(i4_db *db, const char *text, i4_err *err) {
    const int code = sqlite3_exec(db->handle, text, NULL, NULL, NULL);
    return code == SQLITE_OK || i4_db_fail(db, code, err);
}

static bool make_parent(const char *path, i4_err *err) {
    char folder[I4_LIMIT_PATH_BYTES];
    const int length = snprintf(folder, sizeof folder, "%s", path);
    if (length <= 0 || (size_t)length >= sizeof folder) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the path of the database is empty or too long; shorten "
                       "IDEOGRAM4_DB_PATH");
    }
    char *slash = strrchr(folder, '/');
    if (!slash || slash == folder) {
        return true;
    }
    *slash = '\0';
    return i4_dir_make(folder, err);
}

static bool connect_file(i4_db *db, i4_err *err) {
    /* our mutex serialises: SQLite's own would only cost */
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(db->path, &db->handle, flags, NULL);
    if (code != SQLITE_OK) {
        return i4_db_fail(db, code, err);
    }
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_busy_timeout(db->handle, BUSY_MILLISECONDS);
    /* nothing that a hostile file brings along is trusted: views, triggers, broken pages */
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return i4_db_run_text(db, "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON", err);
}

/* quick_check says "ok" or names what is wrong. */
static int look_for_damage(void *user, int count, char **values, char **names) {
    char *problem = user;
    (void)names;
    if (count > 0 && values[0] && strcmp(values[0], "ok") != 0) {
        snprintf(problem, 256, "%s", values[0]);
    }
    return 0;
}

static int take_number(void *user, int count, char **values, char **names) {
    (void)names;
    if (count > 0 && values[0]) {
        *(int64_t *)user = strtoll(values[0], NULL, 10);
    }
    return 0;
}

/* Reads only: a damaged file stays as it is, for whoever can repair it. */
static bool check_damage(i4_db *db, i4_err *err) {
    int64_t bytes = 0;
    int code = sqlite3_exec(db->handle,
                            "SELECT page_count*page_size FROM pragma_page_count,pragma_page_size",
                            take_number, &bytes, NULL);
    char problem[256] = "";
    if (code == SQLITE_OK && bytes <= CHECK_LIMIT_BYTES) {
        code = sqlite3_exec(db->handle, "PRAGMA quick_check(1)", look_for_damage, problem, NULL);
    }
    if (code != SQLITE_OK) {
        return i4_db_fail(db, code, err);
    }
    if (strstr(problem, "error code=7")) { /* SQLITE_NOMEM, which it takes for damage */
        return i4_db_fail(db, SQLITE_NOMEM, err);
    }
    if (problem[0]) {
        return i4_fail(err, I4_E_FORMAT,
                       "the database '%s' is damaged (%s); restore a copy of it, or move it away "
                       "to begin with an empty one",
                       db->path, problem);
    }
    return true;
}

static bool prepare_all(i4_db *db, i4_err *err) {
    for (int i = 0; i < I4_SQL_COUNT; i++) {
        const int code = sqlite3_prepare_v3(db->handle, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                            &db->statements[i], NULL);
        if (code != SQLITE_OK) {
            return i4_db_fail(db, code, err);
        }
    }
    i4_view_watch(db);
    return true;
}

/* FULL, so that what was committed outlives a power cut too. */
static bool set_up(i4_db *db, i4_err *err) {
    return connect_file(db, err) && check_damage(db, err) && i4_db_migrate(db, err) &&
           i4_db_run_text(db, "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL", err) &&
           prepare_all(db, err) && i4_view_load(db, err) && i4_words_catch_up(db, err);
}

static i4_db *new_db(const char *path, const char *output_dir, i4_err *err) {
    i4_db *db = i4_calloc(1, sizeof *db);
    char *path_copy = i4_strdup(path);
    char *dir_copy = i4_strdup(output_dir);
    if (db) {
        db->view = i4_view_new();
    }
    if (!db || !db->view || !path_copy || !dir_copy || pthread_mutex_init(&db->mutex, NULL) != 0) {
        i4_free(path_copy);
        i4_free(dir_copy);
        i4_view_free(db ? db->view : NULL);
        i4_free(db);
        i4_fail_memory(err, "the database", sizeof *db);
        return NULL;
    }
    db->path = path_copy;
    db->output_dir = dir_copy;
    return db;
}

i4_db *i4_db_open(const char *path, const char *output_dir, i4_err *err) {
    if (!make_parent(path, err) || !i4_dir_make(output_dir, err)) {
        return NULL;
    }
    i4_db *db = new_db(path, output_dir, err);
    if (db && !set_up(db, err)) {
        i4_db_close(db);
        db = NULL;
    }
    return db;
}

void i4_db_close(i4_db *db) {
    if (!db) {
        return;
    }
    for (int i = 0; i < I4_SQL_COUNT; i++) {
        sqlite3_finalize(db->statements[i]);
    }
    sqlite3_close(db->handle);
    i4_view_free(db->view);
    pthread_mutex_destroy(&db->mutex);
    i4_free(db->path);
    i4_free(db->output_dir);
    i4_free(db);
}
