/* Floor 1. Captions: the exact prompt string of docs/model.md 2 and the verifier of
 * docs/captions.md.
 *
 * The JSON reader here is its own because the reference is Python's: whole numbers of any size,
 * NaN and Infinity, key order, "last value, first place" of duplicates, and positions in messages
 * matter, and no C library has them together. */
#ifndef I4_CAPTION_CAPTION_H
#define I4_CAPTION_CAPTION_H

#include "base/status.h"
#include "base/str.h"

typedef struct i4_finding {
    char *path; /* owned: "root", "elements[0].bbox", "raw text", "plain prompt", … */
    char *code; /* owned: rule of docs/captions.md: "R2", "S3", "E7", "B3", "P3", "K1" (4.6 step 1),
                   "K2" (4.6 step 2), "T1" escapes, "T2" syntax, "plain", "invalid" */
    char *text; /* owned: the sentence */
} i4_finding;

typedef struct i4_findings {
    i4_finding *item; /* owned, in order */
    size_t count;
} i4_findings;
void i4_findings_free(i4_findings *findings);

/* The text to put into the chat template (owned, i4_free) and the warnings of docs/captions.md 2.
 * Fails with INVALID_ARGUMENT on an empty result, invalid UTF-8, or more than
 * I4_LIMIT_CAPTION_BYTES; with `strict`, on any warning, listing all of them, one a line (cut with
 * … when there are many; the findings stay filled then and are freed by the caller, on other
 * failures they are empty). */
bool i4_caption_prepare(i4_str input, bool strict, char **prompt, size_t *prompt_len,
                        i4_findings *findings, i4_err *err);

/* Section 3 on a whole file's text (docs/captions.md 2, last paragraph). False only when out of
 * memory or over the limit. */
bool i4_caption_verify(i4_str text, i4_findings *findings, i4_err *err);

#endif
