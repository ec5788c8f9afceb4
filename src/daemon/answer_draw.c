/* Routes of drawing, of its tasks and of finished pictures: docs/http-api.md 4.4 to 4.7, and the
 * spool (daemon.h). */
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "daemon/inside.h"
#include "http/validate.h"
#include "http/wire.h"

#include <ctype.h>
#include <ideogram4.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- a request becomes an order ------------------------------------------------------------- */

enum { CAPTION_TEXT_BYTES = 4 << 20 }; /* of a caption written again: bodies have 2 MiB */

/* The caption as text for the engine; NULL when there is no memory. */
static char *caption_text(const json_t *caption) {
    i4_buf b;
    if (json_is_string(caption)) {
        return i4_strdup(json_string_value(caption));
    }
    i4_buf_init(&b, CAPTION_TEXT_BYTES);
    i4_wire_write(caption, NULL, &b);
    return i4_buf_take(&b, NULL);
}

/* high_level_description of an object, or of a string that is the text of one; else "". */
static char *caption_hld(const json_t *caption) {
    json_t *parsed = json_is_string(caption) ? json_loadb(json_string_value(caption),
                                                          json_string_length(caption), 0, NULL)
                                             : NULL;
    const json_t *hld =
        json_object_get(parsed != NULL ? parsed : caption, "high_level_description");
    char *text = i4_strdup(json_is_string(hld) ? json_string_value(hld) : "");
    json_decref(parsed);
    return text;
}

/* Down to a multiple of 16, at least 16; what no picture can have is left to the engine to refuse.
 */
static int round_side(int64_t side) {
    const int64_t most = 1 << 20;
    const int64_t bounded = side > most ? most : side;
    return bounded < I4_LIMIT_SIDE_MULTIPLE
               ? I4_LIMIT_SIDE_MULTIPLE
               : (int)(bounded / I4_LIMIT_SIDE_MULTIPLE * I4_LIMIT_SIDE_MULTIPLE);
}

/* Trimmed, any case; unknown: the configured one. */
static i4_picture_format find_format(const char *text, const char *standard) {
    i4_picture_format format = I4_PICTURE_WEBP;
    char word[8];
    size_t len = 0;
    (void)i4_picture_find(standard, &format);
    while (isspace((unsigned char)*text)) {
        text++;
    }
    for (; text[len] != '\0' && len + 1 < sizeof word; len++) {
        word[len] = (char)tolower((unsigned char)text[len]);
    }
    const bool is_whole = text[len] == '\0' || isspace((unsigned char)text[len]);
    while (len > 0 && isspace((unsigned char)word[len - 1])) {
        len--;
    }
    word[len] = '\0';
    if (is_whole) {
        (void)i4_picture_find(word, &format);
    }
    return format;
}

static int read_quality(i4_check *c) {
    int64_t quality = 0;
    (void)i4_check_int_or_null(c, "quality", &quality);
    return quality == 0 ? 0 : quality < 1 ? 1 : quality > 100 ? 100 : (int)quality;
}

/* The name that the task is to have; "": any. */
static void read_name(i4_check *c, char id[I4_TASK_ID_BYTES]) {
    const char *text = i4_check_string(c, "task_id", "", 0, 0);
    const size_t len = strlen(text);
    const bool is_absent = json_object_get(c->body, "task_id") == NULL;
    id[0] = '\0';
    if (is_absent) {
        return;
    }
    if (len != I4_TASK_ID_BYTES - 1 || strspn(text, "0123456789abcdef") != len) {
        i4_check_rule(c, "task_id", "must be 32 lower-case hexadecimal digits");
        return;
    }
    memcpy(id, text, I4_TASK_ID_BYTES);
}

/* Fills the order from the body, fields in the order of the contract. False: answered. */
static bool read_order(i4_check *c, const i4_settings *s, i4_order *o, i4_http_reply *reply) {
    const json_t *caption = i4_check_object_or_string(c, "caption");
    o->width = round_side(i4_check_int(c, "width", 1024));
    o->height = round_side(i4_check_int(c, "height", 1024));
    const char *preset = i4_check_string(c, "preset", s->default_preset, 0, 0);
    o->seed = i4_check_int(c, "seed", s->default_seed);
    o->format =
        find_format(i4_check_string(c, "format", s->default_format, 0, 0), s->default_format);
    o->quality = read_quality(c);
    o->has_prompt = i4_check_int_or_null(c, "prompt_id", &o->prompt_id);
    const json_t *loras = i4_check_objects_or_null(c, "loras");
    read_name(c, o->task_id);
    if (i4_check_failed(c, reply)) {
        return false;
    }
    o->caption = caption_text(caption);
    o->hld = caption_hld(caption);
    o->preset = i4_strdup(preset);
    /* An empty list means nothing to the original; from the gateway, which names its tasks, it is
     * the stack without any. */
    const bool has_stack = json_array_size(loras) > 0 || (loras != NULL && o->task_id[0] != '\0');
    o->loras = has_stack ? json_deep_copy(loras) : NULL;
    if (o->caption == NULL || o->hld == NULL || o->preset == NULL ||
        (has_stack && o->loras == NULL)) {
        i4_reply_error(reply, 503, "not enough memory for this request");
        return false;
    }
    return true;
}

/* --- POST /generate ------------------------------------------------------------------------- */

/* A task of the name that was asked for is the answer, whatever became of it: so a client that got
 * no answer may ask again. False: there is none. The mutex is held. */
static bool answer_known(i4_table *t, const i4_order *order, i4_http_reply *reply) {
    const i4_job *job = order->task_id[0] != '\0' ? i4_job_named(t, order->task_id) : NULL;
    if (job != NULL && job->kind == I4_JOB_DRAW) {
        i4_reply_json(reply, 200, json_pack("{s:s}", "task_id", job->id));
    } else if (job != NULL) {
        i4_reply_error(reply, 409, "a task of another kind has this task_id: choose another one");
    }
    return job != NULL;
}

/* Takes the order; the mutex is held. */
static void accept_order(i4_table *t, i4_order *order, i4_http_reply *reply) {
    const double now = i4_seconds();
    i4_table_purge(t, now, false);
    if (answer_known(t, order, reply)) {
        i4_order_free(order);
        return;
    }
    if (t->draw_slot != NULL || t->is_stopping) {
        i4_order_free(order);
        if (t->is_stopping) {
            i4_reply_error(reply, 503, "the model daemon is stopping");
        } else {
            i4_reply_error(reply, 409, "another image is being generated: try again soon");
        }
        return;
    }
    i4_job *job = i4_job_new(t, I4_JOB_DRAW, order, now);
    if (job == NULL) {
        i4_reply_error(reply, 503, "not enough memory for a task");
        return;
    }
    i4_job_say(job, "queued");
    t->draw_slot = job;
    if (t->idle.is_asleep) {
        (void)i4_start_load(t); /* first */
    }
    (void)i4_turn_add(t, I4_WORK_DRAW, job, now);
    i4_reply_json(reply, 200, json_pack("{s:s}", "task_id", job->id));
}

void i4_answer_generate(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_check c;
    i4_check_begin(&c, request);
    i4_order *order = i4_calloc(1, sizeof *order);
    if (order == NULL) {
        i4_reply_error(reply, 503, "not enough memory for this request");
        return;
    }
    if (!read_order(&c, &d->settings, order, reply)) {
        i4_order_free(order);
        return;
    }
    i4_table_lock(&d->table);
    accept_order(&d->table, order, reply);
    i4_table_unlock(&d->table);
}

/* --- GET /status/{id} ----------------------------------------------------------------------- */

static int steps_of(const i4_order *order) {
    const id4_preset *preset = order != NULL ? id4_preset_find(order->preset) : NULL;
    return preset != NULL ? preset->steps : 0;
}

/* The text of a job that has not begun: queued, or waiting for what the worker does now. */
static json_t *waiting_text(const i4_table *t, const i4_job *job, int *total_steps) {
    const double now = i4_seconds();
    const i4_item *ahead = i4_pipeline_ahead(t, job);
    if (ahead == NULL) {
        return i4_json_text(job->msg);
    }
    *total_steps = steps_of(job->order);
    return json_sprintf("waiting for %s (%.0fs), %.0fs so far", i4_work_label(ahead->work),
                        floor(now - ahead->since), floor(now - job->queued_at));
}

/* While it is queued: what it waits for, in the words of docs/api.md 1.1. */
static const char *phase_of(const i4_table *t, const i4_job *job) {
    const i4_item *ahead = job->step == I4_STEP_QUEUED ? i4_pipeline_ahead(t, job) : NULL;
    if (job->step == I4_STEP_QUEUED) {
        return ahead != NULL && ahead->work == I4_WORK_LOAD ? "load" : "waiting";
    }
    return job->step == I4_STEP_DONE ? "done" : job->phase;
}

static json_t *detail_json(const i4_table *t, const i4_job *job) {
    const i4_shot *shot = i4_previews_find(&t->previews, job->id, -1);
    i4_detail detail = job->detail;
    if (job->step == I4_STEP_QUEUED) {
        detail.steps = steps_of(job->order);
    }
    return i4_detail_json(&detail, phase_of(t, job), shot != NULL ? shot->step : -1, i4_seconds());
}

/* The mutex is held. meta is taken. */
static json_t *status_json(const i4_table *t, const i4_job *job, json_t *meta) {
    const bool is_done = job->step == I4_STEP_DONE;
    int total_steps = job->total_steps;
    json_t *msg =
        job->step == I4_STEP_QUEUED ? waiting_text(t, job, &total_steps) : i4_json_text(job->msg);
    return json_pack("{s:s, s:o, s:i, s:i, s:o, s:b, s:o, s:b, s:o}", "state",
                     is_done ? "done" : "running", "msg", msg, "progress", job->progress,
                     "total_steps", total_steps, "image_meta", meta, "has_artifact",
                     job->has_picture, "error",
                     job->error != NULL ? i4_json_text(job->error) : json_null(), "cancelled",
                     job->is_cancelled, "detail", detail_json(t, job));
}

void i4_answer_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    const char *id = i4_req_param(request, "id");
    i4_table_lock(t);
    i4_table_purge(t, i4_seconds(), false);
    const i4_job *job = i4_job_find(t, I4_JOB_DRAW, id);
    const bool has_picture = job != NULL && job->has_picture;
    /* nobody cancelled it, or hardly: a gateway draws it again once we are back */
    const bool is_interrupted = job != NULL && job->is_cancelled && t->is_stopping;
    json_t *answer = job != NULL ? status_json(t, job, json_null()) : NULL;
    i4_table_unlock(t);
    if (is_interrupted) {
        json_decref(answer);
        i4_reply_error(reply, 503, "the model daemon is stopping");
        return;
    }
    if (job == NULL) {
        answer = json_pack("{s:s, s:s, s:i, s:i}", "state", "done", "msg", "this task is not known",
                           "progress", 0, "total_steps", 0);
    } else if (has_picture && answer != NULL) {
        json_t *meta = i4_spool_meta(d->spool, id); /* a file: not under the mutex */
        json_object_set_new(answer, "image_meta", meta != NULL ? meta : json_null());
    }
    i4_reply_json(reply, 200, answer);
}

/* --- GET /artifact/{id} --------------------------------------------------------------------- */

/* The original's command line fetches its picture and goes, without a word: a gateway that finds
 * the picture in the spool must not take it for one that got lost. */
static void note_fetched(i4_daemon *d, const i4_http_request *request, const char *id) {
    i4_table *t = &d->table;
    i4_table_lock(t);
    i4_job *job = i4_job_find(t, I4_JOB_DRAW, id);
    if (job != NULL && !job->is_fetched && !job->is_taken &&
        strcmp(i4_req_method(request), "GET") == 0) {
        job->is_fetched = true;
        i4_spool_mark_fetched(d->spool, id);
    }
    i4_table_unlock(t);
}

void i4_answer_artifact(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    const char *id = i4_req_param(request, "id");
    char path[4200], disposition[96];
    i4_table_lock(t);
    const i4_job *job = i4_job_find(t, I4_JOB_DRAW, id);
    const bool has_picture = job != NULL && job->has_picture;
    const i4_picture_format format = has_picture ? job->format : I4_PICTURE_PNG;
    i4_table_unlock(t);
    if (!has_picture || !i4_spool_path(d->spool, id, format, path, sizeof path)) {
        i4_reply_error(reply, 404, "there is no picture of this task");
        return;
    }
    snprintf(disposition, sizeof disposition, "inline; filename=\"%s.%s\"", id,
             i4_picture_name(format));
    note_fetched(d, request, id);
    i4_reply_header(reply, "Content-Disposition", disposition);
    i4_reply_file(request, reply, i4_picture_type(format), path);
}

/* --- GET /preview/{id} ---------------------------------------------------------------------- */

/* Answers with a copy of a preview; the mutex is held. */
static void reply_preview(const i4_shot *shot, const char *id, i4_http_reply *reply) {
    char step[16], tag[64];
    void *bytes = i4_malloc(shot->size);
    if (bytes == NULL) {
        i4_reply_error(reply, 503, "not enough memory for this preview");
        return;
    }
    memcpy(bytes, shot->bytes, shot->size);
    snprintf(step, sizeof step, "%d", shot->step);
    snprintf(tag, sizeof tag, "\"%s-%d\"", id, shot->step);
    i4_reply_header(reply, "X-Preview-Step", step);
    i4_reply_header(reply, "ETag", tag);
    i4_reply_bytes(reply, 200, "image/jpeg", bytes, shot->size);
}

void i4_answer_preview(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    const char *id = i4_req_param(request, "id");
    int64_t step = -1;
    i4_check c;
    i4_check_begin(&c, request);
    (void)i4_check_query_int(&c, "step", true, &step);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    i4_table_lock(t);
    const i4_shot *shot = i4_previews_find(&t->previews, id, step);
    if (shot != NULL) {
        reply_preview(shot, id, reply);
    } else {
        i4_reply_error(reply, 404, "there is no such preview of this task");
    }
    i4_table_unlock(t);
}

/* --- POST /cancel/{id} ---------------------------------------------------------------------- */

void i4_answer_cancel(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    i4_table_lock(t);
    i4_job *job = i4_job_find(t, I4_JOB_DRAW, i4_req_param(request, "id"));
    if (job == NULL) {
        i4_reply_error(reply, 404, "this task is not known");
    } else {
        const bool was_done = job->step == I4_STEP_DONE;
        if (!was_done) {
            i4_job_cancel(t, job, i4_seconds());
        }
        i4_reply_json(reply, 200,
                      json_pack("{s:b, s:s}", "ok", 1, "msg",
                                was_done ? "the task is done already" : "cancelling"));
    }
    i4_table_unlock(t);
}

/* --- the spool ------------------------------------------------------------------------------ */

typedef struct waiting {
    char id[I4_TASK_ID_BYTES];
    bool is_fetched;
} waiting;

typedef struct waiting_list {
    waiting *item;
    size_t count;
} waiting_list;

/* The pictures that nobody has taken, oldest first; false: no memory. */
static bool list_pictures(i4_table *t, waiting_list *list) {
    i4_table_lock(t);
    list->count = 0;
    list->item = i4_calloc(t->job_count + 1, sizeof *list->item);
    for (const i4_job *job = t->oldest; list->item != NULL && job != NULL; job = job->newer) {
        if (job->has_picture && !job->is_taken) {
            waiting *w = &list->item[list->count++];
            memcpy(w->id, job->id, sizeof w->id);
            w->is_fetched = job->is_fetched;
        }
    }
    i4_table_unlock(t);
    return list->item != NULL;
}

void i4_answer_spool(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    waiting_list list;
    json_t *tasks = json_array();
    (void)request;
    if (!list_pictures(&d->table, &list)) {
        json_decref(tasks);
        i4_reply_error(reply, 503, "not enough memory for the list of pictures");
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const waiting *w = &list.item[i];
        json_t *meta = i4_spool_meta(d->spool, w->id);
        if (meta != NULL) { /* NULL: taken or dropped meanwhile */
            json_array_append_new(tasks, json_pack("{s:s, s:o, s:b}", "task_id", w->id,
                                                   "image_meta", meta, "fetched", w->is_fetched));
        }
    }
    i4_free(list.item);
    i4_reply_json(reply, 200, json_pack("{s:o}", "tasks", tasks));
}

/* The picture is stored elsewhere; {"ok": false} when there is no such picture. */
void i4_answer_spool_take(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_daemon *d = user;
    i4_table *t = &d->table;
    i4_err err = {0};
    i4_table_lock(t);
    i4_job *job = i4_job_find(t, I4_JOB_DRAW, i4_req_param(request, "id"));
    const bool has_picture = job != NULL && job->has_picture;
    if (has_picture && !job->is_taken) {
        job->is_taken = true;
        job->kept_since = i4_seconds();
        if (!i4_spool_take(d->spool, job->id, &err)) { /* then it comes back after a restart */
            i4_log(I4_LOG_WARN, "spool", "%s", err.text);
        }
    }
    i4_table_unlock(t);
    i4_reply_json(reply, 200, json_pack("{s:b}", "ok", has_picture));
}
