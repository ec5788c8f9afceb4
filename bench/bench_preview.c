/* bench_preview: what a preview costs beside the step it shows. CSV on stdout.
 *
 *     bench_preview MODEL_FOLDER [WIDTHxHEIGHT] [steps]
 *
 * In one run: the median second of a step without previews, then of the projection (of the state
 * before and after) and of the JPEG file of one preview, by themselves and as parts of the step.
 * bench_step says how to make models of other sizes. */
#include "base/memory.h"
#include "base/os.h"
#include "pipeline/preview.h"

#include <ideogram4.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 51, STEPS = 4, CHANNELS = 128, QUALITY = 80 };

typedef struct watch {
    int step;
    double began, seconds[ID4_STEPS_MAX];
} watch;

static int on_progress(const id4_progress *p, void *user) {
    watch *w = user;
    const bool is_step = p->phase == ID4_PHASE_DENOISE;
    if ((is_step && p->step_index != w->step) || p->phase == ID4_PHASE_DECODE) {
        if (w->step >= 0) {
            w->seconds[w->step] = p->seconds - w->began;
        }
        w->step = is_step ? p->step_index : -1;
        w->began = p->seconds;
    }
    return 0;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, int count) {
    qsort(list, (size_t)count, sizeof *list, by_value);
    return list[count / 2];
}

/* Seconds of one step; the first warms the caches and is left out when there are others. */
static bool time_step(const char *folder, int width, int height, int steps, double *seconds,
                      id4_error *err) {
    static watch w = {.step = -1};
    const id4_observer observer = {on_progress, &w};
    id4_model *model = NULL;
    id4_engine *engine = NULL;
    id4_image *image = NULL;
    id4_request request;
    id4_request_init(&request);
    request.caption = "a red circle on a white background";
    request.width = width;
    request.height = height;
    request.steps = steps;
    const bool ok = !id4_model_open(folder, NULL, NULL, &model, err) &&
                    !id4_engine_new(model, NULL, &engine, err) &&
                    !id4_generate(engine, &request, &observer, &image, NULL, err);
    id4_image_free(image);
    id4_engine_free(engine);
    id4_model_close(model);
    *seconds = median(w.seconds + (steps > 1), steps - (steps > 1));
    return ok;
}

/* --- one preview ----------------------------------------------------------------------------- */

typedef struct jpeg {
    double seconds;
    size_t size;
    bool failed;
} jpeg;

static void on_preview(const i4_preview *p, void *user) {
    jpeg *j = user;
    id4_image *image = NULL;
    id4_bytes bytes = {NULL, 0};
    const double began = i4_seconds();
    j->failed = id4_image_new(p->width, p->height, p->rgb, &image, NULL) ||
                id4_image_encode(image, ID4_JPEG, QUALITY, NULL, 0, &bytes, NULL);
    j->seconds = i4_seconds() - began;
    j->size = bytes.size;
    id4_bytes_free(&bytes);
    id4_image_free(image);
}

static void fill(float *out, size_t count, float scale) {
    for (size_t i = 0; i < count; i++) {
        out[i] = scale * (sinf((float)i * 0.7f) + sinf((float)i * 0.013f));
    }
}

/* Two states and the preview between them, as with a pause; without one there is one state. */
static bool time_preview(int gh, int gw, double *projecting, double *encoding, size_t *size) {
    static const i4_schedule schedule = {.steps = 2, .t = {0.1f, 0.5f}, .s = {0.5f, 0.9f}};
    double first[RUNS], second[RUNS];
    const size_t count = (size_t)gh * (size_t)gw * CHANNELS;
    float *z = i4_malloc(2 * count * sizeof *z);
    i4_projection *p = i4_malloc(i4_projection_bytes(CHANNELS));
    jpeg j = {0};
    bool ok = z != NULL && p != NULL;
    for (int i = 0; i < RUNS && ok; i++) {
        i4_previewer previewer;
        p->channels = CHANNELS;
        fill(p->value, (CHANNELS + 1) * I4_PREVIEW_VALUES, 10.0f);
        fill(z, 2 * count, 1.0f);
        const double began = i4_seconds();
        i4_previewer_begin(&previewer, p, &schedule, gh, gw,
                           (i4_preview_wish){on_preview, &j, 0.0});
        const i4_latent_watch w = i4_previewer_watch(&previewer);
        for (int done = 0; done < 2; done++) {
            if (w.wants(done, w.user)) {
                w.see(done, z + (size_t)done * count, w.user);
            }
        }
        i4_previewer_end(&previewer);
        first[i] = i4_seconds() - began - j.seconds;
        second[i] = j.seconds;
        ok = !j.failed && j.size > 0;
    }
    i4_free(z);
    i4_free(p);
    if (ok) {
        *projecting = median(first, RUNS);
        *encoding = median(second, RUNS);
        *size = j.size;
    }
    return ok;
}

int main(int argc, char **argv) {
    int width = 256, height = 256;
    const int steps = argc > 3 ? (int)strtol(argv[3], NULL, 10) : STEPS;
    id4_error err = {0};
    double step = 0, projecting = 0, encoding = 0;
    size_t size = 0;
    if (argc < 2 || argc > 4 || (argc > 2 && sscanf(argv[2], "%dx%d", &width, &height) != 2) ||
        steps < 1 || steps > ID4_STEPS_MAX) {
        fputs("usage: bench_preview MODEL_FOLDER [WIDTHxHEIGHT] [steps]\n", stderr);
        return 2;
    }
    if (!time_step(argv[1], width, height, steps, &step, &err)) {
        fprintf(stderr, "bench_preview: %s\n", err.text);
        return 1;
    }
    if (!time_preview(height / 16, width / 16, &projecting, &encoding, &size)) {
        fputs("bench_preview: a preview failed\n", stderr);
        return 1;
    }
    printf("# %s, %dx%d, JPEG of %zu bytes\nwhat,seconds,percent of a step\n", argv[1], width,
           height, size);
    printf("step,%.6f,100\n", step);
    printf("projection,%.6f,%.3f\n", projecting, 100 * projecting / step);
    printf("jpeg,%.6f,%.3f\n", encoding, 100 * encoding / step);
    printf("preview,%.6f,%.3f\n", projecting + encoding, 100 * (projecting + encoding) / step);
    return 0;
}
