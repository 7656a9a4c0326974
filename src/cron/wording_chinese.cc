#include <array>

#include "cron/wording.h"

namespace cronfleet::cron {
namespace {

constexpr std::array<std::string_view, 7> kWeekdays{"星期日", "星期一", "星期二", "星期三",
                                                    "星期四", "星期五", "星期六"};

std::string joined(const std::vector<std::string>& parts, std::string_view between = "、") {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

bool begins_with_digit(std::string_view text) { return !text.empty() && text.front() >= '0' && text.front() <= '9'; }

// Latin digits stand a space apart from Chinese.
std::string spaced(std::string_view before, std::string_view text) {
  return fmt::format("{}{}{}", before, begins_with_digit(text) ? " " : "", text);
}

template <typename Name>
std::string list(const Members& members, Name name) {
  const std::vector<int>& values = members.values;
  if (members.is_run()) return name(values.front()) + spaced("至", name(values.back()));
  if (members.is_spread())
    return name(values.front()) + spaced("至", name(values.back())) + fmt::format("（间隔 {}）", members.step());
  std::vector<std::string> names;
  for (const int value : values) names.emplace_back(name(value));
  return joined(names);
}

auto with_unit(std::string_view unit) {
  return [unit](int value) { return fmt::format("{} {}", value, unit); };
}
std::string weekday_name(int value) { return std::string(kWeekdays[static_cast<std::size_t>(value % 7)]); }
Members from_monday(std::uint64_t bits) { return members_of((bits >> 1 | bits << 6) & 0x7f, 1); }

std::string times(const FieldSets& sets) {
  if (const auto few = few_times(sets); !few.empty()) return joined(few);
  const Members seconds = members_of(sets.seconds, 0), minutes = members_of(sets.minutes, 0),
                hours = members_of(sets.hours, 0);
  std::vector<std::string> parts;
  if (!hours.is_every(24)) {
    parts.push_back(list(hours, with_unit("点")));
  } else if (hours.step() > 1) {
    parts.push_back(fmt::format("每 {} 小时", hours.step()));
  } else if (!minutes.is_every(60)) {
    parts.emplace_back("每小时");
  }
  if (!minutes.is_every(60)) {
    parts.push_back("第 " + list(minutes, with_unit("分")));
  } else if (minutes.step() > 1) {
    parts.push_back(fmt::format("每 {} 分钟", minutes.step()));
  } else if (!seconds.is_every(60)) {
    parts.emplace_back("每分钟");
  }
  if (sets.seconds != 1) {
    if (seconds.is_every(60))
      parts.push_back(seconds.step() == 1 ? "每秒" : fmt::format("每 {} 秒", seconds.step()));
    else
      parts.push_back("第 " + list(seconds, with_unit("秒")));
  }
  return joined(parts, "，");
}

std::string days(const FieldSets& sets) {
  std::vector<std::string> parts;
  if (sets.days != 0) parts.push_back(list(members_of(sets.days, 1), with_unit("日")));
  for (const int day : members_of(sets.workdays, 1).values)
    parts.push_back(fmt::format("离 {} 日最近的工作日（星期一至星期五）", day));
  for (const int before : members_of(sets.last_days, 0).values)
    parts.push_back(before == 0 ? "最后一天" : fmt::format("最后一天之前 {} 天", before));
  for (const int before : members_of(sets.last_workdays, 0).values) {
    parts.push_back(before == 0 ? "最后一个工作日（星期一至星期五）"
                                : fmt::format("离最后一天之前 {} 天最近的工作日（星期一至星期五）", before));
  }
  return spaced("每月", joined(parts));
}

std::string weekdays(const FieldSets& sets) {
  std::vector<std::string> parts;
  if (sets.weekdays != 0) parts.push_back(list(from_monday(sets.weekdays), weekday_name));
  for (const int bit : members_of(sets.nth_weekdays, 0).values)
    parts.push_back(fmt::format("每月第 {} 个{}", bit / 7 + 1, weekday_name(bit % 7)));
  for (const int day : from_monday(sets.last_weekdays).values)
    parts.push_back(fmt::format("每月最后一个{}", weekday_name(day)));
  return joined(parts);
}

std::string dates(const FieldSets& sets) {
  if (sets.either) return fmt::format("{}，或者{}（满足其一即可）", days(sets), weekdays(sets));
  if (sets.days_restricted && sets.weekdays_restricted)
    return fmt::format("{}，且必须是{}", days(sets), weekdays(sets));
  if (sets.days_restricted) return days(sets);
  return sets.weekdays_restricted ? weekdays(sets) : "";
}

std::string touched(const ClockChange& change) {
  return change.first == change.last ? change.first : fmt::format("{} 至 {}", change.first, change.last);
}

}  // namespace

std::string sentence_in_chinese(const Schedule& schedule, const Zone& zone) {
  if (schedule.is_at()) return fmt::format("仅在 {} 触发一次。", to_rfc3339(schedule.instant()));
  if (schedule.is_every())
    return fmt::format("每隔 {} 触发一次，从 {} 起算。", to_text(schedule.period()), to_rfc3339(schedule.anchor()));
  const FieldSets& sets = schedule.sets();
  std::vector<std::string> parts;
  if (const Members years = years_of(sets); years.values.size() != 130) parts.push_back(list(years, with_unit("年")));
  if (sets.months != 0xfff) parts.push_back(list(members_of(sets.months, 1), with_unit("月")));
  if (std::string text = dates(sets); !text.empty())
    parts.push_back(std::move(text));
  else if (!few_times(sets).empty())
    parts.emplace_back("每天");
  parts.push_back(times(sets));
  const std::string text = joined(parts, "，");
  const bool after_digit = text.back() >= '0' && text.back() <= '9';
  return fmt::format("{}{}触发（时区 {}）。", text, after_digit ? " " : "", zone.name());
}

std::string note_in_chinese(const ClockChange& change) {
  switch (change.effect) {
    case ClockChange::Effect::MovedToEnd:
      return fmt::format("{} 这天在 {} 触发，因为 {} 不存在", change.date, change.fires_at, touched(change));
    case ClockChange::Effect::LeftOut:
      return fmt::format("{} 这天 {} 不触发，因为这段时间不存在", change.date, touched(change));
    case ClockChange::Effect::FirstPassOnly:
      return fmt::format("{} 这天 {} 会出现两次，只在第一次触发", change.date, touched(change));
    case ClockChange::Effect::BothPasses:
      return fmt::format("{} 这天 {} 会出现两次，两次都触发", change.date, touched(change));
  }
  return "";
}

}  // namespace cronfleet::cron
