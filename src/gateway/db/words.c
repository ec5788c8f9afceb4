/* How text becomes words, and how what a person types becomes expressions of FTS5. */
#include "gateway/db/words.h"

#include "base/memory.h"

#include <string.h>
#include <utf8proc.h>

enum {
    FOLD = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD,
    FOLD_MARKS = FOLD | UTF8PROC_STRIPMARK /* diacritics too */
};
static const char boundary[] = "\xE2\x90\x9F"; /* U+241F, which is in no word */

/* --- folding -------------------------------------------------------------------------------- */

/* Valid UTF-8 without NUL: anything else becomes a blank. */
static char *clean(const char *text, size_t *size) {
    const i4_str all = i4_str_c(text);
    char *out = i4_malloc(all.len + 1);
    for (size_t at = 0; out && at < all.len;) {
        const size_t before = at;
        uint32_t code_point;
        if (i4_utf8_next(all, &at, &code_point)) {
            memcpy(out + before, text + before, at - before);
        } else {
            out[before] = ' ';
            at = before + 1;
        }
    }
    *size = all.len;
    return out;
}

/* The folded code points of a text, as UTF-8 (i4_free); NULL: no memory. */
static char *fold(const char *text, int flags, size_t *size) {
    const utf8proc_option_t options = (utf8proc_option_t)flags;
    size_t clean_size;
    char *plain = clean(text, &clean_size);
    if (!plain) {
        return NULL;
    }
    const utf8proc_uint8_t *bytes = (const utf8proc_uint8_t *)plain;
    const utf8proc_ssize_t length = (utf8proc_ssize_t)clean_size;
    const utf8proc_ssize_t count = utf8proc_decompose(bytes, length, NULL, 0, options);
    utf8proc_int32_t *points = count >= 0 ? i4_malloc(((size_t)count + 1) * sizeof *points) : NULL;
    utf8proc_ssize_t folded = -1;
    if (points && utf8proc_decompose(bytes, length, points, count, options) == count) {
        folded = utf8proc_reencode(points, count, options);
    }
    i4_free(plain);
    if (folded < 0) {
        i4_free(points);
        return NULL;
    }
    *size = (size_t)folded;
    return (char *)points;
}

char *i4_words_key(const char *text) {
    size_t size;
    char *key = fold(text, FOLD, &size);
    if (!key) {
        return NULL;
    }
    size_t start = 0;
    while (start < size && key[start] == ' ') {
        start++;
    }
    while (size > start && key[size - 1] == ' ') {
        size--;
    }
    memmove(key, key + start, size - start);
    key[size - start] = '\0';
    return key;
}

/* --- words ---------------------------------------------------------------------------------- */

typedef enum kind { BLANK, LETTER, ALONE } kind;

static bool within(uint32_t c, uint32_t first, uint32_t last) {
    return c >= first && c <= last;
}

/* Scripts that are written without blanks between words. */
static bool stands_alone(uint32_t c) {
    return within(c, 0x0E00, 0x0EFF) ||                              /* Thai, Lao */
           within(c, 0x1000, 0x109F) ||                              /* Burmese */
           within(c, 0x1100, 0x11FF) ||                              /* Hangul letters */
           within(c, 0x1780, 0x17FF) ||                              /* Khmer */
           within(c, 0x2E80, 0xA4CF) ||                              /* CJK, kana, Bopomofo, Yi */
           within(c, 0xA960, 0xA97F) || within(c, 0xAC00, 0xD7FF) || /* Hangul */
           within(c, 0xF900, 0xFAFF) || within(c, 0x1AFF0, 0x1B2FF) || within(c, 0x20000, 0x3FFFF);
}

static kind kind_of(uint32_t c) {
    if (c < 0x80) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ? LETTER : BLANK;
    }
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return stands_alone(c) ? ALONE : LETTER;
    case UTF8PROC_CATEGORY_SO: /* emoji */
        return c == 0x241F ? BLANK : ALONE;
    default:
        return BLANK;
    }
}

/* Words of folded text with a blank before each; *last: what the last one is made of. */
static void split(i4_str text, i4_buf *out, kind *last) {
    kind before = BLANK;
    *last = BLANK;
    for (size_t at = 0; at < text.len;) {
        const size_t start = at;
        uint32_t c;
        if (!i4_utf8_next(text, &at, &c)) {
            return; /* does not happen: it was made by fold */
        }
        const kind now = kind_of(c);
        if (now != BLANK) {
            if (now == ALONE || before != LETTER) {
                i4_buf_addc(out, ' ');
            }
            i4_buf_add(out, text.ptr + start, at - start);
            *last = now;
        }
        before = now;
    }
}

/* Words of a text in `out`, which may grow without a limit of its own. */
static bool words_of(const char *text, i4_buf *out, kind *last) {
    size_t size;
    char *folded = fold(text, FOLD_MARKS, &size);
    if (!folded) {
        return false;
    }
    split(i4_str_of(folded, size), out, last);
    i4_free(folded);
    return !out->failed;
}

void i4_words_add(i4_buf *out, const char *text) {
    i4_buf words;
    kind last;
    if (!text || !text[0] || out->failed || strlen(text) > I4_WORDS_BYTES) {
        return;
    }
    /* a blank before each byte, and compatible forms are up to 18 letters long */
    i4_buf_init(&words, 64 * strlen(text) + 64);
    if (!words_of(text, &words, &last)) {
        out->failed = true;
    } else if (words.len > 0 && out->len + words.len < I4_WORDS_BYTES) {
        i4_buf_add(out, words.ptr, words.len);
        i4_buf_addc(out, ' ');
        i4_buf_adds(out, boundary);
    }
    i4_buf_free(&words);
}

/* --- forms and captions --------------------------------------------------------------------- */

static const char *text_at(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void add_elements(i4_buf *out, const json_t *list) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *element = json_array_get(list, i);
        i4_words_add(out, text_at(element, "text"));
        i4_words_add(out, text_at(element, "desc"));
    }
}

static void add_caption_object(i4_buf *out, const json_t *caption) {
    const json_t *parts = json_object_get(caption, "compositional_deconstruction");
    i4_words_add(out, text_at(caption, "high_level_description"));
    i4_words_add(out, text_at(parts, "background"));
    add_elements(out, json_object_get(parts, "elements"));
}

void i4_words_add_caption(i4_buf *out, const char *caption) {
    json_t *object = caption ? json_loads(caption, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(object)) {
        add_caption_object(out, object);
    } else if (json_is_string(object)) {
        i4_words_add(out, json_string_value(object));
    } else {
        i4_words_add(out, caption);
    }
    json_decref(object);
}

void i4_words_add_form(i4_buf *out, const char *form_json) {
    json_t *form = form_json ? json_loads(form_json, 0, NULL) : NULL;
    const char *raw = text_at(form, "rawJson");
    json_t *caption = raw && raw[0] ? json_loads(raw, 0, NULL) : NULL;
    if (json_is_object(caption)) {
        add_caption_object(out, caption);
    } else {
        i4_words_add(out, text_at(form, "hld"));
        i4_words_add(out, text_at(form, "bg"));
        add_elements(out, json_object_get(form, "els"));
    }
    json_decref(caption);
    json_decref(form);
}

/* --- what a person types -------------------------------------------------------------------- */

/* Words hold letters, digits and bytes beyond ASCII only: between quotes they are nothing but
 * words to FTS5. */
static void add_term(i4_terms *terms, const char *text, size_t size, bool is_phrase) {
    i4_buf words, match;
    kind last = BLANK;
    char *copy = i4_malloc(size + 1);
    if (!copy) {
        terms->out_of_memory = true;
        return;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    i4_buf_init(&words, 64 * size + 64);
    i4_buf_init(&match, 64 * size + 128);
    const bool good = words_of(copy, &words, &last);
    i4_free(copy);
    if (good && words.len > 0) {
        i4_buf_addf(&match, "\"%s\"%s", words.ptr + 1, is_phrase || last == ALONE ? "" : " *");
        terms->too_many = terms->too_many || terms->count == I4_QUERY_TERMS;
        if (!terms->too_many) {
            terms->match[terms->count] = i4_buf_take(&match, NULL);
            terms->out_of_memory = terms->out_of_memory || !terms->match[terms->count];
            terms->count += terms->match[terms->count] != NULL;
        }
    }
    terms->out_of_memory = terms->out_of_memory || !good;
    i4_buf_free(&words);
    i4_buf_free(&match);
}

void i4_terms_read(i4_terms *terms, const char *query) {
    *terms = (i4_terms){.is_blank = true};
    while (*query) {
        if (*query == ' ' || *query == '\t' || *query == '\n' || *query == '\r') {
            query++;
            continue;
        }
        terms->is_blank = false;
        const bool is_phrase = *query == '"';
        query += is_phrase;
        const size_t size = strcspn(query, is_phrase ? "\"" : " \t\r\n\"");
        add_term(terms, query, size, is_phrase);
        query += size;
        query += is_phrase && *query == '"';
    }
}

void i4_terms_free(i4_terms *terms) {
    for (int i = 0; i < terms->count; i++) {
        i4_free(terms->match[i]);
    }
    terms->count = 0;
}
