/* Floor 6, private to the gateway. Calls to other services: one HTTP client for each thread, ended
 * with it, so that connections are kept and nothing is shared. */
#ifndef I4_GATEWAY_OUTSIDE_H
#define I4_GATEWAY_OUTSIDE_H

#include "gateway/gateway.h"

/* The calling thread's client (borrowed, lives as long as the thread); NULL: err says why. */
i4_http_client *i4_outside_client(i4_err *err);

/* Appends one path segment, percent-encoded. What could climb in a path becomes "-", which is
 * the name of nothing. */
void i4_outside_segment(i4_buf *url, const char *segment);

/* The daemon's status of model and LoRA (new reference, an object); NULL when it gives none. */
json_t *i4_daemon_model(i4_gateway *gateway);
json_t *i4_daemon_loras(i4_gateway *gateway);
/* What stands for the model's status then (K1). */
json_t *i4_model_away(void);

/* Answers with what the daemon said, by the rules of docs/http-api.md 2.8. */
void i4_relay_answer(i4_http_reply *reply, const i4_answer *answer);
/* 503 with the words that clients look for. */
void i4_relay_unreachable(i4_http_reply *reply, const i4_err *err);

#endif
