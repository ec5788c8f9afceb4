/* Floor 0. All memory of the library comes from here, so that tests can make it fail.
 *
 * i4_fault is a process-wide hook for tests: when set, it is asked before every allocation and
 * every operating system call of os.h, and returning true makes that call fail the way it fails
 * in real life. Unset (always, outside tests) it costs one relaxed atomic load. */
#ifndef I4_BASE_MEMORY_H
#define I4_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

typedef enum i4_fault_kind {
    I4_FAULT_ALLOC, /* bytes = size asked for */
    I4_FAULT_OPEN,
    I4_FAULT_MAP,
    I4_FAULT_READ,
    I4_FAULT_WRITE,
    I4_FAULT_SYNC,
    I4_FAULT_RENAME,
    I4_FAULT_THREAD
} i4_fault_kind;

typedef bool (*i4_fault_fn)(i4_fault_kind kind, size_t bytes, void *user);

/* Set before any other thread uses the library; NULL removes it. */
void i4_fault_set(i4_fault_fn fn, void *user);
/* Asked by os_*.c and memory.c. */
bool i4_fault_hit(i4_fault_kind kind, size_t bytes);

/* Like the C functions; NULL on failure. A size of 0 gives a unique pointer to free. */
void *i4_malloc(size_t size);
void *i4_calloc(size_t count, size_t size);
void *i4_realloc(void *block, size_t size);
void i4_free(void *block);
char *i4_strdup(const char *text);

/* 64-byte aligned block for arithmetic, not zeroed; large ones ask for huge pages. `size` is
 * needed again to give it back. */
void *i4_block_new(size_t size);
void i4_block_free(void *block, size_t size);

#endif
