// history/sqlite/reader.h: the reads, each on one connection and in one snapshot.
#pragma once

#include "history/run_history.h"
#include "history/sqlite/database.h"

namespace cronfleet::history::sqlite {

Result<domain::RunRecord> read_record(Database& database, const domain::RunId& run);
Result<RunPage> read_page(Database& database, const RunQuery& query);
Result<OutputSlice> read_output(Database& database, const domain::RunId& run, std::uint64_t from,
                                std::size_t bytes_max);
Result<std::vector<StatusCount>> read_counts(Database& database, WallTime from, WallTime until);

}  // namespace cronfleet::history::sqlite
