#include "apps/fleet_history.h"

#include "history/mongo/mongo_run_history.h"
#include "history/recent/published_history.h"
#include "history/recent/recent_history.h"

namespace cronfleet::apps {
namespace {

using Level = Log::Level;

Level level_of(history::MongoLogLevel level) {
  switch (level) {
    case history::MongoLogLevel::Error: return Level::Warn;  // it is being handled: what is lost says so itself
    case history::MongoLogLevel::Warning:  // of single connections: what is wrong with the server is told by its calls
    case history::MongoLogLevel::Info: return Level::Debug;
  }
  return Level::Warn;
}

history::Retention retention_of(const config::HistoryConfig& config) {
  return {std::chrono::duration_cast<std::chrono::hours>(config.retention_age),
          static_cast<std::uint64_t>(config.retention_count)};
}

Result<std::unique_ptr<history::MongoRunHistory>> connect(Daemon& daemon, const config::MongoConfig& config,
                                                          const history::Retention& keep) {
  history::MongoOptions options;
  options.uri = config.uri;
  options.database = config.database;
  options.collection = config.collection;
  options.connect_timeout = config.connect_timeout;
  options.retention = keep;
  options.log = [&log = daemon.log](history::MongoLogLevel level, std::string_view message) {
    log.on_message(level_of(level), "mongodb", message);
  };
  return history::MongoRunHistory::open(std::move(options), daemon.loop, daemon.clock);
}

Result<std::unique_ptr<history::MongoRunHistory>> open_mongo(Daemon& daemon, const config::MongoConfig& config,
                                                             const history::Retention& keep) {
  auto opened = connect(daemon, config, keep);
  if (!opened) return Failure(opened.error());
  // A server that is away is waited for while all else goes on; one that refuses us needs a person now.
  const auto usable = (*opened)->check();
  if (!usable && usable.error().code() == Code::InvalidArgument) return Failure(usable.error());
  if (!usable) daemon.log.on_message(Level::Warn, "history is away", usable.error().message());
  return std::move(*opened);
}

}  // namespace

std::function<history::MongoStatus()> FleetHistory::mongo_status() const {
  if (mongo_ == nullptr) return {};
  return [mongo = mongo_] { return mongo->status(); };
}

Result<void> FleetHistory::check(Daemon& daemon, const config::MongoConfig& config) {
  auto opened = connect(daemon, config, {});
  if (!opened) return Failure(opened.error());
  return (*opened)->check();
}

void FleetHistory::keep_pruned(Daemon& daemon, const config::HistoryConfig& config, std::function<bool()> may_prune) {
  if (mongo_ == nullptr) return;
  retention_ = std::make_unique<history::RetentionDriver>(
      *history_, daemon.loop, daemon.clock, daemon.rng.fork("retention"),
      history::RetentionOptions{.keep = retention_of(config)}, std::move(may_prune));
}

Result<std::unique_ptr<FleetHistory>> FleetHistory::open_for_master(Daemon& daemon, const config::MasterConfig& config,
                                                                    FleetStore& fleet) {
  auto opened = std::unique_ptr<FleetHistory>(new FleetHistory());
  if (config.backend == config::HistoryBackend::Mongo) {
    auto mongo = open_mongo(daemon, config.mongodb, {});  // it writes no records: nothing is too old for it
    if (!mongo) return Failure(mongo.error());
    opened->mongo_ = mongo->get();
    opened->history_ = std::move(*mongo);
    return opened;
  }
  opened->history_ = std::make_unique<history::RecentHistory>(fleet.store(), daemon.loop, fleet.keys());
  opened->kept_elsewhere_ =
      "each worker keeps its own records (history.backend is local): of runs that are over, the newest of each job is "
      "known here";
  return opened;
}

Result<std::unique_ptr<FleetHistory>> FleetHistory::open_for_worker(Daemon& daemon, const config::WorkerConfig& config,
                                                                    const std::filesystem::path& folder,
                                                                    FleetStore& fleet) {
  auto opened = std::unique_ptr<FleetHistory>(new FleetHistory());
  if (config.backend == config::HistoryBackend::Mongo) {
    auto mongo = open_mongo(daemon, config.mongodb, retention_of(config.history));
    if (!mongo) return Failure(mongo.error());
    opened->mongo_ = mongo->get();
    opened->history_ = std::move(*mongo);
    return opened;
  }
  auto local = LocalHistory::open(daemon, folder, config.history);
  if (!local) return Failure(local.error());
  opened->local_ = std::move(*local);
  opened->history_ =
      std::make_unique<history::PublishedHistory>(opened->local_->history(), fleet.store(), daemon.clock, fleet.keys());
  return opened;
}

}  // namespace cronfleet::apps
