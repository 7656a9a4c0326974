// Documents that somebody put or removed by hand, and the firings that older versions of a job still owe.
#include "core/scheduler_state.h"

namespace cronfleet::core {

using domain::Reason;
using domain::RunStatus;

// ---- jobs put or removed by hand ------------------------------------------------------------------------------------

void Scheduler::State::adopt_or_close(JobSlot& slot) {
  if (!slot.exists && !slot.marker && !slot.adopted().job) return;  // never had a marker: nothing to close
  slot.busy = read(job_state_keys(keys, slot.name), ReadForEdit{slot.index});
}

void Scheduler::State::answered(const ReadForEdit& read, const ReadAnswered& answer) {
  JobSlot& slot = slots[read.index];
  slot.busy = 0;
  if (!answer.ok) return look_again(slot, now.wall + options.retry_store);
  const JobState stands = job_state(keys, slot.name, answer.found);
  if (stands.marker) set_marker(slot, stands.marker->value);
  if (slot.exists) {
    // The document moved on: its own event is on the way and looks again.
    if (!stands.document || stands.document->modified != slot.revision)
      return look_again(slot, now.wall + options.retry_store);
    // A save came meanwhile: what stands now has its stamp, and a since that must not move.
    if (!slot.job || domain::has_valid_stamp(*slot.job->job)) return look_now(slot);
    std::optional<domain::Job> before;
    if (const auto adopted = slot.adopted(); adopted.job && adopted.revision < slot.revision)
      before = *adopted.job->job;
    Edit edit = adopt(keys, stands, before, *slot.job->job, now.wall, rules);
    slot.busy = commit(std::move(edit.txn), PendingEdit{slot.index});
    return;
  }
  if (stands.document || !stands.marker) return;  // it is back, or has nothing to close
  if (slot.marker_closed) return;
  const JobSlot::Version adopted = slot.adopted();
  const std::optional<domain::Job> last = adopted.job ? std::optional(*adopted.job->job) : std::nullopt;
  Txn txn = close_deleted(keys, slot.name, stands, last, adopted.revision, now.wall, rules);
  slot.busy = commit(std::move(txn), PendingEdit{slot.index});
}

void Scheduler::State::answered(const PendingEdit& pending, const CommitAnswered& answer) {
  JobSlot& slot = slots[pending.index];
  slot.busy = 0;
  // An adoption comes back as a JobSeen; a closing is seen by reading again. Either way the store says what is next.
  if (answer.outcome == Outcome::Committed && !slot.exists) slot.marker_closed = true;
  look_again(slot, now.wall + options.retry_store);
}

// ---- accounts -------------------------------------------------------------------------------------------------------

void Scheduler::State::on(const AccountSeen& seen) {
  AccountSlot& slot = accounts[seen.key];
  slot.seen = seen;
  settle_account(seen.key);
}

// Records what an older version of a job still owed (rule 4); in steps, where that is much.
void Scheduler::State::settle_account(const std::string& key) {
  const auto found = accounts.find(key);
  if (found == accounts.end() || found->second.busy != 0 || !claiming()) return;
  AccountSlot& slot = found->second;
  if (const auto delay = rank_delay(fleet.rank(key)); delay.count() > 0 && !slot.own_turn) {
    // Another worker goes first; when the key still stands after the delay we try as well, and the store decides.
    slot.own_turn = true;
    after(delay, [this, key] { settle_account(key); });
    return;
  }
  const AccountSeen& seen = slot.seen;
  if (!seen.job) {
    emit(Alarm{"account of an unreadable document is dropped", key});
    slot.busy = commit(account_row(actor(), key, seen.text, {}, {}), PendingAccount{key, {}});
    return;
  }
  const domain::CompiledJob& job = *seen.job;
  const auto first = domain::next_firing(job, rules.account_holds_range ? seen.entry.from : seen.entry.to);
  if (!first || *first > seen.entry.to) {
    slot.busy = commit(account_row(actor(), key, seen.text, {}, {}), PendingAccount{key, {}});
    return;
  }
  Range range{*first, *first, 1, job.job->schedule, *job.job->time_zone};
  while (range.count < kPassedMax) {
    const auto next = domain::next_firing(job, range.to);
    if (!next || *next > seen.entry.to) break;
    range.to = *next;
    ++range.count;
  }
  RunningEntry passed;
  passed.run = {domain::Firing{job.job->name, range.to}, 1};
  passed.incarnation = incarnation;
  passed.token = Token(tokens.token());
  passed.scheduled_at = range.to;
  passed.claimed_at = now.wall;
  passed.phase = Phase::Ended;
  passed.end.status = RunStatus::Missed;
  passed.end.reason = Reason::Edited;
  passed.end.started_at = now.wall;
  passed.end.ended_at = now.wall;
  if (range.count > 1) passed.range = range;
  std::optional<AccountEntry> rest;
  const auto next = domain::next_firing(job, range.to);
  if (next && *next <= seen.entry.to) rest = AccountEntry{seen.entry.document, range.to, seen.entry.to};
  slot.busy = commit(account_row(actor(), key, seen.text, rest, passed), PendingAccount{key, passed});
}

void Scheduler::State::answered(const PendingAccount& pending, const CommitAnswered& answer) {
  const auto found = accounts.find(pending.key);
  if (answer.outcome == Outcome::Committed && pending.passed) {
    RunSlot& run = add_run(*pending.passed);
    run.entry.fence = answer.revision;
    record(run);
  }
  // Unknown: our own list finds what was written (rule 6). Refused: another worker did it, unless the key stands as it
  // did; then it was our hold that had gone.
  const bool stands =
      found != accounts.end() && std::any_of(answer.found.begin(), answer.found.end(), [&](const KeyValue& entry) {
        return entry.key == pending.key && entry.value == found->second.seen.text;
      });
  if (answer.outcome == Outcome::Unknown) relist();
  if (answer.outcome == Outcome::Unknown || (answer.outcome == Outcome::Refused && stands)) {
    if (found != accounts.end()) {
      const std::string key = pending.key;
      after(options.retry_store, [this, key] {
        const auto again = accounts.find(key);
        if (again == accounts.end()) return;
        again->second.busy = 0;
        settle_account(key);
      });
    }
    return;
  }
  // What is left of it comes as another AccountSeen.
  if (found != accounts.end()) accounts.erase(found);
}

}  // namespace cronfleet::core
