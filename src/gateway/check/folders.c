/* Folders: may they be used, and is there room. */
#include "gateway/check/checkup.h"

#include "base/limits.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const uint64_t room_bytes = (uint64_t)512 << 20; /* a hundred large pictures */

/* The folder itself or the nearest one above that is there: where it would be made. */
static bool nearest_folder(const char *path, char *out, size_t size) {
    const int length = snprintf(out, size, "%s", path);
    if (length <= 0 || (size_t)length >= size) {
        return false;
    }
    for (;;) {
        const i4_path_kind kind = i4_path_look(out);
        char *slash = strrchr(out, '/');
        if (kind != I4_PATH_NONE) {
            return kind == I4_PATH_DIR;
        }
        if (!slash) {
            snprintf(out, size, ".");
            return true;
        }
        *(slash == out ? slash + 1 : slash) = '\0';
    }
}

static void check_room(i4_checkup *c, const char *folder, const char *what) {
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0) {
        return; /* some file systems do not tell */
    }
    const uint64_t bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    const i4_finding f = {.area = "folders", .code = "room", .count = (int64_t)(bytes >> 20)};
    if (bytes < room_bytes) {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "the disk of %s '%s' has %llu MiB left; make room, or drawing will stop",
                       what, folder, (unsigned long long)(bytes >> 20));
    } else {
        i4_checkup_say(c, I4_FINDING_OK, f, "the disk of %s has %.1f GiB left", what,
                       (double)bytes / (double)(1 << 30));
    }
}

static void check_folder(i4_checkup *c, const char *path, const char *what, const char *variable) {
    char folder[I4_LIMIT_PATH_BYTES];
    const i4_finding f = {.area = "folders", .code = "rights", .count = 1};
    if (!path[0]) {
        return;
    }
    if (!nearest_folder(path, folder, sizeof folder)) {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "%s '%s' is no folder; move what is there away, or set %s to another one",
                       what, path, variable);
    } else if (access(folder, R_OK | W_OK | X_OK) != 0) {
        i4_checkup_say(c, I4_FINDING_TODO, f,
                       "%s '%s' cannot be read and written by this user; give '%s' the right to, "
                       "or set %s to another one",
                       what, path, folder, variable);
    } else {
        check_room(c, folder, what);
    }
}

void i4_check_folders(i4_checkup *c) {
    const i4_settings *s = c->settings;
    char folder[I4_LIMIT_PATH_BYTES];
    snprintf(folder, sizeof folder, "%s", s->db_path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        check_folder(c, folder, "the folder of the database", "IDEOGRAM4_DB_PATH");
    }
    check_folder(c, s->output_dir, "the folder of pictures", "IDEOGRAM4_OUTPUT_DIR");
    check_folder(c, s->spool_dir, "the folder of the model daemon's pictures",
                 "IDEOGRAM4_SPOOL_DIR");
    check_folder(c, s->log_dir, "the folder of log files", "IDEOGRAM4_LOG_DIR");
}
