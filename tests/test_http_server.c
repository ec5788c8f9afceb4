/* The server over real loopback sockets: routing, the rows of docs/http-api.md 2.4, what is refused
 * before routing, files and ranges, the static page, streams, load, stopping. */
#include "base/os.h"
#include "folder.h"
#include "http/private.h"
#include "http/validate.h"
#include "http/wire.h"
#include "http_raw.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

/* --- a service to ask ---------------------------------------------------------------------- */

typedef struct service {
    i4_http_server *server;
    int port;
    folder files;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open; /* guarded by lock: /slow answers once it is */
    int waiting;  /* guarded by lock: handlers inside /slow */
    int changes;  /* guarded by lock: state-changing handlers that ran */
    int beats;    /* guarded by lock: events of the stream still to send */
    int streams;  /* guarded by lock: streams that are not ended */
    int floods;   /* guarded by lock: how often the endless stream was asked */
} service;

static void count_change(service *s) {
    pthread_mutex_lock(&s->lock);
    s->changes++;
    pthread_mutex_unlock(&s->lock);
}

static void on_plain(i4_http_request *r, i4_http_reply *reply, void *user) {
    (void)r;
    (void)user;
    i4_reply_json(
        reply, 200,
        json_pack("{s:b, s:f, s:f, s:s}", "ok", 1, "x", 0.6, "y", 1.0, "z", "\xc3\xa9\"\\\n\x01/"));
}

static void on_item(i4_http_request *r, i4_http_reply *reply, void *user) {
    (void)user;
    i4_reply_json(reply, 200, json_pack("{s:I}", "id", (json_int_t)i4_req_id(r, "id")));
}

static void on_text(i4_http_request *r, i4_http_reply *reply, void *user) {
    (void)user;
    i4_reply_text(reply, 200, "text/plain", i4_req_param(r, "path"));
}

static void on_all(i4_http_request *r, i4_http_reply *reply, void *user) {
    (void)r;
    count_change(user);
    i4_reply_json(reply, 200, json_pack("{s:b}", "all", 1));
}

static void on_patch(i4_http_request *r, i4_http_reply *reply, void *user) {
    i4_check c;
    i4_check_begin(&c, r);
    const int64_t prompt = i4_check_id_required(&c, "prompt_id");
    if (i4_check_failed(&c, reply)) {
        return;
    }
    count_change(user);
    i4_reply_json(reply, 200,
                  json_pack("[I, I]", (json_int_t)i4_req_id(r, "id"), (json_int_t)prompt));
}

static void on_typed(i4_http_request *r, i4_http_reply *reply, void *user) {
    i4_check c;
    int64_t quality = -5;
    i4_check_begin(&c, r);
    i4_check_object_required(&c, "caption");
    const int64_t width = i4_check_int(&c, "width", 1024);
    if (i4_check_fine(&c, "width") && width % 16 != 0) {
        i4_check_rule(&c, "width", "not a multiple of 16");
    }
    const int64_t height = i4_check_int(&c, "height", 1024);
    if (i4_check_fine(&c, "height") && height % 16 != 0) {
        i4_check_rule(&c, "height", "not a multiple of 16");
    }
    const double strength = i4_check_float(&c, "strength", 0.6);
    const char *name = i4_check_string(&c, "name", "none", 1, 5);
    i4_check_int_or_null(&c, "quality", &quality);
    i4_check_objects_or_null(&c, "loras");
    json_t *images = i4_check_strings_or_null(&c, "images");
    if (images && json_array_size(images) > 0 &&
        strcmp(json_string_value(json_array_get(images, 0)), "bad") == 0) {
        i4_check_rule_at(&c, "images", 0, "not base64");
    }
    if (json_object_get(c.body, "either")) {
        i4_check_object_or_string(&c, "either");
    }
    if (json_object_get(c.body, "scale") &&
        json_integer_value(json_object_get(c.body, "scale")) != 2) {
        i4_check_rule_enum(&c, "scale", "2 or 4");
    }
    const char *form = i4_check_string(&c, "form_json", "{}", 0, 0);
    json_t *parsed = NULL;
    json_error_t error;
    if (i4_wire_read(form, strlen(form), &parsed, &error) != I4_WIRE_OK) {
        i4_check_rule_json(&c, "form_json", &error);
    }
    json_decref(parsed);
    if (json_object_get(c.body, "whole")) {
        i4_check_rule_body(&c, "nothing to do");
    }
    if (i4_check_failed(&c, reply)) {
        return;
    }
    count_change(user);
    i4_reply_json(reply, 200,
                  json_pack("[I, I, f, s, I]", (json_int_t)width, (json_int_t)height, strength,
                            name, (json_int_t)quality));
}

static void on_free(i4_http_request *r, i4_http_reply *reply, void *user) {
    count_change(user);
    i4_reply_json(reply, 200, json_incref(i4_req_json(r)));
}

static void on_query(i4_http_request *r, i4_http_reply *reply, void *user) {
    i4_check c;
    int64_t prompt = -7, limit = -7;
    (void)user;
    i4_check_begin(&c, r);
    i4_check_query_id(&c, "prompt_id", &prompt);
    const bool linked = i4_check_query_bool(&c, "linked_only", false);
    i4_check_query_int(&c, "limit", true, &limit);
    if (!i4_check_failed(&c, reply)) {
        i4_reply_json(reply, 200,
                      json_pack("[I, b, I]", (json_int_t)prompt, linked, (json_int_t)limit));
    }
}

static void on_file(i4_http_request *r, i4_http_reply *reply, void *user) {
    service *s = user;
    i4_reply_file(r, reply, "image/png", folder_at(&s->files, i4_req_param(r, "name")));
}

static void on_slow(i4_http_request *r, i4_http_reply *reply, void *user) {
    service *s = user;
    (void)r;
    pthread_mutex_lock(&s->lock);
    s->waiting++;
    pthread_cond_broadcast(&s->changed);
    while (!s->is_open) {
        pthread_cond_wait(&s->changed, &s->lock);
    }
    s->waiting--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    i4_reply_json(reply, 200, json_true());
}

static void on_mute(i4_http_request *r, i4_http_reply *reply, void *user) {
    (void)r;
    (void)reply;
    (void)user;
}

static bool next_event(void *user, i4_buf *out) {
    service *s = user;
    pthread_mutex_lock(&s->lock);
    while (s->beats > 0) {
        i4_buf_addf(out, "data: %d\n\n", s->beats--);
    }
    const bool goes_on = s->beats == 0;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void end_events(void *user) {
    service *s = user;
    pthread_mutex_lock(&s->lock);
    s->streams--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_events(i4_http_request *r, i4_http_reply *reply, void *user) {
    service *s = user;
    (void)r;
    pthread_mutex_lock(&s->lock);
    s->streams++;
    pthread_mutex_unlock(&s->lock);
    i4_reply_stream(reply, "text/event-stream", next_event, end_events, s);
}

/* Has always more to say. */
static bool next_flood(void *user, i4_buf *out) {
    service *s = user;
    pthread_mutex_lock(&s->lock);
    s->floods++;
    pthread_mutex_unlock(&s->lock);
    while (out->len < I4_STREAM_BYTES) {
        i4_buf_adds(out, "data: 0123456789 0123456789 0123456789 0123456789\n\n");
    }
    return true;
}

static void on_flood(i4_http_request *r, i4_http_reply *reply, void *user) {
    service *s = user;
    assert_ptr_equal(i4_req_server(r), s->server);
    pthread_mutex_lock(&s->lock);
    s->streams++;
    pthread_mutex_unlock(&s->lock);
    i4_reply_stream(reply, "text/event-stream", next_flood, end_events, s);
}

static const i4_route routes[] = {
    {.method = "GET", .pattern = "/api/plain", .handler = on_plain},
    {.method = "DELETE", .pattern = "/api/items/all", .handler = on_all},
    {.method = "GET", .pattern = "/api/items/{id:int}", .handler = on_item},
    {.method = "DELETE", .pattern = "/api/items/{id:int}", .handler = on_item},
    {.method = "PATCH",
     .pattern = "/api/items/{id:int}",
     .body = I4_BODY_JSON,
     .handler = on_patch},
    {.method = "POST",
     .pattern = "/api/typed",
     .body = I4_BODY_JSON,
     .body_limit = 1 << 20,
     .handler = on_typed},
    {.method = "POST",
     .pattern = "/api/free",
     .body = I4_BODY_JSON,
     .free_form = true,
     .handler = on_free},
    {.method = "POST", .pattern = "/api/bare", .handler = on_all},
    {.method = "GET", .pattern = "/api/query", .handler = on_query},
    {.method = "GET", .pattern = "/api/file/{name}", .handler = on_file},
    {.method = "GET", .pattern = "/api/slow", .slow = true, .handler = on_slow},
    {.method = "GET", .pattern = "/api/mute", .handler = on_mute},
    {.method = "GET", .pattern = "/api/events", .handler = on_events},
    {.method = "GET", .pattern = "/api/flood", .handler = on_flood},
    {.method = "GET", .pattern = "/outputs/{path...}", .handler = on_text},
    {.method = NULL},
};

static const char *const origins[] = {"http://localhost:5173", "http://127.0.0.1:5173", NULL};
static const char *const further_hosts[] = {"studio.lan", "proxy.lan:443", NULL};

static void service_start(service *s, i4_http_options options) {
    i4_err err;
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    folder_make(&s->files, "http_server");
    options.host = "127.0.0.1";
    options.routes = routes;
    options.user = s;
    s->server = i4_http_start(&options, &err);
    if (!s->server) {
        fail_msg("%s", err.text);
    }
    s->port = i4_http_port(s->server);
}

static void service_stop(service *s) {
    pthread_mutex_lock(&s->lock);
    s->is_open = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    assert_true(i4_http_stop(s->server, 10));
    folder_remove(&s->files);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

static service *shared;

static int set_up(void **state) {
    static service s;
    (void)state;
    service_start(&s, (i4_http_options){.origins = origins, .hosts = further_hosts});
    shared = &s;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    service_stop(shared);
    return 0;
}

static void expect(const char *method, const char *target, const char *lines, const char *body,
                   int status, const char *text) {
    raw_answer a = raw_ask(shared->port, method, target, lines, body);
    if (a.status != status || (text && strcmp(a.body, text) != 0)) {
        fail_msg("%s %s %s %s: %d %s, expected %d %s", method, target, lines ? lines : "",
                 body ? body : "", a.status, a.body, status, text ? text : "");
    }
    raw_free(&a);
}

static int change_count(void) {
    pthread_mutex_lock(&shared->lock);
    const int count = shared->changes;
    pthread_mutex_unlock(&shared->lock);
    return count;
}

/* --- answers and routes -------------------------------------------------------------------- */

static void http_server_json_is_compact_unescaped_and_short(void **state) {
    (void)state;
    raw_answer a = raw_ask(shared->port, "GET", "/api/plain", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body,
                        "{\"ok\":true,\"x\":0.6,\"y\":1.0,\"z\":\"\xc3\xa9\\\"\\\\\\n\\u0001/\"}");
    assert_string_equal(raw_header(&a, "Content-Type"), "application/json");
    assert_string_equal(raw_header(&a, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(raw_header(&a, "X-Frame-Options"), "DENY");
    assert_string_equal(raw_header(&a, "Cross-Origin-Resource-Policy"), "same-origin");
    assert_string_equal(raw_header(&a, "Content-Security-Policy"), "default-src 'self'");
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "");
    assert_string_equal(raw_header(&a, "Cache-Control"), "");
    raw_free(&a);
}

static void http_server_routes_answer_as_the_contract_says(void **state) {
    static const struct {
        const char *method, *target;
        int status;
        const char *body;
    } rows[] = {
        {"GET", "/api/items/5", 200, "{\"id\":5}"},
        {"DELETE", "/api/items/all", 200, "{\"all\":true}"},
        {"DELETE", "/api/items/7", 200, "{\"id\":7}"},
        {"GET", "/api/items/%35", 200, "{\"id\":5}"},
        {"GET", "/api/items/+5", 200, "{\"id\":5}"},
        {"GET", "/api/items/99999999999999999999", 200, "{\"id\":-1}"},
        {"GET", "/api/items/-3", 200, "{\"id\":-1}"},
        {"GET", "/api/items/9223372036854775807", 200, "{\"id\":9223372036854775807}"},
        {"GET", "/api/items/", 404, "{\"detail\":\"Not Found\"}"},
        {"GET", "/api/items/5/", 404, "{\"detail\":\"Not Found\"}"},
        {"GET", "/api/items/5/6", 404, "{\"detail\":\"Not Found\"}"},
        {"GET", "/api/items/5%00", 404, "{\"detail\":\"Not Found\"}"},
        {"GET", "/api/items/%ff", 404, "{\"detail\":\"Not Found\"}"},
        {"GET", "/nowhere", 404, "{\"detail\":\"Not Found\"}"},
        {"GET", "/", 404, "{\"detail\":\"Not Found\"}"},
        {"POST", "/api/plain", 405, "{\"detail\":\"Method Not Allowed\"}"},
        {"OPTIONS", "/api/plain", 405, "{\"detail\":\"Method Not Allowed\"}"},
        {"TRACE", "/api/plain", 405, "{\"detail\":\"Method Not Allowed\"}"},
        {"GET", "/outputs/a/b%20c.png", 200, "a/b c.png"},
        {"GET", "/outputs/..%2f..%2fetc", 200, "../../etc"},
        {"GET", "/api/mute", 500, "{\"error\":\"internal error: the request was not answered\"}"},
        {"GET", "/api/query", 200, "[-7,false,-7]"},
        {"GET", "/api/query?prompt_id=3&linked_only=1&limit=0&other=x", 200, "[3,true,0]"},
        {"GET", "/api/query?linked_only=OFF&limit=+1&limit=2", 200, "[-7,false,2]"},
        {"GET", "/api/query?linked_only=%59es&limit=%202.0%20", 200, "[-7,true,2]"},
        {"GET", "/api/query?prompt_id=9223372036854775808", 200, "[-1,false,-7]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect(rows[i].method, rows[i].target, NULL, NULL, rows[i].status, rows[i].body);
    }
}

static void http_server_wrong_method_lists_all_methods(void **state) {
    (void)state;
    raw_answer a = raw_ask(shared->port, "PUT", "/api/items/5", NULL, NULL);
    assert_int_equal(a.status, 405);
    assert_string_equal(raw_header(&a, "Allow"), "GET, HEAD, DELETE, PATCH");
    raw_free(&a);
}

static void http_server_head_answers_like_get(void **state) {
    (void)state;
    raw_answer get = raw_ask(shared->port, "GET", "/api/items/5", NULL, NULL);
    raw_answer head = raw_ask(shared->port, "HEAD", "/api/items/5", NULL, NULL);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.size, 0);
    assert_string_equal(raw_header(&head, "Content-Length"), "8");
    assert_int_equal(get.size, 8);
    raw_free(&get);
    raw_free(&head);
}

static void http_server_connection_is_kept_and_pipelined(void **state) {
    char text[512];
    (void)state;
    const int used = snprintf(text, sizeof text,
                              "GET /api/items/1 HTTP/1.1\r\nHost: localhost:%d\r\n\r\n"
                              "POST /api/free HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: "
                              "application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"
                              "GET /api/items/2 HTTP/1.1\r\nHost: localhost:%d\r\nConnection: "
                              "close\r\n\r\n",
                              shared->port, shared->port, shared->port);
    raw_answer a = raw_exchange(shared->port, text, (size_t)used);
    const char *first = strstr(a.text, "{\"id\":1}"), *second = strstr(a.text, "{\"a\":1}");
    assert_true(first && second && second > first && strstr(second, "{\"id\":2}"));
    raw_free(&a);
}

static void http_server_malformed_requests_get_a_4xx(void **state) {
    static const char *const requests[] = {
        "GET\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET /api/plain HTTP/1.1\r\n\r\n",
        "GET /api/plain HTTP/1.0\r\n\r\n",
        "GET http://127.0.0.1/api/plain HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /api/plain#x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "GET /api/plain HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        "POST /api/free HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        const int fd = raw_connect(shared->port);
        raw_say(fd, requests[i]);
        shutdown(fd, SHUT_WR);
        raw_answer a = raw_read(fd);
        if (a.status != 0 && (a.status < 400 || a.status > 499)) {
            fail_msg("%s: %s", requests[i], a.text);
        }
        raw_free(&a);
        close(fd);
    }
}

/* --- rows of 2.4 --------------------------------------------------------------------------- */

#define JSON "Content-Type: application/json\r\n"
#define ROW(text) "{\"detail\":[" text "]}"
#define LOC(where) "\"loc\":[\"body\"" where "]"
#define VALUE_ERROR(where, msg, input)                                                           \
    "{\"type\":\"value_error\"," LOC(where) ",\"msg\":\"Value error, " msg "\",\"input\":" input \
                                            ",\"ctx\":{\"error\":{}}}"
#define INT_PARSING "\"Input should be a valid integer, unable to parse string as an integer\""

static void http_server_every_validation_row_is_exact(void **state) {
    static const struct {
        const char *lines, *body, *answer;
    } rows[] = {
        /* B */
        {JSON, "",
         ROW("{\"type\":\"missing\"," LOC() ",\"msg\":\"Field required\",\"input\":null}")},
        {NULL, NULL,
         ROW("{\"type\":\"missing\"," LOC() ",\"msg\":\"Field required\",\"input\":null}")},
        {JSON, " null ",
         ROW("{\"type\":\"missing\"," LOC() ",\"msg\":\"Field required\",\"input\":null}")},
        /* C */
        {JSON, "[1]",
         ROW("{\"type\":\"model_attributes_type\"," LOC() ",\"msg\":\"Input should be a valid "
                                                          "dictionary or object to extract fields "
                                                          "from\",\"input\":[1]}")},
        {JSON, "\"x\"",
         ROW("{\"type\":\"model_attributes_type\"," LOC() ",\"msg\":\"Input should be a valid "
                                                          "dictionary or object to extract fields "
                                                          "from\",\"input\":\"x\"}")},
        {NULL, "{\"a\":1}",
         ROW("{\"type\":\"model_attributes_type\"," LOC() ",\"msg\":\"Input should be a valid "
                                                          "dictionary or object to extract fields "
                                                          "from\",\"input\":\"{\\\"a\\\":1}\"}")},
        {"Content-Type: application/xml\r\n", "{}",
         ROW("{\"type\":\"model_attributes_type\"," LOC() ",\"msg\":\"Input should be a valid "
                                                          "dictionary or object to extract fields "
                                                          "from\",\"input\":\"{}\"}")},
        /* D */
        {JSON, "{\"width\":16}",
         ROW("{\"type\":\"missing\"," LOC(
             ",\"caption\"") ",\"msg\":\"Field required\",\"input\":{\"width\":16}}")},
        /* E, F, G, G2 */
        {JSON, "{\"caption\":{},\"width\":null}",
         ROW("{\"type\":\"int_type\"," LOC(
             ",\"width\"") ",\"msg\":\"Input should be a valid integer\",\"input\":null}")},
        {JSON, "{\"caption\":{},\"width\":[1]}",
         ROW("{\"type\":\"int_type\"," LOC(
             ",\"width\"") ",\"msg\":\"Input should be a valid integer\",\"input\":[1]}")},
        {JSON, "{\"caption\":{},\"width\":\"x\"}",
         ROW("{\"type\":\"int_parsing\"," LOC(",\"width\"") ",\"msg\":" INT_PARSING
                                                            ",\"input\":\"x\"}")},
        {JSON, "{\"caption\":{},\"width\":1.5}",
         ROW("{\"type\":\"int_from_float\"," LOC(
             ",\"width\"") ",\"msg\":\"Input should be a valid integer, got a number with a "
                           "fractional part\",\"input\":1.5}")},
        {JSON, "{\"caption\":{},\"width\":1e30}",
         ROW("{\"type\":\"int_parsing_size\"," LOC(
             ",\"width\"") ",\"msg\":\"Unable to parse input string as an integer, exceeded "
                           "maximum size\",\"input\":1e+30}")},
        {JSON, "{\"caption\":{},\"width\":9223372036854775808}",
         ROW("{\"type\":\"int_parsing_size\"," LOC(
             ",\"width\"") ",\"msg\":\"Unable to parse input string as an integer, exceeded "
                           "maximum size\",\"input\":9.223372036854776e+18}")},
        /* H */
        {JSON, "{\"caption\":{},\"strength\":null}",
         ROW("{\"type\":\"float_type\"," LOC(
             ",\"strength\"") ",\"msg\":\"Input should be a valid number\",\"input\":null}")},
        {JSON, "{\"caption\":{},\"strength\":\"nan\"}",
         ROW("{\"type\":\"float_parsing\"," LOC(
             ",\"strength\"") ",\"msg\":\"Input should be a valid number, unable to parse string "
                              "as a number\",\"input\":\"nan\"}")},
        /* I, J, K */
        {JSON, "{\"caption\":{},\"name\":5}",
         ROW("{\"type\":\"string_type\"," LOC(
             ",\"name\"") ",\"msg\":\"Input should be a valid string\",\"input\":5}")},
        {JSON, "{\"caption\":{},\"name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"}",
         ROW("{\"type\":\"string_too_long\"," LOC(
             ",\"name\"") ",\"msg\":\"String should have at most 5 "
                          "characters\",\"input\":"
                          "\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\",\"ctx\":{\"max_"
                          "length\":5}}")},
        {JSON, "{\"caption\":{},\"name\":\"\"}",
         ROW("{\"type\":\"string_too_short\"," LOC(
             ",\"name\"") ",\"msg\":\"String should have at least 1 "
                          "character\",\"input\":\"\",\"ctx\":{\"min_length\":1}}")},
        /* L, M */
        {JSON, "{\"caption\":\"x\"}",
         ROW("{\"type\":\"dict_type\"," LOC(
             ",\"caption\"") ",\"msg\":\"Input should be a valid dictionary\",\"input\":\"x\"}")},
        {JSON, "{\"caption\":{},\"loras\":{}}",
         ROW("{\"type\":\"list_type\"," LOC(
             ",\"loras\"") ",\"msg\":\"Input should be a valid list\",\"input\":{}}")},
        {JSON, "{\"caption\":{},\"loras\":[{},3]}",
         ROW("{\"type\":\"dict_type\"," LOC(
             ",\"loras\",1") ",\"msg\":\"Input should be a valid dictionary\",\"input\":3}")},
        {JSON, "{\"caption\":{},\"images\":[true]}",
         ROW("{\"type\":\"string_type\"," LOC(
             ",\"images\",0") ",\"msg\":\"Input should be a valid string\",\"input\":true}")},
        /* P */
        {JSON, "{\"caption\":{},\"scale\":3}",
         ROW("{\"type\":\"literal_error\"," LOC(
             ",\"scale\"") ",\"msg\":\"Input should be 2 or "
                           "4\",\"input\":3,\"ctx\":{\"expected\":\"2 or 4\"}}")},
        /* Q, R, S, T */
        {JSON, "{\"caption\":{},\"width\":1000,\"height\":\"x\"}",
         ROW(VALUE_ERROR(
             ",\"width\"", "not a multiple of 16",
             "1000") ",{\"type\":\"int_parsing\"," LOC(",\"height\"") ",\"msg\":" INT_PARSING
                                                                      ",\"input\":\"x\"}")},
        {JSON, "{\"caption\":{},\"images\":[\"bad\"]}",
         ROW(VALUE_ERROR(",\"images\",0", "not base64", "\"bad\""))},
        {JSON, "{\"caption\":{},\"whole\":1}",
         ROW(VALUE_ERROR("", "nothing to do", "{\"caption\":{},\"whole\":1}"))},
        {JSON, "{\"caption\":{},\"whole\":1,\"width\":1}",
         ROW(VALUE_ERROR(",\"width\"", "not a multiple of 16", "1"))},
        {JSON, "{\"caption\":{},\"either\":4}",
         ROW("{\"type\":\"dict_type\"," LOC(
             ",\"either\",\"dict[any,any]\"") ",\"msg\":\"Input should be a valid "
                                              "dictionary\",\"input\":4},{\"type\":\"string_"
                                              "type\"," LOC(",\"either\",\"str\"") ",\"msg\":"
                                                                                   "\"Input should "
                                                                                   "be a valid "
                                                                                   "string\","
                                                                                   "\"input\":4}")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect("POST", "/api/typed", rows[i].lines, rows[i].body, 422, rows[i].answer);
    }
    expect("POST", "/api/free", JSON, "3", 422,
           ROW("{\"type\":\"dict_type\"," LOC() ",\"msg\":\"Input should be a valid "
                                                "dictionary\",\"input\":3}"));
}

static void http_server_query_and_path_rows_are_exact(void **state) {
    (void)state;
    expect("GET", "/api/items/abc", NULL, NULL, 422,
           ROW("{\"type\":\"int_parsing\",\"loc\":[\"path\",\"id\"],\"msg\":" INT_PARSING
               ",\"input\":\"abc\"}"));
    expect("GET", "/api/query?linked_only=maybe&limit=-1&prompt_id=", NULL, NULL, 422,
           ROW("{\"type\":\"int_parsing\",\"loc\":[\"query\",\"prompt_id\"],\"msg\":" INT_PARSING
               ",\"input\":\"\"},{\"type\":\"bool_parsing\",\"loc\":[\"query\",\"linked_only\"],"
               "\"msg\":\"Input should be a valid boolean, unable to interpret "
               "input\",\"input\":\"maybe\"},{\"type\":\"greater_than_equal\",\"loc\":[\"query\","
               "\"limit\"],\"msg\":\"Input should be greater than or equal to "
               "0\",\"input\":\"-1\",\"ctx\":{\"ge\":0}}"));
    expect("GET", "/api/query?limit=99999999999999999999", NULL, NULL, 422, NULL);
    expect("PATCH", "/api/items/x", JSON, "{}", 422,
           ROW("{\"type\":\"int_parsing\",\"loc\":[\"path\",\"id\"],\"msg\":" INT_PARSING
               ",\"input\":\"x\"},{\"type\":\"missing\"," LOC(
                   ",\"prompt_id\"") ",\"msg\":\"Field "
                                     "required\",\"input\":{}}"));
    expect("PATCH", "/api/items/x", JSON, "", 422,
           ROW("{\"type\":\"int_parsing\",\"loc\":[\"path\",\"id\"],\"msg\":" INT_PARSING
               ",\"input\":\"x\"},{\"type\":\"missing\"," LOC() ",\"msg\":\"Field "
                                                                "required\",\"input\":null}"));
    expect("PATCH", "/api/items/4", JSON, "{\"prompt_id\":99999999999999999999}", 200, "[4,-1]");
}

static void http_server_invalid_json_is_row_a_alone(void **state) {
    static const char *const bodies[] = {
        "{",       "{\"a\":NaN}",      "{\"a\":Infinity}",    "{\"a\":\"\\ud800\"}",
        "{'a':1}", "{\"a\":1}}",       "{\"a\":\"\\u0000\"}", "{\"a\":1e400}",
        "nope",    "{\"a\":\"x\ny\"}", "{\"a\":01}",          "{\"a\":\"\\",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        raw_answer a = raw_ask(shared->port, "PATCH", "/api/items/x", JSON, bodies[i]);
        json_t *body = json_loads(a.body, 0, NULL);
        json_t *detail = json_object_get(body, "detail");
        json_t *entry = json_array_get(detail, 0);
        assert_int_equal(a.status, 422);
        assert_int_equal(json_array_size(detail), 1);
        assert_string_equal(json_string_value(json_object_get(entry, "type")), "json_invalid");
        assert_string_equal(json_string_value(json_object_get(entry, "msg")), "JSON decode error");
        assert_true(json_is_string(json_object_get(json_object_get(entry, "ctx"), "error")));
        assert_true(json_is_integer(json_array_get(json_object_get(entry, "loc"), 1)));
        assert_int_equal(json_object_size(json_object_get(entry, "input")), 0);
        json_decref(body);
        raw_free(&a);
    }
}

static void http_server_form_json_error_repeats_the_document(void **state) {
    (void)state;
    raw_answer a = raw_ask(shared->port, "POST", "/api/typed", JSON,
                           "{\"caption\":{},\"form_json\":\"{\\n x\"}");
    json_t *body = json_loads(a.body, 0, NULL);
    json_t *entry = json_array_get(json_object_get(body, "detail"), 0);
    json_t *error = json_object_get(json_object_get(entry, "ctx"), "error");
    assert_int_equal(a.status, 422);
    assert_string_equal(json_string_value(json_object_get(entry, "type")), "value_error");
    assert_string_equal(json_string_value(json_object_get(error, "doc")), "{\n x");
    assert_int_equal(json_integer_value(json_object_get(error, "lineno")), 2);
    assert_int_equal(json_object_size(error), 5);
    json_decref(body);
    raw_free(&a);
}

static void http_server_values_are_coerced_as_in_the_contract(void **state) {
    (void)state;
    expect("POST", "/api/typed", JSON,
           "{\"caption\":{},\"width\":1024.0,\"height\":\" +0_032.00 \",\"strength\":true,"
           "\"quality\":null,\"name\":\"a\"}",
           200, "[1024,32,1.0,\"a\",-5]");
    expect("POST", "/api/typed", "Content-Type: Application/Problem+JSON; charset=utf-8\r\n",
           "{\"caption\":{},\"width\":false,\"strength\":\" -1.5e-3 \",\"quality\":\"7\"}", 200,
           "[0,1024,-0.0015,\"none\",7]");
}

static void http_server_duplicate_key_keeps_first_place_and_last_value(void **state) {
    (void)state;
    expect("POST", "/api/free", JSON, "{\"b\":1,\"a\":{\"z\":1,\"y\":2},\"b\":[0.1,1e16,1e-5,-0]}",
           200, "{\"b\":[0.1,1e+16,1e-05,0],\"a\":{\"z\":1,\"y\":2}}");
}

static void http_server_encoding_depth_and_keys_are_400(void **state) {
    char body[60000] = "{\"a\":";
    size_t used = strlen(body);
    (void)state;
    expect("POST", "/api/free", JSON, "{\"a\":\"\xff\"}", 400,
           "{\"detail\":\"the text is not UTF-8\"}");
    memset(body + used, '[', 64);
    memset(body + used + 64, ']', 64);
    memcpy(body + used + 128, "}", 2); /* 65 levels */
    expect("POST", "/api/free", JSON, body, 400, "{\"detail\":\"nested too deeply\"}");
    body[used + 127] = '}';
    body[used + 128] = '\0';
    memmove(body + used, body + used + 1, strlen(body + used));
    expect("POST", "/api/free", JSON, body, 200, NULL);
    used = 0;
    for (int i = 0; i < 10001; i++) {
        used += (size_t)snprintf(body + used, sizeof body - used, "%c\"\":1", i ? ',' : '{');
    }
    snprintf(body + used, sizeof body - used, "}");
    expect("POST", "/api/free", JSON, body, 400, "{\"detail\":\"too many keys\"}");
}

static void http_server_long_strings_are_cut_in_a_422(void **state) {
    char body[8000] = "{\"caption\":\"";
    (void)state;
    const size_t used = strlen(body);
    memset(body + used, 'x', 7000);
    memcpy(body + used + 7000, "\"}", 3);
    raw_answer a = raw_ask(shared->port, "POST", "/api/typed", JSON, body);
    assert_int_equal(a.status, 422);
    assert_true(a.size < 1400);
    json_t *value = json_loads(a.body, 0, NULL);
    assert_non_null(value);
    json_decref(value);
    raw_free(&a);
    /* the raw body of another type too */
    a = raw_ask(shared->port, "POST", "/api/typed", NULL, body);
    assert_int_equal(a.status, 422);
    assert_true(a.size < 1400);
    raw_free(&a);
}

/* --- limits --------------------------------------------------------------------------------- */

static void http_server_large_bodies_are_413(void **state) {
    char lines[64];
    char *body = calloc(1, 100001);
    (void)state;
    assert_non_null(body);
    memset(body, ' ', 100000);
    expect("POST", "/api/free", JSON, body, 413, NULL);
    expect("POST", "/api/bare", NULL, body, 200, "{\"all\":true}"); /* ignored */
    free(body);
    /* said, never sent */
    snprintf(lines, sizeof lines, JSON "Content-Length: 99999999999\r\n");
    expect("POST", "/api/free", lines, NULL, 413, NULL);
    expect("POST", "/api/free", "Expect: 100-continue\r\n" JSON "Content-Length: 70000\r\n", NULL,
           413, NULL);
}

static void http_server_chunks_without_end_are_refused(void **state) {
    char text[256];
    static char chunk[65536 + 16];
    (void)state;
    const int fd = raw_connect(shared->port);
    snprintf(text, sizeof text,
             "POST /api/free HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nTransfer-Encoding: "
             "chunked\r\n" JSON "Connection: close\r\n\r\n",
             shared->port);
    raw_say(fd, text);
    memset(chunk, ' ', sizeof chunk);
    memcpy(chunk, "10000\r\n", 7);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    const uint64_t before = i4_memory_resident();
    bool is_open = true;
    size_t sent = 0;
    for (; is_open && sent < ((size_t)200 << 20); sent += 65536) {
        is_open = raw_send(fd, chunk, 7 + 65536 + 2);
    }
    assert_false(is_open);
    assert_true(i4_memory_resident() < before + (32 << 20));
    close(fd);
}

static void http_server_chunked_body_is_read(void **state) {
    char text[512];
    (void)state;
    const int used = snprintf(text, sizeof text,
                              "POST /api/free HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                              "Transfer-Encoding: chunked\r\n" JSON "Connection: close\r\n\r\n"
                              "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
                              shared->port);
    raw_answer a = raw_exchange(shared->port, text, (size_t)used);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "{\"a\":1}");
    raw_free(&a);
}

static void http_server_large_heads_are_refused(void **state) {
    char *lines = calloc(1, 70000);
    (void)state;
    assert_non_null(lines);
    memcpy(lines, "X-Long: ", 8);
    memset(lines + 8, 'a', 17000);
    memcpy(lines + 17008, "\r\n", 3);
    expect("GET", "/api/plain", lines, NULL, 431, NULL);
    lines[0] = '\0';
    for (int i = 0; i < 120; i++) {
        snprintf(lines + strlen(lines), 32, "X-%d: a\r\n", i);
    }
    expect("GET", "/api/plain", lines, NULL, 431, NULL);
    memset(lines, 'a', 60000);
    lines[0] = '/';
    lines[60000] = '\0';
    raw_answer a = raw_ask(shared->port, "GET", lines, NULL, NULL);
    assert_true(a.status == 0 || (a.status >= 400 && a.status < 500));
    raw_free(&a);
    free(lines);
}

/* --- Host ----------------------------------------------------------------------------------- */

static int ask_host(const char *host, const char *target) {
    char lines[700];
    snprintf(lines, sizeof lines, "Host: %s\r\n", host);
    raw_answer a = raw_ask(shared->port, "GET", target, lines, NULL);
    const int status = a.status;
    raw_free(&a);
    return status;
}

static void http_server_own_host_names_are_served(void **state) {
    static const char *const names[] = {"127.0.0.1", "localhost", "LOCALHOST", "[::1]",
                                        "studio.lan"};
    char host[64];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(host, sizeof host, "%s:%d", names[i], shared->port);
        assert_int_equal(ask_host(host, "/api/plain"), 200);
    }
    assert_int_equal(ask_host("proxy.lan:443", "/api/plain"), 200);
}

static void http_server_500_foreign_hosts_are_refused(void **state) {
    static const char *const names[] = {
        "evil.com",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "localhost.",
        "127.0.0.2",
        "127.1",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "::1",
        "[::1",
        "user@127.0.0.1",
        "127.0.0.1@evil.com",
        "",
        "127.0.0.1%00",
        "xn--localhost",
        "127.0.0.1,evil.com",
        "evil.com,127.0.0.1",
        "localhost%",
        "lo calhost",
        "proxy.lan",
    };
    static const char *const ends[] = {
        ":PORT",   ":0PORT", ":+PORT",   ":PORT0",     ":PORT/",    "",       ":",
        ":80",     ":PORT:", ":PORTx",   "@evil:PORT", ":PORT@a.b", ":99999", ":-1",
        "\\:PORT", ":PORT#", "/..:PORT", ":PORT?a",    ":%30PORT",  "::PORT",
    };
    char host[256], port[16];
    int count = 0;
    (void)state;
    snprintf(port, sizeof port, "%d", shared->port);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++, count++) {
            const char *mark = strstr(ends[k], "PORT");
            const int before = mark ? (int)(mark - ends[k]) : (int)strlen(ends[k]);
            snprintf(host, sizeof host, "%s%.*s%s%s", names[i], before, ends[k], mark ? port : "",
                     mark ? mark + 4 : "");
            const int status = ask_host(host, count % 2 ? "/api/plain" : "/nowhere");
            /* the library itself refuses an empty name */
            if (status != 421 && status != 400) {
                fail_msg("Host '%s' got %d", host, status);
            }
        }
    }
    assert_int_equal(count, 500);
    expect("GET", "/api/plain", "Host: 127.0.0.1:1\r\nHost: evil.com\r\n", NULL, 421, NULL);
}

/* --- other sites ---------------------------------------------------------------------------- */

static void http_server_no_cross_site_request_changes_anything(void **state) {
    static const char *const targets[][2] = {
        {"POST", "/api/bare"},     {"POST", "/api/free"},        {"POST", "/api/typed"},
        {"PATCH", "/api/items/1"}, {"DELETE", "/api/items/all"},
    };
    static const char *const shapes[] = {
        "Origin: http://evil.com\r\n",
        "Origin: null\r\n",
        "Origin: http://localhost\r\n",
        "Origin: http://localhost:1\r\n",
        "Origin: https://localhost:5173\r\n",
        "Origin: http://localhost:5173.evil.com\r\n",
        "Origin: http://LOCALHOST:5173\r\n",
        "Origin: *\r\n",
        "Origin: \r\n",
        "Origin: http://localhost:5173\r\nOrigin: http://evil.com\r\n",
        "Origin: file://\r\n",
        "Origin: http://evil.com\r\nSec-Fetch-Site: same-origin\r\n",
        ("Origin: null\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"
         "Sec-Fetch-Dest: document\r\n"),
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Sec-Fetch-Site: strange\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        "Sec-Fetch-Site: same-site\r\nReferer: http://localhost:5173/\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
        "Content-Type: text/plain\r\n",
        "Content-Type: text/plain; charset=utf-8; application/json\r\n",
        "Content-Type: TEXT/PLAIN\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "Content-Type: text / plain\r\n",
    };
    (void)state;
    const int before = change_count();
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            for (int with_body = 0; with_body < 2; with_body++) {
                char lines[400];
                const bool has_type = strstr(shapes[k], "Content-Type") != NULL;
                snprintf(lines, sizeof lines, "%s%s", shapes[k],
                         with_body && !has_type ? JSON : "");
                raw_answer a = raw_ask(shared->port, targets[i][0], targets[i][1], lines,
                                       with_body ? "{\"caption\":{},\"prompt_id\":1}" : NULL);
                if (a.status != 403 && a.status != 415) {
                    fail_msg("%s %s with %s: %d %s", targets[i][0], targets[i][1], lines, a.status,
                             a.body);
                }
                assert_memory_equal(a.body, "{\"error\":", 9);
                assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "");
                raw_free(&a);
            }
        }
    }
    assert_int_equal(change_count(), before);
}

static void http_server_own_and_listed_pages_may_change_things(void **state) {
    char lines[256];
    (void)state;
    expect("POST", "/api/bare", NULL, NULL, 200, NULL);
    expect("POST", "/api/bare", "Sec-Fetch-Site: same-origin\r\n", NULL, 200, NULL);
    expect("POST", "/api/bare", "Sec-Fetch-Site: none\r\n", NULL, 200, NULL);
    snprintf(lines, sizeof lines, "Origin: http://localhost:%d\r\nSec-Fetch-Site: same-site\r\n",
             shared->port);
    expect("POST", "/api/bare", lines, NULL, 200, NULL);
    expect("POST", "/api/bare", "Origin: http://127.0.0.1:5173\r\nSec-Fetch-Site: same-site\r\n",
           NULL, 200, NULL);
    /* through the page's own proxy */
    expect("POST", "/api/bare", "Origin: http://localhost:5173\r\nSec-Fetch-Site: same-origin\r\n",
           NULL, 200, NULL);
}

static void http_server_cors_answers_as_in_the_contract(void **state) {
    (void)state;
    raw_answer a =
        raw_ask(shared->port, "GET", "/api/plain", "Origin: http://localhost:5173\r\n", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "http://localhost:5173");
    assert_string_equal(raw_header(&a, "Vary"), "Origin");
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Credentials"), "");
    assert_string_equal(raw_header(&a, "Cross-Origin-Resource-Policy"), "cross-origin");
    raw_free(&a);

    /* errors too, or the page could not read them */
    a = raw_ask(shared->port, "GET", "/nowhere", "Origin: http://localhost:5173\r\n", NULL);
    assert_int_equal(a.status, 404);
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "http://localhost:5173");
    raw_free(&a);

    a = raw_ask(shared->port, "GET", "/api/plain", "Origin: http://evil.com\r\n", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "");
    raw_free(&a);

    a = raw_ask(shared->port, "OPTIONS", "/api/typed",
                "Origin: http://localhost:5173\r\nAccess-Control-Request-Method: POST\r\n"
                "Access-Control-Request-Headers: content-type,x-a\r\n",
                NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "OK");
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Methods"),
                        "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
    assert_string_equal(raw_header(&a, "Access-Control-Max-Age"), "600");
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Headers"), "content-type,x-a");
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "http://localhost:5173");
    raw_free(&a);

    expect("OPTIONS", "/api/typed",
           "Origin: http://evil.com\r\nAccess-Control-Request-Method: POST\r\n", NULL, 400,
           "Disallowed CORS origin");
    expect("OPTIONS", "/api/typed",
           "Origin: http://localhost:5173\r\nAccess-Control-Request-Method: BREW\r\n", NULL, 400,
           "Disallowed CORS method");
}

static void http_server_browsers_of_other_sites_read_nothing(void **state) {
    (void)state;
    expect("GET", "/api/plain", "Sec-Fetch-Site: cross-site\r\n", NULL, 403, NULL);
    expect("GET", "/api/plain",
           "Origin: http://evil.com\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n",
           NULL, 403, NULL);
    expect("GET", "/api/plain",
           "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: "
           "document\r\n",
           NULL, 403, NULL);
    expect("GET", "/api/plain",
           "Sec-Fetch-Site: cross-site\r\nReferer: http://localhost:5173.evil.com/\r\n", NULL, 403,
           NULL);
    /* a picture of our page on the other port */
    expect("GET", "/api/plain", "Sec-Fetch-Site: same-site\r\nReferer: http://localhost:5173/x\r\n",
           NULL, 200, NULL);
}

static void http_server_without_cors_other_origins_are_refused(void **state) {
    service s;
    char lines[128];
    (void)state;
    service_start(&s, (i4_http_options){0});
    raw_answer a = raw_ask(s.port, "GET", "/api/plain", "Origin: http://evil.com\r\n", NULL);
    assert_int_equal(a.status, 403);
    raw_free(&a);
    a = raw_ask(s.port, "OPTIONS", "/api/plain",
                "Origin: http://evil.com\r\nAccess-Control-Request-Method: GET\r\n", NULL);
    assert_int_equal(a.status, 403);
    raw_free(&a);
    snprintf(lines, sizeof lines, "Origin: http://127.0.0.1:%d\r\n", s.port);
    a = raw_ask(s.port, "POST", "/api/bare", lines, NULL);
    assert_int_equal(a.status, 200);
    raw_free(&a);
    service_stop(&s);
}

static void http_server_star_allows_all_but_null(void **state) {
    static const char *const star[] = {"*", NULL};
    service s;
    (void)state;
    service_start(&s, (i4_http_options){.origins = star});
    raw_answer a = raw_ask(s.port, "POST", "/api/bare", "Origin: http://a.b\r\n", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "*");
    assert_string_equal(raw_header(&a, "Vary"), "");
    raw_free(&a);
    a = raw_ask(s.port, "POST", "/api/bare", "Origin: null\r\n", NULL);
    assert_int_equal(a.status, 403);
    raw_free(&a);
    service_stop(&s);

    service_start(&s, (i4_http_options){.origins = star, .cors_credentials = true});
    a = raw_ask(s.port, "GET", "/api/plain", "Origin: http://a.b\r\n", NULL);
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), "http://a.b");
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Credentials"), "true");
    assert_string_equal(raw_header(&a, "Vary"), "Origin");
    raw_free(&a);
    service_stop(&s);
}

/* --- token ---------------------------------------------------------------------------------- */

static void http_server_token_is_needed_on_every_request(void **state) {
    static const char token[] = "AbCdEfGhIjKlMnOpQrStUv";
    static const struct {
        const char *lines, *target;
        int status;
    } rows[] = {
        {NULL, "/api/plain", 401},
        {NULL, "/nowhere", 401},
        {"Authorization: Bearer AbCdEfGhIjKlMnOpQrStUv\r\n", "/api/plain", 200},
        {"Authorization: bearer AbCdEfGhIjKlMnOpQrStUv\r\n", "/api/plain", 200},
        {"Authorization: Bearer AbCdEfGhIjKlMnOpQrStUw\r\n", "/api/plain", 401},
        {"Authorization: Bearer \r\n", "/api/plain", 401},
        {"Authorization: Basic AbCdEfGhIjKlMnOpQrStUv\r\n", "/api/plain", 401},
        {"Cookie: a=b; id4_token=AbCdEfGhIjKlMnOpQrStUv\r\n", "/api/plain", 200},
        {"Cookie: id4_token=AbCdEfGhIjKlMnOpQrStU\r\n", "/api/plain", 401},
        {"Cookie: xid4_token=AbCdEfGhIjKlMnOpQrStUv\r\n", "/api/plain", 401},
        {NULL, "/api/plain?token=AbCdEfGhIjKlMnOpQrStUv", 200},
        {NULL, "/api/plain?token=", 401},
    };
    service s;
    (void)state;
    service_start(&s, (i4_http_options){.token = token});
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        raw_answer a = raw_ask(s.port, "GET", rows[i].target, rows[i].lines, NULL);
        assert_int_equal(a.status, rows[i].status);
        raw_free(&a);
    }
    raw_answer a = raw_ask(s.port, "GET", "/api/plain?token=AbCdEfGhIjKlMnOpQrStUv", NULL, NULL);
    assert_string_equal(raw_header(&a, "Set-Cookie"),
                        "id4_token=AbCdEfGhIjKlMnOpQrStUv; Path=/; HttpOnly; SameSite=Strict");
    raw_free(&a);
    service_stop(&s);
}

static void http_server_open_bind_without_token_is_refused(void **state) {
    i4_err err;
    i4_http_options options = {.host = "0.0.0.0", .routes = routes};
    (void)state;
    assert_null(i4_http_start(&options, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    options.token = "short";
    assert_null(i4_http_start(&options, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
}

static void http_server_taken_port_is_named(void **state) {
    i4_err err;
    char place[32];
    (void)state;
    const i4_http_options options = {.host = "127.0.0.1", .port = shared->port, .routes = routes};
    assert_null(i4_http_start(&options, &err));
    assert_int_equal(err.status, I4_E_IO);
    snprintf(place, sizeof place, "127.0.0.1:%d", shared->port);
    assert_non_null(strstr(err.text, place));
}

/* --- files ---------------------------------------------------------------------------------- */

static void http_server_file_has_validators_and_ranges(void **state) {
    static const struct {
        const char *range;
        int status;
        const char *body, *content_range;
    } rows[] = {
        {"bytes=0-3", 206, "0123", "bytes 0-3/10"},
        {"bytes=7-", 206, "789", "bytes 7-9/10"},
        {"bytes=-2", 206, "89", "bytes 8-9/10"},
        {"bytes=-99", 206, "0123456789", "bytes 0-9/10"},
        {"BYTES = 4-4 ", 206, "4", "bytes 4-4/10"},
        {"bytes=8-99999999999999999999", 206, "89", "bytes 8-9/10"},
        {"bytes=0-3,2-5", 206, "012345", "bytes 0-5/10"},
        {"bytes=20-30,1-1", 206, "1", "bytes 1-1/10"},
        {"bytes=10-", 416, "", "bytes */10"},
        {"bytes=-0", 416, "", "bytes */10"},
        {"bytes=5-2", 400, NULL, ""},
        {"bytes=", 400, NULL, ""},
        {"bytes=-", 400, NULL, ""},
        {"bytes", 400, NULL, ""},
        {"lines=1-2", 400, NULL, ""},
        {"bytes=a-b", 400, NULL, ""},
        {"bytes=1-2;3", 400, NULL, ""},
        {"bytes=--1", 400, NULL, ""},
    };
    char lines[1200];
    (void)state;
    folder_write(&shared->files, "a.png", "0123456789");
    raw_answer a = raw_ask(shared->port, "GET", "/api/file/a.png", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, "0123456789");
    assert_string_equal(raw_header(&a, "Content-Type"), "image/png");
    assert_string_equal(raw_header(&a, "Accept-Ranges"), "bytes");
    assert_string_equal(raw_header(&a, "Content-Length"), "10");
    assert_string_equal(raw_header(&a, "Cache-Control"), "");
    assert_int_equal(strlen(raw_header(&a, "Last-Modified")), 29);
    char etag[1100];
    snprintf(etag, sizeof etag, "%s", raw_header(&a, "ETag"));
    assert_true(etag[0] == '"' && etag[strlen(etag) - 1] == '"');
    raw_free(&a);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(lines, sizeof lines, "Range: %s\r\n", rows[i].range);
        a = raw_ask(shared->port, "GET", "/api/file/a.png", lines, NULL);
        if (a.status != rows[i].status || (rows[i].body && strcmp(a.body, rows[i].body) != 0) ||
            strcmp(raw_header(&a, "Content-Range"), rows[i].content_range) != 0) {
            fail_msg("%s: %s", rows[i].range, a.text);
        }
        raw_free(&a);
    }
    /* If-Range, and no conditional GET */
    snprintf(lines, sizeof lines, "Range: bytes=0-0\r\nIf-Range: %s\r\n", etag);
    expect("GET", "/api/file/a.png", lines, NULL, 206, "0");
    expect("GET", "/api/file/a.png", "Range: bytes=0-0\r\nIf-Range: \"other\"\r\n", NULL, 200,
           "0123456789");
    snprintf(lines, sizeof lines, "If-None-Match: %s\r\n", etag);
    expect("GET", "/api/file/a.png", lines, NULL, 200, "0123456789");
}

static void http_server_several_ranges_are_one_multipart(void **state) {
    (void)state;
    folder_write(&shared->files, "m.png", "0123456789");
    raw_answer a =
        raw_ask(shared->port, "GET", "/api/file/m.png", "Range: bytes=8-8, 0-1, -1, 4-5\r\n", NULL);
    char boundary[64], expected[700];
    assert_int_equal(a.status, 206);
    assert_int_equal(
        sscanf(raw_header(&a, "Content-Type"), "multipart/byteranges; boundary=%63s", boundary), 1);
    snprintf(
        expected, sizeof expected,
        "--%s\r\nContent-Type: image/png\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
        "--%s\r\nContent-Type: image/png\r\nContent-Range: bytes 4-5/10\r\n\r\n45\r\n"
        "--%s\r\nContent-Type: image/png\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--%s--\r\n",
        boundary, boundary, boundary, boundary);
    assert_string_equal(a.body, expected);
    raw_free(&a);
}

static void http_server_only_regular_files_are_served(void **state) {
    static const char gone[] = "{\"error\":\"not found\"}";
    (void)state;
    folder_write(&shared->files, "empty.png", "");
    folder_sub(&shared->files, "folder.png");
    folder_link(&shared->files, "link.png", "/etc/passwd");
    assert_int_equal(mkfifo(folder_at(&shared->files, "fifo.png"), 0600), 0);
    expect("GET", "/api/file/empty.png", NULL, NULL, 200, "");
    expect("GET", "/api/file/empty.png", "Range: bytes=0-\r\n", NULL, 416, "");
    expect("GET", "/api/file/none.png", NULL, NULL, 404, gone);
    expect("GET", "/api/file/folder.png", NULL, NULL, 404, gone);
    expect("GET", "/api/file/link.png", NULL, NULL, 404, gone);
    expect("GET", "/api/file/fifo.png", NULL, NULL, 404, gone);
}

static void http_server_static_page_is_served_beneath_its_folder(void **state) {
    static const struct {
        const char *target;
        int status;
        const char *body;
    } rows[] = {
        {"/", 200, "page"},
        {"/history/3", 200, "page"},
        {"/index.html", 200, "page"},
        {"/assets/a-1.js", 200, "code"},
        {"/assets", 200, "page"},
        {"/assets/b.js", 404, NULL},
        {"/out.js", 404, NULL},
        {"/door/passwd.js", 404, NULL},
        {"/../secret.txt", 404, NULL},
        {"/%2e%2e/secret.txt", 404, NULL},
        {"/..%2fsecret.txt", 404, NULL},
        {"/assets/..%2f..%2fsecret.txt", 404, NULL},
        {"/..%5csecret.txt", 404, NULL},
        {"/.hidden.txt", 404, NULL},
        {"/assets/./a-1.js", 404, NULL},
        {"//etc/passwd.js", 404, NULL},
        {"/api/nowhere", 404, "{\"detail\":\"Not Found\"}"},
        {"/outputs", 404, "{\"detail\":\"Not Found\"}"},
        {"/api", 404, "{\"detail\":\"Not Found\"}"},
        {"/a%00.js", 404, NULL},
    };
    folder f;
    service s;
    (void)state;
    folder_make(&f, "http_static");
    folder_sub(&f, "web");
    folder_sub(&f, "web/assets");
    folder_write(&f, "secret.txt", "secret");
    folder_write(&f, "web/index.html", "page");
    folder_write(&f, "web/.hidden.txt", "hidden");
    folder_write(&f, "web/assets/a-1.js", "code");
    folder_link(&f, "web/out.js", "../secret.txt");
    folder_link(&f, "web/door", "/etc");
    service_start(&s, (i4_http_options){.static_dir = folder_at(&f, "web")});
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        raw_answer a = raw_ask(s.port, "GET", rows[i].target, NULL, NULL);
        if (a.status != rows[i].status || (rows[i].body && strcmp(a.body, rows[i].body) != 0)) {
            fail_msg("%s: %d %s", rows[i].target, a.status, a.body);
        }
        raw_free(&a);
    }
    raw_answer a = raw_ask(
        s.port, "GET", "/",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
        NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(raw_header(&a, "Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(raw_header(&a, "Cache-Control"), "no-cache");
    assert_non_null(
        strstr(raw_header(&a, "Content-Security-Policy"), "img-src 'self' blob: data:"));
    raw_free(&a);
    a = raw_ask(s.port, "GET", "/assets/a-1.js", NULL, NULL);
    assert_string_equal(raw_header(&a, "Cache-Control"), "public, max-age=31536000, immutable");
    raw_free(&a);
    a = raw_ask(s.port, "POST", "/", NULL, NULL);
    assert_int_equal(a.status, 405);
    assert_string_equal(raw_header(&a, "Allow"), "GET, HEAD");
    raw_free(&a);
    service_stop(&s);
    folder_remove(&f);
}

/* The nonce of the page's policy: what stands between 'nonce- and the next quote. */
static void take_nonce(const raw_answer *a, char out[64]) {
    const char *at = strstr(raw_header(a, "Content-Security-Policy"), "'nonce-");
    assert_non_null(at);
    snprintf(out, 64, "%.*s", (int)strcspn(at + 7, "'"), at + 7);
    assert_int_equal(strlen(out), 32);
}

static void http_server_static_page_has_a_fresh_nonce_and_packed_assets(void **state) {
    char first[64], second[64], wanted[160];
    folder f;
    service s;
    (void)state;
    folder_make(&f, "http_page");
    folder_sub(&f, "web");
    folder_sub(&f, "web/assets");
    folder_write(&f, "web/index.html", "<p a=\"__CSP_NONCE__\"><p b=\"__CSP_NONCE__\">");
    folder_write(&f, "web/assets/a-1.js", "code");
    folder_write(&f, "web/assets/a-1.js.gz", "packed");
    folder_write(&f, "web/assets/b-1.js", "plain");
    service_start(&s, (i4_http_options){.static_dir = folder_at(&f, "web")});
    raw_answer a = raw_ask(s.port, "GET", "/library", NULL, NULL);
    take_nonce(&a, first);
    snprintf(wanted, sizeof wanted, "<p a=\"%s\"><p b=\"%s\">", first, first);
    assert_string_equal(a.body, wanted);
    assert_null(strstr(raw_header(&a, "Content-Security-Policy"), "unsafe"));
    assert_string_equal(raw_header(&a, "Cross-Origin-Opener-Policy"), "same-origin");
    assert_string_equal(raw_header(&a, "Referrer-Policy"), "no-referrer");
    raw_free(&a);
    a = raw_ask(s.port, "GET", "/library", NULL, NULL);
    take_nonce(&a, second);
    assert_string_not_equal(first, second);
    raw_free(&a);
    static const struct {
        const char *target, *accepts, *body, *encoding;
    } rows[] = {
        {"/assets/a-1.js", "Accept-Encoding: br, gzip\r\n", "packed", "gzip"},
        {"/assets/a-1.js", "Accept-Encoding: gzip;q=0\r\n", "code", ""},
        {"/assets/a-1.js", NULL, "code", ""},
        {"/assets/b-1.js", "Accept-Encoding: gzip\r\n", "plain", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        a = raw_ask(s.port, "GET", rows[i].target, rows[i].accepts, NULL);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, rows[i].body);
        const char *encoding = raw_header(&a, "Content-Encoding");
        assert_string_equal(encoding ? encoding : "", rows[i].encoding);
        assert_string_equal(raw_header(&a, "Content-Type"), "text/javascript; charset=utf-8");
        assert_string_equal(raw_header(&a, "Vary"), "Accept-Encoding");
        snprintf(wanted, sizeof wanted, "If-None-Match: %s\r\n%s", raw_header(&a, "ETag"),
                 rows[i].accepts ? rows[i].accepts : "");
        raw_free(&a);
        a = raw_ask(s.port, "GET", rows[i].target, wanted, NULL);
        assert_int_equal(a.status, 304);
        raw_free(&a);
    }
    service_stop(&s);
    folder_remove(&f);
}

/* --- streams -------------------------------------------------------------------------------- */

static void send_events(service *s, int count) {
    pthread_mutex_lock(&s->lock);
    s->beats = count;
    pthread_mutex_unlock(&s->lock);
    i4_http_wake(s->server);
}

/* Reads until `text` was seen. */
static bool sees(int fd, const char *text) {
    char all[4096];
    size_t used = 0;
    while (used + 1 < sizeof all) {
        const ssize_t got = recv(fd, all + used, sizeof all - used - 1, 0);
        if (got <= 0) {
            return false;
        }
        used += (size_t)got;
        all[used] = '\0';
        if (strstr(all, text)) {
            return true;
        }
    }
    return false;
}

static void http_server_stream_sends_when_woken_and_ends(void **state) {
    service s;
    char text[128];
    (void)state;
    service_start(&s, (i4_http_options){0});
    snprintf(text, sizeof text,
             "GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", s.port);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_connect(s.port);
        raw_say(fds[i], text);
        assert_true(sees(fds[i], "text/event-stream"));
    }
    close(fds[1]); /* goes away without a word */
    for (int i = 1; i < 20; i++) {
        send_events(&s, 1);
        if (i % 2) {
            struct timespec pause = {.tv_nsec = 2000000};
            nanosleep(&pause, NULL);
        }
    }
    send_events(&s, -1); /* ends them */
    raw_answer a = raw_read(fds[0]);
    raw_free(&a);
    close(fds[0]);
    close(fds[2]);
    service_stop(&s);
    assert_int_equal(s.streams, 0);
}

static void http_server_stop_ends_open_streams(void **state) {
    service s;
    char text[128];
    (void)state;
    service_start(&s, (i4_http_options){0});
    snprintf(text, sizeof text,
             "GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", s.port);
    const int fd = raw_connect(s.port);
    raw_say(fd, text);
    assert_true(sees(fd, "text/event-stream"));
    service_stop(&s);
    assert_int_equal(s.streams, 0);
    close(fd);
}

static int flood_count(service *s) {
    pthread_mutex_lock(&s->lock);
    const int count = s->floods;
    pthread_mutex_unlock(&s->lock);
    return count;
}

/* A reader that does not read is asked for no more than its socket takes; others go on. */
static void http_server_stream_waits_for_its_reader(void **state) {
    enum { SOCKETS_MOST = 16 << 20, WANTED = 32 << 20 };
    service s;
    char text[128], *bytes = malloc(1 << 20);
    (void)state;
    assert_non_null(bytes);
    service_start(&s, (i4_http_options){.workers = 2});
    snprintf(text, sizeof text, "GET /api/flood HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", s.port);
    int fds[4];
    for (int i = 0; i < 4; i++) { /* more than there are workers */
        fds[i] = raw_connect(s.port);
        raw_say(fds[i], text);
    }
    for (int i = 0; i < 500; i++) {
        i4_http_wake(s.server);
        raw_answer a = raw_ask(s.port, "GET", "/api/plain", NULL, NULL);
        assert_int_equal(a.status, 200);
        raw_free(&a);
    }
    assert_true(flood_count(&s) < 4 * (SOCKETS_MOST / I4_STREAM_BYTES));
    for (size_t got = 0; got < WANTED;) { /* it goes on as it is read */
        const ssize_t part = recv(fds[0], bytes, 1 << 20, 0);
        assert_true(part > 0);
        got += (size_t)part;
    }
    assert_true(flood_count(&s) > WANTED / (2 * I4_STREAM_BYTES));
    service_stop(&s); /* clean, although three do not read */
    assert_int_equal(s.streams, 0);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
    free(bytes);
}

/* --- load ----------------------------------------------------------------------------------- */

enum { LOAD_CONNECTIONS = 200, LOAD_REQUESTS = 50, LOAD_THREADS = 10 };

typedef struct load {
    int port;
    int good; /* answers 200 */
} load;

/* Keeps its connections and asks on all of them at once. */
static void *load_main(void *user) {
    load *l = user;
    enum { MINE = LOAD_CONNECTIONS / LOAD_THREADS };
    int fds[MINE];
    char text[256], answer[2048];
    const int used = snprintf(text, sizeof text,
                              "GET /api/items/7 HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", l->port);
    for (int i = 0; i < MINE; i++) {
        fds[i] = raw_connect(l->port);
    }
    for (int round = 0; round < LOAD_REQUESTS; round++) {
        for (int i = 0; i < MINE; i++) {
            raw_send(fds[i], text, (size_t)used);
        }
        for (int i = 0; i < MINE; i++) {
            size_t size = 0;
            answer[0] = '\0';
            while (!strstr(answer, "{\"id\":7}")) {
                const ssize_t got = recv(fds[i], answer + size, sizeof answer - size - 1, 0);
                if (got <= 0) {
                    break;
                }
                size += (size_t)got;
                answer[size] = '\0';
            }
            l->good += strncmp(answer, "HTTP/1.1 200 ", 13) == 0;
        }
    }
    for (int i = 0; i < MINE; i++) {
        close(fds[i]);
    }
    return NULL;
}

static void http_server_200_connections_get_all_answers(void **state) {
    pthread_t threads[LOAD_THREADS];
    load loads[LOAD_THREADS];
    int good = 0;
    (void)state;
    for (int i = 0; i < LOAD_THREADS; i++) {
        loads[i] = (load){.port = shared->port};
        assert_int_equal(pthread_create(&threads[i], NULL, load_main, &loads[i]), 0);
    }
    for (int i = 0; i < LOAD_THREADS; i++) {
        pthread_join(threads[i], NULL);
        good += loads[i].good;
    }
    assert_int_equal(good, LOAD_CONNECTIONS * LOAD_REQUESTS);
}

static void http_server_slow_sockets_and_handlers_hold_up_nobody(void **state) {
    enum { SLOW = 200, BLOCKED = 20 };
    service s;
    int fds[SLOW + BLOCKED];
    char text[160];
    (void)state;
    service_start(&s, (i4_http_options){0});
    for (int i = 0; i < SLOW; i++) {
        static const char *const heads[] = {"", "G", "GET /api/plain HTTP/1.1\r\nHost: 12",
                                            "POST /api/free HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                            "Content-Type: application/json\r\n"
                                            "Content-Length: 100\r\n\r\n{"};
        fds[i] = raw_connect(s.port);
        snprintf(text, sizeof text, "%s", heads[i % 4]);
        if (i % 4 == 3) {
            snprintf(text, sizeof text,
                     "POST /api/free HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: "
                     "100\r\n\r\n{",
                     s.port);
        }
        raw_say(fds[i], text);
    }
    snprintf(text, sizeof text, "GET /api/slow HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", s.port);
    for (int i = SLOW; i < SLOW + BLOCKED; i++) {
        fds[i] = raw_connect(s.port);
        raw_say(fds[i], text);
    }
    pthread_mutex_lock(&s.lock);
    while (s.waiting < 8) { /* every slow worker is taken */
        pthread_cond_wait(&s.changed, &s.lock);
    }
    pthread_mutex_unlock(&s.lock);
    for (int i = 0; i < 50; i++) {
        raw_answer a = raw_ask(s.port, "GET", "/api/plain", NULL, NULL);
        assert_int_equal(a.status, 200);
        raw_free(&a);
    }
    service_stop(&s); /* opens the gate: all twenty are answered */
    for (int i = 0; i < SLOW + BLOCKED; i++) {
        if (i >= SLOW) {
            assert_true(sees(fds[i], "true"));
        }
        close(fds[i]);
    }
}

/* --- stopping ------------------------------------------------------------------------------- */

static void http_server_stop_gives_up_on_a_stuck_handler(void **state) {
    static service s; /* stays: the handler still runs */
    char text[128];
    (void)state;
    service_start(&s, (i4_http_options){.slow_workers = 1});
    snprintf(text, sizeof text, "GET /api/slow HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", s.port);
    const int fd = raw_connect(s.port), queued = raw_connect(s.port);
    raw_say(fd, text);
    pthread_mutex_lock(&s.lock);
    while (s.waiting < 1) {
        pthread_cond_wait(&s.changed, &s.lock);
    }
    pthread_mutex_unlock(&s.lock);
    raw_say(queued, text);
    assert_false(i4_http_stop(s.server, 0.1));
    raw_answer a = raw_read(fd); /* hung up or told, not left waiting */
    assert_true(a.status == 0 || a.status == 503);
    raw_free(&a);
    close(fd);
    close(queued);
    pthread_mutex_lock(&s.lock);
    s.is_open = true;
    pthread_cond_broadcast(&s.changed);
    while (s.waiting > 0) {
        pthread_cond_wait(&s.changed, &s.lock);
    }
    pthread_mutex_unlock(&s.lock);
    folder_remove(&s.files);
    struct timespec pause = {.tv_nsec = 300000000};
    nanosleep(&pause, NULL); /* the last thread frees the server: for the leak check */
}

/* The n-th call fails, whichever thread makes it. */
static atomic_int fault_countdown;
static atomic_bool fault_was_hit;

static bool fault_now(i4_fault_kind kind, size_t size, void *user) {
    (void)kind;
    (void)size;
    (void)user;
    const bool is_now = atomic_fetch_sub(&fault_countdown, 1) == 0;
    if (is_now) {
        atomic_store(&fault_was_hit, true);
    }
    return is_now;
}

static void fault_at(int n) {
    atomic_store(&fault_countdown, n);
    atomic_store(&fault_was_hit, false);
    i4_fault_set(fault_now, NULL);
}

static void http_server_start_with_each_fault_is_clean(void **state) {
    const i4_http_options options = {.routes = routes,
                                     .origins = origins,
                                     .hosts = further_hosts,
                                     .static_dir = "web",
                                     .workers = 1,
                                     .slow_workers = 1};
    bool was_hit = true;
    int n = 0;
    (void)state;
    for (; was_hit; n++) {
        i4_err err = {0};
        fault_at(n);
        i4_http_server *server = i4_http_start(&options, &err);
        i4_fault_set(NULL, NULL);
        was_hit = atomic_load(&fault_was_hit);
        if (was_hit) {
            assert_null(server);
            assert_true(err.status == I4_E_OUT_OF_MEMORY || err.status == I4_E_INTERNAL);
        } else {
            assert_non_null(server);
            assert_true(i4_http_stop(server, 5));
        }
    }
    assert_true(n > 8);
}

static void http_server_request_with_each_fault_is_answered(void **state) {
    static const struct {
        const char *method, *target, *lines, *body;
        int status;
    } asks[] = {
        {"POST", "/api/typed", JSON, "{\"caption\":{\"a\":[1,\"b\"]},\"width\":1024}", 200},
        {"POST", "/api/typed", JSON, "{\"caption\":3,\"width\":\"x\",\"scale\":3}", 422},
        {"POST", "/api/typed", NULL, "text", 422},
        {"POST", "/api/typed", JSON, "{", 422},
        {"GET", "/api/query?limit=x&linked_only=2", NULL, NULL, 422},
        {"GET", "/api/file/fault.png", "Range: bytes=0-0,4-4\r\n", NULL, 206},
        {"OPTIONS", "/api/typed",
         "Origin: http://localhost:5173\r\nAccess-Control-Request-Method: POST\r\n", NULL, 200},
    };
    (void)state;
    folder_write(&shared->files, "fault.png", "0123456789");
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        bool was_hit = true;
        for (int n = 0; was_hit; n++) {
            fault_at(n);
            raw_answer a =
                raw_ask(shared->port, asks[i].method, asks[i].target, asks[i].lines, asks[i].body);
            i4_fault_set(NULL, NULL);
            was_hit = atomic_load(&fault_was_hit);
            /* A file that cannot be opened is not found; jansson without memory says "no JSON". */
            if (a.status != asks[i].status &&
                (!was_hit || (a.status != 503 && a.status != 404 && a.status != 422))) {
                fail_msg("%s fault %d: %d %s", asks[i].target, n, a.status, a.text);
            }
            raw_free(&a);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_server_json_is_compact_unescaped_and_short),
        cmocka_unit_test(http_server_routes_answer_as_the_contract_says),
        cmocka_unit_test(http_server_wrong_method_lists_all_methods),
        cmocka_unit_test(http_server_head_answers_like_get),
        cmocka_unit_test(http_server_connection_is_kept_and_pipelined),
        cmocka_unit_test(http_server_malformed_requests_get_a_4xx),
        cmocka_unit_test(http_server_every_validation_row_is_exact),
        cmocka_unit_test(http_server_query_and_path_rows_are_exact),
        cmocka_unit_test(http_server_invalid_json_is_row_a_alone),
        cmocka_unit_test(http_server_form_json_error_repeats_the_document),
        cmocka_unit_test(http_server_values_are_coerced_as_in_the_contract),
        cmocka_unit_test(http_server_duplicate_key_keeps_first_place_and_last_value),
        cmocka_unit_test(http_server_encoding_depth_and_keys_are_400),
        cmocka_unit_test(http_server_long_strings_are_cut_in_a_422),
        cmocka_unit_test(http_server_large_bodies_are_413),
        cmocka_unit_test(http_server_chunks_without_end_are_refused),
        cmocka_unit_test(http_server_chunked_body_is_read),
        cmocka_unit_test(http_server_large_heads_are_refused),
        cmocka_unit_test(http_server_own_host_names_are_served),
        cmocka_unit_test(http_server_500_foreign_hosts_are_refused),
        cmocka_unit_test(http_server_no_cross_site_request_changes_anything),
        cmocka_unit_test(http_server_own_and_listed_pages_may_change_things),
        cmocka_unit_test(http_server_cors_answers_as_in_the_contract),
        cmocka_unit_test(http_server_browsers_of_other_sites_read_nothing),
        cmocka_unit_test(http_server_without_cors_other_origins_are_refused),
        cmocka_unit_test(http_server_star_allows_all_but_null),
        cmocka_unit_test(http_server_token_is_needed_on_every_request),
        cmocka_unit_test(http_server_open_bind_without_token_is_refused),
        cmocka_unit_test(http_server_taken_port_is_named),
        cmocka_unit_test(http_server_file_has_validators_and_ranges),
        cmocka_unit_test(http_server_several_ranges_are_one_multipart),
        cmocka_unit_test(http_server_only_regular_files_are_served),
        cmocka_unit_test(http_server_static_page_is_served_beneath_its_folder),
        cmocka_unit_test(http_server_static_page_has_a_fresh_nonce_and_packed_assets),
        cmocka_unit_test(http_server_stream_sends_when_woken_and_ends),
        cmocka_unit_test(http_server_stop_ends_open_streams),
        cmocka_unit_test(http_server_stream_waits_for_its_reader),
        cmocka_unit_test(http_server_200_connections_get_all_answers),
        cmocka_unit_test(http_server_slow_sockets_and_handlers_hold_up_nobody),
        cmocka_unit_test(http_server_stop_gives_up_on_a_stuck_handler),
        cmocka_unit_test(http_server_start_with_each_fault_is_clean),
        cmocka_unit_test(http_server_request_with_each_fault_is_answered),
    };
    json_set_alloc_funcs(i4_malloc, i4_free); /* so that its allocations fail too */
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
