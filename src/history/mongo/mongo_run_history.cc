#include "history/mongo/mongo_run_history.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "history/contract.h"
#include "history/mongo/connection.h"
#include "history/mongo/pruner.h"
#include "history/mongo/reader.h"
#include "history/mongo/recorder.h"
#include "history/mongo/schema.h"

namespace cronfleet::history {
namespace {

using mongo::Connection;
using mongo::Session;

constexpr int kThreads = 2;                          // one may be deleting or making indexes while the other inserts
constexpr std::chrono::seconds kReadsFailFor{1};     // after a call that got no answer; then one read tries
constexpr std::chrono::seconds kIndexesAgainIn{30};  // after they could not be made
constexpr std::chrono::seconds kIdleLook{5};         // how long a thread waits before it looks what else is to be done

// A write that waits. `run` is called on a thread of ours, `drop` instead of it when there is no time left for it.
struct Write {
  std::size_t bytes = 0;
  bool upkeep = false;  // deletes or makes indexes: one at a time
  async::Task run, drop;
};

// What the threads have to do, in order.
class WriteQueue {
 public:
  explicit WriteQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // False: full, and `write` is as it was.
  bool push(Write& write) {
    const std::lock_guard lock(mutex_);
    if (ended_ || (write.bytes > 0 && bytes_ > 0 && bytes_ + write.bytes > bytes_max_)) return false;
    bytes_ += write.bytes;
    writes_.push_back(std::move(write));
    ready_.notify_one();
    return true;
  }

  // Waits; none: it has ended. One with nothing to run: there was none for kIdleLook.
  std::optional<Write> take() {
    std::unique_lock lock(mutex_);
    const auto next = [&] {
      return std::find_if(writes_.begin(), writes_.end(), [&](const Write& w) { return !w.upkeep || !upkeep_; });
    };
    const bool any = ready_.wait_for(lock, kIdleLook, [&] { return ended_ || next() != writes_.end(); });
    if (ended_) return std::nullopt;
    if (!any) return Write{};
    const auto found = next();
    Write write = std::move(*found);
    writes_.erase(found);
    upkeep_ = upkeep_ || write.upkeep;
    return write;
  }
  void finished(const Write& write) {
    const std::lock_guard lock(mutex_);
    bytes_ -= write.bytes;
    if (write.upkeep) upkeep_ = false;
    ready_.notify_all();
  }

  std::deque<Write> end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    ready_.notify_all();
    return std::exchange(writes_, {});
  }
  bool ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Write> writes_;
  std::size_t bytes_ = 0;  // of what waits and what runs
  bool upkeep_ = false;
  bool ended_ = false;
};

// To the callers of writes and reads all that is wrong with the server is Unavailable: InvalidArgument would speak of
// what they sent.
Status to_callers(const Status& status) {
  return status.code() == Code::InvalidArgument ? Status(Code::Unavailable, status.message()) : status;
}

}  // namespace

struct MongoRunHistory::Impl {
  Impl(MongoOptions o, async::Loop& l, const async::Clock& c, std::unique_ptr<Connection> made)
      : options(std::move(o)), loop(l), clock(c), connection(std::move(made)), queue(options.queue_bytes_max) {}

  ~Impl() {
    for (Write& write : queue.end()) write.drop();
    for (std::thread& thread : threads) thread.join();
  }

  void start() {
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([this] { run(); });
    make_indexes_soon();
  }

  void run() {
    while (auto write = queue.take()) {
      if (!write->run) {
        make_indexes_soon();  // also where nobody writes any more
        continue;
      }
      write->run();
      queue.finished(*write);
    }
  }

  // --- what is known of the server

  // Keeps the books of a call that has ended.
  template <typename T>
  void note(const Result<T>& answer) {
    const std::lock_guard lock(mutex);
    ++known.calls;
    const bool server_failed = !answer && answer.error().code() != Code::NotFound &&
                               answer.error().code() != Code::Corrupt && answer.error().code() != Code::Conflict;
    if (!server_failed) {
      known.state = MongoStatus::State::Available;
      known.trouble.clear();
      return;
    }
    ++known.failures;
    const bool refused = answer.error().code() == Code::InvalidArgument;
    known.state = refused ? MongoStatus::State::Refused : MongoStatus::State::Away;
    known.trouble = answer.error().message();
    failed_at = clock_now();
    // What comes back may be another server, or an empty one.
    checked = false;
    known.indexes_ready = false;
  }

  MonoTime clock_now() const { return clock.mono(); }

  // While the server is away one read at a time finds out whether it is back; the others are told at once.
  Result<bool> may_read() {
    const std::lock_guard lock(mutex);
    if (known.state != MongoStatus::State::Away && known.state != MongoStatus::State::Refused) return false;
    if (probing || clock_now() < failed_at + kReadsFailFor) return Failure(Status(Code::Unavailable, known.trouble));
    probing = true;
    return true;
  }

  template <typename Answer, typename Call>
  Result<Answer> read(Call call) {
    const auto probe = may_read();
    if (!probe) return Failure(probe.error());
    auto answer = [&]() -> Result<Answer> {
      auto session = connection->session();
      if (!session) return Failure(session.error());
      return call(*session);
    }();
    note(answer);
    if (*probe) {
      const std::lock_guard lock(mutex);
      probing = false;
    }
    if (!answer) return Failure(to_callers(answer.error()));
    return answer;
  }

  // --- before the first write, and again after each trouble

  Result<void> prepare(Session& session) {
    {
      const std::lock_guard lock(mutex);
      if (checked) return {};
    }
    if (auto done = mongo::check_collections(session, *connection); !done) return done;
    const std::lock_guard lock(mutex);
    checked = true;
    return {};
  }

  void make_indexes_soon() {
    {
      const std::lock_guard lock(mutex);
      if (indexes_asked || known.indexes_ready || clock_now() < indexes_not_before) return;
      indexes_asked = true;
    }
    Write write{0, true, [this] { make_indexes(); }, [] {}};
    (void)queue.push(write);  // false: it has ended
  }

  void make_indexes() {
    const Result<void> done = [&]() -> Result<void> {
      auto session = connection->session();
      if (!session) return Failure(session.error());
      if (auto prepared = prepare(*session); !prepared) {
        note(prepared);
        return prepared;
      }
      return mongo::make_indexes(*session, *connection);
    }();
    const std::lock_guard lock(mutex);
    indexes_asked = false;
    known.indexes_ready = done.has_value();
    known.index_trouble = done ? "" : done.error().message();
    if (!done) indexes_not_before = clock_now() + kIndexesAgainIn;
  }

  // --- writes

  template <typename Answer>
  void answer(async::Callback<Result<Answer>> done, Result<Answer> result) {
    loop.post([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  // `call` runs on a thread with a session on a server that takes our records.
  template <typename Answer, typename Call>
  void write(std::size_t bytes, bool upkeep, async::Callback<Result<Answer>> done, Call call) {
    auto shared = std::make_shared<async::Callback<Result<Answer>>>(std::move(done));
    Write write;
    write.bytes = bytes;
    write.upkeep = upkeep;
    write.run = [this, shared, call = std::move(call)]() mutable {
      bool of_what_was_sent = false;  // InvalidArgument speaks of that, not of the server
      Result<Answer> result = [&]() -> Result<Answer> {
        auto session = connection->session();
        if (!session) return Failure(session.error());
        if (auto prepared = prepare(*session); !prepared) return Failure(prepared.error());
        return call(*session, of_what_was_sent);
      }();
      if (of_what_was_sent) {
        note(Result<void>());
      } else {
        note(result);
        if (!result) result = Failure(to_callers(result.error()));
        if (result) make_indexes_soon();
      }
      answer(std::move(*shared), std::move(result));
    };
    write.drop = [this, shared] {
      answer(std::move(*shared), Result<Answer>(fail(Code::Unavailable, "the run history is being closed")));
    };
    if (queue.push(write)) return;
    answer(std::move(*shared), Result<Answer>(fail(Code::Unavailable, "the run history has too many writes waiting")));
  }

  const MongoOptions options;
  async::Loop& loop;
  const async::Clock& clock;
  const std::unique_ptr<Connection> connection;
  WriteQueue queue;
  mongo::Pruner pruner;  // of the one write that does upkeep

  mutable std::mutex mutex;
  MongoStatus known;
  bool checked = false;  // the collections are ours to write
  bool probing = false;
  bool indexes_asked = false;
  MonoTime failed_at{}, indexes_not_before{};
  std::vector<std::thread> threads;
};

MongoRunHistory::MongoRunHistory(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MongoRunHistory::~MongoRunHistory() = default;

Result<std::unique_ptr<MongoRunHistory>> MongoRunHistory::open(MongoOptions options, async::Loop& loop,
                                                               const async::Clock& clock) {
  auto connection = Connection::open(options);
  if (!connection) return Failure(connection.error());
  auto impl = std::make_unique<Impl>(std::move(options), loop, clock, std::move(*connection));
  impl->start();
  return std::unique_ptr<MongoRunHistory>(new MongoRunHistory(std::move(impl)));
}

Result<void> MongoRunHistory::check() {
  Result<void> done = [&]() -> Result<void> {
    auto session = impl_->connection->session();
    if (!session) return Failure(session.error());
    return mongo::check_collections(*session, *impl_->connection);
  }();
  impl_->note(done);
  return done;
}

MongoStatus MongoRunHistory::status() const {
  MongoStatus status;
  {
    const std::lock_guard lock(impl_->mutex);
    status = impl_->known;
  }
  status.queue_bytes = impl_->queue.bytes();
  return status;
}

void MongoRunHistory::insert(std::vector<domain::RunRecord> records,
                             async::Callback<Result<std::vector<Inserted>>> done) {
  std::size_t bytes = 0;
  for (const auto& record : records) bytes += sizeof(record) + record.command.size() + record.output.size();
  impl_->write<std::vector<Inserted>>(bytes, false, std::move(done),
                                      [impl = impl_.get(), records = std::move(records), now = impl_->clock.wall()](
                                          Session& session, bool&) -> Result<std::vector<Inserted>> {
                                        auto recorded =
                                            mongo::insert_records(session, records, impl->options.retention, now);
                                        if (!recorded) return Failure(recorded.error());
                                        const std::lock_guard lock(impl->mutex);
                                        impl->known.too_old += recorded->too_old;
                                        return std::move(recorded->answers);
                                      });
}

void MongoRunHistory::append_output(std::vector<domain::OutputChunk> chunks,
                                    async::Callback<Result<std::size_t>> done) {
  std::size_t bytes = 0;
  for (const auto& chunk : chunks) {
    bytes += sizeof(chunk) + chunk.bytes.size();
    if (auto reason = why_refused(chunk))
      return impl_->answer(std::move(done), Result<std::size_t>(fail(Code::InvalidArgument, "{}", *reason)));
  }
  impl_->write<std::size_t>(bytes, false, std::move(done),
                            [chunks = std::move(chunks)](Session& session, bool& of_what_was_sent) {
                              return mongo::insert_chunks(session, chunks, of_what_was_sent);
                            });
}

void MongoRunHistory::prune(Retention retention, WallTime now, std::size_t records_max,
                            async::Callback<Result<std::size_t>> done) {
  impl_->write<std::size_t>(
      0, true, std::move(done), [impl = impl_.get(), retention, now, records_max](Session& session, bool&) {
        return impl->pruner.step(session, retention, now, records_max, [impl] { return impl->queue.ended(); });
      });
}

Result<domain::RunRecord> MongoRunHistory::get(const domain::RunId& run) {
  return impl_->read<domain::RunRecord>([&](Session& session) { return mongo::read_record(session, run); });
}

Result<RunPage> MongoRunHistory::find(const RunQuery& query) {
  // What is wrong with the query is told as it is, server or not.
  if (const auto start = page_start(query); !start) return Failure(start.error());
  std::uint64_t passed_over = 0;
  auto page = impl_->read<RunPage>([&](Session& session) { return mongo::read_page(session, query, passed_over); });
  if (passed_over > 0) {
    const std::lock_guard lock(impl_->mutex);
    impl_->known.undecodable += passed_over;
  }
  return page;
}

Result<OutputSlice> MongoRunHistory::output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) {
  return impl_->read<OutputSlice>([&](Session& session) { return mongo::read_output(session, run, from, bytes_max); });
}

Result<std::vector<StatusCount>> MongoRunHistory::counts(WallTime from, WallTime until) {
  return impl_->read<std::vector<StatusCount>>(
      [&](Session& session) { return mongo::read_counts(session, from, until); });
}

}  // namespace cronfleet::history
