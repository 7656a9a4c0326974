#include "cron/describe.h"

#include <gtest/gtest.h>

#include "cron/parse.h"
#include "cron/query.h"

namespace cronfleet::cron {
namespace {

const Zone kNewYork(
    "America/New_York", -5 * 3600,
    {{1772953200, -4 * 3600}, {1793512800, -5 * 3600}, {1805007600, -4 * 3600}, {1825567200, -5 * 3600}});
const Zone kApia("Pacific/Apia", -10 * 3600, {{1325239200, 14 * 3600}});

struct Golden {
  std::string_view expression, english, chinese;
};
constexpr Golden kGolden[] = {
    {"30 2 * * *", "At 02:30, every day (time zone UTC).", "每天，02:30 触发（时区 UTC）。"},
    {"0 9,17 * * MON-FRI", "At 09:00 and 17:00, on Monday to Friday (time zone UTC).",
     "星期一至星期五，09:00、17:00 触发（时区 UTC）。"},
    {"0 0 * * 0,6", "At 00:00, on Saturday and Sunday (time zone UTC).", "星期六、星期日，00:00 触发（时区 UTC）。"},
    {"* * * * *", "Every minute (time zone UTC).", "每分钟触发（时区 UTC）。"},
    {"* * * * * *", "Every second (time zone UTC).", "每秒触发（时区 UTC）。"},
    {"*/15 * * * *", "Every 15 minutes (time zone UTC).", "每 15 分钟触发（时区 UTC）。"},
    {"*/10 * * * * *", "Every 10 seconds (time zone UTC).", "每 10 秒触发（时区 UTC）。"},
    {"*/5 9-17 * * 1-5", "Every 5 minutes, in hours 9 to 17, on Monday to Friday (time zone UTC).",
     "星期一至星期五，9 点至 17 点，每 5 分钟触发（时区 UTC）。"},
    {"30 * * * *", "At minute 30, every hour (time zone UTC).", "每小时，第 30 分触发（时区 UTC）。"},
    {"5,20,50 */2 * * *", "At minutes 5, 20 and 50, every 2 hours (time zone UTC).",
     "每 2 小时，第 5 分、20 分、50 分触发（时区 UTC）。"},
    {"0 0 13 * FRI", "At 00:00, on day 13 of the month, or on Friday (either is enough) (time zone UTC).",
     "每月 13 日，或者星期五（满足其一即可），00:00 触发（时区 UTC）。"},
    {"0 0 13 * +FRI", "At 00:00, on day 13 of the month, only if that is on Friday (time zone UTC).",
     "每月 13 日，且必须是星期五，00:00 触发（时区 UTC）。"},
    {"0 0 L,15W * *",
     "At 00:00, on the Monday-to-Friday day nearest to day 15 and the last day of the month (time zone UTC).",
     "每月离 15 日最近的工作日（星期一至星期五）、最后一天，00:00 触发（时区 UTC）。"},
    {"0 0 LW,L-3 * *",
     "At 00:00, on 3 days before the last day and the last Monday-to-Friday day of the month (time zone UTC).",
     "每月最后一天之前 3 天、最后一个工作日（星期一至星期五），00:00 触发（时区 UTC）。"},
    {"0 0 * * TUE#2,5L",
     "At 00:00, on the second Tuesday of the month and the last Friday of the month (time zone UTC).",
     "每月第 2 个星期二、每月最后一个星期五，00:00 触发（时区 UTC）。"},
    {"0 0 1-31/2 * *", "At 00:00, on days 1 to 31 in steps of 2 of the month (time zone UTC).",
     "每月 1 日至 31 日（间隔 2），00:00 触发（时区 UTC）。"},
    {"0 0 0 1 JUN-AUG * 2026-2030",
     "At 00:00, on day 1 of the month, in June to August, in years 2026 to 2030 (time zone UTC).",
     "2026 年至 2030 年，6 月至 8 月，每月 1 日，00:00 触发（时区 UTC）。"},
    {"15 30 2 * * *", "At 02:30:15, every day (time zone UTC).", "每天，02:30:15 触发（时区 UTC）。"},
    {"@every 1h30m", "Every 1h30m, counted from 1970-01-01T00:00:00Z.",
     "每隔 1h30m 触发一次，从 1970-01-01T00:00:00Z 起算。"},
    {"@at 2026-03-01T02:00:00Z", "Once, at 2026-03-01T02:00:00Z.", "仅在 2026-03-01T02:00:00Z 触发一次。"},
};

TEST(Describe, InBothLanguages) {
  for (const Golden& golden : kGolden) {
    const auto parsed = parse(golden.expression);
    ASSERT_TRUE(parsed.has_value()) << golden.expression;
    const WallTime from = from_seconds(1772323200);
    EXPECT_EQ(describe(parsed->schedule, *utc(), Language::English, from).sentence, golden.english);
    EXPECT_EQ(describe(parsed->schedule, *utc(), Language::Chinese, from).sentence, golden.chinese);
  }
}

struct NoteCase {
  std::string_view why, expression;
  std::vector<std::string> english;
};

TEST(Describe, NotesOnClockChanges) {
  const NoteCase cases[] = {
      {"in the gap",
       "30 2 * * *",
       {"on 2026-03-08 it fires at 03:00, because 02:30 does not exist",
        "on 2027-03-14 it fires at 03:00, because 02:30 does not exist"}},
      {"several in the gap",
       "*/15 2 * 3 *",
       {"on 2026-03-08 it fires at 03:00, because 02:00 to 02:45 do not exist",
        "on 2027-03-14 it fires at 03:00, because 02:00 to 02:45 do not exist"}},
      {"repeated, fixed",
       "30 1 * * *",
       {"on 2026-11-01 it fires only at the first 01:30, because 01:30 comes twice",
        "on 2027-11-07 it fires only at the first 01:30, because 01:30 comes twice"}},
      {"repeated, interval",
       "*/30 1 * * *",
       {"on 2026-11-01 it fires both times at 01:00 to 01:30, because 01:00 to 01:30 come twice",
        "on 2027-11-07 it fires both times at 01:00 to 01:30, because 01:00 to 01:30 come twice"}},
      {"every hour",
       "30 * * 3 *",
       {"on 2026-03-08 it does not fire at 02:30, because 02:30 does not exist",
        "on 2027-03-14 it does not fire at 02:30, because 02:30 does not exist"}},
      {"hardly noticed", "*/5 * * * *", {}},
      {"untouched", "0 12 * * *", {}},
      {"not on that weekday", "30 2 * * MON", {}},
      {"elapsed time", "@every 24h", {}},
  };
  for (const NoteCase& c : cases) {
    const Description description =
        describe(parse(c.expression)->schedule, kNewYork, Language::English, from_seconds(1772323200));
    EXPECT_EQ(description.notes, c.english) << c.why;
    EXPECT_EQ(
        describe(parse(c.expression)->schedule, kNewYork, Language::Chinese, from_seconds(1772323200)).notes.size(),
        c.english.size())
        << c.why;
  }
}

TEST(Describe, NotesInChinese) {
  const auto note = [](std::string_view expression) {
    return describe(parse(expression)->schedule, kNewYork, Language::Chinese, from_seconds(1772323200)).notes.at(0);
  };
  EXPECT_EQ(note("30 2 * * *"), "2026-03-08 这天在 03:00 触发，因为 02:30 不存在");
  EXPECT_EQ(note("30 1 * * *"), "2026-11-01 这天 01:30 会出现两次，只在第一次触发");
  EXPECT_EQ(note("*/30 1 * * *"), "2026-11-01 这天 01:00 至 01:30 会出现两次，两次都触发");
  EXPECT_EQ(note("30 * * 3 *"), "2026-03-08 这天 02:30 不触发，因为这段时间不存在");
}

TEST(Describe, NotesTheMissingDay) {
  const Description description =
      describe(parse("0 12 * * *")->schedule, kApia, Language::English, from_seconds(1322697600));
  EXPECT_EQ(description.notes,
            std::vector<std::string>{"on 2011-12-30 it does not fire at 12:00, because 12:00 does not exist"});
}

class OneZone : public ZoneSource {
 public:
  ZonePtr find(std::string_view name) const override { return name == "UTC" ? utc() : nullptr; }
  std::vector<std::string> names() const override { return {"UTC"}; }
  std::string version() const override { return "test"; }
};

TEST(Query, ChecksWhatItIsAsked) {
  const OneZone zones;
  const auto code = [&](const Query& query) { return firings(query, zones).error().code; };
  EXPECT_EQ(code({.expression = "@daily", .count = 0}), "count");
  EXPECT_EQ(code({.expression = "@daily", .count = kFiringsMax + 1}), "count");
  EXPECT_EQ(code({.expression = "@daily", .time_zone = "Mars/Olympus"}), "zone");
  EXPECT_EQ(code({.expression = "@dayly"}), "macro");
  const auto many = firings({.expression = "* * * * * *", .from = from_seconds(0), .count = kFiringsMax}, zones);
  EXPECT_EQ(many->firings.size(), static_cast<std::size_t>(kFiringsMax));
  EXPECT_EQ(many->firings.back(), from_seconds(kFiringsMax));
}

TEST(Query, EndsWithTheSchedule) {
  const OneZone zones;
  const auto found = explain({.expression = "0 0 1 1 * 1971", .from = from_seconds(0), .count = 3}, zones);
  EXPECT_EQ(found->next.firings, std::vector<WallTime>{from_seconds(365 * 86400)});
  EXPECT_EQ(found->next.zone->name(), "UTC");
}

}  // namespace
}  // namespace cronfleet::cron
