/* The safetensors container: each rule once kept and once broken, then whole files, the writer, and
 * failing memory and system calls. */
#include "io/safetensors.h"

#include "folder.h"

/* --- files made of a header text and some bytes of data ------------------------------------ */

typedef struct bytes {
    uint8_t *data;
    size_t size;
} bytes;

static bytes file_of(const char *header, size_t header_len, size_t data_len) {
    bytes b = {malloc(8 + header_len + data_len), 8 + header_len + data_len};
    assert_non_null(b.data);
    for (int i = 0; i < 8; i++) {
        b.data[i] = (uint8_t)((uint64_t)header_len >> 8 * i);
    }
    memcpy(b.data + 8, header, header_len);
    for (size_t i = 0; i < data_len; i++) {
        b.data[8 + header_len + i] = (uint8_t)i;
    }
    return b;
}

/* words: part of the sentence to expect; NULL when the header must be taken */
static void try_header(const char *header, size_t header_len, size_t data_len, const char *words) {
    i4_err err = {0};
    bytes b = file_of(header, header_len, data_len);
    i4_st_file *f = i4_st_parse(b.data, b.size, "case.safetensors", &err);
    if (words) {
        assert_null(f);
        assert_int_equal(err.status, I4_E_FORMAT);
        assert_non_null(strstr(err.text, "case.safetensors"));
        if (!strstr(err.text, words)) {
            fail_msg("'%s' does not say '%s'", err.text, words);
        }
    } else if (!f) {
        fail_msg("refused: %s", err.text);
    }
    i4_st_close(f);
    free(b.data);
}

#define REFUSED(name, header, data_len, words)                  \
    static void safetensors_##name##_is_refused(void **state) { \
        (void)state;                                            \
        try_header(header, strlen(header), data_len, words);    \
    }
#define TAKEN(name, header, data_len)                         \
    static void safetensors_##name##_is_taken(void **state) { \
        (void)state;                                          \
        try_header(header, strlen(header), data_len, NULL);   \
    }
#define T(dtype, shape, offsets) \
    "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define ONE(dtype, shape, offsets) "{\"a\":" T(dtype, shape, offsets) "}"

/* rule 1 is tested on bytes, below; rule 2: JSON */
TAKEN(empty_object, "{}", 0)
TAKEN(header_with_spaces,
      "{ \"a\" : { \"dtype\" : \"U8\" , \"shape\" : [ 2 ] , "
      "\"data_offsets\" : [ 0 , 2 ] } }   ",
      2)
TAKEN(header_nested_sixty_deep,
      "{\"a\":{\"x\":"
      "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
      "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
      ",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
      0)
REFUSED(header_nested_seventy_deep,
        "{\"a\":{\"x\":"
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
        ",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        0, "nested")
REFUSED(header_list, "[]", 0, "must begin with '{'")
REFUSED(header_beginning_with_a_space, " {}", 0, "must begin with '{'")
REFUSED(header_cut_off, "{\"a\":", 0, "must be an object")
REFUSED(header_with_trailing_comma, "{\"a\":" T("U8", "[0]", "[0,0]") ",}", 0, "string is missing")
REFUSED(header_without_comma,
        "{\"a\":" T("U8", "[0]", "[0,0]") "\"b\":" T("U8", "[0]", "[0,0]") "}", 0, "comma")
REFUSED(header_with_text_behind, "{}x", 0, "follows its last bracket")
REFUSED(header_with_invalid_utf8, "{\"\xc3\":" T("U8", "[0]", "[0,0]") "}", 0, "UTF-8")
REFUSED(header_with_overlong_utf8, "{\"\xc0\xaf\":" T("U8", "[0]", "[0,0]") "}", 0, "UTF-8")
REFUSED(header_with_bare_control_character, "{\"a\n\":" T("U8", "[0]", "[0,0]") "}", 0, "control")
REFUSED(header_with_unknown_escape, "{\"\\x\":" T("U8", "[0]", "[0,0]") "}", 0, "escape")
REFUSED(header_with_half_surrogate, "{\"\\ud800\":" T("U8", "[0]", "[0,0]") "}", 0, "surrogate")
REFUSED(name_with_nul, "{\"a\\u0000\":" T("U8", "[0]", "[0,0]") "}", 0, "NUL")
/* rule 3: __metadata__ */
TAKEN(metadata_object, "{\"__metadata__\":{\"a\":\"b\",\"c\":\"\"}}", 0)
TAKEN(metadata_null, "{\"__metadata__\":null}", 0)
REFUSED(metadata_number, "{\"__metadata__\":{\"a\":1}}", 0, "not a string")
REFUSED(metadata_list, "{\"__metadata__\":[]}", 0, "object of strings or null")
REFUSED(metadata_tensor, "{\"__metadata__\":" T("U8", "[0]", "[0,0]") "}", 0, "not a string")
REFUSED(metadata_twice, "{\"__metadata__\":null,\"__metadata__\":{}}", 0, "twice")
REFUSED(metadata_key_twice, "{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}", 0, "twice")
/* rule 4: names */
TAKEN(two_names, "{\"a\":" T("U8", "[1]", "[0,1]") ",\"b\":" T("U8", "[1]", "[1,2]") "}", 2)
REFUSED(name_twice, "{\"a\":" T("U8", "[1]", "[0,1]") ",\"a\":" T("U8", "[1]", "[1,2]") "}", 2,
        "twice")
REFUSED(name_twice_by_an_escape,
        "{\"a\":" T("U8", "[1]", "[0,1]") ",\"\\u0061\":" T("U8", "[1]", "[1,2]") "}", 2, "twice")
/* rule 5: dtype, shape, offsets */
REFUSED(unknown_dtype, ONE("F31", "[1]", "[0,4]"), 4, "dtype")
REFUSED(lowercase_dtype, ONE("f32", "[1]", "[0,4]"), 4, "dtype")
REFUSED(dtype_number, "{\"a\":{\"dtype\":5,\"shape\":[],\"data_offsets\":[0,1]}}", 1, "string")
REFUSED(negative_dimension, ONE("U8", "[-1]", "[0,1]"), 1, "whole number")
REFUSED(negative_zero_dimension, ONE("U8", "[-0]", "[0,0]"), 0, "whole number")
REFUSED(positive_sign_dimension, ONE("U8", "[+1]", "[0,1]"), 1, "whole number")
REFUSED(fraction_dimension, ONE("U8", "[1.0]", "[0,1]"), 1, "fraction")
REFUSED(exponent_dimension, ONE("U8", "[1e0]", "[0,1]"), 1, "exponent")
REFUSED(leading_zero_dimension, ONE("U8", "[01]", "[0,1]"), 1, "begins with 0")
REFUSED(double_zero_dimension, ONE("U8", "[00]", "[0,0]"), 0, "begins with 0")
REFUSED(dimension_beyond_63_bits, ONE("U8", "[9223372036854775808]", "[0,1]"), 1, "too large")
REFUSED(shape_number, ONE("U8", "1", "[0,1]"), 1, "shape")
TAKEN(rank_eight, ONE("U8", "[1,1,1,1,1,1,1,2]", "[0,2]"), 2)
REFUSED(rank_nine, ONE("U8", "[1,1,1,1,1,1,1,1,2]", "[0,2]"), 2, "8 dimensions")
REFUSED(one_offset, ONE("U8", "[0]", "[0]"), 0, "two numbers")
REFUSED(three_offsets, ONE("U8", "[0]", "[0,0,0]"), 0, "two numbers")
REFUSED(reversed_offsets, ONE("U8", "[1]", "[1,0]"), 1, "wrong order")
REFUSED(offset_past_end, ONE("U8", "[2]", "[0,2]"), 1, "past the end")
REFUSED(offset_text, ONE("U8", "[0]", "[\"0\",0]"), 0, "whole number")
REFUSED(missing_dtype, "{\"a\":{\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "lacks")
REFUSED(missing_shape, "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0]}}", 0, "lacks")
REFUSED(missing_offsets, "{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}", 0, "lacks")
REFUSED(shape_twice,
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "twice")
REFUSED(entry_number, "{\"a\":1}", 0, "object")
/* rule 6: size */
TAKEN(rank_zero, ONE("F32", "[]", "[0,4]"), 4)
TAKEN(zero_dimension, ONE("F32", "[3,0,5]", "[0,0]"), 0)
TAKEN(whole_bytes_of_six_bit_numbers, ONE("F6_E2M3", "[4]", "[0,3]"), 3)
TAKEN(whole_bytes_of_four_bit_numbers, ONE("F4", "[2]", "[0,1]"), 1)
REFUSED(half_a_byte, ONE("F4", "[3]", "[0,2]"), 2, "whole number of bytes")
REFUSED(span_too_short, ONE("F32", "[2]", "[0,7]"), 7, "do not span")
REFUSED(span_too_long, ONE("F32", "[2]", "[0,9]"), 9, "do not span")
REFUSED(product_beyond_64_bits, ONE("U8", "[4294967296,4294967296]", "[0,0]"), 0, "fits")
REFUSED(bits_beyond_64_bits, ONE("F64", "[1152921504606846976]", "[0,0]"), 0, "fits")
/* rule 7: spans */
TAKEN(data_in_another_order,
      "{\"a\":" T("U8", "[1]", "[2,3]") ",\"b\":" T("U8", "[2]", "[0,2]") "}", 3)
TAKEN(empty_span_between,
      "{\"a\":" T("U8", "[1]", "[0,1]") ",\"b\":" T("U8", "[0]", "[1,1]") ",\"c\":" T("U8", "[1]",
                                                                                      "[1,2]") "}",
      2)
REFUSED(span_not_from_zero, ONE("U8", "[1]", "[1,2]"), 2, "hole")
REFUSED(hole, "{\"a\":" T("U8", "[1]", "[0,1]") ",\"b\":" T("U8", "[1]", "[2,3]") "}", 3, "hole")
REFUSED(overlap, "{\"a\":" T("U8", "[2]", "[0,2]") ",\"b\":" T("U8", "[2]", "[1,3]") "}", 3,
        "overlap")
REFUSED(data_after_the_last_tensor, ONE("U8", "[1]", "[0,1]"), 2, "follow the last")
REFUSED(data_without_tensor, "{}", 1, "follow the last")
/* rule 8: unknown keys */
TAKEN(unknown_key,
      "{\"a\":{\"x\":[1,-2.5e+3,{\"y\":null}],\"dtype\":\"U8\",\"shape\":[1],"
      "\"note\":\"\\\"\",\"data_offsets\":[0,1],\"z\":true}}",
      1)
REFUSED(unknown_key_with_broken_value,
        "{\"a\":{\"x\":01,\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "number")

/* --- rule 1: lengths ----------------------------------------------------------------------- */

static void refuse_bytes(const uint8_t *data, size_t size, const char *words) {
    i4_err err = {0};
    assert_null(i4_st_parse(data, size, "case.safetensors", &err));
    assert_int_equal(err.status, I4_E_FORMAT);
    assert_non_null(strstr(err.text, words));
}

static void safetensors_header_length_out_of_bounds_is_refused(void **state) {
    (void)state;
    const uint8_t seven[7] = {0}, one[9] = {1, 0, 0, 0, 0, 0, 0, 0, '{'};
    const uint8_t hundred_million[10] = {0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, '{', '}'};
    const uint8_t all_ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, '{', '}'};
    const uint8_t three[10] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    refuse_bytes(seven, sizeof seven, "at least 8");
    refuse_bytes(one, sizeof one, "header length is 1");
    refuse_bytes(hundred_million, sizeof hundred_million, "header length is 100000000");
    refuse_bytes(all_ones, sizeof all_ones, "header length");
    refuse_bytes(three, sizeof three, "does not fit");
}

/* --- what a reader gets -------------------------------------------------------------------- */

static void safetensors_names_with_escapes_are_decoded(void **state) {
    (void)state;
    const char *header = "{\"t\\u00e4\\ud83c\\udfa8\\/\\\"\":" T("U8", "[1]", "[0,1]") "}";
    bytes b = file_of(header, strlen(header), 1);
    i4_st_file *f = i4_st_parse(b.data, b.size, "x", NULL);
    assert_non_null(f);
    assert_string_equal(i4_st_at(f, 0)->name, "t\xc3\xa4\xf0\x9f\x8e\xa8/\"");
    i4_st_close(f);
    free(b.data);
}

static void safetensors_tensors_are_found_by_name_at_their_bytes(void **state) {
    (void)state;
    const char *header = "{\"__metadata__\":{\"format\":\"pt\",\"a\":\"1\"},"
                         "\"m\":" T("U8", "[2,3]", "[4,10]") ",\"b\":" T("F32", "[]", "[0,4]") "}";
    char text[64];
    bytes b = file_of(header, strlen(header), 10);
    i4_st_file *f = i4_st_parse(b.data, b.size, "some/label", NULL);
    assert_non_null(f);
    assert_int_equal(i4_st_count(f), 2);
    assert_string_equal(i4_st_at(f, 0)->name, "b");
    const i4_st_tensor *m = i4_st_find(f, "m");
    assert_non_null(m);
    assert_int_equal(m->rank, 2);
    assert_int_equal(m->dim[0], 2);
    assert_int_equal(m->dim[1], 3);
    assert_int_equal(m->size, 6);
    assert_int_equal(m->data[0], 4);
    assert_null(i4_st_find(f, "n"));
    assert_null(i4_st_find(f, "__metadata__"));
    assert_string_equal(i4_st_metadata(f, "format"), "pt");
    assert_null(i4_st_metadata(f, "other"));
    assert_string_equal(i4_st_path(f), "some/label");
    assert_int_equal(i4_st_size(f), b.size);
    i4_st_describe(m, text, sizeof text);
    assert_string_equal(text, "[2, 3] U8");
    i4_st_describe(i4_st_at(f, 0), text, sizeof text);
    assert_string_equal(text, "[] F32");
    i4_st_describe(m, text, 5);
    assert_string_equal(text, "[2, ");
    i4_st_need(f);
    i4_st_done(f);
    i4_st_close(f);
    free(b.data);
}

static void safetensors_golden_file_opens(void **state) {
    (void)state;
    i4_err err = {0};
    i4_st_file *f = i4_st_open(ID4_SOURCE_DIR "/tests/golden/tiny-a/lora.safetensors", &err);
    assert_non_null(f);
    assert_int_equal(i4_st_count(f), 36);
    const i4_st_tensor *t = i4_st_find(f, "transformer.layers.1.feed_forward.w2.lora_A.weight");
    assert_non_null(t);
    assert_int_equal(t->dtype, I4_ST_BF16);
    assert_int_equal(t->dim[1], 320);
    i4_st_need(f);
    i4_st_done(f);
    i4_st_close(f);
}

static void safetensors_missing_file_is_not_found(void **state) {
    (void)state;
    i4_err err = {0};
    assert_null(i4_st_open(ID4_SOURCE_DIR "/tests/golden/no such file", &err));
    assert_int_equal(err.status, I4_E_NOT_FOUND);
}

static void safetensors_long_name_keeps_the_rule_readable(void **state) {
    (void)state;
    char header[1400];
    snprintf(header, sizeof header, "{\"%01000d\":" T("U8", "[1]", "[1,0]") "}", 0);
    try_header(header, strlen(header), 1, "wrong order");
    snprintf(header, sizeof header, "{\"%01025d\":" T("U8", "[0]", "[0,0]") "}", 0);
    try_header(header, strlen(header), 0, "longer than 1024");
}

static void safetensors_every_cut_and_flip_is_survived(void **state) {
    (void)state;
    const char *header = "{\"__metadata__\":{\"k\":\"v\"},\"a\":" T(
        "F32", "[2,1]", "[0,8]") ","
                                 "\"b\\u00e4\":" T("U8", "[3]", "[8,11]") "}";
    bytes b = file_of(header, strlen(header), 11);
    for (size_t i = 0; i < b.size; i++) {
        /* a block of its own, so that reading past a cut end is seen by the sanitizer */
        uint8_t *cut = malloc(i ? i : 1);
        memcpy(cut, b.data, i);
        assert_null(i4_st_parse(cut, i, "cut", NULL));
        free(cut);
        for (int flip = 1; flip < 256; flip <<= 1) {
            b.data[i] ^= (uint8_t)flip;
            i4_st_close(i4_st_parse(b.data, b.size, "flip", NULL));
            b.data[i] ^= (uint8_t)flip;
        }
    }
    free(b.data);
}

/* --- writer -------------------------------------------------------------------------------- */

static folder temp;
static char target[600];

static int make_folder(void **state) {
    (void)state;
    folder_make(&temp, "test_safetensors");
    snprintf(target, sizeof target, "%s", folder_at(&temp, "out.safetensors"));
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    folder_remove(&temp);
    return 0;
}

static const i4_st_decl decls[] = {{"weird \"name\"\\\n", I4_ST_U8, 1, {3}},
                                   {"matrix", I4_ST_BF16, 2, {2, 2}},
                                   {"scalar", I4_ST_F32, 0, {0}}};

static void safetensors_written_file_reads_back(void **state) {
    (void)state;
    const uint8_t data[15] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    i4_err err = {0};
    i4_st_writer *w = i4_st_create(target, decls, 3, &err);
    assert_non_null(w);
    assert_true(i4_st_write(w, data, 5, &err));
    assert_true(i4_st_write(w, data + 5, 10, &err));
    assert_true(i4_st_finish(w, &err));
    i4_st_file *f = i4_st_open(target, &err);
    assert_non_null(f);
    assert_int_equal(i4_st_count(f), 3);
    const i4_st_tensor *odd = i4_st_find(f, "weird \"name\"\\\n");
    assert_non_null(odd);
    assert_memory_equal(odd->data, data, 3);
    assert_int_equal((uintptr_t)odd->data % 8, 0);
    assert_memory_equal(i4_st_find(f, "scalar")->data, data + 11, 4);
    i4_st_close(f);
}

static void safetensors_writer_with_wrong_amounts_fails(void **state) {
    (void)state;
    uint8_t data[16] = {0};
    i4_err err = {0};
    i4_st_writer *w = i4_st_create(target, decls, 3, &err);
    assert_non_null(w);
    assert_false(i4_st_write(w, data, 16, &err));
    assert_true(i4_st_write(w, data, 14, &err));
    assert_false(i4_st_finish(w, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    assert_int_equal(access(target, F_OK), -1);
    const i4_st_decl negative = {"n", I4_ST_U8, 1, {-1}};
    assert_null(i4_st_create(target, &negative, 1, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    i4_st_abandon(NULL);
}

/* --- failing memory and system calls ------------------------------------------------------- */

static bool write_and_read(i4_err *err) {
    uint8_t data[15] = {0};
    i4_st_writer *w = i4_st_create(target, decls, 3, err);
    if (!w) {
        return false;
    }
    if (!i4_st_write(w, data, sizeof data, err)) {
        i4_st_abandon(w);
        return false;
    }
    if (!i4_st_finish(w, err)) {
        return false;
    }
    i4_st_file *f = i4_st_open(target, err);
    i4_st_close(f);
    return f != NULL;
}

static void safetensors_every_fault_is_reported(void **state) {
    (void)state;
    faults_are_reported(write_and_read, 5);
}

#define R(name) cmocka_unit_test(safetensors_##name##_is_refused)
#define K(name) cmocka_unit_test(safetensors_##name##_is_taken)

int main(void) {
    const struct CMUnitTest tests[] = {
        K(empty_object),
        K(header_with_spaces),
        K(header_nested_sixty_deep),
        R(header_nested_seventy_deep),
        R(header_list),
        R(header_beginning_with_a_space),
        R(header_cut_off),
        R(header_with_trailing_comma),
        R(header_without_comma),
        R(header_with_text_behind),
        R(header_with_invalid_utf8),
        R(header_with_overlong_utf8),
        R(header_with_bare_control_character),
        R(header_with_unknown_escape),
        R(header_with_half_surrogate),
        R(name_with_nul),
        K(metadata_object),
        K(metadata_null),
        R(metadata_number),
        R(metadata_list),
        R(metadata_tensor),
        R(metadata_twice),
        R(metadata_key_twice),
        K(two_names),
        R(name_twice),
        R(name_twice_by_an_escape),
        R(unknown_dtype),
        R(lowercase_dtype),
        R(dtype_number),
        R(negative_dimension),
        R(negative_zero_dimension),
        R(positive_sign_dimension),
        R(fraction_dimension),
        R(exponent_dimension),
        R(leading_zero_dimension),
        R(double_zero_dimension),
        R(dimension_beyond_63_bits),
        R(shape_number),
        K(rank_eight),
        R(rank_nine),
        R(one_offset),
        R(three_offsets),
        R(reversed_offsets),
        R(offset_past_end),
        R(offset_text),
        R(missing_dtype),
        R(missing_shape),
        R(missing_offsets),
        R(shape_twice),
        R(entry_number),
        K(rank_zero),
        K(zero_dimension),
        K(whole_bytes_of_six_bit_numbers),
        K(whole_bytes_of_four_bit_numbers),
        R(half_a_byte),
        R(span_too_short),
        R(span_too_long),
        R(product_beyond_64_bits),
        R(bits_beyond_64_bits),
        K(data_in_another_order),
        K(empty_span_between),
        R(span_not_from_zero),
        R(hole),
        R(overlap),
        R(data_after_the_last_tensor),
        R(data_without_tensor),
        K(unknown_key),
        R(unknown_key_with_broken_value),
        cmocka_unit_test(safetensors_header_length_out_of_bounds_is_refused),
        cmocka_unit_test(safetensors_names_with_escapes_are_decoded),
        cmocka_unit_test(safetensors_tensors_are_found_by_name_at_their_bytes),
        cmocka_unit_test(safetensors_golden_file_opens),
        cmocka_unit_test(safetensors_missing_file_is_not_found),
        cmocka_unit_test(safetensors_long_name_keeps_the_rule_readable),
        cmocka_unit_test(safetensors_every_cut_and_flip_is_survived),
        cmocka_unit_test(safetensors_written_file_reads_back),
        cmocka_unit_test(safetensors_writer_with_wrong_amounts_fails),
        cmocka_unit_test(safetensors_every_fault_is_reported),
    };
    return cmocka_run_group_tests_name("safetensors", tests, make_folder, remove_folder);
}
