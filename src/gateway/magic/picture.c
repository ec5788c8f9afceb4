/* Pictures that come with an idea, in base64: checked without unpacking them. */
#include "gateway/magic/magic.h"

#include <string.h>

/* Value of a base64 digit, -1 for any other character. */
static int digit_value(char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* Bytes that the text stands for; false if it is not strict base64. */
static bool decoded_size(const char *text, size_t size, size_t *bytes) {
    size_t digits = size;
    while (digits > 0 && size - digits < 2 && text[digits - 1] == '=') {
        digits--;
    }
    for (size_t i = 0; i < digits; i++) {
        if (digit_value(text[i]) < 0) {
            return false;
        }
    }
    *bytes = digits / 4 * 3 + (digits % 4 * 6) / 8;
    return size % 4 == 0;
}

/* The first bytes; as many as there are, at most 12. */
static size_t decode_start(const char *text, size_t size, unsigned char out[12]) {
    size_t count = 0;
    uint32_t bits = 0;
    int known = 0; /* low bits of `bits` that belong to no byte yet */
    for (size_t i = 0; i < 16 && i < size && digit_value(text[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t)digit_value(text[i]);
        known += 6;
        if (known >= 8) {
            known -= 8;
            out[count++] = (unsigned char)(bits >> known);
        }
    }
    return count;
}

static const char *mime_of(const char *text, size_t size) {
    unsigned char b[12];
    const size_t n = decode_start(text, size, b);
    if (n >= 8 && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0) {
        return "image/png";
    }
    if (n >= 12 && memcmp(b, "RIFF", 4) == 0 && memcmp(b + 8, "WEBP", 4) == 0) {
        return "image/webp";
    }
    if (n >= 6 && (memcmp(b, "GIF87a", 6) == 0 || memcmp(b, "GIF89a", 6) == 0)) {
        return "image/gif";
    }
    return "image/jpeg";
}

bool i4_magic_picture_read(const char *text, size_t bytes_max, i4_magic_picture *picture,
                           const char **reason) {
    const char *comma = strncmp(text, "data:", 5) == 0 ? strchr(text, ',') : NULL;
    const char *data = comma ? comma + 1 : text;
    size_t bytes;
    *picture = (i4_magic_picture){.base64 = data, .size = strlen(data)};
    if (!decoded_size(data, picture->size, &bytes)) {
        *reason = "an image is not standard base64";
        return false;
    }
    if (bytes > bytes_max) {
        *reason = "an image is too large";
        return false;
    }
    picture->mime = mime_of(data, picture->size);
    return true;
}
