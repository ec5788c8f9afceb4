/* Floor 1 (base, http). Models from the Hugging Face hub into the cache that huggingface_hub uses:
 * resumable, locked, hashed while streaming. Protocol and layout: docs/formats.md 9. */
#ifndef I4_HUB_HUB_H
#define I4_HUB_HUB_H

#include "base/status.h"

#include <stdint.h>

typedef struct i4_hub_progress {
    const char *file; /* being fetched, NULL between files */
    int file_index, file_count;
    uint64_t done_bytes, total_bytes; /* of all files */
} i4_hub_progress;
typedef bool (*i4_hub_fn)(const i4_hub_progress *progress, void *user); /* false cancels */

typedef struct i4_hub_options {
    const char *repo;            /* owner/name */
    const char *revision;        /* NULL or "": main */
    const char *const *patterns; /* allow patterns; NULL: what a model of this project needs */
    i4_hub_fn progress;
    void *user;
} i4_hub_options;

/* Downloads what is missing; `folder` gets the snapshot's path. Environment: HF_ENDPOINT, HF_HOME,
 * HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH,
 * HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE, HF_HUB_ETAG_TIMEOUT, HF_HUB_DOWNLOAD_TIMEOUT. */
bool i4_hub_fetch(const i4_hub_options *options, char *folder, size_t size, i4_err *err);
/* A complete snapshot that is already in the cache; NOT_FOUND if there is none. No network. */
bool i4_hub_find(const char *repo, const char *revision, char *folder, size_t size, i4_err *err);

#endif
