// cron/wording.h: what the languages of describe() share: the members of a set, grouped as people would say them.
// Internal to cron/.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "cron/schedule.h"

namespace cronfleet::cron {

// The members of one field, as their real values (days from 1, years as they are).
struct Members {
  std::vector<int> values;
  // Three or more that follow each other, or five or more at one distance, are said as "first to last".
  bool is_run() const { return step() == 1 && values.size() >= 3; }
  bool is_spread() const { return step() > 1 && values.size() >= 5; }
  int step() const {  // 0 without a common distance
    if (values.size() < 2) return 0;
    const int step = values[1] - values[0];
    for (std::size_t i = 2; i < values.size(); ++i) {
      if (values[i] - values[i - 1] != step) return 0;
    }
    return step;
  }
  // Whether it is "every n-th" of a circle of `size` values, from its first on.
  bool is_every(int size) const {
    return values.size() >= 2 && values.front() == 0 && step() > 0 && static_cast<int>(values.size()) * step() == size;
  }
};

inline Members members_of(std::uint64_t bits, int first) {
  Members members;
  for (; bits != 0; bits &= bits - 1) members.values.push_back(first + std::countr_zero(bits));
  return members;
}

inline Members years_of(const FieldSets& sets) {
  Members members = members_of(sets.years[0], 1970);
  for (const int year : members_of(sets.years[1], 1970 + 64).values) members.values.push_back(year);
  for (const int year : members_of(sets.late_years, 1970 + 128).values) members.values.push_back(year);
  return members;
}

// "02:30", with seconds only where there are some.
inline std::string clock_text(int seconds_of_day) {
  const int second = seconds_of_day % 60;
  std::string text = fmt::format("{:02}:{:02}", seconds_of_day / 3600, seconds_of_day / 60 % 60);
  if (second != 0) text += fmt::format(":{:02}", second);
  return text;
}

// All times of day, when there are at most six; empty otherwise.
inline std::vector<std::string> few_times(const FieldSets& sets) {
  const int count =
      std::popcount(static_cast<std::uint32_t>(sets.hours)) * std::popcount(sets.minutes) * std::popcount(sets.seconds);
  std::vector<std::string> times;
  if (count > 6) return times;
  for (const int hour : members_of(sets.hours, 0).values) {
    for (const int minute : members_of(sets.minutes, 0).values) {
      for (const int second : members_of(sets.seconds, 0).values)
        times.push_back(clock_text(hour * 3600 + minute * 60 + second));
    }
  }
  return times;
}

// The times that a change of the clock touches, told by each language in its own words.
struct ClockChange {
  enum class Effect {
    MovedToEnd,     // missing times fire right after the gap
    LeftOut,        // missing times do not fire
    FirstPassOnly,  // repeated times fire once
    BothPasses,     // repeated times fire twice
  };
  Effect effect;
  std::string date;         // of the change, on the clock after it
  std::string first, last;  // the times touched; equal when there is one
  std::string fires_at;     // MovedToEnd
};

std::string sentence_in_english(const Schedule& schedule, const Zone& zone);
std::string sentence_in_chinese(const Schedule& schedule, const Zone& zone);
std::string note_in_english(const ClockChange& change);
std::string note_in_chinese(const ClockChange& change);

}  // namespace cronfleet::cron
