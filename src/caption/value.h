/* Floor 1. JSON as the reference reads and writes it: Python's (docs/model.md 2).
 *
 * Values are nodes of one array, linked by index, in the order of the text. Of a duplicated key
 * the last value is kept in the place of the first. Numbers are kept as whole numbers of any size
 * or as binary64. Nothing here depends on the locale. */
#ifndef I4_CAPTION_VALUE_H
#define I4_CAPTION_VALUE_H

#include "base/status.h"
#include "base/str.h"

#include <stdint.h>

typedef enum i4_cj_type {
    I4_CJ_OBJECT,
    I4_CJ_LIST,
    I4_CJ_STRING,
    I4_CJ_INTEGER, /* a number token without point or exponent */
    I4_CJ_NUMBER,  /* any other; NaN and Infinity too */
    I4_CJ_BOOLEAN,
    I4_CJ_NULL
} i4_cj_type;

enum { I4_CJ_NONE = -1 };

typedef struct i4_cj_node {
    i4_cj_type type;
    int32_t parent, next, first, last; /* nodes or I4_CJ_NONE */
    int32_t count;                     /* of a list or an object: its members */
    i4_str key;                        /* inside an object; UTF-8, may hold NUL */
    union {
        i4_str text; /* string: UTF-8, may hold NUL; integer: digits as they are written back */
        double number;
        bool boolean;
    };
} i4_cj_node;

typedef struct i4_cj {
    i4_cj_node *node; /* owned; [0] is the root */
    size_t count, capacity;
    char *text; /* owned: decoded keys, strings and digits */
    size_t text_len;
} i4_cj;

/* Why a text is not JSON, with place, e.g. "a value is expected at line 1 column 6 (character 5)".
 * Lines and columns count from 1, characters from 0. */
typedef struct i4_cj_fault {
    char text[160]; /* empty: no fault */
} i4_cj_fault;

/* Reads a whole text (valid UTF-8, at most 1 GiB). False with fault->text set: not JSON, or
 * nested deeper than I4_LIMIT_JSON_DEPTH. False with it empty: out of memory, *err filled.
 * Free the document in every case. */
bool i4_cj_parse(i4_str text, i4_cj *document, i4_cj_fault *fault, i4_err *err);
void i4_cj_free(i4_cj *document);

/* Appends the compact form of the document. */
void i4_cj_write(const i4_cj *document, i4_buf *out);
/* Appends the inside of a string, with the same escapes. */
void i4_cj_write_escaped(i4_str text, i4_buf *out);

/* Member of an object, NULL if absent or not an object. */
const i4_cj_node *i4_cj_get(const i4_cj *document, const i4_cj_node *object, const char *key);
/* First member and the one after it; NULL at the end. */
const i4_cj_node *i4_cj_first(const i4_cj *document, const i4_cj_node *parent);
const i4_cj_node *i4_cj_next(const i4_cj *document, const i4_cj_node *member);

#endif
