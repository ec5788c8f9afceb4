/* Pages of the history, by keyset, all of it or what has some words. */
#include "gateway/db/library.h"

#include "base/memory.h"
#include "gateway/db/view.h"
#include "gateway/db/words.h"

#include <stdlib.h>
#include <string.h>

typedef struct paging {
    i4_db *db;
    const char *match; /* NULL: all */
    const char *saved_at;
    int64_t id, limit;
} paging;

static bool read_ids(const paging *p, i4_id_list *ids, i4_err *err) {
    i4_query q = i4_query_of(p->db, p->match ? I4_SQL_PROMPT_PAGE_FOUND : I4_SQL_PROMPT_PAGE);
    bool good = true;
    if (p->saved_at) {
        i4_query_text(&q, 1, p->saved_at);
    } else if (sqlite3_bind_zeroblob(q.stmt, 1, 1) != SQLITE_OK) {
        good = false;
    }
    i4_query_int(&q, 2, p->id);
    i4_query_int(&q, 3, p->limit + 1); /* one more tells whether there is a next page */
    if (p->match) {
        i4_query_text(&q, 4, p->match);
    }
    while (good && i4_query_next(&q)) {
        good = i4_id_list_add(ids, sqlite3_column_int64(q.stmt, 0));
    }
    return i4_query_end(&q, err) && (good || i4_fail_memory(err, "a page of the history", 4096));
}

static bool count_all(const paging *p, int64_t *total, i4_err *err) {
    bool found;
    i4_query q = i4_query_of(p->db, p->match ? I4_SQL_PROMPT_COUNT_FOUND : I4_SQL_PROMPT_COUNT);
    if (p->match) {
        i4_query_text(&q, 1, p->match);
    }
    return i4_query_number(&q, total, &found, err);
}

/* What the view knows of an entry: how many pictures, and its cover by the rule of
 * I4_PART_PREVIEW. */
typedef struct covered {
    int64_t id, saved;           /* 0: no usable time */
    int64_t images, cover, made; /* cover -1: none */
} covered;

static int compare_covered(const void *a, const void *b) {
    const int64_t x = ((const covered *)a)->id, y = ((const covered *)b)->id;
    return (x > y) - (x < y);
}

static void count_picture(covered *entry, const i4_view_row *row) {
    entry->images++;
    if (row->flag == I4_FLAG_BLOCKED || (entry->saved != 0 && row->time < entry->saved - 120)) {
        return;
    }
    const bool is_first = entry->cover < 0; /* rows come by id: the last of equals is newer */
    if (is_first || (entry->saved != 0 && row->time >= entry->made)) {
        entry->cover = row->id;
        entry->made = row->time;
    }
}

static void count_pictures(const i4_view *view, covered *entries, size_t count) {
    for (size_t i = 0; i < view->count; i++) {
        const covered key = {.id = view->rows[i].prompt_id};
        if (view->rows[i].linked) {
            covered *entry = bsearch(&key, entries, count, sizeof key, compare_covered);
            if (entry) {
                count_picture(entry, &view->rows[i]);
            }
        }
    }
}

static bool read_rows(const paging *p, const i4_id_list *ids, json_t *items, covered *entries,
                      size_t *count, i4_err *err) {
    bool good = true;
    for (size_t i = 0; good && i < ids->count && i < (size_t)p->limit; i++) {
        json_t *row;
        i4_query q = i4_query_of(p->db, I4_SQL_PROMPT);
        i4_query_int(&q, 1, ids->ids[i]);
        good = i4_query_row(&q, &row, err);
        if (!good || !row) {
            continue;
        }
        const char *saved_at = json_string_value(json_object_get(row, "saved_at"));
        covered *entry = &entries[(*count)++];
        *entry = (covered){.id = ids->ids[i], .cover = -1};
        good = i4_view_time(p->db, saved_at ? saved_at : "", &entry->saved, err);
        if (json_array_append_new(items, row) != 0) {
            good = i4_fail_memory(err, "a page of the history", 4096);
        }
    }
    return good;
}

static bool add_covers(json_t *items, const covered *entries, size_t count) {
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i);
        const covered key = {.id = json_integer_value(json_object_get(item, "id"))};
        const covered *entry = bsearch(&key, entries, count, sizeof key, compare_covered);
        json_t *cover =
            entry && entry->cover >= 0 ? json_integer((json_int_t)entry->cover) : json_null();
        json_t *images = json_integer(entry ? (json_int_t)entry->images : 0);
        good = json_object_set_new(item, "images", images) == 0;
        good = json_object_set_new(item, "cover", cover) == 0 && good;
    }
    return good;
}

static bool read_items(const paging *p, const i4_id_list *ids, json_t *items, i4_err *err) {
    size_t count = 0;
    covered *entries = i4_calloc((size_t)p->limit, sizeof *entries);
    bool good = entries || i4_fail_memory(err, "a page of the history", 4096);
    good = good && i4_view_refresh(p->db, err) && read_rows(p, ids, items, entries, &count, err);
    if (good && count > 0) {
        qsort(entries, count, sizeof *entries, compare_covered);
        count_pictures(p->db->view, entries, count);
        good =
            add_covers(items, entries, count) || i4_fail_memory(err, "a page of the history", 4096);
    }
    i4_free(entries);
    return good;
}

/* All words in one expression; *nothing: signs only, which no entry has. */
static bool match_of(const char *query, char **match, bool *nothing, i4_err *err) {
    i4_terms terms;
    i4_buf all;
    i4_terms_read(&terms, query);
    i4_buf_init(&all, 64 * strlen(query) + 4096);
    for (int i = 0; i < terms.count; i++) {
        i4_buf_addf(&all, "%s%s", i > 0 ? " AND " : "", terms.match[i]);
    }
    *nothing = !terms.is_blank && terms.count == 0;
    *match = NULL;
    bool good = true;
    if (terms.too_many) {
        good = i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "q has more than %d words; search for fewer of them", I4_QUERY_TERMS);
    } else if (terms.out_of_memory || all.failed) {
        good = i4_fail_memory(err, "a search", all.len);
    } else if (terms.count > 0) {
        *match = i4_buf_take(&all, NULL);
    }
    i4_terms_free(&terms);
    i4_buf_free(&all);
    return good;
}

static bool read_page(const paging *p, i4_id_list *ids, json_t *items, int64_t *total,
                      i4_err *err) {
    i4_db_lock(p->db);
    const bool good =
        read_ids(p, ids, err) && count_all(p, total, err) && read_items(p, ids, items, err);
    i4_db_unlock(p->db);
    return good;
}

i4_db_result i4_db_prompt_page(i4_db *db, const char *q, const char *saved_at, int64_t id,
                               int64_t limit, json_t **items, int64_t *total, bool *has_next,
                               i4_err *err) {
    char *match = NULL;
    bool nothing = false;
    *total = 0;
    *has_next = false;
    *items = json_array();
    bool good = *items || i4_fail_memory(err, "a page of the history", 4096);
    good = good && (!q || match_of(q, &match, &nothing, err));
    if (good && !nothing) {
        const paging p = {db, match, saved_at, id, limit};
        i4_id_list ids = {0};
        good = read_page(&p, &ids, *items, total, err);
        *has_next = ids.count > (size_t)limit;
        i4_id_list_free(&ids);
    }
    i4_free(match);
    if (!good) {
        json_decref(*items);
        *items = NULL;
    }
    return good ? I4_DB_OK : I4_DB_FAILED;
}
