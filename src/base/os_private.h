/* Floor 0, private to base. What os_posix.c and memory.c need from os_linux.c or os_darwin.c. */
#ifndef I4_BASE_OS_PRIVATE_H
#define I4_BASE_OS_PRIVATE_H

#include <stddef.h>

/* Blocks at least this large are aligned to I4_HUGE_PAGE and asked to use huge pages. */
enum { I4_HUGE_BLOCK = 4 << 20, I4_HUGE_PAGE = 2 << 20 };

/* Hints on whole pages of our address space; all may do nothing. */
void i4_os_huge_pages(void *start, size_t size);
void i4_os_pages_need(void *start, size_t size);
void i4_os_pages_done(void *start, size_t size);

#endif
