/* Floor 1. HTTP requests to other services over libcurl. Blocking; one i4_http_client per thread
 * (keeps its connections). Redirects are not followed unless asked; proxies from the environment
 * are ignored for loopback addresses; only http and https. */
#ifndef I4_HTTP_CLIENT_H
#define I4_HTTP_CLIENT_H

#include "base/status.h"
#include "base/str.h"

#include <jansson.h>

typedef struct i4_http_client i4_http_client;
i4_http_client *i4_http_client_new(i4_err *err);
void i4_http_client_free(i4_http_client *client);

typedef struct i4_answer {
    int status; /* 0: no answer */
    char *body; /* owned, NUL-terminated; "" when streamed */
    size_t size;
    char *headers;  /* owned, raw header lines of the last response */
    bool timed_out; /* when the call failed: a limit of the call was hit */
} i4_answer;

typedef struct i4_call {
    const char *method; /* NULL: GET */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; or NULL */
    const char *token;          /* bearer; NULL none; never sent to another host */
    json_t *json;               /* body; borrowed; NULL none */
    const char *body; /* instead of json: bytes, with their type among `headers`; or NULL */
    size_t body_size;
    double connect_seconds; /* limit; 0: 30 */
    double read_seconds;    /* limit without a byte moving; 0: 300 */
    double total_seconds;   /* 0: none */
    size_t answer_limit;    /* bytes; 0: 64 MiB, or none with a sink */
    bool head, follow;
    /* Streaming instead of buffering: false stops with CANCELLED. Only bodies of 2xx answers go to
     * the sink, others are buffered. begin (may be NULL) comes before the first byte of such a body
     * and sees status and headers. */
    bool (*begin)(const i4_answer *answer, void *user);
    bool (*sink)(const void *bytes, size_t size, void *user);
    bool (*go_on)(void *user); /* asked at least once a second; false stops with CANCELLED */
    void *user;
} i4_call;

/* False when no complete answer came (err: IO, CANCELLED, …); any HTTP status is true. The sentence
 * names scheme and host only, never the path, the query or a token. *answer is to be freed always.
 */
bool i4_http_call(i4_http_client *client, const i4_call *call, i4_answer *answer, i4_err *err);
void i4_answer_free(i4_answer *answer);
/* Value of a header, trimmed, into out; false if absent. */
bool i4_answer_header(const i4_answer *answer, const char *name, char *out, size_t size);
json_t *i4_answer_json(const i4_answer *answer); /* new reference; NULL if it is not JSON */

#endif
