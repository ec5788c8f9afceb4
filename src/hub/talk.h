/* Floor 1. Conversation with the hub: list a revision, look at a file, fetch bytes. Redirects are
 * judged here, because the token must not leave the hub's own origin; answers become sentences
 * here (docs/formats.md 9.5). */
#ifndef I4_HUB_TALK_H
#define I4_HUB_TALK_H

#include "http/client.h"
#include "hub/env.h"
#include "hub/names.h"

#include <stdint.h>

enum { I4_HUB_URL_BYTES = 8192 /* signed addresses have about 2000 */ };

/* How long to insist. */
typedef struct i4_hub_patience {
    int retries;            /* of a request that failed without any progress */
    double pause_seconds;   /* before the first of them; doubles each time */
    double longest_seconds; /* a Retry-After beyond this is an error */
} i4_hub_patience;

typedef struct i4_hub_talk {
    const i4_hub_env *env;
    const char *repo;
    i4_http_client *client;
    i4_hub_patience patience;
    bool (*go_on)(void *user); /* asked at least once a second; false: cancelled */
    void *user;
    bool unreachable; /* the last failure was the network's or a 5xx */
} i4_hub_talk;

/* What a look at a file says. */
typedef struct i4_hub_remote {
    char etag[I4_HUB_ETAG_BYTES];
    uint64_t size;
    char url[I4_HUB_URL_BYTES];
    bool is_signed; /* the address came from a Location: it may expire */
} i4_hub_remote;

/* The commit of a revision and its listing (a new reference). */
bool i4_hub_list(i4_hub_talk *talk, const char *revision, char commit[I4_HUB_COMMIT_BYTES],
                 json_t **listing, i4_err *err);
bool i4_hub_look(i4_hub_talk *talk, const char *commit, const char *file, i4_hub_remote *remote,
                 i4_err *err);

/* Takes bytes of a file. begin: before the first; `from` is where the server really starts (0 or
 * what was asked for). Both false, with *err filled, end it. */
typedef struct i4_hub_taker {
    bool (*begin)(void *user, uint64_t from, i4_err *err);
    bool (*take)(void *user, const void *bytes, size_t size, i4_err *err);
    void *user;
} i4_hub_taker;

typedef enum i4_hub_outcome {
    I4_HUB_DONE,   /* the answer came whole */
    I4_HUB_AGAIN,  /* worth another try after a pause */
    I4_HUB_RENEW,  /* the same, but look first: the address has expired */
    I4_HUB_REWIND, /* the same, but from the start: the server cannot go on there */
    I4_HUB_FAILED
} i4_hub_outcome;

/* One try to fetch a file from byte `from` on. *wait: seconds the server asks to wait, or -1. */
i4_hub_outcome i4_hub_get(i4_hub_talk *talk, const char *file, i4_hub_remote *remote, uint64_t from,
                          const i4_hub_taker *taker, double *wait, i4_err *err);
/* Pause before try `tries` (from 0); wait: as above. False: cancelled, or too long. */
bool i4_hub_pause(i4_hub_talk *talk, int tries, double wait, i4_err *err);

#endif
