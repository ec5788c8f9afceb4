/* Writing and reading XMP packets.
 *
 * The reader is a scanner, not an XML parser: it walks the markup once, remembers the prefix that
 * was last bound to our namespace, and takes attributes and plain elements that carry it. Each
 * byte is looked at a bounded number of times. */
#include "image/xmp.h"

#include "base/limits.h"
#include "base/memory.h"

#include <string.h>

#define NAMESPACE "https://ideogram4.c/ns/1.0/"

/* --- writing ----------------------------------------------------------------------------- */

static bool is_xml_char(uint32_t code_point) {
    if (code_point < 0x20) {
        return code_point == '\t' || code_point == '\n' || code_point == '\r';
    }
    return code_point != 0xFFFE && code_point != 0xFFFF;
}

static void add_escaped_char(i4_buf *out, uint32_t code_point) {
    switch (code_point) {
    case '&':
        i4_buf_adds(out, "&amp;");
        return;
    case '<':
        i4_buf_adds(out, "&lt;");
        return;
    case '>':
        i4_buf_adds(out, "&gt;");
        return;
    case '\t': /* as references, line breaks survive programs that tidy white space */
    case '\n':
    case '\r':
        i4_buf_addf(out, "&#%d;", (int)code_point);
        return;
    default:
        i4_buf_add_utf8(out, is_xml_char(code_point) ? code_point : 0xFFFD);
    }
}

static void add_value(i4_buf *out, const char *value) {
    i4_str text = i4_str_c(value);
    uint32_t code_point = 0;
    for (size_t pos = 0; i4_utf8_next(text, &pos, &code_point);) {
        add_escaped_char(out, code_point);
    }
}

static void add_name(i4_buf *out, const char *key) {
    for (size_t i = 0; key[i] != '\0'; i++) {
        char c = key[i];
        bool bad_start = i == 0 && (c == '-' || (c >= '0' && c <= '9'));
        if (bad_start || c == ':' || (c == '_' && key[i + 1] == 'x')) {
            i4_buf_addf(out, "_x%04X_", (unsigned)c);
        } else {
            i4_buf_addc(out, c);
        }
    }
}

static void add_property(i4_buf *out, const i4_pair *pair) {
    i4_buf_adds(out, "   <i4:");
    add_name(out, pair->key);
    i4_buf_addc(out, '>');
    add_value(out, pair->value);
    i4_buf_adds(out, "</i4:");
    add_name(out, pair->key);
    i4_buf_adds(out, ">\n");
}

void i4_xmp_body(i4_buf *out, const i4_pair *pairs, size_t count, const char *extended) {
    i4_buf_adds(out, "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n"
                     " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n"
                     "  <rdf:Description rdf:about=\"\" xmlns:i4=\"" NAMESPACE "\"");
    if (extended != NULL) {
        i4_buf_addf(out,
                    "\n    xmlns:xmpNote=\"http://ns.adobe.com/xmp/note/\""
                    "\n    xmpNote:HasExtendedXMP=\"%s\"",
                    extended);
    }
    i4_buf_adds(out, ">\n");
    for (size_t i = 0; i < count; i++) {
        add_property(out, &pairs[i]);
    }
    i4_buf_adds(out, "  </rdf:Description>\n </rdf:RDF>\n</x:xmpmeta>\n");
}

void i4_xmp_packet(i4_buf *out, const i4_pair *pairs, size_t count, const char *extended) {
    i4_buf_adds(out, "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n");
    i4_xmp_body(out, pairs, count, extended);
    i4_buf_adds(out, "<?xpacket end=\"r\"?>");
}

/* --- reading: pieces ---------------------------------------------------------------------- */

typedef struct scanner {
    i4_str text;
    size_t pos;
    i4_str prefix; /* bound to our namespace; empty: none yet */
    i4_gather *gather;
    i4_err *err;
    bool failed; /* memory or limit; err is filled */
} scanner;

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool at_end(const scanner *s) {
    return s->pos >= s->text.len;
}

static char peek(const scanner *s) {
    return at_end(s) ? '\0' : s->text.ptr[s->pos];
}

static i4_str rest(const scanner *s) {
    return i4_str_of(s->text.ptr + s->pos, s->text.len - s->pos);
}

static void skip_space(scanner *s) {
    while (!at_end(s) && is_space(peek(s))) {
        s->pos++;
    }
}

/* Moves past the next `mark`, or to the end. Gives what lies before it. */
static i4_str take_until(scanner *s, const char *mark) {
    size_t start = s->pos;
    size_t mark_len = strlen(mark);
    while (!at_end(s)) {
        const char *hit = memchr(s->text.ptr + s->pos, mark[0], s->text.len - s->pos);
        s->pos = hit == NULL ? s->text.len : (size_t)(hit - s->text.ptr);
        if (i4_str_starts(rest(s), mark)) {
            i4_str before = i4_str_of(s->text.ptr + start, s->pos - start);
            s->pos += mark_len;
            return before;
        }
        s->pos += at_end(s) ? 0 : 1;
    }
    return i4_str_of(s->text.ptr + start, s->text.len - start);
}

static i4_str take_name(scanner *s) {
    size_t start = s->pos;
    while (!at_end(s) && !is_space(peek(s)) && strchr("/>=<\"'", peek(s)) == NULL) {
        s->pos++;
    }
    return i4_str_of(s->text.ptr + start, s->pos - start);
}

typedef struct attribute {
    i4_str name, value; /* value: still escaped */
} attribute;

/* The next attribute of a start tag; false at the tag's end or where it is not well formed. */
static bool take_attribute(scanner *s, attribute *out) {
    skip_space(s);
    out->name = take_name(s);
    skip_space(s);
    if (out->name.len == 0 || peek(s) != '=') {
        return false;
    }
    s->pos++;
    skip_space(s);
    char quote = peek(s);
    if (quote != '"' && quote != '\'') {
        return false;
    }
    s->pos++;
    const char *end = memchr(s->text.ptr + s->pos, quote, s->text.len - s->pos);
    if (end == NULL) {
        return false;
    }
    out->value = i4_str_of(s->text.ptr + s->pos, (size_t)(end - s->text.ptr) - s->pos);
    s->pos += out->value.len + 1;
    return true;
}

/* --- reading: text ------------------------------------------------------------------------ */

static bool hex_digit(char c, uint32_t *digit) {
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *hit = c == '\0' ? NULL : strchr(digits, c);
    *digit = hit == NULL ? 0 : (uint32_t)(hit - digits) % 16;
    return hit != NULL;
}

/* The number of a reference like "#10" or "#xA"; false if it is none. */
static bool reference_number(i4_str reference, uint32_t *code_point) {
    bool is_hex = i4_str_starts(reference, "#x");
    size_t start = is_hex ? 2 : 1;
    uint32_t value = 0;
    for (size_t i = start; i < reference.len; i++) {
        uint32_t digit = 0;
        if (!hex_digit(reference.ptr[i], &digit) || (!is_hex && digit > 9) || value > 0x10FFFF) {
            return false;
        }
        value = value * (is_hex ? 16 : 10) + digit;
    }
    *code_point = value;
    return reference.len > start && value != 0 && value <= 0x10FFFF;
}

static bool add_reference(i4_buf *out, i4_str reference) {
    static const struct {
        const char *name;
        char c;
    } named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (i4_str_is(reference, named[i].name)) {
            i4_buf_addc(out, named[i].c);
            return true;
        }
    }
    uint32_t code_point = 0;
    if (!i4_str_starts(reference, "#") || !reference_number(reference, &code_point)) {
        return false;
    }
    i4_buf_add_utf8(out, code_point);
    return true;
}

/* Appends escaped text as XML reads it: references replaced, line ends as one line feed, and in
 * attributes each white space as a blank. False at a reference that is none. */
static bool add_unescaped(i4_buf *out, i4_str raw, bool is_attribute) {
    enum { REFERENCE_BYTES_MAX = 12 };
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == '&') {
            size_t left = raw.len - i - 1;
            const char *start = raw.ptr + i + 1;
            const char *end =
                memchr(start, ';', left < REFERENCE_BYTES_MAX ? left : REFERENCE_BYTES_MAX);
            if (end == NULL || !add_reference(out, i4_str_of(start, (size_t)(end - start)))) {
                return false;
            }
            i += (size_t)(end - start) + 1;
        } else if (c == '\r' && i + 1 < raw.len && raw.ptr[i + 1] == '\n') {
            continue; /* the line feed follows */
        } else if (is_space(c)) {
            i4_buf_addc(out, is_attribute ? ' ' : c == '\r' ? '\n' : c);
        } else {
            i4_buf_addc(out, c);
        }
    }
    return true;
}

/* --- reading: properties ------------------------------------------------------------------ */

/* True for a name with our prefix; *local is what follows it. */
static bool is_ours(const scanner *s, i4_str name, i4_str *local) {
    size_t skip = s->prefix.len + 1;
    if (s->prefix.len == 0 || name.len <= skip || name.ptr[s->prefix.len] != ':' ||
        !i4_str_eq(i4_str_of(name.ptr, s->prefix.len), s->prefix)) {
        return false;
    }
    *local = i4_str_of(name.ptr + skip, name.len - skip);
    return true;
}

/* The character written as _xHHHH_ at the start of text. */
static bool escaped_key_char(i4_str text, char *c) {
    if (text.len < 7 || !i4_str_starts(text, "_x") || text.ptr[6] != '_') {
        return false;
    }
    uint32_t value = 0;
    for (size_t i = 2; i < 6; i++) {
        uint32_t digit = 0;
        if (!hex_digit(text.ptr[i], &digit)) {
            return false;
        }
        value = 16 * value + digit;
    }
    if (value == 0 || value >= 0x80) {
        return false;
    }
    *c = (char)value;
    return true;
}

/* The key of a property's local name; its length, or 0 if it is not one of ours. */
static size_t key_of_name(i4_str local, char key[I4_KEY_BYTES_MAX]) {
    size_t len = 0;
    for (size_t i = 0; i < local.len; len++) {
        char c = local.ptr[i];
        bool escaped = escaped_key_char(i4_str_of(local.ptr + i, local.len - i), &c);
        i += escaped ? 7 : 1;
        if (len == I4_KEY_BYTES_MAX) {
            return 0;
        }
        key[len] = c;
    }
    return i4_image_key_valid(i4_str_of(key, len)) ? len : 0;
}

static void gather_property(scanner *s, i4_str local, const i4_buf *value) {
    char key[I4_KEY_BYTES_MAX];
    size_t key_len = key_of_name(local, key);
    if (value->failed && !value->over_limit) {
        i4_fail_memory(s->err, "the text of a picture", value->len);
        s->failed = true;
    } else if (value->over_limit) {
        i4_fail(s->err, I4_E_FORMAT,
                "the picture holds more than %d bytes of text, too much for a "
                "recipe",
                I4_LIMIT_METADATA_BYTES);
        s->failed = true;
    } else if (key_len > 0) {
        s->failed = !i4_gather_add(s->gather, i4_str_of(key, key_len),
                                   i4_str_of(value->ptr, value->len), s->err);
    }
}

static void read_attribute_property(scanner *s, i4_str local, i4_str raw) {
    i4_buf value;
    i4_buf_init(&value, I4_LIMIT_METADATA_BYTES);
    if (add_unescaped(&value, raw, true)) {
        gather_property(s, local, &value);
    }
    i4_buf_free(&value);
}

/* Appends the text up to the element's end tag; false if anything but text stands there (then
 * pos is at that markup). */
static bool take_element_text(scanner *s, i4_buf *value) {
    while (!at_end(s)) {
        size_t start = s->pos;
        const char *open = memchr(s->text.ptr + start, '<', s->text.len - start);
        if (open == NULL) {
            s->pos = s->text.len;
            return false;
        }
        s->pos = (size_t)(open - s->text.ptr);
        if (!add_unescaped(value, i4_str_of(s->text.ptr + start, s->pos - start), false)) {
            return false;
        }
        if (i4_str_starts(rest(s), "<![CDATA[")) {
            s->pos += strlen("<![CDATA[");
            i4_str literal = take_until(s, "]]>");
            i4_buf_add(value, literal.ptr, literal.len);
        } else if (i4_str_starts(rest(s), "<!--")) {
            take_until(s, "-->");
        } else {
            return i4_str_starts(rest(s), "</");
        }
    }
    return false;
}

/* pos is behind the start tag. */
static void read_element_property(scanner *s, i4_str name, i4_str local) {
    i4_buf value;
    i4_buf_init(&value, I4_LIMIT_METADATA_BYTES);
    if (take_element_text(s, &value)) {
        i4_str end_tag = i4_str_of(s->text.ptr + s->pos + 2, s->text.len - s->pos - 2);
        if (end_tag.len > name.len && i4_str_eq(i4_str_of(end_tag.ptr, name.len), name)) {
            gather_property(s, local, &value);
        }
    }
    i4_buf_free(&value);
}

/* First look at a tag's attributes: the prefix may be bound behind its first use. */
static void find_prefix(scanner *s) {
    size_t start = s->pos;
    attribute a;
    while (take_attribute(s, &a)) {
        if (i4_str_starts(a.name, "xmlns:") && i4_str_is(a.value, NAMESPACE)) {
            s->prefix = i4_str_of(a.name.ptr + 6, a.name.len - 6);
        }
    }
    s->pos = start;
}

/* pos is behind the '<' of a start tag. */
static void read_start_tag(scanner *s) {
    i4_str name = take_name(s);
    i4_str local;
    find_prefix(s);
    attribute a;
    while (!s->failed && take_attribute(s, &a)) {
        if (is_ours(s, a.name, &local)) {
            read_attribute_property(s, local, a.value);
        }
    }
    bool is_empty = peek(s) == '/';
    s->pos += is_empty ? 1 : 0;
    if (s->failed || peek(s) != '>') {
        return; /* not well formed: go on at the next '<' */
    }
    s->pos++;
    if (!is_ours(s, name, &local)) {
        return;
    }
    if (is_empty) {
        read_attribute_property(s, local, i4_str_of("", 0));
    } else {
        read_element_property(s, name, local);
    }
}

bool i4_xmp_read(i4_str packet, i4_gather *gather, i4_err *err) {
    if (packet.len > I4_XMP_BYTES_MAX) {
        return i4_fail(err, I4_E_FORMAT, "the picture's XMP has %zu bytes; at most %d are read",
                       packet.len, I4_XMP_BYTES_MAX);
    }
    scanner s = {.text = packet, .gather = gather, .err = err};
    while (!s.failed && !at_end(&s)) {
        take_until(&s, "<");
        if (i4_str_starts(rest(&s), "!--")) {
            take_until(&s, "-->");
        } else if (i4_str_starts(rest(&s), "![CDATA[")) {
            take_until(&s, "]]>");
        } else if (i4_str_starts(rest(&s), "?")) {
            take_until(&s, "?>");
        } else if (!i4_str_starts(rest(&s), "/")) {
            read_start_tag(&s);
        }
    }
    return !s.failed;
}

i4_str i4_xmp_extended(i4_str packet) {
    scanner s = {.text = packet};
    take_until(&s, "HasExtendedXMP");
    while (!at_end(&s) && (is_space(peek(&s)) || strchr("=\"'>", peek(&s)) != NULL)) {
        s.pos++;
    }
    return rest(&s).len < I4_XMP_GUID_BYTES ? i4_str_of("", 0)
                                            : i4_str_of(rest(&s).ptr, I4_XMP_GUID_BYTES);
}
