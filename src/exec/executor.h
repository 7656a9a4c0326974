// exec/executor.h: starts commands, follows them to their end, ends them. Knows nothing of jobs, stores or schedules.
//
// All calls and all answers belong to the loop of the worker; an answer never comes inside a call. Behind the POSIX
// backend stands the runner, a small process of its own (DESIGN.md §5): it writes output and ends to a journal on local
// disk before it reports them (and syncs it within 100 ms: docs/decisions/0012), ends fenced runs at their deadline by
// itself, and, when the worker is gone, ends what is left and writes that down as killed (worker_died).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "domain/job.h"
#include "domain/run.h"

namespace cronfleet::exec {

struct StartRequest {
  domain::RunId run;
  std::vector<std::string> arguments;              // argv; [0] is looked up in the run's PATH when it has no slash
  std::map<std::string, std::string> environment;  // all of it: the executor adds CRONFLEET_RUN_ID and _HOME_ID
  std::string working_directory = "/";
  std::string user;  // empty: our own; resolved, with its groups, before the clone
  unsigned umask = 022;
  domain::Limits limits;
  std::chrono::milliseconds timeout{0};  // 0: none
  std::chrono::milliseconds kill_grace{10'000};
  std::uint64_t output_bytes_max = 1 << 20;
  // Not before this moment (the scheduled instant), and not when it is already past `not_after` (REL-3): the executor
  // answers not_started. Both are checked in the thread that spawns, and `not_after` once more right after the spawn;
  // so an executor refuses as TooLate already as long before `not_after` as a spawn may take.
  WallTime start_at{};
  MonoTime not_after = MonoTime::max();
  // Ended as killed(fenced) at this moment unless extended (protocol.md rule 18).
  MonoTime fence_deadline = MonoTime::max();
};

enum class NotStarted {
  Cancelled,    // cancel() came first
  TooLate,      // not_after had passed, or would pass during the spawn: nothing was executed, may be tried again
  Frozen,       // spawned, but not_after had passed meanwhile: killed at once, before or after its first instruction
  SpawnFailed,  // exec, user, directory or limits refused: `error` says which and why
  Overloaded,   // no process or descriptor to be had; nothing was executed, may be tried elsewhere
  Stopped,      // the executor is shutting down
};

struct Started {
  domain::RunId run;
  int pid = 0;
  WallTime started_at{};
};
struct StartFailed {
  domain::RunId run;
  NotStarted why;
  std::string error;
};
struct Ended {
  domain::RunId run;
  domain::RunEnd end;
  std::string output_text;  // head and tail, UTF-8 repaired, with a line that counts the bytes left out between
};

// How many runs the machine's limits allow at once, those that run counted.
inline constexpr std::uint32_t kRoomUnlimited = ~0u;
struct Room {
  std::uint32_t runs_max = kRoomUnlimited;
  std::string limit;  // the one that says so: what it is called, where it is set, its value; or why a start found none
  friend bool operator==(const Room&, const Room&) = default;
};

class ExecutorSink {
 public:
  virtual ~ExecutorSink() = default;
  virtual void on_started(Started started) = 0;
  virtual void on_start_failed(StartFailed failed) = 0;
  virtual void on_output(domain::OutputChunk chunk) = 0;  // at the latest 100 ms after it was written
  virtual void on_ended(Ended ended) = 0;                 // journalled before; exactly once per started run
  // The executor lost its runner: every run it had is over. The worker takes up what the journal says after restart().
  virtual void on_runner_lost(std::string error) = 0;
  // The journal's disk is full, or no longer: nothing is to be claimed while it is (REL-F13). `text` says how runs are
  // kept together and what is degraded, for the worker's status.
  virtual void on_condition(bool journal_full, std::string text) {
    static_cast<void>(journal_full), static_cast<void>(text);
  }
  // More than `room.runs_max` runs at once would meet a limit of descriptors or processes: no more are to be claimed
  // (REL-F25). Comes once at first, then about a second after it changed, and at once when a start found none.
  virtual void on_room(Room room) { static_cast<void>(room); }
};

struct KillOrder {
  domain::RunStatus status = domain::RunStatus::Killed;  // what the end is recorded as
  domain::Reason reason = domain::Reason::None;
  std::string actor;                               // who
  std::optional<std::chrono::milliseconds> grace;  // instead of the request's kill_grace; 0: SIGKILL at once
};

// What an earlier life of this worker left in the journal about a run.
struct JournalEntry {
  domain::RunId run;
  bool reached_exec = false;  // false: proved never executed
  std::optional<Started> started;
  std::optional<Ended> ended;  // absent: still running when the journal ended, hence lost or killed by the sweep
  std::vector<domain::OutputChunk> output;  // not yet acknowledged
};

class Executor {
 public:
  virtual ~Executor() = default;

  // One answer of on_started or on_start_failed follows; on_ended follows on_started.
  virtual void start(StartRequest request) = 0;
  // Withdraws a start that has not happened yet: on_start_failed(Cancelled), or on_started when it was too late.
  virtual void cancel(const domain::RunId& run) = 0;
  // TERM to the group, after the grace KILL to everything that is left, descendants included (SEC-54). For a run that
  // waits for start_at it is a cancel. Unknown runs: no-op. A later order with a shorter grace shortens it.
  virtual void kill(const domain::RunId& run, KillOrder order) = 0;
  virtual void set_fence_deadline(const domain::RunId& run, MonoTime deadline) = 0;
  // All that this run left in the journal is safe in the history: its space may be used again.
  virtual void acknowledge(const domain::RunId& run) = 0;
};

}  // namespace cronfleet::exec
