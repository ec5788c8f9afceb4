/* Life of the daemon and the table of its routes. */
#include "daemon/daemon.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "daemon/inside.h"

#include <stdio.h>
#include <string.h>

static const double stop_seconds = 5.0; /* that running handlers may still take */

enum { CAPTION_BODY_BYTES = 2 << 20 };

static const i4_route routes[] = {
    {"GET", "/health", .handler = i4_answer_health},
    {"GET", "/model/status", .handler = i4_answer_model_status},
    {"POST", "/model/load", .handler = i4_answer_model_load},
    /* waits for the worker */
    {"POST", "/model/unload", .slow = true, .handler = i4_answer_model_unload},
    {"POST", "/model/idle", I4_BODY_JSON, .handler = i4_answer_model_idle},
    {"GET", "/lora/status", .handler = i4_answer_lora_status},
    {"GET", "/lora/presets", .handler = i4_answer_lora_presets},
    {"POST", "/lora/apply", I4_BODY_JSON, .handler = i4_answer_lora_apply},
    {"POST", "/lora/remove", .handler = i4_answer_lora_remove},
    {"GET", "/lora/operation/{id}", .handler = i4_answer_lora_operation},
    {"POST", "/lora/download", I4_BODY_JSON, .handler = i4_answer_lora_download},
    {"GET", "/lora/download/{id}", .handler = i4_answer_lora_download_status},
    {"POST", "/generate", I4_BODY_JSON, CAPTION_BODY_BYTES, .handler = i4_answer_generate},
    {"GET", "/status/{id}", .handler = i4_answer_status},
    {"GET", "/artifact/{id}", .handler = i4_answer_artifact},
    {"GET", "/preview/{id}", .handler = i4_answer_preview},
    {"POST", "/cancel/{id}", .handler = i4_answer_cancel},
    {"GET", "/spool", .handler = i4_answer_spool},
    {"DELETE", "/spool/{id}", .handler = i4_answer_spool_take},
    {.method = NULL},
};

json_t *i4_json_text(const char *text) {
    i4_buf b;
    size_t pos = 0;
    const i4_str s = i4_str_c(text);
    if (i4_utf8_valid(s)) {
        return json_stringn(s.ptr, s.len);
    }
    i4_buf_init(&b, s.len);
    while (pos < s.len) {
        const size_t from = pos;
        uint32_t code = 0;
        if (i4_utf8_next(s, &pos, &code)) {
            i4_buf_add(&b, s.ptr + from, pos - from);
        } else {
            i4_buf_addc(&b, '?');
            pos++;
        }
    }
    json_t *value = b.failed ? NULL : json_stringn(b.ptr, b.len);
    i4_buf_free(&b);
    return value;
}

/* --- the start ----------------------------------------------------------------------------- */

static bool restore_picture(const i4_spooled *picture, void *user) {
    i4_daemon *d = user;
    const double age = (double)(i4_unix_seconds() - picture->finished);
    /* a clock that jumped must not make pictures look old, nor eternal */
    const double bounded = age < 0.0 ? 0.0 : age > 3e7 ? 3e7 : age;
    return i4_job_restore(&d->table, picture, bounded, i4_seconds());
}

static bool open_table(i4_daemon *d, i4_err *err) {
    d->spool = i4_spool_open(d->settings.spool_dir, err);
    if (d->spool == NULL || !i4_table_init(&d->table, d->spool, err)) {
        return false;
    }
    d->has_table = true;
    d->table.idle.minutes = d->settings.idle_unload_minutes;
    snprintf(d->table.model_path, sizeof d->table.model_path, "%s", d->settings.model_path);
    if (!i4_spool_scan(d->spool, restore_picture, d, err)) {
        return false;
    }
    i4_table_lock(&d->table);
    i4_table_purge(&d->table, i4_seconds(), true);
    i4_log(I4_LOG_INFO, "spool", "finished pictures of earlier runs: %zu", d->table.job_count);
    i4_table_unlock(&d->table);
    return true;
}

/* Nobody needs a token on this machine's own addresses. */
static bool is_loopback(const char *host) {
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

static bool open_server(i4_daemon *d, i4_err *err) {
    const i4_http_options options = {
        .host = d->settings.daemon_host,
        .port = d->settings.daemon_port,
        .routes = routes,
        .user = d,
        .token = is_loopback(d->settings.daemon_host) ? NULL : d->settings.access_token,
        .area = "http",
    };
    d->server = i4_http_start(&options, err);
    return d->server != NULL;
}

static void autoload(i4_daemon *d) {
    i4_err err = {0};
    i4_table *t = &d->table;
    const bool is_usable = i4_worker_usable(&d->settings, t->backend, sizeof t->backend, &err);
    if (!is_usable) {
        i4_log(I4_LOG_WARN, "model", "%s", err.text);
    } else if (d->settings.autoload) {
        i4_table_lock(t);
        (void)i4_start_load(t);
        i4_table_unlock(t);
    }
}

i4_daemon *i4_daemon_start(const i4_settings *settings, i4_err *err) {
    i4_daemon *d = i4_calloc(1, sizeof *d);
    if (d == NULL) {
        i4_fail_memory(err, "the daemon", sizeof *d);
        return NULL;
    }
    d->settings = *settings;
    memset(d->settings.cors_origins, 0, sizeof d->settings.cors_origins); /* the caller's */
    bool ok = open_table(d, err);
    if (ok) {
        autoload(d); /* before threads: it writes what they read */
        d->worker = i4_worker_start(&d->table, &d->settings, err);
        ok = d->worker != NULL && open_server(d, err);
    }
    if (!ok) {
        i4_daemon_stop(d);
        return NULL;
    }
    i4_log(I4_LOG_INFO, "daemon", "listening on %s port=%d", d->settings.daemon_host,
           i4_daemon_port(d));
    return d;
}

int i4_daemon_port(const i4_daemon *daemon) {
    return i4_http_port(daemon->server);
}

/* The worker first: handlers that wait for it are then free to end. */
void i4_daemon_stop(i4_daemon *daemon) {
    if (daemon == NULL) {
        return;
    }
    i4_worker_stop(daemon->worker);
    if (daemon->server != NULL) {
        i4_http_stop(daemon->server, stop_seconds);
    }
    if (daemon->has_table) {
        i4_table_free(&daemon->table);
    }
    i4_spool_close(daemon->spool);
    i4_free(daemon);
}
