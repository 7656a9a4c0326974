#include "domain/run_json.h"

#include <algorithm>
#include <limits>

#include "domain/job.h"
#include "domain/json_reader.h"

namespace cronfleet::domain {
namespace {

constexpr std::int64_t kIntegerMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kRunBytesMax = 64u << 20;  // its output may be large

// `started_at` says something only when a process ran.
bool has_started(const RunRecord& record) {
  const RunEnd& end = record.end;
  return end.exit_code || end.signal || end.status == RunStatus::Running || end.started_at < end.ended_at;
}

void text_if(JsonWriter& json, std::string_view key, std::string_view text) {
  if (!text.empty()) json.member(key, text);
}
void instant_if(JsonWriter& json, std::string_view key, WallTime at) {
  if (at != WallTime{}) json.member(key, to_rfc3339_ms(at));
}

template <typename T>
void keep(const std::optional<T>& read, T& into) {
  if (read) into = *read;
}
void read_text(const JsonValue& value, std::string& into) {
  if (const auto text = value.text()) into = *text;
}
template <typename Integer>
void read_integer(const JsonValue& value, std::int64_t least, std::int64_t most, Integer& into) {
  if (const auto number = value.integer(least, most)) into = static_cast<Integer>(*number);
}
template <typename T>
void read_word(const JsonValue& value, std::optional<T> (*parse)(std::string_view), T& into) {
  const auto text = value.text();
  if (!text) return;
  const auto word = parse(*text);
  if (!word) return value.refuse(fmt::format("unknown word {}", quoted(*text)));
  into = *word;
}
void read_us(const JsonValue& value, std::chrono::microseconds& into) {
  if (const auto number = value.integer(0, kIntegerMax)) into = std::chrono::microseconds(*number);
}
void read_id(const JsonValue& value, RunRecord& record) {
  const auto text = value.text();
  if (!text) return;
  auto id = parse_run_id(*text);
  if (!id) return value.refuse(id.error().message());
  record.id = *std::move(id);
}

using Writer = JsonWriter;
using Record = RunRecord;
struct RunField {
  std::string_view name;
  void (*write)(Writer& json, std::string_view name, const Record& record);
  void (*read)(const JsonValue& value, Record& record);  // absent: follows from other fields
};

constexpr RunField kRunFields[] = {
    {"id", [](Writer& json, auto name, const Record& r) { json.member(name, r.id.text()); }, read_id},
    {"job", [](Writer& json, auto name, const Record& r) { json.member(name, r.id.firing.job.text()); }, nullptr},
    {"status", [](Writer& json, auto name, const Record& r) { json.member(name, to_string(r.end.status)); },
     [](const JsonValue& v, Record& r) { read_word(v, parse_run_status, r.end.status); }},
    {"reason", [](Writer& json, auto name, const Record& r) { text_if(json, name, to_string(r.end.reason)); },
     [](const JsonValue& v, Record& r) { read_word(v, parse_reason, r.end.reason); }},
    {"scheduled_at", [](Writer& json, auto name, const Record& r) { instant_if(json, name, r.scheduled_at); },
     [](const JsonValue& v, Record& r) { keep(v.instant(), r.scheduled_at); }},
    {"attempt", [](Writer& json, auto name, const Record& r) { json.member(name, r.id.attempt); }, nullptr},
    {"final", [](Writer& json, auto name, const Record& r) { json.member(name, r.final); },
     [](const JsonValue& v, Record& r) { keep(v.boolean(), r.final); }},
    {"trigger", [](Writer& json, auto name, const Record& r) { json.member(name, to_string(r.trigger)); },
     [](const JsonValue& v, Record& r) { read_word(v, parse_trigger, r.trigger); }},
    {"triggered_by", [](Writer& json, auto name, const Record& r) { text_if(json, name, r.triggered_by); },
     [](const JsonValue& v, Record& r) { read_text(v, r.triggered_by); }},
    {"command", [](Writer& json, auto name, const Record& r) { text_if(json, name, r.command); },
     [](const JsonValue& v, Record& r) { read_text(v, r.command); }},
    {"worker", [](Writer& json, auto name, const Record& r) { text_if(json, name, r.worker.text()); },
     [](const JsonValue& v, Record& r) { r.worker = NodeId(std::string(v.text().value_or(""))); }},
    {"claimed_at", [](Writer& json, auto name, const Record& r) { instant_if(json, name, r.claimed_at); },
     [](const JsonValue& v, Record& r) { keep(v.instant(), r.claimed_at); }},
    {"started_at",
     [](Writer& json, auto name, const Record& r) {
       if (has_started(r)) instant_if(json, name, r.end.started_at);
     },
     [](const JsonValue& v, Record& r) { keep(v.instant(), r.end.started_at); }},
    {"ended_at", [](Writer& json, auto name, const Record& r) { instant_if(json, name, r.end.ended_at); },
     [](const JsonValue& v, Record& r) { keep(v.instant(), r.end.ended_at); }},
    {"late_ms",
     [](Writer& json, auto name, const Record& r) {
       if (has_started(r)) json.member(name, to_ms(r.end.started_at) - to_ms(r.scheduled_at));
     },
     nullptr},
    {"duration_ms",
     [](Writer& json, auto name, const Record& r) {
       if (has_started(r) && is_final(r.end.status)) json.member(name, to_ms(r.end.ended_at) - to_ms(r.end.started_at));
     },
     nullptr},
    {"exit_code",
     [](Writer& json, auto name, const Record& r) {
       if (r.end.exit_code) json.member(name, *r.end.exit_code);
     },
     [](const JsonValue& v, Record& r) { read_integer(v, 0, 255, r.end.exit_code.emplace()); }},
    {"signal",
     [](Writer& json, auto name, const Record& r) {
       if (r.end.signal) json.member(name, *r.end.signal);
     },
     [](const JsonValue& v, Record& r) { read_integer(v, 1, 127, r.end.signal.emplace()); }},
    {"error", [](Writer& json, auto name, const Record& r) { text_if(json, name, r.end.error); },
     [](const JsonValue& v, Record& r) { read_text(v, r.end.error); }},
    {"actor", [](Writer& json, auto name, const Record& r) { text_if(json, name, r.end.actor); },
     [](const JsonValue& v, Record& r) { read_text(v, r.end.actor); }},
    {"output_bytes", [](Writer& json, auto name, const Record& r) { json.member(name, r.end.output_bytes); },
     [](const JsonValue& v, Record& r) { read_integer(v, 0, kIntegerMax, r.end.output_bytes); }},
    {"output_bytes_dropped",
     [](Writer& json, auto name, const Record& r) { json.member(name, r.end.output_bytes_dropped); },
     [](const JsonValue& v, Record& r) { read_integer(v, 0, kIntegerMax, r.end.output_bytes_dropped); }},
    {"cpu_user_us", [](Writer& json, auto name, const Record& r) { json.member(name, r.end.usage.cpu_user.count()); },
     [](const JsonValue& v, Record& r) { read_us(v, r.end.usage.cpu_user); }},
    {"cpu_system_us",
     [](Writer& json, auto name, const Record& r) { json.member(name, r.end.usage.cpu_system.count()); },
     [](const JsonValue& v, Record& r) { read_us(v, r.end.usage.cpu_system); }},
    {"memory_bytes_peak",
     [](Writer& json, auto name, const Record& r) { json.member(name, r.end.usage.memory_bytes_peak); },
     [](const JsonValue& v, Record& r) { read_integer(v, 0, kIntegerMax, r.end.usage.memory_bytes_peak); }},
    {"job_revision", [](Writer& json, auto name, const Record& r) { json.member(name, r.job_revision); },
     [](const JsonValue& v, Record& r) { read_integer(v, 0, kIntegerMax, r.job_revision); }},
    {"fence", [](Writer& json, auto name, const Record& r) { json.member(name, r.fence); },
     [](const JsonValue& v, Record& r) { read_integer(v, 0, kIntegerMax, r.fence); }},
    {"range_count",
     [](Writer& json, auto name, const Record& r) {
       if (r.range_count != 1) json.member(name, r.range_count);
     },
     [](const JsonValue& v, Record& r) { read_integer(v, 1, kIntegerMax, r.range_count); }},
    {"range_from",
     [](Writer& json, auto name, const Record& r) {
       if (r.range_from) json.member(name, to_rfc3339_ms(*r.range_from));
     },
     [](const JsonValue& v, Record& r) { r.range_from = v.instant(); }},
    {"output", [](Writer& json, auto name, const Record& r) { text_if(json, name, r.output); },
     [](const JsonValue& v, Record& r) { read_text(v, r.output); }},
};

void read_run(const JsonValue& root, RunRecord& record) {
  bool has_id = false, has_status = false, has_start = false;
  for (const JsonValue& member : root.members()) {
    const auto* field = std::find_if(std::begin(kRunFields), std::end(kRunFields),
                                     [&](const RunField& f) { return f.name == member.key(); });
    if (field == std::end(kRunFields) || field->read == nullptr) continue;
    field->read(member, record);
    has_id |= field->name == "id";
    has_status |= field->name == "status";
    has_start |= field->name == "started_at";
  }
  if (root.kind() != JsonKind::Object) return;
  if (!has_id) root.refuse_member("id", "missing");
  if (!has_status) root.refuse_member("status", "missing");
  if (!has_start) record.end.started_at = record.end.ended_at;
}

}  // namespace

std::vector<std::string_view> run_field_names() {
  std::vector<std::string_view> names;
  for (const RunField& field : kRunFields) names.push_back(field.name);
  return names;
}

void write_run(JsonWriter& json, const RunRecord& record, const std::vector<std::string_view>& fields) {
  json.object([&] {
    for (const RunField& field : kRunFields) {
      const bool wanted = fields.empty() || std::find(fields.begin(), fields.end(), field.name) != fields.end();
      if (wanted) field.write(json, field.name, record);
    }
  });
}

std::string encode_run(const RunRecord& record, const std::vector<std::string_view>& fields) {
  JsonWriter json;
  write_run(json, record, fields);
  return json.take();
}

tl::expected<RunRecord, DocumentErrors> decode_run(std::string_view text) {
  RunRecord record;
  DocumentErrors errors =
      read_json(text, {kRunBytesMax, JsonComments::Refused}, [&](const JsonValue& root) { read_run(root, record); });
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return record;
}

}  // namespace cronfleet::domain
