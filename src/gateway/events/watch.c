/* Asks the daemon how model and LoRA are while somebody listens, and says what changed. */
#include "base/memory.h"
#include "base/os.h"
#include "gateway/events/inside.h"
#include "gateway/outside.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

static const double moved = 0.05; /* a figure of memory that changed by less is no news */

struct i4_watch {
    i4_gateway *gateway;
    i4_events *events;
    json_t *model, *loras; /* as they were said last; the thread's */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards is_stopping */
    pthread_cond_t changed;
    bool is_stopping;
};

/* --- what is news -------------------------------------------------------------------------- */

static bool differs(const json_t *before, const json_t *now, bool is_memory);

static bool number_differs(const json_t *before, const json_t *now, bool is_memory) {
    const double a = json_number_value(before), b = json_number_value(now);
    return is_memory ? fabs(a - b) > moved * fmax(fabs(a), fabs(b)) : a != b;
}

/* "drawing (12s)": the seconds are no news. */
static bool operation_differs(const char *before, const char *now) {
    const size_t a = strcspn(before, "("), b = strcspn(now, "(");
    return a != b || strncmp(before, now, a) != 0;
}

static bool member_differs(const char *key, const json_t *before, const json_t *now,
                           bool is_memory) {
    if (strcmp(key, "seconds_left") == 0) {
        return json_is_null(before) != json_is_null(now);
    }
    if (strcmp(key, "operation") == 0 && json_is_string(before) && json_is_string(now)) {
        return operation_differs(json_string_value(before), json_string_value(now));
    }
    return differs(before, now,
                   is_memory || strcmp(key, "memory") == 0 || strcmp(key, "mlx_memory") == 0);
}

static bool object_differs(const json_t *before, const json_t *now, bool is_memory) {
    const char *key;
    json_t *value;
    if (json_object_size(before) != json_object_size(now)) {
        return true;
    }
    json_object_foreach((json_t *)now, key, value) {
        const json_t *old = json_object_get(before, key);
        if (!old || member_differs(key, old, value, is_memory)) {
            return true;
        }
    }
    return false;
}

static bool differs(const json_t *before, const json_t *now, bool is_memory) {
    if (json_is_number(before) && json_is_number(now)) {
        return number_differs(before, now, is_memory);
    }
    if (json_is_object(before) && json_is_object(now)) {
        return object_differs(before, now, is_memory);
    }
    return !json_equal(before, now);
}

bool i4_watch_differs(const json_t *before, const json_t *now) {
    return !before || !now || differs(before, now, false);
}

/* --- the thread ---------------------------------------------------------------------------- */

/* Takes now. */
static void tell(i4_watch *watch, const char *kind, json_t **before, json_t *now) {
    if (now && i4_watch_differs(*before, now)) {
        json_decref(*before);
        *before = now;
        i4_events_say(watch->events, kind, kind, json_incref(now));
    } else {
        json_decref(now);
    }
}

static void look(i4_watch *watch) {
    json_t *model = i4_daemon_model(watch->gateway);
    json_t *loras = model ? i4_daemon_loras(watch->gateway) : NULL;
    tell(watch, "model", &watch->model, model ? model : i4_model_away());
    tell(watch, "lora", &watch->loras, loras);
}

/* A second, less when it is to end; false then. */
static bool rest(i4_watch *watch) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&watch->mutex);
    int code = 0;
    while (!watch->is_stopping && code == 0) {
        code = pthread_cond_timedwait(&watch->changed, &watch->mutex, &until);
    }
    const bool goes_on = !watch->is_stopping;
    pthread_mutex_unlock(&watch->mutex);
    return goes_on;
}

static void *watch_main(void *user) {
    i4_watch *watch = user;
    while (rest(watch)) {
        if (i4_events_listeners(watch->events) > 0) {
            look(watch);
        }
    }
    return NULL;
}

/* --- life ---------------------------------------------------------------------------------- */

static void watch_free(i4_watch *watch) {
    json_decref(watch->model);
    json_decref(watch->loras);
    pthread_cond_destroy(&watch->changed);
    pthread_mutex_destroy(&watch->mutex);
    i4_free(watch);
}

i4_watch *i4_watch_start(i4_gateway *gateway, i4_events *events, i4_err *err) {
    i4_watch *watch = i4_calloc(1, sizeof *watch);
    if (!watch) {
        i4_fail_memory(err, "the thread that watches the model", sizeof *watch);
        return NULL;
    }
    watch->gateway = gateway;
    watch->events = events;
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_cond_init(&watch->changed, NULL);
    if (i4_fault_hit(I4_FAULT_THREAD, 0) ||
        pthread_create(&watch->thread, NULL, watch_main, watch) != 0) {
        watch_free(watch);
        i4_fail(err, I4_E_INTERNAL, "cannot start a thread: the limit of threads is hit");
        return NULL;
    }
    return watch;
}

void i4_watch_stop(i4_watch *watch) {
    if (!watch) {
        return;
    }
    pthread_mutex_lock(&watch->mutex);
    watch->is_stopping = true;
    pthread_cond_signal(&watch->changed);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
    watch_free(watch);
}
