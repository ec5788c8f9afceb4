/* Recipes: out of files, rows, forms, and what a search found. */
#include "gateway/library/recipe.h"
#include "gateway/library/find.h"

#include "base/memory.h"
#include "gateway/db/tags.h"
#include "http/wire.h"
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

/* --- a recipe -------------------------------------------------------------------------------- */

static const char *const recipe_keys[] = {"caption", "caption_text", "width",   "height",
                                          "preset",  "steps",        "seed",    "loras",
                                          "model",   "program",      "seconds", "source"};
enum { RECIPE_KEYS = sizeof recipe_keys / sizeof *recipe_keys };

static void set(json_t *recipe, const char *key, json_t *value) {
    json_object_set(recipe, key, value ? value : json_null());
}

static json_t *empty_recipe(const char *source) {
    json_t *recipe = json_object();
    for (int i = 0; i < RECIPE_KEYS; i++) {
        set(recipe, recipe_keys[i], NULL);
    }
    json_object_set_new(recipe, "source", source ? json_string(source) : json_null());
    return recipe;
}

/* A caption as it was sent, and the value of it: an object, or the text of a plain prompt. */
static void set_caption_text(json_t *recipe, json_t *text) {
    json_t *value = NULL;
    i4_find s;
    i4_find_begin(&s);
    const i4_str said = i4_str_of(json_string_value(text), json_string_length(text));
    if (i4_str_starts(i4_find_trim(said), "{") && said.len <= I4_FIND_BYTES) {
        value = i4_find_parse(&s, i4_find_trim(said));
    }
    i4_find_end(&s);
    set(recipe, "caption_text", text);
    set(recipe, "caption", json_is_object(value) ? value : text);
    json_decref(value);
}

static void set_caption(json_t *recipe, json_t *caption) {
    static const i4_wire_style spaced = {.comma = ", ", .colon = ": "};
    i4_buf text;
    i4_buf_init(&text, 2 * (size_t)I4_FIND_BYTES);
    i4_wire_write(caption, &spaced, &text);
    set(recipe, "caption", caption);
    if (!text.failed) {
        json_object_set_new(recipe, "caption_text", json_stringn(text.ptr, text.len));
    }
    i4_buf_free(&text);
}

/* 0 steps are those of the preset, which its name ends with. */
static void set_steps(json_t *recipe, const json_t *said) {
    const char *preset = json_string_value(json_object_get(recipe, "preset"));
    const char *tail = preset ? strrchr(preset, '_') : NULL;
    int64_t steps = json_integer_value(said);
    if (steps <= 0 && tail) {
        steps = strtol(tail + 1, NULL, 10);
    }
    json_object_set_new(recipe, "steps", steps > 0 ? json_integer(steps) : json_null());
}

static bool is_of_kind(const char *key, const json_t *value) {
    const bool is_text = json_is_string(value);
    if (strcmp(key, "width") == 0 || strcmp(key, "height") == 0) {
        return json_is_integer(value);
    }
    if (strcmp(key, "seed") == 0) {
        return json_is_integer(value) || is_text;
    }
    if (strcmp(key, "loras") == 0) {
        return json_is_array(value);
    }
    return strcmp(key, "seconds") == 0 ? json_is_number(value) : is_text;
}

/* Takes over what has the type that it should have. */
static void set_known(json_t *recipe, const json_t *said) {
    static const char *const known[] = {"width", "height", "preset",  "seed",
                                        "loras", "model",  "program", "seconds"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        json_t *value = json_object_get(said, known[i]);
        if (is_of_kind(known[i], value)) {
            json_object_set(recipe, known[i], value);
        }
    }
    set_steps(recipe, json_object_get(said, "steps"));
}

/* Of what this program writes into pictures (src/pipeline/recipe.h). */
static json_t *recipe_of_object(const json_t *said, const char *source) {
    json_t *caption = json_object_get(said, "caption");
    json_t *text = json_object_get(said, "caption_text");
    json_t *recipe = empty_recipe(source);
    if (json_is_string(text) || json_is_string(caption)) {
        set_caption_text(recipe, json_is_string(text) ? text : caption);
    } else if (json_is_object(caption)) {
        set_caption(recipe, caption);
    }
    set_known(recipe, said);
    return recipe;
}

static bool is_recipe(const json_t *value) {
    const json_t *caption = json_object_get(value, "caption");
    return (json_is_string(caption) || json_is_object(caption)) &&
           json_is_string(json_object_get(value, "preset")) &&
           json_is_integer(json_object_get(value, "width"));
}

json_t *i4_recipe_of_file(const uint8_t *bytes, size_t size, i4_err *err) {
    i4_pairs pairs = {0};
    if (!i4_image_text(bytes, size, &pairs, err)) {
        return NULL;
    }
    const char *text = i4_pairs_get(&pairs, "ideogram4");
    i4_find s;
    i4_find_begin(&s);
    json_t *said = text ? i4_find_parse(&s, i4_str_c(text)) : NULL;
    i4_find_end(&s);
    json_t *recipe = NULL;
    if (json_is_object(said)) {
        recipe = recipe_of_object(said, "file");
    } else {
        i4_fail(err, text ? I4_E_FORMAT : I4_E_NOT_FOUND, "%s",
                text ? "the recipe in this picture is damaged" : "this picture carries no recipe");
    }
    json_decref(said);
    i4_pairs_free(&pairs);
    return recipe;
}

/* --- from a row ------------------------------------------------------------------------------ */

static void add_text(json_t *to, const char *key, const json_t *form, const char *from) {
    json_t *text = json_object_get(form, from);
    if (json_string_length(text) > 0) {
        json_object_set(to, key, text);
    }
}

/* "1,2,3,4" as a list of whole numbers; NULL if it is something else. */
static json_t *box_of(const char *text) {
    json_t *box = json_array();
    for (int i = 0; text && i < 4; i++) {
        char *end;
        json_array_append_new(box, json_integer(strtol(text, &end, 10)));
        text = end == text              ? NULL
               : i < 3 && *end == ','   ? end + 1
               : i == 3 && *end == '\0' ? end
                                        : NULL;
    }
    if (!text) {
        json_decref(box);
        return NULL;
    }
    return box;
}

static json_t *elements_of(const json_t *form) {
    const json_t *said = json_object_get(form, "els");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(said); i++) {
        const json_t *one = json_array_get(said, i);
        json_t *element = json_object();
        add_text(element, "type", one, "type");
        json_t *box = box_of(json_string_value(json_object_get(one, "bbox")));
        if (box) {
            json_object_set_new(element, "bbox", box);
        }
        add_text(element, "text", one, "text");
        add_text(element, "desc", one, "desc");
        json_array_append_new(list, element);
    }
    return list;
}

/* The caption that the editor's form stands for, in the order of keys that the model knows. */
static json_t *caption_of_form(const json_t *form) {
    const char *medium = json_string_value(json_object_get(form, "med"));
    const bool is_photo = !medium || strcmp(medium, "photograph") == 0;
    json_t *caption = json_object(), *style = json_object();
    add_text(caption, "high_level_description", form, "hld");
    add_text(style, "aesthetics", form, "aes");
    add_text(style, "lighting", form, "light");
    if (is_photo) {
        add_text(style, "photo", form, "cam");
    }
    add_text(style, "medium", form, "med");
    if (!is_photo) {
        add_text(style, "art_style", form, "cam");
    }
    json_t *background = json_object_get(form, "bg");
    json_object_set_new(caption, "style_description", style);
    json_object_set_new(caption, i4_caption_mark,
                        json_pack("{s:O,s:o}", "background",
                                  json_is_string(background) ? background : json_null(), "elements",
                                  elements_of(form)));
    return caption;
}

static void set_caption_of_form(json_t *recipe, const char *text) {
    i4_find s;
    i4_find_begin(&s);
    json_t *form = NULL;
    if (text) {
        i4_find_text(&s, i4_str_c(text));
        form = s.caption ? NULL : i4_find_parse(&s, i4_str_c(text));
    }
    if (s.caption) {
        set_caption(recipe, s.caption);
    } else if (json_is_array(json_object_get(form, "els"))) {
        json_t *caption = caption_of_form(form);
        set_caption(recipe, caption);
        json_decref(caption);
    }
    json_decref(form);
    i4_find_end(&s);
}

json_t *i4_recipe_of_row(const json_t *row) {
    json_t *recipe = empty_recipe("row");
    json_t *sent = json_object_get(row, "job_caption");
    set_known(recipe, row);
    if (json_is_string(sent)) {
        set_caption_text(recipe, sent);
    } else {
        set_caption_of_form(recipe, json_string_value(json_object_get(row, "form_json")));
    }
    json_t *hld = json_object_get(row, "hld");
    if (json_is_null(json_object_get(recipe, "caption")) && json_string_length(hld) > 0) {
        set(recipe, "caption_text", hld);
        set(recipe, "caption", hld);
    }
    json_object_set_new(recipe, "loras", i4_lora_list(row));
    return recipe;
}

/* --- import ---------------------------------------------------------------------------------- */

/* Takes the recipe. */
static json_t *imported(json_t *recipe, const char *kind, json_t *repaired) {
    json_t *answer = json_pack("{s:s,s:O}", "kind", kind, "repaired", repaired);
    json_object_update(answer, recipe);
    json_decref(recipe);
    return answer;
}

static json_t *answer_of(const i4_find *s, const char *source) {
    if (s->around && s->around != s->caption && is_recipe(s->around)) {
        return imported(recipe_of_object(s->around, source), "ideogram4", s->repaired);
    }
    json_t *recipe = empty_recipe(source);
    set_caption(recipe, s->caption);
    return imported(recipe, s->around == s->caption && !source ? "caption" : "foreign",
                    s->repaired);
}

static json_t *import_picture(const uint8_t *bytes, size_t size, i4_err *err) {
    i4_err why = {0};
    i4_find s;
    i4_pairs pairs = {0};
    json_t *answer = NULL;
    i4_find_begin(&s);
    json_t *recipe = i4_recipe_of_file(bytes, size, &why);
    if (recipe) {
        answer = imported(recipe, "ideogram4", s.repaired);
    } else if (why.status == I4_E_OUT_OF_MEMORY) {
        i4_fail(err, why.status, "%s", why.text);
    } else if (i4_image_foreign(bytes, size, &pairs, err)) {
        for (size_t i = 0; i < pairs.count && !s.caption; i++) {
            const i4_str value = i4_str_c(pairs.value[i]);
            if (strcmp(pairs.key[i], "XMP") == 0) {
                i4_find_xml(&s, value);
            } else {
                i4_find_text(&s, value);
            }
        }
        if (s.caption) {
            answer = answer_of(&s, "file");
        } else {
            i4_fail(err, I4_E_NOT_FOUND, "there is no recipe in this picture");
        }
    }
    i4_pairs_free(&pairs);
    i4_find_end(&s);
    return answer;
}

/* A recipe of ours whose caption is a plain prompt has no i4_caption_mark to be found by. */
static json_t *import_plain(i4_find *s, i4_str text) {
    json_t *value = i4_str_starts(text, "{") ? i4_find_parse(s, text) : NULL;
    json_t *answer = NULL;
    if (is_recipe(value)) {
        answer = imported(recipe_of_object(value, NULL), "ideogram4", s->repaired);
    }
    json_decref(value);
    return answer;
}

static json_t *import_text(i4_str text, i4_err *err) {
    if (text.len > I4_FIND_BYTES) {
        i4_fail(err, I4_E_UNSUPPORTED, "the text has %zu bytes; at most %d are read", text.len,
                I4_FIND_BYTES);
        return NULL;
    }
    if (!i4_utf8_valid(text)) {
        i4_fail(err, I4_E_FORMAT, "this is neither a PNG, WebP or JPEG picture nor JSON text");
        return NULL;
    }
    i4_find s;
    i4_find_begin(&s);
    i4_find_text(&s, text);
    json_t *answer = s.caption ? answer_of(&s, NULL) : import_plain(&s, i4_find_trim(text));
    if (!answer) {
        i4_fail(err, I4_E_NOT_FOUND,
                "there is no caption in this text: it needs an object with "
                "\"compositional_deconstruction\"");
    }
    i4_find_end(&s);
    return answer;
}

static bool is_picture(i4_str bytes) {
    return i4_str_starts(bytes, "\x89PNG") || i4_str_starts(bytes, "\xff\xd8\xff") ||
           i4_str_starts(bytes, "RIFF");
}

json_t *i4_recipe_import(const char *bytes, size_t size, i4_err *err) {
    const i4_str all = i4_str_of(bytes, size);
    return is_picture(all) ? import_picture((const uint8_t *)bytes, size, err)
                           : import_text(all, err);
}
