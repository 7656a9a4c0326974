// crontab/vixie.h: what the five fields of a crontab line mean to vixie's cron (Debian's cron 3.0, and cronie), and
// when it would start the line. This is the other side of `import crontab`: our own expressions are compared with it.
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.h"
#include "cron/zone.h"

namespace cronfleet::crontab {

// Bit n is minute, hour, day, month or weekday n; Sunday is bit 0 alone.
struct VixieFields {
  std::uint64_t minutes = 0;
  std::uint32_t hours = 0, days = 0, months = 0, weekdays = 0;
  // A field whose first character is '*' ("*/5" too, "5,*" not).
  bool minute_star = false, hour_star = false, day_star = false, weekday_star = false;

  // Such a line follows the wall clock through a change of it; the others are caught up once and never repeated.
  bool wild() const { return minute_star || hour_star; }
  // Both day fields must match when one of them has a star, else one of them is enough.
  bool matches_date(unsigned month, unsigned day, unsigned weekday) const;
  bool matches_time(unsigned hour, unsigned minute) const {
    return (hours >> hour & 1) != 0 && (minutes >> minute & 1) != 0;
  }
};

struct FieldMistake {
  int field = 0;   // 0 for the minute to 4 for the weekday
  int column = 0;  // in the field, from 1
  std::string message;
};
tl::expected<VixieFields, FieldMistake> read_vixie_fields(const std::array<std::string_view, 5>& words);

// "@daily" and its like as five fields; empty for a macro that is not one of vixie's. "@reboot" has none.
std::string_view vixie_macro(std::string_view macro);

struct VixieFiring {
  WallTime at;    // a whole minute
  int times = 1;  // how often the line is started then: what a change of the clock skipped is caught up in one minute
  friend bool operator==(const VixieFiring&, const VixieFiring&) = default;
};
// The first `count` firings after `from` of a cron that runs all along in `zone`, up to the end of 2099; in order, each
// minute once. What cron needs a minute or longer for is taken as done within it.
std::vector<VixieFiring> vixie_firings(const VixieFields& fields, const cron::Zone& zone, WallTime from,
                                       std::size_t count);

}  // namespace cronfleet::crontab
