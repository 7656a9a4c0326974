// Every change of the clock in 2000-2099 of 24 zones: the engine against the oracle, from three hours before the change
// to five after it and from starts around it, 200 expressions each (REL-F21).
#include <gtest/gtest.h>

#include <array>
#include <iostream>

#include "base/rng.h"
#include "cron/parse.h"
#include "tests/cron_oracle.h"
#include "tz/zone_database.h"

namespace cronfleet {
namespace {

constexpr std::array kZones{"America/New_York", "America/St_Johns",  "America/Havana",   "America/Sao_Paulo",
                            "America/Caracas",  "America/Santiago",  "America/Nuuk",     "America/Asuncion",
                            "Europe/London",    "Europe/Berlin",     "Europe/Dublin",    "Europe/Moscow",
                            "Asia/Amman",       "Asia/Gaza",         "Asia/Tehran",      "Asia/Pyongyang",
                            "Asia/Beirut",      "Africa/Casablanca", "Africa/Cairo",     "Australia/Lord_Howe",
                            "Pacific/Chatham",  "Pacific/Apia",      "Antarctica/Troll", "Antarctica/Casey"};

std::vector<std::string> expressions() {
  std::vector<std::string> texts{"* * * * *",
                                 "30 2 * * *",
                                 "30 1 * * *",
                                 "0 0 * * *",
                                 "0 2 * * *",
                                 "0,30 2 * * *",
                                 "*/15 2 * * *",
                                 "*/30 1 * * *",
                                 "30 * * * *",
                                 "0 */2 * * *",
                                 "0 0-3 * * *",
                                 "0 1-23/2 * * *",
                                 "15 0-4 * * SUN",
                                 "45 23 * * SAT",
                                 "0 3 * * *",
                                 "0 1,2,3 * * *",
                                 "*/20 * * * *",
                                 "0 12-1 * * *",
                                 "5 2,3 * 3,11 *",
                                 "30 30 2 * * *",
                                 "*/20 30 1,2,3 * * *",
                                 "0 0 L * *",
                                 "0 0 LW,1W * *",
                                 "30 2 * * 7#2,0L",
                                 "0 0 1 4 ?",
                                 "59 59 23 * * *",
                                 "59 59 0-3 * * *",
                                 "0 0 1,15 * +SUN",
                                 "0 22-2/2 * * *",
                                 "@hourly",
                                 "@daily",
                                 "@weekly",
                                 "@monthly",
                                 "0 2 * * * 2000-2050/2"};
  Rng rng(8731);
  const auto number = [&](std::uint64_t low, std::uint64_t high) {
    return std::to_string(low + rng.below(high - low + 1));
  };
  while (texts.size() < 200) {  // times around midnight to four, where clocks change, and at random
    std::string minute = number(0, 59), hour = number(0, 4), day = "*", weekday = "*";
    if (rng.chance(0.3)) minute = "*/" + number(5, 40);
    if (rng.chance(0.2)) minute += "," + number(0, 59);
    if (rng.chance(0.2)) hour = number(20, 23) + "-" + number(0, 5);
    if (rng.chance(0.2)) hour = "*/" + number(1, 6);
    if (rng.chance(0.2)) hour += "," + number(0, 23);
    if (rng.chance(0.1)) hour = "*";
    if (rng.chance(0.2)) weekday = number(0, 6) + (rng.chance(0.5) ? "L" : "-" + number(0, 7));
    if (rng.chance(0.1)) day = number(1, 28) + "-" + number(1, 28) + ",L";
    texts.push_back(minute + " " + hour + " " + day + " * " + weekday);
  }
  return texts;
}

std::vector<oracle::Instant> changes_of(const absl::TimeZone& zone) {
  std::vector<oracle::Instant> changes;
  const absl::Time end = absl::FromCivil(absl::CivilSecond(2099, 12, 31), absl::UTCTimeZone());
  absl::TimeZone::CivilTransition change;
  absl::Time at = absl::FromCivil(absl::CivilSecond(2000, 1, 1), absl::UTCTimeZone());
  while (zone.NextTransition(at, &change)) {
    const auto info = zone.At(std::min(change.from, change.to));
    at = info.kind == absl::TimeZone::TimeInfo::UNIQUE ? info.pre : info.trans;
    if (at >= end) break;
    changes.push_back(absl::ToUnixSeconds(at));
  }
  return changes;
}

TEST(CronClockChanges, EngineAgreesWithTheOracleAtEveryOne) {
  struct Entry {
    std::string text;
    oracle::Plan plan;
    cron::Schedule schedule;
  };
  std::vector<Entry> entries;
  for (const std::string& text : expressions()) {
    auto plan = oracle::read(text, "");
    auto parsed = cron::parse(text);
    ASSERT_TRUE(plan && parsed) << text;
    entries.push_back({text, std::move(*plan), parsed->schedule});
  }
  const auto database = tz::ZoneDatabase::open().value();
  std::size_t compared = 0, changes = 0, fired = 0;
  for (const char* const name : kZones) {
    absl::TimeZone zone;
    ASSERT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
    const cron::ZonePtr value = database->find(name);
    for (const oracle::Instant change : changes_of(zone)) {
      ++changes;
      const oracle::Instant begin = change - 3 * 3600, end = change + 5 * 3600;
      for (const Entry& entry : entries) {
        ++compared;
        const auto want = oracle::firings(entry.plan, zone, begin, end);
        std::set<oracle::Instant> got;
        for (auto at = cron::next(entry.schedule, *value, from_seconds(begin)); at && *at <= from_seconds(end);
             at = cron::next(entry.schedule, *value, *at))
          got.insert(to_ms(*at) / 1000);
        for (const oracle::Instant start : {change - 1, change, change + 599, change + 1800, change + 3599}) {
          const auto at = cron::next(entry.schedule, *value, from_seconds(start));
          const auto first = want.upper_bound(start);
          if (first != want.end()) {
            ASSERT_EQ(at, from_seconds(*first))
                << "'" << entry.text << "' in " << name << " after " << to_rfc3339(from_seconds(start));
          } else {
            ASSERT_TRUE(!at || *at > from_seconds(end)) << "'" << entry.text << "' in " << name;
          }
        }
        fired += got.size();
        ASSERT_EQ(got, want) << "'" << entry.text << "' in " << name << " around " << to_rfc3339(from_seconds(change));
      }
    }
  }
  EXPECT_GT(changes, 2000u);
  std::cout << kZones.size() << " zones, " << changes << " changes of the clock, " << compared << " comparisons, "
            << fired << " firings, 0 differences\n";
}

}  // namespace
}  // namespace cronfleet
