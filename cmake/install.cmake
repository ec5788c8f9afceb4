# What `cmake --install` puts where: the header, both libraries, a pkg-config file, a CMake package
# and the demo model (programs/CMakeLists.txt installs the programs). The installed tree can be
# moved: everything is found relative to where its description lies.
include(CMakePackageConfigHelpers)

set(ID4_PC_REQUIRES "jansson libpcre2-8 libutf8proc libpng libjpeg libwebp libwebpmux libwebpdemux")
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ideogram4)

set_target_properties(ideogram4_shared PROPERTIES EXPORT_NAME ideogram4)
install(FILES ${PROJECT_SOURCE_DIR}/include/ideogram4.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS ideogram4_shared EXPORT ideogram4-targets)
install(TARGETS ideogram4_static EXPORT ideogram4-static-targets)
# Two sets, because whoever links the archive needs the other libraries' development files.
install(EXPORT ideogram4-targets NAMESPACE ideogram4:: DESTINATION ${package_dir})
install(EXPORT ideogram4-static-targets NAMESPACE ideogram4:: DESTINATION ${package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ideogram4-config.cmake.in
    ${PROJECT_BINARY_DIR}/ideogram4-config.cmake INSTALL_DESTINATION ${package_dir}
    NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/ideogram4-config-version.cmake
    COMPATIBILITY SameMinorVersion) # below 1.0 a minor version may break
install(FILES ${PROJECT_BINARY_DIR}/ideogram4-config.cmake
    ${PROJECT_BINARY_DIR}/ideogram4-config-version.cmake DESTINATION ${package_dir})

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
    set(ID4_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
    set(ID4_PC_LIBDIR ${CMAKE_INSTALL_LIBDIR})
else()
    file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    string(REGEX REPLACE "/$" "" up "${up}")
    set(ID4_PC_PREFIX "\${pcfiledir}/${up}")
    set(ID4_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/ideogram4.pc.in ${PROJECT_BINARY_DIR}/ideogram4.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/ideogram4.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/models/demo
    DESTINATION ${CMAKE_INSTALL_DATADIR}/ideogram4/models PATTERN expected EXCLUDE)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/prompts DESTINATION ${CMAKE_INSTALL_DATADIR}/ideogram4)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
