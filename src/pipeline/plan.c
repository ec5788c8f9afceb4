/* What a picture will take, known beforehand: the passes run on the measuring backend. */
#include "pipeline/engine.h"
#include "pipeline/passes.h"

#include "base/memory.h"
#include "base/os.h"

#include <string.h>

typedef struct measured {
    i4_measure measure;
    i4_ctx ctx;
} measured;

static void begin(measured *m, const i4_model *model, i4_lowrank **adapters) {
    memset(&m->measure, 0, sizeof m->measure);
    m->measure.caps = model->caps;
    i4_ctx_open(&m->ctx, &i4_backend_measure, &m->measure, SIZE_MAX, NULL);
    m->ctx.adapters = adapters;
    m->ctx.adapter_slots = adapters != NULL ? i4_dit_slot_count(&model->config.cond) : 0;
}

static double flops(const measured *m) {
    double sum = 0.0;
    for (int i = 0; i < I4_OP_COUNT; i++) {
        sum += m->measure.cost[i].flops;
    }
    return sum;
}

static bool measure_denoise(measured *m, const i4_model *model, i4_lowrank **adapters, i4_denoise d,
                            i4_plan *plan) {
    begin(m, model, adapters);
    d.run_steps = 0;
    if (!i4_pass_denoise(&m->ctx, model, &d)) {
        return false;
    }
    const double fixed = flops(m);
    begin(m, model, adapters);
    d.run_steps = 1;
    if (!i4_pass_denoise(&m->ctx, model, &d)) {
        return false;
    }
    plan->denoise_bytes = m->ctx.peak;
    plan->denoise_flops = fixed + (flops(m) - fixed) * d.schedule->steps;
    return true;
}

/* What lives beside the slab until the picture is done. The picture itself comes after the table
 * of times is gone, and so does the memory of previews, which is less and goes before it. */
static size_t host_bytes(const i4_model *model, int tokens, int64_t image, int steps) {
    const i4_dit_config *c = &model->config.cond;
    const size_t features = (size_t)tokens * (size_t)c->features * i4_dtype_size(model->caps.act);
    const size_t rope = ((size_t)tokens * (size_t)model->config.text.head_dim +
                         (size_t)(tokens + image) * (size_t)c->head_dim) *
                        sizeof(float);
    const size_t latents = 2 * (size_t)image * (size_t)c->channels * sizeof(float);
    const size_t times = (size_t)steps * (size_t)c->width * sizeof(float);
    const size_t picture = (size_t)image * 16 * 16 * 3;
    return features + rope + latents + (times > picture ? times : picture) +
           model->caps.scratch_bytes;
}

/* Stages are resident only while needed when everything together is over the budget. */
static void plan_residency(const i4_model *m, i4_plan *plan) {
    const uint64_t work = plan->slab_bytes + plan->host_bytes, all = i4_model_bytes(m);
    const uint64_t budget = m->memory_budget != 0 ? m->memory_budget : i4_memory_available();
    plan->staged = budget != 0 && all + work > budget;
    plan->resident_bytes = all + work;
    if (plan->staged) {
        /* the slab is one for all stages: what an earlier one has touched stays */
        const uint64_t touched =
            plan->encode_bytes > plan->denoise_bytes ? plan->encode_bytes : plan->denoise_bytes;
        const uint64_t text = i4_store_bytes(m->store[I4_PART_TEXT]) + plan->encode_bytes;
        const uint64_t dit = i4_store_bytes(m->store[I4_PART_COND]) +
                             i4_store_bytes(m->store[I4_PART_FREE]) + touched;
        const uint64_t vae = i4_store_bytes(m->store[I4_PART_VAE]) + plan->slab_bytes;
        const uint64_t most = text > dit ? text : dit;
        plan->resident_bytes = (most > vae ? most : vae) + plan->host_bytes;
    }
}

bool i4_plan_make(const i4_model *model, i4_lowrank **adapters, int tokens, int width, int height,
                  const i4_schedule *schedule, i4_plan *plan, i4_err *err) {
    const i4_denoise d = {
        .tokens = tokens, .gh = height / 16, .gw = width / 16, .schedule = schedule};
    measured *m = i4_malloc(sizeof *m);
    if (m == NULL) {
        return i4_fail_memory(err, "the memory plan", sizeof *m);
    }
    memset(plan, 0, sizeof *plan);
    begin(m, model, NULL);
    bool ok = i4_pass_encode(&m->ctx, model, NULL, tokens, NULL, NULL);
    plan->encode_bytes = m->ctx.peak;
    plan->encode_flops = flops(m);
    ok = ok && measure_denoise(m, model, adapters, d, plan);
    if (ok) {
        begin(m, model, NULL);
        ok = i4_vae_decode(&m->ctx, &model->vae, NULL, d.gh, d.gw, NULL, NULL);
        plan->decode_bytes = m->ctx.peak;
        plan->decode_flops = flops(m);
    }
    if (!ok && err != NULL) {
        *err = m->ctx.err;
    }
    i4_free(m);
    plan->slab_bytes = plan->encode_bytes;
    plan->slab_bytes =
        plan->denoise_bytes > plan->slab_bytes ? plan->denoise_bytes : plan->slab_bytes;
    plan->slab_bytes =
        plan->decode_bytes > plan->slab_bytes ? plan->decode_bytes : plan->slab_bytes;
    plan->host_bytes = host_bytes(model, tokens, (int64_t)d.gh * d.gw, schedule->steps);
    plan_residency(model, plan);
    return ok;
}
