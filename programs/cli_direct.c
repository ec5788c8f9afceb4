/* cli_direct.c: drawing in this process: the model, its adapters, the picture. */
#include "cli_job.h"

#include "cli_files.h"
#include "cli_model.h"
#include "cli_say.h"
#include "cli_stop.h"
#include "cli_text.h"

#include <stdlib.h>
#include <string.h>

static const char nothing_written[] = "nothing was written";

static int on_progress(const id4_progress *progress, void *user) {
    (void)user;
    say_progress(progress);
    return stop_asked() != 0;
}

static const id4_observer observer = {on_progress, NULL};

/* The exit code of a library call that failed. */
static int failed(const id4_error *err) {
    say_progress_end();
    if (stop_asked()) {
        return stop_code(nothing_written);
    }
    say_error("%s", err->text);
    return CLI_FAILED;
}

/* --- adapter files ----------------------------------------------------------------------- */

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
    for (size_t i = 0; i < job_lora_count(j); i++) {
        char *path = find_lora(j, job_lora_name(j, i));
        if (!path) {
            return CLI_FAILED;
        }
        j->lora_paths[i] = path;
        j->loras[i] = (id4_recipe_lora){path_name(path), job_lora_strength(j, i)};
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
        return stop_asked() ? stop_code(nothing_written) : CLI_FAILED;
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

static int make_request(job *j) {
    id4_error err = {0};
    job_fill_request(j, j->info.default_side);
    if (id4_recipe_make(j->model, &j->request, j->loras, j->lora_count, &j->recipe_json, &err)) {
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
    return CLI_OK;
}

static int write_down(job *j) {
    const drawn d = {.model = j->info.name,
                     .steps = j->stats.steps,
                     .quantization_bits = j->info.quantization_bits,
                     .seconds = j->stats.total_seconds};
    int status = write_metadata(j, &d);
    status = status ? status : report(j);
    return status ? status : print_result(j, &d);
}

/* --- the whole --------------------------------------------------------------------------- */

int draw_here(job *j) {
    static int (*const stages[])(job *) = {
        find_loras, load_model, make_request, open_engine, draw, save, write_down,
    };
    int status = CLI_OK;
    for (size_t i = 0; status == CLI_OK && i < sizeof stages / sizeof *stages; i++) {
        status = stages[i](j);
    }
    return status;
}

void draw_here_end(job *j) {
    id4_image_free(j->image);
    id4_bytes_free(&j->recipe_json);
    id4_engine_free(j->engine);
    for (size_t i = 0; i < j->lora_count; i++) {
        (void)id4_adapter_close(j->adapters[i]);
        free(j->lora_paths[i]);
    }
    (void)id4_model_close(j->model);
}
