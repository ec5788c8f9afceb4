/* Orders: the body of POST /v1/images/generations, field by field (docs/api.md 6), and its way into
 * the queue. */
#include "base/memory.h"
#include "gateway/events/events.h"
#include "gateway/openai/openai.h"
#include "gateway/queue/queue.h"
#include "http/wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BODY_BYTES = 4 << 20, LORAS = 16, LORA_NAME = 255 };

static const int64_t seed_max = 4294967295;

typedef struct reader {
    i4_gateway *gateway;
    const i4_settings *settings;
    const json_t *body; /* borrowed */
    i4_openai_order *order;
    i4_openai_fault *fault;
} reader;

/* --- fields -------------------------------------------------------------------------------- */

/* The clients send null for what was not set. */
static const json_t *field(const reader *r, const char *name) {
    const json_t *value = json_object_get(r->body, name);
    return json_is_null(value) ? NULL : value;
}

static bool wrong_type(const reader *r, const char *name, const char *wanted) {
    return i4_openai_fail(r->fault, I4_OPENAI_WRONG_TYPE, name, "'%s' must be %s", name, wanted);
}

/* *text NULL: absent. */
static bool read_text(const reader *r, const char *name, const char **text) {
    const json_t *value = field(r, name);
    *text = json_string_value(value);
    return !value || *text || wrong_type(r, name, "a text");
}

static bool read_bool(const reader *r, const char *name, bool *out) {
    const json_t *value = field(r, name);
    *out = json_is_true(value);
    return !value || json_is_boolean(value) || wrong_type(r, name, "true or false");
}

static bool read_count(const reader *r, const char *name, int min, int max, int *out) {
    const json_t *value = field(r, name);
    if (!value) {
        return true;
    }
    if (!json_is_integer(value)) {
        return wrong_type(r, name, "a whole number");
    }
    const json_int_t number = json_integer_value(value);
    if (number < min || number > max) {
        return i4_openai_fail(r->fault, I4_OPENAI_WRONG_VALUE, name,
                              "'%s' must be between %d and %d", name, min, max);
    }
    *out = (int)number;
    return true;
}

typedef struct choice {
    const char *name, *value;
} choice;

/* The value of the choice that was made, the first one's when none was. */
static bool read_choice(const reader *r, const char *name, const choice *choices,
                        const char **value) {
    const char *text;
    i4_buf list;
    if (!read_text(r, name, &text)) {
        return false;
    }
    *value = choices->value;
    if (!text) {
        return true;
    }
    i4_buf_init(&list, 256);
    for (const choice *c = choices; c->name; c++) {
        if (strcmp(text, c->name) == 0) {
            *value = c->value;
            i4_buf_free(&list);
            return true;
        }
        i4_buf_addf(&list, "%s%s", c == choices ? "" : ", ", c->name);
    }
    i4_openai_fail(r->fault, I4_OPENAI_WRONG_VALUE, name, "'%s' is '%.60s': it must be one of %s",
                   name, text, list.ptr ? list.ptr : "a few");
    i4_buf_free(&list);
    return false;
}

/* --- model and quality ----------------------------------------------------------------------- */

typedef struct model {
    const char *id, *preset; /* preset NULL: as quality says */
} model;

static const model models[] = {{"ideogram-4", NULL},
                               {"ideogram-4-turbo", "V4_TURBO_12"},
                               {"ideogram-4-default", "V4_DEFAULT_20"},
                               {"ideogram-4-quality", "V4_QUALITY_48"}};
enum { MODELS = sizeof models / sizeof *models };

const char *i4_openai_model(size_t index) {
    return index < MODELS ? models[index].id : NULL;
}

bool i4_openai_no_model(i4_openai_fault *fault, const char *id) {
    return i4_openai_fail(fault, I4_OPENAI_NO_MODEL, "model",
                          "there is no model '%.100s': GET /v1/models lists all", id);
}

static bool find_model(const reader *r, const model **found) {
    const char *id;
    *found = models;
    if (!read_text(r, "model", &id)) {
        return false;
    }
    for (size_t i = 0; id && i < MODELS; i++) {
        if (strcmp(id, models[i].id) == 0) {
            *found = &models[i];
            return true;
        }
    }
    return !id || i4_openai_no_model(r->fault, id);
}

static const char *quality_of(const char *preset) {
    return strcmp(preset, "V4_TURBO_12") == 0     ? "low"
           : strcmp(preset, "V4_DEFAULT_20") == 0 ? "medium"
                                                  : "high";
}

static bool read_quality(reader *r) {
    static const choice choices[] = {{"auto", NULL},
                                     {"low", "V4_TURBO_12"},
                                     {"medium", "V4_DEFAULT_20"},
                                     {"high", "V4_QUALITY_48"},
                                     {"standard", "V4_DEFAULT_20"},
                                     {"hd", "V4_QUALITY_48"},
                                     {0}};
    const model *asked;
    const char *preset;
    if (!find_model(r, &asked) || !read_choice(r, "quality", choices, &preset)) {
        return false;
    }
    preset = preset ? preset : asked->preset;
    r->order->preset = preset ? preset : r->settings->default_preset;
    r->order->quality = quality_of(r->order->preset);
    return true;
}

/* --- size ---------------------------------------------------------------------------------- */

static int64_t nearest(const i4_settings *s, int64_t side) {
    const int64_t unit = s->size_multiple;
    const int64_t low = (s->min_size + unit - 1) / unit * unit, high = s->max_size / unit * unit;
    const int64_t whole = side / unit * unit + (side % unit * 2 >= unit ? unit : 0);
    return whole < low ? low : whole > high ? high : whole;
}

/* Digits, at most six: *side 0 when there are none. Returns what follows. */
static const char *read_side(const char *text, int64_t *side) {
    *side = 0;
    for (int i = 0; i < 6 && *text >= '0' && *text <= '9'; i++, text++) {
        *side = *side * 10 + (*text - '0');
    }
    return text;
}

static bool read_size(reader *r) {
    const i4_settings *s = r->settings;
    const char *text;
    int64_t width, height;
    if (!read_text(r, "size", &text)) {
        return false;
    }
    if (!text || strcmp(text, "auto") == 0) {
        r->order->width = r->order->height = i4_own_side(r->gateway);
        return true;
    }
    const char *rest = read_side(text, &width);
    const char *end = *rest == 'x' ? read_side(rest + 1, &height) : rest;
    if (*rest != 'x' || *end != '\0' || width == 0 || height == 0) {
        return i4_openai_fail(r->fault, I4_OPENAI_WRONG_VALUE, "size",
                              "the size '%.40s' is not one like 1024x1024, nor auto", text);
    }
    r->order->width = nearest(s, width);
    r->order->height = nearest(s, height);
    return (r->order->width == width && r->order->height == height) ||
           i4_openai_fail(r->fault, I4_OPENAI_WRONG_VALUE, "size",
                          "the size %.40s is not possible here: sides are from %d to %d and "
                          "multiples of %d; the nearest size is %" PRId64 "x%" PRId64,
                          text, s->min_size, s->max_size, s->size_multiple, r->order->width,
                          r->order->height);
}

/* --- caption ------------------------------------------------------------------------------- */

static char *spaced_text(const json_t *value) {
    static const i4_wire_style spaced = {.comma = ", ", .colon = ": "};
    i4_buf out;
    i4_buf_init(&out, BODY_BYTES * 2);
    i4_wire_write(value, &spaced, &out);
    return i4_buf_take(&out, NULL);
}

static bool read_caption(reader *r) {
    const json_t *caption = field(r, "caption");
    const char *name = caption ? "caption" : "prompt", *text;
    if (json_is_object(caption)) {
        r->order->caption = spaced_text(caption);
    } else if (!read_text(r, name, &text)) {
        return caption ? wrong_type(r, name, "an object or a text") : false;
    } else if (!text) {
        return i4_openai_fail(r->fault, I4_OPENAI_MISSING, name, "say in 'prompt' what to draw");
    } else if (text[strspn(text, " \t\r\n")] == '\0') {
        return i4_openai_fail(r->fault, I4_OPENAI_WRONG_VALUE, name,
                              "'%s' is empty: say what to draw", name);
    } else {
        r->order->caption = i4_strdup(text);
    }
    if (!r->order->caption) {
        return i4_openai_fail(r->fault, I4_OPENAI_NO_MEMORY, NULL, "not enough memory; try again");
    }
    const size_t bytes = strlen(r->order->caption);
    return (int64_t)bytes <= r->settings->max_caption_bytes ||
           i4_openai_fail(r->fault, I4_OPENAI_WRONG_VALUE, name,
                          "'%s' has %zu bytes; at most %" PRId64 " are allowed", name, bytes,
                          r->settings->max_caption_bytes);
}

/* --- additions of ours --------------------------------------------------------------------- */

static bool read_seed(reader *r) {
    const json_t *value = field(r, "seed");
    r->order->seed = value ? json_integer_value(value) : -1;
    if (value && !json_is_integer(value)) {
        return wrong_type(r, "seed", "a whole number");
    }
    return !value || (r->order->seed >= 0 && r->order->seed <= seed_max - (r->order->count - 1)) ||
           i4_openai_fail(r->fault, I4_OPENAI_WRONG_VALUE, "seed",
                          "'seed' must be between 0 and %" PRId64 ", that of the last picture too",
                          seed_max);
}

static bool is_lora(const json_t *value) {
    const json_t *strength = json_object_get(value, "strength");
    const char *name = json_string_value(json_object_get(value, "name"));
    return name && name[0] && strlen(name) <= LORA_NAME && (!strength || json_is_number(strength));
}

static bool read_loras(reader *r) {
    const json_t *value = field(r, "loras");
    json_t *loras = json_array();
    bool is_good = json_is_array(value) && json_array_size(value) <= LORAS;
    for (size_t i = 0; is_good && i < json_array_size(value); i++) {
        json_t *item = json_array_get(value, i);
        const json_t *strength = json_object_get(item, "strength");
        is_good = is_lora(item);
        json_array_append_new(
            loras, json_pack("{s:O*, s:f}", "name", json_object_get(item, "name"), "strength",
                             strength ? json_number_value(strength) : r->settings->lora_strength));
    }
    r->order->loras = value && is_good ? i4_wire_text(loras) : NULL;
    json_decref(loras);
    if (value && !is_good) {
        return wrong_type(r, "loras", "a list of at most 16 {\"name\", \"strength\"}");
    }
    return !value || r->order->loras ||
           i4_openai_fail(r->fault, I4_OPENAI_NO_MEMORY, NULL, "not enough memory; try again");
}

/* --- the whole ----------------------------------------------------------------------------- */

static bool read_form(reader *r) {
    static const choice formats[] = {{"png", "png"}, {"webp", "webp"}, {"jpeg", "jpeg"}, {0}};
    static const choice answers[] = {{"b64_json", NULL}, {"url", "url"}, {0}};
    const char *answer = NULL;
    if (!read_choice(r, "response_format", answers, &answer) ||
        !read_choice(r, "output_format", formats, &r->order->format) ||
        !read_bool(r, "stream", &r->order->is_stream) ||
        !read_count(r, "partial_images", 0, 3, &r->order->partials)) {
        return false;
    }
    r->order->wants_url = answer != NULL;
    return true;
}

static bool read_body(const char *body, size_t size, json_t **value, i4_openai_fault *fault) {
    json_error_t error;
    if (size > BODY_BYTES) {
        return i4_openai_fail(fault, I4_OPENAI_TOO_LARGE, NULL,
                              "the body has more than the %d bytes that are accepted here",
                              BODY_BYTES);
    }
    switch (i4_wire_read(body, size, value, &error)) {
    case I4_WIRE_OK:
        return json_is_object(*value) ||
               i4_openai_fail(fault, I4_OPENAI_NO_JSON, NULL, "the body is no JSON object");
    case I4_WIRE_MEMORY:
        return i4_openai_fail(fault, I4_OPENAI_NO_MEMORY, NULL, "not enough memory; try again");
    default:
        return i4_openai_fail(fault, I4_OPENAI_NO_JSON, NULL, "the body is no JSON: %s",
                              error.text);
    }
}

bool i4_openai_read(i4_gateway *gateway, const char *body, size_t size, i4_openai_order *order,
                    i4_openai_fault *fault) {
    json_t *value = NULL;
    *order = (i4_openai_order){.count = 1};
    if (!read_body(body, size, &value, fault)) {
        json_decref(value);
        return false;
    }
    reader r = {gateway, gateway->settings, value, order, fault};
    const bool is_good = read_caption(&r) && read_quality(&r) &&
                         read_count(&r, "n", 1, I4_OPENAI_PICTURES, &order->count) &&
                         read_size(&r) && read_form(&r) && read_seed(&r) && read_loras(&r);
    json_decref(value);
    return is_good;
}

void i4_openai_order_free(i4_openai_order *order) {
    i4_free(order->caption);
    i4_free(order->loras);
    *order = (i4_openai_order){0};
}

/* --- into the queue ------------------------------------------------------------------------ */

static bool take_ids(const json_t *rows, int count, int64_t *ids) {
    for (int i = 0; i < count; i++) {
        const json_t *id = json_object_get(json_array_get(rows, (size_t)i), "id");
        if (!json_is_integer(id)) {
            return false;
        }
        ids[i] = json_integer_value(id);
    }
    return true;
}

bool i4_openai_add(i4_gateway *gateway, const i4_openai_order *order,
                   int64_t ids[I4_OPENAI_PICTURES], i4_openai_fault *fault) {
    i4_new_job jobs[I4_OPENAI_PICTURES];
    i4_err err = {0};
    json_t *rows = NULL;
    int64_t pending = 0;
    for (int i = 0; i < order->count; i++) {
        jobs[i] = (i4_new_job){.origin = "openai",
                               .caption = order->caption,
                               .preset = order->preset,
                               .format = order->format,
                               .loras_json = order->loras,
                               .width = order->width,
                               .height = order->height,
                               .seed = order->seed < 0 ? -1 : order->seed + i,
                               .prompt_id = -1,
                               .repeat = 1};
    }
    const i4_queue_result result =
        i4_queue_add(gateway->queue, jobs, (size_t)order->count, false, &rows, &pending, &err);
    const bool is_added = result == I4_QUEUE_OK && take_ids(rows, order->count, ids);
    json_decref(rows);
    if (result == I4_QUEUE_FULL) {
        return i4_openai_fail(fault, I4_OPENAI_QUEUE_FULL, NULL,
                              "the queue is full: %" PRId64 " pictures wait; try again later",
                              pending);
    }
    return is_added || i4_openai_fail(fault, I4_OPENAI_FAILED, NULL, "%s",
                                      err.text[0] ? err.text : "the queue took no job");
}
