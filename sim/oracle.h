// sim/oracle.h: which firings a fleet owed, worked out from the true history of its documents.
//
// Shares no code with the cron engine or the core: expressions are read by a small matcher of its own that tries every
// second (six fields of *, */n, numbers and lists in UTC, and @every Ns), versions come from the order of commits. An
// instant belongs to a version when since < instant <= since of the next version, or the moment the job was closed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/job.h"
#include "sim/evidence.h"

namespace cronfleet::sim {

// One document of a job, from the commit that put it to the commit that replaced it.
struct TrueDocument {
  core::Revision revision = 0;
  int version = 0;
  bool stamped = false;
  WallTime put_at{};
  std::optional<WallTime> replaced_at;     // committed
  std::optional<WallTime> replaced_known;  // and a client was told so
  domain::Job job;
};

struct Expected {
  // Firings of each job that need a verdict, with the document that was in force last.
  std::map<JobName, std::map<WallTime, std::size_t>> firings;  // → index into documents
  std::map<JobName, std::vector<TrueDocument>> documents;
  std::set<std::string> requests;  // firing texts of the runs asked for by hand
};
Expected expect(const Evidence& evidence);

// Calls `fire(instant)` for each instant of `job` in (from, to], by trying every second.
void each_instant(const domain::Job& job, WallTime from, WallTime to, const std::function<void(WallTime)>& fire);

}  // namespace cronfleet::sim
