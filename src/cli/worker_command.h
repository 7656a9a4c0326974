// cli/worker_command.h: `cronfleet worker list|get|drain|undrain|labels|forget` and `cronfleet alarm list|confirm`.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

void add_worker_verbs(CLI::App& worker, CliIo io, int& exit_code);
void add_alarm_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
