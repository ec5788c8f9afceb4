/* Pushed events (docs/api.md 2) through a running gateway: what is missed and what is not, slow
 * readers, the second port, the end; and what the gateway notices by itself. */
#include "fake_daemon.h"
#include "gateway_rig.h"
#include "http_raw.h"

#include "gateway/events/events.h"
#include "gateway/events/inside.h"
#include "http/loop.h"
#include "ideogram4.h"

/* --- a listener of our own ----------------------------------------------------------------- */

typedef struct reader {
    int fd;
    char *text; /* what came and was not looked at yet; NUL-terminated */
    size_t size, room;
    size_t total; /* bytes of all */
} reader;

typedef struct said {
    char id[64], kind[32];
    json_t *data;
} said;

/* lines: further header lines; query: "" or "?…" */
static reader listen_on(int port, const char *query, const char *lines) {
    char text[512];
    reader r = {.fd = raw_connect(port)};
    snprintf(text, sizeof text, "GET /api/events%s HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n%s\r\n", query,
             port, lines);
    assert_true(raw_say(r.fd, text));
    return r;
}

static reader listen_to(rig *r, const char *last_id) {
    char line[128] = "";
    if (last_id) {
        snprintf(line, sizeof line, "Last-Event-ID: %s\r\n", last_id);
    }
    return listen_on(i4_gateway_port(&r->gateway), "", line);
}

static void reader_close(reader *r) {
    close(r->fd);
    free(r->text);
    *r = (reader){0};
}

/* False at the end. */
static bool receive(reader *r) {
    if (r->room - r->size < 8192) {
        r->room = 2 * r->room + 16384;
        r->text = realloc(r->text, r->room);
        assert_non_null(r->text);
    }
    const ssize_t got = recv(r->fd, r->text + r->size, r->room - r->size - 1, 0);
    if (got <= 0) {
        return false;
    }
    r->size += (size_t)got;
    r->total += (size_t)got;
    r->text[r->size] = '\0';
    return true;
}

static void drop(reader *r, size_t count) {
    r->size -= count;
    memmove(r->text, r->text + count, r->size + 1);
}

/* The block up to the next blank line, without it; NULL at the end. Owned. */
static char *next_block(reader *r, const char *mark) {
    char *end;
    while (!r->text || (end = strstr(r->text, mark)) == NULL) {
        if (!receive(r)) {
            return NULL;
        }
    }
    const size_t size = (size_t)(end - r->text);
    char *block = malloc(size + 1);
    assert_non_null(block);
    memcpy(block, r->text, size);
    block[size] = '\0';
    drop(r, size + strlen(mark));
    return block;
}

static void read_head(reader *r) {
    char *head = next_block(r, "\r\n\r\n");
    assert_non_null(head);
    assert_non_null(strstr(head, " 200 "));
    assert_non_null(strstr(head, "text/event-stream"));
    free(head);
}

static void take_line(said *event, const char *line) {
    if (strncmp(line, "id: ", 4) == 0) {
        snprintf(event->id, sizeof event->id, "%s", line + 4);
    } else if (strncmp(line, "event: ", 7) == 0) {
        snprintf(event->kind, sizeof event->kind, "%s", line + 7);
    } else if (strncmp(line, "data: ", 6) == 0) {
        event->data = json_loads(line + 6, JSON_DECODE_ANY, NULL);
    } else {
        assert_true(strncmp(line, "retry: ", 7) == 0);
    }
}

/* The next event; comments are passed over. False at the end of the stream. */
static bool hear(reader *r, said *event) {
    for (;;) {
        char *block = next_block(r, "\n\n");
        *event = (said){0};
        if (!block) {
            return false;
        }
        if (block[0] == ':') {
            free(block);
            continue;
        }
        char *rest = block;
        for (char *line = strtok_r(block, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            take_line(event, line);
        }
        free(block);
        assert_true(event->id[0] && event->kind[0] && event->data);
        return true;
    }
}

static void said_free(said *event) {
    json_decref(event->data);
    event->data = NULL;
}

/* The next event of our own is this one; its id. What the gateway notices by itself is passed over.
 */
static const char *expect(reader *r, const char *kind, const char *data) {
    static char ids[4][64];
    static int turn;
    char *id = ids[turn = (turn + 1) % 4];
    said event;
    do {
        assert_true(hear(r, &event));
        if (strcmp(event.kind, "model") == 0 && strcmp(kind, "model") != 0) {
            said_free(&event);
        }
    } while (!event.data);
    char *text = json_dumps(event.data, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(event.kind, kind);
    if (data) {
        assert_string_equal(text, data);
    }
    free(text);
    snprintf(id, 64, "%s", event.id);
    said_free(&event);
    return id;
}

static reader greeted(rig *r) {
    reader listener = listen_to(r, NULL);
    read_head(&listener);
    expect(&listener, "hello", NULL);
    return listener;
}

static void say_number(rig *r, const char *kind, const char *key, int number) {
    i4_events_say(r->gateway.events, kind, key, json_pack("{s:i}", "n", number));
}

static void begin(rig *r) {
    rig_settings(r, "events");
    rig_start(r);
}

/* --- what is missed and what is not -------------------------------------------------------- */

static void events_hello_and_what_is_said(void **state) {
    rig r;
    said event;
    (void)state;
    begin(&r);
    json_t *queue;
    assert_int_equal(rig_ask(&r, "GET", "/api/queue", NULL, &queue), 200);
    reader listener = listen_to(&r, NULL);
    read_head(&listener);
    assert_true(hear(&listener, &event));
    assert_string_equal(event.kind, "hello");
    assert_string_equal(text_at(event.data, "version"), ID4_VERSION_STRING);
    assert_true(json_is_integer(json_object_get(event.data, "revision")));
    assert_true(
        json_equal(json_object_get(event.data, "revision"), json_object_get(queue, "revision")));
    json_decref(queue);
    assert_int_equal(strspn(event.id, "0123456789abcdef"), 16);
    assert_int_equal(event.id[16], '-');
    said_free(&event);
    assert_int_equal(i4_events_listeners(r.gateway.events), 1);
    i4_events_say(r.gateway.events, "job", "7", json_pack("{s:s}", "hld", "two\nlines \xc3\xa9"));
    expect(&listener, "job", "{\"hld\":\"two\\nlines \xc3\xa9\"}");
    i4_events_image(r.gateway.events, "added", json_pack("[i]", 3), 5);
    expect(&listener, "image", "{\"change\":\"added\",\"ids\":[3],\"prompt_id\":5}");
    i4_events_image(r.gateway.events, "removed", NULL, -1);
    expect(&listener, "image", "{\"change\":\"removed\",\"ids\":null,\"prompt_id\":null}");
    reader_close(&listener);
    i4_events_say(r.gateway.events, "image", NULL, json_object()); /* it is noticed to be gone */
    EVENTUALLY(i4_events_listeners(r.gateway.events) == 0);
    i4_events_say(NULL, "job", NULL, json_object()); /* without a log: nothing */
    rig_end(&r);
}

static void events_go_on_where_they_ended(void **state) {
    rig r;
    char id[64], query[128];
    (void)state;
    begin(&r);
    reader listener = greeted(&r);
    say_number(&r, "image", NULL, 1);
    snprintf(id, sizeof id, "%s", expect(&listener, "image", "{\"n\":1}"));
    reader_close(&listener);
    say_number(&r, "image", NULL, 2);
    say_number(&r, "image", NULL, 3);
    snprintf(query, sizeof query, "?last_event_id=%s", id);
    reader both[2] = {listen_to(&r, id), listen_on(i4_gateway_port(&r.gateway), query, "")};
    for (int i = 0; i < 2; i++) {
        read_head(&both[i]);
        expect(&both[i], "image", "{\"n\":2}");
        expect(&both[i], "image", "{\"n\":3}");
        reader_close(&both[i]);
    }
    rig_end(&r);
}

/* A newer one of the same kind and key takes the place of an older one, at the end. */
static void events_replace_older_ones(void **state) {
    rig r;
    char id[64];
    (void)state;
    begin(&r);
    reader listener = listen_to(&r, NULL);
    read_head(&listener);
    snprintf(id, sizeof id, "%s", expect(&listener, "hello", NULL));
    reader_close(&listener);
    for (int i = 0; i < 10000; i++) { /* far more than the log holds */
        say_number(&r, "job", i % 2 ? "1" : "2", i);
        if (i == 5000) {
            say_number(&r, "image", NULL, i);
            say_number(&r, "preview", "1", i); /* the same key of another kind */
        }
    }
    listener = listen_to(&r, id);
    read_head(&listener);
    expect(&listener, "image", "{\"n\":5000}");
    expect(&listener, "preview", "{\"n\":5000}");
    expect(&listener, "job", "{\"n\":9998}");
    expect(&listener, "job", "{\"n\":9999}");
    reader_close(&listener);
    rig_end(&r);
}

static void expect_resync(rig *r, const char *id) {
    reader listener = listen_to(r, id);
    read_head(&listener);
    char newest[64];
    snprintf(newest, sizeof newest, "%s", expect(&listener, "resync", "{}"));
    reader_close(&listener);
    say_number(r, "image", NULL, 12345);
    listener = listen_to(r, newest); /* from there on nothing is missed */
    read_head(&listener);
    expect(&listener, "image", "{\"n\":12345}");
    reader_close(&listener);
}

static void events_resync_after_a_gap(void **state) {
    rig r;
    char id[64];
    (void)state;
    begin(&r);
    reader listener = listen_to(&r, NULL);
    read_head(&listener);
    snprintf(id, sizeof id, "%s", expect(&listener, "hello", NULL));
    reader_close(&listener);
    for (int i = 0; i < 5000; i++) {
        say_number(&r, "image", NULL, i);
    }
    expect_resync(&r, id);
    rig_end(&r);
}

static void events_resync_after_a_restart_and_for_wrong_ids(void **state) {
    rig r;
    char id[64], beyond[64];
    (void)state;
    begin(&r);
    reader listener = listen_to(&r, NULL);
    read_head(&listener);
    snprintf(id, sizeof id, "%s", expect(&listener, "hello", NULL));
    reader_close(&listener);
    rig_stop(&r);
    rig_start(&r);
    expect_resync(&r, id);
    listener = listen_to(&r, NULL);
    read_head(&listener);
    snprintf(id, sizeof id, "%s", expect(&listener, "hello", NULL));
    reader_close(&listener);
    snprintf(beyond, sizeof beyond, "%.17s99999999", id);
    const char *const wrong[] = {"1", "-", "0123456789abcdef-1", beyond, "x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        expect_resync(&r, wrong[i]);
    }
    snprintf(beyond, sizeof beyond, "%.17s-1", id);
    expect_resync(&r, beyond);
    snprintf(beyond, sizeof beyond, "%.17s1x", id);
    expect_resync(&r, beyond);
    rig_end(&r);
}

static void events_resync_when_memory_was_short(void **state) {
    rig r;
    (void)state;
    begin(&r);
    reader listener = greeted(&r);
    i4_events_say(r.gateway.events, "job", "1", NULL);
    expect(&listener, "resync", "{}");
    char *long_text = calloc(1, (2 << 20) + 1);
    assert_non_null(long_text);
    memset(long_text, 'x', 2 << 20); /* and for what is far too long to be pushed */
    i4_events_say(r.gateway.events, "job", "1", json_pack("{s:s}", "hld", long_text));
    free(long_text);
    expect(&listener, "resync", "{}");
    say_number(&r, "job", "1", 2);
    expect(&listener, "job", "{\"n\":2}");
    reader_close(&listener);
    rig_end(&r);
}

/* --- slow readers -------------------------------------------------------------------------- */

enum { MANY = 40000 };

/* One reads nothing while 40 MB are said: it costs nobody anything, gets a part and a resync. */
static void events_wait_for_no_slow_reader(void **state) {
    rig r;
    said event;
    char filling[1024];
    bool has_resync = false, has_end = false;
    (void)state;
    memset(filling, 'x', sizeof filling);
    filling[sizeof filling - 1] = '\0';
    begin(&r);
    reader slow = listen_to(&r, NULL);
    reader quick = greeted(&r);
    for (int i = 0; i < MANY; i++) {
        i4_events_say(r.gateway.events, "image", NULL, json_pack("{s:s}", "t", filling));
        if (i % 64 == 63) { /* within what the log holds: the quick one misses nothing */
            for (int k = 0; k < 64; k++) {
                expect(&quick, "image", NULL);
            }
        }
    }
    say_number(&r, "job", "1", MANY);
    expect(&quick, "job", "{\"n\":40000}");
    read_head(&slow);
    while (!has_end && hear(&slow, &event)) {
        has_resync = has_resync || strcmp(event.kind, "resync") == 0;
        has_end = strcmp(event.kind, "job") == 0;
        if (has_resync && !has_end) { /* it goes on from there, with what is new */
            say_number(&r, "job", "1", MANY + 1);
        }
        said_free(&event);
    }
    assert_true(has_resync);
    assert_true(has_end);
    assert_true(slow.total < (size_t)MANY * sizeof filling / 2);
    reader_close(&slow);
    reader_close(&quick);
    rig_end(&r);
}

static void events_stop_while_they_are_listened_to(void **state) {
    rig r;
    said event;
    char filling[8192];
    (void)state;
    memset(filling, 'x', sizeof filling);
    filling[sizeof filling - 1] = '\0';
    begin(&r);
    reader stuck = listen_to(&r, NULL);
    reader quick = greeted(&r);
    EVENTUALLY(i4_events_listeners(r.gateway.events) == 2);
    for (int i = 0; i < 4000; i++) { /* more than any socket holds */
        i4_events_say(r.gateway.events, "image", NULL, json_pack("{s:s}", "t", filling));
        if (i % 16 == 15) {
            for (int k = 0; k < 16; k++) {
                expect(&quick, "image", NULL);
            }
        }
    }
    rig_stop(&r);
    assert_null(r.gateway.db); /* nothing had to be left behind */
    while (hear(&quick, &event)) {
        said_free(&event);
    }
    reader_close(&stuck);
    reader_close(&quick);
    rig_end(&r);
}

static void beat_soon(i4_http_server *server) {
    pthread_mutex_lock(&server->lock);
    for (i4_stream *stream = server->streams; stream; stream = stream->next) {
        stream->last -= 2 * I4_LOOP_BEAT_SECONDS;
    }
    pthread_mutex_unlock(&server->lock);
}

static void events_beat_while_nothing_happens(void **state) {
    rig r;
    (void)state;
    begin(&r);
    reader listener = greeted(&r);
    /* what the watch has to say comes first */
    expect(&listener, "model", NULL);
    beat_soon(r.gateway.server);
    char *block = next_block(&listener, "\n\n");
    assert_string_equal(block, ":");
    free(block);
    reader_close(&listener);
    rig_end(&r);
}

/* --- ports and limits ---------------------------------------------------------------------- */

static int free_port(void) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static void events_come_on_the_page_s_port_too(void **state) {
    rig r;
    (void)state;
    rig_settings(&r, "events");
    snprintf(r.settings.webui_host, sizeof r.settings.webui_host, "127.0.0.1");
    r.settings.webui_port = free_port();
    rig_start(&r);
    assert_non_null(r.gateway.page);
    reader page = listen_on(r.settings.webui_port, "", "");
    read_head(&page);
    expect(&page, "hello", NULL);
    reader other = greeted(&r);
    say_number(&r, "job", "1", 1);
    expect(&page, "job", "{\"n\":1}");
    expect(&other, "job", "{\"n\":1}");
    reader_close(&page);
    reader_close(&other);
    rig_end(&r);
}

static void events_have_a_limit_of_listeners(void **state) {
    static i4_listener *listeners[I4_LISTENERS_MOST];
    rig r;
    i4_err err = {0};
    json_t *answer;
    (void)state;
    begin(&r);
    for (int i = 0; i < I4_LISTENERS_MOST; i++) {
        listeners[i] = i4_listener_new(r.gateway.events, r.gateway.server, NULL, &err);
        assert_non_null(listeners[i]);
    }
    assert_int_equal(rig_ask(&r, "GET", "/api/events", NULL, &answer), 503);
    assert_non_null(strstr(text_at(answer, "error"), "1024"));
    json_decref(answer);
    i4_buf out;
    i4_buf_init(&out, 1 << 20);
    assert_true(i4_listener_next(listeners[0], &out));
    assert_non_null(strstr(out.ptr, "event: hello\n"));
    i4_buf_free(&out);
    for (int i = 0; i < I4_LISTENERS_MOST; i++) {
        i4_listener_end(listeners[i]);
    }
    reader listener = greeted(&r);
    reader_close(&listener);
    rig_end(&r);
}

/* --- what the gateway notices by itself ---------------------------------------------------- */

static bool differ(const char *before, const char *now) {
    json_t *a = json_loads(before, 0, NULL), *b = json_loads(now, 0, NULL);
    assert_true(a && b);
    const bool answer = i4_watch_differs(a, b);
    json_decref(a);
    json_decref(b);
    return answer;
}

static void events_know_what_is_news(void **state) {
    (void)state;
    assert_true(i4_watch_differs(NULL, NULL));
    assert_false(differ("{\"state\":\"idle\"}", "{\"state\":\"idle\"}"));
    assert_true(differ("{\"state\":\"idle\"}", "{\"state\":\"loaded\"}"));
    assert_true(differ("{\"a\":1}", "{\"a\":1,\"b\":2}"));
    assert_true(differ("{\"a\":1}", "{\"b\":1}"));
    assert_true(differ("{\"a\":100}", "{\"a\":101}"));
    assert_false(differ("{\"memory\":{\"active\":100}}", "{\"memory\":{\"active\":104}}"));
    assert_true(differ("{\"memory\":{\"active\":100}}", "{\"memory\":{\"active\":110}}"));
    assert_true(differ("{\"memory\":{\"active\":100}}", "{\"memory\":{\"active\":null}}"));
    assert_false(
        differ("{\"mlx_memory\":{\"active_gb\":1.0}}", "{\"mlx_memory\":{\"active_gb\":1.01}}"));
    assert_false(differ("{\"operation\":\"drawing (3s)\"}", "{\"operation\":\"drawing (14s)\"}"));
    assert_true(differ("{\"operation\":\"drawing (3s)\"}", "{\"operation\":\"loading (3s)\"}"));
    assert_true(differ("{\"operation\":\"drawing (3s)\"}", "{\"operation\":null}"));
    assert_false(differ("{\"idle_unload\":{\"minutes\":5,\"seconds_left\":300}}",
                        "{\"idle_unload\":{\"minutes\":5,\"seconds_left\":299}}"));
    assert_true(differ("{\"idle_unload\":{\"minutes\":5,\"seconds_left\":300}}",
                       "{\"idle_unload\":{\"minutes\":6,\"seconds_left\":360}}"));
    assert_true(differ("{\"idle_unload\":{\"minutes\":5,\"seconds_left\":300}}",
                       "{\"idle_unload\":{\"minutes\":5,\"seconds_left\":null}}"));
}

static void events_tell_of_model_and_lora(void **state) {
    fake_daemon daemon;
    rig r;
    (void)state;
    fake_daemon_open(&daemon);
    rig_settings(&r, "events");
    snprintf(r.settings.daemon_url, sizeof r.settings.daemon_url, "http://127.0.0.1:%d",
             daemon.port);
    fake_daemon_replace(&daemon, "/model/status", 200, "application/json", "{\"state\":\"idle\"}");
    rig_start(&r);
    reader listener = greeted(&r);
    expect(&listener, "model", "{\"state\":\"idle\"}");
    fake_daemon_replace(&daemon, "/lora/status", 200, "application/json", "{\"loras\":[]}");
    said event;
    bool has_lora = false;
    while (!has_lora && hear(&listener, &event)) {
        has_lora = strcmp(event.kind, "lora") == 0;
        said_free(&event);
    }
    assert_true(has_lora);
    reader_close(&listener);
    fake_daemon_close(&daemon);
    listener = greeted(&r);
    bool is_away = false;
    while (!is_away && hear(&listener, &event)) {
        is_away = strcmp(event.kind, "model") == 0 &&
                  strstr(text_at(event.data, "msg"), "not reachable") != NULL;
        said_free(&event);
    }
    assert_true(is_away);
    reader_close(&listener);
    rig_end(&r);
}

static void events_idle_is_relayed(void **state) {
    fake_daemon daemon;
    rig r;
    json_t *answer;
    (void)state;
    fake_daemon_open(&daemon);
    rig_settings(&r, "events");
    snprintf(r.settings.daemon_url, sizeof r.settings.daemon_url, "http://127.0.0.1:%d",
             daemon.port);
    fake_daemon_replace(&daemon, "/model/idle", 200, "application/json", "{\"minutes\":5}");
    rig_start(&r);
    assert_int_equal(rig_ask(&r, "POST", "/api/model/idle", "{\"minutes\":5}", &answer), 200);
    assert_int_equal(json_integer_value(json_object_get(answer, "minutes")), 5);
    json_decref(answer);
    fake_daemon_close(&daemon);
    assert_int_equal(rig_ask(&r, "POST", "/api/model/idle", "{\"minutes\":5}", NULL), 503);
    rig_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_hello_and_what_is_said),
        cmocka_unit_test(events_go_on_where_they_ended),
        cmocka_unit_test(events_replace_older_ones),
        cmocka_unit_test(events_resync_after_a_gap),
        cmocka_unit_test(events_resync_after_a_restart_and_for_wrong_ids),
        cmocka_unit_test(events_resync_when_memory_was_short),
        cmocka_unit_test(events_wait_for_no_slow_reader),
        cmocka_unit_test(events_stop_while_they_are_listened_to),
        cmocka_unit_test(events_beat_while_nothing_happens),
        cmocka_unit_test(events_come_on_the_page_s_port_too),
        cmocka_unit_test(events_have_a_limit_of_listeners),
        cmocka_unit_test(events_know_what_is_news),
        cmocka_unit_test(events_tell_of_model_and_lora),
        cmocka_unit_test(events_idle_is_relayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
