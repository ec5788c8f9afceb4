/* The upscaler's jobs and routes (docs/http-api.md 13): one picture at a time, on a thread of its
 * own.
 */
#include "gateway/upscale/upscale.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "image/image.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MAX = 64, JOB_SECONDS = 3600 };

typedef struct job {
    char id[I4_TASK_ID_BYTES];
    int64_t source_id;
    int scale;
    int preset; /* index */
    bool is_done;
    double done_at; /* monotonic seconds */
    int progress;
    char msg[160];
    char error[504];  /* "": none */
    int64_t image_id; /* -1 until there is one */
} job;

struct i4_upscale {
    i4_gateway *gateway; /* borrowed */
    atomic_bool stopping;

    pthread_mutex_t mutex; /* guards all below */
    bool is_busy;
    bool has_thread; /* to be joined */
    pthread_t thread;
    job jobs[JOBS_MAX]; /* oldest first, which end in this order */
    size_t count;
};

/* --- jobs; callers hold the mutex ------------------------------------------------------------ */

static job *find_job(i4_upscale *u, const char *id) {
    for (size_t i = 0; i < u->count; i++) {
        if (strcmp(u->jobs[i].id, id) == 0) {
            return &u->jobs[i];
        }
    }
    return NULL;
}

/* Done ones that are old, and the oldest if there is no room for another. */
static void forget_old_jobs(i4_upscale *u) {
    const double old = i4_seconds() - JOB_SECONDS;
    while (u->count > 0 && u->jobs[0].is_done &&
           (u->jobs[0].done_at < old || u->count == JOBS_MAX)) {
        u->count--;
        memmove(&u->jobs[0], &u->jobs[1], u->count * sizeof u->jobs[0]);
    }
}

static void set_progress(i4_upscale *u, const char *id, int progress, const char *msg) {
    pthread_mutex_lock(&u->mutex);
    job *j = find_job(u, id);
    if (j) {
        j->progress = progress;
        snprintf(j->msg, sizeof j->msg, "%s", msg);
    }
    pthread_mutex_unlock(&u->mutex);
}

/* Always frees the slot (I18). */
static void finish(i4_upscale *u, const char *id, int64_t image_id, const i4_err *err) {
    pthread_mutex_lock(&u->mutex);
    job *j = find_job(u, id);
    if (j) {
        j->is_done = true;
        j->done_at = i4_seconds();
        j->image_id = image_id;
        j->progress = image_id >= 0 ? 100 : 0;
        snprintf(j->error, sizeof j->error, "%s", image_id >= 0 ? "" : err->text);
        snprintf(j->msg, sizeof j->msg, "%s", image_id >= 0 ? "Done." : "Upscaling failed.");
    }
    u->is_busy = false;
    pthread_mutex_unlock(&u->mutex);
}

/* --- the thread ----------------------------------------------------------------------------- */

static void free_order(i4_upscale_order *o) {
    json_decref(o->source);
    i4_free(o);
}

static bool go_on(void *user) {
    i4_upscale *u = user;
    return !atomic_load_explicit(&u->stopping, memory_order_relaxed);
}

static void *work(void *user) {
    i4_upscale_order *o = user;
    i4_upscale *u = o->user;
    int64_t image_id = -1;
    i4_err err = {0};
    set_progress(u, o->id, 5, "Upscaling.");
    if (!i4_upscale_do(o, &image_id, &err)) {
        i4_log(I4_LOG_WARN, "upscale", "failed: %s", err.text);
    }
    finish(u, o->id, image_id, &err);
    free_order(o);
    return NULL;
}

/* --- starting a job ------------------------------------------------------------------------- */

/* Joins the thread of the last job, which has nothing left to do. Holds the mutex. */
static void join_last(i4_upscale *u) {
    if (u->has_thread) {
        u->has_thread = false;
        pthread_join(u->thread, NULL);
    }
}

/* Takes the slot; false when it is taken. */
static bool take_slot(i4_upscale *u) {
    pthread_mutex_lock(&u->mutex);
    const bool is_free = !u->is_busy;
    u->is_busy = true;
    pthread_mutex_unlock(&u->mutex);
    return is_free;
}

static void free_slot(i4_upscale *u) {
    pthread_mutex_lock(&u->mutex);
    u->is_busy = false;
    pthread_mutex_unlock(&u->mutex);
}

/* The thread takes the order if this is true. */
static bool start_thread(i4_upscale *u, i4_upscale_order *o) {
    pthread_mutex_lock(&u->mutex);
    join_last(u);
    forget_old_jobs(u);
    if (u->count < JOBS_MAX) {
        job *j = &u->jobs[u->count];
        *j = (job){.source_id = o->source_id,
                   .scale = o->scale,
                   .preset = o->preset,
                   .msg = "Waiting.",
                   .image_id = -1};
        memcpy(j->id, o->id, sizeof j->id);
        u->has_thread = pthread_create(&u->thread, NULL, work, o) == 0;
        u->count += u->has_thread;
    }
    const bool is_started = u->has_thread;
    pthread_mutex_unlock(&u->mutex);
    return is_started;
}

/* False with the reply given when the source is no picture or the result too large. */
static bool check_size(const i4_settings *s, i4_http_reply *reply, const i4_upscale_order *o) {
    char *bytes = NULL;
    size_t size = 0;
    i4_image image = {0};
    i4_err err = {0};
    const bool is_picture =
        i4_file_read(o->input, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, &err) &&
        i4_image_decode((const uint8_t *)bytes, size, &image, &err);
    const int64_t pixels = (int64_t)image.width * image.height;
    i4_image_free(&image);
    i4_free(bytes);
    if (!is_picture) {
        i4_reply_error(reply, 400, "the image cannot be read: %s", err.text);
        return false;
    }
    /* The program always draws the fourfold picture, which must be decoded to be halved. */
    if (pixels * o->scale * o->scale > s->upscale.max_output_pixels ||
        pixels * I4_UPSCALE_FACTOR * I4_UPSCALE_FACTOR > I4_LIMIT_IMAGE_PIXELS) {
        i4_reply_error(reply, 400, "the result would have more pixels than are allowed");
        return false;
    }
    return true;
}

/* With the slot taken. False: the order and the slot are still the caller's; replied always. */
static bool start_job(i4_gateway *gateway, i4_http_reply *reply, i4_upscale_order *o) {
    i4_upscale_tools tools;
    char id[I4_TASK_ID_BYTES];
    memcpy(id, o->id, sizeof id); /* once started, the order is the thread's */
    i4_upscale_look(gateway->settings, &tools);
    if (tools.error || !tools.has_preset[o->preset]) {
        i4_reply_error(reply, 503, "%s",
                       tools.error ? tools.error : "the model of this preset is not installed");
        return false;
    }
    if (!check_size(gateway->settings, reply, o)) {
        return false;
    }
    if (!start_thread(gateway->upscale, o)) {
        i4_reply_error(reply, 503, "the system gives no more threads; try again");
        return false;
    }
    i4_reply_json(reply, 200, json_pack("{s:s}", "task_id", id));
    return true;
}

/* Fills source and input; false with the reply given. */
static bool find_source(i4_gateway *gateway, i4_http_reply *reply, i4_upscale_order *o) {
    i4_err err = {0};
    json_t *row = NULL;
    const i4_db_result found = i4_db_image(gateway->db, o->source_id, &row, &err);
    if (found == I4_DB_FAILED) {
        i4_reply_error(reply, 500, "%s", err.text);
        return false;
    }
    if (found == I4_DB_NONE) {
        i4_reply_error(reply, 404, "there is no such image");
        return false;
    }
    o->source = row;
    const char *name = json_string_value(json_object_get(row, "file_path"));
    if (!name || !i4_output_path(gateway, name, o->input, sizeof o->input)) {
        i4_reply_error(reply, 404, "the file of the image is missing");
        return false;
    }
    return true;
}

/* Takes the order. */
static void place_order(i4_gateway *gateway, i4_http_reply *reply, i4_upscale_order *o) {
    if (!find_source(gateway, reply, o)) {
        free_order(o);
    } else if (!take_slot(gateway->upscale)) {
        i4_reply_error(reply, 409, "another image is being upscaled; try again when it is done");
        free_order(o);
    } else if (!start_job(gateway, reply, o)) {
        free_slot(gateway->upscale);
        free_order(o);
    }
}

/* --- routes -------------------------------------------------------------------------------- */

static int check_scale(i4_check *c) {
    const json_t *value = json_object_get(c->body, "scale");
    const json_int_t scale = json_integer_value(value);
    if (value && (!json_is_integer(value) || (scale != 2 && scale != 4))) {
        i4_check_rule_enum(c, "scale", "2 or 4");
    }
    return value ? (int)scale : I4_UPSCALE_FACTOR;
}

static int check_preset(i4_check *c) {
    const json_t *value = json_object_get(c->body, "preset");
    const char *text = json_string_value(value);
    for (int i = 0; i < I4_UPSCALE_PRESETS; i++) {
        if (text && strcmp(text, i4_upscale_presets[i].name) == 0) {
            return i;
        }
    }
    if (value) {
        i4_check_rule_enum(c, "preset", "'standard' or 'sharp'");
    }
    return 0;
}

static void post_upscale(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    i4_check c;
    i4_check_begin(&c, request);
    const int64_t source_id = i4_check_id_required(&c, "image_id");
    const int scale = check_scale(&c);
    const int preset = check_preset(&c);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    i4_upscale_order *o = i4_calloc(1, sizeof *o);
    if (!o) {
        i4_reply_error(reply, 503, "not enough memory for the task; try again");
        return;
    }
    *o = (i4_upscale_order){.gateway = gateway,
                            .source_id = source_id,
                            .scale = scale,
                            .preset = preset,
                            .go_on = go_on,
                            .user = gateway->upscale};
    i4_task_id_new(o->id);
    place_order(gateway, reply, o);
}

static json_t *text_or_null(const char *text) {
    return text && text[0] ? json_string(text) : json_null();
}

static void upscale_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    const i4_settings *s = gateway->settings;
    i4_upscale *u = gateway->upscale;
    (void)request;
    if (strcmp(s->upscale.backend, i4_upscale_backend) != 0) {
        i4_reply_error(reply, 500, "IDEOGRAM4_UPSCALER_BACKEND is \"%s\"; use %s",
                       s->upscale.backend, i4_upscale_backend);
        return;
    }
    i4_upscale_tools t;
    i4_upscale_look(s, &t);
    json_t *available = json_array();
    for (int i = 0; i < I4_UPSCALE_PRESETS; i++) {
        if (t.has_preset[i]) {
            json_array_append_new(available, json_string(i4_upscale_presets[i].name));
        }
    }
    pthread_mutex_lock(&u->mutex);
    const bool is_busy = u->is_busy;
    pthread_mutex_unlock(&u->mutex);
    i4_reply_json(reply, 200,
                  json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:b}", "configured", t.error == NULL,
                            "bin_path", text_or_null(t.bin), "model_dir", text_or_null(t.model_dir),
                            "available_presets", available, "backend", i4_upscale_backend, "error",
                            text_or_null(t.error), "busy", is_busy));
}

static void reply_job(i4_gateway *gateway, i4_http_reply *reply, const job *j) {
    json_t *row = NULL;
    i4_err err = {0};
    if (j->image_id >= 0 && i4_db_image(gateway->db, j->image_id, &row, &err) != I4_DB_OK) {
        row = NULL; /* deleted meanwhile */
    }
    json_t *image = row ? i4_image_ref(row, "") : json_null();
    json_decref(row);
    i4_reply_json(reply, 200,
                  json_pack("{s:s, s:s, s:i, s:o, s:o, s:I, s:i, s:s}", "state",
                            j->is_done ? "done" : "running", "msg", j->msg, "progress", j->progress,
                            "image", image, "error", text_or_null(j->error), "source_image_id",
                            (json_int_t)j->source_id, "scale", j->scale, "preset",
                            i4_upscale_presets[j->preset].name));
}

static void get_upscale(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    i4_upscale *u = gateway->upscale;
    job copy = {0};
    pthread_mutex_lock(&u->mutex);
    forget_old_jobs(u);
    const job *found = find_job(u, i4_req_param(request, "task_id"));
    if (found) {
        copy = *found;
    }
    pthread_mutex_unlock(&u->mutex);
    if (found) {
        reply_job(gateway, reply, &copy);
    } else {
        i4_reply_error(reply, 404, "there is no such task");
    }
}

/* --- life ---------------------------------------------------------------------------------- */

i4_upscale *i4_upscale_start(i4_gateway *gateway, i4_err *err) {
    i4_upscale *u = i4_calloc(1, sizeof *u);
    if (!u) {
        i4_fail_memory(err, "the upscaler", sizeof *u);
        return NULL;
    }
    u->gateway = gateway;
    pthread_mutex_init(&u->mutex, NULL);
    return u;
}

void i4_upscale_stop(i4_upscale *u) {
    if (!u) {
        return;
    }
    atomic_store_explicit(&u->stopping, true, memory_order_relaxed);
    pthread_mutex_lock(&u->mutex);
    const bool has_thread = u->has_thread;
    u->has_thread = false;
    pthread_mutex_unlock(&u->mutex);
    if (has_thread) {
        pthread_join(u->thread, NULL);
    }
    pthread_mutex_destroy(&u->mutex);
    i4_free(u);
}

const i4_route i4_upscale_routes[] = {
    {.method = "GET", .pattern = "/api/upscale/status", .handler = upscale_status},
    {.method = "POST",
     .pattern = "/api/upscale",
     .body = I4_BODY_JSON,
     .slow = true, /* decodes the source */
     .handler = post_upscale},
    {.method = "GET", .pattern = "/api/upscale/{task_id}", .handler = get_upscale},
    {0}};
