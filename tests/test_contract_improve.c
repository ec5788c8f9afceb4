/* The real programs: what they do better than the original, I1 to I32 (docs/http-api.md 15.2; I31
 * is not done). I13 and I17 need LoRA, so they use the tiny golden model. */
#include "fake_provider.h"
#include "stack.h"

#include "image/image.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

static stack it;

static const char *path_of(const char *route, const char *task) {
    static char path[4][128];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s%s", route, task);
    return path[turn];
}

/* --- rows and files --------------------------------------------------------------------------- */

static void improve_i1_missing_files_and_prompts_are_404(void **state) {
    static const char *const paths[] = {"/api/images/7/file", "/outputs/no.png", "/api/prompts/7"};
    (void)state;
    stack_start_gateway(&it);
    for (size_t i = 0; i < 3; i++) {
        say(&it, GATEWAY, "GET", paths[i], NULL, 404, "{'error':'not found'}");
    }
    stack_sql(&it, "INSERT INTO images (id, file_path) VALUES (7, 'gone.png')");
    say(&it, GATEWAY, "GET", "/api/images/7/file", NULL, 404, "{'error':'not found'}");
}

static void improve_i2_pictures_are_stored_without_anybody_asking(void **state) {
    char rows[128], name[96];
    (void)state;
    stack_use_lora_model(&it); /* draws fast */
    stack_start(&it);
    stack_load(&it);
    const char *task = stack_draw(&it, "unattended");
    snprintf(rows, sizeof rows, "SELECT count(*) FROM images WHERE file_path = '%s.png'", task);
    EVENTUALLY(strcmp(stack_rows(&it, rows), "1") == 0);
    snprintf(name, sizeof name, "output/%s.png", task);
    assert_true(stack_has_file(&it, name));
    say(&it, GATEWAY, "GET", path_of("/api/status/", task), NULL, 200,
        "{'state':'done','image':{'hld':'unattended','...':0},'...':0}");
    assert_string_equal(stack_rows(&it, "SELECT count(*) FROM images"), "1");
}

typedef struct poller {
    int port;
    const char *path;
    int images; /* answers with an image */
} poller;

/* Not through `it`, which belongs to the test's thread. */
static void *poll_status(void *user) {
    poller *p = user;
    for (int i = 0; i < 400 && p->images == 0; i++) {
        raw_answer a = raw_ask(p->port, "GET", p->path, NULL, NULL);
        p->images += a.status == 200 && strstr(a.body, "\"url\":\"/api/images/") != NULL;
        raw_free(&a);
    }
    return NULL;
}

static void improve_i3_concurrent_polls_store_once(void **state) {
    enum { THREADS = 8 };
    poller pollers[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    stack_use_lora_model(&it); /* draws fast */
    stack_start(&it);
    stack_load(&it);
    for (int round = 0; round < 5; round++) {
        const char *path = path_of("/api/status/", stack_draw(&it, "once"));
        for (int i = 0; i < THREADS; i++) {
            pollers[i] = (poller){.port = it.gateway.port, .path = path};
            assert_int_equal(pthread_create(&threads[i], NULL, poll_status, &pollers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        await(&it, GATEWAY, path, "{'state':'done','image':'<obj>','...':0}");
    }
    assert_string_equal(stack_rows(&it, "SELECT count(*), count(DISTINCT file_path) FROM images"),
                        "5|5");
    assert_int_equal(stack_file_count(&it, "output", ".png"), 5);
}

/* The larger the picture, the longer the moment in which a cancellation may come. */
static void improve_i4_cancelling_while_encoding_leaves_no_picture(void **state) {
    int hits = 0;
    (void)state;
    stack_use_lora_model(&it); /* draws fast */
    stack_start(&it);
    stack_load(&it);
    for (int i = 0; i < 60 && hits == 0; i++) {
        int status = 0;
        const json_t *answer = say(&it, GATEWAY, "POST", "/api/generate",
                                   "{'caption':{},'width':512,'height':512,"
                                   "'preset':'V4_TURBO_12','format':'webp'}",
                                   200, NULL);
        const char *task = text_at(answer, "task_id");
        for (;;) {
            answer = ask(&it, DAEMON, "GET", path_of("/status/", task), NULL, &status);
            if (strcmp(text_at(answer, "msg"), "encoding") == 0 ||
                strcmp(text_at(answer, "state"), "done") == 0) {
                break;
            }
        }
        sayf(&it, DAEMON, "POST", 200, "{'ok':true,'msg':'<text>'}", "/cancel/%s", task);
        await(&it, DAEMON, path_of("/status/", task), "{'state':'done','...':0}");
        answer = say(&it, DAEMON, "GET", path_of("/status/", task), NULL, 200, NULL);
        if (json_is_true(json_object_get(answer, "cancelled"))) {
            hits++;
            say(&it, GATEWAY, "GET", path_of("/api/status/", task), NULL, 200,
                "{'state':'done','msg':'Cancelled.','image':null,'progress':'<int>',"
                "'total_steps':12,'error':'Cancelled','cancelled':true}");
            sayf(&it, DAEMON, "GET", 404, "{'error':'<text>'}", "/artifact/%s", task);
            char rows[160];
            snprintf(rows, sizeof rows, "SELECT count(*) FROM images WHERE file_path LIKE '%s%%'",
                     task);
            assert_string_equal(stack_rows(&it, rows), "0");
        } else {
            await(&it, GATEWAY, path_of("/api/status/", task), "{'image':'<obj>','...':0}");
        }
    }
    assert_int_equal(hits, 1);
}

static void improve_i5_link_keeps_images_of_the_last_two_minutes(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it,
              "INSERT INTO prompts (id, saved_at, form_json) VALUES "
              "(1, '2026-01-01 10:00:00', '{}');"
              "INSERT INTO images (id, created_at, file_path, prompt_id) VALUES "
              "(1, '2026-01-01 09:59:59', 'a.png', 1), (2, '2026-01-01 09:58:00', 'b.png', 1),"
              "(3, '2026-01-01 09:57:59', 'c.png', 1), (4, '2026-01-01 12:00:00', 'd.png', NULL)");
    stack_start_gateway(&it);
    say(&it, GATEWAY, "POST", "/api/images/4/attach-history", "{'form_json':'{}','prompt_id':1}",
        200, "{'ok':true,'prompt_id':1}");
    assert_string_equal(stack_rows(&it, "SELECT id, prompt_id FROM images ORDER BY id"),
                        "1|1;2|1;3|-;4|1");
}

static void improve_i6_deleted_orphans_are_counted_without_favorites(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it, "INSERT INTO images (id, file_path) VALUES (1, 'a.png'), (2, 'b.png');"
                   "INSERT INTO favorites (image_id) VALUES (1), (2)");
    stack_start_gateway(&it);
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 200, "{'ok':true,'deleted':2}");
}

static void improve_i7_prompts_and_versions_have_no_default_cap(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) "
                   "INSERT INTO prompts (id, form_json) SELECT i, '{}' FROM n;"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) "
                   "INSERT INTO images (file_path, prompt_id) SELECT i || '.png', 1 FROM n");
    stack_start_gateway(&it);
    assert_int_equal(json_array_size(say(&it, GATEWAY, "GET", "/api/prompts", NULL, 200, NULL)),
                     120);
    assert_int_equal(
        json_array_size(say(&it, GATEWAY, "GET", "/api/images?prompt_id=1", NULL, 200, NULL)), 120);
    assert_int_equal(json_array_size(say(&it, GATEWAY, "GET", "/api/images?prompt_id=1&limit=3",
                                         NULL, 200, NULL)),
                     3);
}

static void improve_i8_equal_times_are_ordered_by_id(void **state) {
    static const char *const lists[] = {"/api/images", "/api/images?prompt_id=1", "/api/prompts",
                                        "/api/favorites"};
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it, "INSERT INTO prompts (id, saved_at, form_json) VALUES "
                   "(2, '2026-01-01 10:00:00', '2'), (3, '2026-01-01 10:00:00', '3'),"
                   "(1, '2026-01-01 10:00:00', '1');"
                   "INSERT INTO images (id, created_at, file_path, prompt_id) VALUES "
                   "(2, '2026-01-01 10:00:00', 'b.png', 1), (3, '2026-01-01 10:00:00', 'c.png', 1),"
                   "(1, '2026-01-01 10:00:00', 'a.png', 1);"
                   "INSERT INTO favorites (id, created_at, image_id) VALUES "
                   "(2, '2026-01-01 10:00:00', 1), (3, '2026-01-01 10:00:00', 2),"
                   "(1, '2026-01-01 10:00:00', 3)");
    stack_start_gateway(&it);
    for (size_t i = 0; i < 4; i++) {
        const json_t *rows = say(&it, GATEWAY, "GET", lists[i], NULL, 200, NULL);
        assert_int_equal(json_array_size(rows), 3);
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(number_at(json_array_get(rows, k), "id"), 3 - k);
        }
    }
    /* the preview image too */
    say(&it, GATEWAY, "POST", "/api/favorites", "{'prompt_id':1}", 200,
        "{'image_id':3,'history_linked':true,'...':0}");
}

static void improve_i9_files_go_only_after_the_commit(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it, "INSERT INTO prompts (id, form_json) VALUES (1, '{}');"
                   "INSERT INTO images (id, file_path, prompt_id) VALUES (1, 'a.png', 1),"
                   "(2, 'b.png', NULL)");
    stack_file(&it, "output/a.png", "a");
    stack_file(&it, "output/b.png", "b");
    stack_start_gateway(&it);
    stack_sql(&it, "CREATE TRIGGER keep BEFORE DELETE ON images BEGIN "
                   "SELECT RAISE(ABORT, 'not now'); END");
    say(&it, GATEWAY, "DELETE", "/api/prompts/1", NULL, 500, "{'error':'<text>'}");
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 500, "{'error':'<text>'}");
    say(&it, GATEWAY, "DELETE", "/api/images/1", NULL, 500, "{'error':'<text>'}");
    assert_true(stack_has_file(&it, "output/a.png") && stack_has_file(&it, "output/b.png"));
    stack_sql(&it, "DROP TRIGGER keep");
    say(&it, GATEWAY, "DELETE", "/api/prompts/1", NULL, 200, "{'ok':true}");
    assert_false(stack_has_file(&it, "output/a.png"));
}

static void improve_i10_numbers_beyond_64_bits_are_not_found_or_422(void **state) {
    static const char *const numbers[] = {"9223372036854775808", "-9223372036854775809",
                                          "99999999999999999999999999"};
    static const struct {
        const char *method, *path, *body;
        int status;
    } cases[] = {
        {"GET", "/api/images/%s/file", NULL, 404},
        {"DELETE", "/api/images/%s", NULL, 200},
        {"GET", "/api/prompts/%s", NULL, 404},
        {"DELETE", "/api/prompts/%s", NULL, 200},
        {"GET", "/api/favorites/%s", NULL, 404},
        {"DELETE", "/api/favorites/images/%s", NULL, 200},
        {"DELETE", "/api/favorites/prompts/%s", NULL, 200},
        {"GET", "/api/images?prompt_id=%s", NULL, 200},
        {"GET", "/api/images?limit=%s", NULL, 422},
        {"PATCH", "/api/images/7", "{'prompt_id':%s}", 404},
        {"POST", "/api/images/7/attach-history", "{'form_json':'1','prompt_id':%s}", 404},
        {"POST", "/api/favorites", "{'image_id':%s}", 404},
        {"POST", "/api/favorites", "{'prompt_id':%s}", 404},
        {"POST", "/api/upscale", "{'image_id':%s}", 404},
        {"POST", "/api/generate", "{'caption':{},'seed':%s}", 422},
    };
    char path[128], body[200];
    (void)state;
    stack_start(&it);
    for (size_t n = 0; n < 3; n++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const char *mark = strstr(cases[i].path, "%s");
            snprintf(path, sizeof path, "%.*s%s%s",
                     (int)(mark ? mark - cases[i].path : (long)strlen(cases[i].path)),
                     cases[i].path, mark ? numbers[n] : "", mark ? mark + 2 : "");
            mark = cases[i].body ? strstr(cases[i].body, "%s") : NULL;
            snprintf(body, sizeof body, "%.*s%s%s", mark ? (int)(mark - cases[i].body) : 0,
                     mark ? cases[i].body : "", mark ? numbers[n] : "", mark ? mark + 2 : "");
            say(&it, GATEWAY, cases[i].method, path, mark ? body : NULL, cases[i].status, NULL);
        }
        snprintf(body, sizeof body, "{'caption':'x','seed':%s}", numbers[n]);
        say(&it, DAEMON, "POST", "/generate", body, 422, NULL);
    }
    say(&it, GATEWAY, "GET", "/api/images?prompt_id=9223372036854775808", NULL, 200, "[]");
}

static void improve_i11_failures_are_json(void **state) {
    (void)state;
    stack_start_gateway(&it);
    stack_sql(&it, "CREATE TRIGGER no BEFORE INSERT ON last_form BEGIN "
                   "SELECT RAISE(ABORT, 'not now'); END");
    raw_answer a = raw_ask(it.gateway.port, "POST", "/api/form",
                           "Content-Type: application/json\r\n", "{\"form_json\":\"1\"}");
    assert_int_equal(a.status, 500);
    assert_string_equal(raw_header(&a, "Content-Type"), "application/json");
    assert_memory_equal(a.body, "{\"error\":\"", 10);
    raw_free(&a);
}

/* --- the model and LoRA ----------------------------------------------------------------------- */

static void improve_i12_new_load_does_not_show_the_old_failure(void **state) {
    (void)state;
    stack_set(&it, "MODEL_PATH", "model");
    stack_start(&it);
    say(&it, DAEMON, "POST", "/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
    await(&it, DAEMON, "/model/status", "{'state':'idle','msg':'<text>','operation':null,'...':0}");
    folder_link(&it.folder, "model", ID4_SOURCE_DIR "/models/demo");
    say(&it, GATEWAY, "POST", "/api/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
    for (bool is_loaded = false; !is_loaded;) {
        const json_t *now = say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200,
                                "{'state':'<has:load>','...':0}");
        is_loaded = strcmp(text_at(now, "state"), "loaded") == 0;
    }
}

static void run_lora(const char *body, const char *end) {
    const json_t *answer = say(&it, DAEMON, "POST", "/lora/apply", body, 200, NULL);
    await(&it, DAEMON, path_of("/lora/operation/", text_at(answer, "task_id")), end);
}

static void improve_i13_failed_lora_restores_the_previous_stack(void **state) {
    static const char good[] =
        "[{'name':'good.safetensors','strength':0.5,'format':'mflux-native'}]";
    char expected[300];
    (void)state;
    stack_use_lora_model(&it);
    stack_start(&it);
    stack_load(&it);
    run_lora("{'name':'good.safetensors','strength':0.5}", "{'state':'done','error':null,'...':0}");
    run_lora(
        "{'name':'bad.safetensors'}",
        "{'state':'done','phase':'error','error':'<text>','result':{'ok':false,'...':0},'...':0}");
    run_lora("{'loras':[{'name':'other.safetensors'},{'name':'bad.safetensors'}]}",
             "{'state':'done','phase':'error','error':'<text>','...':0}");
    snprintf(expected, sizeof expected, "{'state':'loaded','applied_loras':%s,'...':0}", good);
    say(&it, DAEMON, "GET", "/model/status", NULL, 200, expected);
    const char *path = path_of("/api/status/", stack_draw(&it, "still"));
    snprintf(expected, sizeof expected,
             "{'state':'done','image':{'lora_strength':0.5,'applied_loras':%s,'...':0},'...':0}",
             good);
    await(&it, GATEWAY, path, expected);
}

static void improve_i14_unknown_download_has_an_error(void **state) {
    static const char expected[] = "{'state':'done','msg':'<text>','files':[],'error':'<text>'}";
    (void)state;
    stack_start(&it);
    say(&it, DAEMON, "GET", "/lora/download/x", NULL, 200, expected);
    say(&it, GATEWAY, "GET", "/api/lora/download/x", NULL, 200, expected);
}

static void improve_i15_head_is_answered_like_get(void **state) {
    (void)state;
    stack_start(&it);
    stack_file(&it, "output/a.png", "12345");
    const struct {
        int port;
        const char *path, *length;
        int status;
    } cases[] = {{it.gateway.port, "/outputs/a.png", "5", 200},
                 {it.gateway.port, "/api/form", "18", 200},
                 {it.gateway.port, "/api/prompts/7", "21", 404},
                 {it.daemon.port, "/lora/presets", "14", 200}};
    for (size_t i = 0; i < 4; i++) {
        raw_answer a = raw_ask(cases[i].port, "HEAD", cases[i].path, NULL, NULL);
        assert_int_equal(a.status, cases[i].status);
        assert_int_equal(a.size, 0);
        assert_string_equal(raw_header(&a, "Content-Length"), cases[i].length);
        raw_free(&a);
    }
}

static void improve_i16_allow_lists_all_methods_of_the_path(void **state) {
    (void)state;
    stack_start_gateway(&it);
    raw_answer a = raw_ask(it.gateway.port, "GET", "/api/images/5", NULL, NULL);
    assert_int_equal(a.status, 405);
    assert_non_null(strstr(raw_header(&a, "Allow"), "DELETE"));
    assert_non_null(strstr(raw_header(&a, "Allow"), "PATCH"));
    raw_free(&a);
}

/* A LoRA operation waits; a drawing that is accepted later waits behind it, and so draws with it.
 */
static void improve_i17_waiters_are_served_in_order(void **state) {
    (void)state;
    stack_use_lora_model(&it);
    stack_start(&it);
    stack_load(&it);
    for (int i = 0; i < 3; i++) {
        const char *long_one = stack_draw_long(&it);
        int status = 0;
        const json_t *lora =
            say(&it, DAEMON, "POST", "/lora/apply",
                i % 2 ? "{'name':'other.safetensors'}" : "{'name':'good.safetensors'}", 200, NULL);
        sayf(&it, DAEMON, "POST", 200, NULL, "/cancel/%s", long_one);
        const json_t *answer;
        do {
            answer =
                ask(&it, DAEMON, "POST", "/generate",
                    "{'caption':'x','width':256,'height':256,'preset':'V4_TURBO_12'}", &status);
        } while (status == 409);
        const char *path = path_of("/status/", text_at(answer, "task_id"));
        await(&it, DAEMON, path, "{'state':'done','has_artifact':true,'...':0}");
        say(&it, DAEMON, "GET", path, NULL, 200,
            i % 2 ? "{'image_meta':{'lora_name':'other.safetensors','...':0},'...':0}"
                  : "{'image_meta':{'lora_name':'good.safetensors','...':0},'...':0}");
        await(&it, DAEMON, path_of("/lora/operation/", text_at(lora, "task_id")),
              "{'state':'done','error':null,'...':0}");
    }
}

/* --- upscaling ---------------------------------------------------------------------------------
 */

static void make_picture(const char *name, int width, int height) {
    i4_image image;
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_true(i4_image_new(&image, width, height, NULL));
    memset(image.rgb, 90, 3 * (size_t)width * (size_t)height);
    assert_true(i4_image_encode(&image, I4_PNG, 0, NULL, 0, &bytes, &size, NULL));
    assert_true(i4_file_write(folder_at(&it.folder, name), bytes, size, NULL));
    i4_free(bytes);
    i4_image_free(&image);
}

static void make_upscaler(void) {
    folder_sub(&it.folder, "bin/models");
    stack_file(&it, "bin/models/realesrgan-x4plus.bin", "x");
    stack_file(&it, "bin/models/realesrgan-x4plus.param", "x");
    stack_file(&it, "bin/up", "#!/bin/sh\ncp large.png \"$4\"\n");
    assert_int_equal(chmod(folder_at(&it.folder, "bin/up"), 0755), 0);
    make_picture("bin/large.png", 32, 16);
    stack_set(&it, "UPSCALER_BIN", "bin/up");
}

static void improve_i18_unreadable_source_is_a_400_and_frees_the_slot(void **state) {
    (void)state;
    make_upscaler();
    stack_start_gateway(&it);
    stack_sql(&it,
              "INSERT INTO images (id, file_path, hld, prompt_id, seed, width, height, "
              "lora_name, lora_strength) VALUES (1, 'bad.png', '', NULL, 1, 8, 4, NULL, NULL),"
              "(2, 'good.png', 'a mug', 3, 7, 8, 4, 'l', 0.5), (3, 'gone.png', '', 1, 1, 1, 1, "
              "NULL, NULL)");
    stack_file(&it, "output/bad.png", "no picture");
    make_picture("output/good.png", 8, 4);
    for (int i = 0; i < 3; i++) {
        say(&it, GATEWAY, "POST", "/api/upscale", "{'image_id':1}", 400, "{'error':'<text>'}");
        say(&it, GATEWAY, "GET", "/api/upscale/status", NULL, 200,
            "{'configured':true,'bin_path':'<has:bin/up>','model_dir':'<has:models>',"
            "'available_presets':['standard'],'backend':'realesrgan_ncnn','error':null,"
            "'busy':false}");
    }
    say(&it, GATEWAY, "POST", "/api/upscale", "{'image_id':3}", 404, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/upscale", "{'image_id':2,'preset':'sharp'}", 503,
        "{'error':'<text>'}");
    const json_t *answer = say(&it, GATEWAY, "POST", "/api/upscale", "{'image_id':2,'scale':2}",
                               200, "{'task_id':'<text>'}");
    const char *path = path_of("/api/upscale/", text_at(answer, "task_id"));
    await(&it, GATEWAY, path, "{'state':'done','...':0}");
    say(&it, GATEWAY, "GET", path, NULL, 200,
        "{'state':'done','msg':'<text>','progress':100,'image':{'id':4,'url':'/api/images/4/file',"
        "'hld':'<has:a mug>','time':'<clock>','prompt_id':3,'parent_image_id':2,'seed':7,"
        "'preset':'upscale:standard:2x','width':16,'height':8,'lora_name':'l','lora_strength':0.5,"
        "'applied_loras':null},'error':null,'source_image_id':2,'scale':2,'preset':'standard'}");
    char rows[200];
    snprintf(rows, sizeof rows,
             "SELECT file_path = 'upscale-2-2x-standard-%s.png' FROM images "
             "WHERE id = 4",
             text_at(answer, "task_id"));
    assert_string_equal(stack_rows(&it, rows), "1");
}

/* --- Magic Prompt ------------------------------------------------------------------------------
 */

static fake_provider provider;

static void start_with_provider(const char *path) {
    char url[96];
    fake_provider_open(&provider);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", provider.service.port, path);
    stack_set(&it, "MAGIC_PROMPT_BASE_URL", url);
    stack_set(&it, "MAGIC_PROMPT_TIMEOUT", "1");
    stack_start_gateway(&it);
}

static void stop_with_provider(void) {
    assert_int_equal(stack_stop_gateway(&it), 0);
    fake_provider_close(&provider);
}

static void improve_i19_provider_failures_are_502_and_timeouts_504(void **state) {
    static const struct {
        fake_manner manner;
        int status;
        const char *text;
        int expected;
    } cases[] = {
        {FAKE_BODY, 401, "{\"error\":\"key\"}", 502},
        {FAKE_BODY, 429, "{\"error\":\"slow\"}", 502},
        {FAKE_BODY, 500, "oops", 502},
        {FAKE_BODY, 200, "<html>", 502},
        {FAKE_CHAT, 200, "I cannot help", 502},
        {FAKE_CHAT, 200, "{\"a\":", 502},
        {FAKE_CHAT, 200, "{\"unknown\":1}", 502},
        {FAKE_HUGE, 200, "", 502},
        {FAKE_SILENT, 200, "", 504},
        {FAKE_DRIP, 200, "", 504},
    };
    (void)state;
    start_with_provider("/v1");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_provider_say(&provider, cases[i].manner, cases[i].status, cases[i].text);
        say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'a cat'}", cases[i].expected,
            "{'error':'<text>'}");
    }
    stop_with_provider();
}

static void set_health(int health, int models) {
    pthread_mutex_lock(&provider.mutex);
    provider.health_status = health;
    provider.models_status = models;
    pthread_mutex_unlock(&provider.mutex);
}

static void improve_i20_local_servers_without_health_are_asked_for_models(void **state) {
    (void)state;
    start_with_provider("/v1");
    set_health(404, 200);
    say(&it, GATEWAY, "GET", "/api/magic-prompt/status", NULL, 200,
        "{'enabled':true,'configured':true,'llm_reachable':true,'llm_error':null,'...':0}");
    set_health(404, 503);
    say(&it, GATEWAY, "GET", "/api/magic-prompt/status", NULL, 200,
        "{'enabled':true,'configured':false,'llm_reachable':false,'llm_error':'<text>','...':0}");
    stop_with_provider();
}

static void improve_i21_trailing_slashes_of_the_base_url_go(void **state) {
    (void)state;
    start_with_provider("/v1//");
    fake_provider_say(&provider, FAKE_BODY, 500, "x");
    say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'a cat'}", 502, NULL);
    pthread_mutex_lock(&provider.mutex);
    assert_string_equal(provider.last_target, "/v1/chat/completions");
    pthread_mutex_unlock(&provider.mutex);
    stop_with_provider();
}

/* --- settings ----------------------------------------------------------------------------------
 */

static void improve_i22_empty_numbers_are_defaults_and_bad_ones_end_with_2(void **state) {
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"SERVER_PORT", "80x"},
        {"MODEL_DAEMON_PORT", "99999"},
        {"MODEL_DAEMON_TIMEOUT", "nan"},
        {"MIN_IMAGE_SIZE", "1.5"},
        {"DEFAULT_SEED", "99999999999999999999"},
        {"LORA_STRENGTH", "much"},
        {"DB_QUERY_LIMIT", "--3"},
        {"DEFAULT_PRESET", "V5"},
    };
    (void)state;
    stack_set(&it, "MIN_IMAGE_SIZE", "");
    stack_set(&it, "LORA_STRENGTH", "");
    stack_set(&it, "DB_QUERY_LIMIT", "");
    stack_start(&it);
    say(&it, GATEWAY, "POST", "/api/generate", "{'caption':{},'width':240}", 422, NULL);
    assert_int_equal(stack_stop_gateway(&it), 0);
    assert_int_equal(stack_stop_daemon(&it), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int k = 0; k < 2; k++) {
            char *said;
            stack_set(&it, cases[i].name, cases[i].value);
            const int code = stack_run(&it, k ? "IDEOGRAM4D" : "IDEOGRAM4_GATEWAY", NULL, &said);
            if (code != 2 || !strstr(said, cases[i].name) || !strstr(said, cases[i].value)) {
                fail_msg("%s: %d %s", cases[i].name, code, said);
            }
            free(said);
        }
        stack_set(&it, cases[i].name, NULL);
    }
}

static void improve_i23_relative_paths_are_those_of_the_root(void **state) {
    (void)state;
    stack_set(&it, "LOG_DIR", "my logs");
    stack_set(&it, "OUTPUT_DIR", "~/pictures"); /* HOME is the root here */
    stack_set(&it, "DB_PATH", "data/deep/l.db");
    stack_start(&it);
    assert_int_equal(stack_file_count(&it, "my logs", ".log"), 2);
    assert_true(stack_has_file(&it, "data/deep/l.db"));
    assert_int_equal(i4_path_look(folder_at(&it.folder, "pictures")), I4_PATH_DIR);
}

/* --- the command line ---------------------------------------------------------------------------
 */

/* With the daemon's address and an output; `more` ended by NULL. */
static pid_t start_command(const char *preset, const char *side, const char *log) {
    static char url[64], out[700];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", it.daemon.port);
    snprintf(out, sizeof out, "%s", folder_at(&it.folder, "cli.png"));
    const char *const arguments[] = {
        "--prompt", "a cat", "--out",        out,  "--daemon", "require", "--daemon-url", url,
        "--preset", preset,  "--resolution", side, NULL};
    return stack_spawn(&it, "IDEOGRAM4", arguments, log);
}

static void improve_i24_interrupted_command_cancels_its_task(void **state) {
    (void)state;
    stack_start_daemon(&it);
    const pid_t pid = start_command("V4_QUALITY_48", "1024", "cli.log");
    await(&it, DAEMON, "/model/status", "{'operation':'<has:generat>','...':0}");
    stack_pause(200); /* so that the command has its answer */
    kill(pid, SIGINT);
    assert_int_not_equal(stack_wait(&it, pid), 0);
    await(&it, DAEMON, "/model/status", "{'operation':null,'...':0}");
    assert_false(stack_has_file(&it, "cli.png"));
}

static void improve_i25_command_checks_its_mode_and_joins_a_load(void **state) {
    static const char *const draw[] = {"--prompt", "x", "--out", "o.png", NULL};
    char *said;
    (void)state;
    stack_set(&it, "CLI_DAEMON_MODE", "perhaps");
    assert_int_equal(stack_run(&it, "IDEOGRAM4", draw, &said), 2);
    assert_non_null(strstr(said, "perhaps"));
    free(said);
    stack_set(&it, "CLI_DAEMON_MODE", NULL);
    /* a load that is refused ends the command at once */
    stack_set(&it, "BACKEND", "none");
    stack_start_daemon(&it);
    stack_set(&it, "BACKEND", NULL);
    assert_int_equal(stack_wait(&it, start_command("V4_TURBO_12", "256", "a.log")), 1);
    assert_int_equal(stack_stop_daemon(&it), 0);
    /* a load that is under way is waited for */
    stack_start_daemon(&it);
    say(&it, DAEMON, "POST", "/model/load", NULL, 200, NULL);
    assert_int_equal(stack_wait(&it, start_command("V4_TURBO_12", "256", "b.log")), 0);
    assert_true(stack_has_file(&it, "cli.png"));
}

/* --- the rest ------------------------------------------------------------------------------------
 */

static void improve_i26_prompt_without_marked_preview_loses_the_mark_of_a_version(void **state) {
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it, "INSERT INTO prompts (id, saved_at, form_json) VALUES "
                   "(1, '2026-01-01 10:00:00', '{}');"
                   "INSERT INTO images (id, created_at, file_path, prompt_id) VALUES "
                   "(1, '2026-01-01 10:00:01', 'a.png', 1), (2, '2026-01-01 10:00:02', 'b.png', 1);"
                   "INSERT INTO favorites (image_id) VALUES (1)");
    stack_start_gateway(&it);
    say(&it, GATEWAY, "DELETE", "/api/favorites/prompts/1", NULL, 200, "{'ok':true}");
    say(&it, GATEWAY, "GET", "/api/favorites", NULL, 200, "[]");
    say(&it, GATEWAY, "DELETE", "/api/favorites/prompts/1", NULL, 200, "{'ok':false}");
    /* with a marked preview only that one goes */
    stack_sql(&it, "INSERT INTO favorites (image_id) VALUES (1), (2)");
    say(&it, GATEWAY, "DELETE", "/api/favorites/prompts/1", NULL, 200, "{'ok':true}");
    assert_string_equal(stack_rows(&it, "SELECT image_id FROM favorites"), "1");
}

static void improve_i27_large_inputs_are_not_echoed(void **state) {
    enum { SIZE = 1 << 20 };
    static const struct {
        const char *path, *head, *tail;
    } cases[] = {
        {"/api/prompts", "{\"form_json\":\"{", "\"}"},
        {"/api/generate", "{\"caption\":\"", "\"}"},
        {"/api/magic-prompt", "{\"images_b64\":[\"!", "\"]}"},
        {"/api/verify", "{\"caption\":[\"", "\"]}"},
        {"/api/generate", "{\"more\":\"", "\"}"}, /* the whole object is the input */
    };
    (void)state;
    stack_start_gateway(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *body = malloc(SIZE + 64);
        assert_non_null(body);
        const size_t head = strlen(cases[i].head);
        memcpy(body, cases[i].head, head);
        memset(body + head, 'x', SIZE - 1000);
        snprintf(body + head + SIZE - 1000, 32, "%s", cases[i].tail);
        raw_answer a = raw_ask(it.gateway.port, "POST", cases[i].path,
                               "Content-Type: application/json\r\n", body);
        assert_int_equal(a.status, 422);
        assert_in_range(a.size, 600, 5000);
        raw_free(&a);
        free(body);
    }
}

static void improve_i28_foreign_origins_change_nothing(void **state) {
    static const struct {
        const char *method, *path;
    } cases[] = {
        {"POST", "/api/model/load"},       {"POST", "/api/model/unload"},
        {"POST", "/api/lora/remove"},      {"POST", "/api/cancel/x"},
        {"DELETE", "/api/images/1"},       {"DELETE", "/api/prompts/1"},
        {"DELETE", "/api/images/orphans"},
    };
    static const char *const origins[] = {"http://evil.example", "null", "http://127.0.0.1:1",
                                          "https://localhost", "http://localhost.evil.example"};
    (void)state;
    stack_use_database(&it, "later");
    stack_sql(&it, "INSERT INTO images (id, file_path) VALUES (1, 'a.png')");
    stack_start(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t k = 0; k < sizeof origins / sizeof *origins; k++) {
            char line[128];
            snprintf(line, sizeof line, "Origin: %s\r\n", origins[k]);
            raw_answer a = raw_ask(it.gateway.port, cases[i].method, cases[i].path, line, NULL);
            if (a.status != 403 || strncmp(a.body, "{\"error\":\"", 10) != 0) {
                fail_msg("%s %s from %s: %d %s", cases[i].method, cases[i].path, origins[k],
                         a.status, a.body);
            }
            raw_free(&a);
        }
    }
    say(&it, GATEWAY, "GET", "/api/images/stats", NULL, 200, "{'total':1,'...':0}");
    say(&it, DAEMON, "GET", "/model/status", NULL, 200, "{'state':'idle','msg':'','...':0}");
    char own[96];
    snprintf(own, sizeof own, "Origin: http://localhost:%d\r\n", it.gateway.port);
    raw_answer a = raw_ask(it.gateway.port, "DELETE", "/api/images/1", own, NULL);
    assert_string_equal(a.body, "{\"ok\":true}");
    raw_free(&a);
}

static void improve_i29_outputs_take_bare_names_only(void **state) {
    (void)state;
    stack_start_gateway(&it);
    stack_file(&it, "output/a.png", "a");
    say(&it, GATEWAY, "GET", "/outputs/a.png", NULL, 200, NULL);
    say(&it, GATEWAY, "GET", "/outputs/any/dir/a.png", NULL, 404, "{'error':'not found'}");
    raw_answer a = raw_ask(it.gateway.port, "GET", "/outputs/x/../a.png", NULL, NULL);
    assert_int_equal(a.status, 404);
    raw_free(&a);
}

/* A picture in the spool that takes a lot of room, by its record; the file is a hole. */
static void add_large_picture(int number, long long bytes) {
    char name[128], text[400];
    snprintf(name, sizeof name, "spool/%032x.png", number);
    stack_file(&it, name, "x");
    assert_int_equal(truncate(folder_at(&it.folder, name), (off_t)bytes), 0);
    snprintf(name, sizeof name, "spool/%032x.json", number);
    snprintf(text, sizeof text,
             "{\"format\":\"png\",\"finished_at\":%lld,\"total_steps\":12,\"msg\":\"done\","
             "\"image_meta\":{\"hld\":\"%d\",\"format\":\"png\"}}",
             (long long)i4_unix_seconds() - 1000 + number, number);
    stack_file(&it, name, text);
}

static void improve_i30_artifacts_are_bound_by_size(void **state) {
    enum { PICTURES = 40 };
    long long bytes = 0;
    (void)state;
    for (int i = 1; i <= PICTURES; i++) {
        add_large_picture(i, 1LL << 30);
    }
    stack_start_daemon(&it);
    for (int i = 1; i <= PICTURES; i++) {
        char name[128];
        snprintf(name, sizeof name, "spool/%032x.png", i);
        bytes += stack_has_file(&it, name) ? 1LL << 30 : 0;
    }
    assert_true(bytes > 0 && bytes < (long long)PICTURES << 30);
    /* the newest ones are there */
    sayf(&it, DAEMON, "GET", 200, "{'has_artifact':true,'...':0}", "/status/%032x", PICTURES);
    sayf(&it, DAEMON, "GET", 200, "{'state':'done','msg':'<text>','progress':0,'total_steps':0}",
         "/status/%032x", 1);
}

static void improve_i32_page_is_served_beside_the_api(void **state) {
    (void)state;
    folder_sub(&it.folder, "dist");
    stack_file(&it, "dist/index.html", "<p>page</p>");
    stack_set(&it, "WEB_DIR", "dist");
    stack_use_page(&it);
    stack_start_gateway(&it);
    const int ports[2] = {it.gateway.port, it.page_port};
    for (int i = 0; i < 2; i++) {
        raw_answer a = raw_ask(ports[i], "GET", "/", NULL, NULL);
        assert_string_equal(a.body, "<p>page</p>");
        assert_memory_equal(raw_header(&a, "Content-Type"), "text/html", 9);
        raw_free(&a);
        a = raw_ask(ports[i], "GET", "/api/model/status", NULL, NULL);
        assert_string_equal(raw_header(&a, "Content-Type"), "application/json");
        raw_free(&a);
    }
}

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_improve");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(improve_i1_missing_files_and_prompts_are_404),
        TEST(improve_i2_pictures_are_stored_without_anybody_asking),
        TEST(improve_i3_concurrent_polls_store_once),
        TEST(improve_i4_cancelling_while_encoding_leaves_no_picture),
        TEST(improve_i5_link_keeps_images_of_the_last_two_minutes),
        TEST(improve_i6_deleted_orphans_are_counted_without_favorites),
        TEST(improve_i7_prompts_and_versions_have_no_default_cap),
        TEST(improve_i8_equal_times_are_ordered_by_id),
        TEST(improve_i9_files_go_only_after_the_commit),
        TEST(improve_i10_numbers_beyond_64_bits_are_not_found_or_422),
        TEST(improve_i11_failures_are_json),
        TEST(improve_i12_new_load_does_not_show_the_old_failure),
        TEST(improve_i13_failed_lora_restores_the_previous_stack),
        TEST(improve_i14_unknown_download_has_an_error),
        TEST(improve_i15_head_is_answered_like_get),
        TEST(improve_i16_allow_lists_all_methods_of_the_path),
        TEST(improve_i17_waiters_are_served_in_order),
        TEST(improve_i18_unreadable_source_is_a_400_and_frees_the_slot),
        TEST(improve_i19_provider_failures_are_502_and_timeouts_504),
        TEST(improve_i20_local_servers_without_health_are_asked_for_models),
        TEST(improve_i21_trailing_slashes_of_the_base_url_go),
        TEST(improve_i22_empty_numbers_are_defaults_and_bad_ones_end_with_2),
        TEST(improve_i23_relative_paths_are_those_of_the_root),
        TEST(improve_i24_interrupted_command_cancels_its_task),
        TEST(improve_i25_command_checks_its_mode_and_joins_a_load),
        TEST(improve_i26_prompt_without_marked_preview_loses_the_mark_of_a_version),
        TEST(improve_i27_large_inputs_are_not_echoed),
        TEST(improve_i28_foreign_origins_change_nothing),
        TEST(improve_i29_outputs_take_bare_names_only),
        TEST(improve_i30_artifacts_are_bound_by_size),
        TEST(improve_i32_page_is_served_beside_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
