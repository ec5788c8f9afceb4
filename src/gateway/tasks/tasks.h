/* Floor 6, private to the gateway. Generation tasks whose pictures are to be stored, and storing.
 *
 * A task is open from its submission until its picture has a row, or it is known to have none. Open
 * tasks are in the database too, so that they outlive this process. Whoever learns first that a
 * task is done (a poll of /api/status or the storing thread) stores its picture; the others wait
 * and find the row. */
#ifndef I4_GATEWAY_TASKS_H
#define I4_GATEWAY_TASKS_H

#include "gateway/gateway.h"

enum { I4_TASK_ID_BYTES = 33 }; /* 32 lower-case hexadecimal digits and NUL */

bool i4_task_id_is_good(const char *text);
void i4_task_id_new(char id[I4_TASK_ID_BYTES]);

/* For i4_call.go_on: `tasks` is an i4_tasks. False once the gateway is stopping. */
bool i4_tasks_running(void *tasks);
/* From here on i4_tasks_running is false and nothing is stored but by callers. */
void i4_tasks_begin_stop(i4_tasks *tasks);

/* A task that the daemon accepted; written to the database. */
void i4_tasks_add(i4_tasks *tasks, const char *id);
/* The daemon may hold pictures of tasks that we do not know: asks it soon. */
void i4_tasks_look_soon(i4_tasks *tasks);

typedef enum i4_settled {
    I4_SETTLED_OPEN,   /* still running */
    I4_SETTLED_EMPTY,  /* done, and there is no picture: failed, cancelled or unknown */
    I4_SETTLED_STORED, /* done; *row is the picture's, NULL if it was deleted meanwhile */
    I4_SETTLED_FAILED  /* done, but its picture could not be stored; err says why */
} i4_settled;

/* Does what the daemon's status object of a task asks for. A cancelled task's picture is dropped
 * (I4). Any thread; may wait for another one that is storing the same picture. */
i4_settled i4_tasks_settle(i4_tasks *tasks, const char *id, const json_t *status, json_t **row,
                           i4_err *err);

/* --- store.c: one picture, no locks -------------------------------------------------------- */

/* The row of <id>.<any format>: OK, NONE or FAILED. */
i4_db_result i4_store_find(i4_gateway *gateway, const char *id, json_t **row, i4_err *err);
/* Finds the picture's row, or fetches the artifact, writes the file, then the row. */
bool i4_store_artifact(i4_gateway *gateway, const char *id, const json_t *meta, json_t **row,
                       i4_err *err);
/* For a picture file that lies complete in the output folder although its row was never written
 * and the daemon has forgotten it: writes the row from what the picture says about itself.
 * False when there is no such file. */
bool i4_store_found_file(i4_gateway *gateway, const char *id);
/* Tells the daemon that it need not keep the picture. Best effort. */
void i4_store_taken(i4_gateway *gateway, const char *id);

/* --- sweep.c ------------------------------------------------------------------------------- */

/* Removes half-written files that a killed gateway left in the output folder. Only while no other
 * gateway uses that folder. */
void i4_sweep_output(const char *output_dir);
/* Is it a name of such a file? */
bool i4_sweep_is_leftover(const char *name);
/* Takes the lock that says "this database is in use"; *fd holds it until closed. */
bool i4_instance_lock(const char *db_path, int *fd, i4_err *err);

#endif
