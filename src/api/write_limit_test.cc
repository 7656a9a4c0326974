#include "api/write_limit.h"

#include <gtest/gtest.h>

namespace cronfleet::api {
namespace {

using namespace std::chrono_literals;

TEST(WriteLimit, ABurstAndThenItsRate) {
  WriteLimit limit(50);
  MonoTime now{1000s};
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(limit.take(now)) << i;
  EXPECT_EQ(limit.take(now), 1s);
  now += 1s;
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(limit.take(now)) << i;
  EXPECT_TRUE(limit.take(now));
  now += 20ms;
  EXPECT_FALSE(limit.take(now));
  EXPECT_TRUE(limit.take(now));
  now += 1h;  // never more than a burst
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(limit.take(now)) << i;
  EXPECT_TRUE(limit.take(now));
}

TEST(WriteLimit, NoneWhereItIsZero) {
  WriteLimit limit(0);
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(limit.take(MonoTime{}));
}

}  // namespace
}  // namespace cronfleet::api
