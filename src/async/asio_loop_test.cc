#include "async/asio_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace cronfleet::async {
namespace {

using std::chrono::milliseconds;

TEST(AsioLoop, TimersFireInOrderAndCancelledOnesDoNot) {
  SystemClock clock;
  AsioLoop loop(clock);
  std::vector<int> fired;
  const MonoTime now = clock.mono();
  loop.at(now + milliseconds(20), [&] {
    fired.push_back(2);
    loop.stop();
  });
  loop.at(now + milliseconds(10), [&] { fired.push_back(1); });
  loop.cancel(loop.at(now + milliseconds(5), [&] { fired.push_back(0); }));
  loop.run();
  EXPECT_EQ(fired, (std::vector<int>{1, 2}));
  EXPECT_GE(clock.mono() - now, milliseconds(20));
}

TEST(AsioLoop, ATaskPostedFromAnotherThreadRunsOnTheLoop) {
  SystemClock clock;
  AsioLoop loop(clock);
  std::thread::id ran_on;
  std::thread poster([&] {
    loop.post([&] {
      ran_on = std::this_thread::get_id();
      loop.stop();
    });
  });
  loop.run();
  poster.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(AsioLoop, AReadableDescriptorIsReportedUntilUnwatched) {
  SystemClock clock;
  AsioLoop loop(clock);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::string read_text;
  loop.watch_readable(ends[0], [&] {
    char c = 0;
    ASSERT_EQ(read(ends[0], &c, 1), 1);
    read_text += c;
    if (read_text == "abc") {
      loop.unwatch(ends[0]);
      loop.stop();
    }
  });
  ASSERT_EQ(write(ends[1], "abc", 3), 3);
  loop.run();
  EXPECT_EQ(read_text, "abc");
  close(ends[0]);
  close(ends[1]);
}

TEST(AsioLoop, ATaskThatArmsADueTimerAgainLeavesRoomForPosts) {
  SystemClock clock;
  AsioLoop loop(clock);
  bool posted = false;
  std::function<void()> again = [&] {
    if (posted) return loop.stop();
    loop.at(clock.mono(), again);
  };
  loop.at(clock.mono(), again);
  loop.post([&] { posted = true; });
  loop.run();
  EXPECT_TRUE(posted);
}

}  // namespace
}  // namespace cronfleet::async
