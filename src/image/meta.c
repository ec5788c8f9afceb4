/* Text in blocks of EXIF. Its directories are not walked: what is sought is text that programs put
 * into a comment, in whatever field, and a search in it does not mind other bytes around it. */
#include "image/codec.h"

#include "base/limits.h"

#include <string.h>

static const char key[] = "EXIF";
/* A comment of two bytes a character begins so; there is no other sign of it. */
static const char wide_mark[] = "UNICODE";

static const char *find_mark(i4_str block) {
    for (size_t i = 0; i + sizeof wide_mark <= block.len; i++) {
        if (memcmp(block.ptr + i, wide_mark, sizeof wide_mark) == 0) {
            return block.ptr + i;
        }
    }
    return NULL;
}

/* Most programs write the high byte first whatever the rest of the block does: so it is looked
 * which of the two is zero more often. */
static bool is_high_first(i4_str text) {
    size_t first = 0, second = 0;
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        first += text.ptr[i] == 0;
        second += text.ptr[i + 1] == 0;
    }
    return first >= second;
}

static void add_wide(i4_buf *out, i4_str text) {
    const size_t high = is_high_first(text) ? 0 : 1;
    uint32_t lead = 0;
    for (size_t i = 0; i + 1 < text.len && !out->failed; i += 2) {
        const uint32_t unit = (uint32_t)(unsigned char)text.ptr[i + high] << 8 |
                              (unsigned char)text.ptr[i + 1 - high];
        if (unit >= 0xD800 && unit < 0xDC00) {
            lead = unit;
        } else if (lead != 0 && unit >= 0xDC00 && unit < 0xE000) {
            i4_buf_add_utf8(out, 0x10000 + ((lead - 0xD800) << 10) + (unit - 0xDC00));
            lead = 0;
        } else {
            i4_buf_add_utf8(out, unit == 0 ? ' ' : unit);
            lead = 0;
        }
    }
}

bool i4_exif_read(i4_str block, i4_gather *gather, i4_err *err) {
    const char *mark = find_mark(block);
    if (mark == NULL) {
        return i4_gather_add(gather, i4_str_c(key), block, err);
    }
    const size_t start = (size_t)(mark - block.ptr) + sizeof wide_mark;
    i4_buf text;
    i4_buf_init(&text, 2 * (size_t)I4_LIMIT_METADATA_BYTES);
    add_wide(&text, i4_str_of(block.ptr + start, block.len - start));
    const bool ok = text.failed
                        ? i4_image_fail_output(&text, err)
                        : i4_gather_add(gather, i4_str_c(key), i4_str_of(text.ptr, text.len), err);
    i4_buf_free(&text);
    return ok;
}
