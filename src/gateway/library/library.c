/* Routes of what is stored: pictures, their files, prompts, favourites, the last form
 * (docs/http-api.md 3.8 to 3.12).
 *
 * Numbers that no row can have (below 0, beyond 64 bits) are asked for like any other and are not
 * found. Files are removed after the commit. */
#include "base/limits.h"
#include "gateway/events/events.h"
#include "gateway/gateway.h"
#include "gateway/library/cursor.h"
#include "gateway/library/filters.h"
#include "gateway/library/reply.h"
#include "gateway/library/trash.h"
#include "gateway/names.h"
#include "http/wire.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    HLD_CHARACTERS = 12000,
    PROMPTS_OF_PAGE = 200,
    PROMPTS_AT_MOST = 500,
    QUERY_CHARACTERS = 1000,
    FORM_BODY_BYTES = 8 << 20 /* a form of 1 MiB with every character escaped, and more */
};

static const int64_t no_id = INT64_MIN; /* an id that no row has and that means no "any" either */

/* --- shared -------------------------------------------------------------------------------- */

static void reply_ok(i4_http_reply *reply, bool ok) {
    i4_reply_json(reply, 200, json_pack("{s:b}", "ok", ok));
}

static void reply_not_found(i4_http_reply *reply) {
    i4_reply_error(reply, 404, "not found");
}

/* What most handlers end with: the value for OK, else 404 with the sentence, else the failure. */
static void reply_result(i4_http_reply *reply, i4_db_result result, json_t *value,
                         const char *missing, const i4_err *err) {
    switch (result) {
    case I4_DB_OK:
        i4_reply_json(reply, 200, value);
        break;
    case I4_DB_NONE:
        i4_reply_error(reply, 404, "%s", missing);
        break;
    case I4_DB_FAILED:
        i4_library_fail(reply, err);
        break;
    }
}

/* -1 means "none" or "any" to the database; asked for by a client it is an id without a row. */
static int64_t asked_id(int64_t id) {
    return id < 0 ? no_id : id;
}

static int64_t path_id(const i4_http_request *request, const char *name) {
    return asked_id(i4_req_id(request, name));
}

/* Listeners hear of it; id -1: of many. */
static void say_image(const i4_gateway *g, const char *change, int64_t id, int64_t prompt_id) {
    json_t *ids = id >= 0 ? json_pack("[I]", (json_int_t)id) : NULL;
    i4_events_image(g->events, change, ids, prompt_id);
}

/* --- for other modules --------------------------------------------------------------------- */

bool i4_output_path(const i4_gateway *gateway, const char *name, char *out, size_t size) {
    return i4_name_find(gateway->settings->output_dir, name, out, size);
}

const char *i4_output_type(const char *name) {
    return i4_name_type(name);
}

/* The stack as a list; null if there is none or it is no list. */
static json_t *stack_of(json_t *row) {
    const char *text = json_string_value(json_object_get(row, "lora_stack_json"));
    json_t *stack = text ? json_loads(text, 0, NULL) : NULL;
    if (!json_is_array(stack)) {
        json_decref(stack);
        return json_null();
    }
    return stack;
}

json_t *i4_image_ref(json_t *row, const char *fallback_hld) {
    static const char *const copied[] = {"prompt_id", "parent_image_id", "seed",
                                         "preset",    "width",           "height",
                                         "lora_name", "lora_strength"};
    const json_int_t id = json_integer_value(json_object_get(row, "id"));
    const char *hld = json_string_value(json_object_get(row, "hld"));
    if (!hld || !hld[0]) {
        hld = fallback_hld ? fallback_hld : "";
    }
    char url[64], clock[16] = "";
    snprintf(url, sizeof url, "/api/images/%" JSON_INTEGER_FORMAT "/file", id);
    const time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local)) {
        strftime(clock, sizeof clock, "%H:%M:%S", &local);
    }
    json_t *ref = json_pack("{s:I,s:s,s:s,s:s}", "id", id, "url", url, "hld", hld, "time", clock);
    bool good = ref != NULL;
    for (size_t i = 0; good && i < sizeof copied / sizeof copied[0]; i++) {
        json_t *value = json_object_get(row, copied[i]);
        good = json_object_set(ref, copied[i], value ? value : json_null()) == 0;
    }
    if (!good || json_object_set_new(ref, "applied_loras", stack_of(row)) != 0) {
        json_decref(ref);
        return NULL;
    }
    return ref;
}

/* --- pictures ------------------------------------------------------------------------------ */

typedef struct listing {
    bool has_prompt, linked, orphans;
    int64_t prompt_id, limit;
} listing;

/* Without a limit of its own a list has the configured one; the versions of one prompt and
 * limit=0 have none. */
static bool read_listing(const i4_gateway *g, i4_http_request *request, i4_http_reply *reply,
                         listing *l) {
    i4_check c;
    i4_check_begin(&c, request);
    l->prompt_id = no_id;
    l->has_prompt = i4_check_query_id(&c, "prompt_id", &l->prompt_id);
    l->linked = i4_check_query_bool(&c, "linked_only", false);
    l->orphans = i4_check_query_bool(&c, "orphans_only", false);
    if (!i4_check_query_int(&c, "limit", true, &l->limit)) {
        l->limit = l->has_prompt ? 0 : g->settings->db_query_limit;
    }
    if (i4_check_failed(&c, reply)) {
        return false;
    }
    l->prompt_id = l->has_prompt ? asked_id(l->prompt_id) : -1;
    l->limit = l->limit > 0 ? l->limit : -1;
    return true;
}

static void list_images(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    listing l;
    if (!read_listing(g, request, reply, &l)) {
        return;
    }
    if (l.linked && l.orphans) {
        i4_reply_error(reply, 400, "linked_only and orphans_only exclude each other; send one");
        return;
    }
    json_t *rows;
    i4_err err = {0};
    const i4_db_result result =
        i4_db_images(g->db, l.prompt_id, l.linked, l.orphans, l.limit, &rows, &err);
    reply_result(reply, result, rows, "", &err);
}

static void image_stats(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    json_t *stats;
    i4_err err = {0};
    (void)request;
    const i4_db_result result = i4_db_stats(g->db, &stats, &err);
    reply_result(reply, result, stats, "", &err);
}

static void delete_orphans(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    int64_t deleted;
    json_t *files;
    i4_err err = {0};
    (void)request;
    if (i4_db_delete_orphans(g->db, &deleted, &files, &err) == I4_DB_FAILED) {
        i4_library_fail(reply, &err);
        return;
    }
    i4_library_remove_files(g, files);
    if (deleted > 0) {
        say_image(g, "removed", -1, -1);
    }
    i4_reply_json(reply, 200, json_pack("{s:b,s:I}", "ok", 1, "deleted", (json_int_t)deleted));
}

typedef i4_db_result (*delete_fn)(i4_db *db, int64_t id, json_t **files, i4_err *err);

static void delete_rows(i4_http_request *request, i4_http_reply *reply, const i4_gateway *g,
                        const char *name, delete_fn delete_row) {
    const int64_t id = path_id(request, name);
    json_t *files;
    i4_err err = {0};
    const i4_db_result result = delete_row(g->db, id, &files, &err);
    if (result == I4_DB_FAILED) {
        i4_library_fail(reply, &err);
        return;
    }
    i4_library_remove_files(g, files);
    if (result == I4_DB_OK) {
        const bool is_image = delete_row == i4_db_delete_image;
        say_image(g, "removed", is_image ? id : -1, is_image ? -1 : id);
    }
    reply_ok(reply, result == I4_DB_OK);
}

static void delete_image(i4_http_request *request, i4_http_reply *reply, void *user) {
    delete_rows(request, reply, user, "image_id", i4_db_delete_image);
}

static const char no_image[] = "there is no such image", no_prompt[] = "there is no such prompt";

static void link_image(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    i4_check_begin(&c, request);
    const int64_t prompt_id = i4_check_id_required(&c, "prompt_id");
    if (i4_check_failed(&c, reply)) {
        return;
    }
    bool missing_prompt;
    i4_err err = {0};
    const i4_db_result result =
        i4_db_link(g->db, path_id(request, "image_id"), asked_id(prompt_id), &missing_prompt, &err);
    json_t *value = NULL;
    if (result == I4_DB_OK) {
        value = json_pack("{s:b,s:I}", "ok", 1, "prompt_id", (json_int_t)prompt_id);
        say_image(g, "changed", path_id(request, "image_id"), prompt_id);
    }
    reply_result(reply, result, value, missing_prompt ? no_prompt : no_image, &err);
}

/* form_json: text of a bounded size that is JSON of any kind; what it says is the client's. */
static const char *check_form(i4_check *c, const i4_gateway *g) {
    const size_t limit = (size_t)g->settings->max_form_bytes;
    const char *text = i4_check_string_required(c, "form_json", limit);
    if (!text || !i4_check_fine(c, "form_json")) {
        return NULL;
    }
    if (strlen(text) > limit) {
        char reason[64];
        snprintf(reason, sizeof reason, "longer than %zu bytes", limit);
        i4_check_rule(c, "form_json", reason);
        return NULL;
    }
    json_t *value;
    json_error_t error = {0};
    const i4_wire_result result = i4_wire_read(text, strlen(text), &value, &error);
    if (result == I4_WIRE_MEMORY) {
        c->out_of_memory = true;
    } else if (result != I4_WIRE_OK) {
        i4_check_rule_json(c, "form_json", &error);
    }
    json_decref(value);
    return text;
}

static void attach_history(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    int64_t asked, prompt_id;
    i4_check_begin(&c, request);
    const char *hld = i4_check_string(&c, "hld", "", 0, HLD_CHARACTERS);
    const char *form = check_form(&c, g);
    asked = i4_check_id_or_null(&c, "prompt_id", &asked) ? asked_id(asked) : -1;
    if (i4_check_failed(&c, reply)) {
        return;
    }
    bool missing_prompt;
    i4_err err = {0};
    const i4_db_result result = i4_db_attach(g->db, path_id(request, "image_id"), hld, form, asked,
                                             &prompt_id, &missing_prompt, &err);
    json_t *value = NULL;
    if (result == I4_DB_OK) {
        value = json_pack("{s:b,s:I}", "ok", 1, "prompt_id", (json_int_t)prompt_id);
        say_image(g, "changed", path_id(request, "image_id"), prompt_id);
    }
    reply_result(reply, result, value, missing_prompt ? no_prompt : no_image, &err);
}

static void serve_file(const i4_gateway *g, i4_http_request *request, i4_http_reply *reply,
                       const char *name) {
    char path[I4_LIMIT_PATH_BYTES];
    if (name && i4_output_path(g, name, path, sizeof path)) {
        i4_reply_file(request, reply, i4_output_type(name), path);
    } else {
        reply_not_found(reply);
    }
}

static void output_file(i4_http_request *request, i4_http_reply *reply, void *user) {
    serve_file(user, request, reply, i4_req_param(request, "path"));
}

/* --- prompts ------------------------------------------------------------------------------- */

/* A page, for clients that ask for one. */
static void page_prompts(i4_http_request *request, i4_http_reply *reply, const i4_gateway *g) {
    const char *q = i4_req_query(request, "q"), *cursor = i4_req_query(request, "cursor");
    char saved_at[I4_CURSOR_BYTES], next[I4_CURSOR_BYTES] = "";
    int64_t limit = PROMPTS_OF_PAGE, id = 0, total;
    i4_check c;
    i4_check_begin(&c, request);
    if (i4_check_query_int(&c, "limit", true, &limit) && (limit < 1 || limit > PROMPTS_AT_MOST)) {
        i4_check_rule_query(&c, "limit", "must be 1 to 500");
    }
    if (q && i4_characters(q) > QUERY_CHARACTERS) {
        i4_check_rule_query(&c, "q", "longer than 1000 characters; shorten it");
    }
    const bool goes_on = cursor && cursor[0];
    if (goes_on && !i4_prompt_cursor_read(cursor, saved_at, &id)) {
        i4_check_rule_query(&c, "cursor", "not the next of a page; begin without it");
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    json_t *items;
    bool has_next;
    i4_err err = {0};
    if (i4_db_prompt_page(g->db, q, goes_on ? saved_at : NULL, id, limit, &items, &total, &has_next,
                          &err) != I4_DB_OK) {
        i4_library_fail(reply, &err);
        return;
    }
    if (has_next) {
        const json_t *last = json_array_get(items, json_array_size(items) - 1);
        const char *time = json_string_value(json_object_get(last, "saved_at"));
        i4_prompt_cursor_write(time ? time : "", json_integer_value(json_object_get(last, "id")),
                               next);
    }
    i4_reply_json(reply, 200,
                  json_pack("{s:o,s:s?,s:I}", "items", items, "next", has_next ? next : NULL,
                            "total", (json_int_t)total));
}

static void list_prompts(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    json_t *rows;
    i4_err err = {0};
    if (i4_req_query(request, "cursor") || i4_req_query(request, "limit") ||
        i4_req_query(request, "q")) {
        page_prompts(request, reply, g);
        return;
    }
    const i4_db_result result = i4_db_prompts(g->db, -1, &rows, &err);
    reply_result(reply, result, rows, "", &err);
}

static void one_prompt(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    const int64_t id = path_id(request, "prompt_id");
    json_t *row;
    i4_err err = {0};
    const i4_db_result result = i4_db_prompt(g->db, id, &row, &err);
    reply_result(reply, result, row, "not found", &err);
}

static void add_prompt(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    i4_check_begin(&c, request);
    const char *hld = i4_check_string(&c, "hld", "", 0, HLD_CHARACTERS);
    const char *form = check_form(&c, g);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    int64_t id;
    i4_err err = {0};
    if (i4_db_add_prompt(g->db, hld, form, &id, &err) == I4_DB_OK) {
        i4_reply_json(reply, 200, json_pack("{s:I}", "id", (json_int_t)id));
    } else {
        i4_library_fail(reply, &err);
    }
}

static void delete_prompt(i4_http_request *request, i4_http_reply *reply, void *user) {
    delete_rows(request, reply, user, "prompt_id", i4_db_delete_prompt);
}

/* --- favourites ---------------------------------------------------------------------------- */

static void list_favorites(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    json_t *rows;
    i4_err err = {0};
    (void)request;
    const i4_db_result result = i4_db_favorites(g->db, &rows, &err);
    reply_result(reply, result, rows, "", &err);
}

static void one_favorite(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    const int64_t id = path_id(request, "favorite_id");
    json_t *row;
    i4_err err = {0};
    const i4_db_result result = i4_db_favorite(g->db, id, &row, &err);
    reply_result(reply, result, row, "there is no such favorite", &err);
}

/* A client that says "prompt_id": null names nothing, unless it names an image; one that leaves
 * the field out is answered by what is found. */
static void add_favorite(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    int64_t image_id = -1, prompt_id = no_id;
    i4_check_begin(&c, request);
    const bool by_image = i4_check_id_or_null(&c, "image_id", &image_id);
    const bool by_prompt = i4_check_id_or_null(&c, "prompt_id", &prompt_id);
    if (!by_image && json_is_null(json_object_get(i4_req_json(request), "prompt_id"))) {
        i4_check_rule(&c, "prompt_id", "image_id or prompt_id is needed");
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    json_t *row = NULL;
    i4_err err = {0};
    i4_db_result result = I4_DB_NONE;
    if (by_image ? image_id >= 0 : by_prompt) {
        result =
            i4_db_add_favorite(g->db, by_image ? image_id : -1, asked_id(prompt_id), &row, &err);
    }
    if (result == I4_DB_OK) {
        say_image(g, "changed", json_integer_value(json_object_get(row, "image_id")), -1);
    }
    reply_result(reply, result, row, "there is no image to mark as a favorite", &err);
}

static void reply_unmarked(i4_http_reply *reply, i4_db_result result, const i4_err *err) {
    if (result == I4_DB_FAILED) {
        i4_library_fail(reply, err);
    } else {
        reply_ok(reply, result == I4_DB_OK);
    }
}

static void unmark_image(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    const int64_t id = path_id(request, "image_id");
    i4_err err = {0};
    const i4_db_result result = id >= 0 ? i4_db_delete_favorite(g->db, id, -1, &err) : I4_DB_NONE;
    if (result == I4_DB_OK) {
        say_image(g, "changed", id, -1);
    }
    reply_unmarked(reply, result, &err);
}

static void unmark_prompt(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    const int64_t id = path_id(request, "prompt_id");
    i4_err err = {0};
    const i4_db_result result = i4_db_delete_favorite(g->db, -1, id, &err);
    if (result == I4_DB_OK) {
        say_image(g, "changed", -1, id);
    }
    reply_unmarked(reply, result, &err);
}

/* --- the last form ------------------------------------------------------------------------- */

static void get_form(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    json_t *text;
    i4_err err = {0};
    (void)request;
    const i4_db_result result = i4_db_form(g->db, &text, &err);
    json_t *value = result == I4_DB_OK ? json_pack("{s:o}", "form_json", text) : NULL;
    reply_result(reply, result, value, "", &err);
}

static void set_form(i4_http_request *request, i4_http_reply *reply, void *user) {
    const i4_gateway *g = user;
    i4_check c;
    i4_check_begin(&c, request);
    const char *form = check_form(&c, g);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    i4_err err = {0};
    if (i4_db_set_form(g->db, form, &err) == I4_DB_OK) {
        reply_ok(reply, true);
    } else {
        i4_library_fail(reply, &err);
    }
}

/* --- the table ----------------------------------------------------------------------------- */

#define GET(pattern, handler) \
    { "GET", pattern, I4_BODY_NONE, 0, false, false, handler }
#define DELETE(pattern, handler) \
    { "DELETE", pattern, I4_BODY_NONE, 0, false, false, handler }
#define BODY(method, pattern, limit, handler) \
    { method, pattern, I4_BODY_JSON, limit, false, false, handler }

const i4_route i4_library_routes[] = {
    GET("/api/images", list_images),
    GET("/api/images/stats", image_stats),
    DELETE("/api/images/orphans", delete_orphans), /* before an image of that name */
    DELETE("/api/images/{image_id:int}", delete_image),
    BODY("PATCH", "/api/images/{image_id:int}", 0, link_image),
    BODY("POST", "/api/images/{image_id:int}/attach-history", FORM_BODY_BYTES, attach_history),
    GET("/outputs/{path...}", output_file),
    GET("/api/prompts", list_prompts),
    BODY("POST", "/api/prompts", FORM_BODY_BYTES, add_prompt),
    GET("/api/prompts/{prompt_id:int}", one_prompt),
    DELETE("/api/prompts/{prompt_id:int}", delete_prompt),
    GET("/api/favorites", list_favorites),
    BODY("POST", "/api/favorites", 0, add_favorite),
    GET("/api/favorites/{favorite_id:int}", one_favorite),
    DELETE("/api/favorites/images/{image_id:int}", unmark_image),
    DELETE("/api/favorites/prompts/{prompt_id:int}", unmark_prompt),
    GET("/api/form", get_form),
    BODY("POST", "/api/form", FORM_BODY_BYTES, set_form),
    {0},
};
