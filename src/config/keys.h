// config/keys.h: which keys a role has.
#pragma once

#include "config/settings.h"

namespace cronfleet::config {

// Binds every key of the role to the member of `config` that it fills, in the order in which they are printed.
void declare(Settings& settings, StandaloneConfig& config);

// What no single value shows. Called when all sources have been read.
void check(Settings& settings, const StandaloneConfig& config);

}  // namespace cronfleet::config
