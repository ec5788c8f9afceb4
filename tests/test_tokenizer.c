/* The tokenizer: equal to the reference on every golden case, equal to a slow and plain
 * implementation of the specification on random texts, strict about its file, steady under hostile
 * texts and failing memory. */
#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "caption/caption.h"
#include "io/json.h"
#include "model/bpe.h"
#include "model/nfc.h"
#include "model/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include <cmocka.h>

#define GOLDEN ID4_SOURCE_DIR "/tests/golden/tiny-a/"
#define DEMO ID4_SOURCE_DIR "/models/demo/"

/* ---- helpers --------------------------------------------------------------------------------- */

static i4_tokenizer *open_or_fail(const char *path) {
    i4_err err = {0};
    i4_tokenizer *t = i4_tokenizer_open(path, &err);
    if (!t) {
        fail_msg("%s", err.text);
    }
    return t;
}

static json_t *load_json(const char *path) {
    json_error_t error;
    json_t *value = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (!value) {
        fail_msg("%s: %s", path, error.text);
    }
    return value;
}

static i4_str string_of(const json_t *value) {
    return i4_str_of(json_string_value(value), json_string_length(value));
}

static void assert_ids(const json_t *expected, const int32_t *ids, size_t count, i4_str text) {
    bool is_same = json_array_size(expected) == count;
    for (size_t i = 0; i < count && is_same; i++) {
        is_same = json_integer_value(json_array_get(expected, i)) == ids[i];
    }
    if (!is_same) {
        fail_msg("other ids for \"%.*s\"", (int)text.len, text.ptr);
    }
}

static size_t encode(const i4_tokenizer *t, i4_str text, int32_t **ids) {
    i4_err err = {0};
    size_t count;
    if (!i4_tokenizer_encode(t, text, ids, &count, &err)) {
        fail_msg("%s", err.text);
    }
    return count;
}

/* ---- golden ---------------------------------------------------------------------------------- */

static void tokenizer_golden_cases_are_equal(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(GOLDEN "tokenizer/tokenizer.json");
    json_t *file = load_json(GOLDEN "tokenizer_cases.json");
    json_t *cases = json_object_get(file, "cases"), *item;
    size_t i;
    assert_true(json_array_size(cases) > 50);
    json_array_foreach(cases, i, item) {
        const i4_str text = string_of(json_object_get(item, "text"));
        int32_t *ids;
        const size_t count = encode(t, text, &ids);
        assert_non_null(ids);
        assert_ids(json_object_get(item, "ids"), ids, count, text);
        i4_free(ids);
    }
    assert_int_equal(i4_tokenizer_max_id(t) + 1,
                     json_integer_value(json_object_get(file, "vocab_size")));
    json_decref(file);
    i4_tokenizer_close(t);
}

/* The caption of the case, as text, must become its prompt and then its ids. */
static void check_prompt_case(const i4_tokenizer *t, json_t *caption, json_t *expected) {
    char *text = json_is_string(caption) ? strdup(json_string_value(caption))
                                         : json_dumps(caption, JSON_INDENT(2));
    i4_findings findings;
    i4_err err = {0};
    char *prompt;
    size_t len, count;
    int32_t *ids;
    assert_non_null(text);
    assert_true(i4_caption_prepare(i4_str_c(text), false, &prompt, &len, &findings, &err));
    assert_string_equal(prompt, json_string_value(json_object_get(expected, "prompt")));
    assert_true(i4_tokenizer_encode_prompt(t, i4_str_of(prompt, len), &ids, &count, &err));
    assert_ids(json_object_get(expected, "ids"), ids, count, i4_str_of(prompt, len));
    i4_free(ids);
    i4_free(prompt);
    i4_findings_free(&findings);
    free(text);
}

static void tokenizer_golden_prompts_are_equal(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(GOLDEN "tokenizer/tokenizer.json");
    json_t *file = load_json(GOLDEN "tokenizer_cases.json");
    json_t *captions = json_object_get(file, "captions"), *caption;
    const char *name;
    assert_true(json_object_size(captions) >= 2);
    json_object_foreach(captions, name, caption) {
        json_t *expected = json_object_get(json_object_get(file, "prompts"), name);
        check_prompt_case(t, caption, expected);
        const i4_str chat = string_of(json_object_get(expected, "chat"));
        int32_t *ids;
        const size_t count = encode(t, chat, &ids);
        assert_ids(json_object_get(expected, "ids"), ids, count, chat);
        i4_free(ids);
    }
    json_decref(file);
    i4_tokenizer_close(t);
}

/* The I32 tensor token_ids of a safetensors file, as a JSON list. */
static json_t *load_token_ids(const char *name) {
    char path[512], *data;
    size_t size;
    i4_err err = {0};
    snprintf(path, sizeof path, DEMO "expected/%s.safetensors", name);
    assert_true(i4_file_read(path, (size_t)256 << 20, &data, &size, &err));
    uint64_t header_len = 0;
    for (int i = 7; i >= 0; i--) {
        header_len = header_len << 8 | (uint8_t)data[i];
    }
    json_t *header = json_loadb(data + 8, header_len, 0, NULL);
    json_t *tensor = json_object_get(header, "token_ids");
    json_t *range = json_object_get(tensor, "data_offsets");
    assert_string_equal(json_string_value(json_object_get(tensor, "dtype")), "I32");
    json_t *ids = json_array();
    const json_int_t end = json_integer_value(json_array_get(range, 1));
    for (json_int_t at = json_integer_value(json_array_get(range, 0)); at < end; at += 4) {
        int32_t id;
        memcpy(&id, data + 8 + header_len + at, sizeof id);
        json_array_append_new(ids, json_integer(id));
    }
    json_decref(header);
    i4_free(data);
    return ids;
}

static void tokenizer_demo_prompts_are_equal(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(DEMO "tokenizer/tokenizer.json");
    json_t *file = load_json(DEMO "expected/manifest.json"), *item;
    json_t *cases = json_object_get(file, "cases");
    size_t i;
    assert_true(json_array_size(cases) > 0);
    json_array_foreach(cases, i, item) {
        json_t *ids = load_token_ids(json_string_value(json_object_get(item, "name")));
        assert_int_equal(json_array_size(ids), json_integer_value(json_object_get(item, "tokens")));
        json_t *expected =
            json_pack("{s:O,s:O}", "prompt", json_object_get(item, "prompt"), "ids", ids);
        check_prompt_case(t, json_object_get(item, "caption"), expected);
        json_decref(expected);
        json_decref(ids);
    }
    json_decref(file);
    i4_tokenizer_close(t);
}

static void tokenizer_prompt_newline_joins_the_template(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(GOLDEN "tokenizer/tokenizer.json");
    static const char text[] = "\nhi";
    int32_t *whole, *joined;
    size_t count;
    i4_err err;
    assert_true(i4_tokenizer_encode_prompt(t, i4_str_c(text), &joined, &count, &err));
    const i4_str chat = i4_str_c("<|im_start|>user\n\nhi<|im_end|>\n<|im_start|>assistant\n");
    assert_int_equal(encode(t, chat, &whole), count);
    assert_memory_equal(whole, joined, count * sizeof *whole);
    i4_free(whole);
    i4_free(joined);
    i4_tokenizer_close(t);
}

static void tokenizer_decoding_gives_the_text_back(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(DEMO "tokenizer/tokenizer.json");
    static const char text[] =
        "<|im_start|>A caf\xc3\xa9 \xe4\xbd\xa0\n\t \x01<think>\xf0\x9f\x98\x80";
    int32_t *ids;
    const size_t count = encode(t, i4_str_c(text), &ids);
    i4_buf out;
    i4_buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        i4_tokenizer_decode(t, ids[i], &out);
    }
    i4_tokenizer_decode(t, -1, &out);
    i4_tokenizer_decode(t, i4_tokenizer_max_id(t) + 1, &out);
    assert_string_equal(out.ptr, text);
    i4_buf_free(&out);
    i4_free(ids);
    i4_tokenizer_close(t);
}

/* ---- against the specification --------------------------------------------------------------- */

/* The splitter of docs/model.md 3.2 written out rule by rule, and the merge loop as it is defined.
 * The merges are drawn from sample texts so that they cross every kind of boundary. */

enum { SYMBOLS_MAX = 1000, MERGES = 700, POINTS_MAX = 64, BYTES_MAX = 4 * POINTS_MAX };

typedef struct slow {
    char token[SYMBOLS_MAX][24]; /* bytes */
    size_t token_len[SYMBOLS_MAX];
    int count;
    int16_t rank[SYMBOLS_MAX][SYMBOLS_MAX]; /* -1: no merge */
    int16_t result[SYMBOLS_MAX][SYMBOLS_MAX];
    uint32_t random;
} slow;

static uint32_t draw(slow *s, uint32_t below) {
    s->random = s->random * 1664525u + 1013904223u;
    return (s->random >> 8) % below;
}

static bool is_letter(uint32_t c) {
    const int k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

static bool is_numeral(uint32_t c) {
    const int k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}

static bool is_space(uint32_t c) {
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static bool is_newline(uint32_t c) {
    return c == '\r' || c == '\n';
}

static uint32_t fold(uint32_t c) {
    return c == 0x17f ? 's' : c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* The end of the piece that begins at i; text[count] is 0, which is none of the classes. */
static size_t slow_split(const uint32_t *text, size_t count, size_t i) {
    static const char *const suffixes[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    size_t j = i;
    for (size_t k = 0; text[i] == '\'' && k < 7; k++) {
        const size_t len = strlen(suffixes[k]);
        if (i + len < count && fold(text[i + 1]) == (uint32_t)suffixes[k][0] &&
            (len == 1 || fold(text[i + 2]) == (uint32_t)suffixes[k][1])) {
            return i + 1 + len;
        }
    }
    if (is_letter(text[i]) ||
        (!is_newline(text[i]) && !is_numeral(text[i]) && i + 1 < count && is_letter(text[i + 1]))) {
        for (j = i + 1; j < count && is_letter(text[j]); j++) {
        }
        return j;
    }
    if (is_numeral(text[i])) {
        return i + 1;
    }
    j = text[i] == ' ' ? i + 1 : i;
    if (j < count && !is_space(text[j]) && !is_letter(text[j]) && !is_numeral(text[j])) {
        while (j < count && !is_space(text[j]) && !is_letter(text[j]) && !is_numeral(text[j])) {
            j++;
        }
        while (j < count && is_newline(text[j])) {
            j++;
        }
        return j;
    }
    size_t last_newline = 0;
    for (j = i; j < count && is_space(text[j]); j++) {
        last_newline = is_newline(text[j]) ? j + 1 : last_newline;
    }
    return last_newline ? last_newline : j == count || j - i == 1 ? j : j - 1;
}

/* Replaces ids[0, count) of one piece by what the merges make of them. */
static size_t slow_merge(const slow *s, int32_t *ids, size_t count) {
    for (;;) {
        size_t best = count;
        int best_rank = MERGES;
        for (size_t i = 0; i + 1 < count; i++) {
            const int rank = s->rank[ids[i]][ids[i + 1]];
            if (rank >= 0 && rank < best_rank) {
                best_rank = rank;
                best = i;
            }
        }
        if (best == count) {
            return count;
        }
        ids[best] = s->result[ids[best]][ids[best + 1]];
        memmove(ids + best + 1, ids + best + 2, (count - best - 2) * sizeof *ids);
        count--;
    }
}

static size_t slow_encode(const slow *s, const uint32_t *text, size_t count, int32_t *ids) {
    size_t total = 0;
    for (size_t begin = 0, end; begin < count; begin = end) {
        end = slow_split(text, count, begin);
        i4_buf bytes;
        i4_buf_init(&bytes, SIZE_MAX);
        for (size_t i = begin; i < end; i++) {
            i4_buf_add_utf8(&bytes, text[i]);
        }
        for (size_t i = 0; i < bytes.len; i++) {
            ids[total + i] = (uint8_t)bytes.ptr[i];
        }
        total += slow_merge(s, ids + total, bytes.len);
        i4_buf_free(&bytes);
    }
    return total;
}

/* None of these is changed by NFC, whatever its neighbours. */
static size_t draw_text(slow *s, uint32_t *text) {
    static const uint32_t points[] = {
        '\'', '\'',  's',    'S',  0x17f,  't',   'R',    'e',    'v',     'E',    'm',  'l',
        'L',  'd',   'x',    0xe9, 0x4e2d, 0x1c5, 0x2b0,  ' ',    ' ',     ' ',    '\t', '\n',
        '\n', '\r',  0x0b,   0x1c, 0x85,   0xa0,  0x180e, 0x200b, 0x2028,  0x3000, '1',  '2',
        0xb2, 0x661, 0x2167, '.',  '"',    '{',   0x489,  0x20e3, 0x1f600, 0xfeff, 0x7f, 0x10ffff};
    const size_t count = 1 + draw(s, POINTS_MAX - 1);
    const uint32_t kinds = draw(s, 2) ? 48 : 8; /* a few kinds only, or all */
    const uint32_t first = draw(s, 48 - kinds + 1);
    for (size_t i = 0; i < count; i++) {
        text[i] = points[first + draw(s, kinds)];
    }
    text[count] = 0;
    return count;
}

static int slow_find(slow *s, int left, int right) {
    char joined[48];
    const size_t len = s->token_len[left] + s->token_len[right];
    memcpy(joined, s->token[left], s->token_len[left]);
    memcpy(joined + s->token_len[left], s->token[right], s->token_len[right]);
    for (int i = 0; i < s->count; i++) {
        if (s->token_len[i] == len && memcmp(s->token[i], joined, len) == 0) {
            return i;
        }
    }
    memcpy(s->token[s->count], joined, len);
    s->token_len[s->count] = len;
    return s->count++;
}

static void add_symbols(const slow *s, int id, i4_buf *out) {
    for (size_t i = 0; i < s->token_len[id]; i++) {
        const uint32_t symbol = i4_bpe_symbol((uint8_t)s->token[id][i]);
        if (symbol == '"' || symbol == '\\') {
            i4_buf_addc(out, '\\');
        }
        i4_buf_add_utf8(out, symbol);
    }
}

static const char HEAD[] =
    "{\"added_tokens\":null,\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":"
    "\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
    "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},"
    "\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":"
    "false,\"use_regex\":false}]},\"model\":{\"type\":\"BPE\",";

/* Draws the merges, and writes the tokenizer.json that has them. */
static void slow_train(slow *s, i4_buf *json) {
    i4_buf merges;
    i4_buf_init(&merges, SIZE_MAX);
    memset(s->rank, -1, sizeof s->rank);
    for (s->count = 0; s->count < 256; s->count++) {
        s->token[s->count][0] = (char)s->count;
        s->token_len[s->count] = 1;
    }
    for (int16_t rank = 0; rank < MERGES;) {
        uint32_t text[POINTS_MAX + 1];
        int32_t ids[BYTES_MAX];
        i4_buf bytes;
        i4_buf_init(&bytes, SIZE_MAX);
        const size_t points = draw_text(s, text);
        for (size_t i = 0; i < points; i++) {
            i4_buf_add_utf8(&bytes, text[i]);
        }
        for (size_t i = 0; i < bytes.len; i++) {
            ids[i] = (uint8_t)bytes.ptr[i];
        }
        const size_t count = slow_merge(s, ids, bytes.len); /* as one piece, across boundaries */
        i4_buf_free(&bytes);
        if (count < 2) {
            continue;
        }
        const uint32_t at = draw(s, (uint32_t)count - 1);
        const int left = ids[at], right = ids[at + 1];
        if (s->token_len[left] + s->token_len[right] > 20) {
            continue;
        }
        s->result[left][right] = (int16_t)slow_find(s, left, right);
        s->rank[left][right] = rank;
        i4_buf_adds(&merges, rank ? ",[\"" : "[\"");
        add_symbols(s, left, &merges);
        i4_buf_adds(&merges, "\",\"");
        add_symbols(s, right, &merges);
        i4_buf_adds(&merges, "\"]");
        rank++;
    }
    i4_buf_adds(json, HEAD);
    i4_buf_adds(json, "\"vocab\":{");
    for (int id = 0; id < s->count; id++) {
        i4_buf_adds(json, id ? ",\"" : "\"");
        add_symbols(s, id, json);
        i4_buf_addf(json, "\":%d", id);
    }
    i4_buf_addf(json, "},\"merges\":[%s]}}", merges.ptr);
    i4_buf_free(&merges);
}

static void tokenizer_random_texts_follow_the_specification(void **state) {
    (void)state;
    slow *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->random = 7;
    i4_buf json;
    i4_buf_init(&json, SIZE_MAX);
    slow_train(s, &json);
    i4_err err = {0};
    i4_tokenizer *t = i4_tokenizer_parse(json.ptr, json.len, "made", &err);
    if (!t) {
        fail_msg("%s", err.text);
    }
    for (int round = 0; round < 3000; round++) {
        uint32_t text[POINTS_MAX + 1];
        int32_t expected[BYTES_MAX], *ids;
        const size_t points = draw_text(s, text);
        const size_t expected_count = slow_encode(s, text, points, expected);
        i4_buf bytes;
        i4_buf_init(&bytes, SIZE_MAX);
        for (size_t i = 0; i < points; i++) {
            i4_buf_add_utf8(&bytes, text[i]);
        }
        const size_t count = encode(t, i4_str_of(bytes.ptr, bytes.len), &ids);
        if (count != expected_count || memcmp(ids, expected, count * sizeof *ids) != 0) {
            fail_msg("round %d: other ids for \"%s\"", round, bytes.ptr);
        }
        i4_free(ids);
        i4_buf_free(&bytes);
    }
    i4_tokenizer_close(t);
    i4_buf_free(&json);
    free(s);
}

static void tokenizer_byte_alphabet_is_the_specified_one(void **state) {
    (void)state;
    uint32_t next = 0x100;
    for (unsigned b = 0; b < 256; b++) {
        const bool is_own = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        const uint32_t symbol = is_own ? b : next++;
        assert_int_equal(i4_bpe_symbol((uint8_t)b), symbol);
        assert_int_equal(i4_bpe_byte(symbol), b);
    }
    assert_int_equal(next, 0x144);
    assert_int_equal(i4_bpe_symbol(' '), 0x120);
    assert_int_equal(i4_bpe_symbol('\n'), 0x10a);
    assert_int_equal(i4_bpe_byte(' '), -1);
    assert_int_equal(i4_bpe_byte(0x144), -1);
    assert_int_equal(i4_bpe_byte(0x4e2d), -1);
}

/* ---- NFC ------------------------------------------------------------------------------------- */

static void assert_nfc(i4_str text, i4_str expected) {
    i4_buf out;
    i4_err err = {0};
    i4_buf_init(&out, SIZE_MAX);
    assert_true(i4_nfc(text, &out, &err));
    assert_int_equal(out.len, expected.len);
    assert_memory_equal(out.ptr, expected.ptr, out.len);
    i4_buf_free(&out);
}

static void tokenizer_nfc_examples_of_the_standard_hold(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"abc", "abc"},
        {"e\xcc\x81", "\xc3\xa9"},
        {"\xe2\x84\xab", "\xc3\x85"},                             /* angstrom sign */
        {"\xe2\x84\xa6", "\xce\xa9"},                             /* ohm sign */
        {"\xef\xac\x81", "\xef\xac\x81"},                         /* ligature stays */
        {"a\xcc\x87\xcc\xa3", "\xe1\xba\xa1\xcc\x87"},            /* marks change places */
        {"\xe1\xba\x9b\xcc\xa3", "\xe1\xba\x9b\xcc\xa3"},         /* long s, dots */
        {"\xe1\xbe\xb7", "\xe1\xbe\xb7"},                         /* three code points and back */
        {"\xe0\xa5\x98", "\xe0\xa4\x95\xe0\xa4\xbc"},             /* excluded from composition */
        {"\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "\xea\xb0\x81"}, /* Hangul */
        {"a\xcc\x96\xcc\x80", "\xc3\xa0\xcc\x96"},                /* not blocked: lower class */
        {"a\xcc\x85\xcc\x80", "a\xcc\x85\xcc\x80"},               /* blocked: same class */
        {"\xcc\x81\xcc\xa3", "\xcc\xa3\xcc\x81"},                 /* marks alone */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_nfc(i4_str_c(cases[i][0]), i4_str_c(cases[i][1]));
    }
}

static void tokenizer_nfc_of_random_marks_agrees_with_utf8proc(void **state) {
    (void)state;
    static const uint32_t points[] = {'a',    'e',     0x1100,  0x1161, 0x11a8, 0xac00, 0x301,
                                      0x323,  0x327,   0x334,   0x345,  0x308,  0x5b0,  0x5b4,
                                      0x64b,  0x651,   0xe9,    0x1e69, 0x212b, 0x958,  0x93c,
                                      0x2adc, 0x1d15e, 0x1d165, 0xfb4b, 0x3099, 0x304b, 0x1f82};
    slow s = {.random = 11};
    for (int round = 0; round < 2000; round++) {
        i4_buf text;
        i4_buf_init(&text, SIZE_MAX);
        const uint32_t count = 1 + draw(&s, 40);
        for (uint32_t i = 0; i < count; i++) {
            i4_buf_add_utf8(&text, points[draw(&s, sizeof points / sizeof *points)]);
        }
        utf8proc_uint8_t *expected = utf8proc_NFC((const utf8proc_uint8_t *)text.ptr);
        assert_non_null(expected);
        assert_nfc(i4_str_of(text.ptr, text.len), i4_str_c((const char *)expected));
        free(expected);
        i4_buf_free(&text);
    }
}

/* ---- texts ----------------------------------------------------------------------------------- */

static void tokenizer_invalid_utf8_is_refused(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(GOLDEN "tokenizer/tokenizer.json");
    static const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80",
                                      "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int32_t *ids;
        size_t count;
        i4_err err = {0};
        assert_false(i4_tokenizer_encode(t, i4_str_c(bad[i]), &ids, &count, &err));
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
        assert_null(ids);
    }
    i4_tokenizer_close(t);
}

/* Fills 256 KiB with a pattern, and perhaps another last character; returns the ids' count. */
static size_t encode_large(const i4_tokenizer *t, const char *pattern, const char *last) {
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    while (text.len < I4_LIMIT_CAPTION_BYTES) {
        i4_buf_adds(&text, pattern);
    }
    i4_buf_adds(&text, last);
    int32_t *ids;
    const size_t count = encode(t, i4_str_of(text.ptr, text.len), &ids);
    i4_free(ids);
    i4_buf_free(&text);
    return count;
}

/* Texts that would take a backtracking splitter, a scanning merge loop or an exchange sort of
 * marks quadratic time: such a regression shows as a test that does not end. */
static void tokenizer_hostile_texts_are_encoded(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(DEMO "tokenizer/tokenizer.json");
    const size_t size = I4_LIMIT_CAPTION_BYTES;
    assert_int_equal(encode_large(t, " ", ""), encode_large(t, " ", "x") - 1);
    assert_int_equal(encode_large(t, "7", ""), size);
    assert_true(encode_large(t, "\n", "x") <= size + 1);
    assert_true(encode_large(t, " \n", "") <= size);
    assert_true(encode_large(t, "e", "") <= size);
    assert_true(encode_large(t, "the and ing", "") <= size);
    assert_true(encode_large(t, "!", "") <= size);
    assert_true(encode_large(t, "'", "s") <= size + 1);
    assert_true(encode_large(t, "<|im_start|", ">") <= size + 12);
    assert_int_equal(encode_large(t, "<|im_start|>", ""), (size + 11) / 12);
    assert_true(encode_large(t, "\xcc\x81\xcc\xa3", "") > 0);
    assert_true(encode_large(t, "\xf0\x9d\x85\xa0", "") > 0);
    i4_tokenizer_close(t);
}

static void tokenizer_empty_text_gives_no_ids(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(GOLDEN "tokenizer/tokenizer.json");
    const i4_str empty[] = {{"", 0}, {NULL, 0}};
    for (size_t i = 0; i < 2; i++) {
        int32_t *ids;
        assert_int_equal(encode(t, empty[i], &ids), 0);
        assert_non_null(ids);
        i4_free(ids);
    }
    i4_tokenizer_close(t);
}

static void tokenizer_text_beyond_the_limit_is_refused(void **state) {
    (void)state;
    i4_tokenizer *t = open_or_fail(GOLDEN "tokenizer/tokenizer.json");
    const size_t size = ((size_t)16 << 20) + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    int32_t *ids;
    size_t count;
    i4_err err = {0};
    assert_false(i4_tokenizer_encode(t, i4_str_of(text, size), &ids, &count, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    free(text);
    i4_tokenizer_close(t);
}

/* ---- the file -------------------------------------------------------------------------------- */

/* The golden file with one change; `path` as "model.vocab" or "added_tokens.0.id". */
static json_t *changed(const char *path, json_t *value) {
    json_t *file = load_json(GOLDEN "tokenizer/tokenizer.json");
    json_t *at = file;
    char key[64];
    for (;;) {
        const size_t len = strcspn(path, ".");
        assert_true(len < sizeof key);
        memcpy(key, path, len);
        key[len] = '\0';
        if (!path[len]) {
            break;
        }
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
        assert_non_null(at);
        path += len + 1;
    }
    if (!value) {
        json_object_del(at, key);
    } else if (json_is_array(at)) {
        json_array_set_new(at, strtoul(key, NULL, 10), value);
    } else {
        json_object_set_new(at, key, value);
    }
    return file;
}

static i4_tokenizer *parse_taken(json_t *file, i4_err *err) {
    char *text = json_dumps(file, JSON_COMPACT);
    assert_non_null(text);
    json_decref(file);
    i4_tokenizer *t = i4_tokenizer_parse(text, strlen(text), "made.json", err);
    free(text);
    return t;
}

static void accept(const char *path, json_t *value) {
    i4_err err = {0};
    i4_tokenizer *t = parse_taken(changed(path, value), &err);
    if (!t) {
        fail_msg("%s: %s", path, err.text);
    }
    i4_tokenizer_close(t);
}

static void refuse(i4_status status, const char *path, json_t *value) {
    i4_err err = {0};
    i4_tokenizer *t = parse_taken(changed(path, value), &err);
    if (t) {
        fail_msg("%s: not refused", path);
    }
    if (err.status != status) {
        fail_msg("%s: status %d: %s", path, (int)err.status, err.text);
    }
    assert_true(i4_str_starts(i4_str_c(err.text), "made.json") ||
                strstr(err.text, "made.json") != NULL);
    assert_true(i4_utf8_valid(i4_str_c(err.text)));
}

static void tokenizer_other_kinds_are_unsupported(void **state) {
    (void)state;
    refuse(I4_E_UNSUPPORTED, "normalizer.type", json_string("NFKC"));
    refuse(I4_E_UNSUPPORTED, "normalizer", json_null());
    refuse(I4_E_FORMAT, "normalizer", NULL);
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.type", json_string("ByteLevel"));
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers", json_array());
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.0.type", json_string("Punctuation"));
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.0.behavior", json_string("Removed"));
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.0.invert", json_true());
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.0.pattern.Regex", json_string("\\s+"));
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.0.pattern", json_string(" "));
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.1.use_regex", json_true());
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.1.use_regex", NULL);
    refuse(I4_E_UNSUPPORTED, "pre_tokenizer.pretokenizers.1.add_prefix_space", json_true());
    refuse(I4_E_UNSUPPORTED, "model.type", json_string("Unigram"));
    refuse(I4_E_UNSUPPORTED, "model.unk_token", json_string("<unk>"));
    refuse(I4_E_UNSUPPORTED, "model.continuing_subword_prefix", json_string("##"));
    refuse(I4_E_UNSUPPORTED, "model.end_of_word_suffix", json_string("</w>"));
    refuse(I4_E_UNSUPPORTED, "model.byte_fallback", json_true());
    refuse(I4_E_UNSUPPORTED, "model.ignore_merges", json_true());
    refuse(I4_E_UNSUPPORTED, "added_tokens.0.normalized", json_true());
    refuse(I4_E_UNSUPPORTED, "added_tokens.0.lstrip", json_true());
    refuse(I4_E_UNSUPPORTED, "added_tokens.0.rstrip", json_true());
    refuse(I4_E_UNSUPPORTED, "added_tokens.0.single_word", json_true());
}

static void tokenizer_harmless_variants_are_accepted(void **state) {
    (void)state;
    accept("version", NULL);
    accept("decoder", json_null());
    accept("model.dropout", json_real(0.0));
    accept("model.dropout", json_integer(0));
    accept("model.continuing_subword_prefix", json_string(""));
    accept("model.end_of_word_suffix", json_string(""));
    accept("model.byte_fallback", NULL);
    accept("model.ignore_merges", NULL);
    accept("model.merges", json_array());
    accept("added_tokens", json_null());
    accept("added_tokens", NULL);
    accept("added_tokens", json_array());
}

static void tokenizer_broken_tables_are_malformed(void **state) {
    (void)state;
    refuse(I4_E_FORMAT, "model", NULL);
    refuse(I4_E_FORMAT, "model.dropout", json_real(0.1));
    refuse(I4_E_FORMAT, "model.byte_fallback", json_integer(0));
    refuse(I4_E_FORMAT, "model.vocab", json_array());
    refuse(I4_E_FORMAT, "model.vocab", json_object());
    refuse(I4_E_FORMAT, "model.vocab.!", NULL);
    refuse(I4_E_FORMAT, "model.vocab.!", json_integer(-1));
    refuse(I4_E_FORMAT, "model.vocab.!", json_integer(1));
    refuse(I4_E_FORMAT, "model.vocab.!", json_integer(I4_LIMIT_VOCABULARY));
    refuse(I4_E_FORMAT, "model.vocab.!", json_real(0.0));
    refuse(I4_E_FORMAT, "model.vocab.!", json_string("0"));
    refuse(I4_E_FORMAT, "model.merges", json_null());
    refuse(I4_E_FORMAT, "model.merges.0", json_string("l"));
    refuse(I4_E_FORMAT, "model.merges.0", json_string("l e e"));
    refuse(I4_E_FORMAT, "model.merges.0", json_string(" le"));
    refuse(I4_E_FORMAT, "model.merges.0", json_string("le "));
    refuse(I4_E_FORMAT, "model.merges.0", json_integer(1));
    refuse(I4_E_FORMAT, "model.merges.0", json_pack("[s]", "l"));
    refuse(I4_E_FORMAT, "model.merges.0", json_pack("[si]", "l", 1));
    refuse(I4_E_FORMAT, "model.merges.0", json_pack("[ss]", "l", ""));
    refuse(I4_E_FORMAT, "model.merges.0", json_pack("[ss]", "l", "\xe4\xbd\xa0"));
    refuse(I4_E_FORMAT, "model.merges.0", json_pack("[ss]", "\xe4\xbd\xa0", "e"));
    refuse(I4_E_FORMAT, "model.merges.0", json_pack("[ss]", "z", "q"));
    refuse(I4_E_FORMAT, "model.merges.0", json_pack("[ss]", "s", "t"));
    refuse(I4_E_FORMAT, "added_tokens", json_object());
    refuse(I4_E_FORMAT, "added_tokens.0", json_integer(1));
    refuse(I4_E_FORMAT, "added_tokens.0.content", NULL);
    refuse(I4_E_FORMAT, "added_tokens.0.content", json_string(""));
    refuse(I4_E_FORMAT, "added_tokens.0.content", json_string("<|im_start|>"));
    refuse(I4_E_FORMAT, "added_tokens.0.content", json_string("!"));
    refuse(I4_E_FORMAT, "added_tokens.0.id", NULL);
    refuse(I4_E_FORMAT, "added_tokens.0.id", json_integer(0));
    refuse(I4_E_FORMAT, "added_tokens.0.id", json_integer(495));
    refuse(I4_E_FORMAT, "added_tokens.0.id", json_integer((json_int_t)1 << 40));
}

static void tokenizer_text_that_is_no_object_is_malformed(void **state) {
    (void)state;
    static const char *const texts[] = {"", "[]", "1", "{", "{}", "\xff", "{\"model\":{}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        i4_err err = {0};
        assert_null(i4_tokenizer_parse(texts[i], strlen(texts[i]), "made.json", &err));
        assert_int_equal(err.status, I4_E_FORMAT);
    }
    i4_err err = {0};
    assert_null(i4_tokenizer_open(GOLDEN "no-such.json", &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
}

static void tokenizer_deep_nesting_is_refused(void **state) {
    (void)state;
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    for (int i = 0; i < 100000; i++) {
        i4_buf_adds(&text, "[");
    }
    i4_err err = {0};
    assert_null(i4_tokenizer_parse(text.ptr, text.len, "made.json", &err));
    assert_int_equal(err.status, I4_E_FORMAT);
    i4_buf_free(&text);
}

/* Both ways of writing a merge mean the same. */
static void tokenizer_merges_as_strings_are_equal(void **state) {
    (void)state;
    json_t *file = load_json(GOLDEN "tokenizer/tokenizer.json"), *item;
    json_t *merges = json_object_get(json_object_get(file, "model"), "merges");
    size_t i;
    json_array_foreach(merges, i, item) {
        char text[256];
        snprintf(text, sizeof text, "%s %s", json_string_value(json_array_get(item, 0)),
                 json_string_value(json_array_get(item, 1)));
        json_array_set_new(merges, i, json_string(text));
    }
    i4_err err = {0};
    i4_tokenizer *a = open_or_fail(GOLDEN "tokenizer/tokenizer.json");
    i4_tokenizer *b = parse_taken(file, &err);
    assert_non_null(b);
    static const char text[] = "a little test of the merges, structured \"elements\": []";
    int32_t *x, *y;
    const size_t count = encode(a, i4_str_c(text), &x);
    assert_int_equal(encode(b, i4_str_c(text), &y), count);
    assert_memory_equal(x, y, count * sizeof *x);
    i4_free(x);
    i4_free(y);
    i4_tokenizer_close(a);
    i4_tokenizer_close(b);
}

static json_t *added(const char *content, int id) {
    return json_pack("{s:s,s:i}", "content", content, "id", id);
}

static void tokenizer_added_tokens_match_leftmost_longest(void **state) {
    (void)state;
    json_t *list = json_pack("[o,o,o,o,o]", added("<a>", 600), added("<a><b>", 601),
                             added("<b>", 602), added("b><c", 603), added("\xc3\xa9!", 604));
    i4_err err = {0};
    i4_tokenizer *t = parse_taken(changed("added_tokens", list), &err);
    assert_non_null(t);
    assert_int_equal(i4_tokenizer_max_id(t), 604);
    static const struct {
        const char *text;
        int32_t ids[4];
        size_t count;
    } cases[] = {
        {"<a>", {600}, 1},
        {"<a><b>", {601}, 1},
        {"<a><a><b><b>", {600, 601, 602}, 3},
        {"<a><c", {600, '<' - 33, 'c' - 33}, 3},
        {"<b><c", {602, '<' - 33, 'c' - 33}, 3},
        {"b><c", {603}, 1},
        {"\xc3\xa9!", {604}, 1},
        {"<a", {'<' - 33, 'a' - 33}, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t *ids;
        const size_t count = encode(t, i4_str_c(cases[i].text), &ids);
        assert_int_equal(count, cases[i].count);
        assert_memory_equal(ids, cases[i].ids, count * sizeof *ids);
        i4_free(ids);
    }
    /* matched before NFC: the decomposed spelling is another text */
    int32_t *ids;
    assert_true(encode(t, i4_str_c("e\xcc\x81!"), &ids) > 1);
    i4_free(ids);
    i4_tokenizer_close(t);
}

static bool fail_countdown(i4_fault_kind kind, size_t bytes, void *user) {
    (void)bytes;
    int *left = user;
    return kind == I4_FAULT_ALLOC && (*left)-- == 0;
}

static void tokenizer_out_of_memory_anywhere_is_an_error(void **state) {
    (void)state;
    char *json;
    size_t size;
    i4_err err = {0};
    assert_true(i4_file_read(GOLDEN "tokenizer/tokenizer.json", I4_LIMIT_TOKENIZER_BYTES, &json,
                             &size, &err));
    i4_tokenizer *t = NULL;
    for (int index = 0; !t && index < 100000; index += index < 300 ? 1 : 97) {
        int left = index;
        i4_fault_set(fail_countdown, &left);
        t = i4_tokenizer_parse(json, size, "made.json", &err);
        i4_fault_set(NULL, NULL);
        assert_true(t || err.status == I4_E_OUT_OF_MEMORY);
    }
    assert_non_null(t);
    bool is_done = false;
    for (int index = 0; !is_done && index < 1000; index++) {
        int32_t *ids;
        size_t count;
        int left = index;
        i4_fault_set(fail_countdown, &left);
        is_done = i4_tokenizer_encode_prompt(t, i4_str_c("a caf\xc3\xa9, the <think> 42"), &ids,
                                             &count, &err);
        i4_fault_set(NULL, NULL);
        assert_true(is_done || (err.status == I4_E_OUT_OF_MEMORY && !ids));
        i4_free(ids);
    }
    assert_true(is_done);
    i4_tokenizer_close(t);
    i4_free(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizer_golden_cases_are_equal),
        cmocka_unit_test(tokenizer_golden_prompts_are_equal),
        cmocka_unit_test(tokenizer_demo_prompts_are_equal),
        cmocka_unit_test(tokenizer_prompt_newline_joins_the_template),
        cmocka_unit_test(tokenizer_decoding_gives_the_text_back),
        cmocka_unit_test(tokenizer_random_texts_follow_the_specification),
        cmocka_unit_test(tokenizer_byte_alphabet_is_the_specified_one),
        cmocka_unit_test(tokenizer_nfc_examples_of_the_standard_hold),
        cmocka_unit_test(tokenizer_nfc_of_random_marks_agrees_with_utf8proc),
        cmocka_unit_test(tokenizer_invalid_utf8_is_refused),
        cmocka_unit_test(tokenizer_hostile_texts_are_encoded),
        cmocka_unit_test(tokenizer_empty_text_gives_no_ids),
        cmocka_unit_test(tokenizer_text_beyond_the_limit_is_refused),
        cmocka_unit_test(tokenizer_other_kinds_are_unsupported),
        cmocka_unit_test(tokenizer_harmless_variants_are_accepted),
        cmocka_unit_test(tokenizer_broken_tables_are_malformed),
        cmocka_unit_test(tokenizer_text_that_is_no_object_is_malformed),
        cmocka_unit_test(tokenizer_deep_nesting_is_refused),
        cmocka_unit_test(tokenizer_merges_as_strings_are_equal),
        cmocka_unit_test(tokenizer_added_tokens_match_leftmost_longest),
        cmocka_unit_test(tokenizer_out_of_memory_anywhere_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
