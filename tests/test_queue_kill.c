/* The durable queue while both programs are killed at random moments: whatever was accepted ends in
 * exactly one result, in the order of the queue, with its seed. IDEOGRAM4_KILLS sets how often,
 * IDEOGRAM4_KILL_SEED when. */
#include "probe.h"
#include "stack.h"

#include "image/image.h"

#include <pthread.h>

enum { KILLS = 40, ORDERS = 20000, PENDING = 5, READY_SECONDS = 10, FILE_MAX = 64 << 20 };
static const double settle_seconds = 180;

/* --- what was ordered ------------------------------------------------------------------------- */

/* One item of POST /api/queue; its client_id is "order-<its number>". */
typedef struct order {
    long long seed, job; /* job: the first of the item */
    int repeat;
    bool cancel; /* a cancellation was sent: how it went is not known */
} order;

typedef struct driver {
    int port;
    uint32_t chance;
    pthread_t thread;
    order order[ORDERS]; /* of the driver alone until it has ended */
    size_t count;
    size_t doubles; /* sent again after the answer */
    char problem[512];

    pthread_mutex_t mutex; /* guards is_over */
    bool is_over;
} driver;

static bool is_over(driver *d) {
    pthread_mutex_lock(&d->mutex);
    const bool over = d->is_over;
    pthread_mutex_unlock(&d->mutex);
    return over || d->count == ORDERS || d->problem[0];
}

/* --- the driver: a client that asks again until it is answered ---------------------------------
 */

static json_t *answer_of(const probe_link *link) {
    return json_loadb(link->body, link->body_size, 0, NULL);
}

/* Ids of the jobs that an answer names have to be those of the first answer, one after the other.
 */
static void take_jobs(driver *d, order *o, const json_t *answer) {
    const json_t *jobs = json_object_get(answer, "jobs");
    const long long first = number_at(json_array_get(jobs, 0), "id");
    if (json_array_size(jobs) != (size_t)o->repeat || (o->job && o->job != first)) {
        snprintf(d->problem, sizeof d->problem,
                 "order %zu: %zu jobs from %lld on, not %d from %lld", d->count,
                 json_array_size(jobs), first, o->repeat, o->job);
    }
    for (int i = 0; i < o->repeat; i++) {
        if (number_at(json_array_get(jobs, (size_t)i), "id") != first + i) {
            snprintf(d->problem, sizeof d->problem, "order %zu: ids are not in a row", d->count);
        }
    }
    o->job = first;
}

static void add(driver *d, probe_link *gateway) {
    static const char *const formats[] = {"png", "webp", "jpeg"};
    order *o = &d->order[d->count];
    char body[768];
    int answers_wanted = probe_random(&d->chance) % 4 ? 1 : 2;
    o->seed = probe_random(&d->chance) % 100000;
    o->repeat = probe_random(&d->chance) % 6 ? 1 : 2;
    d->doubles += answers_wanted == 2;
    snprintf(body, sizeof body,
             "{\"items\":[{\"client_id\":\"order-%zu\",\"caption\":{\"high_level_description\":"
             "\"order %zu\",\"compositional_deconstruction\":{\"background\":\"white\","
             "\"elements\":[]}},\"width\":256,\"height\":256,\"preset\":\"V4_TURBO_12\",\"seed\":"
             "%lld,\"format\":\"%s\",\"repeat\":%d}]}",
             d->count, d->count, o->seed, formats[probe_random(&d->chance) % 3], o->repeat);
    while (answers_wanted > 0 && !d->problem[0]) {
        const int status = probe_post(gateway, "/api/queue", body);
        if (status == 201) {
            json_t *answer = answer_of(gateway);
            take_jobs(d, o, answer);
            json_decref(answer);
            answers_wanted--;
        } else if (status != 0) {
            snprintf(d->problem, sizeof d->problem, "POST /api/queue: %d %.300s", status,
                     gateway->body);
        } else {
            probe_sleep(0.01);
        }
    }
    d->count++;
}

/* One of the newest orders, all its jobs; the answer is not waited for again. */
static void cancel(driver *d, probe_link *gateway) {
    const size_t back = probe_random(&d->chance) % PENDING;
    if (d->count <= back) {
        return;
    }
    order *o = &d->order[d->count - 1 - back];
    o->cancel = true;
    for (int i = 0; i < o->repeat; i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/queue/%lld", o->job + i);
        (void)probe_ask(gateway, "DELETE", path, NULL, NULL);
    }
}

static void set_paused(driver *d, probe_link *gateway, bool paused) {
    const char *path = paused ? "/api/queue/pause" : "/api/queue/resume";
    while (!is_over(d) && probe_ask(gateway, "POST", path, NULL, NULL) != 200) {
        probe_sleep(0.01);
    }
}

/* Jobs that wait; -1: not known. */
static long count_pending(probe_link *gateway) {
    if (probe_get(gateway, "/api/queue") != 200) {
        return -1;
    }
    json_t *queue = answer_of(gateway);
    const long count = (long)json_array_size(json_object_get(queue, "pending"));
    json_decref(queue);
    return count;
}

static void *drive(void *user) {
    driver *d = user;
    probe_link gateway = {.port = d->port};
    int rounds_paused = 0;
    while (!is_over(d)) {
        const long pending = count_pending(&gateway);
        const uint32_t dice = probe_random(&d->chance);
        if (pending >= 0 && pending < PENDING) {
            add(d, &gateway);
        }
        if (dice % 401 == 0) {
            cancel(d, &gateway);
        }
        if (rounds_paused == 0 && dice % 211 == 1) {
            set_paused(d, &gateway, true);
            rounds_paused = 1 + (int)(dice / 211 % 40);
        } else if (rounds_paused > 0 && --rounds_paused == 0) {
            set_paused(d, &gateway, false);
        }
        probe_sleep(0.01);
    }
    probe_free(&gateway);
    return NULL;
}

static driver *start_driver(const stack *s, uint32_t seed) {
    driver *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->port = stack_port(s, GATEWAY);
    d->chance = seed * 2654435761u + 1;
    pthread_mutex_init(&d->mutex, NULL);
    assert_int_equal(pthread_create(&d->thread, NULL, drive, d), 0);
    return d;
}

static void stop_driver(driver *d) {
    pthread_mutex_lock(&d->mutex);
    d->is_over = true;
    pthread_mutex_unlock(&d->mutex);
    pthread_join(d->thread, NULL);
    if (d->problem[0]) {
        fail_msg("%s", d->problem);
    }
}

/* --- one kill ----------------------------------------------------------------------------------
 */

static size_t count_names(const char *path) {
    size_t count = 0;
    DIR *folder_read = opendir(path);
    assert_non_null(folder_read);
    while (readdir(folder_read)) {
        count++;
    }
    closedir(folder_read);
    return count;
}

/* Until a file appears in a folder, but not for long. */
static void await_writing(const stack *s, const char *folder_name) {
    char path[1024];
    snprintf(path, sizeof path, "%s", folder_at(&s->folder, folder_name));
    const size_t count = count_names(path);
    const double until = probe_now() + 1;
    while (count_names(path) <= count && probe_now() < until) {
    }
}

/* A third falls anywhere, a third near the writing of a picture by the daemon, a third near that by
 * the gateway. */
static void await_moment(stack *s, uint32_t dice) {
    if (dice % 3 == 0) {
        probe_sleep((double)(dice / 3 % 600) / 1000);
        return;
    }
    await_writing(s, dice % 3 == 1 ? "spool" : "output");
    for (const double until = probe_now() + (double)(dice / 3 % 6000) * 1e-6;
         probe_now() < until;) {
    }
}

static void kill_once(stack *s, uint32_t *chance) {
    const uint32_t dice = probe_random(chance);
    const bool gateway = dice % 4 != 0, daemon = dice % 4 == 0 || dice % 4 == 3;
    await_moment(s, probe_random(chance));
    if (gateway) {
        stack_kill_gateway(s);
    }
    if (daemon) {
        stack_kill_daemon(s);
    }
    const double begun = probe_now();
    if (daemon && dice / 4 % 2) {
        stack_start_daemon(s);
    }
    if (gateway) {
        stack_start_gateway(s);
    }
    if (daemon && dice / 4 % 2 == 0) {
        stack_start_daemon(s);
    }
    assert_true(probe_now() - begun <= READY_SECONDS);
}

/* --- the end -----------------------------------------------------------------------------------
 */

static bool is_quiet(stack *s) {
    json_t *queue = say(s, GATEWAY, "GET", "/api/queue", NULL, 200, NULL);
    return json_array_size(json_object_get(queue, "pending")) == 0 &&
           json_array_size(json_object_get(queue, "running")) == 0;
}

static void await_quiet(stack *s) {
    const double until = probe_now() + settle_seconds;
    say(s, GATEWAY, "POST", "/api/queue/resume", NULL, 200, "{'paused':false,'revision':'<int>'}");
    while (!is_quiet(s)) {
        if (probe_now() > until) {
            char *text = json_dumps(say(s, GATEWAY, "GET", "/api/queue", NULL, 200, NULL), 0);
            fail_msg("the queue does not come to its end: %.1500s", text);
        }
        probe_sleep(0.1);
    }
}

static void assert_whole(const stack *s, const char *file) {
    char path[256], *bytes = NULL;
    size_t size = 0;
    i4_err err = {0};
    i4_image image = {0};
    snprintf(path, sizeof path, "output/%s", file);
    if (!i4_file_read(folder_at(&s->folder, path), FILE_MAX, &bytes, &size, &err) ||
        !i4_image_decode((const uint8_t *)bytes, size, &image, &err)) {
        fail_msg("%s: %s", path, err.text);
    }
    assert_int_equal(image.width, 256);
    assert_int_equal(image.height, 256);
    i4_image_free(&image);
    i4_free(bytes);
}

/* A job that is done: its picture is there, and the gateway tells the same of it. */
static void assert_done(stack *s, long long id, long long seed, long long *newest_image) {
    char sql[512];
    snprintf(
        sql, sizeof sql,
        "SELECT count(*),ifnull(max(i.id),0),ifnull(max(i.file_path),''),ifnull(max(i.seed),-1)"
        ",max(j.seed),max(i.file_path=j.task_id||'.'||j.format),count(p.id) FROM jobs j "
        "LEFT JOIN images i ON i.id=j.image_id LEFT JOIN prompts p ON p.id=i.prompt_id "
        "WHERE j.id=%lld",
        id);
    long long count, image, image_seed, job_seed, named, entries;
    char file[64] = "";
    const char *row = stack_rows(s, sql);
    if (sscanf(row, "%lld|%lld|%63[^|]|%lld|%lld|%lld|%lld", &count, &image, file, &image_seed,
               &job_seed, &named, &entries) != 7 ||
        count != 1 || named != 1 || entries != 1 || image_seed != job_seed ||
        (seed >= 0 && job_seed != seed)) {
        fail_msg("job %lld (seed %lld) has no picture of its own: %s", id, seed, row);
    }
    if (image <= *newest_image) {
        fail_msg("job %lld ended before one in front of it", id);
    }
    *newest_image = image;
    assert_whole(s, file);
}

static void assert_job(stack *s, const order *o, long long id, long long *newest_image) {
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT state FROM jobs WHERE id=%lld", id);
    const char *state = stack_rows(s, sql);
    if (o->cancel && strcmp(state, "cancelled") == 0) {
        return;
    }
    if (strcmp(state, "done") != 0) {
        fail_msg("job %lld is '%s' at the end%s", id, state, o->cancel ? " (cancelled)" : "");
    }
    assert_done(s, id, id == o->job ? o->seed : -1, newest_image);
    if (!o->cancel) {
        sayf(s, GATEWAY, "GET", 200, NULL, "/api/queue/%lld", id);
    }
}

static long long count_of(stack *s, const char *sql) {
    return strtoll(stack_rows(s, sql), NULL, 10);
}

static void assert_results(stack *s, const driver *d) {
    long long newest_image = 0, jobs = 0;
    for (size_t i = 0; i < d->count; i++) {
        for (int k = 0; k < d->order[i].repeat; k++) {
            assert_job(s, &d->order[i], d->order[i].job + k, &newest_image);
            jobs++;
        }
    }
    assert_int_equal(count_of(s, "SELECT count(*) FROM jobs"), jobs);
    const long long done = count_of(s, "SELECT count(*) FROM jobs WHERE state='done'");
    assert_int_equal(count_of(s, "SELECT count(*) FROM images"), done);
    assert_int_equal(count_of(s, "SELECT count(DISTINCT image_id) FROM jobs WHERE state='done'"),
                     done);
    assert_int_equal(count_of(s, "SELECT count(*) FROM prompts"),
                     count_of(s, "SELECT count(DISTINCT batch) FROM jobs WHERE state='done'"));
    const int files = stack_file_count(s, "output", "");
    assert_int_equal(files, done);
}

/* Neither folder nor table holds on to anything, and check finds nothing to mend. */
static void assert_no_leftovers(stack *s) {
    static const char *const words[] = {"check", "--json", NULL};
    char *said = NULL, why[1400];
    EVENTUALLY(stack_file_count(s, "spool", ".json") == 0); /* the daemon is told twice a minute */
    EVENTUALLY(count_of(s, "SELECT count(*) FROM tasks") == 0);
    assert_int_equal(stack_stop_gateway(s), 0);
    assert_int_equal(stack_stop_daemon(s), 0);
    assert_int_equal(count_of(s, "SELECT count(*) FROM removals"), 0);
    assert_int_equal(stack_file_count(s, "spool", ".tmp"), 0);
    const int code = stack_run(s, "IDEOGRAM4_GATEWAY", words, &said);
    json_t *report = json_loads(said, 0, NULL);
    if (code != 0 || !answer_fits(report, "{'ok':true,'...':0}", why, sizeof why)) {
        fail_msg("check: %s", said);
    }
    json_decref(report);
    free(said);
}

static void jobs_survive_kills_at_random_moments(void **state) {
    stack s;
    const long kills = probe_number("IDEOGRAM4_KILLS", KILLS);
    const uint32_t seed = (uint32_t)probe_number("IDEOGRAM4_KILL_SEED", 20260609);
    uint32_t chance = seed ? seed : 1;
    (void)state;
    stack_begin(&s, "queue_kill");
    stack_use_lora_model(&s);
    stack_start(&s);
    const double begun = probe_now();
    driver *d = start_driver(&s, chance);
    for (long i = 0; i < kills; i++) {
        kill_once(&s, &chance);
    }
    stop_driver(d);
    await_quiet(&s);
    assert_results(&s, d);
    const long long restarted = count_of(&s, "SELECT count(*) FROM jobs WHERE restarts>0");
    print_message(
        "%ld kills in %.0f s: %zu orders (%zu sent twice), %lld pictures, %lld cancelled, "
        "%lld jobs begun again\n",
        kills, probe_now() - begun, d->count, d->doubles,
        count_of(&s, "SELECT count(*) FROM images"),
        count_of(&s, "SELECT count(*) FROM jobs WHERE state='cancelled'"), restarted);
    assert_true(restarted > 0 || kills < KILLS);
    assert_no_leftovers(&s);
    pthread_mutex_destroy(&d->mutex);
    free(d);
    stack_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_survive_kills_at_random_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
