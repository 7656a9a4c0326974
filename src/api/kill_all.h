// api/kill_all.h: an order to end every run of one job that is under way.
#pragma once

#include <vector>

#include "api/run_catalogue.h"

namespace cronfleet::api {

// What was ordered, run by run: those that ended or changed hands meanwhile are left out. Durable when it answers.
// Blocks as RunCatalogue does.
Outcome<std::vector<RunView>> kill_all(RunCatalogue& runs, const JobName& job, const KillRequest& request);

}  // namespace cronfleet::api
