/* The table of pretended tasks and the answers about it. */
#include "fake_daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fake_task *find(fake_daemon *d, const char *id) {
    for (size_t i = 0; i < d->count; i++) {
        if (strcmp(d->tasks[i].id, id) == 0) {
            return &d->tasks[i];
        }
    }
    return NULL;
}

static fake_task *add(fake_daemon *d, const char *id) {
    if (d->count == FAKE_TASKS_MOST) {
        fputs("fake_daemon: too many tasks\n", stderr);
        abort();
    }
    fake_task *t = &d->tasks[d->count++];
    *t = (fake_task){.is_done = false};
    snprintf(t->id, sizeof t->id, "%s", id);
    return t;
}

/* --- answers; the mutex is held -------------------------------------------------------------- */

static const char *bool_text(bool value) {
    return value ? "true" : "false";
}

static char *status_text(const fake_task *t) {
    static const size_t size = 8192;
    char *text = malloc(size);
    if (!t) {
        snprintf(text, size, "%s",
                 "{\"state\":\"done\",\"msg\":\"not found\",\"progress\":0,\"total_steps\":0}");
        return text;
    }
    const char *msg = !t->is_done       ? "6/12 steps"
                      : t->is_cancelled ? "Cancelled."
                      : t->error        ? t->error
                                        : "Done in 0.1s";
    char error[600] = "null";
    if (t->error) {
        snprintf(error, sizeof error, "\"%s\"", t->error);
    }
    snprintf(text, size,
             "{\"state\":\"%s\",\"msg\":\"%s\",\"progress\":%d,\"total_steps\":12,"
             "\"image_meta\":%s,\"has_artifact\":%s,\"error\":%s,\"cancelled\":%s%s%s}",
             t->is_done ? "done" : "running", msg, t->has_artifact ? 100 : 50,
             t->meta && t->is_done ? t->meta : "null", bool_text(t->has_artifact), error,
             bool_text(t->is_cancelled), t->detail ? ",\"detail\":" : "",
             t->detail ? t->detail : "");
    return text;
}

static char *spool_text(fake_daemon *d) {
    const size_t size = 1 << 16;
    char *text = malloc(size);
    size_t used = (size_t)snprintf(text, size, "{\"tasks\":[");
    for (size_t i = 0; i < d->count; i++) {
        const fake_task *t = &d->tasks[i];
        if (t->has_artifact && !t->is_taken) {
            used += (size_t)snprintf(text + used, size - used,
                                     "%s{\"task_id\":\"%s\",\"image_meta\":%s,\"fetched\":%s}",
                                     text[used - 1] == '[' ? "" : ",", t->id,
                                     t->meta ? t->meta : "null", bool_text(t->is_fetched));
        }
    }
    snprintf(text + used, size - used, "]}");
    d->spool_looks++;
    return text;
}

/* The task's name in a body, "" if there is none. */
static void asked_id(const char *body, char id[33]) {
    const char *found = strstr(body, "\"task_id\":\"");
    id[0] = '\0';
    if (found) {
        snprintf(id, 33, "%.32s", found + strlen("\"task_id\":\""));
    }
}

static char *accept_task(fake_daemon *d, const char *body, int *status) {
    char *text = malloc(128), id[33];
    d->submissions++;
    if (d->is_busy) {
        *status = 409;
        snprintf(text, 128, "{\"error\":\"another image is being generated\"}");
        return text;
    }
    asked_id(body, id);
    if (!id[0] || d->gives_own_ids) {
        snprintf(id, sizeof id, "%032zx", 0xabc000 + d->count);
    }
    if (!find(d, id)) {
        add(d, id);
    }
    snprintf(text, 128, "{\"task_id\":\"%s\"}", id);
    return text;
}

static char *model_text(const fake_daemon *d) {
    char *text = malloc(512), operation[128] = "null";
    if (d->operation) {
        snprintf(operation, sizeof operation, "\"%s\"", d->operation);
    }
    snprintf(text, 512, "{\"state\":\"%s\",\"msg\":\"%s\",\"operation\":%s}",
             d->model ? d->model : "loaded", d->model_msg ? d->model_msg : "", operation);
    return text;
}

static char *load_text(fake_daemon *d) {
    d->loads++;
    d->model = d->load_error ? "idle" : d->loads_slowly ? "loading" : "loaded";
    d->model_msg = d->load_error;
    return strdup("{\"ok\":true,\"msg\":\"loading the model\"}");
}

static char *cancel_text(fake_daemon *d, const char *id, int *status) {
    fake_task *t = find(d, id);
    char *text = malloc(64);
    d->cancels++;
    *status = t ? 200 : 404;
    if (t && !t->is_done) {
        t->is_cancelled = t->is_done = true;
        t->error = "Cancelled";
    }
    snprintf(text, 64, "%s",
             t ? "{\"ok\":true,\"msg\":\"cancelling\"}" : "{\"error\":\"unknown\"}");
    return text;
}

/* --- one call --------------------------------------------------------------------------------- */

/* An answer to be freed, or NULL for an artifact. */
static char *answer_text(fake_daemon *d, const fake_call *call, int *status) {
    const char *target = call->target;
    *status = 200;
    if (strncmp(target, "/status/", 8) == 0) {
        return status_text(find(d, target + 8));
    }
    if (strcmp(target, "/spool") == 0 && !d->has_no_spool) {
        return spool_text(d);
    }
    if (strncmp(target, "/spool/", 7) == 0 && strcmp(call->method, "DELETE") == 0) {
        fake_task *t = find(d, target + 7);
        d->taken += t && !t->is_taken;
        if (t) {
            t->is_taken = true;
        }
        return strdup("{\"ok\":true}");
    }
    if (strcmp(target, "/generate") == 0) {
        return accept_task(d, call->body, status);
    }
    if (strcmp(target, "/model/status") == 0) {
        return model_text(d);
    }
    if (strcmp(target, "/model/load") == 0) {
        return load_text(d);
    }
    if (strncmp(target, "/cancel/", 8) == 0) {
        return cancel_text(d, target + 8, status);
    }
    if (strncmp(target, "/artifact/", 10) == 0) {
        return NULL;
    }
    if (strcmp(target, "/spool") == 0) {
        *status = 404;
        return strdup("{\"detail\":\"Not Found\"}");
    }
    return strdup("{\"echo\":true}");
}

static void remember(fake_daemon *d, const fake_call *call) {
    if (strncmp(call->target, "/status/", 8) == 0 || strncmp(call->target, "/spool", 6) == 0 ||
        strncmp(call->target, "/artifact/", 10) == 0 ||
        strncmp(call->target, "/preview/", 9) == 0) {
        return;
    }
    snprintf(d->last_method, sizeof d->last_method, "%s", call->method);
    snprintf(d->last_target, sizeof d->last_target, "%s", call->target);
    free(d->last_body);
    d->last_body = strdup(call->body);
}

static void give_artifact(fake_daemon *d, int fd, const char *id) {
    fake_task copy = {.has_artifact = false};
    bool is_cut = false;
    pthread_mutex_lock(&d->mutex);
    const int pause = d->artifact_pause_ms;
    pthread_mutex_unlock(&d->mutex);
    if (!fake_service_sleep(&d->service, pause)) {
        return;
    }
    pthread_mutex_lock(&d->mutex);
    const fake_task *t = find(d, id);
    if (t) {
        copy = *t;
        is_cut = d->artifact_faults > 0;
        d->artifact_faults -= is_cut;
        d->artifacts_given++;
    }
    pthread_mutex_unlock(&d->mutex);
    if (!copy.has_artifact) {
        fake_reply_json(fd, 404, "{\"error\":\"no picture\"}");
    } else if (is_cut) {
        char head[128];
        snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                 copy.picture_size);
        fake_send_text(fd, head);
        fake_send(fd, copy.picture, copy.picture_size / 2);
    } else {
        fake_reply(fd, 200, "image/png", copy.picture, copy.picture_size);
    }
}

/* "preview <step>" of the newest, or of ?step=. */
static void give_preview(fake_daemon *d, int fd, const char *target) {
    char id[33], head[160], body[32];
    const char *asked = strstr(target, "?step=");
    snprintf(id, sizeof id, "%.32s", target);
    pthread_mutex_lock(&d->mutex);
    const fake_task *t = find(d, id);
    const int newest = t ? t->preview_step : 0;
    pthread_mutex_unlock(&d->mutex);
    const int step = asked ? (int)strtol(asked + strlen("?step="), NULL, 10) : newest;
    if (newest == 0 || step > newest) {
        fake_reply_json(fd, 404, "{\"error\":\"there is no such preview\"}");
        return;
    }
    const int size = snprintf(body, sizeof body, "preview %d", step);
    snprintf(head, sizeof head,
             "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nX-Preview-Step: %d\r\n"
             "Content-Length: %d\r\n\r\n",
             step, size);
    fake_send_text(fd, head);
    fake_send(fd, body, (size_t)size);
}

static void answer(fake_service *service, int fd, const fake_call *call, void *user) {
    fake_daemon *d = user;
    int status = 200;
    char *text = NULL, type[128] = "application/json";
    (void)service;
    pthread_mutex_lock(&d->mutex);
    remember(d, call);
    const int pause = d->pause_ms;
    const bool is_replaced =
        d->replaced && strncmp(call->target, d->replaced, strlen(d->replaced)) == 0;
    if (is_replaced) {
        status = d->replaced_status;
        snprintf(type, sizeof type, "%s", d->replaced_type);
        text = strdup(d->replaced_body);
    } else {
        text = strncmp(call->target, "/preview/", 9) == 0 ? NULL : answer_text(d, call, &status);
    }
    pthread_mutex_unlock(&d->mutex);
    if (!text && strncmp(call->target, "/preview/", 9) == 0) {
        give_preview(d, fd, call->target + 9);
    } else if (!text) {
        give_artifact(d, fd, call->target + 10);
    } else if (fake_service_sleep(service, pause) && status > 0) {
        fake_reply(fd, status, type, text, strlen(text));
    }
    free(text);
}

/* --- what the test does ----------------------------------------------------------------------- */

void fake_daemon_open(fake_daemon *d) {
    *d = (fake_daemon){.count = 0};
    pthread_mutex_init(&d->mutex, NULL);
    fake_service_open(&d->service, 0, answer, d);
    d->port = d->service.port;
}

void fake_daemon_stop(fake_daemon *d) {
    fake_service_close(&d->service);
    size_t kept = 0;
    for (size_t i = 0; i < d->count; i++) {
        if (d->tasks[i].has_artifact && !d->tasks[i].is_taken) {
            d->tasks[kept++] = d->tasks[i];
        }
    }
    d->count = kept;
}

void fake_daemon_restart(fake_daemon *d) {
    fake_service_open(&d->service, d->port, answer, d);
}

void fake_daemon_close(fake_daemon *d) {
    fake_service_close(&d->service);
    free(d->last_body);
    pthread_mutex_destroy(&d->mutex);
}

void fake_daemon_add(fake_daemon *d, const char *id) {
    pthread_mutex_lock(&d->mutex);
    add(d, id);
    pthread_mutex_unlock(&d->mutex);
}

void fake_daemon_finish(fake_daemon *d, const char *id, const char *meta, const void *picture,
                        size_t size) {
    pthread_mutex_lock(&d->mutex);
    fake_task *t = find(d, id);
    t->is_done = t->has_artifact = true;
    t->meta = meta;
    t->picture = picture;
    t->picture_size = size;
    pthread_mutex_unlock(&d->mutex);
}

void fake_daemon_fail(fake_daemon *d, const char *id, const char *error) {
    pthread_mutex_lock(&d->mutex);
    fake_task *t = find(d, id);
    t->is_done = true;
    t->error = error;
    pthread_mutex_unlock(&d->mutex);
}

void fake_daemon_set_cancelled(fake_daemon *d, const char *id) {
    pthread_mutex_lock(&d->mutex);
    find(d, id)->is_cancelled = true;
    pthread_mutex_unlock(&d->mutex);
}

void fake_daemon_detail(fake_daemon *d, const char *id, const char *detail, int preview_step) {
    pthread_mutex_lock(&d->mutex);
    fake_task *t = find(d, id);
    t->detail = detail;
    t->preview_step = preview_step;
    pthread_mutex_unlock(&d->mutex);
}

void fake_daemon_model(fake_daemon *d, const char *state, const char *msg, const char *operation) {
    pthread_mutex_lock(&d->mutex);
    d->model = state;
    d->model_msg = msg;
    d->operation = operation;
    pthread_mutex_unlock(&d->mutex);
}

void fake_daemon_replace(fake_daemon *d, const char *target, int status, const char *type,
                         const char *body) {
    pthread_mutex_lock(&d->mutex);
    d->replaced = target;
    d->replaced_status = status;
    d->replaced_type = type;
    d->replaced_body = body;
    pthread_mutex_unlock(&d->mutex);
}

int fake_daemon_read(fake_daemon *d, const int *counter) {
    pthread_mutex_lock(&d->mutex);
    const int value = *counter;
    pthread_mutex_unlock(&d->mutex);
    return value;
}

void fake_daemon_last(fake_daemon *d, char *method, char *target, char **body) {
    pthread_mutex_lock(&d->mutex);
    snprintf(method, sizeof d->last_method, "%s", d->last_method);
    snprintf(target, sizeof d->last_target, "%s", d->last_target);
    *body = strdup(d->last_body ? d->last_body : "");
    pthread_mutex_unlock(&d->mutex);
}

void fake_daemon_last_id(fake_daemon *d, char id[33]) {
    pthread_mutex_lock(&d->mutex);
    memcpy(id, d->tasks[d->count - 1].id, 33);
    pthread_mutex_unlock(&d->mutex);
}
