// cli/version.h: which release this is.
#pragma once

#include <string_view>

namespace cronfleet::cli {

inline constexpr std::string_view kVersion = CRONFLEET_VERSION;

}  // namespace cronfleet::cli
