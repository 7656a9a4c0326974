// apps/version_command.h: `cronfleet version`.
#pragma once

#include "apps/cli.h"

namespace cronfleet::apps {

void add_version_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::apps
