/* fit_preview: makes a model's preview.safetensors, the projection of latents to small pictures.
 *
 *     fit_preview MODEL_FOLDER OUT [--pictures N] [--captions FOLDER]
 *
 * Draws N pictures of several sizes, each with a caption and a seed of its own: the *.json files
 * of FOLDER come first, then scenes made up here. Every fourth picture is held out of the fit and
 * says how well it does: the correlation of the preview of the last step with the decoded picture,
 * both at the size of the preview. Read from the bottom. models/demo/preview.safetensors was made
 * with
 *
 *     fit_preview models/demo models/demo/preview.safetensors --captions examples */
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "caption/caption.h"
#include "io/safetensors.h"
#include "pipeline/engine.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURES = 240, PICTURES_MAX = 10000, HELD_OUT_EACH = 4, FIRST_SEED = 1000 };
static const char preset_name[] = "V4_TURBO_12";
/* Width and height in tokens, in turn; their number has no factor in common with HELD_OUT_EACH. */
static const int sizes[][2] = {{16, 16}, {16, 16}, {24, 16}, {16, 16},
                               {16, 24}, {24, 24}, {32, 32}};
enum { SIZES = sizeof sizes / sizeof *sizes };

typedef struct arguments {
    const char *folder, *out, *captions;
    int pictures;
} arguments;

/* Sums for a correlation over many values. */
typedef struct tally {
    double n, x, y, xx, yy, xy;
} tally;

typedef struct work {
    arguments arguments;
    i4_model *model;
    i4_engine *engine;
    i4_fit *fit;
    char **files;
    size_t file_count;
    tally all;
    double worst;
    int held_out;
} work;

/* One picture being drawn. */
typedef struct sample {
    int gh, gw;
    i4_schedule schedule;
    char *prompt;
    int32_t *ids;
    size_t id_count;
    float *features, *noise, *latents;
    i4_image image;
    tally tally;
} sample;

/* --- captions ------------------------------------------------------------------------------- */

static const char *const shapes[] = {"circle", "square",  "triangle", "star",     "heart",
                                     "ring",   "diamond", "hexagon",  "crescent", "cross"};
static const char *const grounds[] = {"plain %s",
                                      "a gradient from white to %s",
                                      "%s and white stripes",
                                      "a %s and white checkered pattern",
                                      "white with %s dots",
                                      "white with a thin %s border",
                                      "black with a thin %s border",
                                      "plain %s"};
static const char *const words[] = {"HELLO", "OPEN", "SALE", "STOP", "LIVE", "GO"};
#define PICK(list, random) ((list)[(random) % (sizeof(list) / sizeof *(list))])

static uint32_t next(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

static const char *colour(uint64_t *state, char text[8]) {
    snprintf(text, 8, "#%02X%02X%02X", (unsigned)(next(state) & 255), (unsigned)(next(state) & 255),
             (unsigned)(next(state) & 255));
    return text;
}

static void add_box(i4_buf *b, uint64_t *state) {
    const int height = 200 + (int)(next(state) % 500), width = 200 + (int)(next(state) % 500);
    const int top = (int)(next(state) % (uint32_t)(1000 - height));
    const int left = (int)(next(state) % (uint32_t)(1000 - width));
    i4_buf_addf(b, "\"bbox\":[%d,%d,%d,%d]", top, left, top + height, left + width);
}

/* A scene of one to three elements on one of several grounds; the same for the same index. */
static char *make_caption(int index) {
    uint64_t state = (uint64_t)index * 7919 + 17;
    char text[8], ground[64];
    i4_buf b;
    i4_buf_init(&b, 4096);
    for (int i = 0; i < 4; i++) {
        next(&state);
    }
    const char *form = PICK(grounds, next(&state)), *hole = strstr(form, "%s");
    snprintf(ground, sizeof ground, "%.*s%s%s", (int)(hole - form), form, colour(&state, text),
             hole + 2);
    i4_buf_addf(&b,
                "{\"high_level_description\":\"shapes on %s\",\"style_description\":{\"medium\":"
                "\"graphic_design\"},\"compositional_deconstruction\":{\"background\":\"%s\","
                "\"elements\":[",
                ground, ground);
    for (int i = 0, count = 1 + (int)(next(&state) % 3); i < count; i++) {
        const char *shape = PICK(shapes, next(&state)), *word = PICK(words, next(&state));
        i4_buf_adds(&b, i > 0 ? ",{" : "{");
        add_box(&b, &state);
        if (next(&state) % 4 == 0) {
            i4_buf_addf(&b, ",\"type\":\"text\",\"text\":\"%s\",\"desc\":\"bold %s letters\"}",
                        word, colour(&state, text));
        } else {
            i4_buf_addf(&b, ",\"type\":\"obj\",\"desc\":\"a %s %s\"}", colour(&state, text), shape);
        }
    }
    i4_buf_adds(&b, "]}}");
    return i4_buf_take(&b, NULL);
}

static char *read_caption(const work *w, int index, i4_err *err) {
    char path[4096], *text = NULL;
    size_t size = 0;
    if ((size_t)index >= w->file_count) {
        text = make_caption(index);
        if (text == NULL) {
            i4_fail_memory(err, "a caption", 4096);
        }
        return text;
    }
    snprintf(path, sizeof path, "%s/%s", w->arguments.captions, w->files[index]);
    return i4_file_read(path, I4_LIMIT_CAPTION_BYTES, &text, &size, err) ? text : NULL;
}

/* --- one picture ---------------------------------------------------------------------------- */

static bool tokenize(const work *w, int index, sample *s, i4_err *err) {
    i4_findings findings = {0};
    size_t len = 0;
    char *caption = read_caption(w, index, err);
    const bool ok =
        caption != NULL &&
        i4_caption_prepare(i4_str_c(caption), false, &s->prompt, &len, &findings, err) &&
        i4_tokenizer_encode_prompt(w->model->tokenizer, i4_str_of(s->prompt, len), &s->ids,
                                   &s->id_count, err);
    i4_findings_free(&findings);
    i4_free(caption);
    return ok;
}

static bool draw(const work *w, int index, sample *s, i4_err *err) {
    const int tokens = (int)s->id_count;
    s->gw = sizes[index % SIZES][0];
    s->gh = sizes[index % SIZES][1];
    i4_schedule_make(i4_preset_find(preset_name), 0, -1.0, 16 * s->gw, 16 * s->gh, &s->schedule);
    const size_t count = (size_t)s->gh * (size_t)s->gw * (size_t)w->model->config.cond.channels;
    const size_t features = s->id_count * (size_t)w->model->config.cond.features;
    s->features = i4_malloc(features * sizeof(float));
    s->noise = i4_malloc(count * sizeof(float));
    s->latents = i4_malloc(count * sizeof(float));
    if (s->features == NULL || s->noise == NULL || s->latents == NULL) {
        return i4_fail_memory(err, "a picture", (features + 2 * count) * sizeof(float));
    }
    i4_noise((uint64_t)(FIRST_SEED + index), s->noise, count);
    return i4_stage_encode(w->engine, s->ids, tokens, s->features, err) &&
           i4_stage_sample(w->engine, s->features, tokens, s->gh, s->gw, &s->schedule, s->noise,
                           NULL, s->latents, err) &&
           i4_stage_decode(w->engine, s->latents, s->gh, s->gw, NULL, &s->image, err);
}

static void sample_free(sample *s) {
    i4_free(s->prompt);
    i4_free(s->ids);
    i4_free(s->features);
    i4_free(s->noise);
    i4_free(s->latents);
    i4_image_free(&s->image);
}

/* --- how good it is ------------------------------------------------------------------------- */

static void tally_add(tally *t, double x, double y) {
    t->n += 1;
    t->x += x;
    t->y += y;
    t->xx += x * x;
    t->yy += y * y;
    t->xy += x * y;
}

static double correlation(const tally *t) {
    const double spread = (t->xx - t->x * t->x / t->n) * (t->yy - t->y * t->y / t->n);
    return spread > 0 ? (t->xy - t->x * t->y / t->n) / sqrt(spread) : 0;
}

/* Mean of a box of the picture, one colour. */
static double box_mean(const i4_image *image, int x, int y, int box, int c) {
    int sum = 0;
    for (int i = 0; i < box * box; i++) {
        const size_t row = (size_t)(y * box + i / box), column = (size_t)(x * box + i % box);
        sum += image->rgb[(row * (size_t)image->width + column) * 3 + (size_t)c];
    }
    return (double)sum / (box * box);
}

static void on_preview(const i4_preview *p, void *user) {
    sample *s = user;
    for (int i = 0; i < p->width * p->height * 3; i++) {
        const int x = i / 3 % p->width, y = i / 3 / p->width;
        tally_add(&s->tally, p->rgb[i],
                  box_mean(&s->image, x, y, s->image.width / p->width, i % 3));
    }
}

/* The preview of the last step, as an engine would show it. */
static void judge(work *w, const i4_projection *projection, sample *s) {
    i4_previewer p;
    i4_previewer_begin(&p, projection, &s->schedule, s->gh, s->gw,
                       (i4_preview_wish){on_preview, s, 0.0});
    const i4_latent_watch watch = i4_previewer_watch(&p);
    if (watch.wants(s->schedule.steps, watch.user)) {
        watch.see(s->schedule.steps, s->latents, watch.user);
    }
    i4_previewer_end(&p);
    const double r = correlation(&s->tally);
    printf("%.4f ", r);
    fflush(stdout);
    w->worst = r < w->worst ? r : w->worst;
    w->all = (tally){w->all.n + s->tally.n,   w->all.x + s->tally.x,   w->all.y + s->tally.y,
                     w->all.xx + s->tally.xx, w->all.yy + s->tally.yy, w->all.xy + s->tally.xy};
    w->held_out++;
}

/* --- the run -------------------------------------------------------------------------------- */

/* Adds the pictures of the fit, or judges those held out of it when there is a projection. */
static bool each_picture(work *w, const i4_projection *projection, i4_err *err) {
    bool ok = true;
    for (int i = 0; i < w->arguments.pictures && ok; i++) {
        const bool is_held_out = i % HELD_OUT_EACH == HELD_OUT_EACH - 1;
        if (is_held_out != (projection != NULL)) {
            continue;
        }
        sample s = {0};
        ok = tokenize(w, i, &s, err) && draw(w, i, &s, err);
        if (ok && projection == NULL) {
            i4_fit_add(w->fit, s.latents, s.gh, s.gw, s.image.rgb);
        } else if (ok) {
            judge(w, projection, &s);
        }
        sample_free(&s);
    }
    return ok;
}

static bool save(const work *w, const i4_projection *p, double r, i4_err *err) {
    char about[160], how_good[32];
    const i4_st_decl decl = {"projection", I4_ST_F32, 2, {p->channels + 1, I4_PREVIEW_VALUES}};
    const size_t size = (size_t)(p->channels + 1) * I4_PREVIEW_VALUES * sizeof(float);
    snprintf(about, sizeof about, "least squares over %d pictures of %s, %s, by fit_preview",
             w->arguments.pictures - w->arguments.pictures / HELD_OUT_EACH, w->model->name,
             preset_name);
    snprintf(how_good, sizeof how_good, "%.4f", r);
    const i4_st_note notes[] = {{"fitted", about}, {"correlation", how_good}};
    i4_st_writer *writer = i4_st_create_noted(w->arguments.out, notes, 2, &decl, 1, err);
    if (writer == NULL) {
        return false;
    }
    if (!i4_st_write(writer, p->value, size, err)) {
        i4_st_abandon(writer);
        return false;
    }
    return i4_st_finish(writer, err);
}

static bool fit(work *w, i4_err *err) {
    double r = 0.0;
    const int channels = w->model->config.cond.channels;
    i4_projection *p = i4_malloc(i4_projection_bytes(channels));
    w->fit = i4_fit_new(&w->model->config, I4_FIT_TOKEN, err);
    bool ok = w->fit != NULL &&
              (p != NULL || i4_fail_memory(err, "the projection", i4_projection_bytes(channels)));
    if (ok) {
        p->channels = channels;
        ok = each_picture(w, NULL, err) && i4_fit_solve(w->fit, p->value, &r, err);
    }
    if (ok) {
        printf("fitted: correlation %.4f\nheld out: ", r);
        ok = each_picture(w, p, err);
        printf("\nheld out, %d pictures: correlation %.4f, worst %.4f\n", w->held_out,
               correlation(&w->all), w->worst);
    }
    ok = ok && save(w, p, correlation(&w->all), err);
    i4_fit_free(w->fit);
    i4_projection_free(p);
    return ok;
}

static bool run(work *w, i4_err *err) {
    const i4_model_options options = {0};
    const arguments *a = &w->arguments;
    if (a->captions != NULL &&
        !i4_dir_list(a->captions, PICTURES_MAX, &w->files, &w->file_count, err)) {
        return false;
    }
    w->model = i4_model_open(a->folder, &options, NULL, NULL, err);
    w->engine = w->model != NULL ? i4_engine_new(w->model, NULL, NULL, err) : NULL;
    const bool ok = w->engine != NULL && fit(w, err);
    i4_engine_free(w->engine);
    i4_model_close(w->model);
    i4_dir_list_free(w->files, w->file_count);
    return ok;
}

static bool parse(int argc, char **argv, arguments *a) {
    *a = (arguments){.pictures = PICTURES};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (argv[i][0] != '-') {
            *(a->folder == NULL ? &a->folder : &a->out) = argv[i];
        } else if (value == NULL) {
            return false;
        } else if (strcmp(argv[i], "--pictures") == 0) {
            a->pictures = (int)strtol(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--captions") == 0) {
            a->captions = value;
            i++;
        } else {
            return false;
        }
    }
    return a->out != NULL && a->pictures >= HELD_OUT_EACH && a->pictures <= PICTURES_MAX;
}

int main(int argc, char **argv) {
    static work w = {.worst = 1.0};
    i4_err err = {0};
    if (!parse(argc, argv, &w.arguments)) {
        fputs("usage: fit_preview MODEL_FOLDER OUT [--pictures N] [--captions FOLDER]\n", stderr);
        return 2;
    }
    if (!run(&w, &err)) {
        fprintf(stderr, "fit_preview: %s\n", err.text);
        return 1;
    }
    return 0;
}
