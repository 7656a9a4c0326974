// apps/service.h: what a service manager and the kernel say to a process, and what it answers (sd_notify(3)).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/asio_loop.h"

namespace cronfleet::apps {

// SIGTERM, SIGINT and SIGHUP as tasks on the loop. Construct before any thread is started: it blocks them in the
// calling thread, and threads inherit that. A run's processes get a clean mask from the runner.
class Signals {
 public:
  Signals(async::AsioLoop& loop, std::function<void(int signal)> on_signal);
  ~Signals();

 private:
  async::AsioLoop& loop_;
  int fd_ = -1;
};

// Tells systemd, where it asked to be told: "READY=1", "STOPPING=1", "WATCHDOG=1". Elsewhere nothing happens.
void notify_service_manager(std::string_view state);
// How often it wants to hear WATCHDOG=1: half of what it allows. Nothing: it does not ask.
std::optional<std::chrono::microseconds> watchdog_interval();

std::string host_name();
std::string boot_id();  // of this boot of the kernel; empty where the kernel does not say
bool process_alive(std::int64_t pid);
std::vector<std::pair<std::string, std::string>> environment();

}  // namespace cronfleet::apps
