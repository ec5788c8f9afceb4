/* A sorted table of all spellings of all targets: the module path, its parts for split attention,
 * and both with underscores behind "lora_unet_". A key is its prefix, a spelling, and a suffix. */
#include "weights/lora_names.h"

#include "base/memory.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPELLING_BYTES = 160, SPELLINGS_PER_TARGET = 8 };

typedef struct spelling {
    char text[SPELLING_BYTES];
    i4_lora_site site;
} spelling;

struct i4_lora_names {
    spelling *list; /* owned, sorted by text */
    size_t count;
};

/* Longest first where one begins another. */
static const char *const prefixes[] = {"base_model.model.", "model.diffusion_model.",
                                       "conditional_transformer.", "diffusion_model.",
                                       "transformer."};

static const struct {
    const char *text; /* without a final ".weight" */
    i4_lora_role role;
} suffixes[] = {
    {".lora_A", I4_LORA_DOWN},      {".lora_down", I4_LORA_DOWN},
    {".lora.down", I4_LORA_DOWN},   {".lora_B", I4_LORA_UP},
    {".lora_up", I4_LORA_UP},       {".lora.up", I4_LORA_UP},
    {".alpha", I4_LORA_ALPHA},      {".lokr_w1", I4_LOKR_W1},
    {".lokr_w1_a", I4_LOKR_W1_A},   {".lokr_w1_b", I4_LOKR_W1_B},
    {".lokr_w2", I4_LOKR_W2},       {".lokr_w2_a", I4_LOKR_W2_A},
    {".lokr_w2_b", I4_LOKR_W2_B},   {".lokr_t2", I4_LOKR_T2},
    {".dora_scale", I4_DORA_SCALE}, {".lora_magnitude_vector", I4_DORA_SCALE},
};

/* --- the table ----------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    return strcmp(((const spelling *)a)->text, ((const spelling *)b)->text);
}

/* head + tail as a module path, and the same with underscores. */
static void add(i4_lora_names *n, i4_str head, const char *tail, size_t target, int third) {
    spelling *dotted = &n->list[n->count], *flat = dotted + 1;
    int len = snprintf(dotted->text, SPELLING_BYTES, "%.*s%s", (int)head.len, head.ptr, tail);
    if (len < 0 || len >= SPELLING_BYTES) {
        return;
    }
    dotted->site = flat->site = (i4_lora_site){target, third};
    n->count++;
    len = snprintf(flat->text, SPELLING_BYTES, "lora_unet_%s", dotted->text);
    if (len < 0 || len >= SPELLING_BYTES) {
        return;
    }
    for (char *c = flat->text; *c; c++) {
        *c = *c == '.' ? '_' : *c;
    }
    n->count++;
}

static void add_target(i4_lora_names *n, const i4_lora_target *t, size_t index) {
    i4_str module = i4_str_c(t->module);
    add(n, module, "", index, 0);
    if (i4_str_ends(module, ".attention.qkv") && t->out % 3 == 0) {
        i4_str head = i4_str_of(module.ptr, module.len - strlen("qkv"));
        add(n, head, "to_q", index, 1);
        add(n, head, "to_k", index, 2);
        add(n, head, "to_v", index, 3);
    } else if (i4_str_ends(module, ".attention.o")) {
        add(n, i4_str_of(module.ptr, module.len - 1), "to_out.0", index, 0);
    } else if (i4_str_is(module, "final_layer.linear")) {
        /* the one name that trainers shorten */
        add(n, i4_str_c("final_linear"), "", index, 0);
    }
}

i4_lora_names *i4_lora_names_new(const i4_lora_target *targets, size_t count, i4_err *err) {
    i4_lora_names *n = i4_calloc(1, sizeof *n);
    spelling *list = i4_calloc(count ? count : 1, SPELLINGS_PER_TARGET * sizeof *list);
    if (!n || !list) {
        i4_free(n);
        i4_free(list);
        i4_fail_memory(err, "the names of layers", count * SPELLINGS_PER_TARGET * sizeof *list);
        return NULL;
    }
    n->list = list;
    for (size_t i = 0; i < count; i++) {
        add_target(n, &targets[i], i);
    }
    qsort(n->list, n->count, sizeof *n->list, by_text);
    return n;
}

void i4_lora_names_free(i4_lora_names *names) {
    if (names) {
        i4_free(names->list);
        i4_free(names);
    }
}

/* --- keys ---------------------------------------------------------------------------------- */

/* Cuts the role off the end of *key. */
static bool take_role(i4_str *key, i4_lora_role *role) {
    if (i4_str_ends(*key, ".weight")) {
        key->len -= strlen(".weight");
    }
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        if (i4_str_ends(*key, suffixes[i].text)) {
            key->len -= strlen(suffixes[i].text);
            *role = suffixes[i].role;
            return true;
        }
    }
    return false;
}

static bool cut_prefix(i4_str *key) {
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (i4_str_starts(*key, prefixes[i])) {
            size_t len = strlen(prefixes[i]);
            *key = i4_str_of(key->ptr + len, key->len - len);
            return true;
        }
    }
    return false;
}

bool i4_lora_names_find(const i4_lora_names *names, const char *key, i4_lora_site *site,
                        i4_lora_role *role) {
    spelling wanted;
    i4_str rest = i4_str_c(key);
    if (!take_role(&rest, role)) {
        return false;
    }
    while (cut_prefix(&rest)) {
        /* also several: some tools put theirs before another's */
    }
    if (rest.len >= SPELLING_BYTES || names->count == 0) {
        return false;
    }
    memcpy(wanted.text, rest.ptr, rest.len);
    wanted.text[rest.len] = '\0';
    const spelling *found = bsearch(&wanted, names->list, names->count, sizeof wanted, by_text);
    if (found) {
        *site = found->site;
    }
    return found != NULL;
}
