// sim/bounds.cc: how late a start may be, and how long a dead worker may be taken for a living one (reliability.md
// G10).
#include <algorithm>
#include <map>
#include <set>

#include "sim/judging.h"

namespace cronfleet::sim {
namespace {

using domain::RunId;
using std::chrono::milliseconds;
using std::chrono::seconds;

// B1; what a new leader adds to it (B2), and the store's return (B4): a second, and a call that was sent before it
// (docs/decisions/0023-a-call-under-way-counts-in-b4.md).
constexpr milliseconds kTakeoverMax{750}, kNewLeaderMax{3'000}, kStoreBackMax{1'000 + 2'000};
// B3: the run lease (D), what is allowed on top of it, and an election (E).
constexpr seconds kRunLease{30}, kFollowMax{2}, kElection{2};

using ExecsOfJob = std::vector<const TrueExec*>;

std::map<JobName, ExecsOfJob> execs_by_job(const Evidence& evidence) {
  std::map<JobName, ExecsOfJob> by_job;
  for (const TrueExec& exec : evidence.execs) by_job[exec.run.firing.job].push_back(&exec);
  return by_job;
}

// Every place on the worker of `exec` was taken at some moment between its instant and its start.
bool was_full(const Evidence& evidence, const TrueExec& exec) {
  const WallTime instant = exec.run.firing.instant();
  std::vector<std::pair<WallTime, int>> changes;
  for (const TrueExec& other : evidence.execs) {
    if (other.node != exec.node || other.at >= exec.at || (other.end && other.end->at < instant)) continue;
    changes.emplace_back(other.at, 1);
    if (other.end) changes.emplace_back(other.end->at, -1);
  }
  std::sort(changes.begin(), changes.end());
  std::size_t together = 0;
  for (const auto& [at, change] : changes) {
    together += static_cast<std::size_t>(change);
    if (at < exec.at && together >= evidence.capacity) return true;
  }
  return false;
}

// Until when the lock of a machine that lost its disk kept `exec` from being claimed: nobody frees it before
// (protocol.md rule 18). One that came back with its disk frees its own.
std::optional<WallTime> locked_until(const Evidence& evidence, const TrueExec& exec) {
  for (const ClaimedOver& over : evidence.claimed_over) {
    if (over.run != exec.run) continue;
    const bool lost = std::any_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
      return fault.kind == "disk-lost" && fault.node == over.former;
    });
    if (lost) return over.safe_after;
  }
  return std::nullopt;
}

// The first start of a firing that came later than kLatenessMax although no run of its job stood before it.
bool late(const Evidence& evidence, const TrueExec& exec, const ExecsOfJob& of_job, const TrueDocument& document) {
  if (!exec.run.firing.scheduled() || exec.run.attempt > 1 || exec.undone) return false;
  const WallTime instant = exec.run.firing.instant();
  if (exec.at <= instant + document.job.timing->jitter + kLatenessMax) return false;
  if (!document.job.overlap.fenced()) return true;
  const bool stood_before = std::any_of(of_job.begin(), of_job.end(), [&](const TrueExec* other) {
    return other != &exec && other->at < exec.at && (!other->end || other->end->at + seconds(5) >= instant);
  });
  if (stood_before) return false;
  const auto locked = locked_until(evidence, exec);
  return !locked || exec.at > *locked + kLatenessMax;
}

template <typename Judge>
void each_late(const Evidence& evidence, const Expected& expected, Judge judge) {
  for (const auto& [job, execs] : execs_by_job(evidence)) {
    for (const TrueExec* exec : execs) {
      const TrueDocument* document = document_of(expected, job, exec->version);
      if (document != nullptr && late(evidence, *exec, execs, *document) && !was_full(evidence, *exec))
        judge(*exec, *document);
    }
  }
}

}  // namespace

// Judged where nothing stands in the way of a start in time: no fault near, a first attempt, no other run of the job, a
// place on the worker.
void check_lateness(const Evidence& evidence, const Expected& expected, Violations& violations) {
  each_late(evidence, expected, [&](const TrueExec& exec, const TrueDocument&) {
    const WallTime instant = exec.run.firing.instant();
    const bool disturbed = std::any_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
      return fault.from <= exec.at && fault.until + kRecovery >= instant;
    });
    if (disturbed) return;
    report(violations, "I5", exec.run.firing.job, exec.at, "{} began {:.0f} ms late on {}, and nothing was wrong",
           exec.run.text(), ms_between(instant, exec.at), exec.node);
  });
}

// With one worker dead, stopped or cut off, and nothing else wrong, the others are in time: within the delay of the
// next ranks (B1). Judged on jobs that may run anywhere and wait for no lock of the one that is gone.
void check_takeover(const Evidence& evidence, const Expected& expected, Violations& violations) {
  if (evidence.nodes < 2) return;
  each_late(evidence, expected, [&](const TrueExec& exec, const TrueDocument& document) {
    if (document.job.overlap.fenced() || !document.job.where->empty()) return;
    const WallTime instant = exec.run.firing.instant();
    std::set<NodeId> gone;
    for (const FaultSpan& fault : evidence.faults) {
      if (fault.from > exec.at || fault.until + kRecovery < instant) continue;
      const bool away = fault.kind == "crash" || fault.kind == "machine-crash" || fault.kind == "disk-lost" ||
                        fault.kind == "freeze" || fault.kind == "machine-freeze" || fault.kind == "cut";
      if (!away || fault.node == exec.node) return;
      gone.insert(fault.node);
    }
    if (gone.size() != 1) return;
    report(violations, "B1", exec.run.firing.job, exec.at, "{} began {:.0f} ms late on {}, and only {} was away",
           exec.run.text(), ms_between(instant, exec.at), exec.node, *gone.begin());
  });
}

namespace {

bool dies(const FaultSpan& fault) {
  return fault.kind == "crash" || fault.kind == "machine-crash" || fault.kind == "disk-lost";
}

// Until when a worker that died may be taken for a living one: its run lease, which each new leader starts anew.
// Nothing where something else was wrong.
std::optional<WallTime> taken_for_living(const Evidence& evidence, const FaultSpan& death) {
  WallTime until = death.from + kRunLease;
  for (const FaultSpan& other : evidence.faults) {
    if (&other == &death || other.from > until + kFollowMax || other.until + kRecovery < death.from) continue;
    if (other.kind != "leader-change") return std::nullopt;
    until = std::max(until, other.from + kElection + kRunLease);
  }
  return until;
}

// Its worker died in the midst of it, and nobody wanted it killed.
bool cut_short(const Evidence& evidence, const TrueExec& exec, const FaultSpan& death) {
  return exec.node == death.node && exec.at < death.from && (!exec.end || exec.end->at >= death.from) && !exec.undone &&
         std::none_of(
             evidence.kills.begin(), evidence.kills.end(), [&](const AckedKill& kill) { return kill.run == exec.run; });
}

// The first firing of `job` from `from` on.
std::optional<WallTime> slot_from(const Expected& expected, const JobName& job, WallTime from) {
  const auto firings = expected.firings.find(job);
  if (firings == expected.firings.end()) return std::nullopt;
  const auto slot = firings->second.lower_bound(from);
  return slot == firings->second.end() ? std::nullopt : std::optional(slot->first);
}

}  // namespace

// What a worker that died was running is followed (B3): by the next attempt of an at-least-once job, and by the first
// slot of a job that forbids overlap. Judged where the worker stays away, nobody edits the job, and nothing else is
// wrong.
void check_followed(const Evidence& evidence, const Expected& expected, Violations& violations) {
  using Overlap = domain::Overlap::Mode;
  if (evidence.nodes < 2) return;
  const auto by_job = execs_by_job(evidence);
  for (const FaultSpan& death : evidence.faults) {
    const auto until = dies(death) ? taken_for_living(evidence, death) : std::nullopt;
    if (!until) continue;
    const WallTime judged_until = std::min(death.until, evidence.ended_at);
    for (const auto& [name, execs] : by_job) {
      for (const TrueExec* exec : execs) {
        const TrueDocument* document = document_of(expected, name, exec->version);
        if (document == nullptr || !cut_short(evidence, *exec, death)) continue;
        const domain::Job& job = document->job;
        if (!job.where->empty()) continue;
        const bool again = job.overlap.mode == Overlap::Allow && exec->run.attempt < job.delivery.attempts_max;
        if (!again && job.overlap.mode != Overlap::Forbid) continue;
        const auto slot = again ? until : slot_from(expected, name, *until);
        if (!slot) continue;
        const WallTime bound = *slot + kFollowMax + (again ? milliseconds(0) : job.timing->jitter);
        if (bound >= judged_until || (document->replaced_at && *document->replaced_at <= bound)) continue;
        const bool followed = std::any_of(execs.begin(), execs.end(), [&](const TrueExec* other) {
          const bool next = other->run.firing == exec->run.firing && other->run.attempt == exec->run.attempt + 1;
          return other->at > death.from && other->at <= bound && (!again || next);
        });
        if (!followed)
          report(violations, "B3", name, death.from, "{} was on {}, which died, and {} until {}", exec->run.text(),
                 exec->node, again ? "no further attempt began" : "no slot of the job was begun", at_text(bound));
      }
    }
  }
}

// With nothing wrong but the store: a new leader costs a retry (B2); after its quorum is back, what is not too late
// begins within the delay of the next ranks and kStoreBackMax (B4).
void check_store_back(const Evidence& evidence, const Expected& expected, Violations& violations) {
  each_late(evidence, expected, [&](const TrueExec& exec, const TrueDocument& document) {
    if (document.job.overlap.fenced() || !document.job.where->empty()) return;
    const WallTime instant = exec.run.firing.instant();
    std::optional<WallTime> back;
    bool led_anew = false;
    for (const FaultSpan& fault : evidence.faults) {
      if (fault.from > exec.at || fault.until + kRecovery < instant) continue;
      if (fault.kind == "store-down") {
        back = std::max(back.value_or(fault.until), fault.until);
      } else if (fault.kind == "leader-change") {
        led_anew = true;
      } else {
        return;
      }
    }
    if (!back && !led_anew) return;  // I5 judges it
    WallTime bound = std::max(instant, back.value_or(instant)) + document.job.timing->jitter + kTakeoverMax;
    if (back) bound += kStoreBackMax;
    if (led_anew) bound += kNewLeaderMax;
    if (exec.at > bound)
      report(
          violations, back ? "B4" : "B2", exec.run.firing.job, exec.at,
          "{} began {:.0f} ms late on {}, {:.0f} ms past its bound: {}", exec.run.text(), ms_between(instant, exec.at),
          exec.node, ms_between(bound, exec.at),
          back ? fmt::format("the store was back at {}", to_rfc3339_ms(*back)) : std::string("a leader was elected"));
  });
}

// Half a minute after the last fault everything begins in time again. Where one machine alone may run a job, a worker
// that came back under another id is not it.
void check_recovered(const Evidence& evidence, const Expected& expected, Violations& violations) {
  if (evidence.healed_at == WallTime::max()) return;
  each_late(evidence, expected, [&](const TrueExec& exec, const TrueDocument& document) {
    const WallTime instant = exec.run.firing.instant();
    if (instant < evidence.healed_at + kRecovered || !document.job.where->empty()) return;
    report(violations, "I14", exec.run.firing.job, exec.at,
           "{} began {:.0f} ms late on {}, {:.0f} s after all was well", exec.run.text(), ms_between(instant, exec.at),
           exec.node, ms_between(evidence.healed_at, instant) / 1000);
  });
}

// A worker that has stopped is shown as offline soon. Judged where nothing else was wrong with it or with the store.
void check_offline(const Evidence& evidence, const Expected&, Violations& violations) {
  for (const FaultSpan& fault : evidence.faults) {
    const bool away = fault.kind == "crash" || fault.kind == "machine-crash" || fault.kind == "disk-lost" ||
                      fault.kind == "freeze" || fault.kind == "machine-freeze";
    if (!away || fault.until < fault.from + kOfflineMax || evidence.ended_at < fault.from + kOfflineMax) continue;
    if (fault.from < evidence.began_at + kRecovery) continue;
    const bool alone = std::none_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& other) {
      return &other != &fault && !is_order(other) && concerns(other, fault.node) &&
             other.from <= fault.from + kOfflineMax && other.until + kRecovery >= fault.from;
    });
    if (!alone) continue;
    // After a lost disk a worker has another id; stopped before it came to register that, nobody knows it.
    const bool known = std::any_of(evidence.execs.begin(), evidence.execs.end(), [&](const TrueExec& exec) {
      return exec.node == fault.node && exec.at < fault.from;
    });
    if (!known) continue;
    const bool shown = std::any_of(evidence.offline.begin(), evidence.offline.end(), [&](const Offline& offline) {
      return offline.node == fault.node && offline.at >= fault.from && offline.at <= fault.from + kOfflineMax;
    });
    if (!shown)
      report(violations, "B5", JobName(), fault.from, "{} stopped ({}) and was not shown as offline within {} s",
             fault.node, fault.kind, kOfflineMax.count());
  }
}

}  // namespace cronfleet::sim
