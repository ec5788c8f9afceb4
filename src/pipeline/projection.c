/* Projections: read and proved, or learnt. */
#include "pipeline/projection.h"

#include "base/log.h"
#include "base/memory.h"
#include "image/image.h"
#include "io/safetensors.h"
#include "model/host.h"

#include <math.h>
#include <string.h>

/* Latents to learn from: patches of 2×2 tokens, alike in all their cells, so that most cells have
 * neighbours of their own kind as in pictures; narrower than the normal distribution, so that few
 * colours are clipped. Four decodings of 64 patches fit unseen pictures nearly as well as many
 * pictures do, while one picture lacks most colours. Sides in tokens. */
enum { SIDE = 16, PATCH = 2, PATCHES = SIDE / PATCH, DECODINGS = 4 };
static const float amplitude = 0.5f;

static size_t values_of(int channels) {
    return (size_t)(channels + 1) * I4_PREVIEW_VALUES;
}

size_t i4_projection_bytes(int channels) {
    return sizeof(i4_projection) + values_of(channels) * sizeof(float);
}

static i4_projection *projection_new(int channels) {
    i4_projection *p = i4_malloc(i4_projection_bytes(channels));
    if (p != NULL) {
        p->channels = channels;
    }
    return p;
}

void i4_projection_free(i4_projection *projection) {
    i4_free(projection);
}

static bool check_tensor(const i4_st_tensor *t, const char *path, int channels, i4_err *err) {
    if (t != NULL && t->dtype == I4_ST_F32 && t->rank == 2 && t->dim[0] == channels + 1 &&
        t->dim[1] == I4_PREVIEW_VALUES) {
        return true;
    }
    return i4_fail(err, I4_E_FORMAT, "%s must hold a tensor \"projection\" [%d, %d] F32", path,
                   channels + 1, I4_PREVIEW_VALUES);
}

static bool check_numbers(const i4_projection *p, const char *path, i4_err *err) {
    for (size_t i = 0; i < values_of(p->channels); i++) {
        if (!isfinite(p->value[i])) {
            return i4_fail(err, I4_E_FORMAT, "%s holds a value that is no number", path);
        }
    }
    return true;
}

i4_projection *i4_projection_read(const char *path, int channels, i4_err *err) {
    i4_projection *p = NULL;
    i4_st_file *file = i4_st_open(path, err);
    const i4_st_tensor *t = file != NULL ? i4_st_find(file, "projection") : NULL;
    if (file != NULL && check_tensor(t, path, channels, err)) {
        p = projection_new(channels);
        if (p == NULL) {
            i4_fail_memory(err, "the projection of previews", i4_projection_bytes(channels));
        } else {
            memcpy(p->value, t->data, values_of(channels) * sizeof(float));
        }
    }
    i4_st_close(file);
    if (p != NULL && !check_numbers(p, path, err)) {
        i4_projection_free(p);
        p = NULL;
    }
    return p;
}

/* z [SIDE·SIDE, channels]; normal [PATCHES·PATCHES, latent]. */
static void make_patches(const i4_config *c, uint64_t seed, float *normal, float *z) {
    const size_t latent = (size_t)c->vae.latent, channels = (size_t)c->cond.channels;
    i4_noise(seed, normal, PATCHES * PATCHES * latent);
    for (size_t t = 0; t < SIDE * SIDE; t++) {
        const size_t patch = t / SIDE / PATCH * PATCHES + t % SIDE / PATCH;
        for (size_t i = 0; i < channels; i++) {
            z[t * channels + i] = amplitude * normal[patch * latent + i % latent];
        }
    }
}

/* Adds all decodings to the fit. */
static bool decode_patches(i4_ctx *ctx, const i4_vae *vae, i4_fit *fit, i4_err *err) {
    const i4_config *c = vae->config;
    const size_t numbers = SIDE * SIDE * (size_t)c->cond.channels;
    const size_t normals = PATCHES * PATCHES * (size_t)c->vae.latent;
    float *z = i4_malloc((numbers + normals) * sizeof *z);
    i4_image image = {0};
    bool ok =
        z != NULL || i4_fail_memory(err, "the fit of previews", (numbers + normals) * sizeof *z);
    ok = ok && i4_image_new(&image, SIDE * 16, SIDE * 16, err);
    for (int i = 0; i < DECODINGS && ok; i++) {
        make_patches(c, (uint64_t)i + 1, z + numbers, z);
        i4_ctx_reset(ctx);
        ok = i4_vae_decode(ctx, vae, z, SIDE, SIDE, image.rgb, NULL);
        if (ok) {
            i4_fit_add(fit, z, SIDE, SIDE, image.rgb);
        } else if (err != NULL) {
            *err = ctx->err;
        }
    }
    i4_image_free(&image);
    i4_free(z);
    return ok;
}

i4_projection *i4_projection_learn(i4_ctx *ctx, const i4_vae *vae, i4_err *err) {
    double correlation = 0.0;
    i4_projection *p = projection_new(vae->config->cond.channels);
    i4_fit *fit = i4_fit_new(vae->config, I4_FIT_CELL, err);
    bool ok = p != NULL || i4_fail_memory(err, "the projection of previews",
                                          i4_projection_bytes(vae->config->cond.channels));
    ok = ok && fit != NULL && decode_patches(ctx, vae, fit, err) &&
         i4_fit_solve(fit, p->value, &correlation, err);
    i4_fit_free(fit);
    if (!ok) {
        i4_projection_free(p);
        return NULL;
    }
    i4_log(I4_LOG_DEBUG, "preview", "fitted to the decoder correlation=%.3f", correlation);
    return p;
}
