#include "sim/plan.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace cronfleet::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 10> kActionNames = {"create", "edit",      "reschedule",  "disable", "enable",
                                                           "delete", "hand-edit", "hand-delete", "run-now", "kill"};
constexpr std::array<std::string_view, 21> kFaultNames = {
    "crash",         "machine-crash", "disk-lost",   "freeze",       "machine-freeze", "cut",   "store-down",
    "leader-change", "store-full",    "compact",     "history-down", "disk-full",      "clock", "drain",
    "relabel",       "cut-requests",  "cut-answers", "slow-link",    "store-restart",  "drift", "store-restored"};
constexpr std::array<const char*, 9> kPoints = {"claim",         "end",         "removed",
                                                "before-exec",   "after-exec",  "after-exit",
                                                "after-journal", "record-sent", "record-stored"};
constexpr std::array<const char*, 9> kSchedules = {"* * * * * *",    "*/2 * * * * *",  "*/5 * * * * *",
                                                   "*/10 * * * * *", "0,30 * * * * *", "0 * * * * *",
                                                   "7 */2 * * * *",  "@every 3s",      "@every 7s"};

constexpr std::int64_t kKindsTogether = 20;

template <typename T, std::size_t N>
T any(const std::array<T, N>& of, Rng& rng) {
  return of[rng.below(N)];
}
milliseconds between(Rng& rng, std::int64_t least, std::int64_t most) {
  return milliseconds(least + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most - least + 1))));
}
// Distances of events that come by chance, `mean` apart.
milliseconds wait(Rng& rng, milliseconds mean) {
  return milliseconds(1 + static_cast<std::int64_t>(-std::log(1 - rng.unit()) * static_cast<double>(mean.count())));
}

JobPlan draw_job(std::size_t index, Rng& rng) {
  JobPlan plan;
  domain::Job& job = plan.job;
  job.name = JobName("j" + std::to_string(index));
  job.schedule = any(kSchedules, rng);
  switch (rng.below(6)) {
    case 0: job.overlap.mode = domain::Overlap::Mode::Allow; break;
    case 1: job.overlap.mode = domain::Overlap::Mode::Replace; break;
    case 2: job.overlap = {domain::Overlap::Mode::Queue, static_cast<std::int16_t>(1 + rng.below(5))}; break;
    default: break;
  }
  switch (rng.below(4)) {
    case 0: job.misfire.mode = domain::Misfire::Mode::Skip; break;
    case 1: job.misfire = {domain::Misfire::Mode::RunAll, static_cast<std::int16_t>(1 + rng.below(20))}; break;
    default: break;
  }
  if (rng.chance(0.25)) {
    job.retry = {
        .count = 1 + static_cast<int>(rng.below(3)), .delay = between(rng, 0, 4'000), .factor = 2.0, .exit_codes = {}};
    plan.probe.fail_percent = 30;
  }
  if (rng.chance(0.2)) job.delivery = {domain::Delivery::Mode::AtLeastOnce, 3};
  if (rng.chance(0.3)) job.timing.edit().start_deadline = between(rng, 1'000, 5'000);
  if (rng.chance(0.2)) job.timing.edit().jitter = between(rng, 1, 3'000);
  if (rng.chance(0.2)) job.timing.edit().catch_up_window = between(rng, 5'000, 60'000);
  if (rng.chance(0.2)) job.timing.edit().timeout = between(rng, 200, 3'000);
  job.timing.edit().kill_grace = between(rng, 100, 2'000);
  plan.probe.duration = rng.chance(0.75) ? between(rng, 2, 300) : between(rng, 500, 12'000);
  plan.probe.term_delay = between(rng, 1, 200);
  plan.probe.stubborn = rng.chance(0.1);
  return plan;
}

// Some jobs are for one zone, for a machine, or for nobody.
void draw_where(domain::Job& job, Rng& rng) {
  switch (rng.below(12)) {
    case 0: job.where = {{"zone", {{"a"}}}}; return;
    case 1: job.where = {{"zone", {{"a"}, true}}}; return;
    case 2: job.where = {{"zone", {{"a", "b"}}}}; return;
    case 3: job.where = {{"node", {{"n1", "n2"}}}}; break;
    case 4: job.where = {{"zone", {{"c"}}}}; break;
    default: return;
  }
  job.timing.edit().catch_up_window = between(rng, 5'000, 60'000);  // a machine that lost its disk is another one
}

Action::Kind draw_action(Rng& rng) {
  using Kind = Action::Kind;
  constexpr std::array<Kind, 20> kMix = {
      Kind::Edit,     Kind::Edit,       Kind::Edit,   Kind::Reschedule, Kind::Reschedule, Kind::Disable, Kind::Disable,
      Kind::Enable,   Kind::Enable,     Kind::Enable, Kind::Delete,     Kind::Create,     Kind::Create,  Kind::HandEdit,
      Kind::HandEdit, Kind::HandDelete, Kind::RunNow, Kind::RunNow,     Kind::RunNow,     Kind::Kill};
  return any(kMix, rng);
}

Fault draw_fault(Fault::Kind kind, Rng& rng) {
  using Kind = Fault::Kind;
  Fault fault;
  fault.kind = kind;
  const bool is_long = rng.chance(0.2);
  switch (kind) {
    case Kind::Crash:
      if (rng.chance(0.6)) fault.point = any(kPoints, rng);
      fault.length = is_long ? between(rng, 5'000, 90'000) : between(rng, 50, 3'000);
      break;
    case Kind::MachineCrash:
    case Kind::DiskLost: fault.length = is_long ? between(rng, 20'000, 90'000) : between(rng, 500, 20'000); break;
    case Kind::Freeze:
    case Kind::MachineFreeze: fault.length = is_long ? between(rng, 10'000, 120'000) : between(rng, 100, 10'000); break;
    case Kind::Cut:
    case Kind::CutRequests:
    case Kind::CutAnswers:
    case Kind::StoreRestart:
    case Kind::StoreDown:
    case Kind::HistoryDown: fault.length = is_long ? between(rng, 10'000, 90'000) : between(rng, 200, 10'000); break;
    case Kind::StoreFull:
    case Kind::DiskFull: fault.length = between(rng, 500, 20'000); break;
    case Kind::Drain:
    case Kind::Relabel: fault.length = between(rng, 500, 30'000); break;
    case Kind::LeaderChange:
    case Kind::Compact: break;
    case Kind::SlowLink:
      fault.length = between(rng, 1'000, 60'000);
      fault.step = between(rng, 20, 700);
      break;
    case Kind::ClockDrift:
      fault.length = between(rng, 10'000, 120'000);
      fault.step = milliseconds((rng.chance(0.5) ? 1 : -1) * static_cast<std::int64_t>(1 + rng.below(10)));
      break;
    case Kind::StoreRestored:
      fault.length = between(rng, 5'000, 40'000);
      fault.step = between(rng, 3'000, 60'000);
      break;
    case Kind::ClockStep: {
      constexpr std::array<std::int64_t, 6> kSteps = {200, 900, 5'000, 60'000, 600'000, 3'600'000};
      fault.step = milliseconds((rng.chance(0.5) ? 1 : -1) * any(kSteps, rng));
      fault.length = between(rng, 1'000, 60'000);
      break;
    }
  }
  return fault;
}

// The backup is of a time when all jobs were there, and nothing that a client was told is in what is lost: what the
// fleet owes is then the same in both pasts.
void keep_clients_out(Fault& restored, Plan& plan) {
  restored.step = std::min(restored.step, restored.at - seconds(6));
  const milliseconds from = restored.at - restored.step - seconds(10), to = restored.at + restored.length + seconds(30);
  std::erase_if(plan.actions, [&](const Action& action) {
    return action.at >= std::max(from, milliseconds(5'000)) && action.at <= to;
  });
}

}  // namespace

std::string_view to_string(Action::Kind kind) { return kActionNames[static_cast<std::size_t>(kind)]; }
std::string_view to_string(Fault::Kind kind) { return kFaultNames[static_cast<std::size_t>(kind)]; }

std::vector<std::string> fault_names() {
  std::vector<std::string> names(kFaultNames.begin(), kFaultNames.end());
  names.insert(names.end(), {"store", "history", "spawn"});
  return names;
}

Plan make_plan(std::uint64_t seed, const Profile& profile) {
  Rng rng(seed);
  Rng jobs = rng.fork("jobs"), actions = rng.fork("actions"), faults = rng.fork("faults"), rest = rng.fork("rest");
  Rng where = rng.fork("where");
  Plan plan;
  plan.seed = seed;
  plan.nodes = profile.nodes;
  plan.active = profile.active;
  plan.rules = profile.rules;
  // No default hides behind its length: what waits for minutes outside waits for seconds here in most seeds.
  plan.scheduler.lost_after = between(rest, 5'000, 60'000);
  // Nor behind its size: nearly every record takes the way over the shelf.
  Rng held = Rng(seed).fork("held");
  plan.held.records = held.below(4);
  plan.held.output_bytes = held.below(2) * 200;
  const auto chosen = [&](std::string_view name) {
    const bool among_all = profile.faults.count("all") != 0 && name != to_string(Fault::Kind::StoreRestored);
    return among_all || profile.faults.count(std::string(name)) != 0;
  };

  for (std::size_t i = 0; i < profile.jobs; ++i) {
    plan.jobs.push_back(draw_job(i, jobs));
    if (profile.nodes > 1) draw_where(plan.jobs.back().job, where);
    plan.actions.push_back({Action::Kind::Create, between(actions, 0, 3'000), i, actions.next()});
  }
  if (profile.action_every.count() > 0) {
    for (milliseconds at = seconds(5); (at += wait(actions, profile.action_every)) < profile.active;)
      plan.actions.push_back({draw_action(actions), at, actions.below(profile.jobs), actions.next()});
  }

  // A fleet of fewer than three cannot tell which clock is wrong: steps are for seeds of their own.
  const bool all = profile.faults.count("all") != 0;
  const bool clocks = !all || faults.chance(0.2);
  // `fault_every` is the distance of any two faults, as long as no more kinds than kKindsTogether are there.
  const auto kinds = std::count_if(kFaultNames.begin(), kFaultNames.end(), chosen);
  const std::int64_t share = all ? kKindsTogether : static_cast<std::int64_t>(kinds);
  for (std::size_t i = 0; i < kFaultNames.size(); ++i) {
    const auto kind = static_cast<Fault::Kind>(i);
    Rng stream = Rng(seed).fork(fmt::format("fault {}", kFaultNames[i]));
    if (!chosen(kFaultNames[i])) continue;
    if (!clocks && (kind == Fault::Kind::ClockStep || kind == Fault::Kind::ClockDrift)) continue;
    for (milliseconds at = seconds(10); (at += wait(stream, profile.fault_every * share)) < profile.active;) {
      Fault fault = draw_fault(kind, stream);
      fault.at = at;
      fault.node = stream.below(profile.nodes);
      plan.faults.push_back(std::move(fault));
    }
  }
  // What is spooled a lost disk takes along, which rule 29 gives up; elsewhere the spool is used in every second seed.
  const bool disks_last =
      std::ranges::none_of(plan.faults, [](const Fault& f) { return f.kind == Fault::Kind::DiskLost; });
  Rng spooled = Rng(seed).fork("spooled");
  if (disks_last && spooled.below(2) == 0) plan.held.keys = spooled.below(6);
  for (Fault& fault : plan.faults) {
    if (fault.kind == Fault::Kind::StoreRestored) keep_clients_out(fault, plan);
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
  if (chosen("store")) {
    plan.store.lost = plan.store.answer_lost = plan.store.late = 0.01;
    plan.store.watch_broken = 0.002;
    plan.store.slow = 0.05;
  }
  if (chosen("history")) plan.history.unavailable = plan.history.unknown = 0.02;
  if (chosen("spawn")) plan.machine.spawn_failure = plan.machine.overload = 0.01;
  return plan;
}

}  // namespace cronfleet::sim
