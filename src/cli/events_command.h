// cli/events_command.h: `cronfleet events`: what changes, as it changes.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

void add_events_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
