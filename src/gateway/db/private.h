/* Floor 6, private to this folder. The connection, its statements and how one is run.
 *
 * A function of db.h is: i4_db_begin (or i4_db_lock, if it only reads with one statement), queries,
 * i4_db_end (or i4_db_unlock). A query binds its values, runs once and is reset on every path; its
 * first failure sticks and is reported when it runs. */
#ifndef I4_GATEWAY_DB_PRIVATE_H
#define I4_GATEWAY_DB_PRIVATE_H

#include "gateway/db/db.h"
#include "gateway/db/sql_library.h"
#include "gateway/db/sql_queue.h"
#include "gateway/db/sql_timings.h"
#include "gateway/db/sql_trash.h"

#include <pthread.h>
#include <sqlite3.h>

enum { I4_DB_VERSION = 3 }; /* PRAGMA user_version of a database as this program keeps it */

/* --- parts of statements ------------------------------------------------------------------- */

/* Seconds since 1970 of a stored time (UTC unless it names a zone); NULL when it is none. */
#define I4_PART_SECONDS(time) "CAST(strftime('%s'," time ")AS INTEGER)"

#define I4_PART_IMAGE                                                        \
    "SELECT id,created_at,hld,width,height,preset,seed,file_path,prompt_id," \
    "lora_name,lora_strength,lora_stack_json,parent_image_id FROM images "
#define I4_PART_NEWEST " ORDER BY created_at DESC,id DESC "
#define I4_PART_PROMPTLESS "(prompt_id IS NULL OR prompt_id NOT IN(SELECT id FROM prompts))"

/* Older than the prompt `p` by more than 120 s: picture and row are stored one after the other,
 * and the clock goes on between them. */
#define I4_PART_IS_OLDER(image) \
    "(" I4_PART_SECONDS(image ".created_at") "<" I4_PART_SECONDS("p.saved_at") "-120)"

#define I4_PART_MADE_SAVED                                                                 \
    "SELECT v.id,v.prompt_id," I4_PART_SECONDS("v.created_at") "AS made," I4_PART_SECONDS( \
        "p.saved_at") "AS saved FROM images v JOIN prompts p ON p.id=v.prompt_id"

/* Id of the preview image of the prompt with that id: its newest version; the first of its
 * pictures if the prompt has no usable time. A refusal card is nobody's preview. */
#define I4_PART_PREVIEW(prompt)                                        \
    "(SELECT id FROM(" I4_PART_MADE_SAVED " WHERE v.prompt_id=" prompt \
    " AND v.flag IS NOT'blocked')"                                     \
    "WHERE saved IS NULL OR made>=saved-120 "                          \
    "ORDER BY CASE WHEN saved IS NULL THEN-id ELSE made END DESC,id DESC LIMIT 1)"

#define I4_PART_FAVORITE                                                                \
    "SELECT f.id AS id,f.created_at AS created_at,f.image_id AS image_id,i.hld AS hld," \
    "i.preset AS preset,i.width AS w,i.height AS h,"                                    \
    "CASE WHEN i.id=" I4_PART_PREVIEW(                                                  \
        "i.prompt_id") "THEN i.prompt_id END "                                          \
                       "AS prompt_id FROM favorites f JOIN images i ON i.id=f.image_id "

/* Every statement: name, text. Prepared once, when the database is opened. */
#define I4_SQL_LIST(X) \
    I4_SQL_CORE(X) I4_SQL_QUEUE(X) I4_SQL_LIBRARY(X) I4_SQL_TRASH(X) I4_SQL_TIMINGS(X)
#define I4_SQL_CORE(X)                                                                             \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    /* images */                                                                                   \
    X(IMAGE, I4_PART_IMAGE "WHERE id=?1")                                                          \
    X(IMAGE_BY_FILE, I4_PART_IMAGE "WHERE file_path=?1 ORDER BY id LIMIT 1")                       \
    X(IMAGES, I4_PART_IMAGE I4_PART_NEWEST "LIMIT ?1")                                             \
    X(IMAGES_OF_PROMPT, I4_PART_IMAGE "WHERE prompt_id=?2" I4_PART_NEWEST "LIMIT ?1")              \
    X(IMAGES_LINKED,                                                                               \
      I4_PART_IMAGE "WHERE prompt_id IN(SELECT id FROM prompts)" I4_PART_NEWEST "LIMIT ?1")        \
    X(IMAGES_ORPHANS, I4_PART_IMAGE "WHERE " I4_PART_PROMPTLESS I4_PART_NEWEST "LIMIT ?1")         \
    X(IMAGE_STATS, "SELECT count(*)AS total,count(p.id)AS linked,count(*)-count(p.id)AS orphans,"  \
                   "count(*)-count(i.prompt_id)AS null_prompt_id,"                                 \
                   "count(i.prompt_id)-count(p.id)AS dangling "                                    \
                   "FROM images i LEFT JOIN prompts p ON p.id=i.prompt_id")                        \
    X(IMAGE_ADD, "INSERT INTO images(created_at,hld,width,height,preset,seed,file_path,"           \
                 "prompt_id,lora_name,lora_strength,lora_stack_json,parent_image_id,flag)"         \
                 "VALUES(datetime('now'),?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)")                 \
    X(IMAGE_EXISTS, "SELECT 1 FROM images WHERE id=?1")                                            \
    X(IMAGE_LINK, "UPDATE images SET prompt_id=?2 WHERE id=?1")                                    \
    /* older than the prompt's first version: left over from earlier data */                       \
    X(IMAGE_UNLINK_OLDER,                                                                          \
      "UPDATE images SET prompt_id=NULL WHERE prompt_id=?2 AND id<>?1 AND EXISTS("                 \
      "SELECT 1 FROM prompts p WHERE p.id=?2 AND " I4_PART_IS_OLDER("images") ")")                 \
    /* deletions, in three kinds: which favourites, files and rows */                              \
    X(ONE_FILES, "INSERT OR IGNORE INTO removals SELECT file_path FROM images WHERE id=?1")        \
    X(ONE_FAVORITES, "DELETE FROM favorites WHERE image_id=?1")                                    \
    X(ONE_ROWS, "DELETE FROM images WHERE id=?1")                                                  \
    X(PROMPT_FILES,                                                                                \
      "INSERT OR IGNORE INTO removals SELECT file_path FROM images WHERE prompt_id=?1")            \
    X(PROMPT_FAVORITES,                                                                            \
      "DELETE FROM favorites WHERE image_id IN(SELECT id FROM images WHERE prompt_id=?1)")         \
    X(PROMPT_ROWS, "DELETE FROM images WHERE prompt_id=?1")                                        \
    X(ORPHAN_FILES,                                                                                \
      "INSERT OR IGNORE INTO removals SELECT file_path FROM images WHERE " I4_PART_PROMPTLESS)     \
    X(ORPHAN_FAVORITES, "DELETE FROM favorites WHERE image_id IN("                                 \
                        "SELECT id FROM images WHERE " I4_PART_PROMPTLESS ")")                     \
    X(ORPHAN_ROWS, "DELETE FROM images WHERE " I4_PART_PROMPTLESS)                                 \
    /* files to remove */                                                                          \
    X(REMOVALS, "SELECT file_path FROM removals ORDER BY file_path")                               \
    X(REMOVAL_END, "DELETE FROM removals WHERE file_path=?1")                                      \
    X(REMOVALS_KEEP_USED, "DELETE FROM removals WHERE EXISTS("                                     \
                          "SELECT 1 FROM images i WHERE i.file_path=removals.file_path)OR EXISTS(" \
                          "SELECT 1 FROM trash t WHERE t.file_path=removals.file_path)")           \
    /* prompts and the last form */                                                                \
    X(PROMPT, "SELECT id,saved_at,hld,form_json FROM prompts WHERE id=?1")                         \
    X(PROMPTS, "SELECT id,saved_at,hld,form_json FROM prompts "                                    \
               "ORDER BY saved_at DESC,id DESC LIMIT ?1")                                          \
    X(PROMPT_EXISTS, "SELECT 1 FROM prompts WHERE id=?1")                                          \
    X(PROMPT_ADD, "INSERT INTO prompts(saved_at,hld,form_json)VALUES(datetime('now'),?1,?2)")      \
    X(PROMPT_REWRITE, "UPDATE prompts SET hld=?1,form_json=?2 WHERE id=?3")                        \
    X(PROMPT_DELETE, "DELETE FROM prompts WHERE id=?1")                                            \
    X(FORM, "SELECT form_json FROM last_form WHERE id=1")                                          \
    X(FORM_SET, "INSERT INTO last_form(id,form_json)VALUES(1,?1)"                                  \
                "ON CONFLICT(id)DO UPDATE SET form_json=excluded.form_json")                       \
    /* favourites */                                                                               \
    X(FAVORITES, I4_PART_FAVORITE "ORDER BY f.created_at DESC,f.id DESC")                          \
    X(FAVORITE, I4_PART_FAVORITE "WHERE f.id=?1")                                                  \
    X(FAVORITE_OF_IMAGE, I4_PART_FAVORITE "WHERE f.image_id=?1")                                   \
    X(FAVORITE_ADD, "INSERT OR IGNORE INTO favorites(created_at,image_id)"                         \
                    "VALUES(datetime('now'),?1)")                                                  \
    X(PREVIEW, "SELECT i.id FROM images i WHERE i.id=" I4_PART_PREVIEW("?1"))                      \
    X(FAVORITES_OF_PROMPT_END, "DELETE FROM favorites WHERE image_id IN(SELECT i.id FROM "         \
                               "images i JOIN prompts p ON p.id=i.prompt_id WHERE p.id=?1)")       \
    /* tasks in flight */                                                                          \
    X(TASK_ADD, "INSERT OR IGNORE INTO tasks(created_at,task_id)VALUES(datetime('now'),?1)")       \
    X(TASKS, "SELECT task_id FROM tasks ORDER BY id")                                              \
    X(TASK_END, "DELETE FROM tasks WHERE task_id=?1")

typedef enum i4_sql {
#define X(name, text) I4_SQL_##name,
    I4_SQL_LIST(X)
#undef X
        I4_SQL_COUNT
} i4_sql;

struct i4_db {
    char *path, *output_dir; /* owned; never change */
    pthread_mutex_t mutex;   /* guards handle and statements */
    sqlite3 *handle;
    sqlite3_stmt *statements[I4_SQL_COUNT];
    struct i4_view *view; /* owned: what filters and sorts look at (view.h) */
};

/* Fills err from a SQLite result code; returns false. */
bool i4_db_fail(const i4_db *db, int code, i4_err *err);

/* --- one query ----------------------------------------------------------------------------- */

typedef struct i4_query {
    i4_db *db;
    sqlite3_stmt *stmt;
    int code; /* first failure while binding, or SQLITE_OK */
} i4_query;

i4_query i4_query_of(i4_db *db, i4_sql which);
void i4_query_int(i4_query *q, int place, int64_t value);
void i4_query_real(i4_query *q, int place, double value);
/* Borrowed until the query has run; NULL binds null. */
void i4_query_text(i4_query *q, int place, const char *text);

/* Each runs the query, resets it and forgets its values. */
bool i4_query_run(i4_query *q, i4_err *err);                   /* no rows wanted */
bool i4_query_row(i4_query *q, json_t **row, i4_err *err);     /* the first; *row NULL if none */
bool i4_query_rows(i4_query *q, json_t **rows, i4_err *err);   /* a list of objects */
bool i4_query_texts(i4_query *q, json_t **texts, i4_err *err); /* a list of the first column */
/* The first column of the first row, *found false if there is none. */
bool i4_query_number(i4_query *q, int64_t *value, bool *found, i4_err *err);

/* For rows that are read column by column: true while the query stands on a row. Ended by
 * i4_query_end, always, which says how it went. */
bool i4_query_next(i4_query *q);
bool i4_query_end(i4_query *q, i4_err *err);

/* Shorthands for queries with one number. */
bool i4_db_run_id(i4_db *db, i4_sql which, int64_t id, i4_err *err);
bool i4_db_has(i4_db *db, i4_sql which, int64_t id, bool *found, i4_err *err);
int64_t i4_db_changed(const i4_db *db); /* rows changed by the last query that ran */

/* --- transactions -------------------------------------------------------------------------- */

void i4_db_lock(i4_db *db);
void i4_db_unlock(i4_db *db);
bool i4_db_begin(i4_db *db, i4_err *err); /* locks and begins; when false nothing is held */
/* Commits on OK, else rolls back; unlocks. A commit that fails makes the result FAILED. */
i4_db_result i4_db_end(i4_db *db, i4_db_result result, i4_err *err);
/* FAILED for !good, NONE for a NULL row, else OK. */
i4_db_result i4_db_found(bool good, const json_t *row);

/* --- shared between the files -------------------------------------------------------------- */

/* migrate.c: brings an opened database to I4_DB_VERSION. */
bool i4_db_migrate(i4_db *db, i4_err *err);
/* The tables of layout 3, each made by its module inside the migration's transaction. */
bool i4_db_make_queue(i4_db *db, i4_err *err);   /* queue.c */
bool i4_db_make_library(i4_db *db, i4_err *err); /* library.c */
bool i4_db_make_trash(i4_db *db, i4_err *err);   /* trash.c */
bool i4_db_make_timings(i4_db *db, i4_err *err); /* timings.c */
/* db.c: statements without rows and without values. */
bool i4_db_run_text(i4_db *db, const char *text, i4_err *err);
/* search.c, inside a transaction: the words of an image row for search are looked at again when
 * the transaction ends. Needed where tags change only: changed rows of images and prompts are
 * noticed (view.h). */
bool i4_db_index_image(i4_db *db, int64_t image_id, i4_err *err);
/* queue.c, inside a transaction: ends the running job of this task, if there is one, with this
 * picture and gives the picture its history entry. */
bool i4_db_finish_job(i4_db *db, const i4_new_image *image, int64_t image_id, i4_err *err);
/* images.c, inside a transaction: link rules of docs/http-api.md 7.3, as i4_db_attach. */
i4_db_result i4_db_attach_inside(i4_db *db, int64_t image_id, const char *hld,
                                 const char *form_json, int64_t *prompt_id, bool *missing_prompt,
                                 i4_err *err);
/* prompts.c: inserts inside the running transaction. */
bool i4_db_insert_prompt(i4_db *db, const char *hld, const char *form_json, int64_t *id,
                         i4_err *err);

#endif
