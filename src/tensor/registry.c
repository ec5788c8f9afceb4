/* Which backends this build has, and the parts that host backends share. */
#include "tensor/backend.h"

#include "base/memory.h"

#include <string.h>

static const i4_backend *const backends[] = {&i4_backend_cpu, &i4_backend_scalar};

const i4_backend *i4_backend_at(int index) {
    const int count = (int)(sizeof backends / sizeof backends[0]);
    return index >= 0 && index < count ? backends[index] : NULL;
}

const i4_backend *i4_backend_find(const char *name) {
    if (name == NULL || strcmp(name, "auto") == 0) {
        return backends[0];
    }
    for (int i = 0; i4_backend_at(i) != NULL; i++) {
        if (strcmp(backends[i]->name, name) == 0) {
            return backends[i];
        }
    }
    return NULL;
}

bool i4_slab_reserve(i4_slab *slab, size_t bytes, i4_err *err) {
    i4_block_free(slab->block, slab->size);
    *slab = (i4_slab){NULL, 0};
    if (bytes == 0) {
        return true;
    }
    slab->block = i4_block_new(bytes);
    if (slab->block == NULL) {
        return i4_fail_memory(err, "the activations", bytes);
    }
    slab->size = bytes;
    return true;
}

void i4_host_upload(void *state, i4_tensor dst, const void *src) {
    (void)state;
    const size_t row = (size_t)i4_cols_of(dst) * i4_dtype_size(dst.dtype);
    const size_t step = (size_t)dst.row_stride * i4_dtype_size(dst.dtype);
    for (int64_t r = 0; r < i4_rows_of(dst); r++) {
        memcpy((char *)dst.data + (size_t)r * step, (const char *)src + (size_t)r * row, row);
    }
}

void i4_host_download(void *state, i4_tensor src, void *dst) {
    (void)state;
    const size_t row = (size_t)i4_cols_of(src) * i4_dtype_size(src.dtype);
    const size_t step = (size_t)src.row_stride * i4_dtype_size(src.dtype);
    for (int64_t r = 0; r < i4_rows_of(src); r++) {
        memcpy((char *)dst + (size_t)r * row, (const char *)src.data + (size_t)r * step, row);
    }
}
