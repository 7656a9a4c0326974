#include "api/version_answers.h"

#include "api/job_answers.h"
#include "domain/job_json.h"
#include "domain/json_reader.h"

namespace cronfleet::api {
namespace {

std::string shown(const JobName& name, std::string_view document) {
  if (const auto job = domain::decode_job(document, name)) return document_of(*job);
  bool is_json = false;
  domain::read_json(document, {}, [&](const domain::JsonValue&) { is_json = true; });
  if (is_json) return std::string(document);
  domain::JsonWriter json;
  json.value(document);
  return json.take();
}

}  // namespace

std::vector<domain::JsonChange> changes_between(const JobName& name, std::string_view before, std::string_view after) {
  return domain::json_changes(shown(name, before), shown(name, after));
}

void write_version(domain::JsonWriter& json, const JobName& name, std::string_view document) {
  const auto job = domain::decode_job(document, name);
  json.member("valid", job.has_value());
  if (!job) {
    json.member("document", document);
    return;
  }
  json.key("job").raw(document_of(*job));
  if (job->since) json.member("since", to_rfc3339_ms(*job->since));
}

void write_changes(domain::JsonWriter& json, const std::vector<domain::JsonChange>& changes) {
  json.key("changes").array([&] {
    for (const domain::JsonChange& change : changes) {
      json.object([&] {
        json.member("pointer", change.pointer);
        if (!change.before.empty()) json.key("before").raw(change.before);
        if (!change.after.empty()) json.key("after").raw(change.after);
      });
    }
  });
}

}  // namespace cronfleet::api
