/* Floor 6, private to the gateway. Running an external program, without a shell. */
#ifndef I4_GATEWAY_SPAWN_H
#define I4_GATEWAY_SPAWN_H

#include "base/status.h"

typedef struct i4_spawn {
    const char *const *argv;   /* [0]: path of the program; NULL-terminated */
    const char *folder;        /* its working directory */
    double seconds;            /* time limit */
    bool (*go_on)(void *user); /* asked several times a second; false ends the program */
    void *user;
} i4_spawn;

/* Runs it to its end, with nothing on its standard input; it and its children form a group of
 * their own and inherit no files. True when it exits with 0; otherwise err quotes the end of what
 * it wrote. Blocking; any thread. */
bool i4_spawn_run(const i4_spawn *spawn, i4_err *err);

#endif
