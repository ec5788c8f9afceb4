/* Floor 6. The library (docs/api.md 3): pages, timeline, tags, one picture, changes of many.
 *
 * Filters and sorts look at the view in memory (view.h) and at sets of ids from indexes; rows are
 * read for the items of a page only. */
#ifndef I4_GATEWAY_DB_LIBRARY_H
#define I4_GATEWAY_DB_LIBRARY_H

#include "gateway/db/db.h"

enum {
    I4_FILTER_TAGS = 16, /* in one filter */
    I4_IMAGE_TAGS = 100, /* of one picture, and in one change */
    I4_TAG_CHARACTERS = 64,
    I4_TITLE_CHARACTERS = 500,
    I4_BULK_IDS = 10000
};

typedef enum i4_ratio {
    I4_RATIO_ANY,
    I4_RATIO_SQUARE,
    I4_RATIO_LANDSCAPE,
    I4_RATIO_PORTRAIT,
    I4_RATIO_SIDES
} i4_ratio;
typedef enum i4_shown { I4_SHOWN_PICTURES, I4_SHOWN_BLOCKED, I4_SHOWN_ALL } i4_shown;

/* docs/api.md 3.3; texts are borrowed, NULL: not filtered by. */
typedef struct i4_filter {
    const char *q, *preset, *lora;
    const char *tags[I4_FILTER_TAGS];
    int tag_count;
    bool lora_none;
    int fav;          /* -1: any */
    int rating;       /* at least */
    int64_t from, to; /* seconds since 1970, inclusive */
    i4_ratio ratio;
    double ratio_value; /* width / height of I4_RATIO_SIDES */
    i4_shown shown;
    bool has_prompt, unlinked; /* of prompt_id; of none */
    int64_t prompt_id;
} i4_filter;
void i4_filter_init(i4_filter *filter); /* lets everything but refusal cards through */

typedef enum i4_sort { I4_SORT_NEWEST, I4_SORT_OLDEST, I4_SORT_RATING, I4_SORT_SIZE } i4_sort;
/* Where a picture stands in an order: larger ones first. */
typedef struct i4_place {
    int64_t first, second, third;
} i4_place;

typedef struct i4_page {
    json_t *items; /* new reference */
    int64_t total;
    bool has_next;
    i4_place next; /* of the last item */
} i4_page;
/* after NULL: from the beginning. INVALID_ARGUMENT in err: q has too many words. */
i4_db_result i4_db_library(i4_db *db, const i4_filter *filter, i4_sort sort, const i4_place *after,
                           int64_t limit, i4_page *page, i4_err *err);
/* List of {"date", "count"}, newest first. */
i4_db_result i4_db_timeline(i4_db *db, const i4_filter *filter, bool by_month, json_t **buckets,
                            int64_t *total, i4_err *err);
i4_db_result i4_db_item(i4_db *db, int64_t image_id, json_t **item, i4_err *err);
/* List of {"name", "count"}: most used first; with a beginning in order of names. */
i4_db_result i4_db_tag_list(i4_db *db, const char *beginning, json_t **tags, i4_err *err);

/* What to change; lists of texts are borrowed, NULL: not changed. */
typedef struct i4_change {
    bool has_title, has_rating, has_fav, has_flag, trash;
    const char *title, *flag; /* NULL: null */
    int64_t rating;
    bool fav;
    const json_t *tags; /* the whole list */
    const json_t *add_tags, *remove_tags;
} i4_change;
i4_db_result i4_db_change_item(i4_db *db, int64_t image_id, const i4_change *change, json_t **item,
                               i4_err *err);
/* Of pictures by ids (unknown ones are passed over), or of all that a filter leaves (ids NULL).
 * *changed: ids of the pictures (new reference); *trash_id -1: nothing was thrown away. */
i4_db_result i4_db_change_items(i4_db *db, const json_t *ids, const i4_filter *filter,
                                const i4_change *change, json_t **changed, int64_t *trash_id,
                                i4_err *err);

/* A page of the history, newest first. saved_at, id: where the page before ended (NULL: the
 * beginning). Items: {"id", "saved_at", "hld", "form_json", "images", "cover"}: number of pictures
 * and id of the preview or null. */
i4_db_result i4_db_prompt_page(i4_db *db, const char *q, const char *saved_at, int64_t id,
                               int64_t limit, json_t **items, int64_t *total, bool *has_next,
                               i4_err *err);

#endif
