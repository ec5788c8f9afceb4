/* The running programs killed at random moments while pictures are drawn and stored: after each
 * start everything that was said to be finished is there, once, whole, and nothing half-written is
 * left. IDEOGRAM4_KILLS sets how often, IDEOGRAM4_KILL_SEED when. */
#include "probe.h"
#include "stack.h"

#include "image/image.h"

#include <pthread.h>

enum { KILLS = 40, NOTES = 20000, READY_SECONDS = 5, FILE_MAX = 64 << 20, FOLDER_MAX = 100000 };
static const double settle_seconds = 120; /* the gateway looks at the spool twice a minute */

/* --- what was promised ----------------------------------------------------------------------- */

typedef struct note {
    char id[40];
    bool is_finished; /* the daemon said that there is a picture */
    long image;       /* row that the gateway named; 0: none yet */
} note;

typedef struct driver {
    int gateway_port, daemon_port;
    uint32_t chance;
    pthread_t thread;

    pthread_mutex_t mutex; /* guards what follows */
    note note[NOTES];
    size_t count;
    bool is_over;
} driver;

static bool is_over(driver *d) {
    pthread_mutex_lock(&d->mutex);
    const bool over = d->is_over || d->count == NOTES;
    pthread_mutex_unlock(&d->mutex);
    return over;
}

static void add_note(driver *d, const char *answer) {
    static const char key[] = "{\"task_id\":\"";
    if (strncmp(answer, key, sizeof key - 1) == 0) {
        pthread_mutex_lock(&d->mutex);
        snprintf(d->note[d->count++].id, sizeof d->note[0].id, "%.32s", answer + sizeof key - 1);
        pthread_mutex_unlock(&d->mutex);
    }
}

/* The newest note but `back`; false if there are not so many. */
static bool recall(driver *d, size_t back, note *out, size_t *index) {
    pthread_mutex_lock(&d->mutex);
    const bool is_there = d->count > back;
    if (is_there) {
        *index = d->count - 1 - back;
        *out = d->note[*index];
    }
    pthread_mutex_unlock(&d->mutex);
    return is_there;
}

/* --- the driver: a client that is never tired and does not mind broken connections ------------ */

/* True when the drawing was accepted. */
static bool submit(driver *d, probe_link *to, const char *path) {
    static const char *const formats[] = {"png", "webp", "jpeg"};
    char body[512];
    snprintf(body, sizeof body,
             "{\"caption\":{\"high_level_description\":\"number %u\",\"compositional_"
             "deconstruction\":{\"background\":\"white\",\"elements\":[]}},\"width\":256,"
             "\"height\":256,\"preset\":\"V4_TURBO_12\",\"seed\":%u,\"format\":\"%s\"}",
             (unsigned)d->count, probe_random(&d->chance) % 1000,
             formats[probe_random(&d->chance) % 3]);
    const bool is_accepted = probe_post(to, path, body) == 200;
    if (is_accepted) {
        add_note(d, to->body);
    }
    return is_accepted;
}

static void ask_daemon(driver *d, probe_link *daemon, const note *n, size_t index) {
    char path[80];
    snprintf(path, sizeof path, "/status/%s", n->id);
    if (probe_get(daemon, path) == 200 && strstr(daemon->body, "\"has_artifact\":true") &&
        strstr(daemon->body, "\"cancelled\":false")) {
        pthread_mutex_lock(&d->mutex);
        d->note[index].is_finished = true;
        pthread_mutex_unlock(&d->mutex);
    }
}

static void ask_gateway(driver *d, probe_link *gateway, const note *n, size_t index) {
    static const char key[] = "\"image\":{\"id\":";
    char path[80];
    snprintf(path, sizeof path, "/api/status/%s", n->id);
    const char *found = probe_get(gateway, path) == 200 ? strstr(gateway->body, key) : NULL;
    if (found) {
        pthread_mutex_lock(&d->mutex);
        d->note[index].image = strtol(found + sizeof key - 1, NULL, 10);
        pthread_mutex_unlock(&d->mutex);
    }
}

static void cancel_newest(driver *d, probe_link *gateway) {
    char path[80];
    note n;
    size_t index;
    if (recall(d, 0, &n, &index)) {
        snprintf(path, sizeof path, "/api/cancel/%s", n.id);
        (void)probe_ask(gateway, "POST", path, NULL, NULL);
    }
}

static void look_at_newest(driver *d, probe_link *gateway, probe_link *daemon, unsigned round) {
    for (size_t back = 0; back < 4; back++) {
        note n;
        size_t index;
        if (recall(d, back, &n, &index) && n.image == 0) {
            if ((round + back) % 2) {
                ask_daemon(d, daemon, &n, index);
            } else {
                ask_gateway(d, gateway, &n, index);
            }
        }
    }
}

/* One drawing in eight is cancelled, after as many rounds as chance wants. */
static void *drive(void *user) {
    driver *d = user;
    probe_link gateway = {.port = d->gateway_port}, daemon = {.port = d->daemon_port};
    unsigned rounds_to_cancel = 0; /* 0: not at all */
    for (unsigned round = 0; !is_over(d); round++) {
        const bool is_direct = probe_random(&d->chance) % 4 == 0;
        if (submit(d, is_direct ? &daemon : &gateway, is_direct ? "/generate" : "/api/generate")) {
            const uint32_t dice = probe_random(&d->chance);
            rounds_to_cancel = dice % 8 == 0 ? 1 + dice / 8 % 40 : 0;
        }
        look_at_newest(d, &gateway, &daemon, round);
        if (rounds_to_cancel > 0 && --rounds_to_cancel == 0) {
            cancel_newest(d, &gateway);
        }
        probe_sleep(0.005);
    }
    probe_free(&gateway);
    probe_free(&daemon);
    return NULL;
}

static driver *start_driver(const stack *s, uint32_t seed) {
    driver *d = calloc(1, sizeof *d);
    assert_non_null(d);
    d->gateway_port = stack_port(s, GATEWAY);
    d->daemon_port = stack_port(s, DAEMON);
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
}

static void free_driver(driver *d) {
    pthread_mutex_destroy(&d->mutex);
    free(d);
}

/* --- what lies on disk ------------------------------------------------------------------------ */

typedef struct names {
    char **name;
    size_t count;
} names;

static names list(const stack *s, const char *folder_name) {
    names n = {0};
    assert_true(
        i4_dir_list(folder_at(&s->folder, folder_name), FOLDER_MAX, &n.name, &n.count, NULL));
    return n;
}

static void free_names(names *n) {
    i4_dir_list_free(n->name, n->count);
}

static bool ends_with(const char *text, const char *end) {
    const size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

static bool is_picture(const char *name) {
    return name[0] != '.' &&
           (ends_with(name, ".png") || ends_with(name, ".webp") || ends_with(name, ".jpeg"));
}

static void assert_whole(const stack *s, const char *folder_name, const char *name) {
    char path[256], *bytes = NULL;
    size_t size = 0;
    i4_err err = {0};
    i4_image image = {0};
    snprintf(path, sizeof path, "%s/%s", folder_name, name);
    if (!i4_file_read(folder_at(&s->folder, path), FILE_MAX, &bytes, &size, &err) ||
        !i4_image_decode((const uint8_t *)bytes, size, &image, &err)) {
        fail_msg("%s is torn: %s", path, err.text);
    }
    assert_int_equal(image.width, 256);
    assert_int_equal(image.height, 256);
    i4_image_free(&image);
    i4_free(bytes);
}

/* Every visible picture decodes; `seen` (names → true) spares those that did before. */
static void assert_files_are_whole(const stack *s, json_t *seen) {
    names files = list(s, "output");
    for (size_t i = 0; i < files.count; i++) {
        if (files.name[i][0] == '.') {
            continue;
        }
        if (!is_picture(files.name[i])) {
            fail_msg("output has a visible file that is no picture: %s", files.name[i]);
        }
        if (!json_object_get(seen, files.name[i])) {
            assert_whole(s, "output", files.name[i]);
            json_object_set_new(seen, files.name[i], json_true());
        }
    }
    free_names(&files);
}

/* A picture counts in the spool once its record is there. */
static void assert_spool_is_whole(const stack *s) {
    names files = list(s, "spool");
    for (size_t i = 0; i < files.count; i++) {
        for (size_t k = 0; ends_with(files.name[i], ".json") && k < files.count; k++) {
            if (is_picture(files.name[k]) && strncmp(files.name[i], files.name[k], 32) == 0) {
                assert_whole(s, "spool", files.name[k]);
            }
        }
    }
    free_names(&files);
}

/* Rows by file name; fails when two have the same, or one has no file. New reference. */
static json_t *library(const stack *s, probe_link *gateway) {
    assert_int_equal(probe_get(gateway, "/api/images?limit=0"), 200);
    json_t *rows = json_loadb(gateway->body, gateway->body_size, 0, NULL);
    json_t *by_file = json_object();
    assert_true(json_is_array(rows));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        const char *name = text_at(row, "file_path");
        char path[256];
        snprintf(path, sizeof path, "output/%s", name);
        if (!is_picture(name) || i4_path_look(folder_at(&s->folder, path)) != I4_PATH_FILE) {
            fail_msg("row %lld has no file: %s", (long long)number_at(row, "id"), name);
        }
        if (json_object_get(by_file, name)) {
            fail_msg("two rows have the file %s", name);
        }
        json_object_set(by_file, name, row);
    }
    json_decref(rows);
    return by_file;
}

static names leftovers(const stack *s, const char *folder_name) {
    names all = list(s, folder_name), found = {0};
    found.name = i4_calloc(all.count + 1, sizeof *found.name);
    assert_non_null(found.name);
    for (size_t i = 0; i < all.count; i++) {
        if (ends_with(all.name[i], ".tmp")) {
            found.name[found.count++] = i4_strdup(all.name[i]);
        }
    }
    free_names(&all);
    return found;
}

static void assert_swept(const stack *s, const char *folder_name, names *left) {
    for (size_t i = 0; i < left->count; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder_name, left->name[i]);
        if (i4_path_look(folder_at(&s->folder, path)) != I4_PATH_NONE) {
            fail_msg("%s was not swept", path);
        }
        i4_free(left->name[i]);
    }
    i4_free(left->name);
}

/* --- one kill --------------------------------------------------------------------------------- */

typedef enum victim { KILL_GATEWAY, KILL_DAEMON, KILL_BOTH } victim;

typedef struct trial {
    stack stack;
    driver *driver;
    probe_link gateway, daemon;
    json_t *seen;
    uint32_t chance;
    double slowest;
    size_t swept;
} trial;

/* Until the drawing that runs has few steps left, but not for long. */
static void await_last_steps(trial *t) {
    const double until = probe_now() + 1.5;
    while (probe_now() < until) {
        char path[80];
        note n;
        size_t index;
        const char *found = NULL;
        if (recall(t->driver, 0, &n, &index)) {
            snprintf(path, sizeof path, "/status/%s", n.id);
            found =
                probe_get(&t->daemon, path) == 200 ? strstr(t->daemon.body, "\"progress\":") : NULL;
        }
        if (found && strtol(found + strlen("\"progress\":"), NULL, 10) >= 83) {
            return;
        }
        probe_sleep(0.002);
    }
}

/* Names in a folder, read as fast as can be. */
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

/* Until a file appears where the victim writes its pictures, but not for long. */
static void await_writing(const trial *t, victim v) {
    char path[1024];
    snprintf(path, sizeof path, "%s",
             folder_at(&t->stack.folder, v == KILL_DAEMON ? "spool" : "output"));
    const size_t count = count_names(path);
    const double until = probe_now() + 1.5;
    while (count_names(path) <= count && probe_now() < until) {
    }
}

/* A third of the kills falls anywhere, a third while a picture is decoded, encoded, spooled,
 * fetched, written or entered, a third between the first byte of its file and its row. */
static void await_moment(trial *t, long number, victim v) {
    const uint32_t dice = probe_random(&t->chance);
    if (number % 3 == 0) {
        probe_sleep((double)(dice % 700) / 1000);
    } else if (number % 3 == 1) {
        await_last_steps(t);
        probe_sleep((double)(dice % 350) / 1000);
    } else {
        await_writing(t, v);
        for (const double until = probe_now() + (double)(dice % 4 * (dice / 4 % 2000)) * 1e-6;
             probe_now() < until;) {
        }
    }
}

static void start_again(trial *t, victim v) {
    const bool is_gateway_first = probe_random(&t->chance) % 2;
    const double begun = probe_now();
    if (v != KILL_DAEMON && is_gateway_first) {
        stack_start_gateway(&t->stack);
    }
    if (v != KILL_GATEWAY) {
        stack_start_daemon(&t->stack);
    }
    if (v != KILL_DAEMON && !is_gateway_first) {
        stack_start_gateway(&t->stack);
    }
    const double seconds = probe_now() - begun;
    t->slowest = seconds > t->slowest ? seconds : t->slowest;
    assert_true(seconds <= READY_SECONDS);
}

static void kill_once(trial *t, long number) {
    static const victim victims[] = {KILL_GATEWAY, KILL_GATEWAY, KILL_DAEMON, KILL_BOTH};
    const victim v = victims[probe_random(&t->chance) % 4];
    await_moment(t, number, v);
    if (v != KILL_DAEMON) {
        stack_kill_gateway(&t->stack);
    }
    if (v != KILL_GATEWAY) {
        stack_kill_daemon(&t->stack);
    }
    names output = v == KILL_DAEMON ? (names){0} : leftovers(&t->stack, "output");
    names spool = v == KILL_GATEWAY ? (names){0} : leftovers(&t->stack, "spool");
    t->swept += output.count + spool.count;
    assert_files_are_whole(&t->stack, t->seen);
    if (v != KILL_GATEWAY) {
        assert_spool_is_whole(&t->stack);
    }
    start_again(t, v);
    assert_swept(&t->stack, "output", &output);
    assert_swept(&t->stack, "spool", &spool);
    json_decref(library(&t->stack, &t->gateway));
    assert_files_are_whole(&t->stack, t->seen);
}

/* --- the end ---------------------------------------------------------------------------------- */

static size_t count_promises(driver *d) {
    size_t count = 0;
    pthread_mutex_lock(&d->mutex);
    for (size_t i = 0; i < d->count; i++) {
        count += d->note[i].is_finished || d->note[i].image > 0;
    }
    pthread_mutex_unlock(&d->mutex);
    return count;
}

/* After all those kills one more picture gets drawn. */
static void await_another_promise(driver *d) {
    const size_t before = count_promises(d);
    const double until = probe_now() + settle_seconds;
    while (count_promises(d) == before) {
        assert_true(probe_now() < until);
        probe_sleep(0.05);
    }
}

/* The newest drawing is done, and with it all before it; then nothing more gets into the spool. */
static bool is_quiet(trial *t) {
    char path[80];
    note n = {0};
    size_t index;
    (void)recall(t->driver, 0, &n, &index);
    snprintf(path, sizeof path, "/status/%s", n.id);
    return probe_get(&t->daemon, path) == 200 && strstr(t->daemon.body, "\"state\":\"done\"") &&
           stack_file_count(&t->stack, "spool", ".json") == 0;
}

static void await_quiet(trial *t) {
    const double until = probe_now() + settle_seconds;
    while (!is_quiet(t)) {
        if (probe_now() > until) {
            fail_msg("%d pictures stay in the spool",
                     stack_file_count(&t->stack, "spool", ".json"));
        }
        probe_sleep(0.05);
    }
}

static json_t *row_of(json_t *by_file, const char *id) {
    static const char *const formats[] = {"png", "webp", "jpeg"};
    json_t *found = NULL;
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%s", id, formats[i]);
        json_t *row = json_object_get(by_file, name);
        if (row && found) {
            fail_msg("task %s has two rows", id);
        }
        found = row ? row : found;
    }
    return found;
}

/* Every promise is kept, every file has its row, and the gateway still says so. */
static void assert_promises(trial *t) {
    json_t *by_file = library(&t->stack, &t->gateway);
    for (size_t i = 0; i < t->driver->count; i++) {
        const note *n = &t->driver->note[i];
        json_t *row = row_of(by_file, n->id);
        char path[80];
        if ((n->is_finished || n->image > 0) && !row) {
            fail_msg("the picture of task %s (%s) is lost", n->id,
                     n->image ? "stored" : "finished");
        }
        if (n->image > 0) {
            assert_int_equal(number_at(row, "id"), n->image);
        }
        if (row) {
            snprintf(path, sizeof path, "/api/images/%lld/file", (long long)number_at(row, "id"));
            assert_int_equal(probe_get(&t->gateway, path), 200);
        }
    }
    names files = list(&t->stack, "output");
    for (size_t i = 0; i < files.count; i++) {
        if (!json_object_get(by_file, files.name[i])) {
            fail_msg("output/%s has no row", files.name[i]);
        }
    }
    assert_int_equal(files.count, json_object_size(by_file));
    free_names(&files);
    json_decref(by_file);
}

/* What was taken is gone after the next start. */
static void assert_spool_is_swept(trial *t) {
    static const char *const ends[] = {".json", ".taken", ".png", ".webp", ".jpeg", ".tmp"};
    assert_int_equal(stack_stop_daemon(&t->stack), 0);
    stack_start_daemon(&t->stack);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        assert_int_equal(stack_file_count(&t->stack, "spool", ends[i]), 0);
    }
}

/* --- cases ------------------------------------------------------------------------------------ */

static void kill_at_random_moments_loses_nothing(void **state) {
    static trial t; /* large */
    const long kills = probe_number("IDEOGRAM4_KILLS", KILLS);
    const uint32_t seed = (uint32_t)probe_number("IDEOGRAM4_KILL_SEED", 20260608);
    (void)state;
    memset(&t, 0, sizeof t);
    t.chance = seed ? seed : 1;
    t.seen = json_object();
    stack_begin(&t.stack, "kill_random");
    stack_use_lora_model(&t.stack);
    stack_set(&t.stack, "MODEL_DAEMON_AUTOLOAD", "1");
    stack_start(&t.stack);
    t.gateway.port = stack_port(&t.stack, GATEWAY);
    t.daemon.port = stack_port(&t.stack, DAEMON);
    t.driver = start_driver(&t.stack, t.chance);
    for (long i = 0; i < kills; i++) {
        kill_once(&t, i);
    }
    await_another_promise(t.driver);
    stop_driver(t.driver);
    await_quiet(&t);
    assert_files_are_whole(&t.stack, t.seen);
    assert_promises(&t);
    assert_spool_is_swept(&t);
    print_message("%ld kills: %zu tasks, %zu promised pictures, %zu files, %zu leftovers swept, "
                  "ready within %.2f s\n",
                  kills, t.driver->count, count_promises(t.driver), json_object_size(t.seen),
                  t.swept, t.slowest);
    free_driver(t.driver);
    probe_free(&t.gateway);
    probe_free(&t.daemon);
    json_decref(t.seen);
    stack_end(&t.stack);
}

static void open_stack(stack *s, const char *test) {
    stack_begin(s, test);
    stack_use_lora_model(s);
    stack_set(s, "MODEL_DAEMON_AUTOLOAD", "1");
    stack_start(s);
}

/* The gateway dies before the picture is finished: the next one stores it, unasked. */
static void kill_of_gateway_while_drawing_keeps_the_picture(void **state) {
    stack s;
    char path[80], id[40];
    (void)state;
    open_stack(&s, "kill_gateway");
    snprintf(id, sizeof id, "%s", stack_draw(&s, "survivor"));
    stack_kill_gateway(&s);
    snprintf(path, sizeof path, "/status/%s", id);
    await(&s, DAEMON, path, "{'state':'done','has_artifact':true,'...':0}");
    stack_start_gateway(&s);
    EVENTUALLY(strcmp(stack_rows(&s, "SELECT count(*) FROM images"), "1") == 0);
    assert_string_equal(stack_rows(&s, "SELECT hld FROM images"), "survivor");
    EVENTUALLY(stack_file_count(&s, "spool", ".json") == 0);
    stack_end(&s);
}

/* The daemon dies while it draws: the task ends without a picture, and the next one gets its own.
 */
static void kill_of_daemon_while_drawing_ends_the_task(void **state) {
    stack s;
    char path[80];
    (void)state;
    open_stack(&s, "kill_daemon");
    snprintf(path, sizeof path, "/api/status/%s", stack_draw(&s, "victim"));
    stack_kill_daemon(&s);
    say(&s, GATEWAY, "GET", path, NULL, 503, "{'error':'<has:daemon unreachable>'}");
    say(&s, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'<text>'}");
    stack_start_daemon(&s);
    say(&s, GATEWAY, "GET", path, NULL, 200,
        "{'state':'done','msg':'<text>','image':null,'...':0}");
    await(&s, DAEMON, "/model/status", "{'state':'loaded','...':0}");
    snprintf(path, sizeof path, "/api/status/%s", stack_draw(&s, "next"));
    await(&s, GATEWAY, path, "{'state':'done','msg':'<str>','image':'<obj>','...':0}");
    assert_string_equal(stack_rows(&s, "SELECT hld FROM images"), "next");
    stack_end(&s);
}

/* A finished picture outlives the daemon that drew it, also when nobody was there to take it. */
static void kill_of_both_after_drawing_keeps_the_picture(void **state) {
    stack s;
    char path[80];
    (void)state;
    open_stack(&s, "kill_both");
    snprintf(path, sizeof path, "/status/%s", stack_draw(&s, "survivor"));
    stack_kill_gateway(&s);
    await(&s, DAEMON, path, "{'state':'done','has_artifact':true,'...':0}");
    stack_kill_daemon(&s);
    stack_start_gateway(&s);
    stack_start_daemon(&s);
    EVENTUALLY(strcmp(stack_rows(&s, "SELECT count(*) FROM images"), "1") == 0);
    stack_end(&s);
}

static void second_programs_are_refused(void **state) {
    static const char *const programs[] = {"IDEOGRAM4_GATEWAY", "IDEOGRAM4D"};
    static const char *const wanted[] = {"another gateway", "another model daemon"};
    stack s;
    (void)state;
    open_stack(&s, "kill_second");
    stack_set(&s, "SERVER_PORT", "0");
    stack_set(&s, "MODEL_DAEMON_PORT", "0");
    for (int i = 0; i < 2; i++) {
        char *said = NULL;
        assert_int_equal(stack_run(&s, programs[i], NULL, &said), 1);
        assert_non_null(strstr(said, wanted[i]));
        free(said);
    }
    stack_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_of_gateway_while_drawing_keeps_the_picture),
        cmocka_unit_test(kill_of_daemon_while_drawing_ends_the_task),
        cmocka_unit_test(kill_of_both_after_drawing_keeps_the_picture),
        cmocka_unit_test(second_programs_are_refused),
        cmocka_unit_test(kill_at_random_moments_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
