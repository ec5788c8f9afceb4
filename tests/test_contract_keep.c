/* The real programs: the quirks that clients depend on, K1 to K17, and the values that they compare
 * (docs/http-api.md 15.1 and 2.9). */
#include "fake_provider.h"
#include "stack.h"

#include <time.h>

static stack it;

#define NOT_FOUND_TASK "'state':'done','msg':'<text>'"

static void keep_k1_model_status_is_200_idle_without_a_daemon(void **state) {
    (void)state;
    stack_start_gateway(&it);
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'<text>'}");
    stack_start_daemon(&it);
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'','...':0}");
    stack_kill_daemon(&it);
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'<text>'}");
}

static void keep_k2_unknown_generation_task_is_200_done(void **state) {
    (void)state;
    stack_start(&it);
    static const char *const ids[] = {"x", "0123456789abcdef0123456789abcdef", "%20", "-1"};
    for (size_t i = 0; i < 4; i++) {
        sayf(&it, DAEMON, "GET", 200, "{" NOT_FOUND_TASK ",'progress':0,'total_steps':0}",
             "/status/%s", ids[i]);
        sayf(&it, GATEWAY, "GET", 200,
             "{" NOT_FOUND_TASK ",'image':null,'progress':0,'total_steps':0,'error':null,"
             "'cancelled':false}",
             "/api/status/%s", ids[i]);
    }
}

static void keep_k3_unknown_lora_operation_is_200_done_with_error(void **state) {
    static const char expected[] =
        "{" NOT_FOUND_TASK ",'phase':'done','progress':0,'error':'<text>'}";
    (void)state;
    stack_start(&it);
    say(&it, DAEMON, "GET", "/lora/operation/x", NULL, 200, expected);
    say(&it, GATEWAY, "GET", "/api/lora/operation/x", NULL, 200, expected);
}

static void keep_k4_load_is_200_not_ok_when_the_runtime_is_unusable(void **state) {
    (void)state;
    stack_set(&it, "BACKEND", "none");
    stack_start(&it);
    say(&it, DAEMON, "GET", "/health", NULL, 200,
        "{'ok':false,'role':'model-daemon','backend':'<text>','error':'<text>'}");
    say(&it, DAEMON, "POST", "/model/load", NULL, 200, "{'ok':false,'msg':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/model/load", NULL, 200, "{'ok':false,'msg':'<text>'}");
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','...':0}");
}

static void keep_k5_lora_apply_without_names_is_200_not_ok(void **state) {
    static const char *const bodies[] = {"{}", "{'name':''}", "{'loras':[]}",
                                         "{'loras':null,'name':'','strength':1}"};
    (void)state;
    stack_start(&it);
    for (size_t i = 0; i < 4; i++) {
        say(&it, DAEMON, "POST", "/lora/apply", bodies[i], 200, "{'ok':false,'msg':'<text>'}");
        say(&it, GATEWAY, "POST", "/api/lora/apply", bodies[i], 200, "{'ok':false,'msg':'<text>'}");
    }
}

static void keep_k6_deleting_what_is_missing_is_200_not_ok(void **state) {
    static const char *const paths[] = {"/api/images/7", "/api/prompts/7",
                                        "/api/favorites/images/7", "/api/favorites/prompts/7"};
    (void)state;
    stack_start_gateway(&it);
    for (size_t i = 0; i < 4; i++) {
        say(&it, GATEWAY, "DELETE", paths[i], NULL, 200, "{'ok':false}");
    }
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 200, "{'ok':true,'deleted':0}");
}

static void keep_k7_generate_is_409_exactly_while_the_slot_is_held(void **state) {
    (void)state;
    stack_start(&it);
    stack_load(&it);
    const char *task = stack_draw_long(&it);
    for (int i = 0; i < 5; i++) {
        say(&it, GATEWAY, "POST", "/api/generate", "{'caption':{}}", 409, "{'error':'<text>'}");
    }
    say(&it, GATEWAY, "POST", "/api/generate", "{'caption':1}", 422, NULL); /* validation first */
    sayf(&it, GATEWAY, "POST", 200, NULL, "/api/cancel/%s", task);
    for (int rounds = 0;; rounds++) { /* 409 until the task says done, and no longer */
        int status = 0;
        char path[96];
        snprintf(path, sizeof path, "/status/%s", task);
        const json_t *before = ask(&it, DAEMON, "GET", path, NULL, &status);
        const bool was_done = strcmp(text_at(before, "state"), "done") == 0;
        ask(&it, DAEMON, "POST", "/generate", "{'caption':'x','preset':'none'}", &status);
        assert_true(status == 200 || (status == 409 && !was_done));
        if (status == 200) {
            const json_t *after = ask(&it, DAEMON, "GET", path, NULL, &status);
            assert_string_equal(text_at(after, "state"), "done");
            break;
        }
        assert_true(rounds < 100000);
    }
}

static void keep_k8_generate_without_a_model_fails_in_the_task(void **state) {
    char path[96];
    (void)state;
    stack_start(&it);
    snprintf(path, sizeof path, "/api/status/%s", stack_draw(&it, "nothing"));
    await(&it, GATEWAY, path,
          "{'state':'done','msg':'<text>','image':null,'progress':'<int>','total_steps':'<int>',"
          "'error':'<text>','cancelled':false}");
}

static void keep_k9_idle_with_a_text_is_a_failed_load(void **state) {
    (void)state;
    stack_set(&it, "MODEL_PATH", "nowhere");
    stack_start(&it);
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'','...':0}");
    say(&it, GATEWAY, "POST", "/api/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
    await(&it, GATEWAY, "/api/model/status", "{'state':'idle','msg':'<has:nowhere>','...':0}");
    say(&it, GATEWAY, "POST", "/api/model/unload", NULL, 200, NULL);
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'','...':0}");
}

#define GOOD "[{'name':'good.safetensors','strength':0.25,'format':'mflux-native'}]"

static void keep_k10_lora_stack_survives_unload_and_that_of_a_request_stays(void **state) {
    char path[96];
    (void)state;
    stack_start(&it);
    stack_load(&it);
    const json_t *answer = say(&it, DAEMON, "POST", "/generate",
                               "{'caption':'x','width':256,'height':256,'preset':'V4_TURBO_12',"
                               "'loras':[{'name':'good.safetensors','strength':0.25}]}",
                               200, NULL);
    snprintf(path, sizeof path, "/status/%s", text_at(answer, "task_id"));
    await(&it, DAEMON, path, "{'state':'done','error':null,'...':0}");
    say(&it, DAEMON, "GET", path, NULL, 200,
        "{'image_meta':{'lora_name':'good.safetensors','lora_strength':0.25,'applied_loras':" GOOD
        ",'...':0},'...':0}");
    say(&it, GATEWAY, "GET", "/api/lora/status", NULL, 200,
        "{'applied':'good.safetensors','strength':0.25,'applied_loras':" GOOD ",'...':0}");
    say(&it, GATEWAY, "POST", "/api/model/unload", NULL, 200, NULL);
    say(&it, GATEWAY, "GET", "/api/lora/status", NULL, 200, "{'applied_loras':" GOOD ",'...':0}");
    stack_load(&it);
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200,
        "{'state':'loaded','applied_loras':" GOOD ",'...':0}");
    snprintf(path, sizeof path, "/api/status/%s", stack_draw(&it, "again"));
    await(&it, GATEWAY, path,
          "{'state':'done','image':{'lora_name':'good.safetensors','lora_strength':0.25,'...':0},"
          "'...':0}");
}

static void add_rows(void) {
    stack_use_database(&it, "later");
    stack_sql(&it,
              "INSERT INTO prompts (id, saved_at, form_json) VALUES "
              "(1, '2026-01-01 10:00:00', '{}');"
              "INSERT INTO images (id, created_at, file_path, prompt_id) VALUES "
              "(1, '2026-01-01 10:00:01', 'a.png', 1), (2, '2026-01-01 10:00:02', 'b.png', 1)");
    stack_file(&it, "output/a.png", "a");
    stack_file(&it, "output/b.png", "b");
}

static void keep_k11_favorites_name_the_prompt_of_the_preview_only(void **state) {
    (void)state;
    add_rows();
    stack_start_gateway(&it);
    say(&it, GATEWAY, "POST", "/api/favorites", "{'image_id':1}", 200,
        "{'image_id':1,'prompt_id':null,'history_linked':false,'...':0}");
    say(&it, GATEWAY, "POST", "/api/favorites", "{'image_id':2}", 200,
        "{'image_id':2,'prompt_id':1,'history_linked':true,'...':0}");
    say(&it, GATEWAY, "DELETE", "/api/images/2", NULL, 200, "{'ok':true}");
    say(&it, GATEWAY, "GET", "/api/favorites", NULL, 200,
        "[{'image_id':1,'prompt_id':1,'history_linked':true,'...':0}]");
}

static void keep_k12_deleting_a_prompt_deletes_its_images_and_files(void **state) {
    (void)state;
    add_rows();
    stack_start_gateway(&it);
    say(&it, GATEWAY, "DELETE", "/api/prompts/1", NULL, 200, "{'ok':true}");
    say(&it, GATEWAY, "GET", "/api/images?limit=0", NULL, 200, "[]");
    assert_int_equal(stack_file_count(&it, "output", ".png"), 0);
}

static void keep_k13_magic_prompt_always_strips_boxes(void **state) {
    static fake_provider provider;
    char url[64];
    (void)state;
    fake_provider_open(&provider);
    fake_provider_say(&provider, FAKE_CHAT, 200,
                      "{\"compositional_deconstruction\":{\"background\":\"b\",\"elements\":["
                      "{\"type\":\"obj\",\"bbox\":[0,0,10,10],\"desc\":\"d\"}]}}");
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", provider.service.port);
    stack_set(&it, "MAGIC_PROMPT_BASE_URL", url);
    stack_start_gateway(&it);
    say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'a box at an exact place'}", 200,
        "{'caption':{'compositional_deconstruction':{'background':'b','elements':["
        "{'type':'obj','desc':'d'}]}},'model':'local-model'}");
    assert_int_equal(stack_stop_gateway(&it), 0);
    fake_provider_close(&provider);
}

/* Draws until the moment of encoding was seen in a task that was not done when the next one was
 * accepted. The larger the picture, the longer that moment. */
static void keep_k14_slot_is_free_before_the_picture_is_encoded(void **state) {
    bool was_seen = false;
    (void)state;
    stack_start(&it);
    stack_load(&it);
    for (int i = 0; i < 60 && !was_seen; i++) {
        char path[96];
        int status = 0;
        const json_t *answer = say(&it, DAEMON, "POST", "/generate",
                                   "{'caption':'x','width':512,'height':512,"
                                   "'preset':'V4_TURBO_12','format':'webp','quality':100}",
                                   200, NULL);
        snprintf(path, sizeof path, "/status/%s", text_at(answer, "task_id"));
        for (;;) {
            answer =
                ask(&it, DAEMON, "POST", "/generate", "{'caption':'x','preset':'none'}", &status);
            if (status == 200) {
                break;
            }
            assert_int_equal(status, 409);
        }
        const json_t *first =
            say(&it, DAEMON, "GET", path, NULL, 200, "{'progress':'<int>','...':0}");
        was_seen = strcmp(text_at(first, "state"), "running") == 0;
        assert_true(number_at(first, "progress") >= 99);
        await(&it, DAEMON, path, "{'state':'done','has_artifact':true,'...':0}");
        snprintf(path, sizeof path, "/status/%s", text_at(answer, "task_id"));
        await(&it, DAEMON, path, "{'state':'done','...':0}");
    }
    assert_true(was_seen);
}

static void keep_k15_daemon_errors_are_relayed_and_503_says_unreachable(void **state) {
    (void)state;
    stack_start(&it);
    say(&it, GATEWAY, "POST", "/api/cancel/x", NULL, 404, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/lora/apply", "{'strength':'x'}", 422,
        "{'detail':[{'type':'float_parsing','...':0}]}");
    stack_kill_daemon(&it);
    const json_t *answer =
        say(&it, GATEWAY, "POST", "/api/model/load", NULL, 503, "{'error':'<text>'}");
    assert_memory_equal(text_at(answer, "error"), "Model daemon unreachable: ", 26);
    say(&it, GATEWAY, "GET", "/api/status/x", NULL, 503, "{'error':'<has:daemon unreachable>'}");
}

static void keep_k16_caption_content_is_not_verified_on_generate(void **state) {
    static const char *const captions[] = {"{}", "{'any':[1,2],'medium':null}",
                                           "{'compositional_deconstruction':7}"};
    char body[200], path[96];
    (void)state;
    stack_start(&it);
    stack_load(&it);
    for (size_t i = 0; i < 3; i++) {
        snprintf(body, sizeof body,
                 "{'caption':%s,'width':256,'height':256,'preset':'V4_TURBO_12'}", captions[i]);
        const json_t *answer =
            say(&it, GATEWAY, "POST", "/api/generate", body, 200, "{'task_id':'<task>'}");
        snprintf(path, sizeof path, "/api/status/%s", text_at(answer, "task_id"));
        await(&it, GATEWAY, path, "{'state':'done','image':{'hld':'','...':0},'...':0}");
    }
}

/* "2026-06-30 14:03:22" of a row, read as UTC, is now. */
static void assert_is_now_in_utc(const char *text) {
    struct tm parts = {.tm_isdst = 0};
    assert_int_equal(sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d", &parts.tm_year, &parts.tm_mon,
                            &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec),
                     6);
    const time_t now = time(NULL);
    bool is_near = false;
    for (time_t t = now - 120; t <= now + 5 && !is_near; t++) {
        char near[64];
        struct tm utc;
        gmtime_r(&t, &utc);
        strftime(near, sizeof near, "%Y-%m-%d %H:%M:%S", &utc);
        is_near = strcmp(near, text) == 0;
    }
    assert_true(is_near);
}

static void keep_k17_timestamps_are_utc_without_a_zone(void **state) {
    (void)state;
    setenv("TZ", "Asia/Tokyo-9", 1);
    stack_start(&it);
    unsetenv("TZ");
    stack_load(&it);
    char path[96];
    snprintf(path, sizeof path, "/api/status/%s", stack_draw(&it, "now"));
    const json_t *done = await(&it, GATEWAY, path, "{'state':'done','image':'<obj>','...':0}");
    const long long id = (long long)number_at(json_object_get(done, "image"), "id");
    snprintf(path, sizeof path, "/api/images/%lld/attach-history", id);
    say(&it, GATEWAY, "POST", path, "{'form_json':'{}'}", 200, "{'ok':true,'prompt_id':1}");
    say(&it, GATEWAY, "POST", "/api/favorites", "{'prompt_id':1}", 200, NULL);
    const struct {
        const char *path, *key;
    } rows[] = {{"/api/images", "created_at"},
                {"/api/prompts", "saved_at"},
                {"/api/favorites", "created_at"}};
    for (size_t i = 0; i < 3; i++) {
        const json_t *list = say(&it, GATEWAY, "GET", rows[i].path, NULL, 200, NULL);
        const json_t *row = json_array_get(list, 0);
        char why[1400];
        assert_true(answer_fits(json_object_get(row, rows[i].key), "'<when>'", why, sizeof why));
        assert_is_now_in_utc(text_at(row, rows[i].key));
    }
}

/* --- 2.9 ------------------------------------------------------------------------------------- */

static void keep_literal_presets_and_formats(void **state) {
    static const struct {
        const char *field, *value;
        bool is_known;
    } cases[] = {
        {"preset", "V4_TURBO_12", true},
        {"preset", "V4_DEFAULT_20", true},
        {"preset", "V4_QUALITY_48", true},
        {"preset", "v4_quality_48", false},
        {"preset", " V4_TURBO_12", false},
        {"preset", "", false},
        {"format", "png", true},
        {"format", "webp", true},
        {"format", "jpeg", true},
        {"format", "PNG", true},
        {"format", "jpg", false},
        {"format", " png", false},
        {"format", "", false},
    };
    char body[200], path[96];
    (void)state;
    stack_start(&it); /* no model: what is accepted ends at once */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(body, sizeof body, "{'caption':{},'%s':'%s'}", cases[i].field, cases[i].value);
        const json_t *answer =
            say(&it, GATEWAY, "POST", "/api/generate", body, cases[i].is_known ? 200 : 422, NULL);
        if (cases[i].is_known) {
            snprintf(path, sizeof path, "/status/%s", text_at(answer, "task_id"));
            await(&it, DAEMON, path, "{'state':'done','...':0}");
        }
    }
}

static void keep_literal_steps_of_the_presets(void **state) {
    static const struct {
        const char *preset;
        int steps;
    } cases[] = {{"V4_TURBO_12", 12}, {"V4_DEFAULT_20", 20}, {"V4_QUALITY_48", 48}};
    char body[200], path[96], expected[100];
    (void)state;
    stack_start(&it);
    for (size_t i = 0; i < 3; i++) {
        snprintf(body, sizeof body, "{'caption':{},'preset':'%s'}", cases[i].preset);
        const json_t *answer = say(&it, GATEWAY, "POST", "/api/generate", body, 200, NULL);
        snprintf(path, sizeof path, "/api/status/%s", text_at(answer, "task_id"));
        snprintf(expected, sizeof expected, "{'state':'done','total_steps':%d,'...':0}",
                 cases[i].steps);
        await(&it, GATEWAY, path, expected);
    }
}

static void keep_literal_words_of_a_cancelled_generation(void **state) {
    (void)state;
    stack_start(&it);
    stack_load(&it);
    const char *task = stack_draw_long(&it);
    stack_cancel(&it, task);
    const json_t *answers[] = {
        sayf(&it, GATEWAY, "GET", 200, NULL, "/api/status/%s", task),
        sayf(&it, DAEMON, "GET", 200, NULL, "/status/%s", task),
    };
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(text_at(answers[i], "state"), "done");
        assert_string_equal(text_at(answers[i], "error"), "Cancelled");
        assert_string_equal(text_at(answers[i], "msg"), "Cancelled.");
        assert_true(json_is_true(json_object_get(answers[i], "cancelled")));
    }
}

static void keep_literal_default_is_the_quality_preset_in_webp(void **state) {
    (void)state;
    stack_start(&it);
    stack_load(&it);
    const json_t *answer = say(&it, DAEMON, "POST", "/generate",
                               "{'caption':'x','width':256,'height':256}", 200, NULL);
    char path[96];
    snprintf(path, sizeof path, "/status/%s", text_at(answer, "task_id"));
    await(&it, DAEMON, path, "{'state':'done','...':0}");
    say(&it, DAEMON, "GET", path, NULL, 200,
        "{'total_steps':48,'image_meta':{'preset':'V4_QUALITY_48','seed':20260608,'format':'webp',"
        "'...':0},'...':0}");
}

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_keep");
    stack_use_lora_model(&it); /* draws fast */
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
        TEST(keep_k1_model_status_is_200_idle_without_a_daemon),
        TEST(keep_k2_unknown_generation_task_is_200_done),
        TEST(keep_k3_unknown_lora_operation_is_200_done_with_error),
        TEST(keep_k4_load_is_200_not_ok_when_the_runtime_is_unusable),
        TEST(keep_k5_lora_apply_without_names_is_200_not_ok),
        TEST(keep_k6_deleting_what_is_missing_is_200_not_ok),
        TEST(keep_k7_generate_is_409_exactly_while_the_slot_is_held),
        TEST(keep_k8_generate_without_a_model_fails_in_the_task),
        TEST(keep_k9_idle_with_a_text_is_a_failed_load),
        TEST(keep_k10_lora_stack_survives_unload_and_that_of_a_request_stays),
        TEST(keep_k11_favorites_name_the_prompt_of_the_preview_only),
        TEST(keep_k12_deleting_a_prompt_deletes_its_images_and_files),
        TEST(keep_k13_magic_prompt_always_strips_boxes),
        TEST(keep_k14_slot_is_free_before_the_picture_is_encoded),
        TEST(keep_k15_daemon_errors_are_relayed_and_503_says_unreachable),
        TEST(keep_k16_caption_content_is_not_verified_on_generate),
        TEST(keep_k17_timestamps_are_utc_without_a_zone),
        TEST(keep_literal_presets_and_formats),
        TEST(keep_literal_steps_of_the_presets),
        TEST(keep_literal_words_of_a_cancelled_generation),
        TEST(keep_literal_default_is_the_quality_preset_in_webp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
