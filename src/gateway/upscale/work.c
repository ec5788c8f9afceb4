/* The work on one picture: the external program enlarges it fourfold; for twice the size its
 * result is halved. */
#include "gateway/upscale/upscale.h"

#include "base/memory.h"
#include "base/os.h"
#include "gateway/spawn.h"
#include "gateway/upscale/lanczos.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = I4_UPSCALE_PATH_BYTES };

static void folder_of(const char *path, char *out, size_t size) {
    snprintf(out, size, "%.*s", (int)(strrchr(path, '/') - path), path);
}

static bool run_program(const i4_upscale_order *o, const char *output, i4_err *err) {
    const i4_settings *s = o->gateway->settings;
    i4_upscale_tools t;
    i4_upscale_look(s, &t);
    if (!t.bin[0] || !t.model_dir[0]) {
        return i4_fail(err, I4_E_NOT_FOUND, "the upscaler was removed while the task waited");
    }
    char folder[PATH_BYTES];
    folder_of(t.bin, folder, sizeof folder);
    const char *const argv[] = {t.bin,       "-i",   o->input,
                                "-o",        output, "-m",
                                t.model_dir, "-n",   i4_upscale_presets[o->preset].model,
                                "-s",        "4",    "-f",
                                "png",       NULL};
    const i4_spawn spawn = {.argv = argv,
                            .folder = folder,
                            .seconds = s->upscale.timeout,
                            .go_on = o->go_on,
                            .user = o->user};
    return i4_spawn_run(&spawn, err);
}

/* Replaces *bytes, a PNG, by one of half its size. */
static bool halve_file(i4_image *image, char **bytes, size_t *size, i4_err *err) {
    i4_image half = {0};
    uint8_t *png = NULL;
    size_t png_size = 0;
    if (!i4_lanczos_half(image, &half, err)) {
        return false;
    }
    const bool is_done = i4_image_encode(&half, I4_PNG, 0, NULL, 0, &png, &png_size, err);
    i4_image_free(image);
    *image = half;
    if (is_done) {
        i4_free(*bytes);
        *bytes = (char *)png;
        *size = png_size;
    }
    return is_done;
}

/* Reads what the program wrote, brings it to size, writes it under its name. */
static bool keep_result(const i4_upscale_order *o, const char *from, const char *to, int *width,
                        int *height, i4_err *err) {
    char *bytes = NULL;
    size_t size = 0;
    i4_image image = {0};
    bool is_done = i4_file_read(from, I4_LIMIT_IMAGE_FILE_BYTES, &bytes, &size, err) &&
                   i4_image_decode((const uint8_t *)bytes, size, &image, err) &&
                   (o->scale == I4_UPSCALE_FACTOR || halve_file(&image, &bytes, &size, err)) &&
                   i4_file_write(to, bytes, size, err);
    *width = image.width;
    *height = image.height;
    i4_image_free(&image);
    i4_free(bytes);
    return is_done;
}

static const char *text_of(const json_t *row, const char *key) {
    return json_string_value(json_object_get(row, key));
}

static bool add_row(const i4_upscale_order *o, const char *name, int width, int height,
                    int64_t *image_id, i4_err *err) {
    const char *preset = i4_upscale_presets[o->preset].name;
    const char *hld = text_of(o->source, "hld");
    const json_t *prompt = json_object_get(o->source, "prompt_id");
    const json_t *strength = json_object_get(o->source, "lora_strength");
    char preset_text[48];
    i4_buf text;
    i4_buf_init(&text, 1 << 20);
    i4_buf_addf(&text, "%s (upscaled %dx, %s)", hld && hld[0] ? hld : "Picture", o->scale, preset);
    snprintf(preset_text, sizeof preset_text, "upscale:%s:%dx", preset, o->scale);
    const i4_new_image image = {.hld = text.ptr ? text.ptr : "",
                                .width = width,
                                .height = height,
                                .seed = json_integer_value(json_object_get(o->source, "seed")),
                                .preset = preset_text,
                                .file_path = name,
                                .prompt_id =
                                    json_is_integer(prompt) ? json_integer_value(prompt) : -1,
                                .parent_image_id = o->source_id,
                                .lora_name = text_of(o->source, "lora_name"),
                                .has_lora_strength = json_is_number(strength),
                                .lora_strength = json_number_value(strength),
                                .lora_stack_json = text_of(o->source, "lora_stack_json")};
    json_t *row = NULL;
    const bool is_done = i4_db_add_image(o->gateway->db, &image, &row, err) == I4_DB_OK;
    *image_id = is_done ? json_integer_value(json_object_get(row, "id")) : -1;
    json_decref(row);
    i4_buf_free(&text);
    return is_done;
}

bool i4_upscale_do(const i4_upscale_order *o, int64_t *image_id, i4_err *err) {
    const char *folder = o->gateway->settings->output_dir;
    char name[128], temporary[PATH_BYTES], path[PATH_BYTES];
    int width = 0, height = 0;
    snprintf(name, sizeof name, "upscale-%lld-%dx-%s-%s.png", (long long)o->source_id, o->scale,
             i4_upscale_presets[o->preset].name, o->id);
    if (snprintf(temporary, sizeof temporary, "%s/.upscale-%s.png", folder, o->id) >= PATH_BYTES ||
        snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_BYTES) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the path of the output folder is too long");
    }
    const bool is_stored =
        run_program(o, temporary, err) && keep_result(o, temporary, path, &width, &height, err);
    unlink(temporary);
    if (!is_stored) {
        return false;
    }
    if (!add_row(o, name, width, height, image_id, err)) {
        unlink(path);
        return false;
    }
    return true;
}
