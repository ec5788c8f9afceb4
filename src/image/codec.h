/* Floor 1, private to this folder. What a file format offers image.c (i4_codec), and what image.c
 * offers the formats: size limits, flattening, and the collector of text. */
#ifndef I4_IMAGE_CODEC_H
#define I4_IMAGE_CODEC_H

#include "image/image.h"

enum {
    /* Pairs written into one file; text chunks looked at when reading a PNG. With
     * I4_LIMIT_METADATA_BYTES this bounds what a compressed text can unpack to. */
    I4_PAIRS_MAX = 64,
    I4_KEY_BYTES_MAX = 79 /* PNG's keyword */
};

/* Collects text from a file into pairs; total size and number are bounded. */
typedef struct i4_gather {
    i4_pairs pairs; /* owned */
    size_t capacity;
    size_t bytes; /* of all keys and values so far */
} i4_gather;

/* Copies one pair. Bytes of the value that are not UTF-8, and NUL, become U+FFFD. */
bool i4_gather_add(i4_gather *gather, i4_str key, i4_str value, i4_err *err);

typedef struct i4_codec {
    /* Appends the file to out. The arguments have been checked. */
    bool (*encode)(const i4_image *image, int quality, const i4_pair *pairs, size_t pair_count,
                   i4_buf *out, i4_err *err);
    /* Fills a cleared image; leaves it cleared on failure. side 0: whole; else the picture may come
     * smaller, its longer side not below that many pixels, or as it is. */
    bool (*decode)(i4_str file, int side, i4_image *image, i4_err *err);
    bool (*text)(i4_str file, i4_gather *gather, i4_err *err);
    /* Hands out what other programs write text into, in the file's order (meta.c). */
    bool (*foreign)(i4_str file, i4_gather *gather, i4_err *err);
    /* Appends the file without what says anything but pixels and their colours. */
    bool (*strip)(i4_str file, i4_buf *out, i4_err *err);
} i4_codec;

extern const i4_codec i4_codec_png;
extern const i4_codec i4_codec_jpeg;
extern const i4_codec i4_codec_webp;

/* Refuses an empty size and one beyond limits.h. */
bool i4_image_fits(uint64_t width, uint64_t height, i4_err *err);
/* A cleared picture with room for `channels` (3 or 4) bytes a pixel in rgb. */
bool i4_image_new_channels(i4_image *image, int width, int height, int channels, i4_err *err);
/* rgb holds RGBA: composes it over white and packs it to RGB, in place. */
void i4_image_flatten(i4_image *image);
/* meta.c: the text in a block of EXIF, as one pair of the key "EXIF". */
bool i4_exif_read(i4_str block, i4_gather *gather, i4_err *err);
/* 1..79 of letters, digits, '-', '_', ':'. */
bool i4_image_key_valid(i4_str key);
/* Says why out failed; false. */
bool i4_image_fail_output(const i4_buf *out, i4_err *err);

#endif
