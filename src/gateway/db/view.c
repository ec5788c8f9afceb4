/* The view of the library in memory: loading it, noting changes, reading changed rows again. */
#include "gateway/db/view.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { NOTED_AT_MOST = 20000 }; /* beyond, everything is read again */

/* --- lists of ids --------------------------------------------------------------------------- */

bool i4_id_list_add(i4_id_list *list, int64_t id) {
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 64;
        int64_t *ids = i4_realloc(list->ids, capacity * sizeof *ids);
        if (!ids) {
            return false;
        }
        list->ids = ids;
        list->capacity = capacity;
    }
    list->ids[list->count++] = id;
    return true;
}

static int compare_ids(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

void i4_id_list_sort(i4_id_list *list) {
    if (list->count == 0) {
        return;
    }
    qsort(list->ids, list->count, sizeof *list->ids, compare_ids);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++) {
        if (list->ids[i] != list->ids[kept - 1]) {
            list->ids[kept++] = list->ids[i];
        }
    }
    list->count = kept;
}

bool i4_id_list_has(const i4_id_list *list, int64_t id) {
    return list->count > 0 &&
           bsearch(&id, list->ids, list->count, sizeof *list->ids, compare_ids) != NULL;
}

void i4_id_list_free(i4_id_list *list) {
    i4_free(list->ids);
    *list = (i4_id_list){0};
}

/* --- life ----------------------------------------------------------------------------------- */

i4_view *i4_view_new(void) {
    return i4_calloc(1, sizeof(i4_view));
}

void i4_view_free(i4_view *view) {
    if (!view) {
        return;
    }
    i4_id_list_free(&view->images);
    i4_id_list_free(&view->prompts);
    i4_id_list_free(&view->word_images);
    i4_id_list_free(&view->word_prompts);
    i4_found_forget(view);
    i4_free(view->rows);
    i4_free(view);
}

void i4_view_forget_words(i4_view *view) {
    view->word_images.count = 0;
    view->word_prompts.count = 0;
    view->words_failed = false;
}

/* FNV-1a */
uint64_t i4_view_hash(const void *bytes, size_t size) {
    const unsigned char *byte = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ byte[i]) * 0x100000001b3u;
    }
    return hash;
}

/* --- noting --------------------------------------------------------------------------------- */

static void note(i4_view *view, i4_id_list *list, int64_t id) {
    if (view->is_stale) {
        return;
    }
    view->is_stale = list->count >= NOTED_AT_MOST || !i4_id_list_add(list, id);
}

static void note_words(i4_view *view, i4_id_list *list, int64_t id) {
    if (!view->words_stay && !i4_id_list_add(list, id)) {
        view->words_failed = true;
    }
}

static void on_change(void *user, int kind, const char *schema, const char *table,
                      sqlite3_int64 id) {
    i4_view *view = user;
    (void)kind;
    (void)schema;
    if (strcmp(table, "images") == 0) {
        note(view, &view->images, id);
        note_words(view, &view->word_images, id);
    } else if (strcmp(table, "prompts") == 0) {
        note(view, &view->prompts, id);
        note_words(view, &view->word_prompts, id);
    } else if (strcmp(table, "favorites") == 0) {
        view->favorites = true;
    }
}

void i4_view_watch(i4_db *db) {
    sqlite3_update_hook(db->handle, on_change, db->view);
}

/* --- rows ----------------------------------------------------------------------------------- */

static bool two_digits(const char *text, int *out) {
    const bool good = text[0] >= '0' && text[0] <= '9' && text[1] >= '0' && text[1] <= '9';
    *out = (text[0] - '0') * 10 + (text[1] - '0');
    return good;
}

/* The common form, without SQLite's help: `2026-06-30 14:03:22`. */
static bool plain_time(const char *text, int64_t *out) {
    int century, year, month, day, hour, minute, second;
    if (strlen(text) != 19 || text[4] != '-' || text[7] != '-' || text[10] != ' ' ||
        text[13] != ':' || text[16] != ':' || !two_digits(text, &century) ||
        !two_digits(text + 2, &year) || !two_digits(text + 5, &month) ||
        !two_digits(text + 8, &day) || !two_digits(text + 11, &hour) ||
        !two_digits(text + 14, &minute) || !two_digits(text + 17, &second) || month < 1 ||
        month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59) {
        return false; /* also the days that not every month has */
    }
    /* days since 1970 of the Gregorian calendar, the year beginning in March */
    const int64_t y = century * 100 + year - (month <= 2), era = y / 400;
    const int64_t in_era = y % 400, in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day;
    const int64_t days = era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719469;
    *out = ((days * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

bool i4_view_time(i4_db *db, const char *text, int64_t *out, i4_err *err) {
    if (plain_time(text, out)) {
        return true;
    }
    bool found;
    i4_query q = i4_query_of(db, I4_SQL_VIEW_TIME);
    i4_query_text(&q, 1, text);
    return i4_query_number(&q, out, &found, err);
}

static uint8_t flag_of(const char *text) {
    if (text && strcmp(text, "blocked") == 0) {
        return I4_FLAG_BLOCKED;
    }
    return text && strcmp(text, "real") == 0 ? I4_FLAG_REAL : I4_FLAG_NONE;
}

static int32_t side_of(int64_t side) {
    return side < 0 ? 0 : side > INT32_MAX ? INT32_MAX : (int32_t)side;
}

/* The row that a query of I4_PART_VIEW stands on. */
static bool read_row(const i4_query *q, i4_view_row *row, i4_err *err) {
    sqlite3_stmt *s = q->stmt;
    const char *time = (const char *)sqlite3_column_text(s, 1);
    const char *preset = (const char *)sqlite3_column_text(s, 4);
    const int64_t rating = sqlite3_column_int64(s, 5);
    *row = (i4_view_row){
        .id = sqlite3_column_int64(s, 0),
        .width = side_of(sqlite3_column_int64(s, 2)),
        .height = side_of(sqlite3_column_int64(s, 3)),
        .preset = i4_view_hash(preset, preset ? (size_t)sqlite3_column_bytes(s, 4) : 0),
        .rating = (uint8_t)(rating < 0   ? 0
                            : rating > 5 ? 5
                                         : rating),
        .flag = flag_of((const char *)sqlite3_column_text(s, 6)),
        .prompt_id = sqlite3_column_int64(s, 7),
        .linked = sqlite3_column_int(s, 8) != 0,
        .has_lora = sqlite3_column_int(s, 9) != 0,
        .fav = sqlite3_column_int(s, 10) != 0,
    };
    return !time || i4_view_time(q->db, time, &row->time, err);
}

/* Among the first `count` rows. */
static size_t place_of(const i4_view *view, size_t count, int64_t id) {
    size_t low = 0, high = count;
    if (high > 0 && view->rows[high - 1].id < id) {
        return high; /* a new one */
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (view->rows[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t i4_view_place(const i4_view *view, int64_t id) {
    return place_of(view, view->count, id);
}

static bool append_row(i4_view *view, const i4_view_row *row, i4_err *err) {
    if (view->count == view->capacity) {
        const size_t capacity = view->capacity ? 2 * view->capacity : 256;
        i4_view_row *rows = i4_realloc(view->rows, capacity * sizeof *rows);
        if (!rows) {
            return i4_fail_memory(err, "the library", capacity * sizeof *rows);
        }
        view->rows = rows;
        view->capacity = capacity;
    }
    view->rows[view->count++] = *row;
    return true;
}

static int compare_rows(const void *a, const void *b) {
    const int64_t x = ((const i4_view_row *)a)->id, y = ((const i4_view_row *)b)->id;
    return (x > y) - (x < y);
}

/* Takes out the rows that are gone and brings those behind the first `known` to their places. */
static void tidy(i4_view *view, size_t known) {
    size_t kept = 0;
    bool in_order = true;
    for (size_t i = 0; i < view->count; i++) {
        if (!view->rows[i].is_gone) {
            in_order =
                in_order && (i != known || kept == 0 || view->rows[kept - 1].id < view->rows[i].id);
            if (kept != i) {
                view->rows[kept] = view->rows[i];
            }
            kept++;
        }
    }
    view->count = kept;
    if (!in_order) {
        qsort(view->rows, kept, sizeof *view->rows, compare_rows);
    }
}

/* --- reading -------------------------------------------------------------------------------- */

static bool read_version(i4_db *db, int64_t *version, i4_err *err) {
    bool found;
    i4_query q = i4_query_of(db, I4_SQL_VIEW_VERSION);
    return i4_query_number(&q, version, &found, err);
}

bool i4_view_load(i4_db *db, i4_err *err) {
    i4_view *view = db->view;
    if (!read_version(db, &view->data_version, err)) {
        return false;
    }
    i4_found_forget(view); /* another program may have made other words */
    view->count = 0;
    view->images.count = view->prompts.count = 0;
    view->favorites = false;
    view->is_stale = true; /* until it is whole */
    i4_query q = i4_query_of(db, I4_SQL_VIEW_LOAD);
    i4_query_int(&q, 1, INT64_MIN);
    bool good = true;
    while (good && i4_query_next(&q)) {
        i4_view_row row;
        good = read_row(&q, &row, err) && append_row(view, &row, err);
    }
    good = i4_query_end(&q, err) && good;
    view->is_stale = !good;
    return good;
}

static bool read_image(i4_db *db, int64_t id, size_t known, i4_err *err) {
    i4_view *view = db->view;
    const size_t at = place_of(view, known, id);
    i4_view_row *old = at < known && view->rows[at].id == id ? &view->rows[at] : NULL;
    i4_query q = i4_query_of(db, I4_SQL_VIEW_IMAGE);
    i4_query_int(&q, 1, id);
    i4_view_row row;
    bool good = true;
    if (i4_query_next(&q)) {
        good = read_row(&q, &row, err) && (old || append_row(view, &row, err));
        if (good && old) {
            *old = row;
        }
    } else if (old) {
        old->is_gone = true;
    }
    return i4_query_end(&q, err) && good;
}

/* New rows are appended and gone ones marked first: many of them move the others once. */
static bool read_noted(i4_db *db, i4_err *err) {
    i4_view *view = db->view;
    const size_t known = view->count;
    bool good = true;
    i4_id_list_sort(&view->images);
    for (size_t i = 0; good && i < view->images.count; i++) {
        good = read_image(db, view->images.ids[i], known, err);
    }
    tidy(view, known);
    view->is_stale = !good;
    return good;
}

/* Pictures of prompts that came or went are linked or not any more. */
static bool note_pictures(i4_db *db, i4_err *err) {
    i4_view *view = db->view;
    i4_id_list_sort(&view->prompts);
    bool good = true;
    for (size_t i = 0; good && i < view->prompts.count; i++) {
        i4_query q = i4_query_of(db, I4_SQL_VIEW_PROMPT_IMAGES);
        i4_query_int(&q, 1, view->prompts.ids[i]);
        while (i4_query_next(&q)) {
            note(view, &view->images, sqlite3_column_int64(q.stmt, 0));
        }
        good = i4_query_end(&q, err);
    }
    return good;
}

static bool read_favorites(i4_db *db, i4_err *err) {
    i4_view *view = db->view;
    for (size_t i = 0; i < view->count; i++) {
        view->rows[i].fav = false;
    }
    i4_query q = i4_query_of(db, I4_SQL_VIEW_FAVORITES);
    i4_query_int(&q, 1, INT64_MIN);
    while (i4_query_next(&q)) {
        const int64_t id = sqlite3_column_int64(q.stmt, 0);
        const size_t at = i4_view_place(view, id);
        if (at < view->count && view->rows[at].id == id) {
            view->rows[at].fav = true;
        }
    }
    return i4_query_end(&q, err);
}

bool i4_view_refresh(i4_db *db, i4_err *err) {
    i4_view *view = db->view;
    int64_t version;
    if (!read_version(db, &version, err) || !note_pictures(db, err)) {
        return false;
    }
    if (view->is_stale || version != view->data_version) {
        return i4_view_load(db, err);
    }
    if ((view->images.count > 0 && !read_noted(db, err)) ||
        (view->favorites && !read_favorites(db, err))) {
        return false;
    }
    view->images.count = view->prompts.count = 0;
    view->favorites = false;
    return true;
}
