// sim/plan_text.h: a plan as text, so that a failure that was found once is kept as it was, whatever is drawn for its
// seed later on.
//
//   # what it found, and what it once did wrong
//   plan seed=100239 nodes=4 active=63s quiet=1s
//   scheduler lost_after=20s                       only what differs from the defaults, as in every line
//   job {"name":"j3",…}                            the probe of the job is its command
//   create at=1s job=0 chance=7
//   crash at=20s length=300ms node=1 point=claim
//
// One thing a line, times as in job documents. Actions and faults go by the names of plan.h.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "sim/plan.h"

namespace cronfleet::sim {

// Rules are not part of it: a kept plan is run with all of them.
std::string encode_plan(const Plan& plan, std::string_view what);
Result<Plan> decode_plan(std::string_view text);

}  // namespace cronfleet::sim
