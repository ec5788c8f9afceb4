/* JPEG through libjpeg, and the walk over its segments for XMP.
 *
 * libjpeg reports errors through error_exit, which must not return: it jumps back to guarded().
 * As in png.c all state lives in one job, which the caller destroys whatever happened. A packet
 * too large for one segment goes into "extended XMP" (ISO 16684-3): the ordinary packet names a
 * 32-digit identifier, and further segments carry numbered parts of the rest. */
#include "image/codec.h"
#include "image/xmp.h"

#include "base/limits.h"
#include "base/memory.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it */
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

enum {
    STAGING_BYTES = 16 * 1024,
    /* Progressive files made by programs have about ten; each costs a walk over all pixels. */
    SCANS_MAX = 100,
    /* Coefficients of the largest picture with four channels, and something for the rest. */
    LIBRARY_BYTES_MAX = 8 * I4_LIMIT_IMAGE_PIXELS + (64 << 20),
    SEGMENT_BYTES_MAX = 65533, /* body of a marker segment */
    FULL_COLOUR_QUALITY = 90   /* from here on, colour is not stored at half the resolution */
};

typedef struct jpeg_job {
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    bool out_of_memory;
    char message[JMSG_LENGTH_MAX];

    /* writing */
    struct jpeg_compress_struct writer;
    struct jpeg_destination_mgr destination;
    const i4_image *source;
    int quality;
    const i4_buf *packet;   /* segments to write; NULL: none */
    const i4_buf *extended; /* NULL: none */
    const char *guid;
    i4_buf *out;
    uint8_t staging[STAGING_BYTES];

    /* reading */
    struct jpeg_decompress_struct reader;
    struct jpeg_progress_mgr progress;
    i4_str file;
    int side;        /* that the picture should have at least; 0: whole */
    uint8_t *pixels; /* borrowed: the picture's [height, width, 3 or 4] */
} jpeg_job;

/* --- libjpeg's callbacks ------------------------------------------------------------------ */

static void job_stop(jpeg_job *job, const char *message) {
    snprintf(job->message, sizeof job->message, "%s", message);
    longjmp(job->escape, 1);
}

static void job_error(j_common_ptr library) {
    jpeg_job *job = library->client_data;
    char message[JMSG_LENGTH_MAX];
    library->err->format_message(library, message);
    job->out_of_memory = library->err->msg_code == JERR_OUT_OF_MEMORY;
    job_stop(job, message);
}

/* Level -1 is damage that libjpeg papers over. A file cut short would become a picture that is
 * grey below, so that one is an error here. */
static void job_warning(j_common_ptr library, int level) {
    if (level < 0 && library->err->msg_code == JWRN_JPEG_EOF) {
        job_stop(library->client_data, "the file ends early");
    }
}

static void job_print_nothing(j_common_ptr library) {
    (void)library;
}

static void job_progress(j_common_ptr library) {
    j_decompress_ptr reader = (j_decompress_ptr)library;
    if (reader->input_scan_number > SCANS_MAX) {
        job_stop(library->client_data, "more scans than any picture needs");
    }
}

static void job_output_begin(j_compress_ptr writer) {
    jpeg_job *job = writer->client_data;
    job->destination.next_output_byte = job->staging;
    job->destination.free_in_buffer = STAGING_BYTES;
}

static void job_output_add(jpeg_job *job, size_t bytes) {
    i4_buf_add(job->out, job->staging, bytes);
    if (job->out->failed) {
        job_stop(job, "no room for the file");
    }
}

static boolean job_output_full(j_compress_ptr writer) {
    job_output_add(writer->client_data, STAGING_BYTES);
    job_output_begin(writer);
    return TRUE;
}

static void job_output_end(j_compress_ptr writer) {
    jpeg_job *job = writer->client_data;
    job_output_add(job, STAGING_BYTES - job->destination.free_in_buffer);
}

/* --- jobs -------------------------------------------------------------------------------- */

static void job_init(jpeg_job *job) {
    jpeg_std_error(&job->errors);
    job->errors.error_exit = job_error;
    job->errors.emit_message = job_warning;
    job->errors.output_message = job_print_nothing;
    job->writer.err = job->reader.err = &job->errors;
    job->writer.client_data = job->reader.client_data = job;
}

/* Runs what may be left by longjmp; false if it was. */
static bool guarded(jpeg_job *job, void (*body)(jpeg_job *job)) {
    if (setjmp(job->escape) != 0) {
        return false;
    }
    body(job);
    return true;
}

static jpeg_job *job_new(i4_err *err) {
    jpeg_job *job = i4_calloc(1, sizeof *job);
    if (job == NULL) {
        i4_fail_memory(err, "a JPEG picture", sizeof *job);
        return NULL;
    }
    job_init(job);
    return job;
}

/* --- segments of XMP ----------------------------------------------------------------------- */

#define XMP_MARK "http://ns.adobe.com/xap/1.0/"
#define EXTENSION_MARK "http://ns.adobe.com/xmp/extension/"

enum {
    APP1 = JPEG_APP0 + 1,
    XMP_MARK_BYTES = sizeof XMP_MARK, /* the NUL belongs to the mark */
    EXTENSION_MARK_BYTES = sizeof EXTENSION_MARK,
    EXTENSION_HEAD_BYTES = EXTENSION_MARK_BYTES + I4_XMP_GUID_BYTES + 8,
    EXTENSION_PART_BYTES = SEGMENT_BYTES_MAX - EXTENSION_HEAD_BYTES
};

static uint32_t read_be(const char *p, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | (unsigned char)p[i];
    }
    return value;
}

static void write_bytes(jpeg_job *job, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        jpeg_write_m_byte(&job->writer, (unsigned char)bytes[i]);
    }
}

static void write_be32(jpeg_job *job, size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        jpeg_write_m_byte(&job->writer, (int)(value >> shift & 0xFF));
    }
}

static void write_packet(jpeg_job *job) {
    jpeg_write_m_header(&job->writer, APP1, (unsigned)(XMP_MARK_BYTES + job->packet->len));
    write_bytes(job, XMP_MARK, XMP_MARK_BYTES);
    write_bytes(job, job->packet->ptr, job->packet->len);
}

static void write_extension(jpeg_job *job) {
    size_t size = job->extended->len;
    for (size_t offset = 0; offset < size; offset += EXTENSION_PART_BYTES) {
        size_t part = size - offset;
        part = part < EXTENSION_PART_BYTES ? part : EXTENSION_PART_BYTES;
        jpeg_write_m_header(&job->writer, APP1, (unsigned)(EXTENSION_HEAD_BYTES + part));
        write_bytes(job, EXTENSION_MARK, EXTENSION_MARK_BYTES);
        write_bytes(job, job->guid, I4_XMP_GUID_BYTES);
        write_be32(job, size);
        write_be32(job, offset);
        write_bytes(job, job->extended->ptr + offset, part);
    }
}

/* --- encoding ---------------------------------------------------------------------------- */

static void configure_writer(jpeg_job *job) {
    j_compress_ptr writer = &job->writer;
    job->destination = (struct jpeg_destination_mgr){
        .init_destination = job_output_begin,
        .empty_output_buffer = job_output_full,
        .term_destination = job_output_end,
    };
    writer->dest = &job->destination;
    writer->image_width = (JDIMENSION)job->source->width;
    writer->image_height = (JDIMENSION)job->source->height;
    writer->input_components = 3;
    writer->in_color_space = JCS_RGB;
    jpeg_set_defaults(writer);
    jpeg_set_quality(writer, job->quality, TRUE);
    writer->optimize_coding = TRUE;
    if (job->quality >= FULL_COLOUR_QUALITY) {
        writer->comp_info[0].h_samp_factor = 1;
        writer->comp_info[0].v_samp_factor = 1;
    }
}

static void write_file(jpeg_job *job) {
    j_compress_ptr writer = &job->writer;
    jpeg_create_compress(writer);
    configure_writer(job);
    jpeg_start_compress(writer, TRUE);
    if (job->packet != NULL) {
        write_packet(job);
    }
    if (job->extended != NULL) {
        write_extension(job);
    }
    size_t row_bytes = 3 * (size_t)job->source->width;
    while (writer->next_scanline < writer->image_height) {
        JSAMPROW row = job->source->rgb + writer->next_scanline * row_bytes;
        jpeg_write_scanlines(writer, &row, 1);
    }
    jpeg_finish_compress(writer);
}

static bool encode_with(jpeg_job *job, i4_err *err) {
    bool ok = guarded(job, write_file);
    jpeg_destroy_compress(&job->writer);
    if (ok) {
        return true;
    }
    if (job->out->failed) {
        return i4_image_fail_output(job->out, err);
    }
    if (job->out_of_memory) {
        return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for writing a JPEG picture");
    }
    return i4_fail(err, I4_E_INTERNAL, "the JPEG picture cannot be written (libjpeg: %s)",
                   job->message);
}

/* Two 64-bit FNV-1a sums as 32 hexadecimal digits. Readers only compare the name in the packet
 * with the name in the parts, so any name that goes with the content will do. */
static void name_extension(const i4_buf *extended, char guid[I4_XMP_GUID_BYTES + 1]) {
    uint64_t sum[2] = {0xCBF29CE484222325U, 0x84222325CBF29CE4U};
    for (size_t i = 0; i < extended->len; i++) {
        for (size_t k = 0; k < 2; k++) {
            sum[k] = (sum[k] ^ (unsigned char)extended->ptr[i]) * 0x100000001B3U;
        }
    }
    snprintf(guid, I4_XMP_GUID_BYTES + 1, "%016llX%016llX", (unsigned long long)sum[0],
             (unsigned long long)sum[1]);
}

/* Builds what goes into the segments: one packet, or one that points to extended XMP. */
static bool build_xmp(const i4_pair *pairs, size_t pair_count, i4_buf *packet, i4_buf *extended,
                      char guid[I4_XMP_GUID_BYTES + 1], i4_err *err) {
    i4_xmp_packet(packet, pairs, pair_count, NULL);
    if (!packet->failed && packet->len > SEGMENT_BYTES_MAX - XMP_MARK_BYTES) {
        i4_xmp_body(extended, pairs, pair_count, NULL);
        if (!extended->failed) {
            name_extension(extended, guid);
        }
        i4_buf_free(packet);
        i4_xmp_packet(packet, NULL, 0, guid);
    }
    if (packet->failed || extended->failed) {
        return i4_fail_memory(err, "the metadata of a JPEG picture", packet->len);
    }
    return true;
}

static bool encode(const i4_image *image, int quality, const i4_pair *pairs, size_t pair_count,
                   i4_buf *out, i4_err *err) {
    i4_buf packet;
    i4_buf extended;
    char guid[I4_XMP_GUID_BYTES + 1] = "";
    i4_buf_init(&packet, I4_XMP_BYTES_MAX);
    i4_buf_init(&extended, I4_XMP_BYTES_MAX);
    bool ok = pair_count == 0 || build_xmp(pairs, pair_count, &packet, &extended, guid, err);
    jpeg_job *job = ok ? job_new(err) : NULL;
    if (job != NULL) {
        job->source = image;
        job->quality = quality;
        job->packet = packet.len > 0 ? &packet : NULL;
        job->extended = extended.len > 0 ? &extended : NULL;
        job->guid = guid;
        job->out = out;
        ok = encode_with(job, err);
    }
    ok = ok && job != NULL;
    i4_free(job);
    i4_buf_free(&extended);
    i4_buf_free(&packet);
    return ok;
}

/* --- decoding ---------------------------------------------------------------------------- */

/* Halves, quarters and eighths cost less than the whole: blocks are turned into fewer pixels. */
static void choose_scale(j_decompress_ptr reader, int side) {
    const JDIMENSION longer =
        reader->image_width > reader->image_height ? reader->image_width : reader->image_height;
    reader->scale_num = 8;
    reader->scale_denom = 8;
    while (side > 0 && reader->scale_num > 1 &&
           (uint64_t)longer * (reader->scale_num / 2) >= (uint64_t)side * 8) {
        reader->scale_num /= 2;
    }
}

static void read_header(jpeg_job *job) {
    j_decompress_ptr reader = &job->reader;
    jpeg_create_decompress(reader);
    reader->mem->max_memory_to_use = LIBRARY_BYTES_MAX;
    job->progress.progress_monitor = job_progress;
    reader->progress = &job->progress;
    jpeg_mem_src(reader, (const unsigned char *)job->file.ptr, (unsigned long)job->file.len);
    jpeg_read_header(reader, TRUE);
    bool is_inked = reader->jpeg_color_space == JCS_CMYK || reader->jpeg_color_space == JCS_YCCK;
    reader->out_color_space = is_inked ? JCS_CMYK : JCS_RGB;
    choose_scale(reader, job->side);
    jpeg_calc_output_dimensions(reader);
}

static void read_rows(jpeg_job *job) {
    j_decompress_ptr reader = &job->reader;
    jpeg_start_decompress(reader);
    size_t row_bytes = (size_t)reader->output_width * (size_t)reader->output_components;
    while (reader->output_scanline < reader->output_height) {
        JSAMPROW row = job->pixels + reader->output_scanline * row_bytes;
        jpeg_read_scanlines(reader, &row, 1);
    }
    /* Not finished properly: whatever follows the last row does not matter. */
}

/* Four inks to RGB in place; Adobe's files hold what is left of white instead of the ink. */
static void convert_inks(i4_image *image, bool is_adobe) {
    size_t pixels = (size_t)image->width * (size_t)image->height;
    unsigned flip = is_adobe ? 0 : 255;
    for (size_t i = 0; i < pixels; i++) {
        unsigned light = image->rgb[4 * i + 3] ^ flip;
        for (size_t c = 0; c < 3; c++) {
            unsigned value = image->rgb[4 * i + c] ^ flip;
            image->rgb[3 * i + c] = (uint8_t)((value * light + 127U) / 255U);
        }
    }
}

static bool decode_fail(const jpeg_job *job, i4_err *err) {
    if (job->out_of_memory) {
        return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for reading a JPEG picture");
    }
    return i4_fail(err, I4_E_FORMAT,
                   "the JPEG picture is damaged or of a rare kind (libjpeg: %s); save it again "
                   "with another program",
                   job->message);
}

static bool decode_with(jpeg_job *job, i4_image *image, i4_err *err) {
    if (!guarded(job, read_header)) {
        return decode_fail(job, err);
    }
    j_decompress_ptr reader = &job->reader;
    bool is_inked = reader->out_color_space == JCS_CMYK;
    if (!i4_image_fits(reader->image_width, reader->image_height, err) ||
        !i4_image_new_channels(image, (int)reader->output_width, (int)reader->output_height,
                               is_inked ? 4 : 3, err)) {
        return false;
    }
    job->pixels = image->rgb;
    if (!guarded(job, read_rows)) {
        i4_image_free(image);
        return decode_fail(job, err);
    }
    if (is_inked) {
        convert_inks(image, reader->saw_Adobe_marker);
    }
    return true;
}

static bool decode(i4_str file, int side, i4_image *image, i4_err *err) {
    jpeg_job *job = job_new(err);
    if (job == NULL) {
        return false;
    }
    job->file = file;
    job->side = side;
    bool ok = decode_with(job, image, err);
    jpeg_destroy_decompress(&job->reader);
    i4_free(job);
    return ok;
}

/* --- text -------------------------------------------------------------------------------- */

enum { MARK_END = 0xD9, MARK_SCAN = 0xDA, MARK_TEM = 0x01, MARK_RST0 = 0xD0 };

typedef struct segment {
    int marker;
    i4_str body;
} segment;

/* The segment at *pos, and *pos past it; false where none fits into the rest of the file. */
static bool next_segment(i4_str file, size_t *pos, segment *out) {
    if (*pos >= file.len || (unsigned char)file.ptr[*pos] != 0xFF) {
        return false;
    }
    while (*pos < file.len && (unsigned char)file.ptr[*pos] == 0xFF) {
        (*pos)++; /* any number may stand before a marker */
    }
    if (*pos >= file.len) {
        return false;
    }
    out->marker = (unsigned char)file.ptr[(*pos)++];
    out->body = i4_str_of(file.ptr + *pos, 0);
    if ((out->marker >= MARK_RST0 && out->marker <= MARK_END) || out->marker == MARK_TEM) {
        return true;
    }
    size_t left = file.len - *pos;
    size_t size = left < 2 ? 0 : read_be(file.ptr + *pos, 2);
    if (size < 2 || size > left) {
        return false;
    }
    out->body = i4_str_of(file.ptr + *pos + 2, size - 2);
    *pos += size;
    return true;
}

static bool has_mark(i4_str body, const char *mark, size_t mark_bytes) {
    return body.len >= mark_bytes && memcmp(body.ptr, mark, mark_bytes) == 0;
}

/* XMP in parts, while they are put together. */
typedef struct extension {
    i4_str guid;   /* as the packet names it */
    char *bytes;   /* owned; NULL before the first part */
    size_t size;   /* of the whole */
    size_t filled; /* by the parts so far */
} extension;

/* Parts of another name, or that do not fit together, are passed over. */
static bool add_part(extension *ext, i4_str body, i4_err *err) {
    if (body.len < EXTENSION_HEAD_BYTES ||
        !i4_str_eq(i4_str_of(body.ptr + EXTENSION_MARK_BYTES, I4_XMP_GUID_BYTES), ext->guid)) {
        return true;
    }
    const char *numbers = body.ptr + EXTENSION_MARK_BYTES + I4_XMP_GUID_BYTES;
    size_t size = read_be(numbers, 4);
    size_t offset = read_be(numbers + 4, 4);
    size_t part = body.len - EXTENSION_HEAD_BYTES;
    if (size > I4_XMP_BYTES_MAX || offset > size || part > size - offset) {
        return true;
    }
    if (ext->bytes == NULL) {
        ext->bytes = i4_calloc(size, 1); /* parts may overlap and leave holes */
        ext->size = size;
        if (ext->bytes == NULL) {
            return i4_fail_memory(err, "the metadata of a JPEG picture", size);
        }
    }
    if (size == ext->size) {
        memcpy(ext->bytes + offset, body.ptr + EXTENSION_HEAD_BYTES, part);
        ext->filled += part;
    }
    return true;
}

static bool read_segment(const segment *seg, extension *ext, i4_gather *gather, i4_err *err) {
    if (seg->marker != APP1) {
        return true;
    }
    if (ext->guid.ptr == NULL && has_mark(seg->body, XMP_MARK, XMP_MARK_BYTES)) {
        i4_str packet = i4_str_of(seg->body.ptr + XMP_MARK_BYTES, seg->body.len - XMP_MARK_BYTES);
        ext->guid = i4_xmp_extended(packet);
        return i4_xmp_read(packet, gather, err);
    }
    if (ext->guid.ptr != NULL && has_mark(seg->body, EXTENSION_MARK, EXTENSION_MARK_BYTES)) {
        return add_part(ext, seg->body, err);
    }
    return true;
}

static bool read_segments(i4_str file, extension *ext, i4_gather *gather, i4_err *err) {
    segment seg;
    for (size_t pos = 2; next_segment(file, &pos, &seg);) {
        if (seg.marker == MARK_SCAN || seg.marker == MARK_END) {
            return ext->bytes == NULL || ext->filled < ext->size ||
                   i4_xmp_read(i4_str_of(ext->bytes, ext->size), gather, err);
        }
        if (!read_segment(&seg, ext, gather, err)) {
            return false;
        }
    }
    return i4_fail(err, I4_E_FORMAT, "the JPEG picture is damaged or cut short; use another copy");
}

static bool text(i4_str file, i4_gather *gather, i4_err *err) {
    extension ext = {0};
    bool ok = read_segments(file, &ext, gather, err);
    i4_free(ext.bytes);
    return ok;
}

/* --- what other programs write, and files without it ----------------------------------------- */

#define EXIF_MARK "Exif\0"

enum {
    EXIF_MARK_BYTES = sizeof EXIF_MARK, /* both NULs belong to the mark */
    APP2 = JPEG_APP0 + 2,
    APP14 = JPEG_APP0 + 14,
    APP15 = JPEG_APP0 + 15
};

static bool cut_short(i4_err *err) {
    return i4_fail(err, I4_E_FORMAT, "the JPEG picture is damaged or cut short; use another copy");
}

static bool foreign_segment(const segment *seg, i4_buf *xmp, i4_gather *gather, i4_err *err) {
    const i4_str body = seg->body;
    if (seg->marker == JPEG_COM) {
        return i4_gather_add(gather, i4_str_c("comment"), body, err);
    }
    if (seg->marker != APP1) {
        return true;
    }
    if (has_mark(body, EXIF_MARK, EXIF_MARK_BYTES)) {
        return i4_exif_read(i4_str_of(body.ptr + EXIF_MARK_BYTES, body.len - EXIF_MARK_BYTES),
                            gather, err);
    }
    if (has_mark(body, XMP_MARK, XMP_MARK_BYTES)) {
        i4_buf_add(xmp, body.ptr + XMP_MARK_BYTES, body.len - XMP_MARK_BYTES);
    } else if (has_mark(body, EXTENSION_MARK, EXTENSION_MARK_BYTES) &&
               body.len >= EXTENSION_HEAD_BYTES) {
        i4_buf_add(xmp, body.ptr + EXTENSION_HEAD_BYTES, body.len - EXTENSION_HEAD_BYTES);
    }
    return true;
}

/* Parts of a long packet come one after the other in every file seen. */
static bool foreign(i4_str file, i4_gather *gather, i4_err *err) {
    size_t pos = 2;
    segment seg;
    i4_buf xmp;
    i4_buf_init(&xmp, I4_XMP_BYTES_MAX);
    bool ok = true, found = false;
    while (ok && !found && next_segment(file, &pos, &seg)) {
        found = seg.marker == MARK_SCAN || seg.marker == MARK_END;
        ok = found || foreign_segment(&seg, &xmp, gather, err);
    }
    if (ok && xmp.len > 0) {
        ok = i4_gather_add(gather, i4_str_c("XMP"), i4_str_of(xmp.ptr, xmp.len), err);
    }
    i4_buf_free(&xmp);
    return ok && (found || cut_short(err));
}

static bool is_dropped(const segment *seg) {
    const bool is_application = seg->marker >= JPEG_APP0 && seg->marker <= APP15;
    const bool is_needed = seg->marker == JPEG_APP0 || seg->marker == APP14 ||
                           (seg->marker == APP2 && has_mark(seg->body, "ICC_PROFILE", 12));
    return seg->marker == JPEG_COM || (is_application && !is_needed);
}

/* Past the coded pixels that follow the head of a scan: up to the next marker. */
static size_t end_of_scan(i4_str file, size_t pos) {
    for (; pos + 1 < file.len; pos++) {
        const unsigned char next = (unsigned char)file.ptr[pos + 1];
        if ((unsigned char)file.ptr[pos] == 0xFF && next != 0 && next != 0xFF &&
            !(next >= MARK_RST0 && next < MARK_RST0 + 8)) {
            return pos;
        }
    }
    return file.len;
}

static bool strip(i4_str file, i4_buf *out, i4_err *err) {
    size_t pos = 2, start = 2;
    segment seg;
    i4_buf_add(out, file.ptr, 2);
    while (next_segment(file, &pos, &seg)) {
        if (seg.marker == MARK_SCAN) {
            pos = end_of_scan(file, pos);
        }
        if (!is_dropped(&seg)) {
            i4_buf_add(out, file.ptr + start, pos - start);
        }
        if (seg.marker == MARK_END) {
            return true;
        }
        start = pos;
    }
    return cut_short(err);
}

const i4_codec i4_codec_jpeg = {
    .encode = encode, .decode = decode, .text = text, .foreign = foreign, .strip = strip};
