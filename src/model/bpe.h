/* Floor 3. Byte-pair encoding of one piece of text: the byte alphabet, the merge table, the merge
 * loop (docs/model.md 3.2, steps 3b and 4). Knows ids only; the strings behind them are the
 * tokenizer's. */
#ifndef I4_MODEL_BPE_H
#define I4_MODEL_BPE_H

#include "base/status.h"
#include "base/str.h"

#include <stdint.h>

/* The code point that stands for a byte in the vocabulary, and back (-1: none). */
uint32_t i4_bpe_symbol(uint8_t byte);
int i4_bpe_byte(uint32_t code_point);

typedef struct i4_bpe_merge {
    int32_t left, right, result;
    uint32_t rank; /* lower merges first */
} i4_bpe_merge;

/* Immutable once sealed. */
typedef struct i4_bpe {
    int32_t byte_id[256];
    i4_bpe_merge *merge; /* owned [merge_count]; sorted by (left, right) once sealed */
    size_t merge_count;
} i4_bpe;

/* Sorts the merges. On a pair that occurs twice returns false and gives the two ranks. */
bool i4_bpe_seal(i4_bpe *bpe, uint32_t twice[2]);
void i4_bpe_free(i4_bpe *bpe);

/* Growing list of ids. Zeroed: empty. */
typedef struct i4_ids {
    int32_t *id; /* owned [capacity] */
    size_t count, capacity;
} i4_ids;

bool i4_ids_add(i4_ids *ids, int32_t id, i4_err *err);

/* Working memory that grows to the longest piece. Zeroed: empty. One thread at a time. */
typedef struct i4_bpe_scratch {
    struct i4_bpe_node *node;   /* owned [capacity] */
    struct i4_bpe_entry *queue; /* owned [2 * capacity] */
    size_t capacity;
} i4_bpe_scratch;

void i4_bpe_scratch_free(i4_bpe_scratch *scratch);

/* Appends the ids of one piece. Takes n log n steps, whatever the piece holds. */
bool i4_bpe_encode(const i4_bpe *bpe, i4_str piece, i4_bpe_scratch *scratch, i4_ids *out,
                   i4_err *err);

#endif
