// history/sqlite/recorder.h: puts records and output into the tables, within a transaction that the caller holds.
// Writer thread only.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "history/run_history.h"
#include "history/sqlite/database.h"

namespace cronfleet::history::sqlite {

class Recorder {
 public:
  Recorder(Database& database, Retention retention) : database_(database), retention_(retention) {}

  Result<void> prepare();

  // A Status is of the whole transaction: roll it back.
  Result<Inserted> insert(const domain::RunRecord& record, WallTime now);
  Result<bool> append(const domain::OutputChunk& chunk);  // false: it stood already

  // What insert() stored since the transaction began, by job, and how many were too old.
  struct Tally {
    std::vector<std::int64_t> jobs;
    std::uint64_t too_old = 0;
  };
  Tally committed();   // and begins anew
  void rolled_back();  // forgets what it took for stored

 private:
  // Names are stored once and go by number; the numbers of those in use are remembered.
  struct Names {
    std::unordered_map<std::string, std::int64_t> numbers;
    Statement* select = nullptr;
    Statement* insert = nullptr;
  };
  Result<std::int64_t> number_of(Names& names, const std::string& name);
  Result<bool> find_standing(const domain::RunRecord& record, std::int64_t job, Inserted& answer);
  void bind(Statement& statement, const domain::RunRecord& record, std::int64_t job, std::int64_t worker);

  Database& database_;
  const Retention retention_;
  Names jobs_, workers_;
  Statement *insert_ = nullptr, *standing_ = nullptr, *standing_request_ = nullptr;
  Statement *output_ = nullptr, *new_output_ = nullptr, *touch_output_ = nullptr, *chunk_ = nullptr;
  Tally tally_;
};

}  // namespace cronfleet::history::sqlite
