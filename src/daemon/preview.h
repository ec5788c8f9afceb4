/* Floor 6, private to the daemon. The previews of one drawing, from when it begins until the next
 * one does: JPEG files in memory, few and small, the oldest given up first. Guarded by the table's
 * mutex. */
#ifndef I4_DAEMON_PREVIEW_H
#define I4_DAEMON_PREVIEW_H

#include "daemon/spool.h"

#include <ideogram4.h>
#include <stddef.h>

enum {
    I4_PREVIEW_COUNT = 64,
    I4_PREVIEW_BYTES = 4 << 20,       /* of all */
    I4_PREVIEW_FILE_BYTES = 40 * 1000 /* of one */
};

typedef struct i4_shot {
    int step;    /* finished steps */
    void *bytes; /* owned */
    size_t size;
} i4_shot;

typedef struct i4_previews {
    char id[I4_TASK_ID_BYTES];      /* of the drawing; "": none yet */
    i4_shot shot[I4_PREVIEW_COUNT]; /* a ring, oldest at first */
    size_t first, count, bytes;
} i4_previews;

/* Not held: the JPEG file of a preview (i4_free), NULL if there can be none of that size. */
void *i4_preview_encode(const id4_preview *preview, size_t *size);

/* Frees the last drawing's. */
void i4_previews_begin(i4_previews *p, const char *id);
void i4_previews_add(i4_previews *p, int step, void *bytes, size_t size); /* takes the bytes */
/* step < 0: the newest; NULL: none. */
const i4_shot *i4_previews_find(const i4_previews *p, const char *id, int64_t step);

#endif
