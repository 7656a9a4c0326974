// What the run history in MongoDB costs a worker, and what batches gain over one acknowledged insert per run.
//
//   build/release/bench/history_mongo_bench
//
// Both on one server, started here with its data on the disk of TMPDIR: the mongod that CRONFLEET_TEST_MONGOD names or
// that is on PATH, else FerretDB, whose own cost per document then hides most of the gain. `server_us` is the server's
// CPU.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <time.h>

#include <memory>

#include "history/history_writer.h"
#include "history/mongo/mongo_run_history.h"
#include "tests/conformance/run_samples.h"
#include "tests/services/mongo_server.h"
#include "tests/services/turned_loop.h"

namespace cronfleet {
namespace {

double cpu_seconds() {
  rusage usage{};
  CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
double wall_seconds() {
  timespec now{};
  CHECK(::clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

struct World {
  World() {
    history::MongoOptions options;
    options.uri = server.uri();
    options.retention = {std::chrono::hours(0), 0};
    auto opened = history::MongoRunHistory::open(std::move(options), loop, loop.clock());
    CHECK(opened.has_value());
    history = std::move(*opened);
    CHECK(loop.run_until([&] { return history->status().indexes_ready; }));
  }
  domain::RunRecord next() {
    auto record = testing::record_of(testing::run_id("job-" + std::to_string(number % 100), number));
    ++number;
    record.output = "one line of output\n";
    record.end.output_bytes = record.output.size();
    return record;
  }
  testing::MongoServer server{{.place = testing::TemporaryFolder::Place::Disk}};
  testing::TurnedLoop loop;
  std::unique_ptr<history::MongoRunHistory> history;
  std::int64_t number = 0;
};

// Counts from its making to the end of the benchmark.
class Cost {
 public:
  explicit Cost(World& world) : world_(world), server_(world.server.cpu()) {}
  void report(benchmark::State& state, std::size_t records) const {
    const double wall = wall_seconds() - wall_, cpu = cpu_seconds() - cpu_;
    const auto count = static_cast<double>(records);
    state.counters["records_per_s"] = count / wall;
    state.counters["worker_us"] = cpu / count * 1e6;
    state.counters["server_us"] = static_cast<double>((world_.server.cpu() - server_).count()) / count;
  }

 private:
  World& world_;
  const double wall_ = wall_seconds(), cpu_ = cpu_seconds();
  const std::chrono::microseconds server_;
};

void BM_OneInsertPerRun(benchmark::State& state) {
  constexpr std::size_t kRecords = 2'000;
  World world;
  for (auto _ : state) {
    const Cost cost(world);
    for (std::size_t i = 0; i < kRecords; ++i) {
      bool answered = false;
      world.history->insert({world.next()}, [&](auto answers) {
        CHECK(answers && answers->at(0).outcome == history::Inserted::Outcome::Stored);
        answered = true;
      });
      CHECK(world.loop.run_until([&] { return answered; }));
    }
    cost.report(state, kRecords);
  }
}
BENCHMARK(BM_OneInsertPerRun)->Iterations(1)->Unit(benchmark::kMillisecond);

void BM_HistoryWriter(benchmark::State& state) {
  constexpr std::size_t kRecords = 20'000;
  World world;
  history::HistoryOptions options;
  options.batch_records = static_cast<std::size_t>(state.range(0));
  history::HistoryWriter writer(*world.history, world.loop, world.loop.clock(), Rng(1), options);
  for (auto _ : state) {
    const Cost cost(world);
    std::size_t stored = 0;
    for (std::size_t i = 0; i < kRecords; ++i)
      writer.record(world.next(), [&](history::Inserted answer) {
        CHECK(answer.outcome == history::Inserted::Outcome::Stored);
        ++stored;
      });
    CHECK(world.loop.run_until([&] { return stored == kRecords; }, std::chrono::minutes(5)));
    cost.report(state, kRecords);
  }
}
BENCHMARK(BM_HistoryWriter)->Arg(200)->Arg(1000)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cronfleet

int main(int count, char** arguments) {
  if (cronfleet::testing::MongoProgram::find().path.empty()) {
    std::fprintf(stderr, "%s\n", cronfleet::testing::MongoProgram::find().missing.c_str());
    return 0;
  }
  std::printf("server: %s\n", cronfleet::testing::MongoProgram::find().path.c_str());
  benchmark::Initialize(&count, arguments);
  benchmark::RunSpecifiedBenchmarks();
}
