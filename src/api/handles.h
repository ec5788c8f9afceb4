/* Floor 5. What the files of the door share: the handles, and how structs and errors cross it. */
#ifndef I4_API_HANDLES_H
#define I4_API_HANDLES_H

#include "ideogram4.h"

#include "caption/caption.h"
#include "pipeline/engine.h"

struct id4_model {
    i4_model *inner;
};
struct id4_adapter {
    id4_model *model;
    i4_lora lora;
    char *path, *unmatched;
    atomic_int users;
};
struct id4_engine {
    id4_model *model;
    i4_engine *inner;
    id4_adapter **adapters;
    size_t adapter_count;
    void (*profile)(const char *stage, int layer, const char *op, double seconds, double flops,
                    void *user);
    void *profile_user;
    void (*preview)(const id4_preview *preview, void *user);
    void *preview_user;
};
struct id4_image {
    i4_image inner;
};
struct id4_findings {
    i4_findings inner;
    id4_finding *view;
};

/* The status of an internal result, the error copied out; err may be NULL. */
id4_status i4_leave(bool ok, const i4_err *inner, id4_error *err);
id4_status i4_refuse(id4_error *err, const char *text); /* INVALID_ARGUMENT */
id4_status i4_no_memory(id4_error *err, const char *what, size_t bytes);

/* Growing structs: copies what both sides know, in and out; the rest keeps its default. */
void i4_take(void *ours, size_t our_size, const void *theirs, size_t their_size);
void i4_give(void *theirs, size_t their_size, void *ours, size_t our_size);
/* False for one that its _init has not seen: refused, for all its fields would pass unheard. */
static inline bool i4_is_made(size_t struct_size) {
    return struct_size >= sizeof struct_size;
}

/* Moves the pixels into a handle; NULL (pixels freed) without memory. */
id4_image *i4_image_handle(i4_image inner);
/* A request of any age with this version's fields. */
void i4_take_request(id4_request *mine, const id4_request *theirs);
/* Proves a request and makes its schedule. */
bool i4_check_request(const id4_request *r, bool needs_caption, i4_schedule *schedule, i4_err *err);

#endif
