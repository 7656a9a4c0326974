// cli/help_command.h: `cronfleet help job run`, which says what `cronfleet job run --help` says.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

void add_help_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
