/* Routes of the trash (docs/api.md 3.2), and the thread that empties it of what is old: at the
 * start and then once an hour. */
#include "gateway/library/trash.h"

#include "base/log.h"
#include "base/memory.h"
#include "gateway/db/tags.h"
#include "gateway/db/trash.h"
#include "gateway/events/events.h"
#include "gateway/library/reply.h"
#include "gateway/library/thumbs.h"
#include "gateway/names.h"
#include "http/wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    IDS_BODY_BYTES = 1 << 20, /* 2 x 10 000 ids of 20 digits, and blanks */
    PAGE = 200,
    PAGE_MAX = 500,
    EVENT_IDS_MAX = 500, /* more than that is "many" to listeners */
    PERIOD_SECONDS = 3600
};

/* Borrows the ids. */
static void say(const i4_gateway *g, const char *change, json_t *ids) {
    const size_t count = json_array_size(ids);
    if (count > 0) {
        i4_events_image(g->events, change, count <= EVENT_IDS_MAX ? json_incref(ids) : NULL, -1);
    }
}

/* --- what requests name ---------------------------------------------------------------------- */

/* A list of ids, borrowed, or NULL if there is none. */
static json_t *check_ids(i4_check *c, const char *field) {
    json_t *list = i4_check_list_or_null(c, field);
    char reason[64];
    if (json_array_size(list) > I4_TRASH_IDS) {
        snprintf(reason, sizeof reason, "at most %d ids in one request", I4_TRASH_IDS);
        i4_check_rule(c, field, reason);
        return list;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_is_integer(json_array_get(list, i))) {
            i4_check_rule_at(c, field, (int)i, "an id is a whole number");
            break;
        }
    }
    return list;
}

/* False when it is answered. */
static bool check_choice(i4_check *c, bool with_action, i4_trash_choice *choice,
                         i4_http_reply *reply) {
    *choice = (i4_trash_choice){.trash_id = -1, .days = -1};
    bool is_action = with_action && i4_check_id_or_null(c, "trash_id", &choice->trash_id);
    choice->images = check_ids(c, "images");
    choice->prompts = check_ids(c, "prompts");
    if (!is_action && !choice->images && !choice->prompts) {
        i4_check_rule_body(c, with_action ? "trash_id, images or prompts is needed"
                                          : "images or prompts is needed");
    }
    if (is_action && choice->trash_id < 0) { /* an id that no action has */
        choice->trash_id = INT64_MAX;
    }
    return !i4_check_failed(c, reply);
}

/* --- into the trash and back ----------------------------------------------------------------- */

static void say_trashed(const i4_gateway *g, int64_t trash_id) {
    json_t *ids;
    i4_err err = {0};
    if (trash_id >= 0 && i4_db_trash_images(g->db, trash_id, &ids, &err) == I4_DB_OK) {
        say(g, "trashed", ids);
        json_decref(ids);
    }
}

static void throw_away(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    i4_trash_choice choice;
    int64_t trash_id, images, prompts;
    i4_err err = {0};
    i4_check_begin(&c, request);
    if (!check_choice(&c, false, &choice, reply)) {
        return;
    }
    if (i4_db_trash(g->db, choice.images, choice.prompts, &trash_id, &images, &prompts, &err) ==
        I4_DB_FAILED) {
        i4_library_fail(reply, &err);
        return;
    }
    say_trashed(g, trash_id);
    json_t *id = trash_id >= 0 ? json_integer(trash_id) : json_null();
    i4_reply_json(reply, 200,
                  json_pack("{s:o,s:I,s:I}", "trash_id", id, "images", (json_int_t)images,
                            "prompts", (json_int_t)prompts));
}

static void restore(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    i4_trash_choice choice;
    i4_trash_done done;
    i4_err err = {0};
    i4_check_begin(&c, request);
    if (!check_choice(&c, true, &choice, reply)) {
        return;
    }
    if (i4_db_restore(g->db, &choice, &done, &err) == I4_DB_FAILED) {
        i4_library_fail(reply, &err);
        return;
    }
    say(g, "restored", done.images);
    i4_reply_json(reply, 200,
                  json_pack("{s:I,s:I}", "images", (json_int_t)json_array_size(done.images),
                            "prompts", (json_int_t)done.prompts));
    i4_trash_done_free(&done);
}

/* --- for good -------------------------------------------------------------------------------- */

/* *count: pictures and entries. */
static bool empty(const i4_gateway *g, const i4_trash_choice *choice, int64_t *count, i4_err *err) {
    i4_trash_done done;
    if (i4_db_empty(g->db, choice, &done, err) == I4_DB_FAILED) {
        return false;
    }
    *count = (int64_t)json_array_size(done.images) + done.prompts;
    i4_library_remove_files(g, done.files);
    done.files = NULL;
    say(g, "removed", done.images);
    i4_trash_done_free(&done);
    return true;
}

/* The body, which may be absent; false when it is answered. */
static bool read_choice(i4_http_request *request, i4_http_reply *reply, json_t **body,
                        i4_trash_choice *choice) {
    const i4_str bytes = i4_req_bytes(request);
    json_error_t why;
    *body = NULL;
    *choice = (i4_trash_choice){.trash_id = -1, .days = -1};
    if (bytes.len == 0) {
        return true;
    }
    if (i4_wire_read(bytes.ptr, bytes.len, body, &why) != I4_WIRE_OK || !json_is_object(*body)) {
        i4_reply_error(reply, 422,
                       "the body is no JSON object: send {\"images\": [ids], "
                       "\"prompts\": [ids]}, or no body for everything");
        return false;
    }
    i4_check c;
    i4_check_begin(&c, request);
    c.body = *body;
    return check_choice(&c, false, choice, reply);
}

static void delete_for_good(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    json_t *body;
    i4_trash_choice choice;
    int64_t count = 0;
    i4_err err = {0};
    if (read_choice(request, reply, &body, &choice)) {
        if (empty(g, &choice, &count, &err)) {
            i4_reply_json(reply, 200, json_pack("{s:I}", "deleted", (json_int_t)count));
        } else {
            i4_library_fail(reply, &err);
        }
    }
    json_decref(body);
}

/* --- the list -------------------------------------------------------------------------------- */

static void set_or_null(json_t *to, const char *key, json_t *value) {
    json_object_set(to, key, value ? value : json_null());
}

static const char *text_at(const json_t *row, const char *key) {
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

/* docs/api.md 3.1 */
static json_t *item_of(const json_t *row, int64_t id) {
    static const char *const names[][2] = {{"w", "width"},
                                           {"h", "height"},
                                           {"created_at", "created_at"},
                                           {"hld", "hld"},
                                           {"title", "title"},
                                           {"preset", "preset"},
                                           {"seed", "seed"},
                                           {"prompt_id", "prompt_id"},
                                           {"parent_image_id", "parent_image_id"},
                                           {"fav", "fav"},
                                           {"tags", "tags"},
                                           {"flag", "flag"},
                                           {"file", "file_path"}};
    json_t *item = json_pack("{s:I}", "id", (json_int_t)id);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        set_or_null(item, names[i][0], json_object_get(row, names[i][1]));
    }
    const char *type = i4_name_type(text_at(row, "file_path")); /* "image/png" */
    const char *slash = strchr(type, '/');
    json_object_set_new(item, "format", json_string(slash ? slash + 1 : ""));
    json_object_set_new(item, "loras", i4_lora_list(row));
    json_object_set_new(item, "rating",
                        json_integer(json_integer_value(json_object_get(row, "rating"))));
    return item;
}

static json_t *image_entry(const json_t *entry, json_t *row, int trash_days) {
    const json_int_t left = trash_days - json_integer_value(json_object_get(entry, "age_days"));
    json_t *item = item_of(row, json_integer_value(json_object_get(row, "id")));
    json_object_set_new(item, "days_left", json_integer(left > 0 ? left : 0));
    return item;
}

static json_t *prompt_entry(const json_t *entry, json_t *row, int trash_days) {
    json_t *item = json_object();
    (void)trash_days;
    set_or_null(item, "id", json_object_get(row, "id"));
    set_or_null(item, "hld", json_object_get(row, "hld"));
    set_or_null(item, "images", json_object_get(entry, "images"));
    return item;
}

/* Takes the entries. NULL: no memory. */
static json_t *list_of(json_t *entries, int trash_days,
                       json_t *(*make)(const json_t *entry, json_t *row, int trash_days)) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        json_t *row = i4_trash_row(json_string_value(json_object_get(entry, "content")));
        json_t *item = make(entry, row, trash_days);
        set_or_null(item, "trashed_at", json_object_get(entry, "trashed_at"));
        set_or_null(item, "trash_id", json_object_get(entry, "trash_id"));
        json_array_append_new(list, item);
        json_decref(row);
    }
    json_decref(entries);
    return list;
}

static void list_trash(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    int64_t before = -1, limit = PAGE;
    i4_err err = {0};
    i4_trash_page page;
    i4_check_begin(&c, request);
    (void)i4_check_query_int(&c, "cursor", true, &before);
    if (i4_check_query_int(&c, "limit", true, &limit) && (limit < 1 || limit > PAGE_MAX)) {
        i4_check_rule_query(&c, "limit", "must be 1 to 500");
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    if (i4_db_trash_list(g->db, before, limit, &page, &err) == I4_DB_FAILED) {
        i4_library_fail(reply, &err);
        return;
    }
    const int days = g->settings->trash_days;
    char cursor[24];
    snprintf(cursor, sizeof cursor, "%lld", (long long)page.next);
    json_t *next = page.next >= 0 ? json_string(cursor) : json_null();
    i4_reply_json(reply, 200,
                  json_pack("{s:o,s:o,s:I,s:o}", "items", list_of(page.images, days, image_entry),
                            "prompts", list_of(page.prompts, days, prompt_entry), "total",
                            (json_int_t)page.total, "next", next));
}

/* --- the thread ------------------------------------------------------------------------------ */

struct i4_trash {
    const i4_gateway *gateway;
    pthread_t thread;
    pthread_mutex_t lock; /* guards is_over */
    pthread_cond_t over;
    bool is_over, is_started;
};

void i4_trash_empty_old(const i4_gateway *gateway) {
    const i4_trash_choice old = {.trash_id = -1, .days = gateway->settings->trash_days};
    int64_t count = 0;
    i4_err err = {0};
    if (!empty(gateway, &old, &count, &err)) {
        i4_log(I4_LOG_WARN, "gateway", "cannot empty the trash: %s", err.text);
    } else if (count > 0) {
        i4_log(I4_LOG_INFO, "gateway", "emptied the trash of what was old entries=%lld",
               (long long)count);
    }
}

/* True when the gateway stops. */
static bool wait_a_while(i4_trash *trash) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until); /* what a condition can wait for everywhere */
    until.tv_sec += PERIOD_SECONDS;
    pthread_mutex_lock(&trash->lock);
    int code = 0;
    while (!trash->is_over && code != ETIMEDOUT) {
        code = pthread_cond_timedwait(&trash->over, &trash->lock, &until);
    }
    const bool is_over = trash->is_over;
    pthread_mutex_unlock(&trash->lock);
    return is_over;
}

static void *thread_main(void *user) {
    i4_trash *trash = user;
    do {
        i4_trash_empty_old(trash->gateway);
    } while (!wait_a_while(trash));
    return NULL;
}

i4_trash *i4_trash_start(const i4_gateway *gateway, i4_err *err) {
    i4_trash *trash = i4_calloc(1, sizeof *trash);
    if (!trash) {
        i4_fail_memory(err, "the trash", sizeof *trash);
        return NULL;
    }
    trash->gateway = gateway;
    pthread_mutex_init(&trash->lock, NULL);
    pthread_cond_init(&trash->over, NULL);
    trash->is_started = !i4_fault_hit(I4_FAULT_THREAD, 0) &&
                        pthread_create(&trash->thread, NULL, thread_main, trash) == 0;
    if (!trash->is_started) {
        i4_fail(err, I4_E_INTERNAL,
                "cannot start a thread: close other programs or raise the limit of processes");
        i4_trash_stop(trash);
        return NULL;
    }
    return trash;
}

void i4_trash_stop(i4_trash *trash) {
    if (!trash) {
        return;
    }
    pthread_mutex_lock(&trash->lock);
    trash->is_over = true;
    pthread_cond_broadcast(&trash->over);
    pthread_mutex_unlock(&trash->lock);
    if (trash->is_started) {
        pthread_join(trash->thread, NULL);
    }
    pthread_cond_destroy(&trash->over);
    pthread_mutex_destroy(&trash->lock);
    i4_free(trash);
}

/* --- the table ------------------------------------------------------------------------------- */

const i4_route i4_trash_routes[] = {
    {"GET", "/api/trash", I4_BODY_NONE, 0, false, false, list_trash},
    {"POST", "/api/trash", I4_BODY_JSON, IDS_BODY_BYTES, false, false, throw_away},
    {"POST", "/api/trash/restore", I4_BODY_JSON, IDS_BODY_BYTES, false, false, restore},
    {"DELETE", "/api/trash", I4_BODY_BYTES, IDS_BODY_BYTES, false, false, delete_for_good},
    {0},
};
