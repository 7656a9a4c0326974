// apps/worker_part.h: the worker of this process, with the executor under it: made and ended alike in standalone and in
// a worker of a fleet. Loop thread only, or while the loop does not run.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "apps/daemon.h"
#include "apps/metrics_part.h"
#include "config/options.h"
#include "exec/posix/posix_executor.h"
#include "history/file_shelf.h"
#include "history/sqlite/sqlite_record_spool.h"
#include "runtime/worker.h"

namespace cronfleet::apps {

struct WorkerSettings {
  std::filesystem::path folder;
  NodeId node;
  core::Keys keys;
  config::NodeConfig worker;
  config::HistoryConfig history;
  std::string version;
  std::size_t batches_under_way = 1;  // at the coordination store
  // Whether that is kept apart from `folder`, and may be restored without it.
  bool store_is_elsewhere = false;
};

class WorkerPart {
 public:
  // Starts the runner, which first ends what earlier lives left. All parts are borrowed.
  //   Conflict     another process holds the journal
  //   Unavailable  folder, runner or a leftover process is in the way
  static Result<std::unique_ptr<WorkerPart>> open(Daemon& daemon, const WorkerSettings& settings,
                                                  coord::CoordStore& store, history::RunHistory& history,
                                                  const cron::ZoneSource& zones);

  void start();
  // Claims nothing more, waits for the runs (shutdown_grace), ends the rest, then the runner; `done` once all is over.
  // A store or history that is away does not keep it: what it cannot hand over stands in the journal. Called again: at
  // once.
  void stop(async::Task done);
  // For a node id that another process holds: ends the runner alone.
  void leave(async::Task done);
  bool started() const { return started_; }
  bool may_prune() const { return started_ && worker_->may_prune(); }
  // What metrics tell of it.
  void add_to(MetricsSources& sources) const;

 private:
  // The executor is made before the worker that it reports to.
  class LateSink final : public exec::ExecutorSink {
   public:
    exec::ExecutorSink* to = nullptr;
    void on_started(exec::Started e) override { to->on_started(std::move(e)); }
    void on_start_failed(exec::StartFailed e) override { to->on_start_failed(std::move(e)); }
    void on_output(domain::OutputChunk e) override { to->on_output(std::move(e)); }
    void on_ended(exec::Ended e) override { to->on_ended(std::move(e)); }
    void on_runner_lost(std::string error) override { to->on_runner_lost(std::move(error)); }
    void on_condition(bool full, std::string text) override { to->on_condition(full, std::move(text)); }
    void on_room(exec::Room room) override { to->on_room(std::move(room)); }
  };

  WorkerPart(Daemon& daemon, const WorkerSettings& settings);

  void look_whether_all_is_over();

  Daemon& daemon_;
  const std::chrono::milliseconds shutdown_grace_;
  const std::filesystem::path journal_folder_;
  const std::uint64_t journal_bytes_max_;
  const int capacity_;
  LateSink sink_;
  exec::PosixExecutor executor_;
  history::FileShelf shelf_;
  history::sqlite::SqliteRecordSpool spool_;
  std::unique_ptr<runtime::Worker> worker_;
  bool started_ = false;
  async::Task stopped_;  // what to call in the end; empty: not asked yet, or called
  int stop_calls_ = 0;
  std::optional<MonoTime> idle_since_;  // while stopping: no run is left
};

}  // namespace cronfleet::apps
