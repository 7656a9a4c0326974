#include "history/recent/recent_history.h"

#include <algorithm>
#include <map>
#include <set>

#include "async/await.h"
#include "domain/run_json.h"
#include "history/contract.h"

namespace cronfleet::history {
namespace {

Failure read_only() { return fail(Code::InvalidArgument, "this history is written by the workers alone"); }

bool matches(const domain::RunRecord& record, const RunQuery& query) {
  const WallTime at = plan_time(record);
  if (query.job && *query.job != record.id.firing.job) return false;
  if (query.worker && *query.worker != record.worker) return false;
  if (query.from && at < *query.from) return false;
  if (query.until && at >= *query.until) return false;
  return query.statuses.empty() ||
         std::find(query.statuses.begin(), query.statuses.end(), record.end.status) != query.statuses.end();
}

Position position_of(const domain::RunRecord& record) { return {plan_time(record), record.id}; }

}  // namespace

void RecentHistory::insert(std::vector<domain::RunRecord>, async::Callback<Result<std::vector<Inserted>>> done) {
  loop_.post([done = std::move(done)]() mutable { done(read_only()); });
}
void RecentHistory::append_output(std::vector<domain::OutputChunk>, async::Callback<Result<std::size_t>> done) {
  loop_.post([done = std::move(done)]() mutable { done(read_only()); });
}
void RecentHistory::prune(Retention, WallTime, std::size_t, async::Callback<Result<std::size_t>> done) {
  loop_.post([done = std::move(done)]() mutable { done(read_only()); });
}

Result<std::vector<domain::RunRecord>> RecentHistory::all() {
  const auto listing = async::await<coord::Listing>([&](auto done) { store_.list(keys_.recents(), std::move(done)); });
  if (!listing) return Failure(listing.error().with("listing the newest records"));
  std::vector<domain::RunRecord> records;
  std::set<domain::RunId> seen;  // the newest of a job may stand under its own id too
  for (const core::KeyValue& entry : listing->entries) {
    auto record = domain::decode_run(entry.value);
    if (record && seen.insert(record->id).second) records.push_back(*std::move(record));
  }
  return records;
}

Result<domain::RunRecord> RecentHistory::get(const domain::RunId& run) {
  const auto found = async::await<coord::Listing>(
      [&](auto done) { store_.get({keys_.recent(run.firing.job), keys_.recent(run)}, std::move(done)); });
  if (!found) return Failure(found.error().with("reading the newest record of '{}'", run.firing.job));
  for (const core::KeyValue& entry : found->entries) {
    auto record = domain::decode_run(entry.value);
    if (record && record->id == run) return *std::move(record);
  }
  return fail(Code::NotFound, "no record of run '{}'", run.text());
}

Result<RunPage> RecentHistory::find(const RunQuery& query) {
  const auto start = page_start(query);
  if (!start) return Failure(start.error());
  auto records = all();
  if (!records) return Failure(records.error());
  const bool newest_first = query.order == Order::NewestFirst;
  std::sort(records->begin(), records->end(), [&](const domain::RunRecord& a, const domain::RunRecord& b) {
    return newest_first ? position_of(b) < position_of(a) : position_of(a) < position_of(b);
  });
  RunPage page;
  for (domain::RunRecord& record : *records) {
    if (!matches(record, query)) continue;
    const Position position = position_of(record);
    if (*start && (newest_first ? !(position < **start) : !(**start < position))) continue;
    if (page.items.size() == query.limit) {
      page.next_cursor = cursor_after(query, position_of(page.items.back()));
      break;
    }
    record.output.clear();
    page.items.push_back(std::move(record));
  }
  return page;
}

Result<OutputSlice> RecentHistory::output(const domain::RunId& run, std::uint64_t from, std::size_t) {
  OutputSlice slice{.chunks = {}, .next_offset = from};
  auto record = get(run);
  if (!record) {
    if (record.error().code() == Code::NotFound) return slice;
    return Failure(record.error());
  }
  // Whole, or not worth showing.
  if (record->output.size() != record->end.output_bytes || from >= record->output.size()) return slice;
  domain::OutputChunk chunk;
  chunk.run = run;
  chunk.written_at = record->end.ended_at;
  chunk.bytes = std::move(record->output);
  slice.next_offset = chunk.bytes.size();
  slice.chunks.push_back(std::move(chunk));
  return slice;
}

Result<std::vector<StatusCount>> RecentHistory::counts(WallTime from, WallTime until) {
  const auto records = all();
  if (!records) return Failure(records.error());
  std::map<domain::RunStatus, std::uint64_t> sums;
  for (const domain::RunRecord& record : *records) {
    const WallTime at = plan_time(record);
    if (at >= from && at < until) sums[record.end.status] += record.range_count;
  }
  std::vector<StatusCount> counts;
  for (const auto& [status, count] : sums) counts.push_back({status, count});
  return counts;
}

}  // namespace cronfleet::history
