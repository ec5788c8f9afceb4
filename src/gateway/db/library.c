/* The library: its tables, pages and timeline. */
#include "gateway/db/library.h"

#include "base/memory.h"
#include "gateway/db/select.h"
#include "gateway/db/tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool i4_db_make_library(i4_db *db, i4_err *err) {
    return i4_db_run_text(
        db,
        "ALTER TABLE images ADD COLUMN title TEXT;"
        "ALTER TABLE images ADD COLUMN rating INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE images ADD COLUMN flag TEXT;"
        "CREATE TABLE tags(id INTEGER PRIMARY KEY AUTOINCREMENT,"
        "name TEXT NOT NULL UNIQUE,key TEXT NOT NULL UNIQUE);"
        "CREATE TABLE image_tags(tag_id INTEGER NOT NULL,image_id INTEGER NOT NULL,"
        "PRIMARY KEY(tag_id,image_id))WITHOUT ROWID;"
        "CREATE INDEX image_tags_image ON image_tags(image_id,tag_id);"
        /* how often a tag is used, counted as it changes */
        "CREATE TABLE tag_counts(tag_id INTEGER PRIMARY KEY,uses INTEGER NOT NULL);"
        "CREATE INDEX tag_counts_uses ON tag_counts(uses DESC,tag_id);"
        "CREATE TRIGGER image_tags_put AFTER INSERT ON image_tags BEGIN "
        "INSERT OR IGNORE INTO tag_counts VALUES(new.tag_id,0);"
        "UPDATE tag_counts SET uses=uses+1 WHERE tag_id=new.tag_id;END;"
        "CREATE TRIGGER image_tags_taken AFTER DELETE ON image_tags BEGIN "
        "UPDATE tag_counts SET uses=uses-1 WHERE tag_id=old.tag_id;END;"
        "CREATE TABLE image_loras(name TEXT NOT NULL,image_id INTEGER NOT NULL,"
        "PRIMARY KEY(name,image_id))WITHOUT ROWID;"
        "CREATE INDEX image_loras_image ON image_loras(image_id);"
        /* words, and what they were made of */
        "CREATE VIRTUAL TABLE image_words USING fts5(words,tokenize='ascii',prefix='1 2');"
        "CREATE TABLE image_marks(image_id INTEGER PRIMARY KEY,mark INTEGER NOT NULL);"
        "CREATE VIRTUAL TABLE prompt_words USING fts5(words,tokenize='ascii',prefix='1 2');"
        "CREATE TABLE prompt_marks(prompt_id INTEGER PRIMARY KEY,mark INTEGER NOT NULL)",
        err);
}

/* --- items ---------------------------------------------------------------------------------- */

static const char *format_of(const char *file) {
    const char *dot = file ? strrchr(file, '.') : NULL;
    if (!dot) {
        return "";
    }
    static const struct {
        const char *suffix, *name;
    } formats[] = {{".png", "png"}, {".webp", "webp"}, {".jpg", "jpeg"}, {".jpeg", "jpeg"}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (sqlite3_stricmp(dot, formats[i].suffix) == 0) {
            return formats[i].name;
        }
    }
    return "";
}

/* docs/api.md 3.1 of a row of ITEM; takes tags. NULL: no memory. */
static json_t *item_of(const json_t *row, json_t *tags) {
    const char *file = json_string_value(json_object_get(row, "file_path"));
    const bool fav = json_integer_value(json_object_get(row, "fav")) != 0;
#define COPY(key) key, json_object_get(row, key)
    return json_pack("{s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:O,s:s,s:O,s:O,s:b,s:O,s:o,s:O,s:o,s:s}",
                     COPY("id"), COPY("w"), COPY("h"), COPY("created_at"), COPY("hld"),
                     COPY("title"), COPY("preset"), COPY("seed"), "format", format_of(file),
                     COPY("prompt_id"), COPY("parent_image_id"), "fav", fav, COPY("rating"), "tags",
                     tags, COPY("flag"), "loras", i4_lora_list(row), "file", file ? file : "");
#undef COPY
}

/* *item NULL when there is no such picture. */
static bool read_item(i4_db *db, int64_t id, json_t **item, i4_err *err) {
    json_t *row, *tags = NULL;
    *item = NULL;
    i4_query q = i4_query_of(db, I4_SQL_ITEM);
    i4_query_int(&q, 1, id);
    if (!i4_query_row(&q, &row, err)) {
        return false;
    }
    if (!row) {
        return true;
    }
    bool good = i4_db_tags_of(db, id, &tags, err);
    if (good) {
        *item = item_of(row, tags);
        good = *item || i4_fail_memory(err, "a picture of the library", 1024);
    }
    json_decref(row);
    return good;
}

i4_db_result i4_db_item_inside(i4_db *db, int64_t image_id, json_t **item, i4_err *err) {
    const bool good = read_item(db, image_id, item, err);
    return i4_db_found(good, *item);
}

i4_db_result i4_db_item(i4_db *db, int64_t image_id, json_t **item, i4_err *err) {
    i4_db_lock(db);
    const i4_db_result result = i4_db_item_inside(db, image_id, item, err);
    i4_db_unlock(db);
    return result;
}

/* --- a page --------------------------------------------------------------------------------- */

typedef struct entry {
    i4_place place;
    int64_t id;
} entry;

static i4_place place_of(const i4_view_row *row, i4_sort sort) {
    switch (sort) {
    case I4_SORT_OLDEST:
        return (i4_place){-row->time, -row->id, 0};
    case I4_SORT_RATING:
        return (i4_place){row->rating, row->time, row->id};
    case I4_SORT_SIZE:
        return (i4_place){(int64_t)row->width * row->height, row->time, row->id};
    default:
        return (i4_place){row->time, row->id, 0};
    }
}

/* Below 0: a comes before b. */
static int compare_places(const i4_place *a, const i4_place *b) {
    if (a->first != b->first) {
        return a->first > b->first ? -1 : 1;
    }
    if (a->second != b->second) {
        return a->second > b->second ? -1 : 1;
    }
    return (b->third > a->third) - (b->third < a->third);
}

static int compare_entries(const void *a, const void *b) {
    return compare_places(&((const entry *)a)->place, &((const entry *)b)->place);
}

/* The first `limit` of a sequence in any order: a heap with the last of them at the top. */
typedef struct firsts {
    entry *entries; /* owned */
    size_t count, limit;
} firsts;

static void sink(firsts *f, size_t at) {
    for (;;) {
        size_t last = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < f->count; child++) {
            if (compare_entries(&f->entries[child], &f->entries[last]) > 0) {
                last = child;
            }
        }
        if (last == at) {
            return;
        }
        const entry swapped = f->entries[at];
        f->entries[at] = f->entries[last];
        f->entries[last] = swapped;
        at = last;
    }
}

static void rise(firsts *f, size_t at) {
    while (at > 0) {
        const size_t parent = (at - 1) / 2;
        if (compare_entries(&f->entries[at], &f->entries[parent]) <= 0) {
            return;
        }
        const entry swapped = f->entries[at];
        f->entries[at] = f->entries[parent];
        f->entries[parent] = swapped;
        at = parent;
    }
}

static void offer(firsts *f, const i4_place *place, int64_t id) {
    const entry offered = {*place, id};
    if (f->count < f->limit) {
        f->entries[f->count] = offered;
        rise(f, f->count++);
    } else if (compare_entries(&offered, &f->entries[0]) < 0) {
        f->entries[0] = offered;
        sink(f, 0);
    }
}

static void collect(const i4_view *view, const i4_selection *selection, i4_sort sort,
                    const i4_place *after, firsts *f, i4_page *page) {
    size_t left = 0;
    for (size_t i = 0; i < view->count; i++) {
        if (!i4_selected(selection, view, i)) {
            continue;
        }
        page->total++;
        const i4_place place = place_of(&view->rows[i], sort);
        if (!after || compare_places(&place, after) > 0) {
            left++;
            offer(f, &place, view->rows[i].id);
        }
    }
    page->has_next = left > f->count;
    if (f->count > 0) {
        qsort(f->entries, f->count, sizeof *f->entries, compare_entries);
        page->next = f->entries[f->count - 1].place;
    }
}

static bool read_items(i4_db *db, const firsts *f, i4_page *page, i4_err *err) {
    page->items = json_array();
    bool good = page->items != NULL || i4_fail_memory(err, "a page of the library", 1024);
    for (size_t i = 0; good && i < f->count; i++) {
        json_t *item;
        good = read_item(db, f->entries[i].id, &item, err);
        if (good && item && json_array_append_new(page->items, item) != 0) {
            good = i4_fail_memory(err, "a page of the library", 1024);
        }
    }
    return good;
}

static bool read_page(i4_db *db, const i4_filter *filter, i4_sort sort, const i4_place *after,
                      firsts *f, i4_page *page, i4_err *err) {
    i4_selection selection;
    if (!i4_view_refresh(db, err) || !i4_select(db, filter, &selection, err)) {
        return false;
    }
    collect(db->view, &selection, sort, after, f, page);
    i4_selection_free(&selection);
    return read_items(db, f, page, err);
}

i4_db_result i4_db_library(i4_db *db, const i4_filter *filter, i4_sort sort, const i4_place *after,
                           int64_t limit, i4_page *page, i4_err *err) {
    *page = (i4_page){0};
    firsts f = {.limit = (size_t)limit};
    f.entries = i4_malloc(f.limit * sizeof *f.entries);
    if (!f.entries) {
        i4_fail_memory(err, "a page of the library", f.limit * sizeof *f.entries);
        return I4_DB_FAILED;
    }
    i4_db_lock(db);
    const bool good = read_page(db, filter, sort, after, &f, page, err);
    i4_db_unlock(db);
    i4_free(f.entries);
    if (!good) {
        json_decref(page->items);
        page->items = NULL;
    }
    return good ? I4_DB_OK : I4_DB_FAILED;
}

/* --- the timeline --------------------------------------------------------------------------- */

/* Days since 1970 to year, month, day of the Gregorian calendar, the year beginning in March. */
static void date_of(int64_t days, int64_t *year, int *month, int *day) {
    const int64_t shifted = days + 719468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const int64_t in_era = shifted - era * 146097;
    const int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
    const int64_t m = (5 * in_year + 2) / 153;
    *day = (int)(in_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

static int64_t day_of(int64_t time) {
    return time / 86400 - (time % 86400 < 0);
}

/* Days, or months counted as year * 12 + month - 1. */
static int64_t bucket_of(int64_t time, bool by_month) {
    int64_t year;
    int month, day;
    if (!by_month) {
        return day_of(time);
    }
    date_of(day_of(time), &year, &month, &day);
    return year * 12 + month - 1;
}

static json_t *bucket_json(int64_t bucket, bool by_month, size_t count) {
    char text[64];
    int64_t year = bucket / 12;
    int month = (int)(bucket % 12) + 1, day;
    if (by_month) {
        snprintf(text, sizeof text, "%04lld-%02d", (long long)year, month);
    } else {
        date_of(bucket, &year, &month, &day);
        snprintf(text, sizeof text, "%04lld-%02d-%02d", (long long)year, month, day);
    }
    return json_pack("{s:s,s:I}", "date", text, "count", (json_int_t)count);
}

static int compare_down(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

static bool list_buckets(int64_t *buckets, size_t count, bool by_month, json_t *list) {
    bool good = list != NULL;
    if (count > 0) {
        qsort(buckets, count, sizeof *buckets, compare_down);
    }
    for (size_t i = 0, next; good && i < count; i = next) {
        for (next = i + 1; next < count && buckets[next] == buckets[i];) {
            next++;
        }
        good = json_array_append_new(list, bucket_json(buckets[i], by_month, next - i)) == 0;
    }
    return good;
}

static bool read_timeline(i4_db *db, const i4_filter *filter, bool by_month, json_t *list,
                          int64_t *total, i4_err *err) {
    const i4_view *view = db->view;
    i4_selection selection;
    if (!i4_view_refresh(db, err) || !i4_select(db, filter, &selection, err)) {
        return false;
    }
    int64_t *buckets = i4_malloc((view->count + 1) * sizeof *buckets);
    size_t count = 0;
    for (size_t i = 0; buckets && i < view->count; i++) {
        if (i4_selected(&selection, view, i)) {
            buckets[count++] = bucket_of(view->rows[i].time, by_month);
        }
    }
    i4_selection_free(&selection);
    *total = (int64_t)count;
    const bool good = buckets && list_buckets(buckets, count, by_month, list);
    i4_free(buckets);
    return good || i4_fail_memory(err, "the timeline", view->count * sizeof *buckets);
}

i4_db_result i4_db_timeline(i4_db *db, const i4_filter *filter, bool by_month, json_t **buckets,
                            int64_t *total, i4_err *err) {
    *buckets = json_array();
    *total = 0;
    i4_db_lock(db);
    const bool good = read_timeline(db, filter, by_month, *buckets, total, err);
    i4_db_unlock(db);
    if (!good) {
        json_decref(*buckets);
        *buckets = NULL;
    }
    return good ? I4_DB_OK : I4_DB_FAILED;
}
