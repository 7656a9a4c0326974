// cli/context_command.h: `cronfleet context`: named servers to work with.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

void add_context_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
