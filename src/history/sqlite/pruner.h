// history/sqlite/pruner.h: deletes what is past the retention, in steps that each fit one short transaction.
//
// By age it walks the oldest records. By count it knows how many records each job has: counted once, a few jobs a step,
// and kept since then, so that a step costs what it deletes and not what exists. Writer thread only.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "history/run_history.h"
#include "history/sqlite/database.h"

namespace cronfleet::history::sqlite {

class Pruner {
 public:
  explicit Pruner(Database& database) : database_(database) {}

  struct Step {
    std::size_t deleted = 0;
    bool more = false;  // nothing was deleted yet, but there may be something: step again
  };
  // Within a transaction that holds nothing else.
  Result<Step> step(const Retention& retention, WallTime now, std::size_t records_max);

  void committed();                        // the last step
  void rolled_back();                      // or not
  void recorded(std::int64_t job_number);  // committed by others

 private:
  Result<std::size_t> delete_old(WallTime oldest_kept, std::size_t records_max);
  Result<std::size_t> delete_excess(std::uint64_t records_per_job, std::size_t records_max);
  Result<void> delete_orphans(WallTime oldest_kept);
  Result<void> count_some_jobs();
  Result<void> delete_run(std::int64_t run);
  void set_limit(std::uint64_t records_per_job);

  Database& database_;
  std::uint64_t limit_ = 0;
  std::int64_t counted_up_to_ = 0;              // job numbers up to this one have their count
  std::vector<std::uint32_t> counts_;           // by job number
  std::set<std::int64_t> over_;                 // jobs with more than limit_
  std::map<std::int64_t, std::uint32_t> gone_;  // deleted in this step, by job
};

}  // namespace cronfleet::history::sqlite
