// apps/daemon.h: what every service of ours stands on: clock, chance, the loop, signals, the service manager, and the
// exit code. One per process, made before any thread is started.
#pragma once

#include <functional>
#include <optional>

#include "apps/log.h"
#include "apps/service.h"
#include "async/asio_loop.h"
#include "base/rng.h"

namespace cronfleet::apps {

// What a service ends with besides 0 (CLI-5).
enum ServiceExit : int {
  kServiceFailed = 1,
  kServiceHeld = 69,              // node id, data folder or port is another's
  kServiceBadConfiguration = 78,  // nothing but another configuration helps
};

class Daemon {
 public:
  explicit Daemon(Log& to);

  Log& log;
  async::SystemClock clock;
  async::SystemTokens tokens;  // safe from any thread
  async::AsioLoop loop{clock};
  Rng rng;

  std::function<void()> on_stop;  // on the loop, for every SIGTERM, SIGINT and SIGHUP

  // Says that the service is ready, keeps the watchdog quiet, runs the loop until end(), returns what that was given.
  int run();
  void end(int exit_code);  // on the loop

 private:
  void feed_watchdog();

  Signals signals_;
  int exit_code_ = 0;
};

// Logs why a service cannot start, and says what to end with: Conflict is 69, InvalidArgument 78, anything else 1.
int cannot_start(Log& log, const Status& status);

}  // namespace cronfleet::apps
