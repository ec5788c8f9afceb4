/* cli_model.c: from flags and environment to an open model. */
#include "cli_model.h"

#include "cli_files.h"
#include "cli_say.h"
#include "cli_text.h"

#include "hub/hub.h"

#include <stdlib.h>

static const char default_repository[] = "MLXBits/ideogram-4-mlx-q8";

/* --- Hugging Face cache ------------------------------------------------------------------ */

/* The download may take an hour: `generate` does not begin one by surprise. */
static char *choose_repository(const char *name) {
    char folder[4096];
    i4_err err = {0};
    if (i4_hub_find(name, env_text("IDEOGRAM4_MODEL_REVISION"), folder, sizeof folder, &err)) {
        return cli_copy(folder);
    }
    say_error("%s", err.text);
    return NULL;
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
    /* The default repository, once it was downloaded; the demo model until then. */
    char folder[4096];
    if (!env_text("IDEOGRAM4_DEMO_MODEL") &&
        i4_hub_find(default_repository, env_text("IDEOGRAM4_MODEL_REVISION"), folder, sizeof folder,
                    NULL)) {
        return cli_copy(folder);
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
    const char *isa = args->isa ? args->isa : env_text("IDEOGRAM4_ISA");
    options.isa = isa ? isa : "auto";
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
            "this is the small demo model, for flat shapes and short words; the real one (28 GB, "
            "non-commercial licence) comes with `ideogram4 download` and draws from then on");
    }
}
