#include "api/save_meaning.h"

#include <algorithm>

namespace cronfleet::api {
namespace {

constexpr std::size_t kJobsMax = 20'000;
constexpr std::size_t kNamesMax = 5;

bool fires_in(const StoredJob& job, std::chrono::sys_seconds second) {
  const WallTime begin(second.time_since_epoch());
  const auto next = job.timetable ? job.timetable->first_after(begin - std::chrono::milliseconds(1)) : std::nullopt;
  return next && *next < begin + std::chrono::seconds(1);
}

}  // namespace

Meaning meaning_of(JobCatalogue& jobs, RunCatalogue& runs, const StoredJob& saved) {
  Meaning meaning;
  const auto next = jobs.next_firings(saved, jobs.now(), 1);
  if (!next.empty()) meaning.next_firing_after = next.front();

  history::RunQuery query;
  query.job = saved.name;
  query.limit = 1;
  Reading reading;
  if (const auto listed = runs.list(query, reading)) {
    meaning.runs_under_way =
        static_cast<std::size_t>(std::count_if(listed->items.begin(), listed->items.end(), [](const RunView& view) {
          return !view.recorded && !domain::is_final(view.record.end.status);
        }));
  }
  if (next.empty()) return meaning;
  const auto all = jobs.list();
  if (!all || all->items->size() > kJobsMax) return meaning;
  const auto second =
      std::chrono::sys_seconds(std::chrono::floor<std::chrono::seconds>(next.front().time_since_epoch()));
  Collisions& collisions = meaning.collisions.emplace();
  for (const auto& other : *all->items) {
    if (other->name == saved.name || !other->job || !other->job->enabled) continue;
    if (!fires_in(*other, second)) continue;
    if (++collisions.count <= kNamesMax) collisions.jobs.push_back(other->name.text());
  }
  return meaning;
}

}  // namespace cronfleet::api
