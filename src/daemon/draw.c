/* One drawing on the worker: its own LoRA stack, the engine with progress and cancellation, the
 * picture encoded and put into the spool. Moments and texts: docs/http-api.md 5.2. */
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "daemon/desk.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)I4_PICTURE_PNG == (int)ID4_PNG && (int)I4_PICTURE_WEBP == (int)ID4_WEBP &&
                   (int)I4_PICTURE_JPEG == (int)ID4_JPEG,
               "picture formats are those of the public header");

/* What a drawing gathers on its way. */
typedef struct drawing {
    i4_worker *w;
    i4_job *job;
    const i4_order *order; /* the job's; lives while the worker holds the job */
    id4_request request;
    id4_stats stats;
    double begun;
    id4_phase phase; /* last seen; LOAD: none yet */
    int step;
    i4_stack stack; /* as it is applied */
    id4_image *image;
    id4_bytes recipe, file;
} drawing;

static void drawing_free(drawing *d) {
    i4_stack_free(&d->stack);
    id4_image_free(d->image);
    id4_bytes_free(&d->recipe);
    id4_bytes_free(&d->file);
}

/* --- progress ------------------------------------------------------------------------------ */

/* Sets text and progress unless the job was cancelled, which *goes on to say so. */
static bool report(drawing *d, const char *phase, int progress, const char *msg) {
    i4_table_lock(d->w->table);
    const bool goes_on = !d->job->is_cancelled;
    d->job->phase = phase;
    if (goes_on) {
        d->job->progress = progress > d->job->progress ? progress : d->job->progress;
        i4_job_say(d->job, "%s", msg);
    }
    i4_table_unlock(d->w->table);
    return goes_on;
}

static bool is_cancelled(drawing *d) {
    i4_table_lock(d->w->table);
    const bool cancelled = d->job->is_cancelled;
    i4_table_unlock(d->w->table);
    return cancelled;
}

/* What begins with this event, NULL if nothing does. */
static const char *news(const drawing *d, const id4_progress *p) {
    const bool is_new = p->phase != d->phase;
    if (p->phase == ID4_PHASE_DENOISE) {
        return is_new ? "sampling" : p->step_index != d->step ? "step" : NULL;
    }
    return p->phase == ID4_PHASE_DECODE && is_new ? "decode" : NULL;
}

static void tell(drawing *d, const char *moment, const id4_progress *p) {
    char text[80];
    if (strcmp(moment, "sampling") == 0) {
        (void)report(d, "denoise", 2, "sampling");
    } else if (strcmp(moment, "step") == 0) {
        const int percent = p->step_count > 0 ? 100 * p->step_index / p->step_count : 0;
        snprintf(text, sizeof text, "%d/%d steps", p->step_index, p->step_count);
        (void)report(d, "denoise", percent < 99 ? percent : 99, text);
    } else {
        (void)report(d, "decode", 99, "decoding");
    }
    i4_moment(moment);
}

static int on_progress(const id4_progress *p, void *user) {
    drawing *d = user;
    const char *moment = news(d, p);
    i4_table_lock(d->w->table);
    i4_detail_compute(&d->job->detail, p);
    i4_table_unlock(d->w->table);
    d->phase = p->phase;
    d->step = p->step_index;
    if (moment != NULL) {
        tell(d, moment, p);
    }
    return is_cancelled(d);
}

void i4_draw_preview(const id4_preview *preview, void *user) {
    i4_worker *w = user;
    size_t size = 0;
    void *bytes = i4_preview_encode(preview, &size);
    if (bytes == NULL) {
        i4_log(I4_LOG_WARN, "draw", "no preview of step %d", preview->step);
        return;
    }
    i4_table_lock(w->table);
    i4_previews_add(&w->table->previews, preview->step, bytes, size);
    i4_table_unlock(w->table);
    i4_moment("preview");
}

/* --- before -------------------------------------------------------------------------------- */

static void begin(drawing *d) {
    const i4_order *o = d->order;
    const id4_preset *preset = id4_preset_find(o->preset);
    i4_table_lock(d->w->table);
    d->job->total_steps = preset != NULL ? preset->steps : 0;
    d->job->phase = o->loras != NULL ? "lora" : "encode";
    i4_detail_begin(&d->job->detail, d->job->total_steps, d->begun);
    i4_previews_begin(&d->w->table->previews, d->job->id);
    i4_job_say(d->job, "generating %dx%d, %d steps", o->width, o->height, d->job->total_steps);
    i4_table_unlock(d->w->table);
    i4_moment("drawing");
}

static bool apply_own_stack(drawing *d, i4_err *err) {
    const i4_settings *s = d->w->settings;
    i4_stack next = {.count = 0};
    bool changed = false;
    if (d->order->loras == NULL) {
        return true;
    }
    (void)report(d, "lora", 0, "preparing the LoRA stack");
    i4_moment("loras");
    const bool is_empty = json_array_size(d->order->loras) == 0;
    return (is_empty ||
            i4_stack_resolve(&next, d->order->loras, s->lora_dir, s->lora_strength, err)) &&
           i4_model_apply(d->w, &next, &changed, err);
}

/* Who names the task, the gateway, saw a model and cannot know that it went meanwhile (unloaded, or
 * with the process): it is loaded again. Others are told, as by the original. */
static bool ensure_loaded(drawing *d, i4_err *err) {
    if (d->w->engine == NULL && d->order->task_id[0] != '\0') {
        (void)report(d, "load", 0, "loading the model");
        i4_model_load(d->w);
        i4_pipeline_take(d->w->table);
    }
    if (d->w->engine != NULL) {
        return true;
    }
    const char *reason = d->w->table->load_error; /* written by this thread only */
    return d->order->task_id[0] != '\0' && reason[0] != '\0'
               ? i4_fail(err, I4_E_NOT_FOUND, "the model could not be loaded: %s", reason)
               : i4_fail(err, I4_E_INVALID_ARGUMENT, "no model is loaded: load the model first");
}

static bool go_on(drawing *d, i4_err *err) {
    return !is_cancelled(d) || i4_fail(err, I4_E_CANCELLED, "cancelled");
}

/* --- computing ----------------------------------------------------------------------------- */

static bool draw(drawing *d, i4_err *err) {
    const i4_order *o = d->order;
    const id4_observer observer = {on_progress, d};
    id4_error reason = {0};
    id4_request_init(&d->request);
    d->request.caption = o->caption;
    d->request.width = o->width;
    d->request.height = o->height;
    d->request.seed = (uint64_t)o->seed;
    d->request.preset = o->preset;
    (void)report(d, "encode", 1, "preparing");
    i4_moment("prepare");
    if (!go_on(d, err)) {
        return false;
    }
    id4_stats_init(&d->stats);
    if (id4_generate(d->w->engine, &d->request, &observer, &d->image, &d->stats, &reason) !=
        ID4_OK) {
        return i4_pass_on(&reason, err);
    }
    return true;
}

static const char *base_name(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

/* While the pipeline is still ours: afterwards the model may change. */
static bool take_recipe(drawing *d, i4_err *err) {
    id4_recipe_lora loras[I4_STACK_ITEMS];
    id4_error reason = {0};
    if (!i4_stack_copy(&d->stack, &d->w->table->stack, err)) { /* written by this thread only */
        return false;
    }
    for (size_t i = 0; i < d->stack.count; i++) {
        loras[i] = (id4_recipe_lora){base_name(d->stack.item[i].name), d->stack.item[i].strength};
    }
    return id4_recipe_make(d->w->model, &d->request, loras, d->stack.count, &d->recipe, &reason) ==
               ID4_OK ||
           i4_pass_on(&reason, err);
}

/* --- storing ------------------------------------------------------------------------------- */

/* From here on the next drawing may be accepted and the pipeline counts as free. */
static bool leave_pipeline(drawing *d, i4_err *err) {
    i4_table *t = d->w->table;
    i4_table_lock(t);
    const bool goes_on = !d->job->is_cancelled;
    if (goes_on) {
        t->draw_slot = NULL;
        i4_pipeline_leave(t);
        d->job->phase = "save";
        i4_detail_computed(&d->job->detail, &d->stats, i4_seconds());
        d->job->progress = 99;
        i4_job_say(d->job, "encoding");
    }
    i4_table_unlock(t);
    i4_moment("encode");
    return goes_on || i4_fail(err, I4_E_CANCELLED, "cancelled");
}

static int quality_of(const drawing *d) {
    const i4_settings *s = d->w->settings;
    const int standard = d->order->format == I4_PICTURE_WEBP ? s->quality_webp : s->quality_jpeg;
    const int quality = d->order->quality != 0 ? d->order->quality : standard;
    return quality < 1 ? 1 : quality > 100 ? 100 : quality;
}

static bool encode(drawing *d, i4_err *err) {
    char program[64];
    id4_error reason = {0};
    snprintf(program, sizeof program, "ideogram4.c %s", id4_version_string());
    const id4_pair pairs[] = {{"ideogram4", (const char *)d->recipe.data}, {"Software", program}};
    return id4_image_encode(d->image, (id4_image_format)d->order->format, quality_of(d), pairs, 2,
                            &d->file, &reason) == ID4_OK ||
           i4_pass_on(&reason, err);
}

static json_t *or_null(bool has, json_t *value) {
    if (!has) {
        json_decref(value);
        return json_null();
    }
    return value;
}

/* Keys in the order of docs/http-api.md 4.5, then ours. */
static json_t *make_meta(const drawing *d, double seconds) {
    const i4_order *o = d->order;
    const char *format = i4_picture_name(o->format);
    const int bits = d->w->table->quantization_bits; /* written by this thread only */
    char name[48];
    snprintf(name, sizeof name, "%s.%s", d->job->id, format);
    return json_pack(
        "{s:s, s:i, s:i, s:s, s:I, s:o, s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:i}", "hld", o->hld,
        "width", o->width, "height", o->height, "preset", o->preset, "seed", (json_int_t)o->seed,
        "prompt_id", or_null(o->has_prompt, json_integer((json_int_t)o->prompt_id)), "filename",
        name, "format", format, "generation_seconds", round(seconds * 10.0) / 10.0,
        "quantization_bits", or_null(bits > 0, json_integer(bits)), "lora_name",
        i4_stack_names(&d->stack), "lora_strength", i4_stack_strength(&d->stack, json_null()),
        "applied_loras", i4_stack_list(&d->stack), "steps", d->stats.steps);
}

static i4_detail detail_when_saved(const drawing *d) {
    i4_table_lock(d->w->table);
    i4_detail detail = d->job->detail;
    i4_table_unlock(d->w->table);
    i4_detail_saved(&detail, i4_seconds());
    return detail;
}

static bool store(drawing *d, double seconds, i4_spooled *picture, i4_err *err) {
    *picture = (i4_spooled){.format = d->order->format,
                            .bytes = d->file.size,
                            .finished = i4_unix_seconds(),
                            .total_steps = d->job->total_steps,
                            .detail = detail_when_saved(d)};
    memcpy(picture->id, d->job->id, sizeof picture->id);
    snprintf(picture->msg, sizeof picture->msg, "done in %.1f s", seconds);
    json_t *meta = make_meta(d, seconds);
    if (meta == NULL) {
        return i4_fail_memory(err, "a picture's description", 1024);
    }
    const bool ok = i4_spool_store(d->w->table->spool, picture, d->file.data, meta, err);
    json_decref(meta);
    i4_moment("stored");
    return ok;
}

/* Cancellation wins over a picture that is already stored. */
static void finish(drawing *d, const i4_spooled *picture) {
    i4_table *t = d->w->table;
    i4_job *job = d->job;
    const double now = i4_seconds();
    i4_table_lock(t);
    const bool wanted = !job->is_cancelled;
    if (wanted) {
        job->has_picture = true;
        job->format = picture->format;
        job->picture_bytes = picture->bytes;
        job->detail = picture->detail;
        t->picture_bytes += picture->bytes;
        i4_job_say(job, "%s", picture->msg);
        i4_job_succeed(t, job, now);
        i4_table_purge(t, now, true);
    }
    i4_table_unlock(t);
    if (!wanted) {
        i4_spool_drop(t->spool, picture->id, picture->format);
    }
    i4_log(I4_LOG_INFO, "draw", "%s %s", picture->id, wanted ? picture->msg : "was cancelled");
}

static void fail(drawing *d, const i4_err *err) {
    i4_table *t = d->w->table;
    const double now = i4_seconds();
    i4_table_lock(t);
    const bool cancelled = d->job->is_cancelled;
    if (d->job->step != I4_STEP_DONE) { /* a cancellation while storing ended it already */
        if (cancelled) {
            i4_job_end_cancelled(t, d->job, now);
        } else {
            i4_job_fail(t, d->job, err->text, now);
        }
    }
    i4_table_unlock(t);
    i4_log(cancelled ? I4_LOG_INFO : I4_LOG_WARN, "draw", "%s %s", d->job->id,
           cancelled ? "was cancelled" : err->text);
}

void i4_draw(i4_worker *w, i4_job *job) {
    drawing d = {.w = w, .job = job, .order = job->order, .begun = i4_seconds()};
    i4_spooled picture;
    i4_err err = {0};
    begin(&d);
    bool ok =
        apply_own_stack(&d, &err) && go_on(&d, &err) && ensure_loaded(&d, &err) && draw(&d, &err);
    const double seconds = i4_seconds() - d.begun;
    ok = ok && take_recipe(&d, &err) && leave_pipeline(&d, &err) && encode(&d, &err) &&
         go_on(&d, &err) && store(&d, seconds, &picture, &err);
    if (ok) {
        finish(&d, &picture);
    } else {
        fail(&d, &err);
    }
    drawing_free(&d);
}
