#include "apps/standalone.h"

#include "apps/api_part.h"
#include "apps/data_folder.h"
#include "apps/local_history.h"
#include "apps/worker_part.h"
#include "coord/sqlite/sqlite_coord_store.h"
#include "tz/zone_database.h"

namespace cronfleet::apps {

int run_standalone(const StandaloneOptions& options, Log& log) {
  const config::StandaloneConfig& config = options.config;
  Daemon daemon(log);
  const auto folder = DataFolder::open(config.data_dir, daemon.clock.wall());
  if (!folder) return cannot_start(log, folder.error());
  auto store = coord::SqliteCoordStore::open({.folder = folder->path() / "coord"}, daemon.loop, daemon.clock);
  if (!store) return cannot_start(log, store.error());
  const auto zones = tz::ZoneDatabase::open();
  if (!zones) return cannot_start(log, zones.error());
  auto history = LocalHistory::open(daemon, folder->path(), config.history);
  if (!history) return cannot_start(log, history.error());
  const auto node = folder->node_id(config.worker.node_id, daemon.tokens);
  if (!node) return cannot_start(log, node.error());
  const core::Keys keys;
  auto worker = WorkerPart::open(daemon,
                                 {.folder = folder->path(),
                                  .node = *node,
                                  .keys = keys,
                                  .worker = config.worker,
                                  .history = config.history,
                                  .version = options.version},
                                 **store, (*history)->history(), **zones);
  if (!worker) return cannot_start(log, worker.error());
  ApiPart api(daemon, config.http,
              {.store = **store,
               .history = (*history)->history(),
               .keys = keys,
               .zones = **zones,
               .clock = daemon.clock,
               .tokens = daemon.tokens,
               .version = options.version,
               .mode = "standalone",
               .node = node->text(),
               .page_size = static_cast<std::size_t>(config.http.page_size),
               .timers = daemon.loop,
               .rng = daemon.rng.fork("api"),
               .coordination_backend = "sqlite",
               .history_backend = "sqlite",
               .configuration = options.printed,
               .store_health = [&store = **store] { return api::StoreHealth{.full = store.full()}; },
               .audit = audit_log(log)});
  if (const auto listening = api.start(); !listening) return cannot_start(log, listening.error());

  MetricsSources sources{.version = options.version, .mode = "standalone", .http = [&api] { return api.counts(); }};
  (*worker)->add_to(sources);
  MetricsPart metrics(daemon, config.metrics, std::move(sources));
  if (const auto listening = metrics.start(); !listening) return cannot_start(log, listening.error());

  log.when_refused = [&] {
    daemon.loop.post([&] { (*worker)->leave([&] { api.stop([&] { daemon.end(kServiceHeld); }); }); });
  };
  daemon.on_stop = [&] { (*worker)->stop([&] { api.stop([&] { daemon.end(0); }); }); };
  api.api().start();
  (*worker)->start();
  log.on_message(Log::Level::Info, "node", node->text());
  return daemon.run();
}

}  // namespace cronfleet::apps
