/* Floor 6. The gateway's database: opening, migrations, and every statement.
 *
 * One connection, guarded by one mutex; every function is one transaction and may be called from
 * any thread. Schema and semantics: docs/http-api.md 7, with I3 (unique index on images.file_path),
 * I5, I6, I7, I8, I9, I26 done. The original's database opens and is upgraded in place by numbered
 * transactional migrations (user_version), after a copy `<path>.before-<version>` was made.
 * Rows come as JSON in column order: what routes answer. */
#ifndef I4_GATEWAY_DB_H
#define I4_GATEWAY_DB_H

#include "base/status.h"

#include <jansson.h>
#include <stdint.h>

typedef struct i4_db i4_db;

/* Makes parents and the file if absent. FORMAT for a file that is no database or a newer version.
 */
i4_db *i4_db_open(const char *path, const char *output_dir, i4_err *err);
void i4_db_close(i4_db *db);

typedef enum i4_db_result { I4_DB_OK, I4_DB_NONE, I4_DB_FAILED } i4_db_result;

/* --- images ------------------------------------------------------------------------------ */

typedef struct i4_new_image {
    const char *hld;
    int64_t width, height, seed;
    const char *preset, *file_path;     /* bare name */
    int64_t prompt_id, parent_image_id; /* -1: null */
    const char *lora_name;              /* NULL: null */
    bool has_lora_strength;
    double lora_strength;
    const char *lora_stack_json; /* NULL: null */
    const char *flag;            /* "blocked", or NULL: null */
    const char *task_id;         /* NULL: of no task */
    double seconds;              /* how long the drawing took; negative: unknown */
} i4_new_image;

/* Inserts, or finds the row that already has this file_path (I3); *row an ImageRow (new reference).
 * If the task is that of a running job of the queue, the job ends with this picture and the picture
 * gets its history entry, all in one transaction. */
i4_db_result i4_db_add_image(i4_db *db, const i4_new_image *image, json_t **row, i4_err *err);
i4_db_result i4_db_image(i4_db *db, int64_t id, json_t **row, i4_err *err);
i4_db_result i4_db_image_by_file(i4_db *db, const char *file, json_t **row, i4_err *err);
/* prompt_id -1: any. limit < 0: unlimited. */
i4_db_result i4_db_images(i4_db *db, int64_t prompt_id, bool linked_only, bool orphans_only,
                          int64_t limit, json_t **rows, i4_err *err);
i4_db_result i4_db_stats(i4_db *db, json_t **stats, i4_err *err);
/* Names of files to remove after the commit come in *files (list of strings), those that earlier
 * calls left behind included; say i4_db_removed for what is gone. A name that another row still
 * has is not among them. */
i4_db_result i4_db_delete_image(i4_db *db, int64_t id, json_t **files, i4_err *err);
i4_db_result i4_db_delete_orphans(i4_db *db, int64_t *deleted, json_t **files, i4_err *err);
i4_db_result i4_db_delete_prompt(i4_db *db, int64_t id, json_t **files, i4_err *err);
/* Files of deleted rows that are not known to be removed: the process died in between. */
i4_db_result i4_db_removals(i4_db *db, json_t **files, i4_err *err);
i4_db_result i4_db_removed(i4_db *db, const json_t *files, i4_err *err);
/* Section 7.3. NONE: image or prompt missing (*missing_prompt says which). */
i4_db_result i4_db_link(i4_db *db, int64_t image_id, int64_t prompt_id, bool *missing_prompt,
                        i4_err *err);
i4_db_result i4_db_attach(i4_db *db, int64_t image_id, const char *hld, const char *form_json,
                          int64_t prompt_id_or_minus_1, int64_t *prompt_id, bool *missing_prompt,
                          i4_err *err);

/* --- prompts, favourites, form ----------------------------------------------------------- */

i4_db_result i4_db_prompts(i4_db *db, int64_t limit, json_t **rows, i4_err *err);
i4_db_result i4_db_prompt(i4_db *db, int64_t id, json_t **row, i4_err *err);
i4_db_result i4_db_add_prompt(i4_db *db, const char *hld, const char *form_json, int64_t *id,
                              i4_err *err);
i4_db_result i4_db_favorites(i4_db *db, json_t **rows, i4_err *err);
i4_db_result i4_db_favorite(i4_db *db, int64_t id, json_t **row, i4_err *err);
/* by image (>= 0) or by prompt */
i4_db_result i4_db_add_favorite(i4_db *db, int64_t image_id, int64_t prompt_id, json_t **row,
                                i4_err *err);
i4_db_result i4_db_delete_favorite(i4_db *db, int64_t image_id, int64_t prompt_id, i4_err *err);
i4_db_result i4_db_form(i4_db *db, json_t **text_or_null, i4_err *err);
i4_db_result i4_db_set_form(i4_db *db, const char *form_json, i4_err *err);

/* --- work in flight (ours): tasks whose pictures are not stored yet ------------------------ */

i4_db_result i4_db_add_task(i4_db *db, const char *task_id, i4_err *err);
i4_db_result i4_db_tasks(i4_db *db, json_t **ids, i4_err *err);
i4_db_result i4_db_end_task(i4_db *db, const char *task_id, i4_err *err);

#endif
