/* Floor 2. LoRA and LoKr files in every naming of docs/formats.md 8, matched against the targets of
 * one model. One file applies to both transformers with the same numbers.
 *
 * Fatal: unreadable, no key matched, an incomplete pair, a shape that does not fit, numbers that
 * are not finite. Keys that match nothing are counted and the first five named. */
#ifndef I4_WEIGHTS_LORA_H
#define I4_WEIGHTS_LORA_H

#include "base/status.h"
#include "tensor/tensor.h"

/* One adaptable layer, e.g. {"layers.3.attention.qkv", 13824, 4608, slot}. */
typedef struct i4_lora_target {
    const char *module; /* borrowed while the call runs */
    int64_t out, in;
    int32_t slot;
} i4_lora_target;

typedef struct i4_lora_part {
    int32_t slot;
    int64_t first;  /* first output row it adds to (split q, k, v), else 0 */
    i4_weight down; /* [rank, in]  bf16, f16 or f32 */
    i4_weight up;   /* [out part, rank] */
    float factor;   /* alpha / rank, or 1 without alpha */
} i4_lora_part;

typedef struct i4_lora {
    i4_lora_part *part; /* owned */
    size_t part_count;
    size_t matched_keys, unmatched_keys;
    char unmatched[5][128];
    void *file; /* the mapped file */
    float **owned;
    size_t owned_count; /* LoKr factors made dense-low-rank */
} i4_lora;

bool i4_lora_open(const char *path, const i4_lora_target *targets, size_t target_count,
                  i4_lora *lora, i4_err *err);
void i4_lora_close(i4_lora *lora);

#endif
