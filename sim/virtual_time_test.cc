#include "sim/virtual_time.h"

#include <gtest/gtest.h>

#include <memory>

namespace cronfleet::sim {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const WallTime kStart = from_seconds(1'767'225'600);

TEST(VirtualTime, RunsInTheOrderOfMomentsThenOfAsking) {
  VirtualTime time(kStart);
  VirtualNode a(time), b(time, hours(3));
  std::vector<int> ran;
  a.at(a.mono() + seconds(2), [&] { ran.push_back(3); });
  b.at(b.mono() + seconds(1), [&] {
    ran.push_back(1);
    a.post([&] { ran.push_back(2); });
  });
  a.post([&] { ran.push_back(0); });
  b.at(b.mono() + seconds(2), [&] { ran.push_back(4); });
  time.run_until(MonoTime(seconds(1)));
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
  time.run_for(hours(1));
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(time.wall(), kStart + hours(1) + seconds(1));
  EXPECT_EQ(b.mono(), MonoTime(hours(4) + seconds(1)));
  EXPECT_FALSE(time.run_one());
}

TEST(VirtualTime, ATimerOfThisMomentComesBeforeWhatIsPostedNow) {
  VirtualTime time(kStart);
  VirtualNode node(time);
  std::vector<int> ran;
  node.at(MonoTime(seconds(1)), [&] {
    ran.push_back(1);
    node.post([&] { ran.push_back(3); });
  });
  node.at(MonoTime(seconds(1)), [&] { ran.push_back(2); });
  time.run_for(seconds(1));
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TEST(VirtualTime, CancelledTimersDoNotRunAndIdsAreNotReused) {
  VirtualTime time(kStart);
  VirtualNode node(time);
  int ran = 0;
  const async::TimerId first = node.at(MonoTime(seconds(1)), [&] { ++ran; });
  node.cancel(first);
  const async::TimerId second = node.at(MonoTime(seconds(2)), [&] { ++ran; });
  EXPECT_NE(first, second);
  node.cancel(first);
  node.cancel(0);
  time.run_for(seconds(3));
  EXPECT_EQ(ran, 1);
  node.cancel(second);
}

TEST(VirtualNode, WallTimeIsItsOwn) {
  VirtualTime time(kStart);
  VirtualNode node(time);
  node.set_wall_offset(seconds(2));
  node.step_wall(-seconds(5));
  EXPECT_EQ(node.wall(), kStart - seconds(3));
  EXPECT_EQ(node.mono(), time.now());
}

TEST(VirtualNode, WhatComesDueWhileFrozenRunsAfterwardsInOrder) {
  VirtualTime time(kStart);
  VirtualNode node(time);
  std::vector<int> ran;
  node.at(MonoTime(seconds(2)), [&] { ran.push_back(2); });
  node.at(MonoTime(seconds(1)), [&] { ran.push_back(1); });
  node.at(MonoTime(seconds(9)), [&] { ran.push_back(4); });
  const async::TimerId held = node.at(MonoTime(seconds(3)), [&] { ran.push_back(3); });
  node.freeze();
  time.run_for(seconds(5));
  EXPECT_TRUE(ran.empty());
  node.cancel(held);
  node.thaw();
  time.run_for(seconds(0));
  EXPECT_EQ(ran, (std::vector<int>{1, 2}));
  time.run_for(seconds(5));
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 4}));
}

TEST(VirtualNode, ACrashDropsWhatIsPendingAndAllThatItOwns) {
  VirtualTime time(kStart);
  VirtualNode node(time), other(time);
  const auto owned = std::make_shared<int>(1);
  int ran = 0;
  node.at(MonoTime(seconds(1)), [owned, &ran] { ++ran; });
  node.post([owned, &ran] { ++ran; });
  other.at(MonoTime(seconds(1)), [&ran] { ran += 10; });
  node.crash();
  EXPECT_EQ(owned.use_count(), 1);
  node.post([&ran] { ++ran; });
  EXPECT_EQ(node.at(MonoTime(seconds(1)), [&ran] { ++ran; }), 0u);
  time.run_for(seconds(2));
  EXPECT_EQ(ran, 10);
  node.restart();
  node.post([&ran] { ran += 100; });
  time.run_for(seconds(1));
  EXPECT_EQ(ran, 110);
}

}  // namespace
}  // namespace cronfleet::sim
