// apps/master.h: the API over the stores of a fleet: the wiring of `cronfleet master`. It keeps nothing; any number of
// them run side by side.
#pragma once

#include <string>

#include "apps/log.h"
#include "config/options.h"

namespace cronfleet::apps {

struct MasterOptions {
  config::MasterConfig config;
  std::string version;
  std::string printed{};  // the configuration as it may be shown
};

// Runs until a signal ends it and returns the exit code (service_commands.h). Without the store it listens all the
// same: /readyz says what is missing.
int run_master(const MasterOptions& options, Log& log);

}  // namespace cronfleet::apps
