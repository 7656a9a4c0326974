#include "api/edit_routes.h"

#include <algorithm>
#include <charconv>

#include "api/conditions.h"
#include "api/kills.h"
#include "api/version_answers.h"
#include "async/await.h"
#include "cron/query.h"
#include "domain/job_json.h"
#include "domain/json_merge.h"

namespace cronfleet::api {
namespace {

constexpr int kTriesMax = 8;

// A mistake of the document that a change made: the places are those of a text that the client never saw.
Problem problem_of_result(const domain::DocumentErrors& errors) {
  Problem problem = problem_of(errors);
  for (Mistake& mistake : problem.errors) {
    if (mistake.line == 0) continue;
    mistake.line = 0;
    mistake.column = 0;
  }
  problem.detail = errors.errors().front().pointer + ": " + errors.errors().front().message;
  return problem;
}

Outcome<core::Revision> revision_of(std::string_view text) {
  core::Revision revision = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (error == std::errc() && end == text.data() + text.size() && revision > 0) return revision;
  return refuse_parameter("revision", 400, "invalid_revision", "a revision is a whole number from 1");
}

}  // namespace

void EditApi::add_routes(Router& router) {
  const auto add = [&](Method method, const char* pattern, Answer (EditApi::*handler)(Call&)) {
    router.add({method, pattern, [this, handler](Call& call) { return (this->*handler)(call); }});
  };
  add(Method::Patch, "/api/v1/jobs/{name}", &EditApi::patch_job);
  add(Method::Post, "/api/v1/jobs/{name}:clone", &EditApi::clone_job);
  add(Method::Post, "/api/v1/jobs:batch", &EditApi::batch);
  add(Method::Get, "/api/v1/jobs/{name}:explain", &EditApi::explain_job);
  add(Method::Post, "/api/v1/jobs/{name}:kill", &EditApi::kill_job);
  add(Method::Get, "/api/v1/jobs/{name}/versions", &EditApi::list_versions);
  add(Method::Get, "/api/v1/jobs/{name}/versions/{revision}", &EditApi::get_version);
  add(Method::Get, "/api/v1/jobs/{name}/versions/{revision}:diff", &EditApi::diff_versions);
  router.add({.method = Method::Post,
              .pattern = "/api/v1/jobs/{name}/versions/{revision}:restore",
              .handle = [this](Call& call) { return restore_version(call); },
              .takes_body = false});
}

Response EditApi::answer(const Saved& saved, Effect effect) {
  return answer_saved(parts_.jobs, saved, meaning_of(parts_.jobs, parts_.runs, saved.job), effect);
}

Outcome<Saved> EditApi::patched(const JobName& name, std::string_view patch, const Precondition& precondition,
                                Effect effect) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto stored = parts_.jobs.get(name);
    if (!stored) return Refusal(stored.error());
    const auto& wanted = precondition.revisions;
    const bool any = precondition.kind == Precondition::Kind::Any;
    if (!any && std::find(wanted.begin(), wanted.end(), stored->revision) == wanted.end())
      return refuse(412, "precondition_failed", "job '{}' has changed: it is at revision {}", name, stored->revision);
    if (!stored->job)
      return refuse(409, "unreadable_job", "what stands there cannot be read, so it cannot be patched: replace it");
    auto job = domain::decode_job(domain::merge_patch(document_of(*stored->job), patch), name);
    if (!job) return Refusal(problem_of_result(job.error()));
    auto saved = parts_.jobs.save(*std::move(job),
                                  {.kind = Precondition::Kind::Revision, .revisions = {stored->revision}}, effect);
    if (saved || saved.error().status != 412 || !any) return saved;
  }
  return refuse(503, "busy", "the job was changed by others again and again; nothing has changed");
}

Answer EditApi::patch_job(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto precondition = required_precondition_of(call.request);
  if (!precondition) return Refusal(precondition.error());
  if (precondition->kind == Precondition::Kind::Absent)
    return refuse_header("If-None-Match", 400, "invalid_precondition", "a patch takes If-Match only");
  auto problem = read_body(call.request, Body::Required, [](const domain::JsonValue& root) {
    if (root.kind() != domain::JsonKind::Object) root.refuse_kind("an object");
  });
  if (problem) return Refusal(*std::move(problem));
  const auto saved = patched(*name, call.request.body, *precondition, effect);
  if (!saved) return Refusal(saved.error());
  return answer(*saved, effect);
}

Answer EditApi::clone_job(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  if (auto problem = precondition_refused(call.request, Makes::Job)) return Refusal(*std::move(problem));
  std::string to;
  bool enabled = false;
  auto problem = read_body(call.request, Body::Required, [&](const domain::JsonValue& root) {
    bool has_name = false;
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "name") {
        has_name = true;
        const auto text = member.text();
        if (!text) continue;
        to = *text;
        if (const auto valid = domain::make_job_name(to); !valid) member.refuse(valid.error().message());
      } else if (member.key() == "enabled") {
        enabled = member.boolean().value_or(false);
      } else {
        member.refuse_key({"name", "enabled"});
      }
    }
    if (!has_name) root.refuse_member("name", "missing");
  });
  if (problem) return Refusal(*std::move(problem));
  auto stored = parts_.jobs.get(*name);
  if (!stored) return Refusal(std::move(stored.error()));
  if (!stored->job) return refuse(409, "unreadable_job", "what stands there cannot be read, so it cannot be copied");
  domain::Job job = domain::without_bookkeeping(*std::move(stored->job));
  job.name = JobName(to);
  job.enabled = enabled;
  auto saved = parts_.jobs.save(std::move(job), {.kind = Precondition::Kind::Absent}, effect);
  if (!saved && saved.error().status == 412) saved.error() = job_exists(std::move(saved.error()));
  if (!saved) return Refusal(std::move(saved.error()));
  return answer(*saved, effect);
}

Answer EditApi::explain_job(Call& call) {
  Query& query = call.query;
  const auto from = query.instant("from");
  const auto count = query.integer("count", 1, cron::kFiringsMax).value_or(10);
  const bool chinese = query.choice("language", {"en", "zh"}) == "zh";
  take_stale(call);
  if (auto problem = query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto stored = parts_.jobs.get(*name, call.reading);
  if (!stored) return Refusal(stored.error());
  if (!stored->job || !stored->errors.empty()) return Refusal(problem_of(stored->errors));
  const domain::Job& job = *stored->job;
  const WallTime begin = from.value_or(parts_.jobs.now());
  const auto explanation = cron::explain({.expression = job.schedule,
                                          .time_zone = job.time_zone->empty() ? "UTC" : *job.time_zone,
                                          .from = begin,
                                          .count = 1,
                                          .key = name->text(),
                                          .language = chinese ? cron::Language::Chinese : cron::Language::English},
                                         parts_.zones);
  if (!explanation) return refuse(422, "invalid_expression", "{}", explanation.error().message);
  const auto firings = parts_.jobs.next_firings(*stored, begin, static_cast<std::size_t>(count));
  domain::JsonWriter json;
  json.object([&] {
    json.member("name", name->text());
    json.member("revision", stored->revision);
    json.member("expression", job.schedule);
    json.member("time_zone", explanation->next.zone->name());
    json.member("sentence", explanation->description.sentence);
    json.key("notes").array([&] {
      for (const std::string& note : explanation->description.notes) json.value(note);
    });
    json.member("enabled", job.enabled);
    if (job.window->paused_until) json.member("paused_until", to_rfc3339_ms(*job.window->paused_until));
    if (job.window->starts_at) json.member("starts_at", to_rfc3339_ms(*job.window->starts_at));
    if (job.window->ends_at) json.member("ends_at", to_rfc3339_ms(*job.window->ends_at));
    json.key("firings").array([&] {
      for (const WallTime at : firings) json.value(to_rfc3339_ms(at));
    });
  });
  return Response{.body = json.take()};
}

Answer EditApi::kill_job(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  auto request = kill_request_of(call.request);
  if (!request) return Refusal(request.error());
  request->effect = effect;
  // A job that is gone may have runs under way still.
  const auto killed = kill_all(parts_.runs, *name, *request);
  if (!killed) return Refusal(killed.error());
  if (effect == Effect::Write && parts_.audit)
    parts_.audit("runs killed",
                 fmt::format("{} of {} by {}: {}", killed->size(), *name, request->actor, request->reason));
  domain::JsonWriter json;
  json.object([&] {
    json.key("runs").array([&] {
      for (const RunView& view : *killed) json.value(view.record.id.text());
    });
  });
  Response response{.status = effect == Effect::Write ? 202 : 200, .body = json.take()};
  mark_dry_run(response, effect);
  return response;
}

// --- versions ---
Outcome<std::vector<EditApi::Version>> EditApi::versions_of(const JobName& name, Reading& reading) {
  // The current one first: a save meanwhile leaves it among the older ones too.
  const auto current = parts_.jobs.get(name, reading);
  if (!current && current.error().status != 404) return Refusal(current.error());
  const std::string prefix = parts_.keys.versions() + name.text() + "/";
  const auto older = async::await<coord::Listing>([&](auto done) { parts_.store.list(prefix, std::move(done)); });
  if (!older) return Refusal(problem_of(older.error().with("listing versions of job '{}'", name)));
  reading.saw(older->revision);
  std::vector<Version> versions;
  for (const core::KeyValue& entry : older->entries) {
    const auto revision = revision_of(std::string_view(entry.key).substr(prefix.size()));
    if (revision) versions.push_back({.revision = *revision, .document = entry.value});
  }
  if (current) {
    std::erase_if(versions, [&](const Version& version) { return version.revision == current->revision; });
    versions.push_back({.revision = current->revision, .document = current->document, .current = true});
  }
  if (versions.empty()) return Refusal(current.error());
  std::sort(versions.begin(), versions.end(), [](const Version& a, const Version& b) {
    return std::pair(a.current, a.revision) > std::pair(b.current, b.revision);
  });
  return versions;
}

Answer EditApi::list_versions(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto versions = versions_of(*name, call.reading);
  if (!versions) return Refusal(versions.error());
  domain::JsonWriter json;
  json.object([&] {
    json.key("items").array([&] {
      for (auto version = versions->begin(); version != versions->end(); ++version) {
        const auto before = std::next(version);
        json.object([&] {
          json.member("revision", version->revision);
          json.member("current", version->current);
          const auto job = domain::decode_job(version->document, *name);
          json.member("valid", job.has_value());
          if (job && job->since) json.member("since", to_rfc3339_ms(*job->since));
          if (before == versions->end()) return;
          json.key("changes").array([&] {
            for (const auto& change : changes_between(*name, before->document, version->document))
              json.value(change.pointer);
          });
        });
      }
    });
  });
  return Response{.body = json.take()};
}

Answer EditApi::get_version(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto revision = revision_of(call.parameter("revision"));
  if (!revision) return Refusal(revision.error());
  const auto versions = versions_of(*name, call.reading);
  if (!versions) return Refusal(versions.error());
  for (const Version& version : *versions) {
    if (version.revision != *revision) continue;
    domain::JsonWriter json;
    json.object([&] {
      json.member("name", name->text());
      json.member("revision", version.revision);
      json.member("current", version.current);
      write_version(json, *name, version.document);
    });
    return conditional(call.request, {.body = json.take()});
  }
  return refuse_parameter("revision", 404, "version_not_found", "no version {} of job '{}' is kept", *revision, *name);
}

Answer EditApi::diff_versions(Call& call) {
  const auto against = call.query.integer("against", 1, std::numeric_limits<std::int64_t>::max());
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto revision = revision_of(call.parameter("revision"));
  if (!revision) return Refusal(revision.error());
  const auto versions = versions_of(*name, call.reading);
  if (!versions) return Refusal(versions.error());
  const auto find = [&](core::Revision wanted) {
    return std::find_if(versions->begin(), versions->end(),
                        [wanted](const Version& version) { return version.revision == wanted; });
  };
  const auto to = find(*revision);
  const auto from = against ? find(*against) : to == versions->end() ? to : std::next(to);
  if (to == versions->end())
    return refuse_parameter("revision", 404, "version_not_found", "no version {} of job '{}'", *revision, *name);
  if (from == versions->end() && against)
    return refuse_parameter("against", 404, "version_not_found", "no version {} of job '{}'", *against, *name);
  domain::JsonWriter json;
  json.object([&] {
    json.member("name", name->text());
    if (from != versions->end()) json.member("from", from->revision);
    json.member("to", to->revision);
    const std::string before = from != versions->end() ? from->document : "{}";
    write_changes(json, changes_between(*name, before, to->document));
  });
  return conditional(call.request, {.body = json.take()});
}

Answer EditApi::restore_version(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto revision = revision_of(call.parameter("revision"));
  if (!revision) return Refusal(revision.error());
  const auto precondition = required_precondition_of(call.request);
  if (!precondition) return Refusal(precondition.error());
  const auto versions = versions_of(*name, call.reading);
  if (!versions) return Refusal(versions.error());
  for (const Version& version : *versions) {
    if (version.revision != *revision) continue;
    auto job = domain::decode_job(version.document, *name);
    if (!job) return Refusal(problem_of_result(job.error()));
    const auto saved = parts_.jobs.save(domain::without_bookkeeping(*std::move(job)), *precondition, effect);
    if (!saved) return Refusal(saved.error());
    return answer(*saved, effect);
  }
  return refuse_parameter("revision", 404, "version_not_found", "no version {} of job '{}' is kept", *revision, *name);
}

}  // namespace cronfleet::api
