#include "history/sqlite/schema.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/check.h"

namespace cronfleet::history::sqlite {
namespace {

using domain::Reason;
using domain::RunStatus;
using domain::Trigger;

constexpr std::int64_t kApplicationId = 0x43466c48;  // "CFlH"
constexpr std::int64_t kVersion = 1;

// `at` is the plan time in ms; claimed, started and ended are ms after it, which take two or three bytes instead of
// six. `request` is empty for a scheduled run, so (job, at, request, attempt) is the run id. The writer, the only one,
// looks it up before each insert: runs_by_job could say UNIQUE only without the columns that make a filtered page of a
// job cost index entries instead of rows. The request of a run started by hand names it whatever its `at`:
// runs_by_request. Every index carries what its queries filter and sort by.
constexpr const char* kTables = R"(
CREATE TABLE jobs(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE workers(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE runs(
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL, at INTEGER NOT NULL, request TEXT NOT NULL, attempt INTEGER NOT NULL,
  status INTEGER NOT NULL, worker INTEGER NOT NULL, range_count INTEGER NOT NULL,
  reason INTEGER NOT NULL, exit_code INTEGER, signal INTEGER, trigger INTEGER NOT NULL, final INTEGER NOT NULL,
  claimed INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL, range_from INTEGER,
  output_bytes INTEGER NOT NULL, output_bytes_dropped INTEGER NOT NULL,
  cpu_user_us INTEGER NOT NULL, cpu_system_us INTEGER NOT NULL, memory_bytes_peak INTEGER NOT NULL,
  job_revision INTEGER NOT NULL, fence INTEGER NOT NULL,
  command TEXT NOT NULL, error TEXT NOT NULL, actor TEXT NOT NULL, triggered_by TEXT NOT NULL,
  output TEXT NOT NULL
) STRICT;
CREATE INDEX runs_by_job ON runs(job, at, request, attempt, status, worker);
CREATE UNIQUE INDEX runs_by_request ON runs(job, request, attempt) WHERE request <> '';
CREATE INDEX runs_by_time ON runs(at, job, request, attempt);
CREATE INDEX runs_by_status ON runs(status, at, job, request, attempt, worker, range_count);
CREATE INDEX runs_by_worker ON runs(worker, at, job, request, attempt);

CREATE TABLE outputs(
  id INTEGER PRIMARY KEY,
  job INTEGER NOT NULL, instant INTEGER NOT NULL, request TEXT NOT NULL, attempt INTEGER NOT NULL,
  written_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX outputs_by_run ON outputs(job, instant, request, attempt);
CREATE INDEX outputs_by_time ON outputs(written_at);
CREATE TABLE chunks(
  output INTEGER NOT NULL, sequence INTEGER NOT NULL, start INTEGER NOT NULL,
  stream INTEGER NOT NULL, written_at INTEGER NOT NULL, bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX chunks_by_sequence ON chunks(output, sequence);
CREATE INDEX chunks_by_start ON chunks(output, start);
)";

template <typename Enum>
struct Stored {
  Enum value;
  std::int64_t code;
};
constexpr Stored<RunStatus> kStatuses[] = {
    {RunStatus::Succeeded, 1}, {RunStatus::Failed, 2}, {RunStatus::Signalled, 3},
    {RunStatus::TimedOut, 4},  {RunStatus::Killed, 5}, {RunStatus::Skipped, 6},
    {RunStatus::Missed, 7},    {RunStatus::Lost, 8},   {RunStatus::Refused, 9},
};
constexpr Stored<Reason> kReasons[] = {
    {Reason::None, 0},      {Reason::Overlap, 1},    {Reason::QueueFull, 2},
    {Reason::Replaced, 3},  {Reason::Disabled, 4},   {Reason::Late, 5},
    {Reason::Edited, 6},    {Reason::Shutdown, 8},   {Reason::NoEligibleWorker, 7},
    {Reason::Restored, 10}, {Reason::WorkerDied, 9}, {Reason::SpawnFailed, 11},
    {Reason::Fenced, 12},
};
constexpr Stored<Trigger> kTriggers[] = {
    {Trigger::Schedule, 1}, {Trigger::Manual, 2}, {Trigger::Retry, 3}, {Trigger::Redelivery, 4}, {Trigger::CatchUp, 5},
};
constexpr auto kFinalStatuses = [] {
  std::array<RunStatus, std::size(kStatuses)> statuses{};
  std::transform(std::begin(kStatuses), std::end(kStatuses), statuses.begin(), [](auto s) { return s.value; });
  return statuses;
}();

template <typename Enum, std::size_t N>
std::int64_t stored_code(const Stored<Enum> (&all)[N], Enum value) {
  const auto found = std::find_if(std::begin(all), std::end(all), [&](const auto& s) { return s.value == value; });
  CHECK(found != std::end(all));
  return found->code;
}
template <typename Enum, std::size_t N>
std::optional<Enum> stored_value(const Stored<Enum> (&all)[N], std::int64_t code) {
  const auto found = std::find_if(std::begin(all), std::end(all), [&](const auto& s) { return s.code == code; });
  if (found == std::end(all)) return std::nullopt;
  return found->value;
}

Result<std::int64_t> number(Database& database, const std::string& sql) {
  auto statement = database.prepared(sql);
  if (!statement) return Failure(statement.error());
  Use use(**statement);
  const auto row = use->step();
  if (!row) return Failure(row.error());
  return *row ? use->number(0) : 0;
}

}  // namespace

Result<void> prepare_schema(Database& database) {
  const auto version = number(database, "PRAGMA user_version");
  if (!version) return Failure(version.error());
  const auto owner = number(database, "PRAGMA application_id");
  if (!owner) return Failure(owner.error());
  const auto tables = number(database, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return Failure(tables.error());

  if (*tables == 0 && *version == 0 && *owner == 0) {
    Transaction transaction(database);
    if (auto begun = transaction.begin_writing(); !begun) return begun;
    const std::string sql =
        fmt::format("{}PRAGMA application_id = {}; PRAGMA user_version = {};", kTables, kApplicationId, kVersion);
    if (auto made = database.execute(sql); !made) return made;
    return transaction.commit();
  }
  if (*owner != kApplicationId)
    return fail(Code::InvalidArgument,
                "the file is a database of another program (application id {:#x}): name "
                "another file for the history",
                *owner);
  if (*version != kVersion)
    return fail(Code::InvalidArgument,
                "the history has format {}, this cronfleet knows {}: start the version that "
                "wrote it, or name another file",
                *version, kVersion);
  return {};
}

std::int64_t code_of(RunStatus status) { return stored_code(kStatuses, status); }
std::int64_t code_of(Reason reason) { return stored_code(kReasons, reason); }
std::int64_t code_of(Trigger trigger) { return stored_code(kTriggers, trigger); }
std::optional<RunStatus> status_of(std::int64_t code) { return stored_value(kStatuses, code); }
std::optional<Reason> reason_of(std::int64_t code) { return stored_value(kReasons, code); }
std::optional<Trigger> trigger_of(std::int64_t code) { return stored_value(kTriggers, code); }
std::span<const RunStatus> final_statuses() { return kFinalStatuses; }

const std::string& request_of(const domain::Firing& firing) {
  static const std::string kNone;
  return firing.scheduled() ? kNone : std::get<domain::RequestId>(firing.which).text();
}

domain::RunId run_id_of(JobName job, std::int64_t at_ms, std::string_view request, std::int64_t attempt) {
  domain::RunId run{{std::move(job), from_ms(at_ms)}, static_cast<int>(attempt)};
  if (!request.empty()) run.firing.which = domain::RequestId(std::string(request));
  return run;
}

}  // namespace cronfleet::history::sqlite
