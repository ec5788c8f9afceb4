/* Floor 0. SHA-256 (FIPS 180-4) of a stream of bytes: fingerprints of recipes, and checks of
 * downloads. No memory, no failure; a state belongs to its caller.
 *
 *     i4_sha256 sum;
 *     i4_sha256_begin(&sum);
 *     i4_sha256_add(&sum, bytes, size); // any number of times, in pieces of any size
 *     i4_sha256_end(&sum, digest);
 */
#ifndef I4_BASE_SHA256_H
#define I4_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum {
    I4_SHA256_BYTES = 32,
    I4_SHA256_HEX_BYTES = 65 /* with the NUL */
};

typedef struct i4_sha256 {
    uint32_t state[8];
    uint64_t size;     /* bytes added so far */
    uint8_t block[64]; /* the last size % 64 of them */
} i4_sha256;

void i4_sha256_begin(i4_sha256 *sum);
void i4_sha256_add(i4_sha256 *sum, const void *bytes, size_t size);
/* The sum must be begun again before it is used again. */
void i4_sha256_end(i4_sha256 *sum, uint8_t digest[I4_SHA256_BYTES]);

/* Lower-case hexadecimal digits. */
void i4_sha256_hex(const uint8_t digest[I4_SHA256_BYTES], char hex[I4_SHA256_HEX_BYTES]);

#endif
