/* The report of a check: findings, one after the other. */
#include "gateway/check/checkup.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_SHOWN = 5 };

static json_t *some_of(const json_t *names) {
    json_t *some = json_array();
    for (size_t i = 0; i < json_array_size(names) && i < NAMES_SHOWN; i++) {
        json_array_append(some, json_array_get(names, i));
    }
    return some;
}

/* Texts may hold names that come from outside. */
static json_t *clean_text(const char *text) {
    return i4_utf8_valid(i4_str_c(text)) ? json_string(text) : json_string("(unreadable)");
}

static void add(i4_checkup *c, i4_finding_state state, i4_finding f, const char *text) {
    static const char *const names[] = {"ok", "note", "mended", "todo"};
    json_t *finding = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o}", "area", f.area, "code", f.code,
                                "state", names[state], "count", (json_int_t)f.count, "text",
                                clean_text(text), "names", some_of(f.names));
    if (json_array_append_new(c->findings, finding) != 0) {
        c->out_of_memory = true;
    }
    c->mended += state == I4_FINDING_MENDED;
    c->left += state == I4_FINDING_TODO;
}

void i4_checkup_say(i4_checkup *c, i4_finding_state state, i4_finding finding, const char *format,
                    ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add(c, state, finding, text);
}

void i4_checkup_say_error(i4_checkup *c, const char *area, const char *code, const i4_err *err) {
    add(c, I4_FINDING_TODO, (i4_finding){.area = area, .code = code, .count = 1}, err->text);
}

void i4_checkup_say_mended(i4_checkup *c, i4_finding finding, bool is_mended, const char *what,
                           const char *did) {
    if (finding.count == 0) {
        return;
    }
    if (is_mended) {
        i4_checkup_say(c, I4_FINDING_MENDED, finding, "%s: %lld, %s", what,
                       (long long)finding.count, did);
        return;
    }
    const long long count = finding.count;
    if (c->is_running) {
        i4_checkup_say(c, I4_FINDING_TODO, finding,
                       "%s: %lld; stop the gateway and check again to have them %s", what, count,
                       did);
    } else if (c->is_dry) {
        i4_checkup_say(c, I4_FINDING_TODO, finding, "%s: %lld; without --dry-run they are %s", what,
                       count, did);
    } else {
        i4_checkup_say(c, I4_FINDING_TODO, finding,
                       "%s: %lld; they could not be %s: look at the other findings and at the "
                       "rights of the folders",
                       what, count, did);
    }
}

void i4_checkup_name(i4_checkup *c, json_t *names, const char *name) {
    if (json_array_append_new(names, clean_text(name)) != 0) {
        c->out_of_memory = true;
    }
}

bool i4_checkup_path(const char *folder, const char *name, char *out, size_t size) {
    const int length = snprintf(out, size, "%s/%s", folder, name);
    return length > 0 && (size_t)length < size;
}

const char *i4_checkup_suffix(const char *name) {
    return strspn(name, "0123456789abcdef") == 32 && name[32] == '.' ? name + 33 : NULL;
}
