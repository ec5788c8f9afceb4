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
/* For thumbnails: as small as the format gives it cheaply, the longer side not below `side`, or the
 * whole picture. */
bool i4_image_decode_small(const uint8_t *bytes, size_t size, int side, i4_image *image,
                           i4_err *err);
/* A new picture of which each pixel is the mean of the area it covers; sizes at most the old. */
bool i4_image_shrink(const i4_image *image, int width, int height, i4_image *out, i4_err *err);
/* WebP in a fraction of the time that the smallest file would take. */
bool i4_image_encode_quick(const i4_image *image, int quality, uint8_t **bytes, size_t *size,
                           i4_err *err);
/* The refusal card of the weights: one flat grey of middle lightness, give or take what a codec
 * makes of it. Text, shapes, gradients and black or white pages are none. */
bool i4_image_is_refusal(const i4_image *image);
/* The same picture without text, place and date: bytes of pixels and colour profile as they were.
 * *out is the caller's (i4_free). */
bool i4_image_strip(const uint8_t *bytes, size_t size, uint8_t **out, size_t *out_size,
                    i4_err *err);

typedef struct i4_pairs {
    char **key, **value; /* owned */
    size_t count;
} i4_pairs;
/* Text inside a picture without decoding pixels; an unknown file type is FORMAT, none is count 0.
 */
bool i4_image_text(const uint8_t *bytes, size_t size, i4_pairs *pairs, i4_err *err);
/* What other programs may have put into a picture: text fields by their names, and "XMP", "EXIF",
 * "comment" with all their text. Nothing in it is to be trusted. */
bool i4_image_foreign(const uint8_t *bytes, size_t size, i4_pairs *pairs, i4_err *err);
void i4_pairs_free(i4_pairs *pairs);
const char *i4_pairs_get(const i4_pairs *pairs, const char *key); /* NULL: none */

#endif
