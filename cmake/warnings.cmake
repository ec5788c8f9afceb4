# Warnings and sanitizers as one interface target that our own code links.
add_library(id4_flags INTERFACE)
target_compile_options(id4_flags INTERFACE
    -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wno-sign-conversion
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla -Wundef
    -Wdouble-promotion -Wformat=2 -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough
    # cutting at the buffer is what snprintf is for here
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
target_compile_definitions(id4_flags INTERFACE _POSIX_C_SOURCE=200809L
    _XOPEN_SOURCE=700 $<$<PLATFORM_ID:Darwin>:_DARWIN_C_SOURCE>)
if(ID4_SANITIZE)
    target_compile_options(id4_flags INTERFACE
        -fsanitize=${ID4_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(id4_flags INTERFACE -fsanitize=${ID4_SANITIZE})
endif()
