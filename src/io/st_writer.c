/* Writing the safetensors container: the header from the declarations, padded so that the data
 * begin at a multiple of 8, then the data as they come. For tools and tests, hence plain stdio; a
 * file that was not finished is removed. */
#include "io/safetensors.h"

#include "base/checked.h"
#include "base/limits.h"
#include "base/memory.h"
#include "io/st_size.h"

#include <errno.h>
#include <string.h>

struct i4_st_writer {
    FILE *stream;
    char *path;
    uint64_t written, total; /* bytes of data */
};

static void add_escaped(i4_buf *b, const char *text) {
    i4_buf_addc(b, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            i4_buf_addc(b, '\\');
        }
        if ((unsigned char)*text < 0x20) {
            i4_buf_addf(b, "\\u%04x", (unsigned)*text);
        } else {
            i4_buf_addc(b, *text);
        }
    }
    i4_buf_addc(b, '"');
}

static void add_decl(i4_buf *b, const i4_st_decl *d, uint64_t begin, uint64_t end) {
    add_escaped(b, d->name);
    i4_buf_addf(b, ":{\"dtype\":\"%s\",\"shape\":[", i4_st_dtype_name(d->dtype));
    for (int i = 0; i < d->rank; i++) {
        i4_buf_addf(b, "%s%lld", i ? "," : "", (long long)d->dim[i]);
    }
    i4_buf_addf(b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)begin,
                (unsigned long long)end);
}

static void add_notes(i4_buf *b, const i4_st_note *notes, size_t count) {
    i4_buf_adds(b, "\"__metadata__\":{");
    for (size_t i = 0; i < count; i++) {
        i4_buf_adds(b, i > 0 ? "," : "");
        add_escaped(b, notes[i].key);
        i4_buf_addc(b, ':');
        add_escaped(b, notes[i].value);
    }
    i4_buf_addc(b, '}');
}

/* Goes on in an open object: `begun` when something stands in it already. */
static bool add_decls(i4_buf *b, bool begun, const i4_st_decl *decls, size_t count, uint64_t *total,
                      i4_err *err) {
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes;
        bool good = decls[i].rank >= 0 && decls[i].rank <= I4_LIMIT_ST_RANK &&
                    i4_st_decl_bytes(decls[i].dtype, decls[i].rank, decls[i].dim, &bytes) &&
                    *total <= INT64_MAX - bytes;
        if (!good) {
            return i4_fail(err, I4_E_INVALID_ARGUMENT,
                           "the declared shape cannot be written: a dimension is negative or the "
                           "size does not fit (tensor '%s')",
                           decls[i].name);
        }
        if (begun || i > 0) {
            i4_buf_addc(b, ',');
        }
        add_decl(b, &decls[i], *total, *total + bytes);
        *total += bytes;
    }
    return true;
}

static bool build_header(i4_buf *b, const i4_st_note *notes, size_t note_count,
                         const i4_st_decl *decls, size_t count, uint64_t *total, i4_err *err) {
    i4_buf_addc(b, '{');
    if (note_count > 0) {
        add_notes(b, notes, note_count);
    }
    if (!add_decls(b, note_count > 0, decls, count, total, err)) {
        return false;
    }
    i4_buf_addc(b, '}');
    while (!b->failed && b->len % 8 != 0) {
        i4_buf_addc(b, ' ');
    }
    return !b->failed || i4_fail_memory(err, "a safetensors header", b->len);
}

static bool put(i4_st_writer *w, const void *bytes, size_t size, i4_err *err) {
    bool failed = i4_fault_hit(I4_FAULT_WRITE, size) || fwrite(bytes, 1, size, w->stream) != size;
    return !failed || i4_fail(err, I4_E_IO, "cannot write %s; is the disk full?", w->path);
}

static bool start(i4_st_writer *w, const char *path, const i4_buf *header, i4_err *err) {
    uint8_t length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (uint8_t)((uint64_t)header->len >> 8 * i);
    }
    w->path = i4_strdup(path);
    if (!w->path) {
        return i4_fail_memory(err, "a file name", strlen(path));
    }
    w->stream = i4_fault_hit(I4_FAULT_OPEN, 0) ? NULL : fopen(path, "wb");
    if (!w->stream) {
        return i4_fail(err, I4_E_IO, "cannot create %s: %s", path, strerror(errno));
    }
    return put(w, length, sizeof length, err) && put(w, header->ptr, header->len, err);
}

i4_st_writer *i4_st_create(const char *path, const i4_st_decl *decls, size_t count, i4_err *err) {
    return i4_st_create_noted(path, NULL, 0, decls, count, err);
}

i4_st_writer *i4_st_create_noted(const char *path, const i4_st_note *notes, size_t note_count,
                                 const i4_st_decl *decls, size_t count, i4_err *err) {
    i4_buf header;
    i4_buf_init(&header, I4_LIMIT_ST_HEADER_BYTES);
    i4_st_writer *w = i4_calloc(1, sizeof *w);
    bool good = w ? build_header(&header, notes, note_count, decls, count, &w->total, err) &&
                        start(w, path, &header, err)
                  : i4_fail_memory(err, "a safetensors writer", sizeof *w);
    i4_buf_free(&header);
    if (good) {
        return w;
    }
    i4_st_abandon(w);
    return NULL;
}

bool i4_st_write(i4_st_writer *w, const void *data, size_t size, i4_err *err) {
    if (size > w->total - w->written) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "more data than declared were given for %s",
                       w->path);
    }
    w->written += size;
    return put(w, data, size, err);
}

bool i4_st_finish(i4_st_writer *w, i4_err *err) {
    if (w->written != w->total) {
        i4_fail(err, I4_E_INVALID_ARGUMENT, "%llu of %llu declared bytes were given for %s",
                (unsigned long long)w->written, (unsigned long long)w->total, w->path);
        i4_st_abandon(w);
        return false;
    }
    /* fclose writes what is still buffered, so its failure is a failure to write */
    bool failed = i4_fault_hit(I4_FAULT_WRITE, 0);
    failed = fclose(w->stream) != 0 || failed;
    w->stream = NULL;
    if (failed) {
        i4_fail(err, I4_E_IO, "cannot write %s; is the disk full?", w->path);
        remove(w->path);
    }
    i4_st_abandon(w);
    return !failed;
}

void i4_st_abandon(i4_st_writer *w) {
    if (!w) {
        return;
    }
    if (w->stream) {
        fclose(w->stream);
        remove(w->path);
    }
    i4_free(w->path);
    i4_free(w);
}
