#include "sim/sim_history.h"

#include <algorithm>
#include <utility>

namespace cronfleet::sim {

using domain::OutputChunk;
using domain::RunId;
using domain::RunRecord;
using history::Inserted;
using history::Position;
using history::Retention;
using history::RunPage;
using history::RunQuery;

namespace {

Failure unavailable() { return fail(Code::Unavailable, "the simulated history did not answer in time"); }

bool matches(const RunRecord& record, const RunQuery& query) {
  if (query.job && record.id.firing.job != *query.job) return false;
  if (query.worker && record.worker != *query.worker) return false;
  if (query.from && record.scheduled_at < *query.from) return false;
  if (query.until && record.scheduled_at >= *query.until) return false;
  const auto& wanted = query.statuses;
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), record.end.status) != wanted.end();
}

}  // namespace

SimHistoryStore::SimHistoryStore(async::Timers& timers, const async::Clock& clock, Rng rng, SimHistoryFaults faults,
                                 Retention retention)
    : timers_(timers), clock_(clock), rng_(rng), faults_(faults), retention_(retention) {}

const std::map<std::uint64_t, OutputChunk>* SimHistoryStore::chunks(const RunId& run) const {
  const auto found = chunks_.find(run);
  return found == chunks_.end() ? nullptr : &found->second;
}

bool SimHistoryStore::reachable() {
  const MonoTime now = clock_.mono();
  if (now >= outage_until_ && rng_.chance(faults_.outage))
    outage_until_ = now + Millis(rng_.below(static_cast<std::uint64_t>(faults_.outage_max.count()) + 1));
  return !down_ && now >= outage_until_;
}

std::chrono::nanoseconds SimHistoryStore::latency() {
  const auto span = static_cast<std::uint64_t>((faults_.latency_max - faults_.latency_min).count());
  return faults_.latency_min + std::chrono::microseconds(rng_.below(span + 1));
}

Result<std::vector<Inserted>> SimHistoryStore::insert(const std::vector<RunRecord>& records) {
  if (full_) return fail(Code::NoSpace, "the simulated history is full");
  std::vector<Inserted> answers;
  for (const RunRecord& record : records) {
    Inserted& answer = answers.emplace_back();
    auto reason = history::why_refused(record);
    if (const auto standing = records_.find(record.id); !reason && first_stands_ && standing != records_.end()) {
      answer = {Inserted::Outcome::Duplicate, standing->second.end.status, standing->second.final, ""};
      continue;
    }
    if (!reason && (reason = history::why_too_old(record, retention_, clock_.wall()))) ++too_old_;
    if (reason) {
      answer.outcome = Inserted::Outcome::Refused;
      answer.error = std::move(*reason);
      continue;
    }
    const Position position{history::plan_time(record), record.id};
    records_.insert_or_assign(record.id, history::as_kept(record));
    by_time_.insert(position);
    by_job_[record.id.firing.job].insert(position);
    ++inserts_;
  }
  return answers;
}

Result<std::size_t> SimHistoryStore::append(const std::vector<OutputChunk>& chunks) {
  for (const OutputChunk& chunk : chunks) {
    if (auto reason = history::why_refused(chunk)) return fail(Code::InvalidArgument, "{}", *reason);
  }
  if (full_) return fail(Code::NoSpace, "the simulated history is full");
  std::size_t stored = 0;
  for (const OutputChunk& chunk : chunks) {
    OutputChunk kept = chunk;
    kept.written_at = from_ms(to_ms(chunk.written_at));
    if (chunks_[chunk.run].emplace(chunk.sequence, std::move(kept)).second) ++stored;
  }
  return stored;
}

void SimHistoryStore::erase(const Position& position) {
  const JobName job = position.run.firing.job;
  auto& of_job = by_job_[job];
  of_job.erase(position);
  if (of_job.empty()) by_job_.erase(job);
  records_.erase(position.run);
  chunks_.erase(position.run);
  by_time_.erase(Position(position));  // last: `position` may stand in here
}

Result<std::size_t> SimHistoryStore::prune(Retention retention, WallTime now, std::size_t records_max) {
  std::vector<Position> past;
  for (const Position& position : by_time_) {
    if (retention.age.count() == 0 || position.at >= now - retention.age || past.size() == records_max) break;
    past.push_back(position);
  }
  for (const Position& position : past) erase(position);
  std::size_t deleted = past.size();
  past.clear();
  for (const auto& [job, positions] : by_job_) {
    if (retention.records_per_job == 0 || positions.size() <= retention.records_per_job) continue;
    std::size_t excess = positions.size() - retention.records_per_job;
    for (auto oldest = positions.begin(); excess > 0 && deleted + past.size() < records_max; ++oldest, --excess)
      past.push_back(*oldest);
  }
  for (const Position& position : past) erase(position);
  deleted += past.size();
  // Output of runs whose record never came, or was refused.
  if (deleted == 0 && retention.age.count() != 0) {
    const auto newest = [](const auto& chunks) {
      WallTime at = WallTime::min();
      for (const auto& [sequence, chunk] : chunks) at = std::max(at, chunk.written_at);
      return at;
    };
    std::erase_if(chunks_, [&](const auto& output) {
      return !records_.contains(output.first) && newest(output.second) < now - retention.age;
    });
  }
  return deleted;
}

template <typename Answer, typename Write>
void SimHistory::send(Write write, async::Callback<Result<Answer>> done) {
  SimHistoryStore& store = store_;
  const MonoTime sent_at = store.clock_.mono();
  const auto answer_at = [this](MonoTime at, std::shared_ptr<Result<Answer>> answer, auto answered) {
    store_.timers_.at(at, [this, alive = std::weak_ptr(alive_), answer, answered]() mutable {
      if (alive.expired()) return;
      loop_.post([alive, answer, answered]() mutable {
        if (!alive.expired()) (*answered)(std::move(*answer));
      });
    });
  };
  // Shared by two tasks of which only one ever runs.
  auto answered = std::make_shared<async::Callback<Result<Answer>>>(std::move(done));
  if (!store.reachable() || store.rng_.chance(store.faults_.unavailable))
    return answer_at(sent_at + store.faults_.timeout, std::make_shared<Result<Answer>>(unavailable()), answered);
  const bool unknown = store.rng_.chance(store.faults_.unknown);
  const auto there = store.latency(), back = store.latency();
  const MonoTime timed_out_at = std::max(sent_at + store.faults_.timeout, sent_at + there);
  if (unknown) answer_at(timed_out_at, std::make_shared<Result<Answer>>(unavailable()), answered);
  store.timers_.at(sent_at + there, [&store, answer_at, unknown, back, answered, write = std::move(write),
                                     alive = std::weak_ptr(alive_)]() mutable {
    auto answer = std::make_shared<Result<Answer>>(write(store));
    if (!unknown && !alive.expired()) answer_at(store.clock_.mono() + back, std::move(answer), answered);
  });
}

void SimHistory::insert(std::vector<RunRecord> records, async::Callback<Result<std::vector<Inserted>>> done) {
  if (hook_) hook_("record-sent");
  send<std::vector<Inserted>>(
      [this, alive = std::weak_ptr(alive_), records = std::move(records)](SimHistoryStore& store) {
        auto answer = store.insert(records);
        if (!alive.expired() && hook_) hook_("record-stored");
        return answer;
      },
      std::move(done));
}

void SimHistory::append_output(std::vector<OutputChunk> chunks, async::Callback<Result<std::size_t>> done) {
  send<std::size_t>([chunks = std::move(chunks)](SimHistoryStore& store) { return store.append(chunks); },
                    std::move(done));
}

void SimHistory::prune(Retention retention, WallTime now, std::size_t records_max,
                       async::Callback<Result<std::size_t>> done) {
  send<std::size_t>([=](SimHistoryStore& store) { return store.prune(retention, now, records_max); }, std::move(done));
}

Result<RunRecord> SimHistory::get(const RunId& run) {
  if (!store_.reachable()) return unavailable();
  const auto found = store_.records_.find(run);
  if (found == store_.records_.end()) return fail(Code::NotFound, "no record of run '{}'", run.text());
  return found->second;
}

Result<RunPage> SimHistory::find(const RunQuery& query) {
  const auto start = history::page_start(query);
  if (!start) return tl::unexpected(start.error());
  if (!store_.reachable()) return unavailable();
  RunPage page;
  // True when the page is full and there is more.
  const auto add = [&](const Position& position) {
    const RunRecord& record = store_.records_.at(position.run);
    if (!matches(record, query)) return false;
    if (page.items.size() == query.limit) {
      page.next_cursor = history::cursor_after(query, {page.items.back().scheduled_at, page.items.back().id});
      return true;
    }
    page.items.push_back(record);
    page.items.back().output.clear();
    return false;
  };
  const auto& positions = store_.by_time_;
  if (query.order == history::Order::OldestFirst) {
    for (auto at = *start ? positions.upper_bound(**start) : positions.begin(); at != positions.end(); ++at) {
      if (add(*at)) break;
    }
  } else {
    auto end = *start ? positions.lower_bound(**start) : positions.end();
    while (end != positions.begin()) {
      if (add(*--end)) break;
    }
  }
  return page;
}

Result<history::OutputSlice> SimHistory::output(const RunId& run, std::uint64_t from, std::size_t bytes_max) {
  if (!store_.reachable()) return unavailable();
  history::OutputSlice slice;
  slice.next_offset = from;
  std::size_t bytes = 0;
  const auto* chunks = store_.chunks(run);
  if (chunks == nullptr) return slice;
  for (const auto& [sequence, chunk] : *chunks) {
    const std::uint64_t end = chunk.offset + chunk.bytes.size();
    if (end <= from) continue;
    if (!slice.chunks.empty() && bytes + chunk.bytes.size() > bytes_max) break;
    slice.chunks.push_back(chunk);
    slice.next_offset = end;
    bytes += chunk.bytes.size();
  }
  return slice;
}

Result<std::vector<history::StatusCount>> SimHistory::counts(WallTime from, WallTime until) {
  if (!store_.reachable()) return unavailable();
  std::map<domain::RunStatus, std::uint64_t> sums;
  for (const Position& position : store_.by_time_) {
    if (position.at < from || position.at >= until) continue;
    const RunRecord& record = store_.records_.at(position.run);
    sums[record.end.status] += record.range_count;
  }
  std::vector<history::StatusCount> counts;
  for (const auto& [status, count] : sums) counts.push_back({status, count});
  return counts;
}

}  // namespace cronfleet::sim
