/* Entry points of captions: which text becomes the prompt, the checks of the raw text, and how
 * strict mode fails. The structure is checked in check.c. */
#include "caption/caption.h"
#include "base/limits.h"
#include "base/memory.h"
#include "caption/check.h"

#include <stdio.h>
#include <string.h>

enum {
    ESCAPE_BYTES = 6,    /* \uXXXX */
    ESCAPE_EXAMPLES = 3, /* shown in a warning */
    /* Only numbers grow when rewritten, "1e15" the most: to less than five times. */
    PROMPT_BYTES_MAX = 5 * I4_LIMIT_CAPTION_BYTES
};

void i4_findings_free(i4_findings *findings) {
    for (size_t i = 0; i < findings->count; i++) {
        i4_free(findings->item[i].path);
        i4_free(findings->item[i].code);
        i4_free(findings->item[i].text);
    }
    i4_free(findings->item);
    *findings = (i4_findings){0};
}

/* ---- stripping ------------------------------------------------------------------------------- */

/* What Python's str.strip takes away. */
static bool is_blank(uint32_t c) {
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

static i4_str strip(i4_str text) {
    size_t begin = 0, end = text.len, pos = 0;
    uint32_t c;
    while (i4_utf8_next(text, &pos, &c) && is_blank(c)) {
        begin = pos;
    }
    while (end > begin) {
        size_t last = end - 1;
        while (last > begin && ((unsigned char)text.ptr[last] & 0xc0) == 0x80) {
            last--;
        }
        pos = last;
        if (!i4_utf8_next(text, &pos, &c) || !is_blank(c)) {
            break;
        }
        end = last;
    }
    return i4_str_of(text.ptr + begin, end - begin);
}

/* ---- raw text -------------------------------------------------------------------------------- */

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Whether text begins with \uXXXX of a value from 0x80. */
static bool is_avoidable_escape(i4_str text) {
    if (text.len < ESCAPE_BYTES || text.ptr[0] != '\\' || text.ptr[1] != 'u') {
        return false;
    }
    const char *hex = text.ptr + 2;
    for (int i = 0; i < 4; i++) {
        if (!is_hex(hex[i])) {
            return false;
        }
    }
    return hex[0] != '0' || hex[1] != '0' || hex[2] >= '8'; /* letters follow digits in ASCII */
}

typedef struct examples {
    char text[ESCAPE_EXAMPLES][ESCAPE_BYTES + 1]; /* sorted, distinct */
    int count;
} examples;

/* Keeps the smallest three. */
static void keep_example(examples *e, const char *escape) {
    char next[ESCAPE_BYTES + 1] = {0};
    memcpy(next, escape, ESCAPE_BYTES);
    for (int i = 0; i < e->count; i++) {
        const int order = memcmp(next, e->text[i], sizeof next);
        if (order == 0) {
            return;
        }
        if (order < 0) { /* takes this place; the one that was here moves on */
            char moved[ESCAPE_BYTES + 1];
            memcpy(moved, e->text[i], sizeof moved);
            memcpy(e->text[i], next, sizeof next);
            memcpy(next, moved, sizeof next);
        }
    }
    if (e->count < ESCAPE_EXAMPLES) {
        memcpy(e->text[e->count++], next, sizeof next);
    }
}

/* T1 */
static void check_escapes(i4_str text, i4_report *report) {
    examples found = {.count = 0};
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80) {
            return; /* a literal character somewhere excuses all escapes */
        }
        if (is_avoidable_escape(i4_str_of(text.ptr + i, text.len - i))) {
            keep_example(&found, text.ptr + i);
        }
    }
    if (found.count > 0) {
        i4_report_add(report, "raw text", "T1",
                      "non-ASCII characters should be written literally, not as escapes such as "
                      "%s%s%s%s%s",
                      found.text[0], found.count > 1 ? ", " : "", found.text[1],
                      found.count > 2 ? ", " : "", found.text[2]);
    }
}

/* ---- the prompt ------------------------------------------------------------------------------ */

static bool use_structured(i4_str input, i4_str stripped, i4_buf *prompt, i4_report *report,
                           i4_err *err) {
    i4_cj document;
    i4_cj_fault fault;
    const bool is_json = i4_cj_parse(stripped, &document, &fault, err);
    if (is_json) {
        i4_cj_write(&document, prompt);
        check_escapes(stripped, report);
        i4_caption_check(&document, report);
    } else if (fault.text[0]) {
        i4_report_add(report, "invalid JSON caption", "invalid", "%s; the text is used verbatim",
                      fault.text);
        i4_buf_add(prompt, input.ptr, input.len);
    }
    i4_cj_free(&document);
    return is_json || fault.text[0];
}

static bool make_prompt(i4_str input, i4_buf *prompt, i4_report *report, i4_err *err) {
    const i4_str stripped = strip(input);
    if (i4_str_starts(stripped, "{")) {
        return use_structured(input, stripped, prompt, report, err);
    }
    i4_report_add(report, "plain prompt", "plain",
                  "the model expects JSON captions; plain text tends to lower quality and to "
                  "false refusals");
    i4_buf_add(prompt, input.ptr, input.len);
    return true;
}

/* ---- strict mode ----------------------------------------------------------------------------- */

/* Fills *err with several lines, which i4_fail would join; cut at a character if too long. */
static void fail_lines(i4_err *err, i4_str lines) {
    static const char more[] = "…";
    if (!err) {
        return;
    }
    err->status = I4_E_INVALID_ARGUMENT;
    if (lines.len < sizeof err->text) {
        memcpy(err->text, lines.ptr, lines.len);
        err->text[lines.len] = '\0';
        return;
    }
    size_t size = sizeof err->text - sizeof more;
    while (size > 0 && ((unsigned char)lines.ptr[size] & 0xc0) == 0x80) {
        size--;
    }
    memcpy(err->text, lines.ptr, size);
    memcpy(err->text + size, more, sizeof more);
}

static bool fail_strict(const i4_findings *findings, i4_err *err) {
    i4_buf lines;
    i4_buf_init(&lines, SIZE_MAX);
    i4_buf_addf(&lines,
                "the caption has %zu warning%s and strict mode allows none:", findings->count,
                findings->count == 1 ? "" : "s");
    for (size_t i = 0; i < findings->count; i++) {
        i4_buf_addf(&lines, "\n%s: %s", findings->item[i].path, findings->item[i].text);
    }
    if (lines.failed) {
        i4_fail_memory(err, "the warnings", lines.len);
    } else {
        fail_lines(err, i4_str_of(lines.ptr, lines.len));
    }
    i4_buf_free(&lines);
    return false;
}

/* ---- public ---------------------------------------------------------------------------------- */

static bool check_input(i4_str text, i4_err *err) {
    return text.len <= I4_LIMIT_CAPTION_BYTES ||
           i4_fail(err, I4_E_INVALID_ARGUMENT, "the caption has %zu bytes; at most %d are allowed",
                   text.len, I4_LIMIT_CAPTION_BYTES);
}

static bool prepare(i4_str input, i4_buf *prompt, i4_report *report, i4_err *err) {
    if (!check_input(input, err)) {
        return false;
    }
    if (!i4_utf8_valid(input)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the caption is not valid UTF-8; save it in that encoding");
    }
    if (!make_prompt(input, prompt, report, err)) {
        return false;
    }
    if (report->failed || prompt->failed) {
        return i4_fail_memory(err, "the caption", prompt->len);
    }
    return prompt->len > 0 ||
           i4_fail(err, I4_E_INVALID_ARGUMENT, "the prompt is empty; describe a picture");
}

/* An empty slice may be NULL, which takes no offset. */
static i4_str never_null(i4_str text) {
    return text.ptr ? text : i4_str_c("");
}

/* When strict mode fails the findings stay, for the caller to show; on other failures there are
 * none. */
bool i4_caption_prepare(i4_str input, bool strict, char **prompt, size_t *prompt_len,
                        i4_findings *findings, i4_err *err) {
    *prompt = NULL;
    *prompt_len = 0;
    *findings = (i4_findings){0};
    i4_buf text;
    i4_report report = {.findings = findings};
    i4_buf_init(&text, PROMPT_BYTES_MAX);
    bool is_done = prepare(never_null(input), &text, &report, err);
    if (!is_done) {
        i4_findings_free(findings);
    } else if (strict && findings->count > 0) {
        is_done = fail_strict(findings, err);
    } else {
        *prompt = i4_buf_take(&text, prompt_len);
    }
    i4_buf_free(&text);
    return is_done;
}

static bool verify(i4_str text, i4_report *report, i4_err *err) {
    if (!check_input(text, err)) {
        return false;
    }
    if (!i4_utf8_valid(text)) {
        i4_report_add(report, "raw text", "T2", "the text is not valid UTF-8");
        return true;
    }
    i4_cj document;
    i4_cj_fault fault;
    check_escapes(text, report);
    const bool is_json = i4_cj_parse(text, &document, &fault, err);
    if (is_json) {
        i4_caption_check(&document, report);
    } else if (fault.text[0]) {
        i4_report_add(report, "raw text", "T2", "not valid JSON: %s", fault.text);
    }
    i4_cj_free(&document);
    return is_json || fault.text[0];
}

bool i4_caption_verify(i4_str text, i4_findings *findings, i4_err *err) {
    *findings = (i4_findings){0};
    i4_report report = {.findings = findings};
    bool is_done = verify(never_null(text), &report, err);
    if (is_done && report.failed) {
        is_done = i4_fail_memory(err, "the warnings", 0);
    }
    if (!is_done) {
        i4_findings_free(findings);
    }
    return is_done;
}
