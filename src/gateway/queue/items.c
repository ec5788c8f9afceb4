/* What a client may ask to be drawn: the fields of an item (docs/api.md 1.3), checked. */
#include "base/memory.h"
#include "gateway/checks.h"
#include "gateway/queue/inside.h"
#include "http/wire.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    CLIENT_ID_CHARS = 128,
    HLD_CHARS = 20000,
    LORAS_MAX = 16,
    LORA_NAME_CHARS = 255,
    REPEAT_MAX = 1000
};
static const int64_t seed_max = 4294967295;
static const double strength_max = 100;

/* Keeps a text (taken; NULL: no memory) until the item is done with. */
static const char *keep(i4_check *c, json_t *owned, char *text) {
    json_t *value = text ? json_string(text) : NULL;
    i4_free(text);
    if (!value || json_array_append(owned, value) != 0) {
        c->out_of_memory = true;
    }
    const char *kept = c->out_of_memory ? "" : json_string_value(value);
    json_decref(value);
    return kept;
}

/* NULL: absent or null. */
static const char *text_or_null(i4_check *c, const char *field, size_t min, size_t max) {
    const json_t *value = json_object_get(c->body, field);
    return !value || json_is_null(value) ? NULL : i4_check_string(c, field, NULL, min, max);
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n")] == '\0';
}

static const char *read_caption(i4_check *c, const i4_settings *s, bool *is_text, json_t *owned) {
    const json_t *caption = i4_check_object_or_string(c, "caption");
    *is_text = json_is_string(caption);
    if (!i4_check_fine(c, "caption") || !caption) {
        return "";
    }
    i4_check_caption(c, caption, s->max_caption_bytes);
    if (!*is_text) {
        return keep(c, owned, i4_wire_text(caption));
    }
    if (is_blank(json_string_value(caption))) {
        i4_check_rule(c, "caption", "the caption is empty: say what is to be drawn");
    }
    return json_string_value(caption);
}

static int64_t read_seed(i4_check *c) {
    int64_t seed = -1;
    if (i4_check_int_or_null(c, "seed", &seed) && (seed < 0 || seed > seed_max)) {
        i4_check_rule(c, "seed", "not between 0 and 4294967295");
    }
    return seed;
}

static json_t *read_lora(i4_check *c, const json_t *said, int index) {
    const json_t *name = json_object_get(said, "name");
    const json_t *strength = json_object_get(said, "strength");
    const double value = strength ? json_number_value(strength) : 1.0;
    const size_t length = json_string_length(name);
    if (length == 0 || length > LORA_NAME_CHARS) {
        i4_check_rule_at(c, "loras", index, "needs a name of at most 255 bytes");
    } else if (strength && (!json_is_number(strength) || !(fabs(value) <= strength_max))) {
        i4_check_rule_at(c, "loras", index, "the strength is not a number between -100 and 100");
    }
    return json_pack("{s:O?, s:f}", "name", name, "strength", value);
}

/* NULL: whatever is applied. */
static const char *read_loras(i4_check *c, json_t *owned) {
    const json_t *said = i4_check_objects_or_null(c, "loras");
    if (!said) {
        return NULL;
    }
    if (json_array_size(said) > LORAS_MAX) {
        i4_check_rule(c, "loras", "at most 16 LoRAs are possible");
        return NULL;
    }
    json_t *loras = json_array();
    for (size_t i = 0; i < json_array_size(said); i++) {
        json_array_append_new(loras, read_lora(c, json_array_get(said, i), (int)i));
    }
    const char *text = keep(c, owned, loras ? i4_wire_text(loras) : NULL);
    json_decref(loras);
    return text;
}

static const char *read_form(i4_check *c, const i4_settings *s) {
    const char *text = text_or_null(c, "form_json", 1, 0);
    json_t *value = NULL;
    json_error_t error = {0};
    if (!text) {
        return NULL;
    }
    if ((int64_t)strlen(text) > s->max_form_bytes) {
        char reason[96];
        snprintf(reason, sizeof reason, "the form has %zu bytes; at most %lld are allowed",
                 strlen(text), (long long)s->max_form_bytes);
        i4_check_rule(c, "form_json", reason);
        return NULL;
    }
    const i4_wire_result result = i4_wire_read(text, strlen(text), &value, &error);
    if (result == I4_WIRE_MEMORY) {
        c->out_of_memory = true;
    } else if (result != I4_WIRE_OK) {
        i4_check_rule_json(c, "form_json", &error);
    }
    json_decref(value);
    return text;
}

static int read_repeat(i4_check *c) {
    const int64_t repeat = i4_check_int(c, "repeat", 1);
    if (repeat < 1 || repeat > REPEAT_MAX) {
        i4_check_rule(c, "repeat", "not between 1 and 1000");
        return 1;
    }
    return (int)repeat;
}

bool i4_item_read(i4_check *c, const i4_settings *settings, i4_new_job *out, json_t **owned) {
    int64_t prompt_id = -1;
    *owned = json_array();
    if (!*owned) {
        c->out_of_memory = true;
        return false;
    }
    *out = (i4_new_job){.origin = "queue"};
    out->client_id = text_or_null(c, "client_id", 1, CLIENT_ID_CHARS);
    out->caption = read_caption(c, settings, &out->is_text, *owned);
    out->width = i4_check_side(c, settings, "width");
    out->height = i4_check_side(c, settings, "height");
    out->preset = i4_check_preset(c, settings);
    out->seed = read_seed(c);
    out->format = i4_check_format(c, settings);
    out->loras_json = read_loras(c, *owned);
    out->prompt_id = i4_check_id_or_null(c, "prompt_id", &prompt_id) ? prompt_id : -1;
    out->form_json = read_form(c, settings);
    out->hld = text_or_null(c, "hld", 0, HLD_CHARS);
    out->repeat = read_repeat(c);
    return !c->failed && !c->out_of_memory;
}
