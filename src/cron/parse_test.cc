#include "cron/parse.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace cronfleet::cron {
namespace {

struct ErrorCase {
  std::string_view expression, code, field;
  int position, column, length;
  std::string_view message;
};
constexpr ErrorCase kErrors[] = {
    {"", "empty", "", 0, 1, 0, "schedule is empty"},
    {" \t\n", "empty", "", 0, 1, 0, "schedule is empty"},
    {"TZ=UTC ", "empty", "", 0, 1, 0, "schedule is empty"},
    {"* * * *", "field_count", "", 0, 1, 7, "expected 5, 6 or 7 fields, found 4"},
    {" * * * * * * * * ", "field_count", "", 0, 2, 15, "expected 5, 6 or 7 fields, found 8"},
    {"0 24 * * *", "out_of_range", "hour", 2, 3, 2, "hour 24 is out of range 0-23 (field 2, column 3)"},
    {"60 * * * * *", "out_of_range", "second", 1, 1, 2, "second 60 is out of range 0-59 (field 1, column 1)"},
    {"TZ=UTC  0 0 0 * *", "out_of_range", "day-of-month", 3, 13, 1,
     "day-of-month 0 is out of range 1-31 (field 3, column 13)"},
    {"0 0 1 1-13 *", "out_of_range", "month", 4, 9, 2, "month 13 is out of range 1-12 (field 4, column 9)"},
    {"0 0 * * 8", "out_of_range", "day-of-week", 5, 9, 1, "day-of-week 8 is out of range 0-7 (field 5, column 9)"},
    {"0 0 512 * * *", "out_of_range", "hour", 3, 5, 3, "hour 512 is out of range 0-23 (field 3, column 5)"},
    {"0 0 0 1 1 * 2100", "out_of_range", "year", 7, 13, 4, "year 2100 is out of range 1970-2099 (field 7, column 13)"},
    {"0 0 * * MOND", "bad_value", "day-of-week", 5, 9, 4,
     "'MOND' is not a day-of-week: use 0-7 or SUN-SAT (field 5, column 9)"},
    {"0 MON1 * * *", "wrong_field_name", "hour", 2, 3, 3,
     "MON is a day-of-week name; hour takes 0-23 (field 2, column 3)"},
    {"0 x * * *", "bad_value", "hour", 2, 3, 1, "'x' is not an hour: use 0-23 (field 2, column 3)"},
    {"001 * * * *", "bad_value", "minute", 1, 1, 3, "'001' is not a minute: use 0-59 (field 1, column 1)"},
    {"0 0 * JAN1 *", "bad_value", "month", 4, 7, 4, "'JAN1' is not a month: use 1-12 or JAN-DEC (field 4, column 7)"},
    {"0 0 * * 1MON", "bad_value", "day-of-week", 5, 9, 4,
     "'1MON' is not a day-of-week: use 0-7 or SUN-SAT (field 5, column 9)"},
    {"0 0 0 1 1 ? 24", "bad_value", "year", 7, 13, 2, "'24' is not a year: use 1970-2099 (field 7, column 13)"},
    {"0 0~5 * * *", "bad_value", "hour", 2, 3, 3,
     "'0~5' is not an hour: use 0-23; for a value chosen once for each job write H (field 2, column 3)"},
    {"0 é5 * * *", "bad_value", "hour", 2, 3, 2, "'é5' is not an hour: use 0-23 (field 2, column 3)"},
    {"é 99 * * *", "bad_value", "minute", 1, 1, 1, "'é' is not a minute: use 0-59 (field 1, column 1)"},
    {"*2 * * * *", "bad_value", "minute", 1, 1, 2, "'*2' is not a minute: use 0-59 (field 1, column 1)"},
    {"0 0 MON * *", "wrong_field_name", "day-of-month", 3, 5, 3,
     "MON is a day-of-week name; day-of-month takes 1-31 (field 3, column 5)"},
    {"0 0 * * may", "wrong_field_name", "day-of-week", 5, 9, 3,
     "may is a month name; day-of-week takes 0-7 or SUN-SAT (field 5, column 9)"},
    {"1,,2 * * * *", "empty_item", "minute", 1, 3, 1, "empty list item in minute (field 1, column 3)"},
    {",1 * * * *", "empty_item", "minute", 1, 1, 1, "empty list item in minute (field 1, column 1)"},
    {"1, * * * *", "empty_item", "minute", 1, 2, 1, "empty list item in minute (field 1, column 2)"},
    {"5- * * * *", "bad_range", "minute", 1, 1, 2,
     "'5-': a range is first-last; 'last' is missing (field 1, column 1)"},
    {"-5 * * * *", "bad_range", "minute", 1, 1, 2,
     "'-5': a range is first-last; 'first' is missing (field 1, column 1)"},
    {"1-2-3 * * * *", "bad_range", "minute", 1, 1, 5,
     "'1-2-3': a range is first-last; there is a second '-' (field 1, column 1)"},
    {"*-5 * * * *", "bad_range", "minute", 1, 1, 3,
     "'*-5': a range is first-last; '*' has no place in it (field 1, column 1)"},
    {"0 0 0 1 1 ? 2030-2020", "backward_years", "year", 7, 13, 9,
     "year range 2030-2020 runs backwards (field 7, column 13)"},
    {"*/0 * * * *", "bad_step", "minute", 1, 3, 1, "step must be 1-59 in minute, found '0' (field 1, column 3)"},
    {"*/60 * * * *", "bad_step", "minute", 1, 3, 2, "step must be 1-59 in minute, found '60' (field 1, column 3)"},
    {"0 0 * * */8", "bad_step", "day-of-week", 5, 11, 1,
     "step must be 1-7 in day-of-week, found '8' (field 5, column 11)"},
    {"0 0 0 1 1 * */130", "bad_step", "year", 7, 15, 3, "step must be 1-129 in year, found '130' (field 7, column 15)"},
    {"1/2/3 * * * *", "bad_step", "minute", 1, 1, 5,
     "'1/2/3': only one '/' is allowed; step must be 1-59 in minute (field 1, column 1)"},
    {"/5 * * * *", "bad_step", "minute", 1, 1, 2,
     "'/5': there is nothing before '/'; step must be 1-59 in minute (field 1, column 1)"},
    {"1/ * * * *", "bad_step", "minute", 1, 1, 2,
     "'1/': the number after '/' is missing; step must be 1-59 in minute (field 1, column 1)"},
    {"?/5 * * * *", "question_step", "minute", 1, 1, 3, "'?' takes no step; write */5 (field 1, column 1)"},
    {"L * * * *", "misplaced", "minute", 1, 1, 1,
     "'L' in minute: L is for day-of-month, or after a weekday (field 1, column 1)"},
    {"* * * * 5W", "misplaced", "day-of-week", 5, 9, 2,
     "'5W' in day-of-week: W is for day-of-month (field 5, column 9)"},
    {"0 0 15L * *", "misplaced", "day-of-month", 3, 5, 3,
     "'15L' in day-of-month: L is for day-of-month, or after a weekday (field 3, column 5)"},
    {"0 0 W15 * *", "misplaced", "day-of-month", 3, 5, 1,
     "'W' in day-of-month: W is for day-of-month, after a day as in 15W or after L as in LW (field 3, column 5)"},
    {"0 5#2 * * *", "misplaced", "hour", 2, 4, 1,
     "'#' in hour: # is for day-of-week, after a weekday (field 2, column 4)"},
    {"0 0 * * L", "l_alone", "day-of-week", 5, 9, 1,
     "L alone is ambiguous in day-of-week: write 6, 0, or 5L for the last Friday (field 5, column 9)"},
    {"* * * * 5#6", "bad_nth", "day-of-week", 5, 9, 3,
     "'5#6': '#' takes 1 to 5 or L, after a weekday (field 5, column 9)"},
    {"* * * * 5#", "bad_nth", "day-of-week", 5, 9, 2,
     "'5#': '#' takes 1 to 5 or L, after a weekday (field 5, column 9)"},
    {"* * L-31 * *", "bad_offset", "day-of-month", 3, 5, 4, "'L-31': L-n takes 0 to 30 (field 3, column 5)"},
    {"* * L-W * *", "bad_offset", "day-of-month", 3, 5, 3, "'L-W': L-n takes 0 to 30 (field 3, column 5)"},
    {"* * 1-15W * *", "single_day_only", "day-of-month", 3, 5, 5,
     "'1-15W': W, L and # apply to one day; list them separately (field 3, column 5)"},
    {"* * * * MON-FRI#2", "single_day_only", "day-of-week", 5, 9, 9,
     "'MON-FRI#2': W, L and # apply to one day; list them separately (field 5, column 9)"},
    {"* * * * MON-FRIL", "single_day_only", "day-of-week", 5, 9, 8,
     "'MON-FRIL': W, L and # apply to one day; list them separately (field 5, column 9)"},
    {"+5 * * * *", "plus_place", "minute", 1, 1, 1,
     "'+' may only start the day-of-week field, with a value after it (field 1, column 1)"},
    {"* * * * +", "plus_place", "day-of-week", 5, 9, 1,
     "'+' may only start the day-of-week field, with a value after it (field 5, column 9)"},
    {"* * * * 1,+5", "plus_place", "day-of-week", 5, 11, 1,
     "'+' may only start the day-of-week field, with a value after it (field 5, column 11)"},
    {"0 9 * * MON *", "six_field_hint", "month", 5, 9, 3,
     "MON is a day-of-week name; month takes 1-12 or JAN-DEC (field 5, column 9); six words are read as "
     "second..day-of-week: for minute..year name a year or write seven words"},
    {"0 0 24 * * *", "six_field_hint", "hour", 3, 5, 2,
     "hour 24 is out of range 0-23 (field 3, column 5); six words are read as second..day-of-week: for minute..year "
     "name a year or write seven words"},
    {"TZ=Mars/Olympus 0 0 * * *", "zone", "", 0, 4, 12, "unknown time zone 'Mars/Olympus'"},
    {"CRON_TZ= 0 0 * * *", "zone", "", 0, 1, 8, "the time zone is empty"},
    {"@dayly", "macro", "", 0, 1, 6, "unknown macro '@dayly'; did you mean @daily?"},
    {"@xyzzy", "macro", "", 0, 1, 6, "unknown macro '@xyzzy'"},
    {"@daily 5", "macro", "", 0, 8, 1, "a macro is the whole schedule: '5' may not follow it"},
    {"@reboot", "reboot", "", 0, 1, 7,
     "@reboot is not supported by a cluster scheduler: a cluster has no reboot; use a one-shot @at"},
    {"@every 5 m", "duration", "", 0, 8, 3, "'5 m' is not a duration like 1h30m"},
    {"@every", "duration", "", 0, 1, 6, "'@every' is not a duration like 1h30m"},
    {"@every 500ms", "duration", "", 0, 8, 5, "'500ms' is shorter than one second"},
    {"@every -5m", "duration", "", 0, 8, 3, "'-5m' is not a duration like 1h30m"},
    {"@every 99999999999999h", "duration", "", 0, 8, 15, "'99999999999999h' is not a duration like 1h30m"},
    {"@at 2023-02-29T00:00:00Z", "timestamp", "", 0, 5, 20, "'2023-02-29T00:00:00Z' names no such date or time"},
    {"@at tomorrow", "timestamp", "", 0, 5, 8, "'tomorrow' is not an RFC 3339 time like 2026-03-01T02:00:00Z"},
    {"@at 2024-01-01T00:00:00.5Z", "timestamp", "", 0, 5, 22,
     "'2024-01-01T00:00:00.5Z' has a fraction: whole seconds are allowed"},
    {"H * * * *", "hash_key", "minute", 1, 1, 1, "H needs the job's name (field 1, column 1)"},
};

void expect_error(const ErrorCase& c, const ParseOptions& options) {
  const auto parsed = parse(c.expression, options);
  ASSERT_FALSE(parsed.has_value()) << c.expression;
  const ParseError& error = parsed.error();
  EXPECT_EQ(to_string(error.code), c.code) << c.expression;
  EXPECT_EQ(error.field, c.field) << c.expression;
  EXPECT_EQ(error.position, c.position) << c.expression;
  EXPECT_EQ(error.column, c.column) << c.expression;
  EXPECT_EQ(error.length, c.length) << c.expression;
  EXPECT_EQ(error.message, c.message) << c.expression;
}

TEST(ParseError, SaysWhatAndWhere) {
  for (const ErrorCase& c : kErrors) expect_error(c, {});
}

// Found by the fuzzer: 89 was read as minute 89 mod 64.
TEST(ParseError, RefusesEveryNumberBeyondItsField) {
  constexpr std::array<std::array<int, 2>, 6> kRanges{{{0, 59}, {0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}};
  for (std::size_t field = 0; field < kRanges.size(); ++field) {
    for (int value = 0; value < 1100; ++value) {
      std::string text;
      for (std::size_t i = 0; i < 7; ++i) text += (i == 0 ? "" : " ") + (i == field ? std::to_string(value) : "*");
      const bool allowed = value >= kRanges[field][0] && value <= kRanges[field][1];
      EXPECT_EQ(parse(text).has_value(), allowed) << text;
    }
  }
}

TEST(ParseError, OfHashWithAKey) {
  constexpr ErrorCase kHashErrors[] = {
      {"H(5-1) * * * *", "hash_range", "minute", 1, 1, 6,
       "'H(5-1)': H(a-b) needs a <= b inside the field, 0-59 (field 1, column 1)"},
      {"H(0-60) * * * *", "hash_range", "minute", 1, 1, 7,
       "'H(0-60)': H(a-b) needs a <= b inside the field, 0-59 (field 1, column 1)"},
      {"H() * * * *", "hash_range", "minute", 1, 1, 3,
       "'H()': H(a-b) needs a <= b inside the field, 0-59 (field 1, column 1)"},
      {"0 0 * * H(0-3", "hash_range", "day-of-week", 5, 9, 5,
       "'H(0-3': H(a-b) needs a <= b inside the field, 0-7 or SUN-SAT (field 5, column 9)"},
      {"H/60 * * * *", "bad_step", "minute", 1, 3, 2, "step must be 1-59 in minute, found '60' (field 1, column 3)"},
      {"0 0 0 1 1 * H", "bad_value", "year", 7, 13, 1, "'H' is not a year: use 1970-2099 (field 7, column 13)"},
  };
  for (const ErrorCase& c : kHashErrors) expect_error(c, {.key = "backup"});
}

TEST(ParseError, EveryCodeHasACase) {
  std::set<std::string_view> codes{"hash_range"};
  for (const ErrorCase& c : kErrors) codes.insert(c.code);
  for (int code = 0; code <= static_cast<int>(ErrorCode::Timestamp); ++code)
    EXPECT_TRUE(codes.contains(to_string(static_cast<ErrorCode>(code)))) << to_string(static_cast<ErrorCode>(code));
}

TEST(ParseError, ShowsNoMoreThanFitsALine) {
  const std::string long_word(100'000, 'x');
  const auto parsed = parse(long_word + "\x01 * * * *");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_LT(parsed.error().message.size(), 200u);
  EXPECT_EQ(parse("\x1b[31m * * * *").error().message.find('\x1b'), std::string::npos);
}

struct SameCase {
  std::string_view why, one, other;
};
constexpr SameCase kSame[] = {
    {"names", "0 0 1 JAN,february * ", "0 0 1 1,2 *"},
    {"weekday 7", "0 0 * * 7", "0 0 * * SUN"},
    {"rising to 7", "0 0 * * 5-7", "0 0 * * 0,5,6"},
    {"7 falls to 0", "0 0 * * 7-2", "0 0 * * 0-2"},
    {"7-7", "0 0 * * 7-7", "0 0 * * 0"},
    {"step to day 7", "0 0 * * 1-7/3", "0 0 * * 0,1,4"},
    {"open step of weekdays", "0 0 * * 1/2", "0 0 * * 1,3,5"},
    {"wrapping hours", "0 22-2 * * *", "0 22-23,0-2 * * *"},
    {"wrapping step is one sequence", "0 22-2/2 * * *", "0 22-22,0,2 * * *"},
    {"wrapping weekdays", "0 0 * * thu-tue/2", "0 0 * * 4,6,1"},
    {"nth last", "0 0 * * 5#L", "0 0 * * FRIL"},
    {"question mark", "? ? ? ? ?", "* * * * *"},
    {"white space", "\t0  0 \r\n* * *\n", "0 0 * * *"},
    {"leading zeros", "05 02 07 04 06", "5 2 7 4 6"},
    {"lower case", "0 0 lw * friday", "0 0 LW * 5"},
    {"six with a year", "0 12 * * * 2030", "0 0 12 * * * 2030"},
    {"six without", "0 12 * * * *", "0 12 * * * * *"},
    {"duration", "@every 1h30m10s", "@EVERY 1.5h10.9s"},
    {"at", "@at 2026-03-01T02:00:00+02:00", "@At 2026-03-01T00:00:00Z"},
};

TEST(Parse, EqualMeaning) {
  for (const SameCase& c : kSame) {
    const auto one = parse(c.one), other = parse(c.other);
    ASSERT_TRUE(one.has_value() && other.has_value()) << c.why;
    EXPECT_EQ(one->schedule, other->schedule) << c.why;
  }
}

TEST(Parse, SixFieldsByOption) {
  const std::string_view text = "0 0 12 * * *";
  EXPECT_EQ(parse(text, {.six_fields = SixFields::YearLast})->schedule, parse("0 0 12 * *")->schedule);
  EXPECT_EQ(parse("0 0 12 * * 2030", {.six_fields = SixFields::SecondsFirst}).error().field, "day-of-week");
}

TEST(Parse, HashVectors) {
  const auto first = [](std::uint64_t bits) { return std::countr_zero(bits); };
  const FieldSets backup = parse("H H * * *", {.key = "backup"})->schedule.sets();
  EXPECT_EQ(first(backup.minutes), 40);
  EXPECT_EQ(first(backup.hours), 9);
  EXPECT_FALSE(backup.interval);
  const FieldSets report = parse("H H * * *", {.key = "team-a/report"})->schedule.sets();
  EXPECT_EQ(first(report.minutes), 14);
  EXPECT_EQ(first(report.hours), 18);
  EXPECT_TRUE(parse("H/15 H * * *", {.key = "backup"})->schedule.sets().interval);
}

TEST(Parse, HashStaysInItsRange) {
  for (int i = 0; i < 300; ++i) {
    const std::string key = "job-" + std::to_string(i);
    const FieldSets sets = parse("H(10-20) H(9-17)/4 H H(6-8) H(MON-FRI)", {.key = key})->schedule.sets();
    EXPECT_EQ(sets.minutes & ~std::uint64_t{0x1ffc00}, 0u);
    EXPECT_GE(std::countr_zero(static_cast<std::uint32_t>(sets.hours)), 9);
    EXPECT_LE(std::countr_zero(static_cast<std::uint32_t>(sets.hours)), 12);
    EXPECT_LT(sets.days, 1u << 28);
    EXPECT_EQ(sets.months & ~std::uint64_t{0xe0}, 0u);
    EXPECT_EQ(sets.weekdays & 0x41, 0u);
  }
}

TEST(Parse, ZonePrefix) {
  EXPECT_EQ(parse("TZ=UTC @daily")->zone, utc());
  EXPECT_EQ(parse("cron_tz=UTC 0 0 * * *")->zone, utc());
  EXPECT_EQ(parse("@daily")->zone, nullptr);
}

}  // namespace
}  // namespace cronfleet::cron
