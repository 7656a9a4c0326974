#include "api/next_firings.h"

#include <algorithm>

namespace cronfleet::api {
namespace {

constexpr std::int64_t kUnknown = INT64_MIN;  // a moment that has passed

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
    times.assign(jobs->size(), kUnknown);
    walk_versions(
        *jobs, *jobs_, [&](std::size_t i, std::size_t old) { times[i] = (*times_)[old]; }, [](std::size_t) {});
  }
  for (std::size_t i = 0; i < times.size(); ++i)
    if (times[i] <= to_ms(now)) times[i] = next_firing_ms(*(*jobs)[i], now);
  jobs_ = jobs;
  at_ = now;
  times_ = std::make_shared<const std::vector<std::int64_t>>(std::move(times));
  return times_;
}

}  // namespace cronfleet::api
