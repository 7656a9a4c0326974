// runtime/measures.h: what a worker counts about itself since its start, for metrics. Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/histogram.h"
#include "domain/run.h"

namespace cronfleet::runtime {

struct Measures {
  // Verdicts on their way into the history: firings, by status and trigger. Attempts that others follow count too.
  std::map<std::pair<domain::RunStatus, domain::Trigger>, std::uint64_t> runs;
  std::uint64_t started = 0, start_failures = 0;
  Histogram lateness_seconds{
      {.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}};  // of scheduled starts
  Histogram duration_seconds{{.01, .1, .5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10'800, 43'200, 86'400}};
  // Transactions of the coordination store: claims, ends, intents.
  std::uint64_t committed = 0, refused = 0, unknown = 0;
  Histogram commit_seconds{{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}};
  std::uint64_t output_bytes = 0;
};

}  // namespace cronfleet::runtime
