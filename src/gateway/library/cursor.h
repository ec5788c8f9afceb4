/* Floor 6, private to the gateway. Cursors of pages: what the client gives back, unread, is checked
 * to the byte, for it may be anything. */
#ifndef I4_GATEWAY_CURSOR_H
#define I4_GATEWAY_CURSOR_H

#include "gateway/db/library.h"

enum { I4_CURSOR_BYTES = 256 };

void i4_cursor_write(i4_sort sort, const i4_place *place, char out[I4_CURSOR_BYTES]);
bool i4_cursor_read(const char *text, i4_sort sort, i4_place *place);
/* Of the history: time (any text without NUL; its first 64 bytes count) and id. */
void i4_prompt_cursor_write(const char *saved_at, int64_t id, char out[I4_CURSOR_BYTES]);
bool i4_prompt_cursor_read(const char *text, char saved_at[I4_CURSOR_BYTES], int64_t *id);

#endif
