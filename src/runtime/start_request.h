// runtime/start_request.h: from a claimed run to the command line, environment and limits that the executor gets.
#pragma once

#include <map>
#include <string>

#include "core/scheduler.h"
#include "exec/executor.h"

namespace cronfleet::runtime {

// Environment, later ones win: `base`, the job's own, the parameters of a run-now, CRONFLEET_JOB, _RUN_ID,
// _SCHEDULED_AT, _ATTEMPT, _NODE, _FENCE (DESIGN.md §2.1, §5).
exec::StartRequest start_request(const core::Start& start, const NodeId& node,
                                 const std::map<std::string, std::string>& base);

}  // namespace cronfleet::runtime
