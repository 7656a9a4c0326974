#include "cron/schedule.h"

#include <gtest/gtest.h>

#include <atomic>

#include "cron/parse.h"

namespace cronfleet::cron {

extern std::atomic<std::size_t> allocations;  // allocation_count_test.cc

namespace {

// New York in 2026 and 2027, and what Apia did in December 2011 (a day left out).
const Zone kNewYork(
    "America/New_York", -5 * 3600,
    {{1772953200, -4 * 3600}, {1793512800, -5 * 3600}, {1805007600, -4 * 3600}, {1825567200, -5 * 3600}});
const Zone kApia("Pacific/Apia", -10 * 3600, {{1325239200, 14 * 3600}});

const Zone& zone_named(std::string_view name) {
  return name == "UTC" ? *utc() : name == "Pacific/Apia" ? kApia : kNewYork;
}

struct NextCase {
  std::string_view why, expression, zone, after, want;
};
constexpr NextCase kNextCases[] = {
    {"leap day waits for 2028", "0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
    {"strictly after", "0 0 * * *", "UTC", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
    {"a fraction is dropped first", "* * * * * *", "UTC", "2026-03-01T00:00:00.9Z", "2026-03-01T00:00:01Z"},
    {"02:30 does not exist", "30 2 * * *", "America/New_York", "2026-03-08T05:00:00Z", "2026-03-08T07:00:00Z"},
    {"asked in the last second before the gap", "30 2 * * *", "America/New_York", "2026-03-08T06:59:59Z",
     "2026-03-08T07:00:00Z"},
    {"asked at the end of the gap", "30 2 * * *", "America/New_York", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"},
    {"every hour fires: no firing for the gap", "30 * * * *", "America/New_York", "2026-03-08T06:30:00Z",
     "2026-03-08T07:30:00Z"},
    {"01:30 happens twice: first", "30 1 * * *", "America/New_York", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z"},
    {"01:30 happens twice: once is enough", "30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z",
     "2026-11-02T06:30:00Z"},
    {"asked in the second pass", "30 1 * * *", "America/New_York", "2026-11-01T06:10:00Z", "2026-11-02T06:30:00Z"},
    {"an interval fires in both passes", "*/30 1 * * *", "America/New_York", "2026-11-01T05:30:00Z",
     "2026-11-01T06:00:00Z"},
    {"a skipped day fires nothing", "0 12 30 12 *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2012-12-29T22:00:00Z"},
    {"far beyond many changes", "0 0 29 2 +MON", "America/New_York", "2044-03-01T00:00:00Z", "2072-02-29T05:00:00Z"},
    {"last second of 2099", "59 59 23 31 12 * 2099", "UTC", "2026-01-01T00:00:00Z", "2099-12-31T23:59:59Z"},
    {"never again", "0 0 1 1 * 2025", "UTC", "2026-01-01T00:00:00Z", ""},
    {"30 February", "0 0 30 2 *", "UTC", "2026-01-01T00:00:00Z", ""},
    {"before 1970", "0 0 * * *", "UTC", "1950-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
    {"after 2099", "* * * * *", "UTC", "2100-01-01T00:00:00Z", ""},
    {"once", "@at 2026-03-01T02:00:00+02:00", "UTC", "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"},
    {"once, in the past", "@at 2026-03-01T00:00:00Z", "UTC", "2026-03-01T00:00:00Z", ""},
    {"every, from 1970", "@every 1h30m", "UTC", "2026-03-01T01:00:00Z", "2026-03-01T01:30:00Z"},
};

TEST(Next, Cases) {
  for (const NextCase& c : kNextCases) {
    const auto parsed = parse(c.expression);
    ASSERT_TRUE(parsed.has_value()) << c.why;
    const auto at = next(parsed->schedule, zone_named(c.zone), parse_rfc3339(c.after).value());
    EXPECT_EQ(at ? to_rfc3339(*at) : "", c.want) << c.why;
  }
}

TEST(Next, OfNothingIsNever) {
  EXPECT_EQ(next(Schedule(), *utc(), from_seconds(0)), std::nullopt);
  EXPECT_EQ(next(Schedule(), kNewYork, from_seconds(1793512800 - 1)), std::nullopt);
}

TEST(Next, AllocatesNothing) {
  for (const NextCase& c : kNextCases) {
    const Schedule schedule = parse(c.expression)->schedule;
    const WallTime after = parse_rfc3339(c.after).value();
    const std::size_t before = allocations;
    auto at = std::optional(after);
    for (int i = 0; at && i < 20'000; ++i) at = next(schedule, kNewYork, *at);
    EXPECT_EQ(allocations, before) << c.why;
  }
}

TEST(Every, IsAnchored) {
  const Schedule schedule = parse("@every 7h")->schedule;
  const WallTime anchor = parse_rfc3339("2026-03-01T00:00:00.7Z").value();
  const Schedule anchored = schedule.anchored_at(anchor);
  EXPECT_TRUE(anchored.is_every());
  EXPECT_EQ(to_rfc3339(*next(anchored, *utc(), anchor)), "2026-03-01T07:00:00Z");
  EXPECT_EQ(to_rfc3339(*next(anchored, *utc(), anchor - std::chrono::days(3))), "2026-03-01T07:00:00Z")
      << "nothing fires before the anchor";
  EXPECT_EQ(to_rfc3339(*next(anchored, *utc(), anchor + std::chrono::hours(7))), "2026-03-01T14:00:00Z");
  EXPECT_NE(anchored, schedule);
  const Schedule daily = parse("@daily")->schedule;
  EXPECT_EQ(daily.anchored_at(anchor), daily);
}

TEST(Every, EndsWithTheCalendar) {
  const Schedule schedule = parse("@every 24h")->schedule;
  EXPECT_EQ(to_rfc3339(*next(schedule, *utc(), parse_rfc3339("2099-12-30T12:00:00Z").value())), "2099-12-31T00:00:00Z");
  EXPECT_EQ(next(schedule, *utc(), parse_rfc3339("2099-12-31T12:00:00Z").value()), std::nullopt);
  EXPECT_EQ(to_rfc3339(*next(schedule.anchored_at(parse_rfc3339("1960-01-01T06:00:00Z").value()), *utc(),
                             parse_rfc3339("1960-01-01T06:00:00Z").value())),
            "1970-01-01T06:00:00Z");
}

TEST(Schedule, EqualMeaningIsEqual) {
  const auto same = [](std::string_view a, std::string_view b) { return parse(a)->schedule == parse(b)->schedule; };
  EXPECT_TRUE(same("@daily", "0 0 * * *"));
  EXPECT_TRUE(same("0 0 0 * * * *", "0 0 ? * SUN-SAT,*"));
  EXPECT_FALSE(same("0 0 * * *", "0 1 * * *"));
}

}  // namespace
}  // namespace cronfleet::cron
