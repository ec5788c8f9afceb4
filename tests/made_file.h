/* For tests: safetensors files put together tensor by tensor. */
#ifndef ID4_TESTS_MADE_FILE_H
#define ID4_TESTS_MADE_FILE_H

#include "folder.h"
#include "io/safetensors.h"

enum { MADE_MAX = 2048 };

typedef struct made_file {
    i4_st_decl decl[MADE_MAX];
    char name[MADE_MAX][96];
    void *data[MADE_MAX]; /* owned */
    size_t size[MADE_MAX];
    size_t count;
} made_file;

static inline size_t made_bytes(i4_st_dtype dtype, int64_t numbers) {
    switch (dtype) {
    case I4_ST_F32:
    case I4_ST_U32:
    case I4_ST_I32:
        return (size_t)numbers * 4;
    case I4_ST_F16:
    case I4_ST_BF16:
        return (size_t)numbers * 2;
    default:
        return (size_t)numbers;
    }
}

/* Adds a tensor; data NULL: zeros. Returns its bytes, to be filled. */
static inline void *made_add(made_file *m, const char *name, i4_st_dtype dtype, int rank,
                             const int64_t *dim, const void *data) {
    size_t i = m->count++;
    int64_t numbers = 1;
    assert_true(i < MADE_MAX);
    snprintf(m->name[i], sizeof m->name[i], "%s", name);
    m->decl[i] = (i4_st_decl){.name = m->name[i], .dtype = dtype, .rank = rank};
    for (int d = 0; d < rank; d++) {
        m->decl[i].dim[d] = dim[d];
        numbers *= dim[d];
    }
    m->size[i] = made_bytes(dtype, numbers);
    m->data[i] = calloc(m->size[i] ? m->size[i] : 1, 1);
    assert_non_null(m->data[i]);
    if (data) {
        memcpy(m->data[i], data, m->size[i]);
    }
    return m->data[i];
}

static inline void *made_vector(made_file *m, const char *name, i4_st_dtype dtype, int64_t count,
                                const void *data) {
    return made_add(m, name, dtype, 1, &count, data);
}

static inline void *made_matrix(made_file *m, const char *name, i4_st_dtype dtype, int64_t rows,
                                int64_t cols, const void *data) {
    const int64_t dim[2] = {rows, cols};
    return made_add(m, name, dtype, 2, dim, data);
}

/* Writes the file and forgets its tensors. */
static inline void made_write(made_file *m, const char *path) {
    i4_err err = {0};
    i4_st_writer *w = i4_st_create(path, m->decl, m->count, &err);
    if (!w) {
        fail_msg("%s", err.text);
    }
    for (size_t i = 0; i < m->count; i++) {
        assert_true(i4_st_write(w, m->data[i], m->size[i], &err));
        free(m->data[i]);
    }
    assert_true(i4_st_finish(w, &err));
    m->count = 0;
}

#endif
