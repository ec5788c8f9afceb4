/* The running programs with 200 listeners, one of which reads a byte a second, while picture after
 * picture is drawn: every listener hears of every end, the slow one holds up nobody, and the
 * gateway does not grow.
 *
 * IDEOGRAM4_LISTEN_SECONDS is how long (10), IDEOGRAM4_LISTENERS how many, IDEOGRAM4_RSS_MIB the
 * memory that the gateway may gain. */
#include "probe.h"
#include "stack.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

enum {
    SECONDS = 10,
    LISTENERS = 200,
    LISTENERS_MOST = 1000,
    JOBS_MOST = 8192,
    WARM_JOBS = 3,
    RSS_MIB = 16,
    PATIENCE_SECONDS = 60 /* for one picture: far beyond what it takes */
};

typedef struct listener {
    int fd;
    char *text; /* what came and was not looked at yet; NUL-terminated */
    size_t size, room;
    bool has_hello, is_over;
    int resyncs;
    unsigned char ended[JOBS_MOST]; /* by the order in which the jobs were added */
} listener;

static struct {
    stack stack;
    listener *listeners;
    int count;
    int64_t jobs[JOBS_MOST]; /* ids */
    int job_count;
    double slow_at; /* when the slow one reads its next byte */
} stage;

/* --- listening ----------------------------------------------------------------------------- */

static bool is_slow(const listener *l) {
    return l == stage.listeners;
}

static void open_listener(listener *l, int port) {
    char text[128];
    *l = (listener){.fd = raw_connect(port), .room = 16384};
    l->text = malloc(l->room);
    assert_non_null(l->text);
    if (is_slow(l)) {
        const int little = 2048;
        setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
    }
    snprintf(text, sizeof text, "GET /api/events HTTP/1.0\r\nHost: 127.0.0.1:%d\r\n\r\n", port);
    assert_true(raw_say(l->fd, text));
    assert_int_equal(fcntl(l->fd, F_SETFL, O_NONBLOCK), 0);
}

static void hear_job(listener *l, const json_t *job) {
    const char *state = text_at(job, "state");
    const int64_t id = number_at(job, "id");
    if (strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0) {
        fail_msg("a job ended as %s: %s", state, text_at(job, "error"));
    }
    for (int i = stage.job_count; strcmp(state, "done") == 0 && i-- > 0;) {
        if (stage.jobs[i] == id) {
            l->ended[i] = 1;
            return;
        }
    }
}

/* One block without its blank line. */
static void hear(listener *l, const char *block) {
    const char *kind = strstr(block, "event: "), *data = strstr(block, "data: ");
    if (!kind || !data) {
        return; /* a comment, or the head of the answer */
    }
    l->has_hello = l->has_hello || strncmp(kind, "event: hello", 12) == 0;
    l->resyncs += strncmp(kind, "event: resync", 13) == 0;
    if (strncmp(kind, "event: job\n", 11) == 0) {
        json_t *job = json_loads(data + 6, 0, NULL);
        assert_non_null(job);
        hear_job(l, job);
        json_decref(job);
    }
}

static void take_blocks(listener *l) {
    char *start = l->text, *end;
    while ((end = strstr(start, "\n\n")) != NULL) {
        *end = '\0';
        hear(l, start);
        start = end + 2;
    }
    l->size -= (size_t)(start - l->text);
    memmove(l->text, start, l->size + 1);
}

static void read_some(listener *l, size_t most) {
    if (l->room - l->size < 8192) {
        l->room *= 2;
        l->text = realloc(l->text, l->room);
        assert_non_null(l->text);
    }
    const size_t room = l->room - l->size - 1;
    const ssize_t got = recv(l->fd, l->text + l->size, room < most ? room : most, 0);
    if (got > 0) {
        l->size += (size_t)got;
        l->text[l->size] = '\0';
        take_blocks(l);
    } else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        l->is_over = true;
    }
}

/* Reads whatever comes for a moment. */
static void pump(void) {
    static struct pollfd polls[LISTENERS_MOST];
    for (int i = 1; i < stage.count; i++) {
        polls[i - 1] = (struct pollfd){.fd = stage.listeners[i].fd, .events = POLLIN};
    }
    if (poll(polls, (nfds_t)(stage.count - 1), 100) > 0) {
        for (int i = 1; i < stage.count; i++) {
            if (polls[i - 1].revents) {
                read_some(&stage.listeners[i], SIZE_MAX);
                assert_false(stage.listeners[i].is_over);
            }
        }
    }
    if (probe_now() >= stage.slow_at) {
        stage.slow_at = probe_now() + 1;
        read_some(&stage.listeners[0], 1);
        assert_false(stage.listeners[0].is_over);
    }
}

static bool all_have_hello(void) {
    for (int i = 1; i < stage.count; i++) {
        if (!stage.listeners[i].has_hello) {
            return false;
        }
    }
    return true;
}

static bool all_heard(int job) {
    for (int i = 1; i < stage.count; i++) {
        if (!stage.listeners[i].ended[job]) {
            return false;
        }
    }
    return true;
}

/* --- drawing ------------------------------------------------------------------------------- */

static void draw_one(void) {
    char body[256];
    const int number = stage.job_count;
    assert_true(number < JOBS_MOST);
    snprintf(body, sizeof body,
             "{'items':[{'caption':{'high_level_description':'A mug %d'},'width':256,'height':256,"
             "'preset':'V4_TURBO_12','seed':%d}]}",
             number, number);
    const json_t *answer = say(&stage.stack, GATEWAY, "POST", "/api/queue", body, 201, NULL);
    const json_t *job = json_array_get(json_object_get(answer, "jobs"), 0);
    stage.jobs[stage.job_count++] = number_at(job, "id");
    const double until = probe_now() + PATIENCE_SECONDS;
    while (!all_heard(number)) {
        pump();
        if (probe_now() > until) {
            fail_msg("not everybody heard of the end of job %d", number);
        }
    }
}

static void listeners_hear_of_every_end(void **state) {
    const double seconds = (double)probe_number("IDEOGRAM4_LISTEN_SECONDS", SECONDS);
    const long limit = 1024 * probe_number("IDEOGRAM4_RSS_MIB", RSS_MIB);
    stack *s = &stage.stack;
    (void)state;
    stage.count = (int)probe_number("IDEOGRAM4_LISTENERS", LISTENERS);
    assert_in_range(stage.count, 2, LISTENERS_MOST);
    stage.listeners = calloc((size_t)stage.count, sizeof *stage.listeners);
    assert_non_null(stage.listeners);
    stack_begin(s, "listeners");
    stack_start(s);
    stack_load(s);
    for (int i = 0; i < stage.count; i++) {
        open_listener(&stage.listeners[i], stack_port(s, GATEWAY));
    }
    const double until_hello = probe_now() + PATIENCE_SECONDS;
    while (!all_have_hello()) {
        pump();
        assert_true(probe_now() < until_hello);
    }
    for (int i = 0; i < WARM_JOBS; i++) {
        draw_one();
    }
    const long before = probe_status(s->gateway.pid, "VmRSS:");
    const int warm = stage.job_count;
    const double start = probe_now();
    while (probe_now() < start + seconds || stage.job_count < warm + 2) {
        draw_one();
    }
    const long after = probe_status(s->gateway.pid, "VmRSS:");
    print_message("%d listeners, %d pictures in %.0f s, gateway %.1f MiB %+.1f MiB\n", stage.count,
                  stage.job_count - warm, probe_now() - start, (double)after / 1024,
                  (double)(after - before) / 1024);
    assert_true(before < 0 || after - before <= limit);
    for (int i = 1; i < stage.count; i++) {
        assert_int_equal(stage.listeners[i].resyncs, 0);
    }
    for (int i = 0; i < stage.count; i++) {
        close(stage.listeners[i].fd);
        free(stage.listeners[i].text);
    }
    free(stage.listeners);
    stack_end(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(listeners_hear_of_every_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
