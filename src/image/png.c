/* PNG through libpng.
 *
 * libpng reports errors by longjmp. Every call that can do so stands in a function of one job
 * that guarded() runs; all state lives in that job, so nothing is lost or clobbered by the jump,
 * and the caller destroys the job whatever happened.
 *
 * Text is read without decoding pixels: libpng is shown a small picture that never was, namely a
 * constant header, the text chunks of the file, and the first bytes of a pixel chunk, where it
 * stops. A text chunk that is damaged or unpacks to too much is left out, as libpng does. */
#include "image/codec.h"
#include "image/xmp.h"

#include "base/limits.h"
#include "base/memory.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

typedef struct png_job png_job;
struct png_job {
    png_structp png;      /* owned */
    png_infop info;       /* owned */
    size_t bytes_missing; /* of the allocation that failed; 0: none */
    char message[128];    /* from libpng */

    /* writing */
    const i4_image *image;
    const i4_pair *pairs;
    size_t pair_count;
    i4_buf *out;

    /* reading: the span libpng reads next, and (for text) where the file goes on after it */
    i4_str span;
    i4_str file;
    size_t file_pos;
    bool (*next_span)(png_job *job);
    int passes, channels;
    uint8_t *pixels; /* borrowed: the picture's [height, width, channels] */
    bool is_raw;     /* text: XMP as it is, not what we put into it */

    /* reading small: boxes of factor x factor pixels become one */
    int side, factor;
    int width, height; /* of what comes out */
    uint8_t *row;      /* owned: one row of the file, [width, channels] */
    uint32_t *sums;    /* owned: one row of boxes, [width, 3] */
};

/* --- libpng's callbacks ------------------------------------------------------------------- */

static png_voidp job_malloc(png_structp png, png_alloc_size_t size) {
    png_job *job = png_get_mem_ptr(png);
    void *block = i4_malloc(size);
    if (block == NULL) {
        job->bytes_missing = size == 0 ? 1 : size;
    }
    return block;
}

static void job_free(png_structp png, png_voidp block) {
    (void)png;
    i4_free(block);
}

static void job_error(png_structp png, png_const_charp message) {
    png_job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", message);
    png_longjmp(png, 1);
}

static void job_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void job_write(png_structp png, png_bytep bytes, size_t size) {
    png_job *job = png_get_io_ptr(png);
    i4_buf_add(job->out, bytes, size);
    if (job->out->failed) {
        png_error(png, "no room for the file");
    }
}

static void job_flush(png_structp png) {
    (void)png;
}

static void job_read(png_structp png, png_bytep bytes, size_t size) {
    png_job *job = png_get_io_ptr(png);
    while (size > 0) {
        if (job->span.len == 0 && (job->next_span == NULL || !job->next_span(job))) {
            png_error(png, "the file ends early");
        }
        size_t part = size < job->span.len ? size : job->span.len;
        memcpy(bytes, job->span.ptr, part);
        job->span = i4_str_of(job->span.ptr + part, job->span.len - part);
        bytes += part;
        size -= part;
    }
}

/* --- jobs -------------------------------------------------------------------------------- */

/* Runs what may be left by longjmp; false if it was. */
static bool guarded(png_job *job, void (*body)(png_job *job)) {
    if (setjmp(png_jmpbuf(job->png)) != 0) {
        return false;
    }
    body(job);
    return true;
}

static bool job_begin_write(png_job *job) {
    job->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, job, job_error, job_warning, job,
                                         job_malloc, job_free);
    job->info = job->png == NULL ? NULL : png_create_info_struct(job->png);
    return job->info != NULL;
}

static bool job_begin_read(png_job *job) {
    job->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, job_error, job_warning, job,
                                        job_malloc, job_free);
    job->info = job->png == NULL ? NULL : png_create_info_struct(job->png);
    return job->info != NULL;
}

static bool job_fail(const png_job *job, const char *what, i4_err *err) {
    if (job->bytes_missing > 0) {
        return i4_fail_memory(err, what, job->bytes_missing);
    }
    return i4_fail(err, I4_E_FORMAT, "%s is damaged or cut short (libpng: %s); use another copy",
                   what, job->message);
}

/* --- encoding ---------------------------------------------------------------------------- */

static void write_pair(png_job *job, const i4_pair *pair) {
    png_text text = {
        .compression = PNG_ITXT_COMPRESSION_NONE,
        .key = (png_charp)pair->key, /* libpng copies both and changes neither */
        .text = (png_charp)pair->value,
        .itxt_length = strlen(pair->value),
    };
    png_set_text(job->png, job->info, &text, 1);
}

static void write_file(png_job *job) {
    png_set_write_fn(job->png, job, job_write, job_flush);
    png_set_compression_level(job->png, 6);
    png_set_IHDR(job->png, job->info, (png_uint_32)job->image->width,
                 (png_uint_32)job->image->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(job->png, job->info, PNG_sRGB_INTENT_PERCEPTUAL);
    for (size_t i = 0; i < job->pair_count; i++) {
        write_pair(job, &job->pairs[i]);
    }
    png_write_info(job->png, job->info);
    size_t row_bytes = 3 * (size_t)job->image->width;
    for (int y = 0; y < job->image->height; y++) {
        png_write_row(job->png, job->image->rgb + (size_t)y * row_bytes);
    }
    png_write_end(job->png, NULL);
}

static bool encode(const i4_image *image, int quality, const i4_pair *pairs, size_t pair_count,
                   i4_buf *out, i4_err *err) {
    (void)quality;
    png_job job = {.image = image, .pairs = pairs, .pair_count = pair_count, .out = out};
    bool ok = job_begin_write(&job) && guarded(&job, write_file);
    png_destroy_write_struct(&job.png, &job.info);
    if (ok) {
        return true;
    }
    if (out->failed) {
        return i4_image_fail_output(out, err);
    }
    if (job.bytes_missing > 0) {
        return i4_fail_memory(err, "writing a PNG picture", job.bytes_missing);
    }
    return i4_fail(err, I4_E_INTERNAL, "the PNG picture cannot be written (libpng: %s)",
                   job.message);
}

/* --- the chunks of a file ---------------------------------------------------------------- */

enum {
    SIGNATURE_BYTES = 8,
    CHUNK_BYTES_MIN = 12 /* length, name, checksum */
};

typedef struct png_chunk {
    i4_str whole; /* with length, name and checksum */
    i4_str body;
} png_chunk;

static uint32_t read_be32(const char *p) {
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* The chunk at *pos, and *pos past it; false where none fits into the rest of the file. */
static bool next_chunk(i4_str file, size_t *pos, png_chunk *chunk) {
    size_t left = file.len - *pos;
    if (left < CHUNK_BYTES_MIN) {
        return false;
    }
    const char *start = file.ptr + *pos;
    size_t body_bytes = read_be32(start);
    if (body_bytes > left - CHUNK_BYTES_MIN) {
        return false;
    }
    chunk->whole = i4_str_of(start, body_bytes + CHUNK_BYTES_MIN);
    chunk->body = i4_str_of(start + 8, body_bytes);
    *pos += chunk->whole.len;
    return true;
}

static bool is_chunk(const png_chunk *chunk, const char *name) {
    return memcmp(chunk->whole.ptr + 4, name, 4) == 0;
}

/* --- decoding ---------------------------------------------------------------------------- */

/* Looks at the size before libpng does, and for animation. Other faults are left to libpng. */
static bool check_kind(i4_str file, i4_err *err) {
    size_t pos = SIGNATURE_BYTES;
    png_chunk chunk;
    if (!next_chunk(file, &pos, &chunk) || !is_chunk(&chunk, "IHDR") || chunk.body.len != 13) {
        return i4_fail(err, I4_E_FORMAT, "the PNG picture has no header; use another copy");
    }
    if (!i4_image_fits(read_be32(chunk.body.ptr), read_be32(chunk.body.ptr + 4), err)) {
        return false;
    }
    while (next_chunk(file, &pos, &chunk) && !is_chunk(&chunk, "IDAT")) {
        if (is_chunk(&chunk, "acTL")) {
            return i4_fail(err, I4_E_UNSUPPORTED,
                           "the PNG picture is animated; save one frame of it as a picture");
        }
    }
    return true;
}

/* Up to the first pixels; then 8-bit RGB or RGBA comes out whatever the file holds. */
static void read_header(png_job *job) {
    png_set_read_fn(job->png, job, job_read);
    png_set_user_limits(job->png, I4_LIMIT_IMAGE_SIDE, I4_LIMIT_IMAGE_SIDE);
    /* Nothing but pixels matters here: a negative count names all other chunks but tRNS. As those
     * are never held in memory, they may be as large as they like. */
    png_set_keep_unknown_chunks(job->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_chunk_malloc_max(job->png, I4_LIMIT_IMAGE_FILE_BYTES);
    png_read_info(job->png, job->info);
    png_set_expand(job->png);
    png_set_scale_16(job->png);
    png_set_gray_to_rgb(job->png);
    job->passes = png_set_interlace_handling(job->png);
    png_read_update_info(job->png, job->info);
    job->channels = png_get_channels(job->png, job->info);
    size_t row_bytes = (size_t)png_get_image_width(job->png, job->info) * (size_t)job->channels;
    if ((job->channels != 3 && job->channels != 4) ||
        png_get_rowbytes(job->png, job->info) != row_bytes) {
        png_error(job->png, "rows are neither RGB nor RGBA");
    }
}

static void read_rows(png_job *job) {
    size_t row_bytes = png_get_rowbytes(job->png, job->info);
    png_uint_32 height = png_get_image_height(job->png, job->info);
    for (int pass = 0; pass < job->passes; pass++) {
        for (png_uint_32 y = 0; y < height; y++) {
            png_read_row(job->png, job->pixels + y * row_bytes, NULL);
        }
    }
}

static bool decode_whole(png_job *job, i4_image *image, i4_err *err) {
    if (!i4_image_new_channels(image, job->width, job->height, job->channels, err)) {
        return false;
    }
    job->pixels = image->rgb;
    if (!guarded(job, read_rows)) {
        i4_image_free(image);
        return job_fail(job, "the PNG picture", err);
    }
    if (job->channels == 4) {
        i4_image_flatten(image);
    }
    return true;
}

/* Adds a row to the boxes it lies in; alpha over white, as i4_image_flatten. */
static void add_row(png_job *job) {
    const uint8_t *pixel = job->row;
    for (int x = 0; x < job->width * job->factor; x++, pixel += job->channels) {
        uint32_t *sum = job->sums + (size_t)(x / job->factor) * 3;
        const unsigned alpha = job->channels == 4 ? pixel[3] : 255;
        for (int c = 0; c < 3; c++) {
            sum[c] +=
                alpha == 255 ? pixel[c] : (pixel[c] * alpha + 255 * (255 - alpha) + 127) / 255;
        }
    }
}

/* Rows and columns that fill no box at the end are left out: less than one pixel of the result. */
static void read_boxes(png_job *job) {
    const uint32_t area = (uint32_t)(job->factor * job->factor);
    const size_t count = (size_t)job->width * 3;
    for (int y = 0; y < job->height; y++) {
        memset(job->sums, 0, count * sizeof *job->sums);
        for (int i = 0; i < job->factor; i++) {
            png_read_row(job->png, job->row, NULL);
            add_row(job);
        }
        for (size_t i = 0; i < count; i++) {
            job->pixels[(size_t)y * count + i] = (uint8_t)((job->sums[i] + area / 2) / area);
        }
    }
}

static bool decode_boxes(png_job *job, i4_image *image, i4_err *err) {
    job->row = i4_malloc(png_get_rowbytes(job->png, job->info));
    job->width /= job->factor;
    job->height /= job->factor;
    job->sums = i4_calloc((size_t)job->width * 3, sizeof *job->sums);
    if (job->row == NULL || job->sums == NULL) {
        return i4_fail_memory(err, "the PNG picture", (size_t)job->width * 3 * sizeof *job->sums);
    }
    if (!i4_image_new_channels(image, job->width, job->height, 3, err)) {
        return false;
    }
    job->pixels = image->rgb;
    if (!guarded(job, read_boxes)) {
        i4_image_free(image);
        return job_fail(job, "the PNG picture", err);
    }
    return true;
}

static bool decode_with(png_job *job, i4_image *image, i4_err *err) {
    if (!job_begin_read(job) || !guarded(job, read_header)) {
        return job_fail(job, "the PNG picture", err);
    }
    job->width = (int)png_get_image_width(job->png, job->info);
    job->height = (int)png_get_image_height(job->png, job->info);
    const int longer = job->width > job->height ? job->width : job->height;
    const int shorter = job->width > job->height ? job->height : job->width;
    job->factor = job->side > 0 && job->passes == 1 ? longer / job->side : 1;
    job->factor = job->factor < shorter ? job->factor : shorter;
    return job->factor > 1 ? decode_boxes(job, image, err) : decode_whole(job, image, err);
}

static bool decode(i4_str file, int side, i4_image *image, i4_err *err) {
    if (!check_kind(file, err)) {
        return false;
    }
    png_job job = {.span = file, .side = side};
    bool ok = decode_with(&job, image, err);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    i4_free(job.row);
    i4_free(job.sums);
    return ok;
}

/* --- text -------------------------------------------------------------------------------- */

/* Signature and header of a grey picture of 1 x 1 pixels. */
static const char text_prelude[] = "\x89PNG\r\n\x1a\n"
                                   "\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0"
                                   "\x3a\x7e\x9b\x55";
/* Where the pixels would begin, libpng ends reading the header. */
static const char text_finale[] = "\0\0\0\0IDAT";

/* After the prelude: each text chunk of the file, then the finale. */
static bool next_text_span(png_job *job) {
    png_chunk chunk;
    for (;;) {
        if (!next_chunk(job->file, &job->file_pos, &chunk)) {
            return false;
        }
        if (is_chunk(&chunk, "IEND")) {
            job->span = i4_str_of(text_finale, sizeof text_finale - 1);
            job->next_span = NULL;
            return true;
        }
        if (is_chunk(&chunk, "iTXt") || is_chunk(&chunk, "tEXt") || is_chunk(&chunk, "zTXt")) {
            job->span = chunk.whole;
            return true;
        }
    }
}

static void read_text(png_job *job) {
    png_set_read_fn(job->png, job, job_read);
    png_set_chunk_cache_max(job->png, I4_PAIRS_MAX + 2); /* libpng stops one before */
    png_set_chunk_malloc_max(job->png, I4_LIMIT_METADATA_BYTES + 256);
    png_read_info(job->png, job->info);
}

static void add_latin1(i4_buf *out, i4_str text) {
    for (size_t i = 0; i < text.len; i++) {
        i4_buf_add_utf8(out, (unsigned char)text.ptr[i]);
    }
}

static bool gather_latin1(i4_gather *gather, i4_str key, i4_str text, i4_err *err) {
    i4_buf utf8;
    i4_buf_init(&utf8, 2 * (size_t)I4_LIMIT_METADATA_BYTES + 512);
    add_latin1(&utf8, text);
    bool ok = utf8.failed ? i4_fail_memory(err, "the text of a picture", text.len)
                          : i4_gather_add(gather, key, i4_str_of(utf8.ptr, utf8.len), err);
    i4_buf_free(&utf8);
    return ok;
}

static bool gather_text(i4_gather *gather, const png_text *text, bool is_raw, i4_err *err) {
    i4_str key = i4_str_c(text->key);
    if (text->compression != PNG_ITXT_COMPRESSION_NONE &&
        text->compression != PNG_ITXT_COMPRESSION_zTXt) {
        return gather_latin1(gather, key, i4_str_of(text->text, text->text_length), err);
    }
    i4_str value = i4_str_of(text->text, text->itxt_length);
    /* Where other programs put the packet when they turn a JPEG or WebP into a PNG. */
    if (i4_str_is(key, "XML:com.adobe.xmp")) {
        return is_raw ? i4_gather_add(gather, i4_str_c("XMP"), value, err)
                      : i4_xmp_read(value, gather, err);
    }
    return i4_gather_add(gather, key, value, err);
}

static bool text_with(png_job *job, i4_gather *gather, i4_err *err) {
    /* A chunk left out for want of memory is a failure too: the recipe might be in it. */
    if (!job_begin_read(job) || !guarded(job, read_text) || job->bytes_missing > 0) {
        return job_fail(job, "the PNG picture", err);
    }
    png_textp texts = NULL;
    int count = 0;
    png_get_text(job->png, job->info, &texts, &count);
    for (int i = 0; i < count; i++) {
        if (!gather_text(gather, &texts[i], job->is_raw, err)) {
            return false;
        }
    }
    return true;
}

static bool read_texts(i4_str file, bool is_raw, i4_gather *gather, i4_err *err) {
    png_job job = {
        .is_raw = is_raw,
        .span = i4_str_of(text_prelude, sizeof text_prelude - 1),
        .file = file,
        .file_pos = SIGNATURE_BYTES,
        .next_span = next_text_span,
    };
    bool ok = text_with(&job, gather, err);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    return ok;
}

static bool text(i4_str file, i4_gather *gather, i4_err *err) {
    return read_texts(file, false, gather, err);
}

/* --- what other programs write, and files without it ----------------------------------------- */

static bool foreign(i4_str file, i4_gather *gather, i4_err *err) {
    size_t pos = SIGNATURE_BYTES;
    png_chunk chunk;
    bool ok = read_texts(file, true, gather, err);
    while (ok && next_chunk(file, &pos, &chunk) && !is_chunk(&chunk, "IEND")) {
        ok = !is_chunk(&chunk, "eXIf") || i4_exif_read(chunk.body, gather, err);
    }
    return ok;
}

static bool is_kept(const png_chunk *chunk) {
    static const char *const kept[] = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS", "gAMA",
                                       "cHRM", "sRGB", "iCCP", "sBIT", "bKGD", "pHYs",
                                       "cICP", "acTL", "fcTL", "fdAT"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (is_chunk(chunk, kept[i])) {
            return true;
        }
    }
    return false;
}

static bool strip(i4_str file, i4_buf *out, i4_err *err) {
    size_t pos = SIGNATURE_BYTES;
    png_chunk chunk;
    i4_buf_add(out, file.ptr, SIGNATURE_BYTES);
    while (next_chunk(file, &pos, &chunk)) {
        if (is_kept(&chunk)) {
            i4_buf_add(out, chunk.whole.ptr, chunk.whole.len);
        }
        if (is_chunk(&chunk, "IEND")) {
            return true;
        }
    }
    return i4_fail(err, I4_E_FORMAT, "the PNG picture is damaged or cut short; use another copy");
}

const i4_codec i4_codec_png = {
    .encode = encode, .decode = decode, .text = text, .foreign = foreign, .strip = strip};
