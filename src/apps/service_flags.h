// apps/service_flags.h: what the services take on their command line, and from there to a loaded configuration.
#pragma once

#include <CLI/App.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "apps/daemon.h"
#include "cli/words.h"
#include "config/load.h"

namespace cronfleet::apps {

struct ServiceFlags {
  std::string config_file, data_dir, port, log_level;
  std::vector<std::string> settings;  // key=value
  bool print_config = false;

  // --config, --log-level, --set and --print-config; the other two where the role has a folder, a port.
  void add_to(CLI::App& command);
  void add_data_dir_to(CLI::App& command);
  void add_port_to(CLI::App& command);

  // Everything that was given, with this machine's environment; a sentence about what is no flag of ours.
  tl::expected<config::Sources, std::pair<int, std::string>> sources() const;
};

// Loads by `load`, then calls `run(config, printed, log)`; the exit code of the process.
template <typename Load, typename Run>
int run_service(const ServiceFlags& flags, Load load, Run run) {
  const auto sources = flags.sources();
  if (!sources) {
    std::fprintf(stderr, "cronfleet: %s\n", cli::said(sources.error().second).c_str());
    return sources.error().first;
  }
  const auto loaded = load(*sources);
  if (!loaded) {
    std::string text = cli::words("cronfleet: bad configuration, nothing was started:") + "\n";
    for (const config::Mistake& mistake : loaded.error().all()) text += cli::said(mistake.text()) + "\n";
    std::fputs(text.c_str(), stderr);
    return kServiceBadConfiguration;
  }
  if (flags.print_config) {
    std::fputs(loaded->printed.c_str(), stdout);
    return 0;
  }
  Log log(loaded->config.log);
  for (const std::string& note : loaded->notes) log.on_message(Log::Level::Info, "configuration", note);
  return run(loaded->config, loaded->printed, log);
}

}  // namespace cronfleet::apps
