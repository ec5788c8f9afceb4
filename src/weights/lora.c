/* Opening an adapter file: every key is given its site and role, equal sites come together by
 * sorting, and each becomes one part, a low-rank pair straight from the file or a LoKr product. */
#include "weights/lora.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/str.h"
#include "io/safetensors.h"
#include "weights/floats.h"
#include "weights/lokr.h"
#include "weights/lora_file.h"
#include "weights/lora_names.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One key that matched. */
typedef struct entry {
    i4_lora_site site;
    i4_lora_role role;
    const i4_st_tensor *tensor;
} entry;

static int by_site(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->site.target != y->site.target) {
        return x->site.target < y->site.target ? -1 : 1;
    }
    if (x->site.third != y->site.third) {
        return x->site.third < y->site.third ? -1 : 1;
    }
    return (int)x->role - (int)y->role;
}

static bool same_site(const entry *a, const entry *b) {
    return a->site.target == b->site.target && a->site.third == b->site.third;
}

/* The rule comes before the name, so that a long name cannot push it out of the sentence. */
static bool broken(const i4_lora *lora, const i4_st_tensor *t, const char *rule, i4_err *err) {
    return i4_fail(err, I4_E_FORMAT, "%s: %s (tensor '%s')", i4_st_path(lora->file), rule, t->name);
}

/* --- keys ---------------------------------------------------------------------------------- */

static void note_unmatched(i4_lora *lora, const char *key) {
    if (lora->unmatched_keys < 5) {
        char *out = lora->unmatched[lora->unmatched_keys];
        size_t len = strlen(key), room = sizeof lora->unmatched[0] - 1;
        if (len > room) {
            len = room;
            while (len > 0 && ((unsigned char)key[len] & 0xc0) == 0x80) {
                len--; /* not inside a character */
            }
        }
        memcpy(out, key, len);
        out[len] = '\0';
    }
    lora->unmatched_keys++;
}

/* entries: room for every tensor of the file */
static void match(i4_lora *lora, const i4_lora_names *names, entry *entries) {
    for (size_t i = 0; i < i4_st_count(lora->file); i++) {
        const i4_st_tensor *t = i4_st_at(lora->file, i);
        entry e = {.tensor = t};
        if (i4_lora_names_find(names, t->name, &e.site, &e.role)) {
            entries[lora->matched_keys++] = e;
        } else {
            note_unmatched(lora, t->name);
        }
    }
    if (lora->matched_keys > 0) {
        qsort(entries, lora->matched_keys, sizeof *entries, by_site);
    }
}

/* --- checks -------------------------------------------------------------------------------- */

static bool check_numbers(const i4_lora *lora, const i4_st_tensor *t, i4_err *err) {
    i4_dtype dtype = I4_F32;
    if (!i4_float_kind(t->dtype, NULL, &dtype)) {
        return broken(lora, t, "an adapter's numbers must be F32, F16 or BF16", err);
    }
    return i4_floats_finite(dtype, t->data, t->size / i4_dtype_size(dtype)) ||
           broken(lora, t, "an infinite number or NaN is in it", err);
}

/* Sorted entries: no role twice at one site, no whole beside its thirds. */
static bool check_entries(const i4_lora *lora, const entry *entries, i4_err *err) {
    for (size_t i = 0; i < lora->matched_keys; i++) {
        const entry *e = &entries[i], *before = i ? e - 1 : NULL;
        if (e->role == I4_DORA_SCALE) {
            return i4_fail(err, I4_E_UNSUPPORTED,
                           "%s: DoRA adapters are not supported (tensor '%s')",
                           i4_st_path(lora->file), e->tensor->name);
        }
        if (before && same_site(before, e) && before->role == e->role) {
            return broken(lora, e->tensor, "the same layer is adapted twice, in two spellings",
                          err);
        }
        if (before && before->site.target == e->site.target && before->site.third == 0 &&
            e->site.third != 0) {
            return broken(lora, e->tensor, "qkv is adapted both whole and split", err);
        }
        if (!check_numbers(lora, e->tensor, err)) {
            return false;
        }
    }
    return true;
}

/* --- parts --------------------------------------------------------------------------------- */

static i4_weight weight_of(const char *name, i4_format format, int64_t rows, int64_t cols,
                           const void *data) {
    return (i4_weight){
        .name = name, .format = format, .rows = rows, .cols = cols, .data = data, .slot = -1};
}

/* alpha / dim; 1 without alpha */
static bool read_factor(const i4_lora *lora, const i4_st_tensor *alpha, int64_t dim, float *factor,
                        i4_err *err) {
    i4_dtype dtype = I4_F32;
    float value;
    *factor = 1;
    if (!alpha) {
        return true;
    }
    i4_float_kind(alpha->dtype, NULL, &dtype);
    if (alpha->rank > 1 || alpha->size != i4_dtype_size(dtype)) {
        return broken(lora, alpha, "alpha must be one number", err);
    }
    i4_floats_read(dtype, alpha->data, 1, &value);
    if (dim > 0) {
        *factor = value / (float)dim;
    }
    return true;
}

static bool pair_part(const i4_lora *lora, const i4_st_tensor *const by_role[I4_LORA_ROLES],
                      int64_t out, int64_t in, i4_lora_part *part, i4_err *err) {
    const i4_st_tensor *down = by_role[I4_LORA_DOWN], *up = by_role[I4_LORA_UP];
    const i4_st_tensor *any = down ? down : up ? up : by_role[I4_LORA_ALPHA];
    i4_format down_format = I4_W_F32, up_format = I4_W_F32;
    if (!down || !up) {
        return broken(lora, any, "its pair is incomplete: down (A) and up (B) are needed", err);
    }
    if (down->rank != 2 || down->dim[1] != in) {
        return broken(lora, down, "its shape does not fit the layer's input", err);
    }
    if (up->rank != 2 || up->dim[0] != out) {
        return broken(lora, up, "its shape does not fit the layer's output", err);
    }
    if (down->dim[0] != up->dim[1] || down->dim[0] < 1) {
        return broken(lora, up, "down (A) and up (B) differ in rank", err);
    }
    if (down->dim[0] > I4_LIMIT_LORA_RANK) {
        return i4_fail(err, I4_E_UNSUPPORTED, "%s: rank %lld is too high, at most %d (tensor '%s')",
                       i4_st_path(lora->file), (long long)down->dim[0], I4_LIMIT_LORA_RANK,
                       down->name);
    }
    i4_float_kind(down->dtype, &down_format, NULL);
    i4_float_kind(up->dtype, &up_format, NULL);
    part->down = weight_of(down->name, down_format, down->dim[0], in, down->data);
    part->up = weight_of(up->name, up_format, out, up->dim[1], up->data);
    return read_factor(lora, by_role[I4_LORA_ALPHA], down->dim[0], &part->factor, err);
}

static bool lokr_part(i4_lora *lora, const i4_st_tensor *const by_role[I4_LORA_ROLES],
                      const char *name, int64_t out, int64_t in, i4_lora_part *part, i4_err *err) {
    i4_lokr lokr;
    if (by_role[I4_LORA_DOWN] || by_role[I4_LORA_UP]) {
        const i4_st_tensor *t = by_role[I4_LORA_DOWN] ? by_role[I4_LORA_DOWN] : by_role[I4_LORA_UP];
        return broken(lora, t, "the layer has both LoRA and LoKr tensors", err);
    }
    if (!i4_lokr_make(by_role, out, in, i4_st_path(lora->file), &lokr, err)) {
        return false;
    }
    lora->owned[lora->owned_count++] = lokr.down; /* there is room for two for each part */
    lora->owned[lora->owned_count++] = lokr.up;
    part->down = weight_of(name, I4_W_F32, lokr.rank, in, lokr.down);
    part->up = weight_of(name, I4_W_F32, out, lokr.rank, lokr.up);
    return read_factor(lora, by_role[I4_LORA_ALPHA], lokr.dim, &part->factor, err);
}

/* count entries of one site */
static bool add_part(i4_lora *lora, const i4_lora_target *target, const entry *entries,
                     size_t count, i4_err *err) {
    const i4_st_tensor *by_role[I4_LORA_ROLES] = {NULL};
    const int third = entries[0].site.third;
    const int64_t out = third ? target->out / 3 : target->out;
    i4_lora_part *part = &lora->part[lora->part_count];
    bool is_lokr = false;
    for (size_t i = 0; i < count; i++) {
        by_role[entries[i].role] = entries[i].tensor;
        is_lokr = is_lokr || entries[i].role >= I4_LOKR_W1;
    }
    part->slot = target->slot;
    part->first = third ? out * (third - 1) : 0;
    bool good = is_lokr
                    ? lokr_part(lora, by_role, entries[0].tensor->name, out, target->in, part, err)
                    : pair_part(lora, by_role, out, target->in, part, err);
    if (good && !isfinite(part->factor)) {
        return broken(lora, by_role[I4_LORA_ALPHA], "alpha divided by the rank is not finite", err);
    }
    lora->part_count += good;
    return good;
}

static bool add_parts(i4_lora *lora, const i4_lora_target *targets, const entry *entries,
                      i4_err *err) {
    size_t sites = 0;
    for (size_t i = 0; i < lora->matched_keys; i++) {
        sites += i == 0 || !same_site(&entries[i - 1], &entries[i]);
    }
    lora->part = i4_calloc(sites, sizeof *lora->part);
    lora->owned = i4_calloc(sites, 2 * sizeof *lora->owned);
    if (!lora->part || !lora->owned) {
        return i4_fail_memory(err, "an adapter", sites * sizeof *lora->part);
    }
    for (size_t first = 0, end; first < lora->matched_keys; first = end) {
        for (end = first + 1; end < lora->matched_keys && same_site(&entries[first], &entries[end]);
             end++) {
        }
        if (!add_part(lora, &targets[entries[first].site.target], &entries[first], end - first,
                      err)) {
            return false;
        }
    }
    return true;
}

/* --- whole files --------------------------------------------------------------------------- */

static bool nothing_matched(const i4_lora *lora, i4_err *err) {
    return i4_fail(err, I4_E_FORMAT,
                   "%s: none of its %zu keys fits a layer of this model; is it an adapter for "
                   "another model?%s%s%s",
                   i4_st_path(lora->file), lora->unmatched_keys,
                   lora->unmatched_keys ? " (first key '" : "", lora->unmatched[0],
                   lora->unmatched_keys ? "')" : "");
}

static bool read_file(i4_lora *lora, const i4_lora_target *targets, size_t target_count,
                      i4_err *err) {
    size_t count = i4_st_count(lora->file);
    entry *entries = i4_calloc(count ? count : 1, sizeof *entries);
    if (!entries) {
        return i4_fail_memory(err, "an adapter", count * sizeof *entries);
    }
    i4_lora_names *names = i4_lora_names_new(targets, target_count, err);
    bool good = names != NULL;
    if (good) {
        match(lora, names, entries);
        good = (lora->matched_keys > 0 || nothing_matched(lora, err)) &&
               check_entries(lora, entries, err) && add_parts(lora, targets, entries, err);
    }
    i4_lora_names_free(names);
    i4_free(entries);
    return good;
}

bool i4_lora_from(i4_st_file *file, const i4_lora_target *targets, size_t target_count,
                  i4_lora *lora, i4_err *err) {
    memset(lora, 0, sizeof *lora);
    lora->file = file;
    if (file && read_file(lora, targets, target_count, err)) {
        return true;
    }
    i4_lora_close(lora);
    return false;
}

bool i4_lora_open(const char *path, const i4_lora_target *targets, size_t target_count,
                  i4_lora *lora, i4_err *err) {
    return i4_lora_from(i4_st_open(path, err), targets, target_count, lora, err);
}

void i4_lora_close(i4_lora *lora) {
    for (size_t i = 0; i < lora->owned_count; i++) {
        i4_free(lora->owned[i]);
    }
    i4_free(lora->owned);
    i4_free(lora->part);
    i4_st_close(lora->file);
    memset(lora, 0, sizeof *lora);
}
