#include "api/api.h"

namespace cronfleet::api {

Api::Api(ApiParts parts)
    : parts_(std::move(parts)),
      started_at_(parts_.clock.wall()),
      jobs_(parts_.store, parts_.keys, parts_.zones, parts_.clock, parts_.tokens),
      runs_(parts_.store, parts_.history, parts_.keys, parts_.clock) {}

void Api::add_routes(Router& router) {
  add_job_routes(router);
  add_run_routes(router);
  add_cron_routes(router);
  add_system_routes(router);
}

}  // namespace cronfleet::api
