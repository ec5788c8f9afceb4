/* For tests: the model daemon in this process, with the tiny golden model and a throw-away folder,
 * and requests to it.
 *
 * The worker stops at chosen moments (i4_worker_watch), so that nothing depends on time. */
#ifndef ID4_TESTS_DAEMON_RIG_H
#define ID4_TESTS_DAEMON_RIG_H

#include "golden_folder.h"

#include "folder.h"

#include "daemon/daemon.h"
#include "daemon/worker.h"
#include "http/client.h"

#include <ideogram4.h>
#include <pthread.h>
#include <time.h>

static const char golden[] = ID4_SOURCE_DIR "/tests/golden/tiny-a";

/* --- the rig ------------------------------------------------------------------------------- */

typedef struct rig {
    folder place;
    i4_settings settings;
    i4_daemon *daemon;
    i4_http_client *client;
} rig;

static rig it;
static char model_root[GOLDEN_PATH];

/* The golden model with a projection of previews, which it need not learn at each load then. */
static inline bool make_model_root(void) {
    char path[GOLDEN_PATH + 32];
    if (!golden_root(golden, "mlx-q8", model_root)) {
        fprintf(stderr, "cannot make a model root of %s\n", golden);
        return false;
    }
    snprintf(path, sizeof path, "%s/preview.safetensors", model_root);
    return symlink(ID4_SOURCE_DIR "/models/demo/preview.safetensors", path) == 0;
}

/* What the worker's moments do: hold it at one, and note the task's status at each. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    char hold[16];        /* mutex; moment to stop at, "" none */
    bool is_held;         /* mutex */
    char noting[64];      /* mutex; path asked at every moment, "" none */
    json_t *notes;        /* mutex; [{"moment", "status"}] */
    i4_http_client *line; /* the worker's */
} watch = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline json_t *ask(i4_http_client *client, const char *method, const char *path,
                          json_t *body, int *status) {
    char url[512];
    i4_answer answer = {0};
    i4_err err = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", i4_daemon_port(it.daemon), path);
    const i4_call call = {
        .method = method, .url = url, .json = body, .connect_seconds = 5, .read_seconds = 60};
    if (!i4_http_call(client, &call, &answer, &err)) {
        fail_msg("%s %s: %s", method, path, err.text);
    }
    if (status != NULL) {
        *status = answer.status;
    }
    json_t *json = i4_answer_json(&answer);
    if (json == NULL) {
        fail_msg("%s %s: no JSON: %s", method, path, answer.body);
    }
    i4_answer_free(&answer);
    return json;
}

static inline void on_moment(const char *moment, void *user) {
    char path[64];
    (void)user;
    pthread_mutex_lock(&watch.mutex);
    snprintf(path, sizeof path, "%s", watch.noting);
    pthread_mutex_unlock(&watch.mutex);
    json_t *status = path[0] != '\0' ? ask(watch.line, "GET", path, NULL, NULL) : NULL;
    pthread_mutex_lock(&watch.mutex);
    if (status != NULL) {
        json_array_append_new(watch.notes,
                              json_pack("{s:s, s:o}", "moment", moment, "status", status));
    }
    while (strcmp(watch.hold, moment) == 0) {
        watch.is_held = true;
        pthread_cond_broadcast(&watch.changed);
        pthread_cond_wait(&watch.changed, &watch.mutex);
    }
    watch.is_held = false;
    pthread_mutex_unlock(&watch.mutex);
}

/* The worker will stop at this moment. */
static inline void hold_at(const char *moment) {
    pthread_mutex_lock(&watch.mutex);
    snprintf(watch.hold, sizeof watch.hold, "%s", moment);
    pthread_mutex_unlock(&watch.mutex);
}

static inline void await_held(void) {
    pthread_mutex_lock(&watch.mutex);
    while (!watch.is_held) {
        pthread_cond_wait(&watch.changed, &watch.mutex);
    }
    pthread_mutex_unlock(&watch.mutex);
}

static inline void let_go(void) {
    pthread_mutex_lock(&watch.mutex);
    watch.hold[0] = '\0';
    pthread_cond_broadcast(&watch.changed);
    pthread_mutex_unlock(&watch.mutex);
}

static inline void note_path(const char *path) {
    pthread_mutex_lock(&watch.mutex);
    snprintf(watch.noting, sizeof watch.noting, "%s", path);
    pthread_mutex_unlock(&watch.mutex);
}

static inline json_t *take_notes(void) {
    pthread_mutex_lock(&watch.mutex);
    watch.noting[0] = '\0';
    json_t *notes = watch.notes;
    watch.notes = json_array();
    pthread_mutex_unlock(&watch.mutex);
    return notes;
}

static inline void start_daemon(void) {
    i4_err err = {0};
    it.daemon = i4_daemon_start(&it.settings, &err);
    if (it.daemon == NULL) {
        fail_msg("%s", err.text);
    }
}

static inline void copy_file(const char *from, const char *to) {
    char *data = NULL;
    size_t size = 0;
    assert_true(i4_file_read(from, 64 << 20, &data, &size, NULL));
    assert_true(i4_file_write(to, data, size, NULL));
    i4_free(data);
}

static inline void set_up_settings(void) {
    i4_settings *s = &it.settings;
    memset(s, 0, sizeof *s);
    snprintf(s->daemon_host, sizeof s->daemon_host, "127.0.0.1");
    snprintf(s->model_repo, sizeof s->model_repo, "MLXBits/ideogram-4-mlx-q8");
    snprintf(s->model_path, sizeof s->model_path, "%s", model_root);
    snprintf(s->backend, sizeof s->backend, "auto");
    snprintf(s->default_preset, sizeof s->default_preset, "V4_QUALITY_48");
    snprintf(s->default_format, sizeof s->default_format, "webp");
    snprintf(s->lora_dir, sizeof s->lora_dir, "%s", folder_at(&it.place, "loras"));
    snprintf(s->spool_dir, sizeof s->spool_dir, "%s", folder_at(&it.place, "spool"));
    s->default_seed = 20260608;
    s->quality_webp = 90;
    s->quality_jpeg = 95;
    s->lora_strength = 0.6;
    s->cache_limit_gb = -1.0;
}

static inline int set_up(void **state) {
    (void)state;
    char lora[GOLDEN_PATH];
    snprintf(lora, sizeof lora, "%s/lora.safetensors", golden);
    folder_make(&it.place, "daemon");
    folder_sub(&it.place, "loras");
    copy_file(lora, folder_at(&it.place, "loras/good.safetensors"));
    copy_file(lora, folder_at(&it.place, "loras/other.safetensors"));
    folder_write(&it.place, "loras/bad.safetensors", "this is no safetensors file");
    folder_write(&it.place, "outside.safetensors", "secret");
    set_up_settings();
    it.client = i4_http_client_new(NULL);
    watch.line = i4_http_client_new(NULL);
    watch.notes = json_array();
    watch.hold[0] = watch.noting[0] = '\0';
    watch.is_held = false;
    i4_worker_watch(on_moment, NULL);
    start_daemon();
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    let_go();
    i4_daemon_stop(it.daemon);
    it.daemon = NULL;
    i4_worker_watch(NULL, NULL);
    i4_http_client_free(it.client);
    i4_http_client_free(watch.line);
    json_decref(watch.notes);
    folder_remove(&it.place);
    return 0;
}

static inline void restart(void) {
    i4_daemon_stop(it.daemon);
    start_daemon();
}

/* --- requests ------------------------------------------------------------------------------ */

static inline json_t *get(const char *path) {
    int status = 0;
    json_t *json = ask(it.client, "GET", path, NULL, &status);
    assert_int_equal(status, 200);
    return json;
}

/* Takes the body. */
static inline json_t *post(const char *path, json_t *body, int expected) {
    int status = 0;
    json_t *json = ask(it.client, "POST", path, body, &status);
    json_decref(body);
    if (status != expected) {
        fail_msg("POST %s: %d instead of %d: %s", path, status, expected,
                 json_dumps(json, JSON_COMPACT));
    }
    return json;
}

static inline void post_and_forget(const char *path, json_t *body, int expected) {
    json_decref(post(path, body, expected));
}

static inline const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL) {
        fail_msg("no text under %s", key);
    }
    return text;
}

static inline int number_of(const json_t *object, const char *key) {
    assert_true(json_is_integer(json_object_get(object, key)));
    return (int)json_integer_value(json_object_get(object, key));
}

static inline bool is_true(const json_t *object, const char *key) {
    assert_true(json_is_boolean(json_object_get(object, key)));
    return json_is_true(json_object_get(object, key));
}

/* "a,b,c" */
static inline void assert_keys(json_t *object, const char *keys) {
    char got[512] = "";
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        const size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s%s", used > 0 ? "," : "", key);
    }
    assert_string_equal(got, keys);
}

static inline void assert_contains(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        fail_msg("'%s' does not contain '%s'", text, part);
    }
}

typedef struct id {
    char text[64];
} id;

static inline id take_task(json_t *answer) {
    id task;
    snprintf(task.text, sizeof task.text, "%s", text_of(answer, "task_id"));
    assert_int_equal(strlen(task.text), 32);
    assert_int_equal(strspn(task.text, "0123456789abcdef"), 32);
    json_decref(answer);
    return task;
}

static inline json_t *small_request(const char *caption) {
    return json_pack("{s:s, s:i, s:i, s:s, s:i, s:s}", "caption", caption, "width", 256, "height",
                     256, "preset", "V4_TURBO_12", "seed", 7, "format", "png");
}

static inline id generate(const char *caption) {
    return take_task(post("/generate", small_request(caption), 200));
}

static inline const char *path_of(const char *route, id task) {
    static char path[4][128];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", route, task.text);
    return path[turn];
}

/* Asks until `key` has this text; gives up after a minute. */
static inline json_t *await_text(const char *path, const char *key, const char *text) {
    const struct timespec pause = {0, 2000000};
    for (int i = 0; i < 30000; i++) {
        json_t *answer = get(path);
        if (strcmp(text_of(answer, key), text) == 0) {
            return answer;
        }
        json_decref(answer);
        nanosleep(&pause, NULL);
    }
    fail_msg("%s: %s never became %s", path, key, text);
    return NULL;
}

static inline json_t *await_done(const char *route, id task) {
    return await_text(path_of(route, task), "state", "done");
}

static inline void load_model(void) {
    post_and_forget("/model/load", NULL, 200);
    json_decref(await_text("/model/status", "state", "loaded"));
}

static inline void assert_pipeline_free(void) {
    json_t *status = get("/model/status");
    assert_true(json_is_null(json_object_get(status, "operation")));
    json_decref(status);
}

static inline i4_answer fetch(const char *path) {
    char url[512];
    i4_answer answer = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", i4_daemon_port(it.daemon), path);
    const i4_call call = {.url = url, .connect_seconds = 5, .read_seconds = 60};
    assert_true(i4_http_call(it.client, &call, &answer, NULL));
    return answer;
}

#endif
