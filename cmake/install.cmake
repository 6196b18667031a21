# What `cmake --install` puts where: programs, man pages, and what makes a service of siplbd.
#
# systemd looks for units, sysusers.d, tmpfiles.d and sysctl.d below /usr/lib and /usr/local/lib,
# never in a folder that is named for the processor.

include(GNUInstallDirs)

install(TARGETS siplbd siplbctl RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS siplb-load RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

file(GLOB man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.[158])
foreach(page IN LISTS man_pages)
  string(REGEX MATCH "[158]$" section ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

set(service_files ${PROJECT_SOURCE_DIR}/systemd)
# The prefix is known only when it is installed.
set(unit ${PROJECT_BINARY_DIR}/siplb.service)
install(CODE "set(sbin \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}\")
  configure_file(${service_files}/siplb.service.in ${unit} @ONLY)")
install(FILES ${PROJECT_SOURCE_DIR}/packaging/completions/siplbctl
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${unit} DESTINATION lib/systemd/system)
install(FILES ${service_files}/siplb.sysusers.conf DESTINATION lib/sysusers.d RENAME siplb.conf)
install(FILES ${service_files}/siplb.tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME siplb.conf)
install(FILES ${service_files}/siplb.sysctl.conf DESTINATION lib/sysctl.d RENAME 60-siplb.conf)
