// sim/simulation.h: runs a plan to its end and judges it.
//
// First the time of actions and faults; then faults stop and jobs go on (lateness is judged again); then every job is
// closed, and there is time for all that is owed to be accounted for. One plan gives one trace hash.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/checkers.h"
#include "sim/plan.h"

namespace cronfleet::sim {

struct Verdict {
  std::uint64_t trace_hash = 0;
  std::uint64_t firings = 0;  // expected ones, that is, with a verdict each
  std::uint64_t execs = 0;
  std::size_t together_most = 0;  // runs at once on one worker
  std::uint64_t records = 0;
  std::uint64_t faults = 0;
  std::uint64_t commits = 0;
  bool settled = false;  // it came to rest in time
  Violations violations;
  std::vector<std::string> trace;  // when asked for
};

enum class Trace { None, Full };
Verdict simulate(const Plan& plan, Trace trace = Trace::None);

// "I2: j3@… began twice …", the first few of them.
std::string summary(const Violations& violations, std::size_t most = 5);

}  // namespace cronfleet::sim
