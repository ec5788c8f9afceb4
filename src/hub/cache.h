/* Floor 1. The cache that huggingface_hub uses too (docs/formats.md 9.4): where things lie, what a
 * revision stands for, and whether a snapshot is whole. Nothing here removes anything. */
#ifndef I4_HUB_CACHE_H
#define I4_HUB_CACHE_H

#include "hub/env.h"
#include "hub/names.h"

#include <stdint.h>

/* The folders of one repository. */
typedef struct i4_hub_cache {
    char folder[I4_LIMIT_PATH_BYTES]; /* <cache>/models--owner--name */
    char locks[I4_LIMIT_PATH_BYTES];  /* <cache>/.locks/models--owner--name */
} i4_hub_cache;

/* Formats a path; false if it is too long. */
bool i4_hub_path(char *out, size_t size, i4_err *err, const char *format, ...) I4_PRINTF(4, 5);

bool i4_hub_cache_init(i4_hub_cache *cache, const char *root, const char *repo, i4_err *err);
/* The commit that refs/<revision> holds, or the revision itself if it is one. */
bool i4_hub_ref_read(const i4_hub_cache *cache, const char *revision,
                     char commit[I4_HUB_COMMIT_BYTES]);
bool i4_hub_ref_write(const i4_hub_cache *cache, const char *revision, const char *commit,
                      i4_err *err);
/* The folder of a whole snapshot: that of the revision; if none was asked for (NULL or ""), that
 * of main, else the newest whole one. patterns: NULL for a model of this project, else each must
 * match a file. NOT_FOUND says how to get it. */
bool i4_hub_cache_find(const i4_hub_cache *cache, const char *repo, const char *revision,
                       const char *const *patterns, char *folder, size_t size, i4_err *err);

#endif
