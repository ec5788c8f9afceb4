/* Floor 6, private to the worker. What the worker's thread owns, and what its files do for each
 * other. Everything here runs on that thread, without the table's mutex unless said otherwise. */
#ifndef I4_DAEMON_DESK_H
#define I4_DAEMON_DESK_H

#include "daemon/worker.h"

#include <ideogram4.h>

struct i4_worker {
    i4_table *table;
    const i4_settings *settings;
    pthread_t thread;
    id4_model *model; /* NULL: unloaded */
    id4_engine *engine;
    id4_adapter *adapter[I4_STACK_ITEMS]; /* set in the engine, in the order of the stack */
    size_t adapter_count;
};

void i4_moment(const char *name);
/* The public error as an internal one. */
bool i4_pass_on(const id4_error *from, i4_err *err);

/* model.c */
void i4_model_load(i4_worker *w);
void i4_model_unload(i4_worker *w);
/* Opens the files of a stack and puts them in the place of those that are set. On failure the old
 * ones stay. Without a model nothing happens. */
bool i4_model_set_stack(i4_worker *w, const i4_stack *stack, i4_err *err);
/* Makes `next` (taken) the stack of the table and of the engine. *changed: it was not already. */
bool i4_model_apply(i4_worker *w, i4_stack *next, bool *changed, i4_err *err);

/* draw.c */
void i4_draw(i4_worker *w, i4_job *job);
/* The engine's callback; user: the worker. */
void i4_draw_preview(const id4_preview *preview, void *user);

#endif
