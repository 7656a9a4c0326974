// Due jobs: what each owes (plan.h), the claim, and what a refusal teaches.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/scheduler_state.h"

namespace cronfleet::core {
namespace {

// Claims that are found not to have been applied, so shortly after one another, are more than one lost answer.
constexpr std::chrono::seconds kUnknownAgain{1};
constexpr WallTime kNever = from_ms(7'258'118'400'000);  // 2200: a lock of a job without a next instant

void apply(RunningEntry& entry, domain::RunStatus status, domain::Reason reason, WallTime at) {
  entry.phase = Phase::Ended;
  entry.end.status = status;
  entry.end.reason = reason;
  entry.end.started_at = at;
  entry.end.ended_at = at;
}

}  // namespace

void Scheduler::State::on_due(JobSlot& slot) {
  if (slot.busy != 0) return;  // its answer looks again
  if (!claiming()) {
    parked.insert(slot.index);
    return;
  }
  const bool stamped = slot.job && (domain::has_valid_stamp(*slot.job->job) || !rules.require_stamp);
  if (slot.exists ? (slot.job != nullptr && !stamped) : !slot.marker_closed) return adopt_or_close(slot);
  if (slot.claimable()) decide(slot);
}

// What stands of the job; then it is decided again.
void Scheduler::State::ask_store(JobSlot& slot) {
  slot.busy = read({keys.marker(slot.name), keys.job(slot.name), keys.lock(slot.name)}, ReadJob{slot.index});
}

void Scheduler::State::decide(JobSlot& slot) {
  const Fleet::Standing& standing = standing_of(slot);
  if (!standing.eligible && !slot.looked && slot.accounted + slot.job->job->timing->catch_up_window < now.wall)
    return ask_store(slot);  // long not looked at: others have moved the marker on, and what they did is not counted
  Forgotten restored{restored_at, {}};
  if (const auto found = in_hand.find(slot.name); found != in_hand.end()) restored.in_hand = found->second;
  const Plan next = plan(*slot.job, slot.accounted, now.wall, now.wall + lead, restored);
  if (next.action == Plan::Action::Never) return;
  if (!standing.eligible) return leave_to_others(slot, next);
  const auto delay = rank_delay(standing.rank);
  switch (next.action) {
    case Plan::Action::Wait: return delay.count() == 0 ? claim_at(slot, next.at) : look_again(slot, next.at + delay);
    default: break;
  }
  if (delay.count() > 0) {
    // Somebody else looks first. What is overdue anyway was overdue for all: only the delay from now would tell.
    const WallTime at = next.action == Plan::Action::Claim ? next.at + delay : now.wall;
    if (now.wall < at) return look_again(slot, at);
    if (!slot.looked) return ask_store(slot);
  }
  if (next.action == Plan::Action::Account) return write_off(slot, next.passed->range.to, next.passed);
  if (next.action == Plan::Action::Pass) return write_off(slot, next.instant, {});
  claim(slot, next);
}

const Fleet::Standing& Scheduler::State::standing_of(JobSlot& slot) {
  if (slot.standing_at != fleet.generation()) {
    slot.standing = fleet.standing(slot.name.text(), *slot.job);
    slot.standing_at = fleet.generation();
  }
  return slot.standing;
}

// The job may not run here, and its own workers see to its firings. One that no worker may run stays open, since one
// that may can come at any moment; when its time is over, whoever is there gives it its verdict.
void Scheduler::State::leave_to_others(JobSlot& slot, const Plan& plan) {
  not_ours.insert(slot.index);
  const auto delay = rank_delay(slot.standing.rank);
  if (plan.action == Plan::Action::Wait) {
    slot.looked = false;
    return look_again(slot, open_until(*slot.job->job, plan.at) + delay);
  }
  const WallTime over = open_until(*slot.job->job, plan.passed ? plan.passed->range.from : plan.instant) + delay;
  if (now.wall >= over) {
    if (!slot.looked) return ask_store(slot);
    if (!slot.standing.able && fleet.sees_self()) {
      if (plan.action == Plan::Action::Pass) return write_off(slot, plan.instant, {});
      if (plan.action == Plan::Action::Account) {
        Passed passed = *plan.passed;
        if (passed.reason == domain::Reason::Late) passed.reason = domain::Reason::NoEligibleWorker;
        return write_off(slot, passed.range.to, passed);
      }
    }
  }
  slot.looked = false;
  look_again(slot, std::max(now.wall, over) + options.open_poll);  // several that come due meanwhile go together
}

// Those who wait for a place get what has become free, the oldest first.
void Scheduler::State::give_places() {
  for (std::size_t most = starved.size(); most > 0 && !starved.empty() && has_room() && claiming(); --most) {
    JobSlot& slot = slots[starved.begin()->second];
    starved.erase(starved.begin());
    on_due(slot);
  }
}

// True when the lock keeps `plan` from being claimed now and something else was done about it.
bool Scheduler::State::wait_for_lock(JobSlot& slot, const Plan& plan) {
  const domain::Job& job = *slot.job->job;
  if (!job.overlap.fenced() || !slot.lock || slot.lock->free_after_death) return false;
  // Another node's lock whose holder may be dead: its hold tells (row "claim over a dead lock"), each time anew, since
  // one that died keeps its hold for a while.
  const bool foreign = slot.lock->incarnation != incarnation || find_run(slot.lock->run) == nullptr;
  if (foreign && now.mono >= slot.lock->alive_until && (now.wall >= slot.lock->safe_after || !rules.wait_safe_after)) {
    const std::string hold = keys.hold(slot.lock->node, slot.lock->incarnation);
    slot.busy = read({hold, keys.lock(slot.name), keys.marker(slot.name)}, ReadDeadLock{slot.index, hold});
    return true;
  }
  // A refusal during the lead is not a skip: the run may end before the instant (rule 19).
  if (now.wall < plan.at && rules.retry_at_instant) {
    look_again(slot, plan.at);
    return true;
  }
  const bool waits = job.overlap.mode == domain::Overlap::Mode::Queue ||
                     (job.misfire.mode == domain::Misfire::Mode::RunAll && (plan.catch_up || plan.more_due));
  if (job.overlap.mode == domain::Overlap::Mode::Replace) {
    if (!slot.replaced || *slot.replaced != slot.lock->run) {
      slot.replaced = slot.lock->run;
      if (RunSlot* run = find_run(slot.lock->run)) {
        kill_run(*run,
                 Kill{slot.lock->run, domain::RunStatus::Killed, domain::Reason::Replaced, "overlap replace", {}});
      } else {
        const std::string running = keys.running(slot.lock->node, slot.lock->run);
        commit({.expected = {{.key = running, .kind = Condition::Kind::Present}},
                .writes = {{keys.kill(slot.lock->run), encode(KillEntry{"overlap replace", "replaced", now.wall, {}})}},
                .read_if_refused = {}},
               PendingKill{slot.index});
      }
    }
  }
  if (waits || job.overlap.mode == domain::Overlap::Mode::Replace) {
    // An own run's end looks again by itself; of another node's lock the store is asked now and then.
    if (foreign && !slot.looked) {
      ask_store(slot);
      return true;
    }
    slot.looked = false;
    look_again(slot, now.wall + (foreign ? options.lock_poll : std::chrono::milliseconds(1000)));
    return true;
  }
  RunningEntry entry = claimed_entry(slot, plan.instant);
  entry.locked = false;
  apply(entry, domain::RunStatus::Skipped, domain::Reason::Overlap, now.wall);
  if (plan.passed && !slot.marker) {
    ask_store(slot);
    return true;
  }
  FiringRow row = row_to(slot, plan.instant, plan.passed);
  row.token = entry.token;
  row.entry = entry;
  row.lock = FiringRow::Lock::Present;
  slot.looked = false;
  slot.busy = commit(firing_row(actor(), row), PendingFiring{slot.index, row, now.mono, false});
  return true;
}

void Scheduler::State::claim(JobSlot& slot, const Plan& plan) {
  if (wait_for_lock(slot, plan)) return;
  const std::pair place{plan.at, slot.index};
  if (!has_room() || (!starved.empty() && *starved.begin() < place)) {
    starved.insert(place);  // another node takes it, or the next run that ends here makes room
    // Not all of ten thousand twice a second.
    const auto patience = options.takeover_delay + std::chrono::microseconds(100) * starved.size();
    return look_again(slot, std::max(now.wall, plan.at) + patience);
  }
  if (plan.passed && !slot.marker) return ask_store(slot);  // a gap is written over exactly what was read
  const bool locks = slot.job->job->overlap.fenced();
  RunningEntry entry = claimed_entry(slot, plan.instant);
  entry.locked = locks;
  if (plan.catch_up) entry.trigger = domain::Trigger::CatchUp;
  FiringRow row = row_to(slot, plan.instant, plan.passed);
  row.token = entry.token;
  row.entry = entry;
  row.lock = locks ? FiringRow::Lock::Absent : FiringRow::Lock::Free;
  if (locks && slot.lock && slot.lock->free_after_death) {
    row.lock = FiringRow::Lock::Dead;
    row.dead_lock = slot.lock->text;
    row.dead_hold = keys.hold(slot.lock->node, slot.lock->incarnation);
  }
  slot.looked = false;
  ++claims_under_way;
  slot.busy = commit(firing_row(actor(), row), PendingFiring{slot.index, row, now.mono, plan.catch_up});
}

// Moves the marker to `to`; what becomes of the instants before it is `passed`, if anything is still to be said of
// them.
void Scheduler::State::write_off(JobSlot& slot, WallTime to, const std::optional<Passed>& passed) {
  if (!slot.marker) return ask_store(slot);
  FiringRow row = row_to(slot, to, passed);
  row.token = Token(tokens.token());
  row.exact_marker = slot.marker.text();
  slot.looked = false;
  slot.busy = commit(firing_row(actor(), row), PendingFiring{slot.index, row, now.mono, false});
}

// Moves the marker to `to`. A gap is written over exactly what was read.
FiringRow Scheduler::State::row_to(const JobSlot& slot, WallTime to, const std::optional<Passed>& passed) {
  FiringRow row;
  row.job = slot.name;
  row.job_revision = slot.revision;
  row.accounted = slot.accounted;
  row.marker_to = to;
  if (passed) {
    row.passed = passed_entry(slot, *passed);
    row.exact_marker = slot.marker.text();
  }
  return row;
}

RunningEntry Scheduler::State::claimed_entry(const JobSlot& slot, WallTime instant) {
  RunningEntry entry;
  entry.run = {domain::Firing{slot.name, instant}, 1};
  entry.incarnation = incarnation;
  entry.token = Token(tokens.token());
  entry.job_revision = slot.revision;
  entry.scheduled_at = instant;
  entry.claimed_at = now.wall;
  entry.safe_after = domain::next_firing(*slot.job, instant).value_or(kNever);
  return entry;
}

RunningEntry Scheduler::State::passed_entry(const JobSlot& slot, const Passed& passed) {
  RunningEntry entry;
  entry.run = {domain::Firing{slot.name, passed.range.to}, 1};
  entry.incarnation = incarnation;
  entry.token = Token(tokens.token());
  entry.job_revision = slot.revision;
  entry.scheduled_at = passed.range.to;
  entry.claimed_at = now.wall;
  apply(entry, passed.status, passed.reason, now.wall);
  if (passed.range.count > 1) entry.range = passed.range;
  return entry;
}

void Scheduler::State::set_marker(JobSlot& slot, const std::string& text) {
  const auto marker = parse_marker(text);
  if (!marker) {
    emit(Alarm{"marker is not readable", keys.marker(slot.name)});
    return;
  }
  slot.marker.set(*marker, text);
  slot.marker_closed = marker->token == "closed";
  slot.accounted = std::max(slot.accounted, marker->instant);
  note_ahead(slot);
}

void Scheduler::State::note_ahead(const JobSlot& slot) {
  if (slot.accounted > now.wall + kMarkerAheadMax) {
    in_future.insert(slot.index);
  } else if (!in_future.empty()) {
    in_future.erase(slot.index);
  }
}

// A run of ours holds the job's lock.
void Scheduler::State::set_lock(JobSlot& slot, const RunningEntry& holder) {
  slot.lock = KnownLock{{holder.run, self, holder.incarnation, holder.safe_after}, lock_value(self, holder)};
}

// Takes in what the store says of a job: every read and every refusal brings marker and lock along.
// One that was read before the newest save says nothing of the marker: that save has set it.
void Scheduler::State::learn(JobSlot& slot, const std::vector<KeyValue>& found, Revision as_of, bool lock_read) {
  if (lock_read) slot.lock.reset();
  for (const KeyValue& entry : found) {
    if (entry.key == keys.marker(slot.name) && as_of >= slot.revision) set_marker(slot, entry.value);
    if (entry.key == keys.lock(slot.name)) {
      auto lock = decode_lock(entry.value);
      // Unreadable: held by nobody that can be asked. It counts as a lock until an operator removes it.
      slot.lock = KnownLock{lock ? std::move(*lock) : LockEntry{{}, {}, {}, WallTime::max()}, entry.value};
    }
  }
}

void Scheduler::State::answered(PendingFiring pending, const CommitAnswered& answer) {
  JobSlot& slot = slots[pending.index];
  slot.busy = 0;
  if (pending.row.entry && pending.row.entry->phase == Phase::Claimed) --claims_under_way;
  switch (answer.outcome) {
    case Outcome::Committed: return firing_done(pending, answer.revision);
    case Outcome::Refused: {
      const auto before = std::tuple(slot.marker.text(), slot.lock_text());
      learn(slot, answer.found, answer.revision, pending.row.lock != FiringRow::Lock::Free);
      // Nothing new: the job or the hold moved, and their own event is on its way.
      const bool taught =
          slot.accounted != pending.row.accounted || before != std::tuple(slot.marker.text(), slot.lock_text());
      taught ? look_now(slot) : look_again(slot, now.wall + options.retry_store);
      return;
    }
    case Outcome::Unknown: break;
  }
  if (!rules.read_back_unknown) return firing_done(pending, answer.revision);
  std::vector<std::string> wanted = keys_of(pending.row);
  slot.busy = read(std::move(wanted), ReadBackFiring{std::move(pending)});
}

void Scheduler::State::firing_done(const PendingFiring& pending, Revision fence) {
  JobSlot& slot = slots[pending.index];
  const FiringRow& row = pending.row;
  // After a late answer the marker may have moved on already.
  if (row.marker_to >= slot.accounted) set_marker(slot, Marker{row.marker_to, row.token.text()}.text());
  slot.replaced.reset();
  // What our own list showed before the answer came goes on as it is.
  if (row.passed && !known(row.passed->run)) {
    RunSlot& passed = add_run(*row.passed);
    passed.entry.fence = fence;
    record(passed);
  }
  if (row.entry && !known(row.entry->run)) {
    RunSlot& run = add_run(*row.entry);
    run.entry.fence = fence;
    run.job = slot.job;
    if (row.entry->locked) {
      set_lock(slot, *row.entry);
    }
    if (row.entry->phase == Phase::Ended) {
      record(run);
    } else {
      run.confirmed = pending.sent_at;
      if (slot.job) {  // else it went while we waited for the answer, and nothing starts
        const WallTime start_at = start_of(*slot.job, row.entry->scheduled_at);
        run.start_limit = (pending.catch_up ? row.entry->claimed_at : start_at) + slot.job->job->timing->start_deadline;
      }
      begin(run);
    }
  }
  look_now(slot);
}

void Scheduler::State::answered(const ReadJob& read, const ReadAnswered& answer) {
  JobSlot& slot = slots[read.index];
  slot.busy = 0;
  if (!answer.ok) return look_again(slot, now.wall + options.retry_store);
  learn(slot, answer.found, answer.revision, true);
  slot.looked = true;
  look_now(slot);
}

void Scheduler::State::answered(const ReadDeadLock& read, const ReadAnswered& answer) {
  JobSlot& slot = slots[read.index];
  slot.busy = 0;
  if (!answer.ok) return look_again(slot, now.wall + options.retry_store);
  const std::string asked = slot.lock_text();
  learn(slot, answer.found, answer.revision, true);
  const bool holder_alive =
      std::any_of(answer.found.begin(), answer.found.end(), [&](const KeyValue& e) { return e.key == read.hold; });
  if (slot.lock && slot.lock->text == asked) {
    if (!holder_alive) {
      slot.lock->free_after_death = true;
    } else {
      // It goes on past its next instant: an ordinary overlap, this time.
      slot.lock->alive_until = now.mono + options.lock_poll;
    }
  }
  slot.looked = true;
  look_now(slot);
}

// By which an unknown result is read back.
std::vector<std::string> Scheduler::State::keys_of(const FiringRow& row) const {
  std::vector<std::string> wanted{keys.marker(row.job), keys.job(row.job), keys.lock(row.job)};
  if (row.entry) wanted.push_back(keys.running(self, row.entry->run));
  if (row.passed) wanted.push_back(keys.running(self, row.passed->run));
  return wanted;
}

// An unknown result (rule 28): marker and running/ tell by token whether it was applied.
void Scheduler::State::answered(ReadBackFiring& read, const ReadAnswered& answer) {
  PendingFiring& pending = read.claim;
  JobSlot& slot = slots[pending.index];
  slot.busy = 0;
  if (!answer.ok) {
    // Still unknown. Nothing else may be done for this job until it is known.
    const DueQueue::Index index = pending.index;
    slot.busy = ++last_ticket;
    const Ticket ticket = slot.busy;
    std::vector<std::string> wanted = keys_of(pending.row);
    reads.emplace(ticket, std::move(read));
    after(options.retry_store, [this, index, ticket, wanted = std::move(wanted)] {
      if (slots[index].busy == ticket && reads.count(ticket) != 0) emit(Read{ticket, wanted, {}});
    });
    return;
  }
  const std::string ours = Marker{pending.row.marker_to, pending.row.token.text()}.text();
  const RunningEntry* entry = pending.row.entry    ? &*pending.row.entry
                              : pending.row.passed ? &*pending.row.passed
                                                   : nullptr;
  for (const KeyValue& stands : answer.found) {
    const bool by_marker = stands.key == keys.marker(slot.name) && stands.value == ours;
    const bool by_running =
        entry != nullptr && stands.key == keys.running(self, entry->run) && stands.value == encode(*entry);
    if (by_marker || by_running) {
      learn(slot, answer.found, answer.revision, true);
      return firing_done(pending, stands.modified);
    }
  }
  learn(slot, answer.found, answer.revision, true);
  relist();  // it may still be applied later (rule 6)
  // A store that is read and takes no writes, its disk full, is not asked again and again at once.
  const bool again = now.mono < std::exchange(unknown_at, now.mono) + kUnknownAgain;
  again ? look_again(slot, now.wall + options.retry_store) : look_now(slot);
}

}  // namespace cronfleet::core
