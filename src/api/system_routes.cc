// The system, and how it is. docs/api.yaml says what each takes and answers.
#include <algorithm>

#include "api/api.h"
#include "api/api_document.h"
#include "api/conditions.h"
#include "api/worker_answers.h"
#include "domain/json_writer.h"

namespace cronfleet::api {
namespace {

void write(domain::JsonWriter& json, const StoreHealth::Member& member) {
  json.object([&] {
    json.member("endpoint", member.endpoint);
    json.member("answers", member.answers);
    json.member("leader", member.leader);
    json.member("version", member.version);
    json.member("database_bytes", member.database_bytes);
    if (!member.error.empty()) json.member("error", member.error);
  });
}

}  // namespace

std::string_view coordination_state(RunCatalogue& runs, const StoreHealth& health) {
  if (!runs.coordination_trouble().empty()) return "down";
  return health.takes_writes() ? "ok" : "full";
}

std::string_view history_state(RunCatalogue& runs) { return runs.history_trouble().empty() ? "ok" : "down"; }

void Api::add_system_routes(Router& router) {
  router.add({Method::Get, "/api/v1/system", [this](Call& call) { return system(call); }});
}

void Api::add_health_routes(Router& router) {
  router.add({Method::Get, "/healthz",
              [](Call& call) -> Answer {
                if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
                return Response{.body = R"({"status":"ok"})"};
              },
              Place::Loop});
  router.add({Method::Get, "/api/v1/openapi.json",
              [](Call& call) -> Answer {
                if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
                return Response{.body = std::string(api_document())};
              },
              Place::Loop});
  router.add({Method::Get, "/readyz", [this](Call& call) { return ready(call); }});
}

Answer Api::system(Call& call) {
  take_stale(call);
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  const auto workers = workers_.list(call.reading);
  if (!workers) return Refusal(workers.error());
  const StoreHealth health = workers_.health();
  const std::string_view coordination = coordination_state(runs_, health);
  if (coordination == "down") call.reading.store_is_away();  // whoever asks with stale=ok wants to know it too
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
    json.member("workers", std::count_if(workers->items.begin(), workers->items.end(),
                                         [](const WorkerView& view) { return view.state != WorkerView::State::Gone; }));
    if (call.reading.stale()) json.member("stale", true);
    json.key("stores").array([&] {
      const auto store = [&](std::string_view role, const std::string& backend, std::string_view state) {
        json.object([&] {
          json.member("role", role);
          json.member("backend", backend);
          json.member("state", state);
        });
      };
      store("coordination", parts_.coordination_backend, coordination);
      store("history", parts_.history_backend, history_state(runs_));
    });
    json.key("releases").object([&] {
      std::map<std::string, int> releases;
      for (const WorkerView& view : workers->items)
        if (view.state != WorkerView::State::Gone) ++releases[view.entry.version];
      for (const auto& [release, count] : releases) json.member(release, count);
    });
    if (!parts_.configuration.empty()) json.member("configuration", parts_.configuration);
    if (!health.members.empty()) {
      json.key("store_members").array([&] {
        for (const StoreHealth::Member& member : health.members) write(json, member);
      });
    }
    json.key("warnings").array([&] {
      json.value("no authentication: everybody on this machine can change jobs and run commands");
    });
  });
  return Response{.body = json.take()};
}

Answer Api::ready(Call& call) {
  if (auto problem = call.query.problem()) return Refusal(*std::move(problem));
  // Which part is down is for everybody; why is for the log (SEC-35). Without the history it still serves: saves,
  // kills, and what runs; so a balancer must not take every master away for it.
  // Nor for a full store, which still answers reads everywhere alike.
  const std::string_view coordination = started_ ? coordination_state(runs_, workers_.health()) : "down";
  const std::string_view history = history_state(runs_);
  const bool serves = coordination != "down";
  domain::JsonWriter json;
  json.object([&] {
    json.member("status", !serves ? "not_ready" : coordination == "ok" && history == "ok" ? "ready" : "degraded");
    json.key("dependencies").object([&] {
      json.member("coordination", coordination);
      json.member("history", history);
    });
  });
  return Response{.status = serves ? 200 : 503, .body = json.take()};
}

}  // namespace cronfleet::api
