#include "crontab/vixie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tz/zone_database.h"

namespace cronfleet::crontab {
namespace {

std::array<std::string_view, 5> words_of(std::string_view text) {
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    const auto end = std::min(text.find(' '), text.size());
    word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

VixieFields fields_of(std::string_view text) {
  const auto fields = read_vixie_fields(words_of(text));
  EXPECT_TRUE(fields) << (fields ? "" : fields.error().message);
  return fields ? *fields : VixieFields{};
}

const cron::Zone& zone(const std::string& name) {
  static const auto kZones = *tz::ZoneDatabase::open();
  return *kZones->find(name);
}

// "03:00*2 04:00" in the zone's own clock.
std::string times(const std::string& expression, const std::string& zone_name, const std::string& from,
                  const std::string& until) {
  std::string text;
  for (const VixieFiring& firing : vixie_firings(fields_of(expression), zone(zone_name), *parse_rfc3339(from), 300)) {
    if (firing.at >= *parse_rfc3339(until)) break;
    const std::string local = zone(zone_name).to_local_rfc3339(firing.at);
    text += (text.empty() ? "" : " ") + local.substr(11, 5) + (local.ends_with("-04:00") ? "d" : "");
    if (firing.times > 1) text += fmt::format("*{}", firing.times);
  }
  return text;
}

// cron-semantics.md §8: New York, the night of 2019-03-10 (02:00 becomes 03:00) and of 2019-11-03 (02:00 becomes
// 01:00). A "d" is daylight saving time.
TEST(VixieFirings, FollowTheClockAsTheDaemonDoes) {
  const struct {
    const char *why, *expression, *spring, *autumn;
  } kCases[] = {
      {"fixed, in the gap", "30 2 * * *", "03:00d", "02:30"},
      {"two of the gap are both caught up", "0,30 2 * * *", "03:00d*2", "02:00 02:30"},
      {"the gap and its end", "0 2,3 * * *", "03:00d*2", "02:00 03:00"},
      {"a star in the minute is not caught up", "*/15 2 * * *", "", "02:00 02:15 02:30 02:45"},
      {"fixed, in the overlap: once", "30 1 * * *", "01:30", "01:30d"},
      {"a range is fixed too", "0 0-3 * * *", "00:00 01:00 03:00d*2", "00:00d 01:00d 02:00 03:00"},
      {"a star in the hour follows the clock", "30 */1 * * *", "00:30 01:30 03:30d", "00:30d 01:30d 01:30 02:30 03:30"},
      {"a star in the minute follows the clock", "*/30 1 * * *", "01:00 01:30", "01:00d 01:30d 01:00 01:30"},
      {"every second hour", "0 */2 * * *", "00:00 04:00d", "00:00d 02:00"},
      {"a list that ends in a star is fixed", "30,* 2 * * *", "03:00d*60",
       "02:00 02:01 02:02 02:03 02:04 02:05 02:06 "
       "02:07 02:08 02:09 02:10 02:11"},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(times(test.expression, "America/New_York", "2019-03-10T04:59:59Z", "2019-03-10T08:00:01Z"), test.spring)
        << test.why;
    const std::string autumn =
        times(test.expression, "America/New_York", "2019-11-03T03:59:59Z", "2019-11-03T08:59:00Z");
    EXPECT_EQ(autumn.substr(0, std::string_view(test.autumn).size()), test.autumn) << test.why;
  }
}

TEST(VixieFirings, HalfAnHourAndADayThatIsNotThere) {
  // Lord Howe puts its clocks forward by half an hour, from 02:00 to 02:30.
  EXPECT_EQ(times("15 2 * * *", "Australia/Lord_Howe", "2019-10-05T12:00:00Z", "2019-10-05T18:00:00Z"), "02:30");
  // Apia has no 30 December 2011: more than three hours are a correction of the clock.
  EXPECT_EQ(times("0 12 30 12 *", "Pacific/Apia", "2011-12-28T12:00:00Z", "2012-01-02T00:00:00Z"), "");
  EXPECT_EQ(times("0 0 31 12 *", "Pacific/Apia", "2011-12-28T12:00:00Z", "2012-01-02T00:00:00Z"), "00:00");
}

TEST(VixieFirings, AfterAStartInTheMiddleOfAnOverlap) {
  // At 06:10Z it is 01:10 for the second time: the fixed line has run.
  EXPECT_EQ(times("30 1 * * *", "America/New_York", "2019-11-03T06:10:00Z", "2019-11-04T06:00:00Z"), "");
  EXPECT_EQ(times("30 * * * *", "America/New_York", "2019-11-03T06:10:00Z", "2019-11-03T08:00:00Z"), "01:30 02:30");
}

// cron's main loop, minute by minute, as its source has it: what the evaluator leaps over must make no difference.
std::vector<VixieFiring> minute_by_minute(const VixieFields& fields, const cron::Zone& where, std::int64_t from,
                                          std::int64_t until) {
  const auto matches = [&](std::int64_t minute) {
    const std::chrono::sys_days day =
        std::chrono::floor<std::chrono::days>(std::chrono::sys_time(std::chrono::minutes(minute)));
    const std::chrono::year_month_day date(day);
    const auto of_day = minute - day.time_since_epoch().count() * 1440;
    return fields.matches_time(static_cast<unsigned>(of_day / 60), static_cast<unsigned>(of_day % 60)) &&
           fields.matches_date(static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                               std::chrono::weekday(day).c_encoding());
  };
  const auto clock = [&](std::int64_t at) { return (at + where.offset_at(from_seconds(at)).count()) / 60; };
  std::vector<VixieFiring> firings;
  std::int64_t virtual_time = clock(from - 6 * 3600);
  for (std::int64_t now = from - 6 * 3600 + 60; now < until; now += 60) {
    const std::int64_t running = clock(now), ahead = running - virtual_time;
    int times = 0;
    const auto find_jobs = [&](std::int64_t minute, bool wild, bool fixed) {
      if (matches(minute) && (fields.wild() ? wild : fixed)) ++times;
    };
    if (ahead == 1 || ahead > 180 || ahead < -180) {
      virtual_time = running;
      find_jobs(running, true, true);
    } else if (ahead > 5) {
      find_jobs(running, true, false);
      while (virtual_time < running) find_jobs(++virtual_time, false, true);
    } else if (ahead > 0) {
      while (virtual_time < running) find_jobs(++virtual_time, true, true);
    } else {
      find_jobs(running, true, false);
    }
    if (times > 0 && now > from) firings.push_back({from_seconds(now), times});
  }
  return firings;
}

TEST(VixieFirings, AreThoseOfTheDaemonMinuteByMinute) {
  const char* kLines[] = {"* * * * *",    "*/7 * * * *",       "30 2 * * *",   "0,30 1,2 * * *",
                          "15 */2 * * *", "0-59/20 1-3 * * *", "59 23 31 * *", "*/5 2 */3 * 1",
                          "0 0 1 1 *",    "1 2,* * * 0",       "10 1 * * 6"};
  const std::pair<const char*, const char*> kNights[] = {
      {"America/New_York", "2027-03-13T00:00:00Z"},    {"America/New_York", "2027-11-06T00:00:00Z"},
      {"Australia/Lord_Howe", "2026-10-02T00:00:00Z"}, {"Australia/Lord_Howe", "2027-04-02T00:00:00Z"},
      {"Pacific/Apia", "2011-12-29T00:00:00Z"},        {"Europe/London", "2026-12-30T00:00:00Z"},
      {"America/Havana", "2027-03-13T12:00:00Z"},      {"Asia/Shanghai", "2027-02-27T00:00:00Z"}};
  for (const auto& [zone_name, night] : kNights) {
    for (const char* line : kLines) {
      const std::int64_t from = to_ms(*parse_rfc3339(night)) / 1000, until = from + 3 * 86400;
      auto found = vixie_firings(fields_of(line), zone(zone_name), from_seconds(from), 5000);
      while (!found.empty() && found.back().at >= from_seconds(until)) found.pop_back();
      EXPECT_EQ(found, minute_by_minute(fields_of(line), zone(zone_name), from, until)) << line << " in " << zone_name;
    }
  }
}

TEST(VixieFirings, StarsJoinTheDayFields) {
  const auto days = [](const char* expression) {
    std::string text;
    for (const VixieFiring& firing :
         vixie_firings(fields_of(expression), *cron::utc(), *parse_rfc3339("2026-02-28T23:59:59Z"), 40)) {
      if (firing.at >= *parse_rfc3339("2026-04-01T00:00:00Z")) break;
      text += to_rfc3339(firing.at).substr(8, 2) + " ";
    }
    return text;
  };
  EXPECT_EQ(days("0 0 13 * 5"), "06 13 20 27 ");  // either: the 13th is a Friday as well
  EXPECT_EQ(days("0 0 */10 * 1"), "");            // both: the 1st, 11th, 21st and 31st are no Mondays
  EXPECT_EQ(days("0 0 */15 * 1"), "16 ");
  EXPECT_EQ(days("0 0 1,15 * *"), "01 15 ");
  EXPECT_EQ(days("0 0 * * sun"), "01 08 15 22 29 ");
  EXPECT_EQ(days("0 0 * * 7"), "01 08 15 22 29 ");
  EXPECT_EQ(days("0 0 1-31 * 1").size(), 31u * 3);  // either, and every day is named
  EXPECT_EQ(days("0 0 31 feb *"), "");
}

TEST(VixieFields, RefuseWhatVixieRefuses) {
  const struct {
    const char* text;
    int field, column;
    const char* message;
  } kCases[] = {
      {"60 * * * *", 0, 1, "minute: 60 is out of range 0-59"},
      {"* 24 * * *", 1, 1, "hour: 24 is out of range 0-23"},
      {"* * 0 * *", 2, 1, "day of month: 0 is out of range 1-31"},
      {"* * * 13 *", 3, 1, "month: 13 is out of range 1-12"},
      {"* * * * 8", 4, 1, "day of week: 8 is out of range 0-7"},
      {"5/10 * * * *", 0, 2, "minute: a step follows a range or a star"},
      {"*/0 * * * *", 0, 4, "minute: the step is 0"},
      {"30-10 * * * *", 0, 1, "minute: a range that runs backwards matches nothing"},
      {"* * * * fri-sun", 4, 1, "day of week: a range that runs backwards matches nothing"},
      {"* * * * funday", 4, 1, "day of week: 'funday' is no value of it"},
      {"1,,2 * * * *", 0, 3, "minute: expected a number, found ',2'"},
      {"1, * * * *", 0, 3, "minute: expected a number, found nothing"},
      {"0~59 * * * *", 0, 2, "minute: '~59' cannot stand here"},
      {"~ * * * *", 0, 1, "minute: a random value (~) is cronie's; H picks one here that stays the same"},
      {"12345 * * * *", 0, 1, "minute: 12345 is out of range 0-59"},
      {"* * L * *", 2, 1, "day of month: 'L' is no value of it"},
  };
  for (const auto& test : kCases) {
    const auto fields = read_vixie_fields(words_of(test.text));
    ASSERT_FALSE(fields) << test.text;
    EXPECT_EQ(fields.error().field, test.field) << test.text;
    EXPECT_EQ(fields.error().column, test.column) << test.text;
    EXPECT_EQ(fields.error().message, test.message) << test.text;
  }
}

TEST(VixieFields, TakeWhatVixieTakes) {
  EXPECT_EQ(fields_of("*/60 * * * *").minutes, 1u);  // a step past the field
  EXPECT_EQ(fields_of("0 0 * JAN,mar *").months, 0b1010u);
  EXPECT_EQ(fields_of("0 0 * * 5-7").weekdays, 0b1100001u);
  EXPECT_EQ(fields_of("0 0 * * 0-7").weekdays, 0b1111111u);
  EXPECT_EQ(fields_of("1-10/3 * * * *").minutes, 0b10010010010u);
  EXPECT_FALSE(fields_of("5,* * * * *").minute_star);
  EXPECT_TRUE(fields_of("*,5 * * * *").minute_star);
}

}  // namespace
}  // namespace cronfleet::crontab
