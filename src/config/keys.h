// config/keys.h: which keys a role has.
#pragma once

#include "config/settings.h"

namespace cronfleet::config {

// Binds every key of the role to the member of `config` that it fills, in the order in which they are printed.
void declare(Settings& settings, StandaloneConfig& config);
void declare(Settings& settings, MasterConfig& config);
void declare(Settings& settings, WorkerConfig& config);

// What follows from the values where nothing was said.
void settle(Settings&, StandaloneConfig&);
void settle(Settings& settings, MasterConfig& config);
void settle(Settings& settings, WorkerConfig& config);

// What no single value shows, and what a key of the reference means here. Called when all sources have been read.
void check(Settings& settings, const StandaloneConfig& config);
void check(Settings& settings, const MasterConfig& config);
void check(Settings& settings, const WorkerConfig& config);

}  // namespace cronfleet::config
