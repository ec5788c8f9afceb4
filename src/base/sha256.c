/* SHA-256 by the letter of FIPS 180-4; names of functions and variables are the standard's. */
#include "base/sha256.h"

#include <string.h>

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8 };

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

static uint32_t load_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* The message schedule W of one block. */
static void schedule(const uint8_t block[BLOCK_BYTES], uint32_t w[64]) {
    for (int t = 0; t < 16; t++) {
        w[t] = load_be32(block + 4 * t);
    }
    for (int t = 16; t < 64; t++) {
        uint32_t sigma0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t sigma1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }
}

static void compress(uint32_t state[8], const uint8_t block[BLOCK_BYTES]) {
    uint32_t w[64];
    uint32_t v[8]; /* a to h */
    schedule(block, w);
    memcpy(v, state, sizeof v);
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
        uint32_t choose = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + sum1 + choose + k[t] + w[t];
        uint32_t sum0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + sum0 + majority;
    }
    for (int i = 0; i < 8; i++) {
        state[i] += v[i];
    }
}

void i4_sha256_begin(i4_sha256 *sum) {
    /* The first 32 bits of the fractional parts of the square roots of the first 8 primes. */
    *sum = (i4_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void i4_sha256_add(i4_sha256 *sum, const void *bytes, size_t size) {
    const uint8_t *p = bytes;
    while (size > 0) {
        size_t filled = (size_t)(sum->size % BLOCK_BYTES);
        size_t part = BLOCK_BYTES - filled < size ? BLOCK_BYTES - filled : size;
        if (part == BLOCK_BYTES) {
            compress(sum->state, p);
        } else {
            memcpy(sum->block + filled, p, part);
            if (filled + part == BLOCK_BYTES) {
                compress(sum->state, sum->block);
            }
        }
        sum->size += part;
        p += part;
        size -= part;
    }
}

void i4_sha256_end(i4_sha256 *sum, uint8_t digest[I4_SHA256_BYTES]) {
    /* A one bit, zeros, and the length in bits at the end of a block. */
    static const uint8_t padding[BLOCK_BYTES] = {0x80};
    uint64_t bits = 8 * sum->size;
    size_t filled = (size_t)(sum->size % BLOCK_BYTES);
    size_t zeros_end = filled < BLOCK_BYTES - LENGTH_BYTES ? BLOCK_BYTES - LENGTH_BYTES
                                                           : 2 * BLOCK_BYTES - LENGTH_BYTES;
    uint8_t length[LENGTH_BYTES];
    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    i4_sha256_add(sum, padding, zeros_end - filled);
    i4_sha256_add(sum, length, sizeof length);
    for (int i = 0; i < 8; i++) {
        store_be32(digest + 4 * i, sum->state[i]);
    }
}

void i4_sha256_hex(const uint8_t digest[I4_SHA256_BYTES], char hex[I4_SHA256_HEX_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < I4_SHA256_BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[2 * I4_SHA256_BYTES] = '\0';
}
