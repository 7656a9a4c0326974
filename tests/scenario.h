// tests/scenario.h: runs a scenario file of tests/scenarios/ over one core::Scheduler.
//
// A scenario is a table of what happens and what the scheduler does about it (STYLE.md §9):
//
//   # backup_overlap.txt: one line that says what this shows.
//   job backup {"schedule": "*/5 * * * *", "command": "true"}       saved just before the start
//   option capacity 1                                               see Runner::set_option
//   start 2026-03-01T02:00:00Z
//   02:05:00 woke                      → claimed backup@02:05:00.1 + lock, start backup@02:05:00.1
//   02:05:00.020 started backup@02:05:00.1
//   02:10:00 woke                      → ended backup@02:10:00.1 skipped(overlap), record …, removed …
//   verdicts backup                    → 02:10:00 skipped(overlap)
//
// A line first lets time pass to its moment, waking the scheduler whenever it asked for it, then lets its event happen.
// After the arrow stands everything that was done in between, in order. Around the scheduler are a store and a history
// that answer at once, unless a line says otherwise; processes do only what lines say. Moments: an instant, a time of
// the day of the start, or +500ms from the line before. Effects that only follow (wake-ups, reads, fence deadlines) are
// left out.
//
// Events:
//   woke                                     nothing but time
//   suspended                                time, in which nothing could wake
//   clock +1h | clock -10m                   the wall clock jumps; the line's time is the one before it
//   started RUN | exited RUN CODE | signalled RUN N | timed-out RUN | killed RUN [REASON] | not-started RUN WHY
//   save NAME {…} | delete NAME              through core/edits.h; the keys of {…} change the document that stands
//   put-job NAME {…} | remove-job NAME       by hand, as etcdctl would
//   put KEY VALUE | remove KEY               any key; KEY without the prefix
//   run-now NAME ID [NODE] [PARAMETER=VALUE] | kill RUN | kill-all NAME
//   session lost | session same | session new | leases SESSION RUN
//   obstacle clock|disk|draining on|off | obstacle room N|off
//   store up|down|unknown-applied|unknown-lost    the last two: for the next commit
//   snapshot | set-back | confirm            the store goes back to the snapshot; an operator says that it is meant
//   watch hold|release                       changes of the store are not seen until released
//   history up|down
//   workers NODE{LABEL=VALUE,…}…            {away}: it takes nothing
//   crash | journal RUN intent|CODE | boot   the worker dies; its journal; its next life begins
//   verdicts NAME                            → every final record of the job, oldest first
//   left                                     → keys under running/, lock/, accounts/, trigger/ and killer/
#pragma once

#include <string>

namespace cronfleet::scenario {

struct Report {
  std::string failure;  // empty: passed
  std::string updated;  // the file as it would be if everything the scheduler did were right
};
Report run(const std::string& text);

}  // namespace cronfleet::scenario
