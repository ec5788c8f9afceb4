/* Floor 1. Typed getters over jansson whose errors name the path, e.g.
 * "text_config.hidden_size in text_encoder_config.json: expected a whole number from 1 to 131072,
 * got a string". Duplicate keys in a file are refused. Depth is bounded before parsing. */
#ifndef I4_IO_JSON_H
#define I4_IO_JSON_H

#include "base/status.h"
#include "base/str.h"

#include <jansson.h>
#include <stdint.h>

/* label: file name for messages. */
json_t *i4_json_parse(const char *data, size_t size, const char *label, i4_err *err);
json_t *i4_json_load(const char *path, size_t limit_bytes, i4_err *err);

typedef struct i4_json {
    json_t *value;     /* borrowed; may be NULL (absent) */
    const char *label; /* file */
    const char *path;  /* of value inside the file, "" for the root */
} i4_json;

/* All: absent (or JSON null) gives the default; wrong type or out of range fails. */
bool i4_json_int(i4_json object, const char *key, int64_t min, int64_t max, int64_t fallback,
                 int64_t *out, i4_err *err);
bool i4_json_real(i4_json object, const char *key, double min, double max, double fallback,
                  double *out, i4_err *err);
bool i4_json_bool(i4_json object, const char *key, bool fallback, bool *out, i4_err *err);
/* *out borrowed from the value; NULL if absent */
bool i4_json_string(i4_json object, const char *key, const char **out, i4_err *err);
/* array of whole numbers; *count 0 if absent; at most capacity */
bool i4_json_ints(i4_json object, const char *key, int64_t min, int64_t max, int64_t *out,
                  size_t capacity, size_t *count, i4_err *err);
/* array of exactly `count` finite numbers; *found false if absent */
bool i4_json_floats(i4_json object, const char *key, float *out, size_t count, bool *found,
                    i4_err *err);
const char *i4_json_type(const json_t *value); /* "an object", "a list", … */

#endif
