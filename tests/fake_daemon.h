/* For tests: a model daemon that draws nothing. The test says what happens to its tasks; every
 * answer can be replaced. Contract: docs/http-api.md 4, docs/api.md 7, and the spool of the real
 * one. */
#ifndef ID4_TESTS_FAKE_DAEMON_H
#define ID4_TESTS_FAKE_DAEMON_H

#include "fake_service.h"

#include <stdint.h>

enum { FAKE_TASKS_MOST = 64 };

typedef struct fake_task {
    char id[33];
    bool is_done, is_cancelled, has_artifact, is_fetched, is_taken;
    const char *error;   /* NULL: null */
    const char *meta;    /* JSON text of image_meta; NULL: null */
    const void *picture; /* borrowed */
    size_t picture_size;
    const char *detail; /* JSON text; NULL: none, as an older daemon */
    int preview_step;   /* of the newest preview; 0: none */
} fake_task;

typedef struct fake_daemon {
    fake_service service;
    int port;

    pthread_mutex_t mutex; /* guards what follows */
    fake_task tasks[FAKE_TASKS_MOST];
    size_t count;
    char last_target[2048], last_method[16], *last_body; /* of the last call that was no poll */
    int artifacts_given, spool_looks, taken;
    int artifact_faults;   /* so many artifacts end in the middle */
    int artifact_pause_ms; /* before an artifact is given */
    int pause_ms;          /* before any other answer */
    bool has_no_spool;
    bool is_busy;                    /* another program draws: POST /generate is 409 */
    bool gives_own_ids;              /* as an older daemon: task_id of a request is ignored */
    const char *model;               /* "loaded" (NULL), "idle", "loading" */
    const char *model_msg;           /* NULL: "" */
    const char *operation;           /* what it does, or NULL */
    const char *load_error;          /* POST /model/load ends so: model_msg; NULL: it loads */
    bool loads_slowly;               /* POST /model/load leaves it "loading" */
    int submissions, loads, cancels; /* calls */
    /* the next answers to a request whose target begins so; NULL: the real ones */
    const char *replaced;
    int replaced_status;
    const char *replaced_type, *replaced_body;
} fake_daemon;

void fake_daemon_open(fake_daemon *daemon);
void fake_daemon_close(fake_daemon *daemon);
/* The process dies and comes back on the same port: unfinished and taken tasks are forgotten. */
void fake_daemon_stop(fake_daemon *daemon);
void fake_daemon_restart(fake_daemon *daemon);

/* A running task, as if it had been accepted. */
void fake_daemon_add(fake_daemon *daemon, const char *id);
void fake_daemon_finish(fake_daemon *daemon, const char *id, const char *meta, const void *picture,
                        size_t size);
void fake_daemon_fail(fake_daemon *daemon, const char *id, const char *error);
void fake_daemon_set_cancelled(fake_daemon *daemon, const char *id);
void fake_daemon_replace(fake_daemon *daemon, const char *target, int status, const char *type,
                         const char *body);
/* What `detail` says from now on, and the newest preview (0: none). */
void fake_daemon_detail(fake_daemon *daemon, const char *id, const char *detail, int preview_step);
void fake_daemon_model(fake_daemon *daemon, const char *state, const char *msg,
                       const char *operation);
/* Under the mutex: one of the counters. */
int fake_daemon_read(fake_daemon *daemon, const int *counter);
/* Copies of the last call that was not a poll. */
void fake_daemon_last(fake_daemon *daemon, char *method, char *target, char **body);
/* Id of the task accepted last. */
void fake_daemon_last_id(fake_daemon *daemon, char id[33]);

#endif
