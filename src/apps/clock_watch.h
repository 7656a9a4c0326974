// apps/clock_watch.h: a master's clock held against those that the workers publish (protocol.md rule 16): over 2 s off,
// the master refuses saves that move firings.
#pragma once

#include <mutex>
#include <string>

#include "coord/mirror.h"
#include "core/entries.h"
#include "core/fleet_clock.h"

namespace cronfleet::apps {

class ClockWatch final : private coord::MirrorSink {
 public:
  // Made and destroyed on the loop, or while it does not run. All are borrowed.
  ClockWatch(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, core::Keys keys);
  void start() { mirror_.start(); }  // on the loop

  // Why the clock is not to be trusted; empty while it is. From any thread.
  std::string trouble() const;

 private:
  void on_put(const core::KeyValue& entry) override;
  void on_removed(const std::string& key, core::Revision revision) override;
  void on_synced(core::Revision) override {}
  void on_trouble(const Status&) override {}  // without the store nothing is saved either

  NodeId node_of(const std::string& key) const { return NodeId(key.substr(keys_.workers().size())); }

  const async::Clock& clock_;
  const core::Keys keys_;
  mutable std::mutex mutex_;
  core::FleetClock fleet_;
  coord::Mirror mirror_;
};

}  // namespace cronfleet::apps
