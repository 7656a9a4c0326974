#include "tz/local_zone.h"

#include <gtest/gtest.h>

#include "tz/zone_database.h"

namespace cronfleet::tz {
namespace {

TEST(LocalZone, TheFirstSourceThatNamesAZone) {
  struct Case {
    const char* why;
    LocalZoneSources sources;
    const char* want;
  };
  const Case kCases[] = {
      {"the variable", {"Asia/Shanghai", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Paris"}, "Asia/Shanghai"},
      {"with a colon", {":Asia/Shanghai", "", ""}, "Asia/Shanghai"},
      {"a rule is no name", {"CST-8", "/usr/share/zoneinfo/Europe/Berlin", ""}, "Europe/Berlin"},
      {"a relative link", {"", "../usr/share/zoneinfo/America/New_York", "Europe/Paris"}, "America/New_York"},
      {"a link to elsewhere", {"", "/somewhere/localtime", "Europe/Paris"}, "Europe/Paris"},
      {"nothing", {}, "UTC"},
      {"names that nobody knows", {"Mars/Base", "zoneinfo/Mars", "Mars"}, "UTC"},
  };
  const auto zones = ZoneDatabase::open();
  ASSERT_TRUE(zones.has_value());
  for (const Case& c : kCases) EXPECT_EQ(local_zone(c.sources, **zones), c.want) << c.why;
  EXPECT_TRUE((*zones)->find(local_zone(local_zone_sources(), **zones)));
}

}  // namespace
}  // namespace cronfleet::tz
