/* The rows of docs/http-api.md 2.4: entries of a 422, coercions, and the fields of a body. */
#include "http/validate.h"
#include "base/memory.h"
#include "http/private.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An input with more values than this is not repeated in an answer: nobody reads it, and one field
 * after another would repeat it again. */
static const size_t most_echoed_values = 4096;

/* --- entries ------------------------------------------------------------------------------- */

static size_t count_values(const json_t *root) {
    const json_t *open[2 * I4_HTTP_PARAMS * I4_HTTP_PARAMS];
    const size_t room = sizeof open / sizeof open[0];
    size_t count = 0, used = 0;
    open[used++] = root;
    while (used > 0 && count <= most_echoed_values) {
        json_t *value = (json_t *)open[--used]; /* only looked at */
        count += 1 + json_array_size(value) + json_object_size(value);
        if (json_array_size(value) > room - used || json_object_size(value) > room - used) {
            continue; /* its members are counted, their members are not */
        }
        for (size_t i = 0; i < json_array_size(value); i++) {
            open[used++] = json_array_get(value, i);
        }
        for (void *i = json_object_iter(value); i; i = json_object_iter_next(value, i)) {
            open[used++] = json_object_iter_value(i);
        }
    }
    return count;
}

/* A new reference to what `input` is in an answer. */
static json_t *echo(json_t *input) {
    if (count_values(input) <= most_echoed_values) {
        return json_incref(input);
    }
    return json_is_array(input) ? json_array() : json_object();
}

static bool set_taken(json_t *object, const char *key, json_t *value) {
    return value && json_object_set_new(object, key, value) == 0;
}

bool i4_detail_add(json_t **list, json_t *loc, const char *type, const char *msg, json_t *ctx,
                   json_t *input) {
    json_t *entry = json_object();
    const bool has_ctx = ctx != NULL;
    bool fine = entry && set_taken(entry, "type", json_string(type));
    fine = fine && set_taken(entry, "loc", json_incref(loc));
    fine = fine && set_taken(entry, "msg", json_string(msg));
    fine = fine && set_taken(entry, "input", input ? json_incref(input) : NULL);
    fine = fine && (!has_ctx || set_taken(entry, "ctx", json_incref(ctx)));
    if (fine && !*list) {
        *list = json_array();
    }
    fine = fine && *list && json_array_append(*list, entry) == 0;
    json_decref(entry);
    json_decref(loc);
    json_decref(ctx);
    json_decref(input);
    return fine;
}

static const char int_type_msg[] = "Input should be a valid integer";
static const char int_parsing_msg[] =
    "Input should be a valid integer, unable to parse string as an integer";
static const char int_float_msg[] =
    "Input should be a valid integer, got a number with a fractional part";
static const char int_size_msg[] =
    "Unable to parse input string as an integer, exceeded maximum size";

bool i4_detail_path_int(json_t **list, const char *name, size_t name_size, const char *value) {
    return i4_detail_add(list, json_pack("[s,s%]", "path", name, name_size), "int_parsing",
                         int_parsing_msg, NULL, json_string(value));
}

/* --- one entry for a field ----------------------------------------------------------------- */

void i4_check_begin(i4_check *c, i4_http_request *request) {
    *c = (i4_check){.request = request, .body = i4_req_json(request), .detail = request->detail};
    request->detail = NULL;
    c->failed = c->detail != NULL;
}

bool i4_check_failed(i4_check *c, i4_http_reply *reply) {
    if (!c->failed && !c->out_of_memory) {
        return false;
    }
    if (c->out_of_memory) {
        json_decref(c->detail);
        i4_reply_json(reply, 503, NULL);
    } else {
        i4_reply_detail(reply, c->detail);
    }
    c->detail = NULL;
    return true;
}

bool i4_check_fine(const i4_check *c, const char *field) {
    for (int i = 0; i < c->bad_count; i++) {
        if (strcmp(c->bad[i], field) == 0) {
            return false;
        }
    }
    return true;
}

static void mark_bad(i4_check *c, const char *field) {
    const int room = (int)(sizeof c->bad / sizeof c->bad[0]);
    c->failed = true;
    if (c->bad_count < room && i4_check_fine(c, field)) {
        snprintf(c->bad[c->bad_count++], sizeof c->bad[0], "%s", field);
    }
}

/* Takes loc and ctx; input is borrowed. */
static void add(i4_check *c, const char *field, json_t *loc, const char *type, const char *msg,
                json_t *ctx, json_t *input) {
    mark_bad(c, field);
    if (!i4_detail_add(&c->detail, loc, type, msg, ctx, echo(input))) {
        c->out_of_memory = true;
    }
}

static json_t *body_loc(const char *field) {
    return json_pack("[s,s]", "body", field);
}

static void add_field(i4_check *c, const char *field, const char *type, const char *msg,
                      json_t *input) {
    add(c, field, body_loc(field), type, msg, NULL, input);
}

static void add_query(i4_check *c, const char *name, const char *type, const char *msg, json_t *ctx,
                      const char *value) {
    json_t *input = json_string(value);
    mark_bad(c, name);
    if (!i4_detail_add(&c->detail, json_pack("[s,s]", "query", name), type, msg, ctx, input)) {
        c->out_of_memory = true;
    }
}

/* The field's value, NULL if absent; `required` adds row D then. */
static json_t *get(i4_check *c, const char *field, bool required) {
    json_t *value = json_object_get(c->body, field);
    if (!value && required && c->body) {
        add_field(c, field, "missing", "Field required", c->body);
    }
    return value;
}

/* --- whole numbers ------------------------------------------------------------------------- */

static i4_str trim(const char *text) {
    i4_str s = i4_str_c(text);
    while (s.len > 0 && isspace((unsigned char)s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && isspace((unsigned char)s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

/* Without a suffix ".0", ".00", … of a text that is more than the suffix. */
static i4_str without_zeros(i4_str s) {
    size_t end = s.len;
    while (end > 0 && s.ptr[end - 1] == '0') {
        end--;
    }
    const bool has_suffix = end > 1 && end < s.len && s.ptr[end - 1] == '.';
    return i4_str_of(s.ptr, has_suffix ? end - 1 : s.len);
}

/* Digits with single underscores between them; *value stops at UINT64_MAX. */
static bool read_digits(i4_str s, uint64_t *value, size_t *count) {
    bool after_digit = false;
    *value = 0;
    *count = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (c == '_' && after_digit) {
            after_digit = false;
            continue;
        }
        if (c < '0' || c > '9') {
            return false;
        }
        const uint64_t digit = (uint64_t)(c - '0');
        *value = *value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *value * 10 + digit;
        *count += 1;
        after_digit = true;
    }
    return after_digit;
}

i4_int_text i4_int_parse(const char *text, int64_t *out) {
    i4_str s = without_zeros(trim(text));
    const bool is_negative = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s.ptr++;
        s.len--;
    }
    uint64_t value;
    size_t count;
    if (!read_digits(s, &value, &count)) {
        return I4_INT_UNPARSABLE;
    }
    const uint64_t largest = (uint64_t)INT64_MAX + is_negative;
    if (value > largest) {
        return I4_INT_TOO_LARGE;
    }
    if (is_negative) {
        *out = value == largest ? INT64_MIN : -(int64_t)value;
    } else {
        *out = (int64_t)value;
    }
    return I4_INT_FINE;
}

typedef enum int_kind { INT_FINE, INT_TYPE, INT_PARSING, INT_FRACTION, INT_SIZE } int_kind;

static int_kind int_of_real(double real, int64_t *out) {
    if (floor(real) < real) {
        return INT_FRACTION;
    }
    /* -2^63 too: what was sent as -9223372036854775809 and could not stay a whole number */
    if (!(real > -0x1p63 && real < 0x1p63)) {
        return INT_SIZE;
    }
    *out = (int64_t)real;
    return INT_FINE;
}

static int_kind int_of_string(const char *text, int64_t *out) {
    switch (i4_int_parse(text, out)) {
    case I4_INT_FINE:
        return INT_FINE;
    case I4_INT_TOO_LARGE:
        return INT_SIZE;
    default:
        return INT_PARSING;
    }
}

static int_kind int_of(const json_t *value, int64_t *out) {
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        *out = json_integer_value(value);
        return INT_FINE;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = json_is_true(value);
        return INT_FINE;
    case JSON_REAL:
        return int_of_real(json_real_value(value), out);
    case JSON_STRING:
        return int_of_string(json_string_value(value), out);
    default:
        return INT_TYPE;
    }
}

/* False after adding the row. is_id: too large is -1 instead of a row. */
static bool take_int(i4_check *c, const char *field, json_t *value, bool is_id, int64_t *out) {
    static const struct {
        const char *type, *msg;
    } rows[] = {
        [INT_TYPE] = {"int_type", int_type_msg},
        [INT_PARSING] = {"int_parsing", int_parsing_msg},
        [INT_FRACTION] = {"int_from_float", int_float_msg},
        [INT_SIZE] = {"int_parsing_size", int_size_msg},
    };
    const int_kind kind = int_of(value, out);
    if (kind == INT_FINE) {
        return true;
    }
    if (kind == INT_SIZE && is_id) {
        *out = -1;
        return true;
    }
    add_field(c, field, rows[kind].type, rows[kind].msg, value);
    return false;
}

int64_t i4_check_int(i4_check *c, const char *field, int64_t fallback) {
    json_t *value = get(c, field, false);
    int64_t number;
    return value && take_int(c, field, value, false, &number) ? number : fallback;
}

int64_t i4_check_int_required(i4_check *c, const char *field) {
    json_t *value = get(c, field, true);
    int64_t number;
    return value && take_int(c, field, value, false, &number) ? number : 0;
}

bool i4_check_int_or_null(i4_check *c, const char *field, int64_t *out) {
    json_t *value = get(c, field, false);
    return value && !json_is_null(value) && take_int(c, field, value, false, out);
}

int64_t i4_check_id_required(i4_check *c, const char *field) {
    json_t *value = get(c, field, true);
    int64_t number;
    return value && take_int(c, field, value, true, &number) ? number : -1;
}

bool i4_check_id_or_null(i4_check *c, const char *field, int64_t *out) {
    json_t *value = get(c, field, false);
    return value && !json_is_null(value) && take_int(c, field, value, true, out);
}

/* --- other types ------------------------------------------------------------------------------ */

/* Decimal notation only: strtod alone would read "nan", "inf" and "0x1p3" too. */
static bool real_of_string(const char *text, double *out) {
    const i4_str s = trim(text);
    char copy[64], *end;
    if (s.len == 0 || s.len >= sizeof copy || strspn(s.ptr, "+-.eE0123456789") < s.len) {
        return false;
    }
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    *out = strtod(copy, &end);
    return *end == '\0' && isfinite(*out);
}

double i4_check_float(i4_check *c, const char *field, double fallback) {
    json_t *value = get(c, field, false);
    double number = fallback;
    if (!value || json_is_number(value)) {
        return value ? json_number_value(value) : fallback;
    }
    if (json_is_boolean(value)) {
        return json_is_true(value) ? 1.0 : 0.0;
    }
    if (!json_is_string(value)) {
        add_field(c, field, "float_type", "Input should be a valid number", value);
    } else if (!real_of_string(json_string_value(value), &number)) {
        add_field(c, field, "float_parsing",
                  "Input should be a valid number, unable to parse string as a number", value);
        return fallback;
    }
    return number;
}

static size_t count_code_points(const json_t *string) {
    const char *text = json_string_value(string);
    size_t count = 0;
    for (size_t i = 0; i < json_string_length(string); i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return count;
}

static const char *take_string(i4_check *c, const char *field, json_t *value, size_t min_chars,
                               size_t max_chars) {
    char msg[96];
    if (!json_is_string(value)) {
        add_field(c, field, "string_type", "Input should be a valid string", value);
        return NULL;
    }
    const size_t chars = count_code_points(value);
    if (max_chars > 0 && chars > max_chars) {
        snprintf(msg, sizeof msg, "String should have at most %zu character%s", max_chars,
                 max_chars == 1 ? "" : "s");
        add(c, field, body_loc(field), "string_too_long", msg,
            json_pack("{s:I}", "max_length", (json_int_t)max_chars), value);
        return NULL;
    }
    if (chars < min_chars) {
        snprintf(msg, sizeof msg, "String should have at least %zu character%s", min_chars,
                 min_chars == 1 ? "" : "s");
        add(c, field, body_loc(field), "string_too_short", msg,
            json_pack("{s:I}", "min_length", (json_int_t)min_chars), value);
        return NULL;
    }
    return json_string_value(value);
}

const char *i4_check_string(i4_check *c, const char *field, const char *fallback, size_t min_chars,
                            size_t max_chars) {
    json_t *value = get(c, field, false);
    const char *text = value ? take_string(c, field, value, min_chars, max_chars) : NULL;
    return text ? text : fallback;
}

const char *i4_check_string_required(i4_check *c, const char *field, size_t max_chars) {
    json_t *value = get(c, field, true);
    const char *text = value ? take_string(c, field, value, 0, max_chars) : NULL;
    return text ? text : "";
}

static const char dict_msg[] = "Input should be a valid dictionary";

json_t *i4_check_object_required(i4_check *c, const char *field) {
    json_t *value = get(c, field, true);
    if (value && !json_is_object(value)) {
        add_field(c, field, "dict_type", dict_msg, value);
        return NULL;
    }
    return value;
}

json_t *i4_check_list_or_null(i4_check *c, const char *field) {
    json_t *value = get(c, field, false);
    if (!value || json_is_null(value)) {
        return NULL;
    }
    if (!json_is_array(value)) {
        add_field(c, field, "list_type", "Input should be a valid list", value);
        return NULL;
    }
    return value;
}

static json_t *list_of(i4_check *c, const char *field, json_type type, const char *row,
                       const char *msg) {
    json_t *list = i4_check_list_or_null(c, field);
    for (size_t i = 0; list && i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        if (json_typeof(item) != type) {
            add(c, field, json_pack("[s,s,I]", "body", field, (json_int_t)i), row, msg, NULL, item);
        }
    }
    return i4_check_fine(c, field) ? list : NULL;
}

json_t *i4_check_objects_or_null(i4_check *c, const char *field) {
    return list_of(c, field, JSON_OBJECT, "dict_type", dict_msg);
}

json_t *i4_check_strings_or_null(i4_check *c, const char *field) {
    return list_of(c, field, JSON_STRING, "string_type", "Input should be a valid string");
}

json_t *i4_check_object_or_string(i4_check *c, const char *field) {
    json_t *value = get(c, field, true);
    if (!value || json_is_object(value) || json_is_string(value)) {
        return value;
    }
    add(c, field, json_pack("[s,s,s]", "body", field, "dict[any,any]"), "dict_type", dict_msg, NULL,
        value);
    add(c, field, json_pack("[s,s,s]", "body", field, "str"), "string_type",
        "Input should be a valid string", NULL, value);
    return NULL;
}

/* --- path and query ----------------------------------------------------------------------------
 */

bool i4_check_path_int(i4_check *c, const char *name, int64_t *out) {
    const char *text = i4_req_param(c->request, name);
    *out = -1;
    const i4_int_text kind = text ? i4_int_parse(text, out) : I4_INT_UNPARSABLE;
    if (kind != I4_INT_UNPARSABLE) {
        return true;
    }
    mark_bad(c, name);
    if (!i4_detail_path_int(&c->detail, name, strlen(name), text ? text : "")) {
        c->out_of_memory = true;
    }
    return false;
}

static bool take_query(i4_check *c, const char *name, bool is_id, int64_t *out) {
    const char *text = i4_req_query(c->request, name);
    if (!text) {
        return false;
    }
    const i4_int_text kind = i4_int_parse(text, out);
    if (kind == I4_INT_TOO_LARGE && is_id) {
        *out = -1;
        return true;
    }
    if (kind != I4_INT_FINE) {
        const bool is_size = kind == I4_INT_TOO_LARGE;
        add_query(c, name, is_size ? "int_parsing_size" : "int_parsing",
                  is_size ? int_size_msg : int_parsing_msg, NULL, text);
    }
    return kind == I4_INT_FINE;
}

bool i4_check_query_int(i4_check *c, const char *name, bool non_negative, int64_t *out) {
    int64_t number;
    if (!take_query(c, name, false, &number)) {
        return false;
    }
    if (non_negative && number < 0) {
        add_query(c, name, "greater_than_equal", "Input should be greater than or equal to 0",
                  json_pack("{s:i}", "ge", 0), i4_req_query(c->request, name));
        return false;
    }
    *out = number;
    return true;
}

bool i4_check_query_id(i4_check *c, const char *name, int64_t *out) {
    return take_query(c, name, true, out);
}

bool i4_check_query_bool(i4_check *c, const char *name, bool fallback) {
    static const char *const yes[] = {"1", "t", "y", "on", "yes", "true"};
    static const char *const no[] = {"0", "f", "n", "off", "no", "false"};
    const char *text = i4_req_query(c->request, name);
    if (!text) {
        return fallback;
    }
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            return strcasecmp(text, yes[i]) == 0;
        }
    }
    add_query(c, name, "bool_parsing", "Input should be a valid boolean, unable to interpret input",
              NULL, text);
    return fallback;
}

/* --- own rules ----------------------------------------------------------------------------------
 */

/* Takes loc and ctx. */
static void add_value_error(i4_check *c, const char *field, json_t *loc, const char *reason,
                            json_t *ctx, json_t *input) {
    char msg[640];
    snprintf(msg, sizeof msg, "Value error, %s", reason);
    add(c, field, loc, "value_error", msg, ctx, input);
}

static json_t *empty_ctx(void) {
    return json_pack("{s:{}}", "error");
}

/* The field's value; JSON null stands for one that is absent. */
static json_t *value_of(const i4_check *c, const char *field) {
    json_t *value = json_object_get(c->body, field);
    return value ? value : json_null();
}

void i4_check_rule(i4_check *c, const char *field, const char *reason) {
    if (i4_check_fine(c, field)) {
        add_value_error(c, field, body_loc(field), reason, empty_ctx(), value_of(c, field));
    }
}

void i4_check_rule_query(i4_check *c, const char *name, const char *reason) {
    if (i4_check_fine(c, name)) {
        const char *text = i4_req_query(c->request, name);
        json_t *input = text ? json_string(text) : json_null();
        add_value_error(c, name, json_pack("[s,s]", "query", name), reason, empty_ctx(), input);
        json_decref(input);
    }
}

void i4_check_rule_at(i4_check *c, const char *field, int index, const char *reason) {
    if (i4_check_fine(c, field)) {
        json_t *item = json_array_get(value_of(c, field), (size_t)index);
        add_value_error(c, field, json_pack("[s,s,i]", "body", field, index), reason, empty_ctx(),
                        item ? item : json_null());
    }
}

void i4_check_rule_body(i4_check *c, const char *reason) {
    if (!c->failed) {
        add_value_error(c, "", json_pack("[s]", "body"), reason, empty_ctx(), c->body);
    }
}

void i4_check_rule_json(i4_check *c, const char *field, const json_error_t *error) {
    char reason[400];
    if (!i4_check_fine(c, field)) {
        return;
    }
    json_t *value = value_of(c, field);
    snprintf(reason, sizeof reason, "%s: line %d column %d (char %d)", error->text, error->line,
             error->column, error->position);
    json_t *ctx =
        json_pack("{s:{s:s, s:O, s:i, s:i, s:i}}", "error", "msg", error->text, "doc", value, "pos",
                  error->position, "lineno", error->line, "colno", error->column);
    if (!ctx) {
        c->out_of_memory = true;
        return;
    }
    add_value_error(c, field, body_loc(field), reason, ctx, value);
}

void i4_check_rule_enum(i4_check *c, const char *field, const char *expected) {
    char msg[128];
    if (i4_check_fine(c, field)) {
        snprintf(msg, sizeof msg, "Input should be %s", expected);
        add(c, field, body_loc(field), "literal_error", msg,
            json_pack("{s:s}", "expected", expected), value_of(c, field));
    }
}
