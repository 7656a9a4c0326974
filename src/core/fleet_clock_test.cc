#include "core/fleet_clock.h"

#include <gtest/gtest.h>

namespace cronfleet::core {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNoon = from_seconds(1'772'366'400);
const MonoTime kStart{1h};

struct Fleet {
  // Its clock is `ahead` of the right time; what it publishes is read `late`.
  void publish(const char* node, std::chrono::milliseconds ahead, std::chrono::milliseconds late = 2ms) {
    clock.published(NodeId(node), right(now - late) + ahead, now);
  }
  WallTime right(MonoTime at) const {
    return kNoon + std::chrono::duration_cast<std::chrono::microseconds>(at - kStart);
  }
  ClockReading read(std::chrono::milliseconds ahead) const { return clock.read(right(now) + ahead, now); }

  FleetClock clock;
  MonoTime now = kStart;
};

TEST(FleetClock, AloneThereIsNothingToCompareWith) {
  Fleet fleet;
  EXPECT_EQ(fleet.read(1h).clocks, 1u);
  EXPECT_FALSE(fleet.read(1h).suspect());
  EXPECT_EQ(fleet.read(1h).text(), "");
}

TEST(FleetClock, OfTwoNobodyKnowsWhichOneIsWrong) {
  Fleet fleet;
  for (int i = 0; i < 2; ++i) fleet.publish("n2", 0s);
  EXPECT_FALSE(fleet.read(3s).suspect());
  EXPECT_TRUE(fleet.read(3s).apart());
  EXPECT_TRUE(fleet.read(-3s).apart());
  EXPECT_FALSE(fleet.read(1s).apart());
  EXPECT_EQ(fleet.read(-3s).text(), "3.0 s behind the only other one");
}

TEST(FleetClock, OfThreeTheOneThatIsOffIsSuspect) {
  Fleet fleet;
  for (int i = 0; i < 2; ++i) {
    fleet.publish("n2", 10ms);
    fleet.publish("n3", -20ms);
  }
  EXPECT_EQ(fleet.read(0s).text(), "");
  EXPECT_FALSE(fleet.read(1'900ms).suspect());
  EXPECT_TRUE(fleet.read(1'900ms).differs());
  EXPECT_TRUE(fleet.read(2'100ms).suspect());
  EXPECT_TRUE(fleet.read(-2'100ms).suspect());
  EXPECT_EQ(fleet.read(1h).text(), "3600.0 s ahead of the median of 3 clocks");
  fleet.clock.gone(NodeId("n3"));
  EXPECT_FALSE(fleet.read(1h).suspect());
}

TEST(FleetClock, AnotherThatIsOffMakesNobodyElseSuspect) {
  Fleet fleet;
  for (int i = 0; i < 2; ++i) {
    fleet.publish("n2", 0s);
    fleet.publish("n3", 1h);
    fleet.publish("n4", -10min);
  }
  EXPECT_EQ(fleet.read(0s).text(), "");
  EXPECT_FALSE(fleet.read(1h).suspect()) << "two of four agree on it: nobody knows";
  for (int i = 0; i < 2; ++i) fleet.publish("n5", 0s);
  EXPECT_TRUE(fleet.read(1h).suspect());
}

TEST(FleetClock, WhatIsReadLateIsNoReasonForSuspicion) {
  Fleet fleet;
  for (const char* node : {"n2", "n3"}) fleet.publish(node, 0s, 3s);  // in the list that we began with
  EXPECT_EQ(fleet.read(0s).text(), "");
  EXPECT_TRUE(fleet.read(-6s).suspect()) << "they have published that, so it was at least as late";
  EXPECT_TRUE(fleet.read(15s).suspect()) << "nothing is registered for so long without being published again";
  fleet.now += 3s;
  for (const char* node : {"n2", "n3"}) fleet.publish(node, 0s);
  fleet.now += 30s;  // the way here is slow for a while
  for (int i = 0; i < 7; ++i) {
    for (const char* node : {"n2", "n3"}) fleet.publish(node, 0s, 5s);
    fleet.now += 3s;
  }
  EXPECT_EQ(fleet.read(0s).text(), "");
}

TEST(FleetClock, AClockThatWasSetBackIsFollowed) {
  Fleet fleet;
  for (int i = 0; i < 8; ++i) {
    fleet.publish("n2", 1h);
    fleet.publish("n3", 1h);
  }
  EXPECT_TRUE(fleet.read(0s).suspect());
  for (int i = 0; i < 8; ++i) {
    fleet.now += 3s;
    fleet.publish("n2", 0s);
    fleet.publish("n3", 0s);
  }
  EXPECT_EQ(fleet.read(0s).text(), "");
}

}  // namespace
}  // namespace cronfleet::core
