#include "sim/checkers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/entries.h"
#include "domain/where.h"
#include "sim/judging.h"

namespace cronfleet::sim {
namespace {

using domain::Reason;
using domain::RunId;
using domain::RunRecord;
using domain::RunStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kEarlyMax{50};
constexpr milliseconds kClockTolerated{3'000};  // 2 s, and what was claimed ahead by then
constexpr milliseconds kClockSuspect{2'500};    // 2 s, and what a reading may be wrong by
constexpr seconds kClockFound{10};              // from a step to the last start of what was claimed before it was seen
constexpr milliseconds kSpawnMax{10};
constexpr milliseconds kEditObeyed{1'000};
constexpr milliseconds kKillObeyed{2'000};
constexpr milliseconds kRecordTolerance{50};
constexpr seconds kWakes{1};
constexpr seconds kOrderObeyed{5};  // an operator's word, where nothing else is wrong

std::map<RunId, const TrueExec*> execs_by_run(const Evidence& evidence) {
  std::map<RunId, const TrueExec*> execs;
  for (const TrueExec& exec : evidence.execs) execs.emplace(exec.run, &exec);
  return execs;
}

bool ran(RunStatus status) {
  return status == RunStatus::Succeeded || status == RunStatus::Failed || status == RunStatus::Signalled ||
         status == RunStatus::TimedOut;
}

// Nothing but orders of an operator concerned `node` in [from, to], nor lately before.
bool undisturbed(const Evidence& evidence, const NodeId& node, WallTime from, WallTime to) {
  return std::none_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
    return !is_order(fault) && concerns(fault, node) && fault.from <= to && fault.until + kRecovery >= from;
  });
}

}  // namespace

// Where clocks were touched, a node alone cannot know better than its own clock: that is then what it is judged by.
void check_no_early_start(const Evidence& evidence, const Expected&, Violations& violations) {
  for (const TrueExec& exec : evidence.execs) {
    if (!exec.run.firing.scheduled()) continue;
    if (!evidence.shared_clock && exec.run.attempt > 1) continue;  // its firing had begun before the clock went back
    const WallTime began = evidence.shared_clock ? exec.at : std::max(exec.at, exec.node_wall);
    if (began >= exec.run.firing.instant() - kEarlyMax) continue;
    // Decided by a clock that was set right while the process was being made.
    const bool set_right = std::any_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
      return (fault.kind == "clock" || fault.kind == "drift") && concerns(fault, exec.node) && fault.until <= exec.at &&
             fault.until + kSpawnMax >= exec.at;
    });
    if (set_right) continue;
    report(violations, "I1", exec.run.firing.job, exec.at, "{} began {:.1f} ms early on {}", exec.run.text(),
           ms_between(began, exec.run.firing.instant()), exec.node);
  }
}

// One clock that is off among three or more that agree starts nothing by itself (protocol.md rule 16): while nothing
// else is wrong, everybody sees what everybody's clock shows.
void check_wrong_clock(const Evidence& evidence, const Expected&, Violations& violations) {
  if (evidence.shared_clock || evidence.nodes < 3) return;
  for (const TrueExec& exec : evidence.execs) {
    if (!exec.run.firing.scheduled() || exec.run.attempt > 1) continue;
    if (exec.at >= exec.run.firing.instant() - kClockTolerated) continue;
    const bool disturbed = std::any_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
      const bool this_clock = (fault.kind == "clock" || fault.kind == "drift") && fault.node == exec.node;
      return !this_clock && fault.from <= exec.at && fault.until + kRecovery >= exec.at;
    });
    if (disturbed) continue;
    report(violations, "I1", exec.run.firing.job, exec.at, "{} began {:.1f} s early on {}, by a clock that is off",
           exec.run.text(), ms_between(exec.at, exec.run.firing.instant()) / 1000, exec.node);
  }
}

// A worker whose clock is far off those of two others claims nothing, so it begins nothing either, early or late.
void check_suspect_clock(const Evidence& evidence, const Expected&, Violations& violations) {
  if (evidence.shared_clock || evidence.nodes < 3) return;
  for (const TrueExec& exec : evidence.execs) {
    if (exec.run.attempt > 1) continue;  // what it has begun it carries on
    const auto off = exec.node_wall - exec.at;
    if (std::chrono::abs(off) < kClockSuspect) continue;
    const bool long_known = std::any_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
      return fault.kind == "clock" && fault.node == exec.node && fault.from + kClockFound <= exec.at &&
             exec.at <= fault.until;
    });
    // One step of one clock is what the others can tell from theirs; a second one puts it off by another length.
    const auto near = std::count_if(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
      return !is_order(fault) && fault.from <= exec.at && fault.until + kRecovery >= exec.at;
    });
    if (long_known && near == 1)
      report(violations, "I15", exec.run.firing.job, exec.at, "{} began on {}, whose clock is off by {:.1f} s",
             exec.run.text(), exec.node, std::chrono::duration<double>(off).count());
  }
}

// A firing is skipped at its instant, not before: the run in front of it may end until then (protocol.md rule 19).
void check_skips(const Evidence& evidence, const Expected&, Violations& violations) {
  if (!evidence.shared_clock) return;
  for (const RunRecord& record : evidence.records) {
    if (record.end.reason != Reason::Overlap || !record.id.firing.scheduled()) continue;
    if (record.end.ended_at >= record.id.firing.instant()) continue;
    report(violations, "I1", record.id.firing.job, record.end.ended_at, "{} was skipped {:.1f} ms before its instant",
           record.id.text(), ms_between(record.end.ended_at, record.id.firing.instant()));
  }
}

// Nothing begins past its start deadline, which a late claim counts from its claim (REL-3, REL-F3).
void check_start_deadline(const Evidence& evidence, const Expected& expected, Violations& violations) {
  if (!evidence.shared_clock) return;
  const auto execs = execs_by_run(evidence);
  for (const RunRecord& record : evidence.records) {
    const auto found = execs.find(record.id);
    if (found == execs.end() || found->second->undone || !record.id.firing.scheduled()) continue;
    const TrueExec& exec = *found->second;
    const TrueDocument* document = document_of(expected, record.id.firing.job, exec.version);
    if (document == nullptr) continue;
    const WallTime wanted = std::max(record.claimed_at, record.id.firing.instant() + document->job.timing->jitter);
    const WallTime bound = wanted + document->job.timing->start_deadline + seconds(2);
    if (exec.at > bound)
      report(violations, "I5", record.id.firing.job, exec.at, "{} began {:.0f} ms after its claim, past its deadline",
             exec.run.text(), ms_between(record.claimed_at, exec.at));
  }
}

void check_starts_once(const Evidence& evidence, const Expected& expected, Violations& violations) {
  std::map<domain::Firing, std::vector<const TrueExec*>> by_firing;
  for (const TrueExec& exec : evidence.execs) by_firing[exec.run.firing].push_back(&exec);
  for (auto& [firing, execs] : by_firing) {
    std::stable_sort(execs.begin(), execs.end(),
                     [](const TrueExec* a, const TrueExec* b) { return a->run.attempt < b->run.attempt; });
    for (std::size_t i = 1; i < execs.size(); ++i) {
      const TrueExec& former = *execs[i - 1];
      const TrueExec& later = *execs[i];
      if (later.run.attempt == former.run.attempt) {
        report(violations, "I2", firing.job, later.at, "{} began twice: on {} at {} and on {} at {}", later.run.text(),
               former.node, at_text(former.at), later.node, at_text(later.at));
      } else if (later.fence <= former.fence) {
        report(violations, "I2", firing.job, later.at, "fence of {} is {}, not above the {} of {}", later.run.text(),
               later.fence, former.fence, former.run.text());
      }
    }
    const TrueDocument* document = document_of(expected, firing.job, execs.back()->version);
    if (document == nullptr) continue;
    const int most = document->job.attempts_max();
    if (static_cast<int>(execs.size()) > most)
      report(violations, "I2", firing.job, execs.back()->at, "{} began {} times, at most {} are asked for",
             firing.text(), execs.size(), most);
  }
}

namespace {

struct Verdicts {
  std::map<domain::Firing, std::vector<const RunRecord*>> by_firing;
};

// Every firing a record speaks for; a range record stands for many.
Verdicts verdicts_of(const Evidence& evidence, const Expected& expected, Violations& violations) {
  Verdicts verdicts;
  for (const RunRecord& record : evidence.records) {
    if (record.range_count <= 1 || !record.id.firing.scheduled()) {
      verdicts.by_firing[record.id.firing].push_back(&record);
      continue;
    }
    std::uint64_t covered = 0;
    const auto firings = expected.firings.find(record.id.firing.job);
    if (firings != expected.firings.end() && record.range_from) {
      for (auto it = firings->second.lower_bound(*record.range_from);
           it != firings->second.end() && it->first <= record.scheduled_at; ++it, ++covered)
        verdicts.by_firing[{record.id.firing.job, it->first}].push_back(&record);
    }
    if (covered != record.range_count)
      report(violations, "I3", record.id.firing.job, record.scheduled_at, "range {} speaks of {} firings, there are {}",
             record.id.text(), record.range_count, covered);
  }
  return verdicts;
}

void check_attempts(const domain::Firing& firing, const std::vector<const RunRecord*>& records,
                    Violations& violations) {
  std::size_t finals = 0;
  const RunRecord* highest = records.front();
  for (const RunRecord* record : records) {
    finals += record->final ? 1 : 0;
    if (record->id.attempt > highest->id.attempt) highest = record;
  }
  if (finals != 1 || !highest->final)
    report(violations, "I3", firing.job, highest->scheduled_at, "{} has {} final verdicts in {} records{}",
           firing.text(), finals, records.size(), highest->final ? "" : ", and its highest attempt is not final");
  if (highest->id.attempt != static_cast<int>(records.size()))
    report(violations, "I3", firing.job, highest->scheduled_at, "{} has {} records, its highest attempt is {}",
           firing.text(), records.size(), highest->id.attempt);
  for (const RunRecord* record : records) {
    if (!domain::is_final(record->end.status))
      report(violations, "I3", firing.job, record->scheduled_at, "{} is recorded as {}, which is no verdict",
             record->id.text(), domain::to_string(record->end.status));
  }
}

}  // namespace

void check_one_verdict(const Evidence& evidence, const Expected& expected, Violations& violations) {
  const Verdicts verdicts = verdicts_of(evidence, expected, violations);
  for (const auto& [firing, records] : verdicts.by_firing) {
    check_attempts(firing, records, violations);
    if (!firing.scheduled()) {
      if (expected.requests.count(firing.text()) == 0)
        report(violations, "I3", firing.job, records.front()->scheduled_at, "{} has a verdict but was never asked for",
               firing.text());
      continue;
    }
    const auto firings = expected.firings.find(firing.job);
    if (firings != expected.firings.end() && firings->second.count(firing.instant()) != 0) continue;
    report(violations, "I3", firing.job, firing.instant(), "{} has a verdict ({} {}) but was no firing", firing.text(),
           domain::to_string(records.front()->end.status), domain::to_string(records.front()->end.reason));
  }
  if (!evidence.settled) return;
  for (const auto& [job, firings] : expected.firings) {
    for (const auto& [instant, document] : firings) {
      const domain::Firing firing{job, instant};
      if (verdicts.by_firing.count(firing) != 0) continue;
      report(violations, "I3", job, instant, "{} came due and has no verdict", firing.text());
    }
  }
  for (const std::string& request : expected.requests) {
    const auto id = domain::parse_run_id(request + ".1");
    if (id && verdicts.by_firing.count(id->firing) == 0)
      report(violations, "I3", id->firing.job, evidence.ended_at, "{} was asked for and has no verdict", request);
  }
}

void check_live_version(const Evidence& evidence, const Expected& expected, Violations& violations) {
  for (const TrueExec& exec : evidence.execs) {
    const JobName& job = exec.run.firing.job;
    const TrueDocument* newest = nullptr;
    bool enabled_until_now = false;
    if (const auto documents = expected.documents.find(job); documents != expected.documents.end()) {
      for (const TrueDocument& document : documents->second) {
        if (document.version != exec.version || document.put_at > exec.at) continue;
        newest = &document;
        enabled_until_now = document.job.enabled;
      }
    }
    if (newest == nullptr) {
      report(violations, "I4", job, exec.at, "{} ran version {}, which was never saved before", exec.run.text(),
             exec.version);
      continue;
    }
    if (!enabled_until_now && exec.run.firing.scheduled())
      report(violations, "I4", job, exec.at, "{} ran version {}, which is disabled", exec.run.text(), exec.version);
    if (newest->replaced_known && exec.at > *newest->replaced_known + kEditObeyed)
      report(violations, "I10", job, exec.at, "{} ran version {} on {}, {:.0f} ms after its end was acknowledged",
             exec.run.text(), exec.version, exec.node, ms_between(*newest->replaced_known, exec.at));
    if (!exec.run.firing.scheduled()) {
      if (expected.requests.count(exec.run.firing.text()) == 0)
        report(violations, "I4", job, exec.at, "{} ran but was never asked for", exec.run.text());
      continue;
    }
    const auto firings = expected.firings.find(job);
    const WallTime instant = exec.run.firing.instant();
    if (firings == expected.firings.end() || firings->second.count(instant) == 0)
      report(violations, "I4", job, exec.at, "{} ran but was no firing", exec.run.text());
  }
}

// What the history has of a run's output is what the run wrote: without gap or repeat, but for what the record says was
// left out. What a lost disk held is gone with it (G8).
void check_output(const Evidence& evidence, const Expected&, Violations& violations) {
  const auto execs = execs_by_run(evidence);
  for (const RunRecord& record : evidence.records) {
    const auto found = execs.find(record.id);
    if (found == execs.end() || found->second->undone || !found->second->end) continue;
    const TrueExec& exec = *found->second;
    if (record.end.status == RunStatus::Lost || record.end.status != exec.end->status) continue;  // nobody knew its end
    const bool disk_lost = std::any_of(evidence.faults.begin(), evidence.faults.end(), [&](const FaultSpan& fault) {
      return fault.kind == "disk-lost" && fault.node == exec.node && fault.from >= exec.at;
    });
    if (disk_lost) continue;
    const auto wrong = [&](const std::string& what) {
      report(violations, "I11", record.id.firing.job, record.end.ended_at, "output of {}: {}", record.id.text(), what);
    };
    if (record.end.output_bytes != exec.output_bytes)
      wrong(fmt::format("it wrote {} bytes, the record says {}", exec.output_bytes, record.end.output_bytes));
    std::uint64_t stored = 0, next = 0;
    if (const auto chunks = evidence.output.find(record.id); chunks != evidence.output.end()) {
      for (const StoredChunk& chunk : chunks->second) {
        if (chunk.sequence != next++) wrong(fmt::format("piece {} stands where {} should", chunk.sequence, next - 1));
        if (record.end.output_bytes_dropped == 0 && chunk.offset != stored)
          wrong(fmt::format("piece {} begins at {}, not at {}", chunk.sequence, chunk.offset, stored));
        stored += chunk.bytes;
      }
    }
    if (stored + record.end.output_bytes_dropped != record.end.output_bytes)
      wrong(fmt::format("{} bytes stand and {} are said to be left out, of {}", stored, record.end.output_bytes_dropped,
                        record.end.output_bytes));
  }
}

namespace {

// By when a machine that was stopped as a whole at `at`, or had only just gone on, must have ended a run that others
// may follow: within a second after it wakes, and one stop may begin in another. Absent: it was not stopped.
std::optional<WallTime> ends_frozen_by(const Evidence& evidence, const NodeId& node, WallTime at) {
  std::optional<WallTime> by;
  for (bool longer = true; longer;) {
    longer = false;
    for (const FaultSpan& fault : evidence.faults) {
      if (fault.kind != "machine-freeze" || !concerns(fault, node) || fault.from > by.value_or(at)) continue;
      if (fault.until + kWakes <= by.value_or(at)) continue;
      by = fault.until + kWakes;
      longer = true;
    }
  }
  return by;
}

}  // namespace

void check_no_overlap(const Evidence& evidence, const Expected& expected, Violations& violations) {
  std::map<JobName, std::vector<const TrueExec*>> by_job;
  for (const TrueExec& exec : evidence.execs) {
    const TrueDocument* document = document_of(expected, exec.run.firing.job, exec.version);
    if (document != nullptr && document->job.overlap.fenced()) by_job[exec.run.firing.job].push_back(&exec);
  }
  const auto end_of = [&](const TrueExec& exec) { return exec.end ? exec.end->at : evidence.ended_at; };
  for (auto& [job, execs] : by_job) {
    std::stable_sort(execs.begin(), execs.end(), [](const TrueExec* a, const TrueExec* b) { return a->at < b->at; });
    const TrueExec* longest = nullptr;
    for (const TrueExec* exec : execs) {
      if (longest != nullptr && exec->at < end_of(*longest) && !longest->undone && !exec->undone) {
        const WallTime together_until = std::min(end_of(*exec), end_of(*longest));
        const auto by = ends_frozen_by(evidence, longest->node, exec->at);
        if (!by || together_until > *by)
          report(violations, "I6", job, exec->at, "{} began on {} while {} went on on {} (until {})", exec->run.text(),
                 exec->node, longest->run.text(), longest->node, at_text(end_of(*longest)));
      }
      if (longest == nullptr || end_of(*exec) > end_of(*longest)) longest = exec;
    }
  }
}

// The zones in which a worker may have counted as standing at `at`: an operator's word takes a moment to arrive, longer
// where something is wrong.
std::set<std::string> zones_at(const Evidence& evidence, const NodeId& node, WallTime at) {
  const std::size_t index = std::strtoul(node.text().c_str() + 1, nullptr, 10) - 1;
  std::set<std::string> zones{zone_of(index)};
  for (const FaultSpan& fault : evidence.faults) {
    if (fault.kind != "relabel" || fault.node != node || at < fault.from) continue;
    if (at > fault.until + kRecovery && undisturbed(evidence, node, fault.until, at)) continue;
    zones.insert(zone_of(index, true));
    const bool for_long = fault.from + kOrderObeyed < at && at < fault.until;
    if (for_long && undisturbed(evidence, node, fault.from, at)) zones.erase(zone_of(index));
  }
  return zones;
}

// Every run was on a worker that its job admits.
void check_where(const Evidence& evidence, const Expected& expected, Violations& violations) {
  for (const TrueExec& exec : evidence.execs) {
    const TrueDocument* document = document_of(expected, exec.run.firing.job, exec.version);
    if (document == nullptr || document->job.where->empty()) continue;
    const auto zones = zones_at(evidence, exec.node, exec.at);
    const bool admitted = std::any_of(zones.begin(), zones.end(), [&](const std::string& zone) {
      return domain::admits(*document->job.where, exec.node, {{"zone", zone}});
    });
    if (!admitted)
      report(violations, "I16", exec.run.firing.job, exec.at, "{} ran on {}, and is for {}", exec.run.text(), exec.node,
             domain::shown_where(*document->job.where));
  }
}

// A drained worker starts nothing.
void check_drained(const Evidence& evidence, const Expected&, Violations& violations) {
  for (const FaultSpan& drain : evidence.faults) {
    if (drain.kind != "drain") continue;
    for (const TrueExec& exec : evidence.execs) {
      if (exec.run.attempt > 1) continue;  // what it has begun it carries on
      if (exec.node != drain.node || exec.at < drain.from + kOrderObeyed || exec.at > drain.until) continue;
      if (!undisturbed(evidence, exec.node, drain.from, exec.at)) continue;
      report(violations, "I17", exec.run.firing.job, exec.at, "{} began on {}, which was drained {:.0f} ms before",
             exec.run.text(), exec.node, ms_between(drain.from, exec.at));
    }
  }
}

void check_record_is_true(const Evidence& evidence, const Expected&, Violations& violations) {
  const auto execs = execs_by_run(evidence);
  const auto near = [](WallTime a, WallTime b) { return a - b <= kRecordTolerance && b - a <= kRecordTolerance; };
  for (const RunRecord& record : evidence.records) {
    const auto found = execs.find(record.id);
    const TrueExec* exec = found == execs.end() ? nullptr : found->second;
    const JobName& job = record.id.firing.job;
    const auto wrong = [&](const std::string& what) {
      report(violations, "I7", job, record.end.ended_at, "the record of {} ({} {}) says {}", record.id.text(),
             domain::to_string(record.end.status), domain::to_string(record.end.reason), what);
    };
    if (exec == nullptr || exec->undone) {
      if (ran(record.end.status)) wrong("it ran, and it did not");
      continue;
    }
    switch (record.end.status) {
      case RunStatus::Skipped:
      case RunStatus::Missed:
      case RunStatus::Refused:
        wrong(fmt::format("it did not run, and it did on {} at {}", exec->node, at_text(exec->at)));
        continue;
      case RunStatus::Lost: continue;  // its end was not known to anybody
      default: break;
    }
    if (!exec->end) {
      wrong("it ended, and it did not");
      continue;
    }
    const TrueEnd& end = *exec->end;
    if (end.status != record.end.status) wrong(fmt::format("so, and it {}", domain::to_string(end.status)));
    if (end.exit_code != record.end.exit_code) wrong("another exit code");
    if (end.signal != record.end.signal) wrong("another signal");
    if (!near(record.end.started_at, exec->node_wall))
      wrong(fmt::format("it began at {}, and it did at {}", at_text(record.end.started_at), at_text(exec->node_wall)));
    if (!near(record.end.ended_at, end.node_wall))
      wrong(fmt::format("it ended at {}, and it did at {}", at_text(record.end.ended_at), at_text(end.node_wall)));
    if (record.worker != exec->node) wrong(fmt::format("worker {}, and it was {}", record.worker, exec->node));
  }
}

void check_kills(const Evidence& evidence, const Expected&, Violations& violations) {
  const auto execs = execs_by_run(evidence);
  for (const AckedKill& kill : evidence.kills) {
    const auto found = execs.find(kill.run);
    if (found == execs.end()) continue;
    const TrueExec& exec = *found->second;
    WallTime from = std::max(kill.at, exec.at);
    // While its worker could not be reached it is excused, one recovery after another.
    std::vector<const FaultSpan*> faults;
    for (const FaultSpan& fault : evidence.faults) {
      if (concerns(fault, exec.node)) faults.push_back(&fault);
    }
    std::sort(faults.begin(), faults.end(), [](const auto* a, const auto* b) { return a->from < b->from; });
    for (const FaultSpan* fault : faults) {
      if (fault->from <= from + kill.grace + kKillObeyed && fault->until >= from - kRecovery)
        from = std::max(from, fault->until + kRecovery);
    }
    const WallTime bound = from + kill.grace + kKillObeyed;
    if (bound > evidence.ended_at) continue;
    const WallTime ended = exec.end ? exec.end->at : WallTime::max();
    if (ended <= bound) continue;
    report(violations, "I9", kill.run.firing.job, bound, "{} was to be killed at {} and {}", kill.run.text(),
           at_text(kill.at), exec.end ? "ended only at " + at_text(ended) : std::string("never ended"));
  }
}

namespace {

// "j1" of "/cron/lock/j1", "/cron/running/n1/j1@…", "/cron/killer/j1/…".
std::string job_in(std::string_view key) {
  key = key.substr(0, key.find('@'));
  return std::string(key.substr(key.rfind('/') + 1));
}

}  // namespace

void check_nothing_left(const Evidence& evidence, const Expected&, Violations& violations) {
  if (!evidence.settled) return;
  const core::Keys keys(evidence.prefix);
  std::set<std::string> standing;
  for (const core::KeyValue& entry : evidence.store_at_end) standing.insert(entry.key);
  for (const core::KeyValue& entry : evidence.store_at_end) {
    // A lock of a dead worker is no more than a note: the next claim goes over it.
    if (const auto lock = core::decode_lock(entry.value);
        entry.key.rfind(keys.locks(), 0) == 0 && lock && standing.count(keys.hold(lock->node, lock->incarnation)) == 0)
      continue;
    for (const std::string_view family : {"running/", "accounts/", "trigger/", "lock/", "killer/"}) {
      if (entry.key.rfind(evidence.prefix + std::string(family), 0) == 0)
        report(violations, "I12", JobName(job_in(entry.key)), evidence.ended_at, "{} is left: {}", entry.key,
               entry.value);
    }
  }
  for (const RunId& run : evidence.running_at_end)
    report(violations, "I8", run.firing.job, evidence.ended_at, "a process of {} is left", run.text());
}

void check_records_stand(const Evidence& evidence, const Expected&, Violations& violations) {
  for (const std::string& run : evidence.changed_records)
    report(violations, "I13", JobName(), evidence.ended_at, "the record of {} changed after a reader saw it", run);
}

Violations check(const Evidence& evidence, const Expected& expected) {
  Violations violations;
  for (const auto checker :
       {check_no_early_start, check_wrong_clock,  check_suspect_clock, check_skips,          check_start_deadline,
        check_starts_once,    check_one_verdict,  check_live_version,  check_lateness,       check_takeover,
        check_followed,       check_store_back,   check_recovered,     check_offline,        check_output,
        check_no_overlap,     check_where,        check_drained,       check_record_is_true, check_kills,
        check_nothing_left,   check_records_stand})
    checker(evidence, expected, violations);
  return violations;
}

}  // namespace cronfleet::sim
