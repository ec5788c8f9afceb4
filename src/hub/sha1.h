/* Floor 1. SHA-1 (FIPS 180-4) of a stream of bytes. Only for the ids that git gives to contents
 * ("blob <size>\0" before the bytes), which the hub uses as ETag of small files; SHA-1 protects
 * against damage, not against an attacker, and nothing else may rely on it. */
#ifndef I4_HUB_SHA1_H
#define I4_HUB_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum {
    I4_SHA1_BYTES = 20,
    I4_SHA1_HEX_BYTES = 41 /* with the NUL */
};

typedef struct i4_sha1 {
    uint32_t state[5];
    uint64_t size;     /* bytes added so far */
    uint8_t block[64]; /* the last size % 64 of them */
} i4_sha1;

void i4_sha1_begin(i4_sha1 *sum);
/* Begins the id of a blob of `size` bytes; the bytes follow. */
void i4_sha1_begin_blob(i4_sha1 *sum, uint64_t size);
void i4_sha1_add(i4_sha1 *sum, const void *bytes, size_t size);
/* Lower-case hexadecimal digits. The sum must be begun again before it is used again. */
void i4_sha1_end(i4_sha1 *sum, char hex[I4_SHA1_HEX_BYTES]);

#endif
