/* The unstable half of the door: single stages, for parity tests and research. */
#define ID4_UNSTABLE
#include "api/handles.h"

#include "base/limits.h"
#include "base/memory.h"

static bool is_grid(int gh, int gw) {
    const int min = I4_LIMIT_SIDE_MIN / 16, max = I4_LIMIT_SIDE_MAX / 16;
    return gh >= min && gh <= max && gw >= min && gw <= max;
}

static bool ids_fit(const id4_engine *e, const int32_t *ids, size_t count) {
    if (count == 0 || count > I4_LIMIT_PROMPT_TOKENS) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= e->model->inner->config.text.vocabulary) {
            return false;
        }
    }
    return true;
}

id4_status id4_unstable_encode(id4_engine *engine, const int32_t *ids, size_t count, float *out,
                               size_t *features, id4_error *err) {
    i4_err inner = {0};
    if (engine == NULL || ids == NULL || !ids_fit(engine, ids, count)) {
        return i4_refuse(err, "an engine and 1 to 2048 ids of the vocabulary are needed");
    }
    const i4_text_config *c = &engine->model->inner->config.text;
    if (features != NULL) {
        *features = (size_t)c->width * (size_t)c->tap_count;
    }
    if (out == NULL) {
        return ID4_OK;
    }
    return i4_leave(i4_stage_encode(engine->inner, ids, (int)count, out, &inner), &inner, err);
}

id4_status id4_unstable_velocity(id4_engine *engine, const float *features, size_t tokens, int gh,
                                 int gw, const float *z, float t, float *out, id4_error *err) {
    i4_err inner = {0};
    if (engine == NULL || z == NULL || out == NULL || !is_grid(gh, gw) ||
        tokens > I4_LIMIT_PROMPT_TOKENS || (features != NULL && tokens == 0)) {
        return i4_refuse(err,
                         "an engine, latents of a valid size and up to 2048 tokens are needed");
    }
    const int n = features != NULL ? (int)tokens : 0;
    return i4_leave(i4_stage_velocity(engine->inner, features, n, gh, gw, z, t, out, &inner),
                    &inner, err);
}

id4_status id4_unstable_sample(id4_engine *engine, const float *features, size_t tokens,
                               const id4_request *request, const float *noise, float *schedule,
                               float *z1, float *latents, id4_error *err) {
    i4_err inner = {0};
    id4_request r;
    if (engine == NULL || request == NULL || features == NULL || noise == NULL || latents == NULL ||
        tokens == 0 || tokens > I4_LIMIT_PROMPT_TOKENS) {
        return i4_refuse(err, "an engine, features, noise and a place for the latents are needed");
    }
    i4_take_request(&r, request);
    i4_schedule *s = i4_malloc(sizeof *s);
    if (s == NULL) {
        return i4_no_memory(err, "a schedule", sizeof *s);
    }
    bool ok = i4_check_request(&r, false, s, &inner);
    for (int i = 0; ok && schedule != NULL && i < s->steps; i++) {
        schedule[3 * i] = s->t[i];
        schedule[3 * i + 1] = s->s[i];
        schedule[3 * i + 2] = s->guidance[i];
    }
    ok = ok && i4_stage_sample(engine->inner, features, (int)tokens, r.height / 16, r.width / 16, s,
                               noise, z1, latents, &inner);
    i4_free(s);
    return i4_leave(ok, &inner, err);
}

id4_status id4_unstable_decode(id4_engine *engine, const float *latents, int gh, int gw, float *rgb,
                               id4_image **image, id4_error *err) {
    i4_err inner = {0};
    i4_image mine = {0};
    if (engine == NULL || latents == NULL || !is_grid(gh, gw)) {
        return i4_refuse(err, "an engine and latents of a valid size are needed");
    }
    const bool ok =
        i4_stage_decode(engine->inner, latents, gh, gw, rgb, image != NULL ? &mine : NULL, &inner);
    if (ok && image != NULL) {
        *image = i4_image_handle(mine);
        return *image != NULL ? ID4_OK : i4_no_memory(err, "the picture", sizeof **image);
    }
    i4_image_free(&mine);
    return i4_leave(ok, &inner, err);
}

void id4_unstable_noise(uint64_t seed, float *out, size_t count) {
    i4_noise(seed, out, count);
}
