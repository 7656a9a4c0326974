// What the run history in SQLite costs: durable records per second and CPU per record, and the time of a page.
//
//   build/release/bench/history_sqlite_bench [--benchmark_filter=...]
//   CRONFLEET_BENCH_RECORDS=10000000 CRONFLEET_BENCH_DIR=/var/tmp/history-bench ... --benchmark_filter=Page
//
// CRONFLEET_BENCH_RECORDS is how many records the pages are read from (200,000 unless told otherwise); in
// CRONFLEET_BENCH_DIR that file is made once and found again. Without it a folder in the current one is used, which
// should lie on the disk in question.
#include <benchmark/benchmark.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "async/asio_loop.h"
#include "history/sqlite/sqlite_run_history.h"
#include "tests/conformance/queue_loop.h"
#include "tests/conformance/run_samples.h"

namespace cronfleet {
namespace {

using domain::RunRecord;
using history::RunQuery;
using history::SqliteRunHistory;
namespace fs = std::filesystem;

constexpr std::size_t kInsertedRecords = 100'000;

fs::path bench_folder() {
  const char* given = std::getenv("CRONFLEET_BENCH_DIR");
  fs::path folder = given != nullptr ? given : "history-bench";
  fs::create_directories(folder);
  return folder;
}

double cpu_seconds() {
  rusage usage{};
  CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void execute(const fs::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  CHECK(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
}

std::string answer_of(const fs::path& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  CHECK(sqlite3_open(file.c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  CHECK(sqlite3_step(statement) == SQLITE_ROW);
  const std::string answer = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return answer;
}

struct Opened {
  explicit Opened(const fs::path& file) {
    auto opened = SqliteRunHistory::open(file, loop, clock, {.retention = {std::chrono::hours(0), 0}});
    if (!opened) std::fprintf(stderr, "%s\n", opened.error().text().c_str());
    CHECK(opened.has_value());
    history = std::move(*opened);
  }
  testing::QueueLoop loop;
  async::SystemClock clock;
  std::unique_ptr<SqliteRunHistory> history;
};

RunRecord record_of_job(std::int64_t job, std::int64_t second, Rng& rng, std::size_t output_bytes) {
  const std::uint64_t chance = rng.below(100);
  RunRecord record = testing::record_of(testing::run_id(fmt::format("job-{:07}", job), second),
                                        chance < 5 ? domain::RunStatus::Failed : domain::RunStatus::Succeeded);
  record.worker = NodeId(fmt::format("node-{}", rng.below(20)));
  record.command = "/usr/local/bin/backup --full --target /srv/backup/nightly";
  record.output.assign(output_bytes, 'x');
  return record;
}

// Inserts `batches` with at most `under_way` of them unanswered; all are durable when it returns.
void insert_all(Opened& opened, std::vector<std::vector<RunRecord>> batches, std::size_t under_way) {
  std::size_t answered = 0;
  for (std::size_t sent = 0; sent < batches.size(); ++sent) {
    CHECK(opened.loop.run_until([&] { return sent - answered < under_way; }));
    opened.history->insert(std::move(batches[sent]), [&](Result<std::vector<history::Inserted>> answers) {
      CHECK(answers.has_value());
      ++answered;
    });
  }
  CHECK(opened.loop.run_until([&] { return answered == batches.size(); }));
}

enum class Indexes { All, ByJob };

// Arguments: records in a batch, batches under way, jobs.
void insert(benchmark::State& state, Indexes indexes) {
  const auto batch_records = static_cast<std::size_t>(state.range(0));
  const auto under_way = static_cast<std::size_t>(state.range(1));
  const std::int64_t jobs = state.range(2);
  double cpu = 0;
  for (auto _ : state) {
    const fs::path file = bench_folder() / "insert.db";
    for (const char* end : {"", "-wal", "-shm"}) fs::remove(file.string() + end);
    Opened opened(file);
    execute(file,
            fmt::format("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {}) INSERT INTO "
                        "jobs(name) SELECT printf('job-%07d', i) FROM n",
                        jobs - 1));
    if (indexes == Indexes::ByJob)
      execute(file, "DROP INDEX runs_by_time; DROP INDEX runs_by_status; DROP INDEX runs_by_worker");
    Rng rng(7);
    std::vector<std::vector<RunRecord>> batches;
    for (std::size_t i = 0; i < kInsertedRecords; ++i) {
      if (i % batch_records == 0) batches.emplace_back();
      const auto job = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(jobs)));
      batches.back().push_back(record_of_job(job, static_cast<std::int64_t>(i), rng, 380));
    }
    const double cpu_before = cpu_seconds();
    const auto begun = std::chrono::steady_clock::now();
    insert_all(opened, std::move(batches), under_way);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    cpu += cpu_seconds() - cpu_before;
  }
  const double records = static_cast<double>(kInsertedRecords) * static_cast<double>(state.iterations());
  state.counters["records/s"] = benchmark::Counter(records, benchmark::Counter::kIsRate);
  state.counters["cpu_us/record"] = cpu * 1e6 / records;
}
void BM_InsertOneIndex(benchmark::State& state) { insert(state, Indexes::ByJob); }
void BM_InsertAllIndexes(benchmark::State& state) { insert(state, Indexes::All); }
#define INSERT_ARGUMENTS                   \
  ArgNames({"batch", "under_way", "jobs"}) \
      ->Args({1, 1, 10'000})               \
      ->Args({200, 1, 10'000})             \
      ->Args({200, 4, 10'000})             \
      ->Args({1000, 1, 10'000})            \
      ->Args({1000, 4, 10'000})            \
      ->Args({1000, 4, 1'000'000})         \
      ->UseManualTime()                    \
      ->Iterations(3)                      \
      ->Unit(benchmark::kMillisecond)
BENCHMARK(BM_InsertOneIndex)->INSERT_ARGUMENTS;
BENCHMARK(BM_InsertAllIndexes)->INSERT_ARGUMENTS;

// A file of CRONFLEET_BENCH_RECORDS records of 10,000 jobs, in order of time, some of them at the same moment.
struct Filled {
  static Filled& instance() {
    static Filled filled;
    return filled;
  }
  Filled() {
    if (const char* given = std::getenv("CRONFLEET_BENCH_RECORDS")) records = std::atoll(given);
    const fs::path file = bench_folder() / fmt::format("pages-{}.db", records);
    const bool there = fs::exists(file);
    opened = std::make_unique<Opened>(file);
    if (there) return;
    // By SQL and without indexes, which are then made by sorting: much faster than record by record.
    std::string drop, make;
    for (const char* name : {"by_job", "by_request", "by_time", "by_status", "by_worker"}) {
      make += answer_of(file, fmt::format("SELECT sql FROM sqlite_schema WHERE name = 'runs_{}'", name)) + ";";
      drop += fmt::format("DROP INDEX runs_{};", name);
    }
    const auto names = [](const char* table, const char* pattern, std::int64_t count) {
      return fmt::format(
          "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {}) INSERT INTO "
          "{}(id, name) SELECT i + 1, printf('{}', i) FROM n;",
          count - 1, table, pattern);
    };
    execute(file, "PRAGMA synchronous = OFF;" + drop + names("jobs", "job-%07d", kJobs) +
                      names("workers", "node-%d", kWorkers));
    execute(file,
            fmt::format("PRAGMA synchronous = OFF; WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n "
                        "WHERE i < {}) INSERT INTO runs SELECT NULL, 1 + i * 7919 % {}, {} + i / 50 * 1000, '', 1, "
                        "1 + (abs(random()) % 20 = 0), 1 + abs(random()) % {}, 1, 0, 0, NULL, 1, 1, -20, 1, 1500, "
                        "NULL, 0, 0, 900, 300, 4194304, 1, i, '/usr/local/bin/backup --full --target "
                        "/srv/backup/nightly', '', '', '', '' FROM n",
                        records - 1, kJobs, testing::kFirstSecond * 1000, kWorkers));
    execute(file, "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;" + make);
  }

  static constexpr std::int64_t kWorkers = 20;
  static constexpr std::int64_t kJobs = 10'000;
  std::int64_t records = 200'000;
  std::unique_ptr<Opened> opened;
};

double thread_cpu_ms() {
  timespec now{};
  CHECK(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// `make` makes the query of one page.
template <typename Make>
void pages(benchmark::State& state, Make make) {
  Filled& filled = Filled::instance();
  Rng rng(1);
  std::vector<double> took, used;  // ms; the CPU of this thread, which a busy machine does not stretch
  for (auto _ : state) {
    const RunQuery query = make(filled, rng);
    const double cpu_before = thread_cpu_ms();
    const auto begun = std::chrono::steady_clock::now();
    const auto page = filled.opened->history->find(query);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    CHECK(page.has_value() && !page->items.empty());
    state.SetIterationTime(seconds);
    took.push_back(seconds * 1e3);
    used.push_back(thread_cpu_ms() - cpu_before);
  }
  std::sort(took.begin(), took.end());
  std::sort(used.begin(), used.end());
  state.counters["records"] = static_cast<double>(filled.records);
  state.counters["p50_ms"] = took[took.size() / 2];
  state.counters["p99_ms"] = took[took.size() * 99 / 100];
  state.counters["max_ms"] = took.back();
  state.counters["cpu_p99_ms"] = used[used.size() * 99 / 100];
}
RunQuery any_job(Rng& rng) {
  RunQuery query;
  query.job = JobName(fmt::format("job-{:07}", rng.below(Filled::kJobs)));
  return query;
}
WallTime any_moment(const Filled& filled, Rng& rng) {
  return from_seconds(testing::kFirstSecond + 1 +
                      static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(filled.records) / 50)));
}

void BM_PageOfAJob(benchmark::State& state) {
  pages(state, [](const Filled&, Rng& rng) { return any_job(rng); });
}
void BM_PageOfAJobByCursor(benchmark::State& state) {
  pages(state, [](const Filled& filled, Rng& rng) {
    for (;;) {
      RunQuery query = any_job(rng);
      query.limit = 1 + rng.below(15);
      const auto page = filled.opened->history->find(query);
      CHECK(page.has_value());
      query.cursor = page->next_cursor;
      query.limit = 50;
      if (!query.cursor.empty()) return query;
    }
  });
}
void BM_PageOfAJobsFailures(benchmark::State& state) {
  pages(state, [](const Filled& filled, Rng& rng) {
    for (;;) {
      RunQuery query = any_job(rng);
      query.statuses = {domain::RunStatus::Failed};
      if (!filled.opened->history->find(query)->items.empty()) return query;
    }
  });
}
void BM_PageByTime(benchmark::State& state) {
  pages(state, [](const Filled& filled, Rng& rng) {
    RunQuery query;
    query.until = any_moment(filled, rng);
    return query;
  });
}
void BM_PageOfFailures(benchmark::State& state) {
  pages(state, [](const Filled& filled, Rng& rng) {
    RunQuery query;
    query.statuses = {domain::RunStatus::Failed, domain::RunStatus::Lost};
    query.until = any_moment(filled, rng) + std::chrono::minutes(1);
    return query;
  });
}
void BM_PageOfAWorkersFailures(benchmark::State& state) {
  pages(state, [](const Filled&, Rng& rng) {
    RunQuery query;
    query.statuses = {domain::RunStatus::Failed};
    query.worker = NodeId(fmt::format("node-{}", rng.below(20)));
    return query;
  });
}
#define PAGE_ARGUMENTS UseManualTime()->Iterations(2000)->Unit(benchmark::kMillisecond)
BENCHMARK(BM_PageOfAJob)->PAGE_ARGUMENTS;
BENCHMARK(BM_PageOfAJobByCursor)->PAGE_ARGUMENTS;
BENCHMARK(BM_PageOfAJobsFailures)->PAGE_ARGUMENTS;
BENCHMARK(BM_PageByTime)->PAGE_ARGUMENTS;
BENCHMARK(BM_PageOfFailures)->PAGE_ARGUMENTS;
BENCHMARK(BM_PageOfAWorkersFailures)->PAGE_ARGUMENTS;

}  // namespace
}  // namespace cronfleet

BENCHMARK_MAIN();
