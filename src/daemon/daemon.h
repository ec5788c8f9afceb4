/* Floor 6. The model daemon: one worker thread owns model and engine; handler threads validate,
 * look at or change the table of tasks under its mutex, and answer. Contract: docs/http-api.md 4
 * and 5.
 *
 * Additions (ours): docs/api.md 5 and 7; GET /spool lists finished pictures that nobody has taken
 * ({"tasks":[{task_id, image_meta, fetched}]}; fetched: somebody was given it), DELETE
 * /spool/{task_id} says that a picture is stored elsewhere. Finished pictures are written to the
 * spool folder (picture and image_meta, synced, renamed) before their task says done, and are tasks
 * again after a restart. */
#ifndef I4_DAEMON_DAEMON_H
#define I4_DAEMON_DAEMON_H

#include "base/status.h"
#include "settings/settings.h"

typedef struct i4_daemon i4_daemon;

i4_daemon *i4_daemon_start(const i4_settings *settings, i4_err *err);
int i4_daemon_port(const i4_daemon *daemon);
/* Cancels what runs, waits for it, closes. */
void i4_daemon_stop(i4_daemon *daemon);

#endif
