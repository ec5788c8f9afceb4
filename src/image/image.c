/* Pictures in memory, and the door to the formats: chooses the format, checks every argument, and
 * owns the collector of text. EXIF orientation and colour profiles are not looked at: pictures of
 * this program have neither. */
#include "image/codec.h"

#include "base/checked.h"
#include "base/limits.h"
#include "base/memory.h"

#include <string.h>

/* --- pictures ---------------------------------------------------------------------------- */

bool i4_image_fits(uint64_t width, uint64_t height, i4_err *err) {
    if (width == 0 || height == 0) {
        return i4_fail(err, I4_E_FORMAT, "the picture is empty (%llu x %llu pixels)",
                       (unsigned long long)width, (unsigned long long)height);
    }
    if (width > I4_LIMIT_IMAGE_SIDE || height > I4_LIMIT_IMAGE_SIDE ||
        width * height > I4_LIMIT_IMAGE_PIXELS) {
        return i4_fail(err, I4_E_UNSUPPORTED,
                       "the picture has %llu x %llu pixels; at most %d a side and %d in all are "
                       "read, so make it smaller first",
                       (unsigned long long)width, (unsigned long long)height, I4_LIMIT_IMAGE_SIDE,
                       I4_LIMIT_IMAGE_PIXELS);
    }
    return true;
}

bool i4_image_new_channels(i4_image *image, int width, int height, int channels, i4_err *err) {
    size_t pixels = 0;
    size_t bytes = 0;
    if (!i4_mul_size((size_t)width, (size_t)height, &pixels) ||
        !i4_mul_size(pixels, (size_t)channels, &bytes)) {
        return i4_fail(err, I4_E_UNSUPPORTED, "the picture is too large for this machine");
    }
    uint8_t *rgb = i4_calloc(bytes, 1);
    if (rgb == NULL) {
        return i4_fail_memory(err, "a picture", bytes);
    }
    *image = (i4_image){.width = width, .height = height, .rgb = rgb};
    return true;
}

bool i4_image_new(i4_image *image, int width, int height, i4_err *err) {
    i4_err why = {0};
    *image = (i4_image){0};
    if (width <= 0 || height <= 0 || !i4_image_fits((uint64_t)width, (uint64_t)height, &why)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "a picture of %d x %d pixels cannot be made: 1 to %d a side and at most %d "
                       "in all",
                       width, height, I4_LIMIT_IMAGE_SIDE, I4_LIMIT_IMAGE_PIXELS);
    }
    return i4_image_new_channels(image, width, height, 3, err);
}

void i4_image_free(i4_image *image) {
    if (image != NULL) {
        i4_free(image->rgb);
        *image = (i4_image){0};
    }
}

static uint8_t over_white(unsigned value, unsigned alpha) {
    return (uint8_t)((value * alpha + 255U * (255U - alpha) + 127U) / 255U);
}

void i4_image_flatten(i4_image *image) {
    size_t pixels = (size_t)image->width * (size_t)image->height;
    uint8_t *bytes = image->rgb;
    /* The write position never overtakes the read position. */
    for (size_t i = 0; i < pixels; i++) {
        unsigned alpha = bytes[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            bytes[3 * i + c] = over_white(bytes[4 * i + c], alpha);
        }
    }
    uint8_t *smaller = i4_realloc(bytes, 3 * pixels);
    if (smaller != NULL) { /* otherwise the larger block serves as well */
        image->rgb = smaller;
    }
}

/* --- text -------------------------------------------------------------------------------- */

bool i4_image_key_valid(i4_str key) {
    if (key.len == 0 || key.len > I4_KEY_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < key.len; i++) {
        char c = key.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != ':') {
            return false;
        }
    }
    return true;
}

/* Bytes of a value once read back: what XML cannot hold comes back as U+FFFD, 3 bytes. */
static size_t bytes_read_back(i4_str value) {
    size_t bytes = value.len;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bytes += c < 0x20 && c != '\t' && c != '\n' && c != '\r' ? 2 : 0;
    }
    return bytes;
}

static bool pair_valid(const i4_pair *pairs, size_t index, size_t *total, i4_err *err) {
    if (pairs[index].key == NULL || pairs[index].value == NULL ||
        !i4_image_key_valid(i4_str_c(pairs[index].key))) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "metadata pair %zu has no valid key: 1 to %d ASCII letters, digits, '-', "
                       "'_' or ':', and a value",
                       index, I4_KEY_BYTES_MAX);
    }
    for (size_t i = 0; i < index; i++) {
        if (strcmp(pairs[i].key, pairs[index].key) == 0) {
            return i4_fail(err, I4_E_INVALID_ARGUMENT, "the metadata key %s is given twice",
                           pairs[index].key);
        }
    }
    i4_str value = i4_str_c(pairs[index].value);
    if (!i4_utf8_valid(value)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the metadata value of %s is not UTF-8",
                       pairs[index].key);
    }
    if (value.len > I4_LIMIT_METADATA_BYTES) {
        *total = SIZE_MAX;
    } else if (*total <= I4_LIMIT_METADATA_BYTES) {
        *total += strlen(pairs[index].key) + bytes_read_back(value);
    }
    return true;
}

static bool pairs_valid(const i4_pair *pairs, size_t count, i4_err *err) {
    if (count > I4_PAIRS_MAX || (count > 0 && pairs == NULL)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "a picture holds at most %d metadata pairs",
                       I4_PAIRS_MAX);
    }
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (!pair_valid(pairs, i, &total, err)) {
            return false;
        }
    }
    if (total > I4_LIMIT_METADATA_BYTES) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the metadata is larger than the %d bytes that a picture may hold",
                       I4_LIMIT_METADATA_BYTES);
    }
    return true;
}

static bool gather_grow(i4_gather *gather, i4_err *err) {
    if (gather->pairs.count < gather->capacity) {
        return true;
    }
    size_t capacity = gather->capacity == 0 ? 8 : 2 * gather->capacity;
    char **key = i4_realloc(gather->pairs.key, capacity * sizeof *key);
    if (key == NULL) {
        return i4_fail_memory(err, "the text of a picture", capacity * sizeof *key);
    }
    gather->pairs.key = key;
    char **value = i4_realloc(gather->pairs.value, capacity * sizeof *value);
    if (value == NULL) {
        return i4_fail_memory(err, "the text of a picture", capacity * sizeof *value);
    }
    gather->pairs.value = value;
    gather->capacity = capacity;
    return true;
}

/* *copy: text as valid UTF-8 without NUL; owned by the caller. */
static bool clean_copy(i4_gather *gather, i4_str text, char **copy, i4_err *err) {
    i4_buf clean;
    i4_buf_init(&clean, I4_LIMIT_METADATA_BYTES - gather->bytes);
    for (size_t pos = 0; pos < text.len && !clean.failed;) {
        size_t start = pos;
        uint32_t code_point = 0;
        if (i4_utf8_next(text, &pos, &code_point) && code_point != 0) {
            i4_buf_add(&clean, text.ptr + start, pos - start);
        } else {
            i4_buf_add_utf8(&clean, 0xFFFD);
            pos = start + 1;
        }
    }
    bool over_limit = clean.over_limit;
    size_t len = 0;
    *copy = i4_buf_take(&clean, &len);
    if (over_limit) {
        return i4_fail(err, I4_E_FORMAT,
                       "the picture holds more than %d bytes of text, too much "
                       "for a recipe",
                       I4_LIMIT_METADATA_BYTES);
    }
    if (*copy == NULL) {
        return i4_fail_memory(err, "the text of a picture", text.len);
    }
    gather->bytes += len;
    return true;
}

bool i4_gather_add(i4_gather *gather, i4_str key, i4_str value, i4_err *err) {
    char *key_copy = NULL;
    char *value_copy = NULL;
    if (!gather_grow(gather, err) || !clean_copy(gather, key, &key_copy, err) ||
        !clean_copy(gather, value, &value_copy, err)) {
        i4_free(key_copy);
        i4_free(value_copy);
        return false;
    }
    gather->pairs.key[gather->pairs.count] = key_copy;
    gather->pairs.value[gather->pairs.count] = value_copy;
    gather->pairs.count++;
    return true;
}

void i4_pairs_free(i4_pairs *pairs) {
    if (pairs == NULL) {
        return;
    }
    for (size_t i = 0; i < pairs->count; i++) {
        i4_free(pairs->key[i]);
        i4_free(pairs->value[i]);
    }
    i4_free(pairs->key);
    i4_free(pairs->value);
    *pairs = (i4_pairs){0};
}

const char *i4_pairs_get(const i4_pairs *pairs, const char *key) {
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->key[i], key) == 0) {
            return pairs->value[i];
        }
    }
    return NULL;
}

/* --- formats ----------------------------------------------------------------------------- */

static const i4_codec *codec_of_format(i4_image_format format) {
    switch (format) {
    case I4_PNG:
        return &i4_codec_png;
    case I4_WEBP:
        return &i4_codec_webp;
    case I4_JPEG:
        return &i4_codec_jpeg;
    }
    return NULL;
}

static const i4_codec *codec_of_file(i4_str file) {
    if (i4_str_starts(file, "\x89PNG\r\n\x1a\n")) {
        return &i4_codec_png;
    }
    if (i4_str_starts(file, "\xff\xd8\xff")) {
        return &i4_codec_jpeg;
    }
    if (i4_str_starts(file, "RIFF") && file.len >= 12 && memcmp(file.ptr + 8, "WEBP", 4) == 0) {
        return &i4_codec_webp;
    }
    return NULL;
}

/* The codec of a file within the limit on size; NULL with err filled. */
static const i4_codec *codec_for_reading(i4_str file, i4_err *err) {
    if (file.len > I4_LIMIT_IMAGE_FILE_BYTES) {
        i4_fail(err, I4_E_UNSUPPORTED, "the picture file has %zu bytes; at most %d are read",
                file.len, I4_LIMIT_IMAGE_FILE_BYTES);
        return NULL;
    }
    const i4_codec *codec = codec_of_file(file);
    if (codec == NULL) {
        i4_fail(err, I4_E_FORMAT, "the file is not a PNG, JPEG or WebP picture");
    }
    return codec;
}

bool i4_image_fail_output(const i4_buf *out, i4_err *err) {
    if (out->over_limit) {
        return i4_fail(err, I4_E_UNSUPPORTED, "the picture file would be larger than %zu bytes",
                       out->limit);
    }
    return i4_fail_memory(err, "a picture file", out->len);
}

bool i4_image_encode(const i4_image *image, i4_image_format format, int quality,
                     const i4_pair *pairs, size_t pair_count, uint8_t **bytes, size_t *size,
                     i4_err *err) {
    const i4_codec *codec = codec_of_format(format);
    if (codec == NULL) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the picture format %d is none of PNG, WebP, JPEG", (int)format);
    }
    if (format != I4_PNG && (quality < 1 || quality > 100)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the quality %d is not within 1 to 100",
                       quality);
    }
    if (image->rgb == NULL || image->width <= 0 || image->height <= 0) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "there is no picture to encode");
    }
    if (!pairs_valid(pairs, pair_count, err)) {
        return false;
    }
    i4_buf out;
    i4_buf_init(&out, I4_LIMIT_IMAGE_FILE_BYTES);
    bool ok = codec->encode(image, quality, pairs, pair_count, &out, err);
    if (ok) {
        *bytes = (uint8_t *)i4_buf_take(&out, size);
    }
    i4_buf_free(&out);
    return ok;
}

static bool decode(const uint8_t *bytes, size_t size, int side, i4_image *image, i4_err *err) {
    i4_str file = i4_str_of((const char *)bytes, size);
    const i4_codec *codec = codec_for_reading(file, err);
    i4_image decoded = {0};
    if (codec == NULL || !codec->decode(file, side, &decoded, err)) {
        return false;
    }
    *image = decoded;
    return true;
}

bool i4_image_decode(const uint8_t *bytes, size_t size, i4_image *image, i4_err *err) {
    return decode(bytes, size, 0, image, err);
}

bool i4_image_decode_small(const uint8_t *bytes, size_t size, int side, i4_image *image,
                           i4_err *err) {
    return decode(bytes, size, side > 0 ? side : 1, image, err);
}

static bool gather_with(bool (*read)(i4_str file, i4_gather *gather, i4_err *err), i4_str file,
                        i4_pairs *pairs, i4_err *err) {
    i4_gather gather = {0};
    if (!read(file, &gather, err)) {
        i4_pairs_free(&gather.pairs);
        return false;
    }
    *pairs = gather.pairs;
    return true;
}

bool i4_image_text(const uint8_t *bytes, size_t size, i4_pairs *pairs, i4_err *err) {
    i4_str file = i4_str_of((const char *)bytes, size);
    const i4_codec *codec = codec_for_reading(file, err);
    *pairs = (i4_pairs){0};
    return codec != NULL && gather_with(codec->text, file, pairs, err);
}

bool i4_image_foreign(const uint8_t *bytes, size_t size, i4_pairs *pairs, i4_err *err) {
    i4_str file = i4_str_of((const char *)bytes, size);
    const i4_codec *codec = codec_for_reading(file, err);
    *pairs = (i4_pairs){0};
    return codec != NULL && gather_with(codec->foreign, file, pairs, err);
}

bool i4_image_strip(const uint8_t *bytes, size_t size, uint8_t **out, size_t *out_size,
                    i4_err *err) {
    i4_str file = i4_str_of((const char *)bytes, size);
    const i4_codec *codec = codec_for_reading(file, err);
    i4_buf clean;
    i4_buf_init(&clean, I4_LIMIT_IMAGE_FILE_BYTES);
    bool ok = codec != NULL && codec->strip(file, &clean, err);
    if (ok && clean.failed) {
        ok = i4_image_fail_output(&clean, err);
    }
    if (ok) {
        *out = (uint8_t *)i4_buf_take(&clean, out_size);
    }
    i4_buf_free(&clean);
    return ok;
}
