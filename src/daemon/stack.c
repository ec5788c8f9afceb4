/* LoRA files and stacks of them: see stack.h. */
#include "daemon/stack.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/str.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char suffix[] = ".safetensors";
static const char format_name[] = "mflux-native"; /* clients expect the original's word */

enum { LORA_FILES = 10000 };

static bool has_suffix(const char *name) {
    return i4_str_ends(i4_str_c(name), suffix);
}

/* --- stacks -------------------------------------------------------------------------------- */

void i4_stack_free(i4_stack *s) {
    for (size_t i = 0; i < s->count; i++) {
        i4_free(s->item[i].name);
        i4_free(s->item[i].path);
    }
    s->count = 0;
}

/* Copies name and path; the stack is as before on failure. */
static bool push(i4_stack *s, const char *name, const char *path, double strength, i4_err *err) {
    i4_stack_item item = {i4_strdup(name), i4_strdup(path), strength};
    if (item.name == NULL || item.path == NULL) {
        i4_free(item.name);
        i4_free(item.path);
        return i4_fail_memory(err, "the LoRA stack", strlen(name) + strlen(path));
    }
    s->item[s->count++] = item;
    return true;
}

bool i4_stack_copy(i4_stack *to, const i4_stack *from, i4_err *err) {
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        const i4_stack_item *item = &from->item[i];
        if (!push(to, item->name, item->path, item->strength, err)) {
            i4_stack_free(to);
            return false;
        }
    }
    return true;
}

bool i4_stack_same(const i4_stack *a, const i4_stack *b) {
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const i4_stack_item *x = &a->item[i], *y = &b->item[i];
        same = strcmp(x->name, y->name) == 0 && strcmp(x->path, y->path) == 0 &&
               fabs(x->strength - y->strength) <= 1e-9;
    }
    return same;
}

/* --- from a request ------------------------------------------------------------------------ */

static bool is_inside(const char *path, const char *folder) {
    const size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || strcmp(folder, "/") == 0);
}

/* The real path of a LoRA by name. "Not found" is all that is said about what lies outside. */
static bool resolve_name(const char *name, const char *folder, char **path, i4_err *err) {
    char joined[I4_LIMIT_PATH_BYTES];
    const int n = snprintf(joined, sizeof joined, "%s/%s", folder, name);
    char *root = realpath(folder, NULL); /* libc's memory, both */
    char *real =
        n > 0 && (size_t)n < sizeof joined && name[0] != '/' ? realpath(joined, NULL) : NULL;
    const bool ok = root != NULL && real != NULL && is_inside(real, root) && has_suffix(name) &&
                    i4_path_look(real) == I4_PATH_FILE;
    free(root);
    if (!ok) {
        free(real);
        return i4_fail(err, I4_E_NOT_FOUND, "the LoRA '%s' is not found in '%s'", name, folder);
    }
    *path = i4_strdup(real);
    free(real);
    return *path != NULL || i4_fail_memory(err, "a LoRA's path", I4_LIMIT_PATH_BYTES);
}

static i4_str trim(const char *text) {
    i4_str s = i4_str_c(text);
    while (s.len > 0 && strchr(" \t\r\n\v\f", s.ptr[0]) != NULL) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r\n\v\f", s.ptr[s.len - 1]) != NULL) {
        s.len--;
    }
    return s;
}

static bool read_item(const json_t *value, double fallback, char *name, size_t size,
                      double *strength, i4_err *err) {
    const char *text = json_string_value(json_object_get(value, "name"));
    const json_t *number = json_object_get(value, "strength");
    const i4_str s = trim(text != NULL ? text : "");
    if (s.len == 0 || s.len >= size) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       s.len == 0 ? "a LoRA needs a name" : "a LoRA's name is too long");
    }
    memcpy(name, s.ptr, s.len);
    name[s.len] = '\0';
    *strength = json_is_number(number) ? json_number_value(number) : fallback;
    if ((number != NULL && !json_is_null(number) && !json_is_number(number)) ||
        !isfinite(*strength)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the strength of the LoRA '%s' must be a number",
                       name);
    }
    return true;
}

bool i4_stack_resolve(i4_stack *s, const json_t *list, const char *folder, double strength,
                      i4_err *err) {
    s->count = 0;
    if (json_array_size(list) == 0 || json_array_size(list) > I4_STACK_ITEMS) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "a LoRA stack has 1 to %d files, not %zu",
                       I4_STACK_ITEMS, json_array_size(list));
    }
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(list); i++) {
        char name[I4_LIMIT_PATH_BYTES], *path = NULL;
        double own = 0.0;
        ok = read_item(json_array_get(list, i), strength, name, sizeof name, &own, err) &&
             resolve_name(name, folder, &path, err) && push(s, name, path, own, err);
        i4_free(path);
    }
    if (!ok) {
        i4_stack_free(s);
    }
    return ok;
}

/* --- what clients see ---------------------------------------------------------------------- */

json_t *i4_stack_list(const i4_stack *s) {
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < s->count; i++) {
        json_t *item = json_pack("{s:s, s:f, s:s}", "name", s->item[i].name, "strength",
                                 s->item[i].strength, "format", format_name);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *i4_stack_names(const i4_stack *s) {
    i4_buf b;
    if (s->count == 0) {
        return json_null();
    }
    i4_buf_init(&b, (size_t)I4_STACK_ITEMS * I4_LIMIT_PATH_BYTES);
    for (size_t i = 0; i < s->count; i++) {
        i4_buf_addf(&b, "%s%s", i > 0 ? " + " : "", s->item[i].name);
    }
    json_t *names = b.failed ? NULL : json_stringn(b.ptr, b.len);
    i4_buf_free(&b);
    return names;
}

json_t *i4_stack_strength(const i4_stack *s, json_t *none) {
    return s->count == 0 ? json_incref(none) : json_real(s->count == 1 ? s->item[0].strength : 0.0);
}

/* --- the folder ---------------------------------------------------------------------------- */

static json_t *file_entry(const char *root, const char *name) {
    char path[I4_LIMIT_PATH_BYTES];
    struct stat info;
    const int n = snprintf(path, sizeof path, "%s/%s", root, name);
    if (n < 0 || (size_t)n >= sizeof path || !has_suffix(name) || stat(path, &info) != 0 ||
        !S_ISREG(info.st_mode)) {
        return NULL;
    }
    const double mib = (double)info.st_size / (1024.0 * 1024.0);
    return json_pack("{s:s, s:s, s:s, s:f}", "name", name, "path", path, "format", format_name,
                     "size_mb", round(mib * 10.0) / 10.0);
}

json_t *i4_lora_files(const char *folder) {
    char **names = NULL, *root = realpath(folder, NULL);
    size_t count = 0;
    json_t *list = json_array();
    if (root != NULL && i4_dir_list(root, LORA_FILES, &names, &count, NULL)) {
        for (size_t i = 0; i < count; i++) {
            json_t *entry = file_entry(root, names[i]);
            if (entry != NULL) {
                json_array_append_new(list, entry);
            }
        }
        i4_dir_list_free(names, count);
    }
    free(root);
    return list;
}

json_t *i4_lora_presets(const char *folder, double strength) {
    json_t *files = i4_lora_files(folder), *list = json_array();
    for (size_t i = 0; i < json_array_size(files); i++) {
        const json_t *file = json_array_get(files, i);
        const char *name = json_string_value(json_object_get(file, "name"));
        char label[512];
        i4_lora_label(name, label, sizeof label);
        json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:[{s:s, s:f, s:b, s:O, s:O}]}",
                                              "id", name, "label", label, "installed", 1, "loras",
                                              "name", name, "strength", strength, "installed", 1,
                                              "format", json_object_get(file, "format"), "size_mb",
                                              json_object_get(file, "size_mb")));
    }
    json_decref(files);
    return list;
}

/* --- labels -------------------------------------------------------------------------------- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* "rank" and digits, "step" and digits, "v" and digits */
static bool is_numbered(i4_str word, const char *prefix) {
    const size_t len = strlen(prefix);
    bool ok = i4_str_starts(word, prefix) && word.len > len;
    for (size_t i = len; ok && i < word.len; i++) {
        ok = is_digit(word.ptr[i]);
    }
    return ok;
}

/* The last word of *rest, which loses it and the underscore before it; empty if there is none. */
static i4_str last_word(i4_str *rest) {
    size_t at = rest->len;
    while (at > 0 && rest->ptr[at - 1] != '_') {
        at--;
    }
    const i4_str word = i4_str_of(rest->ptr + at, rest->len - at);
    rest->len = at > 0 ? at - 1 : 0;
    return word;
}

/* Is this SimpleTuner_<subject>[_v<n>]_rank<r>[_<res>]_step<s>? *subject and *tail, which begins
 * with its underscore, are parts of it. */
static bool split_trained(i4_str stem, i4_str *subject, i4_str *tail) {
    static const char prefix[] = "SimpleTuner_";
    if (!i4_str_starts(stem, prefix)) {
        return false;
    }
    i4_str rest = i4_str_of(stem.ptr + sizeof prefix - 1, stem.len - (sizeof prefix - 1));
    const char *end = rest.ptr + rest.len;
    if (!is_numbered(last_word(&rest), "step")) {
        return false;
    }
    i4_str word = last_word(&rest);
    if (!is_numbered(word, "rank")) {
        if (word.len == 0 || !is_digit(word.ptr[0]) || !is_numbered(last_word(&rest), "rank")) {
            return false;
        }
    }
    i4_str before = rest;
    if (is_numbered(last_word(&before), "v") && before.len > 0) {
        rest = before;
    }
    *subject = rest;
    *tail = i4_str_of(rest.ptr + rest.len, (size_t)(end - rest.ptr) - rest.len);
    return rest.len > 0;
}

/* Appends with blanks for underscores and, if wanted, between a small and a capital letter. */
static void add_words(i4_buf *b, i4_str text, bool split_case) {
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i], last = i > 0 ? text.ptr[i - 1] : ' ';
        if (split_case && last >= 'a' && last <= 'z' && c >= 'A' && c <= 'Z') {
            i4_buf_addc(b, ' ');
        }
        i4_buf_addc(b, c == '_' ? ' ' : c);
    }
}

void i4_lora_label(const char *name, char *out, size_t size) {
    i4_str stem = i4_str_c(name), subject, tail;
    i4_buf b;
    if (has_suffix(name)) {
        stem.len -= sizeof suffix - 1;
    }
    i4_buf_init(&b, size);
    i4_buf_adds(&b, "");
    if (split_trained(stem, &subject, &tail)) {
        add_words(&b, subject, true);
        add_words(&b, tail, false);
    } else {
        add_words(&b, stem, false);
    }
    snprintf(out, size, "%s", b.failed ? name : b.ptr);
    i4_buf_free(&b);
}
