// async/clock.h: the only door to the time of day. The real clock is built in apps/, the virtual one in sim/.
#pragma once

#include "base/time.h"

namespace cronfleet::async {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() const = 0;  // UTC, can jump: schedules and records
  virtual MonoTime mono() const = 0;  // never goes back, counts suspend: leases, time-outs, measurements
};

}  // namespace cronfleet::async
