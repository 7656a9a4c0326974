// apps/version.h: which release this is.
#pragma once

#include <string_view>

namespace cronfleet::apps {

inline constexpr std::string_view kVersion = CRONFLEET_VERSION;

}  // namespace cronfleet::apps
