/* Floor 1. Where the hub is, where its cache is and who asks: the environment variables that
 * huggingface_hub reads too (docs/formats.md 9.1). */
#ifndef I4_HUB_ENV_H
#define I4_HUB_ENV_H

#include "base/limits.h"
#include "base/status.h"

typedef struct i4_hub_env {
    char endpoint[1024]; /* scheme and host, perhaps a path; no slash at the end */
    char cache[I4_LIMIT_PATH_BYTES];
    char token[1024]; /* "": none. A secret: never in a log line or a sentence */
    bool offline;
    double etag_seconds, download_seconds;
} i4_hub_env;

/* What works without a network: `cache` and `offline`; the rest is empty. */
bool i4_hub_env_local(i4_hub_env *env, i4_err *err);
/* The rest. */
bool i4_hub_env_remote(i4_hub_env *env, i4_err *err);

#endif
