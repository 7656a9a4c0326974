// Workers, the system, and how it is. docs/api.yaml says what each takes and answers.
#include "api/api.h"
#include "domain/json_writer.h"

namespace cronfleet::api {
namespace {

void write(domain::JsonWriter& json, const core::WorkerEntry& worker) {
  json.object([&] {
    json.member("node", worker.node.text());
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
    json.key("labels").object([&] {
      for (const auto& [name, value] : worker.labels) json.member(name, value);
    });
    json.key("warnings").array([&] {
      for (const std::string& warning : worker.warnings) json.value(warning);
    });
    json.key("refused").object([&] {
      for (const auto& [job, why] : worker.refused) json.member(job, why);
    });
  });
}

}  // namespace

void Api::add_system_routes(Router& router) {
  router.add({Method::Get, "/api/v1/workers", [this](Call& call) { return list_workers(call); }});
  router.add({Method::Get, "/api/v1/system", [this](Call& call) { return system(call); }});
  router.add(
      {Method::Get, "/healthz", [](Call&) -> Answer { return Response{.body = R"({"status":"ok"})"}; }, Place::Loop});
  router.add({Method::Get, "/readyz", [this](Call& call) { return ready(call); }});
}

Answer Api::list_workers(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto workers = runs_.workers();
  if (!workers) return Refusal(workers.error());
  domain::JsonWriter json;
  json.object([&] {
    json.key("items").array([&] {
      for (const core::WorkerEntry& worker : workers->items) write(json, worker);
    });
    json.member("revision", workers->revision);
  });
  return Response{.body = json.take()};
}

Answer Api::system(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto workers = runs_.workers();
  if (!workers) return Refusal(workers.error());
  domain::JsonWriter json;
  json.object([&] {
    json.member("name", "cronfleet");
    json.member("version", parts_.version);
    json.member("mode", parts_.mode);
    if (!parts_.node.empty()) json.member("node", parts_.node);
    json.member("started_at", to_rfc3339_ms(started_at_));
    json.member("now", to_rfc3339_ms(parts_.clock.wall()));
    json.member("zone_version", parts_.zones.version());
    json.member("revision", workers->revision);
    json.member("workers", workers->items.size());
    json.key("warnings").array([&] {
      json.value("no authentication: everybody on this machine can change jobs and run commands");
    });
  });
  return Response{.body = json.take()};
}

Answer Api::ready(Call&) {
  // Which part is down is for everybody; why is for the log (SEC-35).
  const bool coordination = runs_.coordination_trouble().empty(), history = runs_.history_trouble().empty();
  domain::JsonWriter json;
  json.object([&] {
    json.member("status", coordination && history ? "ready" : "not_ready");
    json.key("dependencies").object([&] {
      json.member("coordination", coordination ? "ok" : "down");
      json.member("history", history ? "ok" : "down");
    });
  });
  return Response{.status = coordination && history ? 200 : 503, .body = json.take()};
}

}  // namespace cronfleet::api
