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
    bucket(ms / kBucketMs).put(ms, index);
  }

  void remove(Index index) {
    if (index < due_ms_.size()) due_ms_[index] = kNowhere;
  }

  // Appends the jobs due at or before `until` to `out`, earliest first, equal ones in the order they were put, and
  // takes them out.
  void pop(WallTime until, std::vector<Index>& out) {
    const std::int64_t until_ms = to_ms(until);
    while (!buckets_.empty() && buckets_.begin()->first * kBucketMs <= until_ms) {
      Bucket& bucket = buckets_.begin()->second;
      bucket.sort();
      for (; !bucket.empty() && bucket.front().ms <= until_ms; ++bucket.head) {
        if (!live(bucket.front())) continue;  // moved or removed meanwhile
        due_ms_[bucket.front().index] = kNowhere;
        out.push_back(bucket.front().index);
      }
      if (!bucket.empty()) return;
      drop_first();
    }
  }

  // When the earliest job is due; max when none is.
  WallTime next() {
    while (!buckets_.empty()) {
      Bucket& bucket = buckets_.begin()->second;
      bucket.sort();
      while (!bucket.empty() && !live(bucket.front())) ++bucket.head;
      if (!bucket.empty()) return from_ms(bucket.front().ms);
      drop_first();
    }
    return WallTime::max();
  }

  // How many places lie in the seconds that touch [from, until]: an upper bound of what is due there.
  std::size_t count(WallTime from, WallTime until) const {
    std::size_t sum = 0;
    const std::int64_t last = to_ms(until) / kBucketMs;
    for (auto it = buckets_.lower_bound(to_ms(from) / kBucketMs); it != buckets_.end() && it->first <= last; ++it)
      sum += it->second.places.size() - it->second.head;
    return sum;
  }

 private:
  struct Place {
    std::int64_t ms;
    Index index;
    std::uint32_t put;  // how many were put into the bucket before it
    friend auto operator<=>(const Place& a, const Place& b) { return a.ms != b.ms ? a.ms <=> b.ms : a.put <=> b.put; }
  };
  struct Bucket {
    std::vector<Place> places;
    std::size_t head = 0;  // places before it are done with
    bool sorted = true;

    void put(std::int64_t ms, Index index) {
      if (!empty() && ms < places.back().ms) sorted = false;
      places.push_back({ms, index, static_cast<std::uint32_t>(places.size())});
    }
    void sort() {
      if (sorted) return;
      std::sort(places.begin() + static_cast<std::ptrdiff_t>(head), places.end());
      sorted = true;
    }
    bool empty() const { return head == places.size(); }
    const Place& front() const { return places[head]; }
  };
  static constexpr std::int64_t kBucketMs = 1000;
  static constexpr std::int64_t kNowhere = std::numeric_limits<std::int64_t>::min();

  bool live(const Place& place) const { return due_ms_[place.index] == place.ms; }

  Bucket& bucket(std::int64_t second) {
    const auto [it, fresh] = buckets_.try_emplace(second);
    if (fresh) it->second.places.swap(spare_);
    return it->second;
  }

  void drop_first() {
    spare_ = std::move(buckets_.begin()->second.places);  // keeps its memory for the next new bucket
    spare_.clear();
    buckets_.erase(buckets_.begin());
  }

  std::map<std::int64_t, Bucket> buckets_;
  std::vector<std::int64_t> due_ms_;
  std::vector<Place> spare_;
};

}  // namespace cronfleet::core
