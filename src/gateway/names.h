/* Floor 6, private to the gateway. Names of picture files (docs/http-api.md 7.5).
 *
 * A picture is known by its bare name inside the output folder. Names from clients and from old
 * databases pass through here before they become paths. */
#ifndef I4_GATEWAY_NAMES_H
#define I4_GATEWAY_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum { I4_NAME_BYTES = 256 }; /* a bare name with its NUL: what file systems take */

/* A bare name of a picture: one component, UTF-8 without control characters, ending in .png,
 * .webp, .jpeg or .jpg (any case). Looks at the text only. */
bool i4_name_is_good(const char *name);

/* The bare name for a stored path of any age: bare already, relative with folders, or absolute.
 * False if there is no acceptable one; out is "" then. */
bool i4_name_from_path(const char *output_dir, const char *path, char *out, size_t size);

/* The real path of a picture: a regular file that lies in the output folder after all symbolic
 * links are followed. */
bool i4_name_find(const char *output_dir, const char *name, char *out, size_t size);

/* Removes the file or link of that name, never what a link points to. True when none is left. */
bool i4_name_remove(const char *output_dir, const char *name);

/* Content type by suffix; "application/octet-stream" for other names. */
const char *i4_name_type(const char *name);

#endif
