/* Pictures and their text: round trips, files of other programs, hostile files, failing memory.
 * What other programs write is made with the format libraries directly, or by hand. */
#include "base/limits.h"
#include "base/memory.h"
#include "image/image.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

static const i4_image_format formats[] = {I4_PNG, I4_WEBP, I4_JPEG};
enum { FORMAT_COUNT = sizeof formats / sizeof *formats };

typedef struct file {
    uint8_t *bytes;
    size_t size;
} file;

/* --- helpers ------------------------------------------------------------------------------ */

/* Waves: smooth, coloured, nowhere flat. */
static i4_image smooth_image(int width, int height) {
    i4_image image;
    i4_err err = {0};
    assert_true(i4_image_new(&image, width, height, &err));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *p = image.rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
            p[0] = (uint8_t)(128 + 100 * sin(x * 0.05));
            p[1] = (uint8_t)(128 + 100 * sin(y * 0.04 + 1));
            p[2] = (uint8_t)(128 + 100 * sin((x + y) * 0.03 + 2));
        }
    }
    return image;
}

static double psnr(const i4_image *a, const i4_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    size_t count = 3 * (size_t)a->width * (size_t)a->height;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)a->rgb[i] - b->rgb[i];
        sum += d * d;
    }
    return sum == 0 ? 1000 : 10 * log10(255.0 * 255.0 * (double)count / sum);
}

static file encoded(const i4_image *image, i4_image_format format, int quality,
                    const i4_pair *pairs, size_t pair_count) {
    file f = {0};
    i4_err err = {0};
    if (!i4_image_encode(image, format, quality, pairs, pair_count, &f.bytes, &f.size, &err)) {
        fail_msg("encode: %s", err.text);
    }
    return f;
}

static file small_file(i4_image_format format, const i4_pair *pairs, size_t pair_count) {
    i4_image image = smooth_image(17, 13);
    file f = encoded(&image, format, 90, pairs, pair_count);
    i4_image_free(&image);
    return f;
}

static i4_image decoded(file f) {
    i4_image image;
    i4_err err = {0};
    if (!i4_image_decode(f.bytes, f.size, &image, &err)) {
        fail_msg("decode: %s", err.text);
    }
    return image;
}

static i4_pairs text_of(file f) {
    i4_pairs pairs;
    i4_err err = {0};
    if (!i4_image_text(f.bytes, f.size, &pairs, &err)) {
        fail_msg("text: %s", err.text);
    }
    return pairs;
}

static void assert_decode_fails(file f, i4_status status) {
    i4_image image = {0};
    i4_err err = {0};
    assert_false(i4_image_decode(f.bytes, f.size, &image, &err));
    assert_int_equal(err.status, status);
    assert_true(strlen(err.text) > 10);
    assert_null(image.rgb);
}

static file copy_of(const void *bytes, size_t size) {
    file f = {.bytes = i4_malloc(size), .size = size};
    assert_non_null(f.bytes);
    memcpy(f.bytes, bytes, size);
    return f;
}

/* f with `bytes` inserted at `place`; frees f. */
static file inserted(file f, size_t place, const void *bytes, size_t size) {
    file result = {.bytes = i4_malloc(f.size + size), .size = f.size + size};
    assert_non_null(result.bytes);
    memcpy(result.bytes, f.bytes, place);
    memcpy(result.bytes + place, bytes, size);
    memcpy(result.bytes + place + size, f.bytes + place, f.size - place);
    i4_free(f.bytes);
    return result;
}

/* A JPEG that holds this XMP packet and nothing of ours. */
static file jpeg_with_packet(const char *packet) {
    static const char mark[] = "http://ns.adobe.com/xap/1.0/";
    char segment[4096];
    size_t body = sizeof mark + strlen(packet);
    assert_true(body + 4 < sizeof segment);
    segment[0] = (char)0xFF;
    segment[1] = (char)0xE1;
    segment[2] = (char)((body + 2) >> 8);
    segment[3] = (char)((body + 2) & 0xFF);
    memcpy(segment + 4, mark, sizeof mark);
    memcpy(segment + 4 + sizeof mark, packet, strlen(packet));
    return inserted(small_file(I4_JPEG, NULL, 0), 2, segment, body + 4);
}

static char *repeated(const char *piece, size_t times) {
    size_t len = strlen(piece);
    char *text = i4_malloc(len * times + 1);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++) {
        memcpy(text + i * len, piece, len);
    }
    text[len * times] = '\0';
    return text;
}

static void assert_pixel(const i4_image *image, int x, int y, int r, int g, int b, int tolerance) {
    const uint8_t *p = image->rgb + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
    if (abs(p[0] - r) > tolerance || abs(p[1] - g) > tolerance || abs(p[2] - b) > tolerance) {
        fail_msg("pixel %d,%d is %d,%d,%d, not %d,%d,%d", x, y, p[0], p[1], p[2], r, g, b);
    }
}

/* --- pictures ----------------------------------------------------------------------------- */

static void image_png_round_trip_is_exact(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 40}, {333, 7}, {256, 256}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        i4_image image = smooth_image(sizes[i][0], sizes[i][1]);
        file f = encoded(&image, I4_PNG, 0, NULL, 0);
        i4_image back = decoded(f);
        assert_int_equal(back.width, image.width);
        assert_int_equal(back.height, image.height);
        assert_memory_equal(back.rgb, image.rgb, 3 * (size_t)image.width * (size_t)image.height);
        i4_image_free(&back);
        i4_free(f.bytes);
        i4_image_free(&image);
    }
}

static void image_lossy_round_trip_is_close(void **state) {
    (void)state;
    i4_image image = smooth_image(256, 192);
    for (size_t i = 1; i < FORMAT_COUNT; i++) {
        file f = encoded(&image, formats[i], 95, NULL, 0);
        i4_image back = decoded(f);
        double quality = psnr(&image, &back);
        print_message("format %d: %.1f dB, %zu bytes\n", (int)formats[i], quality, f.size);
        assert_true(quality > 35);
        i4_image_free(&back);
        i4_free(f.bytes);
    }
    i4_image_free(&image);
}

static void image_lower_quality_is_smaller(void **state) {
    (void)state;
    i4_image image = smooth_image(256, 192);
    for (size_t i = 1; i < FORMAT_COUNT; i++) {
        file low = encoded(&image, formats[i], 20, NULL, 0);
        file high = encoded(&image, formats[i], 100, NULL, 0);
        assert_true(low.size < high.size);
        i4_free(low.bytes);
        i4_free(high.bytes);
    }
    i4_image_free(&image);
}

static void image_two_encodes_are_equal(void **state) {
    (void)state;
    i4_pair pairs[] = {{"one", "1"}, {"two", "zwei\n"}};
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        file a = small_file(formats[i], pairs, 2);
        file b = small_file(formats[i], pairs, 2);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.bytes, b.bytes, a.size);
        i4_free(a.bytes);
        i4_free(b.bytes);
    }
}

static void image_new_checks_its_size(void **state) {
    (void)state;
    static const int bad[][2] = {{0, 5},
                                 {5, 0},
                                 {-1, 5},
                                 {I4_LIMIT_IMAGE_SIDE + 1, 1},
                                 {I4_LIMIT_IMAGE_SIDE, I4_LIMIT_IMAGE_SIDE}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        i4_image image;
        i4_err err = {0};
        assert_false(i4_image_new(&image, bad[i][0], bad[i][1], &err));
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
        assert_null(image.rgb);
    }
    i4_image none = {0};
    i4_image_free(&none);
    i4_image_free(NULL);
}

static void assert_encode_fails(i4_image_format format, int quality, const i4_pair *pairs,
                                size_t count) {
    i4_image image = smooth_image(4, 4);
    file f = {0};
    i4_err err = {0};
    assert_false(i4_image_encode(&image, format, quality, pairs, count, &f.bytes, &f.size, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    assert_null(f.bytes);
    i4_image_free(&image);
}

static void image_encode_refuses_bad_arguments(void **state) {
    (void)state;
    assert_encode_fails((i4_image_format)9, 90, NULL, 0);
    assert_encode_fails(I4_JPEG, 0, NULL, 0);
    assert_encode_fails(I4_WEBP, 101, NULL, 0);
    static const i4_pair bad[] = {
        {"", "v"},         {NULL, "v"},   {"k", NULL},          {"a b", "v"},
        {"\xc3\xa4", "v"}, {"k", "\xff"}, {"k", "\xed\xa0\x80"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_encode_fails(I4_PNG, 90, &bad[i], 1);
    }
    i4_pair twice[] = {{"k", "1"}, {"k", "2"}};
    assert_encode_fails(I4_WEBP, 90, twice, 2);
    char *long_key = repeated("k", 80);
    char *long_value = repeated("v", I4_LIMIT_METADATA_BYTES);
    assert_encode_fails(I4_PNG, 90, &(i4_pair){long_key, "v"}, 1);
    assert_encode_fails(I4_PNG, 90, &(i4_pair){"k", long_value}, 1);
    i4_free(long_key);
    i4_free(long_value);
    i4_pair many[65];
    char names[65][16];
    for (int i = 0; i < 65; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        many[i] = (i4_pair){names[i], "v"};
    }
    assert_encode_fails(I4_JPEG, 90, many, 65);
}

/* --- pictures of other programs ----------------------------------------------------------- */

typedef struct png_spec {
    int width, height, depth, colour, interlace;
    const uint8_t *rows; /* height rows without gaps */
    size_t row_bytes;
    const png_color *palette;
    int palette_count;
    const uint8_t *alpha; /* of the palette */
    int alpha_count;
    png_text *text_before, *text_after;
    int before_count, after_count;
} png_spec;

static void png_append(png_structp png, png_bytep bytes, size_t size) {
    i4_buf_add(png_get_io_ptr(png), bytes, size);
}

static void png_flush_nothing(png_structp png) {
    (void)png;
}

static file foreign_png(const png_spec *spec) {
    i4_buf out;
    i4_buf_init(&out, 16 << 20);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_infop end = png_create_info_struct(png);
    png_set_write_fn(png, &out, png_append, png_flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)spec->width, (png_uint_32)spec->height, spec->depth,
                 spec->colour, spec->interlace, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (spec->palette != NULL) {
        png_set_PLTE(png, info, spec->palette, spec->palette_count);
    }
    if (spec->alpha != NULL) {
        png_set_tRNS(png, info, spec->alpha, spec->alpha_count, NULL);
    }
    if (spec->text_before != NULL) {
        png_set_text(png, info, spec->text_before, spec->before_count);
    }
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < spec->height; y++) {
            png_write_row(png, spec->rows + (size_t)y * spec->row_bytes);
        }
    }
    if (spec->text_after != NULL) {
        png_set_text(png, end, spec->text_after, spec->after_count);
    }
    png_write_end(png, end);
    png_destroy_info_struct(png, &end);
    png_destroy_write_struct(&png, &info);
    size_t size = 0;
    uint8_t *bytes = (uint8_t *)i4_buf_take(&out, &size);
    return (file){bytes, size};
}

static void image_png_kinds_become_rgb(void **state) {
    (void)state;
    static const uint8_t grey1[] = {0x80};
    static const png_color palette[] = {{10, 20, 30}, {200, 100, 0}};
    static const uint8_t alpha[] = {255, 0};
    static const uint8_t indices[] = {0, 1};
    static const uint8_t rgba16[] = {0x80, 0x00, 0x40, 0x00, 0xff, 0xff, 0x80, 0x80,
                                     0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xff, 0xff};
    static const uint8_t grey_alpha[] = {100, 0, 100, 255};
    png_spec spec = {.width = 2,
                     .height = 1,
                     .depth = 1,
                     .colour = PNG_COLOR_TYPE_GRAY,
                     .rows = grey1,
                     .row_bytes = 1};
    file f = foreign_png(&spec);
    i4_image image = decoded(f);
    assert_pixel(&image, 0, 0, 255, 255, 255, 0);
    assert_pixel(&image, 1, 0, 0, 0, 0, 0);
    i4_free(f.bytes);
    i4_image_free(&image);

    spec = (png_spec){.width = 2,
                      .height = 1,
                      .depth = 8,
                      .colour = PNG_COLOR_TYPE_PALETTE,
                      .rows = indices,
                      .row_bytes = 2,
                      .palette = palette,
                      .palette_count = 2,
                      .alpha = alpha,
                      .alpha_count = 2};
    f = foreign_png(&spec);
    image = decoded(f);
    assert_pixel(&image, 0, 0, 10, 20, 30, 0);
    assert_pixel(&image, 1, 0, 255, 255, 255, 0);
    i4_free(f.bytes);
    i4_image_free(&image);

    spec = (png_spec){.width = 2,
                      .height = 1,
                      .depth = 16,
                      .colour = PNG_COLOR_TYPE_RGB_ALPHA,
                      .rows = rgba16,
                      .row_bytes = 16};
    f = foreign_png(&spec);
    image = decoded(f);
    /* half of (128, 64, 255) over white; then 0x1234/257 and so on, opaque */
    assert_pixel(&image, 0, 0, 191, 159, 255, 1);
    assert_pixel(&image, 1, 0, 18, 86, 154, 1);
    i4_free(f.bytes);
    i4_image_free(&image);

    spec = (png_spec){.width = 2,
                      .height = 1,
                      .depth = 8,
                      .colour = PNG_COLOR_TYPE_GRAY_ALPHA,
                      .rows = grey_alpha,
                      .row_bytes = 4};
    f = foreign_png(&spec);
    image = decoded(f);
    assert_pixel(&image, 0, 0, 255, 255, 255, 0);
    assert_pixel(&image, 1, 0, 100, 100, 100, 0);
    i4_free(f.bytes);
    i4_image_free(&image);
}

static void image_png_interlaced_is_exact(void **state) {
    (void)state;
    i4_image image = smooth_image(29, 31);
    png_spec spec = {.width = 29,
                     .height = 31,
                     .depth = 8,
                     .colour = PNG_COLOR_TYPE_RGB,
                     .interlace = PNG_INTERLACE_ADAM7,
                     .rows = image.rgb,
                     .row_bytes = 87};
    file f = foreign_png(&spec);
    i4_image back = decoded(f);
    assert_memory_equal(back.rgb, image.rgb, 3 * 29 * 31);
    i4_image_free(&back);
    i4_image_free(&image);
    i4_free(f.bytes);
}

typedef struct jpeg_spec {
    int side;
    const uint8_t *pixel; /* the one colour of the picture */
    int channels;
    J_COLOR_SPACE in_space, file_space;
    bool progressive, adobe;
} jpeg_spec;

static file foreign_jpeg(const jpeg_spec *spec) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    uint8_t row[64 * 4];
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &size);
    c.image_width = c.image_height = (JDIMENSION)spec->side;
    c.input_components = spec->channels;
    c.in_color_space = spec->in_space;
    jpeg_set_defaults(&c);
    jpeg_set_colorspace(&c, spec->file_space);
    jpeg_set_quality(&c, 100, TRUE);
    c.write_Adobe_marker = spec->adobe;
    if (spec->progressive) {
        jpeg_simple_progression(&c);
    }
    for (int i = 0; i < spec->side * spec->channels; i++) {
        row[i] = spec->pixel[i % spec->channels];
    }
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < spec->side; y++) {
        JSAMPROW rows = row;
        jpeg_write_scanlines(&c, &rows, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    file f = copy_of(bytes, size);
    free(bytes);
    return f;
}

static void image_jpeg_kinds_become_rgb(void **state) {
    (void)state;
    static const uint8_t grey[] = {77};
    static const uint8_t rgb[] = {200, 50, 90};
    static const uint8_t inks[] = {0, 255, 100, 0};       /* ink */
    static const uint8_t inverted[] = {255, 0, 155, 255}; /* what is left of white */
    static const struct {
        jpeg_spec spec;
        int r, g, b;
    } cases[] = {
        {{40, grey, 1, JCS_GRAYSCALE, JCS_GRAYSCALE, false, false}, 77, 77, 77},
        {{40, rgb, 3, JCS_RGB, JCS_YCbCr, true, false}, 200, 50, 90},
        {{40, rgb, 3, JCS_RGB, JCS_RGB, false, true}, 200, 50, 90},
        {{40, inks, 4, JCS_CMYK, JCS_CMYK, false, false}, 255, 0, 155},
        {{40, inverted, 4, JCS_CMYK, JCS_CMYK, false, true}, 255, 0, 155},
        {{40, inverted, 4, JCS_CMYK, JCS_YCCK, true, true}, 255, 0, 155},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file f = foreign_jpeg(&cases[i].spec);
        i4_image image = decoded(f);
        assert_int_equal(image.width, 40);
        assert_pixel(&image, 20, 20, cases[i].r, cases[i].g, cases[i].b, 3);
        i4_image_free(&image);
        i4_free(f.bytes);
    }
}

static void image_webp_alpha_is_over_white(void **state) {
    (void)state;
    static const uint8_t rgba[] = {255, 0, 0, 255, 0, 0, 0, 128};
    uint8_t *bytes = NULL;
    size_t size = WebPEncodeLosslessRGBA(rgba, 2, 1, 8, &bytes);
    assert_true(size > 0);
    file f = copy_of(bytes, size);
    WebPFree(bytes);
    i4_image image = decoded(f);
    assert_pixel(&image, 0, 0, 255, 0, 0, 0);
    assert_pixel(&image, 1, 0, 127, 127, 127, 0);
    i4_image_free(&image);
    i4_free(f.bytes);
}

static void image_bytes_behind_the_end_are_ignored(void **state) {
    (void)state;
    i4_pair pair = {"k", "v"};
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        file f = small_file(formats[i], &pair, 1);
        f = inserted(f, f.size, "surprise", 8);
        i4_image image = decoded(f);
        i4_pairs pairs = text_of(f);
        assert_int_equal(image.width, 17);
        assert_string_equal(i4_pairs_get(&pairs, "k"), "v");
        i4_pairs_free(&pairs);
        i4_image_free(&image);
        i4_free(f.bytes);
    }
}

/* --- text --------------------------------------------------------------------------------- */

static void assert_text_round_trip(i4_image_format format, const i4_pair *pairs, size_t count) {
    file f = small_file(format, pairs, count);
    i4_pairs back = text_of(f);
    assert_int_equal(back.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(back.key[i], pairs[i].key);
        assert_string_equal(back.value[i], pairs[i].value);
        assert_string_equal(i4_pairs_get(&back, pairs[i].key), pairs[i].value);
    }
    assert_null(i4_pairs_get(&back, "absent"));
    i4_pairs_free(&back);
    i4_image image = decoded(f);
    assert_int_equal(image.width, 17);
    i4_image_free(&image);
    i4_free(f.bytes);
}

static void image_text_round_trips_in_every_format(void **state) {
    (void)state;
    static const i4_pair pairs[] = {
        {"ideogram4", "{\"a\": \"x < y && y > z\", 'b': \"\\n\"}"},
        {"unicode", "Gr\xc3\xbc\xc3\x9f Gott \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x8e\xa8"},
        {"lines", "\n first\r\n\tsecond\rthird \n\n"},
        {"markup", "</i4:markup><!-- ]]> --><![CDATA[ &amp; &#10; <?xpacket end='r'?>"},
        {"empty", ""},
        {"blank", " "},
        {"a:b", "colon"},
        {"1-2_3", "digit in front"},
        {"-x", "hyphen in front"},
        {"_x003A_", "looks escaped"},
        {"_", "underscore"},
    };
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        assert_text_round_trip(formats[i], pairs, sizeof pairs / sizeof *pairs);
        assert_text_round_trip(formats[i], NULL, 0);
    }
}

static void image_long_text_round_trips_in_every_format(void **state) {
    (void)state;
    char *long_value = repeated("0123456\n\"", 100 * 1024 / 9);
    char *longest = repeated("&", I4_LIMIT_METADATA_BYTES - 1);
    char *key = repeated("k", 79);
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        i4_pair pairs[] = {{"before", "1"}, {"long", long_value}, {key, "3"}};
        assert_text_round_trip(formats[i], pairs, 3);
        assert_text_round_trip(formats[i], &(i4_pair){"k", longest}, 1);
    }
    i4_free(long_value);
    i4_free(longest);
    i4_free(key);
}

static void image_many_pairs_round_trip_in_every_format(void **state) {
    (void)state;
    i4_pair many[64];
    char names[64][16];
    for (int i = 0; i < 64; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        many[i] = (i4_pair){names[i], names[i]};
    }
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        assert_text_round_trip(formats[i], many, 64);
    }
}

/* An XML parser must accept our element names, whatever the keys. */
static void image_keys_become_xml_names(void **state) {
    (void)state;
    static const i4_pair pairs[] = {{"1a", ""}, {"-", ""}, {"a:1-", ""}, {"_x_", ""}};
    static const char *const elements[] = {"<i4:_x0031_a></i4:_x0031_a>", "<i4:_x002D_></",
                                           "<i4:a_x003A_1-></", "<i4:_x005F_x_></"};
    file f = small_file(I4_WEBP, pairs, 4);
    for (size_t i = 0; i < 4; i++) {
        size_t len = strlen(elements[i]);
        bool found = false;
        for (size_t pos = 0; pos + len <= f.size && !found; pos++) {
            found = memcmp(f.bytes + pos, elements[i], len) == 0;
        }
        if (!found) {
            fail_msg("%s is not in the file", elements[i]);
        }
    }
    i4_free(f.bytes);
}

static void image_control_characters_are_replaced_in_xmp(void **state) {
    (void)state;
    i4_pair pair = {"k", "a\x01z\xef\xbf\xbf"};
    file png = small_file(I4_PNG, &pair, 1);
    file webp = small_file(I4_WEBP, &pair, 1);
    i4_pairs exact = text_of(png);
    i4_pairs replaced = text_of(webp);
    assert_string_equal(i4_pairs_get(&exact, "k"), pair.value);
    assert_string_equal(i4_pairs_get(&replaced, "k"), "a\xef\xbf\xbdz\xef\xbf\xbd");
    i4_pairs_free(&exact);
    i4_pairs_free(&replaced);
    i4_free(png.bytes);
    i4_free(webp.bytes);
}

static void image_png_text_of_others_is_read(void **state) {
    (void)state;
    static char latin1[] = "caf\xe9";
    static char xmp[] = "<x xmlns:q='https://ideogram4.c/ns/1.0/' q:seed='7'/>";
    char key[][24] = {"Comment", "packed", "XML:com.adobe.xmp", "late"};
    char packed[] = "a a a a a a a a a a a a a a a a a a a a a a a a a";
    char late[] = "after the pixels";
    png_text before[] = {
        {.compression = PNG_TEXT_COMPRESSION_NONE, .key = key[0], .text = latin1, .text_length = 4},
        {.compression = PNG_TEXT_COMPRESSION_zTXt,
         .key = key[1],
         .text = packed,
         .text_length = strlen(packed)},
        {.compression = PNG_ITXT_COMPRESSION_NONE, .key = key[2], .text = xmp},
    };
    png_text after[] = {{.compression = PNG_ITXT_COMPRESSION_zTXt, .key = key[3], .text = late}};
    static const uint8_t row[] = {0, 1};
    static const png_color palette[] = {{10, 20, 30}, {200, 100, 0}};
    png_spec spec = {.width = 2,
                     .height = 1,
                     .depth = 8,
                     .colour = PNG_COLOR_TYPE_PALETTE,
                     .rows = row,
                     .row_bytes = 2,
                     .palette = palette,
                     .palette_count = 2,
                     .text_before = before,
                     .before_count = 3,
                     .text_after = after,
                     .after_count = 1};
    file f = foreign_png(&spec);
    i4_pairs pairs = text_of(f);
    assert_string_equal(i4_pairs_get(&pairs, "Comment"), "caf\xc3\xa9");
    assert_string_equal(i4_pairs_get(&pairs, "packed"), packed);
    assert_string_equal(i4_pairs_get(&pairs, "seed"), "7");
    assert_string_equal(i4_pairs_get(&pairs, "late"), late);
    assert_int_equal(pairs.count, 4);
    i4_pairs_free(&pairs);
    i4_free(f.bytes);
}

static void image_xmp_of_other_programs_is_read(void **state) {
    (void)state;
    static const struct {
        const char *packet, *value; /* of key "k"; NULL: not there */
    } cases[] = {
        {"<d xmlns:i4=\"https://ideogram4.c/ns/1.0/\" i4:k=\"a &quot;b&quot;&#xA;c\"/>",
         "a \"b\"\nc"},
        {"<d xmlns:i4='https://ideogram4.c/ns/1.0/' i4:k='say \"x\" &gt; 1'></d>", "say \"x\" > 1"},
        {"<d ns2:k = 'v' xmlns:ns2 = 'https://ideogram4.c/ns/1.0/' />", "v"},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/' xml:space=\"preserve\">v&#9;w</n:k >", "v\tw"},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'><![CDATA[<&amp;]]><!-- c -->!</n:k>",
         "<&amp;!"},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'>a\r\nb\rc</n:k>", "a\nb\nc"},
        {"<d xmlns:n='https://ideogram4.c/ns/1.0/' n:k='a\r\nb\tc'/>", "a b c"},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'/>", ""},
        {"<?pi <n:k?><!-- <n:k>no</n:k> --><n:k xmlns:n='https://ideogram4.c/ns/1.0/'>v</n:k>",
         "v"},
        {"<d xmlns:i4='https://elsewhere/' i4:k='v'/>", NULL},
        {"<d i4:k='v'/>", NULL},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'>&unknown;</n:k>", NULL},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'>&#0;</n:k>", NULL},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'>&#x110000;</n:k>", NULL},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'>v</n:other>", NULL},
        {"<n:k xmlns:n='https://ideogram4.c/ns/1.0/'>never ends", NULL},
        {"<d xmlns:n='https://ideogram4.c/ns/1.0/' n:k='never ends", NULL},
        {"<d xmlns:n='https://ideogram4.c/ns/1.0/' n:k", NULL},
        {"<", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file f = jpeg_with_packet(cases[i].packet);
        i4_pairs pairs = text_of(f);
        const char *value = i4_pairs_get(&pairs, "k");
        if ((value == NULL) != (cases[i].value == NULL) ||
            (value != NULL && strcmp(value, cases[i].value) != 0)) {
            fail_msg("%s gives %s", cases[i].packet, value == NULL ? "nothing" : value);
        }
        i4_pairs_free(&pairs);
        i4_free(f.bytes);
    }
}

static void image_text_of_unknown_file_is_format_error(void **state) {
    (void)state;
    static const char *const files[] = {"", "GIF89a", "RIFF....WAVE", "\x89PNG", "\xff\xd8"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        i4_pairs pairs;
        i4_err err = {0};
        size_t size = strlen(files[i]);
        assert_false(i4_image_text((const uint8_t *)files[i], size, &pairs, &err));
        assert_int_equal(err.status, I4_E_FORMAT);
        assert_int_equal(pairs.count, 0);
        assert_decode_fails((file){(uint8_t *)files[i], size}, I4_E_FORMAT);
    }
}

/* --- hostile files ------------------------------------------------------------------------ */

typedef struct fault {
    long fail_at; /* this allocation fails, counted from 0; -1: none */
    long seen;
    size_t largest;
} fault;

static bool fault_hook(i4_fault_kind kind, size_t bytes, void *user) {
    fault *f = user;
    if (kind != I4_FAULT_ALLOC) {
        return false;
    }
    f->largest = bytes > f->largest ? bytes : f->largest;
    return f->seen++ == f->fail_at;
}

static void image_huge_sizes_are_refused_before_allocation(void **state) {
    (void)state;
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x40\x00\0\0\x40\x00"
                              "\x08\x02\0\0\0\0\0\0\0\0\0\0\0IDAT\0\0\0\0";
    static const char jpeg[] = "\xff\xd8\xff\xc0\0\x11\x08\xff\xdc\xff\xdc\x03"
                               "\1\x11\0\2\x11\0\3\x11\0"
                               "\xff\xda\0\x0c\x03\1\0\2\0\3\0\0\x3f\0\0\0\xff\xd9";
    static const char webp[] = "RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\xff\xff\xff\x0f"
                               "\0\0\0\0\0\0\0\0";
    static const char webp_x[] = "RIFF\x2a\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\x03\xff\xff\0"
                                 "VP8L\x0c\0\0\0\x2f\xff\xff\xff\x0f\0\0\0\0\0\0\0";
    static const struct {
        const char *bytes;
        size_t size;
    } files[] = {{png, sizeof png - 1},
                 {jpeg, sizeof jpeg - 1},
                 {webp, sizeof webp - 1},
                 {webp_x, sizeof webp_x - 1}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fault f = {.fail_at = -1};
        i4_fault_set(fault_hook, &f);
        i4_image image = {0};
        i4_err err = {0};
        assert_false(i4_image_decode((const uint8_t *)files[i].bytes, files[i].size, &image, &err));
        i4_fault_set(NULL, NULL);
        if (i < 3) {
            assert_int_equal(err.status, I4_E_UNSUPPORTED);
        }
        assert_true(f.largest < 64 * 1024);
    }
}

static void image_animation_is_refused(void **state) {
    (void)state;
    static const char control[] = "\0\0\0\x08"
                                  "acTL\0\0\0\2\0\0\0\0\xf3\x8d\x93\x70";
    file apng = inserted(small_file(I4_PNG, NULL, 0), 33, control, sizeof control - 1);
    assert_decode_fails(apng, I4_E_UNSUPPORTED);
    i4_free(apng.bytes);
    /* 'VP8X' with the animation flag, one empty 'ANIM' */
    static const char webp[] = "RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x07\0\0\x07\0\0"
                               "ANIM\x06\0\0\0\xff\xff\xff\xff\0\0";
    file animated = copy_of(webp, sizeof webp - 1);
    assert_decode_fails(animated, I4_E_UNSUPPORTED);
    i4_free(animated.bytes);
}

static void try_both(const uint8_t *bytes, size_t size) {
    i4_image image = {0};
    i4_pairs pairs = {0};
    i4_err err = {0};
    if (i4_image_decode(bytes, size, &image, &err)) {
        assert_in_range(image.width, 1, I4_LIMIT_IMAGE_SIDE);
        assert_in_range(image.height, 1, I4_LIMIT_IMAGE_SIDE);
    } else {
        assert_int_not_equal(err.status, I4_E_OK);
    }
    i4_image_free(&image);
    i4_image_text(bytes, size, &pairs, &err);
    i4_pairs_free(&pairs);
}

/* One progressive JPEG beside our own three, as its decoder is another one. */
static file seed_file(size_t index) {
    static const i4_pair pairs[] = {{"ideogram4", "{\"caption\": \"<red> & \n\"}"}, {"n", "1"}};
    static const uint8_t rgb[] = {200, 50, 90};
    if (index < FORMAT_COUNT) {
        return small_file(formats[index], pairs, 2);
    }
    jpeg_spec spec = {24, rgb, 3, JCS_RGB, JCS_YCbCr, true, false};
    return foreign_jpeg(&spec);
}

enum { SEED_COUNT = FORMAT_COUNT + 1 };

static void image_truncated_files_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < SEED_COUNT; i++) {
        file f = seed_file(i);
        for (size_t size = 0; size < f.size; size++) {
            /* A block of exactly this size, so that ASan sees every byte read too far. */
            file cut = copy_of(f.bytes, size);
            i4_image image = {0};
            i4_err err = {0};
            bool ok = i4_image_decode(cut.bytes, cut.size, &image, &err);
            /* PNG's last chunk, JPEG's end mark and the XMP behind WebP's pixels are no loss. */
            if (ok && size + 16 < f.size && (i >= FORMAT_COUNT || formats[i] != I4_WEBP)) {
                fail_msg("format %zu cut at %zu of %zu was read", i, size, f.size);
            }
            i4_image_free(&image);
            try_both(cut.bytes, cut.size);
            i4_free(cut.bytes);
        }
        i4_free(f.bytes);
    }
}

static void image_mutated_files_do_no_harm(void **state) {
    (void)state;
    uint32_t random = 12345;
    for (size_t i = 0; i < SEED_COUNT; i++) {
        file f = seed_file(i);
        for (int round = 0; round < 2000; round++) {
            file mutated = copy_of(f.bytes, f.size);
            for (int k = 0; k <= round % 4; k++) {
                random = random * 1664525U + 1013904223U;
                mutated.bytes[(random >> 8) % f.size] = (uint8_t)(random >> 24);
                random = random * 1664525U + 1013904223U;
            }
            fault limit = {.fail_at = -1};
            i4_fault_set(fault_hook, &limit);
            try_both(mutated.bytes, mutated.size);
            i4_fault_set(NULL, NULL);
            assert_true(limit.largest <= 4 * (size_t)I4_LIMIT_IMAGE_PIXELS);
            i4_free(mutated.bytes);
        }
        i4_free(f.bytes);
    }
}

/* Text that unpacks to far more than its chunk must not be unpacked. */
static void image_png_text_bomb_is_left_out(void **state) {
    (void)state;
    char key[] = "bomb";
    char *zeros = repeated("0", 4 << 20);
    png_text bomb = {.compression = PNG_TEXT_COMPRESSION_zTXt,
                     .key = key,
                     .text = zeros,
                     .text_length = 4 << 20};
    static const uint8_t row[] = {0};
    png_spec spec = {.width = 1,
                     .height = 1,
                     .depth = 8,
                     .colour = PNG_COLOR_TYPE_GRAY,
                     .rows = row,
                     .row_bytes = 1,
                     .text_before = &bomb,
                     .before_count = 1};
    file f = foreign_png(&spec);
    fault limit = {.fail_at = -1};
    i4_fault_set(fault_hook, &limit);
    i4_pairs pairs = text_of(f);
    i4_fault_set(NULL, NULL);
    assert_int_equal(pairs.count, 0);
    assert_true(limit.largest <= 2 << 20);
    i4_pairs_free(&pairs);
    i4_free(f.bytes);
    i4_free(zeros);
}

/* Parts of extended XMP that lie about place and size. */
static void image_jpeg_lying_extension_is_passed_over(void **state) {
    (void)state;
    char *value = repeated("x", 100000);
    file good = small_file(I4_JPEG, &(i4_pair){"k", value}, 1);
    static const char mark[] = "http://ns.adobe.com/xmp/extension/";
    size_t place = 0;
    for (size_t i = 0; place == 0 && i + sizeof mark < good.size; i++) {
        place = memcmp(good.bytes + i, mark, sizeof mark) == 0 ? i + sizeof mark + 32 : 0;
    }
    assert_true(place > 0);
    static const uint8_t lies[][8] = {{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
                                      {0, 0, 0, 1, 0, 0, 0, 0},
                                      {0, 2, 0, 0, 0xff, 0xff, 0xff, 0xff},
                                      {0, 0x10, 0, 0, 0, 0x0f, 0xff, 0}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        file f = copy_of(good.bytes, good.size);
        memcpy(f.bytes + place, lies[i], 8);
        i4_pairs pairs = text_of(f);
        assert_int_equal(pairs.count, 0);
        i4_pairs_free(&pairs);
        i4_free(f.bytes);
    }
    i4_pairs pairs = text_of(good);
    assert_string_equal(i4_pairs_get(&pairs, "k"), value);
    i4_pairs_free(&pairs);
    i4_free(good.bytes);
    i4_free(value);
}

/* --- failing memory ----------------------------------------------------------------------- */

/* Runs step with the allocation at every index failing; true and memory errors are the only
 * outcomes, and leaks are the sanitizer's to find. */
static void fail_every_allocation(bool (*step)(const void *input, i4_err *err), const void *input) {
    long failures = 0;
    for (long index = 0;; index++) {
        fault f = {.fail_at = index};
        i4_err err = {0};
        i4_fault_set(fault_hook, &f);
        bool ok = step(input, &err);
        i4_fault_set(NULL, NULL);
        if (f.seen <= index) { /* no allocation was left to fail */
            assert_true(ok);
            break;
        }
        if (!ok) {
            failures++;
            assert_int_equal(err.status, I4_E_OUT_OF_MEMORY);
        }
    }
    assert_true(failures > 0);
}

typedef struct encode_input {
    const i4_image *image;
    i4_image_format format;
    const i4_pair *pairs;
    size_t pair_count;
} encode_input;

static bool encode_step(const void *input, i4_err *err) {
    const encode_input *in = input;
    uint8_t *bytes = NULL;
    size_t size = 0;
    bool ok =
        i4_image_encode(in->image, in->format, 90, in->pairs, in->pair_count, &bytes, &size, err);
    assert_true(ok == (bytes != NULL));
    i4_free(bytes);
    return ok;
}

static bool decode_step(const void *input, i4_err *err) {
    const file *f = input;
    i4_image image = {0};
    bool ok = i4_image_decode(f->bytes, f->size, &image, err);
    assert_true(ok == (image.rgb != NULL));
    i4_image_free(&image);
    return ok;
}

static bool text_step(const void *input, i4_err *err) {
    const file *f = input;
    i4_pairs pairs = {0};
    bool ok = i4_image_text(f->bytes, f->size, &pairs, err);
    assert_int_equal(pairs.count, ok ? 2 : 0);
    i4_pairs_free(&pairs);
    return ok;
}

static void image_failing_memory_is_an_error(void **state) {
    (void)state;
    i4_image image = smooth_image(64, 48);
    char *value = repeated("long\n", 20000); /* extended XMP, several growths */
    i4_pair pairs[] = {{"short", "1"}, {"long", value}};
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        encode_input in = {&image, formats[i], pairs, 2};
        file f = encoded(&image, formats[i], 90, pairs, 2);
        fail_every_allocation(encode_step, &in);
        fail_every_allocation(decode_step, &f);
        fail_every_allocation(text_step, &f);
        i4_free(f.bytes);
    }
    i4_free(value);
    i4_image_free(&image);
}

static void image_failing_memory_with_alpha_is_an_error(void **state) {
    (void)state;
    static const uint8_t rgba[16 * 4] = {1, 2, 3, 4};
    png_spec spec = {.width = 4,
                     .height = 4,
                     .depth = 8,
                     .colour = PNG_COLOR_TYPE_RGB_ALPHA,
                     .interlace = PNG_INTERLACE_ADAM7,
                     .rows = rgba,
                     .row_bytes = 16};
    file f = foreign_png(&spec);
    fail_every_allocation(decode_step, &f);
    i4_free(f.bytes);
}

/* --- small, stripped, foreign ----------------------------------------------------------------- */

static void image_decode_small_is_small_enough(void **state) {
    (void)state;
    static const int sides[] = {1, 50, 128, 160, 400, 5000};
    i4_image image = smooth_image(400, 300);
    for (size_t f = 0; f < 3; f++) {
        file from = encoded(&image, formats[f], 95, NULL, 0);
        for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
            i4_image small;
            assert_true(i4_image_decode_small(from.bytes, from.size, sides[i], &small, NULL));
            assert_true(small.width >= sides[i] || small.width == 400);
            assert_true(small.width <= 400 && small.height <= 300);
            i4_image exact, expected;
            assert_true(i4_image_shrink(&small, small.width < 25 ? small.width : 25,
                                        small.height < 19 ? small.height : 19, &exact, NULL));
            assert_true(i4_image_shrink(&image, exact.width, exact.height, &expected, NULL));
            assert_true(psnr(&exact, &expected) > 26);
            i4_image_free(&expected);
            i4_image_free(&exact);
            i4_image_free(&small);
        }
        i4_free(from.bytes);
    }
    i4_image_free(&image);
}

static void image_shrink_takes_means_of_areas(void **state) {
    (void)state;
    i4_image image, small = {0};
    assert_true(i4_image_new(&image, 3, 2, NULL));
    static const uint8_t greys[] = {0, 90, 180, 30, 120, 210};
    for (int i = 0; i < 18; i++) {
        image.rgb[i] = greys[i / 3];
    }
    assert_true(i4_image_shrink(&image, 2, 1, &small, NULL));
    assert_int_equal(small.rgb[0], 45);  /* (0 + 90/2 + 30 + 120/2) / 3 */
    assert_int_equal(small.rgb[3], 165); /* (90/2 + 180 + 120/2 + 210) / 3 */
    i4_image_free(&small);
    i4_err err = {0};
    assert_false(i4_image_shrink(&image, 4, 2, &small, &err));
    assert_false(i4_image_shrink(&image, 0, 1, &small, &err));
    i4_image_free(&image);
}

static void image_encode_quick_is_webp(void **state) {
    (void)state;
    i4_image image = smooth_image(100, 80);
    file f;
    assert_true(i4_image_encode_quick(&image, 80, &f.bytes, &f.size, NULL));
    i4_image back = decoded(f);
    assert_true(psnr(&image, &back) > 30);
    i4_image_free(&back);
    i4_free(f.bytes);
    i4_image_free(&image);
}

static void image_strip_leaves_pixels_only(void **state) {
    (void)state;
    static const i4_pair pairs[] = {{"ideogram4", "secret"}, {"comment", "more"}};
    for (size_t i = 0; i < 3; i++) {
        file f = small_file(formats[i], pairs, 2), clean;
        assert_true(i4_image_strip(f.bytes, f.size, &clean.bytes, &clean.size, NULL));
        i4_pairs found = text_of(clean);
        assert_int_equal(found.count, 0);
        i4_pairs_free(&found);
        assert_true(i4_image_foreign(clean.bytes, clean.size, &found, NULL));
        assert_int_equal(found.count, 0);
        i4_pairs_free(&found);
        i4_image a = decoded(f), b = decoded(clean);
        assert_memory_equal(a.rgb, b.rgb, 17 * 13 * 3);
        i4_image_free(&a);
        i4_image_free(&b);
        assert_true(i4_image_foreign(f.bytes, f.size, &found, NULL));
        assert_true(found.count > 0);
        i4_pairs_free(&found);
        i4_err err = {0};
        assert_false(i4_image_strip(f.bytes, f.size - 5, &clean.bytes, &clean.size, &err));
        i4_free(clean.bytes);
        i4_free(f.bytes);
    }
    i4_pairs none;
    assert_false(i4_image_foreign((const uint8_t *)"text", 4, &none, NULL));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_png_round_trip_is_exact),
        cmocka_unit_test(image_lossy_round_trip_is_close),
        cmocka_unit_test(image_lower_quality_is_smaller),
        cmocka_unit_test(image_two_encodes_are_equal),
        cmocka_unit_test(image_new_checks_its_size),
        cmocka_unit_test(image_encode_refuses_bad_arguments),
        cmocka_unit_test(image_png_kinds_become_rgb),
        cmocka_unit_test(image_png_interlaced_is_exact),
        cmocka_unit_test(image_jpeg_kinds_become_rgb),
        cmocka_unit_test(image_webp_alpha_is_over_white),
        cmocka_unit_test(image_bytes_behind_the_end_are_ignored),
        cmocka_unit_test(image_text_round_trips_in_every_format),
        cmocka_unit_test(image_long_text_round_trips_in_every_format),
        cmocka_unit_test(image_many_pairs_round_trip_in_every_format),
        cmocka_unit_test(image_keys_become_xml_names),
        cmocka_unit_test(image_control_characters_are_replaced_in_xmp),
        cmocka_unit_test(image_png_text_of_others_is_read),
        cmocka_unit_test(image_xmp_of_other_programs_is_read),
        cmocka_unit_test(image_text_of_unknown_file_is_format_error),
        cmocka_unit_test(image_huge_sizes_are_refused_before_allocation),
        cmocka_unit_test(image_animation_is_refused),
        cmocka_unit_test(image_truncated_files_are_refused),
        cmocka_unit_test(image_mutated_files_do_no_harm),
        cmocka_unit_test(image_png_text_bomb_is_left_out),
        cmocka_unit_test(image_jpeg_lying_extension_is_passed_over),
        cmocka_unit_test(image_failing_memory_is_an_error),
        cmocka_unit_test(image_failing_memory_with_alpha_is_an_error),
        cmocka_unit_test(image_decode_small_is_small_enough),
        cmocka_unit_test(image_shrink_takes_means_of_areas),
        cmocka_unit_test(image_encode_quick_is_webp),
        cmocka_unit_test(image_strip_leaves_pixels_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
