/* Progress of running jobs: kept in memory, said at most five times a second. */
#include "gateway/queue/inside.h"

#include "base/os.h"
#include "gateway/events/events.h"

#include <stdio.h>
#include <string.h>

static const double say_seconds = 0.2; /* between two events about progress */

/* The mutex is held. */
static i4_live *find(i4_queue *queue, int64_t id) {
    for (size_t i = 0; i < queue->live_count; i++) {
        if (queue->live[i].id == id) {
            return &queue->live[i];
        }
    }
    return NULL;
}

void i4_live_begin(i4_queue *queue, int64_t id, double age, const char *phase) {
    pthread_mutex_lock(&queue->mutex);
    i4_live *live = find(queue, id);
    if (!live && queue->live_count < I4_LIVE_MAX) {
        live = &queue->live[queue->live_count++];
        *live = (i4_live){
            .id = id, .phase = "waiting", .preview_step = -1, .began = i4_seconds() - age};
    }
    if (live && phase) {
        snprintf(live->phase, sizeof live->phase, "%s", phase);
    }
    pthread_mutex_unlock(&queue->mutex);
}

void i4_live_end(i4_queue *queue, int64_t id) {
    pthread_mutex_lock(&queue->mutex);
    i4_live *live = find(queue, id);
    if (live) {
        *live = queue->live[--queue->live_count];
    }
    pthread_mutex_unlock(&queue->mutex);
}

bool i4_live_get(i4_queue *queue, int64_t id, i4_live *out) {
    pthread_mutex_lock(&queue->mutex);
    const i4_live *live = find(queue, id);
    if (live) {
        *out = *live;
    }
    pthread_mutex_unlock(&queue->mutex);
    return live != NULL;
}

static const char *known_phase(const char *phase) {
    static const char *const phases[] = {"waiting", "load",   "lora", "encode",
                                         "denoise", "decode", "save"};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++) {
        if (strcmp(phase, phases[i]) == 0) {
            return phases[i];
        }
    }
    return "waiting";
}

/* An older daemon has only whole percents. */
static void read_detail(const json_t *status, i4_detail *detail) {
    if (i4_status_detail(status, detail)) {
        return;
    }
    const json_t *total = json_object_get(status, "total_steps");
    const double percent = json_number_value(json_object_get(status, "progress"));
    *detail = (i4_detail){.phase = "denoise",
                          .preview_step = -1,
                          .fraction = percent > 0 && percent <= 100 ? percent / 100 : 0};
    if (json_is_integer(total) && json_integer_value(total) > 0 &&
        json_integer_value(total) < 10000) {
        detail->steps = (int)json_integer_value(total);
        detail->step = (int)(detail->fraction * detail->steps);
    }
}

static void say_preview(i4_queue *queue, const i4_live *live) {
    char key[32];
    snprintf(key, sizeof key, "%lld", (long long)live->id);
    i4_events_say(queue->gateway->events, "preview", key,
                  json_pack("{s:I, s:i, s:i}", "job_id", (json_int_t)live->id, "step",
                            live->preview_step, "steps", live->steps));
}

void i4_live_note(i4_queue *queue, const json_t *work, const json_t *status) {
    const int64_t id = json_integer_value(json_object_get(work, "id"));
    const i4_size_preset picture = {
        .preset = json_string_value(json_object_get(work, "preset")),
        .width = json_integer_value(json_object_get(work, "width")),
        .height = json_integer_value(json_object_get(work, "height")),
    };
    i4_detail detail;
    i4_live now, before;
    if (!i4_live_get(queue, id, &before)) {
        return;
    }
    now = before;
    read_detail(status, &detail);
    now.step = detail.step;
    now.steps = detail.steps;
    now.preview_step = detail.preview_step;
    now.fraction = detail.fraction > before.fraction ? detail.fraction : before.fraction;
    now.has_eta = i4_estimate_rest(queue->gateway, &picture, &detail, &now.before, &now.eta);
    snprintf(now.phase, sizeof now.phase, "%s", known_phase(detail.phase));
    const bool is_news = strcmp(now.phase, before.phase) != 0 || now.step != before.step ||
                         now.fraction > before.said_fraction || now.steps != before.steps;
    const bool is_time = i4_seconds() - before.said_at >= say_seconds;
    const bool says = is_time && is_news;
    if (says) {
        now.said_at = i4_seconds();
        now.said_fraction = now.fraction;
    } else {
        now.said_fraction = is_news ? -1 : before.said_fraction; /* still to be said */
    }
    pthread_mutex_lock(&queue->mutex);
    i4_live *live = find(queue, id);
    if (live) {
        *live = now;
    }
    pthread_mutex_unlock(&queue->mutex);
    if (now.preview_step >= 0 && now.preview_step != before.preview_step) {
        say_preview(queue, &now);
    }
    if (says) {
        i4_say_progress(queue, id);
    }
}
