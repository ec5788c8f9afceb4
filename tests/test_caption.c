/* Captions: every rule of the verifier passing and failing, the prompt string, strict mode, limits,
 * and failing memory. Expected lists are written "path CODE" with "; " between findings. */
#include "base/limits.h"
#include "base/memory.h"
#include "caption/caption.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COMPOSITION(inside) "{\"compositional_deconstruction\":" inside "}"
#define ELEMENTS(list) COMPOSITION("{\"background\":\"x\",\"elements\":[" list "]}")
#define STYLE(style)                \
    "{\"style_description\":" style \
    ",\"compositional_deconstruction\":{\"background\":\"x\",\"elements\":[]}}"
#define OBJ(rest) ELEMENTS("{\"type\":\"obj\"" rest ",\"desc\":\"d\"}")
#define PHOTO(rest) \
    STYLE("{\"aesthetics\":\"a\",\"lighting\":\"l\",\"photo\":\"p\",\"medium\":\"m\"" rest "}")
#define ART(rest) \
    STYLE("{\"aesthetics\":\"a\",\"lighting\":\"l\",\"medium\":\"m\",\"art_style\":\"s\"" rest "}")

/* ---- helpers --------------------------------------------------------------------------------- */

static char *describe(const i4_findings *findings) {
    i4_buf out;
    i4_buf_init(&out, SIZE_MAX);
    i4_buf_adds(&out, "");
    for (size_t i = 0; i < findings->count; i++) {
        const i4_finding *f = &findings->item[i];
        i4_buf_addf(&out, "%s%s %s", i ? "; " : "", f->path, f->code);
    }
    return i4_buf_take(&out, NULL);
}

static void assert_found(const i4_findings *findings, const char *text, const char *expected) {
    char *found = describe(findings);
    if (strcmp(found, expected) != 0) {
        print_error("caption: %.300s\n", text);
    }
    assert_string_equal(found, expected);
    for (size_t i = 0; i < findings->count; i++) {
        assert_true(findings->item[i].text[0] != '\0');
    }
    i4_free(found);
}

/* Verifies a text of known length. */
static void assert_verified(i4_str text, const char *expected) {
    i4_findings findings;
    i4_err err = {0};
    assert_true(i4_caption_verify(text, &findings, &err));
    assert_found(&findings, text.ptr, expected);
    i4_findings_free(&findings);
}

/* The text must give these findings, both as a file and as a prompt. */
static void check(const char *text, const char *expected) {
    i4_findings findings;
    i4_err err = {0};
    char *prompt;
    size_t len;
    assert_verified(i4_str_c(text), expected);
    assert_true(i4_caption_prepare(i4_str_c(text), false, &prompt, &len, &findings, &err));
    assert_found(&findings, text, expected);
    i4_findings_free(&findings);
    i4_free(prompt);
}

/* The sentence of finding `index` must hold each of the texts (NULL ends). */
static void check_says(const char *text, size_t index, ...) {
    i4_findings findings;
    i4_err err = {0};
    va_list args;
    assert_true(i4_caption_verify(i4_str_c(text), &findings, &err));
    assert_true(index < findings.count);
    va_start(args, index);
    for (const char *part; (part = va_arg(args, const char *));) {
        if (!strstr(findings.item[index].text, part)) {
            fail_msg("\"%s\" lacks \"%s\"", findings.item[index].text, part);
        }
    }
    va_end(args);
    i4_findings_free(&findings);
}

static void assert_prompt(i4_str input, i4_str expected) {
    i4_findings findings;
    i4_err err = {0};
    char *prompt;
    size_t len;
    assert_true(i4_caption_prepare(input, false, &prompt, &len, &findings, &err));
    assert_int_equal(len, expected.len);
    assert_memory_equal(prompt, expected.ptr, len);
    assert_int_equal(prompt[len], '\0');
    i4_findings_free(&findings);
    i4_free(prompt);
}

static void check_prompt(const char *input, const char *expected) {
    assert_prompt(i4_str_c(input), i4_str_c(expected));
}

/* {"a":VALUE} must come back as {"a":EXPECTED}. */
static void check_value(const char *value, const char *expected) {
    char input[512], output[512];
    snprintf(input, sizeof input, "{\"a\": %s }", value);
    snprintf(output, sizeof output, "{\"a\":%s}", expected);
    check_prompt(input, output);
}

/* ---- structure ------------------------------------------------------------------------------- */

static void caption_root_rules_pass_and_fail(void **state) {
    (void)state;
    check(ELEMENTS(""), "");
    assert_verified(i4_str_c("[]"), "root R1");
    assert_verified(i4_str_c("1"), "root R1");
    check("{\"foo\":1,\"high_level_description\":\"h\",\"compositional_deconstruction\":"
          "{\"background\":\"x\",\"elements\":[]},\"bar\":2}",
          "root R2");
    check_says("{\"foo\":1,\"b\\u0001r\":2}", 0, "\"foo\", \"b\\u0001r\"", NULL);
    check("{\"high_level_description\":\"h\",\"compositional_deconstruction\":"
          "{\"background\":\"x\",\"elements\":[]}}",
          "");
    check("{\"high_level_description\":null}", "high_level_description R3; root R6");
    check_says("{\"high_level_description\":null}", 0, "string", "null", NULL);
    check("{}", "root R6");
    check("{\"zz\":1,\"style_description\":1,\"high_level_description\":1}",
          "root R2; high_level_description R3; style_description S1; root R6");
}

static void caption_type_names_are_those_of_json(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "object"},    {"[]", "list"},   {"12", "integer"}, {"1.0", "number"},
        {"true", "boolean"}, {"null", "null"}, {"NaN", "number"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"high_level_description\":%s}", cases[i][0]);
        check_says(text, 0, cases[i][1], NULL);
    }
    check_says("\"text\"", 0, "object", "string", NULL);
}

static void caption_style_rules_pass_and_fail(void **state) {
    (void)state;
    check(PHOTO(""), "");
    check(ART(""), "");
    check(STYLE("null"), "style_description S1");
    check(PHOTO(",\"mood\":\"m\""), "style_description S2; style_description K2");
    check(STYLE("{\"photo\":\"p\",\"art_style\":\"s\"}"), "style_description S3");
    check(STYLE("{\"photo\":null,\"art_style\":null,\"zz\":1}"),
          "style_description S2; style_description S3");
    check(STYLE("{}"), "style_description S3");
    check(STYLE("{\"photo\":\"p\"}"),
          "style_description K1; style_description S5; style_description S5; "
          "style_description S5");
    check_says(STYLE("{\"photo\":\"p\"}"), 3, "medium", NULL);
    check(STYLE("{\"aesthetics\":1,\"lighting\":\"l\",\"photo\":[],\"medium\":\"m\"}"),
          "style_description.aesthetics S6; style_description.photo S6");
    check(STYLE("{\"aesthetics\":\"a\",\"lighting\":2,\"art_style\":\"s\"}"),
          "style_description K1; style_description.lighting S6; style_description S5");
    check(PHOTO(",\"color_palette\":[\"#FF0000\"]"), "");
    check(ART(",\"color_palette\":null"), "style_description.color_palette P1");
}

static void caption_composition_rules_pass_and_fail(void **state) {
    (void)state;
    check(COMPOSITION("{\"background\":\"\",\"elements\":[]}"), "");
    check(COMPOSITION("7"), "compositional_deconstruction C1");
    check(COMPOSITION("{\"elements\":[],\"background\":\"x\"}"), "compositional_deconstruction K1");
    check(COMPOSITION("{\"background\":\"x\",\"elements\":[],\"zz\":0}"),
          "compositional_deconstruction K2");
    check(COMPOSITION("{\"elements\":[]}"),
          "compositional_deconstruction K1; compositional_deconstruction C3");
    check(COMPOSITION("{\"background\":1,\"elements\":[]}"),
          "compositional_deconstruction.background C4");
    check(COMPOSITION("{\"background\":\"x\"}"),
          "compositional_deconstruction K1; compositional_deconstruction C5");
    check(COMPOSITION("{\"background\":\"x\",\"elements\":{}}"),
          "compositional_deconstruction.elements C6");
    check(ELEMENTS("{\"type\":\"obj\",\"desc\":\"d\"},1,[]"), "elements[1] E1; elements[2] E1");
}

static void caption_element_rules_pass_and_fail(void **state) {
    (void)state;
    check(OBJ(""), "");
    check(OBJ(",\"bbox\":[0,0,1,1]"), "");
    check(ELEMENTS("{\"type\":\"text\",\"bbox\":[0,0,1,1],\"text\":\"\",\"desc\":\"\","
                   "\"color_palette\":[]}"),
          "");
    check(ELEMENTS("\"d\""), "elements[0] E1");
    check(ELEMENTS("{\"type\":\"obj\",\"desc\":\"d\",\"zz\":1}"), "elements[0] E2; elements[0] K2");
    check(ELEMENTS("{\"desc\":\"d\"}"), "elements[0] E3");
    check(ELEMENTS("{\"type\":\"Obj\",\"bbox\":1}"), "elements[0] E3");
    check(ELEMENTS("{\"type\":[\"obj\"],\"q\":1}"), "elements[0] E2; elements[0] E3");
    check_says(ELEMENTS("{\"type\":\"Obj\"}"), 0, "obj, text", "\"Obj\"", NULL);
    check(ELEMENTS("{\"desc\":\"d\",\"type\":\"obj\"}"), "elements[0] K1");
    check(OBJ(",\"text\":\"t\""), "elements[0] K2");
    check(ELEMENTS("{\"type\":\"obj\",\"desc\":\"d\",\"bbox\":[0,0,1,1]}"), "elements[0] K1");
    check(ELEMENTS("{\"type\":\"obj\"}"), "elements[0] K1; elements[0] E5");
    check(ELEMENTS("{\"type\":\"obj\",\"desc\":null}"), "elements[0].desc E6");
    check(ELEMENTS("{\"type\":\"text\",\"desc\":\"d\"}"), "elements[0] K1; elements[0] E7");
    check(ELEMENTS("{\"type\":\"text\",\"text\":5,\"desc\":\"d\"}"), "elements[0].text E8");
    check(OBJ(",\"bbox\":null"), "elements[0].bbox B1");
    check(ELEMENTS("{\"type\":\"obj\",\"desc\":\"d\",\"color_palette\":\"#FFFFFF\"}"),
          "elements[0].color_palette P1");
}

static void caption_box_rules_pass_and_fail(void **state) {
    (void)state;
    check(OBJ(",\"bbox\":[0,0,1000,1000]"), "");
    check(OBJ(",\"bbox\":[-0,5,0,5]"), "");
    check(OBJ(",\"bbox\":[1,2,3]"), "elements[0].bbox B1");
    check(OBJ(",\"bbox\":[1,2,3,4,5]"), "elements[0].bbox B1");
    check(OBJ(",\"bbox\":{}"), "elements[0].bbox B1");
    check(OBJ(",\"bbox\":[0,0,1,1.0]"), "elements[0].bbox B2");
    check(OBJ(",\"bbox\":[0,0,1e2,1]"), "elements[0].bbox B2");
    check(OBJ(",\"bbox\":[0,\"0\",1,1]"), "elements[0].bbox B2");
    check(OBJ(",\"bbox\":[0,0,true,1]"), "elements[0].bbox B2");
    check(OBJ(",\"bbox\":[0,null,1,5000]"), "elements[0].bbox B2");
    check(OBJ(",\"bbox\":[0,0,1,1001]"), "elements[0].bbox B3");
    check(OBJ(",\"bbox\":[-1,0,1,1]"), "elements[0].bbox B3");
    check(OBJ(",\"bbox\":[0,0,1,123456789012345678901234567890]"), "elements[0].bbox B3");
    check(OBJ(",\"bbox\":[5,0,4,1]"), "elements[0].bbox B4");
    check(OBJ(",\"bbox\":[0,10,1,9]"), "elements[0].bbox B5");
    check(OBJ(",\"bbox\":[-1,2000,-2,3]"),
          "elements[0].bbox B3; elements[0].bbox B4; elements[0].bbox B5");
    check(OBJ(",\"bbox\":[-100000000000000000000,0,-99999999999999999999,0]"),
          "elements[0].bbox B3");
    check(OBJ(",\"bbox\":[-99999999999999999999,0,-100000000000000000000,0]"),
          "elements[0].bbox B3; elements[0].bbox B4");
    check_says(OBJ(",\"bbox\":[500,10,100,2000]"), 0, "500", "10", "100", "2000", NULL);
    check_says(OBJ(",\"bbox\":[500,10,100,2000]"), 1, "y_min 500", "y_max 100", NULL);
    check_says(OBJ(",\"bbox\":[1,20,100,10]"), 0, "x_min 20", "x_max 10", NULL);
}

static void caption_palette_rules_pass_and_fail(void **state) {
    (void)state;
#define FIVE "\"#000000\",\"#999999\",\"#AAAAAA\",\"#FFFFFF\",\"#09AF5C\""
#define PALETTE(list) ELEMENTS("{\"type\":\"obj\",\"desc\":\"d\",\"color_palette\":[" list "]}")
    check(PALETTE(""), "");
    check(PALETTE(FIVE), "");
    check(PALETTE(FIVE ",\"#000000\""), "elements[0].color_palette P2");
    check(PALETTE(FIVE ",\"#00000g\""),
          "elements[0].color_palette P2; elements[0].color_palette[5] P3");
    check_says(PALETTE(FIVE ",\"#000000\""), 0, "5", "6", NULL);
    check(ART(",\"color_palette\":[" FIVE "," FIVE "," FIVE ",\"#000000\"]"), "");
    check(ART(",\"color_palette\":[" FIVE "," FIVE "," FIVE ",\"#000000\",\"#000000\"]"),
          "style_description.color_palette P2");
    check(PALETTE("\"#ff0000\",\"#00FF00\",\"#0F0\",\"0000000\",\"#00000000\""),
          "elements[0].color_palette[0] P3; elements[0].color_palette[2] P3; "
          "elements[0].color_palette[3] P3; elements[0].color_palette[4] P3");
    check(PALETTE("1,null,[\"#000000\"],\"\",\"#0000é\""),
          "elements[0].color_palette[0] P3; elements[0].color_palette[1] P3; "
          "elements[0].color_palette[2] P3; elements[0].color_palette[3] P3; "
          "elements[0].color_palette[4] P3");
    check(PALETTE("\"#00000G\",\"#00000@\",\"#00000:\",\"#00000/\""),
          "elements[0].color_palette[0] P3; elements[0].color_palette[1] P3; "
          "elements[0].color_palette[2] P3; elements[0].color_palette[3] P3");
}

static void caption_key_order_names_found_and_expected(void **state) {
    (void)state;
    check_says(COMPOSITION("{\"elements\":[],\"zz\":1,\"background\":\"x\"}"), 0,
               "(elements, background)", "(background, elements)", NULL);
    check_says(COMPOSITION("{\"background\":\"x\"}"), 0, "(background)", "(background, elements)",
               NULL);
    check_says(COMPOSITION("{\"background\":\"x\"}"), 1, "elements", NULL);
    check_says(STYLE("{\"color_palette\":[],\"aesthetics\":\"a\",\"lighting\":\"l\",\"medium\":"
                     "\"m\",\"photo\":\"p\"}"),
               0, "(color_palette, aesthetics, lighting, medium, photo)",
               "(aesthetics, lighting, photo, medium, color_palette)", NULL);
    check_says(COMPOSITION("{\"z\":0,\"background\":\"x\",\"y\":0,\"elements\":[]}"), 0,
               "\"z\", \"y\"", NULL);
}

static void caption_worked_examples_give_their_warnings(void **state) {
    (void)state;
    check("{}", "root R6");
    check(ELEMENTS(""), "");
    check(COMPOSITION("{\"elements\":[],\"background\":\"x\"}"), "compositional_deconstruction K1");
    check(COMPOSITION("{\"background\":\"x\"}"),
          "compositional_deconstruction K1; compositional_deconstruction C5");
    check("{\"foo\":1,\"compositional_deconstruction\":{\"background\":\"x\",\"elements\":"
          "[{\"type\":\"obj\",\"desc\":\"d\",\"text\":\"t\"}]}}",
          "root R2; elements[0] K2");
    check(ELEMENTS("{\"desc\":\"d\",\"type\":\"obj\"}"), "elements[0] K1");
    check(ELEMENTS("{\"type\":\"text\",\"desc\":\"d\"}"), "elements[0] K1; elements[0] E7");
    check(OBJ(",\"bbox\":[500,10,100,2000]"), "elements[0].bbox B3; elements[0].bbox B4");
    check(OBJ(",\"bbox\":[0,0,1,1.0]"), "elements[0].bbox B2");
    check(ELEMENTS("{\"type\":\"obj\",\"desc\":\"d\",\"zz\":1}"), "elements[0] E2; elements[0] K2");
    check(STYLE("{\"aesthetics\":\"a\",\"lighting\":\"l\",\"medium\":\"m\",\"photo\":\"p\"}"),
          "style_description K1");
    check(STYLE("{\"photo\":\"p\",\"art_style\":\"s\"}"), "style_description S3");
    check(ART(",\"color_palette\":[\"#ff0000\",\"#00FF00\"]"),
          "style_description.color_palette[0] P3");
    check("{\"high_level_description\":\"caf\\u00e9\"}", "raw text T1; root R6");
    check("{\"high_level_description\":\"caf\\u00e9 caf\xc3\xa9\"}", "root R6");
}

static void caption_repeated_keys_take_last_value_in_first_place(void **state) {
    (void)state;
    check_prompt("{\"a\":1,\"b\":2,\"a\":3,\"c\":4,\"b\":{\"x\":[],\"x\":{}}}",
                 "{\"a\":3,\"b\":{\"x\":{}},\"c\":4}");
    check_prompt("{\"\\u0061\":1,\"a\":2}", "{\"a\":2}");
    check(ELEMENTS("{\"type\":\"text\",\"desc\":\"d\",\"type\":\"obj\"}"), "");
    check(ELEMENTS("{\"desc\":1,\"type\":\"obj\",\"desc\":\"d\"}"), "elements[0] K1");
}

/* ---- raw text -------------------------------------------------------------------------------- */

static void caption_escapes_are_reported_with_sorted_examples(void **state) {
    (void)state;
    assert_verified(i4_str_c("\\u0080"), "raw text T1; raw text T2");
    assert_verified(i4_str_c("\\u007f \\u00 \\u00zz \\U00e9 u00e9"), "raw text T2");
    assert_verified(i4_str_c("\"\\u0100\""), "raw text T1; root R1");
    assert_verified(i4_str_c("\"\\uFfFf\""), "raw text T1; root R1");
    assert_verified(i4_str_c("\"\\\\u00e9\""), "raw text T1; root R1");
    assert_verified(i4_str_c("\"\\u00e9\xc3\xa9\""), "root R1");
    check_says("\"\\u00e9\\u00E9\\u00e9\"", 0, "\\u00E9, \\u00e9", NULL);
    check_says("\"\\u4f60\\u00e9\\u597d\\u00E9\\u4f60\"", 0, "\\u00E9, \\u00e9, \\u4f60", NULL);
    i4_findings findings;
    i4_err err;
    assert_true(i4_caption_verify(i4_str_c("\"\\u4f60\\u00e9\\u597d\\u00E9\""), &findings, &err));
    assert_null(strstr(findings.item[0].text, "597d"));
    i4_findings_free(&findings);
}

static void caption_syntax_faults_are_placed(void **state) {
    (void)state;
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"{\"a\":", "line 1 column 6 (character 5)"},
        {"{\n \"\xc3\xa9\": \xc3\xa9}", "line 2 column 7 (character 8)"},
        {"{\"a\":1,}", "line 1 column 8 (character 7)"},
        {"{\"a\":1 \"b\"", "line 1 column 8 (character 7)"},
        {"{\"a\" 1}", "line 1 column 6 (character 5)"},
        {"{a:1}", "line 1 column 2 (character 1)"},
        {"{\"a\":\"b", "line 1 column 6 (character 5)"},
        {"{\"a\":\"\t\"}", "line 1 column 7 (character 6)"},
        {"{\"a\":\"\\x\"}", "line 1 column 7 (character 6)"},
        {"{\"a\":[1,]}", "line 1 column 9 (character 8)"},
        {"{\"a\":[1 2]}", "line 1 column 9 (character 8)"},
        {"{\"a\":01}", "line 1 column 7 (character 6)"},
        {"{\"a\":1.}", "line 1 column 7 (character 6)"},
        {"{\"a\":.5}", "line 1 column 6 (character 5)"},
        {"{\"a\":-}", "line 1 column 6 (character 5)"},
        {"{\"a\":1e}", "line 1 column 7 (character 6)"},
        {"{\"a\":nan}", "line 1 column 6 (character 5)"},
        {"{\"a\":1}\n x", "line 2 column 2 (character 9)"},
        {"{\"a\":\"\\u12g4\"}", "line 1 column 8 (character 7)"},
        {"{}\f1", "line 1 column 3 (character 2)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_verified(i4_str_c(cases[i].text), "raw text T2");
        check_says(cases[i].text, 0, cases[i].place, NULL);
        check_prompt(cases[i].text, cases[i].text);
    }
    assert_verified(i4_str_c(""), "raw text T2");
    i4_findings findings;
    i4_err err;
    assert_true(i4_caption_verify(i4_str_of(NULL, 0), &findings, &err));
    assert_int_equal(findings.count, 1);
    i4_findings_free(&findings);
    assert_verified(i4_str_c("\xef\xbb\xbf{}"), "raw text T2");
    assert_verified(i4_str_of("{\"a\":\"\0\"}", 9), "raw text T2");
    assert_verified(i4_str_of("{\0}", 3), "raw text T2");
    assert_verified(i4_str_of("{}\0", 3), "raw text T2");
    assert_verified(i4_str_c("{\"a\":\"\xff\"}"), "raw text T2");
}

/* ---- entry points ---------------------------------------------------------------------------- */

static void prepared(const char *text, const char *expected, const char *prompt) {
    i4_findings findings;
    i4_err err;
    char *made;
    size_t len;
    assert_true(i4_caption_prepare(i4_str_c(text), false, &made, &len, &findings, &err));
    assert_found(&findings, text, expected);
    assert_string_equal(made, prompt);
    i4_findings_free(&findings);
    i4_free(made);
}

static void caption_plain_text_is_used_verbatim(void **state) {
    (void)state;
    prepared("hello", "plain prompt plain", "hello");
    prepared("  hello \n", "plain prompt plain", "  hello \n");
    prepared(" ", "plain prompt plain", " ");
    prepared("[1]", "plain prompt plain", "[1]");
    prepared("\xef\xbb\xbf{}", "plain prompt plain", "\xef\xbb\xbf{}");
    assert_prompt(i4_str_of("a\0b", 3), i4_str_of("a\0b", 3));
}

static void caption_broken_json_is_used_verbatim(void **state) {
    (void)state;
    prepared("{\"a\":", "invalid JSON caption invalid", "{\"a\":");
    prepared(" {\"a\\u00e9\n", "invalid JSON caption invalid", " {\"a\\u00e9\n");
    i4_findings findings;
    i4_err err;
    char *prompt;
    size_t len;
    assert_true(i4_caption_prepare(i4_str_c("  {\"a\":"), false, &prompt, &len, &findings, &err));
    assert_non_null(strstr(findings.item[0].text, "line 1 column 6 (character 5)"));
    assert_non_null(strstr(findings.item[0].text, "verbatim"));
    i4_findings_free(&findings);
    i4_free(prompt);
}

static void caption_strips_every_blank_of_python(void **state) {
    (void)state;
    static const uint32_t blanks[] = {
        0x09,   0x0a,   0x0b,   0x0c,   0x0d,   0x1c,   0x1d,   0x1e,   0x1f,   0x20,
        0x85,   0xa0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006,
        0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000};
    static const uint32_t others[] = {0x00,   0x08,   0x0e,   0x1b,   0x7f,   0x84,   0x86,   0xa1,
                                      0x180e, 0x200b, 0x200c, 0x2060, 0x3001, 0xfeff, 0x1f600};
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        text.len = 0;
        i4_buf_add_utf8(&text, blanks[i]);
        i4_buf_adds(&text, "{ }");
        i4_buf_add_utf8(&text, blanks[i]);
        i4_buf_add_utf8(&text, blanks[i]);
        assert_prompt(i4_str_of(text.ptr, text.len), i4_str_c("{}"));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        text.len = 0;
        i4_buf_add_utf8(&text, others[i]);
        i4_buf_adds(&text, "{ }");
        assert_prompt(i4_str_of(text.ptr, text.len), i4_str_of(text.ptr, text.len));
        text.len = 0;
        i4_buf_adds(&text, "{ }");
        i4_buf_add_utf8(&text, others[i]);
        assert_prompt(i4_str_of(text.ptr, text.len), i4_str_of(text.ptr, text.len));
    }
    i4_buf_free(&text);
}

static void caption_file_is_not_stripped_beyond_json_blanks(void **state) {
    (void)state;
    assert_verified(i4_str_c(" \t\r\n{} \n"), "root R6");
    assert_verified(i4_str_c("\xc2\xa0{}"), "raw text T2");
    assert_verified(i4_str_c("hello"), "raw text T2");
}

static void caption_empty_prompt_is_refused(void **state) {
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        i4_findings findings;
        i4_err err = {0};
        char *prompt;
        size_t len;
        assert_false(i4_caption_prepare(i4_str_c(""), strict, &prompt, &len, &findings, &err));
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
        assert_non_null(strstr(err.text, "empty"));
        assert_null(prompt);
        i4_findings_free(&findings);
    }
}

static void caption_invalid_utf8_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"\xff", "a\xc3", "{\"a\":\"\xed\xa0\x80\"}", "\xc0\xaf"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        i4_findings findings;
        i4_err err = {0};
        char *prompt;
        size_t len;
        assert_false(i4_caption_prepare(i4_str_c(bad[i]), false, &prompt, &len, &findings, &err));
        assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
        i4_findings_free(&findings);
    }
}

static void caption_strict_mode_lists_all_warnings(void **state) {
    (void)state;
    i4_findings findings;
    i4_err err = {0};
    char *prompt;
    size_t len;
    const char *text = "{\"zz\":1,\"high_level_description\":2}";
    assert_false(i4_caption_prepare(i4_str_c(text), true, &prompt, &len, &findings, &err));
    assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
    const char *first = strstr(err.text, "\nroot: unknown keys");
    const char *second = strstr(err.text, "\nhigh_level_description: ");
    const char *third = strstr(err.text, "\nroot: the key compositional_deconstruction");
    assert_true(first && second && third && first < second && second < third);
    assert_found(&findings, text, "root R2; high_level_description R3; root R6");
    assert_null(prompt);
    i4_findings_free(&findings);
    assert_true(i4_caption_prepare(i4_str_c(ELEMENTS("")), true, &prompt, &len, &findings, &err));
    assert_int_equal(findings.count, 0);
    assert_string_equal(prompt, ELEMENTS(""));
    i4_findings_free(&findings);
    i4_free(prompt);
}

/* Keys of every length around that of an error's text: each list must fit or be cut. */
static void caption_strict_list_is_cut_at_a_character(void **state) {
    (void)state;
    for (size_t count = 380; count < 520; count++) {
        i4_buf text;
        i4_buf_init(&text, SIZE_MAX);
        i4_buf_adds(&text, "{\"");
        for (size_t i = 0; i < count % 4; i++) {
            i4_buf_adds(&text, "a");
        }
        for (size_t i = count % 4; i + 3 <= count; i += 3) {
            i4_buf_adds(&text, "\xe4\xbd\xa0");
        }
        i4_buf_adds(&text, "\":1}");
        i4_findings findings;
        i4_err err = {0};
        char *prompt;
        size_t len;
        assert_false(i4_caption_prepare(i4_str_of(text.ptr, text.len), true, &prompt, &len,
                                        &findings, &err));
        const bool is_whole = i4_str_ends(i4_str_c(err.text), "is required");
        assert_true(is_whole || i4_str_ends(i4_str_c(err.text), "\xe2\x80\xa6"));
        assert_true(is_whole || strlen(err.text) > sizeof err.text - 8);
        assert_true(i4_utf8_valid(i4_str_c(err.text)));
        assert_true(i4_str_starts(i4_str_c(err.text), "the caption has 2 warnings"));
        i4_findings_free(&findings);
        i4_buf_free(&text);
    }
}

/* ---- serialisation --------------------------------------------------------------------------- */

static void caption_prompt_is_compact(void **state) {
    (void)state;
    check_prompt(" {\r\n\t\"b\" : [ 1 , true,false , null,[ ],{ } ] ,\"a\": {\"c\" :\"d\"}} ",
                 "{\"b\":[1,true,false,null,[],{}],\"a\":{\"c\":\"d\"}}");
    check_prompt("{\"\":{\"\":{}}}", "{\"\":{\"\":{}}}");
}

static void caption_strings_escape_only_what_must_be(void **state) {
    (void)state;
    check_value("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check_value("\"\\u0000\\u0001\\u001F\\u007f\\u000A\"", "\"\\u0000\\u0001\\u001f\x7f\\n\"");
    check_value("\"\\u00e9\\u4F60\\ud83d\\ude00\"", "\"\xc3\xa9\xe4\xbd\xa0\xf0\x9f\x98\x80\"");
    check_value("\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\"",
                "\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\"");
    check_value("\"\\ud83d\"", "\"\xef\xbf\xbd\"");
    check_value("\"\\ude00\\ud83d\"", "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    check_value("\"\\ud83d\\ud83d\\ude00\"", "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"");
    check_value("\"\\ud83dx\\ude00\"", "\"\xef\xbf\xbdx\xef\xbf\xbd\"");
    check_value("\"\\ud83d\\u0041\"", "\"\xef\xbf\xbd"
                                      "A\"");
    check_prompt("{\"\\t\\u00e9\":1}", "{\"\\t\xc3\xa9\":1}");
}

/* Pairs of a number and what Python 3's json writes for it. */
static const char *const NUMBERS[][2] = {
    {"0", "0"},
    {"-0", "0"},
    {"-12", "-12"},
    {"123456789012345678901234567890", "123456789012345678901234567890"},
    {"1.0", "1.0"},
    {"-0.0", "-0.0"},
    {"-0e5", "-0.0"},
    {"0.10", "0.1"},
    {"1e2", "100.0"},
    {"1E+2", "100.0"},
    {"12.5e-1", "1.25"},
    {"0.0001", "0.0001"},
    {"0.00001", "1e-05"},
    {"0.000012345", "1.2345e-05"},
    {"1e15", "1000000000000000.0"},
    {"1e16", "1e+16"},
    {"123456789012345680.0", "1.2345678901234568e+17"},
    {"9999999999999998.0", "9999999999999998.0"},
    {"0.1e1", "1.0"},
    {"3.141592653589793238", "3.141592653589793"},
    {"1e100", "1e+100"},
    {"1e-100", "1e-100"},
    {"1e999", "Infinity"},
    {"-1e999", "-Infinity"},
    {"1e-999", "0.0"},
    {"-1e-999", "-0.0"},
    {"1e99999999999999999999999", "Infinity"},
    {"0e99999999999999999999999", "0.0"},
    {"5e-324", "5e-324"},
    {"2.2250738585072014e-308", "2.2250738585072014e-308"},
    {"1.7976931348623157e308", "1.7976931348623157e+308"},
    {"9007199254740993.0", "9007199254740992.0"},
    {"5.684341886080801486968994140625e-14", "5.684341886080802e-14"},
    {"0.3", "0.3"},
    {"0.30000000000000004", "0.30000000000000004"},
    {"2.5", "2.5"},
    {"NaN", "NaN"},
    {"Infinity", "Infinity"},
    {"-Infinity", "-Infinity"},
};

static void caption_numbers_are_written_as_python_does(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        check_value(NUMBERS[i][0], NUMBERS[i][1]);
    }
}

static void caption_numbers_do_not_depend_on_the_locale(void **state) {
    (void)state;
    static const char *const commas[] = {"de_DE.UTF-8", "de_DE.utf8",  "fr_FR.UTF-8",
                                         "ru_RU.UTF-8", "pt_BR.UTF-8", "de_DE"};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof commas / sizeof *commas && !found; i++) {
        found = setlocale(LC_ALL, commas[i]);
    }
    if (!found || strcmp(localeconv()->decimal_point, ",") != 0) {
        setlocale(LC_ALL, "C");
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
        check_value(NUMBERS[i][0], NUMBERS[i][1]);
    }
    setlocale(LC_ALL, "C");
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void add_times(i4_buf *out, const char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        i4_buf_adds(out, text);
    }
}

static void caption_nesting_is_bounded(void **state) {
    (void)state;
    for (size_t depth = I4_LIMIT_JSON_DEPTH; depth <= I4_LIMIT_JSON_DEPTH + 1; depth++) {
        i4_buf text;
        i4_buf_init(&text, SIZE_MAX);
        i4_buf_adds(&text, "{\"a\":");
        add_times(&text, "[", depth - 1);
        add_times(&text, "]", depth - 1);
        i4_buf_adds(&text, "}");
        assert_verified(i4_str_of(text.ptr, text.len),
                        depth > I4_LIMIT_JSON_DEPTH ? "raw text T2" : "root R2; root R6");
        i4_buf_free(&text);
    }
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    add_times(&text, "{\"\":", 60000);
    assert_verified(i4_str_of(text.ptr, text.len), "raw text T2");
    i4_buf_free(&text);
}

static void caption_length_is_bounded(void **state) {
    (void)state;
    const size_t sizes[] = {I4_LIMIT_CAPTION_BYTES, I4_LIMIT_CAPTION_BYTES + 1};
    for (size_t i = 0; i < 2; i++) {
        char *text = malloc(sizes[i]);
        assert_non_null(text);
        memset(text, 'x', sizes[i]);
        i4_findings findings;
        i4_err err = {0};
        char *prompt;
        size_t len;
        const bool fits = i == 0;
        assert_int_equal(
            i4_caption_prepare(i4_str_of(text, sizes[i]), false, &prompt, &len, &findings, &err),
            fits);
        i4_free(prompt);
        i4_findings_free(&findings);
        assert_int_equal(i4_caption_verify(i4_str_of(text, sizes[i]), &findings, &err), fits);
        i4_findings_free(&findings);
        if (!fits) {
            assert_int_equal(err.status, I4_E_INVALID_ARGUMENT);
            assert_non_null(strstr(err.text, "262145"));
        }
        free(text);
    }
}

/* Whole captions of the largest size, built to hurt. None may take long. */
static void caption_hostile_sizes_are_handled(void **state) {
    (void)state;
    i4_buf text;
    i4_buf_init(&text, SIZE_MAX);
    i4_buf_adds(&text, "{");
    for (int i = 0; i < 20000; i++) {
        i4_buf_addf(&text, "\"%d\":%d,", i % 10000, i);
    }
    i4_buf_adds(&text, "\"x\":0}");
    i4_findings findings;
    i4_err err;
    char *prompt;
    size_t len;
    assert_true(
        i4_caption_prepare(i4_str_of(text.ptr, text.len), false, &prompt, &len, &findings, &err));
    assert_true(i4_str_starts(i4_str_c(prompt), "{\"0\":10000,\"1\":10001,"));
    assert_true(i4_str_ends(i4_str_c(prompt), ",\"9999\":19999,\"x\":0}"));
    i4_free(prompt);
    i4_findings_free(&findings);

    text.len = 0;
    i4_buf_adds(&text, "{\"compositional_deconstruction\":{\"background\":\"\",\"elements\":[0");
    add_times(&text, ",0", 100000);
    i4_buf_adds(&text, "]}}");
    assert_true(i4_caption_verify(i4_str_of(text.ptr, text.len), &findings, &err));
    assert_int_equal(findings.count, 100001);
    assert_string_equal(findings.item[100000].path, "elements[100000]");
    i4_findings_free(&findings);

    text.len = 0;
    i4_buf_adds(&text, "{\"a\":[0.");
    add_times(&text, "3", 100000);
    add_times(&text, ",1e15", 25000);
    i4_buf_adds(&text, "]}");
    assert_true(
        i4_caption_prepare(i4_str_of(text.ptr, text.len), false, &prompt, &len, &findings, &err));
    assert_true(i4_str_starts(i4_str_c(prompt), "{\"a\":[0.3333333333333333,1000000000000000.0,"));
    i4_free(prompt);
    i4_findings_free(&findings);
    i4_buf_free(&text);
}

static bool fail_countdown(i4_fault_kind kind, size_t bytes, void *user) {
    (void)bytes;
    int *left = user;
    return kind == I4_FAULT_ALLOC && (*left)-- == 0;
}

static void caption_out_of_memory_anywhere_is_an_error(void **state) {
    (void)state;
    static const char text[] =
        "{\"zz\":1.5,\"high_level_description\":\"\\u00e9\",\"zz\":[1],\"style_description\":{},"
        "\"compositional_deconstruction\":{\"elements\":[{\"type\":\"obj\",\"bbox\":[9,0,1,2000],"
        "\"color_palette\":[1]}]}}";
    bool is_done = false;
    int index = 0;
    for (; !is_done && index < 1000; index++) {
        i4_findings findings;
        i4_err err = {0};
        char *prompt = NULL;
        size_t len;
        int left = index;
        i4_fault_set(fail_countdown, &left);
        is_done = i4_caption_prepare(i4_str_c(text), false, &prompt, &len, &findings, &err);
        i4_fault_set(NULL, NULL);
        if (!is_done) {
            assert_int_equal(err.status, I4_E_OUT_OF_MEMORY);
        }
        i4_findings_free(&findings);
        i4_free(prompt);
        left = index;
        i4_fault_set(fail_countdown, &left);
        const bool is_verified = i4_caption_verify(i4_str_c(text), &findings, &err);
        i4_fault_set(NULL, NULL);
        assert_true(is_verified || err.status == I4_E_OUT_OF_MEMORY);
        i4_findings_free(&findings);
        left = index;
        i4_fault_set(fail_countdown, &left);
        assert_false(i4_caption_prepare(i4_str_c(text), true, &prompt, &len, &findings, &err));
        i4_fault_set(NULL, NULL);
        i4_findings_free(&findings);
    }
    assert_true(is_done);
    assert_true(index > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(caption_root_rules_pass_and_fail),
        cmocka_unit_test(caption_type_names_are_those_of_json),
        cmocka_unit_test(caption_style_rules_pass_and_fail),
        cmocka_unit_test(caption_composition_rules_pass_and_fail),
        cmocka_unit_test(caption_element_rules_pass_and_fail),
        cmocka_unit_test(caption_box_rules_pass_and_fail),
        cmocka_unit_test(caption_palette_rules_pass_and_fail),
        cmocka_unit_test(caption_key_order_names_found_and_expected),
        cmocka_unit_test(caption_worked_examples_give_their_warnings),
        cmocka_unit_test(caption_repeated_keys_take_last_value_in_first_place),
        cmocka_unit_test(caption_escapes_are_reported_with_sorted_examples),
        cmocka_unit_test(caption_syntax_faults_are_placed),
        cmocka_unit_test(caption_plain_text_is_used_verbatim),
        cmocka_unit_test(caption_broken_json_is_used_verbatim),
        cmocka_unit_test(caption_strips_every_blank_of_python),
        cmocka_unit_test(caption_file_is_not_stripped_beyond_json_blanks),
        cmocka_unit_test(caption_empty_prompt_is_refused),
        cmocka_unit_test(caption_invalid_utf8_is_refused),
        cmocka_unit_test(caption_strict_mode_lists_all_warnings),
        cmocka_unit_test(caption_strict_list_is_cut_at_a_character),
        cmocka_unit_test(caption_prompt_is_compact),
        cmocka_unit_test(caption_strings_escape_only_what_must_be),
        cmocka_unit_test(caption_numbers_are_written_as_python_does),
        cmocka_unit_test(caption_numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(caption_nesting_is_bounded),
        cmocka_unit_test(caption_length_is_bounded),
        cmocka_unit_test(caption_hostile_sizes_are_handled),
        cmocka_unit_test(caption_out_of_memory_anywhere_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
