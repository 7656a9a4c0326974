#include "domain/compiled_job.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "domain/job_json.h"
#include "tz/zone_database.h"

namespace cronfleet::cron {
extern std::atomic<std::size_t> allocations;  // allocation_count_test.cc
}

namespace cronfleet::domain {
namespace {

const cron::ZoneSource& zones() {
  static const auto database = tz::ZoneDatabase::open().value();
  return *database;
}

tl::expected<CompiledJob, DocumentErrors> compiled(std::string_view members) {
  const auto job = decode_job(fmt::format(R"({{"name": "nightly", "command": "true", {}}})", members));
  EXPECT_TRUE(job) << members;
  return compile(std::make_shared<const Job>(*job), zones());
}

struct NextCase {
  const char* why;
  std::string_view members;
  std::string_view after;
  std::string_view want;  // empty: never again
};
constexpr NextCase kNextCases[] = {
    {"UTC without a zone", R"("schedule": "0 2 * * *")", "2026-03-01T02:00:00Z", "2026-03-02T02:00:00Z"},
    {"the job's zone", R"("schedule": "0 2 * * *", "time_zone": "Asia/Shanghai")", "2026-03-01T00:00:00Z",
     "2026-03-01T18:00:00Z"},
    {"a prefix wins", R"("schedule": "TZ=UTC 0 2 * * *", "time_zone": "Asia/Shanghai")", "2026-03-01T00:00:00Z",
     "2026-03-01T02:00:00Z"},
    {"disabled", R"("schedule": "* * * * *", "enabled": false)", "2026-03-01T00:00:00Z", ""},
    {"an instant at starts_at counts", R"("schedule": "0 * * * *", "starts_at": "2026-03-05T10:00:00Z")",
     "2026-03-01T00:00:00Z", "2026-03-05T10:00:00Z"},
    {"starts_at inside a second", R"("schedule": "0 * * * *", "starts_at": "2026-03-05T10:00:00.001Z")",
     "2026-03-01T00:00:00Z", "2026-03-05T11:00:00Z"},
    {"starts_at in the past", R"("schedule": "0 * * * *", "starts_at": "2020-01-01T00:00:00Z")", "2026-03-01T00:30:00Z",
     "2026-03-01T01:00:00Z"},
    {"an instant at ends_at does not", R"("schedule": "0 * * * *", "ends_at": "2026-03-05T10:00:00Z")",
     "2026-03-05T09:00:00Z", ""},
    {"the last before ends_at does", R"("schedule": "0 * * * *", "ends_at": "2026-03-05T10:00:00.001Z")",
     "2026-03-05T09:00:00Z", "2026-03-05T10:00:00Z"},
    {"paused", R"("schedule": "0 * * * *", "paused_until": "2026-03-05T10:00:00Z")", "2026-03-05T01:00:00Z",
     "2026-03-05T10:00:00Z"},
    {"pause is over", R"("schedule": "0 * * * *", "paused_until": "2026-03-05T10:00:00Z")", "2026-03-05T10:00:00Z",
     "2026-03-05T11:00:00Z"},
    {"paused past the end", R"("schedule": "0 * * * *", "paused_until": "2026-03-05T10:00:00Z",
      "ends_at": "2026-03-05T10:00:00Z")",
     "2026-03-05T01:00:00Z", ""},
    {"@every counts from 1970", R"("schedule": "@every 7m")", "1970-01-01T00:00:00Z", "1970-01-01T00:07:00Z"},
    {"@every counts from its anchor", R"("schedule": "@every 7m", "schedule_set_at": "2026-03-01T00:00:01.900Z")",
     "2026-03-01T00:00:02Z", "2026-03-01T00:07:01Z"},
    {"the schedule ends", R"("schedule": "@at 2026-03-01T00:00:00Z")", "2026-03-01T00:00:00Z", ""},
};

TEST(CompiledJob, NextFiringThatCounts) {
  for (const NextCase& c : kNextCases) {
    const auto job = compiled(c.members);
    ASSERT_TRUE(job) << c.why;
    const auto next = next_firing(*job, parse_rfc3339(c.after).value());
    EXPECT_EQ(next ? to_rfc3339(*next) : "", c.want) << c.why;
  }
}

TEST(CompiledJob, NextFiringAllocatesNothing) {
  const auto job = compiled(R"("schedule": "H 2 * * *", "time_zone": "America/New_York", "jitter": "5m",
                               "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z")");
  ASSERT_TRUE(job);
  WallTime at = parse_rfc3339("2025-06-01T00:00:00Z").value();
  const std::size_t before = cron::allocations;
  int count = 0;
  for (auto next = next_firing(*job, at); next; next = next_firing(*job, *next), ++count)
    at = *next + jitter_of(*job, *next);
  EXPECT_EQ(cron::allocations, before);
  EXPECT_EQ(count, 365);
}

struct MistakeCase {
  std::string_view members;
  std::string_view want;
};
constexpr MistakeCase kMistakeCases[] = {
    {R"("schedule": "61 * * * *")", "/schedule column 1"},
    {R"("schedule": "0 0 * * */0")", "/schedule column 11"},
    {R"("schedule": "@dayly")", "/schedule column 1"},
    {R"("schedule": "TZ=Mars/Olympus 0 * * * *")", "/schedule column 4"},
    {R"("schedule": "@daily", "time_zone": "Europe/Berln")", "/time_zone column 0, meant Europe/Berlin"},
    {R"("schedule": "@daily", "time_zone": "berlin")", "/time_zone column 0, meant Europe/Berlin"},
    {R"("schedule": "@daily", "time_zone": "../etc/passwd")", "/time_zone column 0"},
    {R"("schedule": "* *", "time_zone": "Mars/Olympus")", "/schedule column 1; /time_zone column 0"},
};

TEST(CompiledJob, MistakesSayWhichFieldAndColumn) {
  for (const MistakeCase& c : kMistakeCases) {
    const auto job = compiled(c.members);
    ASSERT_FALSE(job) << c.members;
    std::string found;
    for (const FieldError& error : job.error().errors()) {
      found += fmt::format("{}{} column {}", found.empty() ? "" : "; ", error.pointer, error.column);
      if (!error.suggestion.empty()) found += ", meant " + error.suggestion;
      EXPECT_EQ(error.line, 0);
      EXPECT_FALSE(error.message.empty());
    }
    EXPECT_EQ(found, c.want) << c.members << ": " << job.error().status().message();
  }
}

TEST(CompiledJob, HashedFieldsFollowTheName) {
  std::set<WallTime> firsts;
  for (int i = 0; i < 200; ++i) {
    const auto job = decode_job(fmt::format(R"({{"name": "job {}", "command": "true", "schedule": "H H * * *"}})", i));
    const auto made = compile(std::make_shared<const Job>(job.value()), zones());
    ASSERT_TRUE(made);
    firsts.insert(next_firing(*made, from_seconds(1'800'000'000)).value());
  }
  EXPECT_GT(firsts.size(), 150u);  // of 1440 minutes; 187 are expected
}

TEST(CompiledJob, JitterIsFixedSpreadAndBounded) {
  const auto wide = compiled(R"("schedule": "* * * * *", "jitter": "30s")");
  const auto narrow = compiled(R"("schedule": "* * * * * *", "jitter": "1h")");  // instants one second apart
  const auto none = compiled(R"("schedule": "* * * * *")");
  ASSERT_TRUE(wide && narrow && none);
  milliseconds least = std::chrono::hours(1), most{0};
  for (int i = 0; i < 2000; ++i) {
    const WallTime minute = from_seconds(1'800'000'000 + 60 * i);
    const milliseconds jitter = jitter_of(*wide, minute);
    EXPECT_EQ(jitter, jitter_of(*wide, minute));
    least = std::min(least, jitter);
    most = std::max(most, jitter);
    EXPECT_LT(jitter_of(*narrow, from_seconds(1'800'000'000 + i)), milliseconds(1000));
    EXPECT_EQ(jitter_of(*none, minute), milliseconds(0));
  }
  EXPECT_GE(least, milliseconds(0));
  EXPECT_LT(least, milliseconds(500));
  EXPECT_LE(most, milliseconds(30'000));
  EXPECT_GT(most, milliseconds(29'500));
}

}  // namespace
}  // namespace cronfleet::domain
