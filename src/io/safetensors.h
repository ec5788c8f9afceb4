/* Floor 1. The safetensors container, every bound proved before a pointer is handed out.
 *
 * Enforced (docs/formats.md 7.2, each with a sentence naming file, tensor and rule): header length
 * 2..99 999 999 and inside the file; valid UTF-8 JSON object, depth bounded; __metadata__ an object
 * of strings or null; no duplicate names; known dtype; whole non-negative dimensions; offsets
 * ordered and inside; size = ceil(product·bits/8) with checked multiplication; spans contiguous
 * from 0 to the end of the file. Data may have any alignment and any order.
 * Source: the rules of the safetensors reference library. */
#ifndef I4_IO_SAFETENSORS_H
#define I4_IO_SAFETENSORS_H

#include "base/os.h"
#include "base/status.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>

/* name, text in the file, bits */
#define I4_ST_DTYPE_LIST(X)          \
    X(BOOL, "BOOL", 8)               \
    X(U8, "U8", 8)                   \
    X(I8, "I8", 8)                   \
    X(F8_E5M2, "F8_E5M2", 8)         \
    X(F8_E4M3, "F8_E4M3", 8)         \
    X(F8_E8M0, "F8_E8M0", 8)         \
    X(F8_E4M3FNUZ, "F8_E4M3FNUZ", 8) \
    X(F8_E5M2FNUZ, "F8_E5M2FNUZ", 8) \
    X(I16, "I16", 16)                \
    X(U16, "U16", 16)                \
    X(F16, "F16", 16)                \
    X(BF16, "BF16", 16)              \
    X(I32, "I32", 32)                \
    X(U32, "U32", 32)                \
    X(F32, "F32", 32)                \
    X(C64, "C64", 64)                \
    X(F64, "F64", 64)                \
    X(I64, "I64", 64)                \
    X(U64, "U64", 64)                \
    X(F4, "F4", 4)                   \
    X(F6_E2M3, "F6_E2M3", 6)         \
    X(F6_E3M2, "F6_E3M2", 6)

typedef enum i4_st_dtype {
#define X(name, text, bits) I4_ST_##name,
    I4_ST_DTYPE_LIST(X)
#undef X
} i4_st_dtype;
const char *i4_st_dtype_name(i4_st_dtype dtype);

typedef struct i4_st_tensor {
    const char *name; /* owned by the file, NUL-terminated (a NUL inside a name is refused) */
    i4_st_dtype dtype;
    int rank; /* 0..8 */
    int64_t dim[8];
    const uint8_t *data; /* borrowed from the file, any alignment */
    size_t size;         /* bytes */
} i4_st_tensor;

typedef struct i4_st_file i4_st_file;

/* Maps the file. */
i4_st_file *i4_st_open(const char *path, i4_err *err);
/* Over bytes the caller keeps alive; label is used in messages. */
i4_st_file *i4_st_parse(const uint8_t *data, size_t size, const char *label, i4_err *err);
void i4_st_close(i4_st_file *file);

const char *i4_st_path(const i4_st_file *file);
size_t i4_st_count(const i4_st_file *file);
const i4_st_tensor *i4_st_at(const i4_st_file *file, size_t index);       /* sorted by name */
const i4_st_tensor *i4_st_find(const i4_st_file *file, const char *name); /* NULL: none */
/* Value of a __metadata__ key, NULL if absent. */
const char *i4_st_metadata(const i4_st_file *file, const char *key);
size_t i4_st_size(const i4_st_file *file); /* whole file, bytes */
/* Page hints for the whole file (nothing for parsed bytes). */
void i4_st_need(const i4_st_file *file);
void i4_st_done(const i4_st_file *file);

/* "[2, 3] F32" into out, for messages. */
void i4_st_describe(const i4_st_tensor *t, char *out, size_t out_size);

/* Writing, for tools and tests: declare all, then the data in the declared order. */
typedef struct i4_st_decl {
    const char *name;
    i4_st_dtype dtype;
    int rank;
    int64_t dim[8];
} i4_st_decl;
typedef struct i4_st_writer i4_st_writer;
typedef struct i4_st_note {
    const char *key, *value;
} i4_st_note;
i4_st_writer *i4_st_create(const char *path, const i4_st_decl *decls, size_t count, i4_err *err);
/* With __metadata__; no key twice. */
i4_st_writer *i4_st_create_noted(const char *path, const i4_st_note *notes, size_t note_count,
                                 const i4_st_decl *decls, size_t count, i4_err *err);
bool i4_st_write(i4_st_writer *w, const void *data, size_t size, i4_err *err); /* in any pieces */
bool i4_st_finish(i4_st_writer *w, i4_err *err); /* closes; fails if bytes are missing */
void i4_st_abandon(i4_st_writer *w);             /* closes and removes; NULL is fine */

#endif
