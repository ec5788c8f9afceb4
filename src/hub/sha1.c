/* SHA-1 by the letter of FIPS 180-4, for git's blob ids. */
#include "hub/sha1.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 64, LENGTH_BYTES = 8 };

static uint32_t rotl(uint32_t x, int n) {
    return x << n | x >> (32 - n);
}

/* The standard's f and K of round t. */
static uint32_t round_term(int t, uint32_t b, uint32_t c, uint32_t d) {
    if (t < 20) {
        return ((b & c) ^ (~b & d)) + 0x5a827999;
    }
    if (t < 40) {
        return (b ^ c ^ d) + 0x6ed9eba1;
    }
    if (t < 60) {
        return ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc;
    }
    return (b ^ c ^ d) + 0xca62c1d6;
}

static void schedule(const uint8_t block[BLOCK_BYTES], uint32_t w[80]) {
    for (int t = 0; t < 16; t++) {
        const uint8_t *p = block + 4 * t;
        w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (int t = 16; t < 80; t++) {
        w[t] = rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    }
}

static void compress(uint32_t state[5], const uint8_t block[BLOCK_BYTES]) {
    uint32_t w[80];
    schedule(block, w);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int t = 0; t < 80; t++) {
        const uint32_t next = rotl(a, 5) + round_term(t, b, c, d) + e + w[t];
        e = d;
        d = c;
        c = rotl(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void i4_sha1_begin(i4_sha1 *sum) {
    *sum = (i4_sha1){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};
}

void i4_sha1_begin_blob(i4_sha1 *sum, uint64_t size) {
    char head[32];
    const int length = snprintf(head, sizeof head, "blob %llu", (unsigned long long)size);
    i4_sha1_begin(sum);
    i4_sha1_add(sum, head, (size_t)length + 1); /* the NUL belongs to it */
}

void i4_sha1_add(i4_sha1 *sum, const void *bytes, size_t size) {
    const uint8_t *p = bytes;
    while (size > 0) {
        const size_t filled = (size_t)(sum->size % BLOCK_BYTES);
        const size_t part = BLOCK_BYTES - filled < size ? BLOCK_BYTES - filled : size;
        memcpy(sum->block + filled, p, part);
        if (filled + part == BLOCK_BYTES) {
            compress(sum->state, sum->block);
        }
        sum->size += part;
        p += part;
        size -= part;
    }
}

void i4_sha1_end(i4_sha1 *sum, char hex[I4_SHA1_HEX_BYTES]) {
    /* A one bit, zeros, and the length in bits at the end of a block. */
    static const uint8_t padding[BLOCK_BYTES] = {0x80};
    const uint64_t bits = 8 * sum->size;
    const size_t filled = (size_t)(sum->size % BLOCK_BYTES);
    const size_t zeros_end =
        (filled < BLOCK_BYTES - LENGTH_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES) - LENGTH_BYTES;
    uint8_t length[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) {
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
    i4_sha1_add(sum, padding, zeros_end - filled);
    i4_sha1_add(sum, length, sizeof length);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(hex + 8 * i, 9, "%08lx", (unsigned long)sum->state[i]);
    }
}
