/* Changes of pictures in the library: one, or many in one transaction. */
#include "gateway/db/library.h"

#include "base/memory.h"
#include "gateway/db/select.h"
#include "gateway/db/tags.h"
#include "gateway/db/trash.h"

typedef struct changing {
    i4_db *db;
    const i4_change *change;
    i4_id_list all, add, remove; /* tags */
} changing;

static bool read_tags(changing *c, i4_err *err) {
    return i4_tags_ids(c->db, c->change->tags, true, &c->all, err) &&
           i4_tags_ids(c->db, c->change->add_tags, true, &c->add, err) &&
           i4_tags_ids(c->db, c->change->remove_tags, false, &c->remove, err);
}

static void free_tags(changing *c) {
    i4_id_list_free(&c->all);
    i4_id_list_free(&c->add);
    i4_id_list_free(&c->remove);
}

static bool set_text(i4_db *db, i4_sql which, int64_t id, const char *text, i4_err *err) {
    i4_query q = i4_query_of(db, which);
    i4_query_int(&q, 1, id);
    i4_query_text(&q, 2, text);
    return i4_query_run(&q, err);
}

static bool set_rating(i4_db *db, int64_t id, int64_t rating, i4_err *err) {
    i4_query q = i4_query_of(db, I4_SQL_RATING_SET);
    i4_query_int(&q, 1, id);
    i4_query_int(&q, 2, rating);
    return i4_query_run(&q, err);
}

/* What no search looks at: the words need not be made again. */
static bool change_marks(const changing *c, int64_t id, i4_err *err) {
    const i4_change *to = c->change;
    i4_db *db = c->db;
    const i4_sql mark = to->fav ? I4_SQL_FAVORITE_ADD : I4_SQL_ONE_FAVORITES;
    db->view->words_stay = true;
    const bool good = (!to->has_rating || set_rating(db, id, to->rating, err)) &&
                      (!to->has_flag || set_text(db, I4_SQL_FLAG_SET, id, to->flag, err)) &&
                      (!to->has_fav || i4_db_run_id(db, mark, id, err));
    db->view->words_stay = false;
    return good;
}

static bool change_tags(const changing *c, int64_t id, i4_err *err) {
    const i4_change *to = c->change;
    if (!to->tags && c->add.count == 0 && c->remove.count == 0) {
        return true;
    }
    return (!to->tags || (i4_db_run_id(c->db, I4_SQL_TAGS_TAKE, id, err) &&
                          i4_tags_put(c->db, id, &c->all, err))) &&
           i4_tags_put(c->db, id, &c->add, err) && i4_tags_take(c->db, id, &c->remove, err) &&
           i4_db_index_image(c->db, id, err);
}

static bool change_image(const changing *c, int64_t id, i4_err *err) {
    const i4_change *to = c->change;
    return change_marks(c, id, err) &&
           (!to->has_title || set_text(c->db, I4_SQL_TITLE_SET, id, to->title, err)) &&
           change_tags(c, id, err);
}

/* --- one ------------------------------------------------------------------------------------ */

static i4_db_result change_one(changing *c, int64_t id, json_t **item, i4_err *err) {
    bool found;
    if (!i4_db_has(c->db, I4_SQL_IMAGE_EXISTS, id, &found, err)) {
        return I4_DB_FAILED;
    }
    if (!found) {
        return I4_DB_NONE;
    }
    return read_tags(c, err) && change_image(c, id, err) ? i4_db_item_inside(c->db, id, item, err)
                                                         : I4_DB_FAILED;
}

i4_db_result i4_db_change_item(i4_db *db, int64_t image_id, const i4_change *change, json_t **item,
                               i4_err *err) {
    changing c = {.db = db, .change = change};
    *item = NULL;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    i4_db_result result = change_one(&c, image_id, item, err);
    result = i4_db_end(db, result, err);
    free_tags(&c);
    if (result != I4_DB_OK) {
        json_decref(*item);
        *item = NULL;
    }
    return result;
}

/* --- many ----------------------------------------------------------------------------------- */

static bool fail_ids(i4_err *err) {
    return i4_fail_memory(err, "a list of pictures", 1 << 16);
}

static bool list_known(i4_db *db, const json_t *ids, i4_id_list *out, i4_err *err) {
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const int64_t id = json_integer_value(json_array_get(ids, i));
        bool found;
        if (!i4_db_has(db, I4_SQL_IMAGE_EXISTS, id, &found, err) ||
            (found && !i4_id_list_add(out, id) && !fail_ids(err))) {
            return false;
        }
    }
    i4_id_list_sort(out);
    return true;
}

static bool list_selected(i4_db *db, const i4_filter *filter, i4_id_list *out, i4_err *err) {
    i4_selection selection;
    if (!i4_view_refresh(db, err) || !i4_select(db, filter, &selection, err)) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; good && i < db->view->count; i++) {
        good = !i4_selected(&selection, db->view, i) || i4_id_list_add(out, db->view->rows[i].id);
    }
    i4_selection_free(&selection);
    return good || fail_ids(err);
}

static bool to_json(const i4_id_list *ids, json_t **list, i4_err *err) {
    *list = json_array();
    bool good = *list != NULL;
    for (size_t i = 0; good && i < ids->count; i++) {
        good = json_array_append_new(*list, json_integer((json_int_t)ids->ids[i])) == 0;
    }
    return good || fail_ids(err);
}

static bool throw_away(i4_db *db, const json_t *ids, int64_t *trash_id, i4_err *err) {
    int64_t images, prompts;
    return json_array_size(ids) == 0 ||
           i4_db_trash_inside(db, ids, NULL, trash_id, &images, &prompts, err) != I4_DB_FAILED;
}

static bool change_many(changing *c, const i4_id_list *ids, json_t **changed, int64_t *trash_id,
                        i4_err *err) {
    bool good = read_tags(c, err);
    for (size_t i = 0; good && i < ids->count; i++) {
        good = change_image(c, ids->ids[i], err);
    }
    return good && to_json(ids, changed, err) &&
           (!c->change->trash || throw_away(c->db, *changed, trash_id, err));
}

i4_db_result i4_db_change_items(i4_db *db, const json_t *ids, const i4_filter *filter,
                                const i4_change *change, json_t **changed, int64_t *trash_id,
                                i4_err *err) {
    changing c = {.db = db, .change = change};
    i4_id_list list = {0};
    *changed = NULL;
    *trash_id = -1;
    if (!i4_db_begin(db, err)) {
        return I4_DB_FAILED;
    }
    const bool good =
        (ids ? list_known(db, ids, &list, err) : list_selected(db, filter, &list, err)) &&
        change_many(&c, &list, changed, trash_id, err);
    const i4_db_result result = i4_db_end(db, good ? I4_DB_OK : I4_DB_FAILED, err);
    free_tags(&c);
    i4_id_list_free(&list);
    if (result != I4_DB_OK) {
        json_decref(*changed);
        *changed = NULL;
    }
    return result;
}
