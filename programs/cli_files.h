/* cli_files.h: paths and whole files, as the program needs them. */
#ifndef CLI_FILES_H
#define CLI_FILES_H

#include "ideogram4.h"

#include <stddef.h>

/* Joins with one slash. Owned. */
char *path_join(const char *folder, const char *name);
/* The last part. Borrowed from path. */
const char *path_name(const char *path);
/* The folder a path lies in, "." if it has none. Owned. */
char *path_folder(const char *path);
/* path with the suffix of its last part replaced (or added): "a/b.old" → "a/b.png". Owned; NULL if
 * the path has no last part. */
char *path_with_suffix(const char *path, const char *suffix);

int is_folder(const char *path);
int is_file(const char *path);
/* Makes the folder and those above it. 0 on failure, errno says why. */
int make_folders(const char *path);
/* Whether a file can be made in the folder, tried for real. 0 if not, errno says why. */
int can_write_in(const char *folder);

/* The whole file ("-": standard input), NUL-terminated beyond size. At most `most` bytes. On
 * failure says why ("the <what> …") and returns 0. Free with free(). */
int read_whole(const char *path, const char *what, size_t most, char **data, size_t *size);
/* Written beside, synced, renamed. On failure says why and returns 0. */
int write_bytes(const char *path, const void *data, size_t size);
int write_whole(const char *path, const char *text);

/* The project or installation folder that models/ and logs/ belong to; "." if there is none.
 * program: argv[0]. Owned. */
char *find_root(const char *program);
/* An outside path as the original reads it: a relative one belongs to the root; where only the
 * working directory has such a file, that one. Owned. */
char *resolve_path(const char *root, const char *path);

/* A set and non-empty environment variable, else NULL. */
const char *env_text(const char *name);

#endif
