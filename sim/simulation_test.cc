// The simulator itself: equal seeds give equal courses, and seeds that once found a bug stay with us.
#include "sim/simulation.h"

#include <gtest/gtest.h>

#include "sim/shrink.h"

namespace cronfleet::sim {
namespace {

using std::chrono::minutes;

Profile profile_of(std::set<std::string> faults, std::size_t nodes, minutes active = minutes(6)) {
  Profile profile;
  profile.nodes = nodes;
  profile.active = active;
  profile.faults = std::move(faults);
  return profile;
}

TEST(Simulation, ASeedRunTwiceGivesOneTrace) {
  for (const std::size_t nodes : {1u, 3u}) {
    const Plan plan = make_plan(11, profile_of({"all"}, nodes));
    const Verdict once = simulate(plan, Trace::Full), again = simulate(plan, Trace::Full);
    EXPECT_EQ(once.trace_hash, again.trace_hash);
    EXPECT_EQ(once.trace, again.trace);
    EXPECT_NE(once.trace_hash, simulate(make_plan(12, profile_of({"all"}, nodes))).trace_hash);
  }
}

struct FixedBug {
  const char* what;
  std::uint64_t seed;
  std::set<std::string> faults;
  std::size_t nodes;
  minutes active = minutes(18);
  std::size_t jobs = 12;
};
const FixedBug kFixedBugs[] = {
    {"the attempt after a failure was written without its job", 1, {}, 1},
    {"a job removed by hand while no worker was up kept its marker open", 3, {"machine-crash"}, 1},
    {"a waiting attempt that moved to a new incarnation never began and kept its lock", 2, {"freeze"}, 1},
    {"a waiting attempt whose lock was claimed over was never taken over", 6, {"disk-lost"}, 1},
    {"an orphaned kill order stayed", 2, {"disk-lost"}, 1},
    {"a document that nobody adopted was owed firings", 5, {"crash"}, 1},
    {"a save that came while an edit by hand was being adopted was adopted as well", 5, {"cut"}, 1},
    {"the answer of a move counted as that of an end", 4, {"store-down"}, 1},
    {"an account that was refused for its worker's hold was taken for settled", 1006, {"all"}, 1, minutes(20)},
    {"the history was told of an attempt that never followed", 1061, {"all"}, 1, minutes(20)},
    {"the same, in another course", 1088, {"all"}, 1, minutes(20)},
    {"a run started although a fresh read showed that its job was gone", 1119, {"all"}, 1, minutes(20)},
    {"an end that had been applied was written again by a newer document's rules", 100118, {"all"}, 3, minutes(60), 24},
    {"an attempt that another worker had taken over was recorded as killed by the one that lost it",
     100191,
     {"all"},
     4,
     minutes(60),
     24},
    {"a version that its worker slept through was owed by the one before it", 100212, {"all"}, 1, minutes(60), 24},
};

TEST(Simulation, SeedsThatFoundBugsPass) {
  for (const FixedBug& bug : kFixedBugs) {
    Profile profile = profile_of(bug.faults, bug.nodes, bug.active);
    profile.jobs = bug.jobs;
    const Verdict verdict = simulate(make_plan(bug.seed, profile));
    EXPECT_TRUE(verdict.violations.empty()) << bug.what << "\n" << summary(verdict.violations);
  }
}

TEST(Simulation, ThePlanShrinksToWhatFails) {
  Profile profile = profile_of({"crash"}, 1);
  CHECK(switch_off(profile.rules, "record_before_removal"));
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    const Plan plan = make_plan(seed, profile);
    const Verdict verdict = simulate(plan);
    if (verdict.violations.empty()) continue;
    const std::string invariant = verdict.violations.front().invariant;
    const Plan small = shrink(plan, invariant, 60);
    EXPECT_LT(small.actions.size() + small.faults.size(), (plan.actions.size() + plan.faults.size()) / 2);
    const Verdict again = simulate(small);
    EXPECT_TRUE(std::any_of(again.violations.begin(), again.violations.end(), [&](const Violation& v) {
      return v.invariant == invariant;
    })) << describe(small);
    return;
  }
  FAIL() << "no seed failed";
}

}  // namespace
}  // namespace cronfleet::sim
