// apps/service_commands.h: `cronfleet standalone`, `master` and `worker`, and the runner that a worker starts.
#pragma once

#include <CLI/App.hpp>

namespace cronfleet::apps {

// Each adds its subcommand; when it is chosen it runs until a signal ends it. `exit_code`: 0 after an orderly end, 69
// when node id, data folder or port is held by another, 78 for a bad configuration, 1 for anything else that kept it
// from running.
void add_standalone_command(CLI::App& app, int& exit_code);
void add_master_command(CLI::App& app, int& exit_code);
// `worker` alone is the service; its verbs are the client's, who adds them to what this returns.
CLI::App& add_worker_command(CLI::App& app, int& exit_code);

// The process that runs the commands, started by a worker and by nobody else; hidden from --help.
void add_runner_command(CLI::App& app, int& exit_code);

}  // namespace cronfleet::apps
