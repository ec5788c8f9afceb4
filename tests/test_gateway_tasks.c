/* Generation through the gateway against a pretended daemon: validation, relaying, pictures that
 * are stored whoever asks and whatever dies. */
#include "fake_daemon.h"
#include "gateway_rig.h"

#include "gateway/tasks/tasks.h"
#include "image/image.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static const char meta[] =
    "{\"hld\":\"A mug\",\"width\":512,\"height\":256,\"preset\":\"V4_TURBO_12\",\"seed\":7,"
    "\"prompt_id\":null,\"filename\":\"x.png\",\"format\":\"png\",\"generation_seconds\":0.1,"
    "\"quantization_bits\":8,\"lora_name\":\"a + b\",\"lora_strength\":0.0,"
    "\"applied_loras\":[{\"name\":\"a\",\"strength\":0.6,\"format\":\"f\"},"
    "{\"name\":\"b\",\"strength\":1.0,\"format\":\"f\"}]}";
static const char picture[] = "these are the bytes of a picture";
static const char id_a[] = "0123456789abcdef0123456789abcdef";
static const char id_b[] = "fedcba9876543210fedcba9876543210";

typedef struct stage {
    rig rig;
    fake_daemon daemon;
} stage;

static void stage_open(stage *s, const char *test) {
    fake_daemon_open(&s->daemon);
    rig_settings(&s->rig, test);
    snprintf(s->rig.settings.daemon_url, sizeof s->rig.settings.daemon_url, "http://127.0.0.1:%d",
             s->daemon.port);
}

static void stage_start(stage *s, const char *test) {
    stage_open(s, test);
    rig_start(&s->rig);
}

static void stage_end(stage *s) {
    rig_end(&s->rig);
    fake_daemon_close(&s->daemon);
}

static void submit(stage *s, char id[33]) {
    json_t *answer;
    assert_int_equal(rig_ask(&s->rig, "POST", "/api/generate", "{\"caption\":{}}", &answer), 200);
    snprintf(id, 33, "%s", text_at(answer, "task_id"));
    assert_true(i4_task_id_is_good(id));
    json_decref(answer);
}

static json_t *poll_task(stage *s, const char *id, int status) {
    char path[128];
    json_t *answer;
    snprintf(path, sizeof path, "/api/status/%s", id);
    assert_int_equal(rig_ask(&s->rig, "GET", path, NULL, &answer), status);
    return answer;
}

static size_t image_count(stage *s) {
    json_t *rows = NULL;
    i4_err err = {0};
    assert_int_equal(i4_db_images(s->rig.gateway.db, -1, false, false, -1, &rows, &err), I4_DB_OK);
    const size_t count = json_array_size(rows);
    json_decref(rows);
    return count;
}

static size_t task_count(stage *s) {
    json_t *ids = NULL;
    i4_err err = {0};
    assert_int_equal(i4_db_tasks(s->rig.gateway.db, &ids, &err), I4_DB_OK);
    const size_t count = json_array_size(ids);
    json_decref(ids);
    return count;
}

static void assert_file(stage *s, const char *name, const char *content) {
    char path[512], *data = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "output/%s", name);
    assert_true(i4_file_read(folder_at(&s->rig.folder, path), 1 << 20, &data, &size, NULL));
    assert_int_equal(size, strlen(content));
    assert_memory_equal(data, content, size);
    i4_free(data);
}

/* The rules of gateway/checks.h (i4_check_side, i4_check_caption, i4_check_preset,
 * i4_check_format) are tested through this route, and those for the queue in test_queue.c. */

/* --- POST /api/generate ----------------------------------------------------------------------- */

static void gateway_tasks_generate_forwards_seven_fields_and_records_the_task(void **state) {
    (void)state;
    stage s;
    json_t *answer;
    char method[16], target[2048], *body, id[33];
    stage_start(&s, "forward");
    assert_int_equal(
        rig_ask(&s.rig, "POST", "/api/generate",
                "{\"seed\":\"7\",\"caption\":{\"z\":1,\"a\":{\"é\":0.6}},\"width\":512.0,"
                "\"format\":\"PNG\",\"quality\":3,\"loras\":[],\"prompt_id\":41}",
                &answer),
        200);
    assert_int_equal(json_object_size(answer), 1);
    snprintf(id, sizeof id, "%s", text_at(answer, "task_id"));
    json_decref(answer);
    fake_daemon_last(&s.daemon, method, target, &body);
    assert_string_equal(method, "POST");
    assert_string_equal(target, "/generate");
    assert_string_equal(body,
                        "{\"caption\":{\"z\":1,\"a\":{\"é\":0.6}},\"width\":512,\"height\":1024,"
                        "\"preset\":\"V4_QUALITY_48\",\"seed\":7,\"format\":\"png\","
                        "\"prompt_id\":41}");
    free(body);
    json_t *ids = NULL;
    assert_int_equal(i4_db_tasks(s.rig.gateway.db, &ids, NULL), I4_DB_OK);
    assert_int_equal(json_array_size(ids), 1);
    assert_string_equal(json_string_value(json_array_get(ids, 0)), id);
    json_decref(ids);
    stage_end(&s);
}

static void gateway_tasks_generate_refuses_what_the_contract_refuses(void **state) {
    (void)state;
    static const struct {
        const char *body, *type, *field;
    } rows[] = {
        {"{}", "missing", "caption"},
        {"{\"caption\":\"x\"}", "dict_type", "caption"},
        {"{\"caption\":null}", "dict_type", "caption"},
        {"{\"caption\":{},\"width\":1000}", "value_error", "width"},
        {"{\"caption\":{},\"width\":255}", "value_error", "width"},
        {"{\"caption\":{},\"height\":2064}", "value_error", "height"},
        {"{\"caption\":{},\"height\":null}", "int_type", "height"},
        {"{\"caption\":{},\"height\":\"x\"}", "int_parsing", "height"},
        {"{\"caption\":{},\"height\":512.5}", "int_from_float", "height"},
        {"{\"caption\":{},\"preset\":\"v4_turbo_12\"}", "value_error", "preset"},
        {"{\"caption\":{},\"preset\":1}", "string_type", "preset"},
        {"{\"caption\":{},\"format\":\"jpg\"}", "value_error", "format"},
        {"{\"caption\":{},\"format\":[]}", "string_type", "format"},
        {"{\"caption\":{},\"seed\":9223372036854775808}", "int_parsing_size", "seed"},
        {"{\"caption\":{},\"seed\":[]}", "int_type", "seed"},
        {"{\"caption\":{},\"prompt_id\":\"a\"}", "int_parsing", "prompt_id"},
        {"[]", "model_attributes_type", NULL},
        {"", "missing", NULL},
        {"{", "json_invalid", NULL},
    };
    stage s;
    stage_start(&s, "refuse");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *answer;
        const int status = rig_ask(&s.rig, "POST", "/api/generate", rows[i].body, &answer);
        const json_t *entry = json_array_get(json_object_get(answer, "detail"), 0);
        const json_t *loc = json_object_get(entry, "loc");
        if (status != 422 || strcmp(text_at(entry, "type"), rows[i].type) != 0) {
            fail_msg("%s: %d %s", rows[i].body, status, text_at(entry, "type"));
        }
        assert_int_equal(json_array_size(json_object_get(answer, "detail")), 1);
        if (rows[i].field) {
            assert_string_equal(json_string_value(json_array_get(loc, 1)), rows[i].field);
        }
        json_decref(answer);
    }
    assert_int_equal(task_count(&s), 0);
    stage_end(&s);
}

static void gateway_tasks_generate_names_every_wrong_field_once_in_order(void **state) {
    (void)state;
    static const char *const fields[] = {"caption", "width",  "height",   "preset",
                                         "seed",    "format", "prompt_id"};
    stage s;
    json_t *answer;
    stage_start(&s, "fields");
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/generate",
                             "{\"prompt_id\":[],\"format\":\"x\",\"seed\":{},\"preset\":\"\","
                             "\"height\":1,\"width\":1,\"caption\":1}",
                             &answer),
                     422);
    const json_t *detail = json_object_get(answer, "detail");
    assert_int_equal(json_array_size(detail), 7);
    for (size_t i = 0; i < 7; i++) {
        const json_t *loc = json_object_get(json_array_get(detail, i), "loc");
        assert_string_equal(json_string_value(json_array_get(loc, 1)), fields[i]);
    }
    json_decref(answer);
    stage_end(&s);
}

/* The size is that of the text with ", " and ": ". */
static void gateway_tasks_generate_measures_the_caption_as_it_is_written(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "measure");
    s.rig.settings.max_caption_bytes = 18; /* {"a": [1, 2, "é"]} is 19 in UTF-8 */
    rig_start(&s.rig);
    assert_int_equal(
        rig_ask(&s.rig, "POST", "/api/generate", "{\"caption\":{\"a\":[1,2,\"é\"]}}", NULL), 422);
    assert_int_equal(
        rig_ask(&s.rig, "POST", "/api/generate", "{\"caption\":{\"a\":[1,2,\"e\"]}}", NULL), 200);
    stage_end(&s);
}

static void gateway_tasks_generate_passes_on_what_the_daemon_refuses(void **state) {
    (void)state;
    static const struct {
        int status, expected;
        const char *body;
    } rows[] = {
        {409, 409, "{\"error\":\"the slot is taken\"}"},
        {422, 422, "{\"detail\":[{\"msg\":\"m\"}]}"},
        {500, 500, "{\"error\":\"x\"}"},
        {200, 502, "{}"},
        {200, 502, "{\"task_id\":\"../../etc\"}"},
        {200, 502, "{\"task_id\":5}"},
        {200, 502, "nonsense"},
    };
    stage s;
    stage_start(&s, "passes");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *answer;
        fake_daemon_replace(&s.daemon, "/generate", rows[i].status, "application/json",
                            rows[i].body);
        assert_int_equal(rig_ask(&s.rig, "POST", "/api/generate", "{\"caption\":{}}", &answer),
                         rows[i].expected);
        if (rows[i].expected == rows[i].status) {
            json_t *same = json_loads(rows[i].body, 0, NULL);
            assert_true(json_equal(answer, same));
            json_decref(same);
        } else {
            assert_true(text_at(answer, "error")[0] != '\0');
        }
        json_decref(answer);
    }
    assert_int_equal(task_count(&s), 0);
    stage_end(&s);
}

/* --- GET /api/status -------------------------------------------------------------------------- */

static void gateway_tasks_running_task_is_shown_as_the_daemon_has_it(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "running");
    submit(&s, id);
    json_t *answer = poll_task(&s, id, 200);
    json_t *expected = json_loads("{\"state\":\"running\",\"msg\":\"6/12 steps\",\"image\":null,"
                                  "\"progress\":50,\"total_steps\":12,\"error\":null,"
                                  "\"cancelled\":false}",
                                  0, NULL);
    assert_true(json_equal(answer, expected));
    json_decref(expected);
    json_decref(answer);
    stage_end(&s);
}

static void keep_k2_unknown_task_is_done_without_an_image(void **state) {
    (void)state;
    static const char *const ids[] = {"0123456789abcdef0123456789abcdef", "nothing", "a%20b",
                                      "%2e%2e"};
    stage s;
    stage_start(&s, "unknown");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        json_t *answer = poll_task(&s, ids[i], 200);
        json_t *expected = json_loads("{\"state\":\"done\",\"msg\":\"not found\",\"image\":null,"
                                      "\"progress\":0,\"total_steps\":0,\"error\":null,"
                                      "\"cancelled\":false}",
                                      0, NULL);
        assert_true(json_equal(answer, expected));
        json_decref(expected);
        json_decref(answer);
    }
    stage_end(&s);
}

static void gateway_tasks_finished_task_shows_its_stored_picture(void **state) {
    (void)state;
    static const char *const keys[] = {
        "id",     "url",   "hld",    "time",      "prompt_id",     "parent_image_id", "seed",
        "preset", "width", "height", "lora_name", "lora_strength", "applied_loras"};
    stage s;
    char id[33], name[48];
    stage_start(&s, "finished");
    submit(&s, id);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    json_t *answer = poll_task(&s, id, 200);
    const json_t *image = json_object_get(answer, "image");
    assert_string_equal(text_at(answer, "state"), "done");
    assert_int_equal(json_object_size(image), sizeof keys / sizeof *keys);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_non_null(json_object_get(image, keys[i]));
    }
    assert_string_equal(text_at(image, "hld"), "A mug");
    assert_string_equal(text_at(image, "lora_name"), "a + b");
    assert_int_equal(json_integer_value(json_object_get(image, "seed")), 7);
    assert_int_equal(json_integer_value(json_object_get(image, "width")), 512);
    assert_int_equal(json_array_size(json_object_get(image, "applied_loras")), 2);
    json_decref(answer);
    snprintf(name, sizeof name, "%s.png", id);
    assert_file(&s, name, picture);

    json_t *row = NULL;
    assert_int_equal(i4_db_image_by_file(s.rig.gateway.db, name, &row, NULL), I4_DB_OK);
    assert_string_equal(text_at(row, "lora_stack_json"),
                        "[{\"name\": \"a\", \"strength\": 0.6, \"format\": \"f\"}, "
                        "{\"name\": \"b\", \"strength\": 1.0, \"format\": \"f\"}]");
    json_decref(row);
    EVENTUALLY(task_count(&s) == 0);
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.taken) == 1);
    stage_end(&s);
}

static void gateway_tasks_failed_task_shows_its_error(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "failed");
    submit(&s, id);
    fake_daemon_fail(&s.daemon, id, "no model is loaded");
    json_t *answer = poll_task(&s, id, 200);
    assert_string_equal(text_at(answer, "error"), "no model is loaded");
    assert_true(json_is_null(json_object_get(answer, "image")));
    assert_true(json_is_false(json_object_get(answer, "cancelled")));
    json_decref(answer);
    EVENTUALLY(task_count(&s) == 0);
    assert_int_equal(image_count(&s), 0);
    stage_end(&s);
}

static void gateway_tasks_status_passes_on_what_the_daemon_refuses(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "status-refused");
    fake_daemon_replace(&s.daemon, "/status/", 500, "text/plain", "it broke");
    json_t *answer = poll_task(&s, id_a, 500);
    assert_string_equal(text_at(answer, "error"), "it broke");
    json_decref(answer);
    stage_end(&s);
}

static void gateway_tasks_picture_that_cannot_be_stored_is_tried_again(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "again");
    submit(&s, id);
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.artifact_faults = 100000;
    pthread_mutex_unlock(&s.daemon.mutex);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    json_t *answer = poll_task(&s, id, 200);
    assert_string_equal(text_at(answer, "state"), "done");
    assert_int_equal(strncmp(text_at(answer, "msg"), "Error: ", 7), 0);
    assert_true(json_is_null(json_object_get(answer, "image")));
    assert_null(json_object_get(answer, "error"));
    assert_null(json_object_get(answer, "cancelled"));
    assert_int_equal(json_object_size(answer), 5);
    json_decref(answer);
    assert_int_equal(image_count(&s), 0);
    assert_int_equal(task_count(&s), 1);

    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.artifact_faults = 0;
    pthread_mutex_unlock(&s.daemon.mutex);
    answer = poll_task(&s, id, 200);
    assert_true(json_is_object(json_object_get(answer, "image")));
    json_decref(answer);
    stage_end(&s);
}

/* --- storing ---------------------------------------------------------------------------------- */

static void improve_i2_picture_is_stored_when_nobody_asks(void **state) {
    (void)state;
    stage s;
    char id[33], name[48];
    stage_start(&s, "nobody");
    submit(&s, id);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    EVENTUALLY(image_count(&s) == 1);
    snprintf(name, sizeof name, "%s.png", id);
    assert_file(&s, name, picture);
    EVENTUALLY(task_count(&s) == 0);
    stage_end(&s);
}

typedef struct asker {
    stage *stage;
    const char *id;
    int64_t image_id;
    pthread_t thread;
} asker;

static void *ask_once(void *user) {
    asker *a = user;
    json_t *answer = poll_task(a->stage, a->id, 200);
    a->image_id = json_integer_value(json_object_get(json_object_get(answer, "image"), "id"));
    json_decref(answer);
    return NULL;
}

static void improve_i3_concurrent_polls_store_once(void **state) {
    (void)state;
    enum { ASKERS = 12 };
    stage s;
    char id[33];
    asker askers[ASKERS];
    stage_start(&s, "once");
    submit(&s, id);
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.artifact_pause_ms = 300;
    pthread_mutex_unlock(&s.daemon.mutex);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (asker){.stage = &s, .id = id};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_once, &askers[i]), 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        assert_true(askers[i].image_id > 0);
        assert_int_equal(askers[i].image_id, askers[0].image_id);
    }
    assert_int_equal(image_count(&s), 1);
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.artifacts_given), 1);
    stage_end(&s);
}

static void gateway_tasks_deleted_picture_does_not_come_back(void **state) {
    (void)state;
    stage s;
    char id[33], path[64];
    stage_start(&s, "deleted");
    submit(&s, id);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    json_t *answer = poll_task(&s, id, 200);
    snprintf(path, sizeof path, "/api/images/%d",
             (int)json_integer_value(json_object_get(json_object_get(answer, "image"), "id")));
    json_decref(answer);
    assert_int_equal(rig_ask(&s.rig, "DELETE", path, NULL, NULL), 200);
    answer = poll_task(&s, id, 200);
    assert_true(json_is_null(json_object_get(answer, "image")));
    json_decref(answer);
    assert_int_equal(image_count(&s), 0);
    stage_end(&s);
}

static void gateway_tasks_picture_of_a_task_that_the_daemon_forgot_is_shown(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "forgot");
    submit(&s, id);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    json_decref(poll_task(&s, id, 200));
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.taken) == 1);
    fake_daemon_stop(&s.daemon);
    fake_daemon_restart(&s.daemon);
    json_t *answer = poll_task(&s, id, 200);
    assert_string_equal(text_at(answer, "msg"), "not found");
    assert_true(json_is_object(json_object_get(answer, "image")));
    json_decref(answer);
    stage_end(&s);
}

/* --- restarts --------------------------------------------------------------------------------- */

static void gateway_tasks_picture_finished_while_the_gateway_is_down_is_stored(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "gateway-down");
    submit(&s, id);
    rig_stop(&s.rig);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    rig_start(&s.rig);
    EVENTUALLY(image_count(&s) == 1);
    EVENTUALLY(task_count(&s) == 0);
    stage_end(&s);
}

static void gateway_tasks_running_task_is_followed_after_a_restart(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "followed");
    submit(&s, id);
    rig_stop(&s.rig);
    rig_start(&s.rig);
    assert_int_equal(task_count(&s), 1);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    EVENTUALLY(image_count(&s) == 1);
    stage_end(&s);
}

static void gateway_tasks_picture_survives_a_restart_of_the_daemon(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "daemon-down");
    submit(&s, id);
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.artifact_faults = 100000;
    pthread_mutex_unlock(&s.daemon.mutex);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.artifacts_given) > 0);
    fake_daemon_stop(&s.daemon);
    json_t *answer = poll_task(&s, id, 503);
    assert_int_equal(strncmp(text_at(answer, "error"), "Model daemon unreachable: ", 26), 0);
    json_decref(answer);
    s.daemon.artifact_faults = 0;
    fake_daemon_restart(&s.daemon);
    EVENTUALLY(image_count(&s) == 1);
    stage_end(&s);
}

static void gateway_tasks_task_lost_with_the_daemon_ends(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "lost");
    submit(&s, id);
    fake_daemon_stop(&s.daemon);
    fake_daemon_restart(&s.daemon);
    EVENTUALLY(task_count(&s) == 0);
    json_t *answer = poll_task(&s, id, 200);
    assert_string_equal(text_at(answer, "msg"), "not found");
    json_decref(answer);
    stage_end(&s);
}

/* Killed between the row and the word to the daemon. */
static void gateway_tasks_spooled_picture_with_a_row_is_only_acknowledged(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_start(&s, "acknowledged");
    submit(&s, id);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.taken) == 1);
    EVENTUALLY(task_count(&s) == 0);
    rig_stop(&s.rig);
    s.daemon.tasks[0].is_taken = false;
    rig_start(&s.rig);
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.taken) == 2);
    assert_int_equal(image_count(&s), 1);
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.artifacts_given), 1);
    stage_end(&s);
}

/* A submission whose answer got lost; and one of the command line, which fetches it in time. */
static void gateway_tasks_unknown_spooled_picture_is_taken_at_the_second_look(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "stranger");
    fake_daemon_add(&s.daemon, id_a);
    fake_daemon_add(&s.daemon, id_b);
    fake_daemon_finish(&s.daemon, id_a, meta, picture, strlen(picture));
    fake_daemon_finish(&s.daemon, id_b, meta, picture, strlen(picture));
    rig_start(&s.rig);
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.spool_looks) == 1);
    assert_int_equal(image_count(&s), 0);
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.tasks[1].is_taken = true;
    pthread_mutex_unlock(&s.daemon.mutex);
    EVENTUALLY(image_count(&s) == 1);
    assert_true(fake_daemon_read(&s.daemon, &s.daemon.spool_looks) >= 2);
    json_t *row = NULL;
    assert_int_equal(i4_store_find(&s.rig.gateway, id_a, &row, NULL), I4_DB_OK);
    json_decref(row);
    stage_end(&s);
}

/* The original's command line does not say that it has its picture. */
static void gateway_tasks_fetched_picture_of_another_client_is_left_alone(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "fetched");
    fake_daemon_add(&s.daemon, id_a);
    fake_daemon_add(&s.daemon, id_b);
    fake_daemon_finish(&s.daemon, id_a, meta, picture, strlen(picture));
    fake_daemon_finish(&s.daemon, id_b, meta, picture, strlen(picture));
    s.daemon.tasks[1].is_fetched = true;
    rig_start(&s.rig);
    EVENTUALLY(image_count(&s) == 1); /* the other one, at the second look */
    json_t *row = NULL;
    assert_int_equal(i4_store_find(&s.rig.gateway, id_b, &row, NULL), I4_DB_NONE);
    EVENTUALLY(fake_daemon_read(&s.daemon, &s.daemon.taken) == 1); /* the row comes first */
    stage_end(&s);
}

static void gateway_tasks_daemon_that_comes_later_is_noticed(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "later");
    fake_daemon_stop(&s.daemon);
    rig_start(&s.rig);
    assert_int_equal(i4_db_add_task(s.rig.gateway.db, id_a, NULL), I4_DB_OK);
    rig_stop(&s.rig);
    rig_start(&s.rig); /* knows the task */
    fake_daemon_add(&s.daemon, id_a);
    fake_daemon_finish(&s.daemon, id_a, meta, picture, strlen(picture));
    fake_daemon_restart(&s.daemon);
    EVENTUALLY(image_count(&s) == 1);
    stage_end(&s);
}

static void gateway_tasks_daemon_without_a_spool_will_do(void **state) {
    (void)state;
    stage s;
    char id[33];
    stage_open(&s, "no-spool");
    s.daemon.has_no_spool = true;
    rig_start(&s.rig);
    submit(&s, id);
    fake_daemon_finish(&s.daemon, id, meta, picture, strlen(picture));
    EVENTUALLY(image_count(&s) == 1);
    stage_end(&s);
}

static void gateway_tasks_sweep_removes_half_written_files_only(void **state) {
    (void)state;
    static const char *const gone[] = {
        ".ideogram4-0123456789abcdef.tmp", ".upscale-0123456789abcdef0123456789abcdef.png",
        "0123456789abcdef0123456789abcdef.png.tmp", "0123456789abcdef0123456789abcdef.webp.tmp"};
    static const char *const kept[] = {"0123456789abcdef0123456789abcdef.png",
                                       "mine.tmp",
                                       ".ideogram4-0123.tmp",
                                       "cat.jpeg",
                                       ".ideogram4-0123456789abcdeg.tmp",
                                       "0123456789abcdef0123456789abcdef.gif.tmp"};
    stage s;
    char path[128];
    stage_open(&s, "sweep");
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        snprintf(path, sizeof path, "output/%s", gone[i]);
        folder_write(&s.rig.folder, path, "x");
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        snprintf(path, sizeof path, "output/%s", kept[i]);
        folder_write(&s.rig.folder, path, "x");
    }
    rig_start(&s.rig);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        snprintf(path, sizeof path, "output/%s", gone[i]);
        assert_int_equal(i4_path_look(folder_at(&s.rig.folder, path)), I4_PATH_NONE);
    }
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        snprintf(path, sizeof path, "output/%s", kept[i]);
        assert_int_equal(i4_path_look(folder_at(&s.rig.folder, path)), I4_PATH_FILE);
    }
    stage_end(&s);
}

/* Killed between file and row, and the daemon lost its spool: the picture tells what it is. */
static void gateway_tasks_whole_file_of_a_forgotten_task_gets_its_row(void **state) {
    (void)state;
    stage s;
    i4_image image;
    uint8_t *bytes = NULL;
    size_t size = 0;
    const i4_pair recipe = {"ideogram4",
                            "{\"version\":1,\"caption\":\"{\\\"high_level_description\\\":\\\"A "
                            "boat\\\"}\",\"preset\":\"V4_DEFAULT_20\",\"seed\":99}"};
    char name[64];
    stage_start(&s, "found");
    assert_int_equal(i4_db_add_task(s.rig.gateway.db, id_a, NULL), I4_DB_OK);
    rig_stop(&s.rig);
    assert_true(i4_image_new(&image, 20, 10, NULL));
    memset(image.rgb, 7, 600);
    assert_true(i4_image_encode(&image, I4_PNG, 0, &recipe, 1, &bytes, &size, NULL));
    snprintf(name, sizeof name, "output/%s.png", id_a);
    assert_true(i4_file_write(folder_at(&s.rig.folder, name), bytes, size, NULL));
    i4_free(bytes);
    i4_image_free(&image);
    rig_start(&s.rig);
    EVENTUALLY(image_count(&s) == 1);
    json_t *row = NULL;
    assert_int_equal(i4_store_find(&s.rig.gateway, id_a, &row, NULL), I4_DB_OK);
    assert_string_equal(text_at(row, "hld"), "A boat");
    assert_string_equal(text_at(row, "preset"), "V4_DEFAULT_20");
    assert_int_equal(json_integer_value(json_object_get(row, "seed")), 99);
    assert_int_equal(json_integer_value(json_object_get(row, "width")), 20);
    json_decref(row);
    EVENTUALLY(task_count(&s) == 0);
    stage_end(&s);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void gateway_tasks_cancel_is_passed_on(void **state) {
    (void)state;
    stage s;
    char id[33], path[64];
    json_t *answer;
    stage_start(&s, "cancel");
    submit(&s, id);
    snprintf(path, sizeof path, "/api/cancel/%s", id);
    assert_int_equal(rig_ask(&s.rig, "POST", path, NULL, &answer), 200);
    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    answer = poll_task(&s, id, 200);
    assert_string_equal(text_at(answer, "msg"), "Cancelled.");
    assert_string_equal(text_at(answer, "error"), "Cancelled");
    assert_true(json_is_true(json_object_get(answer, "cancelled")));
    json_decref(answer);
    EVENTUALLY(task_count(&s) == 0);
    assert_int_equal(rig_ask(&s.rig, "POST", "/api/cancel/none", NULL, &answer), 404);
    assert_string_equal(text_at(answer, "error"), "unknown");
    json_decref(answer);
    stage_end(&s);
}

static void improve_i4_picture_of_a_cancelled_task_is_dropped(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "dropped");
    fake_daemon_add(&s.daemon, id_a);
    fake_daemon_set_cancelled(&s.daemon, id_a);
    fake_daemon_finish(&s.daemon, id_a, meta, picture, strlen(picture));
    json_t *answer = poll_task(&s, id_a, 200);
    assert_string_equal(text_at(answer, "msg"), "Cancelled.");
    assert_string_equal(text_at(answer, "error"), "Cancelled");
    assert_true(json_is_true(json_object_get(answer, "cancelled")));
    assert_true(json_is_null(json_object_get(answer, "image")));
    json_decref(answer);
    assert_int_equal(image_count(&s), 0);
    assert_int_equal(fake_daemon_read(&s.daemon, &s.daemon.taken), 1);
    stage_end(&s);
}

/* --- relaying (2.8) --------------------------------------------------------------------------- */

static void keep_k15_daemon_errors_keep_status_and_body(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *type, *body;
        int expected;
        const char *answer; /* JSON */
    } rows[] = {
        {200, "application/json", "{\"a\":[1,2.5,\"é\"]}", 200, "{\"a\":[1,2.5,\"é\"]}"},
        {201, "application/json", "{\"ok\":true}", 200, "{\"ok\":true}"},
        {302, "application/json", "{\"ok\":true}", 200, "{\"ok\":true}"},
        {404, "application/json", "{\"error\":\"no\"}", 404, "{\"error\":\"no\"}"},
        {409, "application/json", "{\"error\":\"busy\"}", 409, "{\"error\":\"busy\"}"},
        {422, "application/json", "{\"detail\":[]}", 422, "{\"detail\":[]}"},
        {503, "application/json", "[1]", 503, "[1]"},
        {500, "text/plain", "Internal Server Error", 500, "{\"error\":\"Internal Server Error\"}"},
        {500, "text/plain", "", 500, "{\"error\":\"Internal Server Error\"}"},
        {404, "text/html", "", 404, "{\"error\":\"Not Found\"}"},
        {200, "text/plain", "fine", 200, "{\"error\":\"fine\"}"},
        {502, "text/plain", "bad \x01\xff", 502, NULL},
    };
    static const struct {
        const char *method, *path, *body, *relayed;
    } routes[] = {
        {"POST", "/api/model/load", NULL, "POST /model/load "},
        {"POST", "/api/model/unload", NULL, "POST /model/unload "},
        {"GET", "/api/lora/status", NULL, "GET /lora/status "},
        {"GET", "/api/lora/presets", NULL, "GET /lora/presets "},
        {"POST", "/api/lora/download", "{\"x\":{\"b\":1,\"a\":0.6}}",
         "POST /lora/download {\"x\":{\"b\":1,\"a\":0.6}}"},
        {"GET", "/api/lora/download/t1", NULL, "GET /lora/download/t1 "},
        {"POST", "/api/lora/apply", "{}", "POST /lora/apply {}"},
        {"POST", "/api/lora/remove", NULL, "POST /lora/remove "},
        {"GET", "/api/lora/operation/a%20b", NULL, "GET /lora/operation/a%20b "},
    };
    stage s;
    stage_start(&s, "relay");
    for (size_t k = 0; k < sizeof routes / sizeof *routes; k++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            json_t *answer;
            char method[16], target[2048], *body, said[4096];
            fake_daemon_replace(&s.daemon, "/", rows[i].status, rows[i].type, rows[i].body);
            assert_int_equal(
                rig_ask(&s.rig, routes[k].method, routes[k].path, routes[k].body, &answer),
                rows[i].expected);
            json_t *expected = rows[i].answer ? json_loads(rows[i].answer, 0, NULL) : NULL;
            assert_true(expected ? json_equal(answer, expected) : text_at(answer, "error")[0]);
            json_decref(expected);
            json_decref(answer);
            fake_daemon_last(&s.daemon, method, target, &body);
            snprintf(said, sizeof said, "%s %s %s", method, target, body);
            assert_string_equal(said, routes[k].relayed);
            free(body);
        }
    }
    stage_end(&s);
}

static void gateway_tasks_lora_bodies_must_be_objects(void **state) {
    (void)state;
    static const char *const bodies[] = {"[]", "\"x\"", "1", "", "null", "{"};
    static const char *const types[] = {"dict_type", "dict_type", "dict_type",
                                        "missing",   "missing",   "json_invalid"};
    stage s;
    stage_start(&s, "lora");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        json_t *answer;
        assert_int_equal(rig_ask(&s.rig, "POST", "/api/lora/apply", bodies[i], &answer), 422);
        assert_string_equal(text_at(json_array_get(json_object_get(answer, "detail"), 0), "type"),
                            types[i]);
        json_decref(answer);
    }
    stage_end(&s);
}

static void keep_k15_unreachable_daemon_is_503_with_the_literal_words(void **state) {
    (void)state;
    static const struct {
        const char *method, *path, *body;
    } routes[] = {
        {"POST", "/api/model/load", NULL},      {"POST", "/api/model/unload", NULL},
        {"GET", "/api/lora/status", NULL},      {"GET", "/api/lora/presets", NULL},
        {"POST", "/api/lora/download", "{}"},   {"GET", "/api/lora/download/x", NULL},
        {"POST", "/api/lora/apply", "{}"},      {"POST", "/api/lora/remove", NULL},
        {"GET", "/api/lora/operation/x", NULL}, {"POST", "/api/generate", "{\"caption\":{}}"},
        {"GET", "/api/status/x", NULL},         {"POST", "/api/cancel/x", NULL}};
    stage s;
    stage_start(&s, "unreachable");
    fake_daemon_stop(&s.daemon);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        json_t *answer;
        assert_int_equal(rig_ask(&s.rig, routes[i].method, routes[i].path, routes[i].body, &answer),
                         503);
        assert_int_equal(strncmp(text_at(answer, "error"), "Model daemon unreachable: ", 26), 0);
        assert_true(strlen(text_at(answer, "error")) > 26);
        json_decref(answer);
    }
    fake_daemon_restart(&s.daemon);
    stage_end(&s);
}

static void gateway_tasks_hanging_daemon_is_503(void **state) {
    (void)state;
    stage s;
    json_t *answer;
    stage_start(&s, "hanging");
    pthread_mutex_lock(&s.daemon.mutex);
    s.daemon.pause_ms = 20000;
    pthread_mutex_unlock(&s.daemon.mutex);
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/lora/status", NULL, &answer), 503);
    assert_int_equal(strncmp(text_at(answer, "error"), "Model daemon unreachable: ", 26), 0);
    json_decref(answer);
    rig_stop(&s.rig); /* does not wait for it either */
    stage_end(&s);
}

static void keep_k1_model_status_never_fails(void **state) {
    (void)state;
    static const struct {
        int status;
        const char *body, *state;
    } rows[] = {{200, "{\"state\":\"loaded\",\"msg\":\"m\"}", "loaded"},
                {500, "{\"state\":\"loaded\"}", "idle"},
                {404, "x", "idle"},
                {200, "not JSON", "idle"},
                {200, "[]", "idle"}};
    stage s;
    json_t *answer;
    stage_start(&s, "status");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fake_daemon_replace(&s.daemon, "/model/status", rows[i].status, "application/json",
                            rows[i].body);
        assert_int_equal(rig_ask(&s.rig, "GET", "/api/model/status", NULL, &answer), 200);
        assert_string_equal(text_at(answer, "state"), rows[i].state);
        assert_int_equal(json_object_size(answer), 2);
        json_decref(answer);
    }
    fake_daemon_stop(&s.daemon);
    assert_int_equal(rig_ask(&s.rig, "GET", "/api/model/status", NULL, &answer), 200);
    assert_string_equal(text_at(answer, "state"), "idle");
    assert_true(text_at(answer, "msg")[0] != '\0');
    json_decref(answer);
    fake_daemon_restart(&s.daemon);
    stage_end(&s);
}

/* --- life ------------------------------------------------------------------------------------- */

static void gateway_tasks_second_gateway_on_a_database_is_refused(void **state) {
    (void)state;
    folder f;
    int told[2], fd = -1;
    char byte;
    i4_err err = {0};
    folder_make(&f, "lock");
    assert_int_equal(pipe(told), 0);
    const pid_t pid = fork(); /* locks are between processes */
    if (pid == 0) {
        const bool is_locked = i4_instance_lock(folder_at(&f, "test.db"), &fd, NULL);
        (void)!write(told[1], is_locked ? "y" : "n", 1);
        pause();
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_false(i4_instance_lock(folder_at(&f, "test.db"), &fd, &err));
    assert_int_equal(err.status, I4_E_BUSY);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_true(i4_instance_lock(folder_at(&f, "test.db"), &fd, &err));
    close(fd);
    close(told[0]);
    close(told[1]);
    folder_remove(&f);
}

static void gateway_tasks_taken_port_is_refused_and_leaves_nothing(void **state) {
    (void)state;
    stage s;
    i4_err err = {0};
    stage_open(&s, "port");
    s.rig.settings.server_port = s.daemon.port;
    assert_false(i4_gateway_start(&s.rig.gateway, &s.rig.settings, &err));
    assert_true(err.text[0] != '\0');
    s.rig.settings.server_port = 0;
    rig_start(&s.rig);
    stage_end(&s);
}

static void gateway_tasks_page_is_built_in_or_from_its_folder(void **state) {
    (void)state;
    stage s;
    stage_start(&s, "page");
    assert_int_equal(rig_ask(&s.rig, "GET", "/", NULL, NULL), 200);
    assert_int_equal(rig_ask(&s.rig, "GET", "/app.js", NULL, NULL), 404);
    rig_stop(&s.rig);
    folder_sub(&s.rig.folder, "web");
    folder_write(&s.rig.folder, "web/index.html", "{\"page\":1}");
    folder_write(&s.rig.folder, "web/app.js", "{\"script\":1}");
    snprintf(s.rig.settings.web_dir, sizeof s.rig.settings.web_dir, "%s",
             folder_at(&s.rig.folder, "web"));
    rig_start(&s.rig);
    json_t *answer;
    assert_int_equal(rig_ask(&s.rig, "GET", "/", NULL, &answer), 200);
    assert_non_null(json_object_get(answer, "page"));
    json_decref(answer);
    assert_int_equal(rig_ask(&s.rig, "GET", "/app.js", NULL, &answer), 200);
    assert_non_null(json_object_get(answer, "script"));
    json_decref(answer);
    stage_end(&s);
}

/* Every allocation of the start fails in turn: it says so or copes, and nothing is left. */
static stage *faulty;

typedef struct shared_fault {
    atomic_int countdown;
} shared_fault;

static bool hit_nth(i4_fault_kind kind, size_t size, void *user) {
    shared_fault *f = user;
    (void)kind;
    (void)size;
    return atomic_fetch_sub(&f->countdown, 1) == 0;
}

static bool start_and_stop(i4_err *err) {
    i4_gateway gateway;
    const bool good = i4_gateway_start(&gateway, &faulty->rig.settings, err);
    if (good) {
        i4_gateway_stop(&gateway);
    }
    return good;
}

static void gateway_tasks_start_survives_failing_memory(void **state) {
    (void)state;
    stage s;
    stage_open(&s, "memory");
    fake_daemon_stop(&s.daemon);
    faulty = &s;
    for (int n = 0; n < 60; n++) {
        shared_fault f = {n};
        i4_err err = {0};
        i4_fault_set(hit_nth, &f);
        const bool good = start_and_stop(&err);
        i4_fault_set(NULL, NULL);
        assert_true(good || err.text[0] != '\0');
    }
    fake_daemon_restart(&s.daemon);
    stage_end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gateway_tasks_second_gateway_on_a_database_is_refused),
        cmocka_unit_test(gateway_tasks_generate_forwards_seven_fields_and_records_the_task),
        cmocka_unit_test(gateway_tasks_generate_refuses_what_the_contract_refuses),
        cmocka_unit_test(gateway_tasks_generate_names_every_wrong_field_once_in_order),
        cmocka_unit_test(gateway_tasks_generate_measures_the_caption_as_it_is_written),
        cmocka_unit_test(gateway_tasks_generate_passes_on_what_the_daemon_refuses),
        cmocka_unit_test(gateway_tasks_running_task_is_shown_as_the_daemon_has_it),
        cmocka_unit_test(keep_k2_unknown_task_is_done_without_an_image),
        cmocka_unit_test(gateway_tasks_finished_task_shows_its_stored_picture),
        cmocka_unit_test(gateway_tasks_failed_task_shows_its_error),
        cmocka_unit_test(gateway_tasks_status_passes_on_what_the_daemon_refuses),
        cmocka_unit_test(gateway_tasks_picture_that_cannot_be_stored_is_tried_again),
        cmocka_unit_test(improve_i2_picture_is_stored_when_nobody_asks),
        cmocka_unit_test(improve_i3_concurrent_polls_store_once),
        cmocka_unit_test(gateway_tasks_deleted_picture_does_not_come_back),
        cmocka_unit_test(gateway_tasks_picture_of_a_task_that_the_daemon_forgot_is_shown),
        cmocka_unit_test(gateway_tasks_picture_finished_while_the_gateway_is_down_is_stored),
        cmocka_unit_test(gateway_tasks_running_task_is_followed_after_a_restart),
        cmocka_unit_test(gateway_tasks_picture_survives_a_restart_of_the_daemon),
        cmocka_unit_test(gateway_tasks_task_lost_with_the_daemon_ends),
        cmocka_unit_test(gateway_tasks_spooled_picture_with_a_row_is_only_acknowledged),
        cmocka_unit_test(gateway_tasks_unknown_spooled_picture_is_taken_at_the_second_look),
        cmocka_unit_test(gateway_tasks_fetched_picture_of_another_client_is_left_alone),
        cmocka_unit_test(gateway_tasks_daemon_that_comes_later_is_noticed),
        cmocka_unit_test(gateway_tasks_daemon_without_a_spool_will_do),
        cmocka_unit_test(gateway_tasks_sweep_removes_half_written_files_only),
        cmocka_unit_test(gateway_tasks_whole_file_of_a_forgotten_task_gets_its_row),
        cmocka_unit_test(gateway_tasks_cancel_is_passed_on),
        cmocka_unit_test(improve_i4_picture_of_a_cancelled_task_is_dropped),
        cmocka_unit_test(keep_k15_daemon_errors_keep_status_and_body),
        cmocka_unit_test(gateway_tasks_lora_bodies_must_be_objects),
        cmocka_unit_test(keep_k15_unreachable_daemon_is_503_with_the_literal_words),
        cmocka_unit_test(gateway_tasks_hanging_daemon_is_503),
        cmocka_unit_test(keep_k1_model_status_never_fails),
        cmocka_unit_test(gateway_tasks_taken_port_is_refused_and_leaves_nothing),
        cmocka_unit_test(gateway_tasks_page_is_built_in_or_from_its_folder),
        cmocka_unit_test(gateway_tasks_start_survives_failing_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
