// core/entries.h: the keys of the coordination store and what stands under them (DESIGN.md §3, protocol.md §1).
//
// All keys begin with the fleet's prefix, "/cron/" unless configured otherwise. Values are JSON, except the marker,
// which must compare as text: an instant as 15 decimal digits of ms, a space, and a token or one of saved, adopted,
// closed. docs/formats.md shows each of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/time.h"
#include "core/transaction.h"
#include "domain/job.h"
#include "domain/run.h"

namespace cronfleet::core {

class Keys {
 public:
  explicit Keys(std::string prefix = "/cron/") : prefix_(std::move(prefix)) {}

  const std::string& prefix() const { return prefix_; }
  std::string jobs() const { return prefix_ + "jobs/"; }
  std::string fired() const { return prefix_ + "fired/"; }
  std::string accounts() const { return prefix_ + "accounts/"; }
  std::string running() const { return prefix_ + "running/"; }
  std::string locks() const { return prefix_ + "lock/"; }
  std::string holds() const { return prefix_ + "hold/"; }
  std::string workers() const { return prefix_ + "workers/"; }
  std::string kills() const { return prefix_ + "killer/"; }
  std::string triggers() const { return prefix_ + "trigger/"; }
  std::string versions() const { return prefix_ + "versions/"; }
  std::string nodes() const { return prefix_ + "nodes/"; }
  std::string restored() const { return prefix_ + "restored"; }
  std::string fleet() const { return prefix_ + "fleet"; }
  std::string edited() const { return prefix_ + "edited"; }
  std::string recents() const { return prefix_ + "recent/"; }

  std::string job(const JobName& name) const { return jobs() + name.text(); }
  std::string marker(const JobName& name) const { return fired() + name.text(); }
  std::string stamped(const JobName& name) const { return prefix_ + "stamped/" + name.text(); }
  std::string version(const JobName& name, Revision revision) const;
  std::string account(const JobName& name, Revision revision) const;
  std::string running(const NodeId& node) const { return running() + node.text() + "/"; }
  std::string running(const NodeId& node, const domain::RunId& run) const { return running(node) + run.text(); }
  std::string lock(const JobName& name) const { return locks() + name.text(); }
  std::string hold(const NodeId& node, const Incarnation& incarnation) const;
  std::string worker(const NodeId& node) const { return workers() + node.text(); }
  std::string kill(const domain::RunId& run) const { return kills() + run.firing.job.text() + "/" + run.text(); }
  std::string kill_all(const JobName& name) const { return kills() + name.text(); }
  std::string trigger(const domain::RequestId& id) const { return triggers() + id.text(); }
  std::string recent(const JobName& name) const { return recents() + name.text(); }
  std::string recent(const domain::RunId& run) const { return recents() + run.text(); }
  std::string node_settings(const NodeId& node) const { return nodes() + node.text(); }
  std::string idempotency(std::string_view digest) const { return prefix_ + "idempotency/" + std::string(digest); }
  // Whether `key` has the form of one of these: false for what somebody else keeps under the same prefix.
  bool has(std::string_view key) const;

 private:
  std::string prefix_;
};

// The newest accounted instant of a job. Only grows.
struct Marker {
  WallTime instant{};
  std::string token;  // 32 hex digits of the claim, or "saved", "adopted", "closed"

  std::string text() const;  // "001772323200000 3f…"
  friend bool operator==(const Marker&, const Marker&) = default;
};
Result<Marker> parse_marker(std::string_view text);  // Corrupt: not of that form
// What a marker of exactly `instant` begins with; every marker of it is greater than this as text.
std::string marker_floor(WallTime instant);

enum class Phase {
  Claimed,   // owned, not known to have started or still running
  Waiting,   // an attempt that waits for its time (retry delay)
  Ended,     // verdict known, not yet in the history
  Settling,  // taken over from a dead worker; its verdict is being found out
};

// Instants with one verdict that were accounted for together (REL-16).
struct Range {
  WallTime from{}, to{};  // first and last instant, both included
  std::uint64_t count = 0;
  std::string schedule, time_zone;  // to list them again
  friend bool operator==(const Range&, const Range&) = default;
};

// running/<node>/<run id>
struct RunningEntry {
  domain::RunId run;
  Phase phase = Phase::Claimed;
  Incarnation incarnation;  // of the worker that wrote it
  Token token;
  Revision job_revision = 0;
  Revision fence = 0;  // 0 until known: the claim's own revision; carried on by retries and takeovers
  WallTime scheduled_at{};
  WallTime claimed_at{};
  WallTime safe_after{};  // fenced runs: nobody follows before (protocol.md rule 18)
  WallTime not_before{};  // Waiting: when the attempt may start
  bool locked = false;    // this run holds lock/<name>
  domain::Trigger trigger = domain::Trigger::Schedule;
  std::string triggered_by;
  std::string reason_text;                        // why somebody asked for it (run-now)
  std::map<std::string, std::string> parameters;  // run-now: reach each attempt as environment, whoever starts it
  NodeId worker;                                  // who ran it, once its key stands under another node; else empty
  std::string command;                            // as shown to people; only in Ended entries
  domain::RunEnd end;                             // Ended only
  bool final = true;                              // Ended: false when a next attempt exists
  std::optional<Range> range;
};
std::string encode(const RunningEntry& entry);
Result<RunningEntry> decode_running(std::string_view json);  // Corrupt

// lock/<name>
struct LockEntry {
  domain::RunId run;
  NodeId node;
  Incarnation incarnation;
  WallTime safe_after{};
};
std::string encode(const LockEntry& entry);
Result<LockEntry> decode_lock(std::string_view json);

// accounts/<name>/<revision>: instants in (from, to] of an older version that are still to be recorded.
struct AccountEntry {
  std::string document;  // the job as it stood, JSON text
  WallTime from{}, to{};
};
std::string encode(const AccountEntry& entry);
Result<AccountEntry> decode_account(std::string_view json);

// trigger/<id>
struct TriggerEntry {
  domain::RequestId id;
  JobName job;
  std::string actor, reason;
  WallTime requested_at{};
  std::string worker;                             // node id of the chosen worker; empty: any
  std::map<std::string, std::string> parameters;  // reach the run as environment
};
std::string encode(const TriggerEntry& entry);
Result<TriggerEntry> decode_trigger(std::string_view json);

// killer/<name>/<run id> and killer/<name>. The reference puts an empty value: that is an order without a name.
struct KillEntry {
  std::string actor, reason;
  WallTime requested_at{};
  std::optional<std::chrono::milliseconds> grace;
};
std::string encode(const KillEntry& entry);
Result<KillEntry> decode_kill(std::string_view json);

// workers/<node>
// How busy the machine of a worker is and how far its stores are, as it was within the last seconds.
struct WorkerLoad {
  int cpus = 0, cpu_percent = 0;                              // of all of them together: 0 to 100
  std::uint64_t memory_bytes = 0, memory_bytes_max = 0;       // of the machine: what nobody could be given, and all
  std::uint64_t spool_bytes = 0, spool_bytes_max = 0;         // on its disk, on the way to the history
  std::int64_t clock_ahead_ms = 0;                            // of the median of the fleet; negative: behind
  std::int64_t store_latency_ms = 0, history_latency_ms = 0;  // of the last answers
  friend bool operator==(const WorkerLoad&, const WorkerLoad&) = default;
};

struct WorkerEntry {
  NodeId node;
  std::string address, host, version, boot_id, zone_version;
  std::int64_t pid = 0;
  Incarnation incarnation;
  std::map<std::string, std::string> labels;
  int capacity = 0;
  int running = 0;
  bool accepting = true;
  WallTime wall{};  // its clock when it wrote this
  WallTime started_at{};
  std::optional<WorkerLoad> load;              // absent: not measured
  std::vector<std::string> warnings;           // "disk full", "clock 3.1 s ahead"; refused jobs are under refused
  std::map<std::string, std::string> refused;  // job name → why its document is not scheduled
};
std::string encode(const WorkerEntry& entry);
Result<WorkerEntry> decode_worker(std::string_view json);

// nodes/<node>: what an operator wants of a worker. Outlives it; the worker follows its own key.
struct NodeSettings {
  bool drain = false;                         // it claims nothing; what runs goes on
  std::map<std::string, std::string> labels;  // over the configured ones; "" takes one away
  std::string by, reason;
  WallTime at{};
  friend bool operator==(const NodeSettings&, const NodeSettings&) = default;
};
std::string encode(const NodeSettings& settings);
Result<NodeSettings> decode_node_settings(std::string_view json);

// restored: an operator confirms that the store is an older state on purpose (protocol.md rule 30). It counts where
// `at` is later than the last time that a worker saw the store further on; firings up to `at` that the store knows
// nothing of become missed(restored).
struct RestoredEntry {
  Revision revision = 0;  // of the store when it was confirmed
  std::string by;
  WallTime at{};
  friend bool operator==(const RestoredEntry&, const RestoredEntry&) = default;
};
std::string encode(const RestoredEntry& entry);
Result<RestoredEntry> decode_restored(std::string_view json);

// fleet: put by the first process that uses this prefix.
struct FleetEntry {
  static constexpr int kSchema = 1;  // of keys and values: a program refuses a greater one than its own
  int schema = kSchema;
  WallTime made_at{};
  friend bool operator==(const FleetEntry&, const FleetEntry&) = default;
};
std::string encode(const FleetEntry& entry);
Result<FleetEntry> decode_fleet(std::string_view json);

// The name of the job in "jobs/<name>", the node and run in "running/<node>/<run id>"; empty where the key is not of
// that form.
std::optional<std::string_view> after_prefix(std::string_view key, std::string_view prefix);

}  // namespace cronfleet::core
