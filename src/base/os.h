/* Floor 0. The operating system: files, mappings, clock, cores. Implemented in os_posix.c with
 * the differences in os_linux.c and os_darwin.c; no other file has an OS #ifdef. */
#ifndef I4_BASE_OS_H
#define I4_BASE_OS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A read-only mapping of a whole regular file. data is NULL when the file is empty. */
typedef struct i4_map {
    const uint8_t *data;
    size_t size;
} i4_map;

/* NOT_FOUND when there is none, IO otherwise (a directory, FIFO or device is refused). */
bool i4_map_open(const char *path, i4_map *map, i4_err *err);
void i4_map_close(i4_map *map);
/* Hints for the part [offset, offset + size): will be read soon / is done with, give its pages
 * back. Both may do nothing. */
void i4_map_need(const i4_map *map, size_t offset, size_t size);
void i4_map_done(const i4_map *map, size_t offset, size_t size);

typedef enum i4_path_kind { I4_PATH_NONE, I4_PATH_FILE, I4_PATH_DIR, I4_PATH_OTHER } i4_path_kind;
i4_path_kind i4_path_look(const char *path);

/* Reads a whole regular file of at most limit_bytes into a NUL-terminated block (i4_free). */
bool i4_file_read(const char *path, size_t limit_bytes, char **data, size_t *size, i4_err *err);

/* Writes beside, syncs, renames over `path`; on any failure `path` is as it was and nothing is
 * left behind. Parent folders are not made. */
bool i4_file_write(const char *path, const void *data, size_t size, i4_err *err);

/* Makes `path` and its parents; fine if it exists. */
bool i4_dir_make(const char *path, i4_err *err);
/* Names in a folder, sorted bytewise, "." and ".." left out, at most limit. Owned array of owned
 * strings; free with i4_dir_list_free. */
bool i4_dir_list(const char *path, size_t limit, char ***names, size_t *count, i4_err *err);
void i4_dir_list_free(char **names, size_t count);

double i4_seconds(void);       /* monotonic */
int64_t i4_unix_seconds(void); /* wall clock */
bool i4_random_bytes(void *out, size_t size);

int i4_cpu_count(void);             /* usable by this process, at least 1 */
uint64_t i4_memory_total(void);     /* bytes, 0 if unknown; container limits respected */
uint64_t i4_memory_available(void); /* bytes, 0 if unknown */
uint64_t i4_memory_resident(void);  /* of this process now, 0 if unknown */
uint64_t i4_memory_peak(void);      /* of this process so far, 0 if unknown */
/* For services that now and then hold a large body: from here on such blocks go back to the system
 * when they are freed, instead of being kept for each thread. Once, at a program's start. */
void i4_memory_return_large(void);

/* CPU features that the kernel must grant first. True when AMX tile state may be used. */
bool i4_os_amx_permit(void);
/* CPU features that only the kernel knows. True when 64-bit ARM multiplies bf16 (FEAT_BF16). */
bool i4_os_has_arm_bf16(void);

/* Folder of the running program, "" if unknown. */
bool i4_program_dir(char *out, size_t size);

#endif
