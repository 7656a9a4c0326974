// cli/run_command.h: `cronfleet run list|get|logs|kill`.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

// Adds the noun `run`; as add_job_command.
void add_run_command(CLI::App& app, CliIo io, int& exit_code);

// `run get`: as -o says.
int show_run(const Cli& cli, const std::string& id);

}  // namespace cronfleet::cli
