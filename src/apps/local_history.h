// apps/local_history.h: the history in an SQLite file of this process, with its retention at work.
#pragma once

#include <filesystem>
#include <memory>

#include "apps/daemon.h"
#include "config/options.h"
#include "history/retention.h"
#include "history/sqlite/sqlite_run_history.h"

namespace cronfleet::apps {

class LocalHistory {
 public:
  // <folder>/history.db; failures as SqliteRunHistory::open.
  static Result<std::unique_ptr<LocalHistory>> open(Daemon& daemon, const std::filesystem::path& folder,
                                                    const config::HistoryConfig& config);
  history::RunHistory& history() { return *history_; }

 private:
  explicit LocalHistory(std::unique_ptr<history::SqliteRunHistory> history) : history_(std::move(history)) {}

  std::unique_ptr<history::SqliteRunHistory> history_;
  std::unique_ptr<history::RetentionDriver> retention_;
};

}  // namespace cronfleet::apps
