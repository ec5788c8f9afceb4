/* Opening a model folder: all or nothing. */
#include "pipeline/model.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>

static void set_name(i4_model *m, const char *folder) {
    size_t end = strlen(folder);
    while (end > 1 && folder[end - 1] == '/') {
        end--;
    }
    size_t start = end;
    while (start > 0 && folder[start - 1] != '/') {
        start--;
    }
    snprintf(m->name, sizeof m->name, "%.*s", (int)(end - start), folder + start);
}

/* The backend must exist here and its options make sense before any file is touched. */
static bool choose_backend(i4_model *m, const i4_model_options *o, i4_err *err) {
    m->backend = i4_backend_find(o->backend);
    if (m->backend == NULL) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "there is no backend \"%s\" in this build; try \"auto\"", o->backend);
    }
    m->backend_options.threads = o->threads;
    if (o->isa != NULL) {
        m->backend_options.isa = i4_strdup(o->isa);
        if (m->backend_options.isa == NULL) {
            return i4_fail_memory(err, "the model", strlen(o->isa));
        }
    }
    void *state = NULL;
    if (!m->backend->open(&m->backend_options, &state, err)) {
        return false;
    }
    m->backend->caps(state, &m->caps);
    m->backend->close(state);
    snprintf(m->detail, sizeof m->detail, "%s", m->caps.detail);
    return true;
}

static bool load_tokenizer(i4_model *m, i4_err *err) {
    if (m->manifest.tokenizer_path == NULL) {
        return i4_fail(err, I4_E_FORMAT,
                       "tokenizer/tokenizer.json is missing in %s; download the "
                       "whole model",
                       m->manifest.root);
    }
    m->tokenizer = i4_tokenizer_open(m->manifest.tokenizer_path, err);
    if (m->tokenizer == NULL) {
        return false;
    }
    if (i4_tokenizer_max_id(m->tokenizer) >= m->config.text.vocabulary) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s gives ids up to %d, but the text encoder's table has %d rows",
                       m->manifest.tokenizer_path, (int)i4_tokenizer_max_id(m->tokenizer),
                       m->config.text.vocabulary);
    }
    return true;
}

static bool load_part(i4_model *m, i4_part part, i4_err *err) {
    m->store[part] = i4_store_open(&m->manifest, part, err);
    if (m->store[part] == NULL) {
        return false;
    }
    switch (part) {
    case I4_PART_TEXT:
        return i4_text_load(&m->text, &m->config.text, m->store[part], err);
    case I4_PART_COND:
        return i4_dit_load(&m->cond, &m->config.cond, m->store[part], true, err);
    case I4_PART_FREE:
        return i4_dit_load(&m->free, &m->config.free, m->store[part], false, err);
    default:
        return i4_vae_load(&m->vae, &m->config, m->store[part], err);
    }
}

static bool load(i4_model *m, const char *folder, const i4_model_options *options,
                 i4_load_fn progress, void *user, i4_err *err) {
    enum { STAGES = 3 + I4_PART_COUNT };
    for (int i = 0; i < STAGES; i++) {
        if (progress != NULL && !progress(i, STAGES, user)) {
            return i4_fail(err, I4_E_CANCELLED, "cancelled");
        }
        const bool ok = i == 0   ? choose_backend(m, options, err)
                        : i == 1 ? i4_manifest_read(folder, &m->manifest, err) &&
                                       i4_config_read(&m->manifest, &m->config, err)
                        : i == 2 ? load_tokenizer(m, err)
                                 : load_part(m, (i4_part)(i - 3), err);
        if (!ok) {
            return false;
        }
    }
    return true;
}

/* An extra of a model folder: without it, or with one that is no good, everything else works. */
static void read_projection(i4_model *m) {
    char path[sizeof m->manifest.root + 32];
    i4_err err = {0};
    snprintf(path, sizeof path, "%s/preview.safetensors", m->manifest.root);
    if (i4_path_look(path) == I4_PATH_NONE) {
        return;
    }
    i4_projection *p = i4_projection_read(path, m->config.cond.channels, &err);
    if (p == NULL) {
        i4_log(I4_LOG_WARN, "preview", "the model's own projection is not used: %s", err.text);
        return;
    }
    i4_model_take_projection(m, p);
}

const i4_projection *i4_model_projection(const i4_model *m) {
    return atomic_load_explicit(&m->projection, memory_order_acquire);
}

void i4_model_take_projection(i4_model *m, i4_projection *projection) {
    i4_projection *none = NULL;
    if (!atomic_compare_exchange_strong_explicit(&m->projection, &none, projection,
                                                 memory_order_acq_rel, memory_order_acquire)) {
        i4_projection_free(projection);
    }
}

i4_model *i4_model_open(const char *folder, const i4_model_options *options, i4_load_fn progress,
                        void *user, i4_err *err) {
    i4_model *m = i4_calloc(1, sizeof *m);
    if (m == NULL) {
        i4_fail_memory(err, "the model", sizeof *m);
        return NULL;
    }
    atomic_init(&m->users, 0);
    atomic_init(&m->projection, NULL);
    m->memory_budget = options->memory_budget;
    set_name(m, folder);
    if (!load(m, folder, options, progress, user, err)) {
        i4_model_close(m);
        return NULL;
    }
    read_projection(m);
    i4_log(I4_LOG_INFO, "model", "opened name=%s layout=%s bytes=%llu backend=\"%s\"", m->name,
           i4_layout_name(m->manifest.layout), (unsigned long long)i4_model_bytes(m), m->detail);
    return m;
}

void i4_model_close(i4_model *m) {
    if (m == NULL) {
        return;
    }
    i4_text_unload(&m->text);
    i4_dit_unload(&m->cond);
    i4_dit_unload(&m->free);
    i4_tokenizer_close(m->tokenizer);
    i4_projection_free(atomic_load_explicit(&m->projection, memory_order_acquire));
    for (int i = 0; i < I4_PART_COUNT; i++) {
        i4_store_close(m->store[i]);
    }
    i4_manifest_free(&m->manifest);
    union {
        const char *in;
        void *out;
    } isa = {m->backend_options.isa};
    i4_free(isa.out);
    i4_free(m);
}

uint64_t i4_model_bytes(const i4_model *m) {
    uint64_t sum = 0;
    for (int i = 0; i < I4_PART_COUNT; i++) {
        sum += i4_store_bytes(m->store[i]);
    }
    return sum;
}
