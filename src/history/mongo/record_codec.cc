#include "history/mongo/record_codec.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/utf8.h"
#include "domain/job.h"
#include "history/contract.h"

namespace cronfleet::history::mongo {
namespace {

using domain::RunRecord;
using domain::RunStatus;
using Kind = Member::Kind;

constexpr std::string_view kObjectIdPrefix = "oid-";
constexpr std::string_view kExitStatus = "exit status ";  // the reference's words, in `err`

// What the reference's readers look at to see whether a run went well: empty only where it did.
std::string err_for_readers(const domain::RunEnd& end) {
  if (!end.error.empty() || end.status == RunStatus::Succeeded) return end.error;
  if (end.status == RunStatus::Failed && end.exit_code) return fmt::format("{}{}", kExitStatus, *end.exit_code);
  if (end.status == RunStatus::Signalled && end.signal) return fmt::format("signal: {}", *end.signal);
  const std::string_view reason = to_string(end.reason);
  return reason.empty() ? std::string(to_string(end.status)) : fmt::format("{}: {}", to_string(end.status), reason);
}

std::int64_t signed_of(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// The members of a record's document; what is missing or of another kind keeps its default.
struct Fields {
  std::string id_text, object_id;
  std::string_view job, status, reason, trigger;
  std::optional<std::string> error;
  std::string err;
  std::optional<std::int64_t> expect, real, start, end;
  std::optional<std::string_view> wrong;  // a member of a kind that we never write
};

std::string text_of(const Member& member) { return repair_utf8(member.bytes); }

bool take_number(const Member& member, std::optional<std::int64_t>& into) {
  if (member.kind != Kind::Integer) return false;
  into = member.integer;
  return true;
}
bool take_number(const Member& member, std::int64_t& into) {
  if (member.kind == Kind::Integer) into = member.integer;
  return member.kind == Kind::Integer;
}
bool take_number(const Member& member, std::uint64_t& into) {
  const bool fits = member.kind == Kind::Integer && member.integer >= 0;
  if (fits) into = static_cast<std::uint64_t>(member.integer);
  return fits;
}
bool take_number(const Member& member, std::optional<int>& into) {
  const bool fits = member.kind == Kind::Integer && member.integer >= std::numeric_limits<int>::min() &&
                    member.integer <= std::numeric_limits<int>::max();
  if (fits) into = static_cast<int>(member.integer);
  return fits;
}
bool take_text(const Member& member, std::string& into) {
  if (member.kind == Kind::Text) into = text_of(member);
  return member.kind == Kind::Text;
}
bool take_us(const Member& member, std::chrono::microseconds& into) {
  if (member.kind == Kind::Integer) into = std::chrono::microseconds(member.integer);
  return member.kind == Kind::Integer;
}
bool take_view(const Member& member, std::string_view& into) {
  if (member.kind == Kind::Text) into = member.bytes;
  return member.kind == Kind::Text;
}
// Moments that WallTime can hold, with room for differences between them.
constexpr std::int64_t kMsMax = std::numeric_limits<std::int64_t>::max() / 4000;
bool is_moment(std::int64_t ms) { return ms >= -kMsMax && ms <= kMsMax; }

bool take_moment(const Member& member, std::optional<WallTime>& into) {
  if (member.kind != Kind::Integer || !is_moment(member.integer)) return false;
  into = from_ms(member.integer);
  return true;
}

struct Field {
  std::string_view key;
  bool (*take)(const Member& member, RunRecord& record, Fields& fields);  // false: of a wrong kind
};

constexpr Field kFields[] = {
    {"_id",
     [](const Member& m, RunRecord&, Fields& f) {
       if (m.kind == Kind::ObjectId) f.object_id = m.object_id;
       if (m.kind == Kind::Text) f.id_text = m.bytes;
       return m.kind == Kind::ObjectId || m.kind == Kind::Text;
     }},
    {"jobName", [](const Member& m, RunRecord&, Fields& f) { return take_view(m, f.job); }},
    {"command", [](const Member& m, RunRecord& r, Fields&) { return take_text(m, r.command); }},
    {"err", [](const Member& m, RunRecord&, Fields& f) { return take_text(m, f.err); }},
    {"error", [](const Member& m, RunRecord&, Fields& f) { return take_text(m, f.error.emplace()); }},
    {"output", [](const Member& m, RunRecord& r, Fields&) { return take_text(m, r.output); }},
    {"expectTime", [](const Member& m, RunRecord&, Fields& f) { return take_number(m, f.expect); }},
    {"realityTime", [](const Member& m, RunRecord&, Fields& f) { return take_number(m, f.real); }},
    {"startTime", [](const Member& m, RunRecord&, Fields& f) { return take_number(m, f.start); }},
    {"endTime", [](const Member& m, RunRecord&, Fields& f) { return take_number(m, f.end); }},
    {"status", [](const Member& m, RunRecord&, Fields& f) { return take_view(m, f.status); }},
    {"reason", [](const Member& m, RunRecord&, Fields& f) { return take_view(m, f.reason); }},
    {"trigger", [](const Member& m, RunRecord&, Fields& f) { return take_view(m, f.trigger); }},
    {"triggeredBy", [](const Member& m, RunRecord& r, Fields&) { return take_text(m, r.triggered_by); }},
    {"actor", [](const Member& m, RunRecord& r, Fields&) { return take_text(m, r.end.actor); }},
    {"exitCode", [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.end.exit_code); }},
    {"signal", [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.end.signal); }},
    {"worker",
     [](const Member& m, RunRecord& r, Fields&) {
       r.worker = NodeId(text_of(m));
       return m.kind == Kind::Text;
     }},
    {"final",
     [](const Member& m, RunRecord& r, Fields&) {
       r.final = m.integer != 0;
       return m.kind == Kind::Flag;
     }},
    {"outputBytes", [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.end.output_bytes); }},
    {"outputBytesDropped",
     [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.end.output_bytes_dropped); }},
    {"cpuUserUs", [](const Member& m, RunRecord& r, Fields&) { return take_us(m, r.end.usage.cpu_user); }},
    {"cpuSystemUs", [](const Member& m, RunRecord& r, Fields&) { return take_us(m, r.end.usage.cpu_system); }},
    {"memoryBytesPeak",
     [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.end.usage.memory_bytes_peak); }},
    {"jobRevision", [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.job_revision); }},
    {"fence", [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.fence); }},
    {"rangeCount", [](const Member& m, RunRecord& r, Fields&) { return take_number(m, r.range_count); }},
    {"rangeFrom", [](const Member& m, RunRecord& r, Fields&) { return take_moment(m, r.range_from); }},
};

// Ours: named by its run id, which must agree with what it is listed by.
Result<void> finish_own(RunRecord& record, Fields& fields) {
  auto id = domain::parse_run_id(fields.id_text);
  if (!id) return Failure(id.error());
  record.id = std::move(*id);
  const auto status = domain::parse_run_status(fields.status);
  const auto reason = domain::parse_reason(fields.reason);
  const auto trigger = domain::parse_trigger(fields.trigger);
  if (!status || !domain::is_final(*status) || !reason || !trigger)
    return fail(Code::Corrupt, "unknown status '{}', reason '{}' or trigger '{}'", repair_utf8(fields.status),
                repair_utf8(fields.reason), repair_utf8(fields.trigger));
  if (fields.job != record.id.firing.job.text() || record.scheduled_at != plan_time(record))
    return fail(Code::Corrupt, "jobName or expectTime is not what its run id says");
  if (record.range_count == 0) return fail(Code::Corrupt, "a range of 0 firings");
  record.end.status = *status;
  record.end.reason = *reason;
  record.trigger = *trigger;
  record.end.error = fields.error ? std::move(*fields.error) : std::move(fields.err);
  return {};
}

Result<void> finish_foreign(RunRecord& record, Fields& fields) {
  auto job = domain::make_job_name(fields.job);
  if (!job) return Failure(job.error());
  const std::string request = std::string(kObjectIdPrefix) + fields.object_id;
  record.id = {{std::move(*job), domain::RequestId(request)}, 1};
  record.end.status = fields.err.empty() ? RunStatus::Succeeded : RunStatus::Failed;
  if (fields.err.empty()) record.end.exit_code = 0;
  if (fields.err.starts_with(kExitStatus)) {
    int code = 0;
    const char* end = fields.err.data() + fields.err.size();
    const auto read = std::from_chars(fields.err.data() + kExitStatus.size(), end, code);
    if (read.ec == std::errc() && read.ptr == end) record.end.exit_code = code;
  }
  record.end.error = std::move(fields.err);
  return {};
}

}  // namespace

Document encode(const RunRecord& record) {
  const domain::RunEnd& end = record.end;
  const std::string err = err_for_readers(end);
  Document document;
  document.text("_id", record.id.text())
      .text("jobName", record.id.firing.job.text())
      .text("command", record.command)
      .text("err", err)
      .text("output", record.output)
      .number("expectTime", to_ms(plan_time(record)))
      .number("realityTime", to_ms(record.claimed_at))
      .number("startTime", to_ms(end.started_at))
      .number("endTime", to_ms(end.ended_at))
      .text("request", record.id.firing.scheduled() ? "" : std::get<domain::RequestId>(record.id.firing.which).text())
      .number("attempt", record.id.attempt)
      .text("status", to_string(end.status))
      .text("trigger", to_string(record.trigger))
      .text("worker", record.worker.text())
      .flag("final", record.final)
      .number("outputBytes", signed_of(end.output_bytes))
      .number("jobRevision", record.job_revision)
      .number("fence", record.fence)
      .number("rangeCount", signed_of(record.range_count));
  if (err != end.error) document.text("error", end.error);
  if (end.reason != domain::Reason::None) document.text("reason", to_string(end.reason));
  if (end.exit_code) document.number("exitCode", *end.exit_code);
  if (end.signal) document.number("signal", *end.signal);
  if (!end.actor.empty()) document.text("actor", end.actor);
  if (!record.triggered_by.empty()) document.text("triggeredBy", record.triggered_by);
  if (end.output_bytes_dropped != 0) document.number("outputBytesDropped", signed_of(end.output_bytes_dropped));
  if (end.usage.cpu_user.count() != 0) document.number("cpuUserUs", end.usage.cpu_user.count());
  if (end.usage.cpu_system.count() != 0) document.number("cpuSystemUs", end.usage.cpu_system.count());
  if (end.usage.memory_bytes_peak != 0) document.number("memoryBytesPeak", signed_of(end.usage.memory_bytes_peak));
  if (record.range_from) document.number("rangeFrom", to_ms(*record.range_from));
  return document;
}

Document encode(const domain::OutputChunk& chunk) {
  const std::string run = chunk.run.text();
  Document document;
  document.text("_id", fmt::format("{}/{}", run, chunk.sequence))
      .text("run", run)
      .number("sequence", signed_of(chunk.sequence))
      .number("start", signed_of(chunk.offset))
      .number("end", signed_of(chunk.offset + chunk.bytes.size()))
      .number("stream", static_cast<int>(chunk.stream))
      .number("writtenAt", to_ms(chunk.written_at))
      .binary("bytes", chunk.bytes);
  return document;
}

Result<RunRecord> decode_record(std::string_view bson) {
  RunRecord record;
  Fields fields;
  Members members(bson);
  for (Member member; members.next(member);) {
    const auto* field =
        std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& f) { return f.key == member.key; });
    if (field == std::end(kFields) || member.kind == Kind::Null) continue;
    if (!field->take(member, record, fields)) fields.wrong = field->key;
  }
  const auto corrupt = [&](std::string_view why) {
    return fail(Code::Corrupt, "record '{}': {}", repair_utf8(fields.object_id + fields.id_text), why);
  };
  if (members.damaged()) return corrupt("damaged bytes");
  if (fields.wrong) return corrupt(fmt::format("'{}' is of an unknown kind", *fields.wrong));
  if (!fields.expect) return corrupt("no expectTime");
  const std::int64_t expect = *fields.expect, real = fields.real.value_or(expect);
  const std::int64_t start = fields.start.value_or(real), end = fields.end.value_or(start);
  if (!is_moment(expect) || !is_moment(real) || !is_moment(start) || !is_moment(end)) return corrupt("no such moment");
  record.scheduled_at = from_ms(expect);
  record.claimed_at = from_ms(real);
  record.end.started_at = from_ms(start);
  record.end.ended_at = from_ms(end);
  const Result<void> done = fields.object_id.empty() ? finish_own(record, fields) : finish_foreign(record, fields);
  if (!done) return corrupt(done.error().message());
  return record;
}

Result<domain::OutputChunk> decode_chunk(std::string_view bson) {
  domain::OutputChunk chunk;
  std::string_view run;
  std::optional<std::int64_t> sequence, start, stream, written_at;
  bool has_bytes = false, right = true;
  Members members(bson);
  for (Member member; members.next(member);) {
    if (member.key == "run") right = take_view(member, run) && right;
    if (member.key == "sequence") right = take_number(member, sequence) && right;
    if (member.key == "start") right = take_number(member, start) && right;
    if (member.key == "stream") right = take_number(member, stream) && right;
    if (member.key == "writtenAt") right = take_number(member, written_at) && right;
    if (member.key != "bytes") continue;
    has_bytes = member.kind == Kind::Binary;
    chunk.bytes = member.bytes;
  }
  auto id = domain::parse_run_id(run);
  const bool whole = right && !members.damaged() && id && has_bytes && sequence && *sequence >= 0 && start &&
                     *start >= 0 && stream && (*stream == 1 || *stream == 2) && written_at && is_moment(*written_at);
  if (!whole) return fail(Code::Corrupt, "output of run '{}': a piece that cannot be read", repair_utf8(run));
  chunk.run = std::move(*id);
  chunk.sequence = static_cast<std::uint64_t>(*sequence);
  chunk.offset = static_cast<std::uint64_t>(*start);
  chunk.stream = static_cast<domain::OutputChunk::Stream>(*stream);
  chunk.written_at = from_ms(*written_at);
  return chunk;
}

std::optional<std::string> object_id_of(const domain::RunId& run) {
  if (run.firing.scheduled() || run.attempt != 1) return std::nullopt;
  const std::string& request = std::get<domain::RequestId>(run.firing.which).text();
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!request.starts_with(kObjectIdPrefix) || request.size() != kObjectIdPrefix.size() + 24 ||
      !std::all_of(request.begin() + kObjectIdPrefix.size(), request.end(), is_digit))
    return std::nullopt;
  return request.substr(kObjectIdPrefix.size());
}

}  // namespace cronfleet::history::mongo
