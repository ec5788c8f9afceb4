/* Files, folders and clocks, as POSIX has them. */
#include "base/checked.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/os_private.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One call to the system at most transfers this much; some systems refuse 2 GiB and more. */
static const size_t largest_transfer = (size_t)1 << 30;

/* "cannot VERB 'PATH': reason"; what to do follows from the reason. */
static bool fail_errno(i4_err *err, const char *verb, const char *path, int code) {
    char reason[128];
    if (strerror_r(code, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "system error %d", code);
    }
    const bool is_missing = code == ENOENT || code == ENOTDIR;
    return i4_fail(err, is_missing ? I4_E_NOT_FOUND : I4_E_IO, "cannot %s '%s': %s", verb, path,
                   reason);
}

/* --- reading ------------------------------------------------------------------------------- */

/* Opens a regular file for reading; -1 on failure. O_NONBLOCK so that a FIFO without a writer is
 * refused instead of waited for; it means nothing to regular files. */
static int open_regular(const char *path, size_t *size, i4_err *err) {
    int fd = -1;
    if (i4_fault_hit(I4_FAULT_OPEN, 0)) {
        errno = EMFILE;
    } else {
        do {
            fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        } while (fd < 0 && errno == EINTR);
    }
    if (fd < 0) {
        fail_errno(err, "open", path, errno);
        return -1;
    }
    struct stat info;
    if (fstat(fd, &info) != 0) {
        fail_errno(err, "look at", path, errno);
        close(fd);
        return -1;
    }
    if (!S_ISREG(info.st_mode)) {
        i4_fail(err, I4_E_IO, "'%s' is not a regular file; give the path of a file", path);
        close(fd);
        return -1;
    }
    if (info.st_size < 0 || (uintmax_t)info.st_size > SIZE_MAX) {
        i4_fail(err, I4_E_IO, "'%s' is too large for this system", path);
        close(fd);
        return -1;
    }
    *size = (size_t)info.st_size;
    return fd;
}

bool i4_map_open(const char *path, i4_map *map, i4_err *err) {
    *map = (i4_map){0};
    size_t size;
    const int fd = open_regular(path, &size, err);
    if (fd < 0) {
        return false;
    }
    void *data = NULL;
    int code = 0;
    if (size > 0) {
        if (i4_fault_hit(I4_FAULT_MAP, size)) {
            data = MAP_FAILED;
            code = ENOMEM;
        } else {
            data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
            code = errno;
        }
    }
    close(fd); /* the mapping keeps the file */
    if (data == MAP_FAILED) {
        return fail_errno(err, "map", path, code);
    }
    *map = (i4_map){.data = data, .size = size};
    return true;
}

void i4_map_close(i4_map *map) {
    if (map->data) {
        munmap((void *)(uintptr_t)map->data, map->size);
    }
    *map = (i4_map){0};
}

static size_t page_size(void) {
    const long size = sysconf(_SC_PAGESIZE);
    return size > 0 ? (size_t)size : 4096;
}

/* Cuts [*offset, *offset + *size) to the mapping; false when nothing is left. */
static bool cut_to_map(const i4_map *map, size_t offset, size_t *size) {
    if (!map->data || offset >= map->size) {
        return false;
    }
    if (*size > map->size - offset) {
        *size = map->size - offset;
    }
    return *size > 0;
}

void i4_map_need(const i4_map *map, size_t offset, size_t size) {
    if (!cut_to_map(map, offset, &size)) {
        return;
    }
    const size_t before = offset % page_size();
    i4_os_pages_need((void *)(uintptr_t)(map->data + offset - before), size + before);
}

/* Only pages wholly inside: their neighbours may still be wanted. The file's last page counts as
 * whole when the part reaches the end. */
void i4_map_done(const i4_map *map, size_t offset, size_t size) {
    if (!cut_to_map(map, offset, &size)) {
        return;
    }
    const size_t page = page_size();
    const size_t end = offset + size;
    const size_t last = end == map->size ? end : end - end % page;
    const size_t first = offset % page ? offset - offset % page + page : offset;
    if (first < last) {
        i4_os_pages_done((void *)(uintptr_t)(map->data + first), last - first);
    }
}

/* Reads until `size` bytes or the end of the file; false with errno on failure. */
static bool read_all(int fd, char *data, size_t size, size_t *got) {
    *got = 0;
    while (*got < size) {
        const size_t left = size - *got;
        if (i4_fault_hit(I4_FAULT_READ, left)) {
            errno = EIO;
            return false;
        }
        const ssize_t n = read(fd, data + *got, left < largest_transfer ? left : largest_transfer);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        if (n == 0) {
            break;
        }
        *got += (size_t)n;
    }
    return true;
}

bool i4_file_read(const char *path, size_t limit_bytes, char **data, size_t *size, i4_err *err) {
    *data = NULL;
    *size = 0;
    size_t expected;
    const int fd = open_regular(path, &expected, err);
    if (fd < 0) {
        return false;
    }
    if (expected > limit_bytes || expected == SIZE_MAX) {
        close(fd);
        return i4_fail(err, I4_E_FORMAT, "'%s' has %zu bytes, more than the %zu allowed here", path,
                       expected, limit_bytes);
    }
    char *block = i4_malloc(expected + 1);
    if (!block) {
        close(fd);
        return i4_fail_memory(err, path, expected + 1);
    }
    size_t got;
    const bool is_read = read_all(fd, block, expected, &got);
    const int code = errno;
    close(fd);
    if (!is_read) {
        i4_free(block);
        return fail_errno(err, "read", path, code);
    }
    block[got] = '\0';
    *data = block;
    *size = got;
    return true;
}

i4_path_kind i4_path_look(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) {
        return I4_PATH_NONE;
    }
    return S_ISREG(info.st_mode)   ? I4_PATH_FILE
           : S_ISDIR(info.st_mode) ? I4_PATH_DIR
                                   : I4_PATH_OTHER;
}

/* --- writing ------------------------------------------------------------------------------- */

/* Length of the folder part of a path with its final slash; 0 for the working folder. */
static size_t folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* A random name in the folder of `path`. Not made from its name, which may already be as long as
 * the file system allows. */
static char *temporary_name(const char *path) {
    uint8_t bytes[8];
    if (!i4_random_bytes(bytes, sizeof bytes)) {
        return NULL;
    }
    i4_buf name;
    i4_buf_init(&name, SIZE_MAX / 2);
    i4_buf_add(&name, path, folder_length(path));
    i4_buf_adds(&name, ".ideogram4-");
    for (size_t i = 0; i < sizeof bytes; i++) {
        i4_buf_addf(&name, "%02x", bytes[i]);
    }
    i4_buf_adds(&name, ".tmp");
    return i4_buf_take(&name, NULL);
}

static int open_new(const char *path) {
    if (i4_fault_hit(I4_FAULT_OPEN, 0)) {
        errno = EMFILE;
        return -1;
    }
    int fd;
    do {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

static bool write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        if (i4_fault_hit(I4_FAULT_WRITE, size)) {
            errno = ENOSPC;
            return false;
        }
        const ssize_t n = write(fd, data, size < largest_transfer ? size : largest_transfer);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return false;
        }
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool sync_fd(int fd) {
    if (i4_fault_hit(I4_FAULT_SYNC, 0)) {
        errno = EIO;
        return false;
    }
    int result;
    do {
        result = fsync(fd);
    } while (result != 0 && errno == EINTR);
    /* EINVAL: a file system without sync; nothing more can be done there. */
    return result == 0 || errno == EINVAL;
}

/* Makes the rename itself durable. Best effort: the file's content is safe already. */
static void sync_folder(const char *temporary) {
    char *folder = i4_strdup(temporary);
    if (!folder) {
        return;
    }
    folder[folder_length(temporary)] = '\0';
    const int fd = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)sync_fd(fd);
        close(fd);
    }
    i4_free(folder);
}

/* Content of a new file, on disk when true; errno otherwise. */
static bool fill_file(int fd, const void *data, size_t size) {
    const bool is_written = write_all(fd, data, size) && sync_fd(fd);
    const int code = errno;
    const bool is_closed = close(fd) == 0 || errno == EINTR;
    if (!is_written) {
        errno = code;
    }
    return is_written && is_closed;
}

static bool rename_over(const char *from, const char *to) {
    if (i4_fault_hit(I4_FAULT_RENAME, 0)) {
        errno = EIO;
        return false;
    }
    return rename(from, to) == 0;
}

bool i4_file_write(const char *path, const void *data, size_t size, i4_err *err) {
    char *temporary = temporary_name(path);
    if (!temporary) {
        return i4_fail_memory(err, "a temporary file name", strlen(path));
    }
    const int fd = open_new(temporary);
    if (fd < 0) {
        fail_errno(err, "create a file beside", path, errno);
        i4_free(temporary);
        return false;
    }
    bool is_done = false;
    if (!fill_file(fd, data, size)) {
        fail_errno(err, "write", path, errno);
    } else if (!rename_over(temporary, path)) {
        fail_errno(err, "replace", path, errno);
    } else {
        is_done = true;
        sync_folder(temporary);
    }
    if (!is_done) {
        unlink(temporary);
    }
    i4_free(temporary);
    return is_done;
}

/* --- folders ------------------------------------------------------------------------------- */

static bool make_one(const char *path, i4_err *err) {
    if (mkdir(path, 0777) == 0) {
        return true;
    }
    const int code = errno;
    /* Read-only or foreign parents answer with other errors than EEXIST although they are there. */
    return i4_path_look(path) == I4_PATH_DIR || fail_errno(err, "make the folder", path, code);
}

bool i4_dir_make(const char *path, i4_err *err) {
    if (path[0] == '\0') {
        return i4_fail(err, I4_E_INVALID_ARGUMENT, "the name of the folder to make is empty");
    }
    char *part = i4_strdup(path);
    if (!part) {
        return i4_fail_memory(err, "a path", strlen(path) + 1);
    }
    bool is_made = true;
    for (char *p = part + 1; is_made && *p; p++) {
        if (*p == '/') {
            *p = '\0';
            is_made = make_one(part, err);
            *p = '/';
        }
    }
    is_made = is_made && make_one(part, err);
    i4_free(part);
    return is_made;
}

typedef struct name_list {
    char **names;
    size_t count, capacity;
} name_list;

static bool list_add(name_list *list, const char *name) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity : 8, bytes;
        if (!i4_mul_size(capacity, 2, &capacity) ||
            !i4_mul_size(capacity, sizeof *list->names, &bytes)) {
            return false;
        }
        char **names = i4_realloc(list->names, bytes);
        if (!names) {
            return false;
        }
        list->names = names;
        list->capacity = capacity;
    }
    char *copy = i4_strdup(name);
    if (!copy) {
        return false;
    }
    list->names[list->count++] = copy;
    return true;
}

static bool read_folder(DIR *folder, const char *path, size_t limit, name_list *list, i4_err *err) {
    for (;;) {
        errno = 0;
        const bool is_faulty = i4_fault_hit(I4_FAULT_READ, 0);
        const struct dirent *entry = is_faulty ? NULL : readdir(folder);
        if (!entry) {
            const int code = is_faulty ? EIO : errno;
            return code == 0 || fail_errno(err, "list", path, code);
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
            continue;
        }
        if (list->count == limit) {
            return i4_fail(err, I4_E_UNSUPPORTED, "the folder '%s' holds more than %zu files", path,
                           limit);
        }
        if (!list_add(list, name)) {
            return i4_fail_memory(err, "a list of files", (list->count + 1) * sizeof(char *));
        }
    }
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool i4_dir_list(const char *path, size_t limit, char ***names, size_t *count, i4_err *err) {
    *names = NULL;
    *count = 0;
    DIR *folder = NULL;
    if (i4_fault_hit(I4_FAULT_OPEN, 0)) {
        errno = EMFILE;
    } else {
        folder = opendir(path);
    }
    if (!folder) {
        return fail_errno(err, "list", path, errno);
    }
    name_list list = {0};
    const bool is_read = read_folder(folder, path, limit, &list, err);
    closedir(folder);
    if (!is_read) {
        i4_dir_list_free(list.names, list.count);
        return false;
    }
    if (list.count > 1) {
        qsort(list.names, list.count, sizeof *list.names, compare_names);
    }
    *names = list.names;
    *count = list.count;
    return true;
}

void i4_dir_list_free(char **names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        i4_free(names[i]);
    }
    i4_free(names);
}

/* --- clocks -------------------------------------------------------------------------------- */

double i4_seconds(void) {
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int64_t i4_unix_seconds(void) {
    return (int64_t)time(NULL);
}
