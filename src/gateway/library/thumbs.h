/* Floor 6, private to the gateway. Thumbnails: made when first asked for, kept as files beside the
 * database, bounded in number of bytes and of makers at work. */
#ifndef I4_GATEWAY_THUMBS_H
#define I4_GATEWAY_THUMBS_H

#include "gateway/gateway.h"

i4_thumbs *i4_thumbs_start(i4_gateway *gateway, i4_err *err);
void i4_thumbs_stop(i4_thumbs *thumbs);

/* Path of the thumbnail of a picture file (bare name), made if need be. side: 160, 320, 640.
 * NOT_FOUND when the picture's file is missing, FORMAT or UNSUPPORTED when it cannot be read. The
 * file may be gone again when many others were asked for since: then ask again. Any thread. */
bool i4_thumb(i4_thumbs *thumbs, const char *file, int side, char *path, size_t size, i4_err *err);
/* The picture is gone for good. */
void i4_thumb_forget(i4_thumbs *thumbs, const char *file);
/* Bytes of all that is kept now. */
int64_t i4_thumbs_bytes(i4_thumbs *thumbs);

#endif
