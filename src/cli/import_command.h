// cli/import_command.h: `cronfleet import crontab`: crontabs as jobs, shown first, imported whole or not at all.
#pragma once

#include "cli/cli.h"

namespace cronfleet::cli {

void add_import_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
