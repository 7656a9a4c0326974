// runtime/clock_check.h: whether this worker's wall clock is to be trusted: held against its own monotonic clock
// (REL-14) and against those that the other workers publish (protocol.md rule 16). Loop thread only.
#pragma once

#include <chrono>
#include <string>

#include "core/fleet_clock.h"
#include "runtime/worker_parts.h"

namespace cronfleet::runtime {

class ClockCheck {
 public:
  // `compares`: false: not with those of the others (the simulator's switch).
  ClockCheck(const async::Clock& clock, bool compares, WorkerObserver& observer);

  void published(const NodeId& node, WallTime wall) { fleet_.published(node, wall, clock_.mono()); }
  void gone(const NodeId& node) { fleet_.gone(node); }

  // Whether it has moved so far since look() that nothing is to be claimed by it unseen.
  bool jumped() const;
  // True: suspect() has changed.
  bool look();
  // Whether it was set, be it by little, since this was last asked.
  bool stepped();

  bool suspect() const { return suspect_; }
  const core::ClockReading& reading() const { return reading_; }
  std::string warning() const;  // empty: none

 private:
  std::chrono::nanoseconds wall_over_mono() const;

  const async::Clock& clock_;
  const bool compares_;
  WorkerObserver& observer_;
  core::FleetClock fleet_;
  core::ClockReading reading_;
  bool suspect_ = false;
  std::chrono::nanoseconds looked_at_{0}, asked_at_;  // wall over monotonic clock, in look() and in stepped()
};

}  // namespace cronfleet::runtime
