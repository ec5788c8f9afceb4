/* Routes of the queue (docs/api.md 1.2, 1.3). */
#include "gateway/queue/inside.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

enum { ITEMS_MAX = 1000, BODY_BYTES = 8 << 20 };

/* --- answers ------------------------------------------------------------------------------- */

void i4_queue_reply_failed(i4_http_reply *reply, const i4_err *err) {
    i4_reply_error(reply, err->status == I4_E_INTERNAL ? 500 : 503, "%s", err->text);
}

void i4_queue_reply_unknown(i4_http_reply *reply) {
    i4_reply_error(reply, 404, "there is no such job");
}

static void reply_full(i4_queue *queue, i4_http_reply *reply, int64_t pending) {
    const int limit = queue->gateway->settings->queue_limit;
    i4_reply_json(reply, 409,
                  json_pack("{s:o, s:s, s:i, s:I}", "error",
                            json_sprintf("the queue is full: %lld of %d jobs wait; remove some or "
                                         "wait for them",
                                         (long long)pending, limit),
                            "code", "queue_full", "limit", limit, "pending", (json_int_t)pending));
}

void i4_queue_reply_added(i4_queue *queue, i4_http_reply *reply, i4_queue_result result,
                          json_t *rows, int64_t pending, const i4_err *err) {
    if (result == I4_QUEUE_OK) {
        i4_reply_json(reply, 201,
                      json_pack("{s:o, s:I}", "jobs", rows, "revision",
                                (json_int_t)i4_queue_revision(queue)));
    } else if (result == I4_QUEUE_FULL) {
        reply_full(queue, reply, pending);
    } else {
        i4_queue_reply_failed(reply, err);
    }
}

/* {key: value, "revision"}; takes the value. */
static void reply_change(i4_queue *queue, i4_http_reply *reply, const char *key, json_t *value) {
    i4_reply_json(
        reply, 200,
        json_pack("{s:o, s:I}", key, value, "revision", (json_int_t)i4_queue_revision(queue)));
}

/* --- reading ------------------------------------------------------------------------------- */

static void finish_rows(i4_queue *queue, json_t *rows) {
    for (size_t i = 0; i < json_array_size(rows); i++) {
        (void)i4_job_json(queue, json_array_get(rows, i)); /* in place */
    }
}

static void list(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    i4_queue *queue = gateway->queue;
    json_t *running, *pending, *finished;
    bool paused;
    i4_err err = {0};
    (void)request;
    const int64_t revision = i4_queue_revision(queue); /* before: never newer than what follows */
    if (i4_db_paused(gateway->db, &paused, &err) == I4_DB_FAILED ||
        i4_db_job_lists(gateway->db, &running, &pending, &finished, &err) == I4_DB_FAILED) {
        i4_queue_reply_failed(reply, &err);
        return;
    }
    finish_rows(queue, running);
    finish_rows(queue, pending);
    finish_rows(queue, finished);
    const bool has_work = json_array_size(running) + json_array_size(pending) > 0;
    json_t *eta = i4_jobs_eta(queue, running, pending);
    i4_reply_json(reply, 200,
                  json_pack("{s:I, s:b, s:o, s:i, s:o, s:o, s:o, s:o}", "revision",
                            (json_int_t)revision, "paused", paused, "blocked",
                            i4_queue_blocked(queue, has_work), "limit",
                            gateway->settings->queue_limit, "running", running, "pending", pending,
                            "finished", finished, "eta", eta));
}

static void one(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    const int64_t id = i4_req_id(request, "id");
    json_t *content = NULL;
    i4_err err = {0};
    const i4_db_result result = i4_db_job_content(gateway->db, id, &content, &err);
    json_t *job = result == I4_DB_OK ? i4_queue_job(gateway->queue, id) : NULL;
    if (job) {
        json_object_set_new(job, "caption", i4_job_caption(content));
        json_object_set(job, "form_json", json_object_get(content, "form_json"));
        i4_reply_json(reply, 200, job);
    } else if (result == I4_DB_FAILED) {
        i4_queue_reply_failed(reply, &err);
    } else {
        i4_queue_reply_unknown(reply);
    }
    json_decref(content);
}

/* A page may ask for one just as its job ends, which is no fault of anybody: nothing to show. */
static void reply_no_preview(const i4_gateway *gateway, i4_http_reply *reply, int64_t id) {
    json_t *job = i4_queue_job(gateway->queue, id);
    if (job) {
        i4_reply_text(reply, 204, "image/jpeg", "");
    } else {
        i4_reply_error(reply, 404, "there is no such job");
    }
    json_decref(job);
}

static void preview(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    const int64_t id = i4_req_id(request, "id");
    int64_t step = -1;
    i4_check c;
    i4_answer answer;
    char shown[16] = "", tag[64];
    i4_check_begin(&c, request);
    (void)i4_check_query_int(&c, "step", true, &step);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    if (step > INT32_MAX || !i4_queue_preview(gateway->queue, id, (int)step, &answer)) {
        reply_no_preview(gateway, reply, id);
        return;
    }
    (void)i4_answer_header(&answer, "X-Preview-Step", shown, sizeof shown);
    snprintf(tag, sizeof tag, "\"p%lld-%.15s\"", (long long)id, shown);
    const char *known = i4_req_header(request, "If-None-Match");
    i4_reply_header(reply, "ETag", tag);
    i4_reply_header(reply, "Cache-Control", "no-cache");
    if (shown[0]) {
        i4_reply_header(reply, "X-Preview-Step", shown);
    }
    if (shown[0] && known && strstr(known, tag)) {
        i4_reply_text(reply, 304, "image/jpeg", "");
    } else {
        i4_reply_bytes(reply, 200, "image/jpeg", answer.body, answer.size);
        answer.body = NULL; /* taken */
    }
    i4_answer_free(&answer);
}

/* --- adding -------------------------------------------------------------------------------- */

/* Errors of an item become errors of the list, at its index. */
static void take_errors(i4_check *c, i4_check *item, size_t index) {
    for (size_t i = 0; i < json_array_size(item->detail); i++) {
        json_t *loc = json_object_get(json_array_get(item->detail, i), "loc");
        json_array_insert_new(loc, 1, json_string("items"));
        json_array_insert_new(loc, 2, json_integer((json_int_t)index));
    }
    c->failed = c->failed || item->failed;
    c->out_of_memory = c->out_of_memory || item->out_of_memory;
    json_decref(c->detail);
    c->detail = item->detail;
    item->detail = NULL;
}

typedef struct item_list {
    i4_new_job *job; /* owned */
    json_t **owned;  /* what each borrows from */
    size_t count;
} item_list;

static void free_items(item_list *items) {
    for (size_t i = 0; i < items->count; i++) {
        json_decref(items->owned[i]);
    }
    i4_free(items->owned);
    i4_free(items->job);
}

/* Stops at the first wrong item. */
static void read_items(i4_check *c, const i4_settings *settings, const json_t *said,
                       item_list *items) {
    const size_t size = json_array_size(said);
    size_t jobs = 0;
    items->job = i4_calloc(size + 1, sizeof *items->job);
    items->owned = i4_calloc(size + 1, sizeof(json_t *));
    c->out_of_memory = !items->job || !items->owned;
    for (size_t i = 0; i < size && !c->failed && !c->out_of_memory; i++) {
        i4_check item = {.request = c->request, .body = json_array_get(said, i)};
        const bool is_fine = i4_item_read(&item, settings, &items->job[i], &items->owned[i]);
        items->count++;
        jobs += (size_t)items->job[i].repeat;
        if (!is_fine) {
            take_errors(c, &item, i);
        }
    }
    if (jobs > ITEMS_MAX) {
        i4_check_rule(c, "items", "more than 1000 jobs at once");
    }
}

static bool read_at(i4_check *c) {
    const char *at = i4_check_string(c, "at", "end", 0, 0);
    if (strcmp(at, "end") != 0 && strcmp(at, "next") != 0) {
        i4_check_rule_enum(c, "at", "'end' or 'next'");
    }
    return strcmp(at, "next") == 0;
}

static void add(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    item_list items = {0};
    i4_check c;
    i4_check_begin(&c, request);
    const json_t *said = i4_check_objects_or_null(&c, "items");
    if (json_array_size(said) == 0 || json_array_size(said) > ITEMS_MAX) {
        i4_check_rule(&c, "items", "needs a list of 1 to 1000 items");
    }
    const bool next = read_at(&c);
    if (!c.failed) {
        read_items(&c, gateway->settings, said, &items);
    }
    if (!i4_check_failed(&c, reply)) {
        json_t *rows;
        int64_t pending;
        i4_err err = {0};
        const i4_queue_result result =
            i4_queue_add(gateway->queue, items.job, items.count, next, &rows, &pending, &err);
        i4_queue_reply_added(gateway->queue, reply, result, rows, pending, &err);
    }
    free_items(&items);
}

/* --- coming back and stopping ----------------------------------------------------------------- */

static void restore(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    i4_check c;
    i4_err err = {0};
    json_t *restored;
    int64_t pending;
    i4_check_begin(&c, request);
    const json_t *ids = i4_check_list_or_null(&c, "ids");
    if (!ids || json_array_size(ids) > ITEMS_MAX) {
        i4_check_rule(&c, "ids", "needs a list of at most 1000 ids");
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        if (!json_is_integer(json_array_get(ids, i))) {
            i4_check_rule_at(&c, "ids", (int)i, "not a whole number");
        }
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    const i4_db_result result = i4_db_restore_jobs(gateway->db, ids, gateway->settings->queue_limit,
                                                   &restored, &pending, &err);
    if (result == I4_DB_OK) {
        i4_say_jobs(gateway->queue, restored);
        i4_queue_wake(gateway->queue);
        reply_change(gateway->queue, reply, "restored", restored);
    } else if (result == I4_DB_NONE) {
        reply_full(gateway->queue, reply, pending);
    } else {
        i4_queue_reply_failed(reply, &err);
    }
}

static void drop(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    const int64_t id = i4_req_id(request, "id");
    i4_err err = {0};
    json_t *row = NULL;
    const i4_db_result result = i4_db_drop_job(gateway->db, id, &row, &err);
    if (result == I4_DB_OK) {
        i4_say_job(gateway->queue, id);
        i4_queue_wake(gateway->queue);
        i4_reply_json(reply, 200,
                      json_pack("{s:b, s:O}", "ok", 1, "state", json_object_get(row, "state")));
    } else if (result == I4_DB_NONE) {
        i4_queue_reply_unknown(reply);
    } else {
        i4_queue_reply_failed(reply, &err);
    }
    json_decref(row);
}

static void cancel(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    i4_check c;
    i4_err err = {0};
    json_t *ids;
    i4_check_begin(&c, request);
    const char *scope = i4_check_string_required(&c, "scope", 0);
    const bool all = strcmp(scope, "all") == 0;
    const bool running = all || strcmp(scope, "current") == 0;
    const bool pending = all || strcmp(scope, "pending") == 0;
    if (!running && !pending) {
        i4_check_rule_enum(&c, "scope", "'current', 'pending' or 'all'");
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    if (i4_db_drop_jobs(gateway->db, running, pending, &ids, &err) == I4_DB_OK) {
        i4_say_jobs(gateway->queue, ids);
        i4_queue_wake(gateway->queue);
        reply_change(gateway->queue, reply, "cancelled", ids);
    } else {
        i4_queue_reply_failed(reply, &err);
    }
}

static void clear(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *gateway = user;
    i4_err err = {0};
    int64_t removed;
    (void)request;
    if (i4_db_hide_jobs(gateway->db, &removed, &err) == I4_DB_FAILED) {
        i4_queue_reply_failed(reply, &err);
        return;
    }
    i4_say_jobs(gateway->queue, NULL);
    i4_reply_json(reply, 200, json_pack("{s:I}", "removed", (json_int_t)removed));
}

static void set_paused(const i4_gateway *gateway, i4_http_reply *reply, bool paused) {
    i4_err err = {0};
    if (i4_db_pause(gateway->db, paused, &err) == I4_DB_FAILED) {
        i4_queue_reply_failed(reply, &err);
        return;
    }
    atomic_store_explicit(&gateway->queue->hurry, true, memory_order_relaxed);
    i4_say_jobs(gateway->queue, NULL);
    i4_queue_wake(gateway->queue);
    reply_change(gateway->queue, reply, "paused", json_boolean(paused));
}

static void pause_queue(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    set_paused(user, reply, true);
}

static void resume_queue(i4_http_request *request, i4_http_reply *reply, void *user) {
    (void)request;
    set_paused(user, reply, false);
}

const i4_route i4_queue_routes[] = {
    {.method = "GET", .pattern = "/api/queue", .handler = list},
    {.method = "POST",
     .pattern = "/api/queue",
     .body = I4_BODY_JSON,
     .body_limit = BODY_BYTES,
     .handler = add},
    {.method = "POST", .pattern = "/api/queue/restore", .body = I4_BODY_JSON, .handler = restore},
    {.method = "POST", .pattern = "/api/queue/pause", .handler = pause_queue},
    {.method = "POST", .pattern = "/api/queue/resume", .handler = resume_queue},
    {.method = "POST", .pattern = "/api/queue/cancel", .body = I4_BODY_JSON, .handler = cancel},
    {.method = "DELETE", .pattern = "/api/queue/finished", .handler = clear},
    {.method = "GET", .pattern = "/api/queue/{id:int}", .handler = one},
    {.method = "PATCH",
     .pattern = "/api/queue/{id:int}",
     .body = I4_BODY_JSON,
     .body_limit = BODY_BYTES,
     .handler = i4_queue_change},
    {.method = "DELETE", .pattern = "/api/queue/{id:int}", .handler = drop},
    {.method = "POST",
     .pattern = "/api/queue/{id:int}/retry",
     .body = I4_BODY_JSON,
     .handler = i4_queue_retry},
    {.method = "GET", .pattern = "/api/queue/{id:int}/preview", .handler = preview},
    {0}};
