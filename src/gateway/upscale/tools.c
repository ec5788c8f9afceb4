/* What of the upscaler is installed: program, models, presets (docs/http-api.md 13). */
#include "gateway/upscale/upscale.h"

#include "base/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char program_name[] = "realesrgan-ncnn-vulkan";
enum { PATH_BYTES = I4_UPSCALE_PATH_BYTES };

const char i4_upscale_backend[] = "realesrgan_ncnn";
const i4_upscale_preset i4_upscale_presets[I4_UPSCALE_PRESETS] = {{"standard", "realesrgan-x4plus"},
                                                                  {"sharp", "ultrasharp-4x"}};

static bool is_program(const char *path) {
    return i4_path_look(path) == I4_PATH_FILE && access(path, X_OK) == 0;
}

static void search_path(char *out, size_t size) {
    const char *path = getenv("PATH");
    out[0] = '\0';
    while (path && *path) {
        const size_t len = strcspn(path, ":");
        if (len > 0 && snprintf(out, size, "%.*s/%s", (int)len, path, program_name) < (int)size &&
            is_program(out)) {
            return;
        }
        path += len + (path[len] == ':');
    }
    out[0] = '\0';
}

static void find_program(const i4_settings *s, char *out, size_t size) {
    if (s->upscale.bin[0] == '\0') {
        search_path(out, size);
    } else {
        snprintf(out, size, "%s", is_program(s->upscale.bin) ? s->upscale.bin : "");
    }
}

static void folder_of(const char *path, char *out, size_t size) {
    const char *slash = strrchr(path, '/');
    snprintf(out, size, "%.*s", slash && slash > path ? (int)(slash - path) : 1,
             slash ? path : ".");
}

static void find_models(const i4_settings *s, const char *bin, char *out, size_t size) {
    char beside[PATH_BYTES];
    out[0] = '\0';
    if (s->upscale.model_dir[0]) {
        snprintf(out, size, "%s", s->upscale.model_dir);
    } else if (bin[0]) {
        folder_of(bin, beside, sizeof beside);
        if (snprintf(out, size, "%s/models", beside) >= (int)size) {
            out[0] = '\0';
        }
    }
    if (i4_path_look(out) != I4_PATH_DIR) {
        out[0] = '\0';
    }
}

static bool has_model(const char *folder, const char *model) {
    static const char *const suffixes[] = {"bin", "param"};
    for (int i = 0; i < 2; i++) {
        char path[PATH_BYTES];
        if (folder[0] == '\0' ||
            snprintf(path, sizeof path, "%s/%s.%s", folder, model, suffixes[i]) >= PATH_BYTES ||
            i4_path_look(path) != I4_PATH_FILE) {
            return false;
        }
    }
    return true;
}

void i4_upscale_look(const i4_settings *s, i4_upscale_tools *t) {
    *t = (i4_upscale_tools){0};
    find_program(s, t->bin, sizeof t->bin);
    find_models(s, t->bin, t->model_dir, sizeof t->model_dir);
    for (int i = 0; i < I4_UPSCALE_PRESETS; i++) {
        t->has_preset[i] = has_model(t->model_dir, i4_upscale_presets[i].model);
    }
    t->error = strcmp(s->upscale.backend, i4_upscale_backend) != 0
                   ? "IDEOGRAM4_UPSCALER_BACKEND names no upscaler that is known here"
               : !t->bin[0] ? "realesrgan-ncnn-vulkan is not installed: put it into PATH or set "
                              "IDEOGRAM4_UPSCALER_BIN"
               : !t->model_dir[0]  ? "the upscaler's models are not found: set "
                                     "IDEOGRAM4_UPSCALER_MODEL_DIR"
               : !t->has_preset[0] ? "the upscaler's model realesrgan-x4plus (.bin and .param) is "
                                     "missing"
                                   : NULL;
}
