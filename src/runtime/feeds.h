// runtime/feeds.h: what a worker follows in the store, as events for the scheduler: jobs, markers, accounts, run-nows,
// kill orders and registrations; and what the operator wants of this node. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coord/mirror.h"
#include "runtime/clock_check.h"
#include "runtime/worker_parts.h"

namespace cronfleet::runtime {

class FeedsSink {
 public:
  virtual ~FeedsSink() = default;
  virtual void on_event(core::Event event) = 0;
  virtual void on_settings(const core::NodeSettings& settings) = 0;  // none are wanted: as made
  virtual void on_listed() = 0;                                      // one more of them, or one of them again
};

class Feeds {
 public:
  // `clocks` hears what the other workers publish. All are borrowed.
  Feeds(WorkerParts& parts, const core::Keys& keys, const NodeId& self, ClockCheck& clocks, WorkerObserver& observer,
        FeedsSink& sink);
  ~Feeds();
  void start();

  bool jobs_listed() const;  // with their markers

 private:
  class Feed;
  using Put = std::function<void(const core::KeyValue&, std::string_view rest)>;
  using Removed = std::function<void(std::string_view rest, core::Revision)>;

  std::unique_ptr<Feed> feed(std::string prefix, coord::Mirror::Deletions deletions, Put put, Removed removed = {});
  tl::expected<core::CompiledPtr, std::string> compiled(std::string_view document, const JobName& name) const;
  void job(const core::KeyValue& entry, std::string_view name);
  void account(const core::KeyValue& entry, std::string_view rest);
  void trigger(const core::KeyValue& entry);
  void kill(const core::KeyValue& entry, std::string_view rest);
  void registration(const core::KeyValue& entry, std::string_view node);
  void settings(const core::KeyValue& entry);
  void tell_workers();

  WorkerParts& parts_;
  const NodeId& self_;
  ClockCheck& clocks_;
  WorkerObserver& observer_;
  FeedsSink& sink_;
  std::map<std::string, core::WorkerEntry> standing_;  // registrations
  std::unique_ptr<Feed> jobs_, markers_, accounts_, triggers_, kills_, registrations_, settings_;
};

}  // namespace cronfleet::runtime
