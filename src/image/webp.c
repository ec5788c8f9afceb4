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

/* A whole file without metadata. */
static bool encode_pixels(const i4_image *image, int quality, i4_buf *out, i4_err *err) {
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigPreset(&config, WEBP_PRESET_DEFAULT, (float)quality) ||
        !WebPPictureInit(&picture)) {
        return i4_fail(err, I4_E_INTERNAL, "the installed libwebp does not fit this program");
    }
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
    ok = ok && encode_pixels(image, quality, &plain, err) && assemble(&plain, &packet, out, err);
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
    return pair_count == 0 ? encode_pixels(image, quality, out, err)
                           : encode_with_pairs(image, quality, pairs, pair_count, out, err);
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
    config->output.u.RGBA.stride = channels * image->width;
    config->output.u.RGBA.size = (size_t)channels * (size_t)image->width * (size_t)image->height;
    VP8StatusCode status = WebPDecode((const uint8_t *)file.ptr, file.len, config);
    WebPFreeDecBuffer(&config->output);
    return status;
}

static bool decode(i4_str file, i4_image *image, i4_err *err) {
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
    if (!i4_image_fits((uint64_t)features->width, (uint64_t)features->height, err) ||
        !i4_image_new_channels(image, features->width, features->height, channels, err)) {
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

static bool text(i4_str file, i4_gather *gather, i4_err *err) {
    size_t riff_bytes = read_le32(file.ptr + 4);
    if (riff_bytes < 4 || riff_bytes > file.len - CHUNK_HEAD_BYTES) {
        return fail_decoding(VP8_STATUS_NOT_ENOUGH_DATA, err);
    }
    size_t end = CHUNK_HEAD_BYTES + riff_bytes;
    size_t pos = RIFF_HEAD_BYTES;
    while (pos < end) {
        size_t left = end - pos;
        const char *chunk = file.ptr + pos;
        if (left < CHUNK_HEAD_BYTES || read_le32(chunk + 4) > left - CHUNK_HEAD_BYTES) {
            return fail_decoding(VP8_STATUS_NOT_ENOUGH_DATA, err);
        }
        size_t size = read_le32(chunk + 4);
        /* "XMP " by the format; a widespread program writes a NUL for the blank. */
        if (memcmp(chunk, "XMP", 3) == 0) {
            return i4_xmp_read(i4_str_of(chunk + CHUNK_HEAD_BYTES, size), gather, err);
        }
        pos += CHUNK_HEAD_BYTES + size + (size & 1); /* chunks begin at even places */
    }
    return true;
}

const i4_codec i4_codec_webp = {.encode = encode, .decode = decode, .text = text};
