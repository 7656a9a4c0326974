#include "api/overview_routes.h"

#include <algorithm>
#include <queue>

#include "api/conditions.h"
#include "domain/json_writer.h"

namespace cronfleet::api {
namespace {

constexpr std::chrono::hours kRangeMax{24 * 366};
constexpr std::chrono::hours kHoursMax{24 * 7};
constexpr std::int64_t kLimitMax = 500;
constexpr std::size_t kSampleMax = 2'000;
constexpr std::size_t kNext = 20;
constexpr std::chrono::seconds kLate{1};  // UI-81

// What RFC 3339 can say.
constexpr WallTime kFirst = from_seconds(-62'167'219'200), kLast = from_seconds(253'402'300'799);

struct Range {
  WallTime from{}, until{};
};
Range take_range(Query& query, WallTime from, WallTime until, std::chrono::hours most) {
  const auto given_from = query.instant("from"), given_until = query.instant("until");
  Range range{.from = given_from.value_or(given_until ? *given_until - (until - from) : from), .until = {}};
  range.until = given_until.value_or(given_from ? *given_from + (until - from) : until);
  range.from = std::max(range.from, kFirst);
  range.until = std::min(range.until, kLast);
  if (range.until <= range.from) query.refuse("until", "expected an instant after from");
  if (range.until - range.from > most)
    query.refuse("until", fmt::format("expected at most {} h after from", most.count()));
  return range;
}

void write_verdicts(domain::JsonWriter& json, const std::vector<history::StatusCount>& counts) {
  json.key("verdicts").object([&] {
    for (const history::StatusCount& count : counts) json.member(domain::to_string(count.status), count.count);
  });
}

void write_percentiles(domain::JsonWriter& json, std::string_view key, std::vector<std::int64_t> values) {
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  const auto at = [&](std::size_t percent) { return values[(values.size() - 1) * percent / 100]; };
  json.key(key).object([&] {
    json.member("count", values.size());
    json.member("p50", at(50));
    json.member("p95", at(95));
    json.member("p99", at(99));
    json.member("max", values.back());
  });
}

std::int64_t ms_between(WallTime from, WallTime to) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

void write_expected(domain::JsonWriter& json, const ExpectedFiring& firing) {
  json.object([&] {
    json.member("job", firing.job);
    json.member("at", to_rfc3339_ms(firing.at));
    json.member("expected", true);
  });
}

bool ran(const domain::RunRecord& record) {
  return record.end.started_at != WallTime{} && record.end.status != domain::RunStatus::Skipped &&
         record.end.status != domain::RunStatus::Missed && record.end.status != domain::RunStatus::Refused;
}

}  // namespace

void OverviewApi::add_routes(Router& router) {
  router.add({Method::Get, "/api/v1/firings", [this](Call& call) { return list_firings(call); }});
  router.add({Method::Get, "/api/v1/firings:count", [this](Call& call) { return count_firings(call); }});
  router.add({Method::Get, "/api/v1/statistics", [this](Call& call) { return statistics(call); }});
  router.add({Method::Get, "/api/v1/jobs:glance", [this](Call& call) { return glance(call); }});
}

Outcome<std::vector<ExpectedFiring>> OverviewApi::expected(const std::optional<JobName>& job, WallTime after,
                                                           WallTime until, std::size_t limit, Reading& reading) {
  const auto jobs = parts_.jobs.list(reading);
  if (!jobs) return Refusal(jobs.error());
  std::priority_queue<ExpectedFiring> earliest;  // the last of them on top
  for (const auto& stored : *jobs->items) {
    if (!stored->timetable || (job && stored->name != *job)) continue;
    const Timetable& timetable = *stored->timetable;
    for (auto at = timetable.first_after(after); at && *at < until; at = timetable.first_after(*at)) {
      ExpectedFiring firing{.at = *at, .job = stored->name.text()};
      if (earliest.size() == limit && !(firing < earliest.top())) break;
      earliest.push(std::move(firing));
      if (earliest.size() > limit) earliest.pop();
    }
  }
  std::vector<ExpectedFiring> firings;
  for (; !earliest.empty(); earliest.pop()) firings.push_back(earliest.top());
  std::reverse(firings.begin(), firings.end());
  return firings;
}

Answer OverviewApi::list_firings(Call& call) {
  Query& query = call.query;
  const WallTime now = parts_.jobs.now();
  const Range range = take_range(query, now, now + std::chrono::hours(24), kRangeMax);
  const auto limit = static_cast<std::size_t>(query.integer("limit", 1, kLimitMax).value_or(100));
  std::optional<JobName> job;
  if (const auto text = query.text("job")) {
    auto name = domain::make_job_name(*text);
    if (!name) query.refuse("job", name.error().message());
    if (name) job = *std::move(name);
  }
  take_stale(call);
  if (auto problem = query.problem()) return Refusal(*std::move(problem));

  history::RunQuery past;
  past.job = job;
  past.from = range.from;
  past.until = std::min(range.until, now);
  past.order = history::Order::OldestFirst;
  past.limit = limit;
  RunCatalogue::Runs runs;
  if (range.from < now) {
    auto listed = parts_.runs.list(past, call.reading);
    if (!listed) return Refusal(std::move(listed.error()));
    runs = *std::move(listed);
    // Attempts that others followed are no verdicts.
    std::erase_if(runs.items, [](const RunView& view) { return view.recorded && !view.record.final; });
    std::stable_sort(runs.items.begin(), runs.items.end(),
                     [](const RunView& a, const RunView& b) { return a.record.scheduled_at < b.record.scheduled_at; });
  }
  const bool more_past = !runs.next_cursor.empty() || runs.items.size() > limit;
  if (runs.items.size() > limit) runs.items.resize(limit);
  std::vector<ExpectedFiring> firings;
  if (!more_past && runs.items.size() < limit && range.until > now) {
    auto found = expected(job, std::max(range.from - std::chrono::milliseconds(1), now), range.until,
                          limit + 1 - runs.items.size(), call.reading);
    if (!found) return Refusal(std::move(found.error()));
    firings = *std::move(found);
  }
  // Of a job that has been deleted there may be firings; where there are none, it is a name that nobody knows.
  if (job && runs.items.empty() && firings.empty())
    if (const auto known = parts_.jobs.get(*job, call.reading); !known) return Refusal(known.error());
  const bool more = more_past || runs.items.size() + firings.size() > limit;
  if (runs.items.size() + firings.size() > limit) firings.resize(limit - runs.items.size());
  domain::JsonWriter json;
  json.object([&] {
    json.member("now", to_rfc3339_ms(now));
    json.key("items").array([&] {
      for (const RunView& view : runs.items) {
        const domain::RunRecord& record = view.record;
        json.object([&] {
          json.member("job", record.id.firing.job.text());
          json.member("at", to_rfc3339_ms(record.scheduled_at));
          json.member("expected", false);
          json.member("status", domain::to_string(record.end.status));
          if (record.end.reason != domain::Reason::None) json.member("reason", domain::to_string(record.end.reason));
          json.member("run_id", record.id.text());
          if (record.range_count > 1) json.member("count", record.range_count);
        });
      }
      for (const ExpectedFiring& firing : firings) write_expected(json, firing);
    });
    json.member("more", more);
  });
  return Response{.body = json.take()};
}

Answer OverviewApi::statistics(Call& call) {
  Query& query = call.query;
  const WallTime now = parts_.jobs.now();
  const Range range = take_range(query, now - std::chrono::hours(24), now, kHoursMax);
  take_stale(call);
  if (auto problem = query.problem()) return Refusal(*std::move(problem));
  const auto failed = [](const Status& status) { return Refusal(problem_of(status.with("counting runs"))); };

  const auto all = parts_.history.counts(range.from, range.until);
  if (!all) return failed(all.error());
  struct Hour {
    WallTime from;
    std::vector<history::StatusCount> counts;
  };
  std::vector<Hour> hours;
  for (WallTime at = range.from; at < range.until; at += std::chrono::hours(1)) {
    auto counts = parts_.history.counts(at, std::min(at + std::chrono::hours(1), range.until));
    if (!counts) return failed(counts.error());
    hours.push_back({at, *std::move(counts)});
  }
  std::vector<std::int64_t> late, took;
  history::RunQuery sample;
  sample.from = range.from;
  sample.until = range.until;
  sample.limit = kLimitMax;
  std::size_t looked_at = 0;
  do {
    const auto page = parts_.history.find(sample);
    if (!page) return failed(page.error());
    for (const domain::RunRecord& record : page->items) {
      ++looked_at;
      if (!ran(record)) continue;
      // A catch-up is late by design, a run by hand is never late.
      if (record.trigger == domain::Trigger::Schedule)
        late.push_back(std::max<std::int64_t>(0, ms_between(record.scheduled_at, record.end.started_at)));
      took.push_back(ms_between(record.end.started_at, record.end.ended_at));
    }
    sample.cursor = page->next_cursor;
  } while (!sample.cursor.empty() && looked_at < kSampleMax);

  history::RunQuery living;
  living.limit = 1;
  const auto runs = parts_.runs.list(living, call.reading);
  if (!runs) return Refusal(runs.error());
  std::size_t running = 0;
  std::vector<const RunView*> late_now;
  for (const RunView& view : runs->items) {
    if (view.recorded || domain::is_final(view.record.end.status)) continue;
    if (view.record.end.status == domain::RunStatus::Running) {
      ++running;
    } else if (now - view.record.scheduled_at > kLate) {
      late_now.push_back(&view);
    }
  }
  const auto next = expected(std::nullopt, now, now + kRangeMax, kNext, call.reading);
  if (!next) return Refusal(next.error());
  domain::JsonWriter json;
  json.object([&] {
    json.member("now", to_rfc3339_ms(now));
    json.member("from", to_rfc3339_ms(range.from));
    json.member("until", to_rfc3339_ms(range.until));
    json.member("running", running);
    write_verdicts(json, *all);
    json.key("hours").array([&] {
      for (const Hour& hour : hours) {
        json.object([&] {
          json.member("from", to_rfc3339_ms(hour.from));
          write_verdicts(json, hour.counts);
        });
      }
    });
    write_percentiles(json, "late_ms", std::move(late));
    write_percentiles(json, "duration_ms", std::move(took));
    json.key("late").array([&] {
      for (const RunView* view : late_now) json.value(view->record.id.text());
    });
    json.key("next").array([&] {
      for (const ExpectedFiring& firing : *next) write_expected(json, firing);
    });
  });
  return Response{.body = json.take()};
}

}  // namespace cronfleet::api
