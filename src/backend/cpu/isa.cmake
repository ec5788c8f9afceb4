# Kernels per instruction set: g_<isa>.c (matrices) and p_<isa>.c (everything else). Each file is
# compiled for its set and called only where the machine has it (isa.c). Contraction to fused
# multiply-adds is wanted in kernels; results are compared with tolerances, never with bits.
set(id4_kernel_flags -O3 -ffp-contract=fast -fno-trapping-math)
set(id4_avx2_flags -mavx2 -mfma -mf16c)
set(id4_avx512_flags -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx2 -mfma -mf16c)
set(id4_avx512bf16_flags ${id4_avx512_flags} -mavx512bf16)
set(id4_amx_flags ${id4_avx512bf16_flags} -mamx-tile -mamx-bf16)
# gcc's first scheduler would load ahead what the registers beside 24 sums cannot hold
set(id4_neonbf16_flags -march=armv8.2-a+bf16 $<$<C_COMPILER_ID:GNU>:-fno-schedule-insns>)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(id4_own_flags avx2 avx512 avx512bf16 amx)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    set(id4_own_flags neonbf16)
endif()
foreach(isa portable avx2 avx512 avx512bf16 amx neon neonbf16)
    set(flags ${id4_kernel_flags})
    if(isa IN_LIST id4_own_flags)
        list(APPEND flags ${id4_${isa}_flags})
    endif()
    foreach(kind g p)
        set_source_files_properties(backend/cpu/${kind}_${isa}.c PROPERTIES
            COMPILE_OPTIONS "${flags}")
    endforeach()
endforeach()
