/* The real programs against other sites and other machines: foreign Host names on every route,
 * cross-site requests on every route that changes something, headers of every answer, binds beyond
 * loopback. What a browser of a person could be made to send must not get through. */
#include "contract_routes.h"

static stack it;

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_security");
    stack_use_database(&it, "later");
    stack_sql(&it, "INSERT INTO prompts (id, form_json) VALUES (5, '{}');"
                   "INSERT INTO images (id, file_path, prompt_id) VALUES (5, 'a.png', 5), "
                   "(6, 'b.png', NULL);"
                   "INSERT INTO favorites (id, image_id) VALUES (5, 5);"
                   "INSERT INTO last_form (id, form_json) VALUES (1, '0')");
    stack_file(&it, "output/a.png", "a");
    stack_start(&it);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

static void assert_nothing_happened(void) {
    assert_string_equal(
        stack_rows(&it, "SELECT (SELECT count(*) FROM images), (SELECT count(*) FROM prompts), "
                        "(SELECT count(*) FROM favorites), (SELECT form_json FROM last_form)"),
        "2|1|1|0");
    assert_true(stack_has_file(&it, "output/a.png"));
    say(&it, DAEMON, "GET", "/model/status", NULL, 200,
        "{'state':'idle','msg':'','operation':null,'...':0}");
}

static bool changes_something(const known_route *r) {
    return strcmp(r->method, "GET") != 0;
}

/* The statuses of all answers that a connection gave: how many are 421, and whether none let its
 * request through. */
static bool all_refused(const char *text, int *misdirected) {
    *misdirected = 0;
    for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++) {
        const long status = strtol(at + 9, NULL, 10);
        *misdirected += status == 421;
        if (status < 400 || status >= 500) {
            return false;
        }
    }
    return true;
}

/* --- Host ----------------------------------------------------------------------------------- */

/* Every route of one program with this Host line on one connection. */
static void assert_host_is_refused(who where, const char *host_line) {
    static char text[KNOWN_ROUTES * 400];
    size_t used = 0;
    int sent = 0, refused;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        const known_route *r = &known_routes[i];
        if (r->where == where) {
            sent++;
            used += (size_t)snprintf(text + used, sizeof text - used, "%s %s HTTP/1.1\r\n%s%s\r\n",
                                     r->method, r->path, host_line,
                                     r->body ? "Content-Type: application/json\r\n"
                                               "Content-Length: 2\r\n\r\n{}"
                                             : "\r\n");
            assert_true(used < sizeof text);
        }
    }
    used += (size_t)snprintf(text + used, sizeof text - used,
                             "GET / HTTP/1.1\r\n%sConnection: close\r\n\r\n", host_line);
    raw_answer a = raw_exchange(stack_port(&it, where), text, used);
    const bool is_broken = a.status == 400; /* no HTTP: the connection ends there */
    if (!all_refused(a.text, &refused) || (!is_broken && refused != sent + 1)) {
        fail_msg("[%s] %d of %d refused: %.2000s", host_line, refused, sent + 1, a.text);
    }
    raw_free(&a);
}

static void security_foreign_hosts_reach_no_route(void **state) {
    static const char *const names[] = {
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "a.localhost",
        "localhost.localdomain",
        "ip6-localhost",
        "127.0.0.2",
        "127.1",
        "0.0.0.0",
        "192.168.0.7",
        "10.0.0.1",
        "169.254.169.254",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::1].evil.example",
        "[::1",
        "::1]",
        "::1",
        "localhost.",
        "user@127.0.0.1",
        "127.0.0.1@evil.example",
        "localhost@evil.example",
        "localhost/evil",
        "localhost,evil.example",
        "127.0.0.1 evil.example",
        "evil.example#localhost",
        "*.localhost",
        "*",
        "metadata.google.internal",
        "host.docker.internal",
        "localhos",
        "localhostt",
        "127.0.0.1%00",
        "xn--lcalhost-z0a",
    };
    static const char *const ends[] = {
        "",
        ":%d",
        ":1",
        ":80",
        ":%d0",
        ":0%d",
        ":%d.evil.example",
        ":%d@evil.example",
        ":%d/",
        ":%d#",
        ":-%d",
        ":%d,localhost",
        ":",
        ":%d:%d",
    };
    char host[256], line[300];
    int forms = 0;
    (void)state;
    for (int k = 0; k < 2; k++) {
        const who where = k ? DAEMON : GATEWAY;
        const int port = stack_port(&it, where);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
                size_t used = (size_t)snprintf(host, sizeof host, "%s", names[i]);
                for (const char *c = ends[e]; *c; c++) {
                    const bool is_port = c[0] == '%';
                    used += (size_t)(is_port ? snprintf(host + used, sizeof host - used, "%d", port)
                                             : snprintf(host + used, sizeof host - used, "%c", *c));
                    c += is_port;
                }
                snprintf(line, sizeof line, "Host: %s\r\n", host);
                assert_host_is_refused(where, line);
                forms++;
            }
        }
    }
    assert_true(forms >= 1000); /* 500 for each program */
    assert_nothing_happened();
}

static void security_missing_and_doubled_hosts_reach_no_route(void **state) {
    char line[200];
    (void)state;
    for (int k = 0; k < 2; k++) {
        const who where = k ? DAEMON : GATEWAY;
        const int port = stack_port(&it, where);
        assert_host_is_refused(where, "");
        assert_host_is_refused(where, "Host:\r\n");
        snprintf(line, sizeof line, "Host: 127.0.0.1:%d\r\nHost: evil.example\r\n", port);
        assert_host_is_refused(where, line);
        snprintf(line, sizeof line, "Host: evil.example\r\nHost: 127.0.0.1:%d\r\n", port);
        assert_host_is_refused(where, line);
        snprintf(line, sizeof line, "Host: 127.0.0.1\r\n");
        assert_host_is_refused(where, line);
        snprintf(line, sizeof line, "X-Forwarded-Host: 127.0.0.1:%d\r\nHost: evil.example\r\n",
                 port);
        assert_host_is_refused(where, line);
    }
    char text[200];
    snprintf(text, sizeof text,
             "GET http://evil.example/api/form HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
             "Connection: close\r\n\r\n",
             it.gateway.port);
    raw_answer a = raw_exchange(it.gateway.port, text, strlen(text));
    assert_true(a.status >= 400);
    raw_free(&a);
    assert_nothing_happened();
}

static void security_own_hosts_are_answered(void **state) {
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]", "LocalHost"};
    char line[100];
    (void)state;
    for (int k = 0; k < 2; k++) {
        const int port = stack_port(&it, k ? DAEMON : GATEWAY);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            snprintf(line, sizeof line, "Host: %s:%d\r\n", names[i], port);
            raw_answer a = raw_ask(port, "GET", k ? "/health" : "/api/form", line, NULL);
            assert_int_equal(a.status, 200);
            raw_free(&a);
        }
    }
}

static void security_further_hosts_can_be_named(void **state) {
    (void)state;
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_set(&it, "ALLOWED_HOSTS", "box.example, proxy.example:443");
    stack_start_gateway(&it);
    char own[100];
    snprintf(own, sizeof own, "Host: box.example:%d\r\n", it.gateway.port);
    const struct {
        const char *line;
        int status;
    } cases[] = {{own, 200},
                 {"Host: proxy.example:443\r\n", 200},
                 {"Host: box.example:1\r\n", 421},
                 {"Host: proxy.example\r\n", 421},
                 {"Host: evil.example\r\n", 421}};
    for (size_t i = 0; i < 5; i++) {
        raw_answer a = raw_ask(it.gateway.port, "GET", "/api/form", cases[i].line, NULL);
        assert_int_equal(a.status, cases[i].status);
        raw_free(&a);
    }
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_set(&it, "ALLOWED_HOSTS", NULL);
    stack_start_gateway(&it);
}

/* --- other sites ------------------------------------------------------------------------------ */

static const char *const types[] = {"", "Content-Type: application/json\r\n",
                                    "Content-Type: text/plain\r\n",
                                    "Content-Type: application/x-www-form-urlencoded\r\n",
                                    "Content-Type: multipart/form-data; boundary=x\r\n"};
enum { TYPES = 5, FORM_TYPES = 2 /* where those begin that a form can send */ };

/* Returns how many shapes were tried. */
static int try_shapes(const known_route *r, const char *const *lines, size_t count, size_t first) {
    int shapes = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t t = first; t < TYPES; t++) {
            char all[500], *body = r->body ? strdup(r->body) : NULL;
            for (char *c = body; c && *c; c++) {
                *c = *c == '\'' ? '"' : *c;
            }
            snprintf(all, sizeof all, "%s%s", lines[i], types[t]);
            raw_answer a = raw_ask(stack_port(&it, r->where), r->method, r->path, all, body);
            if (a.status != 403 && a.status != 415) {
                fail_msg("%s %s [%s]: %d %s", r->method, r->path, all, a.status, a.body);
            }
            raw_free(&a);
            free(body);
            shapes++;
        }
    }
    return shapes;
}

static void security_no_cross_site_request_changes_anything(void **state) {
    static const char *const foreign[] = {
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Origin: http://127.0.0.1:1\r\n",
        "Origin: https://127.0.0.1\r\n",
        "Origin: http://localhost.evil.example\r\n",
        "Origin: http://evil.example\r\nReferer: http://127.0.0.1/\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
        "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n",
    };
    static const char *const none[] = {"", "Sec-Fetch-Site: none\r\n"};
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        if (changes_something(&known_routes[i])) {
            const int shapes =
                try_shapes(&known_routes[i], foreign, sizeof foreign / sizeof *foreign, 0) +
                try_shapes(&known_routes[i], none, 2, FORM_TYPES);
            assert_true(shapes >= 40);
        }
    }
    assert_nothing_happened();
}

static void security_other_methods_do_not_change_anything_either(void **state) {
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "TRACE"};
    static const char line[] = "X-HTTP-Method-Override: DELETE\r\n";
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        for (size_t k = 0; changes_something(&known_routes[i]) && k < 4; k++) {
            raw_answer a = raw_ask(stack_port(&it, known_routes[i].where), methods[k],
                                   known_routes[i].path, line, NULL);
            raw_free(&a);
        }
    }
    assert_nothing_happened();
}

static void security_pages_of_other_sites_read_nothing_without_cors(void **state) {
    static const char *const lines[] = {
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: script\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
    };
    (void)state;
    for (size_t i = 0; i < KNOWN_ROUTES; i++) {
        for (size_t k = 0; !changes_something(&known_routes[i]) && k < 3; k++) {
            raw_answer a = raw_ask(stack_port(&it, known_routes[i].where), "GET",
                                   known_routes[i].path, lines[k], NULL);
            assert_int_equal(a.status, 403);
            raw_free(&a);
        }
    }
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void security_every_answer_has_its_headers(void **state) {
    static const char *const paths[] = {
        "/",       "/api/form",    "/api/nothing", "/outputs/a.png", "/api/images/abc/file",
        "/health", "/model/status"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        for (int k = 0; k < 2; k++) {
            raw_answer a =
                raw_ask(stack_port(&it, k ? DAEMON : GATEWAY), "GET", paths[i], NULL, NULL);
            assert_string_equal(raw_header(&a, "X-Content-Type-Options"), "nosniff");
            assert_string_equal(raw_header(&a, "X-Frame-Options"), "DENY");
            assert_non_null(
                strstr(raw_header(&a, "Content-Security-Policy"), "default-src 'self'"));
            assert_string_equal(raw_header(&a, "Cross-Origin-Resource-Policy"), "same-origin");
            raw_free(&a);
        }
    }
}

static void security_large_heads_are_refused(void **state) {
    char *line = malloc(70000);
    (void)state;
    assert_non_null(line);
    const size_t used = (size_t)snprintf(line, 32, "X-Large: ");
    memset(line + used, 'x', 60000);
    snprintf(line + used + 60000, 8, "\r\n");
    for (int k = 0; k < 2; k++) {
        raw_answer a = raw_ask(stack_port(&it, k ? DAEMON : GATEWAY), "GET",
                               k ? "/health" : "/api/form", line, NULL);
        assert_true(a.status == 431 || a.status == 0);
        raw_free(&a);
    }
    free(line);
}

/* --- binds ---------------------------------------------------------------------------------------
 */

static void security_binds_beyond_loopback_need_a_token(void **state) {
    static const char *const tokens[] = {"", "short"};
    char *said;
    (void)state;
    assert_int_equal(stack_stop_gateway(&it), 0);
    assert_int_equal(stack_stop_daemon(&it), 0);
    stack_set(&it, "SERVER_HOST", "0.0.0.0");
    stack_set(&it, "MODEL_DAEMON_HOST", "0.0.0.0");
    for (size_t i = 0; i < 2; i++) {
        stack_set(&it, "ACCESS_TOKEN", tokens[i]);
        assert_int_not_equal(stack_run(&it, "IDEOGRAM4_GATEWAY", NULL, &said), 0);
        assert_non_null(strstr(said, "token"));
        free(said);
        assert_int_not_equal(stack_run(&it, "IDEOGRAM4D", NULL, &said), 0);
        assert_non_null(strstr(said, "token"));
        free(said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(security_foreign_hosts_reach_no_route),
        cmocka_unit_test(security_missing_and_doubled_hosts_reach_no_route),
        cmocka_unit_test(security_own_hosts_are_answered),
        cmocka_unit_test(security_no_cross_site_request_changes_anything),
        cmocka_unit_test(security_other_methods_do_not_change_anything_either),
        cmocka_unit_test(security_pages_of_other_sites_read_nothing_without_cors),
        cmocka_unit_test(security_every_answer_has_its_headers),
        cmocka_unit_test(security_large_heads_are_refused),
        cmocka_unit_test(security_further_hosts_can_be_named),
        cmocka_unit_test(security_binds_beyond_loopback_need_a_token),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
