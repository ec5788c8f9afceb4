/* The rules R1-R6, S1-S7, C1-C7, E1-E10, B1-B5, P1-P3 and K1-K2 (the key-order check), each next
 * to its code; the order of the statements is the order of the findings. */
#include "caption/check.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KEYS_MAX = 6, STYLE_COLORS_MAX = 16, ELEMENT_COLORS_MAX = 5 };

/* Room for "elements[i]", for "elements[i].color_palette" and the like, and for an index behind. */
enum { ELEMENT_PATH_BYTES = 32, VALUE_PATH_BYTES = 64, COLOR_PATH_BYTES = 96 };

/* ---- reporting ------------------------------------------------------------------------------- */

static bool reserve(i4_report *report) {
    i4_findings *list = report->findings;
    if (list->count < report->capacity) {
        return true;
    }
    const size_t capacity = report->capacity ? report->capacity * 2 : 8;
    i4_finding *grown = i4_realloc(list->item, capacity * sizeof *grown);
    if (!grown) {
        return false;
    }
    list->item = grown;
    report->capacity = capacity;
    return true;
}

void i4_report_take(i4_report *report, const char *path, const char *code, i4_buf *text) {
    i4_finding finding = {i4_strdup(path), i4_strdup(code), i4_buf_take(text, NULL)};
    if (finding.path && finding.code && finding.text && reserve(report)) {
        report->findings->item[report->findings->count++] = finding;
        return;
    }
    report->failed = true;
    i4_free(finding.path);
    i4_free(finding.code);
    i4_free(finding.text);
}

/* Formats with names of our own only: what comes from a caption goes through add_quoted. */
void i4_report_add(i4_report *report, const char *path, const char *code, const char *format, ...) {
    char sentence[256];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    i4_buf_adds(&text, sentence);
    i4_report_take(report, path, code, &text);
}

/* A name from the caption: in quotes, and with nothing that a terminal would obey. */
static void add_quoted(i4_str name, i4_buf *out) {
    size_t pos = 0, begin = 0;
    uint32_t c;
    i4_buf_addc(out, '"');
    for (; i4_utf8_next(name, &pos, &c); begin = pos) {
        if (c >= 0x7f && c < 0xa0) {
            i4_buf_addf(out, "\\u%04x", (unsigned)c);
        } else {
            i4_cj_write_escaped(i4_str_of(name.ptr + begin, pos - begin), out);
        }
    }
    i4_buf_addc(out, '"');
}

static const char *type_name(const i4_cj_node *value) {
    switch (value->type) {
    case I4_CJ_OBJECT:
        return "object";
    case I4_CJ_LIST:
        return "list";
    case I4_CJ_STRING:
        return "string";
    case I4_CJ_INTEGER:
        return "integer";
    case I4_CJ_NUMBER:
        return "number";
    case I4_CJ_BOOLEAN:
        return "boolean";
    case I4_CJ_NULL:
        break;
    }
    return "null";
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* A list of known keys in their order. */
typedef struct keys {
    const char *name[KEYS_MAX];
    size_t count;
} keys;

static const keys ROOT_KEYS = {
    {"high_level_description", "style_description", "compositional_deconstruction"}, 3};
static const keys STYLE_KEYS = {
    {"aesthetics", "lighting", "photo", "art_style", "medium", "color_palette"}, 6};
static const keys PHOTO_ORDER = {{"aesthetics", "lighting", "photo", "medium"}, 4};
static const keys ART_ORDER = {{"aesthetics", "lighting", "medium", "art_style"}, 4};
static const keys COMPOSITION_ORDER = {{"background", "elements"}, 2};
static const keys ELEMENT_KEYS = {{"type", "bbox", "text", "desc", "color_palette"}, 5};

typedef struct checker {
    const i4_cj *document;
    i4_report *report;
} checker;

static bool contains(const keys *known, i4_str key) {
    for (size_t i = 0; i < known->count; i++) {
        if (i4_str_is(key, known->name[i])) {
            return true;
        }
    }
    return false;
}

static void add_key(keys *list, const char *name) {
    list->name[list->count++] = name;
}

/* R2, S2, E2, K2: one finding that lists the object's keys outside `known`, if there are any. */
static void check_foreign_keys(checker *c, const i4_cj_node *object, const keys *known,
                               const char *path, const char *code, const char *what) {
    i4_buf text;
    size_t count = 0;
    i4_buf_init(&text, SIZE_MAX);
    const i4_cj_node *member = i4_cj_first(c->document, object);
    for (; member; member = i4_cj_next(c->document, member)) {
        if (!contains(known, member->key)) {
            i4_buf_adds(&text, count++ ? ", " : what);
            add_quoted(member->key, &text);
        }
    }
    if (count > 0) {
        i4_report_take(c->report, path, code, &text);
    }
    i4_buf_free(&text);
}

/* K1: the known keys must be exactly the expected ones, in order. */
static void check_sequence(checker *c, const i4_cj_node *object, const keys *expected,
                           const char *path) {
    i4_buf text;
    size_t count = 0;
    bool is_same = true;
    i4_buf_init(&text, SIZE_MAX);
    i4_buf_adds(&text, "the order of keys is (");
    const i4_cj_node *member = i4_cj_first(c->document, object);
    for (; member; member = i4_cj_next(c->document, member)) {
        if (contains(expected, member->key)) {
            /* keys are unique and all expected, so count stays below expected->count */
            is_same = is_same && i4_str_is(member->key, expected->name[count]);
            i4_buf_adds(&text, count++ ? ", " : "");
            i4_buf_add(&text, member->key.ptr, member->key.len);
        }
    }
    i4_buf_adds(&text, "), expected (");
    for (size_t i = 0; i < expected->count; i++) {
        i4_buf_adds(&text, i ? ", " : "");
        i4_buf_adds(&text, expected->name[i]);
    }
    i4_buf_adds(&text, ")");
    if (!is_same || count != expected->count) {
        i4_report_take(c->report, path, "K1", &text);
    }
    i4_buf_free(&text);
}

static void check_key_order(checker *c, const i4_cj_node *object, const keys *expected,
                            const char *path) {
    check_sequence(c, object, expected, path);
    check_foreign_keys(c, object, expected, path, "K2", "keys that are not allowed here: ");
}

/* ---- small checks ---------------------------------------------------------------------------- */

/* R1, S1, C1, E1, C6, P1: false stops the check of this value. */
static bool check_type(checker *c, const i4_cj_node *value, i4_cj_type type, const char *path,
                       const char *code) {
    if (value->type == type) {
        return true;
    }
    i4_report_add(c->report, path, code, "expected %s, got %s",
                  type == I4_CJ_OBJECT ? "an object"
                  : type == I4_CJ_LIST ? "a list"
                                       : "a string",
                  type_name(value));
    return false;
}

static void check_absent(checker *c, const char *key, const char *path, const char *code) {
    i4_report_add(c->report, path, code, "the key %s is required", key);
}

/* S5 and S6, C3 and C4, E5 and E6, E7 and E8: the key must be there and hold a string. */
static void check_text(checker *c, const i4_cj_node *object, const char *key, const char *path,
                       const char *code_absent, const char *code_type) {
    const i4_cj_node *value = i4_cj_get(c->document, object, key);
    if (!value) {
        check_absent(c, key, path, code_absent);
        return;
    }
    char inner[VALUE_PATH_BYTES];
    snprintf(inner, sizeof inner, "%s.%s", path, key);
    check_type(c, value, I4_CJ_STRING, inner, code_type);
}

/* #RRGGBB in upper case; seven characters of ASCII are seven bytes. */
static bool is_color(const i4_cj_node *value) {
    if (value->type != I4_CJ_STRING || value->text.len != 7 || value->text.ptr[0] != '#') {
        return false;
    }
    for (size_t i = 1; i < 7; i++) {
        const char c = value->text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'))) {
            return false;
        }
    }
    return true;
}

static void check_color(checker *c, const i4_cj_node *value, const char *path, int index) {
    if (is_color(value)) {
        return;
    }
    char inner[COLOR_PATH_BYTES];
    i4_buf text;
    snprintf(inner, sizeof inner, "%s[%d]", path, index);
    i4_buf_init(&text, SIZE_MAX);
    i4_buf_adds(&text, "expected a colour as upper-case #RRGGBB, got ");
    if (value->type == I4_CJ_STRING) {
        add_quoted(value->text, &text);
    } else {
        i4_buf_adds(&text, type_name(value));
    }
    i4_report_take(c->report, inner, "P3", &text);
}

static void check_palette(checker *c, const i4_cj_node *object, const char *path, int most) {
    const i4_cj_node *list = i4_cj_get(c->document, object, "color_palette");
    char inner[VALUE_PATH_BYTES];
    snprintf(inner, sizeof inner, "%s.color_palette", path);
    if (!list || !check_type(c, list, I4_CJ_LIST, inner, "P1")) {
        return;
    }
    if (list->count > most) {
        i4_report_add(c->report, inner, "P2", "at most %d colours are allowed, got %d", most,
                      (int)list->count);
    }
    int index = 0;
    const i4_cj_node *color = i4_cj_first(c->document, list);
    for (; color; color = i4_cj_next(c->document, color)) {
        check_color(c, color, inner, index++);
    }
}

/* ---- bounding boxes -------------------------------------------------------------------------- */

enum { Y_MIN, X_MIN, Y_MAX, X_MAX, BOX_COUNT };
static const char *const BOX_NAME[BOX_COUNT] = {"y_min", "x_min", "y_max", "x_max"};

/* Whole numbers of any size, as the digits that the reader left: no leading zeros, no "-0". */
static int compare_integers(i4_str a, i4_str b) {
    const bool a_negative = i4_str_starts(a, "-"), b_negative = i4_str_starts(b, "-");
    if (a_negative != b_negative) {
        return a_negative ? -1 : 1;
    }
    const int order = a.len != b.len ? (a.len < b.len ? -1 : 1) : memcmp(a.ptr, b.ptr, a.len);
    return a_negative ? -order : order;
}

static void add_box_value(const i4_cj_node *const box[BOX_COUNT], int which, i4_buf *out) {
    i4_buf_addf(out, "%s ", BOX_NAME[which]);
    i4_buf_add(out, box[which]->text.ptr, box[which]->text.len);
}

/* B3 */
static void check_range(checker *c, const i4_cj_node *const box[BOX_COUNT], const char *path) {
    bool is_inside = true;
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    i4_buf_adds(&text, "all values must be from 0 to 1000, got ");
    for (int i = 0; i < BOX_COUNT; i++) {
        is_inside = is_inside && compare_integers(box[i]->text, i4_str_c("0")) >= 0 &&
                    compare_integers(box[i]->text, i4_str_c("1000")) <= 0;
        i4_buf_adds(&text, i ? ", " : "");
        add_box_value(box, i, &text);
    }
    if (!is_inside) {
        i4_report_take(c->report, path, "B3", &text);
    }
    i4_buf_free(&text);
}

/* B4, B5 */
static void check_ascending(checker *c, const i4_cj_node *const box[BOX_COUNT], int min, int max,
                            const char *path, const char *code) {
    if (compare_integers(box[min]->text, box[max]->text) <= 0) {
        return;
    }
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    add_box_value(box, min, &text);
    i4_buf_adds(&text, " is greater than ");
    add_box_value(box, max, &text);
    i4_report_take(c->report, path, code, &text);
}

static void check_box(checker *c, const i4_cj_node *element, const char *path) {
    const i4_cj_node *value = i4_cj_get(c->document, element, "bbox");
    if (!value) {
        return;
    }
    char inner[VALUE_PATH_BYTES];
    snprintf(inner, sizeof inner, "%s.bbox", path);
    if (value->type != I4_CJ_LIST || value->count != BOX_COUNT) {
        i4_report_add(c->report, inner, "B1",
                      "expected the four numbers y_min, x_min, y_max, x_max, got %s%s",
                      type_name(value), value->type == I4_CJ_LIST ? " of another length" : "");
        return;
    }
    const i4_cj_node *box[BOX_COUNT];
    bool is_whole = true;
    const i4_cj_node *member = i4_cj_first(c->document, value);
    for (int i = 0; i < BOX_COUNT; i++, member = i4_cj_next(c->document, member)) {
        box[i] = member;
        is_whole = is_whole && member->type == I4_CJ_INTEGER;
    }
    if (!is_whole) {
        i4_report_add(c->report, inner, "B2",
                      "all values must be integers (y_min, x_min, y_max, x_max)");
        return;
    }
    check_range(c, box, inner);
    check_ascending(c, box, Y_MIN, Y_MAX, inner, "B4");
    check_ascending(c, box, X_MIN, X_MAX, inner, "B5");
}

/* ---- elements -------------------------------------------------------------------------------- */

/* E3: 'o' for obj, 't' for text, 0: neither. */
static char element_type(checker *c, const i4_cj_node *element, const char *path) {
    const i4_cj_node *type = i4_cj_get(c->document, element, "type");
    const bool is_string = type && type->type == I4_CJ_STRING;
    if (is_string && (i4_str_is(type->text, "obj") || i4_str_is(type->text, "text"))) {
        return type->text.ptr[0];
    }
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    i4_buf_adds(&text, "the type must be one of obj, text; got ");
    if (is_string) {
        add_quoted(type->text, &text);
    } else {
        i4_buf_adds(&text, type ? type_name(type) : "none");
    }
    i4_report_take(c->report, path, "E3", &text);
    return 0;
}

/* E4: the keys of an element of this kind; optional ones where they are present. */
static keys element_order(checker *c, const i4_cj_node *element, bool is_text) {
    keys order = {{"type"}, 1};
    if (i4_cj_get(c->document, element, "bbox")) {
        add_key(&order, "bbox");
    }
    if (is_text) {
        add_key(&order, "text");
    }
    add_key(&order, "desc");
    if (i4_cj_get(c->document, element, "color_palette")) {
        add_key(&order, "color_palette");
    }
    return order;
}

static void check_element(checker *c, const i4_cj_node *element, int index) {
    char path[ELEMENT_PATH_BYTES];
    snprintf(path, sizeof path, "elements[%d]", index);
    if (!check_type(c, element, I4_CJ_OBJECT, path, "E1")) {
        return;
    }
    check_foreign_keys(c, element, &ELEMENT_KEYS, path, "E2", "unknown keys: ");
    const char type = element_type(c, element, path);
    if (!type) {
        return;
    }
    const keys order = element_order(c, element, type == 't');
    check_key_order(c, element, &order, path);
    check_text(c, element, "desc", path, "E5", "E6");
    if (type == 't') {
        check_text(c, element, "text", path, "E7", "E8");
    }
    check_box(c, element, path);                         /* E9 */
    check_palette(c, element, path, ELEMENT_COLORS_MAX); /* E10 */
}

/* ---- the three parts ------------------------------------------------------------------------- */

static void check_style(checker *c, const i4_cj_node *style) {
    static const char path[] = "style_description";
    if (!check_type(c, style, I4_CJ_OBJECT, path, "S1")) {
        return;
    }
    check_foreign_keys(c, style, &STYLE_KEYS, path, "S2", "unknown keys: ");
    const bool has_photo = i4_cj_get(c->document, style, "photo") != NULL;
    const bool has_art = i4_cj_get(c->document, style, "art_style") != NULL;
    if (has_photo == has_art) {
        i4_report_add(c->report, path, "S3",
                      "exactly one of the keys photo, art_style is required, got %s",
                      has_photo ? "both" : "neither");
        return;
    }
    const keys required = has_photo ? PHOTO_ORDER : ART_ORDER;
    keys order = required;
    if (i4_cj_get(c->document, style, "color_palette")) {
        add_key(&order, "color_palette");
    }
    check_key_order(c, style, &order, path); /* S4 */
    for (size_t i = 0; i < required.count; i++) {
        check_text(c, style, required.name[i], path, "S5", "S6");
    }
    check_palette(c, style, path, STYLE_COLORS_MAX); /* S7 */
}

static void check_composition(checker *c, const i4_cj_node *composition) {
    static const char path[] = "compositional_deconstruction";
    if (!check_type(c, composition, I4_CJ_OBJECT, path, "C1")) {
        return;
    }
    check_key_order(c, composition, &COMPOSITION_ORDER, path); /* C2 */
    check_text(c, composition, "background", path, "C3", "C4");
    const i4_cj_node *elements = i4_cj_get(c->document, composition, "elements");
    if (!elements) {
        check_absent(c, "elements", path, "C5");
        return;
    }
    if (!check_type(c, elements, I4_CJ_LIST, "compositional_deconstruction.elements", "C6")) {
        return;
    }
    int index = 0;
    const i4_cj_node *element = i4_cj_first(c->document, elements);
    for (; element; element = i4_cj_next(c->document, element)) {
        check_element(c, element, index++); /* C7 */
    }
}

void i4_caption_check(const i4_cj *document, i4_report *report) {
    checker c = {document, report};
    const i4_cj_node *root = &document->node[0];
    if (!check_type(&c, root, I4_CJ_OBJECT, "root", "R1")) {
        return;
    }
    check_foreign_keys(&c, root, &ROOT_KEYS, "root", "R2", "unknown keys: ");
    const i4_cj_node *summary = i4_cj_get(document, root, "high_level_description");
    if (summary) {
        check_type(&c, summary, I4_CJ_STRING, "high_level_description", "R3");
    }
    const i4_cj_node *style = i4_cj_get(document, root, "style_description");
    if (style) {
        check_style(&c, style); /* R4 */
    }
    const i4_cj_node *composition = i4_cj_get(document, root, "compositional_deconstruction");
    if (composition) {
        check_composition(&c, composition); /* R5 */
    } else {
        check_absent(&c, "compositional_deconstruction", "root", "R6");
    }
}
