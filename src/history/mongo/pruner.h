// history/mongo/pruner.h: deletes our own records that are past the retention, and their output, in bounded steps.
//
// By age it takes the oldest. By count it walks the job names in windows of index entries, from where it was the last
// time; what lies beyond the newest N of a job is excess whoever else prunes at the same time. Output goes before its
// record, so that a step cut short leaves nothing that nobody would find. One thread at a time.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "history/mongo/connection.h"
#include "history/run_history.h"

namespace cronfleet::history::mongo {

class Pruner {
 public:
  // Deletes at most `records_max` records; 0 when there are none left. Between its calls it asks `stopped`.
  Result<std::size_t> step(Session& session, const Retention& retention, WallTime now, std::size_t records_max,
                           const std::function<bool()>& stopped);

 private:
  Result<std::size_t> delete_old(Session& session, WallTime oldest_kept, std::size_t records_max);
  Result<std::size_t> delete_excess(Session& session, std::uint64_t records_per_job, std::size_t records_max,
                                    const std::function<bool()>& stopped);
  Result<void> delete_orphans(Session& session, WallTime oldest_kept, const std::function<bool()>& stopped);

  std::string after_job_;          // the walk by count goes on behind it
  std::int64_t after_written_ms_;  // the walk over output that is old
  bool orphans_begun_ = false;
};

}  // namespace cronfleet::history::mongo
