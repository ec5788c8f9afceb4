/* Allocation with a hook that can make it fail, and aligned blocks for arithmetic. */
#include "base/memory.h"
#include "base/checked.h"
#include "base/os_private.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Relaxed: set before other threads use the library, whose start orders it. */
static _Atomic(i4_fault_fn) fault_fn;
static _Atomic(void *) fault_user;

void i4_fault_set(i4_fault_fn fn, void *user) {
    atomic_store_explicit(&fault_user, user, memory_order_relaxed);
    atomic_store_explicit(&fault_fn, fn, memory_order_relaxed);
}

bool i4_fault_hit(i4_fault_kind kind, size_t bytes) {
    const i4_fault_fn fn = atomic_load_explicit(&fault_fn, memory_order_relaxed);
    return fn && fn(kind, bytes, atomic_load_explicit(&fault_user, memory_order_relaxed));
}

/* The C functions may answer a size of 0 with NULL, which would read as failure. */
static size_t at_least_one(size_t size) {
    return size ? size : 1;
}

void *i4_malloc(size_t size) {
    return i4_fault_hit(I4_FAULT_ALLOC, size) ? NULL : malloc(at_least_one(size));
}

void *i4_calloc(size_t count, size_t size) {
    size_t bytes;
    if (!i4_mul_size(count, size, &bytes) || i4_fault_hit(I4_FAULT_ALLOC, bytes)) {
        return NULL;
    }
    return calloc(1, at_least_one(bytes));
}

void *i4_realloc(void *block, size_t size) {
    return i4_fault_hit(I4_FAULT_ALLOC, size) ? NULL : realloc(block, at_least_one(size));
}

void i4_free(void *block) {
    free(block);
}

char *i4_strdup(const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = i4_malloc(size);
    if (copy) {
        memcpy(copy, text, size);
    }
    return copy;
}

void *i4_block_new(size_t size) {
    if (i4_fault_hit(I4_FAULT_ALLOC, size)) {
        return NULL;
    }
    const bool is_large = size >= I4_HUGE_BLOCK;
    void *block = NULL;
    if (posix_memalign(&block, is_large ? I4_HUGE_PAGE : 64, at_least_one(size)) != 0) {
        return NULL;
    }
    if (is_large) {
        /* Whole huge pages only: the page that holds the block's end may hold another's begin. */
        i4_os_huge_pages(block, size - size % I4_HUGE_PAGE);
    }
    return block;
}

void i4_block_free(void *block, size_t size) {
    (void)size;
    free(block);
}
