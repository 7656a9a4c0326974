// apps/fleet_store.h: the coordination store of a fleet as a process has it: opened by its configuration, known to be
// ours before anything is done with it, and watched for trouble that people should see.
#pragma once

#include <memory>

#include "api/worker_catalogue.h"
#include "apps/daemon.h"
#include "config/options.h"
#include "coord/admission.h"
#include "coord/etcd/etcd_coord_store.h"

namespace cronfleet::apps {

class FleetStore {
 public:
  //   InvalidArgument  an endpoint, file or password that cannot be; names key and value
  static Result<std::unique_ptr<FleetStore>> open(Daemon& daemon, const config::EtcdConfig& config);

  coord::CoordStore& store() { return *store_; }
  const core::Keys& keys() const { return keys_; }
  api::StoreHealth health() const;  // from any thread

  // Calls `go` once the store has answered and the prefix is ours; says meanwhile what it waits for. `refused` where
  // no waiting helps: the reason is in the log already.
  void when_admitted(async::Task go, async::Task refused);

 private:
  FleetStore(Daemon& daemon, const config::EtcdConfig& config);
  void look_at_versions();

  Daemon& daemon_;
  const core::Keys keys_;
  std::unique_ptr<coord::EtcdCoordStore> store_;
  std::unique_ptr<coord::Admission> admission_;
  bool told_ = false;  // that it waits
};

// Whether an etcd of this version lets holders of few rights do more than they may (SEC-41).
bool has_known_holes(const std::string& etcd_version);

}  // namespace cronfleet::apps
