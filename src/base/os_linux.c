/* What is Linux's own: hints on pages, randomness, cores and memory within control groups, AMX,
 * bf16 on ARM.
 *
 * Control groups: a process may be confined at several levels of the tree (its own group and all
 * above), so every level up to the root is asked and the tightest answer counts. Inside a
 * container the path of /proc/self/cgroup often does not exist below the mount point; walking up
 * then ends at the mount point, which is the container's own group. */
#define _GNU_SOURCE 1
#include "base/os.h"
#include "base/os_private.h"

#include <errno.h>
#include <fcntl.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- pages --------------------------------------------------------------------------------- */

void i4_os_huge_pages(void *start, size_t size) {
    (void)madvise(start, size, MADV_HUGEPAGE);
}

void i4_os_pages_need(void *start, size_t size) {
    (void)madvise(start, size, MADV_WILLNEED);
}

/* The mappings are private and never written, so dropping pages loses nothing. */
void i4_os_pages_done(void *start, size_t size) {
    (void)madvise(start, size, MADV_DONTNEED);
}

bool i4_random_bytes(void *out, size_t size) {
    char *bytes = out;
    while (size > 0) {
        const ssize_t n = getrandom(bytes, size, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* --- small files of the kernel ------------------------------------------------------------- */

/* Reads the beginning of a file as text; false when there is none. */
static bool read_text(const char *path, char *out, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    size_t used = 0;
    while (used < size - 1) {
        const ssize_t n = read(fd, out + used, size - 1 - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
    }
    close(fd);
    out[used] = '\0';
    return used > 0;
}

/* The number after `key` at the beginning of a line; 0 when absent. */
static uint64_t number_after(const char *text, const char *key) {
    const size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0) {
            return strtoull(line + length, NULL, 10);
        }
        if (*line == '\0') {
            break;
        }
    }
    return 0;
}

static uint64_t number_in_file(const char *path, const char *key) {
    char text[8192];
    return read_text(path, text, sizeof text) ? number_after(text, key) : 0;
}

/* --- control groups ------------------------------------------------------------------------ */

typedef struct group_tree {
    char root[64];   /* mount point */
    char path[1024]; /* of our group below it, "" for the root itself */
    bool is_v2;
} group_tree;

/* Finds our group in the tree of a controller: the unified one, or that of version 1. */
static bool find_group(const char *controller, group_tree *tree) {
    char text[8192];
    if (!read_text("/proc/self/cgroup", text, sizeof text)) {
        return false;
    }
    tree->is_v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
    snprintf(tree->root, sizeof tree->root, "/sys/fs/cgroup%s%s", tree->is_v2 ? "" : "/",
             tree->is_v2 ? "" : controller);
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *list = strchr(line, ':'); /* number:controllers:path */
        char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path) {
            continue;
        }
        *path++ = '\0';
        list++;
        const char *found = strstr(list, controller);
        const size_t length = strlen(controller);
        const bool is_named = found && (found == list || found[-1] == ',') &&
                              (found[length] == '\0' || found[length] == ',');
        if (tree->is_v2 ? *list == '\0' : is_named) {
            snprintf(tree->path, sizeof tree->path, "%s", strcmp(path, "/") == 0 ? "" : path);
            return true;
        }
    }
    return false;
}

/* Goes to the level above; false at the root. */
static bool group_up(group_tree *tree) {
    char *slash = strrchr(tree->path, '/');
    if (!slash) {
        return false;
    }
    *slash = '\0';
    return true;
}

static bool group_text(const group_tree *tree, const char *file, char *out, size_t size) {
    char path[1280];
    snprintf(path, sizeof path, "%s%s/%s", tree->root, tree->path, file);
    return read_text(path, out, size);
}

/* "max", or in version 1 a number near 2^63, means no limit: UINT64_MAX. */
static uint64_t group_number(const group_tree *tree, const char *file, uint64_t otherwise) {
    char text[64];
    if (!group_text(tree, file, text, sizeof text) || text[0] < '0' || text[0] > '9') {
        return otherwise;
    }
    return strtoull(text, NULL, 10);
}

typedef struct group_memory {
    uint64_t limit, available; /* UINT64_MAX when unlimited */
} group_memory;

static group_memory memory_of_level(const group_tree *tree) {
    const bool v2 = tree->is_v2;
    const uint64_t limit =
        group_number(tree, v2 ? "memory.max" : "memory.limit_in_bytes", UINT64_MAX);
    if (limit >= (uint64_t)1 << 62) {
        return (group_memory){UINT64_MAX, UINT64_MAX};
    }
    uint64_t used = group_number(tree, v2 ? "memory.current" : "memory.usage_in_bytes", 0);
    /* Idle pages of files count as used, but the kernel takes them back when asked for more. */
    char text[8192];
    uint64_t idle = 0;
    if (group_text(tree, "memory.stat", text, sizeof text)) {
        idle = number_after(text, v2 ? "inactive_file " : "total_inactive_file ");
    }
    used = used > idle ? used - idle : 0;
    return (group_memory){limit, limit > used ? limit - used : 0};
}

static group_memory memory_of_groups(void) {
    group_memory tightest = {UINT64_MAX, UINT64_MAX};
    group_tree tree;
    if (!find_group("memory", &tree)) {
        return tightest;
    }
    do {
        const group_memory level = memory_of_level(&tree);
        tightest.limit = level.limit < tightest.limit ? level.limit : tightest.limit;
        tightest.available =
            level.available < tightest.available ? level.available : tightest.available;
    } while (group_up(&tree));
    return tightest;
}

/* Cores' worth of time that one level grants, rounded up; 0 when unlimited. */
static uint64_t cpus_of_level(const group_tree *tree) {
    uint64_t quota = 0, period = 0;
    if (tree->is_v2) {
        char text[64]; /* "max 100000" or "150000 100000" */
        if (group_text(tree, "cpu.max", text, sizeof text) && text[0] >= '0' && text[0] <= '9') {
            char *end;
            quota = strtoull(text, &end, 10);
            period = strtoull(end, NULL, 10);
        }
    } else {
        quota = group_number(tree, "cpu.cfs_quota_us", 0); /* -1: unlimited, read as 0 */
        period = group_number(tree, "cpu.cfs_period_us", 0);
    }
    return quota > 0 && period > 0 ? (quota + period - 1) / period : 0;
}

/* --- cores and memory ---------------------------------------------------------------------- */

/* Room for 8192 cores, the most that Linux can be built for; a plain cpu_set_t ends at 1024. */
static int cpus_of_affinity(void) {
    cpu_set_t set[8];
    memset(set, 0, sizeof set);
    if (sched_getaffinity(0, sizeof set, set) == 0) {
        return CPU_COUNT_S(sizeof set, set);
    }
    const long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 && count < 1 << 16 ? (int)count : 1;
}

int i4_cpu_count(void) {
    uint64_t count = (uint64_t)cpus_of_affinity();
    group_tree tree;
    if (find_group("cpu", &tree)) {
        do {
            const uint64_t level = cpus_of_level(&tree);
            count = level > 0 && level < count ? level : count;
        } while (group_up(&tree));
    }
    return count > 0 ? (int)count : 1;
}

static uint64_t machine_memory(const char *key) {
    return number_in_file("/proc/meminfo", key) * 1024;
}

uint64_t i4_memory_total(void) {
    const uint64_t machine = machine_memory("MemTotal:");
    const uint64_t limit = memory_of_groups().limit;
    return limit < machine ? limit : machine;
}

uint64_t i4_memory_available(void) {
    const uint64_t machine = machine_memory("MemAvailable:");
    const uint64_t available = memory_of_groups().available;
    return available < machine ? available : machine;
}

uint64_t i4_memory_resident(void) {
    return number_in_file("/proc/self/status", "VmRSS:") * 1024;
}

uint64_t i4_memory_peak(void) {
    return number_in_file("/proc/self/status", "VmHWM:") * 1024;
}

/* Left alone, glibc takes the first large block that is freed as a sign to keep the next ones, and
 * each thread keeps its own. Other C libraries return them anyway. */
void i4_memory_return_large(void) {
#if defined(__GLIBC__)
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

/* --- the rest ------------------------------------------------------------------------------ */

/* Tile data is state component 18; the kernel must agree to save it before it is first used. */
bool i4_os_amx_permit(void) {
#if defined(__x86_64__)
    enum { REQUEST_COMPONENT = 0x1023, TILE_DATA = 18 };
    return syscall(SYS_arch_prctl, REQUEST_COMPONENT, TILE_DATA) == 0;
#else
    return false;
#endif
}

bool i4_os_has_arm_bf16(void) {
#if defined(__aarch64__)
    enum { HAS_BF16 = 1 << 14 }; /* HWCAP2_BF16, which older headers lack */
    return getauxval(AT_HWCAP2) & HAS_BF16;
#else
    return false;
#endif
}

bool i4_program_dir(char *out, size_t size) {
    if (!out || size == 0) {
        return false;
    }
    const ssize_t length = readlink("/proc/self/exe", out, size);
    if (length <= 0 || (size_t)length >= size) {
        out[0] = '\0';
        return false;
    }
    out[length] = '\0';
    char *slash = strrchr(out, '/');
    out[!slash ? 0 : slash == out ? 1 : slash - out] = '\0';
    return out[0] != '\0';
}
