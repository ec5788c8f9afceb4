/* Number formats: conversions, and what the bytes of a weight mean. Files are little-endian and
 * their numbers lie at any address, so everything is put together from bytes. */
#include "tensor/tensor.h"

#include <string.h>

const char *i4_format_name(i4_format format) {
    switch (format) {
    case I4_W_F32:
        return "f32";
    case I4_W_F16:
        return "f16";
    case I4_W_BF16:
        return "bf16";
    case I4_W_AFFINE8:
        return "q8";
    case I4_W_AFFINE4:
        return "q4";
    case I4_W_FP8:
        return "fp8";
    }
    return "unknown";
}

/* --- single numbers ------------------------------------------------------------------------ */

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

float i4_from_f16(uint16_t h) {
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t exponent = h >> 10 & 31u, mantissa = h & 0x3ffu;
    if (exponent == 0) {
        const float magnitude = (float)mantissa * 0x1p-24f; /* exact */
        return sign ? -magnitude : magnitude;
    }
    if (exponent == 31) {
        return float_of(sign | 0x7f800000u | mantissa << 13);
    }
    return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
}

/* Below 2^-14 the result counts in units of 2^-24; `bits` are those of a positive float. */
static uint32_t f16_subnormal(uint32_t bits) {
    const uint32_t shift = 126 - (bits >> 23);
    if (shift > 24) {
        return 0; /* less than half a unit */
    }
    const uint32_t mantissa = (bits & 0x7fffffu) | 0x800000u;
    const uint32_t units = mantissa >> shift, half = 1u << (shift - 1);
    const uint32_t rest = mantissa & ((1u << shift) - 1);
    return units + (rest > half || (rest == half && (units & 1u)));
}

uint16_t i4_to_f16(float f) {
    const uint32_t bits = bits_of(f) & 0x7fffffffu, sign = bits_of(f) >> 16 & 0x8000u;
    uint32_t h;
    if (bits > 0x7f800000u) {
        h = 0x7e00u | (bits >> 13 & 0x3ffu);
    } else if (bits >= 0x47800000u) { /* 65536 */
        h = 0x7c00u;
    } else if (bits < 0x38800000u) { /* 2^-14 */
        h = f16_subnormal(bits);
    } else { /* a carry out of the mantissa goes into the exponent, up to infinity: as it should */
        h = (bits - 0x38000000u + 0xfffu + (bits >> 13 & 1u)) >> 13;
    }
    return (uint16_t)(sign | h);
}

float i4_from_e4m3(uint8_t code) {
    const uint32_t sign = (uint32_t)(code & 0x80u) << 24;
    const uint32_t exponent = code >> 3 & 15u, mantissa = code & 7u;
    if ((code & 0x7fu) == 0x7fu) {
        return float_of(sign | 0x7fc00000u);
    }
    if (exponent == 0) {
        const float magnitude = (float)mantissa * 0x1p-9f; /* exact */
        return sign ? -magnitude : magnitude;
    }
    return float_of(sign | (exponent + 120) << 23 | mantissa << 20);
}

/* --- rows of weights ----------------------------------------------------------------------- */

static uint16_t read_u16(const uint8_t *p) {
    return (uint16_t)(p[0] | p[1] << 8);
}

static float read_f32(const uint8_t *p) {
    return float_of((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                    (uint32_t)p[3] << 24);
}

static float read_number(const uint8_t *array, i4_dtype dtype, int64_t index) {
    switch (dtype) {
    case I4_BF16:
        return i4_from_bf16(read_u16(array + index * 2));
    case I4_F16:
        return i4_from_f16(read_u16(array + index * 2));
    default:
        return read_f32(array + index * 4);
    }
}

size_t i4_weight_row_bytes(const i4_weight *w) {
    const size_t cols = (size_t)w->cols;
    switch (w->format) {
    case I4_W_F32:
        return cols * 4;
    case I4_W_F16:
    case I4_W_BF16:
        return cols * 2;
    case I4_W_AFFINE4:
        return cols / 2;
    case I4_W_AFFINE8:
    case I4_W_FP8:
        break;
    }
    return cols;
}

/* Column c of a row of unsigned numbers: a byte, or a half of one, the even column in the low. */
static unsigned packed_number(const uint8_t *row, bool is_4_bit, int64_t c) {
    return is_4_bit ? row[c / 2] >> (c & 1) * 4 & 15u : row[c];
}

static void affine_row(const i4_weight *w, int64_t row, int64_t first, int64_t count, float *out) {
    const bool is_4_bit = w->format == I4_W_AFFINE4;
    const uint8_t *data = w->data + (size_t)row * i4_weight_row_bytes(w);
    const int64_t groups = w->cols / w->group, end = first + count;
    for (int64_t c = first; c < end;) {
        const int64_t group = c / w->group;
        const int64_t group_end = (group + 1) * w->group < end ? (group + 1) * w->group : end;
        const float scale = read_number(w->scales, w->scale_dtype, row * groups + group);
        const float zero = read_number(w->zeros, w->scale_dtype, row * groups + group);
        for (; c < group_end; c++) {
            *out++ = (float)packed_number(data, is_4_bit, c) * scale + zero;
        }
    }
}

void i4_weight_row(const i4_weight *w, int64_t row, int64_t first, int64_t count, float *out) {
    const uint8_t *data = w->data + (size_t)row * i4_weight_row_bytes(w);
    switch (w->format) {
    case I4_W_F32:
        for (int64_t i = 0; i < count; i++) {
            out[i] = read_f32(data + (first + i) * 4);
        }
        break;
    case I4_W_F16:
        for (int64_t i = 0; i < count; i++) {
            out[i] = i4_from_f16(read_u16(data + (first + i) * 2));
        }
        break;
    case I4_W_BF16:
        for (int64_t i = 0; i < count; i++) {
            out[i] = i4_from_bf16(read_u16(data + (first + i) * 2));
        }
        break;
    case I4_W_AFFINE8:
    case I4_W_AFFINE4:
        affine_row(w, row, first, count, out);
        break;
    case I4_W_FP8:
        for (int64_t i = 0; i < count; i++) {
            out[i] = i4_from_e4m3(data[first + i]) * w->row_scale[row];
        }
        break;
    }
}
