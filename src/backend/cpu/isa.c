/* Floor 1. Which instruction sets this machine can run. Decided by the build's architecture first
 * and then by asking the processor or, where it cannot be asked, the operating system. */
#include "backend/cpu/cpu.h"
#include "base/os.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const names[I4_ISA_COUNT] = {"scalar", "avx2", "avx512",  "avx512bf16",
                                                "amx",    "neon", "neonbf16"};

const char *i4_isa_name(i4_isa isa) {
    return names[isa];
}

#if defined(__x86_64__)

/* Leaf 1, ECX bit 29; older compilers have no name for it. */
static bool has_f16c(void) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) && (c >> 29 & 1u);
}

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

/* Leaf 7, subleaf 1, EAX bit 5: conversions and products of bf16. */
static bool has_avx512bf16(void) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && a >= 1 &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1u);
}

/* Leaf 7, EDX: bit 22 bf16 tiles, bit 24 tiles. */
static bool has_amx(void) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return has_avx512bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1u) &&
           (d >> 24 & 1u) && i4_os_amx_permit();
}

/* The bf16 product is twice as fast as float32 multiply-adds on AMD's cores (measured on Zen 5) and
 * half as fast on Intel's (Sapphire Rapids), where tiles take its place. */
static bool has_fast_avx512bf16(void) {
    return has_avx512bf16() && __builtin_cpu_is("amd");
}

#endif

bool i4_isa_usable(i4_isa isa) {
    switch (isa) {
    case I4_ISA_PORTABLE:
        return true;
#if defined(__x86_64__)
    case I4_ISA_AVX2:
        return has_avx2();
    case I4_ISA_AVX512:
        return has_avx512();
    case I4_ISA_AVX512BF16:
        return has_avx512bf16();
    case I4_ISA_AMX:
        return has_amx();
#elif defined(__aarch64__)
    case I4_ISA_NEON:
        return true; /* part of the architecture */
    case I4_ISA_NEONBF16:
        return i4_os_has_arm_bf16();
#endif
    default:
        return false;
    }
}

static bool is_worth_it(i4_isa isa) {
#if defined(__x86_64__)
    return isa != I4_ISA_AVX512BF16 || has_fast_avx512bf16();
#else
    (void)isa;
    return true;
#endif
}

static i4_isa best(void) {
    static const i4_isa order[] = {I4_ISA_AMX,  I4_ISA_AVX512BF16, I4_ISA_AVX512,
                                   I4_ISA_AVX2, I4_ISA_NEONBF16,   I4_ISA_NEON};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (i4_isa_usable(order[i]) && is_worth_it(order[i])) {
            return order[i];
        }
    }
    return I4_ISA_PORTABLE;
}

bool i4_isa_pick(const char *name, i4_isa *isa, i4_err *err) {
    if (!name || strcmp(name, "auto") == 0) {
        *isa = best();
        return true;
    }
    for (int i = 0; i < I4_ISA_COUNT; i++) {
        if (strcmp(name, names[i]) != 0) {
            continue;
        }
        if (!i4_isa_usable((i4_isa)i)) {
            return i4_fail(err, I4_E_UNSUPPORTED,
                           "this machine has no %s instructions: choose \"auto\" or \"scalar\"",
                           name);
        }
        *isa = (i4_isa)i;
        return true;
    }
    return i4_fail(err, I4_E_INVALID_ARGUMENT,
                   "unknown instruction set \"%s\": choose \"auto\", \"scalar\", \"avx2\", "
                   "\"avx512\", \"avx512bf16\", \"amx\", \"neon\" or \"neonbf16\"",
                   name);
}
