// apps/doctor_command.h: `cronfleet doctor`: looks at everything that a service of ours needs on this machine and in
// its fleet, and says of each red line what to do.
#pragma once

#include <CLI/App.hpp>

namespace cronfleet::apps {

// `exit_code`: 0 when no line is red, 1 when one is, 78 when the configuration cannot be read.
void add_doctor_command(CLI::App& app, int& exit_code);

}  // namespace cronfleet::apps
