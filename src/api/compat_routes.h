// api/compat_routes.h: the six endpoints of the reference, for clients that were written for it. docs/compatibility.md
// says what they take and answer, and each difference with its reason.
//
//   CompatApi compat(parts);
//   compat.mount(router, http_options);   // before the server is made
//
// The same catalogues as behind API v1 do the work. Off unless compat.enabled says otherwise.
#pragma once

#include <string>

#include "api/http_server.h"
#include "api/job_catalogue.h"
#include "api/run_catalogue.h"
#include "api/worker_catalogue.h"

namespace cronfleet::api {

struct CompatParts {
  JobCatalogue& jobs;
  RunCatalogue& runs;
  WorkerCatalogue& workers;
  history::RunHistory& history;
  std::string time_zone = "UTC";  // written into every job that is saved here
  std::size_t page_size = 20;     // of /job/log where the request names no limit
};

class CompatApi {
 public:
  explicit CompatApi(CompatParts parts);

  // Adds the routes; lets the guard take forms at them, and gives refusals at them, and addresses that nobody has, the
  // form that the reference's clients know.
  void mount(Router& router, HttpOptions& options);
  // Where it is off: the same addresses answer 404 and name the key that turns it on.
  static void mount_absent(Router& router);

 private:
  // The "data" of a success, or what "msg" says of a failure.
  using Data = tl::expected<std::string, std::string>;
  void add(Router& router, const char* path, Data (CompatApi::*handle)(const Request&), bool changes);

  Data save_job(const Request& request);
  Data delete_job(const Request& request);
  Data list_jobs(const Request& request);
  Data kill_job(const Request& request);
  Data list_runs(const Request& request);
  Data list_workers(const Request& request);

  const CompatParts parts_;
};

}  // namespace cronfleet::api
