# `cmake --install build/release --prefix /usr`: the binary, its man pages and completions, the units of systemd.
# Everything that names a place is written when it is installed, so that the prefix may be said then (and DESTDIR counts).
include(GNUInstallDirs)

set(completions ${CMAKE_BINARY_DIR}/completions)
add_custom_command(OUTPUT ${completions}/cronfleet ${completions}/_cronfleet ${completions}/cronfleet.fish
  DEPENDS cronfleet VERBATIM
  COMMAND ${CMAKE_COMMAND} -E make_directory ${completions}
  COMMAND cronfleet completion bash > ${completions}/cronfleet
  COMMAND cronfleet completion zsh > ${completions}/_cronfleet
  COMMAND cronfleet completion fish > ${completions}/cronfleet.fish)
add_custom_target(cronfleet_completions ALL
  DEPENDS ${completions}/cronfleet ${completions}/_cronfleet ${completions}/cronfleet.fish)

install(TARGETS cronfleet RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# Written by scripts/cli-page from the table of --help; cli_page_test holds them to it.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES ${completions}/cronfleet DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completions}/_cronfleet DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${completions}/cronfleet.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

foreach(role master standalone worker)
  install(CODE "
    file(READ \"${PROJECT_SOURCE_DIR}/packaging/cronfleet-${role}.service\" unit)
    string(REPLACE \"/usr/bin/cronfleet\" \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/cronfleet\" unit \"\${unit}\")
    set(place \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/cronfleet-${role}.service\")
    file(WRITE \"\${place}\" \"\${unit}\")
    message(STATUS \"Installing: \${place}\")")
endforeach()
