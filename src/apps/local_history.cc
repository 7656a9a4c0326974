#include "apps/local_history.h"

namespace cronfleet::apps {

Result<std::unique_ptr<LocalHistory>> LocalHistory::open(Daemon& daemon, const std::filesystem::path& folder,
                                                         const config::HistoryConfig& config) {
  const history::Retention keep{std::chrono::duration_cast<std::chrono::hours>(config.retention_age),
                                static_cast<std::uint64_t>(config.retention_count)};
  auto opened =
      history::SqliteRunHistory::open((folder / "history.db").string(), daemon.loop, daemon.clock, {.retention = keep});
  if (!opened) return Failure(opened.error());
  auto local = std::unique_ptr<LocalHistory>(new LocalHistory(std::move(*opened)));
  local->retention_ =
      std::make_unique<history::RetentionDriver>(*local->history_, daemon.loop, daemon.clock,
                                                 daemon.rng.fork("retention"), history::RetentionOptions{.keep = keep});
  return local;
}

}  // namespace cronfleet::apps
