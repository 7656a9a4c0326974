#include "history/mongo/reader.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "history/contract.h"
#include "history/mongo/record_codec.h"
#include "history/mongo/schema.h"

namespace cronfleet::history::mongo {
namespace {

using domain::RunRecord;
using domain::RunStatus;

constexpr std::int64_t kTiesExpected = 16;  // records of one job and millisecond, as a rule

// The first whole millisecond that is not before `at`.
std::int64_t ms_from(WallTime at) { return std::chrono::ceil<Millis>(at.time_since_epoch()).count(); }

Document less_or_equal(std::int64_t first, std::int64_t last) {
  Document range;
  range.number("$gte", first).number("$lte", last);
  return range;
}

Position position_of(const RunRecord& record) { return {record.scheduled_at, record.id}; }

// The server lists by time and job name; what shares both is put in order here, which takes the whole of such a group.
class PageSearch {
 public:
  PageSearch(Session& session, const RunQuery& query, std::optional<Position> start, std::uint64_t& passed_over)
      : session_(session), query_(query), start_(std::move(start)), passed_over_(passed_over) {
    newest_first_ = query.order == Order::NewestFirst;
    if (query.from) first_ = ms_from(*query.from);
    if (query.until) last_ = ms_from(*query.until) - 1;
    if (start_ && newest_first_) last_ = std::min(last_, to_ms(start_->at));
    if (start_ && !newest_first_) first_ = std::max(first_, to_ms(start_->at));
    for (const RunStatus status : query.statuses) {
      if (domain::is_final(status)) statuses_.insert(status);
    }
    wanted_ = query.limit + 1;
  }

  // One record more than the page has, where there is one.
  Result<std::vector<RunRecord>> run() {
    if (!query_.statuses.empty() && statuses_.empty()) return std::vector<RunRecord>();  // running: not kept here
    if (statuses_.size() == status_words().size()) statuses_.clear();
    auto all = walk(ours());
    if (!all) return all;
    if (!statuses_.empty()) {
      if (auto foreign = of_the_reference()) {
        auto more = walk(std::move(*foreign));
        if (!more) return more;
        std::move(more->begin(), more->end(), std::back_inserter(*all));
        sort(*all);
      }
    }
    if (all->size() > wanted_) all->resize(wanted_);
    return all;
  }

 private:
  Document base() const {
    Document filter;
    if (query_.job) filter.text("jobName", query_.job->text());
    if (query_.worker) filter.text("worker", query_.worker->text());
    filter.document("expectTime", less_or_equal(first_, last_));
    if (start_ && !query_.job) {
      // Within the millisecond of the start, what follows it by name. The rest of its group is left out below.
      Document at, other_time, name, name_range;
      at.number("$ne", to_ms(start_->at));
      other_time.document("expectTime", at);
      name_range.text(newest_first_ ? "$lte" : "$gte", start_->run.firing.job.text());
      name.document("jobName", name_range);
      std::vector<Document> either;
      either.push_back(std::move(other_time));
      either.push_back(std::move(name));
      filter.documents("$or", either);
    }
    return filter;
  }

  Document ours() const {
    Document filter = base();
    if (statuses_.size() == 1) filter.text("status", to_string(*statuses_.begin()));
    if (statuses_.size() > 1) {
      std::vector<std::string> words;
      for (const RunStatus status : statuses_) words.emplace_back(to_string(status));
      Document among;
      among.texts("$in", words);
      filter.document("status", among);
    }
    return filter;
  }

  // The reference keeps no status, only `err`, and no worker.
  std::optional<Document> of_the_reference() const {
    const bool good = statuses_.contains(RunStatus::Succeeded), bad = statuses_.contains(RunStatus::Failed);
    if (query_.worker || (!good && !bad)) return std::nullopt;
    Document filter = base();
    filter.nothing("status");
    if (good && !bad) filter.text("err", "");
    if (bad && !good) {
      Document something;
      something.text("$gt", "");
      filter.document("err", something);
    }
    return filter;
  }

  // The first wanted_ records of `filter`, in order.
  Result<std::vector<RunRecord>> walk(Document filter) {
    for (std::int64_t limit = static_cast<std::int64_t>(wanted_) + kTiesExpected;; limit *= 8) {
      Document options, order, fields;
      const int direction = newest_first_ ? -1 : 1;
      order.number("expectTime", direction);
      if (!query_.job) order.number("jobName", direction);
      fields.number("output", 0);
      options.document("sort", order).document("projection", fields).number("limit", limit);
      options.number("batchSize", limit);
      std::vector<RunRecord> found;
      std::int64_t seen = 0;
      std::uint64_t passed_over = 0;
      auto read = session_.find(Place::Records, filter, options, Read::AsConfigured, [&](std::string_view bson) {
        ++seen;
        auto record = decode_record(bson);
        if (record) {
          found.push_back(std::move(*record));
        } else {
          ++passed_over;
        }
        return true;
      });
      if (!read) return Failure(read.error());
      const bool whole = seen < limit;
      if (!whole && !found.empty()) {
        // More of the last group may follow.
        const WallTime at = found.back().scheduled_at;
        const JobName job = found.back().id.firing.job;
        while (!found.empty() && found.back().scheduled_at == at && found.back().id.firing.job == job) found.pop_back();
      }
      if (start_)
        std::erase_if(found, [&](const RunRecord& record) {
          const Position position = position_of(record);
          return newest_first_ ? position >= *start_ : position <= *start_;
        });
      if (!whole && found.size() < wanted_) continue;
      passed_over_ += passed_over;
      sort(found);
      return found;
    }
  }

  void sort(std::vector<RunRecord>& records) const {
    std::sort(records.begin(), records.end(), [&](const RunRecord& a, const RunRecord& b) {
      return newest_first_ ? position_of(b) < position_of(a) : position_of(a) < position_of(b);
    });
  }

  Session& session_;
  const RunQuery& query_;
  const std::optional<Position> start_;
  std::uint64_t& passed_over_;
  bool newest_first_ = true;
  std::int64_t first_ = std::numeric_limits<std::int64_t>::min(), last_ = std::numeric_limits<std::int64_t>::max();
  std::set<RunStatus> statuses_;
  std::size_t wanted_ = 0;
};

Result<std::uint64_t> count_foreign(Session& session, std::int64_t first, std::int64_t last, bool failed) {
  Document something, filter, match, one, group_by, group;
  something.text("$gt", "");
  filter.nothing("status").document("expectTime", less_or_equal(first, last));
  if (failed) {
    filter.document("err", something);
  } else {
    filter.text("err", "");
  }
  match.document("$match", filter);
  one.number("$sum", 1);
  group_by.nothing("_id").document("records", one);
  group.document("$group", group_by);
  std::vector<Document> stages;
  stages.push_back(std::move(match));
  stages.push_back(std::move(group));
  std::int64_t count = 0;
  auto read = session.aggregate(Place::Records, stages, [&](std::string_view bson) {
    count += integer_of(bson, "records").value_or(0);
    return true;
  });
  if (!read) return Failure(read.error());
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

Result<std::optional<RunRecord>> find_record(Session& session, const Document& filter) {
  Document options;
  options.number("limit", 1).number("batchSize", 1);
  std::optional<Result<RunRecord>> found;
  auto read = session.find(Place::Records, filter, options, Read::AsConfigured, [&](std::string_view bson) {
    found = decode_record(bson);
    return false;
  });
  if (!read) return Failure(read.error());
  if (!found) return std::nullopt;
  if (!*found) return Failure(found->error());
  return std::move(**found);
}

}  // namespace

Result<RunRecord> read_record(Session& session, const domain::RunId& run) {
  Document filter;
  filter.text("_id", run.text());
  auto found = find_record(session, filter);
  if (!found) return Failure(found.error());
  if (*found) return std::move(**found);
  if (const auto object_id = object_id_of(run)) {
    Document foreign;
    foreign.object_id("_id", *object_id);
    found = find_record(session, foreign);
    if (!found) return Failure(found.error());
    if (*found && (*found)->id == run) return std::move(**found);
  }
  return fail(Code::NotFound, "no record of run '{}'", run.text());
}

Result<RunPage> read_page(Session& session, const RunQuery& query, std::uint64_t& passed_over) {
  auto start = page_start(query);
  if (!start) return Failure(start.error());
  auto found = PageSearch(session, query, std::move(*start), passed_over).run();
  if (!found) return Failure(found.error());
  RunPage page;
  if (found->size() > query.limit) {
    found->resize(query.limit);
    page.next_cursor = cursor_after(query, position_of(found->back()));
  }
  page.items = std::move(*found);
  return page;
}

Result<OutputSlice> read_output(Session& session, const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) {
  OutputSlice slice;
  slice.next_offset = from;
  if (from > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return slice;
  Document filter, beyond, options, order;
  // Pieces do not overlap, so their ends are in the order of their starts.
  beyond.number("$gt", static_cast<std::int64_t>(from));
  filter.text("run", run.text()).document("end", beyond);
  order.number("end", 1).number("sequence", 1);
  const auto few = std::clamp<std::size_t>(bytes_max / 4096, 4, 100);  // in one answer; more are fetched as needed
  options.document("sort", order).number("batchSize", static_cast<std::int64_t>(few));
  std::size_t bytes = 0;
  Result<void> decoded;
  auto read = session.find(Place::Output, filter, options, Read::AsConfigured, [&](std::string_view bson) {
    auto chunk = decode_chunk(bson);
    if (!chunk) {
      decoded = Failure(chunk.error());
      return false;
    }
    if (!slice.chunks.empty() && bytes + chunk->bytes.size() > bytes_max) return false;
    bytes += chunk->bytes.size();
    slice.next_offset = chunk->offset + chunk->bytes.size();
    chunk->run = run;
    slice.chunks.push_back(std::move(*chunk));
    return true;
  });
  if (!read) return Failure(read.error());
  if (!decoded) return Failure(decoded.error());
  return slice;
}

Result<std::vector<StatusCount>> read_counts(Session& session, WallTime from, WallTime until) {
  const std::int64_t first = ms_from(from), last = ms_from(until) - 1;
  Document filter, match, sum, group_by, group;
  filter.document("expectTime", less_or_equal(first, last));
  match.document("$match", filter);
  sum.text("$sum", "$rangeCount");
  group_by.text("_id", "$status").document("firings", sum);
  group.document("$group", group_by);
  std::map<RunStatus, std::uint64_t> counts;
  std::vector<Document> stages;
  stages.push_back(std::move(match));
  stages.push_back(std::move(group));
  auto read = session.aggregate(Place::Records, stages, [&](std::string_view bson) {
    if (const auto status = domain::parse_run_status(text_in(bson, "_id").value_or("")); status)
      counts[*status] += static_cast<std::uint64_t>(std::max<std::int64_t>(integer_of(bson, "firings").value_or(0), 0));
    return true;
  });
  if (!read) return Failure(read.error());
  // What the reference recorded has no status: it is counted by its `err`.
  const auto good = count_foreign(session, first, last, false), bad = count_foreign(session, first, last, true);
  if (!good) return Failure(good.error());
  if (!bad) return Failure(bad.error());
  counts[RunStatus::Succeeded] += *good;
  counts[RunStatus::Failed] += *bad;
  std::vector<StatusCount> answer;
  for (const auto& [status, count] : counts) {
    if (count > 0) answer.push_back({status, count});
  }
  return answer;
}

}  // namespace cronfleet::history::mongo
