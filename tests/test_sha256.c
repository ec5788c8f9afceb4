/* SHA-256 against the examples of NIST (FIPS 180-4 examples and the SHA test vectors). */
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *message;
    size_t times; /* the message, repeated */
    const char *digest;
} vectors[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"\xbd", 1, "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"},
    {"\xc9\x8c\x8e\x55", 1, "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
     "lmnopqrsmnopqrstnopqrstu",
     1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static void hex_of(const char *message, size_t len, size_t times, size_t piece, char *hex) {
    i4_sha256 sum;
    uint8_t digest[I4_SHA256_BYTES];
    i4_sha256_begin(&sum);
    for (size_t i = 0; i < times; i++) {
        for (size_t pos = 0; pos < len; pos += piece) {
            i4_sha256_add(&sum, message + pos, len - pos < piece ? len - pos : piece);
        }
    }
    i4_sha256_end(&sum, digest);
    i4_sha256_hex(digest, hex);
}

static void sha256_nist_vectors_are_met(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char hex[I4_SHA256_HEX_BYTES];
        hex_of(vectors[i].message, strlen(vectors[i].message), vectors[i].times, 1000, hex);
        assert_string_equal(hex, vectors[i].digest);
    }
}

/* NIST's messages of zeros around the block's edges. */
static void sha256_padding_edges_are_met(void **state) {
    (void)state;
    static const struct {
        size_t zeros;
        const char *digest;
    } edges[] = {
        {55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
        {56, "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
        {57, "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"},
        {64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
        {1000, "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"},
    };
    static const char zeros[1000];
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        char hex[I4_SHA256_HEX_BYTES];
        hex_of(zeros, edges[i].zeros, 1, 1000, hex);
        assert_string_equal(hex, edges[i].digest);
    }
}

static void sha256_pieces_of_any_size_give_one_digest(void **state) {
    (void)state;
    char message[301];
    char whole[I4_SHA256_HEX_BYTES];
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (char)(7 * i);
    }
    hex_of(message, sizeof message, 1, sizeof message, whole);
    for (size_t piece = 1; piece < sizeof message; piece++) {
        char hex[I4_SHA256_HEX_BYTES];
        hex_of(message, sizeof message, 1, piece, hex);
        assert_string_equal(hex, whole);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_nist_vectors_are_met),
        cmocka_unit_test(sha256_padding_edges_are_met),
        cmocka_unit_test(sha256_pieces_of_any_size_give_one_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
