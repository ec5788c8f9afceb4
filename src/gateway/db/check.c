/* Looking at a database from outside, and mending what a look found: see check.h. The statements
 * are prepared when they are needed: they run once, and a damaged or older database need not know
 * their tables. */
#include "gateway/db/check.h"

#include "base/memory.h"
#include "base/os.h"
#include "base/str.h"
#include "gateway/db/private.h"
#include "gateway/db/words.h"
#include "gateway/names.h"

enum { PROBLEMS_MAX = 20, BUSY_MILLISECONDS = 5000 };

struct i4_db_look {
    i4_db db; /* path, output_dir and handle only: for i4_db_fail */
};

/* --- statements ---------------------------------------------------------------------------- */

typedef struct question {
    const char *count; /* one number; ?1: days */
    const char *mend;  /* statements, NULL: not to be mended so */
} question;

#define NO_IMAGE(column) column " NOT IN(SELECT id FROM images)"
#define NO_PROMPT(column) column " NOT IN(SELECT id FROM prompts)"
/* A row is known to search when it has both words and a mark. */
#define UNKNOWN(table, row)                                                          \
    "SELECT count(*)FROM " table " WHERE id NOT IN(SELECT rowid FROM " row "_words)" \
    "OR id NOT IN(SELECT " row "_id FROM " row "_marks)"
#define KNOWN_TOO_LONG(row, no_row)                              \
    "(SELECT count(*)FROM " row                                  \
    "_words WHERE " no_row("rowid") ")"                          \
                                    "+(SELECT count(*)FROM " row \
                                    "_marks WHERE " no_row(row "_id") ")"

static const question questions[I4_DB_QUESTIONS] = {
    [I4_DB_FAVORITES_LOST] = {.count = "SELECT count(*)FROM favorites WHERE " NO_IMAGE("image_id"),
                              .mend = "DELETE FROM favorites WHERE " NO_IMAGE("image_id")},
    [I4_DB_TAGS_LOST] = {.count = "SELECT count(*)FROM image_tags WHERE " NO_IMAGE("image_id"),
                         .mend = "DELETE FROM image_tags WHERE " NO_IMAGE("image_id")},
    [I4_DB_INDEX_MISSING] = {.count = "SELECT(" UNKNOWN("images", "image") ")+(" UNKNOWN(
                                 "prompts", "prompt") ")",
                             /* the rest is done as for rows of another program */
                             .mend = "DELETE FROM image_marks WHERE image_id NOT IN("
                                     "SELECT rowid FROM image_words);"
                                     "DELETE FROM prompt_marks WHERE prompt_id NOT IN("
                                     "SELECT rowid FROM prompt_words)"},
    [I4_DB_INDEX_SURPLUS] =
        {.count =
             "SELECT " KNOWN_TOO_LONG("image", NO_IMAGE) "+" KNOWN_TOO_LONG("prompt", NO_PROMPT),
         .mend = "DELETE FROM image_words WHERE " NO_IMAGE(
             "rowid") ";"
                      "DELETE FROM image_marks WHERE " NO_IMAGE(
                          "image_id") ";"
                                      "DELETE FROM prompt_words WHERE " NO_PROMPT(
                                          "rowid") ";"
                                                   "DELETE FROM prompt_marks WHERE " NO_PROMPT(
                                                       "prompt_id")},
    [I4_DB_DANGLING] = {.count = "SELECT count(*)FROM images WHERE prompt_id IS NOT NULL AND "
                                 "prompt_id NOT IN(SELECT id FROM prompts)"},
    [I4_DB_JOBS_PENDING] = {.count = "SELECT count(*)FROM jobs WHERE state='pending'"},
    [I4_DB_JOBS_RUNNING] = {.count = "SELECT count(*)FROM jobs WHERE state='running'"},
    [I4_DB_JOBS_PICTURELESS] = {.count = "SELECT count(*)FROM jobs WHERE state='done' AND "
                                         "image_id NOT IN(SELECT id FROM images)AND image_id "
                                         "NOT IN(SELECT row_id FROM trash WHERE kind='image')"},
    [I4_DB_JOBS_ODD] = {.count = "SELECT count(*)FROM jobs WHERE state NOT IN('pending','running',"
                                 "'done','failed','cancelled')OR(state='done' AND image_id IS "
                                 "NULL)OR(state IN('pending','running'))<>(finished_at IS NULL)"},
    [I4_DB_TRASH_OVERDUE] = {.count = "SELECT count(*)FROM trash t JOIN trash_actions a "
                                      "ON a.id=t.trash_id WHERE t.kind='image' AND "
                                      "a.trashed_at<datetime('now','-'||?1||' days')"},
};

/* --- opening ------------------------------------------------------------------------------- */

i4_db_look *i4_db_look_open(const char *path, const char *output_dir, i4_err *err) {
    if (i4_path_look(path) == I4_PATH_NONE) {
        i4_fail(err, I4_E_NOT_FOUND, "there is no database '%s'", path);
        return NULL;
    }
    i4_db_look *look = i4_calloc(1, sizeof *look);
    if (!look) {
        i4_fail_memory(err, "the database", sizeof *look);
        return NULL;
    }
    look->db.path = i4_strdup(path);
    look->db.output_dir = i4_strdup(output_dir);
    bool good = (look->db.path && look->db.output_dir) || i4_fail_memory(err, "the database", 0);
    if (good) {
        const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
        const int code = sqlite3_open_v2(path, &look->db.handle, flags, NULL);
        good = code == SQLITE_OK || i4_db_fail(&look->db, code, err);
    }
    if (!good) {
        i4_db_look_close(look);
        return NULL;
    }
    sqlite3_extended_result_codes(look->db.handle, 1);
    sqlite3_busy_timeout(look->db.handle, BUSY_MILLISECONDS);
    /* as for the gateway itself: nothing that a hostile file brings along is trusted */
    sqlite3_db_config(look->db.handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(look->db.handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return look;
}

void i4_db_look_close(i4_db_look *look) {
    if (look) {
        sqlite3_close(look->db.handle);
        i4_free(look->db.path);
        i4_free(look->db.output_dir);
        i4_free(look);
    }
}

/* --- asking -------------------------------------------------------------------------------- */

/* Takes one row; false: no memory. */
typedef bool (*take_row)(const i4_db_look *look, sqlite3_stmt *stmt, void *user);

static bool each_row(i4_db_look *look, const char *text, const int64_t *value, take_row take,
                     void *user, i4_err *err) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(look->db.handle, text, -1, &stmt, NULL);
    if (code == SQLITE_OK && value) {
        code = sqlite3_bind_int64(stmt, 1, *value);
    }
    bool has_room = true;
    while (code == SQLITE_OK && has_room) {
        const int step = sqlite3_step(stmt);
        if (step != SQLITE_ROW) {
            code = step;
        } else {
            has_room = take(look, stmt, user);
        }
    }
    const bool good = has_room ? code == SQLITE_DONE || i4_db_fail(&look->db, code, err)
                               : i4_fail_memory(err, "rows of the database", 0);
    sqlite3_finalize(stmt);
    return good;
}

static bool take_number(const i4_db_look *look, sqlite3_stmt *stmt, void *user) {
    (void)look;
    *(int64_t *)user = sqlite3_column_int64(stmt, 0);
    return true;
}

static bool number_of(i4_db_look *look, const char *text, const int64_t *value, int64_t *number,
                      i4_err *err) {
    *number = 0;
    return each_row(look, text, value, take_number, number, err);
}

static bool take_problem(const i4_db_look *look, sqlite3_stmt *stmt, void *user) {
    (void)look;
    const char *text = (const char *)sqlite3_column_text(stmt, 0);
    json_t *value = text && i4_utf8_valid(i4_str_c(text)) ? json_string(text) : NULL;
    if (text && sqlite3_stricmp(text, "ok") == 0) {
        json_decref(value);
        return true;
    }
    return json_array_append_new(user, value ? value : json_string("unreadable")) == 0;
}

bool i4_db_look_damage(i4_db_look *look, json_t **problems, i4_err *err) {
    char text[64];
    sqlite3_snprintf(sizeof text, text, "PRAGMA integrity_check(%d)", PROBLEMS_MAX);
    *problems = json_array();
    if (*problems && each_row(look, text, NULL, take_problem, *problems, err)) {
        return true;
    }
    json_decref(*problems);
    *problems = NULL;
    return false;
}

bool i4_db_look_layout(i4_db_look *look, int64_t *layout, int64_t *known, i4_err *err) {
    *known = I4_DB_VERSION;
    return number_of(look, "PRAGMA user_version", NULL, layout, err);
}

bool i4_db_look_count(i4_db_look *look, i4_db_question which, int64_t days, int64_t *count,
                      i4_err *err) {
    return number_of(look, questions[which].count, which == I4_DB_TRASH_OVERDUE ? &days : NULL,
                     count, err);
}

/* A name as the gateway reads it from a row; what it does not accept is kept as it is, to be said.
 */
static bool take_file(const i4_db_look *look, sqlite3_stmt *stmt, void *user) {
    const char *path = (const char *)sqlite3_column_text(stmt, 0);
    char name[I4_NAME_BYTES];
    if (!path) {
        return true;
    }
    const char *key = i4_name_from_path(look->db.output_dir, path, name, sizeof name) ? name : path;
    return json_object_set_new_nocheck(user, key, json_integer(sqlite3_column_int64(stmt, 1))) == 0;
}

static bool names_of(i4_db_look *look, const char *text, json_t **names, i4_err *err) {
    *names = json_object();
    if (*names && each_row(look, text, NULL, take_file, *names, err)) {
        return true;
    }
    json_decref(*names);
    *names = NULL;
    return false;
}

bool i4_db_look_files(i4_db_look *look, json_t **files, i4_err *err) {
    return names_of(look,
                    "SELECT file_path,id FROM images UNION ALL "
                    "SELECT file_path,row_id FROM trash WHERE file_path IS NOT NULL",
                    files, err);
}

bool i4_db_look_removals(i4_db_look *look, json_t **files, i4_err *err) {
    return names_of(look, "SELECT file_path,0 FROM removals", files, err);
}

bool i4_db_look_tasks(i4_db_look *look, json_t **ids, i4_err *err) {
    return names_of(look,
                    "SELECT task_id,0 FROM tasks UNION ALL SELECT task_id,0 FROM jobs "
                    "WHERE task_id IS NOT NULL AND state IN('pending','running')",
                    ids, err);
}

/* --- mending ------------------------------------------------------------------------------- */

bool i4_db_mend(i4_db *db, i4_db_question which, i4_err *err) {
    if (!i4_db_begin(db, err)) {
        return false;
    }
    const bool good = i4_db_run_text(db, questions[which].mend, err);
    return i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err) == I4_DB_OK &&
           i4_words_catch_up(db, err);
}
