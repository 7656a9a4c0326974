#include "core/due_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/rng.h"

namespace cronfleet::core {
namespace {

std::vector<DueQueue::Index> pop(DueQueue& queue, std::int64_t until_ms) {
  std::vector<DueQueue::Index> out;
  queue.pop(from_ms(until_ms), out);
  return out;
}

TEST(DueQueue, EarliestFirstAndEqualOnesAsTheyWerePut) {
  DueQueue queue;
  queue.put(3, from_ms(5'000));
  queue.put(1, from_ms(5'000));
  queue.put(2, from_ms(4'999));
  EXPECT_EQ(queue.next(), from_ms(4'999));
  EXPECT_EQ(pop(queue, 4'998), (std::vector<DueQueue::Index>{}));
  EXPECT_EQ(pop(queue, 5'000), (std::vector<DueQueue::Index>{2, 3, 1}));
  EXPECT_EQ(queue.next(), WallTime::max());
}

TEST(DueQueue, PuttingAgainMovesAndRemovingTakesOut) {
  DueQueue queue;
  queue.put(1, from_ms(5'000));
  queue.put(2, from_ms(5'000));
  queue.put(1, from_ms(9'000));
  queue.remove(2);
  EXPECT_EQ(queue.next(), from_ms(9'000));
  EXPECT_EQ(pop(queue, 8'999), (std::vector<DueQueue::Index>{}));
  EXPECT_EQ(pop(queue, 9'000), (std::vector<DueQueue::Index>{1}));
}

TEST(DueQueue, FarJobsKeepTheirOrderWhenTheyComeNear) {
  DueQueue queue;
  pop(queue, 0);
  const std::int64_t far = 400ll * 86'400'000;  // past the last ring
  for (DueQueue::Index i = 0; i < 500; ++i) queue.put(499 - i, from_ms(far + i / 100));
  std::vector<DueQueue::Index> want;
  for (DueQueue::Index i = 0; i < 500; ++i) want.push_back(499 - i);
  for (std::int64_t at = 0; at < far; at += at < 86'400'000 ? 3'600'000ll : 30 * 86'400'000ll) {
    ASSERT_EQ(pop(queue, at), (std::vector<DueQueue::Index>{}));
    ASSERT_EQ(queue.next(), from_ms(far));
  }
  EXPECT_EQ(pop(queue, far - 1), (std::vector<DueQueue::Index>{}));
  EXPECT_EQ(pop(queue, far + 4), want);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(DueQueue, CountsWhatLiesBetween) {
  DueQueue queue;
  EXPECT_EQ(queue.count(from_ms(0), from_ms(1'000'000)), 0u);
  pop(queue, 10'000);
  for (DueQueue::Index i = 0; i < 100; ++i) queue.put(i, from_ms(11'000 + 20 * i));
  EXPECT_EQ(queue.count(from_ms(11'000), from_ms(11'999)), 50u);
  EXPECT_EQ(queue.count(from_ms(11'000), from_ms(12'000)), 100u);
  EXPECT_EQ(queue.count(from_ms(13'000), from_ms(1'000'000'000)), 0u);
  pop(queue, 11'000);  // the second is open
  queue.put(200, from_ms(11'001));
  EXPECT_GE(queue.count(from_ms(11'000), from_ms(11'500)), 50u);
  EXPECT_EQ(queue.count(from_ms(0), from_ms(1'000'000'000'000)), 100u);
}

TEST(DueQueue, PlacesLeftBehindAreCollected) {
  DueQueue queue;
  pop(queue, 0);
  for (DueQueue::Index i = 0; i < 1'000; ++i) queue.put(i, from_ms(86'400'000));
  const std::size_t before = queue.bytes();
  for (int round = 0; round < 1'000; ++round) {
    for (DueQueue::Index i = 0; i < 1'000; ++i) {
      queue.remove(i);
      queue.put(i, from_ms(86'400'000 + round % 2));
    }
  }
  EXPECT_LT(queue.bytes(), before + 400'000);
  EXPECT_EQ(queue.size(), 1'000u);
  EXPECT_EQ(pop(queue, 86'400'001).size(), 1'000u);
}

// Near and far moments, moves, removals, and a clock that jumps both ways.
void compare_with_a_map(std::uint64_t seed, DueQueue::Index jobs, std::int64_t jump) {
  DueQueue queue;
  std::map<DueQueue::Index, std::int64_t> model;
  Rng rng(seed);
  std::int64_t now = 1'772'323'200'000 + static_cast<std::int64_t>(rng.below(100'000'000));
  const auto distance = [&]() -> std::int64_t {
    constexpr std::int64_t kReach[] = {1'000, 5'000, 100'000, 5'000'000, 400'000'000, 40'000'000'000};
    const auto far = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(kReach[rng.below(6)])));
    return rng.chance(0.5) ? far / 500 * 500 : far;  // many at one moment
  };
  for (int i = 0; i < 60'000; ++i) {
    const auto index = static_cast<DueQueue::Index>(rng.below(jobs));
    switch (rng.below(8)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const std::int64_t ms = now + distance() - (rng.chance(0.3) ? 1'000 : 0);
        model[index] = ms;
        queue.put(index, from_ms(ms));
      } break;
      case 4:
        model.erase(index);
        queue.remove(index);
        break;
      case 5: {
        std::int64_t least = std::numeric_limits<std::int64_t>::max();
        for (const auto& [k, ms] : model) least = std::min(least, ms);
        ASSERT_EQ(queue.next(), model.empty() ? WallTime::max() : from_ms(least));
        std::size_t between = 0;
        const std::int64_t until = now + distance();
        for (const auto& [k, ms] : model) between += ms >= now && ms <= until ? 1 : 0;
        ASSERT_GE(queue.count(from_ms(now), from_ms(until)), between);
      } break;
      default: {
        now += rng.chance(0.02) ? static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(jump))) - jump / 2
                                : static_cast<std::int64_t>(rng.below(2'000));
        std::set<DueQueue::Index> want;
        for (const auto& [k, ms] : model) {
          if (ms <= now) want.insert(k);
        }
        const std::vector<DueQueue::Index> got = pop(queue, now);
        ASSERT_EQ(std::set<DueQueue::Index>(got.begin(), got.end()), want);
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t at = 1; at < got.size(); ++at) ASSERT_LE(model[got[at - 1]], model[got[at]]);
        for (const DueQueue::Index k : got) model.erase(k);
        ASSERT_EQ(queue.size(), model.size());
      }
    }
  }
}

TEST(DueQueue, EqualsAMapOverRandomCalls) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    compare_with_a_map(seed, 50, 10'000);
    compare_with_a_map(seed, 400, 20'000'000);
    compare_with_a_map(seed, 400, 80'000'000'000);
  }
}

TEST(DueQueue, HoldsAMillionJobsInSixteenBytesEach) {
  DueQueue queue;
  Rng rng(3);
  pop(queue, 0);
  for (DueQueue::Index i = 0; i < 1'000'000; ++i) {
    constexpr std::uint64_t kPeriods[] = {60, 60, 60, 60, 300, 300, 300, 3'600, 3'600, 86'400};
    queue.put(i, from_ms(static_cast<std::int64_t>(1'000 * (1 + rng.below(kPeriods[rng.below(10)])))));
  }
  EXPECT_LE(queue.bytes(), 16'000'000u);
}

}  // namespace
}  // namespace cronfleet::core
