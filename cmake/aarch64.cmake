# Toolchain: 64-bit ARM Linux from another machine. scripts/check_arm64 fetches the libraries and
# runs what is built under emulation; to use it by hand:
#
#     cmake --preset arm64 -DID4_SYSROOT=FOLDER
#
# FOLDER holds the other libraries' arm64 packages, unpacked (usr/include, usr/lib/aarch64-...);
# the C library is the cross compiler's own.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(triple aarch64-linux-gnu)
if(NOT CMAKE_C_COMPILER)
    set(CMAKE_C_COMPILER ${triple}-gcc)
endif()

set(ID4_SYSROOT "" CACHE PATH "unpacked arm64 packages")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ID4_SYSROOT)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${ID4_SYSROOT}")
set(ENV{PKG_CONFIG_LIBDIR} "${ID4_SYSROOT}/usr/lib/${triple}/pkgconfig")
set(ENV{PKG_CONFIG_PATH} "")

set(CMAKE_FIND_ROOT_PATH "${ID4_SYSROOT}" /usr/${triple})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

# Headers that differ from machine to machine.
set(CMAKE_C_FLAGS_INIT "-isystem ${ID4_SYSROOT}/usr/include/${triple}")

# Libraries that libraries need, at link time and at run time.
set(libraries "${ID4_SYSROOT}/usr/lib/${triple}:${ID4_SYSROOT}/lib/${triple}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,-rpath-link,${libraries}")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-Wl,-rpath-link,${libraries}")

# Which processor: -cpu's default, or QEMU_CPU.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/${triple} -E LD_LIBRARY_PATH=${libraries})
