/* The real programs: which paths and methods exist, how JSON goes in and out, CORS, limits
 * (docs/http-api.md 2.1 to 2.3, 2.7, 2.8). */
#include "contract_routes.h"

static stack it;

/* For requests that a client would not send. Freed by the caller. */
static raw_answer raw(who where, const char *method, const char *target, const char *lines,
                      const char *body) {
    return raw_ask(stack_port(&it, where), method, target, lines, body);
}

static void assert_raw(who where, const char *method, const char *target, const char *lines,
                       const char *body, int status, const char *exactly) {
    raw_answer a = raw(where, method, target, lines, body);
    if (a.status != status || (exactly && strcmp(a.body, exactly) != 0)) {
        fail_msg("%s %s [%s]: %d %s instead of %d %s", method, target, lines ? lines : "", a.status,
                 a.body, status, exactly ? exactly : "");
    }
    raw_free(&a);
}

/* --- routes -------------------------------------------------------------------------------- */

static void contract_every_route_exists(void **state) {
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        const known_route *r = &known_routes[i];
        int status = 0;
        const json_t *answer = ask(&it, r->where, r->method, r->path, r->body, &status);
        const char *detail = text_at(answer, "detail");
        if (status == 405 || status >= 500 || strcmp(detail, "Not Found") == 0) {
            fail_msg("%s %s: %d %s", r->method, r->path, status, text_at(answer, "error"));
        }
    }
    /* what one of them has begun */
    await(&it, DAEMON, "/model/status", "{'operation':null,'...':0}");
}

static bool lists(const char *allow, const char *method) {
    const char *found = strstr(allow, method);
    return found && (found == allow || found[-1] == ' ' || found[-1] == ',') &&
           (found[strlen(method)] == '\0' || found[strlen(method)] == ',');
}

/* I16, I15: each method of the path, HEAD beside GET, nothing else but perhaps OPTIONS. */
static void assert_allow(const known_route *r, const char *allow) {
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (lists(allow, methods[i]) != lists(r->allow, methods[i])) {
            fail_msg("%s: Allow: %s instead of %s", r->path, allow, r->allow);
        }
    }
    assert_int_equal(lists(allow, "HEAD"), lists(r->allow, "GET"));
}

static void contract_other_methods_are_refused_with_all_that_the_path_has(void **state) {
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        const known_route *r = &known_routes[i];
        for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) {
            if (lists(r->allow, methods[k])) {
                continue;
            }
            raw_answer a = raw(r->where, methods[k], r->path, NULL, NULL);
            if (a.status != 405 || strcmp(a.body, "{\"detail\":\"Method Not Allowed\"}") != 0) {
                fail_msg("%s %s: %d %s", methods[k], r->path, a.status, a.body);
            }
            assert_allow(r, raw_header(&a, "Allow"));
            raw_free(&a);
        }
    }
}

static void contract_head_answers_like_get_without_a_body(void **state) {
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        const known_route *r = &known_routes[i];
        if (!lists(r->allow, "GET")) {
            assert_raw(r->where, "HEAD", r->path, NULL, NULL, 405, "");
            continue;
        }
        raw_answer get = raw(r->where, "GET", r->path, NULL, NULL);
        raw_answer head = raw(r->where, "HEAD", r->path, NULL, NULL);
        char type[128], length[32];
        snprintf(type, sizeof type, "%.100s", raw_header(&get, "Content-Type"));
        snprintf(length, sizeof length, "%zu", get.size);
        assert_int_equal(head.status, get.status);
        assert_int_equal(head.size, 0);
        assert_string_equal(raw_header(&head, "Content-Type"), type);
        if (!strstr(r->path, "model/status")) { /* its figures change */
            assert_string_equal(raw_header(&head, "Content-Length"), length);
        }
        raw_free(&get);
        raw_free(&head);
    }
}

static void contract_unknown_paths_are_not_found(void **state) {
    static const struct {
        who where;
        const char *path;
    } cases[] = {
        {GATEWAY, "/api"},
        {GATEWAY, "/api/"},
        {GATEWAY, "/api/nothing"},
        {GATEWAY, "/api/images/5/nothing"},
        {GATEWAY, "/api/images/5/file/more"},
        {GATEWAY, "/api/generate/x"},
        {GATEWAY, "/health"},
        {GATEWAY, "/model/status"},
        {GATEWAY, "/openapi.json"},
        {GATEWAY, "/nothing.txt"},
        {DAEMON, "/"},
        {DAEMON, "/api/model/status"},
        {DAEMON, "/outputs/a.png"},
        {DAEMON, "/status"},
        {DAEMON, "/docs"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_raw(cases[i].where, "GET", cases[i].path, NULL, NULL, 404,
                   "{\"detail\":\"Not Found\"}");
    }
    assert_raw(GATEWAY, "POST", "/api/nothing", NULL, NULL, 404, "{\"detail\":\"Not Found\"}");
    assert_raw(DAEMON, "OPTIONS", "/nothing", NULL, NULL, 404, "{\"detail\":\"Not Found\"}");
}

static void contract_path_parameters_are_one_decoded_segment(void **state) {
    static const char not_int[] =
        "{'detail':[{'type':'int_parsing','loc':['path','%s'],'msg':'Input should be a valid "
        "integer, unable to parse string as an integer','input':'%s'}]}";
    static const struct {
        const char *method, *path, *name, *body;
    } cases[] = {
        {"GET", "/api/images/abc/file", "image_id", NULL},
        {"DELETE", "/api/images/abc", "image_id", NULL},
        {"PATCH", "/api/images/abc", "image_id", "{'prompt_id':1}"},
        {"POST", "/api/images/abc/attach-history", "image_id", "{'form_json':'1'}"},
        {"GET", "/api/prompts/abc", "prompt_id", NULL},
        {"DELETE", "/api/prompts/abc", "prompt_id", NULL},
        {"GET", "/api/favorites/abc", "favorite_id", NULL},
        {"DELETE", "/api/favorites/images/abc", "image_id", NULL},
        {"DELETE", "/api/favorites/prompts/abc", "prompt_id", NULL},
    };
    char expected[512];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(expected, sizeof expected, not_int, cases[i].name, "abc");
        say(&it, GATEWAY, cases[i].method, cases[i].path, cases[i].body, 422, expected);
    }
    snprintf(expected, sizeof expected, not_int, "prompt_id", "\xc3\xa4 1");
    say(&it, GATEWAY, "GET", "/api/prompts/%C3%A4%201", NULL, 422, expected);
    /* numbers as the original reads them */
    say(&it, GATEWAY, "GET", "/api/prompts/%209_9%20", NULL, 404, "{'error':'not found'}");
    say(&it, GATEWAY, "GET", "/api/prompts/-7", NULL, 404, NULL);
    /* path first, then body fields */
    say(&it, GATEWAY, "PATCH", "/api/images/abc", "{'prompt_id':null}", 422,
        "{'detail':[{'type':'int_parsing','loc':['path','image_id'],'...':0},"
        "{'type':'int_type','loc':['body','prompt_id'],'...':0}]}");
}

static void contract_literal_paths_come_before_parameters(void **state) {
    (void)state;
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 200, "{'ok':true,'deleted':'<int>'}");
    say(&it, GATEWAY, "GET", "/api/upscale/status", NULL, 200,
        "{'configured':false,'bin_path':null,'model_dir':null,'available_presets':[],"
        "'backend':'<text>','error':'<text>','busy':false}");
    say(&it, GATEWAY, "GET", "/api/upscale/none", NULL, 404, "{'error':'<text>'}");
    say(&it, GATEWAY, "GET", "/api/images/stats", NULL, 200,
        "{'total':'<int>','linked':'<int>','orphans':'<int>','null_prompt_id':'<int>',"
        "'dangling':'<int>'}");
}

static void contract_unknown_queries_and_fields_are_ignored(void **state) {
    (void)state;
    say(&it, GATEWAY, "GET", "/api/images?nothing=1&prompt_id=4711", NULL, 200, "[]");
    say(&it, GATEWAY, "POST", "/api/verify", "{'more':[1],'caption':{}}", 200,
        "{'valid':false,'warnings':'<list>'}");
    say(&it, GATEWAY, "POST", "/api/form", "{'form_json':'1','quality':7}", 200, "{'ok':true}");
}

static void contract_malformed_http_is_a_400(void **state) {
    static const char *const texts[] = {
        "GARBAGE\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        "GET nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        "GET /health HTTP/1.1\r\nno header\r\n\r\n",
        "POST /generate HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int k = 0; k < 2; k++) {
            raw_answer a =
                raw_exchange(stack_port(&it, k ? DAEMON : GATEWAY), texts[i], strlen(texts[i]));
            if (a.status != 400 && a.status != 0) { /* 0: hung up, which is fine too */
                fail_msg("%s: %d", texts[i], a.status);
            }
            raw_free(&a);
        }
    }
}

static void contract_connections_are_kept(void **state) {
    char text[512];
    (void)state;
    for (int k = 0; k < 2; k++) {
        const int port = stack_port(&it, k ? DAEMON : GATEWAY);
        const char *path = k ? "/health" : "/api/prompts";
        snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
                 "GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n",
                 path, port, port);
        raw_answer a = raw_exchange(port, text, strlen(text));
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.body, "HTTP/1.1 404"));
        raw_free(&a);
    }
}

/* --- JSON ---------------------------------------------------------------------------------- */

static void contract_json_is_compact_utf8_without_charset(void **state) {
    (void)state;
    say(&it, GATEWAY, "POST", "/api/form",
        "{'form_json':'{\\\"hld\\\": \\\"Gr\xc3\xb6\xc3\x9f\x65 \xe7\x8c\xab "
        "\xf0\x9f\x90\x88\\\"}'}",
        200, "{'ok':true}");
    raw_answer a = raw(GATEWAY, "GET", "/api/form", NULL, NULL);
    assert_string_equal(a.body, "{\"form_json\":\"{\\\"hld\\\": \\\"Gr\xc3\xb6\xc3\x9f\x65 "
                                "\xe7\x8c\xab \xf0\x9f\x90\x88\\\"}\"}");
    assert_string_equal(raw_header(&a, "Content-Type"), "application/json");
    assert_int_equal(strtoul(raw_header(&a, "Content-Length"), NULL, 10), a.size);
    assert_string_equal(raw_header(&a, "Cache-Control"), "");
    assert_string_equal(raw_header(&a, "Content-Encoding"), "");
    raw_free(&a);
    a = raw(DAEMON, "GET", "/lora/status", NULL, NULL);
    assert_string_equal(
        a.body, "{\"applied\":null,\"strength\":0.0,\"applied_loras\":[],\"available\":[]}");
    assert_string_equal(raw_header(&a, "Content-Type"), "application/json");
    raw_free(&a);
}

static void contract_json_content_types_are_needed(void **state) {
    static const struct {
        const char *type;
        int status;
    } cases[] = {
        {"application/json", 200},
        {"application/json; charset=utf-8", 200},
        {"Application/JSON ;charset=x", 200},
        {"application/vnd.api+json", 200},
        {"application/octet-stream", 422},
        {"application/jsonp", 422},
        {"image/png", 422},
        {"", 422},
        /* what a form of any page may send: refused earlier */
        {"text/plain", 415},
        {"application/x-www-form-urlencoded", 415},
        {"multipart/form-data; boundary=x", 415},
    };
    static const char body[] = "{\"caption\":{}}";
    char line[128];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(line, sizeof line, "%s%s%s", cases[i].type[0] ? "Content-Type: " : "",
                 cases[i].type, cases[i].type[0] ? "\r\n" : "");
        assert_raw(GATEWAY, "POST", "/api/verify", line, body, cases[i].status,
                   cases[i].status == 422
                       ? "{\"detail\":[{\"type\":\"model_attributes_type\",\"loc\":[\"body\"],"
                         "\"msg\":\"Input should be a valid dictionary or object to extract fields "
                         "from\",\"input\":\"{\\\"caption\\\":{}}\"}]}"
                       : NULL);
        if (cases[i].status != 200) {
            assert_raw(DAEMON, "POST", "/generate", line, body, cases[i].status, NULL);
        }
    }
}

static const char json_line[] = "Content-Type: application/json\r\n";

static void contract_text_that_is_no_utf8_or_too_deep_is_a_400(void **state) {
    (void)state;
    char deep[40020] = "{\"caption\":";
    memset(deep + 11, '[', 20000);
    memset(deep + 20011, ']', 20000);
    deep[40011] = '}';
    for (int k = 0; k < 2; k++) {
        const char *path = k ? "/generate" : "/api/verify";
        const char *bodies[] = {"{\"caption\":{\"x\":\"\xff\"}}", deep};
        for (size_t i = 0; i < 2; i++) {
            raw_answer a = raw(k ? DAEMON : GATEWAY, "POST", path, json_line, bodies[i]);
            json_t *answer = json_loads(a.body, 0, NULL);
            if (a.status != 400 || text_at(answer, "detail")[0] == '\0') {
                fail_msg("%s %zu: %d %s", path, i, a.status, a.body);
            }
            json_decref(answer);
            raw_free(&a);
        }
    }
}

static void contract_numbers_that_are_none_and_lone_surrogates_are_invalid_json(void **state) {
    static const char *const bodies[] = {
        "{\"caption\":{\"x\":NaN}}",         "{\"caption\":{\"x\":Infinity}}",
        "{\"caption\":{\"x\":-Infinity}}",   "{\"caption\":{\"x\":\"\\ud800\"}}",
        "{\"caption\":{\"x\":\"\\udc00\"}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (int k = 0; k < 2; k++) {
            raw_answer a = raw(k ? DAEMON : GATEWAY, "POST", k ? "/generate" : "/api/verify",
                               json_line, bodies[i]);
            assert_int_equal(a.status, 422);
            assert_non_null(strstr(a.body, "json_invalid"));
            raw_free(&a);
        }
    }
}

static void contract_duplicate_keys_keep_the_first_place_and_the_last_value(void **state) {
    (void)state;
    /* place: `lighting` stays before `medium`; value: the later one is a string */
    say(&it, GATEWAY, "POST", "/api/verify",
        "{'caption':{'style_description':{'aesthetics':'a','lighting':1,'photo':'p','medium':'m',"
        "'lighting':'l'},'compositional_deconstruction':{'background':'b','elements':[]}}}",
        200, "{'valid':true,'warnings':[]}");
    say(&it, GATEWAY, "POST", "/api/verify", "{'caption':1,'caption':{}}", 200, NULL);
}

static void contract_routes_without_a_body_ignore_one(void **state) {
    static const struct {
        who where;
        const char *method, *path;
    } cases[] = {
        {GATEWAY, "POST", "/api/model/unload"},
        {DAEMON, "POST", "/model/unload"},
        {GATEWAY, "DELETE", "/api/images/77"},
        {GATEWAY, "DELETE", "/api/prompts/77"},
        {GATEWAY, "DELETE", "/api/images/orphans"},
        {GATEWAY, "DELETE", "/api/favorites/images/77"},
        {GATEWAY, "DELETE", "/api/favorites/prompts/77"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_raw(cases[i].where, cases[i].method, cases[i].path, json_line, "{broken", 200, NULL);
        assert_raw(cases[i].where, cases[i].method, cases[i].path,
                   "Content-Type: application/octet-stream\r\n", "\xff", 200, NULL);
    }
    assert_raw(GATEWAY, "POST", "/api/cancel/x", json_line, "{broken", 404, NULL);
}

/* --- limits -------------------------------------------------------------------------------- */

/* A body of `size` bytes that is valid JSON for the route; status. */
static int send_large(who where, const char *path, const char *head, size_t size) {
    const size_t start = strlen(head);
    char *text = malloc(size + 1);
    assert_non_null(text);
    memcpy(text, head, start);
    memset(text + start, ' ', size - start);
    text[size - 1] = '}';
    text[size] = '\0';
    raw_answer a = raw(where, "POST", path, json_line, text);
    const int status = a.status;
    if (status == 413) {
        json_t *answer = json_loads(a.body, 0, NULL);
        assert_true(text_at(answer, "error")[0] != '\0');
        json_decref(answer);
    }
    raw_free(&a);
    free(text);
    return status;
}

static void contract_bodies_have_the_promised_room_and_an_end(void **state) {
    (void)state;
    assert_int_equal(send_large(GATEWAY, "/api/form", "{\"form_json\":\"1\"", 8 << 20), 200);
    assert_int_equal(send_large(GATEWAY, "/api/prompts", "{\"form_json\":\"1\"", 8 << 20), 200);
    assert_int_equal(
        send_large(GATEWAY, "/api/images/77/attach-history", "{\"form_json\":\"1\"", 8 << 20), 404);
    assert_int_equal(send_large(GATEWAY, "/api/generate", "{\"caption\":1", 2 << 20), 422);
    assert_int_equal(send_large(DAEMON, "/generate", "{\"caption\":1", 2 << 20), 422);
    assert_int_equal(send_large(GATEWAY, "/api/magic-prompt", "{\"prompt\":\"\"", 40 << 20), 422);
    assert_int_equal(send_large(GATEWAY, "/api/form", "{\"form_json\":\"1\"", 100 << 20), 413);
    assert_int_equal(send_large(DAEMON, "/generate", "{\"caption\":1", 100 << 20), 413);
}

/* --- CORS ---------------------------------------------------------------------------------- */

typedef struct cors_case {
    const char *method, *origin, *asked, *headers;
    int status;
    const char *allow_origin, *vary, *credentials;
} cors_case;

static raw_answer cors_exchange(who where, const cors_case *c) {
    char lines[512] = "";
    size_t used = 0;
    const struct {
        const char *name, *value;
    } parts[] = {{"Origin", c->origin},
                 {"Access-Control-Request-Method", c->asked},
                 {"Access-Control-Request-Headers", c->headers}};
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].value) {
            used += (size_t)snprintf(lines + used, sizeof lines - used, "%s: %s\r\n", parts[i].name,
                                     parts[i].value);
        }
    }
    return raw(where, c->method, "/api/model/status", lines, NULL);
}

static void assert_cors(const cors_case *c) {
    raw_answer a = cors_exchange(GATEWAY, c);
    const bool is_preflight = c->asked && strcmp(c->method, "OPTIONS") == 0 && c->origin;
    if (a.status != c->status) {
        fail_msg("%s %s: %d instead of %d", c->method, c->origin ? c->origin : "-", a.status,
                 c->status);
    }
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Origin"), c->allow_origin);
    assert_string_equal(raw_header(&a, "Vary"), c->vary);
    assert_string_equal(raw_header(&a, "Access-Control-Allow-Credentials"), c->credentials);
    if (is_preflight) {
        assert_memory_equal(raw_header(&a, "Content-Type"), "text/plain", 10);
    }
    if (is_preflight && c->status == 200) {
        assert_string_equal(a.body, "OK");
        assert_string_equal(raw_header(&a, "Access-Control-Allow-Methods"),
                            "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
        assert_string_equal(raw_header(&a, "Access-Control-Max-Age"), "600");
        assert_string_equal(raw_header(&a, "Access-Control-Allow-Headers"),
                            c->headers ? c->headers : "");
    }
    raw_free(&a);
}

static void assert_cors_all(const cors_case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_cors(&cases[i]);
    }
}

static void restart_with_origins(const char *origins, const char *credentials) {
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_set(&it, "CORS_ORIGINS", origins);
    stack_set(&it, "CORS_ALLOW_CREDENTIALS", credentials);
    stack_start_gateway(&it);
}

static void contract_cors_of_listed_origins(void **state) {
    static const char a[] = "http://a.example:5173";
    const cors_case cases[] = {
        {"GET", NULL, NULL, NULL, 200, "", "", ""},
        {"GET", a, NULL, NULL, 200, a, "Origin", ""},
        {"GET", "http://b.example", NULL, NULL, 200, "http://b.example", "Origin", ""},
        {"GET", "http://a.example", NULL, NULL, 200, "", "", ""},
        {"GET", "http://evil.example", NULL, NULL, 200, "", "", ""},
        {"OPTIONS", a, "POST", "content-type,x-y", 200, a, "Origin", ""},
        {"OPTIONS", a, "PUT", NULL, 200, a, "Origin", ""},
        {"OPTIONS", a, "TRACE", NULL, 400, a, "Origin", ""},
        {"OPTIONS", "http://evil.example", "POST", NULL, 400, "", "", ""},
        {"OPTIONS", a, NULL, NULL, 405, a, "Origin", ""},
        {"OPTIONS", NULL, "POST", NULL, 405, "", "", ""},
    };
    (void)state;
    restart_with_origins(" http://a.example:5173 , ,http://b.example,", "");
    assert_cors_all(cases, sizeof cases / sizeof *cases);
}

static void contract_cors_credentials_only_when_enabled(void **state) {
    static const char a[] = "http://a.example:5173";
    const cors_case cases[] = {
        {"GET", a, NULL, NULL, 200, a, "Origin", "true"},
        {"OPTIONS", a, "POST", NULL, 200, a, "Origin", "true"},
        {"GET", "http://evil.example", NULL, NULL, 200, "", "", ""},
    };
    (void)state;
    restart_with_origins(a, "true");
    assert_cors_all(cases, sizeof cases / sizeof *cases);
}

static void contract_cors_star_allows_all(void **state) {
    static const char any[] = "http://any.example";
    const cors_case plain[] = {
        {"GET", any, NULL, NULL, 200, "*", "", ""},
        {"OPTIONS", any, "POST", "x", 200, "*", "", ""},
        {"GET", NULL, NULL, NULL, 200, "", "", ""},
    };
    const cors_case with_credentials[] = {
        {"GET", any, NULL, NULL, 200, any, "Origin", "true"},
        {"OPTIONS", any, "POST", "x", 200, any, "Origin", "true"},
    };
    (void)state;
    restart_with_origins("*", "");
    assert_cors_all(plain, sizeof plain / sizeof *plain);
    restart_with_origins("*", "on");
    assert_cors_all(with_credentials, sizeof with_credentials / sizeof *with_credentials);
}

static void contract_cors_by_default_knows_the_page(void **state) {
    char by_address[64], by_name[64];
    (void)state;
    stack_use_page(&it);
    restart_with_origins(NULL, NULL);
    snprintf(by_address, sizeof by_address, "http://127.0.0.1:%d", it.page_port);
    snprintf(by_name, sizeof by_name, "http://localhost:%d", it.page_port);
    const cors_case cases[] = {
        {"GET", by_address, NULL, NULL, 200, by_address, "Origin", ""},
        {"GET", by_name, NULL, NULL, 200, by_name, "Origin", ""},
        {"GET", "http://localhost:1", NULL, NULL, 200, "", "", ""},
    };
    assert_cors_all(cases, sizeof cases / sizeof *cases);
}

static void contract_daemon_has_no_cors(void **state) {
    static const cors_case cases[] = {
        {"GET", "http://localhost:5173", NULL, NULL, 0, "", "", ""},
        {"OPTIONS", "http://localhost:5173", "POST", "x", 0, "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        raw_answer a = cors_exchange(DAEMON, &cases[i]);
        assert_null(strstr(a.text, "Access-Control-"));
        assert_true(a.status >= 400);
        raw_free(&a);
    }
}

/* --- the page ------------------------------------------------------------------------------ */

static void contract_page_is_at_the_root_and_on_its_own_port(void **state) {
    (void)state;
    folder_sub(&it.folder, "page");
    stack_file(&it, "page/index.html", "<!doctype html><p>our page</p>");
    stack_file(&it, "page/app.js", "let x = 1;");
    stack_set(&it, "WEB_DIR", "page");
    stack_use_page(&it);
    restart_with_origins(NULL, NULL);
    for (int k = 0; k < 2; k++) {
        const who where = k ? PAGE : GATEWAY;
        assert_raw(where, "GET", "/", NULL, NULL, 200, "<!doctype html><p>our page</p>");
        assert_raw(where, "GET", "/app.js", NULL, NULL, 200, "let x = 1;");
        assert_raw(where, "GET", "/missing.js", NULL, NULL, 404, NULL);
        assert_raw(where, "GET", "/api/nothing", NULL, NULL, 404, "{\"detail\":\"Not Found\"}");
        assert_raw(where, "GET", "/../library.db", NULL, NULL, 404, NULL);
        assert_raw(where, "GET", "/%2e%2e/library.db", NULL, NULL, 404, NULL);
        say(&it, where, "GET", "/api/form", NULL, 200, "{'form_json':'<str?>'}");
    }
}

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_routes");
    stack_start(&it);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract_literal_paths_come_before_parameters),
        cmocka_unit_test(contract_every_route_exists),
        cmocka_unit_test(contract_other_methods_are_refused_with_all_that_the_path_has),
        cmocka_unit_test(contract_head_answers_like_get_without_a_body),
        cmocka_unit_test(contract_unknown_paths_are_not_found),
        cmocka_unit_test(contract_path_parameters_are_one_decoded_segment),
        cmocka_unit_test(contract_unknown_queries_and_fields_are_ignored),
        cmocka_unit_test(contract_malformed_http_is_a_400),
        cmocka_unit_test(contract_connections_are_kept),
        cmocka_unit_test(contract_json_is_compact_utf8_without_charset),
        cmocka_unit_test(contract_json_content_types_are_needed),
        cmocka_unit_test(contract_text_that_is_no_utf8_or_too_deep_is_a_400),
        cmocka_unit_test(contract_numbers_that_are_none_and_lone_surrogates_are_invalid_json),
        cmocka_unit_test(contract_duplicate_keys_keep_the_first_place_and_the_last_value),
        cmocka_unit_test(contract_routes_without_a_body_ignore_one),
        cmocka_unit_test(contract_bodies_have_the_promised_room_and_an_end),
        cmocka_unit_test(contract_cors_of_listed_origins),
        cmocka_unit_test(contract_cors_credentials_only_when_enabled),
        cmocka_unit_test(contract_cors_star_allows_all),
        cmocka_unit_test(contract_cors_by_default_knows_the_page),
        cmocka_unit_test(contract_daemon_has_no_cors),
        cmocka_unit_test(contract_page_is_at_the_root_and_on_its_own_port),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
