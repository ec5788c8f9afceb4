/* Floor 1. An HTTP/1.1 server for loopback services over libmicrohttpd.
 *
 * One thread reads sockets (epoll); complete requests are handed to a fixed set of worker threads,
 * so a handler may block without holding up anyone's request but its own route class. Before
 * routing, in this order: header limits, Host allowlist, Origin and Fetch-Metadata, CORS preflight,
 * token (binds beyond loopback), form content types of state-changing requests.
 *
 * A handler is a function from request to reply. Everything it allocates with the request's arena
 * lives until the reply is sent. Source of the rules: docs/http-api.md 2, and its "Loopback rules"
 * (OWASP advice on services of this machine). */
#ifndef I4_HTTP_SERVER_H
#define I4_HTTP_SERVER_H

#include "base/status.h"
#include "base/str.h"

#include <jansson.h>
#include <stdint.h>

typedef struct i4_http_request i4_http_request; /* opaque: see accessors */
typedef struct i4_http_reply i4_http_reply;

typedef void (*i4_http_handler)(i4_http_request *request, i4_http_reply *reply, void *user);

/* What a route does with a body. */
typedef enum i4_http_body {
    I4_BODY_NONE, /* ignored, any content type */
    I4_BODY_JSON, /* parsed before the handler runs; 400/413/422 rows A to C answered here */
    I4_BODY_BYTES /* kept as it came, any content type: i4_req_bytes */
} i4_http_body;

typedef struct i4_route {
    const char *method;  /* "GET", "POST", "PATCH", "DELETE"; GET answers HEAD too */
    const char *pattern; /* "/api/images/{id:int}/file": {name} one segment, {name:int} one that
                            must be a whole number (422 otherwise), {name...} the rest */
    i4_http_body body;
    size_t body_limit; /* bytes; 0: 64 KiB */
    bool free_form;    /* JSON bodies: row C says dict_type instead of model_attributes_type */
    bool slow;         /* may block for long (an outside service): runs on the slow workers */
    i4_http_handler handler;
} i4_route;

typedef struct i4_http_options {
    const char *host;          /* address to bind, "127.0.0.1" */
    int port;                  /* 0: any free one */
    const i4_route *routes;    /* borrowed, earlier ones win; ended by method NULL */
    void *user;                /* for the handlers */
    int workers, slow_workers; /* threads; 0: 8 and 8 */
    /* CORS origins, NULL-terminated; "*" allowed; NULL: no CORS at all */
    const char *const *origins;
    bool cors_credentials;
    const char *const *hosts; /* further names for the Host allowlist ("name": with our port;
                                 "name:port": as it stands), NULL-terminated */
    const char *token;        /* needed as "Authorization: Bearer …" (or ?token=, or a cookie) on
                                 every request when bound beyond loopback; NULL elsewhere */
    const char *static_dir;   /* NULL, or a folder served for GET paths that match no route
                                 (index.html for "/" and for paths without a dot); never below
                                 the first segment of a route ("/api/…", "/outputs/…") */
    const char *area;         /* for log lines */
} i4_http_options;

typedef struct i4_http_server i4_http_server;

/* IO when the port is taken (says by which address), INVALID_ARGUMENT for a bind beyond loopback
 * without a token of at least 22 characters. */
i4_http_server *i4_http_start(const i4_http_options *options, i4_err *err);
int i4_http_port(const i4_http_server *server);
/* Stops accepting, waits for running handlers (at most `seconds`), closes; NULL is a no-op. False
 * when a handler still runs: what it uses (routes, user) must then stay for the rest of the
 * process. */
bool i4_http_stop(i4_http_server *server, double seconds);

/* --- request ----------------------------------------------------------------------------- */

const char *i4_req_method(const i4_http_request *r);
const char *i4_req_path(const i4_http_request *r); /* percent-decoded */
/* Of the pattern; NULL none. */
const char *i4_req_param(const i4_http_request *r, const char *name);
/* Of a {name:int}: the number, -1 when it is beyond 64 bits (to be answered as not found). */
int64_t i4_req_id(const i4_http_request *r, const char *name);
const char *i4_req_query(const i4_http_request *r, const char *name); /* NULL absent, "" empty */
/* Of a name that is given several times: the index-th value; NULL: no more. */
const char *i4_req_query_at(const i4_http_request *r, const char *name, int index);
const char *i4_req_header(const i4_http_request *r, const char *name);
json_t *i4_req_json(const i4_http_request *r); /* borrowed; an object for typed bodies */
i4_str i4_req_bytes(const i4_http_request *r); /* borrowed; the body of an I4_BODY_BYTES route */
/* Memory that lives until the reply is sent; NULL when there is none. */
void *i4_req_alloc(i4_http_request *r, size_t size);

/* --- reply: exactly one of these per handler (none: 500) ---------------------------------- */

/* Takes the value; compact, UTF-8 unescaped, floats in shortest form. NULL (no memory) is 503. */
void i4_reply_json(i4_http_reply *reply, int status, json_t *value);
/* {"error": text} */
void i4_reply_error(i4_http_reply *reply, int status, const char *format, ...) I4_PRINTF(3, 4);
void i4_reply_text(i4_http_reply *reply, int status, const char *type, const char *text);
/* Takes the bytes (i4_free). */
void i4_reply_bytes(i4_http_reply *reply, int status, const char *type, void *bytes, size_t size);
/* A regular file with Accept-Ranges, ETag, Last-Modified, ranges and If-Range (docs/http-api.md
 * 3.8); 404 {"error":"not found"} if it cannot be opened. */
void i4_reply_file(i4_http_request *request, i4_http_reply *reply, const char *type,
                   const char *path);
/* Any time in the handler; `value` is copied and must be one line. */
void i4_reply_header(i4_http_reply *reply, const char *name, const char *value);

/* A stream of events (text/event-stream). next() is called on a worker (of the streams alone, so it
 * must not block) at the start and whenever the stream was woken, one call at a time, and appends
 * to `out`; false ends the stream after those bytes. end() is called once, after the last next(),
 * also when the client went away. Event streams get a comment line every 15 s, so that a client
 * that is gone is noticed.
 *
 * Nobody is dropped for reading slowly: next() is not called while I4_STREAM_BYTES or more wait
 * unsent, so what a stream costs is bounded by what one call appends. A producer with more to say
 * appends at least that many bytes and is called again once they went out. */
enum { I4_STREAM_BYTES = 16 << 10 };
typedef bool (*i4_stream_next)(void *stream, i4_buf *out);
typedef void (*i4_stream_end)(void *stream);
void i4_reply_stream(i4_http_reply *reply, const char *type, i4_stream_next next, i4_stream_end end,
                     void *stream);
void i4_http_wake(i4_http_server *server); /* all streams; any thread */
/* The server that the request came to. It lives until the end() of its streams has returned. */
i4_http_server *i4_req_server(const i4_http_request *r);

#endif
