#include "apps/clock_watch.h"

namespace cronfleet::apps {

ClockWatch::ClockWatch(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng,
                       core::Keys keys)
    : clock_(clock),
      keys_(std::move(keys)),
      mirror_(store, timers, clock, std::move(rng), keys_.workers(), static_cast<coord::MirrorSink&>(*this)) {}

std::string ClockWatch::trouble() const {
  const std::lock_guard lock(mutex_);
  const core::ClockReading reading = fleet_.read(clock_.wall(), clock_.mono());
  return reading.suspect() ? "this master's clock is " + reading.text() : std::string();
}

void ClockWatch::on_put(const core::KeyValue& entry) {
  const auto registration = core::decode_worker(entry.value);
  if (!registration) return;  // its worker raises the alarm
  const std::lock_guard lock(mutex_);
  fleet_.published(node_of(entry.key), registration->wall, clock_.mono());
}

void ClockWatch::on_removed(const std::string& key, core::Revision) {
  const std::lock_guard lock(mutex_);
  fleet_.gone(node_of(key));
}

}  // namespace cronfleet::apps
