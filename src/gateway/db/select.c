/* Filters of the library: integers of the view, and sets of ids from the indexes of words, tags and
 * LoRA. A set raises the marks of its rows by one; a row is in all sets when its mark says so. */
#include "gateway/db/select.h"

#include "base/memory.h"
#include "gateway/db/tags.h"
#include "gateway/db/words.h"

#include <math.h>
#include <string.h>

static const double ratio_tolerance = 0.02;

void i4_filter_init(i4_filter *filter) {
    *filter = (i4_filter){.fav = -1, .from = INT64_MIN, .to = INT64_MAX};
}

/* --- sets ----------------------------------------------------------------------------------- */

typedef struct marking {
    i4_db *db;
    i4_selection *selection;
    size_t at; /* ids come in order: the place of the last one */
} marking;

static void mark_place(marking *m, size_t at) {
    uint8_t *mark = &m->selection->marks[at];
    *mark = (uint8_t)(*mark + (*mark == m->selection->sets));
}

static void mark_id(marking *m, int64_t id) {
    const i4_view *view = m->db->view;
    if (m->at < view->count && view->rows[m->at].id != id) {
        m->at++; /* often the next one */
    }
    if (m->at >= view->count || view->rows[m->at].id != id) {
        m->at = i4_view_place(view, id);
    }
    if (m->at < view->count && view->rows[m->at].id == id) {
        mark_place(m, m->at);
    }
}

/* The ids that a bound query gives are in the next set. */
static bool mark_query(marking *m, i4_query *q, i4_err *err) {
    m->at = 0;
    while (i4_query_next(q)) {
        mark_id(m, sqlite3_column_int64(q->stmt, 0));
    }
    return i4_query_end(q, err);
}

static void mark_found(marking *m, const i4_found *found) {
    const i4_view *view = m->db->view;
    m->at = 0;
    for (size_t i = 0; i < found->images.count; i++) {
        mark_id(m, found->images.ids[i]);
    }
    /* the pictures of entries in which the words are belong to the set as well */
    for (size_t i = 0; found->prompts.count > 0 && i < view->count; i++) {
        if (view->rows[i].linked && i4_id_list_has(&found->prompts, view->rows[i].prompt_id)) {
            mark_place(m, i);
        }
    }
}

static bool mark_terms(marking *m, const i4_terms *terms, i4_err *err) {
    for (int i = 0; i < terms->count; i++) {
        const i4_found *found = i4_words_find(m->db, terms->match[i], err);
        if (!found) {
            return false;
        }
        mark_found(m, found);
        m->selection->sets++;
    }
    if (terms->count == 0) {
        m->selection->sets++; /* signs only: no word to be found by, so nothing is */
    }
    return true;
}

static bool mark_words(marking *m, const char *query, i4_err *err) {
    i4_terms terms;
    i4_terms_read(&terms, query);
    bool good = true;
    if (terms.out_of_memory) {
        good = i4_fail_memory(err, "a search", strlen(query));
    } else if (terms.too_many) {
        good = i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "q has more than %d words; search for fewer of them", I4_QUERY_TERMS);
    } else if (!terms.is_blank) {
        good = mark_terms(m, &terms, err);
    }
    i4_terms_free(&terms);
    return good;
}

static bool mark_tag(marking *m, const char *name, i4_err *err) {
    int64_t id;
    if (!i4_tag_id(m->db, name, &id, err)) {
        return false;
    }
    i4_query q = i4_query_of(m->db, I4_SQL_TAG_IMAGES);
    i4_query_int(&q, 1, id);
    const bool good = mark_query(m, &q, err);
    m->selection->sets++;
    return good;
}

static bool mark_lora(marking *m, const char *name, i4_err *err) {
    i4_query q = i4_query_of(m->db, I4_SQL_LORA_IMAGES);
    i4_query_text(&q, 1, name);
    const bool good = mark_query(m, &q, err);
    m->selection->sets++;
    return good;
}

static bool mark_sets(marking *m, i4_err *err) {
    const i4_filter *f = m->selection->filter;
    bool good = !f->q || mark_words(m, f->q, err);
    for (int i = 0; good && i < f->tag_count; i++) {
        good = mark_tag(m, f->tags[i], err);
    }
    return good && (!f->lora || mark_lora(m, f->lora, err));
}

bool i4_select(i4_db *db, const i4_filter *filter, i4_selection *selection, i4_err *err) {
    const size_t count = db->view->count;
    *selection = (i4_selection){.filter = filter};
    if (filter->preset) {
        selection->preset = i4_view_hash(filter->preset, strlen(filter->preset));
    }
    if (!filter->q && !filter->lora && filter->tag_count == 0) {
        return true;
    }
    selection->marks = i4_calloc(count + 1, 1);
    if (!selection->marks) {
        return i4_fail_memory(err, "a search", count);
    }
    marking m = {.db = db, .selection = selection};
    if (!mark_sets(&m, err)) {
        i4_selection_free(selection);
        return false;
    }
    return true;
}

void i4_selection_free(i4_selection *selection) {
    i4_free(selection->marks);
    selection->marks = NULL;
}

/* --- integers ------------------------------------------------------------------------------- */

static bool is_near(double ratio, double wanted) {
    return fabs(ratio - wanted) <= ratio_tolerance * wanted;
}

static bool ratio_fits(const i4_filter *f, const i4_view_row *row) {
    if (f->ratio == I4_RATIO_ANY) {
        return true;
    }
    if (row->width <= 0 || row->height <= 0) {
        return false;
    }
    const double ratio = (double)row->width / row->height;
    const bool is_square = is_near(ratio, 1);
    switch (f->ratio) {
    case I4_RATIO_SQUARE:
        return is_square;
    case I4_RATIO_LANDSCAPE:
        return ratio > 1 && !is_square;
    case I4_RATIO_PORTRAIT:
        return ratio < 1 && !is_square;
    default:
        return is_near(ratio, f->ratio_value);
    }
}

static bool flag_fits(i4_shown shown, uint8_t flag) {
    return shown == I4_SHOWN_ALL || (shown == I4_SHOWN_BLOCKED) == (flag == I4_FLAG_BLOCKED);
}

bool i4_selected(const i4_selection *selection, const i4_view *view, size_t at) {
    const i4_filter *f = selection->filter;
    const i4_view_row *row = &view->rows[at];
    return (!selection->marks || selection->marks[at] == selection->sets) &&
           flag_fits(f->shown, row->flag) && row->rating >= f->rating &&
           (f->fav < 0 || row->fav == (f->fav > 0)) && row->time >= f->from && row->time <= f->to &&
           (!f->preset || row->preset == selection->preset) && (!f->lora_none || !row->has_lora) &&
           (!f->unlinked || !row->linked) &&
           (!f->has_prompt || (row->linked && row->prompt_id == f->prompt_id)) &&
           ratio_fits(f, row);
}
