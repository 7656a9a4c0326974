// Own keys that earlier lives of this worker left, or that it takes along: after a crash, into a new incarnation, into
// a store that was set back.
#include <algorithm>
#include <utility>

#include "core/scheduler_state.h"

namespace cronfleet::core {
namespace {

using domain::Reason;
using domain::RunStatus;
using Stage = RunSlot::Stage;

// A list as of revision r may still show what was removed after r; how many removals are remembered.
constexpr std::size_t kRemovedMax = 100'000;
// Of running/, so that neither the store nor we hold more of it at once.
constexpr std::size_t kKeysAtOnce = 2'000;
// Of the first list, of which every key is unknown: what they and the journal say of a page is in memory before the
// history can say that it has no room.
constexpr std::size_t kRunsAtOnce = 100;

}  // namespace

// ---- own keys (rules 6, 8, 9) ---------------------------------------------------------------------------------------

void Scheduler::State::on(const Journalled& journalled) { journal[journalled.run] = journalled; }

std::size_t Scheduler::State::own_keys_at_once() const { return settled_own ? kKeysAtOnce : kRunsAtOnce; }

void Scheduler::State::relist() {
  if (relisting || !session_open || !caught_up) return;
  if (!rules.relist_running && settled_own) return;
  relisting = true;
  // The values of what we know are not asked for: with the history away there are very many.
  read_keys(keys.running(self), {}, own_keys_at_once(), ReadOwnKeys{});
}

// One list at a time is planned: a list asked for in between puts the regular one off.
void Scheduler::State::relist_after(std::chrono::milliseconds delay) {
  const std::uint64_t round = ++relist_round;
  after(delay, [this, round] {
    if (round == relist_round) relist();
  });
}

// Not answered, or an older state, of which what it shows may have gone on since.
bool Scheduler::State::relist_ends(const ReadAnswered& answer) {
  if (answer.ok && !obstacles.store_set_back) return false;
  relisting = false;
  relist_after(answer.ok ? options.relist_every : options.retry_store);
  return true;
}

void Scheduler::State::answered(const ReadOwnKeys& listed, const ReadAnswered& answer) {
  if (relist_ends(answer)) return;
  if (listed.after.empty()) relisted_at = answer.revision;
  std::vector<std::string> unknown;
  for (const KeyValue& stands : answer.found) {
    const std::string_view text = *after_prefix(stands.key, keys.running(self));
    if (on_shelf.contains(text)) continue;
    const auto run = domain::parse_run_id(text);
    if (!run) {
      emit(Alarm{"running key is not readable", stands.key});
      continue;
    }
    if (find_run(*run) != nullptr) continue;
    if (const auto gone = removed.find(*run); gone != removed.end() && stands.modified < gone->second) continue;
    unknown.push_back(stands.key);
  }
  const std::string last = answer.found.size() < own_keys_at_once() ? std::string() : answer.found.back().key;
  if (!unknown.empty()) {
    read(std::move(unknown), ReadOwnRunning{last});
  } else if (!last.empty()) {
    read_keys(keys.running(self), last, own_keys_at_once(), ReadOwnKeys{last});
  } else {
    relisted();
  }
}

void Scheduler::State::answered(const ReadOwnRunning& read, const ReadAnswered& answer) {
  if (relist_ends(answer)) return;
  for (const KeyValue& stands : answer.found) {
    const auto text = after_prefix(stands.key, keys.running(self));
    const auto entry = decode_running(stands.value);
    if (!text || !entry || entry->run.text() != *text) {
      emit(Alarm{"running key is not readable", stands.key});
      continue;
    }
    adopt_own(*entry, stands);
  }
  if (!read.last.empty())
    return void(read_keys(keys.running(self), read.last, own_keys_at_once(), ReadOwnKeys{read.last}));
  relisted();
}

// All pages have been seen.
void Scheduler::State::relisted() {
  relisting = false;
  relist_after(options.relist_every);
  // No page of the next list is older than the first of this one.
  for (auto it = removed.begin(); it != removed.end();)
    it = it->second <= relisted_at || removed.size() > kRemovedMax ? removed.erase(it) : std::next(it);
  if (!std::exchange(freed_own, true)) read_prefix(keys.locks(), ReadLocks{});
  if (settled_own) return;
  settled_own = true;
  for (const auto& [id, left] : journal) {
    // Its key is gone: it was recorded in its own life, or by who took it over.
    if (!known(id)) emit(Forget{id, true});
  }
  unpark();
}

// Where others recorded a run as lost before its worker came back, its lock was left to stand until safe_after; so it
// is where a store was set back to a state in which it stood. Whoever comes back has ended all that its earlier lives
// left, and knows what goes on: the other runs are over (rule 18), unless a claim was applied late, whose key stands.
void Scheduler::State::answered(const ReadLocks&, const ReadAnswered& answer) {
  if (!answer.ok) freed_own = false;  // with the next list
  for (const KeyValue& stands : answer.found) {
    const auto lock = decode_lock(stands.value);
    if (!lock || lock->node != self) continue;
    const RunSlot* run = find_run(lock->run);
    if (run != nullptr ? run->entry.locked || run->stage == Stage::Running : under_way(lock->run)) continue;
    commit(free_row(actor(), lock->run, stands), PendingFree{});
  }
}

// Refused: its key stands still, or the lock has changed hands since.
void Scheduler::State::answered(const PendingFree&, const CommitAnswered& answer) {
  if (answer.outcome != Outcome::Committed) freed_own = false;
}

// Whether the answer that makes a run of it is on its way.
bool Scheduler::State::under_way(const domain::RunId& id) const {
  for (const auto& [ticket, pending] : commits) {
    if (const auto* firing = std::get_if<PendingFiring>(&pending)) {
      if (firing->row.entry && firing->row.entry->run == id) return true;
      if (firing->row.passed && firing->row.passed->run == id) return true;
    } else if (const auto* trigger = std::get_if<PendingTrigger>(&pending)) {
      if (trigger->entry.run == id) return true;
    } else if (const auto* account = std::get_if<PendingAccount>(&pending)) {
      if (account->passed && account->passed->run == id) return true;
    } else if (const auto* run = std::get_if<PendingRun>(&pending)) {
      if (run->next && run->next->run == id) return true;
    } else if (const auto* moved = std::get_if<PendingTakeOver>(&pending)) {
      if (moved->entry.run == id) return true;
    }
  }
  for (const auto& [ticket, pending] : reads) {
    if (const auto* firing = std::get_if<ReadBackFiring>(&pending)) {
      if (firing->claim.row.entry && firing->claim.row.entry->run == id) return true;
      if (firing->claim.row.passed && firing->claim.row.passed->run == id) return true;
    } else if (const auto* run = std::get_if<ReadBackRun>(&pending)) {
      if (run->pending.next && run->pending.next->run == id) return true;
    } else if (const auto* trigger = std::get_if<ReadBackTrigger>(&pending)) {
      if (trigger->pending.entry.run == id) return true;
    }
  }
  return false;
}

// A key under our own node that no run of ours stands for.
void Scheduler::State::adopt_own(const RunningEntry& entry, const KeyValue& stands) {
  if (known(entry.run)) return;
  if (const auto gone = removed.find(entry.run); gone != removed.end() && stands.modified < gone->second) return;
  if (under_way(entry.run)) return;
  RunSlot& run = add_run(entry);
  run.former = entry.claimed_at <= restored_at;
  run.text = stands.value;
  if (run.entry.fence == 0) run.entry.fence = stands.created;
  if (JobSlot* slot = find_slot(entry.run.firing.job)) {
    run.job = slot->newest();
    if (entry.locked && entry.phase != Phase::Ended) set_lock(*slot, entry);
  }
  if (const auto order = kill_orders.find(keys.kill(entry.run)); order != kill_orders.end()) {
    run.kill_order = true;
    run.killing =
        Kill{entry.run, RunStatus::Killed, Reason::None, order->second.entry.actor, order->second.entry.grace};
  }
  const auto left = journal.find(entry.run);
  const bool executed = left != journal.end() && left->second.reached_exec;
  const bool this_life = entry.incarnation == incarnation;
  switch (entry.phase) {
    case Phase::Ended:
      if (left != journal.end()) journal.erase(left);  // the key says more
      return record(run);
    case Phase::Waiting:
      if (run.former) return end_unstarted(run, RunStatus::Missed, Reason::Restored, {});
      return run.job ? wait_for_attempt(run) : end_unstarted(run, RunStatus::Skipped, Reason::Disabled, {});
    case Phase::Claimed:
      // Of before the store was set back: whether it has run since, the history knows (rule 30).
      if (run.former && !executed) return end_unstarted(run, RunStatus::Missed, Reason::Restored, {});
      if (this_life && !executed && run.job) {
        // A claim that was applied after we were told otherwise (rule 6): not started yet, so it may start.
        run.start_limit = entry.scheduled_at + run.job->job->timing->start_deadline;
        return confirm(run);
      }
      break;
    case Phase::Settling: break;
  }
  settle(run);
}

// The verdict of a run whose worker is gone: what its journal says, else lost (rules 12, 13).
void Scheduler::State::settle(RunSlot& run) {
  if (run.entry.phase == Phase::Ended && rules.keep_verdict) return record(run);
  if (run.entry.phase == Phase::Waiting && run.former)
    return end_unstarted(run, RunStatus::Missed, Reason::Restored, {});
  if (run.entry.phase == Phase::Waiting && run.job) return wait_for_attempt(run);
  domain::RunEnd end;
  end.status = RunStatus::Lost;
  end.reason = Reason::WorkerDied;
  end.started_at = run.entry.claimed_at;
  end.ended_at = now.wall;
  if (const auto left = journal.find(run.entry.run); left != journal.end() && left->second.end) {
    end = *left->second.end;
    run.executed = true;
    return finish(run, std::move(end));
  }
  run.entry.phase = Phase::Ended;
  run.entry.end = end;
  if (!next_attempt_allowed(run, end)) return finish(run, std::move(end));
  // At-least-once: the history may know better than we do. Ask it with a record that is not final (rule 12).
  run.entry.final = false;
  if (!rules.ask_history) return retry(run);
  run.redeliver = true;
  record(run);
}

// A new incarnation of a living process (rule 8).
void Scheduler::State::move_to_new_incarnation() {
  claims_under_way = 0;
  commits.clear();  // answers to the old incarnation are not ours any more; the store says what stands
  reads.clear();
  freed_own = false;
  relisting = false;
  reconciling = false;
  for (JobSlot& slot : slots) {
    if (slot.busy == 0) continue;
    slot.busy = 0;
    slot.marker.reset();
    slot.looked = false;
    look_now(slot);
  }
  for (auto& [id, trigger] : triggers) trigger.busy = 0;
  for (auto& [key, account] : accounts) account.busy = 0;
  std::vector<domain::RunId> ids;
  for (const auto& [id, run] : runs) ids.push_back(id);
  for (const domain::RunId& id : ids) {
    RunSlot* run = find_run(id);
    if (run == nullptr) continue;
    switch (run->stage) {
      case Stage::Starting:
        run->dropped = true;
        emit(CancelStart{id});
        break;
      case Stage::Confirming:
      case Stage::Restarting:
      case Stage::Beginning:
      case Stage::Moving: erase(id); break;  // its key is settled like that of any dead worker
      case Stage::Running:
      case Stage::Waiting: {
        RunningEntry entry = run->entry;
        entry.incarnation = incarnation;
        if (run->lost_key) {
          put_key_again(*run);
          break;
        }
        std::optional<std::string> lock;
        if (entry.locked) lock = lock_value(self, run->entry);
        commit(rewrite_row(actor(), run->text, entry, {}, lock), PendingRun{id, entry, {}, now.mono});
        break;
      }
      case Stage::Ending:
        after(options.retry_store, [this, id] {
          RunSlot* again = find_run(id);
          if (again != nullptr && again->stage == Stage::Ending) write_end(*again);
        });
        break;
      case Stage::Removing:
        after(options.retry_store, [this, id] {
          RunSlot* again = find_run(id);
          if (again != nullptr && again->stage == Stage::Removing) remove(*again);
        });
        break;
      case Stage::Spooling: break;
      case Stage::Recording:  // the history does not care who asks
        if (run->lost_key) put_key_again(*run);
        break;
    }
  }
}

// ---- a store that was set back (rule 30) ----------------------------------------------------------------------------

// What goes on here, or has ended and is not recorded, is to be known in the older state too: its firing is not written
// off there, and its lock holds others off.
void Scheduler::State::put_keys_again() {
  std::vector<domain::RunId> ids;
  for (auto& [id, run] : runs) {
    if (!run.executed || run.key_gone || run.stage == Stage::Removing) continue;
    run.lost_key = true;
    run.former = true;  // no attempt follows it across that moment
    if (run.stage == Stage::Running || run.stage == Stage::Recording) ids.push_back(id);
  }
  shelved_before_set_back = on_shelf.size();
  if (shelved_before_set_back > 0) emit(UnshelveAll{});
  if (!session_open) return;  // with the next one
  for (const domain::RunId& id : ids) put_key_again(*find_run(id));
}

void Scheduler::State::put_key_again(RunSlot& run) {
  RunningEntry entry = run.entry;
  entry.incarnation = incarnation;
  Txn txn = again_row(actor(), run.text, entry);
  commit(std::move(txn), PendingRun{run.entry.run, std::move(entry), {}, now.mono});
}

// Their keys had gone with the older state, before we knew of it: nobody settles them there. In the history an attempt
// stands as missed, unless there is one.
void Scheduler::State::follow_the_unfollowed() {
  std::map<domain::RunId, RunningEntry> waited = std::exchange(unfollowed, {});
  for (auto& [id, entry] : waited) {
    if (entry.claimed_at > restored_at || known(id)) continue;
    entry.phase = Phase::Ended;
    entry.locked = false;
    entry.final = true;
    entry.trigger = domain::Trigger::Redelivery;
    entry.end = {};
    entry.end.status = RunStatus::Missed;
    entry.end.reason = Reason::Restored;
    entry.end.started_at = entry.end.ended_at = now.wall;
    RunSlot& run = add_run(std::move(entry));
    run.key_gone = true;
    record(run);
  }
}

// Which firings of before the operator's word have their runs: read when all has been listed anew and the others have
// heard the word too and put the keys of their runs, and claims wait for it.
void Scheduler::State::read_in_hand() {
  if (in_hand_unread && session_open && caught_up && now.mono >= in_hand_from)
    read_prefix(keys.running(), ReadInHand{});
}

void Scheduler::State::answered(const ReadInHand&, const ReadAnswered& answer) {
  if (!in_hand_unread) return;
  if (!answer.ok) return after(options.retry_store, [this] { read_in_hand(); });
  for (const KeyValue& stands : answer.found) {
    const auto entry = decode_running(stands.value);
    if (!entry || entry->range || !entry->run.firing.scheduled() || entry->scheduled_at > restored_at) continue;
    in_hand[entry->run.firing.job].push_back(entry->scheduled_at);
  }
  for (auto& [job, instants] : in_hand) std::ranges::sort(instants);
  in_hand_unread = false;
  unpark();
}

}  // namespace cronfleet::core
