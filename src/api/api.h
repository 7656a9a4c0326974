// api/api.h: API v1 over the two stores: the catalogues, and every route of docs/api.yaml.
//
//   Api api(parts);
//   Router router;
//   api.add_routes(router);
//   HttpServer server(options, router, clock, tokens);
//   api.start();   // on the loop, once the store is known to be ours; until then 503
//
// Handlers decode, call a catalogue and encode. All parts are borrowed and outlive it; the server stops first. Made and
// destroyed on the loop, or while it does not run.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "api/edit_routes.h"
#include "api/event_feed.h"
#include "api/job_catalogue.h"
#include "api/job_list.h"
#include "api/kept_answers.h"
#include "api/overview_routes.h"
#include "api/router.h"
#include "api/run_catalogue.h"
#include "api/worker_catalogue.h"

namespace cronfleet::api {

struct ApiParts {
  coord::CoordStore& store;
  history::RunHistory& history;
  core::Keys keys;
  const cron::ZoneSource& zones;
  const async::Clock& clock;
  TokenSource& tokens;          // safe to call from several threads
  std::string version;          // of this program
  std::string mode;             // "standalone", "master"
  std::string node;             // of the worker in this process; empty: none
  std::size_t page_size = 100;  // of a list where the request names no limit
  async::Timers& timers;
  Rng rng;
  std::string coordination_backend{}, history_backend{};  // "sqlite", "etcd"; "sqlite", "mongodb", "local"
  std::string configuration{};                  // as --print-config shows it: JSON with comments, secrets masked
  std::string kept_elsewhere{};                 // why the history does not have every record; empty: it has
  std::function<StoreHealth()> store_health{};  // safe from any thread; empty: the store's answers are all there is
  // Why `clock` is not to be trusted, empty while it is; safe from any thread. Empty: it always is.
  std::function<std::string()> clock_trouble{};
  // What operators did to the fleet, for the log; from any thread.
  std::function<void(std::string_view what, const std::string& about)> audit{};
};

class Api {
 public:
  explicit Api(ApiParts parts);
  void add_routes(Router& router);
  // Adds `routes` to `router`; until start() they answer 503.
  void add_when_started(Router& router, const Router& routes);
  void start();
  // What follows the stores for event streams: `published` is called from any thread when they have more to send
  // (HttpServer::wake). Ended by end_events(), which is not called on the loop, or at last by the destructor.
  void start_events(std::function<void()> published) { events_.start(std::move(published)); }
  void end_events() { events_.stop(); }

  JobCatalogue& jobs() { return jobs_; }
  RunCatalogue& runs() { return runs_; }
  WorkerCatalogue& workers() { return workers_; }
  const ApiParts& parts() const { return parts_; }

 private:
  void add_job_routes(Router& router);
  void add_run_routes(Router& router);
  void add_worker_routes(Router& router);
  void add_cron_routes(Router& router);
  void add_system_routes(Router& router);
  void add_event_routes(Router& router);
  void add_health_routes(Router& router);

  Answer list_jobs(Call& call);
  Answer get_job(Call& call);
  Answer put_job(Call& call);
  Answer create_job(Call& call);
  Answer delete_job(Call& call);
  Answer run_job(Call& call);
  // 422 worker_not_found, with the worker that was most likely meant.
  Problem no_worker(const std::string& wanted);
  Answer pause_job(Call& call);
  Answer resume_job(Call& call);
  Answer answer_paused(Call& call, std::optional<WallTime> until, const std::string& reason);

  Answer list_runs(Call& call);
  Answer get_run(Call& call);
  Answer get_output(Call& call);
  Answer kill_run(Call& call);

  Answer explain(Call& call);
  Answer list_zones(Call& call);
  Answer list_workers(Call& call);
  Answer get_worker(Call& call);
  Answer drain_worker(Call& call, WorkerCatalogue::Drain drain);
  Answer get_labels(Call& call);
  Answer put_labels(Call& call);
  Answer forget_worker(Call& call);
  Answer list_alarms(Call& call);
  Answer confirm_alarm(Call& call);
  Answer bring_markers_back(const Intent& intent);
  Answer get_events(Call& call);
  Answer system(Call& call);
  Answer ready(Call& call);
  void audit(std::string_view what, const std::string& about) const;

  const ApiParts parts_;
  const WallTime started_at_;
  StoreReader reader_;
  Copies copies_;
  JobCatalogue jobs_;
  JobMatches job_matches_;
  RunCatalogue runs_;
  WorkerCatalogue workers_;
  KeptAnswers kept_;
  EditApi edits_;
  OverviewApi overview_;
  EventFeed events_;
  std::atomic<bool> started_{false};
};

constexpr std::int64_t kPageMax = 500;  // SEC-33

}  // namespace cronfleet::api
