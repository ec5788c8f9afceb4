/* Floor 6, private to the gateway. Pushed events (docs/api.md 2): one log of what happened, from
 * which any number of listeners are served, each at its own pace.
 *
 * The log is bounded; an event with a key takes the place of an older one of the same kind and key,
 * so that progress does not push out what matters, and a slow reader gets the newest of it. */
#ifndef I4_GATEWAY_EVENTS_H
#define I4_GATEWAY_EVENTS_H

#include "gateway/gateway.h"

i4_events *i4_events_start(i4_gateway *gateway, i4_err *err);
/* The streams end by themselves when the servers stop. */
void i4_events_stop(i4_events *events);

/* Takes data (NULL, no memory: listeners get a resync). key NULL: never replaced. Any thread; does
 * not block. events NULL: nothing (tests without a log). */
void i4_events_say(i4_events *events, const char *kind, const char *key, json_t *data);
/* An "image" event; ids taken, NULL: many. prompt_id -1: null. */
void i4_events_image(i4_events *events, const char *change, json_t *ids, int64_t prompt_id);
enum { I4_LISTENERS_MOST = 1024 };

typedef struct i4_listener i4_listener;

/* A listener on a stream of this server, from the event after last_id on (NULL or "": from now on,
 * greeted with the queue's revision). NULL: there are too many already, or no memory. */
i4_listener *i4_listener_new(i4_events *events, i4_http_server *server, const char *last_id,
                             i4_err *err);
/* For i4_reply_stream; a stream that only wants to be woken when something happens has one too. */
bool i4_listener_next(void *listener, i4_buf *out);
void i4_listener_end(void *listener);

/* The side that a picture of no given size has: that for which the model is made, within what is
 * allowed here (docs/api.md 5). Asks the daemon. */
int64_t i4_own_side(i4_gateway *gateway);

/* For tests: listeners now. */
int i4_events_listeners(i4_events *events);

#endif
