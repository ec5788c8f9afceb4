/* WebP through libwebp; its container is assembled by libwebpmux and, for text, walked here. */
#include "image/codec.h"
#include "image/xmp.h"

#include "base/limits.h"
#include "base/memory.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/encode.h>
#include <webp/mux.h>

/* --- encoding ---------------------------------------------------------------------------- */

static int add_output(const uint8_t *bytes, size_t size, const WebPPicture *picture) {
    i4_buf *out = picture->custom_ptr;
    i4_buf_add(out, bytes, size);
    return !out->failed;
}

static bool fail_encoding(WebPEncodingError error, const i4_buf *out, i4_err *err) {
    if (out->failed) {
        return i4_image_fail_output(out, err);
    }
    if (error == VP8_ENC_ERROR_OUT_OF_MEMORY || error == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY) {
        return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for writing a WebP picture");
    }
    return i4_fail(err, I4_E_INTERNAL, "the WebP picture cannot be written (libwebp: error %d)",
                   (int)error);
}

enum { METHOD = 4, QUICK_METHOD = 1 }; /* of libwebp: time for size, 0 to 6 */

/* A whole file without metadata. */
static bool encode_pixels(const i4_image *image, int quality, int method, i4_buf *out,
                          i4_err *err) {
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, (float)quality) ||
        !WebPPictureInit(&picture)) {
        return i4_fail(err, I4_E_INTERNAL, "the installed libwebp does not fit this program");
    }
    config.method = method;
    picture.width = image->width;
    picture.height = image->height;
    picture.writer = add_output;
    picture.custom_ptr = out;
    bool imported = WebPPictureImportRGB(&picture, image->rgb, 3 * image->width);
    bool ok = imported && WebPEncode(&config, &picture);
    WebPPictureFree(&picture);
    return ok ||
           fail_encoding(imported ? picture.error_code : VP8_ENC_ERROR_OUT_OF_MEMORY, out, err);
}

/* Appends to out the file `plain` with the packet in it. */
static bool assemble(const i4_buf *plain, const i4_buf *packet, i4_buf *out, i4_err *err) {
    WebPData image = {.bytes = (const uint8_t *)plain->ptr, .size = plain->len};
    WebPData xmp = {.bytes = (const uint8_t *)packet->ptr, .size = packet->len};
    WebPData file = {0};
    WebPMux *mux = WebPMuxNew();
    /* All inputs are known to be sound, so that only memory can be missing. */
    bool ok = mux != NULL && WebPMuxSetImage(mux, &image, 0) == WEBP_MUX_OK &&
              WebPMuxSetChunk(mux, "XMP ", &xmp, 0) == WEBP_MUX_OK &&
              WebPMuxAssemble(mux, &file) == WEBP_MUX_OK;
    if (ok) {
        i4_buf_add(out, file.bytes, file.size);
    }
    WebPDataClear(&file);
    WebPMuxDelete(mux);
    if (!ok) {
        return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for writing a WebP picture");
    }
    return !out->failed || i4_image_fail_output(out, err);
}

static bool encode_with_pairs(const i4_image *image, int quality, const i4_pair *pairs,
                              size_t pair_count, i4_buf *out, i4_err *err) {
    i4_buf packet;
    i4_buf plain;
    i4_buf_init(&packet, I4_XMP_BYTES_MAX);
    i4_buf_init(&plain, out->limit);
    i4_xmp_packet(&packet, pairs, pair_count, NULL);
    bool ok = !packet.failed || i4_fail_memory(err, "the metadata of a WebP picture", packet.len);
    ok = ok && encode_pixels(image, quality, METHOD, &plain, err) &&
         assemble(&plain, &packet, out, err);
    i4_buf_free(&plain);
    i4_buf_free(&packet);
    return ok;
}

static bool encode(const i4_image *image, int quality, const i4_pair *pairs, size_t pair_count,
                   i4_buf *out, i4_err *err) {
    if (image->width > WEBP_MAX_DIMENSION || image->height > WEBP_MAX_DIMENSION) {
        return i4_fail(err, I4_E_UNSUPPORTED,
                       "a WebP picture has at most %d pixels a side, this one is %d x %d; choose "
                       "PNG or JPEG",
                       WEBP_MAX_DIMENSION, image->width, image->height);
    }
    return pair_count == 0 ? encode_pixels(image, quality, METHOD, out, err)
                           : encode_with_pairs(image, quality, pairs, pair_count, out, err);
}

bool i4_image_encode_quick(const i4_image *image, int quality, uint8_t **bytes, size_t *size,
                           i4_err *err) {
    i4_buf out;
    i4_buf_init(&out, I4_LIMIT_IMAGE_FILE_BYTES);
    const bool ok = encode_pixels(image, quality, QUICK_METHOD, &out, err);
    if (ok) {
        *bytes = (uint8_t *)i4_buf_take(&out, size);
    }
    i4_buf_free(&out);
    return ok;
}

/* --- decoding ---------------------------------------------------------------------------- */

static bool fail_decoding(VP8StatusCode status, i4_err *err) {
    if (status == VP8_STATUS_OUT_OF_MEMORY) {
        return i4_fail(err, I4_E_OUT_OF_MEMORY, "not enough memory for reading a WebP picture");
    }
    return i4_fail(err, I4_E_FORMAT, "the WebP picture is damaged or cut short; use another copy");
}

/* Into a picture of 3 or 4 channels, made for it. */
static VP8StatusCode decode_into(i4_str file, WebPDecoderConfig *config, i4_image *image,
                                 int channels) {
    config->output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config->output.is_external_memory = 1;
    config->output.u.RGBA.rgba = image->rgb;
    config->output.u.RGBA.stride = channels * image->width; /* of the size that comes out */
    config->output.u.RGBA.size = (size_t)channels * (size_t)image->width * (size_t)image->height;
    VP8StatusCode status = WebPDecode((const uint8_t *)file.ptr, file.len, config);
    WebPFreeDecBuffer(&config->output);
    return status;
}

/* The size that comes out: libwebp makes means of areas while it decodes. */
static void choose_scale(WebPDecoderConfig *config, int side, int *width, int *height) {
    *width = config->input.width;
    *height = config->input.height;
    const int longer = *width > *height ? *width : *height;
    if (side <= 0 || longer <= side) {
        return;
    }
    *width = (int)(((int64_t)*width * side + longer / 2) / longer);
    *height = (int)(((int64_t)*height * side + longer / 2) / longer);
    *width = *width > 0 ? *width : 1;
    *height = *height > 0 ? *height : 1;
    config->options.use_scaling = 1;
    config->options.scaled_width = *width;
    config->options.scaled_height = *height;
}

static bool decode(i4_str file, int side, i4_image *image, i4_err *err) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return i4_fail(err, I4_E_INTERNAL, "the installed libwebp does not fit this program");
    }
    const WebPBitstreamFeatures *features = &config.input;
    VP8StatusCode status = WebPGetFeatures((const uint8_t *)file.ptr, file.len, &config.input);
    if (status != VP8_STATUS_OK) {
        return fail_decoding(status, err);
    }
    if (features->has_animation) {
        return i4_fail(err, I4_E_UNSUPPORTED,
                       "the WebP picture is animated; save one frame of it as a picture");
    }
    int channels = features->has_alpha ? 4 : 3;
    int width, height;
    choose_scale(&config, side, &width, &height);
    if (!i4_image_fits((uint64_t)features->width, (uint64_t)features->height, err) ||
        !i4_image_new_channels(image, width, height, channels, err)) {
        return false;
    }
    status = decode_into(file, &config, image, channels);
    if (status != VP8_STATUS_OK) {
        i4_image_free(image);
        return fail_decoding(status, err);
    }
    if (channels == 4) {
        i4_image_flatten(image);
    }
    return true;
}

/* --- text -------------------------------------------------------------------------------- */

enum { RIFF_HEAD_BYTES = 12, CHUNK_HEAD_BYTES = 8 };

static size_t read_le32(const char *p) {
    const unsigned char *b = (const unsigned char *)p;
    return (size_t)b[0] | (size_t)b[1] << 8 | (size_t)b[2] << 16 | (size_t)b[3] << 24;
}

typedef struct riff_chunk {
    i4_str name, whole, body; /* whole with its head, without the byte that fills up */
} riff_chunk;

/* The chunk at *pos, and *pos past it. False at the end, and with *ok false where none fits. */
static bool next_chunk(i4_str file, size_t *pos, riff_chunk *chunk, bool *ok) {
    const size_t riff_bytes = read_le32(file.ptr + 4);
    *ok = riff_bytes >= 4 && riff_bytes <= file.len - CHUNK_HEAD_BYTES;
    const size_t end = *ok ? CHUNK_HEAD_BYTES + riff_bytes : 0;
    if (*pos >= end) {
        return false;
    }
    const size_t left = end - *pos;
    const char *at = file.ptr + *pos;
    *ok = left >= CHUNK_HEAD_BYTES && read_le32(at + 4) <= left - CHUNK_HEAD_BYTES;
    if (!*ok) {
        return false;
    }
    const size_t size = read_le32(at + 4);
    chunk->name = i4_str_of(at, 4);
    chunk->whole = i4_str_of(at, CHUNK_HEAD_BYTES + size);
    chunk->body = i4_str_of(at + CHUNK_HEAD_BYTES, size);
    *pos += CHUNK_HEAD_BYTES + size + (size & 1); /* chunks begin at even places */
    return true;
}

static bool foreign(i4_str file, i4_gather *gather, i4_err *err) {
    size_t pos = RIFF_HEAD_BYTES;
    riff_chunk chunk;
    bool ok, fine = true;
    while (fine && next_chunk(file, &pos, &chunk, &ok)) {
        if (i4_str_starts(chunk.name, "XMP")) {
            fine = i4_gather_add(gather, i4_str_c("XMP"), chunk.body, err);
        } else if (i4_str_is(chunk.name, "EXIF")) {
            fine = i4_exif_read(chunk.body, gather, err);
        }
    }
    return fine && (ok || fail_decoding(VP8_STATUS_NOT_ENOUGH_DATA, err));
}

enum { VP8X_BYTES = CHUNK_HEAD_BYTES + 10, FLAG_XMP = 4, FLAG_EXIF = 8 };

static bool is_kept(const riff_chunk *chunk) {
    static const char *const kept[] = {"VP8 ", "VP8L", "VP8X", "ALPH", "ICCP", "ANIM", "ANMF"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        if (i4_str_is(chunk->name, kept[i])) {
            return true;
        }
    }
    return false;
}

static void add_kept(const riff_chunk *chunk, i4_buf *out) {
    const size_t start = out->len;
    i4_buf_add(out, chunk->whole.ptr, chunk->whole.len);
    if (chunk->whole.len & 1) {
        i4_buf_addc(out, '\0');
    }
    if (!out->failed && i4_str_is(chunk->name, "VP8X") && chunk->whole.len == VP8X_BYTES) {
        char *flags = out->ptr + start + CHUNK_HEAD_BYTES;
        *flags = (char)(*flags & ~(FLAG_XMP | FLAG_EXIF));
    }
}

static bool strip(i4_str file, i4_buf *out, i4_err *err) {
    size_t pos = RIFF_HEAD_BYTES;
    riff_chunk chunk;
    bool ok;
    i4_buf_add(out, file.ptr, RIFF_HEAD_BYTES);
    while (next_chunk(file, &pos, &chunk, &ok)) {
        if (is_kept(&chunk)) {
            add_kept(&chunk, out);
        }
    }
    for (int i = 0; !out->failed && i < 4; i++) {
        out->ptr[4 + i] = (char)((out->len - CHUNK_HEAD_BYTES) >> 8 * i & 0xFF);
    }
    return ok || fail_decoding(VP8_STATUS_NOT_ENOUGH_DATA, err);
}

static bool text(i4_str file, i4_gather *gather, i4_err *err) {
    size_t pos = RIFF_HEAD_BYTES;
    riff_chunk chunk;
    bool ok;
    while (next_chunk(file, &pos, &chunk, &ok)) {
        /* "XMP " by the format; a widespread program writes a NUL for the blank. */
        if (i4_str_starts(chunk.name, "XMP")) {
            return i4_xmp_read(chunk.body, gather, err);
        }
    }
    return ok || fail_decoding(VP8_STATUS_NOT_ENOUGH_DATA, err);
}

const i4_codec i4_codec_webp = {
    .encode = encode, .decode = decode, .text = text, .foreign = foreign, .strip = strip};
