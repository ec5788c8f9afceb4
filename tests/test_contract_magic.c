/* The real gateway with a scripted language model: Magic Prompt from status to caption, and the
 * verifier's rules (docs/http-api.md 3.3, 8 and 9). */
#include "fake_provider.h"
#include "stack.h"

static stack it;
static fake_provider provider;

static int set_up(void **state) {
    (void)state;
    stack_begin(&it, "contract_magic");
    fake_provider_open(&provider);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    fake_provider_close(&provider);
    return 0;
}

static void use_provider(void) {
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", provider.service.port);
    stack_set(&it, "MAGIC_PROMPT_BASE_URL", url);
}

/* --- status ------------------------------------------------------------------------------------
 */

static void magic_status_of_a_gateway_without_it(void **state) {
    (void)state;
    stack_start_gateway(&it);
    say(&it, GATEWAY, "GET", "/api/magic-prompt/status", NULL, 200,
        "{'enabled':false,'configured':false,'provider':'openai_compatible','model':'local-model',"
        "'base_url':'http://127.0.0.1:18082/"
        "v1','auth_configured':false,'managed_local_llama':false,"
        "'missing_env':[],'llm_reachable':false,'llm_error':null}");
    say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'a cat'}", 400, "{'error':'<text>'}");
    say(&it, GATEWAY, "POST", "/api/magic-prompt", "{}", 422, NULL); /* validation comes first */
}

static void magic_status_follows_the_variables(void **state) {
    static const struct {
        const char *set[3][2], *answer;
    } cases[] = {
        {{{"MODEL", "m"}},
         "{'enabled':true,'configured':true,'provider':'openai_compatible','model':'m',"
         "'base_url':'<text>','auth_configured':false,'managed_local_llama':false,'missing_env':[],"
         "'llm_reachable':true,'llm_error':null}"},
        {{{"LOCAL_LLAMA", "0"}}, /* even so it counts */
         "{'enabled':true,'configured':true,'provider':'openai_compatible',"
         "'managed_local_llama':false,'...':0}"},
        {{{"LOCAL_LLAMA", "1"}},
         "{'enabled':true,'configured':false,'provider':'llama_cpp','managed_local_llama':true,"
         "'missing_env':['IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_MODEL'],'llm_reachable':false,"
         "'llm_error':null,'...':0}"},
        {{{"MANAGED_LLAMA", "yes"}, {"LOCAL_LLAMA_MODEL", "m.gguf"}},
         "{'enabled':true,'configured':true,'provider':'llama_cpp','managed_local_llama':true,"
         "'missing_env':[],'llm_reachable':true,'...':0}"},
        {{{"PROVIDER", " OpenAI "}},
         "{'enabled':true,'configured':false,'provider':'openai','auth_configured':false,"
         "'missing_env':['IDEOGRAM4_MAGIC_PROMPT_API_KEY'],'llm_reachable':false,'llm_error':null,"
         "'...':0}"},
        {{{"PROVIDER", "openai"}, {"API_KEY", "sk-secret"}},
         "{'enabled':true,'configured':true,'provider':'openai','auth_configured':true,"
         "'missing_env':[],'llm_reachable':true,'...':0}"},
        {{{"PROVIDER", "llama-cpp"}},
         "{'enabled':true,'configured':true,'managed_local_llama':false,'missing_env':[],'...':0}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[64];
        use_provider();
        for (size_t k = 0; k < 3 && cases[i].set[k][0]; k++) {
            snprintf(name, sizeof name, "MAGIC_PROMPT_%s", cases[i].set[k][0]);
            stack_set(&it, name, cases[i].set[k][1]);
        }
        stack_start_gateway(&it);
        say(&it, GATEWAY, "GET", "/api/magic-prompt/status", NULL, 200, cases[i].answer);
        assert_int_equal(stack_stop_gateway(&it), 0);
        for (size_t k = 0; k < 3 && cases[i].set[k][0]; k++) {
            snprintf(name, sizeof name, "MAGIC_PROMPT_%s", cases[i].set[k][0]);
            stack_set(&it, name, NULL);
        }
    }
}

static void magic_status_tells_why_the_model_is_out_of_reach(void **state) {
    (void)state;
    stack_set(&it, "MAGIC_PROMPT_BASE_URL", "http://127.0.0.1:1/v1");
    stack_start_gateway(&it);
    say(&it, GATEWAY, "GET", "/api/magic-prompt/status", NULL, 200,
        "{'enabled':true,'configured':false,'llm_reachable':false,'llm_error':'<text>','...':0}");
    say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'a cat'}", 502, "{'error':'<text>'}");
}

/* --- the question --------------------------------------------------------------------------------
 */

#define ANSWER                                                                \
    "{\"high_level_description\":\"a cat\",\"compositional_deconstruction\":" \
    "{\"background\":\"sand\",\"elements\":[]}}"

/* Asks, and gives what the provider was sent: owned. */
static json_t *question(const char *body) {
    fake_provider_say(&provider, FAKE_CHAT, 200, ANSWER);
    say(&it, GATEWAY, "POST", "/api/magic-prompt", body, 200,
        "{'caption':{'high_level_description':'a cat','compositional_deconstruction':"
        "{'background':'sand','elements':[]}},'model':'<text>'}");
    pthread_mutex_lock(&provider.mutex);
    json_t *sent = json_loads(provider.last_body, 0, NULL);
    assert_string_equal(provider.last_target, "/v1/chat/completions");
    pthread_mutex_unlock(&provider.mutex);
    assert_non_null(sent);
    return sent;
}

static void assert_fits(const json_t *got, const char *expected) {
    char why[1400];
    if (!answer_fits(got, expected, why, sizeof why)) {
        fail_msg("%s", why);
    }
}

static void magic_question_has_the_fields_of_the_contract(void **state) {
    (void)state;
    use_provider();
    stack_set(&it, "MAGIC_PROMPT_PROVIDER", "openai");
    stack_set(&it, "MAGIC_PROMPT_API_KEY", "sk-very-secret");
    stack_set(&it, "MAGIC_PROMPT_MODEL", "big");
    stack_set(&it, "MAGIC_PROMPT_TOKEN_PARAM", "max_completion_tokens");
    stack_set(&it, "MAGIC_PROMPT_RESPONSE_FORMAT", "json_object");
    stack_set(&it, "MAGIC_PROMPT_TEMPERATURE", "0.25");
    stack_start_gateway(&it);
    json_t *sent = question("{'prompt':'  a cat\\non sand ','width':1920,'height':1088}");
    assert_fits(sent, "{'model':'big','messages':[{'role':'system','content':'<text>'},"
                      "{'role':'user','content':'<has:a cat\\non sand>'}],'temperature':0.25,"
                      "'max_completion_tokens':16384,'response_format':{'type':'json_object'}}");
    const char *text = text_at(json_array_get(json_object_get(sent, "messages"), 1), "content");
    char first[200];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(text, "\n"), text);
    assert_non_null(strstr(first, "30:17")); /* by the greatest common divisor */
    assert_memory_equal(text + strlen(first), "\n\n", 2);
    json_decref(sent);
    pthread_mutex_lock(&provider.mutex);
    assert_non_null(strstr(provider.last_head, "Authorization: Bearer sk-very-secret"));
    pthread_mutex_unlock(&provider.mutex);
}

static void magic_question_to_llama_has_its_own_options(void **state) {
    (void)state;
    use_provider();
    stack_set(&it, "MAGIC_PROMPT_PROVIDER", "llama_cpp");
    stack_start_gateway(&it);
    json_t *sent = question("{'prompt':'a cat'}");
    assert_fits(sent, "{'model':'local-model','messages':'<list>','temperature':1.0,"
                      "'max_tokens':4505,'chat_template_kwargs':{'enable_thinking':false},"
                      "'reasoning_format':'none','...':0}");
    assert_null(json_object_get(sent, "response_format"));
    assert_int_equal(json_object_size(sent), 6);
    json_decref(sent);
    pthread_mutex_lock(&provider.mutex);
    assert_null(strstr(provider.last_head, "Authorization"));
    pthread_mutex_unlock(&provider.mutex);
}

static void magic_pictures_are_sent_behind_the_text(void **state) {
    (void)state;
    use_provider();
    stack_start_gateway(&it);
    /* PNG, a data URL with a JPEG, something unknown, none at all */
    json_t *sent = question("{'prompt':'','images_b64':['iVBORw0KGgo=',"
                            "'data:image/whatever;base64,/9j/4AAQ','AAAA','']}");
    assert_fits(json_object_get(json_array_get(json_object_get(sent, "messages"), 1), "content"),
                "[{'type':'text','text':'<text>'},"
                "{'type':'image_url','image_url':{'url':'data:image/png;base64,iVBORw0KGgo='}},"
                "{'type':'image_url','image_url':{'url':'data:image/jpeg;base64,/9j/4AAQ'}},"
                "{'type':'image_url','image_url':{'url':'data:image/jpeg;base64,AAAA'}},"
                "{'type':'image_url','image_url':{'url':'data:image/jpeg;base64,'}}]");
    json_decref(sent);
}

static void magic_system_prompt_demands_what_the_contract_demands(void **state) {
    static const char *const profiles[] = {"compact_json", "ideogram_official", "gemma4"};
    static const char *const words[] = {
        "aspect_ratio",
        "high_level_description",
        "style_description",
        "compositional_deconstruction",
        "photograph",
        "illustration",
        "3d_render",
        "painting",
        "graphic_design",
        "aesthetics",
        "lighting",
        "photo",
        "art_style",
        "color_palette",
        "medium",
        "background",
        "elements",
        "bbox",
        "adult",
        "JSON",
    };
    (void)state;
    use_provider();
    for (size_t i = 0; i < 3; i++) {
        stack_set(&it, "MAGIC_PROMPT_PROMPT_PROFILE", profiles[i]);
        stack_start_gateway(&it);
        json_t *sent = question("{'prompt':'a cat'}");
        const char *text = text_at(json_array_get(json_object_get(sent, "messages"), 0), "content");
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            if (!strstr(text, words[k])) {
                fail_msg("%s lacks %s", profiles[i], words[k]);
            }
        }
        json_decref(sent);
        assert_int_equal(stack_stop_gateway(&it), 0);
    }
}

static void magic_secrets_are_in_no_log_and_no_answer(void **state) {
    static const char key[] = "sk-very-secret-key";
    (void)state;
    use_provider();
    stack_set(&it, "MAGIC_PROMPT_API_KEY", key);
    stack_set(&it, "SERVER_LOG_LEVEL", "trace");
    stack_start_gateway(&it);
    fake_provider_say(&provider, FAKE_BODY, 401, "{\"error\":\"bad key sk-very-secret-key\"}");
    const json_t *answer =
        say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'a cat'}", 502, NULL);
    assert_null(strstr(text_at(answer, "error"), key));
    say(&it, GATEWAY, "GET", "/api/magic-prompt/status", NULL, 200,
        "{'auth_configured':true,'...':0}");
    assert_int_equal(stack_stop_gateway(&it), 0);
    static const char *const folders[] = {".", "logs"};
    for (size_t i = 0; i < 2; i++) {
        char **names = NULL, path[700], *text = NULL;
        size_t count = 0, size = 0;
        snprintf(path, sizeof path, "%s", folder_at(&it.folder, folders[i]));
        assert_true(i4_dir_list(path, 1000, &names, &count, NULL));
        for (size_t k = 0; k < count; k++) {
            char file[1000];
            snprintf(file, sizeof file, "%s/%s", path, names[k]);
            if (i4_file_read(file, 64 << 20, &text, &size, NULL)) {
                assert_null(strstr(text, key));
                i4_free(text);
            }
        }
        i4_dir_list_free(names, count);
    }
}

/* --- the answer
 * ------------------------------------------------------------------------------------ */

#define DECONSTRUCTION "\"compositional_deconstruction\":{\"background\":\"b\",\"elements\":[]}"

static void magic_answers_become_captions(void **state) {
    static const struct {
        const char *said, *caption; /* NULL: 502 */
    } cases[] = {
        {"{" DECONSTRUCTION "}",
         "{'compositional_deconstruction':{'background':'b','elements':[]}}"},
        {"```json\n{" DECONSTRUCTION "}\n```",
         "{'compositional_deconstruction':{'background':'b','elements':[]}}"},
        {"Here it is: {" DECONSTRUCTION "} I hope {you} like it.",
         "{'compositional_deconstruction':{'background':'b','elements':[]}}"},
        {"{\"aspect_ratio\":\"1:1\",\"high_level_description\":\"a } b\"," DECONSTRUCTION "}",
         "{'high_level_description':'a } b','compositional_deconstruction':"
         "{'background':'b','elements':[]}}"},
        /* order, slips of style keys, palette, medium */
        {"{\"style_description\":{\"palette\":\"#aabbcc, #001122,\",\"medium\":\" Graphic Design "
         "\","
         "\"Art Style\":\"flat\",\"lighting\":\"l\",\"aesthetics\":\"a\"},"
         "\"compositional_deconstruction\":{\"elements\":[{\"desc\":\"d\",\"color_palette\":"
         "[\"#AABBCC\"],\"bbox\":[1,2,3,4],\"text\":\"T\",\"type\":\"text\"}],"
         "\"background\":\"b\"}}",
         "{'style_description':{'aesthetics':'a','lighting':'l','medium':'graphic_design',"
         "'art_style':'flat','color_palette':['#AABBCC','#001122']},"
         "'compositional_deconstruction':{'background':'b','elements':[{'type':'text','text':'T',"
         "'desc':'d','color_palette':['#AABBCC']}]}}"},
        {"{\"style_description\":{\"Camera\":\"50mm\",\"medium\":\"photograph\",\"lighting\":\"l\","
         "\"aesthetics\":\"a\",\"color_palette\":[\"#aabbcc\"]}," DECONSTRUCTION "}",
         "{'style_description':{'aesthetics':'a','lighting':'l','photo':'50mm','medium':"
         "'photograph','color_palette':['#AABBCC']},'compositional_deconstruction':'<obj>'}"},
        {"no object", NULL},
        {"{" DECONSTRUCTION, NULL},
        {"{'single':1}", NULL},
        {"{\"compositional_deconstruction\":[]}", NULL},
        {"{\"unknown\":1," DECONSTRUCTION "}", NULL},
        {"{\"style_description\":{\"aesthetics\":\"a\",\"lighting\":\"l\",\"photo\":\"p\","
         "\"medium\":\"m\",\"art_style\":\"s\"}," DECONSTRUCTION "}",
         NULL},
        {"{\"style_description\":{\"photo\":\"p\"}," DECONSTRUCTION "}", NULL},
        {"{\"high_level_description\":\"x\"}", NULL},
    };
    char expected[900];
    (void)state;
    use_provider();
    stack_start_gateway(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_provider_say(&provider, FAKE_CHAT, 200, cases[i].said);
        snprintf(expected, sizeof expected, "{'caption':%s,'model':'local-model'}",
                 cases[i].caption ? cases[i].caption : "0");
        say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'x'}",
            cases[i].caption ? 200 : 502, cases[i].caption ? expected : "{'error':'<text>'}");
    }
    fake_provider_say(&provider, FAKE_BODY, 200,
                      "{\"choices\":[{\"message\":{\"content\":\"\",\"reasoning_content\":"
                      "\"{\\\"compositional_deconstruction\\\":{\\\"background\\\":\\\"b\\\","
                      "\\\"elements\\\":[]}}\"}}]}");
    say(&it, GATEWAY, "POST", "/api/magic-prompt", "{'prompt':'x'}", 200,
        "{'caption':'<obj>','...':0}");
}

static void magic_request_holds_up_nobody_else(void **state) {
    (void)state;
    use_provider();
    stack_set(&it, "MAGIC_PROMPT_TIMEOUT", "3");
    stack_start_gateway(&it);
    fake_provider_say(&provider, FAKE_SILENT, 200, "");
    static const char request[] = "POST /api/magic-prompt HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                  "Content-Type: application/json\r\nContent-Length: 14\r\n"
                                  "Connection: close\r\n\r\n{\"prompt\":\"x\"}";
    char text[300];
    int fds[6];
    snprintf(text, sizeof text, request, it.gateway.port);
    for (int i = 0; i < 6; i++) {
        fds[i] = raw_connect(it.gateway.port);
        assert_true(raw_say(fds[i], text));
    }
    for (int i = 0; i < 20; i++) { /* answered while those wait */
        say(&it, GATEWAY, "GET", "/api/form", NULL, 200, NULL);
    }
    for (int i = 0; i < 6; i++) {
        raw_answer a = raw_read(fds[i]);
        assert_int_equal(a.status, 504);
        raw_free(&a);
        close(fds[i]);
    }
}

/* --- the verifier --------------------------------------------------------------------------------
 */

#define CD(elements) "'compositional_deconstruction':{'background':'b','elements':[" elements "]}"
#define STYLE(members) "{'style_description':{" members "}," CD("") "}"
#define PHOTO "'aesthetics':'a','lighting':'l','photo':'p','medium':'m'"
#define ART "'aesthetics':'a','lighting':'l','medium':'m','art_style':'s'"
#define P16                                                                            \
    "'#000000','#000000','#000000','#000000','#000000','#000000','#000000','#000000'," \
    "'#000000','#000000','#000000','#000000','#000000','#000000','#000000','#000000'"

static void verify_rules_have_one_message_each(void **state) {
    static const struct {
        const char *caption;
        int messages;
    } cases[] = {
        {"{" CD("") "}", 0},
        {"{'high_level_description':''," CD("") "}", 0},
        {STYLE(PHOTO), 0},
        {STYLE(ART), 0},
        {STYLE(PHOTO ",'color_palette':[" P16 "]"), 0},
        {STYLE(ART ",'color_palette':[]"), 0},
        {"{" CD("{'type':'obj','desc':'d'}") "}", 0},
        {"{" CD("{'type':'obj','bbox':[0,0,1000,1000],'desc':'d','color_palette':['#ABCDEF']}") "}",
         0},
        {"{" CD("{'type':'text','bbox':[5,5,5,5],'text':'t','desc':'d','color_palette':[]}") "}",
         0},
        /* root */
        {"{}", 1},
        {"{'aspect_ratio':'1:1'," CD("") "}", 1},
        {"{'aspect_ratio':'1:1','more':1," CD("") "}", 1}, /* together */
        {"{'aspect_ratio':'1:1'}", 2},
        {"{'high_level_description':7," CD("") "}", 1},
        /* style */
        {"{'style_description':[]," CD("") "}", 1},
        {STYLE(""), 1}, /* neither photo nor art_style: stop */
        {STYLE("'photo':'p','art_style':'s'"), 1},
        {STYLE("'photo':'p','art_style':'s','more':1"), 2},
        {STYLE("'aesthetics':'a','lighting':'l','medium':'m','photo':'p'"), 1}, /* the web form's */
        {STYLE("'aesthetics':'a','lighting':7,'photo':'p','medium':'m'"), 1},
        {STYLE("'aesthetics':'a','photo':'p','medium':'m'"), 2}, /* order and existence */
        {STYLE("'color_palette':[],'aesthetics':'a','lighting':'l','photo':'p','medium':'m'"), 1},
        {STYLE(PHOTO ",'color_palette':'#000000'"), 1},
        {STYLE(PHOTO ",'color_palette':[" P16 ",'#000000']"), 1},
        {STYLE(PHOTO ",'color_palette':['#abcdef']"), 1},
        {STYLE(PHOTO ",'color_palette':['#ABCDE','red',7]"), 3},
        /* deconstruction */
        {"{'compositional_deconstruction':[]}", 1},
        {"{'compositional_deconstruction':{'elements':[],'background':'b'}}", 1},
        {"{'compositional_deconstruction':{'background':7,'elements':[]}}", 1},
        {"{'compositional_deconstruction':{'background':'b','elements':{}}}", 1},
        {"{'compositional_deconstruction':{'background':'b','elements':[],'more':1}}", 1},
        /* elements */
        {"{" CD("7") "}", 1},
        {"{" CD("{'type':'sky','desc':'d'}") "}", 1},
        {"{" CD("{'type':'obj','desc':7}") "}", 1},
        {"{" CD("{'desc':'d','type':'obj'}") "}", 1},
        {"{" CD("{'type':'text','text':7,'desc':'d'}") "}", 1},
        {"{" CD("{'type':'obj','desc':'d','color_palette':['#000000','#000000','#000000',"
                "'#000000','#000000','#000000']}") "}",
         1},
        {"{" CD("7,8,9") "}", 3},
        /* boxes */
        {"{" CD("{'type':'obj','bbox':{},'desc':'d'}") "}", 1},
        {"{" CD("{'type':'obj','bbox':[1,2,3],'desc':'d'}") "}", 1},
        {"{" CD("{'type':'obj','bbox':[1,2,3,4.0],'desc':'d'}") "}", 1},
        {"{" CD("{'type':'obj','bbox':[1,2,3,true],'desc':'d'}") "}", 1},
        {"{" CD("{'type':'obj','bbox':[9,0,3,4],'desc':'d'}") "}", 1},
        {"{" CD("{'type':'obj','bbox':[9,9,3,4],'desc':'d'}") "}", 2},
        {"{" CD("{'type':'obj','desc':'d','bbox':[0,0,1,1]}") "}", 1}, /* order */
    };
    (void)state;
    stack_start_gateway(&it);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[1000];
        snprintf(body, sizeof body, "{'caption':%s}", cases[i].caption);
        const json_t *answer = say(&it, GATEWAY, "POST", "/api/verify", body, 200,
                                   cases[i].messages == 0 ? "{'valid':true,'warnings':[]}"
                                                          : "{'valid':false,'warnings':'<list>'}");
        const json_t *warnings = json_object_get(answer, "warnings");
        if ((int)json_array_size(warnings) != cases[i].messages) {
            fail_msg("%s: %s", cases[i].caption, json_dumps(warnings, JSON_COMPACT));
        }
        for (size_t k = 0; k < json_array_size(warnings); k++) {
            assert_true(json_is_string(json_array_get(warnings, k)));
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(magic_status_of_a_gateway_without_it),
        TEST(magic_status_follows_the_variables),
        TEST(magic_status_tells_why_the_model_is_out_of_reach),
        TEST(magic_question_has_the_fields_of_the_contract),
        TEST(magic_question_to_llama_has_its_own_options),
        TEST(magic_pictures_are_sent_behind_the_text),
        TEST(magic_system_prompt_demands_what_the_contract_demands),
        TEST(magic_secrets_are_in_no_log_and_no_answer),
        TEST(magic_answers_become_captions),
        TEST(magic_request_holds_up_nobody_else),
        TEST(verify_rules_have_one_message_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
