// core/scheduler.h: the decisions of a worker. step(event, now) appends the effects to perform, in order.
//
// Pure: no clock, no I/O, no log. Equal calls give equal effects. Everything that the worker waits for comes in as an
// event, and what came of an effect comes back as a later event; so one can follow a firing by reading on_due, the
// answer of its claim, and the stages of its run, top to bottom:
//
//   due (plan.h) → claim (protocol.h) → Start → RunStarted → RunEnded → end → Record → Recorded → removed
//
// Rules are those of specs/protocol.md, named where they act. The core walks only ordered containers. One node with
// SQLite holds all ranks; nothing is left out because of it.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/rng.h"
#include "base/token.h"
#include "core/due_queue.h"
#include "core/entries.h"
#include "core/plan.h"
#include "core/rules.h"
#include "core/shelved.h"
#include "domain/compiled_job.h"

namespace cronfleet::core {

using Ticket = std::uint64_t;  // names one commit or read, for its answer
using CompiledPtr = std::shared_ptr<const domain::CompiledJob>;

struct Now {
  WallTime wall{};  // corrected to the fleet's time (rule 16)
  MonoTime mono{};
};

// ---- events -------------------------------------------------------------------------------------------------------

struct Woke {};  // a wake-up that WakeAt asked for; early or late ones do no harm

// jobs/<name> as it stands. `job` is null where the document cannot be decoded or compiled; `refusal` then says why.
struct JobSeen {
  JobName name;
  Revision revision = 0;
  CompiledPtr job;
  std::string refusal;
};
struct JobGone {
  JobName name;
  Revision revision = 0;
};
struct MarkerSeen {  // fired/<name>, as it stands or stood a moment ago; what others claim shows here
  JobName name;
  std::string text;
};
struct AccountSeen {  // accounts/<name>/<revision>; `job` null: the document cannot be read, its firings cannot be
                      // named
  std::string key, text;
  AccountEntry entry;
  CompiledPtr job;
};
struct TriggerSeen {
  std::string text;
  TriggerEntry entry;
};
struct TriggerGone {
  domain::RequestId id;
};
struct KillSeen {
  std::string key;
  JobName job;
  std::optional<domain::RunId> run;  // absent: every run of the job that started before
  KillEntry entry;
};
struct WorkersSeen {  // the registrations that stand, all of them
  std::vector<WorkerEntry> workers;
};
// Jobs and markers have been listed once and older lives of this node are swept: nothing is claimed before it.
struct CaughtUp {};

struct SessionOpened {
  Incarnation incarnation;
  std::string hold_key;
};
struct LeasesExtended {
  MonoTime session_until{}, run_until{};
};
struct SessionLost {};

// What keeps this worker from claiming, besides its session; each may come and go.
struct Obstacles {
  bool clock_suspect = false, disk_full = false;
  bool store_set_back = false;  // to an older state, and no operator has said that this one is meant (rule 30)
  bool draining = false;        // an operator's wish: what it has begun it carries on, further attempts too
  bool stopping = false;
  // No more runs at once than this, whatever the capacity: the machine's limits would refuse them (REL-F25).
  int runs_most = std::numeric_limits<int>::max();
  friend bool operator==(const Obstacles&, const Obstacles&) = default;
};
struct ClaimRate {
  double per_second = 0;                 // transactions that the store answers; the lead follows it in a burst
  std::chrono::microseconds latency{0};  // nearly every answer comes within; the lead leaves room for it
};

enum class Outcome { Committed, Refused, Unknown };
struct CommitAnswered {
  Ticket ticket = 0;
  Outcome outcome = Outcome::Unknown;
  Revision revision = 0;
  std::vector<KeyValue> found;  // Refused: what stands under the transaction's read_if_refused
  MonoTime sent_at{};           // when the store was asked, where that was later than we said so
};
struct ReadAnswered {
  Ticket ticket = 0;
  bool ok = false;  // false: no answer; ask again later
  Revision revision = 0;
  std::vector<KeyValue> found;
};

struct RunStarted {
  domain::RunId run;
  WallTime started_at{};
};
struct RunNotStarted {
  enum class Why { Cancelled, TooLate, Frozen, SpawnFailed, Overloaded, Stopped };
  domain::RunId run;
  Why why = Why::TooLate;
  std::string error;
};
struct RunEnded {
  domain::RunId run;
  domain::RunEnd end;
  std::string output_text;
};
// The history has the record of `run`, or another one that came first and stands.
struct RunRecorded {
  domain::RunId run;
  bool duplicate = false;
  domain::RunStatus standing = domain::RunStatus::Lost;
  bool standing_final = true;  // false: a next attempt must follow
};
// Whether the history takes further records just now. While it does not, runs that are over go to the shelf (Shelve).
struct HistoryRoom {
  bool room = true;
};
// What Shelve gave away, in the same order, when there is room for its record, or when the shelf did not take it.
struct Unshelved {
  Shelved run;  // its output has been taken care of
};
// What the shelf had cannot be read back: the keys in the store say it all, but for the output.
struct ShelfLost {};
// Spool is done: what was given stands on disk (or, not kept, found no room there).
struct Spooled {
  domain::RunId run;
  bool kept = false;
};
// What an earlier life of this worker spooled and the history has not acknowledged; comes after SessionOpened.
struct Respooled {
  Shelved run;
};
// What the journal of an earlier life of this worker says, but for the run's output, which joins its record on the way;
// comes before CaughtUp.
struct Journalled {
  domain::RunId run;
  bool reached_exec = false;
  std::optional<domain::RunEnd> end;
};

// restored: an operator has said that the store's older state is meant. What it knows nothing of up to `at` is missed.
// `anew`: we have followed the newer state, so all that we know of jobs is of another past: it is listed again from
// here.
struct StoreConfirmed {
  WallTime at{};
  bool anew = false;
};

using Event = std::variant<Woke, JobSeen, JobGone, MarkerSeen, AccountSeen, TriggerSeen, TriggerGone, KillSeen,
                           WorkersSeen, CaughtUp, StoreConfirmed, SessionOpened, LeasesExtended, SessionLost, Obstacles,
                           ClaimRate, CommitAnswered, ReadAnswered, RunStarted, RunNotStarted, RunEnded, RunRecorded,
                           HistoryRoom, Unshelved, ShelfLost, Spooled, Respooled, Journalled>;

// ---- effects ------------------------------------------------------------------------------------------------------

struct WakeAt {
  WallTime wall = WallTime::max();  // replaces the former wake-up
  MonoTime mono = MonoTime::max();  // whichever comes first
};
struct Commit {
  Ticket ticket = 0;
  Txn txn;
  std::chrono::milliseconds patience{0};  // so much later does no harm, for the sake of company
};
struct Read {  // answered by ReadAnswered
  Ticket ticket = 0;
  std::vector<std::string> keys;
  std::string prefix;  // instead of keys, when not empty: all under it
  std::string after{};
  std::size_t most = 0;  // not 0: only the keys under prefix, so many that come after `after`
};
struct Start {
  domain::RunId run;
  CompiledPtr job;
  WallTime start_at{};
  MonoTime not_after{};
  MonoTime fence_deadline = MonoTime::max();
  Revision fence = 0;
  WallTime scheduled_at{};
  std::map<std::string, std::string> parameters;
};
struct CancelStart {
  domain::RunId run;
};
struct Kill {
  domain::RunId run;
  domain::RunStatus status = domain::RunStatus::Killed;
  domain::Reason reason = domain::Reason::None;
  std::string actor;
  std::optional<std::chrono::milliseconds> grace;
};
struct FenceDeadline {
  domain::RunId run;
  MonoTime deadline{};
};
struct Record {  // answered by RunRecorded, once
  domain::RunRecord record;
  bool shelved = false;  // it was; its verdict has been counted then
};
struct RecordRange {  // one record per firing, or a range record above kRangeRecords; answered by RunRecorded of `last`
  domain::RunRecord last;
  Range range;
  bool shelved = false;
};
struct Shelve {  // answered by Unshelved; nothing of this run is in memory until then but its digest
  Shelved run;
};
struct UnshelveAll {};  // at once, room or not: they are needed
// Too many ended keys wait for the history (rule 29): the record goes to disk and stays there until Forget, then the
// key goes. Answered by Spooled.
struct Spool {
  Shelved run;
};
struct Forget {  // nothing of this run is needed any more: journal and spool may drop it
  domain::RunId run;
  bool by_others = false;  // others recorded it, without the output that we may still have
};
struct Alarm {
  std::string what;  // a constant
  std::string about;
};

using Effect = std::variant<WakeAt, Commit, Read, Start, CancelStart, Kill, FenceDeadline, Record, RecordRange, Shelve,
                            UnshelveAll, Spool, Forget, Alarm>;
using Effects = std::vector<Effect>;

// ---- options ------------------------------------------------------------------------------------------------------

struct SchedulerOptions {
  std::chrono::milliseconds claim_lead{20};                        // at the least
  std::chrono::milliseconds claim_lead_max{800};                   // in a burst, over a slow link (rule 14)
  std::chrono::milliseconds takeover_delay{500};                   // between ranks (rule 26)
  std::chrono::milliseconds relist_every{3'000};                   // running/<self>/ (rule 6)
  std::chrono::milliseconds reconcile_every{5'000};                // running/ of the dead; sooner where one dies
  std::chrono::milliseconds lost_after{std::chrono::minutes(10)};  // rule 13
  std::chrono::milliseconds retry_store{200};  // before a read or commit that got no answer is tried again
  std::chrono::milliseconds lock_poll{500};    // a lock of another node that a queued firing waits for
  std::chrono::seconds open_poll{5};           // firings that no worker may run are looked at again
  std::chrono::milliseconds gather{50};        // ends and removals that nobody waits for go together
  std::chrono::seconds claim_fresh{1};         // rule 14
  int capacity = 64;                           // runs at once on this node
  std::size_t ended_keys_max = 100'000;        // that wait for the history; further ones are spooled (rule 29)
};

// ---- the scheduler ------------------------------------------------------------------------------------------------

struct JobSlot;
struct RunSlot;

class Scheduler {
 public:
  Scheduler(NodeId self, Keys keys, SchedulerOptions options, TokenSource& tokens, Rules rules = {});
  ~Scheduler();

  void step(const Event& event, Now now, Effects& effects);

  // For views and checks; loop thread only.
  std::size_t jobs() const;
  std::size_t runs_active() const;      // claimed, starting or running here
  std::size_t records_waiting() const;  // ended here, not yet in the history; walks all runs
  std::vector<domain::RunId> active_runs() const;
  bool accepting() const;  // claims are possible
  bool full() const;       // every place is taken
  // Jobs whose documents cannot be scheduled: how many, and of the first of them name → why. All of them would not fit
  // into a registration that every worker and master reads.
  static constexpr std::size_t kRefusedShown = 100;
  std::size_t refused_count() const;
  // Jobs whose markers lie further in the future than any claim can put them, and up to when: none of their instants up
  // to there fires. A clock that was wrong did that, and an operator has them brought back (core/edits.h bring_back).
  std::vector<std::pair<JobName, WallTime>> markers_ahead() const;
  // How many workers that accept runs stand before this one for `word` (core/fleet.h).
  int rank(std::string_view word) const;
  std::map<std::string, std::string> refused_jobs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cronfleet::core
