# The installed tree: one archive, the public headers, a CMake package and a pkg-config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(HOLDFAST_PUBLIC_HEADERS holdfast.hpp
    base/error.hpp base/id.hpp base/instant.hpp base/name.hpp base/wall_time.hpp
    core/consent.hpp core/decision.hpp core/event.hpp core/listing.hpp core/lock.hpp core/news.hpp core/patience.hpp core/question.hpp
    core/words.hpp
    profiles/timeout_profiles.hpp
    store/store.hpp
    gateway/async.hpp gateway/gateway.hpp gateway/heartbeat.hpp gateway/operation_context.hpp gateway/subscription.hpp)

foreach(header ${HOLDFAST_PUBLIC_HEADERS})
  get_filename_component(folder ${header} DIRECTORY)
  install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/holdfast/${folder})
endforeach()

install(TARGETS holdfast_library EXPORT holdfast ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT holdfast NAMESPACE holdfast:: FILE holdfast-targets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/holdfast-config.cmake.in
                              ${CMAKE_CURRENT_BINARY_DIR}/holdfast-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/holdfast-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/holdfast-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/holdfast-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/holdfast)
file(RELATIVE_PATH HOLDFAST_PREFIX_FROM_PKGCONFIG "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(${PROJECT_SOURCE_DIR}/cmake/holdfast.pc.in ${CMAKE_CURRENT_BINARY_DIR}/holdfast.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/holdfast.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
