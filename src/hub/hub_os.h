/* Floor 1. What the hub's cache needs of the operating system beyond base/os.h: locks between
 * processes, files that grow, links, free space. Failures name the path and the reason. */
#ifndef I4_HUB_OS_H
#define I4_HUB_OS_H

#include "base/status.h"

#include <stdint.h>

/* Takes the lock of a file (made if missing; the folder exists) without waiting. *busy: another
 * process has it. *fd is -1 if the file system knows no locks. */
bool i4_hub_lock(const char *path, int *fd, bool *busy, i4_err *err);
void i4_hub_unlock(int fd);

/* A file that grows, kept open for reading and appending. */
typedef struct i4_hub_part {
    int fd;        /* -1: closed */
    uint64_t size; /* bytes in it */
    char path[4096];
} i4_hub_part;

bool i4_hub_part_open(i4_hub_part *part, const char *path, i4_err *err);
bool i4_hub_part_read(const i4_hub_part *part, uint64_t at, void *out, size_t size, i4_err *err);
/* On failure the part keeps what was written before. */
bool i4_hub_part_add(i4_hub_part *part, const void *bytes, size_t size, i4_err *err);
bool i4_hub_part_empty(i4_hub_part *part, i4_err *err);
/* Everything on disk, closed, and under its final name, durably. */
bool i4_hub_part_finish(i4_hub_part *part, const char *path, i4_err *err);
void i4_hub_part_close(i4_hub_part *part); /* keeps the file */
void i4_hub_part_drop(i4_hub_part *part);  /* removes it */

/* Size of a regular file; false if there is none (links are followed). */
bool i4_hub_file_size(const char *path, uint64_t *size);
/* Seconds since 1970 of the last change; 0 if there is none. */
int64_t i4_hub_changed_at(const char *path);
/* path becomes a link to target, in place of what was there. *unsupported: the file system has no
 * links (then the result is false and err is not touched). */
bool i4_hub_link(const char *target, const char *path, bool *unsupported, i4_err *err);
bool i4_hub_move(const char *from, const char *to, i4_err *err);
/* Bytes that this user may still write in the file system of a folder; false if unknown. */
bool i4_hub_free_bytes(const char *folder, uint64_t *bytes);
void i4_hub_sleep(double seconds);
bool i4_hub_glob(const char *pattern, const char *name);

#endif
