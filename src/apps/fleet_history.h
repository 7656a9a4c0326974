// apps/fleet_history.h: where the runs of a fleet are recorded, by history.backend. The one place that knows the
// backends of a fleet's history by name.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "apps/fleet_store.h"
#include "apps/local_history.h"
#include "history/mongo/mongo_run_history.h"

namespace cronfleet::apps {

class FleetHistory {
 public:
  // Local: what workers publish of their own histories. Mongo: all of it.
  static Result<std::unique_ptr<FleetHistory>> open_for_master(Daemon& daemon, const config::MasterConfig& config,
                                                               FleetStore& fleet);
  // Local: an SQLite file in the data folder, the newest record of each job published. Mongo: the common one.
  static Result<std::unique_ptr<FleetHistory>> open_for_worker(Daemon& daemon, const config::WorkerConfig& config,
                                                               const std::filesystem::path& folder, FleetStore& fleet);

  // Keeps a common history within its retention, whenever `may_prune`; a local one does so by itself.
  void keep_pruned(Daemon& daemon, const config::HistoryConfig& config, std::function<bool()> may_prune);

  // Whether a MongoDB can be used; InvalidArgument where it refuses us, Unavailable where it does not answer.
  static Result<void> check(Daemon& daemon, const config::MongoConfig& config);

  history::RunHistory& history() { return *history_; }
  // For a master: why it does not have every record; empty where it has.
  const std::string& kept_elsewhere() const { return kept_elsewhere_; }
  // How MongoDB is, from any thread; empty where the backend is another.
  std::function<history::MongoStatus()> mongo_status() const;

 private:
  FleetHistory() = default;
  std::unique_ptr<LocalHistory> local_;  // under the one that publishes it
  std::unique_ptr<history::RunHistory> history_;
  std::unique_ptr<history::RetentionDriver> retention_;  // of the common one
  const history::MongoRunHistory* mongo_ = nullptr;      // history_, where it is that
  std::string kept_elsewhere_;
};

}  // namespace cronfleet::apps
