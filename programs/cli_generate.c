/* cli_generate.c: the command that draws.
 *
 * A job goes through the stages listed in run_generate; the first that fails ends it with its exit
 * code. Everything that can be refused without computing is refused before the model is opened. */
#include "cli_commands.h"

#include "cli_files.h"
#include "cli_model.h"
#include "cli_profile.h"
#include "cli_recipe.h"
#include "cli_say.h"
#include "cli_text.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PROMPT_BYTES_MAX = 4 * 1024 * 1024 };
static const double lora_strength_default = 0.6;

typedef struct job {
    const cli_args *args;
    const char *root;
    int argc;
    char *const *argv;

    recipe from; /* of --from; empty without */
    char *prompt;
    id4_image_format format;
    char *image_path, *log_path;
    char *lora_paths[CLI_LORAS_MAX];
    id4_recipe_lora loras[CLI_LORAS_MAX]; /* names point into lora_paths */
    size_t lora_count;

    int is_demo;
    id4_model *model;
    id4_model_info info;
    id4_adapter *adapters[CLI_LORAS_MAX];
    id4_engine *engine;
    id4_request request;
    id4_bytes recipe_json;
    id4_image *image;
    id4_stats stats;
    profile profile;
} job;

/* --- being stopped ----------------------------------------------------------------------- */

static volatile sig_atomic_t stop_signal;

static void on_stop(int number) {
    stop_signal = number;
}

/* The first signal asks the library to stop, the second one ends the program at once. */
static void listen_to_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_stop;
    action.sa_flags = (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
}

static int on_progress(const id4_progress *progress, void *user) {
    (void)user;
    say_progress(progress);
    return stop_signal != 0;
}

static const id4_observer observer = {on_progress, NULL};

static int interrupted(void) {
    say_info("interrupted: nothing was written");
    return 128 + (int)stop_signal;
}

/* The exit code of a library call that failed. */
static int failed(const id4_error *err) {
    say_progress_end();
    if (stop_signal) {
        return interrupted();
    }
    say_error("%s", err->text);
    return CLI_FAILED;
}

/* --- what is asked ----------------------------------------------------------------------- */

static int check_environment(job *j) {
    (void)j;
    return environment_check() ? CLI_OK : CLI_FAILED;
}

static int open_log(job *j) {
    const char *named = env_text("IDEOGRAM4_LOG_DIR");
    char *script = path_join(j->root, "run.sh");
    char *folder = resolve_path(j->root, named ? named : "logs");
    /* An installed program leaves nothing in the system's folders unless it is told to. */
    if ((named || is_file(script)) && make_folders(folder)) {
        say_open_log(folder);
    }
    free(folder);
    free(script);
    return CLI_OK;
}

static int check_daemon(job *j) {
    const char *mode = j->args->daemon ? j->args->daemon : env_text("IDEOGRAM4_CLI_DAEMON_MODE");
    if (mode && strcmp(mode, "require") == 0) {
        say_error("this version has no daemon to draw in (it comes with the services): use "
                  "--daemon off or auto");
        return CLI_FAILED;
    }
    if (!mode || strcmp(mode, "off") != 0) {
        say_debug("no daemon in this version: drawing here");
    }
    return CLI_OK;
}

static int read_recipe(job *j) {
    j->from.guidance = -1;
    j->from.seed = -1;
    if (j->args->from && !recipe_read(j->args->from, &j->from)) {
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int read_prompt_file(job *j) {
    size_t size;
    if (!read_whole(j->args->prompt_file, "prompt file", PROMPT_BYTES_MAX, &j->prompt, &size)) {
        return CLI_FAILED;
    }
    if (strlen(j->prompt) != size) {
        say_error("the prompt file %s is not text: it contains a zero byte", j->args->prompt_file);
        return CLI_FAILED;
    }
    if (cli_starts_with(j->prompt, "\xEF\xBB\xBF")) { /* a byte order mark is no text */
        memmove(j->prompt, j->prompt + 3, size - 2);
    }
    cli_trim(j->prompt);
    return CLI_OK;
}

static int read_prompt(job *j) {
    const cli_args *args = j->args;
    if (args->prompt_file) {
        int status = read_prompt_file(j);
        if (status) {
            return status;
        }
    } else if (args->prompt) {
        j->prompt = cli_copy(args->prompt);
    } else if (j->from.caption) {
        j->prompt = cli_copy(j->from.caption);
    } else {
        say_error("there is no prompt: give --prompt TEXT, --prompt-file FILE or --from PICTURE");
        return CLI_FAILED;
    }
    if (!*j->prompt) {
        say_error("the prompt is empty");
        return CLI_FAILED;
    }
    json_t *text = json_string(j->prompt);
    json_decref(text);
    if (!text) {
        say_error("the prompt is not valid UTF-8");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* With --strict every warning is an error, and all of them are told before any work is done.
 * Without, the library logs them as it draws. */
static int check_caption(job *j) {
    id4_findings *findings = NULL;
    id4_error err = {0};
    if (!j->args->strict) {
        return CLI_OK;
    }
    if (id4_caption_check(j->prompt, strlen(j->prompt), 0, &findings, &err) != ID4_OK) {
        say_error("%s", err.text);
        return CLI_FAILED;
    }
    size_t count = id4_findings_count(findings);
    for (size_t i = 0; i < count; i++) {
        const id4_finding *f = id4_findings_at(findings, i);
        say_error("caption: %s: %s [%s]", f->path, f->text, f->code);
    }
    id4_findings_free(findings);
    return count ? CLI_FAILED : CLI_OK;
}

static int check_output(job *j) {
    const char *name = j->args->format;
    j->format = strcmp(name, "webp") == 0   ? ID4_WEBP
                : strcmp(name, "jpeg") == 0 ? ID4_JPEG
                                            : ID4_PNG;
    j->image_path = path_with_suffix(j->args->out, name);
    j->log_path = j->image_path ? path_with_suffix(j->image_path, "log") : NULL;
    if (!j->image_path || is_folder(j->image_path)) {
        say_error("--out %s names no file", j->args->out);
        return CLI_FAILED;
    }
    char *folder = path_folder(j->image_path);
    int is_ready = make_folders(folder) && can_write_in(folder);
    if (!is_ready) {
        say_error("cannot write in the folder %s: %s", folder, strerror(errno));
    }
    free(folder);
    return is_ready ? CLI_OK : CLI_FAILED;
}

static char *find_lora(const job *j, const char *asked) {
    const char *named = env_text("IDEOGRAM4_LORA_DIR");
    char *folder = resolve_path(j->root, named ? named : "models/loras");
    char *path = path_join(folder, path_name(asked));
    if (!is_file(path) && strchr(asked, '/') && is_file(asked)) {
        free(path);
        path = cli_copy(asked);
    }
    if (!is_file(path)) {
        say_error("there is no LoRA file %s in %s (a path to a file elsewhere is fine too)",
                  path_name(asked), folder);
        free(path);
        path = NULL;
    }
    free(folder);
    return path;
}

static int find_loras(job *j) {
    const cli_args *args = j->args;
    const recipe *from = &j->from;
    int are_given = args->lora_count > 0;
    size_t count = are_given ? args->lora_count : from->lora_count;
    for (size_t i = 0; i < count; i++) {
        char *path = find_lora(j, are_given ? args->loras[i] : from->loras[i]);
        if (!path) {
            return CLI_FAILED;
        }
        double strength = are_given ? lora_strength_default : from->strengths[i];
        if (i < args->lora_strength_count) {
            strength = args->lora_strengths[i];
        }
        j->lora_paths[i] = path;
        j->loras[i] = (id4_recipe_lora){path_name(path), strength};
        j->lora_count++;
    }
    return CLI_OK;
}

/* --- the model --------------------------------------------------------------------------- */

static int load_model(job *j) {
    char *folder = model_choose(j->args, j->root, &j->is_demo);
    int is_open = folder && model_open(j->args, folder, &observer, &j->model);
    free(folder);
    say_progress_end();
    if (!is_open) {
        return stop_signal ? interrupted() : CLI_FAILED;
    }
    id4_model_info_init(&j->info);
    (void)id4_model_get_info(j->model, &j->info);
    return CLI_OK;
}

static void warn_of_other_model(const job *j) {
    const recipe *from = &j->from;
    if (from->model && strcmp(from->model, j->info.name) != 0) {
        say_warning("the recipe was drawn by %s, this is %s: the picture will differ", from->model,
                    j->info.name);
    } else if (from->format && strcmp(from->format, j->info.format) != 0) {
        say_warning("the recipe was drawn with %s weights, these are %s: the picture will differ",
                    from->format, j->info.format);
    }
}

/* Thirty-two random bits, as the original draws them. */
static uint64_t random_seed(void) {
    uint32_t bits = 0;
    FILE *file = fopen("/dev/urandom", "rb");
    size_t count = file ? fread(&bits, sizeof bits, 1, file) : 0;
    if (file) {
        (void)fclose(file);
    }
    return count == 1 ? bits : (uint32_t)time(NULL) * 2654435761u;
}

static void choose_size(const cli_args *args, const recipe *from, int otherwise,
                        id4_request *request) {
    if (args->width) {
        request->width = (int)args->width;
        request->height = (int)args->height;
    } else if (!args->resolution && from->width) {
        request->width = (int)from->width;
        request->height = (int)from->height;
    } else {
        request->width = request->height = args->resolution ? (int)args->resolution : otherwise;
    }
}

/* Flags first, then the recipe, then the defaults. */
static int make_request(job *j) {
    const cli_args *args = j->args;
    const recipe *from = &j->from;
    id4_request *request = &j->request;
    id4_request_init(request);
    request->caption = j->prompt;
    choose_size(args, from, j->info.default_side, request);
    /* Another preset brings its own steps and guidance. */
    int keeps_sampler = !args->preset;
    const char *asked = args->preset ? args->preset : from->preset;
    const id4_preset *preset = asked ? id4_preset_find(asked) : NULL;
    request->preset = preset ? preset->name : asked ? asked : request->preset;
    request->steps = (int)(args->steps ? args->steps : keeps_sampler ? from->steps : 0);
    request->guidance = args->guidance >= 0 ? args->guidance : keeps_sampler ? from->guidance : -1;
    request->seed = args->seed >= 0   ? (uint64_t)args->seed
                    : from->seed >= 0 ? (uint64_t)from->seed
                                      : random_seed();
    request->strict = args->strict > 0;
    id4_error err = {0};
    if (id4_recipe_make(j->model, request, j->loras, j->lora_count, &j->recipe_json, &err)) {
        return failed(&err);
    }
    return CLI_OK;
}

static void introduce(const job *j) {
    const id4_request *request = &j->request;
    model_introduce(j->model, j->is_demo);
    warn_of_other_model(j);
    char *steps = request->steps ? cli_format("%d steps of ", request->steps) : cli_copy("");
    say_info("drawing %dx%d, %s%s, seed %llu", request->width, request->height, steps,
             request->preset, (unsigned long long)request->seed);
    free(steps);
}

static int open_adapters(job *j) {
    id4_adapter_use uses[CLI_LORAS_MAX];
    id4_error err = {0};
    for (size_t i = 0; i < j->lora_count; i++) {
        if (id4_adapter_open(j->model, j->lora_paths[i], &j->adapters[i], &err) != ID4_OK) {
            return failed(&err);
        }
        id4_adapter_info info;
        id4_adapter_info_init(&info);
        (void)id4_adapter_get_info(j->adapters[i], &info);
        say_info("LoRA %s at %g: %zu layers", j->loras[i].name, j->loras[i].strength, info.layers);
        if (info.unmatched_keys) {
            say_warning("%zu keys of the LoRA %s fit nothing in this model: %s",
                        info.unmatched_keys, j->loras[i].name, info.unmatched);
        }
        uses[i] = (id4_adapter_use){j->adapters[i], j->loras[i].strength};
    }
    if (j->lora_count && id4_engine_set_adapters(j->engine, uses, j->lora_count, &err) != ID4_OK) {
        return failed(&err);
    }
    return CLI_OK;
}

static int open_engine(job *j) {
    id4_engine_options options;
    id4_error err = {0};
    id4_engine_options_init(&options);
    if (j->args->profile) {
        options.profile = profile_add;
        options.profile_user = &j->profile;
    }
    if (id4_engine_new(j->model, &options, &j->engine, &err) != ID4_OK) {
        return failed(&err);
    }
    introduce(j);
    return open_adapters(j);
}

/* --- the picture ------------------------------------------------------------------------- */

static int draw(job *j) {
    id4_error err = {0};
    id4_stats_init(&j->stats);
    if (id4_generate(j->engine, &j->request, &observer, &j->image, &j->stats, &err) != ID4_OK) {
        return failed(&err);
    }
    say_progress_end();
    return CLI_OK;
}

static int save(job *j) {
    const id4_pair pairs[] = {
        {"ideogram4", (const char *)j->recipe_json.data},
        {"Description", j->prompt},
        {"Software", "ideogram4 " ID4_VERSION_STRING},
    };
    int quality = j->format == ID4_PNG ? 0 : j->args->quality ? (int)j->args->quality : 95;
    id4_error err = {0};
    if (id4_image_save(j->image, j->image_path, j->format, quality, pairs,
                       sizeof pairs / sizeof *pairs, &err) != ID4_OK) {
        say_error("%s", err.text);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static char *joined_command(const job *j) {
    char *joined = cli_copy(j->argv[0]);
    for (int i = 1; i < j->argc; i++) {
        char *longer = cli_format("%s %s", joined, j->argv[i]);
        free(joined);
        joined = longer;
    }
    return joined;
}

static double rounded_seconds(const job *j) {
    return (double)(long long)(j->stats.total_seconds * 10 + 0.5) / 10;
}

/* The metadata file, keys in the original's order. */
static int write_log(job *j) {
    char *command = joined_command(j);
    json_t *seconds = json_real(rounded_seconds(j));
    json_t *bits = json_null(); /* of weights that are not quantised */
    if (j->info.quantization_bits) {
        bits = json_integer(j->info.quantization_bits);
    }
    json_t *object =
        json_pack("{s:s, s:[i,i], s:i, s:I, s:o, s:s, s:s, s:s, s:o, s:s, s:s}", "preset",
                  j->request.preset, "resolution", j->request.width, j->request.height, "steps",
                  j->stats.steps, "seed", (json_int_t)j->request.seed, "generation_seconds",
                  seconds, "output", j->image_path, "format", j->args->format, "backend",
                  "mlx-direct", "quantization_bits", bits, "prompt", j->prompt, "cmd", command);
    char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    int is_written = text && write_whole(j->log_path, text);
    if (!text) {
        say_error("the picture %s is written, but not %s: a path or argument is not valid UTF-8",
                  j->image_path, j->log_path);
    }
    free(text);
    json_decref(object);
    free(command);
    return is_written ? CLI_OK : CLI_FAILED;
}

static int print_json(const job *j) {
    json_t *warnings = json_array();
    for (size_t i = 0; i < say_warning_count(); i++) {
        (void)json_array_append_new(warnings, json_string(say_warning_at(i)));
    }
    json_t *object = json_pack(
        "{s:s, s:I, s:f, s:s, s:[i,i], s:i, s:o}", "path", j->image_path, "seed",
        (json_int_t)j->request.seed, "seconds", j->stats.total_seconds, "model", j->info.name,
        "size", j->request.width, j->request.height, "steps", j->stats.steps, "warnings", warnings);
    int is_printed = object && json_dumpf(object, stdout, JSON_REAL_PRECISION(6)) == 0 &&
                     fputc('\n', stdout) != EOF;
    json_decref(object);
    return is_printed ? CLI_OK : CLI_FAILED;
}

static int report(job *j) {
    const id4_stats *s = &j->stats;
    char *peak = cli_human_bytes(s->activation_peak_bytes);
    say_debug("%d prompt tokens, working memory at most %s", s->prompt_tokens, peak);
    free(peak);
    say_info("%s: %.1f s (text %.1f, %d steps %.1f, decode %.1f)", j->image_path, s->total_seconds,
             s->encode_seconds, s->steps, s->denoise_seconds, s->decode_seconds);
    if (j->args->profile) {
        profile_print(&j->profile);
    }
    return j->args->json ? print_json(j) : CLI_OK;
}

/* --- the whole --------------------------------------------------------------------------- */

static void clean_up(job *j) {
    id4_image_free(j->image);
    id4_bytes_free(&j->recipe_json);
    id4_engine_free(j->engine);
    for (size_t i = 0; i < j->lora_count; i++) {
        (void)id4_adapter_close(j->adapters[i]);
        free(j->lora_paths[i]);
    }
    (void)id4_model_close(j->model);
    free(j->log_path);
    free(j->image_path);
    free(j->prompt);
    recipe_free(&j->from);
}

int run_generate(const cli_args *args, const char *root, int argc, char *const *argv) {
    static int (*const stages[])(job *) = {
        check_environment, open_log,     check_daemon, read_recipe, read_prompt,
        check_caption,     check_output, find_loras,   load_model,  make_request,
        open_engine,       draw,         save,         write_log,   report,
    };
    job *j = cli_resize(NULL, 1, sizeof *j);
    *j = (job){.args = args, .root = root, .argc = argc, .argv = argv};
    listen_to_signals();
    int status = CLI_OK;
    for (size_t i = 0; status == CLI_OK && i < sizeof stages / sizeof *stages; i++) {
        status = stages[i](j);
    }
    clean_up(j);
    free(j);
    return status;
}
