/* The editor's form made from a caption: what the original's page and ours store as form_json
 * (webui of the original: cp a list joined by commas, boxes as texts), with the exact caption
 * beside. */
#include "base/memory.h"
#include "gateway/queue/inside.h"
#include "http/wire.h"

#include <stdio.h>
#include <string.h>

enum { HLD_BYTES = 2000 }; /* of a description that was taken from the caption */

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The items of a list as one text. */
static json_t *joined(const json_t *list, const char *comma) {
    i4_buf text;
    i4_buf_init(&text, 1 << 20);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        i4_buf_adds(&text, i > 0 ? comma : "");
        if (json_is_string(item)) {
            i4_buf_adds(&text, json_string_value(item));
        } else {
            i4_wire_write(item, NULL, &text);
        }
    }
    json_t *value = text.failed ? NULL : json_string(text.ptr ? text.ptr : "");
    i4_buf_free(&text);
    return value;
}

static json_t *element(const json_t *said, size_t number) {
    const bool is_text = strcmp(text_of(said, "type"), "text") == 0;
    return json_pack("{s:o, s:s, s:s, s:o, s:s}", "id", json_sprintf("e%zu", number), "type",
                     is_text ? "text" : "obj", "text", text_of(said, "text"), "bbox",
                     joined(json_object_get(said, "bbox"), ","), "desc", text_of(said, "desc"));
}

static json_t *elements(const json_t *said) {
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(said); i++) {
        if (json_is_object(json_array_get(said, i))) {
            json_array_append_new(list, element(json_array_get(said, i), i + 1));
        }
    }
    if (json_array_size(list) == 0) {
        json_array_append_new(list, element(NULL, 1));
    }
    return list;
}

static json_t *form_of(const i4_new_job *job, int64_t seed, const json_t *caption,
                       const char *hld) {
    const json_t *style = json_object_get(caption, "style_description");
    const json_t *parts = json_object_get(caption, "compositional_deconstruction");
    const char *camera = text_of(style, "photo");
    const char *medium = text_of(style, "medium");
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:s, s:o, s:s, s:s}",
                     "hld", hld, "aes", text_of(style, "aesthetics"), "light",
                     text_of(style, "lighting"), "cam",
                     camera[0] ? camera : text_of(style, "art_style"), "bg",
                     text_of(parts, "background"), "med", medium[0] ? medium : "photograph", "cp",
                     joined(json_object_get(style, "color_palette"), ", "), "els",
                     elements(json_object_get(parts, "elements")), "w", (json_int_t)job->width, "h",
                     (json_int_t)job->height, "preset", job->preset, "seed",
                     json_sprintf("%lld", (long long)seed), "format", job->format, "rawJson",
                     caption ? job->caption : "");
}

/* At most HLD_BYTES, whole characters: every event about a job has it. */
static char *cut(const char *text) {
    const size_t length = strlen(text);
    size_t size = length < HLD_BYTES ? length : HLD_BYTES;
    while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80) {
        size--;
    }
    char *copy = i4_malloc(size + 1);
    if (copy) {
        memcpy(copy, text, size);
        copy[size] = '\0';
    }
    return copy;
}

bool i4_form_make(const i4_new_job *job, int64_t seed, char **form_json, char **hld) {
    json_t *caption = NULL;
    (void)i4_wire_read(job->caption, strlen(job->caption), &caption, NULL);
    if (!json_is_object(caption)) { /* a plain prompt describes itself */
        json_decref(caption);
        caption = NULL;
    }
    const char *said = job->hld  ? job->hld
                       : caption ? text_of(caption, "high_level_description")
                                 : job->caption;
    json_t *form = form_of(job, seed, caption, said);
    *form_json = form ? i4_wire_text(form) : NULL;
    *hld = job->hld ? i4_strdup(said) : cut(said);
    json_decref(form);
    json_decref(caption);
    return *form_json && *hld;
}
