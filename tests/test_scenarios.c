/* Scenarios of the queue with the real programs over HTTP: C14 to C19 and C40 as a client without
 * a page meets them. Only what the scenario itself says about time is looked at. */
#include "probe.h"
#include "stack.h"

#include "http/wire.h"
#include <inttypes.h>

#include <pthread.h>

#define CARD(name)                                                                       \
    "{'high_level_description':'" name "','compositional_deconstruction':{'background':" \
    "'white','elements':[]}}"
#define SMALL "'width':256,'height':256,'preset':'V4_TURBO_12'"
/* takes seconds: long enough to be met while it runs */
#define MIDDLE "'width':256,'height':256,'preset':'V4_QUALITY_48'"
#define ITEM(name, size) "{'caption':" CARD(name) "," size ",'format':'png','seed':7}"
#define ADDED "{'jobs':'<list>','revision':'<int>'}"
#define OK_STATE(state) "{'ok':true,'state':'" state "'}"

/* --- requests --------------------------------------------------------------------------------- */

static void open_stack(stack *s, const char *test) {
    stack_begin(s, test);
    stack_set(s, "MODEL_DAEMON_AUTOLOAD", "1");
    stack_start(s);
}

static int64_t job_id(const json_t *answer, size_t index) {
    return number_at(json_array_get(json_object_get(answer, "jobs"), index), "id");
}

/* Adds one item; the id of its job. */
static int64_t add(stack *s, const char *item) {
    char body[1024];
    snprintf(body, sizeof body, "{'items':[%s]}", item);
    return job_id(say(s, GATEWAY, "POST", "/api/queue", body, 201, ADDED), 0);
}

static json_t *job(stack *s, int64_t id) {
    return sayf(s, GATEWAY, "GET", 200, NULL, "/api/queue/%lld", (long long)id);
}

static json_t *queue(stack *s) {
    return say(s, GATEWAY, "GET", "/api/queue", NULL, 200, NULL);
}

static double fraction_of(const json_t *object) {
    return json_number_value(json_object_get(object, "fraction"));
}

static bool has_state(stack *s, int64_t id, const char *state) {
    return strcmp(text_at(job(s, id), "state"), state) == 0;
}

static void await_state(stack *s, int64_t id, const char *state) {
    EVENTUALLY(has_state(s, id, state) || has_state(s, id, "failed"));
    if (!has_state(s, id, state)) {
        fail_msg("job %lld failed: %s", (long long)id, text_at(job(s, id), "error"));
    }
}

/* Ids of a list of jobs: "3 4 5" */
static const char *ids_of(const json_t *list) {
    static char turns[4][1024];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && used < 900; i++) {
        const json_t *item = json_array_get(list, i);
        const json_int_t id =
            json_is_object(item) ? number_at(item, "id") : json_integer_value(item);
        used += (size_t)snprintf(out + used, 1024 - used, "%s%lld", i ? " " : "", (long long)id);
    }
    return out;
}

static const char *pending(stack *s) {
    return ids_of(json_object_get(queue(s), "pending"));
}

static const char *text_of(const char *format, ...) I4_PRINTF(1, 2);

static const char *text_of(const char *format, ...) {
    static char turns[4][1024];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    va_list args;
    va_start(args, format);
    vsnprintf(out, 1024, format, args);
    va_end(args);
    return out;
}

/* --- events: one listener --------------------------------------------------------------------- */

typedef struct listener {
    int port;
    pthread_t thread;
    int fd;

    pthread_mutex_t mutex; /* guards what follows */
    char order[256];       /* of pending jobs in the newest event */
    double when;           /* it came */
    int previews, events;
    long preview_step[512]; /* in the order of the events */
} listener;

static void take_event(listener *l, const char *kind, const char *data) {
    json_t *json = json_loads(data, 0, NULL);
    pthread_mutex_lock(&l->mutex);
    l->events++;
    if (strcmp(kind, "queue") == 0) {
        snprintf(l->order, sizeof l->order, "%s", ids_of(json_object_get(json, "pending")));
        l->when = probe_now();
    } else if (strcmp(kind, "preview") == 0 && l->previews < 512) {
        l->preview_step[l->previews++] = (long)number_at(json, "step");
    }
    pthread_mutex_unlock(&l->mutex);
    json_decref(json);
}

/* "event: kind" and "data: text", each on a line. Chunk sizes in between are lines of their own. */
static void take_line(listener *l, const char *line, char kind[64]) {
    if (strncmp(line, "event:", 6) == 0) {
        snprintf(kind, 64, "%s", line + 6 + strspn(line + 6, " "));
    } else if (strncmp(line, "data:", 5) == 0) {
        take_event(l, kind, line + 5 + strspn(line + 5, " "));
    }
}

static void *listen_on(void *user) {
    listener *l = user;
    static const char request[] = "GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                  "Accept: text/event-stream\r\n\r\n";
    char text[256], kind[64] = "", *line = malloc(1 << 20);
    size_t used = 0;
    snprintf(text, sizeof text, request, l->port);
    bool good = line && probe_send(l->fd, text, strlen(text));
    while (good) {
        char c;
        good = recv(l->fd, &c, 1, 0) == 1;
        if (good && c == '\n') {
            line[used] = '\0';
            take_line(l, line, kind);
            used = 0;
        } else if (good && c != '\r' && used < (1 << 20) - 1) {
            line[used++] = c;
        }
    }
    free(line);
    return NULL;
}

static bool has_events(listener *l, int count) {
    pthread_mutex_lock(&l->mutex);
    const bool has = l->events >= count;
    pthread_mutex_unlock(&l->mutex);
    return has;
}

static listener *start_listener(const stack *s) {
    listener *l = calloc(1, sizeof *l);
    assert_non_null(l);
    l->port = stack_port(s, GATEWAY);
    l->fd = probe_connect(l->port);
    assert_true(l->fd >= 0);
    pthread_mutex_init(&l->mutex, NULL);
    assert_int_equal(pthread_create(&l->thread, NULL, listen_on, l), 0);
    EVENTUALLY(has_events(l, 1)); /* hello */
    return l;
}

static void stop_listener(listener *l) {
    shutdown(l->fd, SHUT_RDWR);
    pthread_join(l->thread, NULL);
    close(l->fd);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

/* The order in the newest event, and when it came. */
static bool has_order(listener *l, const char *order, double *when) {
    pthread_mutex_lock(&l->mutex);
    const bool has = strcmp(l->order, order) == 0;
    *when = l->when;
    pthread_mutex_unlock(&l->mutex);
    return has;
}

/* --- C14: a client that comes back ------------------------------------------------------------ */

static void progress_goes_on_for_a_client_that_comes_back(void **state) {
    stack s;
    double last = 0;
    (void)state;
    open_stack(&s, "c14");
    const int64_t id = add(&s, ITEM("come back", MIDDLE));
    EVENTUALLY(fraction_of(job(&s, id)) >= 0.3);
    for (int i = 0; i < 3; i++) {
        const json_t *before = job(&s, id);
        last = fraction_of(before);
        i4_http_client_free(s.client); /* as after a reload: nothing of the old page is left */
        s.client = i4_http_client_new(NULL);
        const json_t *after = json_array_get(json_object_get(queue(&s), "running"), 0);
        if (after) {
            assert_int_equal(number_at(after, "id"), id);
            assert_true(fraction_of(after) >= last);
            EVENTUALLY(fraction_of(job(&s, id)) > last ||
                       strcmp(text_at(job(&s, id), "state"), "running") != 0);
        }
    }
    await_state(&s, id, "done");
    assert_string_equal(stack_rows(&s, "SELECT count(*),count(DISTINCT prompt_id) FROM images"),
                        "1|1");
    assert_string_equal(stack_rows(&s, "SELECT count(*) FROM prompts"), "1");
    stack_end(&s);
}

/* --- C15: nobody listens ---------------------------------------------------------------------- */

static void jobs_run_though_nobody_listens(void **state) {
    stack s;
    (void)state;
    open_stack(&s, "c15");
    say(&s, GATEWAY, "POST", "/api/queue",
        "{'items':[" ITEM("one", SMALL) "," ITEM("two", SMALL) "," ITEM("three", SMALL) "]}", 201,
        ADDED);
    i4_http_client_free(s.client);
    s.client = i4_http_client_new(NULL);
    EVENTUALLY(strcmp(stack_rows(&s, "SELECT count(*) FROM jobs WHERE state='done'"), "3") == 0);
    const json_t *now = queue(&s);
    assert_int_equal(json_array_size(json_object_get(now, "pending")), 0);
    assert_int_equal(json_array_size(json_object_get(now, "running")), 0);
    assert_int_equal(json_array_size(json_object_get(now, "finished")), 3);
    say(&s, GATEWAY, "GET", "/api/prompts", NULL, 200,
        "[{'id':'<int>','saved_at':'<when>','hld':'three','...':0},"
        "{'id':'<int>','saved_at':'<when>','hld':'two','...':0},"
        "{'id':'<int>','saved_at':'<when>','hld':'one','...':0}]");
    assert_string_equal(stack_rows(&s, "SELECT hld FROM images ORDER BY id"), "one;two;three");
    stack_end(&s);
}

/* --- C16: restarts ---------------------------------------------------------------------------- */

/* One running and two pending jobs; something is killed; all end once, with their seeds. */
static void finish_after(const char *test, bool gateway, bool daemon) {
    stack s;
    char sql[256];
    open_stack(&s, test);
    const int64_t first = add(&s, "{'caption':" CARD("first") "," MIDDLE ","
                                                              "'seed':4711}");
    add(&s, ITEM("second", SMALL));
    add(&s, ITEM("third", SMALL));
    EVENTUALLY(number_at(job(&s, first), "step") >= 2);
    char task[40];
    snprintf(task, sizeof task, "%s", text_at(job(&s, first), "task_id"));
    assert_int_equal(strlen(task), 32);
    if (gateway) {
        stack_kill_gateway(&s);
    }
    if (daemon) {
        stack_kill_daemon(&s);
        if (!gateway) { /* everything but drawing works meanwhile */
            say(&s, GATEWAY, "GET", "/api/images", NULL, 200, "[]");
            await(&s, GATEWAY, "/api/queue",
                  "{'revision':'<int>','paused':false,'blocked':{'code':'daemon_unreachable',"
                  "'error':'<text>'},'...':0}");
        }
    }
    if (gateway) {
        stack_start_gateway(&s);
    }
    if (daemon) {
        stack_start_daemon(&s);
    }
    EVENTUALLY(strcmp(stack_rows(&s, "SELECT count(*) FROM jobs WHERE state='done'"), "3") == 0);
    assert_string_equal(stack_rows(&s, "SELECT hld,seed FROM images ORDER BY id"),
                        "first|4711;second|7;third|7");
    assert_string_equal(stack_rows(&s, "SELECT count(*) FROM prompts"), "3");
    const json_t *ended = job(&s, first);
    assert_int_equal(number_at(ended, "seed"), 4711);
    assert_string_equal(text_at(ended, "task_id"), task);
    if (daemon) {
        assert_int_equal(number_at(ended, "restarts"), 1);
    }
    snprintf(sql, sizeof sql, "SELECT count(*) FROM images WHERE file_path LIKE '%s.%%'", task);
    assert_string_equal(stack_rows(&s, sql), "1");
    stack_end(&s);
}

static void jobs_outlive_the_gateway(void **state) {
    (void)state;
    finish_after("c16_gateway", true, false);
}

static void jobs_outlive_the_daemon(void **state) {
    (void)state;
    finish_after("c16_daemon", false, true);
}

static void jobs_outlive_both(void **state) {
    (void)state;
    finish_after("c16_both", true, true);
}

/* An orderly stop is an interruption too: the daemon's last words about the job are no end of it.
 */
static void await_step(stack *s, int64_t id, int64_t restarts) {
    json_t *now = NULL;
    for (int rounds = 0; rounds < 12000; rounds++) {
        now = job(s, id);
        if (number_at(now, "step") >= 1 && number_at(now, "restarts") == restarts) {
            return;
        }
        stack_pause(5);
    }
    char *text = i4_wire_text(now);
    fail_msg("%" PRId64 " restarts are awaited: %s", restarts, text);
}

static void jobs_outlive_orderly_stops(void **state) {
    enum { STOPS = 6 };
    stack s;
    (void)state;
    open_stack(&s, "c16_stops");
    const int64_t id =
        add(&s, ITEM("patient", "'width':512,'height':512,'preset':'V4_DEFAULT_20'"));
    for (int i = 0; i < STOPS; i++) {
        await_step(&s, id, i);
        assert_int_equal(stack_stop_daemon(&s), 0);
        if (i % 2) {
            assert_int_equal(stack_stop_gateway(&s), 0);
            stack_start_gateway(&s);
        }
        json_t *now = job(&s, id);
        const char *is = text_at(now, "state");
        if (strcmp(is, "running") != 0 && strcmp(is, "pending") != 0) {
            fail_msg("stop %d ended it: %s", i, i4_wire_text(now));
        }
        stack_start_daemon(&s);
    }
    await_state(&s, id, "done");
    assert_string_equal(stack_rows(&s, "SELECT hld,seed FROM images"), "patient|7");
    stack_end(&s);
}

/* Likewise when the model is gone by the time the job comes to it. */
static void jobs_outlive_an_unloaded_model(void **state) {
    stack s;
    (void)state;
    open_stack(&s, "c16_unload");
    await(&s, GATEWAY, "/api/model/status", "{'state':'loaded','...':0}");
    for (int i = 0; i < 10; i++) {
        const int64_t id = add(&s, ITEM("patient", "'width':256,'height':256,'preset':"
                                                   "'V4_TURBO_12'"));
        int status;
        ask(&s, GATEWAY, "POST", "/api/model/unload", NULL, &status); /* 409 while it draws */
        await_state(&s, id, "done");
    }
    stack_end(&s);
}

/* --- C17: no daemon at the start -------------------------------------------------------------- */

static void queue_starts_by_itself_when_the_daemon_comes(void **state) {
    stack s;
    (void)state;
    stack_begin(&s, "c17");
    stack_start_gateway(&s);
    say(&s, GATEWAY, "GET", "/api/images", NULL, 200, "[]");
    say(&s, GATEWAY, "GET", "/api/prompts", NULL, 200, "[]");
    say(&s, GATEWAY, "GET", "/api/library", NULL, 200, "{'items':[],'next':null,'total':0}");
    const int64_t id = add(&s, ITEM("late", SMALL));
    await(&s, GATEWAY, "/api/queue",
          "{'revision':'<int>','paused':false,'blocked':{'code':'daemon_unreachable','error':"
          "'<text>'},'...':0}");
    const double begun = probe_now();
    stack_start_daemon(&s); /* which loads nothing by itself */
    EVENTUALLY(json_is_null(json_object_get(queue(&s), "blocked")) ||
               strcmp(text_at(json_object_get(queue(&s), "blocked"), "code"), "model_loading") ==
                   0);
    assert_true(probe_now() - begun <= 12);
    await_state(&s, id, "done");
    stack_end(&s);
}

/* --- C18: listeners --------------------------------------------------------------------------- */

static void listeners_see_the_same_order(void **state) {
    enum { LISTENERS = 8 };
    stack s;
    listener *all[LISTENERS];
    char wanted[128];
    (void)state;
    stack_begin(&s, "c18");
    stack_start_gateway(&s);
    say(&s, GATEWAY, "POST", "/api/queue/pause", NULL, 200, "{'paused':true,'revision':'<int>'}");
    for (int i = 0; i < LISTENERS; i++) {
        all[i] = start_listener(&s);
    }
    const int64_t a = add(&s, ITEM("a", SMALL)), b = add(&s, ITEM("b", SMALL));
    const double moved = probe_now();
    say(&s, GATEWAY, "PATCH", text_of("/api/queue/%lld", (long long)b),
        text_of("{'before':%lld}", (long long)a), 200, NULL);
    snprintf(wanted, sizeof wanted, "%lld %lld", (long long)b, (long long)a);
    for (int i = 0; i < LISTENERS; i++) {
        double when = 0;
        EVENTUALLY(has_order(all[i], wanted, &when));
        assert_true(when - moved <= 1);
    }
    assert_string_equal(pending(&s), wanted);
    say(&s, GATEWAY, "GET", "/api/images", NULL, 200, "[]"); /* there is a connection left */
    for (int i = 0; i < LISTENERS; i++) {
        stop_listener(all[i]);
    }
    stack_end(&s);
}

/* --- C19: order, limits, pause ---------------------------------------------------------------- */

static void move(stack *s, int64_t id, const char *where) {
    say(s, GATEWAY, "PATCH", text_of("/api/queue/%lld", (long long)id), where, 200, NULL);
}

static void order_limits_and_pause(void **state) {
    stack s;
    int64_t id[5];
    char wanted[256];
    (void)state;
    stack_begin(&s, "c19");
    stack_set(&s, "MODEL_DAEMON_AUTOLOAD", "1");
    stack_set(&s, "QUEUE_LIMIT", "6");
    stack_start(&s);
    const int64_t current = add(&s, ITEM("current", MIDDLE));
    await_state(&s, current, "running");
    const json_t *added = say(&s, GATEWAY, "POST", "/api/queue",
                              "{'items':[" ITEM("0", SMALL) "," ITEM("1", SMALL) "," ITEM(
                                  "2", SMALL) "," ITEM("3", SMALL) "," ITEM("4", SMALL) "]}",
                              201, ADDED);
    for (size_t i = 0; i < 5; i++) {
        id[i] = job_id(added, i);
    }
    say(&s, GATEWAY, "POST", "/api/queue/pause", NULL, 200, "{'paused':true,'revision':'<int>'}");
    move(&s, id[4], text_of("{'before':%lld}", (long long)id[1])); /* 0 4 1 2 3 */
    move(&s, id[0], text_of("{'after':%lld}", (long long)id[2]));  /* 4 1 2 0 3 */
    move(&s, id[3], "{'at':'next'}");                              /* 3 4 1 2 0 */
    move(&s, id[4], "{'at':'end'}");                               /* 3 1 2 0 4 */
    snprintf(wanted, sizeof wanted, "%lld %lld %lld %lld %lld", (long long)id[3], (long long)id[1],
             (long long)id[2], (long long)id[0], (long long)id[4]);
    assert_string_equal(pending(&s), wanted);

    await_state(&s, current, "done"); /* the current one finishes, and none starts */
    stack_pause(1500);
    assert_string_equal(pending(&s), wanted);
    assert_int_equal(json_array_size(json_object_get(queue(&s), "running")), 0);

    json_t *cleared = say(&s, GATEWAY, "POST", "/api/queue/cancel", "{'scope':'pending'}", 200,
                          "{'cancelled':'<list>','revision':'<int>'}");
    char *ids = json_dumps(json_object_get(cleared, "cancelled"), 0);
    assert_string_equal(pending(&s), "");
    const int64_t between = add(&s, ITEM("between", SMALL));
    const json_t *restored =
        say(&s, GATEWAY, "POST", "/api/queue/restore", text_of("{'ids':%s}", ids), 200, NULL);
    free(ids);
    assert_int_equal(json_array_size(json_object_get(restored, "restored")), 5);
    const size_t old = strlen(wanted);
    snprintf(wanted + old, sizeof wanted - old, " %lld", (long long)between);
    assert_string_equal(pending(&s), wanted);

    say(&s, GATEWAY, "POST", "/api/queue", "{'items':[" ITEM("too many", SMALL) "]}", 409,
        "{'error':'<text>','code':'queue_full','limit':6,'pending':6}");
    assert_string_equal(pending(&s), wanted);
    assert_string_equal(stack_rows(&s, "SELECT count(*) FROM jobs"), "7");

    say(&s, GATEWAY, "POST", "/api/queue/resume", NULL, 200, "{'paused':false,'revision':'<int>'}");
    EVENTUALLY(strcmp(stack_rows(&s, "SELECT count(*) FROM jobs WHERE state='done'"), "7") == 0);
    assert_string_equal(stack_rows(&s, "SELECT hld FROM images ORDER BY id"),
                        "current;3;1;2;0;4;between");
    stack_end(&s);
}

/* --- C40: honest progress --------------------------------------------------------------------- */

/* What one look at a running job showed. */
typedef struct sample {
    double when, eta; /* eta < 0: null */
    int64_t step, steps;
} sample;

typedef struct record {
    sample item[20000];
    size_t count;
    double ended;
} record;

static void watch_job(stack *s, int64_t id, record *r) {
    const json_t *now;
    r->count = 0;
    while (strcmp(text_at(now = job(s, id), "state"), "done") != 0) {
        const json_t *eta = json_object_get(now, "eta");
        assert_string_not_equal(text_at(now, "state"), "failed");
        if (strcmp(text_at(now, "state"), "running") == 0 && r->count < 20000) {
            r->item[r->count++] =
                (sample){probe_now(), json_is_number(eta) ? json_number_value(eta) : -1,
                         number_at(now, "step"), number_at(now, "steps")};
        }
        stack_pause(20);
    }
    r->ended = probe_now();
}

static void assert_eta(const record *r) {
    static const double slack = 0.05; /* rounding of the figure */
    bool was_null_first = false, was_known = false;
    for (size_t i = 0; i < r->count; i++) {
        const sample *now = &r->item[i], *before = i > 0 ? now - 1 : NULL;
        if (now->step < 2 && now->eta >= 0) {
            fail_msg("an eta of %.2f s after %lld steps", now->eta, (long long)now->step);
        }
        was_null_first = was_null_first || now->eta < 0;
        was_known = was_known || now->eta >= 0;
        if (before && before->step == now->step && before->eta >= 0 && now->eta >= 0 &&
            now->eta > before->eta + slack) {
            fail_msg("the eta grew from %.2f to %.2f s within step %lld", before->eta, now->eta,
                     (long long)now->step);
        }
    }
    assert_true(was_null_first && was_known);
}

/* When so many steps were finished. */
static double time_of(const record *r, int64_t step) {
    size_t i = 0;
    while (i + 1 < r->count && r->item[i].step < step) {
        i++;
    }
    return r->item[i].when;
}

/* Steps of the second half took about as long as those of the first. */
static bool is_steady(const record *r) {
    const int64_t steps = r->item[r->count - 1].steps, half = steps / 2;
    const double first = (time_of(r, half) - time_of(r, 1)) / (double)(half - 1);
    const double second = (time_of(r, steps) - time_of(r, half)) / (double)(steps - half);
    return second > 0.85 * first && second < 1.15 * first;
}

static bool is_good_at_half_time(const record *r) {
    const double begun = r->item[0].when, half = (begun + r->ended) / 2;
    size_t i = 0;
    while (i + 1 < r->count && r->item[i].when < half) {
        i++;
    }
    const double left = r->ended - r->item[i].when;
    print_message("half time: step %lld of %lld, eta %.2f s, really %.2f s\n",
                  (long long)r->item[i].step, (long long)r->item[i].steps, r->item[i].eta, left);
    return r->item[i].eta >= 0.75 * left && r->item[i].eta <= 1.25 * left;
}

static void assert_previews(listener *l, const record *r) {
    const int64_t steps = r->item[r->count - 1].steps;
    const double step_seconds = (r->ended - r->item[0].when) / (double)steps;
    pthread_mutex_lock(&l->mutex);
    print_message("%lld steps of %.2f s, %d previews\n", (long long)steps, step_seconds,
                  l->previews);
    for (int i = 1; i < l->previews; i++) {
        assert_true(l->preview_step[i] > l->preview_step[i - 1]);
        if (step_seconds >= 0.5) {
            assert_true(l->preview_step[i] <= l->preview_step[i - 1] + 2);
        }
    }
    assert_true(l->previews >= (step_seconds >= 0.5 ? steps / 2 - 1 : 1));
    pthread_mutex_unlock(&l->mutex);
}

static void assert_preview_picture(stack *s, int64_t id) {
    i4_answer answer = fetch(s, GATEWAY, text_of("/api/queue/%lld/preview", (long long)id));
    assert_int_equal(answer.status, 200);
    assert_true(answer.size > 3 && memcmp(answer.body, "\xff\xd8\xff", 3) == 0);
    i4_answer_free(&answer);
}

/* A step of it takes half a second or more, also where a sanitizer does not slow everything down.
 */
static const char *slow_item(void) {
    return probe_number("IDEOGRAM4_PATIENCE", 0) > 0
               ? ITEM("slow", "'width':512,'height':512,'preset':'V4_TURBO_12'")
               : ITEM("slow", "'width':768,'height':768,'preset':'V4_DEFAULT_20'");
}

/* Where the machine gets slower or faster in the middle of a job, no estimate can know: the half
 * time counts for a job whose steps all took about as long, and one such job has to be good. */
static void progress_is_honest(void **state) {
    static record r; /* large */
    stack s;
    bool was_steady = false, was_good = false;
    (void)state;
    open_stack(&s, "c40");
    for (int i = 0; i < 4 && !was_good; i++) {
        listener *l = start_listener(&s);
        const int64_t id = add(&s, slow_item());
        EVENTUALLY(number_at(job(&s, id), "preview_step") >= 1);
        assert_preview_picture(&s, id);
        watch_job(&s, id, &r);
        assert_previews(l, &r);
        const bool is_judged = i > 0 && is_steady(&r); /* the first is the history of the others */
        was_steady = was_steady || is_judged;
        was_good = is_judged && is_good_at_half_time(&r);
        stop_listener(l);
    }
    assert_true(was_good || !was_steady);
    if (!was_steady) {
        print_message("the machine was never steady: the half time was not judged\n");
    }
    stack_end(&s);
}

/* From its very first moment: the estimate is not made before two steps. */
static void eta_comes_after_two_steps_and_never_grows_within_one(void **state) {
    static record r; /* large */
    stack s;
    (void)state;
    open_stack(&s, "c40_eta");
    watch_job(&s, add(&s, ITEM("slow", MIDDLE)), &r);
    assert_eta(&r);
    stack_end(&s);
}

/* --- old clients ------------------------------------------------------------------------------ */

static void old_clients_appear_as_direct_jobs(void **state) {
    stack s;
    char task[40];
    (void)state;
    open_stack(&s, "direct");
    await(&s, GATEWAY, "/api/model/status", "{'state':'loaded','...':0}");
    const json_t *answer = say(&s, GATEWAY, "POST", "/api/generate",
                               "{'caption':" CARD("direct") "," MIDDLE ","
                                                            "'seed':3}",
                               200, "{'task_id':'<task>'}");
    snprintf(task, sizeof task, "%s", text_at(answer, "task_id"));
    const int64_t id = add(&s, ITEM("queued", SMALL));
    await(&s, GATEWAY, text_of("/api/status/%s", task), "{'state':'running','...':0}");
    const json_t *now = queue(&s);
    const json_t *running = json_array_get(json_object_get(now, "running"), 0);
    assert_int_equal(json_array_size(json_object_get(now, "running")), 1);
    assert_true(json_is_null(json_object_get(now, "blocked"))); /* something runs */
    assert_string_equal(text_at(running, "origin"), "direct");
    assert_string_equal(text_at(running, "task_id"), task);
    assert_string_equal(pending(&s), text_of("%lld", (long long)id));
    await(&s, GATEWAY, text_of("/api/status/%s", task),
          "{'state':'done','msg':'<str>','image':'<obj>','...':0}");
    await_state(&s, id, "done");
    assert_string_equal(stack_rows(&s, "SELECT hld FROM images ORDER BY id"), "direct;queued");
    assert_string_equal(stack_rows(&s, "SELECT origin,state FROM jobs ORDER BY id"),
                        "direct|done;queue|done");
    stack_end(&s);
}

/* What another program gave to the daemon is nothing the gateway knows. */
static void other_programs_keep_the_slot(void **state) {
    stack s;
    (void)state;
    open_stack(&s, "busy");
    await(&s, GATEWAY, "/api/model/status", "{'state':'loaded','...':0}");
    char task[40];
    snprintf(task, sizeof task, "%s", stack_draw_long(&s));
    const int64_t id = add(&s, ITEM("patient", SMALL));
    await(&s, GATEWAY, "/api/queue",
          "{'revision':'<int>','paused':false,'blocked':{'code':'slot_busy','error':'<text>'},"
          "'...':0}");
    stack_cancel(&s, task);
    await_state(&s, id, "done");
    assert_true(json_is_null(json_object_get(queue(&s), "blocked")));
    stack_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_goes_on_for_a_client_that_comes_back),
        cmocka_unit_test(jobs_run_though_nobody_listens),
        cmocka_unit_test(jobs_outlive_the_gateway),
        cmocka_unit_test(jobs_outlive_the_daemon),
        cmocka_unit_test(jobs_outlive_both),
        cmocka_unit_test(jobs_outlive_orderly_stops),
        cmocka_unit_test(jobs_outlive_an_unloaded_model),
        cmocka_unit_test(queue_starts_by_itself_when_the_daemon_comes),
        cmocka_unit_test(listeners_see_the_same_order),
        cmocka_unit_test(order_limits_and_pause),
        cmocka_unit_test(progress_is_honest),
        cmocka_unit_test(eta_comes_after_two_steps_and_never_grows_within_one),
        cmocka_unit_test(old_clients_appear_as_direct_jobs),
        cmocka_unit_test(other_programs_keep_the_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
