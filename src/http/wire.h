/* Floor 1. JSON as it goes over the wire (docs/http-api.md 2.1, 2.2): strict on input, and on
 * output compact, in order, unescaped, with floats in their shortest form ("0.6", "1.0").
 *
 * Differences to plain jansson on input: of a duplicated key the last value stands in the place of
 * the first; whole numbers beyond 64 bits become real numbers instead of an error; depth and number
 * of keys are bounded before parsing. NaN, Infinity, lone surrogates, NUL characters are refused.
 */
#ifndef I4_HTTP_WIRE_H
#define I4_HTTP_WIRE_H

#include "base/str.h"

#include <jansson.h>

typedef enum i4_wire_result {
    I4_WIRE_OK,
    I4_WIRE_INVALID,  /* not JSON: error says why and where */
    I4_WIRE_ENCODING, /* not UTF-8 */
    I4_WIRE_LIMIT,    /* too deep, or too many keys */
    I4_WIRE_MEMORY
} i4_wire_result;

enum {
    I4_WIRE_DEPTH = 64,   /* captions nest to about 6 */
    I4_WIRE_KEYS = 10000, /* of all objects together */
};

/* Any JSON value; *value is a new reference, NULL on failure. jansson does not always tell lack of
 * memory from bad text: then it is INVALID. error (may be NULL) has a text for
 * people always; line, column and position (in code points from 0) for INVALID. */
i4_wire_result i4_wire_read(const char *text, size_t size, json_t **value, json_error_t *error);

typedef struct i4_wire_style {
    const char *comma, *colon; /* "," and ":"; the caption text has ", " and ": " */
    size_t string_limit;       /* longer strings are cut and end with an ellipsis; 0: none */
} i4_wire_style;

/* Appends the text of a value; a NULL style is the wire's. A failure is out->failed. */
void i4_wire_write(const json_t *value, const i4_wire_style *style, i4_buf *out);
/* The same as an owned string (i4_free); NULL when there is no memory. */
char *i4_wire_text(const json_t *value);

#endif
