/* The search: cheap looks first, so that text without a caption costs one walk over it. */
#include "gateway/library/find.h"

#include "base/memory.h"
#include "http/wire.h"

#include <string.h>

enum {
    TRIES_MAX = 64,           /* objects of one text that are parsed */
    WORK_BYTES_MAX = 32 << 20 /* read in all, over and over, while searching */
};

const char i4_caption_mark[] = "compositional_deconstruction"; /* what every caption has */

/* --- a search ------------------------------------------------------------------------------ */

static void note_repair(i4_find *s, const char *sentence) {
    for (size_t i = 0; i < json_array_size(s->repaired); i++) {
        if (strcmp(json_string_value(json_array_get(s->repaired, i)), sentence) == 0) {
            return;
        }
    }
    json_array_append_new(s->repaired, json_string(sentence));
}

static bool may_work(i4_find *s, size_t bytes) {
    s->work += bytes;
    return s->work <= WORK_BYTES_MAX;
}

/* Place of a word; text.len if it is not there. */
static size_t find(i4_str text, const char *word) {
    const size_t size = strlen(word);
    size_t at = 0;
    while (at + size <= text.len) {
        const char *next = memchr(text.ptr + at, word[0], text.len - at - size + 1);
        if (!next) {
            return text.len;
        }
        at = (size_t)(next - text.ptr);
        if (memcmp(next, word, size) == 0) {
            return at;
        }
        at++;
    }
    return text.len;
}

static bool has(i4_str text, const char *word) {
    return find(text, word) < text.len;
}

/* --- JSON with small faults ------------------------------------------------------------------ */

/* What is between two quotes is passed over; *at behind the closing one. */
static void skip_string(i4_str text, size_t *at) {
    for (++*at; *at < text.len && text.ptr[*at] != '"'; ++*at) {
        *at += text.ptr[*at] == '\\';
    }
    ++*at;
}

/* Behind the bracket that closes the one at `at`; 0 when none does or it is too deep. */
static size_t end_of(i4_str text, size_t at) {
    int depth = 0;
    while (at < text.len) {
        const char c = text.ptr[at];
        if (c == '"') {
            skip_string(text, &at);
            continue;
        }
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        at++;
        if (depth <= 0 || depth > I4_FIND_DEPTH) {
            return depth == 0 ? at : 0;
        }
    }
    return 0;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A copy without commas in front of closing brackets; *count of them. */
static char *without_commas(i4_str text, size_t *size, int *count) {
    char *out = i4_malloc(text.len + 1);
    size_t used = 0;
    *count = 0;
    for (size_t at = 0; out && at < text.len;) {
        const size_t start = at;
        if (text.ptr[at] == '"') {
            skip_string(text, &at);
            at = at < text.len ? at : text.len;
        } else {
            at++;
        }
        size_t next = at;
        while (text.ptr[start] == ',' && next < text.len && is_blank(text.ptr[next])) {
            next++;
        }
        if (text.ptr[start] == ',' && next < text.len &&
            (text.ptr[next] == '}' || text.ptr[next] == ']')) {
            ++*count;
            continue;
        }
        memcpy(out + used, text.ptr + start, at - start);
        used += at - start;
    }
    *size = used;
    return out;
}

/* A value of limited depth (new reference), NULL if it is none even after a repair. */
json_t *i4_find_parse(i4_find *s, i4_str text) {
    json_t *value = NULL;
    if (++s->tries > TRIES_MAX || !may_work(s, 3 * text.len) ||
        (text.len > 0 && (text.ptr[0] == '{' || text.ptr[0] == '[') && end_of(text, 0) == 0)) {
        return NULL;
    }
    if (i4_wire_read(text.ptr, text.len, &value, NULL) == I4_WIRE_OK) {
        return value;
    }
    size_t size;
    int count;
    char *mended = without_commas(text, &size, &count);
    if (mended && count > 0 && i4_wire_read(mended, size, &value, NULL) == I4_WIRE_OK) {
        note_repair(s, "commas before a closing bracket were removed");
    }
    i4_free(mended);
    return value;
}

i4_str i4_find_trim(i4_str text) {
    while (text.len > 0 && is_blank(text.ptr[0])) {
        text = i4_str_of(text.ptr + 1, text.len - 1);
    }
    while (text.len > 0 && (is_blank(text.ptr[text.len - 1]) || text.ptr[text.len - 1] == '\0')) {
        text.len--;
    }
    return i4_str_starts(text, "\xef\xbb\xbf") ? i4_str_of(text.ptr + 3, text.len - 3) : text;
}

/* What stands between ``` and ```, or the text itself. */
static i4_str without_fence(i4_find *s, i4_str text) {
    if (!i4_str_starts(text, "```")) {
        return text;
    }
    const char *line = memchr(text.ptr, '\n', text.len);
    if (!line) {
        return text;
    }
    const size_t start = (size_t)(line - text.ptr) + 1;
    i4_str inside = i4_str_of(text.ptr + start, text.len - start);
    inside.len = find(inside, "```");
    note_repair(s, "a code fence around the JSON was removed");
    return i4_find_trim(inside);
}

/* --- searching ------------------------------------------------------------------------------- */

static void look_into_text(i4_find *s, i4_str text, int level);

static bool is_caption(const json_t *value) {
    return json_is_object(json_object_get(value, i4_caption_mark));
}

/* i4_find_parse() has bounded the depth. */
static void look_into_value(i4_find *s, json_t *value, json_t *outermost, int level) {
    if (s->caption) {
        return;
    }
    if (is_caption(value)) {
        s->caption = json_incref(value);
        s->around = s->around ? s->around : json_incref(outermost);
        return;
    }
    const char *key;
    json_t *member;
    size_t index;
    if (json_is_object(value)) {
        json_object_foreach(value, key, member) {
            look_into_value(s, member, outermost, level);
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, member) {
            look_into_value(s, member, outermost, level);
        }
    } else if (json_is_string(value) && level < I4_FIND_NESTED) {
        json_t *before = s->around;
        s->around = before ? before : json_incref(outermost);
        look_into_text(s, i4_str_of(json_string_value(value), json_string_length(value)),
                       level + 1);
        if (!before && !s->caption) {
            json_decref(s->around);
            s->around = NULL;
        }
    }
}

static void try_value(i4_find *s, i4_str text, int level) {
    json_t *value = i4_find_parse(s, text);
    look_into_value(s, value, value, level);
    json_decref(value);
}

/* Objects in the midst of other text, from the first brace on. */
static void look_for_objects(i4_find *s, i4_str text, int level) {
    size_t at = 0;
    while (!s->caption && s->tries < TRIES_MAX && at < text.len) {
        const char *open = memchr(text.ptr + at, '{', text.len - at);
        if (!open || !has(i4_str_of(open, text.len - (size_t)(open - text.ptr)), i4_caption_mark)) {
            return;
        }
        at = (size_t)(open - text.ptr);
        const size_t end = end_of(text, at);
        const i4_str object = i4_str_of(open, end > at ? end - at : 0);
        if (!may_work(s, text.len - at)) {
            return;
        }
        if (has(object, i4_caption_mark)) {
            try_value(s, object, level);
            at++; /* if that was nothing, perhaps something in it is */
        } else {
            s->tries += end == 0;
            at = end > at ? end : at + 1;
        }
    }
}

static void look_into_text(i4_find *s, i4_str text, int level) {
    if (text.len > I4_FIND_BYTES || !may_work(s, text.len) || !has(text, i4_caption_mark)) {
        return;
    }
    const i4_str inside = without_fence(s, i4_find_trim(text));
    if (i4_str_starts(inside, "{") || i4_str_starts(inside, "[") || i4_str_starts(inside, "\"")) {
        try_value(s, inside, level);
    }
    if (!s->caption) {
        look_for_objects(s, inside, level);
    }
}

void i4_find_begin(i4_find *s) {
    *s = (i4_find){.repaired = json_array()};
}

void i4_find_end(i4_find *s) {
    json_decref(s->caption);
    json_decref(s->around);
    json_decref(s->repaired);
}

void i4_find_text(i4_find *s, i4_str text) {
    if (!s->caption) {
        look_into_text(s, text, 0);
    }
}

/* XML's ways of writing what would be markup. */
static char *unescaped(i4_str text, size_t *size) {
    static const struct {
        const char *name;
        char c;
    } entities[] = {{"&quot;", '"'}, {"&apos;", '\''}, {"&lt;", '<'},   {"&gt;", '>'},
                    {"&amp;", '&'},  {"&#34;", '"'},   {"&#39;", '\''}, {"&#x22;", '"'},
                    {"&#10;", '\n'}, {"&#13;", '\r'},  {"&#xA;", '\n'}};
    char *out = i4_malloc(text.len + 1);
    size_t used = 0;
    for (size_t at = 0; out && at < text.len;) {
        size_t taken = 1;
        char c = text.ptr[at];
        for (size_t i = 0; c == '&' && i < sizeof entities / sizeof *entities; i++) {
            if (i4_str_starts(i4_str_of(text.ptr + at, text.len - at), entities[i].name)) {
                taken = strlen(entities[i].name);
                out[used] = entities[i].c;
                break;
            }
        }
        if (taken == 1) {
            out[used] = c;
        }
        used++;
        at += taken;
    }
    *size = used;
    return out;
}

void i4_find_xml(i4_find *s, i4_str text) {
    size_t size;
    char *plain = unescaped(text, &size);
    if (plain) {
        i4_find_text(s, i4_str_of(plain, size));
    }
    i4_free(plain);
}
