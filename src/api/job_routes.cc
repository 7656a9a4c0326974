// The routes of jobs. docs/api.yaml says what each takes and answers.
#include <algorithm>
#include <map>

#include "api/api.h"
#include "api/conditions.h"
#include "api/job_answers.h"
#include "api/job_list.h"
#include "api/url.h"
#include "domain/job_json.h"
#include "domain/json_writer.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kNextFirings = 5;
constexpr std::string_view kAddress = "/api/v1/jobs/";
constexpr WallTime kUntilResumed = from_seconds(253'402'300'799);  // 9999-12-31T23:59:59Z

void write_instants(domain::JsonWriter& json, std::string_view key, const std::vector<WallTime>& instants) {
  json.key(key).array([&] {
    for (const WallTime at : instants) json.value(to_rfc3339_ms(at));
  });
}

}  // namespace

Outcome<JobName> name_of(const Call& call) {
  auto name = domain::make_job_name(call.parameter("name"));
  if (name) return *std::move(name);
  Problem problem{.status = 400, .code = "invalid_name", .detail = name.error().message()};
  problem.errors.push_back({.parameter = "name", .code = "invalid_name", .detail = name.error().message()});
  return Refusal(std::move(problem));
}

// The job as a user would write it: what saves keep for themselves is left out.
std::string document_of(domain::Job job) {
  return domain::encode_job(domain::without_bookkeeping(std::move(job)), domain::Instants::Milliseconds);
}

void write_fields(domain::JsonWriter& json, const JobCatalogue& jobs, const StoredJob& stored, WallTime now) {
  json.member("name", stored.name.text());
  json.member("revision", stored.revision);
  json.member("valid", stored.errors.empty());
  if (stored.job) {
    json.key("job").raw(document_of(*stored.job));
    if (stored.job->since) json.member("since", to_rfc3339_ms(*stored.job->since));
  } else {
    json.member("document", stored.document);
  }
  if (!stored.errors.empty()) {
    json.key("errors").array([&] {
      for (const domain::FieldError& error : stored.errors.errors()) {
        json.object([&] {
          json.member("pointer", error.pointer);
          json.member("detail", error.message);
          if (error.column > 0) json.member("column", error.column);
          if (!error.suggestion.empty()) json.member("suggestion", error.suggestion);
        });
      }
    });
  }
  write_instants(json, "next_firings", jobs.next_firings(stored, now, kNextFirings));
}

// Workers that cannot schedule a job, though its document can be read here: an older release, older zone data.
using RefusedBy = std::map<std::string, std::map<std::string, std::string>>;  // job → node → why
RefusedBy refused_by(const Watched::Copy& workers, const core::Keys& keys) {
  RefusedBy refused;
  for (const Watched::Entry& entry : workers.entries) {
    const auto worker = core::decode_worker(entry->value);
    if (!worker) continue;
    for (const auto& [job, why] : worker->refused) refused[job][entry->key.substr(keys.workers().size())] = why;
  }
  return refused;
}
void write_refused_by(domain::JsonWriter& json, const RefusedBy& refused, const JobName& name) {
  const auto found = refused.find(name.text());
  if (found == refused.end()) return;
  json.key("refused_by").object([&] {
    for (const auto& [node, why] : found->second) json.member(node, why);
  });
}

std::string encode(const JobCatalogue& jobs, const StoredJob& stored) {
  domain::JsonWriter json;
  json.object([&] { write_fields(json, jobs, stored, jobs.now()); });
  return json.take();
}

Outcome<domain::Job> job_of(const Request& request, const JobName& name) {
  if (auto problem = read_body(request, Body::Required, [](const domain::JsonValue&) {}))
    return Refusal(*std::move(problem));
  auto job = domain::decode_job(request.body, name);
  if (!job) return Refusal(problem_of(job.error()));
  return *std::move(job);
}

// A refusal of If-None-Match: * as that of a name, to a client that sent none.
Problem job_exists(Problem refused) {
  refused.status = 409;
  refused.code = "job_exists";
  refused.errors.clear();
  return at_pointer("/name", std::move(refused));
}

Response answer_saved(const JobCatalogue& jobs, const Saved& saved, const Meaning& meaning, Effect effect) {
  domain::JsonWriter json;
  json.object([&] {
    write_fields(json, jobs, saved.job, jobs.now());
    json.member("created", saved.created);
    json.member("changed", saved.changed);
    if (effect == Effect::DryRun) json.member("dry_run", true);
    if (saved.next_firing_before) json.member("next_firing_before", to_rfc3339_ms(*saved.next_firing_before));
    if (meaning.next_firing_after) json.member("next_firing_after", to_rfc3339_ms(*meaning.next_firing_after));
    if (meaning.runs_under_way) json.member("runs_under_way", *meaning.runs_under_way);
    if (!meaning.collisions) return;
    json.key("collisions").object([&] {
      json.member("count", meaning.collisions->count);
      json.key("jobs").array([&] {
        for (const std::string& name : meaning.collisions->jobs) json.value(name);
      });
    });
  });
  const bool created = saved.created && effect == Effect::Write;
  Response response{.status = created ? 201 : 200, .body = json.take()};
  if (saved.job.revision != 0) response.headers.add("ETag", etag_of(saved.job.revision));
  mark_dry_run(response, effect);
  if (created) response.headers.add("Location", std::string(kAddress) + percent_encode(saved.job.name.text()));
  return response;
}

void Api::add_job_routes(Router& router) {
  const auto add = [&](Method method, const char* pattern, Answer (Api::*handler)(Call&)) {
    router.add({method, pattern, [this, handler](Call& call) { return (this->*handler)(call); }});
  };
  add(Method::Get, "/api/v1/jobs", &Api::list_jobs);
  add(Method::Post, "/api/v1/jobs", &Api::create_job);
  add(Method::Get, "/api/v1/jobs/{name}", &Api::get_job);
  add(Method::Put, "/api/v1/jobs/{name}", &Api::put_job);
  add(Method::Delete, "/api/v1/jobs/{name}", &Api::delete_job);
  router.add({.method = Method::Post,
              .pattern = "/api/v1/jobs/{name}:run",
              .handle = [this](Call& call) { return run_job(call); },
              .keeps_key = true});
  add(Method::Post, "/api/v1/jobs/{name}:pause", &Api::pause_job);
  add(Method::Post, "/api/v1/jobs/{name}:resume", &Api::resume_job);
}

Answer Api::list_jobs(Call& call) {
  JobList list = JobList::take(call.query, parts_.page_size);
  take_stale(call);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto jobs = jobs_.list(call.reading);
  if (!jobs) return Refusal(jobs.error());
  if (auto looked = list.look_at_last_runs(*jobs->items, parts_.history); !looked)
    return Refusal(problem_of(looked.error().with("looking for the last runs")));
  const RefusedBy refused = refused_by(*copies_.workers.copy(), parts_.keys);
  const WallTime now = jobs_.now();
  const JobList::Page page = job_matches_.page_of(list, jobs->items, now);
  domain::JsonWriter json;
  json.object([&] {
    json.key("items").array([&] {
      for (const StoredJob* job : page.items) {
        json.object([&] {
          write_fields(json, jobs_, *job, now);
          write_refused_by(json, refused, job->name);
        });
      }
    });
    if (!page.next_cursor.empty()) json.member("next_cursor", page.next_cursor);
    json.member("total", page.total);
    json.member("revision", jobs->revision);
    if (call.reading.stale()) json.member("stale", true);
  });
  return Response{.body = json.take()};
}

Answer Api::get_job(Call& call) {
  take_stale(call);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto stored = jobs_.get(*name, call.reading);
  if (!stored) return Refusal(stored.error());
  Response response;
  response.headers.add("ETag", etag_of(stored->revision));
  if (!client_has(call.request, etag_of(stored->revision))) response.body = encode(jobs_, *stored);
  return conditional(call.request, std::move(response));
}

Answer Api::put_job(Call& call) {
  const Effect effect = call.query.flag("dry_run") ? Effect::DryRun : Effect::Write;
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto precondition = required_precondition_of(call.request);
  if (!precondition) return Refusal(precondition.error());
  auto job = job_of(call.request, *name);
  if (!job) return Refusal(std::move(job.error()));
  const auto saved = jobs_.save(*std::move(job), *precondition, effect);
  if (!saved) return Refusal(saved.error());
  return answer_saved(jobs_, *saved, meaning_of(jobs_, runs_, saved->job), effect);
}

Answer Api::create_job(Call& call) {
  const Effect effect = call.query.flag("dry_run") ? Effect::DryRun : Effect::Write;
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  if (auto problem = precondition_refused(call.request, Makes::Job)) return Refusal(*std::move(problem));
  auto job = job_of(call.request, JobName());
  if (!job) return Refusal(std::move(job.error()));
  auto saved = jobs_.save(*std::move(job), {.kind = Precondition::Kind::Absent}, effect);
  if (!saved && saved.error().status == 412) saved.error() = job_exists(std::move(saved.error()));
  if (!saved) return Refusal(std::move(saved.error()));
  return answer_saved(jobs_, *saved, meaning_of(jobs_, runs_, saved->job), effect);
}

Answer Api::delete_job(Call& call) {
  const Effect effect = call.query.flag("dry_run") ? Effect::DryRun : Effect::Write;
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto precondition = required_precondition_of(call.request);
  if (!precondition) return Refusal(precondition.error());
  if (precondition->kind == Precondition::Kind::Absent)
    return refuse_header("If-None-Match", 400, "invalid_precondition", "a delete takes If-Match only");
  const auto erased = jobs_.erase(*name, *precondition, effect);
  if (!erased) return Refusal(erased.error());
  Response response{.body = encode(jobs_, *erased)};
  mark_dry_run(response, effect);
  return response;
}

Answer Api::run_job(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  if (auto problem = precondition_refused(call.request, Makes::Run)) return Refusal(*std::move(problem));
  const auto key = idempotency_key_of(call.request);
  if (!key) return Refusal(key.error());
  RunRequest request{.actor = actor_of(call.request),
                     .reason = {},
                     .worker = {},
                     .idempotency_key = *key,
                     .digest_of = call.request.body,
                     .effect = effect};
  auto problem = read_body(call.request, Body::Optional, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "reason") {
        request.reason = reason_of(member);
      } else if (member.key() == "worker") {
        request.worker = member.text().value_or("");
      } else if (member.key() == "parameters") {
        for (const domain::JsonValue parameter : member.members())
          if (auto value = domain::read_parameter_value(parameter))
            request.parameters[std::string(parameter.key())] = *std::move(value);
      } else {
        member.refuse_key({"reason", "worker", "parameters"});
      }
    }
  });
  if (problem) return Refusal(*std::move(problem));
  if (!request.worker.empty()) {
    const auto chosen = workers_.get(NodeId(request.worker));
    if (!chosen && chosen.error().status != 404) return Refusal(chosen.error());
    if (!chosen || chosen->state == WorkerView::State::Gone) return Refusal(no_worker(request.worker));
  }
  const auto accepted = jobs_.run_now(*name, request);
  if (!accepted) return Refusal(accepted.error());
  domain::JsonWriter json;
  json.object([&] {
    json.member("run_id", accepted->run.text());
    json.member("repeated", accepted->repeated);
    if (effect == Effect::DryRun) json.member("dry_run", true);
  });
  Response response{.status = effect == Effect::Write ? 202 : 200, .body = json.take()};
  mark_dry_run(response, effect);
  if (effect == Effect::DryRun) return response;
  if (!accepted->repeated)
    audit("run asked for", fmt::format("{} by {}: {}", accepted->run.text(), request.actor, request.reason));
  response.headers.add("Location", "/api/v1/runs/" + percent_encode(accepted->run.text()));
  return response;
}

Problem Api::no_worker(const std::string& wanted) {
  Problem problem = at_pointer(
      "/worker",
      {.status = 422, .code = "worker_not_found", .detail = fmt::format("no worker '{}' is registered", wanted)});
  std::vector<std::string> nodes;
  Reading reading(Reading::From::Copy);
  if (const auto workers = workers_.list(reading); workers)
    for (const WorkerView& view : workers->items)
      if (view.state != WorkerView::State::Gone) nodes.push_back(view.entry.node.text());
  problem.errors.front().suggestion = domain::nearest(wanted, {nodes.begin(), nodes.end()});
  return problem;
}

Answer Api::pause_job(Call& call) {
  std::optional<WallTime> until;
  std::string reason;
  auto problem = read_body(call.request, Body::Optional, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "until") {
        until = member.instant();
        if (until && *until <= jobs_.now()) member.refuse("expected an instant that lies ahead");
      } else if (member.key() == "reason") {
        reason = reason_of(member);
      } else {
        member.refuse_key({"until", "reason"});
      }
    }
  });
  if (problem) return Refusal(*std::move(problem));
  return answer_paused(call, until.value_or(kUntilResumed), reason);
}

Answer Api::resume_job(Call& call) {
  std::string reason;
  auto problem = read_body(call.request, Body::Optional, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "reason") {
        reason = reason_of(member);
      } else {
        member.refuse_key({"reason"});
      }
    }
  });
  if (problem) return Refusal(*std::move(problem));
  return answer_paused(call, std::nullopt, reason);
}

Answer Api::answer_paused(Call& call, std::optional<WallTime> until, const std::string& reason) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto name = name_of(call);
  if (!name) return Refusal(name.error());
  const auto precondition = precondition_of(call.request);
  if (!precondition) return Refusal(precondition.error());
  const auto saved = jobs_.pause(*name, until, *precondition, effect);
  if (!saved) return Refusal(saved.error());
  if (effect == Effect::Write)
    audit(until ? "job paused" : "job resumed", fmt::format("{} by {}: {}", *name, actor_of(call.request), reason));
  return answer_saved(jobs_, *saved, meaning_of(jobs_, runs_, saved->job), effect);
}

}  // namespace cronfleet::api
