/* For tests: a gateway in a throw-away folder, and requests to it. */
#ifndef ID4_TESTS_GATEWAY_RIG_H
#define ID4_TESTS_GATEWAY_RIG_H

#include "eventually.h"
#include "folder.h"

#include "gateway/gateway.h"

#include <poll.h>

typedef struct rig {
    folder folder;
    i4_settings settings;
    i4_gateway gateway;
    bool is_running;
} rig;

static inline void rig_settings(rig *r, const char *test) {
    i4_settings *s = &r->settings;
    memset(r, 0, sizeof *r);
    folder_make(&r->folder, test);
    snprintf(s->server_host, sizeof s->server_host, "127.0.0.1");
    snprintf(s->daemon_url, sizeof s->daemon_url, "http://127.0.0.1:1");
    snprintf(s->db_path, sizeof s->db_path, "%s", folder_at(&r->folder, "test.db"));
    snprintf(s->output_dir, sizeof s->output_dir, "%s", folder_at(&r->folder, "output"));
    snprintf(s->default_preset, sizeof s->default_preset, "V4_QUALITY_48");
    snprintf(s->default_format, sizeof s->default_format, "webp");
    s->default_seed = 20260608;
    s->daemon_timeout = 30;
    s->min_size = 256;
    s->max_size = 2048;
    s->size_multiple = 16;
    s->max_caption_bytes = 262144;
    s->max_form_bytes = 1048576;
    s->db_query_limit = 50;
    s->queue_limit = 200;
    s->trash_days = 30;
    s->thumbs_mib = 512;
    assert_true(i4_dir_make(s->output_dir, NULL));
}

static inline void rig_start(rig *r) {
    i4_err err = {0};
    if (!i4_gateway_start(&r->gateway, &r->settings, &err)) {
        fail_msg("start: %s", err.text);
    }
    r->is_running = true;
}

static inline void rig_stop(rig *r) {
    if (r->is_running) {
        i4_gateway_stop(&r->gateway);
        r->is_running = false;
    }
}

static inline void rig_end(rig *r) {
    rig_stop(r);
    folder_remove(&r->folder);
}

/* Status; *answer (new reference, may be NULL) the JSON. body NULL: none. Any thread. */
static inline int rig_ask(rig *r, const char *method, const char *path, const char *body,
                          json_t **answer) {
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    char url[2400];
    i4_err err = {0};
    i4_answer got = {0};
    i4_http_client *client = i4_http_client_new(&err);
    assert_non_null(client);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", i4_gateway_port(&r->gateway), path);
    const i4_call call = {.method = method,
                          .url = url,
                          .headers = body ? headers : NULL,
                          .body = body,
                          .body_size = body ? strlen(body) : 0,
                          .read_seconds = 60};
    if (!i4_http_call(client, &call, &got, &err)) {
        fail_msg("%s %s: %s", method, path, err.text);
    }
    const int status = got.status;
    json_t *json = i4_answer_json(&got);
    if (answer) {
        *answer = json;
    } else {
        json_decref(json);
    }
    i4_answer_free(&got);
    i4_http_client_free(client);
    return status;
}

/* text of a member, "" if it is none */
static inline const char *text_at(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Looks up to ten seconds for a condition to come true, be it for a moment only. */
#define EVENTUALLY(condition) EVENTUALLY_IN(500, 20, condition)

#endif
