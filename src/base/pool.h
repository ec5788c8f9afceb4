/* Floor 0. A pool of worker threads with one verb: run a function for every index.
 *
 * One caller at a time. The caller works too, as thread 0. Indices are handed out in order,
 * dynamically. Returns when all are done (one barrier). A pool that could not start all its
 * threads works with fewer. */
#ifndef I4_BASE_POOL_H
#define I4_BASE_POOL_H

#include "base/status.h"

typedef struct i4_pool i4_pool;
typedef void (*i4_pool_fn)(void *task, int index, int thread);

/* threads <= 0: all usable cores. NULL on failure. */
i4_pool *i4_pool_new(int threads, i4_err *err);
void i4_pool_free(i4_pool *pool);
int i4_pool_threads(const i4_pool *pool); /* including the caller; at least 1 */
void i4_pool_run(i4_pool *pool, i4_pool_fn fn, void *task, int count);

#endif
