#include "cron/describe.h"

#include <limits>
#include <optional>

#include "cron/wording.h"

namespace cronfleet::cron {
namespace {

constexpr std::int64_t kNotedSeconds = 3 * 366 * 86'400;
// A schedule that fires in every hour, and this often in the hour of the change, hardly notices it.
constexpr int kHardlyNoticed = 3;

std::string date_text(LocalSeconds at) { return to_rfc3339(from_seconds(at)).substr(0, 10); }
std::string time_text(LocalSeconds at) { return clock_text(static_cast<int>(((at % 86'400) + 86'400) % 86'400)); }

// The first and last match in [begin, end), and how many there are, counted up to a limit.
struct Matches {
  LocalSeconds first, last;
  int count;
};
std::optional<Matches> matches_between(const Schedule& schedule, LocalSeconds begin, LocalSeconds end, int count_max) {
  std::optional<Matches> matches;
  for (auto at = next_match(schedule, begin); at && *at < end && (!matches || matches->count < count_max);
       at = next_match(schedule, *at + 1)) {
    if (!matches) matches = {*at, *at, 0};
    matches->last = *at;
    ++matches->count;
  }
  return matches;
}

std::optional<ClockChange> effect_of(const Schedule& schedule, const Zone::Segment& before,
                                     const Zone::Segment& after) {
  using Effect = ClockChange::Effect;
  const FieldSets& sets = schedule.sets();
  const LocalSeconds from = before.local_end(), to = after.local_begin();
  const bool every_hour = sets.hours == 0xffffff;
  const int count_max = every_hour ? kHardlyNoticed : std::numeric_limits<int>::max();
  const auto touched = matches_between(schedule, std::min(from, to), std::max(from, to), count_max);
  if (!touched || touched->count == count_max) return std::nullopt;
  const bool small = std::abs(to - from) < Zone::kCorrectionSeconds;
  Effect effect = Effect::BothPasses;
  if (to > from)
    effect = small && !every_hour ? Effect::MovedToEnd : Effect::LeftOut;
  else if (small && !sets.interval)
    effect = Effect::FirstPassOnly;
  const LocalSeconds day = effect == Effect::MovedToEnd ? to : touched->first;
  return ClockChange{effect, date_text(day), time_text(touched->first), time_text(touched->last), time_text(to)};
}

}  // namespace

Description describe(const Schedule& schedule, const Zone& zone, Language language, WallTime from) {
  const bool english = language == Language::English;
  Description description{english ? sentence_in_english(schedule, zone) : sentence_in_chinese(schedule, zone), {}};
  if (schedule.is_every() || schedule.is_at()) return description;
  const std::int64_t begin = to_ms(from) / 1000;
  for (std::size_t i = zone.segment_at(begin) + 1; i < zone.segments().size(); ++i) {
    const Zone::Segment& after = zone.segments()[i];
    if (after.begin > begin + kNotedSeconds) break;
    if (const auto change = effect_of(schedule, zone.segments()[i - 1], after))
      description.notes.push_back(english ? note_in_english(*change) : note_in_chinese(*change));
  }
  return description;
}

}  // namespace cronfleet::cron
