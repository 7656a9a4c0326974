#include "runtime/clock_check.h"

#include <utility>

namespace cronfleet::runtime {
namespace {

using Level = WorkerObserver::Level;

// How far the wall clock may move against the monotonic one before it counts as a step.
constexpr std::chrono::milliseconds kStepMin{10};

}  // namespace

ClockCheck::ClockCheck(const async::Clock& clock, bool compares, WorkerObserver& observer)
    : clock_(clock), compares_(compares), observer_(observer), asked_at_(wall_over_mono()) {}

std::chrono::nanoseconds ClockCheck::wall_over_mono() const {
  return clock_.wall().time_since_epoch() - clock_.mono().time_since_epoch();
}

bool ClockCheck::jumped() const { return std::chrono::abs(wall_over_mono() - looked_at_) > core::kClockWarning; }

bool ClockCheck::look() {
  looked_at_ = wall_over_mono();
  if (!compares_) return false;
  reading_ = fleet_.read(clock_.wall(), clock_.mono());
  const bool suspect = reading_.suspect() || (suspect_ && reading_.differs());
  if (suspect == std::exchange(suspect_, suspect)) return false;
  if (suspect)
    observer_.on_message(Level::Error, "clock is not to be trusted",
                         reading_.text() + "; nothing is claimed until it agrees");
  else
    observer_.on_message(Level::Info, "clock agrees again", fmt::format("{} clocks", reading_.clocks));
  return true;
}

bool ClockCheck::stepped() {
  const auto now = wall_over_mono();
  const auto moved = now - std::exchange(asked_at_, now);
  if (std::chrono::abs(moved) <= kStepMin) return false;
  observer_.on_message(Level::Warn, "wall clock stepped",
                       fmt::format("{} ms", std::chrono::duration_cast<std::chrono::milliseconds>(moved).count()));
  return true;
}

std::string ClockCheck::warning() const {
  const std::string text = reading_.text();
  return text.empty() ? text : (suspect_ ? "clock " : "time: ") + text;
}

}  // namespace cronfleet::runtime
