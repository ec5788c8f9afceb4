/* Routes of the queue that change a pending job, or add copies of one (docs/api.md 1.2). */
#include "gateway/queue/inside.h"

#include <stdio.h>
#include <string.h>

enum { COPIES_MAX = 16 };

/* --- changing ------------------------------------------------------------------------------ */

static const char *const content_fields[] = {"caption",   "hld",      "width",  "height",
                                             "preset",    "seed",     "format", "loras",
                                             "prompt_id", "form_json"};

static bool is_sent(const json_t *body, const char *field) {
    return json_object_get(body, field) != NULL;
}

/* The item that the job is, with what was sent laid over it. What describes the caption goes with
 * the caption. */
static json_t *merged(const json_t *content, const json_t *body) {
    json_t *item = json_object();
    json_t *loras = json_loads(json_string_value(json_object_get(content, "loras"))
                                   ? json_string_value(json_object_get(content, "loras"))
                                   : "null",
                               JSON_DECODE_ANY, NULL);
    for (size_t i = 0; i < sizeof content_fields / sizeof *content_fields; i++) {
        json_object_set(item, content_fields[i], json_object_get(content, content_fields[i]));
    }
    json_object_set_new(item, "loras", loras);
    json_object_set_new(item, "caption", i4_job_caption(content));
    const bool is_form_made = json_integer_value(json_object_get(content, "form_made")) != 0;
    if (is_form_made || is_sent(body, "caption")) {
        json_object_del(item, "form_json");
    }
    if (is_sent(body, "caption")) {
        json_object_del(item, "hld");
    }
    for (size_t i = 0; i < sizeof content_fields / sizeof *content_fields; i++) {
        json_object_set(item, content_fields[i], json_object_get(body, content_fields[i]));
    }
    return item;
}

static i4_db_place read_place(i4_check *c, int64_t *anchor) {
    const char *at = i4_check_string(c, "at", "", 0, 0);
    i4_db_place place = I4_PLACE_KEEP;
    if (i4_check_id_or_null(c, "before", anchor)) {
        place = I4_PLACE_BEFORE;
    } else if (i4_check_id_or_null(c, "after", anchor)) {
        place = I4_PLACE_AFTER;
    } else if (is_sent(c->body, "at")) {
        place = strcmp(at, "next") == 0 ? I4_PLACE_NEXT : I4_PLACE_END;
        if (strcmp(at, "next") != 0 && strcmp(at, "end") != 0) {
            i4_check_rule_enum(c, "at", "'next' or 'end'");
        }
    }
    if (is_sent(c->body, "before") + is_sent(c->body, "after") + is_sent(c->body, "at") > 1) {
        i4_check_rule_body(c, "only one of before, after and at is possible");
    }
    return place;
}

static void reply_changed(i4_gateway *gateway, i4_http_reply *reply, int64_t id,
                          i4_db_result result, bool is_anchor, const i4_err *err) {
    json_t *row = NULL;
    if (result == I4_DB_FAILED) {
        i4_queue_reply_failed(reply, err);
    } else if (result == I4_DB_NONE) {
        i4_reply_error(reply, 409, "%s",
                       is_anchor ? "the other job is no longer pending"
                                 : "the job is no longer pending");
    } else {
        i4_say_job(gateway->queue, id);
        i4_queue_wake(gateway->queue);
        row = i4_queue_job(gateway->queue, id);
        i4_reply_json(reply, 200, row);
    }
}

static void change_checked(i4_gateway *gateway, i4_check *c, i4_http_reply *reply, int64_t id,
                           const json_t *content) {
    json_t *body = c->body, *owned = NULL;
    int64_t anchor = -1;
    bool has_content = false, is_anchor = false;
    i4_new_job job = {0};
    i4_job_list list = {0};
    i4_err err = {0};
    const i4_db_place place = read_place(c, &anchor);
    for (size_t i = 0; i < sizeof content_fields / sizeof *content_fields; i++) {
        has_content = has_content || is_sent(body, content_fields[i]);
    }
    json_t *item = has_content ? merged(content, body) : NULL;
    if (item) {
        c->body = item;
        (void)i4_item_read(c, gateway->settings, &job, &owned);
        c->body = body;
    }
    if (!i4_check_failed(c, reply)) {
        if (item && !i4_job_list_make(&list, &job, 1, &err)) {
            i4_queue_reply_failed(reply, &err);
        } else {
            const i4_db_result result =
                i4_db_change_job(gateway->db, id, list.job, place, anchor, &is_anchor, &err);
            reply_changed(gateway, reply, id, result, is_anchor, &err);
        }
    }
    i4_job_list_free(&list);
    json_decref(owned);
    json_decref(item);
}

void i4_queue_change(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    const int64_t id = i4_req_id(request, "id");
    i4_check c;
    i4_err err = {0};
    json_t *content = NULL;
    i4_check_begin(&c, request);
    const i4_db_result result =
        c.failed ? I4_DB_OK : i4_db_job_content(gateway->db, id, &content, &err);
    if (result == I4_DB_OK) {
        change_checked(gateway, &c, reply, id, content);
    } else if (!i4_check_failed(&c, reply)) {
        if (result == I4_DB_NONE) {
            i4_queue_reply_unknown(reply);
        } else {
            i4_queue_reply_failed(reply, &err);
        }
    }
    json_decref(content);
}

/* --- again --------------------------------------------------------------------------------- */

/* "same" (-2), "new" (-1) or a number. */
static int64_t read_retry_seed(i4_check *c) {
    const json_t *said = json_object_get(c->body, "seed");
    const char *word = json_string_value(said);
    int64_t seed = -2;
    if (!said || json_is_null(said) || (word && strcmp(word, "same") == 0)) {
        return -2;
    }
    if (word && strcmp(word, "new") == 0) {
        return -1;
    }
    if (!i4_check_int_or_null(c, "seed", &seed) || seed < 0 || seed > 4294967295) {
        i4_check_rule(c, "seed", "not \"same\", \"new\" or a number between 0 and 4294967295");
    }
    return seed;
}

static int64_t int_at(const json_t *row, const char *key) {
    const json_t *value = json_object_get(row, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static i4_new_job copy_of(const json_t *content, int64_t seed, int64_t count) {
    const bool is_made = int_at(content, "form_made") == 1;
    return (i4_new_job){
        .origin = "queue",
        .caption = json_string_value(json_object_get(content, "caption")),
        .hld = json_string_value(json_object_get(content, "hld")),
        .preset = json_string_value(json_object_get(content, "preset")),
        .format = json_string_value(json_object_get(content, "format")),
        .form_json = is_made ? NULL : json_string_value(json_object_get(content, "form_json")),
        .loras_json = json_string_value(json_object_get(content, "loras")),
        .width = int_at(content, "width"),
        .height = int_at(content, "height"),
        .seed = seed == -2 ? int_at(content, "seed") : seed,
        .prompt_id = int_at(content, "prompt_id"),
        .repeat = (int)count,
        .is_text = int_at(content, "is_text") == 1,
    };
}

static void add_copies(i4_queue *queue, i4_http_reply *reply, const json_t *content,
                       const i4_new_job *copy, bool until_picture) {
    i4_job_list list;
    json_t *rows = NULL;
    int64_t pending = 0;
    i4_err err = {0};
    i4_queue_result result = I4_QUEUE_FAILED;
    if (i4_job_list_make(&list, copy, 1, &err)) {
        for (size_t i = 0; i < list.count; i++) {
            list.job[i].retry_of = int_at(content, "id");
            list.job[i].is_joined = int_at(content, "is_joined") == 1;
            list.job[i].until_picture = until_picture;
        }
        result = i4_queue_insert(queue, list.job, list.count, false, &rows, &pending, &err);
    }
    i4_queue_reply_added(queue, reply, result, rows, pending, &err);
    i4_job_list_free(&list);
}

static bool read_flag(i4_check *c, const char *field) {
    const json_t *said = json_object_get(c->body, field);
    if (said && !json_is_boolean(said) && !json_is_null(said)) {
        i4_check_rule(c, field, "not true or false");
    }
    return json_is_true(said);
}

void i4_queue_retry(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    i4_check c;
    i4_err err = {0};
    json_t *content = NULL;
    i4_check_begin(&c, request);
    const int64_t seed = read_retry_seed(&c);
    const int64_t count = i4_check_int(&c, "count", 1);
    if (count < 1 || count > COPIES_MAX) {
        i4_check_rule(&c, "count", "not between 1 and 16");
    }
    const bool until_picture = read_flag(&c, "until_picture");
    if (i4_check_failed(&c, reply)) {
        return;
    }
    const i4_db_result result =
        i4_db_job_content(gateway->db, i4_req_id(request, "id"), &content, &err);
    if (result == I4_DB_OK) {
        const i4_new_job copy = copy_of(content, seed, count);
        add_copies(gateway->queue, reply, content, &copy, until_picture);
    } else if (result == I4_DB_NONE) {
        i4_queue_reply_unknown(reply);
    } else {
        i4_queue_reply_failed(reply, &err);
    }
    json_decref(content);
}
