/* Floor 6, private to this folder. The view: one narrow record in memory for every picture, which
 * is all that filters and sorts of the library look at (about 60 bytes each).
 *
 * It is read once when the database is opened. From then on SQLite itself reports each changed row
 * of this connection (update hook): its id is noted, and before the view is looked at again the
 * noted rows are read again. So no function that changes rows has to know of the view, a change
 * that is rolled back does no harm, and a change by another program is noticed by data_version.
 * Everything here runs under the database's mutex. */
#ifndef I4_GATEWAY_DB_VIEW_H
#define I4_GATEWAY_DB_VIEW_H

#include "gateway/db/private.h"

enum { I4_FLAG_NONE, I4_FLAG_BLOCKED, I4_FLAG_REAL };

enum { I4_VIEW_MANY = 200 }; /* changed rows that are read again at once */

typedef struct i4_view_row {
    int64_t id, time;  /* seconds since 1970; 0: the stored text is no time */
    int64_t prompt_id; /* as stored, -1: null */
    uint64_t preset;   /* i4_view_hash of its name */
    int32_t width, height;
    uint8_t rating, flag; /* I4_FLAG_… */
    bool fav, linked, has_lora;
    bool is_gone; /* while the view is brought up to date */
} i4_view_row;

/* Ids in the order in which they were noted, some perhaps twice. */
typedef struct i4_id_list {
    int64_t *ids; /* owned */
    size_t count, capacity;
} i4_id_list;

/* found.c: ids that have certain words, ascending. */
enum { I4_FOUND_KEPT = 16 };
typedef struct i4_found {
    char *match; /* owned; NULL: free place */
    i4_id_list images, prompts;
    uint64_t asked; /* when: a count */
} i4_found;

typedef struct i4_view {
    i4_view_row *rows; /* owned, by id */
    size_t count, capacity;
    i4_id_list images, prompts;           /* changed since the view was looked at */
    i4_id_list word_images, word_prompts; /* changed in this transaction: words to be made again */
    bool favorites;                       /* changed since the view was looked at */
    bool is_stale;                        /* everything is to be read again */
    bool words_failed;                    /* no memory to note an id: the transaction must fail */
    bool words_stay;                      /* what changes now is no part of any words */
    int64_t data_version;
    i4_found found[I4_FOUND_KEPT]; /* of words as they are now */
    uint64_t asked;
} i4_view;

i4_view *i4_view_new(void);
void i4_view_free(i4_view *view);
void i4_view_watch(i4_db *db); /* from now on changes are noted */
bool i4_view_load(i4_db *db, i4_err *err);
/* Brings it up to date. After a change of many rows i4_db_end does so already: the one who changed
 * them waits for it, not the next reader. */
bool i4_view_refresh(i4_db *db, i4_err *err);
/* Place of the first row whose id is not below this one. */
size_t i4_view_place(const i4_view *view, int64_t id);
void i4_view_forget_words(i4_view *view);
/* Seconds since 1970 of a stored time; 0: it is none. */
bool i4_view_time(i4_db *db, const char *text, int64_t *out, i4_err *err);
uint64_t i4_view_hash(const void *bytes, size_t size);

/* After any change of words. */
void i4_found_forget(i4_view *view);

bool i4_id_list_add(i4_id_list *list, int64_t id);       /* false: no memory */
void i4_id_list_sort(i4_id_list *list);                  /* ascending, each once */
bool i4_id_list_has(const i4_id_list *list, int64_t id); /* of a sorted one */
void i4_id_list_free(i4_id_list *list);

#endif
