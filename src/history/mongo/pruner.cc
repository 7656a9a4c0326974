#include "history/mongo/pruner.h"

#include <algorithm>
#include <limits>
#include <set>

#include "history/mongo/schema.h"

namespace cronfleet::history::mongo {
namespace {

constexpr std::size_t kRecordsPerStep = 2000;
constexpr std::int64_t kEntriesPerWindow = 50'000;  // of an index, counted in one call: some tens of ms
constexpr std::int64_t kPiecesPerWindow = 500;
constexpr int kOrphanWindowsPerStep = 20;

Document ours() {  // by its status; the reference's records have none
  Document among;
  among.texts("$in", status_words());
  return among;
}

Result<std::vector<std::string>> ids_of(Session& session, const Document& filter, const Document& order,
                                        std::int64_t skip, std::size_t limit) {
  Document options, fields;
  fields.number("_id", 1);
  options.document("sort", order).document("projection", fields).number("limit", static_cast<std::int64_t>(limit));
  options.number("batchSize", static_cast<std::int64_t>(limit)).number("skip", skip);
  std::vector<std::string> ids;
  auto read = session.find(Place::Records, filter, options, Read::Primary, [&](std::string_view bson) {
    if (const auto id = text_in(bson, "_id")) ids.emplace_back(*id);
    return true;
  });
  if (!read) return Failure(read.error());
  return ids;
}

Result<std::size_t> delete_runs(Session& session, const std::vector<std::string>& ids) {
  if (ids.empty()) return std::size_t{0};
  Document among, of_runs, records;
  among.texts("$in", ids);
  of_runs.document("run", among);
  records.document("_id", among);
  if (auto done = session.remove(Place::Output, of_runs); !done) return done;
  return session.remove(Place::Records, records);
}

struct JobCount {
  std::string job;
  std::int64_t records = 0;
};
// Of the jobs behind `after`, as far as one window goes. `whole`: the window went to the end of all.
Result<std::vector<JobCount>> count_window(Session& session, const std::string& after, bool& whole) {
  Document beyond, filter, match, order, sort, limit, one, by, group, by_name, sorted;
  beyond.text("$gt", after);
  filter.document("jobName", beyond).document("status", ours());
  match.document("$match", filter);
  order.number("jobName", 1);
  sort.document("$sort", order);
  limit.number("$limit", kEntriesPerWindow);
  one.number("$sum", 1);
  by.text("_id", "$jobName").document("records", one);
  group.document("$group", by);
  std::vector<Document> stages;
  for (Document* stage : {&match, &sort, &limit, &group}) stages.push_back(std::move(*stage));
  std::vector<JobCount> counts;
  std::int64_t entries = 0;
  auto read = session.aggregate(Place::Records, stages, [&](std::string_view bson) {
    const auto job = text_in(bson, "_id");
    const std::int64_t records = integer_of(bson, "records").value_or(0);
    entries += records;
    if (job) counts.push_back({std::string(*job), records});
    return true;
  });
  if (!read) return Failure(read.error());
  std::sort(counts.begin(), counts.end(), [](const JobCount& a, const JobCount& b) { return a.job < b.job; });
  whole = entries < kEntriesPerWindow;
  return counts;
}

}  // namespace

Result<std::size_t> Pruner::step(Session& session, const Retention& retention, WallTime now, std::size_t records_max,
                                 const std::function<bool()>& stopped) {
  const WallTime oldest_kept = now - retention.age;
  records_max = std::min(records_max, kRecordsPerStep);
  if (retention.age.count() != 0) {
    auto deleted = delete_old(session, oldest_kept, records_max);
    if (!deleted || *deleted > 0) return deleted;
  }
  if (retention.records_per_job != 0) {
    auto deleted = delete_excess(session, retention.records_per_job, records_max, stopped);
    if (!deleted || *deleted > 0) return deleted;
  }
  if (retention.age.count() != 0) {
    if (auto done = delete_orphans(session, oldest_kept, stopped); !done) return Failure(done.error());
  }
  return std::size_t{0};
}

Result<std::size_t> Pruner::delete_old(Session& session, WallTime oldest_kept, std::size_t records_max) {
  Document before, filter, order;
  before.number("$lt", std::chrono::ceil<Millis>(oldest_kept.time_since_epoch()).count());
  filter.document("status", ours()).document("expectTime", before);
  order.number("expectTime", 1);
  const auto ids = ids_of(session, filter, order, 0, records_max);
  if (!ids) return Failure(ids.error());
  return delete_runs(session, *ids);
}

Result<std::size_t> Pruner::delete_excess(Session& session, std::uint64_t records_per_job, std::size_t records_max,
                                          const std::function<bool()>& stopped) {
  const auto kept =
      static_cast<std::int64_t>(std::min<std::uint64_t>(records_per_job, std::numeric_limits<std::int64_t>::max() / 2));
  Document order;
  order.number("expectTime", -1).number("request", -1).number("attempt", -1);
  std::size_t sum = 0;
  while (!stopped()) {
    bool whole = false;
    auto counts = count_window(session, after_job_, whole);
    if (!counts) return Failure(counts.error());
    // The last job of a window may have more than was counted: it begins the next one, unless it fills this one.
    if (!whole && counts->size() > 1) counts->pop_back();
    for (const JobCount& count : *counts) {
      if (count.records > kept || (!whole && counts->size() == 1)) {
        Document filter;
        filter.text("jobName", count.job).document("status", ours());
        // The oldest ones first, as far as the count, which may be out of date, tells; never one of the newest `kept`.
        const auto room = static_cast<std::int64_t>(records_max - sum);
        const auto ids =
            ids_of(session, filter, order, std::max(kept, count.records - room), static_cast<std::size_t>(room));
        if (!ids) return Failure(ids.error());
        const auto deleted = delete_runs(session, *ids);
        if (!deleted) return deleted;
        sum += *deleted;
        if (sum >= records_max) return sum;  // this job again the next time
      }
      after_job_ = count.job;
    }
    if (whole) {
      after_job_.clear();
      return sum;
    }
    if (sum > 0) return sum;
  }
  return sum;
}

// Output goes with its record. A run that still goes on has none, so its output lives for as long as it writes.
Result<void> Pruner::delete_orphans(Session& session, WallTime oldest_kept, const std::function<bool()>& stopped) {
  if (!orphans_begun_) after_written_ms_ = std::numeric_limits<std::int64_t>::min();
  orphans_begun_ = true;
  for (int window = 0; window < kOrphanWindowsPerStep && !stopped(); ++window) {
    Document old, filter, options, order, fields;
    old.number("$lt", to_ms(oldest_kept)).number("$gt", after_written_ms_);
    filter.document("writtenAt", old);
    order.number("writtenAt", 1);
    fields.number("_id", 0).number("run", 1).number("writtenAt", 1);
    options.document("sort", order).document("projection", fields);
    options.number("limit", kPiecesPerWindow).number("batchSize", kPiecesPerWindow);
    std::set<std::string> runs;
    std::int64_t seen = 0, last = after_written_ms_;
    auto read = session.find(Place::Output, filter, options, Read::Primary, [&](std::string_view bson) {
      ++seen;
      last = std::max(last, integer_of(bson, "writtenAt").value_or(last));
      if (const auto run = text_in(bson, "run")) runs.emplace(*run);
      return true;
    });
    if (!read) return read;
    Document among, recorded, ids_only;
    among.texts("$in", std::vector<std::string>(runs.begin(), runs.end()));
    recorded.document("_id", among);
    Document id_field;
    id_field.number("_id", 1);
    ids_only.document("projection", id_field);
    if (!runs.empty())
      read = session.find(Place::Records, recorded, ids_only, Read::Primary, [&](std::string_view bson) {
        runs.erase(std::string(text_in(bson, "_id").value_or("")));
        return true;
      });
    if (!read) return read;
    std::vector<std::string> orphans;
    for (const std::string& run : runs) {
      Document of_run, newest, newest_first;
      of_run.text("run", run);
      newest_first.number("end", -1);
      newest.document("sort", newest_first).number("limit", 1).number("batchSize", 1);
      bool writes_still = false;
      read = session.find(Place::Output, of_run, newest, Read::Primary, [&](std::string_view bson) {
        writes_still = integer_of(bson, "writtenAt").value_or(0) >= to_ms(oldest_kept);
        return true;
      });
      if (!read) return read;
      if (!writes_still) orphans.push_back(run);
    }
    if (!orphans.empty()) {
      Document among_orphans, of_orphans;
      among_orphans.texts("$in", orphans);
      of_orphans.document("run", among_orphans);
      if (auto done = session.remove(Place::Output, of_orphans); !done) return Failure(done.error());
    }
    after_written_ms_ = last;
    if (seen < kPiecesPerWindow) {
      orphans_begun_ = false;  // from the start the next time
      return {};
    }
  }
  return {};
}

}  // namespace cronfleet::history::mongo
