#include "cron/schedule.h"

#include <bit>
#include <limits>

#include "base/check.h"
#include "cron/calendar.h"

namespace cronfleet::cron {
namespace {

constexpr std::int64_t kDaySeconds = 86'400;
constexpr LocalSeconds kNever = std::numeric_limits<LocalSeconds>::max();
constexpr LocalSeconds kCalendarEnd = kDays * kDaySeconds;  // local 2100-01-01
constexpr std::uint32_t kAllHours = (1u << 24) - 1;
constexpr std::uint32_t kAllWeekdays = 0x7f;
constexpr std::uint64_t kEverySeventh = 0x10204081;  // days 1, 8, 15, 22, 29

template <typename T>
constexpr unsigned lowest(T bits) {
  return static_cast<unsigned>(std::countr_zero(bits));
}

constexpr std::uint32_t first_days(unsigned count) {
  return static_cast<std::uint32_t>((std::uint64_t{1} << count) - 1);
}

// Weekdays turned so that bit 0 is `weekday`.
constexpr std::uint32_t weekdays_from(std::uint32_t weekdays, unsigned weekday) {
  return ((weekdays | weekdays << 7) >> weekday) & kAllWeekdays;
}

bool has_year(const FieldSets& sets, unsigned year) {
  return ((year < 128 ? sets.years[year >> 6] >> (year & 63) : sets.late_years >> (year & 63)) & 1) != 0;
}

// The Monday-to-Friday day of the month nearest to `day` (from 0).
unsigned nearest_workday(const Month& month, unsigned day) {
  const unsigned weekday = (month.first_weekday + day) % 7;
  if (weekday == 6) return day == 0 ? 2 : day - 1;
  if (weekday == 0) return day + 1 == month.length ? day - 2 : day + 1;
  return day;
}

// Bits of nW, L-n and L-nW in this month.
std::uint32_t special_days(const FieldSets& sets, const Month& month) {
  std::uint32_t days = 0;
  for (std::uint32_t left = sets.workdays & first_days(month.length); left != 0; left &= left - 1)
    days |= 1u << nearest_workday(month, lowest(left));
  for (std::uint32_t left = sets.last_days & first_days(month.length); left != 0; left &= left - 1)
    days |= 1u << (month.length - 1u - lowest(left));
  for (std::uint32_t left = sets.last_workdays & first_days(month.length); left != 0; left &= left - 1)
    days |= 1u << nearest_workday(month, month.length - 1u - lowest(left));
  return days;
}

// Bits of d#k and dL in this month.
std::uint32_t special_weekdays(const FieldSets& sets, const Month& month) {
  std::uint32_t days = 0;
  for (std::uint64_t left = sets.nth_weekdays; left != 0; left &= left - 1) {
    const unsigned bit = lowest(left);
    const unsigned day = bit / 7 * 7 + (bit % 7 + 7 - month.first_weekday) % 7;
    if (day < month.length) days |= 1u << day;
  }
  for (std::uint32_t left = sets.last_weekdays; left != 0; left &= left - 1) {
    const unsigned last_weekday = (month.first_weekday + month.length - 1u) % 7;
    days |= 1u << (month.length - 1u - (last_weekday + 7 - lowest(left)) % 7);
  }
  return days;
}

// The days of one month that fire, as bits from the 1st.
std::uint32_t days_of_month(const FieldSets& sets, const Month& month) {
  std::uint32_t days = sets.days;
  std::uint32_t by_weekday =
      static_cast<std::uint32_t>(weekdays_from(sets.weekdays, month.first_weekday) * kEverySeventh);
  if (sets.dates == FieldSets::Dates::Special) {
    days |= special_days(sets, month);
    by_weekday |= special_weekdays(sets, month);
  }
  return (sets.either ? days | by_weekday : days & by_weekday) & first_days(month.length);
}

std::uint32_t first_time(const FieldSets& sets) {
  return lowest(static_cast<std::uint32_t>(sets.hours)) * 3600 + lowest(sets.minutes) * 60 + lowest(sets.seconds);
}

constexpr std::uint32_t kNoTime = 0xffffffff;

// The first time of day at or after `from`, both in seconds since midnight; kNoTime when the rest of the day has none.
std::uint32_t next_time(const FieldSets& sets, std::uint32_t from) {
  const std::uint32_t hour = from / 3600, minute = from / 60 % 60, second = from % 60;
  const std::uint32_t hours = sets.hours >> hour;
  if ((hours & 1) != 0) {
    const std::uint64_t minutes = sets.minutes >> minute;
    if ((minutes & 1) != 0) {
      if (const std::uint64_t seconds = sets.seconds >> second; seconds != 0) return from + lowest(seconds);
    }
    if (const std::uint64_t later = minutes >> 1; later != 0)
      return hour * 3600 + (minute + 1 + lowest(later)) * 60 + lowest(sets.seconds);
  }
  if (const std::uint32_t later = hours >> 1; later != 0)
    return (hour + 1 + lowest(later)) * 3600 + lowest(sets.minutes) * 60 + lowest(sets.seconds);
  return kNoTime;
}

// The first day that fires in the months after `month`, as days since 1970; kDays when there is none.
std::uint32_t first_day_after_month(const FieldSets& sets, unsigned month) {
  const std::uint32_t months = sets.months;
  unsigned year = month / 12, in_year = month % 12;
  while (true) {
    const std::uint32_t later = months >> in_year >> 1;
    if (later != 0 && has_year(sets, year)) {
      in_year += 1 + lowest(later);
    } else {
      do {
        if (++year == kYears) return kDays;
      } while (!has_year(sets, year));
      in_year = lowest(months);
    }
    const Month& found = kMonthTable[year * 12 + in_year];
    if (const std::uint32_t days = days_of_month(sets, found); days != 0) return found.start + lowest(days);
  }
}

constexpr LocalSeconds at_first_time(const FieldSets& sets, std::uint32_t day) {
  return day >= kDays ? kNever : LocalSeconds{day} * kDaySeconds + first_time(sets);
}

// The first matching wall-clock time at or after `from`, or kNever.
LocalSeconds next_local(const FieldSets& sets, LocalSeconds from) {
  if (from < 0) from = 0;
  if (from >= kCalendarEnd) return kNever;
  const auto day = static_cast<std::uint32_t>(static_cast<std::uint64_t>(from) / kDaySeconds);
  const auto time = static_cast<std::uint32_t>(from - LocalSeconds{day} * kDaySeconds);
  switch (sets.dates) {
    case FieldSets::Dates::Any: {
      const std::uint32_t found = next_time(sets, time);
      if (found != kNoTime) return from - time + found;
      return at_first_time(sets, day + 1);
    }
    case FieldSets::Dates::Weekdays: {
      const std::uint32_t weekdays = weekdays_from(sets.weekdays, (day + 4) % 7);
      if ((weekdays & 1) != 0) {
        const std::uint32_t found = next_time(sets, time);
        if (found != kNoTime) return from - time + found;
      }
      // Bit 7 stands for this weekday a week later.
      return at_first_time(sets, day + lowest((weekdays & ~1u) | weekdays << 7));
    }
    case FieldSets::Dates::Months:
    case FieldSets::Dates::Special: break;
  }
  const unsigned month = month_of_day(day);
  if ((sets.months >> (month % 12) & 1) != 0 && has_year(sets, month / 12)) {
    const std::uint32_t days = days_of_month(sets, kMonthTable[month]) >> (day - kMonthTable[month].start);
    if ((days & 1) != 0) {
      const std::uint32_t found = next_time(sets, time);
      if (found != kNoTime) return from - time + found;
    }
    if (const std::uint32_t later = days >> 1; later != 0) return at_first_time(sets, day + 1 + lowest(later));
  }
  if (sets.months == 0) return kNever;
  return at_first_time(sets, first_day_after_month(sets, month));
}

// The firing at or after `start`, which lies in segment `index`; `found` is the first match from there, beyond the
// segment's end. Walks the changes of the clock up to the firing.
std::int64_t across_changes(const FieldSets& sets, const Zone& zone, std::size_t index, LocalSeconds start,
                            LocalSeconds found) {
  // No match lies in [start, found).
  const std::vector<Zone::Segment>& segments = zone.segments();
  while (index + 1 < segments.size() && found >= segments[index].local_end()) {
    const Zone::Segment& before = segments[index];
    const Zone::Segment& after = segments[++index];
    const std::int64_t forward = after.offset - before.offset;
    if (forward > 0) {
      if (found >= after.local_begin()) continue;
      if (forward < Zone::kCorrectionSeconds && sets.hours != kAllHours) return after.begin;
      start = after.local_begin();
      found = next_local(sets, start);
    } else if (after.local_begin() < start && (sets.interval || -forward >= Zone::kCorrectionSeconds)) {
      start = after.local_begin();
      found = next_local(sets, start);
    } else if (found == kNever) {
      return kNever;  // later overlaps only repeat what has been searched
    } else if (found - after.local_begin() > 400 * kDaySeconds) {
      index = zone.segment_at(found - after.offset - 2 * kDaySeconds);
    }
  }
  return found == kNever ? kNever : found - segments[index].offset;
}

bool in_calendar(const Zone& zone, std::int64_t utc_seconds) {
  const LocalSeconds local = utc_seconds + zone.segments()[zone.segment_at(utc_seconds)].offset;
  return local >= 0 && local < kCalendarEnd;
}

std::int64_t next_every(const Schedule& schedule, const Zone& zone, std::int64_t after) {
  const std::int64_t period = schedule.period().count();
  const std::int64_t anchor = static_cast<std::int64_t>(schedule.sets().minutes);
  // Nothing fires before 1970 in the zone; a day of margin covers every offset.
  if (after < -2 * kDaySeconds) after = -2 * kDaySeconds;
  std::int64_t at = after < anchor ? anchor + period : anchor + ((after - anchor) / period + 1) * period;
  while (at < 2 * kDaySeconds && !in_calendar(zone, at)) at += period;
  return in_calendar(zone, at) ? at : kNever;
}

std::optional<WallTime> to_answer(std::int64_t utc_seconds) {
  if (utc_seconds == kNever) return std::nullopt;
  return from_seconds(utc_seconds);
}

}  // namespace

Schedule Schedule::every(std::chrono::seconds period) {
  CHECK(period.count() >= 1);
  Schedule schedule;
  schedule.sets_.kind = FieldSets::Kind::Every;
  schedule.sets_.seconds = static_cast<std::uint64_t>(period.count());
  return schedule;
}

Schedule Schedule::at(WallTime instant) {
  Schedule schedule;
  schedule.sets_.kind = FieldSets::Kind::At;
  schedule.sets_.seconds =
      static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(instant.time_since_epoch()).count());
  return schedule;
}

Schedule Schedule::anchored_at(WallTime anchor) const {
  Schedule copy = *this;
  if (is_every()) {
    copy.sets_.minutes =
        static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(anchor.time_since_epoch()).count());
  }
  return copy;
}

std::optional<WallTime> next(const Schedule& schedule, const Zone& zone, WallTime after) {
  const std::int64_t whole = std::chrono::floor<std::chrono::seconds>(after.time_since_epoch()).count();
  const FieldSets& sets = schedule.sets();
  if (sets.kind != FieldSets::Kind::Fields) {
    if (sets.kind == FieldSets::Kind::Every) return to_answer(next_every(schedule, zone, whole));
    return schedule.instant() > from_seconds(whole) ? std::optional(schedule.instant()) : std::nullopt;
  }
  // The segment of `after`, not of the second that follows: at a change, that one belongs to what the change does.
  const std::size_t index = zone.segment_at(whole);
  const Zone::Segment& segment = zone.segments()[index];
  LocalSeconds start = whole + 1 + segment.offset;
  if (start < segment.repeated_until && !sets.interval) start = segment.repeated_until;
  const LocalSeconds found = next_local(sets, start);
  if (found < segment.local_end()) return from_seconds(found - segment.offset);
  return to_answer(across_changes(sets, zone, index, start, found));
}

std::optional<LocalSeconds> next_match(const Schedule& schedule, LocalSeconds from) {
  CHECK(schedule.sets().kind == FieldSets::Kind::Fields);
  const LocalSeconds found = next_local(schedule.sets(), from);
  return found == kNever ? std::nullopt : std::optional(found);
}

}  // namespace cronfleet::cron
