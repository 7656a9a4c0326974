#include "core/entries.h"

#include <algorithm>
#include <array>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include "base/check.h"
#include "core/json_fields.h"
#include "core/json_out.h"

namespace cronfleet::core {
namespace {

constexpr std::size_t kInstantDigits = 15;

constexpr std::pair<Phase, std::string_view> kPhases[] = {
    {Phase::Claimed, "claimed"}, {Phase::Waiting, "waiting"}, {Phase::Ended, "ended"}, {Phase::Settling, "settling"}};

std::string_view to_string(Phase phase) {
  for (const auto& [value, word] : kPhases) {
    if (value == phase) return word;
  }
  CHECK(!"a phase without a word");
  return {};
}
std::optional<Phase> parse_phase(std::string_view text) {
  for (const auto& [value, word] : kPhases) {
    if (word == text) return value;
  }
  return std::nullopt;
}

// Parses `json`, hands its fields to `read`, and returns what `read` filled in or the first thing wrong with it.
template <typename Entry, typename Read>
Result<Entry> decode_object(std::string_view what, std::string_view json, Read read) {
  std::array<unsigned char, 4096> buffer;
  boost::json::monotonic_resource memory(buffer.data(), buffer.size());
  boost::json::error_code error;
  const auto value = boost::json::parse({json.data(), json.size()}, error, &memory);
  if (error) return fail(Code::Corrupt, "{}: no valid JSON: {}", what, error.message());
  if (!value.is_object()) return fail(Code::Corrupt, "{}: expected a JSON object", what);
  const JsonFields fields(what, value.get_object());
  Entry entry;
  read(fields, entry);
  if (fields.failure()) return Failure(*fields.failure());
  return entry;
}

template <typename Tag>
void read_name(const JsonFields& fields, std::string_view key, Name<Tag>& into) {
  std::string text;
  fields.text(key, text);
  into = Name<Tag>(std::move(text));
}

// A word of a closed list; `parse` returns an optional. A missing word leaves what stands there.
template <typename Enum, typename Parse>
void read_word(const JsonFields& fields, std::string_view key, Enum& into, Parse parse) {
  std::string text;
  if (!fields.has(key)) return;
  fields.text(key, text);
  if (const auto value = parse(text)) {
    into = *value;
  } else {
    fields.refuse(key, fmt::format("one of the known words, found '{}'", text));
  }
}

void read_run(const JsonFields& fields, domain::RunId& into) {
  std::string text;
  fields.text("run", text);
  if (auto run = domain::parse_run_id(text)) {
    into = std::move(*run);
  } else {
    fields.refuse("run", "a run id like nightly@2026-03-01T02:00:00Z.1");
  }
}

void write_end(JsonOut& out, const domain::RunEnd& end) {
  out.begin_object("end");
  out.text("status", to_string(end.status));
  out.text_if("reason", to_string(end.reason));
  if (end.exit_code) out.number("exit_code", *end.exit_code);
  if (end.signal) out.number("signal", *end.signal);
  out.text_if("error", end.error);
  out.text_if("actor", end.actor);
  // Microseconds: these two become the record's times, and a short run's length is their difference.
  out.number("started_at_us", end.started_at.time_since_epoch().count());
  out.number("ended_at_us", end.ended_at.time_since_epoch().count());
  out.number("output_bytes", end.output_bytes);
  out.number("output_bytes_dropped", end.output_bytes_dropped);
  out.number("cpu_user_us", end.usage.cpu_user.count());
  out.number("cpu_system_us", end.usage.cpu_system.count());
  out.number("memory_bytes_peak", end.usage.memory_bytes_peak);
  out.end_object();
}

template <typename Integer>
void read_optional(const JsonFields& fields, std::string_view key, std::optional<Integer>& into) {
  if (fields.has(key)) fields.number(key, into.emplace());
}

void read_us(const JsonFields& fields, std::string_view key, WallTime& into) {
  std::int64_t count = 0;
  fields.number(key, count);
  into = WallTime(std::chrono::microseconds(count));
}

Result<domain::RunEnd> read_end(const boost::json::object& object) {
  const JsonFields fields("running entry, end", object);
  domain::RunEnd end;
  fields.required("status");
  read_word(fields, "status", end.status, domain::parse_run_status);
  if (!domain::is_final(end.status)) fields.refuse("status", "a final status");
  read_word(fields, "reason", end.reason, domain::parse_reason);
  read_optional(fields, "exit_code", end.exit_code);
  read_optional(fields, "signal", end.signal);
  fields.text("error", end.error);
  fields.text("actor", end.actor);
  read_us(fields, "started_at_us", end.started_at);
  read_us(fields, "ended_at_us", end.ended_at);
  fields.number("output_bytes", end.output_bytes);
  fields.number("output_bytes_dropped", end.output_bytes_dropped);
  std::int64_t user = 0, system = 0;
  fields.number("cpu_user_us", user);
  fields.number("cpu_system_us", system);
  end.usage.cpu_user = std::chrono::microseconds(user);
  end.usage.cpu_system = std::chrono::microseconds(system);
  fields.number("memory_bytes_peak", end.usage.memory_bytes_peak);
  if (fields.failure()) return Failure(*fields.failure());
  return end;
}

Result<Range> read_range(const boost::json::object& object) {
  const JsonFields fields("running entry, range", object);
  Range range;
  for (const std::string_view key : {"from", "to", "count"}) fields.required(key);
  fields.ms("from", range.from);
  fields.ms("to", range.to);
  fields.number("count", range.count);
  fields.text("schedule", range.schedule);
  fields.text("time_zone", range.time_zone);
  if (fields.failure()) return Failure(*fields.failure());
  return range;
}

}  // namespace

std::string Keys::version(const JobName& name, Revision revision) const {
  return fmt::format("{}versions/{}/{}", prefix_, name, revision);
}
std::string Keys::account(const JobName& name, Revision revision) const {
  return fmt::format("{}{}/{}", accounts(), name, revision);
}
std::string Keys::hold(const NodeId& node, const Incarnation& incarnation) const {
  return fmt::format("{}{}/{}", holds(), node, incarnation);
}

bool Keys::has(std::string_view key) const {
  constexpr std::string_view kFolders[] = {"jobs/",    "versions/",    "stamped/", "fired/",   "accounts/",
                                           "running/", "lock/",        "hold/",    "workers/", "killer/",
                                           "trigger/", "idempotency/", "nodes/",   "recent/"};
  if (!key.starts_with(prefix_)) return false;
  if (key == fleet() || key == edited() || key == restored()) return true;
  const std::string_view rest = key.substr(prefix_.size());
  return std::any_of(std::begin(kFolders), std::end(kFolders),
                     [&](std::string_view folder) { return rest.starts_with(folder); });
}

std::string marker_floor(WallTime instant) {
  const std::int64_t ms = to_ms(instant);
  CHECK(ms >= 0 && ms < 1'000'000'000'000'000);
  return fmt::format("{:015}", ms);
}

std::string Marker::text() const { return marker_floor(instant) + " " + token; }

Result<Marker> parse_marker(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_word = [&](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-'; };
  const std::string_view digits = text.substr(0, kInstantDigits);
  const std::string_view token = text.size() > kInstantDigits ? text.substr(kInstantDigits + 1) : std::string_view();
  if (digits.size() != kInstantDigits || !std::all_of(digits.begin(), digits.end(), is_digit) || token.empty() ||
      text[kInstantDigits] != ' ' || token.size() > 64 || !std::all_of(token.begin(), token.end(), is_word))
    return fail(Code::Corrupt, "marker '{}': expected 15 digits of milliseconds, a space and a token",
                text.substr(0, 100));
  std::int64_t ms = 0;
  for (const char c : digits) ms = ms * 10 + (c - '0');
  return Marker{from_ms(ms), std::string(token)};
}

std::string encode(const RunningEntry& entry) {
  JsonOut out;
  out.text("run", entry.run.text());
  out.text("phase", to_string(entry.phase));
  out.text("incarnation", entry.incarnation.text());
  out.text("token", entry.token.text());
  out.number("job_revision", entry.job_revision);
  if (entry.fence != 0) out.number("fence", entry.fence);
  out.ms("scheduled_at", entry.scheduled_at);
  out.ms("claimed_at", entry.claimed_at);
  out.ms_if("safe_after", entry.safe_after);
  out.ms_if("not_before", entry.not_before);
  if (entry.locked) out.flag("locked", true);
  if (entry.trigger != domain::Trigger::Schedule) out.text("trigger", to_string(entry.trigger));
  out.text_if("triggered_by", entry.triggered_by);
  out.text_if("reason_text", entry.reason_text);
  out.map_if("parameters", entry.parameters);
  out.text_if("worker", entry.worker.text());
  out.text_if("command", entry.command);
  if (entry.phase == Phase::Ended) write_end(out, entry.end);
  if (!entry.final) out.flag("final", false);
  if (entry.range) {
    out.begin_object("range");
    out.ms("from", entry.range->from);
    out.ms("to", entry.range->to);
    out.number("count", entry.range->count);
    out.text_if("schedule", entry.range->schedule);
    out.text_if("time_zone", entry.range->time_zone);
    out.end_object();
  }
  return out.end();
}

Result<RunningEntry> decode_running(std::string_view json) {
  return decode_object<RunningEntry>("running entry", json, [](const JsonFields& fields, RunningEntry& entry) {
    for (const std::string_view key : {"run", "phase", "incarnation", "token", "job_revision", "scheduled_at"})
      fields.required(key);
    read_run(fields, entry.run);
    read_word(fields, "phase", entry.phase, parse_phase);
    read_name(fields, "incarnation", entry.incarnation);
    read_name(fields, "token", entry.token);
    fields.number("job_revision", entry.job_revision);
    fields.number("fence", entry.fence);
    fields.ms("scheduled_at", entry.scheduled_at);
    fields.ms("claimed_at", entry.claimed_at);
    fields.ms("safe_after", entry.safe_after);
    fields.ms("not_before", entry.not_before);
    fields.flag("locked", entry.locked);
    read_word(fields, "trigger", entry.trigger, domain::parse_trigger);
    fields.text("triggered_by", entry.triggered_by);
    fields.text("reason_text", entry.reason_text);
    fields.map("parameters", entry.parameters);
    read_name(fields, "worker", entry.worker);
    fields.text("command", entry.command);
    fields.flag("final", entry.final);
    if (entry.phase == Phase::Ended) fields.required("end");
    if (const auto* end = fields.object("end"); end != nullptr && entry.phase == Phase::Ended) {
      if (auto read = read_end(*end)) {
        entry.end = std::move(*read);
      } else {
        fields.refuse("end", read.error().message());
      }
    }
    if (const auto* range = fields.object("range")) {
      if (auto read = read_range(*range)) {
        entry.range = std::move(*read);
      } else {
        fields.refuse("range", read.error().message());
      }
    }
  });
}

std::string encode(const LockEntry& entry) {
  JsonOut out;
  out.text("run", entry.run.text());
  out.text("node", entry.node.text());
  out.text("incarnation", entry.incarnation.text());
  out.ms("safe_after", entry.safe_after);
  return out.end();
}

Result<LockEntry> decode_lock(std::string_view json) {
  return decode_object<LockEntry>("lock", json, [](const JsonFields& fields, LockEntry& entry) {
    for (const std::string_view key : {"run", "node", "incarnation"}) fields.required(key);
    read_run(fields, entry.run);
    read_name(fields, "node", entry.node);
    read_name(fields, "incarnation", entry.incarnation);
    fields.ms("safe_after", entry.safe_after);
  });
}

std::string encode(const AccountEntry& entry) {
  JsonOut out;
  out.text("document", entry.document);
  out.ms("from", entry.from);
  out.ms("to", entry.to);
  return out.end();
}

Result<AccountEntry> decode_account(std::string_view json) {
  return decode_object<AccountEntry>("account", json, [](const JsonFields& fields, AccountEntry& entry) {
    for (const std::string_view key : {"document", "from", "to"}) fields.required(key);
    fields.text("document", entry.document);
    fields.ms("from", entry.from);
    fields.ms("to", entry.to);
  });
}

std::string encode(const TriggerEntry& entry) {
  JsonOut out;
  out.text("id", entry.id.text());
  out.text("job", entry.job.text());
  out.text_if("actor", entry.actor);
  out.text_if("reason", entry.reason);
  out.text("requested_at", to_rfc3339_ms(entry.requested_at));
  out.text_if("worker", entry.worker);
  out.map_if("parameters", entry.parameters);
  return out.end();
}

Result<TriggerEntry> decode_trigger(std::string_view json) {
  return decode_object<TriggerEntry>("trigger", json, [](const JsonFields& fields, TriggerEntry& entry) {
    for (const std::string_view key : {"id", "job", "requested_at"}) fields.required(key);
    std::string name;
    fields.text("job", name);
    if (auto job = domain::make_job_name(name)) {
      entry.job = std::move(*job);
    } else {
      fields.refuse("job", "a job name: " + job.error().message());
    }
    read_name(fields, "id", entry.id);
    if (!domain::parse_run_id("a@" + entry.id.text() + ".1")) fields.refuse("id", "letters, digits, '-' and '_'");
    fields.text("actor", entry.actor);
    fields.text("reason", entry.reason);
    fields.rfc3339("requested_at", entry.requested_at);
    fields.text("worker", entry.worker);
    fields.map("parameters", entry.parameters);
  });
}

std::string encode(const KillEntry& entry) {
  JsonOut out;
  out.text_if("actor", entry.actor);
  out.text_if("reason", entry.reason);
  if (entry.requested_at != WallTime{}) out.text("requested_at", to_rfc3339_ms(entry.requested_at));
  if (entry.grace) out.text("grace", to_text(*entry.grace));
  return out.end();
}

Result<KillEntry> decode_kill(std::string_view json) {
  if (json.empty()) return KillEntry{};  // as the reference puts it
  return decode_object<KillEntry>("kill", json, [](const JsonFields& fields, KillEntry& entry) {
    fields.text("actor", entry.actor);
    fields.text("reason", entry.reason);
    fields.rfc3339("requested_at", entry.requested_at);
    if (!fields.has("grace")) return;
    std::string grace;
    fields.text("grace", grace);
    const auto duration = parse_duration(grace);
    if (!duration) return fields.refuse("grace", "a duration like 10s");
    entry.grace = std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
  });
}

namespace {

// Calls `each` with the name and the value of each figure, to write or to read it.
template <typename Load, typename Each>
void each_of_load(Load& load, Each each) {
  each("cpus", load.cpus);
  each("cpu_percent", load.cpu_percent);
  each("memory_bytes", load.memory_bytes);
  each("memory_bytes_max", load.memory_bytes_max);
  each("spool_bytes", load.spool_bytes);
  each("spool_bytes_max", load.spool_bytes_max);
  each("clock_ahead_ms", load.clock_ahead_ms);
  each("store_latency_ms", load.store_latency_ms);
  each("history_latency_ms", load.history_latency_ms);
}

}  // namespace

std::string encode(const WorkerEntry& entry) {
  JsonOut out;
  out.text("node", entry.node.text());
  out.text_if("address", entry.address);
  out.text_if("host", entry.host);
  out.number("pid", entry.pid);
  out.text_if("boot_id", entry.boot_id);
  out.text("incarnation", entry.incarnation.text());
  out.text_if("version", entry.version);
  out.text_if("zone_version", entry.zone_version);
  out.map_if("labels", entry.labels);
  out.number("capacity", entry.capacity);
  out.number("running", entry.running);
  out.flag("accepting", entry.accepting);
  out.text("wall", to_rfc3339_ms(entry.wall));
  out.text("started_at", to_rfc3339_ms(entry.started_at));
  if (entry.load) {
    out.begin_object("load");
    each_of_load(*entry.load, [&](std::string_view key, auto value) { out.number(key, value); });
    out.end_object();
  }
  out.list_if("warnings", entry.warnings);
  out.map_if("refused", entry.refused);
  return out.end();
}

Result<WorkerEntry> decode_worker(std::string_view json) {
  return decode_object<WorkerEntry>("worker entry", json, [](const JsonFields& fields, WorkerEntry& entry) {
    fields.required("node");
    read_name(fields, "node", entry.node);
    fields.text("address", entry.address);
    fields.text("host", entry.host);
    fields.number("pid", entry.pid);
    fields.text("boot_id", entry.boot_id);
    read_name(fields, "incarnation", entry.incarnation);
    fields.text("version", entry.version);
    fields.text("zone_version", entry.zone_version);
    fields.map("labels", entry.labels);
    fields.number("capacity", entry.capacity);
    fields.number("running", entry.running);
    fields.flag("accepting", entry.accepting);
    fields.rfc3339("wall", entry.wall);
    fields.rfc3339("started_at", entry.started_at);
    if (const auto* load = fields.object("load")) {
      const JsonFields inner("load", *load);
      each_of_load(entry.load.emplace(), [&](std::string_view key, auto& into) { inner.number(key, into); });
      if (inner.failure()) fields.refuse("load", inner.failure()->message());
    }
    fields.list("warnings", entry.warnings);
    fields.map("refused", entry.refused);
  });
}

std::string encode(const NodeSettings& settings) {
  JsonOut out;
  out.flag("drain", settings.drain);
  out.map_if("labels", settings.labels);
  out.text_if("by", settings.by);
  out.text_if("reason", settings.reason);
  out.text("at", to_rfc3339_ms(settings.at));
  return out.end();
}

Result<NodeSettings> decode_node_settings(std::string_view json) {
  return decode_object<NodeSettings>("node settings", json, [](const JsonFields& fields, NodeSettings& settings) {
    fields.flag("drain", settings.drain);
    fields.map("labels", settings.labels);
    fields.text("by", settings.by);
    fields.text("reason", settings.reason);
    fields.rfc3339("at", settings.at);
  });
}

std::string encode(const RestoredEntry& entry) {
  JsonOut out;
  out.number("revision", entry.revision);
  out.text_if("by", entry.by);
  out.text("at", to_rfc3339_ms(entry.at));
  return out.end();
}

Result<RestoredEntry> decode_restored(std::string_view json) {
  return decode_object<RestoredEntry>("restored", json, [](const JsonFields& fields, RestoredEntry& entry) {
    fields.required("revision");
    fields.number("revision", entry.revision);
    fields.text("by", entry.by);
    fields.rfc3339("at", entry.at);
  });
}

std::string encode(const FleetEntry& entry) {
  JsonOut out;
  out.number("schema", entry.schema);
  out.text("made_at", to_rfc3339_ms(entry.made_at));
  return out.end();
}

Result<FleetEntry> decode_fleet(std::string_view json) {
  return decode_object<FleetEntry>("fleet entry", json, [](const JsonFields& fields, FleetEntry& entry) {
    fields.required("schema");
    fields.number("schema", entry.schema);
    fields.rfc3339("made_at", entry.made_at);
  });
}

std::optional<std::string_view> after_prefix(std::string_view key, std::string_view prefix) {
  if (!key.starts_with(prefix) || key.size() == prefix.size()) return std::nullopt;
  return key.substr(prefix.size());
}

}  // namespace cronfleet::core
