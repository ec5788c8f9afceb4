/* Golden folders: reference arrays beside the checkpoints they were computed from. A model root
 * lacks its tokenizer there, so a root of symbolic links is made in the temporary folder. */
#ifndef TESTS_GOLDEN_FOLDER_H
#define TESTS_GOLDEN_FOLDER_H

#include "io/safetensors.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { GOLDEN_PATH = 1024 };

/* Calls fn for `folder` if it holds manifest.json, else for each folder in it that does. */
int golden_each(const char *folder, int (*fn)(const char *folder, void *user), void *user);
/* A temporary model root of FOLDER/LAYOUT with FOLDER/tokenizer inside; false on failure. */
bool golden_root(const char *folder, const char *layout, char root[GOLDEN_PATH]);
void golden_root_remove(const char *root);

/* Float32 or int32 tensor, its data checked for presence; NULL if absent. */
const float *golden_floats(const i4_st_file *file, const char *name, size_t *count);

double relative_l2(const float *got, const float *want, size_t count);
double psnr_u8(const unsigned char *a, const unsigned char *b, size_t count);
/* Number at folder-manifest layouts.LAYOUT.KEY[.KEY2], or fallback. */
double golden_number(const json_t *manifest, const char *layout, const char *key, const char *key2,
                     double fallback);

#endif
