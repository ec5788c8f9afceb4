/* Locks, growing files, links and free space, as POSIX (and flock, which every system has that
 * this runs on) has them. */
#include "hub/hub_os.h"

#include "base/memory.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* "cannot VERB 'PATH': reason", and what to do when the disk is full. */
static bool fail_errno(i4_err *err, const char *verb, const char *path, int code) {
    char reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0) {
        (void)snprintf(reason, sizeof reason, "system error %d", code);
    }
    const bool is_full = code == ENOSPC || code == EFBIG || code == EDQUOT;
    return i4_fail(err, I4_E_IO, "cannot %s '%s': %s%s", verb, path, reason,
                   is_full ? "; make room and start the download again, it goes on where it stopped"
                           : "");
}

/* True, with errno set, when a test wants the next call to fail. */
static bool is_faulty(i4_fault_kind kind, size_t size, int code) {
    if (i4_fault_hit(kind, size)) {
        errno = code;
        return true;
    }
    return false;
}

static int open_file(const char *path) {
    if (is_faulty(I4_FAULT_OPEN, 0, EMFILE)) {
        return -1;
    }
    int fd;
    do {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* --- locks ---------------------------------------------------------------------------------- */

bool i4_hub_lock(const char *path, int *fd, bool *busy, i4_err *err) {
    *busy = false;
    *fd = open_file(path);
    if (*fd < 0) {
        return fail_errno(err, "open", path, errno);
    }
    int result;
    do {
        result = flock(*fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return true;
    }
    const int code = errno;
    close(*fd);
    *fd = -1;
    *busy = code == EWOULDBLOCK;
    /* No locks here (some network file systems): the hash still guards against a mixture. */
    return *busy || code == ENOSYS || code == ENOLCK || code == EOPNOTSUPP ||
           fail_errno(err, "lock", path, code);
}

/* The file stays: removing it would let a third process lock another file of that name. */
void i4_hub_unlock(int fd) {
    if (fd >= 0) {
        close(fd);
    }
}

/* --- growing files -------------------------------------------------------------------------- */

bool i4_hub_part_open(i4_hub_part *part, const char *path, i4_err *err) {
    *part = (i4_hub_part){.fd = -1};
    const int n = snprintf(part->path, sizeof part->path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof part->path) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the path %s is too long", path);
    }
    part->fd = open_file(path);
    if (part->fd < 0) {
        return fail_errno(err, "open", path, errno);
    }
    struct stat info;
    if (fstat(part->fd, &info) != 0) {
        fail_errno(err, "look at", path, errno);
    } else if (!S_ISREG(info.st_mode)) {
        i4_fail(err, I4_E_IO, "'%s' is not a regular file; remove it", path);
    } else {
        part->size = (uint64_t)info.st_size;
        return true;
    }
    i4_hub_part_close(part);
    return false;
}

bool i4_hub_part_read(const i4_hub_part *part, uint64_t at, void *out, size_t size, i4_err *err) {
    char *bytes = out;
    while (size > 0) {
        const ssize_t n =
            is_faulty(I4_FAULT_READ, size, EIO) ? -1 : pread(part->fd, bytes, size, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return fail_errno(err, "read", part->path, n < 0 ? errno : EIO);
        }
        bytes += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

bool i4_hub_part_add(i4_hub_part *part, const void *bytes, size_t size, i4_err *err) {
    const char *next = bytes;
    uint64_t at = part->size;
    while (size > 0) {
        const ssize_t n =
            is_faulty(I4_FAULT_WRITE, size, ENOSPC) ? -1 : pwrite(part->fd, next, size, (off_t)at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            fail_errno(err, "write", part->path, n < 0 ? errno : ENOSPC);
            /* What is counted and hashed ends where this piece began. */
            (void)ftruncate(part->fd, (off_t)part->size);
            return false;
        }
        next += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    part->size = at;
    return true;
}

bool i4_hub_part_empty(i4_hub_part *part, i4_err *err) {
    if (ftruncate(part->fd, 0) != 0) {
        return fail_errno(err, "empty", part->path, errno);
    }
    part->size = 0;
    return true;
}

static bool sync_file(int fd) {
    if (is_faulty(I4_FAULT_SYNC, 0, EIO)) {
        return false;
    }
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL; /* EINVAL: a file system without sync */
}

/* Makes a new name durable; best effort, the content is safe already. */
static void sync_folder_of(const char *path) {
    char folder[4096];
    const char *slash = strrchr(path, '/');
    const int length = slash ? (int)(slash - path) : 1;
    (void)snprintf(folder, sizeof folder, "%.*s", length ? length : 1, slash ? path : ".");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
}

bool i4_hub_move(const char *from, const char *to, i4_err *err) {
    if (is_faulty(I4_FAULT_RENAME, 0, EIO) || rename(from, to) != 0) {
        return fail_errno(err, "make", to, errno);
    }
    sync_folder_of(to);
    return true;
}

bool i4_hub_part_finish(i4_hub_part *part, const char *path, i4_err *err) {
    const bool is_synced = sync_file(part->fd);
    const int code = errno;
    const bool is_closed = close(part->fd) == 0 || errno == EINTR;
    part->fd = -1;
    if (!is_synced || !is_closed) {
        return fail_errno(err, "write", part->path, is_synced ? errno : code);
    }
    return i4_hub_move(part->path, path, err);
}

void i4_hub_part_close(i4_hub_part *part) {
    if (part->fd >= 0) {
        close(part->fd);
        part->fd = -1;
    }
}

void i4_hub_part_drop(i4_hub_part *part) {
    if (part->fd >= 0) {
        (void)unlink(part->path);
        i4_hub_part_close(part);
    }
}

/* --- looking and linking -------------------------------------------------------------------- */

bool i4_hub_file_size(const char *path, uint64_t *size) {
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    *size = (uint64_t)info.st_size;
    return true;
}

int64_t i4_hub_changed_at(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_mtime : 0;
}

/* Made aside and renamed, so that a reader sees the old link or the new one. */
bool i4_hub_link(const char *target, const char *path, bool *unsupported, i4_err *err) {
    char aside[4096];
    const int n = snprintf(aside, sizeof aside, "%s.%ld.link", path, (long)getpid());
    *unsupported = false;
    if (n < 0 || (size_t)n >= sizeof aside) {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the path %s is too long", path);
    }
    (void)unlink(aside); /* of a process of that number that died here */
    if (symlink(target, aside) != 0) {
        *unsupported = errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP;
        return !*unsupported && fail_errno(err, "link", path, errno);
    }
    if (!i4_hub_move(aside, path, err)) {
        (void)unlink(aside);
        return false;
    }
    return true;
}

bool i4_hub_free_bytes(const char *folder, uint64_t *bytes) {
    struct statvfs info;
    if (statvfs(folder, &info) != 0) {
        return false;
    }
    *bytes = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
    return true;
}

void i4_hub_sleep(double seconds) {
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    (void)nanosleep(&left, NULL); /* a signal ends it early: then the caller looks around */
}

bool i4_hub_glob(const char *pattern, const char *name) {
    return fnmatch(pattern, name, FNM_NOESCAPE) == 0;
}
