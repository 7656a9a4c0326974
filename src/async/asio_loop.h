// async/asio_loop.h: the real Loop, Timers and Clock, over Boost.Asio and the kernel's clocks. Only apps/ and tests
// build them.
#pragma once

#include <memory>

#include "async/loop.h"
#include "base/token.h"

namespace cronfleet::async {

class SystemClock final : public Clock {
 public:
  WallTime wall() const override;
  MonoTime mono() const override;  // CLOCK_BOOTTIME
};

// Timers fire within about 0.1 ms on an idle machine.
class AsioLoop final : public Loop, public Timers {
 public:
  explicit AsioLoop(const Clock& clock);
  ~AsioLoop() override;

  void post(Task task) override;
  TimerId at(MonoTime at, Task task) override;
  void cancel(TimerId id) override;

  // Calls `ready` on the loop each time `fd` can be read, until unwatch. The descriptor stays the caller's, who
  // unwatches it before closing it. Loop thread only.
  void watch_readable(int fd, Task ready);
  void unwatch(int fd);

  void run();   // until stop(); on the thread that is to be the loop
  void stop();  // from any thread; tasks still queued are dropped

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Bits from the kernel's random source.
class SystemTokens final : public TokenSource {
 public:
  std::string token() override;
};

}  // namespace cronfleet::async
