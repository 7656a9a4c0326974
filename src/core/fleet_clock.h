// core/fleet_clock.h: whether our wall clock agrees with those of the fleet (protocol.md rule 16, REL-14).
//
// Each worker publishes what its clock shows in its registration, about every third of the session lease. What was
// published is read later than it was written, by a time that nobody knows: it says that the clock shows at least so
// much now. The best of the last few publications of a node is therefore kept, and one that was published once, and may
// be as old as its lease, is given that much. So a clock of ours that is behind is always found, and one that is ahead
// as soon as others have published while we listened.
//
// Nothing is corrected by it: docs/decisions/0020-clocks-are-compared-and-not-corrected.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace cronfleet::core {

inline constexpr std::chrono::milliseconds kClockWarning{500}, kClockSuspect{2'000};

struct ClockReading {
  std::size_t clocks = 1;              // that were compared, ours included
  std::chrono::microseconds ahead{0};  // ours, of their median; of the other one where there are two. Negative: behind
  // Three or more of them, and ours is far off: nothing may be claimed by it.
  bool suspect() const { return clocks >= 3 && std::chrono::abs(ahead) > kClockSuspect; }
  // Two of them: nobody knows which one is wrong.
  bool apart() const { return clocks == 2 && std::chrono::abs(ahead) > kClockSuspect; }
  bool differs() const { return clocks >= 3 && std::chrono::abs(ahead) > kClockWarning; }
  // "clock 3.1 s ahead of the median of 5", rounded to tenths; empty where neither holds.
  std::string text() const;
};

// Pure; not thread-safe.
class FleetClock {
 public:
  // `now`: when it was read. Our own node is never told.
  void published(const NodeId& node, WallTime wall, MonoTime now);
  void gone(const NodeId& node) { offsets_.erase(node); }
  ClockReading read(WallTime wall, MonoTime now) const;

 private:
  std::map<NodeId, std::deque<std::int64_t>> offsets_;  // us of wall over monotonic clock, the last few published
};

}  // namespace cronfleet::core
