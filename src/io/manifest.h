/* Floor 1. A model folder: which layout, which files. Reads small JSON files and safetensors
 * headers only. docs/formats.md 1, 2, 4, 5, 7.3. */
#ifndef I4_IO_MANIFEST_H
#define I4_IO_MANIFEST_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum i4_layout {
    I4_LAYOUT_SPLIT, /* mlx-forge: one file per component, names prefixed */
    I4_LAYOUT_MFLUX, /* mflux save: shards per folder */
    I4_LAYOUT_FP8    /* official: diffusers folders */
} i4_layout;
const char *i4_layout_name(i4_layout layout);

typedef enum i4_part {
    I4_PART_TEXT,
    I4_PART_COND,
    I4_PART_FREE,
    I4_PART_VAE,
    I4_PART_COUNT
} i4_part;
/* "text_encoder", "conditional_transformer", "unconditional_transformer", "vae" */
const char *i4_part_name(i4_part part);

typedef struct i4_manifest {
    i4_layout layout;
    char root[4096];
    struct {
        char **files; /* owned; safetensors paths, in the order that later ones win */
        size_t file_count;
        bool indexed;      /* from an index: a name in two files is an error */
        char *config_path; /* owned; NULL when the layout has none or it is absent */
    } part[I4_PART_COUNT];
    char *tokenizer_path;   /* owned; tokenizer/tokenizer.json; NULL if absent */
    char *latent_norm_path; /* owned; latent_norm.json; NULL if absent (the default constants) */
    char source[128];       /* split_model.json "source", "" if unknown */
} i4_manifest;

/* NOT_FOUND: no such folder; FORMAT: a broken or unknown layout (the sentence names the supported
 * ones and says which file is missing); UNSUPPORTED: NF4. */
bool i4_manifest_read(const char *folder, i4_manifest *manifest, i4_err *err);
void i4_manifest_free(i4_manifest *manifest);

#endif
