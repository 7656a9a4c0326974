#include "apps/fleet_worker.h"

#include "apps/data_folder.h"
#include "apps/fleet_history.h"
#include "apps/fleet_store.h"
#include "apps/folder_owner.h"
#include "apps/metrics_part.h"
#include "apps/worker_part.h"
#include "tz/zone_database.h"

namespace cronfleet::apps {
namespace {

// Over a slow link a claim need not wait for the answer to the one before it. More bring nothing (bench/etcd_bench).
constexpr std::size_t kBatchesUnderWay = 4;

}  // namespace

int run_worker(const FleetWorkerOptions& options, Log& log) {
  const config::WorkerConfig& config = options.config;
  Daemon daemon(log);
  const auto folder = DataFolder::open(config.data_dir, daemon.clock.wall());
  if (!folder) return cannot_start(log, folder.error());
  if (const auto owned = own_folder(folder->path(), this_process()); !owned) return cannot_start(log, owned.error());
  const auto node = folder->node_id(config.worker.node_id, daemon.tokens);
  if (!node) return cannot_start(log, node.error());
  auto fleet = FleetStore::open(daemon, config.etcd);
  if (!fleet) return cannot_start(log, fleet.error());
  const auto zones = tz::ZoneDatabase::open();
  if (!zones) return cannot_start(log, zones.error());
  auto history = FleetHistory::open_for_worker(daemon, config, folder->path(), **fleet);
  if (!history) return cannot_start(log, history.error());
  auto worker = WorkerPart::open(daemon,
                                 {.folder = folder->path(),
                                  .node = *node,
                                  .keys = (*fleet)->keys(),
                                  .worker = config.worker,
                                  .history = config.history,
                                  .version = options.version,
                                  .batches_under_way = kBatchesUnderWay,
                                  .store_is_elsewhere = true},
                                 (*fleet)->store(), (*history)->history(), **zones);
  if (!worker) return cannot_start(log, worker.error());
  (*history)->keep_pruned(daemon, config.history, [part = worker->get()] { return part->may_prune(); });

  MetricsSources sources{.version = options.version,
                         .mode = "worker",
                         .store_health = [&fleet] { return (*fleet)->health(); },
                         .mongo = (*history)->mongo_status()};
  (*worker)->add_to(sources);
  MetricsPart metrics(daemon, config.metrics, std::move(sources));
  if (const auto listening = metrics.start(); !listening) return cannot_start(log, listening.error());

  log.when_refused = [&] { daemon.loop.post([&] { (*worker)->leave([&] { daemon.end(kServiceHeld); }); }); };
  daemon.on_stop = [&] { (*worker)->stop([&] { daemon.end(0); }); };
  log.on_message(Log::Level::Info, "node", node->text());
  (*fleet)->when_admitted([&] { (*worker)->start(); },
                          [&] { (*worker)->leave([&] { daemon.end(kServiceBadConfiguration); }); });
  return daemon.run();
}

}  // namespace cronfleet::apps
