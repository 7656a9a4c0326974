// What is not a firing of this worker's own making: documents put by hand, accounts of older versions, keys that
// earlier lives and dead workers left.
#include <algorithm>

#include "core/scheduler_state.h"

namespace cronfleet::core {
namespace {

using domain::Reason;
using domain::RunStatus;
using Stage = RunSlot::Stage;

// A list as of revision r may still show what was removed after r; how many removals are remembered.
constexpr std::size_t kRemovedMax = 100'000;
// Of running/, so that neither the store nor we hold more of it at once; values are larger.
constexpr std::size_t kKeysAtOnce = 2'000, kDeadAtOnce = 500;
// How many keys are asked for where the runs of kill orders may stand.
constexpr std::size_t kOrderedAtOnce = 1'000;
// From one look at the dead to the next where a worker that is not registered has a hold still (REL B3: D + 2 s).
constexpr std::chrono::milliseconds kReconcileSoon{1'000};

// Of "<node>/<run>", "<node>/<incarnation>" and "<job>/<run>", what the keys of running/, hold/ and killer/ end with.
std::string_view first_part(std::string_view text) { return text.substr(0, text.find('/')); }
std::string_view second_part(std::string_view text) { return text.substr(text.find('/') + 1); }
NodeId node_in(std::string_view text) { return NodeId(std::string(first_part(text))); }

}  // namespace

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

// ---- own keys (rules 6, 8, 9) ---------------------------------------------------------------------------------------

void Scheduler::State::on(const Journalled& journalled) { journal[journalled.run] = journalled; }

void Scheduler::State::relist() {
  if (relisting || !session_open || !caught_up) return;
  if (!rules.relist_running && settled_own) return;
  relisting = true;
  // The values of what we know are not asked for: with the history away there are very many.
  read_keys(keys.running(self), {}, kKeysAtOnce, ReadOwnKeys{});
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
  const std::string last = answer.found.size() < kKeysAtOnce ? std::string() : answer.found.back().key;
  if (!unknown.empty()) {
    read(std::move(unknown), ReadOwnRunning{last});
  } else if (!last.empty()) {
    read_keys(keys.running(self), last, kKeysAtOnce, ReadOwnKeys{last});
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
  if (!read.last.empty()) return void(read_keys(keys.running(self), read.last, kKeysAtOnce, ReadOwnKeys{read.last}));
  relisted();
}

// All pages have been seen.
void Scheduler::State::relisted() {
  relisting = false;
  relist_after(options.relist_every);
  // No page of the next list is older than the first of this one.
  for (auto it = removed.begin(); it != removed.end();)
    it = it->second <= relisted_at || removed.size() > kRemovedMax ? removed.erase(it) : std::next(it);
  if (settled_own) return;
  settled_own = true;
  for (const auto& [id, left] : journal) {
    // Its key is gone: it was recorded in its own life, or by who took it over.
    if (!known(id)) emit(Forget{id, true});
  }
  unpark();
}

// A key under our own node that no run of ours stands for.
void Scheduler::State::adopt_own(const RunningEntry& entry, const KeyValue& stands) {
  if (known(entry.run)) return;
  if (const auto gone = removed.find(entry.run); gone != removed.end() && stands.modified < gone->second) return;
  for (const auto& [ticket, pending] : commits) {  // its own answer is on the way
    if (const auto* firing = std::get_if<PendingFiring>(&pending)) {
      if ((firing->row.entry && firing->row.entry->run == entry.run) ||
          (firing->row.passed && firing->row.passed->run == entry.run))
        return;
    } else if (const auto* trigger = std::get_if<PendingTrigger>(&pending)) {
      if (trigger->entry.run == entry.run) return;
    } else if (const auto* account = std::get_if<PendingAccount>(&pending)) {
      if (account->passed && account->passed->run == entry.run) return;
    } else if (const auto* run = std::get_if<PendingRun>(&pending)) {
      if (run->next && run->next->run == entry.run) return;
    } else if (const auto* moved = std::get_if<PendingTakeOver>(&pending)) {
      if (moved->entry.run == entry.run) return;
    }
  }
  for (const auto& [ticket, pending] : reads) {
    if (const auto* firing = std::get_if<ReadBackFiring>(&pending)) {
      if (firing->claim.row.entry && firing->claim.row.entry->run == entry.run) return;
      if (firing->claim.row.passed && firing->claim.row.passed->run == entry.run) return;
    } else if (const auto* run = std::get_if<ReadBackRun>(&pending)) {
      if (run->pending.next && run->pending.next->run == entry.run) return;
    } else if (const auto* trigger = std::get_if<ReadBackTrigger>(&pending)) {
      if (trigger->pending.entry.run == entry.run) return;
    }
  }
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
    case Phase::Ended: {
      if (left != journal.end()) run.output_text = left->second.output_text;
      return record(run);
    }
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
    run.output_text = left->second.output_text;
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

// ---- keys of dead workers (rules 7, 10 to 13) -----------------------------------------------------------------------

void Scheduler::State::reconcile() {
  const auto every = hold_outlives ? std::min(options.reconcile_every, kReconcileSoon) : options.reconcile_every;
  after(every * (fleet.rank("reconcile") + 1), [this] { reconcile(); });
  if (reconciling || !claiming()) return;
  reconciling = true;
  reconciliation = {};
  read_keys(keys.holds(), {}, SIZE_MAX, ReadHoldKeys{});
}

// Whoever has a hold sees to all its keys, those of its former incarnations too (rules 6, 8, 9).
void Scheduler::State::answered(const ReadHoldKeys&, const ReadAnswered& answer) {
  reconciling = answer.ok;
  if (!answer.ok) return;
  for (const KeyValue& hold : answer.found) {
    if (rules.respect_hold) reconciliation.living.insert(node_in(*after_prefix(hold.key, keys.holds())));
  }
  read_keys(keys.running(), {}, 1, ReadNextNode{});
}

// Which nodes have keys is found by their first ones alone: the others of each are passed over.
void Scheduler::State::answered(const ReadNextNode&, const ReadAnswered& answer) {
  reconciling = answer.ok;
  if (!answer.ok) return;
  if (answer.found.empty()) {
    hold_outlives = false;
    for (const NodeId& node : reconciliation.nodes) {
      if (node == self) continue;
      if (!reconciliation.living.contains(node)) {
        reconciliation.dead.push_back(node);
      } else if (!fleet.sees(node)) {
        hold_outlives = true;
      }
    }
    return ask_for_ordered();
  }
  std::string key = answer.found.front().key;
  const std::string_view text = *after_prefix(key, keys.running());
  const auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    reconciliation.nodes.emplace(std::string(text.substr(0, slash)));
    key.resize(keys.running().size() + slash);
    key += '/' + 1;  // sorts behind all that begins with the slash
  }
  read_keys(keys.running(), std::move(key), 1, ReadNextNode{});
}

void Scheduler::State::answered(const ReadOrdered& read, const ReadAnswered& answer) {
  reconciling = answer.ok;
  if (!answer.ok) return;
  sweep_kill_orders(read.orders, answer.found);
  look_at_dead({});
}

// Those keys of the next dead node that come after `after`; when there is none, all has been looked at.
void Scheduler::State::look_at_dead(std::string after) {
  if (reconciliation.dead.empty()) {
    reconciling = false;
    dead_since = std::move(reconciliation.still_dead);
    return;
  }
  read_keys(keys.running(reconciliation.dead.back()), std::move(after), kDeadAtOnce, ReadDeadKeys{});
}

void Scheduler::State::answered(const ReadDeadKeys&, const ReadAnswered& answer) {
  reconciling = answer.ok;
  if (!answer.ok) return;
  std::vector<std::string> found;
  for (const KeyValue& stands : answer.found) found.push_back(stands.key);
  std::string last = found.size() < kDeadAtOnce ? std::string() : found.back();
  if (last.empty()) reconciliation.dead.pop_back();
  if (found.empty()) return look_at_dead({});
  read(std::move(found), ReadDead{std::move(last)});
}

void Scheduler::State::answered(const ReadDead& read_dead, const ReadAnswered& answer) {
  reconciling = answer.ok;
  if (!answer.ok) return;
  ReadHolds next{{}, read_dead.last};
  std::set<std::string> holds;
  for (const KeyValue& stands : answer.found) {
    const NodeId node = node_in(*after_prefix(stands.key, keys.running()));
    const auto entry = decode_running(stands.value);
    if (!entry) continue;
    holds.insert(keys.hold(node, entry->incarnation));
    if (entry->phase == Phase::Waiting && entry->locked) holds.insert(keys.lock(entry->run.firing.job));
    next.running.push_back(stands);
  }
  if (next.running.empty()) return look_at_dead(std::move(next.last));
  read({holds.begin(), holds.end()}, std::move(next));
}

void Scheduler::State::answered(const ReadHolds& read, const ReadAnswered& answer) {
  reconciling = answer.ok && claiming();
  if (!reconciling) return;
  std::set<std::string> standing;
  for (const KeyValue& hold : answer.found) standing.insert(hold.key);
  for (const KeyValue& stands : read.running) {
    const NodeId node = node_in(*after_prefix(stands.key, keys.running()));
    const auto entry = decode_running(stands.value);
    const std::string hold = keys.hold(node, entry->incarnation);
    if (standing.count(hold) != 0 && rules.respect_hold) continue;
    const auto known = dead_since.find(hold);
    const MonoTime since = known == dead_since.end() ? now.mono : known->second;
    reconciliation.still_dead.emplace(hold, since);
    JobSlot* slot = find_slot(entry->run.firing.job);
    const bool at_least_once =
        slot != nullptr && slot->job && slot->job->job->delivery.mode == domain::Delivery::Mode::AtLeastOnce;
    const bool patient = entry->phase == Phase::Claimed && !at_least_once;
    if (patient && now.mono - since < options.lost_after) continue;
    // A further attempt stays where it takes it over: with a worker that may run the job, while there is one.
    if (slot != nullptr && slot->job && (at_least_once || entry->phase == Phase::Waiting) &&
        !standing_of(*slot).eligible &&
        (slot->standing.able || now.wall < entry->scheduled_at + slot->job->job->timing->catch_up_window))
      continue;
    const std::string lock_key = keys.lock(entry->run.firing.job), lock = lock_value(node, *entry);
    const bool has_lock = std::any_of(answer.found.begin(), answer.found.end(), [&](const KeyValue& read_key) {
      return read_key.key == lock_key && read_key.value == lock;
    });
    take_over(*entry, stands, node, has_lock);
  }
  look_at_dead(read.last);
}

void Scheduler::State::take_over(const RunningEntry& entry, const KeyValue& stands, const NodeId& node, bool has_lock) {
  if (known(entry.run)) return;
  RunningEntry moved = entry;
  if (moved.phase == Phase::Claimed) moved.phase = Phase::Settling;
  if (moved.phase != Phase::Waiting && moved.worker.empty()) moved.worker = node;
  moved.incarnation = incarnation;
  moved.token = Token(tokens.token());
  if (moved.fence == 0) moved.fence = stands.created;
  // The lock names the dead worker and stays until safe_after (rule 18); a waiting attempt takes it along, unless a
  // later firing has claimed over it: then the attempt asks for it again when its time comes.
  if (moved.phase != Phase::Waiting || !has_lock) moved.locked = false;
  const std::string hold = rules.respect_hold ? keys.hold(node, entry.incarnation) : std::string();
  Txn txn = take_over_row(actor(), stands.key, stands.value, hold, moved);
  if (!rules.consume_attempt) txn.expected.resize(0);
  if (moved.phase == Phase::Waiting && moved.locked) {
    const std::string lock = keys.lock(entry.run.firing.job);
    txn.expected.push_back({.key = lock, .kind = Condition::Kind::ValueEquals, .value = lock_value(node, entry)});
    txn.writes.push_back({lock, lock_value(self, moved)});
  }
  commit(std::move(txn), PendingTakeOver{stands.key, moved});
}

void Scheduler::State::answered(const PendingTakeOver& pending, const CommitAnswered& answer) {
  // Refused: the worker came back, or another was first. Unknown: our own list shows it.
  if (answer.outcome != Outcome::Committed) return answer.outcome == Outcome::Unknown ? relist() : void();
  if (known(pending.entry.run)) return;
  RunSlot& run = add_run(pending.entry);
  run.former = pending.entry.claimed_at <= restored_at;
  if (run.entry.fence == 0) run.entry.fence = answer.revision;
  if (JobSlot* slot = find_slot(pending.entry.run.firing.job)) run.job = slot->newest();
  settle(run);
}

// A new incarnation of a living process (rule 8).
void Scheduler::State::move_to_new_incarnation() {
  claims_under_way = 0;
  commits.clear();  // answers to the old incarnation are not ours any more; the store says what stands
  reads.clear();
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

// Which firings of before the operator's word have their runs: read when all has been listed anew, and claims wait for
// it.
void Scheduler::State::read_in_hand() {
  if (in_hand_unread && session_open && caught_up) read_prefix(keys.running(), ReadInHand{});
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

// The keys where the runs of kill orders would stand, at every node that has any or may have by now. All at one
// revision: a run that moves meanwhile is seen at one place or the other. Where there are many orders, some each time.
void Scheduler::State::ask_for_ordered() {
  if (kill_orders.empty()) return look_at_dead({});
  reconciliation.nodes.insert(self);
  for (const NodeId& node : fleet.others()) reconciliation.nodes.insert(node);
  ReadOrdered next;
  std::vector<std::string> wanted;
  auto at = kill_orders.upper_bound(swept_to);
  if (at == kill_orders.end()) at = kill_orders.begin();
  for (; at != kill_orders.end() && wanted.size() < kOrderedAtOnce; ++at) {
    const std::string run(second_part(*after_prefix(at->first, keys.kills())));
    for (const NodeId& node : reconciliation.nodes) wanted.push_back(keys.running(node) + run);
    next.orders.push_back(swept_to = at->first);
  }
  read(std::move(wanted), std::move(next));
}

// A kill order whose run is nowhere: it came when the run was over. Twice not found, it goes.
void Scheduler::State::sweep_kill_orders(const std::vector<std::string>& orders, const std::vector<KeyValue>& running) {
  std::set<std::string_view> alive;
  for (const KeyValue& stands : running) alive.insert(second_part(*after_prefix(stands.key, keys.running())));
  for (const std::string& key : orders) {
    const auto found = kill_orders.find(key);
    if (found == kill_orders.end()) continue;
    if (alive.contains(
            second_part(*after_prefix(key, keys.kills())))) {  // its own worker sees to it, as long as that lives
      found->second.unseen = 0;
      continue;
    }
    if (++found->second.unseen < 2) continue;
    // Gone with its run already, as a rule: then this is refused, and forgotten.
    commit({.expected = {{.key = key, .kind = Condition::Kind::Present}},
            .writes = {{key, std::nullopt}},
            .read_if_refused = {}},
           PendingSweep{key});
  }
}

}  // namespace cronfleet::core
