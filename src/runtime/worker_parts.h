// runtime/worker_parts.h: what a worker is built from, how it is set, and whom it tells what is worth telling.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "async/loop.h"
#include "base/rng.h"
#include "base/token.h"
#include "coord/batcher.h"
#include "coord/coord_store.h"
#include "coord/session.h"
#include "core/entries.h"
#include "core/rules.h"
#include "core/scheduler.h"
#include "cron/zone.h"
#include "exec/executor.h"
#include "history/history_writer.h"
#include "history/record_spool.h"
#include "history/run_history.h"
#include "history/shelf.h"
#include "runtime/housekeeping.h"
#include "runtime/store_watch.h"

namespace cronfleet::runtime {

struct WorkerOptions {
  core::Keys keys;
  core::SchedulerOptions scheduler;
  coord::SessionOptions session;
  coord::BatcherOptions batcher;
  history::HistoryOptions history;
  HousekeepingOptions housekeeping;
  core::Rules rules;     // the simulator's switches
  StoreSeen store_seen;  // of the life before
  // So many records in memory wait for the history; further ones go to the shelf. Away: it gave no answer last time.
  std::size_t records_held = 10'000, records_held_away = 400;
  std::string attic_folder;  // for output that an earlier life left, until its record's turn; empty: in memory
  std::chrono::milliseconds tick{1'000};  // clock check, registration, counters
  std::map<std::string, std::string> environment{
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"LANG", "C.UTF-8"}};  // what every run gets, before its job's own
};

struct WorkerParts {
  coord::CoordStore& store;
  history::RunHistory& history;
  exec::Executor& executor;
  async::Loop& loop;
  async::Timers& timers;
  const async::Clock& clock;
  TokenSource& tokens;
  const cron::ZoneSource& zones;
  Rng rng;
  // Starts a lost runner again and says what the old one left, run by run: with the history away that is more than
  // memory should hold. Empty where a runner cannot be lost.
  std::function<Result<void>(const std::function<void(exec::JournalEntry)>& take)> reopen_executor{};
  std::function<void(const StoreSeen&)> keep_store_seen{};  // where it outlives us; now and then
  history::Shelf* shelf = nullptr;                      // for records that have no room in memory; null: it always has
  history::RecordSpool* spool = nullptr;                // for records whose keys may not wait; null: they do
  std::function<core::WorkerLoad()> measure_machine{};  // now and then; empty: the load is not published
  std::function<void()> caught_up{};  // jobs and markers have been listed once: much memory is free again
};

// What is worth telling people; called on the loop.
class WorkerObserver {
 public:
  virtual ~WorkerObserver() = default;
  enum class Level { Debug, Info, Warn, Error };
  virtual void on_message(Level level, std::string_view what, std::string_view about) = 0;
  // Another process holds the node id: the program ends with 69.
  virtual void on_refused(const Status& status) = 0;
};

}  // namespace cronfleet::runtime
