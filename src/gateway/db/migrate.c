/* Migrations: numbered, each one transaction, run in order when a database is opened.
 *
 * Number 0 is an empty file or a database of the original program of any age, which kept no
 * number. 1 is the original's own newest layout, 2 and 3 are ours. Before an existing database is
 * changed a copy is kept beside it. */
#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/str.h"
#include "gateway/db/private.h"
#include "gateway/names.h"

#include <stdio.h>
#include <string.h>

enum { COPIES_AT_MOST = 100 }; /* names tried for a copy */

/* --- one-off statements -------------------------------------------------------------------- */

/* The number a query gives, bound to at most one text. */
static bool number_of(i4_db *db, const char *text, const char *value, int64_t *out, i4_err *err) {
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db->handle, text, -1, &stmt, NULL);
    if (code == SQLITE_OK && value) {
        code = sqlite3_bind_text(stmt, 1, value, -1, SQLITE_STATIC);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    const bool good = code == SQLITE_ROW || i4_db_fail(db, code, err);
    *out = good ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return good;
}

static bool has_column(i4_db *db, const char *table_column, bool *has, i4_err *err) {
    int64_t count;
    const bool good = number_of(db,
                                "SELECT count(*)FROM sqlite_schema s,pragma_table_info(s.name)c "
                                "WHERE s.type='table' AND s.name||'.'||c.name=?1 COLLATE NOCASE",
                                table_column, &count, err);
    *has = count > 0;
    return good;
}

/* --- 1: the original's newest layout ------------------------------------------------------- */

static const char original_tables[] = "CREATE TABLE IF NOT EXISTS images("
                                      "id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                      "created_at TEXT NOT NULL DEFAULT(datetime('now')),"
                                      "hld TEXT NOT NULL DEFAULT '',"
                                      "width INTEGER NOT NULL DEFAULT 1024,"
                                      "height INTEGER NOT NULL DEFAULT 1024,"
                                      "preset TEXT NOT NULL DEFAULT 'V4_QUALITY_48',"
                                      "seed INTEGER NOT NULL DEFAULT 0,"
                                      "file_path TEXT NOT NULL,"
                                      "prompt_id INTEGER,"
                                      "lora_name TEXT,"
                                      "lora_strength REAL,"
                                      "lora_stack_json TEXT);"
                                      "CREATE TABLE IF NOT EXISTS prompts("
                                      "id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                      "saved_at TEXT NOT NULL DEFAULT(datetime('now')),"
                                      "hld TEXT NOT NULL DEFAULT '',"
                                      "form_json TEXT NOT NULL);"
                                      "CREATE TABLE IF NOT EXISTS last_form("
                                      "id INTEGER PRIMARY KEY CHECK(id=1),"
                                      "form_json TEXT NOT NULL);"
                                      "CREATE TABLE IF NOT EXISTS favorites("
                                      "id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                      "created_at TEXT NOT NULL DEFAULT(datetime('now')),"
                                      "image_id INTEGER NOT NULL UNIQUE)";

static bool add_columns(i4_db *db, i4_err *err) {
    static const struct {
        const char *name, *statement;
    } columns[] = {
        {"images.prompt_id", "ALTER TABLE images ADD COLUMN prompt_id INTEGER"},
        {"images.lora_name", "ALTER TABLE images ADD COLUMN lora_name TEXT"},
        {"images.lora_strength", "ALTER TABLE images ADD COLUMN lora_strength REAL"},
        {"images.lora_stack_json", "ALTER TABLE images ADD COLUMN lora_stack_json TEXT"},
        {"images.parent_image_id", "ALTER TABLE images ADD COLUMN parent_image_id INTEGER"},
    };
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        bool has;
        if (!has_column(db, columns[i].name, &has, err) ||
            (!has && !i4_db_run_text(db, columns[i].statement, err))) {
            return false;
        }
    }
    return true;
}

/* SQL function bare_name(path): the acceptable bare name, or the path as it is. */
static void bare_name(sqlite3_context *context, int count, sqlite3_value **values) {
    const i4_db *db = sqlite3_user_data(context);
    const char *path = (const char *)sqlite3_value_text(values[0]);
    char name[I4_NAME_BYTES];
    (void)count;
    if (path && i4_name_from_path(db->output_dir, path, name, sizeof name)) {
        sqlite3_result_text(context, name, -1, SQLITE_TRANSIENT);
    } else {
        sqlite3_result_value(context, values[0]);
    }
}

static bool shorten_paths(i4_db *db, i4_err *err) {
    const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int code =
        sqlite3_create_function(db->handle, "bare_name", 1, flags, db, bare_name, NULL, NULL);
    if (code != SQLITE_OK) {
        return i4_db_fail(db, code, err);
    }
    const bool good = i4_db_run_text(
        db, "UPDATE images SET file_path=bare_name(file_path)WHERE instr(file_path,'/')>0", err);
    sqlite3_create_function(db->handle, "bare_name", 1, flags, NULL, NULL, NULL, NULL);
    return good;
}

/* The first layout marked an image or a prompt by kind and id; now a prompt is marked through its
 * newest image. Rows keep their ids and dates; those without a picture are dropped. */
static bool rebuild_favorites(i4_db *db, i4_err *err) {
    bool is_old, is_new;
    if (!has_column(db, "favorites.target_id", &is_old, err) ||
        !has_column(db, "favorites.image_id", &is_new, err)) {
        return false;
    }
    if (!is_old || is_new) {
        return true;
    }
    return i4_db_run_text(
        db,
        "DROP TABLE IF EXISTS favorites_rebuilt;"
        "CREATE TABLE favorites_rebuilt("
        "id INTEGER PRIMARY KEY AUTOINCREMENT,"
        "created_at TEXT NOT NULL DEFAULT(datetime('now')),"
        "image_id INTEGER NOT NULL UNIQUE);"
        "INSERT OR IGNORE INTO favorites_rebuilt(id,created_at,image_id)"
        "SELECT f.id,f.created_at,i.id FROM favorites f JOIN images i ON i.id=f.target_id "
        "WHERE f.kind='image' ORDER BY f.id;"
        "INSERT OR IGNORE INTO favorites_rebuilt(id,created_at,image_id)"
        "SELECT f.id,f.created_at,(SELECT i.id FROM images i WHERE i.prompt_id=f.target_id "
        "ORDER BY i.created_at DESC,i.id DESC LIMIT 1)AS image FROM favorites f "
        "WHERE f.kind='prompt' AND image IS NOT NULL ORDER BY f.id;"
        "DROP TABLE favorites;"
        "ALTER TABLE favorites_rebuilt RENAME TO favorites",
        err);
}

/* A table of ours with other columns is someone else's. */
static bool check_columns(i4_db *db, i4_err *err) {
    static const char *const looks[] = {
        "SELECT id,created_at,hld,width,height,preset,seed,file_path FROM images LIMIT 0",
        "SELECT id,saved_at,hld,form_json FROM prompts LIMIT 0",
        "SELECT id,form_json FROM last_form LIMIT 0",
        "SELECT id,created_at,image_id FROM favorites LIMIT 0",
    };
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        const int code = sqlite3_exec(db->handle, looks[i], NULL, NULL, NULL);
        if (code == SQLITE_ERROR) {
            return i4_fail(err, I4_E_FORMAT,
                           "'%s' is not a database of this program (%s); set IDEOGRAM4_DB_PATH to "
                           "another file",
                           db->path, sqlite3_errmsg(db->handle));
        }
        if (code != SQLITE_OK) {
            return i4_db_fail(db, code, err);
        }
    }
    return true;
}

static bool to_original(i4_db *db, i4_err *err) {
    return i4_db_run_text(db, original_tables, err) && add_columns(db, err) &&
           shorten_paths(db, err) && rebuild_favorites(db, err) && check_columns(db, err);
}

/* --- 2: ours ------------------------------------------------------------------------------- */

/* One row per file from now on. The original could store a picture twice; such rows are people's
 * history and stay: then only rows newer than all present ones must be unique. */
static bool make_files_unique(i4_db *db, i4_err *err) {
    int64_t doubles, newest;
    if (!number_of(db, "SELECT count(*)-count(DISTINCT file_path)FROM images", NULL, &doubles,
                   err) ||
        !number_of(db, "SELECT ifnull(max(id),0)FROM images", NULL, &newest, err)) {
        return false;
    }
    if (doubles == 0) {
        return i4_db_run_text(db, "CREATE UNIQUE INDEX images_file ON images(file_path)", err);
    }
    char statement[256];
    snprintf(statement, sizeof statement,
             "CREATE INDEX images_file ON images(file_path);"
             "CREATE UNIQUE INDEX images_new_file ON images(file_path)WHERE id>%lld",
             (long long)newest);
    return i4_db_run_text(db, statement, err);
}

static bool to_ours(i4_db *db, i4_err *err) {
    return make_files_unique(db, err) &&
           i4_db_run_text(db,
                          "CREATE INDEX images_time ON images(created_at,id);"
                          "CREATE INDEX images_prompt ON images(prompt_id,created_at,id);"
                          "CREATE INDEX prompts_time ON prompts(saved_at,id);"
                          "CREATE TABLE tasks("
                          "id INTEGER PRIMARY KEY AUTOINCREMENT,"
                          "created_at TEXT NOT NULL,"
                          "task_id TEXT NOT NULL UNIQUE);"
                          "CREATE TABLE removals(file_path TEXT PRIMARY KEY)WITHOUT ROWID",
                          err);
}

/* --- 3: queue, library, trash, timings ----------------------------------------------------- */

static bool to_library(i4_db *db, i4_err *err) {
    return i4_db_make_queue(db, err) && i4_db_make_library(db, err) && i4_db_make_trash(db, err) &&
           i4_db_make_timings(db, err) &&
           i4_db_run_text(db, /* the search asks for the caption of a picture */
                          "CREATE INDEX IF NOT EXISTS jobs_image ON jobs(image_id)"
                          "WHERE image_id IS NOT NULL",
                          err);
}

/* --- the copy ------------------------------------------------------------------------------ */

static bool name_copy(const i4_db *db, char *out, size_t size, i4_err *err) {
    for (int i = 0; i < COPIES_AT_MOST; i++) {
        char tail[16] = "";
        if (i > 0) {
            snprintf(tail, sizeof tail, ".%d", i);
        }
        const int length = snprintf(out, size, "%s.before-%d%s", db->path, I4_DB_VERSION, tail);
        if (length < 0 || (size_t)length >= size) {
            return i4_fail(err, I4_E_INVALID_ARGUMENT,
                           "the path of the database is too long; shorten IDEOGRAM4_DB_PATH");
        }
        if (i4_path_look(out) == I4_PATH_NONE) {
            return true;
        }
    }
    return i4_fail(err, I4_E_IO,
                   "there are %d copies of the database '%s' already; remove some of them",
                   COPIES_AT_MOST, db->path);
}

static int copy_pages(i4_db *db, sqlite3 *to) {
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", db->handle, "main");
    if (!backup) {
        return sqlite3_errcode(to);
    }
    sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup);
}

/* Written under another name first: a copy that has its name is whole. */
static bool keep_copy(i4_db *db, char path[I4_LIMIT_PATH_BYTES], i4_err *err) {
    char part[I4_LIMIT_PATH_BYTES + 8];
    if (!name_copy(db, path, I4_LIMIT_PATH_BYTES, err)) {
        return false;
    }
    snprintf(part, sizeof part, "%s.part", path);
    remove(part); /* of a process that died */
    sqlite3 *to = NULL;
    int code = sqlite3_open(part, &to);
    if (code == SQLITE_OK) {
        code = copy_pages(db, to);
    }
    const bool closed = sqlite3_close(to) == SQLITE_OK;
    if (code != SQLITE_OK || !closed || rename(part, path) != 0) {
        remove(part);
        return i4_fail(err, I4_E_IO,
                       "cannot keep a copy of the database as '%s' (%s); it was not upgraded, make "
                       "room or look at the rights of the folder",
                       path, sqlite3_errstr(code));
    }
    return true;
}

/* --- running ------------------------------------------------------------------------------- */

typedef bool (*migration)(i4_db *db, i4_err *err);
static const migration migrations[I4_DB_VERSION] = {to_original, to_ours,
                                                    to_library}; /* to 1, 2, 3 */

static bool read_version(i4_db *db, int64_t *version, i4_err *err) {
    return number_of(db, "PRAGMA user_version", NULL, version, err);
}

/* Another process may have been faster: the number is read again under the lock. */
static bool run_next(i4_db *db, i4_err *err) {
    int64_t version;
    if (!read_version(db, &version, err)) {
        return false;
    }
    if (version < 0 || version >= I4_DB_VERSION) {
        return true;
    }
    char number[64];
    snprintf(number, sizeof number, "PRAGMA user_version=%d", (int)version + 1);
    return migrations[version](db, err) && i4_db_run_text(db, number, err);
}

static bool run_in_transaction(i4_db *db, i4_err *err) {
    if (!i4_db_run_text(db, "BEGIN IMMEDIATE", err)) {
        return false;
    }
    if (run_next(db, err) && i4_db_run_text(db, "COMMIT", err)) {
        return true;
    }
    sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

/* A database that this program may upgrade: empty, or with one of the original's tables. */
static bool check_owner(i4_db *db, int64_t version, int64_t tables, i4_err *err) {
    if (version > I4_DB_VERSION) {
        return i4_fail(
            err, I4_E_FORMAT,
            "the database '%s' is of a newer version of this program (layout %lld, known "
            "is %d); update the program or set IDEOGRAM4_DB_PATH to another file",
            db->path, (long long)version, I4_DB_VERSION);
    }
    int64_t ours;
    if (!number_of(db,
                   "SELECT count(*)FROM sqlite_schema WHERE type='table' AND name "
                   "IN('images','prompts','last_form','favorites')",
                   NULL, &ours, err)) {
        return false;
    }
    if (version < 0 || (tables > 0 && ours == 0)) {
        return i4_fail(err, I4_E_FORMAT,
                       "'%s' is a database of another program; set IDEOGRAM4_DB_PATH to another "
                       "file",
                       db->path);
    }
    return true;
}

/* Where nothing was changed: every further start would keep one more. */
static void forget_copy(i4_db *db, const char *copy, int64_t version) {
    int64_t now;
    if (copy[0] && read_version(db, &now, NULL) && now == version) {
        remove(copy);
    }
}

bool i4_db_migrate(i4_db *db, i4_err *err) {
    int64_t version, tables;
    char copy[I4_LIMIT_PATH_BYTES] = "";
    if (!read_version(db, &version, err) ||
        !number_of(db, "SELECT count(*)FROM sqlite_schema WHERE type='table'", NULL, &tables,
                   err) ||
        !check_owner(db, version, tables, err)) {
        return false;
    }
    if (version < I4_DB_VERSION && tables > 0 && !keep_copy(db, copy, err)) {
        return false;
    }
    for (int64_t from = version; from < I4_DB_VERSION; from++) {
        if (!run_in_transaction(db, err)) {
            forget_copy(db, copy, version);
            return false;
        }
    }
    return true;
}
