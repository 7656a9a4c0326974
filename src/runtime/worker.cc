#include "runtime/worker.h"

#include <algorithm>

#include "runtime/start_request.h"

namespace cronfleet::runtime {

using Level = WorkerObserver::Level;

Worker::Worker(WorkerParts parts, WorkerOptions options, core::WorkerEntry registration, WorkerObserver& observer)
    : parts_(parts),
      options_(std::move(options)),
      registration_(std::move(registration)),
      observer_(observer),
      scheduler_(registration_.node, options_.keys, options_.scheduler, parts_.tokens, options_.rules),
      batcher_(parts_.store, parts_.loop, parts_.timers, parts_.clock, options_.batcher),
      reads_(parts_.store, parts_.loop),
      store_watch_(reads_, parts_.timers, parts_.clock, options_.keys.restored(), options_.store_seen,
                   options_.rules.stop_when_set_back, *this),
      clock_check_(parts_.clock, options_.rules.compare_clocks, observer_),
      outbox_(parts_, options_, measures_, observer_, [this](core::Event event) { step(std::move(event)); }),
      housekeeper_(parts_.store, parts_.timers, parts_.clock, options_.keys, options_.housekeeping,
                   [this] { return first_in_house(); }) {
  registration_.capacity = options_.scheduler.capacity;
}

Worker::~Worker() {
  for (const async::TimerId timer : {wake_timer_, tick_timer_, stop_timer_, reopen_timer_}) parts_.timers.cancel(timer);
}

void Worker::left(exec::JournalEntry entry) {
  core::Journalled event{entry.run, entry.reached_exec, {}};
  core::RunOutput output{.text = {}, .chunks = std::move(entry.output)};
  if (entry.ended) {
    event.end = entry.ended->end;
    output.text = std::move(entry.ended->output_text);
  }
  outbox_.left(entry.run, output);
  step(std::move(event));
}

void Worker::start(std::function<bool(std::int64_t)> process_alive) {
  process_alive_ = std::move(process_alive);
  report_obstacles();
  session_ = std::make_unique<coord::Session>(parts_.store, parts_.timers, parts_.clock, parts_.rng.fork("session"),
                                              parts_.tokens, options_.keys, options_.session,
                                              static_cast<coord::SessionSink&>(*this));
  feeds_ = make_feeds();
  registration_.started_at = registration_.wall = parts_.clock.wall();
  registration_.accepting = false;  // until it has caught up
  // The registration comes first: nothing is replayed or settled before it (rule 9).
  session_->open(registration_, process_alive_);
  feeds_->start();
  store_watch_.start();
  housekeeper_.start();
  tick_timer_ = parts_.timers.at(parts_.clock.mono() + options_.tick, [this] { tick(); });
}

std::unique_ptr<Feeds> Worker::make_feeds() {
  return std::make_unique<Feeds>(parts_, options_.keys, registration_.node, clock_check_, observer_,
                                 static_cast<FeedsSink&>(*this));
}

bool Worker::ready() const { return scheduler_.accepting(); }

// ---- events in, effects out -----------------------------------------------------------------------------------------

void Worker::step(core::Event event) {
  if (stepping_) {  // an effect that was answered at once: in its turn
    queued_.push_back(std::move(event));
    return;
  }
  // A clock that has jumped is looked at before anything is claimed by it, whatever the event.
  if (clock_check_.jumped() && clock_check_.look()) report_obstacles();
  stepping_ = true;
  step_through(event);
  outbox_.settle([this](const core::Event& next) { step_through(next); });
  stepping_ = false;
  if (scheduler_.accepting() != accepting_) publish();
  if (stop_calls_ > 0) stopping();
}

// With all that comes of it at once.
void Worker::step_through(const core::Event& event) {
  perform_what_follows(event);
  while (!queued_.empty())
    for (const core::Event& next : std::exchange(queued_, {})) perform_what_follows(next);
}

void Worker::perform_what_follows(const core::Event& event) {
  core::Effects effects;
  scheduler_.step(event, {parts_.clock.wall(), parts_.clock.mono()}, effects);
  for (core::Effect& effect : effects) std::visit([this](auto& one) { perform(one); }, effect);
}

void Worker::perform(core::WakeAt& wake) {
  wake_ = wake;
  arm_wake();
}

void Worker::arm_wake() {
  parts_.timers.cancel(wake_timer_);
  wake_timer_ = 0;
  MonoTime at = wake_.mono;
  constexpr auto kFar = std::chrono::hours(24 * 365);
  if (wake_.wall != WallTime::max()) {
    const auto ahead = std::min<std::chrono::microseconds>(wake_.wall - parts_.clock.wall(), kFar);
    at = std::min(at, parts_.clock.mono() + ahead);
  }
  if (at == MonoTime::max()) return;
  wake_timer_ = parts_.timers.at(at, [this] {
    wake_timer_ = 0;
    step(core::Woke{});
  });
}

void Worker::perform(core::Commit& commit) {
  auto done = alive_.wrap([this, ticket = commit.ticket, asked_at = parts_.clock.mono(),
                           asked = store_watch_.asked()](Result<core::TxnAnswer> answer) {
    if (answer) store_watch_.answered(answer->revision, asked);
    look_at_store(answer ? nullptr : &answer.error());
    const MonoTime sent_at = answer ? answer->sent_at : asked_at;
    measures_.commit_seconds.add(std::chrono::duration<double>(parts_.clock.mono() - sent_at).count());
    ++(!answer ? measures_.unknown : answer->committed ? measures_.committed : measures_.refused);
    core::CommitAnswered event{ticket, core::Outcome::Unknown, 0, {}, {}};
    if (answer) {
      event.outcome = answer->committed ? core::Outcome::Committed : core::Outcome::Refused;
      event.revision = answer->revision;
      event.found = std::move(answer->found);
      event.sent_at = answer->sent_at;
    }
    step(std::move(event));
  });
  batcher_.add(std::move(commit.txn), commit.patience, std::move(done));
}

void Worker::perform(core::Read& read) {
  auto done = alive_.wrap([this, ticket = read.ticket, asked = store_watch_.asked()](Result<coord::Listing> listing) {
    if (listing) store_watch_.answered(listing->revision, asked);
    core::ReadAnswered event{ticket, listing.has_value(), 0, {}};
    if (listing) {
      event.revision = listing->revision;
      event.found = std::move(listing->entries);
    }
    step(std::move(event));
  });
  if (read.prefix.empty()) {
    reads_.add(std::move(read.keys), std::move(done));
  } else if (read.most != 0) {
    parts_.store.list_keys(std::move(read.prefix), std::move(read.after), read.most, std::move(done));
  } else {
    parts_.store.list(std::move(read.prefix), std::move(done));
  }
}

void Worker::perform(core::Start& start) {
  parts_.executor.start(start_request(start, registration_.node, options_.environment));
}
void Worker::perform(core::CancelStart& cancel) { parts_.executor.cancel(cancel.run); }
void Worker::perform(core::Kill& kill) {
  parts_.executor.kill(kill.run, {kill.status, kill.reason, std::move(kill.actor), kill.grace});
}
void Worker::perform(core::FenceDeadline& fence) { parts_.executor.set_fence_deadline(fence.run, fence.deadline); }
void Worker::perform(core::Alarm& alarm) { observer_.on_message(Level::Error, alarm.what, alarm.about); }

// ---- what the store says --------------------------------------------------------------------------------------------

void Worker::on_event(core::Event event) { step(std::move(event)); }
void Worker::on_listed() { caught_up_when_whole(); }

void Worker::on_session_open(const Incarnation& incarnation, const std::string& hold_key) {
  observer_.on_message(Level::Info, "session open", incarnation.text());
  if (!std::exchange(registered_, true))  // nothing is settled before the registration (rule 9)
    outbox_.read_spool([this] { caught_up_when_whole(); });
  step(core::SessionOpened{incarnation, hold_key});
}
void Worker::on_leases(MonoTime session_until, MonoTime run_until) {
  step(core::LeasesExtended{session_until, run_until});
}
void Worker::on_session_lost(const Status& status) {
  observer_.on_message(Level::Warn, "session lost", status.text());
  step(core::SessionLost{});
}
void Worker::on_refused(const Status& status) { observer_.on_refused(status); }

void Worker::on_set_back(const std::string& how) {
  observer_.on_message(Level::Error, "the store was set back",
                       how +
                           ": nothing is claimed until an operator says that this state is meant (cronfleet alarm "
                           "confirm restored_store)");
  report_obstacles();
}

void Worker::on_word(const core::RestoredEntry& word, bool anew) {
  if (anew)
    observer_.on_message(
        Level::Info, "the store's older state is meant",
        fmt::format("says {}; what it knows nothing of until {} is missed", word.by, to_rfc3339_ms(word.at)));
  step(core::StoreConfirmed{word.at, anew});
  report_obstacles();
  if (!anew) return;
  caught_up_ = false;
  feeds_ = make_feeds();
  feeds_->start();
}

void Worker::on_word_read() { caught_up_when_whole(); }

void Worker::on_unreadable_word(const std::string& key) {
  observer_.on_message(Level::Warn, "an operator's word is not readable", key);
}

void Worker::caught_up_when_whole() {
  if (caught_up_ || !outbox_.spool_read() || !store_watch_.word_read() || !feeds_->jobs_listed()) return;
  caught_up_ = true;
  step(core::CaughtUp{});
  if (parts_.caught_up) parts_.caught_up();
}

// A store that answers and does not take what we write, which is tried again for ever. Told once when it begins and
// once when it is over: full, when it has taken a write; refusing, for some writes only as a rule, when it has refused
// none for a while.
void Worker::look_at_store(const Status* trouble) {
  if (trouble == nullptr) {
    if (!std::exchange(store_full_, false)) return;
    return observer_.on_message(Level::Info, "the store takes writes again", "");
  }
  if (trouble->code() == Code::NoSpace) {
    if (std::exchange(store_full_, true)) return;
    return observer_.on_message(Level::Error, "the store takes no writes, nothing is claimed", trouble->text());
  }
  if (trouble->code() != Code::InvalidArgument && trouble->code() != Code::Corrupt) return;  // as it goes, or told
  const auto [refusal, begins] = store_refuses_.try_emplace(trouble->code());
  refusal->second = {trouble->message(), parts_.clock.mono()};
  if (begins) observer_.on_message(Level::Error, "the store refuses a write", trouble->text());
}

void Worker::look_at_refusals() {
  constexpr std::chrono::minutes kOverAfter{1};
  const MonoTime now = parts_.clock.mono();
  const auto over = std::erase_if(store_refuses_, [&](const auto& one) { return now - one.second.at > kOverAfter; });
  if (over > 0 && store_refuses_.empty())
    observer_.on_message(Level::Info, "the store has refused no write for a minute", "");
}

// ---- executor -------------------------------------------------------------------------------------------------------

void Worker::on_started(exec::Started started) {
  ++measures_.started;
  step(core::RunStarted{started.run, started.started_at});
}

void Worker::on_start_failed(exec::StartFailed failed) {
  using From = exec::NotStarted;
  using To = core::RunNotStarted::Why;
  To why = To::SpawnFailed;
  if (failed.why != From::Cancelled) ++measures_.start_failures;
  switch (failed.why) {
    case From::Cancelled: why = To::Cancelled; break;
    case From::TooLate: why = To::TooLate; break;
    case From::Frozen: why = To::Frozen; break;
    case From::SpawnFailed: why = To::SpawnFailed; break;
    case From::Overloaded: why = To::Overloaded; break;
    case From::Stopped: why = To::Stopped; break;
  }
  step(core::RunNotStarted{failed.run, why, std::move(failed.error)});
}

void Worker::on_output(domain::OutputChunk chunk) { outbox_.output(std::move(chunk)); }

void Worker::on_ended(exec::Ended ended) {
  step(core::RunEnded{ended.run, std::move(ended.end), std::move(ended.output_text)});
}

void Worker::on_runner_lost(std::string error) {
  observer_.on_message(Level::Error, "runner lost", error);
  executor_away_ = true;
  report_obstacles();
  reopen_executor();
}

// Every run that the lost runner had is over: its journal says how, or that it never came to be.
void Worker::reopen_executor() {
  if (!parts_.reopen_executor) return;
  const std::vector<domain::RunId> active = scheduler_.active_runs();
  const std::set<domain::RunId> lost(active.begin(), active.end());
  std::map<domain::RunId, exec::JournalEntry> left;
  const auto reopened = parts_.reopen_executor([&](exec::JournalEntry entry) {
    if (!lost.contains(entry.run)) return;  // over before, and known
    entry.output.clear();                   // as is what it wrote
    left.emplace(entry.run, std::move(entry));
  });
  if (!reopened) {
    observer_.on_message(Level::Error, "runner cannot be started", reopened.error().text());
    reopen_timer_ = parts_.timers.at(parts_.clock.mono() + options_.tick, [this] { reopen_executor(); });
    return;
  }
  for (const domain::RunId& run : active) {
    const auto found = left.find(run);
    if (found != left.end() && found->second.ended) {
      step(core::RunEnded{run, found->second.ended->end, found->second.ended->output_text});
    } else if (found != left.end() && found->second.reached_exec) {
      domain::RunEnd end;
      end.status = domain::RunStatus::Lost;
      end.reason = domain::Reason::WorkerDied;
      end.error = "the runner was lost and left no record of its end";
      end.started_at = found->second.started ? found->second.started->started_at : parts_.clock.wall();
      end.ended_at = parts_.clock.wall();
      step(core::RunEnded{run, end, {}});
    } else {
      step(core::RunNotStarted{run, core::RunNotStarted::Why::Overloaded, "the runner was lost before it started"});
    }
  }
  executor_away_ = false;
  report_obstacles();
}

void Worker::on_condition(bool journal_full, std::string text) {
  journal_full_ = journal_full;
  condition_ = std::move(text);
  report_obstacles();
}

void Worker::on_room(exec::Room room) {
  room_ = std::move(room);
  look_for_room();
  report_obstacles();
}

// ---- what keeps it from claiming ------------------------------------------------------------------------------------

void Worker::report_obstacles() {
  const core::Obstacles obstacles{.clock_suspect = clock_check_.suspect(),
                                  .disk_full = journal_full_ || executor_away_,
                                  .store_set_back = store_watch_.set_back(),
                                  .draining = draining_ || settings_.drain,
                                  .stopping = stop_calls_ > 0,
                                  .runs_most = runs_most()};
  if (obstacles == reported_) return;
  reported_ = obstacles;
  step(obstacles);
}

void Worker::drain(bool on) {
  draining_ = on;
  report_obstacles();
}

void Worker::on_settings(const core::NodeSettings& settings) {
  const core::NodeSettings before = std::exchange(settings_, settings);
  if (settings_.drain != before.drain)
    observer_.on_message(Level::Info, settings_.drain ? "drained by an operator" : "drain ended by an operator",
                         fmt::format("{}: {}", settings_.by, settings_.reason));
  report_obstacles();
  publish();
}

bool Worker::may_prune() const { return first_in_house() && (parts_.shelf == nullptr || parts_.shelf->size() == 0); }

int Worker::runs_most() const {
  return static_cast<int>(
      std::min<std::uint32_t>(room_.runs_max, static_cast<std::uint32_t>(options_.scheduler.capacity)));
}

// Whether a limit of the machine, not the capacity that was set, takes the last place. Told by whole quarters, so that
// a place that comes and goes does not change the registration each time.
void Worker::look_for_room() {
  const int most = runs_most(), active = static_cast<int>(scheduler_.runs_active());
  const bool limited = most < options_.scheduler.capacity;
  const int free = std::max(most - active, 0);
  const bool none = limited && (no_room_ ? free == 0 || 4 * free < most : free == 0);
  if (none == no_room_) return;
  no_room_ = none;
  if (none)
    observer_.on_message(Level::Warn, "no room for runs",
                         fmt::format("{} run; {}; nothing is claimed meanwhile", active, room_.limit));
  else
    observer_.on_message(Level::Info, "room for runs again", fmt::format("{} at once", most));
}

// ---- what others see of it ------------------------------------------------------------------------------------------

void Worker::tick() {
  tick_timer_ = parts_.timers.at(parts_.clock.mono() + options_.tick, [this] { tick(); });
  if (clock_check_.look()) report_obstacles();
  if (clock_check_.stepped()) step(core::Woke{});  // what is due by the new time is looked at now
  arm_wake();
  outbox_.look();
  step(core::ClaimRate{batcher_.rate_per_second(), batcher_.latency()});
  look_for_room();
  look_at_refusals();
  look_at_machine();
  report_obstacles();
  publish();
  if (parts_.keep_store_seen)
    if (const auto seen = store_watch_.to_keep()) parts_.keep_store_seen(*seen);
}

// It goes out with the next renewal, so that a measure costs the store nothing.
void Worker::look_at_machine() {
  constexpr std::chrono::seconds kEvery{3};
  const MonoTime now = parts_.clock.mono();
  if (!parts_.measure_machine || now < look_at_machine_at_) return;
  look_at_machine_at_ = now + kEvery;
  load_ = parts_.measure_machine();
  const auto whole = [](auto duration) { return std::chrono::duration_cast<Millis>(duration).count(); };
  load_->clock_ahead_ms = whole(clock_check_.reading().ahead);
  load_->store_latency_ms = whole(batcher_.latency());
  load_->history_latency_ms = whole(outbox_.writer().latency());
}

// What others need to know of this worker, where it has changed.
void Worker::publish() {
  if (!session_->open()) return;
  accepting_ = scheduler_.accepting();
  // A full worker is out of the ranks until some places are free, so that they do not move with every run.
  const std::size_t running = scheduler_.runs_active(), capacity = static_cast<std::size_t>(runs_most());
  full_ = scheduler_.full() || (full_ && running * 8 > capacity * 7);
  session_->update([this](core::WorkerEntry& entry) {
    entry.running = static_cast<int>(scheduler_.runs_active());
    entry.accepting = accepting_ && !full_;
    entry.load = load_;
    entry.labels = registration_.labels;
    for (const auto& [label, value] : settings_.labels) {
      if (value.empty()) {
        entry.labels.erase(label);
      } else {
        entry.labels[label] = value;
      }
    }
    entry.refused = scheduler_.refused_jobs();
    entry.warnings.clear();
    if (store_watch_.set_back())
      entry.warnings.push_back(fmt::format("restored: the store was set back; it stood at revision {} until {}",
                                           store_watch_.seen().revision, to_rfc3339_ms(store_watch_.seen().at)));
    for (const auto& [code, refusal] : store_refuses_)
      entry.warnings.push_back("the store refuses a write: " + refusal.why);
    if (std::string clock = clock_check_.warning(); !clock.empty()) entry.warnings.push_back(std::move(clock));
    if (!condition_.empty()) entry.warnings.push_back(condition_);
    warn_of_markers(entry);
    if (runs_most() < options_.scheduler.capacity)
      entry.warnings.push_back(
          fmt::format("room for {} of {} runs at once: {}", runs_most(), options_.scheduler.capacity, room_.limit));
    if (scheduler_.refused_count() > entry.refused.size())
      entry.warnings.push_back(fmt::format("{} further documents of jobs cannot be scheduled",
                                           scheduler_.refused_count() - entry.refused.size()));
    outbox_.add_warnings(entry.warnings);
  });
}

// All workers see them; the one that keeps house says so.
void Worker::warn_of_markers(core::WorkerEntry& entry) const {
  constexpr std::size_t kShown = 20;
  if (!first_in_house()) return;
  const auto ahead = scheduler_.markers_ahead();
  for (const auto& [job, until] : ahead) {
    if (entry.warnings.size() >= kShown) break;
    entry.warnings.push_back(
        fmt::format("marker of job '{}' stands in the future: it does not fire before {}", job, to_rfc3339(until)));
  }
  if (ahead.size() > kShown)
    entry.warnings.push_back(fmt::format("marker of {} jobs in all stands in the future", ahead.size()));
}

// By rank among those that take work now: who cannot claim does not keep house either.
bool Worker::first_in_house() const { return accepting_ && !full_ && scheduler_.rank("compact") == 0; }

// ---- the end --------------------------------------------------------------------------------------------------------

void Worker::stop(std::chrono::milliseconds grace, async::Task done) {
  ++stop_calls_;
  if (done) stopped_ = std::move(done);
  parts_.timers.cancel(stop_timer_);
  if (stop_calls_ > 1) grace = std::chrono::milliseconds(0);
  const auto kill_grace = stop_calls_ > 1 ? std::optional(std::chrono::milliseconds(0)) : std::nullopt;
  stop_timer_ = parts_.timers.at(parts_.clock.mono() + grace, [this, kill_grace] { end_runs(kill_grace); });
  report_obstacles();
  stopping();
}

// Again and again, since a run that was about to start may only start now.
void Worker::end_runs(std::optional<std::chrono::milliseconds> grace) {
  for (const domain::RunId& run : scheduler_.active_runs())
    parts_.executor.kill(run, {domain::RunStatus::Killed, domain::Reason::Shutdown, "shutdown", grace});
  stop_timer_ = parts_.timers.at(parts_.clock.mono() + options_.tick, [this, grace] { end_runs(grace); });
}

// Leaves once nothing runs here and the history has what there was. Records that it cannot take now are safe in the
// store.
void Worker::stopping() {
  if (!stopped_ || scheduler_.runs_active() > 0) return;
  const bool history_away = !outbox_.writer().trouble().empty();
  if (scheduler_.records_waiting() > 0 && !history_away) return;
  parts_.timers.cancel(stop_timer_);
  async::Task done = std::move(stopped_);
  stopped_ = {};
  session_->close(std::move(done));
}

}  // namespace cronfleet::runtime
