/* The upscaler (http-api.md 13): an external program enlarges a stored picture fourfold; for twice
 * the size its result is halved. One at a time, on a thread of its own. */
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "gateway/lanczos.h"
#include "gateway/spawn.h"
#include "gateway/tasks.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MAX = 64, JOB_SECONDS = 3600, FACTOR = 4, PATH_BYTES = I4_LIMIT_PATH_BYTES + 256 };
static const char backend_name[] = "realesrgan_ncnn";
static const char program_name[] = "realesrgan-ncnn-vulkan";

static const struct {
    const char *name, *model;
} presets[] = {{"standard", "realesrgan-x4plus"}, {"sharp", "ultrasharp-4x"}};
enum { PRESET_COUNT = sizeof presets / sizeof *presets };

typedef struct job {
    char id[I4_TASK_ID_BYTES];
    int64_t source_id;
    int scale;
    int preset; /* index */
    bool is_done;
    double done_at; /* monotonic seconds */
    int progress;
    char msg[160];
    char error[504]; /* "": none */
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

/* What the thread works on. */
typedef struct order {
    i4_upscale *upscale;
    job job; /* a copy */
    json_t *source; /* owned: the row of the source picture */
    char input[PATH_BYTES];
} order;

/* --- what is installed ---------------------------------------------------------------------- */

typedef struct tools {
    char bin[PATH_BYTES];       /* "": not found */
    char model_dir[PATH_BYTES]; /* "": not found */
    bool has_preset[PRESET_COUNT];
    const char *error; /* NULL: ready */
} tools;

static bool is_program(const char *path) {
    return i4_path_look(path) == I4_PATH_FILE && access(path, X_OK) == 0;
}

static void search_path(char *out, size_t size) {
    const char *path = getenv("PATH");
    out[0] = '\0';
    while (path && *path) {
        const size_t len = strcspn(path, ":");
        if (len > 0 && snprintf(out, size, "%.*s/%s", (int)len, path, program_name) < (int)size &&
            is_program(out)) {
            return;
        }
        path += len + (path[len] == ':');
    }
    out[0] = '\0';
}

static void find_program(const i4_settings *s, char *out, size_t size) {
    if (s->upscale.bin[0] == '\0') {
        search_path(out, size);
    } else {
        snprintf(out, size, "%s", is_program(s->upscale.bin) ? s->upscale.bin : "");
    }
}

static void folder_of(const char *path, char *out, size_t size) {
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%.*s", slash && slash > path ? (int)(slash - path) : 1, slash ? path : ".");
}

static void find_models(const i4_settings *s, const char *bin, char *out, size_t size) {
    char beside[PATH_BYTES];
    out[0] = '\0';
    if (s->upscale.model_dir[0]) {
        snprintf(out, size, "%s", s->upscale.model_dir);
    } else if (bin[0]) {
        folder_of(bin, beside, sizeof beside);
        if (snprintf(out, size, "%s/models", beside) >= (int)size) {
            out[0] = '\0';
        }
    }
    if (i4_path_look(out) != I4_PATH_DIR) {
        out[0] = '\0';
    }
}

static bool has_model(const char *folder, const char *model) {
    static const char *const suffixes[] = {"bin", "param"};
    for (int i = 0; i < 2; i++) {
        char path[PATH_BYTES];
        if (folder[0] == '\0' ||
            snprintf(path, sizeof path, "%s/%s.%s", folder, model, suffixes[i]) >= PATH_BYTES ||
            i4_path_look(path) != I4_PATH_FILE) {
            return false;
        }
    }
    return true;
}

static void look_at_tools(const i4_settings *s, tools *t) {
    *t = (tools){0};
    find_program(s, t->bin, sizeof t->bin);
    find_models(s, t->bin, t->model_dir, sizeof t->model_dir);
    for (int i = 0; i < PRESET_COUNT; i++) {
        t->has_preset[i] = has_model(t->model_dir, presets[i].model);
    }
    t->error = strcmp(s->upscale.backend, backend_name) != 0
                   ? "IDEOGRAM4_UPSCALER_BACKEND names no upscaler that is known here"
               : !t->bin[0] ? "realesrgan-ncnn-vulkan is not installed: put it into PATH or set "
                            "IDEOGRAM4_UPSCALER_BIN"
               : !t->model_dir[0]  ? "the upscaler's models are not found: set "
                                     "IDEOGRAM4_UPSCALER_MODEL_DIR"
               : !t->has_preset[0] ? "the upscaler's model realesrgan-x4plus (.bin and .param) is "
                                     "missing"
                                   : NULL;
}

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

/* --- the work ------------------------------------------------------------------------------ */

static bool go_on(void *user) {
    i4_upscale *u = user;
    return !atomic_load_explicit(&u->stopping, memory_order_relaxed);
}

static bool run_program(const order *o, const char *output, i4_err *err) {
    const i4_settings *s = o->upscale->gateway->settings;
    tools t;
    look_at_tools(s, &t);
    if (!t.bin[0] || !t.model_dir[0]) {
        return i4_fail(err, I4_E_NOT_FOUND, "the upscaler was removed while the task waited");
    }
    char folder[PATH_BYTES];
    folder_of(t.bin, folder, sizeof folder);
    const char *const argv[] = {t.bin,      "-i", o->input,
                                "-o",       output, "-m",
                                t.model_dir, "-n", presets[o->job.preset].model,
                                "-s",       "4",  "-f",
                                "png",      NULL};
    const i4_spawn spawn = {.argv = argv,
                            .folder = folder,
                            .seconds = s->upscale.timeout,
                            .go_on = go_on,
                            .user = o->upscale};
    return i4_spawn_run(&spawn, err);
}

/* Replaces *bytes, a PNG, by one of half its size. */
static bool halve_file(i4_image *image, char **bytes, size_t *size, i4_err *err) {
    i4_image half = {0};
    uint8_t *png = NULL;
    size_t png_size = 0;
    if (!i4_lanczos_half(image, &half, err)) {
        return false;
    }
    const bool is_done = i4_image_encode(&half, I4_PNG, 0, NULL, 0, &png, &png_size, err);
    i4_image_free(image);
    *image = half;
    if (is_done) {
        i4_free(*bytes);
        *bytes = (char *)png;
        *size = png_size;
    }
    return is_done;
}

/* Reads what the program wrote, brings it to size, writes it under its name. */
static bool keep_result(const order *o, const char *from, const char *to, int *width, int *height,
                        i4_err *err) {
    char *bytes = NULL;
    size_t size = 0;
    i4_image image = {0};
    bool is_done = i4_file_read(from, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, err) &&
                   i4_image_decode((const uint8_t *)bytes, size, &image, err) &&
                   (o->job.scale == FACTOR || halve_file(&image, &bytes, &size, err)) &&
                   i4_file_write(to, bytes, size, err);
    *width = image.width;
    *height = image.height;
    i4_image_free(&image);
    i4_free(bytes);
    return is_done;
}

static const char *text_of(const json_t *row, const char *key) {
    return json_string_value(json_object_get(row, key));
}

static bool add_row(const order *o, const char *name, int width, int height, int64_t *image_id,
                    i4_err *err) {
    const char *preset = presets[o->job.preset].name;
    const char *hld = text_of(o->source, "hld");
    const json_t *prompt = json_object_get(o->source, "prompt_id");
    const json_t *strength = json_object_get(o->source, "lora_strength");
    char preset_text[48];
    i4_buf text;
    i4_buf_init(&text, 1 << 20);
    i4_buf_addf(&text, "%s (upscaled %dx, %s)", hld && hld[0] ? hld : "Picture", o->job.scale,
                preset);
    snprintf(preset_text, sizeof preset_text, "upscale:%s:%dx", preset, o->job.scale);
    const i4_new_image image = {.hld = text.ptr ? text.ptr : "",
                                .width = width,
                                .height = height,
                                .seed = json_integer_value(json_object_get(o->source, "seed")),
                                .preset = preset_text,
                                .file_path = name,
                                .prompt_id = json_is_integer(prompt) ? json_integer_value(prompt)
                                                                     : -1,
                                .parent_image_id = o->job.source_id,
                                .lora_name = text_of(o->source, "lora_name"),
                                .has_lora_strength = json_is_number(strength),
                                .lora_strength = json_number_value(strength),
                                .lora_stack_json = text_of(o->source, "lora_stack_json")};
    json_t *row = NULL;
    const bool is_done =
        i4_db_add_image(o->upscale->gateway->db, &image, &row, err) == I4_DB_OK;
    *image_id = is_done ? json_integer_value(json_object_get(row, "id")) : -1;
    json_decref(row);
    i4_buf_free(&text);
    return is_done;
}

static bool do_order(const order *o, int64_t *image_id, i4_err *err) {
    const char *folder = o->upscale->gateway->settings->output_dir;
    char name[128], temporary[PATH_BYTES], path[PATH_BYTES];
    int width = 0, height = 0;
    snprintf(name, sizeof name, "upscale-%lld-%dx-%s-%s.png", (long long)o->job.source_id,
             o->job.scale, presets[o->job.preset].name, o->job.id);
    if (snprintf(temporary, sizeof temporary, "%s/.upscale-%s.png", folder, o->job.id) >=
            PATH_BYTES ||
        snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_BYTES) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the path of the output folder is too long");
    }
    const bool is_stored = run_program(o, temporary, err) &&
                           keep_result(o, temporary, path, &width, &height, err);
    unlink(temporary);
    if (!is_stored) {
        return false;
    }
    if (!add_row(o, name, width, height, image_id, err)) {
        unlink(path);
        return false;
    }
    return true;
}

static void *work(void *user) {
    order *o = user;
    int64_t image_id = -1;
    i4_err err = {0};
    set_progress(o->upscale, o->job.id, 5, "Upscaling.");
    if (!do_order(o, &image_id, &err)) {
        i4_log(I4_LOG_WARN, "upscale", "failed: %s", err.text);
    }
    finish(o->upscale, o->job.id, image_id, &err);
    json_decref(o->source);
    i4_free(o);
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

/* Takes the order, whatever happens. */
static bool start_order(i4_upscale *u, order *o) {
    pthread_mutex_lock(&u->mutex);
    join_last(u);
    forget_old_jobs(u);
    bool is_started = u->count < JOBS_MAX;
    if (is_started) {
        u->jobs[u->count++] = o->job;
        is_started = pthread_create(&u->thread, NULL, work, o) == 0;
        u->has_thread = is_started;
        u->count -= !is_started;
    }
    pthread_mutex_unlock(&u->mutex);
    if (!is_started) {
        json_decref(o->source);
        i4_free(o);
    }
    return is_started;
}

/* Size of the source; false with the reply given when it is no picture or the result too large. */
static bool check_size(const i4_settings *s, i4_http_reply *reply, const order *o) {
    char *bytes = NULL;
    size_t size = 0;
    i4_image image = {0};
    i4_err err = {0};
    const bool is_picture = i4_file_read(o->input, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, &err) &&
                            i4_image_decode((const uint8_t *)bytes, size, &image, &err);
    const int64_t pixels = (int64_t)image.width * image.height;
    i4_image_free(&image);
    i4_free(bytes);
    if (!is_picture) {
        i4_reply_error(reply, 400, "the image cannot be read: %s", err.text);
        return false;
    }
    /* The program always draws the fourfold picture, which must be decoded to be halved. */
    if (pixels * o->job.scale * o->job.scale > s->upscale.max_output_pixels ||
        pixels * FACTOR * FACTOR > I4_LIMIT_IMAGE_PIXELS) {
        i4_reply_error(reply, 400, "the result would have more pixels than are allowed");
        return false;
    }
    return true;
}

static void start_job(i4_gateway *gateway, i4_http_reply *reply, order *o) {
    i4_upscale *u = gateway->upscale;
    tools t;
    look_at_tools(gateway->settings, &t);
    const bool has_preset = t.has_preset[o->job.preset];
    char id[I4_TASK_ID_BYTES];
    memcpy(id, o->job.id, sizeof id);
    if (t.error || !has_preset) {
        i4_reply_error(reply, 503, "%s", t.error ? t.error : "the preset's model is not installed");
    } else if (check_size(gateway->settings, reply, o)) {
        if (start_order(u, o)) {
            i4_reply_json(reply, 200, json_pack("{s:s}", "task_id", id));
            return;
        }
        free_slot(u);
        i4_reply_error(reply, 503, "the system gives no more threads; try again");
        return;
    }
    free_slot(u);
    json_decref(o->source);
    i4_free(o);
}

/* The order for a stored picture; NULL with the reply given. */
static order *new_order(i4_gateway *gateway, i4_http_reply *reply, const job *wanted) {
    i4_err err = {0};
    order *o = i4_calloc(1, sizeof *o);
    if (!o) {
        i4_reply_error(reply, 503, "not enough memory for the task; try again");
        return NULL;
    }
    o->upscale = gateway->upscale;
    o->job = *wanted;
    i4_task_id_new(o->job.id);
    const i4_db_result found = i4_db_image(gateway->db, wanted->source_id, &o->source, &err);
    const char *name = found == I4_DB_OK ? text_of(o->source, "file_path") : NULL;
    if (name && i4_output_path(gateway, name, o->input, sizeof o->input)) {
        return o;
    }
    if (found == I4_DB_FAILED) {
        i4_reply_error(reply, 500, "%s", err.text);
    } else {
        i4_reply_error(reply, 404, found == I4_DB_NONE ? "there is no such image"
                                                       : "the file of the image is missing");
    }
    if (found == I4_DB_OK) {
        json_decref(o->source);
    }
    i4_free(o);
    return NULL;
}

/* --- routes -------------------------------------------------------------------------------- */

static int check_scale(i4_check *c) {
    const json_t *value = json_object_get(c->body, "scale");
    const json_int_t scale = json_integer_value(value);
    if (value && (!json_is_integer(value) || (scale != 2 && scale != 4))) {
        i4_check_rule_enum(c, "scale", "2 or 4");
    }
    return value ? (int)scale : FACTOR;
}

static int check_preset(i4_check *c) {
    const json_t *value = json_object_get(c->body, "preset");
    const char *text = json_string_value(value);
    for (int i = 0; i < PRESET_COUNT; i++) {
        if (text && strcmp(text, presets[i].name) == 0) {
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
    job wanted = {.image_id = -1, .msg = "Waiting."};
    wanted.source_id = i4_check_id_required(&c, "image_id");
    wanted.scale = check_scale(&c);
    wanted.preset = check_preset(&c);
    if (i4_check_failed(&c, reply)) {
        return;
    }
    order *o = new_order(gateway, reply, &wanted);
    if (!o) {
        return;
    }
    if (take_slot(gateway->upscale)) {
        start_job(gateway, reply, o);
        return;
    }
    json_decref(o->source);
    i4_free(o);
    i4_reply_error(reply, 409, "another image is being upscaled; try again when it is done");
}

static json_t *text_or_null(const char *text) {
    return text && text[0] ? json_string(text) : json_null();
}

static void upscale_status(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    const i4_settings *s = gateway->settings;
    i4_upscale *u = gateway->upscale;
    (void)request;
    if (strcmp(s->upscale.backend, backend_name) != 0) {
        i4_reply_error(reply, 500, "IDEOGRAM4_UPSCALER_BACKEND is \"%s\"; use %s",
                       s->upscale.backend, backend_name);
        return;
    }
    tools t;
    look_at_tools(s, &t);
    json_t *available = json_array();
    for (int i = 0; i < PRESET_COUNT; i++) {
        if (t.has_preset[i]) {
            json_array_append_new(available, json_string(presets[i].name));
        }
    }
    pthread_mutex_lock(&u->mutex);
    const bool is_busy = u->is_busy;
    pthread_mutex_unlock(&u->mutex);
    i4_reply_json(reply, 200,
                  json_pack("{s:b, s:o, s:o, s:o, s:s, s:o, s:b}", "configured", t.error == NULL,
                            "bin_path", text_or_null(t.bin), "model_dir", text_or_null(t.model_dir),
                            "available_presets", available, "backend", backend_name, "error",
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
                            presets[j->preset].name));
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
