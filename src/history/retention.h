// history/retention.h: keeps the history within its retention, a little at a time.
//
// Every `interval` it begins a round: prune steps of at most `batch_records`, with a pause after each, until nothing is
// left to delete. The pause is at least as long as the step took, so that deleting never has more than half of the
// history's time. Chance spreads both, so that nodes with histories on one disk do not prune in step. Loop thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "async/loop.h"
#include "base/rng.h"
#include "history/run_history.h"

namespace cronfleet::history {

struct RetentionOptions {
  Retention keep;
  std::size_t batch_records = 500;                  // of one step; more is cheaper, and holds inserts up for longer
  std::chrono::milliseconds pause{100};             // after each step, at least; up to half as long again
  std::chrono::milliseconds interval{10 * 60'000};  // from the end of a round to the next, less up to a half
  std::chrono::milliseconds retry_delay{30'000};    // after a failure or when it was not our turn, less up to a half
};

class RetentionDriver {
 public:
  struct Counters {
    std::uint64_t deleted = 0, steps = 0, rounds = 0, failures = 0;  // since the start
  };

  // Begins its first round within `interval`. Each step is taken only while `may_prune`; empty: always.
  RetentionDriver(RunHistory& history, async::Timers& timers, const async::Clock& clock, Rng rng,
                  RetentionOptions options, std::function<bool()> may_prune = {});
  ~RetentionDriver();

  const Counters& counters() const;
  // Empty while the history answers; else what it last said.
  const std::string& trouble() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cronfleet::history
