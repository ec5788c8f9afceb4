/* What this machine can do (docs/api.md 5), so that no page has to know it beforehand. */
#include "base/memory.h"
#include "base/sha256.h"
#include "gateway/events/estimate.h"
#include "gateway/events/inside.h"
#include "gateway/outside.h"
#include "gateway/upscale/upscale.h"
#include "http/wire.h"

#include <stdio.h>
#include <string.h>

enum {
    DEMO_SIDE = 256,
    FULL_SIDE = 1024,
    PALETTE = 16, /* colours of a caption, and of one element */
    ELEMENT_PALETTE = 5,
    LORAS = 16, /* of a job, and so many copies of one at once: what the queue takes */
    COPIES = 1000
};

/* --- the model ----------------------------------------------------------------------------- */

/* What the daemon says, else what the settings make it take. */
static bool is_demo(const i4_settings *s, const json_t *status) {
    const json_t *said = json_object_get(status, "demo");
    const char *path = json_string_value(json_object_get(status, "model_path"));
    if (json_is_boolean(said)) {
        return json_is_true(said);
    }
    if (s->has_model || !s->demo_model[0]) {
        return false;
    }
    return path && path[0] ? strcmp(path, s->demo_model) == 0 : true;
}

/* The last part of a repository's name or of a path. */
static const char *last_part(const char *text) {
    const char *slash = strrchr(text, '/');
    return slash && slash[1] ? slash + 1 : text;
}

static json_t *precision_of(const json_t *status) {
    const json_t *said = json_object_get(status, "precision");
    const json_int_t bits = json_integer_value(json_object_get(status, "quantization_bits"));
    if (json_is_string(said)) {
        return json_incref((json_t *)said);
    }
    return bits > 0 ? json_sprintf("%d-bit", (int)bits) : json_null();
}

/* status NULL: the daemon is away. */
static json_t *model_json(const i4_settings *s, const json_t *status) {
    const bool demo = is_demo(s, status);
    const char *state = json_string_value(json_object_get(status, "state"));
    const char *name = demo               ? "Demo model"
                       : s->model_path[0] ? last_part(s->model_path)
                                          : last_part(s->model_repo);
    const bool has_repo = !demo && !s->model_path[0] && s->model_repo[0];
    return json_pack("{s:o, s:s, s:b, s:o, s:o}", "name", json_string(name), "state",
                     state ? state : "unreachable", "demo", demo, "precision", precision_of(status),
                     "repository", has_repo ? json_string(s->model_repo) : json_null());
}

/* --- sizes and formats --------------------------------------------------------------------- */

static json_int_t native_side(const i4_settings *s, const json_t *status) {
    const json_t *said = json_object_get(status, "default_side");
    return json_is_integer(said) ? json_integer_value(said)
           : is_demo(s, status)  ? DEMO_SIDE
                                 : FULL_SIDE;
}

/* The model's own side, within what is allowed here. */
static json_int_t own_side(const i4_settings *s, const json_t *status) {
    json_int_t side = native_side(s, status);
    side = side > s->max_size ? s->max_size : side;
    side -= side % s->size_multiple;
    while (side < s->min_size) {
        side += s->size_multiple;
    }
    return side;
}

int64_t i4_own_side(i4_gateway *gateway) {
    json_t *status = i4_daemon_model(gateway);
    const int64_t side = own_side(gateway->settings, status);
    json_decref(status);
    return side;
}

static json_t *size_json(const i4_settings *s, const json_t *status) {
    const json_int_t side = native_side(s, status);
    return json_pack("{s:i, s:i, s:i, s:I, s:I}", "min", s->min_size, "max", s->max_size,
                     "multiple", s->size_multiple, "default", own_side(s, status), "pixels",
                     side * side);
}

static json_t *presets_json(void) {
    json_t *list = json_array();
    for (int i = 0; i < I4_PRESETS; i++) {
        const i4_preset_facts *p = &i4_presets[i];
        json_array_append_new(list, json_pack("{s:s, s:i, s:s}", "name", p->name, "steps", p->steps,
                                              "label", p->label));
    }
    return list;
}

static json_t *formats_json(const i4_settings *s) {
    return json_pack("[{s:s, s:b, s:n}, {s:s, s:b, s:i}, {s:s, s:b, s:i}]", "name", "png",
                     "lossless", 1, "quality", "name", "webp", "lossless", 0, "quality",
                     s->quality_webp, "name", "jpeg", "lossless", 0, "quality", s->quality_jpeg);
}

/* --- the rest ------------------------------------------------------------------------------ */

static json_t *defaults_json(const i4_settings *s) {
    return json_pack("{s:s, s:s, s:I}", "preset", s->default_preset, "format", s->default_format,
                     "seed", (json_int_t)s->default_seed);
}

static json_t *limits_json(const i4_settings *s) {
    return json_pack("{s:I, s:i, s:i, s:i, s:i, s:i}", "caption_bytes",
                     (json_int_t)s->max_caption_bytes, "queue", s->queue_limit, "palette", PALETTE,
                     "element_palette", ELEMENT_PALETTE, "loras", LORAS, "batch",
                     s->queue_limit < COPIES ? s->queue_limit : COPIES);
}

static json_t *features_json(const i4_settings *s) {
    i4_upscale_tools tools;
    i4_upscale_look(s, &tools);
    return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "queue", 1, "preview", 1,
                     "thumbs", 1, "trash", 1, "tags", 1, "upscale", tools.error == NULL,
                     "magic_prompt", s->magic.enabled, "lora", 1, "openai", 1);
}

static json_t *capabilities_json(const i4_settings *s, const json_t *status) {
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", I4_VERSION, "model",
                     model_json(s, status), "size", size_json(s, status), "presets", presets_json(),
                     "formats", formats_json(s), "defaults", defaults_json(s), "limits",
                     limits_json(s), "features", features_json(s));
}

/* --- the route ----------------------------------------------------------------------------- */

static void name_text(const char *text, char etag[I4_SHA256_HEX_BYTES + 2]) {
    i4_sha256 sum;
    uint8_t digest[I4_SHA256_BYTES];
    char hex[I4_SHA256_HEX_BYTES];
    i4_sha256_begin(&sum);
    i4_sha256_add(&sum, text, strlen(text));
    i4_sha256_end(&sum, digest);
    i4_sha256_hex(digest, hex);
    snprintf(etag, I4_SHA256_HEX_BYTES + 2, "\"%.32s\"", hex);
}

/* If-None-Match: a list of tags, weak ones too, or "*". */
static bool is_known(i4_http_request *request, const char *etag) {
    const char *known = i4_req_header(request, "If-None-Match");
    return known && (strcmp(known, "*") == 0 || strstr(known, etag));
}

void i4_answer_capabilities(i4_http_request *request, i4_http_reply *reply, void *user) {
    i4_gateway *gateway = user;
    char etag[I4_SHA256_HEX_BYTES + 2];
    json_t *status = i4_daemon_model(gateway);
    json_t *value = capabilities_json(gateway->settings, status);
    char *text = value ? i4_wire_text(value) : NULL;
    json_decref(value);
    json_decref(status);
    if (!text) {
        i4_reply_json(reply, 200, NULL);
        return;
    }
    name_text(text, etag);
    i4_reply_header(reply, "ETag", etag);
    i4_reply_header(reply, "Cache-Control", "no-cache");
    if (is_known(request, etag)) {
        i4_reply_text(reply, 304, "application/json", "");
    } else {
        i4_reply_text(reply, 200, "application/json", text);
    }
    i4_free(text);
}
