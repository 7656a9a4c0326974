#include "history/history_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace cronfleet::history {
namespace {

constexpr std::size_t kSetAsideMax = 32;
constexpr int kHalvedMost = 10;           // then any batch is down to one member
constexpr int kAnswersBeforeDoubled = 4;  // in a row

std::size_t bytes_of(const domain::RunRecord& record) {
  return sizeof(record) + record.command.size() + record.output.size() + record.end.error.size();
}
std::size_t bytes_of(const domain::OutputChunk& chunk) { return sizeof(chunk) + chunk.bytes.size(); }

}  // namespace

struct HistoryWriter::State {
  struct WaitingRecord {
    domain::RunRecord record;
    Recorded done;
    std::uint64_t chunks_before;  // of all chunks ever taken, those that must be stored first
    std::size_t bytes;
    MonoTime since;
  };
  struct WaitingChunk {
    domain::OutputChunk chunk;
    MonoTime since;
  };
  enum class Sent { Records, Chunks };

  State(RunHistory& h, async::Timers& t, const async::Clock& c, Rng r, HistoryOptions o)
      : history(h), timers(t), clock(c), rng(r), options(o) {}
  ~State() { timers.cancel(wake); }

  bool hurried() const { return !flushed.empty() || singly > 0; }
  bool records_due(MonoTime now) const {
    return !records.empty() &&
           (hurried() || records.size() >= options.batch_records || record_bytes >= options.batch_bytes ||
            now >= records.front().since + options.batch_delay);
  }
  bool chunks_due(MonoTime now) const {
    return !chunks.empty() &&
           (hurried() || chunks.size() >= options.batch_chunks || chunk_bytes >= options.batch_bytes ||
            now >= chunks.front().since + options.output_delay);
  }
  bool sendable(const WaitingRecord& waiting) const { return waiting.chunks_before <= chunks_done; }

  // Sends what is due, if anything is and nothing is under way; else sees to it that it is called again in time.
  void pump() {
    if (under_way || backing_off) return;
    const MonoTime now = clock.mono();
    const bool chunks_now = chunks_due(now);
    const bool records_now = records_due(now);
    // Output waits at most for one batch of records, records for the output that was there before them.
    if (records_now && sendable(records.front()) && !(chunks_now && last_sent == Sent::Records)) {
      send_records();
    } else if (chunks_now || records_now) {
      send_chunks();
    } else if (records.empty() && chunks.empty()) {
      finish_flush();
    } else {
      wake_at(next_due());
    }
  }

  MonoTime next_due() const {
    MonoTime due = MonoTime::max();
    if (!records.empty()) due = records.front().since + options.batch_delay;
    if (!chunks.empty()) due = std::min(due, chunks.front().since + options.output_delay);
    return due;
  }

  void wake_at(MonoTime at) {
    if (wake != 0 && wake_due <= at) return;
    timers.cancel(wake);
    wake_due = at;
    wake = timers.at(at, [this] {
      wake = 0;
      backing_off = false;
      pump();
    });
  }

  void send_records() {
    std::vector<domain::RunRecord> batch;
    std::size_t bytes = 0;
    const std::size_t limit = singly > 0 ? 1 : options.batch_records >> halved;
    for (const WaitingRecord& waiting : records) {
      if (!batch.empty() && (batch.size() >= limit || bytes >= options.batch_bytes >> halved)) break;
      if (!sendable(waiting)) break;
      batch.push_back(waiting.record);
      bytes += waiting.bytes;
    }
    start(Sent::Records);
    const std::size_t count = batch.size();
    history.insert(std::move(batch), [this, count, living = std::weak_ptr(alive)](auto answers) {
      if (!living.expired()) on_inserted(count, std::move(answers));
    });
  }

  void send_chunks() {
    std::vector<domain::OutputChunk> batch;
    std::size_t bytes = 0;
    const std::size_t limit = singly > 0 ? 1 : options.batch_chunks >> halved;
    for (const WaitingChunk& waiting : chunks) {
      if (!batch.empty() && (batch.size() >= limit || bytes >= options.batch_bytes >> halved)) break;
      batch.push_back(waiting.chunk);
      bytes += bytes_of(waiting.chunk);
    }
    start(Sent::Chunks);
    const std::size_t count = batch.size();
    history.append_output(std::move(batch), [this, count, living = std::weak_ptr(alive)](auto stored) {
      if (!living.expired()) on_appended(count, std::move(stored));
    });
  }

  void start(Sent what) {
    timers.cancel(std::exchange(wake, 0));
    under_way = true;
    sent_at = clock.mono();
    last_sent = what;
  }

  void on_inserted(std::size_t count, Result<std::vector<Inserted>> answers) {
    under_way = false;
    if (!answers && answers.error().code() == Code::InvalidArgument) {
      if (count > 1) return send_singly(count);
      answers = std::vector{Inserted{Inserted::Outcome::Refused, {}, true, answers.error().message()}};
    }
    if (!answers) return back_off(answers.error());
    CHECK(answers->size() == count);
    recovered();
    // Out of the queue before the first answer goes out: who is told may record the next one.
    std::vector<WaitingRecord> told;
    for (std::size_t i = 0; i < count; ++i) {
      record_bytes -= records.front().bytes;
      told.push_back(std::move(records.front()));
      records.pop_front();
      count_record(told.back().record.id, (*answers)[i]);
    }
    const std::weak_ptr still_here(alive);
    for (std::size_t i = 0; i < count && !still_here.expired(); ++i) told[i].done(std::move((*answers)[i]));
    if (!still_here.expired()) pump();
  }

  void on_appended(std::size_t count, Result<std::size_t> stored) {
    under_way = false;
    if (!stored && stored.error().code() == Code::InvalidArgument) {
      if (count > 1) return send_singly(count);
      ++counters.chunks_set_aside;
      put_aside(chunks.front().chunk.run, stored.error().message());
    } else if (!stored) {
      return back_off(stored.error());
    } else {
      counters.chunks_stored += count;
    }
    recovered();
    for (std::size_t i = 0; i < count; ++i) {
      chunk_bytes -= bytes_of(chunks.front().chunk);
      chunks.pop_front();
    }
    chunks_done += count;
    pump();
  }

  // The history refuses the whole of a batch for one member that it cannot take: find out which.
  void send_singly(std::size_t count) {
    singly = count;
    pump();
  }

  void recovered() {
    latency = clock.mono() - sent_at;
    if (singly > 0) --singly;
    attempt = 0;
    trouble.clear();
    if (halved == 0 || ++answers_in_row < kAnswersBeforeDoubled) return;
    --halved;
    answers_in_row = 0;
  }

  void back_off(const Status& status) {
    ++counters.failures;
    trouble = status.text();
    const auto whole =
        std::min<std::chrono::nanoseconds>(options.retry_delay_max, options.retry_delay * (std::int64_t{1} << attempt));
    attempt = std::min(attempt + 1, 20);
    if (status.code() == Code::Unavailable) halved = std::min(halved + 1, kHalvedMost);
    answers_in_row = 0;
    const auto jitter = std::chrono::nanoseconds(rng.below(static_cast<std::uint64_t>(whole.count()) / 2 + 1));
    backing_off = true;
    wake_at(clock.mono() + whole - jitter);
  }

  void count_record(const domain::RunId& run, const Inserted& answer) {
    switch (answer.outcome) {
      case Inserted::Outcome::Stored: ++counters.stored; break;
      case Inserted::Outcome::Duplicate: ++counters.duplicates; break;
      case Inserted::Outcome::Refused:
        ++counters.refused;
        put_aside(run, answer.error);
        break;
    }
  }

  void put_aside(const domain::RunId& run, std::string reason) {
    if (set_aside.size() == kSetAsideMax) set_aside.pop_front();
    set_aside.push_back({run, std::move(reason)});
  }

  void finish_flush() {
    const std::weak_ptr still_here(alive);
    for (async::Task& done : std::exchange(flushed, {})) {
      if (!still_here.expired()) done();
    }
  }

  RunHistory& history;
  async::Timers& timers;
  const async::Clock& clock;
  Rng rng;
  const HistoryOptions options;

  std::deque<WaitingRecord> records;  // the first ones may be under way: they stay until the answer
  std::deque<WaitingChunk> chunks;
  std::size_t record_bytes = 0, chunk_bytes = 0;
  std::uint64_t chunks_taken = 0, chunks_done = 0;
  bool under_way = false, backing_off = false;
  Sent last_sent = Sent::Chunks;
  int attempt = 0;
  std::size_t singly = 0;  // so many calls carry one member each
  int halved = 0;          // so many times, since calls got no answer
  int answers_in_row = 0;  // since then
  async::TimerId wake = 0;
  MonoTime wake_due{};
  std::vector<async::Task> flushed;
  std::string trouble;
  MonoTime sent_at{};
  std::chrono::nanoseconds latency{0};
  Counters counters;
  std::deque<SetAside> set_aside;
  std::shared_ptr<int> alive = std::make_shared<int>();
};

HistoryWriter::HistoryWriter(RunHistory& history, async::Timers& timers, const async::Clock& clock, Rng rng,
                             HistoryOptions options)
    : state_(std::make_unique<State>(history, timers, clock, rng, options)) {}
HistoryWriter::~HistoryWriter() = default;

void HistoryWriter::record(domain::RunRecord record, Recorded done) {
  const std::size_t bytes = bytes_of(record);
  state_->record_bytes += bytes;
  state_->records.push_back({std::move(record), std::move(done), state_->chunks_taken, bytes, state_->clock.mono()});
  state_->pump();
}

bool HistoryWriter::output(domain::OutputChunk chunk) {
  const std::size_t bytes = bytes_of(chunk);
  const std::size_t most =
      state_->trouble.empty() ? state_->options.output_bytes_max : state_->options.output_bytes_away;
  if (!state_->chunks.empty() && state_->chunk_bytes + bytes > most) {
    ++state_->counters.chunks_without_room;
    return false;
  }
  state_->chunk_bytes += bytes;
  ++state_->chunks_taken;
  state_->chunks.push_back({std::move(chunk), state_->clock.mono()});
  state_->pump();
  return true;
}

std::size_t HistoryWriter::records_waiting() const { return state_->records.size(); }
std::optional<WallTime> HistoryWriter::oldest_waiting() const {
  if (state_->records.empty()) return std::nullopt;
  return state_->records.front().record.end.ended_at;
}
std::size_t HistoryWriter::output_bytes_waiting() const { return state_->chunk_bytes; }
bool HistoryWriter::has_room() const { return state_->record_bytes < state_->options.record_bytes_max; }
const std::string& HistoryWriter::trouble() const { return state_->trouble; }
std::chrono::milliseconds HistoryWriter::latency() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(state_->latency);
}
const HistoryWriter::Counters& HistoryWriter::counters() const { return state_->counters; }
const std::deque<HistoryWriter::SetAside>& HistoryWriter::set_aside() const { return state_->set_aside; }

std::uint64_t HistoryWriter::output_taken() const { return state_->chunks_taken; }
std::uint64_t HistoryWriter::output_done() const { return state_->chunks_done; }

void HistoryWriter::flush(async::Task done) {
  state_->flushed.push_back(std::move(done));
  if (state_->backing_off) return;
  // Also where nothing is left: the answer comes as a task, never inside the call.
  state_->wake_at(state_->clock.mono());
}

}  // namespace cronfleet::history
