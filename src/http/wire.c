/* JSON in and out. Reading is jansson's after one pass over the bytes that bounds depth and keys;
 * writing is ours, for jansson prints 0.6 as 0.59999999999999998. */
#include "http/wire.h"
#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading ------------------------------------------------------------------------------- */

typedef struct scan {
    const char *text;
    size_t size, pos;
    size_t copied; /* bytes of text that are in `mended` already */
    i4_buf mended; /* empty unless a number had to be changed */
    size_t depth, keys;
} scan;

static void skip_string(scan *s) {
    for (s->pos++; s->pos < s->size && s->text[s->pos] != '"'; s->pos++) {
        s->pos += s->text[s->pos] == '\\';
    }
    s->pos += s->pos < s->size;
    if (s->pos > s->size) {
        s->pos = s->size; /* the text ended after a backslash */
    }
}

/* digits: of a whole number without sign */
static bool is_beyond_64_bits(const char *digits, size_t count, bool is_negative) {
    char text[24] = "-";
    while (count > 0 && *digits == '0') {
        digits++;
        count--;
    }
    if (count > 19) {
        return true;
    }
    memcpy(text + 1, digits, count);
    text[1 + count] = '\0';
    errno = 0;
    (void)strtoll(text + (is_negative ? 0 : 1), NULL, 10);
    return errno == ERANGE;
}

/* jansson refuses whole numbers beyond 64 bits, which are numbers all the same: "e0" makes them
 * real ones, and the field that gets them says that they are too large. */
static void pass_number(scan *s) {
    const size_t start = s->pos;
    while (s->pos < s->size && s->text[s->pos] && strchr("+-.eE0123456789", s->text[s->pos])) {
        s->pos++;
    }
    const bool is_negative = s->text[start] == '-';
    const size_t first = start + is_negative, count = s->pos - first;
    size_t digits = 0;
    while (digits < count && s->text[first + digits] >= '0' && s->text[first + digits] <= '9') {
        digits++;
    }
    if (digits == count && is_beyond_64_bits(s->text + first, count, is_negative)) {
        i4_buf_add(&s->mended, s->text + s->copied, s->pos - s->copied);
        i4_buf_adds(&s->mended, "e0");
        s->copied = s->pos;
    }
}

/* Depth and keys of text that may be no JSON at all: then jansson says so afterwards. */
static bool scan_text(scan *s) {
    while (s->pos < s->size) {
        const char c = s->text[s->pos];
        if (c == '"') {
            skip_string(s);
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            pass_number(s);
        } else {
            s->depth += c == '{' || c == '[';
            s->depth -= (c == '}' || c == ']') && s->depth > 0;
            s->keys += c == ':';
            if (s->depth > I4_WIRE_DEPTH || s->keys > I4_WIRE_KEYS) {
                return false;
            }
            s->pos++;
        }
    }
    if (s->copied > 0) {
        i4_buf_add(&s->mended, s->text + s->copied, s->size - s->copied);
    }
    return true;
}

static void tell(json_error_t *error, const char *text) {
    if (error) {
        memset(error, 0, sizeof *error);
        snprintf(error->text, sizeof error->text, "%s", text);
    }
}

static int code_points(const char *text, size_t size) {
    int count = 0;
    for (size_t i = 0; i < size; i++) {
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return count;
}

static i4_wire_result parse(const char *text, size_t size, json_t **value, json_error_t *error) {
    json_error_t found;
    *value = json_loadb(text, size, JSON_DECODE_ANY, &found);
    if (*value) {
        return I4_WIRE_OK;
    }
    /* The parser names what is wrong with a text; without a name it was memory. */
    if (json_error_code(&found) == json_error_out_of_memory || !found.text[0]) {
        tell(error, "not enough memory");
        return I4_WIRE_MEMORY;
    }
    const size_t position = found.position > 0 ? (size_t)found.position : 0;
    found.position = code_points(text, position < size ? position : size);
    if (error) {
        *error = found;
    }
    return I4_WIRE_INVALID;
}

i4_wire_result i4_wire_read(const char *text, size_t size, json_t **value, json_error_t *error) {
    static const char mark[] = "\xef\xbb\xbf"; /* byte order mark */
    *value = NULL;
    tell(error, "");
    if (size >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        size -= 3;
    }
    if (!i4_utf8_valid(i4_str_of(text, size))) {
        tell(error, "the text is not UTF-8");
        return I4_WIRE_ENCODING;
    }
    scan s = {.text = text, .size = size};
    i4_buf_init(&s.mended, SIZE_MAX / 2);
    i4_wire_result result;
    if (!scan_text(&s)) {
        tell(error, s.depth > I4_WIRE_DEPTH ? "nested too deeply" : "too many keys");
        result = I4_WIRE_LIMIT;
    } else if (s.mended.failed) {
        tell(error, "not enough memory");
        result = I4_WIRE_MEMORY;
    } else if (s.copied > 0) {
        result = parse(s.mended.ptr, s.mended.len, value, error);
    } else {
        result = parse(text, size, value, error);
    }
    i4_buf_free(&s.mended);
    return result;
}

/* --- writing ------------------------------------------------------------------------------- */

static const i4_wire_style wire_style = {.comma = ",", .colon = ":", .string_limit = 0};

/* What a caller's value can nest to at most: a request's body inside an answer, and some. */
enum { WRITE_DEPTH = 2 * I4_WIRE_DEPTH };

static void write_string(const char *text, size_t size, size_t limit, i4_buf *out) {
    static const char named[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    const bool is_cut = limit > 0 && size > limit;
    if (is_cut) {
        size = limit;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
            size--; /* not inside a character */
        }
    }
    i4_buf_addc(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        i4_buf_add(out, text + plain, i - plain);
        plain = i + 1;
        const char *pair = named;
        while (*pair && (unsigned char)*pair != c) {
            pair += 2;
        }
        if (*pair) {
            i4_buf_addc(out, '\\');
            i4_buf_addc(out, pair[1]);
        } else {
            i4_buf_addf(out, "\\u%04x", (unsigned)c);
        }
    }
    i4_buf_add(out, text + plain, size - plain);
    i4_buf_adds(out, is_cut ? "\xe2\x80\xa6\"" : "\"");
}

/* The shortest digits that read back, laid out as in "0.6", "1.0", "1e+16", "1e-05". */
static void write_real(double value, i4_buf *out) {
    char text[40];
    int precision = 0;
    do {
        snprintf(text, sizeof text, "%.*e", precision, value);
    } while (++precision < 17 && strtod(text, NULL) != value);
    const char *mark = strchr(text, 'e');
    const long exponent = mark ? strtol(mark + 1, NULL, 10) : 0;
    if (exponent >= -4 && exponent < 16) {
        const int decimals = precision - 1 - (int)exponent;
        snprintf(text, sizeof text, "%.*f", decimals > 1 ? decimals : 1, value);
    }
    i4_buf_adds(out, text);
}

static void write_scalar(const json_t *value, const i4_wire_style *style, i4_buf *out) {
    switch (json_typeof(value)) {
    case JSON_STRING:
        write_string(json_string_value(value), json_string_length(value), style->string_limit, out);
        break;
    case JSON_INTEGER:
        i4_buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(json_real_value(value), out);
        break;
    case JSON_TRUE:
        i4_buf_adds(out, "true");
        break;
    case JSON_FALSE:
        i4_buf_adds(out, "false");
        break;
    default:
        i4_buf_adds(out, "null");
        break;
    }
}

typedef struct level {
    json_t *value;
    void *iter;   /* of an object: what comes next */
    size_t index; /* how many are written */
} level;

static level enter(const json_t *value, i4_buf *out) {
    json_t *container = (json_t *)value; /* jansson iterates over non-const only; none is changed */
    i4_buf_addc(out, json_is_object(value) ? '{' : '[');
    return (level){.value = container, .iter = json_object_iter(container)};
}

/* The next member, its key written; NULL at the end, the bracket written. */
static const json_t *next_member(level *at, const i4_wire_style *style, i4_buf *out) {
    const json_t *member = NULL;
    const bool is_object = json_is_object(at->value);
    if (is_object ? at->iter == NULL : at->index == json_array_size(at->value)) {
        i4_buf_addc(out, is_object ? '}' : ']');
        return NULL;
    }
    if (at->index > 0) {
        i4_buf_adds(out, style->comma);
    }
    if (is_object) {
        const char *key = json_object_iter_key(at->iter);
        write_string(key, strlen(key), 0, out);
        i4_buf_adds(out, style->colon);
        member = json_object_iter_value(at->iter);
        at->iter = json_object_iter_next(at->value, at->iter);
    } else {
        member = json_array_get(at->value, at->index);
    }
    at->index++;
    return member;
}

static bool is_container(const json_t *value) {
    return json_is_object(value) || json_is_array(value);
}

void i4_wire_write(const json_t *value, const i4_wire_style *style, i4_buf *out) {
    level levels[WRITE_DEPTH];
    int depth = 0;
    style = style ? style : &wire_style;
    if (!is_container(value)) {
        write_scalar(value, style, out);
        return;
    }
    levels[depth++] = enter(value, out);
    while (depth > 0 && !out->failed) {
        const json_t *member = next_member(&levels[depth - 1], style, out);
        if (!member) {
            depth--;
        } else if (!is_container(member)) {
            write_scalar(member, style, out);
        } else if (depth == WRITE_DEPTH) {
            out->failed = true;
        } else {
            levels[depth++] = enter(member, out);
        }
    }
}

char *i4_wire_text(const json_t *value) {
    i4_buf out;
    i4_buf_init(&out, SIZE_MAX / 2);
    if (value) {
        i4_wire_write(value, NULL, &out);
    }
    char *text = value ? i4_buf_take(&out, NULL) : NULL;
    i4_buf_free(&out);
    return text;
}
