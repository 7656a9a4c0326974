#include "history/sqlite/reader.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "history/contract.h"
#include "history/sqlite/schema.h"

namespace cronfleet::history::sqlite {
namespace {

using domain::RunStatus;

constexpr const char* kColumns =
    "j.name, r.at, r.request, r.attempt, r.status, w.name, r.range_count, r.reason, r.exit_code, r.signal, r.trigger, "
    "r.final, r.claimed, r.started, r.ended, r.range_from, r.output_bytes, r.output_bytes_dropped, r.cpu_user_us, "
    "r.cpu_system_us, r.memory_bytes_peak, r.job_revision, r.fence, r.command, r.error, r.actor, r.triggered_by";
constexpr const char* kRows = "FROM runs AS r JOIN jobs AS j ON j.id = r.job JOIN workers AS w ON w.id = r.worker";

// The first whole millisecond that is not before `at`.
std::int64_t ms_from(WallTime at) { return std::chrono::ceil<Millis>(at.time_since_epoch()).count(); }

std::optional<int> optional_number(Statement& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<int>(row.number(column));
}
std::uint64_t unsigned_number(Statement& row, int column) { return static_cast<std::uint64_t>(row.number(column)); }

// A row of kColumns.
Result<domain::RunRecord> record_from(Statement& row) {
  const auto status = status_of(row.number(4));
  const auto reason = reason_of(row.number(7));
  const auto trigger = trigger_of(row.number(10));
  const std::int64_t at = row.number(1);
  domain::RunRecord record;
  record.id = run_id_of(JobName(std::string(row.text(0))), at, row.text(2), row.number(3));
  if (!status || !reason || !trigger)
    return fail(Code::Corrupt, "record of run '{}': unknown status {}, reason {} or trigger {}", record.id.text(),
                row.number(4), row.number(7), row.number(10));
  domain::RunEnd& end = record.end;
  end.status = *status;
  end.reason = *reason;
  end.exit_code = optional_number(row, 8);
  end.signal = optional_number(row, 9);
  end.started_at = from_ms(at + row.number(13));
  end.ended_at = from_ms(at + row.number(14));
  end.output_bytes = unsigned_number(row, 16);
  end.output_bytes_dropped = unsigned_number(row, 17);
  end.usage.cpu_user = std::chrono::microseconds(row.number(18));
  end.usage.cpu_system = std::chrono::microseconds(row.number(19));
  end.usage.memory_bytes_peak = unsigned_number(row, 20);
  end.error = row.text(24);
  end.actor = row.text(25);
  record.worker = NodeId(std::string(row.text(5)));
  record.range_count = unsigned_number(row, 6);
  record.trigger = *trigger;
  record.final = row.number(11) != 0;
  record.scheduled_at = from_ms(at);
  record.claimed_at = from_ms(at + row.number(12));
  if (!row.is_null(15)) record.range_from = from_ms(row.number(15));
  record.job_revision = row.number(21);
  record.fence = row.number(22);
  record.command = row.text(23);
  record.triggered_by = row.text(26);
  return record;
}

// The number of a name; 0 where no record has it.
Result<std::int64_t> number_of(Database& database, const char* table, const std::string& name) {
  auto select = database.prepared(fmt::format("SELECT id FROM {} WHERE name = ?1", table));
  if (!select) return Failure(select.error());
  Use use(**select);
  use->bind_text(1, name);
  const auto row = use->step();
  if (!row) return Failure(row.error());
  return *row ? use->number(0) : 0;
}

// A place on the page, and the row that stands there.
struct Found {
  Position position;
  std::int64_t row = 0;
};

// Finds the places of one page by walking an index in the order of the query.
class PageSearch {
 public:
  PageSearch(Database& database, const RunQuery& query, std::optional<Position> start)
      : database_(database), query_(query), start_(std::move(start)) {
    newest_first_ = query.order == Order::NewestFirst;
    if (query.from) first_ = ms_from(*query.from);
    if (query.until) last_ = ms_from(*query.until) - 1;
    if (start_ && newest_first_) last_ = std::min(last_, to_ms(start_->at));
    if (start_ && !newest_first_) first_ = std::max(first_, to_ms(start_->at));
    for (const RunStatus status : query.statuses) {
      if (domain::is_final(status)) statuses_.insert(code_of(status));
    }
  }

  // One place more than the page has, where there is one.
  Result<std::vector<Found>> run() {
    if (!query_.statuses.empty() && statuses_.empty()) return std::vector<Found>();  // running ones are not kept here
    if (query_.job) {
      const auto job = number_of(database_, "jobs", query_.job->text());
      if (!job) return Failure(job.error());
      job_ = *job;
    }
    if (query_.worker) {
      const auto worker = number_of(database_, "workers", query_.worker->text());
      if (!worker) return Failure(worker.error());
      worker_ = *worker;
    }
    if (job_ == 0 || worker_ == 0) return std::vector<Found>();
    if (job_) return walk("runs_by_job", fmt::format("r.job = {}", *job_) + status_filter() + worker_filter());
    if (statuses_.size() == final_statuses().size()) statuses_.clear();
    if (!statuses_.empty()) return walk_each_status();
    if (worker_) return walk("runs_by_worker", "r.worker = ?8");
    return walk("runs_by_time", "1");
  }

 private:
  std::string status_filter() const {
    return statuses_.empty() ? "" : fmt::format(" AND r.status IN ({})", fmt::join(statuses_, ", "));
  }
  std::string worker_filter() const { return worker_ ? " AND r.worker = ?8" : ""; }

  // Records of one status stand in order in their index; the page is what comes first of all of them.
  Result<std::vector<Found>> walk_each_status() {
    std::vector<Found> all;
    for (const std::int64_t status : statuses_) {
      auto some = walk("runs_by_status", fmt::format("r.status = {}", status) + worker_filter());
      if (!some) return some;
      std::move(some->begin(), some->end(), std::back_inserter(all));
    }
    std::sort(all.begin(), all.end(), [&](const Found& a, const Found& b) {
      return newest_first_ ? a.position > b.position : a.position < b.position;
    });
    if (all.size() > query_.limit + 1) all.resize(query_.limit + 1);
    return all;
  }

  Result<std::vector<Found>> walk(const char* index, const std::string& filter) {
    const char* direction = newest_first_ ? "DESC" : "ASC";
    const char* beyond = newest_first_ ? "<" : ">";
    // The index gives the order by time; only records of one and the same millisecond are sorted by name. Within a job
    // the index gives the whole order.
    const std::string by_name = job_ ? "" : fmt::format("j.name {}, ", direction);
    const std::string after =
        start_ ? fmt::format("AND (r.at <> ?3 OR (j.name, r.request, r.attempt) {} (?4, ?5, ?6)) ", beyond) : "";
    const std::string sql = fmt::format(
        "SELECT r.id, r.at, j.name, r.request, r.attempt FROM runs AS r INDEXED BY {0} CROSS JOIN jobs AS j ON j.id = "
        "r.job WHERE {1} AND r.at BETWEEN ?1 AND ?2 {2}ORDER BY r.at {3}, {4}r.request {3}, r.attempt {3} LIMIT ?7",
        index, filter, after, direction, by_name);
    auto select = database_.prepared(sql);
    if (!select) return Failure(select.error());
    Use use(**select);
    use->bind(1, first_);
    use->bind(2, last_);
    if (start_) {
      use->bind(3, to_ms(start_->at));
      use->bind_text(4, start_->run.firing.job.text());
      use->bind_text(5, request_of(start_->run.firing));
      use->bind(6, start_->run.attempt);
    }
    use->bind(7, static_cast<std::int64_t>(query_.limit) + 1);
    if (worker_) use->bind(8, *worker_);
    std::vector<Found> found;
    for (;;) {
      const auto row = use->step();
      if (!row) return Failure(row.error());
      if (!*row) return found;
      found.push_back({{from_ms(use->number(1)),
                        run_id_of(JobName(std::string(use->text(2))), use->number(1), use->text(3), use->number(4))},
                       use->number(0)});
    }
  }

  Database& database_;
  const RunQuery& query_;
  const std::optional<Position> start_;
  bool newest_first_ = true;
  std::int64_t first_ = std::numeric_limits<std::int64_t>::min(), last_ = std::numeric_limits<std::int64_t>::max();
  std::set<std::int64_t> statuses_;
  std::optional<std::int64_t> job_, worker_;
};

}  // namespace

Result<domain::RunRecord> read_record(Database& database, const domain::RunId& run) {
  const domain::Firing& firing = run.firing;
  const char* place = firing.scheduled() ? "r.at = ?2 AND r.request = ''" : "r.request = ?2 AND r.request <> ''";
  auto select =
      database.prepared(fmt::format("SELECT {}, r.output {} WHERE r.job = (SELECT id FROM jobs WHERE name = ?1) AND {} "
                                    "AND r.attempt = ?3",
                                    kColumns, kRows, place));
  if (!select) return Failure(select.error());
  Use use(**select);
  use->bind_text(1, firing.job.text());
  if (firing.scheduled()) {
    use->bind(2, to_ms(firing.instant()));
  } else {
    use->bind_text(2, request_of(firing));
  }
  use->bind(3, run.attempt);
  const auto row = use->step();
  if (!row) return Failure(row.error());
  if (!*row) return fail(Code::NotFound, "no record of run '{}'", run.text());
  auto record = record_from(**select);
  if (record) record->output = use->text(27);
  return record;
}

Result<RunPage> read_page(Database& database, const RunQuery& query) {
  auto start = page_start(query);
  if (!start) return Failure(start.error());
  Transaction snapshot(database);
  if (auto begun = snapshot.begin_reading(); !begun) return Failure(begun.error());
  auto found = PageSearch(database, query, std::move(*start)).run();
  if (!found) return Failure(found.error());
  RunPage page;
  if (found->size() > query.limit) {
    found->resize(query.limit);
    page.next_cursor = cursor_after(query, found->back().position);
  }
  auto select = database.prepared(fmt::format("SELECT {} {} WHERE r.id = ?1", kColumns, kRows));
  if (!select) return Failure(select.error());
  for (const Found& place : *found) {
    Use use(**select);
    use->bind(1, place.row);
    const auto row = use->step();
    if (!row) return Failure(row.error());
    if (!*row) return fail(Code::Corrupt, "an index of the history names a record that is not there");
    auto record = record_from(**select);
    if (!record) return Failure(record.error());
    page.items.push_back(std::move(*record));
  }
  return page;
}

Result<OutputSlice> read_output(Database& database, const domain::RunId& run, std::uint64_t from,
                                std::size_t bytes_max) {
  OutputSlice slice;
  slice.next_offset = from;
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (from > kMax) return slice;
  // From the last chunk that begins at `from` or before it, found by the index.
  auto select = database.prepared(
      "WITH o AS (SELECT id FROM outputs WHERE job = (SELECT id FROM jobs WHERE name = ?1) AND instant = ?2 AND "
      "request "
      "= ?3 AND attempt = ?4) SELECT c.sequence, c.start, c.stream, c.written_at, c.bytes FROM o CROSS JOIN chunks AS "
      "c "
      "INDEXED BY chunks_by_start ON c.output = o.id WHERE c.start >= coalesce((SELECT max(b.start) FROM chunks AS b "
      "INDEXED BY chunks_by_start WHERE b.output = (SELECT id FROM o) AND b.start <= ?5), 0) ORDER BY c.start, "
      "c.sequence");
  if (!select) return Failure(select.error());
  Use use(**select);
  use->bind_text(1, run.firing.job.text());
  use->bind(2, run.firing.scheduled() ? to_ms(run.firing.instant()) : 0);
  use->bind_text(3, request_of(run.firing));
  use->bind(4, run.attempt);
  use->bind(5, static_cast<std::int64_t>(from));
  for (std::size_t bytes = 0;;) {
    const auto row = use->step();
    if (!row) return Failure(row.error());
    if (!*row) return slice;
    const std::string_view text = use->text(4);
    const std::uint64_t end = unsigned_number(**select, 1) + text.size();
    if (end <= from) continue;
    if (!slice.chunks.empty() && bytes + text.size() > bytes_max) return slice;
    domain::OutputChunk& chunk = slice.chunks.emplace_back();
    chunk.run = run;
    chunk.sequence = unsigned_number(**select, 0);
    chunk.offset = unsigned_number(**select, 1);
    chunk.stream = static_cast<domain::OutputChunk::Stream>(use->number(2));
    chunk.written_at = from_ms(use->number(3));
    chunk.bytes = text;
    bytes += text.size();
    slice.next_offset = end;
  }
}

Result<std::vector<StatusCount>> read_counts(Database& database, WallTime from, WallTime until) {
  auto select = database.prepared(
      "SELECT sum(range_count) FROM runs INDEXED BY runs_by_status WHERE status = ?1 AND at BETWEEN ?2 AND ?3");
  if (!select) return Failure(select.error());
  Transaction snapshot(database);
  if (auto begun = snapshot.begin_reading(); !begun) return Failure(begun.error());
  std::vector<StatusCount> counts;
  for (const RunStatus status : final_statuses()) {
    Use use(**select);
    use->bind(1, code_of(status));
    use->bind(2, ms_from(from));
    use->bind(3, ms_from(until) - 1);
    const auto row = use->step();
    if (!row) return Failure(row.error());
    if (const std::uint64_t count = unsigned_number(**select, 0); count > 0) counts.push_back({status, count});
  }
  std::sort(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.status < b.status; });
  return counts;
}

}  // namespace cronfleet::history::sqlite
