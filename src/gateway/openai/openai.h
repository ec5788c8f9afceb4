/* Floor 6, private to the gateway. OpenAI's image API (docs/api.md 6): orders are read, go through
 * the queue like all others, and are answered in one piece or as a stream of events. */
#ifndef I4_GATEWAY_OPENAI_H
#define I4_GATEWAY_OPENAI_H

#include "gateway/gateway.h"

enum { I4_OPENAI_PICTURES = 10 }; /* of one request */

/* --- errors in OpenAI's shape (fault.c) ---------------------------------------------------- */

typedef enum i4_openai_kind {
    I4_OPENAI_NO_JSON,
    I4_OPENAI_TOO_LARGE,
    I4_OPENAI_MISSING,
    I4_OPENAI_WRONG_TYPE,
    I4_OPENAI_WRONG_VALUE,
    I4_OPENAI_NO_MODEL,
    I4_OPENAI_MANY_WAIT,
    I4_OPENAI_QUEUE_FULL,
    I4_OPENAI_BLOCKED, /* the model's refusal card */
    I4_OPENAI_FAILED,
    I4_OPENAI_CANCELLED,
    I4_OPENAI_STALLED,
    I4_OPENAI_STOPPING,
    I4_OPENAI_NO_MEMORY
} i4_openai_kind;

typedef struct i4_openai_fault {
    i4_openai_kind kind;
    const char *param; /* of the request, constant; NULL: none */
    i4_err err;        /* the sentence */
} i4_openai_fault;

/* Fills the fault and returns false. */
bool i4_openai_fail(i4_openai_fault *fault, i4_openai_kind kind, const char *param,
                    const char *format, ...) I4_PRINTF(4, 5);
/* Answers with the kind's status. What was drawn already is not to be drawn again by a client that
 * tries once more by itself, so it is told not to. */
void i4_openai_refuse(i4_http_reply *reply, const i4_openai_fault *fault);
/* Appends it as an event. */
void i4_openai_add_fault(i4_buf *out, const i4_openai_fault *fault);

/* --- orders (order.c) ---------------------------------------------------------------------- */

typedef struct i4_openai_order {
    char *caption, *loras;                 /* owned; loras NULL: whatever is applied */
    const char *preset, *quality, *format; /* constant, or of the settings */
    int64_t width, height, seed;           /* seed -1: random ones */
    bool wants_url, is_stream;
    int count, partials;
} i4_openai_order;

/* The body of a request; false: the fault says why not. *order is to be freed always. */
bool i4_openai_read(i4_gateway *gateway, const char *body, size_t size, i4_openai_order *order,
                    i4_openai_fault *fault);
void i4_openai_order_free(i4_openai_order *order);
/* Puts its pictures into the queue; ids: of the jobs, in order. */
bool i4_openai_add(i4_gateway *gateway, const i4_openai_order *order,
                   int64_t ids[I4_OPENAI_PICTURES], i4_openai_fault *fault);

/* Ids that `model` may have; NULL after the last. */
const char *i4_openai_model(size_t index);
bool i4_openai_no_model(i4_openai_fault *fault, const char *id); /* false */

/* --- results (result.c) -------------------------------------------------------------------- */

typedef enum i4_openai_state { I4_OPENAI_OPEN, I4_OPENAI_DONE, I4_OPENAI_LOST } i4_openai_state;

/* Looks at a job, NULL: there is none any more. DONE: *image_id; LOST: fault. */
i4_openai_state i4_openai_look(const json_t *job, int64_t *image_id, i4_openai_fault *fault);
/* The bytes of a stored picture (i4_free). */
bool i4_openai_bytes(i4_gateway *gateway, int64_t image_id, char **bytes, size_t *size,
                     i4_openai_fault *fault);
/* Appends the bytes as base64. */
void i4_openai_add_base64(i4_buf *out, const void *bytes, size_t size);
/* Appends ,"size":…,"quality":…,"background":…,"output_format":… */
void i4_openai_add_facts(i4_buf *out, const i4_openai_order *order, const char *format);
/* Appends ,"usage":{…}: nothing is counted here, clients read the keys. */
void i4_openai_add_usage(i4_buf *out);

/* --- answers that are streams (stream.c) --------------------------------------------------- */

/* Puts the order into the queue and answers with its events; takes its contents. False: nothing was
 * answered, the fault says why. */
bool i4_openai_stream(i4_gateway *gateway, i4_http_request *request, i4_http_reply *reply,
                      i4_openai_order *order, i4_openai_fault *fault);

#endif
