/* Floor 1. The structural checks of a caption (docs/captions.md 4) and the list they report to. */
#ifndef I4_CAPTION_CHECK_H
#define I4_CAPTION_CHECK_H

#include "caption/caption.h"
#include "caption/value.h"

/* A list of findings that grows. Failure (out of memory) is sticky. */
typedef struct i4_report {
    i4_findings *findings; /* borrowed */
    size_t capacity;
    bool failed;
} i4_report;

/* Adds a finding; takes the bytes of `text`. */
void i4_report_take(i4_report *report, const char *path, const char *code, i4_buf *text);
void i4_report_add(i4_report *report, const char *path, const char *code, const char *format, ...)
    I4_PRINTF(4, 5);

/* All checks from the root down, in the order of the rules. */
void i4_caption_check(const i4_cj *document, i4_report *report);

#endif
