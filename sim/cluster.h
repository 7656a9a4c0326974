// sim/cluster.h: a fleet of whole workers (runtime::Worker) over one virtual time, one simulated store and one
// simulated history, with the faults that happen to its machines.
//
// A machine has two loops: the worker's and the runner's, so that either can stop without the other. Its journal
// outlives its worker; its node id lives on the same disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/worker.h"
#include "sim/plan.h"
#include "sim/sim_executor.h"
#include "sim/virtual_time.h"

namespace cronfleet::sim {

class Cluster {
 public:
  using Say = std::function<void(const std::string&)>;

  // Begins with all nodes up. Evidence of executions and faults goes to `evidence`.
  Cluster(const Plan& plan, VirtualTime& time, VirtualNode& world, SimStore& store, SimHistoryStore& history,
          const cron::ZoneSource& zones, Evidence& evidence, Say say);
  ~Cluster();

  void inject(const Fault& fault);
  // Keeps the store as it is now, for `restored` to set it back to.
  void back_up(const Fault& restored);
  // Every fault that still goes on ends now; every node is up.
  void heal();

  // No fault goes on, every worker may claim.
  bool healthy() const;
  // A record whose key has gone waits on a disk for the history.
  bool anything_spooled() const;
  // What the store committed, as the observer tells it: a crash may be waiting for it.
  void on_commit(const std::vector<Change>& changes);

 private:
  struct Life;
  struct Machine;

  void boot(Machine& machine);
  void end_life(Machine& machine);
  void crash(Machine& machine, const Fault& fault);
  void drift(Machine& machine, std::chrono::milliseconds step, MonoTime until);
  static void link(Machine& machine, SimClient& client);
  void reached(Machine& machine, std::string_view point);
  std::size_t span(const Fault& fault, const std::string& node);
  void put_settings(const NodeId& node);
  void set_back(const Fault& fault);
  void confirm(std::size_t restored);
  void until_then(const Fault& fault, std::function<void()> heal);

  const Plan& plan_;
  VirtualTime& time_;
  VirtualNode& world_;
  SimStore& store_;
  SimHistoryStore& history_;
  const cron::ZoneSource& zones_;
  Evidence& evidence_;
  Say say_;
  Rng rng_;
  std::unique_ptr<SimClient> operator_;            // the way of an operator to the store
  std::map<NodeId, core::NodeSettings> settings_;  // what it wants
  struct Backup {
    WallTime at{};
    std::shared_ptr<const SimStore::Snapshot> state;
  };
  std::map<const Fault*, Backup> backups_;
  std::vector<std::unique_ptr<Machine>> machines_;
  // How many faults go on: the last to end brings it back.
  MonoTime restored_last_{};
  int store_down_ = 0, being_restored_ = 0, store_full_ = 0, history_down_ = 0;
  std::map<std::size_t, std::function<void()>> healing_;  // by span: what ends each fault that goes on
};

}  // namespace cronfleet::sim
