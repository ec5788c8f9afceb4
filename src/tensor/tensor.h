/* Floor 1. Nouns: dtypes, tensors, weights. Small values; nobody frees a tensor.
 *
 * A tensor is borrowed from a scope of an i4_ctx (ops.h). Rows are contiguous elements; the
 * distance between rows may be larger than a row (views of columns). A 3-D map is [H, W, C] with
 * C fastest and no gaps. */
#ifndef I4_TENSOR_TENSOR_H
#define I4_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum i4_dtype { I4_F32, I4_BF16, I4_F16, I4_I32, I4_U8 } i4_dtype;

static inline size_t i4_dtype_size(i4_dtype dtype) {
    return dtype == I4_F32 || dtype == I4_I32 ? 4 : dtype == I4_U8 ? 1 : 2;
}

typedef struct i4_tensor {
    i4_dtype dtype;
    int rank;           /* 1..3 */
    int64_t dim[3];     /* slowest first; unused ones are 1 */
    int64_t row_stride; /* elements between consecutive dim[rank-2] indices (>= the last dim) */
    void *data;         /* backend's address; host memory for scalar and cpu */
    int32_t place;      /* index in the ctx's table of live places; -1 for views and constants */
} i4_tensor;

/* Rows and columns when read as a matrix: all but the last dim flattened, and the last. */
static inline int64_t i4_rows_of(i4_tensor t) {
    return t.rank == 1 ? 1 : t.rank == 2 ? t.dim[0] : t.dim[0] * t.dim[1];
}
static inline int64_t i4_cols_of(i4_tensor t) {
    return t.dim[t.rank - 1];
}

/* How a weight's numbers lie in the file. The values meant are, in float32:
 *   F32 F16 BF16   the number
 *   AFFINE8/4      q · scale + zero of its group (unsigned q; scale may be negative)
 *   FP8            e4m3fn code · row_scale                                (docs/formats.md 3, 5) */
typedef enum i4_format {
    I4_W_F32,
    I4_W_F16,
    I4_W_BF16,
    I4_W_AFFINE8,
    I4_W_AFFINE4,
    I4_W_FP8
} i4_format;
const char *i4_format_name(i4_format format);

/* A matrix of a linear layer [rows = out, cols = in], an embedding table [vocabulary, width], or
 * a convolution [out, kernel·kernel·in] in O,H,W,I order. Immutable once loaded. Pointers into
 * the file are borrowed from the store and may have ANY alignment. */
typedef struct i4_weight {
    const char *name; /* for messages and traces */
    i4_format format;
    int64_t rows, cols;
    int kernel;             /* 0 linear or table, 1 or 3 convolution (cols = kernel²·in) */
    int group;              /* affine: 32, 64 or 128 columns share a scale */
    i4_dtype scale_dtype;   /* affine: dtype of scales and zeros: BF16, F16 or F32 */
    const uint8_t *data;    /* packed numbers, row after row without gaps */
    const uint8_t *scales;  /* affine: [rows, cols/group] */
    const uint8_t *zeros;   /* affine: [rows, cols/group] (MLX calls them biases) */
    const float *row_scale; /* fp8: [rows], aligned */
    const float *bias;      /* [rows] or NULL, aligned, added in f32 */
    int32_t slot;           /* number of this layer for adapters, -1: not a target */
    void *payload;          /* backend's own form, NULL if it reads `data` directly */
} i4_weight;

/* Bytes of one row of `data`. */
size_t i4_weight_row_bytes(const i4_weight *w);
/* Dequantises columns [first, first+count) of a row into out, in float32 without further
 * rounding. first and count are multiples of 8 for 4-bit weights. This is the definition that
 * every kernel is tested against. */
void i4_weight_row(const i4_weight *w, int64_t row, int64_t first, int64_t count, float *out);

/* Conversions, round to nearest even, NaN kept. */
static inline float i4_from_bf16(uint16_t h) {
    union {
        uint32_t u;
        float f;
    } v = {(uint32_t)h << 16};
    return v.f;
}
static inline uint16_t i4_to_bf16(float f) {
    union {
        float f;
        uint32_t u;
    } v = {f};
    if ((v.u & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)((v.u >> 16) | 0x40u);
    }
    return (uint16_t)((v.u + 0x7fffu + ((v.u >> 16) & 1u)) >> 16);
}
float i4_from_f16(uint16_t h);
uint16_t i4_to_f16(float f);
float i4_from_e4m3(uint8_t code);

#endif
