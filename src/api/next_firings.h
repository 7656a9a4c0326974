// api/next_firings.h: when each of many jobs fires next, kept from one list to the next.
//
// Working it out for 100,000 jobs takes some milliseconds. What was worked out stays right until that moment comes, so
// later only those are looked at whose moment has passed, and those that have changed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "api/jobs_by_name.h"

namespace cronfleet::api {

inline constexpr std::int64_t kNeverFires = INT64_MAX;

// The first firing of a job after `now`, in ms since 1970; kNeverFires: none.
std::int64_t next_firing_ms(const StoredJob& job, WallTime now);

// Call from any thread.
class NextFirings {
 public:
  // For each of `jobs`, as next_firing_ms says.
  using Times = std::shared_ptr<const std::vector<std::int64_t>>;
  Times of(const JobsByName& jobs, WallTime now);

 private:
  std::mutex mutex_;
  JobsByName jobs_;
  WallTime at_{};  // what `times_` says is so from then
  Times times_;
};

}  // namespace cronfleet::api
