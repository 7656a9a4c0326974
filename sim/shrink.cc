#include "sim/shrink.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>

namespace cronfleet::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Switch {
  std::string_view name;
  bool core::Rules::* rule;
};
constexpr std::array<Switch, 26> kSwitches = {{
    {"raise_marker", &core::Rules::raise_marker},
    {"keep_marker", &core::Rules::keep_marker},
    {"conditional_on_marker", &core::Rules::conditional_on_marker},
    {"account_holds_range", &core::Rules::account_holds_range},
    {"require_stamp", &core::Rules::require_stamp},
    {"relist_running", &core::Rules::relist_running},
    {"respect_hold", &core::Rules::respect_hold},
    {"drop_on_new_incarnation", &core::Rules::drop_on_new_incarnation},
    {"sweep_before_claims", &core::Rules::sweep_before_claims},
    {"first_record_stands", &core::Rules::first_record_stands},
    {"consume_attempt", &core::Rules::consume_attempt},
    {"ask_history", &core::Rules::ask_history},
    {"keep_verdict", &core::Rules::keep_verdict},
    {"confirm_revision", &core::Rules::confirm_revision},
    {"check_deadline", &core::Rules::check_deadline},
    {"remove_own_lock_only", &core::Rules::remove_own_lock_only},
    {"fence_runs", &core::Rules::fence_runs},
    {"wait_safe_after", &core::Rules::wait_safe_after},
    {"compare_clocks", &core::Rules::compare_clocks},
    {"retry_at_instant", &core::Rules::retry_at_instant},
    {"read_back_unknown", &core::Rules::read_back_unknown},
    {"keep_spooled", &core::Rules::keep_spooled},
    {"stop_when_set_back", &core::Rules::stop_when_set_back},
    {"record_before_removal", &core::Rules::record_before_removal},
    {"report_deletions", &core::Rules::report_deletions},
    {"kill_descendants", &core::Rules::kill_descendants},
}};

class Shrinker {
 public:
  Shrinker(Plan plan, std::string invariant, int runs_max)
      : best_(std::move(plan)), invariant_(std::move(invariant)), runs_left_(runs_max) {}

  Plan shrink() {
    shorten();
    attempt([](Plan& plan) { plan.store = SimFaults{}; });
    attempt([](Plan& plan) { plan.history = SimHistoryFaults{}; });
    attempt([](Plan& plan) { plan.machine = MachineOptions{}; });
    thin(best_.faults, &Plan::faults);
    drop_jobs();
    thin(best_.actions, &Plan::actions);
    thin(best_.faults, &Plan::faults);
    attempt(without_idle_jobs);
    return best_;
  }

 private:
  bool fails(const Plan& plan) {
    if (runs_left_-- <= 0) return false;
    const Verdict verdict = simulate(plan);
    const auto hit = std::find_if(verdict.violations.begin(), verdict.violations.end(),
                                  [&](const Violation& v) { return v.invariant == invariant_; });
    if (hit == verdict.violations.end()) return false;
    failed_at_ = hit->at;
    return true;
  }
  bool attempt(const std::function<void(Plan&)>& change) {
    Plan candidate = best_;
    change(candidate);
    if (!fails(candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  void shorten() {
    if (!fails(best_)) return;
    const auto ends = std::chrono::ceil<milliseconds>(failed_at_ - from_seconds(1'767'225'600)) + seconds(5);
    if (ends < best_.active) attempt([&](Plan& plan) { plan.active = ends; });
    attempt([](Plan& plan) { plan.quiet = seconds(1); });
    attempt([](Plan& plan) {
      std::erase_if(plan.actions, [&](const Action& action) { return action.at > plan.active; });
      std::erase_if(plan.faults, [&](const Fault& fault) { return fault.at > plan.active; });
    });
  }

  // Leaves out halves, then quarters, and so on down to single ones.
  template <typename T>
  void thin(const std::vector<T>& list, std::vector<T> Plan::* member) {
    for (std::size_t size = std::max<std::size_t>(list.size() / 2, 1);; size /= 2) {
      for (std::size_t at = 0; at < (best_.*member).size() && runs_left_ > 0;) {
        const bool dropped = attempt([&](Plan& plan) {
          auto& items = plan.*member;
          items.erase(items.begin() + static_cast<std::ptrdiff_t>(at),
                      items.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, items.size())));
        });
        if (!dropped) at += size;
      }
      if (size <= 1) return;
    }
  }

  static void without_idle_jobs(Plan& plan) {
    std::vector<JobPlan> used;
    std::map<std::size_t, std::size_t> places;
    for (std::size_t job = 0; job < plan.jobs.size(); ++job) {
      const bool acts =
          std::any_of(plan.actions.begin(), plan.actions.end(), [job](const Action& a) { return a.job == job; });
      if (!acts) continue;
      places[job] = used.size();
      used.push_back(plan.jobs[job]);
    }
    plan.jobs = std::move(used);
    for (Action& action : plan.actions) action.job = places.at(action.job);
  }

  // A job leaves with its actions; the others keep their places.
  void drop_jobs() {
    for (std::size_t job = 0; job < best_.jobs.size(); ++job) {
      attempt([job](Plan& plan) { std::erase_if(plan.actions, [job](const Action& a) { return a.job == job; }); });
    }
  }

  Plan best_;
  const std::string invariant_;
  int runs_left_;
  WallTime failed_at_{};
};

}  // namespace

Plan shrink(const Plan& plan, const std::string& invariant, int runs_max) {
  return Shrinker(plan, invariant, runs_max).shrink();
}

std::string describe(const Plan& plan) {
  std::vector<std::pair<milliseconds, std::string>> lines;
  std::vector<bool> used(plan.jobs.size(), false);
  for (const Action& action : plan.actions) {
    used[action.job] = true;
    lines.emplace_back(action.at, fmt::format("{} {}", to_string(action.kind), plan.jobs[action.job].job.name));
  }
  for (const Fault& fault : plan.faults)
    lines.emplace_back(fault.at, fmt::format("{} n{} for {} {}", to_string(fault.kind), fault.node + 1,
                                             to_text(fault.length), fault.point));
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const domain::Job& job = plan.jobs[i].job;
    if (used[i])
      text += fmt::format("  job {}: {}, overlap {}, misfire {}, retry {}, at least once {}, {}\n", job.name,
                          job.schedule, static_cast<int>(job.overlap.mode), static_cast<int>(job.misfire.mode),
                          job.retry->count, job.delivery.attempts_max, probe_command(plan.jobs[i].probe));
  }
  for (const auto& [at, line] : lines) text += fmt::format("  +{} {}\n", to_text(at), line);
  return text;
}

std::vector<std::string> around(const Verdict& verdict, bool whole) {
  if (whole || verdict.violations.empty()) return verdict.trace;
  const Violation& first = verdict.violations.front();
  const auto clock = [](WallTime at) { return to_rfc3339_ms(at).substr(11, 12); };
  const std::string from = clock(first.at - seconds(40)), until = clock(first.at + seconds(20));
  const bool at_the_end = first.invariant == "I12" || first.invariant == "I8";  // then the time says nothing
  std::vector<std::string> lines;
  for (const std::string& line : verdict.trace) {
    const std::string at = line.substr(0, 12);
    const bool of_a_job = line.find("store ") != std::string::npos || line.find("TRUTH ") != std::string::npos;
    if (of_a_job && line.find(first.job.text()) == std::string::npos) continue;
    if (at_the_end || (at >= from && at <= until)) lines.push_back(line);
  }
  constexpr std::size_t kLinesMax = 120;
  if (lines.size() > kLinesMax) lines.erase(lines.begin(), lines.end() - kLinesMax);
  return lines;
}

std::string rule_names() {
  std::string names;
  for (const Switch& entry : kSwitches) names += std::string(entry.name) + " ";
  return names;
}

bool switch_off(core::Rules& rules, std::string_view name) {
  for (const Switch& entry : kSwitches) {
    if (entry.name != name) continue;
    rules.*entry.rule = false;
    return true;
  }
  return false;
}

}  // namespace cronfleet::sim
