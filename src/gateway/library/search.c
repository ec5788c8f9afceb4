/* Routes of the library (docs/api.md 3.2): pages, timeline, tags, one picture, changes. */
#include "gateway/events/events.h"
#include "gateway/library/cursor.h"
#include "gateway/library/filters.h"
#include "gateway/library/reply.h"

#include <stdio.h>
#include <string.h>

enum {
    PAGE_ITEMS = 200,
    PAGE_ITEMS_MOST = 500,
    BULK_BODY_BYTES = 1 << 20,
    EVENT_IDS = 1000, /* beyond, an event says "many" */
    BEGINNING_CHARACTERS = 64
};

static const char no_image[] = "there is no such image";

/* --- shared --------------------------------------------------------------------------------- */

static void reply_item(i4_http_reply *reply, i4_db_result result, json_t *item, const i4_err *err) {
    switch (result) {
    case I4_DB_OK:
        i4_reply_json(reply, 200, item);
        break;
    case I4_DB_NONE:
        i4_reply_error(reply, 404, "%s", no_image);
        break;
    case I4_DB_FAILED:
        i4_library_fail(reply, err);
        break;
    }
}

/* The index of a query's value in a list ended by NULL; the first when it is absent. */
static int choice_of(i4_check *c, const char *name, const char *const *values, const char *reason) {
    const char *text = i4_req_query(c->request, name);
    if (!text || !text[0]) {
        return 0;
    }
    for (int i = 0; values[i]; i++) {
        if (strcmp(text, values[i]) == 0) {
            return i;
        }
    }
    i4_check_rule_query(c, name, reason);
    return 0;
}

static int64_t page_limit(i4_check *c) {
    int64_t limit;
    if (!i4_check_query_int(c, "limit", true, &limit)) {
        return PAGE_ITEMS;
    }
    if (limit < 1 || limit > PAGE_ITEMS_MOST) {
        i4_check_rule_query(c, "limit", "must be 1 to 500");
    }
    return limit;
}

/* --- pages ---------------------------------------------------------------------------------- */

typedef struct asked {
    i4_filter filter;
    i4_sort sort;
    i4_place after;
    bool has_after;
    int64_t limit;
} asked;

static bool read_asked(i4_http_request *request, i4_http_reply *reply, asked *a) {
    static const char *const sorts[] = {"newest", "oldest", "rating", "size", NULL};
    i4_check c;
    i4_check_begin(&c, request);
    a->sort = (i4_sort)choice_of(&c, "sort", sorts, "must be newest, oldest, rating or size");
    a->limit = page_limit(&c);
    i4_filters_read(&c, NULL, &a->filter);
    const char *cursor = i4_req_query(request, "cursor");
    a->has_after = cursor && cursor[0];
    if (a->has_after && !i4_cursor_read(cursor, a->sort, &a->after)) {
        i4_check_rule_query(&c, "cursor", "not the next of a page in this order; begin without it");
    }
    return !i4_check_failed(&c, reply);
}

static void list_library(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    asked a;
    i4_page page;
    i4_err err = {0};
    if (!read_asked(request, reply, &a)) {
        return;
    }
    if (i4_db_library(g->db, &a.filter, a.sort, a.has_after ? &a.after : NULL, a.limit, &page,
                      &err) != I4_DB_OK) {
        i4_library_fail(reply, &err);
        return;
    }
    char next[I4_CURSOR_BYTES];
    i4_cursor_write(a.sort, &page.next, next);
    i4_reply_json(reply, 200,
                  json_pack("{s:o,s:s?,s:I}", "items", page.items, "next",
                            page.has_next ? next : NULL, "total", (json_int_t)page.total));
}

static void timeline(i4_http_request *request, i4_http_reply *reply, void *user) {
    static const char *const units[] = {"day", "month", NULL};
    const i4_gateway *g = user;
    i4_filter filter;
    i4_check c;
    i4_check_begin(&c, request);
    const int unit = choice_of(&c, "unit", units, "must be day or month");
    i4_filters_read(&c, NULL, &filter);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    json_t *buckets;
    int64_t total;
    i4_err err = {0};
    if (i4_db_timeline(g->db, &filter, unit == 1, &buckets, &total, &err) != I4_DB_OK) {
        i4_library_fail(reply, &err);
        return;
    }
    i4_reply_json(reply, 200,
                  json_pack("{s:s,s:o,s:I}", "unit", units[unit], "buckets", buckets, "total",
                            (json_int_t)total));
}

static void list_tags(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    const char *beginning = i4_req_query(request, "q");
    i4_check c;
    i4_check_begin(&c, request);
    if (beginning && i4_characters(beginning) > BEGINNING_CHARACTERS) {
        i4_check_rule_query(&c, "q", "longer than a tag can be; shorten it");
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    json_t *tags;
    i4_err err = {0};
    if (i4_db_tag_list(g->db, beginning, &tags, &err) != I4_DB_OK) {
        i4_library_fail(reply, &err);
        return;
    }
    i4_reply_json(reply, 200, json_pack("{s:o}", "tags", tags));
}

static void get_item(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    json_t *item;
    i4_err err = {0};
    const i4_db_result result = i4_db_item(g->db, i4_req_id(request, "image_id"), &item, &err);
    reply_item(reply, result, item, &err);
}

/* --- what to change ------------------------------------------------------------------------- */

/* The field of an object: errors name the field of the body that it is in. */
typedef struct part {
    i4_check *c;
    const json_t *object;
    const char *field; /* NULL: the body itself */
} part;

static void refuse(const part *p, const char *name, const char *reason) {
    char text[256];
    if (!p->field) {
        i4_check_rule(p->c, name, reason);
        return;
    }
    snprintf(text, sizeof text, "%s: %s", name, reason);
    i4_check_rule(p->c, p->field, text);
}

static const json_t *tags_of(const part *p, const char *name) {
    const json_t *list = json_object_get(p->object, name);
    if (!list) {
        return NULL;
    }
    bool fits = json_is_array(list) && json_array_size(list) <= I4_IMAGE_TAGS;
    for (size_t i = 0; fits && i < json_array_size(list); i++) {
        const char *tag = json_string_value(json_array_get(list, i));
        fits = tag && i4_tag_fits(tag);
    }
    if (!fits) {
        refuse(p, name,
               "must be a list of at most 100 tags, each of 1 to 64 characters without "
               "commas and control characters");
        return NULL;
    }
    return list;
}

static void read_rating(const part *p, i4_change *change) {
    const json_t *value = json_object_get(p->object, "rating");
    if (!value) {
        return;
    }
    change->has_rating = true;
    change->rating = json_integer_value(value);
    if (!json_is_integer(value) || change->rating < 0 || change->rating > 5) {
        refuse(p, "rating", "must be 0 to 5 stars");
    }
}

static void read_fav(const part *p, i4_change *change) {
    const json_t *value = json_object_get(p->object, "fav");
    if (!value) {
        return;
    }
    change->has_fav = true;
    change->fav = json_is_true(value);
    if (!json_is_boolean(value)) {
        refuse(p, "fav", "must be true or false");
    }
}

static void read_title(const part *p, i4_change *change) {
    const json_t *value = json_object_get(p->object, "title");
    if (!value) {
        return;
    }
    change->has_title = true;
    change->title = json_string_value(value);
    if (json_is_string(value) ? i4_characters(change->title) > I4_TITLE_CHARACTERS
                              : !json_is_null(value)) {
        refuse(p, "title", "must be a text of at most 500 characters or null");
    }
}

static void read_flag(const part *p, i4_change *change) {
    const json_t *value = json_object_get(p->object, "flag");
    if (!value) {
        return;
    }
    change->has_flag = true;
    change->flag = json_string_value(value);
    const bool is_known =
        change->flag && (strcmp(change->flag, "blocked") == 0 || strcmp(change->flag, "real") == 0);
    if (!is_known && !json_is_null(value)) {
        refuse(p, "flag", "must be blocked, real or null");
    }
}

/* --- changes -------------------------------------------------------------------------------- */

static void say_changed(const i4_gateway *g, const char *change, json_t *ids) {
    if (json_array_size(ids) > EVENT_IDS) {
        json_decref(ids);
        ids = NULL;
    }
    i4_events_image(g->events, change, ids, -1);
}

static void patch_item(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    i4_change change = {0};
    i4_check_begin(&c, request);
    const part p = {&c, c.body, NULL};
    read_title(&p, &change);
    read_rating(&p, &change);
    read_fav(&p, &change);
    change.tags = tags_of(&p, "tags");
    read_flag(&p, &change);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    const int64_t id = i4_req_id(request, "image_id");
    json_t *item;
    i4_err err = {0};
    const i4_db_result result = i4_db_change_item(g->db, id, &change, &item, &err);
    if (result == I4_DB_OK) {
        say_changed(g, "changed", json_pack("[I]", (json_int_t)id));
    }
    reply_item(reply, result, item, &err);
}

/* A change of nothing would be a slip of the client. */
static void read_set(i4_check *c, i4_change *change) {
    const json_t *set = i4_check_object_required(c, "set");
    if (!set) {
        return;
    }
    const part p = {c, set, "set"};
    read_rating(&p, change);
    read_fav(&p, change);
    change->add_tags = tags_of(&p, "add_tags");
    change->remove_tags = tags_of(&p, "remove_tags");
    const json_t *trash = json_object_get(set, "trash");
    change->trash = json_is_true(trash);
    if (trash && !json_is_boolean(trash)) {
        refuse(&p, "trash", "must be true or false");
    }
    if (!change->has_rating && !change->has_fav && !change->add_tags && !change->remove_tags &&
        !change->trash && i4_check_fine(c, "set")) {
        i4_check_rule(c, "set",
                      "changes nothing; send rating, fav, add_tags, remove_tags or trash");
    }
}

static const json_t *read_ids(i4_check *c) {
    const json_t *ids = i4_check_list_or_null(c, "ids");
    if (json_array_size(ids) > I4_BULK_IDS) {
        i4_check_rule(c, "ids", "more than 10000 ids; send them in parts");
        return ids;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        if (!json_is_integer(json_array_get(ids, i))) {
            i4_check_rule_at(c, "ids", (int)i, "must be the number of an image");
            return ids;
        }
    }
    return ids;
}

static void bulk(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    i4_change change = {0};
    i4_filter filter;
    i4_check_begin(&c, request);
    const json_t *ids = read_ids(&c), *object = json_object_get(c.body, "filter");
    if (json_is_object(object)) {
        i4_filters_read(&c, object, &filter);
    } else if (object && !json_is_null(object)) {
        i4_check_rule(&c, "filter", "must be an object");
    }
    if ((ids != NULL) == json_is_object(object)) {
        i4_check_rule_body(&c, "send either ids or filter");
    }
    read_set(&c, &change);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    json_t *changed;
    int64_t trash_id;
    i4_err err = {0};
    if (i4_db_change_items(g->db, ids, &filter, &change, &changed, &trash_id, &err) != I4_DB_OK) {
        i4_library_fail(reply, &err);
        return;
    }
    const json_int_t count = (json_int_t)json_array_size(changed);
    json_t *trashed = trash_id >= 0 ? json_integer((json_int_t)trash_id) : json_null();
    if (count > 0) {
        say_changed(g, change.trash ? "trashed" : "changed", changed);
    } else {
        json_decref(changed);
    }
    i4_reply_json(reply, 200, json_pack("{s:I,s:o}", "changed", count, "trash_id", trashed));
}

/* --- the table ------------------------------------------------------------------------------ */

#define GET(pattern, handler) \
    { "GET", pattern, I4_BODY_NONE, 0, false, false, handler }

const i4_route i4_search_routes[] = {
    GET("/api/library", list_library),
    GET("/api/library/timeline", timeline),
    GET("/api/library/tags", list_tags),
    GET("/api/library/{image_id:int}", get_item),
    {"PATCH", "/api/library/{image_id:int}", I4_BODY_JSON, 0, false, false, patch_item},
    {"POST", "/api/library/bulk", I4_BODY_JSON, BULK_BODY_BYTES, false, false, bulk},
    {0},
};
