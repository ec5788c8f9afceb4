/* Floor 6, private to this folder. Words for the search: how text becomes words, which texts of a
 * picture count, and how what a person types becomes a safe expression for FTS5.
 *
 * Words are letters and digits, case folded, without diacritics, in their compatible form. A
 * character of a script that is written without blanks (Chinese, Japanese, Korean, Thai, …) is a
 * word of its own, so that any part of such a text is found as a phrase. Words are separated by
 * single blanks: the table's tokenizer ("ascii") sees exactly what was made here. */
#ifndef I4_GATEWAY_DB_WORDS_H
#define I4_GATEWAY_DB_WORDS_H

#include "gateway/db/private.h"

#include "base/str.h"

enum {
    I4_WORDS_BYTES = 256 << 10, /* of one picture or entry; what is beyond cannot be found */
    I4_QUERY_CHARACTERS = 1000, /* of what is searched for */
    I4_QUERY_TERMS = 32
};

/* Appends the words of a text (bytes that are no UTF-8 separate words), then a mark that no phrase
 * reaches across. Only lack of memory is out->failed; beyond I4_WORDS_BYTES nothing is added. */
void i4_words_add(i4_buf *out, const char *text);
/* The texts of an entry's form: its caption (rawJson) if it parses, else its fields. */
void i4_words_add_form(i4_buf *out, const char *form_json);
/* The texts of a caption: an object, or a plain prompt. */
void i4_words_add_caption(i4_buf *out, const char *caption);

/* What two spellings of a tag have in common: case folded, in compatible form, without blanks at
 * the ends (i4_free); NULL: no memory. */
char *i4_words_key(const char *text);

/* What a person typed, as MATCH expressions, all of which must be found; a word is found by its
 * beginning, a text in quotes as a phrase. */
typedef struct i4_terms {
    char *match[I4_QUERY_TERMS]; /* owned */
    int count;
    bool is_blank; /* nothing was typed */
    bool too_many, out_of_memory;
} i4_terms;
void i4_terms_read(i4_terms *terms, const char *query);
void i4_terms_free(i4_terms *terms);

/* --- search.c: the words in the database ---------------------------------------------------- */

/* What has the words of a MATCH expression, under the lock; valid until the next call of anything
 * here. NULL: failed. */
const struct i4_found *i4_words_find(i4_db *db, const char *match, i4_err *err);
/* Inside a transaction, at its end: words of what it changed. */
bool i4_words_settle(i4_db *db, i4_err *err);
/* At start: words of rows that another program wrote, and an end to those of rows that are gone. */
bool i4_words_catch_up(i4_db *db, i4_err *err);

#endif
