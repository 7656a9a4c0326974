// The stages of a run, from its claim to its written verdict, and what stands in the store after a refusal.
#include <algorithm>

#include "core/scheduler_state.h"
#include "domain/job_json.h"
#include "domain/where.h"

namespace cronfleet::core {
namespace {

using domain::Reason;
using domain::RunStatus;
using Stage = RunSlot::Stage;

// A fenced run is over this long before its bound: time for the last KILL to work (rule 18).
constexpr std::chrono::seconds kRunLeaseMargin{1};
constexpr std::chrono::seconds kSafeAfterMargin{3};
// A set-back store is noticed within so long, as an operator's word is read every two seconds.
constexpr std::chrono::minutes kUnfollowedFor{1};

}  // namespace

std::string Scheduler::State::missing_labels(const domain::Job& job) const {
  return fmt::format("worker '{}' does not have what the job asks for: {}", self, domain::shown_where(*job.where));
}

RunSlot* Scheduler::State::find_run(const domain::RunId& id) {
  const auto found = runs.find(id);
  return found == runs.end() ? nullptr : &found->second;
}

// A run whose key has just been written as `entry`.
RunSlot& Scheduler::State::add_run(RunningEntry entry) {
  RunSlot& run = runs[entry.run];
  if (run.active() && !run.text.empty()) --active_runs;  // the slot is used again
  run = RunSlot{};
  run.stage = Stage::Moving;
  run.text = encode(entry);
  run.entry = std::move(entry);
  return run;
}

void Scheduler::State::set_stage(RunSlot& run, Stage stage) {
  const bool was = run.active();
  run.stage = stage;
  const bool is = run.active();
  if (was == is) return;
  if (is) {
    ++active_runs;
    return;
  }
  --active_runs;
}

MonoTime Scheduler::State::fence_deadline(const RunSlot& run) const {
  const domain::Job& job = *run.job->job;
  if (!job.fenced() || !rules.fence_runs) return MonoTime::max();
  const MonoTime by_lease = run_until - kRunLeaseMargin - job.timing->kill_grace;
  if (job.delivery.mode == domain::Delivery::Mode::AtLeastOnce) return by_lease;
  const MonoTime safe_after = mono_at(run.entry.safe_after);
  if (safe_after == MonoTime::max()) return safe_after;
  return std::max(by_lease, safe_after - kSafeAfterMargin - job.timing->kill_grace);
}

// Our leases cover what stands under our incarnation. Of a run whose key was taken over, or has not moved to it yet,
// others go by the hold of the former one: its deadline stays as it was.
void Scheduler::State::extend_fence(const RunSlot& run) {
  if (run.stage != Stage::Running || !run.job || !run.job->job->fenced()) return;
  const bool covered = run.entry.incarnation == incarnation || !rules.drop_on_new_incarnation;
  if (covered && !run.key_gone) emit(FenceDeadline{run.entry.run, fence_deadline(run)});
}

// Whether the newest document still wants this run: its instant belongs to it and is one of its own (rule 14).
bool Scheduler::State::wanted(const RunSlot& run) {
  const JobSlot* slot = find_slot(run.entry.run.firing.job);
  if (slot == nullptr || !slot->claimable()) return false;
  if (!run.entry.run.firing.scheduled()) return true;
  if (slot->revision == run.entry.job_revision) return true;
  const WallTime instant = run.entry.scheduled_at;
  if (slot->job->job->since.value_or(WallTime{}) >= instant) return false;
  const auto next = domain::next_firing(*slot->job, instant - std::chrono::seconds(1));
  return next && *next == instant;
}

// Hands a claimed run to the executor, which waits for its moment.
void Scheduler::State::begin(RunSlot& run) {
  if (run.killing) return end_unstarted(run, RunStatus::Killed, run.killing->reason, {});
  if (obstacles.store_set_back) return restart_soon(run);  // it may have run before
  if (!wanted(run)) return end_unstarted(run, RunStatus::Skipped, Reason::Disabled, {});
  const bool fresh = now.mono < run.confirmed + options.claim_fresh;
  if (!fresh && rules.confirm_revision) return confirm(run);
  if (now.wall > run.start_limit && rules.check_deadline)
    return end_unstarted(run, RunStatus::Missed, Reason::Late, {});
  const JobSlot& slot = *find_slot(run.entry.run.firing.job);
  if (slot.revision != run.entry.job_revision && !fleet.admits_self(*slot.job))  // by what the newer document asks for
    return end_unstarted(run, RunStatus::Missed, Reason::NoEligibleWorker, missing_labels(*slot.job->job));
  run.job = slot.job;
  run.cancelling = false;
  MonoTime not_after = MonoTime::max();
  if (rules.check_deadline) not_after = std::min({session_until, run_until, mono_at(run.start_limit)});
  if (rules.confirm_revision) not_after = std::min(not_after, run.confirmed + options.claim_fresh);
  WallTime start_at = run.entry.scheduled_at;
  if (run.entry.run.firing.scheduled()) start_at = start_of(*run.job, start_at);
  if (run.entry.run.attempt > 1) start_at = std::min(run.entry.not_before, now.wall);  // its wait is over
  set_stage(run, Stage::Starting);
  emit(Start{run.entry.run, run.job, start_at, not_after, fence_deadline(run), run.entry.fence, run.entry.scheduled_at,
             run.entry.parameters});
}

void Scheduler::State::confirm(RunSlot& run) {
  set_stage(run, Stage::Confirming);
  read({keys.job(run.entry.run.firing.job), keys.running(self, run.entry.run)}, ReadConfirm{run.entry.run, now.mono});
}

void Scheduler::State::restart_soon(RunSlot& run) {
  set_stage(run, Stage::Restarting);
  const domain::RunId id = run.entry.run;
  after(options.retry_store, [this, id] {
    RunSlot* waiting = find_run(id);
    if (waiting != nullptr && waiting->stage == Stage::Restarting) confirm(*waiting);
  });
}

void Scheduler::State::answered(const ReadConfirm& read, const ReadAnswered& answer) {
  RunSlot* run = find_run(read.run);
  if (run == nullptr || run->stage != Stage::Confirming) return;
  const JobSlot* slot = find_slot(read.run.firing.job);
  if (!answer.ok) {
    if (now.wall > run->start_limit) return end_unstarted(*run, RunStatus::Missed, Reason::Late, {});
    return restart_soon(*run);
  }
  bool key_stands = false;
  Revision job_revision = 0;
  for (const KeyValue& stands : answer.found) {
    if (stands.key == keys.running(self, read.run)) key_stands = stands.value == run->text;
    if (stands.key == keys.job(read.run.firing.job)) job_revision = stands.modified;
  }
  if (!key_stands) return erase(read.run);  // somebody else settles it: it must not start here
  if (slot != nullptr && slot->exists && job_revision != slot->revision)
    return restart_soon(*run);  // the newer document, or that there is none, is on its way to us
  run->confirmed = read.sent_at;
  // Read in the last second: good for a start from here on.
  begin(*run);
}

void Scheduler::State::on(const RunStarted& started) {
  RunSlot* run = find_run(started.run);
  if (run == nullptr) return;
  run->executed = true;
  run->entry.end.started_at = started.started_at;
  if (run->stage != Stage::Starting) return;
  set_stage(*run, Stage::Running);
  if (run->killing) emit(*run->killing);
}

void Scheduler::State::on(const RunNotStarted& failed) {
  using Why = RunNotStarted::Why;
  RunSlot* run = find_run(failed.run);
  if (run == nullptr || run->stage != Stage::Starting) return;
  if (run->dropped) return erase(failed.run);
  switch (failed.why) {
    case Why::Cancelled:
      if (run->killing) return end_unstarted(*run, run->killing->status, run->killing->reason, {});
      if (!wanted(*run)) return end_unstarted(*run, RunStatus::Skipped, Reason::Disabled, {});
      return confirm(*run);
    case Why::TooLate:
      if (now.wall > run->start_limit) return end_unstarted(*run, RunStatus::Missed, Reason::Late, {});
      return restart_soon(*run);
    case Why::Overloaded:
      // Twice within a second: others take what comes due for a while (REL-F25).
      if (now.mono < std::exchange(overloaded_at, now.mono) + std::chrono::seconds(1)) {
        overloaded_until = now.mono + std::chrono::seconds(2);
        after(std::chrono::seconds(2), [this] { unpark(); });
      }
      if (now.wall > run->start_limit) return end_unstarted(*run, RunStatus::Missed, Reason::Late, failed.error);
      return restart_soon(*run);
    case Why::Frozen: {
      // It may have done something before it was ended: it counts as started.
      run->executed = true;
      return finish(*run, unstarted(RunStatus::Killed, Reason::Late, failed.error));
    }
    case Why::SpawnFailed: return finish(*run, unstarted(RunStatus::Refused, Reason::SpawnFailed, failed.error));
    case Why::Stopped: return end_unstarted(*run, RunStatus::Killed, Reason::Shutdown, failed.error);
  }
}

void Scheduler::State::on(const RunEnded& ended) {
  RunSlot* run = find_run(ended.run);
  if (run == nullptr || (run->stage != Stage::Running && run->stage != Stage::Starting)) return;
  run->executed = true;
  run->output_text = ended.output_text;
  finish(*run, ended.end);
}

domain::RunEnd Scheduler::State::unstarted(RunStatus status, Reason reason, std::string error) const {
  domain::RunEnd end;
  end.status = status;
  end.reason = reason;
  end.error = std::move(error);
  end.started_at = now.wall;
  end.ended_at = now.wall;
  return end;
}

void Scheduler::State::end_unstarted(RunSlot& run, RunStatus status, Reason reason, std::string error) {
  domain::RunEnd end = unstarted(status, reason, std::move(error));
  if (run.killing) end.actor = run.killing->actor;
  finish(run, std::move(end));
}

// The run is over: its verdict, and perhaps the next attempt, goes to the store.
void Scheduler::State::finish(RunSlot& run, domain::RunEnd end) {
  run.entry.phase = Phase::Ended;
  run.entry.end = std::move(end);
  if (run.job) run.entry.command = domain::shown_command(*run.job->job);
  run.entry.final = !next_attempt_allowed(run, run.entry.end);
  write_end(run);
}

void Scheduler::State::write_end(RunSlot& run) {
  // The job may have gone or changed since this end was first to be written.
  if (!run.followed) run.entry.final = run.entry.final || !next_attempt_allowed(run, run.entry.end);
  if (!run.entry.final) return retry(run);
  set_stage(run, Stage::Ending);
  RunningEntry ended = run.entry;
  std::optional<std::string> own_lock;
  // The lock still says what stood there before this entry ended: the same run, node and incarnation.
  if (ended.locked) own_lock = lock_value(self, ended);
  Txn txn = run.text.empty() ? again_row(actor(), run.text, ended) : end_row(actor(), run.text, ended, own_lock);
  if (own_lock && !rules.remove_own_lock_only) {
    txn.expected.pop_back();  // the simulator's switch: the lock goes whoever holds it
  }
  // Who follows a lock, or asked for the end, is not kept waiting.
  const bool awaited = (ended.locked && now.wall + 4 * options.gather >= ended.safe_after) || run.killing;
  commit(std::move(txn), PendingRun{run.entry.run, std::move(ended), {}, now.mono},
         awaited ? std::chrono::milliseconds(0) : options.gather);
}

void Scheduler::State::answered(PendingRun pending, const CommitAnswered& answer) {
  RunSlot* run = find_run(pending.run);
  if (run == nullptr) return;
  if (answer.outcome == Outcome::Committed) return run_written(*run, pending, answer.revision);
  std::vector<std::string> wanted{keys.running(self, pending.run), keys.lock(pending.run.firing.job)};
  if (pending.next) wanted.push_back(keys.running(self, pending.next->run));
  read(std::move(wanted), ReadBackRun{std::move(pending)});
}

// After a refusal or no answer the store says what stands, and the stage decides what follows from that.
void Scheduler::State::answered(ReadBackRun& read_back, const ReadAnswered& answer) {
  PendingRun& pending = read_back.pending;
  RunSlot* run = find_run(pending.run);
  if (run == nullptr) return;
  const domain::RunId id = pending.run;
  if (!answer.ok) {
    after(options.retry_store, [this, p = std::move(pending)]() mutable {
      answered(std::move(p), CommitAnswered{0, Outcome::Unknown, 0, {}, {}});
    });
    return;
  }
  const KeyValue* own = nullptr;
  std::string lock;
  for (const KeyValue& stands : answer.found) {
    if (stands.key == keys.running(self, id)) own = &stands;
    if (stands.key == keys.lock(id.firing.job)) lock = stands.value;
  }
  if (run->stage == Stage::Removing) {
    if (own == nullptr) return run_written(*run, pending, answer.revision);
    run->text = own->value;
    if (const auto stands = decode_running(own->value); stands && stands->phase != Phase::Ended) {
      // An older state, in which it has not ended: it ends there too, with its lock.
      run->entry.incarnation = stands->incarnation;
      run->entry.safe_after = stands->safe_after;
      run->entry.locked = stands->locked && lock == lock_value(self, *stands);
      run->entry.final = run->former = true;
      set_stage(*run, Stage::Ending);
    }
    return try_again(id);
  }
  if (own != nullptr && own->value == encode(pending.entry)) return run_written(*run, pending, own->modified);
  if (own == nullptr && run->lost_key) {
    run->text.clear();
    if (run->stage == Stage::Ending && !run->followed) run->entry.final = true;  // no attempt crosses that moment
    return try_again(id);
  }
  if (own == nullptr) {
    // Taken over while we were out of contact: another node settles the key. What we know is recorded all the same,
    // and the first record stands (rule 10); of a run that did not begin here we know nothing.
    run->key_gone = true;
    run->entry.locked = false;
    const bool set_back = obstacles.store_set_back || run->entry.claimed_at <= restored_at;
    if (set_back && id.attempt > 1 && !run->executed) {
      // The store forgot it, so nobody else has it; the history waits for the attempt that the one before announced.
      run->entry.phase = Phase::Ended;
      run->entry.end = unstarted(RunStatus::Missed, Reason::Restored, {});
      run->entry.final = true;
      return record(*run);
    }
    if (run->stage == Stage::Ending && run->executed) {
      freed_own = false;                                        // its lock stands there as that of an earlier life
      if (set_back && !run->followed) run->entry.final = true;  // the attempt that was to follow found no place
      // Not final stays not final: our retry may have been applied before the key went. Where it was not, whoever
      // settles the key finds that an attempt must follow; or nobody, if the store was set back and we learn of it only
      // later.
      if (!run->entry.final) announced({id.firing, id.attempt + 1}, run->entry);
      set_stage(*run, Stage::Recording);
      return record(*run);
    }
    if (run->stage == Stage::Moving && run->executed) return set_stage(*run, Stage::Running);
    if (run->stage == Stage::Running) return;  // it goes on, and can still be killed
    if (id.attempt > 1 && !run->executed) announced(id, run->entry);
    return erase(id);
  }
  run->text = own->value;
  if (const auto stands = decode_running(own->value)) {
    if (run->stage == Stage::Ending && stands->phase == Phase::Ended && !(run->followed && stands->final)) {
      // An earlier try was applied after all, perhaps by an older document's rules: the verdict that stands is the
      // verdict, and so is the attempt that it named; our own list finds that one.
      run->entry = *stands;
      if (!stands->final) relist();
      record(*run);
      if (lock != lock_value(self, *stands)) lock_freed(id.firing.job);
      return;
    }
    run->entry.incarnation = stands->incarnation;
    // An earlier try to begin was applied after all: that was the one.
    if (run->stage == Stage::Beginning && stands->phase == Phase::Claimed && stands->token == pending.entry.token) {
      pending.entry = *stands;
      return run_written(*run, pending, own->modified);
    }
  }
  const bool lock_is_ours = run->entry.locked && lock == lock_value(self, run->entry);
  if (run->stage == Stage::Ending && !lock_is_ours && run->entry.locked) run->entry.locked = false;
  try_again(id);
}

// The history has been told that this attempt follows, and its key is gone: taken over by another node, as a rule.
void Scheduler::State::announced(const domain::RunId& id, RunningEntry entry) {
  entry.run = id;
  unfollowed.insert_or_assign(id, std::move(entry));
  after(kUnfollowedFor, [this, id] {
    if (!obstacles.store_set_back) unfollowed.erase(id);
  });
}

void Scheduler::State::try_again(const domain::RunId& id) {
  after(options.retry_store, [this, id] {
    RunSlot* again = find_run(id);
    if (again == nullptr) return;
    switch (again->stage) {
      case Stage::Ending: return write_end(*again);
      case Stage::Beginning: return begin_attempt(*again);
      case Stage::Moving: return settle(*again);
      case Stage::Removing: return remove(*again);
      case Stage::Running:
      case Stage::Recording: return again->lost_key ? put_key_again(*again) : void();
      default: return;
    }
  });
}

void Scheduler::State::run_written(RunSlot& run, const PendingRun& pending, Revision revision) {
  const domain::RunId id = pending.run;
  run.lost_key = false;
  switch (run.stage) {
    case Stage::Ending: {
      run.text = encode(pending.entry);
      if (pending.entry.phase != Phase::Ended) {  // it moved to a new incarnation; its end is refused and tried again
        run.entry.incarnation = pending.entry.incarnation;
        return;
      }
      const bool freed = pending.entry.locked && !(pending.next && pending.next->locked);
      if (pending.next && !known(pending.next->run)) {
        RunSlot& next = add_run(*pending.next);
        next.entry.fence = revision;
        next.job = find_slot(id.firing.job) ? find_slot(id.firing.job)->job : run.job;
        if (JobSlot* slot = find_slot(id.firing.job); slot != nullptr && next.entry.locked) set_lock(*slot, next.entry);
        next.entry.phase == Phase::Ended ? record(next) : wait_for_attempt(next);
      }
      record(*find_run(id));
      if (freed) lock_freed(id.firing.job);
      return;
    }
    case Stage::Beginning: {
      run.text = encode(pending.entry);
      run.entry = pending.entry;
      if (run.entry.phase == Phase::Waiting) return;  // it moved to a new incarnation; its begin is answered next
      run.confirmed = pending.sent_at;
      run.start_limit = run.entry.claimed_at + run.job->job->timing->start_deadline;
      return begin(run);
    }
    case Stage::Moving: {
      run.text = encode(pending.entry);
      run.entry = pending.entry;
      if (run.executed) return set_stage(run, Stage::Running);
      return settle(run);
    }
    case Stage::Removing: {
      removed[id] = revision;
      if (run.spooled) {
        run.spooled = false;
        run.key_gone = true;
        return record(run);
      }
      emit(Forget{id});
      return erase(id);
    }
    case Stage::Running:  // it moved to a new incarnation meanwhile
    case Stage::Waiting:
      run.text = encode(pending.entry);
      run.entry = pending.entry;
      return extend_fence(run);
    case Stage::Recording:
      run.text = encode(pending.entry);
      run.entry.incarnation = pending.entry.incarnation;
      return;
    default: return;
  }
}

void Scheduler::State::erase(const domain::RunId& id) {
  RunSlot* run = find_run(id);
  if (run == nullptr) return;
  const bool freed = run->entry.locked && run->active();
  set_stage(*run, Stage::Removing);  // no longer counted
  runs.erase(id);
  if (freed) lock_freed(id.firing.job);
}

void Scheduler::State::lock_freed(const JobName& job) {
  JobSlot* slot = find_slot(job);
  if (slot == nullptr) return;
  slot->lock.reset();
  look_now(*slot);
  for (auto& [id, trigger] : triggers) {
    if (trigger.entry.job == job) decide(trigger);
  }
}

}  // namespace cronfleet::core
