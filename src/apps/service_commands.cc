#include "apps/service_commands.h"

#include <memory>

#include "apps/fleet_worker.h"
#include "apps/master.h"
#include "apps/service_flags.h"
#include "apps/standalone.h"
#include "cli/version.h"
#include "exec/posix/runner.h"

namespace cronfleet::apps {

void add_standalone_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ServiceFlags>();
  CLI::App* command = app.add_subcommand("standalone", "master, worker and stores in one process, on one machine");
  flags->add_to(*command);
  flags->add_data_dir_to(*command);
  flags->add_port_to(*command);
  command->footer(
      "Examples:\n"
      "  cronfleet standalone\n"
      "  cronfleet standalone --data-dir /srv/cron --port 9000\n"
      "  CRONFLEET_WORKER_CAPACITY=8 cronfleet standalone --print-config\n"
      "Ends with 69 when another process holds the data folder or the port, 78 for a bad configuration.");
  command->callback([flags, &exit_code] {
    exit_code = run_service(*flags, config::load_standalone,
                            [](const config::StandaloneConfig& config, const std::string& printed, Log& log) {
                              return run_standalone({config, std::string(cli::kVersion), printed}, log);
                            });
  });
}

void add_master_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ServiceFlags>();
  CLI::App* command = app.add_subcommand("master", "API of a fleet, over etcd; any number side by side");
  flags->add_to(*command);
  flags->add_port_to(*command);
  command->footer(
      "Examples:\n"
      "  cronfleet master --config master.json\n"
      "  cronfleet master --set etcd.endpoints=10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379\n"
      "  cronfleet master --config master.json --print-config\n"
      "Ends with 69 when another process holds the port, 78 for a configuration that cannot work.");
  command->callback([flags, &exit_code] {
    exit_code = run_service(*flags, config::load_master,
                            [](const config::MasterConfig& config, const std::string& printed, Log& log) {
                              return run_master({config, std::string(cli::kVersion), printed}, log);
                            });
  });
}

CLI::App& add_worker_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ServiceFlags>();
  CLI::App* command =
      app.add_subcommand("worker", "Schedules and runs the jobs of a fleet; with a verb: workers, seen by the client");
  flags->add_to(*command);
  flags->add_data_dir_to(*command);
  command->require_subcommand(0, 1);
  command->footer(
      "Examples:\n"
      "  cronfleet worker --config worker.json\n"
      "  cronfleet worker --set etcd.endpoints=10.0.0.1:2379 --set worker.labels=zone=eu,gpu=true\n"
      "  cronfleet worker list\n"
      "Ends with 69 when another process holds the data folder or the node id, 78 for a configuration that cannot "
      "work.");
  command->callback([flags, command, &exit_code] {
    if (!command->get_subcommands().empty()) return;
    exit_code =
        run_service(*flags, config::load_worker, [](const config::WorkerConfig& config, const std::string&, Log& log) {
          return run_worker({config, std::string(cli::kVersion)}, log);
        });
  });
  return *command;
}

void add_runner_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("runner", "runs the commands of a worker; started by it alone");
  command->group("");  // hidden
  command->callback([&exit_code] { exit_code = exec::posix::runner_main(); });
}

}  // namespace cronfleet::apps
