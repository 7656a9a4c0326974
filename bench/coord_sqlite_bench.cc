// What a claim costs on one machine: transactions of the shape of protocol.md §2 through coord/sqlite, one by one and
// in batches of 64, each durable before it is answered. 10,000 jobs. The folder is CRONFLEET_BENCH_DIR, else /tmp.
#include <benchmark/benchmark.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <filesystem>

#include "async/asio_loop.h"
#include "base/check.h"
#include "coord/sqlite/sqlite_coord_store.h"
#include "core/entries.h"
#include "tests/conformance/queue_loop.h"

namespace cronfleet::coord {
namespace {

using Kind = Condition::Kind;
constexpr int kJobs = 10'000;

class Fleet {
 public:
  Fleet() {
    const char* base = std::getenv("CRONFLEET_BENCH_DIR");
    folder_ = std::string(base == nullptr ? "/tmp" : base) + "/cronfleet-bench-XXXXXX";
    CHECK(::mkdtemp(folder_.data()) != nullptr);
    store_ = *SqliteCoordStore::open({.folder = folder_}, loop_, clock_);
    const std::string document = R"({"name":"job","schedule":"* * * * *","command":")" + std::string(200, 'c') + "\"}";
    commit({{{}, {{hold_, "", 0}}, {}}});
    for (int first = 0; first < kJobs; first += 50) {
      std::vector<Txn> batch;
      for (int i = first; i < first + 50; ++i) {
        batch.push_back({{},
                         {{keys_.job(name(i)), document, 0},
                          {keys_.marker(name(i)), core::Marker{from_ms(1'772'323'199'000), "saved"}.text(), 0}},
                         {}});
      }
      const auto answers = commit(std::move(batch));
      for (int i = first; i < first + 50; ++i) job_revisions_.push_back(answers.front().revision);
    }
  }
  ~Fleet() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  std::vector<TxnAnswer> commit(std::vector<Txn> batch) {
    std::optional<Result<std::vector<TxnAnswer>>> got;
    store_->commit(std::move(batch), [&](auto answers) { got = std::move(answers); });
    CHECK(loop_.run_until([&] { return got.has_value(); }));
    CHECK(got->has_value());
    return std::move(**got);
  }
  std::vector<TxnAnswer> commit_all(std::vector<Txn> batch) {
    auto answers = commit(std::move(batch));
    for (const TxnAnswer& answer : answers) CHECK(answer.committed);
    return answers;
  }

  enum class Overlap { Allow, Forbid };
  // The claim of firing `number`: jobs take turns, each has a new instant every time round.
  Txn claim(std::int64_t number, Overlap overlap) {
    const int job = static_cast<int>(number % kJobs);
    const WallTime instant = instant_of(number);
    Txn txn;
    txn.expected = {{hold_, Kind::Present, {}, 0},
                    {keys_.job(name(job)), Kind::ModifiedAt, {}, job_revisions_[static_cast<std::size_t>(job)]},
                    {keys_.marker(name(job)), Kind::ValueGreater, core::marker_floor(instant - Millis(1'000)), 0},
                    {keys_.marker(name(job)), Kind::ValueLess, core::marker_floor(instant), 0}};
    txn.writes = {{keys_.marker(name(job)), core::Marker{instant, token_}.text(), 0},
                  {keys_.running(node_, run(number)), encode(entry(number)), 0}};
    txn.read_if_refused = {keys_.job(name(job)), keys_.marker(name(job)), keys_.lock(name(job))};
    if (overlap == Overlap::Forbid) {
      txn.expected.push_back({keys_.lock(name(job)), Kind::Absent, {}, 0});
      const core::LockEntry lock{run(number), node_, Incarnation(token_), instant};
      txn.writes.push_back({keys_.lock(name(job)), encode(lock), 0});
    }
    return txn;
  }
  Txn end(std::int64_t number) {
    core::RunningEntry before = entry(number), after = before;
    after.phase = core::Phase::Ended;
    after.end.status = domain::RunStatus::Succeeded;
    after.end.exit_code = 0;
    const std::string key = keys_.running(node_, run(number));
    return {{{key, Kind::ValueEquals, encode(before), 0}},
            {{key, encode(after), 0}, {keys_.lock(name(static_cast<int>(number % kJobs))), std::nullopt, 0}},
            {key}};
  }
  Txn recorded(std::int64_t number) {
    const std::string key = keys_.running(node_, run(number));
    return {{{key, Kind::Present, {}, 0}}, {{key, std::nullopt, 0}}, {key}};
  }
  std::int64_t next = 0;

 private:
  static JobName name(int job) { return JobName(fmt::format("job-{:05}", job)); }
  static WallTime instant_of(std::int64_t number) { return from_ms(1'772'323'200'000 + number / kJobs * 1'000); }
  static domain::RunId run(std::int64_t number) {
    return {{name(static_cast<int>(number % kJobs)), instant_of(number)}, 1};
  }
  core::RunningEntry entry(std::int64_t number) const {
    core::RunningEntry entry;
    entry.run = run(number);
    entry.incarnation = Incarnation(token_);
    entry.token = Token(token_);
    entry.job_revision = job_revisions_[static_cast<std::size_t>(number % kJobs)];
    entry.scheduled_at = entry.claimed_at = entry.safe_after = instant_of(number);
    entry.locked = true;
    return entry;
  }

  const core::Keys keys_;
  const NodeId node_{"node-1"};
  const std::string token_ = std::string(32, 'a'), hold_ = "/cron/hold/node-1/" + std::string(32, 'a');
  std::string folder_;
  async::SystemClock clock_;
  cronfleet::testing::QueueLoop loop_;
  std::unique_ptr<SqliteCoordStore> store_;
  std::vector<Revision> job_revisions_;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](timeval t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// `step` does `per_step` of what is counted.
template <typename Step>
void measure(benchmark::State& state, double per_step, Step step) {
  const double cpu_before = cpu_seconds();
  for (auto _ : state) step();
  const double count = static_cast<double>(state.iterations()) * per_step;
  state.counters["per_second"] = benchmark::Counter(count, benchmark::Counter::kIsRate);
  state.counters["cpu_us_each"] = (cpu_seconds() - cpu_before) * 1e6 / count;
}

void ClaimOverlapAllowed(benchmark::State& state) {
  Fleet fleet;
  const std::int64_t batch_size = state.range(0);
  measure(state, static_cast<double>(batch_size), [&] {
    std::vector<Txn> batch;
    for (std::int64_t i = 0; i < batch_size; ++i) batch.push_back(fleet.claim(fleet.next++, Fleet::Overlap::Allow));
    fleet.commit_all(std::move(batch));
  });
}

// A run from claim to nothing left: claim with lock, end, recorded.
void WholeRunWithLock(benchmark::State& state) {
  Fleet fleet;
  const std::int64_t batch_size = state.range(0);
  measure(state, static_cast<double>(batch_size), [&] {
    std::vector<Txn> claim, end, recorded;
    for (std::int64_t i = 0; i < batch_size; ++i, ++fleet.next) {
      claim.push_back(fleet.claim(fleet.next, Fleet::Overlap::Forbid));
      end.push_back(fleet.end(fleet.next));
      recorded.push_back(fleet.recorded(fleet.next));
    }
    fleet.commit_all(std::move(claim));
    fleet.commit_all(std::move(end));
    fleet.commit_all(std::move(recorded));
  });
}

BENCHMARK(ClaimOverlapAllowed)->Arg(1)->Arg(64)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(WholeRunWithLock)->Arg(1)->Arg(64)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cronfleet::coord

BENCHMARK_MAIN();
