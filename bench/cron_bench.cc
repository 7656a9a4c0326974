// How long a parse and a next() take: 25 expressions (18 of five fields, 3 with seconds, 3 with L, 5L and 2#3, 1 with a
// year). Chain: each firing asks for the next, begun again after 2040. Random: 4096 instants of ten years. Medians of
// seven repetitions of CPU time; the summary gives geometric means over the five-field ones and over all, and the
// worst.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "cron/parse.h"
#include "tz/zone_database.h"

namespace cronfleet {
namespace {

constexpr std::size_t kFiveFields = 18;
constexpr std::array<const char*, 25> kExpressions{
    "* * * * *",      "*/5 * * * *", "*/15 * * * *",   "0 * * * *",      "30 * * * *",
    "0 0 * * *",      "30 2 * * *",  "0 9-17 * * *",   "0 9 * * 1-5",    "*/10 9-17 * * MON-FRI",
    "0 0 * * 0",      "0 0 1 * *",   "15 10 15 * *",   "0 12 1,15 * *",  "0 0 13 * 5",
    "0 0 1 1 *",      "0 0 29 2 *",  "0 22 * 1-6 1-5", "*/10 * * * * *", "0 */5 * * * *",
    "30 15 10 * * *", "0 0 L * *",   "0 0 * * 5L",     "0 0 * * 2#3",    "0 0 0 1 1 * 2025-2099"};

const WallTime kBegin = parse_rfc3339("2026-01-01T00:00:00Z").value();
const WallTime kEnd = parse_rfc3339("2041-01-01T00:00:00Z").value();

const cron::ZonePtr& zone_named(const std::string& name) {
  static const auto database = tz::ZoneDatabase::open().value();
  static std::map<std::string, cron::ZonePtr> zones;
  return zones.try_emplace(name, database->find(name)).first->second;
}

void chain(benchmark::State& state, const char* expression, const char* zone_name) {
  const cron::Schedule schedule = cron::parse(expression)->schedule;
  const cron::Zone& zone = *zone_named(zone_name);
  WallTime at = kBegin;
  for (auto _ : state) {
    const auto next = cron::next(schedule, zone, at);
    at = next && *next < kEnd ? *next : kBegin;
    benchmark::DoNotOptimize(at);
  }
}

void random(benchmark::State& state, const char* expression, const char* zone_name) {
  const cron::Schedule schedule = cron::parse(expression)->schedule;
  const cron::Zone& zone = *zone_named(zone_name);
  Rng rng(1);
  std::vector<WallTime> starts;
  for (int i = 0; i < 4096; ++i) starts.push_back(kBegin + std::chrono::seconds(rng.below(10ull * 365 * 86400)));
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(cron::next(schedule, zone, starts[i++ & 4095]));
}

void parse(benchmark::State& state, const char* expression) {
  std::string text = expression;
  for (auto _ : state) {
    benchmark::DoNotOptimize(text.data());
    auto parsed = cron::parse(text);
    benchmark::DoNotOptimize(parsed);
  }
}

// 4096 jobs of all expressions, asked in random order: nothing stays predicted.
void mixed(benchmark::State& state, const char* zone_name) {
  const cron::Zone& zone = *zone_named(zone_name);
  Rng rng(2);
  std::vector<std::pair<cron::Schedule, WallTime>> jobs;
  for (int i = 0; i < 4096; ++i) {
    jobs.emplace_back(cron::parse(kExpressions[rng.below(kExpressions.size())])->schedule,
                      kBegin + std::chrono::seconds(rng.below(10ull * 365 * 86400)));
  }
  std::size_t i = 0;
  for (auto _ : state) {
    const auto& [schedule, at] = jobs[i++ & 4095];
    benchmark::DoNotOptimize(cron::next(schedule, zone, at));
  }
}

// Prints as the console reporter does, and keeps the medians for the summary.
class Summary : public benchmark::ConsoleReporter {
 public:
  Summary() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> medians;
    for (const Run& run : runs) {
      if (run.aggregate_name != "median") continue;
      medians.push_back(run);
      const std::string name = run.run_name.function_name;
      nanoseconds_[name.substr(0, name.find(':'))].push_back(run.GetAdjustedCPUTime());
    }
    ConsoleReporter::ReportRuns(medians);
  }

  void Finalize() override {
    ConsoleReporter::Finalize();
    std::cout << "\nns per call               five-field mean   mean of all   worst\n";
    for (const auto& [name, values] : nanoseconds_) {
      const std::vector<double> five(values.begin(), values.begin() + std::min(values.size(), kFiveFields));
      std::cout << fmt::format("{:<25} {:>15.1f}   {:>11.1f}   {:>5.1f}\n", name, mean(five), mean(values),
                               *std::max_element(values.begin(), values.end()));
    }
    std::cout << "bytes of a schedule       " << sizeof(cron::Schedule) << "\n";
  }

 private:
  static double mean(const std::vector<double>& values) {
    double logs = 0;
    for (const double value : values) logs += std::log(value);
    return std::exp(logs / static_cast<double>(values.size()));
  }

  std::map<std::string, std::vector<double>> nanoseconds_;
};

template <typename Body>
void add(const std::string& group, const std::string& what, Body body) {
  benchmark::RegisterBenchmark((group + ": " + what).c_str(), body)->MinTime(0.002)->Repetitions(7);
}

}  // namespace
}  // namespace cronfleet

int main(int argc, char** argv) {
  using namespace cronfleet;
  for (const char* const zone : {"UTC", "America/New_York"}) {
    for (const char* const text : kExpressions)
      add(fmt::format("chain {}", zone), text, [=](benchmark::State& state) { chain(state, text, zone); });
    for (const char* const text : kExpressions)
      add(fmt::format("random {}", zone), text, [=](benchmark::State& state) { random(state, text, zone); });
    add(fmt::format("mixed {}", zone), "4096 jobs", [=](benchmark::State& state) { mixed(state, zone); });
  }
  for (const char* const text : kExpressions) add("parse", text, [=](benchmark::State& state) { parse(state, text); });
  benchmark::Initialize(&argc, argv);
  Summary summary;
  benchmark::RunSpecifiedBenchmarks(&summary);
  return 0;
}
