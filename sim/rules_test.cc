// Each rule of protocol.md that has a switch is needed: without it a seed fails within 10,000 firings, and the table
// says which checker sees it.
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
  std::set<std::string> caught_by;
};
const Needed kNeeded[] = {
    {"conditional_on_marker", "3", 1, {"store"}, {"I2", "I3"}},
    {"require_stamp", "5", 1, {}, {"I3", "I4"}},
    {"relist_running", "6", 1, {"store"}, {"I12", "I3"}},
    {"respect_hold", "7", 3, {"cut"}, {"I2", "I3", "I7"}},
    {"drop_on_new_incarnation", "8", 2, {"freeze", "cut"}, {"I2", "I3", "I7", "I12"}},
    {"sweep_before_claims", "9", 1, {"crash"}, {"I2", "I3", "I6", "I7"}},
    {"confirm_revision", "14", 1, {"freeze", "store"}, {"I4", "I10"}},
    {"check_deadline", "15", 2, {"machine-freeze", "cut"}, {"I2", "I5", "I6", "I7", "I10"}},
    {"remove_own_lock_only", "17", 2, {"cut", "freeze"}, {"I6"}},
    {"retry_at_instant", "19", 1, {}, {"I3", "I5"}},
    {"read_back_unknown", "28", 1, {"store"}, {"I3", "I4", "I7", "I12"}},
    {"record_before_removal", "REL-10", 1, {"crash"}, {"I3"}},
};

class Rules : public testing::TestWithParam<Needed> {};

TEST_P(Rules, IsNeeded) {
  const Needed& needed = GetParam();
  Profile profile;
  profile.nodes = needed.nodes;
  profile.active = std::chrono::minutes(10);
  profile.faults = needed.faults;
  profile.fault_every = std::chrono::seconds(15);
  profile.action_every = std::chrono::seconds(8);
  std::uint64_t firings = 0;
  for (std::uint64_t seed = 1; firings < kFiringsMax; ++seed) {
    Profile without = profile;
    ASSERT_TRUE(switch_off(without.rules, needed.rule));
    const Verdict verdict = simulate(make_plan(seed, without));
    firings += verdict.firings;
    const bool caught = std::any_of(verdict.violations.begin(), verdict.violations.end(),
                                    [&](const Violation& v) { return needed.caught_by.count(v.invariant) != 0; });
    if (!caught) continue;
    const Verdict with = simulate(make_plan(seed, profile));
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
