// sim/shrink.h: makes a failing plan small enough to read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/simulation.h"

namespace cronfleet::sim {

// Leaves out jobs, faults, actions, background faults and time, as long as `invariant` is still violated. At most
// `runs_max` simulations.
Plan shrink(const Plan& plan, const std::string& invariant, int runs_max = 200);

// The plan as a list, in order of time.
std::string describe(const Plan& plan);

// Of a full trace, what lies around the first violation and concerns its job; all of it when `whole`.
std::vector<std::string> around(const Verdict& verdict, bool whole);

// The switches of core::Rules by name, with spaces between.
std::string rule_names();
bool switch_off(core::Rules& rules, std::string_view name);

}  // namespace cronfleet::sim
