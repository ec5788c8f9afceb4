/* Floor 6, private to the gateway. The upscaler's parts: what is installed, and the work on one
 * picture. Jobs and routes are in upscale.c. */
#ifndef I4_GATEWAY_UPSCALE_H
#define I4_GATEWAY_UPSCALE_H

#include "base/limits.h"
#include "gateway/tasks/tasks.h"

enum {
    I4_UPSCALE_FACTOR = 4, /* of the external program */
    I4_UPSCALE_PRESETS = 2,
    I4_UPSCALE_PATH_BYTES = I4_LIMIT_PATH_BYTES + 256
};

typedef struct i4_upscale_preset {
    const char *name, *model; /* model: files .bin and .param */
} i4_upscale_preset;

extern const i4_upscale_preset i4_upscale_presets[I4_UPSCALE_PRESETS];
extern const char i4_upscale_backend[]; /* the one that there is */

typedef struct i4_upscale_tools {
    char bin[I4_UPSCALE_PATH_BYTES];       /* "": not found */
    char model_dir[I4_UPSCALE_PATH_BYTES]; /* "": not found */
    bool has_preset[I4_UPSCALE_PRESETS];
    const char *error; /* NULL: ready for the first preset */
} i4_upscale_tools;

/* tools.c */
void i4_upscale_look(const i4_settings *settings, i4_upscale_tools *tools);

/* What is to be done. */
typedef struct i4_upscale_order {
    i4_gateway *gateway; /* borrowed */
    char id[I4_TASK_ID_BYTES];
    int64_t source_id;
    int scale, preset; /* 2 or 4; index */
    json_t *source;    /* owned: the row of the source picture */
    char input[I4_UPSCALE_PATH_BYTES];
    bool (*go_on)(void *user); /* false: give up */
    void *user;
} i4_upscale_order;

/* work.c: runs the program, writes the file, then the row. */
bool i4_upscale_do(const i4_upscale_order *order, int64_t *image_id, i4_err *err);

#endif
