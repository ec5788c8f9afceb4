/* The running programs under load: many connections, more submissions than there is room for, slow
 * sockets, a daemon that hangs, and picture after picture. Nobody is answered 5xx, and memory and
 * descriptors stay as they were. Times are printed; only absurd ones fail.
 *
 * IDEOGRAM4_LOAD is the load in percent of 10 000 requests, 1 000 submissions and 2 000 slow
 * sockets, IDEOGRAM4_PICTURES the number of pictures, IDEOGRAM4_RSS_MIB the memory that a program
 * may gain. */
#include "probe.h"
#include "stack.h"

#include <signal.h>
#include <sys/resource.h>

enum {
    LOAD_PERCENT = 20,
    REQUESTS = 10000,
    SUBMISSIONS = 1000,
    SLOW_SOCKETS = 2000,
    CONNECTIONS = 200, /* that read */
    SUBMITTERS = 20,   /* that submit */
    PICTURES = 50,
    WARM_PICTURES = 10,
    CANCELS = 100,
    WARM_REQUESTS = 600, /* until every thread has its connection to the daemon */
    RSS_MIB = 16,
    SPARE_DESCRIPTORS = 8,
    SIEGE_SECONDS = 4 /* less than the programs' deadline for a request's head */
};
static const double absurd_seconds = 1; /* 20 to 50 times what is wanted */

static long scaled(long full) {
    const long part = full * probe_number("IDEOGRAM4_LOAD", LOAD_PERCENT) / 100;
    return part > 1 ? part : 1;
}

/* --- memory and descriptors ------------------------------------------------------------------- */

typedef struct weight {
    long rss_kib, descriptors, threads;
} weight;

static weight weigh(pid_t pid) {
    return (weight){probe_status(pid, "VmRSS:"), probe_descriptors(pid),
                    probe_status(pid, "Threads:")};
}

/* Descriptors close a moment after their peers do. */
static void assert_flat(const char *name, pid_t pid, weight before) {
    const long limit = 1024 * probe_number("IDEOGRAM4_RSS_MIB", RSS_MIB);
    if (before.rss_kib < 0) {
        print_message("%s: this system does not tell\n", name);
        return;
    }
    EVENTUALLY(probe_descriptors(pid) <= before.descriptors + SPARE_DESCRIPTORS);
    const weight now = weigh(pid);
    print_message("%s: %.1f MiB %+.1f MiB, descriptors %ld %+ld, threads %ld %+ld\n", name,
                  (double)now.rss_kib / 1024, (double)(now.rss_kib - before.rss_kib) / 1024,
                  now.descriptors, now.descriptors - before.descriptors, now.threads,
                  now.threads - before.threads);
    assert_true(now.rss_kib - before.rss_kib <= limit);
    assert_true(now.threads <= before.threads);
}

typedef struct weights {
    weight gateway, daemon;
} weights;

static weights weigh_both(const stack *s) {
    return (weights){weigh(s->gateway.pid), weigh(s->daemon.pid)};
}

static void assert_both_flat(const stack *s, weights before) {
    assert_flat("gateway", s->gateway.pid, before.gateway);
    assert_flat("daemon", s->daemon.pid, before.daemon);
}

/* --- times ------------------------------------------------------------------------------------ */

typedef struct times {
    double *item; /* owned */
    size_t count, room;
} times;

static void add_time(times *t, double seconds) {
    if (t->count == t->room) {
        t->room = t->room ? 2 * t->room : 1024;
        t->item = realloc(t->item, t->room * sizeof *t->item);
        assert_non_null(t->item);
    }
    t->item[t->count++] = seconds;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Prints them; the 99th percentile. */
static double report(const char *name, times *t) {
    assert_true(t->count > 0);
    qsort(t->item, t->count, sizeof *t->item, by_size);
    const double p99 = t->item[(t->count - 1) * 99 / 100];
    print_message("%s: %zu, median %.2f ms, p99 %.2f ms, longest %.2f ms\n", name, t->count,
                  1000 * t->item[t->count / 2], 1000 * p99, 1000 * t->item[t->count - 1]);
    return p99;
}

static void free_times(times *t) {
    free(t->item);
    *t = (times){0};
}

/* --- many connections ------------------------------------------------------------------------- */

typedef enum look { LOOK_STATUS, LOOK_GATEWAY, LOOK_DAEMON, LOOK_SUBMIT } look;

typedef struct client {
    probe_link link;
    bool is_daemon, is_submitter, is_waiting;
    look look;
    double since;
} client;

typedef struct crowd {
    client *client; /* owned */
    struct pollfd *polled;
    size_t count;
    long reads, submissions; /* left to send */
    long answered, accepted, refused, broken, server_errors;
    uint32_t chance;
    char task[40];
    times status, others;
} crowd;

static const char *const gateway_paths[] = {
    "/api/model/status",
    "/api/images",
    "/api/images/stats",
    "/api/prompts",
    "/api/favorites",
    "/api/form",
    "/api/prompts/1",
    "/api/lora/status",
    "/outputs/none.png",
    "/api/upscale/status",
    "/",
};
static const char *const daemon_paths[] = {"/health", "/model/status", "/lora/status",
                                           "/lora/presets", "/spool"};
#define PICK(list, number) (list)[(number) % (sizeof(list) / sizeof *(list))]

/* Half of all reads ask for the state of a drawing, as pages do. */
static void choose(crowd *c, client *one, char *text, size_t size) {
    static const char body[] =
        "{\"caption\":{\"high_level_description\":\"load\",\"compositional_deconstruction\":{"
        "\"background\":\"white\",\"elements\":[]}},\"width\":256,\"height\":256,"
        "\"preset\":\"V4_TURBO_12\"}";
    const uint32_t dice = probe_random(&c->chance);
    const char *path = "/api/generate";
    char status[96];
    one->look = one->is_submitter ? LOOK_SUBMIT
                : dice % 2        ? LOOK_STATUS
                : one->is_daemon  ? LOOK_DAEMON
                                  : LOOK_GATEWAY;
    if (one->look == LOOK_STATUS) {
        snprintf(status, sizeof status, "%s/status/%s", one->is_daemon ? "" : "/api", c->task);
        path = status;
    } else if (one->look != LOOK_SUBMIT) {
        path = one->is_daemon ? PICK(daemon_paths, dice / 2) : PICK(gateway_paths, dice / 2);
    }
    if (one->look == LOOK_SUBMIT) {
        snprintf(text, size,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n%s",
                 path, one->link.port, sizeof body - 1, body);
    } else {
        snprintf(text, size, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", path, one->link.port);
    }
}

static bool reopen(client *one) {
    if (!one->link.is_open) {
        one->link.fd = probe_connect(one->link.port);
        one->link.is_open = one->link.fd >= 0;
    }
    return one->link.is_open;
}

static void send_next(crowd *c, client *one) {
    char text[1024];
    long *left = one->is_submitter ? &c->submissions : &c->reads;
    if (one->is_waiting || *left == 0) {
        return;
    }
    --*left;
    choose(c, one, text, sizeof text);
    one->link.size = 0;
    one->since = probe_now();
    one->is_waiting = reopen(one) && probe_send(one->link.fd, text, strlen(text));
    c->broken += !one->is_waiting;
}

static void keep_task(crowd *c, const char *body) {
    static const char key[] = "{\"task_id\":\"";
    if (strncmp(body, key, sizeof key - 1) == 0) {
        snprintf(c->task, sizeof c->task, "%.32s", body + sizeof key - 1);
    }
}

static void take_answer(crowd *c, client *one, int status, const char *body) {
    add_time(one->look == LOOK_STATUS ? &c->status : &c->others, probe_now() - one->since);
    one->is_waiting = false;
    c->answered++;
    if (status >= 500) {
        c->server_errors++;
        print_message("%d: %.200s\n", status, body);
    }
    if (one->look == LOOK_SUBMIT) {
        c->accepted += status == 200;
        c->refused += status == 409;
        keep_task(c, body);
    }
}

static void read_some(crowd *c, client *one) {
    probe_link *link = &one->link;
    int status = 0;
    size_t body_at = 0;
    assert_true(probe_make_room(link));
    const ssize_t got =
        recv(link->fd, link->text + link->size, link->room - link->size - 1, MSG_DONTWAIT);
    if (got <= 0) {
        c->broken += one->is_waiting;
        one->is_waiting = false;
        probe_hang_up(link);
        return;
    }
    link->size += (size_t)got;
    link->text[link->size] = '\0';
    if (probe_answer_size(link->text, link->size, false, &status, &body_at) > 0) {
        take_answer(c, one, status, link->text + body_at);
    }
}

static bool is_busy(const crowd *c) {
    bool waiting = c->reads > 0 || c->submissions > 0;
    for (size_t i = 0; i < c->count; i++) {
        waiting = waiting || c->client[i].is_waiting;
    }
    return waiting;
}

/* Everyone asks again as soon as it was answered. */
static void run(crowd *c, long reads, long submissions) {
    const double until = probe_now() + 600;
    c->reads = reads;
    c->submissions = submissions;
    while (is_busy(c)) {
        for (size_t i = 0; i < c->count; i++) {
            send_next(c, &c->client[i]);
            c->polled[i] = (struct pollfd){
                .fd = c->client[i].link.is_open ? c->client[i].link.fd : -1, .events = POLLIN};
        }
        (void)poll(c->polled, (nfds_t)c->count, 1000);
        for (size_t i = 0; i < c->count; i++) {
            if (c->polled[i].revents) {
                read_some(c, &c->client[i]);
            }
        }
        assert_true(probe_now() < until);
    }
}

static void open_crowd(crowd *c, const stack *s) {
    *c = (crowd){.count = CONNECTIONS + SUBMITTERS, .chance = 4711};
    c->client = calloc(c->count, sizeof *c->client);
    c->polled = calloc(c->count, sizeof *c->polled);
    assert_non_null(c->client);
    assert_non_null(c->polled);
    snprintf(c->task, sizeof c->task, "%032d", 0);
    for (size_t i = 0; i < c->count; i++) {
        client *one = &c->client[i];
        one->is_submitter = i >= CONNECTIONS;
        one->is_daemon = !one->is_submitter && i % 4 == 0;
        one->link.port = stack_port(s, one->is_daemon ? DAEMON : GATEWAY);
    }
}

static void hang_up_all(crowd *c) {
    for (size_t i = 0; i < c->count; i++) {
        probe_hang_up(&c->client[i].link);
    }
}

static void close_crowd(crowd *c) {
    for (size_t i = 0; i < c->count; i++) {
        probe_free(&c->client[i].link);
    }
    free(c->client);
    free(c->polled);
    free_times(&c->status);
    free_times(&c->others);
}

static void warm_up(const stack *s) {
    crowd c;
    open_crowd(&c, s);
    run(&c, WARM_REQUESTS, 0);
    close_crowd(&c);
}

/* --- the programs ----------------------------------------------------------------------------- */

static void open_stack(stack *s, const char *test) {
    stack_begin(s, test);
    stack_use_lora_model(s);
    stack_start(s);
    stack_load(s);
}

static void await_drawn(stack *s) {
    await(s, DAEMON, "/model/status", "{'operation':null,'state':'loaded','...':0}");
    EVENTUALLY(stack_file_count(s, "spool", ".json") == 0);
}

static void more_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* --- many requests ---------------------------------------------------------------------------- */

static void load_of_many_is_borne(void **state) {
    stack s;
    crowd c;
    (void)state;
    open_stack(&s, "load_many");
    open_crowd(&c, &s);
    run(&c, scaled(REQUESTS) / 2, scaled(SUBMISSIONS) / 2); /* warm */
    hang_up_all(&c);
    await_drawn(&s);
    const weights before = weigh_both(&s);
    free_times(&c.status);
    free_times(&c.others);
    const double begun = probe_now();
    run(&c, scaled(REQUESTS), scaled(SUBMISSIONS));
    print_message("%.0f answers a second over %d connections; %ld tasks accepted, %ld refused\n",
                  (double)(c.status.count + c.others.count) / (probe_now() - begun),
                  CONNECTIONS + SUBMITTERS, c.accepted, c.refused);
    const double p99 = report("status", &c.status);
    report("others", &c.others);
    assert_int_equal(c.server_errors, 0);
    assert_int_equal(c.broken, 0);
    assert_true(c.accepted > 0 && c.refused > 0);
    hang_up_all(&c);
    await_drawn(&s);
    assert_both_flat(&s, before);
    assert_true(p99 < absurd_seconds * (double)probe_number("IDEOGRAM4_PATIENCE", 1));
    close_crowd(&c);
    stack_end(&s);
}

/* --- slow sockets ----------------------------------------------------------------------------- */

/* Connections to one program whose first request never ends. */
typedef struct siege {
    probe_link link; /* of somebody else */
    const char *path;
    struct pollfd *slow; /* owned */
    size_t count;
    times times;
} siege;

static void begin_siege(siege *g, int port, const char *path) {
    char text[128];
    *g = (siege){.link = {.port = port}, .path = path, .count = (size_t)scaled(SLOW_SOCKETS)};
    g->slow = calloc(g->count, sizeof *g->slow);
    assert_non_null(g->slow);
    const int size =
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Slow", path, port);
    for (size_t i = 0; i < g->count; i++) {
        g->slow[i] = (struct pollfd){.fd = probe_connect(port), .events = POLLIN};
        assert_true(g->slow[i].fd >= 0 && probe_send(g->slow[i].fd, text, (size_t)size));
    }
}

static void pass_through(siege *g, size_t turn) {
    const double begun = probe_now();
    assert_int_equal(probe_get(&g->link, g->path), 200);
    add_time(&g->times, probe_now() - begun);
    if (turn % 2) {
        probe_hang_up(&g->link); /* half of the requests on new connections */
    }
    (void)probe_send(g->slow[turn % g->count].fd, "x", 1); /* they drip */
}

static void end_siege(siege *g, const char *name) {
    print_message("%zu slow sockets: ", g->count);
    const double p99 = report(name, &g->times);
    assert_true(p99 < absurd_seconds * (double)probe_number("IDEOGRAM4_PATIENCE", 1));
    EVENTUALLY(poll(g->slow, (nfds_t)g->count, 0) == (int)g->count); /* all were hung up on */
    for (size_t i = 0; i < g->count; i++) {
        close(g->slow[i].fd);
    }
    free(g->slow);
    free_times(&g->times);
    probe_free(&g->link);
}

static void besiege(const stack *s) {
    siege daemon, gateway;
    begin_siege(&daemon, stack_port(s, DAEMON), "/health");
    begin_siege(&gateway, stack_port(s, GATEWAY), "/api/form");
    const double until = probe_now() + SIEGE_SECONDS;
    for (size_t turn = 0; probe_now() < until; turn++) {
        pass_through(&daemon, turn);
        pass_through(&gateway, turn);
        probe_sleep(0.01);
    }
    end_siege(&daemon, "daemon");
    end_siege(&gateway, "gateway");
}

/* Others are served meanwhile, then the deadline closes them all. */
static void load_of_slow_sockets_delays_nobody(void **state) {
    stack s;
    (void)state;
    more_descriptors();
    open_stack(&s, "load_slow");
    besiege(&s);
    const weights before = weigh_both(&s);
    besiege(&s);
    assert_both_flat(&s, before);
    stack_end(&s);
}

/* --- a daemon that hangs ---------------------------------------------------------------------- */

/* 503 when the time is up; the library is at hand all the while. */
static void load_on_a_hanging_daemon_is_refused_in_time(void **state) {
    stack s;
    (void)state;
    open_stack(&s, "load_hang");
    probe_link a = {.port = stack_port(&s, GATEWAY)}, b = {.port = stack_port(&s, GATEWAY)};
    char ask_text[128];
    warm_up(&s);
    assert_int_equal(probe_get(&a, "/api/lora/status"), 200);
    const weight before = weigh(s.gateway.pid);
    assert_int_equal(kill(s.daemon.pid, SIGSTOP), 0);
    for (int i = 0; i < 2; i++) {
        const double begun = probe_now();
        const int size =
            snprintf(ask_text, sizeof ask_text,
                     "GET /api/lora/status HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", a.port);
        assert_true(probe_send(a.fd, ask_text, (size_t)size));
        assert_int_equal(probe_get(&b, "/api/images"), 200);
        assert_int_equal(probe_get(&b, "/api/form"), 200);
        const double meanwhile = probe_now() - begun;
        assert_int_equal(probe_receive(&a, false), 503);
        assert_non_null(strstr(a.body, "daemon unreachable"));
        print_message("hanging daemon: refused after %.1f s, library within %.3f s\n",
                      probe_now() - begun, meanwhile);
        assert_true(meanwhile < 4);
        assert_true(probe_now() - begun < 20);
    }
    assert_int_equal(kill(s.daemon.pid, SIGCONT), 0);
    assert_int_equal(probe_get(&a, "/api/lora/status"), 200);
    assert_flat("gateway", s.gateway.pid, before);
    probe_free(&a);
    probe_free(&b);
    stack_end(&s);
}

/* --- picture after picture -------------------------------------------------------------------- */

static void draw_one(stack *s, probe_link *link) {
    char path[96];
    snprintf(path, sizeof path, "/api/status/%s", stack_draw(s, "one of many"));
    const double until = probe_now() + PROBE_PATIENCE;
    do {
        assert_true(probe_now() < until);
        probe_sleep(0.01);
        assert_int_equal(probe_get(link, path), 200);
    } while (!strstr(link->body, "\"state\":\"done\""));
    assert_non_null(strstr(link->body, "\"image\":{"));
    json_array_clear(s->answers);
}

static void pictures_one_after_another_leave_nothing_behind(void **state) {
    const long count = probe_number("IDEOGRAM4_PICTURES", PICTURES);
    stack s;
    (void)state;
    open_stack(&s, "load_pictures");
    probe_link link = {.port = stack_port(&s, GATEWAY)};
    warm_up(&s);
    for (long i = 0; i < WARM_PICTURES; i++) {
        draw_one(&s, &link);
    }
    const weights before = weigh_both(&s);
    for (long i = 0; i < count; i++) {
        draw_one(&s, &link);
        if (i % 500 == 499) {
            print_message("%ld pictures\n", i + 1);
            assert_both_flat(&s, before);
        }
    }
    await_drawn(&s);
    print_message("%ld pictures\n", count);
    assert_both_flat(&s, before);
    assert_int_equal(stack_file_count(&s, "output", ".png"), count + WARM_PICTURES);
    probe_free(&link);
    stack_end(&s);
}

/* Cancelled somewhere, again and again; the next picture is drawn all the same. */
static void cancels_one_after_another_leave_nothing_behind(void **state) {
    const long count = scaled(CANCELS);
    uint32_t chance = 42;
    stack s;
    times t = {0};
    (void)state;
    open_stack(&s, "load_cancels");
    probe_link link = {.port = stack_port(&s, GATEWAY)};
    warm_up(&s);
    draw_one(&s, &link);
    stack_cancel(&s, stack_draw_long(&s));
    const weights before = weigh_both(&s);
    for (long i = 0; i < count; i++) {
        const char *task = stack_draw_long(&s);
        probe_sleep((double)(probe_random(&chance) % 300) / 1000);
        const double begun = probe_now();
        stack_cancel(&s, task);
        add_time(&t, probe_now() - begun);
        json_array_clear(s.answers);
    }
    const double p99 = report("cancelled", &t);
    assert_true(p99 < 2 * absurd_seconds * (double)probe_number("IDEOGRAM4_PATIENCE", 1));
    draw_one(&s, &link);
    assert_both_flat(&s, before);
    probe_free(&link);
    free_times(&t);
    stack_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_of_many_is_borne),
        cmocka_unit_test(load_of_slow_sockets_delays_nobody),
        cmocka_unit_test(load_on_a_hanging_daemon_is_refused_in_time),
        cmocka_unit_test(pictures_one_after_another_leave_nothing_behind),
        cmocka_unit_test(cancels_one_after_another_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
