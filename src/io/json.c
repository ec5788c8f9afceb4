/* JSON files and typed getters. Jansson parses; this file bounds what it is given and words what
 * it or a wrong value has to say. */
#include "io/json.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"

#include <math.h>
#include <string.h>

/* --- parsing ------------------------------------------------------------------------------- */

/* A tree takes many times its text: `[{},{},…` a hundred times. What it may take beyond the text's
 * own size. Qwen's tokenizer, 11 MiB with pairs as merges, comes to 66 MiB in all. */
static const size_t tree_bytes_beyond = (size_t)64 << 20;

/* Depth and about the tree's bytes, from the characters outside strings. */
typedef struct outline {
    int depth_max;
    size_t tree_bytes;
} outline;

static outline outline_of(const char *data, size_t size) {
    enum { OBJECT = 224, LIST = 128, MEMBER = 40, ITEM = 96 }; /* jansson's, with their blocks */
    outline o = {0};
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        const char c = data[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
            continue;
        }
        in_string = c == '"';
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        o.depth_max = depth > o.depth_max ? depth : o.depth_max;
        o.tree_bytes += c == '{'   ? OBJECT
                        : c == '[' ? LIST
                        : c == ':' ? MEMBER
                        : c == ',' ? ITEM
                                   : 0;
    }
    return o;
}

json_t *i4_json_parse(const char *data, size_t size, const char *label, i4_err *err) {
    json_error_t why;
    const outline o = outline_of(data, size);
    if (o.depth_max > I4_LIMIT_JSON_DEPTH) {
        i4_fail(err, I4_E_FORMAT, "%s: the JSON is nested more than %d deep", label,
                I4_LIMIT_JSON_DEPTH);
        return NULL;
    }
    if (o.tree_bytes > size && o.tree_bytes - size > tree_bytes_beyond) {
        i4_fail(err, I4_E_FORMAT, "%s: the JSON holds far too many values; the file is damaged",
                label);
        return NULL;
    }
    json_t *value = json_loadb(data, size, JSON_REJECT_DUPLICATES, &why);
    /* jansson without memory sometimes gives neither code nor text */
    if (!value && (json_error_code(&why) == json_error_out_of_memory || why.text[0] == '\0')) {
        i4_fail_memory(err, "a JSON file", size);
    } else if (!value) {
        i4_fail(err, I4_E_FORMAT, "%s: not valid JSON, line %d, column %d: %s", label, why.line,
                why.column, why.text);
    }
    return value;
}

json_t *i4_json_load(const char *path, size_t limit_bytes, i4_err *err) {
    char *data = NULL;
    size_t size = 0;
    if (!i4_file_read(path, limit_bytes, &data, &size, err)) {
        return NULL;
    }
    json_t *value = i4_json_parse(data, size, path, err);
    i4_free(data);
    return value;
}

/* --- getters ------------------------------------------------------------------------------- */

const char *i4_json_type(const json_t *value) {
    if (!value) {
        return "nothing";
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

/* "a.b in FILE: expected WHAT, got TYPE"; got is NULL for a type, else a value's text. */
static bool unexpected(i4_json object, const char *key, const char *what, const char *got,
                       i4_err *err) {
    const char *path = object.path ? object.path : "";
    return i4_fail(err, I4_E_FORMAT, "%s%s%s in %s: expected %s, got %s", path, *path ? "." : "",
                   key, object.label, what, got);
}

/* *out: the member, NULL if absent or null. */
static bool member(i4_json object, const char *key, json_t **out, i4_err *err) {
    *out = NULL;
    if (!object.value || json_is_null(object.value)) {
        return true;
    }
    if (!json_is_object(object.value)) {
        const char *path = object.path && *object.path ? object.path : "the top level";
        return i4_fail(err, I4_E_FORMAT, "%s in %s: expected an object, got %s", path, object.label,
                       i4_json_type(object.value));
    }
    *out = json_object_get(object.value, key);
    if (json_is_null(*out)) {
        *out = NULL;
    }
    return true;
}

/* What was found instead, numbers by their value. */
static void show(const json_t *value, char out[64]) {
    if (json_is_integer(value)) {
        snprintf(out, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(out, 64, "%g", json_real_value(value));
    } else {
        snprintf(out, 64, "%s", i4_json_type(value));
    }
}

static bool whole_in(const json_t *value, int64_t min, int64_t max, int64_t *out) {
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < min || n > max) {
        return false;
    }
    *out = n;
    return true;
}

bool i4_json_int(i4_json object, const char *key, int64_t min, int64_t max, int64_t fallback,
                 int64_t *out, i4_err *err) {
    json_t *value;
    char what[96], got[64];
    if (!member(object, key, &value, err)) {
        return false;
    }
    if (!value) {
        *out = fallback;
        return true;
    }
    if (whole_in(value, min, max, out)) {
        return true;
    }
    snprintf(what, sizeof what, "a whole number from %lld to %lld", (long long)min, (long long)max);
    show(value, got);
    return unexpected(object, key, what, got, err);
}

bool i4_json_real(i4_json object, const char *key, double min, double max, double fallback,
                  double *out, i4_err *err) {
    json_t *value;
    char what[96], got[64];
    if (!member(object, key, &value, err)) {
        return false;
    }
    if (!value) {
        *out = fallback;
        return true;
    }
    double number = json_number_value(value);
    if (json_is_number(value) && number >= min && number <= max) {
        *out = number;
        return true;
    }
    snprintf(what, sizeof what, "a number from %g to %g", min, max);
    show(value, got);
    return unexpected(object, key, what, got, err);
}

bool i4_json_bool(i4_json object, const char *key, bool fallback, bool *out, i4_err *err) {
    json_t *value;
    char got[64];
    if (!member(object, key, &value, err)) {
        return false;
    }
    if (!value || json_is_boolean(value)) {
        *out = value ? json_is_true(value) : fallback;
        return true;
    }
    show(value, got);
    return unexpected(object, key, "true or false", got, err);
}

bool i4_json_string(i4_json object, const char *key, const char **out, i4_err *err) {
    json_t *value;
    char got[64];
    if (!member(object, key, &value, err)) {
        return false;
    }
    if (!value || json_is_string(value)) {
        *out = json_string_value(value);
        return true;
    }
    show(value, got);
    return unexpected(object, key, "a string", got, err);
}

bool i4_json_ints(i4_json object, const char *key, int64_t min, int64_t max, int64_t *out,
                  size_t capacity, size_t *count, i4_err *err) {
    json_t *value;
    char what[112];
    *count = 0;
    if (!member(object, key, &value, err)) {
        return false;
    }
    bool good = !value || (json_is_array(value) && json_array_size(value) <= capacity);
    for (size_t i = 0; good && i < json_array_size(value); i++) {
        good = whole_in(json_array_get(value, i), min, max, &out[i]);
    }
    if (good) {
        *count = json_array_size(value);
        return true;
    }
    snprintf(what, sizeof what, "a list of at most %zu whole numbers from %lld to %lld", capacity,
             (long long)min, (long long)max);
    return unexpected(object, key, what,
                      json_is_array(value) ? "a list of others" : i4_json_type(value), err);
}

bool i4_json_floats(i4_json object, const char *key, float *out, size_t count, bool *found,
                    i4_err *err) {
    json_t *value;
    char what[64];
    *found = false;
    if (!member(object, key, &value, err)) {
        return false;
    }
    if (!value) {
        return true;
    }
    bool good = json_is_array(value) && json_array_size(value) == count;
    for (size_t i = 0; good && i < count; i++) {
        const json_t *item = json_array_get(value, i);
        double number = json_number_value(item);
        /* compared before the conversion: a double beyond float's range has no defined float */
        good = json_is_number(item) && fabs(number) <= 3.4028234663852886e38;
        out[i] = good ? (float)number : 0;
    }
    if (good) {
        *found = true;
        return true;
    }
    snprintf(what, sizeof what, "a list of exactly %zu numbers", count);
    return unexpected(object, key, what,
                      json_is_array(value) ? "a list of others" : i4_json_type(value), err);
}
