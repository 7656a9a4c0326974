// history/sqlite/schema.h: the tables, their version, and the numbers that stand for words in them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/status.h"
#include "domain/run.h"
#include "history/sqlite/database.h"

namespace cronfleet::history::sqlite {

// Makes the tables in an empty file, or sees that they are ours.
//   InvalidArgument  the file is another program's, or of a version that this one does not know; nothing is changed
//   Corrupt          no database, or a damaged one
Result<void> prepare_schema(Database& database);

// The same numbers for ever: they stand in files.
std::int64_t code_of(domain::RunStatus status);
std::int64_t code_of(domain::Reason reason);
std::int64_t code_of(domain::Trigger trigger);
std::optional<domain::RunStatus> status_of(std::int64_t code);
std::optional<domain::Reason> reason_of(std::int64_t code);
std::optional<domain::Trigger> trigger_of(std::int64_t code);
std::span<const domain::RunStatus> final_statuses();

// The request of a firing, as it is stored: empty for a scheduled one.
const std::string& request_of(const domain::Firing& firing);
domain::RunId run_id_of(JobName job, std::int64_t at_ms, std::string_view request, std::int64_t attempt);

}  // namespace cronfleet::history::sqlite
