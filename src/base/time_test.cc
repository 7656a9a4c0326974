#include "base/time.h"

#include <gtest/gtest.h>

namespace cronfleet {
namespace {

struct InstantCase {
  std::string_view why, text;
  std::int64_t ms;
};
constexpr InstantCase kInstants[] = {
    {"epoch", "1970-01-01T00:00:00Z", 0},
    {"offset", "2026-03-01T02:00:00+02:00", 1772323200000},
    {"fraction beyond microseconds is dropped", "2026-03-01T00:00:00.1234567Z", 1772323200123},
    {"before 1970", "1969-12-31T23:59:59.500Z", -500},
    {"leap day", "2024-02-29T23:59:59-01:30", 1709256599000},
};

TEST(Rfc3339, Reads) {
  for (const InstantCase& c : kInstants) {
    const auto at = parse_rfc3339(c.text);
    ASSERT_TRUE(at.has_value()) << c.why;
    EXPECT_EQ(to_ms(*at), c.ms) << c.why;
  }
}

TEST(Rfc3339, RefusesWithTheText) {
  for (const std::string_view text :
       {"", "2026-03-01", "2026-03-01 02:00:00Z", "2026-03-01T02:00:00", "2026-02-29T00:00:00Z", "2026-03-01T24:00:00Z",
        "2026-03-01T02:00:00.Z", "2026-03-01T02:00:00Zx", "2026-03-01t02:00:00z", "2026-03-01T02:00:00+0200"}) {
    const auto at = parse_rfc3339(text);
    ASSERT_FALSE(at.has_value()) << text;
    EXPECT_EQ(at.error().code(), Code::InvalidArgument);
  }
}

TEST(Rfc3339, WritesMillisecondsOnlyWhereThereAreSome) {
  EXPECT_EQ(to_rfc3339(from_ms(1772323200000)), "2026-03-01T00:00:00Z");
  EXPECT_EQ(to_rfc3339(from_ms(1772323200040)), "2026-03-01T00:00:00.040Z");
  EXPECT_EQ(to_rfc3339_ms(from_ms(1772323200000)), "2026-03-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(from_ms(-500)), "1969-12-31T23:59:59.500Z");
}

TEST(Duration, ReadsAndWrites) {
  const auto ns = [](std::string_view text) { return parse_duration(text).value().count(); };
  EXPECT_EQ(ns("1h30m"), 5'400'000'000'000);
  EXPECT_EQ(ns("0.5h"), 1'800'000'000'000);
  EXPECT_EQ(ns("PT1H30M"), 5'400'000'000'000);
  EXPECT_EQ(ns("P1DT12H"), 129'600'000'000'000);
  EXPECT_EQ(ns("250ms"), 250'000'000);
  for (const std::string_view text : {"", "5", "m", "5 m", "-1s", "1.2.3s", "P", "200000000h"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
    EXPECT_EQ(read_duration(text).error(), text == "200000000h" ? NoDuration::TooLong : NoDuration::NotOne) << text;
  }
  for (const std::int64_t value : {0L, 1L, 5'400'000'000'000L, 90'000'000'000L, 1'000'500L}) {
    EXPECT_EQ(ns(to_text(std::chrono::nanoseconds(value))), value);
  }
}

}  // namespace
}  // namespace cronfleet
