// api/watched.h: a copy of everything under one prefix of the store, followed by list and watch on the loop, read by
// any thread. It serves lists without asking the store for all of them, and reads while the store is away.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "coord/mirror.h"
#include "core/entries.h"

namespace cronfleet::api {

// Hears of changes after the copy has them; on the loop.
class WatchedSink {
 public:
  virtual ~WatchedSink() = default;
  virtual void on_changed(const std::shared_ptr<const core::KeyValue>& entry) = 0;
  virtual void on_gone(const std::string& key, core::Revision revision) = 0;
};

class Watched final : private coord::MirrorSink {
 public:
  using Entry = std::shared_ptr<const core::KeyValue>;
  struct Copy {
    std::vector<Entry> entries;   // in byte order of the key
    core::Revision revision = 0;  // everything under the prefix up to here is in it
    bool whole = false;           // false: nothing has been listed yet
  };

  // Made and destroyed on the loop, or while it does not run.
  Watched(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, std::string prefix);
  void set_sink(WatchedSink* sink) { sink_ = sink; }  // before start(); nullptr: none
  void start();                                       // on the loop

  // As it stands; equal pointers mean that nothing has changed between.
  std::shared_ptr<const Copy> copy();
  // Waits until the copy has everything up to `revision`; false when it does not get there within `limit`. Not on the
  // loop.
  bool reaches(core::Revision revision, std::chrono::milliseconds limit);

 private:
  void on_put(const core::KeyValue& entry) override;
  void on_removed(const std::string& key, core::Revision revision) override;
  void on_synced(core::Revision revision) override;
  void on_progress(core::Revision revision) override;
  void on_trouble(const Status&) override {}  // whoever asks the store hears of it

  WatchedSink* sink_ = nullptr;
  std::mutex mutex_;  // around all below, but for the mirror, which belongs to the loop
  std::condition_variable advanced_;
  std::map<std::string, Entry> entries_;
  core::Revision revision_ = 0;
  bool whole_ = false;
  std::shared_ptr<const Copy> copy_;  // null: something has changed since it was made
  coord::Mirror mirror_;
};

// All that the API follows.
struct Copies {
  Copies(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, const core::Keys& keys);
  void start();  // on the loop

  Watched jobs, workers, nodes, running, triggers;
};

}  // namespace cronfleet::api
