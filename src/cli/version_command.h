// cli/version_command.h: `cronfleet version`.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

void add_version_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
