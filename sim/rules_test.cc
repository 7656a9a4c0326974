// Each rule that has a switch (core/rules.h) is needed: without it a seed fails, within 10,000 firings where one node
// can break it and within 100,000 where it takes several; the table says which checker sees it. With the rule the same
// seed passes.
#include <gtest/gtest.h>

#include <algorithm>

#include "sim/plan_text.h"
#include "sim/shrink.h"
#include "sim/simulation.h"

namespace cronfleet::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Needed {
  const char* rule;
  const char* number;  // in protocol.md
  std::size_t nodes;
  std::set<std::string> faults;
  seconds fault_every, action_every;
  std::set<std::string> caught_by;
  void (*tweak)(Plan&);
};

// ---- what makes the failure likely: nothing of it is wrong by itself ------------------------------------------------

void as_drawn(Plan&) {}
void much_comes_late(Plan& plan) { plan.store.late = 0.2; }
void slow_store(Plan& plan) {
  plan.store.latency_least = plan.store.latency_usual = milliseconds(60);
  plan.store.latency_most = milliseconds(200);
}
void long_lead(Plan& plan) { plan.scheduler.claim_lead = plan.scheduler.claim_lead_max; }
void long_lead_and_slow_store(Plan& plan) {
  long_lead(plan);
  slow_store(plan);
}
// Right after a claim made ahead, the job goes and comes again.
void deleted_and_created_again(Plan& plan) {
  long_lead(plan);
  for (Action& action : plan.actions) action.kind = Action::Kind::Create;
  for (std::size_t i = 10; i < 300; ++i) {
    const auto at = seconds(2 * i) - milliseconds(400);
    plan.actions.push_back({Action::Kind::Delete, at, i % plan.jobs.size(), i});
    plan.actions.push_back({Action::Kind::Create, at + milliseconds(20), i % plan.jobs.size(), i});
  }
}
void long_runs(Plan& plan) {
  for (JobPlan& job : plan.jobs) {
    job.probe.duration = seconds(100);
    job.job.timing.edit().timeout = milliseconds(0);
  }
}
void long_runs_and_cuts(Plan& plan) {
  long_runs(plan);
  for (Fault& fault : plan.faults) fault.length = milliseconds(45'000) + fault.length / 2;
}
// The run lease ends during the cut, and nobody else calls the runs lost before it heals.
void cuts_past_the_run_lease(Plan& plan) {
  long_runs(plan);
  plan.scheduler.lost_after = seconds(25);
  for (Fault& fault : plan.faults) fault.length = milliseconds(32'000) + fault.length % 8'000;
  plan.scheduler.capacity = 1'000;  // one that waits for room is late for that
}
void at_least_once(Plan& plan) {
  for (JobPlan& job : plan.jobs) {
    job.job.delivery = {domain::Delivery::Mode::AtLeastOnce, 3};
    job.job.retry = domain::Retry();
    job.job.timing.edit().timeout = milliseconds(0);
    job.probe.fail_percent = 0;
    job.probe.duration = seconds(20);
  }
}
void at_least_once_and_cuts(Plan& plan) {
  at_least_once(plan);
  plan.history.latency_max = seconds(3);
  for (Fault& fault : plan.faults) fault.length = milliseconds(30'000) + fault.length % 4'000;
}
void at_least_once_and_hasty_takers(Plan& plan) {
  at_least_once(plan);
  slow_store(plan);
  plan.scheduler.reconcile_every = milliseconds(200);
}
void short_schedules_after_long_ones(Plan& plan) {
  long_runs_and_cuts(plan);
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    if (i % 2 == 0) plan.jobs[i].job.schedule = "0 */5 * * * *";
  }
}
void few_keys_wait(Plan& plan) { plan.held.keys = 0; }
void jobs_go_during_compacted_cuts(Plan& plan) {
  std::vector<Fault> more;
  std::size_t job = 0;
  for (const Fault& fault : plan.faults) {
    if (fault.kind != Fault::Kind::Cut) continue;
    Fault compact;
    compact.kind = Fault::Kind::Compact;
    compact.at = fault.at + fault.length / 2;
    more.push_back(compact);
    plan.actions.push_back({Action::Kind::HandDelete, fault.at + fault.length / 4, job++ % plan.jobs.size(), 1});
  }
  plan.faults.insert(plan.faults.end(), more.begin(), more.end());
}

const Needed kNeeded[] = {
    {"raise_marker", "1", 1, {}, seconds(30), seconds(4), {"I3"}, as_drawn},
    {"keep_marker", "2", 1, {}, seconds(30), seconds(600), {"I2", "I3", "I7"}, deleted_and_created_again},
    {"conditional_on_marker", "3", 1, {}, seconds(30), seconds(2), {"I2", "I3"}, long_lead_and_slow_store},
    {"account_holds_range", "4", 1, {}, seconds(30), seconds(4), {"I3"}, slow_store},
    {"require_stamp", "5", 1, {}, seconds(30), seconds(4), {"I3", "I4"}, as_drawn},
    {"relist_running", "6", 1, {"store"}, seconds(30), seconds(8), {"I3", "I12"}, much_comes_late},
    {"respect_hold", "7", 3, {"cut"}, seconds(15), seconds(8), {"I2", "I3", "I7", "I12"}, as_drawn},
    {"drop_on_new_incarnation",
     "8",
     2,
     {"cut"},
     seconds(60),
     seconds(60),
     {"I3", "I6", "I7", "I12"},
     cuts_past_the_run_lease},
    {"sweep_before_claims", "9", 1, {"crash"}, seconds(8), seconds(20), {"I2", "I6", "I7"}, as_drawn},
    {"first_record_stands", "10", 2, {"cut"}, seconds(15), seconds(20), {"I13"}, long_runs_and_cuts},
    {"consume_attempt", "11", 4, {"disk-lost"}, seconds(15), seconds(20), {"I2"}, at_least_once_and_hasty_takers},
    {"ask_history", "12", 2, {"cut"}, seconds(40), seconds(60), {"I3"}, at_least_once_and_cuts},
    {"keep_verdict", "13", 1, {"disk-lost", "history-down"}, seconds(10), seconds(20), {"I3", "I7"}, as_drawn},
    {"confirm_revision", "14", 1, {"cut", "store"}, seconds(5), seconds(1), {"I10"}, much_comes_late},
    {"check_deadline", "15", 1, {"freeze", "cut", "store-down"}, seconds(5), seconds(20), {"I5"}, as_drawn},
    {"compare_clocks", "16", 3, {"clock"}, seconds(60), seconds(20), {"I1"}, as_drawn},
    {"remove_own_lock_only", "17", 2, {"cut", "freeze"}, seconds(10), seconds(20), {"I6"}, as_drawn},
    {"fence_runs", "18", 2, {"cut"}, seconds(40), seconds(60), {"I6"}, long_runs_and_cuts},
    {"wait_safe_after", "18", 2, {"cut"}, seconds(40), seconds(5), {"I6"}, short_schedules_after_long_ones},
    {"retry_at_instant", "19", 1, {}, seconds(30), seconds(20), {"I1"}, as_drawn},
    {"read_back_unknown", "28", 1, {"store"}, seconds(30), seconds(8), {"I2", "I3"}, as_drawn},
    {"keep_spooled", "29", 1, {"crash", "history-down"}, seconds(10), seconds(20), {"I3"}, few_keys_wait},
    {"stop_when_set_back", "30", 3, {"store-restored"}, seconds(150), seconds(20), {"I2"}, as_drawn},
    {"record_before_removal", "REL-10", 1, {"crash"}, seconds(15), seconds(8), {"I3"}, as_drawn},
    {"report_deletions", "REL-12", 1, {"cut"}, seconds(15), seconds(20), {"I3"}, jobs_go_during_compacted_cuts},
    {"kill_descendants", "REL-9", 1, {}, seconds(30), seconds(4), {"I8", "I9"}, as_drawn},
};

class Rules : public testing::TestWithParam<Needed> {};

TEST_P(Rules, IsNeeded) {
  const Needed& needed = GetParam();
  constexpr std::uint64_t firings_max = 100'000;
  Profile profile;
  profile.nodes = needed.nodes;
  profile.active = std::chrono::minutes(10);
  profile.faults = needed.faults;
  profile.fault_every = needed.fault_every;
  profile.action_every = needed.action_every;
  std::uint64_t firings = 0;
  std::set<std::string> others;
  for (std::uint64_t seed = 1; firings < firings_max; ++seed) {
    Profile without = profile;
    ASSERT_TRUE(switch_off(without.rules, needed.rule));
    Plan plan = make_plan(seed, without);
    needed.tweak(plan);
    const Verdict verdict = simulate(plan);
    firings += verdict.firings;
    for (const Violation& v : verdict.violations) others.insert(v.invariant);
    const bool caught = std::any_of(verdict.violations.begin(), verdict.violations.end(),
                                    [&](const Violation& v) { return needed.caught_by.count(v.invariant) != 0; });
    if (!caught) continue;
    plan.rules = core::Rules{};
    const Verdict with = simulate(plan);
    EXPECT_TRUE(with.violations.empty()) << "seed " << seed << " fails with the rule as well\n"
                                         << summary(with.violations) << encode_plan(plan, needed.rule);
    RecordProperty("seed", std::to_string(seed));
    RecordProperty("firings", std::to_string(firings));
    return;
  }
  FAIL() << "rule " << needed.number << " (" << needed.rule << "): " << firings
         << " firings without it, and nothing was seen" << (others.empty() ? "" : " but " + *others.begin());
}
INSTANTIATE_TEST_SUITE_P(Switches, Rules, testing::ValuesIn(kNeeded),
                         [](const auto& which) { return std::string(which.param.rule); });

}  // namespace
}  // namespace cronfleet::sim
