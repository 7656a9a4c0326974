// The expression of a line, and its comparison with cron.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "cron/parse.h"
#include "cron/schedule.h"
#include "crontab/translate.h"

namespace cronfleet::crontab {
namespace {

constexpr std::uint64_t kAllMinutes = (std::uint64_t{1} << 60) - 1;
constexpr std::uint32_t kAllHours = (1u << 24) - 1, kAllWeekdays = (1u << 7) - 1;
constexpr std::uint32_t kAllDays = 0xfffffffeu, kAllMonths = 0x1ffeu;

// "0,15,30"; ranges where `ranges` allows them.
std::string listed(std::uint64_t bits, bool ranges) {
  std::string text;
  for (unsigned value = 0; value < 64; ++value) {
    if ((bits >> value & 1) == 0) continue;
    unsigned last = value;
    while (ranges && last + 1 < 64 && (bits >> (last + 1) & 1) != 0) ++last;
    if (!text.empty()) text += ',';
    text += last > value + 1 ? fmt::format("{}-{}", value, last) : std::to_string(value);
    if (last > value + 1) value = last;
  }
  return text;
}

// From what the fields hold. A star in minute or hour makes cron follow the wall clock; here a star, a range or a step
// does, so that plain lists stand for lines without a star.
std::string written_anew(const VixieFields& fields) {
  std::string minute = fields.minutes == kAllMinutes && fields.wild() ? "*" : listed(fields.minutes, false);
  std::string hour = fields.hours == kAllHours && fields.wild() ? "*" : listed(fields.hours, false);
  if (fields.wild() && minute != "*" && hour != "*") {
    const auto first = minute.substr(0, minute.find(','));
    minute = fmt::format("{}-{}{}", first, first, minute.substr(first.size()));
  }
  const std::string month = fields.months == kAllMonths ? "*" : listed(fields.months, true);
  const bool all_days = fields.days == kAllDays, all_weekdays = fields.weekdays == kAllWeekdays;
  std::string day, weekday;
  if (fields.day_star || fields.weekday_star) {  // both must match
    day = all_days ? "*" : listed(fields.days, true);
    weekday = all_weekdays ? "*" : listed(fields.weekdays, true);
    if (!all_days && !all_weekdays) weekday = "+" + weekday;
  } else {  // one is enough
    day = all_days ? "1-31" : listed(fields.days, true);
    weekday = all_weekdays ? "0-6" : listed(fields.weekdays, true);
  }
  return fmt::format("{} {} {} {} {}", minute, hour, day, month, weekday);
}

bool is_set(std::uint64_t bits, unsigned bit) { return (bits >> bit & 1) != 0; }

bool means_the_same(const VixieFields& fields, std::string_view expression) {
  const auto parsed = cron::parse(expression);
  if (!parsed) return false;
  const cron::FieldSets& sets = parsed->schedule.sets();
  if (sets.kind != cron::FieldSets::Kind::Fields || sets.dates == cron::FieldSets::Dates::Special) return false;
  if (sets.seconds != 1 || sets.minutes != fields.minutes || sets.hours != fields.hours ||
      sets.months != (fields.months >> 1))
    return false;
  for (unsigned day = 1; day <= 31; ++day) {
    for (unsigned weekday = 0; weekday < 7; ++weekday) {
      const bool by_day = is_set(sets.days, day - 1), by_weekday = is_set(sets.weekdays, weekday);
      const bool ours = sets.either ? by_day || by_weekday : by_day && by_weekday;
      const bool cron_by_day = is_set(fields.days, day), cron_by_weekday = is_set(fields.weekdays, weekday);
      const bool theirs =
          fields.day_star || fields.weekday_star ? cron_by_day && cron_by_weekday : cron_by_day || cron_by_weekday;
      if (ours != theirs) return false;
    }
  }
  return true;
}

// From when on to compare: now, and before the next two changes of the clock, which a line of many firings would not
// reach in those that are compared.
std::vector<WallTime> telling_moments(const cron::Zone& zone, WallTime from) {
  constexpr std::chrono::hours kBefore{4};
  std::vector<WallTime> moments = {from};
  const auto& segments = zone.segments();
  const auto now = std::chrono::floor<std::chrono::seconds>(from.time_since_epoch()).count();
  for (std::size_t i = zone.segment_at(now); i + 1 < segments.size() && moments.size() < 3; ++i)
    moments.push_back(std::max(from, from_seconds(segments[i].end) - kBefore));
  return moments;
}

std::string with_both_days(std::string_view expression) {
  const auto last = expression.rfind(' ');
  return fmt::format("{} +{}", expression.substr(0, last), expression.substr(last + 1));
}

}  // namespace

Comparison compare(const VixieFields& fields, std::string_view expression, const cron::Zone& zone, WallTime from) {
  const std::vector<VixieFiring> theirs = vixie_firings(fields, zone, from, kFiringsCompared);
  Comparison comparison;
  comparison.firings = theirs.size();
  comparison.until = theirs.empty() ? from : theirs.back().at;
  const auto parsed = cron::parse(expression);
  if (!parsed) return comparison;
  const auto differ = [&](WallTime at, int by_cron, int by_job) {
    ++comparison.differing;
    if (comparison.first.size() < Comparison::kShown)
      comparison.first.push_back({at, zone.to_local_rfc3339(at), by_cron, by_job});
  };
  auto ours = cron::next(parsed->schedule, zone, from);
  for (const VixieFiring& firing : theirs) {
    for (; ours && *ours < firing.at; ours = cron::next(parsed->schedule, zone, *ours)) differ(*ours, 0, 1);
    const int by_job = ours && *ours == firing.at ? 1 : 0;
    if (by_job != firing.times) differ(firing.at, firing.times, by_job);
    if (by_job != 0) ours = cron::next(parsed->schedule, zone, *ours);
  }
  // Where cron ends before 2100, so must the job.
  if (theirs.size() < kFiringsCompared && ours) differ(*ours, 0, 1);
  return comparison;
}

std::string expression_of(const Entry& entry, const cron::Zone& zone, WallTime from) {
  const std::vector<WallTime> moments = telling_moments(zone, from);
  const auto differing_of = [&](std::string_view expression) {
    std::size_t differing = 0;
    for (const WallTime moment : moments) differing += compare(entry.fields, expression, zone, moment).differing;
    return differing;
  };
  std::string best = written_anew(entry.fields);
  const std::size_t least = differing_of(best);
  std::vector<std::string> as_written = {entry.schedule};
  if (!entry.schedule.starts_with('@')) as_written.push_back(with_both_days(entry.schedule));
  for (const std::string& text : as_written) {
    if (!means_the_same(entry.fields, text)) continue;
    // As it is written is better than anew, so long as it differs no more.
    if (differing_of(text) <= least) return text;
  }
  return best;
}

}  // namespace cronfleet::crontab
