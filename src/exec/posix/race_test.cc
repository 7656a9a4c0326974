// Kills at every moment of a start and of an end, twice, and of runs that nobody knows (REL-F26). CRONFLEET_LONG=1
// races 10,000 runs.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/rng.h"
#include "exec/posix/executor_harness.h"
#include "exec/posix/processes.h"

namespace cronfleet::exec {
namespace {

using domain::RunStatus;
using std::chrono::milliseconds;

#ifdef CRONFLEET_SANITIZED
constexpr int kRuns = 200;
#else
constexpr int kRuns = 500;
#endif
constexpr std::size_t kAtOnce = 24;

enum class Kind { Endless, EndlessFamily, Deaf, Short, NoProgram, LeftAlone, Last = LeftAlone };

StartRequest request_of(Kind kind, int run) {
  switch (kind) {
    case Kind::Endless: return request(run, {"sleep", "86401"});
    case Kind::EndlessFamily: return shell(run, "(setsid sleep 86401 &); sleep 86401 & sleep 86401");
    case Kind::Deaf: return shell(run, "trap '' TERM; sleep 86401; sleep 86401");
    case Kind::Short: return request(run, {"true"});
    case Kind::NoProgram: return request(run, {"/nowhere/to/be/found"});
    case Kind::LeftAlone: return shell(run, "sleep 0.01; exit 7");  // nobody kills it: kills of others must not meet it
  }
  CHECK(false);
}

void check(Kind kind, const Seen& seen) {
  EXPECT_EQ(seen.answers, 1);
  EXPECT_EQ(seen.ends, seen.started ? 1 : 0);
  if (seen.failed) {
    const NotStarted expected = kind == Kind::NoProgram ? NotStarted::SpawnFailed : NotStarted::Cancelled;
    // A kill that comes before the spawn cancels that of a missing program too.
    EXPECT_TRUE(seen.failed->why == expected || seen.failed->why == NotStarted::Cancelled) << seen.failed->error;
    EXPECT_NE(kind, Kind::LeftAlone) << seen.failed->error;
    return;
  }
  ASSERT_TRUE(seen.ended);
  const domain::RunEnd& end = seen.ended->end;
  EXPECT_EQ(end.error, "");
  if (kind == Kind::LeftAlone) {
    EXPECT_EQ(end.status, RunStatus::Failed);
    EXPECT_EQ(end.exit_code, 7);
  } else if (kind == Kind::Short) {
    EXPECT_TRUE(end.status == RunStatus::Killed || end.status == RunStatus::Succeeded);
  } else {
    EXPECT_EQ(end.status, RunStatus::Killed);
    EXPECT_EQ(end.actor, "first");  // of two orders the first one says who
  }
}

TEST(PosixExecutorRace, AKillAtAnyMomentEndsEachRunOnce) {
  const int total = std::getenv("CRONFLEET_LONG") != nullptr ? 10'000 : kRuns;
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  const int runner = harness.runner_pid();
  Rng rng(20'260'101);
  std::vector<Kind> kinds;
  // Orders that wait for their moment: this many turns of the loop after the order to start, or after the start is
  // told.
  struct Order {
    int run;
    bool once_told;
    std::uint64_t turns;
    KillOrder kill;
  };
  std::vector<Order> orders;
  for (int run = 0; run < total || !orders.empty();) {
    const bool room = run < total && static_cast<std::size_t>(run) < harness.over_count() + kAtOnce;
    harness.on_loop([&] {
      if (room) {
        const Kind kind = static_cast<Kind>(rng.below(static_cast<std::uint64_t>(Kind::Last) + 1));
        kinds.push_back(kind);
        harness.executor().start(request_of(kind, run));
        const std::uint64_t turns = rng.chance(0.3) ? 0 : rng.below(rng.chance(0.5) ? 4 : 200);
        const bool once_told = rng.chance(0.4);
        KillOrder kill;
        kill.actor = "first";
        kill.grace = rng.chance(0.5) ? milliseconds(0) : milliseconds(rng.below(20));
        if (kind != Kind::LeftAlone) orders.push_back({run, once_told, turns, kill});
        kill.actor = "second";
        if (kind != Kind::LeftAlone && rng.chance(0.3)) orders.push_back({run, once_told, turns + rng.below(3), kill});
      }
      std::vector<Order> later;
      for (Order& order : orders) {
        if ((order.once_told && harness.seen(order.run).answers == 0) || order.turns-- > 0)
          later.push_back(order);
        else
          harness.executor().kill(run_id(order.run), order.kill);
      }
      orders = std::move(later);
      if (rng.chance(0.1)) harness.executor().kill(run_id(1'000'000 + run), {});
    });
    if (room) ++run;
  }
  ASSERT_TRUE(
      harness.wait_for([&] { return harness.over_ >= static_cast<std::size_t>(total); }, std::chrono::minutes(2)));
  EXPECT_TRUE(harness.lost_.empty());
  int cancelled = 0, killed = 0;
  for (int run = 0; run < total; ++run) {
    const Seen seen = harness.seen(run);
    cancelled += seen.failed && seen.failed->why == NotStarted::Cancelled;
    killed += seen.ended && seen.ended->end.status == RunStatus::Killed;
    SCOPED_TRACE(fmt::format("run {} of kind {}", run, static_cast<int>(kinds[static_cast<std::size_t>(run)])));
    check(kinds[static_cast<std::size_t>(run)], seen);
  }
  fmt::print("{} runs: {} cancelled before they were executed, {} killed\n", total, cancelled, killed);
  EXPECT_GT(killed, total / 10);
  EXPECT_EQ(harness.over_count(), static_cast<std::size_t>(total));  // and none twice
  EXPECT_TRUE(posix::children_of(runner).empty());
}

}  // namespace
}  // namespace cronfleet::exec
