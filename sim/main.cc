// cronfleet-sim: runs simulated fleets and judges them.
//
//   cronfleet-sim --seed 8731 --hours 48                 one seed, all faults
//   cronfleet-sim --seeds 1000 --faults crash,cut        many, from --seed on
//   cronfleet-sim --seed 8731 --trace                    says everything that happened
//   cronfleet-sim --seed 8731 --shrink                   leaves out what a failure does not need, then says it
//   cronfleet-sim --seed 8731 --shrink --keep new.plan   and writes it down, for sim/kept/
//   cronfleet-sim --plan new.plan --seeds 10             what was kept, its chance drawn from ten seeds
//
// Prints one line per seed with its trace hash: the same seed, options and commit give the same hash. Ends with 1 when
// a seed fails.
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "sim/plan_text.h"
#include "sim/shrink.h"
#include "sim/simulation.h"

int main(int argc, char** argv) {
  using namespace cronfleet::sim;
  CLI::App app{"Simulated fleets under faults, judged by the invariants of docs/architecture.md."};
  std::uint64_t seed = 1, seeds = 1;
  double hours = 1.0 / 3, fault_every = 30, action_every = 20;
  std::size_t nodes = 1, jobs = 12;
  std::int64_t latency_ms = 0;
  std::string faults = "all", kept, keep, caught_by;
  std::vector<std::string> rules_off;
  bool trace = false, shrinks = false, quiet = false;
  app.add_option("--seed", seed, "the first seed");
  app.add_option("--seeds", seeds, "how many");
  app.add_option("--hours", hours, "virtual time with actions and faults");
  app.add_option("--nodes", nodes, "workers; 0: one to four, by seed");
  app.add_option("--jobs", jobs, "jobs");
  app.add_option("--fault-every", fault_every, "mean seconds between faults");
  app.add_option("--latency", latency_ms, "ms each way to the store, usually; 0: 0.1 to 0.6");
  app.add_option("--action-every", action_every, "mean seconds between what the client does");
  app.add_option(
      "--faults", faults, "names with commas between, all or none: " + [] {
        std::string names;
        for (const std::string& name : fault_names()) names += name + " ";
        return names;
      }());
  app.add_option("--without", rules_off, "rules switched off: " + rule_names());
  app.add_option("--plan", kept, "runs this plan; seeds count from its own");
  app.add_option("--keep", keep, "writes a plan that failed, shrunk with --shrink, to this file, and ends");
  app.add_option("--caught-by", caught_by, "shrinks what this invariant sees; else the first one");
  app.add_flag("--trace", trace, "say everything that happens");
  app.add_flag("--shrink", shrinks, "shrink a failing seed and say what is left of it");
  app.add_flag("--quiet", quiet, "only failures and the sum");
  CLI11_PARSE(app, argc, argv);

  std::optional<Plan> of_file;
  if (!kept.empty()) {
    std::ifstream file(kept);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto plan = decode_plan(text);
    if (!file || !plan || plan->jobs.empty()) {
      std::fprintf(stderr, "%s: %s\n", kept.c_str(), plan ? "no plan" : plan.error().text().c_str());
      return 2;
    }
    of_file = std::move(*plan);
    seed = of_file->seed;
  }

  std::uint64_t firings = 0, failed = 0, injected = 0;
  const auto began = std::chrono::steady_clock::now();
  for (std::uint64_t s = seed; s < seed + seeds; ++s) {
    Profile profile;
    profile.nodes = nodes == 0 ? 1 + s % 4 : nodes;
    profile.jobs = jobs;
    profile.fault_every = std::chrono::milliseconds(static_cast<std::int64_t>(fault_every * 1000));
    profile.action_every = std::chrono::milliseconds(static_cast<std::int64_t>(action_every * 1000));
    profile.active = std::chrono::milliseconds(static_cast<std::int64_t>(hours * 3'600'000));
    std::istringstream names(faults == "none" ? "" : faults);
    for (std::string name; std::getline(names, name, ',');) profile.faults.insert(name);
    for (const std::string& rule : rules_off) {
      if (!switch_off(profile.rules, rule)) {
        std::fprintf(stderr, "unknown rule '%s'; known: %s\n", rule.c_str(), rule_names().c_str());
        return 2;
      }
    }
    Plan plan = of_file ? *of_file : make_plan(s, profile);
    plan.seed = s;
    plan.rules = profile.rules;
    if (latency_ms > 0) {
      plan.store.latency_least = std::chrono::milliseconds(latency_ms) / 2;
      plan.store.latency_usual = plan.store.latency_most = std::chrono::milliseconds(latency_ms);
    }
    Verdict verdict = simulate(plan, trace && !shrinks ? Trace::Full : Trace::None);
    firings += verdict.firings;
    injected += verdict.faults;
    for (const std::string& line : verdict.trace) std::printf("%s\n", line.c_str());
    const bool fails = !verdict.violations.empty();
    failed += fails ? 1 : 0;
    if (!quiet || fails) {
      std::printf("seed %llu: %s, %llu firings, %llu runs, %llu faults, trace %016llx, commit %s\n",
                  static_cast<unsigned long long>(s), fails ? "FAILED" : "ok",
                  static_cast<unsigned long long>(verdict.firings), static_cast<unsigned long long>(verdict.execs),
                  static_cast<unsigned long long>(verdict.faults), static_cast<unsigned long long>(verdict.trace_hash),
                  CRONFLEET_COMMIT);
    }
    if (fails) std::printf("%s", summary(verdict.violations).c_str());
    std::fflush(stdout);
    if (fails && shrinks) {
      const Plan small = shrink(plan, caught_by.empty() ? verdict.violations.front().invariant : caught_by);
      Verdict again = simulate(small, Trace::Full);
      std::printf("shrunk to %zu jobs, %zu actions, %zu faults, %s:\n%s", small.jobs.size(), small.actions.size(),
                  small.faults.size(), cronfleet::to_text(small.active).c_str(), describe(small).c_str());
      for (const std::string& line : around(again, trace)) std::printf("%s\n", line.c_str());
      std::printf("%s", summary(again.violations).c_str());
      plan = small;
    }
    if (fails && !keep.empty()) {
      std::ofstream(keep) << encode_plan(plan, "what it found");
      std::printf("kept in %s\n", keep.c_str());
      break;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%llu seeds, %llu failed, %llu firings, %llu faults, %.1f s\n", static_cast<unsigned long long>(seeds),
              static_cast<unsigned long long>(failed), static_cast<unsigned long long>(firings),
              static_cast<unsigned long long>(injected), took.count());
  return failed > 0 ? 1 : 0;
}
