#include "api/api.h"

#include "api/conditions.h"

namespace cronfleet::api {

Api::Api(ApiParts parts)
    : parts_(std::move(parts)),
      started_at_(parts_.clock.wall()),
      reader_(parts_.store, parts_.clock),
      copies_(parts_.store, parts_.timers, parts_.clock, parts_.rng, parts_.keys),
      jobs_(parts_.store, reader_, copies_.jobs, parts_.keys, parts_.zones, parts_.clock, parts_.tokens,
            parts_.clock_trouble),
      runs_(parts_.store, reader_, copies_, parts_.history, parts_.kept_elsewhere, parts_.keys, parts_.clock),
      workers_(parts_.store, reader_, copies_, parts_.keys, parts_.clock, parts_.store_health, parts_.clock_trouble,
               [this] { return runs_.history_trouble(); }),
      kept_(parts_.store, parts_.keys, parts_.clock, parts_.tokens),
      edits_({.jobs = jobs_,
              .runs = runs_,
              .store = parts_.store,
              .keys = parts_.keys,
              .zones = parts_.zones,
              .audit = parts_.audit}),
      overview_({.jobs = jobs_, .runs = runs_, .history = parts_.history, .zones = parts_.zones}),
      events_({.copies = copies_,
               .jobs = jobs_,
               .runs = runs_,
               .workers = workers_,
               .keys = parts_.keys,
               .clock = parts_.clock,
               .tokens = parts_.tokens}) {}

namespace {

// What answers JSON says so to whoever takes none, and does not send it all the same. Writes are done either way: what
// they answer is a receipt.
Route in_json(Route route) {
  if (route.method != Method::Get) return route;
  route.handle = [handle = std::move(route.handle)](Call& call) -> Answer {
    static constexpr std::string_view kJson = "application/json";
    if (negotiate(call.request, {kJson})) return handle(call);
    return refuse_header("Accept", 406, "not_acceptable",
                         "this address answers as {}; leave out Accept, or let it take that", kJson);
  };
  return route;
}

Route without_body(Route route) {
  if (route.takes_body && !is_safe(route.method) && route.method != Method::Delete) return route;
  route.handle = [handle = std::move(route.handle)](Call& call) -> Answer {
    if (auto problem = body_refused(call.request)) return Refusal(*std::move(problem));
    return handle(call);
  };
  return route;
}

// As of which revision of the store, and whether there may be a newer one (API-9).
Answer told(const Call& call, Answer answer) {
  if (is_safe(call.request.method)) call.reading.tell(answer ? answer->headers : answer.error().headers);
  return answer;
}

}  // namespace

void Api::add_routes(Router& router) {
  Router all;
  add_job_routes(all);
  edits_.add_routes(all);
  overview_.add_routes(all);
  add_worker_routes(all);
  add_system_routes(all);
  Router json;
  for (const Route& route : all.routes()) json.add(in_json(route));
  add_run_routes(json);
  add_event_routes(json);
  Router once;
  for (const Route& served : json.routes()) {
    Route route = without_body(served);
    if (route.method == Method::Post && route.writes && !route.keeps_key)
      route.handle = [this, handle = std::move(route.handle)](Call& call) { return kept_.once(call, handle); };
    once.add(std::move(route));
  }
  add_when_started(router, once);
  Router cron;
  add_cron_routes(cron);
  for (const Route& route : cron.routes()) router.add(without_body(in_json(route)));
  Router health;
  add_health_routes(health);
  for (const Route& route : health.routes()) router.add(without_body(route));
}

void Api::add_when_started(Router& router, const Router& routes) {
  for (Route route : routes.routes()) {
    // What needs the store waits until it is known to be ours.
    route.handle = [this, handle = std::move(route.handle)](Call& call) -> Answer {
      if (started_) return told(call, handle(call));
      Problem problem{.status = 503,
                      .code = "starting",
                      .detail = "the coordination store has not answered yet",
                      .retry_after = std::chrono::seconds(2)};
      return Refusal(std::move(problem));
    };
    router.add(std::move(route));
  }
}

void Api::start() {
  copies_.start();
  started_ = true;
}

void Api::audit(std::string_view what, const std::string& about) const {
  if (parts_.audit) parts_.audit(what, about);
}

}  // namespace cronfleet::api
