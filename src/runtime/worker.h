// runtime/worker.h: a whole worker: feeds the scheduler, performs its effects, starts and stops everything around it.
//
// Built only from interfaces, so that the product and the simulator run the very same node: store, history, executor,
// loop, timers, clock, chance and zones are handed in and outlive it. One thread: everything here belongs to the loop.
//
//   store watches → events → core::Scheduler → effects → batcher, executor, outbox → answers → events
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coord/batcher.h"
#include "coord/guard.h"
#include "coord/read_batcher.h"
#include "coord/session.h"
#include "core/scheduler.h"
#include "exec/executor.h"
#include "runtime/clock_check.h"
#include "runtime/feeds.h"
#include "runtime/housekeeping.h"
#include "runtime/measures.h"
#include "runtime/outbox.h"
#include "runtime/store_watch.h"
#include "runtime/worker_parts.h"

namespace cronfleet::runtime {

class Worker final : public exec::ExecutorSink, private coord::SessionSink, private FeedsSink, private StoreWatchSink {
 public:
  // `registration`: node, host, address, pid, boot id, labels, version; the worker keeps the rest of it up to date, and
  // lays the labels of nodes/<node> over its own.
  Worker(WorkerParts parts, WorkerOptions options, core::WorkerEntry registration, WorkerObserver& observer);
  ~Worker() override;

  // Before start(), for each run of the journal that earlier lives left, after their processes were swept (protocol.md
  // rule 9).
  void left(exec::JournalEntry entry);
  void start(std::function<bool(std::int64_t pid)> process_alive);
  // No claims while true; runs go on.
  void drain(bool on);
  // Claims nothing more, waits up to `grace` for the runs to end, ends the rest as killed(shutdown), hands its records
  // to the history, leaves the fleet, then calls `done`. Called again: ends the runs at once.
  void stop(std::chrono::milliseconds grace, async::Task done);

  bool ready() const;  // claims are possible
  const core::Scheduler& scheduler() const { return scheduler_; }
  const Outbox& outbox() const { return outbox_; }
  const Measures& measures() const { return measures_; }
  // Whether it is for this worker, and time, to prune the history that all share: the one that keeps house does, and
  // not while records wait on its shelf, for what is deleted meanwhile only keeps them waiting.
  bool may_prune() const;

  // ---- exec::ExecutorSink
  void on_started(exec::Started started) override;
  void on_start_failed(exec::StartFailed failed) override;
  void on_output(domain::OutputChunk chunk) override;
  void on_ended(exec::Ended ended) override;
  void on_runner_lost(std::string error) override;
  void on_condition(bool journal_full, std::string text) override;
  void on_room(exec::Room room) override;

 private:
  std::unique_ptr<Feeds> make_feeds();

  void step(core::Event event);
  void step_through(const core::Event& event);
  void perform_what_follows(const core::Event& event);
  void perform(core::WakeAt& wake);
  void arm_wake();
  void perform(core::Commit& commit);
  void perform(core::Read& read);
  void perform(core::Start& start);
  void perform(core::CancelStart& cancel);
  void perform(core::Kill& kill);
  void perform(core::FenceDeadline& fence);
  void perform(core::Alarm& alarm);
  void perform(auto& owed_to_history) { outbox_.perform(owed_to_history); }  // all others

  // ---- FeedsSink, SessionSink, StoreWatchSink
  void on_event(core::Event event) override;
  void on_settings(const core::NodeSettings& settings) override;
  void on_listed() override;
  void on_session_open(const Incarnation& incarnation, const std::string& hold_key) override;
  void on_leases(MonoTime session_until, MonoTime run_until) override;
  void on_session_lost(const Status& status) override;
  void on_refused(const Status& status) override;
  void on_set_back(const std::string& how) override;
  void on_word(const core::RestoredEntry& word, bool anew) override;
  void on_word_read() override;
  void on_unreadable_word(const std::string& key) override;
  void caught_up_when_whole();
  void look_at_store(const Status* trouble);
  void look_at_refusals();
  void reopen_executor();

  void report_obstacles();
  int runs_most() const;
  void look_for_room();

  void tick();
  void look_at_machine();
  void publish();
  void warn_of_markers(core::WorkerEntry& entry) const;
  bool first_in_house() const;

  void end_runs(std::optional<std::chrono::milliseconds> grace);
  void stopping();

  WorkerParts parts_;
  WorkerOptions options_;
  core::WorkerEntry registration_;
  WorkerObserver& observer_;
  core::Scheduler scheduler_;
  Measures measures_;
  coord::Batcher batcher_;
  coord::ReadBatcher reads_;
  StoreWatch store_watch_;
  ClockCheck clock_check_;
  Outbox outbox_;
  std::unique_ptr<Feeds> feeds_;
  std::unique_ptr<coord::Session> session_;
  Housekeeper housekeeper_;
  std::function<bool(std::int64_t)> process_alive_;

  core::WakeAt wake_;
  async::TimerId wake_timer_ = 0, tick_timer_ = 0, stop_timer_ = 0, reopen_timer_ = 0;
  bool stepping_ = false;
  std::vector<core::Event> queued_;  // events that came while stepping

  bool caught_up_ = false, registered_ = false;
  struct Refusal {
    std::string why;
    MonoTime at{};  // the last one
  };
  std::map<Code, Refusal> store_refuses_;  // as the log says
  bool store_full_ = false, journal_full_ = false, draining_ = false, executor_away_ = false;
  bool accepting_ = false, full_ = false;  // as published
  core::NodeSettings settings_;            // what the operator wants
  bool no_room_ = false;                   // as the log says: every place that the machine's limits leave is taken
  core::Obstacles reported_;
  std::string condition_;
  exec::Room room_;
  std::optional<core::WorkerLoad> load_;
  MonoTime look_at_machine_at_{};
  int stop_calls_ = 0;
  async::Task stopped_;
  coord::Guard alive_;
};

}  // namespace cronfleet::runtime
