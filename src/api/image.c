/* The door: pictures and the recipes inside them. */
#include "api/handles.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/os.h"
#include "pipeline/recipe.h"

#include <math.h>
#include <string.h>

/* --- images ------------------------------------------------------------------------------ */

id4_image *i4_image_handle(i4_image inner) {
    id4_image *image = i4_calloc(1, sizeof *image);
    if (image == NULL) {
        i4_image_free(&inner);
        return NULL;
    }
    image->inner = inner;
    return image;
}

id4_status id4_image_new(int width, int height, const uint8_t *pixels, id4_image **image,
                         id4_error *err) {
    i4_err inner = {0};
    i4_image mine = {0};
    if (pixels == NULL || image == NULL) {
        return i4_refuse(err, "pixels and a place for the handle are needed");
    }
    if (!i4_image_new(&mine, width, height, &inner)) {
        return i4_leave(false, &inner, err);
    }
    memcpy(mine.rgb, pixels, (size_t)width * (size_t)height * 3);
    id4_image *result = i4_image_handle(mine);
    if (result == NULL) {
        return i4_no_memory(err, "the picture", sizeof *result);
    }
    *image = result;
    return ID4_OK;
}

void id4_image_free(id4_image *image) {
    if (image != NULL) {
        i4_image_free(&image->inner);
        i4_free(image);
    }
}

int id4_image_width(const id4_image *image) {
    return image != NULL ? image->inner.width : 0;
}

int id4_image_height(const id4_image *image) {
    return image != NULL ? image->inner.height : 0;
}

const uint8_t *id4_image_pixels(const id4_image *image) {
    return image != NULL ? image->inner.rgb : NULL;
}

void id4_bytes_free(id4_bytes *bytes) {
    if (bytes != NULL) {
        i4_free(bytes->data);
        *bytes = (id4_bytes){NULL, 0};
    }
}

id4_status id4_image_encode(const id4_image *image, id4_image_format format, int quality,
                            const id4_pair *pairs, size_t pair_count, id4_bytes *bytes,
                            id4_error *err) {
    i4_err inner = {0};
    if (image == NULL || bytes == NULL || (pairs == NULL && pair_count > 0)) {
        return i4_refuse(err, "a picture and a place for the bytes are needed");
    }
    if (quality == 0) {
        quality = format == ID4_WEBP ? 90 : 95;
    }
    if (format < ID4_PNG || format > ID4_JPEG ||
        (format != ID4_PNG && (quality < 1 || quality > 100))) {
        return i4_refuse(err, "the format must be PNG, WebP or JPEG and the quality 1 to 100");
    }
    i4_pair *mine = i4_calloc(pair_count + 1, sizeof *mine);
    if (mine == NULL) {
        return i4_no_memory(err, "the picture's text", pair_count * sizeof *mine);
    }
    for (size_t i = 0; i < pair_count; i++) {
        mine[i] = (i4_pair){pairs[i].key, pairs[i].value};
    }
    const bool ok = i4_image_encode(&image->inner, (i4_image_format)format, quality, mine,
                                    pair_count, &bytes->data, &bytes->size, &inner);
    i4_free(mine);
    return i4_leave(ok, &inner, err);
}

id4_status id4_image_save(const id4_image *image, const char *path, id4_image_format format,
                          int quality, const id4_pair *pairs, size_t pair_count, id4_error *err) {
    i4_err inner = {0};
    id4_bytes bytes = {NULL, 0};
    if (path == NULL || *path == '\0') {
        return i4_refuse(err, "a path is needed");
    }
    const id4_status status =
        id4_image_encode(image, format, quality, pairs, pair_count, &bytes, err);
    if (status != ID4_OK) {
        return status;
    }
    const bool ok = i4_file_write(path, bytes.data, bytes.size, &inner);
    id4_bytes_free(&bytes);
    return i4_leave(ok, &inner, err);
}

id4_status id4_image_decode(const uint8_t *data, size_t size, id4_image **image, id4_error *err) {
    i4_err inner = {0};
    i4_image mine = {0};
    if (data == NULL || image == NULL) {
        return i4_refuse(err, "bytes and a place for the handle are needed");
    }
    if (!i4_image_decode(data, size, &mine, &inner)) {
        return i4_leave(false, &inner, err);
    }
    id4_image *result = i4_image_handle(mine);
    if (result == NULL) {
        return i4_no_memory(err, "the picture", sizeof *result);
    }
    *image = result;
    return ID4_OK;
}

/* --- recipes ----------------------------------------------------------------------------- */

static id4_status give_text(char *text, const i4_err *inner, id4_bytes *bytes, id4_error *err) {
    if (text == NULL) {
        return i4_leave(false, inner, err);
    }
    *bytes = (id4_bytes){(uint8_t *)text, strlen(text)};
    return ID4_OK;
}

/* Only what can be drawn, and said in JSON, makes a recipe. */
static bool check_recipe(const id4_request *r, const id4_recipe_lora *loras, size_t lora_count,
                         i4_err *err) {
    i4_schedule *schedule = i4_malloc(sizeof *schedule);
    bool ok = schedule != NULL || i4_fail_memory(err, "a schedule", sizeof *schedule);
    ok = ok && i4_check_request(r, true, schedule, err);
    i4_free(schedule);
    if (ok && !i4_utf8_valid(i4_str_c(r->caption))) {
        ok = i4_fail(err, I4_E_INVALID_ARGUMENT, "the caption is not UTF-8");
    }
    for (size_t i = 0; ok && i < lora_count; i++) {
        if (loras[i].name == NULL || !i4_utf8_valid(i4_str_c(loras[i].name)) ||
            !isfinite(loras[i].strength)) {
            ok = i4_fail(err, I4_E_INVALID_ARGUMENT,
                         "LoRA %zu of the recipe needs a name in UTF-8 and a finite strength", i);
        }
    }
    return ok;
}

id4_status id4_recipe_make(const id4_model *model, const id4_request *request,
                           const id4_recipe_lora *loras, size_t lora_count, id4_bytes *json,
                           id4_error *err) {
    i4_err inner = {0};
    id4_request r;
    i4_recipe_lora list[I4_LIMIT_ADAPTERS];
    if (model == NULL || request == NULL || json == NULL || (loras == NULL && lora_count > 0) ||
        lora_count > I4_LIMIT_ADAPTERS) {
        return i4_refuse(err, "a model, a request and at most 16 LoRAs are needed");
    }
    i4_take_request(&r, request);
    if (!check_recipe(&r, loras, lora_count, &inner)) {
        return i4_leave(false, &inner, err);
    }
    const i4_preset *preset = r.preset != NULL ? i4_preset_find(r.preset) : i4_preset_at(0);
    for (size_t i = 0; i < lora_count; i++) {
        list[i] = (i4_recipe_lora){loras[i].name, loras[i].strength};
    }
    const i4_recipe recipe = {
        .program = "ideogram4.c " ID4_VERSION_STRING,
        .model = model->inner->name,
        .format = i4_format_name(i4_store_format(model->inner->store[I4_PART_COND])),
        .caption = r.caption,
        .preset = preset->name,
        .width = r.width,
        .height = r.height,
        .steps = r.steps,
        .guidance = r.guidance,
        .seed = r.seed,
        .loras = list,
        .lora_count = lora_count,
    };
    return give_text(i4_recipe_json(&recipe, &inner), &inner, json, err);
}

id4_status id4_recipe_read(const uint8_t *data, size_t size, id4_bytes *json, id4_error *err) {
    i4_err inner = {0};
    if (data == NULL || json == NULL) {
        return i4_refuse(err, "bytes and a place for the recipe are needed");
    }
    return give_text(i4_recipe_find(data, size, &inner), &inner, json, err);
}
