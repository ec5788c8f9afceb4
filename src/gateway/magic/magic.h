/* Floor 6, private to the gateway. Magic Prompt: a language model of the user's choice turns an
 * idea into a structured caption (docs/http-api.md 8). */
#ifndef I4_GATEWAY_MAGIC_H
#define I4_GATEWAY_MAGIC_H

#include "gateway/gateway.h"

typedef struct i4_magic_picture {
    const char *base64; /* borrowed: the bare data, checked */
    size_t size;        /* of it, in characters */
    const char *mime;
} i4_magic_picture;

typedef struct i4_magic_idea {
    const char *text; /* borrowed */
    int64_t width, height;
    const i4_magic_picture *pictures; /* borrowed */
    size_t picture_count;
} i4_magic_idea;

/* Why there is no caption: what to answer (I19). */
typedef enum i4_magic_fault {
    I4_MAGIC_FINE,
    I4_MAGIC_SETTINGS = 500, /* ours: a missing key, a bad value, no memory */
    I4_MAGIC_ANSWER = 502,   /* the provider cannot be reached, refuses, or talks nonsense */
    I4_MAGIC_TIMEOUT = 504
} i4_magic_fault;

/* --- provider.c: settings, and the provider over HTTP --------------------------------- */

const char *i4_magic_provider(const i4_settings *settings);
bool i4_magic_is_llama(const i4_settings *settings);
bool i4_magic_needs_key(const i4_settings *settings);

/* Asks the provider for a caption of the idea; *text is what it wrote (i4_free). */
i4_magic_fault i4_magic_ask(i4_gateway *gateway, const i4_magic_idea *idea, char **text,
                            i4_err *err);
/* Is somebody there? (8.2) */
bool i4_magic_probe(i4_gateway *gateway, i4_err *err);

/* --- prompts.c: what it is told ------------------------------------------------------- */

/* The list "messages" (new reference). NULL: err says why. */
json_t *i4_magic_messages(const i4_settings *settings, const i4_magic_idea *idea, i4_err *err);

/* --- picture.c ------------------------------------------------------------------------ */

/* Strict standard base64, bare or in a data URL. False: *reason says why not. */
bool i4_magic_picture_read(const char *text, size_t bytes_max, i4_magic_picture *picture,
                           const char **reason);

/* --- answer.c: what it wrote becomes a caption (8.6 steps 3 to 8) ---------------------- */

/* New reference; NULL: err says what is wrong with the answer. *messages (new reference, or NULL)
 * are the verifier's, if it came to that. */
json_t *i4_magic_caption(const char *text, json_t **messages, i4_err *err);

/* --- verify.c ------------------------------------------------------------------------------- */

/* Messages of the caption verifier, "path: sentence" (new list); NULL: not enough memory. */
json_t *i4_verify(const json_t *caption);
void i4_verify_route(i4_http_request *request, i4_http_reply *reply, void *user);

#endif
