// sim/plan.h: everything that a simulation is going to do, as lists drawn from one seed before it begins.
//
// A plan can be run again, and run with parts of it left out: that is how a failing seed is shrunk (shrink.h), and what
// is left of it is kept as text (plan_text.h). Each kind of fault is drawn from a stream of its own, so that another
// kind changes nothing of what is drawn for those before it.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/scheduler.h"
#include "domain/job.h"
#include "runtime/housekeeping.h"
#include "sim/evidence.h"
#include "sim/sim_executor.h"
#include "sim/sim_history.h"
#include "sim/sim_store.h"

namespace cronfleet::sim {

struct JobPlan {
  domain::Job job;  // with its policies; the command comes from `probe`
  Probe probe;
};

// What a client does to one job.
struct Action {
  enum class Kind { Create, Edit, Reschedule, Disable, Enable, Delete, HandEdit, HandDelete, RunNow, Kill };
  Kind kind = Kind::Edit;
  std::chrono::milliseconds at{0};  // after the beginning
  std::size_t job = 0;
  std::uint64_t chance = 0;  // decides the details
};

struct Fault {
  enum class Kind {
    Crash,          // the worker dies (at `point`, when it names one) and comes back after `length`
    MachineCrash,   // the machine does, and its disk survives
    DiskLost,       // and its disk does not: another node comes in its place
    Freeze,         // the worker stops; its runner goes on
    MachineFreeze,  // both stop
    Cut,            // no way to the store
    StoreDown,      // no leader
    LeaderChange,   // leases start anew
    StoreFull,
    Compact,  // superseded revisions are gone
    HistoryDown,
    DiskFull,
    ClockStep,      // the wall clock jumps by `step` and stays there
    Drain,          // an operator wants nothing claimed there
    Relabel,        // an operator puts the worker into the other zone
    CutRequests,    // half a partition: what the worker says does not arrive
    CutAnswers,     // the other half: what it says arrives, and it hears nothing
    SlowLink,       // to the store: up to `step` longer each way, one message in twenty lost
    StoreRestart,   // all members at once: no leader, every watch breaks, leases start anew
    ClockDrift,     // the wall clock goes wrong by `step` each second, and is set right at the end
    StoreRestored,  // set back to what it was `step` before; `length` later an operator says that this is meant
  };
  Kind kind = Kind::Crash;
  std::chrono::milliseconds at{0}, length{0};
  std::size_t node = 0;
  // "claim", "end", "removed", "before-exec", "after-exec", "after-exit", "after-journal", "record-sent",
  // "record-stored"
  std::string point;
  std::chrono::milliseconds step{0};
};
inline constexpr Fault::Kind kLastFault = Fault::Kind::StoreRestored;
std::string_view to_string(Action::Kind kind);
std::string_view to_string(Fault::Kind kind);

// What a worker holds in memory while the history has not taken it; further records go to the shelf, output with them.
struct Held {
  std::size_t records = 10'000;
  std::size_t keys = 100'000;          // of ended runs that wait in the store; further records are spooled
  std::size_t output_bytes = 1 << 20;  // while the history is away
};

struct Plan {
  std::uint64_t seed = 1;
  std::size_t nodes = 1;
  std::chrono::milliseconds active{std::chrono::minutes(20)};  // actions and faults lie in here
  std::chrono::milliseconds quiet{std::chrono::seconds(90)};   // faults are over, jobs go on
  std::vector<JobPlan> jobs;
  std::vector<Action> actions;
  std::vector<Fault> faults;
  SimFaults store;           // during `active`
  SimHistoryFaults history;  // likewise
  MachineOptions machine;
  core::SchedulerOptions scheduler;
  core::Rules rules;
  Held held;
  // Off as a rule: its own reads would change the course of every seed. Not part of a plan's text.
  runtime::HousekeepingOptions housekeeping{.look_every = std::chrono::milliseconds(0)};
};

// What a plan is drawn for.
struct Profile {
  std::size_t nodes = 1;
  std::chrono::milliseconds active{std::chrono::minutes(20)};
  std::size_t jobs = 12;
  std::chrono::milliseconds action_every{20'000};  // mean; 0: only the creation of the jobs
  std::chrono::milliseconds fault_every{30'000};   // mean
  // By name; "all" stands for all of them but store-restored, which forgets what clients were told; empty: none.
  std::set<std::string> faults;
  core::Rules rules;
};
// The names that Profile::faults may hold: those of Fault::Kind, "store" (unknown results, broken watches, slow
// answers), "history" (unknown results), "spawn" (refused and overloaded starts).
std::vector<std::string> fault_names();

Plan make_plan(std::uint64_t seed, const Profile& profile);

}  // namespace cronfleet::sim
