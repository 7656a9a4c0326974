# `cmake --install build/release --prefix /usr`: the binary, its man pages and completions, the units of systemd.
# Everything that names a place is written when it is installed, so that the prefix may be said then (and DESTDIR counts).
include(GNUInstallDirs)

# First of all, so that nothing is installed half-way.
install(CODE "
  if(NOT EXISTS \"$<TARGET_FILE:cronfleet>\")
    message(FATAL_ERROR \"there is no $<TARGET_FILE:cronfleet> yet: scripts/build release cronfleet makes it\")
  endif()")

install(TARGETS cronfleet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# Written by scripts/cli-page from the table of --help; cli_page_test holds them to it.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

foreach(role master standalone worker)
  install(CODE "
    file(READ \"${PROJECT_SOURCE_DIR}/packaging/cronfleet-${role}.service\" unit)
    string(REPLACE \"/usr/bin/cronfleet\" \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/cronfleet\" unit \"\${unit}\")
    set(place \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/cronfleet-${role}.service\")
    file(WRITE \"\${place}\" \"\${unit}\")
    message(STATUS \"Installing: \${place}\")")
endforeach()

# Asked of the binary then: a build of the binary alone is enough.
foreach(completion bash:bash-completion/completions/cronfleet zsh:zsh/site-functions/_cronfleet
    fish:fish/vendor_completions.d/cronfleet.fish)
  string(REGEX MATCH "^([a-z]+):(.+)$" completion ${completion})
  install(CODE "
    execute_process(COMMAND \"$<TARGET_FILE:cronfleet>\" completion ${CMAKE_MATCH_1}
      OUTPUT_VARIABLE script COMMAND_ERROR_IS_FATAL ANY)
    set(place \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/${CMAKE_MATCH_2}\")
    file(WRITE \"\${place}\" \"\${script}\")
    message(STATUS \"Installing: \${place}\")")
endforeach()
