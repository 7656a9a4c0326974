#include "base/utf8.h"

#include <gtest/gtest.h>

namespace cronfleet {
namespace {

struct Utf8Case {
  const char* why;
  std::string_view text;
  bool valid;
  std::size_t count;
  std::string_view repaired;
};
constexpr Utf8Case kUtf8Cases[] = {
    {"empty", "", true, 0, ""},
    {"ASCII", "abc", true, 3, "abc"},
    {"two, three and four bytes", "é每🚀", true, 3, "é每🚀"},
    {"a lone continuation byte", "a\x80z", false, 3, "a\xef\xbf\xbdz"},
    {"cut short", "\xe6\xaf", false, 2, "\xef\xbf\xbd\xef\xbf\xbd"},
    {"overlong slash", "\xc0\xaf", false, 2, "\xef\xbf\xbd\xef\xbf\xbd"},
    {"overlong in three bytes", "\xe0\x80\xaf", false, 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"a surrogate", "\xed\xa0\x80", false, 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    {"the last point", "\xf4\x8f\xbf\xbf", true, 1, "\xf4\x8f\xbf\xbf"},
    {"past the last point", "\xf4\x90\x80\x80", false, 4, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
};

TEST(Utf8, TellsValidFromOther) {
  for (const Utf8Case& c : kUtf8Cases) {
    EXPECT_EQ(is_utf8(c.text), c.valid) << c.why;
    EXPECT_EQ(utf8_count(c.text), c.count) << c.why;
    EXPECT_EQ(repair_utf8(c.text), c.repaired) << c.why;
  }
}

}  // namespace
}  // namespace cronfleet
