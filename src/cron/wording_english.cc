#include <array>

#include "cron/wording.h"

namespace cronfleet::cron {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                    "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 13> kMonths{"",        "January",  "February", "March",  "April",
                                                   "May",     "June",     "July",     "August", "September",
                                                   "October", "November", "December"};

std::string joined(const std::vector<std::string>& parts, std::string_view last = " and ") {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? last : std::string_view(", ");
    text += parts[i];
  }
  return text;
}

template <typename Name>
std::string list(const Members& members, Name name) {
  const std::vector<int>& values = members.values;
  if (members.is_run()) return fmt::format("{} to {}", name(values.front()), name(values.back()));
  if (members.is_spread())
    return fmt::format("{} to {} in steps of {}", name(values.front()), name(values.back()), members.step());
  std::vector<std::string> names;
  for (const int value : values) names.emplace_back(name(value));
  return joined(names);
}

std::string number(int value) { return fmt::format("{}", value); }
std::string weekday_name(int value) { return std::string(kWeekdays[static_cast<std::size_t>(value)]); }
std::string month_name(int value) { return std::string(kMonths[static_cast<std::size_t>(value)]); }

// Weekdays from Monday on, so that Saturday and Sunday stand together.
Members from_monday(std::uint64_t bits) { return members_of((bits >> 1 | bits << 6) & 0x7f, 1); }
std::string weekday_list(std::uint64_t bits) {
  return list(from_monday(bits), [](int value) { return weekday_name(value % 7); });
}

std::string_view ordinal(int k) {
  constexpr std::array<std::string_view, 6> kOrdinals{"", "first", "second", "third", "fourth", "fifth"};
  return kOrdinals[static_cast<std::size_t>(k)];
}

std::string plural(std::string_view word, const Members& members) {
  return fmt::format("{}{} ", word, members.values.size() == 1 ? "" : "s");
}

std::string times(const FieldSets& sets) {
  if (const auto few = few_times(sets); !few.empty()) return "at " + joined(few);
  const Members seconds = members_of(sets.seconds, 0), minutes = members_of(sets.minutes, 0),
                hours = members_of(sets.hours, 0);
  std::vector<std::string> parts;
  if (sets.seconds != 1) {
    if (seconds.is_every(60))
      parts.push_back(seconds.step() == 1 ? "every second" : fmt::format("every {} seconds", seconds.step()));
    else
      parts.push_back("at " + plural("second", seconds) + list(seconds, number));
  }
  if (minutes.is_every(60)) {
    if (minutes.step() > 1)
      parts.push_back(fmt::format("every {} minutes", minutes.step()));
    else if (!seconds.is_every(60))
      parts.emplace_back("every minute");
  } else {
    parts.push_back("at " + plural("minute", minutes) + list(minutes, number));
  }
  if (!hours.is_every(24)) {
    parts.push_back("in " + plural("hour", hours) + list(hours, number));
  } else if (hours.step() > 1) {
    parts.push_back(fmt::format("every {} hours", hours.step()));
  } else if (!minutes.is_every(60)) {
    parts.emplace_back("every hour");
  }
  return joined(parts, ", ");
}

std::string days(const FieldSets& sets) {
  std::vector<std::string> parts;
  if (sets.days != 0) {
    const Members members = members_of(sets.days, 1);
    parts.push_back(plural("day", members) + list(members, number));
  }
  for (const int day : members_of(sets.workdays, 1).values)
    parts.push_back(fmt::format("the Monday-to-Friday day nearest to day {}", day));
  for (const int before : members_of(sets.last_days, 0).values)
    parts.push_back(before == 0 ? "the last day" : fmt::format("{} days before the last day", before));
  for (const int before : members_of(sets.last_workdays, 0).values) {
    parts.push_back(before == 0
                        ? "the last Monday-to-Friday day"
                        : fmt::format("the Monday-to-Friday day nearest to {} days before the last day", before));
  }
  return fmt::format("on {} of the month", joined(parts));
}

std::string weekdays(const FieldSets& sets) {
  std::vector<std::string> parts;
  if (sets.weekdays != 0) parts.push_back(weekday_list(sets.weekdays));
  for (const int bit : members_of(sets.nth_weekdays, 0).values)
    parts.push_back(fmt::format("the {} {} of the month", ordinal(bit / 7 + 1), weekday_name(bit % 7)));
  for (const int day : from_monday(sets.last_weekdays).values)
    parts.push_back(fmt::format("the last {} of the month", weekday_name(day % 7)));
  return "on " + joined(parts);
}

std::string dates(const FieldSets& sets) {
  if (sets.either) return fmt::format("{}, or {} (either is enough)", days(sets), weekdays(sets));
  if (sets.days_restricted && sets.weekdays_restricted)
    return fmt::format("{}, only if that is {}", days(sets), weekdays(sets));
  if (sets.days_restricted) return days(sets);
  return sets.weekdays_restricted ? weekdays(sets) : "";
}

std::string touched(const ClockChange& change) {
  return change.first == change.last ? change.first : fmt::format("{} to {}", change.first, change.last);
}

}  // namespace

std::string sentence_in_english(const Schedule& schedule, const Zone& zone) {
  if (schedule.is_at()) return fmt::format("Once, at {}.", to_rfc3339(schedule.instant()));
  if (schedule.is_every())
    return fmt::format("Every {}, counted from {}.", to_text(schedule.period()), to_rfc3339(schedule.anchor()));
  const FieldSets& sets = schedule.sets();
  std::vector<std::string> parts{times(sets)};
  if (std::string text = dates(sets); !text.empty())
    parts.push_back(std::move(text));
  else if (sets.months == 0xfff && !few_times(sets).empty())
    parts.emplace_back("every day");
  if (sets.months != 0xfff) parts.push_back("in " + list(members_of(sets.months, 1), month_name));
  if (const Members years = years_of(sets); years.values.size() != 130)
    parts.push_back("in " + plural("year", years) + list(years, number));
  std::string sentence = joined(parts, ", ");
  sentence[0] = static_cast<char>(sentence[0] - 'a' + 'A');
  return fmt::format("{} (time zone {}).", sentence, zone.name());
}

std::string note_in_english(const ClockChange& change) {
  const std::string_view s = change.first == change.last ? "s" : "";
  const std::string_view does = change.first == change.last ? "does" : "do";
  switch (change.effect) {
    case ClockChange::Effect::MovedToEnd:
      return fmt::format("on {} it fires at {}, because {} {} not exist", change.date, change.fires_at, touched(change),
                         does);
    case ClockChange::Effect::LeftOut:
      return fmt::format("on {} it does not fire at {}, because {} {} not exist", change.date, touched(change),
                         touched(change), does);
    case ClockChange::Effect::FirstPassOnly:
      return fmt::format("on {} it fires only at the first {}, because {} come{} twice", change.date, touched(change),
                         touched(change), s);
    case ClockChange::Effect::BothPasses:
      return fmt::format("on {} it fires both times at {}, because {} come{} twice", change.date, touched(change),
                         touched(change), s);
  }
  return "";
}

}  // namespace cronfleet::cron
