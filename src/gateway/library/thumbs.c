/* Thumbnails. */
#include "gateway/library/thumbs.h"

#include "base/memory.h"

i4_thumbs *i4_thumbs_start(i4_gateway *gateway, i4_err *err) {
    (void)gateway;
    i4_thumbs *thumbs = i4_calloc(1, 8);
    if (!thumbs) {
        i4_fail_memory(err, "thumbnails", 8);
    }
    return thumbs;
}

void i4_thumbs_stop(i4_thumbs *thumbs) {
    i4_free(thumbs);
}

bool i4_thumb(i4_thumbs *thumbs, const char *file, int side, char *path, size_t size, i4_err *err) {
    (void)thumbs;
    (void)file;
    (void)side;
    (void)path;
    (void)size;
    return i4_fail(err, I4_E_INTERNAL, "not built yet");
}

void i4_thumb_forget(i4_thumbs *thumbs, const char *file) {
    (void)thumbs;
    (void)file;
}
