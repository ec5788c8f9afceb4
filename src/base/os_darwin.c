/* What is macOS's own: hints on pages, randomness, cores and memory, the program's path. */
#define _DARWIN_C_SOURCE 1
#include "base/os.h"
#include "base/os_private.h"

#include <mach-o/dyld.h>
#include <mach/mach.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysctl.h>
#include <unistd.h>

/* There are no huge pages to ask for. */
void i4_os_huge_pages(void *start, size_t size) {
    (void)start;
    (void)size;
}

void i4_os_pages_need(void *start, size_t size) {
    (void)madvise(start, size, MADV_WILLNEED);
}

void i4_os_pages_done(void *start, size_t size) {
    (void)madvise(start, size, MADV_DONTNEED);
}

bool i4_random_bytes(void *out, size_t size) {
    arc4random_buf(out, size);
    return true;
}

int i4_cpu_count(void) {
    int count = 0;
    size_t size = sizeof count;
    if (sysctlbyname("hw.activecpu", &count, &size, NULL, 0) != 0 || count < 1) {
        const long online = sysconf(_SC_NPROCESSORS_ONLN);
        count = online > 0 ? (int)online : 1;
    }
    return count;
}

uint64_t i4_memory_total(void) {
    uint64_t bytes = 0;
    size_t size = sizeof bytes;
    return sysctlbyname("hw.memsize", &bytes, &size, NULL, 0) == 0 ? bytes : 0;
}

/* Free pages, and those that are given up first: inactive, purgeable and read ahead. */
uint64_t i4_memory_available(void) {
    const mach_port_t host = mach_host_self();
    vm_statistics64_data_t statistics;
    mach_msg_type_number_t count = HOST_VM_INFO64_COUNT;
    const kern_return_t result =
        host_statistics64(host, HOST_VM_INFO64, (host_info64_t)&statistics, &count);
    mach_port_deallocate(mach_task_self(), host);
    if (result != KERN_SUCCESS) {
        return 0;
    }
    /* free_count includes the speculative pages. */
    const uint64_t pages =
        (uint64_t)statistics.free_count + statistics.inactive_count + statistics.purgeable_count;
    return pages * (uint64_t)vm_kernel_page_size;
}

uint64_t i4_memory_resident(void) {
    mach_task_basic_info_data_t info;
    mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
    if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&info, &count) !=
        KERN_SUCCESS) {
        return 0;
    }
    return info.resident_size;
}

uint64_t i4_memory_peak(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss : 0; /* bytes here */
}

void i4_memory_return_large(void) {
    /* the system's allocator returns them by itself */
}

bool i4_os_amx_permit(void) {
    return false;
}

bool i4_os_has_arm_bf16(void) {
    int found = 0;
    size_t size = sizeof found;
    return sysctlbyname("hw.optional.arm.FEAT_BF16", &found, &size, NULL, 0) == 0 && found != 0;
}

bool i4_program_dir(char *out, size_t size) {
    if (!out || size == 0) {
        return false;
    }
    out[0] = '\0';
    char found[4096];
    uint32_t found_size = sizeof found;
    if (_NSGetExecutablePath(found, &found_size) != 0) {
        return false;
    }
    char *real = realpath(found, NULL); /* from malloc, not i4_malloc: free below */
    if (!real) {
        return false;
    }
    const char *slash = strrchr(real, '/');
    const size_t length = !slash ? 0 : slash == real ? 1 : (size_t)(slash - real);
    const bool fits = length > 0 && length < size;
    if (fits) {
        memcpy(out, real, length);
        out[length] = '\0';
    }
    free(real);
    return fits;
}
