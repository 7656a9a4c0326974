#include "api/watched.h"

namespace cronfleet::api {

Watched::Watched(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng,
                 std::string prefix)
    : mirror_(store, timers, clock, rng, std::move(prefix), static_cast<coord::MirrorSink&>(*this)) {}

void Watched::start() { mirror_.start(); }

std::shared_ptr<const Watched::Copy> Watched::copy() {
  const std::lock_guard lock(mutex_);
  if (!copy_) {
    auto made = std::make_shared<Copy>();
    made->entries.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) made->entries.push_back(entry);
    made->revision = revision_;
    made->whole = whole_;
    copy_ = std::move(made);
  }
  return copy_;
}

bool Watched::reaches(core::Revision revision, std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return advanced_.wait_for(lock, limit, [&] { return whole_ && revision_ >= revision; });
}

void Watched::on_put(const core::KeyValue& entry) {
  auto copied = std::make_shared<const core::KeyValue>(entry);
  {
    const std::lock_guard lock(mutex_);
    entries_.insert_or_assign(entry.key, copied);
    copy_.reset();
  }
  if (sink_) sink_->on_changed(copied);
}

void Watched::on_removed(const std::string& key, core::Revision revision) {
  {
    const std::lock_guard lock(mutex_);
    entries_.erase(key);
    copy_.reset();
  }
  if (sink_) sink_->on_gone(key, revision);
}

void Watched::on_synced(core::Revision revision) {
  const std::lock_guard lock(mutex_);
  whole_ = true;
  revision_ = revision;  // of a store that was set back it falls
  copy_.reset();
  advanced_.notify_all();
}

void Watched::on_progress(core::Revision revision) {
  const std::lock_guard lock(mutex_);
  if (revision <= revision_) return;
  revision_ = revision;
  copy_.reset();
  advanced_.notify_all();
}

Copies::Copies(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng,
               const core::Keys& keys)
    : jobs(store, timers, clock, rng.fork("jobs"), keys.jobs()),
      workers(store, timers, clock, rng.fork("workers"), keys.workers()),
      nodes(store, timers, clock, rng.fork("nodes"), keys.nodes()),
      running(store, timers, clock, rng.fork("running"), keys.running()),
      triggers(store, timers, clock, rng.fork("triggers"), keys.triggers()) {}

void Copies::start() {
  for (Watched* copy : {&jobs, &workers, &nodes, &running, &triggers}) copy->start();
}

}  // namespace cronfleet::api
