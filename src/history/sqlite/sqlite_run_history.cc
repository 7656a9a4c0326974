#include "history/sqlite/sqlite_run_history.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "history/contract.h"
#include "history/sqlite/database.h"
#include "history/sqlite/pruner.h"
#include "history/sqlite/reader.h"
#include "history/sqlite/recorder.h"
#include "history/sqlite/schema.h"

namespace cronfleet::history {
namespace {

using sqlite::Database;

constexpr std::size_t kGroupBytesMax = 16 << 20;  // of one transaction
constexpr int kPageBytes = 4096;

struct InsertWrite {
  std::vector<domain::RunRecord> records;
  async::Callback<Result<std::vector<Inserted>>> done;
  WallTime now;
  std::vector<Inserted> answers;
};
struct AppendWrite {
  std::vector<domain::OutputChunk> chunks;
  async::Callback<Result<std::size_t>> done;
  std::size_t stored = 0;
};
struct PruneWrite {
  Retention retention;
  WallTime now;
  std::size_t records_max;
  async::Callback<Result<std::size_t>> done;
};
struct Write {
  std::variant<InsertWrite, AppendWrite, PruneWrite> what;
  std::size_t bytes = 0;

  bool prunes() const { return std::holds_alternative<PruneWrite>(what); }
};

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

// What the writer thread has to do, in order.
class WriteQueue {
 public:
  explicit WriteQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: full, and `write` is as it was.
  bool push(Write& write) {
    const std::lock_guard lock(mutex_);
    if (write.bytes > 0 && bytes_ > 0 && bytes_ + write.bytes > bytes_max_) return false;
    bytes_ += write.bytes;
    writes_.push_back(std::move(write));
    ready_.notify_one();
    return true;
  }

  // Waits; what comes back is for one transaction. Empty: it has ended and all is done.
  std::vector<Write> take() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [&] { return ended_ || !writes_.empty(); });
    std::vector<Write> group;
    std::size_t bytes = 0;
    while (!writes_.empty() && (group.empty() || bytes < kGroupBytesMax)) {
      if (!group.empty() && (group.front().prunes() || writes_.front().prunes())) break;
      bytes += writes_.front().bytes;
      group.push_back(std::move(writes_.front()));
      writes_.pop_front();
    }
    bytes_ -= bytes;
    return group;
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    ready_.notify_one();
  }
  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  const std::size_t bytes_max_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Write> writes_;
  std::size_t bytes_ = 0;
  bool ended_ = false;
};

// The connections for reading, opened as they are needed.
class Readers {
 public:
  Readers(std::string path, std::size_t count) : path_(std::move(path)), unopened_(std::max<std::size_t>(count, 1)) {}

  template <typename Read>
  auto with(Read read) -> decltype(read(std::declval<Database&>())) {
    auto database = borrow();
    if (!database) return Failure(database.error());
    auto answer = read(**database);
    give_back(std::move(*database));
    return answer;
  }

 private:
  Result<std::unique_ptr<Database>> borrow() {
    {
      std::unique_lock lock(mutex_);
      idle_again_.wait(lock, [&] { return !idle_.empty() || unopened_ > 0; });
      if (!idle_.empty()) {
        auto database = std::move(idle_.back());
        idle_.pop_back();
        return database;
      }
      --unopened_;
    }
    auto database = Database::open(path_, Database::Mode::ReadOnly);
    if (!database) give_back(nullptr);
    return database;
  }

  void give_back(std::unique_ptr<Database> database) {
    const std::lock_guard lock(mutex_);
    if (database) {
      idle_.push_back(std::move(database));
    } else {
      ++unopened_;
    }
    idle_again_.notify_one();
  }

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable idle_again_;
  std::vector<std::unique_ptr<Database>> idle_;
  std::size_t unopened_;
};

}  // namespace

struct SqliteRunHistory::Impl {
  Impl(const std::string& path, async::Loop& l, const async::Clock& c, const SqliteHistoryOptions& options,
       std::unique_ptr<Database> d)
      : loop(l),
        clock(c),
        database(std::move(d)),
        recorder(*database, options.retention),
        pruner(*database),
        queue(options.queue_bytes_max),
        readers(path, options.readers) {}
  ~Impl() {
    queue.end();
    if (writer.joinable()) writer.join();
  }

  Result<void> prepare(const SqliteHistoryOptions& options) {
    // FULL: the log is synced at every commit, before it is answered. A checkpoint each 16 MiB of log: fewer, longer.
    std::string setup = fmt::format(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -{}; PRAGMA temp_store = MEMORY; "
        "PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF; "
        "PRAGMA cell_size_check = ON;",
        options.cache_bytes / 1024);
    if (options.file_bytes_max != 0)
      setup +=
          fmt::format("PRAGMA max_page_count = {};", std::max<std::uint64_t>(options.file_bytes_max / kPageBytes, 64));
    // Before anything is changed in a file that may not be ours.
    if (auto ours = sqlite::prepare_schema(*database); !ours) return ours;
    if (auto done = database->execute(setup); !done) return done;
    if (auto done = database->use_write_ahead_log(); !done) return done;
    return recorder.prepare();
  }

  void run() {
    for (;;) {
      std::vector<Write> group = queue.take();
      if (group.empty()) return;
      if (group.front().prunes()) {
        prune(std::move(group.front()));
      } else {
        commit(std::move(group));
      }
    }
  }

  Result<void> attempt(std::vector<Write>& group) {
    sqlite::Transaction transaction(*database);
    if (auto begun = transaction.begin_writing(); !begun) return begun;
    for (Write& write : group) {
      auto done = std::visit(
          Overloaded{[&](InsertWrite& insert) { return attempt(insert); },
                     [&](AppendWrite& append) { return attempt(append); }, [](PruneWrite&) { return Result<void>(); }},
          write.what);
      if (!done) return done;
    }
    return transaction.commit();
  }
  Result<void> attempt(InsertWrite& write) {
    for (const domain::RunRecord& record : write.records) {
      auto answer = recorder.insert(record, write.now);
      if (!answer) return Failure(answer.error());
      write.answers.push_back(std::move(*answer));
    }
    return {};
  }
  Result<void> attempt(AppendWrite& write) {
    for (const domain::OutputChunk& chunk : write.chunks) {
      const auto stored = recorder.append(chunk);
      if (!stored) return Failure(stored.error());
      if (*stored) ++write.stored;
    }
    return {};
  }

  void commit(std::vector<Write> group) {
    const Result<void> done = attempt(group);
    if (done) {
      const sqlite::Recorder::Tally tally = recorder.committed();
      for (const std::int64_t job : tally.jobs) pruner.recorded(job);
      too_old += tally.too_old;
    } else {
      recorder.rolled_back();
    }
    for (Write& write : group) {
      std::visit(
          Overloaded{[&](InsertWrite& insert) { answer(std::move(insert.done), done, std::move(insert.answers)); },
                     [&](AppendWrite& append) { answer(std::move(append.done), done, append.stored); },
                     [](PruneWrite&) {}},
          write.what);
    }
  }

  void prune(Write write) {
    auto& what = std::get<PruneWrite>(write.what);
    sqlite::Pruner::Step step;
    const auto attempt_step = [&]() -> Result<void> {
      sqlite::Transaction transaction(*database);
      if (auto begun = transaction.begin_writing(); !begun) return begun;
      auto stepped = pruner.step(what.retention, what.now, what.records_max);
      if (!stepped) return Failure(stepped.error());
      step = *stepped;
      return transaction.commit();
    };
    const Result<void> done = attempt_step();
    if (!done) {
      pruner.rolled_back();
    } else {
      pruner.committed();
      // Behind what came meanwhile: counting a million jobs must not keep inserts waiting.
      if (step.more && !queue.ended()) return (void)queue.push(write);
    }
    answer(std::move(what.done), done, step.deleted);
  }

  template <typename Answer>
  void answer(async::Callback<Result<Answer>> done, const Result<void>& outcome, Answer value) {
    Result<Answer> result = std::move(value);
    if (!outcome) result = Failure(outcome.error());
    loop.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  template <typename Answer>
  void answer_unwritten(async::Callback<Result<Answer>> done, Status why) {
    loop.post([done = std::move(done), why = std::move(why)]() mutable { done(Failure(std::move(why))); });
  }

  async::Loop& loop;
  const async::Clock& clock;
  std::unique_ptr<Database> database;  // the writer thread's, once that runs
  sqlite::Recorder recorder;
  sqlite::Pruner pruner;
  WriteQueue queue;
  Readers readers;
  std::atomic<std::uint64_t> too_old{0};
  std::thread writer;
};

SqliteRunHistory::SqliteRunHistory(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteRunHistory::~SqliteRunHistory() = default;

Result<std::unique_ptr<SqliteRunHistory>> SqliteRunHistory::open(const std::string& path, async::Loop& loop,
                                                                 const async::Clock& clock,
                                                                 SqliteHistoryOptions options) {
  auto database = Database::open(path, Database::Mode::ReadWrite);
  if (!database) return Failure(database.error());
  auto impl = std::make_unique<Impl>(path, loop, clock, options, std::move(*database));
  if (auto prepared = impl->prepare(options); !prepared)
    return Failure(prepared.error().with("opening run history '{}'", path));
  impl->writer = std::thread([impl = impl.get()] { impl->run(); });
  return std::unique_ptr<SqliteRunHistory>(new SqliteRunHistory(std::move(impl)));
}

void SqliteRunHistory::insert(std::vector<domain::RunRecord> records,
                              async::Callback<Result<std::vector<Inserted>>> done) {
  std::size_t bytes = 0;
  for (const auto& record : records) bytes += sizeof(record) + record.command.size() + record.output.size();
  Write write{InsertWrite{std::move(records), std::move(done), impl_->clock.wall(), {}}, bytes};
  if (impl_->queue.push(write)) return;
  impl_->answer_unwritten(std::move(std::get<InsertWrite>(write.what).done),
                          Status(Code::Unavailable, "the run history has too many writes waiting"));
}

void SqliteRunHistory::append_output(std::vector<domain::OutputChunk> chunks,
                                     async::Callback<Result<std::size_t>> done) {
  std::size_t bytes = 0;
  for (const auto& chunk : chunks) {
    bytes += sizeof(chunk) + chunk.bytes.size();
    if (auto reason = why_refused(chunk))
      return impl_->answer_unwritten(std::move(done), Status(Code::InvalidArgument, std::move(*reason)));
  }
  Write write{AppendWrite{std::move(chunks), std::move(done)}, bytes};
  if (impl_->queue.push(write)) return;
  impl_->answer_unwritten(std::move(std::get<AppendWrite>(write.what).done),
                          Status(Code::Unavailable, "the run history has too many writes waiting"));
}

void SqliteRunHistory::prune(Retention retention, WallTime now, std::size_t records_max,
                             async::Callback<Result<std::size_t>> done) {
  Write write{PruneWrite{retention, now, records_max, std::move(done)}, 0};
  CHECK(impl_->queue.push(write));  // takes no room
}

Result<domain::RunRecord> SqliteRunHistory::get(const domain::RunId& run) {
  return impl_->readers.with([&](Database& database) { return sqlite::read_record(database, run); });
}
Result<RunPage> SqliteRunHistory::find(const RunQuery& query) {
  return impl_->readers.with([&](Database& database) { return sqlite::read_page(database, query); });
}
Result<OutputSlice> SqliteRunHistory::output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) {
  return impl_->readers.with([&](Database& database) { return sqlite::read_output(database, run, from, bytes_max); });
}
Result<std::vector<StatusCount>> SqliteRunHistory::counts(WallTime from, WallTime until) {
  return impl_->readers.with([&](Database& database) { return sqlite::read_counts(database, from, until); });
}

std::uint64_t SqliteRunHistory::too_old() const { return impl_->too_old; }

}  // namespace cronfleet::history
