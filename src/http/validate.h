/* Floor 1. Validation of JSON bodies, queries and path parameters with the error rows of
 * docs/http-api.md 2.4: collected in declaration order, answered as 422 {"detail":[…]}.
 *
 *     i4_check c;
 *     i4_check_begin(&c, request);
 *     int64_t width = i4_check_int(&c, "width", 1024);
 *     if (i4_check_fine(&c, "width")) // own rules
 *         i4_check_rule(&c, "width", "not a multiple of 16");
 *     if (i4_check_failed(&c, reply)) return;  // answers the 422
 */
#ifndef I4_HTTP_VALIDATE_H
#define I4_HTTP_VALIDATE_H

#include "http/server.h"

typedef struct i4_check {
    i4_http_request *request;
    json_t *body;     /* borrowed */
    json_t *detail;   /* owned list of entries */
    char bad[16][48]; /* fields that failed already */
    int bad_count;
    bool failed, out_of_memory;
} i4_check;

void i4_check_begin(i4_check *c, i4_http_request *request);
/* Answers 422 and frees when anything failed; frees and returns false otherwise. */
bool i4_check_failed(i4_check *c, i4_http_reply *reply);
bool i4_check_fine(const i4_check *c, const char *field); /* no error for this field so far */

/* Body fields. Absent gives the default; `required` absent is row D. Coercions as in 2.4. */
int64_t i4_check_int(i4_check *c, const char *field, int64_t fallback);
int64_t i4_check_int_required(i4_check *c, const char *field);
bool i4_check_int_or_null(i4_check *c, const char *field, int64_t *out); /* false: null or absent */
/* Ids: like the two above, but beyond 64 bits is -1, to be answered as not found (I10). */
int64_t i4_check_id_required(i4_check *c, const char *field);
bool i4_check_id_or_null(i4_check *c, const char *field, int64_t *out);
double i4_check_float(i4_check *c, const char *field, double fallback);
/* code points at most `max_chars` (J; 0: no limit), at least `min_chars` (K) */
const char *i4_check_string(i4_check *c, const char *field, const char *fallback, size_t min_chars,
                            size_t max_chars);
const char *i4_check_string_required(i4_check *c, const char *field, size_t max_chars);
json_t *i4_check_object_required(i4_check *c, const char *field);  /* L */
json_t *i4_check_list_or_null(i4_check *c, const char *field);     /* M */
json_t *i4_check_objects_or_null(i4_check *c, const char *field);  /* M, items L with their index */
json_t *i4_check_strings_or_null(i4_check *c, const char *field);  /* M, items I with their index */
json_t *i4_check_object_or_string(i4_check *c, const char *field); /* T, required */

/* Path: a {name:int} of the pattern was checked before the handler ran, and its error, if any, is
 * among ours since begin; so a handler of a JSON route with such a parameter always begins a check.
 * This is for a plain {name}: beyond 64 bits *out is -1 (not found); false after an error. */
bool i4_check_path_int(i4_check *c, const char *name, int64_t *out);
/* Query: true when it was given and is fine. */
bool i4_check_query_int(i4_check *c, const char *name, bool non_negative, int64_t *out);
bool i4_check_query_id(i4_check *c, const char *name, int64_t *out); /* beyond 64 bits: -1 */
bool i4_check_query_bool(i4_check *c, const char *name, bool fallback);

/* Own rules: Q (a field), Q at a list index, R (whole body), S (form_json; the error of
 * i4_wire_read), P (enumeration; expected: "2 or 4"). Each only when the field is fine so far; R
 * only when nothing failed. */
void i4_check_rule(i4_check *c, const char *field, const char *reason);
void i4_check_rule_query(i4_check *c, const char *name, const char *reason);
void i4_check_rule_at(i4_check *c, const char *field, int index, const char *reason);
void i4_check_rule_body(i4_check *c, const char *reason);
void i4_check_rule_json(i4_check *c, const char *field, const json_error_t *error);
void i4_check_rule_enum(i4_check *c, const char *field, const char *expected);

#endif
