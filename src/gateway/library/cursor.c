/* Cursors: a letter for the order, then numbers and bytes in hex. */
#include "gateway/library/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { TIME_BYTES = 64, NUMBER_DIGITS = 16 };
static const char letters[] = "nors"; /* by i4_sort */

static bool digit_of(char c, unsigned *out) {
    if (c >= '0' && c <= '9') {
        *out = (unsigned)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
        *out = (unsigned)(c - 'a') + 10;
    } else {
        return false;
    }
    return true;
}

static bool number_of(const char *text, int64_t *out) {
    uint64_t value = 0;
    unsigned digit;
    for (int i = 0; i < NUMBER_DIGITS; i++) {
        if (!digit_of(text[i], &digit)) {
            return false;
        }
        value = value << 4 | digit;
    }
    memcpy(out, &value, sizeof value);
    return true;
}

void i4_cursor_write(i4_sort sort, const i4_place *place, char out[I4_CURSOR_BYTES]) {
    snprintf(out, I4_CURSOR_BYTES, "%c%016" PRIx64 "%016" PRIx64 "%016" PRIx64, letters[sort],
             (uint64_t)place->first, (uint64_t)place->second, (uint64_t)place->third);
}

bool i4_cursor_read(const char *text, i4_sort sort, i4_place *place) {
    return strlen(text) == 1 + 3 * NUMBER_DIGITS && text[0] == letters[sort] &&
           number_of(text + 1, &place->first) &&
           number_of(text + 1 + NUMBER_DIGITS, &place->second) &&
           number_of(text + 1 + 2 * NUMBER_DIGITS, &place->third);
}

void i4_prompt_cursor_write(const char *saved_at, int64_t id, char out[I4_CURSOR_BYTES]) {
    size_t used = (size_t)snprintf(out, I4_CURSOR_BYTES, "p%016" PRIx64, (uint64_t)id);
    for (size_t i = 0; i < TIME_BYTES && saved_at[i]; i++) {
        used += (size_t)snprintf(out + used, I4_CURSOR_BYTES - used, "%02x",
                                 (unsigned)(unsigned char)saved_at[i]);
    }
}

bool i4_prompt_cursor_read(const char *text, char saved_at[I4_CURSOR_BYTES], int64_t *id) {
    const size_t length = strlen(text), head = 1 + NUMBER_DIGITS;
    if (length < head || length > head + 2 * TIME_BYTES || (length - head) % 2 != 0 ||
        text[0] != 'p' || !number_of(text + 1, id)) {
        return false;
    }
    size_t used = 0;
    for (size_t i = head; i < length; i += 2) {
        unsigned high, low;
        if (!digit_of(text[i], &high) || !digit_of(text[i + 1], &low) || high + low == 0) {
            return false;
        }
        saved_at[used++] = (char)(unsigned char)(high << 4 | low);
    }
    saved_at[used] = '\0';
    return true;
}
