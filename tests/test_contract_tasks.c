/* The real programs: the model's states, generation tasks step by step, artifacts, storing, and
 * what the gateway makes of the daemon's answers (docs/http-api.md 2.8, 3.1, 3.5 to 3.7, 4, 5,
 * 6.1). */
#include "fake_daemon.h"
#include "stack.h"

static stack it;

static const char small[] = "'width':256,'height':256,'preset':'V4_TURBO_12','seed':7";

/* "/status/<task>" of a drawing with these fields over the daemon; valid until the fourth after */
static const char *draw(const char *fields) {
    static char path[4][96];
    static int turn;
    char body[600];
    turn = (turn + 1) % 4;
    snprintf(body, sizeof body, "{%s}", fields);
    const json_t *answer = say(&it, DAEMON, "POST", "/generate", body, 200, "{'task_id':'<task>'}");
    snprintf(path[turn], sizeof path[turn], "/status/%s", text_at(answer, "task_id"));
    return path[turn];
}

static json_t *await_done(const char *path) {
    return await(&it, DAEMON, path, "{'state':'done','...':0}");
}

static const char *gateway_path(const char *task) {
    static char path[4][96];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "/api/status/%s", task);
    return path[turn];
}

/* --- the model ------------------------------------------------------------------------------ */

#define MEMORY                                                                   \
    "'mlx_memory':{'active_gb':'<num?>','peak_gb':'<num?>','cache_gb':'<num?>'," \
    "'cache_limit_gb':'<num?>'}"
#define ADDITIONS(needed)                                                               \
    "'memory':{'active':'<int?>','peak':'<int?>','available':'<int?>','needed':" needed \
    "},'last_error':null,'idle_unload':null"
#define DETAIL                                                                                  \
    "'detail':{'phase':'<text>','step':'<int>','steps':'<int>','fraction':'<num>','seconds':"   \
    "'<num>','step_seconds':'<num>','preview_step':'<int?>','phase_seconds':{'encode':'<num?>'" \
    ",'denoise':'<num?>','decode':'<num?>','save':'<num?>'}}"

static void tasks_model_goes_from_idle_through_loading_to_loaded_and_back(void **state) {
    static const char fresh[] =
        "{'state':'idle','msg':'','backend':'<text>','model_repo':'MLXBits/ideogram-4-mlx-q8',"
        "'model_path':'<str>','model_revision':null,'quantization_bits':null," MEMORY
        ",'applied_loras':[],'operation':null," ADDITIONS("null") "}";
    bool is_loaded = false;
    (void)state;
    say(&it, DAEMON, "GET", "/health", NULL, 200,
        "{'ok':true,'role':'model-daemon','backend':'<text>','error':null}");
    say(&it, DAEMON, "GET", "/model/status", NULL, 200, fresh);
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, fresh);
    say(&it, GATEWAY, "POST", "/api/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
    while (!is_loaded) { /* from the very answer on: never idle */
        const json_t *now =
            say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200,
                "{'state':'<has:load>','msg':'<text>','operation':'<str?>','...':0}");
        is_loaded = strcmp(text_at(now, "state"), "loaded") == 0;
        assert_true(is_loaded || strcmp(text_at(now, "state"), "loading") == 0);
    }
    await(&it, DAEMON, "/model/status", "{'operation':null,'...':0}");
    say(&it, DAEMON, "GET", "/model/status", NULL, 200,
        "{'state':'loaded','msg':'<has:loaded in >','backend':'<text>','model_repo':'<text>',"
        "'model_path':'<has:models/demo>','model_revision':null,'quantization_bits':8," MEMORY
        ",'applied_loras':[],'operation':null," ADDITIONS("'<int>'") "}");
    say(&it, GATEWAY, "POST", "/api/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
    await(&it, DAEMON, "/model/status", "{'state':'loaded','operation':null,'...':0}");
    for (int i = 0; i < 2; i++) { /* the second finds nothing to do */
        say(&it, GATEWAY, "POST", "/api/model/unload", NULL, 200, "{'ok':true,'msg':'<text>'}");
        say(&it, DAEMON, "GET", "/model/status", NULL, 200,
            "{'state':'idle','msg':'','quantization_bits':8,'operation':null,'...':0}");
    }
}

static void tasks_model_that_cannot_be_loaded_leaves_idle_and_the_reason(void **state) {
    static const char *const folders[] = {"missing", "empty", "no-object"};
    (void)state;
    folder_sub(&it.folder, "empty");
    folder_sub(&it.folder, "no-object");
    stack_file(&it, "no-object/split_model.json", "[1]");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        assert_int_equal(stack_stop_daemon(&it), 0);
        stack_set(&it, "MODEL_PATH", folders[i]);
        stack_start_daemon(&it);
        say(&it, DAEMON, "POST", "/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
        await(&it, DAEMON, "/model/status",
              "{'state':'idle','msg':'<text>','operation':null,'...':0}");
    }
    assert_int_equal(stack_stop_daemon(&it), 0);
    stack_set(&it, "MODEL_PATH", NULL);
    stack_start_daemon(&it);
}

static void tasks_model_is_loaded_at_the_start_when_so_configured(void **state) {
    (void)state;
    assert_int_equal(stack_stop_daemon(&it), 0);
    stack_set(&it, "MODEL_DAEMON_AUTOLOAD", " TRUE ");
    stack_start_daemon(&it);
    await(&it, DAEMON, "/model/status", "{'state':'loaded','...':0}");
    assert_int_equal(stack_stop_daemon(&it), 0);
    stack_set(&it, "MODEL_DAEMON_AUTOLOAD", "0");
    stack_start_daemon(&it);
    say(&it, DAEMON, "GET", "/model/status", NULL, 200, "{'state':'idle','msg':'','...':0}");
}

static void tasks_model_is_not_touched_while_the_pipeline_works(void **state) {
    (void)state;
    stack_load(&it);
    const char *task = stack_draw_long(&it);
    await(&it, DAEMON, "/model/status", "{'operation':'<has:s)>','...':0}");
    say(&it, DAEMON, "POST", "/model/load", NULL, 409, "{'error':'<text>'}");
    say(&it, DAEMON, "POST", "/model/unload", NULL, 409, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/model/load", NULL, 409, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/model/unload", NULL, 409, "{'error':'<text>'}");
    stack_cancel(&it, task);
}

/* --- generation ----------------------------------------------------------------------------- */

static const char *const keys_of_status =
    "{'state':'<str>','msg':'<text>','progress':'<int>','total_steps':'<int>','image_meta':'<obj?>'"
    ","
    "'has_artifact':'<bool>','error':'<str?>','cancelled':'<bool>'," DETAIL "}";

/* One look at a running task; what it says must belong together. */
static void assert_running_moment(const json_t *now, int64_t *last) {
    const int64_t progress = number_at(now, "progress"), steps = number_at(now, "total_steps");
    int k = 0, n = 0;
    assert_string_equal(text_at(now, "state"), "running");
    assert_true(progress >= *last && progress <= 99);
    assert_true(steps == 12 || (steps == 0 && progress == 0));
    assert_true(json_is_null(json_object_get(now, "image_meta")));
    assert_true(json_is_null(json_object_get(now, "error")));
    assert_true(json_is_false(json_object_get(now, "has_artifact")));
    assert_true(json_is_false(json_object_get(now, "cancelled")));
    if (sscanf(text_at(now, "msg"), "%d/%d steps", &k, &n) == 2) {
        assert_int_equal(n, 12);
        assert_int_equal(progress, 100 * k / 12 < 99 ? 100 * k / 12 : 99);
    }
    *last = progress;
}

static void tasks_generation_passes_its_moments_in_order(void **state) {
    int64_t last = 0;
    int moments = 0;
    char fields[300];
    (void)state;
    stack_load(&it);
    snprintf(fields, sizeof fields,
             "'caption':{'high_level_description':'a mug'},'prompt_id':5,'format':'png',%s", small);
    const char *path = draw(fields);
    for (;;) {
        const json_t *now = say(&it, DAEMON, "GET", path, NULL, 200, keys_of_status);
        if (strcmp(text_at(now, "state"), "done") == 0) {
            break;
        }
        const int64_t before = last;
        assert_running_moment(now, &last);
        moments += last > before;
    }
    assert_true(moments >= 3); /* of preparing, sampling and twelve steps */
    char expected[1200];
    snprintf(expected, sizeof expected,
             "{'state':'done','msg':'<has:done in >','progress':100,'total_steps':12,"
             "'image_meta':{'hld':'a mug','width':256,'height':256,'preset':'V4_TURBO_12','seed':7,"
             "'prompt_id':5,'filename':'%s.png','format':'png','generation_seconds':'<num>',"
             "'quantization_bits':8,'lora_name':null,'lora_strength':null,'applied_loras':[],"
             "'steps':12},'has_artifact':true,'error':null,'cancelled':false," DETAIL "}",
             path + 8);
    say(&it, DAEMON, "GET", path, NULL, 200, expected);
}

static void tasks_generation_that_fails_says_why(void **state) {
    static const struct {
        const char *fields, *steps;
    } cases[] = {
        {"'caption':'x','width':256,'height':256,'preset':'none'", "0"},
        {"'caption':'x','width':256,'height':256,'preset':''", "0"},
        {"'caption':'x','width':128,'height':256,'preset':'V4_TURBO_12'", "12"},
        {"'caption':'x','width':4096,'height':256,'preset':'V4_DEFAULT_20'", "20"},
        {"'caption':'x','width':-5,'height':256,'preset':'V4_QUALITY_48'", "48"},
        {"'caption':'x','width':256,'height':256,'loras':[{'name':'no.safetensors'}],"
         "'preset':'V4_TURBO_12'",
         "12"},
    };
    char expected[800];
    (void)state;
    stack_load(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = draw(cases[i].fields);
        await_done(path);
        snprintf(expected, sizeof expected,
                 "{'state':'done','msg':'<text>','progress':'<int>','total_steps':%s,"
                 "'image_meta':null,'has_artifact':false,'error':'<text>','cancelled':false," DETAIL
                 "}",
                 cases[i].steps);
        say(&it, DAEMON, "GET", path, NULL, 200, expected);
        say(&it, GATEWAY, "GET", gateway_path(path + 8), NULL, 200,
            "{'state':'done','msg':'<text>','image':null,'progress':'<int>','total_steps':'<int>',"
            "'error':'<text>','cancelled':false}");
        sayf(&it, DAEMON, "GET", 404, "{'error':'<text>'}", "/artifact/%s", path + 8);
    }
}

static void tasks_generation_trims_and_raises_preset_names(void **state) {
    (void)state;
    stack_load(&it);
    const char *path =
        draw("'caption':'x','width':256,'height':256,'preset':' v4_turbo_12 ','format':'png'");
    await_done(path);
    say(&it, DAEMON, "GET", path, NULL, 200,
        "{'state':'done','has_artifact':true,'error':null,'...':0}");
}

static void tasks_generation_takes_captions_as_text_or_object(void **state) {
    static const struct {
        const char *caption, *hld;
    } cases[] = {
        {"'a plain prompt'", ""},
        {"{'high_level_description':'object'}", "object"},
        {"{'high_level_description':7}", ""},
    };
    char fields[400], expected[200];
    (void)state;
    stack_load(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(fields, sizeof fields, "'caption':%s,%s", cases[i].caption, small);
        const char *path = draw(fields);
        await_done(path);
        snprintf(expected, sizeof expected, "{'image_meta':{'hld':'%s','...':0},'...':0}",
                 cases[i].hld);
        say(&it, DAEMON, "GET", path, NULL, 200, expected);
    }
}

static void tasks_artifacts_may_be_fetched_again_and_again(void **state) {
    static const struct {
        const char *format, *type, *magic;
    } cases[] = {
        {"png", "image/png", "\x89PNG"},
        {"webp", "image/webp", "RIFF"},
        {"jpeg", "image/jpeg", "\xff\xd8\xff"},
    };
    char fields[300], target[96], disposition[128];
    (void)state;
    stack_load(&it);
    for (size_t i = 0; i < 3; i++) {
        snprintf(fields, sizeof fields, "'caption':'x',%s,'format':'%s'", small, cases[i].format);
        const char *path = draw(fields);
        await_done(path);
        snprintf(target, sizeof target, "/artifact/%s", path + 8);
        snprintf(disposition, sizeof disposition, "inline; filename=\"%s.%s\"", path + 8,
                 cases[i].format);
        for (int k = 0; k < 2; k++) {
            raw_answer a = raw_ask(it.daemon.port, "GET", target, NULL, NULL);
            assert_int_equal(a.status, 200);
            assert_string_equal(raw_header(&a, "Content-Type"), cases[i].type);
            assert_string_equal(raw_header(&a, "Content-Disposition"), disposition);
            assert_true(a.size > 200);
            assert_memory_equal(a.body, cases[i].magic, 3);
            raw_free(&a);
        }
    }
    say(&it, DAEMON, "GET", "/artifact/unknown", NULL, 404, "{'error':'<text>'}");
}

/* --- cancelling ------------------------------------------------------------------------------ */

static const char *const cancelled_status =
    "{'state':'done','msg':'Cancelled.','progress':'<int>','total_steps':'<int>','image_meta':null,"
    "'has_artifact':false,'error':'Cancelled','cancelled':true," DETAIL "}";

static void tasks_cancelled_run_keeps_the_slot_until_it_has_stopped(void **state) {
    char path[96], target[96];
    bool is_done = false;
    (void)state;
    stack_load(&it);
    const char *task = stack_draw_long(&it);
    snprintf(path, sizeof path, "/status/%s", task);
    snprintf(target, sizeof target, "/api/cancel/%s", task);
    await(&it, DAEMON, path, "{'msg':'<has:sampling>','...':0}");
    say(&it, GATEWAY, "POST", "/api/generate", "{'caption':{}}", 409, "{'error':'<text>'}");
    say(&it, DAEMON, "POST", "/generate", "{'caption':'x'}", 409, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", target, NULL, 200, "{'ok':true,'msg':'<text>'}");
    while (!is_done) {
        int status = 0;
        const json_t *now = say(&it, DAEMON, "GET", path, NULL, 200, keys_of_status);
        is_done = strcmp(text_at(now, "state"), "done") == 0;
        assert_true(json_is_true(json_object_get(now, "cancelled")));
        if (!is_done) {
            const json_t *answer =
                ask(&it, DAEMON, "POST", "/generate", "{'caption':'x','preset':'none'}", &status);
            if (status == 200) { /* it must have ended in between */
                assert_true(text_at(answer, "task_id")[0] != '\0');
                await_done(path);
                is_done = true;
            } else {
                assert_int_equal(status, 409);
            }
        }
    }
    say(&it, DAEMON, "GET", path, NULL, 200, cancelled_status);
    say(&it, GATEWAY, "GET", gateway_path(task), NULL, 200,
        "{'state':'done','msg':'Cancelled.','image':null,'progress':'<int>','total_steps':48,"
        "'error':'Cancelled','cancelled':true}");
    /* once more, when it is done: no effect */
    say(&it, GATEWAY, "POST", target, NULL, 200, "{'ok':true,'msg':'<text>'}");
    say(&it, DAEMON, "GET", path, NULL, 200, cancelled_status);
}

static void tasks_cancel_of_a_finished_or_unknown_task_changes_nothing(void **state) {
    char fields[300];
    (void)state;
    stack_load(&it);
    snprintf(fields, sizeof fields, "'caption':'x',%s", small);
    const char *path = draw(fields);
    await_done(path);
    sayf(&it, DAEMON, "POST", 200, "{'ok':true,'msg':'<text>'}", "/cancel/%s", path + 8);
    say(&it, DAEMON, "GET", path, NULL, 200,
        "{'state':'done','has_artifact':true,'error':null,'cancelled':false,'...':0}");
    say(&it, DAEMON, "POST", "/cancel/unknown", NULL, 404, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/cancel/unknown", NULL, 404, "{'error':'<text>'}");
}

/* --- through the gateway ---------------------------------------------------------------------- */

static void tasks_picture_is_stored_with_its_row(void **state) {
    char expected[900], rows[300], name[96], target[96];
    (void)state;
    stack_load(&it);
    const char *task = stack_draw(&it, "a ceramic mug");
    await(&it, GATEWAY, gateway_path(task), "{'state':'done','...':0}");
    const json_t *done = say(
        &it, GATEWAY, "GET", gateway_path(task), NULL, 200,
        "{'state':'done','msg':'<text>','image':{'id':'<int>','url':'<text>','hld':'a ceramic mug',"
        "'time':'<clock>','prompt_id':null,'parent_image_id':null,'seed':7,'preset':'V4_TURBO_12',"
        "'width':256,'height':256,'lora_name':null,'lora_strength':null,'applied_loras':null},"
        "'progress':100,'total_steps':12,'error':null,'cancelled':false}");
    const json_t *image = json_object_get(done, "image");
    const long long id = (long long)number_at(image, "id");
    snprintf(expected, sizeof expected, "/api/images/%lld/file", id);
    assert_string_equal(text_at(image, "url"), expected);
    snprintf(expected, sizeof expected, "a ceramic mug|256|256|V4_TURBO_12|7|%s.png|-|-|-|-|-",
             task);
    snprintf(rows, sizeof rows,
             "SELECT hld, width, height, preset, seed, file_path, prompt_id, lora_name, "
             "lora_strength, lora_stack_json, parent_image_id FROM images WHERE id = %lld",
             id);
    assert_string_equal(stack_rows(&it, rows), expected);
    snprintf(name, sizeof name, "output/%s.png", task);
    assert_true(stack_has_file(&it, name));
    /* the bytes are the daemon's */
    snprintf(target, sizeof target, "/artifact/%s", task);
    i4_answer there = fetch(&it, DAEMON, target), here = fetch(&it, GATEWAY, text_at(image, "url"));
    assert_int_equal(there.status, 200);
    assert_int_equal(there.size, here.size);
    assert_memory_equal(there.body, here.body, here.size);
    i4_answer_free(&there);
    i4_answer_free(&here);
}

static void tasks_row_is_used_again_after_restarts(void **state) {
    (void)state;
    stack_load(&it);
    const char *task = stack_draw(&it, "once");
    await(&it, GATEWAY, gateway_path(task), "{'state':'done','image':'<obj>','...':0}");
    const char *before = stack_rows(&it, "SELECT count(*), max(id) FROM images");
    assert_int_equal(stack_stop_gateway(&it), 0);
    stack_start_gateway(&it);
    say(&it, GATEWAY, "GET", gateway_path(task), NULL, 200,
        "{'state':'done','image':{'hld':'once','...':0},'...':0}");
    stack_kill_daemon(&it);
    stack_start_daemon(&it);
    say(&it, GATEWAY, "GET", gateway_path(task), NULL, 200,
        "{'state':'done','image':{'hld':'once','...':0},'...':0}");
    assert_string_equal(stack_rows(&it, "SELECT count(*), max(id) FROM images"), before);
}

static void tasks_picture_survives_the_death_of_both_programs(void **state) {
    char fields[300], name[96];
    (void)state;
    stack_load(&it);
    stack_kill_gateway(&it);
    snprintf(fields, sizeof fields,
             "'caption':{'high_level_description':'survivor'},%s,"
             "'format':'png'",
             small);
    const char *path = draw(fields);
    await_done(path);
    stack_kill_daemon(&it);
    stack_start(&it);
    say(&it, DAEMON, "GET", path, NULL, 200,
        "{'state':'done','msg':'<text>','progress':100,'total_steps':12,'has_artifact':true,"
        "'error':null,'cancelled':false,'...':0}");
    say(&it, GATEWAY, "GET", gateway_path(path + 8), NULL, 200,
        "{'state':'done','image':{'hld':'survivor','...':0},'...':0}");
    snprintf(name, sizeof name, "output/%s.png", path + 8);
    assert_true(stack_has_file(&it, name));
    /* kept by the gateway: gone from the spool after the daemon's next start */
    snprintf(name, sizeof name, "spool/%s.json", path + 8);
    EVENTUALLY(!stack_has_file(&it, name));
    assert_int_equal(stack_stop_daemon(&it), 0);
    stack_start_daemon(&it);
    snprintf(name, sizeof name, "spool/%s.png", path + 8);
    assert_false(stack_has_file(&it, name));
    say(&it, GATEWAY, "GET", gateway_path(path + 8), NULL, 200,
        "{'state':'done','image':{'hld':'survivor','...':0},'...':0}");
}

static void tasks_picture_that_cannot_be_stored_is_tried_again(void **state) {
    (void)state;
    stack_load(&it);
    assert_int_equal(rename(folder_at(&it.folder, "output"), folder_at(&it.folder, "aside")), 0);
    stack_file(&it, "output", "no folder");
    const char *task = stack_draw(&it, "later");
    await(&it, GATEWAY, gateway_path(task), "{'state':'done','...':0}");
    say(&it, GATEWAY, "GET", gateway_path(task), NULL, 200,
        "{'state':'done','msg':'<has:Error: >','image':null,'progress':100,'total_steps':12}");
    unlink(folder_at(&it.folder, "output"));
    assert_int_equal(rename(folder_at(&it.folder, "aside"), folder_at(&it.folder, "output")), 0);
    await(&it, GATEWAY, gateway_path(task),
          "{'state':'done','image':{'hld':'later','...':0},'error':null,'...':0}");
}

/* --- what the gateway makes of the daemon's answers --------------------------------------------
 */

static fake_daemon other;

static int set_up_fake(void **state) {
    char url[64];
    (void)state;
    stack_begin(&it, "contract_tasks");
    fake_daemon_open(&other);
    snprintf(url, sizeof url, "http://127.0.0.1:%d///", other.port); /* slashes are cut off */
    stack_set(&it, "MODEL_DAEMON_URL", url);
    stack_start_gateway(&it);
    return 0;
}

static int tear_down_fake(void **state) {
    (void)state;
    stack_end(&it);
    fake_daemon_close(&other);
    return 0;
}

static void tasks_gateway_relays_the_daemons_answers(void **state) {
    static const struct {
        int status;
        const char *type, *body;
        int expected;
        const char *answer;
    } cases[] = {
        {200, "application/json", "{\"a\":1.0,\"b\":[2]}", 200, "{'a':1.0,'b':[2]}"},
        {202, "application/json", "{\"ok\":true}", 200, "{'ok':true}"},
        {409, "application/json", "{\"error\":\"busy\"}", 409, "{'error':'busy'}"},
        {422, "application/json", "{\"detail\":[{\"x\":1}]}", 422, "{'detail':[{'x':1}]}"},
        {404, "application/json", "{\"detail\":\"Not Found\"}", 404, "{'detail':'Not Found'}"},
        {500, "text/plain", "Internal Server Error", 500, "{'error':'Internal Server Error'}"},
        {503, "text/html", "Down <p>", 503, "{'error':'Down <p>'}"},
        {502, "text/plain", "", 502, "{'error':'<text>'}"},
        {200, "text/plain", "fine", 200, "{'error':'fine'}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_daemon_replace(&other, "/lora/status", cases[i].status, cases[i].type, cases[i].body);
        say(&it, GATEWAY, "GET", "/api/lora/status", NULL, cases[i].expected, cases[i].answer);
        fake_daemon_replace(&other, "/model/load", cases[i].status, cases[i].type, cases[i].body);
        say(&it, GATEWAY, "POST", "/api/model/load", NULL, cases[i].expected, cases[i].answer);
        fake_daemon_replace(&other, "/status/", cases[i].status, cases[i].type, cases[i].body);
        if (cases[i].status >= 400) {
            say(&it, GATEWAY, "GET", "/api/status/x", NULL, cases[i].expected, cases[i].answer);
        }
        fake_daemon_replace(&other, "/model/status", cases[i].status, cases[i].type, cases[i].body);
        say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200,
            cases[i].status >= 400 ? "{'state':'idle','msg':'<text>'}" : NULL);
    }
    fake_daemon_replace(&other, NULL, 0, NULL, NULL);
}

static void tasks_gateway_forwards_what_it_was_sent(void **state) {
    char method[16], target[2048], *body;
    (void)state;
    say(&it, GATEWAY, "POST", "/api/lora/apply", "{'z':[1,{'b':2,'a':3.0}],'name':'\xc3\xa4'}", 200,
        NULL);
    fake_daemon_last(&other, method, target, &body);
    assert_string_equal(target, "/lora/apply");
    assert_string_equal(body, "{\"z\":[1,{\"b\":2,\"a\":3.0}],\"name\":\"\xc3\xa4\"}");
    free(body);
    say(&it, GATEWAY, "POST", "/api/generate",
        "{'quality':7,'format':'JPEG','caption':{'b':1,'a':{'d':2,'c':3}},'width':512.0,"
        "'loras':[{'name':'x'}]}",
        200, "{'task_id':'<task>'}");
    fake_daemon_last(&other, method, target, &body);
    assert_string_equal(target, "/generate");
    char why[1400];
    json_t *sent = json_loads(body, 0, NULL);
    if (!answer_fits(sent,
                     "{'caption':{'b':1,'a':{'d':2,'c':3}},'width':512,'height':1024,"
                     "'preset':'V4_QUALITY_48','seed':20260608,'format':'jpeg','prompt_id':null}",
                     why, sizeof why)) {
        fail_msg("%s", why);
    }
    json_decref(sent);
    free(body);
    say(&it, GATEWAY, "GET", "/api/lora/operation/a%20%C3%A4", NULL, 200, NULL);
    fake_daemon_last(&other, method, target, &body);
    assert_string_equal(target, "/lora/operation/a%20%C3%A4");
    free(body);
}

static void tasks_gateway_without_a_task_id_is_a_502(void **state) {
    static const char *const bodies[] = {"{}", "{\"task_id\":null}", "{\"task_id\":7}", "[]"};
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fake_daemon_replace(&other, "/generate", 200, "application/json", bodies[i]);
        say(&it, GATEWAY, "POST", "/api/generate", "{'caption':{}}", 502, "{'error':'<text>'}");
    }
    fake_daemon_replace(&other, NULL, 0, NULL, NULL);
}

static void tasks_gateway_says_that_the_daemon_is_unreachable(void **state) {
    static const char refused[] = "{'error':'<has:Model daemon unreachable: >'}";
    static const struct {
        const char *method, *path, *body;
    } cases[] = {
        {"POST", "/api/model/load", NULL},      {"POST", "/api/model/unload", NULL},
        {"GET", "/api/lora/status", NULL},      {"GET", "/api/lora/presets", NULL},
        {"POST", "/api/lora/download", "{}"},   {"GET", "/api/lora/download/x", NULL},
        {"POST", "/api/lora/apply", "{}"},      {"POST", "/api/lora/remove", NULL},
        {"GET", "/api/lora/operation/x", NULL}, {"POST", "/api/generate", "{'caption':{}}"},
        {"GET", "/api/status/x", NULL},         {"POST", "/api/cancel/x", NULL},
    };
    (void)state;
    fake_daemon_stop(&other);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const json_t *answer =
            say(&it, GATEWAY, cases[i].method, cases[i].path, cases[i].body, 503, refused);
        assert_memory_equal(text_at(answer, "error"), "Model daemon unreachable: ", 26);
    }
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'<text>'}");
    fake_daemon_restart(&other);
    say(&it, GATEWAY, "GET", "/api/lora/status", NULL, 200, NULL);
}

static void tasks_gateway_does_not_wait_for_a_daemon_that_hangs(void **state) {
    (void)state;
    pthread_mutex_lock(&other.mutex);
    other.pause_ms = 30000;
    pthread_mutex_unlock(&other.mutex);
    say(&it, GATEWAY, "GET", "/api/lora/status", NULL, 503,
        "{'error':'<has:Model daemon unreachable: >'}");
    pthread_mutex_lock(&other.mutex);
    other.pause_ms = 0;
    pthread_mutex_unlock(&other.mutex);
}

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_tasks");
    stack_start(&it);
    return 0;
}

/* The tiny model draws faster than anybody can watch. */
static int set_up_fast(void **state) {
    (void)state;
    stack_begin(&it, "contract_tasks");
    stack_use_lora_model(&it);
    stack_start(&it);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    return 0;
}

int main(void) {
    const struct CMUnitTest with_daemon[] = {
        cmocka_unit_test(tasks_model_goes_from_idle_through_loading_to_loaded_and_back),
        cmocka_unit_test(tasks_model_that_cannot_be_loaded_leaves_idle_and_the_reason),
        cmocka_unit_test(tasks_model_is_loaded_at_the_start_when_so_configured),
        cmocka_unit_test(tasks_model_is_not_touched_while_the_pipeline_works),
        cmocka_unit_test(tasks_generation_passes_its_moments_in_order),
        cmocka_unit_test(tasks_cancelled_run_keeps_the_slot_until_it_has_stopped),
        cmocka_unit_test(tasks_picture_is_stored_with_its_row),
    };
    const struct CMUnitTest fast[] = {
        cmocka_unit_test(tasks_generation_that_fails_says_why),
        cmocka_unit_test(tasks_generation_trims_and_raises_preset_names),
        cmocka_unit_test(tasks_generation_takes_captions_as_text_or_object),
        cmocka_unit_test(tasks_artifacts_may_be_fetched_again_and_again),
        cmocka_unit_test(tasks_cancel_of_a_finished_or_unknown_task_changes_nothing),
        cmocka_unit_test(tasks_row_is_used_again_after_restarts),
        cmocka_unit_test(tasks_picture_survives_the_death_of_both_programs),
        cmocka_unit_test(tasks_picture_that_cannot_be_stored_is_tried_again),
    };
    const struct CMUnitTest with_fake[] = {
        cmocka_unit_test(tasks_gateway_relays_the_daemons_answers),
        cmocka_unit_test(tasks_gateway_forwards_what_it_was_sent),
        cmocka_unit_test(tasks_gateway_without_a_task_id_is_a_502),
        cmocka_unit_test(tasks_gateway_says_that_the_daemon_is_unreachable),
        cmocka_unit_test(tasks_gateway_does_not_wait_for_a_daemon_that_hangs),
    };
    return cmocka_run_group_tests(with_daemon, set_up, tear_down) +
           cmocka_run_group_tests(fast, set_up_fast, tear_down) +
           cmocka_run_group_tests(with_fake, set_up_fake, tear_down_fake);
}
