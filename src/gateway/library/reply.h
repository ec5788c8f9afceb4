/* Floor 6, private to this folder. What the routes of the library answer when something fails. */
#ifndef I4_GATEWAY_LIBRARY_REPLY_H
#define I4_GATEWAY_LIBRARY_REPLY_H

#include "http/server.h"

/* 422 for a request that cannot be; else it is logged: 503 for what passes, 500. */
void i4_library_fail(i4_http_reply *reply, const i4_err *err);

#endif
