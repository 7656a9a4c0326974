#include "api/kills.h"

#include "api/conditions.h"

namespace cronfleet::api {

Outcome<KillRequest> kill_request_of(const Request& request) {
  KillRequest wanted{.actor = actor_of(request), .reason = {}, .grace = {}};
  auto problem = read_body(request, Body::Optional, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue member : root.members()) {
      if (member.key() == "reason") {
        wanted.reason = reason_of(member);
      } else if (member.key() == "grace") {
        wanted.grace = member.duration(std::chrono::milliseconds(0), std::chrono::hours(1));  // as kill_grace of a job
      } else {
        member.refuse_key({"reason", "grace"});
      }
    }
  });
  if (problem) return Refusal(*std::move(problem));
  return wanted;
}

Outcome<std::vector<RunView>> kill_all(RunCatalogue& runs, const JobName& job, const KillRequest& request) {
  history::RunQuery query;
  query.job = job;
  query.limit = 1;
  Reading reading;
  const auto listed = runs.list(query, reading);  // what is not recorded stands in front of the page
  if (!listed) return Refusal(listed.error());
  // What the copy does not show may run all the same: "nothing was killed" would be a guess.
  if (reading.stale()) return Refusal(store_away());
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
