#include "apps/master.h"

#include "apps/api_part.h"
#include "apps/clock_watch.h"
#include "apps/fleet_history.h"
#include "apps/fleet_store.h"
#include "apps/metrics_part.h"
#include "tz/zone_database.h"

namespace cronfleet::apps {

int run_master(const MasterOptions& options, Log& log) {
  const config::MasterConfig& config = options.config;
  Daemon daemon(log);
  auto fleet = FleetStore::open(daemon, config.etcd);
  if (!fleet) return cannot_start(log, fleet.error());
  const auto zones = tz::ZoneDatabase::open();
  if (!zones) return cannot_start(log, zones.error());
  auto history = FleetHistory::open_for_master(daemon, config, **fleet);
  if (!history) return cannot_start(log, history.error());
  ClockWatch clocks((*fleet)->store(), daemon.loop, daemon.clock, daemon.rng.fork("clocks"), (*fleet)->keys());
  ApiPart api(daemon, config.http,
              {.store = (*fleet)->store(),
               .history = (*history)->history(),
               .keys = (*fleet)->keys(),
               .zones = **zones,
               .clock = daemon.clock,
               .tokens = daemon.tokens,
               .version = options.version,
               .mode = "master",
               .node = {},
               .page_size = static_cast<std::size_t>(config.http.page_size),
               .timers = daemon.loop,
               .rng = daemon.rng.fork("api"),
               .coordination_backend = "etcd",
               .history_backend = config.backend == config::HistoryBackend::Mongo ? "mongodb" : "local",
               .configuration = options.printed,
               .kept_elsewhere = (*history)->kept_elsewhere(),
               .store_health = [&fleet] { return (*fleet)->health(); },
               .clock_trouble = [&clocks] { return clocks.trouble(); },
               .audit = audit_log(log)});
  if (const auto listening = api.start(); !listening) return cannot_start(log, listening.error());

  MetricsPart metrics(daemon, config.metrics,
                      {.version = options.version,
                       .mode = "master",
                       .http = [&api] { return api.counts(); },
                       .store_health = [&fleet] { return (*fleet)->health(); },
                       .mongo = (*history)->mongo_status()});
  if (const auto listening = metrics.start(); !listening) return cannot_start(log, listening.error());

  daemon.on_stop = [&] { api.stop([&] { daemon.end(0); }); };
  (*fleet)->when_admitted(
      [&] {
        clocks.start();
        api.api().start();
      },
      [&] { api.stop([&] { daemon.end(kServiceBadConfiguration); }); });
  return daemon.run();
}

}  // namespace cronfleet::apps
