#include "apps/service_commands.h"

#include <memory>

#include "apps/service_flags.h"
#include "apps/standalone.h"
#include "apps/version.h"
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
    exit_code = run_service(*flags, config::load_standalone, [](const config::StandaloneConfig& config, Log& log) {
      return run_standalone({config, std::string(kVersion)}, log);
    });
  });
}

void add_runner_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("runner", "runs the commands of a worker; started by it alone");
  command->group("");  // hidden
  command->callback([&exit_code] { exit_code = exec::posix::runner_main(); });
}

}  // namespace cronfleet::apps
