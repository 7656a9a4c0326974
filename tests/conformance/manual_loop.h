// tests/conformance/manual_loop.h: one machine under virtual time, turned by hand: a test sees each moment.
#pragma once

#include <utility>

#include "sim/virtual_time.h"

namespace cronfleet::testing {

class ManualLoop final : public async::Loop, public async::Timers, public async::Clock {
 public:
  explicit ManualLoop(WallTime start = from_seconds(1'767'225'600)) : time_(start) {}  // 2026-01-01T00:00:00Z

  void post(async::Task task) override { node_.post(std::move(task)); }
  async::TimerId at(MonoTime at, async::Task task) override { return node_.at(at, std::move(task)); }
  void cancel(async::TimerId id) override { node_.cancel(id); }
  WallTime wall() const override { return node_.wall(); }
  MonoTime mono() const override { return node_.mono(); }

  // Runs what is due within `span`, each task at its own moment.
  void advance(std::chrono::nanoseconds span) { time_.run_for(span); }
  void settle() { advance(std::chrono::nanoseconds(0)); }
  // Lets time pass until `done()` holds; false when nothing is left to happen.
  template <typename Done>
  bool run_until(Done done) {
    while (!done()) {
      if (!time_.run_one()) return false;
    }
    return true;
  }

 private:
  sim::VirtualTime time_;
  sim::VirtualNode node_{time_};
};

}  // namespace cronfleet::testing
