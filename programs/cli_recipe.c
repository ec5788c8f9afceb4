/* cli_recipe.c: from a picture file to the values that repeat it. */
#include "cli_recipe.h"

#include "cli_files.h"
#include "cli_say.h"
#include "cli_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { PICTURE_BYTES_MAX = 256 * 1024 * 1024 };

int recipe_load(const char *path, id4_bytes *json) {
    id4_error err = {0};
    char *data;
    size_t size;
    *json = (id4_bytes){0};
    if (!read_whole(path, "picture", PICTURE_BYTES_MAX, &data, &size)) {
        return 0;
    }
    if (id4_recipe_read((const uint8_t *)data, size, json, &err) != ID4_OK) {
        say_error("%s: %s", path, err.text);
    }
    free(data);
    return json->data != NULL;
}

static char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? cli_copy(text) : NULL;
}

static int64_t integer_of(const json_t *object, const char *key, int64_t otherwise) {
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static double number_of(const json_t *object, const char *key, double otherwise) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

static int read_loras(const json_t *list, recipe *r) {
    size_t count = json_array_size(list);
    if (count > CLI_LORAS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        char *name = text_of(item, "name");
        if (!name || !*path_name(name)) {
            free(name);
            return 0;
        }
        /* A name, never a path: the file comes from outside. */
        r->loras[i] = cli_copy(path_name(name));
        free(name);
        r->strengths[i] = number_of(item, "strength", 0.6);
        r->lora_count++;
    }
    return 1;
}

static int take_values(const json_t *object, recipe *r) {
    const json_t *caption = json_object_get(object, "caption");
    r->caption =
        json_is_object(caption) ? json_dumps(caption, JSON_COMPACT) : text_of(object, "caption");
    r->preset = text_of(object, "preset");
    r->model = text_of(object, "model");
    r->format = text_of(object, "format");
    r->width = integer_of(object, "width", 0);
    r->height = integer_of(object, "height", 0);
    r->steps = integer_of(object, "steps", 0);
    r->guidance = number_of(object, "guidance", -1);
    r->seed = integer_of(object, "seed", -1);
    return r->caption && *r->caption && r->steps >= 0 && r->steps <= ID4_STEPS_MAX &&
           read_loras(json_object_get(object, "loras"), r);
}

int recipe_read(const char *path, recipe *r) {
    id4_bytes json;
    *r = (recipe){.guidance = -1, .seed = -1};
    if (!recipe_load(path, &json)) {
        return 0;
    }
    json_t *object = json_loadb((const char *)json.data, json.size, 0, NULL);
    id4_bytes_free(&json);
    int is_good = json_is_object(object) && take_values(object, r);
    json_decref(object);
    if (!is_good) {
        say_error("the recipe in %s is damaged or of another program", path);
    }
    return is_good;
}

void recipe_free(recipe *r) {
    free(r->caption);
    free(r->preset);
    free(r->model);
    free(r->format);
    for (size_t i = 0; i < r->lora_count; i++) {
        free(r->loras[i]);
    }
    *r = (recipe){0};
}
