// coord/mirror.h: a followed copy of everything under one prefix, by list and watch (REL-12).
//
// Lists, reports every key, then watches from the list's revision. After Unavailable it resumes from the last delivered
// revision with backoff and jitter; after Compacted it lists again and reports the difference, deletions included.
// Keeps keys and revisions, no values; with Deletions::Ignored nothing at all: then deletions are not told, and every
// list reports every key again. Loop thread only; a sink must not destroy the mirror that calls it.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "async/loop.h"
#include "base/rng.h"
#include "coord/coord_store.h"

namespace cronfleet::coord {

class MirrorSink {
 public:
  virtual ~MirrorSink() = default;
  virtual void on_put(const KeyValue& entry) = 0;
  virtual void on_removed(const std::string& key, Revision revision) = 0;
  virtual void on_synced(Revision revision) = 0;      // after each complete list: the copy is whole as of `revision`
  virtual void on_progress(Revision) {}               // after changes: everything up to it has been reported
  virtual void on_trouble(const Status& status) = 0;  // out of contact, after each failed attempt; it goes on trying
};

class Mirror final : private WatchSink {
 public:
  enum class Deletions { Reported, Ignored };
  Mirror(CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, std::string prefix,
         MirrorSink& sink, Deletions deletions = Deletions::Reported);
  ~Mirror() override;

  void start();
  bool synced() const;
  Revision revision() const;  // everything up to it has been reported

 private:
  void on_changes(std::vector<Change> changes, Revision revision) override;
  void on_failed(Status status) override;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cronfleet::coord
