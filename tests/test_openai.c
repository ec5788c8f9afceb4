/* OpenAI's image API (docs/api.md 6) against a pretended daemon: pictures in one piece and as
 * streams, every refusal in the shape that the clients know, waiting and stopping. */
#include "fake_daemon.h"
#include "gateway_rig.h"
#include "http_raw.h"

#include "gateway/events/events.h"
#include "image/image.h"

static const char meta[] =
    "{\"hld\":\"A mug\",\"width\":512,\"height\":256,\"preset\":\"V4_TURBO_12\",\"seed\":7,"
    "\"prompt_id\":null,\"filename\":\"x.png\",\"format\":\"png\",\"generation_seconds\":0.5}";
static const char picture[] = "these are the bytes of a picture";
static const char picture_base64[] = "dGhlc2UgYXJlIHRoZSBieXRlcyBvZiBhIHBpY3R1cmU=";
static const char mug[] = "{\"prompt\":\"A mug\",\"size\":\"512x256\",\"quality\":\"low\"}";
static const char mugs[] = "{\"prompt\":\"A mug\",\"size\":\"512x256\",\"n\":2,\"seed\":7}";
static const char route[] = "/v1/images/generations";

typedef struct stage {
    rig rig;
    fake_daemon daemon;
} stage;

static void stage_start(stage *s) {
    fake_daemon_open(&s->daemon);
    rig_settings(&s->rig, "openai");
    snprintf(s->rig.settings.daemon_url, sizeof s->rig.settings.daemon_url, "http://127.0.0.1:%d",
             s->daemon.port);
    rig_start(&s->rig);
}

static void stage_end(stage *s) {
    rig_end(&s->rig);
    fake_daemon_close(&s->daemon);
}

/* --- asking -------------------------------------------------------------------------------- */

typedef struct request {
    int port;
    const char *body;
    raw_answer answer;
    pthread_t thread;
} request;

static void *send_it(void *user) {
    request *r = user;
    r->answer = raw_ask(r->port, "POST", route, NULL, r->body);
    return NULL;
}

/* Goes on while its picture is drawn. */
static void begin(stage *s, request *r, const char *body) {
    *r = (request){.port = i4_gateway_port(&s->rig.gateway), .body = body};
    assert_int_equal(pthread_create(&r->thread, NULL, send_it, r), 0);
}

/* The answer's JSON. */
static json_t *end(request *r, int status) {
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    if (r->answer.status != status) {
        fail_msg("%d, not %d: %s", r->answer.status, status, r->answer.text);
    }
    json_t *value = json_loads(r->answer.body, 0, NULL);
    assert_non_null(value);
    return value;
}

static void request_free(request *r, json_t *answer) {
    json_decref(answer);
    free(r->answer.text);
}

/* The error of an answer is this one. param and code NULL: null. */
static void assert_error(const json_t *answer, const char *type, const char *param,
                         const char *code) {
    const json_t *error = json_object_get(answer, "error");
    assert_int_equal(json_object_size(error), 4);
    assert_true(strlen(text_at(error, "message")) > 8);
    assert_string_equal(text_at(error, "type"), type);
    assert_string_equal(text_at(error, "param"), param ? param : "");
    assert_string_equal(text_at(error, "code"), code ? code : "");
    assert_true(param || json_is_null(json_object_get(error, "param")));
    assert_true(code || json_is_null(json_object_get(error, "code")));
}

static void assert_refused(stage *s, const char *body, int status, const char *type,
                           const char *param, const char *code) {
    request r;
    begin(s, &r, body);
    json_t *answer = end(&r, status);
    assert_error(answer, type, param, code);
    request_free(&r, answer);
}

static size_t size_of(stage *s, const char *list) {
    json_t *queue;
    assert_int_equal(rig_ask(&s->rig, "GET", "/api/queue", NULL, &queue), 200);
    const size_t size = json_array_size(json_object_get(queue, list));
    json_decref(queue);
    return size;
}

/* --- drawing ------------------------------------------------------------------------------- */

/* Id of the number-th task that the daemon got. */
static void await_task(stage *s, int number, char id[33]) {
    EVENTUALLY(fake_daemon_read(&s->daemon, &s->daemon.submissions) >= number);
    fake_daemon_last_id(&s->daemon, id);
}

static void draw(stage *s, int number) {
    char id[33];
    await_task(s, number, id);
    fake_daemon_finish(&s->daemon, id, meta, picture, sizeof picture - 1);
}

/* The model's refusal card; owned by the caller, until the stage ended. */
static uint8_t *draw_card(stage *s, int number) {
    char id[33];
    uint8_t *bytes;
    size_t size;
    i4_image image;
    assert_true(i4_image_new(&image, 256, 256, NULL));
    memset(image.rgb, 128, 256 * 256 * 3);
    assert_true(i4_image_encode(&image, I4_PNG, 0, NULL, 0, &bytes, &size, NULL));
    i4_image_free(&image);
    await_task(s, number, id);
    fake_daemon_finish(&s->daemon, id, meta, bytes, size);
    return bytes;
}

static void openai_picture_comes_in_one_piece(void **state) {
    (void)state;
    stage s;
    request r;
    json_t *queue;
    stage_start(&s);
    begin(&s, &r, mug);
    draw(&s, 1);
    json_t *answer = end(&r, 200);
    const json_t *data = json_object_get(answer, "data");
    assert_int_equal(json_array_size(data), 1);
    assert_string_equal(text_at(json_array_get(data, 0), "b64_json"), picture_base64);
    assert_string_equal(text_at(answer, "size"), "512x256");
    assert_string_equal(text_at(answer, "quality"), "low");
    assert_string_equal(text_at(answer, "output_format"), "png");
    request_free(&r, answer);
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/queue", NULL, &queue), 200);
    const json_t *job = json_array_get(json_object_get(queue, "finished"), 0);
    assert_string_equal(text_at(job, "origin"), "openai");
    assert_string_equal(text_at(job, "state"), "done");
    assert_string_equal(text_at(job, "hld"), "A mug");
    json_decref(queue);
    stage_end(&s);
}

static void openai_refusal_card_is_moderation_blocked(void **state) {
    (void)state;
    stage s;
    request r;
    stage_start(&s);
    begin(&s, &r, mug);
    uint8_t *card = draw_card(&s, 1);
    json_t *answer = end(&r, 400);
    assert_error(answer, "image_generation_user_error", "prompt", "moderation_blocked");
    assert_non_null(strstr(r.answer.text, "x-should-retry: false"));
    request_free(&r, answer);
    stage_end(&s);
    i4_free(card);
}

static void openai_of_several_those_come_that_were_drawn(void **state) {
    (void)state;
    stage s;
    request r;
    char id[33], body[64];
    stage_start(&s);
    begin(&s, &r, mugs);
    await_task(&s, 1, id);
    fake_daemon_fail(&s.daemon, id, "the first one failed");
    draw(&s, 2);
    json_t *answer = end(&r, 200), *page, *job;
    assert_int_equal(json_array_size(json_object_get(answer, "data")), 1);
    request_free(&r, answer);
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/queue", NULL, &page), 200);
    job = json_array_get(json_object_get(page, "finished"), 0);
    assert_int_equal(json_integer_value(json_object_get(job, "seed")), 8);
    json_decref(page);

    begin(&s, &r, mug);
    await_task(&s, 3, id);
    snprintf(body, sizeof body, "no memory for it");
    fake_daemon_fail(&s.daemon, id, body);
    answer = end(&r, 500);
    assert_error(answer, "server_error", NULL, "generation_failed");
    assert_string_equal(text_at(json_object_get(answer, "error"), "message"), body);
    assert_non_null(strstr(r.answer.text, "x-should-retry: false"));
    request_free(&r, answer);
    stage_end(&s);
}

/* --- refusals ------------------------------------------------------------------------------ */

static void openai_errors_have_the_shape_that_clients_know(void **state) {
    static const struct {
        const char *body;
        int status;
        const char *param, *code;
    } wrong[] = {
        {"", 400, NULL, NULL},
        {"{", 400, NULL, NULL},
        {"[]", 400, NULL, NULL},
        {"{\"prompt\":\"\\ud800\"}", 400, NULL, NULL},
        {"{}", 400, "prompt", "missing_required_parameter"},
        {"{\"prompt\":null}", 400, "prompt", "missing_required_parameter"},
        {"{\"prompt\":[\"a\"]}", 400, "prompt", "invalid_type"},
        {"{\"prompt\":\" \\n\"}", 400, "prompt", "invalid_value"},
        {"{\"caption\":7}", 400, "caption", "invalid_type"},
        {"{\"prompt\":\"a\",\"model\":\"dall-e-3\"}", 404, "model", "model_not_found"},
        {"{\"prompt\":\"a\",\"model\":1}", 400, "model", "invalid_type"},
        {"{\"prompt\":\"a\",\"n\":0}", 400, "n", "invalid_value"},
        {"{\"prompt\":\"a\",\"n\":1.5}", 400, "n", "invalid_type"},
        {"{\"prompt\":\"a\",\"size\":\"1000x1000\"}", 400, "size", "invalid_value"},
        {"{\"prompt\":\"a\",\"size\":\"99999999999999999999x1\"}", 400, "size", "invalid_value"},
        {"{\"prompt\":\"a\",\"size\":\"512x512x\"}", 400, "size", "invalid_value"},
        {"{\"prompt\":\"a\",\"quality\":\"best\"}", 400, "quality", "invalid_value"},
        {"{\"prompt\":\"a\",\"output_format\":\"gif\"}", 400, "output_format", "invalid_value"},
        {"{\"prompt\":\"a\",\"response_format\":{}}", 400, "response_format", "invalid_type"},
        {"{\"prompt\":\"a\",\"stream\":\"yes\"}", 400, "stream", "invalid_type"},
        {"{\"prompt\":\"a\",\"partial_images\":4}", 400, "partial_images", "invalid_value"},
        {"{\"prompt\":\"a\",\"size\":\"512x512\",\"seed\":\"7\"}", 400, "seed", "invalid_type"},
        {"{\"prompt\":\"a\",\"size\":\"512x512\",\"seed\":-1}", 400, "seed", "invalid_value"},
        {"{\"prompt\":\"a\",\"size\":\"512x512\",\"seed\":4294967295,\"n\":2}", 400, "seed",
         "invalid_value"},
        {"{\"prompt\":\"a\",\"size\":\"512x512\",\"loras\":{}}", 400, "loras", "invalid_type"},
        {"{\"prompt\":\"a\",\"size\":\"512x512\",\"loras\":[{\"name\":\"\"}]}", 400, "loras",
         "invalid_type"},
        {"{\"prompt\":\"a\",\"size\":\"512x512\",\"loras\":[[]]}", 400, "loras", "invalid_type"},
    };
    (void)state;
    stage s;
    stage_start(&s);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_refused(&s, wrong[i].body, wrong[i].status, "invalid_request_error", wrong[i].param,
                       wrong[i].code);
    }
    assert_int_equal(size_of(&s, "pending") + size_of(&s, "running"), 0);
    stage_end(&s);
}

/* A text of `size` times one character between head and tail. */
static char *long_body(const char *head, char middle, size_t size, const char *tail) {
    const size_t before = strlen(head), after = strlen(tail) + 1;
    char *text = malloc(before + size + after);
    assert_non_null(text);
    memcpy(text, head, before);
    memset(text + before, middle, size);
    memcpy(text + before + size, tail, after);
    return text;
}

static void openai_huge_and_deep_bodies_are_refused(void **state) {
    (void)state;
    stage s;
    stage_start(&s);
    char *body = long_body("{\"prompt\":\"", 'a', 5 << 20, "\"}");
    assert_refused(&s, body, 413, "invalid_request_error", NULL, "request_too_large");
    free(body);
    body = long_body("{\"prompt\":\"", 'a', 300000, "\"}");
    assert_refused(&s, body, 400, "invalid_request_error", "prompt", "invalid_value");
    free(body);
    body = long_body("{\"caption\":", '[', 1000000, "");
    assert_refused(&s, body, 400, "invalid_request_error", NULL, NULL);
    free(body);
    stage_end(&s);
}

static void openai_full_queue_is_said(void **state) {
    (void)state;
    stage s;
    request r;
    stage_start(&s);
    s.rig.settings.queue_limit = 1;
    begin(&s, &r, mugs);
    json_t *answer = end(&r, 429);
    assert_error(answer, "rate_limit_error", NULL, "queue_full");
    assert_null(strstr(r.answer.text, "x-should-retry"));
    request_free(&r, answer);
    stage_end(&s);
}

static void openai_models_are_listed_and_found(void **state) {
    (void)state;
    stage s;
    json_t *answer;
    stage_start(&s);
    assert_int_equal(rig_ask(&s.rig, "GET", "/v1/models", NULL, &answer), 200);
    assert_int_equal(json_array_size(json_object_get(answer, "data")), 4);
    json_decref(answer);
    assert_int_equal(rig_ask(&s.rig, "GET", "/v1/models/ideogram-4-turbo", NULL, NULL), 200);
    assert_int_equal(rig_ask(&s.rig, "GET", "/v1/models/no%22ne", NULL, &answer), 404);
    assert_error(answer, "invalid_request_error", "model", "model_not_found");
    json_decref(answer);
    stage_end(&s);
}

/* --- waiting ------------------------------------------------------------------------------- */

enum { WAITING = 4 };

static void openai_four_wait_and_the_queue_answers_all(void **state) {
    (void)state;
    stage s;
    request waiting[WAITING], fifth;
    stage_start(&s);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/queue/pause", NULL, NULL), 200);
    for (int i = 0; i < WAITING; i++) {
        begin(&s, &waiting[i], mug);
    }
    EVENTUALLY(size_of(&s, "pending") == WAITING);
    begin(&s, &fifth, mug);
    json_t *answer = end(&fifth, 429);
    assert_error(answer, "rate_limit_error", NULL, "rate_limit_exceeded");
    request_free(&fifth, answer);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/queue/cancel", "{\"scope\":\"pending\"}", NULL),
                     200);
    for (int i = 0; i < WAITING; i++) {
        answer = end(&waiting[i], 500);
        assert_error(answer, "server_error", NULL, "generation_cancelled");
        request_free(&waiting[i], answer);
    }
    stage_end(&s);
}

static void openai_stop_is_said_and_the_order_stays(void **state) {
    (void)state;
    stage s;
    request r;
    stage_start(&s);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/queue/pause", NULL, NULL), 200);
    begin(&s, &r, mug);
    EVENTUALLY(size_of(&s, "pending") == 1);
    rig_stop(&s.rig);
    json_t *answer = end(&r, 503);
    assert_error(answer, "server_error", NULL, "service_stopping");
    request_free(&r, answer);
    rig_start(&s.rig);
    assert_int_equal(size_of(&s, "pending"), 1);
    stage_end(&s);
}

/* --- streams ------------------------------------------------------------------------------- */

static int stream(stage *s, const char *body) {
    char text[1024];
    const int port = i4_gateway_port(&s->rig.gateway);
    const int fd = raw_connect(port);
    snprintf(text, sizeof text,
             "POST %s HTTP/1.0\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\n\r\n%s", route, port,
             strlen(body), body);
    assert_true(raw_say(fd, text));
    return fd;
}

/* Reads until the text came, which stays in `text`. */
static void read_until(int fd, char *text, size_t room, const char *wanted) {
    size_t size = strlen(text);
    while (!strstr(text, wanted)) {
        const ssize_t got = recv(fd, text + size, room - size - 1, 0);
        assert_true(got > 0);
        size += (size_t)got;
        text[size] = '\0';
    }
}

static void openai_stream_brings_a_preview_then_the_pictures(void **state) {
    (void)state;
    stage s;
    char id[33], text[16384] = "";
    stage_start(&s);
    const int fd = stream(&s, "{\"prompt\":\"A mug\",\"size\":\"512x256\",\"n\":2,\"stream\":true,"
                              "\"partial_images\":1}");
    await_task(&s, 1, id);
    fake_daemon_detail(&s.daemon, id,
                       "{\"phase\":\"denoise\",\"step\":6,\"steps\":12,\"fraction\":0.5,"
                       "\"seconds\":1,\"step_seconds\":0.1,\"preview_step\":6}",
                       6);
    /* "preview 6" */
    read_until(fd, text, sizeof text, "\"b64_json\":\"cHJldmlldyA2\"");
    assert_non_null(strstr(text, "event: image_generation.partial_image\n"));
    assert_null(strstr(text, "image_generation.completed"));
    fake_daemon_finish(&s.daemon, id, meta, picture, sizeof picture - 1);
    read_until(fd, text, sizeof text, "event: image_generation.completed\n");
    draw(&s, 2);
    raw_answer rest = raw_read(fd);
    assert_non_null(strstr(rest.text, picture_base64));
    assert_null(strstr(rest.text, "event: error"));
    free(rest.text);
    close(fd);
    stage_end(&s);
}

static void openai_stream_says_what_went_wrong(void **state) {
    (void)state;
    stage s;
    stage_start(&s);
    const int fd =
        stream(&s, "{\"prompt\":\"A mug\",\"size\":\"512x256\",\"stream\":true,\"n\":1}");
    uint8_t *card = draw_card(&s, 1);
    raw_answer all = raw_read(fd);
    const char *data = strstr(all.text, "event: error\ndata: ");
    assert_non_null(data);
    json_t *event = json_loads(data + strlen("event: error\ndata: "), JSON_DISABLE_EOF_CHECK, NULL);
    assert_string_equal(text_at(event, "type"), "error");
    assert_error(event, "image_generation_user_error", "prompt", "moderation_blocked");
    json_decref(event);
    free(all.text);
    close(fd);
    stage_end(&s);
    i4_free(card);
}

enum { DROPPED = 100 };

static void openai_streams_that_are_dropped_stop_nothing(void **state) {
    (void)state;
    stage s;
    int fds[DROPPED];
    stage_start(&s);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/queue/pause", NULL, NULL), 200);
    for (int i = 0; i < DROPPED; i++) {
        fds[i] = stream(&s, "{\"prompt\":\"A mug\",\"size\":\"512x256\",\"stream\":true}");
    }
    EVENTUALLY(size_of(&s, "pending") == DROPPED);
    for (int i = 0; i < DROPPED; i++) {
        close(fds[i]);
    }
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/queue/resume", NULL, NULL), 200);
    draw(&s, 1);
    EVENTUALLY(size_of(&s, "finished") == 1);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/queue/cancel", "{\"scope\":\"all\"}", NULL),
                     200);
    EVENTUALLY(i4_events_listeners(s.rig.gateway.events) == 0); /* each wrote, and was noticed */
    stage_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openai_picture_comes_in_one_piece),
        cmocka_unit_test(openai_refusal_card_is_moderation_blocked),
        cmocka_unit_test(openai_of_several_those_come_that_were_drawn),
        cmocka_unit_test(openai_errors_have_the_shape_that_clients_know),
        cmocka_unit_test(openai_huge_and_deep_bodies_are_refused),
        cmocka_unit_test(openai_full_queue_is_said),
        cmocka_unit_test(openai_models_are_listed_and_found),
        cmocka_unit_test(openai_four_wait_and_the_queue_answers_all),
        cmocka_unit_test(openai_stop_is_said_and_the_order_stays),
        cmocka_unit_test(openai_stream_brings_a_preview_then_the_pictures),
        cmocka_unit_test(openai_stream_says_what_went_wrong),
        cmocka_unit_test(openai_streams_that_are_dropped_stop_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
