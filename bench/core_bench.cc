// bench/core_bench.cc: what scheduling costs with many jobs (speed-limits.md §4).
//
//   due/N     one firing of N jobs: taken from the due queue, next instant computed, put back. Virtual seconds tick; 40
//   % of
//             the jobs fire each minute, 30 % every five, 20 % each hour, 10 % each day, phases spread. CPU time.
//   ready/N   N job documents decoded, compiled and given to a scheduler, up to its first wake-up.
//   firing    the scheduler's whole work for one firing: claim, start, end, record, removal, with their transactions.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>

#include "base/rng.h"
#include "core/scheduler.h"
#include "domain/job_json.h"

namespace cronfleet::core {
namespace {

class NoZones final : public cron::ZoneSource {
 public:
  cron::ZonePtr find(std::string_view) const override { return nullptr; }
  std::vector<std::string> names() const override { return {}; }
  std::string version() const override { return "none"; }
};

std::string expression(Rng& rng) {
  const std::uint64_t kind = rng.below(10), second = rng.below(60), minute = rng.below(60);
  if (kind < 4) return fmt::format("{} * * * * *", second);
  if (kind < 7) return fmt::format("{} {}-59/5 * * * *", second, minute % 5);
  if (kind < 9) return fmt::format("{} {} * * * *", second, minute);
  return fmt::format("{} {} {} * * *", second, minute, rng.below(24));
}

std::vector<domain::CompiledJob> compiled_jobs(std::size_t count) {
  Rng rng(1);
  std::vector<domain::CompiledJob> jobs;
  jobs.reserve(count);
  const NoZones zones;
  for (std::size_t i = 0; i < count; ++i) {
    auto job = std::make_shared<domain::Job>();
    job->name = JobName(fmt::format("job-{}", i));
    job->schedule = expression(rng);
    job->command = std::string("true");
    jobs.push_back(domain::compile(std::move(job), zones).value());
  }
  return jobs;
}

// CPU time of this thread: what others do on the machine does not count.
double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void due(benchmark::State& state) {
  const std::vector<domain::CompiledJob> jobs = compiled_jobs(static_cast<std::size_t>(state.range(0)));
  DueQueue queue;
  WallTime now = from_seconds(1'772'323'200);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    queue.put(static_cast<DueQueue::Index>(i), *domain::next_firing(jobs[i], now));
  std::vector<DueQueue::Index> popped;
  std::vector<WallTime> next;
  std::vector<double> ticks;
  double in_next = 0;
  std::size_t firings = 0;
  const auto tick = [&] {
    now += std::chrono::seconds(1);
    popped.clear();
    queue.pop(now, popped);
    next.resize(popped.size());
    const double before = cpu_seconds();
    for (std::size_t i = 0; i < popped.size(); ++i) {  // as the scheduler walks them
      if (i + 16 < popped.size()) {
        const auto* ahead = reinterpret_cast<const char*>(&jobs[popped[i + 16]]);
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + 64);
        __builtin_prefetch(ahead + sizeof(jobs[0]) - 1);
      }
      next[i] = *domain::next_firing(jobs[popped[i]], now);
    }
    in_next += cpu_seconds() - before;
    for (std::size_t i = 0; i < popped.size(); ++i) {
      if (i + 16 < popped.size()) queue.prefetch(popped[i + 16]);
      queue.put(popped[i], next[i]);
    }
    benchmark::DoNotOptimize(queue.next());
    return popped.size();
  };
  for (int i = 0; i < 120; ++i) tick();  // past the first fill of every bucket
  in_next = 0;
  for (auto _ : state) {
    const double start = cpu_seconds();
    firings += tick();
    ticks.push_back(cpu_seconds() - start);
  }
  std::sort(ticks.begin(), ticks.end());
  double sum = 0;
  for (const double t : ticks) sum += t;
  state.counters["ns_per_firing"] = 1e9 * sum / static_cast<double>(std::max<std::size_t>(firings, 1));
  state.counters["ns_of_next_alone"] = 1e9 * in_next / static_cast<double>(std::max<std::size_t>(firings, 1));
  state.counters["tick_ms_p50"] = 1e3 * ticks[ticks.size() / 2];
  state.counters["tick_ms_max"] = 1e3 * ticks.back();
  state.counters["index_bytes_per_job"] = static_cast<double>(queue.bytes()) / static_cast<double>(jobs.size());
  state.counters["due_per_tick"] = static_cast<double>(firings) / static_cast<double>(ticks.size());
}
BENCHMARK(due)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Iterations(300)->Unit(benchmark::kMillisecond);

struct Node {
  Rng rng{2};
  RngTokens tokens{rng.fork("tokens")};
  Keys keys;
  Scheduler scheduler{NodeId("node"), keys, SchedulerOptions{.capacity = 1'000'000}, tokens};
  Now now{from_seconds(1'772'323'200), MonoTime(std::chrono::hours(1))};
  Effects effects;

  void step(const Event& event) { scheduler.step(event, now, effects); }
  void open() {
    step(SessionOpened{Incarnation("0123"), keys.hold(NodeId("node"), Incarnation("0123"))});
    step(LeasesExtended{now.mono + std::chrono::hours(1), now.mono + std::chrono::hours(1)});
    step(CaughtUp{});
    answer_reads();
  }
  // What many jobs are due comes in several steps.
  bool wants_to_wake() {
    bool wants = false;
    for (const Effect& effect : std::exchange(effects, {})) {
      if (const auto* wake = std::get_if<WakeAt>(&effect)) wants = wake->wall <= now.wall;
    }
    return wants;
  }
  void answer_reads() {
    Effects open = std::exchange(effects, {});
    for (Effect& effect : open) {
      if (const auto* read = std::get_if<Read>(&effect)) step(ReadAnswered{read->ticket, true, 1, {}});
    }
  }
};

std::string document(Rng& rng, std::size_t index, WallTime since) {
  domain::Job job;
  job.name = JobName(fmt::format("job-{}", index));
  job.schedule = expression(rng);
  job.command = std::string("true");
  job.overlap.mode = domain::Overlap::Mode::Allow;
  job.since = since;
  job.stamp = domain::stamp_of(job);
  return domain::encode_job(job);
}

void ready(benchmark::State& state) {
  Rng rng(3);
  std::vector<std::string> documents;
  Node probe;
  for (std::int64_t i = 0; i < state.range(0); ++i)
    documents.push_back(document(rng, static_cast<std::size_t>(i), probe.now.wall));
  const NoZones zones;
  for (auto _ : state) {
    Node node;
    Revision revision = 0;
    for (const std::string& text : documents) {
      auto job = domain::decode_job(text);
      const JobName name = job->name;
      auto compiled = domain::compile(std::make_shared<const domain::Job>(std::move(*job)), zones);
      node.step(JobSeen{name, ++revision, std::make_shared<const domain::CompiledJob>(std::move(*compiled)), {}});
    }
    node.open();
    while (node.wants_to_wake()) node.step(Woke{});
    benchmark::DoNotOptimize(node.scheduler.accepting());
  }
  state.counters["us_per_job"] =
      benchmark::Counter(static_cast<double>(state.range(0)) * static_cast<double>(state.iterations()) * 1e-6,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(ready)->Arg(50'000)->Arg(100'000)->Unit(benchmark::kMillisecond);

// Every effect is answered at once and well, so that only the scheduler's own work is counted.
void firing(benchmark::State& state) {
  Node node;
  Rng rng(4);
  const NoZones zones;
  Revision revision = 0;
  for (std::size_t i = 0; i < 1'000; ++i) {
    auto job = domain::decode_job(document(rng, i, node.now.wall));
    const JobName name = job->name;
    auto compiled = domain::compile(std::make_shared<const domain::Job>(std::move(*job)), zones);
    node.step(JobSeen{name, ++revision, std::make_shared<const domain::CompiledJob>(std::move(*compiled)), {}});
  }
  node.open();
  std::size_t runs = 0;
  for (auto _ : state) {
    node.now.wall += std::chrono::seconds(1);
    node.now.mono += std::chrono::seconds(1);
    node.step(LeasesExtended{node.now.mono + std::chrono::hours(1), node.now.mono + std::chrono::hours(1)});
    node.step(Woke{});
    while (!node.effects.empty()) {
      const Effects effects = std::exchange(node.effects, {});
      for (const Effect& effect : effects) {
        if (const auto* commit = std::get_if<Commit>(&effect)) {
          node.step(CommitAnswered{commit->ticket, Outcome::Committed, ++revision, {}, node.now.mono});
        } else if (const auto* read = std::get_if<Read>(&effect)) {
          node.step(ReadAnswered{read->ticket, true, revision, {}});
        } else if (const auto* start = std::get_if<Start>(&effect)) {
          ++runs;
          node.step(RunStarted{start->run, node.now.wall});
          domain::RunEnd end;
          end.status = domain::RunStatus::Succeeded;
          node.step(RunEnded{start->run, end, {}});
        } else if (const auto* record = std::get_if<Record>(&effect)) {
          node.step(RunRecorded{record->record.id, false, {}, true});
        }
      }
    }
  }
  state.counters["us_per_run"] =
      benchmark::Counter(static_cast<double>(runs) * 1e-6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["runs"] = static_cast<double>(runs);
}
BENCHMARK(firing)->Iterations(2'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cronfleet::core

BENCHMARK_MAIN();
