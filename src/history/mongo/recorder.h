// history/mongo/recorder.h: puts records and output into the collections. Any thread, with its own session.
#pragma once

#include <vector>

#include "history/mongo/connection.h"
#include "history/run_history.h"

namespace cronfleet::history::mongo {

struct Recorded {
  std::vector<Inserted> answers;
  std::uint64_t too_old = 0;
};
Result<Recorded> insert_records(Session& session, const std::vector<domain::RunRecord>& records,
                                const Retention& retention, WallTime now);

//   InvalidArgument  the server can never store one of them, while the others are stored (RunHistory's own rules were
//                    checked before)
Result<std::size_t> insert_chunks(Session& session, const std::vector<domain::OutputChunk>& chunks, bool& refused);

}  // namespace cronfleet::history::mongo
