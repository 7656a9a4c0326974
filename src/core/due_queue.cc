#include "core/due_queue.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/check.h"

namespace cronfleet::core {
namespace {

constexpr std::uint32_t kAhead = 16;          // moments lie anywhere in memory: the next ones are asked for early
constexpr std::uint64_t kOrderMax = 1 << 22;  // above it the order of one millisecond's jobs is that of their indices
constexpr std::size_t kLeftBehindMin = 4096;

}  // namespace

// ---- a ring ---------------------------------------------------------------------------------------------------------

std::int64_t DueQueue::Ring::first_filled() const {
  if (summary == 0) return end;
  const std::uint64_t from = static_cast<std::uint64_t>(begin) & (kSlots - 1);
  const unsigned word = static_cast<unsigned>(from / 64), bit = static_cast<unsigned>(from % 64);
  const auto number = [&](unsigned w, std::uint64_t bits) {
    const std::uint64_t slot = w * 64 + static_cast<unsigned>(std::countr_zero(bits));
    return begin + static_cast<std::int64_t>((slot - from) & (kSlots - 1));
  };
  if (const std::uint64_t bits = filled[word] >> bit << bit) return number(word, bits);
  const std::uint64_t after = word == 63 ? 0 : summary >> (word + 1) << (word + 1);
  const std::uint64_t words = after != 0 ? after : summary;  // round the end; this word's first bits come last
  const auto w = static_cast<unsigned>(std::countr_zero(words));
  return number(w, filled[w]);
}

void DueQueue::Ring::mark(std::int64_t number) {
  const std::uint64_t slot = static_cast<std::uint64_t>(number) & (kSlots - 1);
  filled[slot / 64] |= 1ull << (slot % 64);
  summary |= 1ull << (slot / 64);
}

DueQueue::Bucket DueQueue::Ring::take(std::int64_t number) {
  const std::uint64_t slot = static_cast<std::uint64_t>(number) & (kSlots - 1);
  filled[slot / 64] &= ~(1ull << (slot % 64));
  if (filled[slot / 64] == 0) summary &= ~(1ull << (slot / 64));
  return std::exchange(buckets[slot], Bucket{});
}

// ---- buckets --------------------------------------------------------------------------------------------------------

void DueQueue::append(Bucket& bucket, Index index) {
  if (bucket.last == kNone || block(bucket.last).used == Block::kPlaces) {
    if (free_ == kNone) {
      memory_.push_back(std::make_unique<Block[]>(kBlocksAtOnce));
      const auto first = static_cast<std::uint32_t>((memory_.size() - 1) * kBlocksAtOnce);
      for (std::uint32_t i = 0; i < kBlocksAtOnce; ++i)
        block(first + i).next = i + 1 < kBlocksAtOnce ? first + i + 1 : kNone;
      free_ = first;
    }
    const std::uint32_t fresh = free_;
    free_ = block(fresh).next;
    block(fresh).next = kNone;
    block(fresh).used = 0;
    (bucket.last == kNone ? bucket.first : block(bucket.last).next) = fresh;
    bucket.last = fresh;
  }
  Block& last = block(bucket.last);
  last.places[last.used++] = index;
  ++bucket.count;
  ++placed_;
}

void DueQueue::release(const Bucket& bucket) {
  if (bucket.first == kNone) return;
  block(bucket.last).next = free_;
  free_ = bucket.first;
  placed_ -= bucket.count;
}

// Visits the jobs of a bucket that are still due in [from_ms, until_ms).
template <typename Visit>
void DueQueue::each(const Bucket& bucket, std::int64_t from_ms, std::int64_t until_ms, Visit visit) {
  for (std::uint32_t at = bucket.first; at != kNone; at = block(at).next) {
    const Block& places = block(at);
    for (std::uint32_t i = 0; i < places.used; ++i) {
      __builtin_prefetch(&due_ms_[places.places[std::min(i + kAhead, places.used - 1)]]);
      const Index index = places.places[i];
      const std::int64_t ms = due_ms_[index];
      if (ms >= from_ms && ms < until_ms) visit(index, ms);
    }
  }
}

// ---- putting --------------------------------------------------------------------------------------------------------

void DueQueue::place(Index index, std::int64_t ms) {
  const std::int64_t second = second_of(ms);
  if (second <= opened_) {
    late_.push({ms, puts_++, index});
    return;
  }
  std::int64_t number = second;
  for (Ring& ring : rings_) {
    if (number < ring.end) {
      append(ring.at(number), index);
      ring.mark(number);
      return;
    }
    number >>= kShift;
  }
  append(beyond_[number], index);
}

// One job less is due at `ms`.
void DueQueue::forget(std::int64_t ms) {
  --live_;
  if (next_.count == 0) return;
  if (ms == after_.ms && after_.count > 0) --after_.count;
  if (ms != next_.ms || --next_.count > 0) return;
  next_ = next_.whole ? after_ : Least{};
  after_ = {};
}

// One job more is due at `ms`.
void DueQueue::notice(std::int64_t ms) {
  if (next_.count == 0) return;
  if (ms == next_.ms) {
    ++next_.count;
  } else if (ms < next_.ms) {
    after_ = next_;
    next_ = {ms, 1, true};
  } else if (after_.count > 0 && ms <= after_.ms) {
    after_ = ms == after_.ms ? Least{ms, after_.count + 1, after_.whole} : Least{ms, 1, true};
  }
}

void DueQueue::put(Index index, WallTime due) {
  const std::int64_t ms = to_ms(due);
  if (index >= due_ms_.size()) {
    // By an eighth: what a doubling would hold in reserve is more than all the places.
    if (index >= due_ms_.capacity()) due_ms_.reserve(index + 1 + due_ms_.size() / 8);
    due_ms_.resize(index + 1, kNowhere);
  }
  if (!started_) advance(popped_ = second_of(ms) - 1);
  std::int64_t& stands = due_ms_[index];
  if (stands == ms) return;
  if (stands != kNowhere) forget(stands);
  ++live_;
  stands = ms;
  notice(ms);
  place(index, ms);
  const std::size_t left_behind = placed_ + current_.size() - head_ + late_.size() - live_;
  if (left_behind > live_ + kLeftBehindMin) rebuild(opened_);
}

void DueQueue::remove(Index index) {
  if (index >= due_ms_.size() || due_ms_[index] == kNowhere) return;
  forget(due_ms_[index]);
  due_ms_[index] = kNowhere;
}

// ---- time goes on ---------------------------------------------------------------------------------------------------

// Nothing lies in the seconds before `opened` and itself any more: the rings move on, and what comes near is spread.
void DueQueue::advance(std::int64_t opened) {
  started_ = true;
  opened_ = opened;
  std::array<std::int64_t, 4> begins{opened + 1};
  for (std::size_t i = 1; i < begins.size(); ++i)
    begins[i] = ((begins[i - 1] - (i == 1 ? 1 : 0)) >> kShift) + kSlots / 64;
  for (std::size_t i = 0; i < rings_.size(); ++i) rings_[i].end = begins[i + 1] << kShift;
  rings_[0].begin = begins[0];
  std::int64_t length_ms = 1000;
  for (std::size_t i = 1; i < rings_.size(); ++i) {
    length_ms <<= kShift;
    Ring& ring = rings_[i];
    while (ring.begin < begins[i]) {
      const std::int64_t number = ring.first_filled();
      if (number >= begins[i]) break;
      spread(ring.take(number), number * length_ms, (number + 1) * length_ms);
    }
    ring.begin = begins[i];
  }
  length_ms <<= kShift;
  while (!beyond_.empty() && beyond_.begin()->first < begins[3]) {
    const auto [number, bucket] = *beyond_.begin();
    beyond_.erase(beyond_.begin());
    spread(bucket, number * length_ms, (number + 1) * length_ms);
  }
}

void DueQueue::spread(const Bucket& bucket, std::int64_t from_ms, std::int64_t until_ms) {
  each(bucket, from_ms, until_ms, [this](Index index, std::int64_t ms) { place(index, ms); });
  release(bucket);
}

// Sorts the jobs of a second into current_, which is spent.
void DueQueue::open(std::int64_t second) {
  const Bucket bucket = rings_[0].take(second);
  advance(second);
  current_.clear();
  head_ = 0;
  current_second_ = second;
  current_.reserve(bucket.count);
  const std::int64_t from_ms = second * 1000;
  std::uint64_t order = 0;
  bool sorted = true;
  each(bucket, from_ms, from_ms + 1000, [&](Index index, std::int64_t ms) {
    const std::uint64_t entry = static_cast<std::uint64_t>(ms - from_ms) << kMsShift | order << kOrderShift | index;
    if (order < kOrderMax - 1) ++order;
    sorted = sorted && (current_.empty() || current_.back() < entry);
    current_.push_back(entry);
  });
  release(bucket);
  if (!sorted) std::sort(current_.begin(), current_.end());
}

// The first second up to `until` that was not opened and has something in it; above `until` when there is none.
std::int64_t DueQueue::first_second(std::int64_t until) {
  constexpr std::int64_t kNothing = std::numeric_limits<std::int64_t>::max();
  while (true) {
    const std::int64_t second = rings_[0].first_filled();
    if (second < rings_[0].end) return second;
    std::int64_t first = kNothing;  // of the farther buckets
    for (std::size_t i = rings_.size(); i-- > 1;) {
      if (const std::int64_t number = rings_[i].first_filled(); number < rings_[i].end)
        first = number << (kShift * static_cast<int>(i));
    }
    if (first == kNothing && !beyond_.empty()) first = beyond_.begin()->first << (kShift * 3);
    if (first > until) return kNothing;
    advance(first - 1);
  }
}

void DueQueue::pop(WallTime until, std::vector<Index>& out) {
  const std::int64_t until_ms = to_ms(until), until_second = second_of(until_ms);
  // The clock was set back, by more than leads differ: what comes now belongs into the rings again.
  if (!started_ || until_second + 2 < opened_) rebuild(until_second - 1);
  popped_ = until_second;
  while (true) {
    while (true) {
      const std::int64_t late_ms = late_.empty() ? std::numeric_limits<std::int64_t>::max() : late_.top().ms;
      for (; head_ < current_.size(); ++head_) {
        const std::int64_t ms = current_ms();
        if (ms > until_ms || ms > late_ms) break;
        take_out(current_index(), ms, out);
      }
      if (late_ms > until_ms) break;
      const Index index = late_.top().index;
      late_.pop();
      take_out(index, late_ms, out);
    }
    if (head_ < current_.size()) return;
    const std::int64_t second = first_second(until_second);
    if (second > until_second) break;
    open(second);
  }
  if (opened_ < until_second - 1) advance(until_second - 1);
}

void DueQueue::take_out(Index index, std::int64_t ms, std::vector<Index>& out) {
  if (due_ms_[index] != ms) return;  // moved or removed meanwhile
  forget(ms);
  due_ms_[index] = kNowhere;
  out.push_back(index);
}

// Puts everything into its place anew.
void DueQueue::rebuild(std::int64_t opened) {
  for (Ring& ring : rings_) {
    for (std::int64_t number; (number = ring.first_filled()) < ring.end;) release(ring.take(number));
    ring.begin = ring.end = 0;
  }
  for (const auto& [number, bucket] : beyond_) release(bucket);
  beyond_.clear();
  current_.clear();
  head_ = 0;
  late_ = {};
  advance(opened);
  for (std::size_t i = 0; i < due_ms_.size(); ++i) {
    if (due_ms_[i] != kNowhere) place(static_cast<Index>(i), due_ms_[i]);
  }
}

// ---- looking --------------------------------------------------------------------------------------------------------

WallTime DueQueue::next() {
  if (live_ == 0) return WallTime::max();
  if (next_.count == 0) find_next();
  return from_ms(next_.ms);
}

void DueQueue::find_next() {
  while (true) {
    while (head_ < current_.size() && due_ms_[current_index()] != current_ms()) ++head_;
    while (!late_.empty() && due_ms_[late_.top().index] != late_.top().ms) late_.pop();
    if (head_ < current_.size() || !late_.empty()) {
      std::int64_t ms = std::numeric_limits<std::int64_t>::max();
      if (head_ < current_.size()) ms = current_ms();
      if (!late_.empty()) ms = std::min(ms, late_.top().ms);
      next_ = {ms, 1, false};
      return;
    }
    std::int64_t length_ms = 1000;
    bool opened = false;
    for (Ring& ring : rings_) {
      for (std::int64_t number; (number = ring.first_filled()) < ring.end;) {
        if (length_ms == 1000 && number <= popped_ + 1) {  // about to be due
          open(number);
          opened = true;
          break;
        }
        if (least_of(ring.at(number), number * length_ms, (number + 1) * length_ms)) return;
        release(ring.take(number));
      }
      if (opened) break;
      length_ms <<= kShift;
    }
    if (opened) continue;
    while (true) {
      CHECK(!beyond_.empty());
      const auto& [number, bucket] = *beyond_.begin();
      if (least_of(bucket, number * length_ms, (number + 1) * length_ms)) return;
      release(bucket);
      beyond_.erase(beyond_.begin());
    }
  }
}

// The earliest job in a bucket becomes the next one. False: all have left it.
bool DueQueue::least_of(const Bucket& bucket, std::int64_t from_ms, std::int64_t until_ms) {
  std::int64_t least = until_ms;
  earliest_.clear();
  each(bucket, from_ms, until_ms, [&](Index index, std::int64_t ms) {
    if (ms > least) return;
    if (ms < least) earliest_.clear();
    earliest_.push_back(index);
    least = ms;
  });
  // A job that was moved away and back stands there twice.
  if (!std::is_sorted(earliest_.begin(), earliest_.end())) std::sort(earliest_.begin(), earliest_.end());
  const auto count = static_cast<std::size_t>(std::unique(earliest_.begin(), earliest_.end()) - earliest_.begin());
  next_ = {least, count, true};
  return count > 0;
}

std::size_t DueQueue::count(WallTime from, WallTime until) const {
  std::int64_t first = second_of(to_ms(from)), last = second_of(to_ms(until));
  std::size_t sum = first <= opened_ ? late_.size() : 0;
  if (current_second_ >= first && current_second_ <= last) sum += current_.size() - head_;
  for (const Ring& ring : rings_) {
    for (std::int64_t number = std::max(first, ring.begin); number <= std::min(last, ring.end - 1); ++number)
      sum += ring.at(number).count;
    first >>= kShift;
    last >>= kShift;
  }
  for (auto it = beyond_.lower_bound(first); it != beyond_.end() && it->first <= last; ++it) sum += it->second.count;
  return sum;
}

std::size_t DueQueue::bytes() const {
  return due_ms_.capacity() * sizeof(std::int64_t) + memory_.size() * kBlocksAtOnce * sizeof(Block) +
         rings_.size() * kSlots * sizeof(Bucket) + current_.capacity() * sizeof(std::uint64_t) +
         late_.size() * sizeof(Late) + beyond_.size() * 64;
}

}  // namespace cronfleet::core
