// core/edits.h: saves, deletes and adoptions of jobs as transactions (protocol.md §2, rules 1 to 5).
//
// Each function takes what was just read and returns the one transaction that makes the edit. A refusal brings job and
// marker back: when only the marker moved, read again and try again (rule 3); when the job moved, the edit is stale.
// Pure: `now` is the fleet's time (rule 16), already corrected. `rules` are for the simulator.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "core/entries.h"
#include "core/rules.h"
#include "core/transaction.h"
#include "domain/job.h"

namespace cronfleet::core {

// A job, its marker and its newest stamped version as they stand in the store, read together.
struct JobState {
  std::optional<KeyValue> document;  // jobs/<name>
  std::optional<KeyValue> marker;    // fired/<name>
  std::optional<KeyValue> stamped;   // stamped/<name>: the newest version in force; an edit by hand does not reach it
};
// The keys to read for it.
std::vector<std::string> job_state_keys(const Keys& keys, const JobName& name);
JobState job_state(const Keys& keys, const JobName& name, const std::vector<KeyValue>& found);

struct Edit {
  Txn txn;
  domain::Job job;  // as it will stand: since, stamp and schedule_set_at set. A delete leaves the old one here.
};

// Saves and adoptions put the document twice, under jobs/ and under stamped/; deletes and closings remove both. So what
// an edit by hand overwrites is known to whoever adopts it, also when no worker was up to see it
// (docs/decisions/0017-the-version-in-force-is-kept-apart.md).

// Creates or changes a job. Where the change moves firings (domain::changes_firings), or nothing stood there, or what
// stood there has no valid stamp, it sets `since`, raises the marker to it and leaves what the old version still owes
// under accounts/; otherwise it only replaces the document. `before`: the decoded document that stands, when it
// decodes.
Edit save(const Keys& keys, const JobState& state, const std::optional<domain::Job>& before, domain::Job after,
          WallTime now, const Rules& rules = {});

// Removes a job; its marker stays, closed (rule 2). Precondition: state.document.
Edit erase(const Keys& keys, const JobState& state, const std::optional<domain::Job>& before, WallTime now,
           const Rules& rules = {});

// Gives a document that was put by hand its stamp, before anybody claims it (rule 5). An unchanged schedule keeps the
// since of the version in force; else that one is owed until now. `last_known`: the last version this node knew, if
// any, for a store that an older release wrote; it counts unless the marker shows that another one came after it.
Edit adopt(const Keys& keys, const JobState& state, const std::optional<domain::Job>& last_known, domain::Job document,
           WallTime now, const Rules& rules = {});

// Sets marker and since of a job to `now`, which they are ahead of: a clock that was wrong put them there, and an
// operator says so (rule 16). What was claimed for instants after `now` may run again, and the job fires by its
// schedule from here on instead of only then. The one edit that lowers a marker. Precondition: a document with a valid
// stamp.
Edit bring_back(const Keys& keys, const JobState& state, domain::Job job, WallTime now);
// Markers further ahead of the clock than this are an alarm (rule 16).
inline constexpr std::chrono::seconds kMarkerAheadMax{5};

// Closes the marker of a job whose document was removed by hand, and leaves an account of what the version in force
// still owed (`last_known`: as for adopt). Precondition: no state.document, a marker that is not closed.
Txn close_deleted(const Keys& keys, const JobName& name, const JobState& state,
                  const std::optional<domain::Job>& last_known, Revision last_revision, WallTime now,
                  const Rules& rules = {});

}  // namespace cronfleet::core
