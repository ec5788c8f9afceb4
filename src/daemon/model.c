/* The worker's model: from settings to a folder to an engine with the LoRA stack, and back. */
#include "base/log.h"
#include "base/os.h"
#include "daemon/desk.h"
#include "hub/hub.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what clients see ---------------------------------------------------------------------- */

static void say(i4_worker *w, const char *format, ...) I4_PRINTF(2, 3);

static void say(i4_worker *w, const char *format, ...) {
    va_list args;
    i4_table *t = w->table;
    i4_table_lock(t);
    va_start(args, format);
    (void)vsnprintf(t->model_msg, sizeof t->model_msg, format, args);
    va_end(args);
    i4_table_unlock(t);
}

static bool is_stopping(i4_worker *w) {
    i4_table_lock(w->table);
    const bool stopping = w->table->is_stopping;
    i4_table_unlock(w->table);
    return stopping;
}

/* --- where the model is -------------------------------------------------------------------- */

static bool on_download(const i4_hub_progress *p, void *user) {
    i4_worker *w = user;
    if (p->total_bytes > 0) {
        const double share = (double)p->done_bytes / (double)p->total_bytes;
        say(w, "downloading the model: %d %%, %.2f of %.2f GB, file %d of %d", (int)(100.0 * share),
            (double)p->done_bytes / 1e9, (double)p->total_bytes / 1e9, p->file_index + 1,
            p->file_count);
    }
    return !is_stopping(w);
}

static bool find_in_hub(i4_worker *w, char *folder, size_t size, i4_err *err) {
    const i4_settings *s = w->settings;
    if (i4_hub_find(s->model_repo, s->model_revision, folder, size, NULL)) {
        return true;
    }
    say(w, "downloading the model %s", s->model_repo);
    const i4_hub_options options = {
        .repo = s->model_repo, .revision = s->model_revision, .progress = on_download, .user = w};
    return i4_hub_fetch(&options, folder, size, err);
}

/* A repository is fetched only if someone named it: nobody wants 28 GB by surprise. The default one
 * is used when it lies in the cache already; else the demo model draws. */
static bool find_model(i4_worker *w, char *folder, size_t size, bool *is_demo, i4_err *err) {
    const i4_settings *s = w->settings;
    *is_demo = false;
    if (s->model_path[0] != '\0') {
        snprintf(folder, size, "%s", s->model_path);
        return true;
    }
    if (s->has_model) {
        return find_in_hub(w, folder, size, err);
    }
    if (!s->wants_demo && i4_hub_find(s->model_repo, s->model_revision, folder, size, NULL)) {
        return true;
    }
    if (s->demo_model[0] == '\0') {
        return i4_fail(err, I4_E_NOT_FOUND,
                       "no model is configured: set IDEOGRAM4_MODEL_PATH to a model folder, or "
                       "IDEOGRAM4_MODEL_REPO to a repository of the Hugging Face hub");
    }
    *is_demo = true;
    snprintf(folder, size, "%s", s->demo_model);
    return true;
}

/* --- the stack ----------------------------------------------------------------------------- */

static void close_adapters(id4_adapter **list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        id4_adapter_close(list[i]);
    }
}

static void log_adapter(const id4_adapter *adapter) {
    id4_adapter_info info;
    id4_adapter_info_init(&info);
    if (id4_adapter_get_info(adapter, &info) == ID4_OK) {
        i4_log(info.unmatched_keys > 0 ? I4_LOG_WARN : I4_LOG_INFO, "lora",
               "opened %s layers=%zu unmatched_keys=%zu", info.path, info.layers,
               info.unmatched_keys);
    }
}

bool i4_model_set_stack(i4_worker *w, const i4_stack *stack, i4_err *err) {
    id4_adapter *next[I4_STACK_ITEMS];
    id4_adapter_use use[I4_STACK_ITEMS];
    size_t count = 0;
    id4_error reason = {0};
    bool ok = true;
    if (w->engine == NULL) {
        return true;
    }
    for (size_t i = 0; ok && i < stack->count; i++) {
        next[i] = NULL;
        ok = id4_adapter_open(w->model, stack->item[i].path, &next[i], &reason) == ID4_OK;
        if (ok) {
            use[i] = (id4_adapter_use){next[i], stack->item[i].strength};
            log_adapter(next[i]);
            count++;
        }
    }
    ok = ok && id4_engine_set_adapters(w->engine, use, count, &reason) == ID4_OK;
    if (!ok) {
        close_adapters(next, count);
        return i4_pass_on(&reason, err);
    }
    close_adapters(w->adapter, w->adapter_count);
    memcpy(w->adapter, next, count * sizeof *next);
    w->adapter_count = count;
    return true;
}

bool i4_model_apply(i4_worker *w, i4_stack *next, bool *changed, i4_err *err) {
    i4_table *t = w->table;
    /* only this thread changes the table's stack, so it may be read without the mutex */
    *changed = !i4_stack_same(next, &t->stack);
    if (*changed && !i4_model_set_stack(w, next, err)) {
        i4_stack_free(next);
        return false;
    }
    i4_table_lock(t);
    const i4_stack old = t->stack;
    if (*changed) {
        t->stack = *next;
        *next = old;
    }
    i4_table_unlock(t);
    i4_stack_free(next);
    return true;
}

/* --- loading ------------------------------------------------------------------------------- */

static int on_load(const id4_progress *progress, void *user) {
    (void)progress;
    return is_stopping(user);
}

static bool open_model(i4_worker *w, const char *folder, i4_err *err) {
    const id4_observer observer = {on_load, w};
    id4_model_options options;
    id4_engine_options engine_options;
    id4_error reason = {0};
    id4_model_options_init(&options);
    if (w->settings->backend[0] != '\0') {
        options.backend = w->settings->backend;
    }
    if (w->settings->isa[0] != '\0') {
        options.isa = w->settings->isa;
    }
    if (id4_model_open(folder, &options, &observer, &w->model, &reason) != ID4_OK) {
        w->model = NULL;
        return i4_pass_on(&reason, err);
    }
    id4_engine_options_init(&engine_options);
    engine_options.preview = i4_draw_preview;
    engine_options.preview_user = w;
    engine_options.preview_seconds = w->table->preview_seconds;
    if (id4_engine_new(w->model, &engine_options, &w->engine, &reason) != ID4_OK) {
        id4_model_close(w->model);
        w->model = NULL;
        w->engine = NULL;
        return i4_pass_on(&reason, err);
    }
    return true;
}

/* A stack that no longer opens must not keep the model from loading: clients offer LoRA only with
 * a loaded model, so nobody could remove it. `note` says what is missing. */
static void apply_recorded(i4_worker *w, char *note, size_t size) {
    i4_table *t = w->table;
    i4_err err = {0};
    note[0] = '\0';
    if (i4_model_set_stack(w, &t->stack, &err)) { /* written by this thread only */
        return;
    }
    snprintf(note, size, ", without LoRA: %.180s", err.text);
    i4_log(I4_LOG_WARN, "lora", "the recorded stack is dropped: %s", err.text);
    i4_table_lock(t);
    i4_stack_free(&t->stack);
    i4_table_unlock(t);
}

/* Memory that a picture of the model's own size takes, with the weights; 0: unknown. */
static uint64_t bytes_needed(const i4_worker *w, int side) {
    id4_request request;
    id4_estimate estimate;
    id4_request_init(&request);
    id4_estimate_init(&estimate);
    request.width = request.height = side;
    return id4_model_estimate(w->model, &request, 0, &estimate, NULL) == ID4_OK
               ? estimate.resident_bytes
               : 0;
}

static void report_loaded(i4_worker *w, const char *folder, bool is_demo, double seconds,
                          const char *note) {
    i4_table *t = w->table;
    id4_model_info info;
    id4_model_info_init(&info);
    (void)id4_model_get_info(w->model, &info);
    const uint64_t needed = bytes_needed(w, info.default_side);
    i4_table_lock(t);
    t->model_state = I4_MODEL_LOADED;
    t->model_bytes = needed;
    t->load_error[0] = '\0';
    i4_pipeline_leave(t);
    t->quantization_bits = info.quantization_bits;
    snprintf(t->model_path, sizeof t->model_path, "%s", folder);
    snprintf(t->model_msg, sizeof t->model_msg, "%s loaded in %.1f s%s",
             is_demo ? "the small demo model is" : "model", seconds, note);
    i4_table_unlock(t);
    i4_log(I4_LOG_INFO, "model", "loaded %s (%s, %s) on %s seconds=%.2f", folder, info.layout,
           info.format, info.backend, seconds);
}

static void report_failure(i4_worker *w, const i4_err *err) {
    i4_table *t = w->table;
    i4_table_lock(t);
    t->model_state = I4_MODEL_IDLE;
    i4_pipeline_leave(t);
    snprintf(t->model_msg, sizeof t->model_msg, "%s",
             err->text[0] != '\0' ? err->text : "loading failed");
    memcpy(t->load_error, t->model_msg, sizeof t->load_error);
    i4_table_unlock(t);
    i4_log(I4_LOG_ERROR, "model", "loading failed: %s", err->text);
}

/* Who asked for it may have done so while another model was being unloaded. */
static void begin_load(i4_worker *w) {
    i4_table *t = w->table;
    i4_table_lock(t);
    t->model_state = I4_MODEL_LOADING;
    snprintf(t->model_msg, sizeof t->model_msg, "looking for the model");
    i4_table_unlock(t);
}

void i4_model_load(i4_worker *w) {
    char folder[4096], note[240];
    bool is_demo = false;
    i4_err err = {0};
    const double begun = i4_seconds();
    if (w->engine != NULL) {
        return; /* loaded: done at once */
    }
    begin_load(w);
    i4_moment("load");
    bool ok = find_model(w, folder, sizeof folder, &is_demo, &err);
    if (ok) {
        say(w, "loading %s", is_demo ? "the small demo model" : folder);
        ok = open_model(w, folder, &err);
    }
    if (!ok) {
        report_failure(w, &err);
        return;
    }
    apply_recorded(w, note, sizeof note);
    report_loaded(w, folder, is_demo, i4_seconds() - begun, note);
}

void i4_model_unload(i4_worker *w) {
    i4_table *t = w->table;
    if (w->engine != NULL) {
        id4_engine_free(w->engine);
        close_adapters(w->adapter, w->adapter_count);
        id4_model_close(w->model);
        i4_log(I4_LOG_INFO, "model", "unloaded");
    }
    w->adapter_count = 0;
    w->engine = NULL;
    w->model = NULL;
    i4_table_lock(t);
    t->model_state = I4_MODEL_IDLE;
    t->model_msg[0] = '\0';
    t->model_bytes = 0;
    i4_table_unlock(t);
}
