/* The real programs as the original's web page uses them: its sequences of requests and its pauses
 * (docs/http-api.md 2.6, 14.1 and 14.2). */
#include "fake_provider.h"
#include "stack.h"

static stack it;
static fake_provider provider;

enum { POLL_MS = 1000, RETRY_MS = 2000, LOAD_POLL_MS = 3000 }; /* of the page */

static int set_up(void **state) {
    char url[64];
    (void)state;
    stack_begin(&it, "contract_client");
    fake_provider_open(&provider);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1", provider.service.port);
    stack_set(&it, "MAGIC_PROMPT_BASE_URL", url);
    stack_use_page(&it);
    stack_start(&it);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    stack_end(&it);
    fake_provider_close(&provider);
    return 0;
}

#define CAPTION                                                                   \
    "{'high_level_description':'a mug','style_description':{'aesthetics':'calm'," \
    "'lighting':'soft','photo':'50mm','medium':'photograph'},"                    \
    "'compositional_deconstruction':{'background':'a table','elements':["         \
    "{'type':'obj','desc':'a mug'}]}}"

#define FORM                                                                                 \
    "{'hld':'a mug','form_json':'{\\\"hld\\\":\\\"a mug\\\",\\\"w\\\":256,\\\"_savedAt\\\":" \
    "\\\"2026-06-30T12:00:00.000Z\\\"}','prompt_id':%s}"

/* What the page shows of a failed answer; "" if it found nothing better than the status. */
static const char *shown_error(const json_t *body) {
    static char text[2000];
    const json_t *detail = json_object_get(body, "detail");
    const char *plain = json_string_value(json_object_get(body, "error"));
    plain = plain ? plain : json_string_value(detail);
    snprintf(text, sizeof text, "%s", plain ? plain : "");
    for (size_t i = 0; !plain && i < json_array_size(detail); i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? "; " : "",
                 text_at(json_array_get(detail, i), "msg"));
    }
    return text;
}

/* Submits as the page does: again after two seconds while the slot is taken. The id; *refusals
 * counts. */
static const char *submit(int *refusals) {
    *refusals = 0;
    for (;;) {
        int status = 0;
        const json_t *answer = ask(&it, GATEWAY, "POST", "/api/generate",
                                   "{'caption':" CAPTION ",'width':256,'height':256,"
                                   "'preset':'V4_TURBO_12','seed':4294967295,'format':'png'}",
                                   &status);
        if (status == 200) {
            return text_at(answer, "task_id");
        }
        assert_int_equal(status, 409);
        assert_true(shown_error(answer)[0] != '\0');
        *refusals += 1;
        stack_pause(RETRY_MS);
    }
}

/* Polls as the page does, the first time at once, until done; the answer. */
static const json_t *poll_task(const char *task) {
    for (int i = 0; i < 120; i++) {
        const json_t *now = sayf(&it, GATEWAY, "GET", 200, NULL, "/api/status/%s", task);
        if (strcmp(text_at(now, "state"), "done") == 0) {
            return now;
        }
        assert_string_equal(text_at(now, "state"), "running");
        stack_pause(POLL_MS);
    }
    fail_msg("%s is never done", task);
    return NULL;
}

/* Image id of a finished drawing. */
static int64_t image_of(const json_t *done) {
    assert_true(json_is_false(json_object_get(done, "cancelled")));
    assert_true(json_is_null(json_object_get(done, "error")));
    assert_true(json_is_object(json_object_get(done, "image")));
    return number_at(json_object_get(done, "image"), "id");
}

static int64_t attach(int64_t image, int64_t prompt) {
    char path[80], body[400], number[32] = "null";
    if (prompt > 0) {
        snprintf(number, sizeof number, "%lld", (long long)prompt);
    }
    snprintf(path, sizeof path, "/api/images/%lld/attach-history", (long long)image);
    snprintf(body, sizeof body, FORM, number);
    return number_at(say(&it, GATEWAY, "POST", path, body, 200, "{'ok':true,'prompt_id':'<int>'}"),
                     "prompt_id");
}

/* --- sequences ---------------------------------------------------------------------------------
 */

static void client_loads_the_model_and_watches(void **state) {
    (void)state;
    say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'idle','msg':'','...':0}");
    say(&it, GATEWAY, "POST", "/api/model/load", NULL, 200, "{'ok':true,'msg':'<text>'}");
    const json_t *now;
    do {
        now =
            say(&it, GATEWAY, "GET", "/api/model/status", NULL, 200, "{'state':'<text>','...':0}");
        stack_pause(strcmp(text_at(now, "state"), "loading") == 0 ? LOAD_POLL_MS : 0);
    } while (strcmp(text_at(now, "state"), "loading") == 0);
    assert_string_equal(text_at(now, "state"), "loaded");
}

static void client_generates_verifies_polls_and_attaches(void **state) {
    int refusals;
    (void)state;
    say(&it, GATEWAY, "POST", "/api/verify", "{'caption':" CAPTION "}", 200,
        "{'valid':true,'warnings':[]}");
    const json_t *done = poll_task(submit(&refusals));
    const int64_t image = image_of(done);
    const int64_t prompt = attach(image, 0);
    const json_t *prompts = say(&it, GATEWAY, "GET", "/api/prompts", NULL, 200, NULL);
    assert_int_equal(number_at(json_array_get(prompts, 0), "id"), prompt);
    assert_string_equal(text_at(json_array_get(prompts, 0), "hld"), "a mug");
    sayf(&it, GATEWAY, "GET", 200, "[{'id':'<int>','seed':4294967295,'...':0}]",
         "/api/images?prompt_id=%lld", (long long)prompt);
    i4_answer file = fetch(&it, GATEWAY, text_at(json_object_get(done, "image"), "url"));
    assert_int_equal(file.status, 200);
    assert_memory_equal(file.body, "\x89PNG", 4);
    i4_answer_free(&file);
    /* regenerating: the open history entry gets a second version */
    const int64_t second = image_of(poll_task(submit(&refusals)));
    assert_int_equal(attach(second, prompt), prompt);
    const json_t *versions =
        sayf(&it, GATEWAY, "GET", 200, NULL, "/api/images?prompt_id=%lld", (long long)prompt);
    assert_int_equal(json_array_size(versions), 2);
    assert_int_equal(number_at(json_array_get(versions, 0), "id"), second);
    assert_int_equal(json_array_size(say(&it, GATEWAY, "GET", "/api/prompts", NULL, 200, NULL)), 1);
    /* an attach whose answer was lost is sent again */
    assert_int_equal(attach(second, prompt), prompt);
    say(&it, GATEWAY, "DELETE", "/api/images/orphans", NULL, 200, "{'ok':true,'deleted':0}");
}

static void client_cancels_and_goes_on_with_its_queue(void **state) {
    int refusals;
    (void)state;
    const char *task = stack_draw_long(&it);
    sayf(&it, GATEWAY, "GET", 200, "{'state':'running','image':null,'...':0}", "/api/status/%s",
         task);
    const json_t *refused =
        say(&it, GATEWAY, "POST", "/api/generate", "{'caption':{}}", 409, "{'error':'<text>'}");
    assert_true(shown_error(refused)[0] != '\0');
    sayf(&it, GATEWAY, "POST", 200, "{'ok':true,'msg':'<text>'}", "/api/cancel/%s", task);
    /* it never asks for that task again, and submits the next */
    const json_t *done = poll_task(submit(&refusals));
    assert_in_range(refusals, 0, 5);
    image_of(done);
    sayf(&it, GATEWAY, "GET", 200, "{'cancelled':true,'error':'Cancelled','...':0}",
         "/api/status/%s", task);
}

static void client_that_reloads_its_page_finds_the_picture_in_the_gallery(void **state) {
    int refusals;
    char rows[160], name[80];
    (void)state;
    snprintf(name, sizeof name, "%s.png", submit(&refusals));
    snprintf(rows, sizeof rows, "SELECT count(*) FROM images WHERE file_path = '%s'", name);
    EVENTUALLY(strcmp(stack_rows(&it, rows), "1") == 0);
    const json_t *orphans =
        say(&it, GATEWAY, "GET", "/api/images?orphans_only=1&limit=0", NULL, 200, NULL);
    assert_string_equal(text_at(json_array_get(orphans, 0), "file_path"), name);
}

static bool holds(const json_t *rows, const char *key, int64_t value) {
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (number_at(json_array_get(rows, i), key) == value) {
            return true;
        }
    }
    return false;
}

static void client_gallery_is_complete(void **state) {
    (void)state;
    stack_sql(&it, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80) "
                   "INSERT INTO prompts (id, form_json) SELECT 1000 + i, '{}' FROM n;"
                   "INSERT INTO images (file_path, prompt_id) "
                   "SELECT 'g' || id || '.png', id FROM prompts WHERE id > 1000");
    const json_t *prompts = say(&it, GATEWAY, "GET", "/api/prompts", NULL, 200, NULL);
    const json_t *linked =
        say(&it, GATEWAY, "GET", "/api/images?linked_only=1&limit=0", NULL, 200, NULL);
    const json_t *orphans =
        say(&it, GATEWAY, "GET", "/api/images?orphans_only=1&limit=0", NULL, 200, NULL);
    const json_t *stats = say(&it, GATEWAY, "GET", "/api/images/stats", NULL, 200, NULL);
    /* the page drops linked images whose prompt it does not know: here it knows all */
    for (size_t i = 0; i < json_array_size(linked); i++) {
        assert_true(holds(prompts, "id", number_at(json_array_get(linked, i), "prompt_id")));
    }
    assert_int_equal(json_array_size(linked), number_at(stats, "linked"));
    assert_int_equal(json_array_size(orphans), number_at(stats, "orphans"));
    stack_sql(&it,
              "DELETE FROM images WHERE prompt_id > 1000; DELETE FROM prompts WHERE id > 1000");
}

static void client_marks_favorites_from_history_and_gallery(void **state) {
    int refusals;
    char path[80], body[80];
    (void)state;
    const int64_t image = image_of(poll_task(submit(&refusals)));
    const int64_t prompt = attach(image, 0);
    snprintf(body, sizeof body, "{'prompt_id':%lld}", (long long)prompt);
    const json_t *row = say(&it, GATEWAY, "POST", "/api/favorites", body, 200,
                            "{'id':'<int>','created_at':'<when>','image_id':'<int>','hld':'a mug',"
                            "'preset':'V4_TURBO_12','w':256,'h':256,'prompt_id':'<int>',"
                            "'history_linked':true}");
    assert_int_equal(number_at(row, "image_id"), image);
    assert_int_equal(number_at(row, "prompt_id"), prompt);
    snprintf(body, sizeof body, "{'image_id':%lld}", (long long)image);
    const json_t *again = say(&it, GATEWAY, "POST", "/api/favorites", body, 200, NULL);
    assert_int_equal(number_at(again, "id"), number_at(row, "id"));
    sayf(&it, GATEWAY, "GET", 200, NULL, "/api/favorites/%lld", (long long)number_at(row, "id"));
    snprintf(path, sizeof path, "/api/favorites/prompts/%lld", (long long)prompt);
    say(&it, GATEWAY, "DELETE", path, NULL, 200, "{'ok':true}");
    say(&it, GATEWAY, "DELETE", path, NULL, 200, "{'ok':false}"); /* shown as an error */
    say(&it, GATEWAY, "GET", "/api/favorites", NULL, 200, "[]");
    /* deleting the history entry */
    sayf(&it, GATEWAY, "DELETE", 200, "{'ok':true}", "/api/prompts/%lld", (long long)prompt);
    sayf(&it, GATEWAY, "GET", 404, "{'error':'not found'}", "/api/images/%lld/file",
         (long long)image);
}

static void client_expands_an_idea_and_draws_it(void **state) {
    int refusals;
    (void)state;
    say(&it, GATEWAY, "GET", "/api/magic-prompt/status", NULL, 200,
        "{'enabled':true,'configured':true,'provider':'<text>','model':'local-model',"
        "'base_url':'<text>','auth_configured':false,'managed_local_llama':false,'missing_env':[],"
        "'llm_reachable':true,'llm_error':null}");
    fake_provider_say(
        &provider, FAKE_CHAT, 200,
        "{\"high_level_description\":\"a mug\",\"style_description\":{\"aesthetics\":"
        "\"calm\",\"lighting\":\"soft\",\"photo\":\"50mm\",\"medium\":\"photograph\"},"
        "\"compositional_deconstruction\":{\"background\":\"a table\",\"elements\":["
        "{\"type\":\"obj\",\"bbox\":[1,2,3,4],\"desc\":\"a mug\"}]}}");
    say(&it, GATEWAY, "POST", "/api/magic-prompt",
        "{'prompt':'Use the attached images.','width':1024,'height':1024,"
        "'images_b64':['iVBORw0KGgo=']}",
        200, "{'caption':" CAPTION ",'model':'local-model'}");
    say(&it, GATEWAY, "POST", "/api/magic-prompt",
        "{'prompt':'a mug','width':1024,'height':1024,'images_b64':null}", 200,
        "{'caption':" CAPTION ",'model':'local-model'}");
    image_of(poll_task(submit(&refusals)));
}

static void client_saves_its_form_while_typing(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++) {
        char body[80], expected[80];
        snprintf(body, sizeof body, "{'form_json':'{\\\"w\\\":%d}'}", 256 + 16 * i);
        say(&it, GATEWAY, "POST", "/api/form", body, 200, "{'ok':true}");
        snprintf(expected, sizeof expected, "{'form_json':'{\\\"w\\\":%d}'}", 256 + 16 * i);
        say(&it, GATEWAY, "GET", "/api/form", NULL, 200, expected);
    }
}

static void client_hides_the_lora_panel_without_presets(void **state) {
    (void)state;
    say(&it, GATEWAY, "GET", "/api/lora/status", NULL, 200,
        "{'applied':null,'strength':0.0,'applied_loras':[],'available':[]}");
    say(&it, GATEWAY, "GET", "/api/lora/presets", NULL, 200, "{'presets':[]}");
}

static void client_can_show_every_error(void **state) {
    static const struct {
        const char *method, *path, *body;
    } cases[] = {
        {"POST", "/api/generate", "{'caption':1}"},
        {"POST", "/api/generate", "{"},
        {"POST", "/api/generate", "{'caption':{},'width':17,'height':'x'}"},
        {"POST", "/api/images/77/attach-history", "{'form_json':'1'}"},
        {"POST", "/api/favorites", "{'image_id':77}"},
        {"GET", "/api/images?linked_only=1&orphans_only=1", NULL},
        {"POST", "/api/cancel/x", NULL},
        {"POST", "/api/upscale", "{'image_id':77}"},
        {"GET", "/api/nothing", NULL},
        {"PUT", "/api/form", NULL},
        {"GET", "/api/images/77/file", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = 0;
        const json_t *answer =
            ask(&it, GATEWAY, cases[i].method, cases[i].path, cases[i].body, &status);
        assert_in_range(status, 400, 499);
        if (shown_error(answer)[0] == '\0') {
            fail_msg("%s %s: nothing to show", cases[i].method, cases[i].path);
        }
    }
}

/* As a browser sends it: from the page on its own port, and through the original's development
 * server, which rewrites Host but not Origin. */
static void client_in_a_browser_is_let_in(void **state) {
    char lines[4][400];
    const int gateway = it.gateway.port, page = it.page_port;
    static const char common[] = "Content-Type: application/json\r\n";
    (void)state;
    snprintf(
        lines[0], 400,
        "Host: localhost:%d\r\nOrigin: http://localhost:%d\r\nSec-Fetch-Site: same-origin\r\n%s",
        page, page, common);
    snprintf(
        lines[1], 400,
        "Host: localhost:%d\r\nOrigin: http://localhost:%d\r\nSec-Fetch-Site: same-origin\r\n%s",
        gateway, page, common);
    snprintf(lines[2], 400,
             "Host: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nSec-Fetch-Site: same-site\r\n%s",
             gateway, page, common);
    snprintf(
        lines[3], 400,
        "Host: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nSec-Fetch-Site: same-origin\r\n%s",
        gateway, gateway, common);
    for (int i = 0; i < 4; i++) {
        raw_answer a = raw_ask(i == 0 ? page : gateway, "POST", "/api/form", lines[i],
                               "{\"form_json\":\"1\"}");
        assert_string_equal(a.body, "{\"ok\":true}");
        raw_free(&a);
        a = raw_ask(i == 0 ? page : gateway, "DELETE", "/api/images/777", lines[i], NULL);
        assert_string_equal(a.body, "{\"ok\":false}");
        raw_free(&a);
    }
    /* pictures of the gateway inside the page on the other port */
    snprintf(lines[0], 400,
             "Referer: http://127.0.0.1:%d/gallery\r\nSec-Fetch-Site: same-site\r\n"
             "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
             page);
    stack_file(&it, "output/p.png", "p");
    raw_answer a = raw_ask(gateway, "GET", "/outputs/p.png", lines[0], NULL);
    assert_int_equal(a.status, 200);
    raw_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_loads_the_model_and_watches),
        cmocka_unit_test(client_generates_verifies_polls_and_attaches),
        cmocka_unit_test(client_cancels_and_goes_on_with_its_queue),
        cmocka_unit_test(client_that_reloads_its_page_finds_the_picture_in_the_gallery),
        cmocka_unit_test(client_gallery_is_complete),
        cmocka_unit_test(client_marks_favorites_from_history_and_gallery),
        cmocka_unit_test(client_expands_an_idea_and_draws_it),
        cmocka_unit_test(client_saves_its_form_while_typing),
        cmocka_unit_test(client_hides_the_lora_panel_without_presets),
        cmocka_unit_test(client_can_show_every_error),
        cmocka_unit_test(client_in_a_browser_is_let_in),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
