// api/overview_routes.h: firings, expected and past, and what an overview needs in one call. docs/api.yaml says what
// each route takes and answers.
#pragma once

#include "api/job_catalogue.h"
#include "api/router.h"
#include "api/run_catalogue.h"

namespace cronfleet::api {

struct OverviewParts {
  JobCatalogue& jobs;
  RunCatalogue& runs;
  history::RunHistory& history;
  const cron::ZoneSource& zones;
};

struct ExpectedFiring {
  WallTime at{};
  std::string job;
  friend auto operator<=>(const ExpectedFiring&, const ExpectedFiring&) = default;
};

class OverviewApi {
 public:
  explicit OverviewApi(OverviewParts parts) : parts_(parts) {}
  void add_routes(Router& router);

  // The first `limit` firings in (after, until), of all jobs or of one, by time and name. Costs one look at each job
  // and what lies in the range.
  Outcome<std::vector<ExpectedFiring>> expected(const std::optional<JobName>& job, WallTime after, WallTime until,
                                                std::size_t limit, Reading& reading);

 private:
  Answer list_firings(Call& call);
  Answer statistics(Call& call);
  Answer glance(Call& call);
  Answer count_firings(Call& call);

  const OverviewParts parts_;
};

}  // namespace cronfleet::api
