/* Bytes that begin with '{' are a tokenizer.json; if it is accepted, it must encode any text within
 * its own ids. Other bytes are a text for a small tokenizer, whose ids must spell its NFC form. */
#include "base/memory.h"
#include "model/bpe.h"
#include "model/nfc.h"
#include "model/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static const char HEAD[] =
    "{\"normalizer\":{\"type\":\"NFC\"},\"pre_tokenizer\":{\"type\":\"Sequence\","
    "\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
    "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| "
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},"
    "\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":"
    "false,\"use_regex\":false}]},\"model\":{\"type\":\"BPE\",\"merges\":[\"a b\",\"ab a\",\"a "
    "a\"],"
    "\"vocab\":{\"ab\":256,\"aba\":257,\"aa\":258";

/* All 256 bytes and three merges; kept, and so reachable, for the whole run. */
static const i4_tokenizer *small_tokenizer(void) {
    static i4_tokenizer *made;
    if (made) {
        return made;
    }
    i4_buf json;
    i4_buf_init(&json, SIZE_MAX);
    i4_buf_adds(&json, HEAD);
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint32_t symbol = i4_bpe_symbol((uint8_t)byte);
        i4_buf_adds(&json, symbol == '"' || symbol == '\\' ? ",\"\\" : ",\"");
        i4_buf_add_utf8(&json, symbol);
        i4_buf_addf(&json, "\":%u", byte);
    }
    i4_buf_adds(&json, "}}}");
    made = i4_tokenizer_parse(json.ptr, json.len, "small", NULL);
    i4_buf_free(&json);
    require(made != NULL);
    return made;
}

static void encode_text(i4_str text) {
    const i4_tokenizer *t = small_tokenizer();
    int32_t *ids;
    size_t count;
    if (!i4_tokenizer_encode(t, text, &ids, &count, NULL)) {
        return;
    }
    i4_buf spelled, expected;
    i4_buf_init(&spelled, SIZE_MAX);
    i4_buf_init(&expected, SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        i4_tokenizer_decode(t, ids[i], &spelled);
    }
    require(i4_nfc(text, &expected, NULL));
    require(i4_str_eq(i4_str_of(spelled.ptr, spelled.len), i4_str_of(expected.ptr, expected.len)));
    i4_buf_free(&spelled);
    i4_buf_free(&expected);
    i4_free(ids);
}

static void load_file(i4_str file) {
    i4_err err = {0};
    i4_tokenizer *t = i4_tokenizer_parse(file.ptr, file.len, "fuzz.json", &err);
    if (!t) {
        require(err.status != I4_E_OK && err.text[0] && i4_utf8_valid(i4_str_c(err.text)));
        return;
    }
    static const char text[] =
        "a \"b\": <|im_start|> caf\xc3\xa9  12\n\n e\xcc\x81 \xf0\x9f\x98\x80";
    int32_t *ids;
    size_t count;
    require(i4_tokenizer_encode_prompt(t, i4_str_c(text), &ids, &count, &err) && count > 0);
    for (size_t i = 0; i < count; i++) {
        require(ids[i] >= 0 && ids[i] <= i4_tokenizer_max_id(t));
    }
    i4_free(ids);
    i4_tokenizer_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const i4_str input = i4_str_of((const char *)data, size);
    if (i4_str_starts(input, "{")) {
        load_file(input);
    } else {
        encode_text(input);
    }
    return 0;
}
