/* Floor 6, private to this folder. The thread that asks the daemon for what nobody tells us, and
 * the capabilities. */
#ifndef I4_GATEWAY_EVENTS_INSIDE_H
#define I4_GATEWAY_EVENTS_INSIDE_H

#include "gateway/events/events.h"

typedef struct i4_watch i4_watch;

/* While somebody listens: says "model" and "lora" when the daemon's answers changed. */
i4_watch *i4_watch_start(i4_gateway *gateway, i4_events *events, i4_err *err);
void i4_watch_stop(i4_watch *watch);
/* Whether a page would show something else for `now`: memory that moved by a twentieth at most,
 * and seconds that are counted up or down, are no news. */
bool i4_watch_differs(const json_t *before, const json_t *now);

/* capabilities.c: docs/api.md 5 */
void i4_answer_capabilities(i4_http_request *request, i4_http_reply *reply, void *user);

#endif
