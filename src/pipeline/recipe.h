/* Floor 4. The recipe of a picture as JSON: everything needed to draw it again. */
#ifndef I4_PIPELINE_RECIPE_H
#define I4_PIPELINE_RECIPE_H

#include "base/status.h"
#include "base/str.h"

#include <stdint.h>

#define I4_RECIPE_KEY "ideogram4" /* of the text inside a picture */

typedef struct i4_recipe_lora {
    const char *name;
    double strength;
} i4_recipe_lora;

typedef struct i4_recipe {
    const char *program; /* "ideogram4.c 0.1.0" */
    const char *model, *format, *caption, *preset;
    int width, height, steps; /* steps 0: the preset's own */
    double guidance;          /* negative: the preset's list */
    uint64_t seed;
    const i4_recipe_lora *loras;
    size_t lora_count;
} i4_recipe;

/* NUL-terminated compact JSON (i4_free). */
char *i4_recipe_json(const i4_recipe *recipe, i4_err *err);
/* Out of a picture file; NOT_FOUND if it carries none, FORMAT if what it carries is no object. */
char *i4_recipe_find(const uint8_t *data, size_t size, i4_err *err);

#endif
