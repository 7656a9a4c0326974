#include "core/scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "core/scheduler_state.h"

namespace cronfleet::core {
namespace {

// From the first worker that hears an operator's word to the last: each reads it every two seconds.
constexpr std::chrono::seconds kWordHeard{3};

}  // namespace

Scheduler::Scheduler(NodeId self, Keys keys, SchedulerOptions options, TokenSource& tokens, Rules rules)
    : state_(std::make_unique<State>(std::move(self), std::move(keys), options, tokens, rules)) {}
Scheduler::~Scheduler() = default;

void Scheduler::step(const Event& event, Now now, Effects& effects) {
  state_->now = now;
  state_->out = &effects;
  state_->step(event);
  state_->out = nullptr;
}

std::size_t Scheduler::jobs() const {
  return static_cast<std::size_t>(
      std::count_if(state_->slots.begin(), state_->slots.end(), [](const JobSlot& slot) { return slot.exists; }));
}
std::size_t Scheduler::runs_active() const { return state_->active_runs; }
std::size_t Scheduler::records_waiting() const {
  const auto waits = [](const auto& entry) {
    const RunSlot& run = entry.second;
    return !run.active() && run.stage != RunSlot::Stage::Waiting;  // one that waits for its next attempt has not ended
  };
  return state_->on_shelf.size() +
         static_cast<std::size_t>(std::count_if(state_->runs.begin(), state_->runs.end(), waits));
}
std::vector<domain::RunId> Scheduler::active_runs() const {
  std::vector<domain::RunId> ids;
  for (const auto& [id, run] : state_->runs) {
    if (run.active()) ids.push_back(id);
  }
  return ids;
}
int Scheduler::rank(std::string_view word) const { return state_->fleet.rank(word); }
std::size_t Scheduler::refused_count() const { return state_->refused.size(); }
std::vector<std::pair<JobName, WallTime>> Scheduler::markers_ahead() const {
  std::vector<std::pair<JobName, WallTime>> ahead;
  if (state_->obstacles.clock_suspect) return ahead;
  for (const DueQueue::Index index : state_->in_future) {
    const JobSlot& slot = state_->slots[index];
    if (slot.exists && slot.accounted > state_->now.wall + kMarkerAheadMax)
      ahead.emplace_back(slot.name, slot.accounted);
  }
  return ahead;
}
bool Scheduler::accepting() const { return state_->accepting(); }
bool Scheduler::full() const { return state_->active_runs >= state_->places(); }
std::map<std::string, std::string> Scheduler::refused_jobs() const {
  std::map<std::string, std::string> refused;
  for (const DueQueue::Index index : state_->refused) {
    if (refused.size() == kRefusedShown) break;
    const JobSlot& slot = state_->slots[index];
    refused.emplace(slot.name.text(), slot.why_refused());
  }
  return refused;
}

void Scheduler::State::step(const Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
  // Whatever the event was: what is due by now happens now, in order.
  while (!timers.empty() && timers.begin()->first <= now.mono) {
    Function<void()> task = std::move(timers.begin()->second);
    timers.erase(timers.begin());
    task();
  }
  lead = lead_of(due.count(now.wall, now.wall + options.claim_lead_max));
  due.pop(now.wall + lead, popped);
  looks.pop(now.wall, popped);
  take_popped(std::holds_alternative<Woke>(event));
  if (!starved.empty()) give_places();
  arm();
}

// In a burst, and where the store answers slowly, claims go out earlier, so that all of them are through by their
// instant (DESIGN.md §4.4).
std::chrono::milliseconds Scheduler::State::lead_of(std::size_t claims) const {
  if (claim_rate.per_second <= 0) return options.claim_lead;
  const double burst_us = 1e6 * static_cast<double>(claims) / claim_rate.per_second;
  const double answer_us = 1.5 * static_cast<double>(claim_rate.latency.count());
  const auto wanted = std::chrono::milliseconds(static_cast<std::int64_t>(std::max(burst_us, answer_us) / 1000));
  return std::clamp(wanted, options.claim_lead, options.claim_lead_max);
}

// Ten thousand that come due together go a few hundred at a time, each with a wake-up of its own: the first claims are
// on their way, and their answers heard, while the last are decided.
void Scheduler::State::take_popped(bool woke) {
  constexpr std::size_t kAtOnce = 256;
  if (!woke && popped.size() - taken > kAtOnce) return;
  const std::size_t end = std::min(popped.size(), taken + kAtOnce);
  constexpr std::size_t kAhead = 8;  // jobs lie anywhere in memory: ask for the next ones while this one is decided
  for (; taken < end; ++taken) {
    if (taken + kAhead < popped.size()) {
      __builtin_prefetch(&slots[popped[taken + kAhead]]);
      due.prefetch(popped[taken + kAhead]);
    }
    on_due(slots[popped[taken]]);
  }
  if (taken < popped.size()) return;
  popped.clear();
  taken = 0;
}

void Scheduler::State::on(const Woke&) {
  armed_wall = WallTime::max();  // it is spent: arm() asks for the next one
  armed_mono = MonoTime::max();
}

void JobSlot::take(CompiledPtr document, Revision at, bool stamped) {
  if (stamped) {
    formerly.reset();
  } else if (in_force) {
    formerly = Version{std::move(job), revision};
  }
  in_force = stamped;
  job = std::move(document);
  revision = at;
}

void JobSlot::forget_adopted() {
  in_force = false;
  formerly.reset();
}

JobSlot& Scheduler::State::slot_of(const JobName& name) {
  if (JobSlot* slot = find_slot(name)) return *slot;
  JobSlot& slot = slots.emplace_back();
  slot.index = static_cast<DueQueue::Index>(slots.size() - 1);
  slot.name = name;
  by_name.add(slot.name.text(), slot.index, [this](DueQueue::Index index) { return name_at(index); });
  return slot;
}

std::optional<DueQueue::Index> Scheduler::State::index_of(const JobName& name) const {
  return by_name.find(name.text(), [this](DueQueue::Index index) { return name_at(index); });
}

JobSlot* Scheduler::State::find_slot(const JobName& name) {
  const auto index = index_of(name);
  return index ? &slots[*index] : nullptr;
}

void Scheduler::State::on(const JobSeen& seen) {
  JobSlot& slot = slot_of(seen.name);
  if (slot.exists && seen.revision <= slot.revision) return;
  const bool stamped = seen.job && (domain::has_valid_stamp(*seen.job->job) || !rules.require_stamp);
  const CompiledPtr before = stamped ? slot.adopted().job : nullptr;
  slot.exists = true;
  slot.take(seen.job, seen.revision, stamped);
  seen.refusal.empty() ? slot.refusal.reset() : void(slot.refusal = seen.refusal);
  slot.job ? void(refused.erase(slot.index)) : void(refused.insert(slot.index));
  slot.looked = false;
  slot.standing_at = 0;
  if (stamped) {
    const WallTime since = seen.job->job->since.value_or(WallTime{});
    const bool moved = before && before->job->since.value_or(WallTime{}) != since;
    slot.marker_closed = false;
    // The save put the marker where its since is: what we knew of it is old, and where an operator had it brought back,
    // too high.
    if (since > slot.accounted || moved) {
      slot.accounted = since;
      slot.marker.reset();
    }
    note_ahead(slot);
  }
  each_run_of(seen.name, [this](RunSlot& run) {
    if (run.stage != RunSlot::Stage::Starting || run.cancelling) return;
    run.cancelling = true;  // a newer document: start it again by that one, or not at all (rule 14)
    emit(CancelStart{run.entry.run});
  });
  look_now(slot);
}

void Scheduler::State::on(const JobGone& gone) {
  JobSlot* slot = find_slot(gone.name);
  if (slot == nullptr || !slot->exists || gone.revision <= slot->revision) return;
  forget(*slot, gone.revision);
}

void Scheduler::State::forget(JobSlot& slot, Revision revision) {
  slot.exists = false;
  slot.take(nullptr, revision, false);
  slot.refusal.reset();
  refused.erase(slot.index);
  each_run_of(slot.name, [this](RunSlot& run) {
    if (run.stage != RunSlot::Stage::Starting || run.cancelling) return;
    run.cancelling = true;
    emit(CancelStart{run.entry.run});
  });
  look_now(slot);  // removed by hand? Then its marker is still to be closed.
}

// A marker that moved on is a look at the store that need not be made. It may have been seen long ago: what we know to
// be newer stays.
void Scheduler::State::on(const MarkerSeen& seen) {
  JobSlot& slot = slot_of(seen.name);
  const auto marker = parse_marker(seen.text);
  if (marker && marker->instant < slot.accounted) return;
  set_marker(slot, seen.text);
  // A job removed by hand, whose last marker we had not seen: it is still to be closed.
  if (caught_up && !slot.exists && !slot.marker_closed) look_now(slot);
}

void Scheduler::State::on(const WorkersSeen& seen) {
  if (!fleet.set(seen.workers)) return;
  for (const DueQueue::Index index : std::exchange(not_ours, {})) look_now(slots[index]);
}

void Scheduler::State::on(const CaughtUp&) {
  caught_up = true;
  for (JobSlot& slot : slots) {  // known from before the store was set back, and not in it
    if (!slot.exists || slot.revision != 0) continue;
    slot.marker_closed = !slot.marker;  // one that the store has is closed, one that it has not needs nothing
    forget(slot, 0);
  }
  // Removed by hand while nobody looked: the marker is still to be closed.
  for (JobSlot& slot : slots) {
    if (!slot.exists && slot.marker && !slot.marker_closed) look_now(slot);
  }
  if (session_open) relist();
  read_in_hand();
  unpark();
}

// Runs go on, and jobs stay as they were known until they are listed again; what was learned of their firings and of
// what is to be done is of another past.
void Scheduler::State::on(const StoreConfirmed& confirmed) {
  restored_at = std::max(restored_at, confirmed.at);
  if (!confirmed.anew) return;
  for (JobSlot& slot : slots) {
    slot.revision = 0;
    slot.accounted = {};
    slot.marker.reset();
    slot.marker_closed = false;
    slot.forget_adopted();
    slot.lock.reset();
    slot.looked = false;
    slot.busy = 0;
  }
  triggers.clear();
  accounts.clear();
  kill_orders.clear();
  removed.clear();
  dead_since.clear();
  caught_up = false;
  in_hand.clear();
  in_hand_unread = true;
  in_hand_from = now.mono + kWordHeard;
  after(kWordHeard, [this] { read_in_hand(); });
  put_keys_again();
  move_to_new_incarnation();  // what is under way was asked of another past
  follow_the_unfollowed();
}

void Scheduler::State::on(const SessionOpened& opened) {
  const bool changed = incarnation != opened.incarnation;
  const bool first = incarnation.empty();
  incarnation = opened.incarnation;
  hold_key = opened.hold_key;
  session_open = true;
  if (changed && !first && rules.drop_on_new_incarnation) move_to_new_incarnation();
  relist();
  read_in_hand();
  if (!ticking) {
    ticking = true;
    after(options.reconcile_every, [this] { reconcile(); });
  }
  unpark();
}

void Scheduler::State::on(const LeasesExtended& leases) {
  session_until = leases.session_until;
  run_until = leases.run_until;
  for (const auto& [id, run] : runs) extend_fence(run);
  unpark();
}

void Scheduler::State::on(const SessionLost&) { session_open = false; }

void Scheduler::State::on(const Obstacles& changed) {
  const bool set_back = changed.store_set_back && !obstacles.store_set_back;
  obstacles = changed;
  if (set_back) put_keys_again();
  unpark();
}

void Scheduler::State::on(const ClaimRate& rate) { claim_rate = rate; }

// Whether attempts may follow on what was begun, and, unless the worker is drained, claims be made. `settled_own`:
// nothing starts before what earlier lives left is known (rule 9).
bool Scheduler::State::going_on() const {
  return session_open && caught_up && (settled_own || !rules.sweep_before_claims) && now.mono < session_until &&
         now.mono >= overloaded_until && !obstacles.clock_suspect && !obstacles.disk_full && !obstacles.stopping &&
         !obstacles.store_set_back;
}

void Scheduler::State::unpark() {
  if (!claiming()) return;
  for (const DueQueue::Index index : parked) look_now(slots[index]);
  parked.clear();
  for (auto& [id, trigger] : triggers) decide(trigger);
  for (auto& [key, account] : accounts) settle_account(key);
}

Ticket Scheduler::State::commit(Txn txn, PendingCommit pending, std::chrono::milliseconds patience) {
  const Ticket ticket = ++last_ticket;
  commits.emplace(ticket, std::move(pending));
  emit(Commit{ticket, std::move(txn), patience});
  return ticket;
}

Ticket Scheduler::State::read(std::vector<std::string> wanted, PendingRead pending) {
  const Ticket ticket = ++last_ticket;
  reads.emplace(ticket, std::move(pending));
  emit(Read{.ticket = ticket, .keys = std::move(wanted), .prefix = {}});
  return ticket;
}

Ticket Scheduler::State::read_prefix(std::string prefix, PendingRead pending) {
  const Ticket ticket = ++last_ticket;
  reads.emplace(ticket, std::move(pending));
  emit(Read{.ticket = ticket, .keys = {}, .prefix = std::move(prefix)});
  return ticket;
}

Ticket Scheduler::State::read_keys(std::string prefix, std::string after, std::size_t most, PendingRead pending) {
  const Ticket ticket = ++last_ticket;
  reads.emplace(ticket, std::move(pending));
  emit(Read{.ticket = ticket, .keys = {}, .prefix = std::move(prefix), .after = std::move(after), .most = most});
  return ticket;
}

void Scheduler::State::on(const CommitAnswered& answer) {
  const auto found = commits.find(answer.ticket);
  if (found == commits.end()) return;  // of an earlier incarnation
  PendingCommit pending = std::move(found->second);
  commits.erase(found);
  heard_of_store(answer.outcome != Outcome::Unknown);
  std::visit(
      [&](auto& p) {
        using P = std::decay_t<decltype(p)>;
        if constexpr (std::is_same_v<P, PendingSweep>) {
          if (answer.outcome != Outcome::Unknown) kill_orders.erase(p.key);
        } else if constexpr (std::is_same_v<P, PendingKill>) {
          look_now(slots[p.index]);
        } else {
          if constexpr (requires { p.sent_at; }) p.sent_at = std::max(p.sent_at, answer.sent_at);
          answered(std::move(p), answer);
        }
      },
      pending);
}

// A claim whose answer does not come holds its firing up for as long as that lasts, for it may have been applied, and
// others could run it at once: so nothing is claimed after an answer that did not come, until one does.
void Scheduler::State::heard_of_store(bool answered) {
  if (answered != store_silent) return;
  store_silent = !answered;
  answered ? unpark() : probe_store();
}

void Scheduler::State::probe_store() {
  if (!hold_key.empty()) read({hold_key}, ReadProbe{});
}

void Scheduler::State::answered(const ReadProbe&, const ReadAnswered& answer) {
  if (!answer.ok) after(options.retry_store, [this] { store_silent ? probe_store() : void(); });
}

void Scheduler::State::on(const ReadAnswered& answer) {
  const auto found = reads.find(answer.ticket);
  if (found == reads.end()) return;
  PendingRead pending = std::move(found->second);
  reads.erase(found);
  heard_of_store(answer.ok);
  std::visit([&](auto& p) { answered(p, answer); }, pending);
}

void Scheduler::State::after(std::chrono::milliseconds delay, Function<void()> task) {
  timers.emplace(now.mono + delay, std::move(task));
}

MonoTime Scheduler::State::mono_at(WallTime wall) const {
  // Far instants (never, no deadline) stay far instead of wrapping round.
  constexpr auto kFar = std::chrono::hours(24 * 366 * 100);
  const auto ahead = wall - now.wall;
  if (ahead > kFar) return MonoTime::max();
  return now.mono + ahead;
}

void Scheduler::State::arm() {
  WallTime wall = due.next();
  if (wall != WallTime::max()) wall -= std::max(lead, lead_of(due.count(wall, wall)));
  wall = taken < popped.size() ? now.wall : std::min(wall, looks.next());
  // Nothing can be claimed once the session is over, so there is no use in waking before it is back.
  const MonoTime mono = timers.empty() ? MonoTime::max() : timers.begin()->first;
  if (wall == armed_wall && mono == armed_mono) return;
  armed_wall = wall;
  armed_mono = mono;
  emit(WakeAt{wall, mono});
}

}  // namespace cronfleet::core
