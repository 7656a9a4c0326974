#include "apps/daemon.h"

namespace cronfleet::apps {
namespace {

using Level = Log::Level;

std::uint64_t seed(TokenSource& tokens) { return std::stoull(tokens.token().substr(0, 16), nullptr, 16); }

}  // namespace

Daemon::Daemon(Log& to)
    : log(to), rng(seed(tokens)), signals_(loop, [this](int) {
        log.on_message(Level::Info, "stopping", "a second signal ends what still runs at once");
        notify_service_manager("STOPPING=1");
        if (on_stop) on_stop();
      }) {}

int Daemon::run() {
  feed_watchdog();
  notify_service_manager("READY=1");
  loop.run();
  return exit_code_;
}

void Daemon::end(int exit_code) {
  exit_code_ = exit_code;
  loop.stop();
}

void Daemon::feed_watchdog() {
  notify_service_manager("WATCHDOG=1");
  if (const auto interval = watchdog_interval()) loop.at(clock.mono() + *interval, [this] { feed_watchdog(); });
}

int cannot_start(Log& log, const Status& status) {
  log.on_message(Level::Error, "cannot start", status.message());
  switch (status.code()) {
    case Code::Conflict: return kServiceHeld;
    case Code::InvalidArgument: return kServiceBadConfiguration;
    default: return kServiceFailed;
  }
}

}  // namespace cronfleet::apps
