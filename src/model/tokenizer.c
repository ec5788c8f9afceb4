/* The tokenizer: tokenizer.json is checked word for word against the one pipeline this file knows
 * (docs/model.md 3.2), then a text runs through it: cut at added tokens, NFC, split, merge.
 *
 * Read from the bottom: the public functions, the encoder above them, the loader above that. */
#include "model/tokenizer.h"
#include "base/checked.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/json.h"
#include "model/bpe.h"
#include "model/nfc.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum {
    ADDED_BYTES_MAX = 256, /* of one added token, so that a scan is linear; Qwen's longest: 21 */
    TEXT_BYTES_MAX = 16 << 20,  /* of one call; a prompt is far shorter */
    MATCH_STEPS_MAX = 64 << 20, /* PCRE2 backtracks at most once per character of a blank run */
    MATCH_DEPTH_MAX = 1000,
    MATCH_HEAP_KIB_MAX = 1024
};

/* The only split pattern known. */
static const char KNOWN_PATTERN[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
                                    "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
                                    "\\s+(?!\\S)|\\s+";

/* The same for PCRE2, with \s spelled out: there the class also holds U+180E, which Unicode has
 * not counted as white space since version 6.3 and which the reference's matcher leaves out. */
#define BLANK                                                                                   \
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}" \
    "\\x{205f}\\x{3000}"
static const char PATTERN[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
                              "\\p{N}| ?[^" BLANK "\\p{L}\\p{N}]+[\\r\\n]*|[" BLANK "]*[\\r\\n]+|"
                              "[" BLANK "]+(?![^" BLANK "])|[" BLANK "]+";

typedef struct added_token {
    i4_str text; /* borrowed from i4_tokenizer.text */
    int32_t id;
} added_token;

struct i4_tokenizer {
    i4_bpe bpe;
    char *text;         /* owned: the bytes of all tokens, one after another */
    i4_str *token;      /* owned [max_id + 1], into text; ptr NULL: no such id */
    int32_t max_id;     /* of vocabulary and added tokens */
    added_token *added; /* owned [added_count], sorted by text */
    size_t added_count;
    bool starts_added[256]; /* whether a byte begins an added token */
    pcre2_general_context *memory;
    pcre2_code *split;
    pcre2_match_context *limits;
};

/* ---- the file: is it the known pipeline? ---------------------------------------------------- */

typedef struct loader {
    i4_tokenizer *tokenizer;
    const char *label;
    json_t *vocabulary; /* borrowed */
    json_t *merges;     /* borrowed */
    json_t *added;      /* borrowed; NULL: none */
    size_t text_len;    /* bytes of tokenizer->text in use */
    i4_buf key;         /* scratch for look-ups */
} loader;

/* "a.b" of path "a" and key "b"; `path` is "" for the root. */
#define DOT(path) ((path)[0] ? "." : "")

/* How much of a name a message shows: whole characters only. */
static int shown(i4_str name) {
    size_t pos = 0;
    uint32_t c;
    while (pos < 80 && i4_utf8_next(name, &pos, &c)) {
    }
    return (int)pos;
}

static bool get_object(i4_json parent, const char *key, const char *path, i4_json *child,
                       i4_err *err) {
    *child = (i4_json){json_object_get(parent.value, key), parent.label, path};
    if (json_is_object(child->value)) {
        return true;
    }
    return i4_fail(err, child->value ? I4_E_UNSUPPORTED : I4_E_FORMAT,
                   "%s: %s must be an object, not %s; use the tokenizer.json that came with the "
                   "model",
                   parent.label, path, child->value ? i4_json_type(child->value) : "absent");
}

static bool require_word(i4_json object, const char *key, const char *word, i4_err *err) {
    const char *found;
    if (!i4_json_string(object, key, &found, err)) {
        return false;
    }
    if (found && strcmp(found, word) == 0) {
        return true;
    }
    return i4_fail(err, I4_E_UNSUPPORTED,
                   "%s: %s%s%s must be \"%.120s\", not \"%.*s\"; only Qwen's byte-level BPE is "
                   "known",
                   object.label, object.path, DOT(object.path), key, word, shown(i4_str_c(found)),
                   found ? found : "");
}

/* `fallback`: what the reference takes when the key is absent. */
static bool require_false(i4_json object, const char *key, bool fallback, i4_err *err) {
    bool found;
    if (!i4_json_bool(object, key, fallback, &found, err)) {
        return false;
    }
    return !found || i4_fail(err, I4_E_UNSUPPORTED,
                             "%s: %s%s%s must be false; only Qwen's byte-level BPE is known",
                             object.label, object.path, DOT(object.path), key);
}

static bool require_no_text(i4_json object, const char *key, i4_err *err) {
    const char *found;
    if (!i4_json_string(object, key, &found, err)) {
        return false;
    }
    return !found || !*found ||
           i4_fail(err, I4_E_UNSUPPORTED,
                   "%s: %s%s%s must be null; only Qwen's byte-level BPE is known", object.label,
                   object.path, DOT(object.path), key);
}

static bool check_split(i4_json split, i4_err *err) {
    i4_json pattern;
    return require_word(split, "type", "Split", err) &&
           require_word(split, "behavior", "Isolated", err) &&
           require_false(split, "invert", false, err) &&
           get_object(split, "pattern", "pre_tokenizer.pretokenizers[0].pattern", &pattern, err) &&
           require_word(pattern, "Regex", KNOWN_PATTERN, err);
}

static bool check_byte_level(i4_json bytes, i4_err *err) {
    return require_word(bytes, "type", "ByteLevel", err) &&
           require_false(bytes, "add_prefix_space", true, err) &&
           require_false(bytes, "use_regex", true, err);
}

static bool check_pre_tokenizer(i4_json root, i4_err *err) {
    i4_json sequence;
    if (!get_object(root, "pre_tokenizer", "pre_tokenizer", &sequence, err) ||
        !require_word(sequence, "type", "Sequence", err)) {
        return false;
    }
    json_t *list = json_object_get(sequence.value, "pretokenizers");
    i4_json split = {json_array_get(list, 0), root.label, "pre_tokenizer.pretokenizers[0]"};
    i4_json bytes = {json_array_get(list, 1), root.label, "pre_tokenizer.pretokenizers[1]"};
    if (json_array_size(list) != 2 || !json_is_object(split.value) ||
        !json_is_object(bytes.value)) {
        return i4_fail(err, I4_E_UNSUPPORTED,
                       "%s: pre_tokenizer.pretokenizers must be a Split and a ByteLevel; only "
                       "Qwen's byte-level BPE is known",
                       root.label);
    }
    return check_split(split, err) && check_byte_level(bytes, err);
}

static bool check_model(i4_json model, i4_err *err) {
    double dropout;
    return require_word(model, "type", "BPE", err) &&
           i4_json_real(model, "dropout", 0, 0, 0, &dropout, err) &&
           require_no_text(model, "unk_token", err) &&
           require_no_text(model, "continuing_subword_prefix", err) &&
           require_no_text(model, "end_of_word_suffix", err) &&
           require_false(model, "byte_fallback", false, err) &&
           require_false(model, "ignore_merges", false, err);
}

/* Finds the three tables and refuses every other kind of tokenizer. */
static bool check_file(loader *load, json_t *file, i4_err *err) {
    i4_json root = {file, load->label, ""}, normalizer, model;
    if (!json_is_object(file)) {
        return i4_fail(err, I4_E_FORMAT, "%s must hold an object, not %s", load->label,
                       i4_json_type(file));
    }
    if (!get_object(root, "normalizer", "normalizer", &normalizer, err) ||
        !require_word(normalizer, "type", "NFC", err) || !check_pre_tokenizer(root, err) ||
        !get_object(root, "model", "model", &model, err) || !check_model(model, err)) {
        return false;
    }
    load->vocabulary = json_object_get(model.value, "vocab");
    load->merges = json_object_get(model.value, "merges");
    load->added = json_object_get(file, "added_tokens");
    if (json_is_null(load->added)) {
        load->added = NULL;
    }
    if (!json_is_object(load->vocabulary)) {
        return i4_fail(err, I4_E_FORMAT, "%s: model.vocab must be an object", load->label);
    }
    if (!json_is_array(load->merges)) {
        return i4_fail(err, I4_E_FORMAT, "%s: model.merges must be a list", load->label);
    }
    return !load->added || json_is_array(load->added) ||
           i4_fail(err, I4_E_FORMAT, "%s: added_tokens must be a list", load->label);
}

/* ---- the file: vocabulary -------------------------------------------------------------------- */

static bool read_id(const loader *load, const json_t *value, const char *name, int32_t *id,
                    i4_err *err) {
    const json_int_t found = json_is_integer(value) ? json_integer_value(value) : -1;
    if (found < 0 || found >= I4_LIMIT_VOCABULARY) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s: the id of token \"%.*s\" must be a whole number from 0 to %d",
                       load->label, shown(i4_str_c(name)), name, I4_LIMIT_VOCABULARY - 1);
    }
    *id = (int32_t)found;
    return true;
}

/* First look at an entry: its id must be sound, its bytes will need room. */
static bool measure_token(loader *load, const json_t *id_value, const char *name, size_t *bytes,
                          i4_err *err) {
    int32_t id = 0;
    if (!read_id(load, id_value, name, &id, err)) {
        return false;
    }
    if (id > load->tokenizer->max_id) {
        load->tokenizer->max_id = id;
    }
    return i4_add_size(*bytes, strlen(name), bytes) || i4_fail_memory(err, "token texts", SIZE_MAX);
}

static const char *added_content(const json_t *entry) {
    return json_string_value(json_object_get(entry, "content"));
}

static bool measure_tokens(loader *load, size_t *bytes, i4_err *err) {
    const char *name;
    json_t *value;
    size_t i;
    load->tokenizer->max_id = -1;
    json_object_foreach(load->vocabulary, name, value) {
        if (!measure_token(load, value, name, bytes, err)) {
            return false;
        }
    }
    json_array_foreach(load->added, i, value) {
        const char *content = added_content(value);
        if (!content || !*content || strlen(content) > ADDED_BYTES_MAX) {
            return i4_fail(err, I4_E_FORMAT,
                           "%s: added_tokens[%zu].content must be a string of 1 to %d bytes",
                           load->label, i, ADDED_BYTES_MAX);
        }
        if (!measure_token(load, json_object_get(value, "id"), content, bytes, err)) {
            return false;
        }
    }
    return true;
}

static bool allocate_tokens(loader *load, i4_err *err) {
    i4_tokenizer *t = load->tokenizer;
    size_t bytes = 0;
    if (!measure_tokens(load, &bytes, err)) {
        return false;
    }
    t->text = i4_malloc(bytes);
    t->token = i4_calloc((size_t)(t->max_id + 1), sizeof *t->token);
    t->added = i4_calloc(json_array_size(load->added), sizeof *t->added);
    return (t->text && t->token && t->added) || i4_fail_memory(err, "the vocabulary", bytes);
}

/* Undoes the byte alphabet; a name with a character outside it stands for itself. */
static i4_str store_bytes(loader *load, const char *name) {
    const i4_str source = i4_str_c(name);
    char *dst = load->tokenizer->text + load->text_len;
    size_t pos = 0, size = 0;
    uint32_t c;
    while (i4_utf8_next(source, &pos, &c)) {
        const int byte = i4_bpe_byte(c);
        if (byte < 0) {
            memcpy(dst, source.ptr, source.len);
            size = source.len;
            break;
        }
        dst[size++] = (char)byte;
    }
    load->text_len += size;
    return i4_str_of(dst, size);
}

static i4_str store_verbatim(loader *load, const char *name) {
    const i4_str source = i4_str_c(name);
    char *dst = load->tokenizer->text + load->text_len;
    memcpy(dst, source.ptr, source.len);
    load->text_len += source.len;
    return i4_str_of(dst, source.len);
}

static bool fail_id_twice(const loader *load, const char *name, int32_t id, i4_err *err) {
    return i4_fail(err, I4_E_FORMAT, "%s: the id %d of token \"%.*s\" belongs to another token too",
                   load->label, (int)id, shown(i4_str_c(name)), name);
}

static bool read_vocabulary(loader *load, i4_err *err) {
    const char *name;
    json_t *value;
    json_object_foreach(load->vocabulary, name, value) {
        const int32_t id = (int32_t)json_integer_value(value);
        i4_str *slot = &load->tokenizer->token[id];
        if (slot->ptr) {
            return fail_id_twice(load, name, id, err);
        }
        *slot = store_bytes(load, name);
    }
    return true;
}

static bool lookup(loader *load, i4_str first, i4_str second, int32_t *id) {
    load->key.len = 0;
    i4_buf_add(&load->key, first.ptr, first.len);
    i4_buf_add(&load->key, second.ptr, second.len);
    const json_t *value =
        load->key.failed ? NULL : json_object_get(load->vocabulary, load->key.ptr);
    *id = value ? (int32_t)json_integer_value(value) : -1;
    return value != NULL;
}

/* With all 256 symbols present, every text has ids. */
static bool read_byte_ids(loader *load, i4_err *err) {
    for (unsigned byte = 0; byte < 256; byte++) {
        i4_buf symbol;
        i4_buf_init(&symbol, 8);
        i4_buf_add_utf8(&symbol, i4_bpe_symbol((uint8_t)byte));
        const i4_str text = i4_str_of(symbol.ptr, symbol.len);
        const bool is_known = !symbol.failed && lookup(load, text, i4_str_c(NULL),
                                                       &load->tokenizer->bpe.byte_id[byte]);
        const bool is_out_of_memory = symbol.failed || load->key.failed;
        i4_buf_free(&symbol);
        if (is_out_of_memory) {
            return i4_fail_memory(err, "the byte alphabet", 8);
        }
        if (!is_known) {
            return i4_fail(err, I4_E_FORMAT, "%s: model.vocab lacks the symbol of byte 0x%02X",
                           load->label, byte);
        }
    }
    return true;
}

/* ---- the file: merges ------------------------------------------------------------------------ */

/* The two halves of an item, "a b" or ["a", "b"], borrowed from it. */
static bool split_merge(const json_t *item, i4_str *left, i4_str *right) {
    if (json_is_string(item)) {
        const char *text = json_string_value(item);
        const char *space = strchr(text, ' ');
        if (!space || strchr(space + 1, ' ')) {
            return false;
        }
        *left = i4_str_of(text, (size_t)(space - text));
        *right = i4_str_c(space + 1);
    } else if (json_is_array(item) && json_array_size(item) == 2) {
        *left = i4_str_c(json_string_value(json_array_get(item, 0)));
        *right = i4_str_c(json_string_value(json_array_get(item, 1)));
    } else {
        return false;
    }
    return left->len > 0 && right->len > 0;
}

static bool read_merge(loader *load, size_t index, const json_t *item, i4_bpe_merge *merge,
                       i4_err *err) {
    i4_str left, right;
    if (!split_merge(item, &left, &right)) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s: model.merges[%zu] must be \"a b\" or a list of two strings",
                       load->label, index);
    }
    merge->rank = (uint32_t)index;
    if (lookup(load, left, i4_str_c(NULL), &merge->left) &&
        lookup(load, right, i4_str_c(NULL), &merge->right) &&
        lookup(load, left, right, &merge->result)) {
        return true;
    }
    if (load->key.failed) {
        return i4_fail_memory(err, "the merge table", left.len + right.len);
    }
    return i4_fail(
        err, I4_E_FORMAT, "%s: model.merges[%zu] needs \"%.*s\", which model.vocab does not have",
        load->label, index, shown(i4_str_of(load->key.ptr, load->key.len)), load->key.ptr);
}

static bool read_merges(loader *load, i4_err *err) {
    i4_bpe *bpe = &load->tokenizer->bpe;
    const size_t count = json_array_size(load->merges);
    if (count > I4_LIMIT_VOCABULARY) {
        return i4_fail(err, I4_E_FORMAT, "%s: model.merges has %zu items; at most %d are allowed",
                       load->label, count, I4_LIMIT_VOCABULARY);
    }
    bpe->merge = i4_malloc(count * sizeof *bpe->merge);
    if (!bpe->merge) {
        return i4_fail_memory(err, "the merge table", count * sizeof *bpe->merge);
    }
    for (; bpe->merge_count < count; bpe->merge_count++) {
        const size_t i = bpe->merge_count;
        if (!read_merge(load, i, json_array_get(load->merges, i), &bpe->merge[i], err)) {
            return false;
        }
    }
    uint32_t twice[2];
    return i4_bpe_seal(bpe, twice) ||
           i4_fail(err, I4_E_FORMAT, "%s: model.merges[%u] and [%u] are the same pair", load->label,
                   (unsigned)twice[0], (unsigned)twice[1]);
}

/* ---- the file: added tokens ------------------------------------------------------------------ */

static int compare_added(const void *a, const void *b) {
    const i4_str x = ((const added_token *)a)->text, y = ((const added_token *)b)->text;
    const int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order ? order : x.len < y.len ? -1 : x.len > y.len;
}

static bool check_flags(i4_json entry, i4_err *err) {
    return require_false(entry, "normalized", false, err) &&
           require_false(entry, "single_word", false, err) &&
           require_false(entry, "lstrip", false, err) && require_false(entry, "rstrip", false, err);
}

/* An added token may repeat an entry of the vocabulary, but then with its id. */
static bool read_added_token(loader *load, const json_t *entry, added_token *added, i4_err *err) {
    const char *content = added_content(entry);
    const json_t *known = json_object_get(load->vocabulary, content);
    added->id = (int32_t)json_integer_value(json_object_get(entry, "id"));
    i4_str *slot = &load->tokenizer->token[added->id];
    if (known ? json_integer_value(known) != added->id : slot->ptr != NULL) {
        return fail_id_twice(load, content, added->id, err);
    }
    *slot = added->text = store_verbatim(load, content);
    return true;
}

static bool read_added(loader *load, i4_err *err) {
    i4_tokenizer *t = load->tokenizer;
    size_t i;
    json_t *value;
    json_array_foreach(load->added, i, value) {
        const i4_json entry = {value, load->label, "added_tokens[]"};
        if (!check_flags(entry, err) || !read_added_token(load, value, &t->added[i], err)) {
            return false;
        }
        t->starts_added[(uint8_t)t->added[i].text.ptr[0]] = true;
        t->added_count++;
    }
    qsort(t->added, t->added_count, sizeof *t->added, compare_added);
    for (i = 1; i < t->added_count; i++) {
        if (i4_str_eq(t->added[i - 1].text, t->added[i].text)) {
            return i4_fail(err, I4_E_FORMAT, "%s: the added token \"%.*s\" occurs twice",
                           load->label, shown(t->added[i].text), t->added[i].text.ptr);
        }
    }
    return true;
}

/* ---- the split pattern ----------------------------------------------------------------------- */

static void *pattern_malloc(size_t size, void *user) {
    (void)user;
    return i4_malloc(size);
}

static void pattern_free(void *block, void *user) {
    (void)user;
    i4_free(block);
}

static bool compile_pattern(i4_tokenizer *t, i4_err *err) {
    int code = 0;
    PCRE2_SIZE offset = 0;
    t->memory = pcre2_general_context_create(pattern_malloc, pattern_free, NULL);
    pcre2_compile_context *context = t->memory ? pcre2_compile_context_create(t->memory) : NULL;
    t->limits = t->memory ? pcre2_match_context_create(t->memory) : NULL;
    if (context && t->limits) {
        t->split = pcre2_compile((PCRE2_SPTR)PATTERN, PCRE2_ZERO_TERMINATED,
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED, &code, &offset, context);
        pcre2_set_match_limit(t->limits, MATCH_STEPS_MAX);
        pcre2_set_depth_limit(t->limits, MATCH_DEPTH_MAX);
        pcre2_set_heap_limit(t->limits, MATCH_HEAP_KIB_MAX);
    }
    pcre2_compile_context_free(context);
    if (t->split) {
        return true;
    }
    if (!context || !t->limits || code == PCRE2_ERROR_HEAP_FAILED) {
        return i4_fail_memory(err, "the split pattern", sizeof PATTERN);
    }
    return i4_fail(err, I4_E_INTERNAL, "PCRE2 refuses the split pattern at %zu (error %d)", offset,
                   code);
}

static bool load_all(loader *load, json_t *file, i4_err *err) {
    return check_file(load, file, err) && allocate_tokens(load, err) &&
           read_vocabulary(load, err) && read_byte_ids(load, err) && read_merges(load, err) &&
           read_added(load, err) && compile_pattern(load->tokenizer, err);
}

/* Takes `file`, which may be NULL (then *err says why). */
static i4_tokenizer *build(json_t *file, const char *label, i4_err *err) {
    if (!file) {
        return NULL;
    }
    loader load = {.tokenizer = i4_calloc(1, sizeof *load.tokenizer), .label = label};
    i4_buf_init(&load.key, SIZE_MAX);
    if (!load.tokenizer) {
        i4_fail_memory(err, "a tokenizer", sizeof *load.tokenizer);
    } else if (!load_all(&load, file, err)) {
        i4_tokenizer_close(load.tokenizer);
        load.tokenizer = NULL;
    }
    i4_buf_free(&load.key);
    json_decref(file);
    return load.tokenizer;
}

/* ---- encoding -------------------------------------------------------------------------------- */

typedef struct encoder {
    const i4_tokenizer *tokenizer;
    pcre2_match_data *match;
    i4_buf text; /* the segment, normalised */
    i4_bpe_scratch scratch;
    i4_ids ids;
} encoder;

/* First of added[low, high) whose byte at `depth` is at least `byte`; all are longer than that. */
static size_t lower_bound(const i4_tokenizer *t, size_t low, size_t high, size_t depth,
                          unsigned byte) {
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((uint8_t)t->added[middle].text.ptr[depth] < byte) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The longest added token that `rest` begins with, or NULL. The sorted list is narrowed byte by
 * byte; the first of a narrowed range is the one that may end here. */
static const added_token *match_added(const i4_tokenizer *t, i4_str rest) {
    const added_token *found = NULL;
    size_t low = 0, high = t->added_count;
    for (size_t depth = 0; low < high; depth++) {
        if (t->added[low].text.len == depth) {
            found = &t->added[low++];
        }
        if (depth == rest.len) {
            break;
        }
        const unsigned byte = (uint8_t)rest.ptr[depth];
        low = lower_bound(t, low, high, depth, byte);
        high = lower_bound(t, low, high, depth, byte + 1);
    }
    return found;
}

static bool fail_match(int code, i4_err *err) {
    if (code == PCRE2_ERROR_NOMEMORY) {
        return i4_fail_memory(err, "splitting the text", 0);
    }
    if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT ||
        code == PCRE2_ERROR_HEAPLIMIT) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the text is too irregular to split in words");
    }
    return i4_fail(err, I4_E_INTERNAL, "PCRE2 fails to split the text (error %d)", code);
}

/* One stretch of text between added tokens. */
static bool encode_segment(encoder *e, i4_str segment, i4_err *err) {
    e->text.len = 0;
    if (!i4_nfc(segment, &e->text, err)) {
        return false;
    }
    for (size_t begin = 0, end; begin < e->text.len; begin = end) {
        const int code = pcre2_match(e->tokenizer->split, (PCRE2_SPTR)e->text.ptr, e->text.len,
                                     begin, PCRE2_NO_UTF_CHECK, e->match, e->tokenizer->limits);
        end = code < 0 ? 0 : pcre2_get_ovector_pointer(e->match)[1];
        if (end <= begin) { /* an error: the pattern takes at least one character anywhere */
            return fail_match(code, err);
        }
        const i4_str piece = i4_str_of(e->text.ptr + begin, end - begin);
        if (!i4_bpe_encode(&e->tokenizer->bpe, piece, &e->scratch, &e->ids, err)) {
            return false;
        }
    }
    return true;
}

static bool encode_text(encoder *e, i4_str text, i4_err *err) {
    size_t begin = 0, pos = 0;
    while (pos < text.len) {
        const added_token *added = NULL;
        if (e->tokenizer->starts_added[(uint8_t)text.ptr[pos]]) {
            added = match_added(e->tokenizer, i4_str_of(text.ptr + pos, text.len - pos));
        }
        if (!added) {
            pos++;
            continue;
        }
        if (!encode_segment(e, i4_str_of(text.ptr + begin, pos - begin), err) ||
            !i4_ids_add(&e->ids, added->id, err)) {
            return false;
        }
        begin = pos += added->text.len;
    }
    return encode_segment(e, i4_str_of(text.ptr + begin, text.len - begin), err);
}

static bool encoder_begin(encoder *e, const i4_tokenizer *tokenizer, i4_err *err) {
    *e = (encoder){.tokenizer = tokenizer};
    i4_buf_init(&e->text, SIZE_MAX);
    e->match = pcre2_match_data_create(1, tokenizer->memory);
    e->ids.id = i4_malloc(sizeof *e->ids.id);
    e->ids.capacity = 1;
    return (e->match && e->ids.id) || i4_fail_memory(err, "a tokenizer run", sizeof *e);
}

/* Gives the ids away on success. */
static void encoder_end(encoder *e, bool is_done, int32_t **ids, size_t *count) {
    *ids = is_done ? e->ids.id : NULL;
    *count = is_done ? e->ids.count : 0;
    if (!is_done) {
        i4_free(e->ids.id);
    }
    i4_bpe_scratch_free(&e->scratch);
    i4_buf_free(&e->text);
    pcre2_match_data_free(e->match);
}

/* ---- public ---------------------------------------------------------------------------------- */

i4_tokenizer *i4_tokenizer_open(const char *path, i4_err *err) {
    return build(i4_json_load(path, I4_LIMIT_TOKENIZER_BYTES, err), path, err);
}

i4_tokenizer *i4_tokenizer_parse(const char *json, size_t size, const char *label, i4_err *err) {
    if (size > I4_LIMIT_TOKENIZER_BYTES) {
        i4_fail(err, I4_E_FORMAT, "%s has %zu bytes; at most %d are allowed", label, size,
                I4_LIMIT_TOKENIZER_BYTES);
        return NULL;
    }
    return build(i4_json_parse(json, size, label, err), label, err);
}

void i4_tokenizer_close(i4_tokenizer *tokenizer) {
    if (!tokenizer) {
        return;
    }
    pcre2_code_free(tokenizer->split);
    pcre2_match_context_free(tokenizer->limits);
    pcre2_general_context_free(tokenizer->memory);
    i4_bpe_free(&tokenizer->bpe);
    i4_free(tokenizer->added);
    i4_free(tokenizer->token);
    i4_free(tokenizer->text);
    i4_free(tokenizer);
}

bool i4_tokenizer_encode(const i4_tokenizer *tokenizer, i4_str text, int32_t **ids, size_t *count,
                         i4_err *err) {
    *ids = NULL;
    *count = 0;
    if (text.len > TEXT_BYTES_MAX) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT,
                       "the text has %zu bytes; at most %d can be tokenised", text.len,
                       TEXT_BYTES_MAX);
    }
    if (!i4_utf8_valid(text)) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the text is not valid UTF-8");
    }
    if (text.len == 0) {
        text.ptr = ""; /* may have been NULL, which takes no offset */
    }
    encoder e;
    const bool is_done = encoder_begin(&e, tokenizer, err) && encode_text(&e, text, err);
    encoder_end(&e, is_done, ids, count);
    return is_done;
}

bool i4_tokenizer_encode_prompt(const i4_tokenizer *tokenizer, i4_str text, int32_t **ids,
                                size_t *count, i4_err *err) {
    i4_buf prompt;
    i4_buf_init(&prompt, SIZE_MAX);
    i4_buf_adds(&prompt, "<|im_start|>user\n");
    i4_buf_add(&prompt, text.ptr, text.len);
    i4_buf_adds(&prompt, "<|im_end|>\n<|im_start|>assistant\n");
    *ids = NULL;
    *count = 0;
    const bool is_done =
        prompt.failed
            ? i4_fail_memory(err, "the prompt", text.len)
            : i4_tokenizer_encode(tokenizer, i4_str_of(prompt.ptr, prompt.len), ids, count, err);
    i4_buf_free(&prompt);
    return is_done;
}

int32_t i4_tokenizer_max_id(const i4_tokenizer *tokenizer) {
    return tokenizer->max_id;
}

void i4_tokenizer_decode(const i4_tokenizer *tokenizer, int32_t id, i4_buf *out) {
    if (id >= 0 && id <= tokenizer->max_id && tokenizer->token[id].ptr) {
        i4_buf_add(out, tokenizer->token[id].ptr, tokenizer->token[id].len);
    }
}
