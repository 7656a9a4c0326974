#include "history/sqlite/pruner.h"

#include <algorithm>
#include <limits>

namespace cronfleet::history::sqlite {
namespace {

constexpr std::size_t kRecordsPerStep = 2000;  // some tens of ms, during which no insert is answered
constexpr int kJobsCountedPerStep = 50;
constexpr int kOrphansPerStep = 200;
constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

}  // namespace

Result<Pruner::Step> Pruner::step(const Retention& retention, WallTime now, std::size_t records_max) {
  const WallTime oldest_kept = now - retention.age;
  records_max = std::min(records_max, kRecordsPerStep);
  if (retention.age.count() != 0) {
    const auto deleted = delete_old(oldest_kept, records_max);
    if (!deleted) return Failure(deleted.error());
    if (*deleted > 0) return Step{*deleted, false};
  }
  if (retention.records_per_job != 0) {
    set_limit(retention.records_per_job);
    if (over_.empty() && counted_up_to_ != kAll) {
      if (auto counted = count_some_jobs(); !counted) return Failure(counted.error());
      return Step{0, true};
    }
    const auto deleted = delete_excess(retention.records_per_job, records_max);
    if (!deleted) return Failure(deleted.error());
    if (*deleted > 0) return Step{*deleted, false};
  }
  if (retention.age.count() != 0) {
    if (auto done = delete_orphans(oldest_kept); !done) return Failure(done.error());
  }
  return Step{0, false};
}

Result<std::size_t> Pruner::delete_old(WallTime oldest_kept, std::size_t records_max) {
  auto select = database_.prepared("SELECT id FROM runs INDEXED BY runs_by_time WHERE at < ?1 ORDER BY at LIMIT ?2");
  if (!select) return Failure(select.error());
  std::vector<std::int64_t> runs;
  {
    Use use(**select);
    // A moment within a millisecond lies after the whole one.
    use->bind(1, std::chrono::ceil<Millis>(oldest_kept.time_since_epoch()).count());
    use->bind(2, static_cast<std::int64_t>(records_max));
    for (;;) {
      const auto row = use->step();
      if (!row) return Failure(row.error());
      if (!*row) break;
      runs.push_back(use->number(0));
    }
  }
  for (const std::int64_t run : runs) {
    if (auto done = delete_run(run); !done) return Failure(done.error());
  }
  return runs.size();
}

Result<std::size_t> Pruner::delete_excess(std::uint64_t records_per_job, std::size_t records_max) {
  auto select = database_.prepared(
      "SELECT id FROM runs INDEXED BY runs_by_job WHERE job = ?1 ORDER BY at, request, attempt LIMIT ?2");
  if (!select) return Failure(select.error());
  std::vector<std::int64_t> runs;
  for (const std::int64_t job : over_) {
    const std::size_t room = records_max - runs.size();
    if (room == 0) break;
    Use use(**select);
    use->bind(1, job);
    use->bind(2, static_cast<std::int64_t>(
                     std::min<std::uint64_t>(room, counts_[static_cast<std::size_t>(job)] - records_per_job)));
    for (;;) {
      const auto row = use->step();
      if (!row) return Failure(row.error());
      if (!*row) break;
      runs.push_back(use->number(0));
    }
  }
  for (const std::int64_t run : runs) {
    if (auto done = delete_run(run); !done) return Failure(done.error());
  }
  return runs.size();
}

// Output goes with its record. A run that still goes on has none, so its output lives for as long as it writes.
Result<void> Pruner::delete_orphans(WallTime oldest_kept) {
  auto select = database_.prepared(fmt::format(
      "SELECT o.id FROM outputs AS o INDEXED BY outputs_by_time WHERE o.written_at < ?1 AND NOT EXISTS (SELECT 1 FROM "
      "runs AS r WHERE r.job = o.job AND r.at = o.instant AND r.request = o.request AND r.attempt = o.attempt) AND NOT "
      "EXISTS (SELECT 1 FROM runs AS r WHERE r.job = o.job AND r.request = o.request AND r.request <> '' AND r.attempt "
      "= o.attempt) LIMIT {}",
      kOrphansPerStep));
  auto chunks = database_.prepared("DELETE FROM chunks WHERE output = ?1");
  auto output = database_.prepared("DELETE FROM outputs WHERE id = ?1");
  if (!select) return Failure(select.error());
  if (!chunks) return Failure(chunks.error());
  if (!output) return Failure(output.error());
  std::vector<std::int64_t> orphans;
  {
    Use use(**select);
    use->bind(1, to_ms(oldest_kept));
    for (;;) {
      const auto row = use->step();
      if (!row) return Failure(row.error());
      if (!*row) break;
      orphans.push_back(use->number(0));
    }
  }
  for (const std::int64_t orphan : orphans) {
    (*chunks)->bind(1, orphan);
    if (auto done = (*chunks)->run(); !done) return done;
    (*output)->bind(1, orphan);
    if (auto done = (*output)->run(); !done) return done;
  }
  return {};
}

Result<void> Pruner::count_some_jobs() {
  auto select = database_.prepared(
      fmt::format("SELECT job, count(*) FROM runs INDEXED BY runs_by_job WHERE job > ?1 GROUP BY job LIMIT {}",
                  kJobsCountedPerStep));
  if (!select) return Failure(select.error());
  Use use(**select);
  use->bind(1, counted_up_to_);
  for (int jobs = 0;; ++jobs) {
    const auto row = use->step();
    if (!row) return Failure(row.error());
    if (!*row) {
      if (jobs < kJobsCountedPerStep) counted_up_to_ = kAll;
      return {};
    }
    counted_up_to_ = use->number(0);
    const auto job = static_cast<std::size_t>(counted_up_to_);
    if (counts_.size() <= job) counts_.resize(job + 1);
    counts_[job] = static_cast<std::uint32_t>(use->number(1));
    if (counts_[job] > limit_) over_.insert(counted_up_to_);
  }
}

Result<void> Pruner::delete_run(std::int64_t run) {
  auto select = database_.prepared("SELECT job, at, request, attempt FROM runs WHERE id = ?1");
  auto chunks = database_.prepared(
      "DELETE FROM chunks WHERE output = (SELECT id FROM outputs WHERE job = ?1 AND instant = ?2 AND request = ?3 AND "
      "attempt = ?4)");
  auto output =
      database_.prepared("DELETE FROM outputs WHERE job = ?1 AND instant = ?2 AND request = ?3 AND attempt = ?4");
  auto record = database_.prepared("DELETE FROM runs WHERE id = ?1");
  for (const auto* statement : {&select, &chunks, &output, &record}) {
    if (!*statement) return Failure(statement->error());
  }
  std::int64_t job = 0;
  {
    Use use(**select);
    use->bind(1, run);
    const auto row = use->step();
    if (!row) return Failure(row.error());
    if (!*row) return fail(Code::Corrupt, "an index of the history names a record that is not there");
    job = use->number(0);
    for (Statement* deletion : {*chunks, *output}) {
      deletion->bind(1, job);
      deletion->bind(2, use->text(2).empty() ? use->number(1) : 0);
      deletion->bind_text(3, use->text(2));
      deletion->bind(4, use->number(3));
      if (auto done = deletion->run(); !done) return done;
    }
  }
  (*record)->bind(1, run);
  if (auto done = (*record)->run(); !done) return done;
  ++gone_[job];
  return {};
}

void Pruner::set_limit(std::uint64_t records_per_job) {
  if (limit_ == records_per_job) return;
  limit_ = records_per_job;
  over_.clear();
  for (std::size_t job = 0; job < counts_.size(); ++job) {
    if (counts_[job] > limit_) over_.insert(static_cast<std::int64_t>(job));
  }
}

void Pruner::committed() {
  for (const auto& [job, deleted] : gone_) {
    if (job > counted_up_to_) continue;
    std::uint32_t& count = counts_[static_cast<std::size_t>(job)];
    count -= std::min(count, deleted);
    if (count <= limit_) over_.erase(job);
  }
  gone_.clear();
}

void Pruner::rolled_back() { gone_.clear(); }

void Pruner::recorded(std::int64_t job_number) {
  if (job_number > counted_up_to_) return;
  const auto job = static_cast<std::size_t>(job_number);
  if (counts_.size() <= job) counts_.resize(job + 1);
  if (++counts_[job] > limit_ && limit_ != 0) over_.insert(job_number);
}

}  // namespace cronfleet::history::sqlite
