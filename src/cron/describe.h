// cron/describe.h: what a schedule means, in words.
//
// This is the user's guard against the silent traps of cron dialects: weekdays are named, never numbered; "either day
// field is enough" is said; and changes of the clock that touch the schedule are told with their dates. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cron/schedule.h"
#include "cron/zone.h"

namespace cronfleet::cron {

enum class Language { English, Chinese };

struct Description {
  // "At 02:30, Monday to Friday (time zone America/New_York)."
  std::string sentence;
  // "on 2027-03-14 it fires at 03:00, because 02:30 does not exist": one for each change of the clock in the three
  // years after `from` that touches the schedule; schedules that fire several times in every hour hardly notice and get
  // none.
  std::vector<std::string> notes;
};

Description describe(const Schedule& schedule, const Zone& zone, Language language, WallTime from);

}  // namespace cronfleet::cron
