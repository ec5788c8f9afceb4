/* Reader and writer of JSON in Python's dialect. The reader is a loop: the node that is open is
 * its only state, so depth costs nothing and is bounded by a count. */
#include "caption/value.h"
#include "base/limits.h"
#include "base/memory.h"
#include "caption/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reader: state and faults ---------------------------------------------------------------- */

typedef struct reader {
    i4_str text;
    size_t pos;
    int depth;
    int32_t open; /* the object or list being read */
    i4_cj *document;
    i4_cj_fault *fault;
    i4_err *err;
    struct keyed *members; /* scratch for duplicate keys */
    size_t members_capacity;
} reader;

/* A member while its object is searched for duplicate keys. */
typedef struct keyed {
    i4_str key;
    int32_t node;
    int32_t place; /* among the members */
} keyed;

static bool fail_at(reader *r, size_t pos, const char *what) {
    size_t line = 1, column = 1, character = 0;
    for (size_t i = 0; i < pos; i++) {
        const unsigned char c = (unsigned char)r->text.ptr[i];
        if ((c & 0xc0) == 0x80) {
            continue; /* inside a character */
        }
        character++;
        column++;
        if (c == '\n') {
            line++;
            column = 1;
        }
    }
    snprintf(r->fault->text, sizeof r->fault->text, "%s at line %zu column %zu (character %zu)",
             what, line, column, character);
    return false;
}

static bool fail_here(reader *r, const char *what) {
    return fail_at(r, r->pos, what);
}

/* The byte at pos + offset; 0 past the end (a NUL in the text is no token either). */
static char peek(const reader *r, size_t offset) {
    return offset < r->text.len - r->pos ? r->text.ptr[r->pos + offset] : '\0';
}

static void skip_blanks(reader *r) {
    for (char c = peek(r, 0); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = peek(r, 0)) {
        r->pos++;
    }
}

static bool take(reader *r, const char *token) {
    const i4_str rest = i4_str_of(r->text.ptr + r->pos, r->text.len - r->pos);
    if (!i4_str_starts(rest, token)) {
        return false;
    }
    r->pos += strlen(token);
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* ---- reader: strings ------------------------------------------------------------------------- */

/* Decoded text is never longer than its source, so document->text, as long as the source, holds
 * all of it. */
static void store(reader *r, const char *bytes, size_t len) {
    memcpy(r->document->text + r->document->text_len, bytes, len);
    r->document->text_len += len;
}

static int hex_digit(char c) {
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The value of \uXXXX at pos, -1 if there is none. */
static int peek_unit(const reader *r) {
    int value = 0;
    if (peek(r, 0) != '\\' || peek(r, 1) != 'u') {
        return -1;
    }
    for (size_t i = 2; i < 6; i++) {
        const int digit = hex_digit(peek(r, i));
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

static void store_code_point(reader *r, uint32_t c) {
    if (c >= 0xd800 && c < 0xe000) {
        c = 0xfffd; /* a lone surrogate cannot be UTF-8 */
    }
    char bytes[4];
    size_t len = 0;
    if (c < 0x80) {
        bytes[len++] = (char)c;
    } else if (c < 0x800) {
        bytes[len++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        bytes[len++] = (char)(0xe0 | c >> 12);
        bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        bytes[len++] = (char)(0xf0 | c >> 18);
        bytes[len++] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80) {
        bytes[len++] = (char)(0x80 | (c & 0x3f));
    }
    store(r, bytes, len);
}

static bool read_unit(reader *r) {
    const int unit = peek_unit(r);
    if (unit < 0) {
        return fail_at(r, r->pos + 1, "\\u must be followed by four hexadecimal digits");
    }
    r->pos += 6;
    uint32_t c = (uint32_t)unit;
    if (unit >= 0xd800 && unit < 0xdc00) {
        const int low = peek_unit(r);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000u + (((uint32_t)unit & 0x3ff) << 10) + ((uint32_t)low & 0x3ff);
            r->pos += 6;
        }
    }
    store_code_point(r, c);
    return true;
}

static bool read_escape(reader *r) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char name = peek(r, 1);
    if (name == 'u') {
        return read_unit(r);
    }
    const char *found = name ? strchr(names, name) : NULL;
    if (!found) {
        return fail_here(r, "the escape is not one of JSON's");
    }
    store(r, &values[found - names], 1);
    r->pos += 2;
    return true;
}

/* pos is at the opening quote. */
static bool read_string(reader *r, i4_str *out) {
    const size_t begin = r->pos++;
    const size_t stored = r->document->text_len;
    while (peek(r, 0) != '"') {
        if (r->pos == r->text.len) {
            return fail_at(r, begin, "a string without end begins");
        }
        const char c = peek(r, 0);
        if ((unsigned char)c < 0x20) {
            return fail_here(r, "a control character must be escaped");
        }
        if (c == '\\') {
            if (!read_escape(r)) {
                return false;
            }
        } else {
            store(r, &c, 1);
            r->pos++;
        }
    }
    r->pos++;
    *out = i4_str_of(r->document->text + stored, r->document->text_len - stored);
    return true;
}

/* ---- reader: numbers ------------------------------------------------------------------------- */

static size_t count_digits(const reader *r, size_t offset) {
    const size_t begin = offset;
    while (is_digit(peek(r, offset))) {
        offset++;
    }
    return offset - begin;
}

/* Lengths of the parts of the number at pos; whole == 0: there is none. */
typedef struct token {
    bool is_negative;
    size_t whole, fraction; /* digits */
    size_t exponent_at;     /* offset of its sign or first digit; 0: no exponent */
    size_t size;
} token;

static token measure_number(const reader *r) {
    token t = {.is_negative = peek(r, 0) == '-'};
    t.size = t.is_negative;
    t.whole = peek(r, t.size) == '0' ? 1 : count_digits(r, t.size);
    t.size += t.whole;
    if (t.whole > 0 && peek(r, t.size) == '.') {
        t.fraction = count_digits(r, t.size + 1);
        t.size += t.fraction ? 1 + t.fraction : 0;
    }
    const char e = t.whole > 0 ? peek(r, t.size) : '\0';
    if (e == 'e' || e == 'E') {
        const char sign = peek(r, t.size + 1);
        const size_t at = t.size + 1, digits = at + (sign == '-' || sign == '+');
        const size_t count = count_digits(r, digits);
        if (count > 0) {
            t.exponent_at = at;
            t.size = digits + count;
        }
    }
    return t;
}

/* Kept within what no number of a caption's length can compensate. */
static long read_exponent(const reader *r, token t) {
    enum { EXPONENT_MAX = 100000000 };
    if (!t.exponent_at) {
        return 0;
    }
    const char sign = peek(r, t.exponent_at);
    long value = 0;
    for (size_t i = t.exponent_at + !is_digit(sign); i < t.size && value < EXPONENT_MAX; i++) {
        value = value * 10 + (peek(r, i) - '0');
    }
    return sign == '-' ? -value : value;
}

static bool read_real(reader *r, token t, i4_cj_node *node) {
    const char *begin = r->text.ptr + r->pos + t.is_negative;
    const i4_str whole = i4_str_of(begin, t.whole);
    const i4_str fraction = i4_str_of(begin + t.whole + (t.fraction > 0), t.fraction);
    double value;
    if (!i4_number_read(whole, fraction, read_exponent(r, t), &value, r->err)) {
        return false;
    }
    node->type = I4_CJ_NUMBER;
    node->number = t.is_negative ? -value : value;
    return true;
}

static bool read_number(reader *r, i4_cj_node *node) {
    const token t = measure_number(r);
    if (t.whole == 0) {
        return fail_here(r, "a value is expected");
    }
    if (t.fraction || t.exponent_at) {
        if (!read_real(r, t, node)) {
            return false;
        }
    } else {
        const char *digits = r->text.ptr + r->pos;
        const bool is_minus_zero = t.is_negative && digits[1] == '0';
        node->type = I4_CJ_INTEGER;
        node->text = i4_str_of(r->document->text + r->document->text_len,
                               is_minus_zero ? 1 : t.is_negative + t.whole);
        store(r, digits + is_minus_zero, node->text.len);
    }
    r->pos += t.size;
    return true;
}

/* ---- reader: nodes --------------------------------------------------------------------------- */

static bool add_node(reader *r, int32_t *index) {
    i4_cj *d = r->document;
    if (d->count == d->capacity) {
        const size_t capacity = d->capacity ? d->capacity * 2 : 64;
        i4_cj_node *grown = i4_realloc(d->node, capacity * sizeof *grown);
        if (!grown) {
            return i4_fail_memory(r->err, "the caption", capacity * sizeof *grown);
        }
        d->node = grown;
        d->capacity = capacity;
    }
    *index = (int32_t)d->count++;
    d->node[*index] = (i4_cj_node){.type = I4_CJ_NULL,
                                   .parent = r->open,
                                   .next = I4_CJ_NONE,
                                   .first = I4_CJ_NONE,
                                   .last = I4_CJ_NONE};
    return true;
}

static void append(i4_cj *d, int32_t parent, int32_t child) {
    i4_cj_node *p = &d->node[parent];
    d->node[child].next = I4_CJ_NONE;
    if (p->last == I4_CJ_NONE) {
        p->first = child;
    } else {
        d->node[p->last].next = child;
    }
    p->last = child;
    p->count++;
}

static int compare_members(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    const size_t shared = x->key.len < y->key.len ? x->key.len : y->key.len;
    const int order = shared ? memcmp(x->key.ptr, y->key.ptr, shared) : 0;
    if (order != 0 || x->key.len != y->key.len) {
        return order ? order : x->key.len < y->key.len ? -1 : 1;
    }
    return x->place < y->place ? -1 : x->place > y->place;
}

static int compare_places(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    return x->place < y->place ? -1 : x->place > y->place;
}

static bool reserve_members(reader *r, size_t count) {
    if (count <= r->members_capacity) {
        return true;
    }
    keyed *grown = i4_realloc(r->members, count * 2 * sizeof *grown);
    if (!grown) {
        return i4_fail_memory(r->err, "the keys of the caption", count * 2 * sizeof *grown);
    }
    r->members = grown;
    r->members_capacity = count * 2;
    return true;
}

/* Of members with equal keys, sorted side by side, leaves one: first place, last value. */
static size_t fold_equal_keys(keyed *members, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && i4_str_eq(members[kept - 1].key, members[i].key)) {
            members[kept - 1].node = members[i].node;
        } else {
            members[kept++] = members[i];
        }
    }
    return kept;
}

/* Sorting finds the duplicates of a hostile object with 1e5 keys as quickly as those of one with
 * five. */
static bool resolve_duplicates(reader *r, int32_t object) {
    i4_cj *d = r->document;
    const size_t count = (size_t)d->node[object].count;
    if (count < 2) {
        return true;
    }
    if (!reserve_members(r, count)) {
        return false;
    }
    int32_t place = 0;
    for (int32_t i = d->node[object].first; i != I4_CJ_NONE; i = d->node[i].next, place++) {
        r->members[place] = (keyed){d->node[i].key, i, place};
    }
    qsort(r->members, count, sizeof *r->members, compare_members);
    const size_t kept = fold_equal_keys(r->members, count);
    if (kept == count) {
        return true;
    }
    qsort(r->members, kept, sizeof *r->members, compare_places);
    d->node[object].first = d->node[object].last = I4_CJ_NONE;
    d->node[object].count = 0;
    for (size_t i = 0; i < kept; i++) {
        append(d, object, r->members[i].node);
    }
    return true;
}

/* ---- reader: the loop ------------------------------------------------------------------------ */

static bool open_container(reader *r, int32_t index, i4_cj_type type) {
    if (++r->depth > I4_LIMIT_JSON_DEPTH) {
        char what[48];
        snprintf(what, sizeof what, "more than %d levels of nesting", I4_LIMIT_JSON_DEPTH);
        return fail_here(r, what);
    }
    r->document->node[index].type = type;
    r->open = index;
    r->pos++;
    return true;
}

static bool close_container(reader *r) {
    const i4_cj_node *node = &r->document->node[r->open];
    if (node->type == I4_CJ_OBJECT && !resolve_duplicates(r, r->open)) {
        return false;
    }
    r->open = node->parent;
    r->depth--;
    r->pos++;
    return true;
}

static bool read_scalar(reader *r, i4_cj_node *node) {
    if (peek(r, 0) == '"') {
        node->type = I4_CJ_STRING;
        return read_string(r, &node->text);
    }
    if (take(r, "null")) {
        return true;
    }
    if (take(r, "true")) {
        node->type = I4_CJ_BOOLEAN;
        node->boolean = true;
        return true;
    }
    if (take(r, "false")) {
        node->type = I4_CJ_BOOLEAN;
        node->boolean = false;
        return true;
    }
    node->type = I4_CJ_NUMBER;
    if (take(r, "NaN")) {
        node->number = (double)NAN;
        return true;
    }
    if (take(r, "Infinity")) {
        node->number = (double)INFINITY;
        return true;
    }
    if (take(r, "-Infinity")) {
        node->number = -(double)INFINITY;
        return true;
    }
    return read_number(r, node);
}

/* One value; of an object or list only the beginning, which is then the open one. */
static bool read_value(reader *r, i4_str key) {
    int32_t index = I4_CJ_NONE;
    if (!add_node(r, &index)) {
        return false;
    }
    r->document->node[index].key = key;
    if (r->open != I4_CJ_NONE) {
        append(r->document, r->open, index);
    }
    switch (peek(r, 0)) {
    case '{':
        return open_container(r, index, I4_CJ_OBJECT);
    case '[':
        return open_container(r, index, I4_CJ_LIST);
    default:
        return read_scalar(r, &r->document->node[index]);
    }
}

static bool read_key(reader *r, i4_str *key) {
    if (peek(r, 0) != '"') {
        return fail_here(r, "a key in double quotes is expected");
    }
    if (!read_string(r, key)) {
        return false;
    }
    skip_blanks(r);
    if (!take(r, ":")) {
        return fail_here(r, "a colon is expected");
    }
    skip_blanks(r);
    return true;
}

/* The next member of the open object or list, or its end. */
static bool read_member(reader *r) {
    const bool is_object = r->document->node[r->open].type == I4_CJ_OBJECT;
    const char end = is_object ? '}' : ']';
    skip_blanks(r);
    if (peek(r, 0) == end) {
        return close_container(r);
    }
    if (r->document->node[r->open].count > 0) {
        if (!take(r, ",")) {
            return fail_here(r, is_object ? "a comma or a closing brace is expected"
                                          : "a comma or a closing bracket is expected");
        }
        skip_blanks(r);
    }
    i4_str key = {NULL, 0};
    return (!is_object || read_key(r, &key)) && read_value(r, key);
}

static bool read_document(reader *r) {
    skip_blanks(r);
    if (!read_value(r, i4_str_c(NULL))) {
        return false;
    }
    while (r->open != I4_CJ_NONE) {
        if (!read_member(r)) {
            return false;
        }
    }
    skip_blanks(r);
    return r->pos == r->text.len || fail_here(r, "nothing more is expected");
}

bool i4_cj_parse(i4_str text, i4_cj *document, i4_cj_fault *fault, i4_err *err) {
    *document = (i4_cj){0};
    fault->text[0] = '\0';
    document->text = i4_malloc(text.len);
    if (!document->text) {
        return i4_fail_memory(err, "the caption", text.len);
    }
    reader r = {.text = text, .open = I4_CJ_NONE, .document = document, .fault = fault, .err = err};
    const bool is_read = read_document(&r);
    i4_free(r.members);
    return is_read;
}

void i4_cj_free(i4_cj *document) {
    i4_free(document->node);
    i4_free(document->text);
    *document = (i4_cj){0};
}

/* ---- writer ---------------------------------------------------------------------------------- */

void i4_cj_write_escaped(i4_str text, i4_buf *out) {
    static const char values[] = "\"\\\n\r\t\b\f", names[] = "\"\\nrtbf";
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        const char *found = c ? strchr(values, c) : NULL;
        if (found) {
            i4_buf_addc(out, '\\');
            i4_buf_addc(out, names[found - values]);
        } else if ((unsigned char)c < 0x20) {
            i4_buf_addf(out, "\\u%04x", (unsigned)(unsigned char)c);
        } else {
            i4_buf_addc(out, c);
        }
    }
}

static void write_string(i4_str text, i4_buf *out) {
    i4_buf_addc(out, '"');
    i4_cj_write_escaped(text, out);
    i4_buf_addc(out, '"');
}

static void write_scalar(const i4_cj_node *node, i4_buf *out) {
    switch (node->type) {
    case I4_CJ_STRING:
        write_string(node->text, out);
        break;
    case I4_CJ_INTEGER:
        i4_buf_add(out, node->text.ptr, node->text.len);
        break;
    case I4_CJ_NUMBER:
        i4_number_write(node->number, out);
        break;
    case I4_CJ_BOOLEAN:
        i4_buf_adds(out, node->boolean ? "true" : "false");
        break;
    case I4_CJ_NULL:
    case I4_CJ_OBJECT:
    case I4_CJ_LIST:
        i4_buf_adds(out, "null");
        break;
    }
}

static bool is_container(const i4_cj_node *node) {
    return node->type == I4_CJ_OBJECT || node->type == I4_CJ_LIST;
}

static void write_begin(const i4_cj_node *node, bool has_key, i4_buf *out) {
    if (has_key) {
        write_string(node->key, out);
        i4_buf_addc(out, ':');
    }
    if (is_container(node)) {
        i4_buf_addc(out, node->type == I4_CJ_OBJECT ? '{' : '[');
    } else {
        write_scalar(node, out);
    }
}

/* Walks the tree by its links: down to the first member, else on to the next, else up. */
void i4_cj_write(const i4_cj *document, i4_buf *out) {
    const i4_cj_node *node = document->node, *base = document->node;
    bool has_key = false;
    for (;;) {
        write_begin(node, has_key, out);
        if (is_container(node) && node->first != I4_CJ_NONE) {
            has_key = node->type == I4_CJ_OBJECT;
            node = &base[node->first];
            continue;
        }
        if (is_container(node)) {
            i4_buf_addc(out, node->type == I4_CJ_OBJECT ? '}' : ']');
        }
        while (node->next == I4_CJ_NONE) {
            if (node->parent == I4_CJ_NONE) {
                return;
            }
            node = &base[node->parent];
            i4_buf_addc(out, node->type == I4_CJ_OBJECT ? '}' : ']');
        }
        i4_buf_addc(out, ',');
        node = &base[node->next];
        has_key = base[node->parent].type == I4_CJ_OBJECT;
    }
}

/* ---- access ---------------------------------------------------------------------------------- */

const i4_cj_node *i4_cj_first(const i4_cj *document, const i4_cj_node *parent) {
    return parent->first == I4_CJ_NONE ? NULL : &document->node[parent->first];
}

const i4_cj_node *i4_cj_next(const i4_cj *document, const i4_cj_node *member) {
    return member->next == I4_CJ_NONE ? NULL : &document->node[member->next];
}

const i4_cj_node *i4_cj_get(const i4_cj *document, const i4_cj_node *object, const char *key) {
    if (object->type != I4_CJ_OBJECT) {
        return NULL;
    }
    const i4_cj_node *member = i4_cj_first(document, object);
    while (member && !i4_str_is(member->key, key)) {
        member = i4_cj_next(document, member);
    }
    return member;
}
