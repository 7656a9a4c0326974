// async/loop.h: one thread that waits for everything, and the timers on it.
//
// A Loop runs tasks one after the other on its own thread, in the order they were posted. post() may be called from any
// thread; everything else here belongs to the loop's thread. Asio stands behind it in the product (async/asio_loop.h),
// a queue under virtual time in the simulator.
#pragma once

#include <cstdint>

#include "async/callback.h"
#include "async/clock.h"

namespace cronfleet::async {

class Loop {
 public:
  virtual ~Loop() = default;
  virtual void post(Task task) = 0;
};

using TimerId = std::uint64_t;  // 0 is no timer

class Timers {
 public:
  virtual ~Timers() = default;
  // Runs `task` on the loop once mono() has reached `at`; at once, but never inside this call, where it already has.
  virtual TimerId at(MonoTime at, Task task) = 0;
  // No-op for a timer that has fired or 0. After it the task does not run.
  virtual void cancel(TimerId id) = 0;
};

}  // namespace cronfleet::async
