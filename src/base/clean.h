/* Floor 0, private to base. Makes text from outside fit for one line of a log or a message. */
#ifndef I4_BASE_CLEAN_H
#define I4_BASE_CLEAN_H

#include <stdbool.h>

/* Rewrites the NUL-terminated text in place, never longer than before: control characters (C0,
 * DEL, C1) and bytes that are not UTF-8 become '?'. was_cut: the text lost its end, so a sequence
 * broken off at the very end is dropped instead. */
void i4_text_clean(char *text, bool was_cut);

#endif
