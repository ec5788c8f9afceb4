/* Reading the safetensors container: one pass over the header, then two sorts that prove the rules
 * between tensors (spans without holes, no name twice). Memory: the header's length for names, and
 * one entry per tensor; what is skipped costs nothing. */
#include "io/safetensors.h"

#include "base/checked.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/scan.h"
#include "io/st_size.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Enough for any tool's notes; bounds the time a hostile header can take. */
    METADATA_LIMIT = 100000
};

typedef struct pair {
    const char *key, *value;
} pair;

struct i4_st_file {
    char *path;
    i4_map map;
    bool mapped;
    char *text; /* decoded names and metadata, each NUL-terminated; as long as the header */
    size_t text_len;
    i4_st_tensor *tensor;
    size_t count, capacity;
    pair *metadata;
    size_t metadata_count, metadata_capacity;
    bool metadata_seen;
};

/* --- dtypes -------------------------------------------------------------------------------- */

static const struct {
    const char *text;
    unsigned bits;
} dtypes[] = {
#define X(name, text, bits) {text, bits},
    I4_ST_DTYPE_LIST(X)
#undef X
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof dtypes[0] };

const char *i4_st_dtype_name(i4_st_dtype dtype) {
    return (unsigned)dtype < DTYPE_COUNT ? dtypes[dtype].text : "?";
}

static bool dtype_find(const char *text, i4_st_dtype *out) {
    for (unsigned i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(text, dtypes[i].text) == 0) {
            *out = (i4_st_dtype)i;
            return true;
        }
    }
    return false;
}

bool i4_st_decl_bytes(i4_st_dtype dtype, int rank, const int64_t *dim, uint64_t *bytes) {
    int64_t bits = dtypes[dtype].bits;
    for (int i = 0; i < rank; i++) {
        if (!i4_mul_i64(bits, dim[i], &bits)) {
            return false;
        }
    }
    *bytes = (uint64_t)bits / 8;
    return bits % 8 == 0;
}

/* --- one header ---------------------------------------------------------------------------- */

typedef struct reader {
    i4_st_file *file;
    i4_scan scan;
    const uint8_t *data; /* first byte after the header */
    uint64_t data_size;
    i4_err *err;
} reader;

/* The rule comes before the name, so that a long name cannot push it out of the sentence. */
static bool broken(const reader *r, const char *rule, const char *name) {
    return i4_fail(r->err, I4_E_FORMAT, "%s: %s (tensor '%s'); the file is damaged", r->file->path,
                   rule, name);
}

static bool broken_header(const reader *r, const char *problem) {
    return i4_fail(r->err, I4_E_FORMAT,
                   "%s: the header is not valid: %s (byte %zu of the header); the file is damaged",
                   r->file->path, problem, (size_t)(r->scan.at - r->scan.start));
}

/* A string that is kept. The text block cannot overflow: a decoded string and its NUL take no more
 * than the quoted one. */
static const char *keep_string(reader *r) {
    char *out = r->file->text + r->file->text_len;
    size_t len;
    if (!i4_scan_string(&r->scan, out, &len)) {
        return NULL;
    }
    if (memchr(out, '\0', len)) {
        i4_scan_fail(&r->scan, "a string holds a NUL character");
        return NULL;
    }
    r->file->text_len += len + 1;
    return out;
}

/* Short strings that are looked at once: decoded at the end of the text block, not kept. */
static const char *peek_string(reader *r) {
    size_t before = r->file->text_len;
    const char *text = keep_string(r);
    r->file->text_len = before;
    return text;
}

static void *grown(void *block, size_t count, size_t *capacity, size_t item_size) {
    if (count < *capacity) {
        return block;
    }
    size_t wanted = *capacity ? *capacity * 2 : 64;
    size_t bytes;
    void *larger = i4_mul_size(wanted, item_size, &bytes) ? i4_realloc(block, bytes) : NULL;
    if (larger) {
        *capacity = wanted;
    }
    return larger;
}

static bool read_metadata(reader *r) {
    i4_st_file *f = r->file;
    bool first = true;
    if (f->metadata_seen) {
        return i4_scan_fail(&r->scan, "__metadata__ is there twice");
    }
    f->metadata_seen = true;
    if (i4_scan_peek(&r->scan) == 'n') {
        return i4_scan_skip(&r->scan);
    }
    if (!i4_scan_need(&r->scan, '{', "__metadata__ must be an object of strings or null")) {
        return false;
    }
    while (i4_scan_next(&r->scan, '}', &first)) {
        pair *larger = grown(f->metadata, f->metadata_count, &f->metadata_capacity, sizeof(pair));
        if (!larger) {
            return i4_fail_memory(r->err, "a safetensors header", sizeof(pair));
        }
        f->metadata = larger;
        pair p;
        p.key = keep_string(r);
        i4_scan_need(&r->scan, ':', "a colon is missing");
        if (i4_scan_peek(&r->scan) != '"') {
            return i4_scan_fail(&r->scan, "a value of __metadata__ is not a string");
        }
        p.value = keep_string(r);
        if (r->scan.problem) {
            return false;
        }
        if (f->metadata_count == METADATA_LIMIT) {
            return i4_scan_fail(&r->scan, "__metadata__ has too many entries");
        }
        f->metadata[f->metadata_count++] = p;
    }
    return !r->scan.problem;
}

static bool read_dtype(reader *r, i4_st_tensor *t) {
    const char *text = peek_string(r);
    if (!text) {
        return false;
    }
    return dtype_find(text, &t->dtype) || broken(r, "its dtype is unknown", t->name);
}

static bool read_shape(reader *r, i4_st_tensor *t) {
    bool first = true;
    if (!i4_scan_need(&r->scan, '[', "shape must be a list")) {
        return false;
    }
    while (i4_scan_next(&r->scan, ']', &first)) {
        if (t->rank == I4_LIMIT_ST_RANK) {
            return broken(r, "it has more than 8 dimensions", t->name);
        }
        if (!i4_scan_whole(&r->scan, &t->dim[t->rank++])) {
            return false;
        }
    }
    return !r->scan.problem;
}

static bool read_offsets(reader *r, i4_st_tensor *t) {
    int64_t begin, end;
    bool two = i4_scan_need(&r->scan, '[', "data_offsets must be a list of two numbers") &&
               i4_scan_whole(&r->scan, &begin) &&
               i4_scan_need(&r->scan, ',', "data_offsets must be a list of two numbers") &&
               i4_scan_whole(&r->scan, &end) &&
               i4_scan_need(&r->scan, ']', "data_offsets must be a list of two numbers");
    if (!two) {
        return false;
    }
    if (begin > end) {
        return broken(r, "its data_offsets are in the wrong order", t->name);
    }
    if ((uint64_t)end > r->data_size) {
        return broken(r, "its data_offsets reach past the end of the file", t->name);
    }
    t->data = r->data + begin;
    t->size = (size_t)(end - begin);
    return true;
}

static bool check_size(const reader *r, const i4_st_tensor *t) {
    uint64_t bytes;
    if (!i4_st_decl_bytes(t->dtype, t->rank, t->dim, &bytes)) {
        return broken(r, "its size is not a whole number of bytes that fits", t->name);
    }
    if (bytes != t->size) {
        return broken(r, "its data_offsets do not span the bytes that dtype and shape need",
                      t->name);
    }
    return true;
}

/* {"dtype": …, "shape": […], "data_offsets": [begin, end]} in any order, other keys skipped. */
static bool read_entry(reader *r, i4_st_tensor *t) {
    enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    static bool (*const read[])(reader *, i4_st_tensor *) = {read_dtype, read_shape, read_offsets};
    unsigned seen = 0;
    bool first = true;
    if (!i4_scan_need(&r->scan, '{', "a tensor's entry must be an object")) {
        return false;
    }
    while (i4_scan_next(&r->scan, '}', &first)) {
        const char *key = peek_string(r);
        if (!key) {
            return false;
        }
        unsigned k = 0;
        while (k < 3 && strcmp(key, keys[k]) != 0) {
            k++;
        }
        i4_scan_need(&r->scan, ':', "a colon is missing");
        if (k < 3 && seen & 1u << k) {
            return broken(r, "its entry has a key twice", t->name);
        }
        seen |= 1u << k;
        if (!(k < 3 ? read[k](r, t) : i4_scan_skip(&r->scan))) {
            return false;
        }
    }
    if (r->scan.problem) {
        return false;
    }
    if ((seen & 7u) != (DTYPE | SHAPE | OFFSETS)) {
        return broken(r, "its entry lacks dtype, shape or data_offsets", t->name);
    }
    return check_size(r, t);
}

static bool read_tensor(reader *r, const char *name) {
    i4_st_file *f = r->file;
    if (strlen(name) > I4_LIMIT_ST_NAME_BYTES) {
        return i4_scan_fail(&r->scan, "a tensor's name is longer than 1024 bytes");
    }
    if (f->count == I4_LIMIT_ST_TENSORS) {
        return i4_scan_fail(&r->scan, "there are more than 200000 tensors");
    }
    i4_st_tensor *larger = grown(f->tensor, f->count, &f->capacity, sizeof *f->tensor);
    if (!larger) {
        return i4_fail_memory(r->err, "a safetensors header", sizeof *f->tensor);
    }
    f->tensor = larger;
    i4_st_tensor *t = &f->tensor[f->count];
    memset(t, 0, sizeof *t);
    t->name = name;
    if (!read_entry(r, t)) {
        return false;
    }
    f->count++;
    return true;
}

static bool read_members(reader *r) {
    bool first = true;
    if (r->scan.at == r->scan.end || *r->scan.at != '{') {
        return i4_scan_fail(&r->scan, "it must begin with '{'");
    }
    r->scan.at++;
    while (i4_scan_next(&r->scan, '}', &first)) {
        const char *name = keep_string(r);
        if (!name || !i4_scan_need(&r->scan, ':', "a colon is missing")) {
            return false;
        }
        bool good = strcmp(name, "__metadata__") == 0 ? read_metadata(r) : read_tensor(r, name);
        if (!good) {
            return false;
        }
    }
    return !r->scan.problem &&
           (i4_scan_done(&r->scan) || i4_scan_fail(&r->scan, "something follows its last bracket"));
}

/* --- rules between tensors ----------------------------------------------------------------- */

static int by_span(const void *a, const void *b) {
    const i4_st_tensor *x = a, *y = b;
    const uint8_t *x_end = x->data + x->size, *y_end = y->data + y->size;
    if (x->data != y->data) {
        return x->data < y->data ? -1 : 1;
    }
    return x_end == y_end ? 0 : x_end < y_end ? -1 : 1;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const i4_st_tensor *)a)->name, ((const i4_st_tensor *)b)->name);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const pair *)a)->key, ((const pair *)b)->key);
}

static bool check_spans(const reader *r) {
    const i4_st_file *f = r->file;
    const uint8_t *expected = r->data, *end = r->data + r->data_size;
    if (f->count > 0) {
        qsort(f->tensor, f->count, sizeof *f->tensor, by_span);
    }
    for (size_t i = 0; i < f->count; i++) {
        const i4_st_tensor *t = &f->tensor[i];
        if (t->data != expected) {
            return broken(r,
                          t->data > expected ? "there is a hole before its data"
                                             : "its data overlap another tensor's",
                          t->name);
        }
        expected += t->size;
    }
    if (expected != end) {
        return i4_fail(r->err, I4_E_FORMAT,
                       "%s: %zu bytes follow the last tensor's data; the file is damaged", f->path,
                       (size_t)(end - expected));
    }
    return true;
}

static bool check_names(const reader *r) {
    const i4_st_file *f = r->file;
    if (f->count > 0) {
        qsort(f->tensor, f->count, sizeof *f->tensor, by_name);
    }
    if (f->metadata_count > 0) {
        qsort(f->metadata, f->metadata_count, sizeof *f->metadata, by_key);
    }
    for (size_t i = 1; i < f->count; i++) {
        if (strcmp(f->tensor[i - 1].name, f->tensor[i].name) == 0) {
            return broken(r, "its name is there twice", f->tensor[i].name);
        }
    }
    for (size_t i = 1; i < f->metadata_count; i++) {
        if (strcmp(f->metadata[i - 1].key, f->metadata[i].key) == 0) {
            return broken_header(r, "__metadata__ has a key twice");
        }
    }
    return true;
}

/* --- whole files --------------------------------------------------------------------------- */

static bool header_span(const i4_st_file *f, size_t *header, i4_err *err) {
    uint64_t n = 0;
    if (f->map.size < 8) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s: not a safetensors file: it has %zu bytes, at least 8 are needed",
                       f->path, f->map.size);
    }
    for (int i = 7; i >= 0; i--) {
        n = n << 8 | f->map.data[i];
    }
    if (n < 2 || n > I4_LIMIT_ST_HEADER_BYTES) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s: not a safetensors file: its header length is %llu, allowed are 2 to "
                       "99999999",
                       f->path, (unsigned long long)n);
    }
    if (n > f->map.size - 8) {
        return i4_fail(err, I4_E_FORMAT,
                       "%s: the header of %llu bytes does not fit into the file of %zu bytes; the "
                       "file is cut off",
                       f->path, (unsigned long long)n, f->map.size);
    }
    *header = (size_t)n;
    return true;
}

static bool read_file(i4_st_file *f, i4_err *err) {
    size_t header = 0;
    i4_err first = {0};
    if (!header_span(f, &header, err)) {
        return false;
    }
    const char *text = (const char *)f->map.data + 8;
    reader r = {f, i4_scan_of(text, header), f->map.data + 8 + header, f->map.size - 8 - header,
                &first};
    f->text = i4_malloc(header);
    if (!f->text) {
        return i4_fail_memory(err, "a safetensors header", header);
    }
    if (!i4_utf8_valid(i4_str_of(text, header))) {
        broken_header(&r, "it is not UTF-8");
    } else if (read_members(&r)) {
        if (check_spans(&r) && check_names(&r)) {
            return true;
        }
    } else if (r.scan.problem) {
        broken_header(&r, r.scan.problem);
    }
    if (err) {
        *err = first;
    }
    return false;
}

/* Takes the map. */
static i4_st_file *file_new(i4_map map, bool mapped, const char *path, i4_err *err) {
    i4_st_file *f = i4_calloc(1, sizeof *f);
    if (!f) {
        if (mapped) {
            i4_map_close(&map);
        }
        i4_fail_memory(err, "a safetensors file", sizeof *f);
        return NULL;
    }
    f->map = map;
    f->mapped = mapped;
    f->path = i4_strdup(path);
    if (!f->path) {
        i4_fail_memory(err, "a file name", strlen(path));
    } else if (read_file(f, err)) {
        return f;
    }
    i4_st_close(f);
    return NULL;
}

i4_st_file *i4_st_open(const char *path, i4_err *err) {
    i4_map map = {0};
    return i4_map_open(path, &map, err) ? file_new(map, true, path, err) : NULL;
}

i4_st_file *i4_st_parse(const uint8_t *data, size_t size, const char *label, i4_err *err) {
    i4_map map = {data, size};
    return file_new(map, false, label, err);
}

void i4_st_close(i4_st_file *file) {
    if (!file) {
        return;
    }
    if (file->mapped) {
        i4_map_close(&file->map);
    }
    i4_free(file->path);
    i4_free(file->text);
    i4_free(file->tensor);
    i4_free(file->metadata);
    i4_free(file);
}

/* --- questions ----------------------------------------------------------------------------- */

const char *i4_st_path(const i4_st_file *file) {
    return file->path;
}

size_t i4_st_count(const i4_st_file *file) {
    return file->count;
}

const i4_st_tensor *i4_st_at(const i4_st_file *file, size_t index) {
    return &file->tensor[index];
}

const i4_st_tensor *i4_st_find(const i4_st_file *file, const char *name) {
    i4_st_tensor key = {.name = name};
    return file->count == 0 ? NULL : bsearch(&key, file->tensor, file->count, sizeof key, by_name);
}

const char *i4_st_metadata(const i4_st_file *file, const char *key) {
    pair wanted = {key, NULL};
    const pair *found =
        file->metadata_count == 0
            ? NULL
            : bsearch(&wanted, file->metadata, file->metadata_count, sizeof wanted, by_key);
    return found ? found->value : NULL;
}

size_t i4_st_size(const i4_st_file *file) {
    return file->map.size;
}

void i4_st_need(const i4_st_file *file) {
    if (file->mapped) {
        i4_map_need(&file->map, 0, file->map.size);
    }
}

void i4_st_done(const i4_st_file *file) {
    if (file->mapped) {
        i4_map_done(&file->map, 0, file->map.size);
    }
}

void i4_st_describe(const i4_st_tensor *t, char *out, size_t out_size) {
    size_t used = 0;
    for (int i = 0; i <= t->rank && used < out_size; i++) {
        int n = i < t->rank ? snprintf(out + used, out_size - used, "%s%lld", i ? ", " : "[",
                                       (long long)t->dim[i])
                            : snprintf(out + used, out_size - used, "%s %s", i ? "]" : "[]",
                                       i4_st_dtype_name(t->dtype));
        used += n > 0 ? (size_t)n : out_size;
    }
}
