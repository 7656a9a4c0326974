// tests/cron_oracle.h: what an expression means, worked out the slow way from the text of the rules.
//
// Shares no code with src/cron: its own reading of expressions (regular expressions over sets of numbers), its own
// calendar (absl's civil days, one after the other) and its own zones (absl::TimeZone, asked for each wall-clock time).
#pragma once

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cronfleet::oracle {

using Instant = std::int64_t;  // seconds since 1970, UTC

struct Plan {
  std::set<int> second, minute, hour, day, month, weekday, year;
  std::vector<std::function<bool(absl::CivilDay)>> special_days, special_weekdays;
  bool any_day = false;      // an item of day-of-month is exactly * or ?
  bool any_weekday = false;  // the same of day-of-week
  bool both = false;         // day-of-week starts with +
  bool interval = false;
  std::int64_t every = 0;     // @every, in seconds
  std::optional<Instant> at;  // @at
  std::string zone;           // from a TZ= prefix

  bool matches(absl::CivilDay day_at) const;
};

// Nothing when the expression is refused.
std::optional<Plan> read(const std::string& text, const std::string& key);

// All firings in (after, until].
std::set<Instant> firings(const Plan& plan, const absl::TimeZone& zone, Instant after, Instant until);

// The first `count` firings after `after`; an @every is anchored there.
std::vector<Instant> next(const Plan& plan, const absl::TimeZone& zone, Instant after, std::size_t count);

}  // namespace cronfleet::oracle
