/* A job as clients see it, and jobs for the database out of new ones. */
#include "gateway/queue/inside.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/os.h"
#include "http/wire.h"

#include <string.h>

/* --- out ----------------------------------------------------------------------------------- */

static json_t *parsed(const json_t *text) {
    json_t *value = NULL;
    if (json_is_string(text)) {
        (void)i4_wire_read(json_string_value(text), json_string_length(text), &value, NULL);
    }
    return value ? value : json_null();
}

/* One of them alone never fails the whole: json_object_set_new frees a value that it refuses. */
static void add_live(json_t *job, const i4_live *live, bool is_done) {
    const double now = i4_seconds();
    json_object_set_new(job, "phase", live ? json_string(live->phase) : json_null());
    json_object_set_new(job, "step", json_integer(live ? live->step : 0));
    json_object_set_new(job, "steps", json_integer(live ? live->steps : 0));
    json_object_set_new(job, "fraction", json_real(live ? live->fraction : is_done ? 1.0 : 0.0));
    json_object_set_new(job, "elapsed", live ? json_real(now - live->began) : json_null());
    json_object_set_new(job, "eta", live && live->has_eta ? json_real(live->eta) : json_null());
    json_object_set_new(job, "preview_step",
                        live && live->preview_step >= 0 ? json_integer(live->preview_step)
                                                        : json_null());
}

json_t *i4_job_json(i4_queue *queue, json_t *row) {
    static const i4_live waiting = {.phase = "waiting", .preview_step = -1};
    const char *state = json_string_value(json_object_get(row, "state"));
    i4_live live = waiting;
    if (!state) {
        return row;
    }
    const bool is_running = strcmp(state, "running") == 0;
    if (is_running && !i4_live_get(queue, json_integer_value(json_object_get(row, "id")), &live)) {
        live.began = i4_seconds();
    }
    json_object_set_new(row, "cancelling",
                        json_boolean(json_integer_value(json_object_get(row, "cancelling"))));
    json_object_set_new(row, "loras", parsed(json_object_get(row, "loras")));
    add_live(row, is_running ? &live : NULL, strcmp(state, "done") == 0);
    return row;
}

json_t *i4_job_caption(const json_t *content) {
    json_t *text = json_object_get(content, "caption");
    json_t *object = NULL;
    if (json_integer_value(json_object_get(content, "is_text")) == 0) {
        object = parsed(text);
    }
    if (json_is_object(object)) {
        return object;
    }
    json_decref(object);
    return json_incref(text);
}

/* --- expected times ------------------------------------------------------------------------ */

static bool is_same(const i4_size_preset *a, const i4_size_preset *b) {
    return a->preset && b->preset && strcmp(a->preset, b->preset) == 0 && a->width == b->width &&
           a->height == b->height;
}

/* Adds the times of whole pictures; equal neighbours are asked about once. */
static bool add_whole(i4_queue *queue, const json_t *jobs, double *sum) {
    i4_size_preset last = {0};
    double seconds = 0;
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        const json_t *job = json_array_get(jobs, i);
        const char *basis;
        const i4_size_preset picture = {
            .preset = json_string_value(json_object_get(job, "preset")),
            .width = json_integer_value(json_object_get(job, "width")),
            .height = json_integer_value(json_object_get(job, "height")),
        };
        if (!is_same(&picture, &last) &&
            !i4_estimate_whole(queue->gateway, &picture, &seconds, &basis)) {
            return false;
        }
        last = picture;
        *sum += seconds;
    }
    return true;
}

json_t *i4_jobs_eta(i4_queue *queue, const json_t *running, const json_t *pending) {
    double sum = 0;
    for (size_t i = 0; i < json_array_size(running); i++) {
        const json_t *eta = json_object_get(json_array_get(running, i), "eta");
        if (!json_is_number(eta)) {
            return json_null();
        }
        sum += json_number_value(eta);
    }
    const bool has_jobs = json_array_size(running) + json_array_size(pending) > 0;
    return has_jobs && add_whole(queue, pending, &sum) ? json_real(sum) : json_null();
}

/* --- in ------------------------------------------------------------------------------------ */

int64_t i4_random_seed(void) {
    uint32_t seed = 0;
    if (!i4_random_bytes(&seed, sizeof seed)) {
        seed = (uint32_t)i4_unix_seconds();
    }
    return seed;
}

static bool fill(i4_db_job *out, i4_made_job *made, const i4_new_job *from, int number,
                 const char *batch) {
    const int64_t seed = number > 0 || from->seed < 0 ? i4_random_seed() : from->seed;
    memcpy(made->batch, batch, I4_TASK_ID_BYTES);
    if (!i4_form_make(from, seed, &made->form_json, &made->hld)) {
        return false;
    }
    *out = (i4_db_job){
        .client_id = from->client_id,
        .batch = made->batch,
        .origin = from->origin,
        .caption = from->caption,
        .hld = made->hld,
        .form_json = from->form_json ? from->form_json : made->form_json,
        .loras_json = from->loras_json,
        .preset = from->preset,
        .format = from->format,
        .is_text = from->is_text,
        .is_form_made = !from->form_json,
        .begins_item = number == 0,
        .width = from->width,
        .height = from->height,
        .seed = seed,
        .prompt_id = from->prompt_id < 0 ? -1 : from->prompt_id,
        .retry_of = -1,
    };
    return true;
}

static int repeats_of(const i4_new_job *job) {
    return job->repeat < 1 ? 1 : job->repeat;
}

bool i4_job_list_make(i4_job_list *list, const i4_new_job *jobs, size_t count, i4_err *err) {
    size_t total = 0;
    *list = (i4_job_list){0};
    for (size_t i = 0; i < count; i++) {
        if (!i4_add_size(total, (size_t)repeats_of(&jobs[i]), &total)) {
            return i4_fail_memory(err, "new jobs", SIZE_MAX);
        }
    }
    list->job = i4_calloc(total + 1, sizeof *list->job);
    list->made = i4_calloc(total + 1, sizeof *list->made);
    if (!list->job || !list->made) {
        return i4_fail_memory(err, "new jobs", total * sizeof *list->job);
    }
    for (size_t i = 0; i < count; i++) {
        char batch[I4_TASK_ID_BYTES];
        i4_task_id_new(batch);
        for (int k = 0; k < repeats_of(&jobs[i]); k++, list->count++) {
            if (!fill(&list->job[list->count], &list->made[list->count], &jobs[i], k, batch)) {
                list->count++;
                return i4_fail_memory(err, "new jobs", total * sizeof *list->job);
            }
        }
    }
    return true;
}

void i4_job_list_free(i4_job_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        i4_free(list->made[i].hld);
        i4_free(list->made[i].form_json);
    }
    i4_free(list->job);
    i4_free(list->made);
    *list = (i4_job_list){0};
}
