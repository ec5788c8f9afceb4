/* bench_step: draws one picture with any model and prints, as CSV, where the time and the memory
 * went. Uses nothing but the public header, so it measures what a program would see.
 *
 *     bench_step DIR [--size N|WxH] [--steps N] [--backend B] [--isa I] [--threads N]
 *
 * Rows: phase (seconds of each), step (seconds of each, and the median without the first, which
 * warms the caches), op (calls, seconds, share of its phase, TFLOP/s), memory (bytes, real and
 * estimated). Lines that begin with # say what was measured, and on what. */
#include <ideogram4.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OPS_MAX = 256, PHASES = 4 };
static const char *const phase_name[PHASES] = {"load", "encode", "denoise", "decode"};

typedef struct op_time {
    id4_phase phase;
    char stage[32], op[32];
    long calls;
    double seconds, flops;
} op_time;

/* Everything that the callbacks collect. */
typedef struct record {
    id4_phase phase;
    int step;     /* being computed, -1 before the first */
    double began; /* that step, seconds since the call began */
    double step_seconds[ID4_STEPS_MAX];
    op_time op[OPS_MAX];
    int op_count;
} record;

typedef struct arguments {
    const char *folder, *caption;
    id4_model_options options;
    id4_request request;
} arguments;

static void end_step(record *r, double now) {
    if (r->step >= 0) {
        r->step_seconds[r->step] = now - r->began;
    }
    r->began = now;
}

static int on_progress(const id4_progress *p, void *user) {
    record *r = user;
    r->phase = p->phase;
    if (p->phase == ID4_PHASE_DENOISE && p->step_index != r->step &&
        p->step_index < ID4_STEPS_MAX) {
        end_step(r, p->seconds);
        r->step = p->step_index;
    } else if (p->phase == ID4_PHASE_DECODE) {
        end_step(r, p->seconds);
        r->step = -1;
    }
    return 0;
}

static void on_op(const char *stage, int layer, const char *op, double seconds, double flops,
                  void *user) {
    (void)layer;
    record *r = user;
    int i = 0;
    while (i < r->op_count && (r->op[i].phase != r->phase || strcmp(r->op[i].stage, stage) != 0 ||
                               strcmp(r->op[i].op, op) != 0)) {
        i++;
    }
    if (i == OPS_MAX) {
        return;
    }
    op_time *o = &r->op[i];
    if (i == r->op_count) {
        r->op_count++;
        o->phase = r->phase;
        snprintf(o->stage, sizeof o->stage, "%s", stage);
        snprintf(o->op, sizeof o->op, "%s", op);
    }
    o->calls++;
    o->seconds += seconds;
    o->flops += flops;
}

/* --- report -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int by_phase_and_time(const void *a, const void *b) {
    const op_time *x = a, *y = b;
    if (x->phase != y->phase) {
        return x->phase < y->phase ? -1 : 1;
    }
    return (x->seconds < y->seconds) - (x->seconds > y->seconds);
}

static void row(const char *kind, const char *name, long calls, double value, const char *unit,
                double share, double tflops) {
    printf("%s,%s,%ld,%.12g,%s,", kind, name, calls, value, unit);
    if (share >= 0) {
        printf("%.4f", share);
    }
    if (tflops > 0) {
        printf(",%.4f\n", tflops);
    } else {
        printf(",\n");
    }
}

static void report_steps(const record *r, int steps) {
    static double sorted[ID4_STEPS_MAX];
    for (int i = 0; i < steps; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        row("step", name, 1, r->step_seconds[i], "s", -1, 0);
    }
    const int first = steps > 1, count = steps - first;
    memcpy(sorted, r->step_seconds + first, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    row("step", "median", count, sorted[count / 2], "s", -1, 0);
}

static void report_ops(record *r, const double phase_seconds[PHASES]) {
    qsort(r->op, (size_t)r->op_count, sizeof *r->op, by_phase_and_time);
    for (int i = 0; i < r->op_count; i++) {
        const op_time *o = &r->op[i];
        const double all = phase_seconds[o->phase];
        char name[96];
        snprintf(name, sizeof name, "%s.%s.%s", phase_name[o->phase], o->stage, o->op);
        row("op", name, o->calls, o->seconds, "s", all > 0 ? o->seconds / all : -1,
            o->seconds > 0 ? o->flops / o->seconds / 1e12 : 0);
    }
}

static void report(const arguments *a, const id4_model_info *info, const id4_estimate *estimate,
                   const id4_stats *stats, record *r) {
    const double phase_seconds[PHASES] = {0, stats->encode_seconds, stats->denoise_seconds,
                                          stats->decode_seconds};
    printf("# ideogram4 %s, %s, %s %s\n", id4_version_string(), info->backend, info->layout,
           info->format);
    printf("# %s: %d + %d layers, width %d; %dx%d, %d prompt tokens, %d steps\n", info->name,
           info->text_layers, info->layers, info->width, a->request.width, a->request.height,
           stats->prompt_tokens, stats->steps);
    printf("kind,name,calls,value,unit,share,tflops\n");
    for (int i = ID4_PHASE_ENCODE; i < PHASES; i++) {
        row("phase", phase_name[i], 1, phase_seconds[i], "s",
            phase_seconds[i] / stats->total_seconds, 0);
    }
    row("phase", "total", 1, stats->total_seconds, "s", 1,
        estimate->flops / stats->total_seconds / 1e12);
    report_steps(r, stats->steps);
    report_ops(r, phase_seconds);
    row("memory", "weights", 1, (double)info->weight_bytes, "bytes", -1, 0);
    row("memory", "activations", 1, (double)stats->activation_peak_bytes, "bytes", -1, 0);
    row("memory", "activations estimated", 1, (double)estimate->activation_bytes, "bytes", -1, 0);
    row("memory", "resident estimated", 1, (double)estimate->resident_bytes, "bytes", -1, 0);
}

/* --- options ------------------------------------------------------------------------------- */

static bool read_int(const char *text, const char **end, int *out) {
    char *stop;
    const long value = strtol(text, &stop, 10);
    *end = stop;
    *out = (int)value;
    return stop != text && value > 0 && value <= 1000000;
}

static bool read_size(const char *text, id4_request *request) {
    const char *end;
    if (!read_int(text, &end, &request->width)) {
        return false;
    }
    request->height = request->width;
    return *end == '\0' ||
           (*end == 'x' && read_int(end + 1, &end, &request->height) && *end == '\0');
}

static bool parse(int argc, char **argv, arguments *a) {
    id4_model_options_init(&a->options);
    id4_request_init(&a->request);
    a->request.caption = "a red circle on a white background";
    a->request.width = a->request.height = 256;
    a->request.steps = 3;
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : "", *end = "";
        bool ok = value[0] != '\0';
        if (name[0] != '-') {
            a->folder = name;
            continue;
        }
        if (!strcmp(name, "--size")) {
            ok = ok && read_size(value, &a->request);
        } else if (!strcmp(name, "--steps")) {
            ok = ok && read_int(value, &end, &a->request.steps) && *end == '\0' &&
                 a->request.steps <= ID4_STEPS_MAX;
        } else if (!strcmp(name, "--threads")) {
            ok = ok && read_int(value, &end, &a->options.threads) && *end == '\0';
        } else if (!strcmp(name, "--backend")) {
            a->options.backend = value;
        } else if (!strcmp(name, "--isa")) {
            a->options.isa = value;
        } else if (!strcmp(name, "--caption")) {
            a->request.caption = value;
        } else {
            ok = false;
        }
        if (!ok) {
            return false;
        }
        i++;
    }
    return a->folder != NULL;
}

/* --- the run ------------------------------------------------------------------------------- */

static id4_status draw(const arguments *a, id4_model *model, record *r, id4_stats *stats,
                       id4_error *err) {
    id4_engine_options options;
    id4_engine_options_init(&options);
    options.profile = on_op;
    options.profile_user = r;
    id4_engine *engine = NULL;
    id4_image *image = NULL;
    id4_observer observer = {on_progress, r};
    id4_status status = id4_engine_new(model, &options, &engine, err);
    if (!status) {
        status = id4_generate(engine, &a->request, &observer, &image, stats, err);
    }
    id4_image_free(image);
    id4_engine_free(engine);
    return status;
}

int main(int argc, char **argv) {
    static record r = {.step = -1};
    arguments a = {0};
    if (!parse(argc, argv, &a)) {
        fputs("usage: bench_step DIR [--size N|WxH] [--steps N] [--backend cpu|scalar]\n"
              "                  [--isa auto|scalar|avx2|avx512|amx|neon] [--threads N]\n"
              "                  [--caption TEXT]\n",
              stderr);
        return 2;
    }
    id4_error err = {0};
    id4_model *model = NULL;
    id4_model_info info;
    id4_estimate estimate;
    id4_stats stats;
    id4_model_info_init(&info);
    id4_estimate_init(&estimate);
    id4_stats_init(&stats);
    id4_status status = id4_model_open(a.folder, &a.options, NULL, &model, &err);
    if (!status) {
        status = id4_model_get_info(model, &info);
    }
    if (!status) {
        status = id4_model_estimate(model, &a.request, 0, &estimate, &err);
    }
    if (!status) {
        status = draw(&a, model, &r, &stats, &err);
    }
    if (!status) {
        report(&a, &info, &estimate, &stats, &r);
    } else {
        fprintf(stderr, "bench_step: %s\n", err.text[0] ? err.text : id4_status_name(status));
    }
    id4_model_close(model);
    return status ? 1 : 0;
}
