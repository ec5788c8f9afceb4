/* The tensors of one component. Lookup turns the engine's names into the file's; the readers below
 * it prove dtype and shape and describe the storage; what must be converted is kept in a list of
 * owned blocks. */
#include "weights/store.h"

#include "base/checked.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "weights/floats.h"

#include <string.h>

typedef struct owned {
    struct owned *next;
    void *block;
    size_t block_size; /* of an arithmetic block; 0 for a plain allocation */
} owned;

struct i4_store {
    i4_layout layout;
    i4_part part;
    i4_st_file **files;
    size_t file_count;
    owned *list;
    int64_t largest; /* numbers in the largest weight asked for so far */
    i4_format format;
};

/* --- memory -------------------------------------------------------------------------------- */

/* Takes the block, freeing it when it cannot be listed. */
static void *keep(i4_store *s, void *block, size_t block_size, i4_err *err) {
    owned *node = block ? i4_malloc(sizeof *node) : NULL;
    if (node) {
        *node = (owned){s->list, block, block_size};
        s->list = node;
        return block;
    }
    if (block && block_size) {
        i4_block_free(block, block_size);
    } else {
        i4_free(block);
    }
    i4_fail_memory(err, "a weight", block_size);
    return NULL;
}

/* count items of item_size bytes, aligned for arithmetic */
static void *new_block(i4_store *s, int64_t count, size_t item_size, i4_err *err) {
    size_t bytes;
    if (count <= 0 || !i4_mul_size((size_t)count, item_size, &bytes)) {
        i4_fail(err, I4_E_FORMAT, "a weight of %lld numbers cannot be held", (long long)count);
        return NULL;
    }
    return keep(s, i4_block_new(bytes), bytes, err);
}

/* --- opening ------------------------------------------------------------------------------- */

static bool open_files(i4_store *s, char *const *paths, size_t count, i4_err *err) {
    s->files = i4_calloc(count, sizeof *s->files);
    if (!s->files) {
        return i4_fail_memory(err, "a list of files", count * sizeof *s->files);
    }
    for (size_t i = 0; i < count; i++) {
        s->files[i] = i4_st_open(paths[i], err);
        if (!s->files[i]) {
            return false;
        }
        s->file_count++;
    }
    return true;
}

/* With an index, a name in two files is an error; without, later files win. */
static bool check_unique(const i4_store *s, i4_err *err) {
    for (size_t a = 0; a < s->file_count; a++) {
        for (size_t i = 0; i < i4_st_count(s->files[a]); i++) {
            const char *name = i4_st_at(s->files[a], i)->name;
            for (size_t b = a + 1; b < s->file_count; b++) {
                if (i4_st_find(s->files[b], name)) {
                    return i4_fail(err, I4_E_FORMAT,
                                   "%s and %s both hold a tensor of the same name ('%s')",
                                   i4_st_path(s->files[a]), i4_st_path(s->files[b]), name);
                }
            }
        }
    }
    return true;
}

i4_store *i4_store_open(const i4_manifest *manifest, i4_part part, i4_err *err) {
    i4_store *s = i4_calloc(1, sizeof *s);
    if (!s) {
        i4_fail_memory(err, "a weight store", sizeof *s);
        return NULL;
    }
    s->layout = manifest->layout;
    s->part = part;
    if (open_files(s, manifest->part[part].files, manifest->part[part].file_count, err) &&
        (!manifest->part[part].indexed || check_unique(s, err))) {
        return s;
    }
    i4_store_close(s);
    return NULL;
}

void i4_store_close(i4_store *store) {
    if (!store) {
        return;
    }
    while (store->list) {
        owned *node = store->list;
        store->list = node->next;
        if (node->block_size) {
            i4_block_free(node->block, node->block_size);
        } else {
            i4_free(node->block);
        }
        i4_free(node);
    }
    for (size_t i = 0; i < store->file_count; i++) {
        i4_st_close(store->files[i]);
    }
    i4_free(store->files);
    i4_free(store);
}

/* --- names --------------------------------------------------------------------------------- */

typedef struct found {
    const i4_st_tensor *tensor; /* NULL: none */
    const i4_st_file *file;
} found;

/* The latest file that has it. */
static found find_exact(const i4_store *s, const char *prefix, const char *name) {
    char full[I4_LIMIT_ST_NAME_BYTES + 1];
    int n = snprintf(full, sizeof full, "%s%s", prefix, name);
    for (size_t i = s->file_count; n > 0 && (size_t)n < sizeof full && i > 0; i--) {
        const i4_st_tensor *t = i4_st_find(s->files[i - 1], full);
        if (t) {
            return (found){t, s->files[i - 1]};
        }
    }
    return (found){NULL, NULL};
}

/* "…to_out.weight" is "…to_out.0.weight" in the official VAE. */
static found find_official_vae(const i4_store *s, const char *name) {
    char spelled[I4_LIMIT_ST_NAME_BYTES + 1];
    const char *out = strstr(name, ".to_out.");
    if (!out) {
        return find_exact(s, "", name);
    }
    int head = (int)(out - name) + (int)strlen(".to_out.");
    snprintf(spelled, sizeof spelled, "%.*s0.%s", head, name, name + head);
    return find_exact(s, "", spelled);
}

static found find(const i4_store *s, const char *name) {
    static const char *const split[] = {"text_encoder.", "conditional_transformer.",
                                        "unconditional_transformer.", "vae."};
    if (s->layout == I4_LAYOUT_SPLIT) {
        return find_exact(s, split[s->part], name);
    }
    if (s->layout == I4_LAYOUT_FP8 && s->part == I4_PART_VAE) {
        return find_official_vae(s, name);
    }
    if (s->layout == I4_LAYOUT_FP8 && s->part == I4_PART_TEXT) {
        found f = find_exact(s, "language_model.", name);
        return f.tensor ? f : find_exact(s, "model.language_model.", name);
    }
    return find_exact(s, "", name);
}

bool i4_store_has(const i4_store *store, const char *name) {
    return find(store, name).tensor != NULL;
}

/* NAME + suffix, or a sentence. */
static bool require(const i4_store *s, const char *name, const char *suffix, found *f,
                    i4_err *err) {
    char full[I4_LIMIT_ST_NAME_BYTES + 1];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    *f = find(s, full);
    if (f->tensor) {
        return true;
    }
    return i4_fail(err, I4_E_FORMAT, "the tensor %s is missing in %s%s (%s, %s)", full,
                   s->file_count ? i4_st_path(s->files[0]) : "no file",
                   s->file_count > 1 ? " and the files beside it" : "", i4_part_name(s->part),
                   i4_layout_name(s->layout));
}

/* --- checks -------------------------------------------------------------------------------- */

/* "FILE: NAME is [2, 3] F32, expected …" */
static bool misfit(found f, const char *expected, i4_err *err) {
    char is[256];
    i4_st_describe(f.tensor, is, sizeof is);
    return i4_fail(err, I4_E_FORMAT, "%s: %s is %s, expected %s", i4_st_path(f.file),
                   f.tensor->name, is, expected);
}

static bool is_matrix(const i4_st_tensor *t, int64_t rows, int64_t cols) {
    return t->rank == 2 && t->dim[0] == rows && t->dim[1] == cols;
}

/* One number per row, or one for all. */
static bool is_row_scale(const i4_st_tensor *t, int64_t rows) {
    bool per_row = t->rank >= 1 && t->dim[0] == rows;
    bool single = t->rank == 0 || (t->rank == 1 && t->dim[0] == 1);
    return single || (per_row && (t->rank == 1 || (t->rank == 2 && t->dim[1] == 1)));
}

/* --- float vectors ------------------------------------------------------------------------- */

static float *read_floats(i4_store *s, found f, int64_t count, i4_err *err) {
    char expected[160];
    i4_dtype dtype = I4_F32;
    if (!i4_float_kind(f.tensor->dtype, NULL, &dtype) || f.tensor->rank != 1 ||
        f.tensor->dim[0] != count) {
        snprintf(expected, sizeof expected, "[%lld] of F32, F16 or BF16", (long long)count);
        misfit(f, expected, err);
        return NULL;
    }
    float *out = new_block(s, count, sizeof *out, err);
    if (out) {
        i4_floats_read(dtype, f.tensor->data, (size_t)count, out);
    }
    return out;
}

float *i4_store_floats(i4_store *store, const char *name, int64_t count, i4_err *err) {
    found f;
    return require(store, name, "", &f, err) ? read_floats(store, f, count, err) : NULL;
}

static bool read_bias(i4_store *s, i4_weight *w, i4_err *err) {
    found f;
    if (!require(s, w->name, ".bias", &f, err)) {
        return false;
    }
    w->bias = read_floats(s, f, w->rows, err);
    return w->bias != NULL;
}

/* --- the three storages of a matrix -------------------------------------------------------- */

static bool read_plain(i4_weight *w, found f, i4_err *err) {
    char expected[160];
    if (i4_float_kind(f.tensor->dtype, &w->format, NULL) && is_matrix(f.tensor, w->rows, w->cols)) {
        w->data = f.tensor->data;
        return true;
    }
    snprintf(expected, sizeof expected,
             "[%lld, %lld] of F32, F16, BF16, affine (U32) or fp8 (F8_E4M3, U8)",
             (long long)w->rows, (long long)w->cols);
    return misfit(f, expected, err);
}

/* Bits from the packed width; 0 when it does not fit `cols` columns at all. */
static int64_t packed_bits(const i4_st_tensor *t, int64_t rows, int64_t cols) {
    if (t->rank != 2 || t->dim[0] != rows || t->dim[1] > INT64_MAX / 32) {
        return 0;
    }
    int64_t bits = t->dim[1] * 32;
    return bits % cols == 0 && bits / cols <= 8 ? bits / cols : 0;
}

static bool read_packed(i4_weight *w, found f, i4_err *err) {
    char expected[160];
    int64_t bits = packed_bits(f.tensor, w->rows, w->cols);
    if (bits == 8 || bits == 4) {
        w->format = bits == 8 ? I4_W_AFFINE8 : I4_W_AFFINE4;
        w->data = f.tensor->data;
        return true;
    }
    if (bits > 0) {
        return i4_fail(err, I4_E_UNSUPPORTED,
                       "%s: %s is quantised to %d bits; only 4 and 8 are supported",
                       i4_st_path(f.file), f.tensor->name, (int)bits);
    }
    snprintf(expected, sizeof expected, "[%lld, %lld] (8 bits) or [%lld, %lld] (4 bits) of U32",
             (long long)w->rows, (long long)w->cols / 4, (long long)w->rows,
             (long long)w->cols / 8);
    return misfit(f, expected, err);
}

static bool read_group(i4_weight *w, found scales, i4_err *err) {
    const i4_st_tensor *t = scales.tensor;
    char expected[160];
    for (int group = 32; group <= 128; group *= 2) {
        if (i4_float_kind(t->dtype, NULL, &w->scale_dtype) && w->cols % group == 0 &&
            is_matrix(t, w->rows, w->cols / group)) {
            w->group = group;
            w->scales = t->data;
            return true;
        }
    }
    snprintf(expected, sizeof expected,
             "floating, for %lld rows of %lld columns in groups of 32, 64 or 128",
             (long long)w->rows, (long long)w->cols);
    return misfit(scales, expected, err);
}

static bool read_affine(i4_store *s, i4_weight *w, found f, i4_err *err) {
    found scales, zeros;
    char expected[160];
    if (!read_packed(w, f, err) || !require(s, w->name, ".scales", &scales, err) ||
        !read_group(w, scales, err) || !require(s, w->name, ".biases", &zeros, err)) {
        return false;
    }
    if (zeros.tensor->dtype != scales.tensor->dtype ||
        !is_matrix(zeros.tensor, w->rows, w->cols / w->group)) {
        i4_st_describe(scales.tensor, expected, sizeof expected);
        return misfit(zeros, expected, err);
    }
    w->zeros = zeros.tensor->data;
    return true;
}

static bool read_fp8(i4_store *s, i4_weight *w, found f, i4_err *err) {
    found scale;
    char expected[160];
    i4_dtype dtype = I4_F32;
    if (!is_matrix(f.tensor, w->rows, w->cols)) {
        snprintf(expected, sizeof expected, "[%lld, %lld] of F8_E4M3 or U8", (long long)w->rows,
                 (long long)w->cols);
        return misfit(f, expected, err);
    }
    if (!require(s, w->name, ".weight_scale", &scale, err)) {
        return false;
    }
    if (!i4_float_kind(scale.tensor->dtype, NULL, &dtype) || !is_row_scale(scale.tensor, w->rows)) {
        snprintf(expected, sizeof expected, "[%lld] of F32, F16 or BF16", (long long)w->rows);
        return misfit(scale, expected, err);
    }
    float *row_scale = new_block(s, w->rows, sizeof *row_scale, err);
    if (!row_scale) {
        return false;
    }
    size_t stored = scale.tensor->size / i4_dtype_size(dtype);
    i4_floats_read(dtype, scale.tensor->data, stored, row_scale);
    for (int64_t i = (int64_t)stored; i < w->rows; i++) {
        row_scale[i] = row_scale[0];
    }
    w->format = I4_W_FP8;
    w->data = f.tensor->data;
    w->row_scale = row_scale;
    return true;
}

static bool read_matrix(i4_store *s, i4_weight *w, i4_err *err) {
    found f;
    if (!require(s, w->name, ".weight", &f, err)) {
        return false;
    }
    switch (f.tensor->dtype) {
    case I4_ST_U32:
        return read_affine(s, w, f, err);
    case I4_ST_U8:
    case I4_ST_F8_E4M3:
        return read_fp8(s, w, f, err);
    default:
        return read_plain(w, f, err);
    }
}

/* --- weights ------------------------------------------------------------------------------- */

static i4_weight *new_weight(i4_store *s, const char *name, int64_t rows, int64_t cols,
                             i4_err *err) {
    if (rows <= 0 || cols <= 0) {
        i4_fail(err, I4_E_FORMAT, "the configuration gives %s an impossible size of %lld by %lld",
                name, (long long)rows, (long long)cols);
        return NULL;
    }
    char *copy = keep(s, i4_strdup(name), 0, err);
    i4_weight *w = copy ? keep(s, i4_calloc(1, sizeof *w), 0, err) : NULL;
    if (w) {
        w->name = copy;
        w->rows = rows;
        w->cols = cols;
        w->slot = -1;
    }
    return w;
}

static void remember_largest(i4_store *s, const i4_weight *w) {
    int64_t numbers = w->rows * w->cols; /* fits: that many bytes or half bytes are in the file */
    if (numbers > s->largest) {
        s->largest = numbers;
        s->format = w->format;
    }
}

i4_weight *i4_store_linear(i4_store *store, const char *name, int64_t out, int64_t in,
                           bool with_bias, i4_err *err) {
    i4_weight *w = new_weight(store, name, out, in, err);
    if (!w || !read_matrix(store, w, err) || (with_bias && !read_bias(store, w, err))) {
        return NULL;
    }
    remember_largest(store, w);
    return w;
}

i4_weight *i4_store_table(i4_store *store, const char *name, int64_t rows, int64_t cols,
                          i4_err *err) {
    i4_weight *w = new_weight(store, name, rows, cols, err);
    return w && read_matrix(store, w, err) ? w : NULL;
}

/* --- convolutions -------------------------------------------------------------------------- */

/* [out][in][taps] to [out][taps][in], items of `size` bytes */
static void transpose(const uint8_t *src, uint8_t *dst, int64_t out, int64_t in, int64_t taps,
                      size_t size) {
    for (int64_t o = 0; o < out; o++) {
        for (int64_t tap = 0; tap < taps; tap++) {
            for (int64_t i = 0; i < in; i++) {
                memcpy(dst, src + (size_t)((o * in + i) * taps + tap) * size, size);
                dst += size;
            }
        }
    }
}

static bool read_kernel(i4_store *s, i4_weight *w, int64_t in, i4_err *err) {
    found f;
    char expected[160];
    i4_dtype dtype = I4_F32;
    const int64_t k = w->kernel;
    const bool official = s->layout == I4_LAYOUT_FP8;
    const int64_t shape[4] = {w->rows, official ? in : k, k, official ? k : in};
    if (!require(s, w->name, ".weight", &f, err)) {
        return false;
    }
    if (!i4_float_kind(f.tensor->dtype, &w->format, &dtype) || f.tensor->rank != 4 ||
        memcmp(f.tensor->dim, shape, sizeof shape) != 0) {
        snprintf(expected, sizeof expected, "[%lld, %lld, %lld, %lld] of F32, F16 or BF16",
                 (long long)shape[0], (long long)shape[1], (long long)shape[2],
                 (long long)shape[3]);
        return misfit(f, expected, err);
    }
    w->data = f.tensor->data;
    if (!official || k == 1) {
        return true;
    }
    const size_t size = i4_dtype_size(dtype);
    uint8_t *copy = new_block(s, w->rows * w->cols, size, err);
    if (!copy) {
        return false;
    }
    transpose(f.tensor->data, copy, w->rows, in, k * k, size);
    w->data = copy;
    return true;
}

i4_weight *i4_store_conv(i4_store *store, const char *name, int64_t out, int64_t in, int kernel,
                         i4_err *err) {
    int64_t cols;
    if (!i4_mul_i64((int64_t)kernel * kernel, in, &cols)) {
        cols = 0;
    }
    i4_weight *w = new_weight(store, name, out, cols, err);
    if (!w) {
        return NULL;
    }
    w->kernel = kernel;
    if (!read_kernel(store, w, in, err) || !read_bias(store, w, err)) {
        return NULL;
    }
    remember_largest(store, w);
    return w;
}

/* --- reports ------------------------------------------------------------------------------- */

/* Storage by the header alone. A packed matrix does not tell its columns, so bits come from the
 * ratio to its scales and the group of 64 that every known writer uses. */
static i4_format guess_format(const i4_store *s, const i4_st_tensor *t) {
    char name[I4_LIMIT_ST_NAME_BYTES + 1];
    i4_format format = I4_W_FP8;
    if (i4_float_kind(t->dtype, &format, NULL) || t->dtype != I4_ST_U32) {
        return format;
    }
    snprintf(name, sizeof name, "%.*sscales", (int)(strlen(t->name) - strlen("weight")), t->name);
    const i4_st_tensor *scales = find_exact(s, "", name).tensor;
    bool eight = scales && scales->rank == 2 && t->dim[1] / 16 >= scales->dim[1];
    return eight ? I4_W_AFFINE8 : I4_W_AFFINE4;
}

static bool looks_linear(const i4_st_tensor *t) {
    i4_str name = i4_str_c(t->name);
    return (t->rank == 2 || t->rank == 4) && i4_str_ends(name, ".weight") &&
           !i4_str_ends(name, "embed_tokens.weight");
}

i4_format i4_store_format(const i4_store *store) {
    const i4_st_tensor *best = NULL;
    if (store->largest > 0) {
        return store->format;
    }
    for (size_t f = 0; f < store->file_count; f++) {
        for (size_t i = 0; i < i4_st_count(store->files[f]); i++) {
            const i4_st_tensor *t = i4_st_at(store->files[f], i);
            if (looks_linear(t) && (!best || t->size > best->size)) {
                best = t;
            }
        }
    }
    return best ? guess_format(store, best) : I4_W_F32;
}

uint64_t i4_store_bytes(const i4_store *store) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < store->file_count; i++) {
        bytes += i4_st_size(store->files[i]);
    }
    return bytes;
}

void i4_store_need(const i4_store *store) {
    for (size_t i = 0; i < store->file_count; i++) {
        i4_st_need(store->files[i]);
    }
}

void i4_store_done(const i4_store *store) {
    for (size_t i = 0; i < store->file_count; i++) {
        i4_st_done(store->files[i]);
    }
}
