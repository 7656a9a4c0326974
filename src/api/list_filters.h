// api/list_filters.h: what the filter of a list (api/filter.h) means for jobs and for runs.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/filter.h"
#include "api/job_catalogue.h"
#include "api/query.h"
#include "history/run_history.h"

namespace cronfleet::api {

// Jobs: state (enabled, disabled, paused, ended, invalid, or what last takes), name, owner, command, description, zone,
// schedule, label, overlap, next (a duration from now), last (how the newest run went: one of the ways to fail). Words
// are looked for in name, command, description and owner.
class JobFilter {
 public:
  // Takes the parameter "filter"; notes its mistake there.
  static JobFilter take(Query& query);
  // By all terms but those about the next firing, whose answer is another with every firing.
  bool takes(const StoredJob& stored, WallTime now) const;
  // By those alone. `next`: the first firing after now, if any.
  bool takes_next(std::optional<WallTime> next, WallTime now) const;
  bool asks_next() const;
  bool asks_state() const;
  bool asks_last() const;
  // Needed before takes() where asks_last(): which jobs each such term takes. Reads the history.
  Result<void> look_at_last_runs(const std::vector<JobName>& jobs, history::RunHistory& history);

 private:
  bool asks(std::string_view field) const;
  std::vector<FilterTerm> terms_;
  std::vector<std::set<std::string>> last_;  // of each term; empty sets where it asks something else
};

// The next instant after `now` at which the state of a job changes by itself.
std::optional<WallTime> state_changes_at(const StoredJob& stored, WallTime now);

// Runs: state (the status of the run), job, worker, age (a duration back from now to when it was due). Notes mistakes,
// also what a list of runs cannot be asked for: a term turned around, parts of a name, two terms of one field.
void take_run_filter(Query& query, WallTime now, history::RunQuery& wanted);

}  // namespace cronfleet::api
