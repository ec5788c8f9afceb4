/* Floor 1. One file from the hub into the cache: locked, resumed, hashed while it streams, renamed
 * to its final name only when length and hash are right, and linked into the snapshot. */
#ifndef I4_HUB_BLOB_H
#define I4_HUB_BLOB_H

#include "hub/cache.h"
#include "hub/talk.h"

typedef struct i4_hub_store {
    i4_hub_talk *talk;
    const i4_hub_cache *cache;
    const char *commit;
    uint64_t file_bytes; /* of the file being fetched, so far; read by talk->go_on */
} i4_hub_store;

/* Size of the file if the snapshot has it already. */
bool i4_hub_store_has(const i4_hub_store *store, const char *file, uint64_t *size);
/* Bytes that are still to come for a file. */
uint64_t i4_hub_store_lacks(const i4_hub_store *store, const i4_hub_remote *remote);
/* Waits for another process that fetches the same content. remote: of a look just now; its
 * address may be renewed. */
bool i4_hub_store_fetch(i4_hub_store *store, const char *file, i4_hub_remote *remote, i4_err *err);

#endif
