/* What the model daemon has beside the original's routes (docs/api.md 5 and 7): tasks under a name
 * of the client's, how far a drawing is, its previews, memory, and a model that goes when nobody
 * uses it. */
#include "daemon_rig.h"

#include "daemon/desk.h"
#include "daemon/detail.h"
#include "daemon/idle.h"
#include "daemon/inside.h"
#include "daemon/preview.h"

#include <math.h>

/* --- names --------------------------------------------------------------------------------- */

static const char name_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1";
static const char name_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb2";

static json_t *named_request(const char *name) {
    json_t *request = small_request("a circle");
    json_object_set_new(request, "task_id", json_string(name));
    return request;
}

static id generate_named(const char *name) {
    const id task = take_task(post("/generate", named_request(name), 200));
    assert_string_equal(task.text, name);
    return task;
}

static size_t pictures_in_spool(void) {
    json_t *spool = get("/spool");
    const size_t count = json_array_size(json_object_get(spool, "tasks"));
    json_decref(spool);
    return count;
}

static void extra_a_named_task_is_drawn_once_however_often_it_is_sent(void **state) {
    (void)state;
    load_model();
    hold_at("step");
    const id task = generate_named(name_a);
    await_held();
    generate_named(name_a); /* it runs */
    post_and_forget("/generate", named_request(name_b), 409);
    let_go();
    json_decref(await_done("/status", task));
    generate_named(name_a); /* it is done */
    assert_pipeline_free();
    assert_int_equal(pictures_in_spool(), 1);
    json_t *before = get(path_of("/status", task));
    assert_true(is_true(before, "has_artifact"));
    restart(); /* it lies in the spool */
    generate_named(name_a);
    json_t *after = get(path_of("/status", task));
    assert_true(
        json_equal(json_object_get(before, "image_meta"), json_object_get(after, "image_meta")));
    assert_pipeline_free();
    assert_int_equal(pictures_in_spool(), 1);
    json_decref(before);
    json_decref(after);
}

static void extra_a_named_task_that_did_not_succeed_is_not_tried_again(void **state) {
    (void)state;
    load_model();
    json_t *too_large = named_request(name_a);
    json_object_set_new(too_large, "width", json_integer(1 << 19));
    json_decref(post("/generate", too_large, 200));
    const id failed = generate_named(name_a);
    json_decref(await_done("/status", failed));
    generate_named(name_a);
    json_t *s = get(path_of("/status", failed));
    assert_true(text_of(s, "error")[0] != '\0');
    json_decref(s);
    hold_at("step");
    const id cancelled = generate_named(name_b);
    await_held();
    post_and_forget(path_of("/cancel", cancelled), NULL, 200);
    generate_named(name_b);
    let_go();
    json_decref(await_done("/status", cancelled));
    generate_named(name_b);
    s = get(path_of("/status", cancelled));
    assert_true(is_true(s, "cancelled"));
    json_decref(s);
    assert_int_equal(pictures_in_spool(), 0);
}

/* The gateway saw it loaded; meanwhile it was unloaded, or the daemon was started again. */
static void extra_a_named_task_loads_the_model_that_it_misses(void **state) {
    (void)state;
    const id task = generate_named(name_a);
    json_t *s = await_done("/status", task);
    assert_true(is_true(s, "has_artifact"));
    json_decref(s);
    json_decref(await_text("/model/status", "state", "loaded"));
}

static void extra_names_that_are_none_are_refused(void **state) {
    static const char *const names[] = {"",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "../aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaag"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names + 2; i++) {
        const bool is_text = i < sizeof names / sizeof *names;
        json_t *request = named_request(is_text ? names[i] : "");
        if (!is_text) {
            json_object_set_new(request, "task_id", i % 2 ? json_null() : json_integer(7));
        }
        json_t *answer = post("/generate", request, 422);
        const json_t *detail = json_object_get(answer, "detail");
        const json_t *entry = json_array_get(detail, 0);
        assert_int_equal(json_array_size(detail), 1);
        assert_string_equal(text_of(entry, "type"), is_text ? "value_error" : "string_type");
        assert_string_equal(json_string_value(json_array_get(json_object_get(entry, "loc"), 1)),
                            "task_id");
        json_decref(answer);
    }
    assert_pipeline_free();
}

static void extra_the_name_of_another_kind_of_task_is_taken(void **state) {
    (void)state;
    const id download = take_task(post("/lora/download", json_object(), 200));
    json_t *answer = post("/generate", named_request(download.text), 409);
    assert_contains(text_of(answer, "error"), "task_id");
    json_decref(answer);
}

typedef struct racer {
    pthread_t thread;
    const char *name;
    int status;
} racer;

static void *race(void *user) {
    racer *r = user;
    i4_http_client *client = i4_http_client_new(NULL);
    json_t *body = named_request(r->name);
    json_object_set_new(body, "width", json_integer(1 << 19)); /* refused when it is drawn */
    json_t *answer = ask(client, "POST", "/generate", body, &r->status);
    json_decref(answer);
    json_decref(body);
    i4_http_client_free(client);
    return NULL;
}

static void extra_two_submissions_at_once_are_one_task(void **state) {
    enum { ROUNDS = 20, RACERS = 3 };
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        racer racers[RACERS];
        id task;
        snprintf(task.text, sizeof task.text, "%032x", i + 1);
        for (int k = 0; k < RACERS; k++) {
            racers[k] = (racer){.name = task.text};
            assert_int_equal(pthread_create(&racers[k].thread, NULL, race, &racers[k]), 0);
        }
        for (int k = 0; k < RACERS; k++) {
            assert_int_equal(pthread_join(racers[k].thread, NULL), 0);
            assert_int_equal(racers[k].status, 200);
        }
        json_decref(await_done("/status", task)); /* too large: it fails at once */
    }
    i4_table_lock(&it.daemon->table);
    assert_int_equal(it.daemon->table.job_count, ROUNDS);
    assert_non_null(i4_job_named(&it.daemon->table, "00000000000000000000000000000001"));
    assert_null(i4_job_named(&it.daemon->table, name_a));
    i4_table_unlock(&it.daemon->table);
}

/* --- how far it is ------------------------------------------------------------------------- */

static json_t *detail_of(const json_t *status) {
    json_t *detail = json_object_get(status, "detail");
    assert_keys(detail,
                "phase,step,steps,fraction,seconds,step_seconds,preview_step,phase_seconds");
    assert_keys(json_object_get(detail, "phase_seconds"), "encode,denoise,decode,save");
    return detail;
}

static double real_of(const json_t *object, const char *key) {
    assert_true(json_is_real(json_object_get(object, key)));
    return json_real_value(json_object_get(object, key));
}

/* Are exactly the first `count` phases timed? */
static void assert_timed(const json_t *detail, int count) {
    static const char *const names[] = {"encode", "denoise", "decode", "save"};
    const json_t *times = json_object_get(detail, "phase_seconds");
    for (int i = 0; i < 4; i++) {
        if (i < count) {
            assert_true(real_of(times, names[i]) >= 0.0);
        } else {
            assert_true(json_is_null(json_object_get(times, names[i])));
        }
    }
}

static void assert_at(const json_t *status, const char *phase, int step, int timed) {
    const json_t *detail = detail_of(status);
    assert_string_equal(text_of(detail, "phase"), phase);
    assert_int_equal(number_of(detail, "step"), step);
    assert_int_equal(number_of(detail, "steps"), 12);
    assert_timed(detail, timed);
}

/* Each moment of a drawing with LoRA. */
static void assert_moments(const json_t *notes) {
    static const struct {
        const char *moment, *phase;
        int step, timed;
    } expected[] = {{"drawing", "lora", 0, 0},   {"loras", "lora", 0, 0},
                    {"prepare", "encode", 0, 0}, {"sampling", "denoise", 0, 1},
                    {"step", "denoise", 1, 1},   {"decode", "decode", 12, 2},
                    {"encode", "save", 12, 3},   {"stored", "save", 12, 3}};
    double fraction = 0.0, seconds = 0.0;
    int step = 1;
    size_t found = 0;
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *note = json_array_get(notes, i), *status = json_object_get(note, "status");
        const json_t *detail = detail_of(status);
        const char *moment = text_of(note, "moment");
        if (strcmp(text_of(status, "state"), "done") == 0) {
            break;
        }
        assert_true(real_of(detail, "fraction") >= fraction);
        assert_true(real_of(detail, "fraction") < 1.0);
        assert_true(real_of(detail, "seconds") >= seconds);
        fraction = real_of(detail, "fraction");
        seconds = real_of(detail, "seconds");
        for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
            if (strcmp(moment, expected[k].moment) == 0) {
                const bool steps = strcmp(moment, "step") == 0;
                assert_at(status, expected[k].phase, steps ? step++ : expected[k].step,
                          expected[k].timed);
                found++;
            }
        }
    }
    assert_int_equal(step, 12);
    assert_int_equal(found, 7 + 11);
    assert_true(fraction > 0.9);
}

static void extra_detail_tells_each_phase_and_step(void **state) {
    (void)state;
    load_model();
    json_t *request = small_request("a circle");
    json_object_set_new(request, "loras", json_pack("[{s:s}]", "name", "good.safetensors"));
    json_object_set_new(request, "task_id", json_string(name_a));
    note_path("/status/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1");
    const id task = take_task(post("/generate", request, 200));
    json_t *s = await_done("/status", task);
    json_t *notes = take_notes();
    assert_moments(notes);
    json_decref(notes);
    assert_at(s, "done", 12, 4);
    const json_t *detail = detail_of(s), *times = json_object_get(detail, "phase_seconds");
    assert_true(real_of(detail, "fraction") == 1.0);
    assert_true(real_of(detail, "step_seconds") > 0.0);
    assert_true(real_of(detail, "seconds") >= real_of(times, "denoise"));
    assert_int_equal(number_of(json_object_get(s, "image_meta"), "steps"), 12);
    json_t *later = get(path_of("/status", task)); /* time stands still */
    assert_true(json_equal(s, later));
    json_decref(later);
    json_decref(s);
}

/* From one moment at which it is held to another. */
static void move_on_to(const char *moment) {
    pthread_mutex_lock(&watch.mutex);
    watch.is_held = false;
    snprintf(watch.hold, sizeof watch.hold, "%s", moment);
    pthread_cond_broadcast(&watch.changed);
    pthread_mutex_unlock(&watch.mutex);
    await_held();
}

static void extra_detail_of_what_waits_and_of_what_fails(void **state) {
    (void)state;
    hold_at("load");
    post_and_forget("/model/load", NULL, 200);
    await_held();
    const id task = generate("waits for the model");
    json_t *s = get(path_of("/status", task));
    assert_at(s, "load", 0, 0);
    assert_true(real_of(detail_of(s), "seconds") == 0.0);
    assert_true(real_of(detail_of(s), "fraction") == 0.0);
    json_decref(s);
    move_on_to("step");
    post_and_forget(path_of("/cancel", task), NULL, 200);
    let_go();
    s = await_done("/status", task);
    assert_string_equal(text_of(detail_of(s), "phase"), "done");
    assert_true(real_of(detail_of(s), "fraction") < 1.0);
    json_t *later = get(path_of("/status", task));
    assert_true(json_equal(s, later));
    json_decref(later);
    json_decref(s);
    hold_at("resolve");
    post_and_forget("/lora/apply", json_pack("{s:s}", "name", "good.safetensors"), 200);
    await_held();
    const id second = generate("waits for LoRA");
    s = get(path_of("/status", second));
    assert_at(s, "waiting", 0, 0);
    json_decref(s);
    let_go();
    json_decref(await_done("/status", second));
}

/* Without a daemon: fractions do not fall, a text tower that is not run took no time. */
static void extra_detail_follows_the_engine(void **state) {
    id4_progress p = {.phase = ID4_PHASE_ENCODE, .fraction = 0.5, .seconds = 1.0};
    id4_stats stats;
    i4_detail d = {0};
    (void)state;
    id4_stats_init(&stats);
    i4_detail_begin(&d, 20, 100.0);
    i4_detail_compute(&d, &p);
    const double fraction = d.fraction;
    p.fraction = 0.25;
    i4_detail_compute(&d, &p);
    assert_true(d.fraction == fraction && d.parts == 0);
    p = (id4_progress){.phase = ID4_PHASE_DENOISE,
                       .step_index = 3,
                       .step_count = 20,
                       .fraction = 0.6,
                       .seconds = 2.0,
                       .step_seconds = 0.25};
    i4_detail_compute(&d, &p);
    assert_int_equal(d.step, 3);
    assert_true(d.parts == 1 && d.part_seconds[I4_PART_ENCODE] == 2.0 && d.step_seconds == 0.25);
    stats.steps = 20;
    stats.denoise_seconds = 5.0;
    i4_detail_computed(&d, &stats, 110.0);
    assert_true(d.parts == 3 && d.part_seconds[I4_PART_ENCODE] == 0.0 && d.step == 20);
    assert_true(d.fraction < 1.0);
    i4_detail_saved(&d, 111.5);
    assert_true(d.part_seconds[I4_PART_SAVE] == 1.5 && d.fraction == 1.0 && d.seconds == 11.5);
    i4_detail_end(&d, 200.0);
    assert_true(d.seconds == 11.5);
}

static void extra_detail_comes_back_from_its_json_and_takes_no_nonsense(void **state) {
    static const char *const bad[] = {
        "null", "[]", "{'seconds':-1,'step_seconds':'x','phase_seconds':{'encode':-1}}",
        "{'seconds':1e300,'step_seconds':null,'phase_seconds':{'denoise':1.0}}"};
    const i4_detail d = {.step = 12,
                         .steps = 12,
                         .fraction = 1.0,
                         .begun = 5.0,
                         .seconds = 3.5,
                         .is_over = true,
                         .step_seconds = 0.25,
                         .part_seconds = {0.5, 2.0, 0.75, 0.25},
                         .parts = 4};
    i4_detail again;
    (void)state;
    json_t *json = i4_detail_json(&d, "done", -1, 100.0);
    i4_detail_read(&again, json, 12);
    json_t *other = i4_detail_json(&again, "done", -1, 200.0);
    assert_true(json_equal(json, other));
    json_decref(json);
    json_decref(other);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", bad[i]);
        for (char *c = text; *c != '\0'; c++) {
            *c = (char)(*c == '\'' ? '"' : *c);
        }
        json = json_loads(text, JSON_DECODE_ANY, NULL);
        assert_non_null(json);
        i4_detail_read(&again, json, 20);
        assert_true(again.seconds == 0.0 && again.step_seconds == 0.0 && again.parts == 0);
        assert_int_equal(again.step, 20);
        json_decref(json);
    }
}

/* --- previews ------------------------------------------------------------------------------ */

static void use_demo_model(void) {
    snprintf(it.settings.model_path, sizeof it.settings.model_path, "%s/models/demo",
             ID4_SOURCE_DIR);
    restart();
    i4_table_lock(&it.daemon->table);
    it.daemon->table.preview_seconds = 0.0; /* after each step */
    i4_table_unlock(&it.daemon->table);
    load_model();
}

static int status_of(const char *path) {
    i4_answer a = fetch(path);
    const int status = a.status;
    i4_answer_free(&a);
    return status;
}

static const char *preview_at(id task, int step) {
    static char path[128];
    snprintf(path, sizeof path, "/preview/%s?step=%d", task.text, step);
    return path;
}

/* The preview at this path is a small JPEG of the picture, of this step. */
static void assert_preview(id task, const char *path, int step) {
    char value[128], expected[128];
    id4_image *image = NULL;
    i4_answer a = fetch(path);
    assert_int_equal(a.status, 200);
    assert_true(i4_answer_header(&a, "Content-Type", value, sizeof value));
    assert_string_equal(value, "image/jpeg");
    assert_true(i4_answer_header(&a, "X-Preview-Step", value, sizeof value));
    snprintf(expected, sizeof expected, "%d", step);
    assert_string_equal(value, expected);
    assert_true(i4_answer_header(&a, "ETag", value, sizeof value));
    snprintf(expected, sizeof expected, "\"%s-%d\"", task.text, step);
    assert_string_equal(value, expected);
    assert_true(a.size > 2 && a.size <= I4_PREVIEW_FILE_BYTES);
    assert_memory_equal(a.body, "\xff\xd8", 2);
    assert_int_equal(id4_image_decode((const uint8_t *)a.body, a.size, &image, NULL), ID4_OK);
    assert_int_equal(id4_image_width(image), 64);
    assert_int_equal(id4_image_height(image), 64);
    id4_image_free(image);
    i4_answer_free(&a);
}

static void assert_preview_step(id task, int step) {
    json_t *s = get(path_of("/status", task));
    const json_t *value = json_object_get(detail_of(s), "preview_step");
    assert_true(step < 0 ? json_is_null(value) : json_integer_value(value) == step);
    json_decref(s);
}

static void extra_previews_are_there_while_it_draws_and_gone_with_the_next(void **state) {
    (void)state;
    use_demo_model();
    /* a model without a projection learns one from its first picture */
    json_decref(await_done("/status", generate("the first")));
    hold_at("preview");
    const id task = generate("the second");
    await_held();
    assert_preview_step(task, 1);
    assert_preview(task, path_of("/preview", task), 1);
    assert_int_equal(status_of(preview_at(task, 2)), 404);
    let_go();
    json_decref(await_done("/status", task));
    for (int step = 1; step <= 12; step++) {
        assert_preview(task, preview_at(task, step), step);
    }
    assert_preview(task, path_of("/preview", task), 12);
    assert_preview_step(task, 12);
    hold_at("drawing");
    const id next = generate("the third");
    await_held();
    assert_int_equal(status_of(path_of("/preview", task)), 404);
    assert_int_equal(status_of(path_of("/preview", next)), 404);
    assert_preview_step(task, -1);
    assert_preview_step(next, -1);
    let_go();
    json_decref(await_done("/status", next));
    assert_preview_step(next, 12);
}

static void extra_previews_of_nothing_are_not_found(void **state) {
    (void)state;
    assert_int_equal(status_of("/preview/no"), 404);
    assert_int_equal(status_of("/preview/"), 404);
    assert_int_equal(status_of("/preview/no?step=x"), 422);
    assert_int_equal(status_of("/preview/no?step=-1"), 422);
    assert_int_equal(status_of("/preview/no?step=99999999999999999999"), 422);
    const id task = generate("without a model");
    json_decref(await_done("/status", task));
    assert_int_equal(status_of(path_of("/preview", task)), 404);
    assert_preview_step(task, -1);
}

static void add_bytes(i4_previews *p, int step, size_t size) {
    void *bytes = i4_calloc(1, size);
    assert_non_null(bytes);
    i4_previews_add(p, step, bytes, size);
}

static void extra_previews_are_bounded_in_number_and_in_bytes(void **state) {
    static i4_previews p;
    (void)state;
    i4_previews_begin(&p, name_a);
    assert_null(i4_previews_find(&p, name_a, -1));
    for (int step = 1; step <= 100; step++) {
        add_bytes(&p, step, 10);
    }
    assert_int_equal(p.count, I4_PREVIEW_COUNT);
    assert_int_equal(p.bytes, 10 * I4_PREVIEW_COUNT);
    assert_int_equal(i4_previews_find(&p, name_a, -1)->step, 100);
    assert_null(i4_previews_find(&p, name_a, 36));
    assert_int_equal(i4_previews_find(&p, name_a, 37)->step, 37);
    assert_null(i4_previews_find(&p, name_b, -1));
    for (int step = 101; step <= 150; step++) {
        add_bytes(&p, step, 200000);
        assert_true(p.bytes <= I4_PREVIEW_BYTES);
    }
    assert_int_equal(i4_previews_find(&p, name_a, -1)->step, 150);
    i4_previews_begin(&p, name_b);
    assert_int_equal(p.bytes, 0);
    assert_null(i4_previews_find(&p, name_a, -1));
}

static uint8_t noise[1024 * 1024 * 3];

static bool encode_once(void) {
    const id4_preview preview = {1, 12, 64, 64, noise};
    size_t size = 0;
    void *bytes = i4_preview_encode(&preview, &size);
    const bool ok = bytes != NULL;
    i4_free(bytes);
    return ok;
}

/* Noise is what JPEG likes least. */
static void extra_previews_stay_small_or_are_left_out(void **state) {
    const id4_preview largest = {1, 12, 256, 256, noise}, huge = {1, 12, 1024, 1024, noise};
    uint32_t seed = 1;
    size_t size = 0;
    int failures = 0;
    (void)state;
    for (size_t i = 0; i < sizeof noise; i++) {
        seed = seed * 1664525u + 1013904223u;
        noise[i] = (uint8_t)(seed >> 24);
    }
    void *bytes = i4_preview_encode(&largest, &size);
    assert_non_null(bytes);
    assert_in_range(size, 1000, I4_PREVIEW_FILE_BYTES);
    i4_free(bytes);
    assert_null(i4_preview_encode(&huge, &size));
    for (int n = 0;; n++) {
        fault f = {n, false};
        i4_fault_set(fault_nth, &f);
        const bool ok = encode_once();
        i4_fault_set(NULL, NULL);
        if (!f.hit) {
            assert_true(ok);
            break;
        }
        failures += !ok;
    }
    assert_true(failures > 1);
}

static void extra_a_preview_that_fails_fails_no_picture(void **state) {
    (void)state;
    use_demo_model();
    json_decref(await_done("/status", generate("the first")));
    hold_at("drawing");
    const id task = generate("the second");
    await_held();
    const id4_preview none = {1, 12, 0, 0, noise};
    i4_draw_preview(&none, it.daemon->worker); /* no such picture can be */
    let_go();
    json_t *s = await_done("/status", task);
    assert_true(is_true(s, "has_artifact"));
    json_decref(s);
}

/* --- memory, failures ---------------------------------------------------------------------- */

static void extra_model_status_tells_memory(void **state) {
    (void)state;
    json_t *s = get("/model/status");
    json_t *memory = json_object_get(s, "memory");
    assert_keys(memory, "active,peak,available,needed");
    assert_true(json_integer_value(json_object_get(memory, "active")) > 1 << 20);
    assert_true(json_integer_value(json_object_get(memory, "peak")) >=
                json_integer_value(json_object_get(memory, "active")));
    assert_true(json_integer_value(json_object_get(memory, "available")) > 0);
    assert_true(json_is_null(json_object_get(memory, "needed")));
    assert_true(json_is_null(json_object_get(s, "idle_unload")));
    json_decref(s);
    load_model();
    s = get("/model/status");
    assert_true(json_integer_value(json_object_get(json_object_get(s, "memory"), "needed")) >
                1 << 20);
    json_decref(s);
    post_and_forget("/model/unload", NULL, 200);
    s = get("/model/status");
    assert_true(json_is_null(json_object_get(json_object_get(s, "memory"), "needed")));
    json_decref(s);
}

static void extra_the_last_failure_stands_until_a_success(void **state) {
    char away[1024];
    (void)state;
    snprintf(away, sizeof away, "%s", folder_at(&it.place, "model"));
    snprintf(it.settings.model_path, sizeof it.settings.model_path, "%s", away);
    restart();
    for (int i = 0; i < 2; i++) {
        post_and_forget("/model/load", NULL, 200);
        json_t *s = await_text("/model/status", "state", "idle");
        assert_contains(text_of(s, "last_error"), away);
        json_decref(s);
        post_and_forget("/model/unload", NULL, 200);
        s = get("/model/status");
        assert_contains(text_of(s, "last_error"), away); /* though "msg" is empty now */
        json_decref(s);
    }
    folder_link(&it.place, "model", model_root);
    load_model();
    json_t *s = get("/model/status");
    assert_true(json_is_null(json_object_get(s, "last_error")));
    json_decref(s);
}

/* --- a model that nobody uses --------------------------------------------------------------- */

static json_t *set_idle(int minutes) {
    json_t *answer = post("/model/idle", json_pack("{s:i}", "minutes", minutes), 200);
    assert_keys(answer, "ok,idle_unload");
    assert_true(is_true(answer, "ok"));
    return answer;
}

/* A minute lasts so long from now on. */
static void make_minutes(double seconds) {
    i4_table_lock(&it.daemon->table);
    it.daemon->table.idle.minute_seconds = seconds;
    i4_table_unlock(&it.daemon->table);
}

static void extra_idle_minutes_are_set_and_counted_down(void **state) {
    (void)state;
    json_t *answer = set_idle(1440);
    json_t *idle = json_object_get(answer, "idle_unload");
    assert_keys(idle, "minutes,seconds_left");
    assert_int_equal(number_of(idle, "minutes"), 1440);
    assert_true(json_is_null(json_object_get(idle, "seconds_left"))); /* no model */
    json_decref(answer);
    load_model();
    json_t *s = get("/model/status");
    const int left = number_of(json_object_get(s, "idle_unload"), "seconds_left");
    assert_in_range(left, 86400 - 600, 86400);
    json_decref(s);
    answer = set_idle(0);
    assert_true(json_is_null(json_object_get(answer, "idle_unload")));
    json_decref(answer);
    it.settings.idle_unload_minutes = 30;
    restart();
    s = get("/model/status");
    assert_int_equal(number_of(json_object_get(s, "idle_unload"), "minutes"), 30);
    json_decref(s);
}

static void extra_idle_minutes_beyond_a_day_are_refused(void **state) {
    static const char *const bodies[] = {"{\"minutes\":-1}",
                                         "{\"minutes\":1441}",
                                         "{\"minutes\":1.5}",
                                         "{\"minutes\":null}",
                                         "{\"minutes\":\"x\"}",
                                         "{}",
                                         "[]"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        post_and_forget("/model/idle", json_loads(bodies[i], 0, NULL), 422);
    }
    json_t *s = get("/model/status");
    assert_true(json_is_null(json_object_get(s, "idle_unload")));
    json_decref(s);
}

static void extra_a_model_without_work_is_unloaded_and_comes_back_to_draw(void **state) {
    (void)state;
    load_model();
    make_minutes(0.01);
    json_decref(set_idle(1));
    json_decref(await_text("/model/status", "state", "idle"));
    hold_at("load");
    const id task = generate("somebody saw it loaded");
    await_held();
    json_t *s = get(path_of("/status", task));
    assert_string_equal(text_of(detail_of(s), "phase"), "load");
    json_decref(s);
    let_go();
    s = await_done("/status", task);
    assert_true(is_true(s, "has_artifact"));
    json_decref(s);
    json_decref(await_text("/model/status", "state", "idle")); /* and goes again */
    /* what somebody unloads stays unloaded */
    json_decref(set_idle(0));
    load_model();
    post_and_forget("/model/unload", NULL, 200);
    s = await_done("/status", generate("no"));
    assert_contains(text_of(s, "error"), "no model");
    json_decref(s);
}

/* Long beyond its time, the model stays while there is work. */
static void extra_a_model_stays_while_something_runs_or_waits(void **state) {
    (void)state;
    load_model();
    hold_at("step");
    const id task = generate("a circle");
    await_held();
    make_minutes(1e-6);
    json_decref(set_idle(1));
    const id lora =
        take_task(post("/lora/apply", json_pack("{s:s}", "name", "good.safetensors"), 200));
    for (int i = 0; i < 20; i++) {
        json_t *s = get("/model/status");
        assert_string_equal(text_of(s, "state"), "loaded");
        assert_contains(text_of(s, "operation"), "generating");
        json_decref(s);
    }
    let_go();
    json_t *s = await_done("/status", task);
    assert_true(is_true(s, "has_artifact"));
    json_decref(s);
    s = await_done("/lora/operation", lora);
    assert_true(is_true(json_object_get(s, "result"), "ok"));
    json_decref(s);
    json_decref(await_text("/model/status", "state", "idle"));
}

/* A drawing that comes while the model is on its way out waits for it to come back. */
static void extra_a_drawing_that_meets_the_unloading_is_drawn(void **state) {
    enum { ROUNDS = 10 };
    (void)state;
    load_model();
    make_minutes(1e-3);
    json_decref(set_idle(1));
    for (int i = 0; i < ROUNDS; i++) {
        json_t *request = small_request("a circle");
        json_object_set_new(request, "task_id", json_sprintf("%032x", i + 1));
        json_t *s = await_done("/status", take_task(post("/generate", request, 200)));
        assert_true(is_true(s, "has_artifact"));
        json_decref(s);
    }
}

static void extra_idle_time_is_counted_from_the_last_work(void **state) {
    const i4_idle idle = {.minutes = 2, .minute_seconds = 60.0, .since = 100.0};
    (void)state;
    assert_true(i4_idle_left(&idle, 100.0) == 120.0);
    assert_true(i4_idle_left(&idle, 219.0) == 1.0);
    assert_true(i4_idle_left(&idle, 1000.0) == 0.0);
    json_t *json = i4_idle_json(&idle, true, true, 210.0); /* busy: all of it is left */
    assert_int_equal(number_of(json, "seconds_left"), 120);
    json_decref(json);
    json = i4_idle_json(&idle, true, false, 210.5);
    assert_int_equal(number_of(json, "seconds_left"), 10);
    json_decref(json);
    i4_table_lock(&it.daemon->table);
    i4_table_idle(&it.daemon->table, 3, 50.0);
    assert_true(i4_idle_left(&it.daemon->table.idle, 50.0) == 180.0);
    i4_table_unlock(&it.daemon->table);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(extra_a_named_task_is_drawn_once_however_often_it_is_sent),
        CASE(extra_a_named_task_that_did_not_succeed_is_not_tried_again),
        CASE(extra_a_named_task_loads_the_model_that_it_misses),
        CASE(extra_names_that_are_none_are_refused),
        CASE(extra_the_name_of_another_kind_of_task_is_taken),
        CASE(extra_two_submissions_at_once_are_one_task),
        CASE(extra_detail_tells_each_phase_and_step),
        CASE(extra_detail_of_what_waits_and_of_what_fails),
        CASE(extra_detail_follows_the_engine),
        CASE(extra_detail_comes_back_from_its_json_and_takes_no_nonsense),
        CASE(extra_previews_are_there_while_it_draws_and_gone_with_the_next),
        CASE(extra_previews_of_nothing_are_not_found),
        CASE(extra_previews_are_bounded_in_number_and_in_bytes),
        CASE(extra_previews_stay_small_or_are_left_out),
        CASE(extra_a_preview_that_fails_fails_no_picture),
        CASE(extra_model_status_tells_memory),
        CASE(extra_the_last_failure_stands_until_a_success),
        CASE(extra_idle_minutes_are_set_and_counted_down),
        CASE(extra_idle_minutes_beyond_a_day_are_refused),
        CASE(extra_a_model_without_work_is_unloaded_and_comes_back_to_draw),
        CASE(extra_a_model_stays_while_something_runs_or_waits),
        CASE(extra_a_drawing_that_meets_the_unloading_is_drawn),
        CASE(extra_idle_time_is_counted_from_the_last_work),
    };
    unsetenv("IDEOGRAM4_MODEL_REPO"); /* of whoever runs the tests */
    if (!make_model_root()) {
        return 1;
    }
    const int failures = cmocka_run_group_tests(tests, NULL, NULL);
    golden_root_remove(model_root);
    return failures;
}
