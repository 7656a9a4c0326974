// exec/posix/replay.h: what an earlier life left in its journal, run by run.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "exec/executor.h"

namespace cronfleet::exec::posix {

struct JournalFindings {
  // Written since this machine started: then a run without an entry was never executed. A power cut may have taken
  // intents along, so after one the absence of an entry proves nothing.
  bool same_boot = false;
  std::vector<std::string> damage;  // torn or broken places, a sentence each; a torn end after a crash is ordinary
  std::size_t held_most = 0;        // runs that were in memory at once
};
struct JournalReplay : JournalFindings {
  std::vector<JournalEntry> entries;  // in the order of their last segments, and in one of their first frames
};

// Reads what stands in `folder`, changing nothing; no folder is an empty journal. Not while a runner writes to it.
// Each run that is not acknowledged is handed over with the segment that holds its last frame, so that what is in
// memory is one segment and the runs that began before it and go on after it: two readings, some 60 bytes for each run.
using TakeEntry = std::function<void(JournalEntry entry)>;
Result<JournalFindings> replay(const std::string& folder, const TakeEntry& take);
Result<JournalReplay> replay(const std::string& folder);  // all of it
// All that `read` hands over.
Result<JournalReplay> collected(const std::function<Result<JournalFindings>(const TakeEntry& take)>& read);

}  // namespace cronfleet::exec::posix
