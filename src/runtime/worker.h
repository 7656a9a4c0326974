// runtime/worker.h: a whole worker: feeds the scheduler, performs its effects, starts and stops everything around it.
//
// Built only from interfaces, so that the product and the simulator run the very same node: store, history, executor,
// loop, timers, clock, chance and zones are handed in and outlive it. One thread: everything here belongs to the loop.
//
//   store watches → events → core::Scheduler → effects → batcher, executor, history writer → answers → events
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/loop.h"
#include "base/rng.h"
#include "base/token.h"
#include "coord/batcher.h"
#include "coord/read_batcher.h"
#include "coord/session.h"
#include "core/fleet_clock.h"
#include "core/scheduler.h"
#include "cron/zone.h"
#include "exec/executor.h"
#include "history/history_writer.h"
#include "history/record_spool.h"
#include "history/shelf.h"
#include "runtime/housekeeping.h"
#include "runtime/measures.h"
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

class Worker final : public exec::ExecutorSink, private coord::SessionSink, private StoreWatchSink {
 public:
  // `registration`: node, host, address, pid, boot id, labels, version; the worker keeps the rest of it up to date, and
  // lays the labels of nodes/<node> over its own.
  Worker(WorkerParts parts, WorkerOptions options, core::WorkerEntry registration, WorkerObserver& observer);
  ~Worker() override;

  // `journal`: what earlier lives left, after their processes were swept (protocol.md rule 9).
  void start(std::vector<exec::JournalEntry> journal, std::function<bool(std::int64_t pid)> process_alive);
  // No claims while true; runs go on.
  void drain(bool on);
  // Claims nothing more, waits up to `grace` for the runs to end, ends the rest as killed(shutdown), hands its records
  // to the history, leaves the fleet, then calls `done`. Called again: ends the runs at once.
  void stop(std::chrono::milliseconds grace, async::Task done);

  bool ready() const;  // claims are possible
  const core::Scheduler& scheduler() const { return scheduler_; }
  const history::HistoryWriter& writer() const { return writer_; }
  const Measures& measures() const { return measures_; }
  // Records on their way into the history, in memory and on the shelf.
  std::size_t records_waiting() const;
  std::optional<WallTime> oldest_waiting() const;  // when the run of the one that has waited longest was over

  // ---- exec::ExecutorSink
  void on_started(exec::Started started) override;
  void on_start_failed(exec::StartFailed failed) override;
  void on_output(domain::OutputChunk chunk) override;
  void on_ended(exec::Ended ended) override;
  void on_runner_lost(std::string error) override;
  void on_condition(bool journal_full, std::string text) override;
  void on_room(exec::Room room) override;

 private:
  struct Follow;  // the mirrors and their sinks

  void on_session_open(const Incarnation& incarnation, const std::string& hold_key) override;
  void on_leases(MonoTime session_until, MonoTime run_until) override;
  void on_session_lost(const Status& status) override;
  void on_refused(const Status& status) override;
  void on_set_back(const std::string& how) override;
  void on_word(const core::RestoredEntry& word, bool anew) override;
  void on_word_read() override;
  void on_unreadable_word(const std::string& key) override;

  void step(const core::Event& event);
  void step_one(const core::Event& event);
  void step_queued();
  void reopen_executor();
  void perform(core::WakeAt& wake);
  void perform(core::Commit& commit);
  void perform(core::Read& read);
  void perform(core::Start& start);
  void perform(core::CancelStart& cancel);
  void perform(core::Kill& kill);
  void perform(core::FenceDeadline& fence);
  void perform(core::Record& record);
  void perform(core::RecordRange& range);
  void perform(core::Shelve& shelve);
  void perform(core::UnshelveAll& all);
  void perform(core::Spool& spool);
  void perform(core::Forget& forget);
  void perform(core::Alarm& alarm);
  void arm_wake();
  void tick();
  void caught_up_when_whole();
  void send_output();
  void forget_behind_output(const domain::RunId& run);
  void record_when_output_is_through(domain::RunRecord record);
  void measure(const domain::RunEnd& end, domain::Trigger trigger, WallTime scheduled_at);
  std::size_t records_held() const;
  std::size_t records_spooled() const;
  bool history_has_room() const;
  bool may_unshelve() const;
  void settle_shelf();
  core::Event unshelved();
  void read_spool();
  void offer_output(domain::OutputChunk chunk);
  void end_runs(std::optional<std::chrono::milliseconds> grace);
  void stopping();
  void report_obstacles();
  void publish();
  void settings_changed(const std::optional<core::NodeSettings>& settings);
  int runs_most() const;
  bool first_in_house() const;
  void warn_of_markers(core::WorkerEntry& entry) const;
  void look_for_room();
  void look_at_history();
  void look_at_spool(std::string trouble);
  void look_at_store(const Status* trouble);
  void look_at_clock();
  void look_at_machine();
  std::chrono::nanoseconds wall_over_mono() const;

  WorkerParts parts_;
  WorkerOptions options_;
  core::WorkerEntry registration_;
  WorkerObserver& observer_;
  core::Scheduler scheduler_;
  coord::Batcher batcher_;
  coord::ReadBatcher reads_;
  StoreWatch store_watch_;
  history::HistoryWriter writer_;
  std::unique_ptr<Follow> follow_;
  std::unique_ptr<coord::Session> session_;
  Housekeeper housekeeper_;
  std::function<bool(std::int64_t)> process_alive_;
  std::vector<exec::JournalEntry> journal_;

  core::WakeAt wake_;
  async::TimerId wake_timer_ = 0, tick_timer_ = 0, stop_timer_ = 0, reopen_timer_ = 0;
  std::chrono::nanoseconds wall_minus_mono_{0};
  bool stepping_ = false;
  bool room_told_ = true;            // as the scheduler knows it
  WallTime shelf_ended_at_{};        // when about the run was over that is first on the shelf
  std::vector<core::Event> queued_;  // events that came while stepping

  // Output that the writer had no room for, per run in order, and records that wait behind it.
  std::map<domain::RunId, std::vector<domain::OutputChunk>> output_waiting_;
  std::map<domain::RunId, domain::RunRecord> records_waiting_;

  // Runs that the journal may drop when the output that waits for them is through, or so much that the writer took.
  std::set<domain::RunId> forgotten_;
  std::deque<std::pair<std::uint64_t, domain::RunId>> forgotten_after_;

  core::FleetClock fleet_clock_;
  core::ClockReading clock_reading_;
  bool clock_suspect_ = false;
  std::chrono::nanoseconds looked_at_{0};  // wall over monotonic clock, when it was compared
  bool caught_up_ = false, registered_ = false, spool_read_ = false;
  bool store_full_ = false, journal_full_ = false, draining_ = false, executor_away_ = false;
  bool accepting_ = false, full_ = false;  // as published
  core::NodeSettings settings_;            // what the operator wants
  bool no_room_ = false;                   // as the log says: every place that the machine's limits leave is taken
  bool history_away_ = false;              // as the log says
  std::string spool_trouble_;              // as the log says: why the spool takes no records,
  std::string spool_lost_;                 // and which file of it could not be read
  core::Obstacles reported_;
  std::string condition_;
  exec::Room room_;
  Measures measures_;
  std::optional<core::WorkerLoad> load_;
  MonoTime look_at_machine_at_{};
  int stop_calls_ = 0;
  async::Task stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // answers that come after us find it false
};

}  // namespace cronfleet::runtime
