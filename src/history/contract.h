// history/contract.h: what every backend of RunHistory does alike: which records it refuses, how it rounds moments, in
// which order it lists, and what its cursors look like. A cursor of one backend is therefore one of any other.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "base/status.h"
#include "domain/run.h"
#include "history/run_history.h"

namespace cronfleet::history {

inline constexpr std::size_t kRecordBytesMax = 15 << 20;  // of all its texts; a document of MongoDB ends at 16 MiB
inline constexpr std::size_t kChunkBytesMax = 15 << 20;
inline constexpr std::size_t kPageMax = 500;

// The moment by which a record is listed and grows old, in whole ms: the instant that its run id names, or, for a run
// started by hand, `scheduled_at`.
WallTime plan_time(const domain::RunRecord& record);

// The sentence that says why it can never be stored; none where it can.
std::optional<std::string> why_refused(const domain::RunRecord& record);
std::optional<std::string> why_refused(const domain::OutputChunk& chunk);
// Why a record is not worth storing any more; none where it is, or where nothing grows old (`age` 0).
std::optional<std::string> why_too_old(const domain::RunRecord& record, const Retention& retention, WallTime now);

// The record as it is kept: its moments in whole ms, scheduled_at = plan_time.
domain::RunRecord as_kept(domain::RunRecord record);

// A place in the order of listing: by plan time, then by run id (job name by bytes, instants before requests, attempt).
struct Position {
  WallTime at{};
  domain::RunId run;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// Where the page begins: after this place (in the order of the query); none: at its start.
//   InvalidArgument  limit out of range, or a cursor that is not ours or belongs to another query
Result<std::optional<Position>> page_start(const RunQuery& query);
// The cursor of the page that begins after `last`. Printable, to be handed back with the same filters and order.
std::string cursor_after(const RunQuery& query, const Position& last);

}  // namespace cronfleet::history
