// The simulator itself: equal seeds give equal courses, and what once found a bug stays with us.
#include "sim/simulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "sim/plan_text.h"
#include "sim/shrink.h"

namespace cronfleet::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

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

// What once failed, as it was shrunk then (plan_text.h); each fails without its fix, as its first line tells. The
// course of a plan also depends on what the product asks of chance, so each is run with the chance of a few seeds.
TEST(Simulation, WhatOnceFailedPasses) {
  constexpr std::uint64_t kChances = 5;
  std::size_t plans = 0;
  for (const auto& file : std::filesystem::directory_iterator(CRONFLEET_SIM_KEPT)) {
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto plan = decode_plan(text);
    ASSERT_TRUE(plan.has_value()) << file.path() << ": " << plan.error().text();
    ASSERT_FALSE(plan->actions.empty()) << file.path();
    for (std::uint64_t i = 0; i < kChances; ++i, ++plan->seed) {
      const Verdict verdict = simulate(*plan);
      EXPECT_TRUE(verdict.violations.empty()) << file.path() << ", seed " << plan->seed << "\n"
                                              << text.substr(0, text.find('\n')) << "\n"
                                              << summary(verdict.violations);
    }
    ++plans;
  }
  EXPECT_GE(plans, 14u);
}

// The store is set back again and again while runs go on, to states before earlier ones as well, and an operator says
// so each time: what goes on then keeps its lock and gets its own verdict (rule 30).
TEST(Simulation, RunsOutliveAStoreThatIsSetBack) {
  std::size_t restored = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Profile profile = profile_of({"store-restored"}, 3, minutes(15));
    profile.jobs = 8;
    profile.fault_every = seconds(150);
    profile.action_every = milliseconds(0);
    const Verdict verdict = simulate(make_plan(seed, profile));
    EXPECT_TRUE(verdict.violations.empty()) << "seed " << seed << "\n" << summary(verdict.violations);
    restored += verdict.faults;
  }
  EXPECT_GE(restored, 100u);
}

// Everything is forgotten a few seconds after it may be, while jobs are deleted and created again by the dozen. No
// clock that is wrong by an hour: to it every marker is old.
TEST(Simulation, HousekeepingTakesNothingThatIsStillNeeded) {
  std::size_t deletes = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Profile profile = profile_of({}, 3);
    for (const std::string& fault : fault_names()) {
      if (fault != to_string(Fault::Kind::ClockStep) && fault != to_string(Fault::Kind::StoreRestored))
        profile.faults.insert(fault);
    }
    profile.action_every = seconds(2);
    Plan plan = make_plan(seed, profile);
    plan.housekeeping = {.look_every = seconds(1),
                         .compact_after = seconds(2),
                         .collect_every = seconds(2),
                         .collect_after = seconds(5)};
    const Verdict verdict = simulate(plan);
    EXPECT_TRUE(verdict.violations.empty()) << "seed " << seed << "\n" << summary(verdict.violations);
    deletes +=
        static_cast<std::size_t>(std::count_if(plan.actions.begin(), plan.actions.end(), [](const Action& action) {
          return action.kind == Action::Kind::Delete || action.kind == Action::Kind::HandDelete;
        }));
  }
  EXPECT_GE(deletes, 100u);
}

TEST(Simulation, APlanKeptAsTextRunsTheSame) {
  const Plan plan = make_plan(7, profile_of({"all"}, 3));
  const auto again = decode_plan(encode_plan(plan, "a plan"));
  ASSERT_TRUE(again.has_value()) << again.error().text();
  EXPECT_EQ(encode_plan(*again, "a plan"), encode_plan(plan, "a plan"));
  EXPECT_EQ(simulate(*again).trace_hash, simulate(plan).trace_hash);
}

TEST(Simulation, APlanThatIsNoneSaysWhere) {
  for (const char* wrong : {"plan seed=x", "plan nodes=0", "storm at=1s", "crash at=1s depth=3", "create job=4",
                            "scheduler speed=3", "job {\"name\":\"a\"}", "plan seed"}) {
    const auto plan = decode_plan(fmt::format("# a plan\n{}\n", wrong));
    ASSERT_FALSE(plan.has_value()) << wrong;
    EXPECT_NE(plan.error().text().find("line 2"), std::string::npos) << plan.error().text();
  }
}

TEST(Simulation, AnotherKindOfFaultChangesNothingOfTheOthers) {
  const auto first_cut = [](const std::set<std::string>& faults) {
    const Plan plan = make_plan(5, profile_of(faults, 3, minutes(60)));
    return *std::find_if(plan.faults.begin(), plan.faults.end(),
                         [](const Fault& fault) { return fault.kind == Fault::Kind::Cut; });
  };
  // With two kinds each comes half as often; all else is as it was.
  const Fault alone = first_cut({"cut"}), beside = first_cut({"cut", "crash"});
  EXPECT_EQ(alone.length, beside.length);
  EXPECT_EQ(alone.node, beside.node);
}

// Outages lie over one another: what is away comes back when the last of them ends, not the first.
TEST(Simulation, AShortOutageWithinALongerOneDoesNotEndIt) {
  Plan plan;
  plan.nodes = 2;
  plan.active = minutes(1);
  JobPlan job;
  job.job.name = JobName("often");
  job.job.schedule = "* * * * * *";
  plan.jobs.push_back(job);
  plan.actions.push_back({Action::Kind::Create, milliseconds(0), 0, 0});
  const auto fault = [&](Fault::Kind kind, seconds from, seconds to) {
    plan.faults.push_back(
        {.kind = kind, .at = from, .length = to - from, .node = 0, .point = {}, .step = milliseconds(0)});
  };
  fault(Fault::Kind::StoreDown, seconds(10), seconds(40));
  fault(Fault::Kind::StoreRestart, seconds(12), seconds(14));
  fault(Fault::Kind::StoreDown, seconds(20), seconds(25));
  fault(Fault::Kind::StoreRestart, seconds(39), seconds(45));
  const Verdict verdict = simulate(plan, Trace::Full);
  EXPECT_TRUE(verdict.violations.empty()) << summary(verdict.violations);
  const auto commits_between = [&](std::string_view from, std::string_view to) {  // "00:00:10"
    return std::count_if(verdict.trace.begin(), verdict.trace.end(), [&](const std::string& line) {
      return line.find("  store ") == 12 && line >= from && line < to;
    });
  };
  EXPECT_GT(commits_between("00:00:05", "00:00:10"), 0);
  EXPECT_EQ(commits_between("00:00:10.100", "00:00:45"), 0);
  EXPECT_GT(commits_between("00:00:45", "00:01:00"), 0);
}

// REL-F29: far more is due at once than a worker can begin in time. It begins what it can, no more at once than it has
// places for, nothing past its deadline (I5), and says of each of the others that it was missed (I3, I7).
TEST(Simulation, TenThousandJobsDueAtOnceAreBegunAsFarAsThereIsTime) {
#ifdef CRONFLEET_SANITIZED
  constexpr std::size_t kJobs = 2'000;
#else
  constexpr std::size_t kJobs = 10'000;
#endif
  Plan plan;
  plan.active = minutes(1);
  plan.quiet = seconds(50);  // two rounds
  plan.scheduler.capacity = 64;
  for (std::size_t i = 0; i < kJobs; ++i) {
    JobPlan job;
    job.job.name = JobName(fmt::format("j{}", i));
    job.job.schedule = "30 * * * * *";
    job.job.misfire.mode = domain::Misfire::Mode::Skip;
    job.job.timing.edit().start_deadline = seconds(5);
    job.probe.duration = milliseconds(500);
    plan.jobs.push_back(job);
    plan.actions.push_back({Action::Kind::Create, milliseconds(i), i, i});
  }
  const Verdict verdict = simulate(plan);
  EXPECT_TRUE(verdict.violations.empty()) << summary(verdict.violations);
  EXPECT_EQ(verdict.firings, 2 * kJobs);
  EXPECT_EQ(verdict.records, 2 * kJobs);
  EXPECT_EQ(verdict.together_most, 64u);
  // 64 places, half a second each, five seconds: at most eleven of them on each place in a round.
  EXPECT_GE(verdict.execs, 2u * 64 * 9);
  EXPECT_LE(verdict.execs, 2u * 64 * 11);
}

// With room in the store for none of the records that wait, each goes to a disk that now and then takes nothing.
TEST(Simulation, ADiskThatTakesNoRecordsIsToldOnceAndOnceWhenItDoesAgain) {
  int full = 0, again = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Plan plan = make_plan(seed, profile_of({"history-down"}, 1, minutes(2)));
    plan.held.keys = 0;
    const Verdict verdict = simulate(plan, Trace::Full);
    EXPECT_TRUE(verdict.violations.empty()) << summary(verdict.violations);
    bool told = false;
    for (const std::string& line : verdict.trace) {
      if (line.find("cannot be put on this machine's disk (there is no room)") != std::string::npos) {
        EXPECT_FALSE(told) << line;
        told = true;
        ++full;
      } else if (line.find("can be put on this machine's disk again") != std::string::npos) {
        EXPECT_TRUE(told) << line;
        told = false;
        ++again;
      } else if (line.find("history answers again") != std::string::npos) {
        told = false;
      }
    }
  }
  EXPECT_GT(full, 0);
  EXPECT_GT(again, 0);
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
