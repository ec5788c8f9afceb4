/* Conversion and inspection of stored floating numbers. Loads go through memcpy: tensors may begin
 * at any byte. */
#include "weights/floats.h"

#include <string.h>

bool i4_float_kind(i4_st_dtype stored, i4_format *format, i4_dtype *dtype) {
    static const struct {
        i4_st_dtype stored;
        i4_format format;
        i4_dtype dtype;
    } kinds[] = {{I4_ST_F32, I4_W_F32, I4_F32},
                 {I4_ST_F16, I4_W_F16, I4_F16},
                 {I4_ST_BF16, I4_W_BF16, I4_BF16}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].stored == stored) {
            if (format) {
                *format = kinds[i].format;
            }
            if (dtype) {
                *dtype = kinds[i].dtype;
            }
            return true;
        }
    }
    return false;
}

void i4_floats_read(i4_dtype dtype, const uint8_t *data, size_t count, float *out) {
    if (dtype == I4_F32) {
        memcpy(out, data, count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, data + 2 * i, sizeof half);
        out[i] = dtype == I4_BF16 ? i4_from_bf16(half) : i4_from_f16(half);
    }
}

/* Infinities and NaN are exactly the numbers whose exponent bits are all ones. */
bool i4_floats_finite(i4_dtype dtype, const uint8_t *data, size_t count) {
    const uint32_t exponent = dtype == I4_BF16 ? 0x7f80u : dtype == I4_F16 ? 0x7c00u : 0x7f800000u;
    const size_t step = i4_dtype_size(dtype);
    bool finite = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t word;
        uint16_t half;
        if (step == sizeof word) {
            memcpy(&word, data + step * i, sizeof word);
        } else {
            memcpy(&half, data + step * i, sizeof half);
            word = half;
        }
        finite = finite && (word & exponent) != exponent;
    }
    return finite;
}
