// api/api.h: API v1 over the two stores: the catalogues, and every route of docs/api.yaml.
//
//   Api api(parts);
//   Router router;
//   api.add_routes(router);
//   HttpServer server(options, router, clock, tokens);
//
// Handlers decode, call a catalogue and encode. All parts are borrowed and outlive it; the server stops first.
#pragma once

#include <string>

#include "api/job_catalogue.h"
#include "api/router.h"
#include "api/run_catalogue.h"

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
};

class Api {
 public:
  explicit Api(ApiParts parts);
  void add_routes(Router& router);

  JobCatalogue& jobs() { return jobs_; }
  RunCatalogue& runs() { return runs_; }

 private:
  void add_job_routes(Router& router);
  void add_run_routes(Router& router);
  void add_cron_routes(Router& router);
  void add_system_routes(Router& router);

  Answer list_jobs(Call& call);
  Answer get_job(Call& call);
  Answer put_job(Call& call);
  Answer create_job(Call& call);
  Answer delete_job(Call& call);
  Answer run_job(Call& call);

  Answer list_runs(Call& call);
  Answer get_run(Call& call);
  Answer get_output(Call& call);
  Answer kill_run(Call& call);

  Answer explain(Call& call);
  Answer list_zones(Call& call);
  Answer list_workers(Call& call);
  Answer system(Call& call);
  Answer ready(Call& call);

  const ApiParts parts_;
  const WallTime started_at_;
  JobCatalogue jobs_;
  RunCatalogue runs_;
};

constexpr std::int64_t kPageMax = 500;  // SEC-33

}  // namespace cronfleet::api
