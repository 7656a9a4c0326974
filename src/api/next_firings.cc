#include "api/next_firings.h"

#include <algorithm>

namespace cronfleet::api {
namespace {

constexpr std::int64_t kUnknown = INT64_MIN;  // a moment that has passed

// What is known of jobs that are in both versions: an unchanged job is the same object.
std::vector<std::int64_t> carried_over(const std::vector<std::shared_ptr<const StoredJob>>& jobs,
                                       const std::vector<std::shared_ptr<const StoredJob>>& before,
                                       const std::vector<std::int64_t>& known) {
  std::vector<std::int64_t> times;
  times.reserve(jobs.size());
  std::size_t old = 0;
  for (const auto& job : jobs) {
    if (old < before.size() && before[old] != job)
      while (old < before.size() && before[old]->name < job->name) ++old;
    times.push_back(old < before.size() && before[old] == job ? known[old++] : kUnknown);
  }
  return times;
}

}  // namespace

std::int64_t next_firing_ms(const StoredJob& job, WallTime now) {
  const auto next = job.timetable ? job.timetable->next(now) : std::nullopt;
  return next ? to_ms(*next) : kNeverFires;
}

NextFirings::Times NextFirings::of(const JobsByName& jobs, WallTime now) {
  const std::lock_guard lock(mutex_);
  std::vector<std::int64_t> times;
  if (!times_ || now < at_) {  // the clock was set back: what lay before it may lie ahead again
    times.assign(jobs->size(), kUnknown);
  } else if (jobs_ == jobs) {
    const std::int64_t passed = to_ms(now);
    if (std::none_of(times_->begin(), times_->end(), [&](std::int64_t at) { return at <= passed; })) return times_;
    times = *times_;
  } else {
    times = carried_over(*jobs, *jobs_, *times_);
  }
  for (std::size_t i = 0; i < times.size(); ++i)
    if (times[i] <= to_ms(now)) times[i] = next_firing_ms(*(*jobs)[i], now);
  jobs_ = jobs;
  at_ = now;
  times_ = std::make_shared<const std::vector<std::int64_t>>(std::move(times));
  return times_;
}

}  // namespace cronfleet::api
