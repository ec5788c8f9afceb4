/* Floor 1. Pictures in memory and as files: 8-bit RGB; PNG, JPEG, WebP; text inside the file.
 *
 * Metadata is a list of key/value UTF-8 strings. PNG: one iTXt chunk per pair. JPEG and WebP: one
 * XMP packet in which each pair is a property of the namespace
 * "https://ideogram4.c/ns/1.0/" (prefix i4); pairs read back equal, line breaks included.
 * Decoding refuses sizes beyond limits.h before allocating, animation, and trailing surprises are
 * ignored. Decoding flattens alpha onto white and converts grey and palette to RGB. */
#ifndef I4_IMAGE_IMAGE_H
#define I4_IMAGE_IMAGE_H

#include "base/status.h"
#include "base/str.h"

#include <stdint.h>

typedef struct i4_image {
    int width, height;
    uint8_t *rgb; /* owned, [height, width, 3], no gaps */
} i4_image;

typedef enum i4_image_format { I4_PNG = 1, I4_WEBP = 2, I4_JPEG = 3 } i4_image_format;

typedef struct i4_pair {
    const char *key;   /* PNG keyword rules: 1..79 ASCII letters, digits, '-', '_', ':' */
    const char *value; /* UTF-8, NUL-terminated */
} i4_pair;

bool i4_image_new(i4_image *image, int width, int height, i4_err *err);
void i4_image_free(i4_image *image); /* clears; fine on a cleared one */

/* quality 1..100 for WebP (lossy; 100 still lossy) and JPEG; ignored for PNG. Deterministic: no
 * time stamps. *bytes is owned by the caller (i4_free). */
bool i4_image_encode(const i4_image *image, i4_image_format format, int quality,
                     const i4_pair *pairs, size_t pair_count, uint8_t **bytes, size_t *size,
                     i4_err *err);
/* Format found from the first bytes. */
bool i4_image_decode(const uint8_t *bytes, size_t size, i4_image *image, i4_err *err);

typedef struct i4_pairs {
    char **key, **value; /* owned */
    size_t count;
} i4_pairs;
/* Text inside a picture without decoding pixels; an unknown file type is FORMAT, none is count 0.
 */
bool i4_image_text(const uint8_t *bytes, size_t size, i4_pairs *pairs, i4_err *err);
void i4_pairs_free(i4_pairs *pairs);
const char *i4_pairs_get(const i4_pairs *pairs, const char *key); /* NULL: none */

#endif
