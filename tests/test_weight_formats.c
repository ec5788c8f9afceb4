/* What the bytes of a weight mean: against arrays of MLX and values worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/os.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static void assert_bits(float got, float want) {
    if (bits_of(got) != bits_of(want)) {
        fail_msg("%.9g (%08x) instead of %.9g (%08x)", (double)got, bits_of(got), (double)want,
                 bits_of(want));
    }
}

/* --- single numbers ------------------------------------------------------------------------ */

static void f16_known_codes_decode(void **state) {
    (void)state;
    static const struct {
        uint16_t code;
        float value;
    } known[] = {
        {0x0000, 0.0f},        {0x8000, -0.0f},     {0x3c00, 1.0f},     {0xc000, -2.0f},
        {0x3555, 0x1.554p-2f}, {0x7bff, 65504.0f},  {0x0400, 0x1p-14f}, {0x03ff, 0x1.ff8p-15f},
        {0x0001, 0x1p-24f},    {0x8001, -0x1p-24f}, {0x7c00, INFINITY}, {0xfc00, -INFINITY},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_bits(i4_from_f16(known[i].code), known[i].value);
    }
    assert_true(isnan(i4_from_f16(0x7c01)));
    assert_true(isnan(i4_from_f16(0xfe00)));
}

/* The definition in plain arithmetic. */
static double f16_by_definition(unsigned code) {
    const int exponent = (int)(code >> 10 & 31), mantissa = (int)(code & 1023);
    const double magnitude =
        exponent == 0 ? ldexp(mantissa, -24) : ldexp(1024 + mantissa, exponent - 25);
    return code & 0x8000 ? -magnitude : magnitude;
}

static void f16_all_finite_codes_decode_and_encode(void **state) {
    (void)state;
    for (unsigned code = 0; code < 0x10000; code++) {
        if ((code >> 10 & 31) == 31) {
            continue;
        }
        const float value = i4_from_f16((uint16_t)code);
        assert_bits(value, (float)f16_by_definition(code));
        assert_int_equal(i4_to_f16(value), code);
    }
}

/* Between every two neighbours: just below, at and just above the middle. */
static void f16_encode_rounds_to_nearest_even(void **state) {
    (void)state;
    for (unsigned code = 0; code < 0x7bff; code++) {
        const float low = (float)f16_by_definition(code), high = (float)f16_by_definition(code + 1);
        const float middle = (low + high) / 2; /* exact: float has more bits */
        assert_int_equal(i4_to_f16(middle), code + (code & 1));
        assert_int_equal(i4_to_f16(nextafterf(middle, 0.0f)), code);
        assert_int_equal(i4_to_f16(nextafterf(middle, 1e9f)), code + 1);
        assert_int_equal(i4_to_f16(-middle), 0x8000 | (code + (code & 1)));
    }
    assert_int_equal(i4_to_f16(nextafterf(65520.0f, 0.0f)), 0x7bff);
    assert_int_equal(i4_to_f16(65520.0f), 0x7c00);
    assert_int_equal(i4_to_f16(1e30f), 0x7c00);
    assert_int_equal(i4_to_f16(-INFINITY), 0xfc00);
    assert_int_equal(i4_to_f16(1e-40f), 0);
    assert_true(isnan(i4_from_f16(i4_to_f16(NAN))));
}

static void bf16_rounds_to_nearest_even_and_keeps_nan(void **state) {
    (void)state;
    assert_int_equal(i4_to_bf16(1.0f), 0x3f80);
    assert_int_equal(i4_to_bf16(0x1.01p0f), 0x3f80); /* tie, down to even */
    assert_int_equal(i4_to_bf16(0x1.03p0f), 0x3f82); /* tie, up to even */
    assert_int_equal(i4_to_bf16(0x1.010002p0f), 0x3f81);
    assert_int_equal(i4_to_bf16(3.4e38f), 0x7f80); /* past the largest: infinity */
    assert_int_equal(i4_to_bf16(-INFINITY), 0xff80);
    float quiet;
    const uint32_t low_payload = 0x7f800001u; /* its payload is lost by plain cutting */
    memcpy(&quiet, &low_payload, sizeof quiet);
    assert_true(isnan(i4_from_bf16(i4_to_bf16(quiet))));
    assert_bits(i4_from_bf16(0xc049), -3.140625f);
}

static void e4m3_known_codes_decode(void **state) {
    (void)state;
    static const struct {
        uint8_t code;
        float value;
    } known[] = {
        {0x00, 0.0f},    {0x80, -0.0f},   {0x01, 0x1p-9f},       {0x07, 0.013671875f},
        {0x08, 0x1p-6f}, {0x38, 1.0f},    {0x39, 1.125f},        {0x3f, 1.875f},
        {0x40, 2.0f},    {0xb8, -1.0f},   {0x77, 240.0f},        {0x78, 256.0f},
        {0x7e, 448.0f},  {0xfe, -448.0f}, {0x87, -0.013671875f},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_bits(i4_from_e4m3(known[i].code), known[i].value);
    }
    assert_true(isnan(i4_from_e4m3(0x7f)));
    assert_true(isnan(i4_from_e4m3(0xff)));
}

static void e4m3_all_codes_follow_the_definition(void **state) {
    (void)state;
    for (unsigned code = 0; code < 256; code++) {
        const int exponent = (int)(code >> 3 & 15), mantissa = (int)(code & 7);
        if (exponent == 15 && mantissa == 7) {
            continue;
        }
        const double magnitude =
            exponent == 0 ? ldexp(mantissa, -9) : ldexp(8 + mantissa, exponent - 10);
        assert_bits(i4_from_e4m3((uint8_t)code), (float)(code & 0x80 ? -magnitude : magnitude));
    }
}

/* --- plain rows, at odd addresses ---------------------------------------------------------- */

enum { ROWS = 3, COLS = 16 };

static float plain_value(int row, int col) {
    return (float)(row * COLS + col - 20) * 0.25f; /* exact in every format used here */
}

/* Writes the matrix one byte past an aligned address. */
static void fill_plain(i4_weight *w, uint8_t *block) {
    uint8_t *p = block + 1;
    w->rows = ROWS;
    w->cols = COLS;
    w->data = p;
    for (int i = 0; i < ROWS * COLS; i++) {
        const float value = plain_value(i / COLS, i % COLS);
        const uint32_t f32 = bits_of(value);
        const uint16_t u16 = w->format == I4_W_BF16 ? i4_to_bf16(value) : i4_to_f16(value);
        if (w->format == I4_W_F32) {
            memcpy(p, &f32, 4);
            p += 4;
        } else {
            memcpy(p, &u16, 2);
            p += 2;
        }
    }
}

static void plain_rows_read_at_any_alignment(void **state) {
    (void)state;
    static const i4_format formats[] = {I4_W_F32, I4_W_F16, I4_W_BF16};
    for (size_t f = 0; f < 3; f++) {
        uint32_t block[ROWS * COLS + 1];
        i4_weight w = {.format = formats[f]};
        fill_plain(&w, (uint8_t *)block);
        assert_int_equal(i4_weight_row_bytes(&w), COLS * (f == 0 ? 4 : 2));
        float out[COLS + 1] = {0};
        for (int row = 0; row < ROWS; row++) {
            out[5] = 99;
            i4_weight_row(&w, row, 3, 5, out);
            for (int i = 0; i < 5; i++) {
                assert_bits(out[i], plain_value(row, 3 + i));
            }
            assert_bits(out[5], 99); /* no more than asked for */
        }
    }
}

static void fp8_rows_are_scaled_by_their_row(void **state) {
    (void)state;
    static const uint8_t codes[2][8] = {{0x38, 0xb8, 0x7e, 0x01, 0x00, 0x40, 0x3f, 0x08},
                                        {0x39, 0x78, 0x87, 0x38, 0x38, 0xfe, 0x7f, 0x38}};
    static const float scale[2] = {0.5f, -3.0f};
    const i4_weight w = {
        .format = I4_W_FP8, .rows = 2, .cols = 8, .data = codes[0], .row_scale = scale};
    static const float first[8] = {0.5f, -0.5f, 224.0f, 0x1p-10f, 0, 1.0f, 0.9375f, 0x1p-7f};
    static const float second[6] = {-3.375f, -768.0f, 0.041015625f, -3.0f, -3.0f, 1344.0f};
    float out[8];
    assert_int_equal(i4_weight_row_bytes(&w), 8);
    i4_weight_row(&w, 0, 0, 8, out);
    assert_memory_equal(out, first, sizeof first);
    i4_weight_row(&w, 1, 0, 8, out);
    assert_memory_equal(out, second, sizeof second);
    assert_true(isnan(out[6]));
    i4_weight_row(&w, 1, 5, 1, out);
    assert_bits(out[0], 1344.0f);
}

/* --- affine -------------------------------------------------------------------------------- */

static void affine4_nibbles_are_low_first(void **state) {
    (void)state;
    uint8_t data[2][16];
    for (int i = 0; i < 16; i++) {
        data[0][i] = (uint8_t)(2 * i % 16 | (2 * i + 1) % 16 << 4); /* columns 0..31: c mod 16 */
        data[1][i] = 0xf0;
    }
    static const float scales[2] = {-0.5f, 2.0f}, zeros[2] = {4.0f, -1.0f};
    const i4_weight w = {.format = I4_W_AFFINE4,
                         .rows = 2,
                         .cols = 32,
                         .group = 32,
                         .scale_dtype = I4_F32,
                         .data = data[0],
                         .scales = (const uint8_t *)scales,
                         .zeros = (const uint8_t *)zeros};
    assert_int_equal(i4_weight_row_bytes(&w), 16);
    float out[32];
    i4_weight_row(&w, 0, 0, 32, out);
    for (int c = 0; c < 32; c++) {
        assert_bits(out[c], 4.0f - 0.5f * (float)(c % 16));
    }
    i4_weight_row(&w, 1, 8, 8, out);
    for (int c = 0; c < 8; c++) {
        assert_bits(out[c], c % 2 ? 29.0f : -1.0f);
    }
}

static void affine8_group_of_f16_scales_changes_at_its_border(void **state) {
    (void)state;
    uint8_t data[128];
    memset(data, 255, sizeof data);
    const uint16_t scales[4] = {0x3c00, 0x4000, 0xbc00, 0x0000}; /* 1, 2, -1, 0 */
    const uint16_t zeros[4] = {0x0000, 0x3c00, 0x0000, 0x4200};  /* 0, 1, 0, 3 */
    const i4_weight w = {.format = I4_W_AFFINE8,
                         .rows = 1,
                         .cols = 128,
                         .group = 32,
                         .scale_dtype = I4_F16,
                         .data = data,
                         .scales = (const uint8_t *)scales,
                         .zeros = (const uint8_t *)zeros};
    static const float want[4] = {255, 511, -255, 3};
    float out[128];
    i4_weight_row(&w, 0, 0, 128, out);
    for (int c = 0; c < 128; c++) {
        assert_bits(out[c], want[c / 32]);
    }
    i4_weight_row(&w, 0, 31, 34, out); /* begins and ends inside groups */
    assert_bits(out[0], 255);
    assert_bits(out[1], 511);
    assert_bits(out[32], 511);
    assert_bits(out[33], -255);
}

/* --- affine against MLX -------------------------------------------------------------------- */

typedef struct blob {
    char *data;
    size_t size;
} blob;

/* Loads a golden file one byte past an aligned address. */
static blob load(const char *name, const char *suffix) {
    char path[512];
    snprintf(path, sizeof path, "%s/tests/golden/mlx/%s%s", ID4_SOURCE_DIR, name, suffix);
    char *data;
    blob b = {0};
    i4_err err = {0};
    if (!i4_file_read(path, 1 << 20, &data, &b.size, &err)) {
        fail_msg("%s", err.text);
    }
    b.data = i4_malloc(b.size + 1);
    assert_non_null(b.data);
    memcpy(b.data + 1, data, b.size);
    i4_free(data);
    return b;
}

static const uint8_t *bytes_of(blob b) {
    return (const uint8_t *)b.data + 1;
}

typedef struct golden {
    blob packed, scales, zeros;
    i4_weight w;
} golden;

static golden load_golden(const char *name, i4_format format, i4_dtype scale_dtype, int64_t rows,
                          int64_t cols) {
    const char *scales = scale_dtype == I4_F32 ? "_scales.f32" : "_scales.bf16";
    const char *zeros = scale_dtype == I4_F32 ? "_biases.f32" : "_biases.bf16";
    golden g = {load(name, "_packed.u32"), load(name, scales), load(name, zeros), {0}};
    g.w = (i4_weight){.name = name,
                      .format = format,
                      .rows = rows,
                      .cols = cols,
                      .group = 64,
                      .scale_dtype = scale_dtype,
                      .data = bytes_of(g.packed),
                      .scales = bytes_of(g.scales),
                      .zeros = bytes_of(g.zeros)};
    assert_int_equal(g.packed.size, (size_t)rows * i4_weight_row_bytes(&g.w));
    assert_int_equal(g.scales.size, (size_t)(rows * cols / 64) * i4_dtype_size(scale_dtype));
    return g;
}

static void golden_free(golden *g) {
    i4_free(g->packed.data);
    i4_free(g->scales.data);
    i4_free(g->zeros.data);
}

static float bf16_at(blob b, int64_t index) {
    uint16_t code;
    memcpy(&code, b.data + 1 + index * 2, sizeof code);
    return i4_from_bf16(code);
}

/* MLX computes in bf16: the product is rounded, then the sum. With that rounding put on top of
 * our exact product every value must come out equal. */
static void check_dequantised(const char *name, i4_format format) {
    static const uint8_t no_zeros[192 * 8 * 2];
    golden g = load_golden(name, format, I4_BF16, 192, 512);
    i4_weight products = g.w;
    products.zeros = no_zeros;
    char file[64];
    snprintf(file, sizeof file, "%s_dequant", name);
    const blob want = load(file, ".bf16");
    assert_int_equal(want.size, 192 * 512 * 2);
    float out[512], product[512];
    for (int64_t row = 0; row < 192; row++) {
        i4_weight_row(&g.w, row, 0, 512, out);
        i4_weight_row(&products, row, 0, 512, product);
        for (int64_t c = 0; c < 512; c++) {
            const float zero = bf16_at(g.zeros, row * 8 + c / 64);
            const float rounded = i4_from_bf16(i4_to_bf16(product[c]));
            assert_bits(i4_from_bf16(i4_to_bf16(rounded + zero)), bf16_at(want, row * 512 + c));
            assert_bits(out[c], product[c] + zero);
        }
    }
    golden_free(&g);
    i4_free(want.data);
}

/* The matrix that was quantised, by its formula: every value lies within half a step, and at
 * the far end of a group, where MLX's adjusted scale may fall short, within about one. */
static void check_against_original(const char *name, i4_format format) {
    golden g = load_golden(name, format, I4_F32, 192, 512);
    float out[64];
    for (int64_t row = 0; row < 192; row++) {
        for (int64_t first = 0; first < 512; first += 64) {
            float scale;
            memcpy(&scale, bytes_of(g.scales) + (row * 8 + first / 64) * 4, sizeof scale);
            i4_weight_row(&g.w, row, first, 64, out);
            for (int64_t c = 0; c < 64; c++) {
                const double angle = 0.37 * (double)row + 0.11 * (double)(first + c);
                const double want = sin(angle) * (1 + 0.05 * (double)(row % 7));
                assert_true(fabs((double)out[c] - want) <= 1.1 * fabs((double)scale));
            }
        }
    }
    golden_free(&g);
}

static void affine8_rows_match_mlx(void **state) {
    (void)state;
    check_dequantised("w_q8", I4_W_AFFINE8);
}

static void affine4_rows_match_mlx(void **state) {
    (void)state;
    check_dequantised("w_q4", I4_W_AFFINE4);
}

static void affine_rows_with_f32_scales_are_near_the_original(void **state) {
    (void)state;
    check_against_original("w_f32_q8", I4_W_AFFINE8);
    check_against_original("w_f32_q4", I4_W_AFFINE4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f16_known_codes_decode),
        cmocka_unit_test(f16_all_finite_codes_decode_and_encode),
        cmocka_unit_test(f16_encode_rounds_to_nearest_even),
        cmocka_unit_test(bf16_rounds_to_nearest_even_and_keeps_nan),
        cmocka_unit_test(e4m3_known_codes_decode),
        cmocka_unit_test(e4m3_all_codes_follow_the_definition),
        cmocka_unit_test(plain_rows_read_at_any_alignment),
        cmocka_unit_test(fp8_rows_are_scaled_by_their_row),
        cmocka_unit_test(affine4_nibbles_are_low_first),
        cmocka_unit_test(affine8_group_of_f16_scales_changes_at_its_border),
        cmocka_unit_test(affine8_rows_match_mlx),
        cmocka_unit_test(affine4_rows_match_mlx),
        cmocka_unit_test(affine_rows_with_f32_scales_are_near_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
