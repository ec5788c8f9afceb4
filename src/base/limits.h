/* Floor 0. Every limit on what comes from outside: value, unit, reason. */
#ifndef I4_BASE_LIMITS_H
#define I4_BASE_LIMITS_H

#include <stddef.h>

enum {
    I4_LIMIT_JSON_DEPTH = 64,            /* captions and configs nest to about 6 */
    I4_LIMIT_CONFIG_BYTES = 1 << 20,     /* largest known config.json: 3 KiB */
    I4_LIMIT_TOKENIZER_BYTES = 64 << 20, /* Qwen's tokenizer.json: 11 MiB */
    I4_LIMIT_INDEX_BYTES = 16 << 20,     /* a shard index of 1e5 tensors */
    I4_LIMIT_CAPTION_BYTES = 256 << 10,  /* as the gateway's IDEOGRAM4_MAX_CAPTION_JSON_BYTES */
    I4_LIMIT_ST_HEADER_BYTES = 99999999, /* the reference reader's bound: below 100 MB */
    I4_LIMIT_ST_TENSORS =
        200000, /* the largest known file has 1 000; keeps a header under 64 MiB */
    I4_LIMIT_ST_RANK = 8,
    I4_LIMIT_ST_NAME_BYTES = 1024,
    I4_LIMIT_SHARDS = 1024,
    I4_LIMIT_VOCABULARY = 1 << 20, /* Qwen: 151 936 */
    I4_LIMIT_PROMPT_TOKENS = 2048, /* the model's own limit, template included */
    I4_LIMIT_LAYERS = 256,         /* transformer blocks; the real model: 34 and 36 */
    I4_LIMIT_WIDTH = 1 << 17,      /* any width of a network; the real model: 53 248 */
    I4_LIMIT_HEAD_DIM = 512,       /* attention kernels' largest head */
    I4_LIMIT_TAPS = 64,
    I4_LIMIT_STEPS = 1000,   /* sampler steps; presets: 48 at most */
    I4_LIMIT_SIDE_MIN = 256, /* pixels, from the reference */
    I4_LIMIT_SIDE_MAX = 2048,
    I4_LIMIT_SIDE_MULTIPLE = 16,
    I4_LIMIT_ADAPTERS = 16, /* LoRA files in one engine */
    I4_LIMIT_LORA_RANK = 4096,
    I4_LIMIT_IMAGE_SIDE = 16384,      /* decoding, pixels */
    I4_LIMIT_IMAGE_PIXELS = 64 << 20, /* decoding, pixels in all */
    I4_LIMIT_IMAGE_FILE_BYTES = 256 << 20,
    I4_LIMIT_METADATA_BYTES = 1 << 20, /* recipe inside a picture */
    I4_LIMIT_THREADS = 256,
    I4_LIMIT_PATH_BYTES = 4096
};

#endif
