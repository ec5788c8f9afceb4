/* Writes recipes and finds them in pictures. */
#include "pipeline/recipe.h"

#include "base/memory.h"
#include "image/image.h"
#include "io/json.h"

#include <inttypes.h>
#include <stdio.h>

static json_t *loras_json(const i4_recipe *r) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < r->lora_count; i++) {
        json_t *lora =
            json_pack("{s:s, s:f}", "name", r->loras[i].name, "strength", r->loras[i].strength);
        if (lora == NULL || json_array_append_new(list, lora) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* Seeds beyond what JSON readers hold exactly are written as text. */
static json_t *seed_json(uint64_t seed) {
    char text[24];
    if (seed <= (UINT64_C(1) << 53)) {
        return json_integer((json_int_t)seed);
    }
    snprintf(text, sizeof text, "%" PRIu64, seed);
    return json_string(text);
}

static int append(const char *bytes, size_t size, void *user) {
    i4_buf *text = user;
    i4_buf_add(text, bytes, size);
    return text->failed ? -1 : 0;
}

char *i4_recipe_json(const i4_recipe *r, i4_err *err) {
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:i, s:f, s:o, s:o}",
                             "version", 1, "program", r->program, "model", r->model, "format",
                             r->format, "caption", r->caption, "width", r->width, "height",
                             r->height, "preset", r->preset, "steps", r->steps, "guidance",
                             r->guidance, "seed", seed_json(r->seed), "loras", loras_json(r));
    if (root == NULL) {
        i4_fail_memory(err, "the recipe", 1024);
        return NULL;
    }
    /* Into our own builder, whose failure is sticky: jansson forgets that a key could not be
     * written, and its text would have to be freed by whatever allocator the program gave it. */
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    const bool ok = json_dump_callback(root, append, &text, JSON_COMPACT) == 0;
    json_decref(root);
    if (!ok) {
        i4_buf_free(&text);
    }
    char *out = ok ? i4_buf_take(&text, NULL) : NULL;
    if (out == NULL) {
        i4_fail_memory(err, "the recipe", 1024);
    }
    return out;
}

static char *checked(const char *text, i4_err *err) {
    json_t *root = i4_json_parse(text, i4_str_c(text).len, "the recipe in the picture", err);
    const bool ok = json_is_object(root);
    if (root != NULL && !ok) {
        i4_fail(err, I4_E_FORMAT, "the recipe in the picture is not a JSON object");
    }
    json_decref(root);
    char *copy = ok ? i4_strdup(text) : NULL;
    if (ok && copy == NULL) {
        i4_fail_memory(err, "the recipe", i4_str_c(text).len);
    }
    return copy;
}

char *i4_recipe_find(const uint8_t *data, size_t size, i4_err *err) {
    i4_pairs pairs = {0};
    if (!i4_image_text(data, size, &pairs, err)) {
        return NULL;
    }
    const char *text = i4_pairs_get(&pairs, I4_RECIPE_KEY);
    char *recipe = text != NULL ? checked(text, err) : NULL;
    if (text == NULL) {
        i4_fail(err, I4_E_NOT_FOUND,
                "the picture carries no recipe (it was not made by this "
                "program, or saved again by one that drops text)");
    }
    i4_pairs_free(&pairs);
    return recipe;
}
