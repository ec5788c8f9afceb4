/* What a killed gateway left behind, and the lock that keeps a second one out. */
#include "gateway/tasks/tasks.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILES_MAX = 10000000 };

/* "<prefix><count hexadecimal digits><suffix>" */
static bool has_form(const char *name, const char *prefix, size_t count, const char *suffix) {
    const size_t start = strlen(prefix);
    return strncmp(name, prefix, start) == 0 && strspn(name + start, "0123456789abcdef") == count &&
           strcmp(name + start + count, suffix) == 0;
}

/* Names under which pictures are written before they get their own: those of i4_file_write, of
 * the upscaler's program, and of earlier programs. */
bool i4_sweep_is_leftover(const char *name) {
    return has_form(name, ".ideogram4-", 16, ".tmp") || has_form(name, ".upscale-", 32, ".png") ||
           has_form(name, "", 32, ".png.tmp") || has_form(name, "", 32, ".webp.tmp") ||
           has_form(name, "", 32, ".jpeg.tmp");
}

void i4_sweep_output(const char *output_dir) {
    char **names = NULL;
    size_t count = 0;
    i4_err err = {0};
    if (!i4_dir_list(output_dir, FILES_MAX, &names, &count, &err)) {
        i4_log(I4_LOG_WARN, "tasks", "cannot sweep: %s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char path[I4_LIMIT_PATH_BYTES + 256];
        if (i4_sweep_is_leftover(names[i]) &&
            snprintf(path, sizeof path, "%s/%s", output_dir, names[i]) < (int)sizeof path &&
            unlink(path) == 0) {
            i4_log(I4_LOG_INFO, "tasks", "removed a half-written file name=%s", names[i]);
        }
    }
    i4_dir_list_free(names, count);
}

static int open_lock(const char *path, i4_err *err) {
    int fd;
    do {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        i4_fail(err, I4_E_IO, "cannot open the lock file '%s': error %d; check the folder's rights",
                path, errno);
    }
    return fd;
}

bool i4_instance_lock(const char *db_path, int *fd, i4_err *err) {
    char path[I4_LIMIT_PATH_BYTES + 8];
    snprintf(path, sizeof path, "%s.lock", db_path);
    *fd = open_lock(path, err);
    if (*fd < 0) {
        return false;
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(*fd, F_SETLK, &lock) == 0) {
        return true;
    }
    struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    const bool is_known = fcntl(*fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
    close(*fd);
    *fd = -1;
    return i4_fail(err, I4_E_BUSY, "another gateway (process %ld) already uses '%s'; stop it first",
                   is_known ? (long)holder.l_pid : 0L, db_path);
}
