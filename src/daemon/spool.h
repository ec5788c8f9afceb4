/* Floor 6, private to the daemon. Finished pictures on disk, until someone has stored them.
 *
 * A picture is two files, <task>.<format> and <task>.json (its record), each written beside,
 * synced and renamed, the record last: a picture counts once its record is there. A picture that
 * is stored elsewhere has its record renamed to <task>.taken; a new start removes such pairs and
 * whatever was left half-written. An empty <task>.fetched says that somebody was given the
 * picture. One process owns a spool folder. Any thread. */
#ifndef I4_DAEMON_SPOOL_H
#define I4_DAEMON_SPOOL_H

#include "base/status.h"
#include "daemon/detail.h"

#include <jansson.h>
#include <stdint.h>

enum { I4_TASK_ID_BYTES = 33 }; /* 32 lower-case hex digits and the NUL */

/* Values of the public header. */
typedef enum i4_picture_format {
    I4_PICTURE_PNG = 1,
    I4_PICTURE_WEBP = 2,
    I4_PICTURE_JPEG = 3
} i4_picture_format;

const char *i4_picture_name(i4_picture_format format); /* "png"; also the suffix */
const char *i4_picture_type(i4_picture_format format); /* "image/png" */
bool i4_picture_find(const char *name, i4_picture_format *format);

typedef struct i4_spool i4_spool;

/* One picture of the folder, as found at the start. */
typedef struct i4_spooled {
    char id[I4_TASK_ID_BYTES];
    i4_picture_format format;
    uint64_t bytes;
    int64_t finished; /* wall clock */
    int total_steps;
    bool is_fetched; /* see i4_spool_mark_fetched */
    char msg[200];
    i4_detail detail; /* of the drawing, when it was over */
} i4_spooled;

/* Makes the folder and takes possession of it; BUSY when another process has it. */
i4_spool *i4_spool_open(const char *folder, i4_err *err);
void i4_spool_close(i4_spool *spool);

/* Removes what is not a finished picture, and calls fn for each that is, oldest first; fn returns
 * false to stop. Before anything else uses the spool. */
typedef bool (*i4_spool_fn)(const i4_spooled *picture, void *user);
bool i4_spool_scan(i4_spool *spool, i4_spool_fn fn, void *user, i4_err *err);

/* Durable when true; nothing is left behind when false. meta is borrowed. */
bool i4_spool_store(i4_spool *spool, const i4_spooled *picture, const void *bytes,
                    const json_t *meta, i4_err *err);
/* image_meta of a picture, taken or not: new reference, NULL if it is gone. */
json_t *i4_spool_meta(i4_spool *spool, const char *id);
/* False if the path is too long. */
bool i4_spool_path(i4_spool *spool, const char *id, i4_picture_format format, char *out,
                   size_t size);
/* Somebody was given the picture; it stays, and the next start knows. Best effort. */
void i4_spool_mark_fetched(i4_spool *spool, const char *id);
/* The picture is stored elsewhere: it will not outlive this process. */
bool i4_spool_take(i4_spool *spool, const char *id, i4_err *err);
void i4_spool_drop(i4_spool *spool, const char *id, i4_picture_format format);

#endif
