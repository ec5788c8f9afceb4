/* Floor 6. The trash: rows taken out of every list, whole and with their ids, until they come back
 * or go for good (docs/api.md 3.2).
 *
 * What a row is made of is read from the schema, so that columns of other modules are kept without
 * this one knowing them. The name of a file in the trash stays taken. One call that throws away is
 * one action; its trash_id is never used twice. */
#ifndef I4_GATEWAY_DB_TRASH_H
#define I4_GATEWAY_DB_TRASH_H

#include "gateway/db/db.h"

enum { I4_TRASH_IDS = 10000 }; /* ids in one call */

/* Lists of ids (NULL: none); unknown ones are passed over. A prompt takes its pictures along, which
 * count as pictures. *trash_id is -1 when nothing was found. Never NONE. */
i4_db_result i4_db_trash(i4_db *db, const json_t *images, const json_t *prompts, int64_t *trash_id,
                         int64_t *image_count, int64_t *prompt_count, i4_err *err);
/* The same inside the running transaction of a function of this folder. */
i4_db_result i4_db_trash_inside(i4_db *db, const json_t *images, const json_t *prompts,
                                int64_t *trash_id, int64_t *image_count, int64_t *prompt_count,
                                i4_err *err);
/* Ids of the pictures of one action that are in the trash now. */
i4_db_result i4_db_trash_images(i4_db *db, int64_t trash_id, json_t **ids, i4_err *err);

/* At most `limit` entries below the place `before` (negative: from the newest on), newest first:
 * lists of {"place", "trash_id", "trashed_at", "age_days", "content", "images"}; content is the
 * text that i4_trash_row reads, images counts the pictures that came along with a prompt. */
typedef struct i4_trash_page {
    json_t *images, *prompts; /* new references */
    int64_t total;            /* pictures in the trash */
    int64_t next;             /* place to go on below; -1: that was all */
} i4_trash_page;
i4_db_result i4_db_trash_list(i4_db *db, int64_t before, int64_t limit, i4_trash_page *page,
                              i4_err *err);
/* A row as it was in its table, with "fav" (bool) and "tags" (names) for a picture; NULL: no
 * memory or no such text. */
json_t *i4_trash_row(const char *content);
/* The row of a picture in the trash, by file or by id; NONE if there is none. */
i4_db_result i4_db_trashed_file(i4_db *db, const char *file, json_t **row, i4_err *err);
i4_db_result i4_db_trashed_image(i4_db *db, int64_t image_id, json_t **row, i4_err *err);

/* What is meant in the trash: one action, or pictures and prompts (a prompt with the pictures that
 * came along with it), or everything (none of the three), or what is older than some days. */
typedef struct i4_trash_choice {
    int64_t trash_id;               /* -1: not chosen by action */
    const json_t *images, *prompts; /* borrowed lists of ids, NULL: none */
    int64_t days;                   /* -1: any age */
} i4_trash_choice;

typedef struct i4_trash_done {
    json_t *images; /* new reference: ids of the pictures */
    int64_t prompts;
    json_t *files; /* after emptying: names, for i4_library_remove; those that stay are not there */
} i4_trash_done;

/* Back to where they were. A picture whose prompt is gone for good comes back without a link. */
i4_db_result i4_db_restore(i4_db *db, const i4_trash_choice *choice, i4_trash_done *done,
                           i4_err *err);
/* For good. */
i4_db_result i4_db_empty(i4_db *db, const i4_trash_choice *choice, i4_trash_done *done,
                         i4_err *err);
void i4_trash_done_free(i4_trash_done *done); /* what is still there */

#endif
