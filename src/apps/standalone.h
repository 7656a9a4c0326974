// apps/standalone.h: master, worker and both stores in one process: the wiring of `cronfleet standalone`.
//
// One loop thread carries the worker; SQLite's two writer threads, the API's threads and the runner process stand
// around it. Everything in `data_dir` belongs to one process at a time.
#pragma once

#include <memory>
#include <string>

#include "apps/log.h"
#include "base/status.h"
#include "config/options.h"

namespace cronfleet::apps {

struct StandaloneOptions {
  config::StandaloneConfig config;
  std::string version;
  std::string printed{};  // the configuration as it may be shown
};

// Runs until a signal ends it and returns the exit code (service_commands.h). SIGTERM or SIGINT: claims nothing more,
// waits for the runs up to worker.shutdown_grace, then ends them as killed (shutdown); a second one ends them at once.
int run_standalone(const StandaloneOptions& options, Log& log);

}  // namespace cronfleet::apps
