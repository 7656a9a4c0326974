// The routes of workers and alarms. docs/api.yaml says what each takes and answers.
#include "api/api.h"
#include "api/conditions.h"
#include "api/worker_answers.h"
#include "domain/json_writer.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kLabelsMax = 64;
constexpr std::size_t kLabelBytesMax = 256;

void write_map(domain::JsonWriter& json, std::string_view key, const std::map<std::string, std::string>& map) {
  json.key(key).object([&] {
    for (const auto& [name, value] : map) json.member(name, value);
  });
}

std::string encode(const WorkerView& view) {
  domain::JsonWriter json;
  write_worker(json, view);
  return json.take();
}

NodeId node_of(const Call& call) { return NodeId(call.parameter("node")); }

// {"reason": "…"}, or nothing.
Outcome<Intent> intent_of(const Request& request, Effect effect) {
  Intent intent{.by = actor_of(request), .reason = {}, .effect = effect};
  auto problem = read_body(request, Body::Optional, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "reason") {
        intent.reason = reason_of(member);
      } else {
        member.refuse_key({"reason"});
      }
    }
  });
  if (problem) return Refusal(*std::move(problem));
  return intent;
}

Problem not_confirmable(const std::string& code) {
  Problem problem{
      .status = 404,
      .code = "alarm_not_found",
      .detail = "only the alarms restored_store and marker_ahead are confirmed; others end with their cause"};
  problem.errors.push_back({.parameter = "code",
                            .code = problem.code,
                            .detail = problem.detail,
                            .suggestion = std::string(domain::nearest(code, {"restored_store", "marker_ahead"}))});
  return problem;
}

void write_load(domain::JsonWriter& json, const core::WorkerLoad& load) {
  json.key("load").object([&] {
    json.member("cpus", load.cpus);
    json.member("cpu_percent", load.cpu_percent);
    json.member("memory_bytes", load.memory_bytes);
    json.member("memory_bytes_max", load.memory_bytes_max);
    json.member("spool_bytes", load.spool_bytes);
    json.member("spool_bytes_max", load.spool_bytes_max);
    json.member("clock_ahead_ms", load.clock_ahead_ms);
    json.member("store_latency_ms", load.store_latency_ms);
    json.member("history_latency_ms", load.history_latency_ms);
  });
}

Response labels_answer(const WorkerView& view) {
  domain::JsonWriter json;
  json.object([&] {
    json.member("node", view.entry.node.text());
    write_map(json, "labels", view.settings.labels);
    json.member("revision", view.settings_revision);
  });
  Response response{.body = json.take()};
  response.headers.add("ETag", etag_of(view.settings_revision));
  return response;
}

}  // namespace

void write_worker(domain::JsonWriter& json, const WorkerView& view) {
  const core::WorkerEntry& worker = view.entry;
  json.object([&] {
    json.member("node", worker.node.text());
    json.member("state", to_string(view.state));
    if (view.state != WorkerView::State::Gone) {
      json.member("address", worker.address);
      json.member("host", worker.host);
      json.member("pid", worker.pid);
      json.member("version", worker.version);
      json.member("zone_version", worker.zone_version);
      json.member("capacity", worker.capacity);
      json.member("running", worker.running);
      json.member("accepting", worker.accepting);
      if (worker.started_at != WallTime{}) json.member("started_at", to_rfc3339_ms(worker.started_at));
      if (worker.wall != WallTime{}) json.member("seen_at", to_rfc3339_ms(worker.wall));
      if (worker.load) write_load(json, *worker.load);
    } else {
      json.member("runs_left", view.keys_left);
    }
    write_map(json, "labels", worker.labels);
    json.key("warnings").array([&] {
      for (const std::string& warning : worker.warnings) json.value(warning);
    });
    write_map(json, "refused", worker.refused);
    if (view.settings_revision == 0) return;
    json.key("settings").object([&] {
      json.member("drain", view.settings.drain);
      write_map(json, "labels", view.settings.labels);
      json.member("by", view.settings.by);
      json.member("reason", view.settings.reason);
      json.member("at", to_rfc3339_ms(view.settings.at));
      json.member("revision", view.settings_revision);
    });
  });
}

void write_alarms(domain::JsonWriter& json, const std::vector<Alarm>& alarms) {
  json.array([&] {
    for (const Alarm& alarm : alarms) {
      json.object([&] {
        json.member("code", alarm.code);
        if (!alarm.node.empty()) json.member("node", alarm.node);
        if (!alarm.job.empty()) json.member("job", alarm.job);
        json.member("detail", alarm.detail);
        json.member("action", alarm.action);
      });
    }
  });
}

void Api::add_worker_routes(Router& router) {
  const auto add = [&](Method method, const char* pattern, Answer (Api::*handler)(Call&)) {
    router.add({method, pattern, [this, handler](Call& call) { return (this->*handler)(call); }});
  };
  add(Method::Get, "/api/v1/workers", &Api::list_workers);
  add(Method::Get, "/api/v1/workers/{node}", &Api::get_worker);
  router.add({Method::Post, "/api/v1/workers/{node}:drain",
              [this](Call& call) { return drain_worker(call, WorkerCatalogue::Drain::On); }});
  router.add({Method::Post, "/api/v1/workers/{node}:undrain",
              [this](Call& call) { return drain_worker(call, WorkerCatalogue::Drain::Off); }});
  add(Method::Get, "/api/v1/workers/{node}/labels", &Api::get_labels);
  add(Method::Put, "/api/v1/workers/{node}/labels", &Api::put_labels);
  add(Method::Post, "/api/v1/workers/{node}:forget", &Api::forget_worker);
  add(Method::Get, "/api/v1/alarms", &Api::list_alarms);
  add(Method::Post, "/api/v1/alarms/{code}:confirm", &Api::confirm_alarm);
}

Answer Api::list_workers(Call& call) {
  take_stale(call);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto workers = workers_.list(call.reading);
  if (!workers) return Refusal(workers.error());
  domain::JsonWriter json;
  json.object([&] {
    json.key("items").array([&] {
      for (const WorkerView& view : workers->items) write_worker(json, view);
    });
    json.member("revision", workers->revision);
    if (call.reading.stale()) json.member("stale", true);
  });
  return Response{.body = json.take()};
}

Answer Api::get_worker(Call& call) {
  take_stale(call);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto view = workers_.get(node_of(call), call.reading);
  if (!view) return Refusal(view.error());
  return conditional(call.request, {.body = encode(*view)});
}

Answer Api::drain_worker(Call& call, WorkerCatalogue::Drain drain) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto intent = intent_of(call.request, effect);
  if (!intent) return Refusal(intent.error());
  const auto view = workers_.drain(node_of(call), drain, *intent);
  if (!view) return Refusal(view.error());
  if (effect == Effect::Write)
    audit(drain == WorkerCatalogue::Drain::On ? "worker drained" : "worker undrained",
          fmt::format("{} by {}: {}", view->entry.node, intent->by, intent->reason));
  Response response{.body = encode(*view)};
  mark_dry_run(response, effect);
  return response;
}

Answer Api::get_labels(Call& call) {
  take_stale(call);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto view = workers_.get(node_of(call), call.reading);
  if (!view) return Refusal(view.error());
  return conditional(call.request, labels_answer(*view));
}

Answer Api::put_labels(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto precondition = required_precondition_of(call.request);
  if (!precondition) return Refusal(precondition.error());
  if (precondition->kind == Precondition::Kind::Absent)
    return refuse_header("If-None-Match", 400, "invalid_precondition", "labels take If-Match only");
  std::map<std::string, std::string> labels;
  auto problem = read_body(call.request, Body::Required, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue member : root.members()) {
      const auto value = member.text();
      if (!value) continue;
      if (member.key() == "node") member.refuse("is always the id of the worker: no label can say otherwise");
      if (member.key().empty() || member.key().size() > kLabelBytesMax || value->size() > kLabelBytesMax)
        member.refuse(fmt::format("expected a name and a value of at most {} bytes", kLabelBytesMax));
      labels[std::string(member.key())] = std::string(*value);
    }
    if (labels.size() > kLabelsMax)
      root.refuse(fmt::format("expected at most {} labels, found {}", kLabelsMax, labels.size()));
  });
  if (problem) return Refusal(*std::move(problem));
  const Intent intent{.by = actor_of(call.request), .reason = "labels", .effect = effect};
  const auto view = workers_.set_labels(node_of(call), std::move(labels), intent, *precondition);
  if (!view) return Refusal(view.error());
  if (effect == Effect::Write) audit("worker labelled", fmt::format("{} by {}", view->entry.node, intent.by));
  Response response = labels_answer(*view);
  mark_dry_run(response, effect);
  return response;
}

Answer Api::forget_worker(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto intent = intent_of(call.request, effect);
  if (!intent) return Refusal(intent.error());
  const NodeId node = node_of(call);
  const auto forgotten = workers_.forget(node, *intent);
  if (!forgotten) return Refusal(forgotten.error());
  if (effect == Effect::Write)
    audit("worker forgotten",
          fmt::format("{} by {}: {}; locks taken away: {}", node, intent->by, intent->reason, forgotten->jobs.size()));
  domain::JsonWriter json;
  json.object([&] {
    json.member("node", node.text());
    json.key("unlocked").array([&] {
      for (const std::string& job : forgotten->jobs) json.value(job);
    });
  });
  Response response{.body = json.take()};
  mark_dry_run(response, effect);
  return response;
}

Answer Api::list_alarms(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto alarms = workers_.alarms(*jobs_.known(), call.reading);
  if (!alarms) return Refusal(alarms.error());
  domain::JsonWriter json;
  json.object([&] {
    json.key("items");
    write_alarms(json, *alarms);
  });
  return Response{.body = json.take()};
}

Answer Api::confirm_alarm(Call& call) {
  const Effect effect = effect_of(call.query);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto intent = intent_of(call.request, effect);
  if (!intent) return Refusal(intent.error());
  if (call.parameter("code") == "marker_ahead") return bring_markers_back(*intent);
  if (call.parameter("code") != "restored_store") return Refusal(not_confirmable(call.parameter("code")));
  const auto entry = workers_.confirm_restored(*intent);
  if (!entry) return Refusal(entry.error());
  if (effect == Effect::Write)
    audit("restored store confirmed",
          fmt::format("at revision {} by {}: {}", entry->revision, intent->by, intent->reason));
  domain::JsonWriter json;
  json.object([&] {
    json.member("revision", entry->revision);
    json.member("by", entry->by);
    json.member("at", to_rfc3339_ms(entry->at));
  });
  Response response{.body = json.take()};
  mark_dry_run(response, effect);
  return response;
}

Answer Api::bring_markers_back(const Intent& intent) {
  const auto brought = jobs_.bring_markers_back(intent.effect);
  if (!brought) return Refusal(brought.error());
  domain::JsonWriter json;
  json.object([&] {
    json.member("by", intent.by);
    json.member("at", to_rfc3339_ms(parts_.clock.wall()));
    json.key("jobs");
    json.array([&] {
      for (const JobName& job : *brought) json.value(job.text());
    });
  });
  if (intent.effect == Effect::Write)
    for (const JobName& job : *brought)
      audit("marker brought back", fmt::format("of '{}' by {}: {}", job, intent.by, intent.reason));
  Response response{.body = json.take()};
  mark_dry_run(response, intent.effect);
  return response;
}

}  // namespace cronfleet::api
