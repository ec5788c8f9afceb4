/* How long pictures take (docs/api.md 1.1 `eta`, 1.2 /api/estimate): what is learned, what is said
 * before a picture and while it is drawn; and what this machine can do (5). */
#include "fake_daemon.h"
#include "gateway_rig.h"

#include "gateway/db/private.h"
#include "gateway/db/timings.h"
#include "gateway/events/estimate.h"
#include "gateway/events/inside.h"
#include "ideogram4.h"

#include <math.h>

static const i4_size_preset small_turbo = {"V4_TURBO_12", 256, 256};

static void begin(rig *r) {
    rig_settings(r, "estimate");
    rig_start(r);
}

static void learn(rig *r, const i4_size_preset *picture, const char *seconds, int steps) {
    json_t *given = json_loads(seconds, 0, NULL);
    assert_non_null(given);
    i4_estimate_learn(&r->gateway, picture, given, steps);
    json_decref(given);
}

/* Within what a clock that runs meanwhile makes of it. */
static void assert_near(double got, double wanted) {
    if (fabs(got - wanted) > 1e-3 * fmax(1, fabs(wanted))) {
        fail_msg("%.9g, not %.9g", got, wanted);
    }
}

static double whole(rig *r, const i4_size_preset *picture, const char *basis) {
    double seconds;
    const char *got;
    const bool is_known = i4_estimate_whole(&r->gateway, picture, &seconds, &got);
    assert_string_equal(got, basis);
    assert_int_equal(is_known, strcmp(basis, "none") != 0);
    return seconds;
}

/* --- timings ------------------------------------------------------------------------------- */

static void estimate_keeps_the_last_of_each_kind(void **state) {
    rig r;
    i4_err err = {0};
    double median = 1;
    int64_t below, above;
    (void)state;
    begin(&r);
    i4_db *db = r.gateway.db;
    assert_int_equal(i4_db_timing(db, "step", "P", 100, &median, &err), I4_DB_NONE);
    assert_int_equal(i4_db_timing_near(db, "step", "P", 100, &below, &above, &err), I4_DB_NONE);
    for (int i = 1; i <= 30; i++) { /* of these the last 20 are kept: 11 to 30 */
        const i4_timing timings[] = {{"step", i}, {"save", 7}};
        assert_int_equal(i4_db_add_timings(db, "P", 100, timings, 2, &err), I4_DB_OK);
    }
    const i4_timing other = {"step", 1000};
    assert_int_equal(i4_db_add_timings(db, "Q", 100, &other, 1, &err), I4_DB_OK);
    assert_int_equal(i4_db_add_timings(db, "P", 400, &other, 1, &err), I4_DB_OK);
    assert_int_equal(i4_db_timing(db, "step", "P", 100, &median, &err), I4_DB_OK);
    assert_near(median, 20.5);
    assert_int_equal(i4_db_timing(db, "save", "P", 100, &median, &err), I4_DB_OK);
    assert_near(median, 7);
    assert_int_equal(i4_db_timing_near(db, "step", "P", 200, &below, &above, &err), I4_DB_OK);
    assert_int_equal(below, 100);
    assert_int_equal(above, 400);
    assert_int_equal(i4_db_timing_near(db, "step", "P", 500, &below, &above, &err), I4_DB_OK);
    assert_int_equal(below, 400);
    assert_int_equal(above, 0);
    rig_end(&r);
}

/* --- before a picture ---------------------------------------------------------------------- */

static void estimate_of_a_whole_picture(void **state) {
    static const i4_size_preset quality = {"V4_QUALITY_48", 256, 256};
    static const i4_size_preset wide = {"V4_TURBO_12", 512, 256};
    static const i4_size_preset full = {"V4_DEFAULT_20", 1024, 1024};
    static const i4_size_preset large = {"V4_DEFAULT_20", 2048, 2048};
    static const i4_size_preset unknown = {"NO_SUCH_PRESET", 256, 256};
    rig r;
    (void)state;
    begin(&r);
    assert_near(whole(&r, &small_turbo, "none"), 0);
    learn(&r, &small_turbo, "{\"encode\":1,\"denoise\":24,\"decode\":2,\"save\":0.5}", 12);
    assert_near(whole(&r, &small_turbo, "history"), 27.5);
    assert_near(whole(&r, &quality, "scaled"), 1 + 48 * 2 + 2.5); /* same size, other steps */
    assert_near(whole(&r, &unknown, "none"), 0);
    /* twice the pixels: more than as long, as nothing of it becomes quicker; with the fixed part of
     * the text a step takes less than twice as long, pictures are twice as much to decode */
    const double twice = whole(&r, &wide, "scaled");
    assert_true(twice > 1 + 24 + 5 && twice < 1 + 48 + 5);
    /* its own history counts at once, the median of it */
    learn(&r, &wide, "{\"encode\":1,\"denoise\":60,\"decode\":4,\"save\":1}", 12);
    assert_near(whole(&r, &wide, "history"), 66);
    learn(&r, &wide, "{\"encode\":1,\"denoise\":600,\"decode\":4,\"save\":1}", 12);
    learn(&r, &wide, "{\"encode\":1,\"denoise\":72,\"decode\":4,\"save\":1}", 12);
    assert_near(whole(&r, &wide, "history"), 78);
    /* attention makes the steps of large ones dearer than their pixels */
    learn(&r, &full, "{\"denoise\":20}", 20);
    assert_true(whole(&r, &large, "scaled") > 4 * whole(&r, &full, "history"));
    rig_end(&r);
}

/* What makes no sense is not learned. */
static void estimate_learns_no_nonsense(void **state) {
    rig r;
    (void)state;
    begin(&r);
    learn(&r, &small_turbo, "{}", 12);
    learn(&r, &small_turbo, "[]", 12);
    learn(&r, &small_turbo, "{\"denoise\":24}", 0);
    learn(&r, &small_turbo, "{\"denoise\":\"24\",\"decode\":null}", 12);
    learn(&r, &small_turbo, "{\"denoise\":-3}", 12);
    learn(&r, &small_turbo, "{\"denoise\":1e300}", 12);
    i4_estimate_learn(&r.gateway, &small_turbo, NULL, 12);
    whole(&r, &small_turbo, "none");
    learn(&r, &small_turbo, "{\"denoise\":12}", 12); /* the others are not known: they count 0 */
    assert_near(whole(&r, &small_turbo, "history"), 12);
    rig_end(&r);
}

/* --- while it is drawn --------------------------------------------------------------------- */

static void estimate_reads_what_the_daemon_says(void **state) {
    i4_detail detail;
    (void)state;
    json_t *status =
        json_loads("{\"detail\":{\"phase\":\"denoise\",\"step\":3,\"steps\":12,\"fraction\":0.25,"
                   "\"seconds\":7.5,\"step_seconds\":2.0,\"preview_step\":2}}",
                   0, NULL);
    assert_true(i4_status_detail(status, &detail));
    assert_string_equal(detail.phase, "denoise");
    assert_int_equal(detail.step, 3);
    assert_int_equal(detail.steps, 12);
    assert_int_equal(detail.preview_step, 2);
    assert_near(detail.fraction, 0.25);
    assert_near(detail.seconds, 7.5);
    assert_near(detail.step_seconds, 2);
    json_decref(status);
    status = json_loads("{\"detail\":{\"phase\":5,\"step\":-3,\"steps\":1e99,\"fraction\":7,"
                        "\"seconds\":\"x\",\"preview_step\":null}}",
                        0, NULL);
    assert_true(i4_status_detail(status, &detail));
    assert_string_equal(detail.phase, "");
    assert_int_equal(detail.step, 0);
    assert_true(detail.steps > 0);
    assert_int_equal(detail.preview_step, -1);
    assert_near(detail.fraction, 1);
    json_decref(status);
    status = json_object();
    assert_false(i4_status_detail(status, &detail));
    assert_false(i4_status_detail(NULL, &detail));
    assert_string_equal(detail.phase, "");
    assert_int_equal(detail.preview_step, -1);
    json_decref(status);
}

/* One look at a running picture; the clock stood `later` seconds since the last one. */
static double rest(rig *r, i4_eta *eta, int step, double step_seconds, double later) {
    const i4_detail detail = {
        .phase = "denoise", .step = step, .steps = 12, .step_seconds = step_seconds};
    double seconds;
    eta->at -= later;
    assert_true(i4_estimate_rest(&r->gateway, &small_turbo, &detail, eta, &seconds));
    assert_true(eta->has_before);
    assert_near(eta->seconds, seconds);
    return seconds;
}

static void estimate_says_nothing_before_two_steps(void **state) {
    rig r;
    i4_eta eta = {0};
    double seconds;
    (void)state;
    begin(&r);
    learn(&r, &small_turbo, "{\"encode\":1,\"denoise\":24,\"decode\":2,\"save\":0.5}", 12);
    for (int step = 0; step < 2; step++) {
        const i4_detail detail = {.phase = "denoise", .step = step, .steps = 12, .step_seconds = 2};
        assert_false(i4_estimate_rest(&r.gateway, &small_turbo, &detail, &eta, &seconds));
        assert_false(eta.has_before);
    }
    const i4_detail older = {.phase = "denoise", .step = 5, .steps = 12}; /* tells no seconds */
    assert_false(i4_estimate_rest(&r.gateway, &small_turbo, &older, &eta, &seconds));
    assert_near(rest(&r, &eta, 2, 2, 0), 10 * 2 + 2.5);
    /* it began again: nothing is known any more */
    const i4_detail again = {.phase = "encode", .steps = 12};
    assert_false(i4_estimate_rest(&r.gateway, &small_turbo, &again, &eta, &seconds));
    assert_false(eta.has_before);
    rig_end(&r);
}

static void estimate_never_grows_within_a_step(void **state) {
    rig r;
    i4_eta eta = {0};
    (void)state;
    begin(&r);
    learn(&r, &small_turbo, "{\"encode\":1,\"denoise\":24,\"decode\":2,\"save\":0.5}", 12);
    double before = rest(&r, &eta, 2, 2, 0);
    for (int i = 0; i < 40; i++) { /* a step that takes far longer than those before */
        const double now = rest(&r, &eta, 2, 2 + i, 0.3);
        assert_true(now <= before);
        assert_true(now >= 9 * 2 + 2.5 - 1e-3); /* the step under way is not counted as done */
        before = now;
    }
    /* known to be dearer now: it grows, by a fifth at most */
    const double grown = rest(&r, &eta, 3, 20, 0);
    assert_near(grown, before * 1.2);
    assert_near(rest(&r, &eta, 4, 20, 0), grown * 1.2);
    /* and falls at once where it was too much; what is known counts as four steps */
    assert_near(rest(&r, &eta, 5, 1, 0), 7 * (4 * 2 + 5 * 1) / 9.0 + 2.5);
    rig_end(&r);
}

static void estimate_trusts_history_while_steps_are_few(void **state) {
    rig r;
    (void)state;
    begin(&r);
    learn(&r, &small_turbo, "{\"encode\":0,\"denoise\":12,\"decode\":0,\"save\":0}", 12);
    i4_eta eta = {0}; /* two quick steps do not make ten quick ones */
    assert_near(rest(&r, &eta, 2, 0.25, 0), 10 * (4 * 1 + 2 * 0.25) / 6);
    eta = (i4_eta){0}; /* later the picture itself is believed */
    assert_near(rest(&r, &eta, 11, 0.25, 0), (4 * 1 + 11 * 0.25) / 15);
    rig_end(&r);
}

static void estimate_ends_with_decoding_and_saving(void **state) {
    rig r;
    i4_eta eta = {0};
    double seconds;
    i4_detail detail = {.phase = "decode", .step = 12, .steps = 12, .step_seconds = 2};
    (void)state;
    begin(&r);
    assert_near(rest(&r, &eta, 11, 2, 0), 2);        /* what follows is not known */
    assert_true(rest(&r, &eta, 11, 2, 1000) < 1e-3); /* and is never below 0 */
    eta = (i4_eta){0};
    learn(&r, &small_turbo, "{\"encode\":1,\"denoise\":24,\"decode\":2,\"save\":0.5}", 12);
    assert_near(rest(&r, &eta, 11, 2, 0), 4.5);
    assert_true(i4_estimate_rest(&r.gateway, &small_turbo, &detail, &eta, &seconds));
    assert_near(seconds, 2.5);
    eta.at -= 100;
    assert_true(i4_estimate_rest(&r.gateway, &small_turbo, &detail, &eta, &seconds));
    assert_near(seconds, 0.5); /* saving is still to come */
    detail.phase = "save";
    eta.at -= 100;
    assert_true(i4_estimate_rest(&r.gateway, &small_turbo, &detail, &eta, &seconds));
    assert_near(seconds, 0);
    rig_end(&r);
}

/* --- routes -------------------------------------------------------------------------------- */

static void estimate_has_a_route(void **state) {
    static const char *const wrong[] = {"width=100", "height=4096", "width=x", "width=-256",
                                        "width=264", "preset=FAST", "width="};
    rig r;
    json_t *answer;
    (void)state;
    begin(&r);
    assert_int_equal(rig_ask(&r, "GET", "/api/estimate", NULL, &answer), 200);
    assert_true(json_is_null(json_object_get(answer, "seconds")));
    assert_string_equal(text_at(answer, "basis"), "none");
    json_decref(answer);
    learn(&r, &small_turbo, "{\"encode\":1,\"denoise\":24,\"decode\":2,\"save\":0.5}", 12);
    assert_int_equal(
        rig_ask(&r, "GET", "/api/estimate?width=256&height=256&preset=V4_TURBO_12", NULL, &answer),
        200);
    assert_near(json_real_value(json_object_get(answer, "seconds")), 27.5);
    assert_string_equal(text_at(answer, "basis"), "history");
    json_decref(answer);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char path[128];
        snprintf(path, sizeof path, "/api/estimate?%s", wrong[i]);
        assert_int_equal(rig_ask(&r, "GET", path, NULL, &answer), 422);
        const json_t *row = json_array_get(json_object_get(answer, "detail"), 0);
        assert_string_equal(json_string_value(json_array_get(json_object_get(row, "loc"), 0)),
                            "query");
        assert_true(text_at(row, "msg")[0]);
        json_decref(answer);
    }
    rig_end(&r);
}

/* The answer and its tag; known: If-None-Match, or NULL. */
static int ask_capabilities(rig *r, const char *known, char etag[80], json_t **answer) {
    char url[128], line[128] = "";
    i4_err err = {0};
    i4_answer got = {0};
    i4_http_client *client = i4_http_client_new(&err);
    assert_non_null(client);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/api/capabilities", i4_gateway_port(&r->gateway));
    snprintf(line, sizeof line, "If-None-Match: %s", known ? known : "\"\"");
    const char *const headers[] = {line, NULL};
    const i4_call call = {.url = url, .headers = headers, .read_seconds = 60};
    assert_true(i4_http_call(client, &call, &got, &err));
    const int status = got.status;
    assert_true(i4_answer_header(&got, "ETag", etag, 80));
    assert_true(status != 304 || got.size == 0);
    *answer = i4_answer_json(&got);
    i4_answer_free(&got);
    i4_http_client_free(client);
    return status;
}

static int64_t size_at(const json_t *answer, const char *key) {
    return json_integer_value(json_object_get(json_object_get(answer, "size"), key));
}

static void capabilities_are_known_without_a_daemon(void **state) {
    static const char *const keys[] = {"version", "model",    "size",   "presets",
                                       "formats", "defaults", "limits", "features"};
    static const char *const names[] = {"V4_TURBO_12", "V4_DEFAULT_20", "V4_QUALITY_48"};
    static const int steps[] = {12, 20, 48};
    rig r;
    char etag[80], again[80];
    json_t *answer;
    (void)state;
    begin(&r);
    assert_int_equal(ask_capabilities(&r, NULL, etag, &answer), 200);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        assert_non_null(json_object_get(answer, keys[i]));
    }
    assert_string_equal(text_at(answer, "version"), ID4_VERSION_STRING);
    assert_string_equal(text_at(json_object_get(answer, "model"), "state"), "unreachable");
    assert_int_equal(size_at(answer, "min"), 256);
    assert_int_equal(size_at(answer, "max"), 2048);
    assert_int_equal(size_at(answer, "multiple"), 16);
    assert_int_equal(size_at(answer, "default"), 1024);
    assert_int_equal(size_at(answer, "pixels"), 1024 * 1024);
    assert_int_equal(json_array_size(json_object_get(answer, "presets")), I4_PRESETS);
    for (size_t i = 0; i < I4_PRESETS; i++) {
        const json_t *preset = json_array_get(json_object_get(answer, "presets"), i);
        assert_string_equal(text_at(preset, "name"), names[i]);
        assert_int_equal(json_integer_value(json_object_get(preset, "steps")), steps[i]);
        assert_true(text_at(preset, "label")[0]);
    }
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(answer, "limits"), "queue")), 200);
    assert_true(json_is_true(json_object_get(json_object_get(answer, "features"), "queue")));
    assert_true(
        json_is_false(json_object_get(json_object_get(answer, "features"), "magic_prompt")));
    json_decref(answer);
    assert_int_equal(ask_capabilities(&r, etag, again, &answer), 304);
    assert_string_equal(etag, again);
    json_decref(answer);
    rig_end(&r);
}

static void capabilities_tell_of_the_model(void **state) {
    fake_daemon daemon;
    rig r;
    char etag[80], other[80];
    json_t *answer;
    (void)state;
    fake_daemon_open(&daemon);
    rig_settings(&r, "estimate");
    snprintf(r.settings.daemon_url, sizeof r.settings.daemon_url, "http://127.0.0.1:%d",
             daemon.port);
    snprintf(r.settings.demo_model, sizeof r.settings.demo_model, "/demo");
    snprintf(r.settings.model_repo, sizeof r.settings.model_repo, "some/weights");
    fake_daemon_replace(&daemon, "/model/status", 200, "application/json",
                        "{\"state\":\"loaded\",\"model_path\":\"/demo\"}");
    rig_start(&r);
    assert_int_equal(ask_capabilities(&r, NULL, etag, &answer), 200);
    const json_t *model = json_object_get(answer, "model");
    assert_string_equal(text_at(model, "state"), "loaded");
    assert_true(json_is_true(json_object_get(model, "demo")));
    assert_true(json_is_null(json_object_get(model, "repository")));
    assert_int_equal(size_at(answer, "default"), 256);
    assert_int_equal(size_at(answer, "pixels"), 256 * 256);
    json_decref(answer);
    fake_daemon_replace(
        &daemon, "/model/status", 200, "application/json",
        "{\"state\":\"loaded\",\"model_path\":\"/cache/x\",\"quantization_bits\":8}");
    assert_int_equal(ask_capabilities(&r, etag, other, &answer), 200);
    assert_string_not_equal(etag, other);
    model = json_object_get(answer, "model");
    assert_true(json_is_false(json_object_get(model, "demo")));
    assert_string_equal(text_at(model, "name"), "weights");
    assert_string_equal(text_at(model, "precision"), "8-bit");
    assert_string_equal(text_at(model, "repository"), "some/weights");
    assert_int_equal(size_at(answer, "default"), 1024);
    json_decref(answer);
    rig_end(&r);
    fake_daemon_close(&daemon);
}

/* SQLite says how it would run each statement. */
static void estimate_statements_use_the_index(void **state) {
    (void)state;
    static const char *const statements[] = {
#define X(name, text) text,
        I4_SQL_TIMINGS(X)
#undef X
    };
    rig r;
    sqlite3 *handle;
    begin(&r);
    assert_int_equal(sqlite3_open(r.settings.db_path, &handle), SQLITE_OK);
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        char explain[1024];
        sqlite3_stmt *stmt;
        snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", statements[i]);
        assert_int_equal(sqlite3_prepare_v2(handle, explain, -1, &stmt, NULL), SQLITE_OK);
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            const char *plan = (const char *)sqlite3_column_text(stmt, 3);
            if (strncmp(plan, "SCAN", 4) == 0 || strstr(plan, "TEMP B-TREE")) {
                fail_msg("%s: %s", statements[i], plan);
            }
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_close(handle);
    rig_end(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(estimate_keeps_the_last_of_each_kind),
        cmocka_unit_test(estimate_of_a_whole_picture),
        cmocka_unit_test(estimate_learns_no_nonsense),
        cmocka_unit_test(estimate_reads_what_the_daemon_says),
        cmocka_unit_test(estimate_says_nothing_before_two_steps),
        cmocka_unit_test(estimate_never_grows_within_a_step),
        cmocka_unit_test(estimate_trusts_history_while_steps_are_few),
        cmocka_unit_test(estimate_ends_with_decoding_and_saving),
        cmocka_unit_test(estimate_has_a_route),
        cmocka_unit_test(capabilities_are_known_without_a_daemon),
        cmocka_unit_test(estimate_statements_use_the_index),
        cmocka_unit_test(capabilities_tell_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
