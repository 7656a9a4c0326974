#include "runtime/outbox.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "cron/parse.h"

namespace cronfleet::runtime {
namespace {

using Level = WorkerObserver::Level;

// Above so many firings a range is one record instead of one each (REL-16).
constexpr std::uint64_t kRangeRecords = 1'000;

core::RunRecorded recorded(domain::RunId run, const history::Inserted& inserted) {
  return {std::move(run), inserted.outcome == history::Inserted::Outcome::Duplicate, inserted.standing,
          inserted.standing_final};
}

}  // namespace

Outbox::Outbox(WorkerParts& parts, const WorkerOptions& options, Measures& measures, WorkerObserver& observer,
               Step step)
    : parts_(parts),
      options_(options),
      measures_(measures),
      observer_(observer),
      step_(std::move(step)),
      writer_(parts.history, parts.timers, parts.clock, parts.rng.fork("history"), options.history),
      attic_(options.attic_folder) {}

void Outbox::look() {
  send_output();
  look_at_history();
}

void Outbox::add_warnings(std::vector<std::string>& warnings) const {
  if (const std::size_t spooled = records_spooled(); spooled > 0)
    warnings.push_back(fmt::format(
        "spooled: the records of {} runs are on this machine's disk alone until the history has them", spooled));
  for (const std::string& trouble : {spool_trouble_, spool_lost_})
    if (!trouble.empty()) warnings.push_back("spool: " + trouble);
  if (!writer_.trouble().empty()) warnings.push_back("history: " + writer_.trouble());
}

// ---- output ---------------------------------------------------------------------------------------------------------

void Outbox::output(domain::OutputChunk chunk) {
  measures_.output_bytes += chunk.bytes.size();
  offer_output(std::move(chunk));
}

void Outbox::offer_output(domain::OutputChunk chunk) {
  if (!output_waiting_.contains(chunk.run)) {
    domain::OutputChunk copy = chunk;
    if (writer_.output(std::move(copy))) return;
  }
  output_waiting_bytes_ += chunk.bytes.size();
  output_waiting_[chunk.run].push_back(std::move(chunk));
}

void Outbox::offer_all(std::vector<domain::OutputChunk> chunks) {
  for (domain::OutputChunk& chunk : chunks) offer_output(std::move(chunk));
}

void Outbox::left(const domain::RunId& run, const core::RunOutput& output) {
  if (!output.text.empty() || !output.chunks.empty()) attic_.put(run.text(), core::encode(output));
}

std::optional<core::RunOutput> Outbox::find_left(const domain::RunId& run) {
  auto bytes = attic_.find(run.text());
  if (bytes && !*bytes) return std::nullopt;
  auto output = bytes ? core::decode_output(run, **bytes) : Result<core::RunOutput>(Failure(bytes.error()));
  if (output) return std::move(*output);
  observer_.on_message(Level::Error, "output of a run is lost",
                       fmt::format("{}: {}", run.text(), output.error().text()));
  return std::nullopt;
}

std::optional<core::RunOutput> Outbox::take_left(const domain::RunId& run) {
  if (attic_.size() == 0) return std::nullopt;
  auto output = find_left(run);
  attic_.drop(run.text());
  return output;
}

// Offers again what the writer had no room for; then the records behind it.
void Outbox::send_output() {
  while (!forgotten_after_.empty() && forgotten_after_.front().first <= writer_.output_done()) {
    parts_.executor.acknowledge(forgotten_after_.front().second);
    forgotten_after_.pop_front();
  }
  for (auto it = output_waiting_.begin(); it != output_waiting_.end();) {
    std::vector<domain::OutputChunk>& chunks = it->second;
    std::size_t taken = 0;
    for (; taken < chunks.size() && writer_.output(chunks[taken]); ++taken)
      output_waiting_bytes_ -= chunks[taken].bytes.size();
    chunks.erase(chunks.begin(), chunks.begin() + static_cast<std::ptrdiff_t>(taken));
    if (!chunks.empty()) {
      ++it;
      continue;
    }
    const domain::RunId run = it->first;
    it = output_waiting_.erase(it);
    if (forgotten_.erase(run) != 0) forget_behind_output(run);
    if (const auto record = records_waiting_.find(run); record != records_waiting_.end()) {
      domain::RunRecord ready = std::move(record->second);
      records_waiting_.erase(record);
      record_when_output_is_through(std::move(ready));
    }
  }
  // Last, and one at a time: nobody waits for these.
  for (; output_waiting_.empty() && !recorded_by_others_.empty(); recorded_by_others_.pop_front()) {
    const domain::RunId& run = recorded_by_others_.front();
    auto left = take_left(run);
    if (!left) continue;  // it went with a record after all, or cannot be read before the next life
    offer_all(std::move(left->chunks));
    forget_behind_output(run);
  }
}

// ---- records --------------------------------------------------------------------------------------------------------

void Outbox::perform(core::Record& record) {
  if (!record.shelved) count(record.record.end, record.record.trigger, record.record.scheduled_at);
  if (auto left = take_left(record.record.id)) {
    offer_all(std::move(left->chunks));
    if (record.record.output.empty()) record.record.output = std::move(left->text);
  }
  record_when_output_is_through(std::move(record.record));
}

void Outbox::record_when_output_is_through(domain::RunRecord record) {
  if (output_waiting_.count(record.id) != 0) {
    records_waiting_[record.id] = std::move(record);
    return;
  }
  const domain::RunId id = record.id;
  writer_.record(std::move(record), alive_.wrap([this, id](const history::Inserted& inserted) {
    if (inserted.outcome == history::Inserted::Outcome::Refused)
      observer_.on_message(Level::Error, "record refused by the history",
                           fmt::format("{}: {}", id.text(), inserted.error));
    step_(recorded(id, inserted));
  }));
}

// One record for each firing of a range, or one for all of them where there are many. Every one of them is in the
// history before the scheduler hears of it.
void Outbox::perform(core::RecordRange& effect) {
  if (!effect.shelved) measures_.runs[{effect.last.end.status, effect.last.trigger}] += effect.range.count;
  const domain::RunId id = effect.last.id;
  auto answered = alive_.wrap([this, id](const history::Inserted& inserted) { step_(recorded(id, inserted)); });
  const auto schedule = cron::parse(effect.range.schedule, {.key = id.firing.job.text(), .zones = &parts_.zones});
  cron::ZonePtr zone = effect.range.time_zone.empty() ? cron::utc() : parts_.zones.find(effect.range.time_zone);
  if (effect.range.count > kRangeRecords || !schedule || zone == nullptr) {
    return writer_.record(std::move(effect.last), std::move(answered));
  }
  if (schedule->zone != nullptr) zone = schedule->zone;
  const cron::Schedule anchored =
      schedule->schedule.is_every() ? schedule->schedule.anchored_at(effect.range.from) : schedule->schedule;
  auto left = std::make_shared<std::uint64_t>(effect.range.count);
  auto done = std::make_shared<decltype(answered)>(std::move(answered));
  WallTime instant = effect.range.from;
  for (std::uint64_t i = 0; i < effect.range.count; ++i) {
    domain::RunRecord record = effect.last;
    record.range_count = 1;
    record.range_from.reset();
    record.scheduled_at = instant;
    record.id.firing.which = instant;
    writer_.record(std::move(record), [left, done](history::Inserted inserted) {
      if (--*left == 0) (*done)(inserted);
    });
    instant = cron::next(anchored, *zone, instant).value_or(effect.range.to);
  }
}

void Outbox::count(const domain::RunEnd& end, domain::Trigger trigger, WallTime scheduled_at) {
  using Seconds = std::chrono::duration<double>;
  ++measures_.runs[{end.status, trigger}];
  const WallTime started = end.started_at, ended = end.ended_at;
  if (started == ended || started == WallTime{}) return;  // it never started
  measures_.duration_seconds.add(Seconds(ended - started).count());
  if (trigger == domain::Trigger::Schedule) measures_.lateness_seconds.add(Seconds(started - scheduled_at).count());
}

void Outbox::perform(core::Forget& forget) {
  const std::string name = forget.run.text();
  if (forget.by_others && attic_.contains(name)) {
    recorded_by_others_.push_back(forget.run);
  } else {
    attic_.drop(name);
    parts_.executor.acknowledge(forget.run);
  }
  if (records_spooled() > 0) parts_.spool->remove(name);
}

// What the journal has of its output is nowhere else until the history has it.
void Outbox::forget_behind_output(const domain::RunId& run) {
  if (output_waiting_.contains(run)) return void(forgotten_.insert(run));
  forgotten_after_.emplace_back(writer_.output_taken(), run);
}

// ---- records without room: shelf and spool --------------------------------------------------------------------------

std::size_t Outbox::records_spooled() const { return parts_.spool == nullptr ? 0 : parts_.spool->size(); }

std::size_t Outbox::records_held() const { return writer_.records_waiting() + records_waiting_.size(); }

std::size_t Outbox::records_waiting() const {
  return records_held() + (parts_.shelf == nullptr ? 0 : parts_.shelf->size());
}

std::size_t Outbox::output_bytes_waiting() const { return writer_.output_bytes_waiting() + output_waiting_bytes_; }

std::optional<WallTime> Outbox::oldest_waiting() const {
  const auto oldest = writer_.oldest_waiting();
  if (parts_.shelf == nullptr || parts_.shelf->size() == 0) return oldest;
  return oldest ? std::min(*oldest, shelf_ended_at_) : shelf_ended_at_;
}

bool Outbox::has_room() const {
  return records_held() < (writer_.trouble().empty() ? options_.records_held : options_.records_held_away) &&
         has_room_for_bytes();
}

bool Outbox::has_room_for_bytes() const {
  return writer_.has_room() && output_waiting_bytes_ < options_.history.output_bytes_max;
}

// One goes up also while the history is away, when nothing else waits for it: else nobody would learn that it is back.
bool Outbox::may_unshelve() const {
  if (parts_.shelf->size() == 0) return false;
  if (records_held() == 0) return true;
  return writer_.trouble().empty() && records_held() < options_.records_held_away && has_room_for_bytes();
}

void Outbox::perform(core::Shelve& shelve) {
  core::Shelved& run = shelve.run;
  if (run.entry.range)
    measures_.runs[{run.entry.end.status, run.entry.trigger}] += run.entry.range->count;
  else
    count(run.entry.end, run.entry.trigger, run.entry.scheduled_at);
  if (auto left = take_left(run.entry.run)) {
    run.output.chunks = std::move(left->chunks);
    if (run.output.text.empty()) run.output.text = std::move(left->text);
  } else if (const auto output = output_waiting_.find(run.entry.run); output != output_waiting_.end()) {
    run.output.chunks = std::move(output->second);
    output_waiting_.erase(output);
    for (const domain::OutputChunk& chunk : run.output.chunks) output_waiting_bytes_ -= chunk.bytes.size();
  }
  const bool first = parts_.shelf->size() == 0;
  if (parts_.shelf->put(core::encode(run))) {
    if (first) shelf_ended_at_ = run.entry.end.ended_at;
    return;
  }
  offer_all(std::exchange(run.output.chunks, {}));
  step_(core::Unshelved{std::move(run)});
}

// The oldest one, its output on its way already; or that the shelf is lost.
core::Event Outbox::unshelved() {
  auto bytes = parts_.shelf->take();
  auto run = bytes ? core::decode_shelved(*bytes) : Result<core::Shelved>(Failure(bytes.error()));
  if (!run) {
    observer_.on_message(Level::Error, "records that wait are read from the store again, their output may be missing",
                         run.error().text());
    while (parts_.shelf->size() > 0 && parts_.shelf->take()) {
    }
    return core::ShelfLost{};
  }
  shelf_ended_at_ = run->entry.end.ended_at;  // the next one's is hardly later
  offer_all(std::exchange(run->output.chunks, {}));
  return core::Unshelved{std::move(*run)};
}

void Outbox::perform(core::UnshelveAll&) {
  while (parts_.shelf->size() > 0) step_(unshelved());
}

void Outbox::settle(const std::function<void(const core::Event&)>& step_now) {
  if (parts_.shelf == nullptr) return;
  constexpr int kAtOnce = 16;
  for (int fetched = 0;;) {
    if (const bool room = has_room(); room != room_told_) {
      step_now(core::HistoryRoom{room_told_ = room});
    } else if (fetched < kAtOnce && may_unshelve()) {
      ++fetched;
      step_now(unshelved());
    } else {
      return;
    }
  }
}

void Outbox::perform(core::Spool& spool) {
  const domain::RunId run = spool.run.entry.run;
  if (parts_.spool == nullptr) return step_(core::Spooled{run, false});
  if (auto left = find_left(run)) spool.run.output.text = std::move(left->text);  // its chunks stay in the journal
  parts_.spool->put(run.text(), core::encode(spool.run), alive_.wrap([this, run](bool kept) {
    look_at_spool(kept ? std::string() : parts_.spool->trouble());
    step_(core::Spooled{run, kept});
  }));
}

// Told once when it takes nothing and once when it does again. What it does not take waits in the store meanwhile.
void Outbox::look_at_spool(std::string trouble) {
  if (trouble.empty() == std::exchange(spool_trouble_, std::move(trouble)).empty()) return;
  if (!spool_trouble_.empty())
    observer_.on_message(Level::Error, "records of runs that are over cannot be put on this machine's disk",
                         spool_trouble_);
  else
    observer_.on_message(Level::Info, "records of runs that are over can be put on this machine's disk again", "");
}

// Some at a time, so that the session is renewed meanwhile. Nothing that the journal tells of is forgotten before all
// of them are known.
void Outbox::read_spool(async::Task done) {
  constexpr std::size_t kAtOnce = 500;
  Result<std::vector<std::string>> left;
  if (parts_.spool != nullptr) left = parts_.spool->left(kAtOnce);
  if (!left) {
    spool_lost_ = left.error().message();
    observer_.on_message(Level::Error, "records of runs that are over are lost", left.error().text());
  }
  for (const std::string& bytes : left.value_or(std::vector<std::string>())) {
    auto run = core::decode_shelved(bytes);
    if (run)
      step_(core::Respooled{std::move(*run)});
    else
      observer_.on_message(Level::Error, "record of a run that is over is lost", run.error().text());
  }
  if (left && !left->empty())
    return parts_.loop.post(alive_.wrap([this, done = std::move(done)]() mutable { read_spool(std::move(done)); }));
  spool_read_ = true;
  done();
}

// Told once when it goes and once when it is back, not for each call.
void Outbox::look_at_history() {
  const bool away = !writer_.trouble().empty();
  if (away == std::exchange(history_away_, away)) return;
  if (!away) spool_trouble_.clear();  // nothing more is put there
  if (away)
    observer_.on_message(Level::Warn, "history is away", writer_.trouble());
  else
    observer_.on_message(Level::Info, "history answers again", fmt::format("{} records wait", records_waiting()));
}

}  // namespace cronfleet::runtime
