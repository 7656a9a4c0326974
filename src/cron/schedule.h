// cron/schedule.h: a compiled schedule, and when it fires next.
//
// A Schedule is 64 bytes of bit sets: copy it freely. It comes from cron::parse(). Its zone is not part of it: the same
// schedule fires at other instants in another zone. Everything here is pure and may be called from any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "cron/zone.h"

namespace cronfleet::cron {

struct Draft;

// What the fields of an expression hold, one bit per value. Bits count from the least value of the field: bit 0 is
// second 0, the 1st of a month, January, Sunday, 1970.
struct FieldSets {
  enum class Kind : std::uint8_t { Fields, Every, At };
  // How a date is found, cheapest first: every date fires; by weekday alone; by the bits of the month; or with the
  // special day items (L, W, #) worked out month by month.
  enum class Dates : std::uint8_t { Any, Weekdays, Months, Special };

  std::uint64_t seconds = 0;             // Every: the period in seconds. At: the instant.
  std::uint64_t minutes = 0;             // Every: the anchor.
  std::array<std::uint64_t, 2> years{};  // 1970 to 2097; the last two are in late_years
  std::uint32_t hours : 24 = 0;
  std::uint32_t late_years : 2 = 0;
  Kind kind : 2 = Kind::Fields;
  Dates dates : 2 = Dates::Months;
  bool either : 1 = false;    // both day fields are restricted and there is no '+': one of them is enough
  bool interval : 1 = false;  // second, minute or hour has *, ?, a range or a step
  std::uint32_t days = 0;
  std::uint32_t workdays = 0;           // nW
  std::uint32_t last_days = 0;          // L-n: bit n, bit 0 is L
  std::uint32_t last_workdays = 0;      // L-nW: bit n
  std::uint64_t nth_weekdays : 35 = 0;  // d#k: bit (k-1)*7 + d
  std::uint64_t last_weekdays : 7 = 0;  // dL
  std::uint64_t months : 12 = 0;
  std::uint64_t weekdays : 7 = 0;
  bool days_restricted : 1 = false;  // no item of the field is exactly * or ?
  bool weekdays_restricted : 1 = false;

  bool operator==(const FieldSets&) const = default;
};

class Schedule {
 public:
  // Never fires.
  Schedule() = default;
  static Schedule every(std::chrono::seconds period);  // period >= 1 s, anchored at 1970-01-01
  static Schedule at(WallTime instant);                // whole seconds

  bool is_every() const { return sets_.kind == FieldSets::Kind::Every; }
  bool is_at() const { return sets_.kind == FieldSets::Kind::At; }
  // An @every schedule that fires at anchor + d, anchor + 2d, ... (the fraction of a second is dropped); any other
  // schedule as it is. Without a call the anchor is 1970-01-01, so that every node computes the same grid.
  Schedule anchored_at(WallTime anchor) const;

  std::chrono::seconds period() const { return std::chrono::seconds(static_cast<std::int64_t>(sets_.seconds)); }
  WallTime anchor() const { return from_seconds(static_cast<std::int64_t>(sets_.minutes)); }
  WallTime instant() const { return from_seconds(static_cast<std::int64_t>(sets_.seconds)); }
  const FieldSets& sets() const { return sets_; }

  bool operator==(const Schedule&) const = default;

 private:
  friend void compile(const Draft& draft, Schedule& into);  // field_parser.h

  FieldSets sets_;
};
static_assert(sizeof(Schedule) <= 64);

// The earliest firing strictly after `after`, in whole seconds (a fraction in `after` is dropped first); nothing when
// there is none up to the end of 2099 by the zone's calendar. A time that a change of the
// clock skips fires right after the gap, unless every hour fires; a repeated time fires twice only for schedules with a
// *, a range or a step in second, minute or hour; changes of three hours or more skip and repeat plainly. Allocates
// nothing; a few tens of nanoseconds.
std::optional<WallTime> next(const Schedule& schedule, const Zone& zone, WallTime after);

// The first wall-clock time at or after `from` that the fields match, whatever clocks do; nothing when there is none
// in 1970-2099. Only for schedules made of fields. This is what describe() builds its notes on.
std::optional<LocalSeconds> next_match(const Schedule& schedule, LocalSeconds from);

}  // namespace cronfleet::cron
