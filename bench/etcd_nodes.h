// bench/etcd_nodes.h: whole workers on loop threads of one process, over a real etcd; what they send is counted. Their
// commands do nothing and their history keeps nothing. For etcd_bench and etcd_growth.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "async/asio_loop.h"
#include "base/check.h"
#include "coord/etcd/etcd_coord_store.h"
#include "core/edits.h"
#include "runtime/worker.h"
#include "tests/services/etcd_server.h"

namespace cronfleet::bench {

using std::chrono::milliseconds;

// One kind of transaction, or of reads, as one worker sent them.
struct Tally {
  std::uint64_t sent = 0, done = 0;
  MonoTime first_sent = MonoTime::max(), last_done{};
};
struct Counts {
  Tally claims, ends, removals, looks;
  std::uint64_t batches = 0, members = 0, looked_at = 0;
  std::map<std::string, MonoTime> jobs_seen;  // value of jobs/<name> → when it was delivered
};

// Passes everything on and counts it.
class CountingStore final : public coord::CoordStore {
 public:
  CountingStore(CoordStore& store, const async::Clock& clock) : store_(store), clock_(clock) {}

  void commit(std::vector<coord::Txn> batch, async::Callback<Result<std::vector<coord::TxnAnswer>>> done) override {
    std::vector<Tally Counts::*> kinds;
    {
      const std::lock_guard lock(mutex_);
      ++counts_.batches;
      counts_.members += batch.size();
      for (const coord::Txn& txn : batch) {
        kinds.push_back(kind_of(txn));
        if (kinds.back() != nullptr) note_sent(counts_.*kinds.back());
      }
    }
    store_.commit(std::move(batch), [this, kinds = std::move(kinds),
                                     done = std::move(done)](Result<std::vector<coord::TxnAnswer>> answers) mutable {
      if (answers) {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < kinds.size(); ++i) {
          if (kinds[i] != nullptr && (*answers)[i].committed) note_done(counts_.*kinds[i]);
        }
      }
      done(std::move(answers));
    });
  }
  void get(std::vector<std::string> keys, async::Callback<Result<coord::Listing>> done) override {
    const std::lock_guard lock(mutex_);
    note_sent(counts_.looks);
    counts_.looked_at += keys.size();
    store_.get(std::move(keys), std::move(done));
  }
  coord::WatchHandle watch(std::string prefix, coord::Revision after, coord::WatchSink& sink) override {
    struct Stop final : coord::WatchStop {
      explicit Stop(std::unique_ptr<Passing> p) : passing(std::move(p)) {}
      std::unique_ptr<Passing> passing;
      coord::WatchHandle inner;
    };
    auto stop = std::make_unique<Stop>(std::make_unique<Passing>(*this, sink));
    stop->inner = store_.watch(std::move(prefix), after, *stop->passing);
    return stop;
  }
  void list(std::string prefix, async::Callback<Result<coord::Listing>> done) override {
    store_.list(std::move(prefix), std::move(done));
  }
  void list_keys(std::string prefix, std::string after, std::size_t most,
                 async::Callback<Result<coord::Listing>> done) override {
    store_.list_keys(std::move(prefix), std::move(after), most, std::move(done));
  }
  void grant(milliseconds ttl, async::Callback<Result<coord::LeaseId>> done) override {
    store_.grant(ttl, std::move(done));
  }
  void keep_alive(coord::LeaseId lease, async::Callback<Result<milliseconds>> done) override {
    store_.keep_alive(lease, std::move(done));
  }
  void revoke(coord::LeaseId lease, async::Callback<Result<coord::Revision>> done) override {
    store_.revoke(lease, std::move(done));
  }
  void compact(coord::Revision revision, async::Callback<Result<coord::Revision>> done) override {
    store_.compact(revision, std::move(done));
  }

  Counts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }
  void reset() {
    const std::lock_guard lock(mutex_);
    counts_ = {};
  }

 private:
  struct Passing final : coord::WatchSink {
    Passing(CountingStore& s, coord::WatchSink& sink) : store(s), to(sink) {}
    void on_changes(std::vector<coord::Change> changes, coord::Revision revision) override {
      store.note_jobs(changes);
      to.on_changes(std::move(changes), revision);
    }
    void on_failed(Status status) override { to.on_failed(std::move(status)); }
    CountingStore& store;
    coord::WatchSink& to;
  };

  static Tally Counts::* kind_of(const coord::Txn& txn) {
    bool marker = false, running = false, removed = false;
    for (const coord::Write& write : txn.writes) {
      marker |= write.key.starts_with("/cron/fired/");
      running |= write.key.starts_with("/cron/running/") && write.value.has_value();
      removed |= write.key.starts_with("/cron/running/") && !write.value;
    }
    if (marker && running) return &Counts::claims;
    if (running) return &Counts::ends;
    return removed ? &Counts::removals : nullptr;
  }
  void note_sent(Tally& tally) {
    ++tally.sent;
    tally.first_sent = std::min(tally.first_sent, clock_.mono());
  }
  void note_done(Tally& tally) {
    ++tally.done;
    tally.last_done = clock_.mono();
  }
  void note_jobs(const std::vector<coord::Change>& changes) {
    const std::lock_guard lock(mutex_);
    for (const coord::Change& change : changes) {
      if (change.entry.key.starts_with("/cron/jobs/")) counts_.jobs_seen[change.entry.value] = clock_.mono();
    }
  }

  CoordStore& store_;
  const async::Clock& clock_;
  mutable std::mutex mutex_;
  Counts counts_;
};

// Runs that take their time and do nothing.
class IdleExecutor final : public exec::Executor {
 public:
  IdleExecutor(async::Timers& timers, const async::Clock& clock, milliseconds run)
      : timers_(timers), clock_(clock), run_(run) {}
  void attach(exec::ExecutorSink& sink) { sink_ = &sink; }

  void start(exec::StartRequest request) override {
    std::vector<domain::RunId>& together = due_[request.start_at];
    together.push_back(std::move(request.run));
    if (together.size() > 1) return;
    const WallTime at = request.start_at;
    timers_.at(clock_.mono() + std::max<std::chrono::microseconds>(at - clock_.wall(), {}), [this, at] { begin(at); });
  }
  void cancel(const domain::RunId&) override {}
  void kill(const domain::RunId&, exec::KillOrder) override {}
  void set_fence_deadline(const domain::RunId&, MonoTime) override {}
  void acknowledge(const domain::RunId&) override {}

 private:
  void begin(WallTime at) {
    std::vector<domain::RunId> runs = std::move(due_.extract(at).mapped());
    for (const domain::RunId& run : runs) sink_->on_started({run, 1, clock_.wall()});
    timers_.at(clock_.mono() + run_, [this, runs = std::move(runs)]() mutable { end(std::move(runs)); });
  }
  void end(std::vector<domain::RunId> runs) {
    for (domain::RunId& run : runs) {
      domain::RunEnd end;
      end.status = domain::RunStatus::Succeeded;
      end.exit_code = 0;
      end.started_at = end.ended_at = clock_.wall();
      sink_->on_ended({std::move(run), std::move(end), {}});
    }
  }

  async::Timers& timers_;
  const async::Clock& clock_;
  milliseconds run_;
  exec::ExecutorSink* sink_ = nullptr;
  std::map<WallTime, std::vector<domain::RunId>> due_;
};

// Acknowledges at once, keeps nothing.
class ForgetfulHistory final : public history::RunHistory {
 public:
  explicit ForgetfulHistory(async::Loop& loop) : loop_(loop) {}
  void insert(std::vector<domain::RunRecord> records,
              async::Callback<Result<std::vector<history::Inserted>>> done) override {
    loop_.post(
        [count = records.size(), done = std::move(done)]() mutable { done(std::vector<history::Inserted>(count)); });
  }
  void append_output(std::vector<domain::OutputChunk> chunks, async::Callback<Result<std::size_t>> done) override {
    loop_.post([count = chunks.size(), done = std::move(done)]() mutable { done(count); });
  }
  Result<domain::RunRecord> get(const domain::RunId&) override { return fail(Code::NotFound, "nothing is kept"); }
  Result<history::RunPage> find(const history::RunQuery&) override { return history::RunPage{}; }
  Result<history::OutputSlice> output(const domain::RunId&, std::uint64_t, std::size_t) override {
    return history::OutputSlice{};
  }
  Result<std::vector<history::StatusCount>> counts(WallTime, WallTime) override {
    return std::vector<history::StatusCount>{};
  }
  void prune(history::Retention, WallTime, std::size_t, async::Callback<Result<std::size_t>> done) override {
    loop_.post([done = std::move(done)]() mutable { done(std::size_t{0}); });
  }

 private:
  async::Loop& loop_;
};

// A loop on a thread of its own with a connection to etcd; with a worker, once that is made.
class Node final : private runtime::WorkerObserver {
 public:
  Node(const testing::EtcdServer& etcd, std::uint64_t seed) : loop(clock), rng_(seed) {
    coord::EtcdOptions options;
    options.endpoints = etcd.endpoints();
    auto opened = coord::EtcdCoordStore::open(std::move(options), loop, loop, clock, rng_.fork("etcd"));
    CHECK(opened.has_value());
    etcd_ = std::move(*opened);
    store = std::make_unique<CountingStore>(*etcd_, clock);
    thread_ = std::thread([this] { loop.run(); });
  }
  ~Node() override {
    loop.stop();
    thread_.join();
  }

  void make_worker(std::size_t index, milliseconds run, std::size_t in_flight, const cron::ZoneSource& zones,
                   runtime::HousekeepingOptions housekeeping = {}) {
    on_loop([&] {
      executor_ = std::make_unique<IdleExecutor>(loop, clock, run);
      history_ = std::make_unique<ForgetfulHistory>(loop);
      runtime::WorkerOptions options;
      options.scheduler.capacity = 1'000'000;
      options.batcher.in_flight_max = in_flight;
      options.housekeeping = housekeeping;
      core::WorkerEntry entry;
      entry.node = NodeId(fmt::format("w{}", index));
      entry.pid = ::getpid();
      entry.boot_id = "bench";
      worker_ = std::make_unique<runtime::Worker>(runtime::WorkerParts{.store = *store,
                                                                       .history = *history_,
                                                                       .executor = *executor_,
                                                                       .loop = loop,
                                                                       .timers = loop,
                                                                       .clock = clock,
                                                                       .tokens = tokens_,
                                                                       .zones = zones,
                                                                       .rng = rng_.fork("worker")},
                                                  options, entry, static_cast<runtime::WorkerObserver&>(*this));
      executor_->attach(*worker_);
      worker_->start([](std::int64_t) { return true; });
    });
  }
  bool ready() {
    bool is = false;
    on_loop([&] { is = worker_->ready(); });
    return is;
  }
  template <typename F>
  void on_loop(F action) {
    std::promise<void> over;
    loop.post([&] {
      action();
      over.set_value();
    });
    over.get_future().wait();
  }

  async::SystemClock clock;
  async::AsioLoop loop;
  std::unique_ptr<CountingStore> store;

 private:
  void on_message(Level level, std::string_view what, std::string_view about) override {
    if (level >= Level::Warn)
      std::printf("  %.*s: %.*s\n", int(what.size()), what.data(), int(about.size()), about.data());
  }
  void on_refused(const Status& status) override {
    std::printf("  refused: %s\n", status.text().c_str());
    std::abort();
  }

  Rng rng_;
  async::SystemTokens tokens_;
  std::unique_ptr<coord::EtcdCoordStore> etcd_;
  std::unique_ptr<IdleExecutor> executor_;
  std::unique_ptr<ForgetfulHistory> history_;
  std::unique_ptr<runtime::Worker> worker_;
  std::thread thread_;
};

using Nodes = std::vector<std::unique_ptr<Node>>;

inline domain::Job job_named(const std::string& name, const std::string& schedule) {
  domain::Job job;
  job.name = JobName(name);
  job.schedule = schedule;
  job.command = std::vector<std::string>{"true"};
  return job;
}

// Saves jobs as a master does, in full batches.
inline void save_jobs(Node& node, const std::vector<domain::Job>& jobs) {
  const core::Keys keys;
  for (std::size_t first = 0; first < jobs.size(); first += coord::CoordStore::kBatchMax) {
    std::vector<coord::Txn> batch;
    for (std::size_t i = first; i < std::min(jobs.size(), first + coord::CoordStore::kBatchMax); ++i)
      batch.push_back(core::save(keys, {}, {}, jobs[i], node.clock.wall()).txn);
    std::promise<bool> saved;
    node.store->commit(std::move(batch), [&](Result<std::vector<coord::TxnAnswer>> answers) {
      saved.set_value(answers && std::all_of(answers->begin(), answers->end(),
                                             [](const coord::TxnAnswer& answer) { return answer.committed; }));
    });
    CHECK(saved.get_future().get());
  }
}

}  // namespace cronfleet::bench
