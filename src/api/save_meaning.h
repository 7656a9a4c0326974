// api/save_meaning.h: what a save means beyond the document: when the job fires next, what it does to runs under way,
// and who else fires in that same second.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/job_catalogue.h"
#include "api/run_catalogue.h"

namespace cronfleet::api {

struct Collisions {
  std::size_t count = 0;          // other jobs that fire in the same second as the next firing
  std::vector<std::string> jobs;  // the first of them by name
};

struct Meaning {
  std::optional<WallTime> next_firing_after;  // of the job as saved
  std::optional<std::size_t> runs_under_way;  // they go on as they began; absent where the stores could not tell
  std::optional<Collisions> collisions;  // absent without a next firing, or where there are too many jobs to look at
};

// Never fails: the save stands already. Looks at all jobs, up to 20,000.
Meaning meaning_of(JobCatalogue& jobs, RunCatalogue& runs, const StoredJob& saved);

}  // namespace cronfleet::api
