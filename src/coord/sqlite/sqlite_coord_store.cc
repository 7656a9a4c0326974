#include "coord/sqlite/sqlite_coord_store.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "coord/sqlite/coord_state.h"
#include "coord/sqlite/folder_lock.h"

namespace cronfleet::coord {
namespace {

constexpr std::size_t kGroupMax = 256;  // calls in one SQLite transaction; bounds how long the first of them waits
constexpr std::chrono::milliseconds kLeaseLookMost{500};  // a machine's sleep does not count in a condition's wait
constexpr std::chrono::seconds kLeaseRetry{1};            // after a disk that refused the end of a lease
constexpr std::chrono::seconds kFullRetry{1};             // from one look at a full disk to the next

// A call on its way through the writer thread and back to the loop.
class Call {
 public:
  virtual ~Call() = default;
  virtual void run(CoordState& state) = 0;  // once more when the group it was in failed
  virtual void fail(const Status& status) = 0;
  virtual void answer() = 0;  // on the loop
};

template <typename T, typename Body>
class CallOf final : public Call {
 public:
  CallOf(Body body, async::Callback<Result<T>> done) : body_(std::move(body)), done_(std::move(done)) {}
  void run(CoordState& state) override { result_.emplace(body_(state)); }
  void fail(const Status& status) override { result_.emplace(Failure(status)); }
  void answer() override { done_(std::move(*result_)); }

 private:
  Body body_;
  async::Callback<Result<T>> done_;
  std::optional<Result<T>> result_;
};

struct Watch {
  Watch(std::string under, Revision from, WatchSink& to) : prefix(std::move(under)), after(from), sink(to) {}

  const std::string prefix;
  const Revision after;
  WatchSink& sink;                    // loop thread, while not stopped
  std::atomic<bool> stopped = false;  // set on the loop; the writer looks so that it does not work in vain

  void add_changes(const Commit& commit, std::vector<Change>& into) const {
    for (const Change& change : commit.changes) {
      if (change.entry.key.starts_with(prefix)) into.push_back(change);
    }
  }
};

struct StopWatch final : WatchStop {
  explicit StopWatch(std::shared_ptr<Watch> one) : watch(std::move(one)) {}
  ~StopWatch() override { watch->stopped = true; }
  std::shared_ptr<Watch> watch;
};

// What goes to the loop after a commit, in one task.
struct Deliveries {
  std::vector<std::unique_ptr<Call>> answers;
  struct ToWatch {
    std::shared_ptr<Watch> watch;
    std::vector<Change> changes;
    Revision revision;
    std::optional<Status> failure;
  };
  std::vector<ToWatch> to_watches;

  void run() {
    for (auto& call : answers) call->answer();
    for (ToWatch& one : to_watches) {
      if (one.watch->stopped) continue;
      if (one.failure) {
        one.watch->stopped = true;
        one.watch->sink.on_failed(std::move(*one.failure));
      } else {
        one.watch->sink.on_changes(std::move(one.changes), one.revision);
      }
    }
  }
};

}  // namespace

// The thread and all that it shares with the callers.
struct SqliteCoordStore::Writer {
  Writer(FolderLock held, std::unique_ptr<CoordState> opened, async::Loop& on, const async::Clock& by, std::size_t most)
      : lock(std::move(held)), state(std::move(opened)), loop(on), clock(by), queue_max(most) {}

  // ---- from any thread ----

  void add(std::unique_ptr<Call> call) {
    std::unique_lock guard(mutex);
    if (queue.size() >= queue_max) {
      guard.unlock();
      call->fail(Status(Code::Unavailable,
                        fmt::format("{} calls are waiting for the coordination store already: not sent", queue_max)));
      Deliveries refused;
      refused.answers.push_back(std::move(call));
      return post(std::move(refused));
    }
    queue.push_back(std::move(call));
    guard.unlock();
    woken.notify_one();
  }

  void stop() {
    {
      const std::lock_guard guard(mutex);
      stopping = true;
    }
    woken.notify_one();
    thread.join();
  }

  void post(Deliveries deliveries) {
    if (deliveries.answers.empty() && deliveries.to_watches.empty()) return;
    loop.post([deliveries = std::move(deliveries), token = std::weak_ptr<char>(alive)]() mutable {
      if (token.expired()) return;
      deliveries.run();
    });
  }

  std::string full_text() const {
    const std::lock_guard guard(mutex);
    return full;
  }

  // ---- on the writer thread ----

  void run() {
    for (;;) {
      std::vector<std::unique_ptr<Call>> group = wait();
      end_leases();
      look_for_room();
      if (group.empty()) {
        const std::lock_guard guard(mutex);
        if (stopping && queue.empty()) return;
        continue;
      }
      process(std::move(group));
    }
  }

  // What has gathered, or nothing when it is time to look at the leases.
  std::vector<std::unique_ptr<Call>> wait() {
    std::unique_lock guard(mutex);
    const auto ready = [&] { return stopping || !queue.empty(); };
    if (!ready()) {
      auto end = next_look_at_leases();
      if (!full.empty()) end = std::min(end.value_or(MonoTime::max()), room_looked_at + kFullRetry);
      if (end) {
        const auto left = std::min<std::chrono::nanoseconds>(*end - clock.mono(), kLeaseLookMost);
        woken.wait_for(guard, std::max(left, std::chrono::nanoseconds(0)), ready);
      } else {
        woken.wait(guard, ready);
      }
    }
    std::vector<std::unique_ptr<Call>> group;
    while (!queue.empty() && group.size() < kGroupMax) {
      group.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    return group;
  }

  std::optional<MonoTime> next_look_at_leases() const {
    const auto end = state->next_lease_end();
    return end ? std::optional(std::max(*end, leases_not_before)) : std::nullopt;
  }

  // In a transaction of its own, so that a full disk which refuses it does not refuse the reads beside it.
  void end_leases() {
    const auto due = next_look_at_leases();
    if (!due || *due > clock.mono()) return;
    state->end_leases();
    Deliveries deliveries;
    if (commit(deliveries)) {
      leases_not_before = clock.mono() + kLeaseRetry;
    } else {
      post(std::move(deliveries));
    }
  }

  // A write that went through says that there is room, and so does one that changes nothing.
  void look_for_room() {
    if (full.empty() || clock.mono() < room_looked_at + kFullRetry) return;
    room_looked_at = clock.mono();
    if (!state->try_write()) is_full({});
  }

  void is_full(std::string why) {
    if (why.empty() && full.empty()) return;
    room_looked_at = clock.mono();
    const std::lock_guard guard(mutex);
    full = std::move(why);
  }

  void process(std::vector<std::unique_ptr<Call>> group) {
    Deliveries deliveries;
    for (auto& call : group) {
      call->run(*state);
      if (state->broken()) break;
    }
    if (const auto failed = commit(deliveries)) {
      // One of them may be what does not fit.
      if (group.size() > 1) {
        for (auto& call : group) {
          std::vector<std::unique_ptr<Call>> one;
          one.push_back(std::move(call));
          process(std::move(one));
        }
        return;
      }
      group.front()->fail(*failed);
      opening.clear();
    }
    deliveries.answers = std::move(group);
    open_watches(deliveries);
    post(std::move(deliveries));
  }

  // Commits what the calls or the ended leases did and tells the watches. The Status is the failure: nothing has
  // happened. A full disk is noted whoever met it, and stays noted until a write goes through.
  std::optional<Status> commit(Deliveries& deliveries) {
    const auto refused = [&](Status failure) {
      if (failure.code() == Code::NoSpace) is_full(failure.text());
      opening.clear();
      return failure;
    };
    if (state->broken()) {
      Status failure = *state->broken();
      state->rollback();
      return refused(std::move(failure));
    }
    const auto commits = state->commit();
    if (!commits) return refused(commits.error());
    if (commits->empty()) return std::nullopt;
    is_full({});
    std::erase_if(watches, [](const auto& watch) { return watch->stopped.load(); });
    for (const auto& watch : watches) {
      std::vector<Change> changes;
      for (const Commit& one : *commits) watch->add_changes(one, changes);
      if (!changes.empty())
        deliveries.to_watches.push_back({watch, std::move(changes), commits->back().revision, std::nullopt});
    }
    return std::nullopt;
  }

  void open_watches(Deliveries& deliveries) {
    for (auto& watch : std::exchange(opening, {})) {
      const auto commits = state->changes_after(watch->after);
      if (!commits) {
        deliveries.to_watches.push_back({watch, {}, 0, commits.error()});
        continue;
      }
      std::vector<Change> changes;
      for (const Commit* one : *commits) watch->add_changes(*one, changes);
      if (!changes.empty())
        deliveries.to_watches.push_back({watch, std::move(changes), commits->back()->revision, std::nullopt});
      watches.push_back(std::move(watch));
    }
  }

  FolderLock lock;  // goes last
  std::unique_ptr<CoordState> state;
  async::Loop& loop;
  const async::Clock& clock;
  const std::size_t queue_max;
  std::shared_ptr<char> alive = std::make_shared<char>();  // ended on the loop's thread

  mutable std::mutex mutex;
  std::condition_variable woken;
  std::deque<std::unique_ptr<Call>> queue;
  bool stopping = false;
  std::string full;  // set by the writer thread alone, which reads it without the mutex

  // The writer thread's own.
  std::vector<std::shared_ptr<Watch>> watches, opening;
  MonoTime leases_not_before{}, room_looked_at{};

  std::thread thread;
};

namespace {

template <typename T, typename Body>
std::unique_ptr<Call> call_of(Body body, async::Callback<Result<T>> done) {
  return std::make_unique<CallOf<T, Body>>(std::move(body), std::move(done));
}

}  // namespace

Result<std::unique_ptr<SqliteCoordStore>> SqliteCoordStore::open(const SqliteCoordOptions& options, async::Loop& loop,
                                                                 const async::Clock& clock) {
  auto lock = FolderLock::take(options.folder, clock.wall());
  if (!lock) return Failure(lock.error());
  auto state =
      CoordState::open(options.folder / "coord.db", clock, options.changes_kept_max, options.changes_kept_bytes_max);
  if (!state) return Failure(state.error().with("opening the coordination store"));
  return std::unique_ptr<SqliteCoordStore>(new SqliteCoordStore(
      std::make_unique<Writer>(std::move(*lock), std::move(*state), loop, clock, options.queue_max)));
}

SqliteCoordStore::SqliteCoordStore(std::unique_ptr<Writer> writer) : writer_(std::move(writer)) {
  writer_->thread = std::thread([writer = writer_.get()] { writer->run(); });
}

SqliteCoordStore::~SqliteCoordStore() {
  writer_->stop();
  writer_->alive.reset();
}

void SqliteCoordStore::commit(std::vector<Txn> batch, async::Callback<Result<std::vector<TxnAnswer>>> done) {
  writer_->add(call_of<std::vector<TxnAnswer>>(
      [batch = std::move(batch)](CoordState& state) { return state.apply(batch); }, std::move(done)));
}

void SqliteCoordStore::get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) {
  writer_->add(
      call_of<Listing>([keys = std::move(keys)](CoordState& state) { return state.get(keys); }, std::move(done)));
}

void SqliteCoordStore::list(std::string prefix, async::Callback<Result<Listing>> done) {
  writer_->add(call_of<Listing>([prefix = std::move(prefix)](CoordState& state) { return state.list(prefix); },
                                std::move(done)));
}

void SqliteCoordStore::list_keys(std::string prefix, std::string after, std::size_t most,
                                 async::Callback<Result<Listing>> done) {
  writer_->add(call_of<Listing>([prefix = std::move(prefix), after = std::move(after),
                                 most](CoordState& state) { return state.list_keys(prefix, after, most); },
                                std::move(done)));
}

WatchHandle SqliteCoordStore::watch(std::string prefix, Revision after, WatchSink& sink) {
  auto watch = std::make_shared<Watch>(std::move(prefix), after, sink);
  struct Open final : Call {
    Open(Writer& by, std::shared_ptr<Watch> one) : writer(by), watch(std::move(one)) {}
    void run(CoordState&) override { writer.opening.push_back(watch); }
    void fail(const Status& status) override { failure = status; }
    void answer() override {
      if (!failure || watch->stopped) return;
      watch->stopped = true;
      watch->sink.on_failed(std::move(*failure));
    }
    Writer& writer;
    std::shared_ptr<Watch> watch;
    std::optional<Status> failure;
  };
  writer_->add(std::make_unique<Open>(*writer_, watch));
  return std::make_unique<StopWatch>(std::move(watch));
}

void SqliteCoordStore::grant(std::chrono::milliseconds ttl, async::Callback<Result<LeaseId>> done) {
  writer_->add(call_of<LeaseId>([ttl](CoordState& state) { return state.grant(ttl); }, std::move(done)));
}

void SqliteCoordStore::keep_alive(LeaseId lease, async::Callback<Result<std::chrono::milliseconds>> done) {
  writer_->add(call_of<std::chrono::milliseconds>([lease](CoordState& state) { return state.keep_alive(lease); },
                                                  std::move(done)));
}

void SqliteCoordStore::revoke(LeaseId lease, async::Callback<Result<Revision>> done) {
  writer_->add(call_of<Revision>([lease](CoordState& state) { return state.revoke(lease); }, std::move(done)));
}

void SqliteCoordStore::compact(Revision revision, async::Callback<Result<Revision>> done) {
  writer_->add(call_of<Revision>([revision](CoordState& state) { return state.compact(revision); }, std::move(done)));
}

std::string SqliteCoordStore::full() const { return writer_->full_text(); }

}  // namespace cronfleet::coord
