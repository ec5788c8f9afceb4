/* The client against our own server and against scripted sockets that cut, drip, redirect and
 * flood. */
#include "base/memory.h"
#include "base/os.h"
#include "http/client.h"
#include "http/server.h"
#include "http_raw.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* --- a scripted peer ----------------------------------------------------------------------- */

/* Answers one connection after the other with the texts of its script, then hangs up. */
typedef struct peer {
    int listener, port;
    pthread_t thread;
    const char *const *script; /* NULL-terminated; a text per connection */
    int pause_ms;              /* between bytes of the text; 0: all at once */
    bool stays_open;           /* after the text, until the client leaves */
    bool forgets;              /* keeps only the first request */
    char asked[4][2048];       /* what came in */
    int count;                 /* connections served */
} peer;

static void wait_ms(int ms) {
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

static void read_head(int fd, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    while (used + 1 < size && !strstr(out, "\r\n\r\n")) {
        const ssize_t got = recv(fd, out + used, size - used - 1, 0);
        if (got <= 0) {
            return;
        }
        used += (size_t)got;
        out[used] = '\0';
    }
}

static void *peer_main(void *user) {
    peer *p = user;
    for (int i = 0; p->script[i]; i++) {
        const int fd = accept(p->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        char *asked = p->asked[p->forgets ? 0 : i];
        read_head(fd, asked, sizeof p->asked[0]);
        p->count++;
        if (p->pause_ms == 0) {
            raw_say(fd, p->script[i]);
        }
        for (const char *c = p->script[i]; p->pause_ms > 0 && *c && raw_send(fd, c, 1); c++) {
            wait_ms(p->pause_ms);
        }
        char byte;
        while (p->stays_open && recv(fd, &byte, 1, 0) > 0) {
        }
        close(fd);
    }
    return NULL;
}

static void peer_start(peer *p, const char *const *script) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    p->script = script;
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(p->listener, 8), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &size), 0);
    p->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_main, p), 0);
}

static void peer_stop(peer *p) {
    shutdown(p->listener, SHUT_RDWR); /* ends a waiting accept */
    pthread_join(p->thread, NULL);
    close(p->listener);
}

static const char *url_of(int port, const char *path) {
    static char text[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(text[turn], sizeof text[turn], "http://127.0.0.1:%d%s", port, path);
    return text[turn];
}

/* --- our server ---------------------------------------------------------------------------- */

/* What came in, as JSON. */
static void on_echo(i4_http_request *r, i4_http_reply *reply, void *user) {
    const char *type = i4_req_header(r, "Content-Type");
    const char *token = i4_req_header(r, "Authorization");
    json_t *body = i4_req_json(r);
    (void)user;
    i4_reply_header(reply, "X-Word", "  two words ");
    i4_reply_json(reply, 201,
                  json_pack("{s:s, s:s, s:s, s:O?}", "method", i4_req_method(r), "type",
                            type ? type : "", "token", token ? token : "", "body", body));
}

static void on_fail(i4_http_request *r, i4_http_reply *reply, void *user) {
    (void)r;
    (void)user;
    i4_reply_error(reply, 409, "busy");
}

static const i4_route routes[] = {
    {.method = "GET", .pattern = "/echo", .handler = on_echo},
    {.method = "DELETE", .pattern = "/echo", .handler = on_echo},
    {.method = "POST", .pattern = "/bare", .handler = on_echo},
    {.method = "POST",
     .pattern = "/echo",
     .body = I4_BODY_JSON,
     .body_limit = 32 << 20,
     .handler = on_echo},
    {.method = "PATCH", .pattern = "/echo", .body = I4_BODY_JSON, .handler = on_echo},
    {.method = "GET", .pattern = "/fail", .handler = on_fail},
    {.method = NULL},
};

static i4_http_server *server;
static i4_http_client *client;
static int port;

static int set_up(void **state) {
    const i4_http_options options = {.routes = routes};
    (void)state;
    server = i4_http_start(&options, NULL);
    client = i4_http_client_new(NULL);
    assert_true(server && client);
    port = i4_http_port(server);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    i4_http_client_free(client);
    assert_true(i4_http_stop(server, 5));
    return 0;
}

static const char *said(const json_t *value, const char *key) {
    const char *text = json_string_value(json_object_get(value, key));
    return text ? text : "";
}

/* --- answers ------------------------------------------------------------------------------- */

static void http_client_methods_and_bodies_arrive(void **state) {
    static const struct {
        const char *method, *path, *type;
        bool has_body;
    } rows[] = {
        {NULL, "/echo", "", false},
        {"DELETE", "/echo", "", false},
        {"POST", "/bare", "", false},
        {"POST", "/echo", "application/json", true},
        {"PATCH", "/echo", "application/json", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        i4_answer a;
        i4_err err = {0};
        json_t *body = rows[i].has_body ? json_pack("{s:f}", "x", 0.6) : NULL;
        const i4_call call = {
            .method = rows[i].method, .url = url_of(port, rows[i].path), .json = body};
        if (!i4_http_call(client, &call, &a, &err)) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(a.status, 201);
        json_t *echo = i4_answer_json(&a);
        assert_string_equal(said(echo, "method"), rows[i].method ? rows[i].method : "GET");
        assert_string_equal(said(echo, "type"), rows[i].type);
        assert_int_equal(json_equal(json_object_get(echo, "body"), body ? body : json_null()), 1);
        char word[32];
        assert_true(i4_answer_header(&a, "x-WORD", word, sizeof word));
        assert_string_equal(word, "two words");
        assert_false(i4_answer_header(&a, "X-Wor", word, sizeof word));
        json_decref(echo);
        json_decref(body);
        i4_answer_free(&a);
    }
}

static void http_client_head_has_headers_only(void **state) {
    i4_answer a;
    const i4_call call = {.url = url_of(port, "/echo"), .head = true};
    char length[32];
    (void)state;
    assert_true(i4_http_call(client, &call, &a, NULL));
    assert_int_equal(a.status, 201);
    assert_int_equal(a.size, 0);
    assert_string_equal(a.body, "");
    assert_true(i4_answer_header(&a, "Content-Length", length, sizeof length));
    assert_true(strtol(length, NULL, 10) > 0);
    i4_answer_free(&a);
}

static void http_client_large_body_is_sent_without_waiting(void **state) {
    i4_answer a;
    char *text = malloc((8 << 20) + 1);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', 8 << 20);
    text[8 << 20] = '\0';
    json_t *body = json_pack("{s:s}", "x", text);
    const i4_call call = {.method = "POST", .url = url_of(port, "/echo"), .json = body};
    assert_true(i4_http_call(client, &call, &a, NULL));
    assert_int_equal(a.status, 201);
    assert_true(a.size > 8 << 20);
    i4_answer_free(&a);
    json_decref(body);
    free(text);
}

static void http_client_any_status_is_an_answer(void **state) {
    i4_answer a;
    (void)state;
    const i4_call fail = {.url = url_of(port, "/fail")};
    assert_true(i4_http_call(client, &fail, &a, NULL));
    assert_int_equal(a.status, 409);
    assert_string_equal(a.body, "{\"error\":\"busy\"}");
    i4_answer_free(&a);
    const i4_call none = {.url = url_of(port, "/none")};
    assert_true(i4_http_call(client, &none, &a, NULL));
    assert_int_equal(a.status, 404);
    i4_answer_free(&a);
}

static void http_client_no_json_is_null(void **state) {
    static const char *const script[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", NULL};
    peer p = {0};
    i4_answer a;
    (void)state;
    peer_start(&p, script);
    const i4_call call = {.url = url_of(p.port, "/")};
    assert_true(i4_http_call(client, &call, &a, NULL));
    assert_null(i4_answer_json(&a));
    assert_string_equal(a.body, "hello");
    i4_answer_free(&a);
    peer_stop(&p);
}

/* --- failures ------------------------------------------------------------------------------ */

static bool fails(const i4_call *call, i4_status status, bool timed_out, i4_err *err) {
    i4_answer a;
    memset(err, 0, sizeof *err);
    const bool good = i4_http_call(client, call, &a, err);
    const bool fine =
        !good && err->status == status && a.timed_out == timed_out && a.status == 0 && a.size == 0;
    if (!fine) {
        print_error("good %d status %d text '%s' timed out %d\n", good, err->status, err->text,
                    a.timed_out);
    }
    i4_answer_free(&a);
    return fine;
}

static void http_client_refused_connection_says_so(void **state) {
    peer p = {0};
    static const char *const script[] = {NULL};
    i4_err err;
    (void)state;
    peer_start(&p, script);
    peer_stop(&p); /* nobody listens there now */
    const i4_call call = {.url = url_of(p.port, "/secret?key=hidden"), .token = "hidden"};
    assert_true(fails(&call, I4_E_IO, false, &err));
    assert_non_null(strstr(err.text, "refused"));
    assert_null(strstr(err.text, "hidden"));
    assert_null(strstr(err.text, "secret"));
}

static void http_client_cut_answer_is_no_answer(void **state) {
    static const char *const script[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "nonsense\r\n\r\n",
        "", NULL};
    peer p = {0};
    i4_err err;
    (void)state;
    peer_start(&p, script);
    for (int i = 0; i < 4; i++) {
        const i4_call call = {.url = url_of(p.port, "/")};
        assert_true(fails(&call, I4_E_IO, false, &err));
    }
    peer_stop(&p);
}

static void http_client_silent_peer_times_out(void **state) {
    static const char *const script[] = {"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                                         NULL};
    peer p = {.stays_open = true};
    i4_err err;
    (void)state;
    peer_start(&p, script);
    for (int i = 0; i < 2; i++) {
        const i4_call call = {.url = url_of(p.port, "/"), .read_seconds = 0.3};
        assert_true(fails(&call, I4_E_IO, true, &err));
    }
    peer_stop(&p);
}

static void http_client_dripping_peer_is_only_held_by_the_total(void **state) {
    static const char *const script[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world",
        "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world", NULL};
    peer p = {.pause_ms = 20};
    i4_answer a;
    i4_err err;
    (void)state;
    peer_start(&p, script);
    const i4_call patient = {.url = url_of(p.port, "/"), .read_seconds = 0.5};
    assert_true(i4_http_call(client, &patient, &a, NULL)); /* more than a second in all */
    assert_string_equal(a.body, "hello, world");
    i4_answer_free(&a);
    const i4_call hasty = {.url = url_of(p.port, "/"), .read_seconds = 5, .total_seconds = 0.4};
    assert_true(fails(&hasty, I4_E_IO, true, &err));
    peer_stop(&p);
}

static void http_client_large_answer_is_refused(void **state) {
    i4_err err;
    (void)state;
    const i4_call call = {.url = url_of(port, "/echo"), .answer_limit = 10};
    assert_true(fails(&call, I4_E_IO, false, &err));
}

static bool stop_at_once(void *user) {
    atomic_fetch_add((atomic_int *)user, 1);
    return false;
}

static void http_client_go_on_stops_a_waiting_call(void **state) {
    static const char *const script[] = {"", NULL};
    peer p = {.stays_open = true};
    atomic_int asked = 0;
    i4_err err;
    (void)state;
    peer_start(&p, script);
    const i4_call call = {.url = url_of(p.port, "/"), .go_on = stop_at_once, .user = &asked};
    assert_true(fails(&call, I4_E_CANCELLED, false, &err));
    assert_int_equal(asked, 1);
    peer_stop(&p);
}

static void http_client_other_protocols_are_refused(void **state) {
    static const char *const urls[] = {
        "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://a/", "127.0.0.1", "", "http://",
        "dict://127.0.0.1:1/"};
    i4_err err;
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const i4_call call = {.url = urls[i]};
        assert_true(fails(&call, I4_E_INVALID_ARGUMENT, false, &err));
    }
}

/* --- redirects ------------------------------------------------------------------------------- */

static void http_client_redirects_are_followed_when_asked(void **state) {
    char text[256];
    (void)state;
    snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
             url_of(port, "/echo"));
    const char *const script[] = {text, text, NULL};
    peer p = {0};
    i4_answer a;
    peer_start(&p, script);
    i4_call call = {.url = url_of(p.port, "/"), .token = "secret"};
    assert_true(i4_http_call(client, &call, &a, NULL));
    assert_int_equal(a.status, 302);
    i4_answer_free(&a);
    call.follow = true;
    assert_true(i4_http_call(client, &call, &a, NULL));
    assert_int_equal(a.status, 201);
    /* the first host was told the token, the second was not */
    assert_non_null(strstr(p.asked[1], "Authorization: Bearer secret\r\n"));
    json_t *echo = i4_answer_json(&a);
    assert_string_equal(said(echo, "token"), "");
    assert_null(strstr(a.headers, "302"));
    json_decref(echo);
    i4_answer_free(&a);
    peer_stop(&p);
}

static void http_client_redirect_to_a_file_fails(void **state) {
    static const char *const script[] = {
        "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n", NULL};
    peer p = {0};
    i4_err err;
    (void)state;
    peer_start(&p, script);
    const i4_call call = {.url = url_of(p.port, "/"), .follow = true};
    assert_true(fails(&call, I4_E_IO, false, &err));
    peer_stop(&p);
}

static void http_client_proxy_is_not_asked_for_loopback(void **state) {
    i4_answer a;
    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    const i4_call call = {.url = url_of(port, "/echo")};
    const bool good = i4_http_call(client, &call, &a, NULL);
    unsetenv("http_proxy");
    assert_true(good);
    i4_answer_free(&a);
}

/* --- streaming ------------------------------------------------------------------------------- */

typedef struct sink_state {
    char text[64];
    size_t size, limit;
    int begun, status;
} sink_state;

static bool on_begin(const i4_answer *answer, void *user) {
    sink_state *s = user;
    char range[64];
    s->begun++;
    s->status = answer->status;
    return !i4_answer_header(answer, "X-Refuse", range, sizeof range);
}

static bool on_bytes(const void *bytes, size_t size, void *user) {
    sink_state *s = user;
    if (s->size + size > s->limit) {
        return false;
    }
    memcpy(s->text + s->size, bytes, size);
    s->size += size;
    return true;
}

static void http_client_good_bodies_go_to_the_sink(void **state) {
    static const char *const script[] = {
        "HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nX-Refuse: 1\r\nContent-Length: 5\r\n\r\nhello", NULL};
    peer p = {0};
    i4_answer a;
    i4_err err;
    (void)state;
    peer_start(&p, script);
    sink_state s = {.limit = sizeof s.text};
    const i4_call call = {
        .url = url_of(p.port, "/"), .begin = on_begin, .sink = on_bytes, .user = &s};
    assert_true(i4_http_call(client, &call, &a, NULL));
    assert_int_equal(s.begun, 1);
    assert_int_equal(s.status, 206);
    assert_int_equal(s.size, 5);
    assert_memory_equal(s.text, "hello", 5);
    assert_string_equal(a.body, "");
    assert_int_equal(a.size, 5);
    i4_answer_free(&a);
    assert_true(i4_http_call(client, &call, &a, NULL));
    assert_int_equal(a.status, 404);
    assert_string_equal(a.body, "gone"); /* why not: not for the sink */
    assert_int_equal(s.begun, 1);
    i4_answer_free(&a);
    s.limit = 6; /* the sink wants no more */
    assert_false(i4_http_call(client, &call, &a, &err));
    assert_int_equal(err.status, I4_E_CANCELLED);
    i4_answer_free(&a);
    assert_false(i4_http_call(client, &call, &a, &err));
    assert_int_equal(err.status, I4_E_CANCELLED);
    i4_answer_free(&a);
    peer_stop(&p);
}

/* Every allocation of this thread fails in turn: the peer makes none of ours. */
static bool fault_nth_of_ours(i4_fault_kind kind, size_t size, void *user) {
    int *countdown = user;
    (void)kind;
    (void)size;
    return (*countdown)-- == 0;
}

static void http_client_each_fault_is_reported(void **state) {
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    static const char *const script[] = {answer, answer, answer, answer, answer,
                                         answer, answer, answer, NULL};
    peer p = {.forgets = true};
    bool good = false;
    int n = 0;
    (void)state;
    peer_start(&p, script);
    json_t *body = json_pack("{s:s}", "a", "b");
    for (; !good && n < 8; n++) {
        i4_answer a;
        i4_err err = {0};
        int countdown = n;
        const i4_call call = {.method = "POST", .url = url_of(p.port, "/"), .json = body};
        i4_fault_set(fault_nth_of_ours, &countdown);
        good = i4_http_call(client, &call, &a, &err);
        i4_fault_set(NULL, NULL);
        assert_true(good || err.status == I4_E_OUT_OF_MEMORY);
        i4_answer_free(&a);
    }
    assert_true(good && n > 2);
    json_decref(body);
    peer_stop(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_client_methods_and_bodies_arrive),
        cmocka_unit_test(http_client_head_has_headers_only),
        cmocka_unit_test(http_client_large_body_is_sent_without_waiting),
        cmocka_unit_test(http_client_any_status_is_an_answer),
        cmocka_unit_test(http_client_no_json_is_null),
        cmocka_unit_test(http_client_refused_connection_says_so),
        cmocka_unit_test(http_client_cut_answer_is_no_answer),
        cmocka_unit_test(http_client_silent_peer_times_out),
        cmocka_unit_test(http_client_dripping_peer_is_only_held_by_the_total),
        cmocka_unit_test(http_client_large_answer_is_refused),
        cmocka_unit_test(http_client_go_on_stops_a_waiting_call),
        cmocka_unit_test(http_client_other_protocols_are_refused),
        cmocka_unit_test(http_client_redirects_are_followed_when_asked),
        cmocka_unit_test(http_client_redirect_to_a_file_fails),
        cmocka_unit_test(http_client_proxy_is_not_asked_for_loopback),
        cmocka_unit_test(http_client_good_bodies_go_to_the_sink),
        cmocka_unit_test(http_client_each_fault_is_reported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
