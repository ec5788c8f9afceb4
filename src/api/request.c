/* The door: requests, presets, estimates. */
#include "api/handles.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"

#include <math.h>

/* --- requests ---------------------------------------------------------------------------- */

void id4_request_init(id4_request *request) {
    *request =
        (id4_request){.struct_size = sizeof *request, .preset = "V4_QUALITY_48", .guidance = -1.0};
}

const id4_preset *id4_preset_at(int index) {
    static const id4_preset list[] = {{"V4_QUALITY_48", 48, 0.0, 1.5},
                                      {"V4_DEFAULT_20", 20, 0.0, 1.75},
                                      {"V4_TURBO_12", 12, 0.5, 1.75}};
    return i4_preset_at(index) != NULL ? &list[index] : NULL;
}

const id4_preset *id4_preset_find(const char *name) {
    const i4_preset *found = i4_preset_find(name);
    for (int i = 0; found != NULL && i4_preset_at(i) != NULL; i++) {
        if (i4_preset_at(i) == found) {
            return id4_preset_at(i);
        }
    }
    return NULL;
}

static bool check_side(const char *name, int side, i4_err *err) {
    const int step = I4_LIMIT_SIDE_MULTIPLE;
    if (side < I4_LIMIT_SIDE_MIN || side > I4_LIMIT_SIDE_MAX) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "%s %d is outside %d to %d", name, side,
                       I4_LIMIT_SIDE_MIN, I4_LIMIT_SIDE_MAX);
    }
    if (side % step != 0) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "%s %d is not a multiple of %d: take %d or %d",
                       name, side, step, side / step * step, side / step * step + step);
    }
    return true;
}

/* A request proved and its schedule made. */
bool i4_check_request(const id4_request *r, bool needs_caption, i4_schedule *schedule,
                      i4_err *err) {
    const i4_preset *preset = i4_preset_find(r->preset != NULL ? r->preset : "V4_QUALITY_48");
    if (!i4_is_made(r->struct_size)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the request has no struct_size: begin with id4_request_init");
    }
    if (needs_caption && (r->caption == NULL || *r->caption == '\0')) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the caption is empty");
    }
    if (!check_side("width", r->width, err) || !check_side("height", r->height, err)) {
        return false;
    }
    if (preset == NULL) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "there is no preset \"%s\"; choose V4_QUALITY_48, V4_DEFAULT_20 or "
                       "V4_TURBO_12",
                       r->preset);
    }
    if (r->steps < 0 || r->steps > I4_LIMIT_STEPS) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "steps must be 0 (the preset's) to %d",
                       I4_LIMIT_STEPS);
    }
    if (!isfinite(r->guidance) || r->guidance > 1000.0) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "guidance must be a number up to 1000 (negative: the preset's)");
    }
    i4_schedule_make(preset, r->steps, r->guidance, r->width, r->height, schedule);
    return true;
}

void i4_take_request(id4_request *mine, const id4_request *theirs) {
    id4_request_init(mine);
    i4_take(mine, sizeof *mine, theirs, theirs->struct_size);
    mine->struct_size = theirs->struct_size;
}

void id4_estimate_init(id4_estimate *estimate) {
    *estimate = (id4_estimate){.struct_size = sizeof *estimate};
}

/* Tokens of the request's caption, or the usual three hundred. */
static bool assume_tokens(const i4_model *m, const id4_request *r, int *tokens, i4_err *err) {
    char *prompt = NULL;
    size_t len = 0, count = 0;
    int32_t *ids = NULL;
    i4_findings findings = {0};
    if (*tokens > 0 || r->caption == NULL) {
        *tokens = *tokens > 0 ? *tokens : 300;
        return true;
    }
    const bool ok =
        i4_caption_prepare(i4_str_c(r->caption), false, &prompt, &len, &findings, err) &&
        i4_tokenizer_encode_prompt(m->tokenizer, i4_str_of(prompt, len), &ids, &count, err);
    *tokens = (int)count;
    i4_findings_free(&findings);
    i4_free(prompt);
    i4_free(ids);
    return ok;
}

id4_status id4_model_estimate(const id4_model *model, const id4_request *request, int tokens,
                              id4_estimate *estimate, id4_error *err) {
    i4_err inner = {0};
    i4_plan plan;
    id4_request r;
    if (model == NULL || request == NULL || estimate == NULL || tokens < 0 ||
        tokens > I4_LIMIT_PROMPT_TOKENS) {
        return i4_refuse(err, "a model, a request, a result and 0 to 2048 tokens are needed");
    }
    if (!i4_is_made(estimate->struct_size)) {
        return i4_refuse(err, "the estimate has no struct_size: begin with id4_estimate_init");
    }
    i4_take_request(&r, request);
    i4_schedule *schedule = i4_malloc(sizeof *schedule);
    if (schedule == NULL) {
        return i4_no_memory(err, "a schedule", sizeof *schedule);
    }
    const bool ok =
        i4_check_request(&r, false, schedule, &inner) &&
        assume_tokens(model->inner, &r, &tokens, &inner) &&
        i4_plan_make(model->inner, NULL, tokens, r.width, r.height, schedule, &plan, &inner);
    i4_free(schedule);
    if (ok) {
        id4_estimate mine = {
            .activation_bytes = plan.slab_bytes + plan.host_bytes,
            .encode_bytes = plan.encode_bytes,
            .denoise_bytes = plan.denoise_bytes,
            .decode_bytes = plan.decode_bytes,
            .resident_bytes = plan.resident_bytes,
            .flops = plan.encode_flops + plan.denoise_flops + plan.decode_flops,
            .staged = plan.staged,
        };
        i4_give(estimate, estimate->struct_size, &mine, sizeof mine);
    }
    return i4_leave(ok, &inner, err);
}
