// cli/job_command.h: `cronfleet job apply|list|get|delete|run`.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

// Adds the noun `job`. When one of its verbs is chosen, CLI11 calls it back while it parses; `exit_code` then holds the
// result (CLI-5).
void add_job_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
