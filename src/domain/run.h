// domain/run.h: one attempt at a firing, and how it ended.
//
// A firing is (job, scheduled instant); one started by hand is (job, request id). A run is one attempt at it. Ids are
// derived from these alone, so that every node, retry and replay means the same run (DESIGN.md §2).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"

namespace cronfleet::domain {

using RequestId = Name<struct RequestIdTag>;  // of a run-now: letters, digits, '-' and '_', 1..64

struct Firing {
  JobName job;
  std::variant<WallTime, RequestId> which;  // the scheduled instant (whole ms), or the request

  bool scheduled() const { return std::holds_alternative<WallTime>(which); }
  WallTime instant() const { return std::get<WallTime>(which); }
  std::string text() const;  // "nightly@2026-03-01T02:00:00Z", "nightly@r-7f3a"
  friend auto operator<=>(const Firing&, const Firing&) = default;
};

struct RunId {
  Firing firing;
  int attempt = 1;

  std::string text() const;  // "nightly@2026-03-01T02:00:00Z.1"
  friend auto operator<=>(const RunId&, const RunId&) = default;
};

// Reads what text() wrote. InvalidArgument: not of that form.
Result<RunId> parse_run_id(std::string_view text);

enum class RunStatus {
  Waiting,  // for its retry delay
  Claimed,  // owned by a worker, not started
  Running,
  // Final: exactly one of these per firing (the one of its highest attempt).
  Succeeded,
  Failed,     // exit_code
  Signalled,  // signal
  TimedOut,
  Killed,
  Skipped,  // reason: overlap, queue_full, replaced, disabled
  Missed,   // reason: late, edited, no_eligible_worker, restored
  Lost,     // the worker died or never said what came of it; reason: worker_died
  Refused,  // could not be started; reason and error say why
};
enum class Reason {
  None,
  Overlap,
  QueueFull,
  Replaced,
  Disabled,
  Late,
  Edited,
  NoEligibleWorker,
  Shutdown,
  WorkerDied,
  Restored,
  SpawnFailed,  // Refused: the command could not be executed; `error` has the sentence
  Fenced,       // Killed: the machine had lost its lease and others may have followed (protocol.md rule 18)
};
bool is_final(RunStatus status);
std::string_view to_string(RunStatus status);  // "timed_out"
std::string_view to_string(Reason reason);     // "queue_full"; None is ""
std::optional<RunStatus> parse_run_status(std::string_view text);
std::optional<Reason> parse_reason(std::string_view text);

enum class Trigger { Schedule, Manual, Retry, Redelivery, CatchUp };
std::string_view to_string(Trigger trigger);
std::optional<Trigger> parse_trigger(std::string_view text);

// What a finished process used.
struct Usage {
  std::chrono::microseconds cpu_user{0}, cpu_system{0};
  std::uint64_t memory_bytes_peak = 0;  // 0: not known, less than the runner itself has (some 25 MB)
};

// What the executor knows once a run is over.
struct RunEnd {
  RunStatus status = RunStatus::Failed;
  Reason reason = Reason::None;
  std::optional<int> exit_code;
  std::optional<int> signal;
  std::string error;      // a sentence, when it could not be started or something went wrong around it
  std::string actor;      // who killed it, when somebody did
  WallTime started_at{};  // exec succeeded; equal to ended_at when it never started
  WallTime ended_at{};
  std::uint64_t output_bytes = 0;          // written by the processes, both streams
  std::uint64_t output_bytes_dropped = 0;  // of these, not kept between head and tail
  Usage usage;
};

// One record of the history; final ones are inserted once and never changed (DESIGN.md §7).
struct RunRecord {
  RunId id;
  std::string command;  // as shown to people
  RunEnd end;
  NodeId worker;
  Trigger trigger = Trigger::Schedule;
  std::string triggered_by;  // who asked, for Manual
  WallTime scheduled_at{};   // planTime: the instant, or when it was asked for
  WallTime claimed_at{};     // realityTime: when a worker took it up
  std::int64_t job_revision = 0;
  std::int64_t fence = 0;  // revision of its claim
  bool final = true;       // false: a next attempt exists (protocol.md rule 23)
  // A range stands for `range_count` firings of one job in [range_from, scheduled_at] with one verdict (REL-16).
  std::uint64_t range_count = 1;
  std::optional<WallTime> range_from;
  std::string output;  // head and tail as text for readers (UTF-8 repaired); the bytes are in the chunks
};

// A piece of a run's output, in order of `sequence` from 0.
struct OutputChunk {
  enum class Stream : std::uint8_t { Out = 1, Err = 2 };
  RunId run;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;  // of the first byte, in all that the run wrote (both streams, in order of arrival)
  Stream stream = Stream::Out;
  WallTime written_at{};
  std::string bytes;
};

}  // namespace cronfleet::domain
