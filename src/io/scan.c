/* The JSON cursor: tokens, strings with escapes, numbers, and an iterative skip. */
#include "io/scan.h"

#include "base/limits.h"

#include <string.h>

bool i4_scan_fail(i4_scan *s, const char *problem) {
    if (!s->problem) {
        s->problem = problem;
    }
    return false;
}

char i4_scan_peek(i4_scan *s) {
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r')) {
        s->at++;
    }
    return s->at < s->end && !s->problem ? *s->at : '\0';
}

bool i4_scan_take(i4_scan *s, char c) {
    if (i4_scan_peek(s) != c) {
        return false;
    }
    s->at++;
    return true;
}

bool i4_scan_need(i4_scan *s, char c, const char *problem) {
    return i4_scan_take(s, c) || i4_scan_fail(s, problem);
}

bool i4_scan_done(i4_scan *s) {
    i4_scan_peek(s);
    return !s->problem && s->at == s->end;
}

bool i4_scan_next(i4_scan *s, char close, bool *first) {
    if (i4_scan_take(s, close)) {
        return false;
    }
    if (!*first && !i4_scan_need(s, ',', "a comma or closing bracket is missing")) {
        return false;
    }
    *first = false;
    return !s->problem;
}

static bool is_digit(const i4_scan *s) {
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

/* --- strings ------------------------------------------------------------------------------- */

static bool hex4(i4_scan *s, uint32_t *out) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = s->at < s->end ? *s->at : '\0';
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            digit = (uint32_t)((c | 0x20) - 'a') + 10;
        } else {
            return i4_scan_fail(s, "a \\u escape needs four hexadecimal digits");
        }
        value = value << 4 | digit;
        s->at++;
    }
    *out = value;
    return true;
}

/* After "\u": one code point, a surrogate pair counting as one. */
static bool unicode_escape(i4_scan *s, uint32_t *out) {
    uint32_t high, low;
    if (!hex4(s, &high)) {
        return false;
    }
    if (high < 0xd800 || high > 0xdfff) {
        *out = high;
        return true;
    }
    if (high > 0xdbff || s->end - s->at < 2 || s->at[0] != '\\' || s->at[1] != 'u') {
        return i4_scan_fail(s, "a \\u escape holds half a surrogate pair");
    }
    s->at += 2;
    if (!hex4(s, &low)) {
        return false;
    }
    if (low < 0xdc00 || low > 0xdfff) {
        return i4_scan_fail(s, "a \\u escape holds half a surrogate pair");
    }
    *out = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
    return true;
}

static size_t put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | c >> 6 * more);
    for (int i = 1; i <= more; i++) {
        out[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
    }
    return (size_t)more + 1;
}

/* After the backslash: the characters it stands for. */
static bool escape(i4_scan *s, char out[4], size_t *len) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = s->at < s->end ? *s->at++ : '\0';
    uint32_t code;
    if (c == 'u') {
        if (!unicode_escape(s, &code)) {
            return false;
        }
        *len = put_utf8(out, code);
        return true;
    }
    const char *known = c ? strchr(from, c) : NULL;
    if (!known) {
        return i4_scan_fail(s, "a string holds an unknown escape");
    }
    out[0] = to[known - from];
    *len = 1;
    return true;
}

bool i4_scan_string(i4_scan *s, char *out, size_t *len) {
    size_t n = 0;
    if (!i4_scan_need(s, '"', "a string is missing")) {
        return false;
    }
    while (s->at < s->end && *s->at != '"') {
        char c = *s->at++;
        char piece[4] = {c};
        size_t piece_len = 1;
        if ((unsigned char)c < 0x20) {
            return i4_scan_fail(s, "a string holds a bare control character");
        }
        if (c == '\\' && !escape(s, piece, &piece_len)) {
            return false;
        }
        if (out) {
            memcpy(out + n, piece, piece_len);
        }
        n += piece_len;
    }
    if (s->at == s->end) {
        return i4_scan_fail(s, "a string has no end");
    }
    s->at++;
    if (out) {
        out[n] = '\0';
    }
    if (len) {
        *len = n;
    }
    return true;
}

/* --- numbers and words --------------------------------------------------------------------- */

bool i4_scan_whole(i4_scan *s, int64_t *out) {
    i4_scan_peek(s);
    if (s->problem || !is_digit(s)) {
        return i4_scan_fail(s, "a whole number of 0 or more is missing");
    }
    const char *begin = s->at;
    int64_t value = 0;
    for (; is_digit(s); s->at++) {
        int digit = *s->at - '0';
        if (value > (INT64_MAX - digit) / 10) {
            return i4_scan_fail(s, "a number is too large");
        }
        value = value * 10 + digit;
    }
    if (*begin == '0' && s->at - begin > 1) {
        return i4_scan_fail(s, "a number begins with 0");
    }
    char next = s->at < s->end ? *s->at : '\0';
    if (next == '.' || next == 'e' || next == 'E') {
        return i4_scan_fail(s, "a number has a fraction or an exponent");
    }
    *out = value;
    return true;
}

static bool digits(i4_scan *s) {
    if (!is_digit(s)) {
        return i4_scan_fail(s, "a number is malformed");
    }
    while (is_digit(s)) {
        s->at++;
    }
    return true;
}

static bool accept(i4_scan *s, const char *any_of) {
    bool found = s->at < s->end && *s->at && strchr(any_of, *s->at);
    s->at += found;
    return found;
}

static bool skip_number(i4_scan *s) {
    accept(s, "-");
    if (!accept(s, "0") && !digits(s)) {
        return false;
    }
    if (is_digit(s)) {
        return i4_scan_fail(s, "a number begins with 0");
    }
    if (accept(s, ".") && !digits(s)) {
        return false;
    }
    if (accept(s, "eE")) {
        accept(s, "+-");
        return digits(s);
    }
    return true;
}

static bool skip_word(i4_scan *s) {
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(s->end - s->at) >= len && memcmp(s->at, words[i], len) == 0) {
            s->at += len;
            return true;
        }
    }
    return i4_scan_fail(s, "a value is missing");
}

static bool skip_scalar(i4_scan *s) {
    char c = i4_scan_peek(s);
    if (c == '"') {
        return i4_scan_string(s, NULL, NULL);
    }
    return c == '-' || (c >= '0' && c <= '9') ? skip_number(s) : skip_word(s);
}

static bool skip_key(i4_scan *s) {
    return i4_scan_string(s, NULL, NULL) && i4_scan_need(s, ':', "a colon is missing");
}

/* Iterative: the open brackets are kept in a small stack, so depth costs no stack frames. */
bool i4_scan_skip(i4_scan *s) {
    char close[I4_LIMIT_JSON_DEPTH];
    bool first = true;
    int depth = 0;
    do {
        if (depth > 0) {
            if (!i4_scan_next(s, close[depth - 1], &first)) {
                depth--;
                first = false;
                continue;
            }
            if (close[depth - 1] == '}' && !skip_key(s)) {
                return false;
            }
        }
        char c = i4_scan_peek(s);
        if (c != '{' && c != '[') {
            skip_scalar(s);
        } else if (depth == I4_LIMIT_JSON_DEPTH) {
            return i4_scan_fail(s, "it is nested too deeply");
        } else {
            s->at++;
            close[depth++] = c == '{' ? '}' : ']';
            first = true;
        }
    } while (depth > 0 && !s->problem);
    return !s->problem;
}
