/* Magic Prompt against a scripted provider, its parts, and the verifier's route. */
#include "fake_provider.h"
#include "gateway_rig.h"

#include "gateway/magic/magic.h"

static const char good[] =
    "{\"high_level_description\":\"h\",\"style_description\":{\"aesthetics\":\"a\",\"lighting\":"
    "\"l\",\"photo\":\"p\",\"medium\":\"photograph\"},\"compositional_deconstruction\":{"
    "\"background\":\"b\",\"elements\":[{\"type\":\"obj\",\"desc\":\"d\"}]}}";
static const char secret[] = "sk-very-secret-0123456789";

typedef struct stage {
    rig rig;
    fake_provider provider;
} stage;

static void stage_open(stage *s, const char *test) {
    i4_settings *settings = &s->rig.settings;
    fake_provider_open(&s->provider);
    rig_settings(&s->rig, test);
    settings->magic.enabled = true;
    snprintf(settings->magic.provider, sizeof settings->magic.provider, "llama_cpp");
    snprintf(settings->magic.model, sizeof settings->magic.model, "my-model");
    snprintf(settings->magic.base_url, sizeof settings->magic.base_url, "http://127.0.0.1:%d/v1",
             s->provider.service.port);
    snprintf(settings->magic.response_format, sizeof settings->magic.response_format, "off");
    snprintf(settings->magic.token_param, sizeof settings->magic.token_param, "max_tokens");
    snprintf(settings->magic.prompts_dir, sizeof settings->magic.prompts_dir, "%s",
             ID4_SOURCE_DIR "/prompts");
    settings->magic.timeout = 20;
    settings->magic.temperature = 1;
    settings->magic.max_tokens = 16384;
    settings->magic.max_chars = 12000;
    settings->magic.max_images = 4;
    settings->magic.max_image_bytes = 64;
    settings->magic.llama_ctx = 8192;
}

static void stage_start(stage *s, const char *test) {
    stage_open(s, test);
    rig_start(&s->rig);
}

static void stage_end(stage *s) {
    rig_end(&s->rig);
    fake_provider_close(&s->provider);
}

static int ask(stage *s, const char *body, json_t **answer) {
    return rig_ask(&s->rig, "POST", "/api/magic-prompt", body, answer);
}

static const char idea[] = "{\"prompt\":\"a red cup\",\"width\":1536,\"height\":1024}";

static int questions(stage *s) {
    pthread_mutex_lock(&s->provider.mutex);
    const int count = s->provider.questions;
    pthread_mutex_unlock(&s->provider.mutex);
    return count;
}

/* The question that the provider got last (new reference). */
static json_t *question(stage *s) {
    json_t *body = json_loads(s->provider.last_body, 0, NULL);
    assert_non_null(body);
    return body;
}

static const json_t *message(const json_t *body, size_t index) {
    return json_array_get(json_object_get(body, "messages"), index);
}

/* --- the question ----------------------------------------------------------------------------- */

static void magic_llama_is_asked_with_its_own_options(void **state) {
    (void)state;
    stage s;
    json_t *answer;
    stage_start(&s, "llama");
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    assert_int_equal(ask(&s, idea, &answer), 200);
    assert_string_equal(text_at(answer, "model"), "my-model");
    json_decref(answer);
    assert_string_equal(s.provider.last_target, "/v1/chat/completions");
    assert_null(strstr(s.provider.last_head, "Authorization"));
    json_t *body = question(&s);
    static const char *const keys[] = {
        "model",           "messages", "temperature", "max_tokens", "chat_template_kwargs",
        "reasoning_format"};
    assert_int_equal(json_object_size(body), sizeof keys / sizeof *keys);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_non_null(json_object_get(body, keys[i]));
    }
    assert_string_equal(text_at(body, "model"), "my-model");
    assert_int_equal(json_integer_value(json_object_get(body, "max_tokens")), 4505);
    assert_true(json_is_false(
        json_object_get(json_object_get(body, "chat_template_kwargs"), "enable_thinking")));
    assert_string_equal(text_at(body, "reasoning_format"), "none");
    assert_string_equal(text_at(message(body, 0), "role"), "system");
    assert_string_equal(text_at(message(body, 1), "role"), "user");
    const char *user = text_at(message(body, 1), "content");
    const char *line_end = strstr(user, "\n\n");
    assert_non_null(line_end);
    const char *ratio = strstr(user, "3:2");
    assert_true(ratio && ratio < line_end);
    assert_non_null(strstr(line_end, "a red cup"));
    assert_string_not_equal(line_end + 2, "a red cup"); /* a heading stands before it */
    json_decref(body);
    stage_end(&s);
}

static void magic_other_providers_get_the_key_and_the_chosen_names(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "other");
    snprintf(s.rig.settings.magic.provider, 64, "somebody");
    snprintf(s.rig.settings.magic.api_key, 512, "%s", secret);
    snprintf(s.rig.settings.magic.token_param, 64, "max_completion_tokens");
    snprintf(s.rig.settings.magic.response_format, 32, "json_object");
    snprintf(s.rig.settings.magic.base_url, 1024, "http://127.0.0.1:%d/v1///",
             s.provider.service.port);
    rig_start(&s.rig);
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    assert_int_equal(ask(&s, idea, NULL), 200);
    assert_string_equal(s.provider.last_target, "/v1/chat/completions"); /* I21 */
    char line[128];
    snprintf(line, sizeof line, "Authorization: Bearer %s", secret);
    assert_non_null(strstr(s.provider.last_head, line));
    json_t *body = question(&s);
    assert_int_equal(json_object_size(body), 5);
    assert_int_equal(json_integer_value(json_object_get(body, "max_completion_tokens")), 16384);
    assert_string_equal(text_at(json_object_get(body, "response_format"), "type"), "json_object");
    /* the official profile: the text stands alone after the first line */
    assert_non_null(strstr(text_at(message(body, 1), "content"), "\n\na red cup"));
    json_decref(body);
    stage_end(&s);
}

static void magic_token_limit_follows_the_context_of_llama(void **state) {
    (void)state;
    static const struct {
        int64_t context, most, expected;
    } rows[] = {{8192, 16384, 4505},
                {0, 16384, 16384},
                {100, 16384, 512},
                {8192, 300, 300},
                {100000, 16384, 16384}};
    stage s;
    stage_start(&s, "tokens");
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        s.rig.settings.magic.llama_ctx = rows[i].context;
        s.rig.settings.magic.max_tokens = rows[i].most;
        assert_int_equal(ask(&s, idea, NULL), 200);
        json_t *body = question(&s);
        assert_int_equal(json_integer_value(json_object_get(body, "max_tokens")), rows[i].expected);
        json_decref(body);
    }
    stage_end(&s);
}

static void magic_profile_chooses_the_system_prompt(void **state) {
    (void)state;
    /* which of the three files: a phrase of each */
    static const char *const phrases[] = {"exactly one JSON object", "primary visual guidance",
                                          "Output contract"};
    static const struct {
        const char *provider, *profile;
        bool has_picture, expected[3];
    } rows[] = {{"llama_cpp", "", false, {true, false, false}},
                {"llama-cpp", "", true, {true, false, false}},
                {"llamacpp", "gemma4", false, {true, false, false}},
                {"openai_compatible", "gemma4", true, {true, true, false}},
                {"openai_compatible", "", false, {true, false, true}},
                {"llama_cpp", "ideogram_official", false, {true, false, true}},
                {"openai_compatible", "compact_json", true, {true, false, false}},
                {"openai_compatible", "whatever", true, {true, false, true}}};
    stage s;
    stage_start(&s, "profile");
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(s.rig.settings.magic.provider, 64, "%s", rows[i].provider);
        snprintf(s.rig.settings.magic.profile, 64, "%s", rows[i].profile);
        assert_int_equal(ask(&s, rows[i].has_picture ? "{\"images_b64\":[\"AAAA\"]}" : idea, NULL),
                         200);
        json_t *body = question(&s);
        const char *system = text_at(message(body, 0), "content");
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(strstr(system, phrases[k]) != NULL, rows[i].expected[k]);
        }
        json_decref(body);
    }
    stage_end(&s);
}

static void magic_prompts_of_another_folder_are_used(void **state) {
    (void)state;
    stage s;
    json_t *answer;
    stage_start(&s, "prompts");
    folder_sub(&s.rig.folder, "prompts");
    snprintf(s.rig.settings.magic.prompts_dir, 4096, "%s", folder_at(&s.rig.folder, "prompts"));
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    assert_int_equal(ask(&s, idea, &answer), 500); /* none there */
    assert_non_null(strstr(text_at(answer, "error"), "compact_json.md"));
    json_decref(answer);
    folder_write(&s.rig.folder, "prompts/compact_json.md", "Do as I say.\n\n");
    assert_int_equal(ask(&s, idea, NULL), 200);
    json_t *body = question(&s);
    assert_string_equal(text_at(message(body, 0), "content"), "Do as I say.");
    json_decref(body);
    stage_end(&s);
}

static void magic_pictures_are_sent_with_their_type(void **state) {
    (void)state;
    /* PNG, JPEG, WebP, GIF, unknown, empty, a data URL */
    static const char body_text[] =
        "{\"prompt\":\"x\",\"images_b64\":[\"iVBORw0KGgoAAAAN\",\"/9j/4AAQ\","
        "\"UklGRgAAAABXRUJQ\",\"R0lGODlhAQAB\"]}";
    static const char *const urls[] = {
        "data:image/png;base64,iVBORw0KGgoAAAAN", "data:image/jpeg;base64,/9j/4AAQ",
        "data:image/webp;base64,UklGRgAAAABXRUJQ", "data:image/gif;base64,R0lGODlhAQAB"};
    static const char *const more[] = {"data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,",
                                       "data:image/png;base64,iVBORw0KGgoAAAAN"};
    stage s;
    stage_start(&s, "pictures");
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    assert_int_equal(ask(&s, body_text, NULL), 200);
    json_t *body = question(&s);
    const json_t *parts = json_object_get(message(body, 1), "content");
    assert_int_equal(json_array_size(parts), 5);
    assert_string_equal(text_at(json_array_get(parts, 0), "type"), "text");
    for (size_t i = 0; i < 4; i++) {
        const json_t *part = json_array_get(parts, i + 1);
        assert_string_equal(text_at(part, "type"), "image_url");
        assert_string_equal(text_at(json_object_get(part, "image_url"), "url"), urls[i]);
    }
    json_decref(body);
    assert_int_equal(
        ask(&s, "{\"images_b64\":[\"AAAA\",\"\",\"data:text/x,iVBORw0KGgoAAAAN\"]}", NULL), 200);
    body = question(&s);
    for (size_t i = 0; i < 3; i++) {
        const json_t *part = json_array_get(json_object_get(message(body, 1), "content"), i + 1);
        assert_string_equal(text_at(json_object_get(part, "image_url"), "url"), more[i]);
    }
    json_decref(body);
    stage_end(&s);
}

/* --- validation ------------------------------------------------------------------------------- */

static void magic_request_refuses_what_the_contract_refuses(void **state) {
    (void)state;
    static const struct {
        const char *body, *type;
        int loc_size;
    } rows[] = {
        {"{}", "value_error", 1},
        {"{\"prompt\":\" \\t\\n\"}", "value_error", 1},
        {"{\"prompt\":\"\",\"images_b64\":null}", "value_error", 1},
        {"{\"images_b64\":[]}", "value_error", 1},
        {"{\"prompt\":5}", "string_type", 2},
        {"{\"prompt\":\"123456\"}", "string_too_long", 2},
        {"{\"prompt\":\"x\",\"width\":1000}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":\"AAAA\"}", "list_type", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[1]}", "string_type", 3},
        {"{\"prompt\":\"x\",\"images_b64\":[\"AAAA\",\"\",\"\",\"\",\"\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"AAA\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"AAAA \"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"AA\\nAA\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"AA-_\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"A===\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"AA=A\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"====\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"data:nocomma\"]}", "value_error", 2},
        {"{\"prompt\":\"x\",\"images_b64\":[\"AAAAAAAA\"]}", "value_error", 2}, /* 6 bytes */
    };
    static const char *const fine[] = {"AAAA", "AAA=", "AA==", "AAAAAAA=", "", "data:x,AAAA"};
    stage s;
    stage_start(&s, "validation");
    s.rig.settings.magic.max_chars = 5;
    s.rig.settings.magic.max_image_bytes = 5;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *answer;
        const int status = ask(&s, rows[i].body, &answer);
        const json_t *entry = json_array_get(json_object_get(answer, "detail"), 0);
        if (status != 422 || strcmp(text_at(entry, "type"), rows[i].type) != 0 ||
            json_array_size(json_object_get(entry, "loc")) != (size_t)rows[i].loc_size) {
            fail_msg("%s: %d %s", rows[i].body, status, text_at(entry, "type"));
        }
        assert_int_equal(json_array_size(json_object_get(answer, "detail")), 1);
        json_decref(answer);
    }
    assert_int_equal(questions(&s), 0);
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"images_b64\":[\"%s\"]}", fine[i]);
        assert_int_equal(ask(&s, body, NULL), 200);
    }
    stage_end(&s);
}

static void magic_request_takes_four_large_pictures(void **state) {
    (void)state;
    enum { BYTES = 6 << 20, DIGITS = 8 << 20 };
    stage s;
    stage_start(&s, "large");
    s.rig.settings.magic.max_image_bytes = BYTES;
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    const size_t size = 4 * (DIGITS + 3) + 64;
    char *body = malloc(size);
    assert_non_null(body);
    size_t used = (size_t)snprintf(body, size, "{\"images_b64\":[");
    for (int i = 0; i < 4; i++) {
        body[used++] = '"';
        memset(body + used, 'A', DIGITS);
        used += DIGITS;
        body[used++] = '"';
        body[used++] = i < 3 ? ',' : ']';
    }
    snprintf(body + used, size - used, "}");
    assert_int_equal(ask(&s, body, NULL), 200);
    free(body);
    stage_end(&s);
}

static void magic_request_is_400_when_not_enabled_after_validation(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "disabled");
    s.rig.settings.magic.enabled = false;
    rig_start(&s.rig);
    assert_int_equal(ask(&s, idea, NULL), 400);
    assert_int_equal(ask(&s, "{}", NULL), 422);
    stage_end(&s);
}

/* --- what can go wrong ------------------------------------------------------------------------ */

static void improve_i19_provider_failures_have_their_own_statuses(void **state) {
    (void)state;
    static const struct {
        fake_manner manner;
        int status;
        const char *text;
        int expected;
    } rows[] = {
        {FAKE_BODY, 401, "{\"error\":{\"message\":\"Incorrect key sk-very\"}}", 502},
        {FAKE_BODY, 429, "{\"error\":{\"message\":\"slow down\"}}", 502},
        {FAKE_BODY, 500, "oops", 502},
        {FAKE_BODY, 404, "{\"error\":\"no such model\"}", 502},
        {FAKE_BODY, 200, "<html>", 502},
        {FAKE_BODY, 200, "", 502},
        {FAKE_BODY, 200, "[]", 502},
        {FAKE_BODY, 200, "{}", 502},
        {FAKE_BODY, 200, "{\"choices\":[]}", 502},
        {FAKE_BODY, 200, "{\"choices\":[{}]}", 502},
        {FAKE_BODY, 200, "{\"choices\":[{\"message\":{\"content\":null}}]}", 502},
        {FAKE_BODY, 200, "{\"choices\":[{\"message\":{\"content\":[1]}}]}", 502},
        {FAKE_CHAT, 200, "", 502},
        {FAKE_CHAT, 200, "I am sorry, I cannot help.", 502},
        {FAKE_CHAT, 200, "{\"a\":", 502},
        {FAKE_CHAT, 200, "{\"a\":'b'}", 502},
        {FAKE_CHAT, 200, "{\"a\":\"}\"", 502},
        {FAKE_CHAT, 200, "{}", 502}, /* verifies: compositional_deconstruction is required */
        {FAKE_CHAT, 200, "{\"compositional_deconstruction\":[]}", 502},
        {FAKE_CHAT, 200, "{\"compositional_deconstruction\":null}", 502},
        {FAKE_HUGE, 200, "", 502},
    };
    stage s;
    stage_open(&s, "failures");
    snprintf(s.rig.settings.magic.api_key, 512, "%s", secret);
    rig_start(&s.rig);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *answer;
        fake_provider_say(&s.provider, rows[i].manner, rows[i].status, rows[i].text);
        const int status = ask(&s, idea, &answer);
        if (status != rows[i].expected || text_at(answer, "error")[0] == '\0' ||
            json_object_size(answer) != 1) {
            fail_msg("%s: %d %s", rows[i].text, status, text_at(answer, "error"));
        }
        assert_null(strstr(text_at(answer, "error"), "sk-very"));
        json_decref(answer);
    }
    stage_end(&s);
}

static void improve_i19_silence_and_drip_are_timeouts(void **state) {
    (void)state;
    static const fake_manner manners[] = {FAKE_SILENT, FAKE_DRIP};
    stage s;
    stage_start(&s, "timeouts");
    s.rig.settings.magic.timeout = 1;
    for (size_t i = 0; i < 2; i++) {
        json_t *answer;
        fake_provider_say(&s.provider, manners[i], 200, good);
        assert_int_equal(ask(&s, idea, &answer), 504);
        assert_true(text_at(answer, "error")[0] != '\0');
        json_decref(answer);
    }
    stage_end(&s);
}

static void magic_unreachable_provider_is_502(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "refused");
    snprintf(s.rig.settings.magic.base_url, 1024, "http://127.0.0.1:1/v1");
    assert_int_equal(ask(&s, idea, NULL), 502);
    stage_end(&s);
}

static void magic_bad_settings_are_500_and_ask_nobody(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "settings");
    fake_provider_say(&s.provider, FAKE_CHAT, 200, good);
    snprintf(s.rig.settings.magic.token_param, 64, "tokens");
    assert_int_equal(ask(&s, idea, NULL), 500);
    snprintf(s.rig.settings.magic.token_param, 64, "%s", "");
    assert_int_equal(ask(&s, idea, NULL), 200); /* empty: max_tokens */
    snprintf(s.rig.settings.magic.response_format, 32, "yaml");
    assert_int_equal(ask(&s, idea, NULL), 500);
    snprintf(s.rig.settings.magic.response_format, 32, "%s", "");
    snprintf(s.rig.settings.magic.provider, 64, "openai");
    assert_int_equal(ask(&s, idea, NULL), 500); /* no key */
    assert_int_equal(questions(&s), 1);
    stage_end(&s);
}

static void magic_stop_does_not_wait_for_the_provider(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "stop");
    fake_provider_say(&s.provider, FAKE_SILENT, 200, "");
    s.rig.settings.magic.timeout = 300;
    /* A raw request, whose answer nobody awaits. */
    i4_err err = {0};
    i4_http_client *client = i4_http_client_new(&err);
    char url[128];
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    snprintf(url, sizeof url, "http://127.0.0.1:%d/api/magic-prompt",
             i4_gateway_port(&s.rig.gateway));
    const i4_call call = {.method = "POST",
                          .url = url,
                          .headers = headers,
                          .body = idea,
                          .body_size = strlen(idea),
                          .read_seconds = 0.3};
    i4_answer answer;
    assert_false(i4_http_call(client, &call, &answer, &err));
    i4_answer_free(&answer);
    i4_http_client_free(client);
    EVENTUALLY(questions(&s) == 1);
    rig_stop(&s.rig); /* the test ends in time or not at all */
    stage_end(&s);
}

/* --- from answer to caption ------------------------------------------------------------------- */

static void assert_caption(const char *text, const char *expected) {
    i4_err err = {0};
    json_t *messages = NULL;
    json_t *caption = i4_magic_caption(text, &messages, &err);
    char *dump = caption ? json_dumps(caption, JSON_COMPACT) : NULL;
    if (!expected) {
        if (caption) {
            fail_msg("%s: accepted as %s", text, dump);
        }
    } else if (!caption || strcmp(dump, expected) != 0) {
        fail_msg("%s:\n  %s\n  %s", text, caption ? dump : err.text, expected);
    }
    free(dump);
    json_decref(caption);
    json_decref(messages);
}

#define C "\"compositional_deconstruction\":{\"background\":\"b\",\"elements\":[]}"

static void magic_answer_is_found_in_what_surrounds_it(void **state) {
    (void)state;
    static const char want[] = "{" C "}";
    assert_caption("{" C "}", want);
    assert_caption("  \n{" C "}\n ", want);
    assert_caption("```json\n{" C "}\n```", want);
    assert_caption("```\n{" C "}\n```\n", want);
    assert_caption("```json\n{" C "}", want);
    assert_caption("Here you are:\n{" C "}\nEnjoy {it}!", want);
    assert_caption("Here:\n```json\n{" C "}\n```\nDone.", want);
    assert_caption("{" C "} {\"second\":1}", want);
    assert_caption("{\"high_level_description\":\"a } \\\" { b\"," C "}",
                   "{\"high_level_description\":\"a } \\\" { b\"," C "}");
    assert_caption("{\"high_level_description\":\"back\\\\\"," C "}",
                   "{\"high_level_description\":\"back\\\\\"," C "}");
    assert_caption("", NULL);
    assert_caption("no object", NULL);
    assert_caption("```", NULL);
    assert_caption("```json", NULL);
    assert_caption("}{", NULL);
    assert_caption("{" C, NULL);
    assert_caption("{\"a\":\"{" C "}", NULL);
    assert_caption("{\"a\\", NULL);
}

static void keep_k13_boxes_and_ratio_are_always_removed(void **state) {
    (void)state;
    assert_caption(
        "{\"aspect_ratio\":\"1:1\",\"compositional_deconstruction\":{\"background\":\"b\","
        "\"elements\":[{\"type\":\"obj\",\"bbox\":[0,0,1,1],\"desc\":\"d\"},"
        "{\"type\":\"text\",\"bbox\":\"x\",\"text\":\"t\",\"desc\":\"d\"}]}}",
        "{\"compositional_deconstruction\":{\"background\":\"b\",\"elements\":["
        "{\"type\":\"obj\",\"desc\":\"d\"},"
        "{\"type\":\"text\",\"text\":\"t\",\"desc\":\"d\"}]}}");
}

static void magic_answer_is_put_in_order(void **state) {
    (void)state;
    assert_caption(
        "{\"compositional_deconstruction\":{\"elements\":[{\"desc\":\"d\","
        "\"color_palette\":[\"#ABCDEF\"],\"text\":\"t\",\"type\":\"text\"}],"
        "\"background\":\"b\"},\"style_description\":{\"medium\":\"painting\","
        "\"color_palette\":[],\"art_style\":\"s\",\"lighting\":\"l\",\"aesthetics\":"
        "\"a\"}}",
        "{\"compositional_deconstruction\":{\"background\":\"b\",\"elements\":[{"
        "\"type\":\"text\",\"text\":\"t\",\"desc\":\"d\",\"color_palette\":"
        "[\"#ABCDEF\"]}]},\"style_description\":{\"aesthetics\":\"a\",\"lighting\":\"l\","
        "\"medium\":\"painting\",\"art_style\":\"s\",\"color_palette\":[]}}");
}

static void magic_answer_slips_of_style_are_mended(void **state) {
    (void)state;
    static const struct {
        const char *said, *want;
    } rows[] = {
        {"\"Photo\":\"p\"", "\"photo\":\"p\",\"medium\":\"m\""},
        {"\"camera\":\"p\"", "\"photo\":\"p\",\"medium\":\"m\""},
        {"\"Camera\":\"p\"", "\"photo\":\"p\",\"medium\":\"m\""},
        {"\"camera_lens\":\"p\"", "\"photo\":\"p\",\"medium\":\"m\""},
        {"\"lens\":\"p\"", "\"photo\":\"p\",\"medium\":\"m\""},
        {"\"Art Style\":\"p\"", "\"medium\":\"m\",\"art_style\":\"p\""},
        {"\"art style\":\"p\"", "\"medium\":\"m\",\"art_style\":\"p\""},
        {"\"artStyle\":\"p\"", "\"medium\":\"m\",\"art_style\":\"p\""},
        {"\"style\":\"p\"", "\"medium\":\"m\",\"art_style\":\"p\""},
        {"\"photo\":\"p\",\"Color Palette\":\" #aabbcc, ,#00ff11 \"",
         "\"photo\":\"p\",\"medium\":\"m\",\"color_palette\":[\"#AABBCC\",\"#00FF11\"]"},
        {"\"photo\":\"p\",\"color palette\":[\"#aabbcc\"]",
         "\"photo\":\"p\",\"medium\":\"m\",\"color_palette\":[\"#AABBCC\"]"},
        {"\"photo\":\"p\",\"palette\":\"#aabbcc\"",
         "\"photo\":\"p\",\"medium\":\"m\",\"color_palette\":[\"#AABBCC\"]"},
        /* the target exists: nothing is renamed, and the stranger fails */
        {"\"photo\":\"p\",\"camera\":\"q\"", NULL},
        {"\"Photo\":\"p\",\"camera\":\"q\"", NULL},
        {"\"photo\":\"p\",\"art_style\":\"q\"", NULL},
        {"\"photo\":\"p\",\"extra\":1", NULL},
        {"\"photo\":\"p\",\"color_palette\":[\"red\"]", NULL},
        {"\"aperture\":\"p\"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char said[512], want[512];
        snprintf(said, sizeof said,
                 "{" C ",\"style_description\":{\"aesthetics\":\"a\",\"lighting\":\"l\",%s,"
                 "\"medium\":\" M \"}}",
                 rows[i].said);
        snprintf(want, sizeof want,
                 "{" C ",\"style_description\":{\"aesthetics\":\"a\",\"lighting\":\"l\",%s}}",
                 rows[i].want ? rows[i].want : "");
        assert_caption(said, rows[i].want ? want : NULL);
    }
    assert_caption("{" C ",\"style_description\":{\"aesthetics\":\"a\",\"lighting\":\"l\","
                   "\"medium\":\"3D Render X\",\"art_style\":\"s\"}}",
                   "{" C ",\"style_description\":{\"aesthetics\":\"a\",\"lighting\":\"l\","
                   "\"medium\":\"3d_render_x\",\"art_style\":\"s\"}}");
}

static void magic_answer_palettes_of_elements_are_left_alone(void **state) {
    (void)state;
    assert_caption(
        "{\"compositional_deconstruction\":{\"background\":\"b\",\"elements\":[{\"type\":"
        "\"obj\",\"desc\":\"d\",\"color_palette\":[\"#aabbcc\"]}]}}",
        NULL);
}

static bool make_caption(i4_err *err) {
    json_t *messages = NULL;
    json_t *caption =
        i4_magic_caption("{" C ",\"style_description\":{\"aesthetics\":\"a\",\"lighting\":\"l\","
                         "\"photo\":\"p\",\"medium\":\"A B\",\"palette\":\"#aabbcc\"}}",
                         &messages, err);
    const bool is_made = caption != NULL;
    json_decref(caption);
    json_decref(messages);
    return is_made;
}

static i4_settings prompt_settings;

static bool make_messages(i4_err *err) {
    const i4_magic_picture picture = {.base64 = "AAAA", .size = 4, .mime = "image/png"};
    const i4_magic_idea an_idea = {
        .text = "x", .width = 512, .height = 512, .pictures = &picture, .picture_count = 1};
    json_t *messages = i4_magic_messages(&prompt_settings, &an_idea, err);
    const bool is_made = messages != NULL;
    json_decref(messages);
    return is_made;
}

/* Every call fails in turn: the work says why, or did not need it. */
static void fail_each(bool (*work)(i4_err *err)) {
    fault f = {0, true};
    int refused = 0;
    for (int n = 0; f.hit; n++) {
        i4_err err = {0};
        f = (fault){n, false};
        i4_fault_set(fault_nth, &f);
        const bool is_done = work(&err);
        i4_fault_set(NULL, NULL);
        assert_true(is_done || err.status == I4_E_OUT_OF_MEMORY || err.status == I4_E_IO);
        refused += !is_done;
    }
    assert_true(refused >= 3);
}

static void magic_failing_memory_and_files_are_reported(void **state) {
    (void)state;
    snprintf(prompt_settings.magic.profile, 64, "gemma4");
    snprintf(prompt_settings.magic.prompts_dir, 4096, "%s", ID4_SOURCE_DIR "/prompts");
    fail_each(make_caption);
    fail_each(make_messages);
}

static void magic_invalid_caption_names_every_problem(void **state) {
    (void)state;
    stage s;
    json_t *answer;
    stage_start(&s, "problems");
    fake_provider_say(&s.provider, FAKE_CHAT, 200,
                      "{\"one\":1,\"style_description\":{\"photo\":1},"
                      "\"compositional_deconstruction\":{\"background\":2}}");
    assert_int_equal(ask(&s, idea, &answer), 502);
    const char *error = text_at(answer, "error");
    assert_non_null(strstr(error, "root: "));
    assert_non_null(strstr(error, "; style_description: "));
    assert_non_null(strstr(error, "; style_description.photo: "));
    assert_non_null(strstr(error, "; compositional_deconstruction.background: "));
    json_decref(answer);
    stage_end(&s);
}

static void magic_reasoning_stands_in_for_an_empty_content(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "reasoning");
    fake_provider_say(&s.provider, FAKE_BODY, 200,
                      "{\"choices\":[{\"message\":{\"content\":\"\",\"reasoning_content\":"
                      "\"well: {\\\"compositional_deconstruction\\\":{\\\"background\\\":\\\"b\\\","
                      "\\\"elements\\\":[]}}\"}}]}");
    assert_int_equal(ask(&s, idea, NULL), 200);
    stage_end(&s);
}

/* --- status ----------------------------------------------------------------------------------- */

static json_t *magic_status(stage *s) {
    json_t *answer;
    assert_int_equal(rig_ask(&s->rig, "GET", "/api/magic-prompt/status", NULL, &answer), 200);
    assert_int_equal(json_object_size(answer), 10);
    return answer;
}

static void magic_status_follows_the_table(void **state) {
    (void)state;
    static const struct {
        const char *provider, *key, *model;
        bool local, enabled, reachable;
        const char *missing;
    } rows[] = {
        {"llama_cpp", "", "", false, false, false, NULL},
        {"llama_cpp", "", "", false, true, true, NULL},
        {"", "", "", true, true, false, "IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_MODEL"},
        {"", "", "m.gguf", true, true, true, NULL},
        {"openai", "", "", false, true, false, "IDEOGRAM4_MAGIC_PROMPT_API_KEY"},
        {"openai", "k", "", false, true, true, NULL},
        {"", "", "", false, true, true, NULL},
    };
    static const char *const providers[] = {"llama_cpp",        "llama_cpp", "llama_cpp",
                                            "llama_cpp",        "openai",    "openai",
                                            "openai_compatible"};
    stage s;
    stage_start(&s, "table");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        i4_settings *set = &s.rig.settings;
        snprintf(set->magic.provider, 64, "%s", rows[i].provider);
        snprintf(set->magic.api_key, 512, "%s", rows[i].key);
        snprintf(set->magic.llama_model, 4096, "%s", rows[i].model);
        set->magic.local_llama = rows[i].local;
        set->magic.enabled = rows[i].enabled;
        json_t *answer = magic_status(&s);
        const json_t *missing = json_object_get(answer, "missing_env");
        assert_string_equal(text_at(answer, "provider"), providers[i]);
        assert_int_equal(json_is_true(json_object_get(answer, "enabled")), rows[i].enabled);
        assert_int_equal(json_is_true(json_object_get(answer, "configured")), rows[i].reachable);
        assert_int_equal(json_is_true(json_object_get(answer, "llm_reachable")), rows[i].reachable);
        assert_int_equal(json_is_true(json_object_get(answer, "auth_configured")),
                         rows[i].key[0] != '\0');
        assert_int_equal(json_is_true(json_object_get(answer, "managed_local_llama")),
                         rows[i].local);
        assert_true(json_is_null(json_object_get(answer, "llm_error")));
        assert_int_equal(json_array_size(missing), rows[i].missing ? 1 : 0);
        if (rows[i].missing) {
            assert_string_equal(json_string_value(json_array_get(missing, 0)), rows[i].missing);
        }
        json_decref(answer);
    }
    stage_end(&s);
}

static void improve_i20_probe_falls_back_to_the_models(void **state) {
    (void)state;
    static const struct {
        const char *provider;
        int health, models;
        bool reachable;
    } rows[] = {{"llama_cpp", 200, 500, true},  {"llama_cpp", 503, 200, false},
                {"llama_cpp", 404, 200, false}, {"", 200, 500, true},
                {"", 404, 200, true},           {"", 404, 401, true},
                {"", 404, 404, true},           {"", 404, 500, false},
                {"", 503, 503, false}};
    stage s;
    stage_start(&s, "probe");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(s.rig.settings.magic.provider, 64, "%s", rows[i].provider);
        pthread_mutex_lock(&s.provider.mutex);
        s.provider.health_status = rows[i].health;
        s.provider.models_status = rows[i].models;
        pthread_mutex_unlock(&s.provider.mutex);
        json_t *answer = magic_status(&s);
        if (json_is_true(json_object_get(answer, "llm_reachable")) != rows[i].reachable) {
            fail_msg("row %zu", i);
        }
        assert_int_equal(text_at(answer, "llm_error")[0] != '\0', !rows[i].reachable);
        json_decref(answer);
    }
    snprintf(s.rig.settings.magic.base_url, 1024, "http://127.0.0.1:1/v1");
    json_t *answer = magic_status(&s);
    assert_true(json_is_false(json_object_get(answer, "configured")));
    assert_true(text_at(answer, "llm_error")[0] != '\0');
    json_decref(answer);
    stage_end(&s);
}

/* --- POST /api/verify ------------------------------------------------------------------------- */

static void magic_verify_lists_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *caption;
        size_t count;
        const char *first;
    } rows[] = {
        {"{" C "}", 0, NULL},
        {"{}", 1, "root: "},
        {"{\"aspect_ratio\":\"1:1\"," C "}", 1, "root: "},
        {"{\"compositional_deconstruction\":{\"elements\":[],\"background\":\"x\"}}", 1,
         "compositional_deconstruction: "},
        {"{\"compositional_deconstruction\":{\"background\":\"x\",\"elements\":[{\"type\":\"obj\","
         "\"bbox\":[500,10,100,2000],\"desc\":\"d\"}]}}",
         2, "elements[0].bbox: "},
        /* spelling is nobody's concern here */
        {"{\"high_level_description\":\"caf\\u00e9\"," C "}", 0, NULL},
        {"{\"high_level_description\":\"caf\\\\u00e9\"," C "}", 0, NULL},
    };
    stage s;
    stage_start(&s, "verify");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[512];
        json_t *answer;
        snprintf(body, sizeof body, "{\"caption\":%s}", rows[i].caption);
        assert_int_equal(rig_ask(&s.rig, "POST", "/api/verify", body, &answer), 200);
        const json_t *warnings = json_object_get(answer, "warnings");
        if (json_array_size(warnings) != rows[i].count) {
            fail_msg("%s: %zu", rows[i].caption, json_array_size(warnings));
        }
        assert_int_equal(json_is_true(json_object_get(answer, "valid")), rows[i].count == 0);
        if (rows[i].first) {
            const char *text = json_string_value(json_array_get(warnings, 0));
            assert_int_equal(strncmp(text, rows[i].first, strlen(rows[i].first)), 0);
        }
        json_decref(answer);
    }
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/verify", "{}", NULL), 422);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/verify", "{\"caption\":\"{}\"}", NULL), 422);
    stage_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(magic_llama_is_asked_with_its_own_options),
        cmocka_unit_test(magic_other_providers_get_the_key_and_the_chosen_names),
        cmocka_unit_test(magic_token_limit_follows_the_context_of_llama),
        cmocka_unit_test(magic_profile_chooses_the_system_prompt),
        cmocka_unit_test(magic_prompts_of_another_folder_are_used),
        cmocka_unit_test(magic_pictures_are_sent_with_their_type),
        cmocka_unit_test(magic_request_refuses_what_the_contract_refuses),
        cmocka_unit_test(magic_request_takes_four_large_pictures),
        cmocka_unit_test(magic_request_is_400_when_not_enabled_after_validation),
        cmocka_unit_test(improve_i19_provider_failures_have_their_own_statuses),
        cmocka_unit_test(improve_i19_silence_and_drip_are_timeouts),
        cmocka_unit_test(magic_unreachable_provider_is_502),
        cmocka_unit_test(magic_bad_settings_are_500_and_ask_nobody),
        cmocka_unit_test(magic_stop_does_not_wait_for_the_provider),
        cmocka_unit_test(magic_answer_is_found_in_what_surrounds_it),
        cmocka_unit_test(keep_k13_boxes_and_ratio_are_always_removed),
        cmocka_unit_test(magic_answer_is_put_in_order),
        cmocka_unit_test(magic_answer_slips_of_style_are_mended),
        cmocka_unit_test(magic_answer_palettes_of_elements_are_left_alone),
        cmocka_unit_test(magic_failing_memory_and_files_are_reported),
        cmocka_unit_test(magic_invalid_caption_names_every_problem),
        cmocka_unit_test(magic_reasoning_stands_in_for_an_empty_content),
        cmocka_unit_test(magic_status_follows_the_table),
        cmocka_unit_test(improve_i20_probe_falls_back_to_the_models),
        cmocka_unit_test(magic_verify_lists_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
