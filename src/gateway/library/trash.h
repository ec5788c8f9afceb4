/* Floor 6, private to the gateway. The thread that empties the trash of what is older than
 * IDEOGRAM4_TRASH_DAYS; the routes are in the same file. */
#ifndef I4_GATEWAY_LIBRARY_TRASH_H
#define I4_GATEWAY_LIBRARY_TRASH_H

#include "gateway/gateway.h"

i4_trash *i4_trash_start(const i4_gateway *gateway, i4_err *err);
void i4_trash_stop(i4_trash *trash); /* NULL is a no-op */
/* What the thread does once an hour. */
void i4_trash_empty_old(const i4_gateway *gateway);
/* removals.c: forgets the thumbnails of files that are to be removed and removes them (takes the
 * list), as i4_library_remove. */
void i4_library_remove_files(const i4_gateway *gateway, json_t *files);

#endif
