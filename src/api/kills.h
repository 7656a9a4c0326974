// api/kills.h: orders to end runs: what a request asks for, and every run of one job at once.
#pragma once

#include <vector>

#include "api/run_catalogue.h"

namespace cronfleet::api {

// What the body asks for, and who asks. 400 invalid_json, 422 invalid_body.
Outcome<KillRequest> kill_request_of(const Request& request);

// What was ordered, run by run: those that ended or changed hands meanwhile are left out. Durable when it answers.
// Blocks as RunCatalogue does.
Outcome<std::vector<RunView>> kill_all(RunCatalogue& runs, const JobName& job, const KillRequest& request);

}  // namespace cronfleet::api
