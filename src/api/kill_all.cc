#include "api/kill_all.h"

namespace cronfleet::api {

Outcome<std::vector<RunView>> kill_all(RunCatalogue& runs, const JobName& job, const KillRequest& request) {
  history::RunQuery query;
  query.job = job;
  query.limit = 1;
  const auto listed = runs.list(query);  // what is not recorded stands in front of the page
  if (!listed) return Refusal(listed.error());
  std::vector<RunView> ordered;
  for (const RunView& view : listed->items) {
    if (view.recorded || domain::is_final(view.record.end.status) || view.record.worker.empty()) continue;
    const auto killed = runs.kill(view.record.id, request);
    if (killed) {
      ordered.push_back(*killed);
    } else if (killed.error().status != 404 && killed.error().status != 409) {
      return Refusal(killed.error());
    }
  }
  return ordered;
}

}  // namespace cronfleet::api
