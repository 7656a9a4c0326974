#include "core/fleet_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace cronfleet::core {
namespace {

constexpr std::size_t kPublicationsKept = 8;
constexpr std::int64_t kOldestUs = 10'000'000;  // the session lease: what is registered was published within it

std::int64_t offset_of(WallTime wall, MonoTime now) {
  return wall.time_since_epoch().count() -
         std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
}

}  // namespace

void FleetClock::published(const NodeId& node, WallTime wall, MonoTime now) {
  std::deque<std::int64_t>& kept = offsets_[node];
  kept.push_back(offset_of(wall, now));
  if (kept.size() > kPublicationsKept) kept.pop_front();
}

ClockReading FleetClock::read(WallTime wall, MonoTime now) const {
  const std::int64_t own = offset_of(wall, now);
  std::vector<std::int64_t> least{own}, most{own};
  for (const auto& [node, kept] : offsets_) {
    const std::int64_t best = *std::max_element(kept.begin(), kept.end());
    least.push_back(best);
    most.push_back(kept.size() > 1 ? best : best + kOldestUs);
  }
  ClockReading reading{.clocks = least.size()};
  std::sort(least.begin(), least.end());
  std::sort(most.begin(), most.end());
  // Of an even number the middle two are the median; of two clocks that is the other one.
  const std::int64_t low = least.size() == 2 ? least.front() + least.back() - own : least[(least.size() - 1) / 2];
  const std::int64_t high = most.size() == 2 ? most.front() + most.back() - own : most[most.size() / 2];
  if (own > high) reading.ahead = std::chrono::microseconds(own - high);
  if (own < low) reading.ahead = std::chrono::microseconds(own - low);
  return reading;
}

std::string ClockReading::text() const {
  if (!suspect() && !differs() && !apart()) return {};
  const double seconds = std::chrono::duration<double>(std::chrono::abs(ahead)).count();
  const char* const side = ahead.count() > 0 ? "ahead of" : "behind";
  if (clocks == 2) return fmt::format("{:.1f} s {} the only other one", seconds, side);
  return fmt::format("{:.1f} s {} the median of {} clocks", seconds, side, clocks);
}

}  // namespace cronfleet::core
