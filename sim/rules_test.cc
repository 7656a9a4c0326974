// Each rule of protocol.md that has a switch is needed: without it a seed fails within 10,000 firings, and the table
// says which checker sees it. Four switches are not in the table, because no seed was found to fail without them: 3
// (only the client's edits heed it), 8 (nothing starts past the run lease in any case), 9 (the machine sweeps its runs
// before the worker begins) and 14 (the deadline that the executor heeds covers it).
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/shrink.h"
#include "sim/simulation.h"

namespace cronfleet::sim {
namespace {

constexpr std::uint64_t kFiringsMax = 10'000;

struct Needed {
  const char* rule;
  const char* number;  // in protocol.md
  std::size_t nodes;
  std::set<std::string> faults;
  std::chrono::seconds fault_every, action_every;
  std::set<std::string> caught_by;
  void (*tweak)(Plan&);
};

void as_drawn(Plan&) {}
void much_comes_late(Plan& plan) { plan.store.late = 0.2; }

using std::chrono::seconds;
const Needed kNeeded[] = {
    {"require_stamp", "5", 1, {}, seconds(30), seconds(4), {"I3", "I4"}, as_drawn},
    {"relist_running", "6", 1, {"store"}, seconds(30), seconds(8), {"I3", "I12"}, much_comes_late},
    {"respect_hold", "7", 3, {"cut"}, seconds(15), seconds(8), {"I2", "I3", "I7", "I12"}, as_drawn},
    {"check_deadline", "15", 1, {"freeze", "cut", "store-down"}, seconds(5), seconds(20), {"I5"}, as_drawn},
    {"remove_own_lock_only", "17", 2, {"cut", "freeze"}, seconds(10), seconds(20), {"I6"}, as_drawn},
    {"retry_at_instant", "19", 1, {}, seconds(30), seconds(20), {"I1"}, as_drawn},
    {"read_back_unknown", "28", 1, {"store"}, seconds(30), seconds(8), {"I2", "I3"}, as_drawn},
    {"record_before_removal", "REL-10", 1, {"crash"}, seconds(15), seconds(8), {"I3"}, as_drawn},
};

class Rules : public testing::TestWithParam<Needed> {};

TEST_P(Rules, IsNeeded) {
  const Needed& needed = GetParam();
  Profile profile;
  profile.nodes = needed.nodes;
  profile.active = std::chrono::minutes(10);
  profile.faults = needed.faults;
  profile.fault_every = needed.fault_every;
  profile.action_every = needed.action_every;
  std::uint64_t firings = 0;
  for (std::uint64_t seed = 1; firings < kFiringsMax; ++seed) {
    Profile without = profile;
    ASSERT_TRUE(switch_off(without.rules, needed.rule));
    Plan plan = make_plan(seed, without);
    needed.tweak(plan);
    const Verdict verdict = simulate(plan);
    firings += verdict.firings;
    const bool caught = std::any_of(verdict.violations.begin(), verdict.violations.end(),
                                    [&](const Violation& v) { return needed.caught_by.count(v.invariant) != 0; });
    if (!caught) continue;
    plan.rules = core::Rules{};
    const Verdict with = simulate(plan);
    EXPECT_TRUE(with.violations.empty()) << "seed " << seed << " fails with the rule as well\n"
                                         << summary(with.violations);
    return;
  }
  FAIL() << "rule " << needed.number << " (" << needed.rule << "): " << firings
         << " firings without it, and nothing was seen";
}
INSTANTIATE_TEST_SUITE_P(Switches, Rules, testing::ValuesIn(kNeeded),
                         [](const auto& which) { return std::string(which.param.rule); });

}  // namespace
}  // namespace cronfleet::sim
