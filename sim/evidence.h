// sim/evidence.h: what really happened in a simulated fleet, as an observer who sees everything would tell it.
//
// The simulator fills this in while it runs; the oracle (oracle.h) works out from it what should have happened, the
// checkers (checkers.h) compare. Times without a remark are true time: what a perfect clock would have shown. Nothing
// in here was told by the product: executions are seen where the simulated process begins, documents where the
// simulated store commits them. Only `records` are the product's own words, and they are what is being judged.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "core/transaction.h"
#include "domain/run.h"

namespace cronfleet::sim {

struct TrueEnd {
  WallTime at{};
  WallTime node_wall{};  // the node's own clock at that moment
  domain::RunStatus status = domain::RunStatus::Failed;
  std::optional<int> exit_code;
  std::optional<int> signal;
};

// One execution of a job's command.
struct TrueExec {
  domain::RunId run;
  NodeId node;
  WallTime at{};
  WallTime node_wall{};
  std::int64_t fence = 0;          // what the command was given
  int version = 0;                 // of the job's document, as the command was told (see probe_command)
  std::uint64_t output_bytes = 0;  // that it wrote
  bool undone = false;             // begun too late after a pause and ended at once (executor: Frozen)
  std::optional<TrueEnd> end;
};

// One key of one commit of the store, in order of commits.
struct TrueWrite {
  core::Revision revision = 0;
  WallTime at{};
  std::string key;
  std::optional<std::string> value;  // absent: deleted
};

// An edit whose success a client was told of. From then on only `version` may start (0: nothing may).
struct AckedEdit {
  JobName job;
  int version = 0;
  core::Revision revision = 0;
  WallTime at{};
};
// A piece of output that stands in the history.
struct StoredChunk {
  std::uint64_t sequence = 0, offset = 0, bytes = 0;
};
// A registration that ended: from then on the worker is shown as offline.
struct Offline {
  NodeId node;
  WallTime at{};
};
// A claim over the lock that another worker's run had left, which stands for others until `safe_after`.
struct ClaimedOver {
  domain::RunId run;
  NodeId former;
  WallTime safe_after{};
};
struct AckedKill {
  domain::RunId run;
  WallTime at{};
  std::chrono::milliseconds grace{0};
};

// A time in which something was made to go wrong. `node` empty: it concerned all of them.
struct FaultSpan {
  std::string kind;  // "crash", "freeze", "machine-freeze", "cut", "store", "history", "disk", "clock", ...
  NodeId node;
  WallTime from{}, until{};
};

// The store was set back to an older state, which an operator then said is meant.
struct Restored {
  WallTime backed_up{}, at{};
  WallTime confirmed = WallTime::max();
};

struct Evidence {
  std::string prefix = "/cron/";
  std::vector<TrueWrite> writes;
  std::vector<TrueExec> execs;
  std::vector<AckedEdit> edits;
  std::vector<AckedKill> kills;
  std::vector<ClaimedOver> claimed_over;
  std::vector<FaultSpan> faults;
  std::vector<Offline> offline;
  std::vector<Restored> restored;
  core::Revision former_past = 0;  // added to what the store says since it was set back: revisions in here only grow
  std::map<domain::RunId, std::vector<StoredChunk>> output;  // of the runs in `records`, in order of their sequence
  std::vector<domain::RunRecord> records;                    // all that stands in the history at the end
  std::vector<std::string> changed_records;                  // run ids whose record a reader saw change or vanish
  std::vector<core::KeyValue> store_at_end;                  // all keys that were left
  std::vector<domain::RunId> running_at_end;                 // of the true processes
  WallTime began_at{}, ended_at{};
  WallTime healed_at = WallTime::max();  // the last fault was over
  std::size_t nodes = 1;
  std::size_t capacity = 64;  // runs at once on a worker
  bool settled = false;       // faults had stopped and there was time to account for everything
  bool shared_clock = true;   // no clock was touched: moments of nodes and true time agree
};

// The commands of simulated jobs say how they behave, so that the truth does not depend on what the product passes on:
// "probe version=7 ms=1500 exit=0 term_ms=20 stubborn=0".
struct Probe {
  int version = 0;
  std::chrono::milliseconds duration{100};
  int exit_code = 0;
  int fail_percent = 0;                     // how many of its runs end with exit 1 instead
  std::chrono::milliseconds term_delay{5};  // between SIGTERM and its end
  bool stubborn = false;                    // ignores SIGTERM
};
// Where the machines stand: the label "zone" of the worker on machine `index`, "a" or "b"; put elsewhere by an
// operator, the other one.
std::string zone_of(std::size_t index, bool relabelled = false);

std::string probe_command(const Probe& probe);
Probe parse_probe(std::string_view command);

}  // namespace cronfleet::sim
