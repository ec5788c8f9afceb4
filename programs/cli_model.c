/* cli_model.c: from flags and environment to an open model. */
#include "cli_model.h"

#include "cli_files.h"
#include "cli_say.h"
#include "cli_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- environment ------------------------------------------------------------------------- */

/* Every number of the common configuration: a program that starts with a wrong one misleads. */
int environment_check(void) {
    static const struct {
        const char *name;
        int is_whole;
    } numbers[] = {
        {"IDEOGRAM4_SERVER_PORT", 1},
        {"IDEOGRAM4_WEBUI_PORT", 1},
        {"IDEOGRAM4_MODEL_DAEMON_PORT", 1},
        {"IDEOGRAM4_MODEL_DAEMON_TIMEOUT", 0},
        {"IDEOGRAM4_MLX_CACHE_LIMIT_GB", 0},
        {"IDEOGRAM4_DEFAULT_SEED", 1},
        {"IDEOGRAM4_IMAGE_QUALITY_WEBP", 1},
        {"IDEOGRAM4_IMAGE_QUALITY_JPEG", 1},
        {"IDEOGRAM4_MIN_IMAGE_SIZE", 1},
        {"IDEOGRAM4_MAX_IMAGE_SIZE", 1},
        {"IDEOGRAM4_IMAGE_SIZE_MULTIPLE", 1},
        {"IDEOGRAM4_MAX_CAPTION_JSON_BYTES", 1},
        {"IDEOGRAM4_MAX_FORM_JSON_BYTES", 1},
        {"IDEOGRAM4_DB_QUERY_LIMIT", 1},
        {"IDEOGRAM4_LORA_STRENGTH", 0},
        {"IDEOGRAM4_MAGIC_PROMPT_TIMEOUT", 0},
        {"IDEOGRAM4_MAGIC_PROMPT_MAX_TOKENS", 1},
        {"IDEOGRAM4_MAGIC_PROMPT_TEMPERATURE", 0},
        {"IDEOGRAM4_MAGIC_PROMPT_MAX_CHARS", 1},
        {"IDEOGRAM4_MAGIC_PROMPT_MAX_IMAGES", 1},
        {"IDEOGRAM4_MAGIC_PROMPT_MAX_IMAGE_BYTES", 1},
        {"IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_PORT", 1},
        {"IDEOGRAM4_MAGIC_PROMPT_LOCAL_LLAMA_CTX", 1},
        {"IDEOGRAM4_UPSCALER_TIMEOUT_SECONDS", 0},
        {"IDEOGRAM4_UPSCALER_MAX_OUTPUT_PIXELS", 1},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const char *text = env_text(numbers[i].name);
        int64_t whole;
        double real;
        if (text && numbers[i].is_whole && !cli_parse_integer(text, &whole)) {
            say_error("%s must be a whole number, not \"%s\"", numbers[i].name, text);
            return 0;
        }
        if (text && !numbers[i].is_whole && !cli_parse_number(text, &real)) {
            say_error("%s must be a number, not \"%s\"", numbers[i].name, text);
            return 0;
        }
    }
    return 1;
}

/* --- Hugging Face cache ------------------------------------------------------------------ */

/* "name" or "owner/name" of letters, digits, ".", "_", "-": it becomes part of a path. */
static int is_repository(const char *name) {
    const char *slash = strchr(name, '/');
    size_t length = strlen(name);
    if (length == 0 || length > 200 || strstr(name, "..") || strstr(name, "--") ||
        (slash && (slash == name || !slash[1] || strchr(slash + 1, '/')))) {
        return 0;
    }
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("._-/", *c)) {
            return 0;
        }
    }
    return 1;
}

static char *hub_cache(void) {
    const char *cache = env_text("HF_HUB_CACHE");
    cache = cache ? cache : env_text("HUGGINGFACE_HUB_CACHE");
    if (cache) {
        return cli_copy(cache);
    }
    const char *home = env_text("HF_HOME");
    if (home) {
        return path_join(home, "hub");
    }
    const char *xdg = env_text("XDG_CACHE_HOME");
    if (xdg) {
        return path_join(xdg, "huggingface/hub");
    }
    const char *user = env_text("HOME");
    return path_join(user ? user : ".", ".cache/huggingface/hub");
}

static char *repository_folder(const char *cache, const char *name) {
    const char *slash = strchr(name, '/');
    if (!slash) {
        return cli_format("%s/models--%s", cache, name);
    }
    return cli_format("%s/models--%.*s--%s", cache, (int)(slash - name), name, slash + 1);
}

/* The commit a revision stands for: refs/<revision> holds it, or it is one already. Owned. */
static char *revision_commit(const char *repository, const char *revision) {
    char *path = cli_format("%s/refs/%s", repository, revision);
    char *commit = NULL;
    size_t size;
    if (!strstr(revision, "..") && is_file(path) &&
        read_whole(path, "cache reference", 4096, &commit, &size)) {
        cli_trim(commit);
    }
    free(path);
    if (commit && (!*commit || strchr(commit, '/') || strstr(commit, ".."))) {
        free(commit);
        commit = NULL;
    }
    return commit ? commit : cli_copy(revision);
}

static char *snapshot_folder(const char *cache, const char *name, const char *revision) {
    char *repository = repository_folder(cache, name);
    char *commit = revision_commit(repository, revision);
    char *folder = cli_format("%s/snapshots/%s", repository, commit);
    free(commit);
    free(repository);
    if (!strstr(revision, "..") && is_folder(folder)) {
        return folder;
    }
    free(folder);
    return NULL;
}

static char *choose_repository(const char *name) {
    if (!is_repository(name)) {
        say_error("\"%s\" is no model name: it should read like MLXBits/ideogram-4-mlx-q8", name);
        return NULL;
    }
    const char *revision = env_text("IDEOGRAM4_MODEL_REVISION");
    revision = revision ? revision : "main";
    char *cache = hub_cache();
    char *folder = snapshot_folder(cache, name, revision);
    if (!folder) {
        say_error("%s (%s) is not in the Hugging Face cache %s: `ideogram4 download` comes with a "
                  "later version; until then get it with `hf download %s`, or put its files in a "
                  "folder and name that with --model-path",
                  name, revision, cache, name);
    }
    free(cache);
    return folder;
}

/* --- choice ------------------------------------------------------------------------------ */

static char *choose_demo(const char *root) {
    const char *named = env_text("IDEOGRAM4_DEMO_MODEL");
    char *folder = named ? cli_copy(named) : path_join(root, "models/demo");
    if (is_folder(folder)) {
        return folder;
    }
    say_error("there is no demo model at %s: name a model folder with --model-path", folder);
    free(folder);
    return NULL;
}

char *model_choose(const cli_args *args, const char *root, int *is_demo) {
    *is_demo = 0;
    /* What the command line says beats what the environment says. */
    if (args->model_path && *args->model_path) {
        return resolve_path(root, args->model_path);
    }
    if (args->model_repo && *args->model_repo) {
        return choose_repository(args->model_repo);
    }
    if (env_text("IDEOGRAM4_MODEL_PATH")) {
        return resolve_path(root, env_text("IDEOGRAM4_MODEL_PATH"));
    }
    if (env_text("IDEOGRAM4_MODEL_REPO")) {
        return choose_repository(env_text("IDEOGRAM4_MODEL_REPO"));
    }
    *is_demo = 1;
    return choose_demo(root);
}

int model_open(const cli_args *args, const char *folder, const id4_observer *observer,
               id4_model **model) {
    id4_model_options options;
    id4_error err = {0};
    id4_model_options_init(&options);
    options.backend = args->backend ? args->backend : "auto";
    options.isa = args->isa ? args->isa : "auto";
    options.threads = (int)args->threads;
    options.memory_budget = args->memory_budget;
    if (id4_model_open(folder, &options, observer, model, &err) != ID4_OK) {
        if (err.status != ID4_CANCELLED) {
            say_error("%s", err.text);
        }
        return 0;
    }
    return 1;
}

void model_introduce(const id4_model *model, int is_demo) {
    id4_model_info info;
    id4_model_info_init(&info);
    if (id4_model_get_info(model, &info) != ID4_OK) {
        return;
    }
    char *bytes = cli_human_bytes(info.weight_bytes);
    say_info("model: %s (%s, %s, %s) on %s", info.name, info.layout, info.format, bytes,
             info.backend);
    free(bytes);
    if (is_demo) {
        say_info(
            "this is the small demo model, for flat shapes and short words; for the real one get "
            "MLXBits/ideogram-4-mlx-q8 from Hugging Face (28 GB, non-commercial licence) and "
            "name its folder with --model-path");
    }
}
