// What people ask for: run now, and kill. Both are durable intents that stay until they are acted on (REL-18).
#include "core/scheduler_state.h"

namespace cronfleet::core {
namespace {

using domain::Reason;
using domain::RunStatus;
using Stage = RunSlot::Stage;

// How long after its time is over a run-now that others should have taken is left to them.
constexpr std::chrono::seconds kForOthers{2};

}  // namespace

void Scheduler::State::on(const TriggerSeen& seen) {
  TriggerSlot& slot = triggers[seen.entry.id];
  if (slot.text == seen.text) return;
  slot.entry = seen.entry;
  slot.text = seen.text;
  slot.first_seen = now.mono;
  decide(slot);
}

void Scheduler::State::on(const TriggerGone& gone) { triggers.erase(gone.id); }

RunningEntry Scheduler::State::trigger_entry(const TriggerSlot& slot) {
  RunningEntry entry;
  entry.run = {domain::Firing{slot.entry.job, slot.entry.id}, 1};
  entry.incarnation = incarnation;
  entry.token = Token(tokens.token());
  entry.scheduled_at = slot.entry.requested_at;
  entry.claimed_at = now.wall;
  entry.trigger = domain::Trigger::Manual;
  entry.triggered_by = slot.entry.actor;
  entry.reason_text = slot.entry.reason;
  entry.parameters = slot.entry.parameters;
  return entry;
}

void Scheduler::State::decide(TriggerSlot& slot) {
  if (slot.busy != 0 || !claiming()) return;
  const domain::RequestId id = slot.entry.id;
  const auto again = [this, id](std::chrono::microseconds delay) {
    after(std::chrono::ceil<std::chrono::milliseconds>(delay), [this, id] {
      const auto found = triggers.find(id);
      if (found != triggers.end()) decide(found->second);
    });
  };
  // Perhaps it was run before the store was set back (rule 30); then the history's record stands.
  if (slot.entry.requested_at <= restored_at)
    return trigger_verdict(slot, RunStatus::Missed, Reason::Restored, "asked for before the store was set back");
  JobSlot* job = find_slot(slot.entry.job);
  const bool known = job != nullptr && job->claimable();
  const WallTime over =
      slot.entry.requested_at + (known ? job->job->job->timing->start_deadline : domain::Timing().start_deadline);
  Fleet::Standing standing;
  if (known) standing = fleet.standing(id.text(), *job->job);
  const bool chosen = !slot.entry.worker.empty();
  if (chosen ? slot.entry.worker != self.text() : !standing.eligible) {
    // It is for others. What they do not take in its time gets its verdict from whoever is there.
    const WallTime turn = over + kForOthers + rank_delay(fleet.rank(id.text()));
    if (now.wall < turn) return again(turn - now.wall);
    return trigger_verdict(slot, RunStatus::Missed, Reason::NoEligibleWorker,
                           chosen ? fmt::format("worker '{}' did not take it in time", slot.entry.worker)
                                  : "no worker that may run the job took it in time");
  }
  if (!chosen) {
    const MonoTime turn = slot.first_seen + rank_delay(known ? standing.rank : fleet.rank(id.text()));
    if (now.mono < turn) return again(std::chrono::ceil<std::chrono::microseconds>(turn - now.mono));
  }
  if (job == nullptr || !job->exists) {
    // Perhaps its document is still on its way to us.
    if (now.mono < slot.first_seen + std::chrono::seconds(2)) return again(options.takeover_delay);
    return trigger_verdict(slot, RunStatus::Refused, Reason::Disabled, "no such job");
  }
  if (!job->job) return trigger_verdict(slot, RunStatus::Refused, Reason::None, job->why_refused());
  const domain::Job& policy = *job->job->job;
  if (now.wall > over) return trigger_verdict(slot, RunStatus::Missed, Reason::Late, {});
  if (!standing.eligible) {
    if (!fleet.sees_self()) return again(options.takeover_delay);  // nor are our labels known
    return trigger_verdict(slot, RunStatus::Refused, Reason::NoEligibleWorker, missing_labels(policy));
  }
  if (!has_room()) return again(options.takeover_delay);

  const bool locks = policy.overlap.fenced();
  if (locks && job->lock && !job->lock->free_after_death) {
    switch (policy.overlap.mode) {
      case domain::Overlap::Mode::Queue: return again(options.lock_poll);
      case domain::Overlap::Mode::Replace:
        if (RunSlot* run = find_run(job->lock->run))
          kill_run(*run, Kill{job->lock->run, RunStatus::Killed, Reason::Replaced, slot.entry.actor, {}});
        return again(options.lock_poll);
      default: break;  // the store says whether it still stands
    }
  }
  RunningEntry entry = trigger_entry(slot);
  entry.job_revision = job->revision;
  entry.locked = locks;
  entry.safe_after = domain::next_firing(*job->job, now.wall).value_or(from_ms(7'258'118'400'000));
  FiringRow lock{.job = slot.entry.job, .token = {}, .lock = locks ? FiringRow::Lock::Absent : FiringRow::Lock::Free};
  slot.busy = commit(trigger_row(actor(), slot.entry, slot.text, job->revision, entry, lock),
                     PendingTrigger{id, entry, now.mono, slot.entry.requested_at + policy.timing->start_deadline});
}

// Ends a run-now without a run.
void Scheduler::State::trigger_verdict(TriggerSlot& slot, RunStatus status, Reason reason, std::string error) {
  RunningEntry entry = trigger_entry(slot);
  entry.phase = Phase::Ended;
  entry.end = unstarted(status, reason, std::move(error));
  const FiringRow no_lock{.job = slot.entry.job, .token = {}};
  slot.busy = commit(trigger_row(actor(), slot.entry, slot.text, {}, entry, no_lock),
                     PendingTrigger{slot.entry.id, entry, now.mono, now.wall});
}

void Scheduler::State::answered(PendingTrigger pending, const CommitAnswered& answer) {
  const auto found = triggers.find(pending.id);
  if (answer.outcome == Outcome::Committed) return trigger_done(pending, answer.revision);
  if (answer.outcome == Outcome::Unknown) {
    std::vector<std::string> wanted{keys.trigger(pending.id), keys.running(self, pending.entry.run)};
    read(std::move(wanted), ReadBackTrigger{std::move(pending)});
    return;
  }
  if (found == triggers.end()) return;  // somebody else has it
  TriggerSlot& slot = found->second;
  slot.busy = 0;
  bool stands = false;
  bool locked = false;
  for (const KeyValue& entry : answer.found) {
    if (entry.key == keys.trigger(pending.id)) stands = true;
    if (entry.key == keys.lock(slot.entry.job)) locked = true;
  }
  if (!stands) {
    triggers.erase(found);
    return;
  }
  const JobSlot* job = find_slot(slot.entry.job);
  const bool forbids = job != nullptr && job->job && job->job->job->overlap.mode == domain::Overlap::Mode::Forbid;
  if (locked && forbids) return trigger_verdict(slot, RunStatus::Skipped, Reason::Overlap, {});
  const domain::RequestId id = pending.id;
  after(options.retry_store, [this, id] {
    const auto again = triggers.find(id);
    if (again != triggers.end()) decide(again->second);
  });
}

void Scheduler::State::answered(ReadBackTrigger& read_back, const ReadAnswered& answer) {
  PendingTrigger& pending = read_back.pending;
  if (!answer.ok) {
    after(options.retry_store, [this, p = std::move(pending)]() mutable {
      answered(std::move(p), CommitAnswered{0, Outcome::Unknown, 0, {}, {}});
    });
    return;
  }
  for (const KeyValue& stands : answer.found) {
    if (stands.key == keys.running(self, pending.entry.run) && stands.value == encode(pending.entry))
      return trigger_done(pending, stands.modified);
  }
  const auto found = triggers.find(pending.id);
  if (found == triggers.end()) return;
  found->second.busy = 0;
  const domain::RequestId id = pending.id;
  after(options.retry_store, [this, id] {
    const auto again = triggers.find(id);
    if (again != triggers.end()) decide(again->second);
  });
}

void Scheduler::State::trigger_done(const PendingTrigger& pending, Revision fence) {
  triggers.erase(pending.id);
  if (known(pending.entry.run)) return;  // our own list showed it before the answer came
  RunSlot& run = add_run(pending.entry);
  run.entry.fence = fence;
  JobSlot* slot = find_slot(pending.entry.run.firing.job);
  if (slot != nullptr) run.job = slot->job;
  if (run.entry.phase == Phase::Ended) return record(run);
  if (slot != nullptr && run.entry.locked) set_lock(*slot, run.entry);
  run.confirmed = pending.sent_at;
  run.start_limit = pending.start_limit;
  begin(run);
}

void Scheduler::State::on(const KillSeen& seen) {
  const auto order = [&](RunSlot& run) {
    if (seen.run) run.kill_order = true;
    kill_run(run, Kill{run.entry.run, RunStatus::Killed, Reason::None, seen.entry.actor, seen.entry.grace});
  };
  if (!seen.run) return each_run_of(seen.job, order);
  kill_orders[seen.key] = {seen.entry};
  if (RunSlot* run = find_run(*seen.run)) order(*run);
}

void Scheduler::State::kill_run(RunSlot& run, Kill order) {
  switch (run.stage) {
    case Stage::Starting:  // the executor withdraws it, or ends it as soon as it has started
    case Stage::Running:
      run.killing = order;
      emit(std::move(order));
      return;
    case Stage::Confirming:
    case Stage::Restarting:
    case Stage::Waiting:
      run.killing = std::move(order);
      return end_unstarted(run, RunStatus::Killed, run.killing->reason, {});
    case Stage::Beginning:
    case Stage::Moving: run.killing = std::move(order); return;  // begin() sees it
    case Stage::Ending:
    case Stage::Spooling:
    case Stage::Recording:
    case Stage::Removing: return;  // it is over
  }
}

}  // namespace cronfleet::core
