// core/due_queue.h: which jobs come due when, at a cost of what is due and not of what exists.
//
// A calendar of rings. The nearest 68 minutes are buckets of one second, the next three days buckets of 64 seconds,
// then half a year in buckets of 4096 seconds, and what is farther lies in a map. A bucket is a list of job indices in
// recycled blocks of memory; a bit for each tells which are empty. When time comes within 68 minutes of a bucket of 64
// seconds it is spread over its seconds, so that no tick pays for more than one bucket of each ring; a second is
// sorted only when it comes up. When a job is due stands once, by index, and a place in a bucket is no more than a
// hint: moving or removing a job leaves its old place behind, which is passed over later.
//
// Measured in bench/core_bench.cc (speed-limits.md §4): 8 bytes for the moment of each job, and about 5 for its place.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <vector>

#include "base/time.h"

namespace cronfleet::core {

class DueQueue {
 public:
  using Index = std::uint32_t;  // of a job; small and dense

  // A job has at most one moment: putting it again moves it.
  void put(Index index, WallTime due);
  void remove(Index index);
  // Jobs lie anywhere in memory: said a few jobs ahead, it makes the put of this one cheaper.
  void prefetch(Index index) const {
    if (index < due_ms_.size()) __builtin_prefetch(&due_ms_[index], 1);
  }

  // Appends the jobs due at or before `until` to `out` and takes them out: earliest first, those of one millisecond in
  // an order that follows from the calls alone, as a rule that of their puts.
  void pop(WallTime until, std::vector<Index>& out);

  // When the earliest job is due; max when none is.
  WallTime next();

  // How many places lie in the buckets that touch [from, until]: an upper bound of what is due there.
  std::size_t count(WallTime from, WallTime until) const;

  std::size_t size() const { return live_; }
  std::size_t bytes() const;  // of memory that is held

 private:
  static constexpr std::int64_t kNowhere = INT64_MIN;
  static constexpr int kShift = 6;  // a bucket of one ring is 64 of the ring before
  static constexpr std::int64_t kSlots = 4096;
  static constexpr std::uint32_t kNone = UINT32_MAX, kBlocksAtOnce = 256;

  struct Block {
    static constexpr std::uint32_t kPlaces = 62;
    std::uint32_t next = kNone, used = 0;
    std::array<Index, kPlaces> places{};
  };
  // Jobs in the order in which they came; some of them have left.
  struct Bucket {
    std::uint32_t first = kNone, last = kNone, count = 0;
  };
  // Buckets by number (a moment divided by the bucket's length) in [begin, end), at most kSlots of them.
  struct Ring {
    std::vector<Bucket> buckets = std::vector<Bucket>(kSlots);
    std::array<std::uint64_t, kSlots / 64> filled{};  // a bit for each bucket
    std::uint64_t summary = 0;                        // a bit for each word of `filled`
    std::int64_t begin = 0, end = 0;

    Bucket& at(std::int64_t number) { return buckets[static_cast<std::size_t>(number & (kSlots - 1))]; }
    const Bucket& at(std::int64_t number) const { return buckets[static_cast<std::size_t>(number & (kSlots - 1))]; }
    std::int64_t first_filled() const;  // `end` when all are empty
    void mark(std::int64_t number);
    Bucket take(std::int64_t number);  // empty from then on
  };
  struct Late {
    std::int64_t ms;
    std::uint64_t put;  // how many were put before it
    Index index;
    bool operator<(const Late& other) const { return ms != other.ms ? ms > other.ms : put > other.put; }
  };

  struct Least {
    std::int64_t ms = 0;
    std::size_t count = 0;  // of jobs due then; 0: not known
    bool whole = false;     // there are no more of them
  };

  static constexpr int kMsShift = 54, kOrderShift = 32;
  static std::int64_t second_of(std::int64_t ms) { return ms >= 0 ? ms / 1000 : (ms - 999) / 1000; }
  std::int64_t current_ms() const {
    return current_second_ * 1000 + static_cast<std::int64_t>(current_[head_] >> kMsShift);
  }
  Index current_index() const { return static_cast<Index>(current_[head_]); }

  Block& block(std::uint32_t at) { return memory_[at / kBlocksAtOnce][at % kBlocksAtOnce]; }
  void forget(std::int64_t ms);
  void notice(std::int64_t ms);
  void place(Index index, std::int64_t ms);
  void append(Bucket& bucket, Index index);
  void release(const Bucket& bucket);
  template <typename Visit>
  void each(const Bucket& bucket, std::int64_t from_ms, std::int64_t until_ms, Visit visit);
  void take_out(Index index, std::int64_t ms, std::vector<Index>& out);
  void spread(const Bucket& bucket, std::int64_t from_ms, std::int64_t until_ms);
  void advance(std::int64_t opened);
  void open(std::int64_t second);
  std::int64_t first_second(std::int64_t until);
  void rebuild(std::int64_t opened);
  void find_next();
  bool least_of(const Bucket& bucket, std::int64_t from_ms, std::int64_t until_ms);

  std::vector<std::int64_t> due_ms_;  // by index; kNowhere: not due
  std::array<Ring, 3> rings_;
  std::map<std::int64_t, Bucket> beyond_;  // by the number of the ring that there is not
  std::vector<std::unique_ptr<Block[]>> memory_;
  std::uint32_t free_ = kNone;

  // What comes for a second up to this one lies in late_; the last one opened lies sorted in current_.
  std::int64_t opened_ = 0, popped_ = 0;
  bool started_ = false;
  std::int64_t current_second_ = 0;
  std::vector<std::uint64_t> current_;  // ms within the second, order, index
  std::size_t head_ = 0;                // those before it are done with
  std::priority_queue<Late> late_;

  std::size_t live_ = 0, placed_ = 0;  // jobs that are due; places, the ones left behind included
  std::uint64_t puts_ = 0;
  // The earliest moment, and the one after it, which may be unknown: in a burst each claim puts a job before thousands
  // of others and takes it out again, and they are not to be looked through each time.
  Least next_, after_;
  std::vector<Index> earliest_;  // scratch
};

}  // namespace cronfleet::core
