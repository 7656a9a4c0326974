// core/due_queue.h: which jobs come due when, at a cost of what is due and not of what exists.
//
// Jobs wait in buckets of one second. A bucket is sorted only when its second comes up, so putting a job costs an
// append and a million waiting jobs cost nothing per tick. A job has at most one place: putting it again moves it; the
// old place stays behind and is passed over when its second comes. Measured in bench/core_bench.cc (speed-limits.md
// §4).
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "base/time.h"

namespace cronfleet::core {

class DueQueue {
 public:
  using Index = std::uint32_t;  // of a job; small and dense

  void put(Index index, WallTime due) {
    const std::int64_t ms = to_ms(due);
    if (index >= due_ms_.size()) due_ms_.resize(index + 1, kNowhere);
    if (due_ms_[index] == ms) return;
    due_ms_[index] = ms;
    bucket(ms / kBucketMs).push_back({ms, index});
  }

  void remove(Index index) {
    if (index < due_ms_.size()) due_ms_[index] = kNowhere;
  }

  // Appends the jobs due at or before `until` to `out`, earliest first, equal ones by index, and takes them out.
  void pop(WallTime until, std::vector<Index>& out) {
    const std::int64_t until_ms = to_ms(until);
    while (!buckets_.empty()) {
      const auto first = buckets_.begin();
      if (first->first * kBucketMs > until_ms) return;
      std::vector<Place>& places = first->second;
      std::sort(places.begin(), places.end());
      std::size_t taken = 0;
      for (; taken < places.size() && places[taken].ms <= until_ms; ++taken) {
        const Place& place = places[taken];
        if (due_ms_[place.index] != place.ms) continue;  // moved or removed meanwhile
        due_ms_[place.index] = kNowhere;
        out.push_back(place.index);
      }
      if (taken < places.size()) {
        places.erase(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(taken));
        return;
      }
      spare_ = std::move(places);  // keeps its memory for the next new bucket
      spare_.clear();
      buckets_.erase(first);
    }
  }

  // When the earliest job is due, or somewhat earlier: a bucket that was not looked into yet answers with its start.
  WallTime next() {
    while (!buckets_.empty()) {
      std::vector<Place>& places = buckets_.begin()->second;
      const auto live = [this](const Place& place) { return due_ms_[place.index] == place.ms; };
      const auto least = std::min_element(places.begin(), places.end(), [&](const Place& a, const Place& b) {
        return live(a) != live(b) ? live(a) : a < b;
      });
      if (least != places.end() && live(*least)) return from_ms(least->ms);
      buckets_.erase(buckets_.begin());
    }
    return WallTime::max();
  }

  // How many places lie in the seconds that touch [from, until]; an upper bound of what is due there.
  std::size_t count(WallTime from, WallTime until) const {
    std::size_t sum = 0;
    for (auto it = buckets_.lower_bound(to_ms(from) / kBucketMs);
         it != buckets_.end() && it->first <= to_ms(until) / kBucketMs; ++it)
      sum += it->second.size();
    return sum;
  }

 private:
  struct Place {
    std::int64_t ms;
    Index index;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  static constexpr std::int64_t kBucketMs = 1000;
  static constexpr std::int64_t kNowhere = std::numeric_limits<std::int64_t>::min();

  std::vector<Place>& bucket(std::int64_t second) {
    const auto [it, fresh] = buckets_.try_emplace(second);
    if (fresh && spare_.capacity() > 0) it->second.swap(spare_);
    return it->second;
  }

  std::map<std::int64_t, std::vector<Place>> buckets_;
  std::vector<std::int64_t> due_ms_;
  std::vector<Place> spare_;
};

}  // namespace cronfleet::core
