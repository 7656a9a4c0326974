#include "runtime/start_request.h"

namespace cronfleet::runtime {

exec::StartRequest start_request(const core::Start& start, const NodeId& node,
                                 const std::map<std::string, std::string>& base) {
  const domain::Job& job = *start.job->job;
  exec::StartRequest request;
  request.run = start.run;
  if (const auto* text = std::get_if<std::string>(&job.command)) {
    request.arguments = job.process->shell;
    request.arguments.push_back(*text);
  } else {
    request.arguments = std::get<std::vector<std::string>>(job.command);
  }
  request.environment = base;
  for (const auto& [name, value] : job.process->environment) request.environment[name] = value;
  for (const domain::Parameter& parameter : *job.parameters)
    if (parameter.default_value) request.environment[parameter.name] = *parameter.default_value;
  for (const auto& [name, value] : start.parameters) request.environment[name] = value;
  request.environment["CRONFLEET_JOB"] = job.name.text();
  request.environment["CRONFLEET_RUN_ID"] = start.run.text();
  request.environment["CRONFLEET_SCHEDULED_AT"] = to_rfc3339(start.scheduled_at);
  request.environment["CRONFLEET_ATTEMPT"] = std::to_string(start.run.attempt);
  request.environment["CRONFLEET_NODE"] = node.text();
  request.environment["CRONFLEET_FENCE"] = std::to_string(start.fence);
  if (!job.process->working_directory.empty()) request.working_directory = job.process->working_directory;
  request.user = job.process->user;
  request.umask = job.process->umask.value_or(022);
  request.limits = job.process->limits;
  request.timeout = job.timing->timeout;
  request.kill_grace = job.timing->kill_grace;
  request.output_bytes_max = job.process->output_bytes_max;
  request.start_at = start.start_at;
  request.not_after = start.not_after;
  request.fence_deadline = start.fence_deadline;
  return request;
}

}  // namespace cronfleet::runtime
