#include "core/due_queue.h"

#include <gtest/gtest.h>

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

TEST(DueQueue, EqualsASortedMapOverRandomCalls) {
  DueQueue queue;
  struct Place {
    std::int64_t ms = 0;
    int put = 0;  // when it was put there; putting it at the same moment again changes nothing
  };
  std::map<DueQueue::Index, Place> model;
  Rng rng(7);
  std::int64_t now = 0;
  for (int i = 0; i < 200'000; ++i) {
    const auto index = static_cast<DueQueue::Index>(rng.below(50));
    switch (rng.below(3)) {
      case 0: {
        const std::int64_t ms = now + static_cast<std::int64_t>(rng.below(5'000)) - 100;
        if (model.count(index) == 0 || model[index].ms != ms) model[index] = {ms, i};
        queue.put(index, from_ms(ms));
      } break;
      case 1:
        model.erase(index);
        queue.remove(index);
        break;
      default: {
        now += static_cast<std::int64_t>(rng.below(300));
        std::vector<std::tuple<std::int64_t, int, DueQueue::Index>> due;
        for (const auto& [k, at] : model) {
          if (at.ms <= now) due.emplace_back(at.ms, at.put, k);
        }
        std::sort(due.begin(), due.end());
        std::vector<DueQueue::Index> want;
        for (const auto& [at, put, k] : due) {
          want.push_back(k);
          model.erase(k);
        }
        ASSERT_EQ(pop(queue, now), want);
        std::int64_t least = std::numeric_limits<std::int64_t>::max();
        for (const auto& [k, at] : model) least = std::min(least, at.ms);
        ASSERT_EQ(queue.next(), model.empty() ? WallTime::max() : from_ms(least));
      }
    }
  }
}

}  // namespace
}  // namespace cronfleet::core
