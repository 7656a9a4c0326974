// Keys of dead workers (rules 7, 10 to 13), and kill orders that name runs which nobody has.
#include <algorithm>

#include "core/scheduler_state.h"

namespace cronfleet::core {
namespace {

// Of a dead node's keys with their values, so that neither the store nor we hold more of them at once.
constexpr std::size_t kDeadAtOnce = 500;
// How many keys are asked for where the runs of kill orders may stand.
constexpr std::size_t kOrderedAtOnce = 1'000;
// From one look at the dead to the next where a worker that is not registered has a hold still (REL B3: D + 2 s).
constexpr std::chrono::milliseconds kReconcileSoon{1'000};

// Of "<node>/<run>", "<node>/<incarnation>" and "<job>/<run>", what the keys of running/, hold/ and killer/ end with.
std::string_view first_part(std::string_view text) { return text.substr(0, text.find('/')); }
std::string_view second_part(std::string_view text) { return text.substr(text.find('/') + 1); }
NodeId node_in(std::string_view text) { return NodeId(std::string(first_part(text))); }

}  // namespace

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
