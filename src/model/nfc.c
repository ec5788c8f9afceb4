/* NFC: decompose, put marks in canonical order, compose. The tables are utf8proc's.
 *
 * The ordering is our own because utf8proc's takes quadratic time on a long run of marks in
 * descending order, which a hostile prompt may hold; here a run is sorted by counting. */
#include "model/nfc.h"
#include "base/checked.h"
#include "base/memory.h"

#include <string.h>
#include <utf8proc.h>

enum { CLASSES = 256, OPTIONS = UTF8PROC_STABLE | UTF8PROC_COMPOSE };

static bool is_ascii(i4_str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

/* Writes the canonical decomposition (not yet in order) to dst[capacity] and returns its length;
 * with capacity 0 only counts. */
static size_t decompose(i4_str text, utf8proc_int32_t *dst, size_t capacity) {
    size_t count = 0, pos = 0;
    uint32_t c;
    int boundary = 0; /* of graphemes; utf8proc wants a place for it */
    while (i4_utf8_next(text, &pos, &c)) {
        const size_t room = count < capacity ? capacity - count : 0;
        const utf8proc_ssize_t n =
            utf8proc_decompose_char((utf8proc_int32_t)c, room ? dst + count : NULL,
                                    (utf8proc_ssize_t)room, (utf8proc_option_t)OPTIONS, &boundary);
        count += n > 0 ? (size_t)n : 0;
    }
    return count;
}

static unsigned combining_class(utf8proc_int32_t c) {
    return (unsigned)utf8proc_get_property(c)->combining_class % CLASSES;
}

/* Sorts one run of marks by class, equals in their old order. scratch: [count]. */
static void sort_run(utf8proc_int32_t *run, size_t count, utf8proc_int32_t *scratch) {
    size_t start[CLASSES + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        start[combining_class(run[i]) + 1]++;
    }
    for (size_t k = 0; k < CLASSES; k++) {
        start[k + 1] += start[k];
    }
    memcpy(scratch, run, count * sizeof *run);
    for (size_t i = 0; i < count; i++) {
        run[start[combining_class(scratch[i])]++] = scratch[i];
    }
}

/* Every run of code points of class other than 0 is sorted on its own. */
static void order_marks(utf8proc_int32_t *text, size_t count, utf8proc_int32_t *scratch) {
    for (size_t i = 0; i < count; i++) {
        const size_t begin = i;
        bool is_ordered = true;
        unsigned last = 0, now;
        for (; i < count && (now = combining_class(text[i])) != 0; i++, last = now) {
            is_ordered = is_ordered && now >= last;
        }
        if (!is_ordered) {
            sort_run(text + begin, i - begin, scratch);
        }
    }
}

bool i4_nfc(i4_str text, i4_buf *out, i4_err *err) {
    if (is_ascii(text)) {
        i4_buf_add(out, text.ptr, text.len);
        return !out->failed || i4_fail_memory(err, "normalised text", text.len);
    }
    const size_t count = decompose(text, NULL, 0);
    size_t bytes;
    if (!i4_mul_size(count, 2 * sizeof(utf8proc_int32_t), &bytes)) {
        return i4_fail_memory(err, "normalised text", count);
    }
    utf8proc_int32_t *points = i4_malloc(bytes);
    if (!points) {
        return i4_fail_memory(err, "normalised text", bytes);
    }
    decompose(text, points, count);
    order_marks(points, count, points + count);
    const utf8proc_ssize_t composed =
        utf8proc_normalize_utf32(points, (utf8proc_ssize_t)count, (utf8proc_option_t)OPTIONS);
    for (utf8proc_ssize_t i = 0; i < composed; i++) {
        i4_buf_add_utf8(out, (uint32_t)points[i]);
    }
    i4_free(points);
    return !out->failed || i4_fail_memory(err, "normalised text", bytes);
}
