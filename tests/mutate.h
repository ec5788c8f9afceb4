/* For tests and fuzzers: deterministic damage to files, blind and with an eye for JSON text, the
 * safetensors header and PNG chunks. The same chance gives the same damage everywhere. */
#ifndef ID4_TESTS_MUTATE_H
#define ID4_TESTS_MUTATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- chance -------------------------------------------------------------------------------- */

typedef struct chance {
    uint64_t state;
} chance;

/* An independent stream for each (seed, stream, number). */
static inline chance chance_of(uint64_t seed, uint64_t stream, uint64_t number) {
    return (chance){seed * 0x9e3779b97f4a7c15u ^ stream * 0xd1342543de82ef95u ^
                    number * 0xaf251af3b0f025b5u};
}

static inline uint64_t chance_next(chance *c) {
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 .. n - 1; 0 when n is 0 */
static inline size_t chance_below(chance *c, size_t n) {
    return n ? (size_t)(chance_next(c) % n) : 0;
}

static inline bool chance_one_in(chance *c, size_t n) {
    return chance_below(c, n) == 0;
}

/* --- bytes --------------------------------------------------------------------------------- */

typedef struct blob {
    uint8_t *data; /* owned; never NULL once something was put in */
    size_t size, capacity;
} blob;

static inline void blob_room(blob *b, size_t size) {
    if (size <= b->capacity && b->data) {
        return;
    }
    b->capacity = size + size / 4 + 64;
    uint8_t *data = realloc(b->data, b->capacity);
    if (!data) {
        abort();
    }
    b->data = data;
}

static inline void blob_set(blob *b, const void *data, size_t size) {
    blob_room(b, size);
    if (size) {
        memcpy(b->data, data, size);
    }
    b->size = size;
}

static inline void blob_free(blob *b) {
    free(b->data);
    *b = (blob){0};
}

/* The one edit: `removed` bytes at `at` become `count` bytes of `with` (which lies elsewhere). */
static inline void blob_edit(blob *b, size_t at, size_t removed, const void *with, size_t count) {
    blob_room(b, b->size - removed + count);
    memmove(b->data + at + count, b->data + at + removed, b->size - at - removed);
    if (count) {
        memcpy(b->data + at, with, count);
    }
    b->size = b->size - removed + count;
}

/* False when the file cannot be read. */
static inline bool blob_load(blob *b, const char *path) {
    FILE *stream = fopen(path, "rb");
    if (!stream) {
        return false;
    }
    b->size = 0;
    do {
        blob_room(b, b->size + 65536);
        b->size += fread(b->data + b->size, 1, b->capacity - b->size, stream);
    } while (!feof(stream) && !ferror(stream));
    return fclose(stream) == 0;
}

/* --- blind damage -------------------------------------------------------------------------- */

enum { MUTATE_CHUNK = 512 };

/* Now and then moved on to a place where JSON begins or ends something. */
static inline size_t mutate_place(const blob *b, chance *c) {
    size_t at = chance_below(c, b->size + 1);
    if (chance_one_in(c, 2)) {
        for (size_t i = at; i < b->size && i < at + 256; i++) {
            if (strchr(",:{}[]\"", b->data[i]) && b->data[i]) {
                return i;
            }
        }
    }
    return at;
}

static inline size_t mutate_chunk(const blob *b, size_t at, chance *c) {
    size_t most = b->size - at < MUTATE_CHUNK ? b->size - at : MUTATE_CHUNK;
    if (most > 0 && chance_one_in(c, 2)) { /* up to where something else begins */
        size_t end = at + 1;
        while (end < at + most && (!strchr(",{}[]", b->data[end]) || !b->data[end])) {
            end++;
        }
        return end - at;
    }
    return chance_below(c, most + 1);
}

static inline void mutate_copy_chunk(blob *b, bool over, chance *c) {
    uint8_t chunk[MUTATE_CHUNK];
    const size_t from = mutate_place(b, c), count = mutate_chunk(b, from, c);
    const size_t to = mutate_place(b, c);
    const size_t left = b->size - to;
    memcpy(chunk, b->data + from, count);
    blob_edit(b, to, !over ? 0 : count < left ? count : left, chunk, count);
}

static inline void mutate_erase(blob *b, chance *c) {
    const size_t at = mutate_place(b, c);
    blob_edit(b, at, mutate_chunk(b, at, c), NULL, 0);
}

static inline void mutate_bytes(blob *b, chance *c) {
    static const uint8_t wild[] = {0x00, 0xff, 0x7f, 0x80, 0x01, '"', '{', '['};
    const size_t at = chance_below(c, b->size);
    for (size_t i = at, count = 1 + chance_below(c, 8); b->size && i < at + count && i < b->size;
         i++) {
        b->data[i] =
            chance_one_in(c, 2) ? wild[chance_below(c, sizeof wild)] : (uint8_t)chance_next(c);
    }
}

static inline void mutate_bits(blob *b, chance *c) {
    for (size_t count = 1 + chance_below(c, 3); b->size && count > 0; count--) {
        b->data[chance_below(c, b->size)] ^= (uint8_t)(1u << chance_below(c, 8));
    }
}

/* The beginning of this and the end of the other. */
static inline void mutate_splice(blob *b, const blob *donor, chance *c) {
    if (donor && donor->size) {
        const size_t at = mutate_place(b, c), from = mutate_place(donor, c);
        size_t count = donor->size - from;
        count = count > b->size + 4096 ? b->size + 4096 : count;
        blob_edit(b, at, b->size - at, donor->data + from, count);
    }
}

/* --- JSON ---------------------------------------------------------------------------------- */

static inline void mutate_put_text(blob *b, size_t at, size_t removed, const char *text) {
    blob_edit(b, at, removed, text, strlen(text));
}

static inline const char *mutate_wild_number(chance *c) {
    static const char *const numbers[] = {"0",
                                          "1",
                                          "2",
                                          "3",
                                          "4",
                                          "7",
                                          "8",
                                          "-1",
                                          "-8",
                                          "31",
                                          "127",
                                          "128",
                                          "255",
                                          "256",
                                          "257",
                                          "511",
                                          "512",
                                          "1024",
                                          "4096",
                                          "65535",
                                          "65536",
                                          "131072",
                                          "1048576",
                                          "16777216",
                                          "99999999",
                                          "100000000",
                                          "2147483647",
                                          "2147483648",
                                          "4294967295",
                                          "4294967296",
                                          "4611686018427387904",
                                          "9223372036854775807",
                                          "9223372036854775808",
                                          "18446744073709551615",
                                          "18446744073709551616",
                                          "-9223372036854775808",
                                          "-9223372036854775809",
                                          "1152921504606846976",
                                          "340282366920938463463374607431768211456",
                                          "1e5",
                                          "0.5",
                                          "1.5",
                                          "-0",
                                          "-0.0",
                                          "1e-5",
                                          "1e-400",
                                          "1e38",
                                          "1e39",
                                          "1e308",
                                          "1e309",
                                          "1e999999999",
                                          "1e-999999999",
                                          "00",
                                          "01",
                                          "+1",
                                          ".5",
                                          "5.",
                                          "0x10",
                                          "NaN",
                                          "Infinity",
                                          "-Infinity",
                                          "null",
                                          "true",
                                          "\"8\"",
                                          "[]",
                                          "{}",
                                          "[1]",
                                          "\"\""};
    return numbers[chance_below(c, sizeof numbers / sizeof numbers[0])];
}

/* The digits at or after `from` (around again from the start); false: there are none. */
static inline bool mutate_find_digits(const blob *b, size_t from, size_t *at, size_t *count) {
    for (size_t n = 0; n < b->size; n++) {
        const size_t i = (from + n) % b->size;
        if (b->data[i] >= '0' && b->data[i] <= '9') {
            *at = i;
            for (*count = 1; i + *count < b->size && b->data[i + *count] >= '0' &&
                             b->data[i + *count] <= '9';) {
                ++*count;
            }
            return true;
        }
    }
    return false;
}

static inline void mutate_number_after(blob *b, size_t from, chance *c) {
    char near[32], digits[20] = "";
    size_t at, count;
    if (!mutate_find_digits(b, from, &at, &count)) {
        return;
    }
    if (chance_one_in(c, 2)) {
        mutate_put_text(b, at, count, mutate_wild_number(c));
        return;
    }
    memcpy(digits, b->data + at, count < sizeof digits ? count : sizeof digits - 1);
    const uint64_t value = strtoull(digits, NULL, 10);
    const uint64_t nearby[] = {value + 1, value - 1, value * 2, value / 2, value + 64, value * 32};
    snprintf(near, sizeof near, "%llu", (unsigned long long)nearby[chance_below(c, 6)]);
    mutate_put_text(b, at, count, near);
}

static inline void mutate_token(blob *b, chance *c) {
    static const char *const tokens[] = {
        "null",
        "true",
        "false",
        "{",
        "}",
        "[",
        "]",
        "{}",
        "[]",
        "\"",
        "\\",
        "\\u0000",
        "\\ud800",
        "\\udc00\\ud800",
        "\\ud83d\\ude00",
        "\\x",
        "\xff",
        "\xc0\x80",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        "\xc3",
        "\xe2\x80\xa8",
        "e\xcc\x81",
        "\n",
        "\t",
        " ",
        ",",
        ":",
        ",,",
        "\"a\":",
        "\"a\":1,",
        ",\"a\":{}",
        "\"\":",
        "/*",
        "//",
        "\xef\xbb\xbf",
        "'",
        "\x01",
        "\x7f",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":",
        "../",
        "/",
        "\"\\/\"",
        "%s%n%n",
        "\"__metadata__\":{},"};
    const size_t at = mutate_place(b, c);
    const size_t which = chance_below(c, sizeof tokens / sizeof tokens[0] + 1);
    if (which == sizeof tokens / sizeof tokens[0]) {
        blob_edit(b, at, 0, "", 1); /* a NUL */
    } else {
        mutate_put_text(b, at, chance_one_in(c, 2) ? mutate_chunk(b, at, c) : 0, tokens[which]);
    }
}

/* One piece of damage; donor may be NULL. */
static inline void mutate_once(blob *b, const blob *donor, chance *c) {
    switch (chance_below(c, 12)) {
    case 0:
        mutate_bits(b, c);
        break;
    case 1:
        mutate_bytes(b, c);
        break;
    case 2:
        b->size = mutate_place(b, c);
        break;
    case 3:
        mutate_erase(b, c);
        break;
    case 4:
        mutate_copy_chunk(b, false, c);
        break;
    case 5:
        mutate_copy_chunk(b, true, c);
        break;
    case 6:
        mutate_splice(b, donor, c);
        break;
    case 7:
    case 8:
        mutate_token(b, c);
        break;
    default:
        mutate_number_after(b, chance_below(c, b->size), c);
    }
}

static inline size_t mutate_dose(chance *c) {
    return chance_one_in(c, 12) ? 16 : 1 + chance_below(c, 3);
}

static inline void mutate(blob *b, const blob *donor, chance *c) {
    blob_room(b, b->size);
    for (size_t n = mutate_dose(c); n > 0; n--) {
        mutate_once(b, donor, c);
    }
}

/* The value after a chance colon becomes another one; the text stays JSON if it was. */
static inline void mutate_value(blob *b, chance *c) {
    size_t at = chance_below(c, b->size), end;
    while (at < b->size && b->data[at] != ':') {
        at++;
    }
    for (end = at; end < b->size && (!strchr(",}]\n", b->data[end]) || !b->data[end]);) {
        end++;
    }
    if (end < b->size) {
        mutate_put_text(b, at + 1, end - at - 1, mutate_wild_number(c));
    }
}

/* Half of it keeps to the grammar, so that what lies behind the parser is reached. */
static inline void mutate_json(blob *b, const blob *donor, chance *c) {
    if (chance_one_in(c, 2)) {
        mutate(b, donor, c);
        return;
    }
    for (size_t n = 1 + chance_below(c, 3); n > 0; n--) {
        if (chance_one_in(c, 2)) {
            mutate_value(b, c);
        } else {
            mutate_number_after(b, chance_below(c, b->size), c);
        }
    }
}

/* --- safetensors --------------------------------------------------------------------------- */

/* The next `word` at or after a chance place; false: there is none. */
static inline bool mutate_find(const blob *b, const char *word, chance *c, size_t *at) {
    const size_t len = strlen(word), from = chance_below(c, b->size);
    for (size_t n = 0; n < b->size; n++) {
        const size_t i = (from + n) % b->size;
        if (b->size - i >= len && memcmp(b->data + i, word, len) == 0) {
            *at = i;
            return true;
        }
    }
    return false;
}

static inline void mutate_dtype(blob *b, chance *c) {
    static const char *const dtypes[] = {
        "BOOL",    "U8",  "I8",  "F8_E5M2", "F8_E4M3", "F8_E8M0", "I16", "U16", "F16",
        "BF16",    "I32", "U32", "F32",     "C64",     "F64",     "I64", "U64", "F4",
        "F6_E2M3", "",    "f32", "F16",     "BF16",    "F32",     "Q4"};
    size_t at;
    if (!mutate_find(b, "\"dtype\"", c, &at)) {
        return;
    }
    size_t begin = at + 7, end;
    while (begin < b->size && b->data[begin] != '"') {
        begin++;
    }
    for (end = begin + 1; end < b->size && b->data[end] != '"';) {
        end++;
    }
    if (end < b->size) {
        mutate_put_text(b, begin + 1, end - begin - 1,
                        dtypes[chance_below(c, sizeof dtypes / sizeof dtypes[0])]);
    }
}

/* One of the numbers of a shape or of the offsets. */
static inline void mutate_list(blob *b, const char *key, chance *c) {
    size_t at;
    if (mutate_find(b, key, c, &at)) {
        mutate_number_after(b, at + strlen(key) + chance_below(c, 12), c);
    }
}

/* Two shapes change places: each is valid, and neither fits. */
static inline void mutate_swap_shapes(blob *b, chance *c) {
    size_t one, two;
    uint8_t chunk[24];
    if (mutate_find(b, "\"shape\"", c, &one) && mutate_find(b, "\"shape\"", c, &two) &&
        one + sizeof chunk < two && two + sizeof chunk < b->size) {
        memcpy(chunk, b->data + one, sizeof chunk);
        memcpy(b->data + one, b->data + two, sizeof chunk);
        memcpy(b->data + two, chunk, sizeof chunk);
    }
}

static inline void mutate_name(blob *b, chance *c) {
    static const char *const names[] = {"\"\":", "\"__metadata__\":", "\"a\":", "\"\\u0000\":"};
    size_t at;
    if (!mutate_find(b, "\":{", c, &at) && !mutate_find(b, "\": {", c, &at)) {
        return;
    }
    size_t begin = at;
    while (begin > 0 && b->data[begin - 1] != '"') {
        begin--;
    }
    if (begin > 0 && chance_one_in(c, 2)) {
        mutate_put_text(b, begin - 1, at - begin + 3, names[chance_below(c, 4)]);
    } else {
        b->data[begin + chance_below(c, at - begin)] ^= (uint8_t)(1u << chance_below(c, 5));
    }
}

static inline void mutate_header(blob *header, const blob *donor, chance *c) {
    switch (chance_below(c, 8)) {
    case 0:
        mutate_dtype(header, c);
        break;
    case 1:
        mutate_list(header, "\"shape\"", c);
        break;
    case 2:
        mutate_list(header, "\"data_offsets\"", c);
        break;
    case 3:
        mutate_name(header, c);
        break;
    case 4:
        mutate_swap_shapes(header, c);
        break;
    default:
        mutate_once(header, donor, c);
    }
}

static inline uint64_t mutate_length_get(const blob *file) {
    uint64_t length = 0;
    for (size_t i = 8; i > 0; i--) {
        length = length << 8 | file->data[i - 1];
    }
    return length;
}

static inline void mutate_length_put(blob *file, uint64_t length) {
    for (size_t i = 0; i < 8; i++) {
        file->data[i] = (uint8_t)(length >> 8 * i);
    }
}

static inline void mutate_length(blob *file, chance *c) {
    const uint64_t now = mutate_length_get(file);
    const uint64_t wild[] = {0,
                             1,
                             2,
                             now - 1,
                             now + 1,
                             now * 2,
                             now / 2,
                             99999999,
                             100000000,
                             file->size,
                             file->size - 8,
                             file->size - 7,
                             UINT64_MAX,
                             UINT64_MAX - 7,
                             INT64_MAX,
                             (uint64_t)1 << 32};
    mutate_length_put(file, wild[chance_below(c, sizeof wild / sizeof wild[0])]);
}

/* The part after the header: numbers that are none, cut or prolonged. */
static inline void mutate_values(blob *file, size_t begin, chance *c) {
    static const uint8_t wild[4][4] = {
        {0xff, 0xff, 0xff, 0xff}, {0, 0, 0x80, 0x7f}, {0xff, 0xff, 0x7f, 0x7f}, {0, 0x7c, 0, 0xfc}};
    if (begin >= file->size) {
        return;
    }
    if (chance_one_in(c, 8)) {
        file->size -= chance_below(c, file->size - begin + 1);
    } else if (chance_one_in(c, 8)) {
        blob_edit(file, file->size, 0, wild, 1 + chance_below(c, sizeof wild - 1));
    }
    for (size_t n = 1 + chance_below(c, 64); n > 0 && file->size > begin + 8; n--) {
        const size_t at = begin + chance_below(c, file->size - begin - 8) / 4 * 4;
        memcpy(file->data + at, wild[chance_below(c, 4)], 4);
    }
}

/* Most damage keeps the header's length true, so that what lies behind that check is reached. */
static inline void mutate_safetensors(blob *file, const blob *donor, chance *c) {
    blob header = {0};
    const uint64_t length = file->size >= 8 ? mutate_length_get(file) : UINT64_MAX;
    if (length > file->size || length > file->size - 8 || chance_one_in(c, 16)) {
        mutate(file, donor, c);
        return;
    }
    const size_t old = (size_t)length;
    if (chance_one_in(c, 5)) {
        mutate_values(file, 8 + old, c);
        return;
    }
    blob_set(&header, file->data + 8, old);
    for (size_t n = mutate_dose(c); n > 0; n--) {
        mutate_header(&header, donor, c);
    }
    blob_edit(file, 8, old, header.data, header.size);
    mutate_length_put(file, header.size);
    blob_free(&header);
    if (chance_one_in(c, 12)) {
        mutate_length(file, c);
    }
}

/* --- PNG ----------------------------------------------------------------------------------- */

static inline uint32_t mutate_crc(const uint8_t *data, size_t size) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
    }
    return ~crc;
}

/* Sums made right again, or every damage would end at the first of them. */
static inline void mutate_mend_png(blob *b) {
    for (size_t at = 8; b->size >= 12 && at <= b->size - 12;) {
        const uint8_t *p = b->data + at;
        const size_t length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        if (length > b->size - 12 - at) {
            return;
        }
        const uint32_t crc = mutate_crc(p + 4, length + 4);
        for (size_t i = 0; i < 4; i++) {
            b->data[at + 8 + length + i] = (uint8_t)(crc >> (24 - 8 * i));
        }
        at += 12 + length;
    }
}

#endif
