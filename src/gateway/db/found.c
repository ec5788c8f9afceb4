/* What the last few words searched for have found. The pages of one search, its timeline, and the
 * search with one more word ask for the same words again; FTS5 takes some 200 ns for each picture
 * that has one. */
#include "base/memory.h"
#include "gateway/db/view.h"
#include "gateway/db/words.h"

#include <string.h>

static void empty(i4_found *found) {
    i4_free(found->match);
    i4_id_list_free(&found->images);
    i4_id_list_free(&found->prompts);
    *found = (i4_found){0};
}

void i4_found_forget(i4_view *view) {
    for (int i = 0; i < I4_FOUND_KEPT; i++) {
        empty(&view->found[i]);
    }
}

static bool read_ids(i4_db *db, i4_sql which, const char *match, i4_id_list *ids, i4_err *err) {
    bool good = true;
    i4_query q = i4_query_of(db, which);
    i4_query_text(&q, 1, match);
    while (good && i4_query_next(&q)) {
        good = i4_id_list_add(ids, sqlite3_column_int64(q.stmt, 0)) ||
               i4_fail_memory(err, "a search", 16 * ids->count);
    }
    return i4_query_end(&q, err) && good;
}

/* The place of these words, or else of those asked for longest ago. */
static i4_found *place_of(i4_view *view, const char *match) {
    i4_found *oldest = &view->found[0];
    for (int i = 0; i < I4_FOUND_KEPT; i++) {
        i4_found *found = &view->found[i];
        if (found->match && strcmp(found->match, match) == 0) {
            return found;
        }
        oldest = found->asked < oldest->asked ? found : oldest;
    }
    empty(oldest);
    return oldest;
}

const i4_found *i4_words_find(i4_db *db, const char *match, i4_err *err) {
    i4_found *found = place_of(db->view, match);
    found->asked = ++db->view->asked;
    if (found->match) {
        return found;
    }
    if (!read_ids(db, I4_SQL_WORDS_FIND, match, &found->images, err) ||
        !read_ids(db, I4_SQL_FORM_WORDS_FIND, match, &found->prompts, err)) {
        empty(found);
        return NULL;
    }
    found->match = i4_strdup(match);
    if (!found->match) {
        empty(found);
        i4_fail_memory(err, "a search", strlen(match));
        return NULL;
    }
    return found;
}
