// GET /api/v1/jobs:glance: what a row of a list shows of a job beside its document. One read of the history per job.
#include <algorithm>

#include "api/conditions.h"
#include "api/overview_routes.h"
#include "cron/query.h"
#include "domain/json_writer.h"
#include "domain/run_json.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kNamesMax = 100;
constexpr std::size_t kResults = 20;
constexpr std::size_t kRecent = 50;
constexpr std::size_t kNextFirings = 5;
constexpr std::chrono::hours kRecentAge{24 * 7};

// Ran, and came to an end that says something about the job itself.
bool counts(const domain::RunRecord& record) {
  switch (record.end.status) {
    case domain::RunStatus::Succeeded:
    case domain::RunStatus::Failed:
    case domain::RunStatus::Signalled:
    case domain::RunStatus::TimedOut:
    case domain::RunStatus::Lost: return true;
    default: return false;
  }
}

void write_recent(domain::JsonWriter& json, const std::vector<domain::RunRecord>& records, WallTime since) {
  std::size_t count = 0, succeeded = 0;
  std::vector<std::int64_t> took;
  for (const domain::RunRecord& record : records) {
    if (record.scheduled_at < since || !counts(record)) continue;
    ++count;
    if (record.end.status != domain::RunStatus::Succeeded) continue;
    ++succeeded;
    took.push_back(
        std::chrono::duration_cast<std::chrono::milliseconds>(record.end.ended_at - record.end.started_at).count());
  }
  json.key("recent").object([&] {
    json.member("count", count);
    json.member("succeeded", succeeded);
    if (took.empty()) return;
    const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
    std::nth_element(took.begin(), middle, took.end());
    json.member("duration_ms_p50", *middle);
  });
}

}  // namespace

Answer OverviewApi::glance(Call& call) {
  Query& query = call.query;
  const std::vector<std::string> names = query.texts("name");
  if (names.empty()) query.refuse("name", "missing");
  if (names.size() > kNamesMax) query.refuse("name", fmt::format("at most {} jobs at a time", kNamesMax));
  for (const std::string& name : names)
    if (const auto valid = domain::make_job_name(name); !valid) query.refuse("name", valid.error().message());
  const auto language =
      query.choice("language", {"en", "zh"}) == "zh" ? cron::Language::Chinese : cron::Language::English;
  take_stale(call);
  if (auto problem = query.problem()) return Refusal(*std::move(problem));
  const auto jobs = parts_.jobs.list(call.reading);
  if (!jobs) return Refusal(jobs.error());

  const WallTime now = parts_.jobs.now();
  bool partial = false;
  domain::JsonWriter json;
  json.object([&] {
    json.key("items").array([&] {
      for (const std::string& name : names) {
        const auto at =
            std::lower_bound(jobs->items->begin(), jobs->items->end(), name,
                             [](const auto& job, const std::string& text) { return job->name.text() < text; });
        if (at == jobs->items->end() || (*at)->name.text() != name) continue;
        const StoredJob& stored = **at;
        history::RunQuery newest;
        newest.job = stored.name;
        newest.limit = kRecent;
        const auto page = parts_.history.find(newest);
        if (!page) partial = true;
        const auto records = page ? page->items : std::vector<domain::RunRecord>{};
        json.object([&] {
          json.member("name", name);
          if (stored.job) {
            const auto explanation =
                cron::explain({.expression = stored.job->schedule,
                               .time_zone = stored.job->time_zone->empty() ? "UTC" : *stored.job->time_zone,
                               .from = now,
                               .count = 1,
                               .key = name,
                               .language = language},
                              parts_.zones);
            if (explanation) json.member("sentence", explanation->description.sentence);
          }
          json.key("next_firings").array([&] {
            for (const WallTime next : parts_.jobs.next_firings(stored, now, kNextFirings))
              json.value(to_rfc3339_ms(next));
          });
          json.key("results").array([&] {
            for (std::size_t i = 0; i < std::min(records.size(), kResults); ++i)
              domain::write_run(json, records[i], {"id", "status", "reason", "scheduled_at", "duration_ms"});
          });
          write_recent(json, records, now - kRecentAge);
        });
      }
    });
    if (partial) json.member("partial", true);
  });
  return Response{.body = json.take()};
}

}  // namespace cronfleet::api
