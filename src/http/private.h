/* Floor 1, private to http. What its files share: the request, the reply, the guard before routing,
 * and the pieces that parse text from outside. Nothing here needs a socket, so that tests and
 * fuzzers can feed it. */
#ifndef I4_HTTP_PRIVATE_H
#define I4_HTTP_PRIVATE_H

#include "http/server.h"

struct MHD_Connection;
struct MHD_Response;

enum {
    I4_HTTP_PARAMS = 8,              /* of a pattern */
    I4_HTTP_HEADERS = 100,           /* header lines; browsers send about 20 */
    I4_HTTP_HEADER_BYTES = 16384,    /* of all header lines and the target together */
    I4_HTTP_QUERIES = 64,            /* parameters of a query */
    I4_HTTP_BODY_BYTES = 64 << 10,   /* default limit of a JSON body */
    I4_HTTP_IGNORED_BYTES = 1 << 20, /* a body that nobody reads */
    I4_HTTP_DRAIN_BYTES = 64 << 20,  /* read and thrown away so that the client hears the answer */
    I4_HTTP_BUFFERED_BYTES = 256 << 20, /* bodies of all requests together */
    I4_HTTP_RANGES = 64,                /* in one Range header */
    I4_HTTP_ECHO_BYTES = 1024           /* of a string repeated in a 422 */
};

/* --- work for the threads (work.c) --------------------------------------------------------- */

typedef struct i4_work {
    struct i4_work *next;
    bool is_stream; /* an i4_stream, else an i4_http_request; it is the first member of both */
} i4_work;

/* --- request (request.c) ----------------------------------------------------------------- */

typedef struct i4_pair {
    const char *name, *value;
} i4_pair;

typedef struct i4_param {
    const char *name; /* not NUL-terminated: points into the pattern */
    size_t name_size;
    const char *value;
    int64_t number; /* of a {name:int} */
    bool is_int;
} i4_param;

typedef struct i4_reply_line {
    struct i4_reply_line *next;
    const char *name, *value;
} i4_reply_line;

struct i4_http_reply {
    i4_http_request *request;
    struct MHD_Response *response; /* owned; NULL: none yet */
    int status;
    i4_reply_line *lines; /* of i4_reply_header, in the request's arena */
    bool out_of_memory, is_stream;
};

/* Who may touch a request: the thread that reads sockets, except while it is QUEUED or RUNNING;
 * LOST: the server stopped meanwhile, and the worker that has it frees it. Guarded by the server's
 * lock from QUEUED on. */
typedef enum i4_request_state {
    I4_REQUEST_NEW,
    I4_REQUEST_READING,
    I4_REQUEST_QUEUED,
    I4_REQUEST_RUNNING,
    I4_REQUEST_DONE,
    I4_REQUEST_LOST
} i4_request_state;

struct i4_http_request {
    i4_work work;
    struct i4_arena *arena;
    const char *method, *target;
    const char *path; /* decoded; NULL when it decodes to no text: no route has it */
    i4_pair headers[I4_HTTP_HEADERS];
    int header_count;
    size_t header_bytes;
    bool too_many_headers, out_of_memory;
    i4_pair queries[I4_HTTP_QUERIES];
    int query_count;
    i4_param params[I4_HTTP_PARAMS];
    int param_count;
    const i4_route *route; /* NULL: a static file, or refused */
    i4_buf body;
    /* bytes kept at most; that arrived; that count in server->buffered */
    size_t body_limit, body_seen, body_counted;
    json_t *json, *detail;    /* owned; detail: errors of path parameters */
    const char *allow_origin; /* value of Access-Control-Allow-Origin; NULL none */
    bool vary_origin, is_cross_origin, is_page_only, sets_cookie;
    i4_http_reply reply;
    i4_http_server *server;
    struct MHD_Connection *connection;
    i4_request_state state;
    bool is_counted; /* among server->busy */
};

i4_http_request *i4_request_new(i4_http_server *server, const char *target);
void i4_request_free(i4_http_request *r);
char *i4_request_copy(i4_http_request *r, const char *text, size_t size); /* NUL-terminated */
bool i4_request_add_header(i4_http_request *r, const char *name, const char *value);
int i4_request_count(const i4_http_request *r, const char *name); /* header lines of that name */
bool i4_request_is_safe(const i4_http_request *r);                /* GET, HEAD, OPTIONS */
/* "application/json" of "Application/JSON; charset=utf-8", in lower case; "" if absent. */
void i4_request_type(const i4_http_request *r, char *out, size_t size);
/* Splits and decodes r->target; false if it is no path. */
bool i4_request_split_target(i4_http_request *r);
/* Undoes %XX (and '+') into out of at least size + 1 bytes; false if the result has a NUL or is not
 * UTF-8 (then, with `mend`, such bytes became U+FFFD, out needs 3 · size + 1, and it is true). */
bool i4_percent_decode(const char *text, size_t size, bool plus_is_blank, bool mend, char *out);

/* --- guard (guard.c) --------------------------------------------------------------------- */

typedef struct i4_guard {
    const char *host; /* the bound address as in a Host header, IPv6 in brackets; or "" */
    int port;
    bool any_address; /* bound to all: any numeric address may be the host */
    const char *const *origins, *const *hosts;
    bool credentials;
    const char *token;
} i4_guard;

typedef struct i4_verdict {
    int status; /* 0: go on */
    const char *text;
    bool is_plain;     /* text/plain instead of {"error"} */
    bool is_preflight; /* 200 to a CORS preflight */
} i4_verdict;

i4_verdict i4_guard_check(const i4_guard *guard, i4_http_request *r);
bool i4_guard_host(const i4_guard *guard, const char *host);
bool i4_guard_own_origin(const i4_guard *guard, const char *origin);

/* --- routes (route.c) -------------------------------------------------------------------- */

typedef enum i4_route_result { I4_ROUTE_FOUND, I4_ROUTE_NONE, I4_ROUTE_METHOD } i4_route_result;

/* Sets r->route and r->params; METHOD fills `allow`. */
i4_route_result i4_route_find(const i4_route *routes, i4_http_request *r, char *allow, size_t size);
/* The first segment of the path belongs to the routes. */
bool i4_route_owns(const i4_route *routes, const char *path);

/* --- replies (reply.c, file.c) ----------------------------------------------------------- */

/* Takes the response (NULL: no memory). */
void i4_reply_set(i4_http_reply *reply, int status, const char *type,
                  struct MHD_Response *response);
/* {"detail": text}, {"detail": list} with long strings cut (takes the list) */
void i4_reply_framework(i4_http_reply *reply, int status, const char *text);
void i4_reply_detail(i4_http_reply *reply, json_t *detail);
/* Adds the headers that every answer has; once. */
void i4_reply_finish(i4_http_request *r);
void i4_reply_drop(i4_http_reply *reply);
/* A path of the page, below folder; links are not followed. */
void i4_reply_static(i4_http_request *r, i4_http_reply *reply, const char *folder); /* page.c */
/* file.c: opens below a folder, never waiting for a writer; -1: errno. */
int i4_open_at(int folder, const char *name, int flags);
/* Takes fd; false when it is no regular file. 304 to a client that has this version. */
bool i4_reply_fd(i4_http_request *request, i4_http_reply *reply, const char *type, int fd);

typedef struct i4_span {
    uint64_t start, size;
} i4_span;
/* Ranges of a Range header, sorted and merged; 0: none can be satisfied, -1: malformed. */
int i4_range_parse(const char *header, uint64_t size, i4_span spans[I4_HTTP_RANGES]);

/* --- entries of a 422 (validate.c) --------------------------------------------------------- */

typedef enum i4_int_text { I4_INT_FINE, I4_INT_UNPARSABLE, I4_INT_TOO_LARGE } i4_int_text;
i4_int_text i4_int_parse(const char *text, int64_t *out);

/* Appends an entry to *list (made when NULL); takes loc, ctx (may be NULL) and input; false when
 * there is no memory. */
bool i4_detail_add(json_t **list, json_t *loc, const char *type, const char *msg, json_t *ctx,
                   json_t *input);
/* Row F or G2 of a path parameter; false when there is no memory. */
bool i4_detail_path_int(json_t **list, const char *name, size_t name_size, const char *value);

#endif
