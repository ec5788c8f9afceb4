/* The real programs: LoRA over HTTP with the tiny golden model (docs/http-api.md 4.3, 5.3, 5.4,
 * 6.2, 6.3), on the daemon and through the gateway. */
#include "stack.h"

static stack it;

#define GOOD "'good.safetensors'"
#define OTHER "'other.safetensors'"
#define STACK_OF_GOOD "[{'name':" GOOD ",'strength':0.5,'format':'mflux-native'}]"

static const char *operation(const char *method_path, const char *body) {
    static char path[4][96];
    static int turn;
    turn = (turn + 1) % 4;
    const json_t *answer = say(&it, DAEMON, "POST", method_path, body, 200,
                               "{'ok':true,'task_id':'<task>','msg':'<text>'}");
    snprintf(path[turn], sizeof path[turn], "/lora/operation/%s", text_at(answer, "task_id"));
    return path[turn];
}

/* Waits for the end, which must be so. */
static void run(const char *method_path, const char *body, const char *end) {
    const char *path = operation(method_path, body);
    await(&it, DAEMON, path, "{'state':'done','...':0}");
    say(&it, DAEMON, "GET", path, NULL, 200, end);
}

static void apply_good(void) {
    run("/lora/apply", "{'name':" GOOD ",'strength':0.5}",
        "{'state':'done','msg':'<text>','phase':'done','progress':100,'error':null,"
        "'result':{'ok':true,'msg':'<text>','applied_loras':" STACK_OF_GOOD
        ",'changed':'<bool>'}}");
}

static void remove_all(void) {
    run("/lora/remove", NULL,
        "{'state':'done','phase':'done','result':{'ok':true,'...':0},'...':0}");
}

/* --- lists ---------------------------------------------------------------------------------- */

static void lora_files_are_listed_in_byte_order(void **state) {
    char path[700], expected[3000];
    (void)state;
    snprintf(path, sizeof path, "%s", folder_at(&it.folder, "loras"));
    stack_file(&it, "loras/readme.txt", "no");
    stack_file(&it, "loras/X.SAFETENSORS", "no: the suffix is exact");
    folder_sub(&it.folder, "loras/folder.safetensors");
    snprintf(expected, sizeof expected,
             "{'applied':null,'strength':0.0,'applied_loras':[],'available':["
             "{'name':'bad.safetensors','path':'%s/bad.safetensors','format':'mflux-native',"
             "'size_mb':0.0},"
             "{'name':" GOOD ",'path':'%s/good.safetensors','format':'mflux-native','size_mb':"
             "'<num>'},"
             "{'name':" OTHER ",'path':'%s/other.safetensors','format':'mflux-native','size_mb':"
             "'<num>'}]}",
             path, path, path);
    say(&it, DAEMON, "GET", "/lora/status", NULL, 200, expected);
    say(&it, GATEWAY, "GET", "/api/lora/status", NULL, 200, expected);
    unlink(folder_at(&it.folder, "loras/readme.txt"));
    unlink(folder_at(&it.folder, "loras/X.SAFETENSORS"));
    rmdir(folder_at(&it.folder, "loras/folder.safetensors"));
}

static void lora_presets_have_labels(void **state) {
    static const struct {
        const char *file, *label;
    } cases[] = {
        {"SimpleTuner_FilmNoir_v2_rank16_1024_step3000.safetensors",
         "Film Noir v2 rank16 1024 step3000"},
        {"SimpleTuner_zjourney_rank8_step12.safetensors", "zjourney rank8 step12"},
        {"my_own_Style.safetensors", "my own Style"},
        {"SimpleTuner_odd_thing.safetensors", "SimpleTuner odd thing"},
    };
    char name[200];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "loras/%s", cases[i].file);
        stack_file(&it, name, "x");
    }
    const json_t *answer =
        say(&it, GATEWAY, "GET", "/api/lora/presets", NULL, 200, "{'presets':'<list>'}");
    const json_t *presets = json_object_get(answer, "presets");
    char why[1400];
    assert_int_equal(json_array_size(presets), 7);
    for (size_t i = 0; i < 4; i++) {
        char expected[800];
        bool found = false;
        snprintf(expected, sizeof expected,
                 "{'id':'%s','label':'%s','installed':true,'loras':[{'name':'%s','strength':0.6,"
                 "'installed':true,'format':'mflux-native','size_mb':0.0}]}",
                 cases[i].file, cases[i].label, cases[i].file);
        for (size_t k = 0; k < 7; k++) {
            found = found || answer_fits(json_array_get(presets, k), expected, why, sizeof why);
        }
        if (!found) {
            fail_msg("no preset %s", expected);
        }
        snprintf(name, sizeof name, "loras/%s", cases[i].file);
        unlink(folder_at(&it.folder, name));
    }
}

/* --- the operation's states ------------------------------------------------------------------ */

static void lora_operation_passes_its_phases_in_order(void **state) {
    static const char *const order[] = {"queued", "waiting", "resolve", "download", "load", "done"};
    const int least[] = {0, 0, 1, 5, 20, 99};
    size_t last = 0;
    (void)state;
    stack_load(&it);
    const char *path = operation("/lora/apply", "{'name':" GOOD ",'strength':0.5}");
    for (bool is_done = false; !is_done;) {
        const json_t *now =
            say(&it, DAEMON, "GET", path, NULL, 200,
                "{'state':'<str>','msg':'<text>','phase':'<str>','progress':'<int>',"
                "'error':null,'result':'<obj?>'}");
        size_t at = 0;
        while (at < 6 && strcmp(text_at(now, "phase"), order[at]) != 0) {
            at++;
        }
        assert_in_range(at, last, 5);
        last = at;
        is_done = strcmp(text_at(now, "state"), "done") == 0;
        if (is_done) {
            assert_int_equal(number_at(now, "progress"), 100);
        } else {
            assert_string_equal(text_at(now, "state"), "running");
            assert_true(number_at(now, "progress") == least[at]);
            assert_true(json_is_null(json_object_get(now, "result")));
        }
    }
    say(&it, DAEMON, "GET", "/lora/status", NULL, 200,
        "{'applied':" GOOD ",'strength':0.5,'applied_loras':" STACK_OF_GOOD
        ",'available':'<list>'}");
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200,
        "{'state':'loaded','msg':'<str>','backend':'<text>','model_repo':'<text>','model_path':"
        "'<text>','model_revision':null,'quantization_bits':8,'mlx_memory':{'active_gb':'<num?>',"
        "'peak_gb':'<num?>','cache_gb':'<num?>','cache_limit_gb':'<num?>'},"
        "'applied_loras':" STACK_OF_GOOD ",'operation':null,'memory':'<obj>','last_error':null,"
        "'idle_unload':null}");
    remove_all();
}

static void lora_operation_waits_for_the_pipeline(void **state) {
    (void)state;
    stack_load(&it);
    const char *drawing = stack_draw_long(&it);
    await(&it, DAEMON, "/model/status", "{'operation':'<has:generat>','...':0}");
    const char *path = operation("/lora/apply", "{'name':" GOOD ",'strength':0.5}");
    await(&it, DAEMON, path,
          "{'state':'running','msg':'<has:waiting>','phase':'waiting','progress':0,'error':null,"
          "'result':null}");
    /* the LoRA slot is taken, waiting included */
    say(&it, DAEMON, "POST", "/lora/apply", "{'name':" GOOD "}", 409, "{'error':'<text>'}");
    say(&it, DAEMON, "POST", "/lora/remove", NULL, 409, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/lora/apply", "{'name':" GOOD "}", 409, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/lora/remove", NULL, 409, "{'error':'<text>'}");
    say(&it, DAEMON, "POST", "/lora/download", "{}", 200, NULL); /* never refused */
    stack_cancel(&it, drawing);
    await(&it, DAEMON, path, "{'state':'done','error':null,'...':0}");
    remove_all();
}

static void lora_stack_that_is_active_already_changes_nothing(void **state) {
    static const struct {
        const char *body, *changed;
    } cases[] = {
        {"{'name':" GOOD ",'strength':0.5}", "true"},
        {"{'name':" GOOD ",'strength':0.5}", "false"},
        {"{'name':' good.safetensors ','strength':'0.5'}", "false"},
        {"{'loras':[{'name':" GOOD ",'strength':0.5}],'name':'ignored'}", "false"},
        {"{'name':" GOOD ",'strength':0.5000000001}", "false"}, /* within 1e-9 */
        {"{'name':" GOOD "}", "true"},                          /* 0.6 */
        {"{'name':" GOOD ",'strength':0.6}", "false"},
        {"{'loras':[{'name':" GOOD "},{'name':" OTHER ",'strength':1}]}", "true"},
        {"{'loras':[{'name':" OTHER ",'strength':1},{'name':" GOOD "}]}", "true"},
    };
    char end[400];
    (void)state;
    stack_load(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(end, sizeof end,
                 "{'state':'done','phase':'done','progress':100,'error':null,"
                 "'result':{'ok':true,'changed':%s,'...':0},'...':0}",
                 cases[i].changed);
        run("/lora/apply", cases[i].body, end);
    }
    say(&it, DAEMON, "GET", "/lora/status", NULL, 200,
        "{'applied':'other.safetensors + good.safetensors','strength':0.0,'applied_loras':["
        "{'name':" OTHER ",'strength':1.0,'format':'mflux-native'},"
        "{'name':" GOOD ",'strength':0.6,'format':'mflux-native'}],'available':'<list>'}");
    run("/lora/remove", NULL,
        "{'state':'done','result':{'ok':true,'changed':true,'...':0},'...':0}");
    run("/lora/remove", NULL,
        "{'state':'done','result':{'ok':true,'changed':false,'...':0},'...':0}");
}

static void lora_names_that_do_not_resolve_end_in_an_error_without_result(void **state) {
    static const char *const bodies[] = {
        "{'name':'missing.safetensors'}",
        "{'name':'../library.db'}",
        "{'name':'../secret.safetensors'}",
        "{'name':'/etc/passwd'}",
        "{'name':'notes.txt'}",
        "{'name':'folder.safetensors'}",
        "{'name':'outside.safetensors'}",
        "{'name':'   '}",
        "{'loras':[{'name':" GOOD "},{'name':''}]}",
        "{'loras':[{}]}",
        "{'loras':[{'name':7}]}",
        "{'loras':[{'name':" GOOD ",'strength':'x'}]}",
    };
    (void)state;
    stack_file(&it, "secret.safetensors", "secret");
    stack_file(&it, "loras/notes.txt", "notes");
    folder_sub(&it.folder, "loras/folder.safetensors");
    folder_link(&it.folder, "loras/outside.safetensors",
                folder_at(&it.folder, "secret.safetensors"));
    apply_good();
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        run("/lora/apply", bodies[i],
            "{'state':'done','msg':'<text>','phase':'error','progress':0,'error':'<text>',"
            "'result':null}");
    }
    say(&it, DAEMON, "GET", "/lora/status", NULL, 200,
        "{'applied_loras':" STACK_OF_GOOD ",'...':0}");
    unlink(folder_at(&it.folder, "loras/outside.safetensors"));
    rmdir(folder_at(&it.folder, "loras/folder.safetensors"));
    remove_all();
}

static void lora_names_in_sub_folders_are_found(void **state) {
    (void)state;
    folder_sub(&it.folder, "loras/deep");
    folder_link(&it.folder, "loras/deep/linked.safetensors",
                folder_at(&it.folder, "loras/good.safetensors"));
    run("/lora/apply", "{'name':'deep/linked.safetensors'}",
        "{'state':'done','error':null,'result':{'ok':true,'...':0},'...':0}");
    remove_all();
}

static void lora_files_that_do_not_fit_are_a_failed_result(void **state) {
    (void)state;
    stack_load(&it);
    run("/lora/apply", "{'name':'bad.safetensors'}",
        "{'state':'done','msg':'<text>','phase':'error','progress':0,'error':'<text>',"
        "'result':{'ok':false,'msg':'<text>','...':0}}");
}

static void lora_of_an_unloaded_model_is_only_recorded(void **state) {
    (void)state;
    say(&it, DAEMON, "POST", "/model/unload", NULL, 200, "{'ok':true,'msg':'<text>'}");
    run("/lora/apply", "{'name':" GOOD ",'strength':0.5}",
        "{'state':'done','msg':'<text>','phase':'done','progress':100,'error':null,"
        "'result':{'ok':true,'msg':'<text>','applied_loras':" STACK_OF_GOOD ",'changed':true}}");
    say(&it, DAEMON, "GET", "/model/status", NULL, 200,
        "{'state':'idle','msg':'','applied_loras':" STACK_OF_GOOD ",'...':0}");
    stack_load(&it);
    say(&it, DAEMON, "GET", "/model/status", NULL, 200,
        "{'state':'loaded','applied_loras':" STACK_OF_GOOD ",'...':0}");
    remove_all();
}

static void lora_operations_go_through_the_gateway(void **state) {
    char path[96];
    (void)state;
    stack_load(&it);
    const json_t *answer =
        say(&it, GATEWAY, "POST", "/api/lora/apply", "{'loras':[{'name':" GOOD ",'strength':0.5}]}",
            200, "{'ok':true,'task_id':'<task>','msg':'<text>'}");
    snprintf(path, sizeof path, "/api/lora/operation/%s", text_at(answer, "task_id"));
    await(&it, GATEWAY, path,
          "{'state':'done','msg':'<text>','phase':'done','progress':100,'error':null,'result':'<"
          "obj>'}");
    /* the daemon's validation comes back as it is */
    say(&it, GATEWAY, "POST", "/api/lora/apply", "{'loras':1}", 422,
        "{'detail':[{'type':'list_type','loc':['body','loras'],'...':0}]}");
    answer = say(&it, GATEWAY, "POST", "/api/lora/remove", NULL, 200,
                 "{'ok':true,'task_id':'<task>','msg':'<text>'}");
    snprintf(path, sizeof path, "/api/lora/operation/%s", text_at(answer, "task_id"));
    await(&it, GATEWAY, path, "{'state':'done','error':null,'...':0}");
}

static void lora_downloads_end_at_once_with_an_error(void **state) {
    char path[96];
    (void)state;
    const json_t *answer = say(&it, GATEWAY, "POST", "/api/lora/download", "{'preset_id':'x'}", 200,
                               "{'ok':true,'task_id':'<task>'}");
    snprintf(path, sizeof path, "/api/lora/download/%s", text_at(answer, "task_id"));
    await(&it, GATEWAY, path, "{'state':'done','msg':'<text>','files':[],'error':'<text>'}");
    say(&it, DAEMON, "GET", path + 4, NULL, 200,
        "{'state':'done','msg':'<text>','files':[],'error':'<text>'}");
}

/* --- in pictures ------------------------------------------------------------------------------ */

static void lora_of_a_picture_is_stored_with_it(void **state) {
    static const struct {
        const char *body, *ref;
    } cases[] = {
        {"{'name':" GOOD ",'strength':0.5}",
         "'lora_name':" GOOD ",'lora_strength':0.5,'applied_loras':" STACK_OF_GOOD},
        {"{'loras':[{'name':" GOOD ",'strength':0.5},{'name':" OTHER ",'strength':1}]}",
         "'lora_name':'good.safetensors + other.safetensors','lora_strength':0.0,'applied_loras':"
         "[{'name':" GOOD ",'strength':0.5,'format':'mflux-native'},"
         "{'name':" OTHER ",'strength':1.0,'format':'mflux-native'}]"},
    };
    char path[96], expected[700];
    (void)state;
    stack_load(&it);
    for (size_t i = 0; i < 2; i++) {
        run("/lora/apply", cases[i].body, "{'state':'done','error':null,'...':0}");
        snprintf(path, sizeof path, "/api/status/%s", stack_draw(&it, "with LoRA"));
        await(&it, GATEWAY, path, "{'state':'done','...':0}");
        snprintf(expected, sizeof expected,
                 "{'state':'done','image':{'id':'<int>','url':'<text>','hld':'with LoRA',"
                 "'time':'<clock>','prompt_id':null,'parent_image_id':null,'seed':7,"
                 "'preset':'V4_TURBO_12','width':256,'height':256,%s},'...':0}",
                 cases[i].ref);
        const json_t *answer = say(&it, GATEWAY, "GET", path, NULL, 200, expected);
        const int64_t id = number_at(json_object_get(answer, "image"), "id");
        snprintf(expected, sizeof expected,
                 "SELECT lora_name, lora_strength, json_array_length(lora_stack_json) FROM images "
                 "WHERE id = %lld",
                 (long long)id);
        assert_string_equal(stack_rows(&it, expected),
                            i == 0 ? "good.safetensors|0.5|1"
                                   : "good.safetensors + other.safetensors|0.0|2");
    }
    remove_all();
}

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_lora");
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lora_files_are_listed_in_byte_order),
        cmocka_unit_test(lora_presets_have_labels),
        cmocka_unit_test(lora_operation_passes_its_phases_in_order),
        cmocka_unit_test(lora_operation_waits_for_the_pipeline),
        cmocka_unit_test(lora_stack_that_is_active_already_changes_nothing),
        cmocka_unit_test(lora_names_that_do_not_resolve_end_in_an_error_without_result),
        cmocka_unit_test(lora_names_in_sub_folders_are_found),
        cmocka_unit_test(lora_files_that_do_not_fit_are_a_failed_result),
        cmocka_unit_test(lora_of_an_unloaded_model_is_only_recorded),
        cmocka_unit_test(lora_operations_go_through_the_gateway),
        cmocka_unit_test(lora_downloads_end_at_once_with_an_error),
        cmocka_unit_test(lora_of_a_picture_is_stored_with_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
