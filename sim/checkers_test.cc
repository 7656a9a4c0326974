// The checkers are checked: clean histories pass, and a violation planted in one is caught by the checker it is for.
#include "sim/checkers.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "core/entries.h"
#include "domain/job_json.h"

namespace cronfleet::sim {
namespace {

using domain::Reason;
using domain::RunStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kHistories = 200;

// A well-behaved fleet, told by a seed: jobs saved, edited and closed, each firing run (or skipped) and recorded.
class CleanHistory {
 public:
  explicit CleanHistory(std::uint64_t seed) : rng_(seed) {
    evidence_.began_at = at(0);
    evidence_.ended_at = at(600);
    evidence_.settled = true;
    for (int i = 0; i < 3; ++i) add_job(i);
    std::stable_sort(evidence_.writes.begin(), evidence_.writes.end(),
                     [](const TrueWrite& a, const TrueWrite& b) { return a.at < b.at; });
    std::map<core::Revision, core::Revision> renumbered;  // revisions rise with time
    for (TrueWrite& write : evidence_.writes) {
      const auto next = static_cast<core::Revision>(renumbered.size() + 1);
      write.revision = renumbered.emplace(write.revision, next).first->second;
    }
    for (AckedEdit& edit : evidence_.edits) edit.revision = renumbered.at(edit.revision);
  }

  Evidence& evidence() { return evidence_; }

 private:
  static WallTime at(int second) { return from_seconds(1'767'225'600 + second); }  // 2026-01-01

  void put(domain::Job job, int version, WallTime since) {
    job.command = probe_command(Probe{.version = version});
    job.since = since;
    job.stamp = domain::stamp_of(job);
    write(core::Keys().job(job.name), domain::encode_job(job), since);
    evidence_.writes.push_back({revision_, since, core::Keys().marker(job.name), core::Marker{since, "saved"}.text()});
    evidence_.edits.push_back({job.name, version, revision_, since + milliseconds(3)});
  }
  void write(const std::string& key, std::optional<std::string> value, WallTime when) {
    evidence_.writes.push_back({++revision_, when, key, std::move(value)});
  }

  void add_job(int i) {
    domain::Job job;
    job.name = JobName("job" + std::to_string(i));
    if (i == 0) job.where = {{"zone", {{"a"}}}};
    job.schedule = i == 0 ? "*/10 * * * * *" : i == 1 ? "5,35 * * * * *" : "@every 7s";
    job.schedule_set_at = at(0);
    if (i == 1) job.overlap.mode = domain::Overlap::Mode::Allow;
    if (i == 1) job.delivery = {domain::Delivery::Mode::AtLeastOnce, 3};
    if (i == 2) job.retry.edit().count = 2;
    const WallTime edited = at(100 + static_cast<int>(rng_.below(100))), closed = at(400);
    put(job, 1, at(1));
    run_all(job, 1, at(1), edited);
    if (i == 0) job.schedule = "*/20 * * * * *";
    put(job, 2, edited);
    run_all(job, 2, edited, closed);
    job.enabled = false;
    put(job, 3, closed);
  }

  void run_all(const domain::Job& job, int version, WallTime from, WallTime to) {
    each_instant(job, from, to, [&](WallTime instant) {
      if (rng_.chance(0.1)) return record_unrun(job, instant);
      const bool fails = job.retry->count > 0 && instant + seconds(4) < to && rng_.chance(0.3);
      run(job, version, instant, 1, instant + milliseconds(rng_.below(100)), fails, !fails);
      if (fails) run(job, version, instant, 2, instant + seconds(3), false, true);
    });
  }

  void record_unrun(const domain::Job& job, WallTime instant) {
    domain::RunRecord record;
    record.id = {{job.name, instant}, 1};
    record.scheduled_at = instant;
    record.end.status = rng_.chance(0.5) ? RunStatus::Skipped : RunStatus::Missed;
    record.end.started_at = record.end.ended_at = instant;
    evidence_.records.push_back(record);
  }

  void run(const domain::Job& job, int version, WallTime instant, int attempt, WallTime begin, bool fails, bool final) {
    const WallTime end = begin + milliseconds(100 + rng_.below(1900));
    const domain::RunId id{{job.name, instant}, attempt};
    TrueExec exec;
    exec.run = id;
    exec.node = NodeId("n1");
    exec.at = exec.node_wall = begin;
    exec.fence = ++fence_;
    exec.version = version;
    exec.end = TrueEnd{end, end, fails ? RunStatus::Failed : RunStatus::Succeeded, fails ? 1 : 0, {}};
    evidence_.execs.push_back(exec);
    domain::RunRecord record;
    record.id = id;
    record.worker = NodeId("n1");
    record.scheduled_at = instant;
    record.final = final;
    record.end.status = exec.end->status;
    record.end.exit_code = exec.end->exit_code;
    record.end.started_at = begin;
    record.end.ended_at = end;
    evidence_.records.push_back(record);
  }

  Rng rng_;
  Evidence evidence_;
  core::Revision revision_ = 0;
  std::int64_t fence_ = 0;
};

Violations judge(const Evidence& evidence) { return check(evidence, expect(evidence)); }

std::string text_of(const Violations& violations) {
  std::string text;
  for (const Violation& violation : violations) text += violation.invariant + ": " + violation.what + "\n";
  return text;
}

TEST(Checkers, CleanHistoriesPass) {
  for (std::uint64_t seed = 1; seed <= kHistories; ++seed) {
    CleanHistory history(seed);
    ASSERT_GT(history.evidence().records.size(), 90u);
    const Violations violations = judge(history.evidence());
    ASSERT_TRUE(violations.empty()) << "seed " << seed << "\n" << text_of(violations);
  }
}

struct Planted {
  const char* why;
  const char* caught_by;
  void (*plant)(Evidence&, Rng&);
};

TrueExec& any_exec(Evidence& evidence, Rng& rng) { return evidence.execs[rng.below(evidence.execs.size())]; }
TrueExec& any_exec_of(const char* job, Evidence& evidence, Rng& rng) {
  for (;;) {
    if (TrueExec& exec = any_exec(evidence, rng); exec.run.firing.job == JobName(job)) return exec;
  }
}
domain::RunRecord& record_of(Evidence& evidence, const domain::RunId& run) {
  return *std::find_if(evidence.records.begin(), evidence.records.end(),
                       [&](const domain::RunRecord& record) { return record.id == run; });
}

// Its worker dies in the midst of it and stays away.
WallTime dies_in(TrueExec& exec, Evidence& evidence) {
  evidence.nodes = 2;
  const WallTime died = exec.at + milliseconds(1);
  evidence.faults.push_back({"machine-crash", exec.node, died, died + seconds(90)});
  exec.end = TrueEnd{.at = died, .node_wall = died, .status = RunStatus::Lost, .exit_code = {}, .signal = {}};
  return died;
}

const Planted kPlanted[] = {
    {"a start 51 ms early", "I1",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       exec.run.attempt = 1;
       exec.at = exec.run.firing.instant() - milliseconds(51);
     }},
    {"a start by a clock that is off", "I1",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       e.nodes = 3;
       e.shared_clock = false;
       exec.run.attempt = 1;
       exec.node_wall = exec.run.firing.instant();
       exec.at = exec.run.firing.instant() - milliseconds(3'001);
       e.faults = {{"clock", exec.node, exec.at - seconds(1), exec.at + seconds(60)}};
     }},
    {"a start in time, by a worker whose clock is far off", "I15",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       e.nodes = 3;
       e.shared_clock = false;
       exec.run.attempt = 1;
       exec.node_wall = exec.at - seconds(3);
       e.faults = {{"clock", exec.node, exec.at - seconds(11), exec.at + seconds(60)}};
     }},
    {"a skip before its instant", "I1",
     [](Evidence& e, Rng& rng) {
       domain::RunRecord& record = e.records[rng.below(e.records.size())];
       record.end.status = RunStatus::Skipped;
       record.end.reason = Reason::Overlap;
       record.end.ended_at = record.scheduled_at - milliseconds(1);
     }},
    {"a start past its deadline", "I5",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       exec.at = exec.run.firing.instant() + seconds(63);
     }},
    {"a run begins twice", "I2",
     [](Evidence& e, Rng& rng) {
       TrueExec again = any_exec(e, rng);
       again.node = NodeId("n2");
       e.execs.push_back(again);
     }},
    {"a second attempt of a job without retries", "I2",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec again = any_exec(e, rng);
         if (again.run.firing.job != JobName("job0")) continue;
         again.run.attempt = 2;
         again.fence += 10'000;
         return e.execs.push_back(again);
       }
     }},
    {"a fence that does not grow", "I2",
     [](Evidence& e, Rng&) {
       for (TrueExec& exec : e.execs) {
         if (exec.run.attempt == 2) exec.fence -= 1;
       }
     }},
    {"a firing without a verdict", "I3",
     [](Evidence& e, Rng& rng) {
       e.records.erase(e.records.begin() + static_cast<std::ptrdiff_t>(rng.below(e.records.size())));
     }},
    {"an attempt without a record", "I3",
     [](Evidence& e, Rng&) {
       for (auto it = e.records.begin(); it != e.records.end(); ++it) {
         if (!it->final) return void(e.records.erase(it));
       }
       e.records.clear();
     }},
    {"a verdict without a firing", "I3",
     [](Evidence& e, Rng& rng) {
       domain::RunRecord record = e.records[rng.below(e.records.size())];
       record.id.firing.which = record.id.firing.instant() + seconds(1);
       e.records.push_back(record);
     }},
    {"a range record that counts wrongly", "I3",
     [](Evidence& e, Rng& rng) {
       domain::RunRecord& record = e.records[rng.below(e.records.size())];
       record.range_from = record.scheduled_at - seconds(1);
       record.range_count = 5;
     }},
    {"two final verdicts", "I3",
     [](Evidence& e, Rng& rng) {
       domain::RunRecord record = e.records[rng.below(e.records.size())];
       record.id.attempt += 5;
       e.records.push_back(record);
     }},
    {"a verdict that is none", "I3",
     [](Evidence& e, Rng& rng) { e.records[rng.below(e.records.size())].end.status = RunStatus::Running; }},
    {"a run of a job that was never saved", "I4",
     [](Evidence& e, Rng& rng) { any_exec(e, rng).run.firing.job = JobName("ghost"); }},
    {"a run at no instant of the job", "I4",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       exec.run.firing.which = exec.run.firing.instant() + seconds(1);
       exec.at += seconds(1);
     }},
    {"an old version 1.1 s after an edit was acknowledged", "I10",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec(e, rng);
         if (exec.version != 2) continue;
         for (const AckedEdit& edit : e.edits) {
           if (edit.job == exec.run.firing.job && edit.version == 2) exec.at = edit.at + milliseconds(1101);
         }
         exec.version = 1;
         return;
       }
     }},
    {"a start a second late in quiet times", "I5",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec(e, rng);
         if (exec.run.firing.job != JobName("job1")) continue;
         exec.at = exec.run.firing.instant() + seconds(1);
         return;
       }
     }},
    {"a start a second late, half a minute after all was well", "I14",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec(e, rng);
         if (exec.run.firing.job != JobName("job1") || exec.run.firing.instant() < e.began_at + seconds(60)) continue;
         e.healed_at = exec.run.firing.instant() - seconds(31);
         exec.at = exec.run.firing.instant() + seconds(1);
         return;
       }
     }},
    {"a second late because one worker of two is dead", "B1",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec(e, rng);
         if (exec.run.firing.job != JobName("job1")) continue;
         e.nodes = 2;
         e.faults.push_back({"crash", NodeId("n2"), exec.run.firing.instant() - seconds(1), e.ended_at});
         exec.at = exec.run.firing.instant() + seconds(1);
         return;
       }
     }},
    {"four seconds late because the store elected a leader", "B2",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec(e, rng);
         if (exec.run.firing.job != JobName("job1")) continue;
         e.faults.push_back({"leader-change", NodeId(), exec.run.firing.instant(), exec.run.firing.instant()});
         exec.at = exec.run.firing.instant() + std::chrono::milliseconds(3'800);
         return;
       }
     }},
    {"a run of a dead worker without a further attempt", "B3",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec_of("job1", e, rng);
         if (exec.version == 2 && exec.at < e.began_at + seconds(360)) return void(dies_in(exec, e));
       }
     }},
    {"a further attempt 33 s after its worker died", "B3",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec_of("job1", e, rng);
         if (exec.version != 2 || exec.at > e.began_at + seconds(360)) continue;
         const WallTime died = dies_in(exec, e);
         TrueExec again = exec;
         again.run.attempt = 2;
         again.node = NodeId("n2");
         again.at = died + seconds(33);
         return e.execs.push_back(again);
       }
     }},
    {"a dead worker's job that stands still", "B3",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec_of("job2", e, rng);
         if (exec.version != 2 || exec.run.attempt != 1 || exec.at > e.began_at + seconds(340)) continue;
         const WallTime died = dies_in(exec, e);
         std::erase_if(e.execs, [&](const TrueExec& other) {
           return other.run.firing.job == JobName("job2") && other.at > died && other.at < died + seconds(45);
         });
         return;
       }
     }},
    {"four seconds late after the store's quorum was back", "B4",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec(e, rng);
         if (exec.run.firing.job != JobName("job1")) continue;
         const WallTime instant = exec.run.firing.instant();
         e.faults.push_back({"store-down", NodeId(), instant - seconds(9), instant + seconds(1)});
         exec.at = instant + std::chrono::milliseconds(4'800);
         return;
       }
     }},
    {"a dead worker that is not shown as offline", "B5",
     [](Evidence& e, Rng& rng) {
       const WallTime died = e.began_at + seconds(100 + rng.below(300));
       e.faults.push_back({"crash", NodeId("n1"), died, died + seconds(60)});
       e.offline.push_back({NodeId("n1"), died + seconds(13)});
     }},
    {"a byte that is missing", "I11",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       exec.output_bytes = record_of(e, exec.run).end.output_bytes = 10;
       e.output[exec.run] = {{0, 0, 9}};
     }},
    {"a piece that is there twice", "I11",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       exec.output_bytes = record_of(e, exec.run).end.output_bytes = 10;
       e.output[exec.run] = {{0, 0, 5}, {0, 0, 5}};
     }},
    {"output that the record does not know", "I11", [](Evidence& e, Rng& rng) { any_exec(e, rng).output_bytes = 10; }},
    {"two runs of a forbid job together", "I6",
     [](Evidence& e, Rng& rng) {
       for (;;) {
         TrueExec& exec = any_exec(e, rng);
         if (exec.run.firing.job != JobName("job0") || exec.version != 1 ||
             exec.run.firing.instant() > from_seconds(1'767'225'690))
           continue;
         exec.end->at = exec.at + seconds(25);
         const auto next = exec.run.firing.instant() + seconds(10);
         TrueExec other = exec;
         other.run.firing.which = next;
         other.at = next;
         e.execs.push_back(other);
         return;
       }
     }},
    {"a run on a worker that its job does not admit", "I16",
     [](Evidence& e, Rng& rng) { any_exec_of("job0", e, rng).node = NodeId("n2"); }},
    {"a run on a worker that left the zone 6 s before", "I16",
     [](Evidence& e, Rng& rng) {
       const TrueExec& exec = any_exec_of("job0", e, rng);
       e.faults.push_back({"relabel", exec.node, exec.at - seconds(6), exec.at + seconds(1)});
     }},
    {"a start on a drained worker", "I17",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       exec.run.attempt = 1;
       e.faults.push_back({"drain", exec.node, exec.at - seconds(6), exec.at + seconds(1)});
     }},
    {"a record with another exit code", "I7",
     [](Evidence& e, Rng& rng) { record_of(e, any_exec(e, rng).run).end.exit_code = 7; }},
    {"a record with another worker", "I7",
     [](Evidence& e, Rng& rng) { record_of(e, any_exec(e, rng).run).worker = NodeId("n9"); }},
    {"a record that began 60 ms later", "I7",
     [](Evidence& e, Rng& rng) { record_of(e, any_exec(e, rng).run).end.started_at += milliseconds(60); }},
    {"a record that says missed of what ran", "I7",
     [](Evidence& e, Rng& rng) { record_of(e, any_exec(e, rng).run).end.status = RunStatus::Missed; }},
    {"a record that says succeeded of what never ran", "I7",
     [](Evidence& e, Rng& rng) {
       e.execs.erase(e.execs.begin() + static_cast<std::ptrdiff_t>(rng.below(e.execs.size())));
     }},
    {"a kill that does nothing", "I9",
     [](Evidence& e, Rng& rng) {
       TrueExec& exec = any_exec(e, rng);
       e.kills.push_back({exec.run, exec.at, milliseconds(100)});
       exec.end->at = exec.at + milliseconds(2'200);
     }},
    {"a key of a run that is left", "I12",
     [](Evidence& e, Rng& rng) {
       e.store_at_end.push_back({.key = "/cron/running/n1/" + any_exec(e, rng).run.text(), .value = "{}"});
     }},
    {"a process that is left", "I8", [](Evidence& e, Rng& rng) { e.running_at_end.push_back(any_exec(e, rng).run); }},
    {"a record that changed", "I13",
     [](Evidence& e, Rng& rng) { e.changed_records.push_back(any_exec(e, rng).run.text()); }},
};

TEST(Checkers, EveryPlantedViolationIsCaught) {
  for (const Planted& planted : kPlanted) {
    for (std::uint64_t seed = 1; seed <= kHistories; ++seed) {
      CleanHistory history(seed);
      Rng rng(seed);
      planted.plant(history.evidence(), rng);
      const Violations violations = judge(history.evidence());
      const bool caught = std::any_of(violations.begin(), violations.end(),
                                      [&](const Violation& v) { return v.invariant == planted.caught_by; });
      ASSERT_TRUE(caught) << planted.why << ", seed " << seed << ": " << planted.caught_by << " said nothing\n"
                          << text_of(violations);
    }
  }
}

TEST(Checkers, AMachineThatWasStoppedIsExcusedForASecond) {
  struct Case {
    milliseconds beyond;                        // the first thaw
    std::optional<milliseconds> stopped_again;  // after it, for two seconds
    std::size_t violations;
  };
  for (const Case& one :
       {Case{milliseconds(900), {}, 0}, Case{milliseconds(1100), {}, 1},
        Case{milliseconds(3'400), milliseconds(500), 0}, Case{milliseconds(3'600), milliseconds(500), 1},
        Case{milliseconds(3'400), milliseconds(1'100), 1}}) {
    CleanHistory history(1);
    Evidence& evidence = history.evidence();
    const auto first = std::find_if(evidence.execs.begin(), evidence.execs.end(),
                                    [](const TrueExec& exec) { return exec.run.firing.job == JobName("job0"); });
    TrueExec& stopped = *first;
    TrueExec& next = *std::find_if(first + 1, evidence.execs.end(),
                                   [](const TrueExec& exec) { return exec.run.firing.job == JobName("job0"); });
    next.end->at = next.at + seconds(8);
    const WallTime thaw = next.at + seconds(4);
    stopped.node = NodeId("n2");
    stopped.end->at = thaw + one.beyond;
    evidence.faults.push_back({"machine-freeze", NodeId("n2"), stopped.at + milliseconds(1), thaw});
    if (one.stopped_again) {
      const WallTime again = thaw + *one.stopped_again;
      evidence.faults.push_back({"machine-freeze", NodeId("n2"), again, again + seconds(2)});
    }
    Violations violations;
    check_no_overlap(evidence, expect(evidence), violations);
    EXPECT_EQ(violations.size(), one.violations) << one.beyond.count() << "\n" << text_of(violations);
  }
}

TEST(Checkers, TheLockOfAMachineThatLostItsDiskIsWaitedFor) {
  struct Case {
    const char* fault;
    milliseconds beyond;  // safe_after
    std::size_t violations;
  };
  for (const Case& one : {Case{"disk-lost", milliseconds(749), 0}, Case{"disk-lost", milliseconds(751), 1},
                          Case{"crash", milliseconds(749), 1}}) {
    CleanHistory history(1);
    Evidence& evidence = history.evidence();
    const auto found = std::find_if(evidence.execs.begin(), evidence.execs.end(), [&](const TrueExec& exec) {
      return exec.run.firing.job == JobName("job0") && exec.run.firing.instant() > evidence.began_at + seconds(90);
    });
    TrueExec& exec = *found;
    const WallTime begin = evidence.began_at, instant = exec.run.firing.instant(), safe_after = instant + seconds(3);
    evidence.claimed_over.push_back({exec.run, NodeId("n2"), safe_after});
    evidence.faults.push_back({one.fault, NodeId("n2"), begin + milliseconds(1), begin + seconds(2)});
    exec.at = safe_after + one.beyond;
    Violations violations;
    check_lateness(evidence, expect(evidence), violations);
    EXPECT_EQ(violations.size(), one.violations) << one.fault << " +" << one.beyond.count() << "\n"
                                                 << text_of(violations);
  }
}

}  // namespace
}  // namespace cronfleet::sim
