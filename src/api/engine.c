/* The door: engines, pictures, adapters. */
#include "api/handles.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

#include <string.h>

/* --- engines ----------------------------------------------------------------------------- */

void id4_engine_options_init(id4_engine_options *options) {
    *options = (id4_engine_options){.struct_size = sizeof *options};
}

static void on_op(const i4_op *op, double seconds, void *user) {
    const id4_engine *e = user;
    e->profile(op->stage, op->layer, i4_op_name(op->kind), seconds, i4_op_cost_of(op).flops,
               e->profile_user);
}

static void on_preview(const i4_preview *p, void *user) {
    const id4_engine *e = user;
    const id4_preview mine = {p->step, p->step_count, p->width, p->height, p->rgb};
    e->preview(&mine, e->preview_user);
}

id4_status id4_engine_new(id4_model *model, const id4_engine_options *options, id4_engine **engine,
                          id4_error *err) {
    i4_err inner = {0};
    id4_engine_options o;
    id4_engine_options_init(&o);
    if (model == NULL || engine == NULL) {
        return i4_refuse(err, "a model and a place for the handle are needed");
    }
    if (options != NULL && !i4_is_made(options->struct_size)) {
        return i4_refuse(err,
                         "the options have no struct_size: begin with id4_engine_options_init");
    }
    i4_take(&o, sizeof o, options, options != NULL ? options->struct_size : 0);
    if (!(o.preview_seconds >= 0.0)) {
        return i4_refuse(err, "preview_seconds must be 0 or more");
    }
    id4_engine *e = i4_calloc(1, sizeof *e);
    if (e == NULL) {
        return i4_no_memory(err, "an engine", sizeof *e);
    }
    *e = (id4_engine){.model = model,
                      .profile = o.profile,
                      .profile_user = o.profile_user,
                      .preview = o.preview,
                      .preview_user = o.preview_user};
    e->inner = i4_engine_new(model->inner, o.profile != NULL ? on_op : NULL, e, &inner);
    if (e->inner == NULL) {
        i4_free(e);
        return i4_leave(false, &inner, err);
    }
    if (o.preview != NULL) {
        e->inner->preview = (i4_preview_wish){on_preview, e, o.preview_seconds};
    }
    *engine = e;
    return ID4_OK;
}

static void release_adapters(id4_engine *e) {
    for (size_t i = 0; i < e->adapter_count; i++) {
        atomic_fetch_sub_explicit(&e->adapters[i]->users, 1, memory_order_release);
    }
    i4_free(e->adapters);
    e->adapters = NULL;
    e->adapter_count = 0;
}

void id4_engine_free(id4_engine *engine) {
    if (engine != NULL) {
        i4_engine_free(engine->inner);
        release_adapters(engine);
        i4_free(engine);
    }
}

void id4_engine_cancel(id4_engine *engine) {
    if (engine != NULL) {
        atomic_store_explicit(&engine->inner->cancel, true, memory_order_relaxed);
    }
}

id4_status id4_engine_set_adapters(id4_engine *engine, const id4_adapter_use *uses, size_t count,
                                   id4_error *err) {
    i4_err inner = {0};
    i4_adapter_use mine[I4_LIMIT_ADAPTERS];
    if (engine == NULL || (uses == NULL && count > 0) || count > I4_LIMIT_ADAPTERS) {
        return i4_refuse(err, "an engine and at most 16 adapters are needed");
    }
    for (size_t i = 0; i < count; i++) {
        if (uses[i].adapter == NULL || uses[i].adapter->model != engine->model) {
            return i4_refuse(err, "the adapter was opened for another model");
        }
        mine[i] = (i4_adapter_use){&uses[i].adapter->lora, uses[i].strength};
    }
    id4_adapter **list = i4_calloc(count + 1, sizeof(id4_adapter *));
    if (list == NULL) {
        return i4_no_memory(err, "the set of adapters", count);
    }
    if (!i4_engine_adapters(engine->inner, mine, count, &inner)) {
        i4_free(list);
        return i4_leave(false, &inner, err);
    }
    release_adapters(engine);
    for (size_t i = 0; i < count; i++) {
        union {
            const id4_adapter *in;
            id4_adapter *out;
        } a = {uses[i].adapter};
        atomic_fetch_add_explicit(&a.out->users, 1, memory_order_relaxed);
        list[i] = a.out;
    }
    engine->adapters = list;
    engine->adapter_count = count;
    return ID4_OK;
}

void id4_stats_init(id4_stats *stats) {
    *stats = (id4_stats){.struct_size = sizeof *stats};
}

static bool on_progress(const i4_progress *p, void *user) {
    const id4_observer *observer = user;
    const id4_progress mine = {(id4_phase)p->phase, p->step_index, p->step_count, p->layer_index,
                               p->layer_count,      p->fraction,   p->seconds,    p->step_seconds};
    return observer == NULL || observer->progress == NULL ||
           observer->progress(&mine, observer->user) == 0;
}

static void give_stats(id4_stats *stats, const i4_stats *s, int steps) {
    id4_stats mine = {.prompt_tokens = s->prompt_tokens,
                      .steps = steps,
                      .prompt_cached = s->prompt_cached,
                      .encode_seconds = s->encode_seconds,
                      .denoise_seconds = s->denoise_seconds,
                      .decode_seconds = s->decode_seconds,
                      .total_seconds = s->total_seconds,
                      .activation_peak_bytes = s->activation_peak,
                      .warning_count = s->warnings};
    if (stats != NULL) {
        i4_give(stats, stats->struct_size, &mine, sizeof mine);
    }
}

id4_status id4_generate(id4_engine *engine, const id4_request *request,
                        const id4_observer *observer, id4_image **image, id4_stats *stats,
                        id4_error *err) {
    i4_err inner = {0};
    i4_image drawn = {0};
    i4_stats s = {0};
    id4_request r;
    union {
        const id4_observer *in;
        void *out;
    } user = {observer};
    if (engine == NULL || request == NULL || image == NULL) {
        return i4_refuse(err, "an engine, a request and a place for the picture are needed");
    }
    if (stats != NULL && !i4_is_made(stats->struct_size)) {
        return i4_refuse(err, "the stats have no struct_size: begin with id4_stats_init");
    }
    i4_take_request(&r, request);
    i4_schedule *schedule = i4_malloc(sizeof *schedule);
    if (schedule == NULL) {
        return i4_no_memory(err, "a schedule", sizeof *schedule);
    }
    bool ok = i4_check_request(&r, true, schedule, &inner);
    if (ok) {
        const i4_request mine = {
            i4_str_c(r.caption), r.strict != 0, r.width, r.height, schedule, r.seed, r.noise};
        ok = i4_generate(engine->inner, &mine, on_progress, user.out, &drawn, &s, &inner);
    }
    const int steps = ok ? schedule->steps : 0;
    i4_free(schedule);
    if (!ok) {
        return i4_leave(false, &inner, err);
    }
    id4_image *result = i4_image_handle(drawn);
    if (result == NULL) {
        return i4_no_memory(err, "the picture", sizeof *result);
    }
    *image = result;
    give_stats(stats, &s, steps);
    return ID4_OK;
}

/* --- adapters ---------------------------------------------------------------------------- */

static char *join_unmatched(const i4_lora *lora) {
    i4_buf b;
    i4_buf_init(&b, 4096);
    i4_buf_adds(&b, "");
    for (size_t i = 0; i < lora->unmatched_keys && i < 5; i++) {
        i4_buf_addf(&b, "%s%s", i > 0 ? ", " : "", lora->unmatched[i]);
    }
    return i4_buf_take(&b, NULL);
}

id4_status id4_adapter_open(id4_model *model, const char *path, id4_adapter **adapter,
                            id4_error *err) {
    i4_err inner = {0};
    if (model == NULL || path == NULL || *path == '\0' || adapter == NULL) {
        return i4_refuse(err, "a model, a path and a place for the handle are needed");
    }
    const i4_dit_config *c = &model->inner->config.cond;
    i4_lora_target *targets = NULL;
    id4_adapter *a = i4_calloc(1, sizeof *a);
    if (a == NULL) {
        return i4_no_memory(err, "an adapter", sizeof *a);
    }
    atomic_init(&a->users, 0);
    a->model = model;
    bool ok = i4_dit_targets(c, &targets, &inner) &&
              i4_lora_open(path, targets, (size_t)i4_dit_slot_count(c), &a->lora, &inner);
    i4_dit_targets_free(targets, i4_dit_slot_count(c));
    if (ok) {
        a->path = i4_strdup(path);
        a->unmatched = join_unmatched(&a->lora);
        ok = (a->path != NULL && a->unmatched != NULL) ||
             i4_fail_memory(&inner, "an adapter", sizeof *a);
    }
    atomic_fetch_add_explicit(&model->inner->users, 1, memory_order_relaxed);
    if (!ok) {
        id4_adapter_close(a);
        return i4_leave(false, &inner, err);
    }
    *adapter = a;
    return ID4_OK;
}

id4_status id4_adapter_close(id4_adapter *adapter) {
    if (adapter == NULL) {
        return ID4_OK;
    }
    if (atomic_load_explicit(&adapter->users, memory_order_acquire) != 0) {
        return ID4_BUSY;
    }
    atomic_fetch_sub_explicit(&adapter->model->inner->users, 1, memory_order_release);
    i4_lora_close(&adapter->lora);
    i4_free(adapter->path);
    i4_free(adapter->unmatched);
    i4_free(adapter);
    return ID4_OK;
}

void id4_adapter_info_init(id4_adapter_info *info) {
    *info = (id4_adapter_info){.struct_size = sizeof *info};
}

id4_status id4_adapter_get_info(const id4_adapter *adapter, id4_adapter_info *info) {
    if (adapter == NULL || info == NULL || !i4_is_made(info->struct_size)) {
        return ID4_INVALID_ARGUMENT;
    }
    id4_adapter_info mine = {.path = adapter->path,
                             .layers = adapter->lora.part_count,
                             .unmatched_keys = adapter->lora.unmatched_keys,
                             .unmatched = adapter->unmatched};
    i4_give(info, info->struct_size, &mine, sizeof mine);
    return ID4_OK;
}
