// apps/fleet_worker.h: a worker over the stores of a fleet: the wiring of `cronfleet worker`.
#pragma once

#include <string>

#include "apps/log.h"
#include "config/options.h"

namespace cronfleet::apps {

struct FleetWorkerOptions {
  config::WorkerConfig config;
  std::string version;
};

// Runs until a signal ends it and returns the exit code (service_commands.h). SIGTERM or SIGINT: claims nothing more,
// waits for the runs up to worker.shutdown_grace, then ends them as killed (shutdown); a second one ends them at once.
int run_worker(const FleetWorkerOptions& options, Log& log);

}  // namespace cronfleet::apps
