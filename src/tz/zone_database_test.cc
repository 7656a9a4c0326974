#include "tz/zone_database.h"

#include <absl/time/time.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/rng.h"

namespace cronfleet::tz {
namespace {

std::shared_ptr<const ZoneDatabase> database() {
  static const auto opened = ZoneDatabase::open();
  return opened.value();
}

TEST(ZoneDatabase, KnowsOnlyTheListedNames) {
  EXPECT_NE(database()->find("Europe/Berlin"), nullptr);
  EXPECT_NE(database()->find("Asia/Calcutta"), nullptr) << "a link";
  for (const std::string_view name :
       {"", "Mars/Olympus", "/usr/share/zoneinfo/UTC", "file:UTC", "../zoneinfo/UTC", "posix/UTC", "right/UTC",
        "localtime", "posixrules", "europe/berlin", "Fixed/UTC+01:00:00", "Europe/Berlin "}) {
    EXPECT_EQ(database()->find(name), nullptr) << name;
  }
  EXPECT_EQ(database()->nearest("europe/berlin"), "Europe/Berlin");
  EXPECT_EQ(database()->nearest("europe/berlim"), "Europe/Berlin");
  EXPECT_EQ(database()->nearest("Mars/Olympus"), "");
}

TEST(ZoneDatabase, GivesTheSameValueEachTime) {
  EXPECT_EQ(database()->find("Asia/Tokyo"), database()->find("Asia/Tokyo"));
  EXPECT_EQ(database()->find("UTC"), cron::utc());
}

TEST(ZoneDatabase, AnswersManyThreads) {
  const auto fresh = ZoneDatabase::open().value();
  const std::vector<std::string> names = fresh->names();
  std::vector<std::vector<cron::ZonePtr>> found(4);
  std::vector<std::thread> threads;
  for (std::vector<cron::ZonePtr>& mine : found) {
    threads.emplace_back([&] {
      for (const std::string& name : names) mine.push_back(fresh->find(name));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& other : found) EXPECT_EQ(other, found[0]);
  EXPECT_EQ(std::count(found[0].begin(), found[0].end(), nullptr), 0);
}

TEST(ZoneDatabase, TellsItsVersion) {
  EXPECT_EQ(database()->version().substr(0, 2), "20");
  EXPECT_GT(database()->names().size(), 400u);
}

TEST(ZoneDatabase, SaysWhatIsMissing) {
  const auto opened = ZoneDatabase::open("/nonexistent");
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code(), Code::NotFound);
  EXPECT_NE(opened.error().message().find("tzdata"), std::string::npos);
}

// Each zone's table against absl itself: around every change, and at random instants.
TEST(ZoneDatabase, TablesHoldWhatTheZoneFilesSay) {
  Rng rng(20261123);
  for (const std::string& name : database()->names()) {
    const cron::ZonePtr zone = database()->find(name);
    ASSERT_NE(zone, nullptr) << name;
    absl::TimeZone source;
    ASSERT_TRUE(absl::LoadTimeZone(name, &source));
    const auto agrees = [&](std::int64_t at) {
      const auto want = source.At(absl::FromUnixSeconds(at)).offset;
      ASSERT_EQ(zone->offset_at(from_seconds(at)).count(), want) << name << " at " << to_rfc3339(from_seconds(at));
    };
    for (const cron::Zone::Segment& segment : zone->segments()) {
      if (segment.begin < -2208988800) continue;
      agrees(segment.begin - 1);
      agrees(segment.begin);
    }
    constexpr std::uint64_t kSpan = 201ull * 365 * 86400;  // 1900 to the middle of 2100
    for (int i = 0; i < 500; ++i) agrees(-2208988800 + static_cast<std::int64_t>(rng.below(kSpan)));
  }
}

}  // namespace
}  // namespace cronfleet::tz
