/* Floor 6, private to the daemon. The one thread that owns model and engine and takes its work
 * from the table's queue. */
#ifndef I4_DAEMON_WORKER_H
#define I4_DAEMON_WORKER_H

#include "daemon/jobs.h"
#include "settings/settings.h"

typedef struct i4_worker i4_worker;

/* table and settings are borrowed until stop. */
i4_worker *i4_worker_start(i4_table *table, const i4_settings *settings, i4_err *err);
/* Cancels what runs and what waits, wakes who waits for it, and ends the thread. */
void i4_worker_stop(i4_worker *worker);

/* Can this build compute with the configured backend? If so, its name goes to out. */
bool i4_worker_usable(const i4_settings *settings, char *out, size_t size, i4_err *err);

/* For tests, like i4_fault_set: called on the worker's thread, without the mutex, whenever what
 * clients see of the running work has changed, with what just began: "load", "drawing", "loras",
 * "prepare", "sampling", "step", "preview", "decode", "encode", "stored", "end", and the phases of
 * LoRA operations. NULL removes it. Set while no worker exists. */
typedef void (*i4_moment_fn)(const char *moment, void *user);
void i4_worker_watch(i4_moment_fn fn, void *user);

#endif
