#include "apps/standalone_command.h"

#include <unistd.h>

#include <cstdio>
#include <thread>

#include "apps/service.h"
#include "apps/standalone.h"
#include "apps/version.h"
#include "config/load.h"
#include "exec/posix/runner.h"

namespace cronfleet::apps {
namespace {

constexpr int kExitBadConfiguration = 78;

struct Flags {
  std::string config_file, data_dir, port, log_level;
  std::vector<std::string> settings;  // key=value
  bool print_config = false;
};

int run(const Flags& flags) {
  config::Sources sources;
  if (!flags.config_file.empty()) {
    const auto text = config::read_config_file(flags.config_file);
    if (!text) {
      std::fprintf(stderr, "cronfleet: %s\n", text.error().message().c_str());
      return kExitBadConfiguration;
    }
    sources.file_name = flags.config_file;
    sources.file_text = *text;
  }
  sources.environment = environment();
  sources.is_root = ::geteuid() == 0;
  sources.cores = std::thread::hardware_concurrency();
  if (!flags.data_dir.empty()) sources.overrides.push_back({"--data-dir", "data_dir", flags.data_dir});
  if (!flags.port.empty()) sources.overrides.push_back({"--port", "http.port", flags.port});
  if (!flags.log_level.empty()) sources.overrides.push_back({"--log-level", "log.level", flags.log_level});
  for (const std::string& setting : flags.settings) {
    const auto equals = setting.find('=');
    if (equals == std::string::npos) {
      std::fprintf(stderr, "cronfleet: --set %s: expected KEY=VALUE, as in --set worker.capacity=8\n", setting.c_str());
      return 2;
    }
    sources.overrides.push_back({"--set", setting.substr(0, equals), setting.substr(equals + 1)});
  }
  const auto loaded = config::load_standalone(sources);
  if (!loaded) {
    std::fprintf(stderr, "cronfleet: bad configuration, nothing was started:\n%s\n", loaded.error().text().c_str());
    return kExitBadConfiguration;
  }
  if (flags.print_config) {
    std::fputs(loaded->printed.c_str(), stdout);
    return 0;
  }
  Log log(loaded->config.log);
  return run_standalone({loaded->config, std::string(kVersion)}, log);
}

}  // namespace

void add_standalone_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("standalone", "master, worker and stores in one process, on one machine");
  command->add_option("--config", flags->config_file, "configuration file, JSON with comments");
  command->add_option("--data-dir", flags->data_dir, "where everything is kept");
  command->add_option("--port", flags->port, "port of API and console on 127.0.0.1 (8090)");
  command->add_option("--log-level", flags->log_level, "debug, info, warn or error (info)");
  command->add_option("--set", flags->settings, "any setting as KEY=VALUE; may be repeated")->take_all();
  command->add_flag("--print-config", flags->print_config, "show the resulting configuration and end");
  command->footer(
      "Examples:\n"
      "  cronfleet standalone\n"
      "  cronfleet standalone --data-dir /srv/cron --port 9000\n"
      "  CRONFLEET_WORKER_CAPACITY=8 cronfleet standalone --print-config\n"
      "Ends with 69 when another process holds the data folder or the port, 78 for a bad configuration.");
  command->callback([flags, &exit_code] { exit_code = run(*flags); });
}

void add_runner_command(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("runner", "runs the commands of a worker; started by it alone");
  command->group("");  // hidden
  command->callback([&exit_code] { exit_code = exec::posix::runner_main(); });
}

}  // namespace cronfleet::apps
