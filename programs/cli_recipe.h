/* cli_recipe.h: a picture's recipe, read back for --from and `recipe`. */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include "cli_args.h"
#include "ideogram4.h"

/* Everything owned by the recipe; recipe_free gives it back, and is fine with {0}. */
typedef struct recipe {
    char *caption;         /* NULL: none */
    char *preset;          /* NULL: none */
    char *model, *format;  /* that drew it; NULL: not told */
    int64_t width, height; /* 0: none */
    int64_t steps;         /* 0: the preset's own */
    double guidance;       /* -1: the preset's own */
    int64_t seed;          /* -1: none */
    char *loras[CLI_LORAS_MAX];
    double strengths[CLI_LORAS_MAX];
    size_t lora_count;
} recipe;

/* The recipe as JSON text, out of a PNG, WebP or JPEG file. Free with
 * id4_bytes_free. 0 after saying why. */
int recipe_load(const char *path, id4_bytes *json);
/* Reads and checks it. 0 after saying why. */
int recipe_read(const char *path, recipe *r);
void recipe_free(recipe *r);

#endif
