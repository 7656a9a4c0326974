// What the run history in MongoDB costs a worker, and what batches gain over one acknowledged insert per run.
//
//   build/release/bench/history_mongo_bench
//
// Both on one server, started here with its data on the disk of TMPDIR: the mongod that CRONFLEET_TEST_MONGOD names or
// that is on PATH, else FerretDB, whose own cost per document then hides most of the gain. `server_us` is the server's
// CPU. BareBulk is the library behind it alone: bulks of documents that are made beforehand, on the same kind of
// server, one after the other. ServerAway: 500 records a second, each with 1 KB of output, for a minute
// (CRONFLEET_BENCH_SECONDS) with nobody there; what waits in memory, and what comes of it where whoever records asks
// has_room().
#include <benchmark/benchmark.h>
#include <mongoc/mongoc.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <vector>

#include "history/history_writer.h"
#include "history/mongo/document.h"
#include "history/mongo/mongo_run_history.h"
#include "history/mongo/record_codec.h"
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

void BM_BareBulk(benchmark::State& state) {
  constexpr std::size_t kRecords = 20'000;
  World world;
  const auto batch = static_cast<std::size_t>(state.range(0));
  std::vector<history::mongo::Document> documents;
  for (std::size_t i = 0; i < kRecords; ++i) documents.push_back(history::mongo::encode(world.next()));
  mongoc_client_t* client = mongoc_client_new(world.server.uri().c_str());
  mongoc_collection_t* collection = mongoc_client_get_collection(client, "cron", "log");  // with its indexes
  history::mongo::Document concern, options;
  concern.text("w", "majority").flag("j", true);
  options.flag("ordered", false).document("writeConcern", concern);
  for (auto _ : state) {
    const Cost cost(world);
    for (std::size_t first = 0; first < kRecords; first += batch) {
      mongoc_bulk_operation_t* bulk = mongoc_collection_create_bulk_operation_with_opts(collection, options.get());
      bson_error_t error;
      for (std::size_t i = first; i < first + batch; ++i)
        CHECK(mongoc_bulk_operation_insert_with_opts(bulk, documents[i].get(), nullptr, &error));
      bson_t reply;
      CHECK(mongoc_bulk_operation_execute(bulk, &reply, &error) != 0);
      bson_destroy(&reply);
      mongoc_bulk_operation_destroy(bulk);
    }
    cost.report(state, kRecords);
  }
  mongoc_collection_destroy(collection);
  mongoc_client_destroy(client);
}
BENCHMARK(BM_BareBulk)->Arg(200)->Arg(1000)->Iterations(1)->Unit(benchmark::kMillisecond);

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double all = 0, held = 0;
  statm >> all >> held;
  return held * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void BM_ServerAway(benchmark::State& state) {
  World world;
  world.server.kill();
  history::HistoryOptions options;
  if (state.range(0) > 0) options.record_bytes_max = static_cast<std::size_t>(state.range(0)) << 20;
  history::HistoryWriter writer(*world.history, world.loop, world.loop.clock(), Rng(1), options);
  const char* given = std::getenv("CRONFLEET_BENCH_SECONDS");
  const std::chrono::seconds length(given != nullptr ? std::atoi(given) : 60);
  const auto began = world.loop.clock().mono();
  const double before = resident_mib();
  double middle = before;
  std::int64_t offered = 0;
  for (auto _ : state) {
    for (auto now = began; now < began + length; now = world.loop.clock().mono()) {
      for (; offered < (now - began) / std::chrono::milliseconds(2); ++offered) {
        if (state.range(0) > 0 && !writer.has_room()) continue;
        auto record = world.next();
        record.output.assign(1000, 'x');
        writer.record(std::move(record), [](const history::Inserted&) {});
      }
      if (now < began + length / 2) middle = resident_mib();
      world.loop.run_until([&] { return world.loop.clock().mono() >= now + std::chrono::milliseconds(2); });
    }
  }
  state.counters["offered"] = static_cast<double>(offered);
  state.counters["waiting"] = static_cast<double>(writer.records_waiting());
  state.counters["mib_first_half"] = middle - before;
  state.counters["mib_second_half"] = resident_mib() - middle;
}
// MiB of records that are let in before has_room() says no; 0: nobody asks it.
BENCHMARK(BM_ServerAway)->Arg(16)->Arg(0)->Iterations(1)->Unit(benchmark::kSecond);

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
