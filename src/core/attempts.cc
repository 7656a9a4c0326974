// The next attempt at a firing: whether there is one, its wait, its beginning.
#include <algorithm>
#include <cmath>

#include "core/scheduler_state.h"

namespace cronfleet::core {
namespace {

using domain::Reason;
using domain::RunStatus;
using Stage = RunSlot::Stage;

// How long attempt `attempt` of a job waits after the end of the one before it (retry).
std::chrono::milliseconds retry_delay(const domain::Job& job, int attempt) {
  double delay = static_cast<double>(job.retry->delay.count());
  for (int i = 2; i < attempt; ++i) delay *= job.retry->factor;
  delay = std::min(delay, static_cast<double>(job.retry->delay_max.count()));
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::llround(delay)));
}

// The run was lost with its worker: a further attempt is not for its own failure, but for the delivery.
bool lost_with_worker(const domain::RunEnd& end) {
  return end.status == RunStatus::Lost || end.reason == Reason::Fenced || end.reason == Reason::WorkerDied;
}

}  // namespace

bool Scheduler::State::next_attempt_allowed(const RunSlot& run, const domain::RunEnd& end) const {
  const auto index = index_of(run.entry.run.firing.job);
  if (!index || run.entry.range || run.former) return false;
  const JobSlot& slot = slots[*index];
  if (!slot.claimable() || !slot.job->job->enabled || run.entry.run.attempt >= slot.job->job->attempts_max())
    return false;
  if (!fleet.admits_self(*slot.job)) return false;
  const domain::Job& job = *slot.job->job;
  if (lost_with_worker(end)) return job.delivery.mode == domain::Delivery::Mode::AtLeastOnce;
  if (run.entry.run.attempt > job.retry->count) return false;
  switch (end.status) {
    case RunStatus::Failed: {
      const auto& codes = job.retry->exit_codes;
      return codes.empty() || (end.exit_code && std::find(codes.begin(), codes.end(), *end.exit_code) != codes.end());
    }
    case RunStatus::Signalled:
    case RunStatus::TimedOut: return job.retry->exit_codes.empty();
    case RunStatus::Refused: return end.reason == Reason::SpawnFailed && job.retry->exit_codes.empty();
    default: return false;
  }
}

// The entry of the attempt that follows `run`, with what both ways to it have in common.
RunningEntry Scheduler::State::following(const RunSlot& run) {
  RunningEntry next;
  next.run = {run.entry.run.firing, run.entry.run.attempt + 1};
  next.incarnation = incarnation;
  next.token = Token(tokens.token());
  next.scheduled_at = run.entry.scheduled_at;
  next.claimed_at = now.wall;
  next.triggered_by = run.entry.triggered_by;
  return next;
}

void Scheduler::State::retry(RunSlot& run) {
  if (!next_attempt_allowed(run, run.entry.end)) {
    if (run.followed) return follow_with_skip(run);
    run.entry.final = true;
    return write_end(run);
  }
  const JobSlot& slot = *find_slot(run.entry.run.firing.job);
  const domain::Job& job = *slot.job->job;
  set_stage(run, Stage::Ending);
  RunningEntry next = following(run);
  next.phase = Phase::Waiting;
  next.job_revision = slot.revision;
  next.fence = 0;  // the revision of the write that makes it: it grows with every attempt
  next.safe_after = run.entry.safe_after;
  next.locked = run.entry.locked;
  const bool redelivery = lost_with_worker(run.entry.end);
  next.trigger = redelivery ? domain::Trigger::Redelivery : domain::Trigger::Retry;
  next.parameters = run.entry.parameters;
  next.not_before = now.wall + (redelivery ? std::chrono::milliseconds(0) : retry_delay(job, next.run.attempt));
  std::optional<std::string> lock;
  if (run.entry.locked) lock = lock_value(self, run.entry);
  Txn txn = retry_row(actor(), run.text, run.entry, next, slot.revision, lock);
  commit(std::move(txn), PendingRun{run.entry.run, run.entry, std::move(next), now.mono});
}

// The job went, or asks for no more attempts, after the history was told that one follows: it follows as skipped.
void Scheduler::State::follow_with_skip(RunSlot& run) {
  set_stage(run, Stage::Ending);
  RunningEntry next = following(run);
  next.phase = Phase::Ended;
  next.job_revision = run.entry.job_revision;
  next.trigger = domain::Trigger::Redelivery;
  const bool restored = run.entry.end.reason == Reason::Restored;
  next.end =
      unstarted(restored ? RunStatus::Missed : RunStatus::Skipped, restored ? Reason::Restored : Reason::Disabled, {});
  std::optional<std::string> own_lock;
  if (run.entry.locked) own_lock = lock_value(self, run.entry);
  Txn txn = end_row(actor(), run.text, run.entry, own_lock);
  txn.writes.push_back({keys.running(self, next.run), encode(next)});
  commit(std::move(txn), PendingRun{run.entry.run, run.entry, std::move(next), now.mono});
}

void Scheduler::State::wait_for_attempt(RunSlot& run) {
  set_stage(run, Stage::Waiting);
  const domain::RunId id = run.entry.run;
  // Never longer than the delay that was asked for, whatever clock wrote the moment down and whatever ours says now.
  const std::chrono::microseconds most =
      run.job ? retry_delay(*run.job->job, id.attempt) : std::chrono::microseconds(0);
  auto delay = std::clamp<std::chrono::microseconds>(run.entry.not_before - now.wall, {}, most);
  // One that follows a claim made ahead waits for their instant too.
  if (run.job && id.firing.scheduled()) {
    const auto ahead = start_of(*run.job, run.entry.scheduled_at) - now.wall;
    delay = std::max(delay, std::min<std::chrono::microseconds>(ahead, options.claim_lead_max));
  }
  begin_attempt_after(std::chrono::ceil<std::chrono::milliseconds>(delay), id);
}

void Scheduler::State::begin_attempt_after(std::chrono::milliseconds delay, const domain::RunId& id) {
  after(delay, [this, id] {
    RunSlot* waiting = find_run(id);
    if (waiting != nullptr && waiting->stage == Stage::Waiting) begin_attempt(*waiting);
  });
}

// The retry delay is over: waiting → claimed, under the newest document, then it starts like any other.
void Scheduler::State::begin_attempt(RunSlot& run) {
  const domain::RunId id = run.entry.run;
  const JobSlot* slot = find_slot(id.firing.job);
  if (slot == nullptr || !slot->claimable() || !slot->job->job->enabled)  // no further attempt (rule 23)
    return end_unstarted(run, RunStatus::Skipped, Reason::Disabled, {});
  const bool admitted = fleet.admits_self(*slot->job);
  if (!admitted && fleet.sees_self())
    return end_unstarted(run, RunStatus::Missed, Reason::NoEligibleWorker, missing_labels(*slot->job->job));
  if (!going_on() || !admitted) {
    set_stage(run, Stage::Waiting);
    return begin_attempt_after(options.retry_store, id);
  }
  set_stage(run, Stage::Beginning);
  run.job = slot->job;
  RunningEntry entry = run.entry;
  entry.phase = Phase::Claimed;
  entry.job_revision = slot->revision;
  entry.claimed_at = now.wall;
  entry.incarnation = incarnation;
  entry.safe_after = std::max(entry.safe_after, domain::next_firing(*slot->job, now.wall).value_or(entry.safe_after));
  std::optional<std::string> lock;
  if (entry.locked) lock = lock_value(self, run.entry);
  Txn txn;
  if (slot->job->job->overlap.fenced() && !entry.locked) {  // taken over without its lock: it waits for it
    entry.locked = true;
    txn = rewrite_row(actor(), run.text, entry, slot->revision, {});
    const std::string key = keys.lock(id.firing.job);
    txn.expected.push_back({.key = key, .kind = Condition::Kind::Absent});
    txn.writes.push_back({key, lock_value(self, entry)});
    txn.read_if_refused.push_back(key);
  } else {
    txn = rewrite_row(actor(), run.text, entry, slot->revision, lock);
  }
  commit(std::move(txn), PendingRun{id, entry, {}, now.mono});
}

}  // namespace cronfleet::core
