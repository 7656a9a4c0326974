// apps/metrics_part.h: GET /metrics on a listener of its own (metrics.address, metrics.port), alike in every service.
// docs/operations.md lists the names.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/http_server.h"
#include "api/router.h"
#include "api/worker_catalogue.h"
#include "apps/daemon.h"
#include "apps/metrics_text.h"
#include "config/options.h"
#include "history/mongo/mongo_run_history.h"
#include "runtime/worker.h"

namespace cronfleet::apps {

// What a service has to tell; what is absent is left out.
struct MetricsSources {
  std::string version, mode;
  std::function<api::HttpCounts()> http{};           // from any thread, as the next two
  std::function<api::StoreHealth()> store_health{};  // of etcd
  std::function<history::MongoStatus()> mongo{};     // where records go to MongoDB
  const runtime::Worker* worker = nullptr;           // asked on the loop
  int worker_capacity = 0;
  std::filesystem::path journal_folder{};  // of the worker
  std::uint64_t journal_bytes_max = 0;
};

class MetricsPart {
 public:
  // What `sources` name outlives it.
  MetricsPart(Daemon& daemon, const config::MetricsConfig& config, MetricsSources sources);
  ~MetricsPart();

  // Listens, where metrics are enabled.
  //   Conflict  another process has the port; names the setting
  Result<void> start();

 private:
  // Everything as text; nothing while the loop does not answer, which is what a monitor should see then.
  std::optional<std::string> collect();

  Daemon& daemon_;
  const bool enabled_;
  const MetricsSources sources_;
  api::Router router_;
  api::HttpServer server_;
};

}  // namespace cronfleet::apps
