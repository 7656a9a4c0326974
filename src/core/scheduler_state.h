// core/scheduler_state.h: the inside of the Scheduler, shared by its own sources and nobody else.
//
//   scheduler.cc   events, session, timers, what wakes when
//   firings.cc     due jobs: plan, claim, what a refusal teaches
//   triggers.cc    run-now and kill orders
//   runs.cc        the stages of a run, from its claim to its written verdict
//   attempts.cc    the next attempt, where there is one
//   records.cc     the record on its way into the history, and the removal of the key
//   accounts.cc    documents put by hand, what older versions still owe
//   recovery.cc    keys that earlier lives left, a new incarnation, a store that was set back
//   takeover.cc    keys that dead workers left
#pragma once

#include <deque>

#include "base/boxed.h"
#include "base/function.h"

#include "core/edits.h"
#include "core/fleet.h"
#include "core/known_marker.h"
#include "core/name_index.h"
#include "core/protocol.h"
#include "core/scheduler.h"

namespace cronfleet::core {

struct KnownLock : LockEntry {
  std::string text;               // as it stands
  bool free_after_death = false;  // its holder's hold is absent and safe_after has passed
  MonoTime alive_until{};         // its hold stood just now: not asked for again before this
};

// There is one for every job of the fleet: what few of them have is boxed.
struct JobSlot {
  struct Version {
    CompiledPtr job;  // null: none is known
    Revision revision = 0;
  };

  DueQueue::Index index = 0;
  bool exists = false;
  bool in_force = false;  // `job` is the newest version with a valid stamp
  bool marker_closed = false;
  bool looked = false;  // rank 1 and later: the store was asked after the takeover delay
  JobName name;
  Revision revision = 0;
  CompiledPtr job;  // null: gone, or refused
  Boxed<std::string> refusal;
  Boxed<Version> formerly;        // what was in force before `job`, which is not
  KnownMarker marker;             // exactly as it stands, when known
  WallTime accounted{};           // the newest instant known to be accounted for
  Boxed<KnownLock> lock;          // as last known
  Ticket busy = 0;                // a claim, adoption or read of this job is under way
  Boxed<domain::RunId> replaced;  // the run that a kill was ordered for, overlap replace
  Fleet::Standing standing;       // of this worker for the job, as of standing_at
  std::uint64_t standing_at = 0;  // a generation of the fleet; 0: to be worked out
  bool claimable() const { return exists && job != nullptr; }
  // The newest version with a valid stamp, also after the job is gone.
  Version adopted() const { return in_force ? Version{job, revision} : formerly ? *formerly : Version{}; }
  // What stands, else what was last in force.
  CompiledPtr newest() const { return job ? job : adopted().job; }
  // What stands now, in place of what stood; in force or not.
  void take(CompiledPtr document, Revision at, bool stamped);
  void forget_adopted();
  std::string why_refused() const { return refusal ? *refusal : std::string(); }
  std::string lock_text() const { return lock ? lock->text : std::string(); }
};

struct RunSlot {
  enum class Stage {
    Starting,    // given to the executor
    Confirming,  // job and key are read again before it starts (rule 14)
    Restarting,  // to be tried again shortly: nothing was executed
    Running,
    Waiting,    // for its retry delay
    Beginning,  // waiting → claimed is under way
    Moving,     // its key moves to a new incarnation or from a dead worker
    Ending,     // its verdict is being written
    Spooling,   // its record goes to disk, so that its key need not wait for the history
    Recording,  // the history has been asked
    Removing,   // its key is being removed
  };
  Stage stage = Stage::Starting;
  RunningEntry entry;
  std::string text;         // running/ exactly as we wrote it; empty: it is not there any more
  CompiledPtr job;          // what it runs; null for verdicts without a run
  MonoTime confirmed{};     // the revision was known to be newest when this was sent
  WallTime start_limit{};   // its start deadline
  bool executed = false;    // it reached exec, as far as we know
  bool cancelling = false;  // a newer document came: start it again, or give it up
  bool dropped = false;     // unstarted when its incarnation ended: its key says the rest
  bool kill_order = false;  // a killer/ key names it
  bool key_gone = false;    // spooled, or somebody else settles its key; our record may still be the first
  bool spooled = false;     // its record is on disk: its key goes before the history has it
  bool redeliver = false;   // Recording: a not final record; the next attempt follows its answer
  bool former = false;      // found in a store that was set back: what has followed it since, only the history knows
  bool lost_key = false;    // goes on, or has ended, while the store was set back: its key is to stand there again
  bool followed = false;    // the history has it as not final: an attempt must follow, be it one that does not run
  std::optional<Kill> killing;
  std::string output_text;
  bool active() const {
    return stage != Stage::Waiting && stage != Stage::Ending && stage != Stage::Spooling && stage != Stage::Recording &&
           stage != Stage::Removing && stage != Stage::Moving;
  }
};

struct TriggerSlot {
  TriggerEntry entry;
  std::string text;
  Ticket busy = 0;
  MonoTime first_seen{};
};

// What a ticket was for.
struct PendingFiring {
  DueQueue::Index index;
  FiringRow row;
  MonoTime sent_at;
  bool catch_up;
};
struct PendingEdit {  // adoption, or the closing of a marker
  DueQueue::Index index;
};
struct PendingRun {
  domain::RunId run;
  RunningEntry entry;                // as it will stand
  std::optional<RunningEntry> next;  // retry
  MonoTime sent_at;
};
struct PendingTrigger {
  domain::RequestId id;
  RunningEntry entry;
  MonoTime sent_at;
  WallTime start_limit{};
};
struct PendingAccount {
  std::string key;
  std::optional<RunningEntry> passed;
};
struct PendingTakeOver {
  std::string dead_key;
  RunningEntry entry;
};
struct PendingKill {
  DueQueue::Index index;
};
struct PendingSweep {
  std::string key;  // of a kill order
};
struct PendingFree {};  // a lock that was left standing
using PendingCommit = std::variant<PendingFiring, PendingEdit, PendingRun, PendingTrigger, PendingAccount,
                                   PendingTakeOver, PendingKill, PendingSweep, PendingFree>;

struct ReadJob {  // marker, job and lock of one job; then decide again
  DueQueue::Index index;
};
struct ReadForEdit {
  DueQueue::Index index;
};
struct ReadDeadLock {
  DueQueue::Index index;
  std::string hold;
};
struct ReadBackFiring {
  PendingFiring claim;
};
struct ReadBackRun {
  PendingRun pending;
};
struct ReadBackTrigger {
  PendingTrigger pending;
};
struct ReadConfirm {
  domain::RunId run;
  MonoTime sent_at;
};
struct ReadOwnKeys {  // a page of the keys of running/<self>/
  std::string after{};
};
struct ReadOwnRunning {  // those of it that no run of ours stands for
  std::string last;      // of the page; empty: there is no further one
};
struct ReadProbe {};     // whether the store answers
struct ReadHoldKeys {};  // the steps of one reconciliation, in order: who lives,
struct ReadNextNode {};  // which nodes have keys in running/, one after the other,
struct ReadOrdered {     // whether the runs of kill orders are among them,
  std::vector<std::string> orders;
};
struct ReadDeadKeys {};  // and of each node without a hold, page by page, its keys,
struct ReadDead {        // their values,
  std::string last;      // of the page; empty: there is no further one
};
struct ReadHolds {  // and whether the holds that they name have gone
  std::vector<KeyValue> running;
  std::string last;
};
struct ReadInHand {};  // all of running/, in a store that was set back
struct ReadLocks {};   // all of lock/
using PendingRead = std::variant<ReadJob, ReadForEdit, ReadDeadLock, ReadBackFiring, ReadBackRun, ReadBackTrigger,
                                 ReadConfirm, ReadProbe, ReadOwnKeys, ReadOwnRunning, ReadHoldKeys, ReadNextNode,
                                 ReadOrdered, ReadDeadKeys, ReadDead, ReadHolds, ReadInHand, ReadLocks>;

struct Scheduler::State {
  State(NodeId node, Keys k, SchedulerOptions o, TokenSource& t, Rules r)
      : self(std::move(node)), keys(std::move(k)), options(o), tokens(t), rules(r), fleet(self), lead(o.claim_lead) {}

  // ---- scheduler.cc
  void step(const Event& event);
  void on(const Woke&);
  void on(const JobSeen& seen);
  void on(const JobGone& gone);
  void on(const MarkerSeen& seen);
  void on(const WorkersSeen& seen);
  void on(const CaughtUp&);
  void on(const StoreConfirmed& confirmed);
  void forget(JobSlot& slot, Revision revision);
  void on(const SessionOpened& opened);
  void on(const LeasesExtended& leases);
  void on(const SessionLost&);
  void on(const Obstacles& obstacles);
  void on(const ClaimRate& rate);
  void on(const CommitAnswered& answered);
  void on(const ReadAnswered& answered);
  void heard_of_store(bool answered);
  void probe_store();
  void answered(const ReadProbe& probe, const ReadAnswered& answer);
  bool accepting() const { return going_on() && !obstacles.draining; }
  bool claiming() const { return accepting() && !store_silent && !in_hand_unread; }
  bool going_on() const;
  void unpark();
  JobSlot& slot_of(const JobName& name);
  JobSlot* find_slot(const JobName& name);
  std::optional<DueQueue::Index> index_of(const JobName& name) const;
  std::string_view name_at(DueQueue::Index index) const { return slots[index].name.text(); }
  Actor actor() const { return {keys, self, incarnation, hold_key}; }
  // `patience`: nobody waits for it; it may be that much later for the sake of company.
  Ticket commit(Txn txn, PendingCommit pending, std::chrono::milliseconds patience = {});
  Ticket read(std::vector<std::string> wanted, PendingRead pending);
  Ticket read_prefix(std::string prefix, PendingRead pending);
  Ticket read_keys(std::string prefix, std::string after, std::size_t most, PendingRead pending);
  void after(std::chrono::milliseconds delay, Function<void()> task);
  std::chrono::milliseconds lead_of(std::size_t claims) const;
  void take_popped(bool woke);
  void arm();
  const Fleet::Standing& standing_of(JobSlot& slot);
  std::chrono::milliseconds rank_delay(int rank) const { return ((rank + 1) / 2) * options.takeover_delay; }
  MonoTime mono_at(WallTime wall) const;
  void emit(Effect effect) { out->push_back(std::move(effect)); }

  // ---- firings.cc
  void claim_at(JobSlot& slot, WallTime at) {  // less the lead
    looks.remove(slot.index);
    due.put(slot.index, at);
  }
  void look_again(JobSlot& slot, WallTime at) {  // at that moment, not before
    due.remove(slot.index);
    looks.put(slot.index, at);
  }
  void look_now(JobSlot& slot) { look_again(slot, now.wall); }
  void ask_store(JobSlot& slot);
  void on_due(JobSlot& slot);
  void decide(JobSlot& slot);
  void leave_to_others(JobSlot& slot, const Plan& plan);
  std::size_t places() const { return static_cast<std::size_t>(std::min(options.capacity, obstacles.runs_most)); }
  bool has_room() const { return active_runs + claims_under_way < places(); }
  void give_places();
  void claim(JobSlot& slot, const Plan& plan);
  bool wait_for_lock(JobSlot& slot, const Plan& plan);
  void write_off(JobSlot& slot, WallTime to, const std::optional<Passed>& passed);
  void note_ahead(const JobSlot& slot);
  void learn(JobSlot& slot, const std::vector<KeyValue>& found, Revision as_of, bool lock_read);
  void set_marker(JobSlot& slot, const std::string& text);
  void set_lock(JobSlot& slot, const RunningEntry& holder);
  void answered(PendingFiring pending, const CommitAnswered& answer);
  void firing_done(const PendingFiring& pending, Revision fence);
  void answered(const ReadJob& read, const ReadAnswered& answer);
  void answered(const ReadDeadLock& read, const ReadAnswered& answer);
  void answered(ReadBackFiring& read, const ReadAnswered& answer);
  RunningEntry passed_entry(const JobSlot& slot, const Passed& passed);
  FiringRow row_to(const JobSlot& slot, WallTime to, const std::optional<Passed>& passed);
  std::vector<std::string> keys_of(const FiringRow& row) const;
  RunningEntry claimed_entry(const JobSlot& slot, WallTime instant);

  // ---- triggers.cc
  void on(const TriggerSeen& seen);
  void on(const TriggerGone& gone);
  void on(const KillSeen& seen);
  void decide(TriggerSlot& slot);
  void trigger_verdict(TriggerSlot& slot, domain::RunStatus status, domain::Reason reason, std::string error);
  RunningEntry trigger_entry(const TriggerSlot& slot);
  void answered(PendingTrigger pending, const CommitAnswered& answer);
  void answered(ReadBackTrigger& read, const ReadAnswered& answer);
  void trigger_done(const PendingTrigger& pending, Revision fence);
  void kill_run(RunSlot& run, Kill order);

  // ---- runs.cc
  std::string missing_labels(const domain::Job& job) const;
  RunSlot& add_run(RunningEntry entry);
  void begin(RunSlot& run);
  void confirm(RunSlot& run);
  void restart_soon(RunSlot& run);
  void set_stage(RunSlot& run, RunSlot::Stage stage);
  bool wanted(const RunSlot& run);
  MonoTime fence_deadline(const RunSlot& run) const;
  void extend_fence(const RunSlot& run);
  void on(const RunStarted& started);
  void on(const RunNotStarted& failed);
  void on(const RunEnded& ended);
  domain::RunEnd unstarted(domain::RunStatus status, domain::Reason reason, std::string error) const;
  void end_unstarted(RunSlot& run, domain::RunStatus status, domain::Reason reason, std::string error = {});
  void finish(RunSlot& run, domain::RunEnd end);
  void write_end(RunSlot& run);
  void answered(PendingRun pending, const CommitAnswered& answer);
  void answered(ReadBackRun& read, const ReadAnswered& answer);
  void announced(const domain::RunId& id, RunningEntry entry);
  void try_again(const domain::RunId& id);
  void answered(const ReadConfirm& read, const ReadAnswered& answer);
  void run_written(RunSlot& run, const PendingRun& pending, Revision revision);
  void erase(const domain::RunId& id);
  void lock_freed(const JobName& job);
  RunSlot* find_run(const domain::RunId& id);
  bool known(const domain::RunId& id) { return find_run(id) != nullptr || on_shelf.contains(id); }
  template <typename F>
  void each_run_of(const JobName& job, F visit);

  // ---- attempts.cc
  bool next_attempt_allowed(const RunSlot& run, const domain::RunEnd& end) const;
  RunningEntry following(const RunSlot& run);
  void retry(RunSlot& run);
  void follow(RunSlot& run);
  void follow_with_skip(RunSlot& run);
  void wait_for_attempt(RunSlot& run);
  void begin_attempt_after(std::chrono::milliseconds delay, const domain::RunId& id);
  void begin_attempt(RunSlot& run);

  // ---- records.cc
  void record(RunSlot& run);
  bool spool(RunSlot& run);
  bool shelve(RunSlot& run);
  bool plain(const RunSlot& run) const;
  Shelved shelved(RunSlot run);
  std::string shown_command(const RunSlot& run);
  void send_record(RunSlot& run, bool shelved);
  void on(const HistoryRoom& history) { history_room = history.room; }
  void on(const Spooled& spooled);
  void on(const Respooled& respooled);
  void on(const Unshelved& unshelved);
  void on(const ShelfLost&);
  void on(const RunRecorded& recorded);
  void remove(RunSlot& run);

  // ---- accounts.cc
  void adopt_or_close(JobSlot& slot);
  void answered(const ReadForEdit& read, const ReadAnswered& answer);
  void answered(const PendingEdit& pending, const CommitAnswered& answer);
  void on(const AccountSeen& seen);
  void settle_account(const std::string& key);
  void answered(const PendingAccount& pending, const CommitAnswered& answer);

  // ---- recovery.cc
  void on(const Journalled& journalled);
  std::size_t own_keys_at_once() const;
  void relist();
  void relist_after(std::chrono::milliseconds delay);
  bool relist_ends(const ReadAnswered& answer);
  void answered(const ReadOwnKeys& read, const ReadAnswered& answer);
  void answered(const ReadOwnRunning& read, const ReadAnswered& answer);
  void relisted();
  void answered(const ReadLocks& read, const ReadAnswered& answer);
  void answered(const PendingFree& pending, const CommitAnswered& answer);
  bool under_way(const domain::RunId& id) const;
  void adopt_own(const RunningEntry& entry, const KeyValue& stands);
  void settle(RunSlot& run);
  void move_to_new_incarnation();
  void put_keys_again();
  void put_key_again(RunSlot& run);
  void follow_the_unfollowed();
  void read_in_hand();
  void answered(const ReadInHand& read, const ReadAnswered& answer);

  // ---- takeover.cc
  void reconcile();
  void answered(const ReadHoldKeys& read, const ReadAnswered& answer);
  void answered(const ReadNextNode& read, const ReadAnswered& answer);
  void answered(const ReadOrdered& read, const ReadAnswered& answer);
  void look_at_dead(std::string after);
  void answered(const ReadDeadKeys& read, const ReadAnswered& answer);
  void answered(const ReadDead& read, const ReadAnswered& answer);
  void answered(const ReadHolds& read, const ReadAnswered& answer);
  void take_over(const RunningEntry& entry, const KeyValue& stands, const NodeId& node, bool has_lock);
  void answered(const PendingTakeOver& pending, const CommitAnswered& answer);
  void ask_for_ordered();
  void sweep_kill_orders(const std::vector<std::string>& orders, const std::vector<KeyValue>& running);

  NodeId self;
  Keys keys;
  SchedulerOptions options;
  TokenSource& tokens;
  Rules rules;

  Now now;
  Effects* out = nullptr;

  std::deque<JobSlot> slots;
  NameIndex by_name;                    // of the slots
  DueQueue due;                         // what is to be claimed at its moment, apart, so that the lead can count it
  DueQueue looks;                       // all else; a job stands in one of the two at most
  std::vector<DueQueue::Index> popped;  // of both, in order; those before `taken` are done with
  std::size_t taken = 0;
  std::set<DueQueue::Index> parked;                        // due while nothing can be claimed
  std::set<std::pair<WallTime, DueQueue::Index>> starved;  // due while every place is taken, the oldest first
  std::set<DueQueue::Index> not_ours;                      // passed on because the job may not run here
  std::set<DueQueue::Index> in_future;                     // their markers lie in the future (rule 16)
  std::set<DueQueue::Index> refused;                       // their documents cannot be scheduled
  std::map<domain::RunId, RunSlot> runs;
  RunDigests on_shelf;              // and these, over and waiting for the history
  std::size_t keys_of_shelved = 0;  // how many of these have their keys still
  bool history_room = true;
  std::size_t shelved_before_set_back = 0;  // so many of the next ones that come back
  std::size_t active_runs = 0, claims_under_way = 0;
  std::map<domain::RequestId, TriggerSlot> triggers;
  struct AccountSlot {
    AccountSeen seen;
    Ticket busy = 0;
    bool own_turn = false;  // those before us in rank had their time
  };
  std::map<std::string, AccountSlot> accounts;
  // Kill orders for single runs, by their key, until the key is known to be gone; a run that we learn of only later is
  // killed by them too.
  struct KillOrder {
    KillEntry entry;
    int unseen = 0;  // how often its run was not found
  };
  std::map<std::string, KillOrder> kill_orders;
  std::string swept_to;  // of kill_orders, when some of them at a time are looked for
  std::map<domain::RunId, Journalled> journal;
  std::map<domain::RunId, RunningEntry> unfollowed;  // attempts that the history waits for, their keys gone just now
  std::map<domain::RunId, Revision> removed;         // own keys lately removed: a list older than that still shows them
  std::map<std::string, MonoTime> dead_since;        // hold key → first seen absent
  struct Reconciliation {
    std::set<NodeId> living;                     // they have a hold
    std::set<NodeId> nodes;                      // they have keys in running/
    std::vector<NodeId> dead;                    // of these, still to be looked at
    std::map<std::string, MonoTime> still_dead;  // as dead_since, found this time
  } reconciliation;

  std::map<Ticket, PendingCommit> commits;
  std::map<Ticket, PendingRead> reads;
  std::multimap<MonoTime, Function<void()>> timers;
  Ticket last_ticket = 0;

  Fleet fleet;
  Incarnation incarnation;
  std::string hold_key;
  MonoTime session_until{}, run_until{};
  bool session_open = false;
  bool caught_up = false;
  bool settled_own = false;  // what earlier lives left has been read once
  bool freed_own = false;    // and there is no lock left of a run of ours that is over
  bool relisting = false, reconciling = false, ticking = false;
  bool hold_outlives = false;  // a worker with keys has a hold and is not registered: it may be dead soon
  std::uint64_t relist_round = 0;
  Revision relisted_at = 0;  // of the first page of the list under way
  Obstacles obstacles;
  MonoTime overloaded_at{}, overloaded_until{};  // no process or descriptor was to be had
  ClaimRate claim_rate;
  WallTime restored_at = WallTime::min();  // firings up to it that the store knows nothing of are missed (rule 30)
  std::map<JobName, std::vector<WallTime>> in_hand;  // but for these, whose runs stand there, in order
  bool in_hand_unread = false;                       // which those are is still to be read,
  MonoTime in_hand_from{};                           // not before this
  MonoTime unknown_at{};      // a claim without an answer was last found not to have been applied
  bool store_silent = false;  // the newest call to it was not answered
  std::chrono::milliseconds lead;
  WallTime armed_wall = WallTime::max();
  MonoTime armed_mono = MonoTime::max();
};

template <typename F>
void Scheduler::State::each_run_of(const JobName& job, F visit) {
  const domain::RunId first{domain::Firing{job, WallTime::min()}, 0};
  std::vector<domain::RunId> ids;  // visiting may change the map
  for (auto it = runs.lower_bound(first); it != runs.end() && it->first.firing.job == job; ++it)
    ids.push_back(it->first);
  for (const domain::RunId& id : ids) {
    if (RunSlot* run = find_run(id)) visit(*run);
  }
}

}  // namespace cronfleet::core
