/* From what a language model wrote to a caption (docs/http-api.md 8.6, steps 3 to 8): find the
 * object in the text, mend the usual slips of style keys, put keys in their order, verify. */
#include "gateway/magic/magic.h"

#include "base/memory.h"
#include "http/wire.h"

#include <string.h>

static const char *const blanks = " \t\r\n\v\f";

/* --- the object in the text ----------------------------------------------------------------- */

static i4_str trimmed(i4_str s) {
    while (s.len > 0 && strchr(blanks, s.ptr[0])) {
        s = i4_str_of(s.ptr + 1, s.len - 1);
    }
    while (s.len > 0 && strchr(blanks, s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

static i4_str without_fence(i4_str s) {
    s = trimmed(s);
    if (!i4_str_starts(s, "```")) {
        return s;
    }
    const char *line_end = memchr(s.ptr, '\n', s.len);
    if (!line_end) {
        return s;
    }
    const size_t first = (size_t)(line_end - s.ptr) + 1;
    s = i4_str_of(s.ptr + first, s.len - first);
    size_t last = s.len;
    while (last > 0 && s.ptr[last - 1] != '\n') {
        last--;
    }
    if (i4_str_is(trimmed(i4_str_of(s.ptr + last, s.len - last)), "```")) {
        s.len = last;
    }
    return trimmed(s);
}

/* The first balanced {...}; empty when there is none. Braces inside strings do not count. */
static i4_str first_object(i4_str s) {
    const char *start = s.len > 0 ? memchr(s.ptr, '{', s.len) : NULL;
    if (!start) {
        return i4_str_of(s.ptr, 0);
    }
    size_t depth = 0;
    bool in_string = false;
    for (const char *p = start; p < s.ptr + s.len; p++) {
        if (in_string) {
            if (*p == '\\') {
                p++; /* whatever follows does not end the string */
            } else {
                in_string = *p != '"';
            }
        } else if (*p == '"') {
            in_string = true;
        } else if (*p == '{') {
            depth++;
        } else if (*p == '}' && --depth == 0) {
            return i4_str_of(start, (size_t)(p - start) + 1);
        }
    }
    return i4_str_of(s.ptr, 0);
}

/* --- mending ------------------------------------------------------------------------------- */

static bool rename_key(json_t *object, const char *from, const char *to) {
    json_t *value = json_object_get(object, from);
    if (!value || json_object_get(object, to)) {
        return true;
    }
    return json_object_set(object, to, value) == 0 && json_object_del(object, from) == 0;
}

static bool rename_keys(json_t *style) {
    static const struct {
        const char *from, *to;
    } slips[] = {{"Photo", "photo"},
                 {"camera", "photo"},
                 {"Camera", "photo"},
                 {"camera_lens", "photo"},
                 {"lens", "photo"},
                 {"Art Style", "art_style"},
                 {"art style", "art_style"},
                 {"artStyle", "art_style"},
                 {"style", "art_style"},
                 {"Color Palette", "color_palette"},
                 {"color palette", "color_palette"},
                 {"palette", "color_palette"}};
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        if (!rename_key(style, slips[i].from, slips[i].to)) {
            return false;
        }
    }
    return true;
}

/* A copy with ASCII letters in one case, and blanks as underscores if wanted. */
static json_t *recased(i4_str s, bool upper, bool underscores) {
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX / 2);
    i4_buf_adds(&text, "");
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        const bool is_other_case = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        i4_buf_addc(&text, is_other_case ? (char)(c ^ 0x20) : underscores && c == ' ' ? '_' : c);
    }
    json_t *value = text.failed ? NULL : json_stringn(text.ptr, text.len);
    i4_buf_free(&text);
    return value;
}

static i4_str slice(const json_t *string) {
    return i4_str_of(json_string_value(string), json_string_length(string));
}

static bool mend_medium(json_t *style) {
    const json_t *medium = json_object_get(style, "medium");
    return !json_is_string(medium) ||
           json_object_set_new(style, "medium", recased(trimmed(slice(medium)), false, true)) == 0;
}

/* "#aabbcc, #ddeeff" as a list. */
static json_t *split_colors(i4_str text) {
    json_t *list = json_array();
    while (list && text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        const size_t size = comma ? (size_t)(comma - text.ptr) : text.len;
        const i4_str entry = trimmed(i4_str_of(text.ptr, size));
        if (entry.len > 0 && json_array_append_new(list, json_stringn(entry.ptr, entry.len)) != 0) {
            json_decref(list);
            return NULL;
        }
        const size_t used = size + (comma != NULL);
        text = i4_str_of(text.ptr + used, text.len - used);
    }
    return list;
}

static bool mend_palette(json_t *style) {
    json_t *palette = json_object_get(style, "color_palette");
    if (json_is_string(palette) &&
        json_object_set_new(style, "color_palette", split_colors(slice(palette))) != 0) {
        return false;
    }
    palette = json_object_get(style, "color_palette");
    for (size_t i = 0; i < json_array_size(palette); i++) {
        const json_t *color = json_array_get(palette, i);
        if (json_is_string(color) &&
            json_array_set_new(palette, i, recased(slice(color), true, false)) != 0) {
            return false;
        }
    }
    return true;
}

/* --- order of keys ------------------------------------------------------------------------- */

/* The keys of `order` first, in that order, then the others as they are. */
static bool reorder(json_t *object, const char *const *order) {
    json_t *sorted = json_object();
    bool is_done = sorted != NULL;
    for (; is_done && *order; order++) {
        json_t *value = json_object_get(object, *order);
        is_done = !value || json_object_set(sorted, *order, value) == 0;
    }
    is_done = is_done && json_object_update_missing(sorted, object) == 0 &&
              json_object_clear(object) == 0 && json_object_update(object, sorted) == 0;
    json_decref(sorted);
    return is_done;
}

static bool mend_style(json_t *style) {
    static const char *const with_photo[] = {"aesthetics", "lighting",      "photo",
                                             "medium",     "color_palette", NULL};
    static const char *const with_art[] = {"aesthetics", "lighting",      "medium",
                                           "art_style",  "color_palette", NULL};
    return !json_is_object(style) ||
           (rename_keys(style) && mend_medium(style) && mend_palette(style) &&
            reorder(style, json_object_get(style, "photo") ? with_photo : with_art));
}

/* bbox goes even when a layout was asked for (K13). */
static bool mend_element(json_t *element) {
    static const char *const order[] = {"type", "text", "desc", "color_palette", NULL};
    if (!json_is_object(element)) {
        return true;
    }
    (void)json_object_del(element, "bbox");
    return reorder(element, order);
}

static bool mend_composition(json_t *composition) {
    static const char *const order[] = {"background", "elements", NULL};
    const json_t *elements = json_object_get(composition, "elements");
    for (size_t i = 0; i < json_array_size(elements); i++) {
        if (!mend_element(json_array_get(elements, i))) {
            return false;
        }
    }
    return !composition || reorder(composition, order);
}

/* --- all of it ----------------------------------------------------------------------------- */

static json_t *parse_object(i4_str text, i4_err *err) {
    json_t *caption = NULL;
    json_error_t why;
    const i4_wire_result result = i4_wire_read(text.ptr, text.len, &caption, &why);
    if (result == I4_WIRE_MEMORY) {
        i4_fail_memory(err, "the caption", text.len);
    } else if (result != I4_WIRE_OK) {
        i4_fail(err, I4_E_FORMAT, "the answer is not valid JSON: %s (character %d of the object)",
                why.text, why.position);
    }
    return caption;
}

static bool verify(const json_t *caption, json_t **messages, i4_err *err) {
    *messages = i4_verify(caption);
    if (!*messages) {
        return i4_fail_memory(err, "the verifier", 0);
    }
    return json_array_size(*messages) == 0 ||
           i4_fail(err, I4_E_FORMAT, "the answer is no valid caption");
}

static bool mend(json_t *caption, i4_err *err) {
    json_t *composition = json_object_get(caption, "compositional_deconstruction");
    if (composition && !json_is_object(composition)) {
        return i4_fail(err, I4_E_FORMAT, "compositional_deconstruction is not an object");
    }
    (void)json_object_del(caption, "aspect_ratio");
    return (mend_style(json_object_get(caption, "style_description")) &&
            mend_composition(composition)) ||
           i4_fail_memory(err, "the caption", 0);
}

json_t *i4_magic_caption(const char *text, json_t **messages, i4_err *err) {
    *messages = NULL;
    const i4_str object = first_object(without_fence(i4_str_c(text)));
    if (object.len == 0) {
        i4_fail(err, I4_E_FORMAT, "the answer holds no complete JSON object");
        return NULL;
    }
    json_t *caption = parse_object(object, err);
    if (caption && (!mend(caption, err) || !verify(caption, messages, err))) {
        json_decref(caption);
        caption = NULL;
    }
    return caption;
}
