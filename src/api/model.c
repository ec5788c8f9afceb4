/* The door: models and what they tell. */
#include "api/handles.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "pipeline/recipe.h"

#include <stdio.h>

/* --- models ------------------------------------------------------------------------------ */

void id4_model_options_init(id4_model_options *options) {
    *options = (id4_model_options){.struct_size = sizeof *options};
}

typedef struct load_watch {
    const id4_observer *observer;
    double started;
} load_watch;

static bool on_load(int done, int count, void *user) {
    const load_watch *w = user;
    const id4_progress p = {.phase = ID4_PHASE_LOAD,
                            .layer_index = done,
                            .layer_count = count,
                            .fraction = (double)done / (double)count,
                            .seconds = i4_seconds() - w->started};
    return w->observer == NULL || w->observer->progress == NULL ||
           w->observer->progress(&p, w->observer->user) == 0;
}

id4_status id4_model_open(const char *folder, const id4_model_options *options,
                          const id4_observer *observer, id4_model **model, id4_error *err) {
    id4_model_options o;
    i4_err inner = {0};
    id4_model_options_init(&o);
    if (folder == NULL || *folder == '\0' || model == NULL) {
        return i4_refuse(err, "a model folder and a place for the handle are needed");
    }
    if (options != NULL && !i4_is_made(options->struct_size)) {
        return i4_refuse(err, "the options have no struct_size: begin with id4_model_options_init");
    }
    i4_take(&o, sizeof o, options, options != NULL ? options->struct_size : 0);
    if (o.threads < 0 || o.threads > I4_LIMIT_THREADS) {
        return i4_refuse(err, "threads must be 0 (all cores) to 256");
    }
    const i4_model_options mine = {o.backend, o.isa, o.threads, o.memory_budget};
    load_watch watch = {observer, i4_seconds()};
    id4_model *m = i4_calloc(1, sizeof *m);
    if (m == NULL) {
        return i4_no_memory(err, "the model", sizeof *m);
    }
    m->inner = i4_model_open(folder, &mine, on_load, &watch, &inner);
    if (m->inner == NULL) {
        i4_free(m);
        return i4_leave(false, &inner, err);
    }
    *model = m;
    return ID4_OK;
}

id4_status id4_model_close(id4_model *model) {
    if (model == NULL) {
        return ID4_OK;
    }
    if (atomic_load_explicit(&model->inner->users, memory_order_acquire) != 0) {
        return ID4_BUSY;
    }
    i4_model_close(model->inner);
    i4_free(model);
    return ID4_OK;
}

void id4_model_info_init(id4_model_info *info) {
    *info = (id4_model_info){.struct_size = sizeof *info};
}

id4_status id4_model_get_info(const id4_model *model, id4_model_info *info) {
    if (model == NULL || info == NULL || !i4_is_made(info->struct_size)) {
        return ID4_INVALID_ARGUMENT;
    }
    const i4_model *m = model->inner;
    const i4_config *c = &m->config;
    const i4_format format = i4_store_format(m->store[I4_PART_COND]);
    const uint64_t bytes = i4_model_bytes(m);
    id4_model_info mine = {
        .name = m->name,
        .folder = m->manifest.root,
        .layout = i4_layout_name(m->manifest.layout),
        .format = i4_format_name(format),
        .quantization_bits = format == I4_W_AFFINE4                         ? 4
                             : format == I4_W_AFFINE8 || format == I4_W_FP8 ? 8
                                                                            : 0,
        .backend = m->detail,
        .weight_bytes = bytes,
        .text_bytes = i4_store_bytes(m->store[I4_PART_TEXT]),
        .cond_bytes = i4_store_bytes(m->store[I4_PART_COND]),
        .free_bytes = i4_store_bytes(m->store[I4_PART_FREE]),
        .vae_bytes = i4_store_bytes(m->store[I4_PART_VAE]),
        .text_layers = c->text.layers,
        .text_width = c->text.width,
        .layers = c->cond.layers,
        .width = c->cond.width,
        .heads = c->cond.heads,
        .head_dim = c->cond.head_dim,
        .vocabulary = c->text.vocabulary,
        .default_side = bytes < UINT64_C(1) << 30 ? 256 : 1024,
    };
    i4_give(info, info->struct_size, &mine, sizeof mine);
    return ID4_OK;
}

/* --- inspection -------------------------------------------------------------------------- */

int id4_backend_at(int index, id4_backend_info *info) {
    static _Thread_local i4_caps caps;
    const i4_backend_options options = {0, NULL};
    const i4_backend *backend = i4_backend_at(index);
    void *state = NULL;
    if (backend == NULL || info == NULL) {
        return 0;
    }
    snprintf(caps.detail, sizeof caps.detail, "not usable here");
    if (backend->open(&options, &state, NULL)) {
        backend->caps(state, &caps);
        backend->close(state);
    }
    *info = (id4_backend_info){backend->name, caps.detail};
    return 1;
}
