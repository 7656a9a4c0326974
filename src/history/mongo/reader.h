// history/mongo/reader.h: the reads, each with a session of its own. Not one moment's view: what is inserted meanwhile
// may show or not.
#pragma once

#include <cstdint>

#include "history/mongo/connection.h"
#include "history/run_history.h"

namespace cronfleet::history::mongo {

Result<domain::RunRecord> read_record(Session& session, const domain::RunId& run);
// `passed_over` grows by the documents that are no records.
Result<RunPage> read_page(Session& session, const RunQuery& query, std::uint64_t& passed_over);
Result<OutputSlice> read_output(Session& session, const domain::RunId& run, std::uint64_t from, std::size_t bytes_max);
Result<std::vector<StatusCount>> read_counts(Session& session, WallTime from, WallTime until);

}  // namespace cronfleet::history::mongo
