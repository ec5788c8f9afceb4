/* Names of picture files: what is acceptable, and which file it means. */
#include "gateway/names.h"

#include "base/limits.h"
#include "base/os.h"
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const struct {
    const char *suffix, *type;
} types[] = {
    {".png", "image/png"},
    {".webp", "image/webp"},
    {".jpeg", "image/jpeg"},
    {".jpg", "image/jpeg"},
};

/* The content type of a name that has something before a known suffix; NULL for others. */
static const char *known_type(const char *name) {
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const size_t tail = strlen(types[i].suffix);
        if (length > tail && strcasecmp(name + length - tail, types[i].suffix) == 0) {
            return types[i].type;
        }
    }
    return NULL;
}

const char *i4_name_type(const char *name) {
    const char *type = known_type(name);
    return type ? type : "application/octet-stream";
}

/* Control characters and the other system's separator never occur in names that this system
 * makes; refusing them keeps them out of headers, logs and paths. */
static bool is_plain(const char *name) {
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '/' || *c == '\\') {
            return false;
        }
    }
    return i4_utf8_valid(i4_str_c(name));
}

bool i4_name_is_good(const char *name) {
    return name && strlen(name) < I4_NAME_BYTES && is_plain(name) && known_type(name);
}

/* --- paths --------------------------------------------------------------------------------- */

static bool join(const char *folder, const char *name, char *out, size_t size) {
    const int length = snprintf(out, size, "%s/%s", folder, name);
    return length > 0 && (size_t)length < size;
}

/* Is `path` below `folder`? Both are real paths. */
static bool is_below(const char *folder, const char *path) {
    const size_t length = strlen(folder);
    if (strncmp(path, folder, length) != 0) {
        return false;
    }
    return path[length] == '/' || (length > 0 && folder[length - 1] == '/');
}

/* Follows all links of `path` and says whether the result is below the output folder. On success
 * out (may be NULL) gets the real path. */
static bool real_below(const char *output_dir, const char *path, char *out, size_t size) {
    char *folder = realpath(output_dir, NULL); /* freed by free(): the C library's own block */
    char *real = folder ? realpath(path, NULL) : NULL;
    bool good = real && is_below(folder, real);
    if (good && out) {
        const int length = snprintf(out, size, "%s", real);
        good = length > 0 && (size_t)length < size;
    }
    free(real);
    free(folder);
    return good;
}

static bool is_picture(const char *output_dir, const char *name) {
    char path[I4_LIMIT_PATH_BYTES];
    return join(output_dir, name, path, sizeof path) && real_below(output_dir, path, NULL, 0) &&
           i4_path_look(path) == I4_PATH_FILE;
}

bool i4_name_find(const char *output_dir, const char *name, char *out, size_t size) {
    char path[I4_LIMIT_PATH_BYTES];
    return i4_name_is_good(name) && join(output_dir, name, path, sizeof path) &&
           real_below(output_dir, path, out, size) && i4_path_look(out) == I4_PATH_FILE;
}

bool i4_name_remove(const char *output_dir, const char *name) {
    char path[I4_LIMIT_PATH_BYTES];
    if (!i4_name_is_good(name) || !join(output_dir, name, path, sizeof path)) {
        return true; /* it never named a picture */
    }
    return unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR;
}

/* An absolute path counts when it leads into the output folder. The file itself may be gone: then
 * its folder decides. */
static bool absolute_is_inside(const char *output_dir, const char *path) {
    if (real_below(output_dir, path, NULL, 0)) {
        return true;
    }
    char folder[I4_LIMIT_PATH_BYTES];
    const int length = snprintf(folder, sizeof folder, "%s", path);
    char *slash = length > 0 && (size_t)length < sizeof folder ? strrchr(folder, '/') : NULL;
    if (!slash || i4_path_look(path) != I4_PATH_NONE) {
        return false;
    }
    *slash = '\0';
    char *root = realpath(output_dir, NULL);
    char *real = root ? realpath(folder, NULL) : NULL;
    const bool inside = real && (strcmp(real, root) == 0 || is_below(root, real));
    free(real);
    free(root);
    return inside;
}

bool i4_name_from_path(const char *output_dir, const char *path, char *out, size_t size) {
    if (size > 0) {
        out[0] = '\0';
    }
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *name = slash ? slash + 1 : path;
    if (!i4_name_is_good(name) || strlen(name) >= size) {
        return false;
    }
    if (slash) {
        const bool found = path[0] == '/'
                               ? absolute_is_inside(output_dir, path)
                               : is_picture(output_dir, name) || is_picture(output_dir, path);
        if (!found) {
            return false;
        }
    }
    snprintf(out, size, "%s", name);
    return true;
}
