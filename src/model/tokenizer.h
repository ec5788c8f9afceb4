/* Floor 3. Byte-level BPE from tokenizer.json (docs/model.md 3.2): added tokens, NFC, regex split,
 * byte mapping, merges by rank. The normalizer, pre-tokenizer and model of the file must be exactly
 * the known ones; anything else fails loudly. */
#ifndef I4_MODEL_TOKENIZER_H
#define I4_MODEL_TOKENIZER_H

#include "base/status.h"
#include "base/str.h"

#include <stdint.h>

typedef struct i4_tokenizer i4_tokenizer;

i4_tokenizer *i4_tokenizer_open(const char *path, i4_err *err);
i4_tokenizer *i4_tokenizer_parse(const char *json, size_t size, const char *label, i4_err *err);
void i4_tokenizer_close(i4_tokenizer *tokenizer);

/* Ids of a text as it stands (no template). Owned by the caller (i4_free). Invalid UTF-8 is
 * INVALID_ARGUMENT. Immutable: any thread. An empty text gives count 0 and *ids non-NULL. */
bool i4_tokenizer_encode(const i4_tokenizer *tokenizer, i4_str text, int32_t **ids, size_t *count,
                         i4_err *err);
/* The same of "<|im_start|>user\n" text "<|im_end|>\n<|im_start|>assistant\n", as one string. */
bool i4_tokenizer_encode_prompt(const i4_tokenizer *tokenizer, i4_str text, int32_t **ids,
                                size_t *count, i4_err *err);
int32_t i4_tokenizer_max_id(const i4_tokenizer *tokenizer); /* largest id it can give */
/* Text of one id with the byte mapping undone, for `ideogram4 tokens`; appended to out. */
void i4_tokenizer_decode(const i4_tokenizer *tokenizer, int32_t id, i4_buf *out);

#endif
