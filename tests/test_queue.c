/* The durable queue through its routes, against a pretended daemon: every row of docs/api.md 1.4,
 * restarts in every state, cancelling in every state, and one picture for each job. */
#include "fake_daemon.h"
#include "gateway_rig.h"

#include "gateway/events/events.h"
#include "gateway/queue/queue.h"
#include "gateway/tasks/tasks.h"

static const char meta[] =
    "{\"hld\":\"A mug\",\"width\":512,\"height\":256,\"preset\":\"V4_TURBO_12\",\"seed\":7,"
    "\"prompt_id\":null,\"filename\":\"x.png\",\"format\":\"png\",\"generation_seconds\":0.5}";
static const char picture[] = "these are the bytes of a picture";
static const char mug[] = "{\"caption\":{\"high_level_description\":\"A mug\"},\"seed\":7}";

typedef struct stage {
    rig rig;
    fake_daemon daemon;
} stage;

static void stage_open(stage *s, const char *test) {
    fake_daemon_open(&s->daemon);
    rig_settings(&s->rig, test);
    snprintf(s->rig.settings.daemon_url, sizeof s->rig.settings.daemon_url, "http://127.0.0.1:%d",
             s->daemon.port);
}

static void stage_start(stage *s, const char *test) {
    stage_open(s, test);
    rig_start(&s->rig);
}

static void stage_end(stage *s) {
    rig_end(&s->rig);
    fake_daemon_close(&s->daemon);
}

/* --- asking -------------------------------------------------------------------------------- */

static json_t *ask(stage *s, const char *method, const char *path, const char *body, int status) {
    json_t *answer = NULL;
    const int got = rig_ask(&s->rig, method, path, body, &answer);
    if (got != status) {
        char *text = json_dumps(answer, 0);
        fail_msg("%s %s: %d %s", method, path, got, text ? text : "");
    }
    return answer;
}

static void tell(stage *s, const char *method, const char *path, const char *body, int status) {
    json_decref(ask(s, method, path, body, status));
}

static int64_t number_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

/* Adds one item (its JSON), gives the first job's id. */
static int64_t add_to(stage *s, const char *item, const char *at) {
    char body[4096];
    snprintf(body, sizeof body, "{\"items\":[%s],\"at\":\"%s\"}", item, at);
    json_t *answer = ask(s, "POST", "/api/queue", body, 201);
    const json_t *job = json_array_get(json_object_get(answer, "jobs"), 0);
    const int64_t id = number_at(job, "id");
    json_decref(answer);
    return id;
}

static int64_t add(stage *s) {
    return add_to(s, mug, "end");
}

static const char *path_of(int64_t id, const char *tail) {
    static char turns[4][128];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    snprintf(out, 128, "/api/queue/%lld%s", (long long)id, tail);
    return out;
}

static json_t *job_of(stage *s, int64_t id) {
    return ask(s, "GET", path_of(id, ""), NULL, 200);
}

static const char *text_of(stage *s, int64_t id, const char *key) {
    static char turns[4][512];
    static int turn;
    char *out = turns[turn = (turn + 1) % 4];
    json_t *job = job_of(s, id);
    snprintf(out, 512, "%s", text_at(job, key));
    json_decref(job);
    return out;
}

static bool has_text(stage *s, int64_t id, const char *key, const char *text) {
    return strcmp(text_of(s, id, key), text) == 0;
}

static bool is_state(stage *s, int64_t id, const char *state) {
    return has_text(s, id, "state", state);
}

static int64_t number_of(stage *s, int64_t id, const char *key) {
    json_t *job = job_of(s, id);
    const int64_t value = number_at(job, key);
    json_decref(job);
    return value;
}

static bool is_blocked(stage *s, const char *code) {
    json_t *queue = ask(s, "GET", "/api/queue", NULL, 200);
    const bool is_so = strcmp(text_at(json_object_get(queue, "blocked"), "code"), code) == 0;
    json_decref(queue);
    return is_so;
}

static size_t size_at(stage *s, const char *list) {
    json_t *queue = ask(s, "GET", "/api/queue", NULL, 200);
    const size_t size = json_array_size(json_object_get(queue, list));
    json_decref(queue);
    return size;
}

/* --- the daemon ---------------------------------------------------------------------------- */

static bool has_task(stage *s, const char *id) {
    bool found = false;
    pthread_mutex_lock(&s->daemon.mutex);
    for (size_t i = 0; i < s->daemon.count; i++) {
        found = found || (id[0] && strcmp(s->daemon.tasks[i].id, id) == 0);
    }
    pthread_mutex_unlock(&s->daemon.mutex);
    return found;
}

/* Waits until the job is at the daemon; gives its task's id. */
static const char *drawn(stage *s, int64_t id) {
    EVENTUALLY(has_task(s, text_of(s, id, "task_id")));
    return text_of(s, id, "task_id");
}

static void finish(stage *s, int64_t id) {
    fake_daemon_finish(&s->daemon, drawn(s, id), meta, picture, strlen(picture));
    EVENTUALLY(is_state(s, id, "done"));
}

static size_t image_count(stage *s) {
    json_t *rows = NULL;
    assert_int_equal(i4_db_images(s->rig.gateway.db, -1, false, false, -1, &rows, NULL), I4_DB_OK);
    const size_t count = json_array_size(rows);
    json_decref(rows);
    return count;
}

static size_t prompt_count(stage *s) {
    json_t *rows = NULL;
    assert_int_equal(i4_db_prompts(s->rig.gateway.db, -1, &rows, NULL), I4_DB_OK);
    const size_t count = json_array_size(rows);
    json_decref(rows);
    return count;
}

static void restart_gateway(stage *s) {
    rig_stop(&s->rig);
    rig_start(&s->rig);
}

static void set_busy(stage *s, bool is_busy) {
    pthread_mutex_lock(&s->daemon.mutex);
    s->daemon.is_busy = is_busy;
    pthread_mutex_unlock(&s->daemon.mutex);
}

static void set_load_error(stage *s, const char *error, bool loads_slowly) {
    pthread_mutex_lock(&s->daemon.mutex);
    s->daemon.load_error = error;
    s->daemon.loads_slowly = loads_slowly;
    pthread_mutex_unlock(&s->daemon.mutex);
}

/* --- one job ------------------------------------------------------------------------------- */

static void queue_job_is_drawn_stored_and_in_history(void **state) {
    (void)state;
    static const char *const keys[] = {
        "id",       "client_id",   "batch",      "origin",      "state",    "cancelling",
        "position", "created_at",  "started_at", "finished_at", "hld",      "width",
        "height",   "preset",      "seed",       "format",      "loras",    "prompt_id",
        "task_id",  "restarts",    "retry_of",   "image_id",    "flag",     "error",
        "seconds",  "phase",       "step",       "steps",       "fraction", "elapsed",
        "eta",      "preview_step"};
    stage s;
    char method[16], target[2048], *body;
    stage_start(&s, "queue_one");
    const int64_t id = add_to(&s,
                              "{\"caption\":{\"z\":1.50,\"high_level_description\":\"A mug\"},"
                              "\"width\":512,\"height\":256,\"preset\":\"V4_TURBO_12\",\"seed\":7,"
                              "\"format\":\"PNG\",\"loras\":[{\"name\":\"a\",\"strength\":0.5}]}",
                              "end");
    char task[33];
    snprintf(task, sizeof task, "%s", drawn(&s, id));
    fake_daemon_last(&s.daemon, method, target, &body);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "{\"caption\":{\"z\":1.5,\"high_level_description\":\"A mug\"},\"width\":512,"
             "\"height\":256,\"preset\":\"V4_TURBO_12\",\"seed\":7,\"format\":\"png\","
             "\"prompt_id\":null,\"task_id\":\"%s\",\"loras\":[{\"name\":\"a\",\"strength\":0.5}]}",
             task);
    assert_string_equal(target, "/generate");
    assert_string_equal(body, expected);
    free(body);
    EVENTUALLY(has_text(&s, id, "state", "running"));
    finish(&s, id);
    json_t *job = i4_queue_job(s.rig.gateway.queue, id);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_non_null(json_object_get(job, keys[i]));
    }
    assert_int_equal(json_object_size(job), sizeof keys / sizeof *keys);
    assert_true(number_at(job, "image_id") > 0);
    assert_true(number_at(job, "prompt_id") > 0);
    assert_true(json_real_value(json_object_get(job, "fraction")) >= 1.0);
    json_decref(job);
    assert_int_equal(image_count(&s), 1);
    assert_int_equal(prompt_count(&s), 1);
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.submissions), 1);
    assert_null(i4_queue_job(s.rig.gateway.queue, 99));
    tell(&s, "GET", "/api/queue/99", NULL, 404);
    stage_end(&s);
}

static void queue_caption_is_kept_and_the_form_is_made(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_form");
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    const int64_t text = add_to(&s, "{\"caption\":\"{ \\\"a\\\" : 1.50 }\"}", "end");
    assert_string_equal(text_of(&s, text, "caption"), "{ \"a\" : 1.50 }");
    const int64_t prompt = add_to(&s, "{\"caption\":\"a red mug\"}", "end");
    assert_string_equal(text_of(&s, prompt, "hld"), "a red mug");
    const int64_t object = add_to(
        &s,
        "{\"caption\":{\"high_level_description\":\"H\",\"style_description\":{\"medium\":"
        "\"illustration\",\"art_style\":\"ink\",\"color_palette\":[\"#112233\",\"#445566\"]},"
        "\"compositional_deconstruction\":{\"background\":\"B\",\"elements\":[{\"type\":\"text\","
        "\"text\":\"T\",\"bbox\":[1,2,3,4],\"desc\":\"D\"},{\"type\":\"x\"}]}},\"seed\":5}",
        "end");
    json_t *job = job_of(&s, object);
    assert_true(json_is_object(json_object_get(job, "caption")));
    json_t *form = json_loads(text_at(job, "form_json"), 0, NULL);
    assert_string_equal(text_at(form, "hld"), "H");
    assert_string_equal(text_at(form, "med"), "illustration");
    assert_string_equal(text_at(form, "cam"), "ink");
    assert_string_equal(text_at(form, "cp"), "#112233, #445566");
    assert_string_equal(text_at(form, "bg"), "B");
    assert_string_equal(text_at(form, "seed"), "5");
    assert_true(text_at(form, "rawJson")[0] == '{');
    const json_t *first = json_array_get(json_object_get(form, "els"), 0);
    assert_string_equal(text_at(first, "bbox"), "1,2,3,4");
    assert_string_equal(text_at(first, "type"), "text");
    assert_string_equal(text_at(json_array_get(json_object_get(form, "els"), 1), "type"), "obj");
    json_decref(form);
    json_decref(job);
    stage_end(&s);
}

static void queue_refuses_what_the_contract_refuses(void **state) {
    (void)state;
    static const struct {
        const char *item, *type, *field;
    } rows[] = {
        {"{}", "missing", "caption"},
        {"{\"caption\":1}", "dict_type", "caption"},
        {"{\"caption\":\" \"}", "value_error", "caption"},
        {"{\"caption\":\"x\",\"width\":1000}", "value_error", "width"},
        {"{\"caption\":\"x\",\"preset\":\"x\"}", "value_error", "preset"},
        {"{\"caption\":\"x\",\"format\":\"gif\"}", "value_error", "format"},
        {"{\"caption\":\"x\",\"seed\":-1}", "value_error", "seed"},
        {"{\"caption\":\"x\",\"seed\":4294967296}", "value_error", "seed"},
        {"{\"caption\":\"x\",\"loras\":[{}]}", "value_error", "loras"},
        {"{\"caption\":\"x\",\"loras\":[{\"name\":\"a\",\"strength\":\"b\"}]}", "value_error",
         "loras"},
        {"{\"caption\":\"x\",\"repeat\":0}", "value_error", "repeat"},
        {"{\"caption\":\"x\",\"client_id\":\"\"}", "string_too_short", "client_id"},
        {"{\"caption\":\"x\",\"form_json\":\"{\"}", "value_error", "form_json"},
    };
    stage s;
    stage_start(&s, "queue_refuse");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        snprintf(body, sizeof body, "{\"items\":[%s,%s]}", mug, rows[i].item);
        json_t *answer = ask(&s, "POST", "/api/queue", body, 422);
        const json_t *entry = json_array_get(json_object_get(answer, "detail"), 0);
        const json_t *loc = json_object_get(entry, "loc");
        assert_string_equal(text_at(entry, "type"), rows[i].type);
        assert_string_equal(json_string_value(json_array_get(loc, 1)), "items");
        assert_int_equal(json_integer_value(json_array_get(loc, 2)), 1);
        assert_string_equal(json_string_value(json_array_get(loc, 3)), rows[i].field);
        json_decref(answer);
    }
    static const char *const bodies[] = {
        "{}",
        "{\"items\":[]}",
        "{\"items\":1}",
        "{\"items\":[1]}",
        "{\"items\":[{}],\"at\":\"x\"}",
        "{\"items\":[{\"caption\":\"x\",\"repeat\":900},{\"caption\":\"y\",\"repeat\":900}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        tell(&s, "POST", "/api/queue", bodies[i], 422);
    }
    assert_int_equal(size_at(&s, "pending") + size_at(&s, "running") + size_at(&s, "finished"), 0);
    stage_end(&s);
}

/* --- the list ------------------------------------------------------------------------------ */

static void queue_adding_is_idempotent_limited_and_ordered(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "queue_add");
    s.rig.settings.queue_limit = 4;
    rig_start(&s.rig);
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    const char *item = "{\"caption\":\"x\",\"client_id\":\"c\",\"repeat\":2,\"seed\":3}";
    const int64_t id = add_to(&s, item, "end");
    assert_int_equal(add_to(&s, item, "end"), id);
    assert_int_equal(size_at(&s, "pending"), 2);
    assert_int_equal(number_of(&s, id, "seed"), 3);
    const int64_t next = add_to(&s, mug, "next");
    assert_int_equal(number_of(&s, next, "position"), 0);
    assert_int_equal(number_of(&s, id, "position"), 1);
    json_t *full =
        ask(&s, "POST", "/api/queue", "{\"items\":[{\"caption\":\"x\"},{\"caption\":\"y\"}]}", 409);
    assert_string_equal(text_at(full, "code"), "queue_full");
    assert_int_equal(number_at(full, "limit"), 4);
    assert_int_equal(number_at(full, "pending"), 3);
    json_decref(full);
    assert_int_equal(size_at(&s, "pending"), 3);
    stage_end(&s);
}

static void queue_pending_jobs_move_change_go_and_come_back(void **state) {
    (void)state;
    stage s;
    char body[256];
    stage_start(&s, "queue_move");
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    const int64_t a = add(&s), b = add(&s), c = add(&s);
    snprintf(body, sizeof body, "{\"before\":%lld}", (long long)a);
    tell(&s, "PATCH", path_of(c, ""), body, 200);
    assert_int_equal(number_of(&s, c, "position"), 0);
    tell(&s, "PATCH", path_of(c, ""), "{\"at\":\"end\"}", 200);
    assert_int_equal(number_of(&s, c, "position"), 2);
    snprintf(body, sizeof body, "{\"after\":%lld,\"seed\":9}", (long long)a);
    tell(&s, "PATCH", path_of(c, ""), body, 200);
    assert_int_equal(number_of(&s, c, "position"), 1);
    assert_int_equal(number_of(&s, c, "seed"), 9);
    tell(&s, "PATCH", path_of(b, ""), "{\"caption\":\"a cat\",\"width\":512}", 200);
    assert_string_equal(text_of(&s, b, "hld"), "a cat");
    assert_string_equal(text_of(&s, b, "caption"), "a cat");
    assert_int_equal(number_of(&s, b, "seed"), 7);
    tell(&s, "PATCH", path_of(b, ""), "{\"width\":1}", 422);
    tell(&s, "PATCH", path_of(b, ""), "{\"at\":\"x\"}", 422);
    tell(&s, "PATCH", path_of(b, ""), "{\"at\":\"end\",\"before\":1}", 422);
    tell(&s, "PATCH", path_of(99, ""), "{\"at\":\"end\"}", 404);
    tell(&s, "PATCH", path_of(b, ""), "{\"after\":99}", 409);
    json_t *gone = ask(&s, "POST", "/api/queue/cancel", "{\"scope\":\"pending\"}", 200);
    assert_int_equal(json_array_size(json_object_get(gone, "cancelled")), 3);
    json_decref(gone);
    assert_int_equal(size_at(&s, "pending"), 0);
    assert_int_equal(size_at(&s, "finished"), 3);
    tell(&s, "PATCH", path_of(b, ""), "{\"at\":\"end\"}", 409);
    snprintf(body, sizeof body, "{\"ids\":[%lld,%lld,%lld]}", (long long)b, (long long)a,
             (long long)c);
    tell(&s, "POST", "/api/queue/restore", body, 200);
    assert_int_equal(number_of(&s, a, "position"), 0);
    assert_int_equal(number_of(&s, c, "position"), 1);
    assert_int_equal(number_of(&s, b, "position"), 2);
    tell(&s, "POST", "/api/queue/restore", "{\"ids\":[\"x\"]}", 422);
    tell(&s, "POST", "/api/queue/cancel", "{\"scope\":\"x\"}", 422);
    assert_true(i4_queue_cancel(s.rig.gateway.queue, a));
    assert_false(i4_queue_cancel(s.rig.gateway.queue, 99));
    json_t *removed = ask(&s, "DELETE", "/api/queue/finished", NULL, 200);
    assert_int_equal(number_at(removed, "removed"), 1);
    json_decref(removed);
    assert_int_equal(size_at(&s, "finished"), 0);
    tell(&s, "DELETE", "/api/queue/99", NULL, 404);
    stage_end(&s);
}

static void queue_jobs_run_one_after_the_other_in_order(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_order");
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    const int64_t a = add(&s), b = add(&s), c = add_to(&s, mug, "next");
    tell(&s, "POST", "/api/queue/resume", NULL, 200);
    (void)drawn(&s, c);
    assert_int_equal(size_at(&s, "running"), 1);
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    finish(&s, c); /* pausing lets the current one end, and starts none */
    restart_gateway(&s);
    assert_true(is_state(&s, a, "pending"));
    json_t *queue = ask(&s, "GET", "/api/queue", NULL, 200);
    assert_true(json_is_true(json_object_get(queue, "paused")));
    json_decref(queue);
    tell(&s, "POST", "/api/queue/resume", NULL, 200);
    finish(&s, a);
    finish(&s, b);
    assert_int_equal(image_count(&s), 3);
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.submissions), 3);
    stage_end(&s);
}

static void queue_retry_copies(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_retry");
    const int64_t id = add(&s);
    fake_daemon_fail(&s.daemon, drawn(&s, id), "the sampler broke");
    EVENTUALLY(is_state(&s, id, "failed"));
    assert_string_equal(text_of(&s, id, "error"), "the sampler broke");
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    json_t *same = ask(&s, "POST", path_of(id, "/retry"), "{}", 201);
    const json_t *job = json_array_get(json_object_get(same, "jobs"), 0);
    assert_int_equal(number_at(job, "retry_of"), id);
    assert_int_equal(number_at(job, "seed"), 7);
    json_decref(same);
    json_t *many = ask(&s, "POST", path_of(id, "/retry"),
                       "{\"seed\":12,\"count\":3,\"until_picture\":true}", 201);
    const json_t *jobs = json_object_get(many, "jobs");
    assert_int_equal(json_array_size(jobs), 3);
    const int64_t first = number_at(json_array_get(jobs, 0), "id");
    const int64_t last = number_at(json_array_get(jobs, 2), "id");
    assert_int_equal(number_at(json_array_get(jobs, 0), "seed"), 12);
    json_decref(many);
    tell(&s, "POST", path_of(id, "/retry"), "{\"seed\":\"old\"}", 422);
    tell(&s, "POST", path_of(id, "/retry"), "{\"count\":17}", 422);
    tell(&s, "POST", path_of(id, "/retry"), "{\"until_picture\":3}", 422);
    tell(&s, "POST", path_of(99, "/retry"), "{\"seed\":\"new\"}", 404);
    tell(&s, "PATCH", path_of(first, ""), "{\"at\":\"next\"}", 200);
    tell(&s, "POST", "/api/queue/resume", NULL, 200);
    finish(&s, first);
    EVENTUALLY(is_state(&s, last, "cancelled"));
    stage_end(&s);
}

/* --- 1.4: what happens when ---------------------------------------------------------------- */

static void queue_daemon_that_comes_later_gets_the_job(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "queue_away");
    fake_daemon_stop(&s.daemon);
    rig_start(&s.rig);
    const int64_t id = add(&s);
    EVENTUALLY(is_blocked(&s, "daemon_unreachable"));
    assert_true(is_state(&s, id, "pending"));
    fake_daemon_restart(&s.daemon);
    finish(&s, id);
    assert_true(is_blocked(&s, ""));
    stage_end(&s);
}

static void queue_lost_task_runs_again_with_its_name_and_seed(void **state) {
    (void)state;
    stage s;
    char task[33];
    stage_start(&s, "queue_lost");
    const int64_t id = add(&s), other = add(&s);
    snprintf(task, sizeof task, "%s", drawn(&s, id));
    EVENTUALLY(is_state(&s, id, "running"));
    fake_daemon_stop(&s.daemon);
    EVENTUALLY(is_blocked(&s, "daemon_unreachable"));
    assert_true(is_state(&s, id, "running"));
    fake_daemon_restart(&s.daemon);
    EVENTUALLY(has_task(&s, task));
    assert_string_equal(text_of(&s, id, "task_id"), task);
    assert_int_equal(number_of(&s, id, "restarts"), 1);
    assert_int_equal(number_of(&s, id, "seed"), 7);
    assert_true(is_state(&s, other, "pending"));
    finish(&s, id);
    finish(&s, other);
    assert_int_equal(image_count(&s), 2);
    stage_end(&s);
}

static void queue_gateway_restart_follows_in_every_state(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_restart");
    const int64_t id = add(&s), other = add(&s);
    (void)drawn(&s, id);
    restart_gateway(&s); /* running: followed */
    assert_int_equal(number_of(&s, id, "restarts"), 0);
    assert_true(is_state(&s, other, "pending"));
    char task[33];
    snprintf(task, sizeof task, "%s", drawn(&s, id));
    rig_stop(&s.rig); /* done while nobody looks: stored once */
    fake_daemon_finish(&s.daemon, task, meta, picture, strlen(picture));
    rig_start(&s.rig);
    EVENTUALLY(is_state(&s, id, "done"));
    assert_int_equal(number_of(&s, id, "restarts"), 0);
    snprintf(task, sizeof task, "%s", drawn(&s, other));
    rig_stop(&s.rig); /* both die: it runs again */
    fake_daemon_stop(&s.daemon);
    fake_daemon_restart(&s.daemon);
    rig_start(&s.rig);
    EVENTUALLY(has_task(&s, task));
    finish(&s, other);
    assert_int_equal(number_of(&s, other, "restarts"), 1);
    assert_int_equal(image_count(&s), 2);
    restart_gateway(&s);
    assert_true(is_state(&s, id, "done"));
    assert_int_equal(size_at(&s, "finished"), 2);
    stage_end(&s);
}

/* Written down as sent, and the process died: whether it arrived or not, it is drawn once. */
static void queue_submission_cut_off_is_sent_once(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_cut");
    fake_daemon_replace(&s.daemon, "/generate", 0, "", ""); /* no answer at all */
    const int64_t id = add(&s);
    EVENTUALLY(is_blocked(&s, "daemon_unreachable"));
    assert_true(is_state(&s, id, "running"));
    fake_daemon_replace(&s.daemon, NULL, 0, "", "");
    finish(&s, id);
    assert_int_equal(number_of(&s, id, "restarts"), 0);
    assert_int_equal(image_count(&s), 1);
    stage_end(&s);
}

static void queue_loads_the_model_and_waits_for_it(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_load");
    fake_daemon_model(&s.daemon, "idle", NULL, NULL);
    set_load_error(&s, NULL, true);
    const int64_t id = add(&s);
    EVENTUALLY(has_text(&s, id, "phase", "load"));
    assert_true(is_state(&s, id, "running"));
    EVENTUALLY(is_blocked(&s, "model_loading"));
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.submissions), 0);
    fake_daemon_model(&s.daemon, "loaded", NULL, NULL);
    finish(&s, id);
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.loads), 1);
    stage_end(&s);
}

static void queue_failed_load_keeps_the_job_pending(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_unloadable");
    fake_daemon_model(&s.daemon, "idle", NULL, NULL);
    set_load_error(&s, "the weights file is damaged", false);
    const int64_t id = add(&s);
    EVENTUALLY(is_blocked(&s, "model_failed"));
    assert_true(is_state(&s, id, "pending"));
    json_t *queue = ask(&s, "GET", "/api/queue", NULL, 200);
    assert_string_equal(text_at(json_object_get(queue, "blocked"), "error"),
                        "the weights file is damaged");
    json_decref(queue);
    set_load_error(&s, NULL, false);
    tell(&s, "POST", "/api/queue/resume", NULL, 200); /* looks again at once */
    finish(&s, id);
    stage_end(&s);
}

static void queue_waits_for_the_slot_of_another_program(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_busy");
    set_busy(&s, true);
    const int64_t id = add(&s), other = add(&s);
    EVENTUALLY(is_blocked(&s, "slot_busy"));
    EVENTUALLY(number_of(&s, id, "position") == 0); /* but while it is asked for */
    assert_true(is_state(&s, other, "pending"));
    set_busy(&s, false);
    (void)drawn(&s, id);
    finish(&s, id);
    finish(&s, other);
    fake_daemon_model(&s.daemon, "loaded", NULL, "generating an image (3s)");
    const int64_t third = add(&s);
    const int sent = fake_daemon_read(&s.daemon, &s.daemon.submissions);
    EVENTUALLY(is_blocked(&s, "slot_busy")); /* without sending anything */
    json_t *queue = ask(&s, "GET", "/api/queue", NULL, 200);
    assert_string_equal(text_at(json_object_get(queue, "blocked"), "error"),
                        "the model daemon is busy: generating an image"); /* no seconds: no news */
    json_decref(queue);
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.submissions), sent);
    tell(&s, "DELETE", path_of(third, ""), NULL, 200);
    fake_daemon_model(&s.daemon, "loaded", NULL, NULL);
    EVENTUALLY(is_blocked(&s, ""));
    assert_true(is_state(&s, third, "cancelled"));
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.submissions), sent);
    stage_end(&s);
}

static void queue_refused_job_fails_and_the_next_runs(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_refused");
    fake_daemon_replace(&s.daemon, "/generate", 422, "application/json",
                        "{\"detail\":[{\"msg\":\"the caption is too long\"}]}");
    const int64_t id = add(&s);
    EVENTUALLY(is_state(&s, id, "failed"));
    assert_string_equal(text_of(&s, id, "error"), "the caption is too long");
    fake_daemon_replace(&s.daemon, "/generate", 503, "application/json",
                        "{\"error\":\"stopping\"}");
    const int64_t next = add(&s);
    EVENTUALLY(is_blocked(&s, "daemon_unreachable"));
    EVENTUALLY(is_state(&s, next, "pending"));
    fake_daemon_replace(&s.daemon, NULL, 0, "", "");
    finish(&s, next);
    stage_end(&s);
}

static void queue_picture_that_cannot_be_stored_is_tried_again(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_disk");
    const int64_t id = add(&s);
    const char *task = drawn(&s, id);
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.artifact_faults = 3;
    pthread_mutex_unlock(&s.daemon.mutex);
    fake_daemon_finish(&s.daemon, task, meta, picture, strlen(picture));
    EVENTUALLY(is_blocked(&s, "disk_full"));
    assert_true(is_state(&s, id, "running"));
    EVENTUALLY(is_state(&s, id, "done"));
    assert_int_equal(image_count(&s), 1);
    stage_end(&s);
}

static void queue_older_daemon_gives_its_own_ids(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "queue_older");
    s.daemon.gives_own_ids = true;
    rig_start(&s.rig);
    const int64_t id = add(&s);
    finish(&s, id);
    assert_int_equal(image_count(&s), 1);
    stage_end(&s);
}

/* --- cancelling ---------------------------------------------------------------------------- */

static void queue_cancel_in_every_state(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "queue_cancel");
    const int64_t running = add(&s), waiting = add(&s);
    (void)drawn(&s, running);
    json_t *answer = ask(&s, "DELETE", path_of(waiting, ""), NULL, 200);
    assert_string_equal(text_at(answer, "state"), "cancelled");
    json_decref(answer);
    tell(&s, "POST", "/api/queue/cancel", "{\"scope\":\"current\"}", 200);
    EVENTUALLY(is_state(&s, running, "cancelled"));
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.cancels), 1);
    /* while the model is loaded */
    fake_daemon_model(&s.daemon, "idle", NULL, NULL);
    set_load_error(&s, NULL, true);
    const int64_t loading = add(&s);
    EVENTUALLY(has_text(&s, loading, "phase", "load"));
    tell(&s, "DELETE", path_of(loading, ""), NULL, 200);
    EVENTUALLY(is_state(&s, loading, "cancelled"));
    fake_daemon_model(&s.daemon, "loaded", NULL, NULL);
    /* while it is lost */
    const int64_t lost = add(&s);
    (void)drawn(&s, lost);
    fake_daemon_stop(&s.daemon);
    EVENTUALLY(is_blocked(&s, "daemon_unreachable"));
    tell(&s, "DELETE", path_of(lost, ""), NULL, 200);
    fake_daemon_restart(&s.daemon);
    EVENTUALLY(is_state(&s, lost, "cancelled"));
    assert_int_equal(image_count(&s), 0);
    assert_int_equal(prompt_count(&s), 0);
    /* by an old client, at the daemon */
    const int64_t old = add(&s);
    char path[128];
    snprintf(path, sizeof path, "/api/cancel/%s", drawn(&s, old));
    tell(&s, "POST", path, NULL, 200);
    EVENTUALLY(is_state(&s, old, "cancelled"));
    stage_end(&s);
}

/* --- others' work -------------------------------------------------------------------------- */

static void queue_old_clients_tasks_are_jobs(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "queue_direct");
    json_t *answer = ask(&s, "POST", "/api/generate", "{\"caption\":{},\"seed\":11}", 200);
    snprintf(id, sizeof id, "%s", text_at(answer, "task_id"));
    json_decref(answer);
    json_t *queue = ask(&s, "GET", "/api/queue", NULL, 200);
    const json_t *job = json_array_get(json_object_get(queue, "running"), 0);
    const int64_t direct = number_at(job, "id");
    assert_string_equal(text_at(job, "origin"), "direct");
    assert_int_equal(number_at(job, "seed"), 11);
    json_decref(queue);
    const int64_t mine = add(&s); /* after it */
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    EVENTUALLY(is_state(&s, direct, "done"));
    assert_int_equal(prompt_count(&s), 0);
    finish(&s, mine);
    assert_int_equal(prompt_count(&s), 1);
    /* one that is lost fails and is not run again */
    answer = ask(&s, "POST", "/api/generate", "{\"caption\":{}}", 200);
    json_decref(answer);
    queue = ask(&s, "GET", "/api/queue", NULL, 200);
    const int64_t lost = number_at(json_array_get(json_object_get(queue, "running"), 0), "id");
    json_decref(queue);
    fake_daemon_stop(&s.daemon);
    fake_daemon_restart(&s.daemon);
    EVENTUALLY(is_state(&s, lost, "failed"));
    assert_true(text_of(&s, lost, "error")[0] != '\0');
    stage_end(&s);
}

/* The way of other modules: the same rules without HTTP. */
static void queue_other_modules_add_and_wait(void **state) {
    (void)state;
    stage s;
    json_t *rows;
    int64_t pending;
    uint64_t seen = 0;
    i4_err err = {0};
    stage_open(&s, "queue_modules");
    s.rig.settings.queue_limit = 3;
    rig_start(&s.rig);
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    i4_queue *queue = s.rig.gateway.queue;
    const i4_new_job job = {.origin = "openai",
                            .caption = "a mug",
                            .preset = "V4_TURBO_12",
                            .format = "png",
                            .width = 512,
                            .height = 512,
                            .seed = -1,
                            .prompt_id = -1,
                            .repeat = 2};
    assert_int_equal(i4_queue_add(queue, &job, 1, false, &rows, &pending, &err), I4_QUEUE_OK);
    assert_int_equal(json_array_size(rows), 2);
    const json_t *first = json_array_get(rows, 0), *second = json_array_get(rows, 1);
    assert_string_equal(text_at(first, "origin"), "openai");
    assert_string_equal(text_at(first, "batch"), text_at(second, "batch"));
    assert_true(number_at(first, "seed") >= 0);
    json_decref(rows);
    assert_int_equal(i4_queue_add(queue, &job, 1, false, &rows, &pending, &err), I4_QUEUE_FULL);
    assert_null(rows);
    assert_int_equal(pending, 2);
    json_t *order =
        json_loads("{\"caption\":{},\"preset\":\"V4_TURBO_12\",\"format\":\"png\"}", 0, NULL);
    fake_daemon_add(&s.daemon, "0123456789abcdef0123456789abcdef");
    i4_queue_direct(queue, "0123456789abcdef0123456789abcdef", order);
    assert_int_equal(size_at(&s, "running"), 1);
    json_decref(order);
    assert_true(i4_queue_wait(queue, &seen, 10));
    i4_queue_begin_stop(queue);
    assert_false(i4_queue_wait(queue, &seen, 100));
    stage_end(&s);
}

typedef struct racer {
    stage *s;
    pthread_t thread;
    int64_t id;
} racer;

static void *race(void *user) {
    racer *r = user;
    r->id = add_to(r->s, "{\"caption\":\"x\",\"client_id\":\"race\"}", "end");
    return NULL;
}

static void queue_two_racing_submissions_add_one_job(void **state) {
    (void)state;
    stage s;
    racer r[4];
    stage_start(&s, "queue_race");
    for (size_t i = 0; i < 4; i++) {
        r[i].s = &s;
        assert_int_equal(pthread_create(&r[i].thread, NULL, race, &r[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(r[i].thread, NULL);
        assert_int_equal(r[i].id, r[0].id);
    }
    finish(&s, r[0].id);
    assert_int_equal(size_at(&s, "pending"), 0);
    assert_int_equal(image_count(&s), 1);
    stage_end(&s);
}

/* --- progress ------------------------------------------------------------------------------ */

static void queue_progress_previews_and_waiting(void **state) {
    (void)state;
    static const char early[] =
        "{\"phase\":\"denoise\",\"step\":6,\"steps\":12,\"fraction\":0.5,\"seconds\":1.0,"
        "\"step_seconds\":0.1,\"preview_step\":6,\"phase_seconds\":{}}";
    static const char fallen[] =
        "{\"phase\":\"decode\",\"step\":12,\"steps\":12,\"fraction\":0.4,\"seconds\":2.0,"
        "\"step_seconds\":0.1,\"preview_step\":12,\"phase_seconds\":{}}";
    stage s;
    char task[33];
    uint64_t seen = 0;
    stage_start(&s, "queue_progress");
    i4_queue *queue = s.rig.gateway.queue;
    assert_true(i4_queue_wait(queue, &seen, 0));
    assert_false(i4_queue_wait(queue, &seen, 0));
    const int64_t id = add(&s);
    assert_true(i4_queue_wait(queue, &seen, 10));
    snprintf(task, sizeof task, "%s", drawn(&s, id));
    tell(&s, "GET", path_of(id, "/preview"), NULL, 204);
    fake_daemon_detail(&s.daemon, task, early, 6);
    EVENTUALLY(has_text(&s, id, "phase", "denoise") && number_of(&s, id, "step") == 6);
    fake_daemon_detail(&s.daemon, task, fallen, 12);
    EVENTUALLY(has_text(&s, id, "phase", "decode"));
    json_t *job = job_of(&s, id);
    assert_true(json_real_value(json_object_get(job, "fraction")) >= 0.5); /* never falls */
    assert_true(json_is_real(json_object_get(job, "elapsed")));
    assert_int_equal(number_at(job, "preview_step"), 12);
    json_decref(job);
    i4_answer answer;
    char step[16];
    assert_true(i4_queue_preview(queue, id, -1, &answer));
    assert_string_equal(answer.body, "preview 12");
    assert_true(i4_answer_header(&answer, "X-Preview-Step", step, sizeof step));
    assert_string_equal(step, "12");
    i4_answer_free(&answer);
    assert_true(i4_queue_preview(queue, id, 6, &answer));
    assert_string_equal(answer.body, "preview 6");
    i4_answer_free(&answer);
    assert_false(i4_queue_preview(queue, id, 13, &answer));
    tell(&s, "GET", path_of(id, "/preview?step=6"), NULL, 200);
    tell(&s, "GET", path_of(id, "/preview?step=x"), NULL, 422);
    finish(&s, id);
    assert_false(i4_queue_preview(queue, id, -1, &answer));
    stage_end(&s);
}

/* --- events -------------------------------------------------------------------------------- */

typedef struct listener {
    char url[128];
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    char heard[1 << 18];
    size_t size;
    bool ends;
} listener;

static bool hear(const void *bytes, size_t size, void *user) {
    listener *l = user;
    pthread_mutex_lock(&l->mutex);
    const size_t room = sizeof l->heard - 1 - l->size;
    memcpy(l->heard + l->size, bytes, size < room ? size : room);
    l->size += size < room ? size : room;
    l->heard[l->size] = '\0';
    pthread_mutex_unlock(&l->mutex);
    return true;
}

static bool goes_on(void *user) {
    listener *l = user;
    pthread_mutex_lock(&l->mutex);
    const bool ends = l->ends;
    pthread_mutex_unlock(&l->mutex);
    return !ends;
}

static void *listen_to(void *user) {
    listener *l = user;
    i4_answer answer;
    i4_http_client *client = i4_http_client_new(NULL);
    const i4_call call = {.url = l->url, .sink = hear, .go_on = goes_on, .user = l};
    (void)i4_http_call(client, &call, &answer, NULL);
    i4_answer_free(&answer);
    i4_http_client_free(client);
    return NULL;
}

static bool was_heard(listener *l, const char *text) {
    pthread_mutex_lock(&l->mutex);
    const bool was = strstr(l->heard, text) != NULL;
    pthread_mutex_unlock(&l->mutex);
    return was;
}

static void listener_begin(listener *l, stage *s) {
    *l = (listener){.size = 0};
    pthread_mutex_init(&l->mutex, NULL);
    snprintf(l->url, sizeof l->url, "http://127.0.0.1:%d/api/events",
             i4_gateway_port(&s->rig.gateway));
    assert_int_equal(pthread_create(&l->thread, NULL, listen_to, l), 0);
    EVENTUALLY(was_heard(l, "event: hello"));
}

static void listener_end(listener *l) {
    pthread_mutex_lock(&l->mutex);
    l->ends = true;
    pthread_mutex_unlock(&l->mutex);
    pthread_join(l->thread, NULL);
    pthread_mutex_destroy(&l->mutex);
}

/* The daemon refuses for the moment what somebody cancels at the same time. */
static void queue_cancel_during_a_refusal_is_said(void **state) {
    (void)state;
    static listener l;
    stage s;
    stage_start(&s, "queue_refused");
    listener_begin(&l, &s);
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.is_busy = true;
    s.daemon.pause_ms = 1000;
    pthread_mutex_unlock(&s.daemon.mutex);
    const int64_t id = add(&s);
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.submissions) == 1); /* not answered yet */
    tell(&s, "DELETE", path_of(id, ""), NULL, 200);
    EVENTUALLY(was_heard(&l, "\"state\":\"cancelled\""));
    EVENTUALLY(was_heard(&l, "\"running\":[],\"pending\":[]"));
    assert_true(is_state(&s, id, "cancelled"));
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.pause_ms = 0;
    pthread_mutex_unlock(&s.daemon.mutex);
    listener_end(&l);
    stage_end(&s);
}

static void queue_changes_are_said(void **state) {
    (void)state;
    static const char half[] =
        "{\"phase\":\"denoise\",\"step\":6,\"steps\":12,\"fraction\":0.5,\"seconds\":1.0,"
        "\"step_seconds\":0.1,\"preview_step\":6,\"phase_seconds\":{}}";
    static listener l;
    stage s;
    char text[64];
    stage_start(&s, "queue_events");
    listener_begin(&l, &s);
    const int64_t id = add(&s);
    snprintf(text, sizeof text, "\"pending\":[%lld]", (long long)id);
    EVENTUALLY(was_heard(&l, text));
    snprintf(text, sizeof text, "\"running\":[%lld]", (long long)id);
    EVENTUALLY(was_heard(&l, text));
    fake_daemon_detail(&s.daemon, drawn(&s, id), half, 6);
    snprintf(text, sizeof text, "{\"job_id\":%lld,\"step\":6,\"steps\":12}", (long long)id);
    EVENTUALLY(was_heard(&l, text));
    EVENTUALLY(was_heard(&l, "\"fraction\":0.5"));
    finish(&s, id);
    EVENTUALLY(was_heard(&l, "\"state\":\"done\""));
    EVENTUALLY(was_heard(&l, "\"running\":[],\"pending\":[]"));
    listener_end(&l);
    stage_end(&s);
}

/* --- large things -------------------------------------------------------------------------- */

/* A thousand copies of the longest prompt would take a gigabyte if they were made first. */
static void queue_more_than_could_wait_is_refused_unmade(void **state) {
    (void)state;
    enum { PROMPT_BYTES = 250000 };
    static char body[PROMPT_BYTES + 200];
    stage s;
    stage_start(&s, "queue_large");
    char *end = body + snprintf(body, sizeof body, "{\"items\":[{\"repeat\":1000,\"caption\":\"");
    memset(end, 'a', PROMPT_BYTES);
    snprintf(end + PROMPT_BYTES, 8, "\"}]}");
    json_t *answer = ask(&s, "POST", "/api/queue", body, 409);
    assert_string_equal(text_at(answer, "code"), "queue_full");
    assert_int_equal(number_at(answer, "pending"), 0);
    assert_int_equal(number_at(answer, "limit"), 200);
    json_decref(answer);
    assert_int_equal(size_at(&s, "pending") + size_at(&s, "running"), 0);
    stage_end(&s);
}

/* What describes a job is short, whatever its prompt is, and can be sent back. */
static void queue_long_prompt_stays_editable(void **state) {
    (void)state;
    enum { PROMPT_CHARS = 30000 };
    static char body[2 * PROMPT_CHARS + 200];
    stage s;
    stage_start(&s, "queue_long");
    tell(&s, "POST", "/api/queue/pause", NULL, 200);
    char *end = body + snprintf(body, sizeof body, "{\"items\":[{\"caption\":\"x");
    for (int i = 0; i < PROMPT_CHARS; i++) {
        end += snprintf(end, 3, "\xc3\xa4"); /* the cut comes within a character */
    }
    snprintf(end, 8, "\"}]}");
    json_t *answer = ask(&s, "POST", "/api/queue", body, 201);
    const json_t *job = json_array_get(json_object_get(answer, "jobs"), 0);
    assert_int_equal(strlen(text_at(job, "hld")), 1999);
    const int64_t id = number_at(job, "id");
    json_decref(answer);
    tell(&s, "PATCH", path_of(id, ""), "{\"width\":512}", 200);
    answer = job_of(&s, id);
    assert_int_equal(strlen(text_at(answer, "caption")), 2 * PROMPT_CHARS + 1);
    json_decref(answer);
    stage_end(&s);
}

/* The same preview again is 304. */
static void queue_preview_is_not_sent_twice(void **state) {
    (void)state;
    stage s;
    char url[256], tag[128], header[160];
    i4_answer answer;
    stage_start(&s, "queue_tag");
    const int64_t id = add(&s);
    fake_daemon_detail(&s.daemon, drawn(&s, id), NULL, 3);
    i4_http_client *client = i4_http_client_new(NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/api/queue/%lld/preview",
             i4_gateway_port(&s.rig.gateway), (long long)id);
    i4_call call = {.url = url};
    assert_true(i4_http_call(client, &call, &answer, NULL));
    assert_int_equal(answer.status, 200);
    assert_true(i4_answer_header(&answer, "ETag", tag, sizeof tag));
    i4_answer_free(&answer);
    snprintf(header, sizeof header, "If-None-Match: %s", tag);
    const char *const headers[] = {header, NULL};
    call.headers = headers;
    assert_true(i4_http_call(client, &call, &answer, NULL));
    assert_int_equal(answer.status, 304);
    i4_answer_free(&answer);
    i4_http_client_free(client);
    stage_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_job_is_drawn_stored_and_in_history),
        cmocka_unit_test(queue_caption_is_kept_and_the_form_is_made),
        cmocka_unit_test(queue_refuses_what_the_contract_refuses),
        cmocka_unit_test(queue_adding_is_idempotent_limited_and_ordered),
        cmocka_unit_test(queue_pending_jobs_move_change_go_and_come_back),
        cmocka_unit_test(queue_jobs_run_one_after_the_other_in_order),
        cmocka_unit_test(queue_retry_copies),
        cmocka_unit_test(queue_daemon_that_comes_later_gets_the_job),
        cmocka_unit_test(queue_lost_task_runs_again_with_its_name_and_seed),
        cmocka_unit_test(queue_gateway_restart_follows_in_every_state),
        cmocka_unit_test(queue_submission_cut_off_is_sent_once),
        cmocka_unit_test(queue_loads_the_model_and_waits_for_it),
        cmocka_unit_test(queue_failed_load_keeps_the_job_pending),
        cmocka_unit_test(queue_waits_for_the_slot_of_another_program),
        cmocka_unit_test(queue_refused_job_fails_and_the_next_runs),
        cmocka_unit_test(queue_picture_that_cannot_be_stored_is_tried_again),
        cmocka_unit_test(queue_older_daemon_gives_its_own_ids),
        cmocka_unit_test(queue_cancel_in_every_state),
        cmocka_unit_test(queue_old_clients_tasks_are_jobs),
        cmocka_unit_test(queue_other_modules_add_and_wait),
        cmocka_unit_test(queue_two_racing_submissions_add_one_job),
        cmocka_unit_test(queue_progress_previews_and_waiting),
        cmocka_unit_test(queue_changes_are_said),
        cmocka_unit_test(queue_cancel_during_a_refusal_is_said),
        cmocka_unit_test(queue_more_than_could_wait_is_refused_unmade),
        cmocka_unit_test(queue_long_prompt_stays_editable),
        cmocka_unit_test(queue_preview_is_not_sent_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
