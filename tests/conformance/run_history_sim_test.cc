// The contract of RunHistory on the simulated history, without faults.
#include "sim/sim_history.h"
#include "tests/conformance/manual_loop.h"
#include "tests/conformance/run_history_suite.h"

namespace cronfleet::testing {
namespace {

class SimBackend {
 public:
  history::RunHistory& history() { return history_; }
  template <typename Done>
  bool run_until(Done done) {
    return loop_.run_until(done);
  }

 private:
  ManualLoop loop_{kNow};
  sim::SimHistoryStore store_{loop_, loop_, Rng(1), {.latency_max = std::chrono::microseconds(300)}, kKept};
  sim::SimHistory history_{store_, loop_};
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, RunHistorySuite, SimBackend);

}  // namespace
}  // namespace cronfleet::testing
